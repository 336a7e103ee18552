"""
Answers on their way out: from the store to the bytes of a response, in the chosen format and coding, with the headers that go along.

Nothing is sent before the whole answer is there, or, where the client can be told that it was cut (see `flowing`), before its first piece
is. What is done to it here (a mark for Excel, a look for characters that XML cannot carry, compression) works on pieces, so memory stays
flat however long it is.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from flask import Response, request
from werkzeug.exceptions import NotAcceptable

from covalue.errors import FormatError
from covalue.formats import PAGES, Format, Shape, carrier
from covalue.stores import Pick, Request, Store
from covalue.stores.flow import Early, whole
from covalue.stores.spool import Stream
from covalue.stores.streaming import Streaming
from covalue.web import addresses, validators
from covalue.web.encodings import CODINGS, IDENTITY, SMALLEST, choose_coding, encode
from covalue.web.languages import language

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CHUNK = 1 << 16
MARK = b"\xef\xbb\xbf"
NOT_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")
"""Characters that no XML 1.0 document may hold, in any form; the engine writes them as they are."""
REVALIDATE = "public, max-age=0, must-revalidate"
NO_STORE = "no-store"


def nothing() -> None:
    """What there is to be closed of bytes in memory."""


@dataclass
class Body:
    """The bytes of an answer in pieces, their number (None where they come as they are made, and may end in an error), and what to call in the end."""

    chunks: Iterable[bytes]
    size: int | None
    close: Callable[[], None] = nothing

    @classmethod
    def of(cls, data: bytes) -> Body:
        return cls((data,), len(data))

    @classmethod
    def from_stream(cls, stream: Stream) -> Body:
        """A short one whole, so that nothing is left to be closed."""
        if stream.size is not None and stream.size <= CHUNK:
            return cls.of(stream.read())
        return cls(stream, stream.size, stream.close)

    def read(self) -> bytes:
        """All bytes; closes."""
        try:
            return b"".join(self.chunks)
        finally:
            self.close()


def evaluate(store: Store, wanted: Request, pick: Pick, early: Early = whole) -> tuple[Shape, Format, Body]:
    """
    The answer of a store in the format that `pick` chooses; where that is a page, in the format that carries it.

    Args:
        early: whether a long answer, unless a page is made of it, may be given before it is whole.

    Raises:
        CovalueError: whatever the store raises; nothing is left behind.
    """
    chosen: list[Format] = []

    def choose(shape: Shape) -> Format:
        chosen[:] = [pick(shape)]
        return carrier(chosen[0])

    def flows() -> bool:
        return chosen[0] not in PAGES and early()

    if hasattr(store, "stream"):
        stream = streamed(cast(Streaming, store), wanted, choose, request.environ, flows)
        return stream.shape, chosen[0], Body.from_stream(stream)
    answer = store.answer(wanted, choose)
    return answer.shape, chosen[0], Body.of(answer.body)


def streamed(store: Streaming, wanted: Request, pick: Pick, environ: WSGIEnvironment, early: Early) -> Stream:
    """The answer of a store to who has sent a request, ended where they go; see `BoundedStore.stream`."""
    client, gone = addresses.network(environ.get("REMOTE_ADDR") or ""), environ.get("waitress.client_disconnected")
    return store.stream(wanted, pick, client=client, cancel=gone, early=early)


def prepared(body: Body, chosen: Format, bom: bool = False) -> Body:
    """
    The body as the format wants it.

    Raises:
        FormatError: it holds characters that XML cannot carry.
    """
    if bom and chosen.extension == "csv":
        return Body(_marked(body.chunks), None if body.size is None else body.size + len(MARK), body.close)
    if chosen.extension in ("srx", "rdf"):
        return _sound_xml(body)
    return body


def _marked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield MARK
    yield from chunks


def _sound_xml(body: Body) -> Body:
    """Read through once before any of it is sent, long ones waiting in a temporary file; of what comes as it is made, the first piece."""
    if body.size is None:
        chunks = _checked(body.chunks)
        try:
            return Body(chain((next(chunks, b""),), chunks), None, body.close)
        except BaseException:
            body.close()
            raise
    if body.size <= CHUNK:
        data = body.read()
        _check_xml(data)
        return Body.of(data)
    held = tempfile.SpooledTemporaryFile(max_size=1 << 20, prefix="covalue-")  # noqa: SIM115  # closed with the body
    try:
        for chunk in _checked(body.chunks):
            held.write(chunk)
    except BaseException:
        held.close()
        raise
    finally:
        body.close()
    size = held.tell()
    held.seek(0)
    return Body(iter(lambda: held.read(CHUNK), b""), size, held.close)


def _checked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    tail = b""
    for chunk in chunks:
        _check_xml(tail + chunk)
        tail = chunk[-2:]
        yield chunk


def _check_xml(data: bytes) -> None:
    if NOT_XML.search(data):
        raise FormatError(
            "the answer holds control characters, which XML cannot carry; ask for another format.",
            "结果含有 XML 无法承载的控制字符；请改用其他格式。",
        )


def coding(environ: WSGIEnvironment, small: bool = False, may_be_cut: bool = False) -> str:
    """
    The content coding for a request.

    Raises:
        NotAcceptable: the client takes none that we have.
    """
    header = environ.get("HTTP_ACCEPT_ENCODING")
    chosen = choose_coding(header[:1024], small, may_be_cut) if header else IDENTITY
    if chosen is None:
        raise NotAcceptable(f"Content codings: {', '.join(CODINGS)}, {IDENTITY}.")
    return chosen


def held(opaque: str | None, chosen: Format) -> Response | None:
    """304 where the client holds the answer with this tag already."""
    if opaque is None or "HTTP_IF_NONE_MATCH" not in request.environ:
        return None
    found = validators.client_has(opaque, (coding(request.environ), coding(request.environ, may_be_cut=True), IDENTITY))
    return None if found is None else _not_modified(found, chosen)


def _not_modified(full: str, chosen: Format) -> Response:
    response = Response(status=304, headers=_headers(full, chosen, request.method))
    del response.headers["Content-Type"]
    return response


def send(body: Body, chosen: Format, opaque: str | None, *, status: int = 200) -> Response:
    """
    The response for a body.

    Args:
        body: the bytes; closed when they are sent, or when the client goes.
        chosen: their format.
        opaque: the entity tag without coding; None where the same request may be answered differently.
    """
    try:
        return _coded(body, chosen, opaque, status)
    except BaseException:
        body.close()
        raise


def _coded(body: Body, chosen: Format, opaque: str | None, status: int) -> Response:
    if opaque and validators.client_has_anything():
        body.close()
        return _not_modified(validators.with_coding(opaque, _coding_of(request.environ, body)), chosen)
    headers, chunks = laid_out(request.environ, body, chosen, opaque)
    response = Response(chunks, status, headers)
    response.call_on_close(body.close)
    return response


def laid_out(environ: WSGIEnvironment, body: Body, chosen: Format, opaque: str | None) -> tuple[list[tuple[str, str]], Iterable[bytes]]:
    """
    Headers and pieces of a body, in the coding that the client takes best.

    Args:
        environ: of the request; pages must be asked for by the request at hand.
        body: is not closed.
        chosen: its format.
        opaque: see `send`.

    Raises:
        NotAcceptable: the client takes no coding that we have.
    """
    how = _coding_of(environ, body)
    full = None if opaque is None else validators.with_coding(opaque, how)
    headers = [("Content-Type", chosen.content_type), *_headers(full, chosen, environ["REQUEST_METHOD"])]
    if how != IDENTITY:
        headers.append(("Content-Encoding", how))
    chunks, size = _apply(body, how, environ["REQUEST_METHOD"])
    if size is not None:
        headers.append(("Content-Length", str(size)))
    return headers, chunks


def _coding_of(environ: WSGIEnvironment, body: Body) -> str:
    return coding(environ, small=body.size is not None and body.size < SMALLEST, may_be_cut=body.size is None)


def _apply(body: Body, how: str, method: str) -> tuple[Iterable[bytes], int | None]:
    """The pieces in a coding, and their length where it can be known before they are sent."""
    if how == IDENTITY:
        return body.chunks, body.size
    if body.size is not None and body.size <= CHUNK:
        data = b"".join(encode(body.chunks, how))
        return (data,), len(data)
    if method == "HEAD" and body.size is not None:  # without a length another server than ours might end the empty body with the mark of a last chunk
        return (), sum(map(len, encode(body.chunks, how)))
    return encode(body.chunks, how, early=body.size is None), None


def _headers(full: str | None, chosen: Format, method: str) -> list[tuple[str, str]]:
    """What caches go by; put together by hand, since small answers are many."""
    out = [("Vary", "Accept, Accept-Encoding")]
    if chosen in PAGES:
        out = [("Vary", "Accept, Accept-Encoding, Accept-Language"), ("Content-Language", language())]
    if full is None:
        return [*out, ("Cache-Control", NO_STORE)]
    out.append(("Cache-Control", REVALIDATE))
    return out if method not in ("GET", "HEAD") else [*out, ("ETag", f'"{full}"')]


def as_download(response: Response, stem: str, chosen: Format) -> Response:
    """Asks a browser to save the answer under a name of plain characters."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "covalue"
    response.headers["Content-Disposition"] = f'attachment; filename="{plain[:80]}.{chosen.extension}"'
    return response


class Reader:
    """A body as a file to be read, for parsers; counts nothing, closes the body."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._chunks = iter(body.chunks)
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; all of them for a negative size."""
        if size < 0:
            out, self._rest = self._rest + b"".join(self._chunks), b""
            return out
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = chunk
        out, self._rest = self._rest[:size], self._rest[size:]
        return out

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: Any) -> None:
        with suppress(OSError):
            self._body.close()
