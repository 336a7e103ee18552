"""All values of one relation of a thing, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyoxigraph as ox
from flask import request

from covalue import claims, portraits
from covalue.claims import Claim
from covalue.errors import InputError
from covalue.names import PREFIXES
from covalue.portraits import PER_LISTING, Group
from covalue.web import addresses
from covalue.web.claim_cards import card
from covalue.web.fallback import or_else
from covalue.web.service import Service
from covalue.web.things import Portrait

DEEPEST = 100_000
"""Pages of a listing."""


def values(service: Service, iri: str, path: str) -> dict[str, Any]:
    """
    What the template of a listing shows: a page of the values of one property of a thing.

    Raises:
        InputError: the property or the page is none.
    """
    portrait = Portrait(service, iri, (), False)
    property, inverse, page = _asked()
    found = portraits.listing(service.store, iri, property, inverse, page)
    group = Group(property, inverse, (), found.total)
    heading, before, after = portrait.heading(group)
    known: Mapping[str, Claim] = or_else(lambda: claims.claims(service.store, [v.value for v in found.values if isinstance(v, ox.NamedNode)]), {})
    rows = [card(known[v.value], portrait.names, iri) if isinstance(v, ox.NamedNode) and v.value in known else portrait.names.cell(v) for v in found.values]
    return {
        **portrait.head(),
        "document": addresses.local(f"{path}.html"),
        "heading": heading,
        "before": before,
        "after": after,
        "rows": rows,
        "first": (page - 1) * PER_LISTING + 1,
        "total": found.total,
        "prev": portrait.listing_address(property, inverse, page - 1) if page > 1 else None,
        "next": portrait.listing_address(property, inverse, page + 1) if page < found.pages else None,
        "query": f"SELECT ?x {{ {f'?x <{property}> <{iri}>' if inverse else f'<{iri}> <{property}> ?x'} }}",
    }


def _asked() -> tuple[str, bool, int]:
    given, page = request.args.get("facts", ""), request.args.get("page", "1")
    prefix, colon, local = given.partition(":")
    try:
        property = ox.NamedNode(PREFIXES[prefix] + local if colon and prefix in PREFIXES else given).value
    except ValueError as e:
        raise InputError(f'"facts" takes a property, as vcc:contributor, not "{given[:50]}".', f"“facts”应为属性，例如 vcc:contributor，而不是“{given[:50]}”。") from e
    if not (page.isascii() and page.isdigit() and len(page) < 7 and 1 <= int(page) <= DEEPEST):
        raise InputError(f'"page" takes a whole number from 1, not "{page[:50]}".', f"“page”应为从 1 起的整数，而不是“{page[:50]}”。")
    return property, request.args.get("of") == "this", int(page)
