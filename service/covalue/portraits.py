"""
What is known of one thing, in the order in which a reader wants it: statements by it and of it, grouped by property, each with whether it
was stated or follows; the claims that speak of it; the places in sources that name it.

Statements of it that only say an inverse again are left out, since the ontology names the inverse of every relation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyoxigraph as ox

from covalue.description import rows
from covalue.names import PREFIXES, RDF_TYPE, expand
from covalue.stores import Store

INFERRED = PREFIXES["graph"] + "inferred/"
HIDDEN = frozenset(
    expand(curie)
    for curie in (
        "rdf:type",
        "rdfs:label",
        "skos:prefLabel",
        "skos:altLabel",
        "skos:definition",
        "skos:scopeNote",
        "skos:example",
        "skos:editorialNote",
        "dcterms:title",
        "dcterms:description",
        "vcc:note",
    )
)
"""What a page shows in a place of its own."""
Term = ox.NamedNode | ox.BlankNode | ox.Literal
PER_LISTING = 100


@dataclass(frozen=True)
class Value:
    """One value of a group, and whether it only follows from others."""

    term: Term
    inferred: bool


@dataclass(frozen=True)
class Group:
    """The values of one property, or with `inverse` the things whose value it is; `total` may be more than are held."""

    predicate: str
    inverse: bool
    values: tuple[Value, ...]
    total: int


@dataclass(frozen=True)
class Listing:
    """A page of the values of one property, by IRI."""

    predicate: str
    inverse: bool
    values: tuple[Term, ...]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PER_LISTING))


def groups(iri: str, triples: Iterable[ox.Triple], inferred: Iterable[ox.Triple], inverses: Mapping[str, str], counts: Mapping[tuple[str, bool], int]) -> list[Group]:
    """
    The statements by and of a thing, by property.

    Args:
        triples: those in which it is subject or object.
        inferred: those of them that only follow.
        inverses: the inverse of each property that has one.
        counts: how many values a property has in all, where the triples are not all; by property and whether inverse.
    """
    follows = set(inferred)
    by_key: dict[tuple[str, bool], dict[Term, bool]] = {}
    own = [t for t in triples if _is(t.subject, iri)]
    said = {(t.predicate.value, t.object) for t in own}
    for t in own:
        if isinstance(t.object, (ox.NamedNode, ox.BlankNode, ox.Literal)):
            by_key.setdefault((t.predicate.value, False), {})[t.object] = t in follows
    for t in triples:
        if _is(t.object, iri) and isinstance(t.subject, (ox.NamedNode, ox.BlankNode)) and (inverses.get(t.predicate.value, ""), t.subject) not in said:
            by_key.setdefault((t.predicate.value, True), {})[t.subject] = t in follows
    return [
        Group(property, inverse, tuple(Value(v, f) for v, f in sorted(values.items(), key=lambda p: str(p[0]))), max(len(values), counts.get((property, inverse), 0)))
        for (property, inverse), values in sorted(by_key.items(), key=lambda p: (p[0][1], p[0][0]))
    ]


def _is(term: object, iri: str) -> bool:
    return isinstance(term, ox.NamedNode) and term.value == iri


def objects(triples: Iterable[ox.Triple], iri: str, property: str) -> list[ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple]:
    """The values of a property of a thing."""
    return [t.object for t in triples if isinstance(t.subject, ox.NamedNode) and t.subject.value == iri and t.predicate.value == property]


def inferred(store: Store, iri: str, most: int) -> list[ox.Triple]:
    """The statements by and of a thing that stand only in graphs of consequences."""
    node = ox.NamedNode(iri)
    out: list[ox.Triple] = []
    found = rows(store, f'SELECT ?s ?p ?o {{ GRAPH ?g {{ {{ {node} ?p ?o }} UNION {{ ?s ?p {node} }} }} FILTER(STRSTARTS(STR(?g), "{INFERRED}")) }} LIMIT {4 * most}')
    for s, p, o in found:
        if isinstance(p, ox.NamedNode) and isinstance(s or node, (ox.NamedNode, ox.BlankNode)):
            out.append(ox.Triple(s or node, p, o or node))  # type: ignore[arg-type]  # a literal is never a subject
    return out


def counted(store: Store, iri: str) -> dict[tuple[str, bool], int]:
    """How many values each property has, by property and whether inverse."""
    node, out = ox.NamedNode(iri), {}
    for inverse, pattern in ((False, f"{node} ?p ?x"), (True, f"?x ?p {node}")):
        for p, n in rows(store, f"SELECT ?p (COUNT(?x) AS ?n) {{ {pattern} }} GROUP BY ?p"):
            if isinstance(p, ox.NamedNode) and isinstance(n, ox.Literal):
                out[p.value, inverse] = int(n.value)
    return out


def listing(store: Store, iri: str, property: str, inverse: bool, page: int) -> Listing:
    """
    One page of all values of a property.

    Raises:
        CovalueError: the store failed.
    """
    node, predicate = ox.NamedNode(iri), ox.NamedNode(property)
    pattern = f"?x {predicate} {node}" if inverse else f"{node} {predicate} ?x"
    total = rows(store, f"SELECT (COUNT(DISTINCT ?x) AS ?n) {{ {pattern} }}")[0][0]
    found = rows(store, f"SELECT DISTINCT ?x {{ {pattern} }} ORDER BY ?x LIMIT {PER_LISTING} OFFSET {(page - 1) * PER_LISTING}")
    return Listing(property, inverse, tuple(x for (x,) in found if x is not None), int(total.value) if isinstance(total, ox.Literal) else 0, page)


def usage(store: Store, property: str, most: int) -> tuple[int, list[tuple[Term, Term]]]:
    """How many statements a property makes, and the first few as subject and object."""
    predicate = ox.NamedNode(property)
    total = rows(store, f"SELECT (COUNT(*) AS ?n) {{ ?s {predicate} ?o }}")[0][0]
    found = rows(store, f"SELECT ?s ?o {{ ?s {predicate} ?o }} ORDER BY ?s ?o LIMIT {most}")
    return int(total.value) if isinstance(total, ox.Literal) else 0, [(s, o) for s, o in found if s is not None and o is not None]


def types(triples: Sequence[ox.Triple], iri: str) -> list[str]:
    """The classes that a thing is said to belong to."""
    return sorted({t.object.value for t in triples if _is(t.subject, iri) and t.predicate.value == RDF_TYPE and isinstance(t.object, ox.NamedNode)})
