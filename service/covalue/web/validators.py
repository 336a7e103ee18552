"""
What an answer depends on, as an entity tag (RFC 9110, section 8.8.3): the dataset's digest, the normalised query, the format, the coding.

The data never change while their digest stays, so equal tags mean equal answers, and a client that holds one needs no evaluation.
"""

from __future__ import annotations

import hashlib

from flask import request

from covalue import __version__
from covalue.sparql import TOKEN, tokens

BLANKS = " \t\r\n"
"""What SPARQL takes for white space; other blanks are faults, and stay."""
VOLATILE = {"RAND", "NOW", "UUID", "STRUUID", "BNODE"}


def normalised(text: str) -> str:
    """
    A query with comments and runs of white space as one blank: texts that come out equal ask the same.

    >>> normalised("ASK  { # nothing\\n}")
    'ASK { }'
    """
    parts: list[str] = []
    for found in TOKEN.finditer(text):
        if found.lastgroup != "comment" and found.group().strip(BLANKS):
            parts.append(found.group())
        elif not parts or parts[-1] != " ":
            parts.append(" ")
    return "".join(parts).strip(" ")


def is_volatile(text: str) -> bool:
    """Whether two evaluations of a query over the same data may differ: by chance or time, or by new blank nodes in what it builds."""
    words = {token.upper() for kind, token, _ in tokens(text) if kind == "word"}
    if words & VOLATILE:
        return True
    return "CONSTRUCT" in words and any(token == "[" or token.startswith("_:") for _, token, _ in tokens(text))


def tag(*parts: object) -> str:
    """The opaque part of an entity tag over all that an answer depends on."""
    joined = "\0".join(str(p) for p in (__version__, *parts))
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def with_coding(opaque: str, coding: str) -> str:
    """An answer in another coding is another representation, so its tag differs."""
    return opaque if coding == "identity" else f"{opaque}-{coding}"


def client_has(opaque: str, codings: tuple[str, ...]) -> str | None:
    """The tag by which the client already holds the answer (If-None-Match), or None."""
    if request.method not in ("GET", "HEAD"):
        return None
    held = request.if_none_match
    if held.star_tag:  # whether there is an answer at all is not known yet
        return None
    for coding in codings:
        full = with_coding(opaque, coding)
        if held.contains_weak(full):
            return full
    return None
