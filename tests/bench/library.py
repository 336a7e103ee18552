"""
The library of questions measured: how long each answer takes, cold and warm, on the shipped data, and on a thousand synthetic cases.

`python tests/bench/library.py [--out FOLDER] [--cases 1000] [--all]` prints tables as Markdown writes them.

    cold     the first time that a freshly opened dataset is asked this question (the best of two processes)
    warm     the best of five more times
    engine   the same query in the engine alone, as SPARQL results in JSON, without labels

Times are of the processor, not of the clock, so that a machine busy with other things does not spoil them; the work is done in one thread.
Many cases are asked through the service's own store: forty small ones, drawn from the real case and built for real, each copied
twenty-five times under other names.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import mkdtemp

from measure import table
from synthetic import make_project

from covalue.build import build
from covalue.errors import InputError, StoreError
from covalue.formats import Shape, by_name
from covalue.manifest import Manifest, read_manifest, write_manifest
from covalue.project import Project
from covalue.questions import Answers, Library
from covalue.stores import Request
from covalue.stores.bounded import BoundedStore
from covalue.stores.limits import MB, Limits
from covalue.stores.oxigraph import OxigraphStore

ROOT = Path(__file__).resolve().parents[2]
GOAL = 50.0
BUILT = 40
TIMES = 5
SLOWEST = 12
DEADLINE = 10
COPIED = re.compile(r"(https://w3id\.org/covalue/(?:graph/(?:[a-z]+/)?)?case/)(case-[0-9]+)")


@dataclass(frozen=True)
class Taken:
    """What an answer took, in milliseconds, and how many rows it has."""

    name: str
    rows: int
    cold: float
    warm: float
    engine: float


def measured(folder: Path) -> list[Taken]:
    """Every question, with all parameters open that may be, which is the most that it can be asked for."""
    answers = Answers(OxigraphStore.open(folder), Library.load(Project(ROOT)))
    answers.labels(["https://w3id.org/covalue/"], "en")  # the index of labels is made once for the service, not for a question
    json = by_name("json", Shape.BINDINGS)
    assert json is not None
    out = []
    for name, question in answers.library.questions.items():
        values = {p.name: [p.example] for p in question.query.parameters if p.required}
        if values and not _known(answers, name, values):
            continue
        text = answers.sparql(question, values)
        cold, rows = _timed(lambda name=name, values=values: answers.answer(name, values).total)
        warm = min(_timed(lambda name=name, values=values: answers.answer(name, values).total)[0] for _ in range(TIMES))
        engine = min(_timed(lambda text=text: len(answers.store.answer(Request(text), lambda _: json).body))[0] for _ in range(TIMES))
        out.append(Taken(name, rows, cold, warm, engine))
    return out


def _known(answers: Answers, name: str, values: dict[str, list[str]]) -> bool:
    """Whether the dataset has the example of a parameter that must be given; synthetic ones have not the case."""
    try:
        answers.sparql(answers.library.get(name), values)
    except InputError:
        return False
    return True


def _timed(work: object) -> tuple[float, int]:
    start = time.process_time()
    rows = work()  # type: ignore[operator]
    return 1000 * (time.process_time() - start), rows


def in_processes(folder: Path) -> list[Taken]:
    """Measured in two fresh processes, one after the other; the best of both."""
    runs = []
    for _ in range(2):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            runs.append(pool.submit(measured, folder).result())
    return [replace(a, cold=min(a.cold, b.cold), warm=min(a.warm, b.warm), engine=min(a.engine, b.engine)) for a, b in zip(*runs, strict=True)]


def many_cases(folder: Path, cases: int) -> Manifest:
    """A dataset of so many small cases; one that is there already is kept."""
    found = read_manifest(folder)
    if found is not None:
        return found
    few = folder / "few"
    manifest = build(Project(make_project(Path(mkdtemp()) / "project", BUILT, whole=False)), few, lambda *_: None)
    digest, infos = hashlib.sha256(), []
    temporary = folder / "new.nq"
    with (few / manifest.data).open(encoding="utf-8") as source, temporary.open("w", encoding="utf-8") as file:
        lines = list(source)
        for copy in range(cases // BUILT):
            for line in lines if copy == 0 else (x for x in lines if "/case/case-" in x):
                written = COPIED.sub(rf"\g<1>\g<2>x{copy}", line) if copy else line
                file.write(written)
                digest.update(written.encode())
    for copy in range(cases // BUILT):
        infos += [replace(g, iri=COPIED.sub(rf"\g<1>\g<2>x{copy}", g.iri)) for g in manifest.graphs if copy and "/case/case-" in g.iri]
    name = f"covalue-{digest.hexdigest()[:16]}.nq"
    temporary.rename(folder / name)
    made = replace(manifest, digest=digest.hexdigest(), data=name, graphs=(*manifest.graphs, *infos))
    write_manifest(folder, made)
    return made


def report(label: str, taken: list[Taken], every: bool) -> None:
    """Prints how the library as a whole fares, and its slowest questions, or all of them."""
    print(f"\n{label}: {len(taken)} questions, {sum(t.rows for t in taken)} rows\n")
    columns = ("cold", "warm", "engine")
    rows = [[c, *(f"{f([getattr(t, c) for t in taken]):.1f}" for f in (statistics.median, _p95, max)), str(sum(getattr(t, c) > GOAL for t in taken))] for c in columns]
    print(table(["ms", "median", "p95", "slowest", f"over {GOAL:.0f} ms"], rows))
    shown = sorted(taken, key=lambda t: -t.cold)
    print("\n" + table(["question", "rows", "cold ms", "warm ms", "engine ms"], [_row(t) for t in (shown if every else shown[:SLOWEST])]))


def grown(label: str, folder: Path) -> None:
    """
    Prints how the questions on cases fare in the service's own store, every parameter open; in seconds of the processor, over all its processes.

    On a busy machine the clock runs faster than the processor, so the deadline is given three times as long.
    """
    json = by_name("json", Shape.BINDINGS)
    assert json is not None
    taken: dict[str, float] = {}
    stopped: list[str] = []
    with BoundedStore.open(folder, Limits(seconds=3 * DEADLINE, memory=4000 * MB, rows=1_000_000)) as store:
        for name, question in Library.load(Project(ROOT)).questions.items():
            if not name.startswith(("pictures/", "lenses/")):
                start = _processor(os.getpid())
                try:
                    store.answer(Request(question.query.text), lambda _: json)
                    taken[name] = 1000 * (_processor(os.getpid()) - start)
                except StoreError:
                    stopped.append(name)
    stopped += [name for name, ms in taken.items() if ms > 1000 * DEADLINE]
    kept = {name: ms for name, ms in taken.items() if name not in stopped}
    times = list(kept.values())
    print(f"\n{label}: {len(kept) + len(stopped)} questions over all cases at once, {sum(ms < 1000 for ms in times)} of them within a second\n")
    print(table(["ms", "median", "p95", "slowest", f"over {DEADLINE} s"], [["cold", *(f"{f(times):.0f}" for f in (statistics.median, _p95, max)), str(len(stopped))]]))
    print(f"\nover {DEADLINE} s:", ", ".join(stopped) or "-")
    print("slowest:", ", ".join(f"{name} {ms:.0f}" for name, ms in sorted(kept.items(), key=lambda x: -x[1])[:SLOWEST]))


def _processor(pid: int) -> float:
    """Seconds of the processor that a process and those below it have taken; 0 for one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        below = [int(c) for task in Path(f"/proc/{pid}/task").iterdir() for c in (task / "children").read_text().split()]
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(map(_processor, below))


def _row(t: Taken) -> list[str]:
    return [t.name, str(t.rows), f"{t.cold:.1f}", f"{t.warm:.1f}", f"{t.engine:.1f}"]


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="the shipped dataset, where it is built already")
    parser.add_argument("--cases", type=int, default=0, help="also on so many synthetic cases")
    parser.add_argument("--kept", type=Path, default=Path("/tmp/covalue-library-bench"), help="where synthetic datasets are kept")
    parser.add_argument("--all", action="store_true", help="all questions, not the slowest alone")
    chosen = parser.parse_args(arguments)
    folder = chosen.out or Path(mkdtemp())
    if not chosen.out:
        build(Project(ROOT), folder, lambda *_: None)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    report("shipped data", in_processes(folder), chosen.all)
    if chosen.cases:
        kept = chosen.kept / str(chosen.cases)
        kept.mkdir(parents=True, exist_ok=True)
        with (kept / many_cases(kept, chosen.cases).data).open("rb") as lines:
            grown(f"{chosen.cases} synthetic cases, {sum(1 for _ in lines)} statements", kept)


if __name__ == "__main__":
    main(sys.argv[1:])
