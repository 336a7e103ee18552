"""
The page of one thing at its own address: a term, an actor, a claim, a sentence of a source.

First what it is, in both languages side by side; then, by what it is: its place among the terms, the flow of a claim with its evidence,
what speaks of it; then every statement by and of it under the names of the relations, each marked where it only follows; last how to cite
it and where to get it. Long groups show their beginning and lead to a listing with pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pyoxigraph as ox

from covalue import claims, portraits
from covalue.claims import FLOWS, VCC, Claim
from covalue.entries import KINDS
from covalue.names import IN_CASE, ONTOLOGY_IRI, PREFIXES, expand, shrink
from covalue.passages import place_key
from covalue.passages import read as read_source
from covalue.portraits import HIDDEN, Group, Value, objects
from covalue.terminology import LINKS
from covalue.web import addresses, pages, places, structured, term_uses
from covalue.web.citing import cited, dataset, files
from covalue.web.claim_cards import CARD, ShownClaim, card, role
from covalue.web.fallback import or_else
from covalue.web.languages import language, say
from covalue.web.naming import Names
from covalue.web.pages import Cell
from covalue.web.service import Service

SHOWN = 12
"""Values of a group on the page; the rest is a fold away up to `FOLDED`, and then in a listing."""
FOLDED = 60
SHOWN_CLAIMS = 12
FOLDED_CLAIMS = 40
TEXTS: tuple[tuple[str, tuple[str, str]], ...] = (
    ("skos:definition", ("Definition", "定义")),
    ("dcterms:description", ("Description", "说明")),
    ("skos:scopeNote", ("Where it applies", "适用范围")),
    ("skos:example", ("Examples", "例子")),
    ("skos:altLabel", ("Also called", "又称")),
    ("vcc:note", ("Curator's notes", "整理者注记")),
    ("skos:editorialNote", ("Editorial notes", "编辑说明")),
)
"""Texts that stand in both languages side by side, with their headings."""
TECHNICAL = frozenset(
    expand(c) for c in ("rdfs:isDefinedBy", "vs:term_status", "skos:notation", "skos:inScheme", "skos:topConceptOf", "dcterms:identifier", "dcterms:created", "dcterms:license")
)
INCOMING = {
    expand("rdf:type"): ("Members", "实例"),
    expand("skos:inScheme"): ("Concepts of this scheme", "此方案的概念"),
    expand("skos:broader"): ("Narrower", "下位概念"),
    expand("rdfs:subClassOf"): ("Narrower classes", "下位类"),
    expand("rdfs:isDefinedBy"): ("Terms defined here", "在此定义的术语"),
}


@dataclass(frozen=True)
class Shown:
    """A value on a page: its cell, and whether it only follows from others."""

    cell: Cell
    follows: bool = False


@dataclass(frozen=True)
class ShownGroup:
    """Values under the name of a relation; `all` is the address of a listing, where there is more than stands here."""

    heading: Cell
    before: str
    after: str
    shown: tuple[Shown, ...]
    folded: tuple[Shown, ...]
    total: int
    all: str | None


class Portrait:
    """Puts together what the page of one thing shows."""

    def __init__(self, service: Service, iri: str, triples: Sequence[ox.Triple], cut: bool) -> None:
        self.service, self.iri, self.triples = service, iri, triples
        self.lang, self.t = language(), say(language())
        self.names = Names(service.finder, self.lang)
        self.terms = term_uses.terminology(service.terms)
        self.term = self.terms.terms.get(iri)
        self.kind = self.names.kind(iri)
        self.inverses = self.terms.inverses()
        store = service.store
        follows: list[ox.Triple] = or_else(lambda: portraits.inferred(store, iri, len(triples)), [])
        counts: dict[tuple[str, bool], int] = or_else(lambda: portraits.counted(store, iri), {}) if cut else {}
        self.groups = portraits.groups(iri, triples, follows, self.inverses, counts)
        self.claim_groups = [g for g in self.groups if self._speaks(g)]
        wanted = dict.fromkeys(v.term.value for g in self.claim_groups for v in g.values[: claims.MOST])
        self.claims: Mapping[str, Claim] = or_else(lambda: claims.claims(store, [iri, *wanted]), {})
        self.own_claim = self.claims.get(iri)

    def _speaks(self, group: Group) -> bool:
        """Whether a group holds the claims that have this thing as a part."""
        forward = group.predicate if group.inverse else self.inverses.get(group.predicate, "")
        return forward in CARD and bool(group.values) and isinstance(group.values[0].term, ox.NamedNode) and self.iri != VCC + "Claim"

    # --- head

    def head(self) -> dict[str, Any]:
        """Names, kinds, and the line that leads here."""
        labels = self.names.both(self.iri)
        other = "en" if self.lang == "zh" else "zh"
        title = self.names.label(self.iri) if labels else pages.printable(_own_label(self.triples, self.iri, self.lang) or shrink(self.iri))
        second = labels.get(other)
        return {
            "title": title,
            "second": (other, second) if second and second != title else None,
            "iri": pages.printable(self.iri),
            "curie": pages.printable(shrink(self.iri)),
            "kind": KINDS[self.kind][self.lang == "zh"],
            "types": self._types(),
            "term_status": self.term.plain.get("vs:term_status", "") if self.term else "",
            "trail": self._trail(),
        }

    def _types(self) -> list[Cell]:
        """The most special classes that it belongs to."""
        found = [c for c in portraits.types(self.triples, self.iri) if not c.startswith((PREFIXES["owl"], PREFIXES["rdfs"]))]
        found = [c for c in found if c.startswith(VCC)] or found
        above = {a for c in found for a in self.terms.above(c, "rdfs:subClassOf")}
        return [self.names.cell(c) for c in self.names.sorted(c for c in found if c not in above)]

    def _trail(self) -> list[Cell]:
        """What stands above it, from the top."""
        if self.iri.startswith((ONTOLOGY_IRI + "#", PREFIXES["vcs"])):
            trail = [Cell(self.t("Ontology", "本体"), addresses.local("ontology"))]
            if self.term and self.term.kind == "concept":
                trail += [self.names.cell(iri) for iri in self.term.links.get("skos:inScheme", ())[:1]]
            return trail
        above = [VCC + p for p in ("inSection", "partOfSection", "sectionOf", "inCase")]
        line: list[str] = []
        for property in above:
            found = next((x.value for x in objects(self.triples, self.iri, property) if isinstance(x, ox.NamedNode)), "")
            if found:
                line.insert(0, found)
        if line and self.kind == "source" and not any(objects(self.triples, self.iri, VCC + "sectionOf")):
            line = [*self._publication(line[0]), *line]
        return [self.names.cell(iri) for iri in line]

    def _publication(self, section: str) -> list[str]:
        """The publication that a section is of, by its address."""
        whole = section.rpartition("/")[0]
        return [whole] if self.names.entry(whole) else []

    # --- texts in both languages

    def texts(self) -> dict[str, list[tuple[str, list[str]]]]:
        """Under each language the headings and texts that it has."""
        out: dict[str, list[tuple[str, list[str]]]] = {}
        for lang in (self.lang, "en" if self.lang == "zh" else "zh"):
            rows = []
            for curie, heading in TEXTS:
                found = sorted({x.value for x in objects(self.triples, self.iri, expand(curie)) if isinstance(x, ox.Literal) and (x.language or "en") == lang})
                found = [pages.printable(x) for x in found if curie != "skos:altLabel" or x not in self.names.both(self.iri).values()]
                if found:
                    rows.append((say(lang)(*heading), found))
            if rows:
                out[lang] = rows
        return out

    def defined(self) -> dict[str, list[str]]:
        """Definitions, else descriptions, by language."""
        for curie in ("skos:definition", "dcterms:description", "rdfs:comment"):
            found = [x for x in objects(self.triples, self.iri, expand(curie)) if isinstance(x, ox.Literal)]
            if found:
                return {lang: sorted(x.value for x in found if (x.language or "") == lang) for lang in sorted({x.language or "" for x in found})}
        return {}

    # --- statements

    def facts(self) -> list[ShownGroup]:
        """The statements that stand in no other place of the page."""
        hidden = set(HIDDEN)
        if self.own_claim:
            hidden |= CARD
        if self.term:
            hidden |= {expand(c) for c in LINKS if c not in ("dcterms:source", "skos:exactMatch", "skos:closeMatch", "rdfs:seeAlso")} | {expand("vs:term_status")}
        spoken = {(g.predicate, g.inverse) for g in self.claim_groups}
        left = [g for g in self.groups if (g.predicate, g.inverse) not in spoken and not (g.predicate in hidden and (not g.inverse or self.term)) and not self._only_case(g)]
        left = [g for g in left if not (self.term and g.inverse and all(isinstance(v.term, ox.BlankNode) for v in g.values))]  # axioms, which have their place
        left.sort(key=self._order)
        return [self.group(g) for g in left]

    def _only_case(self, group: Group) -> bool:
        """What stands in the line above already."""
        return group.predicate in (IN_CASE, VCC + "inSection", VCC + "sectionOf", VCC + "partOfSection") and not group.inverse and len(group.values) == 1

    def _order(self, group: Group) -> tuple[bool, bool, bool, str, str]:
        literal = bool(group.values) and isinstance(group.values[0].term, ox.Literal)
        return group.predicate in TECHNICAL, all(v.inferred for v in group.values), literal, self.names.label(group.predicate), group.predicate

    def group(self, group: Group) -> ShownGroup:
        """A group as it is shown."""
        ordered = sorted(group.values, key=self._value_order)
        shown = tuple(self._value(v) for v in ordered[:FOLDED])
        more = self.listing_address(group.predicate, group.inverse) if group.total > len(shown) else None
        heading, before, after = self.heading(group)
        return ShownGroup(heading, before, after, shown[:SHOWN], shown[SHOWN:], group.total, more)

    def heading(self, group: Group) -> tuple[Cell, str, str]:
        """The name of a relation as a group of its values is headed, with words before and after it."""
        if not group.inverse:
            return self.names.cell(group.predicate), "", ""
        if group.predicate in INCOMING:
            return Cell(self.t(*INCOMING[group.predicate])), "", ""
        backwards = self.inverses.get(group.predicate)
        if backwards:
            return self.names.cell(backwards), "", ""
        return self.names.cell(group.predicate), self.t("is “", "在以下各项的“"), self.t("” of", "”之中")

    def _value_order(self, value: Value) -> tuple[bool, bool, str, str]:
        """Passages in the order of the text, all others by their names."""
        if isinstance(value.term, ox.NamedNode):
            return (
                value.inferred,
                False,
                place_key(value.term.value) if value.term.value.startswith(PREFIXES["src"]) else self.names.label(value.term.value).casefold(),
                value.term.value,
            )
        return value.inferred, isinstance(value.term, ox.BlankNode), str(value.term), ""

    def _value(self, value: Value) -> Shown:
        if isinstance(value.term, ox.BlankNode):
            return Shown(pages.nested(value.term, self.triples, {}), value.inferred)
        return Shown(self.names.cell(value.term), value.inferred)

    def listing_address(self, property: str, inverse: bool, page: int = 1) -> str:
        """The address of all values of a property of this thing."""
        pairs = [("facts", shrink(property)), *([("of", "this")] if inverse else []), *([("page", str(page))] if page > 1 else [])]
        return f"{addresses.here()}?{urlencode(pairs)}"

    # --- claims

    def spoken(self) -> list[tuple[str, list[ShownClaim], int]]:
        """The claims that have this thing as a part, by their kind: name of the kind, the first ones, and how many there are here."""
        roles: dict[str, list[str]] = {}
        for group in self.claim_groups:
            name = role(group.predicate if group.inverse else self.inverses.get(group.predicate, ""), self.lang)
            for value in group.values:
                if isinstance(value.term, ox.NamedNode) and value.term.value in self.claims:
                    roles.setdefault(value.term.value, []).append(name)
        by_kind: dict[str, list[Claim]] = {}
        for iri in roles:
            by_kind.setdefault(self.claims[iri].kind, []).append(self.claims[iri])
        order = [*FLOWS, "Claim"]
        out = []
        for kind in sorted(by_kind, key=order.index):
            listed = sorted(by_kind[kind], key=lambda c: (min(map(place_key, c.evidence), default=""), self.names.label(c.iri), c.iri))
            out.append((self.names.label(VCC + kind), [card(c, self.names, self.iri, roles[c.iri]) for c in listed[:FOLDED_CLAIMS]], len(listed)))
        return out

    def relations(self) -> list[tuple[Cell, int, str]]:
        """Whole listings of the claims, by relation."""
        out = []
        for group in self.claim_groups:
            heading, before, after = self.heading(group)
            out.append((Cell(before + heading.text + after), group.total, self.listing_address(group.predicate, group.inverse)))
        return sorted(out, key=lambda row: (-row[1], row[0].text))

    # --- terms

    def place(self) -> dict[str, Any]:
        """For a term: its tree, what axioms say, mappings, and what uses it."""
        if self.term is None:
            return {"tree": None, "rows": [], "mappings": [], "uses": None, "questions": []}
        return {
            "tree": places.tree(self.term, self.terms, self.names),
            "rows": places.rows(self.term, self.terms, self.names, self.t),
            "mappings": term_uses.mappings(self.iri, self.terms, self.names),
            "uses": term_uses.uses(self.service.store, self.term, self.names, self.listing_address(expand("rdf:type"), True)),
            "questions": term_uses.questions(self.service.library, self.iri, self.names),
        }

    # --- a sentence and its neighbours

    def neighbours(self) -> dict[str, Cell | None]:
        """The sentences of the source before and behind this one."""
        if not any(g.predicate == VCC + "paragraphNumber" and not g.inverse for g in self.groups):
            return {"before": None, "behind": None}
        whole = self.iri.rpartition("/")[0]
        source = or_else(lambda: read_source(self.service.store, whole), None)
        order = [p.iri for s in source.sections for p in s.passages] if source else []
        at = order.index(self.iri) if self.iri in order else None
        if at is None:
            return {"before": None, "behind": None}
        return {"before": self.names.cell(order[at - 1]) if at else None, "behind": self.names.cell(order[at + 1]) if at + 1 < len(order) else None}


def values(service: Service, iri: str, triples: Sequence[ox.Triple], cut: bool, path: str) -> dict[str, Any]:
    """What the template of a thing shows."""
    portrait = Portrait(service, iri, triples, cut)
    own = portrait.own_claim
    return {
        **portrait.head(),
        **portrait.place(),
        **portrait.neighbours(),
        **pages.documents(path),
        "texts": portrait.texts(),
        "claim": card(own, portrait.names, iri) if own else None,
        "facts": portrait.facts(),
        "claims": portrait.spoken(),
        "shown_claims": SHOWN_CLAIMS,
        "relations": portrait.relations(),
        "query": sparql(iri),
        "references": files(path),
        "citation": cited(service, iri, portrait.names.label(iri)),
        "summary": next(iter(portrait.defined().get(portrait.lang, ())), ""),
        "jsonld": structured.about(iri, portrait.names, portrait.term, own, portrait.defined(), triples),
        "meta": structured.cited(dataset(service), iri, portrait.names.label(iri), portrait.lang),
    }


def sparql(iri: str) -> str:
    """A query for all that is said by and of a thing."""
    return f"SELECT * {{\n  {{ <{iri}> ?property ?value }}\n  UNION\n  {{ ?subject ?property <{iri}> }}\n}}"


def _own_label(triples: Iterable[ox.Triple], iri: str, lang: str) -> str | None:
    found = [x for c in ("skos:prefLabel", "rdfs:label", "dcterms:title") for x in objects(triples, iri, expand(c)) if isinstance(x, ox.Literal)]
    return next((x.value for x in sorted(found, key=lambda x: (x.language != lang, x.value))), None)
