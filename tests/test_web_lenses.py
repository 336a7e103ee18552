"""Lenses over real HTTP: every format, the parts, one case, and IRIs that lenses mint."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from covalue.formats import Shape, offered
from covalue.manifest import Manifest
from covalue.names import BASE, gaps_graph, lens_graph, trace_graph
from covalue.stores.oxigraph import OxigraphStore
from library_served import LibraryServed, library
from served import Served, build_tiny

FORMATS = offered(Shape.GRAPH)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture(scope="module")
def store(real_built: tuple[Manifest, Path]) -> OxigraphStore:
    """The dataset of the checkout."""
    return OxigraphStore.open(real_built[1])


@pytest.fixture(scope="module")
def served(store: OxigraphStore) -> Served:
    """It, served with its questions."""
    return LibraryServed(store, library())


def graph(store: OxigraphStore, iri: str) -> set[ox.Triple]:
    """The statements of a named graph."""
    return {q.triple for q in store.engine.quads_for_pattern(None, None, None, ox.NamedNode(iri))}


@pytest.mark.parametrize("form", FORMATS, ids=lambda f: f.extension)
def test_a_lens_in_every_format(served: Served, store: OxigraphStore, form) -> None:  # type: ignore[no-untyped-def]
    """By the header, by the ending, and by parameter: the same statements, with a tag that spares the second asking."""
    wanted = graph(store, lens_graph("e3value"))
    for path, headers in (("/lenses/e3value", {"Accept": form.media_type}), (f"/lenses/e3value.{form.extension}", {}), (f"/lenses/e3value?format={form.names[0]}", {})):
        reply = served.ask(path, **headers)
        assert (200, form.media_type) == (reply.status, reply.kind), path
        assert wanted == set(reply.triples())
        assert served.ask(path, **{**headers, "If-None-Match": reply["ETag"]}).status == 304


@pytest.mark.parametrize(("part", "name"), [("trace", trace_graph), ("gaps", gaps_graph)])
def test_the_parts_of_a_lens(served: Served, store: OxigraphStore, part: str, name) -> None:  # type: ignore[no-untyped-def]
    """Trace and gaps are had in the same way, also for one case."""
    wanted = graph(store, name("e3value"))
    for path in (f"/lenses/e3value/{part}", f"/lenses/e3value/{part}.ttl", f"/lenses/e3value/{part}?case=xiaomi"):
        assert wanted == set(served.ask(path, Accept="text/turtle").triples())


def test_a_lens_of_one_case(served: Served, store: OxigraphStore) -> None:
    """By short name or IRI; there is one case, so it is all."""
    for case in ("xiaomi", f"{BASE}case/xiaomi"):
        assert graph(store, lens_graph("bmo")) == set(served.ask(f"/lenses/bmo.nt?case={case}").triples())


@pytest.mark.parametrize(("path", "near"), [("/lenses/bom", "bmo"), ("/lenses/bmo?case=xiaomo", "xiaomi"), ("/lenses/nothing/gaps", "valueflows")])
def test_what_is_not_there(served: Served, path: str, near: str) -> None:
    """404, and what there is."""
    reply = served.ask(path, Accept="text/turtle")
    assert reply.status == 404
    assert near in reply.text


def test_large_lenses_go_out_as_the_engine_writes_them(served: Served, store: OxigraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same statements, without passing through this process one by one."""
    monkeypatch.setattr("covalue.web.lenses.SMALL", 10)
    for extension in ("ttl", "rdf", "jsonld", "nq"):
        assert graph(store, lens_graph("sdl")) == set(served.ask(f"/lenses/sdl.{extension}").triples())


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_pages(served: Served, lang: str) -> None:
    """The list, each lens and its gaps are pages in both languages, with what is missing and the questions that go through the lens."""
    said = {"en": ("economic reciprocity", "Who exchanges what with whom"), "zh": ("经济互惠", "谁与谁交换什么")}[lang]
    every = served.ask(f"/lenses?lang={lang}", Accept=BROWSER)
    assert (200, "text/html") == (every.status, every.kind)
    for lens in ("bmo", "e3value", "prov", "schema", "sdl", "valueflows"):
        assert f'href="/lenses/{lens}"' in every.text
        for path in (f"/lenses/{lens}", f"/lenses/{lens}/gaps", f"/lenses/{lens}/trace"):
            reply = served.ask(f"{path}?lang={lang}&case=xiaomi", Accept=BROWSER)
            assert (200, "text/html", lang) == (reply.status, reply.kind, reply["Content-Language"]), path
    page = served.ask(f"/lenses/e3value?lang={lang}", Accept=BROWSER).text
    assert all(text in page for text in said)
    assert "/case/xiaomi/exchange/xiaomi-invests-in-ecosystem-firms-3-3-3" in page


def test_the_list_as_data(served: Served) -> None:
    """The descriptions of all lenses, as RDF."""
    found = served.ask("/lenses", Accept="text/turtle").triples()
    assert {f"{BASE}lens/{lens}" for lens in ("bmo", "e3value", "prov", "schema", "sdl", "valueflows")} <= {t.subject.value for t in found if isinstance(t.subject, ox.NamedNode)}


@pytest.mark.parametrize("lens", ["bmo", "e3value", "prov", "schema", "sdl", "valueflows"])
def test_minted_iris_answer_here(served: Served, store: OxigraphStore, lens: str) -> None:
    """Things, statements of the trace and gaps: each leads to a document that says something of it."""
    of = f"{BASE}lens/{lens}/"
    for name in (lens_graph(lens), trace_graph(lens), gaps_graph(lens)):
        minted = sorted({t.subject.value for t in graph(store, name) if isinstance(t.subject, ox.NamedNode) and t.subject.value.startswith(of)})
        for iri in minted[:: max(1, len(minted) // 3)]:
            reply = served.ask("/" + iri[len(BASE) :], Accept="text/turtle")
            assert reply.status == 303, iri
            document = served.ask(reply["Location"], Accept="text/turtle")
            assert any(t.subject == ox.NamedNode(iri) for t in document.triples())


def test_a_question_through_a_lens_at_the_endpoint(served: Served) -> None:
    """The same question asked in the terms of the canvas gives facts of Xiaomi."""
    query = f"PREFIX bmo: <http://purl.org/bmo/ns#> SELECT ?x FROM <{lens_graph('bmo')}> WHERE {{ ?x a bmo:Channel }} ORDER BY ?x"
    reply = served.query(query, "text/csv")
    assert f"{BASE}case/xiaomi/channel/mi-home" in reply.text


def test_without_lenses_the_page_says_so(tmp_path: Path) -> None:
    """A dataset that was built without any."""
    plain = Served(build_tiny(tmp_path))
    assert "without lenses" in plain.ask("/lenses", Accept=BROWSER).text
    assert plain.ask("/lenses/bmo", Accept=BROWSER).status == 404
