"""Quix Streams in the way natural to it: a stateful function, expanded into two outputs.

By a Python of its own, with this project on its path: ``python quix.py BROKER TOPIC EVENTS
GUARANTEE MODELS``, where GUARANTEE is at_least_once or exactly_once, and MODELS the file of
exported.py, or ``counters`` for the little that counters.py does.
"""

import sys
import tempfile
import time
from typing import Any

from quixstreams import Application

from benchmarks.rivals import arithmetic, counters

broker, topic, wanted, guarantee = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
work: Any = counters if sys.argv[5] == "counters" else arithmetic.Models(sys.argv[5])
app = Application(
    broker_address=broker,
    consumer_group=f"quix-{time.time()}",
    auto_offset_reset="earliest",
    state_dir=tempfile.mkdtemp(),
    loglevel="WARNING",
    processing_guarantee=guarantee.replace("_", "-"),
)
source = app.topic(topic, value_deserializer="json", key_deserializer="str")
target = app.topic(f"{topic}-quix", value_serializer="bytes", key_serializer="bytes")
seen = {"events": 0, "wall": 0.0, "cpu": 0.0}


def score(event: dict[str, Any], state: Any) -> Any:
    if not seen["events"]:
        seen["wall"], seen["cpu"] = time.perf_counter(), time.process_time()
    counted = work.update(state.get("counted", {}), event)
    state.set("counted", counted)
    seen["events"] += 1
    return work.scores(event["profile_id"], counted, event)


keys: dict[str, bytes] = {}


def value_of(pair: tuple[bytes, bytes]) -> bytes:
    keys["last"] = pair[0]
    return pair[1]


def stop_at_the_end(_: object) -> None:
    if seen["events"] >= wanted and "said" not in seen:
        seen["said"] = 1
        wall, cpu = time.perf_counter() - seen["wall"], time.process_time() - seen["cpu"]
        print(f"FIGURES {wanted / wall:.0f} {cpu / wanted * 1e6:.1f}", flush=True)
        app.stop()


stream = app.dataframe(source).apply(score, stateful=True, expand=True).apply(value_of)
stream = stream.to_topic(target, key=lambda _: keys["last"])
stream.update(stop_at_the_end)
app.run()
