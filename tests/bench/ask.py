"""
Measures of asking in words: `python tests/bench/ask.py tune|held-out [--wrong]`, and `fit`, which fits the confidence to the tuning set.

    top-1     the best reading is an expected question with the expected values
    top-3     one of the first three is
    answered  given with confidence; wrong: given with confidence and not as expected (a text that the graph cannot answer expects none)
"""

from __future__ import annotations

import csv
import math
import statistics
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from tempfile import mkdtemp

from covalue.ask import Asker, Reading, Reply
from covalue.project import Project
from covalue.questions import Answers, Library
from covalue.stores.oxigraph import OxigraphStore

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Phrasing:
    """A text and the readings that are right; none where the graph cannot answer."""

    lang: str
    style: str
    text: str
    expected: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of a phrasing, and in how many seconds."""

    phrasing: Phrasing
    reply: Reply
    seconds: float

    @property
    def rank(self) -> int | None:
        """The place of the first right reading, from 0."""
        return next((i for i, r in enumerate(self.reply.readings) if address(r) in self.phrasing.expected), None)

    @property
    def right_question(self) -> bool:
        names = {e.partition("?")[0] for e in self.phrasing.expected}
        return bool(self.reply.readings) and self.reply.readings[0].name in names

    @property
    def wrong(self) -> bool:
        """Given with confidence, and not as expected."""
        return self.reply.known and self.rank != 0


def phrasings(name: str) -> list[Phrasing]:
    """A set of phrasings: `tune` or `held-out`."""
    with (ROOT / "tests" / "ask" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [Phrasing(r["lang"], r["style"], r["text"], tuple(map(ordered, filter(None, r["expected"].split(" | "))))) for r in csv.DictReader(file)]


def ordered(expected: str) -> str:
    """An expected reading with its values in the order of their names."""
    name, mark, query = expected.strip().partition("?")
    return name + mark + "&".join(sorted(query.split("&")))


def address(reading: Reading) -> str:
    """A reading as `area/name?parameter=value`, values in the order of their names."""
    pairs = sorted(f"{name}={value}" for name, values in reading.values.items() for value in values)
    return reading.name + ("?" + "&".join(pairs) if pairs else "")


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


def fit(done: list[Outcome], rounds: int = 4000, rate: float = 0.5, decay: float = 1e-3) -> tuple[list[float], float]:
    """Weights and bias of the logistic function for `covalue.ask.confidence`, by plain gradient descent."""
    rows = [(astuple(o.reply.measures), 1.0 if o.rank == 0 else 0.0) for o in done]
    weights, bias = [0.0] * len(rows[0][0]), 0.0
    for _ in range(rounds):
        slope, shift = [0.0] * len(weights), 0.0
        for x, y in rows:
            error = 1 / (1 + math.exp(-bias - sum(w * v for w, v in zip(weights, x, strict=True)))) - y
            shift += error
            for i, v in enumerate(x):
                slope[i] += error * v
        weights = [w - rate * (g / len(rows) + decay * w) for w, g in zip(weights, slope, strict=True)]
        bias -= rate * shift / len(rows)
    return weights, bias


def main(arguments: list[str]) -> None:
    library = Library.load(Project(ROOT))
    folder = Path(arguments[arguments.index("--out") + 1]) if "--out" in arguments else built()
    asker = Asker(Answers(OxigraphStore.open(folder), library))
    start = time.perf_counter()
    asker.ask("who contributes what?")
    print(f"index ready in {time.perf_counter() - start:.2f} s, {len(library.questions)} questions")
    name = "tune" if arguments[0] == "fit" else arguments[0]
    done = run(asker, phrasings(name))
    for label, value in measure(done).items():
        print(f"{label:24} {value:.3f}")
    if arguments[0] == "fit":
        weights, bias = fit(done)
        print("WEIGHTS =", tuple(round(w, 2) for w in weights), "BIAS =", round(bias, 2))
    if "--wrong" in arguments:
        for o in done:
            if o.wrong or (o.phrasing.expected and o.rank != 0):
                print(
                    f"{'WRONG' if o.wrong else 'miss '} {o.reply.confidence:.2f} rank {o.rank} {o.phrasing.text} -> "
                    + f"{[address(r) for r in o.reply.readings[:3]]} expected {o.phrasing.expected}"
                )


def built() -> Path:
    from covalue.build import build

    folder = Path(mkdtemp())
    build(Project(ROOT), folder)
    return folder


if __name__ == "__main__":
    main(sys.argv[1:])
