"""
Reads through once what most questions need of a store on disk, so that the system has it in memory when they come.

A question about one case needs some twenty to sixty blocks of 4 kB, all over the files, since the engine orders statements by hashes. From a
file that the system holds in its cache each takes some microseconds, from the disk a hundred or more. What is read stays the system's,
which drops it as soon as any process wants the memory; and nothing is read unless there is twice the room. The thread rests three
times as long as it reads. It has no low priority: where the processors are busy it would be left waiting with Python's lock, and all requests with it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

from covalue.stores.spare import spare
from covalue.stores.tables import DEFAULT_GRAPH, family, tables

CHUNK = 1 << 18
"""Bytes at a time: a question that needs another block waits for no more."""
REST = 3
"""So many times as long as a chunk took, the disk is left to others."""
ROOM = 2
"""So many times the size of the files must be to spare."""


class ReadAhead:
    """
    A thread that reads the tables of the default graph.

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
        with contextlib.suppress(OSError):  # the store was deleted meanwhile, or the disk fails, which the engine will say better
            wanted = [table for table in tables(self._folder) if family(table) in DEFAULT_GRAPH]
            size = sum(table.stat().st_size for table in wanted)
            for table in wanted:
                if self._room() < ROOM * size or not self._one(table):
                    return

    def _one(self, path: Path) -> bool:
        """Whether it was read to its end."""
        buffer = bytearray(CHUNK)
        with path.open("rb", buffering=0) as file:
            begun = time.monotonic()
            while count := file.readinto(buffer):
                self.read += count
                if self._stop.wait(REST * (time.monotonic() - begun)):
                    return False
                begun = time.monotonic()
        return True
