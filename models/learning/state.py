"""A trainer's state as bytes and back: numbers exactly, nothing pickled.

A state is a JSON header and, behind it, the arrays as float64. Kept in a Kafka topic it is cut into
parts; the manifest, written last, says which parts belong together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import orjson

from models.errors import StateError
from models.hashing import hash64
from models.learning.layout import Block, Layout
from models.learning.logistic import BayesianLogisticRegression
from models.learning.trainer import Trainer
from models.profiles.features import Float64

VERSION = 1
#: Bytes in a part: well below what a broker takes in one record.
PART = 200 * 1024


def dump_trainer(trainer: Trainer) -> bytes:
    """The state of a trainer.

    Examples
    --------
    >>> from models.config.schema import Config
    >>> from models.learning.trainer import trainers_of
    >>> outcome = {"will": {"where": {"field": "type", "equals": "basket"}}, "within": "7d"}
    >>> goals = {"buys": {"propensity": "conversion", "outcome": outcome}}
    >>> config = Config.model_validate({"goals": goals})
    >>> packed = dump_trainer(trainers_of(config)["buys"])
    >>> fresh = trainers_of(config)["buys"]
    >>> load_trainer(fresh, packed)
    >>> dump_trainer(fresh) == packed
    True
    """
    arrays = _arrays_of(trainer)
    header = _header_of(trainer) | {"arrays": [(name, len(array)) for name, array in arrays]}
    packed = orjson.dumps(header)
    body = b"".join(np.ascontiguousarray(array).tobytes() for _, array in arrays)
    return len(packed).to_bytes(4, "little") + packed + body


def load_trainer(trainer: Trainer, packed: bytes) -> None:
    """Take over a state into a new trainer of the same goal.

    Raises
    ------
    StateError
        Of another version of goal or program, or damaged.
    """
    try:
        size = int.from_bytes(packed[:4], "little")
        header = orjson.loads(packed[4 : 4 + size])
        _check(trainer, header)
        arrays, at = {}, 4 + size
        for name, length in header["arrays"]:
            arrays[name] = np.frombuffer(packed, np.float64, length, at).copy()
            at += 8 * length
        _restore(trainer, header, arrays)
    except (orjson.JSONDecodeError, KeyError, ValueError, TypeError) as error:
        raise StateError(f"a damaged trainer state of {len(packed)} bytes: {error}") from None


def split_state(name: str, packed: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Rows of a table that hold a state: its parts, and last the manifest.

    Examples
    --------
    >>> rows = dict(split_state("churn", b"x" * 300_000))
    >>> [key.decode() for key in rows], join_state("churn", rows) == b"x" * 300_000
    (['churn/0', 'churn/1', 'churn'], True)
    """
    number = 0
    for number, start in enumerate(range(0, max(len(packed), 1), PART)):
        yield f"{name}/{number}".encode(), packed[start : start + PART]
    manifest = {"version": VERSION, "parts": number + 1, "bytes": len(packed)}
    yield name.encode(), orjson.dumps(manifest | {"hash": f"{_hash(packed):016x}"})


def join_state(name: str, rows: Mapping[bytes, bytes]) -> bytes | None:
    """A state from the rows of a table; None if there is none.

    Raises
    ------
    StateError
        No manifest, or the parts are not its own.
    """
    written = rows.get(name.encode())
    if written is None:
        return None
    try:
        manifest = orjson.loads(written)
        version = manifest["version"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise StateError(f"what is written of the state of {name} is no manifest") from None
    if version != VERSION:
        raise StateError(f"trainer state of version {version}, this reads {VERSION}")
    parts = [rows.get(f"{name}/{number}".encode(), b"") for number in range(manifest["parts"])]
    packed = b"".join(parts)
    if len(packed) != manifest["bytes"] or f"{_hash(packed):016x}" != manifest["hash"]:
        raise StateError(f"the parts of the state of {name} are not those of its manifest")
    return packed


def _hash(packed: bytes) -> int:
    return hash64(packed.hex())


def _check(trainer: Trainer, header: dict[str, Any]) -> None:
    found = (header["goal"], header["goal_version"], header["model"], header["version"])
    goal = trainer.goal
    if found != (goal.name, goal.version, goal.config.model, VERSION):
        raise StateError(f"a state of {found}, not of {goal.name} {goal.version}")


def _header_of(trainer: Trainer) -> dict[str, Any]:
    model = trainer.model
    return {
        "version": VERSION,
        "goal": trainer.goal.name,
        "goal_version": trainer.goal.version,
        "model": trainer.goal.config.model,
        "labels_learned": trainer.version,
        "first_t0": trainer.first_t0,
        "latest_t0": trainer.latest_t0,
        "learned_until": trainer.learned_until,
        "counts": dict(trainer.counts),
        "marks": trainer.marks(),
        "quality": trainer.quality.dump(),
        "labels": [trainer.labels, trainer.positives],
        "blocks": [(block.kind, block.name, block.text) for block in model.features.layout.blocks],
        "seen": model.features.seen,
        "counted": [
            (block.kind, block.name, block.text, count)
            for block, count in model.features.counts.items()
        ],
        "rate": [model.labels, model.rate],
        "learned": model.learned,
        "importance": model.importance.dump(),
        "baselines": trainer.baselines.dump(),
        "baseline_quality": {name: one.dump() for name, one in trainer.baseline_quality.items()},
        "ftrl": _ftrl_of(model.learner),
    }


def _ftrl_of(learner: Any) -> dict[str, Any] | None:
    if isinstance(learner, BayesianLogisticRegression):
        return None
    optimizer = learner.optimizer
    return {
        "weights": learner.weights,
        "intercept": learner.intercept,
        "z": dict(optimizer.z),
        "n": dict(optimizer.n),
        "iterations": optimizer.n_iterations,
    }


def _arrays_of(trainer: Trainer) -> list[tuple[str, Float64]]:
    model, scaler = trainer.model, trainer.model.scaler
    arrays = [
        ("count", scaler.count),
        ("origin", scaler.origin),
        ("total", scaler.total),
        ("squares", scaler.squares),
        ("centre", model.centre),
    ]
    if isinstance(model.learner, BayesianLogisticRegression):
        learner = model.learner
        triangle = learner.stored[np.tril_indices(len(learner.weights))]
        arrays += [
            ("weights", learner.weights),
            ("variance", learner.variance),
            ("triangle", triangle),
            ("scale", np.array([learner.scale])),
        ]
    return arrays


def _restore(trainer: Trainer, header: dict[str, Any], arrays: dict[str, Float64]) -> None:
    model = trainer.model
    trainer.version = header["labels_learned"]
    trainer.first_t0, trainer.latest_t0 = header["first_t0"], header["latest_t0"]
    trainer.learned_until = header["learned_until"]
    trainer.counts.update(header["counts"])
    trainer.set_marks(header["marks"])
    trainer.quality.load(header["quality"])
    trainer.labels, trainer.positives = header["labels"]
    model.features.layout = Layout(tuple(Block(*block) for block in header["blocks"]))
    model.features.seen = header["seen"]
    model.features.counts.update({Block(*block): count for *block, count in header["counted"]})
    model.labels, model.rate = header["rate"]
    model.learned = header["learned"]
    model.importance.load(header["importance"])
    trainer.baselines.load(header["baselines"])
    for name, quality in trainer.baseline_quality.items():
        quality.load(header["baseline_quality"][name])
    model.fit_layout()
    scaler = model.scaler
    scaler.count, scaler.origin = arrays["count"], arrays["origin"]
    scaler.total, scaler.squares = arrays["total"], arrays["squares"]
    model.centre = arrays["centre"]
    _restore_learner(model.learner, header["ftrl"], arrays)


def _restore_learner(learner: Any, ftrl: dict[str, Any] | None, arrays: dict[str, Float64]) -> None:
    if isinstance(learner, BayesianLogisticRegression):
        size = len(arrays["weights"])
        stored = np.zeros((size, size), order="F")
        stored[np.tril_indices(size)] = arrays["triangle"]
        learner.restore(arrays["weights"], arrays["variance"], stored, float(arrays["scale"][0]))
    elif ftrl is not None:
        learner.intercept = ftrl["intercept"]
        learner._weights.update(ftrl["weights"])  # noqa: SLF001 - River gives no other way in
        learner.optimizer.z.update(ftrl["z"])
        learner.optimizer.n.update(ftrl["n"])
        learner.optimizer.n_iterations = ftrl["iterations"]
