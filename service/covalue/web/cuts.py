"""What an application and its server agree on for answers that are cut after their first byte."""

from __future__ import annotations

from collections.abc import Mapping

CUTS = "covalue.cuts"
"""In the environment of a request: a function that says whether the server ends an answer that raises `CutError` so that its client is sure to see it."""
CUT = "covalue.cut"
"""In the environment of a request: why its answer was cut, by the name of the error; for log and metrics."""


class CutError(Exception):
    """The answer ends here and is not whole. Its `last` bytes say so; the server sends them, and then ends it in a way that no client takes for its end."""

    def __init__(self, last: bytes) -> None:
        super().__init__("an answer was cut")
        self.last = last


EARLY = "COVALUE_EARLY"
"""The header by which a client or a proxy says that it can tell a cut answer (`1`), or wants only whole ones (anything else)."""
PASSED_ON = ("VIA", "FORWARDED", "X_FORWARDED_FOR", "X_FORWARDED_PROTO", "X_FORWARDED_HOST")
"""Headers that proxies add. Some (Caddy before 2.7.6, Traefik) end an answer that was cut as if it were whole, so none is trusted to tell unless it says so."""


def sure(headers: Mapping[str, str]) -> bool:
    """
    Whether the client of a request of HTTP/1.1 is sure to see that an answer was cut.

    Args:
        headers: of the request, by names as in the environment of WSGI, without `HTTP_`.
    """
    said = headers.get(EARLY)
    return said.strip() == "1" if said is not None else not any(name in headers for name in PASSED_ON)
