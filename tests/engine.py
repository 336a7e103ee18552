"""A made-up SPARQL engine over HTTP, to do what real ones do seldom: fail on the nth request, drip, cut, redirect, lie."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qsl, urlsplit

import pyoxigraph as ox


@dataclass
class Call:
    """One request: its method, its path, its parameters from address and form, its headers and its body."""

    method: str
    path: str
    fields: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of a parameter."""
        return [v for n, v in self.fields if n == name]

    @property
    def query(self) -> str:
        """The query that it asks, or nothing."""
        return "".join(self.all("query"))


@dataclass
class Answer:
    """What to send; `raw` writes to the connection itself instead."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    raw: Callable[[BaseHTTPRequestHandler], None] | None = None


Hook = Callable[[Call], Answer | None]


def no_hook(_: Call) -> Answer | None:
    """Leaves every call to the engine."""
    return None


class Engine:
    """Answers queries, updates and the graph store from a store in memory, unless `hook` has another answer; keeps all calls."""

    def __init__(self, server: str = "Oxigraph/0", union: bool = False, certificate: Path | None = None) -> None:
        self.store = ox.Store()
        self.calls: list[Call] = []
        self.connections = 0
        self.hook: Hook = no_hook
        self.over = threading.Event()
        """Set at the end, so that what hangs can let go."""
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                engine.connections += 1

            def version_string(self) -> str:
                return server

            def log_message(self, *_: object) -> None:
                pass

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                fields = parse_qsl(parts.query, keep_blank_values=True)
                if "form" in self.headers.get("Content-Type", ""):
                    fields += parse_qsl(body.decode(), keep_blank_values=True)
                call = Call(self.command, parts.path, fields, {k.lower(): v for k, v in self.headers.items()}, body)
                engine.calls.append(call)
                answer = engine.hook(call) or engine.answer(call, union)
                if answer.raw is not None:
                    self.close_connection = True
                    answer.raw(self)
                    return
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = handle_any  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that has gone is no news
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self._server.server_address[1]}/query"

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, call: Call, union: bool) -> Answer:
        """What an engine should answer."""
        try:
            if call.path == "/query":
                return self._query(call, union)
            if call.path == "/update":
                self.store.update(call.body.decode())
                return Answer(204)
        except SyntaxError as e:
            return Answer(400, str(e).encode())
        graph = ox.NamedNode(call.all("graph")[0])
        if call.method == "PUT":
            self.store.remove_graph(graph)
        self.store.load(call.body, ox.RdfFormat.N_TRIPLES, to_graph=graph)
        return Answer(201)

    def _query(self, call: Call, union: bool) -> Answer:
        default, named = (([ox.NamedNode(g) for g in call.all(f"{n}-graph-uri")]) for n in ("default", "named"))
        stated = bool(default or named)
        results = self.store.query(call.query, default_graph=default if stated else None, named_graphs=named if stated else None, use_default_graph_as_union=union and not stated)
        if isinstance(results, ox.QueryTriples):
            return Answer(200, results.serialize(format=ox.RdfFormat.N_TRIPLES) or b"", {"Content-Type": "application/n-triples"})
        kind = ox.QueryResultsFormat.XML if "xml" in call.headers["accept"] else ox.QueryResultsFormat.JSON
        return Answer(200, results.serialize(format=kind) or b"", {"Content-Type": kind.media_type})
