"""What the process that talks to clients takes of the machine, under the names that Prometheus has for it. Its workers are processes of their own."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

HELP = {
    "process_cpu_seconds_total": ("counter", "Seconds of processors that the serving process has used."),
    "process_resident_memory_bytes": ("gauge", "Memory of the serving process, with the pages of files that it shares."),
    "process_open_fds": ("gauge", "Files and connections that it has open."),
    "process_start_time_seconds": ("gauge", "When it began, in seconds since 1970."),
}
SELF = Path("/proc/self")
_began = time.time()


def usage() -> dict[str, float]:
    """Values by the names of `HELP`; where the system does not tell (it is not Linux), those of the clock only."""
    found = {"process_cpu_seconds_total": round(time.process_time(), 3), "process_start_time_seconds": round(_began, 3)}
    with suppress(OSError):
        found["process_resident_memory_bytes"] = int(SELF.joinpath("statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        found["process_open_fds"] = sum(1 for _ in (SELF / "fd").iterdir())
    return found
