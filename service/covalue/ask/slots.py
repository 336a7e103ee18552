"""Values for the parameters of a question, taken from what a text names: things, years, numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from covalue.ask.mentions import Mention, Names
from covalue.ask.tokens import is_number
from covalue.queries import Parameter
from covalue.questions import Question

YEAR = re.compile(r"(?:1[89]|20)[0-9]{2}")
FROM = {"sinc", "since", "aft", "after", "from", "以", "起", "后", "自"}
TO = {"befor", "before", "until", "till", "by", "前", "截", "至", "止"}
VOCABULARY = {"vcc:ActorRole", "vcc:Modality", "vcc:ClaimScope", "vcc:Comparator", "vcc:VerificationStatus", "skos:Concept", "skos:ConceptScheme"}
LESS_SURE = 0.85
FOCAL = 0.5
LESSER = ("unit/", "growth-base/", "comparator/", "modality/", "scope/", "verification/")
INSIDE = 0.5
ASIDE = 0.2
DOUBTFUL = 0.15
LINKS = {"and", "or", "和", "与", "及", "或", "跟", "同"}


@dataclass(frozen=True)
class Filled:
    """A question with values for some of its parameters: which atoms gave them, all together and for each, and how surely each (0 to 1)."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    covers: frozenset[int] = frozenset()
    sure: Mapping[str, float] = field(default_factory=dict)
    places: Mapping[str, frozenset[int]] = field(default_factory=dict)


class Slots:
    """What a text offers for slots: the things that it names, its years, its other numbers."""

    def __init__(self, names: Names, found: Sequence[str], said: Sequence[str]) -> None:
        self.names, self.found, self.said = names, found, said
        self.mentions = names.find(found)
        self.years = [i for i, atom in enumerate(found) if YEAR.fullmatch(atom)]
        self._whole = [m for m in self.mentions if m.strength > INSIDE]
        self._inside = {m for m in self.mentions if any(self._within(m, other) for other in self._whole)}

    def fill(self, question: Question, wanted: bool) -> Iterator[Filled]:
        """
        Ways to fill the question's parameters; more than one where two of them could take the same thing.

        Args:
            wanted: whether the question makes little sense without a value; only then is the firm studied taken as one.
        """
        groups: dict[str, list[Parameter]] = {}
        for parameter in sorted(question.query.parameters, key=lambda p: p.choices in VOCABULARY):
            groups.setdefault(parameter.choices or parameter.type, []).append(parameter)
        filled = [Filled()]
        for kind, parameters in groups.items():
            filled = [more for one in filled for more in self._fill(one, kind, parameters, wanted)]
        yield from list({tuple(one.values.items()): one for one in filled}.values())

    def _fill(self, one: Filled, kind: str, parameters: Sequence[Parameter], wanted: bool) -> list[Filled]:
        if kind == "year":
            return [self._with_years(one, [p.name for p in parameters])]
        if kind in ("integer", "decimal"):
            return [self._with_number(one, parameters[0])]
        if kind == "text":
            return [one]
        usable = self._usable(kind, one.covers, wanted)
        if not usable:
            return [one]
        if len(parameters) == 1:
            return [self._with(one, parameters[0], usable), one]
        if len(usable) > 1:
            ordered = sorted(usable[: len(parameters)], key=lambda m: min(m.covers))
            return [self._with_each(one, parameters, ordered), self._with_each(one, parameters, ordered[::-1])]
        return [*(self._with(one, parameter, usable) for parameter in parameters), one]

    def _with_each(self, one: Filled, parameters: Sequence[Parameter], mentions: Sequence[Mention]) -> Filled:
        for parameter, mention in zip(parameters, mentions, strict=False):
            one = self._with(one, parameter, [mention])
        return one

    def naming(self, short: str) -> frozenset[int]:
        """The atoms that name a thing; none where the text does not."""
        return next((m.covers for m in self.mentions if self.names.choices[m.iri].short == short), frozenset())

    @cached_property
    def silent(self) -> frozenset[int]:
        """Atoms that name the firm studied, and nothing longer."""
        focal = [m for m in self.mentions if m.iri in self.names.focal]
        longer = [m.covers for m in self._whole if m.strength > LESS_SURE and m.iri not in self.names.focal]
        return frozenset[int]().union(*(m.covers for m in focal if not any(m.covers < covers for covers in longer)))

    def ignored(self, question: Question, filled: Filled) -> float:
        """How surely the text names something that would be a value of the question, but is none (0 to 1)."""
        taken, kinds = filled.covers | self.silent, {p.choices for p in question.query.parameters if p.choices and p.name not in filled.values}
        fits = (self._sure(m, kind) for m in self._whole if not m.covers & taken for kind in kinds & self.names.classes[m.iri])
        return max((sure for sure in fits if sure > DOUBTFUL), default=0.0)

    def unbound(self, filled: Filled, about: frozenset[int] = frozenset()) -> float:
        """How surely the text names something, in two atoms or more or in one word, that gave no value and is not what the question is about (0 to 1)."""
        hidden = filled.covers | self.silent | about
        return max((m.strength for m in self.mentions if not m.covers & hidden and (len(m.covers) > 1 or self.found[min(m.covers)].isascii())), default=0.0)

    def _usable(self, kind: str, taken: frozenset[int], wanted: bool) -> list[Mention]:
        """Mentions of members of a class that do not overlap, best first; the firm studied only where nothing else is named."""
        fits = [m for m in self.mentions if kind in self.names.classes[m.iri] and not m.covers & taken and self._sure(m, kind) > DOUBTFUL]
        fits = sorted(fits, key=lambda m: -self._sure(m, kind) * (len(m.covers) + 1))
        chosen: list[Mention] = []
        for mention in fits:
            if mention.iri not in self.names.focal and not any(mention.covers & other.covers for other in chosen):
                chosen.append(mention)
        if chosen or not wanted:
            return chosen
        return [m for m in fits if m.iri in self.names.focal][:1]

    def _sure(self, mention: Mention, kind: str) -> float:
        inside = mention in self._inside
        sure = mention.strength * (LESS_SURE if kind in VOCABULARY else 1.0) * (INSIDE if inside else 1.0)
        lesser = kind == "skos:Concept" and self.names.choices[mention.iri].short.startswith(LESSER)
        return sure * (FOCAL if mention.iri in self.names.focal else 1.0) * (ASIDE if lesser else 1.0)

    def _within(self, mention: Mention, other: Mention) -> bool:
        """Whether the atoms of a mention are better taken for another: a longer name, or a whole name where this is but a part of one."""
        if mention.covers < other.covers:
            return other.strength >= mention.strength
        return mention.covers == other.covers and other.strength > LESS_SURE and (mention.strength < LESS_SURE or (other.whole and not mention.whole))

    def _with(self, one: Filled, parameter: Parameter, usable: Sequence[Mention]) -> Filled:
        taken = [usable[0]]
        if parameter.many:
            taken += [m for m in usable[1:] if self._linked(usable[0], m)]
        shorts = tuple(self.names.choices[m.iri].short for m in sorted(taken, key=lambda m: min(m.covers)))
        sure = {**one.sure, parameter.name: max(self._sure(m, parameter.choices) for m in taken)}
        covers = frozenset[int]().union(*(m.covers for m in taken))
        return Filled({**one.values, parameter.name: shorts}, one.covers | covers, sure, {**one.places, parameter.name: covers})

    def _linked(self, a: Mention, b: Mention) -> bool:
        first, second = sorted((a, b), key=lambda m: min(m.covers))
        between = self.found[max(first.covers) + 1 : min(second.covers)]
        return len(between) == 1 and between[0] in LINKS and min(a.strength, b.strength) > LESS_SURE

    def _with_years(self, one: Filled, names: Sequence[str]) -> Filled:
        free = [i for i in self.years if i not in one.covers]
        if not free or list(names) != ["from", "to"]:
            return one
        years = [self.found[i] for i in free]
        if len(free) > 1:
            values = {"from": (min(years),), "to": (max(years),)}
        else:
            values = dict.fromkeys(self._ends(free[0]), (years[0],))
        return Filled({**one.values, **values}, one.covers | set(free), {**one.sure, **dict.fromkeys(values, 1.0)}, one.places)

    def _ends(self, at: int) -> tuple[str, ...]:
        """Which ends of a span one year stands for: `since 2016` only the first, `before 2016` only the last, else both."""
        before = set(self.found[max(0, at - 1) : at])
        if self.found[max(0, at - 2) : at] == ["up", "to"]:
            return ("to",)
        behind = set(self.found[at + 1 : at + 4]) - {"年"} if self.found[at + 1 : at + 2] == ["年"] else set(self.found[at + 1 : at + 2])
        if before & FROM or behind & {"后", "起", "来"}:
            return ("from",)
        return ("to",) if before & TO or behind & {"前", "止"} else ("from", "to")

    def _with_number(self, one: Filled, parameter: Parameter) -> Filled:
        numbers = [i for i, atom in enumerate(self.found) if is_number(atom) and i not in self.years and i not in one.covers]
        if not numbers:
            return one
        return Filled({**one.values, parameter.name: (self.found[numbers[0]],)}, one.covers | {numbers[0]}, {**one.sure, parameter.name: 1.0}, one.places)
