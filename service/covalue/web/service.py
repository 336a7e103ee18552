"""What the views of one application share: the store, what was counted and named in it, pages and documents made before, and the metrics."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

from covalue.citation import Citations
from covalue.description import Addresses, Measured
from covalue.errors import CovalueError
from covalue.questions import Answers, Library
from covalue.search import Finder
from covalue.stores import Store
from covalue.terminology import Terms
from covalue.web import addresses
from covalue.web.metrics import Metrics
from covalue.web.repeats import Repeats

KEPT_BYTES = 16_000_000


class Kept:
    """Documents made before, by entity tag, bounded in bytes; the latest used stay."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    def get(self, tag: str, make: Callable[[], bytes]) -> bytes:
        """The document under a tag, made where it is not there."""
        with self._lock:
            found = self._held.get(tag)
            if found is not None:
                self._held.move_to_end(tag)
                return found
        made = make()
        with self._lock:
            if tag not in self._held and len(made) <= self._most // 4:
                self._held[tag] = made
                self._size += len(made)
            while self._size > self._most:
                self._size -= len(self._held.popitem(last=False)[1])
        return made


class Service:
    """One store and what belongs to it."""

    def __init__(self, store: Store, library: Library | None = None, metrics: Metrics | None = None) -> None:
        self.store, self.library = store, library
        self.finder = Finder(store, library)
        self.terms = Terms(store)
        self.citations = Citations(Answers(store, library or Library({})))
        self.measured = Measured(store)
        self.kept = Kept()
        self.metrics = metrics or Metrics()
        self.repeats: Repeats | None = None

    def warm(self) -> None:
        """Looks up what most pages need; what fails is tried again by the page that needs it."""
        for prepare in (self.finder.index, self.terms.get, self.measured.statistics):
            with suppress(CovalueError):
                prepare()

    @staticmethod
    def addresses() -> Addresses:
        """Those of the request at hand."""
        return Addresses(addresses.base())
