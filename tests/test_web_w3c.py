"""
W3C's suites for SPARQL 1.0, 1.1 and 1.2 over HTTP: query, syntax, results, protocol, service description, federation.

The suites are not kept in the repository: `COVALUE_W3C` names a checkout of https://github.com/w3c/rdf-tests. Exceptions are data, each with its reason; a test that
is listed and passes fails, so that the list stays true.
"""

from __future__ import annotations

import contextlib
import csv
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

from covalue.stores import Answer, Pick, Request
from covalue.stores.federation import FederatedStore
from covalue.stores.limits import Limits
from covalue.stores.outward import Outward
from covalue.stores.oxigraph import OxigraphStore
from covalue.stores.spool import Budget, Spool, Stream
from engine import Engine
from served import Reply, Served

MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
QT = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#"
UT = "http://www.w3.org/2009/sparql/tests/test-update#"
HT = "http://www.w3.org/2011/http#"
CNT = "http://www.w3.org/2011/content#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
EDITIONS = {
    "sparql10": (
        *(
            "algebra",
            "ask",
            "basic",
            "bnode-coreference",
            "boolean-effective-value",
            "bound",
            "cast",
            "construct",
            "dataset",
            "distinct",
            "expr-builtin",
            "expr-equals",
            "expr-ops",
        ),
        *("graph", "i18n", "open-world", "optional", "optional-filter", "reduced", "regex", "solution-seq", "sort", "triple-match", "type-promotion"),
        *(f"syntax-sparql{n}" for n in range(1, 6)),
    ),
    "sparql11": (
        *("aggregates", "bind", "bindings", "cast", "construct", "csv-tsv-res", "exists", "functions", "grouping", "json-res", "negation", "project-expression", "property-path"),
        *("protocol", "service", "service-description", "subquery", "syntax-fed", "syntax-query"),
    ),  # those for updates and entailment are left out
    "sparql12": (
        *("codepoint-escapes", "eval-triple-terms", "expression", "grouping", "lang-basedir", "rdf11", "syntax", "syntax-triple-terms-negative", "syntax-triple-terms-positive"),
        "version",
    ),
}
SUITES = tuple(f"{edition}/{suite}" for edition, suites in EDITIONS.items() for suite in suites)
GRAPHS = {".ttl": ox.RdfFormat.TURTLE, ".nt": ox.RdfFormat.N_TRIPLES, ".rdf": ox.RdfFormat.RDF_XML}
FEDERATED = ("sparql11/service", "sparql11/syntax-fed")
LOCAL = tuple(suite for suite in SUITES if suite not in FEDERATED)
QUERY_KINDS = ("QueryEvaluationTest", "CSVResultFormatTest")
GOOD_KINDS = ("PositiveSyntaxTest11", "PositiveSyntaxTest")
BAD_KINDS = ("NegativeSyntaxTest11", "NegativeSyntaxTest")
UPDATE_KINDS = ("UpdateEvaluationTest", "PositiveUpdateSyntaxTest", "NegativeUpdateSyntaxTest")
TABLE = "application/sparql-results+json"
KINDS = {"boolean": (TABLE, "application/sparql-results+xml"), "tabular": (TABLE, "application/sparql-results+xml", "text/csv"), "RDF": ("text/turtle", "application/n-triples")}
READ_ONLY = "the service is read-only: updates are refused with 403"
IN_GRAPH = "engine: what stands inside of GRAPH ?g is evaluated once, not for each graph"
GRAPH_VARIABLE = "engine: inside of GRAPH ?g, the variable ?g has no value yet"
FUNCTIONS = "ours: an unknown function is an error of the query, by its name; the standard leaves the expression unbound, and who misspelt a name would not hear of it"
LENIENT = "engine: it takes what the grammar does not"
BOTH_ENDS = "engine: a path of length zero from a constant finds nothing where the constant is not in the data"
CONCAT = "engine: GROUP_CONCAT keeps a language tag that all values share"
CANONICAL = "engine: literals are kept in canonical form, and derived integer types as xsd:integer"
EXCEPTIONS: dict[str, str] = {
    **dict.fromkeys((f"sparql10/distinct/distinct-{n}" for n in (1, 9)), CANONICAL),
    **dict.fromkeys((f"sparql10/expr-builtin/{n}" for n in ("dawg-str-1", "dawg-str-2", "sameTerm-simple", "sameTerm-eq", "sameTerm-not-eq")), CANONICAL),
    **dict.fromkeys((f"sparql10/expr-equals/eq-graph-{n}" for n in (1, 2)), CANONICAL),
    "sparql10/open-world/open-eq-01": CANONICAL,
    "sparql12/grouping/group01": CANONICAL,
    "sparql10/open-world/date-2": "engine: a date without a time zone is unequal to the same one with it, where the standard cannot tell",
    **dict.fromkeys((f"sparql10/graph/graph-{n}" for n in ("variable-scope", "optional")), GRAPH_VARIABLE),
    "sparql10/expr-builtin/case-insensitive-booleans": "engine: true and false in small letters only",
    **dict.fromkeys((f"sparql10/syntax-sparql1/syntax-{n}" for n in ("expr-05", "order-05", "order-06")), FUNCTIONS),
    **dict.fromkeys((f"sparql10/syntax-sparql2/syntax-function-0{n}" for n in range(1, 5)), FUNCTIONS),
    "sparql10/syntax-sparql3/syn-bad-26": LENIENT,
    "sparql12/syntax/nested-aggregate-functions": LENIENT,
    **dict.fromkeys((f"sparql12/syntax-triple-terms-negative/tripleterm-subject-0{n}" for n in (3, 6)), LENIENT),
    "sparql11/aggregates/agg-groupconcat-04": CONCAT,
    "sparql11/aggregates/agg-groupconcat-06": CONCAT,
    "sparql11/aggregates/agg-empty-group-count-graph": IN_GRAPH,
    "sparql11/bindings/graph": IN_GRAPH,
    "sparql11/negation/graph-minus": IN_GRAPH,
    "sparql11/property-path/zero_or_more_set_start": BOTH_ENDS,
    "sparql11/property-path/zero_or_more_set_end": BOTH_ENDS,
    "sparql11/property-path/zero_or_one_set_start": BOTH_ENDS,
    "sparql11/property-path/zero_or_one_set_end": BOTH_ENDS,
    "sparql11/functions/bnode01": "engine: BNODE of the same text gives the same node in all solutions",
    "sparql11/csv-tsv-res/tsv03": CANONICAL,
    "sparql11/csv-tsv-res/csv03": CANONICAL,
    "sparql11/syntax-query/test_4": FUNCTIONS,
    **dict.fromkeys((f"sparql11/protocol/update_{n}" for n in ("dataset_default_graph", "dataset_default_graphs", "dataset_named_graphs", "dataset_full")), READ_ONLY),
    **dict.fromkeys((f"sparql11/protocol/update_{n}" for n in ("post_form", "post_direct", "base_uri")), READ_ONLY),
}


@cache
def folder() -> Path:
    """The suites; without them the whole module is skipped, which CI does not allow."""
    found = Path(os.environ.get("COVALUE_W3C", "")) / "sparql"
    if not os.environ.get("COVALUE_W3C") or not found.is_dir():
        pytest.skip("set COVALUE_W3C to a checkout of https://github.com/w3c/rdf-tests", allow_module_level=True)
    return found


class Manifest:
    """A manifest as a graph."""

    def __init__(self, suite: str) -> None:
        self.path = folder() / suite
        text = (self.path / "manifest.ttl").read_text(encoding="utf-8")
        self.base = re.findall(r"prefix\s+:\s+<([^>]+/)manifest#>", text)[0]
        self.store = ox.Store()
        self.store.load(text.encode(), ox.RdfFormat.TURTLE, base_iri=self.base + "manifest")

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


def named(*kinds: str, suites: Sequence[str] = LOCAL) -> list[Any]:
    """The tests of some kinds over suites, as parameters."""
    out = []
    for suite in suites:
        for test in manifest(suite).tests():
            if {MF + kind for kind in kinds} & {t.value for t in manifest(suite).all(test, RDF + "type")}:
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

    def stream(self, request: Request, pick: Pick, **_: Any) -> Stream:
        answer = self.inner.answer(request, pick)
        spool = Spool(Limits(), Budget(0))
        spool.write(answer.body)
        return Stream(answer.shape, answer.format, spool)

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
    plain: tuple[str, ...] = field(default=(), compare=False)
    """Each row as a text, in order."""

    @classmethod
    def of(cls, results: Any) -> Rows:
        if isinstance(results, ox.QueryBoolean | bool):
            return cls(Counter([str(bool(results))]))
        names = [v.value for v in results.variables]
        store, row, plain = ox.Store(), ox.NamedNode("urn:rows"), []
        for solution in results:
            node = ox.BlankNode()
            plain.append(" ".join(f"{n}={'_:' if isinstance(solution[n], ox.BlankNode) else solution[n]}" for n in sorted(names) if solution[n] is not None))
            store.add(ox.Quad(row, ox.NamedNode("urn:row"), node))
            for name in names:
                if solution[name] is not None:
                    store.add(ox.Quad(node, ox.NamedNode("urn:var:" + name), solution[name]))
        return cls(_canonical(store), tuple(plain))


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
    """The dataset of an evaluation test; where it names none, FROM does, and all files of the suite are at hand."""
    data = [(m.file(x), x.value) for x in m.all(action, QT + "data")]
    graphs = [(m.file(x), x.value) for x in m.all(action, QT + "graphData")]
    if not data and not graphs and "FROM" in m.file(m.one(action, QT + "query")).read_text(encoding="utf-8"):
        graphs = [(path, m.base + path.name) for path in m.path.glob("data*.ttl")]
    changing.put(data, graphs)


@pytest.mark.parametrize(("suite", "test"), named(*QUERY_KINDS))
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
    if expected.suffix in GRAPHS and b"ResultSet" not in expected.read_bytes():
        _check_graph(served, text, expected, query.value)
        return
    wanted = _result_set(expected, m.base) if expected.suffix in GRAPHS else _rows(expected.read_bytes(), _results_format(expected.suffix))
    for name, rdf in (("json", ox.QueryResultsFormat.JSON), ("xml", ox.QueryResultsFormat.XML)):
        reply = served.query(text, format=name)
        assert 200 == reply.status, reply.text
        found = _rows(reply.body, rdf)
        if m.one(test, MF + "resultCardinality") == ox.NamedNode(MF + "LaxCardinality"):  # REDUCED: each row at least once, and not more often
            assert set(found.plain) == set(wanted.plain)
            assert Counter(found.plain) <= Counter(wanted.plain)
        else:
            assert wanted == found
        assert b":index" not in expected.read_bytes() or wanted.plain == found.plain


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
    wanted = graph(expected.read_bytes(), GRAPHS[expected.suffix], base)
    for name, rdf in (("turtle", ox.RdfFormat.TURTLE), ("rdfxml", ox.RdfFormat.RDF_XML), ("jsonld", ox.RdfFormat.JSON_LD)):
        reply = served.query(text, format=name)
        if (name == "jsonld" and "<<(" in "".join(wanted)) or (name == "rdfxml" and "\\f" in "".join(wanted)):  # it cannot carry them, and says so
            assert 406 == reply.status
            continue
        assert 200 == reply.status, reply.text
        assert wanted == graph(reply.body, rdf, base)


def _result_set(path: Path, base: str) -> Rows:
    """Results that are written as a graph (the old result-set vocabulary), in the order that it gives them, if any."""
    store = ox.Store()
    store.load(path.read_bytes(), GRAPHS[path.suffix], base_iri=base + path.name)
    prefix = "PREFIX rs: <http://www.w3.org/2001/sw/DataAccess/tests/result-set#>"
    for solution in store.query(prefix + " SELECT ?boolean { ?set rs:boolean ?boolean }"):  # type: ignore[union-attr]
        return Rows.of(solution["boolean"].value == "true")
    rows: dict[str, Any] = {}
    solutions = "?s rs:solution ?row OPTIONAL { ?row rs:index ?index } OPTIONAL { ?row rs:binding [ rs:variable ?name ; rs:value ?value ] }"
    query = f"{prefix} SELECT * {{ {solutions} }} ORDER BY ?index"
    for solution in store.query(query):  # type: ignore[union-attr]
        row = rows.setdefault(str(solution["row"]), {})
        if solution["name"] is not None:
            row[solution["name"].value] = solution["value"]

    class Results:
        variables = tuple(ox.Variable(n) for n in sorted({n for row in rows.values() for n in row}))

        def __iter__(self) -> Iterator[dict[str, Any]]:
            return iter({**dict.fromkeys((v.value for v in self.variables), None), **row} for row in rows.values())

    return Rows.of(Results())


# --- syntax


@pytest.mark.parametrize(("suite", "test"), named(*GOOD_KINDS))
def test_good_syntax(changing: Changing, served: Served, suite: str, test: Any) -> None:
    """It is taken."""
    changing.put((), ())
    query = manifest(suite).one(test, MF + "action")
    reply = served.direct(f"BASE <{query.value}>\n".encode() + manifest(suite).file(query).read_bytes())
    assert 200 == reply.status, reply.text


@pytest.mark.parametrize(("suite", "test"), named(*BAD_KINDS))
def test_bad_syntax(changing: Changing, served: Served, suite: str, test: Any) -> None:
    """It is refused, with a sentence."""
    changing.put((), ())
    query = manifest(suite).one(test, MF + "action")
    reply = served.direct(f"BASE <{query.value}>\n".encode() + manifest(suite).file(query).read_bytes())
    assert 400 == reply.status, reply.text
    assert reply.json["detail"].endswith((".", "?"))


# --- federation


@contextlib.contextmanager
def federated(changing: Changing, m: Manifest, action: Any) -> Iterator[tuple[Served, Callable[[str], str]]]:
    """The service that may call the endpoints of a test, and what their addresses are here."""
    with contextlib.ExitStack() as stack:
        here = {}
        for service in m.all(action, QT + "serviceData"):
            engine = stack.enter_context(Engine())
            here[f"<{m.one(service, QT + 'endpoint').value}>"] = f"<{engine.url}>"
            engine.store.load(m.file(m.one(service, QT + "data")).read_bytes(), ox.RdfFormat.TURTLE)

        def moved(text: str) -> str:
            for there, address in here.items():
                text = text.replace(there, address).replace(f"<uri>{there[1:-1]}<", f"<uri>{address[1:-1]}<")
            return text

        out = stack.enter_context(contextlib.closing(Outward([address[1:-1] for address in here.values()])))
        yield Served(FederatedStore(changing, out)), moved


@pytest.mark.parametrize(("suite", "test"), named(*QUERY_KINDS, suites=("sparql11/service",)))
def test_federated_query(changing: Changing, suite: str, test: Any) -> None:
    """The endpoints of the suite are real servers at other addresses; who is not there is not listed either."""
    m = manifest(suite)
    action, expected = m.one(test, MF + "action"), m.file(m.one(test, MF + "result"))
    with federated(changing, m, action) as (served, moved):
        store = ox.Store()
        for x in m.all(action, QT + "data"):
            store.load(moved(m.file(x).read_text(encoding="utf-8")), ox.RdfFormat.TURTLE, base_iri=x.value)
        changing.inner = OxigraphStore(store, "0" * 64)
        reply = served.query(moved(m.file(m.one(action, QT + "query")).read_text(encoding="utf-8")), format="xml")
        assert 200 == reply.status, reply.text
        assert _rows(moved(expected.read_text(encoding="utf-8")).encode(), ox.QueryResultsFormat.XML) == _rows(reply.body, ox.QueryResultsFormat.XML)


@pytest.mark.parametrize(("suite", "test"), named(*GOOD_KINDS, suites=("sparql11/syntax-fed",)))
def test_federated_syntax(changing: Changing, suite: str, test: Any) -> None:
    """It is taken: what is missing is leave to call, and where the query is silent about that, nothing."""
    changing.put((), ())
    m = manifest(suite)
    text = m.file(m.one(test, MF + "action")).read_text(encoding="utf-8")
    with federated(changing, m, test) as (served, _):
        assert (200 if "SILENT" in text else 403) == served.query(text).status
        assert 400 == served.query(text + "}").status


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
    assert {"has-endpoint-triple", "returns-rdf", "conforms-to-schema"} == {t.value.rpartition("#")[2] for t in manifest("sparql11/service-description").tests()}
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
    """As many tests as the manifests of these folders hold; all folders but those for updates and entailment are among them."""
    kinds = (*QUERY_KINDS, *GOOD_KINDS, *BAD_KINDS, "ProtocolTest", "ServiceDescriptionTest", *UPDATE_KINDS)
    counts = {kind: len(named(kind, suites=SUITES)) for kind in kinds}
    total = sum(len(manifest(name).tests()) for name in SUITES)
    assert sum(counts.values()) == total, counts
    assert total > 1000
