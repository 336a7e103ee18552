"""robots.txt, the site map, and what pages say to programs: JSON-LD by kind of page, and the elements for reference managers."""

from __future__ import annotations

import html
import json
import re
import urllib.robotparser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from covalue.stores.oxigraph import OxigraphStore
from covalue.web import crawlers
from library_served import LibraryServed, library
from served import B, Served, build_tiny
from test_web_pages import BROWSER, parsed

S = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
X = "{http://www.w3.org/1999/xhtml}"


@pytest.fixture(scope="module")
def served(real_built: tuple[object, Path]) -> LibraryServed:
    """The real dataset."""
    return LibraryServed(OxigraphStore.open(real_built[1]), library())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The tiny dataset."""
    return Served(build_tiny(tmp_path_factory.mktemp("tiny")))


def data(served: Served, path: str) -> dict[str, Any]:
    """The JSON-LD of a page."""
    reply = served.ask(path, Accept=BROWSER)
    parsed(reply)
    found: dict[str, Any] = json.loads(re.findall(r'<script type="application/ld\+json">(.*?)</script>', reply.text, re.DOTALL)[0])
    return found


def metas(served: Served, path: str) -> dict[str, list[str]]:
    """The meta elements of a page, by name."""
    out: dict[str, list[str]] = {}
    for name, content in re.findall(r'<meta name="([^"]+)" content="([^"]*)">', served.ask(path, Accept=BROWSER).text):
        out.setdefault(name, []).append(html.unescape(content))
    return out


def test_robots_keeps_crawlers_from_what_is_endless(tiny: Served) -> None:
    """As a parser reads it; the map is named by its address."""
    reply = tiny.ask("/robots.txt")
    assert (200, "text/plain") == (reply.status, reply.kind)
    rules = urllib.robotparser.RobotFileParser()
    rules.parse(reply.text.splitlines())
    for path in ("/sparql?query=x", "/graph-store?default", "/search?q=a", "/metrics"):
        assert not rules.can_fetch("any", tiny.url + path)
    for path in ("/", "/ontology", "/case/tiny/mill.html", "/questions"):
        assert rules.can_fetch("any", tiny.url + path)
    assert [f"{tiny.url}/sitemap.xml"] == rules.site_maps()
    assert 304 == tiny.ask("/robots.txt", If_None_Match=reply["ETag"]).status


def test_the_map_lists_pages_that_answer_in_both_languages(tiny: Served) -> None:
    """Each page once, with its two languages; every address answers with a page and none redirects."""
    reply = tiny.ask("/sitemap.xml")
    assert (200, "application/xml") == (reply.status, reply.kind)
    urls = ElementTree.fromstring(reply.body).findall(f"{S}url")
    places = [u.findtext(f"{S}loc") or "" for u in urls]
    assert len(places) == len(set(places)) > 10
    assert f"{tiny.url}/case/tiny/mill.html" in places
    assert f"{tiny.url}/ontology/Firm.html" in places
    for url in urls:
        links = {x.get("hreflang"): x.get("href") or "" for x in url.findall(f"{X}link")}
        assert {"en", "zh", "x-default"} == set(links)
        for lang in ("en", "zh"):
            page = tiny.ask(links[lang].removeprefix(tiny.url), Accept=BROWSER)
            assert (200, "text/html", lang) == (page.status, page.kind, page["Content-Language"]), links[lang]
    assert 304 == tiny.ask("/sitemap.xml", If_None_Match=reply["ETag"]).status


def test_a_large_map_is_a_list_of_maps(real_built: tuple[object, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Together they hold every page once."""
    monkeypatch.setattr(crawlers, "MOST", 700)
    served = LibraryServed(OxigraphStore.open(real_built[1]), library())
    parts = [x.text or "" for x in ElementTree.fromstring(served.ask("/sitemap.xml").body).iter(f"{S}loc")]
    assert len(parts) > 1
    found = [x.text for part in parts for x in ElementTree.fromstring(served.ask(part.removeprefix(served.url)).body).iter(f"{S}loc")]
    assert len(found) == len(set(found)) > 1500
    assert f"{served.url}/questions/actors/value-exchanges" in found
    assert f"{served.url}/source/jin-wu-2024/3.2.1-p2-s3.html" in found
    assert 404 == served.ask(f"/sitemap-{len(parts) + 1}.xml").status
    assert 404 == served.ask("/sitemap-0.xml").status


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/ontology", "DefinedTermSet"),
        ("/ontology/Contribution.html", "DefinedTerm"),
        ("/scheme/dimension.html", "DefinedTermSet"),
        ("/scheme/dimension/value-creation.html", "DefinedTerm"),
        ("/case/xiaomi/contribution/users-feedback-to-product-iteration-3-1.html", "Claim"),
        ("/source/jin-wu-2024/3.2.1-p2-s3.html", "CreativeWork"),
        ("/source/jin-wu-2024.html", "ScholarlyArticle"),
        ("/case/xiaomi/actor/xiaomi.html", "Organization"),
        ("/source/scholar/jin-chengrui.html", "Person"),
        ("/case/xiaomi/resource/user-feedback.html", "Thing"),
    ],
)
def test_each_kind_of_page_says_what_it_is(served: LibraryServed, path: str, kind: str) -> None:
    """By schema.org, under the permanent IRI, with names in both languages."""
    node = data(served, path)
    assert ("https://schema.org", kind) == (node["@context"], node["@type"])
    assert node["@id"].startswith(B)
    if kind not in ("ScholarlyArticle", "DefinedTermSet"):
        assert {"en", "zh"} == {n["@language"] for n in node["name"]}


def test_a_claim_names_its_places_and_a_term_its_set(served: LibraryServed) -> None:
    """What a program can follow."""
    claim = data(served, "/case/xiaomi/contribution/users-feedback-to-product-iteration-3-1.html")
    assert [f"{B}source/jin-wu-2024/3.1-p3-s1", f"{B}source/jin-wu-2024/3.1-p3-s2"] == [p["@id"] for p in claim["appearance"]]
    assert f"{B}scheme/dimension" == data(served, "/scheme/dimension/value-creation.html")["inDefinedTermSet"]["@id"]
    paper = data(served, "/source/jin-wu-2024.html?lang=zh")
    assert "10.12677/fin.2024.143123" == paper["identifier"]["value"]
    assert ["金成瑞", "吴偲琪"] == [a["name"] for a in paper["author"]]


def test_reference_managers_find_what_they_need(served: LibraryServed) -> None:
    """Of the paper its own data, of any other page those of the dataset."""
    paper = metas(served, "/source/jin-wu-2024.html?lang=zh")
    assert ["基于价值共创理论下的商业模式创新——以小米公司为例"] == paper["citation_title"]
    assert ["金成瑞", "吴偲琪"] == paper["citation_author"]
    assert (["2024"], ["10.12677/fin.2024.143123"], ["14"], ["3"]) == tuple(paper[f"citation_{x}"] for x in ("publication_date", "doi", "volume", "issue"))
    term = metas(served, "/ontology/Contribution.html")
    assert (["contribution"], ["covalue developers"], [B + "ontology#Contribution"]) == (term["citation_title"], term["citation_author"], term["DC.identifier"])


def test_data_cannot_end_the_block(tiny: Served) -> None:
    """A literal with a closing tag stays inside of it."""
    page = tiny.ask("/case/tiny/mill.html", Accept=BROWSER)
    parsed(page)
    block = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page.text, re.DOTALL)[0]
    assert "<" not in block
    assert "alert" in str(json.loads(block)["description"])


@pytest.mark.parametrize("path", ["/ontology/Contribution", "/case/xiaomi/actor/users", "/source/jin-wu-2024/3.2.1-p2-s3", "/source/jin-wu-2024", "/ontology"])
def test_every_page_has_its_reference_as_a_file(served: LibraryServed, path: str) -> None:
    """In the formats of reference managers, linked on the page; of the paper its own DOI, of all else the permanent address."""
    links = parsed(served.ask(f"{path}.html", Accept=BROWSER)).links
    bib, ris, csl = (served.ask(f"{path}.{ending}?lang=zh") for ending in ("bib", "ris", "csl"))
    assert {f"{path}.bib", f"{path}.ris", f"{path}.csl"} <= set(links)
    assert ("application/x-bibtex", "application/x-research-info-systems", "application/vnd.citationstyles.csl+json") == (bib.kind, ris.kind, csl.kind)
    (item,) = csl.json
    if path == "/source/jin-wu-2024":
        assert "10.12677/fin.2024.143123" == item["DOI"]
        assert "10.12677/fin.2024.143123" in bib.text
    else:
        assert item["URL"].startswith(B)
        assert item["URL"] in ris.text
    assert 304 == served.ask(f"{path}.bib?lang=zh", If_None_Match=bib["ETag"]).status
    assert 404 == served.ask("/case/xiaomi/actor/nobody-at-all.bib").status
