"""The program as a real process, as users start it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from served import Client

COVALUE = [sys.executable, "-m", "covalue"]


def environment(**more: str) -> dict[str, str]:
    """The environment without settings of the developer, plus what is given."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("COVALUE_")}
    return {**plain, "PYTHONUTF8": "1", **more}


def run(*arguments: str | Path, seconds: float = 240, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs covalue to its end; streams are kept apart."""
    return subprocess.run([*COVALUE, *map(str, arguments)], capture_output=True, text=True, encoding="utf-8", env=environment(**more), timeout=seconds)


def start(*arguments: str | Path, mutation: dict[str, Any] | None = None, **more: str) -> subprocess.Popen[str]:
    """Starts covalue."""
    command = COVALUE if mutation is None else [sys.executable, str(Path(__file__).with_name("mutant.py")), json.dumps(mutation)]
    return subprocess.Popen(
        [*command, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", env=environment(**more)
    )


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.002)


@contextlib.contextmanager
def serving(*arguments: str | Path, mutation: dict[str, Any] | None = None, ceiling: float | None = None, **more: str) -> Iterator[Running]:
    """
    `covalue serve` on a free port, until the block ends, which kills it: how it ends when it is told to is seen by `Running.stop`.

    Args:
        mutation: changes it as `mutant.py` says.
        ceiling: see `Running`.
    """
    process = start("serve", "--port", "0", *arguments, mutation=mutation, **more)
    assert process.stderr is not None
    said: list[str] = []
    log = threading.Thread(target=lambda: [said.append(x) for x in process.stderr], daemon=True)  # type: ignore[union-attr]
    try:
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)/ ", line := process.stderr.readline())):
            said.append(line)
            assert line, "".join(said)
        log.start()
        running = Running(int(found.group(1)), process, said)
        running.ceiling = ceiling or Running.ceiling
        yield running
    finally:
        process.kill()
        process.wait()
        if log.ident is not None:
            log.join(20)
        process.stderr.close()
        if process.stdout is not None:
            process.stdout.close()


class Running(Client):
    """The program as it runs: its port, its process, and what it has said on stderr."""

    ceiling = 30.0
    """Seconds within which what should end soon must have ended: many more than it takes, since machines differ and are shared."""

    def __init__(self, port: int, process: subprocess.Popen[str], said: list[str]) -> None:
        self.port, self.process, self.said = port, process, said

    def stop(self) -> int:
        """Tells it to end, and waits; its exit code."""
        self.process.terminate()
        return self.process.wait(60)


# --- processes, as Linux sees them


def children(pid: int) -> set[int]:
    """All living descendants of a process."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if state not in "ZX":
                parents[int(entry.name)] = int(parent)
    out, grown = {pid}, True
    while grown:
        more = {p for p, parent in parents.items() if parent in out} - out
        out |= more
        grown = bool(more)
    return out - {pid}


def at_work(pids: set[int], looks: int = 6, between: float = 0.03) -> set[int]:
    """
    Those processes that have a thread that runs, or waits for nothing but the processor, at each of several looks.

    Unlike the processor time that a process gets, this does not depend on what else the machine does.
    """
    working = set(pids)
    for look in range(looks):
        time.sleep(between if look else 0)
        working = {pid for pid in working if _runs(pid)}
        if not working:
            break
    return working


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                if (task / "stat").read_text().rpartition(")")[2].split()[0] in "RD":
                    return True
    return False


def processor_seconds(pids: set[int]) -> float:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
