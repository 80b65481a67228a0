# Two images from one file: `worker` runs everything but the demo's feeder, `demo` is the feeder.
# Versions come with hashes from deploy/requirements*.txt (`make lock-images`).

FROM python:3.12.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# The libraries first: they change less often than our own code.
COPY deploy/requirements.txt deploy/
RUN python -m venv /opt/penchant
RUN /opt/penchant/bin/python -m pip install --require-hashes --only-binary=:all: --requirement deploy/requirements.txt
COPY deploy/requirements-build.txt deploy/
RUN python -m venv /opt/build
RUN /opt/build/bin/python -m pip install --require-hashes --only-binary=:all: --requirement deploy/requirements-build.txt
COPY pyproject.toml README.md ./
COPY models models
COPY streams streams
RUN /opt/build/bin/python -m build --wheel --no-isolation --outdir /opt/wheels
RUN /opt/penchant/bin/python -m pip install --no-index --no-deps --find-links /opt/wheels penchant
RUN /opt/penchant/bin/python -m compileall -q /opt/penchant/lib

FROM build AS build-demo
COPY deploy/requirements-demo.txt deploy/
RUN /opt/penchant/bin/python -m pip install --require-hashes --only-binary=:all: --requirement deploy/requirements-demo.txt

FROM python:3.12.12-slim-bookworm AS base
LABEL org.opencontainers.image.title="penchant" \
      org.opencontainers.image.description="Propensity scores with reasons, learned online from a Kafka topic" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/penchant/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PENCHANT_WEB_HOST=0.0.0.0 \
    PENCHANT_DATA_DIR=/tmp/penchant
RUN groupadd --system --gid 10001 penchant && useradd --system --uid 10001 --gid 10001 --no-create-home penchant
WORKDIR /tmp
USER 10001:10001

FROM base AS demo
COPY --from=build-demo /opt/penchant /opt/penchant
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["python -m streams.demo.journey > /tmp/journey.jsonl && exec penchant send /etc/penchant/goals.yaml /tmp/journey.jsonl --speed \"${DEMO_SPEED:-86400}\""]

FROM base AS worker
COPY --from=build /opt/penchant /opt/penchant
EXPOSE 6066
STOPSIGNAL SIGTERM
# Ready is: recovered, and not in the middle of a rebalance.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('PENCHANT_WEB_PORT', '6066') + '/readyz', timeout=3)"]
ENTRYPOINT ["penchant"]
CMD ["worker", "/etc/penchant/goals.yaml"]
