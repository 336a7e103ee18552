"""
Tests of the suites, run: what comes out of each, by the engine alone and over HTTP.

An outcome is `pass`; `value` (equal only once both sides have gone through the engine's storage, which keeps many literals by value);
`order` (the rows are right, their order is not); `refused` (HTTP 403); or `fail`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

import pyoxigraph as ox

from covalue.sparql import UPDATES, tokens
from w3c.manifest import BAD_SYNTAX, EVALUATION, FEDERATED, GOOD_SYNTAX, UPDATE, Case
from w3c.results import Graph, Result, Table, as_csv, as_stored, has_triples, not_xml, of_engine, read_csv, read_expected, read_graph, read_json, read_tsv, read_xml, same
from w3c.protocol import protocol_requests
from w3c.ways import Client, Reply, Way, dataset

RANK = ("pass", "value", "order", "refused", "fail")
JSON, XML, CSV, TSV = "application/sparql-results+json", "application/sparql-results+xml", "text/csv", "text/tab-separated-values"
GRAPHS = {
    "text/turtle": ox.RdfFormat.TURTLE,
    "application/n-triples": ox.RdfFormat.N_TRIPLES,
    "application/rdf+xml": ox.RdfFormat.RDF_XML,
    "application/ld+json": ox.RdfFormat.JSON_LD,
}
TABLES = {JSON: read_json, XML: read_xml, TSV: read_tsv, CSV: read_csv}
KINDS = {"boolean": {JSON, XML}, "tabular": {JSON, XML, CSV, TSV}, "RDF": set(GRAPHS)}
LONG = 4000
"""Updates beyond so many characters meet the limit for patterns first when they are sent as queries."""
_NEVER = ox.Variable("w3cNeverProjected")


@dataclass(frozen=True)
class Outcome:
    """What came out of a test, and in words why it was not `pass`."""

    status: str
    detail: str = ""


PASS = Outcome("pass")


def is_query_case(case: Case) -> bool:
    """Whether it is a test of evaluation or of syntax, which the engine alone can pass too."""
    return case.suite not in FEDERATED and case.kind in EVALUATION | GOOD_SYNTAX | BAD_SYNTAX


def is_refused_case(case: Case) -> bool:
    """Whether it asks for what the service never does: updates and federation."""
    return case.kind in UPDATE or case.suite in FEDERATED


# --- the engine alone


def engine(case: Case) -> Outcome:
    """A test of evaluation or syntax, by the engine in this process."""
    assert case.query is not None
    try:
        text = case.query.read().decode("utf-8")
        if case.kind not in EVALUATION:
            return _engine_syntax(case, text)
        results = dataset(case).query(text, base_iri=case.query.iri)
        if _extension(case) in ("csv", "tsv"):
            kind = ox.QueryResultsFormat.from_extension(_extension(case))
            assert isinstance(results, ox.QuerySolutions) and kind is not None
            body = results.serialize(format=kind) or b""
            return judge(case, read_csv(body) if _extension(case) == "csv" else read_tsv(body))
        return judge(case, of_engine(results))
    except (SyntaxError, RuntimeError, ValueError, OSError, AssertionError) as e:
        return Outcome("fail", f"{type(e).__name__}: {e}")


def _engine_syntax(case: Case, text: str) -> Outcome:
    """Parsed and not evaluated: a substitution for a variable that no query projects is refused in between."""
    assert case.query is not None
    try:
        ox.Store().query(text, base_iri=case.query.iri, substitutions={_NEVER: ox.Literal("")})
    except SyntaxError as e:
        return PASS if case.kind in BAD_SYNTAX else Outcome("fail", str(e))
    except RuntimeError:
        pass
    return PASS if case.kind in GOOD_SYNTAX else Outcome("fail", "taken, though it is no query")


def _extension(case: Case) -> str:
    assert case.result is not None
    return case.result.path.suffix[1:]


def judge(case: Case, actual: Result) -> Outcome:
    """What a result is beside the expected one."""
    assert case.result is not None
    expected = read_expected(case.result.read(), _extension(case), case.result.iri)
    if isinstance(expected, Table) and isinstance(actual, Table) and not same(*(Table(t.names, ()) for t in (expected, actual))):
        return Outcome("fail", f"columns {actual.names} for {expected.names}")
    ordered = isinstance(expected, Table) and (expected.ordered or _is_sorted(case.text))
    for status, order, change in (("pass", ordered, False), ("value", ordered, True), ("order", False, False), ("order", False, True)):
        one, two = (as_stored(expected), as_stored(actual)) if change else (expected, actual)
        if same(one, two, ordered=order, lax=case.lax):
            return PASS if status == "pass" else Outcome(status, _difference(expected, actual))
    return Outcome("fail", _difference(expected, actual))


def _is_sorted(text: str) -> bool:
    """Whether the query itself, and not only one inside it, has ORDER BY."""
    depth = 0
    for kind, token, _ in tokens(text):
        depth += {"{": 1, "}": -1}.get(token, 0) if kind == "other" else 0
        if kind == "word" and token.upper() == "ORDER" and depth == 0:
            return True
    return False


def _difference(expected: Result, actual: Result) -> str:
    if isinstance(expected, bool) or isinstance(actual, bool) or type(expected) is not type(actual):
        return f"{actual!r:.300} for {expected!r:.300}"
    one, two = ((t.sorted().rows if isinstance(t, Table) else t.rows) for t in (expected, actual))
    return f"missing {[r for r in one if r not in two][:4]!s:.400}, too many {[r for r in two if r not in one][:4]!s:.400}"


# --- over HTTP


def service(case: Case, way: Way) -> Outcome | None:
    """A test of evaluation or syntax over HTTP, in every format that can carry the answer; None where this way cannot have its data."""
    fields = way.prepare(case)
    if fields is None:
        return None
    if case.kind in EVALUATION:
        return _evaluation(case, way.client, list(fields))
    reply = way.client.direct(case.text.encode(), list(fields), "*/*")
    wanted = 200 if case.kind in GOOD_SYNTAX else 400
    if reply.status == wanted and (wanted == 200 or reply.kind == "application/problem+json"):
        return PASS
    return Outcome("refused" if reply.status == 403 else "fail", _said(reply))


def _evaluation(case: Case, client: Client, fields: list[tuple[str, str]]) -> Outcome:
    assert case.result is not None
    expected = read_expected(case.result.read(), _extension(case), case.result.iri)
    kinds: Sequence[str] = tuple(GRAPHS) if isinstance(expected, Graph) else (JSON, XML) if isinstance(expected, bool) else tuple(TABLES)
    if _extension(case) in ("csv", "tsv"):
        kinds = (CSV,) if _extension(case) == "csv" else (TSV,)
    if isinstance(expected, Table) and has_triples(expected):
        kinds = [k for k in kinds if k != CSV]  # no standard says yet how it writes a triple
    worst = PASS
    for number, kind in enumerate(kinds):
        found = _in_format(case, client, fields, kind, number, expected)
        if RANK.index(found.status) > RANK.index(worst.status):
            worst = found
    return worst


def _in_format(case: Case, client: Client, fields: list[tuple[str, str]], kind: str, number: int, expected: Result) -> Outcome:
    """Formats are asked for by the three methods in turn."""
    asked = [("query", case.text), *fields]
    if number % 3 == 2:
        reply = client.direct(case.text.encode(), fields, kind)
    else:
        reply = (client.get, client.form)[number % 3](asked, kind)
    if _cannot(kind, expected):
        return PASS if reply.status == 406 else Outcome("fail", f"{kind} cannot carry this, and yet: {_said(reply)}")
    if reply.status != 200 or reply.kind != kind:
        return Outcome("refused" if reply.status == 403 else "fail", f"{kind}: {_said(reply)}")
    try:
        actual: Result = read_graph(reply.body, GRAPHS[kind]) if kind in GRAPHS else TABLES[kind](reply.body)
    except (ValueError, KeyError, AssertionError, SyntaxError, ParseError, StopIteration) as e:
        return Outcome("fail", f"{kind} cannot be read: {e!r}; {reply.body[:300]!r}")
    if kind == CSV and _extension(case) != "csv":
        found = _judge_csv(case, actual, expected)
    else:
        found = judge(case, actual)
    return found if found == PASS else Outcome(found.status, f"{kind}: {found.detail}")


def _cannot(kind: str, expected: Result) -> bool:
    """Whether a format has no way to say it, so that 406 is the right answer."""
    return (kind in (XML, "application/rdf+xml") and not_xml(expected)) or (kind == "application/ld+json" and has_triples(expected))


def _judge_csv(case: Case, actual: Result, expected: Result) -> Outcome:
    assert isinstance(actual, Table) and isinstance(expected, Table)
    wanted = as_csv(expected)
    if same(wanted, actual, lax=case.lax):
        return PASS
    by_value = as_stored(expected)
    assert isinstance(by_value, Table)
    return Outcome("value" if same(as_csv(by_value), actual, lax=case.lax) else "fail", _difference(wanted, actual))


def _said(reply: Reply) -> str:
    return f"HTTP {reply.status} {reply.kind}: {reply.body[:300].decode('utf-8', 'replace')}"


def protocol(case: Case, way: Way) -> Outcome:
    """The requests of a protocol test, one after the other."""
    way.prepare(case)
    for request in case.requests or protocol_requests(case.name.rpartition("/")[2]):
        reply = way.client.send(request.method, request.path, request.body or (b"" if request.method == "POST" else None), request.headers)
        if request.statuses and str(reply.status)[0] not in request.statuses:
            return Outcome("refused" if reply.status == 403 else "fail", _said(reply))
        if request.kind is not None and reply.kind not in KINDS[request.kind]:
            return Outcome("fail", f"{reply.kind} is not {request.kind}")
        if request.boolean is not None and read_json(reply.body) is not request.boolean:
            return Outcome("fail", f"not {request.boolean}")
    return PASS


def refusals(case: Case, client: Client) -> list[str]:
    """What is wrong with how an update or a federated query is refused: nothing but 403 will do, however it is sent."""
    assert case.query is not None
    raw = case.query.read()
    if case.kind in UPDATE:
        text = raw.decode("utf-8")
        replies = {
            "form": client.form([("update", text)], "*/*"),
            "direct": client.direct(raw, (), "*/*", "application/sparql-update"),
            "address": client.get([("update", text)], "*/*"),
        }
        as_query = client.form([("query", text)], "*/*")
        if as_query.status != 400 or not (case.kind.startswith("Negative") or _empty(text) or len(text) > LONG):  # what is no query may be told so
            replies["query"] = as_query
    else:
        replies = {"form": client.form([("query", case.text)], "*/*"), "direct": client.direct(case.text.encode(), (), "*/*"), "address": client.get([("query", case.text)], "*/*")}
    return [f"{case.name} by {how}: {_said(reply)}" for how, reply in replies.items() if reply.status != 403]


def _empty(text: str) -> bool:
    """No operation: nothing, or a prologue only."""
    return not any(kind == "word" and token.upper() in UPDATES | {"WITH"} for kind, token, _ in tokens(text))
