"""
Who may start next: places in two lanes, a bounded queue, and turns by client. Knows nothing of processes or queries.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from enum import StrEnum

from covalue.stores.limits import Cancel, Limits, OverloadedError, cancelled_error

POLL = 0.05
"""Seconds between looks at whether a waiting client has gone."""
HALF_LIFE = 10.0
"""Seconds after which wasted time counts half."""
WASTEFUL = 1.0
"""Seconds in the quick lane, lately spent on queries that did not belong there, from which on a client is held shorter."""
REMEMBERED = 4096
"""Clients whose waste is remembered."""


class Lane(StrEnum):
    """Where a query runs: first quick, and once it has shown that it is not, heavy."""

    QUICK = "quick"
    HEAVY = "heavy"


@dataclass(eq=False)
class Ticket:
    """
    One query on its way: who asks, in which lane, and whether it has a place there. An empty client is nobody's.

    A ticket that must wait has a lock, held until its place is there: an event would wake the thread twice.
    """

    client: str
    lane: Lane = Lane.QUICK
    placed: bool = False
    closed: threading.Lock | None = None


class Gate:
    """
    Gives out places.

    Clients take turns; none may hold all places of the quick lane, and one whose queries overran it lately only one, and never the
    last: so a newcomer finds a place whatever the others ask. A full queue refuses at once.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._places = {Lane.QUICK: limits.quick, Lane.HEAVY: limits.heavy}
        self._running: dict[Lane, dict[str, int]] = {Lane.QUICK: {}, Lane.HEAVY: {}}
        self._taken = dict.fromkeys(Lane, 0)
        self._waiting: dict[Lane, OrderedDict[str, deque[Ticket]]] = {Lane.QUICK: OrderedDict(), Lane.HEAVY: OrderedDict()}
        self._length = dict.fromkeys(Lane, 0)
        """How many wait, of all clients."""
        self._wasted: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._usual = 0.05

    def enter(self, ticket: Ticket, cancel: Cancel | None = None) -> None:
        """
        Returns once the ticket has a place in its lane; `leave` gives it back.

        Raises:
            OverloadedError: the queue is full, or the wait was too long.
            CancelledError: `cancel` became true.
        """
        with self._lock:
            if not self._waiting[ticket.lane] and self._eligible(ticket.client, ticket.lane):
                self._start(ticket)
                return
            closed = self._enqueue(ticket)
            self._dispatch(ticket.lane)
        self._wait(ticket, closed, cancel)

    def leave(self, ticket: Ticket, seconds: float, overran: bool = False) -> None:
        """Gives the place back after so many seconds of evaluation; `overran` says that the quick lane was too short for it."""
        with self._lock:
            self._stop(ticket)
            self._usual += 0.1 * (seconds - self._usual)
            if overran and ticket.client:
                self._waste(ticket.client, seconds)
            self._dispatch(ticket.lane)

    def demote(self, ticket: Ticket) -> bool:
        """Moves a running ticket to the heavy lane; false where no place is free there."""
        with self._lock:
            if self._waiting[Lane.HEAVY] or not self._eligible(ticket.client, Lane.HEAVY):
                return False
            self._stop(ticket)
            ticket.lane = Lane.HEAVY
            self._start(ticket)
            self._dispatch(Lane.QUICK)
            return True

    @property
    def crowded(self) -> bool:
        """Whether somebody waits for a quick place."""
        return bool(self._waiting[Lane.QUICK])

    def wasteful(self, client: str) -> bool:
        """Whether a client has lately asked much that overran the quick lane."""
        return bool(client) and self._recent(client) > WASTEFUL

    def counts(self) -> dict[str, int]:
        """How many run and wait in each lane."""
        with self._lock:
            out = {f"{lane.value}_running": self._taken[lane] for lane in Lane}
            return out | {f"{lane.value}_waiting": self._length[lane] for lane in Lane}

    def _free(self, lane: Lane) -> int:
        return self._places[lane] - self._taken[lane]

    def _eligible(self, client: str, lane: Lane) -> bool:
        free = self._free(lane)
        if free <= 0:
            return False
        if not client or not self._limits.on("share"):
            return True
        running, places = self._running[lane].get(client, 0), self._places[lane]
        if lane is Lane.HEAVY:
            return running < math.ceil(places / 2)
        if self.wasteful(client):
            return running < 1 and (free > 1 or places == 1)
        return running < max(1, places - 1)

    def _start(self, ticket: Ticket) -> None:
        self._taken[ticket.lane] += 1
        running = self._running[ticket.lane]
        running[ticket.client] = running.get(ticket.client, 0) + 1
        ticket.placed = True
        if ticket.closed:
            ticket.closed.release()
            ticket.closed = None

    def _stop(self, ticket: Ticket) -> None:
        self._taken[ticket.lane] -= 1
        running = self._running[ticket.lane]
        running[ticket.client] -= 1
        if not running[ticket.client]:
            del running[ticket.client]

    def _enqueue(self, ticket: Ticket) -> threading.Lock:
        if self._full_for(ticket) and self._limits.on("queue"):
            raise self._overloaded(ticket.lane)
        ticket.closed = closed = threading.Lock()
        closed.acquire()
        self._waiting[ticket.lane].setdefault(ticket.client, deque()).append(ticket)
        self._length[ticket.lane] += 1
        return closed

    def _full_for(self, ticket: Ticket) -> bool:
        limits, length = self._limits, self._length
        if length[Lane.QUICK] + length[Lane.HEAVY] >= limits.queue:
            return True
        if not ticket.client:
            return False
        quick, heavy = (len(self._waiting[lane].get(ticket.client, ())) for lane in (Lane.QUICK, Lane.HEAVY))
        return quick + heavy >= limits.client_queue or (ticket.lane is Lane.HEAVY and heavy >= limits.client_heavy_queue)

    def _overloaded(self, lane: Lane) -> OverloadedError:
        each = self._limits.seconds if lane is Lane.HEAVY else self._usual
        after = min(60, max(1, math.ceil((self._length[lane] + 1) * each / self._places[lane])))
        return OverloadedError(
            f"too many queries are waiting; try again in {after} s.",
            f"等待中的查询过多；请于 {after} 秒后重试。",
            after,
        )

    def _dispatch(self, lane: Lane) -> None:
        """Gives free places to waiting clients in turn; one that may not have a place now keeps its turn."""
        waiting = self._waiting[lane]
        while waiting and self._free(lane) > 0:
            client = next((c for c in waiting if self._eligible(c, lane)), None)
            if client is None:
                return
            queue = waiting[client]
            self._length[lane] -= 1
            self._start(queue.popleft())
            if queue:
                waiting.move_to_end(client)
            else:
                del waiting[client]

    def _wait(self, ticket: Ticket, closed: threading.Lock, cancel: Cancel | None) -> None:
        until = time.monotonic() + self._limits.wait_seconds
        while not closed.acquire(timeout=POLL):
            gone = cancel is not None and cancel()
            late = time.monotonic() > until
            with self._lock:
                if not (gone or late):
                    self._dispatch(ticket.lane)  # what a client has wasted fades without anybody leaving
                elif not ticket.placed:
                    self._withdraw(ticket)
                    raise cancelled_error() if gone else self._overloaded(ticket.lane)

    def _withdraw(self, ticket: Ticket) -> None:
        queue = self._waiting[ticket.lane][ticket.client]
        queue.remove(ticket)
        self._length[ticket.lane] -= 1
        if not queue:
            del self._waiting[ticket.lane][ticket.client]

    def _recent(self, client: str) -> float:
        seconds, then = self._wasted.get(client, (0.0, 0.0))
        return seconds * 0.5 ** ((time.monotonic() - then) / HALF_LIFE) if seconds else 0.0

    def _waste(self, client: str, seconds: float) -> None:
        self._wasted[client] = (self._recent(client) + seconds, time.monotonic())
        self._wasted.move_to_end(client)
        if len(self._wasted) > REMEMBERED:
            self._wasted.popitem(last=False)
