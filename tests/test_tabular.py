"""Answers as CSV, TSV, JSON, workbooks, Markdown, LaTeX and text, read back by other programs where there are such."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from pathlib import Path

import openpyxl
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from covalue import tabular
from covalue.errors import FormatError, InputError
from covalue.questions import Answers, Cell, Table
from covalue.tabular import About
from library_served import FIRST_THIRTEEN, answers_of, with_extra

VERSION = "0123456789abcdef" * 4
ABOUT = About(VERSION, "https://w3id.org/covalue/questions/x?version=0123456789abcdef", "A & B (2026). 50% of it.", (("actor", "users"),))


@pytest.fixture(scope="module")
def answers(real_built: tuple[object, Path], tmp_path_factory: pytest.TempPathFactory) -> Answers:
    return answers_of(real_built[1], with_extra(tmp_path_factory.mktemp("extra")))


@pytest.fixture(scope="module")
def figures(answers: Answers) -> Table:
    return answers.answer("figures/all-figures", {}, "zh")


@pytest.fixture(scope="module")
def traps(answers: Answers) -> Table:
    return answers.answer("actors/zz-traps", {}, "zh")


def separated(data: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), delimiter=delimiter))


# --- CSV and TSV


@pytest.mark.parametrize("name", FIRST_THIRTEEN)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_csv_has_label_columns_beside_iris(answers: Answers, name: str, lang: str) -> None:
    """The columns of the question stand in their order, each that holds IRIs followed by its labels in the asked language."""
    table = answers.answer(name, {}, lang)
    rows = separated(tabular.write(table, "csv"))
    own = [c for c in (rows[0] if rows else {}) if not c.endswith("_label")]
    assert own == list(table.columns if rows else [])
    assert len(table.rows) == len(rows)
    for given_row, row in zip(rows, table.rows, strict=True):
        for column, cell in zip(table.columns, row, strict=True):
            assert cell.value == given_row[column]
            if cell.kind == "uri":
                assert cell.label == given_row[f"{column}_label"] != ""


def test_csv_is_rfc_4180(traps: Table) -> None:
    """Lines end with CR LF, cells with quotes, commas, tabs and line breaks come back as they were, and a taken name is left alone."""
    data = tabular.write(traps, "csv")
    rows = separated(data)
    assert b"\r\n" in data
    assert ["id", "id_label_", "text", "id_label"] == list(rows[0])
    assert [c.value for c in (row[1] for row in traps.rows)] == [r["text"] for r in rows]
    assert 'a,b;"q"\tt\r\nline | pipe \\ back $5 50% _x_ {c} ~ ^ <b>' in [r["text"] for r in rows]
    assert rows == separated(tabular.write(traps, "tsv"), "\t")


def test_csv_is_read_by_pandas(figures: Table) -> None:
    """pandas finds numbers as numbers and Chinese labels whole."""
    frame = pandas.read_csv(io.BytesIO(tabular.write(figures, "csv")))
    assert 430 in frame["value"].tolist()
    assert "更" not in frame.columns
    assert "线下门店数" in frame["indicator_label"].tolist()


def test_an_answer_without_rows_has_the_same_columns(answers: Answers) -> None:
    """Which columns have labels does not depend on the rows that a choice of parameters leaves."""
    question = answers.library.get("actors/zz-typed")
    none = answers.answer(question.name, {"one": ["users"], "actor": ["xiaomi"]}, "en")
    known = tabular.Columns(answers).linked(question)
    assert {"actor", "one"} == known
    empty = tabular.page(none, 0, 0)
    assert list(separated(tabular.write(none, "csv", About(linked=known)))[0]) == tabular.write(empty, "csv", About(linked=known)).decode().strip().split(",")


# --- JSON


def test_json_for_people(figures: Table) -> None:
    """Each cell has its value and its label, numbers are numbers, and what the answer is stands beside it."""
    body = json.loads(tabular.write(figures, "json", ABOUT))
    stores = next(r for r in body["rows"] if r["value"]["value"] == 430)
    assert {"value": 430, "datatype": "xsd:decimal"} == stores["value"]
    assert {"value": "https://w3id.org/covalue/scheme/comparator/more-than", "label": "超过", "curie": "vcs:comparator/more-than"} == stores["comparator"]
    assert stores["base"] is None
    assert ("zh", 10, VERSION, ABOUT.address) == (body["language"], body["total"], body["dataset"], body["cite_as"])
    assert {"name": "value", "heading": "数值"} in body["columns"]
    assert "SELECT" in body["sparql"]


def test_json_keeps_what_a_double_cannot(traps: Table) -> None:
    """A number that would lose digits, or is none, stays text; a truth value is one."""
    values = {r["id"]["curie"]: (r["id_label"] or {}).get("value") for r in json.loads(tabular.write(traps, "json"))["rows"]}
    assert (1, 2.5, True, "NaN", "12345678901234567890", -1) == tuple(values[f"vcc:{n}"] for n in ("Actor", "Case", "Claim", "Firm", "Offering", "Product"))


def test_another_version_is_said(figures: Table) -> None:
    """Formats with room for it say that another version was asked for."""
    about = About(VERSION, other_version="ffffffffffffffff")
    for extension in ("json", "md", "tex", "txt"):
        assert "ffffffffffffffff" in tabular.write(figures, extension, about).decode()
    told = openpyxl.load_workbook(io.BytesIO(tabular.write(figures, "xlsx", about)))["about"]
    assert "ffffffffffffffff" in str(told["B1"].value)


# --- the workbook


def sheet(table: Table, about: About = ABOUT) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(tabular.write(table, "xlsx", about)))


def test_workbook(figures: Table) -> None:
    """The answer with headings in the language, frozen; labels that are links; IRIs beside them; numbers as numbers."""
    book = sheet(figures)
    assert ["答案", "about"] == book.sheetnames
    page = book["答案"]
    headings = [c.value for c in page[1]]
    assert ["指标", "指标 (IRI)", "对象", "对象 (IRI)"] == headings[:4]
    assert "A2" == page.freeze_panes
    assert "线下门店数" == page["A2"].value
    assert "https://w3id.org/covalue/case/xiaomi/indicator/offline-stores" == page["A2"].hyperlink.target == page["B2"].value
    values = [page.cell(r, headings.index("数值") + 1).value for r in range(2, 12)]
    assert (10, True) == (len(values), all(isinstance(v, int | float) for v in values))
    assert 84.3 in values


def test_workbook_says_what_it_is(figures: Table) -> None:
    """The second sheet holds question, parameters, version, address, citation and query."""
    rows = {r[0].value: r[1].value for r in sheet(figures)["about"].iter_rows()}
    assert ("figures/all-figures", VERSION, ABOUT.address, ABOUT.citation) == tuple(rows[k] for k in ("问题名称", "数据集版本", "永久地址", "引用格式"))
    assert "users" == rows["参数：actor"]
    assert "SELECT" in rows["SPARQL"]


def test_texts_in_a_workbook_are_never_formulas(traps: Table) -> None:
    """What begins with = + - @ or looks like an error stays text, quoted; control characters are replaced, not lost in silence."""
    page = sheet(traps)["答案"]
    headings = [c.value for c in page[1]]
    cells = [page.cell(r, headings.index("文本") + 1) for r in range(2, len(traps.rows) + 2)]
    assert {"s"} == {c.data_type for c in cells}
    assert {"=1+1", "+SUM(A1)", "-2", "@x", "#N/A"} <= {c.value for c in cells}
    assert all(c.quotePrefix for c in cells if str(c.value)[0] in "=+-@")
    assert "\ufffdbell\ufffd[31m" in [c.value for c in cells]


def test_workbook_is_the_same_each_time(figures: Table) -> None:
    """The same answer gives the same bytes, as its entity tag promises."""
    assert tabular.write(figures, "xlsx", ABOUT) == tabular.write(figures, "xlsx", ABOUT)


def test_too_long_for_a_sheet(figures: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than a sheet holds are refused, never cut."""
    monkeypatch.setattr(tabular, "MOST_SHEET_ROWS", 3)
    with pytest.raises(FormatError, match="at most 3 rows"):
        tabular.write(figures, "xlsx")


def test_many_links_are_left_out(figures: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Excel repairs a file with too many links; such a sheet has none, and its IRIs still."""
    monkeypatch.setattr(tabular, "MOST_HYPERLINKS", 3)
    page = sheet(figures)["答案"]
    assert page["A2"].hyperlink is None
    assert str(page["B2"].value).startswith("https://")


# --- for papers


@pytest.mark.parametrize("which", ["figures", "traps"])
def test_markdown(which: str, request: pytest.FixtureRequest) -> None:
    """A Markdown reader finds the headings and cells as texts, with no markup in them."""
    table: Table = request.getfixturevalue(which)
    tokens = MarkdownIt("commonmark").enable("table").parse(tabular.write(table, "md", ABOUT).decode())
    cells = ["".join(c.content for c in t.children or ()) for i, t in enumerate(tokens) if t.type == "inline" and tokens[i - 1].type in ("th_open", "td_open")]
    expected = [table.question.heading(c, "zh") for c in table.columns] + [" ".join(c.shown.split()) for row in table.rows for c in row]
    assert expected == cells
    assert "text-align:right" in str([t.attrs for t in tokens if t.type == "th_open"]) or which == "traps"


def test_latex(traps: Table) -> None:
    """Every special character is escaped, each row has its columns, and it is said which packages are needed."""
    text = tabular.write(traps, "tex", ABOUT).decode()
    body = [line for line in text.splitlines() if line.endswith(r" \\") and "textbf" not in line and "caption" not in line]
    assert len(traps.rows) == len(body)
    assert all(2 == len(re.findall(r"(?<!\\)&", line)) for line in body)
    assert not re.search(r"(?<!\\)[#$%_](?!.*usepackage)", "\n".join(body))
    assert r"line \textbar{} pipe \textbackslash{} back \$5 50\% \_x\_ \{c\} \textasciitilde{} \textasciicircum{} \textless{}b\textgreater{}" in text
    assert "xeCJK" in text.splitlines()[0]
    assert 1 == text.count(r"\begin{longtable}") == text.count(r"\end{longtable}")
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


# --- for terminals


def test_text_is_aligned(figures: Table) -> None:
    """Columns begin at the same place in every line, Chinese characters counted as two."""
    lines = tabular.text(figures).splitlines()
    rule = next(line for line in lines if line.startswith("─"))
    starts = [m.start() for m in re.finditer("─+", rule)]
    for line, row in zip(lines[lines.index(rule) + 1 :], figures.rows, strict=False):
        assert all(line_from(line, start).startswith(cell.shown) for start, cell in zip(starts, row, strict=True))
    assert "共 10 行" in lines


def line_from(line: str, start: int) -> str:
    """A line from a column of the terminal on."""
    at = 0
    for i, c in enumerate(line):
        if at >= start:
            return line[i:]
        at += tabular.width(c)
    return ""


@pytest.mark.parametrize("columns", [60, 100, 200])
def test_text_keeps_within_a_width(answers: Answers, columns: int) -> None:
    """No line of the table is wider than the terminal, down to a column's least width."""
    table = answers.answer("causes/from-2016-crisis", {}, "zh")
    lines = tabular.text(table, columns=columns).splitlines()
    assert columns >= max(tabular.width(line) for line in lines)


def test_text_cannot_steer_a_terminal(traps: Table) -> None:
    """Control characters are written out."""
    assert "\\u001b[31m" in tabular.text(traps)
    assert "\x1b" not in tabular.text(traps)


@given(st.text(max_size=60), st.integers(2, 30))
def test_wrapping_loses_nothing(text: str, most: int) -> None:
    """Broken into lines, a text holds the same characters but for blanks, and no line is too wide."""
    lines = tabular.wrapped(text, most)
    assert re.sub(r"\s", "", text) == re.sub(r"\s", "", "".join(lines))
    assert all(most >= tabular.width(line) for line in lines)


# --- numbers and formats


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("007", "integer", 7),
        ("1.50", "decimal", 1.5),
        ("1e3", "double", 1000.0),
        ("INF", "double", None),
        ("x", "decimal", None),
        ("9" * 16, "integer", None),
        ("2016", "string", None),
    ],
)
def test_numbers(value: str, kind: str, expected: float | None) -> None:
    """A cell is a number where its datatype says so and no digit is lost."""
    assert expected == tabular.number(Cell(value, "literal", "", tabular.XSD + kind))


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "json"),
        ("*/*", "json"),
        ("application/json", "json"),
        ("application/sparql-results+json", "srj"),
        ("application/sparql-results+xml", "srx"),
        ("text/csv", "csv"),
        ("text/csv;q=0.5, text/tab-separated-values", "tsv"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("text/markdown", "md"),
        ("text/html;q=0.1, text/csv", "csv"),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "json"),
    ],
)
def test_choice_by_header(accept: str | None, expected: str) -> None:
    """The same rules as at /sparql, over more formats."""
    assert expected == tabular.choose((*tabular.TABLES, *tabular.RESULTS), accept).extension


def test_choice_by_name() -> None:
    """A name wins over the header; an unknown one is named with those that exist."""
    assert "xlsx" == tabular.choose(tabular.TABLES, "text/csv", ["excel"]).extension
    with pytest.raises(InputError, match="there is no format"):
        tabular.choose(tabular.TABLES, None, ["exel"])
    with pytest.raises(FormatError):
        tabular.choose(tabular.TABLES, "image/png")


@given(st.text(max_size=200))
def test_choice_never_fails_otherwise(accept: str) -> None:
    """Whatever the header, a format comes or a refusal."""
    with contextlib.suppress(FormatError):
        assert tabular.choose(tabular.TABLES, accept)
