"""The program as a real process, as users start it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

COVALUE = [sys.executable, "-m", "covalue"]


def environment(**more: str) -> dict[str, str]:
    """The environment without settings of the developer, plus what is given."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("COVALUE_")}
    return {**plain, "PYTHONUTF8": "1", **more}


def run(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs covalue to its end; streams are kept apart."""
    return subprocess.run([*COVALUE, *map(str, arguments)], capture_output=True, text=True, encoding="utf-8", env=environment(**more), timeout=60)


def start(*arguments: str | Path, **more: str) -> subprocess.Popen[str]:
    """Starts covalue."""
    return subprocess.Popen(
        [*COVALUE, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", env=environment(**more)
    )


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Waits for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.002)
