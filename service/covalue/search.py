"""
Search by name over everything that has one: terms, concepts, things of the cases, claims, places in sources, named questions.

Names are folded (case, width, accents, hyphens, spacing). A search finds every entry that holds its words at any place, in Chinese as in Latin
script, from one character on. Hits come in steps: a name that is the words, begins with them, has them at the start of a word, or inside;
then names that hold all words apart from each other, then definitions. Labels come before other names in the first step. In each step
entries come by rank, which no query changes: by kind, then the one with the shorter label. So a search stops when its page is full, and
looks at each entry that may answer only where those are few; `covalue.grams` tells which may.

Among few names nothing but the names is kept; among many `Index.prepare` adds an index of pieces, with the same hits in the same order.
`tests/bench/search.py` measures both.
"""

from __future__ import annotations

import gc
import re
import sys
import threading
import unicodedata
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice
from operator import or_
from types import MappingProxyType

import pyoxigraph as ox

from covalue import beside
from covalue.description import Term, rows
from covalue.grams import SIZE, WIDE, Part, counted, members, shared
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
MOST = 2_000_000
"""Names, types or texts that are read; beyond, a search is over a part and says so."""
FEW = 500
"""Entries that may answer up to which each is looked at, so that their number is known."""
MOST_LOOKS = 500
"""Entries of a kind that are looked at to count those that answer, where they are not few; the number is then said to be at least that."""
MANY = 8000
"""Entries beyond which an index of pieces is made, in the background."""
PAGE = 100_000
"""Rows that are read at a time, so that no answer outgrows the limits of a store."""
MOST_NEAR = 20
MOST_PIECES = 30
MOST_TELLING = 10
"""Pieces of the words that count where nothing holds them all: those that fewest names hold, which tell most."""
LONGEST = 200
"""Characters of a query that count."""
HYPHENS = dict.fromkeys(map(ord, "-‐‑‒–—_/·,，、;；:：()（）「」“”\"'’.。"), " ")
EXACT, START, WORD, INSIDE, SCATTERED, TEXT, NEAR = range(7)
"""How well a name answers, best first; `TEXT` is a definition that does, `NEAR` shares only pieces."""
STEPS = (EXACT, EXACT, START, WORD, INSIDE, SCATTERED, TEXT)
"""The order of hits; of the two equal ones the first is of labels, the second of other names."""
_ACCENTS = re.compile("[\u0300-\u036f]+")


def fold(text: str) -> str:
    """
    A text as it is compared: width, case, accents, hyphens, punctuation and spacing do not tell names apart.

    >>> fold("Value  Co-creation（ＭＩＵＩ）"), fold("Café")
    ('value co creation miui', 'cafe')
    """
    plain = text if text.isascii() else _plain(text)
    return " ".join(plain.casefold().translate(HYPHENS).split())


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", _ACCENTS.sub("", apart))


@dataclass(frozen=True, slots=True)
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
    """A page of hits out of `total`, or out of at least so many where there may be `more`; `kinds` counts them, those of `unfinished` not to the end."""

    hits: tuple[Hit, ...]
    total: int
    more: bool
    kinds: Mapping[str, int]
    unfinished: frozenset[str] = frozenset()

    @property
    def near(self) -> bool:
        """Whether nothing answers, and these only come near."""
        return bool(self.hits) and self.hits[0].tier == NEAR


class _Part:
    """Entries in the order of their rank, at most as many as a part of texts holds."""

    def __init__(self, first: int, entries: Sequence[Entry], lines: Sequence[str]) -> None:
        """
        Args:
            first: the rank of the first of them.
            lines: their names, as `_names` writes them.
        """
        self.first = first
        self.names = Part(lines)
        texts = ["".join(("\n", *(fold(t) + "\n" for t in e.texts.values()))) if e.texts else "" for e in entries]
        self.texts = Part(texts) if any(texts) else None
        self._ends = {kind: end for end, kind in enumerate((e.kind for e in entries), 1)}  # entries of a kind stand side by side
        starts = (0, *self._ends.values())
        self.kinds = {kind: (1 << end) - (1 << start) for (kind, end), start in zip(self._ends.items(), starts, strict=False)}
        """Kinds with the places of their entries, as bits."""

    def kind(self, rank: int) -> str:
        """The kind of one of the entries."""
        return list(self._ends)[bisect_right(list(self._ends.values()), rank - self.first)]

    def prepare(self) -> None:
        """Makes the indices of both."""
        self.names.prepare()
        if self.texts:
            self.texts.prepare()


class Index:
    """Everything that can be found in one immutable state of a store."""

    def __init__(self, entries: Iterable[Entry], cut: bool = False) -> None:
        """
        Args:
            entries: in any order.
            cut: whether there was more than could be read.
        """
        self.cut = cut
        self.entries = beside.ordered([*entries], lambda e: (RANK[e.kind], e.iri))
        self.by_iri = {e.iri: i for i, e in enumerate(self.entries)}
        lines = [_names(entry) for entry in self.entries]
        self._order = array("I", beside.ordered(range(len(lines)), lambda i: (RANK[self.entries[i].kind], *_shortest(lines[i]), i)))
        self._parts = []
        for first in range(0, len(lines), SIZE):
            numbers = self._order[first : first + SIZE]
            self._parts.append(_Part(first, [self.entries[i] for i in numbers], [lines[i] for i in numbers]))

    def prepare(self) -> None:
        """Makes searches quick among many names: some seconds for 10^6, while which searches go on as before."""
        for part in self._parts:
            part.prepare()

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
        one = _Search(self._parts, wanted, kinds, texts)
        ranked, counts, unfinished = one.all() if one.few else one.first(offset + limit + 1)
        if not any(counts.values()) and not unfinished:
            return self._near(wanted, kinds, limit, offset)
        total = max(len(ranked), sum(n for kind, n in counts.items() if not kinds or kind in kinds))
        shown = tuple(self._hit(wanted, step, rank) for step, rank in ranked[offset : offset + limit])
        return Found(shown, total, any(not kinds or kind in kinds for kind in unfinished), {k: counts[k] for k in KINDS if counts.get(k)}, frozenset(unfinished))

    def _hit(self, wanted: str, step: int, rank: int) -> Hit:
        entry = self.entries[self._order[rank]]
        return Hit(entry, STEPS[step], _matched(entry, wanted, STEPS[step]))

    def _near(self, wanted: str, kinds: Sequence[str], limit: int, offset: int) -> Found:
        """What shares most pieces with the words, where nothing holds them: a slip of the pen, a sentence in place of a name."""
        held = {piece: sum(part.names.holders(piece) for part in self._parts) for piece in _pieces(wanted)}
        telling = sorted(filter(held.get, held), key=lambda piece: (held[piece], piece))[:MOST_TELLING]
        least = max(2, -(-2 * min(len(held), MOST_TELLING) // 5)) if len(held) > 1 else 1
        digits = [(part, shared([part.names.having((piece,))[0] for piece in telling])) for part in self._parts]
        best = (part.first + i for number in range(len(telling), least - 1, -1) for part, sets in digits for i in members(counted(sets, number)))
        entries = [self.entries[self._order[rank]] for rank in islice(best, MOST_NEAR)]
        counts = Counter(e.kind for e in entries)
        chosen = [e for e in entries if not kinds or e.kind in kinds]
        hits = tuple(Hit(e, NEAR, _matched(e, wanted, NEAR)) for e in chosen[offset : offset + limit])
        return Found(hits, len(chosen), False, {k: counts[k] for k in KINDS if counts[k]})


Row = Sequence[Term | None]
Said = tuple[str, ...]
Keep = Callable[[Row], tuple[str, Said] | None]
"""Of a solution, the thing and what is said of it; None where it is of no use."""
NOTHING: Mapping[str, str] = MappingProxyType({})
Ranked = list[tuple[int, int]]
"""Hits as the number of the step that found them and their rank, best first."""


class _Search:
    """One search: which entries may answer, and which do."""

    def __init__(self, parts: Sequence[_Part], wanted: str, kinds: Sequence[str], texts: bool) -> None:
        self._parts, self._wanted, self._kinds = parts, wanted, kinds
        self._words = wanted.split()
        self._needles = ((f"\n{wanted}\n",), (f"\r{wanted}\r",), (f"\n{wanted}", f"\r{wanted}"), (f" {wanted}",), (wanted,))
        self._phrases: dict[int, tuple[int, bool]] = {}
        self._named = [part.names.having(self._words) for part in parts]
        self._told = [part.texts.having(self._words) if texts and part.texts else (0, True) for part in parts]
        self.few = sum((named | told).bit_count() for (named, _), (told, _) in zip(self._named, self._told, strict=True)) <= FEW
        """Whether so few entries may answer that each is looked at."""

    def all(self) -> tuple[Ranked, dict[str, int], tuple[str, ...]]:
        """All hits of the kinds that are wanted, all hits by kind, and no kind that is unfinished."""
        ranked: Ranked = []
        counts = Counter[str]()
        for part, (named, _), (told, _) in zip(self._parts, self._named, self._told, strict=True):
            for kind, mask in part.kinds.items():
                steps = list(self._answering(part, named & mask, told & mask))
                counts[kind] += len(steps)
                if not self._kinds or kind in self._kinds:
                    ranked += ((step, part.first + i) for step, i in steps)
        return sorted(ranked), dict(+counts), ()

    def first(self, most: int) -> tuple[Ranked, dict[str, int], tuple[str, ...]]:
        """The best hits of the kinds that are wanted; hits by kind, and the kinds of which there are more than that."""
        seen: dict[int, int] = {}
        counts, unfinished = self._counted()
        for step, rank in self._by_steps():
            if seen.setdefault(rank, step) == step and len(seen) >= most:
                break
        else:
            wanted = self._kinds or tuple(KINDS)
            found = Counter(self._parts[rank // SIZE].kind(rank) for rank in seen)
            counts.update((kind, found[kind]) for kind in wanted)
            unfinished = tuple(kind for kind in unfinished if kind not in wanted)
        return [(step, rank) for rank, step in seen.items()], counts, unfinished

    def _by_steps(self) -> Iterator[tuple[int, int]]:
        """Hits, the better steps first, in each by rank; those of better steps come again."""
        masks = [sum(mask for kind, mask in part.kinds.items() if kind in self._kinds) if self._kinds else -1 for part in self._parts]
        for step in range(len(STEPS)):
            for part, mask, (named, _), (told, _) in zip(self._parts, masks, self._named, self._told, strict=True):
                bits = (told if step == len(STEPS) - 1 else named) & mask
                if bits:
                    yield from ((step, part.first + i) for i in self._fitting(part, step, bits))

    def _fitting(self, part: _Part, step: int, bits: int) -> Iterator[int]:
        """The entries of a part, among some, that a step finds."""
        names = part.names
        if step < 2:
            return (i for i in names.whole(self._needles[step][0]) if bits >> i & 1)
        if step < len(self._needles):
            needles = self._needles[step]
            held, sure = self._phrase(part)
            if step < len(self._needles) - 1 and held:
                heads = [needle[: 3 if max(needle[:3]) < WIDE else 2] for needle in needles]
                held, sure = held & reduce(or_, (names.having((head,))[0] for head in heads)), heads == [*needles]
            return (i for i in members(bits & held) if sure or any(needle in names.text(i) for needle in needles))
        return (i for i in members(bits) if (self._has_all(part, i) if step < len(STEPS) - 1 else self._tells(part, i)))

    def _phrase(self, part: _Part) -> tuple[int, bool]:
        """The entries of a part whose names may have the words as they stand, and whether they surely do."""
        number = part.first // SIZE
        if number not in self._phrases:
            self._phrases[number] = part.names.having((self._wanted,)) if len(self._words) > 1 else self._named[number]
        return self._phrases[number]

    def _answering(self, part: _Part, named: int, told: int) -> Iterator[tuple[int, int]]:
        """Those that answer among some whose names, and some whose texts, may; with the best step that finds each."""
        left = told
        for i in members(named):
            if (step := self._step(part, i)) is not None:
                left &= ~(1 << i) if told else -1
                yield step, i
        yield from ((len(STEPS) - 1, i) for i in members(left) if self._tells(part, i))

    def _step(self, part: _Part, i: int) -> int | None:
        """The best step that finds an entry by its names."""
        text = part.names.text(i)
        if self._wanted in text:
            for step, needles in enumerate(self._needles):
                if any(needle in text for needle in needles):
                    return step
        return len(self._needles) if len(self._words) > 1 and self._has_all(part, i) else None

    def _answers(self, part: _Part, i: int, told: int) -> bool:
        return self._has_all(part, i) or bool(told and told >> i & 1 and self._tells(part, i))

    def _has_all(self, part: _Part, i: int) -> bool:
        return all(map(part.names.text(i).__contains__, self._words))

    def _tells(self, part: _Part, i: int) -> bool:
        assert part.texts is not None
        return any(all(w in line for w in self._words) for line in part.texts.text(i).split("\n"))

    def _counted(self) -> tuple[dict[str, int], tuple[str, ...]]:
        """Hits by kind, and the kinds of which there are more: what no look at the text is needed for counts whole, of the rest only so much."""
        counts, unfinished = Counter[str](), dict[str, None]()
        looks = dict.fromkeys(KINDS, MOST_LOOKS)
        for part, (named, named_surely), (told, told_surely) in zip(self._parts, self._named, self._told, strict=True):
            sure = (named if named_surely else 0) | (told if told_surely and len(self._words) == 1 else 0)
            for kind, mask in part.kinds.items():
                counts[kind] += (sure & mask).bit_count()
                unsure = (named | told) & ~sure & mask
                counts[kind] += sum(self._answers(part, i, told) for i in islice(members(unsure), looks[kind]))
                looks[kind] -= unsure.bit_count()
                if looks[kind] < 0:
                    looks[kind], unfinished[kind] = 0, None
        return dict(counts), tuple(unfinished)


def _names(entry: Entry) -> str:
    """The folded names of an entry, each once: its labels between line feeds, then other names between carriage returns."""
    labels = dict.fromkeys(filter(None, map(fold, entry.labels.values())))
    others = dict.fromkeys(o for o in map(fold, _others(entry)) if o and o not in labels)
    return "".join((*(f"\n{label}" for label in labels), "\n" if labels else "", *(f"\r{other}" for other in others), "\r" if others else ""))


def _others(entry: Entry) -> tuple[str, ...]:
    """Other names, and the last part of its address where people may know it."""
    return entry.others if entry.kind in ("claim", "question") else (*entry.others, entry.iri.rpartition("#")[2].rpartition("/")[2])


def _shortest(names: str) -> tuple[int, str]:
    """How long the shortest label of an entry is, in bytes, so that a Chinese character counts as about three letters; and that label."""
    labels = names.rpartition("\n")[0].strip("\n") or names.strip("\r")
    return min((len(label.encode("utf-8", "replace")), label) for label in labels.replace("\r", "\n").split("\n"))


def _matched(entry: Entry, wanted: str, tier: int) -> str:
    """The name, or the text, by which an entry answers."""
    words = wanted.split()
    if tier == TEXT:
        return next(text for text in entry.texts.values() if all(w in fold(text) for w in words))
    parts = _pieces(wanted) if tier == NEAR else words

    def fit(name: str) -> tuple[bool, ...] | tuple[int, int]:
        folded = fold(name)
        if tier in (NEAR, SCATTERED):
            return sum(part in folded for part in parts), -len(folded)
        return folded == wanted, folded.startswith(wanted), f" {wanted}" in folded, wanted in folded

    return max((*entry.labels.values(), *_others(entry)), key=fit)


def _pieces(text: str) -> list[str]:
    """Pairs of Chinese characters, triples of others, each once."""
    found: dict[str, None] = {}
    for word in text.split():
        size = 2 if max(word) >= WIDE else 3
        found.update((word[k : k + size], None) for k in range(max(1, len(word) - size + 1)))
    return list(found)[:MOST_PIECES]


# --- reading a store


class Finder:
    """The index of a store, made when first asked for, and anew when the store holds other data."""

    def __init__(self, store: Store, library: Library | None = None) -> None:
        self._index = Once(lambda: store.version, lambda: _read(store, library))

    def index(self) -> Index:
        """
        The index of what the store holds now.

        Raises:
            CovalueError: the store failed.
        """
        return self._index.get()


def _read(store: Store, library: Library | None) -> Index:
    with beside.requests():
        index = read(store, library)
        if len(index.entries) > MANY:
            gc.freeze()  # there is no garbage among so many things, and who looks for it stops all requests
            threading.Thread(target=_prepare, args=(index,), name="search-index", daemon=True).start()
    return index


def _prepare(index: Index) -> None:
    with beside.requests():
        index.prepare()
        gc.freeze()


def read(store: Store, library: Library | None = None) -> Index:
    """
    The index of a store.

    Cost: linear, about a second for 10^5 labels.
    """
    names, cut = _values(store, NAMES)
    texts, some = _values(store, TEXTS)
    types = _types(store)
    depth = _Depth(store)
    entries = [_entry(iri, said, texts.get(iri, ()), types.get(iri, ()), depth) for iri, said in names.items()]
    entries += _questions(library) if library else ()
    return Index(entries, cut=cut or some)


def _entry(iri: str, said: Iterable[Said], texts: Iterable[Said], types: Iterable[Said], depth: _Depth) -> Entry:
    classes = [c for (c,) in types]
    about: dict[str, str] = {}
    for _, lang, text, _ in texts:
        about.setdefault(lang, text)
    return Entry(iri, _kind(iri, classes, depth), *_called(said), about or NOTHING, depth.deepest(classes))


def _called(said: Iterable[Said]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The label of a thing in each language, and its other names. They are put in order here, since nothing else runs while all are."""
    labels, others = dict[str, str](), dict[str, None]()
    for rank, lang, name in sorted((NAMES[property], lang, name) for property, lang, name, _ in said):
        if rank or lang in labels:
            others.setdefault(name)
        else:
            labels[lang] = name
    return labels, tuple(o for o in others if o not in labels.values())


def _values(store: Store, curies: Iterable[str]) -> tuple[dict[str, list[Said]], bool]:
    """
    Property, language, text and datatype of what some properties say of each thing; and whether there was more.

    What is no IRI or no text is left out here: a FILTER would look up each term of all pages before the one that is asked for.
    """
    known = {ox.NamedNode(PREFIXES[c.partition(":")[0]] + c.partition(":")[2]).value: c for c in curies}

    def keep(row: Row) -> tuple[str, Said] | None:
        x, p, o = row
        if isinstance(x, ox.NamedNode) and isinstance(p, ox.NamedNode) and isinstance(o, ox.Literal):
            return x.value, (known[p.value], sys.intern(o.language or ""), o.value, "" if o.language else sys.intern(o.datatype.value))
        return None

    return _all(store, f"SELECT ?x ?p ?o {{ VALUES ?p {{ {' '.join(f'<{iri}>' for iri in known)} }} ?x ?p ?o }}", keep)


def _types(store: Store) -> dict[str, list[Said]]:
    def keep(row: Row) -> tuple[str, Said] | None:
        x, c = row
        return (x.value, (sys.intern(c.value),)) if isinstance(x, ox.NamedNode) and isinstance(c, ox.NamedNode) else None

    return _all(store, f"SELECT ?x ?c {{ ?x <{RDF_TYPE}> ?c }}", keep)[0]


def _all(store: Store, query: str, keep: Keep) -> tuple[dict[str, list[Said]], bool]:
    """
    What the solutions of a query say of each thing, at most `MOST`, read by pages; and whether there were as many.

    No standard says that pages of an unordered query fit together. Where a thing has the same said twice they did not, and all is read at
    once: pages of as many rows as there are, each of them once, are complete. Of each page only what is kept stays in memory.
    """
    found: dict[str, list[Said]] = {}
    count = 0
    while count < MOST:
        page = rows(store, f"{query} OFFSET {count} LIMIT {PAGE}")
        _add(found, page, keep)
        count += len(page)
        if len(page) < PAGE:
            break
    if count > PAGE and any(len(set(said)) < len(said) for said in found.values()):
        found = {}
        _add(found, rows(store, f"{query} LIMIT {MOST}"), keep)
    return found, count >= MOST


def _add(found: dict[str, list[Said]], page: Iterable[Row], keep: Keep) -> None:
    for row in page:
        if (kept := keep(row)) is not None:
            found.setdefault(kept[0], []).append(kept[1])


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
