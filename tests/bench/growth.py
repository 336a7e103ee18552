"""Growth: the same questions over datasets of 10⁴ to 10⁷ statements, one client at a time, from the start of the server on."""

from __future__ import annotations

import contextlib
import http.client
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import mix
import peers
import quads
from peers import Server
from serving import OWN, OXIGRAPH, RDFLIB, say

from covalue.stores.limits import Limits
from covalue.stores.snapshot import ensure

RDFLIB_MOST = 100_000
"""Beyond this, rdflib-endpoint takes minutes to load."""
HEAD = ["statements", "server", "start s", "MB, all processes", "one case ms", "two cases ms", "whole graph ms", "asked again ms"]


def prepare(cache: Path, sizes: Sequence[int]) -> None:
    """Datasets and stores on disk, once; so that a run does nothing but measure."""
    for size in sizes:
        manifest = quads.make(cache / str(size), size)
        if on_disk(manifest.triples):
            ensure(cache / str(size), manifest)
            with peers.oxigraph(cache / str(size), disk=True):
                pass


def on_disk(triples: int) -> bool:
    """Whether the service keeps so many statements in a store on disk; its peer then does the same."""
    return triples > Limits().disk_triples


def growth(cache: Path, sizes: Sequence[int], seconds: float) -> None:
    """One table over all sizes."""
    rows = []
    for size in sizes:
        folder = cache / str(size)
        manifest = quads.make(folder, size)
        disk = on_disk(manifest.triples)
        ways = {OWN: lambda f=folder: peers.own(f, seconds=120), OXIGRAPH: lambda f=folder, d=disk: peers.oxigraph(f, disk=d, loads=True)}
        if size <= RDFLIB_MOST:
            ways[RDFLIB] = lambda f=folder: peers.rdflib_endpoint(f)
        for name, way in ways.items():
            with way() as server:
                if disk:
                    in_cache(server, folder)
                rows.append([f"{manifest.triples:,}", f"{name}{', on disk' if disk else ''}", *measured(server, quads.cases(manifest), seconds)])
    say("Growth: one client, medians over the queries about one case, and over those about all; stores on disk are in the system's cache of files", HEAD, rows)


def in_cache(server: Server, folder: Path, most: float = 120) -> None:
    """
    Files that were read long ago are measured as files that were read just now: this service reads its own after the start, those of its peers are read here. What
    it counts for VoID after the start is over too.
    """
    if server.name != OWN:
        for path in (folder / "oxigraph-server").glob("*.sst"):
            with path.open("rb", buffering=0) as file:
                buffer = bytearray(1 << 20)
                while file.readinto(buffer):
                    pass
        return
    end = time.monotonic() + most
    while not {b"covalue_store_ahead_ended 1", b"covalue_store_heavy_running 0"} <= {*metrics(server).splitlines()} and time.monotonic() < end:
        time.sleep(0.2)


def metrics(server: Server) -> bytes:
    """What the service counts of itself."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.request("GET", "/metrics")
        return connection.getresponse().read()


def measured(server: Server, cases: int, seconds: float) -> list[str]:
    """The cells of a server's row."""
    one = [x for name in mix.ONE_CASE if (x := latency(server, name, cases, seconds))]
    two = [x for name in mix.TWO_CASES if (x := latency(server, name, cases, seconds))]
    whole = [x for name in mix.WHOLE if (x := latency(server, name, cases, seconds))]
    again = repeated(server, cases)
    memory = server.memory()[1]
    return [f"{server.seconds:.2f}", f"{memory:,.0f}", *(f"{statistics.median(x):,.2f}" for x in (one, two, whole)), f"{again:,.2f}"]


def latency(server: Server, name: str, cases: int, seconds: float) -> float | None:
    """Median milliseconds of a kind of query, each text asked for the first time, over one connection; None where the server cannot answer it."""
    times = list[float]()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)) as connection:
        end = time.perf_counter() + seconds
        for query in mix.texts(cases, 100_000, (name,), seed=len(name)):
            taken = asked(connection, server, query)
            times += [taken] if taken is not None else []
            if time.perf_counter() > end:
                break
    return statistics.median(times) if times else None


def repeated(server: Server, cases: int) -> float:
    """Median milliseconds of the whole-graph matrix when it was asked before."""
    query = next(mix.texts(cases, 1, ("matrix",), seed=5))
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)) as connection:
        return statistics.median([asked(connection, server, query) or 0.0 for _ in range(4)][1:])


def asked(connection: http.client.HTTPConnection, server: Server, query: str) -> float | None:
    """Milliseconds of one answer; None where the server says that it cannot."""
    target = server.get(query).split(" ", 2)[1]
    begun = time.perf_counter()
    connection.request("GET", target, headers={"Accept": "application/sparql-results+json, application/n-triples;q=0.9"})
    response = connection.getresponse()
    response.read()
    return None if response.status != 200 else (time.perf_counter() - begun) * 1000
