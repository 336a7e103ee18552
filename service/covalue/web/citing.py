"""How to cite a page of this dataset."""

from __future__ import annotations

from dataclasses import replace

from covalue import citation
from covalue.web.fallback import or_else
from covalue.web.languages import language
from covalue.web.service import Service


def cited(service: Service, iri: str, title: str) -> str:
    """How to cite a thing of this dataset: its own permanent address, and the dataset with its version."""
    whole = dataset(service)
    return citation.line(replace(whole, kind="answer", title=title, within=whole.title, url=iri)) if whole else f"{title}. {iri}"


def dataset(service: Service) -> citation.Reference | None:
    """The dataset as something to cite."""
    return or_else(lambda: service.citations.dataset(language()), None)
