"""
The table files of a store on disk: which of them most questions need, and what the engine takes of memory to read them.

Each file belongs to one family of the engine's (RocksDB's): an order of statements, with their graph (`spog` … `gosp`) or without, for
those of the default graph (`dspo`, `dpos`, `dosp`), or the texts of names and literals (`id2str`). The family stands in the
properties at the end of a file.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

ENDING = 4096
"""How far from the end of a file its properties begin at most, in bytes."""
FAMILY = re.compile(rb"(?:\x16\x04(.)name|\x00\x1a(.)rocksdb\.column\.family\.name)", re.DOTALL)
"""The entry of a properties block that names it, before its value: bytes shared with the entry before it, bytes of its own, length of the value, and those bytes."""
DEFAULT_GRAPH = frozenset({"dspo", "dpos", "dosp", "id2str", ""})
"""
What questions need that name no graph: a third of the bytes, since the others keep each statement six times. A table that
tells no family is a small one, that never had to be put in order with others.
"""
CACHES = 160 << 20
"""What a process keeps of blocks that it has read, at most, in bytes: 128 MiB of texts, 32 MiB of the rest (pyoxigraph 0.5.13)."""
INDEXED = 100
"""One byte of so many in a file is an index or a filter, which stay in memory once it is open; 0.6 % at 10⁷ statements."""


def tables(folder: Path) -> list[Path]:
    """All of them, by name."""
    return sorted(folder.glob("*.sst"))


def family(table: Path) -> str:
    """
    Of a table; empty where it does not tell.

    Raises:
        OSError: it cannot be read.
    """
    with table.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - ENDING))
        end = file.read()
    entry = FAMILY.search(end)
    return "" if entry is None else end[entry.end() : entry.end() + ord(entry[1] or entry[2])].decode("ascii", "replace")


def taken(folder: Path | None) -> int:
    """The memory that reading a store may take for good in a process, in bytes: indexes of all tables, and kept blocks. None for a store in memory."""
    if folder is None:
        return 0
    sizes = 0
    for table in tables(folder):
        with contextlib.suppress(OSError):
            sizes += table.stat().st_size
    return min(CACHES, sizes) + sizes // INDEXED
