"""The agent that Faust's tutorial leads to: a table read, a table write, a send for every score.

With this project on its path: ``python tutorial.py BROKER TOPIC EVENTS PARTITIONS MODELS``;
MODELS as of quix.py.
"""

import os
import sys
import tempfile
import time
from typing import Any

import faust

from benchmarks.rivals import arithmetic, counters

broker, topic, wanted, partitions = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
work: Any = counters if sys.argv[5] == "counters" else arithmetic.Models(sys.argv[5])
app = faust.App(
    f"naive-{time.time():.0f}",
    broker=f"kafka://{broker}",
    store="memory://",
    topic_partitions=partitions,
    datadir=tempfile.mkdtemp(),
    key_serializer="raw",
    broker_session_timeout=6,
    broker_heartbeat_interval=2,
)
source = app.topic(topic)
target = app.topic(
    f"{topic}-faust", value_serializer="raw", key_serializer="raw", value_type=bytes, key_type=bytes
)
table = app.Table("counted", default=dict, partitions=partitions)
seen = {"events": 0, "wall": 0.0, "cpu": 0.0}


@app.agent(source)
async def score(stream: Any) -> None:
    async for event in stream:
        if not seen["events"]:
            seen["wall"], seen["cpu"] = time.perf_counter(), time.process_time()
        profile = event["profile_id"]
        counted = table[profile] = work.update(table[profile], event)
        for key, value in work.scores(profile, counted, event):
            await target.send(key=key, value=value)
        seen["events"] += 1
        if seen["events"] == wanted:
            wall, cpu = time.perf_counter() - seen["wall"], time.process_time() - seen["cpu"]
            print(f"FIGURES {wanted / wall:.0f} {cpu / wanted * 1e6:.1f}", flush=True)
            os._exit(0)


sys.argv = ["faust", "worker", "-l", "warn", "--without-web"]
app.main()
