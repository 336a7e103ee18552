"""
Linked data: every IRI under https://w3id.org/covalue/ answers here under its own path (Cool URIs for the Semantic Web, W3C 2008).

* `/ontology` (and the path of its version) is the ontology itself, whole: the hash IRIs of its terms lead there, and no redirect stands
  in the way of an ontology editor. `/ontology.ttl`, `.owl`, `.jsonld`, `.nt` and so on are the same as files.
* `/graph/…` names a set of statements, an information resource: it answers with these statements (so the Graph Store Protocol has it), for
  readers with its size and where else they are had.
* `/scheme/…`, `/case/…`, `/source/…` and all others name things of the world: `303 See Other` leads to a document about them, at the same
  path with the ending of the negotiated format (`.html` for readers, `.ttl`, `.nt`, `.rdf`, `.jsonld`, `.trig`, `.nq`).

A description is symmetric: what the thing says (with what its blank nodes say), and what is said of it; at most `MOST` statements of each
kind, and a description that is cut says so in itself and in a header. What nothing is known of is 404, with the nearest known IRIs.
"""

from __future__ import annotations

import difflib
import re
import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast
from urllib.parse import quote, unquote, unquote_to_bytes

import pyoxigraph as ox
from flask import Response, request
from werkzeug.exceptions import NotFound

from covalue import description
from covalue.errors import CovalueError
from covalue.formats import PAGES, Format, Shape, by_name
from covalue.names import BASE, GRAPH_ONTOLOGY, ONTOLOGY_IRI, PREFIXES
from covalue.stores import Request, Store
from covalue.web import addresses, answers, citing, listings, ontology_page, pages, reader, things, validators
from covalue.web import labels as naming
from covalue.web.answers import Body, Reader
from covalue.web.discovery import EXTENSIONS, wanted_format
from covalue.web.documents import document
from covalue.web.languages import language
from covalue.web.problems import UnknownError
from covalue.web.service import Service

MOST = 1000
"""Statements of each kind in a description."""
MOST_KNOWN = 50_000
"""IRIs among which the nearest is looked for."""
MOST_LABELS = 400
AROUND = 100
GRAPHS = PREFIXES["graph"]
VERSION_IRI = PREFIXES["owl"] + "versionIRI"
LABELS = (PREFIXES["skos"] + "prefLabel", PREFIXES["rdfs"] + "label")
CODED = re.compile("(?:%[89A-Fa-f][0-9A-Fa-f])+")
"""Percent-encoded bytes of characters that are no ASCII."""
TERM = re.compile(r"ontology/([A-Za-z_][A-Za-z0-9_-]*)")
CUT = (f"Not complete: at most {MOST} statements of each kind are given here; the SPARQL endpoint has all.", f"不完整：此处每类最多给出 {MOST} 条陈述；全部可由 SPARQL 端点取得。")


@dataclass(frozen=True)
class Description:
    """Statements about one thing, and whether some were left out."""

    triples: tuple[ox.Triple, ...]
    cut: bool


def view(service: Service, content: Callable[[Service, str, str | None], Response]) -> Callable[[str], Response]:
    """
    The view of every path that names something.

    Args:
        content: answers with the statements of a named graph; by the ending of a file, if there is one.
    """
    known = Known(service.store)

    def graph(iri: str, path: str, extension: str | None) -> Response:
        chosen, _ = wanted_format(extension)
        return _graph(service, iri, path, chosen) if chosen in PAGES else content(service, iri, extension)

    def linked_data(path: str) -> Response:
        store, sent = service.store, addresses.sent()
        iri = _named(store, path, sent)
        if iri is not None:
            if (iri == ONTOLOGY_IRI or is_version(store, iri)) and _has_ontology(store):
                return ontology(service, path, None)
            return graph(iri, sent, None) if iri in store.graphs() else _see_other(sent)
        stem, _, extension = path.rpartition(".")
        if not stem or extension not in (*EXTENSIONS, "html", *citing.FILES):
            raise known.unknown(path)
        sent = sent.rpartition(".")[0]
        about = _named(store, stem, sent)
        if about is None:
            raise known.unknown(stem)
        if extension in citing.FILES:
            return citing.document(service, about, extension)
        if (about == ONTOLOGY_IRI or is_version(store, about)) and _has_ontology(store):
            return ontology(service, stem, extension)
        return graph(about, sent, extension) if about in store.graphs() else _document(service, about, sent, extension)

    return linked_data


def _named(store: Store, path: str, sent: str) -> str | None:
    """The first of the IRIs that a path may stand for (see `_iris`) of which anything is known."""
    return next((iri for iri in _iris(path, sent) if (iri == ONTOLOGY_IRI and _has_ontology(store)) or exists(store, iri)), None)


def _iris(path: str, sent: str) -> list[str]:
    """
    The IRIs that a path may stand for. A client sends the characters of an IRI that are no ASCII percent-encoded, so the address of `小` is also that of
    `%E5%B0%8F`: first the one with the characters (RFC 3987, section 3.2), then the one with the percent signs. Last come those that clients,
    or proxies on the way, have encoded more or otherwise than they need.

    `/ontology/Claim` stands for the term `ontology#Claim`, whose IRI leads to the document of the whole.

    Args:
        path: percent signs decoded once.
        sent: as it was sent.
    """
    if term := TERM.fullmatch(path):
        return [f"{ONTOLOGY_IRI}#{term[1]}"]
    found = []
    for name in dict.fromkeys((CODED.sub(_characters, sent), sent, path, quote(path, safe=addresses.PATH_SAFE))):
        with suppress(ValueError):
            found.append(ox.NamedNode(BASE + name).value)
    return found


def _characters(coded: re.Match[str]) -> str:
    try:
        return unquote_to_bytes(coded[0]).decode()
    except UnicodeDecodeError:
        return coded[0]


def exists(store: Store, iri: str) -> bool:
    """Whether anything is said by or of an IRI, in any graph, or it names one."""
    if iri in store.graphs():
        return True
    patterns = f"{{ <{iri}> ?p ?o }} UNION {{ ?s ?p <{iri}> }}"
    return _ask(store, f"ASK {{ {patterns} }}") or _ask(store, f"ASK {{ GRAPH ?g {{ {patterns} }} }}")


def is_version(store: Store, iri: str) -> bool:
    """Whether an IRI names the present version of the ontology."""
    return iri.startswith(ONTOLOGY_IRI + "/") and _ask(store, f"ASK {{ <{ONTOLOGY_IRI}> <{VERSION_IRI}> <{iri}> }}")


def _has_ontology(store: Store) -> bool:
    return GRAPH_ONTOLOGY in store.graphs()


def _ask(store: Store, query: str) -> bool:
    json = by_name("json", Shape.BOOLEAN)
    assert json is not None
    return bool(ox.parse_query_results(store.answer(Request(query), lambda _: json).body, format=ox.QueryResultsFormat.JSON))


def _see_other(path: str) -> Response:
    chosen, _ = wanted_format()
    response = Response(status=303)
    query = request.query_string.decode("ascii", "ignore")
    response.headers["Location"] = addresses.local(f"{path}.{chosen.extension}") + (f"?{quote(query, safe='=&%+/:;,@!$()*~._-')}" if query else "")
    response.headers["Cache-Control"] = answers.REVALIDATE
    response.vary.add("Accept")
    del response.headers["Content-Type"]
    return response


def _document(service: Service, iri: str, path: str, extension: str) -> Response:
    chosen, download = wanted_format(extension)
    key = (iri, addresses.base(), language() if chosen in PAGES else "")
    if chosen in PAGES and "facts" in request.args:
        return _listing(service, iri, path, chosen)
    opaque = validators.tag(service.store.version, "document", chosen.extension, path, "statements" in request.args, *key)
    response = answers.held(opaque, chosen)
    if response is None:
        found = describe(service.store, iri)
        response = _described(service, iri, path, found, chosen, opaque, key)
        if found.cut:
            response.headers["Covalue-Incomplete"] = f"at most {MOST} statements of each kind"
    if download and chosen not in PAGES:
        answers.as_download(response, unquote(path), chosen)
    return response


def _listing(service: Service, iri: str, path: str, chosen: Format) -> Response:
    """All values of one property of a thing, in pages."""
    opaque = validators.tag(service.store.version, "listing", iri, addresses.base(), language(), request.query_string)
    return answers.held(opaque, chosen) or pages.send("listing.html", chosen, opaque, **listings.values(service, iri, path))


def _described(service: Service, iri: str, path: str, found: Description, chosen: Format, opaque: str, key: Sequence[object]) -> Response:
    if chosen in PAGES:
        source = None if "statements" in request.args else reader.source_of(service.store, iri, found.triples)
        if source:
            return reader.page(service, iri, found.triples, source, path, chosen, opaque)
        return pages.send("thing.html", chosen, opaque, **things.values(service, iri, found.triples, found.cut, path))
    about = _about_document(iri, path, chosen, found)
    return document(service, chosen, key, lambda: [*found.triples, *about])


def _about_document(iri: str, path: str, chosen: Format, found: Description) -> list[ox.Triple]:
    """What the document says of itself: its topic, its dataset, its licence, and whether it is cut."""
    node, names = ox.NamedNode(f"{addresses.base()}{path}.{chosen.extension}"), ox.NamedNode
    facts: list[tuple[str, Any]] = [
        ("rdf:type", names(PREFIXES["foaf"] + "Document")),
        ("foaf:primaryTopic", names(iri)),
        ("void:inDataset", names(description.DATASET_IRI)),
        ("dcterms:license", names(description.LICENSE)),
    ]
    if found.cut:
        facts += [("rdfs:comment", ox.Literal(text, language=lang)) for text, lang in zip(CUT, ("en", "zh"), strict=True)]
    return [ox.Triple(node, names(PREFIXES[p.partition(":")[0]] + p.partition(":")[2]), o) for p, o in facts]


def describe(store: Store, iri: str) -> Description:
    """
    What an IRI says, with what the blank nodes in it say, and what is said of it: of the default graph, or where that knows nothing of
    it, of the named graphs that do.
    """
    says = _some(store, f"DESCRIBE <{iri}>")
    said = _some(store, f"CONSTRUCT {{ ?s ?p <{iri}> }} WHERE {{ SELECT ?s ?p {{ ?s ?p <{iri}> }} LIMIT {MOST + 1} }}")
    if not says and not said:
        graphs = [g.value for (g,) in description.rows(store, f"SELECT DISTINCT ?g {{ GRAPH ?g {{ {{ <{iri}> ?p ?o }} UNION {{ ?s ?p <{iri}> }} }} }} LIMIT 10") if g]
        merged = "".join(f" FROM <{g}>" for g in sorted(graphs))
        if graphs:
            says = _some(store, f"DESCRIBE <{iri}>{merged}")
            said = _some(store, f"CONSTRUCT {{ ?s ?p <{iri}> }}{merged} WHERE {{ SELECT ?s ?p {{ ?s ?p <{iri}> }} LIMIT {MOST + 1} }}")
    cut = len(says) > MOST or len(said) > MOST
    return Description(tuple(dict.fromkeys((*says[:MOST], *said[:MOST]))), cut)


def _some(store: Store, query: str) -> list[ox.Triple]:
    """The statements that a query builds, at most one more than a description holds."""
    plain = by_name("nt", Shape.GRAPH)
    assert plain is not None
    _, _, body = answers.evaluate(store, Request(query), lambda _: plain)
    with Reader(body) as file:
        quads = islice(ox.parse(cast(Any, file), format=ox.RdfFormat.N_TRIPLES), MOST + 1)
        return sorted(dict.fromkeys(q.triple for q in quads), key=str)


def labels(store: Store, triples: Sequence[ox.Triple]) -> dict[str, str]:
    """
    Names of the IRIs in some statements: in the language of the page, else in any, a preferred label first.

    An empty answer where the store fails: a page without names is better than none.
    """
    return naming.labels(store, (term.value for t in triples for term in (t.predicate, t.subject, t.object) if isinstance(term, ox.NamedNode)))


def _graph(service: Service, iri: str, path: str, chosen: Format) -> Response:
    """The page about a named graph."""
    known, where = service.measured.sizes(), service.addresses()
    opaque = validators.tag(service.store.version, "document", chosen.extension, iri, where.base, language())
    if response := answers.held(opaque, chosen):
        return response
    triples = [*description.graph_description(iri, known, where), *describe(service.store, iri).triples]
    return pages.about(chosen, opaque, iri, triples, path, labels(service.store, triples))


def ontology(service: Service, path: str, extension: str | None) -> Response:
    """The whole ontology, as file or page."""
    chosen, download = wanted_format(extension)
    if chosen not in PAGES:
        return document(service, chosen, ("ontology",), lambda: _ontology(service.store), path.replace("/", "-"), download)
    opaque = validators.tag(service.store.version, "ontology", path, addresses.prefix(), language())
    if response := answers.held(opaque, chosen):
        return response
    page = service.kept.get(f"{opaque} {pages.switch()}", lambda: pages.rendered("ontology.html", **ontology_page.values(service, path)))
    return answers.send(Body.of(page), chosen, opaque)


def _ontology(store: Store) -> list[ox.Triple]:
    plain = by_name("nt", Shape.GRAPH)
    assert plain is not None
    _, _, body = answers.evaluate(store, Request(f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{GRAPH_ONTOLOGY}> {{ ?s ?p ?o }} }}"), lambda _: plain)
    with Reader(body) as file:
        return sorted((q.triple for q in ox.parse(cast(Any, file), format=ox.RdfFormat.N_TRIPLES)), key=str)


class Known:
    """The IRIs of the dataset, sorted, for naming the nearest one; listed when the first stranger asks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._version = ""
        self._iris: list[str] = []

    def unknown(self, path: str) -> CovalueError | NotFound:
        """The error for a path that names nothing."""
        iri = next(iter(_iris(path, quote(path, safe=addresses.PATH_SAFE))), None)
        if iri is None:
            return NotFound()
        near = nearest(iri, self._all())
        hint_en, hint_zh = (f"; near to it are {', '.join(near)}", f"；相近的有 {'、'.join(near)}") if near else ("", "")
        return UnknownError(f"nothing is known here of <{iri[:500]}>{hint_en}.", f"此处没有关于 <{iri[:500]}> 的内容{hint_zh}。", near)

    def _all(self) -> list[str]:
        with self._lock:
            if self._version != self._store.version:
                self._iris, self._version = self._list(), self._store.version
            return self._iris

    def _list(self) -> list[str]:
        query = f'SELECT DISTINCT ?s {{ ?s a ?type FILTER(STRSTARTS(STR(?s), "{BASE}")) }} LIMIT {MOST_KNOWN}'
        try:
            found = [s.value for (s,) in description.rows(self._store, query) if isinstance(s, ox.NamedNode)]
        except CovalueError:
            found = []
        return sorted({*found, *self._store.graphs(), ONTOLOGY_IRI})


def nearest(iri: str, among: Sequence[str], count: int = 3) -> tuple[str, ...]:
    """
    The IRIs that come closest to one, among some that are sorted; only its neighbours in that order are looked at.

    >>> nearest("http://x/actr", ["http://x/actor", "http://y/b"])
    ('http://x/actor',)
    """
    at = bisect_left(among, iri)
    around = among[max(0, at - AROUND) : at + AROUND]
    return tuple(difflib.get_close_matches(iri[:300], around, n=count, cutoff=0.7))
