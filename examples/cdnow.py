"""CDNOW as a file of events: 18 months of 23,570 customers who first bought early in 1997.

Data: the CDNOW master set of Fader and Hardie, https://www.brucehardie.com/datasets/; also inside
PyPI's ``lifetimes`` 0.11.3 (``lifetimes/datasets/CDNOW_master.txt``, read from the wheel, which is
a zip file). Columns: customer, day, number of CDs, dollars.

    python examples/cdnow.py Lifetimes-0.11.3-py3-none-any.whl cdnow.jsonl
    penchant backtest examples/cdnow.yaml cdnow.jsonl --out out/cdnow

With ``--third``, every third customer only: those whose number can be divided by three.

The data knows the day only: purchases stand at noon. Those of a customer on one day are one event.
"""

from __future__ import annotations

import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

MEMBER = "lifetimes/datasets/CDNOW_master.txt"


def text_of(path: str) -> str:
    """The table, plain or out of the wheel."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as wheel:
            return wheel.read(MEMBER).decode()
    return Path(path).read_text(encoding="ascii")


def main(source: str, out: str, *, third: bool = False) -> None:
    """Write the events of all customers, or of every third."""
    bought: dict[tuple[str, str], list[float]] = {}
    for line in text_of(source).splitlines():
        if line.strip() and line.split()[0].isdigit():  # some copies have a heading
            customer, day, number, dollars = line.split()
            if third and int(customer) % 3:
                continue
            known = bought.setdefault((day, customer), [0, 0.0])
            known[0] += int(number)
            known[1] += float(dollars)
    with Path(out).open("wb") as file:
        for (day, customer), (number, dollars) in sorted(bought.items()):
            noon = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) + timedelta(hours=12)
            event = {
                "event_id": f"{customer}-{day}",
                "profile_id": f"customer-{customer}",
                "timestamp": noon.isoformat(),
                "type": "purchase",
                "properties": {"amount": round(dollars, 2), "cds": number},
            }
            file.write(orjson.dumps(event) + b"\n")
    print(f"{len(bought):,} events in {out}")


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[3:] not in ([], ["--third"]):
        sys.exit("usage: python examples/cdnow.py CDNOW_master.txt|WHEEL OUT.jsonl [--third]")
    try:
        main(sys.argv[1], sys.argv[2], third=len(sys.argv) > 3)
    except OSError as error:
        sys.exit(f"{error.filename or sys.argv[1]}: {error.strerror or error}")
