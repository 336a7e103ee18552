"""
What the dataset and its service are, as RDF: service description (W3C 2013), VoID (W3C 2011) and DCAT 3.

Everything is counted in the store or taken from the manifest, so that a description is true or silent. The addresses in it are those by
which the client reached the service. Linksets are those that the build wrote into the graphs of mappings.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

import pyoxigraph as ox

from covalue.errors import CovalueError
from covalue.formats import FORMATS, Shape, by_name
from covalue.manifest import Manifest
from covalue.names import BASE, ONTOLOGY_IRI, PREFIXES, expand
from covalue.stores import Request, Store

DATASET_IRI = BASE + "dataset"
LICENSE = "https://creativecommons.org/licenses/by/4.0/"
MEDIA = "https://www.iana.org/assignments/media-types/"
W3C_FORMATS = {
    "srj": "http://www.w3.org/ns/formats/SPARQL_Results_JSON",
    "srx": "http://www.w3.org/ns/formats/SPARQL_Results_XML",
    "csv": "http://www.w3.org/ns/formats/SPARQL_Results_CSV",
    "tsv": "http://www.w3.org/ns/formats/SPARQL_Results_TSV",
    "ttl": "http://www.w3.org/ns/formats/Turtle",
    "nt": "http://www.w3.org/ns/formats/N-Triples",
    "rdf": "http://www.w3.org/ns/formats/RDF_XML",
    "jsonld": "http://www.w3.org/ns/formats/JSON-LD",
    "trig": "http://www.w3.org/ns/formats/TriG",
    "nq": "http://www.w3.org/ns/formats/N-Quads",
}
MOST_LISTED = 2000
"""Named graphs, classes or properties that are listed one by one."""
AGAIN = 60.0
"""Seconds after which a count that failed is tried again."""
PATIENCE = 5.0
"""Seconds to wait for counts that another thread is making."""
TITLE = ("covalue: value co-creation and business models as a graph", "covalue：价值共创与商业模式知识图谱")
ABOUT = (
    "Cases of value co-creation and business model innovation with a source passage for every statement, their ontology and concept schemes, and what follows from them.",
    "价值共创与商业模式创新的案例（每条陈述都注明出处段句）、其所用的本体与概念方案，以及由此推得的结论。",
)
LANGUAGES = "http://id.loc.gov/vocabulary/iso639-1/"
"""Where DCAT has the names of languages from; a literal is none."""
PLAIN_TITLE = ("dataset of this service", "本服务的数据集")
LINKSET = ("rdf:type", "rdfs:label", "dcterms:license", "void:subjectsTarget", "void:objectsTarget", "void:linkPredicate", "void:triples", "void:subset")
"""What is told of a linkset."""
Term = ox.NamedNode | ox.BlankNode | ox.Literal
NamedGraph = tuple[str, bool, int]


@dataclass(frozen=True)
class Addresses:
    """Where the service is, as its client sees it; `base` ends with a slash."""

    base: str

    @property
    def endpoint(self) -> str:
        return self.base + "sparql"

    @property
    def void(self) -> str:
        return self.base + ".well-known/void"

    def content(self, graph: str | None, format: str | None = None) -> str:
        """Where the statements of a named graph, or of the default graph (None), are had whole."""
        which = "default" if graph is None else "graph=" + quote(graph, safe="")
        return f"{self.base}graph-store?{which}" + (f"&format={format}&download=1" if format else "")


@dataclass(frozen=True)
class Statistics:
    """
    What was counted. None stands for a count that the store did not give in its time; lists are sorted by IRI.

    `graphs` are the named ones: IRI, whether its statements are in the default graph too, number of statements.
    """

    version: str
    graphs: tuple[NamedGraph, ...]
    ours: bool
    triples: int | None = None
    subjects: int | None = None
    objects: int | None = None
    classes: tuple[tuple[str, int], ...] | None = None
    properties: tuple[tuple[str, int], ...] | None = None
    linksets: tuple[tuple[Term, Term, Term], ...] | None = None

    @property
    def complete(self) -> bool:
        """Whether every count was given."""
        return None not in (self.triples, self.subjects, self.objects, self.classes, self.properties, self.linksets)


class Measured:
    """
    The statistics of a store, counted when first asked for; what failed is tried again a minute later.

    Who asks while another thread counts waits a little, and is then content with the sizes of the graphs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._full: Statistics | None = None
        self._sizes: Statistics | None = None
        self._at = 0.0

    def sizes(self) -> Statistics:
        """The named graphs, and how many statements each and the default graph hold."""
        known = self._full or self._sizes
        if known is None or known.version != self._store.version:
            known = self._sizes = measure_sizes(self._store)
        return known

    def statistics(self) -> Statistics:
        """Whatever could be counted."""
        if not self._lock.acquire(timeout=PATIENCE):
            return self.sizes()
        try:
            known = self._full
            if known and known.version == self._store.version and (known.complete or time.monotonic() - self._at < AGAIN):
                return known
            self._full, self._at = measure(self._store), time.monotonic()
            return self._full
        finally:
            self._lock.release()


def measure_sizes(store: Store) -> Statistics:
    """The sizes of the graphs alone: at most two counts over the data."""
    known = named_graphs(store)
    graphs = known if known is not None else tuple((g, False, n) for g, n in _pairs(store, "SELECT ?g (COUNT(*) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g") or ())
    return Statistics(store.version, graphs, known is not None, _number(store, "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"))


def measure(store: Store) -> Statistics:
    """
    All statistics of a store.

    Cost: linear in the data, some seconds for ten million statements.
    """
    return replace(
        measure_sizes(store),
        subjects=_number(store, "SELECT (COUNT(DISTINCT ?s) AS ?n) WHERE { ?s ?p ?o }"),
        objects=_number(store, "SELECT (COUNT(DISTINCT ?o) AS ?n) WHERE { ?s ?p ?o }"),
        classes=_pairs(store, "SELECT ?c (COUNT(DISTINCT ?s) AS ?n) WHERE { ?s a ?c } GROUP BY ?c"),
        properties=_pairs(store, "SELECT ?p (COUNT(*) AS ?n) WHERE { ?s ?p ?o } GROUP BY ?p"),
        linksets=_linksets(store),
    )


def _linksets(store: Store) -> tuple[tuple[Term, Term, Term], ...] | None:
    """What the dataset says of its sets of links to other vocabularies: targets, predicates, numbers."""
    told = " ".join(f"<{expand(p)}>" for p in LINKSET)
    try:
        found = rows(store, f"SELECT ?s ?p ?o WHERE {{ ?s a <{expand('void:Linkset')}> ; ?p ?o VALUES ?p {{ {told} }} }} ORDER BY ?s ?p ?o")
    except CovalueError:
        return None
    return tuple((s, p, o) for s, p, o in found if s and p and o)


def named_graphs(store: Store) -> tuple[NamedGraph, ...] | None:
    """The named graphs by the manifest, or None where the store has none."""
    manifest = getattr(store, "manifest", None)
    if not isinstance(manifest, Manifest):
        return None
    return tuple((g.iri, g.default, g.triples) for g in manifest.graphs)


def rows(store: Store, query: str) -> list[list[Term | None]]:
    """
    The solutions of a small SELECT query.

    Raises:
        CovalueError: the store failed.
    """
    json = by_name("json", Shape.BINDINGS)
    assert json is not None
    answer = store.answer(Request(query), lambda _: json)
    results = ox.parse_query_results(answer.body, format=ox.QueryResultsFormat.JSON)
    assert isinstance(results, ox.QuerySolutions)
    return [list(solution) for solution in results]


def _number(store: Store, query: str) -> int | None:
    try:
        found = rows(store, query)[0][0]
    except CovalueError:
        return None
    return int(found.value) if isinstance(found, ox.Literal) else None


def _pairs(store: Store, query: str) -> tuple[tuple[str, int], ...] | None:
    try:
        found = rows(store, query)
    except CovalueError:
        return None
    return tuple(sorted((a.value, int(b.value)) for a, b in found if isinstance(a, ox.NamedNode) and isinstance(b, ox.Literal)))


class _Writer:
    """Statements, written down by CURIE."""

    def __init__(self) -> None:
        self._by_subject: dict[ox.NamedNode | ox.BlankNode, dict[ox.Triple, None]] = {}
        self._blank = 0

    @property
    def triples(self) -> list[ox.Triple]:
        """All of them, those of one subject together."""
        return [triple for triples in self._by_subject.values() for triple in triples]

    def blank(self) -> ox.BlankNode:
        self._blank += 1
        return ox.BlankNode(f"d{self._blank}")

    def say(self, subject: ox.NamedNode, predicate: ox.NamedNode, object: Term) -> None:
        """One statement."""
        self._by_subject.setdefault(subject, {})[ox.Triple(subject, predicate, object)] = None

    def add(self, subject: ox.NamedNode | ox.BlankNode, **predicates: Term | Iterable[Term] | str | int | None) -> None:
        """Predicates as `prefix_name`; a text that begins with a prefix of ours is a CURIE, other texts are literals."""
        triples = self._by_subject.setdefault(subject, {})
        for name, values in predicates.items():
            predicate = ox.NamedNode(expand(name.replace("_", ":", 1)))
            triples.update(dict.fromkeys(ox.Triple(subject, predicate, value) for value in _terms(values)))


def _terms(values: Term | Iterable[Term] | str | int | None) -> Iterator[Term]:
    if values is None:
        return
    if isinstance(values, (ox.NamedNode, ox.BlankNode, ox.Literal)):
        yield values
    elif isinstance(values, str):
        yield ox.NamedNode(expand(values)) if values.partition(":")[0] in PREFIXES else ox.Literal(values)
    elif isinstance(values, int):
        yield ox.Literal(values)
    else:
        yield from values


def _both(texts: tuple[str, str]) -> list[Term]:
    return [ox.Literal(text, language=lang) for text, lang in zip(texts, ("en", "zh"), strict=True)]


def _iri(text: str) -> ox.NamedNode:
    return ox.NamedNode(text)


def dataset_iri(statistics: Statistics, addresses: Addresses) -> str:
    """What names the dataset: our own by its permanent IRI, any other by the address where it is described."""
    return DATASET_IRI if statistics.ours else addresses.void + "#dataset"


def service_description(statistics: Statistics, addresses: Addresses, federates: bool = False) -> list[ox.Triple]:
    """
    The service at its endpoint: language, features, formats, dataset, and named graphs with their sizes.

    The partitions of the default graph are among it once they are counted: who plans queries over several endpoints reads them here.
    Federation is among the features only where the operator allows SERVICE to reach some endpoints (`federates`).
    """
    w = _Writer()
    service, dataset, default = _iri(addresses.endpoint), _iri(dataset_iri(statistics, addresses)), w.blank()
    w.add(service, rdf_type=[_iri(expand("sd:Service")), _iri(expand("dcat:DataService"))], sd_endpoint=service, sd_supportedLanguage="sd:SPARQL11Query")
    w.add(service, sd_resultFormat=[_iri(W3C_FORMATS[f.extension]) for f in FORMATS], sd_defaultEntailmentRegime=_iri("http://www.w3.org/ns/entailment/Simple"))
    if statistics.graphs and all(default for _, default, _ in statistics.graphs):
        w.add(service, sd_feature="sd:UnionDefaultGraph")
    if federates:
        w.add(service, sd_feature="sd:BasicFederatedQuery")
    w.add(service, sd_defaultDataset=dataset, dcat_servesDataset=dataset, dcat_endpointURL=service, dcterms_title=_both(TITLE if statistics.ours else PLAIN_TITLE))
    w.add(dataset, rdf_type=[_iri(expand("sd:Dataset")), _iri(expand("void:Dataset"))], sd_defaultGraph=default, void_sparqlEndpoint=service)
    w.add(default, rdf_type="sd:Graph", void_triples=statistics.triples)
    w.add(dataset, rdfs_seeAlso=_iri(addresses.void))
    _add_counts(w, dataset, statistics)
    _add_graphs(w, dataset, statistics, addresses)
    return w.triples


def _add_graphs(w: _Writer, dataset: ox.NamedNode, statistics: Statistics, addresses: Addresses) -> None:
    for iri, _, count in statistics.graphs[:MOST_LISTED]:
        named, graph = w.blank(), w.blank()
        w.add(dataset, sd_namedGraph=named)
        w.add(named, rdf_type="sd:NamedGraph", sd_name=_iri(iri), sd_graph=graph)
        w.add(graph, rdf_type=[_iri(expand("sd:Graph")), _iri(expand("void:Dataset"))], void_triples=count, void_dataDump=_iri(addresses.content(iri)))
    more = len(statistics.graphs) - MOST_LISTED
    if more > 0:
        w.add(dataset, rdfs_comment=_both((f"{more} more named graphs are not listed here; ask the endpoint for them.", f"另有 {more} 个命名图未在此列出；请查询端点。")))


def graph_description(iri: str, statistics: Statistics, addresses: Addresses) -> list[ox.Triple]:
    """One named graph: its size, where its statements are had, and the dataset that it belongs to; empty where there is no such graph."""
    found = next((g for g in statistics.graphs if g[0] == iri), None)
    if found is None:
        return []
    w = _Writer()
    graph = _iri(iri)
    w.add(graph, rdf_type=[_iri(expand("sd:Graph")), _iri(expand("void:Dataset"))], void_triples=found[2], void_dataDump=_iri(addresses.content(iri)))
    w.add(graph, dcterms_isPartOf=_iri(dataset_iri(statistics, addresses)), void_sparqlEndpoint=_iri(addresses.endpoint))
    return w.triples


def void(statistics: Statistics, addresses: Addresses) -> list[ox.Triple]:
    """The dataset: sizes, vocabularies, partitions by class and by property, and what DCAT says of where to get it."""
    w = _Writer()
    document, dataset = _iri(addresses.void), _iri(dataset_iri(statistics, addresses))
    w.add(document, rdf_type="void:DatasetDescription", foaf_primaryTopic=dataset, dcterms_title=_both(("description of the dataset", "数据集描述")))
    w.add(dataset, rdf_type=[_iri(expand("void:Dataset")), _iri(expand("dcat:Dataset"))], dcterms_identifier=statistics.version, dcat_version=statistics.version[:16])
    w.add(dataset, dcterms_title=_both(TITLE if statistics.ours else PLAIN_TITLE), void_sparqlEndpoint=_iri(addresses.endpoint), foaf_homepage=_iri(addresses.base))
    w.add(dataset, void_feature=[_iri(W3C_FORMATS[f.extension]) for f in FORMATS if Shape.GRAPH in f.shapes])
    if statistics.ours:
        _add_ours(w, dataset)
    _add_counts(w, dataset, statistics)
    _add_linksets(w, dataset, statistics)
    _add_distributions(w, dataset, addresses)
    return w.triples


def _add_ours(w: _Writer, dataset: ox.NamedNode) -> None:
    agent = w.blank()
    w.add(dataset, dcterms_description=_both(ABOUT), dcterms_license=_iri(LICENSE), dcterms_creator=agent, dcterms_publisher=agent)
    w.add(agent, rdf_type="foaf:Agent", foaf_name="covalue developers")
    w.add(dataset, dcterms_language=[_iri(LANGUAGES + code) for code in ("en", "zh")], dcterms_conformsTo=_iri(ONTOLOGY_IRI), void_uriSpace=BASE)
    w.add(dataset, dcat_keyword=[*_both(("value co-creation", "价值共创")), *_both(("business model", "商业模式"))], void_rootResource=_iri(ONTOLOGY_IRI))


def _add_counts(w: _Writer, dataset: ox.NamedNode, statistics: Statistics) -> None:
    """What is known of the default graph: its size and its parts, by class and by property."""
    w.add(dataset, void_triples=statistics.triples, void_distinctSubjects=statistics.subjects, void_distinctObjects=statistics.objects)
    _add_partitions(w, dataset, statistics)


def _add_partitions(w: _Writer, dataset: ox.NamedNode, statistics: Statistics) -> None:
    classes, properties = statistics.classes, statistics.properties
    if classes is not None:
        w.add(dataset, void_classes=len(classes))
    if properties is not None:
        w.add(dataset, void_properties=len(properties))
    used = {iri for iri, _ in (*(classes or ()), *(properties or ()))}
    vocabularies = sorted({ns for ns in PREFIXES.values() if any(iri.startswith(ns) for iri in used)})
    w.add(dataset, void_vocabulary=[_iri(ns) for ns in vocabularies])
    for iri, count in (classes or ())[:MOST_LISTED]:
        part = w.blank()
        w.add(dataset, void_classPartition=part)
        w.add(part, void_class=_iri(iri), void_entities=count)
    for iri, count in (properties or ())[:MOST_LISTED]:
        part = w.blank()
        w.add(dataset, void_propertyPartition=part)
        w.add(part, void_property=_iri(iri), void_triples=count)


def _add_linksets(w: _Writer, dataset: ox.NamedNode, statistics: Statistics) -> None:
    """Each set of mappings as part of the dataset, with a part of its own for each predicate."""
    told = statistics.linksets or ()
    parts = {o for _, p, o in told if p == _iri(expand("void:subset"))}
    for subject, predicate, object in told:
        assert isinstance(subject, ox.NamedNode)
        assert isinstance(predicate, ox.NamedNode)
        if subject not in parts:
            w.add(dataset, void_subset=subject)
        w.say(subject, predicate, object)


def _add_distributions(w: _Writer, dataset: ox.NamedNode, addresses: Addresses) -> None:
    endpoint = _iri(addresses.endpoint)
    api = w.blank()
    w.add(dataset, dcat_distribution=api)
    w.add(api, rdf_type="dcat:Distribution", dcat_accessURL=endpoint, dcat_accessService=endpoint, dcterms_title=_both(("SPARQL endpoint", "SPARQL 端点")))
    w.add(endpoint, rdf_type="dcat:DataService", dcat_endpointURL=endpoint, dcat_servesDataset=dataset, dcat_endpointDescription=endpoint)
    w.add(endpoint, dcterms_conformsTo=_iri("https://www.w3.org/TR/sparql11-protocol/"), dcterms_title=_both(("SPARQL endpoint", "SPARQL 端点")))
    for format in (f for f in FORMATS if Shape.GRAPH in f.shapes):
        file = w.blank()
        address = _iri(addresses.content(None, format.names[0]))
        w.add(dataset, dcat_distribution=file, void_dataDump=address)
        w.add(file, rdf_type="dcat:Distribution", dcat_downloadURL=address, dcat_accessURL=address, dcat_mediaType=_iri(MEDIA + format.media_type))
        w.add(file, dcterms_title=_both((f"the default graph as {format.names[0]}", f"默认图，{format.names[0]} 格式")))


def serialize(triples: Sequence[ox.Triple], format: ox.RdfFormat) -> bytes:
    """Bytes of statements, with those of our prefixes that they use."""
    used = {term.value for t in triples for term in (t.subject, t.predicate, t.object) if isinstance(term, ox.NamedNode)}
    prefixes = {prefix: ns for prefix, ns in PREFIXES.items() if any(iri.startswith(ns) for iri in used)}
    return ox.serialize(triples, format=format, prefixes=prefixes) or b""
