"""Search over HTTP: a page that works without script, JSON, suggestions, and the terms for the editor."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from covalue.web.search import MOST_SUGGESTED, marked
from library_served import library
from served import B, Served, build_tiny
from test_web_pages import BROWSER, parsed


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The tiny dataset."""
    return Served(build_tiny(tmp_path_factory.mktemp("tiny")))


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("query", ["", "mill", "磨坊", "磨", "nothing at all", "<script>alert(1)</script>", '"><img src=x>', "a" * 500, "mlil"])
def test_the_page_is_sound(served: Served, lang: str, query: str) -> None:
    """Whatever is asked; what was typed stays in the field as text."""
    reply = served.ask(f"/search?q={quote(query)}&lang={lang}", Accept=BROWSER)
    page = parsed(reply)
    assert "img" not in page.tags
    assert 'name="q"' in reply.text


def test_hits_are_marked_and_lead_to_the_thing(served: Served) -> None:
    """Both names, the kind, the address."""
    text = served.ask("/search?q=mil", Accept=BROWSER).text
    assert '<a href="/case/tiny/mill">the <mark>mil</mark>l</a>' in text
    assert '<bdi lang="zh">磨坊</bdi>' in text
    assert "<code>case:tiny/mill</code>" in text
    assert "1 to 1 of 1" in text
    assert "<mark>磨</mark>坊" in served.ask("/search?q=%E7%A3%A8&lang=zh", Accept=BROWSER).text


def test_pages_of_hits(served: Served) -> None:
    """Twenty at a time, with links that keep the words."""
    reply = served.ask("/search.json?q=a")
    assert 200 == reply.status
    first = served.ask("/search?q=a&page=400", Accept=BROWSER)
    assert "no such page" in first.text
    parsed(first)


def test_json_by_header_and_by_name(served: Served) -> None:
    """The same bytes; with a tag that is honoured."""
    by_name, by_header = served.ask("/search.json?q=mill"), served.ask("/search?q=mill", Accept="application/json")
    assert by_name.body == by_header.body
    assert "application/json" == by_name.kind
    assert {
        "iri": B + "case/tiny/mill",
        "curie": "case:tiny/mill",
        "en": "the mill",
        "zh": "磨坊",
        "kind": "thing",
        "label": "the mill",
        "matched": "mill",
        "href": "/case/tiny/mill",
    } == by_name.json["results"][0]
    assert 304 == served.ask("/search.json?q=mill", If_None_Match=by_name["ETag"]).status
    assert "磨坊" == served.ask("/search.json?q=mill&lang=zh").json["results"][0]["label"]


def test_suggestions(served: Served) -> None:
    """Few, short, in the language of the page."""
    body = served.ask("/suggest?q=%E7%A3%A8&lang=zh").json
    assert ["磨坊"] == [r["label"] for r in body["results"]]
    assert [] == served.ask("/suggest?q=").json["results"]
    assert 2 == len(served.ask("/suggest?q=a&limit=2").json["results"])
    assert 400 == served.ask(f"/suggest?q=a&limit={MOST_SUGGESTED + 1}").status
    assert 400 == served.ask("/suggest?q=a&kind=nonsense").status


def test_terms_for_the_editor(served: Served) -> None:
    """Every term with both labels and its kind; each CURIE expands; nothing is sent twice."""
    reply = served.ask("/terms.json")
    body = reply.json
    assert body["complete"] is True
    by_curie = {t["curie"]: t for t in body["terms"]}
    assert {"iri": B + "ontology#Actor", "curie": "vcc:Actor", "en": "actor", "zh": "行动者", "kind": "class"} == by_curie["vcc:Actor"]
    assert {"class", "property", "scheme", "concept", "case", "thing"} == {t["kind"] for t in body["terms"]}
    for term in body["terms"]:
        prefix, _, local = term["curie"].partition(":")
        assert term["iri"] == body["prefixes"][prefix] + local
        assert term["en"]
        assert term["zh"]
    assert 304 == served.ask("/terms.json", If_None_Match=reply["ETag"]).status
    assert {"class"} == {t["kind"] for t in served.ask("/terms.json?kind=class").json["terms"]}


def test_ready_questions_are_found(tmp_path: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    """By their titles, with their own pages as target."""
    from library_served import LibraryServed

    served = LibraryServed(build_tiny(tmp_path_factory.mktemp("tiny")), library())
    title = library().questions["actors/value-exchanges"].text("title", "zh")
    found = served.ask(f"/search.json?q={quote(title)}&lang=zh").json["results"]
    assert ("question", "/questions/actors/value-exchanges") == (found[0]["kind"], found[0]["href"])


def test_words_are_marked_wherever_they_stand() -> None:
    """Case does not matter, longer words win, special characters are plain."""
    assert [("Value ", False), ("Co", True), ("-", False), ("CO", True)] == list(marked("Value Co-CO", ["co"]))
    assert [("(a)", True), ("b", False)] == list(marked("(a)b", ["(a)", "a"]))
    assert [] == list(marked("", ["a"]))
    assert not re.search("<", "".join(text for text, _ in marked("x", [])))
