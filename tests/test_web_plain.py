"""Plain queries are answered before Flask, and come out as the application itself answers them, headers and all."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, quote

import pytest
from flask import request, request_started
from hypothesis import assume, given
from hypothesis import strategies as st

from covalue.stores import Request
from covalue.stores.bounded import BoundedStore
from covalue.stores.limits import Limits
from covalue.web import protocol
from served import Reply, Served, build_tiny
from test_web_http import address

QUERIES = [
    "SELECT * WHERE { ?s ?p ?o } LIMIT 20",
    "SELECT * WHERE { ?s ?p ?o }",
    "ASK { ?s ?p ?o }",
    "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 3",
    "DESCRIBE <https://w3id.org/covalue/ontology#Claim>",
    "SELECT ('\\u4EF7' AS ?价值) {}",
    "SELECT (NOW() AS ?x) {}",
    "SELECT ('\\u0001' AS ?x) {}",
    "SELECT ?g { GRAPH ?g { } }",
    "SELECT * {",
    "SELECT ?x",
    "",
    "   ",
    "INSERT DATA { <a:b> <a:b> <a:b> }",
    "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }",
    "SELECT ?s { ?s ?p ?o } GROUP BY ?s HAVING (SUM(?nothing) > 3)",
]
WISHES: list[dict[str, str]] = [
    {},
    {"Accept": "text/csv"},
    {"Accept": "application/sparql-results+xml, application/rdf+xml"},
    {"Accept": "text/turtle, text/tab-separated-values;q=0.5", "Accept_Encoding": "gzip"},
    {"Accept": "image/png"},
    {"Accept": "*/*", "Accept_Encoding": "identity;q=0, nothing"},
    {"Accept_Encoding": "br, zstd, gzip;q=0.1"},
    {"If_None_Match": "*"},
    {"If_Match": '"other"'},
    {"Host": "a b"},
    {"Host": "example.org:99"},
    {"Accept_Language": "zh"},
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The tiny dataset in workers, with so few rows that one query has too many."""
    folder = tmp_path_factory.mktemp("tiny")
    build_tiny(folder)
    with BoundedStore.open(folder, Limits(rows=200)) as store:
        yield Served(store)


@pytest.fixture
def seen_by_flask() -> Iterator[list[str]]:
    """The paths of requests that come to it."""
    seen: list[str] = []

    def note(_app: object, **_: object) -> None:
        seen.append(request.full_path)

    with request_started.connected_to(note):
        yield seen


def facts(reply: Reply) -> tuple[int, dict[str, str], bytes]:
    """All of it but for when; of what differs by itself, all but the body."""
    differs = reply.status == 200 and reply.get("Cache-Control") == "no-store"
    apart = {"date", "content-length"} if differs else {"date"}
    return reply.status, {k: v for k, v in reply.headers.items() if k not in apart}, b"" if differs else reply.body


@pytest.mark.parametrize("wish", WISHES, ids=str)
@pytest.mark.parametrize("query", QUERIES)
def test_the_same_as_by_the_application(served: Served, query: str, wish: dict[str, str]) -> None:
    """Which answers whatever has a parameter more."""
    assert facts(served.ask(address(query), **wish)) == facts(served.ask(address(query, other="1"), **wish))


@pytest.mark.parametrize("asked", ["query=ASK%20{}%FF", "query=ASK{}&query=ASK{}", "query=ASK%7B%7D%00", "query=" + "a" * 200_001, "query"], ids=lambda asked: asked[:20])
def test_faults_of_the_address(served: Served, asked: str) -> None:
    replies = [served.ask(f"/sparql?{a}") for a in (asked, f"{asked}&other=1")]
    assert 400 <= replies[0].status < 500
    assert facts(replies[0]) == facts(replies[1])


@given(st.text(), st.booleans())
def test_escapes_are_those_of_forms(text: str, everything: bool) -> None:
    """Whoever wrote them, and whatever is left as it is."""
    assume("&" not in text)
    value = "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass")) if everything else quote(text, safe="=+_~ \r\n\t", errors="surrogatepass")
    try:
        expected = parse_qsl(f"q={value}", keep_blank_values=True, errors="strict")[0][1]
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            protocol.unescaped(value)
    else:
        assert expected == protocol.unescaped(value)


@pytest.mark.parametrize("broken", ["%", "a%", "%4", "%zz", "%3%44", "%\n"])
def test_broken_escapes_are_left_to_the_application(broken: str) -> None:
    with pytest.raises(ValueError):
        protocol.unescaped(broken)


def test_flask_sees_only_what_is_not_plain(served: Served, seen_by_flask: list[str]) -> None:
    for plain in (address(QUERIES[0]), address("ASK {}"), address("SELECT (NOW() AS ?x) {}")):
        assert 200 == served.ask(plain).status
    assert not seen_by_flask
    others = [address("ASK {}", other="1"), address("ASK {}", format="html"), address("ASK {"), address("SELECT * { ?s ?p ?o }"), "/sparql", "/sparql?query="]
    for other in others:
        served.ask(other)
    assert len(others) == len(seen_by_flask)


def test_a_query_that_failed_is_not_asked_again(served: Served, seen_by_flask: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error is said by the application, which does not need to find it once more."""
    asked: list[str] = []

    def ask(self: BoundedStore, wanted: Request, *_: object, **__: object) -> None:
        asked.append(wanted.text)
        raise ValueError("unforeseen")

    monkeypatch.setattr(BoundedStore, "stream", ask)
    assert 500 == served.ask(address("ASK {}")).status
    assert ["ASK {}"] == asked
    assert 1 == len(seen_by_flask)
