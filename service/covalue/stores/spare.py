"""How much memory there is to spare: of the machine, and of the container or control group in which this process runs."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

CACHED = re.compile(r"^(?:total_)?(?:in)?active_file (\d+)$", re.MULTILINE)
FILES = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
"""The limit and what is used of it, in control groups of the second kind and of the first."""


def spare(root: Path = Path("/")) -> int:
    """
    Bytes that can be taken without pressing anybody; 0 where the system does not tell (any but Linux).

    Args:
        root: where `proc` and `sys` are; another one in tests.
    """
    with contextlib.suppress(OSError, ValueError):
        return max(0, min([_machine(root), *_groups(root)]))
    return 0


def _machine(root: Path) -> int:
    """What the kernel thinks can be had, its cache of files given back."""
    for line in (root / "proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return 0


def _groups(root: Path) -> list[int]:
    """What the limits of our group and of those around it leave; cached files count as free there too."""
    out = []
    for line in (root / "proc/self/cgroup").read_text().splitlines() if (root / "proc/self/cgroup").exists() else ():
        _, kinds, name = line.split(":", 2)
        if kinds and "memory" not in kinds.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("memory" if kinds else "")
        group = top / name.lstrip("/")
        for folder in (f for f in (group, *group.parents) if f.is_relative_to(top)):
            out += _left(folder)
    return out


def _left(group: Path) -> list[int]:
    for limit, usage in FILES:
        with contextlib.suppress(FileNotFoundError):
            most = (group / limit).read_text().strip()
            if most != "max":
                cached = sum(map(int, CACHED.findall((group / "memory.stat").read_text())))
                return [int(most) - int((group / usage).read_text()) + cached]
    return []
