"""Linked data: every IRI of ours answers under its path."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pyoxigraph as ox
import pytest

from covalue.formats import Shape, offered
from covalue.names import PREFIXES
from covalue.stores.oxigraph import OxigraphStore
from covalue.web.linked_data import MOST, nearest
from served import FOLLOWERS, B, G, Served, build_tiny, enc, local

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PROTEGE = "application/rdf+xml, application/xml; q=0.7, text/xml; q=0.6, text/plain; q=0.1, */*; q=0.09"
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
MILL = ox.NamedNode(B + "case/tiny/mill")
FORMATS = offered(Shape.GRAPH)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> OxigraphStore:
    """The tiny dataset."""
    return build_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def served(store: OxigraphStore) -> Served:
    """It, served."""
    return Served(store)


def own_iris(store: OxigraphStore) -> list[str]:
    """Every IRI of ours that the data hold, in any place; of terms, those that the ontology describes."""
    subjects, found = set(), set()
    for quad in store._store:
        subjects.add(str(quad.subject))
        found |= {t for t in (quad.subject, quad.predicate, quad.object, quad.graph_name) if isinstance(t, ox.NamedNode)}
    ours = (t.value for t in found if t.value.startswith(B) and "/crowd/p" not in t.value)
    return sorted(iri for iri in ours if "#" not in iri or f"<{iri}>" in subjects)


def test_every_iri_answers_with_statements_about_it(served: Served, store: OxigraphStore) -> None:
    """Directly or by a redirect, in Turtle, with the IRI in them; those of graphs with what these hold."""
    iris = own_iris(store)
    assert len(iris) > 15
    for iri in iris:
        reply = served.ask(local(iri), Accept="text/turtle")
        if reply.status == 303:
            reply = served.ask(reply["Location"], Accept="text/turtle")
        assert (200, "text/turtle") == (reply.status, reply.kind), iri
        if iri in store.graphs():
            assert reply.triples() == served.ask(f"/graph-store?graph={enc(iri)}").triples()
            continue
        mentioned = {term.value for t in reply.triples() for term in (t.subject, t.predicate, t.object) if isinstance(term, ox.NamedNode)}
        assert iri in mentioned


@pytest.mark.parametrize(
    ("accept", "ending"),
    [(f.media_type, f.extension) for f in FORMATS] + [("*/*", "ttl"), (BROWSER, "html"), (JAVA, "ttl"), ("text/html, text/turtle", "ttl"), ("application/json", "jsonld")],
)
def test_things_are_303_to_a_document_in_the_wanted_format(served: Served, accept: str, ending: str) -> None:
    """The redirect depends on the header, and says so; the document does what its name says."""
    reply = served.ask("/case/tiny/mill", Accept=accept)
    assert (303, f"/case/tiny/mill.{ending}", b"") == (reply.status, reply["Location"], reply.body)
    assert "accept" in reply.vary
    document = served.ask(reply["Location"], Accept="image/png")
    assert 200 == document.status
    assert document.kind == ("text/html" if ending == "html" else next(f.media_type for f in FORMATS if f.extension == ending))


def test_redirects_keep_the_parameters(served: Served) -> None:
    """The language of a page, and what else is asked."""
    assert "/case/tiny/mill.html?lang=zh" == served.ask("/case/tiny/mill?lang=zh", Accept=BROWSER)["Location"]
    assert "/case/tiny/mill.nt?format=nt&download=1" == served.ask("/case/tiny/mill?format=nt&download=1")["Location"]
    assert 406 == served.ask("/case/tiny/mill", Accept="image/png").status


def test_a_description_is_symmetric(served: Served) -> None:
    """What the mill says, what its blank nodes say, what is said of it; and no more."""
    triples = served.ask("/case/tiny/mill.nt").triples()
    about = {t for t in triples if t.subject == MILL or t.object == MILL}
    assert ox.Triple(ox.NamedNode(B + "case/tiny/baker"), ox.NamedNode(B + "ontology#trades"), MILL) in about
    assert ox.Triple(MILL, ox.NamedNode(PREFIXES["rdf"] + "type"), ox.NamedNode(B + "ontology#Actor")) in about
    cellar = [t.object for t in about if isinstance(t.object, ox.BlankNode)]
    assert ["a cellar"] == [t.object.value for t in triples if t.subject in cellar and isinstance(t.object, ox.Literal)]
    others = {t.subject.value for t in triples - about if isinstance(t.subject, ox.NamedNode)}
    assert {f"{served.url}/case/tiny/mill.nt"} == others


def test_a_document_speaks_of_itself(served: Served) -> None:
    """Its topic, its dataset, its licence."""
    text = served.ask("/case/tiny/mill.ttl").text
    assert f"<{served.url}/case/tiny/mill.ttl> a foaf:Document" in text
    assert "foaf:primaryTopic case:tiny\\/mill" in text
    assert "dcterms:license" in text


def test_a_description_is_bounded_and_says_so(served: Served) -> None:
    """A hub has more followers than a description holds: in the statements, in a header, on the page."""
    reply = served.ask("/scheme/role/hub.nt")
    triples = reply.triples()
    assert MOST == sum(isinstance(t.object, ox.NamedNode) and t.object.value == B + "scheme/role/hub" and "primaryTopic" not in t.predicate.value for t in triples)
    assert any("Not complete" in str(t.object) for t in triples)
    assert any("不完整" in str(t.object) for t in triples)
    assert reply.get("Covalue-Incomplete")
    page = served.ask("/scheme/role/hub.html").text
    assert f'<span class="count">{FOLLOWERS}</span>' in page
    assert f"All {FOLLOWERS}" in page
    whole = served.ask("/case/tiny/mill.nt")
    assert whole.get("Covalue-Incomplete") is None
    assert "Not complete" not in whole.text


@pytest.mark.parametrize("path", ["/ontology", "/ontology/1.0.0"])
@pytest.mark.parametrize(
    ("accept", "kind"), [(PROTEGE, "application/rdf+xml"), (JAVA, "text/turtle"), ("*/*", "text/turtle"), ("text/html, text/turtle", "text/turtle"), (BROWSER, "text/html")]
)
def test_the_ontology_is_there_whole_without_a_redirect(served: Served, path: str, accept: str, kind: str) -> None:
    """For editors, crawlers and readers, under its IRI and that of its version."""
    reply = served.ask(path, Accept=accept)
    assert (200, kind) == (reply.status, reply.kind)
    if kind != "text/html":
        assert len(served.ask("/graph-store?graph=" + G + "ontology").triples()) == len(reply.triples())


@pytest.mark.parametrize(("ending", "kind"), [(f.extension, f.media_type) for f in FORMATS] + [("owl", "application/rdf+xml"), ("html", "text/html")])
def test_the_ontology_as_files(served: Served, ending: str, kind: str) -> None:
    """Whatever the header says."""
    for accept in ("*/*", "text/html", "image/png"):
        assert (200, kind) == (served.ask(f"/ontology.{ending}", Accept=accept).status, served.ask(f"/ontology.{ending}", Accept=accept).kind)


def test_turtle_uses_our_prefixes(served: Served) -> None:
    """Only those that occur."""
    text = served.ask("/ontology.ttl").text
    assert f"@prefix vcc: <{B}ontology#> ." in text
    assert "vcc:Firm a owl:Class" in text
    assert "fabio" not in text


@pytest.mark.parametrize("ending", ["", ".ttl", ".nt", ".rdf", ".jsonld", ".trig", ".nq"])
def test_a_graph_is_what_it_holds(served: Served, ending: str) -> None:
    """It is an information resource: its own address has its statements, without a redirect, as the graph store gives them; as files too."""
    direct = served.ask(f"/graph/scheme/role{ending}")
    indirect = served.ask(f"/graph-store?graph={G}scheme/role", Accept=direct.kind)
    assert (200, indirect.body, indirect["ETag"]) == (direct.status, direct.body, direct["ETag"])
    assert "hub" in direct.text
    assert '</.well-known/void>; rel="describedby"' == direct["Link"]
    assert (200, b"") == ((head := served.ask(f"/graph/scheme/role{ending}", "HEAD")).status, head.body)
    assert 405 == served.ask(f"/graph/scheme/role{ending}", "PUT", b"<a:b> <a:b> <a:b> .", Content_Type="text/turtle").status


def test_a_graph_has_a_page(served: Served) -> None:
    """Its size and where its content is, for readers."""
    page = served.ask("/graph/case/tiny", Accept=BROWSER)
    assert (200, "text/html") == (page.status, page.kind)
    assert f"{served.url}/graph-store?graph=" in page.text
    assert "Its statements as" in page.text
    assert "此图的全部语句" in served.ask("/graph/case/tiny?lang=zh", Accept=BROWSER).text
    assert "text/html" == served.ask("/graph/case/tiny.html").kind
    assert 406 == served.ask("/graph/case/tiny", Accept="image/png").status


def test_what_stands_outside_of_the_default_graph_answers_too(served: Served) -> None:
    """Shapes, with their blank nodes."""
    triples = served.ask("/shapes/Firm.nt").triples()
    assert any(t.predicate.value == PREFIXES["sh"] + "minCount" for t in triples)


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("/case/tiny/mil", "case/tiny/mill"),
        ("/case/tiny/mill/", "case/tiny/mill"),
        ("/case/tiny/mil.ttl", "case/tiny/mill"),
        ("/graph/case/tinny", "graph/case/tiny"),
        ("/Ontology", None),
    ],
)
def test_what_is_unknown_is_404_with_the_nearest(served: Served, path: str, near: str | None) -> None:
    """A problem as everywhere."""
    reply = served.ask(path)
    assert (404, "application/problem+json") == (reply.status, reply.kind)
    assert near is None or B + near in reply.json["nearest"]
    assert near is None or B + near in reply.json["detail"]
    assert 404 == served.ask(path, "HEAD").status


@pytest.mark.parametrize(
    "path",
    [
        "/%00",
        "/%FF",
        "/%0d%0a",
        "/a%20b",
        "/%3Cscript%3E",
        "/..%2f..%2fetc/passwd",
        "/../etc/passwd",
        "//evil.org/",
        "/case/tiny/mill%3E%20%7B%7D",
        "/" + "a/" * 2000,
        "/case/tiny.exe",
        "/.ttl",
        "/ontology.exe",
    ],
)
def test_odd_paths_are_404(served: Served, path: str) -> None:
    """Never a failure, never a redirect, never a file."""
    reply = served.ask(path)
    assert 404 == reply.status, reply.text
    assert "root:" not in reply.text


CODED = ["a%20b", "%E5%B0%8F", "小米", "小%20米", "大%25", "%e5%a4%a7", "100%25", "a%2525", "a%25", "a%2Fb", "a/b", "a%3Fb", "v1.0%2B", "%FF", "~a", "a:b;c"]
"""Ends of IRIs as files of others have them; each is a thing of its own."""


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Things under our base whose names need care, as by `--data`."""
    path = tmp_path_factory.mktemp("coded") / "coded.nt"
    path.write_text("".join(f'<{B}case/x/{name}> <{PREFIXES["rdfs"]}label> "name {i}" .\n' for i, name in enumerate(CODED)), encoding="utf-8")
    return Served(OxigraphStore.from_files([path]))


@pytest.mark.parametrize("name", CODED)
def test_a_coded_iri_is_found_where_its_client_asks(coded: Served, name: str) -> None:
    """With percent signs or the characters themselves: by way of the redirect, and again by all links of its page."""
    path = "/case/x/" + quote(name, safe="/%~:;,+")
    reply = coded.ask(path, Accept="text/turtle")
    assert (303, f"{path}.ttl") == (reply.status, reply["Location"])
    document = coded.ask(reply["Location"])
    label = ox.Literal(f"name {CODED.index(name)}")
    assert [ox.NamedNode(f"{B}case/x/{name}")] == [t.subject for t in document.triples() if t.object == label]
    assert [ox.NamedNode(f"{coded.url}{path}.ttl")] == [t.subject for t in document.triples() if t.predicate.value.endswith("primaryTopic")]
    page = coded.ask(f"{path}.html?statements=1", Accept=BROWSER)
    assert (200, 200) == (page.status, coded.ask(f"{path}.html").status)
    links = {unescape(found) for found in re.findall(r'href="(/case/x/[^"]*)"', page.text)}
    assert {f"{path}.{f.extension}" for f in FORMATS} <= links
    assert any("lang=zh" in link for link in links)
    for link in links:
        assert 200 == coded.ask(link).status, link


def test_of_two_names_at_one_address_the_readable_one_answers(tmp_path: Path) -> None:
    """No client can tell them apart by an address; either is found where it is alone, also by who encodes more than is needed."""
    path = tmp_path / "two.ttl"
    path.write_text(f'<{B}case/x/小> <http://x/p> "characters" . <{B}case/x/%E5%B0%8F> <http://x/p> "coded" . <{B}case/x/mill> <http://x/p> "plain" .', encoding="utf-8")
    served = Served(OxigraphStore.from_files([path]))
    assert "characters" in served.ask("/case/x/%E5%B0%8F.nt").text
    assert "characters" in served.ask("/case/x/%e5%b0%8f.nt").text
    assert "plain" in served.ask("/case/x/m%69ll.nt").text
    assert "plain" in served.ask("/case%2Fx/mill.nt").text


def test_pages_name_things_in_the_language_of_the_reader(served: Served) -> None:
    """Predicates and values by their labels; what has none by its CURIE."""
    english, chinese = served.ask("/case/tiny/mill.html").text, served.ask("/case/tiny/mill.html?lang=zh").text
    assert "<h1><bdi>the mill</bdi></h1>" in english
    assert "<h1><bdi>磨坊</bdi></h1>" in chinese
    assert "><bdi>holds</bdi></a>" in english
    assert "><bdi>持有</bdi></a>" in chinese
    assert "><bdi>baker</bdi></a>" in chinese
    assert "><bdi>case:tiny/flour</bdi></a>" in english


def test_a_file_has_a_name(served: Served) -> None:
    """Made of the path."""
    assert 'attachment; filename="case-tiny-mill.ttl"' == served.ask("/case/tiny/mill.ttl?download=1")["Content-Disposition"]
    assert 'attachment; filename="ontology.rdf"' == served.ask("/ontology.owl?download=1")["Content-Disposition"]


def test_a_store_without_an_ontology_of_ours(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing is claimed that is not there."""
    served = Served(OxigraphStore.from_files([]))
    assert 404 == served.ask("/ontology").status
    assert 404 == served.ask("/case/tiny").status
    assert 200 == served.ask("/dataset").status


def test_nearest_looks_at_neighbours_only() -> None:
    """However many there are."""
    many = sorted(f"http://x/{i:06}" for i in range(100_000))
    assert "http://x/000012" in nearest("http://x/000012x", many)
    assert () == nearest("http://x/a", [])
