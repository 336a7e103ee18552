"""Mappings in the dataset: every row has its record, links stand once and where they belong, linksets count them, and all of it is served."""

from __future__ import annotations

import csv
from collections import Counter
from functools import cache
from pathlib import Path

import pyoxigraph as ox
import pytest

from covalue.description import rows
from covalue.manifest import Manifest
from covalue.names import GRAPH_ONTOLOGY, PREFIXES, alignment_graph, case_graph, expand, mapping_graph
from covalue.project import Project
from covalue.stores.oxigraph import OxigraphStore
from served import Served

FOLDER = Path(__file__).resolve().parents[1] / "ontology/mappings"
VOCABULARIES = sorted(p.name.removesuffix(".sssom.tsv") for p in FOLDER.glob("*.sssom.tsv"))
WANTED = {"bmo", "cover", "e3value", "e3value-vu", "fibo", "gist", "goodrelations", "gufo", "org", "prov", "schema", "spar", "usdl", "valueflows", "wikidata"}
HEAD = "".join(f"PREFIX {p}: <{PREFIXES[p]}>\n" for p in ("owl", "rdfs", "skos", "sssom", "void", "vcc", "vcs", "map", "dcterms"))


@cache
def table(vocabulary: str) -> list[dict[str, str]]:
    """The rows of a table as Python's own csv module reads them."""
    lines = [line for line in (FOLDER / f"{vocabulary}.sssom.tsv").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def store(real_built: tuple[Manifest, Path]) -> OxigraphStore:
    """The checkout's dataset."""
    return OxigraphStore.open(real_built[1])


@pytest.fixture(scope="module")
def served(store: OxigraphStore) -> Served:
    """It, served."""
    return Served(store)


def ask(store: OxigraphStore, query: str) -> list[tuple[str, ...]]:
    """The solutions as texts."""
    return [tuple("" if t is None else t.value for t in row) for row in rows(store, HEAD + query)]


def test_all_vocabularies_have_a_set() -> None:
    """One table for each vocabulary that users asked for."""
    assert set(VOCABULARIES) >= WANTED


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_every_row_has_its_record(store: OxigraphStore, vocabulary: str) -> None:
    """Subject, predicate, object, justification, confidence and both comments of each row are one resource with an IRI and names in both languages."""
    found = ask(
        store,
        f"""SELECT ?s ?p ?o ?j ?c ?en ?zh WHERE {{ GRAPH <{mapping_graph(vocabulary)}> {{
            map:{vocabulary} sssom:mappings ?m . ?m a sssom:Mapping ; owl:annotatedSource ?s ; owl:annotatedProperty ?p ; owl:annotatedTarget ?o ;
              sssom:mapping_justification ?j ; sssom:confidence ?c ; rdfs:comment ?en , ?zh ; rdfs:label ?len , ?lzh .
            FILTER (isIRI(?m) && lang(?en) = "en" && lang(?zh) = "zh" && lang(?len) = "en" && lang(?lzh) = "zh") }} }}""",
    )
    columns = ("subject_id", "predicate_id", "object_id", "mapping_justification", "confidence", "comment", "comment_zh")
    wanted = [(*(expand(r[c]) for c in columns[:4]), *(r[c] for c in columns[4:])) for r in table(vocabulary)]
    assert sorted(wanted) == sorted(found)


def test_links_stand_once_and_where_they_belong(store: OxigraphStore) -> None:
    """SKOS links are stated in the graph of their set, axioms in that of the alignment, identities in the case; none is reasoned into the rest."""
    graphs = {
        tuple(r[:3]): r[3]
        for r in ask(store, "SELECT ?s ?p ?o ?g WHERE { VALUES ?p { skos:exactMatch skos:closeMatch skos:broadMatch skos:narrowMatch skos:relatedMatch } GRAPH ?g { ?s ?p ?o } }")
    }
    for vocabulary in VOCABULARIES:
        for row in table(vocabulary):
            if row["object_id"] == "sssom:NoTermFound":
                continue
            link = (expand(row["subject_id"]), expand(row["predicate_id"]), expand(row["object_id"]))
            if row["predicate_id"].startswith("rdfs:"):
                found = ask(store, f"SELECT ?g WHERE {{ GRAPH ?g {{ <{link[0]}> <{link[1]}> <{link[2]}> }} }}")
                assert [alignment_graph("fabio" if vocabulary == "spar" else vocabulary)] == [g for (g,) in found]
            else:
                assert graphs.pop(link) == (case_graph("xiaomi") if vocabulary == "wikidata" else mapping_graph(vocabulary))
    assert {} == graphs, "links that no table gives reasons for"


def test_absent_counterparts_link_to_nothing(store: OxigraphStore) -> None:
    """A row without counterpart is a record only, and can be asked for."""
    found = ask(store, "SELECT ?s WHERE { ?m owl:annotatedTarget sssom:NoTermFound ; owl:annotatedSource ?s . map:bmo sssom:mappings ?m } ORDER BY ?s")
    assert {(expand(r["subject_id"]),) for r in table("bmo") if r["object_id"] == "sssom:NoTermFound"} == set(found)
    assert (expand("vcc:OperantResource"),) in found
    assert [] == ask(store, "SELECT ?s WHERE { ?s ?p sssom:NoTermFound FILTER (?p != owl:annotatedTarget) }")


def test_core_is_left_as_it_is(store: OxigraphStore) -> None:
    """The graphs of the ontology and of inferences hold nothing of mappings, and the new graphs hold no blank node."""
    foreign = "STRSTARTS(STR(?p), STR(sssom:)) || CONTAINS(STR(?p), 'core#exactMatch') || CONTAINS(STR(?p), 'Match')"
    assert [] == ask(store, f"SELECT ?s ?p ?o WHERE {{ GRAPH ?g {{ ?s ?p ?o }} FILTER (?g = <{GRAPH_ONTOLOGY}> || CONTAINS(STR(?g), '/inferred/')) FILTER ({foreign}) }} LIMIT 5")
    assert [] == ask(
        store, "SELECT ?g ?s ?o WHERE { GRAPH ?g { ?s ?p ?o } FILTER (CONTAINS(STR(?g), '/mapping/') || CONTAINS(STR(?g), '/alignment/')) FILTER (isBlank(?s) || isBlank(?o)) }"
    )


def test_no_statement_stands_in_two_graphs_of_the_default(real_built: tuple[Manifest, Path]) -> None:
    """In the real dataset, with mappings and alignments, a count over the default graph counts each statement once."""
    manifest, out = real_built
    default = {g.iri for g in manifest.graphs if g.default}
    statements = Counter(
        (str(q.subject), q.predicate.value, str(q.object)) for q in ox.parse((out / manifest.data).read_bytes(), ox.RdfFormat.N_QUADS) if q.graph_name.value in default
    )
    assert [] == [s for s, n in statements.items() if n > 1]


def test_linksets_count_the_links(store: OxigraphStore, served: Served) -> None:
    """The description of the dataset has a linkset for each set, with targets, numbers and a part for each predicate, as the tables give them."""
    void = ox.Store()
    void.extend(ox.Quad(t.subject, t.predicate, t.object) for t in served.ask("/.well-known/void").triples())
    found = void.query(
        HEAD
        + """SELECT ?set ?n ?p ?m ?target WHERE { ?dataset a void:Dataset ; void:subset ?set . ?set a void:Linkset ; void:subjectsTarget ?dataset ; void:objectsTarget ?target ;
            void:triples ?n ; rdfs:label ?label FILTER (lang(?label) = "zh") OPTIONAL { ?set void:subset ?part . ?part void:linkPredicate ?p ; void:triples ?m } }"""
    )
    assert isinstance(found, ox.QuerySolutions)
    told = {(s["set"].value, s["p"].value): (int(s["n"].value), int(s["m"].value)) for s in found}
    wanted = {}
    for vocabulary in VOCABULARIES:
        counts = Counter(expand(r["predicate_id"]) for r in table(vocabulary) if r["object_id"] != "sssom:NoTermFound")
        wanted |= {(PREFIXES["map"] + vocabulary, p): (counts.total(), n) for p, n in counts.items()}
    assert wanted == told


def test_sets_and_records_are_served(served: Served) -> None:
    """A mapping has an address: in the dataset's own words, and as a page."""
    reply = served.ask("/mapping/bmo/Channel--bmo.Channel.ttl")
    assert 200 == reply.status
    statements = {(t.predicate.value, getattr(t.object, "value", "")) for t in reply.triples()}
    assert (PREFIXES["sssom"] + "confidence", "0.85") in statements
    assert (PREFIXES["owl"] + "annotatedTarget", PREFIXES["bmo"] + "Channel") in statements
    page = served.ask("/mapping/bmo.html", Accept="text/html")
    assert 200 == page.status
    assert "Business Model Ontology" in page.text


@pytest.mark.parametrize("name", VOCABULARIES)
def test_confidence_agrees_with_the_scale(repo: Project, name: str) -> None:
    """The scale of docs/ontologists.md: an exact match is nearly sure, an axiom at least 0.7, a false friend says so and is below 0.65."""
    for row in table(name):
        confidence = float(row["confidence"])
        assert 0 < confidence < 1
        if row["predicate_id"] == "skos:exactMatch":
            assert confidence >= 0.95
        if row["predicate_id"].startswith("rdfs:"):
            assert confidence >= 0.7
        if row["comment"].startswith("False friend"):
            assert row["predicate_id"] == "skos:relatedMatch"
            assert confidence < 0.65
            assert row["comment_zh"].startswith("假朋友")
