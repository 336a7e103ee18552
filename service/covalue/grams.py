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
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, chain, compress, count
from mmap import mmap
from operator import add
from sys import byteorder
from zlib import crc32

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

    def __init__(self, data: bytes | mmap, start: int, ends: Sequence[int], pieces: memoryview | None = None) -> None:
        """
        Args:
            data: holds the texts, in UTF-8, in the order in which they are to be found, one after the other; each begins and ends with a
                character that words do not hold.
            start: where the first begins.
            ends: where each begins from there on, and where the last ends.
            pieces: the index, as `indexed` makes it, where there is one already.
        """
        if len(ends) > SIZE + 1:
            raise ValueError(f"{len(ends) - 1} texts are too many for a part")
        self._data, self._start, self._ends = data, start, ends
        self._index: _Index | None = None
        if pieces is not None:
            self.attach(pieces)

    @classmethod
    def of(cls, texts: Sequence[str]) -> Part:
        """A part with some texts."""
        data = [encoded(text) for text in texts]
        return cls(b"".join(data), 0, ends_of(data))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def text(self, number: int) -> str:
        """One of the texts."""
        return self.raw(number).decode("utf-8", "surrogatepass")

    def raw(self, number: int) -> bytes:
        """The same as `encoded` makes it: who looks into many texts for a word has no need to decode them."""
        return self._data[self._start + self._ends[number] : self._start + self._ends[number + 1]]

    def with_any(self, numbers: Iterable[int], words: Sequence[bytes]) -> Iterator[int]:
        """Those of some texts that hold any of some words, as `encoded` makes them; without a copy of each text, since many are looked at."""
        start, ends, find = self._start, self._ends, self._data.find
        for i in numbers:
            for word in words:
                if find(word, start + ends[i], start + ends[i + 1]) >= 0:
                    yield i
                    break

    def with_all(self, numbers: Iterable[int], words: Sequence[bytes]) -> Iterator[int]:
        """The same of those that hold all words."""
        for word in words:
            numbers = self.with_any(numbers, (word,))
        return iter(numbers)

    def indexed(self) -> bytes:
        """The index: the bytes of an immutable structure that may as well be mapped from a file."""
        return _indexed([self.text(i) for i in range(len(self))])

    def attach(self, pieces: memoryview, recent: int = 0) -> None:
        """
        Searches by the index from now on; may be called while searches go on.

        Args:
            recent: how many sets of texts are kept as numbers, each of some eight kilobytes, those that were asked for last.
        """
        self._index = _Index(pieces, recent)

    def prepare(self) -> None:
        """Makes the index; searches may go on meanwhile."""
        if self._index is None:
            self.attach(memoryview(self.indexed()))

    def having(self, words: Sequence[str]) -> tuple[int, bool]:
        """
        The texts that hold all of some words, as bits.

        Returns:
            the bits, and whether those texts surely hold them; otherwise none is missing, but there may be some that do not.
        """
        if self._index is not None:
            return self._index.having(words)
        return bits_of(list(self.with_all(self._scanned(max(words, key=len)), list(map(encoded, words))))), True

    def holders(self, piece: str) -> int:
        """How many texts hold a piece."""
        return self._index.holders(piece) if self._index is not None else self.having((piece,))[0].bit_count()

    def whole(self, line: str) -> list[int]:
        """The texts that have a line, given with the characters that bound it."""
        numbers = self._scanned(line) if self._index is None else self._index.whole(line)
        return list(self.with_any(numbers, (encoded(line),)))

    def _scanned(self, word: str) -> Iterator[int]:
        wanted, end = encoded(word), self._start + self._ends[-1]
        at = self._data.find(wanted, self._start, end)
        while at >= 0:
            number = bisect_right(self._ends, at - self._start) - 1
            yield number
            at = self._data.find(wanted, self._start + self._ends[number + 1], end)


def encoded(text: str) -> bytes:
    """A text as parts hold it."""
    return text.encode("utf-8", "surrogatepass")


def ends_of(texts: Sequence[bytes]) -> array[int]:
    """Where each of some texts begins when they stand one after the other, and where the last ends."""
    return array("I", accumulate(map(len, texts), initial=0))


def _indexed(texts: Sequence[str]) -> bytes:
    """The texts by their pieces, and by their lines; see `_Index` for the form."""
    held: defaultdict[str, array[int]] = defaultdict(lambda: array("H"))
    lines: list[int] = []
    for number, text in enumerate(texts):
        for piece in _all_pieces(text):
            held[piece].append(number)
        lines += (_hashed(line) << 16 | number for line in _lines(text))
    by_key = sorted((_key(piece), numbers) for piece, numbers in held.items())
    dense = [(key, numbers) for key, numbers in by_key if len(numbers) > DENSE]
    sparse = [(key, numbers) for key, numbers in by_key if len(numbers) <= DENSE]
    stride = -(-len(texts) // 64) * 8
    head = array("Q", [len(lines), len(dense), len(sparse), stride])
    keys = array("Q", [*sorted(lines), *(key for key, _ in dense), *(key for key, _ in sparse)])
    bits = (bits_of(numbers).to_bytes(stride, "little") for _, numbers in dense)
    ends = array("I", accumulate((len(numbers) for _, numbers in sparse), initial=0))
    lists = (numbers.tobytes() for _, numbers in sparse)
    return b"".join((head.tobytes(), keys.tobytes(), *bits, ends.tobytes(), *lists))


class _Index:
    """
    The texts by their pieces, and by their lines, in bytes that nothing changes.

    They hold four numbers of eight bytes: of lines, of pieces that many texts have, of others, and of the bytes that a set takes as bits. Then
    lines (hash, and number of the text, in order), both kinds of pieces (in order), sets as bits, the ends of lists (four bytes each), and the lists (two).
    """

    def __init__(self, data: memoryview, recent: int) -> None:
        lines, dense, sparse, self._stride = data[:32].cast("Q")
        at = 32
        self._lines, at = data[at : at + 8 * lines].cast("Q"), at + 8 * lines
        self._dense, at = data[at : at + 8 * dense].cast("Q"), at + 8 * dense
        self._sparse, at = data[at : at + 8 * sparse].cast("Q"), at + 8 * sparse
        self._bits, at = data[at : at + self._stride * dense], at + self._stride * dense
        self._ends, at = data[at : at + 4 * (sparse + 1)].cast("I"), at + 4 * (sparse + 1)
        self._lists = data[at : at + 2 * self._ends[-1]].cast("H")
        self._set = lru_cache(recent)(self._read)

    def whole(self, line: str) -> list[int]:
        least = _hashed(line) << 16
        return [number & 0xFFFF for number in self._lines[bisect_left(self._lines, least) : bisect_left(self._lines, least + (1 << 16))]]

    def holders(self, piece: str) -> int:
        bits = self._many(key := _key(piece))
        return len(self._few(key)) if bits is None else bits.bit_count()

    def having(self, words: Sequence[str]) -> tuple[int, bool]:
        bits = -1
        lists: list[Sequence[int]] = []
        wanted = tuple(chain.from_iterable(map(pieces, words)))
        for key in map(_key, wanted[:ENOUGH]):
            if found := self._few(key):
                lists.append(found)
            elif (many := self._many(key)) is not None:
                bits &= many
            else:
                return 0, True
        sure = len(wanted) <= ENOUGH and wanted == tuple(words)
        return (bits & _common(lists, sure) if lists else bits), sure

    def _many(self, key: int) -> int | None:
        """The texts with a piece that many have, as bits."""
        at = _found(self._dense, key)
        return None if at is None else self._set(at)

    def _read(self, at: int) -> int:
        """One of the sets that are kept as bits."""
        return int.from_bytes(self._bits[at * self._stride : (at + 1) * self._stride], "little")

    def _few(self, key: int) -> memoryview | tuple[()]:
        """The texts with a piece that few have."""
        at = _found(self._sparse, key)
        return () if at is None else self._lists[self._ends[at] : self._ends[at + 1]]


def _found(keys: memoryview, key: int) -> int | None:
    at = bisect_left(keys, key)
    return at if at < len(keys) and keys[at] == key else None


def _key(piece: str) -> int:
    """A number for a piece of at most three characters, which has no other."""
    key = 0
    for character in piece:
        key = key << 21 | ord(character) + 1
    return key


def _common(lists: list[Sequence[int]], sure: bool) -> int:
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
    """The same in every process."""
    return crc32(encoded(line))


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
