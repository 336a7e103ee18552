"""
Where a service comes by its store, and whether what is there now is still what the store answers from.

A store answers from one state of the data as long as it lives. When a build or a publication has put another state in place, a service
opens a new store beside the old one, and lets the old one go once nobody uses it (see `web.front`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from covalue.manifest import FILE, read_manifest
from covalue.stores.bounded import BoundedStore
from covalue.stores.cache import CachedStore
from covalue.stores.federation import FederatedStore
from covalue.stores.limits import Limits
from covalue.stores.outward import Outward
from covalue.stores.remote import RemoteStore
from covalue.stores.streaming import Streaming
from covalue.stores.wire import Credentials

UNVERSIONED_SECONDS = 300.0
"""How long what was looked up once (labels, choices) is used with an engine that does not tell when its data change."""


class Opened(Streaming, Protocol):
    """A store that can be closed."""

    def close(self) -> None:
        """Queries that run end in an error."""


class Source(Protocol):
    """See the module."""

    def open(self) -> Opened:
        """
        A store over what is there now.

        Raises:
            CovalueError: it cannot be opened.
        """

    def stale(self) -> bool:
        """
        Whether there is something else now than when `open` was called last. Cheap; asked about once a second.

        Raises:
            CovalueError: it cannot be told.
        """


@dataclass(frozen=True)
class Around:
    """
    What is put around a store.

    Attributes:
        endpoints: those that SERVICE may call; nobody without.
        cache: bytes of answers that are kept; 0 for none.
        waiting: how many questions may wait for an equal one.
    """

    endpoints: tuple[str, ...] = ()
    cache: int = 0
    waiting: int = 0

    def put(self, store: Opened, limits: Limits, *, cached: bool = True) -> Opened:
        """The store with all of it; the store itself, where there is nothing to put around it."""
        if self.endpoints:
            store = FederatedStore(store, Outward(self.endpoints), limits)
        return CachedStore(store, self.cache, waiting=self.waiting) if self.cache and cached else store


class Built:
    """The dataset built last into a folder; other processes may build there, and serve from it."""

    def __init__(self, folder: Path, limits: Limits, around: Around) -> None:
        self._folder, self._limits, self._around = folder, limits, around
        self._version = ""
        self._seen: tuple[int, ...] = ()

    def open(self) -> Opened:
        store = BoundedStore.open(self._folder, self._limits, ahead=True)
        self._version = store.version
        return self._around.put(store, self._limits)

    def stale(self) -> bool:
        """The manifest is the last that a build puts in place; while its file is the same one, it is not read."""
        try:
            stat = (self._folder / FILE).stat()
        except OSError:
            return False
        seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if seen == self._seen:
            return False
        manifest = read_manifest(self._folder)
        if manifest is None or manifest.digest != self._version:
            return manifest is not None
        self._seen = seen
        return False


class Loaded:
    """RDF files, as they were when the service started."""

    def __init__(self, files: Sequence[Path], limits: Limits, around: Around) -> None:
        self._files, self._limits, self._around = files, limits, around

    def open(self) -> Opened:
        return self._around.put(BoundedStore.from_files(self._files, self._limits), self._limits)

    def stale(self) -> bool:
        return False


class Elsewhere:
    """
    An engine elsewhere, and what is published there.

    Args:
        url: of its query endpoint.
        accept_faults: serve it although it answers trial questions wrongly.
    """

    def __init__(self, url: str, credentials: Credentials, limits: Limits, around: Around, *, accept_faults: bool = False) -> None:
        self._url, self._credentials, self._limits, self._around, self._accept = url, credentials, limits, around, accept_faults
        self._digest: str | None = None
        self._at = 0.0
        self._store: RemoteStore | None = None

    def open(self) -> Opened:
        """Answers are kept only of data that have a version: without one, nothing says that an answer is still right."""
        store = RemoteStore.open(self._url, self._credentials, self._limits, accept_faults=self._accept, pinned=True)
        self._store, self._digest, self._at = store, store.digest(), time.monotonic()
        return self._around.put(store, self._limits, cached=store.managed)

    def stale(self) -> bool:
        if self._store is None:
            return False
        if self._store.managed:
            return self._store.digest() not in (None, self._digest)
        return time.monotonic() - self._at > UNVERSIONED_SECONDS
