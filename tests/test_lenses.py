"""Lenses: every statement leads to claims and places, nothing comes in that is no fact of a case, and gaps stay open."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import textwrap
from pathlib import Path

import pyoxigraph as ox
import pytest
from click.testing import CliRunner

from covalue import artefact, lens_reading
from covalue.build import build
from covalue.cli import main
from covalue.errors import FindingsError, SourceError
from covalue.formats import choose
from covalue.lenses import load_rules, statement_iri
from covalue.manifest import Manifest, read_manifest
from covalue.names import BASE, PREFIXES, gaps_graph, lens_graph, trace_graph
from covalue.project import Project
from covalue.questions import Answers, Library
from covalue.stores import Request
from covalue.stores.oxigraph import OxigraphStore
from edits import add_row, set_cell

ROOT = Path(__file__).resolve().parents[1]
LENSES = ("bmo", "e3value", "prov", "schema", "sdl", "valueflows")
HARBOR = "graph/cases/harbor-wheels"
P = "".join(f"PREFIX {prefix}: <{PREFIXES[prefix]}> " for prefix in ("bmo", "case", "e3g", "prov", "rdf", "rdfs", "sh", "vcc", "vcs"))
RULE = """#+ title: {{en: x, zh: 甲}}
PREFIX case: <https://w3id.org/covalue/case/>
PREFIX vcc: <https://w3id.org/covalue/ontology#>
{body}
"""


@pytest.fixture(scope="module")
def store(real_built: tuple[Manifest, Path]) -> OxigraphStore:
    """The dataset of the checkout."""
    return OxigraphStore.open(real_built[1])


@pytest.fixture
def lensed(small: Project) -> Project:
    """The small project with all lenses."""
    shutil.copytree(ROOT / "queries" / "lenses", small.root / "queries" / "lenses")
    return small


def opened(project: Project, out: Path) -> OxigraphStore:
    """The store of a project, built."""
    build(project, out)
    return OxigraphStore.open(out)


def rows(store: OxigraphStore, sparql: str) -> list[tuple[str, ...]]:
    """The rows of a SELECT, as texts."""
    solutions = store.engine.query(P + sparql)
    assert isinstance(solutions, ox.QuerySolutions)
    return [tuple("" if term is None else str(getattr(term, "value", term)) for term in solution) for solution in solutions]


def quads(store: OxigraphStore, graph: str) -> list[ox.Quad]:
    """The statements of a named graph."""
    return list(store.engine.quads_for_pattern(None, None, None, ox.NamedNode(graph)))


# --- the trace


def test_lenses_are_these(store: OxigraphStore) -> None:
    """Each has rules, a description in both languages, and shows something of the case."""
    assert tuple(lens_reading.lenses(store)) == LENSES
    for lens in lens_reading.lenses(store).values():
        assert {"en", "zh"} == set(lens.titles) == set(lens.descriptions)
        assert lens.sources
        assert lens.vocabularies
        assert quads(store, lens.graph)


@pytest.mark.parametrize("lens", LENSES)
def test_every_statement_leads_to_claims_and_places(store: OxigraphStore, lens: str) -> None:
    """Each has one trace; each trace has claims that the source reports or we derived about the case; each claim stands at a passage that exists."""
    parts = {part: ox.NamedNode(PREFIXES["rdf"] + part) for part in ("subject", "predicate", "object")}
    traced: dict[str, dict[ox.NamedNode, object]] = {}
    claims: dict[str, set[str]] = {}
    for q in quads(store, trace_graph(lens)):
        if q.predicate in parts.values():
            traced.setdefault(str(q.subject), {})[q.predicate] = q.object
        elif q.predicate.value == PREFIXES["prov"] + "wasDerivedFrom":
            claims.setdefault(str(q.subject), set()).add(q.object.value)
    shown = {q.triple for q in quads(store, lens_graph(lens))}
    assert shown == {ox.Triple(t[parts["subject"]], t[parts["predicate"]], t[parts["object"]]) for t in traced.values()}  # type: ignore[arg-type]
    assert {f"<{statement_iri(lens, (str(t.subject), str(t.predicate), str(t.object)))}>" for t in shown} == set(traced) == set(claims)
    used = {claim for found in claims.values() for claim in found}
    sound = f"""SELECT DISTINCT ?claim {{
        ?claim vcc:inCase case:xiaomi ; vcc:scope <{PREFIXES["vcs"]}scope/case> ; vcc:modality ?manner ; vcc:accordingTo ?passage .
        FILTER (?manner IN (<{PREFIXES["vcs"]}modality/reported>, <{PREFIXES["vcs"]}modality/derived>))
        ?passage a vcc:Passage .
    }}"""
    assert used <= {iri for (iri,) in rows(store, sound)}


@pytest.mark.parametrize("lens", LENSES)
def test_the_trace_shows_manner_and_place(store: OxigraphStore, lens: str) -> None:
    """It can be asked alone: each claim in it has the modality, case and passages that it has in the case."""
    for predicate in ("modality", "inCase", "accordingTo"):
        here = rows(store, f"SELECT ?c ?o {{ GRAPH <{trace_graph(lens)}> {{ ?c vcc:{predicate} ?o }} }} ORDER BY ?c ?o")
        there = rows(store, f"SELECT DISTINCT ?c ?o {{ GRAPH <{trace_graph(lens)}> {{ ?s prov:wasDerivedFrom ?c }} ?c vcc:{predicate} ?o }} ORDER BY ?c ?o")
        assert here == there != []


@pytest.mark.parametrize("lens", LENSES)
def test_nothing_is_anonymous_and_new_things_lie_under_the_lens(store: OxigraphStore, lens: str) -> None:
    """Subjects are things of the case, its passages, our concepts, or minted under the lens's own address."""
    for graph in (lens_graph(lens), trace_graph(lens), gaps_graph(lens)):
        for q in quads(store, graph):
            assert isinstance(q.subject, ox.NamedNode)
            assert not isinstance(q.object, ox.BlankNode)
            assert q.subject.value.startswith((f"{BASE}lens/{lens}/", PREFIXES["case"], PREFIXES["src"], PREFIXES["vcs"]))


@pytest.mark.parametrize("lens", LENSES)
def test_rules_run_as_they_stand(store: OxigraphStore, repo: Project, lens: str) -> None:
    """Any engine that runs the CONSTRUCT files gets the graph that we publish."""
    made: set[ox.Triple] = set()
    for path in (p for p in repo.lens_files() if p.parent.name == lens):
        built = store.engine.query(path.read_text(encoding="utf-8"), base_iri=BASE)
        assert isinstance(built, ox.QueryTriples)
        made |= set(built)
    assert made == {q.triple for q in quads(store, lens_graph(lens))}


def test_every_rule_sees_something(store: OxigraphStore, repo: Project) -> None:
    """A rule that finds nothing is most likely wrong; the one on institutions finds none because the source states none."""
    silent = {rule.path.name for rule in load_rules(repo) if not next(iter(store.engine.query(rule.select, base_iri=BASE)), None)}
    assert silent == {"institutions.rq"}


def test_lenses_stand_outside_of_the_default_graph(store: OxigraphStore, real_built: tuple[Manifest, Path]) -> None:
    """A question that names no lens sees none of it; one that does sees Xiaomi in its words."""
    assert {False} == {g.default for g in real_built[0].graphs if g.iri.startswith(PREFIXES["graph"] + "lens/")}
    ask = "ASK {} {{ case:xiaomi\\/actor\\/users a bmo:CustomerSegment }}"
    assert not store.engine.query(P + ask.format(""))
    assert store.engine.query(P + ask.format(f"FROM <{lens_graph('bmo')}>"))


def test_each_rule_is_explained_in_both_languages(repo: Project) -> None:
    """What it takes in and what it leaves out."""
    from covalue.queries import load

    for path in repo.lens_files():
        header = load(path).header
        assert {"en", "zh"} == set(header["title"]) == set(header["explanation"]), path


# --- what comes in


def customers(store: OxigraphStore) -> set[str]:
    return {iri.rpartition("/")[2] for (iri,) in rows(store, f"SELECT ?x FROM <{lens_graph('bmo')}> {{ ?x a bmo:CustomerSegment }}")}


@pytest.mark.parametrize(("modality", "scope", "seen"), [("reported", "case", True), ("derived", "case", True), ("cited", "case", False), ("reported", "general", False)])
def test_only_facts_of_the_case_come_in(lensed: Project, tmp_path: Path, modality: str, scope: str, seen: bool) -> None:
    """What is cited and what is general shows in no lens, neither as statement nor in a trace; an exchange that is advised is refused before."""
    exchanges = lensed.root / HARBOR / "exchanges.csv"
    set_cell(exchanges, 2, "modality", modality)
    set_cell(exchanges, 2, "scope", scope)
    set_cell(exchanges, 2, "note_en", "ours.")
    set_cell(exchanges, 2, "note_zh", "整理者所加。")
    set_cell(exchanges, 2, "stated_by", "harbor-report-2019" if modality == "cited" else "")
    store = opened(lensed, tmp_path / "out")
    claim = PREFIXES["case"] + "harbor-wheels/exchange/pass-to-riders"
    assert ("riders" in customers(store)) is seen
    assert bool(rows(store, f"SELECT ?g {{ GRAPH ?g {{ ?s prov:wasDerivedFrom <{claim}> }} }}")) is seen


def test_a_case_without_facts_has_an_empty_canvas(lensed: Project, tmp_path: Path) -> None:
    """All nine blocks are listed for each case; those without facts once, without an item."""
    store = opened(lensed, tmp_path / "out")
    table = Answers(store, Library.load(Project(ROOT))).answer("lenses/canvas-blocks", {"case": ["night-clinic"]})
    assert [cell.value for row in table.rows for name, cell in zip(table.columns, row, strict=True) if name == "position"] == [str(n) for n in range(1, 10)]
    assert {""} == {row[table.columns.index("item")].value for row in table.rows}
    both = Answers(store, Library.load(Project(ROOT))).answer("lenses/canvas-blocks", {})
    assert {"harbor-wheels", "night-clinic"} == {row[0].value.rpartition("/")[2] for row in both.rows}


def test_lens_keeps_to_a_case(lensed: Project, tmp_path: Path) -> None:
    """Statements of one case and no others; both together are the whole."""
    store = opened(lensed, tmp_path / "out")
    plain = lambda shape: choose(shape, None, ["nt"])  # noqa: E731
    parts = [
        {q.triple for q in ox.parse(store.answer(Request(lens_reading.statements("sdl", "", PREFIXES["case"] + case)), plain).body, ox.RdfFormat.N_TRIPLES)}
        for case in ("harbor-wheels", "night-clinic")
    ]
    assert all(parts)
    assert parts[0] | parts[1] == {q.triple for q in quads(store, lens_graph("sdl"))}
    assert not any("night-clinic" in str(t) for t in parts[0])


# --- gaps


def one_sided(store: OxigraphStore) -> set[str]:
    return {gap.focus.iri.rpartition("/interface/")[2] for kind in lens_reading.missing(store, "e3value") for gap in kind.shown}


def test_a_return_that_nobody_states_stays_absent(lensed: Project, tmp_path: Path) -> None:
    """Reciprocity is reported at both ends until the source states what comes back."""
    before = opened(lensed, tmp_path / "out")
    assert one_sided(before) == {"harbor-wheels/riders", "riders/harbor-wheels"}
    back = {"label_en": "Riders give trip reports", "label_zh": "骑行者给出行程报告", "provider": "riders", "receiver": "harbor-wheels", "value_object": "trip-reports"}
    add_row(lensed.root / HARBOR / "exchanges.csv", {"id": "reports-back", **back, "evidence": "1-p1-s2", "modality": "reported", "scope": "case"})
    assert one_sided(opened(lensed, tmp_path / "out")) == set()


def test_gaps_lead_to_their_things_and_claims(store: OxigraphStore) -> None:
    """Every gap of the case has a shape with a message in both languages, a focus in the lens, its case, and claims."""
    for lens in LENSES:
        focuses = {str(q.subject) for q in quads(store, lens_graph(lens))}
        for kind in lens_reading.missing(store, lens, most=None):
            assert {"en", "zh"} == set(kind.messages)
            assert kind.number == len(kind.shown)
            for gap in kind.shown:
                assert f"<{gap.focus.iri}>" in focuses
                assert gap.claims


def test_one_sided_interfaces_are_the_exchanges_without_return(store: OxigraphStore) -> None:
    """What the shape finds is what one finds by looking at the claims themselves."""
    lonely = rows(
        store,
        f"""SELECT DISTINCT ?a ?b {{
            ?x vcc:provider ?a ; vcc:receiver ?b ; vcc:scope <{PREFIXES["vcs"]}scope/case> ; vcc:modality ?m .
            FILTER (?m IN (<{PREFIXES["vcs"]}modality/reported>, <{PREFIXES["vcs"]}modality/derived>))
            FILTER NOT EXISTS {{
                ?y vcc:provider ?b ; vcc:receiver ?a ; vcc:scope <{PREFIXES["vcs"]}scope/case> ; vcc:modality ?n .
                FILTER (?n IN (<{PREFIXES["vcs"]}modality/reported>, <{PREFIXES["vcs"]}modality/derived>))
            }}
        }}""",
    )
    short = [tuple(iri.rpartition("/actor/")[2] for iri in row) for row in lonely]
    assert one_sided(store) == {f"{a}/{b}" for a, b in short} | {f"{b}/{a}" for a, b in short} != set()


# --- rules that are wrong


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("SELECT ?claim WHERE { ?claim a vcc:Claim }", "is no CONSTRUCT"),
        ("CONSTRUCT { ?x a vcc:Actor } WHERE { ?x vcc:inCase ?case }", "binds no ?claim"),
        ("CONSTRUCT { ?claim vcc:about [ a vcc:Actor ] } WHERE { ?claim vcc:about ?x }", "makes blank nodes"),
        ("CONSTRUCT { ?claim vcc:about } WHERE { ?claim vcc:about ?x }", "template that cannot be read"),
    ],
)
def test_faulty_rule_is_named(small: Project, body: str, said: str) -> None:
    """With its file, and what to do."""
    path = small.root / "queries" / "lenses" / "own" / "rule.rq"
    path.parent.mkdir(parents=True)
    path.write_text(RULE.format(body=body), encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        load_rules(small)
    assert said in str(caught.value)
    assert "rule.rq" in str(caught.value)


def test_rule_that_takes_in_advice_is_refused(small: Project, tmp_path: Path) -> None:
    """A rule that forgets to ask for the modality is a finding of the build, and nothing is published."""
    path = small.root / "queries" / "lenses" / "own" / "rule.rq"
    path.parent.mkdir(parents=True)
    path.write_text(RULE.format(body="CONSTRUCT { ?a a vcc:Actor } WHERE { ?claim vcc:contributor ?a }"), encoding="utf-8")
    build(small, tmp_path / "out")
    set_cell(small.root / HARBOR / "contributions.csv", 2, "scope", "general")
    with pytest.raises(FindingsError) as caught:
        build(small, tmp_path / "out")
    text = caught.value.report.as_text()
    assert "own/rule.rq" in text
    assert "members-trip-reports" in text


def test_a_lens_is_only_files(small: Project, tmp_path: Path) -> None:
    """A folder with a rule and a description make a lens: graph, trace, page and export follow."""
    rule = small.root / "queries" / "lenses" / "own" / "rule.rq"
    rule.parent.mkdir(parents=True)
    made = 'BIND (IRI(CONCAT("https://w3id.org/covalue/lens/own/", STRAFTER(STR(?claim), STR(case:)))) AS ?t)'
    body = f"CONSTRUCT {{ ?t <https://example.org/by> ?a }} WHERE {{ ?claim vcc:contributor ?a . {made} }}"
    rule.write_text(RULE.format(body=body), encoding="utf-8")
    (small.root / "ontology" / "lenses" / "own.ttl").write_text(
        f'<{BASE}lens/own> a <http://rdfs.org/ns/void#Dataset> ; <http://purl.org/dc/terms/title> "own"@en , "自有"@zh .\n', encoding="utf-8"
    )
    store = opened(small, tmp_path / "out")
    assert list(lens_reading.lenses(store)) == ["own"]
    assert len(quads(store, lens_graph("own"))) == 2


# --- the documents


def examples(lang: str) -> list[str]:
    """The SPARQL examples of the document in a language."""
    text = (ROOT / "docs" / f"lenses{'' if lang == 'en' else '.zh'}.md").read_text(encoding="utf-8")
    return [textwrap.dedent(block) for block in re.findall(r"^ *```sparql\n(.*?)^ *```", text, re.M | re.S)]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_examples_of_the_document(store: OxigraphStore, small: Project, tmp_path: Path, lang: str) -> None:
    """The queries give rows, and the rule makes a lens."""
    *queries, rule = examples(lang)
    assert len(queries) == 2
    for query in queries:
        assert len(list(store.engine.query(query))) >= 8
    path = small.root / "queries" / "lenses" / "foaf" / "agents.rq"
    path.parent.mkdir(parents=True)
    path.write_text(rule, encoding="utf-8")
    assert len(quads(opened(small, tmp_path / "out"), lens_graph("foaf"))) == 2


# --- the build


def test_equal_facts_give_equal_lenses(lensed: Project, copy_small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """Whatever the order of rows; and a case that was not touched is taken from the last build, unless it was damaged."""
    again = copy_small("again")
    shutil.copytree(ROOT / "queries" / "lenses", again.root / "queries" / "lenses")
    for table in ("actors.csv", "resources.csv"):
        lines = (again.root / HARBOR / table).read_text(encoding="utf-8").splitlines(keepends=True)
        (again.root / HARBOR / table).write_text("".join([lines[0], *reversed(lines[1:])]), encoding="utf-8", newline="\n")
    first, second = build(lensed, tmp_path / "one"), build(again, tmp_path / "two")
    assert first.digest == second.digest
    for damaged in (tmp_path / "one" / "cache").glob("*.part.nq"):
        damaged.write_bytes(damaged.read_bytes()[:-40])
    set_cell(lensed.root / HARBOR / "actors.csv", 2, "label_en", "Harbour Wheels")
    renamed = build(lensed, tmp_path / "one")
    monkeypatch.setattr(artefact, "WORTH_SPLICING", 0)  # graphs this small would be put together anew
    set_cell(lensed.root / HARBOR / "actors.csv", 2, "label_en", "Harbor Wheels")
    assert build(lensed, tmp_path / "one").digest == first.digest != renamed.digest


def test_each_graph_is_whole_and_sorted(real_built: tuple[Manifest, Path]) -> None:
    """The artefact holds each statement once, each graph in one piece, with the digest that the manifest names."""
    manifest = read_manifest(real_built[1])
    assert manifest is not None
    lines = (real_built[1] / manifest.data).read_bytes().splitlines(keepends=True)
    at = 0
    for graph in manifest.graphs:
        own = lines[at : at + graph.triples]
        at += graph.triples
        assert own == sorted(set(own))
        assert hashlib.sha256(b"".join(own)).hexdigest() == graph.digest
        assert all(line.endswith(f"<{graph.iri}> .\n".encode()) for line in own)
    assert at == len(lines)


# --- the command line


@pytest.fixture
def built(real_built: tuple[Manifest, Path]) -> list[str]:
    """Options that name the dataset of the checkout."""
    return ["--project", str(ROOT), "--out", str(real_built[1])]


@pytest.mark.parametrize("form", ["turtle", "trig", "nquads", "jsonld", "rdfxml"])
def test_export_of_a_lens(store: OxigraphStore, built: list[str], form: str) -> None:
    """The statements of the lens in each format, and no others; formats for datasets name its graph."""
    result = CliRunner().invoke(main, ["export", "--lens", "bmo", "--format", form, *built], catch_exceptions=False)
    assert result.exit_code == 0
    kind = {"turtle": ox.RdfFormat.TURTLE, "trig": ox.RdfFormat.TRIG, "nquads": ox.RdfFormat.N_QUADS, "jsonld": ox.RdfFormat.JSON_LD, "rdfxml": ox.RdfFormat.RDF_XML}[form]
    found = list(ox.parse(result.stdout_bytes, kind))
    assert {q.triple for q in found} == {q.triple for q in quads(store, lens_graph("bmo"))}
    if kind.supports_datasets:
        assert {lens_graph("bmo")} == {q.graph_name.value for q in found}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--lens", "bmw"), 'the nearest is "bmo"'),
        (("--lens", "bmo", "--case", "xiaomo"), 'the nearest is "xiaomi"'),
        (("--lens", "bmo", "--asserted"), "with --case and --format only"),
    ],
)
def test_export_of_what_is_not_there(built: list[str], arguments: tuple[str, ...], said: str) -> None:
    """One sentence, with the nearest name."""
    result = CliRunner().invoke(main, ["export", *arguments, *built], catch_exceptions=False)
    assert (2, b"") == (result.exit_code, result.stdout_bytes)
    assert said in result.stderr


def test_gaps_on_the_command_line(built: list[str]) -> None:
    """As text in both languages, and as JSON with the claims."""
    for lang, said in (("en", "economic reciprocity"), ("zh", "经济互惠")):
        result = CliRunner().invoke(main, ["gaps", "e3value", "--lang", lang, *built], catch_exceptions=False)
        assert result.exit_code == 0
        assert said in result.stdout
    result = CliRunner().invoke(main, ["gaps", "--json", "--case", "xiaomi", *built], catch_exceptions=False)
    found = json.loads(result.stdout)
    assert {"e3value", "prov", "schema", "sdl", "valueflows"} == {kind["lens"] for kind in found}
    assert all(gap["claims"] for kind in found for gap in kind["gaps"])
