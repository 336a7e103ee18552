"""
Cells: each judged by the kind of its column, references resolved, every fault a finding that names the cell and the remedy.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pyoxigraph as ox

from covalue.csvfile import RawRow
from covalue.errors import Place
from covalue.findings import Finding, Report, Severity
from covalue.names import expand
from covalue.specs import SEPARATOR, Column, Kind
from covalue.words import escaped, meant, meant_zh, nearest

ANY = "@any"
SLUG = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
LOCATOR = re.compile(r"(?:[a-z]+(?:-[a-z]+)*|[0-9]+(?:\.[0-9]+)*)-p[0-9]+-s[0-9]+")
DATE = re.compile(r"[0-9]{4}(?:-(?:0[1-9]|1[0-2])(?:-[0-9]{2})?)?")
PROSE = {"text", "string", "iri"}
FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


@dataclass(frozen=True)
class Vocabulary:
    """What cells may name from the ontology: concepts by scheme, and for each class the names of itself and its subclasses."""

    concepts: Mapping[str, frozenset[str]]
    subclasses: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Cell:
    """The values of one cell as `lift` needs them: references are IRIs by now."""

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


@dataclass(frozen=True)
class Known:
    """What the cells of one folder may refer to: rows by table and id, and the passages of each source."""

    rows: Mapping[str, Mapping[str, str]]
    passages: Mapping[str, frozenset[str]]
    sources: tuple[str, ...]


def plain_width(text: str) -> str:
    """The text with full-width letters, digits and signs as plain ones; all else, superscripts say, as it is."""
    return text.translate(FULL_WIDTH).strip()


def valid_id(text: str) -> bool:
    return bool(SLUG.fullmatch(text) or LOCATOR.fullmatch(text))


class Judge:
    """
    Judges the cells of one folder.

    Args:
        vocabulary: concepts and classes that cells may name.
        known: rows and passages that they may refer to.
        report: where findings go.
    """

    def __init__(self, vocabulary: Vocabulary, known: Known, report: Report) -> None:
        self.vocabulary, self.known, self.report = vocabulary, known, report
        self.judges: dict[str, Callable[[RawRow, Column, str], str | None]] = {
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

    def cells(self, raw: RawRow) -> list[Cell]:
        """Every cell of a row, with the values that stood the test."""
        return [self._cell(raw, column) for column in raw.kind.columns]

    def _cell(self, raw: RawRow, column: Column) -> Cell:
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

    def _add(self, raw: RawRow, column: Column, value: str, rule: str, en: str, zh: str, severity: Severity = Severity.VIOLATION) -> None:
        shown = f'"{escaped(value)}": ' if value else ""
        self.report.add(Finding(rule, shown + en, shown + zh, Place(raw.path, row=raw.number, cell=column.name), escaped(value), severity))

    def _normal(self, raw: RawRow, column: Column, text: str) -> str:
        plain = plain_width(text)
        if plain != text:
            self._add(raw, column, text, "normalised", f'full-width characters were read as "{plain}".', f"全角字符已按“{plain}”读取。", Severity.INFO)
        return plain

    def _id(self, raw: RawRow, column: Column, text: str) -> str | None:
        if not valid_id(text):
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

    def _prose(self, raw: RawRow, column: Column, text: str) -> str | None:
        bad = [c for c in text if unicodedata.category(c) == "Cc" and c not in "\n\t"]
        if bad:
            self._add(raw, column, text[:40], "control-character", "holds a control character; delete it.", "含有控制字符；请删除。")
            return None
        return unicodedata.normalize("NFC", text)

    def _iri(self, raw: RawRow, column: Column, text: str) -> str | None:
        try:
            if not text.startswith(("http://", "https://")):
                raise ValueError
            ox.NamedNode(text)
        except ValueError:
            self._add(raw, column, text, "bad-iri", "is not an address that begins with http:// or https://.", "不是以 http:// 或 https:// 开头的网址。")
            return None
        return text

    def _term(self, raw: RawRow, column: Column, text: str) -> str | None:
        if text not in column.target:
            self._choices(raw, column, text, column.target)
            return None
        return expand(text)

    def _class(self, raw: RawRow, column: Column, text: str) -> str | None:
        names = self.vocabulary.subclasses.get(column.target[0], frozenset())
        if text not in names:
            self._choices(raw, column, text, names)
            return None
        return expand(f"vcc:{text}")

    def _choices(self, raw: RawRow, column: Column, text: str, names: Iterable[str]) -> None:
        listed = sorted(names)
        near = nearest(text, listed)
        self._add(raw, column, text, "not-a-choice", f"is not one of {', '.join(listed)}{meant(near)}.", f"不在可选值之列：{', '.join(listed)}{meant_zh(near)}。")

    def _concept(self, raw: RawRow, column: Column, text: str) -> str | None:
        concepts = self.vocabulary.concepts
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

    def _ref(self, raw: RawRow, column: Column, text: str) -> str | None:
        known = self.known.rows
        tables = list(known) if column.target == (ANY,) else list(column.target)
        table, _, short = text.rpartition("/")
        if table:
            found = [known[table][short]] if table in tables and short in known[table] else []
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

    def _dangling(self, raw: RawRow, column: Column, text: str, table: str, short: str, tables: list[str], known: Mapping[str, Mapping[str, str]]) -> None:
        looked = [table] if table in tables else tables
        likely = nearest(table, [t for t in looked if short in known.get(t, {})]) if table and table not in tables else None
        near = f"{likely}/{short}" if likely else nearest(short, [i for t in looked for i in known.get(t, {})])
        where = "any table" if column.target == (ANY,) and not table else ", ".join(looked)
        self._add(
            raw,
            column,
            text,
            "dangling-reference",
            f"there is no such row in {where}{meant(near)}; add it there or correct the reference.",
            f"{where} 中没有这一行{meant_zh(near)}；请在该表补上，或改正引用。",
        )

    def _passage(self, raw: RawRow, column: Column, text: str) -> str | None:
        source, _, locator = text.rpartition("/")
        sources = [source] if source else self.known.sources
        for name in sources:
            if locator in self.known.passages.get(name, ()):
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
        near = nearest(locator, [p for n in sources for p in self.known.passages.get(n, ())])
        listed = ", ".join(sources) or "-"
        self._add(raw, column, text, "unknown-passage", f"the source {listed} has no such sentence{meant(near)}.", f"来源 {listed} 没有这一句{meant_zh(near)}。")
        return None

    def _integer(self, raw: RawRow, column: Column, text: str) -> str | None:
        return self._number(raw, column, text, r"[0-9]{1,18}", "a whole number", "整数")

    def _year(self, raw: RawRow, column: Column, text: str) -> str | None:
        return self._number(raw, column, text, r"(?:18|19|20)[0-9]{2}", "a year of four digits between 1800 and 2099", "1800 至 2099 之间的四位年份")

    def _month(self, raw: RawRow, column: Column, text: str) -> str | None:
        return self._number(raw, column, text, r"0?[1-9]|1[0-2]", "a month from 1 to 12", "1 至 12 的月份")

    def _number(self, raw: RawRow, column: Column, text: str, pattern: str, en: str, zh: str) -> str | None:
        if not re.fullmatch(pattern, text):
            self._add(raw, column, text, f"bad-{column.kind}", f"is not {en}.", f"不是{zh}。")
            return None
        return str(int(text))

    def _decimal(self, raw: RawRow, column: Column, text: str) -> str | None:
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
        size = f"{int(whole.lstrip('-'))}.{part.rstrip('0') or '0'}"
        return f"-{size}" if whole.startswith("-") and size != "0.0" else size

    def _date(self, raw: RawRow, column: Column, text: str) -> str | None:
        if not _is_date(text):
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


def _is_date(text: str) -> bool:
    if not DATE.fullmatch(text):
        return False
    try:
        datetime.date.fromisoformat(text + "-01-01"[len(text) - 4 :])
    except ValueError:
        return False
    return True
