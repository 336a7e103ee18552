"""The SPARQL 1.1 Protocol: requests to `/sparql` become store requests (W3C 2013, section 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl

from flask import Response, request
from werkzeug.exceptions import UnsupportedMediaType

from covalue.errors import QueryError, RefusedError
from covalue.formats import choose
from covalue.stores import Request, Store

FORM = "application/x-www-form-urlencoded"
DIRECT = "application/sparql-query"
UPDATE = "application/sparql-update"
ALLOW = "GET, HEAD, POST, OPTIONS"
Pairs = Sequence[tuple[str, str]]


def view(store: Store) -> Callable[[], Response]:
    """The view of the endpoint over a store."""

    def sparql() -> Response:
        if request.method == "OPTIONS":
            return _options()
        wanted, named = read_request()
        accept = request.headers.get("Accept")
        answer = store.answer(wanted, lambda shape: choose(shape, accept, named))
        response = Response(answer.body, content_type=answer.format.content_type)
        response.headers["Covalue-Dataset"] = store.version
        return response

    return sparql


def read_request() -> tuple[Request, list[str]]:
    """
    The store request that the HTTP request makes, and the names of formats that it asks for.

    Raises:
        QueryError: no query, several, or text that is not UTF-8.
        RefusedError: an update.
        UnsupportedMediaType: a POST of another kind.
    """
    pairs = _pairs(request.query_string)
    if request.method != "POST":
        return _read(pairs, pairs)
    kind = request.mimetype
    if kind == FORM:
        body = _pairs(request.get_data())
        return _read(body, [*pairs, *body])
    if kind == DIRECT:
        return _read([("query", _utf8(request.get_data())), *(p for p in pairs if p[0] != "query")], pairs)
    if kind == UPDATE:
        raise _no_update()
    raise UnsupportedMediaType


def _read(query_pairs: Pairs, all_pairs: Pairs) -> tuple[Request, list[str]]:
    if any(name == "update" for name, _ in all_pairs):
        raise _no_update()
    queries = [value for name, value in query_pairs if name == "query"]
    if len(queries) != 1:
        raise QueryError(
            "give exactly one query, as the parameter query.",
            "请以参数 query 给出恰好一个查询。",
        )
    default, graphs = (tuple(v for n, v in all_pairs if n == p) for p in ("default-graph-uri", "named-graph-uri"))
    stated = bool(default or graphs)
    named = [v for p in ("format", "output", "results") for n, v in all_pairs if n == p]
    return Request(queries[0], default if stated else None, graphs if stated else None), named


def _no_update() -> RefusedError:
    return RefusedError("this endpoint is read-only: updates are refused.", "本端点只读：拒绝更新。")


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw.decode("ascii", "strict"), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError):
        pass
    try:
        return parse_qsl(raw.decode("utf-8", "strict"), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError) as e:
        raise _not_utf8() from e


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode("utf-8", "strict")
    except UnicodeDecodeError as e:
        raise _not_utf8() from e


def _not_utf8() -> QueryError:
    return QueryError("the request is not UTF-8; encode the query as UTF-8.", "请求不是 UTF-8；请以 UTF-8 编码查询。")


def _options() -> Response:
    response = Response(status=204)
    response.headers["Allow"] = ALLOW
    response.headers["Access-Control-Allow-Methods"] = ALLOW
    response.headers["Access-Control-Allow-Headers"] = "Accept, Content-Type"
    response.headers["Access-Control-Max-Age"] = "86400"
    return response
