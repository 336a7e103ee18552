"""Changes to the tables of a project, as its author would make them in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path

Cells = list[list[str]]


def cells(path: Path) -> Cells:
    """All cells of a table, the header first."""
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True))


def write(path: Path, rows: Cells) -> None:
    """Writes a table as a spreadsheet does."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.getvalue(), encoding="utf-8", newline="\n")


def change(path: Path, how: Callable[[Cells], Cells]) -> None:
    """Rewrites a table."""
    write(path, how(cells(path)))


def set_cell(path: Path, row: int, column: str, value: str) -> None:
    """Fills one cell; rows are counted as a spreadsheet does, the header being row 1. A column that is absent is added."""
    rows = cells(path)
    if column not in rows[0]:
        rows = [[*r, column if i == 0 else ""] for i, r in enumerate(rows)]
    rows[row - 1][rows[0].index(column)] = value
    write(path, rows)


def add_row(path: Path, values: Mapping[str, str]) -> int:
    """Adds a row at the end; returns its number."""
    rows = cells(path)
    rows.append([values.get(name, "") for name in rows[0]])
    write(path, rows)
    return len(rows)


def drop_column(path: Path, column: str) -> None:
    """Deletes a column."""
    change(path, lambda rows: [[c for name, c in zip(rows[0], r, strict=True) if name != column] for r in rows])


def replace_in(path: Path, old: str, new: str) -> None:
    """Replaces a text that must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old} is not in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8", newline="\n")
