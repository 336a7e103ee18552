"""
Documents made of statements that we hold in hand: negotiated, serialised once, and sent with tag and headers.

They are small (descriptions, the ontology), so they are made in this process and kept; answers of queries go another way (`answers`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyoxigraph as ox
from flask import Response

from covalue.description import serialize
from covalue.formats import Format
from covalue.web import answers, validators
from covalue.web.answers import Body
from covalue.web.service import Service


def document(service: Service, chosen: Format, key: Sequence[object], make: Callable[[], Sequence[ox.Triple]], stem: str = "", download: bool = False) -> Response:
    """
    A response with statements in a format for data.

    Args:
        service: whose document it is.
        chosen: the format.
        key: what the statements depend on, besides the dataset and the format.
        make: gives the statements; called only where they are needed.
        stem: the name of a file, without its ending.
        download: whether a browser is to save it.
    """
    opaque = validators.tag(service.store.version, "document", chosen.extension, *key)
    response = answers.held(opaque, chosen)
    if response is None:
        data = service.kept.get(opaque, lambda: _bytes(make(), chosen))
        response = answers.send(answers.prepared(Body.of(data), chosen), chosen, opaque)
    if download and stem:
        answers.as_download(response, stem, chosen)
    return response


def _bytes(triples: Sequence[ox.Triple], chosen: Format) -> bytes:
    assert isinstance(chosen.engine, ox.RdfFormat)
    return serialize(triples, chosen.engine)
