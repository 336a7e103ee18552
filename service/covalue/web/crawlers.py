"""
For crawlers: `robots.txt`, which keeps them from answers that cost and are endless, and the site map, with both languages of each page.

A map holds at most `MOST` pages; where there are more, `/sitemap.xml` is a list of maps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from flask import Flask, Response

from covalue import tabular
from covalue.entries import Entry
from covalue.errors import CovalueError
from covalue.names import BASE, ONTOLOGY_IRI
from covalue.stores.limits import OverloadedError
from covalue.web import addresses, answers, validators
from covalue.web.answers import Body
from covalue.web.problems import UnknownError
from covalue.web.service import Service

MOST = 5000
XML = tabular.row("xml", "application/xml", "xml")
TEXT = tabular.row("text", "text/plain", "txt")
CLOSED = ("/sparql", "/graph-store", "/search", "/suggest", "/metrics", "/health", "/*?facts=", "/*&facts=", "/*format=", "/*download=")
"""What crawlers have no business with: answers to queries, endless listings, the same in other formats."""
FIRST = ("", "questions", "cases", "ontology", "ask", "search", "lenses", "sparql", "dataset.html")
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def register(app: Flask, service: Service) -> None:
    """Adds the routes."""
    views = _Views(app, service)
    app.add_url_rule("/robots.txt", "robots", views.robots)
    app.add_url_rule("/sitemap.xml", "sitemap", views.sitemap)
    app.add_url_rule("/sitemap-<int:number>.xml", "sitemap-part", views.sitemap)


class _Views:
    def __init__(self, app: Flask, service: Service) -> None:
        self._app, self._service = app, service

    def _tag(self, *parts: object) -> str:
        return validators.tag(self._service.store.version, "crawlers", addresses.base(), *parts)

    def robots(self) -> Response:
        """What may be fetched, and where the map is."""
        closed = "".join(f"Disallow: {addresses.prefix()}{path}\n" for path in CLOSED)
        text = f"User-agent: *\n{closed}Allow: /\n\nSitemap: {addresses.base()}sitemap.xml\n"
        opaque = self._tag("robots")
        return answers.held(opaque, TEXT) or answers.send(Body.of(text.encode()), TEXT, opaque)

    def sitemap(self, number: int | None = None) -> Response:
        """One map, or the list of maps where one does not hold all."""
        opaque = self._tag("sitemap", number)
        if response := answers.held(opaque, XML):
            return response
        data = self._service.kept.get(opaque, lambda: self._written(number))
        return answers.send(Body.of(data), XML, opaque)

    def _written(self, number: int | None) -> bytes:
        """What is listed is never at hand as a whole: there may be millions of pages."""
        entries = self._entries()
        size = MOST - len(FIRST)
        starts = [0, *(start for start in range(size, len(entries), size) if any(map(_has_page, _some(entries, start, size))))]
        if number is None and len(starts) > 1:
            return _list(len(starts)).encode()
        if number is not None and (len(starts) == 1 or not 1 <= number <= len(starts)):
            raise UnknownError(f"there is no site map {number}.", f"没有第 {number} 份站点地图。")
        start = starts[number - 1 if number else 0]
        first = self._first() if not start else ()
        return _map(chain(first, (page_of(entry.iri, entry.kind) for entry in _some(entries, start, size) if _has_page(entry)))).encode()

    def _first(self) -> Iterable[str]:
        """The pages of no entry that are worth a visit, without the base."""
        rules = {rule.rule.strip("/") for rule in self._app.url_map.iter_rules()}
        return (path for path in FIRST if path in rules or path in ("ontology", "dataset.html"))

    def _entries(self) -> Sequence[Entry]:
        try:
            return self._service.finder.index().entries
        except OverloadedError:
            raise
        except CovalueError:
            return ()


def _some(entries: Sequence[Entry], start: int, size: int) -> Iterator[Entry]:
    return (entries[number] for number in range(start, min(start + size, len(entries))))


def _has_page(entry: Entry) -> bool:
    """Whether an entry has a page that is worth a visit."""
    return entry.iri.startswith(BASE) and entry.iri not in (BASE, ONTOLOGY_IRI) and entry.kind != "other"


def page_of(iri: str, kind: str) -> str:
    """
    The path of the page of an IRI of ours.

    >>> page_of("https://w3id.org/covalue/ontology#Claim", "class")
    'ontology/Claim.html'
    """
    path = iri.removeprefix(BASE).replace("#", "/")
    return quote(path if kind == "question" else f"{path}.html", safe=addresses.PATH_SAFE)


def _map(paths: Iterable[str]) -> str:
    out = [HEAD, f'<urlset xmlns="{NAMESPACE}" xmlns:xhtml="http://www.w3.org/1999/xhtml">\n']
    base = addresses.base()
    for path in paths:
        address = base + path
        tongues = "".join(f'<xhtml:link rel="alternate" hreflang="{lang}" href={quoteattr(f"{address}?lang={lang}")}/>' for lang in ("en", "zh"))
        out.append(f'<url><loc>{_text(address)}</loc>{tongues}<xhtml:link rel="alternate" hreflang="x-default" href={quoteattr(address)}/></url>\n')
    return "".join([*out, "</urlset>\n"])


def _list(count: int) -> str:
    parts = "".join(f"<sitemap><loc>{_text(f'{addresses.base()}sitemap-{i}.xml')}</loc></sitemap>\n" for i in range(1, count + 1))
    return f'{HEAD}<sitemapindex xmlns="{NAMESPACE}">\n{parts}</sitemapindex>\n'


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
