"""The place of a term among the others, for pages: trees of classes, properties and concepts, and axioms in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from covalue.names import PREFIXES
from covalue.terminology import FLAGS, Expression, Term, Terminology, Words
from covalue.web.languages import Say
from covalue.web.naming import Names
from covalue.web.pages import Cell

THING = PREFIXES["owl"] + "Thing"
TREES = {"class": "rdfs:subClassOf", "object-property": "rdfs:subPropertyOf", "data-property": "rdfs:subPropertyOf", "concept": "skos:broader"}
"""By kind of term, the property that leads upwards."""
DEEPEST = 30


@dataclass
class Node:
    """A node of a tree; `current` is the one that the page is about."""

    cell: Cell
    current: bool = False
    children: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """A heading with cells, or with pieces of an expression."""

    heading: str
    cells: tuple[Cell, ...] = ()
    lines: tuple[tuple[Cell | str, ...], ...] = ()


def tree(term: Term, terms: Terminology, names: Names) -> Node | None:
    """The line from the top down to a term, with what stands right below it; None where it stands alone."""
    if term.kind == "scheme":
        return Node(names.cell(term.iri), True, forest(scheme_tops(term, terms), "skos:broader", terms, names))
    upward = TREES.get(term.kind)
    if upward is None:
        return None
    here = Node(names.cell(term.iri), True, [Node(names.cell(iri)) for iri in names.sorted(t.iri for t in terms.pointing(upward, term.iri))])
    line = terms.above(term.iri, upward)
    if term.kind == "concept":
        line = [*term.links.get("skos:inScheme", ())[:1], *line]
    top = here
    for iri in reversed(line):
        top = Node(names.cell(iri), False, [top])
    return top if line or here.children else None


def forest(tops: Iterable[Term], upward: str, terms: Terminology, names: Names, depth: int = 0) -> list[Node]:
    """Whole trees below some terms, in order of their numbers or else of their labels."""
    if depth > DEEPEST:
        return []
    ordered = sorted(tops, key=lambda t: (int(t.plain.get("vcc:ordinal", "0")), names.label(t.iri).casefold(), t.iri))
    return [Node(names.cell(t.iri), False, forest(terms.pointing(upward, t.iri), upward, terms, names, depth + 1)) for t in ordered]


def scheme_tops(scheme: Term, terms: Terminology) -> list[Term]:
    """The concepts of a scheme that stand under no other."""
    return [t for t in terms.pointing("skos:inScheme", scheme.iri) if not t.links.get("skos:broader")]


def tops(kind: str, terms: Terminology) -> list[Term]:
    """Our terms of a kind that stand under no other of ours."""
    upward = TREES[kind]
    own = {t.iri for t in terms.of_kind(kind, ours=True)}
    return [terms.terms[iri] for iri in sorted(own) if not own & set(terms.terms[iri].links.get(upward, ()))]


def rows(term: Term, terms: Terminology, names: Names, t: Say) -> list[Row]:
    """What the axioms of a term and those about it say."""
    if term.kind == "class":
        found = _of_class(term, terms, names, t)
    elif term.kind in ("object-property", "data-property", "annotation-property"):
        found = _of_property(term, terms, names, t)
    else:
        found = []
    return [row for row in found if row.cells or row.lines]


def _of_class(term: Term, terms: Terminology, names: Names, t: Say) -> list[Row]:
    starts, ends = terms.with_domain_or_range(term.iri)
    used = [x for p, x in terms.used_in(term.iri) if p in ("owl:equivalentClass", "rdfs:subClassOf")]
    return [
        Row(t("Defined as", "定义为"), (), _lines(term.axioms.get("owl:equivalentClass", ()), names)),
        Row(t("Each one", "每一个都"), (), _lines(term.axioms.get("rdfs:subClassOf", ()), names)),
        Row(t("Relations that start here", "由此出发的关系"), _cells(starts, names)),
        Row(t("Relations that lead here", "指向此处的关系"), _cells(ends, names)),
        Row(t("Used in the definition of", "用于定义"), _cells(used, names)),
        Row(t("Never also", "不相交于"), tuple(names.cell(iri) for iri in term.links.get("owl:disjointWith", ()))),
    ]


def _of_property(term: Term, terms: Terminology, names: Names, t: Say) -> list[Row]:
    chains = [x for p, x in terms.used_in(term.iri) if p == "owl:propertyChainAxiom"]
    inverse = dict.fromkeys([*term.links.get("owl:inverseOf", ()), *(x.iri for x in terms.pointing("owl:inverseOf", term.iri))])
    return [
        Row(t("From", "起于"), _ends(term, "rdfs:domain", names), _lines(term.axioms.get("rdfs:domain", ()), names)),
        Row(t("To", "止于"), _ends(term, "rdfs:range", names), _lines(term.axioms.get("rdfs:range", ()), names)),
        Row(t("Read backwards", "反向"), tuple(names.cell(iri) for iri in inverse)),
        Row(t("Follows from", "由此推得"), (), _lines(term.axioms.get("owl:propertyChainAxiom", ()), names)),
        Row(t("Leads to, by a chain", "经属性链推得"), _cells(chains, names)),
        Row(t("Character", "特征"), (), tuple((t(*FLAGS[flag]),) for flag in term.flags)),
    ]


def _ends(term: Term, property: str, names: Names) -> tuple[Cell, ...]:
    return tuple(names.cell(iri) for iri in term.links.get(property, ()) if iri != THING)


def _cells(found: Iterable[Term], names: Names) -> tuple[Cell, ...]:
    return tuple(names.cell(iri) for iri in names.sorted({t.iri for t in found}))


def _lines(expressions: Sequence[Expression], names: Names) -> tuple[tuple[Cell | str, ...], ...]:
    return tuple(tuple((piece.zh if names.lang == "zh" else piece.en) if isinstance(piece, Words) else names.cell(piece) for piece in e) for e in expressions)
