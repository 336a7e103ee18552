"""Runs a command apart and measures it: seconds on the clock, of the processor, and the peak of its resident memory in MB."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_mb: float
    stdout: str
    cpu: float = 0.0


def run(*command: str) -> Run:
    """
    Runs to the end.

    Raises:
        SystemExit: the command failed; its words are shown.
    """
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stderr
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)}\n{out[-2000:]}{err[-2000:]}")
    return Run(time.monotonic() - start, usage.ru_maxrss / 1024, out, usage.ru_utime + usage.ru_stime)


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table as Markdown writes it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
