"""
A source as it is read: its sections in order, their sentences, and the claims that rest on each.

The sentences themselves are not part of the data; a sentence is known by its place (section, paragraph, number in the paragraph).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyoxigraph as ox

from covalue.description import rows
from covalue.names import ACCORDING_TO, PREFIXES
from covalue.stores import Store

VCC = PREFIXES["vcc"]


@dataclass(frozen=True)
class Passage:
    """
    A sentence or heading: number of the paragraph and of the sentence in it (both 0 for a heading), the claims that rest on it, each
    with the IRI of its modality (or empty), and the things that it mentions.
    """

    iri: str
    paragraph: int
    sentence: int
    claims: tuple[tuple[str, str], ...]
    mentions: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A section: its number as printed (empty where it has none), how deep it stands (0 at the top), and its sentences in order."""

    iri: str
    number: str
    depth: int
    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Source:
    """A publication with the sections that are known of it, in order."""

    iri: str
    sections: tuple[Section, ...]


def read(store: Store, publication: str) -> Source:
    """
    The sections and sentences of a publication; none where nothing of its text is known.

    Raises:
        CovalueError: the store failed.
    """
    node = ox.NamedNode(publication)
    numbers: dict[str, str] = {}
    above: dict[str, str] = {}
    query = f"SELECT ?s ?n ?up {{ ?s <{VCC}sectionOf> {node} OPTIONAL {{ ?s <{VCC}sectionNumber> ?n }} OPTIONAL {{ ?s <{VCC}partOfSection> ?up }} }}"
    for s, n, up in rows(store, query):
        if isinstance(s, ox.NamedNode):
            numbers[s.value] = n.value if isinstance(n, ox.Literal) else ""
            if isinstance(up, ox.NamedNode):
                above[s.value] = up.value
    held = _passages(store, node)
    order = sorted(numbers, key=lambda iri: section_key(numbers[iri], iri))
    sections = (Section(iri, numbers[iri], _depth(iri, above), tuple(sorted(held.get(iri, ()), key=lambda p: (p.paragraph, p.sentence, p.iri)))) for iri in order)
    return Source(publication, tuple(sections))


def _passages(store: Store, publication: ox.NamedNode) -> dict[str, list[Passage]]:
    of = f"?x <{VCC}inSection> ?s . ?s <{VCC}sectionOf> {publication} ."
    resting: dict[str, dict[str, str]] = {}
    for x, c, m in rows(store, f"SELECT ?x ?c ?m {{ {of} ?c <{ACCORDING_TO}> ?x OPTIONAL {{ ?c <{VCC}modality> ?m }} }}"):
        if isinstance(x, ox.NamedNode) and isinstance(c, ox.NamedNode):
            resting.setdefault(x.value, {})[c.value] = m.value if isinstance(m, ox.NamedNode) else ""
    mentioned: dict[str, set[str]] = {}
    for x, e in rows(store, f"SELECT ?x ?e {{ {of} ?e <{VCC}mentionedIn> ?x }}"):
        if isinstance(x, ox.NamedNode) and isinstance(e, ox.NamedNode):
            mentioned.setdefault(x.value, set()).add(e.value)
    out: dict[str, list[Passage]] = {}
    query = f"SELECT ?x ?s ?p ?n {{ {of} OPTIONAL {{ ?x <{VCC}paragraphNumber> ?p }} OPTIONAL {{ ?x <{VCC}sentenceNumber> ?n }} }}"
    for x, s, p, n in rows(store, query):
        if isinstance(x, ox.NamedNode) and isinstance(s, ox.NamedNode):
            claims, mentions = tuple(sorted(resting.get(x.value, {}).items())), tuple(sorted(mentioned.get(x.value, ())))
            out.setdefault(s.value, []).append(Passage(x.value, _whole(p), _whole(n), claims, mentions))
    return out


def _whole(term: object) -> int:
    return int(term.value) if isinstance(term, ox.Literal) and term.value.isascii() and term.value.isdigit() else 0


def _depth(iri: str, above: Mapping[str, str]) -> int:
    depth, seen = 0, {iri}
    while iri in above and above[iri] not in seen:
        iri = above[iri]
        seen.add(iri)
        depth += 1
    return depth


def section_key(number: str, iri: str) -> tuple[bool, tuple[int, ...], bool, str]:
    """
    The order of sections: those without a number first (an abstract; in the source's own language before a translation), then by number.

    >>> sorted(["10", "2.1", "2"], key=lambda n: section_key(n, ""))
    ['2', '2.1', '10']
    """
    parts = tuple(int(p) for p in number.split(".") if p.isdigit())
    return bool(parts), parts, not iri.endswith("-zh"), iri


def place_key(iri: str) -> str:
    """
    Sorts passages in the order of the text: numbers by their value.

    >>> place_key("x/3.10-p2-s1") > place_key("x/3.2-p10-s1")
    True
    """
    out, digits = [], ""
    for c in iri + " ":
        if c.isdigit():
            digits += c
            continue
        if digits:
            out.append(digits.zfill(6))
            digits = ""
        out.append("!" if c == "-" else c)  # a section's own sentences before those of its subsections
    return "".join(out)
