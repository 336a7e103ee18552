"""Formats and the choice among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covalue.errors import FormatError
from covalue.formats import FORMATS, PAGES, Shape, by_name, carrier, choose, offered, page, parse_accept

BROWSERS = {
    "chrome": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
    "firefox": "text/html,application/xhtml+xml,application/xml;q=0.9,image/png,image/svg+xml,*/*;q=0.8",
    "safari": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "lynx": "text/html, text/sgml, text/css, application/xhtml+xml, */*;q=0.01",
}
COMUNICA = (
    "application/n-quads,application/trig;q=0.95,application/ld+json;q=0.9,application/n-triples;q=0.8,text/turtle;q=0.6,application/rdf+xml;q=0.5,"
    "application/json;q=0.45,text/n3;q=0.35,application/xml;q=0.3,image/svg+xml;q=0.3,text/xml;q=0.3,text/html;q=0.2,application/xhtml+xml;q=0.18"
)
PROTEGE = "application/rdf+xml, application/xml; q=0.7, text/xml; q=0.6, text/plain; q=0.1, */*; q=0.09"
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
JAVA_19 = "text/html, image/gif, image/jpeg, */*; q=0.2"


@pytest.mark.parametrize("accept", BROWSERS.values(), ids=BROWSERS)
@pytest.mark.parametrize("shape", list(Shape))
def test_browsers_get_a_page(accept: str, shape: Shape) -> None:
    """A browser lists XML and a wildcard after HTML, and means HTML."""
    assert choose(shape, accept, pages=True) is page(shape)


@pytest.mark.parametrize(
    ("accept", "shape", "expected"),
    [
        (None, Shape.BINDINGS, "srj"),
        ("", Shape.GRAPH, "ttl"),
        ("*", Shape.BINDINGS, "srj"),
        ("image/png, *; q=.2", Shape.BOOLEAN, "srj"),
        ("text/csv;q=0.1, *", Shape.BINDINGS, "srj"),
        ("*/*", Shape.BINDINGS, "srj"),
        ("*/*", Shape.GRAPH, "ttl"),
        ("*/*, text/html", Shape.GRAPH, "ttl"),
        ("text/html, text/turtle", Shape.GRAPH, "ttl"),
        ("text/html, */*", Shape.GRAPH, "ttl"),
        ("text/html;q=0.5, text/turtle;q=0.5", Shape.GRAPH, "ttl"),
        ("text/turtle;q=0.4, text/html;q=0.5", Shape.GRAPH, "html"),
        ("text/turtle, text/html;q=0.5", Shape.BINDINGS, "srj"),
        (COMUNICA, Shape.GRAPH, "nq"),
        (COMUNICA, Shape.BINDINGS, "srj"),
        (PROTEGE, Shape.GRAPH, "rdf"),
        (JAVA, Shape.GRAPH, "ttl"),
        (JAVA_19, Shape.GRAPH, "ttl"),
        ("application/sparql-results+xml, application/rdf+xml", Shape.GRAPH, "rdf"),
        ("application/sparql-results+xml, application/rdf+xml", Shape.BINDINGS, "srx"),
        ("text/csv;q=0.1, text/tab-separated-values;q=0.2", Shape.BINDINGS, "tsv"),
        ("text/csv, */*;q=0.1", Shape.BOOLEAN, "srj"),
        ("text/csv", Shape.BOOLEAN, "srj"),
        ("text/*", Shape.BINDINGS, "csv"),
        ("text/*;q=0.9, application/*", Shape.GRAPH, "nt"),
        ("application/sparql-results+json;q=0, */*", Shape.BINDINGS, "srx"),
        ("application/sparql-results+json;q=0, application/sparql-results+xml;q=0, */*", Shape.BINDINGS, "csv"),
        ("text/csv;q=0.0001", Shape.BINDINGS, "csv"),
        ("application/json", Shape.GRAPH, "jsonld"),
        ("application/json", Shape.BINDINGS, "srj"),
        ("application/xml", Shape.BINDINGS, "srx"),
        ("application/xml", Shape.GRAPH, "rdf"),
        ("text/plain", Shape.GRAPH, "nt"),
        ("text/n3", Shape.GRAPH, "ttl"),
        ('text/turtle;profile="a,b;q=0";q=0.2, application/n-triples;q=0.1', Shape.GRAPH, "ttl"),
        ("TEXT/CSV", Shape.BINDINGS, "csv"),
        ("text/csv;q=7, application/sparql-results+xml;q=0.1", Shape.BINDINGS, "srx"),
        ("text/csv;charset=utf-8", Shape.BINDINGS, "csv"),
    ],
)
def test_header_decides(accept: str | None, shape: Shape, expected: str) -> None:
    """By quality, then by how specific a range is, then by our own order; HTML only where it is preferred to all data."""
    assert choose(shape, accept, pages=True).extension == expected


@pytest.mark.parametrize("accept", ["image/png", "text/html;q=0", "*/*;q=0", "application/pdf, image/*"])
def test_nothing_fits(accept: str) -> None:
    """What cannot be had is refused, with what can be had."""
    with pytest.raises(FormatError, match="application/sparql-results"):
        choose(Shape.BINDINGS, accept, pages=True)


def test_html_is_not_offered_where_there_are_no_pages() -> None:
    """The command line and the engine know nothing of pages."""
    assert choose(Shape.BINDINGS, BROWSERS["chrome"]).extension == "srx"
    with pytest.raises(FormatError):
        choose(Shape.BINDINGS, "text/html")
    assert by_name("html", Shape.BINDINGS) is None


@pytest.mark.parametrize(
    ("named", "shape", "expected"),
    [
        (["rdf+xml"], Shape.GRAPH, "rdf"),
        (["rdf xml"], Shape.GRAPH, "rdf"),
        (["application/rdf xml"], Shape.GRAPH, "rdf"),
        (["nonsense", "csv", "json"], Shape.BINDINGS, "csv"),
        (["CSV"], Shape.BINDINGS, "csv"),
        (["text/csv; charset=utf-8"], Shape.BINDINGS, "csv"),
        (["turtle"], Shape.BINDINGS, "srx"),
        (["json"], Shape.GRAPH, "jsonld"),
        (["xml"], Shape.GRAPH, "rdf"),
        (["n3"], Shape.GRAPH, "ttl"),
        (["html"], Shape.BOOLEAN, "html"),
        (["csv"], Shape.BOOLEAN, "srx"),
        ([""], Shape.BINDINGS, "srx"),
    ],
)
def test_names_win_over_the_header(named: list[str], shape: Shape, expected: str) -> None:
    """The first known name decides; unknown ones, and those of the other kind of answer, leave the choice to the header."""
    accept = "application/sparql-results+xml, application/rdf+xml;q=0.1"
    assert choose(shape, accept, named, pages=True).extension == expected


def test_a_page_is_carried_by_an_engine_format() -> None:
    """The store is never asked for HTML."""
    for shape in Shape:
        assert carrier(page(shape)) in FORMATS
        assert shape in carrier(page(shape)).shapes
    assert all(carrier(f) is f for f in FORMATS)
    assert not set(PAGES) & set(FORMATS)


@given(st.text(max_size=60), st.sampled_from(list(Shape)), st.lists(st.text(max_size=12), max_size=3))
def test_choice_is_total(accept: str, shape: Shape, named: list[str]) -> None:
    """Whatever is sent: a format that carries the answer, or the one error."""
    try:
        chosen = choose(shape, accept, named, pages=True)
    except FormatError:
        return
    assert shape in chosen.shapes


@given(st.lists(st.tuples(st.sampled_from([f.media_type for f in FORMATS] + ["*/*", "text/*", "text/html"]), st.integers(0, 10)), min_size=1, max_size=6))
def test_what_is_chosen_is_not_refused(ranges: list[tuple[str, int]]) -> None:
    """A type with q=0 outright is never sent, unless nothing at all was acceptable and the other kind was."""
    header = ", ".join(f"{kind};q={q / 10}" for kind, q in ranges)
    refused = {kind for kind, q in ranges if q == 0} - {kind for kind, q in ranges if q > 0}
    fits = {f.media_type for f in offered(Shape.GRAPH)}
    if any(q > 0 and (kind in fits or kind in ("*/*",)) for kind, q in ranges) and not fits <= refused:
        assert choose(Shape.GRAPH, header, pages=True).media_type not in refused


def test_parse_accept_reads_what_clients_send() -> None:
    """Spaces, capitals and other parameters do not matter."""
    assert [("a/b", 0.5), ("*/*", 1.0), ("c/d", 0.0)] == parse_accept(" A/B ; level=1 ;Q=0.5 ,, */* , c/d;q=x")
