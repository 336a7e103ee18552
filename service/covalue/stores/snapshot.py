"""
Datasets too large for memory: a store on disk, made once next to the artefact, and opened read-only by any number of processes.

It is finished before it gets its name, and never written again: oxigraph leaves a read-only store beside a writer undefined.
"""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox
from filelock import FileLock

from covalue.errors import StoreError
from covalue.manifest import Manifest
from covalue.stores.oxigraph import OxigraphStore, default_statements, merge
from covalue.stores.processes import environment, python

KEPT = 3
"""Stores on disk that stay, the newest first: services on an older dataset go on."""
PATTERN = "covalue-*.store"


@dataclass(frozen=True)
class Snapshot:
    """A store on disk, opened read-only."""

    path: Path
    version: str
    forkable: bool = False

    def open(self) -> OxigraphStore:
        try:
            store = OxigraphStore(ox.Store.read_only(str(self.path)), self.version)
        except OSError as e:
            raise StoreError(f"the store {self.path.name} cannot be opened: {e}.", f"无法打开数据库 {self.path.name}：{e}。") from e
        store.folder = self.path
        return store


def ensure(folder: Path, manifest: Manifest) -> Snapshot:
    """
    The dataset of a folder as a store on disk, made where it is not there yet.

    Args:
        folder: holds manifest and data.
        manifest: of that data.

    Raises:
        StoreError: the store cannot be written.

    Cost: about 7 s and 0.8 GB of memory for a million statements, once; nothing afterwards.
    """
    path = folder / f"covalue-{manifest.digest[:16]}.store"
    made = Snapshot(path, manifest.digest)
    if path.is_dir():  # a folder that cannot be written will do, then
        return made
    try:
        with FileLock(folder / ".store.lock"):
            if not path.is_dir():
                _make(folder, path, manifest)
    except OSError as e:
        raise StoreError(f"cannot write to {folder}: {e.strerror}.", f"无法写入 {folder}：{e.strerror}。") from e
    return made


def _make(folder: Path, path: Path, manifest: Manifest) -> None:
    for stale in folder.glob("tmp-store-*"):
        shutil.rmtree(stale, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix="tmp-store-", dir=folder))
    try:
        _fill_apart(folder / manifest.data, work, frozenset(g.iri for g in manifest.graphs if g.default))
        (work / "store").replace(path)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    old = sorted(folder.glob(PATTERN), key=lambda p: p.stat().st_mtime, reverse=True)
    for store in old[KEPT:]:
        shutil.rmtree(store, ignore_errors=True)


def _fill_apart(data: Path, work: Path, default: frozenset[str]) -> None:
    """In a process of its own, so that the memory that it takes is given back."""
    done = subprocess.run(python("covalue.stores.snapshot", "main"), input=pickle.dumps((data, work, default)), env=environment(), capture_output=True)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise StoreError(f"the store on disk could not be made: {said}", f"无法建立磁盘数据库：{said}")


def main() -> None:
    """The entry of that process."""
    fill(*pickle.load(sys.stdin.buffer))


def fill(data: Path, work: Path, default: frozenset[str]) -> None:
    """Loads N-Quads into `work/store`; statements of the default graphs once more into the default graph."""
    store = ox.Store(str(work / "store"))
    store.bulk_load(path=str(data), format=ox.RdfFormat.N_QUADS)
    merged, few = work / "default.nt", default & _with_blank_nodes(data)
    write_default(data, merged, default - few)
    store.bulk_load(path=str(merged), format=ox.RdfFormat.N_TRIPLES)
    merged.unlink()
    merge(store, few)
    store.optimize()
    store.flush()


def _with_blank_nodes(data: Path) -> set[str]:
    """The named graphs that have some, or a text that looks so: in ours, those of the ontology."""
    with data.open("rb") as source:
        return {line.rpartition(b" <")[2].removesuffix(b"> .\n").decode() for line in source if b"_:" in line}


def write_default(data: Path, merged: Path, default: Iterable[str]) -> None:
    """See `default_statements`; from file to file."""
    with data.open("rb") as source, merged.open("wb") as target:
        target.writelines(default_statements(source, default))
