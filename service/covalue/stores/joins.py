"""
How the engine joins: where its own way is a detour, a query is written so that it takes a better one. The answers are the same.

The engine (oxigraph 0.5.13) has no statistics. It takes the patterns of a group one after the other, each for every row that it has so far.
Two things that people ask all the time suffer from it:

- *Two cases compared*, `?a vcc:inCase <A> ; vcc:inDimension ?d . ?b vcc:inCase <B> ; vcc:inDimension ?d`: from the first case it goes over `?d` to
  the claims of all cases. It is better to find both sides by themselves and then to bring them together.
- *A matrix of everything*, `?c vcc:inRole ?r ; vcc:towardsDimension ?d`, counted: for each `?c` it looks its dimension up. It is better to go
  through both lists once.

A sub-select is a border for the engine: what stands in two of them is found by itself, and joined by a table of hashes. So `{ P Q }` becomes
`{ {SELECT * {P}} {SELECT * {Q}} }`, which SPARQL (section 18) defines to be the same where no blank node stands in both. How many statements a
pattern has is asked of the engine, no further than it matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyoxigraph as ox

from covalue.errors import QueryError
from covalue.names import BASE
from covalue.sparql import Token, closing, listed

FEW = 1000
"""A side of a comparison of at most so many statements is found by itself, whatever the other ones are: the most that this can be in vain is a millisecond."""
ALIKE = 4
"""So many times as long as the shortest may the other ones be, of sides and of lists."""
STEPS = (FEW, 30_000, 1_000_000)
"""How far the shortest one is counted, one after the other; the last one for lists only."""
MOST = 2_000_000
"""Statements of all lists together: each takes the engine some two hundred bytes."""
KNOWN = 4096
"""Patterns whose size is remembered."""
STARTS = re.compile(r"[{.]\s*([?$]\w+|<[^<>\"{}|^`\\\x00-\x20]*>|[\w-]*:[\w-]+)")
"""How subjects begin; finds others too."""
OBJECTS = re.compile(r"[?$]\w+(?=\s*[.;,}])")
"""Variables at the end of a pattern; most of them."""
TEMPLATE = re.compile(r"CONSTRUCT\s*\{[^{}]*\}", re.I)
AGGREGATES = frozenset({"COUNT", "SUM", "AVG", "MIN", "MAX", "SAMPLE", "GROUP", "GROUP_CONCAT"})
"""Words of queries that need all rows."""
GOES_ON = ("FILTER", "OPTIONAL", "BIND", "VALUES", "MINUS")
"""What may stand after triple patterns in a group; the engine needs nothing between these words and the next."""
LONGEST = 4096
"""Characters of a query that is looked at."""


class Sizes:
    """
    How many statements of the default graph match a pattern.

    Args:
        store: does not change.
    """

    def __init__(self, store: ox.Store) -> None:
        self._store = store
        self._known: dict[str, tuple[int, int]] = {}

    def size(self, prologue: str, pattern: str, most: int) -> int:
        """
        The number, or `most` where there are as many or more.

        Args:
            prologue: declares the prefixes.
            pattern: one triple pattern.
            most: how far is counted.

        Raises:
            SyntaxError: a prefix is not declared.
        """
        key = prologue + pattern
        size, counted = self._known.get(key, (0, 0))
        if size == counted < most:
            if len(self._known) >= KNOWN:
                self._known.clear()
            size = self._count(f"{prologue}SELECT (COUNT(*) AS ?n) {{ SELECT * {{ {pattern} }} LIMIT {most} }}")
            self._known[key] = size, most
        return min(size, most)

    def _count(self, text: str) -> int:
        found = self._store.query(text, base_iri=BASE)
        assert isinstance(found, ox.QuerySolutions)
        number = next(found)[0]
        assert isinstance(number, ox.Literal)
        return int(number.value)


@dataclass(frozen=True)
class Pattern:
    """A triple pattern as it is written; the verb may be a path."""

    subject: str
    verb: str
    object: str
    path: bool

    @property
    def text(self) -> str:
        return f"{self.subject} {self.verb} {self.object} ."

    @property
    def variables(self) -> set[str]:
        """Without their mark, since `?x` is `$x`."""
        return {t[1:] for t in (self.subject, self.verb, self.object) if _varies(t)}

    @property
    def countable(self) -> str:
        """With other names for its variables, as `Sizes` takes it; nothing where its size says little, or cannot be asked so."""
        if self.path or _varies(self.verb) or len(self.variables) != sum(map(_varies, (self.subject, self.object))):
            return ""
        return f"{'?s' if _varies(self.subject) else self.subject} {self.verb} {'?o' if _varies(self.object) else self.object}"

    @property
    def anchored(self) -> bool:
        """Whether it says something about one thing that is named."""
        return bool(self.countable) and len(self.variables) == 1


def _varies(term: str) -> bool:
    """Whether it is a variable."""
    return term[0] in "?$"


def arranged(text: str, sizes: Sizes) -> str | None:
    """
    A query of the default graph with its first patterns in sub-selects, where that is quicker; else None.

    Args:
        text: a query that names no graphs.
        sizes: of the patterns in the store that is asked.
    """
    if len(text) > LONGEST or not (_may_count(text) or _may_have_sides(text)):
        return None
    try:
        found = _Group.of(text)
        groups = _sides(found, sizes) or _lists(found, sizes)
    except (QueryError, _OtherError, SyntaxError):
        return None  # something else, or no query: that is for the engine to say
    if not groups:
        return None
    inner = " ".join(f"{{ SELECT * {{ {' '.join(p.text for p in group)} }} }}" for group in groups)
    return f"{text[: found.start]}{inner} {text[found.end :]}"


def _may_count(text: str) -> bool:
    """A first look, that costs next to nothing."""
    capitals = text.upper()
    return any(word in capitals for word in AGGREGATES)


def _may_have_sides(text: str) -> bool:
    """A first look again: most queries are about one thing and what that leads to."""
    body = TEMPLATE.sub("", text)
    return len({*STARTS.findall(body)}.difference(OBJECTS.findall(body))) > 1


class _OtherError(Exception):
    """The text is not as simple as what is arranged here."""


@dataclass(frozen=True)
class _Group:
    """
    The triple patterns with which WHERE begins.

    Args:
        prologue: what stands before the form of the query.
        start: of the patterns in the text.
        end: behind them.
        whole: whether nothing else is in WHERE.
        counted: whether the query needs all rows before it can say the first.
    """

    prologue: str
    patterns: tuple[Pattern, ...]
    start: int
    end: int
    whole: bool
    counted: bool

    @classmethod
    def of(cls, text: str) -> _Group:
        inside = [*_parted(listed(text)), Token("end", "", len(text))]
        form = next((i for i, t in enumerate(inside) if t.word in ("SELECT", "CONSTRUCT")), None)
        if form is None:
            raise _OtherError
        opens = _where(inside, form)
        patterns, end = _read(inside, opens + 1)
        closes, after = closing(inside, opens), inside[end]
        if not patterns or not (end == closes or after.text == "{" or after.word.startswith(GOES_ON)):
            raise _OtherError
        head, tail = inside[form:opens], inside[closes + 1 :]
        counted = any(t.word in AGGREGATES for t in (*head, *tail))
        whole = end == closes and not any(t.word.startswith("VALUES") for t in tail)
        return cls(text[: inside[form].start], tuple(patterns), inside[opens].end, after.start, whole, counted)


def _parted(inside: Iterable[Token]) -> Iterator[Token]:
    """A dot at the end of a name is none of its own."""
    for token in inside:
        if token.kind == "name" and token.text.endswith("."):
            yield Token("name", token.text[:-1], token.start)
            yield Token("other", ".", token.end - 1)
        else:
            yield token


def _where(inside: Sequence[Token], form: int) -> int:
    """The number of the brace that opens WHERE. Where all variables are asked for, the engine sorts them by name, whatever stands where."""
    at = form + 1
    if inside[form].word == "CONSTRUCT":
        if inside[at].text != "{":
            raise _OtherError
        at = _behind(inside, at)
    while inside[at].text != "{":
        if inside[at].kind == "end":
            raise _OtherError
        at = _behind(inside, at) if inside[at].text == "(" else at + 1
    return at


def _behind(inside: Sequence[Token], opening: int) -> int:
    """The number of the token behind what a token opens; it must be closed before the text ends."""
    closes = closing(inside, opening)
    if inside[closes].kind == "end":
        raise _OtherError
    return closes + 1


def _read(inside: Sequence[Token], at: int) -> tuple[list[Pattern], int]:
    """The patterns from a token on, and the number of the first token behind them."""
    out = list[Pattern]()
    while (end := _term(inside, at)) > at:
        subject, at = _written(inside, at, end), end
        while True:
            end, path = _verb(inside, at)
            verb, at = _written(inside, at, end), end
            while True:
                end = _term(inside, at)
                if end == at:
                    raise _OtherError
                out.append(Pattern(subject, verb, _written(inside, at, end), path))
                at = end
                if inside[at].text != ",":
                    break
                at += 1
            more = inside[at].text == ";"
            while inside[at].text == ";":
                at += 1
            if not more or inside[at].text in (".", "}"):
                break
        if inside[at].text != ".":
            break
        at += 1
    return out, at


def _written(inside: Sequence[Token], start: int, end: int) -> str:
    return "".join(t.text for t in inside[start:end])


def _term(inside: Sequence[Token], at: int) -> int:
    """The number of the token behind a term; the same where none begins. Numbers and blank nodes are none of those known here."""
    token = inside[at]
    if token.kind in ("variable", "iri") or token.text in ("true", "false") or (token.kind == "name" and token.text[0] != "_"):
        return at + 1
    if token.kind != "string":
        return at
    if inside[at + 1].kind == "language":
        return at + 2
    return at + 4 if _typed(inside[at : at + 4]) else at + 1


def _typed(inside: Sequence[Token]) -> bool:
    """Whether tokens are a string and its type; nothing may stand between the two signs."""
    return [t.text for t in inside[1:3]] == ["^", "^"] and inside[1].end == inside[2].start and inside[3].kind in ("iri", "name")


def _verb(inside: Sequence[Token], at: int) -> tuple[int, bool]:
    """
    The number of the token behind a verb, and whether it is a path.

    Alternatives, negations and whatever stands in parentheses are none of those known here: how often the engine finds the same by such a path
    depends on whether it knows both ends before.
    """
    if inside[at].kind == "variable":
        return at + 1, False
    end, wanted = at, True
    while True:
        token = inside[end]
        if wanted and token.text == "^":
            pass
        elif wanted and (token.kind in ("iri", "name") or token.text == "a"):
            wanted = False
        elif wanted or token.text in ("|", "(", ")"):
            raise _OtherError
        elif token.text == "/":
            wanted = True
        elif token.kind != "other" or token.text not in ("?", "*", "+"):
            return end, end - at > 1
        end += 1


def _sides(found: _Group, sizes: Sizes) -> list[list[Pattern]]:
    """
    The sides of a comparison, each with what its things lead to: subjects that no other subject leads to, of which each is said something of one thing
    that is named, and which have a variable in common.

    Whatever else leads to a side is none of it: it might be led to by millions that the other sides leave out, so such a query stays as it is.
    """
    stars = _stars(found.patterns)
    led = {v for p in found.patterns for v in p.variables - {p.subject[1:]}}
    named = {s: [p for p in star if p.anchored] for s, star in stars.items() if s[0] != "?" or s[1:] not in led}
    shortest = _shortest(found, [p for star in named.values() for p in star], sizes, STEPS[:-1]) if sum(map(bool, named.values())) > 1 else None
    if shortest is None:
        return []
    most = max(FEW, ALIKE * shortest) + 1
    sides = [s for s, star in named.items() if any(sizes.size(found.prologue, p.countable, most) < most for p in star)]
    if len(sides) < 2:
        return []
    groups = [[*stars.pop(subject)] for subject in sides]
    while stars:
        near = next(((g, s) for g in groups for s in stars if s[0] == "?" and s[1:] in _variables(g)), None)
        if near is None:
            return []
        near[0].extend(stars.pop(near[1]))
    return groups if _connected(groups) else []


def _stars(patterns: Iterable[Pattern]) -> dict[str, list[Pattern]]:
    """Patterns by what they say something of."""
    out: dict[str, list[Pattern]] = {}
    for p in patterns:
        out.setdefault(f"?{p.subject[1:]}" if p.subject[0] == "$" else p.subject, []).append(p)
    return out


def _variables(patterns: Iterable[Pattern]) -> set[str]:
    return {v for p in patterns for v in p.variables}


def _connected(groups: Sequence[Sequence[Pattern]]) -> bool:
    """Whether each has a variable in common with what stands before it."""
    seen = _variables(groups[0])
    for group in groups[1:]:
        if not seen & _variables(group):
            return False
        seen |= _variables(group)
    return True


def _lists(found: _Group, sizes: Sizes) -> list[list[Pattern]]:
    """Single patterns: all are of one subject, the query needs all rows, and the lists are about as long."""
    patterns = found.patterns
    if not (found.whole and found.counted and len(patterns) > 1 and len(_stars(patterns)) == 1 and _varies(patterns[0].subject)):
        return []
    objects = [p.object[1:] for p in patterns if _varies(p.object)]
    if len(set(objects)) < len(objects) or not all(p.countable for p in patterns):
        return []
    shortest = _shortest(found, patterns, sizes, STEPS)
    if shortest is None:
        return []
    most = ALIKE * shortest + 1
    lengths = [sizes.size(found.prologue, p.countable, most) for p in patterns]
    return [[p] for p in patterns] if max(lengths) < most and sum(lengths) <= MOST else []


def _shortest(found: _Group, patterns: Sequence[Pattern], sizes: Sizes, steps: Sequence[int]) -> int | None:
    """How many statements match the pattern that fewest match; None where that is beyond what is counted."""
    for step in steps:
        fewest = min(sizes.size(found.prologue, p.countable, step + 1) for p in patterns)
        if fewest <= step:
            return fewest
    return None
