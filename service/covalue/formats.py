"""
Formats as rows of a table, and the choice among them: by name, by media type, by an Accept header (RFC 9110, section 12.5.1).

`FORMATS` are those that the engine writes. The rows of `PAGES` stand apart: they are for readers, made outside the engine from the
format that carries the same answer, and are chosen only where the caller offers them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import pyoxigraph as ox

from covalue.errors import FormatError


class Shape(StrEnum):
    """What an answer is: a table of bindings (or a boolean), a graph, or a dataset of named graphs."""

    BINDINGS = "bindings"
    BOOLEAN = "boolean"
    GRAPH = "graph"
    DATASET = "dataset"


FORM_SHAPES = {"SELECT": Shape.BINDINGS, "ASK": Shape.BOOLEAN, "CONSTRUCT": Shape.GRAPH, "DESCRIBE": Shape.GRAPH}
"""What a query of each form is answered with."""


@dataclass(frozen=True, eq=False)
class Format:
    """One format: its short names, its media types (the first is sent), and the shapes of answers that it carries. Each is there once, and equal to itself alone."""

    names: tuple[str, ...]
    media_types: tuple[str, ...]
    shapes: frozenset[Shape]
    engine: ox.QueryResultsFormat | ox.RdfFormat
    extension: str

    @property
    def media_type(self) -> str:
        return self.media_types[0]

    @property
    def content_type(self) -> str:
        """The value of a Content-Type header."""
        return f"{self.media_type}; charset=utf-8"


_TABLE = frozenset({Shape.BINDINGS, Shape.BOOLEAN})
_ROWS = frozenset({Shape.BINDINGS})
_RDF = frozenset({Shape.GRAPH, Shape.DATASET})
_ONE_GRAPH = frozenset({Shape.GRAPH})
_R, _F = ox.QueryResultsFormat, ox.RdfFormat

FORMATS: tuple[Format, ...] = (
    Format(("json", "srj"), ("application/sparql-results+json", "application/json"), _TABLE, _R.JSON, "srj"),
    Format(("xml", "srx"), ("application/sparql-results+xml", "application/xml", "text/xml"), _TABLE, _R.XML, "srx"),
    Format(("csv",), ("text/csv",), _ROWS, _R.CSV, "csv"),
    Format(("tsv",), ("text/tab-separated-values",), _ROWS, _R.TSV, "tsv"),
    Format(("turtle", "ttl", "n3"), ("text/turtle", "application/x-turtle", "application/turtle", "text/n3"), _ONE_GRAPH, _F.TURTLE, "ttl"),
    Format(("ntriples", "nt", "n-triples"), ("application/n-triples", "text/plain"), _ONE_GRAPH, _F.N_TRIPLES, "nt"),
    Format(("rdfxml", "rdf", "rdf+xml", "owl", "xml"), ("application/rdf+xml", "application/xml", "text/xml"), _ONE_GRAPH, _F.RDF_XML, "rdf"),
    Format(("jsonld", "json-ld", "json"), ("application/ld+json", "application/json"), _RDF, _F.JSON_LD, "jsonld"),
    Format(("trig",), ("application/trig",), _RDF, _F.TRIG, "trig"),
    Format(("nquads", "nq", "n-quads"), ("application/n-quads",), _RDF, _F.N_QUADS, "nq"),
)
HTML = "text/html"
PAGES: tuple[Format, ...] = (
    Format(("html",), (HTML, "application/xhtml+xml"), _TABLE, _R.JSON, "html"),
    Format(("html",), (HTML, "application/xhtml+xml"), _ONE_GRAPH, _F.N_TRIPLES, "html"),
    Format(("html",), (HTML, "application/xhtml+xml"), frozenset({Shape.DATASET}), _F.N_QUADS, "html"),
)
JAVA = "text/html, image/gif, image/jpeg, *"
"""How what Java's HttpURLConnection sends when its user sets nothing begins: a program (Protégé among them), never a browser."""
RANGE = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
PARAMETER = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*"?)+')
LONGEST_HEADER = 4096
ANYTHING = ("*/*", "*")
"""The wildcard, and how some older clients write it."""
Ranges = Sequence[tuple[str, float]]


def offered(shape: Shape) -> list[Format]:
    """The formats that carry a shape of answer, in our order of preference; pages are not among them."""
    return [f for f in FORMATS if shape in f.shapes]


def page(shape: Shape) -> Format:
    """The format for readers of a shape of answer."""
    return next(f for f in PAGES if shape in f.shapes)


def carrier(format: Format) -> Format:
    """The format in which the engine gives what a page is made from; any other format carries itself."""
    return next(f for f in FORMATS if f.engine is format.engine) if format in PAGES else format


def by_name(name: str, shape: Shape, pages: bool = False) -> Format | None:
    """The format with a short name or media type, if it carries the shape."""
    wanted = name.strip().lower().partition(";")[0].strip().replace(" ", "+")
    rows = [*offered(shape), page(shape)] if pages else offered(shape)
    return next((f for f in rows if wanted in f.names or wanted in f.media_types), None)


def choose(shape: Shape, accept: str | None, named: Sequence[str] = (), pages: bool = False) -> Format:
    """
    The format for an answer.

    Args:
        shape: what the answer is.
        accept: the Accept header; None or empty means anything.
        named: values of `format`, `output` or `results`; the first known one wins over the header, unknown ones are
            ignored, and one that fits only the other kind of answer leaves the choice to the header.
        pages: whether HTML may be chosen. It is for those who prefer it to every format for data, as browsers do; a tie or a
            wildcard never gives it.

    Raises:
        FormatError: the header allows none of the formats that carry the shape.
    """
    return _choose(shape, (accept or "")[:LONGEST_HEADER], tuple(named[:16]), pages)


@lru_cache(maxsize=512)
def _choose(shape: Shape, accept: str, named: tuple[str, ...], pages: bool) -> Format:
    for name in named:
        found = by_name(name, shape, pages)
        if found:
            return found
    if not accept.strip() or accept.startswith(JAVA):
        return offered(shape)[0]
    return _by_header(shape, parse_accept(accept), pages)


def _by_header(shape: Shape, ranges: Ranges, pages: bool) -> Format:
    (best, _), _, found = max(((_quality(f, ranges), -i, f) for i, f in enumerate(offered(shape))), key=lambda r: r[:2])
    html = max((q for kind, q in ranges if kind == HTML), default=0.0)
    data = max((q for kind, q in ranges if _is_data(kind)), default=0.0)
    if pages and html > max(best, data):
        return page(shape)
    if best > 0:
        return found
    if data > 0:
        return offered(shape)[0]
    if pages and _quality(page(shape), ranges)[0] > 0:
        return page(shape)
    listed = ", ".join(f.media_type for f in [*offered(shape), *([page(shape)] if pages else [])])
    raise FormatError(f"none of the types asked for can carry this answer; it can be had as {listed}.", f"所请求的类型都不能承载此答案；可用的有 {listed}。")


def _is_data(kind: str) -> bool:
    """Clients name the types of the other query form for every query; such a header leaves the choice to us."""
    return any(kind in f.media_types for f in FORMATS)


def parse_accept(header: str) -> list[tuple[str, float]]:
    """
    Media ranges and their qualities; a malformed quality counts as 0, parameters other than q are left aside.

    >>> parse_accept("text/turtle;q=0.5, */*;q=0.1")
    [('text/turtle', 0.5), ('*/*', 0.1)]
    """
    out = []
    for part in RANGE.findall(header):
        kind, *parameters = [p.strip().lower() for p in PARAMETER.findall(part)] or [""]
        if not kind:
            continue
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                quality = _number(value.strip())
        out.append((kind, quality))
    return out


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0


def _quality(wanted: Format, ranges: Ranges) -> tuple[float, int]:
    """
    The quality by the most specific range that matches one of the media types, and which of these it was (as a negative rank).

    Wildcards speak of the type that is sent; another name of a format counts only where it is named outright.
    """
    best = (0.0, 0)
    for rank, media in enumerate(wanted.media_types):
        fits = [(_specificity(kind, media), q) for kind, q in ranges if _matches(kind, media)]
        if not fits:
            continue
        most = max(s for s, _ in fits)
        if rank == 0 or most == 2:
            best = max(best, (max(q for s, q in fits if s == most), -rank))
    return best


def _matches(kind: str, media: str) -> bool:
    return kind in (*ANYTHING, media) or (kind.endswith("/*") and media.startswith(kind[:-1]))


def _specificity(kind: str, media: str) -> int:
    return 2 if kind == media else 1 if kind not in ANYTHING else 0
