"""
Queries as programs mostly send them, answered before Flask: `GET /sparql?query=…` without another parameter, for data.

Routing, request and response objects cost more than many an answer. What is decided here is decided by the same functions as in the view
(see `protocol`), and the answer is the same to the byte; whatever is not as plain as that, and every error, is left to the application.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.wsgi import ClosingIterator

from covalue.stores import Request
from covalue.stores.streaming import Streaming
from covalue.web import access, answers, flowing, protocol, repeats
from covalue.web.answers import Body, nothing

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Answered = tuple[list[tuple[str, str]], Iterable[bytes]]
"""Headers and pieces."""


class Plain:
    """
    A WSGI application around another one. Safe for any number of threads.

    Args:
        app: answers all else, and says what went wrong.
        store: what the other one answers from.
    """

    def __init__(self, app: WSGIApplication, store: Streaming) -> None:
        self._app, self._store = app, store

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = protocol.plain(environ) if repeats.repeatable(environ) else None
        if asked is None or asked.wanted is None:
            return self._app(environ, start_response)
        environ["covalue.route"] = "sparql"
        environ[access.QUERY] = asked.wanted.text
        try:
            headers, chunks = self._answer(asked, asked.wanted, environ)
        except Exception as e:  # noqa: BLE001  # the application has words for whatever it is
            environ[protocol.FAILED] = e
            return self._app(environ, start_response)
        start_response("200 OK", headers)
        return chunks

    def _answer(self, asked: protocol.Asked, wanted: Request, environ: WSGIEnvironment) -> Answered:
        stream = answers.streamed(self._store, wanted, asked.pick, environ, flowing.early(environ))
        chosen = stream.format
        opaque = protocol.tag(self._store, asked, wanted, chosen)
        body = Body.from_stream(stream)
        try:
            body = flowing.guarded(answers.prepared(body, chosen), environ)
            headers, chunks = answers.laid_out(environ, body, chosen, opaque)
        except BaseException:
            body.close()
            raise
        repeats.mark(environ, opaque, stream.size)
        headers += protocol.about(self._store, environ.get("SCRIPT_NAME", "")).items()
        return headers, chunks if body.close is nothing else ClosingIterator(chunks, body.close)
