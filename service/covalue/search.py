"""
Search by name over everything that has one: terms, concepts, things of the cases, claims, places in sources, named questions.

Names are folded (case, width, accents, hyphens, spacing). A search finds every entry that holds its words at any place, in Chinese as in Latin
script, from one character on. Hits come in steps: a name that is the words, begins with them, has them at the start of a word, or inside;
then names that hold all words apart from each other, then definitions. Labels come before other names in the first step. In each step
entries come by rank, which no query changes: by kind, then the one with the shorter label. So a search stops when its page is full, and
looks at each entry that may answer only where those are few; `covalue.grams` tells which may.

Names are looked through; among many `Index.prepare` adds an index of pieces, with the same hits in the same order. `covalue.register` keeps
both, `covalue.finder` makes them of a store, `tests/bench/search.py` measures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from io import BytesIO
from itertools import islice
from operator import or_
from typing import IO

from covalue.entries import KINDS, Entry, fold, other_names
from covalue.grams import WIDE, counted, encoded, members, shared
from covalue.register import Range, Register
from covalue.sections import Sections

TERMS = ("class", "property", "scheme", "concept", "case", "thing")
"""What a query is written with, as opposed to what it finds."""
FEW = 500
"""Entries that may answer up to which each is looked at, so that their number is known."""
MOST_LOOKS = 500
"""Entries of a kind that are looked at to count those that answer, where they are not few; the number is then said to be at least that."""
MOST_NEAR = 20
MOST_PIECES = 30
MOST_TELLING = 10
"""Pieces of the words that count where nothing holds them all: those that fewest names hold, which tell most."""
LONGEST = 200
"""Characters of a query that count."""
EXACT, START, WORD, INSIDE, SCATTERED, TEXT, NEAR = range(7)
"""How well a name answers, best first; `TEXT` is a definition that does, `NEAR` shares only pieces."""
STEPS = (EXACT, EXACT, START, WORD, INSIDE, SCATTERED, TEXT)
"""The order of hits; of the two equal ones the first is of labels, the second of other names."""


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


class Index:
    """Everything that can be found in one immutable state of a store."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._ranges = register.ranges
        self.entries = register.entries
        """All of it, by kind and IRI."""
        self.cut = register.cut
        """Whether there was more than could be read."""

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Index:
        """One of entries in any order, in memory."""
        return cls(Register.of(sorted(entries, key=lambda e: e.iri)))

    def find(self, iri: str) -> Entry | None:
        """What is known of an IRI."""
        return self.entries.find(iri)

    def prepare(self, file: IO[bytes] | None = None) -> None:
        """
        Makes searches quick among many names; they go on meanwhile as before.

        Args:
            file: gets the index that is made for it; else that is kept in memory.
        """
        out = BytesIO() if file is None else file
        self._register.write_pieces(out)
        self.attach(Sections.of(out))

    def attach(self, pieces: Sections) -> None:
        """The same, with an index that `Register.write_pieces` wrote."""
        self._register.attach(pieces)

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
        one = _Search(self._register, wanted, kinds, texts)
        ranked, counts, unfinished = one.all() if one.few else one.first(offset + limit + 1)
        if not any(counts.values()) and not unfinished:
            return self._near(wanted, kinds, limit, offset)
        total = max(len(ranked), sum(n for kind, n in counts.items() if not kinds or kind in kinds))
        shown = tuple(self._hit(wanted, step, rank) for step, rank in ranked[offset : offset + limit])
        return Found(shown, total, any(not kinds or kind in kinds for kind in unfinished), {k: counts[k] for k in KINDS if counts.get(k)}, frozenset(unfinished))

    def _hit(self, wanted: str, step: int, rank: int) -> Hit:
        entry = self.entries[self._register.order[rank]]
        return Hit(entry, STEPS[step], _matched(entry, wanted, STEPS[step]))

    def _near(self, wanted: str, kinds: Sequence[str], limit: int, offset: int) -> Found:
        """What shares most pieces with the words, where nothing holds them: a slip of the pen, a sentence in place of a name."""
        held = {piece: sum(part.names.holders(piece) for part in self._ranges) for piece in _pieces(wanted)}
        telling = sorted(filter(held.get, held), key=lambda piece: (held[piece], piece))[:MOST_TELLING]
        least = max(2, -(-2 * min(len(held), MOST_TELLING) // 5)) if len(held) > 1 else 1
        digits = [(part, shared([part.names.having((piece,))[0] for piece in telling])) for part in self._ranges]
        best = (part.first + i for number in range(len(telling), least - 1, -1) for part, sets in digits for i in members(counted(sets, number)))
        entries = [self.entries[self._register.order[rank]] for rank in islice(best, MOST_NEAR)]
        counts = Counter(e.kind for e in entries)
        chosen = [e for e in entries if not kinds or e.kind in kinds]
        hits = tuple(Hit(e, NEAR, _matched(e, wanted, NEAR)) for e in chosen[offset : offset + limit])
        return Found(hits, len(chosen), False, {k: counts[k] for k in KINDS if counts[k]})


Ranked = list[tuple[int, int]]
"""Hits as the number of the step that found them and their rank, best first."""


class _Search:
    """One search: which entries may answer, and which do."""

    def __init__(self, register: Register, wanted: str, kinds: Sequence[str], texts: bool) -> None:
        self._size, parts = register.size, register.ranges
        self._parts, self._wanted, self._kinds = parts, wanted, kinds
        self._words = wanted.split()
        self._raw = [encoded(word) for word in self._words]
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
            found = Counter(self._parts[rank // self._size].kind(rank) for rank in seen)
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

    def _fitting(self, part: Range, step: int, bits: int) -> Iterator[int]:
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
            maybe = members(bits & held)
            return maybe if sure else names.with_any(maybe, [encoded(needle) for needle in needles])
        return names.with_all(members(bits), self._raw) if step < len(STEPS) - 1 else (i for i in members(bits) if self._tells(part, i))

    def _phrase(self, part: Range) -> tuple[int, bool]:
        """The entries of a part whose names may have the words as they stand, and whether they surely do."""
        number = part.first // self._size
        if number not in self._phrases:
            self._phrases[number] = part.names.having((self._wanted,)) if len(self._words) > 1 else self._named[number]
        return self._phrases[number]

    def _answering(self, part: Range, named: int, told: int) -> Iterator[tuple[int, int]]:
        """Those that answer among some whose names, and some whose texts, may; with the best step that finds each."""
        left = told
        for i in members(named):
            if (step := self._step(part, i)) is not None:
                left &= ~(1 << i) if told else -1
                yield step, i
        yield from ((len(STEPS) - 1, i) for i in members(left) if self._tells(part, i))

    def _step(self, part: Range, i: int) -> int | None:
        """The best step that finds an entry by its names."""
        text = part.names.text(i)
        if self._wanted in text:
            for step, needles in enumerate(self._needles):
                if any(needle in text for needle in needles):
                    return step
        return len(self._needles) if len(self._words) > 1 and all(map(text.__contains__, self._words)) else None

    def _answers(self, part: Range, numbers: Sequence[int], told: int) -> int:
        """How many of some entries do."""
        by_name = set(part.names.with_all(numbers, self._raw))
        return len(by_name) + sum(i not in by_name and self._tells(part, i) for i in numbers if told >> i & 1)

    def _tells(self, part: Range, i: int) -> bool:
        assert part.texts is not None
        return any(all(map(line.__contains__, self._raw)) for line in part.texts.raw(i).split(b"\n"))

    def _counted(self) -> tuple[dict[str, int], tuple[str, ...]]:
        """Hits by kind, and the kinds of which there are more: what no look at the text is needed for counts whole, of the rest only so much."""
        counts, unfinished = Counter[str](), dict[str, None]()
        looks = dict.fromkeys(KINDS, MOST_LOOKS)
        for part, (named, named_surely), (told, told_surely) in zip(self._parts, self._named, self._told, strict=True):
            sure = (named if named_surely else 0) | (told if told_surely and len(self._words) == 1 else 0)
            for kind, mask in part.kinds.items():
                counts[kind] += (sure & mask).bit_count()
                unsure = (named | told) & ~sure & mask
                counts[kind] += self._answers(part, list(islice(members(unsure), looks[kind])), told)
                looks[kind] -= unsure.bit_count()
                if looks[kind] < 0:
                    looks[kind], unfinished[kind] = 0, None
        return dict(counts), tuple(unfinished)


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

    return max((*entry.labels.values(), *other_names(entry)), key=fit)


def _pieces(text: str) -> list[str]:
    """Pairs of Chinese characters, triples of others, each once."""
    found: dict[str, None] = {}
    for word in text.split():
        size = 2 if max(word) >= WIDE else 3
        found.update((word[k : k + size], None) for k in range(max(1, len(word) - size + 1)))
    return list(found)[:MOST_PIECES]
