"""Apache Kafka (KRaft) without Docker: fetched with Maven, run with Java, on loopback."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from streams.processes import free_port, start, stop, wait_for_port

ROOT = Path(__file__).parents[2]
POM = Path(__file__).parent / "kafka" / "pom.xml"
CACHE = ROOT / ".cache" / "kafka"
#: Seconds until a broker listens; the first start on a busy machine takes its time.
PATIENCE = 120.0

QUIET = """\
<Configuration status="ERROR">
  <Appenders><Console name="out"><PatternLayout pattern="%d %p %c{1} %m%n"/></Console></Appenders>
  <Loggers>
    <Logger name="org.apache.kafka.coordinator.group" level="info"/>
    <Root level="warn"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
"""


def missing() -> str | None:
    """What is not there that Apache Kafka needs; None when all is."""
    absent = [name for name in ("java", "mvn") if shutil.which(name) is None]
    return f"{' and '.join(absent)} not found" if absent else None


def libraries() -> Path:
    """The folder with Kafka's jars, fetched once."""
    libs = CACHE / "libs"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        _fetch(libs)
    return libs


def _fetch(libs: Path) -> None:
    if not (CACHE / ".complete").exists():
        shutil.rmtree(libs, ignore_errors=True)
        subprocess.run(
            ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies",
             f"-DoutputDirectory={libs}"],
            check=True,
        )  # fmt: skip
        (CACHE / ".complete").touch()


def new_identity() -> str:
    """An identity for a cluster."""
    # The first bits are not random, and none that would make it look like an option.
    return base64.urlsafe_b64encode(b"k" + uuid.uuid4().bytes[1:]).decode().rstrip("=")


@dataclass
class Broker:
    """One broker that is also a controller.

    Parameters
    ----------
    folder
        Where its log and its data go.
    node
        Its number.
    voters
        Number -> controller port of all brokers of its cluster; only itself if left out.
    identity
        Of the cluster.
    protocol
        How clients talk to it.
    more
        Properties of its own.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    controller: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    node: int = 1
    voters: dict[int, int] = field(default_factory=dict)
    identity: str = field(default_factory=new_identity)
    protocol: str = "PLAINTEXT"
    more: dict[str, str] = field(default_factory=dict)
    before_start: tuple[tuple[str, ...], ...] = ()
    #: Half the time to start, and slower for good: for tests, not for measurements.
    quick: bool = False

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, for the first time or again; returns when it listens."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start its process."""
        if not (self.folder / "data").exists():
            self.format()
        self.process = start(self._java("kafka.Kafka", self._properties()), self.folder / "log")

    def wait(self) -> None:
        """Wait until it listens."""
        assert self.process is not None
        wait_for_port(self.port, self.process, PATIENCE)

    def stop(self) -> None:
        """Stop it."""
        if self.process is not None:
            stop(self.process, 30.0)

    def kill(self) -> None:
        """End it without asking."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def format(self) -> None:
        """Prepare its folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        arguments = ["format", "-t", self.identity, "-c", str(self._properties())]
        for more in self.before_start:
            arguments += more
        subprocess.run(self._java("kafka.tools.StorageTool", *arguments), check=True,
                       capture_output=True)  # fmt: skip

    def format_like(self, other: Broker) -> None:
        """Prepare its folder as another broker's of its cluster is, without a JVM of its own."""
        data = self.folder / "data"
        shutil.copytree(other.folder / "data", data)
        own = {"node.id": str(self.node), "directory.id": new_identity()}
        path = data / "meta.properties"
        lines = [line.partition("=") for line in path.read_text().splitlines()]
        path.write_text(
            "".join(f"{name}{sign}{own.get(name, value)}\n" for name, sign, value in lines)
        )

    def _java(self, main: str, *arguments: object) -> list[str]:
        logging = self.folder / "log4j2.xml"
        logging.write_text(QUIET)
        return [
            "java", "-Xms256m", "-Xmx768m", "-XX:+UseSerialGC",
            *["-XX:TieredStopAtLevel=1"] * self.quick,
            f"-Dlog4j2.configurationFile={logging}",
            "-cp", f"{libraries()}/*", main, *map(str, arguments),
        ]  # fmt: skip

    def _properties(self) -> Path:
        voters = self.voters or {self.node: self.controller}
        copies = str(len(voters))
        properties = {
            "process.roles": "broker,controller",
            "node.id": str(self.node),
            "controller.quorum.voters": ",".join(
                f"{node}@127.0.0.1:{port}" for node, port in voters.items()
            ),
            "listeners": f"{self.protocol}://{self.address},CONTROLLER://127.0.0.1:{self.controller}",
            "advertised.listeners": f"{self.protocol}://{self.address}",
            "inter.broker.listener.name": self.protocol,
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": (
                f"{self.protocol}:{self.protocol},CONTROLLER:PLAINTEXT"
            ),
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": "8",
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": str(len(voters) // 2 + 1),
            "transaction.state.log.num.partitions": "8",
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
            "log.cleaner.backoff.ms": "1000",
            # Of 10 MiB as they are, the kernel reads ahead in the empty indices of every partition:
            # with some thousand of them that takes more of the machine than Kafka does.
            "log.index.size.max.bytes": str(1 << 20),
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            "log.dirs": str(self.folder / "data"),
        } | self.more
        path = self.folder / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        return path


@contextlib.contextmanager
def apache_cluster(folder: Path, size: int = 3, *, quick: bool = True) -> Iterator[list[Broker]]:
    """Running brokers that replicate each other."""
    identity = new_identity()
    voters = {node: free_port() for node in range(1, size + 1)}
    brokers = [
        Broker(folder / f"broker{node}", controller=port, node=node, voters=voters,
               identity=identity, quick=quick)
        for node, port in voters.items()
    ]  # fmt: skip
    brokers[0].format()
    for broker in brokers[1:]:
        broker.format_like(brokers[0])
    try:
        with ThreadPoolExecutor(size) as pool:  # one alone does not listen: it has no quorum
            starting = [pool.submit(broker.wait) for broker in map(launched, brokers)]
        for one in starting:
            one.result()
        yield brokers
    finally:
        for broker in brokers:  # not one after the other: the last ones would wait for a quorum
            broker.kill()


def launched(broker: Broker) -> Broker:
    """A broker whose process runs; it may not listen yet."""
    broker.launch()
    return broker


@contextlib.contextmanager
def apache_kafka(folder: Path, *, quick: bool = False) -> Iterator[Broker]:
    """A running broker."""
    broker = Broker(folder, quick=quick)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
