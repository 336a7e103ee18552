"""
Long work in a thread of a process that answers requests meanwhile.

One thread of Python runs at a time, and gives way to another after five milliseconds. A request changes threads some four times, so beside
a thread that computes without pause each took 15 to 25 ms; with turns of half a millisecond it takes 2 to 5. And the collector of
garbage stops all threads to look through what there is: half a second each time where a million names have been read. It rests
meanwhile; what is not in a circle is freed without it.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TURN = 0.0005
"""Seconds after which work gives way."""
_lock = threading.Lock()
_before: list[tuple[float, bool]] = []
"""The turn of other times, and whether garbage was collected; once for each work that is going on."""


@contextmanager
def requests() -> Iterator[None]:
    """While it lasts, threads take short turns, and no garbage is collected; afterwards it is as before, when no other such work is going on."""
    with _lock:
        _before.append(_before[0] if _before else (sys.getswitchinterval(), gc.isenabled()))
        sys.setswitchinterval(min(TURN, _before[0][0]))
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            turn, collects = _before.pop()
            if not _before:
                sys.setswitchinterval(turn)
                if collects:
                    gc.enable()
