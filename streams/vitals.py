"""Whether a worker lives, is ready, and gets on: for /livez, /readyz and the metrics."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Mapping, Set
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import faust
from faust.types import TP

from streams.metrics import Metrics
from streams.settings import Settings
from streams.snapshots import SnapshotReader
from streams.topics import Topics
from streams.transport.recovery import changes_left, seconds_taken

#: Where Linux says how much memory a control group may use: version 2, version 1.
CONTROL_GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


class Vitals:
    """What there is to say about a worker's health.

    Parameters
    ----------
    app
        Its Faust app.
    settings
        How long it may stand still.
    topics
        Which ones it reads.
    metrics
        Where it is shown.
    snapshots
        Must have caught up before it is ready.
    """

    def __init__(
        self,
        app: faust.App,
        settings: Settings,
        topics: Topics,
        metrics: Metrics,
        snapshots: SnapshotReader,
    ) -> None:
        self._app: Any = app
        self._patience = settings.live_within
        self._topics = topics
        self._metrics = metrics
        self._snapshots = snapshots
        #: Source partitions in which records wait -> since when they have not got on; and those
        #: in which some wait that could be read.
        self._since: dict[TP, float] = {}
        self._stuck: dict[TP, float] = {}
        self._done: dict[TP, int] = {}
        #: How far getting ready was when last asked, and when that was first seen.
        self._ahead: tuple[Any, float] = (None, 0.0)
        self._show(settings)

    @property
    def recovering(self) -> bool:
        """Whether tables are being read from their changelogs."""
        return bool(self._app.tables.recovery.in_recovery)

    @property
    def settled(self) -> bool:
        """Whether partitions are assigned and their tables read."""
        recovered: bool = self._app.tables.recovery.completed.is_set()
        return recovered and not self._app.rebalancing

    @property
    def unready(self) -> str | None:
        """Why it is not ready; None when it is. A spare worker without partitions is."""
        if not self.settled:
            return self._getting_ready
        if not self._snapshots.is_caught_up:
            return "reading models"
        return None

    @property
    def dead(self) -> str | None:
        """Why it should be started anew; None when it lives."""
        if self._app.should_stop:
            return "stopping"
        if (waited := self.waited()) > self._patience:
            return f"{self._getting_ready}: nothing has moved for {waited:.0f} s"
        for topic in sorted(self._topics.sources):
            stalled = self._longest(self._stuck, topic)
            if stalled > self._patience:
                return f"{topic}: records wait and none was done with for {stalled:.0f} s"
        return None

    @property
    def _getting_ready(self) -> str:
        return "recovering" if self.recovering else "waiting for partitions"

    def waited(self) -> float:
        """Seconds for which whoever asked has seen a rebalance or a recovery not get on.

        Noted when asked: timers of an app do not run before its first recovery is done.
        """
        now, left = time.monotonic(), changes_left(self._app.tables.recovery)
        ahead = self.settled, self.recovering, self._app.consumer_generation_id, left
        if self.settled or ahead != self._ahead[0]:
            self._ahead = ahead, now
        return now - self._ahead[1]

    def stalled(self, topic: str) -> float:
        """Seconds for which the partition of a topic that waits longest has not got on."""
        return self._longest(self._since, topic)

    def _longest(self, since: Mapping[TP, float], topic: str) -> float:
        began = [at for tp, at in since.items() if tp.topic == topic]
        return time.monotonic() - min(began) if began and self.settled else 0.0

    def look(
        self, lags: Mapping[TP, int], done: Mapping[TP, int], readable: Set[TP] | None = None
    ) -> None:
        """Take note of what waits and what has been done with.

        Parameters
        ----------
        lags
            Source partitions -> offsets that are not done with.
        done
            Source partitions -> the next offset.
        readable
            Those in which something waits that could be read; all with a lag if left out. Starting
            anew does not help against the open transaction of somebody else.
        """
        waiting = {tp for tp, lag in lags.items() if lag and self.settled}
        self._since = self._still(self._since, waiting, done)
        could = waiting if readable is None else waiting & readable
        self._stuck = self._still(self._stuck, could, done)
        self._done = dict(done)
        for topic in self._topics.sources:
            self._metrics.assigned.labels(topic).set(sum(tp.topic == topic for tp in lags))
        self._metrics.lag.clear()
        for tp, lag in lags.items():
            self._metrics.lag.labels(tp.topic, str(tp.partition)).set(lag)

    def _still(
        self, before: Mapping[TP, float], waiting: Set[TP], done: Mapping[TP, int]
    ) -> dict[TP, float]:
        """Since when those that wait have not got on."""
        now = time.monotonic()
        return {
            tp: before.get(tp, now) if done.get(tp) == self._done.get(tp) else now for tp in waiting
        }

    def _show(self, settings: Settings) -> None:
        metrics, recovery = self._metrics, self._app.tables.recovery
        metrics.worker.info(
            {
                "version": version("penchant"),
                "guarantee": settings.guarantee,
                "python": platform.python_version(),
            }
        )
        metrics.ready.set_function(lambda: self.unready is None)
        metrics.recovering.set_function(lambda: self.recovering)
        metrics.recovery_left.set_function(partial(changes_left, recovery))
        metrics.recovery_seconds.set_function(partial(seconds_taken, recovery))
        metrics.memory_limit.set(memory_limit())
        for topic in self._topics.sources:
            metrics.lost.labels(topic)  # at nothing: a rate sees only what grows
            metrics.stalled.labels(topic).set_function(partial(self.stalled, topic))


def memory_limit(groups: Path = CONTROL_GROUPS, own: Path = OWN_GROUPS) -> float:
    """Bytes that this process and those beside it may use, the least that anybody says.

    A container sees its own control group as the root of all; under systemd the bound is at the
    unit's, somewhere below it; and whatever is above may have one as well.

    Parameters
    ----------
    groups
        Where the control groups are.
    own
        Which of them this process is in.
    """
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found = [int(text) for path in _limit_files(groups, own) if (text := _text(path)).isdigit()]
    return float(min([physical, *found]))


def _limit_files(groups: Path, own: Path) -> Iterator[Path]:
    """Files that may say how much, from those of the root to those of our own group."""
    for line in ["0::/", "0:memory:/", *_text(own).splitlines()]:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, name = groups, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = groups / "memory", "memory.limit_in_bytes"
        else:
            continue
        # A container sees the paths of the machine and not their folders: those are no files.
        place = root / path.strip("/")
        for folder in (place, *place.parents):
            if folder.is_relative_to(root):
                yield folder / name


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
