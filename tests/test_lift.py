"""Lift: what stands in a row is what SPARQL reads back, no more and no less."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covalue.cells import Vocabulary
from covalue.errors import Place
from covalue.lift import Lifted, lift, lift_case
from covalue.names import IN_CASE, PREFIXES, RDF_TYPE, case_graph, expand, shrink
from covalue.project import Project
from covalue.specs import Column, Kind
from covalue.tables import Folder, Reader
from edits import cells, set_cell, write

Readers = Callable[[Project], Reader]
CASE = "graph/cases/harbor-wheels"
GRAPH = case_graph("harbor-wheels")
XSD = PREFIXES["xsd"]
REFERABLE = {
    "actors": ["harbor-wheels", "members", "riders"],
    "resources": ["trip-reports", "workshop"],
    "offerings": ["bike-pass", "workshop"],
    "stages": ["pilot", "whole-city"],
    "mechanisms": ["member-repair"],
    "indicators": ["fleet-growth"],
    "situations": ["repairs-shared", "fewer-breakdowns"],
    "events": ["founded"],
    "business-models": ["monthly-pass-model"],
    "publications": ["moreau-tan-2021", "harbor-report-2019"],
    "scholars": ["moreau", "tan"],
}
IRI_OF = {
    "publications": "https://w3id.org/covalue/source/{}",
    "scholars": "https://w3id.org/covalue/source/scholar/{}",
    **{t: f"https://w3id.org/covalue/case/harbor-wheels/{t[:-1]}/{{}}" for t in REFERABLE if t not in ("publications", "scholars")},
}
LOCATORS = ["1-p1-s1", "1-p1-s2", "1.1-p1-s1", "2-p1-s2"]
PROSE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20) | st.sampled_from(
    ['say "yes"', "a, b; c", "back\\slash", "two\nlines", "＃１", "e\u0301", "\u2028x", "<b>&amp;</b>", "'''", "=1+1"]
)
# a value of a cell: what is typed, and how SPARQL must give it back
Value = tuple[str, ox.NamedNode | ox.Literal]


def typed(text: str, datatype: str) -> ox.Literal:
    """A literal with an XSD datatype."""
    return ox.Literal(text, datatype=ox.NamedNode(XSD + datatype))


def values(column: Column, words: Vocabulary) -> st.SearchStrategy[Value]:
    """Good values for a column; what SPARQL must give back is made here, apart from the code under test."""
    kind = column.kind
    if kind in ("text", "string"):
        many = column.most != 1
        words_of = PROSE.map(lambda t: (t.replace("|", "") if many else t).strip()).filter(bool)
        language = column.target[0] if kind == "text" else None
        return words_of.map(lambda t: (t, ox.Literal(unicodedata.normalize("NFC", t), language=language)))
    if kind == "integer":
        return st.integers(0, 10**18 - 1).map(lambda n: (str(n), typed(str(n), "integer")))
    if kind == "year":
        return st.integers(1800, 2099).map(lambda n: (str(n), typed(str(n), "integer")))
    if kind == "month":
        return st.tuples(st.integers(1, 12), st.sampled_from(["{}", "{:02}"])).map(lambda p: (p[1].format(p[0]), typed(str(p[0]), "integer")))
    if kind == "decimal":
        return st.decimals(-(10**9), 10**9, places=4).map(lambda d: (f"{d:f}", typed(f"{d:f}", "decimal")))
    if kind == "date":
        return st.tuples(st.dates(date(1800, 1, 1), date(2099, 12, 31)), st.sampled_from([4, 7, 10])).map(
            lambda p: (p[0].isoformat()[: p[1]], ox.Literal(p[0].isoformat()[: p[1]]))
        )
    if kind == "class":
        return st.sampled_from(sorted(words.subclasses[column.target[0]])).map(lambda n: (n, ox.NamedNode(PREFIXES["vcc"] + n)))
    if kind == "concept":
        schemes = sorted(words.concepts) if column.target == ("*",) else list(column.target)
        names = [(s, c) for s in schemes for c in sorted(words.concepts[s])]
        short = len(schemes) == 1
        return st.sampled_from(names).map(lambda p: (p[1] if short else "/".join(p), ox.NamedNode(f"https://w3id.org/covalue/scheme/{p[0]}/{p[1]}")))
    if kind == "ref":
        tables = [t for t in (REFERABLE if column.target == ("@any",) else column.target) if t in REFERABLE]
        return st.sampled_from([(f"{t}/{i}", ox.NamedNode(IRI_OF[t].format(i))) for t in tables for i in REFERABLE[t]])
    if kind == "passage":
        return st.sampled_from([(p + n, ox.NamedNode(f"https://w3id.org/covalue/source/moreau-tan-2021/{n}")) for n in LOCATORS for p in ("", "moreau-tan-2021/")])
    assert kind == "iri"
    return st.sampled_from(["https://example.org/x?y=1&z=%20", "http://www.wikidata.org/entity/Q1", "https://example.org/中文"]).map(lambda t: (t, ox.NamedNode(t)))


def read_back(lifted: Lifted, subject: str, column: Column) -> set[ox.NamedNode | ox.Literal]:
    """What SPARQL finds for a cell."""
    store = ox.Store()
    store.extend(lifted.quads)
    language = f'FILTER(LANG(?v) = "{column.target[0]}")' if column.kind == "text" else ""
    rows = store.query(f"SELECT ?v WHERE {{ GRAPH <{GRAPH}> {{ <{subject}> <{column.property}> ?v }} {language} }}")
    assert isinstance(rows, ox.QuerySolutions)
    return {r["v"] for r in rows}


def same(term: ox.NamedNode | ox.Literal) -> object:
    """Decimals are compared by value and by having one spelling only, all else as it is."""
    if isinstance(term, ox.Literal) and term.datatype.value == XSD + "decimal":
        return Decimal(term.value)
    return term


@pytest.mark.parametrize("table", ["actors", "stages", "observations", "contributions", "events", "descriptions", "classifications"])
@settings(max_examples=25)
@given(data=st.data())
def test_row_read_back_gives_the_cells(small: Project, specs: dict[str, Kind], words: Vocabulary, reader_of: Readers, table: str, data: st.DataObject) -> None:
    """A row of any good values, lifted and asked for by SPARQL, gives exactly what was typed, cell by cell."""
    columns = specs[table].columns[1:]
    row: dict[str, list[Value]] = {c.name: data.draw(st.lists(values(c, words), min_size=c.least, max_size=min(c.most or 3, 3)), label=c.name) for c in columns}
    path = small.root / CASE / f"{table}.csv"
    old = [r for r in cells(path) if r[0] != "new-row"] if path.exists() else [["id"]]
    header = list(dict.fromkeys([*old[0], *row]))
    new = {"id": "new-row", **{name: " | ".join(text for text, _ in given) for name, given in row.items()}}
    write(path, [header, *[[*r, *[""] * (len(header) - len(r))] for r in old[1:]], [new[n] for n in header]])
    reader = reader_of(small)
    folder = reader.case(small.root / CASE)
    assert [] == list(map(str, reader.report))
    lifted = lift_case(folder.rows, "harbor-wheels")
    subject = next(r.iri for r in folder.rows if r.id == "new-row")
    for column in columns:
        stated = {
            same(term) for c in columns if (c.property, c.kind == "text" and c.target) == (column.property, column.kind == "text" and column.target) for _, term in row[c.name]
        }
        assert stated == {same(t) for t in read_back(lifted, subject, column)}, column.name


@pytest.fixture
def folder(small: Project, reader_of: Readers) -> Folder:
    """The bicycle case, read."""
    return reader_of(small).case(small.root / CASE)


def statements(lifted: Lifted, subject: str) -> set[tuple[str, str]]:
    """What is said of a subject, as CURIE and text."""
    return {
        (shrink(q.predicate.value), shrink(q.object.value) if isinstance(q.object, ox.NamedNode) else str(q.object)) for q in lifted.quads if q.subject.value == expand(subject)
    }


def test_one_row_in_full(folder: Folder) -> None:
    """An observation row makes these statements and no other."""
    assert {
        ("rdf:type", "vcc:IndicatorObservation"),
        ("vcc:inCase", "case:harbor-wheels"),
        ("rdfs:label", '"The fleet grew by 12.5 percent"@en'),
        ("rdfs:label", '"车队增长 12.5%"@zh'),
        ("vcc:indicator", "case:harbor-wheels/indicator/fleet-growth"),
        ("vcc:about", "case:harbor-wheels/actor/harbor-wheels"),
        ("vcc:value", '"12.5"^^<http://www.w3.org/2001/XMLSchema#decimal>'),
        ("vcc:comparator", "vcs:comparator/exactly"),
        ("vcc:unit", "vcs:unit/percent"),
        ("vcc:growthBase", "vcs:growth-base/year-on-year"),
        ("vcc:periodStart", '"2018"'),
        ("vcc:periodEnd", '"2018-12-31"'),
        ("vcc:reportedIn", "src:harbor-report-2019"),
        ("vcc:accordingTo", "src:moreau-tan-2021/1.1-p1-s2"),
        ("vcc:modality", "vcs:modality/reported"),
        ("vcc:scope", "vcs:scope/case"),
    } == statements(lift_case(folder.rows, "harbor-wheels"), "case:harbor-wheels/observation/fleet-grew-12")


def test_only_the_case_itself_is_not_in_the_case(folder: Folder) -> None:
    """Every row of a case is said to be in it, except the case."""
    lifted = lift_case(folder.rows, "harbor-wheels")
    inside = {q.subject.value for q in lifted.quads if q.predicate.value == IN_CASE}
    case = expand("case:harbor-wheels")
    assert {r.iri for r in folder.rows} - {case} == inside
    assert {case} == {q.object.value for q in lifted.quads if q.predicate.value == IN_CASE}


def test_rows_of_a_source_are_in_no_case(small: Project, reader_of: Readers) -> None:
    """Literature and sources are lifted without `vcc:inCase`."""
    rows = reader_of(small).literature(small.literature()).rows
    lifted = lift(rows, "https://example.org/g")
    assert {"https://example.org/g"} == {q.graph_name.value for q in lifted.quads}
    assert IN_CASE not in {q.predicate.value for q in lifted.quads}


def test_all_classes_of_a_kind_are_stated(small: Project, specs: dict[str, Kind], words: Vocabulary) -> None:
    """A row of a kind with two classes has both as types."""
    reader = Reader(specs, words, small.relative)
    reader.literature(small.literature())
    lifted = lift(reader.source(small.sources()[0]).rows, "https://example.org/g")
    types = {q.object.value for q in lifted.quads if q.predicate.value == RDF_TYPE and q.subject.value.endswith("/citation/mark-1")}
    assert {expand("vcc:LiteratureCitation"), expand("cito:Citation")} == types


def test_places_lead_back_to_the_cell(folder: Folder) -> None:
    """From subject and property the cell is found, from the subject alone its row."""
    places = lift_case(folder.rows, "harbor-wheels").places
    subject = expand("case:harbor-wheels/actor/members")
    assert Place(f"{CASE}/actors.csv", row=3, cell="mentioned_in") == places[subject, expand("vcc:mentionedIn")]
    assert Place(f"{CASE}/actors.csv", row=3, cell="id") == places[subject, ""]


@pytest.mark.parametrize(
    ("typed_in", "spelling"),
    [
        ("12.50", "12.5"),
        ("007", "7.0"),
        ("3", "3.0"),
        ("-0.5", "-0.5"),
        ("84.3", "84.3"),
        ("100.000", "100.0"),
        ("-0", "0.0"),
    ],
)
def test_equal_decimals_have_one_spelling(small: Project, reader_of: Readers, typed_in: str, spelling: str) -> None:
    """However a number is typed, equal numbers become the same literal."""
    set_cell(small.root / CASE / "observations.csv", 2, "value", typed_in)
    rows = reader_of(small).case(small.root / CASE).rows
    assert [typed(spelling, "decimal")] == [q.object for q in lift_case(rows, "harbor-wheels").quads if q.predicate.value == expand("vcc:value")]


def test_repeated_value_is_stated_once(small: Project, reader_of: Readers) -> None:
    """A value that stands twice in a cell makes one statement."""
    set_cell(small.root / CASE / "actors.csv", 3, "mentioned_in", "1-p1-s1 | 1-p1-s1 | moreau-tan-2021/1-p1-s1")
    lifted = lift_case(reader_of(small).case(small.root / CASE).rows, "harbor-wheels")
    subject = expand("case:harbor-wheels/actor/members")
    assert 1 == sum(q.subject.value == subject and q.predicate.value == expand("vcc:mentionedIn") for q in lifted.quads)


def test_columns_without_property_state_nothing(small: Project, reader_of: Readers, specs: dict[str, Kind], words: Vocabulary) -> None:
    """The list of sentences without claim makes no statements."""
    reader = Reader(specs, words, small.relative)
    reader.literature(small.literature())
    rows = [r for r in reader.source(small.sources()[0]).rows if r.kind.name == "silent"]
    assert (1, []) == (len(rows), lift(rows, "https://example.org/g").quads)
