"""What an answer may be, in bytes and rows, held against its pieces as they come."""

from __future__ import annotations

import re
from typing import Final

from covalue.formats import Format
from covalue.stores.limits import Limits, bytes_error, rows_error


class RowCounter:
    """
    Counts rows in serialised bytes, whatever the pieces in which they come.

    Exact for tables: the marks cannot stand inside a value, where quotes and angle brackets are escaped. (In JSON a value that contains
    `,{}` counts as a row too many.) In graphs it counts statements of N-Triples and N-Quads, and at most the statements elsewhere.
    """

    MARKS: Final = {
        "srj": re.compile(rb',\{(?:"[^,}]|\})'),
        "srx": re.compile(rb"<result>|<result/>"),
        "rdf": re.compile(rb"</rdf:Description>"),
        "jsonld": re.compile(rb':\[\{"@'),
    }
    LINE: Final = re.compile(rb"\n")
    LONGEST: Final = 18

    def __init__(self, format: Format) -> None:
        self._mark = self.MARKS.get(format.extension, self.LINE)
        self._quoted = format.extension == "csv"
        self._inside = False
        self._tail = b""
        self.rows = 1 if format.extension == "srj" else -1 if format.extension in ("csv", "tsv") else 0

    def feed(self, data: bytes | bytearray) -> int:
        """Takes more bytes; returns the rows so far."""
        if self._quoted:
            self.rows += self._csv(data)
        elif self._mark is self.LINE:
            self.rows += data.count(b"\n")
        else:
            text = self._tail + data
            self.rows += len(self._mark.findall(text)) - len(self._mark.findall(self._tail))
            self._tail = text[-self.LONGEST + 1 :]
        return self.rows

    def _csv(self, data: bytes | bytearray) -> int:
        if b'"' not in data:
            return 0 if self._inside else data.count(b"\n")
        pieces = data.split(b'"')
        count = sum(piece.count(b"\n") for piece in pieces[self._inside :: 2])
        self._inside ^= len(pieces) % 2 == 0
        return count


class Meter:
    """
    Measures one answer.

    Args:
        limits: what it may be.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._counter: RowCounter | None = None
        self._size = 0

    def feed(self, data: bytes, format: Format, last: bool = False) -> bytes:
        """
        The next piece, as it was given.

        Args:
            format: of the answer.
            last: whether nothing follows. What is all of an answer, and has no more bytes than there may be rows, is not looked at.

        Raises:
            TooLargeError: with this piece the answer is too large.
        """
        self._size += len(data)
        if self._size > self._limits.bytes and self._limits.on("bytes"):
            raise bytes_error(self._limits)
        if self._limits.on("rows") and not (last and self._size <= self._limits.rows):
            self._counter = self._counter or RowCounter(format)
            if self._counter.feed(data) > self._limits.rows:
                raise rows_error(self._limits)
        return data
