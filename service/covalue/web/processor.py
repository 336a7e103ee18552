"""
The processor of the threads that answer requests.

Threads of Python work one after the other. On several processors, each that lets go of the lock for a moment, to send or to wait, wakes
another one elsewhere and then waits for it: measured, up to thirty changes for each small answer, and a third of the answers. On one
processor they follow each other. What works beside them, engines above all, keeps all processors.
"""

from __future__ import annotations

import os

from covalue.stores.limits import keep_to, processors


def stay_on_one_processor() -> None:
    """
    Keeps this thread, and those that it starts from now on, on one of its processors (Linux; elsewhere nothing happens).

    Which one goes by the number of the process, so that several services on a machine do not all choose the same.
    """
    mine = sorted(processors())
    keep_to({mine[os.getpid() % len(mine)]})
