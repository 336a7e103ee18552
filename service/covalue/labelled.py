"""
What a store says of things that have names: their labels, other names, definitions and types, as entries in the order of their IRIs.

What is said comes in any order, so it waits in a table on disk and is sorted there: neither reading nor sorting takes memory that grows with it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from heapq import merge
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType

import pyoxigraph as ox

from covalue.description import Term, rows
from covalue.entries import RANK, Entry
from covalue.names import PREFIXES, RDF_TYPE, RDFS_SUBCLASSOF, expand
from covalue.stores import Store

VCC = PREFIXES["vcc"]
KIND_OF_TYPE = {
    PREFIXES["owl"] + "Class": "class",
    PREFIXES["rdfs"] + "Class": "class",
    PREFIXES["owl"] + "ObjectProperty": "property",
    PREFIXES["owl"] + "DatatypeProperty": "property",
    PREFIXES["owl"] + "AnnotationProperty": "property",
    PREFIXES["rdf"] + "Property": "property",
    PREFIXES["skos"] + "ConceptScheme": "scheme",
    PREFIXES["skos"] + "Concept": "concept",
    VCC + "Case": "case",
    VCC + "Claim": "claim",
    VCC + "Passage": "source",
    VCC + "DocumentSection": "source",
    VCC + "Publication": "source",
    VCC + "Scholar": "source",
    VCC + "LiteratureCitation": "source",
    PREFIXES["owl"] + "Ontology": "other",
    PREFIXES["sh"] + "NodeShape": "other",
}
NAMES = {"rdfs:label": 0, "skos:prefLabel": 0, "dcterms:title": 0, "skos:altLabel": 1, "skos:notation": 2}
"""Properties that name a thing, and how good a name they give."""
TEXTS = {"skos:definition": 0, "dcterms:description": 1, "skos:scopeNote": 2}
"""Properties that tell what a thing is, the best first."""
OUTSIDE = PREFIXES["owl"], PREFIXES["rdfs"], PREFIXES["rdf"]
MOST = 2_000_000
"""Names, types or texts that are read by pages; beyond, a search is over a part and says so."""
PAGE = 100_000
"""Rows that are read at a time, so that no answer outgrows the limits of a store."""
NAME, TEXT, TYPE = range(3)
"""What is said of a thing."""
TABLE = "CREATE TABLE said (thing TEXT, what INTEGER, rank INTEGER, lang TEXT, text TEXT, type TEXT)"
SORTED = "SELECT * FROM said ORDER BY thing, what, rank, lang, text, type"
NOTHING: Mapping[str, str] = MappingProxyType({})
Row = Sequence[Term | None]
Ask = Callable[[str], Iterable[Row]]
"""Gives the solutions of a query, in any order."""
Said = tuple[str, int, int, str, str, str]
"""Thing; what is said of it; which property, or which class, says it (by number); language, text and datatype."""


class OverlapError(Exception):
    """Pages of an answer did not fit together."""


class Pages:
    """
    Asks a store by pages, for at most `MOST` solutions.

    No standard says that pages of an unordered query fit together. Where one solution comes twice they did not, and all is asked for at once:
    pages of as many solutions as there are, each of them once, are complete.

    Args:
        at_once: not by pages.
    """

    def __init__(self, store: Store, *, at_once: bool = False) -> None:
        self._store, self._at_once = store, at_once
        self._cut = False

    def __call__(self, query: str) -> Iterator[Row]:
        """Its solutions."""
        count = 0
        while count < MOST:
            size = MOST if self._at_once else PAGE
            page = rows(self._store, f"{query} OFFSET {count} LIMIT {size}" if count else f"{query} LIMIT {size}")
            yield from page
            count += len(page)
            if len(page) < size:
                break
        self._cut = self._cut or count >= MOST

    def cut(self) -> bool:
        """Whether there was more than may be read."""
        return self._cut


def entries(ask: Ask, others: Iterable[Entry] = ()) -> Iterator[Entry]:
    """
    Things with names, in the order of their IRIs.

    Args:
        others: added, in any order.

    Raises:
        CovalueError: the store failed.
        OverlapError: a solution came twice.
    """
    return merge(_named(ask), sorted(others, key=lambda e: e.iri), key=lambda e: e.iri)


def _named(ask: Ask) -> Iterator[Entry]:
    classes = _Classes(ask)
    with closing(sqlite3.connect("")) as table:  # in memory as far as its cache goes, then in a temporary file
        table.execute(TABLE)
        table.executemany("INSERT INTO said VALUES (?, ?, ?, ?, ?, ?)", _said(ask, classes))
        for thing, said in groupby(table.execute(SORTED), itemgetter(0)):
            of = _apart(said)
            if of[NAME]:
                kind, type = classes.judged(thing, tuple(one[2] for one in of[TYPE]))
                yield Entry(thing, kind, *_called(of[NAME]), _told(of[TEXT]), type)


def _said(ask: Ask, classes: _Classes) -> Iterator[Said]:
    """
    What is said of all things, in any order.

    What is no IRI or no text is left out here: a FILTER would look up each term of all pages before the one that is asked for.
    """
    for what, curies in ((NAME, NAMES), (TEXT, TEXTS)):
        known = {expand(curie): (curie, rank) for curie, rank in curies.items()}
        for x, p, o in ask(f"SELECT ?x ?p ?o {{ VALUES ?p {{ {' '.join(f'<{iri}>' for iri in known)} }} ?x ?p ?o }}"):
            if isinstance(x, ox.NamedNode) and isinstance(p, ox.NamedNode) and isinstance(o, ox.Literal):
                curie, rank = known[p.value]
                yield x.value, what, rank, o.language or "", o.value, curie if o.language else f"{curie} {o.datatype.value}"
    for x, c in ask(f"SELECT ?x ?c {{ ?x <{RDF_TYPE}> ?c }}"):
        if isinstance(x, ox.NamedNode) and isinstance(c, ox.NamedNode):
            yield x.value, TYPE, classes.number(c.value), "", "", ""


def _apart(said: Iterable[Said]) -> tuple[list[Said], list[Said], list[Said]]:
    """Names, texts and types."""
    of: tuple[list[Said], list[Said], list[Said]] = [], [], []
    last = None
    for one in said:
        if one == last:
            raise OverlapError
        of[one[1]].append(one)
        last = one
    return of


def _called(said: Iterable[Said]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The label of a thing in each language, and its other names."""
    labels, others = dict[str, str](), dict[str, None]()
    for _, _, rank, lang, name, _ in said:
        if rank or lang in labels:
            others.setdefault(name)
        else:
            labels[lang] = name
    return labels, tuple(o for o in others if o not in labels.values())


def _told(said: Iterable[Said]) -> Mapping[str, str]:
    """What tells of a thing in each language."""
    texts: dict[str, str] = {}
    for _, _, _, lang, text, _ in said:
        texts.setdefault(lang, text)
    return texts or NOTHING


class _Classes:
    """Classes by number; what kind of thing some make, and which of them is the most special."""

    def __init__(self, ask: Ask) -> None:
        self._above: dict[str, set[str]] = {}
        for x, c in ask(f"SELECT ?x ?c {{ ?x <{RDFS_SUBCLASSOF}> ?c }}"):
            if isinstance(x, ox.NamedNode) and isinstance(c, ox.NamedNode):
                self._above.setdefault(x.value, set()).add(c.value)
        self._all_above: dict[str, frozenset[str]] = {}
        self._numbers: dict[str, int] = {}
        self._classes: list[str] = []
        self._judged: dict[tuple[bool, tuple[int, ...]], tuple[str, str]] = {}

    def number(self, of_class: str) -> int:
        """That of a class."""
        if of_class not in self._numbers:
            self._numbers[of_class] = len(self._classes)
            self._classes.append(of_class)
        return self._numbers[of_class]

    def judged(self, iri: str, numbers: tuple[int, ...]) -> tuple[str, str]:
        """The kind of a thing that is in some classes, and the most special of them; empty for none."""
        key = iri.startswith(PREFIXES["case"]), numbers
        if key not in self._judged:
            classes = [self._classes[number] for number in numbers]
            self._judged[key] = self._kind(key[0], classes), self._deepest(classes)
        return self._judged[key]

    def _kind(self, of_case: bool, classes: Sequence[str]) -> str:
        found = {KIND_OF_TYPE[c] for one in classes for c in self._including(one) if c in KIND_OF_TYPE}
        if found:
            return min(found, key=lambda kind: (kind == "concept" and "scheme" in found, RANK[kind])) if "claim" not in found else "claim"
        return "thing" if of_case else "other"

    def _deepest(self, classes: Sequence[str]) -> str:
        """Classes of ours win over the words of OWL and of other vocabularies."""
        return max(classes, key=lambda c: (c.startswith(VCC), not c.startswith(OUTSIDE), len(self._including(c)), c), default="")

    def _including(self, of_class: str) -> frozenset[str]:
        """A class and all above it."""
        if of_class not in self._all_above:
            seen, todo = {of_class}, [of_class]
            while todo:
                new = self._above.get(todo.pop(), set()) - seen
                seen |= new
                todo += new
            self._all_above[of_class] = frozenset(seen)
        return self._all_above[of_class]
