"""Cases over real HTTP: pages in both languages, pictures as files, cuts of the causal map, small and empty cases, and what is wrong."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest

from covalue import exhibits
from covalue.stores.oxigraph import OxigraphStore
from covalue.web.case_pages import VIEWS
from library_served import LibraryServed, library
from served import Reply, build_tiny

CASE = "/case/xiaomi.html"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
SVG = "{http://www.w3.org/2000/svg}"
MOST_BYTES = 150_000
"""Of the first page of a case, before compression."""


@pytest.fixture(scope="module")
def served(real_built: tuple[object, Path]) -> LibraryServed:
    return LibraryServed(OxigraphStore.open(real_built[1]), library())


@pytest.fixture(scope="module")
def small(small_built: tuple[object, Path]) -> LibraryServed:
    return LibraryServed(OxigraphStore.open(small_built[1]), library())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> LibraryServed:
    """A dataset whose one case has neither firm, source nor claims."""
    return LibraryServed(build_tiny(tmp_path_factory.mktemp("tiny")), library())


class Links(HTMLParser):
    """The links and the ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.ids += [named["id"] or ""] if "id" in named else []
        self.hrefs += [named["href"] or ""] if tag == "a" and "href" in named else []


def page(reply: Reply) -> str:
    assert (200, "text/html") == (reply.status, reply.kind), reply.text[:300]
    return reply.text


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("view", VIEWS)
def test_each_view_in_each_language(served: LibraryServed, view: str, lang: str) -> None:
    """One heading, ids used once, the query behind each picture, a file of each, and only links that a browser can follow."""
    text = page(served.ask(f"{CASE}?view={view}&lang={lang}"))
    links = Links(text)
    assert 1 == text.count("<h1")
    assert len(links.ids) == len(set(links.ids))
    assert f'<html lang="{lang}"' in text
    assert any(h.startswith(("/questions/pictures/", "/questions/lenses/")) and "case=xiaomi" in h for h in links.hrefs)
    assert any(re.match(r"/pictures/xiaomi/\w+\.svg\?", h) for h in links.hrefs)
    assert all(h.startswith(("/", "#", "http://", "https://")) for h in links.hrefs)
    assert ("背后的查询" in text) == (lang == "zh")
    assert "<style" not in text
    assert " style=" not in text
    assert "javascript:" not in text


def test_queries_behind_pictures_answer(served: LibraryServed) -> None:
    """Every query that the pages name can be opened, and gives rows; so do the links of counts and of arrows."""
    hrefs = {h for view in VIEWS for h in Links(page(served.ask(f"{CASE}?view={view}"))).hrefs if h.startswith("/questions/")}
    plain = {h for h in hrefs if "actor=" not in h and "provider=" not in h and "format=" not in h}
    assert len(plain) >= 9
    some = sorted(h for h in hrefs if "actor=" in h)[:4] + sorted(h for h in hrefs if "provider=" in h)[:4]
    assert 8 == len(some)
    for href in [*sorted(plain), *some]:
        reply = served.ask(f"{href}&format=csv")
        assert 200 == reply.status, href
        assert reply.text.count("\n") > 1, href


def test_a_count_is_the_number_of_its_rows(served: LibraryServed) -> None:
    text = page(served.ask(f"{CASE}?view=matrix"))
    cells = re.findall(r'href="(/questions/pictures/contributions[^"]+)" aria-label="[^"]*: (\d+) reported, (\d+) cited or derived"', text)
    assert len(cells) > 10
    for href, reported, other in cells[:6]:
        rows = served.ask(href.replace("&amp;", "&") + "&format=csv").text.splitlines()
        column = rows[0].split(",").index("contribution")
        assert int(reported) + int(other) == len({re.split(r",(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", r)[column] for r in rows[1:]})


def test_the_first_page_is_light(served: LibraryServed) -> None:
    whole = served.ask(CASE)
    packed = served.ask(CASE, Accept_Encoding="gzip")
    assert len(whole.body) < MOST_BYTES
    assert len(packed.body) < len(whole.body) / 4


def test_browsers_get_the_page_and_clients_the_description(served: LibraryServed) -> None:
    """The IRI of a case leads browsers to its page, and RDF clients to what is said of it, as every IRI does."""
    there = served.ask("/case/xiaomi?lang=zh", Accept=BROWSER)
    assert (303, f"{CASE}?lang=zh") == (there.status, there["Location"])
    data = served.ask("/case/xiaomi", Accept="text/turtle")
    assert (303, "/case/xiaomi.ttl") == (data.status, data["Location"])
    assert "https://w3id.org/covalue/case/xiaomi" in {getattr(t.subject, "value", "") for t in served.ask(data["Location"]).triples()}
    assert f'href="{data["Location"]}"' in served.ask(CASE).text


def test_pages_are_kept_by_the_dataset(served: LibraryServed) -> None:
    first = served.ask(CASE, Accept_Language="zh")
    again = served.ask(CASE, Accept_Language="zh", If_None_Match=first["ETag"])
    assert 304 == again.status
    assert first["ETag"] != served.ask(CASE, Accept_Language="en")["ETag"]
    assert served.store.version == first["Covalue-Dataset"]
    assert {"accept-language", "accept-encoding"} <= first.vary


@pytest.mark.parametrize("name", exhibits.NAMES)
def test_each_picture_as_a_file(served: LibraryServed, name: str) -> None:
    """XML with its own style, which alone is allowed to it; permanent addresses; a name when it is saved; the same twice."""
    reply = served.ask(f"/pictures/xiaomi/{name}.svg?lang=zh&download=1")
    assert (200, "image/svg+xml") == (reply.status, reply.kind)
    root = ET.fromstring(reply.body)
    style = root.findtext(SVG + "style") or ""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in reply["Content-Security-Policy"]
    assert "script-src" not in reply["Content-Security-Policy"]
    assert 1 == reply.raw.lower().count(b"content-security-policy:")
    assert f'filename="covalue-xiaomi-{name}-zh.svg"' in reply["Content-Disposition"]
    assert "zh" == reply["Content-Language"]
    hrefs = {str(a.get("href")) for a in root.iter(SVG + "a")}
    assert hrefs
    assert all(urlsplit(h).scheme in ("http", "https") for h in hrefs)
    assert served.ask(f"/pictures/xiaomi/{name}.svg?lang=zh").body == reply.body
    assert 304 == served.ask(f"/pictures/xiaomi/{name}.svg?lang=zh", If_None_Match=reply["ETag"]).status


def test_other_responses_keep_their_policy(served: LibraryServed) -> None:
    assert "script-src 'self'" in served.ask(CASE)["Content-Security-Policy"]


def test_a_page_says_how_to_cite_it(served: LibraryServed) -> None:
    """By an address with the version of the data; who comes with another version is told."""
    text = page(served.ask(f"{CASE}?view=network&lang=zh"))
    address = f"https://w3id.org/covalue/case/xiaomi?view=network&amp;version={served.store.version[:16]}"
    assert f'<link rel="cite-as" href="{address}">' in text
    assert f"{address} 来源：金成瑞、吴偲琪（2024）。" in text
    assert 'role="alert"' not in text
    assert 'role="alert"' in page(served.ask(f"{CASE}?version=0123456789abcdef"))
    assert 'role="alert"' not in page(served.ask(f"{CASE}?version={served.store.version[:16]}"))


def test_cuts_of_the_causal_map(served: LibraryServed) -> None:
    """A section, and what lies around a situation, by short names or whole IRIs; the picture as a file is the same cut."""
    section = page(served.ask(f"{CASE}?section=3.2.3"))
    assert "section 3.2.3" in section
    around = page(served.ask(f"{CASE}?focus=users-trust-xiaomi&reach=1"))
    assert "around: Users trust Xiaomi" in around
    assert around == page(served.ask(f"{CASE}?focus=https://w3id.org/covalue/case/xiaomi/situation/users-trust-xiaomi&reach=1")).replace(
        "focus=https%3A%2F%2Fw3id.org%2Fcovalue%2Fcase%2Fxiaomi%2Fsituation%2Fusers-trust-xiaomi", "focus=users-trust-xiaomi"
    )
    href = next(h for h in Links(around).hrefs if h.startswith("/pictures/xiaomi/causes.svg"))
    near = ET.fromstring(served.ask(href).body)
    far = ET.fromstring(served.ask(href.replace("reach=1", "reach=3")).body)
    count = [sum("situation" in (e.get("class") or "") for e in root.iter()) for root in (near, far)]
    assert 1 < count[0] < count[1]


def test_the_network_for_interactive_drawing(served: LibraryServed) -> None:
    """Nodes apart from each other, lines between them, and the claims and passages of each."""
    body = served.ask("/pictures/xiaomi/network.json?lang=zh").json
    places = {(n["x"], n["y"]) for n in body["nodes"]}
    assert len(places) == len(body["nodes"]) > 10
    known = {n["id"] for n in body["nodes"]}
    assert all({e["source"], e["target"]} <= known and e["claims"] and all(c["passages"] for c in e["claims"]) for e in body["edges"])
    assert "用户" in {n["label"] for n in body["nodes"]}


def test_the_data_structure_can_be_taken_along(served: LibraryServed) -> None:
    """The whole table from passage to dimension, as a spreadsheet and as text that a paper can hold."""
    text = page(served.ask(f"{CASE}?view=structure"))
    exports = {h.partition("format=")[2].partition("&")[0]: h for h in Links(text).hrefs if "data-structure" in h and "format=" in h}
    assert {"csv", "xlsx", "md", "tex"} == set(exports)
    rows = served.ask(exports["csv"]).text.splitlines()
    assert len(rows) > 400
    assert served.ask(exports["xlsx"]).body.startswith(b"PK")
    claims = set(re.findall(r'href="(/case/xiaomi/[a-z-]+/[^"]+)"', text[text.index('<table class="tiers"') :]))
    assert len(claims) > 350


def test_cases_are_listed(served: LibraryServed, small: LibraryServed, tiny: LibraryServed) -> None:
    assert 'href="/case/xiaomi.html"' in page(served.ask("/cases"))
    text = page(small.ask("/cases?lang=zh"))
    assert 'href="/case/harbor-wheels.html"' in text
    assert "夜间诊所" in text
    assert 'href="/case/tiny.html"' in page(tiny.ask("/cases"))


@pytest.mark.parametrize("view", VIEWS)
def test_small_and_empty_cases(small: LibraryServed, tiny: LibraryServed, view: str) -> None:
    """Each view of a case that tells little, and of one that tells nothing, says so and is whole."""
    for service, case in ((small, "harbor-wheels"), (small, "night-clinic"), (tiny, "tiny")):
        text = page(service.ask(f"/case/{case}.html?view={view}"))
        assert 1 == text.count("<h1")
        assert "xiaomi" not in text.lower()
        assert "case says nothing" in text or "/questions/" in text
    empty = page(tiny.ask(f"/case/tiny.html?view={view}"))
    assert ("case says nothing" in empty) == (view != "canvas"), "nine empty blocks are a canvas"


def test_a_small_causal_map_is_shown_whole(small: LibraryServed) -> None:
    text = page(small.ask("/case/harbor-wheels.html"))
    assert 'id="h-causes"' in text
    assert "Repairs are shared" in text


@pytest.mark.parametrize(
    ("path", "status", "words", "words_zh"),
    [
        ("/case/nobody.html", 404, 'no case "nobody"', "没有案例“nobody”"),
        ("/pictures/nobody/network.svg", 404, 'no case "nobody"', "没有案例“nobody”"),
        ("/pictures/nobody/network.json", 404, 'no case "nobody"', "没有案例“nobody”"),
        (f"{CASE}?view=pie", 400, '"view" is one of overview', "“view”应为 overview"),
        (f"{CASE}?section=9.9", 400, 'no section "9.9"', "没有章节“9.9”"),
        (f"{CASE}?focus=nothing", 400, 'no situation "nothing"', "没有情形“nothing”"),
        (f"{CASE}?reach=99&focus=users-trust-xiaomi", 400, "from 1 to 6", "取 1 至 6"),
        (f"{CASE}?colour=red", 400, 'no parameter "colour"', "没有参数“colour”"),
        ("/cases?colour=red", 400, 'no parameter "colour"', "没有参数“colour”"),
    ],
)
def test_what_is_wrong_is_said(served: LibraryServed, path: str, status: int, words: str, words_zh: str) -> None:
    reply = served.ask(path)
    assert status == reply.status
    assert words in reply.json["detail"]
    assert words_zh in reply.json["detail_zh"]


def test_a_picture_without_anything_in_it(tiny: LibraryServed) -> None:
    reply = tiny.ask("/pictures/tiny/network.svg")
    assert 404 == reply.status
    assert "nothing to draw" in reply.json["detail"]
    assert {"nodes": [], "edges": []} == tiny.ask("/pictures/tiny/network.json").json


def test_an_unknown_picture(served: LibraryServed) -> None:
    assert 404 == served.ask("/pictures/xiaomi/pie.svg").status
