"""
The SPARQL engines that we know, as rows of a table, and what is done before any of them: which is it, and does it answer rightly?

What a row says was seen on the version that it names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import pyoxigraph as ox

from covalue.errors import SettingError, StoreError
from covalue.names import PREFIXES
from covalue.stores.limits import Cancel, DeadlineError, OverloadedError, TooLargeError
from covalue.stores.wire import Reply, UnreachableError, Wire, address, late

JSON = "application/sparql-results+json"
N_TRIPLES = "application/n-triples"
FORM = "application/x-www-form-urlencoded"
GRAPH_MANIFEST = PREFIXES["graph"] + "manifest"
GRAPH_MERGED = PREFIXES["graph"] + "merged"
INTERNAL = (GRAPH_MANIFEST, GRAPH_MERGED)
"""Graphs that are ours and not the dataset's; no answer shows them unasked."""
NOWHERE = PREFIXES["graph"] + "none"
"""A graph that does not exist, for engines that take an empty list for no list."""


@dataclass(frozen=True)
class Engine:
    """
    What is particular about an engine.

    Attributes:
        tried: the version that this row was tried with; empty for engines at large.
        paths: last segments of the addresses for queries (several are known), updates and graphs.
        graph_parameter: how the graph store wants a graph named.
        timeout: parameter of a query that carries the deadline, and the seconds that its unit has; None where the engine takes none.
        exact: extensions of formats that it writes to the letter, so that they need not be written anew.
        most_named: most graphs that a request can list (Virtuoso sends each back in a header of its own, and clients take about a hundred of those).
        own_default: whether it keeps a default graph apart from the named ones, so that the merge can be put there.
    """

    name: str
    tried: str
    paths: tuple[tuple[str, ...], str, str]
    graph_parameter: str = "graph"
    timeout: tuple[str, float] | None = None
    exact: frozenset[str] = frozenset()
    own_default: bool = True
    most_named: int = 2000

    def addresses(self, query: str) -> tuple[str, str]:
        """The addresses for updates and for graphs that belong to one for queries."""
        parts = urlsplit(query)
        head, _, last = parts.path.rstrip("/").rpartition("/")
        base = head if last in self.paths[0] else parts.path.rstrip("/")
        update, graphs = (urlunsplit((parts.scheme, parts.netloc, f"{base}/{p}", "", "")) for p in self.paths[1:])
        return update, graphs


OXIGRAPH = Engine("Oxigraph", "0.5.13", (("query", "sparql"), "update", "store"), exact=frozenset({"srj", "srx"}))
FUSEKI = Engine("Apache Jena Fuseki", "5.6.0", (("sparql", "query"), "update", "data"), timeout=("timeout", 1.0), exact=frozenset({"srj", "srx"}))
VIRTUOSO = Engine(
    "Virtuoso",
    "7.2.5",
    (("sparql", "sparql-auth"), "sparql-auth", "sparql-graph-crud-auth"),
    graph_parameter="graph-uri",
    timeout=("timeout", 0.001),
    own_default=False,
    most_named=80,
)
OTHER = Engine("another SPARQL 1.1 engine", "", (("sparql", "query"), "update", "data"))

TRIAL_SUBJECT = f"{GRAPH_MANIFEST}#trial"
_X, _T = PREFIXES["xsd"], f"<{TRIAL_SUBJECT}>"
TRIAL_TRIPLES = f"""\
{_T} <{_T[1:-1]}-year> "2010"^^<{_X}gYear> .
{_T} <{_T[1:-1]}-day> "2010-04-06"^^<{_X}date> .
{_T} <{_T[1:-1]}-number> "1"^^<{_X}integer> .
{_T} <{_T[1:-1]}-yes> "true"^^<{_X}boolean> .
{_T} <{_T[1:-1]}-label> "value"@en .
{_T} <{_T[1:-1]}-label> "\u4ef7\u503c"@zh .
{_T} <{_T[1:-1]}-next> <{_T[1:-1]}2> .
<{_T[1:-1]}2> <{_T[1:-1]}-next> <{_T[1:-1]}3> .
<{_T[1:-1]}3> <{_T[1:-1]}-share> "0.25"^^<{_X}decimal> .
"""
"""Statements of the manifest's graph, for the trials to ask of."""
_P = f"PREFIX t: <{TRIAL_SUBJECT}-> PREFIX xsd: <{_X}> "
TRIALS: Mapping[str, str] = {
    "xsd:gYear in a filter": _P + f"ASK {{ {_T} t:year ?y FILTER(?y = '2010'^^xsd:gYear) }}",
    "xsd:gYear beside a path": _P + f"ASK {{ {_T} t:next/t:next ?n ; t:year '2010'^^xsd:gYear . ?n t:share ?s }}",
    "xsd:boolean": _P + f"ASK {{ {_T} t:yes ?y FILTER(?y && datatype(?y) = xsd:boolean) }}",
    "xsd:date": _P + f"ASK {{ {_T} t:day ?d FILTER(datatype(?d) = xsd:date && ?d > '2010-01-01'^^xsd:date && str(?d) = '2010-04-06') }}",
    "xsd:decimal": _P + "ASK { ?x t:share ?s FILTER(?s * 4 = 1 && datatype(?s) = xsd:decimal) }",
    "COALESCE over OPTIONAL and LANGMATCHES": _P
    + f"ASK {{ OPTIONAL {{ {_T} t:label ?z FILTER(LANGMATCHES(LANG(?z), 'zh')) }} OPTIONAL {{ {_T} t:label ?e FILTER(LANGMATCHES(LANG(?e), 'fr')) }} "
    "BIND(COALESCE(?e, ?z) AS ?l) FILTER(STRLEN(?l) = 2) }",
    "paths of any length": _P + f"ASK {{ {_T} t:next* ?n . ?n t:share ?s }}",
    "FILTER NOT EXISTS": _P + f"ASK {{ {_T} t:next ?n FILTER NOT EXISTS {{ ?n t:share ?s }} }}",
    "MINUS": _P + f"ASK {{ ?n t:next ?m MINUS {{ ?n t:label ?l }} FILTER(?n != {_T}) }}",
    "COUNT over nothing": _P + "ASK { { SELECT (COUNT(?x) AS ?n) { ?x t:nothing ?y } } FILTER(?n = 0) }",
    "COUNT over a graph that is not there": "ASK { { SELECT (COUNT(*) AS ?n) { GRAPH <" + NOWHERE + "> { ?s ?p ?o } } } FILTER(?n = 0) }",
    "EXISTS as a value": _P + f"ASK {{ {_T} t:year ?y BIND(EXISTS {{ ?x t:share ?s }} AS ?e) FILTER(datatype(?e) = xsd:boolean) }}",
    "BIND before FILTER NOT EXISTS": _P + f"ASK {{ {{ SELECT (COUNT(*) AS ?n) {{ BIND({_T} AS ?x) FILTER NOT EXISTS {{ ?x t:year ?o }} }} }} FILTER(?n = 0) }}",
    "the datatype of a text with a language": _P + f"ASK {{ {_T} t:label ?l FILTER(datatype(?l) = <{PREFIXES['rdf']}langString>) }}",
    "IRI against BASE": "BASE <https://example.org/> ASK { BIND(IRI('x') AS ?x) FILTER(?x = <https://example.org/x>) }",
    "VALUES with UNDEF": _P + f"ASK {{ VALUES (?a ?b) {{ (UNDEF 1) ({_T} 2) }} ?a t:year ?y FILTER(?b = 1) }}",
    "GROUP BY with HAVING": _P + f"ASK {{ {{ SELECT ?s (COUNT(?l) AS ?n) {{ ?s t:label ?l }} GROUP BY ?s HAVING (COUNT(?l) = 2) }} FILTER(?n = 2 && ?s = {_T}) }}",
    "MIN over decimals": _P + "ASK { { SELECT (MIN(?s) AS ?m) { ?x t:share ?s } } FILTER(?m = 0.25) }",
    "characters beyond ASCII": _P + f"ASK {{ {_T} t:label '\u4ef7\u503c'@zh }}",
}
"""Questions to which yes is the right answer."""


class EngineError(StoreError):
    """The engine failed in a way that is its own; its words are in `detail`, for the operator alone."""

    def __init__(self, en: str, zh: str, detail: str = "") -> None:
        super().__init__(en, zh)
        self.args = (en, zh, detail)
        self.detail = detail


class SyntaxRefusedError(EngineError):
    """The engine does not take a query that is a query."""


@dataclass(frozen=True)
class Endpoint:
    """An engine at its addresses."""

    engine: Engine
    wire: Wire
    query_url: str
    update_url: str
    graphs_url: str

    def query(
        self,
        text: str,
        accept: str = JSON,
        dataset: tuple[Sequence[str], Sequence[str]] | None = None,
        *,
        seconds: float = 60.0,
        most: int = 256_000_000,
        cancel: Cancel | None = None,
    ) -> Reply:
        """
        The engine's whole answer; a cut one is an error, as far as the engine shows that it is.

        Args:
            dataset: the IRIs of the default graph's parts and of the named graphs; None means the engine's own.

        Raises:
            StoreError: one of its kinds; the engine's own words are in `detail` of an `EngineError`.
        """
        fields = [("query", text)]
        if dataset is not None:
            fields += [("default-graph-uri", g) for g in dataset[0] or (NOWHERE,)] + [("named-graph-uri", g) for g in dataset[1] or (NOWHERE,)]
        if self.engine.timeout:
            name, unit = self.engine.timeout
            fields.append((name, str(max(1, round(seconds / unit)))))
        reply = self.wire.send("POST", self.query_url, urlencode(fields).encode(), {"Content-Type": FORM, "Accept": accept}, seconds=seconds, most=most, cancel=cancel)
        _judge(reply, seconds)
        return reply if self.engine is OXIGRAPH else replace(reply, body=decimals(tidy(reply.body, accept) if self.engine is VIRTUOSO else reply.body))

    def rows(self, text: str, graph: str | None = None, seconds: float = 60.0) -> list[dict[str, ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple]]:
        """The solutions of a query of our own, asked of one graph or of the engine's default graph."""
        body = self.query(text, dataset=None if graph is None else ((graph,), ()), seconds=seconds).body
        try:
            results = ox.parse_query_results(body, format=ox.QueryResultsFormat.JSON)
            assert isinstance(results, ox.QuerySolutions)
            names = [v.value for v in results.variables]
            return [{n: s[n] for n in names if s[n] is not None} for s in results]
        except (SyntaxError, ValueError, AssertionError) as e:
            raise _nonsense() from e

    def ask(self, text: str, graph: str | None = None) -> bool:
        """The answer to an ASK of our own."""
        return boolean(self.query(text, dataset=None if graph is None else ((graph,), ())).body)

    def update(self, text: str, seconds: float = 600.0) -> None:
        """
        Raises:
            StoreError: it was refused or failed.
        """
        reply = self.wire.send("POST", self.update_url, text.encode(), {"Content-Type": "application/sparql-update"}, seconds=seconds)
        _judge(reply, seconds)

    def put(self, graph: str, data: bytes, *, append: bool = False, seconds: float = 600.0) -> None:
        """Makes N-Triples the content of a graph, or adds them to it."""
        url = f"{self.graphs_url}?{self.engine.graph_parameter}={quote(graph, safe='')}"
        kind = "text/turtle" if self.engine is VIRTUOSO else N_TRIPLES
        reply = self.wire.send("POST" if append else "PUT", url, data, {"Content-Type": f"{kind}; charset=utf-8"}, seconds=seconds, repeatable=not append)
        _judge(reply, seconds)

    def faults(self) -> list[str]:
        """The trials that the engine answers wrongly; it must hold the trial's statements in the manifest's graph."""
        wrong = []
        for name, text in TRIALS.items():
            try:
                right = self.ask(text, GRAPH_MANIFEST)
            except (EngineError, TooLargeError, DeadlineError):
                right = False
            if not right:
                wrong.append(name)
        return wrong


def connect(url: str, wire: Wire, update_url: str | None = None, graphs_url: str | None = None) -> Endpoint:
    """
    Which engine answers at an address, asked by a query that costs nothing.

    Args:
        url: where it takes queries.
        update_url: where it takes updates, if not where its kind has them.
        graphs_url: where its graph store is, if not where its kind has it.

    Raises:
        SettingError: this is no address.
        StoreError: nobody answers there, or not in SPARQL; the address is named, since only an operator sees this.
    """
    address(url)
    try:
        reply = wire.send("POST", url, urlencode({"query": "ASK {}"}).encode(), {"Content-Type": FORM, "Accept": JSON}, seconds=20)
        _judge(reply, 20)
        if not boolean(reply.body):
            raise _nonsense()
    except StoreError as e:
        raise (
            type(e)(f"{url}: {e.en}", f"{url}：{e.zh}") if type(e) in (StoreError, UnreachableError, EngineError, SyntaxRefusedError) else StoreError(f"{url}: {e.en}", e.zh)
        ) from e
    engine = identify(reply)
    update, graphs = engine.addresses(url)
    for given in (update_url, graphs_url):
        if given is not None and address(given).netloc != urlsplit(url).netloc:
            raise SettingError("the addresses for queries, updates and graphs are on one host.", "查询、更新与图的地址须在同一主机上。")
    return Endpoint(engine, wire, url, update_url or update, graphs_url or graphs)


def identify(reply: Reply) -> Engine:
    """The engine that an answer comes from, by its headers."""
    server = reply.headers.get("server", "").lower()
    if server.startswith("oxigraph/"):
        return OXIGRAPH
    if server.startswith("virtuoso/"):
        return VIRTUOSO
    if "fuseki-request-id" in reply.headers or "fuseki" in server:
        return FUSEKI
    return OTHER


def boolean(body: bytes) -> bool:
    """
    A boolean from JSON results, also from Virtuoso 7, which answers ASK by a table of one row or none.

    Raises:
        StoreError: it is none.
    """
    try:
        raw = json.loads(body)
        if isinstance(raw.get("boolean"), bool):
            return bool(raw["boolean"])
        if raw["head"]["vars"] == ["__ASK_RETVAL"]:
            rows = raw["results"]["bindings"]
            return bool(rows) and rows[0]["__ASK_RETVAL"]["value"] == "1"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise _nonsense() from e
    raise _nonsense()


_NODE = re.compile(rb'("type"\s*:\s*"bnode"\s*,\s*"value"\s*:\s*")nodeID://')
_BOOLEAN = rb"http://www\.w3\.org/2001/XMLSchema#boolean"
_TRUTH = re.compile(rb'("datatype"\s*:\s*"%b"\s*,\s*"value"\s*:\s*)"([01])"' % _BOOLEAN)
_TRUTH_LINE = re.compile(rb'(?<=[ \t])"([01])"(\^\^<%b>)' % _BOOLEAN)
_WORD = {b"0": b'"false"', b"1": b'"true"'}


def tidy(body: bytes, kind: str) -> bytes:
    """
    What Virtuoso 7 writes otherwise than the standards have it: blank nodes are called `nodeID://b1`, booleans are 0 and 1.

    No literal can look like these patterns, since the quotes in it are escaped.
    """
    if kind == N_TRIPLES:
        return _TRUTH_LINE.sub(lambda found: _WORD[found[1]] + found[2], body)
    return _TRUTH.sub(lambda found: found[1] + _WORD[found[2]], _NODE.sub(rb"\1", body))


_D, _N = re.escape(f"{_X}decimal".encode()), rb"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_DECIMAL = re.compile(
    rb'"datatype"\s*:\s*"%b"\s*,\s*"value"\s*:\s*"(%b)"' % (_D, _N)
    + rb'|"value"\s*:\s*"(%b)"\s*,\s*"datatype"\s*:\s*"%b"' % (_N, _D)
    + rb"|<literal datatype=[\"']%b[\"']>(%b)</literal>" % (_D, _N)
    + rb'|(?<=[ \t])"(%b)"\^\^<%b>' % (_N, _D)
)


def decimals(body: bytes) -> bytes:
    """
    Decimals as the embedded engine writes them (10000 and not 10000.0), in JSON, XML or N-Triples.

    Jena writes what it has computed with at least one digit behind the point, and gives stored ones back as they came.
    """
    return _DECIMAL.sub(_canonical, body) if b"XMLSchema#decimal" in body else body


def _canonical(found: re.Match[bytes]) -> bytes:
    number = next(i for i in range(1, 5) if found[i] is not None)
    whole, _, part = found[number].lstrip(b"+").partition(b".")
    minus, digits, part = whole[:1] == b"-", whole.lstrip(b"-").lstrip(b"0") or b"0", part.rstrip(b"0")
    made = digits + (b"." + part if part else b"")
    made = b"-" + made if minus and made != b"0" else made
    start, end = found.span(number)
    return found[0][: start - found.start()] + made + found[0][end - found.start() :]


def _judge(reply: Reply, seconds: float) -> None:
    """
    Raises:
        StoreError: of the kind that the status and the engine's own signs mean.
    """
    state = reply.headers.get("x-sql-state", "")
    if state == "S1TAT" or (reply.status >= 500 and (b"Query timed out" in reply.body[:200] or b"S1T00" in reply.body[:200])):
        raise late(seconds)
    if "x-sparql-maxrows" in reply.headers:
        most = reply.headers["x-sparql-maxrows"]
        raise TooLargeError(
            f"the engine behind this service cuts answers at {most} rows, and a cut one is not sent; page it with ORDER BY, LIMIT and OFFSET.",
            f"后端引擎在 {most} 行处截断结果，截断的结果不予发送；请用 ORDER BY、LIMIT 与 OFFSET 分页。",
        )
    if b"Query cancelled due to timeout during execution" in reply.body[-400:]:
        raise late(seconds)
    if 200 <= reply.status < 300:
        return
    detail = reply.body[:2000].decode("utf-8", "replace")
    if b"estimated execution time" in reply.body[:200]:
        raise TooLargeError(
            "the engine behind this service takes the query for too costly to begin; narrow it with more patterns.", "后端引擎估计该查询代价过高，拒绝执行；请增加限定模式。"
        )
    if reply.status in (429, 503):
        after = reply.headers.get("retry-after", "")
        raise OverloadedError(
            "the engine behind this service is busy; try again later.", "后端引擎繁忙；请稍后重试。", min(60, int(after)) if after.isascii() and after.isdigit() else 5
        )
    if reply.status in (401, 403):
        raise EngineError(
            "the engine does not let us in; set COVALUE_STORE_USER and COVALUE_STORE_PASSWORD (or COVALUE_STORE_TOKEN).",
            "引擎拒绝访问；请设置 COVALUE_STORE_USER 与 COVALUE_STORE_PASSWORD（或 COVALUE_STORE_TOKEN）。",
            detail,
        )
    if reply.status == 400:
        raise SyntaxRefusedError(
            "the engine behind this service does not take this query, though it is SPARQL; write it in plain SPARQL 1.1.",
            "该查询符合 SPARQL 语法，但后端引擎不接受；请改用标准 SPARQL 1.1 写法。",
            detail,
        )
    if reply.status in (404, 405, 406, 415):
        raise EngineError(
            f"there is no SPARQL service of the kind that is needed (HTTP {reply.status}).",
            f"该地址没有所需的 SPARQL 服务（HTTP {reply.status}）。",
            detail,
        )
    raise EngineError(f"the engine behind this service failed (HTTP {reply.status}).", f"后端引擎出错（HTTP {reply.status}）。", detail)


def _nonsense() -> EngineError:
    return EngineError("what the engine answered is no SPARQL result.", "引擎返回的不是 SPARQL 结果。")
