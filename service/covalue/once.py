"""
Something that is made when first asked for, by one thread while others wait, and made anew when what it is made of has another version.

A failure is remembered for a minute, so that not every request waits for the same failure again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from covalue.errors import CovalueError

T = TypeVar("T")
AGAIN = 60.0
"""Seconds after which what failed is tried again."""


class Once(Generic[T]):
    """The value of `make` for the present `version`."""

    def __init__(self, version: Callable[[], str], make: Callable[[], T]) -> None:
        self._version, self._make = version, make
        self._lock = threading.Lock()
        self._made: tuple[str, T] | None = None
        self._failed: tuple[str, CovalueError, float] | None = None

    @property
    def made(self) -> bool:
        """Whether the value is there, and right."""
        return self._made is not None and self._made[0] == self._version()

    def get(self) -> T:
        """
        The value.

        Raises:
            CovalueError: it could not be made, now or less than a minute ago.
        """
        version = self._version()
        made = self._made
        if made is not None and made[0] == version:
            return made[1]
        with self._lock:
            if self._made is not None and self._made[0] == version:
                return self._made[1]
            if self._failed is not None and self._failed[0] == version and time.monotonic() - self._failed[2] < AGAIN:
                raise self._failed[1].with_traceback(None)
            try:
                value = self._make()
            except CovalueError as e:
                self._failed = (version, e, time.monotonic())
                raise
            self._made, self._failed = (version, value), None
            return value
