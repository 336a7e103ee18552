"""
The SPARQL 1.1 Protocol: requests to `/sparql` become store requests (W3C 2013, section 2.1).

The dataset of the protocol (`default-graph-uri`, `named-graph-uri`) takes the place of the query's FROM clauses. Without a query the
endpoint describes itself (section 2.1.4 of the Service Description). Beyond the standard, as clients need it: `format`, `output` or
`results` name a format; `download=1` asks for a file, `bom=1` for a byte order mark on CSV, `lang` for the language of a page.
"""

from __future__ import annotations

import re
from binascii import a2b_qp
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pyoxigraph as ox
from flask import Response, request
from werkzeug.exceptions import RequestURITooLarge, UnsupportedMediaType

from covalue.errors import CovalueError, QueryError, RefusedError
from covalue.formats import FORM_SHAPES, PAGES, Format, Shape, choose
from covalue.sparql import form, is_volatile, normalised
from covalue.stores import Request, Store
from covalue.web import access, addresses, answers, flowing, pages, repeats, validators, versions
from covalue.web.encodings import IDENTITY
from covalue.web.languages import language

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

FORM = "application/x-www-form-urlencoded"
DIRECT = "application/sparql-query"
UPDATE = "application/sparql-update"
FAILED = "covalue.failed"
"""In the environment of a request: the error in which its query has ended already, for the view to say."""
BODIED = ("POST", "QUERY")
"""Requests whose body asks. HTTP's QUERY is a GET with one: whoever passes it on knows that it changes nothing and may be sent again."""
METHODS = ["GET", "HEAD", *BODIED, "OPTIONS"]
LONGEST_ADDRESS = 200_000
MOST_PARAMETERS = 1000
BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
Pairs = Sequence[tuple[str, str]]
View = Callable[[], Response]


@dataclass(frozen=True)
class Asked:
    """What an HTTP request asks: a store request (None where it holds no query), and how the answer is wanted."""

    wanted: Request | None
    named: tuple[str, ...] = ()
    download: bool = False
    bom: bool = False
    accept: str | None = None

    def pick(self, shape: Shape) -> Format:
        """
        The format for a shape of answer.

        Raises:
            FormatError: none will do.
        """
        return choose(shape, self.accept, self.named, pages=True)


def view(store: Store, describe: Callable[[Asked], Response]) -> View:
    """
    The view of the endpoint over a store.

    Args:
        describe: answers a request without a query.
    """

    def sparql() -> Response:
        asked = read_request()
        response = describe(asked) if asked.wanted is None else _answered(store, asked, asked.wanted)
        response.headers.update(about(store, request.script_root))
        return response

    return sparql


def _answered(store: Store, asked: Asked, wanted: Request) -> Response:
    environ = request.environ
    if FAILED in environ:
        raise environ[FAILED]
    environ[access.QUERY] = wanted.text
    held = _held(store, asked, wanted) if "HTTP_IF_NONE_MATCH" in environ else None
    return held or _answer(store, asked, wanted)


def plain(environ: WSGIEnvironment) -> Asked | None:
    """
    What a GET request asks that has a query and no other parameter, and wants data, as most programs do; None for any other, and for those
    at fault.
    """
    address = environ["QUERY_STRING"]
    name, _, value = address.partition("=")
    if name != "query" or "&" in value or len(address) > LONGEST_ADDRESS or not addresses.HOST.fullmatch(environ.get("HTTP_HOST", "")):
        return None
    try:
        text = _text(unescaped(value))
        asked = Asked(Request(text), accept=environ.get("HTTP_ACCEPT"))
        shape = FORM_SHAPES.get(form(text) or "")
        return asked if shape and asked.pick(shape) not in PAGES else None
    except (CovalueError, ValueError):
        return None


def unescaped(value: str) -> str:
    """
    A value of an address, decoded once, as `parse_qsl` does.

    Python takes its escapes apart one by one, and of a query there are a hundred; those of quoted-printable text (RFC 2045, section 6.7)
    are the same but for their sign, and are resolved in one go.

    Raises:
        ValueError: an escape is broken, or it is not UTF-8.

    >>> unescaped("a+%3D%20b")
    'a = b'
    """
    if BROKEN_ESCAPE.search(value):
        raise ValueError(value)
    raw = value.encode("latin-1").replace(b"+", b" ").replace(b"=", b"=3D").replace(b"%", b"=")
    return a2b_qp(raw).decode()


def about(store: Store, root: str) -> dict[str, str]:
    """The headers of an answer that say what was asked; `root` is the path under which a proxy has put the service."""
    return {versions.HEADER: store.version, "Link": f'<{addresses.prefixed(root, ".well-known/void")}>; rel="describedby"'}


def _held(store: Store, asked: Asked, wanted: Request) -> Response | None:
    """304 without evaluation: who holds the tag has had the answer, so the query is sound."""
    asks = form(wanted.text)
    if asks is None:
        return None
    try:
        chosen = asked.pick(FORM_SHAPES[asks])
        return answers.held(tag(store, asked, wanted, chosen), chosen)
    except CovalueError:  # what is wrong with the query is said first
        return None


def _answer(store: Store, asked: Asked, wanted: Request) -> Response:
    shape, chosen, body = answers.evaluate(store, wanted, asked.pick, flowing.early(request.environ))
    opaque, size = tag(store, asked, wanted, chosen), body.size
    try:
        if chosen in PAGES:
            return pages.result(shape, chosen, body, opaque, wanted.text, store.version)
        body = answers.prepared(body, chosen, asked.bom)
        response = answers.send(flowing.guarded(body, request.environ), chosen, opaque)
    except BaseException:
        body.close()
        raise
    repeats.mark(request.environ, opaque, size)  # not before: errors are worded for who asks
    if asked.download:
        answers.as_download(response, f"covalue-{store.version[:8]}-{(opaque or 'query')[:8]}", chosen)
    return response


def tag(store: Store, asked: Asked, wanted: Request, chosen: Format) -> str | None:
    """The entity tag of an answer, without its coding; None where the same may be answered differently."""
    if is_volatile(wanted.text):
        return None
    how = (language(), request.script_root) if chosen in PAGES else asked.bom
    graphs = (wanted.default_graphs, wanted.named_graphs)
    return validators.tag(store.version, normalised(wanted.text), graphs, chosen.media_type, chosen.extension, how)


def read_request() -> Asked:
    """
    What the HTTP request asks.

    Raises:
        QueryError: several queries, none where there must be one, or text that is not UTF-8.
        RefusedError: an update.
        UnsupportedMediaType: a body of another kind, or in another charset.
        RequestURITooLarge: the address is too long.
    """
    address = request.query_string
    if len(address) > LONGEST_ADDRESS:
        raise RequestURITooLarge
    pairs, accept = _pairs(address), request.environ.get("HTTP_ACCEPT")
    if request.method not in BODIED:
        return _read(pairs, pairs, accept)
    kind = request.mimetype
    if kind == UPDATE:
        raise _no_update()
    if kind not in (FORM, DIRECT) or request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType
    if request.headers.get("Content-Encoding", IDENTITY).lower() != IDENTITY:
        raise UnsupportedMediaType
    if kind == DIRECT:
        direct = [("query", _utf8(request.get_data()))]
        return _read([*direct, *pairs], [*direct, *pairs], accept, must=True)
    body = _pairs(request.get_data())
    return _read(body, [*pairs, *body], accept, must=True)


def _read(own: Pairs, everything: Pairs, accept: str | None, must: bool = False) -> Asked:
    """
    Args:
        own: the parameters among which the query must stand.
        everything: all parameters of the request.
        accept: the header of that name.
        must: whether a request without a query is a fault.
    """
    if any(name == "update" for name, _ in everything):
        raise _no_update()
    named = tuple(v for p in ("format", "output", "results") for n, v in everything if n == p)
    flags = {n: v.strip().lower() not in ("", "0", "false", "no") for n, v in everything if n in ("download", "bom")}
    wanted = _wanted(own, everything, must)
    return Asked(wanted, named, flags.get("download", False), flags.get("bom", False), accept)


def _wanted(own: Pairs, everything: Pairs, must: bool) -> Request | None:
    queries = [value for name, value in own if name == "query"]
    total = sum(name == "query" for name, _ in everything)
    if total > 1:
        raise QueryError("the request holds more than one query; give exactly one.", "请求中含有多个查询；请只给出一个。")
    if total == 1 and not queries:
        raise QueryError("the query stands in the address, but a form posts it in its body.", "查询写在地址里；以表单 POST 时应置于正文中。")
    if not queries:
        if must:
            raise QueryError("give exactly one query, as the parameter query.", "请以参数 query 给出恰好一个查询。")
        return None
    text = _text(queries[0])
    default, graphs = (tuple(_graph(v) for n, v in everything if n == p and v.strip()) for p in ("default-graph-uri", "named-graph-uri"))
    stated = bool(default or graphs)
    return Request(text, default if stated else None, graphs if stated else None)


def _text(query: str) -> str:
    if "\0" in query:
        raise QueryError("the query holds a NUL (U+0000), which is no text; leave it out.", "查询含有 NUL（U+0000），它不是文本；请去掉它。")
    return query.removeprefix("\ufeff")


def _graph(name: str) -> str:
    """An empty one does not get here: forms send the parameter with nothing in it."""
    try:
        return ox.NamedNode(name.strip()).value
    except ValueError as e:
        raise QueryError("a graph is named by an absolute IRI in default-graph-uri and named-graph-uri.", "default-graph-uri 与 named-graph-uri 须为绝对 IRI。") from e


def _no_update() -> RefusedError:
    return RefusedError("this endpoint is read-only: updates are refused.", "本端点只读：拒绝更新。")


def parameters() -> list[tuple[str, str]]:
    """
    The parameters of the address, in order.

    Raises:
        QueryError: they are not UTF-8, or too many.
    """
    return _pairs(request.query_string)


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    """Percent signs are decoded once; what stands there plainly must be UTF-8 too."""
    try:
        return parse_qsl(raw.decode("utf-8", "strict"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except UnicodeDecodeError as e:
        raise _not_utf8() from e
    except ValueError as e:
        raise QueryError(f"the request has more than {MOST_PARAMETERS} parameters.", f"请求的参数超过 {MOST_PARAMETERS} 个。") from e


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode("utf-8", "strict")
    except UnicodeDecodeError as e:
        raise _not_utf8() from e


def _not_utf8() -> QueryError:
    return QueryError("the request is not UTF-8; encode the query as UTF-8.", "请求不是 UTF-8；请以 UTF-8 编码查询。")
