"""What was made before and may be asked for again, bounded in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
SHARE = 4
"""One value may take this part of the whole; larger ones pass by."""


class Kept(Generic[K, V]):
    """
    Values by key; the latest used stay. Safe for any number of threads.

    Args:
        most: bytes that all may take together.
        size: how many a key and its value take.
    """

    def __init__(self, most: int, size: Callable[[K, V], int]) -> None:
        self._most, self._size_of = most, size
        self._lock = threading.Lock()
        self._held: OrderedDict[K, V] = OrderedDict()
        self._size = self._hits = 0

    def find(self, key: K) -> V | None:
        """The value, where it is held."""
        with self._lock:
            found = self._held.get(key)
            if found is not None:
                self._held.move_to_end(key)
                self._hits += 1
            return found

    def keep(self, key: K, value: V) -> None:
        """Holds a value, unless there is one or it is too large."""
        size = self._size_of(key, value)
        with self._lock:
            if key in self._held or size > self._most // SHARE:
                return
            self._held[key] = value
            self._size += size
            while self._size > self._most:
                self._size -= self._size_of(*self._held.popitem(last=False))

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value, made where it is not there."""
        found = self.find(key)
        if found is None:
            found = make()
            self.keep(key, found)
        return found

    def counts(self) -> tuple[int, int, int]:
        """How many values are held, their bytes, and how often one was found."""
        with self._lock:
            return len(self._held), self._size, self._hits
