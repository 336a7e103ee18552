"""
The document of the ontology for readers: what it is, pictures of its core, every term with its texts in both languages and what its axioms
say, the schemes with their concepts, mappings, changes, and how to cite it. All of it is taken from the store that is served.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyoxigraph as ox

from covalue.claims import FLOWS, VCC
from covalue.errors import CovalueError
from covalue.names import ONTOLOGY_IRI, PREFIXES, expand, shrink
from covalue.pictures.svg import Picture
from covalue.pictures.vocabulary import Box, Spoke, chains, star, tree
from covalue.terminology import Term, Terminology
from covalue.web import addresses, pages, places, structured, term_uses
from covalue.web.citing import dataset, files
from covalue.web.languages import LANGUAGES, Say, language, say
from covalue.web.naming import Names
from covalue.web.pages import Cell
from covalue.web.places import Row
from covalue.web.service import Service

KINDS = (
    ("class", ("Classes", "类")),
    ("object-property", ("Relations", "对象属性")),
    ("data-property", ("Data properties", "数据属性")),
    ("annotation-property", ("Annotation properties", "注释属性")),
)
SHOWN = (("skos:definition", ("", "")), ("skos:scopeNote", ("Where it applies", "适用范围")), ("skos:example", ("Example", "例子")), ("skos:altLabel", ("Also called", "又称")))
CORE_LEFT = ("contributor", "inRole", "contributedItem", "beneficiary", "inCase")
CORE_RIGHT = ("towardsDimension", "throughMechanism", "atStage", "modality", "accordingTo")
"""Parts of a contribution, as they stand around it in its picture."""
HEADER = (
    "owl:versionInfo",
    "dcterms:issued",
    "dcterms:modified",
    "owl:priorVersion",
    "bibo:status",
    "dcterms:creator",
    "dcterms:license",
    "vann:preferredNamespacePrefix",
    "vann:preferredNamespaceUri",
)
STATUSES = {"draft": "草案", "published": "已发布", "final": "定稿"}
"""Of publication, in Chinese."""
HEADINGS = {"owl:versionIRI": ("Address of this version", "此版本的网址"), "owl:versionInfo": ("Version", "版本"), "owl:priorVersion": ("Prior version", "先前版本")}
CHANGES = ("skos:changeNote", "skos:historyNote", "skos:editorialNote")
ENDINGS = ("ttl", "owl", "jsonld", "nt", "rdf")


@dataclass(frozen=True)
class Entry:
    """A term as the document shows it; `texts` by language: heading (empty for a definition) and text."""

    id: str
    cell: Cell
    labels: Mapping[str, str]
    curie: str
    texts: Mapping[str, list[tuple[str, list[str]]]]
    rows: list[Row]
    count: int | None
    status: str


def values(service: Service, path: str) -> dict[str, Any]:
    """What the template of the document shows."""
    lang, t = language(), say(language())
    terms, names = term_uses.terminology(service.terms), Names(service.finder, language())
    counts = _counts(service)
    sections = [(kind, t(*heading), [_entry(term, terms, names, counts) for term in _sorted(terms.of_kind(kind), names)]) for kind, heading in KINDS]
    title = _text(terms, ("dcterms:title", "rdfs:label"), lang) or names.label(ONTOLOGY_IRI)
    version = next((x.value for x in terms.header.get("owl:versionInfo", ()) if isinstance(x, ox.Literal)), "")
    abstracts = {one: [_text(terms, (p,), one) for p in ("dcterms:description", "dcterms:abstract") if _text(terms, (p,), one)] for one in _tongues(lang)}
    return {
        "title": title,
        "summary": next(iter(abstracts[lang]), ""),
        "jsonld": structured.ontology(ONTOLOGY_IRI, title, {one: found[:1] for one, found in abstracts.items()}, version, sum(t.ours for t in terms.terms.values())),
        "meta": structured.cited(dataset(service), ONTOLOGY_IRI, title, lang),
        "second": _text(terms, ("dcterms:title", "rdfs:label"), "en" if lang == "zh" else "zh"),
        "iri": ONTOLOGY_IRI,
        "abstracts": abstracts,
        "header": _header(terms, names),
        "files": [(e, addresses.local(f"ontology.{e}")) for e in ENDINGS],
        "sections": [(kind, heading, entries) for kind, heading, entries in sections if entries],
        "schemes": [_scheme(term, terms, names, counts) for term in _sorted(terms.of_kind("scheme"), names)],
        "pictures": [(p.title, p.description, p.inline()) for p in pictures(terms, names)],
        "mappings": _mappings(terms, names),
        "changes": {one: [x.value for c in CHANGES for x in terms.header.get(c, ()) if isinstance(x, ox.Literal) and x.language == one] for one in _tongues(lang)},
        "references": files("ontology"),
        "citation": next((x.value for x in terms.header.get("dcterms:bibliographicCitation", ()) if isinstance(x, ox.Literal)), ""),
        **pages.documents(path),
    }


def _tongues(first: str) -> list[str]:
    """Both languages, that of the page first."""
    return sorted(LANGUAGES, key=lambda one: one != first)


def _text(terms: Terminology, properties: Iterable[str], lang: str) -> str:
    return next((pages.printable(x.value) for p in properties for x in terms.header.get(p, ()) if isinstance(x, ox.Literal) and x.language == lang), "")


def _header(terms: Terminology, names: Names) -> list[tuple[Cell, list[Cell]]]:
    """What its header says that is short."""
    own = [c for c in ("owl:versionIRI", *HEADER) if terms.header.get(c)]
    t = say(names.lang)
    headings = {c: Cell(t(*HEADINGS[c])) if c in HEADINGS else names.cell(expand(c)) for c in own}
    return [(headings[c], [_short(names.cell(x), t) for x in sorted(terms.header[c], key=str)]) for c in own]


def _short(cell: Cell, t: Say) -> Cell:
    """A status of publication by its name in the language of the page, or its own."""
    name = cell.text.removeprefix("bibo:status/")
    return replace(cell, text=t(name, STATUSES.get(name, name)) if name != cell.text else name)


def _sorted(found: Iterable[Term], names: Names) -> list[Term]:
    """By label; ours before those of other vocabularies."""
    return sorted(found, key=lambda term: (not term.ours, names.label(term.iri).casefold(), term.iri))


def _counts(service: Service) -> dict[str, int]:
    """How often the data use a class or property."""
    try:
        known = service.measured.statistics()
    except CovalueError:
        return {}
    return dict((*(known.classes or ()), *(known.properties or ())))


def _entry(term: Term, terms: Terminology, names: Names, counts: Mapping[str, int]) -> Entry:
    t = say(names.lang)
    rows = places.rows(term, terms, names, t)
    upward = places.TREES.get(term.kind)
    above = tuple(names.cell(iri) for iri in term.links.get(upward, ()) if iri != places.THING) if upward and term.kind != "concept" else ()
    if above:
        rows = [Row(t("A kind of", "上位"), above), *rows]
    identifier = term.local if term.iri.startswith(ONTOLOGY_IRI + "#") else shrink(term.iri).replace(":", "-").replace("/", "-")
    return Entry(
        identifier,
        names.cell(term.iri),
        names.both(term.iri),
        shrink(term.iri),
        _texts(term),
        rows,
        counts.get(term.iri, 0) if term.ours and term.kind != "concept" else None,
        term.plain.get("vs:term_status", ""),
    )


def _texts(term: Term) -> dict[str, list[tuple[str, list[str]]]]:
    out = {}
    for lang in _tongues(language()):
        own = (("dcterms:description", ("", "")), *SHOWN) if term.kind == "scheme" else SHOWN
        rows = [(say(lang)(*heading), [pages.printable(x) for x in term.said(curie, lang)]) for curie, heading in own if term.said(curie, lang)]
        if rows:
            out[lang] = rows
    return out


def _scheme(term: Term, terms: Terminology, names: Names, counts: Mapping[str, int]) -> dict[str, Any]:
    tops = places.scheme_tops(term, terms)
    concepts = sorted(terms.pointing("skos:inScheme", term.iri), key=lambda c: (int(c.plain.get("vcc:ordinal", "0")), names.label(c.iri).casefold(), c.iri))
    return {"entry": _entry(term, terms, names, counts), "tree": places.forest(tops, "skos:broader", terms, names), "concepts": [_entry(c, terms, names, counts) for c in concepts]}


def _mappings(terms: Terminology, names: Names) -> list[dict[str, Any]]:
    """Every mapping of our terms, with the term it is of."""
    out = []
    for term in terms.terms.values():
        if term.ours:
            out += [{**row, "own": names.cell(term.iri)} for row in term_uses.mappings(term.iri, terms, names) if not row["inverse"]]
    return sorted(out, key=lambda row: (row["name"], row["own"].text.casefold(), row["other"].title if row["other"] else ""))


# --- pictures


def pictures(terms: Terminology, names: Names) -> list[Picture]:
    """The core, the kinds of claim, the tree of classes; those that the ontology at hand has."""
    made = [_core(terms, names), _claims(terms, names), _tree(terms, names)]
    return [picture for picture in made if picture]


def _box(iri: str, names: Names, below: tuple[Box, ...] = ()) -> Box:
    return Box(names.label(iri), addresses.link(iri), below)


def _tree(terms: Terminology, names: Names) -> Picture | None:
    classes = terms.of_kind("class")
    known = {c.iri for c in classes}
    roots = [_branch(term, terms, names) for term in _sorted((c for c in classes if not known & set(c.links.get("rdfs:subClassOf", ()))), names)]
    t = say(names.lang)
    title, about = t("All classes", "全部类"), t("Each class stands to the right of the class that it is a kind of.", "每个类位于其上位类右侧。")
    return tree("class-tree", roots, title, about, names.lang) if roots else None


def _branch(term: Term, terms: Terminology, names: Names, depth: int = 0) -> Box:
    below = _sorted((x for x in terms.pointing("rdfs:subClassOf", term.iri) if x.ours), names) if depth < places.DEEPEST else []
    return _box(term.iri, names, tuple(_branch(x, terms, names, depth + 1) for x in below))


def _core(terms: Terminology, names: Names) -> Picture | None:
    if VCC + "Contribution" not in terms.terms:
        return None
    t = say(names.lang)
    left, right = ([_spoke(VCC + p, terms, names) for p in side if VCC + p in terms.terms] for side in (CORE_LEFT, CORE_RIGHT))
    title = t("The core: a contribution and its parts", "核心：贡献及其各部分")
    about = t(
        "Who brings what to which value dimension, through which mechanism, at which stage, for whose benefit, and where a source says so.",
        "谁向哪个价值维度投入什么，经由哪个机制，处于哪个阶段，为谁的利益，以及来源在何处述及。",
    )
    return star("core", _box(VCC + "Contribution", names), left, right, title, about, names.lang)


def _spoke(property: str, terms: Terminology, names: Names) -> Spoke:
    return Spoke(names.label(property), addresses.link(property), _range(property, terms, names))


def _range(property: str, terms: Terminology, names: Names) -> Box:
    """What a property leads to; of a union all members."""
    term = terms.terms.get(property)
    ends = [iri for iri in term.links.get("rdfs:range", ()) if iri != places.THING] if term else []
    if term and not ends:
        ends = [piece for e in term.axioms.get("rdfs:range", ()) for piece in e if isinstance(piece, str)]
    t = say(names.lang)
    if not ends:
        return Box(t("any thing", "任何事物"), None)
    if any(iri.startswith(PREFIXES["xsd"]) for iri in ends):
        return Box(t("a value", "值"), None)
    return Box(t(" or ", "或").join(names.label(iri) for iri in ends), addresses.link(ends[0]))


def _claims(terms: Terminology, names: Names) -> Picture | None:
    t = say(names.lang)
    rows = []
    for kind, parts in FLOWS.items():
        if VCC + kind in terms.terms:
            rows.append((_box(VCC + kind, names), [(t(*caption), _range(VCC + p, terms, names)) for p, caption in parts if VCC + p in terms.terms][:4]))
    title, about = (
        t("Kinds of claim and how each reads", "陈述的种类及其读法"),
        t("From left to right, the parts that make up each kind of claim.", "从左到右为各类陈述的组成部分。"),
    )
    return chains("claims", rows, title, about, names.lang) if rows else None
