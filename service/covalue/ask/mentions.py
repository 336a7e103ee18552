"""
Things of the graph named in a text: by a whole name, by a name with one wrong Chinese character, or by most words of a long name.

Names are the labels and alternative names in both languages, the short ids, and those of `names.csv`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from covalue.ask.files import Phrase
from covalue.ask.lexicon import NOTHING, Lexicon
from covalue.ask.tokens import atoms, is_han, is_number, stem
from covalue.queries import Parameter
from covalue.questions import Answers, Choice

BRACKETS = re.compile(r"\s*[(（][^()（）]*[)）]")
GENERAL = "-general"
THEORY = "theory/"
WHOLE, OTHER, ID, TYPO, PART = 1.0, 0.96, 0.9, 0.85, 0.9
ARTICLES = frozenset({"the", "a", "an"})
"""They make no difference to a name."""
LEAST_SHARE = 0.6
MOST_PARTS = 12
DISTINCT, SMALL_CLASS = 0.75, 15
GENERIC = 0.5
LESS_GENERAL = 0.35
LONG_ENOUGH = {True: 4, False: 2}
"""Characters, or words, of a name that is taken for one of something in general."""
TYPO_LENGTHS = range(4, 13)


@dataclass(frozen=True)
class Mention:
    """A thing that a text names: the atoms that name it, how surely (0 to 1), and whether by a whole name."""

    iri: str
    covers: frozenset[int]
    strength: float
    whole: bool = False

    @property
    def weight(self) -> float:
        return self.strength * (len(self.covers) + 1)


class Names:
    """All names of things that parameters take, ready to be found in texts."""

    def __init__(self, answers: Answers, lexicon: Lexicon) -> None:
        self.classes: dict[str, frozenset[str]] = {}
        self.choices: dict[str, Choice] = {}
        self.iris: dict[str, str] = {}
        self.focal: set[str] = set()
        self.written: set[str] = set()
        self._ids: set[Phrase] = set()
        self._called = {phrase for called in lexicon.called.values() for phrase in called}
        self._whole: dict[Phrase, dict[str, float]] = {}
        self._lexicon = lexicon
        self._bigrams: set[str] = set()
        self._silent = {w for phrase, concept in lexicon.concepts.items() if concept == NOTHING and len(phrase) == 1 for w in phrase}
        for parameter in _distinct(answers):
            for choice in answers.choices(parameter):
                self._add(choice, parameter.choices)
        for phrase in lexicon.focal:
            for iri in self.focal:
                self._remember(phrase, iri, WHOLE)
        for short, called in lexicon.called.items():
            for phrase in called if short in self.iris else ():
                for variant in lexicon.variants(phrase):
                    self._remember(variant, self.iris[short], OTHER)
        self._leave_to_the_case()
        self._leave_to_theories()
        self._longest = max(map(len, self._whole), default=1)
        self._typos = self._wildcards()
        self._parts, self._posting, self._rarity = self._long_names()
        self._distinct = self._distinctive()

    def _add(self, choice: Choice, of_class: str) -> None:
        known = choice.iri in self.classes
        self.classes[choice.iri] = self.classes.get(choice.iri, frozenset()) | {of_class}
        if known:
            return
        self.choices[choice.iri] = choice
        self.iris[choice.short] = choice.iri
        head, _, tail = choice.short.rpartition("/")
        if head.partition("/")[0] == tail:
            self.focal.add(choice.iri)
        for name, strength in _names(choice):
            written = atoms(name)
            self.written.update(written)
            phrase = tuple(map(stem, written))
            if not phrase:
                continue
            sure = strength * (GENERIC if self._generic(phrase) else 1.0)
            if name == choice.short:
                self._remember(phrase, choice.iri, sure)
                self._ids.add(phrase)
                continue
            for variant in self._lexicon.variants(phrase):
                self._remember(variant, choice.iri, sure)

    def _remember(self, phrase: Phrase, iri: str, strength: float) -> None:
        phrase = tuple(word for word in phrase if word not in ARTICLES) or phrase
        found = self._whole.setdefault(phrase, {})
        found[iri] = max(found.get(iri, 0.0), strength)
        self._bigrams.update(a + b for a, b in pairwise(phrase) if is_han(a) and is_han(b))

    def _leave_to_the_case(self) -> None:
        """A name that something in general bears means something of the case first, if that bears it too; one word alone may always mean it."""
        for phrase, iris in self._whole.items():
            general = {iri for iri in iris if self.choices[iri].short.endswith(GENERAL)}
            if general and (general != iris.keys() or len(phrase) < LONG_ENOUGH.get(is_han(phrase[0]), 0)):
                for iri in general:
                    iris[iri] -= LESS_GENERAL

    def _leave_to_theories(self) -> None:
        """A name that both a theory and something else bear, as `value co-creation`, means the theory first."""
        for iris in self._whole.values():
            if any(self.choices[iri].short.startswith(THEORY) for iri in iris):
                for iri in iris:
                    iris[iri] *= 1.0 if self.choices[iri].short.startswith(THEORY) else GENERIC

    def _generic(self, phrase: Phrase) -> bool:
        """Whether a name is but the words for one kind of thing, as `products and services`."""
        keys = {t.key for t in self._lexicon.read(phrase)}
        return len(keys) < 2 and all(key.startswith("c:") for key in keys)

    def _plain(self, phrase: Phrase) -> bool:
        """Whether a name is made of words that questions are made of, as `value actors`; then its words in another order name nothing."""
        return phrase not in self._called and all(t.key.startswith("c:") for t in self._lexicon.read(phrase))

    def _wildcards(self) -> dict[Phrase, Phrase]:
        found: dict[Phrase, Phrase] = {}
        for phrase in self._whole:
            if len(phrase) in TYPO_LENGTHS and all(map(is_han, phrase)):
                for i in range(len(phrase)):
                    found.setdefault((*phrase[:i], "?", *phrase[i + 1 :]), phrase)
        return found

    def _long_names(self) -> tuple[list[tuple[Phrase, frozenset[str]]], dict[str, list[int]], dict[str, float]]:
        """Names of two meaningful pieces or more; where each piece occurs; and how rare it is."""
        focal = {w for phrase, iris in self._whole.items() if len(phrase) <= 2 and self.focal & set(iris) for w in phrase}
        self._silent |= focal
        said = (p for p, iris in self._whole.items() if p not in self._ids and any("vcc:Passage" not in self.classes[iri] for iri in iris))
        parts = [(phrase, frozenset(p for p, _ in self._pieces(phrase))) for phrase in said]
        parts = [(phrase, pieces) for phrase, pieces in parts if len(pieces) > 1]
        posting: dict[str, list[int]] = {}
        for number, (_, pieces) in enumerate(parts):
            for piece in pieces:
                posting.setdefault(piece, []).append(number)
        return parts, posting, {piece: math.log(1 + len(parts) / len(where)) for piece, where in posting.items()}

    def _distinctive(self) -> dict[str, list[str]]:
        """Pieces of names that, in a class of few members, belong to one member only."""
        sizes: dict[str, int] = {}
        for classes in self.classes.values():
            for one in classes:
                sizes[one] = sizes.get(one, 0) + 1
        holders: dict[tuple[str, str], set[str]] = {}
        for phrase, iris in self._whole.items():
            for iri in iris:
                for one in self.classes[iri]:
                    if 1 < sizes[one] <= SMALL_CLASS and one != "skos:ConceptScheme":
                        for piece, _ in self._pieces(phrase):
                            holders.setdefault((one, piece), set()).add(iri)
        found: dict[str, list[str]] = {}
        for (_, piece), iris_ in holders.items():
            if len(iris_) == 1:
                found.setdefault(piece, []).extend(iris_)
        return found

    def _pieces(self, found: Sequence[str]) -> Iterator[tuple[str, frozenset[int]]]:
        """Words that say something, and pairs of characters, with the atoms of each."""
        for i, atom in enumerate(found):
            if not is_han(atom):
                if atom not in self._silent and not (is_number(atom) and len(atom) < 3):
                    yield atom, frozenset({i})
            elif i + 1 < len(found) and is_han(found[i + 1]) and not {atom, found[i + 1]} <= self._silent:
                yield atom + found[i + 1], frozenset({i, i + 1})

    def find(self, found: Sequence[str]) -> list[Mention]:
        """Everything that the stemmed atoms of a text name, surest and longest first."""
        best: dict[tuple[str, frozenset[int]], Mention] = {}
        for mention in [*self._exact(found), *self._misspelt(found), *self._partly(found), *self._tellingly(found)]:
            known = best.setdefault((mention.iri, mention.covers), mention)
            if mention.strength > known.strength:
                best[mention.iri, mention.covers] = mention
        return sorted(best.values(), key=lambda m: (-m.weight, m.iri))

    def _exact(self, found: Sequence[str]) -> Iterator[Mention]:
        places = [i for i, word in enumerate(found) if word not in ARTICLES]
        for start in range(len(places)):
            for size in range(1, min(self._longest, len(places) - start) + 1):
                within = places[start : start + size]
                for iri, strength in self._whole.get(tuple(found[i] for i in within), {}).items():
                    yield Mention(iri, frozenset(range(within[0], within[-1] + 1)), strength, whole=True)

    def _misspelt(self, found: Sequence[str]) -> Iterator[Mention]:
        for start in range(len(found) - TYPO_LENGTHS[0] + 1):
            for size in TYPO_LENGTHS[: len(found) - start - TYPO_LENGTHS[0] + 1]:
                window = tuple(found[start : start + size])
                if not all(map(is_han, window)) or window in self._whole:
                    continue
                meant = next((p for i in range(size) if self._odd(found, start + i) and (p := self._typos.get((*window[:i], "?", *window[i + 1 :])))), None)
                if meant:
                    yield from (Mention(iri, frozenset(range(start, start + size)), TYPO * s) for iri, s in self._whole[meant].items())

    def _odd(self, found: Sequence[str], at: int) -> bool:
        """Whether a character stands in no pair that any name has."""
        pairs = {"".join(found[i : i + 2]) for i in (at - 1, at) if 0 <= i < len(found) - 1}
        return not pairs & self._bigrams

    def _tellingly(self, found: Sequence[str]) -> Iterator[Mention]:
        told: dict[str, set[frozenset[int]]] = {}
        for piece, where in self._pieces(found):
            for iri in self._distinct.get(piece, ()):
                told.setdefault(iri, set()).add(where)
        for iri, places in told.items():
            if len(places) > 1:
                yield Mention(iri, frozenset[int]().union(*places), DISTINCT)

    def _partly(self, found: Sequence[str]) -> Iterator[Mention]:
        pieces: dict[str, frozenset[int]] = {}
        for piece, where in self._pieces(found):
            pieces.setdefault(piece, where)
        shared: dict[int, list[str]] = {}
        for piece in pieces:
            for number in self._posting.get(piece, ()):
                shared.setdefault(number, []).append(piece)
        scored = [(self._share(number, common), number, common) for number, common in shared.items() if len(common) > 1]
        scored = sorted((s for s in scored if s[0] >= LEAST_SHARE), key=lambda s: (-s[0] * len(s[2]), s[1]))
        for share, number, common in scored[:MOST_PARTS]:
            covers = frozenset[int]().union(*(pieces[p] for p in common))
            phrase = self._parts[number][0]
            sure = PART * share * (GENERIC if self._plain(phrase) else 1.0)
            yield from (Mention(iri, covers, sure * strength) for iri, strength in self._whole[phrase].items())

    def _share(self, number: int, common: Iterable[str]) -> float:
        return sum(self._rarity[p] for p in common) / sum(self._rarity[p] for p in self._parts[number][1])


def _distinct(answers: Answers) -> Iterable[Parameter]:
    every = (p for question in answers.library.questions.values() for p in question.query.parameters if p.choices)
    return list({p.choices: p for p in every}.values())


def _names(choice: Choice) -> Iterator[tuple[str, float]]:
    preferred: Mapping[str, None] = dict.fromkeys(choice.labels.values())
    local = choice.short.rpartition("/")[2]
    for name in choice.names:
        strength = WHOLE if name in preferred else OTHER
        yield (BRACKETS.sub("", name) or name), strength
    yield choice.short, ID
    if re.fullmatch(r"[0-9]+(\.[0-9]+)*", local):
        yield from ((text.format(local), ID) for text in ("section {}", "chapter {}", "part {}", "第{}节", "{}节", "第{}章", "第{}部分", "§{}"))
        if "." in local:
            yield local, ID
    elif not local.isdigit():
        yield local.replace("-", " "), ID - 0.02
