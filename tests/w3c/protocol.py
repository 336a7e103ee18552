"""
The tests of the protocol in our own requests, for editions of the suite that say in words only what each test is to send; and those of
the service description, which no edition says otherwise.

The names are those of the suite. `W3C` editions since 2023 hold requests of their own, and then those are sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

import pyoxigraph as ox

from w3c.manifest import RDF, Request

FORM, DIRECT, UPDATE = "application/x-www-form-urlencoded", "application/sparql-query", "application/sparql-update"
ONE, TWO, THREE = (f"http://example.org/w3c/{n}" for n in ("one", "two", "three"))
GRAPHS = [ox.Quad(ox.NamedNode(g), ox.NamedNode(RDF + "type"), ox.NamedNode("http://example.org/w3c/Graph"), ox.NamedNode(g)) for g in (ONE, TWO, THREE)]
"""Three graphs, each of which says of itself that it is one."""
GOOD, BAD = frozenset("23"), frozenset("4")
BOTH_DEFAULT = f"ASK {{ <{ONE}> a ?t . <{TWO}> a ?t . FILTER NOT EXISTS {{ GRAPH ?g {{ ?s ?p ?o }} }} }}"
BOTH_NAMED = f"ASK {{ GRAPH ?a {{ <{ONE}> a ?t }} GRAPH ?b {{ <{TWO}> a ?t }} FILTER NOT EXISTS {{ GRAPH ?c {{ <{THREE}> a ?t }} }} }}"
FULL = f"ASK {{ <{THREE}> a ?t GRAPH ?a {{ <{ONE}> a ?t }} GRAPH ?b {{ <{TWO}> a ?t }} FILTER NOT EXISTS {{ GRAPH ?c {{ <{THREE}> a ?t }} }} }}"
OTHERWISE = f"ASK FROM <{THREE}> FROM NAMED <{THREE}> {{ GRAPH ?a {{ <{ONE}> a ?t }} GRAPH ?b {{ <{TWO}> a ?t }} FILTER NOT EXISTS {{ <{THREE}> a ?t }} }}"
DEFAULTS = [("default-graph-uri", ONE), ("default-graph-uri", TWO)]
NAMED = [("named-graph-uri", ONE), ("named-graph-uri", TWO)]
INSERT = "INSERT DATA { <urn:w3c:s> <urn:w3c:p> <urn:w3c:o> }"
NOT_INSERTED = "ASK { FILTER NOT EXISTS { <urn:w3c:s> ?p ?o } FILTER NOT EXISTS { GRAPH ?g { <urn:w3c:s> ?p ?o } } }"
Pairs = Iterable[tuple[str, str]]


def _get(pairs: Pairs, statuses: frozenset[str] = GOOD, kind: str | None = None, boolean: bool | None = None, method: str = "GET") -> Request:
    return Request(method, "/sparql?" + urlencode(list(pairs)), (), b"", statuses, kind, boolean)


def _post(body: bytes | str, media: str | None, pairs: Pairs = (), statuses: frozenset[str] = GOOD, kind: str | None = None, boolean: bool | None = None) -> Request:
    address = urlencode(list(pairs))
    headers = () if media is None else (("Content-Type", media),)
    raw = body if isinstance(body, bytes) else body.encode()
    return Request("POST", "/sparql" + ("?" + address if address else ""), headers, raw, statuses, kind, boolean)


def _form(name: str, *values: str) -> str:
    return urlencode([(name, v) for v in values])


def _yes(request: Request) -> Request:
    """The same, expected to be answered by true."""
    return Request(request.method, request.path, request.headers, request.body, GOOD, "boolean", True)


TESTS: dict[str, Sequence[Request]] = {
    "query_post_form": [_yes(_post(_form("query", "ASK {}"), FORM))],
    "query_dataset_default_graphs_get": [_yes(_get([("query", BOTH_DEFAULT), *DEFAULTS]))],
    "query_dataset_default_graphs_post": [_yes(_post(BOTH_DEFAULT, DIRECT, DEFAULTS)), _yes(_post(urlencode([("query", BOTH_DEFAULT), *DEFAULTS]), FORM))],
    "query_dataset_named_graphs_post": [_yes(_post(BOTH_NAMED, DIRECT, NAMED)), _yes(_post(urlencode([("query", BOTH_NAMED), *NAMED]), FORM))],
    "query_dataset_named_graphs_get": [_yes(_get([("query", BOTH_NAMED), *NAMED]))],
    "query_dataset_full": [_yes(_post(FULL, DIRECT, [("default-graph-uri", THREE), *NAMED]))],
    "query_multiple_dataset": [_yes(_post(OTHERWISE, DIRECT, NAMED))],
    "query_get": [_yes(_get([("query", "ASK {}")]))],
    "query_content_type_select": [_post("SELECT (1 AS ?value) {}", DIRECT, kind="tabular")],
    "query_content_type_ask": [_post("ASK {}", DIRECT, kind="boolean")],
    "query_content_type_describe": [_post(f"DESCRIBE <{ONE}>", DIRECT, kind="RDF")],
    "query_content_type_construct": [_post("CONSTRUCT { <s> <p> 1 } WHERE {}", DIRECT, kind="RDF")],
    "query_post_direct": [_yes(_post("ASK {}", DIRECT))],
    "update_dataset_default_graph": [_post(INSERT, UPDATE, [("using-graph-uri", ONE)])],
    "update_dataset_default_graphs": [_post(INSERT, UPDATE, [("using-graph-uri", ONE), ("using-graph-uri", TWO)])],
    "update_dataset_named_graphs": [_post(INSERT, UPDATE, [("using-named-graph-uri", ONE), ("using-named-graph-uri", TWO)])],
    "update_dataset_full": [_post(INSERT, UPDATE, [("using-graph-uri", ONE), ("using-named-graph-uri", TWO)])],
    "update_post_form": [_post(_form("update", INSERT), FORM)],
    "update_post_direct": [_post(INSERT, UPDATE)],
    "update_base_uri": [_post("INSERT DATA { <s> <p> <o> }", UPDATE)],
    "bad_query_method": [_get([("query", "ASK {}")], BAD, method="PUT")],
    "bad_multiple_queries": [_get([("query", "ASK {}"), ("query", "SELECT * {}")], BAD), _post(_form("query", "ASK {}", "ASK {}"), FORM, statuses=BAD)],
    "bad_query_wrong_media_type": [_post("ASK {}", "text/plain", statuses=BAD)],
    "bad_query_missing_form_type": [_post(_form("query", "ASK {}"), None, statuses=BAD)],
    "bad_query_missing_direct_type": [_post("ASK {}", None, statuses=BAD)],
    "bad_query_non_utf8": [_post("ASK {}".encode("utf-16"), DIRECT + "; charset=UTF-16", statuses=BAD), _post("ASK {}".encode("utf-16"), DIRECT, statuses=BAD)],
    "bad_query_syntax": [_get([("query", "ASK {")], BAD)],
    "bad_update_get": [_get([("update", INSERT)], BAD)],
    "bad_multiple_updates": [_post(_form("update", INSERT, INSERT), FORM, statuses=BAD)],
    "bad_update_wrong_media_type": [_post(INSERT, "text/plain", statuses=BAD)],
    "bad_update_missing_form_type": [_post(_form("update", INSERT), None, statuses=BAD)],
    "bad_update_non_utf8": [_post(INSERT.encode("utf-16"), UPDATE + "; charset=UTF-16", statuses=BAD)],
    "bad_update_syntax": [_post(_form("update", "INSERT XYZ"), FORM, statuses=BAD)],
    "bad_update_dataset_conflict": [_post("WITH <urn:w3c:g> DELETE { ?s ?p 1 } WHERE { ?s ?p 1 }", UPDATE, [("using-named-graph-uri", ONE)], BAD)],
}


def protocol_requests(name: str) -> Sequence[Request]:
    """The requests of a protocol test."""
    return TESTS[name]
