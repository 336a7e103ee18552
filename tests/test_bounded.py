"""Queries in killable workers: the answers are those of the engine, every query ends, and none is felt by another."""

from __future__ import annotations

import contextlib
import errno
import gc
import hashlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import pytest

from covalue.errors import CovalueError, FormatError, QueryError, RefusedError, SourceError, StoreError
from covalue.formats import FORMATS, Shape, by_name, choose, offered
from covalue.manifest import GraphInfo, Manifest, write_manifest
from covalue.stores import Request, Store
from covalue.stores import bounded as bounded_module
from covalue.stores.bounded import BoundedStore
from covalue.stores.gate import Gate, Lane, Ticket
from covalue.stores.limits import MB, Cancel, DeadlineError, Limits, OverloadedError, TextLimits, TooLargeError, check_size
from covalue.stores.oxigraph import OxigraphStore
from covalue.stores.processes import LOW_PRIORITY, MIMALLOC, Forker, Worker, allocator
from covalue.stores.rows import RowCounter
from covalue.stores.spool import Stream
from processes import at_work, children, resident

HOSTILE = Path(__file__).resolve().parent / "hostile"
SUBJECTS = 1500
SMALL = "SELECT ?o { <http://x/s7> <http://x/label> ?o }"
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
DOUBLING = (
    'SELECT (STRLEN(?z) AS ?n) { BIND("' + "a" * 64 + '" AS ?s0) ' + " ".join(f"BIND(CONCAT(?s{i}, ?s{i}) AS ?s{i + 1})" for i in range(24)) + " BIND(CONCAT(?s24, ?s23) AS ?z) }"
)
TIGHT = Limits(seconds=60.0, memory=256 * MB, rows=100_000, bytes=20 * MB, quick=3, heavy=1)
"""So much time that no query ends by it, however busy the machine: where that is the point, a test says how much."""
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


def pick(shape: Shape) -> object:
    """The first format of each shape."""
    return choose(shape, None)


def picks(name: str) -> Callable[[Shape], object]:
    """A format by name, for whatever shape."""
    return lambda shape: by_name(name, shape)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artefact of two graphs, of which one is in the default graph."""
    out = tmp_path_factory.mktemp("artefact")
    lines = [f"<http://x/s{i}> <http://x/next> <http://x/s{i + 1}> <http://x/g> .\n" for i in range(SUBJECTS)]
    lines += [f'<http://x/s{i}> <http://x/label> "number {i} 号 }},{{ \\" \\n <"@zh <http://x/g> .\n' for i in range(SUBJECTS)]
    lines.append('<http://x/shape> <http://x/label> "shape" <http://x/shapes> .\n')
    data = "".join(lines).encode()
    (out / "covalue-test.nq").write_bytes(data)
    graphs = (GraphInfo("http://x/g", "case", True, 2 * SUBJECTS), GraphInfo("http://x/shapes", "shapes", False, 1))
    write_manifest(out, Manifest(hashlib.sha256(data).hexdigest(), "f", "0", "covalue-test.nq", graphs))
    return out


@pytest.fixture(scope="module")
def plain(folder: Path) -> OxigraphStore:
    """The same data in this process: what answers must be."""
    return OxigraphStore.open(folder)


@pytest.fixture(scope="module")
def bounded(folder: Path) -> Iterator[BoundedStore]:
    """With room for everything that is not hostile."""
    with BoundedStore.open(folder, TIGHT) as store:
        yield store


@contextlib.contextmanager
def opened(folder: Path, *off: str, **changes: object) -> Iterator[BoundedStore]:
    """A store with some limits changed and some guards taken away."""
    with BoundedStore.open(folder, replace(TIGHT, off=frozenset(off), **changes)) as store:  # type: ignore[arg-type]
        yield store


def run(store: BoundedStore, query: str, **more: object) -> Stream:
    return store.stream(Request(query), pick, **more)  # type: ignore[arg-type]


def outcome(store: BoundedStore, query: str, **more: object) -> tuple[str, float]:
    """What a query ends in, by name, and after how many seconds."""
    start = time.monotonic()
    try:
        with run(store, query, **more):
            found = "fine"
    except CovalueError as e:
        found = type(e).__name__
    return found, time.monotonic() - start


@contextlib.contextmanager
def going(store: BoundedStore, *queries: str) -> Iterator[list[str]]:
    """Queries that run in threads of their own until the block ends; gives what they have ended in so far."""
    stop, found = threading.Event(), list[str]()
    threads = [in_thread(lambda q=q: found.append(outcome(store, q, cancel=stop.is_set)[0])) for q in queries]  # type: ignore[misc]
    try:
        yield found
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def ours() -> set[int]:
    """The processes of our stores; a session may have other children too, such as engines that are shared by tests."""
    found = set()
    for pid in children(os.getpid()):
        with contextlib.suppress(OSError):
            if b"covalue.stores.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
    return found


def workers() -> set[int]:
    """Those that our zygotes have forked."""
    mine = ours()
    return {p for z in mine for p in children(z) & mine}


def in_thread(function: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=function)
    thread.start()
    return thread


# --- answers ----------------------------------------------------------------------------------------------------------------------

QUERIES = {
    "select": "SELECT ?s ?o { ?s <http://x/label> ?o } ORDER BY ?s",
    "ask": "ASK { ?s ?p 'nothing' }",
    "construct": "CONSTRUCT { <http://x/s7> ?p ?o } WHERE { <http://x/s7> ?p ?o }",
    "describe": "DESCRIBE <http://x/s7>",
    "count": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }",
    "named": "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g ORDER BY ?g",
    "from": "SELECT * FROM <http://x/shapes> { ?s ?p ?o }",
    "comment before": "# ASK or CONSTRUCT?\nPREFIX select: <http://x/> SELECT * { select:s7 select:label ?o }",
}


def test_is_a_store(bounded: BoundedStore, plain: OxigraphStore) -> None:
    """It keeps the contract, names the same version, and knows the same graphs."""
    store: Store = bounded
    assert (plain.version, plain.graphs()) == (store.version, store.graphs())
    assert bounded.manifest == plain.manifest


@pytest.mark.parametrize("name", [n for f in FORMATS for n in f.names[:1]])
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_same_answer(bounded: BoundedStore, plain: OxigraphStore, query: str, name: str) -> None:
    """In every format the answer, or the error, is that of the store in this process."""

    def ask(store: Store) -> object:
        try:
            return store.answer(Request(query), lambda shape: choose(shape, "application/x-none", [name]))
        except CovalueError as e:
            return type(e), str(e)

    ours, expected = ask(bounded), ask(plain)
    if isinstance(ours, tuple) or isinstance(expected, tuple):
        assert expected == ours
    else:
        assert (expected.shape, expected.format) == (ours.shape, ours.format)
        assert sorted(expected.body.splitlines()) == sorted(ours.body.splitlines()) or len(expected.body) == len(ours.body)


@pytest.mark.parametrize(
    "query", ["SELEC * {}", "SELECT * { ?s ?p", "", "  # nothing\n", "vcc:x", "SELECT * { ?s nope:p ?o }", "DROP ALL", "SELECT * { SERVICE ?s {} }", "about", "R"]
)
def test_same_error(bounded: BoundedStore, plain: OxigraphStore, query: str) -> None:
    """A faulty query gets the same words and place, and no format is asked for it."""

    def never(shape: Shape) -> object:
        raise AssertionError(shape)

    with pytest.raises(CovalueError) as expected:
        plain.answer(Request(query), never)  # type: ignore[arg-type]
    with pytest.raises(CovalueError) as ours:
        bounded.answer(Request(query), pick)  # type: ignore[arg-type]
    assert (type(expected.value), str(expected.value)) == (type(ours.value), str(ours.value))


def test_fault_of_the_query_comes_before_the_format(bounded: BoundedStore) -> None:
    """Where both the text and the wish are wrong, the text is spoken of; a wrong wish alone is passed on, and costs no worker."""

    def refuse(shape: Shape) -> object:
        raise FormatError(f"no {shape.value}")

    with pytest.raises(QueryError):
        bounded.answer(Request("SELECT * {"), refuse)  # type: ignore[arg-type]
    before = ours()
    for query, word in (("SELECT * {}", "bindings"), ("ASK {}", "boolean"), ("DESCRIBE <http://x/s7>", "graph")):
        with pytest.raises(FormatError, match=word):
            bounded.answer(Request(query), refuse)  # type: ignore[arg-type]
    assert ours() <= before  # one that an earlier query has ended may have gone meanwhile


def test_dataset_of_the_protocol(bounded: BoundedStore, plain: OxigraphStore) -> None:
    """Default and named graphs of the request reach the engine; a name that is no IRI is refused here."""
    request = Request("SELECT * { ?s ?p ?o }", ("http://x/shapes",), ())
    assert plain.answer(request, pick).body == bounded.answer(request, pick).body  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="not an absolute IRI"):
        bounded.answer(Request("ASK {}", ("no iri",)), pick)  # type: ignore[arg-type]


def test_many_threads(bounded: BoundedStore) -> None:
    """Each of many threads gets its own answers."""
    wrong: list[object] = []

    def ask(number: int) -> None:
        for i in range(number, number + 40):
            body = bounded.answer(Request(f"SELECT ?o {{ <http://x/s{i}> <http://x/next> ?o }}"), picks("csv")).body  # type: ignore[arg-type]
            if f"o\r\nhttp://x/s{i + 1}\r\n".encode() != body:
                wrong.append(body)

    for thread in [in_thread(lambda n=n: ask(n)) for n in range(0, 160, 10)]:  # type: ignore[misc]
        thread.join()
    assert [] == wrong


def test_spawned(folder: Path, plain: OxigraphStore) -> None:
    """Where a fork is not safe, workers are started anew; they answer and end the same."""
    with BoundedStore.open(folder, TIGHT, method="spawn") as store:
        assert plain.answer(Request(SMALL), pick).body == store.answer(Request(SMALL), pick).body  # type: ignore[arg-type]
        assert "DeadlineError" == outcome(store, ENDLESS, seconds=0.6)[0]
        assert "fine" == outcome(store, SMALL)[0]
    with pytest.raises(StoreError, match="no dataset"):
        BoundedStore.open(folder / "none", method="spawn")


def test_on_disk(folder: Path, plain: OxigraphStore) -> None:
    """A large dataset is opened from a store beside the artefact, made once, with the same default graph."""
    for _ in range(2):
        with BoundedStore.open(folder, replace(TIGHT, disk_triples=10)) as store:
            for query in (QUERIES["count"], QUERIES["named"], QUERIES["select"]):
                assert plain.answer(Request(query), pick).body == store.answer(Request(query), pick).body  # type: ignore[arg-type]
            assert (plain.version, plain.graphs()) == (store.version, store.graphs())
            assert "DeadlineError" == outcome(store, ENDLESS, seconds=0.6)[0]
    assert 1 == len(list(folder.glob("covalue-*.store")))


def test_on_disk_where_nothing_can_be_written(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store that somebody else has made there will do (say, in a volume that a container may only read); where there is none, it is said why."""
    limits = replace(TIGHT, disk_triples=10)
    here = tmp_path / "here"
    shutil.copytree(folder, here, ignore=shutil.ignore_patterns("*.store"))
    BoundedStore.open(here, limits).close()
    monkeypatch.setattr("covalue.stores.snapshot.FileLock", unwritable)
    with BoundedStore.open(here, limits) as store:
        assert "fine" == outcome(store, SMALL)[0]
    shutil.rmtree(next(here.glob("covalue-*.store")))
    with pytest.raises(StoreError, match=r"cannot write to .*Read-only"):
        BoundedStore.open(here, limits)


def unwritable(path: Path) -> NoReturn:
    """In place of a lock on a file."""
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))


def test_cannot_open(tmp_path: Path) -> None:
    """What keeps the dataset from opening is said in the words of the store, with place, and no process stays."""
    before = ours()
    with pytest.raises(StoreError, match="no dataset"):
        BoundedStore.open(tmp_path)
    broken = tmp_path / "broken.ttl"
    broken.write_text("<a> <b>\n <c> <d>")
    with pytest.raises(SourceError, match=r"broken\.ttl:2"):
        BoundedStore.from_files([broken])
    wait_for(lambda: ours() <= before)


def test_files(tmp_path: Path) -> None:
    """RDF files can be served too."""
    path = tmp_path / "a.ttl"
    path.write_text("<http://x/a> <http://x/b> 'c' .")
    with BoundedStore.from_files([path], TIGHT) as store:
        assert b"c\r\n" in store.answer(Request("SELECT ?c { ?a ?b ?c }"), picks("csv")).body  # type: ignore[arg-type]


def test_closed(folder: Path) -> None:
    """A closed store says so, ends what runs, and leaves no process."""
    before = ours()
    store = BoundedStore.open(folder, TIGHT)
    with going(store, ENDLESS) as found:
        wait_for(lambda: store.counts()["quick_running"] == 1)
        time.sleep(0.1)
        store.close()
        wait_for(lambda: bool(found))
    assert found[0] in ("StoreError", "TooLargeError", "CrashError")
    with pytest.raises(StoreError, match="closed"):
        run(store, SMALL)
    store.close()
    wait_for(lambda: ours() <= before)


# --- hostile queries --------------------------------------------------------------------------------------------------------------

ENDS = {
    "seconds": DeadlineError,
    "memory": TooLargeError,
    "rows": TooLargeError,
    "bytes": TooLargeError,
    "size": QueryError,
    "refused": RefusedError,
}


@dataclass(frozen=True)
class Hostile:
    """A query of `tests/hostile/`: `#+ expect:` names the ends that it may have; `⟦…⟧` is repeated `#+ fill:` times, § and ¶ count from 0 and 1."""

    expect: tuple[str, ...]
    text: str


def hostile(path: Path) -> Hostile:
    raw = path.read_text(encoding="utf-8")
    header = dict(re.findall(r"^#\+ (\w+): (.*)$", raw, re.M))
    text = re.sub(r"^#\+.*\n", "", raw, flags=re.M)
    times = range(int(header.get("fill", "1")))
    text = re.sub("⟦(.*?)⟧", lambda m: "".join(m.group(1).replace("§", str(i)).replace("¶", str(i + 1)) for i in times), text, flags=re.S)
    return Hostile(tuple(header["expect"].split()), text)


@pytest.fixture(scope="module")
def unwatched(folder: Path) -> Iterator[BoundedStore]:
    """Workers do not end themselves: what the service has not ended goes on."""
    with opened(folder, "watch") as store:
        yield store


@pytest.mark.parametrize("path", sorted(HOSTILE.glob("*.rq")), ids=lambda p: p.stem)
def test_hostile(unwatched: BoundedStore, path: Path) -> None:
    """Each ends as foretold and in time, with both sentences; the next query is answered, and nothing goes on in the background."""
    case, store = hostile(path), unwatched
    error: CovalueError | None = None
    start, spent = time.monotonic(), time.thread_time()
    try:
        run(store, case.text, seconds=1.0 if "seconds" in case.expect else None).close()
    except CovalueError as e:
        error = e
    took, spent = time.monotonic() - start, time.thread_time() - spent
    assert "fine" in case.expect if error is None else isinstance(error, tuple(ENDS[e] for e in case.expect if e in ENDS)), (error, took)
    assert took < 30
    assert spent < 1
    if error is not None:
        assert error.en != error.zh
        assert any("\u4e00" <= c for c in error.zh)
    if "size" in case.expect:
        assert isinstance(error, QueryError)
        assert error.place is not None
        assert error.place.line is not None
    assert "fine" == outcome(store, SMALL)[0]
    if sys.platform == "linux":
        wait_for(lambda: not at_work(ours()))


@pytest.mark.parametrize("path", [p for p in sorted(HOSTILE.glob("*.rq")) if "size" in hostile(p).expect], ids=lambda p: p.stem)
def test_hostile_without_the_size_guard(folder: Path, path: Path) -> None:
    """What the size guard would let through is still held by deep stack and deadline: no query brings the service down."""
    with opened(folder, "size") as store:
        found, took = outcome(store, hostile(path).text, seconds=0.8)
        assert took < 30
        assert found in ("fine", "DeadlineError", "TooLargeError", "CrashError", "QueryError")
        assert "fine" == outcome(store, SMALL)[0]


# --- each guard, standing and taken away ------------------------------------------------------------------------------------------


def test_deadline(folder: Path) -> None:
    """The deadline ends a query; without it the query still runs long after."""
    with opened(folder, "watch", seconds=0.4) as store:
        assert "DeadlineError" == outcome(store, ENDLESS)[0]
    with opened(folder, "deadline", "watch", seconds=0.4) as store:
        end = time.monotonic() + 2
        found, took = outcome(store, ENDLESS, cancel=lambda: time.monotonic() > end)
        assert ("CancelledError", True) == (found, took > 1.9)


def test_worker_ends_itself(folder: Path) -> None:
    """Should the service not end a query, its worker does, a little later."""
    with opened(folder, "deadline", seconds=0.3) as store:
        found, took = outcome(store, ENDLESS)
        assert ("DeadlineError", True) == (found, took > 1.2)


def test_caller_may_ask_for_less_time(folder: Path) -> None:
    """A shorter deadline holds; a longer one than that of the limits does not."""
    with opened(folder, seconds=0.5) as store:
        for asked, holds in ((0.2, "0.2"), (100, "0.5")):
            with pytest.raises(DeadlineError, match=f"longer than {holds} s"):
                run(store, ENDLESS, seconds=asked)


def test_cancel(folder: Path) -> None:
    """A client that goes stops the work, however much time is left; without the look at it, the deadline has to."""
    for off, seconds, expected in (((), 600.0, "CancelledError"), (("cancel",), 1.0, "DeadlineError")):
        with opened(folder, *off, seconds=seconds) as store:
            with going(store, ENDLESS) as found:
                wait_for(lambda: store.counts()["quick_running"] == 1 or bool(found))
            assert [expected] == found
            if sys.platform == "linux":
                wait_for(lambda: not at_work(ours()))


@linux
@pytest.mark.parametrize("lookahead", [1, 0], ids=["seen", "not looked for"])
def test_client_hangs_up(folder: Path, lookahead: int) -> None:
    """Behind waitress a client that hangs up before the first byte stops the work; only where the server looks ahead does it notice."""
    from waitress.server import create_server

    ends: list[str] = []
    with opened(folder, seconds=600.0 if lookahead else 1.0) as store:

        def application(environ: dict[str, object], start: Callable[..., object]) -> list[bytes]:
            ends.append(outcome(store, ENDLESS, cancel=environ["waitress.client_disconnected"])[0])
            start("200 OK", [("Content-Length", "0")])
            return [b""]

        server = create_server(application, host="127.0.0.1", port=0, threads=2, channel_request_lookahead=lookahead)
        thread = in_thread(server.run)
        with socket.create_connection(("127.0.0.1", server.effective_port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_for(lambda: store.counts()["quick_running"] == 1 or bool(ends))
        wait_for(lambda: bool(ends))
        assert (["CancelledError"] if lookahead else ["DeadlineError"]) == ends
        wait_for(lambda: not at_work(ours()))
        server.close()
        server.task_dispatcher.shutdown()
        with contextlib.suppress(OSError):
            server.trigger.pull_trigger()
        thread.join(5)


def test_cancel_while_waiting(folder: Path) -> None:
    """A client that goes while it waits gives up its turn."""
    with opened(folder, quick=1, heavy=1, quick_seconds=900, crowded_seconds=900) as store, going(store, ENDLESS) as found:
        wait_for(lambda: store.counts()["quick_running"] == 1)
        assert "CancelledError" == outcome(store, SMALL, cancel=lambda: True)[0]
        assert (0, 1, []) == (store.counts()["quick_waiting"], store.counts()["quick_running"], found)


@pytest.mark.parametrize("name", ["json", "xml", "csv", "tsv"])
def test_rows(folder: Path, name: str) -> None:
    """An answer with a row too many is an error, one that just fits is whole; without the guard all rows come."""
    query = f"SELECT ?s ?none ?o {{ ?s <http://x/label> ?o }} LIMIT {1000}"
    for most, fits in ((1000, True), (999, False)):
        with opened(folder, rows=most) as store, contextlib.nullcontext() if fits else pytest.raises(TooLargeError, match="999 rows"):
            store.stream(Request(query), picks(name)).close()  # type: ignore[arg-type]
    with opened(folder, "rows", rows=999) as store:
        assert 1000 == store.answer(Request(query), picks(name)).body.count(b"number")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["json", "xml", "csv", "tsv"])
@pytest.mark.parametrize(
    "query",
    ["SELECT ?s ?o { ?s <http://x/label> ?o }", "SELECT ?none { ?s <http://x/label> ?o }", "SELECT ?o ?none { ?s ?p ?o }", "SELECT * {} LIMIT 0"],
)
def test_counter_is_exact(plain: OxigraphStore, query: str, name: str) -> None:
    """Rows are counted right in serialised bytes, in whatever pieces they come, also with quotes, breaks and brackets in values."""
    answer = plain.answer(Request(query), picks(name))  # type: ignore[arg-type]
    expected = len(plain.answer(Request(query), picks("tsv")).body.splitlines()) - 1  # type: ignore[arg-type]
    for size in (1, 7, 64, 8192, 10_000_000):
        counter = RowCounter(answer.format)
        for start in range(0, len(answer.body), size):
            rows = counter.feed(answer.body[start : start + size])
        assert rows == max(expected, 1 if name == "json" else 0)


@pytest.mark.parametrize("format", offered(Shape.GRAPH), ids=lambda f: f.names[0])
def test_counter_never_counts_too_much(plain: OxigraphStore, format: object) -> None:
    """In graphs no more rows are counted than there are statements."""
    body = plain.answer(Request("CONSTRUCT WHERE { ?s ?p ?o }"), lambda _: format).body  # type: ignore[arg-type,return-value]
    counter = RowCounter(format)  # type: ignore[arg-type]
    assert SUBJECTS // 2 <= counter.feed(body) <= 2 * SUBJECTS


def test_bytes(folder: Path) -> None:
    """An answer that is too long is an error, from the first byte too many; without the guard it comes whole."""
    query = "SELECT * { ?a ?b ?c . ?d ?e <http://x/s5> }"
    with opened(folder, bytes=20_000) as store:
        found, _ = outcome(store, query)
        assert "TooLargeError" == found
    with opened(folder, "bytes", bytes=20_000) as store, run(store, query) as stream:
        assert stream.read().endswith(b"}]}}")


@linux
@pytest.mark.parametrize("off", [(), ("memory",), ("rlimit",)], ids=["both", "RLIMIT_AS alone", "watch alone"])
def test_memory(folder: Path, off: tuple[str, ...]) -> None:
    """A query that eats memory ends, by the system's limit or by the worker's own look."""
    with opened(folder, *off, memory=100 * MB, quick_seconds=900) as store:
        assert "TooLargeError" == outcome(store, DOUBLING)[0]
        assert "fine" == outcome(store, SMALL)[0]


@linux
def test_memory_without_guards(folder: Path) -> None:
    """Without both looks the same query takes much more than its limit."""
    with opened(folder, "memory", "rlimit", memory=100 * MB, quick_seconds=900) as store, going(store, DOUBLING):
        wait_for(lambda: max(map(resident, ours()), default=0) > 400 * MB)


@linux
def test_large_worker_is_not_kept(folder: Path) -> None:
    """A worker that a query has left large is replaced; without that, it stays as large as it is."""
    fat = "SELECT ?x { ?a <http://x/next> ?b . ?d <http://x/next> ?e FILTER(REGEX(STR(?a), '[12]$')) BIND(CONCAT(STR(?a), STR(?d)) AS ?x) } ORDER BY ?x LIMIT 1"
    for off in ((), ("recycle",)):
        with opened(folder, *off, quick=1, seconds=300.0, quick_seconds=900) as store:

            def largest() -> int:
                return max(map(resident, workers()), default=0)

            def left_large() -> bool:
                assert "fine" == outcome(store, fat)[0]
                return largest() > 100 * MB

            if off:
                wait_for(left_large, 300)  # the allocator may have given back all, where the machine is so busy that it takes ten seconds
                time.sleep(1)
                assert largest() > 100 * MB
            else:
                left_large()
                wait_for(lambda: largest() < 100 * MB)
            assert "fine" == outcome(store, SMALL)[0]


def test_stack(folder: Path) -> None:
    """The engine's deep stack bears what kills it on an ordinary one: there the worker dies, and its query alone with it."""
    deep = "SELECT * " + "{" * 6000 + "}" * 6000
    with opened(folder, "size") as store:
        assert "fine" == outcome(store, deep)[0]
    with opened(folder, "size", "stack") as store:
        assert "CrashError" == outcome(store, deep)[0]
        assert "fine" == outcome(store, SMALL)[0]


def test_text_too_large(folder: Path) -> None:
    """The look at the text refuses with a place before any worker sees it; without it, a worker does."""
    nested = "SELECT *\n" + "{" * 200 + "}" * 200
    with opened(folder) as store, pytest.raises(QueryError, match=r"query:2:129: .*128 levels"):
        run(store, nested)
    with opened(folder, "size") as store:
        assert "fine" == outcome(store, nested)[0]


class Canary:
    """A server that notes who knocks."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self.knocks = 0
        self._thread = in_thread(self._run)

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.knocks += 1
                connection.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def canary() -> Iterator[Canary]:
    made = Canary()
    yield made
    made.close()


@linux
@pytest.mark.parametrize("disk", [False, True], ids=["memory", "disk"])
def test_network(folder: Path, canary: Canary, disk: bool) -> None:
    """SERVICE is refused in the text; past that, the worker can open no socket; without both, the engine knocks."""
    query = f"SELECT * {{ SERVICE <{canary.url}> {{ ?a ?b ?c }} }}"
    size = {"disk_triples": 10} if disk else {}
    with opened(folder, **size) as store:
        assert "RefusedError" == outcome(store, query)[0]
    with opened(folder, "guard", **size) as store:
        assert "StoreError" == outcome(store, query)[0]
        assert "fine" == outcome(store, f"SELECT * FROM <{canary.url}> {{ ?a ?b ?c }}")[0]
        assert "fine" == outcome(store, QUERIES["select"])[0]
        assert 0 == canary.knocks
    with opened(folder, "guard", "network", **size) as store:
        assert "StoreError" == outcome(store, query)[0]
        wait_for(lambda: canary.knocks > 0)


# --- places, turns and lanes ------------------------------------------------------------------------------------------------------


def test_full_queue_refuses_at_once(folder: Path) -> None:
    """Past the queue's length a query is refused at once, with the seconds after which to come again; without the guard it waits."""
    for off, patience in (((), 600.0), (("queue",), 0.5)):
        with opened(folder, *off, quick=1, heavy=1, queue=2, quick_seconds=900, crowded_seconds=900, wait_seconds=patience) as store, going(store, *[ENDLESS] * 3):
            wait_for(lambda: store.counts()["quick_waiting"] == 2)
            start = time.monotonic()
            with pytest.raises(OverloadedError) as caught:
                run(store, SMALL)
            assert (time.monotonic() - start >= patience) == bool(off)
            assert 1 <= caught.value.retry_after <= 60


def test_share_of_a_client(folder: Path) -> None:
    """One client cannot take all places of the quick lane, or of the queue; without shares it can."""
    for off in ((), ("share",)):
        gate = Gate(replace(TIGHT, quick=3, client_queue=2, wait_seconds=0.2, off=frozenset(off)))
        gate.enter(Ticket("a"))
        gate.enter(Ticket("a"))
        third = Ticket("a")
        with pytest.raises(OverloadedError) if not off else contextlib.nullcontext():
            gate.enter(third)
        with pytest.raises(OverloadedError) if off else contextlib.nullcontext():
            gate.enter(Ticket("b"))


def test_turns() -> None:
    """Clients take turns: one that comes late with one query does not wait for all of another's."""
    gate = Gate(replace(TIGHT, quick=1))
    first = Ticket("x")
    gate.enter(first)
    order: list[str] = []

    def ask(client: str) -> None:
        ticket = Ticket(client)
        gate.enter(ticket)
        order.append(client)
        gate.leave(ticket, 0.0)

    threads = []
    for number, client in enumerate("aaaab"):
        threads.append(in_thread(lambda c=client: ask(c)))  # type: ignore[misc]
        wait_for(lambda n=number: gate.counts()["quick_waiting"] == n + 1)  # type: ignore[misc]
    gate.leave(first, 0.0)
    for thread in threads:
        thread.join()
    assert "b" in order[:2]


def test_who_comes_to_a_full_lane_costs_no_look_at_those_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a crowd would keep the service busy with itself."""
    looks: list[str] = []
    eligible = Gate._eligible

    def counted(self: Gate, client: str, lane: Lane) -> bool:
        looks.append(client)
        return eligible(self, client, lane)

    gate = Gate(replace(TIGHT, quick=1, queue=64))
    first = Ticket("first")
    gate.enter(first)
    monkeypatch.setattr(Gate, "_eligible", counted)
    threads = []
    for number in range(40):
        threads.append(in_thread(lambda n=number: (gate.enter(t := Ticket(f"c{n}")), gate.leave(t, 0.0))))  # type: ignore[misc]
        wait_for(lambda n=number: gate.counts()["quick_waiting"] == n + 1)  # type: ignore[misc]
    gate.leave(first, 0.0)
    for thread in threads:
        thread.join()
    assert 0 == gate.counts()["quick_waiting"]
    assert len(looks) < 3 * len(threads)


@pytest.mark.parametrize("overran", [True, False])
def test_wasteful_client_leaves_the_last_place(overran: bool) -> None:
    """A client whose queries overran the quick lane does not get its last place, nor two; one that was just busy there does."""
    for places, others in ((2, 1), (4, 0)):
        gate = Gate(replace(TIGHT, quick=places, wait_seconds=0.2))
        spent = Ticket("spender")
        gate.enter(spent)
        gate.leave(spent, 5.0, overran)
        for _ in range(others):
            gate.enter(Ticket("other"))
        if not others:
            gate.enter(Ticket("spender"))
        with pytest.raises(OverloadedError) if overran else contextlib.nullcontext():
            gate.enter(Ticket("spender"))
        assert overran or places == 2 or gate.enter(Ticket("spender")) is None
        if overran:
            gate.enter(Ticket("newcomer"))


def test_waste_fades(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client has wasted is forgotten in half a minute."""
    gate = Gate(TIGHT)
    ticket = Ticket("a")
    gate.enter(ticket)
    gate.leave(ticket, 5.0, True)
    now = time.monotonic()
    assert gate.wasteful("a")
    monkeypatch.setattr("covalue.stores.gate.time.monotonic", lambda: now + 30)
    assert not gate.wasteful("a")


def test_memory_of_the_gate_is_bounded() -> None:
    """Any number of client addresses leaves a bounded trace."""
    gate = Gate(TIGHT)
    for number in range(10_000):
        ticket = Ticket(f"10.0.{number // 256}.{number % 256}")
        gate.enter(ticket)
        gate.leave(ticket, 0.1, True)
    assert len(gate._wasted) < 5000
    assert not any(gate._running.values())
    assert not any(gate.counts().values())


def test_demotion(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past its budget a query leaves the quick lane and runs on; its like goes to the heavy lane from the start."""
    with opened(folder, quick_seconds=0.2) as store:
        asked: list[Lane] = []
        enter = store._gate.enter

        def noted(ticket: Ticket, cancel: Cancel | None = None) -> None:
            asked.append(ticket.lane)
            enter(ticket, cancel)

        monkeypatch.setattr(store._gate, "enter", noted)
        for _ in range(2):
            with going(store, ENDLESS) as found:
                wait_for(lambda: (1, 0) == (store.counts()["heavy_running"], store.counts()["quick_running"]))
                assert [] == found
        assert [Lane.QUICK, Lane.HEAVY] == asked


def niceness() -> set[int]:
    """Of all threads of our workers."""
    found = set()
    for pid in ours():
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError):
                    found.add(os.getpriority(os.PRIO_PROCESS, int(task.name)))
    return found


@linux
@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="no priorities")
def test_heavy_queries_give_way(folder: Path) -> None:
    """A heavy query runs with low priority, and its worker is not used for quick ones again; without that it competes."""
    usual = {os.getpriority(os.PRIO_PROCESS, 0)}
    wait_for(lambda: niceness() <= usual)  # those of earlier tests have gone
    for off in ((), ("nice",)):
        with opened(folder, *off, quick_seconds=0.1) as store:
            with going(store, ENDLESS):
                wait_for(lambda: store.counts()["heavy_running"] == 1)
                if off:
                    time.sleep(0.3)
                    assert usual == niceness()
                else:
                    wait_for(lambda: LOW_PRIORITY in niceness())
            outcome(store, SMALL)
            wait_for(lambda: usual == niceness())


def quick_times(store: BoundedStore, seconds: float) -> list[float]:
    out = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        out.append(outcome(store, SMALL, client="10.0.0.1")[1])
        time.sleep(0.005)
    return sorted(out)


@pytest.mark.parametrize("clients", [1, 8], ids=["one client", "eight clients"])
def test_quick_beside_eight_hostile(folder: Path, clients: int) -> None:
    """Quick queries stay quick while eight endless ones are in, from one address or many, old or ever new; without lanes they do not."""
    for off in ((), ("lanes", "share")):
        with opened(folder, *off, seconds=3.0, client_queue=8) as store:
            stop = threading.Event()

            def attack(number: int) -> None:
                for i in range(100):
                    if stop.is_set():  # noqa: B023
                        return
                    with contextlib.suppress(CovalueError):
                        run(store, f"{ENDLESS}#{number}.{i}", client=f"10.9.9.{number % clients}", cancel=stop.is_set).close()  # noqa: B023

            threads = [in_thread(lambda n=n: attack(n)) for n in range(8)]  # type: ignore[misc]
            wait_for(lambda: sum(v for k, v in store.counts().items() if k.endswith(("running", "waiting"))) >= 4)
            time.sleep(0.5)
            times = quick_times(store, 2.0)
            stop.set()
            for thread in threads:
                thread.join()
            good = statistics.median(times) < 0.5 and times[int(len(times) * 0.9)] < 1
            assert good == (not off), (len(times), times[len(times) // 2], times[-5:])


# --- long answers -----------------------------------------------------------------------------------------------------------------


def test_spool(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A long answer waits in a file that has no name; reading, closing or forgetting the answer gives its room back."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    query = "SELECT * { ?a ?b ?c }"
    with opened(folder, spool_bytes=10_000) as store:
        for use in (lambda s: s.close(), lambda s: s.read(), lambda s: list(s), lambda s: next(iter(s))):
            stream = run(store, query)
            assert stream.on_disk
            assert stream.size == store.counts()["spooled_bytes"] > 10_000
            use(stream)  # type: ignore[no-untyped-call]
            del stream
            assert 0 == store.counts()["spooled_bytes"]
        with run(store, query) as stream:
            assert stream.size == len(b"".join(stream))
        assert not run(store, SMALL).on_disk
    assert [] == list(tmp_path.iterdir())


def test_spool_is_bounded(folder: Path) -> None:
    """When the files of waiting answers are full, a further long answer is refused, a short one is not."""
    with opened(folder, spool_bytes=10_000, spool_total=600_000) as store:
        kept = run(store, "SELECT * { ?a ?b ?c }")
        with pytest.raises(OverloadedError):
            run(store, "SELECT * { ?a ?b ?c }")
        assert "fine" == outcome(store, SMALL)[0]
        kept.close()
        assert 0 == store.counts()["spooled_bytes"]
        run(store, "SELECT * { ?a ?b ?c }").close()


def test_no_room_for_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A temporary folder that cannot be written is a clear error, and the worker lives on or is replaced."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with opened(folder, spool_bytes=10_000) as store:
        with pytest.raises(StoreError, match="temporary folder"):
            run(store, "SELECT * { ?a ?b ?c }")
        assert "fine" == outcome(store, SMALL)[0]
        assert {0} == {v for k, v in store.counts().items() if k.endswith(("running", "waiting"))}


@linux
def test_memory_is_flat(folder: Path) -> None:
    """A long answer takes no memory in the service, nor do many small ones."""
    with opened(folder, rows=2_000_000, bytes=500 * MB, seconds=300.0) as store:
        query = "SELECT ?a ?f { ?a <http://x/next> ?c . ?d <http://x/next> ?f } LIMIT 400000"
        run(store, query).close()
        before = resident(os.getpid())
        with run(store, query) as stream:
            assert stream.size > 30 * MB
            assert stream.size == sum(map(len, stream))
        for _ in range(300):
            run(store, SMALL).close()
        assert resident(os.getpid()) - before < 20 * MB


# --- deaths -----------------------------------------------------------------------------------------------------------------------


@linux
@pytest.mark.parametrize(("number", "expected"), [(11, "CrashError"), (6, "TooLargeError"), (9, "CrashError"), (15, "CrashError")], ids=["SEGV", "ABRT", "KILL", "TERM"])
def test_worker_dies(folder: Path, number: int, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies under a query is an error of that query alone; others go on, and the next is answered."""
    monkeypatch.setattr(bounded_module, "AGAIN_SECONDS", 0.0)
    with opened(folder, seconds=600.0, quick_seconds=900) as store, going(store, ENDLESS) as first:
        wait_for(lambda: len(at_work(workers())) == 1)
        victim = at_work(workers()).pop()
        with going(store, ENDLESS) as second:
            wait_for(lambda: len(at_work(workers())) == 2)
            os.kill(victim, number)
            wait_for(lambda: bool(first))
            assert [expected] == first
            assert "fine" == outcome(store, SMALL)[0]
            assert [] == second
        assert ["CancelledError"] == second


@linux
def test_idle_worker_dies(folder: Path) -> None:
    """Workers that died while nobody used them are noticed, and no query is lost to them."""
    with opened(folder) as store:
        for _ in range(3):
            outcome(store, SMALL)
            for pid in workers():
                os.kill(pid, 9)
            wait_for(lambda: not workers())
            assert "fine" == outcome(store, SMALL)[0]


CONTINUE, STOP = 18, 19
"""Signals, by their numbers on Linux."""


@contextlib.contextmanager
def dying(monkeypatch: pytest.MonkeyPatch, number: int, times: int, frames: int = 0) -> Iterator[list[int]]:
    """Workers that get a signal once they hold a question, or have sent so many frames of the answer; gives those that have been asked."""
    asked, heard = list[int](), Counter[int]()
    send, receive = Worker.send, Worker.receive

    def end(worker: Worker) -> None:
        os.kill(worker.pid, number)
        os.kill(worker.pid, CONTINUE)

    def sending(worker: Worker, data: bytes) -> None:
        asked.append(worker.pid)
        now = len(asked) <= times and not frames
        if now:
            os.kill(worker.pid, STOP)
            wait_for(lambda: all(state(worker.pid, task.name) in "TZ" for task in Path(f"/proc/{worker.pid}/task").iterdir()))
        send(worker, data)
        if now:
            end(worker)

    def receiving(worker: Worker) -> bytes:
        frame = receive(worker)
        heard[worker.pid] += asked.count(worker.pid)
        if frames and heard[worker.pid] == frames:
            end(worker)
        return frame

    with monkeypatch.context() as patched:
        patched.setattr(Worker, "send", sending)
        patched.setattr(Worker, "receive", receiving)
        yield asked


def state(pid: int, task: str) -> str:
    """Of a thread, as the kernel names it."""
    return Path(f"/proc/{pid}/task/{task}/stat").read_text().rpartition(")")[2].split()[0]


@linux
@pytest.mark.parametrize("number", [9, 15], ids=["KILL", "TERM"])
@pytest.mark.parametrize("lane", ["quick", "heavy"])
def test_worker_dies_as_it_is_asked(folder: Path, number: int, lane: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker ended from outside as it is asked costs nobody an answer: another one is asked, in the same lane."""
    monkeypatch.setattr(bounded_module, "AGAIN_SECONDS", 600.0)
    with opened(folder, quick_seconds=900) as store:
        if lane == "heavy":
            store._heavy.add(Request(SMALL))
        with dying(monkeypatch, number, times=1) as asked:
            assert "fine" == outcome(store, SMALL)[0]
        assert 2 == len(set(asked)) == len(asked)
        assert 1 == store.counts()["asked_again"]
        assert "fine" == outcome(store, SMALL)[0]
        idle = {"quick_running": 0, "heavy_running": 0, "workers": 1}
        wait_for(lambda: idle.items() <= store.counts().items())


@linux
@pytest.mark.parametrize(
    ("number", "expected", "soon", "times", "frames", "asked"),
    [
        (9, "CrashError", 600.0, 9, 0, 2),
        (9, "CrashError", 0.0, 1, 0, 1),
        (9, "CrashError", 600.0, 1, 1, 1),
        (11, "CrashError", 600.0, 1, 0, 1),
        (6, "TooLargeError", 600.0, 1, 0, 1),
    ],
    ids=["twice", "later", "under its answer", "SEGV", "ABRT"],
)
def test_lost_all_the_same(folder: Path, number: int, expected: str, soon: float, times: int, frames: int, asked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked a third time, nor again what may have ended its worker itself, nor what has begun to come."""
    monkeypatch.setattr(bounded_module, "AGAIN_SECONDS", soon)
    with opened(folder, quick_seconds=900) as store:
        with dying(monkeypatch, number, times, frames) as found:
            assert expected == outcome(store, "SELECT * { ?a ?b ?c . ?d ?e ?f }" if frames else SMALL)[0]
        assert asked == len(found)
        assert "fine" == outcome(store, SMALL)[0]


@linux
def test_worker_dies_before_it_is_ready(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was started ahead of need and died before its dataset was open is passed over."""
    start, stopped = Forker.start, list[int]()

    def starting(forker: Forker) -> Worker:
        worker = start(forker)
        if not stopped:
            os.kill(worker.pid, 9)
            stopped.append(worker.pid)
        return worker

    with opened(folder, quick_seconds=900) as store:
        with monkeypatch.context() as patched:
            patched.setattr(Forker, "start", starting)
            assert "DeadlineError" == outcome(store, ENDLESS, seconds=0.03)[0]
        assert stopped
        assert "fine" == outcome(store, SMALL)[0]


@linux
def test_zygote_dies(folder: Path) -> None:
    """When the process that forks the workers dies, another takes its place."""
    before = ours()
    with opened(folder) as store:
        zygote = next(p for p in ours() - before if children(p))
        os.kill(zygote, 9)
        for _ in range(3):
            assert "DeadlineError" == outcome(store, ENDLESS, seconds=0.6)[0]
            assert "fine" == outcome(store, SMALL)[0]
    wait_for(lambda: ours() <= before)


def held() -> dict[str, int]:
    """What could pile up: our descriptors and threads, the objects that are kept, and dead processes that nobody has buried."""
    gc.collect()
    dead = 0
    for zygote in ours():
        with contextlib.suppress(OSError):
            forked = Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()
            dead += sum(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z" for pid in forked)
    return {"files": len(list(Path("/proc/self/fd").iterdir())), "threads": threading.active_count(), "objects": len(gc.get_objects()), "dead": dead}


@linux
def test_deaths_leave_nothing(folder: Path) -> None:
    """Workers die idle, under a query and at the deadline, seventy-five times: of none is anything kept."""
    rounds, ended = 25, Counter[str]()

    def deaths(store: BoundedStore) -> None:
        for pid in workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        ended[outcome(store, SMALL)[0]] += 1
        asked = in_thread(lambda: ended.update([outcome(store, ENDLESS)[0]]))
        wait_for(lambda: store.counts()["quick_running"] == 1 or not asked.is_alive())
        while asked.is_alive():
            for pid in workers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
            asked.join(0.02)
        ended[outcome(store, ENDLESS, seconds=0.03)[0]] += 1

    with opened(folder, quick_seconds=900) as store:
        for _ in range(3):
            deaths(store)
        before = held()
        for _ in range(rounds):
            deaths(store)
        after = held()
    assert ended["CrashError"] > rounds / 2, ended
    assert ended["DeadlineError"] > rounds / 2, ended
    grown = {name: after[name] - before[name] for name in before}
    assert grown["files"] <= 6, grown  # two for each worker that waits now and did not then
    assert grown["threads"] <= 0, grown
    assert grown["objects"] < rounds, grown
    assert grown["dead"] <= 4, grown  # those that wait and have not been looked at since


def lives(pid: int) -> bool:
    """Whether a process is there and not dead."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


SERVICE = """
import sys, threading
from pathlib import Path
from typing import NoReturn
from covalue.formats import choose
from covalue.stores import Request
from covalue.stores.bounded import BoundedStore
store = BoundedStore.open(Path(sys.argv[1]))
threading.Thread(target=lambda: store.answer(Request(sys.argv[2]), lambda s: choose(s, None)), daemon=True).start()
while store.counts()["quick_running"] == 0: pass
print("running", flush=True)
sys.stdin.read()
store.close() if len(sys.argv) > 3 else None
"""


@linux
@pytest.mark.parametrize("signal", [9, 15, 2, 0], ids=["KILL", "TERM", "INT", "end"])
def test_service_dies(folder: Path, signal: int) -> None:
    """However the service ends, its workers end with it, also busy ones; and none of them writes on its streams."""
    process = subprocess.Popen([sys.executable, "-c", SERVICE, str(folder), ENDLESS, "close"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert b"running\n" == process.stdout.readline()
    alive = children(process.pid)
    assert len(alive) >= 2
    if signal:
        process.send_signal(signal)
    out, err = process.communicate(timeout=60)
    wait_for(lambda: not any(map(lives, alive)))
    assert b"" == out
    assert b"" == err or signal == 2 or b"StoreError" in err or b"TooLarge" in err


@linux
def test_streams_stay_clean(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither an abort nor an overflow of the engine writes on the service's streams, and none leaves a core file."""
    with opened(folder, "size", "stack", memory=50 * MB) as store:
        outcome(store, DOUBLING)
        outcome(store, "SELECT * " + "{" * 6000 + "}" * 6000)
        with going(store, ENDLESS):
            wait_for(lambda: len(at_work(workers())) == 1)
            limits = Path(f"/proc/{at_work(workers()).pop()}/limits").read_text()
            assert re.search(r"Max core file size +[01] ", limits)
    assert ("", "") == tuple(capfd.readouterr())
    assert not list(Path.cwd().glob("core*"))


# --- the look at the text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("SELECT * {\n  {{{ }}} }", 2, 5),
        ("SELECT (((((1))))) {}", 1, 11),
        ("# {{{{{{{\nSELECT * { ?a ?b '{{{{{{' . [ ?c [ ?d [ ?e 1 ] ] ] }", 2, 39),
        ("SELECT * { ?a ?b ?c . ?a ?b ?c ; ?d ?e , ?f . ?g ?h ?i . ?j ?k ?l }", 1, 56),
        ("SELECT * { ex:a ex:b ex:c. ex:a ex:b ex:c. ex:a ex:b ex:c. ex:a ex:b ex:c. ex:a ex:b ex:c. ex:a ex:b ex:c }", 1, 86),
        ("SELECT ?a { ?a <p>/<p>/<p>/<p>/<p>/<p>/<p> ?b }", 1, 39),
        ("SELECT ?a { OPTIONAL {} FILTER(?a = ?b && ?c != ?d) }", 1, 46),
    ],
)
def test_place_of_excess(text: str, line: int, column: int) -> None:
    """The place is the token that is one too many."""
    with pytest.raises(QueryError) as caught:
        check_size(text, TextLimits(1000, 3, 5, 5))
    assert caught.value.place is not None
    assert (line, column) == (caught.value.place.line, caught.value.place.column)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { VALUES (?a ?b) { " + "(1 2.5) " * 5000 + "} }",
        "SELECT * { ?a ?b ?c FILTER(?a IN (" + ",".join(["<http://x/a.b/c>"] * 5000) + ")) }",
        "ASK { ?a ?b '''" + "{([.;,+*/|!" * 5000 + "''' } # " + "{([.;,+*/|!" * 5000,
        "".join(f"PREFIX p{i}: <http://www.example.org/a/b/c.d/{i}#>\n" for i in range(1500)) + "ASK {}",
    ],
    ids=["values", "in", "string", "prefixes"],
)
def test_long_but_harmless(bounded: BoundedStore, text: str) -> None:
    """Long lists, strings and prologues are no excess."""
    check_size(text)
    assert "fine" == outcome(bounded, text)[0]


@pytest.mark.parametrize("unit", ['"', "'", '"""', "'''", '"\\', "<", "<a", "\\", "{", "a:", "?a", "@a-", "_:", "%", "#", '""" ', "'\"", "&&", "é", "\U0001f600"])
def test_look_is_quick(unit: str) -> None:
    """No text of permitted length makes the look itself slow: it runs in the service."""
    text = unit * (262_144 // len(unit.encode()))
    start = time.thread_time()
    with contextlib.suppress(QueryError):
        check_size(text)
    assert time.thread_time() - start < 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no RLIMIT_NOFILE")
@pytest.mark.parametrize("files", [0, 3])
def test_files_that_a_store_has_not_opened_yet(tmp_path: Path, files: int) -> None:
    """Of a large store on disk the engine opens many files only when it needs them: so many more can be opened, and no more."""
    for number in range(5):
        (tmp_path / f"{number}.sst").write_text("x")
    code = (
        "import sys, pathlib; from covalue.stores.worker import _close_network, unopened; folder = pathlib.Path(sys.argv[1]); kept = [open(0, closefd=False)]\n"
        f"kept += [open(folder / f'{{n}}.sst') for n in range({5 - files})]; left = unopened(folder); _close_network(left)\n"
        "try:\n    for n in range(9): kept.append(open(folder / '4.sst'))\nexcept OSError: print(left, n)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert f"{files} {files}\n" == done.stdout, done.stderr


# --- the memory of workers


def test_workers_take_the_system_s_mimalloc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is one, and the operator has not chosen."""
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    assert {} == allocator([str(tmp_path)])
    library = tmp_path / MIMALLOC
    library.touch()
    assert {"LD_PRELOAD": str(library)} == allocator(["/nowhere", str(tmp_path)])
    monkeypatch.setenv("LD_PRELOAD", "another.so")
    assert {} == allocator([str(tmp_path)])


@linux
def test_they_really_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that has it; on any other, they start as ever."""
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    before = children(os.getpid())
    with opened(folder) as store:
        with run(store, SMALL) as answer:
            assert answer.read()
        has = [MIMALLOC in Path(f"/proc/{pid}/maps").read_text() for pid in children(os.getpid()) - before]
    assert has
    assert set(has) == {bool(allocator())}
