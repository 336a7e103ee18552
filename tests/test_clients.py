"""Real clients ask the real server."""

from __future__ import annotations

import json
import shutil
import subprocess
import warnings
from typing import Any

import pytest
import rdflib
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from SPARQLWrapper import CSV, GET, JSON, JSONLD, N3, POST, POSTDIRECTLY, RDF, RDFXML, TSV, TURTLE, URLENCODED, XML, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import QueryBadFormed

from served import B, Served, build_tiny, enc

LABELS = f"""PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT ?label WHERE {{ <{B}case/tiny> rdfs:label ?label }} ORDER BY ?label"""
GRAPH = f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ VALUES ?s {{ <{B}case/tiny> }} ?s ?p ?o }}"
WAYS = {"get": (GET, URLENCODED), "form": (POST, URLENCODED), "direct": (POST, POSTDIRECTLY)}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The tiny dataset."""
    return Served(build_tiny(tmp_path_factory.mktemp("tiny")))


# --- SPARQLWrapper


def wrapper(served: Served, way: str, text: str, format: str | None = None) -> Any:
    """What SPARQLWrapper makes of an answer."""
    client = SPARQLWrapper(served.url + "/sparql")
    method, style = WAYS[way]
    client.setMethod(method)
    client.setRequestMethod(style)
    client.setQuery(text)
    if format:
        client.setReturnFormat(format)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return client.query().convert()


@pytest.mark.parametrize("way", WAYS)
def test_sparqlwrapper_tables(served: Served, way: str) -> None:
    """JSON, XML (its default), CSV and TSV, by each way of asking."""
    bindings = wrapper(served, way, LABELS, JSON)["results"]["bindings"]
    assert ["a tiny case", "小案例"] == [b["label"]["value"] for b in bindings]
    for format in (None, XML):
        document = wrapper(served, way, LABELS, format)
        assert ["a tiny case", "小案例"] == [e.firstChild.data for e in document.getElementsByTagName("literal")]
    assert "label\r\na tiny case\r\n小案例\r\n" == wrapper(served, way, LABELS, CSV).decode()
    assert '?label\n"a tiny case"@en\n"小案例"@zh\n' == wrapper(served, way, LABELS, TSV).decode()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("format", [None, TURTLE, N3, RDFXML, RDF, XML, JSONLD])
def test_sparqlwrapper_graphs(served: Served, way: str, format: str | None) -> None:
    """Turtle, N3, RDF/XML and JSON-LD, as text or as a graph."""
    found = wrapper(served, way, GRAPH, format)
    if not isinstance(found, rdflib.Graph):
        found = rdflib.Graph().parse(data=found, format="turtle")
    assert 3 == len(found)


@pytest.mark.parametrize("way", WAYS)
def test_sparqlwrapper_ask_describe_and_faults(served: Served, way: str) -> None:
    """A boolean, a description, and our sentence in its exception."""
    assert wrapper(served, way, "ASK { ?s ?p ?o }", JSON)["boolean"] is True
    assert len(wrapper(served, way, f"DESCRIBE <{B}case/tiny>", RDFXML)) >= 3
    with pytest.raises(QueryBadFormed, match="line 1, column 29"):
        wrapper(served, way, "SELECT * WHERE { ?s ?p ?o } SELEC", JSON)


# --- rdflib


@pytest.mark.parametrize("method", ["GET", "POST", "POST_FORM"])
@pytest.mark.parametrize("returns", ["xml", "json", "csv"])
def test_rdflib_store(served: Served, method: str, returns: str) -> None:
    """SELECT, ASK and CONSTRUCT through SPARQLStore, which names both kinds of types for every query."""
    graph = rdflib.Graph(SPARQLStore(served.url + "/sparql", method=method, returnFormat=returns))
    rows = [str(row[0]) for row in graph.query(LABELS)]
    assert ["a tiny case", "小案例"] == rows
    if returns != "csv":  # CSV has no booleans
        assert graph.query("ASK { ?s ?p ?o }").askAnswer is True
    made = graph.query(GRAPH).graph
    assert made is not None
    assert 3 == len(made)


def test_rdflib_triples(served: Served) -> None:
    """Its own pattern look-ups."""
    graph = rdflib.Graph(SPARQLStore(served.url + "/sparql"))
    assert 2 == len(list(graph.triples((rdflib.URIRef(B + "case/tiny"), rdflib.RDFS.label, None))))


@pytest.mark.parametrize("path", ["/ontology", "/case/tiny/mill", "/graph-store?default", "/.well-known/void", "/sparql"])
def test_rdflib_parses_by_address(served: Served, path: str) -> None:
    """With its own Accept header, over redirects."""
    assert len(rdflib.Graph().parse(served.url + path)) > 3


# --- curl


def curl(*arguments: str) -> str:
    """What curl prints."""
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is not installed")
    return subprocess.run([program, "-sS", "--max-time", "20", *arguments], capture_output=True, check=True).stdout.decode()


def test_curl(served: Served) -> None:
    """The ways that manuals show."""
    endpoint = served.url + "/sparql"
    assert ["a tiny case", "小案例"] == [b["label"]["value"] for b in json.loads(curl(f"{endpoint}?query={enc(LABELS)}"))["results"]["bindings"]]
    assert "小案例" in curl("-G", endpoint, "--data-urlencode", "query=" + LABELS, "-H", "Accept: text/csv")
    assert "小案例" in curl(endpoint, "--data-urlencode", "query=" + LABELS, "-d", "format=csv")
    assert "小案例" in curl(endpoint, "--data-binary", LABELS, "-H", "Content-Type: application/sparql-query", "--compressed")
    assert "rdf:about" in curl("-L", served.url + "/case/tiny/mill", "-H", "Accept: application/rdf+xml")
    assert curl("-I", f"{endpoint}?query=ASK%7B%7D").startswith("HTTP/1.1 200")
    assert "did you mean SELECT" in curl(endpoint, "-d", "query=SELEC")


def test_curl_keeps_its_connection(served: Served) -> None:
    """Over tables, packed tables, redirects and errors."""
    address = f"{served.url}/sparql?query={enc('SELECT * { ?s a ?o }')}"
    others = [address, served.url + "/case/tiny/mill", served.url + "/sparql?query=SELEC", address]
    out = curl("-w", "%{http_code} %{num_connects}\n", "--compressed", *(part for other in (address, *others) for part in ("-o", "/dev/null", other)))
    assert ["200 1", "200 0", "303 0", "400 0", "200 0"] == out.split("\n")[:5]
