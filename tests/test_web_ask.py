"""Questions in words over real HTTP: pages, JSON, other formats, and what is said where the words are not understood."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from covalue.stores.oxigraph import OxigraphStore
from covalue.web import start
from library_served import LibraryServed, library
from served import Reply, enc

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
USERS = "What do users contribute to value creation?"
NUTZER = "用户对价值创造有什么贡献？"
NAMED = "actors/contributions-of-an-actor"
WEATHER = "What will the weather be in Beijing tomorrow?"


@pytest.fixture(scope="module")
def served(real_built: tuple[object, Path]) -> LibraryServed:
    return LibraryServed(OxigraphStore.open(real_built[1]), library())


def asked(served: LibraryServed, q: str, more: dict[str, str] | None = None, **headers: str) -> Reply:
    return served.ask("/ask?" + urlencode({"q": q, **(more or {})}), **headers)


def test_reply_as_json(served: LibraryServed) -> None:
    """Whoever states nothing gets JSON: how the words are understood, the values bound, the answer, its SPARQL, the other readings."""
    reply = asked(served, USERS)
    assert (200, "application/json") == (reply.status, reply.kind)
    body: dict[str, Any] = reply.json
    best = body["readings"][0]
    assert (True, NAMED) == (body["known"], best["name"])
    assert {"actor": ["xiaomi/actor/users"], "dimension": ["dimension/value-creation"]} == best["values"]
    assert [{"label": "actor", "value": "users"}, {"label": "value dimension", "value": "value creation"}] == best["parameters"]
    assert len(body["readings"]) > 3
    assert body["answer"]["total"] == len(body["answer"]["rows"]) > 0
    assert served.query(best["sparql"], "text/csv").status == 200


def test_answer_is_that_of_the_named_question(served: LibraryServed) -> None:
    """The path of a reading leads to the same rows, and the citation names that address."""
    body = asked(served, USERS).json
    named = served.ask(body["readings"][0]["path"]).json
    assert (named["rows"], named["cite_as"]) == (body["answer"]["rows"], body["answer"]["cite_as"])


def test_language_is_that_of_the_question(served: LibraryServed) -> None:
    """A question in Chinese is answered in Chinese whatever the browser is set to, unless `lang` says otherwise."""
    reply = asked(served, NUTZER, Accept_Language="en")
    assert ("zh", "zh", NAMED) == (reply["Content-Language"], reply.json["language"], reply.json["readings"][0]["name"])
    assert "用户" in {p["value"] for p in reply.json["readings"][0]["parameters"]}
    other = asked(served, NUTZER, {"lang": "en"})
    assert ("en", "en") == (other["Content-Language"], other.json["language"])
    assert "zh" == asked(served, USERS, Accept_Language="zh-CN").json["language"]


def test_page(served: LibraryServed) -> None:
    """A browser gets a page with the reading, its values, rows, SPARQL, links to formats and to the other readings."""
    reply = asked(served, NUTZER, Accept=BROWSER)
    assert (200, "text/html") == (reply.status, reply.kind)
    assert '<html lang="zh">' in reply.text
    assert f'value="{NUTZER}"' in reply.text
    assert re.search(rf'<h2 id="best"><a href="/questions/{NAMED}\?actor=xiaomi/actor/users&amp;dimension=dimension/value-creation">', reply.text)
    assert reply.text.count("<tr>") > 5
    assert "VALUES ?_actor_iri" in reply.text
    assert "也可能是指" in reply.text
    for href in re.findall(r'href="(/questions/[^"]*format=[^"]*)"', reply.text):
        assert served.ask(href.replace("&amp;", "&")).status == 200


def test_page_without_a_question(served: LibraryServed) -> None:
    """Without words the page offers a field and examples, each of which is understood, in both languages."""
    for lang in ("en", "zh"):
        reply = served.ask(f"/ask?lang={lang}", Accept=BROWSER)
        assert reply.status == 200
        examples = re.findall(r'href="(/ask\?q=[^"]+)"', reply.text)
        assert len(examples) == 6
        assert all(served.ask(href).json["known"] for href in examples)


def test_not_knowing(served: LibraryServed) -> None:
    """What the graph cannot answer is owned up to, with the closest questions: as JSON, as a page, and as 404 where a format has no room."""
    body = asked(served, WEATHER).json
    assert (False, None) == (body["known"], body["answer"])
    assert body["message"]["en"].startswith("I do not know")
    assert body["readings"]
    page = asked(served, WEATHER, Accept=BROWSER)
    assert 200 == page.status
    assert "I do not know" in page.text
    assert "<table" not in page.text
    lost = asked(served, WEATHER, Accept="text/csv")
    assert (404, "application/problem+json") == (lost.status, lost.kind)
    assert all(n.startswith("https://w3id.org/covalue/questions/") for n in lost.json["nearest"])


def test_other_formats_are_the_answer_alone(served: LibraryServed) -> None:
    """A table program gets the rows, is told of which question, and can ask for some of them."""
    reply = asked(served, USERS, {"limit": "2"}, Accept="text/csv")
    assert (200, "text/csv") == (reply.status, reply.kind)
    assert reply["Content-Location"].endswith(f"/questions/{NAMED}?actor=xiaomi/actor/users&dimension=dimension/value-creation")
    assert 2 == len(list(csv.DictReader(io.StringIO(reply.body.decode(), newline=""))))
    assert int(reply["X-Total-Count"]) > 2
    for name in ("xlsx", "srj", "bibtex", "rq", "md"):
        assert asked(served, USERS, {"format": name}).status == 200


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "请输入问题"),
        ("q=%20%20", "请输入问题"),
        ("q=" + "a" * 501, "500"),
        ("q=who&q=what", "只能有一个值"),
        ("q=who&question=x", "question"),
        ("q=who&lang=fr", "fr"),
        ("q=who&format=pdf", "pdf"),
        ("q=who&limit=many", "many"),
        ("q=a%00b", "字符"),
    ],
)
def test_bad_input(served: LibraryServed, query: str, said: str) -> None:
    """Bad input is 400 with one sentence in both languages."""
    reply = served.ask("/ask?" + query)
    assert (400, "application/problem+json") == (reply.status, reply.kind)
    assert said in reply.json["detail_zh"]
    assert reply.json["detail"] != reply.json["detail_zh"]


def test_words_never_become_markup(served: LibraryServed) -> None:
    """What was asked is shown as it was written."""
    page = asked(served, '<script>alert(1)</script> "users" {actor} & 用户\'', Accept=BROWSER)
    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &#34;users&#34;" in page.text


def test_caching(served: LibraryServed) -> None:
    """A client that holds a reply is not sent it again; replies in two languages differ."""
    first = asked(served, USERS)
    assert 304 == asked(served, USERS, If_None_Match=first["ETag"]).status
    assert first["ETag"] != asked(served, USERS, {"lang": "zh"})["ETag"]
    assert "accept-language" in first.vary


def test_openapi_tells_of_it(served: LibraryServed) -> None:
    """The service's description has the operation."""
    operation = served.ask("/openapi.json").json["paths"]["/ask"]["get"]
    assert "q" in {p.get("name") for p in operation["parameters"]}
    assert {"200", "400", "404"} <= set(operation["responses"])


@pytest.mark.parametrize(("lang", "text"), [(lang, pair[i]) for pair in start.EXAMPLES for i, lang in enumerate(("en", "zh"))])
def test_the_examples_of_the_start_page_are_understood(served: LibraryServed, lang: str, text: str) -> None:
    """A newcomer's first click has rows."""
    reply = served.ask(f"/ask?q={enc(text)}&lang={lang}", Accept="application/json").json
    assert reply["answer"]["total"] > 0
