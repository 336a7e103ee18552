"""Requests that can be read in more than one way, and connections that come to a bad end, over raw connections."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from covalue.web import flowing
from covalue.web.access import Access
from covalue.web.answers import Body
from covalue.web.connections import Patience
from covalue.web.metrics import Metrics
from covalue.web.server import listen
from processes import wait_until
from served import Reply, Served, build_tiny, read
from test_web_protocol import values

FOLLOWING = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
CHUNKS = b"5\r\nASK{}\r\n0\r\n\r\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The tiny dataset."""
    return Served(build_tiny(tmp_path_factory.mktemp("incoming")))


def post(version: str, *fields: str) -> bytes:
    return "\r\n".join((f"POST /sparql HTTP/{version}", "Host: x", "Content-Type: application/sparql-query", *fields, "", "")).encode()


@pytest.mark.parametrize(
    "head",
    [
        post("1.1", "Content-Length: 5", "Transfer-Encoding: chunked"),
        post("1.1", "Transfer-Encoding: chunked", "Content-Length: 4"),
        post("1.1", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        post("1.1", "transfer-encoding: chunked, chunked"),
        post("1.0", "Transfer-Encoding: chunked", "Connection: keep-alive"),
        post("1.0", "Transfer-Encoding: chunked", "Content-Length: 5", "Connection: keep-alive"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_and_nothing_after_it_is_read(served: Served, head: bytes) -> None:
    """A proxy before us may have read it the other way, and what follows was then hidden from it (RFC 9112, section 11.2)."""
    raw = served.send(head + CHUNKS + FOLLOWING)
    assert (400, "application/problem+json", 1) == (read(raw).status, read(raw).kind, raw.count(b"HTTP/1."))


def test_chunks_are_read(served: Served) -> None:
    raw = served.send(post("1.1", "Transfer-Encoding: chunked") + CHUNKS + FOLLOWING)
    assert [200, 200] == [int(part[2:5]) for part in raw.split(b"HTTP/1.")[1:]]


@pytest.mark.parametrize("coding", ["utf-8", "gbk"])
def test_an_address_as_it_is_typed(served: Served, coding: str) -> None:
    """curl sends an address as it stands in the terminal; UTF-8 is understood, and of all else it is said what is wrong."""
    text = '/sparql?query=SELECT+("小米"+AS+?x){}'
    reply = read(served.send(b"GET " + text.encode(coding) + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    if coding == "utf-8":
        assert ["小米"] == values(reply)
    else:
        assert 400 == reply.status
        assert "UTF-8" in reply.json["detail"]


def test_a_path_as_it_is_typed(served: Served) -> None:
    typed, encoded = (read(served.send(b"GET " + p + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) for p in ("/case/小米".encode(), b"/case/%E5%B0%8F%E7%B1%B3"))
    assert (404, typed.body) == (typed.status, encoded.body)


def test_an_absolute_address_says_the_host(served: Served) -> None:
    """RFC 9112, section 3.2.2: whatever the header says."""

    def endpoint(target: str) -> Reply:
        return read(served.send(f"GET {target} HTTP/1.1\r\nHost: header.example\r\nAccept: application/n-triples\r\nConnection: close\r\n\r\n".encode()))

    assert "<http://target.example:81/sparql>" in endpoint("http://target.example:81/sparql").text
    assert "<http://header.example/sparql>" in endpoint("/sparql").text
    assert 400 == endpoint("http://us%65r@target.example/sparql").status


@pytest.mark.parametrize("options", ["close", "Close", "keep-alive, close", "TE , close"])
def test_close_among_other_options(served: Served, options: str) -> None:
    raw = served.send(FOLLOWING.replace(b"close", options.encode()))  # ends only when the connection does
    assert (200, "close") == (read(raw).status, read(raw)["Connection"])


def test_who_sends_too_much_is_told_so(served: Served) -> None:
    """The answer comes before the end of the body; a connection closed at once would be reset, and the answer lost."""
    body = b"x" * 6_000_000
    assert 413 == read(served.send(post("1.1", f"Content-Length: {len(body)}", "Connection: close") + body)).status
    assert 413 == read(served.send(post("1.1", "Transfer-Encoding: chunked") + b"5B8D80\r\n" + body + b"\r\n0\r\n\r\n")).status


def test_who_asks_before_sending_too_much_is_told_at_once(served: Served) -> None:
    """Without `100 Continue`, and without the body."""
    assert 413 == read(served.send(post("1.1", "Content-Length: 9000000", "Expect: 100-continue"))).status
    assert served.send(post("1.1", "Content-Length: 5", "Expect: 100-continue", "Connection: close") + b"ASK{}").startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")


def test_a_clock_that_is_put_back_lends_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are looked at by a clock that nobody can set: else a silent one would stay until the other clock has caught up."""
    served = Served(build_tiny(tmp_path), patience=Patience(header_seconds=0.5, idle_seconds=0.5, sweep_seconds=0.05))
    with served.connect(20) as silent, served.connect(20) as idle:
        idle.sendall(FOLLOWING.replace(b"Connection: close\r\n", b""))
        got = b""
        while not got.endswith(b"\r\n\r\nlive\n"):
            got += idle.recv(10_000)
        for module in ("server", "channel"):
            monkeypatch.setattr(f"waitress.{module}.time", SimpleNamespace(time=lambda: time.monotonic() - 1e6))
        assert not silent.recv(1)
        assert not idle.recv(1)


LONG = 400 << 16


def unfetched(length: int | None, patience: Patience, over: Callable[[], bool]) -> bytes:
    """What is left of a long answer (of a length that is told, or a flow) for a client that begins to fetch it only when it is over."""

    def long(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain"), *([("Content-Length", str(length))] if length else [])])
        return flowing.guarded(Body(iter([b"x" * (1 << 16)] * 400), length), environ).chunks

    server = listen(Access(long, Metrics()), "127.0.0.1", 0, 1, patience=patience)
    threading.Thread(target=server.run, daemon=True).start()
    got = b""
    with socket.create_connection(("127.0.0.1", server.effective_port), timeout=60) as connection:
        connection.sendall(FOLLOWING.replace(b"Connection: close\r\n", b""))
        wait_until(over)
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(1 << 20):
                got += piece
    assert got.startswith(b"HTTP/1.1 200")
    assert len(got) < LONG
    assert not got.endswith(b"0\r\n\r\n")
    return got


def cut(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Why answers were cut, by the access log."""
    return [r.cut for r in caplog.records if r.name == "covalue.access"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("length", [None, LONG], ids=["chunks", "length"])
def test_a_full_disk_ends_the_answer(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, length: int | None) -> None:
    """
    What cannot wait for a slow client on the disk is not sent, and its end is no end of an answer; waitress would look for more without rest. The log
    says that the store failed, and not that the client went away.
    """
    caplog.set_level(logging.INFO, "covalue.access")

    def append(self: Any, _data: bytes) -> None:
        self.file.seek(0, 2)  # where a failure leaves it
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("waitress.buffers.TempfileBasedBuffer.append", append)
    unfetched(length, Patience(drain_seconds=3600), lambda: bool(cut(caplog)))
    assert any("cannot wait" in r.message for r in caplog.records)
    assert ["StoreError"] == cut(caplog)


@pytest.mark.parametrize("length", [None, LONG], ids=["chunks", "length"])
def test_no_room_ends_the_answer(caplog: pytest.LogCaptureFixture, length: int | None) -> None:
    """One for which there is no room to wait was ended here too, by the log."""
    caplog.set_level(logging.INFO, "covalue.access")
    unfetched(length, Patience(drain_seconds=3600, waiting_each=3_000_000), lambda: bool(cut(caplog)))
    assert ["OverloadedError"] == cut(caplog)
