"""
What a page says to programs that read pages: schema.org as JSON-LD, and the `citation_…` elements by which reference managers go.

A block of JSON-LD is data, which a browser never runs, so the security policy lets it stand; the template escapes what could end it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyoxigraph as ox

from covalue.citation import Reference
from covalue.claims import Claim
from covalue.description import DATASET_IRI, LICENSE
from covalue.names import ONTOLOGY_IRI, PREFIXES
from covalue.terminology import Term
from covalue.web.naming import Names

Json = dict[str, Any]
Meta = list[tuple[str, str]]
CONTEXT = "https://schema.org"
VCC = PREFIXES["vcc"]
SCHEME = PREFIXES["vcs"]


def about(iri: str, names: Names, term: Term | None, claim: Claim | None, texts: Mapping[str, Sequence[str]], triples: Iterable[ox.Triple]) -> Json:
    """
    A thing by its kind.

    Args:
        texts: definitions or descriptions by language.
        triples: its description.
    """
    node: Json = {"@context": CONTEXT, "@id": iri, "url": iri, "name": _tongues({lang: [label] for lang, label in names.both(iri).items()}) or names.label(iri)}
    if texts:
        node["description"] = _tongues(texts)
    node |= {"inLanguage": ["en", "zh"], "license": LICENSE}
    if term is not None:
        return node | _term(term, names)
    if claim is not None:
        return node | _claim(claim, names)
    return node | _thing(iri, names, triples)


def _term(term: Term, names: Names) -> Json:
    if term.kind == "scheme":
        return {"@type": "DefinedTermSet"}
    inside = next(iter(term.links.get("skos:inScheme", ())), ONTOLOGY_IRI if term.ours else "")
    out: Json = {"@type": "DefinedTerm", "termCode": term.plain.get("skos:notation", term.local)}
    if inside:
        out["inDefinedTermSet"] = {"@type": "DefinedTermSet", "@id": inside, "name": names.label(inside)}
    return out


def _claim(claim: Claim, names: Names) -> Json:
    """A claim with where it is made; what is only derived by the curator is theirs, not the source's."""
    places = [{"@type": "CreativeWork", "@id": iri, "name": names.label(iri)} for iri in claim.evidence]
    return {"@type": "Claim", "appearance": places, "isPartOf": {"@type": "Dataset", "@id": DATASET_IRI}}


def _thing(iri: str, names: Names, triples: Iterable[ox.Triple]) -> Json:
    types = {
        t.object.value
        for t in triples
        if isinstance(t.subject, ox.NamedNode) and t.subject.value == iri and isinstance(t.object, ox.NamedNode) and t.predicate.value == PREFIXES["rdf"] + "type"
    }
    if VCC + "Passage" in types or VCC + "DocumentSection" in types:
        whole = next((t.object.value for t in triples if t.predicate.value in (VCC + "inSection", VCC + "sectionOf") and isinstance(t.object, ox.NamedNode)), "")
        return {"@type": "CreativeWork", **({"isPartOf": {"@type": "CreativeWork", "@id": whole, "name": names.label(whole)}} if whole else {})}
    known = (("Scholar", "Person"), ("Firm", "Organization"), ("Publication", "CreativeWork"), ("Product", "Product"), ("Service", "Service"))
    return {"@type": next((theirs for ours, theirs in known if VCC + ours in types), "Thing")}


def _tongues(texts: Mapping[str, Sequence[str]]) -> list[Json]:
    return [{"@value": text, "@language": lang} if lang else {"@value": text} for lang, found in texts.items() for text in found]


def article(iri: str, reference: Reference | None, titles: Mapping[str, str], sections: Sequence[str]) -> Json:
    """A publication whose text is placed here."""
    out: Json = {
        "@context": CONTEXT,
        "@type": "ScholarlyArticle",
        "@id": iri,
        "headline": _tongues({lang: [text] for lang, text in titles.items()}),
        "hasPart": [{"@type": "CreativeWork", "@id": s} for s in sections],
    }
    if reference is None:
        return out
    out |= {"author": [{"@type": "Person", "name": name} for name in reference.authors]}
    if reference.year:
        out["datePublished"] = reference.year
    if reference.doi:
        out |= {"sameAs": f"https://doi.org/{reference.doi}", "identifier": {"@type": "PropertyValue", "propertyID": "doi", "value": reference.doi}}
    if reference.within:
        out["isPartOf"] = {"@type": "Periodical", "name": reference.within}
    return out


def ontology(iri: str, title: str, texts: Mapping[str, Sequence[str]], version: str, terms: int) -> Json:
    """The whole vocabulary."""
    node: Json = {
        "@context": CONTEXT,
        "@type": "DefinedTermSet",
        "@id": iri,
        "url": iri,
        "name": title,
        "description": _tongues(texts),
        "license": LICENSE,
        "inLanguage": ["en", "zh"],
    }
    return node | ({"version": version} if version else {}) | {"size": f"{terms} terms"}


def cited(reference: Reference | None, iri: str, title: str, lang: str) -> Meta:
    """The elements for a page of this dataset: its title, and the dataset's makers, date and publisher."""
    pairs: Meta = [("citation_title", title), ("citation_language", lang), ("citation_public_url", iri), ("DC.identifier", iri)]
    if reference is not None:
        pairs += _makers(reference)
        pairs.append(("citation_inbook_title", reference.title))
    return pairs


def cited_article(reference: Reference | None, iri: str, title: str, lang: str) -> Meta:
    """The elements for a publication, as far as they were verified."""
    pairs: Meta = [("citation_title", title), ("citation_language", lang), ("DC.identifier", iri)]
    if reference is not None:
        first, _, last = reference.pages.replace("–", "-").partition("-")
        known = (
            ("citation_journal_title", reference.within),
            ("citation_volume", reference.volume),
            ("citation_issue", reference.issue),
            ("citation_firstpage", first),
            ("citation_lastpage", last),
            ("citation_doi", reference.doi),
        )
        pairs += [*_makers(reference), *((name, text) for name, text in known if text)]
    return pairs


def _makers(reference: Reference) -> Meta:
    known = (("citation_publication_date", reference.year), ("citation_publisher", reference.publisher))
    return [*(("citation_author", name) for name in reference.authors), *((name, text) for name, text in known if text)]
