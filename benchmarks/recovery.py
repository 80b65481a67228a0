"""python benchmarks/recovery.py [PROFILES]: from a start to scoring, with profiles to restore.

Writes states of profiles (made by the engine, each of three events, with its open tickets) straight
into the changelogs on Apache Kafka, starts a worker, and takes the time until it is ready and until
the first events after that are committed. Prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import orjson
from aiokafka import AIOKafkaProducer

from models.config.loader import load_config
from models.engine import Engine
from models.goals.tickets import TicketBook, id_of, ticket_key
from models.step import PlainRecord
from streams.settings import Settings
from tests.support.apache import apache_kafka
from tests.support.cluster import Cluster, until
from tests.support.factories import START

PROFILES = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
PARTITIONS = 4
HOUR = 3_600_000
CONFIG = """\
time: {allowed_lateness: 0s}
goals:
  churn:
    propensity: churn
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 7d}
    emit_from: collecting
"""


def rows_of(number: int):
    """Changelog rows of one partition: profiles and tickets."""
    engine = Engine(load_config(CONFIG, "goals.yaml"))
    partition = engine.open(number, {}, TicketBook())
    each, offset = PROFILES // PARTITIONS, 0
    for hour in (0, 30, 70):
        for start in range(0, each, 1_000):
            run = []
            for n in range(start, min(start + 1_000, each)):
                profile = f"p{number}-{n}"
                run.append(
                    PlainRecord(
                        profile.encode(),
                        orjson.dumps(
                            {
                                "event_id": f"{profile}-{hour}",
                                "profile_id": profile,
                                "type": "basket",
                                "timestamp": START + hour * HOUR + n // 100,
                            }
                        ),
                        offset,
                    )
                )
                offset += 1
            partition.apply(engine.step(partition, run))
    profiles = list(partition.profiles.items())
    tickets = [
        (ticket_key(key, *id_of(one)), one) for key, held in partition.tickets for one in held
    ]
    return profiles, tickets, offset


async def write(cluster: Cluster) -> dict[str, int]:
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.settings.brokers, linger_ms=50, max_batch_size=512 * 1024
    )
    await producer.start()
    counts = {"profiles": 0, "tickets": 0, "bytes": 0}
    for number in range(PARTITIONS):
        profiles, tickets, _ = rows_of(number)
        for topic, rows, name in (
            (cluster.topics.profiles, profiles, "profiles"),
            (cluster.topics.tickets, tickets, "tickets"),
        ):
            for key, value in rows:
                await producer.send(topic, value, key, partition=number)
                counts[name] += 1
                counts["bytes"] += len(key) + len(value)
        await producer.flush()
    await producer.stop()
    return counts


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    with apache_kafka(folder / "kafka") as broker:
        settings = Settings(brokers=broker.address, prefix="recovery", partitions=PARTITIONS)
        cluster = Cluster(settings, folder).create_topics()
        counts = asyncio.run(write(cluster))
        worker = cluster.worker(CONFIG)
        started = time.monotonic()
        worker.start()
        until(lambda: worker.get("/readyz"), "the worker to be ready", 1_800)
        ready = time.monotonic() - started
        late = START + 71 * HOUR
        # Offsets of states are those of a log that is not here: new profiles are not replays.
        cluster.send(
            (
                f"new{n}".encode(),
                orjson.dumps(
                    {
                        "event_id": str(n),
                        "profile_id": f"new{n}",
                        "type": "basket",
                        "timestamp": late,
                    }
                ),
            )
            for n in range(100)
        )
        until(
            lambda: worker.metrics().get("penchant_events_total/applied", 0) >= 100, "scores", 1_800
        )
        scoring = time.monotonic() - started
        assert worker.process is not None
        memory = int(Path(f"/proc/{worker.process.pid}/statm").read_text().split()[1])
        cluster.stop()
    print(
        json.dumps(
            counts
            | {
                "seconds_to_ready": round(ready, 1),
                "seconds_to_applied": round(scoring, 1),
                "worker_mb": memory * resource.getpagesize() // 2**20,
            }
        )
    )


if __name__ == "__main__":
    main()
