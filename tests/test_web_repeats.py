"""Requests in the very same words: answered as before to the byte, and never as another request, another dataset or a fault."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covalue.errors import QueryError, StoreError
from covalue.sparql import normalised, scan
from covalue.stores.bounded import BoundedStore
from covalue.stores.cache import CachedStore
from covalue.web.repeats import LONGEST, MARK, Repeats
from served import Served, build_tiny
from test_web_http import address

SOME = "SELECT * WHERE { ?s ?p ?o } LIMIT 20"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The tiny dataset as the program serves it: bounded, with a cache."""
    folder = tmp_path_factory.mktemp("tiny")
    build_tiny(folder)
    with CachedStore(BoundedStore.open(folder), 1_000_000) as cached:
        yield Served(cached)


def hits(served: Served) -> int:
    return int(next(line.split()[1] for line in served.ask("/metrics").text.splitlines() if line.startswith("covalue_store_repeated_hits_total ")))


def test_what_only_grows_is_a_counter(served: Served) -> None:
    """In the format of Prometheus; what is held now is a gauge."""
    served.ask("/sparql?query=ASK%7B%7D")
    kinds = dict(line.split()[2:4] for line in served.ask("/metrics").text.splitlines() if line.startswith("# TYPE covalue_store_"))
    growing = {name.removeprefix("covalue_store_") for name, kind in kinds.items() if kind == "counter"}
    assert {"asked_again_total", "cache_hits_total", "cache_misses_total", "repeated_hits_total"} == growing
    assert "gauge" == kinds["covalue_store_cached_bytes"]


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/csv"}, {"Accept_Encoding": "gzip"}, {"Accept": "application/sparql-results+xml", "Accept_Encoding": "gzip;q=0.5"}])
def test_the_same_again(served: Served, headers: dict[str, str]) -> None:
    """To the byte, headers and all; and it is counted as a request like any other."""
    path = address(f"{SOME} # {headers}")
    first, before = served.ask(path, **headers), hits(served)
    again = served.ask(path, **headers)
    assert before + 1 == hits(served)
    assert 200 == first.status
    assert first.body == again.body
    differing = {"date"}
    assert {k: v for k, v in first.headers.items() if k not in differing} == {k: v for k, v in again.headers.items() if k not in differing}


def test_another_wish_is_another_answer(served: Served) -> None:
    """Format, coding, file, host: whatever an answer depends on."""
    path = address(SOME, n="1")
    kinds = {accept: served.ask(path, Accept=accept).kind for accept in 2 * ["text/csv", "application/sparql-results+json", "text/html", "text/tab-separated-values"]}
    assert kinds == {accept: accept for accept in kinds}
    assert [None, "gzip", None, "gzip"] == [served.ask(path, **wish).get("Content-Encoding") for wish in 2 * [{}, {"Accept_Encoding": "gzip"}]]
    assert 304 == served.ask(path, If_None_Match=served.ask(path)["ETag"]).status
    assert 412 == served.ask(path, If_Match='"other"').status
    assert 400 == served.ask(path, Host="a b").status
    assert 406 == served.ask(path, Accept="image/png").status
    assert b"" == served.ask(path, "HEAD").body
    assert 204 == served.ask(path, "OPTIONS").status


@pytest.mark.parametrize("query", ["SELECT (RAND() AS ?x) {}", "SELECT (STRUUID() AS ?x) {}", "SELECT * {", "SELECT * { SERVICE <http://x/> {} }"])
def test_what_differs_or_fails_is_asked_anew(served: Served, query: str) -> None:
    """Nothing of it is kept."""
    before = hits(served)
    replies = [served.ask(address(query)) for _ in range(2)]
    assert before == hits(served)
    if "(" in query:
        assert replies[0].body != replies[1].body


def test_an_error_is_worded_for_who_asks(served: Served) -> None:
    """Though the same words came before in another language: what XML cannot carry is said anew."""
    path = address("SELECT ('\\u0001' AS ?x) {}")
    before = hits(served)
    for lang, word in (("en", "XML cannot carry"), ("zh", "XML 无法承载")):
        reply = served.ask(path, Accept="application/sparql-results+xml, text/html;q=0.9", Accept_Language=lang)
        assert 406 == reply.status
        assert word in reply.text
    assert before == hits(served)


def test_without_a_cache_nothing_is_kept(tmp_path: Any) -> None:
    """As the operator says."""
    plain = Served(build_tiny(tmp_path))
    assert "repeated" not in plain.ask("/metrics").text


# --- the layer by itself


class Clock:
    """An application that never answers twice the same."""

    def __init__(self, size: int = 10) -> None:
        self.calls, self.closed, self.size = 0, 0, size

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        self.calls += 1
        environ[MARK] = True
        start("200 OK", [("Content-Type", "text/plain")])
        return self._chunks()

    def _chunks(self) -> Iterator[bytes]:
        try:
            yield f"{self.calls:03}".encode()
            yield b"x" * self.size
        finally:
            self.closed += 1


def ask(app: Any, query: str = "q", **environ: str) -> bytes:
    return b"".join(app({"PATH_INFO": "/sparql", "REQUEST_METHOD": "GET", "QUERY_STRING": query, **environ}, lambda *_: None))


def test_another_dataset_is_another_answer() -> None:
    """What is kept holds for one version; the first of a kind closes its body."""
    version, app = ["1"], Clock()
    repeats = Repeats(app, lambda: version[0])
    assert [b"001", b"001"] == [ask(repeats)[:3] for _ in range(2)]
    version[0] = "2"
    assert [b"002", b"002"] == [ask(repeats)[:3] for _ in range(2)]
    assert 2 == app.closed


def test_an_unknown_version_is_for_the_application_to_say() -> None:
    """Nothing is kept for it."""

    def unknown() -> str:
        raise StoreError("gone.", "不在。")

    repeats = Repeats(Clock(), unknown)
    assert [b"001", b"002"] == [ask(repeats)[:3] for _ in range(2)]


def test_memory_is_bounded() -> None:
    """In number and in length; the latest asked stay."""
    app = Clock(1000)
    repeats = Repeats(app, lambda: "", most=50_000)
    for i in range(100):
        ask(repeats, f"q{i}")
        ask(repeats, "q0")
    counts = repeats.counts()
    assert 5 < counts["repeated_answers"] < 50
    assert counts["repeated_bytes"] <= 50_000
    assert 100 == app.calls
    long = Clock(LONGEST)
    repeats = Repeats(long, lambda: "")
    assert [LONGEST + 3] * 2 == [len(ask(repeats)) for _ in range(2)]
    assert 0 == repeats.counts()["repeated_answers"]


def test_many_threads() -> None:
    """Each gets what it asked for."""
    repeats = Repeats(Echo(), lambda: "", most=30_000)
    wrong: list[bytes] = []

    def run(seed: int) -> None:
        for i in range(300):
            query = f"q{(i * seed) % 37}"
            got = ask(repeats, query)
            if got != query.encode():
                wrong.append(got)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == wrong


class Echo:
    """Answers with what was asked."""

    def __call__(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        environ[MARK] = True
        start("200 OK", [])
        return [environ["QUERY_STRING"].encode()]


# --- the quick look at a text says the same as the thorough one

PIECES = ["SELECT", "ask", "PREFIX", "ex:", ":", "<http://x/#a>", "<", ">", "?x", "{", "}", "'", '"', "'''", '"""', "\\", "#", " ", "\n", "\t", "é", "_:b", "@en", "1.", "INSERT"]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_the_normal_form_is_that_of_the_tokens(text: str) -> None:
    """Blanks and comments between tokens become one blank, whatever stands in strings and IRIs."""
    try:
        listed = list(scan(text))
    except QueryError:
        return
    parts: list[str] = []
    for kind, token, _ in listed:
        if kind != "comment" and token.strip(" \t\r\n"):
            parts.append(token)
        elif parts[-1:] != [" "]:
            parts.append(" ")
    assert "".join(parts).strip(" ") == normalised(text)
