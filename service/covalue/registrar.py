"""
The register of a store on disk, beside it: made once, by a process of its own at low priority, then mapped by any number of services.

A service is not slowed down while it is made, and what that takes is given back. The names come first, then the index that makes searches
quick. The files are named by the dataset, by the ready questions and by the code that makes them, and are finished before they get their names.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import pyoxigraph as ox
from filelock import FileLock

from covalue import entries, grams, labelled, names, register, sections
from covalue.entries import Entry
from covalue.errors import StoreError
from covalue.register import Register
from covalue.sections import Sections
from covalue.stores.limits import keep_to
from covalue.stores.processes import environment, python

NAMES, PIECES = "names", "pieces"
KEPT = 3
"""Files of each kind that stay, the newest first: services on an older dataset go on, and start again."""
NICENESS = 10
CODE = (entries, grams, labelled, names, register, sections)
"""What makes the files: another version of it makes others."""
WORK = "tmp-names-"


@dataclass(frozen=True)
class Order:
    """
    What is to be made.

    Attributes:
        disk: the store.
        questions: ready questions, which can be found too.
        processors: those that the work may take.
    """

    disk: Path
    questions: tuple[Entry, ...]
    processors: frozenset[int]

    def path(self, kind: str) -> Path:
        """Where the names, or the pieces, are when they are made."""
        return self.disk.with_name(f"{self.disk.stem}-{self._about}.{kind}")

    @cached_property
    def _about(self) -> str:
        """Tells files apart that are made otherwise, or of other questions."""
        code = [hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest() for module in CODE]
        about = [sys.byteorder, unicodedata.unidata_version, code, [asdict(one) for one in self.questions]]
        return hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=4).hexdigest()


def opened(order: Order) -> tuple[Register, Callable[[], Sections] | None]:
    """
    The register, made where it is not there yet; waits for the names, not for the index.

    Returns:
        the register, and what waits for the index (and may raise `StoreError`) where that is being made.

    Raises:
        StoreError: it cannot be made.
    """
    found, pieces = _usable(order.path(NAMES)), _usable(order.path(PIECES))
    if found is not None and pieces is not None:
        return Register(found, pieces), None
    making = _Making(order)
    return Register(found or making.wait_for(NAMES)), lambda: making.wait_for(PIECES)


def _usable(path: Path) -> Sections | None:
    try:
        return Sections.open(path)
    except (OSError, ValueError):
        return None


class _Making:
    """The process that makes both. It ends with this one."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._process = subprocess.Popen(python("covalue.registrar", "main"), env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended; what it said tells why
            pickle.dump(order, self._process.stdin)
            self._process.stdin.flush()

    def wait_for(self, kind: str) -> Sections:
        """
        Names first, then pieces; not after a failure.

        Raises:
            StoreError: they cannot be made.
        """
        assert self._process.stdout is not None
        said = ""
        for line in self._process.stdout:
            if (told := line.decode("utf-8", "replace").strip()) == kind:
                break
            said = told or said
        made = _usable(self._order.path(kind))
        if made is None or kind == PIECES:
            self._process.communicate()
        if made is None:
            raise StoreError(f"the register of names could not be made: {said}", f"无法建立名称索引：{said}")
        return made


# --- in that process


def main() -> None:
    """The entry of that process."""
    order: Order = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_to(order.processors)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        make(order, _say)
    except (OSError, sqlite3.Error) as e:
        _say(f"{order.disk.parent}: {getattr(e, 'strerror', None) or e}")


def _say(what: str) -> None:
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    os.read(0, 1)
    os._exit(1)


def make(order: Order, tell: Callable[[str], None]) -> None:
    """
    Makes the names, then the pieces, unless they are there; several processes that are told to do so do it once.

    Args:
        tell: is called with the kind of what is there now.

    Raises:
        OSError: they cannot be written.

    Cost: at 10^7 statements (three million names) about two minutes and 0.4 GB of memory.
    """
    with _made(order, NAMES) as file:
        if file is not None:
            engine = ox.Store.read_only(str(order.disk))
            register.write(labelled.entries(engine.query, order.questions), file)  # type: ignore[arg-type]
    tell(NAMES)
    with _made(order, PIECES) as file:
        if file is not None:
            Register(Sections.open(order.path(NAMES))).write_pieces(file)
    tell(PIECES)


@contextmanager
def _made(order: Order, kind: str) -> Iterator[IO[bytes] | None]:
    """A file that gets its name when it is written; None where it is there. What else is put on disk meanwhile stands beside it."""
    path = order.path(kind)
    folder = path.parent
    with FileLock(folder / f".{kind}.lock"):
        if _usable(path) is not None:
            yield None
            return
        for stale in folder.glob(f"{WORK}{kind}-*"):
            shutil.rmtree(stale, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=f"{WORK}{kind}-", dir=folder) as work:
            with _files_in(work), Path(work, kind).open("wb") as file:
                yield file
            Path(work, kind).replace(path)
        _drop(sorted(folder.glob(f"covalue-*.{kind}"), key=lambda p: p.stat().st_mtime, reverse=True)[KEPT:])


@contextmanager
def _files_in(folder: str) -> Iterator[None]:
    """While it lasts, temporary files of this process, SQLite's too, are in a folder: where there is room for what is made of them."""
    before = tempfile.tempdir, os.environ.get("SQLITE_TMPDIR")
    tempfile.tempdir = os.environ["SQLITE_TMPDIR"] = folder
    try:
        yield
    finally:
        tempfile.tempdir = before[0]
        if before[1] is None:
            del os.environ["SQLITE_TMPDIR"]
        else:
            os.environ["SQLITE_TMPDIR"] = before[1]


def _drop(old: Iterable[Path]) -> None:
    for path in old:
        with contextlib.suppress(OSError):  # who has it open may not let it go
            path.unlink()
