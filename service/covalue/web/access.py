"""
The access log and the metrics: around the application, since only there is it known when the last byte has gone.

One record for each request on the logger `covalue.access`: the message is constant, the facts are in `extra` fields. Of a query there is
only a hash, and of the client nothing: what people ask is not ours to keep.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from covalue.web.always import GIVEN, missing
from covalue.web.cuts import CUT
from covalue.web.metrics import Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("covalue.access")
QUERY = "covalue.query"
"""In the environment of a request: the text of the query that it asks."""
PLAIN = re.compile("[^\0-\x7f]")
"""Bytes of an address that should have been percent-encoded; Flask cannot read those that are not UTF-8, so that they are encoded here."""
FIELDS = ("method", "path", "status", "milliseconds", "bytes", "format", "query", "cut")


class JsonLines(logging.Formatter):
    """A record of the access log as one line of JSON; control characters are escaped, so no request can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        facts = {name: getattr(record, name) for name in FIELDS if getattr(record, name, None) not in (None, "")}
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z"
        return json.dumps({"time": stamp, "message": record.getMessage(), **facts})


class Access:
    """A WSGI application around another one, whose responses get the headers that all have, where the server does not give them."""

    def __init__(self, app: WSGIApplication, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        record = _Record(environ, self._metrics)
        if not environ.get("QUERY_STRING", "").isascii():
            environ["QUERY_STRING"] = PLAIN.sub(lambda found: f"%{ord(found.group()):02X}", environ["QUERY_STRING"])

        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            record.start(status, headers)
            given = headers if GIVEN in environ else [*headers, *missing({name.lower() for name, _ in headers})]
            return start_response(status, given, exc_info)

        try:
            return _Watched(self._app(environ, started), record)
        except BaseException:
            record.end()
            raise


class _Record:
    """What is known of one request."""

    def __init__(self, environ: WSGIEnvironment, metrics: Metrics) -> None:
        self._environ, self._metrics = environ, metrics
        self._began = time.perf_counter()
        self._status, self._done = 500, False
        self._headers: list[tuple[str, str]] = []
        self.size = 0
        metrics.begin()

    def start(self, status: str, headers: list[tuple[str, str]]) -> None:
        self._status, self._headers = int(status[:3]), headers

    def end(self) -> None:
        """Writes the record; a second call does nothing."""
        if self._done:
            return
        self._done = True
        seconds = time.perf_counter() - self._began
        environ = self._environ
        cut = environ.get(CUT, "")
        self._metrics.end(environ.get("covalue.route", "none"), environ["REQUEST_METHOD"], self._status, seconds, self.size, cut)
        if not log.isEnabledFor(logging.INFO):
            return
        path = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1", "replace").decode("utf-8", "replace")
        kind = next((v.partition(";")[0] for k, v in self._headers if k.lower() == "content-type"), "")
        query = environ.get(QUERY)
        digest = hashlib.sha256(query.encode("utf-8", "surrogatepass")).hexdigest()[:16] if query else ""
        facts = (environ["REQUEST_METHOD"], path[:500], self._status, round(seconds * 1000, 3), self.size, kind, digest, cut)
        log.info("request", extra=dict(zip(FIELDS, facts, strict=True)))


class _Watched:
    """The pieces of an answer, counted; its end is the end of the request."""

    def __init__(self, chunks: Iterable[bytes], record: _Record) -> None:
        self._chunks, self._record = chunks, record

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._record.size += len(chunk)
            yield chunk

    def close(self) -> None:
        """Called by the server whatever happened."""
        try:
            if hasattr(self._chunks, "close"):
                self._chunks.close()
        finally:
            self._record.end()
