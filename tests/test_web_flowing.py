"""Long answers over HTTP: they begin before they are whole, and where they are cut, every client sees it."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pandas
import pyoxigraph as ox
import pytest
import rdflib
import requests
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from SPARQLWrapper import CSV, JSON, TSV, XML, SPARQLWrapper

from covalue.formats import FORMATS, PAGES, Format, Shape
from covalue.stores import Request
from covalue.stores.cache import CachedStore
from covalue.stores.limits import MB, Limits
from covalue.web.flowing import LINE
from flowing import GRAPH, LIMITS, LONG, SMALL, TOO_LONG, TOO_MANY, UNFIT, kill, opened, running, stalled, written
from processes import resident, serving, wait_until
from served import CutOffError, Reply, Served

DATA = [f for f in FORMATS if f not in PAGES]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("flow"))


@pytest.fixture(scope="module")
def served(data: Path) -> Iterator[Served]:
    with opened(data, LIMITS) as store:
        yield Served(CachedStore(store, 64 * MB), threads=8)


def inner(served: Served) -> Any:
    return served.store._store  # type: ignore[attr-defined]


def cut(served: Served, query: str, accept: str | None = None, **headers: str) -> Reply:
    """What came of an answer that was cut."""
    with pytest.raises(CutOffError) as caught:
        served.ask("/sparql?" + urlencode({"query": query}), **({"Accept": accept} if accept else {}), **headers)
    reply = caught.value.reply
    assert 200 == reply.status
    assert reply.get("content-length") is None
    return reply


def last_line(body: bytes) -> str:
    *_, before, line = body.decode("utf-8", "replace").split("\n")[:-1]
    assert before
    return line


# --- how they begin


def test_short_ones_have_a_length_and_long_ones_come_in_chunks(served: Served) -> None:
    """All of them whole, with the same headers, by connections that stay."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    for query in (LONG + " # 1", SMALL, LONG + " # 2"):
        connection.request("GET", "/sparql?" + urlencode({"query": query}))
        response = connection.getresponse()
        body = response.read()
        assert json.loads(body)["results"]["bindings"]
        assert (response.getheader("Content-Length") is None) == (response.getheader("Transfer-Encoding") == "chunked")
        assert not response.will_close
        assert response.getheader("ETag")
        assert {"Accept", "Accept-Encoding"} <= set(str(response.getheader("Vary")).split(", "))
        assert "*" == response.getheader("Access-Control-Allow-Origin")
    connection.close()
    assert served.query(LONG + " # 1").headers["content-length"], "it came to its end whole, so it is kept"


def test_the_first_chunk_does_not_wait_for_the_last(served: Served) -> None:
    """It is there while the query runs; and who hangs up then ends the query, long before its deadline of a minute."""
    for coding in ("identity", "gzip"):
        with served.connect(60) as connection:
            connection.sendall(f"GET /sparql?{urlencode({'query': stalled(inner(served))})} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {coding}\r\n\r\n".encode())
            got = b""
            while b"bindings" not in got and len(got) < 1000:
                got += connection.recv(2000)
            assert got.startswith(b"HTTP/1.1 200")
            assert 1 == running(inner(served))
        wait_until(lambda: running(inner(served)) == 0)


def test_head_does_not_wait(served: Served) -> None:
    """Status and headers are those of GET; there is no body, not even the mark of its end, and the query ends."""
    reply = served.ask("/sparql?" + urlencode({"query": stalled(inner(served))}), "HEAD")
    assert 200 == reply.status
    assert "chunked" == reply["transfer-encoding"]
    assert b"" == reply.body
    wait_until(lambda: running(inner(served)) == 0)
    assert "content-length" in served.ask("/sparql?" + urlencode({"query": SMALL}), "HEAD").headers


def test_without_chunks_all_is_there_first(served: Served) -> None:
    """HTTP/1.0 has no mark of an end: a whole answer with its length, or an error."""

    def ask(query: str) -> tuple[bytes, bytes]:
        raw = served.send(f"GET /sparql?{urlencode({'query': query})} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        head, _, body = raw.partition(b"\r\n\r\n")
        return head, body

    head, body = ask(LONG + " # 3")
    assert f"Content-Length: {len(body)}".encode() in head
    head, body = ask(TOO_MANY)
    assert b" 413 " in head.splitlines()[0]
    assert "5000 rows" in json.loads(body)["detail"]


@pytest.mark.parametrize(
    ("headers", "whole"),
    [({"Via": "1.1 x"}, True), ({"X_Forwarded_For": "10.0.0.1"}, True), ({"X_Forwarded_For": "10.0.0.1", "Covalue_Early": "1"}, False), ({"Covalue_Early": "0"}, True)],
)
def test_proxies_that_might_hide_a_cut_get_whole_answers(served: Served, headers: dict[str, str], whole: bool) -> None:
    """Unless they say that they do not; and any client may want them whole."""
    if whole:
        reply = served.ask("/sparql?" + urlencode({"query": TOO_MANY}), **headers)
        assert (413, "application/problem+json") == (reply.status, reply.kind)
    else:
        assert "5000 rows" in last_line(cut(served, TOO_MANY, **headers).body)


# --- how they are cut


def test_a_cut_answer_says_why(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """In its last line, in the log, and in the metrics; the place is free, and nothing of it is kept."""
    with caplog.at_level(logging.INFO, "covalue.access"):
        assert "5000 rows" in last_line(cut(served, TOO_MANY).body)
        assert "4000000 bytes" in last_line(cut(served, TOO_LONG).body)
    records = [r for r in caplog.records if r.name == "covalue.access"]
    wait_until(lambda: len([r for r in caplog.records if r.name == "covalue.access"]) == 2)
    records = [r for r in caplog.records if r.name == "covalue.access"]
    assert [(200, "TooLargeError")] * 2 == [(r.status, r.cut) for r in records]  # type: ignore[attr-defined]
    assert 'covalue_answers_cut_total{reason="TooLargeError"} ' in served.ask("/metrics").text
    wait_until(lambda: running(inner(served)) == 0)
    assert "5000 rows" in last_line(cut(served, TOO_MANY).body)


def test_a_deadline_or_a_dead_worker_cuts_it_too(data: Path) -> None:
    with opened(data, Limits(seconds=1, quick=2)) as store:
        served = Served(store)
        assert "ran longer than 1 s" in last_line(cut(served, stalled(store)).body)
    with opened(data) as store:
        served = Served(store)
        with served.connect(60) as connection:
            connection.sendall(f"GET /sparql?{urlencode({'query': stalled(store)})} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            got = connection.recv(1000)
            kill(store)
            while piece := connection.recv(1 << 16):
                got += piece
        assert b"ended from outside" in got
        assert not got.endswith(b"0\r\n\r\n")


def test_characters_that_xml_cannot_carry_cut_xml_alone(served: Served) -> None:
    assert "control characters" in last_line(cut(served, UNFIT, "application/sparql-results+xml").body)
    assert json.loads(served.query(UNFIT, "application/sparql-results+json").body)


def test_a_packed_answer_can_be_read_up_to_its_last_line(served: Served) -> None:
    """And no further: gzip has no end either."""
    body = cut(served, TOO_MANY, Accept_Encoding="gzip").body
    unpacker = zlib.decompressobj(31)
    assert "5000 rows" in last_line(unpacker.decompress(body))
    assert not unpacker.eof
    with pytest.raises(EOFError):
        gzip.GzipFile(fileobj=io.BytesIO(body)).read()


@pytest.mark.parametrize("format", DATA, ids=lambda f: f.extension)
def test_no_format_takes_the_last_line_for_its_own(served: Served, format: Format) -> None:
    """Even after all of an answer, the line makes it invalid; in tables it is no row, but a line of its own."""
    shape = Shape.GRAPH if Shape.GRAPH in format.shapes else Shape.BINDINGS
    query = f"{GRAPH} LIMIT 3" if shape is Shape.GRAPH else TOO_MANY + " LIMIT 3"
    body = inner(served).answer(Request(query), lambda _: format).body
    line = LINE.format(en="this happened, so do that.", zh="出了事。").encode()
    if format.extension in ("csv", "tsv"):
        *_, last = (body + line).decode().splitlines()
        assert last.startswith("!!! NOT WHOLE")
        return

    def parse(text: bytes) -> list[Any]:
        if isinstance(format.engine, ox.RdfFormat):
            return list(ox.parse(text, format=format.engine))
        assert isinstance(format.engine, ox.QueryResultsFormat)
        return list(ox.parse_query_results(text, format=format.engine))  # type: ignore[arg-type]

    assert 3 <= len(parse(body))
    with pytest.raises(SyntaxError):
        parse(body + line)


# --- what clients make of it


def address(served: Served, format: str = "json", query: str = TOO_MANY) -> str:
    return served.url + "/sparql?" + urlencode({"query": query, "format": format})


def program(*command: str, code: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, input=code.encode(), capture_output=True, env={**os.environ, **environment}, timeout=120)


@pytest.mark.parametrize("more", [(), ("--compressed",)])
def test_curl(served: Served, more: tuple[str, ...]) -> None:
    """Exit code 18, and the line for who reads it."""
    done = program("curl", "-sS", *more, address(served))
    assert 18 == done.returncode
    assert "5000 rows" in last_line(done.stdout)
    assert 0 == program("curl", "-sS", *more, address(served, query=LONG)).returncode


def test_wget(served: Served) -> None:
    assert 0 != program("wget", "-q", "-t", "1", "-O", "-", address(served)).returncode
    assert 0 == program("wget", "-q", "-t", "1", "-O", "-", address(served, query=LONG)).returncode


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_node(served: Served, coding: str) -> None:
    """fetch, on which Comunica and browsers' libraries stand."""
    code = """
      const ask = (url) => fetch(url, { headers: { 'accept-encoding': process.env.CODING } }).then(r => r.text()).then(t => 'whole', e => 'error: ' + e.message);
      const main = async () => console.log(await ask(process.env.CUT), '|', await ask(process.env.WHOLE));
      main();
    """
    done = program("node", "-", code=code, CUT=address(served), WHOLE=address(served, query=LONG), CODING=coding)
    assert b"error: terminated | whole\n" == done.stdout, done.stderr


def test_r(served: Served) -> None:
    """R warns, by read.csv, and has an error where warnings are errors."""
    code = """
      ask <- function(u) tryCatch({ read.csv(u); "whole" }, warning = function(w) conditionMessage(w))
      cat(ask(Sys.getenv("CUT")), "\\n", ask(Sys.getenv("WHOLE")), "\\n")
    """
    done = program("Rscript", "-", code=code, CUT=address(served, "csv"), WHOLE=address(served, "csv", LONG))
    first, second = done.stdout.decode().splitlines()
    assert "partial file" in first, done
    assert "whole" == second.strip()


def by_lines(url: str) -> int:
    with urllib.request.urlopen(url) as response:
        return sum(1 for _ in response)


def in_pieces(url: str) -> int:
    with urllib.request.urlopen(url) as response:
        return sum(map(len, iter(lambda: response.read(10_000), b"")))


def wrapped(kind: str) -> Callable[[str], Any]:
    def ask(url: str) -> Any:
        client = SPARQLWrapper(url.partition("?")[0])
        client.setQuery(LONG if "4000" in url else TOO_MANY)
        client.setReturnFormat(kind)
        return client.query().convert()

    return ask


def stored(kind: str) -> Callable[[str], Any]:
    return lambda url: list(rdflib.Graph(SPARQLStore(url.partition("?")[0], returnFormat=kind)).query(LONG if "4000" in url else TOO_MANY))


PYTHON: dict[str, tuple[str, Callable[[str], Any]]] = {
    "urllib": ("json", lambda url: urllib.request.urlopen(url).read()),
    "urllib by lines": ("csv", by_lines),
    "urllib in pieces": ("json", in_pieces),
    "requests": ("json", lambda url: requests.get(url, timeout=60).json()),
    "requests, plain": ("json", lambda url: requests.get(url, headers={"Accept-Encoding": "identity"}, timeout=60).text),
    "pandas, CSV": ("csv", pandas.read_csv),
    "pandas, TSV": ("tsv", lambda url: pandas.read_csv(url, sep="\t")),
    **{f"SPARQLWrapper, {kind}": (kind, wrapped(kind)) for kind in (JSON, XML, CSV, TSV)},
    **{f"rdflib's SPARQLStore, {kind}": (kind, stored(kind)) for kind in ("json", "xml", "csv")},
    "rdflib, a graph": ("nt", lambda url: rdflib.Graph().parse(url, format="nt")),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("client", PYTHON)
def test_python(served: Served, client: str) -> None:
    """An error each, and no short table or graph; with a whole answer, none."""
    format, ask = PYTHON[client]
    graph = format == "nt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ask(address(served, format, f"{GRAPH} LIMIT 4000" if graph else LONG))
        with pytest.raises((http.client.IncompleteRead, requests.exceptions.ChunkedEncodingError)):
            ask(address(served, format, GRAPH if graph else TOO_MANY))


# --- memory


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_memory_is_flat(data: Path) -> None:
    """For who fetches a long answer as it comes, and for who does not fetch it."""
    long = f'SELECT ?a ?d ("{"a" * 2000}" AS ?g) {{ ?a ?b ?c . ?d <http://x/label> ?f }} LIMIT 20000'
    with serving("--data", data, COVALUE_CACHE="0", COVALUE_SECONDS="120") as server:
        for quick in (True, False):
            before, most, size = resident(server.process.pid), 0, 0
            with server.connect(120) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096 if not quick else 1 << 20)
                connection.sendall(f"GET /sparql?{urlencode({'query': long})} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                while quick and (piece := connection.recv(1 << 17)):
                    size += len(piece)
                    most = max(most, resident(server.process.pid))
                if not quick:
                    assert connection.recv(20).startswith(b"HTTP/1.1 200")
                    wait_until(lambda: "covalue_store_heavy_running 0" in server.ask("/metrics").text, 120)
                    most = resident(server.process.pid)
            assert (size > 40 * MB) is quick
            assert most - before < 20 * MB
