"""
Long work in a thread of a process that answers requests meanwhile.

One thread of Python runs at a time, and gives way to another after five milliseconds. A request changes threads some four times, so beside
a thread that computes without pause each took 15 to 25 ms; with turns of half a millisecond it takes 2 to 5.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TURN = 0.0005
"""Seconds after which work gives way."""
_lock = threading.Lock()
_usual: list[float] = []
"""The turn of other times, once for each work that is going on."""


@contextmanager
def requests() -> Iterator[None]:
    """While it lasts, threads take short turns; afterwards those of before, when no other such work is going on."""
    with _lock:
        _usual.append(_usual[0] if _usual else sys.getswitchinterval())
        sys.setswitchinterval(min(TURN, _usual[0]))
    try:
        yield
    finally:
        with _lock:
            usual = _usual.pop()
            if not _usual:
                sys.setswitchinterval(usual)
