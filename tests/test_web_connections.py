"""How answers go out over connections: the same as waitress sends them, with less work."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import waitress.wasyncore

from covalue.web.always import ALWAYS
from covalue.web.connections import Channel, Task
from covalue.web.server import listen
from served import Reply, read

PIECE = b"x" * (1 << 16)
MANY = 100
Application = Callable[[Any, Any], Iterable[bytes]]


def serve(app: Application) -> int:
    """The port on which a thread serves it until the process ends."""
    server = listen(app, "127.0.0.1", 0, 2)
    threading.Thread(target=server.run, daemon=True).start()
    return int(server.effective_port)


def answers(status: str, headers: list[tuple[str, str]], *pieces: bytes) -> Application:
    def app(_environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response(status, list(headers))
        return pieces

    return app


def asked(port: int, request: str, patience: float = 0.0) -> bytes:
    """All that comes back, for a client that waits so many seconds before it reads."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode())
        time.sleep(patience)
        got = b""
        while piece := connection.recv(1 << 20):
            got += piece
    return got


def facts(reply: Reply) -> tuple[int, dict[str, str], bytes]:
    return reply.status, {name: value for name, value in reply.headers.items() if name != "date"}, reply.body


ANSWERS = {
    "short": answers("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")], b"abc"),
    "named twice": answers("200 OK", [("vary", "Accept"), ("Vary", "Accept-Language"), ("Content-Length", "3")], b"abc"),
    "its own policy": answers("200 OK", [("content-security-policy", "default-src *"), ("Content-Length", "3")], b"abc"),
    "empty": answers("200 OK", [("Content-Length", "0")]),
    "in two pieces": answers("200 OK", [("Content-Length", "6")], b"abc", b"def"),
    "one piece without a length": answers("200 OK", [], b"abc"),
    "pieces without a length": answers("200 OK", [], b"abc", b"def"),
    "fewer bytes than promised": answers("200 OK", [("Content-Length", "9")], b"abc"),
    "no content": answers("204 No Content", []),
    "not modified": answers("304 Not Modified", [("ETag", '"a"')]),
    "not found": answers("404 Not Found", [("Content-Length", "3")], b"abc"),
    "a server of its own": answers("200 OK", [("Server", "other"), ("Date", "Mon, 30 Nov 2026 00:00:00 GMT"), ("Content-Length", "3")], b"abc"),
}
REQUESTS = [
    f"{method} / HTTP/{version}\nHost: x\n{more}\n" for method in ("GET", "HEAD") for version in ("1.0", "1.1") for more in ("", "Connection: keep-alive\n", "Connection: close\n")
]
LAST = "GET / HTTP/1.1\nHost: x\nConnection: close\n\n"


@pytest.mark.parametrize("name", ANSWERS)
def test_headers_are_those_of_waitress(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a connection stays open among them: behind each request comes another one."""
    port = serve(ANSWERS[name])
    ours = [asked(port, request + LAST) for request in REQUESTS]
    monkeypatch.setattr(Task, "_usual_header", lambda *_: None)
    monkeypatch.setattr(Task, "_write_whole", super(Task, Task).write)
    for request, mine in zip(REQUESTS, ours, strict=True):
        theirs = asked(port, request + LAST)
        method = request.split(" ")[0]
        assert mine.count(b"HTTP/1.") == theirs.count(b"HTTP/1.") > 0, request
        assert len(mine) == len(theirs), request
        assert facts(read(mine, method)) == facts(read(theirs, method)), request
        assert {header.lower() for header, _ in ALWAYS} <= read(mine, method).headers.keys()


def test_a_header_and_a_short_body_go_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    send = Channel.send

    def counted(self: Channel, data: bytes, do_close: bool = True) -> int:
        sent.append(len(data))
        return send(self, data, do_close)

    monkeypatch.setattr(Channel, "send", counted)
    got = asked(serve(ANSWERS["short"]), LAST)
    assert [len(got)] == sent


def test_nobody_looks_on_without_rest_while_an_answer_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that moves bytes would only take time from the one that sends them."""
    looks: list[int] = []
    poll, send = waitress.wasyncore.poll2, Channel.send

    def counted(timeout: float = 0.0, map: Any = None) -> None:
        looks.append(1)
        poll(timeout, map)

    def slow(self: Channel, data: bytes, do_close: bool = True) -> int:
        with socket.create_connection(("127.0.0.1", port)):  # wakes it
            time.sleep(0.3)
        return send(self, data, do_close)

    monkeypatch.setattr(waitress.wasyncore, "poll2", counted)
    monkeypatch.setattr(Channel, "send", slow)
    port = serve(ANSWERS["short"])
    asked(port, LAST)
    assert len(looks) < 50


def test_what_the_client_does_not_take_at_once_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the thread that answers must wait until some of it is fetched."""
    monkeypatch.setattr("covalue.web.server.OUTGOING", 1 << 17)
    app = answers("200 OK", [("Content-Length", str(len(PIECE) * MANY))], *[PIECE] * MANY)
    assert PIECE * MANY == read(asked(serve(app), LAST, patience=0.5)).body
