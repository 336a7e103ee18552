"""The Graph Store Protocol, for reading."""

from __future__ import annotations

import pytest

from covalue.formats import Shape, offered
from covalue.stores.oxigraph import OxigraphStore
from served import B, G, Served, build_tiny, enc


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The tiny dataset."""
    return Served(build_tiny(tmp_path_factory.mktemp("tiny")))


@pytest.mark.parametrize("format", offered(Shape.GRAPH), ids=lambda f: f.extension)
@pytest.mark.parametrize("graph", ["default", "graph=" + enc(G + "case/tiny")])
def test_graphs_in_every_format(served: Served, format: object, graph: str) -> None:
    """The same statements, by header and by parameter."""
    by_header = served.ask(f"/graph-store?{graph}", Accept=format.media_type)  # type: ignore[attr-defined]
    by_name = served.ask(f"/graph-store?{graph}&format={format.names[0]}")  # type: ignore[attr-defined]
    assert (200, format.media_type) == (by_header.status, by_header.kind)  # type: ignore[attr-defined]
    assert by_header.kind == by_name.kind
    assert len(served.ask(f"/graph-store?{graph}", Accept="application/n-triples").triples()) == len(by_header.triples()) == len(by_name.triples())


def test_the_graphs_are_what_they_should_be(served: Served) -> None:
    """A named graph alone, and the default graph without those outside of it."""
    named = served.ask(f"/graph-store?graph={enc(G + 'odd')}").text
    assert "=1+1" in named
    default = served.ask("/graph-store?default").text
    assert "=1+1" not in default
    assert "a tiny case" in default
    assert "a tiny case" in served.ask("/graph-store?default=").text


def test_head(served: Served) -> None:
    """Length and type, no body."""
    get, head = served.ask("/graph-store?default"), served.ask("/graph-store?default", "HEAD")
    assert (200, b"", get["Content-Length"], get["ETag"]) == (head.status, head.body, head["Content-Length"], head["ETag"])


@pytest.mark.parametrize("query", ["", "?graph=relative", "?graph=", "?default&graph=http://x/", "?graph=http://x/&graph=http://y/", "?graph=http://a%20b/", "?graph=%FF"])
def test_exactly_one_graph_must_be_named(served: Served, query: str) -> None:
    """400 otherwise."""
    assert 400 == served.ask("/graph-store" + query).status


def test_an_unknown_graph_is_404(served: Served) -> None:
    """With those that come near."""
    reply = served.ask("/graph-store?graph=" + enc(G + "case/tinny"))
    assert 404 == reply.status
    assert G + "case/tiny" in reply.json["nearest"]
    assert "*" == reply["Access-Control-Allow-Origin"]


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
@pytest.mark.parametrize("graph", ["?default", "?graph=" + enc(G + "odd"), "?graph=http://new/", ""])
def test_writing_is_refused(served: Served, method: str, graph: str) -> None:
    """405, what is allowed, one sentence; and nothing changes."""
    before = served.ask("/graph-store?default").body
    reply = served.ask(f"/graph-store{graph}", method, b"<a:b> <a:b> <a:b> .", Content_Type="text/turtle")
    assert 405 == reply.status
    assert {"GET", "HEAD", "OPTIONS"} == set(reply["Allow"].split(", "))
    assert "read-only" in reply.json["detail"]
    assert before == served.ask("/graph-store?default").body


def test_a_graph_as_a_file(served: Served) -> None:
    """Named after the graph."""
    assert 'attachment; filename="covalue-case-tiny.nq"' == served.ask(f"/graph-store?graph={enc(G + 'case/tiny')}&format=nq&download=1")["Content-Disposition"]
    assert 'attachment; filename="covalue-default.ttl"' == served.ask("/graph-store?default&download=1")["Content-Disposition"]


def test_406(served: Served) -> None:
    """What cannot be had is refused."""
    assert 406 == served.ask("/graph-store?default", Accept="image/png").status


def test_a_graph_iri_cannot_carry_a_query(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is no IRI never gets near the text of a query."""
    served = Served(OxigraphStore.from_files([]))
    for evil in ("http://x/> { ?s ?p ?o } } #", "http://x/\\u003E", "http://x/`"):
        assert 400 == served.ask("/graph-store?graph=" + enc(evil)).status, evil
    assert 404 == served.ask("/graph-store?graph=" + enc(B)).status
    assert 200 == served.ask("/graph-store?default").status
