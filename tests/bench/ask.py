"""
Measures of asking in words: `python tests/bench/ask.py held-out [--wrong] [--out FOLDER]`, and `fit`, which fits weights and confidence.

    top-1     the best reading is an expected question with the expected values
    top-3     one of the first three is
    answered  given with confidence; wrong: given with confidence and not as expected (a text that the graph cannot answer expects none)

`held-out` is asked to judge, and nothing is ever fitted to it. `tune`, `calib` and `dev` may be looked at: what could be learnt from them is
among the wordings of `queries/ask/phrasings.csv`, so they are asked here while their own wording is left out.
"""

from __future__ import annotations

import csv
import hashlib
import re
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from tempfile import mkdtemp

from covalue.ask import Asker, Reading, Reply
from covalue.ask.lexicon import SLOT
from covalue.ask.ranking import Features, wordings
from covalue.project import Project
from covalue.queries import Parameter
from covalue.questions import Answers, Library
from covalue.stores.oxigraph import OxigraphStore

ROOT = Path(__file__).resolve().parents[2]
JUDGED = ("held-out",)
LOOKED_AT = ("tune", "calib", "dev")
EVERY = 3
"""Of the wordings, so many are passed over for one that is asked."""
WORDING = 0.25
"""What one of them counts when confidence is fitted: many are shorter, or liker to another question's, than what people ask."""
BEFORE = {
    "causes/causes-of": ("causes/causes-and-effects", {"effect": "situation"}),
    "causes/effects-of": ("causes/causes-and-effects", {"cause": "situation"}),
    "actors/value-exchanges": ("actors/value-exchanges", {}),
    "recommendations/by-addressee": ("recommendations/by-addressee", {}),
}
"""
What later readings were called when `held-out` was written, whose single lines nobody who tunes may read: a question that took the place of
another, with the parameters that both have; parameters that came later count for nothing there. Which direction is meant, `dev` judges.
"""


@dataclass(frozen=True)
class Phrasing:
    """A text and the readings that are right; none where the graph cannot answer."""

    lang: str
    style: str
    text: str
    expected: tuple[str, ...]
    judged: bool = False

    def names(self, reading: Reading) -> set[str]:
        """What a reading may be called among the expected ones: in a set that judges, also as it was called when that was written."""
        now = {address(reading)}
        if not self.judged or reading.name not in BEFORE:
            return now
        name, kept = BEFORE[reading.name]
        return now | {joined(name, {kept[p]: v for p, v in reading.values.items() if p in kept})}


@dataclass(frozen=True)
class Outcome:
    """What came of a phrasing, and in how many seconds."""

    phrasing: Phrasing
    reply: Reply
    seconds: float

    @property
    def rank(self) -> int | None:
        """The place of the first right reading, from 0."""
        return next((i for i, r in enumerate(self.reply.readings) if not self.phrasing.names(r).isdisjoint(self.phrasing.expected)), None)

    @property
    def right_question(self) -> bool:
        names = {e.partition("?")[0] for e in self.phrasing.expected}
        first = self.reply.readings[:1]
        return any(called.partition("?")[0] in names for reading in first for called in self.phrasing.names(reading))

    @property
    def wrong(self) -> bool:
        """Given with confidence, and not as expected."""
        return self.reply.known and self.rank != 0


def phrasings(name: str) -> list[Phrasing]:
    """A set of phrasings: `tune`, `calib`, `dev`, `held-out`."""
    with (ROOT / "tests" / "ask" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [Phrasing(r["lang"], r["style"], r["text"], tuple(map(ordered, filter(None, r["expected"].split(" | ")))), name in JUDGED) for r in csv.DictReader(file)]


def ordered(expected: str) -> str:
    """An expected reading with its values in the order of their names."""
    name, mark, query = expected.strip().partition("?")
    return name + mark + "&".join(sorted(query.split("&")))


def address(reading: Reading) -> str:
    """A reading as `area/name?parameter=value`, values in the order of their names."""
    return joined(reading.name, reading.values)


def joined(name: str, values: Mapping[str, Sequence[str]]) -> str:
    pairs = sorted(f"{parameter}={value}" for parameter, found in values.items() for value in found)
    return name + ("?" + "&".join(pairs) if pairs else "")


def run(asker: Asker, cases: Iterable[Phrasing]) -> list[Outcome]:
    """Asks them all, after one question that makes the index ready."""
    asker.ask("who contributes what?")
    done = []
    for phrasing in cases:
        start = time.perf_counter()
        reply = asker.ask(phrasing.text)
        done.append(Outcome(phrasing, reply, time.perf_counter() - start))
    return done


def measure(done: list[Outcome]) -> Mapping[str, float]:
    """Shares (0 to 1) and milliseconds."""
    asked = [o for o in done if o.phrasing.expected]
    beyond = [o for o in done if not o.phrasing.expected]
    return {
        "phrasings": len(done),
        "answerable": len(asked),
        "top-1": share(o.rank == 0 for o in asked),
        "top-3": share(o.rank is not None and o.rank < 3 for o in asked),
        "top-1 question alone": share(o.right_question for o in asked),
        "answered rightly": share(o.rank == 0 and o.reply.known for o in asked),
        "beyond: does not know": share(not o.reply.known for o in beyond),
        "confident and wrong": share(o.wrong for o in done),
        "wrong among answered": share(o.wrong for o in done if o.reply.known),
        "median ms": 1000 * statistics.median(o.seconds for o in done),
        "slowest ms": 1000 * max(o.seconds for o in done),
    }


def share(flags: Iterable[bool]) -> float:
    counted = list(flags)
    return sum(counted) / len(counted) if counted else 0.0


# --- asking wordings while they are left out


@contextmanager
def left_out(asker: Asker, dropped: Iterable[tuple[str, str]]) -> Iterator[None]:
    """For a while, the library does not know these wordings (pairs of question and text)."""
    by_question: dict[str, set[str]] = {}
    for name, text in dropped:
        by_question.setdefault(name, set()).add(text)
    ranking, lexicon = asker.ranking, asker.lexicon
    before = list(ranking.entries)
    for i, entry in enumerate(before):
        if gone := by_question.get(entry.question.name):
            kept = {entry.question.name: [t for t in lexicon.phrasings[entry.question.name] if t not in gone]}
            ranking.entries[i] = ranking.entry(wordings(entry.question, replace(lexicon, phrasings=kept)))
    try:
        yield
    finally:
        ranking.entries[:] = before


def cases(asker: Asker, sets: Iterable[str] = LOOKED_AT, every: int = EVERY) -> Iterator[tuple[Phrasing, list[tuple[str, str]]]]:
    """Phrasings with the wordings to be left out when they are asked: the sets that may be looked at, then some of the wordings themselves."""
    shapes = [(name, text, _shape(text)) for name, texts in asker.lexicon.phrasings.items() for text in texts if len(_folded(SLOT.sub(" ", text))) > 3]
    for phrasing in (p for name in sets for p in phrasings(name)):
        folded = _folded(phrasing.text)
        yield phrasing, [(name, text) for name, text, shape in shapes if shape.fullmatch(folded)] if phrasing.expected else []
    for number, (name, text) in enumerate((n, t) for n, texts in asker.lexicon.phrasings.items() for t in texts):
        if number % every == 0:
            yield _filled(asker.answers, name, text), [(name, text)]


def _folded(text: str) -> str:
    return re.sub(r"[\s\W_]+", " ", text.casefold()).strip()


def _shape(text: str) -> re.Pattern[str]:
    parts = [re.escape(_folded(part)) for part in re.split(r"\{\w+\}", text)]
    return re.compile(r" ?.+ ?".join(parts))


def _filled(answers: Answers, name: str, text: str) -> Phrasing:
    """A wording with something of the graph in place of each slot; which, depends on the text alone."""
    parameters = {p.name: p for p in answers.library.questions[name].query.parameters}
    lang = "zh" if re.search("[\u4e00-\u9fff]", text) else "en"
    values: dict[str, list[str]] = {}

    def some(match: re.Match[str]) -> str:
        short, shown = _some(answers, parameters[match[1]], lang, int(hashlib.md5(f"{text}{match[1]}".encode()).hexdigest(), 16))
        values[match[1]] = [short]
        return shown

    said = SLOT.sub(some, text)
    if set(values) == {"from"} and parameters["from"].type == "year":
        return Phrasing(lang, "wording", said, (joined(name, values), joined(name, {**values, "to": values["from"]})))
    return Phrasing(lang, "wording", said, (joined(name, values),))


def _some(answers: Answers, parameter: Parameter, lang: str, number: int) -> tuple[str, str]:
    if parameter.type == "year":
        year = str((2005 if parameter.name == "from" else 2014) + number % 9)
        return year, year
    if not parameter.choices:
        return "3", "3"
    choices = [c for c in answers.choices(parameter) if c.short.partition("/")[0] != c.short.rpartition("/")[2]] or answers.choices(parameter)
    choice = choices[number % len(choices)]
    return choice.short, choice.short if parameter.choices == "vcc:Passage" else choice.labels[lang]


# --- fitting


def fit(asker: Asker) -> None:
    """Prints weights for `covalue.ask.ranking`, and, with those that are there now, weights, bias and threshold for `covalue.ask.confidence`."""
    import numpy as np

    asker.ask("who contributes what?")
    lists, outcomes = [], []
    for phrasing, dropped in cases(asker):
        with left_out(asker, dropped):
            if phrasing.expected:
                found = asker.candidates(phrasing.text)
                right = [joined(f.question.name, f.filled.values) in phrasing.expected for f in found]
                if any(right):
                    lists.append((np.array([astuple(f.features) for f in found]), np.array(right)))
            outcomes.append(Outcome(phrasing, asker.ask(phrasing.text), 0.0))
    print(f"{len(outcomes)} asked while left out")
    for label, value in measure(outcomes).items():
        print(f"{label:24} {value:.3f}")
    weights = choice_weights(lists)
    print("ranking:", ", ".join(f"{f.name}={w:.2f}" for f, w in zip(fields(Features), weights, strict=True)))
    confidence_weights(outcomes)


def choice_weights(lists: Sequence[tuple[object, object]], rounds: int = 500, decay: float = 3e-3) -> list[float]:
    """Weights under which the right candidates of each list are the likeliest (a conditional logit, by Adam)."""
    import numpy as np

    most = max(len(x) for x, _ in lists)
    table = np.zeros((len(lists), most, len(fields(Features))))
    out, right = np.full((len(lists), most), -1e9), np.zeros((len(lists), most))
    for i, (x, y) in enumerate(lists):
        table[i, : len(x)], out[i, : len(x)], right[i, : len(x)] = x, 0.0, y
    w, mean, square = np.zeros(table.shape[2]), 0.0, 0.0
    for step in range(1, rounds + 1):
        z = table @ w + out
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        q = p * right
        q /= q.sum(1, keepdims=True) + 1e-12
        slope = -((q - p)[:, :, None] * table).sum(1).mean(0) + decay * w
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        w = w - 0.15 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-9)
    return [float(x) for x in w]


def confidence_weights(outcomes: Sequence[Outcome], rounds: int = 3000, decay: float = 1e-3) -> None:
    """Prints a logistic function of the measures, and what thresholds would come to."""
    import numpy as np

    x = np.array([astuple(o.reply.measures) for o in outcomes])
    y = np.array([1.0 if o.rank == 0 else 0.0 for o in outcomes])
    looked_at = np.array([o.phrasing.style != "wording" for o in outcomes])
    counts = np.where(looked_at, 1.0, WORDING)
    spread = x.std(0) + 1e-9
    w, bias, mean, square = np.zeros(x.shape[1] + 1), 0.0, 0.0, 0.0
    z = np.hstack([(x - x.mean(0)) / spread, np.ones((len(x), 1))])
    for step in range(1, rounds + 1):
        p = 1 / (1 + np.exp(-(z @ w)))
        slope = z.T @ ((p - y) * counts) / counts.sum() + decay * np.append(w[:-1], 0)
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        w = w - 0.05 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-9)
    plain = w[:-1] / spread
    bias = w[-1] - float(plain @ x.mean(0))
    names = [f.name for f in fields(outcomes[0].reply.measures)]
    print("confidence:", ", ".join(f"{n}={v:.2f}" for n, v in zip(names, plain, strict=True)), f"bias={bias:.2f}")
    sure = 1 / (1 + np.exp(-(x @ plain + bias)))
    for threshold in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95):
        row = []
        for which in (looked_at, ~looked_at):
            answerable = np.array([bool(o.phrasing.expected) for o in outcomes]) & which
            row.append(
                f"answered rightly {((sure >= threshold) & (y == 1) & which).sum() / answerable.sum():.3f} wrong {((sure >= threshold) & (y == 0) & which).sum() / which.sum():.3f}"
            )
        print(f"threshold {threshold:.2f}: tune and calib {row[0]}; wordings {row[1]}")


def main(arguments: list[str]) -> None:
    library = Library.load(Project(ROOT))
    folder = Path(arguments[arguments.index("--out") + 1]) if "--out" in arguments else built()
    asker = Asker(Answers(OxigraphStore.open(folder), library))
    start = time.perf_counter()
    asker.ask("who contributes what?")
    print(f"index ready in {time.perf_counter() - start:.2f} s, {len(library.questions)} questions")
    if arguments[0] == "fit":
        fit(asker)
        return
    done = run(asker, phrasings(arguments[0])) if arguments[0] in JUDGED else [_asked(asker, p, d) for p, d in cases(asker, (arguments[0],), sys.maxsize)][:-1]
    for label, value in measure(done).items():
        print(f"{label:24} {value:.3f}")
    for o in done if "--wrong" in arguments else ():
        if o.wrong or (o.phrasing.expected and o.rank != 0):
            print(
                f"{'WRONG' if o.wrong else 'miss '} {o.reply.confidence:.2f} rank {o.rank} {o.phrasing.text} -> "
                + f"{[address(r) for r in o.reply.readings[:3]]} expected {o.phrasing.expected}"
            )


def _asked(asker: Asker, phrasing: Phrasing, dropped: Sequence[tuple[str, str]]) -> Outcome:
    with left_out(asker, dropped):
        start = time.perf_counter()
        return Outcome(phrasing, asker.ask(phrasing.text), time.perf_counter() - start)


def built() -> Path:
    from covalue.build import build

    folder = Path(mkdtemp())
    build(Project(ROOT), folder)
    return folder


if __name__ == "__main__":
    main(sys.argv[1:])
