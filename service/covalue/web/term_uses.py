"""What uses a term, for pages: the data, the ready questions, and other vocabularies by their mappings."""

from __future__ import annotations

from typing import Any

from covalue import portraits
from covalue.mappings import NONE_WORDS, PREDICATE_WORDS
from covalue.names import BASE, expand, shrink
from covalue.questions import Library
from covalue.stores import Store
from covalue.terminology import Term, Terminology, Terms
from covalue.web import addresses, pages
from covalue.web.fallback import or_else
from covalue.web.naming import Names
from covalue.web.pages import Cell

SHOWN_USES = 10
MOST_QUESTIONS = 60


def uses(store: Store, term: Term, names: Names, listing: str) -> dict[str, Any] | None:
    """
    How often the data use a term, with the first cases.

    Args:
        listing: the address of all members of a class.
    """
    if term.kind == "class":
        found = or_else(lambda: portraits.listing(store, term.iri, expand("rdf:type"), True, 1), None)
        if found is None or not found.total:
            return {"total": 0, "shown": [], "all": None}
        shown = [(names.cell(v), None) for v in found.values[:SHOWN_USES]]
        return {"total": found.total, "shown": shown, "all": listing if found.total > SHOWN_USES else None}
    if term.kind.endswith("property"):
        nothing: tuple[int, list[tuple[portraits.Term, portraits.Term]]] = (0, [])
        total, pairs = or_else(lambda: portraits.usage(store, term.iri, SHOWN_USES), nothing)
        return {"total": total, "shown": [(names.cell(s), names.cell(o)) for s, o in pairs], "all": None}
    return None


def questions(library: Library | None, iri: str, names: Names) -> list[Cell]:
    """The ready questions whose text names the term."""
    if library is None:
        return []
    curie, whole = shrink(iri), f"<{iri}>"
    found = [name for name, q in library.questions.items() if whole in q.query.text or names_term(q.query.text, curie)]
    return [names.cell(f"{BASE}questions/{name}") for name in found[:MOST_QUESTIONS]]


def terminology(terms: Terms) -> Terminology:
    """The terminology, or an empty one where the store fails."""
    return or_else(terms.get, Terminology((), {}, {}))


def mappings(iri: str, terms: Terminology, names: Names) -> list[dict[str, Any]]:
    """The mappings of a term, for a table; one without a counterpart says so."""
    zh = names.lang == "zh"
    out = []
    for found in terms.mappings(iri):
        words = PREDICATE_WORDS.get(found.relation, (found.relation, found.relation))[zh] if found.other else NONE_WORDS[zh]
        comment = found.comments.get(names.lang) or next(iter(found.comments.values()), "")
        other = Cell(names.label(found.other), addresses.link(found.other), pages.printable(found.other)) if found.other else None
        out.append(
            {
                "graph": addresses.link(found.graph),
                "name": found.vocabulary,
                "relation": words,
                "inverse": found.inverse,
                "other": other,
                "confidence": found.confidence,
                "comment": pages.printable(comment),
            }
        )
    return out


def names_term(text: str, curie: str) -> bool:
    """
    Whether a query names a term by its CURIE, as a whole word.

    >>> names_term("?x vcc:causeIn ?y", "vcc:cause")
    False
    """
    at = text.find(curie)
    while at >= 0:
        behind = text[at + len(curie) : at + len(curie) + 1]
        if not (behind.isalnum() or behind in ("_", "-")):
            return True
        at = text.find(curie, at + 1)
    return False
