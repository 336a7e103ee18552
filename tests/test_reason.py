"""Consequences are those of OWL 2 RL: one test per rule, the whole held against owlrl, and HermiT for what is inconsistent."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyoxigraph as ox
import pytest

from covalue import names, reason
from covalue.build import load_case, load_shared
from covalue.project import Project

HEAD = "PREFIX : <x:> PREFIX owl: <http://www.w3.org/2002/07/owl#> PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>\n"
BASIC = {names.PREFIXES["owl"] + "Thing", names.PREFIXES["rdfs"] + "Resource"}


def parse(text: str) -> list[ox.Quad]:
    return list(ox.parse((HEAD + text).encode(), ox.RdfFormat.TURTLE))


def consequences(schema: str, facts: str) -> set[tuple[str, str, str]]:
    """What follows from facts, as (subject, predicate, object) without the prefixes."""
    compiled = reason.compile_schema(reason.facts(parse(schema)))
    made, _ = reason.Base(compiled, []).consequences_of(reason.facts(parse(facts)))
    return {tuple(part.removeprefix("x:").rpartition("#")[2] for part in fact) for fact in made}  # type: ignore[misc]


RULES = {
    "cax-sco": (":A rdfs:subClassOf :B . :B rdfs:subClassOf :C .", ":x a :A .", {("x", "type", "B"), ("x", "type", "C")}),
    "cax-eqc": (":A owl:equivalentClass :B .", ":x a :B .", {("x", "type", "A")}),
    "prp-dom": (":p rdfs:domain :A .", ":x :p :y .", {("x", "type", "A")}),
    "prp-rng": (":p rdfs:range :A .", ":x :p :y .", {("y", "type", "A")}),
    "prp-rng on a literal": (":p rdfs:range :A .", ":x :p 'y' .", set()),
    "prp-spo1": (":p rdfs:subPropertyOf :q . :q rdfs:subPropertyOf :r .", ":x :p :y .", {("x", "q", "y"), ("x", "r", "y")}),
    "prp-eqp": (":p owl:equivalentProperty :q .", ":x :q :y .", {("x", "p", "y")}),
    "prp-inv1": (":p owl:inverseOf :q .", ":x :p :y .", {("y", "q", "x")}),
    "prp-inv2": (":p owl:inverseOf :q .", ":x :q :y .", {("y", "p", "x")}),
    "prp-symp": (":p a owl:SymmetricProperty .", ":x :p :y .", {("y", "p", "x")}),
    "prp-trp": (":p a owl:TransitiveProperty .", ":z :p :w . :x :p :y . :y :p :z .", {("x", "p", "z"), ("y", "p", "w"), ("x", "p", "w")}),
    "prp-trp on a loop": (":p a owl:TransitiveProperty .", ":x :p :y . :y :p :x .", {("x", "p", "x"), ("y", "p", "y")}),
    "prp-spo2 of two": (":r owl:propertyChainAxiom (:p :q) .", ":x :p :y . :y :q :z .", {("x", "r", "z")}),
    "prp-spo2 of two, later first": (":r owl:propertyChainAxiom (:p :q) .", ":y :q :z . :x :p :y .", {("x", "r", "z")}),
    "prp-spo2 of three": (":r owl:propertyChainAxiom (:p :q :p) .", ":x :p :y . :y :q :z . :z :p :w .", {("x", "r", "w")}),
    "cls-int1": (":A owl:equivalentClass [ owl:intersectionOf ( :B :C ) ] .", ":x a :B , :C .", {("x", "type", "A")}),
    "cls-int1 needs all": (":A owl:equivalentClass [ owl:intersectionOf ( :B :C ) ] .", ":x a :B .", set()),
    "cls-int2": (":A owl:equivalentClass [ owl:intersectionOf ( :B :C ) ] .", ":x a :A .", {("x", "type", "B"), ("x", "type", "C")}),
    "cls-uni": (":A owl:equivalentClass [ owl:unionOf ( :B :C ) ] .", ":x a :B .", {("x", "type", "A")}),
    "cls-svf1": (":A owl:equivalentClass [ owl:onProperty :p ; owl:someValuesFrom :B ] .", ":x :p :y . :y a :B .", {("x", "type", "A")}),
    "cls-svf1, type last": (
        ":A owl:equivalentClass [ owl:onProperty :p ; owl:someValuesFrom :B ] . :q rdfs:range :B .",
        ":x :p :y . :z :q :y .",
        {("x", "type", "A"), ("y", "type", "B")},
    ),
    "cls-svf2": (":A owl:equivalentClass [ owl:onProperty :p ; owl:someValuesFrom owl:Thing ] .", ":x :p :y .", {("x", "type", "A")}),
    "cls-hv1": (":A rdfs:subClassOf [ owl:onProperty :p ; owl:hasValue :v ] .", ":x a :A .", {("x", "p", "v")}),
    "cls-hv2": (":A owl:equivalentClass [ owl:onProperty :p ; owl:hasValue :v ] .", ":x :p :v .", {("x", "type", "A")}),
    "cls-avf": (":A rdfs:subClassOf [ owl:onProperty :p ; owl:allValuesFrom :B ] .", ":x a :A ; :p :y .", {("y", "type", "B")}),
    "cls-oo": (":A owl:equivalentClass [ owl:oneOf ( :x :y ) ] .", ":x :p :z .", set()),
}


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str) -> None:
    """A schema and facts give what the rule says, and nothing else between named things."""
    schema, facts, expected = RULES[name]
    named = {f for f in consequences(schema, facts) if not any(part.startswith("_:") for part in f)}
    assert expected == named


def test_one_of_types_the_members() -> None:
    """Members of an enumeration belong to its class without being mentioned (cls-oo)."""
    schema = reason.compile_schema(reason.facts(parse(":A owl:equivalentClass [ owl:oneOf ( :x :y ) ] .")))
    assert {("x:x", names.RDF_TYPE, "x:A"), ("x:y", names.RDF_TYPE, "x:A")} <= reason.Base(schema, []).consequences


CLASHES = {
    "disjoint classes": (":A owl:disjointWith :B .", ":x a :A , :B .", "disjoint"),
    "all-disjoint classes": ("[] a owl:AllDisjointClasses ; owl:members ( :A :B :C ) .", ":x a :A , :C .", "disjoint"),
    "disjoint by a range": (":A owl:disjointWith :B . :p rdfs:range :B .", ":y :p :x . :x a :A .", "disjoint"),
    "functional": (":p a owl:FunctionalProperty .", ":x :p :y , :z .", "several values"),
    "inverse functional": (":p a owl:InverseFunctionalProperty .", ":x :p :z . :y :p :z .", "several things"),
}


@pytest.mark.parametrize("name", CLASHES)
def test_clash(name: str) -> None:
    """A contradiction is a finding that says what clashes; the same facts without the axiom have none."""
    schema, facts, words = CLASHES[name]
    for axioms, expected in ((schema, True), ("", False)):
        base = reason.Base(reason.compile_schema(reason.facts(parse(axioms))), [])
        found = base.consequences_of(reason.facts(parse(facts)))[1]
        assert expected == any(words in f.en for f in found)


def test_base_is_untouched_by_cases() -> None:
    """The consequences of one case do not depend on the cases before it."""
    base = reason.Base(reason.compile_schema(reason.facts(parse(":p a owl:TransitiveProperty ."))), reason.facts(parse(":a :p :b .")))
    first = base.consequences_of(reason.facts(parse(":b :p :c .")))
    base.consequences_of(reason.facts(parse(":b :p :d . :d :p :e .")))
    assert first == base.consequences_of(reason.facts(parse(":b :p :c .")))


def test_same_as_owlrl(repo: Project) -> None:
    """On the ontology with the Xiaomi case our consequences are owlrl's, but for what is trivial or anonymous."""
    shared = load_shared(repo)
    lifted = load_case(shared, repo.cases()[0])
    facts = [*shared.quads(), *lifted.quads]
    schema = reason.compile_schema(reason.facts(shared.ontology()))
    base = reason.Base(schema, reason.facts(shared.quads()))
    ours = {*base.consequences, *base.consequences_of(reason.facts(lifted.quads))[0], *reason.schema_consequences(schema)} | set(reason.facts(facts))
    theirs = _owlrl(facts)
    assert set() == {f for f in theirs - ours if _counts(f)}
    assert set() == {f for f in ours - theirs if _counts(f)}


def _owlrl(quads: list[ox.Quad]) -> set[tuple[str, str, str]]:
    import owlrl
    from rdflib import Graph

    graph = Graph(bind_namespaces="none").parse(data="".join(sorted({f"{q.subject} {q.predicate} {q.object} .\n" for q in quads})), format="nt")
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics, rdfs_closure=False, axiomatic_triples=False, datatype_axioms=False).expand(graph)
    lines = "".join(line + "\n" for line in graph.serialize(format="nt").splitlines() if not line.startswith('"'))
    return set(reason.facts(ox.parse(lines.encode(), ox.RdfFormat.N_TRIPLES)))


def _counts(fact: tuple[str, str, str]) -> bool:
    """
    Leaves out what says nothing: members of Thing, a thing the same as itself, a term below itself, and all that is anonymous.

    The schema's own consequences beyond the two hierarchies (a domain that holds for a superclass too, say) are left out as
    well: they repeat for every term what the facts already show.
    """
    s, p, o = fact
    owl, rdfs = names.PREFIXES["owl"], names.PREFIXES["rdfs"]
    anonymous = s.startswith(("_:", '"')) or o.startswith("_:")
    trivial = o in BASIC or o == owl + "Nothing" or s in BASIC or (s == o and p in {owl + "sameAs", rdfs + "subClassOf", rdfs + "subPropertyOf"})
    schema = p in {owl + n for n in ("equivalentClass", "equivalentProperty", "disjointWith", "sameAs")} | {rdfs + "domain", rdfs + "range"}
    builtin = s.startswith((owl, rdfs, names.PREFIXES["rdf"], names.PREFIXES["xsd"])) or (o.startswith((owl, rdfs, names.PREFIXES["xsd"])) and p == names.RDF_TYPE)
    return not (anonymous or trivial or schema or builtin)


def hermit(repo: Project, extra: str) -> list[str]:
    vcc = f"PREFIX vcc: <{names.PREFIXES['vcc']}>\n"
    with tempfile.TemporaryDirectory() as folder:
        return [f.en for f in reason.hermit([*load_shared(repo).ontology(), *parse(vcc + extra)], Path(folder))]


def test_hermit_finds_the_ontology_consistent(repo: Project) -> None:
    """The ontology alone is consistent and each of its classes can have members."""
    assert [] == hermit(repo, "")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (":a a vcc:Firm , vcc:Platform .", "inconsistent"),
        (":a a vcc:Contribution ; vcc:contributor :b . :b a vcc:Passage .", "inconsistent"),
        ("vcc:Bad a owl:Class ; rdfs:subClassOf vcc:Firm , vcc:Platform .", "vcc:Bad can have no member"),
    ],
)
def test_hermit_finds_faults(repo: Project, fault: str, words: str) -> None:
    """A contradiction, direct or through a range, and an unsatisfiable class are each found."""
    assert any(words in found for found in hermit(repo, fault))
