"""What stores share whose answers come as streams: a whole answer is a stream that is read, and a block of `with` closes the store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from covalue.stores import Answer, Pick, Request, Store
from covalue.stores.flow import Early, whole
from covalue.stores.limits import Cancel
from covalue.stores.spool import Stream


class Streaming(Store, Protocol):
    """A store that can be told who asks, and to stop when the client has gone."""

    def stream(self, request: Request, pick: Pick, *, client: str = "", cancel: Cancel | None = None, seconds: float | None = None, early: Early = whole) -> Stream:
        """See `BoundedStore.stream`."""


class StreamStore(ABC):
    """A store of that kind; what follows from `stream` and `close`."""

    @abstractmethod
    def stream(self, request: Request, pick: Pick, *, client: str = "", cancel: Cancel | None = None, seconds: float | None = None, early: Early = whole) -> Stream:
        """See `BoundedStore.stream`."""

    @abstractmethod
    def close(self) -> None:
        """Lets go what the store holds."""

    def answer(self, request: Request, pick: Pick) -> Answer:
        """See `Store.answer`, and the errors of `stream`. No client is named, so only the limits of one query apply."""
        with self.stream(request, pick) as stream:
            return Answer(stream.shape, stream.format, stream.read())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class StoreAround(StreamStore):
    """A store around another one, with the same data."""

    def __init__(self, store: Streaming) -> None:
        """
        Args:
            store: what answers; closed with this one.
        """
        self._store = store

    @property
    def version(self) -> str:
        return self._store.version

    @property
    def disk(self) -> Path | None:
        """Where the store is, if it is on disk."""
        found: Path | None = getattr(self._store, "disk", None)
        return found

    def graphs(self) -> Sequence[str]:
        return self._store.graphs()

    def close(self) -> None:
        """Closes the store."""
        close = getattr(self._store, "close", None)
        if close is not None:
            close()
