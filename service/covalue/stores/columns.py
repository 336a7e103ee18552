"""
Two things about the columns of SELECT in which the embedded engine is not as others are.

It does not take a column that uses another one which aggregates, though SPARQL allows it. `SELECT (COUNT(?x) AS ?n) (?n * 2 AS ?m)` is
refused as if `?n` had no value. Written out, `(COUNT(?x) * 2 AS ?m)` means the same; so what the engine refuses is written out so, where it
can be, and asked again. (By its words alone nobody can tell why it refuses, inside of a sub-select.)

`SELECT *` gives it the columns by their names, `o`, `p`, `s`. SPARQL leaves that open; people expect them as they wrote them, and other
engines give them so. So they are named in that order.
"""

from __future__ import annotations

import re
from functools import cache

import pyoxigraph as ox

from covalue.errors import QueryError
from covalue.names import BASE
from covalue.sparql import USUAL_START, Token, closing, listed
from covalue.stores.limits import check_size

DIFFERS = ("RAND", "UUID", "BNODE")
"""Parts of the names of functions that give another value each time, and so cannot be written twice."""

ALL = re.compile(r"[ \t\r\n]*(?:(?:DISTINCT|REDUCED)[ \t\r\n]*)?(\*)", re.I)
"""What follows SELECT where all variables are asked for."""


@cache
def _nothing() -> ox.Store:
    """Asked which variables a query has; it finds nothing, so that takes no time."""
    return ox.Store()


def in_order(text: str) -> str:
    """
    A query that asks for all variables, with their names in place of the star, as they first stand in it; any other as it is, faulty ones too.

    >>> in_order("SELECT * { ?s ?p ?o }")
    'SELECT  ?s ?p ?o  { ?s ?p ?o }'
    """
    start = USUAL_START.match(text)
    star = ALL.match(text, start.end()) if start and start[1].upper() == "SELECT" else None
    if star is None:
        return text
    try:
        found = _nothing().query(text, base_iri=BASE)
        written = {t.text[1:]: t.start for t in reversed(listed(text)) if t.kind == "variable"}
    except (SyntaxError, QueryError):
        return text
    assert isinstance(found, ox.QuerySolutions)
    names = sorted((v.value for v in found.variables), key=lambda name: written.get(name, len(text)))
    return f"{text[: star.start(1)]} {' '.join(f'?{n}' for n in names)} {text[star.end() :]}" if names else text


def written_out(text: str) -> str | None:
    """
    A query in which no column uses the name of another one of the same SELECT; None where it cannot be written so, or need not be.

    >>> written_out("SELECT (COUNT(*) AS ?n) (?n + 1 AS ?m) {}")
    'SELECT (COUNT(*) AS ?n) ((COUNT(*)) + 1 AS ?m) {}'
    """
    try:
        inside, edits = listed(text), list[tuple[int, int, str]]()
    except QueryError:
        return None
    for i, token in enumerate(inside):
        if token.word == "SELECT":
            found = _columns(text, inside, i + 1)
            if found is None:
                return None
            edits += found
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    try:
        check_size(text)
    except QueryError:
        return None
    return text if edits else None


def _columns(text: str, inside: list[Token], at: int) -> list[tuple[int, int, str]] | None:
    """Start, end and new text of the expressions of one SELECT that change."""
    known, edits = dict[str, str](), list[tuple[int, int, str]]()
    while at < len(inside):
        if inside[at].text != "(":
            if inside[at].kind != "variable" and inside[at].word not in ("DISTINCT", "REDUCED"):
                break
            at += 1
            continue
        end = closing(inside, at)
        parts = inside[at + 1 : end - 2]
        if end - at < 4 or inside[end - 2].word != "AS" or any(t.text == "{" or any(d in t.word for d in DIFFERS) for t in parts):
            return None
        start, stop = parts[0].start, parts[-1].end
        expression = _replaced(text[start:stop], start, parts, known)
        if expression != text[start:stop]:
            edits.append((start, stop, expression))
        known[inside[end - 1].text[1:]] = expression
        at = end + 1
    return edits


def _replaced(expression: str, offset: int, parts: list[Token], known: dict[str, str]) -> str:
    for token in reversed(parts):
        if token.kind == "variable" and token.text[1:] in known:
            expression = f"{expression[: token.start - offset]}({known[token.text[1:]]}){expression[token.end - offset :]}"
            if len(expression) > 100_000:
                return expression  # beyond what any query may have; said by its size
    return expression
