"""
The servers that are measured: this service, oxigraph's own server, rdflib-endpoint, and a Flask application that does nothing.

Peers come from PyPI, into an environment of their own (`make_environment`), since they have no business among the project's packages.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from load import get

from covalue.manifest import read_manifest
from covalue.stores.snapshot import write_default

PEERS = Path("/tmp/venv-peers")
PACKAGES = ("oxigraph==0.5.13", "rdflib-endpoint[cli]==0.6.3")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server: its name, its port, the path of its endpoint, its process, and the seconds until its first answer."""

    name: str
    port: int
    path: str
    process: subprocess.Popen[bytes]
    seconds: float

    def get(self, query: str) -> str:
        """The text of a request."""
        return get(self.path, self.port, query)

    def ask(self, query: str) -> bytes:
        """One answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        head, _, _ = self.get(query).partition("\r\n")
        connection.request("GET", head.split(" ")[1], headers={"Accept": "application/sparql-results+json, application/n-triples;q=0.9"})
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{self.name}: {response.status} {body[:300]!r}")
        return body

    def family(self) -> list[int]:
        """The processes of the server, it first."""
        parents = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        out = [self.process.pid]
        for pid in out:
            out += [child for child, parent in parents.items() if parent == pid]
        return out

    def processor_seconds(self) -> float:
        """What all its living processes have used."""
        total = 0
        for pid in self.family():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def memory(self) -> tuple[float, float]:
        """Resident MB of the first process, and of all of them (pages that several share counted by their share)."""
        sizes = []
        for pid in self.family():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        sizes.append(int(line.split()[1]) / 1024)
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024, sum(sizes)


def make_environment() -> None:
    """Installs the peers from PyPI."""
    if not (PEERS / "bin" / "oxigraph").exists() or not (PEERS / "bin" / "rdflib-endpoint").exists():
        venv.create(PEERS, with_pip=True)
        subprocess.run([PEERS / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextlib.contextmanager
def running(name: str, command: list[str], port: int, path: str, probe: str | None = "ASK {}", prepare: str = "", seconds: float = 600) -> Iterator[Server]:
    """A server from its start to its end, by its own process id."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    server = Server(name, port, path, process, 0.0)
    try:
        while True:
            with contextlib.suppress(OSError, RuntimeError, http.client.HTTPException):
                server.ask(probe or "")
                break
            if process.poll() is not None or time.monotonic() - start > seconds:
                raise RuntimeError(f"{name} did not start")
            time.sleep(0.005)
        yield Server(name, port, path, process, time.monotonic() - start)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _here(name: str, entry: str, *arguments: str) -> contextlib.AbstractContextManager[Server]:
    """A server that a function of this module runs, in a process of its own; the function gets the port first."""
    port = free_port()
    code = f"import sys; sys.path.insert(0, sys.argv[1]); from peers import {entry}; {entry}(*sys.argv[2:])"
    return running(name, [sys.executable, "-c", code, str(Path(__file__).parent), str(port), *arguments], port, "/sparql")


def own(folder: Path, *, cache: int = 64, name: str = "covalue", seconds: int = 10) -> contextlib.AbstractContextManager[Server]:
    """This service over an artefact, as `covalue serve` runs it, without the build."""
    return _here(name, "serve", str(folder), str(cache), str(seconds))


def serve(port: str, folder: str, cache: str, seconds: str) -> None:
    """The entry of that process."""
    from covalue import cli
    from covalue.settings import Settings
    from covalue.stores.limits import MB
    from covalue.stores.sources import Around, Built
    from covalue.web.server import run

    settings = Settings(cache=int(cache), seconds=int(seconds))
    source = Built(Path(folder), cli._limits(settings), Around(cache=settings.cache * MB, waiting=cli._waiting(settings)))
    run(source, "127.0.0.1", int(port), settings.threads)


def floor(body: bytes, *, stay: bool = False) -> contextlib.AbstractContextManager[Server]:
    """
    A Flask application on the same server with the same settings, that answers every request with the same bytes.

    Args:
        stay: whether its threads are kept on one processor, as those of the service are.
    """
    return _here("bare Flask", "serve_floor", body.decode(), str(int(stay)))


def serve_floor(port: str, body: str, stay: str) -> None:
    """The entry of that process."""
    from flask import Flask, Response

    from covalue.settings import Settings
    from covalue.web.processor import stay_on_one_processor
    from covalue.web.server import listen

    app, data = Flask("floor"), body.encode()

    @app.route("/sparql")
    def sparql() -> Response:
        return Response(data, content_type="application/sparql-results+json")

    if int(stay):
        stay_on_one_processor()
    listen(app, "127.0.0.1", int(port), Settings().threads).run()


def direct(folder: Path) -> contextlib.AbstractContextManager[Server]:
    """The floor, but for one thing: each text is evaluated in the same process, in the thread that took the request, with nothing to stop it."""
    return _here("Flask with the engine", "serve_direct", str(merged(folder)))


def serve_direct(port: str, data: str) -> None:
    """The entry of that process. It may use all processors, as the engine works beside Python."""
    import pyoxigraph as ox
    from flask import Flask, Response, request

    from covalue.settings import Settings
    from covalue.web.server import listen

    app, store = Flask("direct"), ox.Store()
    store.bulk_load(path=data, format=ox.RdfFormat.N_QUADS)

    @app.route("/sparql")
    def sparql() -> Response:
        body = store.query(request.args["query"]).serialize(format=ox.QueryResultsFormat.JSON)  # type: ignore[call-overload]
        return Response(body, content_type="application/sparql-results+json")

    listen(app, "127.0.0.1", int(port), Settings().threads).run()


def handing(folder: Path) -> contextlib.AbstractContextManager[Server]:
    """The floor, but for one thing: each text goes to one of as many processes as the service has, and comes back as an answer."""
    return _here("Flask and workers", "serve_handing", str(merged(folder)))


def serve_handing(port: str, data: str) -> None:
    """The entry of that process."""
    import multiprocessing
    import queue
    from urllib.parse import unquote_plus

    import pyoxigraph as ox
    from flask import Flask, Response, request

    from covalue.settings import Settings
    from covalue.stores.limits import Limits
    from covalue.web.processor import stay_on_one_processor
    from covalue.web.server import listen

    store = ox.Store()
    store.bulk_load(path=data, format=ox.RdfFormat.N_QUADS)
    idle: queue.LifoQueue[Any] = queue.LifoQueue()
    for _ in range(Limits().quick):
        ours, theirs = multiprocessing.Pipe()
        multiprocessing.get_context("fork").Process(target=_answer_for_ever, args=(store, theirs), daemon=True).start()
        idle.put(ours)
    app = Flask("handing")

    @app.route("/sparql")
    def sparql() -> Response:
        worker = idle.get()
        worker.send_bytes(unquote_plus(request.query_string.decode().partition("=")[2]).encode())
        body = worker.recv_bytes()
        idle.put(worker)
        return Response(body, content_type="application/sparql-results+json")

    stay_on_one_processor()
    listen(app, "127.0.0.1", int(port), Settings().threads).run()


def _answer_for_ever(store: Any, connection: Any) -> None:
    import pyoxigraph as ox

    while True:
        connection.send_bytes(store.query(connection.recv_bytes().decode()).serialize(format=ox.QueryResultsFormat.JSON))


def merged(folder: Path) -> Path:
    """The dataset as N-Quads with the default graph that this service gives it."""
    manifest = read_manifest(folder)
    assert manifest
    target = folder / f"{manifest.data}.merged.nq"
    if not target.exists():
        data = folder / manifest.data
        temporary = target.with_suffix(".new")
        write_default(data, temporary, frozenset(g.iri for g in manifest.graphs if g.default))
        with temporary.open("ab") as out, data.open("rb") as source:
            while chunk := source.read(1 << 22):
                out.write(chunk)
        temporary.rename(target)
    return target


@contextlib.contextmanager
def oxigraph(folder: Path, *, disk: bool = False, loads: bool = False) -> Iterator[Server]:
    """
    Oxigraph's server over the same dataset, in memory or on disk as this service is.

    Args:
        disk: whether on disk; the store is made before, once.
        loads: whether the loading counts among the seconds of the start; on disk there is none.
    """
    port, program = free_port(), str(PEERS / "bin" / "oxigraph")
    place = folder / "oxigraph-server"
    if disk and not place.exists():
        subprocess.run([program, "load", "--location", str(place), "--file", str(merged(folder))], check=True, capture_output=True)
        subprocess.run([program, "optimize", "--location", str(place)], check=True, capture_output=True)
    command = [program, "serve-read-only", "--location", str(place)] if disk else [program, "serve"]
    merged(folder)
    begun = time.monotonic()
    with running("oxigraph's server", [*command, "--bind", f"127.0.0.1:{port}"], port, "/query") as server:
        if not disk:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
            with merged(folder).open("rb") as file:
                connection.request("POST", "/store", file, {"Content-Type": "application/n-quads", "Content-Length": str(merged(folder).stat().st_size)})
                response = connection.getresponse()
            if response.status >= 300:
                raise RuntimeError(response.read().decode())
            response.read()
        yield replace(server, seconds=time.monotonic() - begun) if loads else server


def rdflib_endpoint(folder: Path) -> contextlib.AbstractContextManager[Server]:
    """rdflib-endpoint over the same statements, as one graph."""
    port, manifest = free_port(), read_manifest(folder)
    assert manifest
    plain = folder / "default.nt"
    if not plain.exists():
        write_default(folder / manifest.data, plain, frozenset(g.iri for g in manifest.graphs if g.default))
    command = [str(PEERS / "bin" / "rdflib-endpoint"), "serve", "--host", "127.0.0.1", "--port", str(port), str(plain)]
    return running("rdflib-endpoint", command, port, "/")
