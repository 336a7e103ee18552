"""W3C's manifests as cases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urljoin

import pyoxigraph as ox

MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
QT = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#"
UT = "http://www.w3.org/2009/sparql/tests/test-update#"
DAWGT = "http://www.w3.org/2001/sw/DataAccess/tests/test-dawg#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
HT = "http://www.w3.org/2011/http#"
CNT = "http://www.w3.org/2011/content#"
BASES = {
    "sparql10": "http://www.w3.org/2001/sw/DataAccess/tests/data-r2/",
    "sparql11": "http://www.w3.org/2009/sparql/docs/tests/data-sparql11/",
    "sparql12": "https://w3c.github.io/rdf-tests/sparql/sparql12/",
}
FEDERATED = ("sparql11/service", "sparql11/syntax-fed")
NOT_OURS = {
    "sparql11/entailment": "the service claims no entailment regime but simple entailment",
    "sparql11/graph-store-protocol": "every test writes first, and the service is read-only; reading is tested in test_web_graph_store.py",
    "sparql11/http-rdf-update": "an empty folder, or the older form of graph-store-protocol",
}
"""Folders that are not run, and why."""
EVALUATION = frozenset({"QueryEvaluationTest", "CSVResultFormatTest"})
GOOD_SYNTAX = frozenset({"PositiveSyntaxTest", "PositiveSyntaxTest11"})
BAD_SYNTAX = frozenset({"NegativeSyntaxTest", "NegativeSyntaxTest11"})
UPDATE = frozenset({"UpdateEvaluationTest", "PositiveUpdateSyntaxTest11", "NegativeUpdateSyntaxTest11", "PositiveUpdateSyntaxTest", "NegativeUpdateSyntaxTest"})
PROTOCOL = frozenset({"ProtocolTest"})
DESCRIPTION = frozenset({"ServiceDescriptionTest"})
RELATIVE = re.compile(r"<(?![A-Za-z][A-Za-z0-9+.-]*:)[^<>\"{}|^`\s]*>|\b(?:IRI|URI)\s*\(", re.I)
FROM = re.compile(r"\bFROM\s+(?:NAMED\s+)?<([^>]*)>", re.I)
Node = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple


@dataclass(frozen=True)
class File:
    """A file of a suite, and the IRI by which its manifest names it."""

    path: Path
    iri: str

    def read(self) -> bytes:
        return self.path.read_bytes()


@dataclass(frozen=True)
class Request:
    """One HTTP request of a protocol test and what must come back: classes of status, kind of answer, boolean."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    statuses: frozenset[str]
    kind: str | None
    boolean: bool | None


@dataclass(frozen=True)
class Case:
    """
    One test.

    Attributes:
        suite: edition and folder, as `sparql11/bind`.
        name: unique in all suites; the last part is that of the test's IRI.
        kind: the local name of its type.
        data: files of the default graph.
        named: files of named graphs, whose names are their IRIs (or, in protocol tests, what the manifest says).
    """

    suite: str
    name: str
    kind: str
    query: File | None = None
    data: tuple[File, ...] = ()
    named: tuple[File, ...] = ()
    result: File | None = None
    requests: tuple[Request, ...] = ()
    lax: bool = False

    @cached_property
    def text(self) -> str:
        """The query; where it holds a relative IRI, with the base that the suite means."""
        assert self.query is not None
        text = self.query.read().decode("utf-8")
        return f"BASE <{self.query.iri}>\n{text}" if RELATIVE.search(text) else text

    @cached_property
    def described(self) -> tuple[File, ...]:
        """The files that FROM and FROM NAMED name; then the query states its dataset itself."""
        if self.query is None or self.kind not in EVALUATION:
            return ()
        iris = [urljoin(self.query.iri, found) for found in FROM.findall(self.query.read().decode("utf-8"))]
        files = [File(self.query.path.parent / iri.rpartition("/")[2], iri) for iri in dict.fromkeys(iris)]
        return tuple(f for f in files if f.path.is_file())


class Suite:
    """The manifest of one folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        edition, _, rest = name.partition("/")
        self._folder = folder / edition / rest
        self._base = f"{BASES[edition]}{rest}/"
        self._graph = ox.Dataset(ox.parse((self._folder / "manifest.ttl").read_bytes(), format=ox.RdfFormat.TURTLE, base_iri=self._base + "manifest.ttl"))

    def cases(self) -> Iterator[Case]:
        """The tests in their order; those that W3C has withdrawn are left out."""
        for head in self._all(None, MF + "entries"):
            for test in self._items(head):
                status = self._one(test, DAWGT + "approval")
                if status is None or _local(status) not in ("Rejected", "Withdrawn", "Obsoleted"):
                    yield self._case(test)

    def _case(self, test: Node) -> Case:
        kind = next(_local(t) for t in self._all(test, RDF + "type") if _local(t).endswith(("Test", "Test11")))
        action = self._one(test, MF + "action")
        result = self._one(test, MF + "result")
        name = f"{self.name}/{_local(test)}"
        lax = self._one(test, MF + "resultCardinality") is not None
        if kind in PROTOCOL:
            named = tuple(File(self._file(self._must(d, UT + "graph")).path, self._must(d, RDFS + "label").value) for d in self._all(test, UT + "graphData"))
            requests = () if action is None else tuple(self._request(r) for r in self._items(self._must(action, HT + "requests")))
            return Case(self.name, name, kind, named=named, requests=requests)
        if action is None:
            return Case(self.name, name, kind)
        if isinstance(action, ox.NamedNode):
            query = self._file(action)
            if query.path.suffix == ".ru" and kind in BAD_SYNTAX:  # so some of the older ones are called
                kind = "NegativeUpdateSyntaxTest11"
            return Case(self.name, name, kind, query)
        query = self._one(action, QT + "query") or self._must(action, UT + "request")
        data = tuple(map(self._file, self._all(action, QT + "data"))) if kind not in UPDATE else ()
        named = tuple(map(self._file, self._all(action, QT + "graphData"))) if kind not in UPDATE else ()
        return Case(self.name, name, kind, self._file(query), data, named, self._file(result) if isinstance(result, ox.NamedNode) else None, lax=lax)

    def _request(self, request: Node) -> Request:
        content = self._one(request, HT + "body")
        body = b"" if content is None else self._must(content, CNT + "chars").value.encode(self._must(content, CNT + "characterEncoding").value)
        stated = self._one(request, HT + "headers")
        headers = tuple((self._must(h, HT + "fieldName").value, self._must(h, HT + "fieldValue").value) for h in self._items(stated)) if stated else ()
        response = self._must(request, HT + "resp")
        kind, boolean = self._one(response, MF + "expectedFormat"), self._one(response, MF + "expectedBoolean")
        return Request(
            self._must(request, HT + "methodName").value,
            self._must(request, HT + "absolutePath").value,
            headers,
            body,
            frozenset(s.value.rpartition("StatusCode")[2][0] for s in self._all(response, MF + "expectedStatus")),
            None if kind is None else kind.value,
            None if boolean is None else boolean.value == "true",
        )

    def _file(self, node: Node) -> File:
        return File(self._folder / node.value.removeprefix(self._base), node.value)

    def _all(self, subject: Node | None, predicate: str) -> list[Node]:
        if subject is None:
            return [q.object for q in self._graph if q.predicate.value == predicate]
        return [q.object for q in self._graph.quads_for_subject(subject) if q.predicate.value == predicate]

    def _one(self, subject: Node, predicate: str) -> Node | None:
        return next(iter(self._all(subject, predicate)), None)

    def _must(self, subject: Node, predicate: str) -> Node:
        found = self._one(subject, predicate)
        assert found is not None, f"{self.name}: {subject} has no {predicate}"
        return found

    def _items(self, head: Node | None) -> Iterator[Node]:
        while head is not None and head.value != RDF + "nil":
            yield self._must(head, RDF + "first")
            head = self._one(head, RDF + "rest")


def _local(node: Node) -> str:
    return re.split(r"[#/]", node.value)[-1]


def suites(folder: Path) -> list[str]:
    """The names of all folders with a manifest of tests, those that are not ours left out."""
    found = sorted(f"{p.parent.parent.name}/{p.parent.name}" for edition in BASES for p in (folder / edition).glob("*/manifest.ttl"))
    return [name for name in found if name not in NOT_OURS]


def cases(folder: Path) -> list[Case]:
    """All tests of all suites."""
    return [case for name in suites(folder) for case in Suite(folder, name).cases()]
