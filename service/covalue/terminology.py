"""
The vocabulary of a dataset as a reader looks it up: classes, properties, concept schemes and concepts, each with its texts in both
languages, its place among the others, what its axioms say in words, what other terms make of it, and its mappings to other vocabularies.

Read from the store, so that it shows what is served; expressions of OWL become pieces of text and IRIs, which a page joins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyoxigraph as ox

from covalue.description import rows
from covalue.names import GRAPH_ONTOLOGY, ONTOLOGY_IRI, PREFIXES, RDF_TYPE, expand, shrink
from covalue.once import Once
from covalue.stores import Store

OWL, RDF, RDFS = PREFIXES["owl"], PREFIXES["rdf"], PREFIXES["rdfs"]
KINDS = {
    "owl:Class": "class",
    "owl:ObjectProperty": "object-property",
    "owl:DatatypeProperty": "data-property",
    "owl:AnnotationProperty": "annotation-property",
    "skos:ConceptScheme": "scheme",
    "skos:Concept": "concept",
}
"""Kinds of terms by their type, in the order of a document; a concept that is a class too is a class."""
TEXTS = (
    "rdfs:label",
    "skos:prefLabel",
    "skos:altLabel",
    "dcterms:title",
    "skos:definition",
    "dcterms:description",
    "skos:scopeNote",
    "skos:example",
    "skos:editorialNote",
    "vcc:note",
)
LINKS = (
    "rdfs:subClassOf",
    "rdfs:subPropertyOf",
    "rdfs:domain",
    "rdfs:range",
    "owl:inverseOf",
    "owl:disjointWith",
    "owl:equivalentClass",
    "skos:inScheme",
    "skos:broader",
    "skos:topConceptOf",
    "skos:exactMatch",
    "skos:closeMatch",
    "rdfs:isDefinedBy",
    "rdfs:seeAlso",
    "dcterms:source",
)
AXIOMS = ("rdfs:subClassOf", "owl:equivalentClass", "rdfs:domain", "rdfs:range", "owl:propertyChainAxiom")
PLAIN = ("vs:term_status", "skos:notation", "vcc:ordinal")
FLAGS = {
    "owl:TransitiveProperty": ("transitive", "传递"),
    "owl:SymmetricProperty": ("symmetric", "对称"),
    "owl:AsymmetricProperty": ("asymmetric", "非对称"),
    "owl:ReflexiveProperty": ("reflexive", "自反"),
    "owl:IrreflexiveProperty": ("irreflexive", "非自反"),
    "owl:FunctionalProperty": ("functional: at most one value", "函数：至多一个值"),
    "owl:InverseFunctionalProperty": ("inverse functional", "反函数"),
}
MAPPING_GRAPHS = PREFIXES["graph"] + "mapping/"
SSSOM = "https://w3id.org/sssom/"
NO_TERM = SSSOM + "NoTermFound"
JOINED = {"owl:unionOf": (" or ", " 或 "), "owl:intersectionOf": (" and ", " 且 ")}
QUANTIFIED = {
    "owl:someValuesFrom": (" some ", " 至少一个 "),
    "owl:allValuesFrom": (" only ", " 仅限 "),
    "owl:hasValue": (" is ", " 为 "),
    "owl:qualifiedCardinality": (" exactly ", " 恰好 "),
    "owl:minQualifiedCardinality": (" at least ", " 至少 "),
    "owl:maxQualifiedCardinality": (" at most ", " 至多 "),
    "owl:cardinality": (" exactly ", " 恰好 "),
    "owl:minCardinality": (" at least ", " 至少 "),
    "owl:maxCardinality": (" at most ", " 至多 "),
}
DEEPEST = 12
"""Levels of an expression that are written out."""


@dataclass(frozen=True)
class Words:
    """A piece of text in both languages."""

    en: str
    zh: str


Piece = str | Words
"""An IRI, or words around IRIs."""
Expression = tuple[Piece, ...]
Node = ox.NamedNode | ox.BlankNode | ox.Literal
Facts = Mapping[str, Mapping[str, Sequence[Node]]]


@dataclass(frozen=True, eq=False)
class Term:
    """
    One term. `texts` are by CURIE of the property and by language; `links` by CURIE of the property; `axioms` are what its axioms say
    beyond plain links, by CURIE; `flags` are characteristics of a property.
    """

    iri: str
    kind: str
    texts: Mapping[str, Mapping[str, tuple[str, ...]]]
    links: Mapping[str, tuple[str, ...]]
    axioms: Mapping[str, tuple[Expression, ...]]
    flags: tuple[str, ...] = ()
    plain: Mapping[str, str] = field(default_factory=dict)

    @property
    def local(self) -> str:
        """The last part of its IRI."""
        return self.iri.rpartition("#")[2].rpartition("/")[2]

    def label(self, lang: str) -> str:
        """Its name in a language, else in another, else its short IRI; never empty."""
        for property in ("skos:prefLabel", "rdfs:label", "dcterms:title"):
            said = self.texts.get(property, {})
            for one in (lang, "en", "zh", ""):
                if said.get(one):
                    return said[one][0]
        return shrink(self.iri)

    def said(self, property: str, lang: str) -> tuple[str, ...]:
        """The texts of a property in exactly one language."""
        return self.texts.get(property, {}).get(lang, ())

    @property
    def ours(self) -> bool:
        """Whether it is defined here, or only used."""
        return self.iri.startswith((ONTOLOGY_IRI + "#", PREFIXES["vcs"]))


@dataclass(frozen=True)
class Alignment:
    """
    One mapping of a term: the graph it stands in, the relation as CURIE, the term of the other vocabulary (empty where that has none),
    whether the term asked for is the other side, how sure it is (from 0 to 1, as written), and comments by language.
    """

    graph: str
    relation: str
    other: str
    inverse: bool
    confidence: str
    comments: Mapping[str, str]

    @property
    def vocabulary(self) -> str:
        """The short name of the other vocabulary."""
        return self.graph.rpartition("/")[2]


class Terminology:
    """All terms of one immutable state of a store."""

    def __init__(self, terms: Iterable[Term], header: Mapping[str, Sequence[Node]], mappings: Mapping[str, Sequence[Alignment]]) -> None:
        self.terms = {t.iri: t for t in sorted(terms, key=lambda t: t.iri)}
        self.header = header
        self._mappings = mappings
        self._below: dict[tuple[str, str], list[str]] = {}
        self._used: dict[str, list[tuple[str, str]]] = {}
        for term in self.terms.values():
            for property, linked in term.links.items():
                for target in linked:
                    self._below.setdefault((property, target), []).append(term.iri)
            for property, expressions in term.axioms.items():
                for target in dict.fromkeys(p for e in expressions for p in e if isinstance(p, str)):
                    self._used.setdefault(target, []).append((property, term.iri))

    def of_kind(self, kind: str, ours: bool | None = None) -> list[Term]:
        """The terms of a kind, by IRI; only ours, only others, or all."""
        return [t for t in self.terms.values() if t.kind == kind and ours in (None, t.ours)]

    def pointing(self, property: str, iri: str) -> list[Term]:
        """The terms with a plain link by a property (as CURIE) to an IRI."""
        return [self.terms[t] for t in self._below.get((property, iri), ())]

    def used_in(self, iri: str) -> list[tuple[str, Term]]:
        """The axioms of other terms that name an IRI: property as CURIE, and whose axiom it is."""
        return [(property, self.terms[t]) for property, t in self._used.get(iri, ()) if t != iri]

    def mappings(self, iri: str) -> Sequence[Alignment]:
        """The mappings of a term, by graph."""
        return self._mappings.get(iri, ())

    def above(self, iri: str, property: str) -> list[str]:
        """The line from the top down to just above a term along its first link by a property."""
        line: list[str] = []
        at = iri
        while True:
            term = self.terms.get(at)
            nexts = [x for x in term.links.get(property, ()) if x != OWL + "Thing" and x not in (*line, iri)] if term else []
            if not nexts:
                return list(reversed(line))
            at = nexts[0]
            line.append(at)

    def inverses(self) -> dict[str, str]:
        """Each property that has an inverse, and the inverse; both ways."""
        out: dict[str, str] = {}
        for term in self.terms.values():
            for other in term.links.get("owl:inverseOf", ()):
                out[term.iri], out[other] = other, term.iri
        return out

    def with_domain_or_range(self, iri: str) -> tuple[list[Term], list[Term]]:
        """The properties that start and that end at a class, named outright or in a union."""
        starts, ends = ([*self.pointing(p, iri), *(t for q, t in self.used_in(iri) if q == p)] for p in ("rdfs:domain", "rdfs:range"))
        return list(dict.fromkeys(starts)), list(dict.fromkeys(ends))


# --- reading a store


class Terms:
    """The terminology of a store, read when first asked for, and anew when the store holds other data."""

    def __init__(self, store: Store) -> None:
        self._terminology = Once(lambda: store.version, lambda: read(store))

    def get(self) -> Terminology:
        """
        The terminology of what the store holds now.

        Raises:
            CovalueError: the store failed.
        """
        return self._terminology.get()


def read(store: Store) -> Terminology:
    """The terms of a store: all of the graph of the ontology, and the concepts and schemes of the default graph."""
    facts = _facts(store)
    kinds = {expand(curie): kind for curie, kind in KINDS.items()}
    terms = [term for node in facts if not node.startswith("_:") and (term := _term(node, facts, kinds))]
    header = {shrink(p): values for p, values in facts.get(ONTOLOGY_IRI, {}).items()}
    return Terminology(terms, header, _mappings(store))


def _facts(store: Store) -> dict[str, dict[str, list[Node]]]:
    """Statements by subject and predicate; a blank node goes by its label."""
    concepts = " ".join(f"<{expand(c)}>" for c in ("skos:Concept", "skos:ConceptScheme"))
    wanted = ", ".join(f"<{expand(p)}>" for p in (*TEXTS, *LINKS, *PLAIN))
    queries = (
        f"SELECT ?s ?p ?o {{ GRAPH <{GRAPH_ONTOLOGY}> {{ ?s ?p ?o }} }}",
        f"SELECT DISTINCT ?s ?p ?o {{ VALUES ?kind {{ {concepts} }} ?s a ?kind ; ?p ?o FILTER(?p IN (<{RDF_TYPE}>, {wanted})) }}",
    )
    out: dict[str, dict[str, list[Node]]] = {}
    for query in queries:
        for s, p, o in rows(store, query):
            if s is not None and p is not None and o is not None:
                out.setdefault(_key(s), {}).setdefault(_key(p), []).append(o)
    return out


def _key(term: Node) -> str:
    return f"_:{term.value}" if isinstance(term, ox.BlankNode) else term.value


def _term(iri: str, facts: Facts, kinds: Mapping[str, str]) -> Term | None:
    own = facts[iri]
    types = [t.value for t in own.get(RDF_TYPE, ())]
    kind = next((kind for type, kind in kinds.items() if type in types), None)
    if kind is None:
        return None
    texts = {curie: found for curie in TEXTS if (found := _texts(own.get(expand(curie), ())))}
    links = {curie: tuple(sorted({v.value for v in values if isinstance(v, ox.NamedNode)})) for curie in LINKS if (values := own.get(expand(curie)))}
    axioms = {curie: said for curie in AXIOMS if (said := _axioms(curie, own.get(expand(curie), ()), facts))}
    flags = tuple(curie for curie in FLAGS if expand(curie) in types)
    plain = {curie: values[0].value for curie in PLAIN if (values := own.get(expand(curie)))}
    return Term(iri, kind, texts, {k: v for k, v in links.items() if v}, axioms, flags, plain)


def _axioms(curie: str, values: Iterable[Node], facts: Facts) -> tuple[Expression, ...]:
    """What stands in a blank node, in words."""
    return tuple(_chain(v, facts) if curie == "owl:propertyChainAxiom" else _expression(v, facts) for v in values if isinstance(v, ox.BlankNode))


def _texts(values: Iterable[Node]) -> dict[str, tuple[str, ...]]:
    out: dict[str, list[str]] = {}
    for value in values:
        if isinstance(value, ox.Literal):
            out.setdefault(value.language or "", []).append(value.value)
    return {lang: tuple(sorted(set(found))) for lang, found in out.items()}


def _expression(node: Node, facts: Facts, depth: int = 0) -> Expression:
    """An expression of OWL as pieces."""
    if isinstance(node, ox.NamedNode):
        return (node.value,)
    if isinstance(node, ox.Literal):
        return (Words(node.value, node.value),)
    own = facts.get(_key(node), {})
    if depth > DEEPEST:
        return (Words("…", "…"),)
    for curie, (en, zh) in JOINED.items():
        if expand(curie) in own:
            parts = [_expression(x, facts, depth + 1) for x in _list(own[expand(curie)][0], facts)]
            return _bracketed(_join(parts, Words(en, zh)), depth)
    if expand("owl:complementOf") in own:
        return (Words("not ", "非 "), *_expression(own[expand("owl:complementOf")][0], facts, depth + 1))
    if expand("owl:oneOf") in own:
        return _join([_expression(x, facts, depth + 1) for x in _list(own[expand("owl:oneOf")][0], facts)], Words(", ", "、"))
    return _restriction(own, facts, depth)


def _restriction(own: Mapping[str, Sequence[Node]], facts: Facts, depth: int) -> Expression:
    property = own.get(expand("owl:onProperty"))
    for curie, (en, zh) in QUANTIFIED.items():
        if property and expand(curie) in own:
            value = _expression(own[expand(curie)][0], facts, depth + 1)
            on = own.get(expand("owl:onClass"))
            return (*_expression(property[0], facts, depth + 1), Words(en, zh), *value, *((Words(" ", " "), *_expression(on[0], facts, depth + 1)) if on else ()))
    return (Words("…", "…"),)


def _chain(node: Node, facts: Facts) -> Expression:
    return _join([_expression(x, facts) for x in _list(node, facts)], Words(", then ", "，再 "))


def _join(parts: Sequence[Expression], between: Words) -> Expression:
    out: list[Piece] = []
    for part in parts:
        out += [between, *part] if out else part
    return tuple(out)


def _bracketed(expression: Expression, depth: int) -> Expression:
    return (Words("(", "（"), *expression, Words(")", "）")) if depth else expression


def _list(node: Node, facts: Facts) -> Iterator[Node]:
    seen: set[str] = set()
    while not (isinstance(node, ox.NamedNode) and node.value == RDF + "nil") and _key(node) not in seen:
        seen.add(_key(node))
        own = facts.get(_key(node), {})
        first, rest = own.get(RDF + "first"), own.get(RDF + "rest")
        if not first or not rest:
            return
        yield first[0]
        node = rest[0]


def _mappings(store: Store) -> dict[str, list[Alignment]]:
    """The rows of all mapping sets, by either side; see `covalue.mappings` for their form."""
    found = rows(
        store,
        f"""SELECT ?g ?row ?s ?p ?o ?c ?n {{ GRAPH ?g {{
            ?row <{OWL}annotatedSource> ?s ; <{OWL}annotatedProperty> ?p ; <{OWL}annotatedTarget> ?o .
            OPTIONAL {{ ?row <{SSSOM}confidence> ?c }} OPTIONAL {{ ?row <{RDFS}comment> ?n }}
        }} FILTER(STRSTARTS(STR(?g), "{MAPPING_GRAPHS}") && isIRI(?s) && isIRI(?p) && isIRI(?o)) }}""",
    )
    comments: dict[tuple[str, str, str, str, str], dict[str, str]] = {}
    for g, row, s, p, o, c, n in found:
        if g is None or row is None or s is None or p is None or o is None:
            continue
        said = comments.setdefault((g.value, s.value, p.value, o.value, c.value if c else ""), {})
        if isinstance(n, ox.Literal):
            said[n.language or "en"] = n.value
    out: dict[str, list[Alignment]] = {}
    for (graph, subject, property, target, confidence), said in sorted(comments.items()):
        none = target == NO_TERM
        out.setdefault(subject, []).append(Alignment(graph, shrink(property), "" if none else target, False, confidence, said))
        if not none:
            out.setdefault(target, []).append(Alignment(graph, shrink(property), subject, True, confidence, said))
    return out
