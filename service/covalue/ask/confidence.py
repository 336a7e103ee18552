"""
How sure we are of the best reading: a logistic function of five measures, fitted to `tests/ask/tune.csv` by `tests/bench/ask.py fit`.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Measures:
    """What tells a good reading from a bad one."""

    score: float
    lead: float
    cover: float
    strange: float
    outside: float


WEIGHTS = (4.0, 4.0, 3.0, -4.0, -4.0)
BIAS = -5.0
THRESHOLD = 0.5


def confidence(measures: Measures) -> float:
    """
    The share of such readings that were right on the tuning set (0 to 1).

    >>> confidence(Measures(1.4, 0.4, 1.0, 0.0, 0.0)) > confidence(Measures(0.5, 0.0, 0.4, 0.6, 1.0))
    True
    """
    z = BIAS + sum(w * x for w, x in zip(WEIGHTS, astuple(measures), strict=True))
    return 1 / (1 + math.exp(-z))
