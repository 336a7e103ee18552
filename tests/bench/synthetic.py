"""Synthetic projects: the real ontology and sources with many cases of the Xiaomi case's shape, whole or cut down to a few claims."""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Mapping
from pathlib import Path

from covalue.specs import Kind, read_specs

ROOT = Path(__file__).resolve().parents[2]
SEEDS = {"contributions": 2, "causal-links": 1, "observations": 1, "exchanges": 1}
LIGHT = {"contributions": 1}
"""What a light case begins with: one claim, and what it refers to."""
Table = dict[str, dict[str, str]]


def make_project(folder: Path, cases: int, whole: bool, seed: int = 1, seeds: Mapping[str, int] = SEEDS) -> Path:
    """
    A project with the given number of cases.

    Args:
        whole: each case has all rows of the Xiaomi case (about 13,000 facts); else a few claims and what they
            refer to (about 340 facts, 1,900 statements with all that is made of them), drawn anew for each case.
        seed: of the draw; the same seed gives the same project.
        seeds: how many rows of which tables a case that is not whole begins with.
    """
    for name in ("ontology", "queries"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copytree(ROOT / "graph", folder / "graph", ignore=lambda d, _: ["xiaomi"] if d.endswith("cases") else [])
    specs = {k: v for k, v in read_specs(ROOT / "graph" / "tables").items() if v.folder == "case"}
    tables = {name: _read(ROOT / "graph" / "cases" / "xiaomi" / f"{name}.csv") for name in specs}
    draw = random.Random(seed)
    for number in range(cases):
        chosen = tables if whole else _closed(specs, tables, _seeds(tables, draw, seeds))
        write_case(folder / "graph" / "cases" / f"case-{number:05}", specs, chosen)
    return folder


def _seeds(tables: dict[str, Table], draw: random.Random, seeds: Mapping[str, int]) -> list[tuple[str, str]]:
    return [("case", "xiaomi"), *((t, i) for t, n in seeds.items() for i in draw.sample(sorted(tables[t]), n))]


def _closed(specs: dict[str, Kind], tables: dict[str, Table], todo: list[tuple[str, str]]) -> dict[str, Table]:
    """The rows with all rows that they refer to, however far."""
    out: dict[str, Table] = {name: {} for name in tables}
    while todo:
        table, row_id = todo.pop()
        if row_id in out[table]:
            continue
        row = out[table][row_id] = tables[table][row_id]
        for column in specs[table].columns:
            if column.kind == "ref":
                for value in filter(None, (v.strip() for v in row[column.name].split("|"))):
                    todo += _target(value, column.target, tables)
    return out


def _target(value: str, targets: tuple[str, ...], tables: dict[str, Table]) -> list[tuple[str, str]]:
    table, _, row_id = value.rpartition("/")
    names = [table] if table else [t for t in targets if t in tables]
    return [(t, row_id) for t in names if row_id in tables.get(t, {})]


def _read(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def copy_case(case: Path, name: str) -> None:
    """Another case beside a given one, with the same rows."""
    specs = {k: v for k, v in read_specs(ROOT / "graph" / "tables").items() if v.folder == "case"}
    write_case(case.parent / name, specs, {n: _read(case / f"{n}.csv") for n in specs if (case / f"{n}.csv").is_file()})


def write_case(folder: Path, specs: dict[str, Kind], tables: dict[str, Table]) -> None:
    """The tables of a case; its own row gets the folder's name, as the reader demands."""
    folder.mkdir(parents=True)
    tables = {**tables, "case": {folder.name: {**next(iter(tables["case"].values())), "id": folder.name}}}
    for name, rows in tables.items():
        if rows:
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, [c.name for c in specs[name].columns], lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows.values())
