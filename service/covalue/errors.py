"""
The tree of errors, and the place that an error speaks of.

A class exists only where a caller acts differently on it:

    CovalueError
     ├── InputError        something that we were given cannot be read or makes no sense   (exit 2, HTTP 400)
     │    ├── SourceError      a source file or folder of the project
     │    ├── QueryError       the text of a SPARQL query                                  (HTTP 400)
     │    └── SettingError     a setting or an option
     ├── RefusedError      understood, but not allowed here                                (exit 2, HTTP 403)
     ├── FormatError       the answer cannot be given in an asked format                   (exit 2, HTTP 406)
     ├── FindingsError     the sources were read, and have faults                          (exit 1)
     └── StoreError        the store or its artefact failed                                (exit 3, HTTP 503)
          └── …               what a query may not cost: see `stores.limits`               (HTTP 504, 413, 503, 500)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from covalue.findings import Report


@dataclass(frozen=True)
class Place:
    """Where something stands: a file, and in it a line and column, or a row and a named column of a table."""

    path: str
    line: int | None = None
    column: int | None = None
    row: int | None = None
    cell: str | None = None

    def __str__(self) -> str:
        if self.row is not None:
            return f"{self.path} row {self.row}" + (f", column {self.cell}" if self.cell else "")
        if self.line is not None:
            return f"{self.path}:{self.line}" + (f":{self.column}" if self.column is not None else "")
        return f"{self.path}, column {self.cell}" if self.cell else self.path


class CovalueError(Exception):
    """
    One sentence in each language, and the place.

    Positional arguments only, so that an error survives pickling between processes.
    """

    exit_code = 2

    def __init__(self, en: str, zh: str = "", place: Place | None = None) -> None:
        super().__init__(en, zh, place)
        self.en, self.zh, self.place = en, zh or en, place

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return where + self.en + (f" | {self.zh}" if self.zh != self.en else "")


class InputError(CovalueError):
    """Something that we were given cannot be read or makes no sense."""


class SourceError(InputError):
    """A source file or folder of the project is missing or unreadable."""


class QueryError(InputError):
    """The text of a query is not one SPARQL query."""


class SettingError(InputError):
    """A setting or option is unknown or has a bad value."""


class RefusedError(CovalueError):
    """The request was understood and is not allowed here."""


class FormatError(CovalueError):
    """The answer cannot be given in any of the formats asked for."""


class StoreError(CovalueError):
    """The store, or the artefact behind it, cannot be opened, written or queried."""

    exit_code = 3


class FindingsError(CovalueError):
    """The sources were read and have faults; `report` holds all of them."""

    exit_code = 1

    def __init__(self, en: str, zh: str, report: Report) -> None:
        super().__init__(en, zh)
        self.args = (en, zh, report)
        self.report = report
