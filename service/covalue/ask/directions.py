"""
Which end of a relation a text names: of `what led to the crisis` the crisis is what was led to, of `what did the crisis lead to` what led.

What is known of words stands in two files of `queries/ask/`. `directions.csv` (relation, kind, en, zh) has the words of each relation:
of a `forward` one the source stands before it and the target behind it, of a `backward` one the other way round; a `source` asks for the
source of what is named, a `target` for its target. The relation `*` has the small words of all: what marks the source (`agent`), the
target (`recipient`), a `causative`, a word that asks, a word that makes a `passive`. `ends.csv` (question, thing, relation, end) says
which end a slot, as `{effect}`, or a thing that a question is always about, by its short id, stands for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from covalue.ask.files import Phrase, phrases, rows
from covalue.ask.tokens import is_han

SOURCE, TARGET = "source", "target"
FORWARD, BACKWARD = "forward", "backward"
OTHER = {SOURCE: TARGET, TARGET: SOURCE}
ANY = "*"
CAUSE = "cause"
"""The words of this relation hold what would else mark an end, as `led to` and `resulted from`; a question on it needs one of them."""
UNTOLD = -0.4
PARTICIPLES = frozenset({"brought", "led", "driven", "made", "given", "sent", "set", "put", "taken"})
ARTICLES = frozenset({"the", "a", "an", "its", "their", "this", "such", "all", "any", "那", "其", "各", "了"})
NOT_FRONTED = frozenset({("为",), ("有",), ("出",), ("了",), ("起",), ("到",)})
LINKS = frozenset({"and", "or", "和", "与", "及", "或"})
NEAR = 14
"""Marks farther from what they belong to than this many words or characters say nothing."""


@dataclass(frozen=True)
class End:
    """What a question takes: a slot, or a thing that it is always about, as one end of a relation."""

    slot: str
    thing: str
    relation: str
    end: str


@dataclass(frozen=True)
class Cue:
    """Words of a relation in a text, from `start` to before `end`."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Directions:
    """Words of relations, by relation and stemmed phrase; small words by kind; and the ends of each question."""

    cues: Mapping[str, Mapping[Phrase, str]] = field(default_factory=dict)
    small: Mapping[str, frozenset[Phrase]] = field(default_factory=dict)
    ends: Mapping[str, Sequence[End]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Directions:
        """
        The two files of a folder; neither need be there.

        Raises:
            SourceError: a file is not UTF-8, or lacks a column.
        """
        cues: dict[str, dict[Phrase, str]] = {}
        small: dict[str, frozenset[Phrase]] = {}
        for row in rows(folder / "directions.csv", ("relation", "kind", "en", "zh")):
            if row["relation"] == ANY:
                small[row["kind"]] = frozenset(phrases(row))
                continue
            known = cues.setdefault(row["relation"], {})
            for phrase in phrases(row):
                known.setdefault(phrase, row["kind"])
        ends: dict[str, list[End]] = {}
        for row in rows(folder / "ends.csv", ("question", "thing", "relation", "end")):
            slot = row["thing"][1:-1] if row["thing"].startswith("{") else ""
            ends.setdefault(row["question"], []).append(End(slot, "" if slot else row["thing"], row["relation"], row["end"]))
        return cls(cues, small, ends)

    def end(self, relation: str, found: Sequence[str], said: Sequence[str], covers: frozenset[int], taken: frozenset[int] = frozenset()) -> str | None:
        """
        Which end of a relation a thing stands at; None where the text does not tell.

        Args:
            relation: as in `directions.csv`.
            found: the stemmed words and characters of a text.
            said: the same, not stemmed.
            covers: those that name the thing.
            taken: those that name other things.
        """
        cues = self._cues(relation, found, covers | taken)
        if not cues:
            return None
        marked = self._marked(relation, found, covers, cues)
        if marked:
            return marked
        first, last = min(covers), max(covers)
        by_distance = sorted(cues, key=lambda c: (first - c.end if c.end <= first else c.start - last - 1 if c.start > last else NEAR, c.start))
        told = [OTHER.get(cue.kind) or self._at_verb(cue, found, said, first, last) for cue in by_distance[:2]]
        return None if len(set(told)) > 1 and self._joined(found, *by_distance[:2]) else told[0]

    def _joined(self, found: Sequence[str], one: Cue, other: Cue) -> bool:
        """Whether two cues stand side by side, as in `causes and effects of`."""
        first, second = sorted((one, other), key=lambda c: c.start)
        between = found[first.end : second.start]
        return len(between) <= 2 and any(word in LINKS for word in between)

    def _at_verb(self, cue: Cue, found: Sequence[str], said: Sequence[str], first: int, last: int) -> str:
        before = first < cue.start
        if before and cue.kind == FORWARD and cue.end == len(found) and not is_han(found[cue.start]) and not self._between("question", found, 0, cue.end):
            return TARGET
        end = SOURCE if before == (cue.kind == FORWARD) else TARGET
        if self._passive(cue, found, said, first, last):
            end = OTHER[end]
        if before and cue.kind == FORWARD and is_han(found[cue.start]) and self._fronted(found, last + 1, cue.start):
            return TARGET
        if not before and self._between("question", found, cue.end, first):
            return OTHER[end]
        return end

    def _fronted(self, found: Sequence[str], start: int, stop: int) -> bool:
        """Whether a Chinese verb has its source between it and a thing before it: X由什么导致, X是什么导致的; not so in X给谁带来…."""
        if self._between("agent", found, start, stop):
            return True
        words, aside = self.small.get("question", frozenset()), self.small.get("recipient", frozenset()) | NOT_FRONTED
        asked = (i for i in range(start, stop) for n in (1, 2) if i + n <= stop and tuple(found[i : i + n]) in words)
        return any((found[i - 1],) not in aside for i in asked)

    def _cues(self, relation: str, found: Sequence[str], taken: frozenset[int]) -> list[Cue]:
        """The longest phrases of the relation outside of what names things, first to last."""
        known = self.cues.get(relation, {})
        longest = max(map(len, known), default=0)
        cues: list[Cue] = []
        at = 0
        while at < len(found):
            size = next((n for n in range(min(longest, len(found) - at), 0, -1) if tuple(found[at : at + n]) in known and not taken & set(range(at, at + n))), 0)
            if size:
                cues.append(Cue(known[tuple(found[at : at + size])], at, at + size))
            at += size or 1
        return cues

    def _marked(self, relation: str, found: Sequence[str], covers: frozenset[int], cues: Sequence[Cue]) -> str | None:
        """The end that a small word beside the thing tells: `from users`, `to users`, 由用户…, 向用户…, 使用户…."""
        first, last = min(covers), max(covers)
        at = first - 1
        while at >= 0 and found[at] in ARTICLES:
            at -= 1
        beside = (found[at],) if at >= 0 else ()
        behind = [cue for cue in cues if last < cue.start <= last + NEAR]
        if beside and is_han(beside[0]):
            if behind and beside in self.small.get("agent", ()) and behind[0].kind in (FORWARD, BACKWARD):
                return SOURCE
            if behind and ((beside in self.small.get("recipient", ()) and behind[0].kind == FORWARD) or beside in self.small.get("causative", ())):
                return TARGET
        elif relation != CAUSE and beside in self.small.get("agent", ()) and any(c.end <= at for c in cues):
            return SOURCE
        elif relation != CAUSE and beside in self.small.get("recipient", ()) and any(c.end <= at and c.kind == FORWARD for c in cues):
            return TARGET
        if behind and self._between("causative", found, last + 1, behind[0].start):
            return SOURCE
        return None

    def _passive(self, cue: Cue, found: Sequence[str], said: Sequence[str], first: int, last: int) -> bool:
        """Whether an English verb is one of those in the passive: `caused by`, `was the crisis caused`, `the crisis was caused`."""
        word = said[cue.start]
        if is_han(word) or not (word.endswith("ed") or word in PARTICIPLES):
            return False
        if found[cue.end : cue.end + 1] == ["by"]:
            return True
        if cue.kind == BACKWARD:
            return False
        be = [i for i in range(max(0, cue.start - NEAR), cue.start) if (said[i],) in self.small.get("passive", ())]
        return any(cue.start - i <= 2 or (i < first <= last < cue.start and not self._between("question", found, i, first)) for i in be)

    def _between(self, kind: str, found: Sequence[str], start: int, stop: int) -> bool:
        words = self.small.get(kind, frozenset())
        return any(tuple(found[i : i + n]) in words for i in range(start, stop) for n in (1, 2) if i + n <= stop)


def agreement(directions: Directions, named: Iterable[tuple[End, frozenset[int]]], found: Sequence[str], said: Sequence[str], taken: frozenset[int]) -> float:
    """
    How far the ends at which a text has the things named agree with those at which a question has them, from -1 to 1.

    Where the text does not tell, that is 0; or `UNTOLD` where it should, unless both ends are named, for then their order tells.
    """
    told = [(end.end, directions.end(end.relation, found, said, covers, taken), UNTOLD if end.relation == CAUSE else 0.0) for end, covers in named]
    if len(told) > 1 and not any(read for _, read, _ in told):
        return 0.0
    return sum((1 if read == meant else -1) if read else untold for meant, read, untold in told) / max(len(told), 1)
