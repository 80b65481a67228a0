"""The worker: a Faust app, put together from a configuration and settings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import faust
from faust.types import TP
from prometheus_client import CollectorRegistry
from yarl import URL

from models.config.schema import Config
from models.engine import Engine
from models.errors import PenchantError
from models.goals.tickets import TicketBook
from models.learning.trainer import Trainer
from streams.agents.apart import Apart
from streams.agents.desk import Desk, Here, NewTrainer, Schools
from streams.agents.lessons import Lessons
from streams.agents.poison import PoisonGuard
from streams.agents.score import ScoringAgent
from streams.agents.train import TrainingAgent
from streams.checkpoint import Checkpoint, Ordered, Transactional
from streams.lanes import Lanes
from streams.metrics import Metrics
from streams.pace import LESSONS, RUN, Pace
from streams.security import client_options, faust_credentials
from streams.settings import Settings
from streams.snapshots import SnapshotReader
from streams.topics import Topics, topics_of
from streams.tracing import traces_of
from streams.transport.consumer import RunTransport
from streams.transport.positions import Positions
from streams.transport.runs import RunSchema
from streams.transport.store import Rows, RunTable
from streams.vitals import Vitals
from streams.web import add_pages
from streams.wiring import Wiring

#: Seconds between looks at lags and idle partitions.
LOOK_EVERY = 1.0
#: Seconds after which it is known that a topic has more partitions, at most.
METADATA_AGE = 60.0
#: Examples that may wait in a partition until a backlog of events waits for them: so many moments
#: after a step, at most, and the seconds of a moment.
MOST_UNLEARNED = 4_000
MOMENTS, MOMENT = 50, 0.005
REPARTITIONED = (
    "{topic} has {found} partitions now, not {known}: new events of a profile may come to another "
    "partition than the one that its state is in. See docs/scaling.md, Repartitioning"
)


class RepartitionedError(PenchantError):
    """Partitions were added to a source topic under a running worker."""


def build_app(
    config: Config, settings: Settings, registry: CollectorRegistry | None = None
) -> faust.App:
    """A worker's Faust app.

    Parameters
    ----------
    config
        The questions.
    settings
        The place.
    registry
        Where metrics are registered; one of its own if left out.
    """
    return Worker(config, settings, registry or CollectorRegistry(auto_describe=True)).app


class Worker:
    """What a worker is made of, and how it hangs together.

    Parameters
    ----------
    config, settings, registry
        As of :func:`build_app`.
    engine
        Decides; made from the configuration if left out. Here an engine of one's own comes in.
    new_trainer
        Makes the trainer of a goal; here trainers of one's own come in.
    """

    def __init__(
        self,
        config: Config,
        settings: Settings,
        registry: CollectorRegistry,
        engine: Engine | None = None,
        new_trainer: NewTrainer = Trainer,
    ) -> None:
        self.config = config
        self.settings = settings
        self.topics = topics_of(settings)
        self.metrics = Metrics(registry)
        self.checkpoint = new_checkpoint(settings, self.topics)
        self.app = new_faust_app(settings, self.checkpoint, self._note_loss, self._has_room)
        self.engine = engine or Engine(config, self.topics.events)
        self.snapshots = SnapshotReader(
            self.topics.models, self.engine, self.metrics, client_options(settings),
            committed=self.checkpoint.transactional,
        )  # fmt: skip
        profiles, tickets = self._table("profiles", Rows), self._table("tickets", TicketBook)
        self.traces = traces_of(settings, self.topics)
        traces = self.traces
        checkpoint = traces.scoring.beside(self.checkpoint) if traces else self.checkpoint
        wiring = Wiring(self.topics, checkpoint, self.metrics, settings.partitions)
        self.scoring = ScoringAgent(self.engine, wiring, (profiles, tickets), self.snapshots)
        self.pace = Pace(settings.run_records)
        self.scoring.took, self.scoring.pause = self.pace.took, self._let_learn
        self.guard = PoisonGuard(self.scoring, settings.poison_crashes)
        handle = self.guard.handle
        self._handle = traces.scoring.around(handle) if traces else handle
        schools, trainers = Schools(config, new_trainer), self._table("trainers", Rows)
        self.desk = self._new_desk(schools, new_trainer)
        self.training = TrainingAgent(config, wiring, trainers, schools, self.desk)
        self.lessons = Lessons(self.training, settings.snapshot_every, settings.poison_crashes)
        teach = self.lessons.handle
        self._teach = traces.training.around(teach) if traces else teach
        self.score_lanes: Lanes[Any] = Lanes(
            self._score, self.app.crash, portions=self.pace.portions(self.scoring.partitions)
        )
        self.train_lanes: Lanes[Any] = Lanes(
            self._train, self.app.crash, settings.snapshot_every, LESSONS
        )
        self.vitals = Vitals(self.app, settings, self.topics, self.metrics, self.snapshots)
        self._streams: dict[str, Any] = {}
        self._busy_at: dict[int, float] = {}
        #: Partitions whose lane has been asked to do what no record asks for.
        self._asked: set[TP] = set()
        self._wire()

    def _note_loss(self, tp: TP, offsets: int) -> None:
        self.metrics.lost.labels(tp.topic).inc(offsets)

    def _has_room(self, tp: TP) -> bool:
        """Whether more of a partition may come: tables are read as fast as it goes."""
        if tp.topic == self.topics.events:
            return self.score_lanes.has_room(tp.partition)
        return tp.topic != self.topics.examples or self.train_lanes.has_room(tp.partition)

    def _new_desk(self, schools: Schools, new_trainer: NewTrainer) -> Desk:
        if not self.settings.trainers_apart:
            return Here(schools)
        apart = Apart(self.config, new_trainer)
        self.metrics.show_trainers_process(lambda: apart.pid)
        return apart

    def _table(self, name: str, new_holder: Any) -> RunTable:
        table = RunTable(
            self.app, name=name, partitions=self.settings.partitions, new_holder=new_holder
        )
        self.app.tables.add(table)
        return table

    def _wire(self) -> None:
        self._agent(self.topics.events, "score", self.score_lanes)
        self._agent(self.topics.examples, "train", self.train_lanes)
        self.app.on_partitions_assigned.connect(self._take_on)
        self.app.on_partitions_revoked.connect(self._let_go)
        self.app.on_before_shutdown.connect(self._shut_down)
        self.app.task(self.snapshots.run)
        self.app.timer(LOOK_EVERY, name="look")(self._look)
        self.app.timer(LOOK_EVERY, name="vitals")(self._check)
        add_pages(self.app, self.metrics, self.vitals)

    def _agent(self, topic: str, name: str, lanes: Lanes[Any]) -> None:
        """An agent that hands each run to the lane of its partition."""
        source = self.app.topic(topic, schema=RunSchema(), value_type=bytes)

        async def agent(stream: Any) -> None:
            self._streams[name] = stream.noack()
            async for run in self._streams[name].events():
                await lanes.put(run.message.partition, run)

        self.app.agent(source, name=name)(agent)

    async def _score(self, number: int, runs: list[Any] | None) -> None:
        """Let a partition's clock run on, or score what has come since the last checkpoint."""
        if not runs:
            return
        if isinstance(runs[0], float):
            self._asked.discard(TP(self.topics.events, number))
            await self.scoring.idle(number, runs[0])
            return
        records = [record for run in runs for record in run.value]
        self._busy_at[number] = time.monotonic()
        await self._handle(number, records, runs[-1].message.offset)
        self._busy_at[number] = time.monotonic()
        for run in runs:
            await self._streams["score"].ack(run)

    async def _let_learn(self, number: int) -> None:
        """After a step: wait for trainers that are behind while a backlog is worked off.

        A replay would outrun them, and score a year with the models of its first weeks. Events that
        come live wait for nobody.
        """
        await asyncio.sleep(0)
        for _ in range(MOMENTS):
            if self._unlearned(number) <= MOST_UNLEARNED:
                break
            await asyncio.sleep(MOMENT)

    def _unlearned(self, number: int) -> int:
        """Examples that wait for trainers here, where events of a partition have piled up."""
        place, done = TP(self.topics.events, number), self._done()
        if self._lags(done, [place]).get(place, 0) <= self.pace.least:
            return 0
        learned = {TP(self.topics.examples, at): end for at, end in self.training.learned.items()}
        examples = [TP(self.topics.examples, at) for at in range(self.settings.partitions)]
        return max(self._lags(done | learned, examples).values(), default=0)

    async def _train(self, number: int, runs: list[Any] | None) -> None:
        self._asked.discard(TP(self.topics.examples, number))
        await self._teach(number, [run for run in runs or () if run], self._acknowledge_trained)

    async def _acknowledge_trained(self, run: Any) -> None:
        await self._streams["train"].ack(run)

    async def _take_on(self, *sent: Any, **_: Any) -> None:
        """Partitions come: trainers are started while tables are read."""
        numbers = [tp.partition for tp in sent[-1] if tp.topic == self.topics.examples]
        if any(self.training.goals_of(number) for number in numbers):
            self.desk.begin()

    async def _let_go(self, *sent: Any, **_: Any) -> None:
        """Partitions leave: nothing of theirs may be kept, for another worker may change them."""
        revoked: set[TP] = sent[-1]
        self.metrics.rebalances.inc(bool(revoked))
        await self.score_lanes.close()
        await self.train_lanes.close()
        self._busy_at.clear()
        self._asked.clear()
        self.scoring.close({tp.partition for tp in revoked if tp.topic == self.topics.events})
        trained = {tp.partition for tp in revoked if tp.topic == self.topics.examples}
        self.lessons.close(trained)
        if self.traces:
            self.traces.training.forget(trained)

    async def _shut_down(self, *_: Any, **__: Any) -> None:
        await self.score_lanes.end()
        await self.train_lanes.end()
        await self.desk.end()
        await self.checkpoint.stop()
        if self.traces:
            await self.traces.scoring.close()

    async def _check(self) -> None:
        """Take note of what waits; open partitions that have just come, and let them be idle."""
        consumer: Any = self.app.consumer
        if (error := self._repartitioned(consumer)) is not None:
            await self.app.crash(error)
            return
        done = self._done()
        lags = self._lags(done)
        self.vitals.look(lags, done, consumer.positions.readable(done))
        if self.vitals.settled:
            for tp in lags:
                if tp.topic == self.topics.events:
                    self._busy_at.setdefault(tp.partition, time.monotonic())
                await self._ask(tp)

    def _done(self) -> dict[TP, int]:
        """Source partitions -> the next offset, everything before it durable."""
        events, examples = self.topics.events, self.topics.examples
        done = {TP(events, number): offset for number, offset in self.scoring.done.items()}
        return done | {
            TP(examples, number): offset for number, offset in self.training.done.items()
        }

    def _lags(self, done: Mapping[TP, int], tps: Iterable[TP] | None = None) -> dict[TP, int]:
        """Source partitions, all or some -> records from the next offset on, by what is done."""
        consumer: Any = self.app.consumer
        positions: Positions = consumer.positions
        return positions.lags(done, tps)

    def _repartitioned(self, consumer: Any) -> RepartitionedError | None:
        """What is wrong where partitions were added to a source."""
        known = self.settings.partitions
        for topic in sorted(self.topics.sources):
            found = consumer.topic_partitions(topic)
            if found not in (None, known):
                said = REPARTITIONED.format(topic=topic, found=found, known=known)
                return RepartitionedError(said)
        return None

    async def _ask(self, tp: TP) -> None:
        """Have a partition opened, and what was said for goals that are no more withdrawn."""
        if tp in self._asked:
            return
        if tp.topic == self.topics.examples:
            register = self.training.register(tp.partition)
            if register.has_to_say or not register.is_open:
                self._asked.add(tp)
                await self.train_lanes.put(tp.partition, None)
            return
        partition = self.scoring.partitions.get(tp.partition)
        if partition is None or partition.roster.leaving:
            self._asked.add(tp)
            await self.score_lanes.put(tp.partition, 0.0)

    async def _look(self) -> None:
        """Let the clocks of idle partitions run on with the wall."""
        consumer: Any = self.app.consumer
        now, after = time.monotonic(), self.config.time.idle_after / 1000
        for number, busy_at in list(self._busy_at.items()):
            if number not in self._busy_at:
                continue  # let go of while another waited for its lane
            source = TP(self.topics.events, number)
            if not consumer.positions.caught_up(source, time.time(), after):
                self._busy_at[number] = now
            elif now - busy_at >= after + LOOK_EVERY and not self.app.rebalancing:
                self._busy_at[number] = now - after
                await self.score_lanes.put(number, now - busy_at - after)


def new_checkpoint(settings: Settings, topics: Topics) -> Checkpoint:
    """The checkpoint that the settings ask for."""
    options = client_options(settings)
    if settings.guarantee == "exactly_once":
        return Transactional(settings.prefix, topics.sources, options, settings.transaction_timeout)
    return Ordered(settings.prefix, topics.sources, options)


def new_faust_app(
    settings: Settings,
    checkpoint: Checkpoint,
    lost: Callable[[TP, int], None],
    has_room: Callable[[TP], bool],
) -> faust.App:
    """A Faust app with our transport, and nothing on that could harm."""
    brokers = [URL(f"kafka://{broker}") for broker in settings.brokers.split(",")]
    run = min(RUN, settings.run_records)
    app = faust.App(
        settings.prefix,
        broker=brokers,
        broker_credentials=faust_credentials(settings),
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=settings.session_timeout / 3,
        broker_request_timeout=max(30.0, settings.session_timeout * 1.5),
        broker_commit_interval=1.0,
        broker_max_poll_records=run * 4,
        consumer_metadata_max_age_ms=int(METADATA_AGE * 1000),
        consumer_auto_offset_reset="earliest",
        producer_request_timeout=30.0,
        store="memory://",
        datadir=settings.data_dir,
        topic_partitions=settings.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_buffer_maxsize=16,
        stream_wait_empty=True,
        web_bind=settings.web_host,
        web_host=settings.web_host,
        web_port=settings.web_port,
        debug=False,
        web_tables_enabled=False,
        web_router_enabled=False,
        web_graph_enabled=False,
        web_stats_enabled=False,
        web_metrics_enabled=False,
        worker_redirect_stdouts=False,
        env_prefix="PENCHANT_FAUST_",
        loghandlers=[],
    )
    app.transport = RunTransport(
        brokers, app, checkpoint=checkpoint, max_run=run, lost=lost,
        has_room=has_room, last=topics_of(settings).events,
    )  # fmt: skip
    return app
