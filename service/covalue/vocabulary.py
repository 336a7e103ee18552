"""What the case tables may name from the ontology: the concepts of each scheme, and the subclasses of each class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import pyoxigraph as ox

from covalue.cells import Vocabulary
from covalue.names import PREFIXES, RDF_TYPE, RDFS_SUBCLASSOF, SKOS_IN_SCHEME, shrink

VCC, VCS = PREFIXES["vcc"], PREFIXES["vcs"]


def vocabulary(quads: Iterable[ox.Quad]) -> Vocabulary:
    """
    Concepts by the short name of their scheme, and for each class (as CURIE) the local names of itself and all below it.

    Defined classes, which only a reasoner fills, count as subclasses too.
    """
    concepts: dict[str, set[str]] = defaultdict(set)
    children: dict[str, set[str]] = defaultdict(set)
    classes: set[str] = set()
    for q in quads:
        s, p = q.subject, q.predicate.value
        if not isinstance(s, ox.NamedNode) or not isinstance(q.object, ox.NamedNode):
            continue
        if p == SKOS_IN_SCHEME and s.value.startswith(VCS):
            scheme, _, concept = s.value[len(VCS) :].partition("/")
            concepts[scheme].add(concept)
        elif p == RDFS_SUBCLASSOF:
            children[q.object.value].add(s.value)
        elif p == RDF_TYPE and q.object.value == PREFIXES["owl"] + "Class" and s.value.startswith(VCC):
            classes.add(s.value)
    return Vocabulary(
        {k: frozenset(v) for k, v in concepts.items()},
        {shrink(c): frozenset(d[len(VCC) :] for d in _below(c, children)) for c in classes},
    )


def _below(start: str, children: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += children.get(node, ())
    return {c for c in seen if c.startswith(VCC)}
