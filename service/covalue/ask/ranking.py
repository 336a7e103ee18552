"""
How well a question of the library fits a text.

Each question has views: its title, its question and its other wordings, in both languages, as sets of pieces of meaning. A text's
pieces, with the atoms of bound values replaced by a slot, are compared with the best view (Tversky's measure, weighted by how
rare a piece is among the questions) and with everything that the question's header says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from covalue.ask.lexicon import Lexicon, Token
from covalue.ask.slots import Filled, Slots
from covalue.questions import LANGUAGES, Question

FIELDS = (("title", 1.0), ("question", 0.9), ("explanation", 0.35))
HEADING, NAME = 0.5, 0.8
SLOT = 2.6
OWN_SHARE = 0.72
DOC = 0.55
UNKNOWN = 1.0
UNFILLED = 0.82
MIDDLE = 0.4
BOUND = 0.05
TELLING = {"c:without": 1.5, "c:only": 1.3, "c:compare": 1.4, "c:several": 1.3, "c:both": 1.3, "c:matrix": 1.3, "c:howmany": 1.2}
OPPOSED = frozenset({"c:without", "c:only", "c:compare", "c:matrix"})
OPPOSITION = 0.88


@dataclass(frozen=True)
class Fit:
    """A candidate: the question, its values, how well it fits (about 0 to 1.5), and the share of the text that it takes up."""

    question: Question
    filled: Filled
    score: float
    view: float
    cover: float


@dataclass(frozen=True)
class _Entry:
    question: Question
    views: tuple[frozenset[str], ...]
    sums: tuple[float, ...]
    doc: Mapping[str, float]
    middle: Mapping[str, float]
    wanted: bool


class Ranking:
    """The library, ready to be compared with texts."""

    def __init__(self, questions: Iterable[Question], lexicon: Lexicon) -> None:
        made = [(question, _views(question, lexicon), _document(question, lexicon)) for question in questions]
        self._count = len(made)
        spread: dict[str, int] = {}
        for _, views, doc in made:
            for key in {*doc, *(k for view in views for k in view)}:
                spread[key] = spread.get(key, 0) + 1
        self.weights = {key: SLOT if key.startswith("s:") else math.log(1 + self._count / n) * TELLING.get(key, 1.0) for key, n in spread.items()}
        self.unknown = math.log(1 + self._count) * UNKNOWN
        self._entries = [self._entry(question, views, doc, lexicon) for question, views, doc in made]

    def _entry(self, question: Question, views: Sequence[frozenset[str]], doc: dict[str, float], lexicon: Lexicon) -> _Entry:
        for key in {k for view in views for k in view}:
            doc[key] = 1.0
        said = lexicon.phrasings.get(question.name, ())
        wanted = any(p.required for p in question.query.parameters) or (bool(said) and all("{" in text for text in said))
        return _Entry(question, tuple(views), tuple(self._sum(view) for view in views), doc, self._middle(views), wanted)

    def _middle(self, views: Sequence[frozenset[str]]) -> dict[str, float]:
        """The mean of the views as a vector of length 1."""
        summed: dict[str, float] = {}
        for view in views:
            for key in view:
                summed[key] = summed.get(key, 0.0) + self.weight(key)
        length = math.sqrt(sum(w * w for w in summed.values())) or 1.0
        return {key: w / length for key, w in summed.items()}

    def weight(self, key: str) -> float:
        return self.weights.get(key, self.unknown)

    def _sum(self, keys: Iterable[str]) -> float:
        return sum(map(self.weight, keys))

    def rank(self, tokens: Sequence[Token], slots: Slots) -> list[Fit]:
        """All questions, the best fit first, each with the values that suit it best; what only names the firm studied counts for nothing."""
        silent = slots.silent
        fits = [max((self._fit(entry, filled, tokens, silent) for filled in slots.fill(entry.question, entry.wanted)), key=lambda f: f.score) for entry in self._entries]
        return sorted(fits, key=lambda f: (-f.score, f.question.name))

    def _fit(self, entry: _Entry, filled: Filled, tokens: Sequence[Token], silent: frozenset[int]) -> Fit:
        hidden = filled.covers | silent
        own = {t.key: self.weight(t.key) for t in tokens if not hidden.intersection(range(t.start, t.end))}
        own |= {f"s:{name}": SLOT * sure for name, sure in filled.sure.items()}
        total = sum(own.values()) or 1.0
        view = max((self._alike(own, total, keys, size) for keys, size in zip(entry.views, entry.sums, strict=True)), default=0.0)
        cover = sum(w * (1.0 if key.startswith("s:") else entry.doc.get(key, 0.0)) for key, w in own.items()) / total
        middle = sum(w * entry.middle.get(key, 0.0) for key, w in own.items()) / (math.sqrt(sum(w * w for w in own.values())) or 1.0)
        score = view + DOC * cover + MIDDLE * middle + BOUND * sum(filled.sure.values())
        if entry.wanted and not filled.values:
            score *= UNFILLED
        return Fit(entry.question, filled, score, view, cover)

    def _alike(self, own: Mapping[str, float], total: float, keys: frozenset[str], size: float) -> float:
        shared = sum(own[k] for k in keys if k in own)
        opposed = len(OPPOSED & (keys ^ own.keys()))
        return shared / (OWN_SHARE * total + (1 - OWN_SHARE) * size) * OPPOSITION**opposed


def _views(question: Question, lexicon: Lexicon) -> list[frozenset[str]]:
    texts = [question.text(key, lang) for key in ("title", "question") for lang in LANGUAGES]
    keys = (lexicon.keys(text) for text in [*texts, *lexicon.phrasings.get(question.name, ())])
    return list(dict.fromkeys(k for k in keys if k))


def _document(question: Question, lexicon: Lexicon) -> dict[str, float]:
    said = [(question.text(key, lang), weight) for key, weight in FIELDS for lang in LANGUAGES]
    columns = (c for c in (question.query.header.get("columns") or {}))
    said += [(question.heading(c, lang), HEADING) for c in columns for lang in LANGUAGES]
    said += [(question.name.replace("/", " ").replace("-", " "), NAME), *((str(k), 1.0) for k in question.query.header.get("keywords") or ())]
    doc: dict[str, float] = {}
    for text, weight in said:
        for key in lexicon.keys(text):
            doc[key] = max(doc.get(key, 0.0), weight)
    return doc
