"""
The artefact: what was made of each case is kept, put together with what all share, and published in one step.

A *part* holds all that was made of one case, in whatever graphs: a file of N-Quads, graph by graph and sorted in each, whose first line (a
comment) lists the graphs with their digests. It lies in `cache/` beside the artefact under the fingerprint of its case and the digest of that
line, so that the next build takes it over as it is, and a damaged one is made anew. A graph to which several parts contribute (the lenses) has each statement
once; where such a graph stood in the artefact before, only what changed is put in or taken out. The cache is nothing but saved time:
without it the bytes are the same.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyoxigraph as ox

from covalue import __version__
from covalue.manifest import GraphInfo, Manifest, read_manifest, write_manifest
from covalue.names import PREFIXES

APART = ("shapes", "lens")
"""The roles of graphs that are asked for by name and stand outside of the default graph."""
STATE = "state.json"
CHUNK = 1 << 20
RUN_BYTES = 96 << 20
"""Statements of a graph from many parts are sorted in memory up to this size; beyond, in runs on disk."""
WORTH_SPLICING = 50
"""A graph is changed in place rather than put together anew if it has so many times more statements than are changed."""


class DamagedError(Exception):
    """A file in the cache is not as it was written; without the cache all can be made anew."""


@dataclass(frozen=True)
class Segment:
    """The statements of one graph within a file: where they begin, how many bytes and statements they are, and their SHA-256."""

    graph: str
    start: int
    length: int
    count: int
    digest: str


@dataclass(frozen=True)
class Part:
    """A file with segments."""

    path: Path
    segments: tuple[Segment, ...]

    def read(self, segment: Segment) -> bytes:
        """
        The statements of a segment.

        Raises:
            DamagedError: they are not those that were written.
        """
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(segment.start)
                data = file.read(segment.length)
        except OSError as e:
            raise DamagedError from e
        if _sha256(data) != segment.digest:
            raise DamagedError
        return data


def role(graph: str) -> str:
    """The kind of a named graph, from its IRI."""
    return graph[len(PREFIXES["graph"]) :].partition("/")[0]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write_part(path: Path, lines: Mapping[str, Iterable[str]]) -> tuple[Part, str]:
    """A part and the digest of its first line."""
    blocks = [(graph, b"".join(sorted({line.encode() for line in each}))) for graph, each in sorted(lines.items())]
    listed = [[graph, len(block), block.count(b"\n"), _sha256(block)] for graph, block in blocks]
    head = f"# {json.dumps(listed)}\n".encode()
    data = b"".join([head, *(block for _, block in blocks)])
    path.write_bytes(data)
    return Part(path, tuple(_segments(head))), _sha256(head)


def _segments(head: bytes) -> Iterator[Segment]:
    start = len(head)
    for graph, length, count, digest in json.loads(head[2:]):
        yield Segment(graph, start, length, count, digest)
        start += length


def _read_part(path: Path, digest: str) -> Part | None:
    """A part that was kept, by its first line; None where that is not what was written, or the file has another length."""
    try:
        with path.open("rb") as file:
            head = file.readline()
            length = os.fstat(file.fileno()).st_size
    except OSError:
        return None
    if _sha256(head) != digest:
        return None
    part = Part(path, tuple(_segments(head)))
    return part if length == len(head) + sum(s.length for s in part.segments) else None


class Artefact:
    """
    An artefact in the making.

    Args:
        out: the folder where it will stand.
        work: an empty folder beside it, for what is unfinished.
        prints: the fingerprint of each case.
    """

    def __init__(self, out: Path, work: Path, prints: Mapping[str, str]) -> None:
        self.out, self.work, self.cache, self.prints = out, work, out / "cache", prints
        self.parts: dict[str, Part] = {}
        self._names: dict[str, str] = {}
        self._shared: dict[str, list[str]] = {}
        self._kept = {name.partition(".")[0]: name for name in sorted(p.name for p in self.cache.glob("*.part.nq"))} if self.cache.is_dir() else {}
        self._notes: set[str] = set()
        self._sound: set[str] = set()
        self._before = _Before.of(out)

    def add(self, graph: str, quads: Iterable[ox.Quad]) -> None:
        """A graph that belongs to no case."""
        self._shared[graph] = [f"{q} .\n" for q in quads]

    def reuse(self, case: str) -> bool:
        """Takes over what was made of a case that has not changed; False where there is nothing, or it is not as it was written."""
        name = self._kept.get(self.prints[case], "")
        part = _read_part(self.cache / name, name.split(".")[1]) if name else None
        if part is None:
            return False
        self.parts[case], self._names[case] = part, name
        return True

    def keep(self, case: str, lines: Mapping[str, Iterable[str]], sound: bool = True) -> None:
        """What was made of a case: lines of N-Quads by graph; `sound` tells that no fault was found in the case."""
        part, digest = _write_part(self.work / f"case-{len(self.parts):06}", lines)
        self.parts[case], self._names[case] = part, f"{self.prints[case]}.{digest}.part.nq"
        if sound:
            self._sound.add(case)

    def save(self) -> None:
        """Where nothing can be published: keeps at least what was made of sound cases for the next build."""
        self.cache.mkdir(exist_ok=True)
        for case in sorted(self._sound):
            self.parts[case].path.replace(self.cache / self._names[case])

    def noted(self, note: str) -> bool:
        """Whether the last good build noted something of its sources; if so, it stays noted."""
        found = (self.cache / f"{note}.note").is_file()
        if found:
            self._notes.add(note)
        return found

    def note(self, note: str) -> None:
        """Notes something of the sources, to be kept if the build is good."""
        self._notes.add(note)

    def publish(self, fingerprint: str) -> Manifest:
        """
        Puts the dataset and then its manifest in place; only now is anything visible.

        Raises:
            DamagedError: what was taken over is not as it was written; nothing has been changed.
        """
        shared, _ = _write_part(self.work / "shared", self._shared)
        by_graph: dict[str, list[tuple[Part, Segment]]] = {}
        for part in (shared, *self.parts.values()):
            for segment in part.segments:
                by_graph.setdefault(segment.graph, []).append((part, segment))
        whole = self.work / "whole.nq"
        infos, merged = [], {}
        with whole.open("wb") as file:
            target = _Target(file)
            for graph, found in sorted(by_graph.items()):
                begin = target.written
                count, digest = self._single(target, *found[0]) if len(found) == 1 else self._merge(target, graph, found)
                infos.append(GraphInfo(graph, role(graph), role(graph) not in APART, count, digest))
                if len(found) > 1:
                    merged[graph] = [begin, target.written - begin]
        name = f"covalue-{target.digest()[:16]}.nq"
        manifest = Manifest(target.digest(), fingerprint, __version__, name, tuple(infos))
        whole.replace(self.out / name)
        write_manifest(self.out, manifest)
        self._tidy({"data": name, "parts": sorted(self._names.values()), "graphs": merged})
        return manifest

    def _single(self, target: _Target, part: Part, segment: Segment) -> tuple[int, str]:
        target.write(part.read(segment))
        return segment.count, segment.digest

    def _merge(self, target: _Target, graph: str, found: Sequence[tuple[Part, Segment]]) -> tuple[int, str]:
        """Writes the statements of several segments, each once; returns their number and digest."""
        target.begin()
        changes = self._before.changes(graph, dict(zip(self._names.values(), self.parts.values(), strict=True))) if self._before else None
        if changes:
            for block in changes.blocks():
                target.write(block)
            return changes.count, target.end()
        count = 0
        for block in _united((part.read(segment) for part, segment in found), self.work):
            target.write(block)
            count += block.count(b"\n")
        return count, target.end()

    def _tidy(self, state: Mapping[str, object]) -> None:
        """Keeps the parts of the present cases, and nothing else."""
        self.cache.mkdir(exist_ok=True)
        kept = {STATE}
        for case, part in self.parts.items():
            kept.add(self._names[case])
            if part.path.parent == self.work:
                part.path.replace(self.cache / self._names[case])
        for note in self._notes:
            kept.add(f"{note}.note")
            (self.cache / f"{note}.note").touch()
        text = json.dumps(state).encode()
        (self.work / STATE).write_bytes(text + b"\n" + _sha256(text).encode())
        (self.work / STATE).replace(self.cache / STATE)
        for path in self.cache.iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)


class _Target:
    """A file being written, with the digest of all and of what is written between `begin` and `end`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._all, self._some = file, hashlib.sha256(), hashlib.sha256()
        self.written = 0

    def begin(self) -> None:
        self._some = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._all.update(data)
        self._some.update(data)
        self.written += len(data)

    def end(self) -> str:
        return self._some.hexdigest()

    def digest(self) -> str:
        return self._all.hexdigest()


# --- graphs of several parts


def _united(blocks: Iterable[bytes], work: Path) -> Iterator[bytes]:
    """The lines of sorted blocks, sorted and each once, in blocks; memory is bounded however many there are."""
    runs: list[Path] = []
    lines: list[bytes] = []
    size = 0
    for block in blocks:
        lines += block.splitlines(keepends=True)
        size += len(block)
        if size > RUN_BYTES:
            runs.append(work / f"run-{len(runs):06}")
            runs[-1].write_bytes(b"".join(_sorted_once(lines)))
            lines, size = [], 0
    if not runs:
        yield b"".join(_sorted_once(lines))
        return
    with ExitStack() as stack:
        files = [stack.enter_context(run.open("rb")) for run in runs]
        yield from _chunked(_once(heapq.merge(*files, _sorted_once(lines))))
    for run in runs:
        run.unlink()


def _sorted_once(lines: list[bytes]) -> list[bytes]:
    lines.sort()  # runs of sorted lines: merged, not sorted
    return list(dict.fromkeys(lines))


def _once(lines: Iterable[bytes]) -> Iterator[bytes]:
    last = b""
    for line in lines:
        if line != last:
            yield line
            last = line


def _chunked(lines: Iterable[bytes]) -> Iterator[bytes]:
    chunk: list[bytes] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) >= 5000:
            yield b"".join(chunk)
            chunk = []
    yield b"".join(chunk)


@dataclass(frozen=True)
class _Before:
    """The artefact that stands in the folder, and the parts that it was put together from."""

    data: Path
    cache: Path
    infos: Mapping[str, GraphInfo]
    parts: frozenset[str]
    graphs: Mapping[str, Sequence[int]]

    @classmethod
    def of(cls, out: Path) -> _Before | None:
        """None where there is none, or nothing is known of its parts."""
        manifest = read_manifest(out)
        try:
            text, _, digest = (out / "cache" / STATE).read_bytes().partition(b"\n")
            state = json.loads(text)
            if manifest is None or state["data"] != manifest.data or _sha256(text) != digest.decode():
                return None
            return cls(out / manifest.data, out / "cache", {g.iri: g for g in manifest.graphs}, frozenset(state["parts"]), dict(state["graphs"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def changes(self, graph: str, parts: Mapping[str, Part]) -> _Changes | None:
        """What has to be changed in a graph so that it is that of other parts; None where it is better made anew."""
        if graph not in self.graphs or graph not in self.infos or not self._sound(graph):
            return None
        gone: set[bytes] = set()
        for name in self.parts - parts.keys():
            part = _read_part(self.cache / name, name.split(".")[1])
            if part is None:
                return None
            gone.update(_lines([part], graph))
        come = set(_lines((part for name, part in parts.items() if name not in self.parts), graph))
        gone, come = gone - come, come - gone
        start, length = self.graphs[graph]
        if (len(gone) + len(come)) * WORTH_SPLICING * 100 > length:
            return None
        for line_set in (_lines([part], graph) for name, part in parts.items() if name in self.parts) if gone else ():
            gone.difference_update(line_set)
        return _Changes(self.data, start, start + length, sorted(gone | come), gone, self.infos[graph].triples)

    def _sound(self, graph: str) -> bool:
        """Whether the graph is as it was written."""
        start, length = self.graphs[graph]
        total = hashlib.sha256()
        try:
            with self.data.open("rb", buffering=0) as file:
                file.seek(start)
                while length and (data := file.read(min(CHUNK, length))):
                    total.update(data)
                    length -= len(data)
        except OSError:
            return False
        return total.hexdigest() == self.infos[graph].digest


def _lines(parts: Iterable[Part], graph: str) -> Iterator[bytes]:
    for part in parts:
        for segment in part.segments:
            if segment.graph == graph:
                yield from part.read(segment).splitlines(keepends=True)


@dataclass
class _Changes:
    """Lines to be put into, or taken out of, the sorted lines that stand in a file from `start` to `end`; `count` is how many there are, in the end."""

    path: Path
    start: int
    end: int
    lines: Sequence[bytes]
    gone: set[bytes]
    count: int

    def blocks(self) -> Iterator[bytes]:
        """The lines as they are with the changes made."""
        position = self.start
        with self.path.open("rb") as file:
            for line in self.lines:
                found = _first_not_below(file, position, self.end, line)
                yield from _copied(file, position, found)
                position = found
                file.seek(found)
                there = found < self.end and file.readline() == line
                if there and line in self.gone:
                    position = found + len(line)
                    self.count -= 1
                elif not there and line not in self.gone:
                    yield line
                    self.count += 1
            yield from _copied(file, position, self.end)


def _copied(file: BinaryIO, position: int, end: int) -> Iterator[bytes]:
    file.seek(position)
    while position < end and (data := file.read(min(CHUNK, end - position))):
        yield data
        position += len(data)


def _first_not_below(file: BinaryIO, low: int, high: int, line: bytes) -> int:
    """Where the first line begins, between two places of which the first is the beginning of a line, that is not below the given one."""
    while low < high:
        middle = (low + high) // 2
        start = low
        if middle > low:
            file.seek(middle - 1)
            file.readline()
            start = file.tell()
        if start >= high:
            high = middle
            continue
        file.seek(start)
        text = file.readline()
        if text < line:
            low = start + len(text)
        else:
            high = start
    return low
