"""Where a dataset has very many names, only those are looked up that an answer holds; answers are the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from covalue import questions
from covalue.errors import InputError
from covalue.names import PREFIXES
from covalue.questions import Answers, Labels, portions
from covalue.stores import Answer, Pick, Request
from covalue.stores.oxigraph import OxigraphStore
from library_served import answers_of, library

CASE = PREFIXES["case"] + "xiaomi/"
USERS = CASE + "actor/users"


class Overheard(OxigraphStore):
    """A store that remembers what it was asked."""

    asked: list[str]

    def answer(self, request: Request, pick: Pick) -> Answer:
        self.asked.append(request.text)
        return super().answer(request, pick)


@pytest.fixture
def store(real_built: tuple[object, Path]) -> Overheard:
    made = Overheard.open(real_built[1])
    assert isinstance(made, Overheard)
    made.asked = []
    return made


@pytest.fixture(scope="module")
def usual(real_built: tuple[object, Path]) -> Answers:
    return answers_of(real_built[1])


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """All names are too many."""
    monkeypatch.setattr(questions, "MANY", 10)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("name", ["actors/actor-profile", "comparison/mechanisms", "evidence/mentions"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_answers_are_the_same(store: Overheard, usual: Answers, name: str, lang: str) -> None:
    answer = Answers(store, library()).answer(name, {}, lang)
    assert answer == usual.answer(name, {}, lang)
    assert any(cell.label for row in answer.rows for cell in row)
    assert not any("rdf-schema#label> ?label }" in text and "VALUES" not in text and "LIMIT 11" not in text for text in store.asked)


@pytest.mark.usefixtures("many")
def test_what_is_held_is_not_asked_for_again(store: Overheard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor what is known to have no label; but it is forgotten when it gets too much."""
    labels = Labels(store)
    wanted = [USERS, CASE + "nothing", "no iri"]
    first = labels.of(wanted)
    assert {USERS} == set(first)
    assert {"en", "zh"} == set(first[USERS])
    count = len(store.asked)
    assert labels.of(wanted) == first
    assert count == len(store.asked)
    monkeypatch.setattr(questions, "HELD", 2)
    assert {CASE + "actor/xiaomi"} == set(labels.of([CASE + "actor/xiaomi", CASE + "none"]))
    assert labels.of(wanted[:2]) == first
    assert len(store.asked) == count + 2


def test_few_are_looked_up_at_once(store: Overheard) -> None:
    labels = Labels(store)
    assert labels.of([USERS])[USERS]["zh"]
    assert labels.of([CASE + "actor/xiaomi"])
    assert 1 == len(store.asked)


def test_labels_are_the_first_of_a_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those without a language are taken as English."""
    file = tmp_path / "x.ttl"
    file.write_text('@prefix r: <http://www.w3.org/2000/01/rdf-schema#> . <x:a> r:label "b", "a", "丙"@zh, "乙"@zh . [] r:label "nobody" .', encoding="utf-8")
    expected = {"x:a": {"en": "a", "zh": "丙"}}
    assert Labels(OxigraphStore.from_files([file])).of(["x:a"]) == expected
    monkeypatch.setattr(questions, "MANY", 1)
    assert Labels(OxigraphStore.from_files([file])).of(["x:a"]) == expected


def test_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "PORTION", 2)
    assert ["<x:a> <x:b>", "<x:c>"] == [*portions(["x:a", "x:b", "x:>", "x: y", "x:c"])]
    assert [] == [*portions([])]


@pytest.mark.parametrize("text", ["xiaomi/actor/users", " case:xiaomi/actor/users", USERS])
def test_who_names_a_thing_to_the_letter_waits_for_no_list(store: Overheard, text: str) -> None:
    """All members of a class are only listed for those who do not."""
    answers = Answers(store, library())
    named = answers.sparql(library().get("actors/actor-profile"), {"actor": [text]})
    assert 1 == len(store.asked)
    assert named == answers.sparql(library().get("actors/actor-profile"), {"actor": ["Users"]})
    assert any("altLabel" in text for text in store.asked)


@pytest.mark.parametrize("text", ["xiaomi/actor/nobody", "case:xiaomi/mechanism/none", "https://w3id.org/covalue/scheme/dimension/value-creation"])
def test_what_is_no_member_of_the_class_is_told(store: Overheard, text: str) -> None:
    with pytest.raises(InputError, match="actor"):
        Answers(store, library()).sparql(library().get("actors/actor-profile"), {"actor": [text]})
