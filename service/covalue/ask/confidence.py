"""
How sure we are of the best reading: a logistic function of what tells a good one from a bad one.

Weights, bias and threshold are fitted by `tests/bench/ask.py fit`, to wordings that were asked while they were left out of the library,
and to questions that the graph cannot answer. `strange` alone is set by hand, to less than the fit says: the words of what it is fitted to have
mostly been learnt, those of what is asked later have not.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

MOST_LEAD = 4.0
MOST_MASS = 12.0


@dataclass(frozen=True)
class Measures:
    """
    What tells a good reading from a bad one.

    `score` of the best (in tens), its `lead` over that of the next question; `alike` and `words` as in `ranking.Features`; `cover`, the
    share of the text that the question has to do with, and `strange`, that which no question has to do with; `outside`, whether a topic
    is named that the source has nothing on; `mass`, how much the text says at all; `unbound`, how surely something is named that is no
    value of the reading; `unsure`, how uncertain the least certain value is; `unfilled` and `astray` as in
    `ranking.Features`.
    """

    score: float
    lead: float
    alike: float
    words: float
    cover: float
    strange: float
    outside: float
    mass: float
    unbound: float
    unsure: float
    unfilled: float
    astray: float


NOTHING = Measures(0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
WEIGHTS = Measures(
    score=4.52,
    lead=0.71,
    alike=1.28,
    words=-0.95,
    cover=-2.65,
    strange=-3.2,
    outside=-2.65,
    mass=0.55,
    unbound=-0.65,
    unsure=-1.28,
    unfilled=-5.75,
    astray=-1.80,
)
BIAS = -2.15
THRESHOLD = 0.84
EXACT = 0.99
AS_WRITTEN = 0.99
"""A text that is word for word a wording of a question, and of no other, and asks for nothing that it does not give."""


def confidence(measures: Measures) -> float:
    """
    The share of such readings that were right where it was fitted (0 to 1).

    >>> confidence(Measures(1.4, 2.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)) > confidence(Measures(0.5, 0.0, 0.4, 0.1, 0.4, 0.6, 1.0, 0.3, 0.9, 0.5, 0.0, 0.0))
    True
    """
    if min(measures.alike, measures.words) > EXACT and measures.lead > 0 and not measures.astray:
        return AS_WRITTEN
    z = BIAS + sum(w * x for w, x in zip(astuple(WEIGHTS), astuple(measures), strict=True))
    return 1 / (1 + math.exp(-z))
