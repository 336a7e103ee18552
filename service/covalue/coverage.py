"""Coverage of a source: which sentences are cited by a claim, which are listed as holding none, and which are neither."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyoxigraph as ox

from covalue.findings import Finding
from covalue.names import ACCORDING_TO, expand
from covalue.tables import Folder


@dataclass(frozen=True)
class SectionCoverage:
    """One section of a source: its sentences, those cited, those listed as silent, and how many citations they carry."""

    source: str
    section: str
    sentences: int
    cited: int
    silent: int
    claims: int
    missing: tuple[str, ...]
    contradicted: tuple[str, ...]


def coverage(source: Folder, facts: Iterable[ox.Quad]) -> list[SectionCoverage]:
    """For each section of a source, in the order of its table, how its sentences are covered by claims of any case."""
    claims: dict[str, set[str]] = {}
    for q in facts:
        if q.predicate.value == ACCORDING_TO and isinstance(q.object, ox.NamedNode):
            claims.setdefault(q.object.value, set()).add(str(q.subject))
    silent = set(source.ids.get("silent", {}).values())
    by_section: dict[str, list[tuple[str, str]]] = {}
    for row in source.rows:
        if row.kind.name == "passages":
            section = next(v for c in row.cells if c.column.name == "section" for v in c.values)
            by_section.setdefault(section, []).append((row.id, row.iri))
    out = []
    for name in source.ids.get("sections", {}):
        places = by_section.get(expand(f"src:{source.name}/{name}"), [])
        if not places:
            continue
        cited = {iri for _, iri in places if iri in claims}
        listed = {iri for _, iri in places if iri in silent} - cited
        both = tuple(i for i, iri in places if iri in silent and iri in cited)
        missing = tuple(i for i, iri in places if iri not in cited and iri not in listed)
        total = len(set().union(*(claims[iri] for iri in cited))) if cited else 0
        out.append(SectionCoverage(source.name, name, len(places), len(cited), len(listed), total, missing, both))
    return out


def gaps(sections: Sequence[SectionCoverage]) -> list[Finding]:
    """A finding for each sentence that is neither cited nor listed as holding no claim, and for each that is both."""
    missing = [
        Finding(
            "coverage",
            f"{s.source}/{place} is cited by no claim; add a claim, or list it in silent.csv with the reason.",
            f"{s.source}/{place} 没有任何陈述引用；请补充陈述，或在 silent.csv 中说明理由。",
            value=place,
        )
        for s in sections
        for place in s.missing
    ]
    both = [
        Finding(
            "coverage",
            f"{s.source}/{place} is listed in silent.csv, but claims cite it; delete that row.",
            f"{s.source}/{place} 列在 silent.csv 中，却有陈述引用；请删去该行。",
            value=place,
        )
        for s in sections
        for place in s.contradicted
    ]
    return missing + both


def as_text(sections: Iterable[SectionCoverage]) -> str:
    """A table: section, sentences, cited, silent, claims."""
    rows = [("source", "section", "sentences", "cited", "silent", "claims", "missing")]
    rows += [(s.source, s.section, str(s.sentences), str(s.cited), str(s.silent), str(s.claims), str(len(s.missing))) for s in sections]
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows)
