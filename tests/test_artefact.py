"""The artefact: graphs of many parts are their union, sorted and each statement once, however they came about."""

from __future__ import annotations

import hashlib
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covalue import artefact
from covalue.artefact import Artefact
from covalue.manifest import Manifest
from covalue.names import PREFIXES

BASE = PREFIXES["graph"]
ONE, TWO = BASE + "lens/one", BASE + "lens/two/trace"
Cases = dict[str, set[int]]


def line(number: int, graph: str) -> str:
    """A statement, of a length that differs from number to number."""
    return f'<x:{number % 7}> <x:p> "{"值" * (number % 5)}{number}" <{graph}> .\n'


def lines(numbers: set[int]) -> dict[str, list[str]]:
    """What such a case holds: two graphs, the second of even numbers only."""
    out = {ONE: [line(n, ONE) for n in numbers]}
    if even := [line(n, TWO) for n in numbers if n % 2 == 0]:
        out[TWO] = even
    return out


def publish(out: Path, cases: Cases) -> tuple[Manifest, int]:
    """Builds an artefact of the cases; returns the manifest too, and how many cases were taken over."""
    prints = {name: hashlib.sha256(repr((name, sorted(numbers))).encode()).hexdigest() for name, numbers in cases.items()}
    reused = 0
    with tempfile.TemporaryDirectory(dir=out, prefix="tmp-") as work:
        made = Artefact(out, Path(work), prints)
        made.add(BASE + "ontology", [])
        for name, numbers in cases.items():
            if made.reuse(name):
                reused += 1
            else:
                made.keep(name, lines(numbers))
        return made.publish("f" * 64), reused


def assert_union(out: Path, manifest: Manifest, cases: Cases) -> None:
    """The file is the union of what the cases hold, and the manifest says how much of it is where."""
    wanted: dict[str, set[str]] = {}
    for numbers in cases.values():
        for graph, said in lines(numbers).items():
            wanted.setdefault(graph, set()).update(said)
    text = (out / manifest.data).read_text(encoding="utf-8")
    assert text == "".join("".join(sorted(wanted[g])) for g in sorted(wanted))
    assert manifest.digest == hashlib.sha256(text.encode()).hexdigest()
    for info in manifest.graphs:
        block = "".join(sorted(wanted.get(info.iri, ())))
        assert (info.triples, info.digest) == (block.count("\n"), hashlib.sha256(block.encode()).hexdigest())


NUMBERS = st.sets(st.integers(0, 60), max_size=25)
STEPS = st.lists(st.dictionaries(st.sampled_from("abcd"), NUMBERS, min_size=1), min_size=1, max_size=5)


@given(STEPS, st.sampled_from([0, 50]), st.sampled_from([1, 300, 1 << 20]))
def test_any_history_gives_the_union(steps: list[Cases], worth: int, run: int) -> None:
    """Cases come, change and go, statements are shared or not; in place or anew, in memory or in runs on disk."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(artefact, "WORTH_SPLICING", worth)
        patch.setattr(artefact, "RUN_BYTES", run)
        for cases in steps:
            assert_union(Path(folder), publish(Path(folder), cases)[0], cases)


def test_a_large_graph_is_changed_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where little changes in a large graph it is not put together anew: parts of cases that stay are not even split into lines."""
    draw = random.Random(1)
    cases = {f"c{n}": {draw.randrange(100_000) for _ in range(600)} for n in range(60)}
    publish(tmp_path, cases)
    monkeypatch.setattr(artefact, "_united", lambda *_: pytest.fail("put together anew"))
    for name, numbers in {"more": {1, 2, 3, 99_999}, "c7": cases["c7"] ^ {4, 5, min(cases["c7"])}}.items():
        cases[name] = numbers
        manifest, reused = publish(tmp_path, cases)
        assert_union(tmp_path, manifest, cases)
        assert len(cases) - 1 == reused
    del cases["more"]
    assert_union(tmp_path, publish(tmp_path, cases)[0], cases)


def test_a_damaged_artefact_is_not_built_upon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the statements in place are not those that were written, they are put together anew."""
    monkeypatch.setattr(artefact, "WORTH_SPLICING", 0)
    cases = {"a": set(range(50)), "b": set(range(40, 80))}
    data = tmp_path / publish(tmp_path, cases)[0].data
    data.write_bytes(data.read_bytes().replace(b"<x:3>", b"<x:4>"))
    cases["c"] = {200}
    assert_union(tmp_path, publish(tmp_path, cases)[0], cases)


def test_an_unfinished_tidying_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that dies between the manifest and the cache leaves a state of an older artefact, which is not built upon."""
    monkeypatch.setattr(artefact, "WORTH_SPLICING", 0)
    cases = {"a": set(range(50)), "b": set(range(40, 80))}
    publish(tmp_path, cases)
    cases["c"] = {200, 7}
    with monkeypatch.context() as patch:
        patch.setattr(Artefact, "_tidy", lambda *_: None)
        publish(tmp_path, cases)
    del cases["b"]
    assert_union(tmp_path, publish(tmp_path, cases)[0], cases)
