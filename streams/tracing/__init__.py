"""OpenTelemetry traces of runs, for those who ask for them.

See :mod:`streams.tracing.runs` and :mod:`streams.tracing.training`.

``PENCHANT_TRACES`` is the share of runs that is recorded. Where it is 0 nothing of OpenTelemetry is
imported and the worker is wired as if this package were not there.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from models.errors import PenchantError
from streams.settings import Settings
from streams.topics import Topics

if TYPE_CHECKING:
    from streams.tracing.runs import RunTraces
    from streams.tracing.training import TrainingTraces

NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


class Traces(NamedTuple):
    """What records the runs of a worker.

    Parameters
    ----------
    scoring
        Those of the events topic.
    training
        Those of the examples topic.
    """

    scoring: RunTraces
    training: TrainingTraces


def traces_of(settings: Settings, topics: Topics) -> Traces | None:
    """What records the runs of a worker; None when nobody asked for it.

    Raises
    ------
    PenchantError
        OpenTelemetry is not installed.
    """
    if not settings.traces:
        return None
    if not all(_is_there(name) for name in NEEDED):
        raise PenchantError("PENCHANT_TRACES needs OpenTelemetry: pip install 'penchant[otel]'")
    # Only for those who asked: it takes memory and a moment to load.
    from streams.tracing.exporting import new_provider  # noqa: PLC0415
    from streams.tracing.runs import RunTraces  # noqa: PLC0415
    from streams.tracing.training import TrainingTraces  # noqa: PLC0415

    scoring = RunTraces(new_provider(settings.traces), topics, settings.prefix)
    return Traces(scoring, TrainingTraces(scoring))


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
