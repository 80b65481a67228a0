"""Which sources and attributes a model knows by name, and the features it makes of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from river import base

from models.learning.layout import KNOT_DAYS, KNOTS, Block, Layout
from models.learning.raw import raw_of_names
from models.profiles.decay import DAY_HALF_LIVES, HALF_LIVES, NOTHING, SUM_HALF_LIVES
from models.profiles.features import HOURS, SUMS, RawProfile
from models.profiles.profile import OTHER

#: The layout is first decided after so many examples, and again at every multiple of the other.
WARM_UP = 100
TERM = 500
#: Newcomers counted in a term, at most: the first to appear; an invented flood is not.
MOST_COUNTED = 4_096
#: A newcomer has to be in this share of a term's examples.
LEAST_SHARE = 0.01

Features = dict[base.typing.FeatureName, Any]


class ProfileFeatures(base.Transformer):
    """Turns raw features of a profile into those that a model scales, and decides on which.

    Sources are admitted by how many examples they are in, most frequent first, the goal's own
    before all, at most ``most_sources``; later ones are pooled in ``other``. Their values, and
    attributes, join when they have been seen. All of this happens only at fixed numbers of
    examples, and nothing admitted ever leaves: what was learned keeps its meaning.

    Parameters
    ----------
    own
        Sources that the goal is about.
    most_sources
        How many sources are known by name.
    most_categories
        How many texts of an attribute are known by name.

    Examples
    --------
    >>> features = ProfileFeatures(own=("event/basket",))
    >>> sorted(features.transform_one({"event/basket/hours": 1.0}))[:2]
    ['event/basket/count_1d', 'event/basket/count_1h']
    """

    def __init__(
        self,
        own: tuple[str, ...] | None = None,
        most_sources: int = 16,
        most_categories: int = 16,
    ) -> None:
        self.own = own
        self.most_sources = most_sources
        self.most_categories = most_categories
        blocks = [Block("activity", source) for source in (own or ())[:most_sources]]
        self.layout = Layout().with_blocks(blocks)
        self.seen = 0
        self.counts: Counter[Block] = Counter()
        self._unknown = _Unknown(self.layout)

    def learn_one(self, x: Features) -> None:
        """Count what is in an example."""
        self.learn_raw([raw_of_names({str(name): value for name, value in x.items()})])

    def transform_one(self, x: Features) -> Features:
        """The features that the layout makes of raw ones: the plain statement of the transform.

        Names that are not ours pass through as they are.
        """
        made: Features = {}
        for block in self.layout.blocks:
            made.update(zip(block.features, _made_of(block, self.layout, x), strict=True))
        made.update((name, value) for name, value in x.items() if not _is_ours(str(name)))
        return {name: value for name, value in made.items() if value is not None}

    @property
    def left_in_term(self) -> int:
        """How many more examples have the same layout."""
        if self.seen < WARM_UP:
            return WARM_UP - self.seen
        return TERM - self.seen % TERM

    def learn_raw(self, examples: Sequence[RawProfile]) -> None:
        """Count examples, no more than are left in the term; at its start, decide first."""
        if self.seen == WARM_UP or (self.seen and self.seen % TERM == 0):
            self._decide()
        if self._unknown.layout is not self.layout:
            self._unknown = _Unknown(self.layout)
        for raw in examples:
            for block in self._unknown.blocks_in(raw):
                if block in self.counts or len(self.counts) < MOST_COUNTED:
                    self.counts[block] += 1
        self.seen += len(examples)

    def _decide(self) -> None:
        least = max(2, LEAST_SHARE * min(self.seen, TERM))
        ranked = sorted(
            self.counts.items(), key=lambda item: (-item[1], item[0].name, item[0].text)
        )
        for block, count in ranked:
            if count >= least and block not in self.layout.blocks:
                self._admit(block)
        self.counts.clear()

    def _admit(self, block: Block) -> None:
        if block.kind == "activity" and self._are_full():
            block = Block("activity", OTHER)
        if block.kind == "value" and block.name not in self.layout.numbers:
            if OTHER not in self.layout.numbers:
                return  # its source first; the value can follow at a later term
            block = Block("value", OTHER)
        if block.kind == "category" and self._categories(block.name) >= self.most_categories:
            return
        if block not in self.layout.blocks:
            self.layout = self.layout.with_blocks([block])

    def _are_full(self) -> bool:
        return len([source for source in self.layout.sources if source != OTHER]) >= (
            self.most_sources
        )

    def _categories(self, name: str) -> int:
        return sum(block.kind == "category" and block.name == name for block in self.layout.blocks)


class _Unknown:
    """Finds what is in examples that a layout does not know.

    Parameters
    ----------
    layout
        What is known.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._known = frozenset(layout.blocks)
        self._asked: dict[tuple[str, ...], list[tuple[int, Block, Block]]] = {}

    def blocks_in(self, raw: RawProfile) -> Iterator[Block]:
        """The blocks that an example would fill, as far as they are not known."""
        for row, activity, value in self._ask(raw.names):
            if activity not in self._known:
                yield activity
            if value not in self._known and raw.rows[row, SUMS.start : HOURS].any():
                yield value
        for name, found in raw.attributes.items():
            is_text = isinstance(found, str)
            block = Block("category", name, str(found)) if is_text else Block("number", name)
            if block not in self._known:
                yield block

    def _ask(self, names: tuple[str, ...]) -> list[tuple[int, Block, Block]]:
        """The rows of those sources of which not everything is known, and their blocks."""
        asked = self._asked.get(names)
        if asked is None:
            blocks = [(row, Block("activity", name), Block("value", name))
                      for row, name in enumerate(names)]  # fmt: skip
            asked = [one for one in blocks if not self._known.issuperset(one[1:])]
            if len(self._asked) < MOST_COUNTED:
                self._asked[names] = asked
        return asked


def _is_ours(name: str) -> bool:
    return name.startswith(("profile/", "event/", "named/", "other/", "attribute/"))


def _made_of(block: Block, layout: Layout, x: Mapping[Any, Any]) -> list[float | None]:
    if block.kind == "profile":
        return _of_profile(x)
    if block.kind == "number":
        return [x.get(f"attribute/{block.name}")]
    if block.kind == "category":
        return [float(f"attribute/{block.name}={block.text}" in x)]
    rows = _rows_of(block.name, layout, x)
    return (
        _activity(rows, x.get("profile/tenure_hours", 0.0))
        if (block.kind == "activity")
        else _value(rows)
    )


def _rows_of(source: str, layout: Layout, x: Mapping[Any, Any]) -> list[dict[str, float]]:
    """The raw features of a source; of ``other``, those of every source that is not known."""
    rows: dict[str, dict[str, float]] = {}
    for key, value in x.items():
        start, _, name = str(key).rpartition("/")
        pooled = source == OTHER and start not in layout.numbers and _is_source(start)
        if start == source or pooled:
            rows.setdefault(start, {})[name] = value
    return list(rows.values())


def _is_source(name: str) -> bool:
    return name.startswith(("event/", "named/"))


def _of_profile(x: Mapping[Any, Any]) -> list[float | None]:
    tenure = x.get("profile/tenure_hours", 0.0)
    days = x.get("profile/days", 0.0)
    gap = x.get("profile/gap_hours")
    recency = math.log1p(x.get("profile/hours", 0.0))
    log_gap = math.log1p(gap or 0.0)
    knots = zip(KNOTS, KNOT_DAYS, strict=True)
    return [
        math.log1p(tenure),
        *[max(math.log1p(tenure) - math.log1p(at * 24.0), 0.0) for _, at in knots],
        math.log1p(days),
        *[math.log1p(x.get(f"profile/days_{name}", 0.0)) for name in DAY_HALF_LIVES],
        days / (tenure / 24.0 + 1.0),
        recency,
        log_gap,
        0.0 if gap is None else recency - log_gap,
        float(gap is None),
    ]


def _activity(rows: list[dict[str, float]], tenure: float) -> list[float | None]:
    counts = [sum(row.get(f"count_{name}", 0.0) for row in rows) for name in HALF_LIVES]
    hours = min((row["hours"] for row in rows if "hours" in row), default=None)
    recency = tenure if hours is None else hours
    return [*map(math.log1p, counts), math.log1p(recency), float(hours is None)]


def _value(rows: list[dict[str, float]]) -> list[float | None]:
    sums = [sum(row.get(f"sum_{name}", 0.0) for row in rows) for name in SUM_HALF_LIVES]
    count = sum(row.get("count_90d", 0.0) for row in rows)
    mean = sums[-1] / count if count > NOTHING else 0.0
    latest = min(rows, key=lambda row: row.get("hours", math.inf), default={})
    values = [*sums, mean, latest.get("value", 0.0)]
    return [math.copysign(math.log1p(abs(value)), value) for value in values]
