"""Tables: every kind of bad input is found, with its file, row, column, value and what would be right, all at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covalue.errors import Place, SourceError
from covalue.findings import Finding, Severity
from covalue.lift import lift_case
from covalue.project import Project
from covalue.specs import Column, read_specs
from covalue.tables import Reader
from edits import add_row, cells, change, drop_column, replace_in, set_cell

Readers = Callable[[Project], Reader]
CASE = "graph/cases/harbor-wheels"


def read_case(reader_of: Readers, project: Project, name: str = "harbor-wheels") -> list[Finding]:
    """The findings over literature, sources and one case."""
    reader = reader_of(project)
    reader.case(project.root / "graph" / "cases" / name)
    return list(reader.report)


def test_small_project_is_clean(small: Project, reader_of: Readers) -> None:
    """The project that the other tests spoil has no finding before."""
    assert [] == read_case(reader_of, small)
    assert [] == read_case(reader_of, small, "night-clinic")


def test_real_project_is_clean(repo: Project, reader_of: Readers) -> None:
    """The tables of the checkout have no finding at all."""
    reader = reader_of(repo)
    for path in repo.cases():
        reader.case(path)
    assert [] == list(map(str, reader.report))


@dataclass(frozen=True)
class Bad:
    """A cell with a bad value: where, what, and what the finding must say."""

    table: str
    row: int
    column: str
    value: str
    rule: str
    en: str
    zh: str


CELLS = [
    Bad("contributions", 2, "contributor", "nobody-at-all", "dangling-reference", "no such row in actors", "actors 中没有这一行"),
    Bad("contributions", 2, "contributor", "member", "dangling-reference", 'did you mean "members"', "是否指“members”"),
    Bad("contributions", 2, "item", "actors/members", "dangling-reference", "no such row in resources, offerings", "中没有这一行"),
    Bad("contributions", 2, "item", "workshop", "ambiguous-reference", "write it as table/id", "请写作“表/编号”"),
    Bad("contributions", 2, "item", "trip-report | trip-reports", "dangling-reference", 'did you mean "trip-reports"', "trip-reports"),
    Bad("situations", 2, "about", "members", "bad-reference", "write it as table/id, as in actors/", "请写作“表/编号”，如 actors/"),
    Bad("situations", 2, "about", "actors/nobody", "dangling-reference", "no such row in actors", "actors 中没有这一行"),
    Bad("events", 2, "start_year", "20x2", "bad-year", "not a year of four digits between 1800 and 2099", "1800 至 2099"),
    Bad("events", 2, "start_year", "12", "bad-year", "not a year of four digits", "四位年份"),
    Bad("events", 2, "start_year", "2199", "bad-year", "between 1800 and 2099", "1800 至 2099"),
    Bad("events", 2, "start_year", "2012.0", "bad-year", "not a year", "四位年份"),
    Bad("events", 2, "start_month", "13", "bad-month", "a month from 1 to 12", "1 至 12 的月份"),
    Bad("events", 2, "start_month", "April", "bad-month", "a month from 1 to 12", "1 至 12 的月份"),
    Bad("stages", 2, "ordinal", "first", "bad-integer", "a whole number", "整数"),
    Bad("stages", 2, "ordinal", "-1", "bad-integer", "a whole number", "整数"),
    Bad("stages", 2, "ordinal", "10²", "bad-integer", "a whole number", "整数"),
    Bad("observations", 2, "value", "12,5", "bad-decimal", "as 84.3", "如 84.3"),
    Bad("observations", 2, "value", "12.5%", "bad-decimal", "put the unit into its own column", "单位写在单位列"),
    Bad("observations", 2, "value", "NaN", "bad-decimal", "digits only", "只写数字"),
    Bad("observations", 2, "value", "1e3", "bad-decimal", "digits only", "只写数字"),
    Bad("observations", 2, "period_end", "31.12.2018", "bad-date", "YYYY-MM-DD", "YYYY-MM-DD"),
    Bad("observations", 2, "period_end", "2018-13", "bad-date", "YYYY-MM", "YYYY-MM"),
    Bad("observations", 2, "period_end", "2018-02-30", "bad-date", "YYYY-MM-DD", "YYYY-MM-DD"),
    Bad("observations", 2, "unit", "percents", "not-a-choice", 'did you mean "percent"?', "是否指“percent”"),
    Bad("observations", 2, "unit", "modality/percent", "not-a-choice", "is not one of unit", "不在可选值之列：unit"),
    Bad("classifications", 2, "concept", "operant", "not-a-concept", "write it as scheme/concept", "请写作“方案/概念”"),
    Bad("classifications", 2, "concept", "resource-kind/operants", "not-a-choice", 'did you mean "resource-kind/operant"', "resource-kind/operant"),
    Bad("classifications", 2, "concept", "resource-kinds/operant", "not-a-choice", 'did you mean "resource-kind"', "resource-kind"),
    Bad("actors", 2, "type", "Company", "not-a-choice", "is not one of Actor, ActorGroup, CustomerSegment, Firm", "不在可选值之列"),
    Bad("actors", 2, "type", "firm", "not-a-choice", 'did you mean "Firm"', "是否指“Firm”"),
    Bad("actors", 2, "exact_match", "example.org/x", "bad-iri", "begins with http:// or https://", "http:// 或 https://"),
    Bad("actors", 2, "exact_match", "https://example.org/a b", "bad-iri", "begins with http:// or https://", "http:// 或 https://"),
    Bad("actors", 2, "mentioned_in", "page 3", "bad-locator", "write section-pParagraph-sSentence, as in 3.2.1-p2-s3", "请写作“章节-p段-s句”"),
    Bad("actors", 2, "mentioned_in", "1-p1-s9", "unknown-passage", "the source moreau-tan-2021 has no such sentence", "来源 moreau-tan-2021 没有这一句"),
    Bad("actors", 2, "mentioned_in", "other-2020/1-p1-s1", "unknown-passage", "the source other-2020 has no such sentence", "来源 other-2020 没有这一句"),
    Bad("actors", 2, "label_en", "", "missing-value", "a value is required", "此处必填"),
    Bad("actors", 2, "label_zh", " \u3000 ", "missing-value", "a value is required", "此处必填"),
    Bad("actors", 2, "mentioned_in", " | ", "missing-value", "a value is required. Places in the source", "此处必填。来源中"),
    Bad("actors", 2, "id", "", "missing-value", "a value is required", "此处必填"),
    Bad("actors", 3, "id", "harbor-wheels", "duplicate-id", "used by an earlier row", "已被本表前面的行使用"),
    Bad("actors", 3, "id", "Members", "bad-id", "lower-case letters, digits and hyphens only", "只用小写字母、数字和连字符"),
    Bad("actors", 3, "id", "社员", "bad-id", "lower-case letters", "只用小写字母"),
    Bad("actors", 2, "label_en", "Harbor\x00 Wheels", "control-character", "holds a control character; delete it", "含有控制字符；请删除"),
    Bad("actors", 2, "label_en", "Harbor\x07 Wheels", "control-character", "holds a control character; delete it", "含有控制字符；请删除"),
]


@pytest.mark.parametrize("bad", CELLS, ids=lambda b: f"{b.table}-{b.column}-{b.value!a}")
def test_bad_cell(small: Project, reader_of: Readers, bad: Bad) -> None:
    """A bad cell is found with its file, row, column and value, and both languages say what would be right."""
    set_cell(small.root / CASE / f"{bad.table}.csv", bad.row, bad.column, bad.value)
    found = [f for f in read_case(reader_of, small) if f.rule == bad.rule and f.place == Place(f"{CASE}/{bad.table}.csv", row=bad.row, cell=bad.column)]
    assert 1 == len(found), found
    assert (True, True) == (bad.en in found[0].en, bad.zh in found[0].zh), str(found[0])
    assert Severity.VIOLATION == found[0].severity
    if bad.rule != "control-character":  # such a value is not shown as it stands
        value = next((p for p in map(str.strip, bad.value.split("|")) if p), "")
        assert value == found[0].value
        assert value == "" or (f'"{value}"' in found[0].en and re.search(f'["“]{re.escape(value)}["”]', found[0].zh))


@pytest.mark.parametrize("value", ["Harbor\x07 Wheels", "\x1b[2JHarbor"], ids=ascii)
def test_control_character_is_shown_escaped(small: Project, reader_of: Readers, value: str) -> None:
    """A finding about a control character does not itself send it to the terminal."""
    set_cell(small.root / CASE / "actors.csv", 2, "label_en", value)
    assert [] == [c for f in read_case(reader_of, small) for c in str(f) if ord(c) < 32]


@pytest.mark.parametrize(
    ("table", "column", "given", "shown"),
    [
        ("events", "start_year", "２０１２", "2012"),
        ("observations", "value", "１２．５", "12.5"),
        ("observations", "period_end", "２０１８－１２", "2018-12"),
        ("contributions", "contributor", "ｍｅｍｂｅｒｓ", "members"),
        ("observations", "unit", "ｐｅｒｃｅｎｔ", "percent"),
    ],
)
def test_full_width_characters_are_read_and_remarked(small: Project, reader_of: Readers, table: str, column: str, given: str, shown: str) -> None:
    """Full-width digits and letters are read as plain ones; a remark, which fails nothing, says so."""
    set_cell(small.root / CASE / f"{table}.csv", 2, column, given)
    (found,) = read_case(reader_of, small)
    assert ("normalised", Severity.INFO, given, Place(f"{CASE}/{table}.csv", row=2, cell=column)) == (found.rule, found.severity, found.value, found.place)
    assert (True, True) == (f'"{shown}"' in found.en, f"“{shown}”" in found.zh)


def test_full_width_id_is_read_as_plain(small: Project, reader_of: Readers) -> None:
    """An id in full-width letters names the same row as the plain one."""
    set_cell(small.root / CASE / "actors.csv", 3, "id", "ｍｅｍｂｅｒｓ")
    assert ["normalised"] == [f.rule for f in read_case(reader_of, small)]


def test_full_width_letters_stay_in_prose(small: Project, reader_of: Readers) -> None:
    """Prose keeps its full-width characters, without a remark."""
    set_cell(small.root / CASE / "actors.csv", 2, "label_zh", "港轮（ＡＢＣ）１２")
    reader = reader_of(small)
    folder = reader.case(small.root / CASE)
    row = next(r for r in folder.rows if r.iri.endswith("actor/harbor-wheels"))
    assert ("港轮（ＡＢＣ）１２",) == next(c.values for c in row.cells if c.column.name == "label_zh")
    assert 0 == len(reader.report)


def one(findings: list[Finding], rule: str) -> Finding:
    """The only finding of a rule."""
    found = [f for f in findings if f.rule == rule]
    assert len(found) == 1, [str(f) for f in findings]
    return found[0]


def test_unknown_column(small: Project, reader_of: Readers) -> None:
    """An unknown column is named with the nearest known one and the list of all."""
    replace_in(small.root / CASE / "actors.csv", "label_en", "lable_en")
    found = one(read_case(reader_of, small), "unknown-column")
    assert (Place(f"{CASE}/actors.csv", row=1, cell="lable_en"), "lable_en") == (found.place, found.value)
    assert (True, True) == ('did you mean "label_en"' in found.en and "mentioned_in" in found.en, "是否指“label_en”" in found.zh and "mentioned_in" in found.zh)


def test_missing_required_column(small: Project, reader_of: Readers) -> None:
    """A required column that is missing is named, with what belongs into it."""
    drop_column(small.root / CASE / "actors.csv", "label_zh")
    found = one(read_case(reader_of, small), "missing-column")
    assert (Place(f"{CASE}/actors.csv", row=1, cell="label_zh"), "label_zh") == (found.place, found.value)
    assert (True, True) == ("required in actors; add it. The same in Chinese." in found.en, "必须有此列；请补上。同一内容的中文。" in found.zh)


def test_duplicate_column(small: Project, reader_of: Readers) -> None:
    """A column that stands twice is named once."""
    change(small.root / CASE / "actors.csv", lambda rows: [[*r, r[2]] for r in rows])
    found = one(read_case(reader_of, small), "duplicate-column")
    assert (Place(f"{CASE}/actors.csv", row=1, cell="label_en"), "label_en") == (found.place, found.value)
    assert (True, True) == ("stands twice; delete one" in found.en, "出现两次；请删去一列" in found.zh)


def test_empty_file(small: Project, reader_of: Readers) -> None:
    """An empty table file is reported by its missing columns, not passed over."""
    (small.root / CASE / "actors.csv").write_bytes(b"")
    missing = [f.value for f in read_case(reader_of, small) if f.rule == "missing-column"]
    assert ["id", "label_en", "label_zh", "mentioned_in", "type"] == sorted(missing)


def test_too_many_cells(small: Project, reader_of: Readers) -> None:
    """A row with a comma that nobody quoted is found by its number of cells, with what to do."""
    path = small.root / CASE / "resources.csv"
    replace_in(path, "workshop,repair workshop,维修车间,,1.1-p1-s1,,", "workshop,repair, and wash,维修车间,,1.1-p1-s1,a,b")
    found = one(read_case(reader_of, small), "too-many-cells")
    assert Place(f"{CASE}/resources.csv", row=3) == found.place
    assert (True, True) == ("has 8 cells, but the table has 7 columns; put text with commas into quotes" in found.en, "有 8 个单元格，而表只有 7 列" in found.zh)


def test_empty_cells_beyond_the_last_column_are_no_fault(small: Project, reader_of: Readers) -> None:
    """Empty cells at the end of a row, and empty rows, as spreadsheets leave them, are passed over."""
    path = small.root / CASE / "resources.csv"
    replace_in(path, "1.1-p1-s1,,\n", "1.1-p1-s1,,,,\n,,,,\n\n")
    assert [] == read_case(reader_of, small)


def test_short_row_lacks_values(small: Project, reader_of: Readers) -> None:
    """A row that ends early lacks its required values, and is not an error of the program."""
    path = small.root / CASE / "resources.csv"
    replace_in(path, "workshop,repair workshop,维修车间,,1.1-p1-s1,,", "workshop,repair workshop")
    places = [f.place for f in read_case(reader_of, small) if f.rule == "missing-value"]
    assert [Place(f"{CASE}/resources.csv", row=3, cell=c) for c in ("label_zh", "mentioned_in")] == places


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("repair workshop", 'repair "workshop"', None),
        ("repair workshop", '"repair" workshop', 3),
        ("repair workshop", '"repair workshop', 3),
    ],
    ids=["quotes inside are plain", "text after quotes", "quote never closed"],
)
def test_broken_quotes(small: Project, reader_of: Readers, old: str, new: str, line: int | None) -> None:
    """Broken quotes are found with the line, and both languages say to look at the quotes there."""
    path = small.root / CASE / "resources.csv"
    replace_in(path, old, new)
    findings = read_case(reader_of, small)
    if line is None:
        assert [] == findings
        return
    found = one(findings, "broken-csv")
    assert (Place(f"{CASE}/resources.csv", line=line), True, True) == (found.place, "quotes" in found.en, "引号" in found.zh)


def test_unclosed_quote_is_placed_where_it_opens(small: Project, reader_of: Readers) -> None:
    """A quote that is never closed is reported at the row that opens it."""
    path = small.root / CASE / "actors.csv"
    change(path, lambda rows: [*rows, *[["extra-" + str(i), "Firm", "x", "x", "", "", "", "", "1-p1-s1"] for i in range(20)]])
    replace_in(path, "members,ActorGroup,members", 'members,ActorGroup,"members')
    found = one(read_case(reader_of, small), "broken-csv")
    assert 3 == (found.place.line if found.place else None)


def test_byte_order_mark_is_skipped_with_a_remark(small: Project, reader_of: Readers) -> None:
    """A table with a byte order mark, as Excel writes it, is read; a remark says so once."""
    path = small.root / CASE / "actors.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    (found,) = read_case(reader_of, small)
    assert ("byte-order-mark", Severity.INFO, Place(f"{CASE}/actors.csv")) == (found.rule, found.severity, found.place)
    assert (True, True) == ("skipped" in found.en, "已略过" in found.zh)


@pytest.mark.parametrize("table", ["actors.csv", "../../sources/moreau-tan-2021/passages.csv", "../../literature/publications.csv"])
@pytest.mark.parametrize(("encoding", "line"), [("gbk", 2), ("gb18030", 2), ("big5hkscs", 2), ("utf-16", 1)])
def test_wrong_encoding(small: Project, reader_of: Readers, table: str, encoding: str, line: int) -> None:
    """A table in another encoding is reported once, with the first bad line and how to save it."""
    path = (small.root / CASE / table).resolve()
    text = path.read_text(encoding="utf-8").replace("港轮", "社員").replace("轮", "輪") if encoding == "big5hkscs" else path.read_text(encoding="utf-8")
    path.write_bytes(text.encode(encoding, errors="ignore"))
    found = one(read_case(reader_of, small), "encoding")
    assert Place(small.relative(path), line=line) == found.place
    assert (True, True) == ("not UTF-8" in found.en and "CSV UTF-8" in found.en, "不是 UTF-8" in found.zh and "CSV UTF-8" in found.zh)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_mark_is_an_encoding_fault(small: Project, reader_of: Readers, encoding: str) -> None:
    """A table in UTF-16 without a byte order mark is reported as an encoding fault."""
    path = small.root / CASE / "actors.csv"
    path.write_bytes("id,type,label_en,label_zh,mentioned_in\nmembers,Firm,x,x,1-p1-s1\n".encode(encoding))
    one(read_case(reader_of, small), "encoding")


@pytest.mark.parametrize(
    ("name", "near"),
    [("actor.csv", "actors"), ("actors.xlsx", "actors"), ("Actors.csv", "actors"), ("notes.txt", None), ("passages.csv", None)],
)
def test_unknown_file(small: Project, reader_of: Readers, name: str, near: str | None) -> None:
    """A file that is no table of the folder is reported with the nearest kind and the list of all."""
    (small.root / CASE / name).write_text("id\n", encoding="utf-8")
    found = one(read_case(reader_of, small), "unknown-table")
    assert (Place(f"{CASE}/{name}"), name) == (found.place, found.value)
    assert (True, True) == ("the tables are actions, actors" in found.en, "可用的表有 actions, actors" in found.zh)
    if near:
        assert (True, True) == (f'did you mean "{near}"' in found.en, f"是否指“{near}”" in found.zh)


@pytest.mark.parametrize("name", [".actors.csv.swp", "~$actors.xlsx", "_draft.csv", ".DS_Store"])
def test_leftovers_of_editors_are_passed_over(small: Project, reader_of: Readers, name: str) -> None:
    """Hidden files, locks of spreadsheets and drafts are not read."""
    (small.root / CASE / name).write_bytes(b"\xff\xfe\x00")
    assert [] == read_case(reader_of, small)


@pytest.mark.parametrize(
    ("path", "column", "value", "rule"),
    [
        ("graph/literature/publications.csv", "author", "moreau | tann", "dangling-reference"),
        ("graph/literature/publications.csv", "form", "fabio:Book", "not-a-choice"),
        ("graph/literature/publications.csv", "year", "1799", "bad-year"),
        ("graph/sources/moreau-tan-2021/sections.csv", "publication", "moreau-2021", "dangling-reference"),
        ("graph/sources/moreau-tan-2021/citations.csv", "citing", "1.1-p1-s3", "unknown-passage"),
        ("graph/sources/moreau-tan-2021/citations.csv", "mark", "[1]", "bad-integer"),
        ("graph/sources/moreau-tan-2021/passages.csv", "section", "9", "dangling-reference"),
        ("graph/cases/harbor-wheels/case.csv", "subject", "harbour-wheels", "dangling-reference"),
        ("graph/cases/harbor-wheels/case.csv", "source", "moreau-tan", "dangling-reference"),
    ],
)
def test_literature_sources_and_case_are_judged_too(small: Project, reader_of: Readers, path: str, column: str, value: str, rule: str) -> None:
    """Faults outside the case's own rows are found at their cell as well."""
    set_cell(small.root / path, 2, column, value)
    assert Place(path, row=2, cell=column) in [f.place for f in read_case(reader_of, small) if f.rule == rule]


def test_all_faults_at_once(small: Project, reader_of: Readers) -> None:
    """Faults in many files, rows and cells are all reported by one run, in the order of files and rows."""
    root = small.root
    set_cell(root / CASE / "actors.csv", 2, "type", "Company")
    set_cell(root / CASE / "actors.csv", 4, "mentioned_in", "1-p9-s9 | x")
    set_cell(root / CASE / "events.csv", 2, "start_year", "MMXII")
    set_cell(root / CASE / "events.csv", 2, "start_month", "0")
    set_cell(root / CASE / "observations.csv", 2, "value", "much")
    set_cell(root / "graph/literature/publications.csv", 3, "year", "19")
    (root / CASE / "offer.csv").write_text("id\n")
    replace_in(root / CASE / "stages.csv", "ordinal", "order")
    expected = [
        (f"{CASE}/actors.csv row 2, column type", "not-a-choice"),
        (f"{CASE}/actors.csv row 4, column mentioned_in", "bad-locator"),
        (f"{CASE}/actors.csv row 4, column mentioned_in", "unknown-passage"),
        (f"{CASE}/contributions.csv row 2, column stage", "dangling-reference"),
        (f"{CASE}/events.csv row 2, column start_month", "bad-month"),
        (f"{CASE}/events.csv row 2, column start_year", "bad-year"),
        (f"{CASE}/observations.csv row 2, column value", "bad-decimal"),
        (f"{CASE}/offer.csv", "unknown-table"),
        (f"{CASE}/stages.csv row 1, column order", "unknown-column"),
        ("graph/literature/publications.csv row 3, column year", "bad-year"),
    ]
    assert expected == [(str(f.place), f.rule) for f in read_case(reader_of, small)]


def test_both_places_of_a_row_with_two_faults(small: Project, reader_of: Readers) -> None:
    """A second row of one id and a bad cell in it are two findings of the same row."""
    row = add_row(small.root / CASE / "actors.csv", {"id": "members", "type": "Firms", "label_en": "x", "label_zh": "某", "mentioned_in": "1-p1-s1"})
    assert [("id", "duplicate-id"), ("type", "not-a-choice")] == [(f.place.cell if f.place and f.place.row == row else None, f.rule) for f in read_case(reader_of, small)]


def test_same_id_in_another_case_or_table_is_another_thing(small: Project, reader_of: Readers) -> None:
    """Ids are unique in a table only: the same id in another table or case makes another IRI."""
    reader = reader_of(small)
    rows = [r for name in ("harbor-wheels", "night-clinic") for r in reader.case(small.root / "graph/cases" / name).rows]
    base = "https://w3id.org/covalue/case/"
    assert {f"{base}harbor-wheels/actor/members", f"{base}night-clinic/actor/members"} == {r.iri for r in rows if r.id == "members"}
    assert {f"{base}harbor-wheels/resource/workshop", f"{base}harbor-wheels/offering/workshop"} == {r.iri for r in rows if r.id == "workshop"}


@pytest.mark.parametrize("given", ["resources/workshop", "offerings/workshop"])
def test_ambiguity_is_resolved_by_naming_the_table(small: Project, reader_of: Readers, given: str) -> None:
    """A reference written as table/id is taken from that table."""
    set_cell(small.root / CASE / "contributions.csv", 2, "item", given)
    reader = reader_of(small)
    row = next(r for r in reader.case(small.root / CASE).rows if r.kind.name == "contributions")
    assert (f"https://w3id.org/covalue/case/harbor-wheels/{given.replace('s/', '/')}",) == next(c.values for c in row.cells if c.column.name == "item")
    assert 0 == len(reader.report)


def test_wrong_table_in_a_reference_is_what_the_message_names(small: Project, reader_of: Readers) -> None:
    """A reference with a mistyped table is answered with the right table."""
    set_cell(small.root / CASE / "situations.csv", 2, "about", "actor/members")
    found = one(read_case(reader_of, small), "dangling-reference")
    assert (True, True) == ('did you mean "actors/members"?' in found.en, "是否指“actors/members”？" in found.zh)


def test_case_without_case_table_says_so(small: Project, reader_of: Readers) -> None:
    """A case folder without case.csv is one finding that names the missing table."""
    (small.root / CASE / "case.csv").unlink()
    found = one(read_case(reader_of, small), "missing-case-table")
    assert (Place(f"{CASE}/case.csv"), True, True) == (found.place, "no usable row in case.csv" in found.en, "case.csv 中没有可用的行" in found.zh)


@pytest.mark.parametrize("how", ["other id", "second row"])
def test_case_table_describes_its_own_folder_only(small: Project, reader_of: Readers, how: str) -> None:
    """case.csv has one row, whose id is the name of the folder."""
    path = small.root / CASE / "case.csv"
    if how == "other id":
        set_cell(path, 2, "id", "harbour-wheels")
    else:
        change(path, lambda rows: [*rows, ["night-clinic", *rows[1][1:]]])
    found = one(read_case(reader_of, small), "case-row")
    assert Place(f"{CASE}/case.csv", row=2 if how == "other id" else 3, cell="id") == found.place
    assert (True, True) == ("its id is the name of the folder, harbor-wheels" in found.en, "其编号是文件夹名 harbor-wheels" in found.zh)


@pytest.mark.parametrize("value", ["two words", "a<b", "100%zz"])
def test_id_that_makes_no_iri_does_not_crash(small: Project, reader_of: Readers, value: str) -> None:
    """A bad id is a finding, and the rows can still be lifted so that other faults are found."""
    set_cell(small.root / CASE / "actors.csv", 3, "id", value)
    reader = reader_of(small)
    folder = reader.case(small.root / CASE)
    assert value == one(list(reader.report), "bad-id").value
    lift_case(folder.rows, "harbor-wheels")


@pytest.mark.parametrize("value", ["https://[example", "https://example.org/%zz", "https://example.org:port/"])
def test_address_that_is_no_iri_is_a_finding(small: Project, reader_of: Readers, value: str) -> None:
    """An address that is no IRI is found at its cell."""
    set_cell(small.root / CASE / "actors.csv", 2, "exact_match", value)
    reader = reader_of(small)
    folder = reader.case(small.root / CASE)
    assert ["bad-iri"] == [f.rule for f in reader.report]
    lift_case(folder.rows, "harbor-wheels")


@pytest.mark.parametrize("name", ["My Case", "案例", "a%zz"])
def test_bad_name_of_a_case_folder_is_a_finding(small: Project, reader_of: Readers, name: str) -> None:
    """A case folder's name is part of IRIs and must be written as an id."""
    (small.root / CASE).rename(small.root / "graph/cases" / name)
    found = one(read_case(reader_of, small, name), "bad-folder-name")
    assert (Place(f"graph/cases/{name}"), name) == (found.place, found.value)
    assert (True, True) == ("lower-case letters, digits and hyphens only" in found.en, "只用小写字母、数字和连字符" in found.zh)


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
# "|" and letters that the kinds of columns give a meaning to turn up more often than by chance
CELL_TEXT = ANY_TEXT | st.lists(
    st.sampled_from(["|", "/", "-", ".", "1-p1-s1", "members", "actors/", "2012", "%", " ", "\u3000", "\ufeff", "é", "e\u0301", "{id}"]), max_size=6
).map("".join)


@given(table=st.sampled_from(["actors", "contributions", "observations", "events", "classifications", "case"]), column=st.integers(1, 30), text=CELL_TEXT)
def test_whatever_stands_in_a_cell_is_judged(small: Project, specs_columns: dict[str, list[Column]], reader_of: Readers, table: str, column: int, text: str) -> None:
    """Any text in any cell but the id is read or reported; nothing is raised, and what is reported names that row."""
    columns = [c.name for c in specs_columns[table] if c.name != "id" and c.kind != "iri"]
    name = columns[column % len(columns)]
    path = small.root / CASE / f"{table}.csv"
    before = path.read_bytes()
    set_cell(path, 2, name, text.replace("\r", ""))
    reader = reader_of(small)
    folder = reader.case(small.root / CASE)
    path.write_bytes(before)
    lift_case(folder.rows, "harbor-wheels")
    own = {str(f.place).partition(",")[0] for f in reader.report if f.rule not in ("unknown-passage", "bad-locator", "dangling-reference")}
    assert own <= {f"{CASE}/{table}.csv row 2"}


@pytest.fixture(scope="module")
def specs_columns(repo: Project) -> dict[str, list[Column]]:
    """The columns of each kind of table."""
    return {name: list(kind.columns) for name, kind in read_specs(repo.specs()).items()}


@given(data=st.binary(max_size=200) | ANY_TEXT.map(lambda t: t.encode("utf-16")) | ANY_TEXT.map(lambda t: b"id,label_en\r\n" + t.encode()))
def test_whatever_a_file_holds_is_judged(small: Project, reader_of: Readers, data: bytes) -> None:
    """Any bytes as a table file lead to findings about that file, never to an error of the program."""
    (small.root / CASE / "needs.csv").write_bytes(data)
    reader = reader_of(small)
    reader.case(small.root / CASE)
    assert {f"{CASE}/needs.csv"} == {f.place.path for f in reader.report if f.place}
    assert not reader.report.ok


def test_specs_describe_every_kind(repo: Project, specs_columns: dict[str, list[Column]]) -> None:
    """Each kind of table has a spec of its own and each spec a kind; all start with the id."""
    files = {p.stem for p in repo.specs().glob("*.csv")} - {"kinds"}
    assert set(specs_columns) == files
    assert {"id"} == {columns[0].name for columns in specs_columns.values()}


def test_missing_spec_is_named(small: Project) -> None:
    """A kind without its spec is an error that names the file."""
    path = small.specs() / "actors.csv"
    path.unlink()
    with pytest.raises(SourceError) as caught:
        read_specs(small.specs())
    assert str(path) == (caught.value.place.path if caught.value.place else None)


def test_bad_number_in_a_spec_is_named(small: Project) -> None:
    """A spec whose minimum is no number is an error that names the file."""
    set_cell(small.specs() / "actors.csv", 2, "min", "one")
    with pytest.raises(SourceError, match="is not a column spec") as caught:
        read_specs(small.specs())
    assert str(small.specs() / "actors.csv") == (caught.value.place.path if caught.value.place else None)


@pytest.mark.parametrize("how", ["kinds without a column", "short row", "gbk", "unknown prefix in the pattern", "unknown kind of cell"])
def test_broken_spec_is_an_error_with_a_place(small: Project, how: str) -> None:
    """Whatever is wrong in a spec is a SourceError that names the file, not a traceback."""
    kinds, actors = small.specs() / "kinds.csv", small.specs() / "actors.csv"
    if how == "kinds without a column":
        drop_column(kinds, "folder")
    elif how == "short row":
        change(actors, lambda rows: [rows[0], rows[1][:3], *rows[2:]])
    elif how == "gbk":
        actors.write_bytes(actors.read_text(encoding="utf-8").encode("gbk"))
    elif how == "unknown prefix in the pattern":
        replace_in(kinds, "case:{case}/actor/{id}", "cases:{case}/actor/{id}")
    else:
        set_cell(actors, 4, "kind", "txt")
    with pytest.raises(SourceError, match="is not a column spec") as caught:
        read_specs(small.specs())
    faulty = kinds if "kinds" in how or "pattern" in how else actors
    assert (str(faulty), True) == (caught.value.place.path if caught.value.place else None, "不是列规格" in caught.value.zh)


def test_rows_are_numbered_as_in_a_spreadsheet(small: Project, reader_of: Readers) -> None:
    """A cell with line breaks is one row: the rows below are numbered as a spreadsheet shows them."""
    path = small.root / CASE / "actors.csv"
    set_cell(path, 2, "label_en", "Harbor\nWheels\nof the bay")
    set_cell(path, 4, "type", "Company")
    assert [4] == [f.place.row for f in read_case(reader_of, small) if f.place]
    assert 4 == len(cells(path))
