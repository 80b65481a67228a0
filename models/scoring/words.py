"""What is told of a feature with a value, as JSON, put into words once and remembered."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import orjson

from models.profiles.features import Float64, Int
from models.scoring.factors import Factors
from models.scoring.phrases import Phrase

#: Words tell a feature in steps of a hundredth of its logarithm, which is finer than they show.
STEPS = 100
#: Bits that the steps of a value take in the code of a feature and its value: room for the largest
#: attribute, which is told without a logarithm.
CODE_BITS = 48
#: Steps of a value that is not known.
UNKNOWN = -(1 << CODE_BITS - 1)
#: Words that are remembered, at most.
MOST_WORDS = 50_000

Codes = npt.NDArray[np.int64]


def codes_of(feature: Int, young: npt.NDArray[np.bool_], value: Float64) -> Codes:
    """A number for each feature with its value, in steps, of a profile that is young or not."""
    codes: Codes = (2 * feature + young << CODE_BITS) + _steps_of(value)
    return codes


def _steps_of(values: Float64 | float) -> Codes:
    """Values in the steps that words tell."""
    steps = np.rint(np.multiply(values, STEPS))
    return np.where(np.isnan(steps), UNKNOWN, steps).astype(np.int64)


class Words(dict[int, bytes]):
    """Code of a feature and its value -> the JSON of a factor up to its contribution.

    Parameters
    ----------
    factors
        Of the layout.
    phrases
        From values to words, for each feature, for profiles in general and for young ones.
    """

    def __init__(self, factors: Factors, phrases: Sequence[Sequence[Phrase]]) -> None:
        self._factors = factors
        self._phrases = phrases

    def __missing__(self, code: int) -> bytes:
        number = (code + (1 << CODE_BITS - 1)) >> CODE_BITS
        factor, text = self._told(*divmod(number, 2), code - (number << CODE_BITS))
        said = orjson.dumps({"factor": factor, "text": text})[:-1] + b',"contribution":'
        if len(self) >= MOST_WORDS:
            self.clear()
        self[code] = said
        return said

    def told(self, feature: int, young: bool, value: float) -> tuple[str, str]:
        """The factor that a feature belongs to, and what is said of its value."""
        return self._told(feature, young, int(_steps_of(value)))

    def _told(self, feature: int, young: int, steps: int) -> tuple[str, str]:
        phrase = self._phrases[young][feature]
        text = phrase(math.nan if steps == UNKNOWN else steps / STEPS)
        return self._factors.names[self._factors.of_feature[feature]], text
