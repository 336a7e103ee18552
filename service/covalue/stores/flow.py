"""
Long answers that go out while the engine still works on them: nobody knows their length, nor yet whether they will be whole.

They read as a `Spool` does, and end in the errors of `BoundedStore.stream`: at any time, not only before the first byte.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Protocol

from covalue.errors import CovalueError, StoreError
from covalue.stores.limits import Limits, TooLargeError, cancelled_error
from covalue.stores.spool import Budget, Spool, Stream

Early = Callable[[], bool]
"""Whether a long answer may begin before it is whole; asked once there is more than a first chunk."""


def whole() -> bool:
    """For who needs the whole answer, or an error, before the first byte."""
    return False


class Flow:
    """
    What has come of an answer, and then what comes. Used by one thread at a time.

    Args:
        head: what has come.
        rest: what comes; may raise, and is closed early where nobody wants it any more.
        end: called once, after the last piece or on the way out: gives back what the evaluation holds.
    """

    size = None

    def __init__(self, head: Spool, rest: Generator[bytes, None, None], end: Callable[[BaseException], None]) -> None:
        self._head, self._rest, self._end = head, rest, end
        self._closed = False
        head.rewind()

    @property
    def on_disk(self) -> bool:
        """Whether some of it is in a file."""
        return self._head.on_disk

    def chunks(self) -> Iterator[bytes]:
        """
        All pieces, once.

        Raises:
            CovalueError: it was cut; no piece follows.
        """
        try:
            yield from self._head.chunks()
            yield from self._rest
        except BaseException as e:
            self._leave(e)
            raise
        finally:
            self.close()

    def read(self) -> bytes:
        """All of it; an answer that is cut raises."""
        return b"".join(self.chunks())

    def close(self) -> None:
        """Ends the evaluation, should it not have ended; a second call does nothing."""
        self._leave(cancelled_error())

    def _leave(self, error: BaseException) -> None:
        if self._closed:
            return
        self._closed = True
        self._head.close()
        self._rest.close()
        self._end(error)


class Following(Protocol):
    """Those who may want the copy of an answer."""

    def wanted(self) -> bool:
        """Whether somebody waits for it, besides who reads it."""

    def landed(self, body: bytes | None, error: CovalueError | None = None, outgrown: bool = False) -> None:
        """It is whole, or ended in an error; or there is no copy: it was given up, or has `outgrown` what is kept. Called once."""


class Tee:
    """
    An answer on its way to one reader, of which a copy is made as long as it stays short; in memory, and then in a temporary file.

    Args:
        stream: the answer.
        longest: bytes of the longest copy.
        following: told how it ends. Where somebody waits for it, it is read to its end though its reader has gone.
        budget: of temporary files.
    """

    size = None

    def __init__(self, stream: Stream, longest: int, following: Following, budget: Budget) -> None:
        self._stream, self._chunks = stream, iter(stream)
        self._longest, self._following = longest, following
        self._copy = Spool(Limits(bytes=longest), budget)
        self._landed = False

    @property
    def on_disk(self) -> bool:
        """Whether some of it is in a file."""
        return self._stream.on_disk

    def chunks(self) -> Iterator[bytes]:
        """See `Flow.chunks`."""
        try:
            yield from self._copied()
        finally:
            self.close()

    def read(self) -> bytes:
        """See `Flow.read`."""
        return b"".join(self.chunks())

    def close(self) -> None:
        """Its reader wants no more; a second call does nothing."""
        try:
            for _ in self._copied() if not self._landed and self._following.wanted() else ():
                if self._landed or not self._following.wanted():
                    break
        except CovalueError:
            pass  # who waits has been told
        finally:
            self._stream.close()
            self._land(None)

    def _copied(self) -> Iterator[bytes]:
        try:
            for chunk in self._chunks:
                self._keep(chunk)
                yield chunk
        except CovalueError as e:
            self._land(None, e)
            raise
        if not self._landed:
            self._copy.rewind()
            self._land(self._copy.read())

    def _keep(self, chunk: bytes) -> None:
        if self._landed:
            return
        try:
            self._copy.write(chunk)
        except StoreError as e:  # also where there is no room for copies
            self._land(None, outgrown=isinstance(e, TooLargeError))

    def _land(self, body: bytes | None, error: CovalueError | None = None, outgrown: bool = False) -> None:
        if not self._landed:
            self._landed = True
            self._copy.close()
            self._following.landed(body, error, outgrown)
