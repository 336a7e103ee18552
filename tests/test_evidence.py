"""Where the source says what a row says: held against the graph itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from covalue import evidence
from covalue.names import PREFIXES
from covalue.questions import Answers, bindings
from library_served import answers_of, library

VCC, SRC = PREFIXES["vcc"], PREFIXES["src"]


@pytest.fixture(scope="module")
def answers(real_built: tuple[object, Path]) -> Answers:
    """The library over the real dataset."""
    return answers_of(real_built[1])


def passages_of(answers: Answers, claim: str) -> set[str]:
    """What the graph says of a claim."""
    return {row["p"]["value"] for row in bindings(answers.store, f"SELECT ?p {{ <{claim}> <{VCC}accordingTo> ?p }}")[1]}


def test_a_row_that_names_claim_and_passage_has_just_these(answers: Answers) -> None:
    """Also where the claim is made in several passages."""
    table = answers.answer("actors/contributions-with-evidence", {})
    found = evidence.grounds(answers, table)
    assert len(table.rows) == len(found)
    claim, passage = table.columns.index("contribution"), table.columns.index("passage")
    for row, grounds in zip(table.rows, found, strict=True):
        assert (True, 1) == (grounds.direct, grounds.total)
        assert (row[claim].value, (row[passage].value,)) == (grounds.given[0].claim, grounds.given[0].passages)
    assert any(len(passages_of(answers, g.given[0].claim)) > 1 for g in found)


def test_a_row_that_names_things_has_the_claims_on_all_of_them(answers: Answers) -> None:
    """Each given claim speaks of all, all are counted, and only the first few are given."""
    table = answers.answer("mechanisms/participants", {})
    found = evidence.grounds(answers, table)
    indirect = [(row, g) for row, g in zip(table.rows, found, strict=True) if not g.direct and g.total]
    assert indirect
    row, grounds = max(indirect, key=lambda pair: pair[1].total)
    things = [c.value for c in row if c.kind == "uri" and c.value.startswith((PREFIXES["case"], PREFIXES["vcs"]))]
    patterns = " ".join(f"?c ?p{i} <{thing}> ." for i, thing in enumerate(dict.fromkeys(things)))
    speaking = {r["c"]["value"] for r in bindings(answers.store, f"SELECT DISTINCT ?c {{ ?c <{VCC}accordingTo> ?x . {patterns} }}")[1]}
    assert len(speaking) == grounds.total
    assert {g.claim for g in grounds.given} <= speaking
    assert len(grounds.given) == min(grounds.total, evidence.MOST_GIVEN)
    assert all(set(g.passages) == passages_of(answers, g.claim) for g in grounds.given)


def test_rows_that_count_have_none(answers: Answers) -> None:
    """And an answer without rows has no grounds at all."""
    table = answers.answer("counts/claims-by-kind-and-modality", {})
    assert {evidence.NONE.given} == {g.given for g in evidence.grounds(answers, table)}
    assert () == evidence.grounds(answers, answers.answer("actors/government-contributions", {}))


WITHOUT_PASSAGES: dict[str, str] = {
    "actors/actor-dimension-matrix": "counts, also where there is nothing; actors/contributions-with-evidence has the claims",
    "actors/roles-that-nobody-plays": "terms of a scheme",
    "comparison/actors-in-the-same-mechanism": "counts; mechanisms/participants has the claims",
    "comparison/dimensions": "counts",
    "comparison/two-actors-by-dimension": "counts, also where there is nothing",
    "counts/actor-co-mentions": "counts",
    "counts/actor-role-matrix": "counts, also where there is nothing",
    "counts/claims-by-kind-and-modality": "counts",
    "counts/claims-by-work": "counts",
    "counts/contribution-completeness": "counts",
    "counts/dimension-item-kind-matrix": "counts, also where there is nothing",
    "counts/mechanism-dart-matrix": "counts, also where there is nothing",
    "counts/passages-per-claim": "counts",
    "counts/size-of-the-record": "counts",
    "counts/stage-component-matrix": "counts, also where there is nothing",
    "dimensions/contributors-by-role": "counts",
    "dimensions/definitions": "definitions of the ontology",
    "dimensions/names": "names in the ontology; dimensions/naming-in-the-source has the passages",
    "evidence/remarks-on-names": "remarks of the curator, also on what no claim speaks of",
    "gaps/concepts-never-applied": "terms of a scheme",
    "gaps/dimensions-without-a-role": "absence",
    "gaps/what-cited-works-lack": "the bibliography",
    "lenses/canvas-pairs": "absence",
    "mechanisms/dart-blocks": "has a row for a block under which no mechanism is classed",
    "pictures/actors": "groups of actors are the curator's; pictures/contributions and pictures/exchanges have the claims",
    "resources/platforms": "has a row for a platform of which no claim speaks",
    "stages/components-gained-and-lost": "a comparison of lists; stages/components has the claims",
    "theory/concept-definitions": "definitions of the ontology",
    "theory/publications": "the bibliography",
}
"""Questions with rows for which no claim and no passage can be shown, and why: what they count, compare, miss or define is no single claim of the source."""


@pytest.mark.parametrize("name", sorted(library().questions))
def test_what_rests_on_claims_can_show_its_passages(answers: Answers, name: str) -> None:
    """Each row of each question leads to passages, but for the questions that are listed; and what is listed has such rows."""
    needed = {p.name: [p.example] for p in library().questions[name].query.parameters if p.required}
    found = evidence.grounds(answers, answers.answer(name, needed))
    shown = [any(ground.passages for ground in of_row.given) for of_row in found]
    assert all(shown) == (name not in WITHOUT_PASSAGES)
