"""One CSV file as raw rows: its encoding, its header and its form judged, its cells untouched."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from covalue.errors import Place, SourceError
from covalue.findings import Finding, Severity
from covalue.specs import Kind
from covalue.words import escaped, meant, meant_zh, nearest


@dataclass(frozen=True)
class RawRow:
    """A row as the file has it; `number` counts as a spreadsheet does, the header being row 1."""

    kind: Kind
    number: int
    path: str
    values: Mapping[str, str]


@dataclass
class RawTable:
    """The rows of a file, and what is wrong with the file itself."""

    rows: list[RawRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read_table(path: Path, kind: Kind, shown: str) -> RawTable:
    """
    The raw rows of a table; none where the file or its header is unusable.

    Raises:
        SourceError: the file cannot be read at all.
    """
    table = RawTable()
    text = _text(path, shown, table)
    if text is None:
        return table
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    last_good = 0
    try:
        header = [h.strip() for h in next(reader, [])]
        faults = _header_faults(header, kind, shown)
        table.findings += faults
        if faults:
            return table
        last_good = reader.line_num
        for number, cells in enumerate(reader, 2):
            last_good = reader.line_num
            if any(c.strip() for c in cells):
                _check_length(cells, header, table, Place(shown, row=number))
                table.rows.append(RawRow(kind, number, shown, dict(zip(header, cells, strict=False))))
    except csv.Error as e:
        line = last_good + 1
        en = f"the record that begins at line {line} is not CSV: {e}; check the quotes there."
        table.findings.append(Finding("broken-csv", en, f"从第 {line} 行开始的记录不是合法 CSV：{e}；请检查该处引号。", Place(shown, line=line)))
    return table


def _text(path: Path, shown: str, table: RawTable) -> str | None:
    try:
        data = path.read_bytes()
    except OSError as e:
        raise SourceError(f"cannot be read: {e.strerror}.", f"无法读取：{e.strerror}。", Place(shown)) from e
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
        table.findings.append(
            Finding("byte-order-mark", "begins with a byte order mark, which was skipped.", "文件以字节顺序标记（BOM）开头，已略过。", Place(shown), severity=Severity.INFO)
        )
    try:
        text = data.decode("utf-8")
        bad = text.partition("\n")[0].find("\0")  # UTF-16 without a mark decodes, but with a NUL beside every letter
    except UnicodeDecodeError as e:
        text, bad = "", e.start
    if bad < 0:
        return text
    line = data[:bad].count(b"\n") + 1
    en = f"is not UTF-8 (first at line {line}); save it as 'CSV UTF-8'."
    table.findings.append(Finding("encoding", en, f"不是 UTF-8 编码（首个错误在第 {line} 行）；请另存为“CSV UTF-8”。", Place(shown, line=line)))
    return None


def _check_length(cells: list[str], header: list[str], table: RawTable, place: Place) -> None:
    if any(c.strip() for c in cells[len(header) :]):
        en = f"has {len(cells)} cells, but the table has {len(header)} columns; put text with commas into quotes."
        table.findings.append(Finding("too-many-cells", en, f"有 {len(cells)} 个单元格，而表只有 {len(header)} 列；含逗号的文字请加引号。", place))


def _header_faults(header: list[str], kind: Kind, shown: str) -> list[Finding]:
    names = [c.name for c in kind.columns]
    listed = ", ".join(names)
    faults = []
    for name in header:
        if name not in names:
            near = nearest(name, set(names) - set(header))
            en = f'"{escaped(name)}": no such column in {kind.name}{meant(near)}; the columns are {listed}.'
            zh = f"“{escaped(name)}”：表 {kind.name} 没有这一列{meant_zh(near)}；可用的列有 {listed}。"
            faults.append(Finding("unknown-column", en, zh, Place(shown, row=1, cell=escaped(name)), escaped(name)))
    for name in sorted({n for n in header if header.count(n) > 1}):
        en, zh = f'"{name}": the column stands twice; delete one.', f"“{name}”：此列出现两次；请删去一列。"
        faults.append(Finding("duplicate-column", en, zh, Place(shown, row=1, cell=name), name))
    for column in kind.columns:
        if column.least and column.name not in header:
            en = f'"{column.name}": this column is required in {kind.name}; add it. {column.help["en"]}'
            zh = f"“{column.name}”：表 {kind.name} 必须有此列；请补上。{column.help['zh']}"
            faults.append(Finding("missing-column", en, zh, Place(shown, row=1, cell=column.name), column.name))
    return faults
