"""
What an answer depends on, as an entity tag (RFC 9110, section 8.8.3): the dataset's digest, the normalised query, the format, the coding.

The data never change while their digest stays, so equal tags mean equal answers, and a client that holds one needs no evaluation.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from flask import request

from covalue import __version__
from covalue.sparql import TOKEN, tokens

BLANKS = " \t\r\n"
"""What SPARQL takes for white space; other blanks are faults, and stay."""
SHORT = 4096
"""Characters of a query whose normal form is remembered."""
VOLATILE = {"RAND", "NOW", "UUID", "STRUUID", "BNODE"}


def normalised(text: str) -> str:
    """
    A query with comments and runs of white space as one blank: texts that come out equal ask the same.

    >>> normalised("ASK  { # nothing\\n}")
    'ASK { }'
    """
    return _short(text) if len(text) < SHORT else _normalised(text)


def _normalised(text: str) -> str:
    parts: list[str] = []
    for found in TOKEN.finditer(text):
        if found.lastgroup != "comment" and found.group().strip(BLANKS):
            parts.append(found.group())
        elif not parts or parts[-1] != " ":
            parts.append(" ")
    return "".join(parts).strip(" ")


_short = lru_cache(maxsize=512)(_normalised)


def is_volatile(text: str) -> bool:
    """Whether two evaluations of a query over the same data may differ: by chance or time, or by new blank nodes in what it builds."""
    upper = text.upper()
    if not any(word in upper for word in (*VOLATILE, "CONSTRUCT")):  # no look at the tokens of most queries
        return False
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


def client_has_anything() -> bool:
    """Whether any answer, now that there is one, is held by the client (`If-None-Match: *`)."""
    return request.method in ("GET", "HEAD") and request.environ.get("HTTP_IF_NONE_MATCH", "").strip() == "*"
