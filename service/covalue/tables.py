"""
Case tables: folders of CSV files read against column specs, all faults reported at once.

A spec is data (see `specs`); nothing here knows a column by name but `id`, which every table has, and `source` of the case's
own table. The outcome is `Row`s of judged cells (see `cells`); `lift` turns them into statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from covalue.cells import Judge, Known, Row, Vocabulary, plain_width, valid_id
from covalue.csvfile import RawRow, read_table
from covalue.errors import Place
from covalue.findings import Finding, Report
from covalue.names import expand
from covalue.specs import SEPARATOR, Kind
from covalue.words import escaped, meant, meant_zh, nearest


@dataclass
class Folder:
    """The rows of one folder of tables, and the IRI of each id of each table."""

    name: str
    rows: list[Row] = field(default_factory=list)
    ids: dict[str, dict[str, str]] = field(default_factory=dict)


class Reader:
    """
    Reads folders of tables one after another, collecting findings; later folders may refer to the rows of earlier ones.

    Args:
        kinds: the specs.
        vocabulary: concepts and classes that cells may name.
        shown: how a path is shown in findings.
    """

    def __init__(self, kinds: Mapping[str, Kind], vocabulary: Vocabulary, shown: Callable[[Path], str] = str) -> None:
        self.kinds, self.vocabulary, self.shown = kinds, vocabulary, shown
        self.report = Report()
        self.shared: dict[str, dict[str, str]] = {}
        self.passages: dict[str, frozenset[str]] = {}

    def literature(self, path: Path) -> Folder:
        """The folder of publications and scholars, which all cases share."""
        folder = self._folder(path, "literature", {})
        self.shared.update(folder.ids)
        return folder

    def source(self, path: Path) -> Folder:
        """A source folder: its name is the short name of the publication, as in `src:<name>/<locator>`."""
        passages = path / "passages.csv"
        rows = read_table(passages, self.kinds["passages"], self.shown(passages)).rows if passages.is_file() else []
        self.passages[path.name] = frozenset(_id(r) for r in rows)
        return self._folder(path, "source", {"source": path.name})

    def case(self, path: Path) -> Folder:
        """A case folder: its name is the short name of the case."""
        return self._folder(path, "case", {"case": path.name})

    def _folder(self, path: Path, kind_of_folder: str, parts: Mapping[str, str]) -> Folder:
        folder = Folder(path.name)
        if not valid_id(path.name) and parts:
            self._fault(
                "bad-folder-name", Place(self.shown(path)), "name the folder with lower-case letters, digits and hyphens only.", "文件夹名只用小写字母、数字和连字符。", path.name
            )
            return folder
        kinds = {k.name: k for k in self.kinds.values() if k.folder == kind_of_folder}
        raws = self._raw_rows(path, kinds)
        for name in kinds:
            folder.ids[name] = {}
        for raw in raws:
            self._register(raw, folder, parts)
        if "case" in parts:
            self._check_case_table(path, [r for r in raws if r.kind.name == "case"])
        known = Known({**self.shared, **folder.ids}, self.passages, self._sources(raws, parts))
        judge = Judge(self.vocabulary, known, self.report)
        for raw in raws:
            cells = judge.cells(raw)
            iri = folder.ids[raw.kind.name].get(_id(raw))
            if iri:
                folder.rows.append(Row(raw.kind, raw.number, raw.path, _id(raw), iri, tuple(c for c in cells if c.values)))
        return folder

    def _raw_rows(self, path: Path, kinds: Mapping[str, Kind]) -> list[RawRow]:
        rows: list[RawRow] = []
        for file in sorted(path.glob("*")):
            if file.name.startswith((".", "_", "~")):
                continue
            kind = kinds.get(file.stem) if file.suffix == ".csv" else None
            if kind:
                table = read_table(file, kind, self.shown(file))
                self.report.extend(table.findings)
                rows += table.rows
            else:
                near, listed = nearest(file.stem, kinds), ", ".join(sorted(kinds))
                en, zh = f"no such kind of table here; the tables are {listed}{meant(near)}.", f"没有这种表；可用的表有 {listed}{meant_zh(near)}。"
                self._fault("unknown-table", Place(self.shown(file)), en, zh, file.name)
        return rows

    def _sources(self, raws: Iterable[RawRow], parts: Mapping[str, str]) -> tuple[str, ...]:
        """The sources whose passages the folder's locators mean: its own, or those that the case's table names."""
        if "source" in parts:
            return (parts["source"],)
        stated = [r.values.get("source", "") for r in raws if r.kind.name == "case"]
        named = [plain_width(s) for cell in stated for s in cell.split(SEPARATOR)]
        return tuple(n for n in named if n in self.passages)

    def _register(self, raw: RawRow, folder: Folder, parts: Mapping[str, str]) -> None:
        known, row_id = folder.ids[raw.kind.name], _id(raw)
        if row_id in known:
            place = Place(raw.path, row=raw.number, cell="id")
            en, zh = "this id is used by an earlier row of the table; give this row another.", "此编号已被本表前面的行使用；请另取一个。"
            self._fault("duplicate-id", place, f'"{row_id}": {en}', f'"{row_id}": {zh}', row_id)
        elif valid_id(row_id):
            known[row_id] = expand(raw.kind.iri.format(**{"id": row_id, **parts}))

    def _check_case_table(self, path: Path, rows: list[RawRow]) -> None:
        if not rows:
            en = "there is no usable row in case.csv; it names the firm studied and the source whose passages the other tables cite."
            self._fault("missing-case-table", Place(self.shown(path / "case.csv")), en, "case.csv 中没有可用的行；它指明所研究的企业，以及其他表所引段句的来源。")
        for number, row in enumerate(rows):
            if number or _id(row) != path.name:
                place = Place(row.path, row=row.number, cell="id")
                en = f'"{escaped(_id(row))}": case.csv has one row, and its id is the name of the folder, {path.name}.'
                self._fault("case-row", place, en, f"“{escaped(_id(row))}”：case.csv 只有一行，其编号是文件夹名 {path.name}。", _id(row))

    def _fault(self, rule: str, place: Place, en: str, zh: str, value: str = "") -> None:
        self.report.add(Finding(rule, en, zh, place, escaped(value)))


def _id(raw: RawRow) -> str:
    return plain_width(raw.values.get("id", ""))
