"""Answers on their way out: small ones in memory, longer ones in a temporary file that deletes itself."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Protocol, cast

from covalue.errors import StoreError
from covalue.formats import Format, Shape
from covalue.stores.limits import Limits, OverloadedError, bytes_error

CHUNK = 1 << 16


class Budget:
    """The bytes that all temporary files may take together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self.used = 0

    def take(self, size: int) -> None:
        """
        Raises:
            OverloadedError: there is not so much left.
        """
        with self._lock:
            if self.used + size > self._most:
                raise OverloadedError("too many long answers are waiting to be fetched; try again later.", "等待取走的长结果过多；请稍后重试。", 5)
            self.used += size

    def give(self, size: int) -> None:
        with self._lock:
            self.used -= size


class Spool:
    """Takes the bytes of one answer, and keeps count."""

    def __init__(self, limits: Limits, budget: Budget) -> None:
        self._limits, self._budget = limits, budget
        self._parts: list[bytes] = []
        self._file: BinaryIO | None = None
        self._held = 0
        self.size = 0

    def write(self, data: bytes) -> None:
        """
        Raises:
            TooLargeError: the answer is longer than it may be; the worker looks too, this is the second line.
            OverloadedError: the temporary files are full.
            StoreError: the temporary folder cannot be written.
        """
        self.size += len(data)
        if self.size > self._limits.bytes and self._limits.on("bytes"):
            raise bytes_error(self._limits)
        if self._file is None and self.size <= self._limits.spool_bytes:
            self._parts.append(data)
            return
        try:
            self._to_file(data)
        except OSError as e:
            raise StoreError(f"the answer cannot be written to the temporary folder: {e.strerror}.", f"结果无法写入临时文件夹：{e.strerror}。") from e

    def _to_file(self, data: bytes) -> None:
        if self._file is None:
            self._hold(self.size - len(data))
            self._file = cast(BinaryIO, tempfile.TemporaryFile(prefix="covalue-"))  # noqa: SIM115
            for part in self._parts:
                self._file.write(part)
            self._parts.clear()
        self._hold(len(data))
        self._file.write(data)

    def _hold(self, size: int) -> None:
        self._budget.take(size)
        self._held += size

    def rewind(self) -> None:
        """Ready to be read from the start."""
        if self._file is not None:
            self._file.seek(0)

    def read(self) -> bytes:
        """What is left, as one piece."""
        out = b"".join(self._parts) if self._file is None else self._file.read()
        self.close()
        return out

    def chunks(self) -> Iterator[bytes]:
        """What is left, in pieces; then the file is gone."""
        try:
            yield from self._parts
            while self._file is not None and (chunk := self._file.read(CHUNK)):
                yield chunk
        finally:
            self.close()

    def close(self) -> None:
        """Lets go of memory and file; a second call does nothing."""
        self._parts = []
        if self._file is not None:
            self._file.close()
            self._file = None
        held, self._held = self._held, 0
        if held:
            self._budget.give(held)

    @property
    def on_disk(self) -> bool:
        """Whether the bytes are in a file."""
        return self._file is not None


class Whole:
    """The bytes of an answer that are held already, and stay; as a `Source`."""

    on_disk = False

    def __init__(self, data: bytes) -> None:
        self._data, self.size = data, len(data)

    def read(self) -> bytes:
        return self._data

    def chunks(self) -> Iterator[bytes]:
        return iter((self._data,))

    def close(self) -> None:
        """Nothing is to be let go."""


class Source(Protocol):
    """Where the bytes of a `Stream` are, or come from: a `Spool`, or what is not whole yet."""

    @property
    def size(self) -> int | None:
        """Length in bytes; None where nobody knows it yet."""

    @property
    def on_disk(self) -> bool:
        """See `Spool.on_disk`."""

    def read(self) -> bytes:
        """See `Spool.read`."""

    def chunks(self) -> Iterator[bytes]:
        """See `Spool.chunks`."""

    def close(self) -> None:
        """See `Spool.close`."""


class Stream:
    """
    An answer, ready to be sent: its bytes are all there, so that a status line may promise them. Only who has asked for it early may get
    one of unknown `size`, which comes while it is sent, and may end in an error instead.

    Iterate once, or `read` once; `close` (also as a context manager) may be called at any time, and leaves no file.
    """

    def __init__(self, shape: Shape, format: Format, source: Source) -> None:
        self.shape, self.format = shape, format
        self.size = source.size
        """Length in bytes, for Content-Length; None where the answer is not whole yet."""
        self._source = source

    @property
    def on_disk(self) -> bool:
        """Whether bytes are in a temporary file."""
        return self._source.on_disk

    def __iter__(self) -> Iterator[bytes]:
        return self._source.chunks()

    def read(self) -> bytes:
        """All bytes."""
        return self._source.read()

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
