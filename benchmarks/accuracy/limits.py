"""What a sample can show, and what hindsight would get out of it.

Takes folders that ``penchant backtest`` wrote:

    pip install 'penchant[benchmark]'
    python -m benchmarks.accuracy.limits out/journey out/retail out/cdnow

Over the second half of the labelled tickets, for each goal:

- the AUC and its standard error: 1,000 samples of as many profiles, drawn with replacement, each
  profile with all of its tickets;
- the same of the online model's AUC minus LightGBM's, which are of the same tickets;
- AUCs in hindsight: logistic regression on the online model's design (z and hinges) and LightGBM,
  trained on the second half itself, on four fifths of its profiles, and asked about the others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import lightgbm
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from benchmarks.accuracy.against_lightgbm import COMMON, SETTINGS, Tickets, read, retrained

SAMPLES = 1_000
FOLDS = 5
CLIP = 4.0

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Fit = Callable[[Array, Labels, Array], Array]


def main(folders: list[str]) -> None:
    """Judge every goal of every folder."""
    print(f"{'goal':20} {'profiles':>8} {'AUC':>7} {'s.e.':>7} {'- LightGBM':>10} {'s.e.':>7}"
          f" {'hindsight: logistic':>20} {'LightGBM':>9}")  # fmt: skip
    for folder in folders:
        for path in sorted(Path(folder, "tickets").glob("*.parquet")):
            tickets = read(path)
            trees = [retrained(tickets, setting) for setting in SETTINGS.values()]
            half = len(tickets.label) // 2
            label, who, said = tickets.label[half:], tickets.profile[half:], tickets.said[half:]
            rival = max((one[half:] for one in trees), key=lambda p: roc_auc_score(label, p))
            ours, theirs = (np.array(list(sampled(label, p, who))) for p in (said, rival))
            best = [roc_auc_score(label, hindsight(tickets, half, fit)) for fit in (logistic, tree)]
            auc = roc_auc_score(label, said)
            print(f"{Path(folder).name + '/' + path.stem:20} {len(set(who)):8,} {auc:7.4f}"
                  f" {ours.std():7.4f} {auc - roc_auc_score(label, rival):+10.4f}"
                  f" {(ours - theirs).std():7.4f} {best[0]:20.4f} {best[1]:9.4f}")  # fmt: skip


def sampled(label: Labels, said: Array, who: npt.NDArray[np.str_]) -> Iterator[float]:
    """The AUC of each sample of profiles; the same samples at every call."""
    order = np.argsort(said, kind="stable")
    known, of_profile = np.unique(who, return_inverse=True)
    of_profile, y = of_profile[order], label[order]
    starts = np.flatnonzero(np.diff(said[order], prepend=-1.0))  # of tickets told the same
    random = np.random.default_rng(1)
    for _ in range(SAMPLES):
        times = np.bincount(random.integers(len(known), size=len(known)), minlength=len(known))
        weight = times[of_profile].astype(float)
        positive = np.add.reduceat(weight * y, starts)
        negative = np.add.reduceat(weight * (1 - y), starts)
        below = np.cumsum(negative) - negative / 2
        yield float(positive @ below / (positive.sum() * negative.sum()))


def hindsight(tickets: Tickets, half: int, fit: Fit) -> Array:
    """What is said of each ticket of the second half by a model of its other profiles."""
    label, features, who = tickets.label[half:], tickets.features[half:], tickets.profile[half:]
    said = np.zeros(len(label))
    for known, asked in GroupKFold(FOLDS).split(features, label, who):
        said[asked] = fit(features[known], label[known], features[asked])
    return said


def logistic(known: Array, label: Labels, asked: Array) -> Array:
    """Logistic regression on z, with a hinge at every mean."""
    mean, deviation = known.mean(axis=0), known.std(axis=0) + 1e-9
    z = [np.clip((rows - mean) / deviation, -CLIP, CLIP) for rows in (known, asked)]
    design = [np.hstack((one, np.maximum(one, 0.0))) for one in z]
    fitted = LogisticRegression(C=1.0, max_iter=1_000).fit(design[0], label)
    said: Array = fitted.predict_proba(design[1])[:, 1]
    return said


def tree(known: Array, label: Labels, asked: Array) -> Array:
    """LightGBM with the smaller of the two settings."""
    setting = dict(SETTINGS["6 leaves"])
    rounds = int(setting.pop("rounds"))
    booster = lightgbm.train(COMMON | setting, lightgbm.Dataset(known, label), rounds)
    said: Array = np.asarray(booster.predict(asked))
    return said


if __name__ == "__main__":
    main(sys.argv[1:])
