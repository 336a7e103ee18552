"""
Column specs: what each kind of case table holds, as data in `graph/tables/`.

`kinds.csv` lists the tables with their folder, classes and IRI pattern; `<table>.csv` has a row for each column.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from covalue.errors import Place, SourceError
from covalue.names import expand

SEPARATOR = "|"
KINDS = {"id", "passage-id", "class", "text", "string", "iri", "term", "ref", "concept", "passage", "integer", "decimal", "year", "month", "date"}


@dataclass(frozen=True)
class Column:
    """One column of a kind of table: the property it states, the kind of its cells, and how many values it takes."""

    name: str
    property: str
    kind: str
    target: tuple[str, ...]
    least: int
    most: int | None
    title: Mapping[str, str]
    help: Mapping[str, str]
    example: str


@dataclass(frozen=True)
class Kind:
    """A kind of table: which folder it stands in, the classes of its rows and the pattern of their IRIs."""

    name: str
    folder: str
    classes: tuple[str, ...]
    iri: str
    title: Mapping[str, str]
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)


def read_specs(folder: Path) -> dict[str, Kind]:
    """
    All kinds of tables, by name.

    Raises:
        SourceError: a spec is missing, not UTF-8, or malformed; the place is the file.
    """
    kinds = {}
    for line in _records(folder / "kinds.csv"):
        with _at(folder / "kinds.csv"):
            name, classes, iri = line["table"], line["class"], line["iri"]
            expand(iri.partition("{")[0])
        path = folder / f"{name}.csv"
        columns = tuple(_column(c, path) for c in _records(path))
        with _at(folder / "kinds.csv"):
            title = {"en": line["label_en"], "zh": line["label_zh"]}
            kinds[name] = Kind(name, line["folder"], tuple(filter(None, classes.split(SEPARATOR))), iri, title, columns)
    return kinds


def _column(line: Mapping[str, str], path: Path) -> Column:
    with _at(path):
        if line["kind"] not in KINDS:
            raise ValueError(f"no such kind of cell: {line['kind']}")
        return Column(
            line["column"],
            expand(line["property"]) if line["property"] else "",
            line["kind"],
            tuple(filter(None, line["target"].split(SEPARATOR))),
            int(line["min"]),
            None if line["max"] == "*" else int(line["max"]),
            {"en": line["label_en"], "zh": line["label_zh"]},
            {"en": line["help_en"], "zh": line["help_zh"]},
            line["example"],
        )


@contextmanager
def _at(path: Path) -> Iterator[None]:
    """What goes wrong inside is a fault of the spec at this path."""
    try:
        yield
    except (KeyError, ValueError, AttributeError, TypeError, csv.Error) as e:
        raise SourceError(f"is not a column spec: {e}.", f"不是列规格：{e}。", Place(str(path))) from e
    except OSError as e:
        raise SourceError(f"cannot be read: {e.strerror}.", f"无法读取：{e.strerror}。", Place(str(path))) from e


def _records(path: Path) -> list[dict[str, str]]:
    with _at(path), path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
