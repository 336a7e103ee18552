"""Every example folder: the valid file conforms and is consistent, each invalid twin is rejected by exactly the shape that it names."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from covalue import reason, validate
from covalue.build import Shared, load_shared
from covalue.names import PREFIXES, shrink
from covalue.project import Project
from covalue.shacl import Facts, compile_shapes, statements
from covalue.turtle import read

EXAMPLES = Path(__file__).resolve().parents[1] / "ontology" / "examples"
VALID = sorted(EXAMPLES.glob("*/valid.ttl"))
INVALID = sorted(EXAMPLES.glob("*/invalid-*.ttl"))
INCONSISTENT = sorted(EXAMPLES.glob("*/inconsistent-*.ttl"))


@pytest.fixture(scope="module")
def shared(repo: Project) -> Shared:
    return load_shared(repo)


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def findings(shared: Shared, path: Path) -> list[str]:
    """The shapes that fire on an example, as CURIEs, each once: those of pySHACL, which the compiled ones must equal."""
    quads = [*shared.ontology(), *read(path)]
    found = sorted({f.rule for f in validate.conforms(quads, shared.shapes, {})})
    shapes = compile_shapes(shared.shapes)
    assert shapes
    assert found == sorted({shrink(r.shape.node[1:-1]) for r in shapes.results(Facts(statements(quads)))})
    return found


@pytest.mark.parametrize("path", VALID, ids=name)
def test_valid_example(shared: Shared, path: Path) -> None:
    """A valid example conforms to every shape."""
    assert [] == findings(shared, path)


@pytest.mark.parametrize("path", INVALID, ids=name)
def test_invalid_example(shared: Shared, path: Path) -> None:
    """An invalid example breaks the one shape that its first line names, and no other."""
    expected = validate.expected_shape(path)
    assert expected, "the first line must read '# expects: <shape>'"
    assert [expected] == findings(shared, path)


def clashes(shared: Shared, quads: list[ox.Quad]) -> list[str]:
    base = reason.Base(reason.compile_schema(reason.facts(shared.ontology())), reason.facts(shared.ontology()))
    return [f.rule for f in base.consequences_of(reason.facts(quads))[1]]


@pytest.mark.parametrize("path", INCONSISTENT, ids=name)
def test_inconsistent_example(shared: Shared, path: Path, tmp_path: Path) -> None:
    """An inconsistent example is found by the rules and by HermiT alike."""
    quads = read(path)
    assert "inconsistent" in clashes(shared, quads)
    assert 1 == len(reason.hermit([*shared.ontology(), *quads], tmp_path))


def test_valid_examples_are_consistent(shared: Shared, tmp_path: Path) -> None:
    """All valid examples together contradict neither the rules nor HermiT."""
    quads = [q for path in VALID for q in read(path)]
    assert [] == clashes(shared, quads)
    assert [] == reason.hermit([*shared.ontology(), *quads], tmp_path)


def test_each_topic_has_a_valid_example_and_a_twin() -> None:
    """A topic without both halves shows nothing."""
    topics = {p.name for p in EXAMPLES.iterdir() if p.is_dir()}
    assert topics == {p.parent.name for p in VALID} == {p.parent.name for p in INVALID}


def test_each_message_of_a_shape_is_in_both_languages(shared: Shared) -> None:
    """Every shape that can fire on its own says so in English and in Chinese."""
    sh = PREFIXES["sh"]
    said: dict[str, set[str]] = {}
    for q in shared.shapes:
        if q.predicate.value == sh + "message" and isinstance(q.object, ox.Literal):
            said.setdefault(str(q.subject), set()).add(q.object.language or "")
    assert said
    assert {frozenset({"en", "zh"})} == {frozenset(v) for v in said.values()}


def test_each_rule_has_an_example_that_breaks_it(shared: Shared) -> None:
    """A property shape of a targeted shape that no example breaks might as well not be there."""
    sh = PREFIXES["sh"]
    targeted = {q.subject for q in shared.shapes if q.predicate.value.startswith(sh + "target")}
    rules = {shrink(q.object.value) for q in shared.shapes if q.subject in targeted and q.predicate.value == sh + "property" and isinstance(q.object, ox.NamedNode)}
    assert rules
    assert set() == rules - {validate.expected_shape(path) for path in INVALID}
