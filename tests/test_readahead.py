"""A store on disk is read through in the background, as far as there is room; its workers are not blamed for what the engine keeps of it."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pyoxigraph as ox
import pytest

from covalue.manifest import GraphInfo, Manifest, write_manifest
from covalue.stores.bounded import BoundedStore
from covalue.stores.channel import Channel
from covalue.stores.limits import Limits
from covalue.stores.oxigraph import default_statements
from covalue.stores.readahead import CHUNK, ROOM, ReadAhead
from covalue.stores.sources import Around, Built
from covalue.stores.spare import spare
from covalue.stores.tables import CACHES, DEFAULT_GRAPH, family, tables, taken
from covalue.stores.worker import GROWN, Watch

GRAPHS = ("http://x/g", "http://x/h")
DEFAULT = "SELECT * { ?s ?p ?o }"
NAMED = "SELECT * { GRAPH ?g { ?s ?p ?o } }"
PLENTY = 1 << 50


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def lines() -> bytes:
    """Two graphs, with texts too long to be held in the orders of statements."""
    return "".join(f'<http://x/{i}> <http://x/label> "what is said of the thing with number {i}" <{GRAPHS[i % 2]}> .\n' for i in range(2000)).encode()


def store(work: Path) -> Path:
    """A store on disk as that of a large dataset, which is loaded in several parts that are then put in order."""
    made = ox.Store(str(work / "store"))
    data = lines().splitlines(keepends=True)
    default = [*default_statements(data, GRAPHS[:1])]
    for half in (slice(500), slice(500, None)):
        made.bulk_load(b"".join(data[half]), ox.RdfFormat.N_QUADS)
        made.bulk_load(b"".join(default[half]), ox.RdfFormat.N_TRIPLES)
    made.optimize()
    made.flush()
    return work / "store"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store(tmp_path_factory.mktemp("made"))


def spoil(folder: Path, wanted: Callable[[str], bool]) -> None:
    """Makes the first block of some tables unreadable."""
    for table in tables(folder):
        if wanted(family(table)):
            with table.open("r+b") as file:
                file.write(bytes(60))


def found(folder: Path, query: str) -> int:
    """How many rows there are."""
    results = ox.Store.read_only(str(folder)).query(query)
    assert isinstance(results, ox.QuerySolutions)
    return sum(1 for _ in results)


def test_tables_of_the_default_graph(tmp_path: Path) -> None:
    """They are all that a question needs that names no graph, and it needs them."""
    folder = store(tmp_path)
    spoil(folder, lambda name: set(name) == set("spog"))
    assert 1000 == found(folder, DEFAULT)
    with pytest.raises((OSError, RuntimeError), match="orrupt"):
        found(folder, NAMED)
    spoil(folder, lambda name: name in DEFAULT_GRAPH and "o" in name)
    with pytest.raises((OSError, RuntimeError), match="orrupt"):
        found(folder, DEFAULT)


def read(folder: Path, room: Callable[[], int]) -> int:
    """The bytes that are read where there is so much room."""
    ahead = ReadAhead(folder, room)
    ahead.start()
    wait_for(lambda: ahead.ended)
    return ahead.read


def needed(folder: Path) -> int:
    """The bytes of the tables of the default graph."""
    return sum(t.stat().st_size for t in tables(folder) if family(t) in DEFAULT_GRAPH)


def test_where_there_is_room(made: Path) -> None:
    """What most questions need, or nothing; a store that is gone is nobody's error."""
    assert 0 < needed(made) < sum(t.stat().st_size for t in tables(made))
    assert needed(made) == read(made, lambda: ROOM * needed(made))
    assert 0 == read(made, lambda: ROOM * needed(made) - 1)
    assert 0 == read(made / "gone", lambda: PLENTY)


def test_room_that_goes(made: Path) -> None:
    """It is looked for anew before each file."""
    left = [PLENTY, 0]
    assert 0 < read(made, lambda: left.pop(0)) < needed(made)


def test_ends_with_the_store(tmp_path: Path) -> None:
    """At the next chunk."""
    (tmp_path / "1.sst").write_bytes(bytes(3 * CHUNK))
    (tmp_path / "2.sst").write_bytes(bytes(3 * CHUNK))

    def room() -> int:
        ahead._stop.set()
        return PLENTY

    ahead = ReadAhead(tmp_path, room)
    ahead.start()
    ahead.close()
    assert ahead.ended
    assert CHUNK == ahead.read


def test_a_service_reads_ahead(tmp_path: Path) -> None:
    """One that answers for long does; who asks once does not."""
    (tmp_path / "covalue-test.nq").write_bytes(lines())
    graphs = tuple(GraphInfo(g, "case", g == GRAPHS[0], 1000) for g in GRAPHS)
    write_manifest(tmp_path, Manifest(hashlib.sha256(lines()).hexdigest(), "f", "0", "covalue-test.nq", graphs))
    limits = Limits(disk_triples=10)
    with BoundedStore.open(tmp_path, limits) as once:
        assert "ahead_ended" not in once.counts()
    service = Built(tmp_path, limits, Around()).open()
    try:
        wait_for(lambda: bool(service.counts()["ahead_ended"]))
        [folder] = tmp_path.glob("*.store")
        assert service.counts()["ahead_bytes"] in (0, needed(folder))  # 0: this system does not tell of its memory
    finally:
        service.close()


def test_workers_keep_what_the_engine_keeps(made: Path) -> None:
    """A worker that has grown is not used again, but for what reading the store takes."""
    assert 0 == taken(None)
    assert sum(t.stat().st_size for t in tables(made)) < taken(made) < CACHES
    ours, theirs = socket.socketpair()
    with ours, theirs:
        watch = Watch(Channel(ours), Limits(off=frozenset({"rlimit", "network"})))
        if not watch.memory():
            pytest.skip("the system does not tell how large a process is")
        fits = []
        for kept in (GROWN, 0):
            watch.arm(0, kept)
            grown = bytearray(b"x") * (GROWN + GROWN // 2)
            fits.append(watch.fit())
            del grown
        assert [True, False] == fits


MACHINE = {"proc/meminfo": "MemTotal: 900 kB\nMemAvailable:  100 kB\n"}
NEW = MACHINE | {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n"}
OLD = MACHINE | {
    "proc/self/cgroup": "9:name=systemd:/\n5:cpu,memory:/x\n0::/\n",
    "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9000",
    "sys/fs/cgroup/memory/x/memory.usage_in_bytes": "8000",
    "sys/fs/cgroup/memory/x/memory.stat": "cache 5\ntotal_inactive_file 300\ntotal_active_file 200\ntotal_unevictable 7\n",
}
LIMITED = NEW | {
    "sys/fs/cgroup/a/memory.max": "5000\n",
    "sys/fs/cgroup/a/memory.current": "4000\n",
    "sys/fs/cgroup/a/memory.stat": "file 900\ninactive_file 30\nactive_file 20\n",
}


@pytest.mark.parametrize(
    ("files", "left"),
    [({}, 0), (MACHINE, 102_400), (NEW, 102_400), (LIMITED, 1050), (OLD, 1500), ({"proc/meminfo": "MemTotal: 9 kB"}, 0), (MACHINE | {"proc/self/cgroup": "nonsense"}, 0)],
    ids=["no-linux", "machine", "no-limit", "group-above", "groups-of-old", "old-kernel", "nonsense"],
)
def test_memory_to_spare(tmp_path: Path, files: dict[str, str], left: int) -> None:
    """The least that machine and control groups leave; nothing where that is not told."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert left == spare(tmp_path)
