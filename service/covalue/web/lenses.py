"""
Lenses over HTTP: `/lenses` lists them; `/lenses/<lens>` is what one shows, in every RDF format or as a page; `/lenses/<lens>/trace` tells
from which claims each statement came, `/lenses/<lens>/gaps` what its vocabulary asks for and the sources do not say. `?case=` keeps to one case.

The format is negotiated, or named by the ending (`/lenses/bmo.ttl`). IRIs that a lens mints lie under `/lens/…` and are linked data like all others.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pyoxigraph as ox
from flask import Blueprint, Response, request

from covalue import lens_reading
from covalue.errors import InputError
from covalue.formats import PAGES, Format, Shape, offered
from covalue.lens_reading import PARTS, Lens
from covalue.names import GRAPH_LENSES, shrink
from covalue.questions import short_id
from covalue.stores import Request
from covalue.web import addresses, answers, flowing, pages, validators
from covalue.web.answers import Body, Reader
from covalue.web.discovery import EXTENSIONS, wanted_format
from covalue.web.documents import document
from covalue.web.languages import language
from covalue.web.problems import UnknownError
from covalue.web.service import Service

SMALL = 20_000
"""Statements up to which a document is written with prefixes; larger ones go out as the engine writes them."""


def lenses_blueprint(service: Service) -> Blueprint:
    """The routes of lenses."""
    blueprint = Blueprint("lenses", __name__)
    views = _Lenses(service)
    endings = ", ".join(map(repr, (*EXTENSIONS, "html")))
    blueprint.add_url_rule("/lenses", "list", views.all)
    blueprint.add_url_rule(f"/lenses.<any({endings}):extension>", "list-file", views.all)
    blueprint.add_url_rule(f"/lenses/<name>.<any({endings}):extension>", "file", views.one)
    blueprint.add_url_rule("/lenses/<name>", "lens", views.one)
    parts = ", ".join(map(repr, PARTS))
    blueprint.add_url_rule(f"/lenses/<name>/<any({parts}):part>", "part", views.one)
    blueprint.add_url_rule(f"/lenses/<name>/<any({parts}):part>.<any({endings}):extension>", "part-file", views.one)
    return blueprint


class _Lenses:
    """The views over one store."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._store = service.store

    def all(self, extension: str | None = None) -> Response:
        """All lenses: a page with what each shows and misses, or their descriptions as RDF."""
        chosen, download = wanted_format(extension)
        if chosen not in PAGES:
            return document(self._service, chosen, ("lenses",), self._descriptions, "covalue-lenses", download)
        opaque = validators.tag(self._store.version, "lenses", addresses.prefix(), language())
        if (held := answers.held(opaque, chosen)) is not None:
            return held
        sizes = self._sizes()
        cards = [
            {
                "lens": lens,
                "href": addresses.local(f"lenses/{name}"),
                "statements": sizes.get(lens.graph, 0),
                "gaps": sum(m.number for m in lens_reading.missing(self._store, name, most=0)),
            }
            for name, lens in lens_reading.lenses(self._store).items()
        ]
        return pages.send("lenses.html", chosen, opaque, cards=cards, downloads=_files("lenses", ""))

    def one(self, name: str, part: str = "", extension: str | None = None) -> Response:
        """What a lens shows, or one of its parts."""
        lens, case = self._known(name)
        chosen, download = wanted_format(extension)
        stem = "-".join(filter(None, ("covalue-lens", name, part, short_id(case) if case else "")))
        if chosen not in PAGES:
            return self._data(lens, part, case, chosen, stem, download)
        opaque = validators.tag(self._store.version, "lens", name, part, case, addresses.base(), language(), request.full_path)
        if (held := answers.held(opaque, chosen)) is not None:
            return held
        template = "lens-gaps.html" if part == "gaps" else "lens.html"
        data = self._service.kept.get(opaque, lambda: pages.rendered(template, **self._shown(lens, part, case)))
        return answers.send(Body.of(data), chosen, opaque)

    # --- data

    def _data(self, lens: Lens, part: str, case: str | None, chosen: Format, stem: str, download: bool) -> Response:
        query = Request(lens_reading.statements(lens.name, part, case))
        graph = f"{lens.graph}/{part}" if part else lens.graph
        key = ("lens", lens.name, part, case)
        if self._sizes().get(graph, 0) <= SMALL:
            return document(self._service, chosen, key, lambda: self._triples(query), stem, download)
        opaque = validators.tag(self._store.version, "document", chosen.extension, *key)
        response = answers.held(opaque, chosen)
        if response is None:
            _, _, body = answers.evaluate(self._store, query, lambda _: chosen, flowing.early(request.environ))
            response = answers.send(flowing.guarded(answers.prepared(body, chosen), request.environ), chosen, opaque)
        return answers.as_download(response, stem, chosen) if download else response

    def _triples(self, query: Request) -> list[ox.Triple]:
        plain = next(f for f in offered(Shape.GRAPH) if f.extension == "nt")
        _, _, body = answers.evaluate(self._store, query, lambda _: plain)
        with Reader(body) as file:
            return sorted({q.triple for q in ox.parse(file.read(), format=ox.RdfFormat.N_TRIPLES)}, key=str)

    def _descriptions(self) -> list[ox.Triple]:
        return self._triples(Request(f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{GRAPH_LENSES}> {{ ?s ?p ?o }} }}"))

    # --- pages

    def _shown(self, lens: Lens, part: str, case: str | None) -> dict[str, Any]:
        whole = part == "gaps"
        missing = lens_reading.missing(self._store, lens.name, case, None if whole else lens_reading.MOST_SHOWN)
        path = f"lenses/{lens.name}" + (f"/{part}" if part else "")
        asked = "?" + urlencode({"case": short_id(case)}) if case else ""
        query = f"SELECT ?thing ?class\nFROM <{lens.graph}>\nWHERE {{ ?thing a ?class }}\nORDER BY ?class ?thing"
        return {
            "lens": lens,
            "part": part,
            "case": short_id(case) if case else "",
            "cases": [(short_id(c), addresses.local(path) + "?" + urlencode({"case": short_id(c)})) for c in lens_reading.cases(self._store, lens.name)],
            "everything": addresses.local(path),
            "kinds": [] if whole else lens_reading.kinds(self._store, lens.name, case),
            "missing": missing,
            "gaps": sum(m.number for m in missing),
            "statements": self._sizes().get(lens.graph, 0),
            "questions": self._questions(lens),
            "query": query,
            "ask": f"{addresses.local('sparql')}?{urlencode({'query': query})}",
            "parts": [(p, addresses.local(f"lenses/{lens.name}/{p}") + asked) for p in PARTS],
            "page": addresses.local(f"lenses/{lens.name}") + asked,
            "downloads": _files(path, asked),
            "link": addresses.link,
            "shrink": shrink,
            "short": short_id,
        }

    def _questions(self, lens: Lens) -> list[tuple[str, str]]:
        """Named questions that are asked through a lens, with their addresses."""
        library = self._service.library
        if library is None:
            return []
        return [(q.text("title", language()), addresses.local(f"questions/{name}")) for name, q in library.questions.items() if f"<{lens.graph}>" in q.query.text]

    # --- what they share

    def _sizes(self) -> dict[str, int]:
        return {iri: count for iri, _, count in self._service.measured.sizes().graphs}

    def _known(self, name: str) -> tuple[Lens, str | None]:
        """
        Raises:
            UnknownError: there is no such lens or case.
        """
        try:
            lens = lens_reading.known_lens(self._store, name)
            case = request.args.get("case", "").strip()
            return lens, lens_reading.known_case(self._store, name, case) if case else None
        except InputError as e:
            raise UnknownError(e.en, e.zh) from e


def _files(path: str, asked: str) -> list[tuple[str, str]]:
    """The same in each format for data."""
    return [(f.names[0], f"{addresses.local(f'{path}.{f.extension}')}{asked}") for f in offered(Shape.GRAPH)]
