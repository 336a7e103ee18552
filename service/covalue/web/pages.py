"""
Pages for readers, from templates: results as tables, descriptions, the ontology. Everything escaped, links only to the web, no inline script.

A page shows at most `MOST_ROWS` rows and says so; the formats for data are whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast
from urllib.parse import urlencode

import pyoxigraph as ox
from flask import Response, current_app, render_template, request

from covalue.description import LICENSE
from covalue.formats import Format, Shape, offered, page
from covalue.names import BASE, PREFIXES, shrink
from covalue.web import addresses, answers, assets
from covalue.web.answers import Body, Reader
from covalue.web.labels import labels
from covalue.web.languages import language, say
from covalue.web.navigation import navigation

MOST_ROWS = 1000
MOST_LABELS = 2000
LONGEST_TEXT = 2000
LONGEST_LINK = 8000
MOST_NESTED = 6
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that show nothing, or turn the text around them."""
Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Cell:
    """A term as a page shows it: text, where it leads, and what else is known of it (IRI, language, datatype; what a blank node says)."""

    text: str
    href: str | None = None
    title: str = ""
    lang: str = ""
    nested: tuple[tuple[Cell, list[Cell]], ...] = ()


def printable(text: str) -> str:
    """
    A text without characters that hide or reorder what is seen; very long ones are cut, visibly.

    >>> printable("a\\x00b")
    'a�b'
    """
    cut = text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + " …"
    return CONTROL.sub("\ufffd", cut)


def cell(term: Term | None, labels: Labels | None = None) -> Cell:
    """A term for a page; an IRI appears under its label, its CURIE or itself."""
    if term is None:
        return Cell("")
    if isinstance(term, ox.NamedNode):
        shown = (labels or {}).get(term.value) or shrink(term.value)
        return Cell(printable(shown), addresses.link(term.value), printable(term.value))
    if isinstance(term, ox.Literal):
        kind = "" if term.language or term.datatype.value == PREFIXES["xsd"] + "string" else shrink(term.datatype.value)
        return Cell(printable(term.value), None, printable(kind), term.language or "")
    return Cell(printable(str(term)))


def result(shape: Shape, chosen: Format, body: Body, opaque: str | None, query: str, version: str) -> Response:
    """A page for the answer of a query, made from the bytes that carry it; closes the body."""
    with Reader(body) as file:
        shown: dict[str, Any] = _graph(file) if shape is Shape.GRAPH else _table(file)
    editor = f"{addresses.local('editor')}?{urlencode([('query', query)], errors='replace')}"
    here = editor if len(editor) < LONGEST_LINK else None
    return send("result.html", chosen, opaque, query=query, version=version, shape=shape.value, downloads=_downloads(shape, query), editor=here, **shown)


def _table(file: Reader) -> dict[str, Any]:
    results = ox.parse_query_results(cast(Any, file), format=ox.QueryResultsFormat.JSON)
    if isinstance(results, ox.QueryBoolean):
        return {"boolean": bool(results)}
    columns = [v.value for v in results.variables]
    return _named(columns, [[solution[name] for name in columns] for solution in islice(results, MOST_ROWS + 1)])


def _graph(file: Reader) -> dict[str, Any]:
    quads = ox.parse(cast(Any, file), format=ox.RdfFormat.N_TRIPLES)
    return _named(["subject", "predicate", "object"], [[q.subject, q.predicate, q.object] for q in islice(quads, MOST_ROWS + 1)])


def _named(columns: Sequence[str], rows: Sequence[Sequence[Term | None]]) -> dict[str, Any]:
    """Rows with labels in place of our own IRIs."""
    ours = (t.value for row in rows for t in row if isinstance(t, ox.NamedNode) and t.value.startswith(BASE))
    names = labels(current_app.extensions["covalue"].store, ours, MOST_LABELS)
    return _cut(columns, [[cell(term, names) for term in row] for row in rows])


def _cut(columns: Sequence[str], rows: list[list[Cell]]) -> dict[str, Any]:
    return {"columns": [printable(c) for c in columns], "rows": rows[:MOST_ROWS], "cut": len(rows) > MOST_ROWS, "most": MOST_ROWS}


def _downloads(shape: Shape, query: str) -> list[tuple[str, str]]:
    """The same query in each format for data, where its address is not too long."""
    graphs = [(n, v) for n in ("default-graph-uri", "named-graph-uri") for v in request.values.getlist(n)]
    links = [(f.names[0], f"{addresses.local('sparql')}?{urlencode([('query', query), *graphs, ('format', f.names[0]), ('download', '1')])}") for f in offered(shape)]
    return [(name, href) for name, href in links if len(href) < LONGEST_LINK]


def about(chosen: Format, opaque: str | None, iri: str, triples: Sequence[ox.Triple], path: str, labels: Labels | None = None, cut: int = 0) -> Response:
    """
    A page of what is said by and of a thing.

    Args:
        triples: the description; what blank nodes say stands inside of what names them.
        path: of the documents in other formats, without ending.
        labels: by IRI, in the language of the page.
        cut: where not all is there, how many statements of each kind are.
    """
    values = described(iri, triples, labels or {})
    said = _grouped(((t.predicate, t.subject) for t in triples if isinstance(t.object, ox.NamedNode) and t.object.value == iri), triples, labels or {})
    return send("resource.html", chosen, opaque, said=said, cut=cut > 0, most=cut, **values, **documents(path))


def described(iri: str, triples: Sequence[ox.Triple], labels: Labels) -> dict[str, Any]:
    """Title, IRI and statements of a thing, for a template."""
    node = ox.NamedNode(iri)
    own = [t for t in triples if t.subject == node]
    title = labels.get(iri) or _own_label(own) or shrink(iri)
    return {"title": printable(title), "iri": iri, "says": _grouped(((t.predicate, t.object) for t in own), triples, labels)}


def _own_label(own: Sequence[ox.Triple]) -> str | None:
    names = {PREFIXES["rdfs"] + "label", PREFIXES["skos"] + "prefLabel", PREFIXES["dcterms"] + "title"}
    found = [t.object for t in own if t.predicate.value in names and isinstance(t.object, ox.Literal)]
    return next((x.value for x in sorted(found, key=lambda x: x.language != language())), None)


def _grouped(pairs: Iterable[tuple[ox.NamedNode, Any]], triples: Sequence[ox.Triple], labels: Labels, depth: int = 0) -> list[tuple[Cell, list[Cell]]]:
    """Cells of values under the cell of their predicate, both in order."""
    groups: dict[ox.NamedNode, list[Any]] = {}
    for predicate, value in pairs:
        groups.setdefault(predicate, []).append(value)
    order = sorted(groups, key=lambda p: (p.value != PREFIXES["rdf"] + "type", p.value))
    return [(cell(p, labels), [nested(v, triples, labels, depth) for v in sorted(groups[p], key=_order)]) for p in order]


def _order(term: Term) -> tuple[bool, str]:
    return isinstance(term, ox.BlankNode), str(term)


def nested(value: Term, triples: Sequence[ox.Triple], labels: Labels, depth: int = 0) -> Cell:
    """The cell of a value; a blank node shows what it says."""
    if not isinstance(value, ox.BlankNode) or depth > MOST_NESTED:
        return cell(value, labels)
    inner = [(t.predicate, t.object) for t in triples if t.subject == value]
    return Cell("[]", nested=tuple(_grouped(inner, triples, labels, depth + 1)))


def documents(path: str) -> dict[str, Any]:
    """The addresses of a document in its formats for data, for a template: as links, and as alternates."""
    formats = offered(Shape.GRAPH)
    hrefs = [addresses.local(f"{path}.{f.extension}") for f in formats]
    return {"downloads": [(f.names[0], h) for f, h in zip(formats, hrefs, strict=True)], "alternates": [(f.media_type, h) for f, h in zip(formats, hrefs, strict=True)]}


def send(template: str, chosen: Format | None, opaque: str | None, status: int = 200, **values: Any) -> Response:
    """A page from a template, with language, coding, tag and security headers."""
    return answers.send(Body.of(rendered(template, **values)), chosen or page(Shape.GRAPH), opaque, status=status)


def rendered(template: str, **values: Any) -> bytes:
    """
    The bytes of a page.

    A template knows, besides `values`: `lang`; `t(en, zh)`, which chooses one of two texts; `local(path)`, `asset(path)` and `absolute(path)` for
    addresses; `switch`, the same page in the other language; `navigation`; `version` of the dataset; `licence` of the data; `BASE`.
    """
    lang = language()
    t = say(lang)
    known = {
        "lang": lang,
        "t": t,
        "local": addresses.local,
        "absolute": lambda path: addresses.base() + addresses.local(path).removeprefix(addresses.prefix() + "/"),
        "asset": assets.address,
        "switch": switch(),
        "navigation": navigation(t),
        "version": current_app.extensions["covalue"].store.version,
        "licence": LICENSE,
        "BASE": BASE,
    }
    return render_template(template, **{**known, **values}).encode("utf-8", "replace")


def switch() -> str | None:
    """The address of the same page in the other language, all other parameters kept; a posted query has none."""
    if request.method not in ("GET", "HEAD"):
        return None
    pairs = [(n, v) for n, v in request.args.items(multi=True) if n != "lang"]
    return f"{addresses.here()}?{urlencode([*pairs, ('lang', 'en' if language() == 'zh' else 'zh')], errors='replace')}"
