"""Nanopublications: one for every claim, valid by the library of that community, with the manner of stating kept apart, the same bytes again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pyoxigraph as ox
import pytest
from nanopub import Nanopub as Judged
from nanopub import NanopubConf
from nanopub.utils import MalformedNanopubError
from rdflib import Dataset

from covalue.description import rows
from covalue.errors import InputError
from covalue.manifest import Manifest
from covalue.names import ACCORDING_TO, RDF_TYPE, case_graph, expand
from covalue.nanopubs import CURATORS, Nanopub, document, nanopubs, serialize
from covalue.stores.oxigraph import OxigraphStore
from served import Served

MODALITIES = ("cited", "derived", "recommended", "reported")


@pytest.fixture(scope="module")
def store(real_built: tuple[Manifest, Path]) -> OxigraphStore:
    """The checkout's dataset."""
    return OxigraphStore.open(real_built[1])


@pytest.fixture(scope="module")
def published(store: OxigraphStore) -> list[Nanopub]:
    """All nanopublications."""
    return list(nanopubs(store))


def graph(publication: Nanopub, name: str) -> set[tuple[str, str, str]]:
    """The statements of one of its graphs, as texts."""
    return {(str(q.subject), q.predicate.value, str(q.object)) for q in publication.quads if q.graph_name.value == f"{publication.iri}#{name}"}


def modality(publication: Nanopub) -> str:
    """The manner of stating, by the provenance."""
    (found,) = (o for s, p, o in graph(publication, "provenance") if p == expand("vcc:modality") and s == f"<{publication.claim}>")
    return found.rstrip(">").rpartition("/")[2]


def kind(publication: Nanopub) -> str:
    """The least type of the claim's types, by name."""
    return min(o for s, p, o in graph(publication, "assertion") if p == RDF_TYPE)


def test_every_claim_is_published_once(store: OxigraphStore, published: list[Nanopub]) -> None:
    """As many as there are claims, none twice, in the order of their names."""
    claims = {r[0].value for r in rows(store, f"SELECT DISTINCT ?c WHERE {{ GRAPH <{case_graph('xiaomi')}> {{ ?c <{ACCORDING_TO}> ?p }} }}") if isinstance(r[0], ox.NamedNode)}
    assert sorted(claims) == [p.claim for p in published if "/xiaomi/" in p.claim]
    assert len({p.iri for p in published}) == len(published)


def test_all_that_a_claim_says_is_published(store: OxigraphStore, published: list[Nanopub]) -> None:
    """Assertion and provenance together hold the claim's statements, each in one of them, and nothing is added to the claim."""
    said: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for s, p, o in rows(store, f"SELECT DISTINCT ?s ?p ?o WHERE {{ GRAPH <{case_graph('xiaomi')}> {{ ?s <{ACCORDING_TO}> ?x ; ?p ?o }} }}"):
        assert isinstance(p, ox.NamedNode)
        said[str(s)].add((str(s), p.value, str(o)))
    for publication in published:
        asserted, origin = graph(publication, "assertion"), {t for t in graph(publication, "provenance") if t[0] == f"<{publication.claim}>"}
        assert asserted | origin == said[f"<{publication.claim}>"]
        assert not asserted & origin
        assert asserted


def test_manner_is_kept_apart(published: list[Nanopub]) -> None:
    """Only what a source reports has a primary source; what it cites is attributed to others, what we derived to us; and all have a passage."""
    primary, derived, attributed = (expand(f"prov:{n}") for n in ("hadPrimarySource", "wasDerivedFrom", "wasAttributedTo"))
    seen = defaultdict(int)
    for publication in published:
        manner = modality(publication)
        seen[manner] += 1
        origin = {(p, o) for s, p, o in graph(publication, "provenance") if s == f"<{publication.iri}#assertion>"}
        passages = {o for s, p, o in graph(publication, "provenance") if p == ACCORDING_TO}
        assert passages
        assert passages <= {o for p, o in origin if p == (primary if manner == "reported" else derived)}
        assert (manner == "reported") == any(p == primary for p, _ in origin)
        assert (manner == "derived") == ((attributed, f"<{CURATORS}>") in origin)
        if manner == "cited":
            noted = any(p == expand("vcc:note") for _, p, _ in graph(publication, "provenance"))
            assert noted or origin > {(derived, o) for o in passages}, "who is cited, or a note that nobody is named"
        assert not {p for _, p, _ in graph(publication, "assertion")} & {expand("vcc:modality"), ACCORDING_TO}
    assert set(MODALITIES) == set(seen)


def test_library_accepts_them(published: list[Nanopub]) -> None:
    """One of each kind of claim and manner is a valid nanopublication by the library `nanopub`, without network; its four parts are ours."""
    examples = {(modality(p), kind(p)): p for p in reversed(published)}
    assert len(examples) > 20
    for publication in examples.values():
        data = Dataset()
        data.parse(data=serialize([publication]), format="trig")
        judged = Judged(rdf=data, conf=NanopubConf(use_test_server=True))
        assert judged.is_valid
        assert publication.iri == str(judged.metadata.np_uri)
        assert [len(graph(publication, n)) for n in ("assertion", "provenance", "pubinfo")] == [len(judged.assertion), len(judged.provenance), len(judged.pubinfo)]


@pytest.mark.parametrize("missing", ["assertion", "provenance", "pubinfo"])
def test_library_refuses_what_lacks_a_part(published: list[Nanopub], missing: str) -> None:
    """The library does look: without one of the graphs it is no nanopublication."""
    first = published[0]
    data = Dataset()
    data.parse(data=serialize([Nanopub(first.iri, first.claim, tuple(q for q in first.quads if not q.graph_name.value.endswith(missing)))]), format="trig")
    with pytest.raises(MalformedNanopubError):
        assert Judged(rdf=data, conf=NanopubConf(use_test_server=True)).is_valid


def test_same_bytes_in_another_process(real_built: tuple[Manifest, Path], store: OxigraphStore) -> None:
    """Another process, with another seed of hashes, writes the same."""
    code = "import sys, pathlib; from covalue.nanopubs import document; from covalue.stores.oxigraph import OxigraphStore as S; "
    code += "sys.stdout.buffer.write(document(S.open(pathlib.Path(sys.argv[1])), 'trig'))"
    command = [sys.executable, "-c", code, str(real_built[1])]
    outcomes = {subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}).stdout for seed in ("1", "2")}
    assert {document(store, "trig")} == outcomes


def test_one_claim_one_case_and_formats(store: OxigraphStore, published: list[Nanopub]) -> None:
    """A single claim can be had; N-Quads hold the same statements as TriG; an unknown case and a format for one graph are refused with what would do."""
    claim = published[0].claim
    assert [published[0]] == list(nanopubs(store, claim=claim))
    trig, nquads = document(store, "trig", "xiaomi", claim), document(store, "nquads", "xiaomi", claim)
    assert set(ox.parse(trig, ox.RdfFormat.TRIG)) == set(ox.parse(nquads, ox.RdfFormat.N_QUADS)) == set(published[0].quads)
    with pytest.raises(InputError) as caught:
        document(store, "trig", "xiaomy")
    assert "xiaomi" in caught.value.en
    with pytest.raises(InputError) as caught:
        document(store, "turtle")
    assert "trig" in caught.value.en
    assert "四个图" in caught.value.zh


def test_served_by_their_own_names(store: OxigraphStore, published: list[Nanopub]) -> None:
    """A nanopublication is had at its IRI's path, in formats that keep graphs apart; all of a case at once; what is unknown is 404."""
    served, first = Served(store), published[0]
    reply = served.ask(first.iri.removeprefix("https://w3id.org/covalue"), Accept="application/trig")
    assert 200 == reply.status
    assert set(first.quads) == set(ox.parse(reply.body, ox.RdfFormat.TRIG))
    lines = served.ask("/nanopubs?case=xiaomi&format=nquads")
    assert 200 == lines.status
    assert {q for p in published for q in p.quads} == set(ox.parse(lines.body, ox.RdfFormat.N_QUADS))
    for path, status in (("/nanopub/xiaomi/contribution/nobody", 404), ("/nanopub/nowhere/x/y", 404), ("/nanopub/xiaomi/a%3Eb", 404), ("/nanopubs?case=xiaomy", 400)):
        assert status == served.ask(path).status
    for accept, wanted in (
        ("*/*", "application/trig"),
        ("text/html,*/*;q=0.8", "application/trig"),
        ("application/n-quads", "application/n-quads"),
        ("application/ld+json", "application/ld+json"),
    ):
        assert wanted == served.ask("/nanopubs", Accept=accept).headers["content-type"].partition(";")[0]
