"""
Reads a store on disk through once, so that the system has its files in memory when questions come.

A question about one case needs some twenty to sixty blocks of 4 kB, all over the files, since the engine orders statements by hashes. From a
file that the system holds in its cache each takes some microseconds, from the disk a hundred or more. What is read stays the system's,
which drops it as soon as any process wants the memory; so nothing is read unless there is twice the room, and by a thread that
gives way to all others.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from covalue.stores.spare import spare
from covalue.stores.tables import DEFAULT_GRAPH, family, tables

CHUNK = 1 << 20
ROOM = 2
"""So many times the size of the files must be to spare."""
LOW_PRIORITY = 19


class ReadAhead:
    """
    A thread that reads the tables of the default graph and then, if there is room for all, the others.

    Args:
        folder: of the store.
        room: tells how many bytes of memory there are to spare.
    """

    def __init__(self, folder: Path, room: Callable[[], int] = spare) -> None:
        self._folder, self._room = folder, room
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)
        self.read = 0
        """Bytes that have been read."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will be read."""
        return not self._thread.is_alive()

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def close(self) -> None:
        """Ends it; waits for the chunk that is being read."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        _give_way()
        with contextlib.suppress(OSError):  # the store was deleted meanwhile, or the disk fails, which the engine will say better
            for group in _groups(self._folder):
                if not self._all(group):
                    return

    def _all(self, group: list[Path]) -> bool:
        """Whether all of it was read."""
        size = self.read + sum(path.stat().st_size for path in group)
        return all(self._room() >= ROOM * size and self._one(path) for path in group)

    def _one(self, path: Path) -> bool:
        buffer = bytearray(CHUNK)
        with path.open("rb", buffering=0) as file:
            begun = time.monotonic()
            while count := file.readinto(buffer):
                self.read += count
                if self._stop.wait(time.monotonic() - begun):  # as long as it took: half of the disk is left to others
                    return False
                begun = time.monotonic()
        return True


def _groups(folder: Path) -> tuple[list[Path], list[Path]]:
    """What most questions need, and the rest."""
    groups: tuple[list[Path], list[Path]] = [], []
    for table in tables(folder):
        groups[family(table) not in DEFAULT_GRAPH].append(table)
    return groups


def _give_way() -> None:
    """On Linux, where a thread has a priority of its own."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
