"""
What an answer depends on, as an entity tag (RFC 9110, section 8.8.3): the dataset's digest, the normalised query, the format, the coding.

The data never change while their digest stays, so equal tags mean equal answers, and a client that holds one needs no evaluation.
"""

from __future__ import annotations

import hashlib

from flask import request

from covalue import __version__


def tag(*parts: object) -> str:
    """The opaque part of an entity tag over all that an answer depends on."""
    joined = "\0".join(map(str, (__version__, *parts)))
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


def fails(status: int, etag: str | None) -> bool:
    """
    Whether the client wants the answer that is ready only if it is one that it names, and it is not (If-Match).

    `If-Unmodified-Since` is ignored, as it must be where no answer has a date (section 13.1.4), and so is any condition on what fails without it (13.2.1).
    """
    environ = request.environ
    if "HTTP_IF_MATCH" not in environ or environ["REQUEST_METHOD"] not in ("GET", "HEAD") or not (200 <= status < 300 or status == 304):
        return False
    wanted = request.if_match
    return not (wanted.star_tag or (etag is not None and wanted.contains(etag.strip('"'))))


def client_has_anything() -> bool:
    """Whether any answer, now that there is one, is held by the client (`If-None-Match: *`)."""
    return request.method in ("GET", "HEAD") and request.environ.get("HTTP_IF_NONE_MATCH", "").strip() == "*"
