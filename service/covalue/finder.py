"""The index of what can be found in a store: read from it, or mapped from a file beside it where it is on disk."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path

from covalue import beside, registrar
from covalue.entries import Entry
from covalue.errors import CovalueError, StoreError
from covalue.labelled import OverlapError, Pages, entries
from covalue.names import BASE
from covalue.once import Once
from covalue.questions import Library
from covalue.register import Register
from covalue.search import Index
from covalue.sections import Sections
from covalue.stores import Store
from covalue.stores.limits import OverloadedError, processors

log = logging.getLogger("covalue.finder")
PATIENCE = 5.0
"""Seconds after its beginning for which requests wait for an index that another process makes."""
RETRY = 10
"""Seconds after which who did not wait may come again."""
MANY = 8000
"""Entries beyond which they are kept in a temporary file, and an index of pieces is made, in the background."""


class Finder:
    """The index of a store, made when first asked for, and anew when the store holds other data."""

    def __init__(self, store: Store, library: Library | None = None) -> None:
        questions = tuple(_questions(library)) if library else ()
        disk: Path | None = getattr(store, "disk", None)
        self._store, self._questions = store, questions
        self._order = registrar.Order(disk, questions, processors()) if disk else None
        self._index = Once(lambda: store.version, self._make_index)
        self._lock = threading.Lock()
        self._making: tuple[threading.Thread, float] | None = None

    def index(self) -> Index:
        """
        The index of what the store holds now.

        Raises:
            OverloadedError: it is being made of a store on disk, which may take minutes: threads that answer requests do not wait for it.
            CovalueError: the store failed.
        """
        if self._order and not self._index.made:
            thread, began = self._start()
            thread.join(max(0.0, began + PATIENCE - time.monotonic()))
            if thread.is_alive():
                raise OverloadedError(
                    "the names of this dataset are being read for the first time; try again in a moment.", "正在首次读取本数据集中的名称，请稍后再试。", retry_after=RETRY
                )
        return self._index.get()

    def wait(self) -> Index:
        """The same, however long it takes."""
        return self._index.get()

    def _start(self) -> tuple[threading.Thread, float]:
        """The thread that makes the index, and when it began."""
        with self._lock:
            if self._making is None or not self._making[0].is_alive():
                self._making = threading.Thread(target=self._make, name="names", daemon=True), time.monotonic()
                self._making[0].start()
            return self._making

    def _make_index(self) -> Index:
        if self._order:
            try:
                return _mapped(self._order)
            except StoreError as e:  # a folder that cannot be written, say
                log.warning("names are read into a temporary file, anew at each start: %s", e.en)
        return _read(self._store, self._questions)

    def _make(self) -> None:
        with suppress(CovalueError):  # remembered for who asks
            self.wait()


def _mapped(order: registrar.Order) -> Index:
    register, wait = registrar.opened(order)
    index = Index(register)
    if wait:
        threading.Thread(target=_attach, args=(index, wait), name="search-index", daemon=True).start()
    return index


def _attach(index: Index, wait: Callable[[], Sections]) -> None:
    with suppress(CovalueError):  # then names are looked through, as until now
        index.attach(wait())


def _read(store: Store, questions: Sequence[Entry]) -> Index:
    with beside.requests():
        index = read(store, questions)
    if len(index.entries) > MANY:
        threading.Thread(target=_prepare, args=(index,), name="search-index", daemon=True).start()
    return index


def _prepare(index: Index) -> None:
    with beside.requests(), tempfile.TemporaryFile() as file:
        index.prepare(file)


def read(store: Store, questions: Sequence[Entry] = ()) -> Index:
    """
    The index of a store: in memory among few names, in a temporary file among many.

    Cost: linear, about a second for 10^5 labels.
    """
    try:
        return _filled(Pages(store), questions)
    except OverlapError:
        return _filled(Pages(store, at_once=True), questions)


def _filled(ask: Pages, questions: Sequence[Entry]) -> Index:
    found = entries(ask, questions)
    few = [*islice(found, MANY + 1)]
    if len(few) <= MANY:
        return Index(Register.of(few, None, ask.cut))
    with tempfile.TemporaryFile() as file:
        return Index(Register.of(chain(few, found), file, ask.cut))


def _questions(library: Library) -> Iterator[Entry]:
    for name, question in library.questions.items():
        titles = {lang: question.text("title", lang) for lang in ("en", "zh")}
        asked = {lang: question.text("question", lang) for lang in ("en", "zh")}
        yield Entry(f"{BASE}questions/{name}", "question", titles, (), asked)
