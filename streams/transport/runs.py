"""What a message of ours is: a run of records of one partition.

Faust spends about 120 us on a Kafka record before an agent sees it; with one message for every run
of records that is paid once a run. The value of such a message is the list of aiokafka's records as
they were fetched, its offset that of the last one.
"""

from __future__ import annotations

from typing import Any

import faust
from aiokafka.structs import ConsumerRecord

Run = list[ConsumerRecord[bytes | None, bytes | None]]


class RunSchema(faust.Schema[Any, Any]):
    """Hands runs through as they are."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        """The key: a run has none."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        """The run."""
        return message.value
