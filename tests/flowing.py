"""What tests of long answers share: data, limits, and queries whose answers begin and then end in one way each."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from covalue.formats import by_name
from covalue.stores import Request
from covalue.stores.bounded import BoundedStore
from covalue.stores.limits import MB, Limits

SUBJECTS = 600
LIMITS = Limits(seconds=60, rows=5000, bytes=4 * MB, memory=64 * MB, quick=3, heavy=1)
SMALL = "SELECT ?o { <http://x/s7> <http://x/next> ?o }"
PAIRS = "?a <http://x/next> ?b . ?d <http://x/label> ?f"
BEGUN = f"{{ SELECT ?a ?b ?d ?f {{ {PAIRS} }} LIMIT 2000 }}"
"""Some hundred kilobytes in every format."""
LONG = f"SELECT * {{ {PAIRS} }} LIMIT 4000"
GRAPH = f"CONSTRUCT {{ ?a ?d ?f }} {{ {PAIRS} }}"
TOO_MANY = f"SELECT * {{ {PAIRS} }}"
TOO_LONG = f'SELECT * {{ {PAIRS} BIND("{"a" * 4000}" AS ?long) }}'
DOUBLED = (
    f'SELECT ?a ?b ?d ?f ?n {{ {BEGUN} UNION {{ BIND("{"a" * 64}" AS ?s0) '
    + " ".join(f"BIND(CONCAT(?s{i}, ?s{i}) AS ?s{i + 1})" for i in range(24))
    + " BIND(STRLEN(?s24) AS ?n) } }"
)
UNFIT = f"SELECT * {{ {BEGUN} UNION {{ <http://x/odd> <http://x/odd> ?f }} }}"
"""Ends in a character that XML cannot carry."""


def written(folder: Path) -> Path:
    """The data as a file in a folder."""
    path = folder / "data.nt"
    path.write_text(lines(), encoding="utf-8")
    return path


def lines() -> str:
    """The data, as N-Triples."""
    pairs = (f'<http://x/s{i}> <http://x/next> <http://x/s{i + 1}> .\n<http://x/s{i}> <http://x/label> "number {i} 号"@zh .\n' for i in range(SUBJECTS))
    return "".join(pairs) + '<http://x/odd> <http://x/odd> "a\\u0001b" .\n'


def opened(data: Path, limits: Limits = LIMITS) -> BoundedStore:
    return BoundedStore.from_files([data], limits)


def stalled(store: BoundedStore) -> str:
    """A query that comes to a hundred kilobytes at once, for the first turn of its outer loop, and then to next to nothing for a minute or two."""
    a, d = store.answer(Request(f"SELECT ?a ?d {{ {PAIRS} }} LIMIT 1"), lambda shape: by_name("csv", shape)).body.decode().split()[1].split(",")
    costly = [f'SHA512(CONCAT(STR(?{name}), "{"a" * 60_000}"))' for name in "af"]
    return f"SELECT * {{ {PAIRS} FILTER(?a = <{a}> || ?d = <{d}> || {costly[0]} = {costly[1]}) }}"


def running(store: BoundedStore) -> int:
    """How many queries have a place."""
    return store.counts()["quick_running"] + store.counts()["heavy_running"]


def kill(store: BoundedStore) -> None:
    """Ends the workers that are at a query."""
    for worker in list(store._pool._busy):
        os.kill(worker.pid, signal.SIGKILL)
