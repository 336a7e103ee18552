"""
Prefixes, short names of IRIs, and the few IRIs that code branches on.

`ontology/prefixes.ttl` declares the same prefixes for outside tools; a test holds the two together.
"""

from __future__ import annotations

from typing import Final

BASE: Final = "https://w3id.org/covalue/"

PREFIXES: Final[dict[str, str]] = {
    "bibo": "http://purl.org/ontology/bibo/",
    "bmo": "http://purl.org/bmo/ns#",
    "c4o": "http://purl.org/spar/c4o/",
    "case": BASE + "case/",
    "cito": "http://purl.org/spar/cito/",
    "cover": "https://purl.org/krdb-core/cover#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "deo": "http://purl.org/spar/deo/",
    "doco": "http://purl.org/spar/doco/",
    "e3g": "http://www.semanticweb.org/granjo/ontologies/2014/1/untitled-ontology-14#",
    "e3v": "http://www.cs.vu.nl/~gordijn/e3value#",
    "fabio": "http://purl.org/spar/fabio/",
    "fibo-obj": "https://spec.edmcouncil.org/fibo/ontology/FND/GoalsAndObjectives/Objectives/",
    "fibo-pas": "https://spec.edmcouncil.org/fibo/ontology/FND/ProductsAndServices/ProductsAndServices/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "gist": "https://w3id.org/semanticarts/ns/ontology/gist/",
    "gr": "http://purl.org/goodrelations/v1#",
    "graph": BASE + "graph/",
    "gufo": "http://purl.org/nemo/gufo#",
    "map": BASE + "mapping/",
    "np": "http://www.nanopub.org/nschema#",
    "org": "http://www.w3.org/ns/org#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "https://schema.org/",
    "sd": "http://www.w3.org/ns/sparql-service-description#",
    "sdl": BASE + "lens/sdl#",
    "semapv": "https://w3id.org/semapv/vocab/",
    "sh": "http://www.w3.org/ns/shacl#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "src": BASE + "source/",
    "sssom": "https://w3id.org/sssom/",
    "usdl": "http://www.linked-usdl.org/ns/usdl-core#",
    "vann": "http://purl.org/vocab/vann/",
    "vcc": BASE + "ontology#",
    "vcs": BASE + "scheme/",
    "vcsh": BASE + "shapes/",
    "vf": "https://w3id.org/valueflows/ont/vf#",
    "void": "http://rdfs.org/ns/void#",
    "vs": "http://www.w3.org/2003/06/sw-vocab-status/ns#",
    "wd": "http://www.wikidata.org/entity/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

ONTOLOGY_IRI: Final = BASE + "ontology"
GRAPH_ONTOLOGY: Final = PREFIXES["graph"] + "ontology"
GRAPH_SHAPES: Final = PREFIXES["graph"] + "shapes"
GRAPH_LITERATURE: Final = PREFIXES["graph"] + "literature"
GRAPH_LENSES: Final = PREFIXES["graph"] + "lenses"

RDF_TYPE: Final = PREFIXES["rdf"] + "type"
RDFS_SUBCLASSOF: Final = PREFIXES["rdfs"] + "subClassOf"
SKOS_IN_SCHEME: Final = PREFIXES["skos"] + "inScheme"
IN_CASE: Final = PREFIXES["vcc"] + "inCase"
ACCORDING_TO: Final = PREFIXES["vcc"] + "accordingTo"


def expand(curie: str) -> str:
    """
    The IRI that a CURIE stands for.

    >>> expand("vcc:Claim")
    'https://w3id.org/covalue/ontology#Claim'

    Raises:
        KeyError: the prefix is not one of `PREFIXES`.
    """
    prefix, _, local = curie.partition(":")
    return PREFIXES[prefix] + local


def shrink(iri: str) -> str:
    """
    The CURIE of an IRI under the longest fitting prefix, or the IRI itself.

    >>> shrink("https://w3id.org/covalue/case/xiaomi/actor/users")
    'case:xiaomi/actor/users'
    """
    fits = [(len(ns), prefix) for prefix, ns in PREFIXES.items() if iri.startswith(ns)]
    if not fits:
        return iri
    length, prefix = max(fits)
    return f"{prefix}:{iri[length:]}"


def scheme_graph(scheme: str) -> str:
    return f"{PREFIXES['graph']}scheme/{scheme}"


def source_graph(source: str) -> str:
    return f"{PREFIXES['graph']}source/{source}"


def case_graph(case: str) -> str:
    return f"{PREFIXES['graph']}case/{case}"


def mapping_graph(vocabulary: str) -> str:
    return f"{PREFIXES['graph']}mapping/{vocabulary}"


def alignment_graph(vocabulary: str) -> str:
    return f"{PREFIXES['graph']}alignment/{vocabulary}"


def inferred_graph(graph: str) -> str:
    """The graph that holds the consequences of another one."""
    return graph.replace(PREFIXES["graph"], PREFIXES["graph"] + "inferred/", 1)


def lens_graph(lens: str) -> str:
    """The graph of what a lens makes of all cases."""
    return f"{PREFIXES['graph']}lens/{lens}"


def trace_graph(lens: str) -> str:
    """The graph that tells from which claims each statement of a lens came."""
    return f"{lens_graph(lens)}/trace"


def gaps_graph(lens: str) -> str:
    """The graph of what the vocabulary of a lens asks for and the sources do not say."""
    return f"{lens_graph(lens)}/gaps"
