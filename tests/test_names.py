"""Names: prefixes agree with `ontology/prefixes.ttl`, and what specs and code name exists in the ontology."""

from __future__ import annotations

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covalue import names
from covalue.names import PREFIXES, expand, shrink
from covalue.project import Project
from covalue.specs import Kind
from covalue.turtle import read

SH, OWL, VCC = PREFIXES["sh"], PREFIXES["owl"], PREFIXES["vcc"]
PROPERTIES = {OWL + "ObjectProperty", OWL + "DatatypeProperty", OWL + "AnnotationProperty"}


@pytest.fixture(scope="module")
def declared(repo: Project) -> dict[str, set[str]]:
    """For each IRI that core declares, its types."""
    out: dict[str, set[str]] = {}
    for path in repo.ontology_files():
        for q in read(path):
            if q.predicate.value == names.RDF_TYPE and isinstance(q.subject, ox.NamedNode) and isinstance(q.object, ox.NamedNode):
                out.setdefault(q.subject.value, set()).add(q.object.value)
    return out


def test_prefixes_agree_with_the_ontology(repo: Project) -> None:
    """`ontology/prefixes.ttl` declares exactly the prefixes of the code."""
    parts: dict[object, dict[str, str]] = {}
    for q in read(repo.root / "ontology/prefixes.ttl"):
        if q.predicate.value in (SH + "prefix", SH + "namespace") and isinstance(q.object, ox.Literal):
            parts.setdefault(q.subject, {})[q.predicate.value[len(SH) :]] = q.object.value
    assert dict(PREFIXES) == {p["prefix"]: p["namespace"] for p in parts.values()}


def test_prefixes_are_sorted_and_distinct() -> None:
    """Prefixes stand in order, and no namespace has two."""
    assert sorted(PREFIXES) == list(PREFIXES)
    assert len(PREFIXES) == len(set(PREFIXES.values()))


def test_classes_of_specs_are_declared(specs: dict[str, Kind], declared: dict[str, set[str]]) -> None:
    """Every vcc class that a kind of table or a class column names is a class of core."""
    named = {c for k in specs.values() for c in k.classes} | {c.target[0] for k in specs.values() for c in k.columns if c.kind == "class"}
    wanted = {c for c in named if c.startswith("vcc:")}
    assert len(wanted) > 20
    assert set() == {c for c in wanted if OWL + "Class" not in declared.get(expand(c), set())}


def test_properties_of_specs_are_declared(specs: dict[str, Kind], declared: dict[str, set[str]]) -> None:
    """Every vcc property that a column states is a property of core."""
    wanted = {c.property for k in specs.values() for c in k.columns if c.property.startswith(VCC)}
    assert len(wanted) > 40
    assert set() == {shrink(p) for p in wanted if not declared.get(p, set()) & PROPERTIES}


def test_object_columns_state_object_properties(specs: dict[str, Kind], declared: dict[str, set[str]]) -> None:
    """A column of references states an object property, a column of values does not."""
    for kind in specs.values():
        for column in kind.columns:
            if column.property.startswith(VCC):
                is_object = OWL + "ObjectProperty" in declared.get(column.property, set())
                assert (column.kind in {"ref", "concept", "passage", "class", "term", "iri"}) == is_object, f"{kind.name}.{column.name}"


def test_targets_of_specs_exist(repo: Project, specs: dict[str, Kind]) -> None:
    """References point to kinds of tables, and concepts to schemes that exist."""
    schemes = {p.stem for p in repo.scheme_files()}
    columns = [c for k in specs.values() for c in k.columns]
    assert set() == {t for c in columns if c.kind == "ref" for t in c.target} - set(specs) - {"@any"}
    assert set() == {t for c in columns if c.kind == "concept" for t in c.target} - schemes - {"*"}


@pytest.mark.parametrize("name", ["IN_CASE", "ACCORDING_TO"])
def test_iris_that_code_branches_on_are_declared(declared: dict[str, set[str]], name: str) -> None:
    """A property that code names exists in core."""
    assert OWL + "ObjectProperty" in declared[getattr(names, name)]


def test_ontology_iri_is_declared(declared: dict[str, set[str]]) -> None:
    """The ontology that the formatter writes into `rdfs:isDefinedBy` is the one that core declares."""
    assert OWL + "Ontology" in declared[names.ONTOLOGY_IRI]


@pytest.mark.parametrize(
    ("curie", "iri"),
    [
        ("vcc:Claim", "https://w3id.org/covalue/ontology#Claim"),
        ("case:xiaomi/actor/users", "https://w3id.org/covalue/case/xiaomi/actor/users"),
        ("vcs:role/user", "https://w3id.org/covalue/scheme/role/user"),
        ("owl:", "http://www.w3.org/2002/07/owl#"),
        ("src:a:b", "https://w3id.org/covalue/source/a:b"),
    ],
)
def test_curie_and_iri(curie: str, iri: str) -> None:
    """A CURIE and its IRI stand for each other."""
    assert (iri, curie) == (expand(curie), shrink(iri))


def test_unknown_namespace_stays_an_iri() -> None:
    """An IRI under no known namespace is left as it is."""
    assert "https://example.org/x" == shrink("https://example.org/x")


def test_unknown_prefix_is_refused() -> None:
    """A CURIE with an unknown prefix has no IRI."""
    with pytest.raises(KeyError):
        expand("nope:x")


@given(st.sampled_from(sorted(PREFIXES)), st.text(max_size=20))
def test_expand_undoes_shrink(prefix: str, local: str) -> None:
    """Whatever stands behind a known namespace, shrinking and expanding gives it back."""
    iri = PREFIXES[prefix] + local
    assert iri == expand(shrink(iri))


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (names.case_graph("a"), "https://w3id.org/covalue/graph/case/a"),
        (names.source_graph("a"), "https://w3id.org/covalue/graph/source/a"),
        (names.scheme_graph("a"), "https://w3id.org/covalue/graph/scheme/a"),
        (names.inferred_graph(names.case_graph("a")), "https://w3id.org/covalue/graph/inferred/case/a"),
    ],
)
def test_names_of_graphs(graph: str, expected: str) -> None:
    """A graph is named after what it holds."""
    assert expected == graph
