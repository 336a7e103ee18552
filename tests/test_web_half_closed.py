"""Clients that close their sending side before they read, over raw connections; and those that look the same and have gone."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from covalue.stores.bounded import BoundedStore
from covalue.stores.limits import Limits
from covalue.web.half_closed import START, ZERO
from covalue.web.server import listen
from flowing import running
from processes import wait_until
from served import Served, build_tiny, read
from test_web_http import address

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere both are taken for gone")
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n ?o }"
LONG = "SELECT * { ?s ?p ?o . ?a ?b ?c } LIMIT 60000"
LAST = b"Connection: close\r\n\r\n"


HALF = 100_000


@dataclass
class Slow:
    """An application that answers when it is told to, or when its client has gone; with the first half of it before that, where the path is `/flow`."""

    ready: threading.Event = field(default_factory=threading.Event)
    gone: list[bool] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        start_response("200 OK", [("Content-Type", "text/plain"), *([("Content-Length", str(len(path) * HALF))] if path != "/flow" else [])])
        if path == "/flow":
            yield path.encode() * HALF
        self.wait(environ["waitress.client_disconnected"])
        yield path.encode() * HALF

    def wait(self, left: Callable[[], bool]) -> None:
        wait_until(lambda: self.ready.is_set() or left())
        self.gone.append(left())


@pytest.fixture
def slow() -> Iterator[tuple[Slow, int]]:
    """It, and its port."""
    app = Slow()
    server = listen(app, "127.0.0.1", 0, 2)
    threading.Thread(target=server.run, daemon=True).start()
    yield app, int(server.effective_port)
    app.ready.set()


def asked(port: int, *paths: str) -> socket.socket:
    """A connection over which something was asked, and nothing more will be."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sendall(b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths))
    connection.shutdown(socket.SHUT_WR)
    return connection


def rest(connection: socket.socket) -> bytes:
    """All that comes until the end."""
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def first_half(connection: socket.socket) -> bytes:
    """What comes of an answer in chunks before it must be told to go on."""
    connection.sendall(b"GET /flow HTTP/1.1\r\nHost: x\r\n\r\n")
    got = b""
    while got.count(b"/flow") < HALF or not got.endswith(b"\r\n"):
        got += connection.recv(1 << 16)
    return got


def test_who_sends_no_more_is_answered(slow: tuple[Slow, int]) -> None:
    """The start of the answer comes at once, by which is seen whether anybody reads; the rest when it is there, and then the connection ends."""
    app, port = slow
    with asked(port, "/x") as connection:
        assert START == connection.recv(len(START), socket.MSG_WAITALL)
        app.ready.set()
        reply = read(START + rest(connection))
    assert (200, b"/x" * HALF) == (reply.status, reply.body)
    assert [False] == app.gone


def test_who_sends_no_more_within_an_answer_gets_the_rest(slow: tuple[Slow, int]) -> None:
    """Between two chunks a zero shows whether anybody reads; it belongs to the size of the next chunk."""
    app, port = slow
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        got = first_half(connection)
        connection.shutdown(socket.SHUT_WR)
        assert ZERO == connection.recv(1)
        app.ready.set()
        reply = read(got + ZERO + rest(connection))
    assert (200, 2 * HALF) == (reply.status, reply.body.count(b"/flow"))
    assert [False] == app.gone


def test_two_requests_and_no_more(slow: tuple[Slow, int]) -> None:
    """Each has its answer, in order."""
    app, port = slow
    app.ready.set()
    with asked(port, "/a", "/b") as connection:
        got = rest(connection)
    assert [HALF, HALF, 2] == [got.count(b"/a"), got.count(b"/b"), got.count(b"HTTP/1.1 200 OK")]
    assert got.endswith(b"/b")


def test_who_has_gone_is_seen(slow: tuple[Slow, int]) -> None:
    """One that ends the connection, with or without having said before that it sends no more."""
    app, port = slow
    asked(port, "/x").close()
    wait_until(lambda: app.gone == [True])
    with contextlib.closing(socket.create_connection(("127.0.0.1", port))) as connection:
        connection.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until(lambda: app.gone == [True, True])
    with contextlib.closing(socket.create_connection(("127.0.0.1", port))) as connection:
        first_half(connection)
    wait_until(lambda: app.gone == [True, True, True])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoundedStore]:
    """The tiny dataset in workers."""
    folder = tmp_path_factory.mktemp("tiny")
    build_tiny(folder)
    with BoundedStore.open(folder, Limits(seconds=600.0, quick=2, heavy=1)) as found:
        yield found


@pytest.fixture(scope="module")
def served(store: BoundedStore) -> Served:
    """It, served."""
    return Served(store)


WHAT = {
    "live": ("GET", "/health/live", 200),
    "query": ("GET", address("SELECT * { ?s ?p ?o } LIMIT 3", format="csv"), 200),
    "head": ("HEAD", "/ontology", 200),
    "packed": ("GET", "/ontology.ttl", 200),
    "fault": ("GET", address("SELECT * {"), 400),
    "nothing": ("GET", "/case/nobody", 404),
}


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("name", WHAT)
def test_the_answer_is_the_same(served: Served, name: str, version: str) -> None:
    """To the byte but for the date, whenever the end of what is sent is seen; and again over the same connection's successors."""
    method, path, status = WHAT[name]
    request = f"{method} {path} HTTP/{version}\r\nHost: x\r\nAccept-Encoding: gzip\r\n".encode() + LAST
    whole = read(served.send(request), method)
    for _ in range(20):
        with served.connect(60) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            half = read(rest(connection), method)
        assert (status, whole.body) == (half.status, half.body)
        assert {k: v for k, v in whole.headers.items() if k != "date"} == {k: v for k, v in half.headers.items() if k != "date"}


def test_a_long_answer_is_whole(served: Served, store: BoundedStore) -> None:
    """One that comes while it is made; its evaluation is long enough that the end is seen before."""
    path = address(LONG, format="csv")
    whole = served.ask(path)
    with served.connect(60) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        half = read(rest(connection))
    assert (200, 60_001, whole.body) == (half.status, half.body.count(b"\n"), half.body)
    wait_until(lambda: not running(store))


def test_an_endless_query_ends_with_its_client(served: Served, store: BoundedStore) -> None:
    """Though the end of what it sends is no reason to stop."""
    with asked(served.port, address(ENDLESS)) as connection:
        assert START == connection.recv(len(START), socket.MSG_WAITALL | socket.MSG_PEEK)
        wait_until(lambda: running(store) == 1)
    wait_until(lambda: not running(store))
