"""Online Retail as a file of events: a year of 4,372 customers of a British online shop.

Data: D. Chen, "Online Retail", UCI Machine Learning Repository (CC BY 4.0),
https://doi.org/10.24432/C5BW33. Takes the repository's spreadsheet saved as CSV
(``InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID`` among its columns), or a table of
``user,ts,event,item,value`` with times in epoch seconds; either may be gzipped:

    python examples/online_retail.py online_retail.csv.gz retail.jsonl
    penchant backtest examples/online_retail.yaml retail.jsonl --out out/retail

The lines of an invoice are summed to one event: ``purchase``, or ``cancel`` for an invoice whose
number starts with C. Lines without a customer are left out.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson


class Item(NamedTuple):
    """A line of an invoice."""

    customer: str
    at: int
    kind: str
    value: float


def items(path: str) -> Iterator[Item]:
    """The lines of all invoices."""
    packed = path.endswith(".gz")
    with (
        gzip.open(path, "rt", newline="")
        if packed
        else Path(path).open(encoding="utf-8-sig", newline="") as file
    ):
        for row in csv.DictReader(file):
            item = _plain(row) if "user" in row else _of_repository(row)
            if item is not None:
                yield item


def _plain(row: dict[str, str]) -> Item:
    return Item(row["user"], int(row["ts"]) * 1000, row["event"], float(row["value"]))


def _of_repository(row: dict[str, str]) -> Item | None:
    customer = row["CustomerID"].partition(".")[0]
    if not customer:
        return None
    kind = "cancel" if row["InvoiceNo"].startswith("C") else "purchase"
    value = float(row["Quantity"]) * float(row["UnitPrice"])
    return Item(customer, _time(row["InvoiceDate"]), kind, value)


def _time(text: str) -> int:
    for form in ("%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%y %H:%M"):
        try:
            return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp() * 1000)
        except ValueError:
            continue
    sys.exit(f"a time that is not understood: {text!r}")


def events(path: str) -> list[dict[str, Any]]:
    """An event per customer, moment and kind, in order of time."""
    invoices: dict[tuple[int, str, str], list[float]] = {}
    for item in items(path):
        invoices.setdefault((item.at, item.customer, item.kind), []).append(item.value)
    return [
        {
            "event_id": f"{kind}-{customer}-{at}",
            "profile_id": f"customer-{customer}",
            "timestamp": at,
            "type": kind,
            "properties": {"amount": round(sum(values), 2), "lines": len(values)},
        }
        for (at, customer, kind), values in sorted(invoices.items())
    ]


def main(source: str, out: str) -> None:
    """Write the events."""
    found = events(source)
    with Path(out).open("wb") as file:
        file.writelines(orjson.dumps(event) + b"\n" for event in found)
    print(f"{len(found):,} events in {out}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/online_retail.py online_retail.csv[.gz] OUT.jsonl")
    try:
        main(sys.argv[1], sys.argv[2])
    except OSError as error:
        sys.exit(f"{error.filename or sys.argv[1]}: {error.strerror or error}")
