"""
An answer as a table for people and their programs: CSV, TSV, JSON, a workbook, Markdown, LaTeX, plain text.

Stands between the library of questions and whoever hands answers out. Cells that are IRIs come with their labels: beside them as a
column of their own in formats for programs, in place of them in formats for readers. What a file is about (`About`) travels with it
wherever the format has room, so that a table found on a disk years later can be traced and cited.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast
from xml.sax.saxutils import escape, quoteattr

import pyoxigraph as ox

from covalue.errors import FormatError, InputError
from covalue.formats import HTML, JAVA, LONGEST_HEADER, Format, Shape, by_name, parse_accept
from covalue.formats import _quality as quality
from covalue.formats import page as html_page
from covalue.names import BASE, PREFIXES, shrink
from covalue.questions import Answers, Cell, Question, Table
from covalue.stores import Request
from covalue.words import escaped

if TYPE_CHECKING:
    from openpyxl.cell import Cell as SheetCell
    from openpyxl.worksheet.worksheet import Worksheet

LABEL = "_label"
XSD = PREFIXES["xsd"]
WHOLE = {XSD + n for n in ("integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger", "gYear")}
BROKEN = {XSD + n for n in ("decimal", "double", "float")}
EXACT_DIGITS = 15
"""Digits that a number of a spreadsheet, or of JavaScript, keeps."""
MOST_HYPERLINKS = 65_530
MOST_SHEET_ROWS = 1_048_575
LONGEST_CELL = 32_767
LONGEST_URL = 2_079
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would take for a formula."""
NARROWEST = 8

_NT = next(f for f in (by_name("ntriples", Shape.GRAPH),) if f)
_CARRIER = ox.QueryResultsFormat.JSON
_ROWS = frozenset({Shape.BINDINGS})


def row(names: str, media: str, extension: str) -> Format:
    """A format that is made outside of the engine; names and media types are parted by blanks."""
    return Format(tuple(names.split()), tuple(media.split()), _ROWS, _CARRIER, extension)


JSON = row("json", "application/json", "json")
TABLES: tuple[Format, ...] = (
    JSON,
    row("csv", "text/csv", "csv"),
    row("tsv", "text/tab-separated-values", "tsv"),
    row("xlsx excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    row("markdown md", "text/markdown", "md"),
    row("latex tex", "application/x-latex application/x-tex text/x-tex", "tex"),
    row("text txt", "text/plain", "txt"),
)
"""The formats that this module writes, the preferred one first."""
RESULTS: tuple[Format, ...] = (
    row("srj", "application/sparql-results+json", "srj"),
    row("xml srx", "application/sparql-results+xml application/xml text/xml", "srx"),
    row("rq sparql", "application/sparql-query", "rq"),
)
"""The same answer as the SPARQL protocol gives it, without labels; and the query itself."""
STATEMENTS: tuple[Format, ...] = (row("turtle ttl", "text/turtle", "ttl"),)
"""What is said of the things that the rows name, as statements; an answer itself is a table, which RDF has no form for."""
MOST_DESCRIBED = 2000
PAGE = html_page(Shape.BINDINGS)
"""The format for readers; made by who asks for it."""


def plain_link(iri: str) -> str | None:
    """Where an IRI leads when nothing better is known: to itself, if it is of the web."""
    return iri if iri.startswith(("http://", "https://")) else None


@dataclass(frozen=True)
class About:
    """
    What a file says of the answer in it, besides the answer.

    `version` is the dataset's digest, `address` the permanent address with it, `citation` one line. `other_version` is one that was asked
    for and is not served. `parameters` are pairs of label and value. `linked` are columns that hold IRIs even if none is in these rows.
    """

    version: str = ""
    address: str = ""
    citation: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    other_version: str = ""
    linked: frozenset[str] = frozenset()
    offset: int = 0
    link: Callable[[str], str | None] = plain_link

    def warning(self, lang: str) -> str:
        """A sentence for who asked for another version; else empty."""
        if not self.other_version:
            return ""
        if lang == "zh":
            return f"注意：所请求的数据集版本是 {self.other_version}，而此答案出自现行版本 {self.version[:16]}。"
        return f"Note: version {self.other_version} of the dataset was asked for, but this answer is from the present version {self.version[:16]}."


NOTHING = About()
Write = Callable[[Table, About], bytes]


def choose(formats: Sequence[Format], accept: str | None, named: Sequence[str] = (), page: Format | None = PAGE) -> Format:
    """
    The format for an answer among those that a caller offers, by the same rules as `formats.choose`.

    Args:
        formats: offered, in order of preference.
        accept: the Accept header; None or empty means anything.
        named: values of `format`; the first known one wins over the header.
        page: for readers; chosen only where it is preferred to all formats for data, or alone will do.

    Raises:
        InputError: a format is named, and none of the names is known.
        FormatError: the header allows none.
    """
    rows = [*formats, *([page] if page else [])]
    wanted = [n.strip().lower().partition(";")[0].strip().replace(" ", "+") for n in named if n.strip()]
    for name in wanted:
        for row in rows:
            if name in row.names or name in row.media_types:
                return row
    if wanted:
        listed = ", ".join(r.names[0] for r in rows)
        raise InputError(f'there is no format "{wanted[0][:50]}" here; there are {listed}.', f"此处没有格式“{wanted[0][:50]}”；可用的有 {listed}。")
    if accept is None or not accept.strip() or accept.startswith(JAVA):
        return formats[0]
    ranges = parse_accept(accept[:LONGEST_HEADER])
    (best, _), _, found = max(((quality(f, ranges), -i, f) for i, f in enumerate(formats)), key=lambda r: r[:2])
    html = max((q for kind, q in ranges if kind == HTML), default=0.0)
    if page and html > best:
        return page
    if best > 0:
        return found
    if page and quality(page, ranges)[0] > 0:
        return page
    listed = ", ".join(r.media_type for r in rows)
    raise FormatError(f"none of the types asked for can carry this answer; it can be had as {listed}.", f"所请求的类型都不能承载此答案；可用的有 {listed}。")


def write(table: Table, extension: str, about: About = NOTHING) -> bytes:
    """
    The bytes of a table in one of the formats of `TABLES`, named by its extension.

    Raises:
        FormatError: the table is too long for the format.
    """
    return WRITERS[extension](table, about)


def page(table: Table, limit: int | None, offset: int) -> Table:
    """Some rows of a whole table; its total stays."""
    return replace(table, rows=table.rows[offset : None if limit is None else offset + limit])


def sorted_by(table: Table, sort: str) -> Table:
    """A whole table in another order: by a column's name, turned round with a minus before it; as it is for an empty text."""
    return replace(table, rows=tuple(table.rows[i] for i in order(table, sort))) if sort else table


def order(table: Table, sort: str) -> list[int]:
    """
    The places of the rows in the order of a column; rows that are equal there keep theirs, and empty cells stand last in both directions.

    Numbers go by value, all else as people read it.
    """
    at = table.columns.index(sort.removeprefix("-"))
    filled = [i for i, r in enumerate(table.rows) if r[at].kind != "empty"]
    empty = [i for i, r in enumerate(table.rows) if r[at].kind == "empty"]
    filled.sort(key=lambda i: _rank(table.rows[i][at]), reverse=sort.startswith("-"))
    if sort.startswith("-"):  # equal rows in their own order again
        filled = [i for _, same in groupby(filled, key=lambda i: _rank(table.rows[i][at])) for i in sorted(same)]
    return filled + empty


def _rank(cell: Cell) -> tuple[bool, float, bytes]:
    value = number(cell)
    return (value is None, float(value or 0), b"" if value is not None else collation(cell.shown))


def collation(text: str) -> bytes:
    """
    By which names are put in order: without regard to case, and Chinese ones by sound, which is the order of the common characters in GB 18030.

    >>> sorted(["小米", "产品", "用户", "b", "A"], key=collation)
    ['A', 'b', '产品', '小米', '用户']
    """
    return unicodedata.normalize("NFKC", text).casefold().encode("gb18030", "replace")


def subjects(table: Table) -> list[str]:
    """The things of the dataset that the rows name, once each in the order of the rows."""
    return list(dict.fromkeys(c.value for r in table.rows for c in r if c.kind == "uri" and c.value.startswith(BASE)))


def statements(answers: Answers, table: Table) -> bytes:
    """
    What is said of the things that the rows name, in Turtle.

    Raises:
        FormatError: they are too many.
    """
    named = subjects(table)
    if len(named) > MOST_DESCRIBED:
        raise FormatError(
            f"the rows name {len(named)} things, and Turtle is given for at most {MOST_DESCRIBED}; ask with limit, or at /sparql.",
            f"结果涉及 {len(named)} 个事物，Turtle 最多给出 {MOST_DESCRIBED} 个；请用 limit 或在 /sparql 查询。",
        )
    values = " ".join(str(ox.NamedNode(iri)) for iri in named)
    found = answers.store.answer(Request(f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ VALUES ?s {{ {values} }} ?s ?p ?o }}"), lambda _: _NT)
    triples = sorted((q.triple for q in ox.parse(found.body, format=ox.RdfFormat.N_TRIPLES)), key=str)
    out = io.BytesIO()
    ox.serialize(triples, out, format=ox.RdfFormat.TURTLE, prefixes={p: ns for p, ns in PREFIXES.items() if any(ns in str(t) for t in triples[:500])})
    return out.getvalue()


class Columns:
    """
    Which columns of each question hold IRIs, whatever its parameters are: so that an answer without rows has the same columns as any other.

    Looked up by asking each question once as its file stands, where all parameters are open.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._known: dict[str, frozenset[str]] = {}

    def linked(self, question: Question) -> frozenset[str]:
        """The names of those columns."""
        if question.name not in self._known:
            values = {p.name: [p.example] for p in question.query.parameters if p.required}
            try:
                self._known[question.name] = linked(self._answers.answer(question.name, values))
            except InputError:  # an example that the dataset does not know
                return frozenset()
        return self._known[question.name]


def linked(table: Table, about: About = NOTHING) -> frozenset[str]:
    """The columns of a table that hold IRIs."""
    return about.linked | {c for i, c in enumerate(table.columns) if any(row[i].kind == "uri" for row in table.rows)}


def number(cell: Cell) -> int | float | None:
    """The value of a cell as a number, if it is one that a double can hold to the last digit."""
    if cell.datatype in WHOLE and re.fullmatch(r"[+-]?[0-9]{1,15}", cell.value):
        return int(cell.value)
    if cell.datatype in BROKEN:
        try:
            exact = Decimal(cell.value)
        except InvalidOperation:
            return None
        if exact.is_finite() and len(exact.as_tuple().digits) <= EXACT_DIGITS:
            return float(exact)
    return None


# --- for programs


def _separated(table: Table, about: About, delimiter: str) -> bytes:
    """RFC 4180 with lines ended by CR LF; behind each column that holds IRIs stands one with their labels."""
    with_labels = linked(table, about)
    out = io.StringIO()
    rows = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    rows.writerow([name for c in table.columns for name in ((c, _label_name(c, table.columns)) if c in with_labels else (c,))])
    for row in table.rows:
        pairs = zip(table.columns, row, strict=True)
        rows.writerow([text for c, cell in pairs for text in ((cell.value, cell.label) if c in with_labels else (cell.value,))])
    return out.getvalue().encode("utf-8", "replace")


def _label_name(column: str, columns: Sequence[str]) -> str:
    name = column + LABEL
    while name in columns:
        name += "_"
    return name


def _csv(table: Table, about: About) -> bytes:
    return _separated(table, about, ",")


def _tsv(table: Table, about: About) -> bytes:
    return _separated(table, about, "\t")


def _json(table: Table, about: About) -> bytes:
    question, lang = table.question, table.lang
    body: dict[str, Any] = {
        "question": {"name": question.name, **{k: question.text(k, lang) for k in ("title", "question", "explanation")}},
        "language": lang,
        "parameters": [{"label": label, "value": value} for label, value in about.parameters],
        "total": table.total,
        "offset": about.offset,
        "dataset": about.version,
        "cite_as": about.address,
        "citation": about.citation,
        **({"note": about.warning(lang)} if about.other_version else {}),
        "columns": [{"name": c, "heading": question.heading(c, lang)} for c in table.columns],
        "rows": [{c: _json_cell(cell) for c, cell in zip(table.columns, row, strict=True)} for row in table.rows],
        "sparql": table.sparql,
    }
    return (json.dumps(body, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def _json_cell(cell: Cell) -> dict[str, Any] | None:
    """None for an empty cell; numbers and truth values as such; an IRI with its label and its short name."""
    if cell.kind == "empty":
        return None
    if cell.kind == "uri":
        return {"value": cell.value, "label": cell.label, "curie": shrink(cell.value)}
    value: Any = number(cell)
    if cell.datatype == XSD + "boolean" and cell.value in ("true", "false"):
        value = cell.value == "true"
    out: dict[str, Any] = {"value": cell.value if value is None else value}
    return {**out, "datatype": shrink(cell.datatype)} if cell.datatype and cell.datatype != XSD + "string" else out


# --- the workbook


def _xlsx(table: Table, about: About) -> bytes:
    """
    A workbook with the answer, and a second sheet on what it is.

    The same answer gives the same bytes: times in the file are fixed.
    """
    if len(table.rows) > MOST_SHEET_ROWS:
        raise FormatError(f"a sheet holds at most {MOST_SHEET_ROWS} rows; ask for fewer, or as CSV.", f"工作表最多 {MOST_SHEET_ROWS} 行；请减少行数或改用 CSV。")
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    zh = table.lang == "zh"
    sheet.title = "答案" if zh else "answer"
    _fill(sheet, table, about)
    told = book.create_sheet("about")
    for row, (name, text) in enumerate(about_rows(table, about), 1):
        _text(_at(told, row, 1), name, bold=True)
        _text(_at(told, row, 2), text, wrap=True)
        if text == about.address and len(text) <= LONGEST_URL:
            _at(told, row, 2).hyperlink = text
    told.column_dimensions["A"].width, told.column_dimensions["B"].width = 24, 110
    book.properties.creator = "covalue"
    book.properties.title = table.question.text("title", table.lang)
    book.properties.language = table.lang
    out = io.BytesIO()
    book.save(out)
    return _timeless(out.getvalue())


def about_rows(table: Table, about: About) -> list[tuple[str, str]]:
    """What a file tells of its answer, as pairs of name and text, in the table's language; empty ones are left out."""
    zh, question = table.lang == "zh", table.question
    shown = f"{about.offset + 1}–{about.offset + len(table.rows)} / {table.total}" if len(table.rows) < table.total else str(table.total)
    pairs = [
        (("note", "注意"), about.warning(table.lang)),
        (("title", "标题"), question.text("title", table.lang)),
        (("question", "问题"), question.text("question", table.lang)),
        (("explanation", "说明"), question.text("explanation", table.lang)),
        *(((f"parameter: {label}", f"参数：{label}"), value) for label, value in about.parameters),
        (("rows", "行数"), shown),
        (("name in the library", "问题名称"), question.name),
        (("version of the dataset", "数据集版本"), about.version),
        (("permanent address", "永久地址"), about.address),
        (("cite as", "引用格式"), about.citation),
        (("SPARQL", "SPARQL"), table.sparql),
    ]
    return [(name[zh], text) for name, text in pairs if text]


def _fill(sheet: Worksheet, table: Table, about: About) -> None:
    """For each column what a person reads, and behind a column of IRIs these as text."""
    with_iris = linked(table, about)
    many = len(with_iris) * len(table.rows) > MOST_HYPERLINKS
    widths: list[int] = []
    at = 1
    for i, column in enumerate(table.columns):
        heading = table.question.heading(column, table.lang)
        shown = [row[i] for row in table.rows]
        _text(_at(sheet, 1, at), heading, bold=True)
        for r, cell in enumerate(shown, 2):
            _value(_at(sheet, r, at), cell, None if many else about.link)
        widths.append(max([width(heading), *(width(c.shown) for c in shown[:1000])]))
        at += 1
        if column in with_iris:
            _text(_at(sheet, 1, at), f"{heading} (IRI)", bold=True)
            for r, cell in enumerate(shown, 2):
                if cell.kind == "uri":
                    _text(_at(sheet, r, at), cell.value)
            widths.append(24)
            at += 1
    for i, wide in enumerate(widths, 1):
        sheet.column_dimensions[_letters(i)].width = min(max(wide + 2, NARROWEST), 60)
    sheet.freeze_panes = "A2"
    if table.rows:
        sheet.auto_filter.ref = f"A1:{_letters(len(widths))}{len(table.rows) + 1}"


def _at(sheet: Worksheet, row: int, column: int) -> SheetCell:
    """A cell by its numbers, from 1; none is merged here."""
    return cast("SheetCell", sheet.cell(row, column))


def _letters(number: int) -> str:
    from openpyxl.utils import get_column_letter

    return str(get_column_letter(number))


def _value(target: SheetCell, cell: Cell, link: Callable[[str], str | None] | None) -> None:
    if cell.kind == "empty":
        return
    found = number(cell)
    if found is not None:
        target.value = found
        return
    _text(target, cell.shown)
    href = link(cell.value) if link and cell.kind == "uri" else None
    if href and len(href) <= LONGEST_URL:
        target.hyperlink = href
        target.style = "Hyperlink"
        _text(target, cell.shown)


def _text(target: SheetCell, text: str, bold: bool = False, wrap: bool = False) -> None:
    """A text stays a text, whatever it begins with or looks like."""
    from openpyxl.styles import Alignment, Font

    clean = NOT_XML.sub("\ufffd", text)
    target.value = clean if len(clean) <= LONGEST_CELL else clean[: LONGEST_CELL - 2] + " …"
    target.data_type = "s"
    if clean.startswith(FORMULA):
        target.quotePrefix = True
    if bold:
        target.font = Font(bold=True)
    if wrap:
        target.alignment = Alignment(wrap_text=True, vertical="top")


def _timeless(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for item in source.infolist():
            content = source.read(item)
            if item.filename == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"1980-01-01T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(item.filename, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


# --- for papers


def _shown(table: Table) -> tuple[list[str], list[list[str]]]:
    """Headings and texts as a person reads them, without line breaks."""
    headings = [table.question.heading(c, table.lang) for c in table.columns]
    return headings, [[" ".join(cell.shown.split()) for cell in row] for row in table.rows]


def _markdown(table: Table, about: About) -> bytes:
    """A pipe table, with the title before it and the citation behind it."""
    headings, rows = _shown(table)
    numeric = [any(row[i].value for row in table.rows) and all(number(row[i]) is not None or row[i].kind == "empty" for row in table.rows) for i in range(len(table.columns))]
    lines = [f"**{_md(table.question.text('title', table.lang))}**", ""]
    lines += [f"*{_md(about.warning(table.lang))}*", ""] if about.other_version else []
    lines.append(f"| {' | '.join(map(_md, headings))} |")
    lines.append(f"| {' | '.join('---:' if n else '---' for n in numeric)} |")
    lines += [f"| {' | '.join(map(_md, row))} |" for row in rows]
    lines += ["", _md(about.citation)] if about.citation else []
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _md(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|&~$^#!])", r"\\\1", " ".join(text.split()))


TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
TEX |= {c: "\\" + c for c in "&%$#_{}"}
TEX |= {"[": "{[}", "]": "{]}", '"': r"\textquotedbl{}", "\u2013": "--", "\u2014": "---"}


def tex(text: str) -> str:
    """
    A text for LaTeX.

    >>> tex("50% of R&D")
    '50\\\\% of R\\\\&D'
    """
    return "".join(TEX.get(c, c) for c in NOT_XML.sub("\ufffd", " ".join(text.split())))


def _latex(table: Table, about: About) -> bytes:
    """A table over as many pages as it takes (packages booktabs and longtable)."""
    headings, rows = _shown(table)
    column = rf">{{\raggedright\arraybackslash}}p{{\dimexpr {1 / max(len(headings), 1):.4f}\linewidth-2\tabcolsep\relax}}"
    label = re.sub(r"[^A-Za-z0-9]+", "-", table.question.name)
    head = " & ".join(rf"\textbf{{{tex(h)}}}" for h in headings) + r" \\"
    chinese = any(ord(c) > 0x2E7F for line in [headings, *rows] for text in line for c in text)
    lines = [r"% \usepackage{booktabs,longtable,array}" + (r"  \usepackage{xeCJK}  % XeLaTeX or LuaLaTeX" if chinese else "")]
    lines += [f"% {escaped(text)}" for text in (about.address, about.warning(table.lang)) if text]
    lines.append(rf"\begin{{longtable}}{{{column * len(headings)}}}")
    lines += [rf"\caption{{{tex(table.question.text('title', table.lang))}}}\label{{tab:{label}}} \\", r"\toprule", head, r"\midrule", r"\endfirsthead"]
    lines += [r"\toprule", head, r"\midrule", r"\endhead", r"\bottomrule", r"\endlastfoot"]
    lines += [" & ".join(map(tex, row)) + r" \\" for row in rows]
    lines.append(r"\end{longtable}")
    lines += [rf"\noindent\footnotesize {tex(about.citation)}"] if about.citation else []
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


# --- for terminals


def width(text: str) -> int:
    """
    How many columns of a terminal a text takes (Unicode Standard Annex 11).

    >>> width("小米 Mi")
    7
    """
    return sum(_wide(c) for c in text)


def _wide(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _plain(table: Table, about: About) -> bytes:
    return text(table, about).encode("utf-8", "replace")


def text(table: Table, about: About = NOTHING, columns: int | None = None) -> str:
    """
    Aligned columns for a terminal.

    Args:
        columns: the width to keep within, by breaking cells into lines; None lets lines be as long as they are.
    """
    headings, rows = _shown(table)
    safe = [[escaped(t) for t in row] for row in [headings, *rows]]
    widths = _fitted([max((width(row[i]) for row in safe), default=0) for i in range(len(headings))], columns)
    lines = [escaped(table.question.text("title", table.lang)), ""]
    lines += [escaped(about.warning(table.lang)), ""] if about.other_version else []
    for i, row in enumerate(safe):
        cells = [wrapped(t, w) for t, w in zip(row, widths, strict=True)]
        lines += [_line(parts, widths) for parts in _turned(cells)]
        if i == 0:
            lines.append("  ".join("─" * w for w in widths))
    count = f"共 {table.total} 行" if table.lang == "zh" else f"{table.total} rows"
    part = f" ({about.offset + 1}–{about.offset + len(table.rows)})" if len(table.rows) < table.total else ""
    lines += ["", count + part, *([escaped(about.citation)] if about.citation else [])]
    return "\n".join(lines) + "\n"


def _fitted(widths: list[int], columns: int | None) -> list[int]:
    """The widest columns give way first."""
    widths = [max(w, 1) for w in widths]
    spare = 0 if columns is None else sum(widths) + 2 * (len(widths) - 1) - columns
    while spare > 0 and max(widths, default=0) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
        spare -= 1
    return widths


def _line(parts: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(p + " " * (w - width(p)) for p, w in zip(parts, widths, strict=True)).rstrip()


def _turned(cells: Sequence[list[str]]) -> Iterable[list[str]]:
    return ([c[i] if i < len(c) else "" for c in cells] for i in range(max(map(len, cells), default=0)))


def wrapped(text: str, most: int) -> list[str]:
    """
    A text in lines of at most so many columns, broken at blanks and between Chinese characters, within a word only where it must.

    >>> wrapped("小米公司 Xiaomi", 8)
    ['小米公司', 'Xiaomi']
    """
    lines, line = [], ""
    for piece in re.findall(r"\s+|[^\s\u2e80-\uffef]+|.", text):
        if width(line + piece) <= most:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = piece.lstrip()
        while width(line) > most:
            cut = next(i for i in range(1, len(line) + 1) if i == len(line) or width(line[: i + 1]) > most)
            if cut == len(line):
                break
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


WRITERS: Mapping[str, Write] = {"json": _json, "csv": _csv, "tsv": _tsv, "xlsx": _xlsx, "md": _markdown, "tex": _latex, "txt": _plain}


# --- as the SPARQL protocol gives it


def results(columns: Sequence[str], rows: Sequence[Mapping[str, Mapping[str, str]]], extension: str) -> bytes:
    """Columns and rows of the JSON format of SPARQL results, in one of the formats `srj` and `srx` of `RESULTS`."""
    if extension == "srj":
        return (json.dumps({"head": {"vars": list(columns)}, "results": {"bindings": list(rows)}}, ensure_ascii=False) + "\n").encode("utf-8", "replace")
    head = "".join(f"<variable name={quoteattr(c)}/>" for c in columns)
    body = "\n".join(f"<result>{''.join(_binding(c, row[c]) for c in columns if c in row)}</result>" for row in rows)
    text = f'<?xml version="1.0"?>\n<sparql xmlns="http://www.w3.org/2005/sparql-results#"><head>{head}</head><results>\n{body}\n</results></sparql>\n'
    return text.encode("utf-8", "replace")


def _binding(column: str, term: Mapping[str, str]) -> str:
    kind = {"uri": "uri", "bnode": "bnode"}.get(term["type"], "literal")
    more = f" xml:lang={quoteattr(term['xml:lang'])}" if "xml:lang" in term else f" datatype={quoteattr(term['datatype'])}" if "datatype" in term else ""
    return f"<binding name={quoteattr(column)}><{kind}{more}>{escape(term['value'])}</{kind}></binding>"
