"""The asker: a text in, readings out."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pyoxigraph as ox

from covalue.ask.confidence import MOST_LEAD, MOST_MASS, NOTHING, THRESHOLD, Measures, confidence
from covalue.ask.directions import UNTOLD, Directions
from covalue.ask.lexicon import Lexicon, Token
from covalue.ask.mentions import Names
from covalue.ask.ranking import SLOT, Fit, Ranking
from covalue.ask.slots import Slots
from covalue.ask.spelling import Spelling
from covalue.ask.tokens import atoms, is_han, is_number, stem
from covalue.errors import InputError, StoreError
from covalue.queries import Parameter, literal
from covalue.questions import Answers, Question, bindings

LONGEST = 500
KEPT = 6
WEIGHED, EMPTY, REMEMBERED = 3, 1.5, 4096
"""So many of the best are asked whether they hold a row, and so much of its score one loses that holds none; of so many
queries at most it is remembered."""
HINT = {
    "en": "You can ask who contributes, gives or gains what; what led to something and what followed from it; how large a figure is; what happened when; "
    "what the literature holds; what is recommended to whom; where something is said, and what is left unsaid.",
    "zh": "可以问：谁贡献、给予或得到了什么；某事由何引起，又带来什么；某项数值是多少；何时发生了什么；文献有何观点；向谁提出了什么建议；某事出自何处；以及来源没有说什么。",
}
MOST_STRANGE = 3
OUTSIDE = "o:"
DENYING = re.compile("(?:un|non|in)([a-z]{5,})|([a-z]{3,})less")
HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class Reading:
    """One way to understand a text: a question of the library with values (short ids) for its parameters, and its SPARQL."""

    question: Question
    values: Mapping[str, tuple[str, ...]]
    score: float
    sparql: str

    @property
    def name(self) -> str:
        return self.question.name

    @property
    def complete(self) -> bool:
        """Whether every parameter that must have a value has one, so that the question can be asked."""
        return all(self.values.get(p.name) for p in self.question.query.parameters if p.required)


@dataclass(frozen=True)
class Reply:
    """
    The readings of a text, best first.

    `known` tells whether the first may be given as the answer; if not, the readings are only the closest. `confidence` is the
    share of readings like the first that were right on the tuning set. `strange` are words of the text that the graph does not go by;
    `untimely` tells that the first is understood well, and holds nothing for the time asked.
    """

    text: str
    lang: str
    readings: tuple[Reading, ...]
    confidence: float
    known: bool
    measures: Measures
    strange: tuple[str, ...] = ()
    untimely: bool = False

    @property
    def others(self) -> tuple[Reading, ...]:
        """The readings besides the one that is given as the answer."""
        return self.readings[1:] if self.known else self.readings

    def message(self, lang: str | None = None) -> str:
        """A sentence for the person who asked, in a language."""
        zh = (lang or self.lang) == "zh"
        if not self.readings:
            return "没有可理解的内容；请用一句话提问。" if zh else "There is nothing here to go by; ask in a sentence."
        title = self.readings[0].question.text("title", "zh" if zh else "en")
        if self.known:
            return f"理解为：{title}。" if zh else f"Understood as: {title}."
        if self.untimely:
            return f"图谱不能可靠地回答这个问题：“{title}”在所问的时间内没有内容。" if zh else f"I do not know: “{title}” has nothing for that time."
        if self.strange:
            words = ("、" if zh else ", ").join(f"“{word}”" for word in self.strange)
            return f"图谱不能可靠地回答这个问题：图谱中没有{words}。" if zh else f"I do not know: the graph has no {words}."
        return (
            f"图谱不能可靠地回答这个问题：没有一个现成问题与之吻合。最接近的是：{title}。"
            if zh
            else f"I do not know: no question of the library fits surely. The closest is: {title}."
        )

    def hint(self, lang: str | None = None) -> str:
        """What can be asked, for the person whose question is not answered; empty where it is."""
        if self.known:
            return ""
        return HINT["zh" if (lang or self.lang) == "zh" else "en"]


def language_of(text: str) -> str:
    """
    The language of a text: Chinese if it holds a Chinese character.

    >>> language_of("users 的贡献"), language_of("Contributions of users")
    ('zh', 'en')
    """
    return "zh" if HAN.search(text) else "en"


class Asker:
    """Understands questions in Chinese, English or both; what it needs is made ready at the first one."""

    def __init__(self, answers: Answers, folder: Path | None = None) -> None:
        self.answers = answers
        self._folder = folder
        self._lock = threading.Lock()
        self._rows: dict[str, bool] = {}

    @property
    def digest(self) -> str:
        """Of the words that it goes by, besides the library."""
        return self.lexicon.digest

    def ask(self, text: str, lang: str | None = None) -> Reply:
        """
        How a text can be understood.

        Args:
            text: a question in words, of at most 500 characters.
            lang: the language of titles and messages; by default that of the text.

        Raises:
            InputError: there is no text, or it is too long.
        """
        said = text.strip()
        if not said:
            raise InputError("ask something: a question in words, in English or Chinese.", "请输入问题：用中文或英文的一句话。")
        if len(said) > LONGEST:
            raise InputError(
                f"a question has at most {LONGEST} characters, this has {len(said)}; ask in one sentence.", f"问题最多 {LONGEST} 字，此处有 {len(said)} 字；请用一句话提问。"
            )
        with self._lock:
            return self._ask(said, lang or language_of(said))

    def candidates(self, text: str) -> list[Fit]:
        """The candidates for a text, in no order; for fitting the weights."""
        found, said = self._read(text)
        return self.ranking.candidates(self.lexicon.read(found), Slots(self.names, found, said), self.lexicon.placed_words(found))

    def _read(self, text: str) -> tuple[list[str], list[str]]:
        """The stems of a text's words, and for each the word as it is written."""
        pairs = [(piece, atom) for atom in atoms(text) for piece in self._pieces(atom)]
        return [piece for piece, _ in pairs], [atom for _, atom in pairs]

    def _ask(self, text: str, lang: str) -> Reply:
        found, said = self._read(text)
        tokens = self.lexicon.read(found)
        if not tokens or not self.answers.library.questions:
            return Reply(text, lang, (), 0.0, False, NOTHING)
        slots = Slots(self.names, found, said)
        fits = self._held(self.ranking.rank(tokens, slots, self.lexicon.placed_words(found)))
        measures = self._measures(fits, tokens, slots)
        sure = confidence(measures)
        readings = tuple(self._reading(fit) for fit in fits[:KEPT])
        known = sure >= THRESHOLD and readings[0].complete and fits[0].features.direction > UNTOLD
        if known and self._beyond_time(readings[0]):
            return Reply(text, lang, readings, sure, False, measures, untimely=True)
        return Reply(text, lang, readings, sure, known, measures, () if known else self._strange(text, tokens, slots))

    def _strange(self, text: str, tokens: list[Token], slots: Slots) -> tuple[str, ...]:
        """Words of a text that no question has to do with, and that name nothing, as they are written."""
        named = frozenset[int]().union(*(m.covers for m in slots.mentions))
        odd = [t for t in tokens if t.key.startswith(OUTSIDE) or not (self.ranking.knows(t.key) or t.key.startswith("n:") or named & set(range(t.start, t.end)))]
        runs: list[tuple[int, int]] = []
        for token in sorted(odd, key=lambda t: t.start):
            if runs and token.start <= runs[-1][1]:
                runs[-1] = (runs[-1][0], max(runs[-1][1], token.end))
            else:
                runs.append((token.start, token.end))
        told = [run for run in runs if run[1] - run[0] > 1 or not is_han(slots.said[run[0]])]
        shapes = (r"\W*".join(map(re.escape, slots.said[start:end])) for start, end in told[:MOST_STRANGE])
        return tuple(dict.fromkeys(match[0] for shape in shapes if (match := re.search(shape, text, re.IGNORECASE))))

    def _pieces(self, atom: str) -> list[str]:
        """The stem of a word; of one like `undated` that of `without` and that of what is denied."""
        root = self._spelt(atom)
        denied = DENYING.fullmatch(atom)
        rest = next((part for part in denied.groups() if part), "") if denied else ""
        if rest and (root,) not in self.lexicon.concepts and stem(rest) in self._known_stems:
            return ["without", stem(rest)]
        return [root]

    def _spelt(self, atom: str) -> str:
        root = stem(atom)
        if is_han(atom) or is_number(atom) or root in self._known_stems:
            return root
        return stem(self._spelling.correct(atom) or atom)

    def _reading(self, fit: Fit) -> Reading:
        query = fit.question.query
        terms = {p.name: [self._term(p, text) for text in fit.filled.values.get(p.name, ())] for p in query.parameters}
        reading = Reading(fit.question, fit.filled.values, fit.score, query.text)
        return replace(reading, sparql=query.bind(terms)) if reading.complete else reading

    def _term(self, parameter: Parameter, text: str) -> ox.NamedNode | ox.Literal:
        return ox.NamedNode(self.names.iris[text]) if parameter.type == "iri" else literal(parameter, text)

    def _measures(self, fits: list[Fit], tokens: list[Token], slots: Slots) -> Measures:
        best = fits[0]
        second = next((f.score for f in fits[1:]), 0.0)
        hidden = best.filled.covers | slots.silent
        left = [t for t in tokens if not hidden.intersection(range(t.start, t.end))]
        total = sum(self.ranking.weight(t.key) for t in left) + SLOT * len(best.filled.values)
        strange = sum(self.ranking.weight(t.key) for t in left if not self.ranking.knows(t.key))
        return Measures(
            score=best.score / 10,
            lead=min(best.score - second, MOST_LEAD),
            alike=best.features.alike,
            words=best.features.words,
            cover=best.cover,
            strange=strange / total if total else 1.0,
            outside=float(any(t.key.startswith(OUTSIDE) for t in left)),
            mass=min(total, MOST_MASS) / MOST_MASS,
            unbound=best.features.unbound,
            unsure=1 - min(best.filled.sure.values(), default=1.0),
            unfilled=best.features.unfilled,
            astray=best.features.astray,
        )

    def _held(self, fits: list[Fit]) -> list[Fit]:
        """
        The same, where of the first few those that hold no row come after such as hold some and fit nearly as well.

        A question whose direction the words tell keeps its place: that the source names no cause is an answer to what the cause was.
        """
        weighed = [replace(fit, score=fit.score - EMPTY) if fit.filled.values and fit.features.direction <= 0 and not self._holds(fit) else fit for fit in fits[:WEIGHED]]
        return sorted(weighed, key=lambda f: -f.score) + fits[WEIGHED:]

    def _holds(self, fit: Fit) -> bool:
        """Whether the graph has a row for a question with values; also where that cannot be told, for want of a value or of time."""
        reading = self._reading(fit)
        if not reading.complete:
            return True
        if reading.sparql not in self._rows:
            if len(self._rows) >= REMEMBERED:
                self._rows.clear()
            try:
                self._rows[reading.sparql] = bool(bindings(self.answers.store, reading.sparql)[1])
            except StoreError:
                return True
        return self._rows[reading.sparql]

    def _beyond_time(self, reading: Reading) -> bool:
        """Whether a year is asked for, of which the graph holds nothing."""
        years = {p.name for p in reading.question.query.parameters if p.type == "year"}
        return bool(years & set(reading.values)) and not bindings(self.answers.store, reading.sparql)[1]

    @cached_property
    def lexicon(self) -> Lexicon:
        """The words of the field."""
        return Lexicon.load(self._folder or self._default_folder())

    def _default_folder(self) -> Path:
        """The folder `ask` beside the areas of the library."""
        question = next(iter(self.answers.library.questions.values()))
        return question.query.path.parents[question.name.count("/")] / "ask"

    @cached_property
    def directions(self) -> Directions:
        """The words that tell which end of a relation is named."""
        return Directions.load(self._folder or self._default_folder())

    @cached_property
    def names(self) -> Names:
        """What the graph calls its things."""
        return Names(self.answers, self.lexicon)

    @cached_property
    def ranking(self) -> Ranking:
        """The library, ready to be compared with texts."""
        return Ranking((q for q in self.answers.library.questions.values() if self.lexicon.asked(q.name)), self.lexicon, self.directions)

    @cached_property
    def _written(self) -> frozenset[str]:
        """Every word that stands in the library, in the names of things, or in the files of words."""
        texts = (q.text(key, "en") for q in self.answers.library.questions.values() for key in ("title", "question", "explanation"))
        return self.lexicon.written.union(self.names.written, *map(atoms, texts))

    @cached_property
    def _known_stems(self) -> frozenset[str]:
        return frozenset(map(stem, self._written))

    @cached_property
    def _spelling(self) -> Spelling:
        return Spelling(self._written)
