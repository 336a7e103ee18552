"""Names of things for pages: in the language of the page, else in any, a preferred label first."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import pyoxigraph as ox

from covalue import description
from covalue.errors import CovalueError
from covalue.names import PREFIXES
from covalue.stores import Store
from covalue.web.languages import language

MOST = 400
PREDICATES = (PREFIXES["skos"] + "prefLabel", PREFIXES["rdfs"] + "label")


def labels(store: Store, iris: Iterable[str], most: int = MOST) -> dict[str, str]:
    """
    Names by IRI, for as many as are known.

    An empty answer where the store fails: a page without names is better than none.
    """
    listed = " ".join(f"<{iri}>" for iri in islice(dict.fromkeys(iris), most))
    union = " UNION ".join(f"{{ ?x <{p}> ?label . BIND({i} AS ?rank) }}" for i, p in enumerate(PREDICATES))
    try:
        found = description.rows(store, f"SELECT ?x ?label ?rank {{ VALUES ?x {{ {listed} }} {union} }}") if listed else []
    except CovalueError:
        return {}
    best: dict[str, tuple[bool, str, str]] = {}
    for thing, label, rank in found:
        if isinstance(thing, ox.NamedNode) and isinstance(label, ox.Literal) and isinstance(rank, ox.Literal):
            candidate = (not (label.language or "").startswith(language()), rank.value, label.value)
            best[thing.value] = min(best.get(thing.value, candidate), candidate)
    return {iri: label for iri, (_, _, label) in best.items()}
