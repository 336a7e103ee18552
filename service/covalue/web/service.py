"""What the views of one application share: the store, what was counted and named in it, pages and documents made before, and the metrics."""

from __future__ import annotations

from contextlib import suppress

from covalue.citation import Citations
from covalue.description import Addresses, Measured
from covalue.errors import CovalueError
from covalue.finder import Finder
from covalue.questions import Answers, Library
from covalue.stores import Store
from covalue.terminology import Terms
from covalue.web import addresses
from covalue.web.kept import Kept
from covalue.web.metrics import Metrics
from covalue.web.repeats import Repeats

KEPT_BYTES = 16_000_000


class Service:
    """One store and what belongs to it."""

    def __init__(self, store: Store, library: Library | None = None, metrics: Metrics | None = None) -> None:
        self.store, self.library = store, library
        self.finder = Finder(store, library)
        self.terms = Terms(store)
        self.citations = Citations(Answers(store, library or Library({})))
        self.measured = Measured(store)
        self.kept = Kept[str, bytes](KEPT_BYTES, lambda _tag, made: len(made))
        """Documents made before, by entity tag."""
        self.metrics = metrics or Metrics()
        self.repeats: Repeats | None = None

    def warm(self) -> None:
        """Looks up what most pages need; what fails is tried again by the page that needs it."""
        for prepare in (self.terms.get, self.measured.statistics, self.finder.wait):
            with suppress(CovalueError):
                prepare()

    @staticmethod
    def addresses() -> Addresses:
        """Those of the request at hand."""
        return Addresses(addresses.base())
