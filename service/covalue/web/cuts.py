"""What an application and its server agree on for answers that are cut after their first byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CUTS = "covalue.cuts"
"""In the environment of a request: true where the server ends an answer that raises `CutError` without the mark of its end."""
CUT = "covalue.cut"
"""In the environment of a request: why its answer was cut, by the name of the error; for log and metrics."""


class CutError(Exception):
    """The answer ends here and is not whole. Its `last` bytes say so; the server sends them, and then ends it in a way that no client takes for its end."""

    def __init__(self, last: bytes) -> None:
        super().__init__("an answer was cut")
        self.last = last


def told(environ: WSGIEnvironment) -> bool:
    """Whether the client of a request is sure to see that an answer of unknown length was cut. To one of HTTP/1.0, the end of a connection is the end."""
    return bool(environ.get(CUTS)) and environ.get("SERVER_PROTOCOL") == "HTTP/1.1"
