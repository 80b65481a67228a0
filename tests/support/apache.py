"""Apache Kafka (KRaft) without Docker: fetched with Maven, run with Java, on loopback."""

from __future__ import annotations

import base64
import contextlib
import shutil
import subprocess
import uuid
from collections.abc import Iterator
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
  <Loggers><Root level="warn"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


def missing() -> str | None:
    """What is not there that Apache Kafka needs; None when all is."""
    absent = [name for name in ("java", "mvn") if shutil.which(name) is None]
    return f"{' and '.join(absent)} not found" if absent else None


def libraries() -> Path:
    """The folder with Kafka's jars, fetched once."""
    libs = CACHE / "libs"
    if not (CACHE / ".complete").exists():
        shutil.rmtree(CACHE, ignore_errors=True)
        CACHE.mkdir(parents=True)
        subprocess.run(
            ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies",
             f"-DoutputDirectory={libs}"],
            check=True,
        )  # fmt: skip
        (CACHE / ".complete").touch()
    return libs


@dataclass
class Broker:
    """One broker that is also its own controller.

    Parameters
    ----------
    folder
        Where its log and its data go.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    controller: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, for the first time or again; returns when it listens."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "data").exists():
            self._format()
        self.process = start(self._java("kafka.Kafka", self._properties()), self.folder / "log")
        wait_for_port(self.port, self.process, PATIENCE)

    def stop(self) -> None:
        """Stop it."""
        if self.process is not None:
            stop(self.process, 30.0)

    def _format(self) -> None:
        identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        arguments = ("format", "-t", identity, "-c", str(self._properties()))
        subprocess.run(self._java("kafka.tools.StorageTool", *arguments), check=True,
                       capture_output=True)  # fmt: skip

    def _java(self, main: str, *arguments: object) -> list[str]:
        logging = self.folder / "log4j2.xml"
        logging.write_text(QUIET)
        return [
            "java", "-Xms256m", "-Xmx768m", "-XX:+UseSerialGC",
            f"-Dlog4j2.configurationFile={logging}",
            "-cp", f"{libraries()}/*", main, *map(str, arguments),
        ]  # fmt: skip

    def _properties(self) -> Path:
        path = self.folder / "server.properties"
        path.write_text(
            f"process.roles=broker,controller\nnode.id=1\n"
            f"controller.quorum.voters=1@127.0.0.1:{self.controller}\n"
            f"listeners=PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self.controller}\n"
            f"advertised.listeners=PLAINTEXT://{self.address}\n"
            "controller.listener.names=CONTROLLER\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
            "offsets.topic.replication.factor=1\noffsets.topic.num.partitions=8\n"
            "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
            "transaction.state.log.num.partitions=8\n"
            "group.initial.rebalance.delay.ms=0\nauto.create.topics.enable=false\n"
            f"log.dirs={self.folder / 'data'}\n"
        )
        return path


@contextlib.contextmanager
def apache_kafka(folder: Path) -> Iterator[Broker]:
    """A running broker."""
    broker = Broker(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
