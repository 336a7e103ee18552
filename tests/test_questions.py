"""Competency questions: each gives exactly the rows that were checked against the paper, and one must give none."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from covalue.formats import choose
from covalue.names import PREFIXES, expand
from covalue.project import Project
from covalue.queries import load
from covalue.stores import Request
from covalue.stores.oxigraph import OxigraphStore

ROOT = Path(__file__).resolve().parents[1]
QUESTIONS = Project(ROOT).question_files()
EXPECTED = ROOT / "tests" / "expected"
PREFIX = re.compile(r"([a-z][a-z0-9]*):")


@pytest.fixture(scope="module")
def store(real_built: tuple[object, Path]) -> OxigraphStore:
    return OxigraphStore.open(real_built[1])


def name(path: Path) -> str:
    return path.relative_to(ROOT / "queries").with_suffix("").as_posix()


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def long(value: str) -> str:
    """A cell of an expected table with its CURIE written out."""
    found = PREFIX.match(value)
    return expand(value) if found and found.group(1) in PREFIXES else value


@pytest.mark.parametrize("path", QUESTIONS, ids=name)
def test_question_gives_the_expected_rows(store: OxigraphStore, path: Path) -> None:
    """The answer is the expected table, in its order; it is empty only where the question says so."""
    query = load(path)
    answer = store.answer(Request(query.text), lambda shape: choose(shape, None, ["csv"]))
    expected = [{k: long(v) for k, v in row.items()} for row in rows((EXPECTED / f"{name(path)}.csv").read_text(encoding="utf-8"))]
    given = rows(answer.body.decode())
    assert (query.header.get("expect") == "empty") == (not expected)
    assert expected == given


@pytest.mark.parametrize("path", QUESTIONS, ids=name)
def test_question_is_written_out_in_both_languages(path: Path) -> None:
    """Title, question, explanation and every column heading stand in English and in Chinese."""
    header = load(path).header
    for key in ("title", "question", "explanation"):
        assert {"en", "zh"} == set(header[key]), key
    assert all({"en", "zh"} == set(heading) for heading in header["columns"].values())
    assert set(header["key"]) <= set(header["columns"])


@pytest.mark.parametrize("path", QUESTIONS, ids=name)
def test_key_tells_rows_apart(store: OxigraphStore, path: Path) -> None:
    """No two rows agree in the columns that the header calls the key."""
    query = load(path)
    given = rows(store.answer(Request(query.text), lambda shape: choose(shape, None, ["csv"])).body.decode())
    keys = [tuple(row[k] for k in query.header["key"]) for row in given]
    assert len(keys) == len(set(keys))


def test_no_expected_table_without_its_question() -> None:
    """A table that no question claims would never be looked at."""
    tables = {p.relative_to(EXPECTED).with_suffix("").as_posix() for p in EXPECTED.rglob("*.csv")}
    assert tables == {name(p) for p in QUESTIONS}


def test_no_query_file_is_extension_bound() -> None:
    """Questions are portable SPARQL 1.1: prefixes are declared in the file, sorted, used, and no SELECT * stands in them."""
    for path in QUESTIONS:
        text = load(path).text
        declared = re.findall(r"^PREFIX (\w+):", text, re.M)
        assert declared == sorted(declared)
        assert all(len(re.findall(rf"\b{p}:", text)) > 1 for p in declared), path
        assert not re.search(r"SELECT\s+(DISTINCT\s+)?\*", text)
