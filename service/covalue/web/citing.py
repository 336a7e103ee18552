"""How to cite a page of this dataset: in a line on the page, and as a file for reference managers under the page's own address."""

from __future__ import annotations

from dataclasses import replace

from flask import Response

from covalue import citation
from covalue.citation import Reference
from covalue.names import PREFIXES
from covalue.web import addresses, answers, validators
from covalue.web.answers import Body
from covalue.web.fallback import or_else
from covalue.web.languages import language
from covalue.web.naming import Names
from covalue.web.service import Service

FILES = {"bib": "BibTeX", "ris": "RIS", "csl": "CSL-JSON"}
"""Endings of an address that give its reference, and what readers call the format."""
EXTENSIONS = {"csl": "csl.json"}


def reference(service: Service, iri: str, title: str) -> Reference | None:
    """A thing of this dataset as something to cite: a source by its own data, all else by its permanent address and the dataset's version."""
    found = source(service, iri)
    whole = dataset(service)
    if found or whole is None:
        return found
    key = f"{whole.key}-{''.join(c if c.isalnum() else '-' for c in iri.removeprefix(PREFIXES['case']).rpartition('#')[2])[-60:]}"
    return replace(whole, key=key, kind="answer", title=title, within=whole.title, url=iri)


def source(service: Service, iri: str) -> Reference | None:
    """A publication that the cases rest on."""
    found: tuple[Reference, ...] = or_else(lambda: service.citations.sources(lang=language()), ())
    return next((r for r in found if r.key == iri.removeprefix(PREFIXES["src"])), None)


def dataset(service: Service) -> Reference | None:
    """The dataset as something to cite."""
    return or_else(lambda: service.citations.dataset(language()), None)


def cited(service: Service, iri: str, title: str) -> str:
    """The reference in one line."""
    found = reference(service, iri, title)
    return citation.line(found) if found else f"{title}. {iri}"


def files(path: str) -> list[tuple[str, str]]:
    """The addresses of the reference as files, by format."""
    return [(name, addresses.local(f"{path}.{ending}")) for ending, name in FILES.items()]


def document(service: Service, iri: str, ending: str) -> Response:
    """The reference as a file."""
    extension = EXTENSIONS.get(ending, ending)
    chosen = next(f for f in citation.FORMATS if f.extension == extension)
    opaque = validators.tag(service.store.version, "reference", extension, iri, language())
    response = answers.held(opaque, chosen)
    if response is None:
        found = reference(service, iri, Names(service.finder, language()).label(iri))
        response = answers.send(Body.of(citation.write([found] if found else [], extension)), chosen, opaque)
    response.headers["Content-Language"] = language()
    response.vary.add("Accept-Language")
    return response
