"""
Case tables: CSV files read against column specs, every cell judged, all faults reported at once.

A spec is data (`graph/tables/<table>.csv`, listed in `graph/tables/kinds.csv`); nothing here knows a single column by name.
The outcome is `Row`s of typed cells, whose references are resolved; `lift` turns them into statements.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from covalue.errors import Place, SourceError
from covalue.findings import Finding, Report, Severity
from covalue.names import expand

SEPARATOR = "|"
ANY = "@any"
SLUG = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
LOCATOR = re.compile(r"(?:[a-z]+(?:-[a-z]+)*|[0-9]+(?:\.[0-9]+)*)-p[0-9]+-s[0-9]+")
DATE = re.compile(r"[0-9]{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?)?")
PROSE = {"text", "string", "iri"}


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


@dataclass(frozen=True)
class Vocabulary:
    """What cells may name from the ontology: concepts by scheme, and for each class the names of itself and its subclasses."""

    concepts: Mapping[str, frozenset[str]]
    subclasses: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Cell:
    """The values of one cell: (kind, text) pairs as `lift` needs them; references are IRIs by now."""

    column: Column
    values: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A row that can be lifted: its table, its place in the file, its subject and its cells."""

    kind: Kind
    number: int
    path: str
    id: str
    iri: str
    cells: tuple[Cell, ...]


@dataclass
class Folder:
    """The rows of one folder of tables, and where each id of each table stands."""

    name: str
    rows: list[Row] = field(default_factory=list)
    ids: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Raw:
    kind: Kind
    number: int
    path: str
    values: Mapping[str, str]


def read_specs(folder: Path) -> dict[str, Kind]:
    """
    All kinds of tables, by name.

    Raises:
        SourceError: a spec is missing or malformed.
    """
    kinds = {}
    for line in _records(folder / "kinds.csv"):
        name = line["table"]
        columns = tuple(_column(c, folder / f"{name}.csv") for c in _records(folder / f"{name}.csv"))
        kinds[name] = Kind(
            name,
            line["folder"],
            tuple(filter(None, line["class"].split(SEPARATOR))),
            line["iri"],
            {"en": line["label_en"], "zh": line["label_zh"]},
            columns,
        )
    return kinds


def _column(line: Mapping[str, str], path: Path) -> Column:
    try:
        most = None if line["max"] == "*" else int(line["max"])
        return Column(
            line["column"],
            expand(line["property"]) if line["property"] else "",
            line["kind"],
            tuple(filter(None, line["target"].split(SEPARATOR))),
            int(line["min"]),
            most,
            {"en": line["label_en"], "zh": line["label_zh"]},
            {"en": line["help_en"], "zh": line["help_zh"]},
            line["example"],
        )
    except (KeyError, ValueError) as e:
        raise SourceError(f"is not a column spec: {e}.", f"不是列规格：{e}。", Place(str(path))) from e


def _records(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as e:
        raise SourceError(f"cannot be read: {e.strerror}.", f"无法读取：{e.strerror}。", Place(str(path))) from e


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
        self.passages: dict[str, set[str]] = {}

    def literature(self, path: Path) -> Folder:
        folder = self._folder(path, "literature", {})
        self.shared.update(folder.ids)
        return folder

    def source(self, path: Path) -> Folder:
        """A source folder: its name is the short name of the publication, as in `src:<name>/<locator>`."""
        self.passages[path.name] = self._locators(path / "passages.csv")
        return self._folder(path, "source", {"source": path.name})

    def case(self, path: Path) -> Folder:
        return self._folder(path, "case", {"case": path.name})

    def _locators(self, path: Path) -> set[str]:
        if not path.is_file():
            return set()
        return {r.values.get("id", "").strip() for r in self._raw(path, self.kinds["passages"], quiet=True)}

    def _folder(self, path: Path, kind_of_folder: str, parts: Mapping[str, str]) -> Folder:
        folder = Folder(path.name)
        kinds = {k.name: k for k in self.kinds.values() if k.folder == kind_of_folder}
        raws: list[_Raw] = []
        for file in sorted(path.glob("*")):
            if file.name.startswith((".", "_", "~")) or not file.is_file():
                continue
            kind = kinds.get(file.stem) if file.suffix == ".csv" else None
            if kind is None:
                self._unknown_file(file, kinds)
                continue
            raws += self._raw(file, kind)
        for name, kind in kinds.items():
            folder.ids[name] = {}
            for raw in (r for r in raws if r.kind is kind):
                self._register(raw, folder, parts)
        context = _Context(self, folder, parts, self._source_names(raws, parts))
        for raw in raws:
            row = context.row(raw)
            if row:
                folder.rows.append(row)
        return folder

    def _source_names(self, raws: Iterable[_Raw], parts: Mapping[str, str]) -> list[str]:
        if "source" in parts:
            return [parts["source"]]
        stated = [r.values.get("source", "") for r in raws if r.kind.name == "case"]
        named = [s.strip() for cell in stated for s in cell.split(SEPARATOR) if s.strip()]
        return [n for n in named if n in self.passages]

    def _register(self, raw: _Raw, folder: Folder, parts: Mapping[str, str]) -> None:
        known = folder.ids[raw.kind.name]
        row_id = raw.values.get("id", "").strip()
        if not row_id:
            return
        if row_id in known:
            self._add(raw, "id", row_id, "duplicate-id", "this id is used by an earlier row of the table; give this row another.", "此编号已被本表前面的行使用；请另取一个。")
            return
        known[row_id] = expand_iri(raw.kind, row_id, parts)

    def _unknown_file(self, file: Path, kinds: Mapping[str, Kind]) -> None:
        near = _near(file.stem, kinds)
        self.report.add(
            Finding(
                "unknown-table",
                f"no such kind of table here; the tables are {', '.join(sorted(kinds))}{_meant(near)}.",
                f"没有这种表；可用的表有 {', '.join(sorted(kinds))}{_meant_zh(near)}。",
                Place(self.shown(file)),
                file.name,
            )
        )

    def _add(self, raw: _Raw, column: str, value: str, rule: str, en: str, zh: str, severity: Severity = Severity.VIOLATION) -> None:
        shown = f'"{value}": ' if value else ""
        self.report.add(Finding(rule, shown + en, shown + zh, Place(raw.path, row=raw.number, cell=column), value, severity))

    def _text(self, path: Path, quiet: bool) -> str | None:
        shown = self.shown(path)
        try:
            data = path.read_bytes()
        except OSError as e:
            raise SourceError(f"cannot be read: {e.strerror}.", f"无法读取：{e.strerror}。", Place(shown)) from e
        if data.startswith(b"\xef\xbb\xbf"):
            data = data[3:]
            if not quiet:
                self.report.add(
                    Finding("byte-order-mark", "begins with a byte order mark, which was skipped.", "文件以字节顺序标记（BOM）开头，已略过。", Place(shown), severity=Severity.INFO)
                )
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as e:
            if not quiet:
                line = data[: e.start].count(b"\n") + 1
                self.report.add(
                    Finding(
                        "encoding",
                        f"is not UTF-8 (first at line {line}); save it as 'CSV UTF-8'.",
                        f"不是 UTF-8 编码（首个错误在第 {line} 行）；请另存为“CSV UTF-8”。",
                        Place(shown, line=line),
                    )
                )
            return None

    def _raw(self, path: Path, kind: Kind, quiet: bool = False) -> list[_Raw]:
        text = self._text(path, quiet)
        if text is None:
            return []
        shown = self.shown(path)
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows: list[_Raw] = []
        try:
            header = [h.strip() for h in next(reader, [])]
            if not quiet and not self._header(header, kind, shown):
                return []
            for number, cells in enumerate(reader, 2):
                if not any(c.strip() for c in cells):
                    continue
                if len(cells) > len(header) and any(c.strip() for c in cells[len(header) :]) and not quiet:
                    self.report.add(
                        Finding(
                            "too-many-cells",
                            f"has {len(cells)} cells, but the table has {len(header)} columns; put text with commas into quotes.",
                            f"有 {len(cells)} 个单元格，而表只有 {len(header)} 列；含逗号的文字请加引号。",
                            Place(shown, row=number),
                        )
                    )
                rows.append(_Raw(kind, number, shown, dict(zip(header, cells, strict=False))))
        except csv.Error as e:
            if not quiet:
                self.report.add(
                    Finding(
                        "broken-csv",
                        f"is not CSV at line {reader.line_num}: {e}; check the quotes there.",
                        f"第 {reader.line_num} 行不是合法 CSV：{e}；请检查该处引号。",
                        Place(shown, line=reader.line_num),
                    )
                )
        return rows

    def _header(self, header: list[str], kind: Kind, shown: str) -> bool:
        names = {c.name for c in kind.columns}
        good = True
        for name in header:
            if name not in names:
                near = _near(name, names - set(header))
                self.report.add(
                    Finding(
                        "unknown-column",
                        f'"{name}": no such column in {kind.name}{_meant(near)}; the columns are {", ".join(c.name for c in kind.columns)}.',
                        f"“{name}”：表 {kind.name} 没有这一列{_meant_zh(near)}；可用的列有 {', '.join(c.name for c in kind.columns)}。",
                        Place(shown, row=1, cell=name),
                        name,
                    )
                )
                good = False
        for name in sorted({n for n in header if header.count(n) > 1}):
            self.report.add(
                Finding("duplicate-column", f'"{name}": the column stands twice; delete one.', f"“{name}”：此列出现两次；请删去一列。", Place(shown, row=1, cell=name), name)
            )
            good = False
        for column in kind.columns:
            if column.least and column.name not in header:
                self.report.add(
                    Finding(
                        "missing-column",
                        f'"{column.name}": this column is required in {kind.name}; add it. {column.help["en"]}',
                        f"“{column.name}”：表 {kind.name} 必须有此列；请补上。{column.help['zh']}",
                        Place(shown, row=1, cell=column.name),
                        column.name,
                    )
                )
                good = False
        return good


def expand_iri(kind: Kind, row_id: str, parts: Mapping[str, str]) -> str:
    """The IRI of a row, from the pattern of its kind of table."""
    return expand(kind.iri.format(**{"id": row_id, **parts}))


class _Context:
    """One folder while its cells are judged."""

    def __init__(self, reader: Reader, folder: Folder, parts: Mapping[str, str], sources: list[str]) -> None:
        self.reader, self.folder, self.parts, self.sources = reader, folder, parts, sources
        self.judges: dict[str, Callable[[_Raw, Column, str], str | None]] = {
            "id": self._id,
            "passage-id": self._id,
            "class": self._class,
            "text": self._prose,
            "string": self._prose,
            "iri": self._iri,
            "term": self._term,
            "ref": self._ref,
            "concept": self._concept,
            "passage": self._passage,
            "integer": self._integer,
            "decimal": self._decimal,
            "year": self._year,
            "month": self._month,
            "date": self._date,
        }

    def row(self, raw: _Raw) -> Row | None:
        """The row with all its cells judged; None where it has no usable id."""
        cells = [self._cell(raw, column) for column in raw.kind.columns]
        row_id = raw.values.get("id", "").strip()
        iri = self.folder.ids[raw.kind.name].get(row_id)
        if not iri:
            return None
        return Row(raw.kind, raw.number, raw.path, row_id, iri, tuple(c for c in cells if c.values))

    def _cell(self, raw: _Raw, column: Column) -> Cell:
        text = raw.values.get(column.name, "") or ""
        many = column.most is None or column.most > 1
        parts = [p.strip() for p in (text.split(SEPARATOR) if many else [text])]
        given = [p for p in parts if p]
        if len(given) < column.least:
            self._add(raw, column, "", "missing-value", f"a value is required. {column.help['en']}", f"此处必填。{column.help['zh']}")
        if column.most is not None and len(given) > column.most:
            self._add(raw, column, text, "too-many-values", f"takes at most {column.most} value(s).", f"最多 {column.most} 个值。")
        values = []
        for part in given:
            plain = part if column.kind in PROSE else self._normal(raw, column, part)
            value = self.judges[column.kind](raw, column, plain)
            if value is not None and value not in values:
                values.append(value)
        return Cell(column, tuple(values))

    def _add(self, raw: _Raw, column: Column, value: str, rule: str, en: str, zh: str, severity: Severity = Severity.VIOLATION) -> None:
        self.reader._add(raw, column.name, value, rule, en, zh, severity)

    def _normal(self, raw: _Raw, column: Column, text: str) -> str:
        plain = unicodedata.normalize("NFKC", text).strip()
        if plain != text:
            self._add(raw, column, text, "normalised", f'full-width characters were read as "{plain}".', f"全角字符已按“{plain}”读取。", Severity.INFO)
        return plain

    def _id(self, raw: _Raw, column: Column, text: str) -> str | None:
        if not (SLUG.fullmatch(text) or LOCATOR.fullmatch(text)):
            self._add(
                raw,
                column,
                text,
                "bad-id",
                "an id has lower-case letters, digits and hyphens only, as users or user-feedback.",
                "编号只用小写字母、数字和连字符，如 users 或 user-feedback。",
            )
            return None
        return text

    def _prose(self, raw: _Raw, column: Column, text: str) -> str | None:
        bad = [c for c in text if unicodedata.category(c) == "Cc" and c not in "\n\t"]
        if bad:
            self._add(raw, column, text[:40], "control-character", "holds a control character; delete it.", "含有控制字符；请删除。")
            return None
        return unicodedata.normalize("NFC", text)

    def _iri(self, raw: _Raw, column: Column, text: str) -> str | None:
        if not re.fullmatch(r"https?://[^\s<>\"{}|\\^`\x00-\x20]+", text):
            self._add(raw, column, text, "bad-iri", "is not an address that begins with http:// or https://.", "不是以 http:// 或 https:// 开头的网址。")
            return None
        return text

    def _term(self, raw: _Raw, column: Column, text: str) -> str | None:
        if text not in column.target:
            self._choices(raw, column, text, column.target)
            return None
        return expand(text)

    def _class(self, raw: _Raw, column: Column, text: str) -> str | None:
        names = self.reader.vocabulary.subclasses.get(column.target[0], frozenset())
        if text not in names:
            self._choices(raw, column, text, names)
            return None
        return expand(f"vcc:{text}")

    def _choices(self, raw: _Raw, column: Column, text: str, names: Iterable[str]) -> None:
        listed = sorted(names)
        near = _near(text, listed)
        self._add(raw, column, text, "not-a-choice", f"is not one of {', '.join(listed)}{_meant(near)}.", f"不在可选值之列：{', '.join(listed)}{_meant_zh(near)}。")

    def _concept(self, raw: _Raw, column: Column, text: str) -> str | None:
        concepts = self.reader.vocabulary.concepts
        scheme, _, short = text.rpartition("/")
        if column.target != ("*",):
            scheme = scheme or column.target[0]
            if scheme not in column.target:
                self._choices(raw, column, text, column.target)
                return None
        if not scheme:
            self._add(raw, column, text, "not-a-concept", f"write it as scheme/concept, as in {column.example}.", f"请写作“方案/概念”，如 {column.example}。")
            return None
        if short not in concepts.get(scheme, ()):
            self._choices(raw, column, text, [f"{scheme}/{c}" if column.target == ("*",) else c for c in concepts[scheme]] if scheme in concepts else concepts)
            return None
        return expand(f"vcs:{scheme}/{short}")

    def _ref(self, raw: _Raw, column: Column, text: str) -> str | None:
        known = {**self.reader.shared, **self.folder.ids}
        tables = list(known) if column.target == (ANY,) else list(column.target)
        table, _, short = text.rpartition("/")
        if table:
            found = [known[table][short]] if table in tables and short in known.get(table, {}) else []
        elif column.target == (ANY,):
            self._add(raw, column, text, "bad-reference", f"write it as table/id, as in {column.example}.", f"请写作“表/编号”，如 {column.example}。")
            return None
        else:
            found = [known[t][short] for t in tables if short in known.get(t, {})]
        if len(found) > 1:
            self._add(
                raw,
                column,
                text,
                "ambiguous-reference",
                f"stands in several of the tables {', '.join(tables)}; write it as table/id.",
                f"在 {', '.join(tables)} 中不止一处；请写作“表/编号”。",
            )
            return None
        if not found:
            self._dangling(raw, column, text, table, short, tables, known)
            return None
        return found[0]

    def _dangling(self, raw: _Raw, column: Column, text: str, table: str, short: str, tables: list[str], known: Mapping[str, Mapping[str, str]]) -> None:
        looked = [table] if table in tables else tables
        near = _near(short, [i for t in looked for i in known.get(t, {})])
        where = "any table" if column.target == (ANY,) and not table else ", ".join(looked)
        self._add(
            raw,
            column,
            text,
            "dangling-reference",
            f"there is no such row in {where}{_meant(near)}; add it there or correct the reference.",
            f"{where} 中没有这一行{_meant_zh(near)}；请在该表补上，或改正引用。",
        )

    def _passage(self, raw: _Raw, column: Column, text: str) -> str | None:
        source, _, locator = text.rpartition("/")
        sources = [source] if source else self.sources
        for name in sources:
            if locator in self.reader.passages.get(name, ()):
                return expand(f"src:{name}/{locator}")
        if not LOCATOR.fullmatch(locator):
            self._add(
                raw,
                column,
                text,
                "bad-locator",
                f"is not a place; write section-pParagraph-sSentence, as in {column.example}.",
                f"不是定位符；请写作“章节-p段-s句”，如 {column.example}。",
            )
            return None
        near = _near(locator, [p for n in sources for p in self.reader.passages.get(n, ())])
        listed = ", ".join(sources) or "-"
        self._add(raw, column, text, "unknown-passage", f"the source {listed} has no such sentence{_meant(near)}.", f"来源 {listed} 没有这一句{_meant_zh(near)}。")
        return None

    def _integer(self, raw: _Raw, column: Column, text: str) -> str | None:
        return self._number(raw, column, text, r"[0-9]{1,18}", "a whole number", "整数")

    def _year(self, raw: _Raw, column: Column, text: str) -> str | None:
        return self._number(raw, column, text, r"(?:18|19|20)[0-9]{2}", "a year of four digits between 1800 and 2099", "1800 至 2099 之间的四位年份")

    def _month(self, raw: _Raw, column: Column, text: str) -> str | None:
        return self._number(raw, column, text, r"0?[1-9]|1[0-2]", "a month from 1 to 12", "1 至 12 的月份")

    def _number(self, raw: _Raw, column: Column, text: str, pattern: str, en: str, zh: str) -> str | None:
        if not re.fullmatch(pattern, text):
            self._add(raw, column, text, f"bad-{column.kind}", f"is not {en}.", f"不是{zh}。")
            return None
        return str(int(text))

    def _decimal(self, raw: _Raw, column: Column, text: str) -> str | None:
        if not re.fullmatch(r"-?[0-9]{1,18}(?:\.[0-9]{1,12})?", text):
            self._add(
                raw,
                column,
                text,
                "bad-decimal",
                "is not a plain number; write digits only, as 84.3, and put the unit into its own column.",
                "不是纯数字；请只写数字，如 84.3，单位写在单位列。",
            )
            return None
        whole, _, part = text.partition(".")
        sign = "-" if whole.startswith("-") else ""
        return f"{sign}{int(whole.lstrip('-'))}.{part.rstrip('0') or '0'}"

    def _date(self, raw: _Raw, column: Column, text: str) -> str | None:
        if not DATE.fullmatch(text):
            self._add(
                raw,
                column,
                text,
                "bad-date",
                "is not a date; write YYYY, YYYY-MM or YYYY-MM-DD, as precise as the source is.",
                "不是日期；请写作 YYYY、YYYY-MM 或 YYYY-MM-DD，与来源同样精确。",
            )
            return None
        return text


def _near(text: str, names: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(text, list(names), n=1, cutoff=0.6)), None)


def _meant(near: str | None) -> str:
    return f' - did you mean "{near}"?' if near else ""


def _meant_zh(near: str | None) -> str:
    return f"——是否指“{near}”？" if near else ""


def references(rows: Iterable[Row]) -> Iterator[tuple[Row, Column, str]]:
    """Every value of every cell, with its row and column."""
    for row in rows:
        for cell in row.cells:
            for value in cell.values:
                yield row, cell.column, value
