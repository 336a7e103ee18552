"""Runs a command apart and measures it: seconds on the clock, of the processor, and the peak of its resident memory in MB."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_mb: float
    stdout: str
    cpu: float = 0.0


def run(*command: str) -> Run:
    """
    Runs to the end; the memory is that of all its processes together where `/proc` tells, else of the first.

    Raises:
        SystemExit: the command failed; its words are shown.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=err, text=True)
        peak, ended = [0], threading.Event()
        watch = threading.Thread(target=_watch, args=(process.pid, peak, ended))
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        ended.set()
        watch.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said = out.read()
        if process.returncode:
            sys.exit(f"{' '.join(command)}\n{said[-2000:]}{err.read()[-2000:]}")
    return Run(seconds, max(peak[0], usage.ru_maxrss * 1024) / 1e6, said, usage.ru_utime + usage.ru_stime)


def _watch(pid: int, peak: list[int], ended: threading.Event) -> None:
    while not ended.wait(0.02):
        peak[0] = max(peak[0], sum(map(_resident, _tree(pid))))


def _tree(pid: int) -> list[int]:
    try:
        children = [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (OSError, ValueError):
        children = []
    return [pid, *(d for c in children for d in _tree(c))]


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table as Markdown writes it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
