"""
SSSOM tables (Simple Standard for Sharing Ontological Mappings, 1.1): one set of mappings read, its form judged, nothing looked up.

A file is a YAML header in lines that begin with `#`, then a table with tabs. We ask for more than the standard: justification,
confidence and a comment in both languages on every row, since a mapping that does not say why cannot be trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from covalue.errors import Place, SourceError
from covalue.findings import Finding
from covalue.names import PREFIXES
from covalue.words import escaped, meant, meant_zh, nearest

SUFFIX: Final = ".sssom.tsv"
SSSOM: Final = PREFIXES["sssom"]
NO_TERM: Final = SSSOM + "NoTermFound"
SKOS_MATCHES: Final = tuple(f"skos:{name}Match" for name in ("exact", "close", "broad", "narrow", "related"))
AXIOMS: Final = ("rdfs:subClassOf", "rdfs:subPropertyOf")
JUSTIFICATIONS: Final = ("semapv:ManualMappingCuration", "semapv:MappingReview", "semapv:LexicalMatching", "semapv:LogicalReasoning")
BUILT_IN: Final = ("owl", "rdf", "rdfs", "semapv", "skos", "sssom")
"""Prefixes that SSSOM knows without a declaration."""
HEADER: Final = (
    "mapping_set_id",
    "mapping_set_title",
    "mapping_set_title_zh",
    "mapping_set_description",
    "mapping_set_description_zh",
    "mapping_set_version",
    "license",
    "object_source",
    "curie_map",
)
REQUIRED: Final = ("subject_id", "predicate_id", "object_id", "mapping_justification", "confidence", "comment", "comment_zh")
OPTIONAL: Final = ("subject_label", "object_label", "author_id", "author_label", "reviewer_id", "reviewer_label", "mapping_date", "see_also")
COLUMNS: Final = (*REQUIRED, *OPTIONAL)
CONFIDENCE: Final = re.compile(r"0(?:\.[0-9]{1,3})?|1(?:\.0{1,3})?")
ABSOLUTE: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s<>\"{}|^`\\]+")


@dataclass(frozen=True)
class MappingRow:
    """One mapping: IRIs, the confidence as printed (0 to 1), what it rests on and why, and the cells of optional columns."""

    number: int
    path: str
    subject: str
    predicate: str
    object: str
    justification: str
    confidence: str
    comment: Mapping[str, str]
    extra: Mapping[str, str]

    def place(self, column: str | None = None) -> Place:
        """Where the row, or a cell of it, stands; rows are counted as lines of the file."""
        return Place(self.path, row=self.number, cell=column)


@dataclass
class MappingSet:
    """The mappings to one vocabulary; `name` is the file's name without its ending, `header` the YAML as read."""

    name: str
    path: str
    header: dict[str, object] = field(default_factory=dict)
    rows: list[MappingRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def prefixes(self) -> dict[str, str]:
        """Prefixes that cells may use."""
        declared = self.header.get("curie_map")
        own = {str(k): str(v) for k, v in declared.items()} if isinstance(declared, dict) else {}
        return {p: PREFIXES[p] for p in BUILT_IN} | own

    def text(self, key: str) -> str:
        """A value of the header as text; empty where it is absent."""
        return str(self.header.get(key, ""))

    def iri(self, text: str) -> str | None:
        """The IRI that a CURIE or IRI means, or None where its prefix is not declared."""
        if ABSOLUTE.fullmatch(text):
            return text
        prefix, colon, local = text.partition(":")
        return self.prefixes[prefix] + local if colon and local and prefix in self.prefixes else None


def read_set(path: Path, shown: str) -> MappingSet:
    """
    One SSSOM file; its faults are in `findings`, and rows with a fault are left out.

    Raises:
        SourceError: the file cannot be read at all.
    """
    out = MappingSet(path.name.removesuffix(SUFFIX), shown)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        out.findings.append(Finding("encoding", "is not UTF-8; save it as UTF-8.", "不是 UTF-8 编码；请另存为 UTF-8。", Place(shown)))
        return out
    except OSError as e:
        raise SourceError(f"cannot be read: {e.strerror}.", f"无法读取：{e.strerror}。", Place(shown)) from e
    length = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if _header(out, lines[:length]):
        _table(out, lines[length:], length)
    return out


def _fault(out: MappingSet, rule: str, place: Place, en: str, zh: str, value: str = "") -> None:
    out.findings.append(Finding(rule, en, zh, place, escaped(value)))


def _header(out: MappingSet, lines: list[str]) -> bool:
    try:
        header = yaml.safe_load("\n".join(line[1:] for line in lines)) or {}
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        en = "the header (lines that begin with #) is not YAML; check indents and quotes there."
        _fault(out, "mapping-header", Place(out.path, line=mark.line + 1 if mark else 1), en, "文件头（以 # 开头的行）不是合法 YAML；请检查该处的缩进与引号。")
        return False
    out.header = header if isinstance(header, dict) else {}
    missing = [key for key in HEADER if not out.header.get(key)]
    for key in missing:
        _fault(out, "mapping-header", Place(out.path, line=1), f"the header has no {key}; add a line `#{key}: …`.", f"文件头缺少 {key}；请加一行 `#{key}: …`。", key)
    expected = PREFIXES["map"] + out.name
    if "mapping_set_id" not in missing and out.text("mapping_set_id") != expected:
        _fault(
            out,
            "mapping-header",
            Place(out.path, line=1),
            f"mapping_set_id must be {expected}, after the file's name.",
            f"mapping_set_id 须为 {expected}，与文件名一致。",
            out.text("mapping_set_id"),
        )
    for prefix, namespace in out.prefixes.items():
        if PREFIXES.get(prefix, namespace) != namespace:
            en = f"the prefix {prefix} stands for {PREFIXES[prefix]} in this project; use another prefix for {namespace}."
            _fault(out, "mapping-prefix", Place(out.path, line=1), en, f"前缀 {prefix} 在本项目中代表 {PREFIXES[prefix]}；请为 {namespace} 另取前缀。", prefix)
    return "curie_map" not in missing


def _table(out: MappingSet, lines: list[str], above: int) -> None:
    columns = [c.strip() for c in lines[0].split("\t")] if lines else []
    if not _columns(out, columns, above + 1):
        return
    for number, line in enumerate(lines[1:], above + 2):
        if not line.strip():
            continue
        cells = [c.strip() for c in line.split("\t")]
        place = Place(out.path, row=number)
        if len(cells) != len(columns):
            en = f"has {len(cells)} cells, but the table has {len(columns)} columns; cells are kept apart by single tabs."
            _fault(out, "mapping-cells", place, en, f"有 {len(cells)} 个单元格，而表有 {len(columns)} 列；单元格之间用一个制表符隔开。")
            continue
        row = _row(out, number, dict(zip(columns, cells, strict=True)))
        if row:
            out.rows.append(row)


def _columns(out: MappingSet, columns: list[str], line: int) -> bool:
    faults = len(out.findings)
    for name in columns:
        if name not in COLUMNS:
            near, listed = nearest(name, set(COLUMNS) - set(columns)), ", ".join(COLUMNS)
            en, zh = f'"{escaped(name)}": no such column{meant(near)}; the columns are {listed}.', f"“{escaped(name)}”：没有这一列{meant_zh(near)}；可用的列有 {listed}。"
            _fault(out, "mapping-column", Place(out.path, row=line, cell=escaped(name)), en, zh, name)
    for name in REQUIRED:
        if columns.count(name) != 1:
            en, zh = f'"{name}": this column must stand once in the table.', f"“{name}”：表中必须恰有一列。"
            _fault(out, "mapping-column", Place(out.path, row=line, cell=name), en, zh, name)
    return len(out.findings) == faults


def _row(out: MappingSet, number: int, cells: dict[str, str]) -> MappingRow | None:
    faults = list(_cell_faults(out, cells))
    for column, rule, en, zh in faults:
        value = cells[column]
        shown = (f'"{escaped(value)}": ', f"“{escaped(value)}”：") if value else ("", "")
        _fault(out, rule, Place(out.path, row=number, cell=column), shown[0] + en, shown[1] + zh, value)
    if faults:
        return None
    subject, predicate, object, justification = (out.iri(cells[c]) or "" for c in REQUIRED[:4])
    extra = {c: cells[c] for c in OPTIONAL if cells.get(c)}
    return MappingRow(number, out.path, subject, predicate, object, justification, cells["confidence"], {"en": cells["comment"], "zh": cells["comment_zh"]}, extra)


def _cell_faults(out: MappingSet, cells: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    for column in ("subject_id", "object_id"):
        if out.iri(cells[column]) is None:
            known = ", ".join(sorted(out.prefixes))
            yield column, "mapping-prefix", f"give a CURIE with a prefix of the curie_map ({known}) or a full IRI.", f"请写 CURIE（前缀须在 curie_map 中：{known}）或完整 IRI。"
    predicate, none = cells["predicate_id"], out.iri(cells["object_id"]) == NO_TERM
    allowed = SKOS_MATCHES if none else (*SKOS_MATCHES, *AXIOMS)
    if predicate not in allowed:
        near, listed = nearest(predicate, allowed), ", ".join(allowed)
        yield "predicate_id", "mapping-predicate", f"the predicate must be one of {listed}{meant(near)}.", f"谓词须为 {listed} 之一{meant_zh(near)}。"
    if cells["mapping_justification"] not in JUSTIFICATIONS:
        near, listed = nearest(cells["mapping_justification"], JUSTIFICATIONS), ", ".join(JUSTIFICATIONS)
        yield "mapping_justification", "mapping-justification", f"say what the mapping rests on: {listed}{meant(near)}.", f"请说明映射的依据：{listed}{meant_zh(near)}。"
    if not CONFIDENCE.fullmatch(cells["confidence"]):
        yield "confidence", "mapping-confidence", "give a number from 0 to 1 with a decimal point, such as 0.8.", "请填 0 到 1 之间的小数，如 0.8。"
    for column, en, zh in (
        ("comment", "say in English why the two fit, or do not.", "请用英文说明二者为何相合或不合。"),
        ("comment_zh", "say the same in Chinese.", "请用中文说明同一内容。"),
    ):
        if not cells[column]:
            yield column, "mapping-comment", en, zh
