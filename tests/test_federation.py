"""SERVICE: refused but for listed endpoints; for those, the answers are those of the definition, and no way leads elsewhere."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

from covalue.errors import CovalueError, QueryError, RefusedError, SettingError
from covalue.formats import Shape, by_name, choose
from covalue.stores import Request
from covalue.stores.bounded import BoundedStore
from covalue.stores.cache import CachedStore
from covalue.stores.federation import FederatedStore
from covalue.stores.limits import DeadlineError, Limits, OverloadedError, TooLargeError
from covalue.stores.outward import Allowed, GatewayError, Outward, Reach, Resolve, resolve
from engine import Answer, Engine
from processes import run, serving
from served import Served

LIMITS = Limits(seconds=60.0, quick=2, heavy=1)
OURS = """
<http://x/a> <http://x/same> <http://y/1> . <http://x/b> <http://x/same> <http://y/2> . <http://x/c> <http://x/same> <http://y/9> .
<http://x/d> <http://x/same> [] . <http://x/a> <http://x/label> "a"@en .
"""
THEIRS = """
<http://y/1> <http://y/name> "one" ; <http://y/year> 2001 . <http://y/2> <http://y/name> "two" , "deux"@fr ; <http://y/knows> _:n .
_:n <http://y/name> "nobody" . <http://y/3> <http://y/name> "three" .
<http://y/4> <http://y/name> "\\"q\\" } <x> \\\\ ?v \\n#" .
"""


SECOND = """
<http://y/1> <http://y/name> "uno" . <http://y/2> <http://y/name> "dos" . <http://y/5> <http://y/name> "cinco" ; <http://y/known-to> <F> , <http://y/9> ; <http://y/is> <F> .
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The endpoint of somebody else, with a real engine behind it."""
    with Engine() as found:
        found.store.load(THEIRS, ox.RdfFormat.TURTLE)
        yield found


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoundedStore]:
    """Our own data behind killable workers."""
    path = tmp_path_factory.mktemp("ours") / "ours.ttl"
    path.write_text(OURS, encoding="utf-8")
    with BoundedStore.from_files([path], LIMITS) as store:
        yield store


@pytest.fixture(scope="module")
def store(ours: BoundedStore, engine: Engine) -> Iterator[FederatedStore]:
    """Ours, which may call theirs."""
    with contextlib.closing(Outward([engine.url])) as out:
        yield FederatedStore(ours, out, LIMITS)


_made: list[Outward] = []


def outward(*entries: str, resolver: Resolve = resolve, **reach: Any) -> Outward:
    """A way out that is closed with the test."""
    _made.append(Outward(entries, Reach(**reach), resolver=resolver))
    return _made[-1]


@pytest.fixture(autouse=True)
def _fresh(engine: Engine) -> Iterator[None]:
    engine.calls.clear()
    engine.hook = lambda _: None
    yield
    while _made:
        _made.pop().close()


def plain(term: object) -> str:
    """A term; blank nodes have no names."""
    return re.sub(r"_:\w+", "_:", str(term))


def rows(store: Any, query: str) -> list[dict[str, str]]:
    """The rows of a SELECT, as plain strings."""
    answer = store.answer(Request(query), lambda shape: by_name("json", shape))
    found = ox.parse_query_results(answer.body, format=ox.QueryResultsFormat.JSON)
    return sorted(({v.value: plain(s[v]) for v in found.variables if s[v] is not None} for s in found), key=lambda row: sorted(row.items()))


def expected(query: str, url: str) -> list[dict[str, str]]:
    """The same from the engine alone over both datasets, theirs in a graph in place of the endpoint."""
    both = ox.Store()
    both.load(OURS, ox.RdfFormat.TURTLE)
    both.load(THEIRS, ox.RdfFormat.TURTLE, to_graph=ox.NamedNode("urn:theirs"))
    text = query.replace("SILENT", "").replace(f"SERVICE <{url}>", "GRAPH <urn:theirs>").replace(f"SERVICE  <{url}>", "GRAPH <urn:theirs>")
    found: Any = both.query(text)
    return sorted(({v.value: plain(s[v]) for v in found.variables if s[v] is not None} for s in found), key=lambda row: sorted(row.items()))


SAME = {
    "alone": "SELECT * { SERVICE <E> { ?y <http://y/name> ?n } }",
    "joined": "SELECT * { ?x <http://x/same> ?y . SERVICE <E> { ?y <http://y/name> ?n } }",
    "joined later": "SELECT * { SERVICE <E> { ?y <http://y/name> ?n } ?x <http://x/same> ?y }",
    "optional": "SELECT * { ?x <http://x/same> ?y OPTIONAL { SERVICE <E> { ?y <http://y/name> ?n } } }",
    "optional inside": "SELECT * { ?x <http://x/same> ?y . SERVICE <E> { ?z <http://y/name> ?n OPTIONAL { ?z <http://y/year> ?y } } }",
    "not bound inside": "SELECT * { ?x <http://x/same> ?y . SERVICE <E> { ?y <http://y/name> ?n OPTIONAL { ?y <http://y/year> ?w } FILTER(!BOUND(?w)) } }",
    "filter before": "SELECT * { ?x <http://x/same> ?y FILTER(?n = 'one') SERVICE <E> { ?y <http://y/name> ?n } }",
    "exists before": "SELECT * { ?x <http://x/same> ?y FILTER NOT EXISTS { ?y <http://x/p> ?n } FILTER regex(?n, 'o') SERVICE <E> { ?y <http://y/name> ?n } }",
    "union": "SELECT * { ?x <http://x/same> ?y { SERVICE <E> { ?y <http://y/year> ?n } } UNION { SERVICE <E> { ?y <http://y/name> ?n } } UNION { ?x <http://x/label> ?n } }",
    "minus": "SELECT * { ?x <http://x/same> ?y MINUS { SERVICE <E> { ?y <http://y/name> 'one' } } }",
    "exists": "SELECT * { ?x <http://x/same> ?y FILTER EXISTS { SERVICE <E> { ?y <http://y/name> 'one' } } }",
    "sub-select there": "SELECT * { ?x <http://x/same> ?y SERVICE <E> { SELECT ?y (COUNT(?n) AS ?c) { ?y <http://y/name> ?n } GROUP BY ?y } }",
    "sub-select here": "SELECT * { ?x <http://x/same> ?y { SELECT ?y (COUNT(*) AS ?c) WHERE { SERVICE <E> { ?y <http://y/name> ?n } } GROUP BY ?y } }",
    "values before": "SELECT * { VALUES (?y ?w) { (<http://y/1> UNDEF) (<http://y/2> 'x') } SERVICE <E> { ?y <http://y/name> ?n } }",
    "unbound before": "SELECT * { ?x <http://x/same> ?y OPTIONAL { ?x <http://x/label> ?n } SERVICE <E> { ?y <http://y/name> ?n } }",
    "counted": "SELECT (COUNT(*) AS ?c) { ?x <http://x/same> ?y . ?q <http://x/same> ?r . SERVICE <E> { ?y <http://y/name> ?n } }",
    "two": "SELECT * { ?x <http://x/same> ?y SERVICE <E> { ?y <http://y/name> ?n } SERVICE <E> { ?y <http://y/year> ?w } }",
    "two columns": "SELECT * { ?x <http://x/same> ?y BIND('one' AS ?n) SERVICE <E> { ?y <http://y/name> ?n } }",
    "nothing there": "SELECT * { ?x <http://x/same> ?y SERVICE <E> { ?y <http://y/none> ?n } }",
    "nothing here": "SELECT * { ?x <http://x/none> ?y SERVICE <E> { ?y <http://y/name> ?n } }",
    "silent": "SELECT * { SERVICE SILENT <E> { ?y <http://y/year> ?n } }",
    "blank inside": "SELECT * { ?x <http://x/same> ?y SERVICE <E> { ?y <http://y/knows> [ <http://y/name> ?n ] } }",
    "odd characters": "SELECT ?n { SERVICE <E> { <http://y/4> <http://y/name> ?n } }",
    "semicolon": "SELECT * { ?x <http://x/same> ?y ; <http://x/label> ?l ; . SERVICE <E> { ?y <http://y/name> ?n ; <http://y/year> ?w } }",
}


@pytest.mark.parametrize("name", SAME)
def test_answers_are_those_of_the_definition(store: FederatedStore, engine: Engine, name: str) -> None:
    """As if their data stood in a graph of ours."""
    query = SAME[name].replace("<E>", f"<{engine.url}>")
    assert expected(query, engine.url) == rows(store, query)
    assert engine.calls


def test_every_spelling(store: FederatedStore, engine: Engine) -> None:
    """Case, prefix, BASE, escapes, comments; the declarations go along."""
    base = engine.url.removesuffix("query")
    for head, clause in (
        ("", f"service\n# SERVICE <x>\n<{engine.url}>"),
        (f"PREFIX e: <{base}> ", "Service e:query"),
        (f"BASE <{base}> ", "SERVICE <query>"),
        ("", f"SERVICE <{engine.url.replace('/query', '/que')}\\u0072y>"),
    ):
        query = f"{head}PREFIX y: <http://y/> SELECT ?n {{ {clause} {{ y:1 y:name ?n }} }}"
        assert [{"n": '"one"'}] == rows(store, query)
    assert all("PREFIX y: <http://y/>" in c.query for c in engine.calls)


def test_endpoint_is_told_what_is_known(store: FederatedStore, engine: Engine) -> None:
    """Not all of theirs comes over the wire; blank nodes of ours are not sent, for they are nobody else's."""
    rows(store, SAME["joined"].replace("<E>", f"<{engine.url}>"))
    (call,) = engine.calls
    assert "VALUES (?y) { (<http://y/" in call.query
    assert call.query.count("(<http://y/") == 3
    assert "_:" not in call.query
    assert "covalue" in call.headers["user-agent"]


def test_many_known_values_go_in_batches(tmp_path: Path, engine: Engine) -> None:
    """And above a limit, none; either way the rows are the same."""
    path = tmp_path / "many.nt"
    for count, calls in ((450, 3), (2500, 1)):
        path.write_text("".join(f"<http://x/{i}> <http://x/same> <http://y/{i}> .\n" for i in range(count)), encoding="utf-8")
        with BoundedStore.from_files([path], LIMITS) as ours:
            engine.calls.clear()
            store = FederatedStore(ours, outward(engine.url), LIMITS)
            assert 5 == len(rows(store, SAME["joined"].replace("<E>", f"<{engine.url}>")))
            assert calls == len(engine.calls)


def test_blank_nodes_of_theirs_are_blank_and_distinct(store: FederatedStore, engine: Engine) -> None:
    """Equal ones join within a query."""
    url = engine.url
    found = rows(store, f"SELECT ?b ?n {{ SERVICE <{url}> {{ ?y <http://y/knows> ?b . ?b <http://y/name> ?n }} FILTER isBlank(?b) }}")
    assert ['"nobody"'] == [r["n"] for r in found]
    assert found[0]["b"] == "_:"
    assert 1 == len(rows(store, f"SELECT * {{ SERVICE <{url}> {{ ?b <http://y/name> 'nobody' . ?y <http://y/knows> ?b }} }}"))


def test_ask_construct_and_the_dataset_of_the_request(store: FederatedStore, engine: Engine) -> None:
    """Every form; FROM and the protocol's dataset hold for what is asked here."""
    clause = f"SERVICE <{engine.url}> {{ ?y <http://y/name> ?n }}"
    assert b"true" in store.answer(Request(f"ASK {{ ?x <http://x/same> ?y {clause} }}"), lambda s: choose(s, None)).body
    built = store.answer(Request(f"CONSTRUCT {{ ?x <http://x/n> ?n }} WHERE {{ ?x <http://x/same> ?y {clause} }}"), lambda s: by_name("nt", s))  # type: ignore[arg-type,return-value]
    assert 3 == built.body.count(b"<http://x/n>")
    empty = Request(f"SELECT * {{ ?x <http://x/same> ?y {clause} }}", ("http://x/none",), ())
    assert b"http://y/1" not in store.answer(empty, lambda s: by_name("csv", s)).body  # type: ignore[arg-type,return-value]
    assert [] == rows(store, f"SELECT * FROM <http://x/none> {{ ?x <http://x/same> ?y {clause} }}")


# --- the endpoint as a variable, and one inside of another


@pytest.fixture(scope="module")
def second() -> Iterator[Engine]:
    """Somebody else's endpoint."""
    with Engine() as found:
        found.store.load(SECOND.replace("<F>", f"<{found.url}>"), ox.RdfFormat.TURTLE)
        yield found


@pytest.fixture(scope="module")
def places(engine: Engine, second: Engine) -> str:
    """Data of ours that say who is to be asked about whom."""
    at = f"<http://x/b> <http://x/same> <http://y/2> ; <http://x/at> <{second.url}> ; <http://x/group> 'g' ."
    return OURS + f"<http://x/a> <http://x/at> <{engine.url}> . <http://x/b> <http://x/at> <{engine.url}> , <{second.url}> . <http://x/g> {{ {at} }}"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, places: str, engine: Engine, second: Engine) -> Iterator[FederatedStore]:
    """A store that may call both."""
    path = tmp_path_factory.mktemp("two") / "ours.trig"
    path.write_text(places, encoding="utf-8")
    with BoundedStore.from_files([path], LIMITS) as ours, contextlib.closing(Outward([engine.url, second.url])) as out:
        yield FederatedStore(ours, out, LIMITS)


NAME = "{ ?y <http://y/name> ?n }"
VARIABLE = {
    "values": f"SELECT * {{ VALUES ?e {{ <E> <F> }} SERVICE ?e {NAME} }}",
    "values with more": f"SELECT * {{ VALUES (?e ?n) {{ (<E> 'one') (<F> UNDEF) }} SERVICE ?e {NAME} }}",
    "behind": f"SELECT * {{ SERVICE ?e {NAME} VALUES ?e {{ <E> <F> }} }}",
    "behind, with a filter": f"SELECT * {{ SERVICE ?e {NAME} FILTER(?n != 'one') . ?x <http://x/at> ?e ; <http://x/same> ?y OPTIONAL {{ ?x <http://x/label> ?l }} }}",
    "on both sides": f"SELECT * {{ ?x <http://x/at> ?e SERVICE ?e {NAME} VALUES ?e {{ <F> }} }}",
    "at the end": f"SELECT * {{ SERVICE ?e {NAME} }} VALUES ?e {{ <F> }}",
    "bound": f"SELECT * {{ BIND(IRI(CONCAT(STR(<F>), '')) AS ?e) SERVICE ?e {NAME} }}",
    "by a pattern": f"SELECT * {{ ?x <http://x/at> ?e . SERVICE ?e {NAME} }}",
    "each about its own": f"SELECT * {{ ?x <http://x/at> ?e ; <http://x/same> ?y . SERVICE ?e {NAME} }}",
    "dollar": f"SELECT * {{ ?x <http://x/at> $e ; <http://x/same> ?y . SERVICE $e {NAME} }}",
    "optional": f"SELECT * {{ ?x <http://x/same> ?y ; <http://x/at> ?e OPTIONAL {{ SERVICE ?e {NAME} }} }}",
    "union": f"SELECT * {{ ?x <http://x/at> ?e {{ SERVICE ?e {NAME} }} UNION {{ ?x <http://x/label> ?n }} }}",
    "sub-select": f"SELECT * {{ ?x <http://x/same> ?y {{ SELECT ?y (COUNT(?e) AS ?c) {{ VALUES ?e {{ <E> <F> }} SERVICE ?e {NAME} }} GROUP BY ?y }} }}",
    "in the group too": "SELECT * { VALUES ?e { <E> <F> } SERVICE ?e { ?y <http://y/known-to> ?e } }",
    "told by another": f"SELECT * {{ SERVICE ?e {NAME} SERVICE <F> {{ ?q <http://y/is> ?e }} }}",
    "twice": f"SELECT * {{ VALUES (?e ?f) {{ (<E> <F>) }} SERVICE ?e {NAME} SERVICE ?f {{ ?y <http://y/name> ?m }} }}",
    "counted": f"SELECT (COUNT(*) AS ?c) {{ VALUES ?e {{ <E> <F> <E> }} SERVICE ?e {NAME} }}",
    "nowhere": f"SELECT * {{ ?x <http://x/none> ?e SERVICE ?e {NAME} }}",
    "in a graph": f"SELECT * {{ GRAPH <http://x/g> {{ ?x <http://x/at> ?e ; <http://x/same> ?y . SERVICE ?e {NAME} }} }}",
    "in some graph": f"SELECT * {{ GRAPH ?g {{ SERVICE ?e {NAME} ?x <http://x/group> 'g' ; <http://x/at> ?e }} }}",
    "in a graph, told outside": f"SELECT * {{ ?x <http://x/at> ?e ; <http://x/same> ?y GRAPH <http://x/g> {{ SERVICE ?e {NAME} }} }}",
    "in a graph, in part": f"SELECT * {{ ?x <http://x/same> ?y GRAPH <http://x/g> {{ ?x <http://x/group> ?q OPTIONAL {{ ?x <http://x/at> ?e {{ SERVICE ?e {NAME} }} }} }} }}",
    "in a graph in another": f"SELECT * {{ GRAPH <http://x/none> {{ GRAPH <http://x/g> {{ ?x <http://x/at> ?e SERVICE ?e {NAME} }} }} }}",
    "values in a graph": f"SELECT * {{ GRAPH <http://x/g> {{ VALUES ?e {{ <E> <F> }} SERVICE ?e {NAME} ?x <http://x/same> ?y }} }}",
    "minus": f"SELECT * {{ ?x <http://x/same> ?y MINUS {{ ?x <http://x/at> ?e SERVICE ?e {NAME} }} }}",
    "minus, values": f"SELECT * {{ ?x <http://x/same> ?y MINUS {{ VALUES ?e {{ <F> }} SERVICE ?e {NAME} }} }}",
    "one in another": "SELECT * { SERVICE <E> { ?y <http://y/name> ?n SERVICE <F> { ?y <http://y/name> ?m } } }",
    "one in another, optional": "SELECT * { ?x <http://x/same> ?y SERVICE <E> { ?y <http://y/name> ?n OPTIONAL { SERVICE <F> { ?y <http://y/name> ?m } } } }",
    "one in a variable": "SELECT * { VALUES ?e { <E> <F> } SERVICE ?e { ?y <http://y/name> ?n SERVICE <F> { ?y <http://y/name> ?m } } }",
    "three deep": "SELECT * { SERVICE <E> { ?y <http://y/name> ?n SERVICE <F> { ?y <http://y/name> ?m SERVICE <E> { ?y <http://y/year> ?w } } } }",
}


@pytest.mark.parametrize("name", VARIABLE)
def test_variable_and_nested_endpoints(two: FederatedStore, engine: Engine, second: Engine, places: str, name: str) -> None:
    """As if the data of each stood in a graph of ours that has the name of its endpoint; and nobody is sent to a third one."""
    second.calls.clear()
    query = VARIABLE[name].replace("<E>", f"<{engine.url}>").replace("<F>", f"<{second.url}>")
    both = ox.Store()
    both.load(places, ox.RdfFormat.TRIG)
    for data, one in ((THEIRS, engine), (SECOND.replace("<F>", f"<{second.url}>"), second)):
        both.load(data, ox.RdfFormat.TURTLE, to_graph=ox.NamedNode(one.url))
    found: Any = both.query(query.replace("SERVICE", "GRAPH"))
    assert sorted(({v.value: plain(s[v]) for v in found.variables if s[v] is not None} for s in found), key=str) == rows(two, query)
    calls = engine.calls + second.calls
    assert bool(calls) == (name != "nowhere")
    assert not any("SERVICE" in call.query for call in calls)


def test_each_endpoint_is_told_its_own(two: FederatedStore, engine: Engine, second: Engine) -> None:
    """Of what is known, what belongs to it."""
    second.calls.clear()
    rows(two, VARIABLE["each about its own"])
    told = [[set(re.findall(r"http://y/\d", re.findall(r"VALUES.*?}", call.query)[0])) for call in one.calls] for one in (engine, second)]
    assert [[{"http://y/1", "http://y/2"}], [{"http://y/2"}]] == told


def test_silent_variable(two: FederatedStore, engine: Engine, second: Engine) -> None:
    """What fails, may not be called or is no endpoint gives a row of its own; the others answer."""
    second.hook = lambda _: Answer(500, b"no")
    clause = "SERVICE SILENT ?e { <http://y/1> <http://y/name> ?n }"
    try:
        found = rows(two, f"SELECT ?e ?n {{ VALUES ?e {{ <{engine.url}> <{second.url}> <http://elsewhere.example/> 'text' }} {clause} }}")
        silent = [{"e": f"<{second.url}>"}, {"e": "<http://elsewhere.example/>"}, {"e": '"text"'}]
        assert sorted([{"e": f"<{engine.url}>", "n": '"one"'}, *silent], key=str) == found
        with pytest.raises(GatewayError):
            rows(two, f"SELECT ?e ?n {{ VALUES ?e {{ <{engine.url}> <{second.url}> }} {clause.replace('SILENT', '')} }}")
    finally:
        second.hook = lambda _: None


def test_silent_about_what_is_not_listed(ours: BoundedStore, engine: Engine, second: Engine) -> None:
    """The row without values that the standard wants; and nobody who is not listed hears of it, by whatever way."""
    second.calls.clear()
    store = FederatedStore(ours, outward(engine.url), LIMITS)
    for clause in (
        f"SERVICE SILENT <{second.url}> {{ ?s ?p ?o }}",
        f"VALUES ?e {{ <{second.url}> }} SERVICE SILENT ?e {{ ?s ?p ?o }}",
        f"SERVICE SILENT <{engine.url}> {{ ?s ?p ?o SERVICE <{second.url}> {{ ?s ?p ?o }} }}",
    ):
        assert [{}] == [{n: v for n, v in row.items() if n != "e"} for row in rows(store, f"SELECT * {{ {clause} }}")]
    with pytest.raises(RefusedError):
        rows(store, f"SELECT * {{ SERVICE <{engine.url}> {{ ?s ?p ?o SERVICE <{second.url}> {{ ?s ?p ?o }} }} }}")
    assert ([], []) == (second.calls, engine.calls)


def test_a_failure_inside_is_that_of_the_outer_one(two: FederatedStore, engine: Engine) -> None:
    """Which may be silent about it; blank nodes of one endpoint cannot go to another."""
    inner = f"SERVICE <{engine.url}> {{ ?y <http://y/knows> ?b }}"
    query = f"SELECT * {{ ?x <http://x/label> ?l SERVICE <{engine.url}> {{ ?y <http://y/name> ?n {inner} }} }}"
    with pytest.raises(GatewayError, match="blank nodes"):
        rows(two, query)
    for silent in (query.replace("SERVICE", "SERVICE SILENT", 1), query.replace(inner, f"OPTIONAL {{ {inner.replace('SERVICE', 'SERVICE SILENT')} }}")):
        assert [] != rows(two, silent)
    assert [{"x": "<http://x/a>", "l": '"a"@en'}] == rows(two, query.replace("SERVICE", "SERVICE SILENT", 1))


# --- what is refused


@pytest.mark.parametrize(
    ("clause", "kind", "words"),
    [
        ("SERVICE <http://elsewhere.example/sparql> { ?s ?p ?o }", RefusedError, "elsewhere.example"),
        ("SERVICE <http://elsewhere.example/sparql> { ?s ?p ?o }", RefusedError, "--allow-service"),
        ("SERVICE <E/../admin> { ?s ?p ?o }", RefusedError, "not allowed"),
        ("SERVICE <E?x=1> { ?s ?p ?o }", RefusedError, "not allowed"),
        ("SERVICE <E#x> { ?s ?p ?o }", RefusedError, "not allowed"),
        ("SERVICE <file:///etc/passwd> { ?s ?p ?o }", RefusedError, "not allowed"),
        ("SERVICE <http://user:pw@127.0.0.1/query> { ?s ?p ?o }", RefusedError, "not allowed"),
        ("SERVICE <E> { SERVICE <http://elsewhere.example/sparql> { ?s ?p ?o } }", RefusedError, "elsewhere.example"),
        ("SERVICE <E> { VALUES ?e { <E> } SERVICE ?e { ?s ?p ?o } }", QueryError, "inside of another"),
        ("SERVICE ?e { ?s ?p ?o }", QueryError, "nothing beside it"),
        ("SERVICE ?e { ?e ?p ?o } ?s ?p ?o", QueryError, "nothing beside it"),
        ("OPTIONAL { ?s <http://x/none> ?e } SERVICE ?e { ?s ?p ?o }", QueryError, "nothing beside it"),
        ("SERVICE ?e { ?s ?p ?o } OPTIONAL { VALUES ?e { <E> } }", QueryError, "nothing beside it"),
        ("{ VALUES ?e { <E> } } MINUS { SERVICE ?e { ?s ?p ?o } }", QueryError, "nothing beside it"),
        ("?s <http://x/at> ?e MINUS { SERVICE ?e { ?s ?p ?o } }", QueryError, "query:1:.*nothing beside it"),
        ("?s ?p ?o FILTER EXISTS { VALUES ?e { <E> } SERVICE ?e { ?s ?p ?o } }", QueryError, "query:1:.*EXISTS.*EXISTS"),
        ("VALUES ?e { <E> } FILTER NOT EXISTS { GRAPH ?g { SERVICE ?e { ?s ?p ?o } } }", QueryError, "query:1:.*EXISTS"),
        ("BIND(EXISTS { VALUES ?e { <E> } { SERVICE SILENT ?e { ?s ?p ?o } } } AS ?x)", QueryError, "query:1:.*EXISTS"),
        ("VALUES ?e { <E> } GRAPH ?g { ?s ?p ?o SERVICE ?e { ?s ?p ?o } }", QueryError, "nothing beside it"),
        ("VALUES ?e { <E> UNDEF } SERVICE ?e { ?s ?p ?o }", QueryError, "every row"),
        ("VALUES ?e { <E> <http://elsewhere.example/> } SERVICE ?e { ?s ?p ?o }", RefusedError, "elsewhere.example"),
        ("VALUES ?e { <E> 'text' } SERVICE ?e { ?s ?p ?o }", RefusedError, "no endpoint"),
        ("VALUES ?e { <E1> <E2> <E3> <E4> <E5> <E6> <E7> <E8> <E9> } SERVICE ?e { ?s ?p ?o }", QueryError, "more than 8 endpoints"),
        ("SERVICE <E> { ?s ?p }", QueryError, "query:1"),
        ("SERVICE <E> ?s ?p ?o", QueryError, "braces"),
        ("SERVICE e:x { ?s ?p ?o }", QueryError, "e:"),
        ("SERVICE <E> { ?s nope:p ?o }", QueryError, "nope"),
        ("SERVICE", QueryError, "braces"),
        ("SERVICE <E> { ?s ?p ?o } " * 9, QueryError, "more than 8"),
    ],
)
def test_refused_before_anybody_is_called(store: FederatedStore, engine: Engine, clause: str, kind: type[CovalueError], words: str) -> None:
    """With the host and what the operator can do."""
    with pytest.raises(kind, match=words):
        rows(store, f"SELECT * {{ {clause.replace('<E', f'<{engine.url}')} }}")
    assert [] == engine.calls


def test_updates_stay_refused(store: FederatedStore, engine: Engine) -> None:
    """Whatever they call."""
    with pytest.raises(RefusedError, match="read-only"):
        rows(store, f"INSERT {{ ?s ?p ?o }} WHERE {{ SERVICE <{engine.url}> {{ ?s ?p ?o }} }}")
    assert [] == engine.calls


@pytest.mark.parametrize(
    ("entry", "url", "allowed"),
    [
        ("https://a.org/sparql", "https://a.org/sparql", True),
        ("https://a.org/sparql", "https://A.ORG:443/sparql", True),
        ("https://a.org/sparql", "https://a.org/sparql/", False),
        ("https://a.org/sparql", "http://a.org/sparql", False),
        ("https://a.org/sparql", "https://a.org:444/sparql", False),
        ("https://a.org/sparql", "https://a.org.evil.net/sparql", False),
        ("https://a.org/sparql", "https://b.a.org/sparql", False),
        ("https://a.org/sparql", "https://a.org@evil.net/sparql", False),
        ("https://a.org/", "https://a.org/x/y?z=1", True),
        ("https://a.org", "https://a.org/x", True),
        ("https://a.org/ds/", "https://a.org/ds/../admin", False),
        ("https://a.org/ds/", "https://a.org/ds/%2e%2E/admin", False),
        ("https://a.org/ds/", "https://a.org/d", False),
        ("https://a.org/sparql?db=1", "https://a.org/sparql?db=1", True),
        ("https://a.org/sparql?db=1", "https://a.org/sparql?db=2", False),
    ],
)
def test_the_list(entry: str, url: str, allowed: bool) -> None:
    """Scheme, host, port and path, or with a slash at its end all below a path."""
    with contextlib.nullcontext() if allowed else pytest.raises(RefusedError):  # type: ignore[attr-defined]
        outward(entry).check(url)


@pytest.mark.parametrize("entry", ["", "a.org", "ftp://a.org/", "file:///x", "http://u:p@a.org/x", "http://a.org/#x", "http://a.org/x@nonsense"])
def test_bad_entries(entry: str) -> None:
    """Said at the start, not when somebody asks."""
    with pytest.raises(SettingError):
        Allowed.read(entry)


# --- addresses


PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.1.1",
    "172.16.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "::1",
    "fe80::1",
    "fc00::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "224.0.0.1",
]


@pytest.mark.parametrize("found", PRIVATE)
def test_a_listed_name_that_leads_inside_is_refused(engine: Engine, found: str) -> None:
    """Unless the operator has written the address; one bad address among good ones is enough."""
    port = engine.url.rpartition(":")[2].partition("/")[0]
    out = outward(f"http://public.example:{port}/query", seconds=1, resolver=lambda *_: ["93.184.216.34", found])
    with pytest.raises(RefusedError, match=r"public\.example leads to an address"):
        out.select(f"http://public.example:{port}/query", "SELECT * {}", 1)
    assert [] == engine.calls


def test_an_address_may_be_listed_with_its_name(engine: Engine) -> None:
    """For endpoints in one's own network; the connection goes to the address that was judged, and the name is looked up once."""
    port = engine.url.rpartition(":")[2].partition("/")[0]
    asked: list[str] = []

    def resolver(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.9.9.9"]  # what a rebinding name would say next

    url = f"http://inside.example:{port}/query"
    names, found = outward(f"{url}@127.0.0.0/8", resolver=resolver).select(url, "SELECT ?n { <http://y/1> <http://y/name> ?n }", 2)
    assert (["n"], ["one"], ["inside.example"]) == (names, [r["n"].value for r in found], asked)  # type: ignore[union-attr]
    assert f"inside.example:{port}" == engine.calls[0].headers["host"]


def test_without_the_look_at_addresses_the_inside_is_reached(engine: Engine) -> None:
    """So it is that guard that keeps it out."""
    port = engine.url.rpartition(":")[2].partition("/")[0]
    url = f"http://public.example:{port}/query"
    outward(url, off=frozenset({"address"}), resolver=lambda *_: ["127.0.0.1"]).select(url, "SELECT * {}", 2)
    assert engine.calls


# --- endpoints that misbehave


def drip(handler: BaseHTTPRequestHandler, times: int = 1200) -> None:
    """A byte now and then, for a minute."""
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/sparql-results+json\r\n\r\n")
        for _ in range(times):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)


BOMB = b'{"head":{"vars":["a"]},"results":{"bindings":[' + b",".join([b'{"a":{"type":"literal","value":"x"}}'] * 200) + b"]}}"
DEEP = b'{"head":{"vars":["a"]},"results":{"bindings":[{"a":' + b'{"type":"triple","value":{"subject":' * 1500
XXE = b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY e SYSTEM "file:///etc/passwd">]><sparql xmlns="http://www.w3.org/2005/sparql-results#"><head/><boolean>&e;</boolean></sparql>'
J = {"Content-Type": "application/sparql-results+json"}
MISBEHAVING = {
    "redirect": (Answer(302, b"", {"Location": "http://127.0.0.1:1/"}), GatewayError),
    "redirect kept": (Answer(307, b"", {"Location": "http://169.254.169.254/"}), GatewayError),
    "error": (Answer(500, b"no"), GatewayError),
    "xml": (Answer(200, XXE, {"Content-Type": "application/sparql-results+xml"}), GatewayError),
    "page": (Answer(200, b"<html>", {"Content-Type": "text/html"}), GatewayError),
    "nonsense": (Answer(200, b"{}", J), GatewayError),
    "deep": (Answer(200, DEEP, J), GatewayError),
    "bad iri": (Answer(200, b'{"head":{"vars":["a"]},"results":{"bindings":[{"a":{"type":"uri","value":"x> } INSERT"}}]}}', J), GatewayError),
    "bad variable": (Answer(200, b'{"head":{"vars":["a) {} } #"]},"results":{"bindings":[]}}', J), GatewayError),
    "many rows": (Answer(200, BOMB, J), TooLargeError),
    "long": (Answer(200, b" " * 70_000, J), TooLargeError),
    "packed": (Answer(200, b"x", {**J, "Content-Encoding": "gzip"}), GatewayError),
    "slow": (Answer(raw=drip), DeadlineError),
}


@pytest.mark.parametrize("name", MISBEHAVING)
def test_misbehaving_endpoints(ours: BoundedStore, engine: Engine, name: str) -> None:
    """A clear error, in time; under SILENT the row without values that the standard wants. No word of theirs is passed on."""
    answer, kind = MISBEHAVING[name]
    store = FederatedStore(ours, outward(engine.url, seconds=0.5 if name == "slow" else 30, bytes=60_000, rows=100), LIMITS)
    engine.hook = lambda _: answer
    began = time.monotonic()
    with pytest.raises(kind, match=r"127\.0\.0\.1"):
        rows(store, f"SELECT * {{ SERVICE <{engine.url}> {{ ?a ?b ?c }} }}")
    assert time.monotonic() - began < 20
    assert [{}] == rows(store, f"SELECT * {{ SERVICE SILENT <{engine.url}> {{ ?a ?b ?c }} }}")


def test_a_redirect_is_not_followed(ours: BoundedStore, engine: Engine) -> None:
    """Not even to the same host."""
    engine.hook = lambda _: Answer(302, b"", {"Location": "/elsewhere"})
    with pytest.raises(GatewayError, match="redirects"):
        rows(FederatedStore(ours, outward(engine.url), LIMITS), f"SELECT * {{ SERVICE <{engine.url}> {{ ?a ?b ?c }} }}")
    assert ["/query"] == [c.path for c in engine.calls]


@pytest.mark.parametrize(("guard", "name"), [("seconds", "slow"), ("rows", "many rows"), ("bytes", "long")])
def test_without_its_guard(ours: BoundedStore, engine: Engine, guard: str, name: str) -> None:
    """What the limit held back comes through to the next line, or takes as long as they please."""
    answer = Answer(raw=lambda handler: drip(handler, 50)) if name == "slow" else MISBEHAVING[name][0]
    engine.hook = lambda _: answer
    out = outward(engine.url, seconds=0.5, bytes=60_000, rows=100, off=frozenset({guard}))
    began = time.monotonic()
    with contextlib.suppress(GatewayError, DeadlineError, TooLargeError):
        out.select(engine.url, "SELECT * {}", 3)
        assert guard != "bytes"
    assert guard != "seconds" or time.monotonic() - began > 2


def test_places(ours: BoundedStore, engine: Engine) -> None:
    """Few at once, fewer for one client; then 503 at once."""
    held = threading.Event()
    engine.hook = lambda _: held.wait(60) and None
    store = FederatedStore(ours, outward(engine.url, places=3, each=2), LIMITS)
    request = Request(f"SELECT * {{ SERVICE <{engine.url}> {{ ?a <http://y/year> ?c }} }}")
    pick: Callable[[Shape], Any] = lambda shape: choose(shape, None)  # noqa: E731
    threads = [threading.Thread(target=lambda c=c: store.stream(request, pick, client=c).close()) for c in ("one", "one", "two")]
    for thread in threads:
        thread.start()
    while len(engine.calls) < 3:
        time.sleep(0.01)
    for client in ("one", "three"):
        with pytest.raises(OverloadedError):
            store.stream(request, pick, client=client)
    assert all(thread.is_alive() for thread in threads)
    held.set()
    for thread in threads:
        thread.join()
    store.stream(request, pick, client="one").close()


def test_a_client_that_has_gone(store: FederatedStore, engine: Engine) -> None:
    """Nobody waits for an endpoint on its behalf."""
    engine.hook = lambda _: Answer(raw=drip)
    began = time.monotonic()
    with pytest.raises(CovalueError, match="cancelled"):
        store.stream(Request(f"SELECT * {{ SERVICE <{engine.url}> {{ ?a ?b ?c }} }}"), lambda s: choose(s, None), cancel=lambda: time.monotonic() - began > 0.3)
    assert time.monotonic() - began < 30


def test_deadline_of_the_whole_query(ours: BoundedStore, engine: Engine) -> None:
    """Calls, and what is done with them, stay within the time of one query, however many."""

    def slow(_: object) -> None:
        time.sleep(0.4)

    engine.hook = slow
    store = FederatedStore(ours, outward(engine.url), replace(LIMITS, seconds=1.0))
    with pytest.raises(DeadlineError):
        rows(store, f"SELECT * {{ {f'SERVICE <{engine.url}> {{ ?a <http://y/year> ?c }} ' * 8} }}")


# --- over HTTP


def test_over_http(store: FederatedStore, engine: Engine) -> None:
    """Works, is never cached anywhere, and is among the features; failures have their status."""
    served = Served(CachedStore(store, 1_000_000))
    query = f"SELECT ?n {{ SERVICE <{engine.url}> {{ <http://y/1> <http://y/name> ?n }} }}"
    for _ in range(2):
        reply = served.query(query, "text/csv")
        assert (200, "n\r\none\r\n", "no-store", None) == (reply.status, reply.text, reply["Cache-Control"], reply.get("ETag"))
    assert 2 == len(engine.calls)
    assert "BasicFederatedQuery" in served.ask("/sparql").text
    engine.hook = lambda _: Answer(500, b"secret")
    reply = served.query(query)
    assert (502, "application/problem+json") == (reply.status, reply.kind)
    assert "127.0.0.1" in reply.json["detail"]
    assert "secret" not in reply.text
    refused = served.query("SELECT * { SERVICE <http://elsewhere.example/> {} }")
    assert 403 == refused.status
    assert "elsewhere.example" in refused.json["detail"]


def test_nobody_is_called_where_nothing_is_listed(ours: BoundedStore) -> None:
    """A listening socket sees no connection."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.3)
        reply = Served(ours).query(f"SELECT * {{ SERVICE <http://127.0.0.1:{canary.getsockname()[1]}/> {{ ?s ?p ?o }} }}")
        assert 403 == reply.status
        assert "--allow-service" in reply.json["detail"]
        with pytest.raises(TimeoutError):
            canary.accept()


# --- two real services


def test_two_programs(tmp_path: Path) -> None:
    """One asks the other, which its operator has listed; the other, which lists nobody, asks nobody."""
    (tmp_path / "theirs.ttl").write_text(THEIRS, encoding="utf-8")
    (tmp_path / "ours.ttl").write_text(OURS, encoding="utf-8")
    with serving("--data", tmp_path / "theirs.ttl") as theirs, serving("--data", tmp_path / "ours.ttl", "--allow-service", f"{theirs.url}/sparql") as ours:
        clause = f"SERVICE <{theirs.url}/sparql> {{ ?y <http://y/name> ?n }}"
        reply = ours.query(f"SELECT ?n {{ ?x <http://x/same> ?y . {clause} }} ORDER BY ?n", "text/csv")
        assert (200, ["n", "one", "two", "deux"]) == (reply.status, sorted(reply.text.split(), key=["n", "one", "two", "deux"].index))
        assert 403 == theirs.query(f"SELECT * {{ SERVICE <{ours.url}/sparql> {{ ?s ?p ?o }} }}").status
        assert 403 == ours.query(f"SELECT * {{ SERVICE <{ours.url}/sparql> {{ ?s ?p ?o }} }}").status


def test_a_bad_entry_is_said_at_the_start(tmp_path: Path) -> None:
    """Before anything is served."""
    (tmp_path / "ours.ttl").write_text(OURS, encoding="utf-8")
    for arguments, more in ((("--allow-service", "nonsense"), {}), ((), {"COVALUE_SERVICE": "http://a.org/x@nonsense"})):
        result = run("serve", "--data", tmp_path / "ours.ttl", "--port", "0", *arguments, **more)
        assert 2 == result.returncode
        assert "nonsense" in result.stderr
