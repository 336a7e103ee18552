"""
What runs in the worker processes: one query at a time, in a thread with a deep stack, watched by the main thread.

A worker speaks over one connection. It says `R` and the id of its engine thread once it is ready, or `X` and a pickled error. Then
each request is a pickled tuple, and the answer a row of frames:

    D shape data            more follows
    E shape keep data       the last data, and whether the worker may be kept
    F shape                 in which format? the answer is its number in FORMATS, or -1 for none
    X json                  an error; nothing else follows

The parent never unpickles what a worker sends after it has seen a stranger's query. On Linux, workers are forked from a `zygote` that
holds the dataset: a new one is there in milliseconds, and shares the memory. Elsewhere each opens the dataset itself.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pickle
import select
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

from covalue.errors import CovalueError, StoreError
from covalue.formats import FORMATS, Format, Shape
from covalue.stores.channel import Channel
from covalue.stores.limits import Limits, bytes_error, keep_to, memory_error
from covalue.stores.oxigraph import OxigraphStore, engine_error, shape_of
from covalue.stores.tables import tables, taken

CHUNK = 1 << 16
STACK = 256 << 20
TICK = 0.05
GRACE = 1.0
"""Seconds after the deadline at which a worker ends itself, should the parent not have ended it."""
SLACK = 256 << 20
"""Address space beyond the memory limit: allocators reserve more than they use."""
GROWN = 64 << 20
"""A worker that is so much larger after a query than before is not kept."""
EXIT_DEADLINE, EXIT_MEMORY, EXIT_ORPHAN = 11, 12, 13
SHAPES = {"B": Shape.BINDINGS, "O": Shape.BOOLEAN, "G": Shape.GRAPH}
LETTERS = {shape: letter for letter, shape in SHAPES.items()}
ABOUT = -2
"""In place of the number of a format: asks for the version instead, and, if the text is `ABOUT_GRAPHS`, for the graphs."""
ABOUT_GRAPHS = "graphs"


class Opener(Protocol):
    """How a worker comes by its dataset; pickled to it."""

    @property
    def forkable(self) -> bool:
        """Whether the opened dataset survives a fork (one on disk does not)."""

    def open(self) -> OxigraphStore:
        """
        Raises:
            CovalueError: it cannot be opened.
        """


@dataclass(frozen=True)
class Folder:
    """The dataset built last into a folder, in memory; where a `version` is named, that one and no later one."""

    folder: Path
    forkable: bool = True
    version: str = ""

    def open(self) -> OxigraphStore:
        store = OxigraphStore.open(self.folder, apart=True)
        if self.version not in ("", store.version):
            raise StoreError("another dataset was built into the folder meanwhile.", "该文件夹中已构建另一数据集。")
        return store


@dataclass(frozen=True)
class Files:
    """RDF files, in memory."""

    files: tuple[Path, ...]
    forkable: bool = True

    def open(self) -> OxigraphStore:
        return OxigraphStore.from_files(self.files)


class _StopError(Exception):
    """Raised in the engine's writes to end the evaluation."""

    def __init__(self, error: CovalueError) -> None:
        super().__init__(str(error))
        self.error = error


class Sink:
    """Where the engine writes: full chunks go to the parent at once, the last one with the end mark. The parent counts rows, so that the engine need not wait for that."""

    def __init__(self, channel: Channel, shape: Shape, limits: Limits) -> None:
        self._channel, self._limits = channel, limits
        self._letter = LETTERS[shape].encode()
        self._buffer = bytearray()
        self.size = 0

    def write(self, data: bytes) -> int:
        """Called by the engine with some kilobytes at a time."""
        self.size += len(data)
        if self.size > self._limits.bytes and self._limits.on("bytes"):
            raise _StopError(bytes_error(self._limits))
        self._buffer += data
        if len(self._buffer) > CHUNK:
            self._channel.send(b"D" + self._letter, self._buffer)
            self._buffer.clear()
        return len(data)

    def flush(self) -> None:
        """Nothing: chunks go out when they are full."""

    def end(self, keep: bool) -> None:
        """Sends what is left, with the end mark."""
        self._channel.send(b"E" + self._letter + (b"k" if keep else b"r"), self._buffer)


class Engine:
    """Answers requests until the connection ends."""

    def __init__(self, channel: Channel, store: OxigraphStore, limits: Limits, watch: Watch) -> None:
        self._channel, self._opened, self._limits, self._watch = channel, store, limits, watch

    def run(self) -> NoReturn:
        """Never returns: the process ends with the connection."""
        code = 1
        try:
            self._watch.arm(unopened(self._opened.folder), taken(self._opened.folder))
            self._channel.send(b"R%d" % threading.get_native_id())
            while True:
                self._one(*pickle.loads(self._channel.receive()))
        except (EOFError, OSError):
            code = 0
        finally:
            os._exit(code)  # past a panic of the engine nothing in this process is to be trusted

    def _one(self, text: str, default: tuple[str, ...] | None, named: tuple[str, ...] | None, number: int, seconds: float) -> None:
        self._watch.begin(seconds)
        try:
            if number == ABOUT:
                about = {"version": self._opened.version, "graphs": self._opened.graphs() if text == ABOUT_GRAPHS else []}
                self._channel.send(b"EBk", json.dumps(about).encode())
            else:
                self._answer(text, default, named, number)
        except _StopError as e:
            self._fail(e.error)
        except MemoryError:
            self._fail(memory_error(self._limits))
        except (SyntaxError, RuntimeError, ValueError, OSError) as e:  # OSError: of the engine's, or the parent is gone and so says the next line too
            self._fail(engine_error(text, e))
        finally:
            self._watch.end()

    def _answer(self, text: str, default: tuple[str, ...] | None, named: tuple[str, ...] | None, number: int) -> None:
        results = self._opened.evaluate(text, default, named)
        shape = shape_of(results)
        format = FORMATS[number] if number >= 0 else None
        if format is None or shape not in format.shapes:
            format = self._ask(shape)
        if format is None:
            return
        sink = Sink(self._channel, shape, self._limits)
        results.serialize(sink, format=format.engine)  # type: ignore[arg-type]
        results = None  # type: ignore[assignment]  # what it holds is to be free before the worker is measured
        sink.end(self._watch.fit())

    def _ask(self, shape: Shape) -> Format | None:
        self._channel.send(b"F", LETTERS[shape].encode())
        number = int(self._channel.receive())
        return FORMATS[number] if number >= 0 else None

    def _fail(self, error: CovalueError) -> None:
        place = error.place
        body = {"kind": type(error).__name__, "en": error.en, "zh": error.zh, "line": place and place.line, "column": place and place.column}
        self._channel.send(b"X", json.dumps(body).encode())


class Watch:
    """
    Ends the process when its query is over time, its memory over the limit, or its parent gone.

    The parent kills workers itself; this is the second line, and for memory on systems without RLIMIT_AS the first. It costs nothing
    while no queries come.
    """

    def __init__(self, channel: Channel, limits: Limits) -> None:
        self._limits = limits
        self._statm = _open_statm()
        self._poll = None
        if hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(channel.fileno(), 0)
        self._parent = os.getppid()
        self._wake = threading.Event()
        self._asleep = False
        self._until: float | None = None
        self._base = 0

    def arm(self, files: int = 0, kept: int = 0) -> None:
        """
        Called by the engine thread when all is opened: memory counts from here, and no file or socket can be opened any more.

        Args:
            files: of the store, that the engine has not opened yet; so many more it can.
            kept: bytes that the engine will take for them by and by, and keep from question to question; no query is to blame for them.
        """
        self._base = self.memory() + kept
        if self._limits.on("rlimit"):
            _limit_memory(self._statm, self._limits.memory + kept)
        if self._limits.on("network"):
            _close_network(files)

    def begin(self, seconds: float) -> None:
        """A query starts, and may take so many seconds."""
        self._until = time.monotonic() + seconds + GRACE
        if self._asleep:
            self._wake.set()

    def end(self) -> None:
        """The query is over."""
        self._until = None

    def fit(self) -> bool:
        """Whether the worker has stayed so small that it can be kept."""
        return self.memory() < self._base + GROWN or not self._limits.on("recycle")

    def memory(self) -> int:
        """Resident memory that is not of files, in bytes; 0 where the system does not tell."""
        if self._statm is None:
            return _memory_elsewhere()
        resident, shared = os.pread(self._statm, 128, 0).split()[1:3]
        return (int(resident) - int(shared)) * _page()

    def run(self) -> NoReturn:
        """The loop of the main thread."""
        idle = 0.0
        while True:
            time.sleep(TICK)
            if self._until is not None:
                idle = 0.0
                self._look()
            elif (idle := idle + TICK) > 1:
                self._sleep()
                idle = 0.0

    def _sleep(self) -> None:
        self._wake.clear()
        self._asleep = True
        if self._until is None:
            self._wake.wait()
        self._asleep = False

    def _look(self) -> None:
        until = self._until
        if until is not None and time.monotonic() > until and self._limits.on("watch"):
            os._exit(EXIT_DEADLINE)
        if self._limits.on("memory") and self.memory() > self._base + self._limits.memory:
            os._exit(EXIT_MEMORY)
        if self._orphaned():
            os._exit(EXIT_ORPHAN)

    def _orphaned(self) -> bool:
        if self._poll is None:
            return os.getppid() != self._parent
        return any(event & (select.POLLHUP | select.POLLERR) for _, event in self._poll.poll(0))


def _open_statm() -> int | None:
    """Opened for good: later no file can be."""
    try:
        return os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return None


def _page() -> int:
    return os.sysconf("SC_PAGE_SIZE")


def _memory_elsewhere() -> int:
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _limit_memory(statm: int | None, memory: int) -> None:
    """RLIMIT_AS: what exceeds it fails at once, where the watch looks now and then."""
    if statm is None:
        return
    import resource

    most = int(os.pread(statm, 128, 0).split()[0]) * _page() + memory + SLACK
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def unopened(folder: Path | None) -> int:
    """How many files of a store on disk this process has not opened yet: of large ones the engine opens many only when it needs them."""
    if folder is None:
        return 0
    closed = {str(path) for path in tables(folder.resolve())}
    with contextlib.suppress(OSError):
        closed -= {str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
    return len(closed)


def _close_network(files: int = 0) -> None:
    """RLIMIT_NOFILE at the lowest free number, or that many files behind it: no other can be opened any more, nor a socket, by whatever code."""
    if sys.platform == "win32":
        return
    import resource

    free = [os.dup(0) for _ in range(files + 1)]
    for number in free:
        os.close(number)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[-1], free[-1]))


def _no_cores() -> None:
    if sys.platform == "win32":
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    most = 1 if hard == resource.RLIM_INFINITY else min(1, hard)  # 1, not 0: Linux pipes a dump to a program unless the limit is 1
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def _be_quiet() -> None:
    """Signals by default, no interrupt from the terminal, and no words of the engine on the service's streams."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    if null > 2:
        os.close(null)
    _no_cores()


def work(channel: Channel, opened: OxigraphStore | CovalueError, limits: Limits) -> NoReturn:
    """A worker's life, from a dataset that is open or could not be opened."""
    if isinstance(opened, CovalueError):
        channel.send(b"X", pickle.dumps(opened))
        os._exit(0)
    watch = Watch(channel, limits)
    if limits.on("stack"):
        threading.stack_size(STACK)
    threading.Thread(target=Engine(channel, opened, limits, watch).run, daemon=True).start()
    watch.run()


def open_quietly(opener: Opener) -> OxigraphStore | CovalueError:
    """The dataset, or the error that opening it ended in."""
    try:
        return opener.open()
    except CovalueError as e:
        return e


def spawned(connection: socket.socket, opener: Opener, limits: Limits) -> NoReturn:
    """The target of a worker that is started anew instead of forked."""
    _be_quiet()
    work(Channel(connection), open_quietly(opener), limits)


def zygote(number: int) -> NoReturn:
    """
    The process that holds the dataset and forks workers; it has one thread, so that a fork is safe.

    Its socket (by number) brings a pickled opener, limits and processors first, and then, one by one: `F` with a descriptor: fork a worker on it,
    answer its process id; `S` with an id: answer the exit status of that worker, which has ended; `R` with an id: that worker is not
    needed any more. Process ids stay taken until then, so the parent kills nobody else.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _no_cores()
    control = socket.socket(fileno=number)
    opener, limits, processors = pickle.loads(control.recv(1 << 16))
    keep_to(processors)
    opened = open_quietly(opener) if opener.forkable else None
    gc.collect()
    gc.freeze()
    _Zygote(control, opener, opened, limits).run()


class _Zygote:
    def __init__(self, control: socket.socket, opener: Opener, opened: OxigraphStore | CovalueError | None, limits: Limits) -> None:
        self._control, self._opener, self._opened, self._limits = control, opener, opened, limits
        self._children: set[int] = set()
        self._ending: set[int] = set()

    def run(self) -> NoReturn:
        while True:
            self._control.settimeout(0.2 if self._ending else None)
            with contextlib.suppress(TimeoutError):
                message, descriptors, _, _ = socket.recv_fds(self._control, 64, 1)
                if not message:
                    self._end()
                self._do(message, descriptors)
            self._reap()

    def _do(self, message: bytes, descriptors: list[int]) -> None:
        verb, number = message[:1], int(message[1:] or 0)
        if verb == b"F":
            self._control.send(b"%d" % self._fork(descriptors[0]))
        elif verb == b"S":
            self._children.discard(number)
            self._control.send(self._bury(number))
        else:
            self._ending.add(number)

    def _fork(self, descriptor: int) -> int:
        child = os.fork()
        if child == 0:
            try:
                self._control.close()
                _be_quiet()
                work(Channel(socket.socket(fileno=descriptor)), self._opened if self._opened is not None else open_quietly(self._opener), self._limits)
            finally:
                os._exit(1)
        os.close(descriptor)
        self._children.add(child)
        return child

    def _bury(self, child: int) -> bytes:
        try:
            return b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        except ChildProcessError:  # of a zygote that has died
            return b"?"

    def _reap(self) -> None:
        for child in list(self._ending):
            try:
                ended = os.waitpid(child, os.WNOHANG)[0] != 0
            except ChildProcessError:
                ended = True
            if ended:
                self._ending.discard(child)
                self._children.discard(child)

    def _end(self) -> NoReturn:
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        os._exit(0)


def main() -> NoReturn:
    """The entry of the zygote's own interpreter."""
    zygote(int(sys.argv[1]))
