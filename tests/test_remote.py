"""The remote store: the contract of stores over real servers, and over a made-up one whatever a server may do."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st
from SPARQLWrapper import SPARQLWrapper

import servers
from covalue.errors import CovalueError, QueryError, RefusedError, SettingError, StoreError
from covalue.formats import choose
from covalue.manifest import read_manifest
from covalue.publish import publish
from covalue.stores import Request
from covalue.stores.bounded import BoundedStore
from covalue.stores.engines import GRAPH_MANIFEST, OTHER
from covalue.stores.limits import CancelledError, DeadlineError, Limits, OverloadedError, TooLargeError
from covalue.stores.oxigraph import OxigraphStore
from covalue.stores.remote import RemoteStore
from covalue.stores.rewrite import Text, parse
from covalue.stores.wire import Credentials
from engine import Answer, Call, Engine, Hook, no_hook
from processes import wait_until
from served import Served
from store_contract import DATA, StoreContract, write_artefact


@pytest.fixture(scope="session")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contract's dataset as a built artefact."""
    folder = tmp_path_factory.mktemp("contract")
    write_artefact(folder)
    return folder


class TestEmbedded(StoreContract):
    """The embedded engine."""

    UNION_COUNTS_ONCE = False

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, artefact: Path) -> OxigraphStore:
        return OxigraphStore.open(artefact)


class TestBounded(StoreContract):
    """The embedded engine in killable workers."""

    UNION_COUNTS_ONCE = False

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, artefact: Path) -> Iterator[BoundedStore]:
        with BoundedStore.open(artefact) as store:
            yield store


def remote(kind: str, artefact: Path, path: str = "") -> Iterator[RemoteStore]:
    """The contract's dataset, published to a server of the session."""
    server = servers.shared(kind)
    url = server.url.replace("/plain/", path) if path else server.url
    credentials = Credentials(server.user, server.password)
    publish(artefact, url, credentials)
    store = RemoteStore.open(url, credentials, accept_faults=kind == "virtuoso")
    yield store
    store.close()


class TestOxigraphServer(StoreContract):
    """Oxigraph's own server."""

    UNION_COUNTS_ONCE = False

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, artefact: Path) -> Iterator[RemoteStore]:
        yield from remote("oxigraph", artefact)


class TestFuseki(StoreContract):
    """Apache Jena Fuseki, with its default graph apart."""

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, artefact: Path) -> Iterator[RemoteStore]:
        yield from remote("fuseki", artefact)


class TestFusekiUnion(StoreContract):
    """Apache Jena Fuseki on TDB2, with the union of all graphs as its default graph."""

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, artefact: Path) -> Iterator[RemoteStore]:
        yield from remote("fuseki", artefact, "/union/")


class TestVirtuoso(StoreContract):
    """Virtuoso 7, whose default graph is always the union of all graphs that it holds."""

    RESOLVES = False
    UNION_COUNTS_ONCE = False

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, artefact: Path) -> Iterator[RemoteStore]:
        yield from remote("virtuoso", artefact)


# --- a made-up engine: what any server may do


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine that does as it is told."""
    with Engine() as engine:
        yield engine


@pytest.fixture
def store(engine: Engine, artefact: Path) -> Iterator[RemoteStore]:
    """The contract's dataset in that engine; the calls of publishing and opening are forgotten."""
    publish(artefact, engine.url)
    store = RemoteStore.open(engine.url, limits=Limits(seconds=60.0, bytes=100_000, rows=1000))
    engine.calls.clear()
    yield store
    store.close()


def asked(engine: Engine) -> list[str]:
    """The queries that came, without those for the publication."""
    return [c.query for c in engine.calls if GRAPH_MANIFEST not in c.query or "GRAPH" in c.query]


def only(answer: Answer) -> Hook:
    """That answer to every query of a user; the store's own get what they should."""
    return lambda call: answer if call.query and GRAPH_MANIFEST not in call.query else None


def json_of(n: int) -> bytes:
    """A table of so many rows."""
    return ('{"head":{"vars":["x"]},"results":{"bindings":[' + ",".join(f'{{"x":{{"type":"literal","value":"{i}"}}}}' for i in range(n)) + "]}}").encode()


def ask(store: RemoteStore, text: str = "SELECT ?x { ?x ?y ?z }", name: str = "json", **more: Any) -> bytes:
    """The bytes of an answer."""
    with store.stream(Request(text), lambda shape: choose(shape, None, [name]), **more) as stream:
        return stream.read()


@pytest.mark.parametrize(
    "text",
    [
        "DROP ALL",
        "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }",
        "SELECT * {",
        "define input:grab-all 'yes' SELECT * { ?s ?p ?o }",
        "SELECT (<bif:exec>('id') AS ?x) {}",
        "SELECT (<http://example.org/f>('id') AS ?x) {}",
        "SELECT * { ?x <bif:contains> 'a' }",
        "PREFIX p: <http://jena.apache.org/ARQ/property#> SELECT * { ?x p:str 'a' }",
        "PREFIX b: <b\\u0069f:> SELECT (b:exec('id') AS ?x) {}",
        "BASE <java:java.lang.> SELECT (<System>('x') AS ?x) {}",
        "SELECT * { GRAPH <urn:x-arq:UnionGraph> { ?s ?p ?o } }",
        "SELECT * { " + "{ " * 500 + "} " * 500 + "}",
    ],
)
def test_nothing_is_sent_for_what_is_refused(store: RemoteStore, engine: Engine, text: str) -> None:
    """What is no query, no reading, or reaches into an engine beyond SPARQL never leaves this process."""
    with pytest.raises((QueryError, RefusedError)):
        ask(store, text)
    assert [] == engine.calls


def test_local_parse_evaluates_nothing() -> None:
    """A query that would run for hours is parsed in no time."""
    hostile = "SELECT (COUNT(*) AS ?n) { " + " ".join(f"VALUES ?v{i} {{ {' '.join(map(str, range(100)))} }}" for i in range(12)) + " }"
    begun = time.thread_time()
    parse(hostile)
    parse("ASK { " + " ".join(f"?s <urn:p{i}> ?o{i} ." for i in range(12)) + " }")
    assert time.thread_time() - begun < 1


def hang(engine: Engine) -> Answer:
    """Nothing, until the client has gone or the test is over."""

    def wait(handler: BaseHTTPRequestHandler) -> None:
        engine.over.wait(60)

    return Answer(raw=wait)


def drip(start: bytes = b"", piece: bytes = b"x") -> Answer:
    """A byte now and then, until the client has gone."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        with suppress(OSError):
            handler.connection.sendall(start)
            for _ in range(600):
                handler.connection.sendall(piece)
                time.sleep(0.1)

    return Answer(raw=send)


def test_deadline_reaches_no_engine_that_takes_none_and_holds_here(store: RemoteStore, engine: Engine) -> None:
    """An engine that answers too late is left; the error says so, and comes in time."""
    engine.hook = only(hang(engine))
    begun = time.monotonic()
    with pytest.raises(DeadlineError, match="longer than 1 s"):
        ask(store, seconds=1.0)
    assert 0.9 < time.monotonic() - begun < 30
    assert [] == engine.calls[0].all("timeout")


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"])
def test_drip_gains_nothing(store: RemoteStore, engine: Engine, start: bytes) -> None:
    """A server that sends a byte now and then, in its headers or its body, is left at the deadline all the same."""
    engine.hook = only(drip(start, b"1\r\nx\r\n" if b"chunked" in start else b"x"))
    begun = time.monotonic()
    with pytest.raises(DeadlineError):
        ask(store, seconds=0.7)
    assert time.monotonic() - begun < 30


def test_shorter_deadline(store: RemoteStore, engine: Engine) -> None:
    """A caller may allow less time than the limits do."""
    engine.hook = only(hang(engine))
    with pytest.raises(DeadlineError, match=r"0\.2 s"):
        ask(store, seconds=0.2)


def test_deadline_reaches_the_engine() -> None:
    """Fuseki is told seconds, Virtuoso milliseconds."""
    for name, unit in (("Virtuoso/07.20", 1000), ("Apache Jena Fuseki", 1)):
        with Engine(name) as engine:
            store = RemoteStore.open(engine.url, limits=Limits(seconds=7.0))
            ask(store)
            store.close()
            assert ["7" if unit == 1 else "7000"] == [f"{round(int(v) / unit) * unit}" for v in engine.calls[-1].all("timeout")]


def test_client_that_has_gone(store: RemoteStore, engine: Engine) -> None:
    """Once who asked has gone, the connection to the engine is closed, long before the deadline."""
    engine.hook = only(hang(engine))
    begun = time.monotonic()
    with pytest.raises(CancelledError):
        ask(store, cancel=lambda: time.monotonic() - begun > 0.2)
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("length", [True, False])
def test_answer_that_is_too_long(store: RemoteStore, engine: Engine, length: bool) -> None:
    """An answer beyond the limit is left, whether or not its length was told."""
    body = b"x" * 5_000_000
    headers = {} if length else {"Transfer-Encoding": "chunked"}

    def chunked(handler: BaseHTTPRequestHandler) -> None:
        with suppress(OSError):
            handler.connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))

    engine.hook = only(Answer(200, body, headers, None if length else chunked))
    with pytest.raises(TooLargeError, match="100000 bytes"):
        ask(store)


@pytest.mark.parametrize("name", ["json", "xml", "csv"])
def test_too_many_rows(store: RemoteStore, engine: Engine, name: str) -> None:
    """So is one with more rows than allowed, whatever the format; up to the limit it is whole."""
    engine.store.extend(ox.Quad(ox.NamedNode(f"urn:{i}"), ox.NamedNode("urn:many"), ox.Literal(i)) for i in range(1001))
    with pytest.raises(TooLargeError, match="1000 rows"):
        ask(store, "SELECT ?x { ?x <urn:many> ?z }", name)
    assert 1000 == ask(store, "SELECT ?x { ?x <urn:many> ?z } LIMIT 1000", name).count(b"urn:")
    with pytest.raises(TooLargeError, match="1000 rows"):
        ask(store, "CONSTRUCT { ?x <urn:many> ?z } WHERE { ?x <urn:many> ?z }", "turtle")


CUT = json_of(20)
XML = (
    b'<?xml version="1.0"?><sparql xmlns="http://www.w3.org/2005/sparql-results#"><head><variable name="x"/></head><results>'
    b'<result><binding name="x"><literal>&lt;/sparql></literal></binding></result></results></sparql>'
)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("json", CUT[:-1]),
        ("json", CUT[:-2]),
        ("json", CUT[:-3]),
        ("json", CUT[:90]),
        ("csv", CUT[:-2]),
        ("json", b'{"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"literal","value":"]}}'),
        ("json", b'{"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"literal","value":"\\\\\\"]}}'),
        ("xml", XML[:-9]),
        ("xml", XML[:-30]),
        ("json", b"<html>busy</html>"),
        ("json", b""),
        ("json", b'{"boolean":true}'),
        ("csv", CUT[:-40] + b"\n##  Query cancelled due to timeout during execution   ##\n##  ****          Incomplete results           ****   ##\n"),
    ],
)
def test_cut_or_damaged_answer(store: RemoteStore, engine: Engine, name: str, body: bytes) -> None:
    """An answer that is not whole is an error, even with status 200 and the right length."""
    engine.hook = only(Answer(200, body))
    with pytest.raises(StoreError):
        ask(store, name=name)


@pytest.mark.parametrize(("name", "body"), [("json", CUT), ("json", CUT + b" \n"), ("xml", XML), ("json", json_of(0))])
def test_whole_answer_is_passed_through(store: RemoteStore, engine: Engine, name: str, body: bytes) -> None:
    """A whole answer in the wanted format comes out byte by byte."""
    engine.hook = only(Answer(200, body))
    assert body == ask(store, name=name)


def test_answer_is_written_anew_for_engines_at_large(artefact: Path) -> None:
    """An unknown engine's bytes are not passed on, even when they are whole."""
    with Engine("Unheard-of/1.0") as engine:
        publish(artefact, engine.url)
        store = RemoteStore.open(engine.url)
        engine.hook = only(Answer(200, json_of(2).replace(b",", b" ,\n")))
        assert json_of(2) == ask(store)
        store.close()


def test_connection_that_breaks_off(store: RemoteStore, engine: Engine) -> None:
    """A connection that ends in the middle is an error, not a short answer."""

    def breaks(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + CUT)

    engine.hook = only(Answer(raw=breaks))
    with pytest.raises(StoreError, match="broke off"):
        ask(store)


SECRET = "java.lang.NullPointerException at /opt/engine/Secret.java:12"


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (400, {}, QueryError),
        (401, {}, StoreError),
        (403, {}, StoreError),
        (404, {}, StoreError),
        (429, {"Retry-After": "7"}, OverloadedError),
        (500, {}, StoreError),
        (503, {}, OverloadedError),
        (302, {"Location": "http://127.0.0.1:9/steal"}, StoreError),
        (200, {"Content-Encoding": "gzip"}, StoreError),
        (200, {"X-SQL-State": "S1TAT"}, DeadlineError),
        (200, {"X-SPARQL-MaxRows": "10"}, TooLargeError),
    ],
)
def test_errors_of_the_engine_are_translated(store: RemoteStore, engine: Engine, status: int, headers: dict[str, str], kind: type[CovalueError]) -> None:
    """Each failure is an error of ours, in both languages, without a word of the engine's, its address, or a second request elsewhere."""
    engine.hook = only(Answer(status, SECRET.encode(), headers))
    with pytest.raises(kind) as caught:
        ask(store)
    said = f"{caught.value.en} {caught.value.zh}"
    assert caught.value.en != caught.value.zh
    assert all(word not in said for word in ("Secret", "java", "127.0.0.1", "/query"))
    if status == 429:
        assert 7 == caught.value.retry_after  # type: ignore[attr-defined]


def test_engine_that_is_gone(artefact: Path) -> None:
    """An engine that cannot be reached is a store error that does not tell users its address."""
    with Engine() as engine:
        publish(artefact, engine.url)
        store = RemoteStore.open(engine.url)
        store.close()
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        ask(store)
    assert "127.0.0.1" not in str(caught.value)


def test_connections_are_kept(store: RemoteStore, engine: Engine) -> None:
    """Many queries, few connections; one that the server closed meanwhile costs nothing."""
    before = engine.connections
    for _ in range(20):
        ask(store)
    assert engine.connections - before <= 1
    for idle in store.endpoint.wire._idle.values():
        for connection in idle:
            connection.sock.shutdown(socket.SHUT_RDWR)
    assert ask(store)


def test_places_are_bounded_and_shared(store: RemoteStore, engine: Engine) -> None:
    """No more queries than places are at the engine at once; a full queue refuses."""
    running, most, lock, released = 0, 0, threading.Lock(), threading.Event()

    def slow(call: Call) -> Answer | None:
        nonlocal running, most
        if not call.query or GRAPH_MANIFEST in call.query:
            return None
        with lock:
            running += 1
            most = max(most, running)
        released.wait(60)
        with lock:
            running -= 1
        return Answer(200, json_of(1))

    narrow = RemoteStore.open(engine.url, limits=Limits(seconds=60, wait_seconds=60, queue=4), places=2)
    engine.hook = slow
    refused = 0
    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(ask, narrow) for _ in range(12)]
        try:
            wait_until(lambda: running == 2 and sum(a.done() for a in asked) >= 6)
        finally:
            released.set()
        for future in asked:
            try:
                future.result()
            except OverloadedError:
                refused += 1
    narrow.close()
    assert most <= 2
    assert 6 == refused


# --- credentials


def test_credentials_only_where_they_are_asked_for(artefact: Path) -> None:
    """Name and password go to an address that asks for them, and stand in no error."""
    with Engine() as engine:
        wanted = "Basic " + b64encode(b"me:hush-hush").decode()
        engine.hook = lambda call: None if call.path == "/query" or call.headers.get("authorization") == wanted else Answer(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
        with pytest.raises(StoreError, match="COVALUE_STORE_USER") as caught:
            publish(artefact, engine.url)
        publish(artefact, engine.url, Credentials("me", "hush-hush"))
        assert "hush" not in str(caught.value) + repr(Credentials("me", "hush-hush", "hush"))
        assert all("authorization" not in c.headers for c in engine.calls if c.path == "/query")


def test_credentials_by_digest(artefact: Path) -> None:
    """A challenge by digest is answered as RFC 7616 wants it, without the password."""
    with Engine() as engine:

        def guard(call: Call) -> Answer | None:
            if call.path == "/query":
                return None
            given = dict(re.findall(r'(\w+)="?([^",]*)"?', call.headers.get("authorization", "")))
            if not given:
                return Answer(401, b"", {"WWW-Authenticate": 'Digest realm="SPARQL", nonce="n1", opaque="o", qop="auth", algorithm="MD5"'})
            a1, a2 = (hashlib.md5(t.encode()).hexdigest() for t in ("me:SPARQL:hush", f"{call.method}:{given['uri']}"))
            right = hashlib.md5(f"{a1}:n1:{given['nc']}:{given['cnonce']}:auth:{a2}".encode()).hexdigest()
            return None if given["response"] == right and given["opaque"] == "o" else Answer(401)

        engine.hook = guard
        publish(artefact, engine.url, Credentials("me", "hush"))
        assert all(b"hush" not in c.body and "hush" not in str(c.headers) for c in engine.calls)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Credentials()),
        ({"COVALUE_STORE_USER": "a", "COVALUE_STORE_PASSWORD": "b"}, Credentials("a", "b")),
        ({"COVALUE_STORE_TOKEN": "t"}, Credentials(token="t")),
        ({"COVALUE_STORE_USER": "a"}, None),
        ({"COVALUE_STORE_USER": "a", "COVALUE_STORE_PASSWORD": "b", "COVALUE_STORE_TOKEN": "t"}, None),
        ({"COVALUE_STORE_TOKEN": "t\r\nX-Evil: 1"}, None),
    ],
)
def test_credentials_from_the_environment(environ: dict[str, str], expected: Credentials | None) -> None:
    """They come together or not at all, and hold no line break."""
    if expected is None:
        with pytest.raises(SettingError):
            Credentials.from_env(environ)
    else:
        assert expected == Credentials.from_env(environ)


@pytest.mark.parametrize("url", ["", "localhost:3030", "ftp://h/x", "http://", "http://h:x/", "http://u:p@h/x", "http://h/a b", "http://h/\r\nX: 1", "file:///etc/passwd"])
def test_bad_address(url: str) -> None:
    """What is no address of an engine, or holds credentials, is a setting error."""
    with pytest.raises(SettingError):
        RemoteStore.open(url)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed: apt-get install openssl")
def test_over_tls(artefact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine behind TLS is served like any other, deadline included; one whose certificate nobody vouches for is not."""
    certificate = tmp_path / "both.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, "-keyout", certificate, "-out", tmp_path / "cert.pem"], check=True, capture_output=True)
    certificate.write_bytes(certificate.read_bytes() + (tmp_path / "cert.pem").read_bytes())
    with Engine(certificate=certificate) as engine:
        with pytest.raises(StoreError, match="cannot be reached"):
            RemoteStore.open(engine.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        publish(artefact, engine.url)
        store = RemoteStore.open(engine.url)
        assert b"bindings" in ask(store)
        engine.hook = only(drip(b"H", b"H"))
        begun = time.monotonic()
        with pytest.raises(DeadlineError):
            ask(store, seconds=0.5)
        assert time.monotonic() - begun < 30
        store.close()


# --- publications


def test_version_follows_the_publication(store: RemoteStore, engine: Engine, artefact: Path, tmp_path: Path) -> None:
    """After another dataset was published, the version is that one's, and so are the answers; nothing is mixed in between."""
    before = store.version
    manifest = write_artefact(tmp_path, DATA | {"case/b": ['<https://example.org/b> <https://example.org/new> "1"']})
    publish(tmp_path, engine.url)
    with suppress(OverloadedError):
        assert b"new" in ask(store, "SELECT ?p { GRAPH ?g { <https://example.org/b> ?p ?o } }")
    assert b"new" in ask(store, "SELECT ?p { GRAPH ?g { <https://example.org/b> ?p ?o } }")
    assert (manifest.digest, True) == (store.version, before != manifest.digest)


def test_answer_during_publishing_is_refused(store: RemoteStore, engine: Engine) -> None:
    """While a dataset is half there, nobody gets an answer from it, nor a version that could be taken for one."""
    state = f"<{GRAPH_MANIFEST}> <{GRAPH_MANIFEST}#state>"
    engine.store.update(f'DELETE {{ GRAPH ?m {{ {state} ?s }} }} INSERT {{ GRAPH ?m {{ {state} "publishing" }} }} WHERE {{ GRAPH ?m {{ {state} ?s }} }}')
    with pytest.raises(OverloadedError) as caught:
        ask(store)
    assert caught.value.retry_after > 0
    assert store.version != store.version


def test_publication_that_changes_under_a_query(store: RemoteStore, engine: Engine) -> None:
    """An answer whose data changed while it was made is not given."""

    def change(call: Call) -> Answer | None:
        if call.query and GRAPH_MANIFEST not in call.query:
            engine.store.update(
                f"DELETE {{ GRAPH ?m {{ ?m <{GRAPH_MANIFEST}#publication> ?s }} }} INSERT {{ GRAPH ?m {{ ?m <{GRAPH_MANIFEST}#publication> 'other' }} }}"
                f" WHERE {{ GRAPH ?m {{ ?m <{GRAPH_MANIFEST}#publication> ?s }} }}"
            )
        return None

    engine.hook = change
    with pytest.raises(OverloadedError):
        ask(store)
    engine.hook = no_hook
    assert ask(store)


def test_publication_that_is_gone(store: RemoteStore, engine: Engine) -> None:
    """When what was published is gone, that is an error, and not another dataset."""
    engine.store.update("DROP ALL")
    with pytest.raises(StoreError, match="no longer there"):
        ask(store)


def test_manifest_is_that_of_the_build(store: RemoteStore, artefact: Path) -> None:
    """The manifest read back is the built one, but for the name of its file."""
    built = read_manifest(artefact)
    assert built is not None
    assert replace(built, data="") == store.manifest


def test_engine_without_publication() -> None:
    """An engine that holds other data is served as it is, with no version that could be taken for one."""
    with Engine("Unheard-of/1.0") as engine:
        engine.store.update("INSERT DATA { <urn:a> <urn:b> 1 . GRAPH <urn:g> { <urn:a> <urn:b> 2 } }")
        store = RemoteStore.open(engine.url)
        assert (["urn:g"], None, True) == (list(store.graphs()), store.manifest, store.version != store.version)
        assert b'"1"' in ask(store, "SELECT ?o { ?s ?p ?o }")
        assert b'"2"' in ask(store, "SELECT ?o FROM <urn:g> { ?s ?p ?o }")
        engine.calls.clear()
        assert b'"value"' not in ask(store, "SELECT ?o FROM <http://127.0.0.1:9/absent> { ?s ?p ?o }")
        assert all("http://127.0.0.1:9/absent" not in c.all("default-graph-uri") for c in engine.calls)
        store.close()


def test_engine_that_answers_wrongly_is_refused(artefact: Path) -> None:
    """An engine that fails a trial question is not served, unless its faults are accepted; the error names them."""
    with Engine() as engine:
        engine.hook = lambda call: Answer(200, b'{"head":{},"boolean":false}') if "COALESCE" in call.query or "HAVING" in call.query else None
        outcome = publish(artefact, engine.url)
        assert any("2 trial question(s)" in en for en, _ in outcome.notes)
        with pytest.raises(StoreError, match=r"COALESCE over OPTIONAL.*HAVING"):
            RemoteStore.open(engine.url)
        RemoteStore.open(engine.url, accept_faults=True).close()


def test_default_graph_that_became_a_union(artefact: Path) -> None:
    """An engine whose default graph was apart at publishing and is a union now is refused."""
    with Engine() as engine:
        publish(artefact, engine.url)
        engine.hook = lambda call: Answer(200, b'{"head":{},"boolean":true}') if call.query == f"ASK {{ <{GRAPH_MANIFEST}> ?p ?o }}" and not call.all("default-graph-uri") else None
        with pytest.raises(StoreError, match="union"):
            RemoteStore.open(engine.url)


def test_too_many_graphs_for_a_list(artefact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where GRAPH with a variable needs a list of graphs, and that is too long, the query is refused with what to do."""
    monkeypatch.setattr("covalue.stores.engines.OTHER", replace(OTHER, most_named=3))
    with Engine("Unheard-of/1.0", union=True) as engine:
        publish(artefact, engine.url)
        store = RemoteStore.open(engine.url)
        with pytest.raises(RefusedError, match="FROM NAMED"):
            ask(store, "SELECT ?g { GRAPH ?g { ?s ?p ?o } }")
        assert b"bindings" in ask(store, "SELECT ?s { GRAPH <https://w3id.org/covalue/graph/shapes> { ?s ?p ?o } }")
        store.close()


class TestUnionEngine(StoreContract):
    """A made-up engine whose default graph is a union: the merge is a named graph there."""

    UNION_COUNTS_ONCE = False

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, artefact: Path) -> Iterator[RemoteStore]:
        with Engine("Unheard-of/1.0", union=True) as engine:
            publish(artefact, engine.url)
            store = RemoteStore.open(engine.url)
            yield store
            store.close()


# --- taking queries apart


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * { ?s ?p ?o }", None),
        ("SELECT * FROM <urn:a> FROM NAMED <urn:b> FROM <urn:a> { ?s ?p ?o }", (("urn:a",), ("urn:b",))),
        ("PREFIX from: <urn:> SELECT * FROM from:a { ?s from:x 'FROM <urn:no>' } # FROM <urn:no>", (("urn:a",), ())),
        ("BASE <http://x/y/> SELECT * FROM <../z> { ?s ?p ?o }", (("http://x/z",), ())),
        ("PREFIX p: <urn:> SELECT * FROM p:a\\/b\\-c { ?s ?p ?o }", (("urn:a/b-c",), ())),
        ("SELECT * FROM <urn:\\u0061> { ?s ?p ?o }", (("urn:a",), ())),
    ],
)
def test_dataset_of_a_text(text: str, expected: object) -> None:
    """FROM is found where it is a clause, resolved as the standard has it, and is gone from the text that is sent."""
    parse(text)
    found = Text(text)
    assert expected == found.dataset
    assert found.text.count("BASE ") == text.count("BASE ")
    parse(found.plain())
    assert Text(found.plain()).dataset is None


PARTS = ("GRAPH ?g {", "GRAPH <urn:g> {", "OPTIONAL {", "{", "MINUS {", "FILTER NOT EXISTS {", "?s ?p 'GRAPH ?x {' .", "}", "}", "# GRAPH ?y {\n")


@given(st.lists(st.sampled_from(PARTS), max_size=14))
def test_hiding_keeps_queries_whole(parts: list[str]) -> None:
    """Whatever the nesting, the text with hidden graphs parses, and hides once for each GRAPH with a variable."""
    text = "SELECT * { " + " ".join(parts) + " }"
    with suppress(QueryError):
        parse(text)
        out = Text(text).without(["urn:hidden"])
        parse(out)
        assert parts.count("GRAPH ?g {") == out.count("NOT IN (<urn:hidden>)")


# --- real servers

HOSTILE = "SELECT (COUNT(*) AS ?n) { " + " ".join(f"VALUES ?v{i} {{ {' '.join(map(str, range(10)))} }}" for i in range(9)) + " FILTER(?v0+?v1+?v2+?v3+?v4+?v5+?v6+?v7+?v8 < 0) }"
KINDS = ("oxigraph", "fuseki", "virtuoso")


@pytest.fixture(params=KINDS)
def real(request: pytest.FixtureRequest, artefact: Path) -> Iterator[RemoteStore]:
    """The contract's dataset on each of the real servers."""
    server = servers.shared(request.param)
    credentials = Credentials(server.user, server.password)
    publish(artefact, server.url, credentials)
    store = RemoteStore.open(server.url, credentials, Limits(seconds=60.0), accept_faults=request.param == "virtuoso")
    yield store
    store.close()


def test_real_deadline(real: RemoteStore, request: pytest.FixtureRequest) -> None:
    """A hostile query ends at the deadline, and the next one is answered at once."""
    begun = time.monotonic()
    with pytest.raises((DeadlineError, TooLargeError)):
        ask(real, HOSTILE, seconds=1.0)
    assert time.monotonic() - begun < 30
    assert ask(real, "ASK {}")
    if request.node.callspec.params["real"] == "oxigraph":
        servers.retire("oxigraph")  # which can be told no deadline, and would work on for minutes, beside all later tests


def test_real_engine_contacts_nobody(real: RemoteStore) -> None:
    """No spelling of FROM or of the protocol's dataset makes an engine open a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        iri = f"http://127.0.0.1:{listener.getsockname()[1]}/data.ttl"
        ask(real, f"SELECT * FROM <{iri}> {{ ?s ?p ?o }}")
        ask(real, f"SELECT * FROM NAMED <{iri}> {{ GRAPH ?g {{ ?s ?p ?o }} }}")
        ask(real, f"SELECT * {{ GRAPH <{iri}> {{ ?s ?p ?o }} }}")
        real.answer(Request("SELECT * { ?s ?p ?o }", (iri,), (iri,)), lambda shape: choose(shape, None))
        with pytest.raises(TimeoutError):
            listener.accept()


def test_outside_client_before_a_remote_engine(real: RemoteStore) -> None:
    """SPARQLWrapper gets the same from the service before an engine as it would from the embedded one."""
    client = SPARQLWrapper(f"{Served(real).url}/sparql")
    client.setQuery("SELECT ?l { <https://example.org/a> <https://example.org/label> ?l FILTER(LANG(?l) = 'zh') }")
    client.setReturnFormat("json")
    found: Any = client.query().convert()
    assert ["价值共创😀"] == [b["l"]["value"] for b in found["results"]["bindings"]]


def test_virtuoso_cuts_are_seen(artefact: Path, tmp_path: Path) -> None:
    """Virtuoso cuts tables with a sign, and graphs without: both are refused, neither is passed on as whole."""
    server = servers.shared("virtuoso")
    write_artefact(tmp_path, DATA | {"case/b": [f'<urn:s{i}> <urn:many> "{i}"' for i in range(10_500)]})
    credentials = Credentials(server.user, server.password)
    outcome = publish(tmp_path, server.url, credentials)
    assert any("not compared" in en for en, _ in outcome.notes)
    store = RemoteStore.open(server.url, credentials, accept_faults=True)
    for text in ("SELECT ?s { ?s <urn:many> ?o }", "CONSTRUCT { ?s <urn:many> ?o } WHERE { ?s <urn:many> ?o }", "CONSTRUCT WHERE { ?s <urn:many> ?o }"):
        with pytest.raises(TooLargeError, match="10000 rows"):
            ask(store, text, "turtle" if "CONSTRUCT" in text else "json")
    assert 9000 == ask(store, "CONSTRUCT WHERE { ?s <urn:many> ?o } LIMIT 9000", "nt").count(b"\n")
    store.close()
