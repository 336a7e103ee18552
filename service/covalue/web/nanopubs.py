"""Nanopublications over HTTP: `/nanopubs` has all (or those of `?case=`), `/nanopub/<case>/<kind>/<id>` the one of a claim, which is its IRI."""

from __future__ import annotations

import pyoxigraph as ox
from flask import Blueprint, Response, request

from covalue.formats import Shape, choose, offered
from covalue.names import PREFIXES
from covalue.nanopubs import CASES, nanopubs, serialize
from covalue.web import answers, validators
from covalue.web.answers import Body
from covalue.web.problems import UnknownError
from covalue.web.service import Service


def blueprint(service: Service) -> Blueprint:
    """The two views."""
    views = Blueprint("nanopubs", __name__)

    def several() -> Response:
        return _answer(service, request.args.get("case") or None, None)

    def one(path: str) -> Response:
        try:
            claim = ox.NamedNode(PREFIXES["case"] + path).value
        except ValueError:
            raise _unknown(path) from None
        case = path.partition("/")[0]
        if CASES + case not in service.store.graphs():
            raise _unknown(path)
        return _answer(service, case, claim)

    views.add_url_rule("/nanopubs", "all", several)
    views.add_url_rule("/nanopub/<path:path>", "one", one)
    return views


def _unknown(path: str) -> UnknownError:
    return UnknownError(f'no claim of the name "{path[:300]}" is known here; /nanopubs has all.', f"此处没有名为“{path[:300]}”的陈述；/nanopubs 列出全部。")


def _answer(service: Service, case: str | None, claim: str | None) -> Response:
    """In a format that keeps graphs apart: TriG, as is the custom, or what is asked for of N-Quads and JSON-LD."""
    accept = request.headers.get("Accept", "")
    named = [v for p in ("format", "output", "results") for v in request.args.getlist(p)]
    asked = any(f.media_type in accept for f in offered(Shape.DATASET))
    chosen = choose(Shape.DATASET, accept, [*named, *([] if asked else ["trig"])])
    opaque = validators.tag(service.store.version, "nanopub", case, claim, chosen.extension)
    if response := answers.held(opaque, chosen):
        return response
    found = list(nanopubs(service.store, case, claim))
    if claim is not None and not found:
        raise _unknown(claim.removeprefix(PREFIXES["case"]))
    return answers.send(Body.of(serialize(found, chosen.engine)), chosen, opaque)  # type: ignore[arg-type]
