"""
The page on which a source is read: its sections and sentences in order, each with the claims that rest on it.

The sentences are not ours and not here. Who has the text gives it to the page in the browser, which puts it beside the claims by itself
(`static/reader.js`): the page may ask for nothing while it does so, by its own security policy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyoxigraph as ox
from flask import Response

from covalue.citation import line
from covalue.formats import Format
from covalue.names import PREFIXES, expand
from covalue.passages import Passage, Section, Source, read
from covalue.portraits import objects
from covalue.stores import Store
from covalue.web import addresses, citing, pages, structured
from covalue.web.languages import LANGUAGES, language
from covalue.web.naming import Names
from covalue.web.service import Service

VCC = PREFIXES["vcc"]
SHUT = "connect-src 'none'; worker-src 'none'"
"""Added to the policy of every page: what a reader gives to this one can go nowhere."""
MOST = 400
"""Sentences on a page; a longer source is read by sections."""
MOST_HINTS = 40


def source_of(store: Store, iri: str, triples: Sequence[ox.Triple]) -> Source | None:
    """The source, where an IRI is a publication of whose text something is known, or one of its sections."""
    whole = iri if objects(triples, iri, VCC + "hasSection") else next((x.value for x in objects(triples, iri, VCC + "sectionOf") if isinstance(x, ox.NamedNode)), None)
    found = read(store, whole) if whole else None
    return found if found and found.sections else None


def page(service: Service, iri: str, triples: Sequence[ox.Triple], source: Source, path: str, chosen: Format, opaque: str) -> Response:
    """The page of a source, or of one of its sections with what stands below it."""
    names = Names(service.finder, language())
    shown = _shown(source, iri)
    listed = sum(len(s.passages) for s in shown) <= MOST
    reference = citing.source(service, source.iri)
    head = _head(names, iri, triples)
    values = {
        "sections": [_section(s, names, listed, shown[0].depth) for s in shown],
        "whole": names.cell(source.iri) if iri != source.iri else None,
        "listed": listed,
        "statements": addresses.local(f"{path}.html") + "?statements=1",
        "held": held(source, shown, names) if listed else None,
        "references": citing.files(path),
        "citation": line(reference) if reference else "",
        "summary": line(reference) if reference else "",
        "jsonld": structured.article(source.iri, reference, names.both(source.iri), [s.iri for s in source.sections]),
        "meta": structured.cited_article(reference, iri, head["title"], language())
        if iri == source.iri
        else structured.cited(citing.dataset(service), iri, head["title"], language()),
        **head,
        **pages.documents(path),
    }
    response = pages.send("source.html", chosen, opaque, **values)
    response.headers.add("Content-Security-Policy", SHUT)
    return response


def _dois(triples: Sequence[ox.Triple], iri: str) -> list[str]:
    return [x.value for x in objects(triples, iri, VCC + "doi") if isinstance(x, ox.Literal)]


def _shown(source: Source, iri: str) -> list[Section]:
    """All sections, or one and those below it."""
    at = next((i for i, s in enumerate(source.sections) if s.iri == iri), None)
    if at is None:
        return list(source.sections)
    first = source.sections[at]
    below = source.sections[at + 1 :]
    until = next((i for i, s in enumerate(below) if s.depth <= first.depth), len(below))
    return [first, *below[:until]]


def _head(names: Names, iri: str, triples: Sequence[ox.Triple]) -> dict[str, Any]:
    other = "en" if names.lang == "zh" else "zh"
    titles = {x.language: x.value for x in objects(triples, iri, expand("dcterms:title")) if isinstance(x, ox.Literal)}
    labels = names.both(iri)
    title = titles.get(names.lang) or labels.get(names.lang) or names.label(iri)
    second = titles.get(other) or labels.get(other)
    authors = [names.cell(x) for x in sorted(objects(triples, iri, VCC + "author"), key=str) if isinstance(x, ox.NamedNode)]
    return {
        "iri": iri,
        "title": pages.printable(title),
        "second": (other, pages.printable(second)) if second and second != title else None,
        "authors": authors,
        "year": next((x.value for x in objects(triples, iri, VCC + "publicationYear") if isinstance(x, ox.Literal)), ""),
        "where": [pages.printable(x.value) for x in objects(triples, iri, expand("dcterms:bibliographicCitation")) if isinstance(x, ox.Literal)],
        "dois": _dois(triples, iri),
        "notes": [pages.printable(x.value) for x in objects(triples, iri, VCC + "note") if isinstance(x, ox.Literal) and x.language == names.lang],
    }


def _section(section: Section, names: Names, listed: bool, top: int) -> dict[str, Any]:
    passages = [_passage(p, names) for p in section.passages] if listed else []
    return {
        "id": anchor(section.iri),
        "number": section.number,
        "cell": names.cell(section.iri),
        "level": min(2 + section.depth - top, 4),
        "passages": passages,
        "heading": next((p["id"] for p in passages if not p["sentence"]), None),
        "count": sum(len(p.claims) for p in section.passages),
    }


def _passage(passage: Passage, names: Names) -> dict[str, Any]:
    claims = [
        {
            "cell": names.cell(iri),
            "modality": modality.rpartition("/")[2],
            "modality_label": names.label(modality) if modality else "",
            "kind": names.label(names.type(iri) or VCC + "Claim"),
        }
        for iri, modality in sorted(passage.claims, key=lambda c: (names.type(c[0]), names.label(c[0])))
    ]
    return {
        "id": anchor(passage.iri),
        "cell": names.cell(passage.iri),
        "paragraph": passage.paragraph,
        "sentence": passage.sentence,
        "claims": claims,
        "mentions": [names.cell(iri) for iri in names.sorted(passage.mentions)],
    }


def anchor(iri: str) -> str:
    """
    A name for a place on the page.

    >>> anchor("https://w3id.org/covalue/source/x/3.2.1-p2-s3")
    '3.2.1-p2-s3'
    """
    return re.sub(r"[^A-Za-z0-9._-]", "_", iri.rpartition("/")[2])


def held(source: Source, shown: Sequence[Section], names: Names) -> dict[str, Any]:
    """What the page's script needs to find sentences in a text: titles, places, and names that a sentence is known to hold."""
    titles = _titles(source.iri, names)
    return {
        "titles": titles,
        "sections": [
            {
                "id": anchor(s.iri),
                "number": s.number,
                "titles": _ordered(s.iri, names),
                "passages": [{"id": anchor(p.iri), "paragraph": p.paragraph, "sentence": p.sentence, "hints": _hints(p, names)} for p in s.passages],
            }
            for s in shown
        ],
    }


def _titles(iri: str, names: Names) -> list[str]:
    entry = names.entry(iri)
    return list(dict.fromkeys([*(entry.labels.values() if entry else ()), *(entry.others if entry else ())]))


def _ordered(iri: str, names: Names) -> list[str]:
    """The titles of a section; first the one in its own language, where its name tells."""
    labels = names.both(iri)
    first = next((lang for lang in LANGUAGES if iri.endswith(f"-{lang}")), "zh")
    return [labels[lang] for lang in sorted(labels, key=lambda one: one != first)]


def _hints(passage: Passage, names: Names) -> list[list[str]]:
    """All names of each thing that a sentence mentions."""
    entries = [names.entry(iri) for iri in passage.mentions[:MOST_HINTS]]
    return [list(dict.fromkeys([*e.labels.values(), *e.others])) for e in entries if e]
