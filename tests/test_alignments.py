"""
Alignments: consistent with core and case under HermiT and OWL 2 RL, with what the foreign vocabularies say of their terms.

`tests/foreign/` holds those axioms as bare statements; `test_foreign_files.py` holds them against the true files.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyoxigraph as ox
import pytest

from covalue import build as build_module
from covalue import reason
from covalue.build import Shared, load_case, load_shared
from covalue.mappings import Mapped
from covalue.names import PREFIXES, RDF_TYPE, alignment_graph
from covalue.project import Project
from covalue.turtle import read

FOREIGN = Path(__file__).resolve().parent / "foreign"
ALIGNED = ("fabio", "gufo", "org", "prov", "skos")
HEAD = "".join(f"PREFIX {p}: <{PREFIXES[p]}>\n" for p in ("fabio", "gufo", "org", "owl", "prov", "rdfs", "skos", "vcc")) + "PREFIX : <https://example.org/>\n"


@pytest.fixture(scope="module")
def shared(repo: Project) -> Shared:
    """Core, schemes, sources and alignments."""
    return load_shared(repo)


@pytest.fixture(scope="module")
def case(repo: Project, shared: Shared) -> list[ox.Quad]:
    """The facts of the Xiaomi case."""
    return [q for path in repo.cases() for q in load_case(shared, path).quads]


def foreign(vocabularies: Iterable[str]) -> list[ox.Quad]:
    """What the vocabularies themselves say; SKOS says nothing beyond what the alignment repeats. Blank nodes are unique to each file."""
    return [q for name in vocabularies if name != "skos" for q in read(FOREIGN / f"{name}.ttl")]


def aligned(shared: Shared, names: Iterable[str]) -> list[ox.Quad]:
    return [q for name in names for q in shared.mapped.named[alignment_graph(name)]]


def extra(turtle: str) -> list[ox.Quad]:
    return list(ox.parse((HEAD + turtle).encode(), ox.RdfFormat.TURTLE))


def test_every_alignment_is_known_here(repo: Project) -> None:
    """Logical axioms go to these five vocabularies only, and each of them is tested."""
    assert list(ALIGNED) == [p.stem for p in repo.alignment_files()]


def test_all_alignments_are_consistent_together_with_the_case(shared: Shared, case: list[ox.Quad], tmp_path: Path) -> None:
    """HermiT finds core, case, all alignments and the foreign axioms consistent, and no class of theirs or ours empty; so it is for each part."""
    everything = [*shared.quads(), *case, *aligned(shared, ALIGNED), *foreign(ALIGNED)]
    assert [] == [f.en for f in reason.hermit(everything, tmp_path)]


TRAPS = [
    (
        "prov",
        "vcc:accordingTo rdfs:subPropertyOf prov:hadPrimarySource . vcc:DatedEvent rdfs:subClassOf prov:Activity . :e a vcc:DatedEvent ; vcc:accordingTo :p .",
        "inconsistent",
    ),
    ("prov", "vcc:Mechanism rdfs:subClassOf prov:Activity .", "vcc:Mechanism can have no member"),
    ("org", "vcc:PublicBody rdfs:subClassOf org:Role .", "vcc:PublicBody can have no member"),
    ("gufo", "vcc:ValueNetwork rdfs:subClassOf gufo:Collection .", "vcc:ValueNetwork can have no member"),
    ("gufo", ":x a vcc:Contribution , gufo:Object .", "inconsistent"),
    ("fabio", "vcc:Publication rdfs:subClassOf fabio:Expression .", "vcc:UnresolvedPublication can have no member"),
    ("skos", ":x a vcc:Firm , skos:Concept .", "inconsistent"),
]


@pytest.mark.parametrize(("name", "wrong", "words"), TRAPS, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(TRAPS)])
def test_a_wrong_axiom_is_found(shared: Shared, name: str, wrong: str, words: str, tmp_path: Path) -> None:
    """Each trap that an alignment avoids is one that HermiT finds when it is walked into."""
    found = reason.hermit([*shared.ontology(), *aligned(shared, [name]), *foreign([name]), *extra(wrong)], tmp_path)
    assert any(words in f.en for f in found)


def closed(shared: Shared, case: list[ox.Quad], *more: Iterable[ox.Quad]) -> tuple[set[reason.Fact], list[str]]:
    """What follows from the case under OWL 2 RL with further schema, and the clashes."""
    schema = [*shared.ontology(), *(q for quads in more for q in quads)]
    base = reason.Base(reason.compile_schema(reason.facts(schema)), [])
    made, clashes = base.consequences_of(reason.facts([*shared.quads(), *case]))
    return made, [c.en for c in clashes]


def test_case_reads_as_provenance_without_clash(shared: Shared, case: list[ox.Quad]) -> None:
    """Under OWL 2 RL with all alignments and foreign axioms nothing clashes, contributions become associations with agents, and no claim an entity."""
    made, clashes = closed(shared, case, aligned(shared, ALIGNED), foreign(ALIGNED))
    assert [] == clashes
    prov, vcc = PREFIXES["prov"], PREFIXES["vcc"]
    contributions = {q.subject.value for q in case if q.predicate.value == RDF_TYPE and q.object == ox.NamedNode(vcc + "Contribution") and isinstance(q.subject, ox.NamedNode)}
    assert contributions
    assert contributions <= {s for s, p, o in made if p == RDF_TYPE and o == prov + "Association"}
    assert contributions == {s for s, p, o in made if p == prov + "agent"}
    assert contributions == {s for s, p, o in made if p == PREFIXES["gufo"] + "mediates"}
    entities = {s for s, p, o in made if p == RDF_TYPE and o == prov + "Entity"}
    claims = {key.subject.value for key in case if key.predicate.value == vcc + "accordingTo" and isinstance(key.subject, ox.NamedNode)}
    assert entities
    assert not entities & claims


def test_rule_reasoning_finds_a_wrong_gufo_axiom(shared: Shared, case: list[ox.Quad]) -> None:
    """The check without HermiT can fail: contributions that are objects clash with their being relators."""
    assert closed(shared, case, aligned(shared, ["gufo"]), foreign(["gufo"]), extra("vcc:Contribution rdfs:subClassOf gufo:Object ."))[1]


def test_check_names_the_alignment_at_fault(shared: Shared) -> None:
    """Where the alignments bring a contradiction in, `covalue check --dl` says which of them, in both languages."""
    org, skos = alignment_graph("org"), alignment_graph("skos")
    wrong = extra("vcc:Firm owl:disjointWith owl:Thing .")
    spoilt = Mapped({org: shared.mapped.named[org], skos: [*shared.mapped.named[skos], *wrong]})
    found = build_module._dl(shared.ontology(), spoilt)
    assert {"ontology/alignments/skos.ttl"} == {f.place.path for f in found if f.place}
    assert ["vcc:Firm"] == [f.en.split()[4] for f in found]
    assert all("with the alignment skos" in f.en and "对齐 skos" in f.zh for f in found)
