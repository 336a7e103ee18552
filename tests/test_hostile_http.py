"""
Attacks over HTTP on the real program. Each is a function that ends in an assertion when it succeeds; most are run twice: against the program as it
is, and against one with the guard taken away (`mutant.py`), where they must succeed: so none of these tests can pass for want of an attack.
"""

from __future__ import annotations

import contextlib
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from covalue.formats import choose
from covalue.stores import Request, oxigraph
from processes import Running, at_work, children, processor_seconds, run, serving, wait_until
from served import CutOffError, Reply, read
from test_bounded import HOSTILE, hostile

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, and asks from many addresses")

SUBJECTS = 1200
SMALL = "SELECT ?o { <http://x/s7> <http://x/next> ?o }"
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
LONG = "SELECT * { ?a ?b ?c . ?d <http://x/label> ?f } LIMIT 100000"
ROOMY = {"COVALUE_SECONDS": "60", "COVALUE_ROWS": "100000", "COVALUE_THREADS": "32"}
"""So much time that no query comes to its end by it, on whatever machine: where that is the attack, `TIGHT`."""
TIGHT = {**ROOMY, "COVALUE_SECONDS": "2"}
HURRIED = 3.0
"""Seconds after which an attack is said to succeed where the guard is taken away. Where it stands, `Running.ceiling` says after how long."""
Attack = Callable[[Running], None]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough to multiply, and a few literals that mean no good."""
    path = tmp_path_factory.mktemp("hostile") / "data.nt"
    lines = [f'<http://x/s{i}> <http://x/next> <http://x/s{i + 1}> .\n<http://x/s{i}> <http://x/label> "number {i} 号"@zh .\n' for i in range(SUBJECTS)]
    lines.append('<https://w3id.org/covalue/case/evil> <http://www.w3.org/2000/01/rdf-schema#label> "<script>alert(1)</script> & \\"q\\" \\u0001\\r\\nX-Evil: 1" .\n')
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def guarded(data: Path) -> Iterator[Callable[[str], Running]]:
    """The program with its guards, by kind: `roomy`, `tight` (with little time for a query), `impatient` (with clients); started when asked for."""
    kinds: dict[str, tuple[dict[str, Any] | None, dict[str, str]]] = {"roomy": (None, ROOMY), "tight": (None, TIGHT), "impatient": ({"patience": PATIENCE}, ROOMY)}
    started: dict[str, Running] = {}
    with contextlib.ExitStack() as stack:

        def get(kind: str) -> Running:
            if kind not in started:
                mutation, more = kinds[kind]
                started[kind] = stack.enter_context(serving("--data", data, mutation=mutation, **more))
            wait_until(lambda: at_rest(started[kind]), 60)
            return started[kind]

        yield get


@pytest.fixture
def server(guarded: Callable[[str], Running]) -> Running:
    """The roomy one, at rest: nothing that an earlier attack has left runs or waits."""
    return guarded("roomy")


PATIENCE: dict[str, Any] = {
    "header_seconds": 1.0,
    "request_seconds": 1.5,
    "drain_seconds": 1.0,
    "sweep_seconds": 0.1,
    "each": 40,
    "waiting": 80_000_000,
    "waiting_each": 30_000_000,
}


def idle(server: Running) -> bool:
    """Whether neither the program nor a worker of it is at work."""
    return not at_work({server.process.pid, *children(server.process.pid)})


def at_rest(server: Running) -> bool:
    """Whether no query runs or waits, no answer is kept, and no request is in but this one."""
    found = counts(server)
    return not queries(found) and not found["store_spooled_bytes"] and found["requests_running"] <= 1 and not waits(server)


def counts(server: Running) -> dict[str, int]:
    """What the program counts of itself, without labels; the look itself is a request that runs."""
    return {name: int(value) for name, value in re.findall(r"^covalue_(store_\w+|requests_running) (\d+)$", server.ask("/metrics").text, re.M)}


def queries(found: dict[str, int]) -> int:
    """How many queries run or wait."""
    return sum(found[f"store_{lane}_{what}"] for lane in ("quick", "heavy") for what in ("running", "waiting"))


class PremiseError(Exception):
    """What an attack rests on does not hold: neither success nor failure of the attack."""


def sound(reply: Reply) -> str:
    """The text of an answer that is no refusal."""
    if reply.status != 200:
        raise PremiseError(f"{reply.status}: {reply.text}")
    return reply.text


def busy(server: Running) -> bool:
    """Whether a query runs."""
    return bool(re.search(r"^covalue_store_(quick|heavy)_running [1-9]", server.ask("/metrics").text, re.M))


def soon_idle(server: Running) -> None:
    """The processor is given back."""
    wait_until(lambda: idle(server), server.ceiling)


def address(query: str, **more: str) -> str:
    return "/sparql?" + urlencode({"query": query, **more})


def well(server: Running, source: str = "127.9.9.9") -> None:
    """Somebody else is served."""
    assert 200 == server.at(source).query(SMALL).status


def request_bytes(query: str, method: str = "GET") -> bytes:
    return f"{method} {address(query)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


# --- work without end


def endless(server: Running) -> None:
    """A query that would run for hours."""
    with server.connect(server.ceiling) as connection:
        connection.sendall(request_bytes(ENDLESS).replace(b"Host: x", b"Host: x\r\nConnection: close"))
        reply = read(connection.recv(10_000) + _rest(connection))
    assert 504 == reply.status
    assert "2 s" in reply.json["detail"]
    soon_idle(server)


def hang_up(server: Running) -> None:
    """The client leaves before the first byte."""
    with server.connect() as connection:
        connection.sendall(request_bytes(ENDLESS))
        wait_until(lambda: busy(server))
    wait_until(lambda: not busy(server) and idle(server), server.ceiling)


def test_hang_up_in_the_middle(server: Running) -> None:
    """The client leaves while it is sent a long answer, plain or packed: nothing goes on, and nothing stays on the disk."""
    for coding in ("", "Accept-Encoding: gzip\r\n"):
        with server.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(request_bytes(LONG).replace(b"\r\n\r\n", f"\r\n{coding}\r\n".encode()))
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        soon_idle(server)
    wait_until(lambda: not [p for p in Path(f"/proc/{server.process.pid}/fd").iterdir() if "covalue-" in target(p)])
    wait_until(lambda: "covalue_store_spooled_bytes 0" in server.ask("/metrics").text)


def target(path: Path) -> str:
    with contextlib.suppress(OSError):
        return str(path.readlink())
    return ""


def in_time(ask: Callable[[], Reply], seconds: float = 60) -> Reply:
    """The answer, or what came of one that was cut; asked again where a busy machine had it meet the deadline instead of what is looked for."""
    end = time.monotonic() + seconds
    while True:
        try:
            reply = ask()
        except CutOffError as e:
            reply = e.reply
        if SAID["seconds"] not in reply.text or time.monotonic() > end:
            return reply


def cut(reply: Reply) -> bool:
    """Whether it has begun, was cut, and says so."""
    return "transfer-encoding" in reply.headers and not reply.raw.endswith(b"0\r\n\r\n") and reply.text.splitlines()[-1].startswith("!!! NOT WHOLE")


def many_rows(server: Running) -> None:
    """An answer beyond the limit of rows, in any format: an error, before its first byte or after it, and never a first part that passes for the whole."""
    for accept in ("application/sparql-results+json", "text/csv", "text/html"):
        reply = in_time(lambda accept=accept: server.query("SELECT ?f { ?a ?b ?c . ?d ?e ?f } LIMIT 100001", accept))  # type: ignore[misc]
        assert 413 == reply.status or ("text/html" != accept and cut(reply))
        assert "http://x/s" not in reply.text or cut(reply)
        assert "not sent in part" in reply.text


SAID = {"seconds": "ran longer", "memory": "of memory", "rows": "rows and", "bytes": "bytes and"}
"""What the last line of an answer that was cut says, by limit."""
STATUS = {"seconds": {504}, "memory": {413}, "rows": {413}, "bytes": {413}, "size": {400}, "refused": {403}, "fine": {200}}


def test_all_hostile_queries_while_small_ones_stay_quick(data: Path) -> None:
    """Every query of the collection, eight at once from as many addresses; each ends as foretold, and a stranger's small ones are quick."""
    cases = {p.stem: hostile(p) for p in sorted(HOSTILE.glob("*.rq"))}
    more = {"COVALUE_SECONDS": "1", "COVALUE_ROWS": "100000", "COVALUE_MEMORY": "256", "COVALUE_CACHE": "0"}
    with serving("--data", data, mutation={"limits": {"bytes": 20_000_000}}, **more) as server:

        def small() -> float:
            began = time.monotonic()
            assert 200 == server.at("127.9.9.9").query(SMALL).status
            return time.monotonic() - began

        alone = sorted(small() for _ in range(30))
        took: list[float] = []

        def ask(number: int, name: str) -> tuple[str, Reply]:
            client = server.at(f"127.1.0.{number % 8 + 1}")

            def once() -> Reply:
                try:
                    return client.direct(cases[name].text.encode())
                except CutOffError as e:
                    return e.reply

            while (reply := once()).status == 503:
                time.sleep(0.2)
            return name, reply

        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(ask, i, name) for i, name in enumerate(cases)]
            while not all(a.done() for a in asked):
                took.append(small())
                time.sleep(0.01)
            replies = dict(a.result() for a in asked)
        for name, reply in replies.items():
            if cut(reply):
                last = reply.text.splitlines()[-1]
                assert any(SAID[e] in last for e in (*cases[name].expect, "seconds") if e in SAID), (name, last)
                continue
            expected = {s for e in cases[name].expect for s in STATUS.get(e, set())}
            if expected & {200, 413}:
                expected.add(504)  # work for a moment, which a busy machine does not get done in time: `test_hostile` gives it more
            assert reply.status in expected, (name, reply.status, reply.text[:200])
            assert reply.status == 200 or ("application/problem+json" == reply.kind and reply.json["detail_zh"])
        took.sort()
        usual = alone[len(alone) // 2]
        assert took[len(took) // 2] < max(0.3, 15 * usual), (usual, took[len(took) // 2])
        assert took[int(len(took) * 0.99)] < max(5, 100 * usual), (usual, took[-5:])
        soon_idle(server)


def test_regular_expressions_are_linear(server: Running) -> None:
    """Where Python's own would take minutes; REPLACE as well as REGEX."""
    text, pattern = "a" * 60 + "!", "(a+)+$"
    for call in (f'REGEX("{text}", "{pattern}")', f'REPLACE("{text}", "{pattern}", "b")', f'REGEX("{text}", "(a|aa)+$")', f'REPLACE("{text}", "(.*)*,(.*)*$", "$1")'):
        assert server.query(f"SELECT ({call} AS ?x) {{}}").status in (200, 400)  # and so within the client's patience
    began = time.process_time()
    re.search(pattern, "a" * 22 + "!")  # each character more doubles it
    assert time.process_time() - began > 0.05


# --- requests that are too much


def giant(server: Running) -> None:
    """Texts, bodies, addresses and headers without measure."""
    many = "SELECT * {} #" + "x" * 300_000
    assert 400 == server.direct(many.encode()).status
    assert 413 == server.direct(b"SELECT * {} #" + b"x" * 1_100_000).status
    assert 414 == server.ask("/sparql?query=" + "x" * 230_000).status


def headers(server: Running) -> None:
    """A header longer than any; a body that is longer than it says, or says that it is of any length; broken lines."""
    for raw, status in (
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 300_000 + b"\r\n\r\n", 431),
        (b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /sparql HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /sparql HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET /sparql HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400),
        (b"GET /sparql HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
    ):
        with server.connect() as connection:
            with contextlib.suppress(OSError):
                connection.sendall(raw)
            reply = read(_rest(connection))
        assert (status, "application/problem+json", "*") == (reply.status, reply.kind, reply.get("Access-Control-Allow-Origin")), raw[:60]
        assert reply.json["detail_zh"]


def parameters(server: Running) -> None:
    """A hundred thousand of them."""
    reply = server.ask("/sparql?" + "&a=b" * 40_000)
    assert 400 == reply.status
    assert "1000" in reply.text


def chunks_without_end(server: Running) -> None:
    """A body in chunks that never ends is cut off where a whole one would be."""
    with server.connect() as connection, contextlib.suppress(OSError):
        connection.sendall(b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        raise AssertionError("65 MB were taken")


@pytest.mark.parametrize(
    "unit",
    ["a.", "a-", "é.", '"\\', '\\"""\n', "\\'''\n", "_:a.", "<a", "a:%41", "SERVICE", "PREFIX a:", "'\"", "{", "1.", "@a-", "servicea:b {", "?", "((", "#\n", "a:b."],
)
def test_no_text_takes_the_service_itself_long(server: Running, unit: str) -> None:
    """What is looked at before a worker gets it is looked at in linear time: 250 kB of anything, and others are served meanwhile."""
    text = (unit * (250_000 // len(unit.encode()) + 1)).encode()[:250_000].decode("utf-8", "ignore")
    done = threading.Event()
    slowest = 0.0

    def watch() -> None:
        nonlocal slowest
        while not done.is_set():
            began = time.monotonic()
            server.at("127.9.9.9").ask("/health/live")
            slowest = max(slowest, time.monotonic() - began)
            done.wait(0.05)

    thread = threading.Thread(target=watch)
    before = processor_seconds({server.process.pid})
    thread.start()
    try:
        status = server.direct(text.encode()).status
    finally:
        done.set()
        thread.join()
    assert status in (400, 403, 413)
    assert processor_seconds({server.process.pid}) - before < 5
    assert slowest < server.patience / 2


# --- clients that keep it waiting


def slow_header(server: Running) -> None:
    """A byte now and then, so that the request never begins."""
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        _drip(connection, b"X: 1\r\n", server.ceiling)


def slow_body(server: Running) -> None:
    """The same with its body."""
    with server.connect() as connection:
        connection.sendall(b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nContent-Length: 90000\r\n\r\n")
        _drip(connection, b"x", server.ceiling)


def silent_client(server: Running) -> None:
    """Nothing at all."""
    with server.connect() as connection:
        _drip(connection, b"", server.ceiling)


def _drip(connection: socket.socket, piece: bytes, seconds: float) -> None:
    began = time.monotonic()
    try:
        while time.monotonic() - began < seconds:
            connection.sendall(piece)
            time.sleep(0.1)
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                if not connection.recv(100):
                    return
            connection.setblocking(True)
    except OSError:
        return
    raise AssertionError("the connection is still held")


def slow_reader(server: Running) -> None:
    """An answer that nobody fetches."""
    with _asked(server, LONG) as connection:
        began = time.monotonic()
        while time.monotonic() - began < server.ceiling:
            time.sleep(0.1)
            if counts(server)["requests_running"] <= 1 and not waits(server):  # it is neither still made nor kept
                assert len(_rest(connection)) < 8_000_000
                return
    raise AssertionError("the answer is kept")


def waits(server: Running) -> bool:
    """Whether answers wait to be fetched, on the disk of the server."""
    return any("(deleted)" in target(p) for p in Path(f"/proc/{server.process.pid}/fd").iterdir())


def on_disk(server: Running) -> int:
    """Bytes of answers in temporary files."""
    size = 0
    for path in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            size += path.stat().st_size if "(deleted)" in target(path) else 0
    return size


@contextlib.contextmanager
def _asked(server: Any, query: str) -> Iterator[socket.socket]:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    if server.source:
        connection.bind((server.source, 0))
    connection.settimeout(server.patience)
    connection.connect(("127.0.0.1", server.port))
    with connection:
        connection.sendall(request_bytes(query))
        assert connection.recv(60).startswith(b"HTTP/1.1 200")
        yield connection


def _rest(connection: socket.socket) -> bytes:
    """What comes, also where the end is abrupt."""
    out = b""
    with contextlib.suppress(OSError):
        while piece := connection.recv(1 << 20):
            out += piece
    return out


def hoarders(server: Running) -> None:
    """Many who do not fetch long answers cannot fill the disk: a client has its share, and all together have theirs."""
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            with contextlib.suppress(OSError, AssertionError):
                stack.enter_context(_asked(server.at("127.3.0.1"), LONG))
        wait_until(lambda: counts(server)["requests_running"] <= 1, 240)  # all is with the server's own thread, which sends it
        size = on_disk(server)
        assert size < 40_000_000, size


def connections(server: Running) -> None:
    """One client cannot take all connections."""
    with contextlib.ExitStack() as stack:
        taken = []
        for _ in range(90):
            connection = stack.enter_context(server.at("127.4.0.1").connect())
            taken.append(connection)
        other = server.at("127.4.0.2")
        with contextlib.closing(other.connect(server.ceiling)) as connection:
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert b"200 OK" in connection.recv(1000)
        wait_until(lambda: any(r.startswith(b"HTTP/1.1 503") and b"Retry-After" in r and b"detail_zh" in r for r in map(_now, taken)))


def many_files(server: Running) -> None:
    """So many connections and files that numbers go beyond 1023: the server goes on."""
    with contextlib.ExitStack() as stack:
        for i in range(1060):
            with contextlib.suppress(OSError):
                stack.enter_context(server.at(f"127.5.{i // 30}.1").connect(5))
            if server.process.poll() is not None:
                break
        wait_until(lambda: server.process.poll() is not None or len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())) > 1040)
        for _ in range(3):
            assert 200 == server.at("127.9.9.9").ask("/health/live").status
        assert server.process.poll() is None
    assert not any("out of range in select" in line for line in server.said)


# --- places


def full_queue(server: Running) -> None:
    """Too many at once: some are refused at once, with when to come back, and small ones are still answered."""
    with contextlib.ExitStack() as stack:
        asked = []
        for i in range(30):
            connection = stack.enter_context(server.at(f"127.6.0.{i + 1}").connect())
            connection.sendall(request_bytes(f"{ENDLESS} LIMIT {i + 1}"))
            asked.append(connection)
        reply = first_refusal(server, asked)
        assert 1 <= int(reply["Retry-After"]) <= 60
        assert reply.json["detail_zh"]
        assert "*" == reply["Access-Control-Allow-Origin"]


def first_refusal(server: Running, asked: list[socket.socket]) -> Reply:
    """What the first of those that asked is told who is refused; an error once none can be refused any more, since all run or wait."""
    end = time.monotonic() + server.ceiling
    while not (refused := [r for r in map(_now, asked) if r.startswith(b"HTTP/1.1 503") and b"detail_zh" in r]):
        assert queries(counts(server)) < len(asked), "nobody is refused"
        assert time.monotonic() < end
    return read(refused[0])


def _now(connection: socket.socket) -> bytes:
    """What has come by now."""
    connection.setblocking(False)
    with contextlib.suppress(OSError):
        return connection.recv(5000, socket.MSG_PEEK)
    return b""


def crowding(server: Running, one: Callable[[int], dict[str, str]] = lambda _: {}, other: dict[str, str] | None = None) -> None:
    """One client with many queries leaves a place for the next one."""
    stop = threading.Event()

    def flood(number: int) -> None:
        i = 0
        while not stop.is_set():
            i += 1
            with contextlib.suppress(OSError, IndexError):
                server.at("127.7.0.1").ask(address(f"{ENDLESS} LIMIT {number * 10_000 + i}"), **one(number))

    threads = [threading.Thread(target=flood, args=(n,), daemon=True) for n in range(10)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: queries(counts(server)) > 1)
        time.sleep(1.0)  # so that the program knows them
        took = []
        for i in range(12):
            began = time.monotonic()
            reply = server.at("127.7.0.2").ask(address(f"{SMALL} LIMIT {i + 1}"), **(other or {}))
            assert 200 == reply.status
            took.append(time.monotonic() - began)
            assert sum(took) < server.ceiling, took
        assert sorted(took)[6] < 0.5, took  # half of what each query of the flood takes
    finally:
        stop.set()  # those that wait end with the server


def crowding_by_proxy(server: Running) -> None:
    """The same behind a proxy, which says who asks; what the client itself writes there counts for nothing."""
    crowding(server, lambda n: {"X_Forwarded_For": f"198.51.100.{n + 1}, 203.0.113.1"}, {"X_Forwarded_For": "203.0.113.2"})


# --- ways in and out


UPDATES = [
    "INSERT DATA { <http://x/a> <http://x/b> <http://x/c> }",
    "insert data { <http://x/a> <http://x/b> <http://x/c> }",
    "INSERTDATA{<http://x/a><http://x/b><http://x/c>}",
    "# SELECT\nDELETE WHERE { ?s ?p ?o }",
    "PREFIX select: <http://x/> DELETE { ?s ?p ?o } INSERT { select:a ?p ?o } WHERE { ?s ?p ?o }",
    "BASE <http://x/> WITH <g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }",
    "LOAD <http://127.0.0.1:PORT/x> INTO GRAPH <http://x/g>",
    "LOAD SILENT <file:///etc/passwd>",
    "CLEAR ALL",
    "DROP SILENT GRAPH <http://x/g>",
    "CREATE GRAPH <http://x/g>",
    "COPY DEFAULT TO <http://x/g>",
    "MOVE DEFAULT TO <http://x/g>",
    "ADD DEFAULT TO <http://x/g>",
    "DELETE DATA { <http://x/s1> <http://x/next> <http://x/s2> } ; SELECT * {}",
]
FALLBACK = "SELECT (COUNT(*) AS ?n) (MIN(STR(?s)) AS ?m) { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }"


def updates(server: Running) -> None:
    """In every spelling and by every way: refused, and nothing changes."""
    before = sound(server.query(FALLBACK, "text/csv"))
    for text in UPDATES:
        for reply in (
            server.query(text),
            server.form([("query", text)]),
            server.direct(text.encode()),
            server.direct(text.encode(), kind="application/sparql-update"),
            server.form([("update", text)]),
            server.ask("/sparql?" + urlencode({"update": text})),
        ):
            assert 403 == reply.status, (text, reply.text)
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        for path in ("/graph-store?default", "/graph-store?graph=http://x/g", "/sparql", "/case/evil", "/"):
            reply = server.ask(path, method, b"<http://x/a> <http://x/b> <http://x/c> .", Content_Type="text/turtle")
            assert reply.status in (405, 415)
            assert reply.status == 415 or reply["Allow"]
    assert before == sound(server.query(FALLBACK, "text/csv"))


class Canary:
    """A listening socket that counts who comes, and a secret file."""

    def __init__(self, folder: Path) -> None:
        self.seen = 0
        self.file = folder / "secret.nt"
        self.file.write_text('<http://x/secret> <http://x/is> "canary in the file" .\n', encoding="utf-8")
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.seen += 1
                with connection:
                    connection.recv(1000)
                    connection.sendall(b'HTTP/1.0 200 OK\r\nContent-Type: application/n-triples\r\n\r\n<http://x/secret> <http://x/is> "canary from the net" .\n')

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Canary]:
    """It, closed after the test."""
    bird = Canary(tmp_path)
    yield bird
    bird.close()


OUT = [
    "SELECT * { SERVICE <U> { ?s ?p ?o } }",
    "select*{service<U>{?s?p?o}}",
    "SELECT * { SERVICE SILENT <U> { ?s ?p ?o } }",
    "SELECT * { SERVICESILENT<U>{ ?s ?p ?o } }",
    "SELECT * { sErViCe # <http://x/>\n <U> { ?s ?p ?o } }",
    "PREFIX e: <U> SELECT * { SERVICE e: { ?s ?p ?o } }",
    "PREFIX e: <U> SELECT * { SERVICEe:x{ ?s ?p ?o } }",
    "PREFIX e: <U> SELECT * { SERVICESILENTe:x{ ?s ?p ?o } }",
    "PREFIX SILENT: <U> SELECT * { SERVICESILENT:x{ ?s ?p ?o } }",
    "PREFIX e: <U> SELECT * { ?a ?b trueSERVICEe:x{ ?s ?p ?o } }",
    "PREFIXe:<U>SELECT * { SERVICEe:x { ?s ?p ?o } }",
    "PREFIX : <U> SELECT * { SERVICE:x { ?s ?p ?o } }",
    "BASE <U> SELECT * { SERVICE <> { ?s ?p ?o } }",
    "SELECT * { SERVICE <http\\u003A//127.0.0.1:PORT/> { ?s ?p ?o } }",
    "SELECT * { S\\u0045RVICE <U> { ?s ?p ?o } }",
    "ASK { FILTER EXISTS { SERVICE <U> { ?s ?p ?o } } }",
    "ASK { FILTER NOT EXISTS { SERVICE <U> { ?s ?p ?o } } }",
    "SELECT * { { SELECT * { SERVICE <U> { ?s ?p ?o } } } }",
    "SELECT * { VALUES ?e { <U> } SERVICE ?e { ?s ?p ?o } }",
    "SELECT * { BIND(IRI('U') AS ?e) SERVICE ?e { ?s ?p ?o } }",
    "SELECT * { OPTIONAL { SERVICE <U> { ?s ?p ?o } } }",
    "SELECT * { ?a ?b 1.e1SERVICE<U>{ ?s ?p ?o } }",
    'SELECT * { VALUES ?x { """a" } SERVICE <U> { ?s ?p ?o } }',
    "CONSTRUCT { ?s ?p ?o } { SERVICE <U> { ?s ?p ?o } }",
    "DESCRIBE ?s { SERVICE <U> { ?s ?p ?o } }",
    "SELECT * FROM <U> { ?s ?p ?o }",
    "SELECT * FROM NAMED <U> { GRAPH ?g { ?s ?p ?o } }",
    "SELECT * FROM <FILE> { ?s ?p ?o }",
    "SELECT * FROM NAMED <FILE> { GRAPH <FILE> { ?s ?p ?o } }",
    "SELECT * FROM <data:text/turtle,%3Ca:a%3E%20%3Ca:b%3E%20%22canary%22.> { ?s ?p ?o }",
    "SELECT * { GRAPH <U> { ?s ?p ?o } }",
    "LOAD <U>",
    "LOAD <FILE>",
    "INSERT { ?s ?p ?o } WHERE { SERVICE <U> { ?s ?p ?o } }",
    "DESCRIBE <U>",
    "DESCRIBE <FILE>",
]


def ways_out(server: Running, canary: Canary) -> None:
    """No spelling opens a connection or a file."""
    url, file = f"http://127.0.0.1:{canary.port}/", canary.file.as_uri()
    for pattern in OUT:
        text = pattern.replace("U>", f"{url}>").replace("'U'", f"'{url}'").replace("FILE", file).replace("PORT", str(canary.port))
        reply = server.query(text)
        assert reply.status in (200, 400, 403), (text, reply.text)
        assert "canary" not in reply.text.replace("canary%22", ""), text
        assert reply.status != 200 or "SERVICE" not in text.upper()
    for name in ("default-graph-uri", "named-graph-uri", "using-graph-uri"):
        for graph in (url, file):
            assert "canary" not in server.query("SELECT * { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }", **{name: graph}).text
    for path in (
        f"/graph-store?graph={quote(url)}",
        f"/graph-store?graph={quote(file)}",
        f"/{url}",
        f"/case/..%2f..{canary.file}",
        f"/static/..%2f..%2f{canary.file}",
        f"//{canary.file}",
    ):
        reply = server.ask(path)
        assert reply.status in (303, 308, 400, 404), path
        assert "canary" not in reply.text
    time.sleep(0.1)
    assert 0 == canary.seen


# --- what comes back


def markup(server: Running) -> None:
    """Literals are text on every page."""
    for path in (address("SELECT * { <https://w3id.org/covalue/case/evil> ?p ?o }"), address("DESCRIBE <https://w3id.org/covalue/case/evil>"), "/case/evil.html"):
        reply = server.ask(path, Accept="text/html")
        assert (200, "text/html") == (reply.status, reply.kind)
        assert "<script>alert" not in reply.text
        assert "&lt;script&gt;" in reply.text


def header_splitting(server: Running) -> None:
    """Line ends in paths, names and parameters stay where they are."""
    evil = "%0d%0aX-Evil:%201%0d%0a%0d%0a<script>"
    for path in (
        f"/case/evil{evil}",
        f"/case/{evil}",
        f"/{evil}",
        f"/sparql?query=ASK%7B%7D&format={evil}&lang={evil}",
        f"/sparql?query=ASK%7B%7D&default-graph-uri=http://x/{evil}",
        f"/dataset.{evil}",
    ):
        for header in ({}, {"Accept": "text/html"}, {"Accept": "text/turtle"}):
            reply = server.ask(path, **header)
            assert reply.status in (200, 303, 308, 400, 404, 406)
            assert b"\r\nX-Evil" not in reply.raw
            assert reply.get("X-Evil") is None
    reply = server.ask(address("DESCRIBE <https://w3id.org/covalue/case/evil>", download="1"))
    assert reply.get("X-Evil") is None
    odd = server.ask("/case/evil%0d%0aX-Evil:%201", Accept="text/turtle")
    assert odd.status in (303, 404)


def percent_signs(server: Running) -> None:
    """Decoded once."""
    reply = server.query("SELECT ('%2541+%20' AS ?x) {}", "text/csv")
    assert "x\r\n%2541+%20\r\n" == reply.text


def not_utf8(server: Running) -> None:
    """Said, and not guessed."""
    for reply in (
        server.ask("/sparql?query=ASK%7B%7D%20%23%ff"),
        server.direct(b"ASK {} # \xff"),
        server.direct("ASK {}".encode("utf-16")),
        server.ask("/sparql", "POST", b"query=ASK%7B%7D%20%23%ff", Content_Type="application/x-www-form-urlencoded"),
    ):
        assert 400 == reply.status
        assert "UTF-8" in reply.json["detail"]


# --- each guard, standing and taken away


def off(kind: str, *names: str) -> dict[str, Any]:
    return {kind: {**(PATIENCE if kind == "patience" else {}), "off": names}}


GUARDS: dict[str, tuple[Attack, dict[str, Any]]] = {
    "deadline": (endless, off("limits", "deadline", "watch")),
    "cancel": (hang_up, off("limits", "cancel")),
    "rows": (many_rows, off("limits", "rows")),
    "size": (giant, off("limits", "size")),
    "body and address": (giant, {"patch": ["any_size"]}),
    "parameters": (parameters, {"patch": ["any_number"]}),
    "errors of the server below": (headers, {"patch": ["bare_errors"]}),
    "chunks": (chunks_without_end, {"patch": ["any_size"]}),
    "header in time": (slow_header, off("patience", "request")),
    "body in time": (slow_body, off("patience", "request")),
    "anything in time": (silent_client, off("patience", "request")),
    "fetched in time": (slow_reader, off("patience", "drain")),
    "cut answers have no end": (many_rows, {"patch": ["as_if_whole"]}),
    "room for answers": (hoarders, off("patience", "waiting", "drain") | {"limits": {"seconds": 600}}),
    "queue": (full_queue, off("limits", "queue")),
    "updates": (updates, off("limits", "guard")),
    "escapes": (markup, {"patch": ["no_escapes"]}),
    "line ends in headers": (header_splitting, {"patch": ["echoed"]}),
    "decoded once": (percent_signs, {"patch": ["decoded_twice"]}),
    "utf-8": (not_utf8, {"patch": ["any_bytes"]}),
}


KINDS: dict[Attack, str] = {endless: "tight", **dict.fromkeys((slow_header, slow_body, silent_client, slow_reader, hoarders), "impatient")}


@pytest.mark.parametrize("attack", list(dict.fromkeys(a for a, _ in GUARDS.values())), ids=lambda a: a.__name__)
def test_attack_fails(guarded: Callable[[str], Running], attack: Attack) -> None:
    """And everybody else is served."""
    server = guarded(KINDS.get(attack, "roomy"))
    attack(server)
    well(server)


@pytest.mark.parametrize("guard", GUARDS)
def test_attack_succeeds_without_the_guard(data: Path, guard: str) -> None:
    """So it is this guard that holds it."""
    attack, mutation = GUARDS[guard]
    more = TIGHT if KINDS.get(attack) == "tight" else ROOMY
    with serving("--data", data, mutation=mutation, ceiling=HURRIED, **more) as server, pytest.raises((AssertionError, OSError)):
        attack(server)


def test_connections_of_one_client(data: Path) -> None:
    """With the share, others come in; without it, they wait."""
    few = {"connections": 80, "each": 40, "header_seconds": 100.0}
    with serving("--data", data, mutation={"patience": few}) as server:
        connections(server)
    with serving("--data", data, mutation={"patience": {**few, "off": ["each"]}}, ceiling=HURRIED) as server, pytest.raises((AssertionError, OSError)):
        connections(server)


def test_many_files(data: Path) -> None:
    """The way in which the server waits for sockets has no number at which it ends."""
    import resource

    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 4096:
        pytest.skip("the system allows too few open files")
    many = {"connections": 1500, "each": 40, "header_seconds": 100.0}
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, soft[1]))
    try:
        with serving("--data", data, mutation={"patience": many}) as server:
            many_files(server)
        with serving("--data", data, mutation={"patience": many, "patch": ["select_only"]}) as server, pytest.raises((AssertionError, OSError)):
            many_files(server)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, soft)


def test_shares(data: Path) -> None:
    """One client's flood is not felt by the next; without shares it is. Behind a proxy the same holds by what the proxy says."""
    more = {**TIGHT, "COVALUE_CACHE": "0", "COVALUE_SECONDS": "1"}
    plain: dict[str, Any] = {"limits": {"quick": 3, "heavy": 1}}
    without = {"limits": {"quick": 3, "heavy": 1, "off": ["share", "lanes", "queue", "nice"]}}
    with serving("--data", data, mutation=plain, **more) as server:
        crowding(server)
    with serving("--data", data, mutation=without, ceiling=HURRIED, **more) as server, pytest.raises((AssertionError, OSError)):
        crowding(server)
    with serving("--data", data, "--proxies", "1", mutation=plain, **more) as server:
        crowding_by_proxy(server)


def test_who_asks_is_said_by_the_stated_number_of_proxies(data: Path) -> None:
    """With none, X-Forwarded-For counts for nothing; with one, the last entry counts; a wrong number is what lets a client be anybody."""
    floods = {"limits": {"quick": 2, "heavy": 1, "client_queue": 1, "client_heavy_queue": 1, "quick_seconds": 50.0}}
    for proxies, forwarded, refused in ((0, "198.51.100.{n}", True), (1, "198.51.100.{n}, 203.0.113.1", True), (2, "198.51.100.{n}, 203.0.113.1", False)):
        with serving("--data", data, "--proxies", str(proxies), mutation=floods, **ROOMY) as server, contextlib.ExitStack() as stack:
            asked = [stack.enter_context(server.connect()) for _ in range(6)]
            for n, connection in enumerate(asked):
                header = f"Host: x\r\nX-Forwarded-For: {forwarded.format(n=n)}"
                connection.sendall(request_bytes(f"{ENDLESS} LIMIT {n + 1}").replace(b"Host: x", header.encode()))
            with contextlib.nullcontext() if refused else pytest.raises(AssertionError, match="nobody is refused"):
                first_refusal(server, asked)


def test_ways_out(server: Running, data: Path, canary: Canary) -> None:
    """Held twice: by the look at the text, and by workers that cannot open anything; without both, the canary is heard."""
    ways_out(server, canary)
    with serving("--data", data, mutation=off("limits", "guard"), **TIGHT) as only_workers:
        for pattern in OUT:
            if "SERVICE" in pattern.upper():
                only_workers.query(pattern.replace("U>", f"http://127.0.0.1:{canary.port}/>"))
        assert 0 == canary.seen
    with serving("--data", data, mutation=off("limits", "network"), **TIGHT) as only_text:
        ways_out(only_text, canary)
    with serving("--data", data, mutation=off("limits", "guard", "network"), **TIGHT) as open_to_all, pytest.raises(AssertionError):
        ways_out(open_to_all, canary)
    assert canary.seen


# --- RDF/XML that an operator serves

HEAD = '<?xml version="1.0"?><!DOCTYPE r [{}]><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://x/"><rdf:Description rdf:about="http://x/a"><e:p>{}</e:p></rdf:Description></rdf:RDF>'
BOMBS = {
    "nested": HEAD.format('<!ENTITY a0 "xxxxxxxxxx">' + "".join(f'<!ENTITY a{i + 1} "{f"&a{i};" * 10}">' for i in range(7)), "&a7;"),
    "long": HEAD.format(f'<!ENTITY a "{"x" * 100_000}">', "&a;" * 500),
    "outside": HEAD.format('<!ENTITY a SYSTEM "file:///etc/passwd">', "&a;"),
    "parameter": HEAD.format('<!ENTITY % a "x">', "x"),
    "late": "<!-- " + "x" * 1_100_000 + " -->" + HEAD.format('<!ENTITY a0 "xxxxxxxxxx"><!ENTITY a1 "&a0;&a0;">', "&a1;")[21:],
}


@pytest.mark.parametrize("name", BOMBS)
def test_entities(tmp_path: Path, name: str) -> None:
    """Refused with the file's name, before anything is expanded."""
    path = tmp_path / "bomb.rdf"
    path.write_text(BOMBS[name], encoding="utf-8")
    result = run("serve", "--data", path, "--port", "0")
    assert 2 == result.returncode
    assert "bomb.rdf" in result.stderr
    assert re.search("[\u4e00-\u9fff]", result.stderr)


def test_entities_without_the_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kilobyte becomes ten megabytes."""
    path = tmp_path / "bomb.rdf"
    path.write_text(BOMBS["nested"].replace("a7", "a6"), encoding="utf-8")
    assert path.stat().st_size < 2000
    monkeypatch.setattr(oxigraph, "check_entities", lambda *_: None)
    store = oxigraph.OxigraphStore.from_files([path])
    assert b"10000000" in store.answer(Request("SELECT (STRLEN(?o) AS ?n) { ?s ?p ?o }"), lambda s: choose(s, None)).body


def test_short_names_of_namespaces_stay(tmp_path: Path) -> None:
    """As ontology editors write them."""
    path = tmp_path / "good.owl"
    path.write_text(HEAD.format('<!ENTITY owl "http://www.w3.org/2002/07/owl#" >', "&owl;Thing &amp; more"), encoding="utf-8")
    with serving("--data", path) as server:
        assert "http://www.w3.org/2002/07/owl#Thing & more" in server.query("SELECT ?o { ?s ?p ?o }", "text/csv").text
