"""The online model beside LightGBM retrained twenty times, on the very same tickets and features.

Takes folders that ``penchant backtest`` wrote:

    pip install 'penchant[benchmark]'
    python -m benchmarks.accuracy.against_lightgbm out/journey out/retail out/cdnow

For each goal the labelled tickets stand in the order of T0. At every twentieth of them LightGBM is
trained anew on all tickets whose window has closed by then, and scores the next twentieth. Figures
are over the second half, as those of the report. Features are those the online model sees before
scaling (logarithms, means, recencies), and never more than it had at T0.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from msgspec.structs import replace
from sklearn.metrics import log_loss, roc_auc_score

from models.learning.layout import Block, Layout
from models.learning.raw import raw_of_names
from models.learning.transform import base_features
from models.profiles.features import stack

RETRAININGS = 20
SETTINGS = {
    "6 leaves": {"num_leaves": 6, "min_data_in_leaf": 80, "lambda_l2": 20.0, "rounds": 200},
    "15 leaves": {"num_leaves": 15, "min_data_in_leaf": 40, "lambda_l2": 5.0, "rounds": 200},
}
COMMON = {"objective": "binary", "learning_rate": 0.03, "verbosity": -1, "num_threads": 1,
          "deterministic": True, "seed": 1}  # fmt: skip
ABOUT = 6  # columns before the features


class Tickets(NamedTuple):
    """Labelled tickets in the order of T0."""

    profile: npt.NDArray[np.str_]
    t0: npt.NDArray[np.int64]
    due: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    said: npt.NDArray[np.float64]
    features: npt.NDArray[np.float64]


def read(path: Path) -> Tickets:
    """The labelled tickets of a file."""
    table = pq.read_table(path)
    table = table.filter(table["label"].is_valid())
    t0 = table["t0"].cast("int64").to_numpy()
    order = np.argsort(t0, kind="stable")
    columns = list(table.column_names[ABOUT:])
    sources = sorted({name.rpartition("/")[0] for name in columns if is_source(name)})
    blocks = [Block("activity", one) for one in sources] + [Block("value", one) for one in sources]
    rows = [
        raw_of_names({name: value for name, value in row.items() if value is not None})
        for batch in table.select(columns).to_batches(10_000)
        for row in batch.to_pylist()
    ]
    features = base_features(Layout().with_blocks(blocks), stack(known_only(rows)))
    number = np.int64
    return Tickets(
        np.array(table["profile_id"].to_pylist())[order],
        t0[order],
        table["due"].cast("int64").to_numpy()[order],
        table["label"].to_numpy().astype(number)[order],
        np.nan_to_num(table["probability"].to_numpy().astype(float), nan=0.5)[order],
        features[order],
    )


def is_source(name: str) -> bool:
    """Whether a column is of a source of events."""
    return name.startswith(("event/", "named/", "other/"))


def known_only(rows: list[Any]) -> list[Any]:
    """Profiles without the rows of events they never had: those have no hours."""
    known = []
    for raw in rows:
        there = [place for place, row in enumerate(raw.rows) if np.any(row[:-1]) or row[-1] > 0]
        names = tuple(raw.names[place] for place in there)
        numbers = np.concatenate((raw.profile, raw.rows[there].ravel()))
        known.append(replace(raw, names=names, numbers=numbers))
    return known


def retrained(tickets: Tickets, setting: dict[str, Any]) -> npt.NDArray[np.float64]:
    """What LightGBM says of each ticket, trained on those that had closed by then."""
    parameters = COMMON | {name: value for name, value in setting.items() if name != "rounds"}
    said = np.full(len(tickets.label), 0.5)
    for start, end in twentieths(len(said)):
        closed = tickets.due < tickets.t0[start]
        labels = tickets.label[closed]
        if closed.sum() < 100 or labels.min() == labels.max():
            continue
        train = lightgbm.Dataset(tickets.features[closed], labels)
        booster = lightgbm.train(parameters, train, num_boost_round=setting["rounds"])
        said[start:end] = booster.predict(tickets.features[start:end])
    return said


def twentieths(number: int) -> Iterator[tuple[int, int]]:
    """Where each twentieth starts and ends."""
    cuts = [round(number * cut / RETRAININGS) for cut in range(RETRAININGS + 1)]
    return pairwise(cuts)


def figures(label: npt.NDArray[np.int64], said: npt.NDArray[np.float64]) -> dict[str, float]:
    """AUC and log loss over the second half."""
    half = len(label) // 2
    y, p = label[half:], np.clip(said[half:], 1e-9, 1 - 1e-9)
    rate = y.mean()
    entropy = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    return {"auc": roc_auc_score(y, p), "ne": log_loss(y, p) / entropy}


def main(folders: list[str]) -> None:
    """Compare every goal of every folder."""
    differences = []
    print(f"{'goal':24} {'tickets':>8}  " + "".join(f"{n:>22}" for n in ("online", *SETTINGS)))
    for folder in folders:
        for path in sorted(Path(folder, "tickets").glob("*.parquet")):
            tickets = read(path)
            found = {"online": figures(tickets.label, tickets.said)}
            for name, setting in SETTINGS.items():
                found[name] = figures(tickets.label, retrained(tickets, setting))
            best = max(found[name]["auc"] for name in SETTINGS)
            differences.append(found["online"]["auc"] - best)
            shown = "".join(f"{one['auc']:>12.4f} / {one['ne']:.4f}" for one in found.values())
            print(f"{Path(folder).name + '/' + path.stem:24} {len(tickets.label):8,}  {shown}")
            print(json.dumps({"goal": path.stem, "tickets": len(tickets.label), **found}),
                  file=sys.stderr)  # fmt: skip
    print(f"online minus the better LightGBM, mean AUC: {np.mean(differences):+.4f}")


if __name__ == "__main__":
    main(sys.argv[1:])
