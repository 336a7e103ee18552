"""
Where the source says what a row of an answer says: for each row the claims behind it, with their passages.

A row that names a claim or a passage is answered by these. For any other row the claims are meant that speak of all things which it names;
how many there are is told, and the first few are given. A row that names nothing of a case has none: it counts, or speaks of the ontology.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyoxigraph as ox

from covalue.names import PREFIXES
from covalue.questions import Answers, Cell, Table, bindings

CASE, SOURCE, SCHEME, VCC = (PREFIXES[p] for p in ("case", "src", "vcs", "vcc"))
MOST_THINGS = 4000
"""IRIs of the rows at hand that are looked up; rows beyond go without."""
MOST_SPEAKING = 20_000
MOST_GIVEN = 5
"""Claims given for a row that names none itself."""


@dataclass(frozen=True)
class Ground:
    """A claim and the passages where the source makes it; `claim` is empty for a passage that a row names by itself. `modality` is an IRI or empty."""

    claim: str
    modality: str
    passages: tuple[str, ...]


@dataclass(frozen=True)
class Grounds:
    """What a row rests on; `total` counts all, `direct` tells whether the row itself names them."""

    given: tuple[Ground, ...]
    total: int
    direct: bool


NONE = Grounds((), 0, True)


def grounds(answers: Answers, table: Table) -> tuple[Grounds, ...]:
    """What each row of a table rests on, in the order of the rows."""
    named = [_named(row) for row in table.rows]
    things = list(dict.fromkeys(iri for row in named for iri in row))[:MOST_THINGS]
    if not things:
        return (NONE,) * len(named)
    claims = _claims(answers, things)
    silent = [row for row in named if not any(iri in claims or iri.startswith(SOURCE) for iri in row)]
    speaking = _speaking(answers, dict.fromkeys(iri for row in silent for iri in row))
    found = [_direct(row, claims) or frozenset(_common(row, speaking)) for row in named]
    more = _claims(answers, {c for f in found if isinstance(f, frozenset) for c in _first(f)})
    return tuple(f if isinstance(f, Grounds) else _indirect(f, more) for f in found)


def _named(row: Sequence[Cell]) -> tuple[str, ...]:
    """What a row names of cases, sources and schemes, once each."""
    return tuple(
        dict.fromkeys(c.value for c in row if c.kind == "uri" and c.value.startswith((CASE, SOURCE, SCHEME)) and not c.value.startswith((SCHEME + "modality", SCHEME + "scope")))
    )


def _claims(answers: Answers, iris: Iterable[str]) -> dict[str, Ground]:
    """Those of some IRIs that are claims, with their passages."""
    wanted = [iri for iri in iris if iri.startswith(CASE)]
    if not wanted:
        return {}
    sparql = f"""SELECT ?claim ?modality ?passage WHERE {{
        VALUES ?claim {{ {_list(wanted)} }} ?claim <{VCC}accordingTo> ?passage OPTIONAL {{ ?claim <{VCC}modality> ?modality }}
    }} ORDER BY ?claim ?passage"""
    passages: dict[str, dict[str, None]] = defaultdict(dict)
    modality: dict[str, str] = {}
    for row in bindings(answers.store, sparql)[1]:
        passages[row["claim"]["value"]][row["passage"]["value"]] = None
        modality.setdefault(row["claim"]["value"], row.get("modality", {}).get("value", ""))
    return {claim: Ground(claim, modality[claim], tuple(found)) for claim, found in passages.items()}


def _speaking(answers: Answers, iris: Iterable[str]) -> dict[str, set[str]]:
    """For each of some things the claims that speak of it."""
    wanted = list(iris)
    if not wanted:
        return {}
    sparql = f"""SELECT DISTINCT ?thing ?claim WHERE {{
        VALUES ?thing {{ {_list(wanted)} }} ?claim ?says ?thing ; <{VCC}accordingTo> ?passage FILTER (?thing != ?passage)
    }} LIMIT {MOST_SPEAKING}"""
    out: dict[str, set[str]] = defaultdict(set)
    for row in bindings(answers.store, sparql)[1]:
        out[row["thing"]["value"]].add(row["claim"]["value"])
    return out


def _direct(row: Sequence[str], claims: Mapping[str, Ground]) -> Grounds | None:
    """What a row names itself: claims, with those of their passages that it names or else with all; and passages that are of none of these."""
    own = [_narrowed(claims[iri], row) for iri in row if iri in claims]
    covered = {p for g in own for p in g.passages}
    loose = [Ground("", "", (iri,)) for iri in row if iri.startswith(SOURCE) and iri not in covered and "/" in iri[len(SOURCE) :]]
    given = (*own, *loose)
    return Grounds(given, len(given), True) if given else None


def _narrowed(ground: Ground, row: Sequence[str]) -> Ground:
    named = tuple(p for p in ground.passages if p in row)
    return replace(ground, passages=named) if named else ground


def _common(row: Sequence[str], speaking: Mapping[str, set[str]]) -> set[str]:
    if not any(iri.startswith(CASE) for iri in row):
        return set()
    sets = [speaking.get(iri, set()) for iri in row]
    return set.intersection(*sets) if sets else set()


def _first(claims: Iterable[str]) -> list[str]:
    return sorted(claims)[:MOST_GIVEN]


def _indirect(claims: frozenset[str], known: Mapping[str, Ground]) -> Grounds:
    return Grounds(tuple(known[c] for c in _first(claims) if c in known), len(claims), False)


def _list(iris: Iterable[str]) -> str:
    return " ".join(str(ox.NamedNode(iri)) for iri in iris)
