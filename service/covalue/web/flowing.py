"""
Answers that go out while the engine still works on them, and are cut where a limit is met.

Status and headers are gone by then, so a cut is told twice: to programs by a connection that ends without the mark of a last chunk, which
every client of HTTP/1.1 reports as an error; and to people by a last line of text in the body, that fits none of our formats. There is no
trailer: hardly any client shows one, and what some would see and others not is no way to tell.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from covalue.errors import CovalueError
from covalue.stores.flow import Early, whole
from covalue.stores.limits import CancelledError
from covalue.web import problems
from covalue.web.answers import Body
from covalue.web.cuts import CUT, CUTS, CutError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

log = logging.getLogger("covalue.web")
LINE = "\n!!! NOT WHOLE: use nothing of what stands above; {en} | 结果不完整：以上内容请勿使用；{zh}\n"
"""Begins a line and no comment, string, element or row in any format that we have."""


def early(environ: WSGIEnvironment) -> Early:
    """Tells whether the answer to a request may begin before it is whole."""
    tells: Early = environ.get(CUTS, whole)
    return tells


def guarded(body: Body, environ: WSGIEnvironment) -> Body:
    """A body as it may be sent in answer to a request: one that is not whole yet says so where it is cut."""
    if body.size is not None:
        return body
    return Body(_until_cut(body.chunks, environ), None, body.close)


def _until_cut(chunks: Iterable[bytes], environ: WSGIEnvironment) -> Iterator[bytes]:
    environ[CUT] = CancelledError.__name__  # what holds when nobody reads on
    try:
        yield from chunks
    except CancelledError as e:
        raise CutError(b"") from e
    except Exception as e:
        environ[CUT] = type(e).__name__
        raise CutError(_last_line(e)) from e
    del environ[CUT]


def _last_line(error: Exception) -> bytes:
    if isinstance(error, CovalueError):
        en, zh = problems.sentence(error)
    else:
        log.exception("unforeseen error", exc_info=error)
        en, zh = problems.SENTENCES[500]
    return LINE.format(en=en, zh=zh).encode()
