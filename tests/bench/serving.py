"""
The service beside its peers: latency and throughput of an eight-query mix, small queries, hostile neighbours, long answers, and start.

All servers of a table run at the same time and are loaded in turn, round by round; the figures are medians over rounds. Read ratios.
`tests/bench` as a whole runs this (see `__main__.py`).
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parent))
import mix
import peers
import quads
from load import Load, Result, load, shuffled
from measure import table
from peers import Server

CACHE = Path(tempfile.gettempdir()) / "covalue-bench"
RUNAWAY = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(STRLEN(STR(?c)) + STRLEN(STR(?f)) = {N}) }"
LONG = "SELECT ?s ?i WHERE { ?s ?p ?o . VALUES ?i { 1 2 3 4 5 6 7 8 9 10 11 12 } } LIMIT 1000000"
SECTIONS = ("mix", "small", "worker", "heavy", "runaways", "long", "start")
DIRECT = "Flask that evaluates them in its own process"
OWN, OXIGRAPH, RDFLIB, BARE = "covalue", "oxigraph's server", "rdflib-endpoint", "the engine, in process"
COLUMNS = ("mix /s", "p50 / p99 ms", "repeats /s", "small beside heavy /s", "10⁶ rows s", "grows by MB", "start s")
TABLES: list[tuple[str, list[str], list[list[str]]]] = []
SUMMARY: dict[str, dict[str, str]] = {}
_draws = itertools.count(1)


class Bench:
    """One dataset, and how long each figure is measured."""

    def __init__(self, folder: Path, cases: int, seconds: float, rounds: int) -> None:
        self.folder, self.cases, self.seconds, self.rounds = folder, cases, seconds, rounds

    def fresh(self, names: Sequence[str], most: int = 1500) -> list[str]:
        """Texts that nobody has asked before, as many as can be answered in a round."""
        return list(mix.texts(self.cases, int(most * self.seconds), tuple(names), next(_draws)))

    def loads(self, targets: Sequence[tuple[str, Callable[[], Result]]]) -> dict[str, list[Result]]:
        """Each target loaded in turn, round by round."""
        out: dict[str, list[Result]] = {name: [] for name, _ in targets}
        for _ in range(self.rounds):
            for name, run in targets:
                out[name].append(run())
        return out


def middle(results: Sequence[Result], of: Callable[[Result], float]) -> float:
    return statistics.median(of(r) for r in results)


def line(name: str, clients: int | str, results: Sequence[Result], base: Sequence[Result]) -> list[str]:
    """A row: name, clients, answers a second, p50, p99, ratio to the base, failures."""
    rate = middle(results, lambda r: r.rate)
    shown = [f"{rate:,.0f}", f"{middle(results, lambda r: r.percentile(0.5)):.2f}", f"{middle(results, lambda r: r.percentile(0.99)):.2f}"]
    return [name, str(clients), *shown, f"{rate / middle(base, lambda r: r.rate):.2f}", str(sum(r.failed for r in results))]


HEAD = ["server", "clients", "answers/s", "p50 ms", "p99 ms", "ratio", "failed"]


def same_answers(bench: Bench, servers: Sequence[Server]) -> None:
    """Stops where two servers do not say the same."""
    for query in itertools.islice(mix.texts(bench.cases, 8), 8):
        found = {_comparable(server.ask(query)) for server in servers}
        if len(found) != 1:
            raise SystemExit(f"the servers disagree over {query}")


def _comparable(body: bytes) -> tuple[str, ...]:
    if body[:1] != b"{":
        return tuple(sorted(set(body.decode().splitlines())))
    return tuple(sorted(json.dumps(row, sort_keys=True) for row in json.loads(body)["results"]["bindings"]))


def mixed(bench: Bench) -> None:
    """The mix, cold and with repeats, with 8 and 32 clients."""
    rows = []
    with peers.own(bench.folder) as own, peers.oxigraph(bench.folder) as oxigraph, peers.floor(own.ask(mix.text("labels", bench.cases, _random()))) as flask:
        same_answers(bench, (own, oxigraph))
        pool = shuffled(list(mix.texts(bench.cases, 200, seed=7)))
        for query in pool:
            own.ask(query)
        for clients in (8, 32):
            cold = lambda s, clients=clients: load(s.port, [s.get(q) for q in bench.fresh(tuple(mix.MIX))], clients=clients, seconds=bench.seconds, once=True)  # noqa: E731
            again = lambda s, clients=clients: load(s.port, [s.get(q) for q in pool], clients=clients, seconds=bench.seconds)  # noqa: E731
            found = bench.loads(
                [
                    ("covalue, cold", lambda: cold(own)),
                    ("oxigraph's server, cold", lambda: cold(oxigraph)),
                    ("covalue, 200 questions again and again", lambda: again(own)),
                    ("oxigraph's server, the same", lambda: again(oxigraph)),
                    ("Flask that does nothing, same WSGI server", lambda: again(flask)),
                ]
            )
            bases = [found["oxigraph's server, cold"]] * 2 + [found["oxigraph's server, the same"]] * 3
            rows += [line(name, clients, results, base) for (name, results), base in zip(found.items(), bases, strict=True)]
            if clients == 8:
                eight, base = found, found["oxigraph's server, cold"]
    rows.insert(2, line("rdflib-endpoint, cold", 8, [rdflib_mix(bench)], base))
    bare = [in_process(bench, threads) for threads in (1, 2)]
    rows += [line(f"the engine in process, {t} thread(s), cold", "-", [r], [r]) for t, r in zip((1, 2), bare, strict=True)]
    say("Eight-query mix (ratio: to oxigraph's server, same load)", HEAD, rows)
    for server, results in ((OWN, eight["covalue, cold"]), (OXIGRAPH, base), (BARE, [bare[1]])):
        mix_noted(server, line("", "", results, results))
    mix_noted(RDFLIB, rows[2])
    for server, name in ((OWN, "covalue, 200 questions again and again"), (OXIGRAPH, "oxigraph's server, the same")):
        note(server, "repeats /s", line("", "", eight[name], eight[name])[2])


def mix_noted(server: str, row: list[str]) -> None:
    note(server, "mix /s", row[2])
    note(server, "p50 / p99 ms", f"{row[3]} / {row[4]}")


def rdflib_mix(bench: Bench) -> Result:
    """The mix asked of rdflib-endpoint alone, for longer: it answers few, and one after the other."""
    with peers.rdflib_endpoint(bench.folder) as server:
        return load(server.port, [server.get(q) for q in bench.fresh(tuple(mix.MIX), 50)], clients=8, seconds=max(15.0, 4 * bench.seconds), once=True)


def _random():  # type: ignore[no-untyped-def]
    import random

    return random.Random(3)


def in_process(bench: Bench, threads: int) -> Result:
    """The engine itself, in a process of its own."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from serving import engine; engine(*sys.argv[2:])"
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(bench.folder), str(bench.cases), str(bench.seconds), str(threads)]
    raw = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return Result(sorted(raw["latencies"]), {"200": len(raw["latencies"])}, raw["took"])


def engine(folder: str, cases: str, seconds: str, threads: str) -> None:
    """The entry of that process."""
    from covalue.formats import choose
    from covalue.stores import Request
    from covalue.stores.oxigraph import OxigraphStore

    store, latencies = OxigraphStore.open(Path(folder), apart=True), list[float]()
    texts = iter(list(mix.texts(int(cases), 20_000, seed=99)))
    start = time.perf_counter()

    def run() -> None:
        while (now := time.perf_counter()) - start < float(seconds):
            store.answer(Request(next(texts)), lambda shape: choose(shape, None))
            latencies.append(time.perf_counter() - now)

    running = [threading.Thread(target=run) for _ in range(int(threads))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    print(json.dumps({"latencies": latencies, "took": time.perf_counter() - start}))


def small(bench: Bench) -> None:
    """Small queries only, against the floor."""
    rows = []
    with peers.own(bench.folder) as own, peers.oxigraph(bench.folder) as oxigraph:
        pool = list(mix.texts(bench.cases, 200, (mix.SMALL,), seed=7))
        for query in pool:
            own.ask(query)
        body = own.ask(pool[0])
        with peers.floor(body) as flask, peers.floor(body, stay=True) as staying, peers.direct(bench.folder) as direct, peers.handing(bench.folder) as handing:
            for clients in (1, 8, 32):
                cold = lambda s, clients=clients: load(  # noqa: E731
                    s.port, [s.get(q) for q in bench.fresh((mix.SMALL,), 6000)], clients=clients, seconds=bench.seconds, once=True
                )
                again = lambda s, clients=clients: load(s.port, [s.get(q) for q in pool], clients=clients, seconds=bench.seconds)  # noqa: E731
                found = bench.loads(
                    [
                        ("Flask that does nothing", lambda: again(flask)),
                        ("the same, its threads on one processor", lambda: again(staying)),
                        (DIRECT, lambda: cold(direct)),
                        ("Flask that only hands each text to a worker", lambda: cold(handing)),
                        ("covalue, cold", lambda: cold(own)),
                        ("covalue, repeats", lambda: again(own)),
                        ("oxigraph's server", lambda: cold(oxigraph)),
                    ]
                )
                for name, results in found.items():
                    row, second = (line(name, clients, results, found[base]) for base in ("Flask that does nothing", DIRECT))
                    rows.append([*row[:-1], second[-2], row[-1]])
    head = [*HEAD[:-2], "to nothing", "to the engine in Flask", HEAD[-1]]
    say("Small queries (ratios: to Flask that does nothing, and to Flask that evaluates them itself, both on the same WSGI server)", head, rows)


def worker(bench: Bench) -> None:
    """What the way through a killable worker costs, without HTTP."""
    from covalue.formats import choose
    from covalue.stores import Request
    from covalue.stores.bounded import BoundedStore
    from covalue.stores.cache import CachedStore
    from covalue.stores.oxigraph import OxigraphStore

    plain = OxigraphStore.open(bench.folder, apart=True)
    with BoundedStore.open(bench.folder) as bounded:
        stores = {"in process": plain, "through a killable worker": bounded, "from the cache": CachedStore(bounded, 64_000_000)}
        times: dict[str, list[float]] = {name: [] for name in stores}
        for query in bench.fresh((mix.SMALL,), 1000):
            stores["from the cache"].answer(Request(query), lambda shape: choose(shape, None))
            for name, store in stores.items():
                start = time.perf_counter()
                store.answer(Request(query), lambda shape: choose(shape, None))
                times[name].append((time.perf_counter() - start) * 1000)
    base = statistics.median(times["in process"])
    rows = [[n, f"{statistics.median(t):.3f}", f"{statistics.quantiles(t, n=100)[98]:.3f}", f"{statistics.median(t) / base:.2f}"] for n, t in times.items()]
    say("One small query, without HTTP (ratio of p50: to in process)", ["way", "p50 ms", "p99 ms", "ratio"], rows)


def heavy(bench: Bench) -> None:
    """Small queries while one client asks for a heavy matrix over and over, never in the same words."""
    rows, rates = [], {}
    with peers.own(bench.folder) as own, peers.oxigraph(bench.folder) as oxigraph, peers.rdflib_endpoint(bench.folder) as other:
        for server in (own, oxigraph, other):
            seconds = max(bench.seconds, 6) * (2 if server is other else 1)
            alone = load(server.port, [server.get(q) for q in bench.fresh((mix.SMALL,), 3000)], clients=4, seconds=seconds, once=True, first=10)
            busy = Load(server.port, [server.get(q) for q in bench.fresh(("heavy",), 1000)], clients=1, seconds=seconds + 3, once=True)
            time.sleep(1)
            beside = load(server.port, [server.get(q) for q in bench.fresh((mix.SMALL,), 3000)], clients=4, seconds=seconds, once=True, first=10)
            matrices = busy.result()
            rates[server.name] = beside.rate
            rows.append([server.name, f"{alone.rate:,.0f}", f"{beside.rate:,.1f}", f"{beside.percentile(0.5):.2f}", f"{beside.percentile(0.99):.2f}", f"{matrices.rate:.1f}"])
            note(server.name, "small beside heavy /s", f"{beside.rate:,.0f}")
    for row in rows:
        row.append(f"{rates[row[0]] / max(rates[RDFLIB], 1e-9):,.0f}x")
    say(
        "Small queries (4 clients, cold) beside a client that asks for a matrix rolled up over classes without pause (cold)",
        ["server", "small alone /s", "small beside it /s", "p50 ms", "p99 ms", "matrices /s", "ratio"],
        rows,
    )


def runaways(bench: Bench) -> None:
    """Quick queries while eight clients ask for what would run for hours; and how soon the processor is idle once they leave or are stopped."""
    rows = []
    with peers.own(bench.folder) as own:
        asked = [own.get(RUNAWAY.replace("{N}", str(i))) for i in range(10_000)]
        quick = lambda: load(own.port, [own.get(q) for q in bench.fresh((mix.SMALL,), 3000)], clients=2, seconds=bench.seconds, once=True, first=100)  # noqa: E731
        idle = [quick() for _ in range(bench.rounds)]
        hostile = Load(own.port, asked, clients=8, seconds=600, once=True)
        time.sleep(3)
        beside = [quick() for _ in range(bench.rounds)]
        hostile.stop()
        left = idle_after(own)
        for name, found in (("idle", idle), ("beside eight runaways", beside)):
            rows.append([name, *line("", "", found, idle)[2:5], str(sum(r.failed for r in found))])
        ratio = middle(beside, lambda r: r.percentile(0.99)) / middle(idle, lambda r: r.percentile(0.99))
    with peers.own(bench.folder, seconds=2) as own:
        with contextlib.suppress(RuntimeError):
            own.ask(RUNAWAY.replace("{N}", "-1"))
        stopped = idle_after(own)
        connection = http.client.HTTPConnection("127.0.0.1", own.port)
        connection.request("GET", f"/sparql?query={quote(RUNAWAY.replace('{N}', '-2'))}")
        time.sleep(1)
        connection.close()
        hung_up = idle_after(own)
    rows.append(["p99, ratio", "", "", f"{ratio:.1f}", ""])
    say("Quick queries (2 clients)", ["load", "answers/s", "p50 ms", "p99 ms", "failed"], rows)
    ends = [["eight clients cut off", left], ["a deadline of 2 s reached", stopped], ["one client hung up", hung_up]]
    say("Seconds until the processor is idle", ["after", "s"], [[name, f"{seconds:.2f}"] for name, seconds in ends])


def idle_after(server: Server, most: float = 15) -> float:
    """Seconds from now until the server's processes use less than a tenth of a processor."""
    start = time.monotonic()
    while time.monotonic() - start < most:
        before, began = server.processor_seconds(), time.monotonic()
        time.sleep(0.1)
        if server.processor_seconds() - before < 0.1 * 0.1 + 0.011:
            return began - start
    return most


def long(bench: Bench) -> None:
    """A million rows: time, first byte, memory; against the engine's serialiser alone."""
    rows = []
    bare = [serialise(bench) for _ in range(bench.rounds)]
    bare_seconds, bare_first = statistics.median(b[0] for b in bare), statistics.median(b[1] for b in bare)
    rows.append(["the engine's serialiser, in process", f"{bare_first * 1000:,.0f}", f"{bare_seconds:.2f}", f"{bare[0][2] / 1e6 / bare_seconds:,.0f}", "1.00", "-"])
    with peers.own(bench.folder, seconds=120) as own, peers.oxigraph(bench.folder) as oxigraph:
        for server in (own, oxigraph):
            settle(server)
            found = [fetch(server) for _ in range(bench.rounds)]
            seconds, first = statistics.median(f[1] for f in found), statistics.median(f[0] for f in found)
            size, grown = found[0][2], max(f[3] for f in found)
            rows.append([server.name, f"{first * 1000:,.0f}", f"{seconds:.2f}", f"{size / 1e6 / seconds:,.0f}", f"{bare_seconds / seconds:.2f}", f"{grown:+.0f}"])
            note(server.name, "10⁶ rows s", f"{seconds:.2f}")
            note(server.name, "grows by MB", f"{grown:+.0f}")
    note(BARE, "10⁶ rows s", f"{bare_seconds:.2f}")
    say("1,000,000 rows as JSON (ratio: of throughput)", ["way", "first byte ms", "all s", "MB/s", "ratio", "service MB grown"], rows)


def serialise(bench: Bench) -> tuple[float, float, int]:
    """Seconds, seconds to the first bytes, bytes."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from serving import serialise_here; serialise_here(*sys.argv[2:])"
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(bench.folder)]
    seconds, first, size = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return seconds, first, size


def serialise_here(folder: str) -> None:
    """The entry of that process: the engine writes into a sink that only counts."""
    import pyoxigraph as ox

    from covalue.stores.oxigraph import OxigraphStore

    class Sink:
        size, first = 0, 0.0

        def write(self, data: bytes) -> int:
            self.first = self.first or time.perf_counter()
            self.size += len(data)
            return len(data)

        def flush(self) -> None:
            pass

    store, sink = OxigraphStore.open(Path(folder), apart=True), Sink()
    start = time.perf_counter()
    store.evaluate(LONG, None, None).serialize(sink, format=ox.QueryResultsFormat.JSON)  # type: ignore[call-overload]
    print(json.dumps([time.perf_counter() - start, sink.first - start, sink.size]))


def settle(server: Server, most: float = 30) -> None:
    """Waits until the server has done what it does after its start (counts, labels), and grows no more."""
    server.ask("ASK {}")
    end = time.monotonic() + most
    size = server.memory()[0]
    while time.monotonic() < end:
        time.sleep(2)
        before, size = size, server.memory()[0]
        if size - before < 1:
            return


def fetch(server: Server) -> tuple[float, float, int, float]:
    """Seconds to the first byte and to the last, bytes, and by how much the serving process grew meanwhile at most (MB)."""
    before, peak, done = server.memory()[0], 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            text = Path(f"/proc/{server.process.pid}/status").read_text()
            peak = max(peak, int(text.split("VmRSS:")[1].split()[0]) / 1024)

    threading.Thread(target=watch, daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    start = time.perf_counter()
    connection.request("GET", f"{server.path}?query={quote(LONG)}", headers={"Accept": "application/sparql-results+json"})
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"{server.name}: {response.read(300)!r}")
    size = len(response.read(1))
    first = time.perf_counter() - start
    buffer = memoryview(bytearray(1 << 20))
    while count := response.readinto(buffer):
        size += count
    took = time.perf_counter() - start
    done.set()
    return first, took, size, peak - before


def start(bench: Bench) -> None:
    """From the command to the first answer."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        manifest = quads.shipped(Path(name))
        port = peers.free_port()
        command = [sys.executable, "-m", "covalue", "serve", "--project", str(quads.ROOT), "--out", name, "--port", str(port)]
        ways = [
            ("covalue serve", lambda: peers.running(OWN, command, port, "/sparql", "ASK { ?s ?p ?o }")),
            (OXIGRAPH, lambda: peers.oxigraph(Path(name), loads=True)),
            (RDFLIB, lambda: peers.rdflib_endpoint(Path(name))),
        ]
        for label, way in ways:
            seconds, memory = [], 0.0
            for _ in range(3 if label == RDFLIB else max(5, bench.rounds)):
                with way() as server:
                    server.ask("SELECT * WHERE { ?s ?p ?o } LIMIT 1")
                    seconds.append(server.seconds)
                    memory = server.memory()[1]
            rows.append([label, f"{manifest.triples:,}", f"{statistics.median(seconds):.2f}", f"{memory:.0f}"])
            note(label.removesuffix(" serve"), "start s", f"{statistics.median(seconds):.2f}")
    say("Start to first answer, over the shipped data", ["server", "statements", "s", "MB, all processes"], rows)


def say(title: str, head: list[str], rows: list[list[str]]) -> None:
    """Prints a table and keeps it for the documents."""
    TABLES.append((title, head, rows))
    print(f"\n### {title}\n\n{table(head, rows)}", flush=True)


def note(server: str, column: str, value: str) -> None:
    """A figure for the short table of the README."""
    SUMMARY.setdefault(server, {})[column] = value


RUN: dict[str, Callable[[Bench], None]] = dict(zip(SECTIONS, (mixed, small, worker, heavy, runaways, long, start), strict=True))
