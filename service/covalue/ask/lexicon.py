"""
Words and what they mean: synonyms of both languages as one concept, words that say nothing, topics that lie outside.

The files are knowledge, not code, and all stand in `queries/ask/`. `synonyms.csv` (concept, en, zh): the concept `-` holds words that say
nothing, one that begins with `=` words that replace each other in names, `*` what the firm studied is called besides its name.
`outside.csv` (topic, en, zh): what the graph has nothing on. `phrasings.csv` (question, lang, text): other wordings of questions, with
slots as `{actor}`. `names.csv` (thing, en, zh): what things are called besides their names in the graph. `left-out.csv` (questions, why):
those, by a pattern of names, that words are not matched to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from covalue.ask.files import Phrase, phrases, rows
from covalue.ask.tokens import atoms, is_han, is_number, stems

NOTHING, SWAP, FOCAL = "-", "=", "*"
SWAP_LENGTH, MOST_VARIANTS = 5, 40
SLOT = re.compile(r"\{(\w+)\}")
Keys = frozenset[str]


@dataclass(frozen=True)
class Token:
    """A piece of meaning and the atoms that carry it: `c:` a concept, `o:` a topic outside, `w:` a word, `h:` Chinese characters."""

    key: str
    start: int
    end: int


@dataclass(frozen=True)
class Lexicon:
    """Phrases of both languages by their stemmed atoms, with the concept that each stands for; and wordings of questions."""

    concepts: Mapping[Phrase, str]
    phrasings: Mapping[str, Sequence[str]]
    swaps: Mapping[Phrase, Sequence[Phrase]]
    focal: frozenset[Phrase]
    longest: int
    written: frozenset[str]
    digest: str
    left_out: tuple[str, ...] = ()
    called: Mapping[str, Sequence[Phrase]] = field(default_factory=dict)

    def asked(self, name: str) -> bool:
        """Whether a question of the library is among those that words are matched to."""
        return not any(fnmatchcase(name, pattern) for pattern in self.left_out)

    @classmethod
    def load(cls, folder: Path) -> Lexicon:
        """
        The files of a folder; none of them need be there.

        Raises:
            SourceError: a file is not UTF-8, or lacks a column.
        """
        concepts: dict[Phrase, str] = {}
        swaps: dict[Phrase, list[Phrase]] = {}
        written: set[str] = set()
        focal: set[Phrase] = set()
        for prefix, name in (("c:", "synonyms"), ("o:", "outside")):
            for row in rows(folder / f"{name}.csv", ("topic" if name == "outside" else "concept", "en", "zh")):
                key = next(iter(row.values()))
                written.update(atoms(row["en"]))
                if key.startswith(SWAP):
                    group = list(dict.fromkeys(phrases(row)))
                    swaps |= {phrase: group for phrase in group if len(phrase) <= SWAP_LENGTH and phrase not in swaps}
                    continue
                if key == FOCAL:
                    focal.update(phrases(row))
                    continue
                for phrase in phrases(row):
                    concepts.setdefault(phrase, NOTHING if key == NOTHING else prefix + key)
        phrasings: dict[str, list[str]] = {}
        for row in rows(folder / "phrasings.csv", ("question", "lang", "text")):
            phrasings.setdefault(row["question"], []).append(row["text"])
            written.update(atoms(SLOT.sub(" ", row["text"])))
        left_out = tuple(row["questions"] for row in rows(folder / "left-out.csv", ("questions", "why")))
        called = {row["thing"]: list(phrases(row)) for row in rows(folder / "names.csv", ("thing", "en", "zh"))}
        written.update(word for found in called.values() for phrase in found for word in phrase)
        digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(folder.glob("*.csv")))).hexdigest()
        return cls(concepts, phrasings, swaps, frozenset(focal), max(map(len, concepts), default=1), frozenset(written), digest, left_out, called)

    def read(self, found: Sequence[str]) -> list[Token]:
        """The meaning of stemmed atoms: the longest known phrases first to last, and between them plain words and pairs of characters."""
        tokens: list[Token] = []
        rest: list[int] = []
        at = 0
        while at < len(found):
            size = self._phrase_at(found, at)
            if not size:
                rest.append(at)
                at += 1
                continue
            tokens += _plain(found, rest)
            rest = []
            key = self.concepts[tuple(found[at : at + size])]
            if key != NOTHING:
                tokens.append(Token(key, at, at + size))
            at += size
        return [*tokens, *_plain(found, rest)]

    def _phrase_at(self, found: Sequence[str], at: int) -> int:
        for size in range(min(self.longest, len(found) - at), 0, -1):
            if tuple(found[at : at + size]) in self.concepts:
                return size
        return 0

    def variants(self, phrase: Phrase) -> list[Phrase]:
        """A name, and the same with up to two words replaced by such as may stand for them; at most forty in all."""
        made: list[Phrase] = [()]
        at = swapped = 0
        while at < len(phrase):
            old = next((phrase[at : at + n] for n in range(SWAP_LENGTH, 0, -1) if phrase[at : at + n] in self.swaps), None)
            piece = old or phrase[at : at + 1]
            choices = self.swaps[piece] if old and swapped < 2 and len(made) * len(self.swaps[piece]) <= MOST_VARIANTS else (piece,)
            swapped += len(choices) > 1
            made = [(*start, *choice) for start in made for choice in choices]
            at += len(piece)
        return made

    def keys(self, text: str) -> Keys:
        """The pieces of meaning in a text; a slot counts as `s:` and its name."""
        slots = {f"s:{name}" for name in SLOT.findall(text)}
        return frozenset(slots.union(*({t.key for t in self.read(stems(part))} for part in SLOT.sub("\n", text).split("\n"))))

    def words(self, text: str) -> Keys:
        """The plain words in a text, and the pairs of Chinese characters; a slot counts as `s:` and its name."""
        slots = {f"s:{name}" for name in SLOT.findall(text)}
        return frozenset(slots.union(*(self.placed_words(stems(part)) for part in SLOT.sub("\n", text).split("\n"))))

    def placed_words(self, found: Sequence[str]) -> dict[str, frozenset[int]]:
        """The plain words among stemmed atoms, each with the atoms that it stands for."""
        words: dict[str, frozenset[int]] = {}
        for i, atom in enumerate(found):
            pair = is_han(atom) and i + 1 < len(found) and is_han(found[i + 1])
            if pair or not (is_han(atom) or self.concepts.get((atom,)) == NOTHING):
                words[atom + found[i + 1] if pair else atom] = frozenset({i, i + 1} if pair else {i})
        return words


def _plain(found: Sequence[str], places: Sequence[int]) -> Iterable[Token]:
    for k, i in enumerate(places):
        if not is_han(found[i]):
            yield Token(f"{'n' if is_number(found[i]) else 'w'}:{found[i]}", i, i + 1)
        elif k + 1 < len(places) and is_han(found[i + 1]):
            yield Token(f"h:{found[i]}{found[i + 1]}", i, i + 2)
        elif not (k and is_han(found[i - 1])):
            yield Token(f"h:{found[i]}", i, i + 1)
