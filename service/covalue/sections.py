"""
Files of named parts that are mapped into memory instead of read: several processes share their pages, and the system takes these back when it
needs them. Numbers stand in the byte order of the machine, since such a file is made where it is used.
"""

from __future__ import annotations

import json
import mmap
from array import array
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

MAGIC = b"covalue\1"
WORD = 8
"""Each part begins at a multiple of so many bytes, as numbers of that size must."""


class Writer:
    """
    Writes parts one after the other.

    Args:
        file: is empty.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._parts: dict[str, tuple[int, int]] = {}
        self._at = 0

    def add(self, name: str, *pieces: bytes | bytearray | array[int]) -> None:
        """Adds a part, made of pieces."""
        start = self._at
        for piece in pieces:
            data = memoryview(piece).cast("B") if isinstance(piece, array) else piece
            self._file.write(data)
            self._at += len(data)
        self._parts[name] = start, self._at
        self._fill()

    def copy(self, name: str, *files: IO[bytes]) -> None:
        """Adds a part, made of what files hold from where they stand."""
        start = self._at
        for file in files:
            while data := file.read(1 << 20):
                self._file.write(data)
                self._at += len(data)
        self._parts[name] = start, self._at
        self._fill()

    def _fill(self) -> None:
        gap = -self._at % WORD
        self._file.write(bytes(gap))
        self._at += gap

    def end(self, told: Mapping[str, Any]) -> None:
        """
        Writes what opens the file, last of all, so that one that was cut short is none.

        Args:
            told: anything that JSON holds, for who opens it.
        """
        index = json.dumps({"parts": self._parts, "told": told}, sort_keys=True).encode()
        self._file.write(index + len(index).to_bytes(WORD, "little") + MAGIC)
        self._file.flush()


class Sections:
    """
    The parts of such a file.

    Raises:
        ValueError: it is none, or not a whole one.
    """

    def __init__(self, data: mmap.mmap | bytes) -> None:
        if data[-len(MAGIC) :] != MAGIC:
            raise ValueError("not a whole file of sections")
        end = len(data) - len(MAGIC) - WORD
        size = int.from_bytes(data[end : end + WORD], "little")
        index = json.loads(data[end - size : end])
        self.data = data
        self.told: Mapping[str, Any] = MappingProxyType(index["told"])
        self._places: dict[str, tuple[int, int]] = {name: (start, stop) for name, (start, stop) in index["parts"].items()}
        self._view = memoryview(data)

    @classmethod
    def of(cls, file: IO[bytes]) -> Sections:
        """Those of an open file, which may be closed (and deleted) afterwards."""
        return cls(file.getvalue() if isinstance(file, BytesIO) else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    @classmethod
    def open(cls, path: Path) -> Sections:
        """
        Those of a file.

        Raises:
            OSError: it cannot be opened.
            ValueError: it is none of this kind, or not a whole one.
        """
        with path.open("rb") as file:
            return cls.of(file)

    @property
    def mapped(self) -> bool:
        """Whether what they hold is the system's, not this process's own."""
        return isinstance(self.data, mmap.mmap)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def place(self, name: str) -> tuple[int, int]:
        """Where a part begins and ends."""
        return self._places[name]

    def part(self, name: str) -> memoryview:
        """The bytes of a part."""
        start, end = self._places[name]
        return self._view[start:end]

    def numbers(self, name: str, code: str) -> memoryview:
        """The numbers of a part, as `array` and `memoryview` name their kinds."""
        return self.part(name).cast(code)  # type: ignore[call-overload,no-any-return]
