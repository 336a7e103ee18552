"""Terms as pages name them: an IRI under its label in the language of the page with a link to its own page, never empty."""

from __future__ import annotations

from collections.abc import Iterable

import pyoxigraph as ox

from covalue.entries import Entry
from covalue.errors import CovalueError
from covalue.finder import Finder
from covalue.names import PREFIXES, shrink
from covalue.search import Index
from covalue.stores.limits import OverloadedError
from covalue.web import addresses
from covalue.web.languages import LANGUAGES
from covalue.web.pages import Cell, printable

TEXT = PREFIXES["xsd"] + "string"
Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple


class Names:
    """Labels and kinds by IRI, in one language with fallback."""

    def __init__(self, finder: Finder, lang: str) -> None:
        self.lang = lang
        try:
            self._index = finder.index()
        except OverloadedError:  # they will be there in a moment, and who keeps a page without them keeps it for long
            raise
        except CovalueError:  # a page without names is better than none
            self._index = Index.of(())

    def entry(self, iri: str) -> Entry | None:
        """What the index knows of an IRI."""
        return self._index.find(iri)

    def kind(self, iri: str) -> str:
        """One of `covalue.search.KINDS`; `other` where nothing is known."""
        found = self.entry(iri)
        return found.kind if found else "other"

    def type(self, iri: str) -> str:
        """The most special class of a thing, or empty."""
        found = self.entry(iri)
        return found.type if found else ""

    def label(self, iri: str, lang: str | None = None) -> str:
        """A name for an IRI."""
        found = self.entry(iri)
        return printable(found.label(lang or self.lang)) if found else printable(shrink(iri))

    def both(self, iri: str) -> dict[str, str]:
        """Its labels by language, only those that there are."""
        found = self.entry(iri)
        return {lang: printable(text) for lang, text in found.labels.items() if text} if found else {}

    def cell(self, term: Term | str | None) -> Cell:
        """A term for a page; a label in another language than the page's says in which."""
        if term is None:
            return Cell("")
        if isinstance(term, str):
            term = ox.NamedNode(term)
        if isinstance(term, ox.NamedNode):
            labels = self.both(term.value)
            lang = "" if self.lang in labels else next((one for one in LANGUAGES if one in labels), "")
            return Cell(self.label(term.value), addresses.link(term.value), printable(shrink(term.value)), lang)
        if isinstance(term, ox.Literal):
            plain = term.language or term.datatype.value == TEXT
            return Cell(printable(term.value), None, "" if plain else printable(shrink(term.datatype.value)), "" if term.language == self.lang else term.language or "")
        return Cell(printable(str(term)))

    def sorted(self, iris: Iterable[str]) -> list[str]:
        """IRIs by their labels."""
        return sorted(iris, key=lambda iri: (self.label(iri).casefold(), iri))
