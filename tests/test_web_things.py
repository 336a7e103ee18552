"""Pages of terms, actors, claims and sentences, on the real dataset: what stands on them, in both languages, and nothing lost."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import urlsplit

import pyoxigraph as ox
import pytest

from covalue.passages import place_key
from covalue.stores.oxigraph import OxigraphStore
from covalue.terminology import read
from covalue.web.term_uses import names_term
from library_served import LibraryServed, library
from served import B, Served, build_tiny, local
from test_web_pages import BROWSER, parsed

VCC = B + "ontology#"
CLAIM = "/case/xiaomi/contribution/users-feedback-to-product-iteration-3-1"
PAGES = (
    "/ontology/Contribution",
    "/ontology/contributesTo",
    "/ontology/value",
    "/ontology/note",
    "/scheme/dimension",
    "/scheme/dimension/value-creation",
    "/scheme/modality/derived",
    "/case/xiaomi/actor/users",
    "/case/xiaomi/resource/user-feedback",
    "/case/xiaomi/mechanism/redefine-user-needs",
    CLAIM,
    "/case/xiaomi/observation/smartphone-market-share-rank-2023-3-2-3",
    "/case/xiaomi/situation/fan-image-formed",
    "/source/jin-wu-2024/3.2.1-p2-s3",
    "/source/jin-wu-2024/3.2.1",
    "/source/vargo-lusch-2004",
    "/shapes/a-publication",
)


@pytest.fixture(scope="module")
def served(real_built: tuple[object, Path]) -> LibraryServed:
    """The real dataset."""
    return LibraryServed(OxigraphStore.open(real_built[1]), library())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The tiny dataset."""
    return Served(build_tiny(tmp_path_factory.mktemp("tiny")))


def text_of(served: Served, path: str, lang: str = "en") -> str:
    """The text of a sound page, without its markup."""
    reply = served.ask(f"{path}.html?lang={lang}", Accept=BROWSER)
    parsed(reply)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", reply.text)).split())


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_every_kind_of_page_is_sound_and_has_no_empty_label(served: LibraryServed, path: str, lang: str) -> None:
    """Links and headings have a text; the title is a label in the language of the page."""
    reply = served.ask(f"{path}.html?lang={lang}", Accept=BROWSER)
    parsed(reply)
    assert not re.search(r"<(a|h1|h2|h3|dt|bdi|li)\b[^>]*>\s*(<bdi[^>]*>\s*</bdi>)?\s*</\1>", reply.text)
    assert re.search(r"<h1><bdi>[^<]+</bdi></h1>", reply.text)


def test_the_path_of_an_iri_leads_to_its_page(served: LibraryServed) -> None:
    """By redirect for things; a term of the ontology has a page of its own, and statements about it alone."""
    assert (303, "/case/xiaomi/actor/users.html") == ((r := served.ask("/case/xiaomi/actor/users", Accept=BROWSER)).status, r["Location"])
    assert (303, "/ontology/Claim.html") == ((r := served.ask("/ontology/Claim", Accept=BROWSER)).status, r["Location"])
    triples = served.ask("/ontology/Claim.nt").triples()
    assert any(t.subject == ox.NamedNode(VCC + "Claim") for t in triples)
    assert 404 == served.ask("/ontology/NoSuchTerm").status


def test_both_languages_stand_side_by_side(served: LibraryServed) -> None:
    """Whichever the page is in; its own comes first."""
    english, chinese = (served.ask(f"/ontology/Contribution.html?lang={lang}", Accept=BROWSER).text for lang in ("en", "zh"))
    for page in (english, chinese):
        assert "A claim that an actor brings a value object to a value dimension." in page
        assert "关于某行动者向某价值维度投入某价值对象的陈述。" in page
    assert english.index('<div lang="en">') < english.index('<div lang="zh">')
    assert chinese.index('<div lang="zh">') < chinese.index('<div lang="en">')


def test_a_claim_reads_from_contributor_to_dimension(served: LibraryServed) -> None:
    """With role, stage, manner, scope, places and the curator's reason."""
    text = text_of(served, CLAIM)
    for piece in (
        "contributor users contributes user feedback to value creation",
        "in the role of user",
        "at stage software and internet stage",
        "derived",
        "Section 3.1, paragraph 3, sentence 1 Section 3.1, paragraph 3, sentence 2",
        "Value creation is ours",
        "归入价值创造是整理者的判断",
    ):
        assert piece in text
    assert "贡献者 用户 投入 用户反馈 指向维度 价值创造" in text_of(served, CLAIM, "zh")


def test_a_figure_keeps_its_comparator_and_unit(served: LibraryServed) -> None:
    """As one part."""
    assert "more than 10000" in text_of(served, "/case/xiaomi/observation/domestic-offline-stores-over-10000-3-2-3")


def test_the_place_of_a_term(served: LibraryServed) -> None:
    """Classes above and below, relations from and to, definitions in words, what uses it."""
    text = text_of(served, "/ontology/UserDrivenMechanism")
    assert "mechanism user-driven mechanism" in text
    assert re.search(r"mechanism and mechanism of some \( ?contribution and in role is user ?\)", text)
    text = text_of(served, "/ontology/contributesTo")
    for piece in ("From actor", "To value dimension", "makes contribution , then towards dimension", "Used 18 times in the data", "Ready questions that use it"):
        assert piece in text, piece
    text = text_of(served, "/scheme/dimension/value-creation")
    assert "value dimension scheme" in text
    assert "joint value creation" in text


def test_what_is_claimed_of_an_actor_and_in_a_sentence(served: LibraryServed, real_built: tuple[object, Path]) -> None:
    """Every claim of a sentence is on its page, with its neighbours; inferred statements are marked."""
    store = OxigraphStore.open(real_built[1])
    iri = B + "source/jin-wu-2024/3.2.1-p2-s3"
    resting = {q.subject.value for q in store._store.quads_for_pattern(None, ox.NamedNode(VCC + "accordingTo"), ox.NamedNode(iri)) if isinstance(q.subject, ox.NamedNode)}
    assert len(resting) > 20
    page = parsed(served.ask(local(iri) + ".html", Accept=BROWSER))
    assert {local(c) for c in resting} <= set(page.links)
    assert {"/source/jin-wu-2024/3.2.1-p2-s2", "/source/jin-wu-2024/3.2.1-p3-s1", "/source/jin-wu-2024/3.2.1"} <= set(page.links)
    assert "value creation follows" in text_of(served, "/case/xiaomi/actor/users")


def test_long_groups_lead_to_listings_that_hold_all(served: LibraryServed, tiny: Served) -> None:
    """A page of a listing has a hundred; together they are all, each once."""
    found: list[str] = []
    address: str | None = "/scheme/role/hub.html?facts=vcc:role&of=this"
    while address:
        reply = tiny.ask(address, Accept=BROWSER)
        page = parsed(reply)
        found += [x for x in page.links if x.startswith("/case/crowd/p")]
        following = re.search(r'<a rel="next" href="([^"]+)"', reply.text)
        address = html.unescape(following[1]) if following else None
    assert 1005 == len(found) == len(set(found))
    listing = served.ask("/case/xiaomi/actor/users.html?facts=vcc:makesContribution", Accept=BROWSER)
    parsed(listing)
    assert "Users contribute feedback from which products are iterated" in listing.text


@pytest.mark.parametrize("query", ["facts=", "facts=%3Cscript%3E", "facts=vcc:x&page=0", "facts=vcc:x&page=x", "facts=a%20b"])
def test_a_listing_of_nothing_says_so(tiny: Served, query: str) -> None:
    """One sentence."""
    reply = tiny.ask(f"/case/tiny/mill.html?{query}", Accept=BROWSER)
    assert 400 == reply.status
    assert "text/html" == reply.kind


def test_markup_in_data_stays_text_everywhere(tiny: Served) -> None:
    """On pages of things, in listings, in search."""
    for path in ("/case/tiny/mill.html", "/case/tiny/mill.html?facts=rdfs:comment"):
        reply = tiny.ask(path, Accept=BROWSER)
        parsed(reply)
        assert "&lt;script&gt;alert" in reply.text


def test_links_of_pages_lead_somewhere(served: LibraryServed) -> None:
    """Every link to this server on some pages answers."""
    links = {
        link for path in (CLAIM, "/ontology/UserDrivenMechanism", "/scheme/dimension") for link in parsed(served.ask(f"{path}.html", Accept=BROWSER)).links if link.startswith("/")
    }
    for link in sorted(links):
        parts = urlsplit(link)
        if not parts.path.startswith(("/editor", "/cases", "/lenses")):
            assert served.ask(link, Accept=BROWSER).status in (200, 303), link


def test_terms_in_queries_are_whole_words() -> None:
    """So that `cause` is not found in `causeIn`."""
    assert names_term("?x vcc:cause ?y", "vcc:cause")
    assert names_term("vcc:cause", "vcc:cause")
    assert names_term("?x vcc:causeIn/vcc:cause ?y", "vcc:cause")
    assert not names_term("?x vcc:causeIn ?y", "vcc:cause")


def test_places_are_in_the_order_of_the_text() -> None:
    """Numbers count by their value."""
    order = ["s/3-p1-s1", "s/3.1-p1-s2", "s/3.1-p1-s10", "s/3.1-p2-s1", "s/3.2-p1-s1", "s/3.10-p1-s1"]
    assert order == sorted(set(order), key=place_key)


def test_a_source_is_a_page_of_its_own(served: LibraryServed) -> None:
    """With every sentence, its claims, and a policy under which the page can send nothing; its sections alike."""
    reply = served.ask("/source/jin-wu-2024.html", Accept=BROWSER)
    page = parsed(reply)
    assert {"3.2.1-p2-s3", "4-p2-s5", "section-3.2.1"} <= set(page.ids)
    assert "connect-src 'none'" in reply["Content-Security-Policy"]
    section = served.ask("/source/jin-wu-2024/3.3.html?lang=zh", Accept=BROWSER)
    ids = set(parsed(section).ids)
    assert {"section-3.3", "section-3.3.3"} <= ids
    assert "section-4" not in ids
    assert "All statements" in reply.text
    assert "publication year" in served.ask("/source/jin-wu-2024.html?statements=1", Accept=BROWSER).text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_document_of_the_ontology_is_whole(served: LibraryServed, real_built: tuple[object, Path], lang: str) -> None:
    """Each term at its own anchor with definitions in both languages, the concepts, pictures, mappings, files at stable paths."""
    reply = served.ask(f"/ontology?lang={lang}", Accept=BROWSER)
    page = parsed(reply)
    terms = read(OxigraphStore.open(real_built[1]))
    ours = [t for t in terms.terms.values() if t.iri.startswith(VCC)]
    assert len(ours) > 190
    assert {t.local for t in ours} <= set(page.ids)
    text = html.unescape(reply.text)
    for term in [*ours, *terms.of_kind("concept"), *terms.of_kind("scheme")]:
        for one in ("en", "zh"):
            assert all(x in text for x in (term.label(one), *term.said("skos:definition", one), *term.said("skos:example", one))), term.iri
        assert local(term.iri) in page.links or f"/ontology/{term.local}" in page.links
    assert 3 == reply.text.count('<svg class="picture"')
    rows = sum(1 for t in terms.terms.values() if t.ours for m in terms.mappings(t.iri) if not m.inverse)
    assert rows > 20
    assert rows == reply.text.split('id="doc-mappings"', 1)[1].split("</table>", 1)[0].count("<tr>") - 1
    for ending, kind in (
        ("ttl", "text/turtle"),
        ("owl", "application/rdf+xml"),
        ("rdf", "application/rdf+xml"),
        ("jsonld", "application/ld+json"),
        ("nt", "application/n-triples"),
    ):
        assert f"/ontology.{ending}" in page.links
        assert kind == served.ask(f"/ontology.{ending}").kind


def test_mappings_stand_on_the_pages_of_their_terms(served: LibraryServed) -> None:
    """Relation, confidence, comment in the language of the page; an absent counterpart is said."""
    english, chinese = text_of(served, "/scheme/role/supplier"), text_of(served, "/scheme/role/supplier", "zh")
    assert re.search(r"bmo broader match .*KeyPartner.* 0\.75 The canvas counts suppliers among the key partners\.", english)
    assert "画布把供应商计入关键伙伴。" in chinese
    assert "no counterpart" in text_of(served, "/ontology/Contribution")
