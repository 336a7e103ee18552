"""Comunica, a SPARQL client in JavaScript that asks several sources at once; `.ci/install` brings it and the Node that it needs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

INSTALL = "run .ci/install, or set TEST_COMUNICA to a folder with `node` and `node_modules`"


def folder() -> Path | None:
    """Where it is installed, or None; the latest version, if there are several."""
    if stated := os.environ.get("TEST_COMUNICA"):
        return Path(stated)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "covalue-clients"
    return max((p.parent for p in cache.glob("node-*-comunica-*/done")), default=None)


def command() -> list[str]:
    """Its program for queries, to be followed by sources and a query; the test skips where it is not installed."""
    found = folder()
    program = found / "node_modules" / ".bin" / "comunica-sparql" if found else None
    if found is None or program is None or not program.exists():
        pytest.skip(f"Comunica is not installed: {INSTALL}")
    return [str(found / "node"), str(program)]


def select(query: str, *sources: str, seconds: float = 120) -> list[dict[str, str]]:
    """
    The rows of a query over all the sources together; each cell as the text of its term.

    A source may say what it is: `sparql@URL` is an endpoint, a bare address is found out.
    """
    done = subprocess.run([*command(), *sources, "-q", query, "-t", "application/sparql-results+json"], capture_output=True, text=True, encoding="utf-8", timeout=seconds)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["results"]["bindings"]
    return [{name: cell["value"] for name, cell in row.items()} for row in rows]
