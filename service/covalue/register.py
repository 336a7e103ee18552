"""
The register of all that has a name, as a file that is mapped into memory: what is kept of each thing, found by its number or its IRI, and the
folded names and definitions, in the order in which searches find them.

No object stands for a thing until it is asked for, so ten million names take as much of a process's own memory as ten do. It is written in
one pass over the things in the order of their IRIs, in memory that hardly grows with their number, and the same things give the same bytes.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import lru_cache
from io import BytesIO
from itertools import accumulate, islice
from typing import IO, Any, overload
from zlib import crc32

from covalue.entries import KINDS, RANK, Entry, folded_names, folded_texts, shortest
from covalue.grams import SIZE, Part, encoded, ends_of
from covalue.sections import Sections, Writer

RECENT = 4096
"""Things that are kept as objects, those that were asked for last."""
SETS = 1024
"""Sets of things with a piece in their names that are kept as numbers, those that were asked for last: at most nine megabytes."""
LINES = "CREATE TABLE line (kind INTEGER, size INTEGER, label BLOB, number INTEGER, names BLOB, texts BLOB)"
RANKED = "SELECT kind, number, names, texts FROM line ORDER BY kind, size, label, number"


# --- writing


def whole() -> bool:
    """Says of things that all could be read: they were not cut."""
    return False


def write(entries: Iterable[Entry], file: IO[bytes], cut: Callable[[], bool] = whole) -> None:
    """
    Writes a register.

    Args:
        entries: in the order of their IRIs.
        file: is empty.
        cut: whether there was more than could be read; asked when all have been taken.

    Cost: 20 µs for each thing, and some ten bytes of memory.
    """
    with closing(sqlite3.connect("")) as lines:  # in memory as far as its cache goes, then in a temporary file
        lines.execute(LINES)
        kinds = [_Kind() for _ in KINDS]
        types: dict[str, int] = {}
        try:
            lines.executemany("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?)", _taken(entries, kinds, types))
            out = Writer(file)
            _write_records(out, kinds)
            first = [*accumulate((len(kind) for kind in kinds), initial=0)]
            _write_parts(out, lines.execute(RANKED), first)
            out.end({"kinds": [len(kind) for kind in kinds], "types": [*types], "size": SIZE, "cut": cut()})
        finally:
            for kind in kinds:
                kind.records.close()


class _Kind:
    """What is kept of the things of a kind."""

    def __init__(self) -> None:
        self.records: IO[bytes] = tempfile.SpooledTemporaryFile(1 << 20)  # noqa: SIM115  closed by who made it
        self.sizes = array("I")
        self.hashes = array("I")

    def __len__(self) -> int:
        return len(self.sizes)

    def add(self, iri: str, record: bytes) -> int:
        """The number that the thing gets."""
        self.records.write(record)
        self.sizes.append(len(record))
        self.hashes.append(_hashed(iri))
        return len(self.sizes) - 1


def _taken(entries: Iterable[Entry], kinds: Sequence[_Kind], types: dict[str, int]) -> Iterator[tuple[int, int, bytes, int, bytes, bytes]]:
    """Things as rows by which they are put in the order of searches."""
    for entry in entries:
        rank = RANK[entry.kind]
        kept = [entry.iri, entry.labels, entry.others, entry.texts, types.setdefault(entry.type, len(types))]
        number = kinds[rank].add(entry.iri, encoded(json.dumps(kept, ensure_ascii=False, separators=(",", ":"), default=dict)))
        names = folded_names(entry)
        size, label = shortest(names)
        yield rank, size, encoded(label), number, encoded(names), encoded(folded_texts(entry))


def _write_records(out: Writer, kinds: Sequence[_Kind]) -> None:
    for kind in kinds:
        kind.records.seek(0)
    out.copy("records", *(kind.records for kind in kinds))
    out.add("records.ends", array("Q", accumulate((size for kind in kinds for size in kind.sizes), initial=0)))
    out.add("iris", array("Q", sorted(hashed << 32 | number for number, hashed in enumerate(h for kind in kinds for h in kind.hashes))))


def _write_parts(out: Writer, lines: Iterator[tuple[int, int, bytes, bytes]], first: Sequence[int]) -> None:
    """
    Args:
        lines: kind, number among those of its kind, names and texts.
        first: the number of the first thing of each kind.
    """
    order = array("I")
    part = 0
    while chunk := [*islice(lines, SIZE)]:
        order.extend(first[kind] + number for kind, number, _, _ in chunk)
        for name, texts in (("names", [row[2] for row in chunk]), ("texts", [row[3] for row in chunk])):
            if name == "names" or any(texts):
                out.add(f"{name}.{part}", *texts)
                out.add(f"{name}.{part}.ends", ends_of(texts))
        part += 1
    out.add("order", order)


def _hashed(iri: str) -> int:
    return crc32(encoded(iri))


# --- reading


class Records(Sequence[Entry]):
    """The things of a register, by kind and IRI; made anew from the file when asked for."""

    def __init__(self, sections: Sections, kinds: Sequence[int]) -> None:
        self._sections = sections
        self._start = sections.place("records")[0]
        self._ends = sections.numbers("records.ends", "Q")
        self._iris = sections.numbers("iris", "Q")
        self._types: Sequence[str] = sections.told["types"]
        self._names = tuple(KINDS)
        self._first = [*accumulate(kinds, initial=0)]
        self._made = lru_cache(RECENT)(self._make)

    def __len__(self) -> int:
        return self._first[-1]

    @overload
    def __getitem__(self, at: int) -> Entry: ...

    @overload
    def __getitem__(self, at: slice) -> list[Entry]: ...

    def __getitem__(self, at: int | slice) -> Entry | list[Entry]:
        if isinstance(at, slice):
            return [self._make(number) for number in range(*at.indices(len(self)))]
        return self._made(range(len(self))[at])

    def __iter__(self) -> Iterator[Entry]:
        return map(self._make, range(len(self)))

    def of(self, kind: str) -> range:
        """The numbers of the things of a kind."""
        rank = RANK[kind]
        return range(self._first[rank], self._first[rank + 1])

    def find(self, iri: str) -> Entry | None:
        """The thing with an IRI."""
        least = _hashed(iri) << 32
        for at in range(bisect_left(self._iris, least), bisect_left(self._iris, least + (1 << 32))):
            if (entry := self[self._iris[at] & 0xFFFFFFFF]).iri == iri:
                return entry
        return None

    def _make(self, number: int) -> Entry:
        start, end = self._ends[number : number + 2]
        iri, labels, others, texts, type = json.loads(self._sections.data[self._start + start : self._start + end].decode("utf-8", "surrogatepass"))
        return Entry(iri, self._names[bisect_right(self._first, number) - 1], labels, tuple(others), texts, self._types[type])


class Range:
    """Things that stand side by side in the order of searches: a part of the names, and of the definitions where they have some."""

    def __init__(self, first: int, names: Part, texts: Part | None, ends: Mapping[str, int]) -> None:
        """
        Args:
            first: the rank of the first of them.
            ends: the kinds of which there are some, in order, and where each ends.
        """
        self.first, self.names, self.texts = first, names, texts
        self._kinds, self._ends = tuple(ends), tuple(ends.values())
        starts = (0, *self._ends)
        self.kinds = {kind: (1 << end) - (1 << start) for kind, start, end in zip(self._kinds, starts, self._ends, strict=False)}
        """Kinds with the places of their things, as bits."""

    def kind(self, rank: int) -> str:
        """The kind of one of the things."""
        return self._kinds[bisect_right(self._ends, rank - self.first)]

    @property
    def parts(self) -> dict[str, Part]:
        """Names and definitions."""
        return {"names": self.names, **({"texts": self.texts} if self.texts else {})}


class Register:
    """
    See the module.

    Args:
        sections: what `write` wrote.
        pieces: what `write_pieces` wrote, where that is there.

    Raises:
        ValueError: it is something else.
    """

    def __init__(self, sections: Sections, pieces: Sections | None = None) -> None:
        self.sections = sections
        told: Mapping[str, Any] = sections.told
        with suppress(KeyError):
            self.cut: bool = told["cut"]
            self.size: int = told["size"]
            self.entries = Records(sections, told["kinds"])
            self.order = sections.numbers("order", "I")
            self.ranges = [self._range(number, first) for number, first in enumerate(range(0, len(self.entries), self.size))]
            if pieces is not None:
                self.attach(pieces)
            return
        raise ValueError("not a register of names")

    @classmethod
    def of(cls, entries: Iterable[Entry], file: IO[bytes] | None = None, cut: Callable[[], bool] = whole) -> Register:
        """One of things in the order of their IRIs, in an open file, else in memory; see `write`."""
        out = BytesIO() if file is None else file
        write(entries, out, cut)
        return cls(Sections.of(out))

    def _range(self, number: int, first: int) -> Range:
        of_kinds = {kind: self.entries.of(kind) for kind in KINDS}
        ends = {kind: min(of.stop - first, self.size) for kind, of in of_kinds.items() if of and of.start < first + self.size and of.stop > first}
        texts = self._part(f"texts.{number}") if f"texts.{number}" in self.sections else None
        return Range(first, self._part(f"names.{number}"), texts, ends)

    def _part(self, name: str) -> Part:
        return Part(self.sections.data, self.sections.place(name)[0], self.sections.numbers(f"{name}.ends", "I"))

    @property
    def _parts(self) -> Iterator[tuple[str, Part]]:
        for number, one in enumerate(self.ranges):
            for name, part in one.parts.items():
                yield f"{name}.{number}", part

    def write_pieces(self, file: IO[bytes]) -> None:
        """
        Writes the index that makes searches quick among many names.

        Cost: 40 µs for each thing.
        """
        out = Writer(file)
        for name, part in self._parts:
            out.add(name, part.indexed())
        out.end({})

    def attach(self, pieces: Sections) -> None:
        """Searches by that index from now on; may be called while searches go on."""
        parts = [*self._parts]
        for name, part in parts:
            part.attach(pieces.part(name), SETS // len(parts))
