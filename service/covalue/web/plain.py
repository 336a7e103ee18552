"""
Queries as programs mostly send them, answered before Flask: `GET /sparql?query=…` without another parameter, for data.

Routing, request and response objects cost more than many an answer. What is decided here is decided by the same functions as in the view
(see `protocol`), and the answer is the same to the byte; whatever is not as plain as that, and every error, is left to the application.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.wsgi import ClosingIterator

from covalue.sparql import is_volatile
from covalue.stores import Request
from covalue.stores.streaming import Streaming
from covalue.web import addresses, answers, flowing, protocol, repeats
from covalue.web.answers import Body

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
        protocol.note(environ, asked.wanted)
        try:
            headers, chunks = self._answer(asked, asked.wanted, environ)
        except Exception as e:  # noqa: BLE001  # the application has words for whatever it is
            environ[protocol.FAILED] = e
            return self._app(environ, start_response)
        start_response("200 OK", headers)
        return chunks

    def _answer(self, asked: protocol.Asked, wanted: Request, environ: WSGIEnvironment) -> Answered:
        client, gone = addresses.network(environ.get("REMOTE_ADDR", "")), environ.get("waitress.client_disconnected")
        stream = self._store.stream(wanted, asked.pick, client=client, cancel=gone, early=flowing.early(environ))
        chosen = stream.format
        opaque = None if is_volatile(wanted.text) else protocol.tag(self._store, asked, wanted, chosen)
        short = stream.size is not None and stream.size <= repeats.LONGEST
        body = Body.from_stream(stream)
        try:
            body = flowing.guarded(answers.prepared(body, chosen), environ)
            headers, chunks = answers.laid_out(environ, body, chosen, opaque)
        except BaseException:
            body.close()
            raise
        if opaque and short:
            environ[repeats.MARK] = True
        headers += protocol.about(self._store, environ.get("SCRIPT_NAME", "")).items()
        return headers, chunks if short else ClosingIterator(chunks, body.close)
