"""Lenses held against the rules of their own vocabularies: terms, domains and ranges, disjointness, HermiT, PROV-CONSTRAINTS, Granjo's questions."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import pyoxigraph as ox
import pytest
from owlrl import DeductiveClosure, OWLRL_Semantics
from prov.model import ProvActivity, ProvAgent, ProvAssociation, ProvDocument, ProvEntity, ProvUsage
from rdflib import Graph, URIRef

from covalue.manifest import Manifest
from covalue.names import PREFIXES, lens_graph
from covalue.reason import hermit
from covalue.stores.oxigraph import OxigraphStore

ROOT = Path(__file__).resolve().parents[1]
TERMS = ROOT / "ontology" / "mappings" / "terms"
STUBS = ROOT / "tests" / "lenses"
RDF, RDFS, OWL = PREFIXES["rdf"], PREFIXES["rdfs"], PREFIXES["owl"]
VOCABULARIES = {
    "bmo": (PREFIXES["bmo"], ["bmo.tsv", "goodrelations.tsv"]),
    "e3value": (PREFIXES["e3g"], ["e3value.tsv"]),
    "prov": (PREFIXES["prov"], ["prov.tsv"]),
    "schema": (PREFIXES["schema"], ["schema.tsv"]),
    "valueflows": (PREFIXES["vf"], ["valueflows.tsv"]),
    "sdl": (PREFIXES["sdl"], []),
}
GENERAL = {RDFS + "label", RDFS + "seeAlso", RDF + "type"}
"""Words that every vocabulary allows for."""
LENSES = sorted(VOCABULARIES)


@pytest.fixture(scope="module")
def store(real_built: tuple[Manifest, Path]) -> OxigraphStore:
    """The dataset of the checkout."""
    return OxigraphStore.open(real_built[1])


def triples(store: OxigraphStore, lens: str) -> list[ox.Triple]:
    """The statements of a lens."""
    return [q.triple for q in store.engine.quads_for_pattern(None, None, None, ox.NamedNode(lens_graph(lens)))]


def stub(lens: str) -> list[ox.Triple]:
    """What the vocabulary asks for; of our own lens, what its description says of its terms too."""
    files = [STUBS / f"{lens}.ttl", *([ROOT / "ontology" / "lenses" / "sdl.ttl"] if lens == "sdl" else [])]
    return [q.triple for file in files for q in ox.parse(file.read_bytes(), ox.RdfFormat.TURTLE)]


def values(facts: Iterable[ox.Triple], predicate: str) -> dict[str, set[str]]:
    """Objects by subject, of a predicate."""
    out: dict[str, set[str]] = {}
    for t in facts:
        if t.predicate.value == predicate and isinstance(t.object, ox.NamedNode) and isinstance(t.subject, ox.NamedNode):
            out.setdefault(t.subject.value, set()).add(t.object.value)
    return out


def types(facts: Iterable[ox.Triple], axioms: Iterable[ox.Triple]) -> dict[str, set[str]]:
    """Classes of each thing, those above included."""
    above = values(axioms, RDFS + "subClassOf")
    found = values(facts, RDF + "type")
    for kinds in found.values():
        for kind in list(kinds):
            kinds |= above.get(kind, set())
    return found


@pytest.mark.parametrize("lens", LENSES)
def test_terms_were_read_in_the_pinned_file(store: OxigraphStore, lens: str) -> None:
    """Every class and property is one that the term list of the vocabulary names, with its right kind; of our own lens, one that it describes."""
    _, files = VOCABULARIES[lens]
    rows = [row for name in files for row in csv.DictReader((TERMS / name).read_text(encoding="utf-8").splitlines(), delimiter="\t")]
    known = {row["iri"] for row in rows} or {s for s, kinds in values(stub(lens), RDF + "type").items() if kinds & {RDFS + "Class", RDF + "Property"}}
    used = {t.predicate.value for t in triples(store, lens)} | {t.object.value for t in triples(store, lens) if t.predicate.value == RDF + "type"}
    assert used - GENERAL <= known
    assert len(used - GENERAL) > 7


@pytest.mark.parametrize("lens", LENSES)
def test_domains_and_ranges_are_stated_not_guessed(store: OxigraphStore, lens: str) -> None:
    """Whatever a property asks of its two ends is said of them in the lens itself, so that no reasoner needs to add it."""
    facts, axioms = triples(store, lens), stub(lens)
    of, domains, ranges = types([*facts, *axioms], axioms), values(axioms, RDFS + "domain"), values(axioms, RDFS + "range")
    checked = 0
    for t in facts:
        for term, wanted in ((t.subject, domains), (t.object, ranges)):
            for kind in wanted.get(t.predicate.value, ()):
                assert isinstance(term, ox.NamedNode)
                assert kind in of.get(term.value, ()), f"{t}: {kind}"
                checked += 1
    assert checked > 20 or lens == "e3value"


@pytest.mark.parametrize("lens", LENSES)
def test_functional_properties_have_one_value(store: OxigraphStore, lens: str) -> None:
    """Two names are two things here, so that a second value is a fault and no discovery."""
    functional = {s for s, kinds in values(stub(lens), RDF + "type").items() if OWL + "FunctionalProperty" in kinds}
    seen: dict[tuple[str, str], str] = {}
    for t in triples(store, lens):
        if t.predicate.value in functional:
            assert seen.setdefault((str(t.subject), t.predicate.value), str(t.object)) == str(t.object)


def as_rdflib(facts: Iterable[ox.Triple]) -> Graph:
    """The same statements for rdflib."""
    return Graph(bind_namespaces="none").parse(data="".join(f"{t} .\n" for t in facts), format="nt")


@pytest.mark.parametrize("lens", ["bmo", "e3value", "schema", "sdl", "valueflows"])
def test_owl_rl_finds_no_contradiction(store: OxigraphStore, lens: str) -> None:
    """By an independent reasoner over facts and axioms; it does find one where a thing is put into two disjoint classes."""
    facts, axioms = [t for t in triples(store, lens) if isinstance(t.object, ox.NamedNode)], stub(lens)
    assert not contradictions(as_rdflib([*facts, *axioms]))


def contradictions(graph: Graph) -> list[str]:
    """What owlrl says to be wrong."""
    DeductiveClosure(OWLRL_Semantics, axiomatic_triples=False, datatype_axioms=False).expand(graph)
    messages = [str(o) for o in graph.objects(None, URIRef("http://www.daml.org/2002/03/agents/agent-ont#error"))]
    return messages + [str(o) for s, p, o in graph if "error" in str(p).lower()] + [str(s) for s in graph.subjects(URIRef(RDF + "type"), URIRef(OWL + "Nothing"))]


def test_owl_rl_would_find_a_contradiction(store: OxigraphStore) -> None:
    """The check can fail."""
    wrong = ox.Triple(ox.NamedNode(PREFIXES["case"] + "xiaomi/actor/xiaomi"), ox.NamedNode(RDF + "type"), ox.NamedNode(PREFIXES["vf"] + "Process"))
    assert contradictions(as_rdflib([*(t for t in triples(store, "valueflows") if isinstance(t.object, ox.NamedNode)), *stub("valueflows"), wrong]))


def test_hermit_finds_e3value_consistent(store: OxigraphStore, tmp_path: Path) -> None:
    """In OWL 2 DL too: the restrictions on interfaces, transmissions and activities hold; a port among the actors would break them."""
    quads = [ox.Quad(t.subject, t.predicate, t.object) for t in [*triples(store, "e3value"), *stub("e3value")] if isinstance(t.object, (ox.NamedNode, ox.BlankNode))]
    declared = {q.object for q in quads if q.predicate.value == RDF + "type" and q.object.value.startswith(PREFIXES["e3g"])}
    properties = [PREFIXES["e3g"] + name for name in ("has", "transmits", "transmitsValueInto", "transmitsValueOutOf")]
    quads += [ox.Quad(c, ox.NamedNode(RDF + "type"), ox.NamedNode(OWL + "Class")) for c in declared]
    quads += [ox.Quad(ox.NamedNode(p), ox.NamedNode(RDF + "type"), ox.NamedNode(OWL + "ObjectProperty")) for p in properties]
    assert hermit(quads, tmp_path) == []
    port = next(q.subject for q in quads if q.object.value == PREFIXES["e3g"] + "InboundValuePort" and isinstance(q.subject, ox.NamedNode))
    wrong = ox.Quad(port, ox.NamedNode(RDF + "type"), ox.NamedNode(PREFIXES["e3g"] + "e3Actor"))
    assert hermit([*quads, wrong], tmp_path)


# --- PROV


def test_prov_library_reads_every_record(store: OxigraphStore) -> None:
    """
    The reference library of PROV builds its own model of the lens, with the same agents, activities, entities and relations.

    In its model a role is a value, no thing of its own, so what the lens says of roles themselves (type, label) is kept from it.
    """
    facts = triples(store, "prov")
    roles = {s for s, kinds in values(facts, RDF + "type").items() if PREFIXES["prov"] + "Role" in kinds}
    text = "".join(f"{t} .\n" for t in facts if not (isinstance(t.subject, ox.NamedNode) and t.subject.value in roles))
    document = ProvDocument.deserialize(content=text, format="rdf", rdf_format="nt")
    of = values(facts, RDF + "type")
    named = lambda kind: {s for s, kinds in of.items() if PREFIXES["prov"] + kind in kinds}  # noqa: E731
    for record, kind in ((ProvActivity, "Activity"), (ProvEntity, "Entity"), (ProvAgent, "Agent")):
        assert named(kind) <= {r.identifier.uri for r in document.get_records(record) if r.identifier}
    assert sum(len(o) for o in values(facts, PREFIXES["prov"] + "used").values()) == len(list(document.get_records(ProvUsage)))
    assert len(list(document.get_records(ProvAssociation))) >= len(named("Association"))


def test_prov_constraints(store: OxigraphStore) -> None:
    """Of PROV-CONSTRAINTS (W3C 2013): typing (50), impossible type overlap (55), and no revision of itself by any way (49, strict order of derivation)."""
    facts = triples(store, "prov")
    of = types(facts, stub("prov"))
    prov = PREFIXES["prov"]
    assert not [s for s, kinds in of.items() if {prov + "Activity", prov + "Entity"} <= kinds]
    assert not [s for s, kinds in of.items() if prov + "Association" in kinds and kinds & {prov + "Activity", prov + "Entity", prov + "Agent"}]
    earlier = values(facts, prov + "wasRevisionOf")
    assert earlier
    for start in earlier:
        seen, front = set(), set(earlier[start])
        while front:
            seen |= front
            front = {e for f in front for e in earlier.get(f, ())} - seen
        assert start not in seen
    for activity, agents in values(facts, prov + "wasAssociatedWith").items():
        qualified = values(facts, prov + "qualifiedAssociation").get(activity, set())
        through = {a for q in qualified for a in values(facts, prov + "agent").get(q, ())}
        assert through <= agents  # inference 20 of PROV-O: a qualified association is also a plain one


# --- Granjo's consistency questions, read in QueryWarehouse.java of josegranjo/SPARQL-executor, commit 0da8a770

NEEDS_ARCHIMATE = {3, 4, 8, 9, 10, 15, 16, 17, 18}
ASKED = {1, 2, 5, 6, 7, 11, 12, 13, 14}


def test_granjo_questions_are_asked() -> None:
    """Of the eighteen published, all that compare canvas and e3value are asked anew; the others compare with a model that no lens makes."""
    text = "".join((ROOT / "queries" / "lenses" / name).read_text(encoding="utf-8") for name in ("canvas-against-e3value.rq", "canvas-pairs.rq"))
    assert NEEDS_ARCHIMATE | ASKED == set(range(1, 19))
    for number in ASKED:
        assert any(mark in text for mark in (f"({number} ", f"{{ {number} }}")), number


def test_key_activities_and_value_activities_agree(store: OxigraphStore) -> None:
    """Questions 6 and 7 have no rows for the case: whatever the canvas calls a key activity somebody performs in e3value, and the reverse."""
    performed = {m for ms in values(triples(store, "e3value"), RDFS + "seeAlso").values() for m in ms}
    key = {s for s, kinds in values(triples(store, "bmo"), RDF + "type").items() if PREFIXES["bmo"] + "KeyActivity" in kinds}
    assert performed == key != set()
