"""
What the service says of itself: the service description at `/sparql` without a query, VoID and DCAT at `/.well-known/void` and at
`/dataset` (the dataset's own IRI), each in every RDF format, with pages for readers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyoxigraph as ox
from flask import Response, request

from covalue.description import ABOUT, MOST_LISTED, PLAIN_TITLE, TITLE, Addresses, Statistics, dataset_iri, service_description, void
from covalue.formats import PAGES, Format, Shape, choose, offered, page
from covalue.names import PREFIXES
from covalue.web import addresses, answers, pages, validators
from covalue.web.documents import document
from covalue.web.labels import labels
from covalue.web.languages import language
from covalue.web.protocol import Asked
from covalue.web.service import Service

EXAMPLE = f"""PREFIX rdfs: <{PREFIXES["rdfs"]}>

SELECT ?class (COUNT(?thing) AS ?things)
WHERE {{ ?thing a ?class }}
GROUP BY ?class
ORDER BY DESC(?things)
"""
MOST_COUNTED = 200
"""Classes and properties with their counts on the page of the dataset; the data formats have more."""
EXTENSIONS = {f.extension: f for f in offered(Shape.GRAPH)} | {"owl": next(f for f in offered(Shape.GRAPH) if f.extension == "rdf")}
"""Endings of documents: those of the formats, and `.owl` as ontology tools expect it."""


def wanted_format(extension: str | None = None) -> tuple[Format, bool]:
    """
    The format of a document, by its ending, by parameter or by header; and whether it is to be saved.

    Raises:
        FormatError: none will do.
    """
    values = request.args
    named = [v for p in ("format", "output", "results") for v in values.getlist(p)]
    download = values.get("download", "").lower() not in ("", "0", "false", "no")
    if extension == "html":
        return page(Shape.GRAPH), download
    if extension is not None:
        return EXTENSIONS[extension], download
    return choose(Shape.GRAPH, request.headers.get("Accept"), named, pages=True), download


def describe(service: Service) -> Callable[[Asked], Response]:
    """The answer of the endpoint to a request without a query."""

    def description(asked: Asked) -> Response:
        chosen = asked.pick(Shape.GRAPH)
        known = service.measured.sizes()
        if chosen in PAGES:
            return _endpoint_page(service, known, chosen)
        where, federates = service.addresses(), bool(getattr(service.store, "federates", False))
        parts = ("service", where.base, known, federates)
        return document(service, chosen, parts, lambda: service_description(known, where, federates), "covalue-service", asked.download)

    return description


def _endpoint_page(service: Service, known: Statistics, chosen: Format) -> Response:
    opaque = validators.tag(service.store.version, "endpoint", addresses.base(), language())
    if response := answers.held(opaque, chosen):
        return response
    graphs = [(pages.cell(ox.NamedNode(iri)), default, count) for iri, default, count in known.graphs[:MOST_LISTED]]
    downloads = [(f.names[0], f"{addresses.local('sparql')}?format={f.names[0]}") for f in offered(Shape.GRAPH)]
    more = max(0, len(known.graphs) - MOST_LISTED)
    return pages.send("sparql.html", chosen, opaque, endpoint=service.addresses().endpoint, example=EXAMPLE, graphs=graphs, more=more, downloads=downloads)


def _dataset(service: Service, known: Statistics, where: Addresses) -> dict[str, Any]:
    """What the page of the dataset shows."""
    zh = language() == "zh"
    classes, properties = (sorted(found or (), key=lambda pair: (-pair[1], pair[0])) for found in (known.classes, known.properties))
    names = labels(service.store, (iri for iri, _ in [*classes[:MOST_COUNTED], *properties[:MOST_COUNTED]]), 2 * MOST_COUNTED)
    return {
        "title": (TITLE if known.ours else PLAIN_TITLE)[zh],
        "about": ABOUT[zh] if known.ours else "",
        "iri": dataset_iri(known, where),
        "version": known.version,
        "statements": known.triples,
        "subjects": known.subjects,
        "graphs": len(known.graphs),
        "contents": [(f.names[0], f"{where.content(None, f.names[0])}&download=1") for f in offered(Shape.GRAPH)],
        **{name: [(pages.cell(ox.NamedNode(iri), names), number) for iri, number in found[:MOST_COUNTED]] for name, found in (("classes", classes), ("properties", properties))},
        **pages.documents("dataset"),
    }


def void_view(service: Service) -> Callable[..., Response]:
    """The view of the description of the dataset, under any of its addresses."""

    def view(extension: str | None = None) -> Response:
        chosen, download = wanted_format(extension)
        known, where = service.measured.statistics(), service.addresses()
        if chosen not in PAGES:
            return document(service, chosen, ("void", where.base, known), lambda: void(known, where), "covalue-dataset", download)
        opaque = validators.tag(service.store.version, "void", where.base, known, language())
        return answers.held(opaque, chosen) or pages.send("dataset.html", chosen, opaque, **_dataset(service, known, where))

    return view
