"""
The questions on another engine: rdflib, which shares no code with the one that serves, gives the same rows in the same order.

What rdflib is not held to is listed, with the reason. Numbers are compared as numbers, for rdflib writes the decimal 60 as 60.0.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import rdflib

from covalue.manifest import read_manifest
from covalue.queries import load
from test_questions import EXPECTED, QUESTIONS, long, name, rows

FROM = "chooses graphs by FROM and GRAPH; rdflib takes the names after FROM for documents on the web, which it would fetch"
EXCEPTIONS: dict[str, str] = {
    "lenses/canvas-against-e3value": FROM,
    "lenses/canvas-blocks": FROM,
    "lenses/canvas-pairs": FROM,
    "lenses/e3value-exchanges": FROM,
    "lenses/gaps": FROM,
    "lenses/prov-activities": FROM,
    "lenses/prov-models": FROM,
    "lenses/prov-sources": FROM,
    "lenses/schema-observations": FROM,
    "lenses/schema-offers": FROM,
    "lenses/sdl-co-creations": FROM,
    "lenses/sdl-integration": FROM,
    "lenses/valueflows-events": FROM,
}
"""Question by question, why rdflib is not held to it."""


def plain(cell: str) -> str:
    """A decimal without a fraction of nothing."""
    return cell.removesuffix(".0") if re.fullmatch(r"-?[0-9]+\.0", cell) else cell


@pytest.fixture(scope="module")
def graph(real_built: tuple[object, Path]) -> Iterator[rdflib.Graph]:
    """The default graph of a query: what the marked graphs hold, each statement once."""
    folder = real_built[1]
    manifest = read_manifest(folder)
    assert manifest is not None
    marked = {g.iri for g in manifest.graphs if g.default}
    statements = set()
    with (folder / manifest.data).open(encoding="utf-8") as file:
        for line in file:
            statement, _, of_graph = line.rpartition(" <")
            if of_graph[:-4] in marked:
                statements.add(f"{statement} .\n")
    made = rdflib.Graph()
    made.parse(data="".join(statements), format="nt")
    yield made
    made.close()


@pytest.mark.parametrize("path", [p for p in QUESTIONS if name(p) not in EXCEPTIONS], ids=name)
def test_rdflib_gives_the_same_rows(graph: rdflib.Graph, path: Path) -> None:
    """The expected table, in its order, from the file's own text."""
    answer = graph.query(load(path).text).serialize(format="csv")
    assert answer is not None
    expected = [{k: plain(long(v)) for k, v in row.items()} for row in rows((EXPECTED / f"{name(path)}.csv").read_text(encoding="utf-8"))]
    given = csv.DictReader(io.StringIO(answer.decode()))
    assert expected == [{k: plain(v) for k, v in row.items()} for row in given]


def test_exceptions_are_questions() -> None:
    """Nothing is excepted that is not there, and every exception has its reason."""
    assert set(EXCEPTIONS) <= {name(p) for p in QUESTIONS}
    assert all(EXCEPTIONS.values())
