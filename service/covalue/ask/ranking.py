"""
How well a question of the library fits a text.

A question is known by its wordings: title and sentence in both languages, and those of `phrasings.csv`. Each wording is a set of pieces
of meaning (`Lexicon.keys`) and a set of plain words (`Lexicon.words`); what a value was taken from counts as a slot. A candidate, a
question with values, is held against its wordings by a few measures, and the sum of these, each with its weight, is the score. The
weights are fitted by `tests/bench/ask.py fit`, which asks every wording while it is left out of the library.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from covalue.ask.directions import Directions, End, agreement
from covalue.ask.lexicon import SLOT as SLOT_NAME
from covalue.ask.lexicon import Keys, Lexicon, Token
from covalue.ask.slots import Filled, Slots
from covalue.questions import LANGUAGES, Question

FIELDS = (("title", 1.0), ("question", 0.9), ("explanation", 0.35))
HEADING, NAME = 0.5, 0.8
SLOT = 2.6
YEAR = 1.5
DOUBTFUL = 0.5
"""A value that is less sure than this counts against a candidate, for what it takes of the text is then as good as not understood."""
OWN_SHARE, OWN_SHARE_OF_WORDS = 0.72, 0.6
UNKNOWN = 1.0
BACKGROUND = 0.5
LOOKED_AT = 32
"""Candidates that are held against every single wording; the others are too far off by the measures that cost less."""
TELLING = {"c:without": 1.5, "c:only": 1.3, "c:compare": 1.4, "c:several": 1.3, "c:both": 1.3, "c:matrix": 1.3, "c:howmany": 1.2}
OPPOSED = frozenset({"c:without", "c:only", "c:compare", "c:matrix"})
OPPOSITION = 0.88
ALIKE = 1e-9
"""Scores that differ by less are the same: then the values stand in the order of the text."""
ASKED_FOR = frozenset({"c:when", "c:evidence", "c:howmany", "c:which-most", "c:future", "c:compare", "c:without", "c:only"})
"""What a text may ask for, that a question gives or does not."""


@dataclass(frozen=True)
class Features:
    """
    What speaks for a candidate.

    `alike` is the likeness to the best wording, `several` the mean of the best four, `middle` that to all of them together (all 0 to 1);
    `likely` a log-likelihood ratio (in tens); `words` the likeness of the plain words to the best wording; `sure` the certainty of the
    values, summed; `unfilled` is 1 where a question lacks a value without which it makes little sense; `direction` tells whether its values
    stand at those ends of a relation at which the text has them (from -1, at the other ends, to 1); `ignored`, how surely something is
    named that would be a value of it, and is none, and `unbound`, that is no value at all (0 to 1); `astray`, how many things are asked
    for, as a time or a number, that the question never gives.
    """

    alike: float
    several: float
    middle: float
    likely: float
    words: float
    sure: float
    unfilled: float
    direction: float
    ignored: float
    unbound: float
    astray: float


WEIGHTS = Features(alike=3.2, several=3.1, middle=1.66, likely=2.96, words=3.92, sure=-0.53, unfilled=-1.4, direction=1.5, ignored=-0.6, unbound=-0.4, astray=-0.8)


@dataclass(frozen=True)
class Fit:
    """A candidate: the question, its values, what speaks for it, its score, and the share of the text that it takes up (0 to 1)."""

    question: Question
    filled: Filled
    features: Features
    score: float
    cover: float


@dataclass(frozen=True)
class Wordings:
    """What a question is known by: its wordings as pieces of meaning and as words, and all that its header says, weighted."""

    question: Question
    pieces: tuple[Keys, ...]
    words: tuple[Keys, ...]
    doc: Mapping[str, float]
    counts: Mapping[str, int]
    wanted: bool
    always: frozenset[str]

    def lacks(self, filled: Filled) -> bool:
        """Whether it makes little sense with these values: with none at all, or without one that all its wordings have."""
        return (self.wanted and not filled.values) or not self.always <= filled.values.keys()


@dataclass(frozen=True)
class Entry:
    """Wordings with the weights of their pieces summed up."""

    known: Wordings
    pieces: tuple[tuple[Keys, float], ...]
    words: tuple[tuple[Keys, float], ...]
    middle: Mapping[str, float]

    @property
    def question(self) -> Question:
        return self.known.question


@dataclass(frozen=True)
class _Own:
    """What is left of a text beside a candidate's values: pieces of meaning and words with their weights, and the sums of these, doubts included."""

    pieces: Mapping[str, float]
    words: Mapping[str, float]
    total: float
    total_words: float


class Ranking:
    """The library, ready to be compared with texts."""

    def __init__(self, questions: Iterable[Question], lexicon: Lexicon, directions: Directions) -> None:
        self.directions = directions
        every = [wordings(question, lexicon) for question in questions]
        self._many = len(every)
        self._spread = Counter(key for one in every for key in {*one.doc, *one.counts})
        self._spread_of_words = Counter(key for one in every for key in frozenset[str]().union(*one.words))
        self._all = sum(len(one.pieces) for one in every)
        self._background: Counter[str] = Counter()
        for one in every:
            self._background.update(one.counts)
        self.entries = [self.entry(one) for one in every]

    def entry(self, known: Wordings) -> Entry:
        """Wordings, made ready for comparison."""
        summed = {key: n * self.weight(key) for key, n in known.counts.items()}
        length = math.sqrt(sum(w * w for w in summed.values())) or 1.0
        return Entry(
            known,
            tuple((keys, sum(map(self.weight, keys))) for keys in known.pieces),
            tuple((keys, sum(map(self._word_weight, keys))) for keys in known.words),
            {key: w / length for key, w in summed.items()},
        )

    def knows(self, key: str) -> bool:
        """Whether any question has to do with a piece of meaning."""
        return key in self._spread

    def weight(self, key: str) -> float:
        """How much a piece of meaning tells of the question: the more, the fewer questions have it."""
        if key.startswith("s:"):
            return SLOT
        if key not in self._spread:
            return math.log(1 + self._many) * UNKNOWN
        rarity = math.log(1 + self._many / self._spread[key])
        return min(rarity, YEAR if key.startswith("n:") else math.inf) * TELLING.get(key, 1.0)

    def _word_weight(self, key: str) -> float:
        return SLOT if key.startswith("s:") else math.log(1 + self._many / (self._spread_of_words[key] or BACKGROUND))

    def rank(self, tokens: Sequence[Token], slots: Slots, words: Mapping[str, frozenset[int]]) -> list[Fit]:
        """
        The best candidates, best first, one for each question; what only names the firm studied counts for nothing.

        Args:
            tokens: the pieces of meaning of a text.
            slots: what it offers for values.
            words: its plain words, with the atoms that each stands for.
        """
        best: dict[str, Fit] = {}
        for fit in self.candidates(tokens, slots, words):
            known = best.get(fit.question.name)
            if known is None or fit.score > known.score + ALIKE:
                best[fit.question.name] = fit
        return sorted(best.values(), key=lambda f: (-f.score, f.question.name))

    def candidates(self, tokens: Sequence[Token], slots: Slots, words: Mapping[str, frozenset[int]]) -> list[Fit]:
        """The questions, each with the values that it may have, that are worth a closer look."""
        rough = []
        for one in self.entries:
            for filled in slots.fill(one.question, one.known.wanted):
                own = self._own(tokens, words, filled, filled.covers | slots.silent)
                rough.append((self._likely(one, own, filled) + self._middle(one, own) + self._cover(one, own), one, filled, own))
        rough.sort(key=lambda r: (-round(r[0], 9), r[1].question.name))
        return [self._fit(one, filled, own, slots) for _, one, filled, own in rough[:LOOKED_AT]]

    def _own(self, tokens: Sequence[Token], words: Mapping[str, frozenset[int]], filled: Filled, hidden: frozenset[int]) -> _Own:
        slots = {f"s:{name}": SLOT * sure for name, sure in filled.sure.items()}
        pieces = {t.key: self.weight(t.key) for t in tokens if not hidden.intersection(range(t.start, t.end))} | slots
        plain = {key: self._word_weight(key) for key, where in words.items() if not where & hidden} | slots
        doubt = sum(SLOT * (1 - sure) for sure in filled.sure.values() if sure < DOUBTFUL)
        return _Own(pieces, plain, sum(pieces.values()) + doubt or 1.0, sum(plain.values()) + doubt or 1.0)

    def _fit(self, one: Entry, filled: Filled, own: _Own, slots: Slots) -> Fit:
        alike = sorted((self._alike(own, keys, size) for keys, size in one.pieces), reverse=True)[:4]
        words = max((_alike_in_words(own, keys, size) for keys, size in one.words), default=0.0)
        ends = self._ends(one.question, filled, slots)
        features = Features(
            alike=alike[0] if alike else 0.0,
            several=sum(alike) / 4,
            middle=self._middle(one, own),
            likely=self._likely(one, own, filled),
            words=words,
            sure=sum(filled.sure.values()),
            unfilled=float(one.known.lacks(filled)),
            direction=agreement(self.directions, ends, slots.found, slots.said, filled.covers),
            ignored=slots.ignored(one.question, filled),
            astray=float(sum(key in ASKED_FOR and key not in one.known.doc for key in own.pieces)),
            unbound=slots.unbound(filled, frozenset[int]().union(*(covers for _, covers in ends))),
        )
        return Fit(one.question, filled, features, scored(features), self._cover(one, own))

    def _ends(self, question: Question, filled: Filled, slots: Slots) -> list[tuple[End, frozenset[int]]]:
        """The ends of relations that a candidate's values, and the thing that it is always about, stand for, with the atoms that name them."""
        named = ((end, filled.places.get(end.slot, frozenset()) if end.slot else slots.naming(end.thing)) for end in self.directions.ends.get(question.name, ()))
        return [(end, covers) for end, covers in named if covers]

    def _alike(self, own: _Own, keys: Keys, size: float) -> float:
        """Tversky's measure, weighted by how much each piece tells; less where one side denies or compares and the other does not."""
        shared = sum(own.pieces[k] for k in keys if k in own.pieces)
        opposed = len(OPPOSED & (keys ^ own.pieces.keys()))
        return shared / (OWN_SHARE * own.total + (1 - OWN_SHARE) * size) * OPPOSITION**opposed

    def _middle(self, one: Entry, own: _Own) -> float:
        """The cosine with the sum of all wordings."""
        return sum(w * one.middle.get(k, 0.0) for k, w in own.pieces.items()) / (math.sqrt(sum(w * w for w in own.pieces.values())) or 1.0)

    def _likely(self, one: Entry, own: _Own, filled: Filled) -> float:
        """How much likelier the pieces are in this question's wordings than in any, as a logarithm, in tens."""
        total = 0.0
        for key in own.pieces:
            anywhere = (self._background[key] + BACKGROUND) / (self._all + 1)
            ratio = math.log((one.known.counts.get(key, 0) + anywhere) / (len(one.pieces) + 1) / anywhere)
            total += ratio * filled.sure[key[2:]] if key.startswith("s:") else ratio
        return total / 10

    def _cover(self, one: Entry, own: _Own) -> float:
        return sum(w * (1.0 if key.startswith("s:") else one.known.doc.get(key, 0.0)) for key, w in own.pieces.items()) / own.total


def _alike_in_words(own: _Own, keys: Keys, size: float) -> float:
    shared = sum(own.words[k] for k in keys if k in own.words)
    return shared / (OWN_SHARE_OF_WORDS * own.total_words + (1 - OWN_SHARE_OF_WORDS) * size) if shared else 0.0


def scored(features: Features) -> float:
    """The score of a candidate."""
    return float(sum(w * x for w, x in zip(vars(WEIGHTS).values(), vars(features).values(), strict=True)))


def wordings(question: Question, lexicon: Lexicon) -> Wordings:
    """What a question is known by."""
    said = lexicon.phrasings.get(question.name, ())
    texts = [*(question.text(key, lang) for key in ("title", "question") for lang in LANGUAGES), *said]
    pieces = tuple(dict.fromkeys(k for k in map(lexicon.keys, texts) if k))
    doc = _document(question, lexicon) | {key: 1.0 for keys in pieces for key in keys}
    wanted = any(p.required for p in question.query.parameters) or (bool(said) and all("{" in text for text in said))
    counts = Counter(key for keys in pieces for key in keys)
    always = frozenset.intersection(*(frozenset(SLOT_NAME.findall(text)) for text in said)) if said else frozenset[str]()
    return Wordings(question, pieces, tuple(dict.fromkeys(map(lexicon.words, texts))), doc, counts, wanted, always)


def _document(question: Question, lexicon: Lexicon) -> dict[str, float]:
    """All that the header says, with how much each piece of it counts."""
    said = [(question.text(key, lang), weight) for key, weight in FIELDS for lang in LANGUAGES]
    columns = (c for c in (question.query.header.get("columns") or {}))
    said += [(question.heading(c, lang), HEADING) for c in columns for lang in LANGUAGES]
    said += [(question.name.replace("/", " ").replace("-", " "), NAME), *((str(k), 1.0) for k in question.query.header.get("keywords") or ())]
    doc: dict[str, float] = {}
    for text, weight in said:
        for key in lexicon.keys(text):
            doc[key] = max(doc.get(key, 0.0), weight)
    return doc
