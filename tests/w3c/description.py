"""The tests of the service description: the suite names three and says in a few words what each is about."""

from __future__ import annotations

import pyoxigraph as ox

from w3c.manifest import RDF
from w3c.ways import Client

SD = "http://www.w3.org/ns/sparql-service-description#"
DOMAINS = {
    **dict.fromkeys(
        (
            *("endpoint", "feature", "defaultEntailmentRegime", "defaultSupportedEntailmentProfile", "extensionFunction", "extensionAggregate", "languageExtension"),
            *("supportedLanguage", "propertyFeature", "defaultDataset", "availableGraphs", "resultFormat", "inputFormat"),
        ),
        ("Service",),
    ),
    "defaultGraph": ("Dataset",),
    "namedGraph": ("Dataset", "GraphCollection"),
    "name": ("NamedGraph",),
    "entailmentRegime": ("NamedGraph",),
    "supportedEntailmentProfile": ("NamedGraph",),
    "graph": ("NamedGraph",),
}
"""The properties of the vocabulary and of what kind their subjects are."""
RANGES = {"defaultDataset": "Dataset", "availableGraphs": "GraphCollection", "defaultGraph": "Graph", "namedGraph": "NamedGraph", "graph": "Graph"}
CLASSES = {"Service", "Dataset", "GraphCollection", "Graph", "NamedGraph", "Feature", "Language", "Function", "Aggregate", "EntailmentRegime", "EntailmentProfile"}
FEATURES = {"DereferencesURIs", "UnionDefaultGraph", "RequiresDataset", "EmptyGraphs", "BasicFederatedQuery"}
LANGUAGES = {"SPARQL10Query", "SPARQL11Query", "SPARQL11Update"}


def _read(client: Client, accept: str | None) -> tuple[str, set[ox.Triple]]:
    reply = client.send("GET", "/sparql", headers=[] if accept is None else [("Accept", accept)])
    assert reply.status == 200, f"HTTP {reply.status}"
    rdf = ox.RdfFormat.from_media_type(reply.kind)
    assert rdf is not None, f"{reply.kind} is not RDF"
    return reply.kind, {q.triple for q in ox.parse(reply.body, format=rdf, base_iri=f"http://127.0.0.1:{client.port}/sparql")}


def returns_rdf(client: Client) -> None:
    """GET on the endpoint gives RDF: to who wants nothing special, and in each format that is asked for."""
    assert _read(client, None)[1]
    for kind in ("text/turtle", "application/rdf+xml", "application/n-triples", "application/ld+json"):
        assert _read(client, kind)[0] == kind


def has_endpoint_triple(client: Client) -> None:
    """Its own address is the object of sd:endpoint."""
    found = [t.object.value for t in _read(client, "text/turtle")[1] if t.predicate.value == SD + "endpoint"]
    assert found == [f"http://127.0.0.1:{client.port}/sparql"], found


def conforms_to_schema(client: Client) -> None:
    """Terms of the vocabulary are used as it has them, and no others under its name."""
    triples = _read(client, "text/turtle")[1]
    types = {(t.subject, t.object.value.removeprefix(SD)) for t in triples if t.predicate.value == RDF + "type"}
    services = {s for s, c in types if c == "Service"}
    assert len(services) == 1
    for t in triples:
        name = t.predicate.value.removeprefix(SD)
        if t.predicate.value.startswith(SD):
            assert any((t.subject, c) in types for c in DOMAINS[name]), t
            assert not isinstance(t.object, ox.Literal), t
            assert name not in RANGES or (t.object, RANGES[name]) in types, t
        if isinstance(t.object, ox.NamedNode) and t.object.value.startswith(SD):
            assert t.object.value.removeprefix(SD) in CLASSES | FEATURES | LANGUAGES, t
    for name in ("endpoint", "supportedLanguage", "resultFormat", "defaultDataset"):
        assert any(t.predicate.value == SD + name for t in triples), name


TESTS = {"returns-rdf": returns_rdf, "has-endpoint-triple": has_endpoint_triple, "conforms-to-schema": conforms_to_schema}
