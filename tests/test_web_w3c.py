"""
W3C's suites for SPARQL 1.1 query, syntax, results, protocol and service description, over HTTP.

The suites are not kept in the repository: `COVALUE_W3C` names a checkout of https://github.com/w3c/rdf-tests. Exceptions are data, each with its reason; a test that
is listed and passes fails, so that the list stays true.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

from covalue.stores import Answer, Pick, Request
from covalue.stores.oxigraph import OxigraphStore
from served import Reply, Served

BASE = "http://www.w3.org/2009/sparql/docs/tests/data-sparql11/"
MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
QT = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#"
UT = "http://www.w3.org/2009/sparql/tests/test-update#"
HT = "http://www.w3.org/2011/http#"
CNT = "http://www.w3.org/2011/content#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SUITES = (
    "aggregates",
    "bind",
    "bindings",
    "cast",
    "construct",
    "csv-tsv-res",
    "exists",
    "functions",
    "grouping",
    "json-res",
    "negation",
    "project-expression",
    "property-path",
    "protocol",
    "service-description",
    "subquery",
    "syntax-query",
)  # those for updates, federation and entailment are left out
TABLE = "application/sparql-results+json"
KINDS = {"boolean": (TABLE, "application/sparql-results+xml"), "tabular": (TABLE, "application/sparql-results+xml", "text/csv"), "RDF": ("text/turtle", "application/n-triples")}
READ_ONLY = "the service is read-only: updates are refused with 403"
IN_GRAPH = "engine: what stands inside of GRAPH ?g is evaluated once, not for each graph"
BOTH_ENDS = "engine: a path of length zero from a constant finds nothing where the constant is not in the data"
CONCAT = "engine: GROUP_CONCAT keeps a language tag that all values share"
CANONICAL = "engine: literals are kept in canonical form, and derived integer types as xsd:integer"
EXCEPTIONS: dict[str, str] = {
    "aggregates/agg-groupconcat-04": CONCAT,
    "aggregates/agg-groupconcat-06": CONCAT,
    "aggregates/agg-empty-group-count-graph": IN_GRAPH,
    "bindings/graph": IN_GRAPH,
    "negation/graph-minus": IN_GRAPH,
    "property-path/zero_or_more_set_start": BOTH_ENDS,
    "property-path/zero_or_more_set_end": BOTH_ENDS,
    "property-path/zero_or_one_set_start": BOTH_ENDS,
    "property-path/zero_or_one_set_end": BOTH_ENDS,
    "functions/bnode01": "engine: BNODE of the same text gives the same node in all solutions",
    "csv-tsv-res/tsv03": CANONICAL,
    "csv-tsv-res/csv03": CANONICAL,
    "syntax-query/test_4": "engine: an unknown function fails the whole query, where the standard leaves the expression unbound",
    **dict.fromkeys((f"protocol/update_{n}" for n in ("dataset_default_graph", "dataset_default_graphs", "dataset_named_graphs", "dataset_full")), READ_ONLY),
    **dict.fromkeys((f"protocol/update_{n}" for n in ("post_form", "post_direct", "base_uri")), READ_ONLY),
}


@cache
def folder() -> Path:
    """The suites; without them the whole module is skipped, which CI does not allow."""
    found = Path(os.environ.get("COVALUE_W3C", "")) / "sparql" / "sparql11"
    if not os.environ.get("COVALUE_W3C") or not found.is_dir():
        pytest.skip("set COVALUE_W3C to a checkout of https://github.com/w3c/rdf-tests", allow_module_level=True)
    return found


class Manifest:
    """A manifest as a graph."""

    def __init__(self, suite: str) -> None:
        self.path = folder() / suite
        self.base = f"{BASE}{suite}/"
        self.store = ox.Store()
        self.store.load((self.path / "manifest.ttl").read_bytes(), ox.RdfFormat.TURTLE, base_iri=self.base + "manifest")

    def all(self, subject: Any, predicate: str) -> list[Any]:
        """The values of a property."""
        return [q.object for q in self.store.quads_for_pattern(subject, ox.NamedNode(predicate), None, None)]

    def one(self, subject: Any, predicate: str) -> Any:
        """Its only value, or None."""
        return next(iter(self.all(subject, predicate)), None)

    def items(self, head: Any) -> Iterator[Any]:
        """The members of a list."""
        while head is not None and head.value != RDF + "nil":
            yield self.one(head, RDF + "first")
            head = self.one(head, RDF + "rest")

    def file(self, iri: Any) -> Path:
        """The file that an IRI of the manifest names."""
        return self.path / iri.value.removeprefix(self.base)

    def tests(self) -> list[Any]:
        """The tests, in order."""
        entries = next(iter(self.store.quads_for_pattern(None, ox.NamedNode(MF + "entries"), None, None))).object
        return list(self.items(entries))


@cache
def manifest(suite: str) -> Manifest:
    """Read once."""
    return Manifest(suite)


def named(kind: str) -> list[Any]:
    """The tests of a kind over all suites, as parameters."""
    out = []
    for suite in SUITES:
        for test in manifest(suite).tests():
            if MF + kind in {t.value for t in manifest(suite).all(test, RDF + "type")}:
                name = f"{suite}/{test.value.rpartition('#')[2].rpartition('/')[2]}"
                reason = EXCEPTIONS.get(name)
                out.append(pytest.param(suite, test, id=name, marks=[pytest.mark.xfail(reason=reason, strict=True)] if reason else []))
    return out


class Changing:
    """A store whose dataset each test puts in."""

    def __init__(self) -> None:
        self.inner = OxigraphStore(ox.Store(), "0")
        self._count = 0

    @property
    def version(self) -> str:
        return self.inner.version

    def graphs(self) -> Sequence[str]:
        return self.inner.graphs()

    def answer(self, request: Request, pick: Pick) -> Answer:
        return self.inner.answer(request, pick)

    def put(self, default: Sequence[tuple[Path, str]], graphs: Sequence[tuple[Path, str]]) -> None:
        """Files with their IRIs, as the default graph and as named graphs."""
        self._count += 1
        store = ox.Store()
        for path, iri in default:
            store.load(path.read_bytes(), ox.RdfFormat.from_extension(path.suffix[1:]), base_iri=iri)
        for path, iri in graphs:
            store.load(path.read_bytes(), ox.RdfFormat.from_extension(path.suffix[1:]), base_iri=iri, to_graph=ox.NamedNode(iri))
        self.inner = OxigraphStore(store, f"{self._count:064}")


@pytest.fixture(scope="module")
def changing() -> Changing:
    """The store of all tests here."""
    return Changing()


@pytest.fixture(scope="module")
def served(changing: Changing) -> Served:
    """It, served."""
    return Served(changing)


# --- query


@dataclass(frozen=True)
class Rows:
    """Solutions as statements about rows, so that blank nodes can be matched as in a graph; literals as the engine keeps them."""

    canonical: Counter[str]

    @classmethod
    def of(cls, results: Any) -> Rows:
        if isinstance(results, ox.QueryBoolean):
            return cls(Counter([str(bool(results))]))
        names = [v.value for v in results.variables]
        store, row = ox.Store(), ox.NamedNode("urn:rows")
        for solution in results:
            node = ox.BlankNode()
            store.add(ox.Quad(row, ox.NamedNode("urn:row"), node))
            for name in names:
                if solution[name] is not None:
                    store.add(ox.Quad(node, ox.NamedNode("urn:var:" + name), solution[name]))
        return cls(_canonical(store))


def _canonical(store: ox.Store) -> Counter[str]:
    dataset = ox.Dataset(store)
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    return Counter(map(str, dataset))


def graph(data: bytes, rdf: ox.RdfFormat, base: str) -> Counter[str]:
    """A graph with its blank nodes in canonical order."""
    store = ox.Store()
    store.load(data, rdf, base_iri=base)
    return _canonical(store)


def load(changing: Changing, m: Manifest, action: Any) -> None:
    """The dataset of an evaluation test."""
    data = [(m.file(x), x.value) for x in m.all(action, QT + "data")]
    changing.put(data, [(m.file(x), x.value) for x in m.all(action, QT + "graphData")])


@pytest.mark.parametrize(("suite", "test"), named("QueryEvaluationTest") + named("CSVResultFormatTest"))
def test_query(changing: Changing, served: Served, suite: str, test: Any) -> None:
    """The answer is the expected one, in each format that can say it."""
    m = manifest(suite)
    action, expected = m.one(test, MF + "action"), m.file(m.one(test, MF + "result"))
    load(changing, m, action)
    query = m.one(action, QT + "query")
    text = f"BASE <{query.value}>\n" + m.file(query).read_text(encoding="utf-8")
    if expected.suffix in (".csv", ".tsv"):
        reply = served.query(text, format=expected.suffix[1:])
        assert 200 == reply.status, reply.text
        assert _lines(expected.read_bytes(), expected.suffix) == _lines(reply.body, expected.suffix)
        return
    if expected.suffix == ".ttl" and b"ResultSet" not in expected.read_bytes():
        _check_graph(served, text, expected, query.value)
        return
    wanted = _result_set(expected) if expected.suffix == ".ttl" else _rows(expected.read_bytes(), _results_format(expected.suffix))
    for name, rdf in (("json", ox.QueryResultsFormat.JSON), ("xml", ox.QueryResultsFormat.XML)):
        reply = served.query(text, format=name)
        assert 200 == reply.status, reply.text
        assert wanted == _rows(reply.body, rdf)


def _rows(data: bytes, format: ox.QueryResultsFormat) -> Rows:
    """Not inside of an assertion: a failed one keeps its parts, and results of the engine may only be dropped by the thread that made them."""
    return Rows.of(ox.parse_query_results(data, format=format))


def _results_format(suffix: str) -> ox.QueryResultsFormat:
    return {".srx": ox.QueryResultsFormat.XML, ".srj": ox.QueryResultsFormat.JSON}[suffix]


def _lines(data: bytes, suffix: str) -> Counter[str]:
    """Rows and columns in any order (SELECT * leaves it open), with blank nodes alike, and numbers of TSV by value."""
    tabs = suffix == ".tsv"
    style: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if tabs else {}
    head, *rows = csv.reader(data.decode().splitlines(), **style)
    order = sorted(range(len(head)), key=lambda i: head[i])
    cells = ([row[i] for i in order] for row in (head, *rows))
    return Counter("|".join("_:" if c.startswith("_:") else _number(c) if tabs else c for c in row) for row in cells)


def _number(cell: str) -> str:
    try:
        return str(float(cell))
    except ValueError:
        return cell


def _check_graph(served: Served, text: str, expected: Path, base: str) -> None:
    wanted = graph(expected.read_bytes(), ox.RdfFormat.TURTLE, base)
    for name, rdf in (("turtle", ox.RdfFormat.TURTLE), ("rdfxml", ox.RdfFormat.RDF_XML), ("jsonld", ox.RdfFormat.JSON_LD)):
        reply = served.query(text, format=name)
        assert 200 == reply.status, reply.text
        assert wanted == graph(reply.body, rdf, base)


def _result_set(path: Path) -> Rows:
    """Results that are written as a graph (the old result-set vocabulary)."""
    store = ox.Store()
    store.load(path.read_bytes(), ox.RdfFormat.TURTLE, base_iri=BASE)
    prefix = "PREFIX rs: <http://www.w3.org/2001/sw/DataAccess/tests/result-set#>"
    json: dict[str, Any] = {}
    for solution in store.query(prefix + " SELECT ?row ?name ?value { ?set rs:solution ?row OPTIONAL { ?row rs:binding [ rs:variable ?name ; rs:value ?value ] } }"):  # type: ignore[union-attr]
        row = json.setdefault(str(solution["row"]), {})
        if solution["name"] is not None:
            row[solution["name"].value] = solution["value"]

    class Results:
        variables = tuple(ox.Variable(n) for n in sorted({n for row in json.values() for n in row}))

        def __iter__(self) -> Iterator[dict[str, Any]]:
            return iter({**dict.fromkeys((v.value for v in self.variables), None), **row} for row in json.values())

    return Rows.of(Results())


# --- syntax


@pytest.mark.parametrize(("suite", "test"), named("PositiveSyntaxTest11"))
def test_good_syntax(changing: Changing, served: Served, suite: str, test: Any) -> None:
    """It is taken."""
    changing.put((), ())
    query = manifest(suite).one(test, MF + "action")
    reply = served.direct(f"BASE <{query.value}>\n".encode() + manifest(suite).file(query).read_bytes())
    assert 200 == reply.status, reply.text


@pytest.mark.parametrize(("suite", "test"), named("NegativeSyntaxTest11"))
def test_bad_syntax(changing: Changing, served: Served, suite: str, test: Any) -> None:
    """It is refused, with a sentence."""
    changing.put((), ())
    query = manifest(suite).one(test, MF + "action")
    reply = served.direct(f"BASE <{query.value}>\n".encode() + manifest(suite).file(query).read_bytes())
    assert 400 == reply.status, reply.text
    assert reply.json["detail"].endswith(".")


# --- protocol and service description


@pytest.mark.parametrize(("suite", "test"), named("ProtocolTest"))
def test_protocol(changing: Changing, served: Served, suite: str, test: Any) -> None:
    """Each request of a test gets a reply with the expected status, kind and boolean."""
    m = manifest(suite)
    data = m.all(test, UT + "graphData")
    changing.put((), [(m.file(m.one(d, UT + "graph")), m.one(d, RDFS + "label").value) for d in data])
    for request in m.items(m.one(m.one(test, MF + "action"), HT + "requests")):
        reply = _send(served, m, request)
        response = m.one(request, HT + "resp")
        statuses = {s.value.rpartition("StatusCode")[2][0] for s in m.all(response, MF + "expectedStatus")}
        assert not statuses or str(reply.status)[0] in statuses, reply.text
        kind, boolean = m.one(response, MF + "expectedFormat"), m.one(response, MF + "expectedBoolean")
        assert kind is None or reply.kind in KINDS[kind.value]
        assert boolean is None or (boolean.value == "true") == reply.json["boolean"]


def _send(served: Served, m: Manifest, request: Any) -> Reply:
    body, content = b"", m.one(request, HT + "body")
    if content is not None:
        body = m.one(content, CNT + "chars").value.encode(m.one(content, CNT + "characterEncoding").value)
    headers = {m.one(h, HT + "fieldName").value.replace("-", "_"): m.one(h, HT + "fieldValue").value for h in m.items(m.one(request, HT + "headers"))}
    return served.ask(m.one(request, HT + "absolutePath").value, m.one(request, HT + "methodName").value, body, **headers)


def test_service_description(served: Served) -> None:
    """The three tests of that suite: RDF at the endpoint, with its own address, by the vocabulary's schema."""
    assert {"has-endpoint-triple", "returns-rdf", "conforms-to-schema"} == {t.value.rpartition("#")[2] for t in manifest("service-description").tests()}
    reply = served.ask("/sparql", Accept="text/turtle, application/rdf+xml")
    assert (200, "text/turtle") == (reply.status, reply.kind)
    store, sd = ox.Store(), "http://www.w3.org/ns/sparql-service-description#"
    store.extend(ox.Quad(t.subject, t.predicate, t.object) for t in reply.triples())
    endpoint = ox.NamedNode(served.url + "/sparql")
    services = [q.subject for q in store.quads_for_pattern(None, ox.NamedNode(sd + "endpoint"), endpoint, None)]
    assert 1 == len(services)
    for predicate, domain in (("endpoint", "Service"), ("namedGraph", "Dataset"), ("name", "NamedGraph"), ("defaultGraph", "Dataset"), ("defaultDataset", "Service")):
        for quad in store.quads_for_pattern(None, ox.NamedNode(sd + predicate), None, None):
            assert ox.Quad(quad.subject, ox.NamedNode(RDF + "type"), ox.NamedNode(sd + domain)) in store


def test_nothing_of_the_suites_is_left_out() -> None:
    """As many tests as the manifests of these folders hold."""
    kinds = ("QueryEvaluationTest", "CSVResultFormatTest", "PositiveSyntaxTest11", "NegativeSyntaxTest11", "ProtocolTest", "ServiceDescriptionTest")
    counts = {kind: len(named(kind)) for kind in kinds}
    total = sum(len(manifest(name).tests()) for name in SUITES)
    assert sum(counts.values()) == total, counts
    assert total > 350
