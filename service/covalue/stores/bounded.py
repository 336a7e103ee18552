"""
A store that answers in worker processes, which can be killed: every query has an end, whatever it asks.

The engine has neither deadline nor cancel in Python, and no thread can be stopped; only the death of a process ends any query. So the
service keeps a few workers. The thread that asks waits for its worker with an eye on the clock and the client, and kills it when
either is over; nobody else does, so no kill hits a stranger. Answers are taken whole, long ones into a temporary file, before any of
their bytes go out: an answer that a limit cuts is an error and never a short answer. Who can tell his client so later, too, may have
a long answer early, while the engine works on it (see `flow`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
import threading
import time
from collections import OrderedDict
from collections.abc import Generator, Sequence
from pathlib import Path

from covalue.errors import CovalueError, FormatError, Place, QueryError, StoreError
from covalue.formats import FORM_SHAPES, FORMATS, Format, Shape
from covalue.manifest import Manifest, read_manifest
from covalue.sparql import form, guard
from covalue.stores import Pick, Request
from covalue.stores.flow import Early, Flow, whole
from covalue.stores.gate import Gate, Lane, Ticket
from covalue.stores.limits import (
    Cancel,
    Limits,
    TooLargeError,
    cancelled_error,
    check_size,
    crash_error,
    deadline_error,
    memory_error,
)
from covalue.stores.processes import TICK, NotStartedError, Starter, Worker, starter
from covalue.stores.readahead import ReadAhead
from covalue.stores.rows import Meter
from covalue.stores.snapshot import Snapshot, ensure
from covalue.stores.spool import Budget, Spool, Stream, Whole
from covalue.stores.streaming import StreamStore
from covalue.stores.worker import ABOUT, ABOUT_GRAPHS, EXIT_DEADLINE, EXIT_MEMORY, SHAPES, Files, Folder, Opener

NUMBERS = {f: i for i, f in enumerate(FORMATS)}
KINDS: dict[str, type[CovalueError]] = {k.__name__: k for k in (QueryError, FormatError, StoreError, TooLargeError)}
KNOWN_HEAVY = 1024
"""Texts that are remembered as heavy, and go to that lane at once."""
OUT_OF_MEMORY = {EXIT_MEMORY, -6}
"""Exit statuses: ended by its watch, an allocation of the engine failed (it aborts). Ended from outside (-9) may be anything."""
FROM_OUTSIDE = {-9, -15, None}
"""Exit statuses (None: nobody knows it) of workers that neither the engine nor a limit of ours has ended."""
AGAIN_SECONDS = 0.1
"""A worker that is ended from outside so soon was on its way out when it was asked; later, the query may be what took the machine's memory."""


class _AnewError(Exception):
    """The query is to start anew in the heavy lane."""


class _UnheardError(Exception):
    """The worker was ended from outside as it was asked, and the query had no part in that."""


class BoundedStore(StreamStore):
    """
    See the module. Safe for any number of threads; closed by `close` or as a context manager.

    Must be made after a server has forked its own processes, and is of use only in the process that made it.
    """

    def __init__(self, opener: Opener, limits: Limits | None = None, *, method: str | None = None, manifest: Manifest | None = None) -> None:
        """
        Args:
            opener: how workers open the dataset.
            limits: what queries may take.
            method: `fork` (Linux) or `spawn`; None chooses.
            manifest: of the dataset, where it has one; only kept.

        Raises:
            CovalueError: the dataset cannot be opened.
        """
        self.limits = limits or Limits()
        self.manifest = manifest
        self.disk = opener.path if isinstance(opener, Snapshot) else None
        """Where the store is, if it is on disk."""
        self._gate = Gate(self.limits)
        self._budget = Budget(self.limits.spool_total)
        self._pool = _Pool(starter(opener, self.limits, method), self.limits)
        self._heavy = _Known()
        self._version, self._graphs = self._pool.about(manifest)
        self._ahead: ReadAhead | None = None

    @classmethod
    def open(cls, folder: Path, limits: Limits | None = None, *, method: str | None = None, ahead: bool = False) -> BoundedStore:
        """
        The dataset built last into a folder: in memory, or from `Limits.disk_triples` on as a store on disk beside it.

        Args:
            folder: of the artefact.
            limits: what queries may take.
            method: `fork` (Linux) or `spawn`; None chooses.
            ahead: whether the files of a store on disk are read through in the background (see `readahead`): for who asks for long.

        Raises:
            StoreError: nothing was built there, or it cannot be loaded.
        """
        limits = limits or Limits()
        manifest = read_manifest(folder)
        if manifest is not None and manifest.triples > limits.disk_triples:
            snapshot = ensure(folder, manifest)
            store = cls(snapshot, limits, method=method, manifest=manifest)
            if ahead:
                store._ahead = ReadAhead(snapshot.path)
                store._ahead.start()
            return store
        try:
            return cls(Folder(folder, version=manifest.digest if manifest else ""), limits, method=method, manifest=manifest)
        except StoreError:
            now = read_manifest(folder)
            if manifest is None or now is None or now.digest == manifest.digest:
                raise
        return cls.open(folder, limits, method=method, ahead=ahead)  # a build ended in between

    @classmethod
    def from_files(cls, files: Sequence[Path], limits: Limits | None = None, *, method: str | None = None) -> BoundedStore:
        """
        The files' own dataset, with the standard's plain default graph.

        Raises:
            SourceError: a file is missing, of unknown type, or broken.
        """
        return cls(Files(tuple(files)), limits, method=method)

    @property
    def version(self) -> str:
        return self._version

    def graphs(self) -> Sequence[str]:
        return self._graphs

    def counts(self) -> dict[str, int]:
        """How many queries run and wait in each lane, workers live and have died as they were asked; the bytes in temporary files, and those read ahead of questions."""
        ahead = {"ahead_bytes": self._ahead.read, "ahead_ended": int(self._ahead.ended)} if self._ahead else {}
        return self._gate.counts() | {"workers": self._pool.alive, "asked_again": self._pool.again, "spooled_bytes": self._budget.used} | ahead

    def close(self) -> None:
        """Ends all workers; queries that run end in an error."""
        if self._ahead:
            self._ahead.close()
        self._pool.close()

    def stream(self, request: Request, pick: Pick, *, client: str = "", cancel: Cancel | None = None, seconds: float | None = None, early: Early = whole) -> Stream:
        """
        The answer, whole, in memory or in a temporary file; or, if the caller likes it `early`, what there is of a long one.

        Args:
            request: query and dataset.
            pick: chooses the format for a shape; called in this process, usually once.
            client: who asks (an address); empty means that no limit by client applies.
            cancel: true once the client has gone; looked at every 20 to 50 ms, so it must be quick.
            seconds: a shorter deadline than that of the limits.
            early: whether a long answer may be given before it is whole. It then has no size, its bytes come as the engine makes them,
                the errors below may come in between them, and its worker is busy until it is read to its end or closed.

        Raises:
            QueryError: the text is not one SPARQL query, or too large.
            RefusedError: it is an update, or would reach out of the store.
            FormatError: raised by `pick`, passed on.
            DeadlineError: it ran too long.
            TooLargeError: the answer, or the memory it takes, is too large.
            OverloadedError: there is no place for it now.
            CancelledError: `cancel` became true.
            CrashError: its worker died.
            StoreError: the engine failed, or the store is closed.
        """
        if self.limits.on("size"):
            check_size(request.text, grown=request.grown)
        if self.limits.on("guard"):
            guard(request.text)
        for graph in (*(request.default_graphs or ()), *(request.named_graphs or ())):
            _check_iri(graph)
        choice = _Choice(request.text, pick)
        allowed = min(seconds or self.limits.seconds, self.limits.seconds)
        ticket = Ticket(client, Lane.HEAVY if self._heavy.knows(request) else Lane.QUICK)
        try:
            return self._in_lane(request, choice, ticket, cancel, allowed, early)
        except _AnewError:
            self._heavy.add(request)
            return self._in_lane(request, choice, Ticket(client, Lane.HEAVY), cancel, allowed, early)

    def _in_lane(self, request: Request, choice: _Choice, ticket: Ticket, cancel: Cancel | None, seconds: float, early: Early) -> Stream:
        self._gate.enter(ticket, cancel)
        stay = _Stay(request, ticket, self.limits, self._gate, self._heavy, self._pool)
        try:
            question = (request.text, request.default_graphs, request.named_graphs, choice.number(choice.hint), seconds)
            run = _Run(stay, stay.ask(pickle.dumps(question)), ticket, self._gate, self.limits, cancel, seconds)
            if ticket.lane is Lane.HEAVY:
                run.lower()
            try:
                stream = run.answer(choice, self._budget, early)
            except _UnheardError:
                run.ask_again()
                stream = run.answer(choice, self._budget, early)
        except BaseException as e:
            stay.end(e)
            raise
        if stream.size is not None:
            stay.end()
        return stream


class _Stay:
    """A query in its lane and at its worker, from when it has a place until the last that comes of it."""

    def __init__(self, request: Request, ticket: Ticket, limits: Limits, gate: Gate, heavy: _Known, pool: _Pool) -> None:
        self._request, self._ticket, self._limits = request, ticket, limits
        self._gate, self._heavy, self._pool = gate, heavy, pool
        self._started = time.monotonic()
        self._worker: Worker | None = None
        self._question = b""
        self._ended = False
        self.fit = False
        """Whether the worker may be used again."""
        self.overran = False
        """Whether the quick lane was too short for it."""

    def ask(self, question: bytes) -> Worker:
        """A worker that has been asked; see `_Pool.ask`."""
        self._question = question
        self._worker = self._pool.ask(question)
        return self._worker

    def ask_again(self) -> Worker:
        """Another one in place of one that is dead."""
        dead, self._worker = self._worker, None
        if dead is not None:
            self._pool.mourn(dead)
        return self.ask(self._question)

    def end(self, error: BaseException | None = None) -> None:
        """Gives worker and place back; a second call does nothing."""
        if self._ended:
            return
        self._ended = True
        try:
            if self._worker is not None:
                self._pool.give(self._worker, self.fit)
        finally:
            seconds = time.monotonic() - self._started
            if error is None and self._ticket.lane is Lane.HEAVY:
                self._heavy.judge(self._request, seconds > self._limits.quick_seconds)
            elif isinstance(error, CovalueError) and self.overran:
                self._heavy.add(self._request)
            self._gate.leave(self._ticket, seconds, self.overran)


class _Known:
    """Requests that were too heavy for the quick lane, by digest; the latest of them."""

    def __init__(self) -> None:
        self._keys: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    def knows(self, request: Request) -> bool:
        """Whether it was heavy before."""
        return bool(self._keys) and self._key(request) in self._keys

    def add(self, request: Request) -> None:
        """It was heavy."""
        with self._lock:
            self._keys[self._key(request)] = None
            if len(self._keys) > KNOWN_HEAVY:
                self._keys.popitem(last=False)

    def judge(self, request: Request, heavy: bool) -> None:
        """It ran to its end, and was heavy, or not: then only the crowd had driven it there."""
        if heavy:
            self.add(request)
        else:
            with self._lock:
                self._keys.pop(self._key(request), None)

    @staticmethod
    def _key(request: Request) -> bytes:
        return hashlib.blake2b(repr(request).encode("utf-8", "replace"), digest_size=16).digest()


class _Choice:
    """
    The format of an answer, agreed with a worker.

    The first word of the query tells the shape in all but broken queries, so the format goes along with the question. An error of
    `pick` is kept until the worker has found the query sound: what is wrong with a query is said first.
    """

    def __init__(self, text: str, pick: Pick) -> None:
        self._pick = pick
        self._errors: dict[Shape, CovalueError] = {}
        self._formats: dict[Shape, Format] = {}
        self.hint = FORM_SHAPES.get(form(text) or "")

    def number(self, shape: Shape | None) -> int:
        """What the worker is told; -1 for no format."""
        if shape is None:
            return -1
        if shape not in self._formats and shape not in self._errors:
            try:
                self._formats[shape] = self._pick(shape)
            except CovalueError as e:
                self._errors[shape] = e
        return NUMBERS[self._formats[shape]] if shape in self._formats else -1

    def format(self, shape: Shape) -> Format:
        """
        Raises:
            FormatError: none will do.
        """
        if shape in self._errors:
            raise self._errors[shape]
        return self._formats[shape]


class _Run:
    """One query in one worker, asked and watched by the thread that called, or that reads what comes of it."""

    def __init__(self, stay: _Stay, worker: Worker, ticket: Ticket, gate: Gate, limits: Limits, cancel: Cancel | None, seconds: float) -> None:
        self._stay, self._worker, self._ticket, self._gate, self._limits, self._cancel = stay, worker, ticket, gate, limits, cancel
        self._seconds = seconds
        self._started = time.monotonic()
        self._looked = self._started
        self._quick = ticket.lane is Lane.QUICK
        self._lowered = False
        self._again = False
        self._meter = Meter(limits)

    def ask_again(self) -> None:
        """Of another worker, since what is asked changes nothing; the clock runs on."""
        self._again = True
        self._worker = self._stay.ask_again()
        if self._lowered:
            self._lowered = False
            self.lower()

    def lower(self) -> None:
        """From now on with low priority; the worker is not used again, since a process may not raise it by itself."""
        if self._limits.on("nice") and not self._lowered:
            self._worker.lower()
        self._lowered = True

    def answer(self, choice: _Choice, budget: Budget, early: Early) -> Stream:
        """
        See `BoundedStore.stream`.

        Raises:
            _UnheardError: see there; not when it is asked again.
        """
        frame = b""
        try:
            frame = self._next()
            if frame[:1] == b"F":
                self._agree(SHAPES[chr(frame[1])], choice)
                frame = self._next()
            if frame[:1] == b"D":
                return self._in_pieces(frame, choice, Spool(self._limits, budget), early)
            shape, format, data = self._last(frame, choice)
            return Stream(shape, format, Whole(data))
        except (EOFError, OSError) as e:
            raise self._died(heard=bool(frame)) from e

    def _in_pieces(self, frame: bytes, choice: _Choice, spool: Spool, early: Early) -> Stream:
        try:
            while frame[:1] == b"D":
                shape = SHAPES[chr(frame[1])]
                format = choice.format(shape)
                spool.write(self._meter.feed(frame[2:], format))
                if early() and self._may_stay():
                    return Stream(shape, format, Flow(spool, self._rest(choice, format), self._stay.end))
                frame = self._next()
            shape, format, data = self._last(frame, choice)
            spool.write(data)
            spool.rewind()
            return Stream(shape, format, spool)
        except BaseException:
            spool.close()
            raise

    def _last(self, frame: bytes, choice: _Choice) -> tuple[Shape, Format, bytes]:
        """The end of an answer, with its last bytes; or the error that it ended in."""
        if frame[:1] != b"E":
            raise self._failed(frame)
        shape = SHAPES[chr(frame[1])]
        format = choice.format(shape)
        self._judge(frame)
        return shape, format, self._meter.feed(frame[3:], format, last=True)

    def _may_stay(self) -> bool:
        """
        Whether the evaluation has a place until its end: what has begun to go out cannot start anew. From here on it does not count as
        one of the quick lane, so that no row of long answers keeps quick ones out.
        """
        return self._ticket.lane is Lane.HEAVY or self._gate.demote(self._ticket)

    def _rest(self, choice: _Choice, format: Format) -> Generator[bytes, None, None]:
        """What comes after the first pieces; worker and place are free again before the last one is given."""
        try:
            while (frame := self._next())[:1] == b"D":
                yield self._meter.feed(frame[2:], format)
        except (EOFError, OSError) as e:
            raise self._died() from e
        _, _, data = self._last(frame, choice)
        self._stay.end()
        yield data

    def _judge(self, frame: bytes) -> None:
        self._stay.fit = frame[2:3] == b"k" and not self._lowered

    def _failed(self, frame: bytes) -> CovalueError:
        self._stay.fit = not self._lowered
        return _read_error(frame[1:])

    def _agree(self, shape: Shape, choice: _Choice) -> None:
        number = choice.number(shape)
        self._worker.send(b"%d" % number)
        if number < 0:
            self._stay.fit = not self._lowered
            choice.format(shape)

    def _next(self) -> bytes:
        """The next frame; meanwhile the clock, the client and the lane are looked at."""
        while True:
            if time.monotonic() - self._looked > TICK:
                self._look()
            try:
                return self._worker.receive()
            except TimeoutError:
                continue

    def _look(self) -> None:
        self._looked = time.monotonic()
        elapsed = self._looked - self._started
        if self._cancel is not None and self._limits.on("cancel") and self._cancel():
            raise cancelled_error()
        if elapsed > self._seconds and self._limits.on("deadline"):
            raise deadline_error(self._seconds)
        if self._quick and not self._stay.overran and self._limits.on("lanes"):
            self._keep_lane(elapsed)

    def _keep_lane(self, elapsed: float) -> None:
        quick = self._ticket.lane is Lane.QUICK
        budget = self._limits.crowded_seconds if quick and self._gate.crowded else self._limits.quick_seconds
        if elapsed <= budget:
            if quick and self._gate.wasteful(self._ticket.client):
                self.lower()
            return
        self._stay.overran = True
        if quick and not self._gate.demote(self._ticket):
            raise _AnewError
        self.lower()

    def _died(self, heard: bool = True) -> Exception:
        soon = time.monotonic() - self._started < AGAIN_SECONDS
        status = self._worker.kill(ask=True)
        if soon and not heard and not self._again and status in FROM_OUTSIDE:
            return _UnheardError()
        if status == EXIT_DEADLINE:
            return deadline_error(self._seconds)
        return memory_error(self._limits) if status in OUT_OF_MEMORY else crash_error(status)


class _Pool:
    """The workers that wait for a query. There are never more than places; one that ends is replaced ahead of need."""

    def __init__(self, starter: Starter, limits: Limits) -> None:
        self._starter, self._wanted = starter, limits.quick
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._fresh: set[Worker] = set()
        self._closed = False
        self.again = 0
        """Questions that were asked of another one, since theirs was ended from outside."""

    @property
    def alive(self) -> int:
        """Workers there are."""
        return len(self._idle) + len(self._busy)

    def about(self, manifest: Manifest | None) -> tuple[str, list[str]]:
        """Version and named graphs of the dataset, from a first worker; graphs that are listed already, it need not look for."""
        listed = manifest and sorted(g.iri for g in manifest.graphs if g.triples)
        try:
            worker = self.ask(pickle.dumps(("" if listed else ABOUT_GRAPHS, None, None, ABOUT, 3600.0)))
            body = json.loads(_whole(worker)[3:])
            self.give(worker, True)
        except (EOFError, OSError) as e:
            self.close()
            raise crash_error(None) from e
        except BaseException:
            self.close()
            raise
        return str(body["version"]), listed or [str(g) for g in body["graphs"]]

    def ask(self, question: bytes) -> Worker:
        """
        A worker that has been asked.

        Raises:
            CovalueError: none can be started, or the store is closed.
        """
        while worker := self._pop():
            try:
                if worker in self._fresh:
                    self._greet(worker)
                worker.send(question)
                return worker
            except (OSError, NotStartedError):  # it died while nobody used it
                self._bury(worker)
        worker = self._greet(self._starter.start())
        try:
            worker.send(question)
        except OSError as e:
            self._bury(worker)
            raise crash_error(None) from e
        return worker

    def _pop(self) -> Worker | None:
        with self._lock:
            if self._closed:
                raise _closed()
            if not self._idle:
                return None
            worker = self._idle.pop()
            self._busy.add(worker)
            return worker

    def mourn(self, worker: Worker) -> None:
        """Takes out one that was ended from outside as it was asked."""
        with self._lock:
            self.again += 1
        self._bury(worker)

    def _bury(self, worker: Worker) -> None:
        with self._lock:
            self._busy.discard(worker)
        worker.kill()

    def _greet(self, worker: Worker) -> Worker:
        try:
            with self._lock:
                self._fresh.discard(worker)
                self._busy.add(worker)
            worker.ready()
            return worker
        except BaseException:
            self._bury(worker)
            raise

    def give(self, worker: Worker, fit: bool) -> None:
        """Takes a worker back, or ends it and starts another where too few are left."""
        with self._lock:
            self._busy.discard(worker)
            if fit and not self._closed and len(self._idle) < self._wanted:
                self._idle.append(worker)
                return
        worker.kill()
        self._fill()

    def _fill(self) -> None:
        """Has another one ready for the next query; should none start, that query says why."""
        with self._lock:
            if self._closed or self._idle:
                return
        with contextlib.suppress(StoreError):
            worker = self._starter.start()
            with self._lock:
                if not self._closed:
                    self._fresh.add(worker)
                    self._idle.append(worker)
                    return
            worker.kill()

    def close(self) -> None:
        """Ends all."""
        with self._lock:
            self._closed = True
            idle, busy = [*self._idle], [*self._busy]
            self._idle.clear()
        for worker in busy:
            worker.stop()
        for worker in idle:
            worker.kill()
        self._starter.close()


def _check_iri(text: str) -> None:
    if any(c in '<>"{}|^`\\' or c <= " " for c in text) or ":" not in text:
        raise QueryError(f"the graph name {text!r} is not an absolute IRI.", f"图名 {text!r} 不是绝对 IRI。")


def _read_error(frame: bytes) -> CovalueError:
    body = json.loads(frame)
    where = Place("query", body["line"], body["column"]) if body["line"] else None
    return KINDS.get(body["kind"], StoreError)(body["en"], body["zh"], where)


def _closed() -> StoreError:
    return StoreError("the store is closed.", "数据库已关闭。")


def _whole(worker: Worker) -> bytes:
    """The next frame, however many ticks it takes: a first look at a large dataset, or on a busy machine, takes longer than one."""
    while True:
        try:
            return worker.receive()
        except TimeoutError:
            continue
