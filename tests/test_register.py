"""The register of names: nothing of it is kept as objects, the same things give the same bytes, and a store on disk has it beside it, made once."""

from __future__ import annotations

import gc
import pickle
import random
import shutil
import subprocess
import tempfile
import threading
import tracemalloc
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import NoReturn

import pytest
from filelock import FileLock

from covalue import finder, registrar
from covalue.entries import KINDS, Entry
from covalue.errors import StoreError
from covalue.finder import Finder, read
from covalue.labelled import Row, entries
from covalue.manifest import read_manifest
from covalue.questions import Library
from covalue.register import Register
from covalue.registrar import KEPT, NAMES, PIECES, Order
from covalue.search import Index
from covalue.sections import Sections
from covalue.stores.bounded import BoundedStore
from covalue.stores.cache import CachedStore
from covalue.stores.limits import Limits, processors
from covalue.stores.processes import environment, python
from covalue.stores.snapshot import ensure
from covalue.web.naming import Names
from served import B, Served, build_tiny

ON_DISK = Limits(disk_triples=10)


def things(count: int) -> Iterator[Entry]:
    """Things with two labels each, in the order of their IRIs."""
    for i in range(count):
        yield Entry(
            f"x:{i:07}", "thing" if i % 3 else "claim", {"en": f"number {i}", "zh": f"第{i}号"}, (f"other {i % 7}",), {"en": "a text"} if i % 5 == 0 else {}, f"x:type{i % 3}"
        )


def in_files(listed: Iterator[Entry]) -> Index:
    """An index that is mapped from files."""
    with tempfile.TemporaryFile() as names, tempfile.TemporaryFile() as pieces:
        index = Index(Register.of(listed, names))
        index.prepare(pieces)
    return index


def test_things_come_back_as_they_were() -> None:
    """By number and by IRI, in the order of kinds and IRIs; from a file as from memory."""
    given = [*things(200), Entry("x:~", "concept", {}, ("\ud800",), {})]
    for index in (Index.of(reversed(given)), in_files(iter(given))):
        assert sorted(given, key=lambda e: (list(KINDS).index(e.kind), e.iri)) == [*index.entries] == index.entries[:]
        assert given == [index.find(e.iri) for e in given]
        assert index.find("x:nothing") is None
        assert [e for e in given if e.kind == "claim"] == [index.entries[i] for i in index.entries.of("claim")]
        assert index.entries[-1].iri == "x:0000198"
        with pytest.raises(IndexError):
            index.entries[len(given)]


def test_two_things_under_one_hash_are_told_apart() -> None:
    """CRC-32 gives these two the same."""
    given = [Entry(iri, "thing", {"en": iri}) for iri in ("buckeroo", "plumless")]
    assert given == [Index.of(given).find(e.iri) for e in given]


def test_no_thing_is_kept_as_an_object() -> None:
    """What is kept is the map of a file: ten times the names take no more memory of the process's own, but for some sets of bits."""
    gc.collect()
    before = sum(isinstance(one, Entry) for one in gc.get_objects())
    own = []
    for count in (300, 3000):
        tracemalloc.start()
        try:
            index = in_files(things(count))
            gc.collect()
            own.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
        assert index._register.sections.mapped
        assert index.search(f"第{count - 1}号").total == 1
        assert before + 100 > sum(isinstance(one, Entry) for one in gc.get_objects())
    assert own[1] - own[0] < 2700 * 8  # bytes; a thing as an object takes a thousand


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_things_give_the_same_bytes(tmp_path: Path, seed: int) -> None:
    """In whatever order the store tells of them."""
    store = build_tiny(tmp_path)
    draw = random.Random(seed)

    def ask(query: str) -> Sequence[Row]:
        found = [tuple(row) for row in store.engine.query(query)]  # type: ignore[union-attr]
        draw.shuffle(found)
        return found

    files = []
    for way in (store.engine.query, ask):
        names, pieces = BytesIO(), BytesIO()
        Register.of(entries(way, things(3)), names).write_pieces(pieces)  # type: ignore[arg-type]
        files.append((names.getvalue(), pieces.getvalue()))
    assert files[0] == files[1]


@pytest.mark.parametrize("damage", [b"", b"x", None])
def test_a_file_that_is_not_whole_is_none(tmp_path: Path, damage: bytes | None) -> None:
    """Cut short, empty, or something else."""
    out = BytesIO()
    Register.of(things(3), out)
    (tmp_path / "x").write_bytes(out.getvalue()[:-1] if damage is None else damage)
    with pytest.raises(ValueError, match=r"sections|empty"):
        Sections.open(tmp_path / "x")


def test_pieces_are_no_register() -> None:
    """Each file says what it is by what it holds."""
    out = BytesIO()
    Register.of(things(3)).write_pieces(out)
    with pytest.raises(ValueError, match="not a register"):
        Register(Sections.of(out))


# --- beside a store on disk


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny dataset as a store on disk."""
    folder = tmp_path_factory.mktemp("made")
    build_tiny(folder)
    manifest = read_manifest(folder)
    assert manifest
    ensure(folder, manifest)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, without anything beside."""
    shutil.copytree(made, tmp_path / "copy", ignore=shutil.ignore_patterns("*.names", "*.pieces", ".names.lock", ".pieces.lock"))
    return tmp_path / "copy"


def order(folder: Path, *questions: Entry) -> Order:
    return Order(next(folder.glob("covalue-*.store")), questions, processors())


def joined() -> None:
    """Waits for indices that are being made."""
    for thread in [t for t in threading.enumerate() if t.name == "search-index"]:
        thread.join()


def test_a_store_on_disk_has_its_register_beside_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made by another process when first asked for, also through what stands around the store; mapped by all that come later, who start none."""
    with CachedStore(BoundedStore.open(folder, ON_DISK), 1000) as store:
        index = Finder(store).index()
        joined()
        register = index._register
        assert register.sections.mapped
        assert [*read(store).entries] == [*index.entries]
        assert index.find(B + "case/tiny/mill") in [hit.entry for hit in index.search("磨").hits]
        assert {"names", "pieces"} == {p.suffix[1:] for p in folder.glob("covalue-*-*")}
        assert not [*folder.glob("tmp-*")]
        assert all(part._index is not None for one in register.ranges for part in one.parts.values())

        def never(*_: object, **__: object) -> None:
            raise AssertionError("a process was started")

        monkeypatch.setattr(subprocess, "Popen", never)
        again = Finder(store).index()
        assert index.search("mill") == again.search("mill")
        assert all(part._index is not None for one in again._register.ranges for part in one.parts.values())


def test_hashes_of_a_process_do_not_show(made: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes with other seeds write the same bytes."""
    files = []
    for seed, place in (("1", made), ("2", folder)):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        _, wait = registrar.opened(one := order(place))
        assert wait
        wait()
        files.append([one.path(kind).read_bytes() for kind in (NAMES, PIECES)])
    assert files[0] == files[1]


def test_what_is_there_is_not_made_again(folder: Path) -> None:
    """Nor when several are told to; but what is damaged is, and what others ask for has another name."""
    told: list[str] = []
    registrar.make(order(folder), told.append)
    places = [order(folder).path(kind) for kind in (NAMES, PIECES)]
    before = [p.stat().st_ino for p in places]
    registrar.make(order(folder), told.append)
    assert [NAMES, PIECES] * 2 == told
    assert before == [p.stat().st_ino for p in places]
    places[0].write_bytes(places[0].read_bytes()[:-1])
    registrar.make(order(folder), told.append)
    assert Register(Sections.open(places[0]), Sections.open(places[1])).entries
    other = order(folder, Entry("x:q", "question", {"en": "who?"}))
    assert other.path(NAMES) != places[0]


def test_old_ones_go(folder: Path) -> None:
    """But for the newest few."""
    for number in range(KEPT + 2):
        registrar.make(order(folder, Entry("x:q", "question", {"en": f"{number}?"})), lambda _: None)
    assert (KEPT, KEPT) == tuple(len([*folder.glob(f"covalue-*.{kind}")]) for kind in (NAMES, PIECES))
    assert order(folder, Entry("x:q", "question", {"en": f"{KEPT + 1}?"})).path(NAMES).exists()


def test_why_it_cannot_be_made_is_told(folder: Path) -> None:
    """The store is gone, say."""
    one = order(folder)
    shutil.rmtree(one.disk)
    with pytest.raises(StoreError, match=r"the register of names could not be made: .*\.store"):
        registrar.opened(one)


def test_names_are_read_where_they_cannot_be_kept(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing can be written beside the store, as in a volume that may only be read."""
    (folder / f".{NAMES}.lock").mkdir()
    with BoundedStore.open(folder, ON_DISK) as store:
        index = Finder(store).wait()
        assert [*read(store).entries] == [*index.entries] != []
    assert not [*folder.glob("covalue-*.names")]
    assert "temporary file" in caplog.text


def test_questions_of_the_library_are_in_it(folder: Path) -> None:
    """As in memory."""
    with BoundedStore.open(folder, ON_DISK) as store:
        assert [*Finder(store, Library({})).index().entries] == [*read(store).entries]
        joined()


def test_requests_do_not_wait_long_for_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While they are being made who needs them is told to come again, everybody else is served; then all is as usual."""
    monkeypatch.setattr(finder, "PATIENCE", 0.0)
    with FileLock(folder / f".{NAMES}.lock") as lock, BoundedStore.open(folder, ON_DISK) as store:
        service = Served(store)
        for path in ("/search?q=mill", "/suggest?q=mill", "/case/tiny/mill.html", "/sitemap.xml"):
            reply = service.ask(path)
            assert (503, str(finder.RETRY)) == (reply.status, reply["Retry-After"]), path
        assert 200 == service.query("ASK {}").status
        lock.release()
        monkeypatch.setattr(finder, "PATIENCE", 60.0)
        assert "the mill" in service.ask("/case/tiny/mill.html", Accept="text/html").text
        assert service.ask("/suggest?q=mill").json["results"]
        joined()


def test_why_there_are_no_names_is_told_at_once_for_a_while(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages come without them."""
    tried: list[object] = []

    def failing(store: object, _: object) -> NoReturn:
        tried.append(store)
        raise StoreError("it failed.", "失败。")

    monkeypatch.setattr(finder, "read", failing)
    with BoundedStore.open(folder, ON_DISK) as store:
        found = Finder(store)
        (folder / f".{NAMES}.lock").mkdir()
        for _ in range(2):
            with pytest.raises(StoreError, match="it failed"):
                found.index()
        assert tried == [store]
        assert "case:tiny/mill" == Names(found, "en").label(B + "case/tiny/mill")


def test_the_making_ends_with_the_service(folder: Path) -> None:
    """Here while it waits for another one that makes the same."""
    with FileLock(folder / f".{NAMES}.lock"):
        process = subprocess.Popen(python("covalue.registrar", "main"), env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin
        pickle.dump(order(folder), process.stdin)
        process.stdin.close()
        assert process.wait(60) == 1
    assert process.stdout
    process.stdout.close()
