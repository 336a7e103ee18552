"""The rows of the pictures of the real case: they agree with the questions that were read against the paper."""

from __future__ import annotations

import csv
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from covalue import exhibits
from covalue.exhibits import Cut
from covalue.gallery import SOURCES, Gallery, cases
from covalue.names import expand
from covalue.pictures import causes
from covalue.questions import Answers, Library
from library_served import answers_of, library

EXPECTED = Path(__file__).resolve().parent / "expected"
XIAOMI = "https://w3id.org/covalue/case/xiaomi"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def answers(real_built: tuple[object, Path]) -> Answers:
    return answers_of(real_built[1])


@pytest.fixture(scope="module", params=["en", "zh"])
def gallery(answers: Answers, request: pytest.FixtureRequest) -> Gallery:
    return Gallery(answers, XIAOMI, request.param)


@pytest.fixture(scope="module")
def small(small_built: tuple[object, Path]) -> Answers:
    return answers_of(small_built[1])


def expected(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((EXPECTED / f"{name}.csv").read_text(encoding="utf-8").splitlines()))


def test_the_matrix_counts_as_the_question_does(gallery: Gallery) -> None:
    """The same numbers as actors/actor-dimension-matrix, which was read against the paper; nothing where that has nothing."""
    mine = {(a.thing.iri, d): (c.reported, c.other) for a in gallery.contributors() for d, c in a.counts.items()}
    theirs = {
        (expand(r["actor"]), expand(r["dimension"])): (int(r["reported"]), int(r["cited"]) + int(r["derived"]))
        for r in expected("actors/actor-dimension-matrix")
        if r["reported"] + r["cited"] + r["derived"] != "000"
    }
    assert theirs == mine


def test_loops_are_those_of_the_question(gallery: Gallery) -> None:
    steps = {(expand(r["situation"]), expand(r["next"])) for r in expected("causes/loops")}
    assert steps == causes.loops(gallery.causes()).steps


def test_every_link_is_drawn_somewhere(gallery: Gallery) -> None:
    """The cuts by section hold all causal links of the case between them."""
    every = {c.claim.thing.iri for c in gallery.causes()}
    assert {expand(r["link"]) for r in expected("causes/causal-claims")} == every
    assert every == {c.claim.thing.iri for s in exhibits.sections(gallery) for c in exhibits.links(gallery, Cut(section=s))}


def test_stages_and_events_are_those_of_the_questions(gallery: Gallery) -> None:
    assert [expand(r["stage"]) for r in expected("stages/stage-years")] == [s.thing.iri for s in gallery.stages()]
    assert all(s.end is None for s in gallery.stages()), "the source gives no end"
    told = {expand(r["event"]) for r in expected("stages/timeline") if r["scope"] == "vcs:scope/case"}
    assert told == {e.claim.thing.iri for e in gallery.events()}
    assert "business-model-concept-mentioned-1947" not in {e.claim.thing.short for e in gallery.events()}


def test_exchanges_and_figures_are_those_of_the_questions(gallery: Gallery) -> None:
    found = {e.claim.thing.iri for f in gallery.flows() for e in f.exchanges}
    assert {expand(r["exchange"]) for r in expected("actors/value-exchanges") if r["scope"] == "vcs:scope/case"} == found
    assert {expand(r["observation"]) for r in expected("figures/all-figures")} == {f.claim.thing.iri for f in gallery.figures()}
    amounts = {f.amount() for f in gallery.figures()}
    assert {"> 430", "≈ 10,000", "≥ 60 %", "84.3 %", "≤ 39"} <= amounts


def test_three_parties(gallery: Gallery) -> None:
    """The firm studied stands alone, users and customer segments on one side, those with the role of a partner on the other."""
    found = gallery.network()
    assert found is not None
    sides = {a.thing.short: a.side for a in found.actors}
    assert "xiaomi" == found.focal.thing.short
    assert {"users": "users", "young-consumers": "users", "potential-customers": "users", "technology-firms": "partners", "researchers": "partners"}.items() <= sides.items()
    assert "others" == sides["other-enterprises"], "no role is told"
    assert not {s for s in sides if s.endswith("-general")}
    assert 4 == len(found.dimensions)
    assert 8 == sum(map(len, found.mechanisms.values()))


def test_no_recommendation_gets_into_a_picture(gallery: Gallery) -> None:
    told = [e.claim for f in gallery.flows() for e in f.exchanges] + [c.claim for c in gallery.causes()] + [c for d in gallery.structure() for t in d.themes for _, c in t.claims]
    assert told
    assert {"reported", "cited", "derived"} >= {c.modality for c in told}


@pytest.mark.parametrize("name", exhibits.NAMES)
def test_every_picture_of_the_case_is_sound(gallery: Gallery, name: str) -> None:
    """Well-formed, boxes inside of the picture and apart, and every place of the graph by a name of the asked language."""
    cuts = [Cut(section=s) for s in exhibits.sections(gallery)] if name == "causes" else [Cut()]
    for cut in cuts:
        made = exhibits.picture(gallery, name, cut)
        assert made is not None
        root = ET.fromstring(made.document(""))
        found = [tuple(float(str(r.get(k))) for k in ("x", "y", "width", "height")) for r in root.iter(SVG + "rect") if "box" in (r.get("class") or "").split()]
        for i, (x, y, w, h) in enumerate(found):
            assert x >= 0
            assert y >= 0
            assert x + w <= made.width + 1
            assert y + h <= made.height + 1
            assert not [o for o in found[i + 1 :] if x < o[0] + o[2] - 1 and o[0] < x + w - 1 and y < o[1] + o[3] - 1 and o[1] < y + h - 1]
        said = " ".join("".join(t.itertext()) for t in root.iter(SVG + "text"))
        assert "https://" not in said
        assert said.strip()


def test_the_pictures_of_small_cases(small: Answers) -> None:
    """Every case has its own facts, and no other's; what a case does not tell is not drawn."""
    galleries = {iri.rpartition("/")[2]: Gallery(small, iri, "en") for iri in cases(small)}
    assert {"harbor-wheels", "night-clinic"} == set(galleries)
    wheels, clinic = galleries["harbor-wheels"], galleries["night-clinic"]
    drawn = {name: {n for n in exhibits.NAMES if exhibits.picture(g, n) is not None} for name, g in galleries.items()}
    assert {"evolution", "network", "matrix", "canvas", "sections", "causes", "figures", "structure"} == drawn["harbor-wheels"]
    assert {"network", "matrix", "canvas"} == drawn["night-clinic"]
    assert {"members"} == {a.thing.short for a in clinic.contributors()}
    assert not {a.thing.iri for a in wheels.contributors()} & {a.thing.iri for a in clinic.contributors()}
    assert "2012-04" == str(wheels.stages()[0].start and wheels.stages()[0].start.shown())


def test_a_library_without_the_questions(answers: Answers) -> None:
    """Where the questions are not there, nothing is drawn, and nothing fails."""
    bare = Gallery(Answers(answers.store, Library({})), XIAOMI, "en")
    assert not any(exhibits.picture(bare, name) for name in exhibits.NAMES)


def test_every_source_of_a_picture_is_in_the_library() -> None:
    assert {q for names in SOURCES.values() for q in names} <= set(library().questions)
