"""
Which of many short texts hold some words, at any place: by looking through them, or, once `Part.prepare` is done, by an index of pieces.

The pieces are single characters and pairs of them, and triples where no character is Chinese (or of another script without blanks).
For each piece a part of at most 65,536 texts keeps which texts hold it: as a number with a bit for each text where they are many, else as
a short list, so that a search intersects whole sets at once and looks only into texts that hold all pieces of what it wants. Texts stand
in the order in which they are to be found, so a search may stop when it has enough. Both ways give the same; only the time differs.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, chain, compress, count
from operator import add
from sys import byteorder

SIZE = 1 << 16
"""Texts of a part; the number of one fits two bytes."""
DENSE = 1024
"""Texts with a piece above which they are kept as bits; bits take eight kilobytes, lists two bytes for each text, and time."""
ENOUGH = 40
"""Pieces of the words that are looked up; who holds so many is looked at."""
WIDE = "\u2e80"
"""The first character of scripts without blanks between words; pieces with those are pairs."""
_NARROW_RUNS = re.compile(f"[^{WIDE}-\U0010ffff]{{3,}}")
_POWERS = tuple(1 << k for k in range(8))
_DIGITS = bytes.maketrans(b"\0\1", b"01")
_HASH = (1 << 48) - 1


def members(bits: int) -> Iterator[int]:
    """
    The places of the ones, lowest first.

    >>> list(members(0b1001))
    [0, 3]
    """
    if not bits:
        return
    words = array("Q", bits.to_bytes(-(-bits.bit_length() // 64) * 8, byteorder))
    if byteorder == "big":
        words.reverse()
    for at in compress(count(), words):
        word = words[at]
        while word:
            low = word & -word
            yield (at << 6) + low.bit_length() - 1
            word ^= low


def bits_of(places: Collection[int]) -> int:
    """
    The number with ones at some places.

    >>> bin(bits_of([0, 3]))
    '0b1001'
    """
    if not places:
        return 0
    if len(places) > DENSE:
        flags = bytearray(max(places) + 1)
        for place in places:
            flags[place] = 1
        return int(flags.translate(_DIGITS)[::-1], 2)
    out = bytearray((max(places) >> 3) + 1)
    for place in places:
        out[place >> 3] |= _POWERS[place & 7]
    return int.from_bytes(out, "little")


@lru_cache(maxsize=1024)
def pieces(text: str) -> tuple[str, ...]:
    """
    The pieces that a text must hold to hold this one; the text itself where it is one piece.

    >>> pieces("value"), pieces("价值"), pieces("3个ab")
    (('val', 'alu', 'lue'), ('价值',), ('3个', '个a', 'ab'))
    """
    if len(text) < 3:
        return (text,)
    narrow = [max(text[k : k + 3]) < WIDE for k in range(len(text) - 2)]
    triples = [text[k : k + 3] for k, whole in enumerate(narrow) if whole]
    pairs = [text[k : k + 2] for k in range(len(text) - 1) if not any(narrow[max(0, k - 1) : k + 1])]
    return tuple(dict.fromkeys((*triples, *pairs)))


class Part:
    """At most `SIZE` texts, by their numbers. They must not be empty, and no search may hold what parts one from the next."""

    def __init__(self, texts: Sequence[str]) -> None:
        """
        Args:
            texts: in the order in which they are to be found; each begins and ends with a character that words do not hold.
        """
        if len(texts) > SIZE:
            raise ValueError(f"{len(texts)} texts are too many for a part")
        self._text = "".join(texts)
        self._ends = array("I", accumulate(map(len, texts), initial=0))
        self._index: _Index | None = None

    def __len__(self) -> int:
        return len(self._ends) - 1

    def text(self, number: int) -> str:
        """One of the texts."""
        return self._text[self._ends[number] : self._ends[number + 1]]

    def prepare(self) -> None:
        """Makes the index; searches may go on meanwhile."""
        if self._index is None:
            self._index = _Index([self.text(i) for i in range(len(self))])

    def having(self, words: Sequence[str]) -> tuple[int, bool]:
        """
        The texts that hold all of some words, as bits.

        Returns:
            the bits, and whether those texts surely hold them; otherwise none is missing, but there may be some that do not.
        """
        if self._index is not None:
            return self._index.having(words)
        found = list(self._scanned(longest := max(words, key=len)))
        for word in words:
            if word != longest:
                found = [i for i in found if word in self.text(i)]
        return bits_of(found), True

    def holders(self, piece: str) -> int:
        """How many texts hold a piece."""
        return self._index.holders(piece) if self._index is not None else self.having((piece,))[0].bit_count()

    def whole(self, line: str) -> list[int]:
        """The texts that have a line, given with the characters that bound it."""
        numbers = self._scanned(line) if self._index is None else self._index.whole(line)
        return [i for i in numbers if line in self.text(i)]

    def _scanned(self, word: str) -> Iterator[int]:
        at = self._text.find(word)
        while at >= 0:
            number = bisect_right(self._ends, at) - 1
            yield number
            at = self._text.find(word, self._ends[number + 1])


class _Index:
    """The texts by their pieces, and by their lines."""

    def __init__(self, texts: Sequence[str]) -> None:
        held: defaultdict[str, array[int]] = defaultdict(lambda: array("H"))
        lines: list[int] = []
        for number, text in enumerate(texts):
            for piece in _all_pieces(text):
                held[piece].append(number)
            lines += (_hashed(line) << 16 | number for line in _lines(text))
        self._lines = array("Q", sorted(lines))
        self._dense = {piece: bits_of(numbers) for piece, numbers in held.items() if len(numbers) > DENSE}
        self._sparse = {size: _Lists(size, {p: n for p, n in held.items() if len(p) == size and len(n) <= DENSE}) for size in (1, 2, 3)}

    def whole(self, line: str) -> list[int]:
        least = _hashed(line) << 16
        return [number & 0xFFFF for number in self._lines[bisect_left(self._lines, least) : bisect_left(self._lines, least + (1 << 16))]]

    def holders(self, piece: str) -> int:
        if piece in self._dense:
            return self._dense[piece].bit_count()
        return len(self._sparse[len(piece)].get(piece) or ())

    def having(self, words: Sequence[str]) -> tuple[int, bool]:
        bits = -1
        lists: list[array[int]] = []
        wanted = tuple(chain.from_iterable(map(pieces, words)))
        for piece in wanted[:ENOUGH]:
            if piece in self._dense:
                bits &= self._dense[piece]
            elif found := self._sparse[len(piece)].get(piece):
                lists.append(found)
            else:
                return 0, True
        sure = len(wanted) <= ENOUGH and wanted == tuple(words)
        return (bits & _common(lists, sure) if lists else bits), sure


class _Lists:
    """Short lists of numbers by pieces of one length, packed, since there are very many."""

    def __init__(self, size: int, lists: dict[str, array[int]]) -> None:
        ordered = sorted(lists)
        self._size, self._pieces = size, "".join(ordered)
        self._numbers, self._ends = array("H"), array("I", [0])
        self._begin: dict[str, tuple[int, int]] = {}
        for place, piece in enumerate(ordered):
            self._numbers.extend(lists[piece])
            self._ends.append(len(self._numbers))
            self._begin[piece[0]] = self._begin.get(piece[0], (place,))[0], place + 1

    def get(self, piece: str) -> array[int] | None:
        """The list of a piece, if there is one."""
        size = self._size
        first, end = self._begin.get(piece[0], (0, 0))
        at = bisect_left(range(end), piece, first, key=lambda k: self._pieces[k * size : k * size + size])
        if at == end or self._pieces[at * size : at * size + size] != piece:
            return None
        return self._numbers[self._ends[at] : self._ends[at + 1]]


def _common(lists: list[array[int]], sure: bool) -> int:
    """What lists have in common, as bits; a list that would cost more than it takes away is left out unless all must count."""
    lists.sort(key=len)
    common = set(lists[0])
    for other in lists[1:]:
        if sure or len(other) < 8 * len(common):
            common.intersection_update(other)
    return bits_of(common)


def _all_pieces(text: str) -> set[str]:
    pairs = list(map(add, text, text[1:]))
    out = {*text, *pairs}
    if text.isascii():
        out.update(map(add, pairs, text[2:]))
    else:
        for run in _NARROW_RUNS.findall(text):
            out.update(map(add, map(add, run, run[1:]), run[2:]))
    return out


def _lines(text: str) -> Iterator[str]:
    """The lines of a text with the characters that bound them: what `whole` can be asked for."""
    for bound in "\n\r":
        parts = text.split(bound)
        if len(parts) > 2:
            yield from (f"{bound}{line}{bound}" for line in parts[1:-1])


def _hashed(line: str) -> int:
    return hash(line) & _HASH


def shared(found: Sequence[int]) -> list[int]:
    """
    How many of some sets hold each place: sets are bits, and so are the binary digits of the answer, lowest first.

    >>> [bin(digit) for digit in shared([0b011, 0b110, 0b010])]
    ['0b111', '0b10']
    """
    digits: list[int] = []
    for bits in found:
        carry = bits
        for k, digit in enumerate(digits):
            digits[k], carry = digit ^ carry, digit & carry
        if carry:
            digits.append(carry)
    return digits


def counted(digits: Sequence[int], number: int) -> int:
    """
    The places that just so many of the sets hold, at least one.

    >>> bin(counted(shared([0b011, 0b110, 0b010]), 1))
    '0b101'
    """
    if number >> len(digits):
        return 0
    out = -1
    for k, digit in enumerate(digits):
        out &= digit if number >> k & 1 else ~digit
    return out
