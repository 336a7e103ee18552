"""
Search by name over everything that has one: terms, concepts, things of the cases, claims, places in sources, named questions.

Names are folded (case, width, hyphens, spacing) and stand one to a line in a single text, the better ones first: preferred before other
names, terms before things before claims, short before long. A substring search over that text finds every label that holds the words, in
Chinese at any place and in Latin script inside of words too, and finds the best ones first. It costs milliseconds for 10^5 labels, so no
index on disk and no tokeniser stands between a reader and a name; `tests/bench/search.py` measures it.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import pyoxigraph as ox

from covalue.description import rows
from covalue.names import BASE, PREFIXES, RDF_TYPE, RDFS_SUBCLASSOF, shrink
from covalue.once import Once
from covalue.questions import Library
from covalue.stores import Store

KINDS: Mapping[str, tuple[str, str]] = {
    "concept": ("concept", "概念"),
    "class": ("class", "类"),
    "property": ("property", "属性"),
    "case": ("case", "案例"),
    "thing": ("thing of a case", "案例事物"),
    "scheme": ("concept scheme", "概念方案"),
    "question": ("ready question", "现成问题"),
    "source": ("source", "来源"),
    "claim": ("claim", "陈述"),
    "other": ("other", "其他"),
}
"""The kinds of what can be found, best first, with their names in English and Chinese."""
RANK = {kind: rank for rank, kind in enumerate(KINDS)}
TERMS = ("class", "property", "scheme", "concept", "case", "thing")
"""What a query is written with, as opposed to what it finds."""
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
TEXTS = ("skos:definition", "dcterms:description", "skos:scopeNote")
OUTSIDE = PREFIXES["owl"], PREFIXES["rdfs"], PREFIXES["rdf"]
MOST = 600_000
"""Names, types or texts that are read; beyond, a search is over a part and says so."""
MOST_HITS = 4000
"""Lines that one search looks at in a tier; what more there is comes behind in any order of ranks."""
MOST_NEAR = 20
MOST_PIECES = 30
LONGEST = 200
"""Characters of a query that count."""
HYPHENS = dict.fromkeys(map(ord, "-‐‑‒–—_/·,，、;；:：()（）「」“”\"'’.。"), " ")
EXACT, START, WORD, INSIDE, SCATTERED, TEXT, NEAR = range(7)
"""How well a name answers, best first; `TEXT` is a definition that does, `NEAR` shares only pieces."""
Answering = tuple[int, int, int]
"""How well an entry answers, how many pieces of the words it lacks, and the number of the line that answers; small is good."""


def fold(text: str) -> str:
    """
    A text as it is compared: width, case, hyphens, punctuation and spacing do not tell names apart.

    >>> fold("Value  Co-creation（ＭＩＵＩ）")
    'value co creation miui'
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return " ".join(plain.casefold().translate(HYPHENS).split())


@dataclass(frozen=True)
class Entry:
    """One thing that can be found. `labels` are by language; `type` is its most special class, or empty."""

    iri: str
    kind: str
    labels: Mapping[str, str]
    others: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    type: str = ""

    @property
    def curie(self) -> str:
        return shrink(self.iri)

    def label(self, lang: str) -> str:
        """Its name in a language, else in another, else its short IRI; never empty."""
        return self.labels.get(lang) or self.labels.get("en") or next((v for v in self.labels.values() if v), "") or self.curie


@dataclass(frozen=True)
class Hit:
    """An entry that answers: how well (`EXACT` to `NEAR`), and the name or text that does."""

    entry: Entry
    tier: int
    matched: str


@dataclass(frozen=True)
class Found:
    """A page of hits out of `total`; `more` where not all were counted; `kinds` counts them."""

    hits: tuple[Hit, ...]
    total: int
    more: bool
    kinds: Mapping[str, int]

    @property
    def near(self) -> bool:
        """Whether nothing answers, and these only come near."""
        return bool(self.hits) and self.hits[0].tier == NEAR


class Lines:
    """Folded lines in one text, each of an owner."""

    def __init__(self, lines: Sequence[tuple[str, int, str]]) -> None:
        """
        Args:
            lines: folded text, its owner, and the text as it was; in the order in which they are to be found.
        """
        self.owners = [owner for _, owner, _ in lines]
        self.shown = [shown for _, _, shown in lines]
        self.text = "\n" + "".join(f"{line}\n" for line, _, _ in lines)
        self._starts: list[int] = []
        at = 1
        for line, _, _ in lines:
            self._starts.append(at)
            at += len(line) + 1
        self._sorted = sorted((line, i) for i, (line, _, _) in enumerate(lines))

    def beginning(self, piece: str) -> Iterator[tuple[int, bool]]:
        """The lines that begin with a piece, by the alphabet, each with whether it is the piece."""
        for line, number in islice(self._sorted, bisect_left(self._sorted, (piece, -1)), None):
            if not line.startswith(piece):
                return
            yield number, len(line) == len(piece)

    def holding(self, piece: str) -> Iterator[tuple[int, bool]]:
        """The lines that hold a piece, in order, each once, with whether it begins a word there."""
        at = self.text.find(piece)
        while at >= 0:
            number = bisect_right(self._starts, at) - 1
            yield number, self.text[at - 1] in " \n"
            at = self.text.find(piece, self._starts[number + 1]) if number + 1 < len(self._starts) else -1

    def count(self, piece: str) -> int:
        """How often a piece occurs."""
        return self.text.count(piece)

    def line(self, number: int) -> str:
        """A line by its number."""
        start = self._starts[number]
        return self.text[start : self.text.index("\n", start)]


class Index:
    """Everything that can be found in one immutable state of a store."""

    def __init__(self, entries: Iterable[Entry], cut: bool = False) -> None:
        """
        Args:
            entries: in any order.
            cut: whether there was more than could be read.
        """
        self.cut = cut
        self.entries = sorted(entries, key=lambda e: (RANK[e.kind], e.iri))
        self.by_iri = {e.iri: i for i, e in enumerate(self.entries)}
        self._names = Lines(sorted(self._name_lines(), key=self._order))
        self._whole = Lines([(" ".join(fold(n) for n in (*e.labels.values(), *e.others)), i, "") for i, e in enumerate(self.entries)])
        self._texts = Lines([(fold(t), i, t) for i, e in enumerate(self.entries) for t in e.texts.values()])

    def _name_lines(self) -> Iterator[tuple[str, int, str]]:
        for i, entry in enumerate(self.entries):
            seen = set()
            local = () if entry.kind in ("claim", "question") else (entry.iri.rpartition("#")[2].rpartition("/")[2],)
            for name in (*entry.labels.values(), *entry.others, *local):
                folded = fold(name)
                if folded and folded not in seen:
                    seen.add(folded)
                    yield folded, i, name

    def _order(self, line: tuple[str, int, str]) -> tuple[int, bool, int, str, int]:
        """Better kinds first, then labels before other names, then short before long: the order of hits that fit equally well."""
        entry = self.entries[line[1]]
        return RANK[entry.kind], line[2] not in entry.labels.values(), len(line[0]), line[0], line[1]

    def search(self, query: str, *, limit: int = 20, offset: int = 0, kinds: Sequence[str] = (), texts: bool = True) -> Found:
        """
        The best entries for some words.

        Args:
            query: words, in any language; all must be there, in any order, in the names or together in a definition.
            limit, offset: which of the hits.
            kinds: only these, where given; the counts by kind are over all.
            texts: whether definitions are searched too.
        """
        wanted = fold(query[:LONGEST])
        if not wanted:
            return Found((), 0, False, {})
        hits, more = self._all(wanted, texts)
        counts = Counter(self.entries[i].kind for i in hits)
        chosen = sorted((hit, i) for i, hit in hits.items() if not kinds or self.entries[i].kind in kinds)
        shown = tuple(self._hit(i, hit) for hit, i in chosen[offset : offset + limit])
        return Found(shown, len(chosen), more, {k: counts[k] for k in KINDS if counts[k]})

    def _hit(self, i: int, hit: Answering) -> Hit:
        tier, _, line = hit
        return Hit(self.entries[i], tier, (self._texts if tier == TEXT else self._names).shown[line])

    def _all(self, wanted: str, texts: bool) -> tuple[dict[int, Answering], bool]:
        """The best answer of each entry, and whether some were not looked at."""
        hits: dict[int, Answering] = {}
        more = False
        for found in (self._beginning(wanted), self._holding(wanted), self._scattered(wanted), self._in_texts(wanted) if texts else iter(())):
            for count, (i, hit) in enumerate(found):
                if count >= MOST_HITS:
                    more = True
                    break
                if i not in hits or hit < hits[i]:
                    hits[i] = hit
        if not hits:
            hits = self._near(wanted)
        return hits, more

    def _beginning(self, wanted: str) -> Iterator[tuple[int, Answering]]:
        for line, whole in self._names.beginning(wanted):
            yield self._names.owners[line], (EXACT if whole else START, 0, line)

    def _holding(self, wanted: str) -> Iterator[tuple[int, Answering]]:
        for line, word in self._names.holding(wanted):
            yield self._names.owners[line], (WORD if word else INSIDE, 0, line)

    def _scattered(self, wanted: str) -> Iterator[tuple[int, Answering]]:
        """Entries that have all words somewhere in their names; shown by the best name that has the rarest of them."""
        words = wanted.split()
        if len(words) < 2:
            return
        rarest = min(words, key=lambda w: (self._names.count(w), w))
        if not all(map(self._whole.count, words)):
            return
        for line, _ in self._names.holding(rarest):
            i = self._names.owners[line]
            whole = self._whole.line(i)
            if all(w in whole for w in words):
                yield i, (SCATTERED, 0, line)

    def _in_texts(self, wanted: str) -> Iterator[tuple[int, Answering]]:
        words = sorted(wanted.split(), key=lambda w: (self._texts.count(w), w))
        for line, _ in self._texts.holding(words[0]):
            text = self._texts.line(line)
            if all(w in text for w in words):
                yield self._texts.owners[line], (TEXT, 0, line)

    def _near(self, wanted: str) -> dict[int, Answering]:
        """What shares most pieces with the words, where nothing holds them: a slip of the pen, a sentence in place of a name."""
        pieces = list(dict.fromkeys(_pieces(wanted)))[:MOST_PIECES]
        counts: Counter[int] = Counter()
        for piece in pieces:
            counts.update(line for line, _ in islice(self._names.holding(piece), MOST_HITS))
        least = max(2, -(-2 * len(pieces) // 5)) if len(pieces) > 1 else 1
        best: dict[int, Answering] = {}
        for line, count in counts.items():
            if count >= least:
                i, hit = self._names.owners[line], (NEAR, len(pieces) - count, line)
                best[i] = min(best.get(i, hit), hit)
        return dict(sorted(best.items(), key=lambda pair: pair[1])[:MOST_NEAR])


def _pieces(text: str) -> Iterator[str]:
    """Pairs of Chinese characters, triples of others."""
    for word in text.split():
        size = 2 if any(ord(c) > 0x2E7F for c in word) else 3
        yield from (word[k : k + size] for k in range(max(1, len(word) - size + 1)))


# --- reading a store


class Finder:
    """The index of a store, made when first asked for, and anew when the store holds other data."""

    def __init__(self, store: Store, library: Library | None = None) -> None:
        self._index = Once(lambda: store.version, lambda: read(store, library))

    def index(self) -> Index:
        """
        The index of what the store holds now.

        Raises:
            CovalueError: the store failed.
        """
        return self._index.get()


def read(store: Store, library: Library | None = None) -> Index:
    """
    The index of a store.

    Cost: linear, about a second for 10^5 labels.
    """
    names = _values(store, NAMES, "isIRI(?x) && isLiteral(?o)")
    texts = _values(store, TEXTS, "isIRI(?x) && isLiteral(?o)")
    types = _types(store)
    depth = _Depth(store)
    about: dict[str, dict[str, str]] = {}
    for iri, _, literal in texts:
        about.setdefault(iri, {}).setdefault(literal.language or "", literal.value)
    called: dict[str, tuple[dict[str, str], dict[str, None]]] = {}
    for iri, property, literal in sorted(names, key=lambda row: (NAMES[row[1]], row[0], row[2].language or "", row[2].value)):
        labels, others = called.setdefault(iri, ({}, {}))
        lang = literal.language or ""
        if NAMES[property] or lang in labels:
            others.setdefault(literal.value)
        else:
            labels[lang] = literal.value
    entries = [
        Entry(iri, _kind(iri, types.get(iri, ()), depth), labels, tuple(o for o in others if o not in labels.values()), about.get(iri, {}), depth.deepest(types.get(iri, ())))
        for iri, (labels, others) in called.items()
    ]
    entries += _questions(library) if library else ()
    return Index(entries, cut=max(len(names), len(texts)) >= MOST)


def _values(store: Store, curies: Iterable[str], condition: str) -> list[tuple[str, str, ox.Literal]]:
    listed = " ".join(f"<{ox.NamedNode(PREFIXES[c.partition(':')[0]] + c.partition(':')[2]).value}>" for c in curies)
    found = rows(store, f"SELECT ?x ?p ?o {{ VALUES ?p {{ {listed} }} ?x ?p ?o FILTER({condition}) }} LIMIT {MOST}")
    return [(x.value, shrink(p.value), o) for x, p, o in found if isinstance(x, ox.NamedNode) and isinstance(p, ox.NamedNode) and isinstance(o, ox.Literal)]


def _types(store: Store) -> dict[str, tuple[str, ...]]:
    found = rows(store, f"SELECT ?x ?c {{ ?x <{RDF_TYPE}> ?c FILTER(isIRI(?x) && isIRI(?c)) }} LIMIT {MOST}")
    out: dict[str, tuple[str, ...]] = {}
    for x, c in found:
        if isinstance(x, ox.NamedNode) and isinstance(c, ox.NamedNode):
            out[x.value] = (*out.get(x.value, ()), c.value)
    return out


class _Depth:
    """How far below the top a class stands, so that the most special of several types can be told."""

    def __init__(self, store: Store) -> None:
        self._above: dict[str, set[str]] = {}
        for x, c in rows(store, f"SELECT ?x ?c {{ ?x <{RDFS_SUBCLASSOF}> ?c FILTER(isIRI(?x) && isIRI(?c)) }} LIMIT {MOST}"):
            if isinstance(x, ox.NamedNode) and isinstance(c, ox.NamedNode):
                self._above.setdefault(x.value, set()).add(c.value)
        self._known: dict[str, frozenset[str]] = {}

    def above(self, of_class: str) -> frozenset[str]:
        """A class and all above it."""
        if of_class not in self._known:
            seen, todo = {of_class}, [of_class]
            while todo:
                new = self._above.get(todo.pop(), set()) - seen
                seen |= new
                todo += new
            self._known[of_class] = frozenset(seen)
        return self._known[of_class]

    def deepest(self, types: Sequence[str]) -> str:
        """The most special of some classes; empty for none. Classes of ours win over the words of OWL and of other vocabularies."""
        return max(types, key=lambda c: (c.startswith(VCC), not c.startswith(OUTSIDE), len(self.above(c)), c), default="")


def _kind(iri: str, types: Sequence[str], depth: _Depth) -> str:
    found = {KIND_OF_TYPE[c] for t in types for c in depth.above(t) if c in KIND_OF_TYPE}
    if found:
        return min(found, key=lambda kind: (kind == "concept" and "scheme" in found, RANK[kind])) if "claim" not in found else "claim"
    return "thing" if iri.startswith(PREFIXES["case"]) else "other"


def _questions(library: Library) -> Iterator[Entry]:
    for name, question in library.questions.items():
        titles = {lang: question.text("title", lang) for lang in ("en", "zh")}
        asked = {lang: question.text("question", lang) for lang in ("en", "zh")}
        yield Entry(f"{BASE}questions/{name}", "question", titles, (), asked)
