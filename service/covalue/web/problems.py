"""Errors as RFC 9457 problem details, or as one line of text for those who ask for text; never a trace or a path."""

from __future__ import annotations

import json
import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from covalue.errors import CovalueError, FormatError, InputError, RefusedError
from covalue.formats import parse_accept

log = logging.getLogger("covalue.web")

STATUS: tuple[tuple[type[CovalueError], int, str], ...] = (
    (RefusedError, 403, "Refused"),
    (FormatError, 406, "Not acceptable"),
    (InputError, 400, "Bad request"),
    (CovalueError, 503, "Service unavailable"),
)
SENTENCES = {
    404: ("there is nothing at this address.", "此地址没有内容。"),
    405: ("this method is not allowed here.", "此处不允许该方法。"),
    413: ("the request is too large.", "请求过大。"),
    415: ("send the query as application/x-www-form-urlencoded or application/sparql-query.", "请以 application/x-www-form-urlencoded 或 application/sparql-query 发送查询。"),
    500: ("something went wrong here; the operator can find it in the log.", "服务内部出错；运维者可在日志中查到。"),
}


def register(app: Flask) -> None:
    """Every error of the application leaves in the one shape."""
    app.register_error_handler(CovalueError, _own)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)


def problem(status: int, title: str, en: str, zh: str, line: int | None = None, column: int | None = None) -> Response:
    """One sentence in both languages, and the place in the query where there is one."""
    where = f"line {line}, column {column}: " if line is not None else ""
    if _wants_text():
        return Response(f"{where}{en} | {zh}\n", status, content_type="text/plain; charset=utf-8")
    body = {"type": "about:blank", "title": title, "status": status, "detail": where + en, "detail_zh": zh}
    if line is not None:
        body |= {"line": line, "column": column}
    return Response(json.dumps(body, ensure_ascii=False) + "\n", status, content_type="application/problem+json")


def _wants_text() -> bool:
    ranges = dict(parse_accept(request.headers.get("Accept", "")))
    text = max(ranges.get("text/plain", 0), ranges.get("text/html", 0))
    json_like = max((q for kind, q in ranges.items() if "json" in kind), default=0)
    return text > json_like


def _own(error: CovalueError) -> Response:
    status, title = next((s, t) for kind, s, t in STATUS if isinstance(error, kind))
    if status >= 500:
        log.error("store failed", extra={"covalue_error": str(error)})
    if error.place and error.place.path == "query":
        return problem(status, title, error.en, error.zh, error.place.line, error.place.column)
    return problem(status, title, error.en, error.zh)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    en, zh = SENTENCES.get(status, (error.name.lower() + ".", error.name + "。"))
    response = problem(status, error.name, en, zh)
    allow = error.get_response().headers.get("Allow")
    if allow:
        response.headers["Allow"] = allow
    return response


def _unforeseen(error: Exception) -> Response:
    log.exception("unforeseen error", exc_info=error)
    return problem(500, "Internal error", *SENTENCES[500])
