"""Queries that ask the default graph only are asked of a store that has nothing else, and come out as from the whole one."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covalue.formats import choose
from covalue.manifest import Manifest
from covalue.sparql import names_graphs
from covalue.stores import Request
from covalue.stores.oxigraph import OxigraphStore
from covalue.stores.snapshot import fill

GRAPH = "https://w3id.org/covalue/graph/ontology"
NAMED = [
    "SELECT * { GRAPH ?g { ?s ?p ?o } }",
    "SELECT * { graph<urn:g>{ ?s ?p ?o } }",
    "SELECT * FROM <urn:g> { ?s ?p ?o }",
    "SELECT * FrOm NAMED <urn:g> { ?s ?p ?o }",
    "ASK { FILTER(?a = '<')GRAPH<urn:g>{ ?s ?p ?o } }",
    "ASK { ?s ?p ?o FILTER(?o<?s&&EXISTS{GRAPH?g{?s ?p ?o}}&&?o>1) }",
    "SELECT('<'AS ?x)FROM<urn:g>{ ?s ?p ?o FILTER(?o>1) }",
    "ASK { # <\nGRAPH ?g { ?s ?p ?o } } # >",
    "SELECT ?sWHERE{ ?s ?p ?oGRAPH ?g { } }",
]
SAID = "SELECT * { ?s ?p ?o FILTER(!ISBLANK(?s) && !ISBLANK(?o)) }"
PLAIN = ["SELECT * { ?s ?p ?o }", "ASK { <https://w3id.org/covalue/graph/ontology> a ?x }", "DESCRIBE <http://from.example/>"]


@pytest.fixture(scope="module")
def opened(real_built: tuple[Manifest, Path]) -> OxigraphStore:
    return OxigraphStore.open(real_built[1], apart=True)


@pytest.mark.parametrize("text", NAMED)
def test_graphs_are_named(text: str) -> None:
    assert names_graphs(text)


@pytest.mark.parametrize("text", PLAIN)
def test_only_the_default_graph_is_asked(text: str) -> None:
    assert not names_graphs(text)


@given(
    st.lists(st.sampled_from(["<", ">", "'", '"', "#", "\n", " ", "\\u0041", "?x", "urn:a", "&&"]), max_size=8).map("".join),
    st.sampled_from(["GRAPH?g{}", "FROM<urn:g>", "graph<urn:g>{}", "From Named <urn:g>"]),
)
def test_nothing_before_it_hides_a_graph(before: str, call: str) -> None:
    """Where a text is a query at all: in a comment or a string the word may be hidden as well."""
    assert names_graphs(f"{before}{call}") or ">" in call.partition("<")[0]


def count(store: OxigraphStore, text: str) -> int:
    """The only number of an answer."""
    return int(store.answer(Request(text), lambda shape: choose(shape, "text/csv")).body.split()[1])


def test_both_stores_answer_alike(opened: OxigraphStore, real_built: tuple[Manifest, Path]) -> None:
    """Every statement of the marked graphs once, none of the others; blank nodes by what is said of them."""
    union = " ".join(f"FROM <{g.iri}>" for g in real_built[0].graphs if g.default)
    alone, whole, named = ({str(row) for row in opened.evaluate(text, None, None)} for text in (SAID, f"{SAID} #GRAPH", SAID.replace("{", f"{union} {{", 1)))  # type: ignore[union-attr]
    assert 1000 < len(alone)
    assert alone == whole == named
    everything = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
    assert count(opened, everything) == count(opened, f"{everything} #GRAPH") == sum(g.triples for g in real_built[0].graphs if g.default)


def test_named_graphs_are_still_there(opened: OxigraphStore) -> None:
    assert len(opened.graphs()) == count(opened, "SELECT (COUNT(DISTINCT ?g) AS ?n) { GRAPH ?g { ?s ?p ?o } }")


@pytest.mark.parametrize("disk", [False, True])
def test_a_blank_node_is_the_same_in_both_graphs(disk: bool, opened: OxigraphStore, real_built: tuple[Manifest, Path], tmp_path: Path) -> None:
    manifest, folder = real_built
    if disk:
        fill(folder / manifest.data, tmp_path, frozenset(g.iri for g in manifest.graphs if g.default))
        opened = OxigraphStore(ox.Store.read_only(str(tmp_path / "store")), manifest.digest)
    named = count(opened, f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{GRAPH}> {{ ?s ?p ?b FILTER(ISBLANK(?b)) }} }}")
    assert named == count(opened, f"SELECT (COUNT(*) AS ?n) {{ ?s ?p ?b FILTER(ISBLANK(?b)) GRAPH <{GRAPH}> {{ ?s ?p ?b }} }}") > 100
