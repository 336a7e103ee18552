"""Service description, VoID and DCAT: complete, true, and in every RDF format."""

from __future__ import annotations

import re

import pyoxigraph as ox
import pytest

from covalue import description
from covalue.description import Measured, measure
from covalue.errors import StoreError
from covalue.formats import FORMATS, Shape, offered
from covalue.names import PREFIXES
from covalue.stores import Answer, Pick, Request
from covalue.stores.oxigraph import OxigraphStore
from served import FOLLOWERS, OUTSIDE, B, G, Reply, Served, build_tiny

GRAPH_FORMATS = offered(Shape.GRAPH)
PLACES = ["/sparql", "/.well-known/void", "/dataset"]
Pattern = tuple[str | None, str, str | None]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> OxigraphStore:
    """The tiny dataset."""
    return build_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def served(store: OxigraphStore) -> Served:
    """It, served."""
    return Served(store)


class Graph:
    """Statements, asked by CURIE."""

    def __init__(self, reply: Reply) -> None:
        assert 200 == reply.status
        self.store = ox.Store()
        self.store.extend(ox.Quad(t.subject, t.predicate, t.object) for t in reply.triples())

    def rows(self, where: str) -> list[tuple[str, ...]]:
        """Solutions of a pattern, as texts, sorted."""
        prefixes = "".join(f"PREFIX {p}: <{ns}> " for p, ns in PREFIXES.items())
        found = self.store.query(f"{prefixes} SELECT DISTINCT * {{ {where} }}")
        assert isinstance(found, ox.QuerySolutions)
        names = [v.value for v in found.variables]
        order = sorted(names, key=lambda n: re.search(rf"\?{n}\b", where).start())  # type: ignore[union-attr]
        return sorted(tuple(getattr(s[n], "value", "") for n in order) for s in found)

    def has(self, where: str) -> bool:
        """Whether a pattern holds."""
        return bool(self.rows(where + " BIND(1 AS ?always)"))


def count(store: OxigraphStore, query: str) -> int:
    """The number that a query gives."""
    found = description.rows(store, query)[0][0]
    assert isinstance(found, ox.Literal)
    return int(found.value)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("format", GRAPH_FORMATS, ids=lambda f: f.extension)
def test_every_rdf_format(served: Served, place: str, format: object) -> None:
    """By header and by parameter, with the same statements."""
    assert format in FORMATS
    by_header = served.ask(place, Accept=format.media_type)  # type: ignore[attr-defined]
    by_name = served.ask(f"{place}?format={format.names[0]}")  # type: ignore[attr-defined]
    assert format.media_type == by_header.kind == by_name.kind  # type: ignore[attr-defined]
    assert by_header.body == by_name.body
    expected = served.ask(place, Accept="application/n-triples").triples()
    assert len(expected) == len(by_header.triples()) > 20


def test_endpoint_describes_itself(served: Served) -> None:
    """Section 2.1.4 of the protocol; with an empty header, a wildcard, or that of a client that wants results."""
    for accept in ("*/*", "", "application/sparql-results+json", "text/turtle"):
        reply = served.ask("/sparql", Accept=accept)
        assert (200, "text/turtle") == (reply.status, reply.kind)
    graph, url = Graph(reply), served.url + "/sparql"
    assert [(url, url)] == graph.rows("?service a sd:Service ; sd:endpoint ?endpoint")
    assert [(PREFIXES["sd"] + "SPARQL11Query",)] == graph.rows(f"<{url}> sd:supportedLanguage ?x")
    formats = {x for (x,) in graph.rows(f"<{url}> sd:resultFormat ?x")}
    assert {description.W3C_FORMATS[f.extension] for f in FORMATS} == formats
    assert 10 == len(formats)


def test_features_are_true(served: Served) -> None:
    """No federation; no union default graph, since shapes stay outside of it."""
    graph = Graph(served.ask("/sparql"))
    assert [] == graph.rows("?s sd:feature ?x")
    assert "BasicFederatedQuery" not in served.ask("/sparql").text


def test_a_union_default_graph_is_said_where_it_is_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    """All graphs in, so the feature holds."""
    statistics = description.Statistics("v", (("http://x/g", True, 1),), True)
    triples = description.service_description(statistics, description.Addresses("http://x/"))
    assert any(t.predicate.value == PREFIXES["sd"] + "feature" for t in triples)


def test_named_graphs_have_their_counts(served: Served, store: OxigraphStore) -> None:
    """Each named graph with the number of its statements, and where they are; so the default graph."""
    graph = Graph(served.ask("/sparql"))
    listed = graph.rows("?d sd:namedGraph [ sd:name ?name ; sd:graph [ a sd:Graph ; void:triples ?n ; void:dataDump ?dump ] ]")
    assert list(store.graphs()) == [name for _, name, _, _ in listed]
    for _, name, n, dump in listed:
        assert count(store, f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{name}> {{ ?s ?p ?o }} }}") == int(n)
        content = served.ask(dump.removeprefix(served.url), Accept="application/n-triples")
        assert int(n) == len(content.triples())
    everything = count(store, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
    assert [(str(everything),)] == [(n,) for _, _, n in graph.rows("?d sd:defaultGraph ?g . ?g a sd:Graph ; void:triples ?n")]
    assert everything == sum(int(n) for _, name, n, _ in listed if name not in OUTSIDE)


def test_the_endpoint_tells_the_parts_too_once_they_are_counted(served: Served) -> None:
    """Planners read them there; nobody who asks the endpoint waits for the counts."""
    assert 200 == served.ask("/.well-known/void").status  # here, this counts; where `serve` runs, the start does
    parts = (
        "void:classPartition [ void:class ?x ; void:entities ?n ]",
        "void:propertyPartition [ void:property ?x ; void:triples ?n ]",
        "void:triples ?n",
        "void:distinctSubjects ?n",
    )
    for part in parts:
        here, there = (sorted(Graph(served.ask(place)).rows(f"<{B}dataset> {part}")) for place in ("/sparql", "/.well-known/void"))
        assert here == there != []
    assert [(f"{served.url}/.well-known/void",)] == Graph(served.ask("/sparql")).rows(f"<{B}dataset> rdfs:seeAlso ?x")


def test_void_counts(served: Served, store: OxigraphStore) -> None:
    """Sizes and partitions as a query finds them."""
    graph = Graph(served.ask("/.well-known/void"))
    dataset = B + "dataset"
    assert [(dataset,)] == graph.rows(f"<{served.url}/.well-known/void> a void:DatasetDescription ; foaf:primaryTopic ?x . ?x a void:Dataset , dcat:Dataset")
    for predicate, query in (
        ("void:triples", "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"),
        ("void:distinctSubjects", "SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s ?p ?o }"),
        ("void:distinctObjects", "SELECT (COUNT(DISTINCT ?o) AS ?n) { ?s ?p ?o }"),
        ("void:classes", "SELECT (COUNT(DISTINCT ?o) AS ?n) { ?s a ?o FILTER(ISIRI(?o)) }"),
        ("void:properties", "SELECT (COUNT(DISTINCT ?p) AS ?n) { ?s ?p ?o }"),
    ):
        assert [(str(count(store, query)),)] == graph.rows(f"<{dataset}> {predicate} ?n")
    properties = dict(graph.rows(f"<{dataset}> void:propertyPartition [ void:property ?p ; void:triples ?n ]"))
    assert str(FOLLOWERS) == properties[B + "ontology#role"]
    assert sum(map(int, properties.values())) == count(store, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
    classes = dict(graph.rows(f"<{dataset}> void:classPartition [ void:class ?c ; void:entities ?n ]"))
    assert "2" == classes[B + "ontology#Actor"]


def test_void_says_what_it_is_and_where(served: Served, store: OxigraphStore) -> None:
    """Vocabularies that are used, the licence, the version, the endpoint, both languages."""
    graph, dataset = Graph(served.ask("/.well-known/void")), B + "dataset"
    assert (PREFIXES["skos"],) in graph.rows(f"<{dataset}> void:vocabulary ?x")
    assert [(served.url + "/sparql",)] == graph.rows(f"<{dataset}> void:sparqlEndpoint ?x")
    assert [(store.version,)] == graph.rows(f"<{dataset}> dcterms:identifier ?x")
    assert [(B,)] == graph.rows(f"<{dataset}> void:uriSpace ?x")
    assert graph.has(f"<{dataset}> dcterms:license <https://creativecommons.org/licenses/by/4.0/>")
    assert {"en", "zh"} == {lang for _, lang in graph.rows(f"<{dataset}> dcterms:title ?title . BIND(LANG(?title) AS ?lang)")}
    assert not graph.has("?l a void:Linkset"), "the tiny dataset has no mappings; those of the real one: test_mappings.py"


def test_dcat_has_things_where_it_wants_things(served: Served) -> None:
    """Licence, languages, agents, media types and services are no literals (DCAT 3, section 6)."""
    graph = Graph(served.ask("/dataset"))
    for name in ("dcterms:license", "dcterms:language", "dcterms:creator", "dcterms:publisher", "dcterms:conformsTo", "dcat:mediaType", "dcat:accessService", "dcat:downloadURL"):
        assert graph.rows(f"?x {name} ?y FILTER(!ISLITERAL(?y))"), name
        assert [] == graph.rows(f"?x {name} ?y FILTER(ISLITERAL(?y))"), name


def test_dcat_distributions_can_be_fetched(served: Served) -> None:
    """Each address gives the type that is said of it; the endpoint is a data service."""
    graph, dataset = Graph(served.ask("/dataset")), B + "dataset"
    files = graph.rows(f"<{dataset}> dcat:distribution [ a dcat:Distribution ; dcat:downloadURL ?url ; dcat:mediaType ?type ]")
    assert len(GRAPH_FORMATS) == len(files)
    for url, kind in files:
        reply = served.ask(url.removeprefix(served.url))
        assert (200, kind.removeprefix(description.MEDIA)) == (reply.status, reply.kind)
        assert re.match(r'attachment; filename="covalue-default\.\w+"$', reply["Content-Disposition"])
    assert graph.has(f"<{dataset}> dcat:distribution [ dcat:accessService [ a dcat:DataService ; dcat:servesDataset <{dataset}> ; dcat:endpointURL <{served.url}/sparql> ] ]")


def test_a_plain_store_is_described_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Files of anybody: the dataset is named by its description, and nothing of ours is claimed."""
    path = tmp_path_factory.mktemp("plain") / "x.trig"
    path.write_text("<http://x/a> <http://x/p> 1 . <http://x/g> { <http://x/a> <http://x/p> 2 , 3 }", encoding="utf-8")
    served = Served(OxigraphStore.from_files([path]))
    graph = Graph(served.ask("/sparql"))
    assert [(f"{served.url}/.well-known/void#dataset", "http://x/g", "2")] == graph.rows("?d sd:namedGraph [ sd:name ?name ; sd:graph [ void:triples ?n ] ]")
    void = Graph(served.ask("/.well-known/void"))
    assert [("1",)] == void.rows(f"<{served.url}/.well-known/void#dataset> void:triples ?n")
    assert not void.has("?x dcterms:license ?y")


def test_browsers_get_a_page_with_a_form(served: Served) -> None:
    """At the endpoint; the description of the dataset is a page too."""
    reply = served.ask("/sparql", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert "text/html" == reply.kind
    assert '<form method="get" action="/sparql">' in reply.text
    assert "graph:case/tiny" in reply.text
    assert "text/html" == served.ask("/.well-known/void", Accept="text/html").kind
    assert "text/html" == served.ask("/dataset.html").kind


def test_the_root(served: Served) -> None:
    """A page for browsers, the dataset for who names RDF, a few words for curl."""
    assert "text/html" == served.ask("/", Accept="text/html,*/*;q=0.8").kind
    assert served.ask("/dataset").body == served.ask("/", Accept="text/turtle").body
    for accept in ("*/*", "", "application/json;q=0, */*"):
        assert "text/plain" == served.ask("/", Accept=accept).kind
    assert "<http" not in served.ask("/").text
    assert "/sparql?query=" in served.ask("/").text


@pytest.mark.parametrize("ending", [f.extension for f in GRAPH_FORMATS] + ["owl"])
def test_the_dataset_as_a_file(served: Served, ending: str) -> None:
    """The same description under a name with an ending."""
    reply = served.ask(f"/dataset.{ending}", Accept="text/html")
    assert 200 == reply.status
    assert len(served.ask("/dataset").triples()) == len(reply.triples())


# --- proxies


FORWARDED = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "data.example.org", "X_Forwarded_Prefix": "/graph", "X_Forwarded_For": "192.0.2.7"}


def test_a_stranger_cannot_say_where_we_are(served: Served) -> None:
    """Without a proxy of the operator, no header of forwarding counts."""
    assert f"<{served.url}/sparql>" in served.ask("/sparql", **FORWARDED).text
    assert "example.org" not in served.ask("/sparql", **FORWARDED, Forwarded="host=example.org;proto=https").text


def test_one_proxy_says_where_we_are(store: OxigraphStore) -> None:
    """Scheme, host and prefix, in descriptions, redirects and links of pages."""
    behind = Served(store, proxies=1)
    graph = Graph(behind.ask("/sparql", **FORWARDED))
    address = "https://data.example.org/graph/sparql"
    assert [(address, address)] == graph.rows("?s sd:endpoint ?x")
    assert "/graph/case/tiny.ttl" == behind.ask("/case/tiny", **FORWARDED)["Location"]
    assert 'href="/graph/static/covalue.css?v=' in behind.ask("/", Accept="text/html", **FORWARDED).text
    assert f"<{behind.url}/sparql>" in behind.ask("/sparql").text


def test_only_so_many_proxies_are_believed(store: OxigraphStore) -> None:
    """What stands further left was written by the client."""
    one, two = Served(store, proxies=1), Served(store, proxies=2)
    headers = {"X_Forwarded_Host": "evil.org, real.org", "X_Forwarded_Proto": "http, https"}
    assert "<https://real.org/sparql>" in one.ask("/sparql", **headers).text
    assert "<http://evil.org/sparql>" in two.ask("/sparql", **headers).text
    assert "evil.org" not in two.ask("/sparql", X_Forwarded_Host="evil.org").text


@pytest.mark.parametrize("host", ["a b", "<x>", "x/y"])
def test_an_odd_forwarded_host_is_refused(store: OxigraphStore, host: str) -> None:
    """The proxy is believed, not what it passes on."""
    assert 400 == Served(store, proxies=1).ask("/sparql", X_Forwarded_Host=host).status


def test_an_odd_prefix_is_encoded(store: OxigraphStore) -> None:
    """It stands in IRIs and in redirects, and never leads to another host."""
    behind = Served(store, proxies=1)
    assert 200 == behind.ask("/sparql", X_Forwarded_Prefix='/a "<b>').status
    assert behind.ask("/case/tiny", X_Forwarded_Prefix="//evil.org")["Location"].startswith("/evil.org/")


# --- counting


class Failing:
    """A store that refuses to count distinct things."""

    def __init__(self, store: OxigraphStore) -> None:
        self.inner, self.version, self.asked = store, store.version, 0

    def graphs(self) -> list[str]:
        return list(self.inner.graphs())

    def answer(self, request: Request, pick: Pick) -> Answer:
        self.asked += 1
        if "DISTINCT" in request.text:
            raise StoreError("too long")
        return self.inner.answer(request, pick)


def test_what_cannot_be_counted_is_left_out(store: OxigraphStore) -> None:
    """And counted again later, not at every request."""
    failing = Failing(store)
    served = Served(failing)
    reply = served.ask("/.well-known/void")
    assert 200 == reply.status
    assert "distinctSubjects" not in reply.text
    assert "void:propertyPartition" in reply.text
    asked = failing.asked
    served.ask("/.well-known/void")
    assert asked == failing.asked


def test_counts_are_made_once(store: OxigraphStore) -> None:
    """Until the data change."""
    measured = Measured(store)
    assert measured.statistics() is measured.statistics()
    assert measure(store) == measured.statistics()
    assert measured.sizes() is measured.statistics()


def test_long_lists_of_graphs_are_cut_and_say_so() -> None:
    """The description of a dataset with very many cases stays bounded."""
    graphs = tuple((f"{G}case/c{i}", True, 1) for i in range(description.MOST_LISTED + 5))
    triples = description.service_description(description.Statistics("v", graphs, True), description.Addresses("http://x/"))
    named = [t for t in triples if t.predicate.value == PREFIXES["sd"] + "namedGraph"]
    assert description.MOST_LISTED == len(named)
    assert any("5 more named graphs" in str(t.object) for t in triples)
