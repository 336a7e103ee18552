"""
The ways in which a query reaches the engine: in process without our service; over HTTP to a server whose store each test puts in; over
HTTP to `covalue serve`, which holds the data of all tests at once, each asking for its own by the protocol's dataset.
"""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

import pyoxigraph as ox

from covalue.stores import Answer, Pick, Request
from covalue.stores.oxigraph import OxigraphStore
from covalue.web.app import create_app
from covalue.web.server import listen
from w3c.manifest import EVALUATION, PROTOCOL, Case, File
from w3c.protocol import GRAPHS

FORM = "application/x-www-form-urlencoded"
DIRECT = "application/sparql-query"
NOTHING = "urn:w3c:nothing"
"""A graph that is not there, for tests without data."""


def dataset(case: Case) -> ox.Store:
    """The dataset that a test asks of, in a store of its own."""
    store = ox.Store()
    for file in case.data:
        store.load(file.read(), _rdf(file), base_iri=file.iri)
    for file in {f.iri: f for f in (*case.named, *case.described)}.values():
        store.load(file.read(), _rdf(file), base_iri=file.iri, to_graph=ox.NamedNode(file.iri))
        store.add_graph(ox.NamedNode(file.iri))
    if case.kind in PROTOCOL and not case.requests:
        store.extend(GRAPHS)
    return store


def _rdf(file: File) -> ox.RdfFormat:
    found = ox.RdfFormat.from_extension(file.path.suffix[1:])
    assert found is not None, file.path
    return found


@dataclass(frozen=True)
class Reply:
    """An HTTP response: status, media type, body."""

    status: int
    kind: str
    body: bytes


class Client:
    """HTTP over one connection that is kept."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def send(self, method: str, path: str, body: bytes | None = None, headers: Iterable[tuple[str, str]] = ()) -> Reply:
        """One request, with these headers and those that HTTP cannot do without."""
        self._connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            self._connection.putheader(name, value)
        if body is not None:
            self._connection.putheader("Content-Length", str(len(body)))
        self._connection.endheaders(body)
        response = self._connection.getresponse()
        return Reply(response.status, response.headers.get_content_type() if "Content-Type" in response.headers else "", response.read())

    def get(self, fields: Sequence[tuple[str, str]], accept: str) -> Reply:
        return self.send("GET", "/sparql?" + urlencode(fields), headers=[("Accept", accept)])

    def form(self, fields: Sequence[tuple[str, str]], accept: str) -> Reply:
        return self.send("POST", "/sparql", urlencode(fields).encode(), [("Accept", accept), ("Content-Type", FORM)])

    def direct(self, text: bytes, fields: Sequence[tuple[str, str]], accept: str, kind: str = DIRECT) -> Reply:
        return self.send("POST", "/sparql?" + urlencode(fields), text, [("Accept", accept), ("Content-Type", kind)])


class Way(Protocol):
    """A server to which the queries of tests are sent."""

    name: str
    client: Client

    def prepare(self, case: Case) -> Sequence[tuple[str, str]] | None:
        """Makes a test's data ready; the parameters to send along, or None where the data cannot be had in this way."""


class _Changing:
    """A store whose dataset each test puts in."""

    def __init__(self) -> None:
        self._count = 0
        self.put(ox.Store())

    def put(self, store: ox.Store) -> None:
        self._count += 1
        self._inner = OxigraphStore(store, f"{self._count:064}")

    @property
    def version(self) -> str:
        return self._inner.version

    def __len__(self) -> int:
        return len(self._inner)

    def graphs(self) -> Sequence[str]:
        return self._inner.graphs()

    def answer(self, request: Request, pick: Pick) -> Answer:
        return self._inner.answer(request, pick)


class OwnStore:
    """A server in this process, whose store holds what the test wants and nothing else."""

    name = "own store"

    def __init__(self) -> None:
        self.store = _Changing()
        self._server = listen(create_app(self.store), "127.0.0.1", 0, 4)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        self.client = Client(int(self._server.effective_port))

    def prepare(self, case: Case) -> Sequence[tuple[str, str]] | None:
        self.store.put(dataset(case))
        return ()


class Command:
    """`covalue serve --data FILE --port 0`, with all data of all tests as named graphs."""

    name = "covalue serve"

    def __init__(self, port: int) -> None:
        self.client = Client(port)

    def prepare(self, case: Case) -> Sequence[tuple[str, str]] | None:
        if case.described:
            return ()
        if any(not _one_graph(f) for f in case.data):
            return None
        default = [("default-graph-uri", f.iri) for f in case.data]
        named = [("named-graph-uri", f.iri) for f in case.named]
        return [*default, *named] or [("default-graph-uri", NOTHING)]


def _one_graph(file: File) -> bool:
    return not _rdf(file).supports_datasets


@contextmanager
def command(cases: Iterable[Case], folder: Path) -> Iterator[Command]:
    """The command, serving the data of these tests from a file in a folder."""
    data = folder / "w3c.nq"
    quads: list[ox.Quad] = []
    for file in {f.iri: f for c in cases for f in (*c.data, *c.named, *c.described) if c.kind in EVALUATION or c.requests}.values():
        if _one_graph(file):
            graph = ox.NamedNode(file.iri)
            quads += (ox.Quad(q.subject, q.predicate, q.object, graph) for q in ox.parse(file.read(), format=_rdf(file), base_iri=file.iri, rename_blank_nodes=True))
    quads += GRAPHS
    data.write_bytes(ox.serialize(quads, format=ox.RdfFormat.N_QUADS) or b"")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("COVALUE_")}
    process = subprocess.Popen([sys.executable, "-m", "covalue", "serve", "--data", str(data), "--port", "0"], env=environ, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert process.stderr is not None
    try:
        yield Command(_port(process.stderr))
    finally:
        process.terminate()
        process.stderr.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(stream: Any) -> int:
    said = b""
    for line in stream:
        said += line
        found = re.search(rb"serves http://[\d.]+:(\d+)/", line)
        if found:
            return int(found[1])
    raise AssertionError(f"covalue serve ended: {said.decode('utf-8', 'replace')[-2000:]}")
