"""
The application that stands before the one for the dataset that is served now, and swaps it whole when there is another dataset.

An application looks things up once (labels, choices, counts) and keeps documents that it made, all of one state of the data. So another
state gets another application over another store. A request stays with the application that it met: who is in finishes on the old data,
who comes later sees the new, and nobody sees some of each. The old store is closed once the last of its requests has ended.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from covalue.errors import CovalueError
from covalue.stores.sources import Opened, Source

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("covalue.front")
LOOK_SECONDS = 1.0
"""How often it is looked whether there is another dataset."""
AGAIN_SECONDS = 10.0
"""How soon it is tried again after another dataset could not be opened."""


class _Served:
    """An application with its store, and how many requests are in it."""

    def __init__(self, store: Opened, app: WSGIApplication) -> None:
        self.store, self.app = store, app
        self.requests = 0


class Front:
    """
    See the module.

    Args:
        source: gives the stores.
        make: gives the application over a store.

    Raises:
        CovalueError: the source cannot be opened, or no application can be made.
    """

    def __init__(self, source: Source, make: Callable[[Opened], WSGIApplication]) -> None:
        self._source, self._make = source, make
        self._lock = threading.Lock()
        self._leaving: list[_Served] = []
        self._ended = threading.Event()
        self._now = self._open()

    def _open(self) -> _Served:
        store = self._source.open()
        try:
            return _Served(store, self._make(store))
        except BaseException:
            store.close()
            raise

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            served = self._now
            served.requests += 1
        try:
            return _Held(served.app(environ, start_response), lambda: self._leave(served))
        except BaseException:
            self._leave(served)
            raise

    def _leave(self, served: _Served) -> None:
        with self._lock:
            served.requests -= 1

    def watch(self) -> None:
        """Looks for another dataset, and closes stores that nobody uses any more, until `close`; for a thread of its own."""
        said, pause = "", LOOK_SECONDS
        while not self._ended.wait(pause):
            pause = LOOK_SECONDS
            try:
                if self._source.stale():
                    self.swap()
                said = ""
            except CovalueError as e:
                pause = AGAIN_SECONDS
                if str(e) != said:
                    log.warning("another dataset cannot be served; the old one stays", extra={"reason": e.en})
                said = str(e)
            self._close_unused()

    def swap(self) -> None:
        """
        Serves what the source has now to all requests that come from now on.

        Raises:
            CovalueError: it cannot be opened; the old data are served further.
        """
        new = self._open()
        with self._lock:
            old, self._now = self._now, new
            self._leaving.append(old)
        log.info("another dataset is served", extra={"dataset": new.store.version, "before": old.store.version})

    def _close_unused(self) -> None:
        with self._lock:
            unused = [s for s in self._leaving if not s.requests]
            self._leaving = [s for s in self._leaving if s.requests]
        for served in unused:
            served.store.close()

    def idle(self) -> bool:
        """Whether no request is in."""
        with self._lock:
            return not any(s.requests for s in (*self._leaving, self._now))

    def close(self) -> None:
        """Ends the watch and closes all stores, whoever uses them."""
        self._ended.set()
        with self._lock:
            stores = [s.store for s in (*self._leaving, self._now)]
        for store in stores:
            store.close()


class _Held:
    """The pieces of an answer; when the server is done with them, whatever happened, `leave` is called."""

    def __init__(self, chunks: Iterable[bytes], leave: Callable[[], None]) -> None:
        self._chunks, self._leave = chunks, leave

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)

    def close(self) -> None:
        """Called by the server once."""
        try:
            if hasattr(self._chunks, "close"):
                self._chunks.close()
        finally:
            self._leave()
