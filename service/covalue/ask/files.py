"""The files of words: tables in UTF-8, and the phrases of both languages in a row, as stemmed words and characters."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from covalue.ask.tokens import atoms, stem
from covalue.errors import Place, SourceError

Phrase = tuple[str, ...]


def rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """
    The rows of a table; none if there is no such file.

    Raises:
        SourceError: it is not UTF-8, or has other columns.
    """
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != tuple(columns):
                raise SourceError(f"needs the columns {', '.join(columns)}.", f"需要的列是 {'、'.join(columns)}。", Place(str(path), row=1))
            return [{c: row[c] or "" for c in columns} for row in reader]
    except UnicodeDecodeError as e:
        raise SourceError("is not UTF-8.", "不是 UTF-8。", Place(str(path))) from e


def phrases(row: Mapping[str, str]) -> Iterator[Phrase]:
    """What stands between semicolons in the columns `en` and `zh`."""
    for lang in ("en", "zh"):
        for text in row[lang].split(";"):
            phrase = tuple(map(stem, atoms(text)))
            if phrase:
                yield phrase
