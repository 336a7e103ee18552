"""
A store around another one that keeps serialised answers, bounded in bytes; the latest used stay.

An answer is known by the version of the dataset, the normalised query, its dataset parameters and its format: the data never change
while their version stays, so what is kept is never stale. Queries whose answers differ by themselves (chance, time, new blank nodes)
and errors are never kept. Of equal questions at the same time only one is evaluated, and the others wait for it.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from covalue.errors import CovalueError, FormatError
from covalue.formats import FORM_SHAPES, Format, Shape
from covalue.manifest import Manifest
from covalue.sparql import form, is_volatile, normalised
from covalue.stores import Answer, Pick, Request
from covalue.stores.flow import Early, Tee, whole
from covalue.stores.limits import Cancel, CancelledError, CrashError, OverloadedError, cancelled_error
from covalue.stores.spool import Budget, Stream, Whole
from covalue.stores.streaming import StoreAround, Streaming

SHARE = 8
"""One answer may take this part of the whole cache; longer ones pass by."""
OVERHEAD = 512
"""Bytes that an entry takes besides its answer."""
POLL = 0.05
"""Seconds between looks at whether a waiting client has gone."""
WAITING = 16
"""Most questions that wait for an equal one; each holds a thread of the caller. Further ones go the way of any other query."""
LONGEST_TEXT = 16_384
"""Characters of a query from which on it is not looked at here: to read it would cost more than it is worth."""
KNOWN_LONG = 1024
"""Questions that are remembered for their long answers: no other one waits for them."""
Key = bytes


@dataclass(eq=False)
class _Flight:
    """A question that is being evaluated, and those who wait for it; the event is made for the first of them."""

    done: threading.Event | None = None
    waiting: int = 0
    answer: Answer | None = None
    error: CovalueError | None = None


class CachedStore(StoreAround):
    """
    See the module. Safe for any number of threads.

    Args:
        store: what answers; closed with the cache.
        limit_bytes: what all answers may take together.
        waiting: most questions that wait for an equal one.
    """

    def __init__(self, store: Streaming, limit_bytes: int, *, waiting: int = WAITING) -> None:
        super().__init__(store)
        self._most, self._longest = limit_bytes, limit_bytes // SHARE
        self._places = waiting
        self._copies = Budget(limit_bytes)
        self._lock = threading.Lock()
        self._held: OrderedDict[Key, Answer] = OrderedDict()
        self._size = 0
        self._flights: dict[Key, _Flight] = {}
        self._long: OrderedDict[Key, None] = OrderedDict()
        self._hits = self._misses = 0

    @property
    def manifest(self) -> Manifest | None:
        """Of the dataset, where the store has one."""
        found: Manifest | None = getattr(self._store, "manifest", None)
        return found

    @property
    def federates(self) -> bool:
        """Whether SERVICE reaches some endpoints."""
        return bool(getattr(self._store, "federates", False))

    def counts(self) -> dict[str, int]:
        """What the store counts, and how many answers are held, their bytes, and how many questions they answered and did not."""
        inner: Mapping[str, int] = getattr(self._store, "counts", dict)()
        with self._lock:
            return {**inner, "cached_answers": len(self._held), "cached_bytes": self._size, "cache_hits": self._hits, "cache_misses": self._misses}

    def stream(self, request: Request, pick: Pick, *, client: str = "", cancel: Cancel | None = None, seconds: float | None = None, early: Early = whole) -> Stream:
        """See `BoundedStore.stream`; a question that waits for an equal one can be cancelled too, and ends in the same errors."""
        key = self._key(request, pick)
        if key is None:
            return self._store.stream(request, pick, client=client, cancel=cancel, seconds=seconds, early=early)
        while True:
            found, flight, leads = self._join(key, seconds is None)
            if flight is not None and not leads:
                found = self._follow(flight, cancel)
            if found is not None:
                return _stream(found)
            if flight is None:
                return self._store.stream(request, pick, client=client, cancel=cancel, seconds=seconds, early=early)
            if leads:
                return self._lead(key, flight, request, pick, client, cancel, early)

    def _key(self, request: Request, pick: Pick) -> Key | None:
        """None for what is not kept. A question without a format is passed on: what is wrong with it is for the store to say."""
        if len(request.text) > LONGEST_TEXT:
            return None
        shape = FORM_SHAPES.get(form(request.text) or "")
        if shape is None or is_volatile(request.text):
            return None
        try:
            chosen = pick(shape)
        except FormatError:
            return None
        parts = (self._store.version, normalised(request.text), request.default_graphs, request.named_graphs, chosen.extension)
        return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=20).digest()

    def _join(self, key: Key, may_wait: bool) -> tuple[Answer | None, _Flight | None, bool]:
        """The answer that is held; or the flight to wait for, or to lead; or nothing, for who goes alone."""
        with self._lock:
            found = self._held.get(key)
            if found is not None:
                self._held.move_to_end(key)
                self._hits += 1
                return found, None, False
            flight = self._flights.get(key)
            alone = not may_wait or key in self._long
            if flight is not None and self._places > 0 and not alone:
                self._places -= 1
                flight.waiting += 1
                flight.done = flight.done or threading.Event()
                return None, flight, False
            self._misses += 1
            if flight is not None or alone:
                return None, None, False
            flight = self._flights[key] = _Flight()
            return None, flight, True

    def _lead(self, key: Key, flight: _Flight, request: Request, pick: Pick, client: str, cancel: Cancel | None, early: Early) -> Stream:
        """Evaluates; a client that goes away stops that only while nobody else waits for it."""

        def gone() -> bool:
            return not flight.waiting and cancel is not None and cancel()

        landing = _Landing(self, key, flight, self._store.version)
        try:
            stream = self._store.stream(request, pick, client=client, cancel=gone, early=early)
            landing.shape, landing.format = stream.shape, stream.format
            if stream.size is None:
                return Stream(stream.shape, stream.format, Tee(stream, self._longest - OVERHEAD, landing, self._copies))
            if stream.size + OVERHEAD > self._longest:
                landing.landed(None, outgrown=True)
                return stream
            with stream:
                body = stream.read()
        except BaseException as e:
            landing.landed(None, e if isinstance(e, CovalueError) else None)
            raise
        landing.landed(body)
        return _stream(Answer(stream.shape, stream.format, body))

    def land(self, key: Key, flight: _Flight, version: str) -> None:
        """The end of a flight: keeps its answer, and tells those who wait."""
        answer = flight.answer if version == self._store.version else None  # else nobody knows which of the two answered
        with self._lock:
            if answer is not None:
                self._keep(key, answer)
            del self._flights[key]
        if flight.done:
            flight.done.set()

    def remember_long(self, key: Key) -> None:
        """Nobody is to wait for its answer any more."""
        with self._lock:
            self._long[key] = None
            if len(self._long) > KNOWN_LONG:
                self._long.popitem(last=False)

    def _follow(self, flight: _Flight, cancel: Cancel | None) -> Answer | None:
        """
        The answer of a flight, or None where the question is to be asked anew: who led it had to go, found no place, or got a long answer.

        Raises:
            CovalueError: what the flight ended in; it would end so again (unless its worker was killed: then only who was on it has lost).
            CancelledError: `cancel` became true.
        """
        assert flight.done is not None  # made when it was joined
        try:
            while not flight.done.wait(POLL):
                if cancel is not None and cancel():
                    raise cancelled_error()
        finally:
            with self._lock:
                self._places += 1
                flight.waiting -= 1
                self._hits += flight.answer is not None
        if flight.error is not None and not isinstance(flight.error, CancelledError | OverloadedError | FormatError | CrashError):
            raise type(flight.error)(*flight.error.args)  # an error of one's own: a raised one carries its trace
        return flight.answer

    def _keep(self, key: Key, answer: Answer) -> None:
        self._held[key] = answer
        self._size += len(answer.body) + OVERHEAD
        while self._size > self._most:
            self._size -= len(self._held.popitem(last=False)[1].body) + OVERHEAD


class _Landing:
    """The end of a flight, wherever its answer comes to it (see `Following`)."""

    shape: Shape
    format: Format

    def __init__(self, cache: CachedStore, key: Key, flight: _Flight, version: str) -> None:
        self._cache, self._key, self._flight, self._version = cache, key, flight, version

    def wanted(self) -> bool:
        return self._flight.waiting > 0

    def landed(self, body: bytes | None, error: CovalueError | None = None, outgrown: bool = False) -> None:
        if body is not None:
            self._flight.answer = Answer(self.shape, self.format, body)
        self._flight.error = error
        if outgrown:
            self._cache.remember_long(self._key)
        self._cache.land(self._key, self._flight, self._version)


def _stream(answer: Answer) -> Stream:
    """A held answer, as if it had just been made."""
    return Stream(answer.shape, answer.format, Whole(answer.body))
