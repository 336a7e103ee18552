"""
A load generator: clients that ask, wait for the whole answer, and ask again, over connections that stay open.

It runs as a process of its own. One thread serves all connections with as little work as it takes to know that an answer is whole, so
that little of the two processors goes to the measuring. Each client has an address of its own (127.0.0.2, .3, …): limits go by address.
"""

from __future__ import annotations

import json
import random
import re
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.I)
END = b"0\r\n\r\n"


@dataclass(frozen=True)
class Result:
    """What came of a load: seconds of each answer, sorted; answers by status; seconds that it all took."""

    latencies: list[float]
    statuses: dict[str, int]
    seconds: float

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.statuses.get("200", 0) / self.seconds

    def percentile(self, share: float) -> float:
        """In milliseconds; not a number where nothing was answered."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))] * 1000 if self.latencies else float("nan")

    @property
    def failed(self) -> int:
        """Answers that were none."""
        return sum(n for status, n in self.statuses.items() if status != "200")


def get(path: str, port: int, query: str | None = None, accept: str = "application/sparql-results+json, application/n-triples;q=0.9") -> str:
    """The text of a GET request."""
    target = f"{path}?{urlencode({'query': query})}" if query is not None else path
    return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: {accept}\r\n\r\n"


class Load:
    """A running load; `result` waits for its end."""

    def __init__(self, port: int, requests: Sequence[str], *, clients: int, seconds: float, once: bool = False, first: int = 2) -> None:
        """
        Args:
            port: on the loopback address.
            requests: what is asked, in turn by all clients together.
            clients: how many ask at the same time.
            seconds: when it ends, or before, once all requests are answered if each is asked `once`.
            once: whether each request is asked one time at most.
            first: the last part of the first client's address.
        """
        self._process = subprocess.Popen([sys.executable, str(Path(__file__)), "run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin
        json.dump({"port": port, "requests": list(requests), "clients": clients, "seconds": seconds, "once": once, "first": first}, self._process.stdin)
        self._process.stdin.close()

    def result(self) -> Result:
        assert self._process.stdout
        raw = json.load(self._process.stdout)
        self._process.wait()
        return Result(sorted(raw["latencies"]), raw["statuses"], raw["took"])

    def stop(self) -> None:
        """Ends it at once; its connections are cut."""
        self._process.kill()
        self._process.wait()


def load(port: int, requests: Sequence[str], **how: float) -> Result:
    """A load from start to end."""
    return Load(port, requests, **how).result()  # type: ignore[arg-type]


class _Client:
    def __init__(self, port: int, address: str) -> None:
        self._port, self._address = port, address
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port), 30, source_address=(self._address, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> None:
        self._head, self._size, self._chunked, self._tail = b"", -1, False, b""
        self.began = time.perf_counter()
        self.socket.sendall(request)

    def take(self) -> str | None:
        """Reads what is there; the status once the answer is whole."""
        data = self.socket.recv(1 << 18)
        if not data:
            return "cut"
        if self._size < 0 and not self._chunked:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return None
            head, data = self._head[: end + 2], self._head[end + 4 :]
            self._status = head[9:12].decode()
            self._chunked = bool(CHUNKED.search(head))
            found = LENGTH.search(head)
            self._size = int(found.group(1)) if found else 0
        if self._chunked:
            self._tail = (self._tail + data)[-len(END) :]
            return self._status if self._tail == END else None
        self._size -= len(data)
        return self._status if self._size <= 0 else None


def _run(port: int, requests: list[str], clients: int, seconds: float, once: bool, first: int) -> dict[str, object]:
    selector, latencies, statuses = selectors.DefaultSelector(), list[float](), dict[str, int]()
    texts = [r.encode() for r in requests]
    turn = iter(texts) if once else _forever(texts)
    for i in range(clients):
        client = _Client(port, f"127.0.{(first + i) // 250}.{(first + i) % 250 + 1}")
        selector.register(client.socket, selectors.EVENT_READ, client)
    start = time.perf_counter()
    running = sum(_next(key.data, turn) for key in list(selector.get_map().values()))
    while running and time.perf_counter() - start < seconds:
        for key, _ in selector.select(0.1):
            client = key.data
            status = client.take()
            if status is None:
                continue
            now = time.perf_counter()
            statuses[status] = statuses.get(status, 0) + 1
            if status == "200":
                latencies.append(now - client.began)
            elif status == "503":
                time.sleep(0.001)  # who is refused does not ask again at once
            if status == "cut":
                selector.unregister(client.socket)
                client.connect()
                selector.register(client.socket, selectors.EVENT_READ, client)
            running -= not _next(client, turn)
    return {"latencies": latencies, "statuses": statuses, "took": time.perf_counter() - start}


def _forever(texts: list[bytes]):  # type: ignore[no-untyped-def]
    while True:
        yield from texts


def _next(client: _Client, turn) -> bool:  # type: ignore[no-untyped-def]
    request = next(turn, None)
    if request is not None:
        client.ask(request)
    return request is not None


def shuffled(requests: Sequence[str], seed: int = 1) -> list[str]:
    """In an order that is the same each time."""
    out = list(requests)
    random.Random(seed).shuffle(out)
    return out


if __name__ == "__main__":
    json.dump(_run(**json.load(sys.stdin)), sys.stdout)
