"""SPARQL 1.2 and RDF 1.2 over HTTP, as far as the engine goes: it works, or is refused in words of ours."""

from __future__ import annotations

from collections.abc import Iterator

import pyoxigraph as ox
import pytest

from covalue.stores.bounded import BoundedStore
from covalue.stores.limits import Limits
from served import Served

DATA = """VERSION "1.2"
PREFIX : <http://x/>
:a :says <<( :b :p :c )>> .
:a :p :c {| :source :s |} .
:e :text "مرحبا"@ar--rtl .
"""
X = "PREFIX : <http://x/> "
GRAPHS = ["text/turtle", "application/n-triples", "application/rdf+xml", "application/trig", "application/n-quads"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Triple terms, a reifier and a base direction, behind killable workers."""
    path = tmp_path_factory.mktemp("rdf12") / "data.ttl"
    path.write_text(DATA, encoding="utf-8")
    with BoundedStore.from_files([path], Limits(quick=2, heavy=1)) as store:
        yield Served(store)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT ?t { ?s :says ?t }", "<<( <http://x/b> <http://x/p> <http://x/c> )>>"),
        ("SELECT ?o { ?x :says <<( :b ?p ?o )>> }", "<http://x/c>"),
        ("SELECT (OBJECT(?t) AS ?o) { ?x :says ?t FILTER isTRIPLE(?t) }", "<http://x/c>"),
        ("SELECT (TRIPLE(:a, :b, 1) AS ?t) {}", "<<( <http://x/a> <http://x/b> 1 )>>"),
        ("SELECT ?src { :a :p :c {| :source ?src |} }", "<http://x/s>"),
        ("SELECT ?src { << :a :p :c ~ ?r >> :source ?src }", "<http://x/s>"),
        ('VERSION "1.2" SELECT ?o { :a :p ?o }', "<http://x/c>"),
        ("SELECT (LANGDIR(?t) AS ?d) { ?s :text ?t FILTER hasLANGDIR(?t) }", '"rtl"'),
        ("SELECT (STRLANGDIR('a', 'en', 'ltr') AS ?x) {}", '"a"@en--ltr'),
        ("SELECT ?t { VALUES ?t { <<( :a :b :c )>> } }", "<<( <http://x/a> <http://x/b> <http://x/c> )>>"),
    ],
)
def test_queries(served: Served, query: str, expected: str) -> None:
    """In TSV, which shows terms as they are."""
    reply = served.query(X + query, "text/tab-separated-values")
    assert (200, expected) == (reply.status, reply.text.splitlines()[1])


def test_tables_of_triple_terms(served: Served) -> None:
    """JSON and XML as the drafts have them; a page shows text."""
    query = X + "SELECT ?t ?d { ?s :says ?t . ?e :text ?d }"
    found = served.query(query, "application/sparql-results+json").json["results"]["bindings"][0]
    assert {"type": "triple", "value": {k: {"type": "uri", "value": f"http://x/{v}"} for k, v in (("subject", "b"), ("predicate", "p"), ("object", "c"))}} == found["t"]
    assert {"type": "literal", "value": "مرحبا", "xml:lang": "ar", "its:dir": "rtl"} == found["d"]
    xml = served.query(query, "application/sparql-results+xml")
    assert "<triple><subject><uri>http://x/b</uri></subject>" in xml.text
    assert 'its:dir="rtl"' in xml.text
    for body, kind in ((xml.body, ox.QueryResultsFormat.XML), (served.query(query, "text/tab-separated-values").body, ox.QueryResultsFormat.TSV)):
        assert 1 == len(list(ox.parse_query_results(body, format=kind)))
    assert "&lt;http://x/b&gt;" in served.query(query, "text/html").text


@pytest.mark.parametrize("kind", GRAPHS)
@pytest.mark.parametrize("address", ["/sparql?query=CONSTRUCT%20WHERE%20%7B%3Fs%20%3Fp%20%3Fo%7D", "/graph-store?default"])
def test_graphs(served: Served, kind: str, address: str) -> None:
    """Whole in each format that can carry them."""
    reply = served.ask(address, Accept=kind)
    assert (200, kind) == (reply.status, reply.kind)
    found = reply.triples()
    assert 5 == len(found)
    assert any(isinstance(t.object, ox.Triple) for t in found)
    assert any(isinstance(t.object, ox.Literal) and str(t.object).endswith("@ar--rtl") for t in found)


@pytest.mark.parametrize("address", ["/sparql?query=CONSTRUCT%20WHERE%20%7B%3Fs%20%3Fp%20%3Fo%7D", "/graph-store?default"])
def test_json_ld_cannot_and_says_so(served: Served, address: str) -> None:
    """406 with what can; not half a graph, and not a failure of the service."""
    reply = served.ask(address, Accept="application/ld+json")
    assert (406, "application/problem+json") == (reply.status, reply.kind)
    assert "Turtle" in reply.json["detail"]
    assert "书写方向" in reply.json["detail_zh"]


@pytest.mark.parametrize("query", ["SELECT * { ?s ?p <<( :a ?q )>> }", "SELECT ('a'@en--up AS ?x) {}", "SELECT * { :a :p :c {| :source } }"])
def test_faults_have_a_place(served: Served, query: str) -> None:
    """As any fault."""
    reply = served.query(X + query)
    assert 400 == reply.status
    assert reply.json["line"] == 1


def test_deep_triple_terms_are_refused(served: Served) -> None:
    """They nest like brackets."""
    deep = "<<( :a :b " * 200 + ":c" + " )>>" * 200
    reply = served.query(X + f"SELECT * {{ ?s ?p {deep} }}")
    assert 400 == reply.status
    assert "nesting" in reply.json["detail"]
    assert 200 == served.query("ASK {}").status
