"""Misspelt words: the known word within one edit (two for long ones), neighbours swapped counting as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

SHORTEST = 5
LONG = 7


class Spelling:
    """Known words, found by what remains when letters are struck out on both sides."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = {w for w in words if w.isascii() and w.isalpha()}
        self._struck: dict[str, list[str]] = {}
        for word in sorted(self.words):
            if len(word) >= SHORTEST - 1:
                for rest in _strikes(word):
                    self._struck.setdefault(rest, []).append(word)

    def correct(self, word: str) -> str | None:
        """The known word that is meant, or None if none is near enough; its first letter is the first or second of the misspelt one."""
        if len(word) < SHORTEST:
            return None
        allowed = 2 if len(word) >= LONG else 1
        near = {w for rest in _strikes(word) for w in self._struck.get(rest, ()) if w[0] in word[:2]}
        ranked = sorted((distance(word, w), w[0] != word[0], w) for w in near if w[0] == word[0] or w[1:2] == word[0])
        return ranked[0][2] if ranked and ranked[0][0] <= allowed else None


def _strikes(word: str) -> Iterator[str]:
    once = {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}
    yield from once
    if len(word) >= LONG:
        yield from {w[:i] + w[i + 1 :] for w in once if len(w) < len(word) for i in range(len(w))} - once


def distance(a: str, b: str) -> int:
    """
    Edits from one word to the other; swapping neighbours is one.

    >>> distance("uesrs", "users"), distance("creaton", "creation")
    (1, 1)
    """
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
