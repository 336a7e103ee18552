"""
Nanopublications: each claim of a case as a small publication of its own, which can be cited, signed and passed on alone.

Its four graphs: the *head* names the others; the *assertion* is what the claim says; the *provenance* tells where it stands and in what
manner it is put forward; the *publication info* tells who made the nanopublication, under which licence, from which version of the case,
and what the things named are called. The manner is kept apart, as everywhere:

* reported: the passage is the primary source of the assertion;
* cited: the assertion is derived from the passage and attributed to the scholar, or derived from the work, that the source names;
* recommended: the assertion is derived from the passage, and stays of type `vcc:Recommendation` or the like;
* derived: the assertion is derived from the passage and attributed to our curators; a note says how.

They are not signed: whoever publishes them does that with a key of their own (`np sign`), which also makes their names trusty.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import pyoxigraph as ox

from covalue.description import LICENSE, rows
from covalue.errors import InputError
from covalue.formats import FORMATS, Shape, by_name
from covalue.manifest import Manifest
from covalue.names import ACCORDING_TO, BASE, ONTOLOGY_IRI, PREFIXES, case_graph, expand
from covalue.stores import Store
from covalue.words import nearest

NANOPUB: Final = BASE + "nanopub/"
CURATORS: Final = BASE + "developers"
CASES: Final = PREFIXES["graph"] + "case/"
MODALITY: Final = expand("vcc:modality")
ABOUT_THE_STATING: Final = frozenset(expand(f"vcc:{n}") for n in ("accordingTo", "inCase", "modality", "note", "reportedIn", "scope", "statedBy"))
"""Properties of a claim that tell of its origin, and so belong to the provenance."""
GRAPHS: Final = ("head", "assertion", "provenance", "pubinfo")
Term = ox.NamedNode | ox.BlankNode | ox.Literal


@dataclass(frozen=True)
class Nanopub:
    """One nanopublication: its IRI, the claim it publishes, and its statements in the order of its graphs."""

    iri: str
    claim: str
    quads: tuple[ox.Quad, ...]


def nanopubs(store: Store, case: str | None = None, claim: str | None = None) -> Iterator[Nanopub]:
    """
    The nanopublications of all claims, sorted by case and claim.

    Args:
        case: short name of the only case wanted.
        claim: IRI of the only claim wanted.

    Raises:
        InputError: there is no such case; the nearest is named.

    Cost: three queries a case; linear in its claims.
    """
    cases = sorted(g[len(CASES) :] for g in store.graphs() if g.startswith(CASES))
    if case is not None and case not in cases:
        near = nearest(case, cases) or (cases[0] if cases else "-")
        raise InputError(f'there is no case "{case}"; the nearest is "{near}".', f"没有案例“{case}”；最接近的是“{near}”。")
    created = _created(store)
    for name in [case] if case is not None else cases:
        yield from _of_case(store, name, created, claim)


def _of_case(store: Store, case: str, created: ox.Literal, claim: str | None) -> Iterator[Nanopub]:
    only = f"VALUES ?c {{ <{claim}> }}" if claim else ""
    inside = f"GRAPH <{case_graph(case)}> {{ ?c <{ACCORDING_TO}> ?any ; ?p ?o }} {only}"
    said: dict[str, set[tuple[str, Term]]] = defaultdict(set)
    for subject, predicate, object in rows(store, f"SELECT DISTINCT ?c ?p ?o WHERE {{ {inside} }}"):
        if isinstance(subject, ox.NamedNode) and isinstance(predicate, ox.NamedNode) and object is not None:
            said[subject.value].add((predicate.value, object))
    names: dict[Term, set[Term]] = defaultdict(set)
    for thing, name in rows(store, f"SELECT DISTINCT ?o ?name WHERE {{ {inside} ?o <{PREFIXES['rdfs']}label> ?name FILTER (isIRI(?o)) }}"):
        if thing is not None and name is not None:
            names[thing].add(name)
    about = [(expand("dcterms:created"), created), (expand("owl:versionInfo"), ox.Literal(_version(store, case)))]
    for iri in sorted(said):
        yield _nanopub(iri, said[iri], names, about)


def _version(store: Store, case: str) -> str:
    """The digest of the case's graph, so that a nanopublication changes its version only with its case; else that of the dataset."""
    manifest = getattr(store, "manifest", None)
    found = next((g.digest for g in manifest.graphs if g.iri == case_graph(case)), "") if isinstance(manifest, Manifest) else ""
    return (found or store.version)[:16]


def _created(store: Store) -> ox.Literal:
    """The day of the ontology's version as a moment: the build itself has no clock."""
    found = rows(store, f"SELECT ?day WHERE {{ <{ONTOLOGY_IRI}> <{expand('dcterms:modified')}> ?day }}")
    day = found[0][0].value if found and isinstance(found[0][0], ox.Literal) else "1970-01-01"
    return ox.Literal(f"{day[:10]}T00:00:00Z", datatype=ox.NamedNode(expand("xsd:dateTime")))


def _nanopub(claim: str, said: set[tuple[str, Term]], names: dict[Term, set[Term]], about: list[tuple[str, ox.Literal]]) -> Nanopub:
    iri = NANOPUB + claim.removeprefix(PREFIXES["case"])
    subject, assertion, publication = ox.NamedNode(claim), ox.NamedNode(f"{iri}#assertion"), ox.NamedNode(iri)
    asserted = [(subject, p, o) for p, o in said if p not in ABOUT_THE_STATING]
    stating = [(p, o) for p, o in said if p in ABOUT_THE_STATING]
    provenance = [*((subject, p, o) for p, o in stating), *((assertion, p, o) for p, o in _origin(stating))]
    head = [(publication, expand(f"np:has{n}"), ox.NamedNode(f"{iri}#{g}")) for n, g in (("Assertion", "assertion"), ("Provenance", "provenance"), ("PublicationInfo", "pubinfo"))]
    head.append((publication, expand("rdf:type"), ox.NamedNode(expand("np:Nanopublication"))))
    curators = ox.NamedNode(CURATORS)
    info: list[tuple[ox.NamedNode, str, Term]] = [
        *((publication, p, o) for p, o in about),
        (publication, expand("dcterms:creator"), curators),
        (publication, expand("dcterms:license"), ox.NamedNode(LICENSE)),
        (publication, expand("dcterms:isPartOf"), ox.NamedNode(BASE + "dataset")),
        (publication, expand("dcterms:subject"), subject),
        (curators, expand("foaf:name"), ox.Literal("covalue developers")),
        (curators, expand("rdf:type"), ox.NamedNode(expand("foaf:Agent"))),
        *((o, expand("rdfs:label"), name) for _, o in said if isinstance(o, ox.NamedNode) for name in names.get(o, ())),
    ]
    parts: tuple[Iterable[tuple[ox.NamedNode, str, Term]], ...] = (head, asserted, provenance, info)
    return Nanopub(iri, claim, tuple(q for graph, triples in zip(GRAPHS, parts, strict=True) for q in _sorted(triples, f"{iri}#{graph}")))


def _origin(stating: list[tuple[str, Term]]) -> Iterator[tuple[str, Term]]:
    """What is said of the assertion as a whole: where it comes from, by the manner in which the claim is put forward."""
    modality = next((o.value.rpartition("/")[2] for p, o in stating if p == MODALITY), "")
    for predicate, object in stating:
        if predicate == ACCORDING_TO:
            yield expand("prov:hadPrimarySource" if modality == "reported" else "prov:wasDerivedFrom"), object
        elif predicate == expand("vcc:statedBy"):
            scholar = object.value.startswith(PREFIXES["src"] + "scholar/")
            yield expand("prov:wasAttributedTo" if scholar else "prov:wasDerivedFrom"), object
        elif predicate == expand("vcc:reportedIn"):
            yield expand("prov:wasDerivedFrom"), object
    if modality == "derived":
        yield expand("prov:wasAttributedTo"), ox.NamedNode(CURATORS)


def _sorted(triples: Iterable[tuple[ox.NamedNode, str, Term]], graph: str) -> list[ox.Quad]:
    name = ox.NamedNode(graph)
    return sorted({ox.Quad(s, ox.NamedNode(p), o, name) for s, p, o in triples}, key=str)


def document(store: Store, name: str, case: str | None = None, claim: str | None = None) -> bytes:
    """
    All nanopublications, or those of a case or claim, in an RDF format by its short name.

    Raises:
        InputError: there is no such case, or the format cannot keep graphs apart.
    """
    format = by_name(name, Shape.DATASET)
    if format is None:
        formats = ", ".join(f.names[0] for f in FORMATS if Shape.DATASET in f.shapes)
        raise InputError(f"a nanopublication has four graphs, which {name} cannot keep apart; choose {formats}.", f"纳米出版物含四个图，{name} 无法区分；请选用 {formats}。")
    return serialize(nanopubs(store, case, claim), format.engine)  # type: ignore[arg-type]


def serialize(found: Iterable[Nanopub], format: ox.RdfFormat = ox.RdfFormat.TRIG) -> bytes:
    """The nanopublications in one document, the same bytes for the same dataset."""
    quads = [q for n in found for q in n.quads]
    used = {term.value for q in quads for term in (q.subject, q.predicate, q.object, getattr(q.object, "datatype", None)) if isinstance(term, ox.NamedNode)}
    prefixes = {prefix: ns for prefix, ns in PREFIXES.items() if any(iri.startswith(ns) for iri in used)}
    return ox.serialize(quads, format=format, prefixes=prefixes) or b""
