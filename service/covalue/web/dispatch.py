"""
Which threads of the server take up requests: few at a time, and another one for each that is held up.

Threads of Python work one after the other, so of many that are awake all but one wait for their turn, and a request that was quick costs
more in turns than in work. Here only as many are awake as there is work for; who ends a request takes up the next one without having
slept. A request that takes longer, be it at work, waiting for a place or for an engine elsewhere, gives its turn to another thread.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from waitress.task import ThreadedTaskDispatcher

from covalue.stores.limits import cores

HELD_SECONDS = 0.01
"""From so long on a request is held up."""
LOOK_SECONDS = 0.005
"""Between looks for such requests, while others wait."""


class Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]
    """
    Threads that take up requests in the order in which they came.

    Args:
        threads: how many there are at most, held up or not.
        few: how many are at work at a time; None for what the processors can use.
    """

    def __init__(self, threads: int, few: int | None = None) -> None:
        super().__init__()
        self._few = few or cores() + 2
        self._begun: dict[int, float] = {}
        self._held: set[int] = set()
        self._waiting = threading.Condition(self.lock)
        self._ended = False
        self.set_thread_count(threads)
        threading.Thread(target=self._watch, name="covalue-dispatch", daemon=True).start()

    def add_task(self, task: Any) -> None:
        """Called by the thread that moves bytes."""
        with self.lock:
            self.queue.append(task)
            if self._free():
                self.queue_cv.notify()
            else:
                self._waiting.notify()

    def handler_thread(self, thread_no: int) -> None:
        """The life of a thread."""
        while (task := self._next(thread_no)) is not None:
            try:
                task.service()
            except BaseException:
                self.logger.exception("Exception when servicing %r", task)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        """Ends all threads; see waitress."""
        with self.lock:
            self._ended = True
            self._waiting.notify()
        return bool(super().shutdown(cancel_pending, timeout))

    def _next(self, number: int) -> Any | None:
        """The request that a thread takes up next, once it may; None when it is to end."""
        with self.lock:
            self._begun.pop(number, None)
            self._held.discard(number)
            while not self.stop_count and not (self.queue and self._free()):
                if self.queue:
                    self._waiting.notify()
                self.active_count -= 1
                self.queue_cv.wait()
                self.active_count += 1
            if self.stop_count:
                self.active_count -= 1
                self.stop_count -= 1
                self.threads.discard(number)
                self.thread_exit_cv.notify()
                return None
            self._begun[number] = time.monotonic()
            return self.queue.popleft()

    def _free(self) -> bool:
        return len(self._begun) - len(self._held) < self._few

    def _watch(self) -> None:
        """Looks for requests that are held up, as long as others wait."""
        while not self._ended:
            with self.lock:
                while not (self.queue or self._ended):
                    self._waiting.wait()
                self._hold(time.monotonic() - HELD_SECONDS)
            time.sleep(LOOK_SECONDS)

    def _hold(self, before: float) -> None:
        """Those that have begun before then."""
        for number, begun in self._begun.items():
            if begun < before and number not in self._held:
                self._held.add(number)
                self.queue_cv.notify()
