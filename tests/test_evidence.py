"""Where the source says what a row says: held against the graph itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from covalue import evidence
from covalue.names import PREFIXES
from covalue.questions import Answers, bindings
from library_served import answers_of

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
