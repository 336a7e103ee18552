"""
Query files: a header of `#+` lines read as YAML, and the SPARQL below it.

The header is one block at the top; unknown keys are errors; what it says of columns must agree with the SELECT clause.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from covalue.errors import Place, SourceError

KEYS = {"title", "summary", "question", "explanation", "severity", "source", "graphs", "columns", "key", "expect", "parameters", "keywords"}


@dataclass(frozen=True)
class Query:
    """A query file: its header, its whole text (which runs as it stands), and the columns that it projects, in order."""

    path: Path
    header: Mapping[str, Any]
    text: str
    columns: tuple[str, ...]


def load(path: Path) -> Query:
    """
    A query file, with header and body held against each other.

    Raises:
        SourceError: the header is missing, not YAML, has unknown keys, or names columns that the query does not project.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise SourceError(f"cannot be read as UTF-8: {e}.", f"无法按 UTF-8 读取：{e}。", Place(str(path))) from e
    header = _header(text, path)
    columns = _columns(text)
    named = list(header.get("columns") or [])
    if named and named != list(columns):
        raise SourceError(
            f"its header names the columns {', '.join(named)}, but the query projects {', '.join(columns)}; make them agree.",
            f"文件头写的列是 {', '.join(named)}，而查询投影的是 {', '.join(columns)}；请使二者一致。",
            Place(str(path), 1),
        )
    return Query(path, header, text, columns)


def _header(text: str, path: Path) -> dict[str, Any]:
    lines = text.splitlines()
    count = next((i for i, line in enumerate(lines) if not line.startswith("#+")), len(lines))
    try:
        header = yaml.safe_load("\n".join(line[2:].removeprefix(" ") for line in lines[:count])) or {}
    except yaml.YAMLError as e:
        raise SourceError(f"has a header that is not YAML: {e}.", f"文件头不是合法 YAML：{e}。", Place(str(path), 1)) from e
    if not isinstance(header, dict) or not header:
        raise SourceError("has no header; begin with '#+ summary:' lines.", "没有文件头；请以“#+ summary:”开头。", Place(str(path), 1))
    unknown = sorted(set(header) - KEYS)
    if unknown:
        raise SourceError(
            f"has unknown header keys {', '.join(unknown)}; known are {', '.join(sorted(KEYS))}.",
            f"文件头有未知的键 {', '.join(unknown)}；可用的键是 {', '.join(sorted(KEYS))}。",
            Place(str(path), 1),
        )
    return header


def _columns(text: str) -> tuple[str, ...]:
    body = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    found = re.search(r"\bSELECT\b(?:\s+(?:DISTINCT|REDUCED)\b)?(.*?)(?:\bWHERE\b|\{)", body, re.I | re.S)
    if not found:
        return ()
    clause = found.group(1)
    while re.search(r"\((?:[^()]*)\bAS\s+\?\w+\s*\)", clause, re.I) or re.search(r"\([^()]*\)", clause):
        clause = re.sub(r"\([^()]*\bAS\s+(\?\w+)\s*\)", r" \1 ", clause, flags=re.I)
        clause = re.sub(r"\((?![^()]*\bAS\s+\?)[^()]*\)", " ", clause, flags=re.I)
    return tuple(re.findall(r"\?(\w+)", clause))
