"""
For crawlers: `robots.txt`, which keeps them from answers that cost and are endless, and the site map, with both languages of each page.

A map holds at most `MOST` pages; where there are more, `/sitemap.xml` is a list of maps.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from flask import Flask, Response

from covalue import tabular
from covalue.errors import CovalueError
from covalue.names import BASE, ONTOLOGY_IRI
from covalue.search import Index
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
        paths = list(self._paths())
        parts = [paths[i : i + MOST] for i in range(0, len(paths), MOST)]
        if number is None:
            return (_map(paths) if len(parts) == 1 else _list(len(parts))).encode()
        if len(parts) == 1 or not 1 <= number <= len(parts):
            raise UnknownError(f"there is no site map {number}.", f"没有第 {number} 份站点地图。")
        return _map(parts[number - 1]).encode()

    def _paths(self) -> Iterable[str]:
        """Every page that is worth a visit, without the base, each once."""
        rules = {rule.rule.strip("/") for rule in self._app.url_map.iter_rules()}
        for path in FIRST:
            if path in rules or path in ("ontology", "dataset.html"):
                yield path
        try:
            index = self._service.finder.index()
        except CovalueError:
            index = Index(())
        for entry in index.entries:
            if entry.iri.startswith(BASE) and entry.iri not in (BASE, ONTOLOGY_IRI) and entry.kind != "other":
                yield page_of(entry.iri, entry.kind)


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
