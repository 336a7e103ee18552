"""
Headers that every answer has, errors among them, unless it brings one of that name.

Under our own server it is the server that gives them, since it answers too where no application has been asked, and would look at each
header of an application once more; under any other one the application does.
"""

from __future__ import annotations

from collections.abc import Iterable

EXPOSED = "Content-Disposition, Content-Language, Covalue-Dataset, Covalue-Incomplete, ETag, Link, Retry-After, X-Total-Count"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Only our own files run and are asked for; nothing inline, whatever a literal in the data holds."""
ALWAYS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", EXPOSED),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", POLICY),
    ("Referrer-Policy", "no-referrer"),
)
"""Name and value of each."""
GIVEN = "covalue.always"
"""In the environment of a request, where the server gives them."""
_BY_NAME = {name.lower(): (name, value) for name, value in ALWAYS}


def missing(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    """
    Those that are not among the headers of an answer.

    Args:
        names: of its headers, in small letters.
    """
    own = _BY_NAME.keys() & names
    return [header for name, header in _BY_NAME.items() if name not in own] if own else ALWAYS
