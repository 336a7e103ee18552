"""
Answers to requests that are asked again in the very same words, given before the application sees them.

The cache of the store knows that two questions are the same though they are written otherwise; to find that out takes longer than many
an answer. Programs repeat themselves to the letter. So short answers are kept here too, whole as they were sent, by all that the
application looks at in such a request. They hold for one version of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from covalue.errors import CovalueError
from covalue.web import access
from covalue.web.kept import Kept

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOST_BYTES = 16_000_000
"""What all kept answers may take together."""
LONGEST = 1 << 16
"""Longest answer that is kept, in bytes."""
OVERHEAD = 2048
"""Bytes that an entry takes besides its answer and its address."""
PATH = "/sparql"
MARK = "covalue.repeatable"
"""Set in the environment of a request by the view: its answer is the same whenever the same is asked of the same data."""
TOLD = ("covalue.route", access.QUERY)
"""What the view says of a request to the log."""
SEEN = ("QUERY_STRING", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING", "HTTP_HOST", "SCRIPT_NAME", "SERVER_PROTOCOL")
"""All of a request that an answer for programs depends on."""
Key = tuple[str | None, ...]


@dataclass(frozen=True)
class _Sent:
    """An answer as it was sent."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    told: dict[str, str]


class Repeats:
    """
    A WSGI application around another one. Safe for any number of threads.

    Args:
        app: answers what is new.
        version: names the state of the data.
        most: bytes of all kept answers.
    """

    def __init__(self, app: WSGIApplication, version: Callable[[], str], most: int = MOST_BYTES) -> None:
        self._app, self._version = app, version
        self._kept = Kept[Key, _Sent](most, _size)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not repeatable(environ):
            return self._app(environ, start_response)
        try:
            key = (self._version(), *map(environ.get, SEEN))
        except CovalueError:  # for the application to say
            return self._app(environ, start_response)
        found = self._kept.find(key)
        if found is None:
            return self._ask(key, environ, start_response)
        environ.update(found.told)
        start_response(found.status, found.headers)
        return (found.body,)

    def counts(self) -> dict[str, int]:
        """How many answers are held, their bytes, and how many requests they answered."""
        return dict(zip(("repeated_answers", "repeated_bytes", "repeated_hits"), self._kept.counts(), strict=True))

    def _ask(self, key: Key, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started[:] = [(status, headers)]
            return start_response(status, headers, exc_info)

        chunks = self._app(environ, start)
        if MARK not in environ or not started:
            return chunks
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        if len(body) <= LONGEST:
            self._kept.keep(key, _Sent(*started[0], body, {name: environ[name] for name in TOLD if name in environ}))
        return (body,)


def repeatable(environ: WSGIEnvironment) -> bool:
    """Whether a request is one for an answer to a query that says nothing of answers that its client holds."""
    return environ.get("PATH_INFO") == PATH and environ["REQUEST_METHOD"] == "GET" and "HTTP_IF_NONE_MATCH" not in environ and "HTTP_IF_MATCH" not in environ


def mark(environ: WSGIEnvironment, opaque: str | None, size: int | None) -> None:
    """
    Says that the answer to a request is the same whenever it is asked of the same data, where it is short.

    Args:
        opaque: its entity tag; None where it may differ.
        size: in bytes, before it is coded; None where nobody knows it yet.
    """
    if opaque and size is not None and size <= LONGEST:
        environ[MARK] = True


def _size(key: Key, sent: _Sent) -> int:
    return OVERHEAD + len(sent.body) + sum(map(len, filter(None, key))) + sum(map(len, sent.told.values()))
