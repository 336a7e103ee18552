"""
Formats as rows of a table, and the choice among them: by name, by media type, by an Accept header (RFC 9110, section 12.5.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import pyoxigraph as ox

from covalue.errors import FormatError


class Shape(Enum):
    """What an answer is: a table of bindings (or a boolean), a graph, or a dataset of named graphs."""

    BINDINGS = "bindings"
    BOOLEAN = "boolean"
    GRAPH = "graph"
    DATASET = "dataset"


@dataclass(frozen=True)
class Format:
    """One format: its short names, its media types (the first is sent), and the shapes of answers that it carries."""

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
    Format(("turtle", "ttl"), ("text/turtle", "application/x-turtle"), _ONE_GRAPH, _F.TURTLE, "ttl"),
    Format(("ntriples", "nt", "n-triples"), ("application/n-triples", "text/plain"), _ONE_GRAPH, _F.N_TRIPLES, "nt"),
    Format(("rdfxml", "rdf", "rdf+xml", "owl", "xml"), ("application/rdf+xml", "application/xml", "text/xml"), _ONE_GRAPH, _F.RDF_XML, "rdf"),
    Format(("jsonld", "json-ld", "json"), ("application/ld+json", "application/json"), _RDF, _F.JSON_LD, "jsonld"),
    Format(("trig",), ("application/trig",), _RDF, _F.TRIG, "trig"),
    Format(("nquads", "nq", "n-quads"), ("application/n-quads",), _RDF, _F.N_QUADS, "nq"),
)


def offered(shape: Shape) -> list[Format]:
    """The formats that carry a shape of answer, in our order of preference."""
    return [f for f in FORMATS if shape in f.shapes]


def by_name(name: str, shape: Shape) -> Format | None:
    """The format with a short name or media type, if it carries the shape."""
    wanted = name.strip().lower().partition(";")[0].strip().replace(" ", "+")
    return next((f for f in offered(shape) if wanted in f.names or wanted in f.media_types), None)


def _known(name: str) -> bool:
    return any(by_name(name, shape) for shape in Shape)


def choose(shape: Shape, accept: str | None, named: Sequence[str] = ()) -> Format:
    """
    The format for an answer.

    Args:
        shape: what the answer is.
        accept: the Accept header; None or empty means anything.
        named: values of `format`, `output` or `results`; the first known one wins over the header, unknown ones are
            ignored, and one that fits only the other kind of answer leaves the choice to the header.

    Raises:
        FormatError: the header allows none of the formats that carry the shape.
    """
    for name in named:
        found = by_name(name, shape)
        if found:
            return found
    if not accept or not accept.strip():
        return offered(shape)[0]
    ranges = parse_accept(accept)
    ranked = [(_quality(f, ranges), -i, f) for i, f in enumerate(offered(shape))]
    best, _, found = max(ranked, key=lambda r: r[:2])
    if best > 0:
        return found
    if any(quality > 0 and _fits_other(kind, shape) for kind, quality in ranges):
        return offered(shape)[0]
    listed = ", ".join(f.media_type for f in offered(shape))
    raise FormatError(f"none of the types asked for can carry this answer; it can be had as {listed}.", f"所请求的类型都不能承载此答案；可用的有 {listed}。")


def _fits_other(kind: str, shape: Shape) -> bool:
    """Clients name the types of the other query form for every query; such a header leaves the choice to us."""
    return any(kind in f.media_types for f in FORMATS if shape not in f.shapes)


def parse_accept(header: str) -> list[tuple[str, float]]:
    """
    Media ranges and their qualities; a malformed quality counts as 0, parameters other than q are left aside.

    >>> parse_accept("text/turtle;q=0.5, */*;q=0.1")
    [('text/turtle', 0.5), ('*/*', 0.1)]
    """
    out = []
    for part in header.split(","):
        kind, *parameters = (p.strip().lower() for p in part.split(";"))
        if not kind:
            continue
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                quality = _number(value)
        out.append((kind, quality))
    return out


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0


def _quality(wanted: Format, ranges: Sequence[tuple[str, float]]) -> float:
    """The quality by the most specific range that matches one of the media types; aliases count a little less than the type itself."""
    best = 0.0
    for rank, media in enumerate(wanted.media_types):
        fits = [(_specificity(kind, media), q) for kind, q in ranges if _matches(kind, media)]
        if fits:
            most = max(s for s, _ in fits)
            if rank and most < 2:
                continue
            quality = max(q for s, q in fits if s == most)
            best = max(best, quality - (0.0001 * rank if quality else 0))
    return best


def _matches(kind: str, media: str) -> bool:
    return kind in ("*/*", media) or (kind.endswith("/*") and media.startswith(kind[:-1]))


def _specificity(kind: str, media: str) -> int:
    return 2 if kind == media else 1 if kind != "*/*" else 0
