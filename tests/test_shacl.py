"""Compiled shapes against pySHACL: the same results where they tell, and silence wherever they are not sure."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from pathlib import Path

import pyoxigraph as ox
import pyshacl
import pytest

from covalue import gaps, validate
from covalue.build import Shared, build, load_case, load_shared
from covalue.lenses import Lenses, load_rules
from covalue.manifest import read_manifest
from covalue.names import PREFIXES
from covalue.project import Project
from covalue.reason import Base, compile_schema, facts, quads
from covalue.shacl import Facts, UnsureError, compile_shapes, statements

SH, XSD = PREFIXES["sh"], PREFIXES["xsd"]
Row = tuple[str, str, str, str]


@pytest.fixture(scope="module")
def shared(small_source: Path) -> Shared:
    """What the cases of the small project rest on."""
    return load_shared(Project(small_source))


@pytest.fixture(scope="module")
def case(small_source: Path, shared: Shared) -> list[ox.Quad]:
    """The statements of a small case."""
    return load_case(shared, small_source / "graph" / "cases" / "harbor-wheels").quads


def plain(term: str) -> str:
    """A term without what rdflib changes: labels of blank nodes, leading zeros, the case of language tags."""
    return "_:" if term.startswith("_:") else re.sub(r'^"0+(\d)', r'"\1', term).lower()


def judged(data: Iterable[ox.Quad], shapes: Iterable[ox.Quad]) -> set[Row]:
    """Focus, shape, component and value of each result of pySHACL."""
    _, report, _ = pyshacl.validate(validate._rdflib(data), shacl_graph=validate._rdflib(shapes), inference="none", inplace=True, advanced=False)
    said: dict[str, dict[str, str]] = {}
    for q in ox.parse(report.serialize(format="nt"), ox.RdfFormat.N_TRIPLES):
        said.setdefault(str(q.subject), {})[q.predicate.value.removeprefix(SH)] = str(q.object)
    rows = [s for s in said.values() if "focusNode" in s]
    return {(plain(s["focusNode"]), plain(s["sourceShape"]), s["sourceConstraintComponent"].removeprefix(f"<{SH}"), plain(s.get("value", ""))) for s in rows}


def compiled(data: Iterable[ox.Quad], shapes: Iterable[ox.Quad], below: Facts | None = None) -> set[Row]:
    """The same of the compiled shapes."""
    found = compile_shapes(shapes)
    assert found
    results = found.results(Facts(statements(data), below))
    return {(plain(r.focus), plain(r.shape.node), f"{r.component}ConstraintComponent>", plain(r.value)) for r in results}


ODD = [
    ox.Literal("x"),
    ox.Literal("2101", datatype=ox.NamedNode(XSD + "integer")),
    ox.Literal("0013", datatype=ox.NamedNode(XSD + "integer")),
    ox.Literal("-0.5", datatype=ox.NamedNode(XSD + "decimal")),
    ox.Literal("2020-13"),
    ox.Literal("z", language="fr"),
    ox.Literal("z", language="en-GB"),
    ox.Literal('"q\n\\', language="zh"),
    ox.BlankNode("b1"),
]


def spoilt(case: list[ox.Quad], seed: int) -> list[ox.Quad]:
    """The statements of a case, many of them left out, doubled, turned or filled with something odd."""
    draw = random.Random(seed)
    data = sorted(case, key=str)
    objects, predicates = [q.object for q in data], sorted({q.predicate for q in data}, key=str)
    for _ in range(len(data)):
        at = draw.randrange(len(data))
        q = data[at]
        kind = draw.randrange(5)
        if kind == 0:
            data.pop(at)
        elif kind == 1:
            data[at] = ox.Quad(q.subject, q.predicate, draw.choice(objects))
        elif kind == 2:
            data.append(ox.Quad(q.subject, draw.choice(predicates), draw.choice(objects)))
        elif kind == 3:
            data.append(ox.Quad(q.subject, q.predicate, draw.choice(ODD)))
        else:
            data[at] = ox.Quad(q.subject, q.predicate, draw.choice(ODD))
    return data


@pytest.mark.parametrize("seed", [3, 11])
def test_spoilt_facts(shared: Shared, case: list[ox.Quad], seed: int) -> None:
    """A case spoilt at random is found fault with just as by pySHACL, focus, shape, component and value; alone, or on top of what all share."""
    data = spoilt(case, seed)
    found = compiled([*shared.quads(), *data], shared.shapes)
    assert judged([*shared.quads(), *data], shared.shapes) == found
    assert compiled(data, shared.shapes, Facts(statements(shared.quads()))) == found
    assert len({component for _, _, component, _ in found}) > 5
    assert len(found) > 50


def test_real_case(repo: Project) -> None:
    """The shipped facts pass the sieve, so that a build need not ask pySHACL; and the gaps that the lenses have there are those of pySHACL, to the last word."""
    shared = load_shared(repo)
    sieve = validate.Sieve(shared.quads(), shared.shapes)
    assert sieve.shared_conforms()
    assert all(sieve.conforms(load_case(shared, path).quads) for path in repo.cases())
    base = Base(compile_schema(facts(shared.ontology())), facts(shared.quads()))
    own = load_case(shared, repo.cases()[0]).quads
    seen = Lenses(load_rules(repo), shared.quads()).see([*own, *quads(base.consequences_of(facts(own))[0], "x:inferred")])
    counts = {}
    for lens, made in seen.made.items():
        shapes = gaps.asked(shared.lens_shapes[lens])
        assert shapes.compiled
        ours, theirs = ({str(said) for said in found} for found in (gaps.results(made, shapes), gaps.judged(made, shapes)))
        assert ours == theirs
        counts[lens] = len(ours)
    assert sum(count > 10 for count in counts.values()) >= 5


# --- what is not sure


BAD_NUMBER = "<x:a> a <x:C> ; <x:p> 'ab'^^<http://www.w3.org/2001/XMLSchema#integer> ."
SHAPE = """PREFIX sh: <http://www.w3.org/ns/shacl#> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
<x:s> a sh:NodeShape ; sh:targetClass <x:C> ; sh:property <x:ps> . <x:ps> a sh:PropertyShape ; sh:path <x:p> ; {} ."""


def turtle(text: str) -> list[ox.Quad]:
    """The statements of a text."""
    return list(ox.parse(text, ox.RdfFormat.TURTLE))


DOUBTS = {
    "ill-typed number": ("sh:datatype xsd:integer", BAD_NUMBER),
    "dates to be compared": ("sh:lessThan <x:q>", '<x:a> a <x:C> ; <x:p> "2020-01-01"^^<http://www.w3.org/2001/XMLSchema#date> ; <x:q> 3 .'),
    "a pattern for a number": ('sh:pattern "^1"', "<x:a> a <x:C> ; <x:p> 1 ."),
    "a bound for a date": ("sh:minInclusive 1", '<x:a> a <x:C> ; <x:p> "2020-01-01"^^<http://www.w3.org/2001/XMLSchema#date> .'),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_doubt_is_said(doubt: str) -> None:
    """What only the judge can tell is neither passed nor found fault with, and does not pass the sieve."""
    demand, data = DOUBTS[doubt]
    shapes = compile_shapes(turtle(SHAPE.format(demand)))
    assert shapes
    with pytest.raises(UnsureError):
        list(shapes.results(Facts(statements(turtle(data)))))
    assert not validate.Sieve([], turtle(SHAPE.format(demand))).conforms(turtle(data))


def test_speaking_of_what_all_share_is_in_doubt(shared: Shared) -> None:
    """A case that speaks of a subject of what lies below, or of classes, is for the judge: what was true there may not be so any more."""
    sieve = validate.Sieve(shared.quads(), shared.shapes)
    theirs = next(q for q in shared.quads() if isinstance(q.subject, ox.NamedNode))
    assert not sieve.conforms([ox.Quad(theirs.subject, ox.NamedNode("x:p"), ox.NamedNode("x:o"))])
    assert not sieve.conforms([ox.Quad(ox.NamedNode("x:c"), ox.NamedNode(PREFIXES["rdfs"] + "subClassOf"), ox.NamedNode("x:d"))])
    assert sieve.conforms([ox.Quad(ox.NamedNode("x:c"), ox.NamedNode("x:p"), ox.NamedNode("x:o"))])


def test_looking_back_is_in_doubt() -> None:
    """Where a path goes from objects to subjects, a case may change what is true of things that it does not speak of: that is for the judge."""
    shapes = turtle(SHAPE.format("sh:maxCount 1").replace("<x:p>", "[ sh:inversePath <x:t> ]"))
    shared, case = turtle("<x:a> a <x:C> . <x:b> <x:t> <x:a> ."), turtle("<x:c> <x:t> <x:a> .")
    assert validate.Sieve(shared, shapes).shared_conforms()
    assert not validate.Sieve(shared, shapes).conforms(case)
    assert validate.conforms([*shared, *case], shapes, {})
    assert validate.Sieve(shared, turtle(SHAPE.format("sh:maxCount 1"))).conforms(case)


UNKNOWN = [
    'sh:sparql [ sh:select "SELECT $this {}" ]',
    "sh:node <x:s>",
    "sh:not <x:ps>",
    "sh:deactivated true",
    "sh:closed true",
    "sh:datatype xsd:date",
    "sh:in ( 1 2 )",
    "sh:minCount 1, 2",
    "sh:qualifiedValueShape <x:other>",
    "sh:not [ sh:class <x:C> ; sh:targetNode <x:n> ]",
    'sh:pattern "("',
    "sh:or ()",
    "<x:more> 1",
]


@pytest.mark.parametrize("demand", UNKNOWN)
def test_unknown_shapes_are_not_compiled(demand: str) -> None:
    """Shapes with anything that is not known are left to pySHACL as a whole."""
    assert compile_shapes(turtle(SHAPE.format(demand))) is None
    assert not validate.Sieve([], turtle(SHAPE.format(demand))).shared_conforms()


def test_paths() -> None:
    """Sequences, alternatives and inverses as pySHACL follows them."""
    data = turtle("<x:a> a <x:C> ; <x:p> <x:b> ; <x:q> <x:b> , <x:c> . <x:b> <x:r> 1 . <x:d> <x:t> <x:a> , <x:e> . <x:e> a <x:C> .")
    for path in ("( <x:p> <x:r> )", "[ sh:alternativePath ( <x:p> <x:q> ) ]", "[ sh:inversePath <x:t> ]", "( [ sh:inversePath <x:t> ] <x:t> )"):
        for demand in ("sh:minCount 1", "sh:minCount 2", "sh:maxCount 1", "sh:class <x:C>"):
            shapes = turtle(SHAPE.format(demand).replace("<x:p>", path))
            assert judged(data, shapes) == compiled(data, shapes), (path, demand)


# --- in the build


def test_the_judge_alone_builds_the_same(small: Project, small_built: tuple[Project, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where shapes cannot be compiled pySHACL judges what all share, and the cases; the bytes are the same."""
    asked: list[int] = []
    real = validate.conforms

    def spy(data: Iterable[ox.Quad], *rest: object) -> list[object]:
        asked.append(1)
        return real(data, *rest)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr(validate, "conforms", spy)
    monkeypatch.setattr(validate, "compile_shapes", lambda _: None)
    before = read_manifest(small_built[1])
    assert before
    assert (before.digest, [1, 1]) == (build(small, tmp_path / "out").digest, asked)
