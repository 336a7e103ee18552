"""
Errors as RFC 9457 problem details, as one line of text for those who ask for text, or as a page for browsers; never a trace or a path of a file.

Each is one sentence in both languages, with the place in the query where there is one (`line`, `column`, counted from 1).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from covalue.errors import CovalueError, FormatError, InputError, RefusedError
from covalue.formats import LONGEST_HEADER, parse_accept
from covalue.stores.limits import CancelledError, CrashError, DeadlineError, OverloadedError, TooLargeError
from covalue.stores.outward import GatewayError
from covalue.web import addresses, pages
from covalue.web.languages import language, say

log = logging.getLogger("covalue.web")


class UnknownError(InputError):
    """There is nothing under an IRI; `nearest` holds those known that come closest."""

    def __init__(self, en: str, zh: str, nearest: tuple[str, ...] = ()) -> None:
        super().__init__(en, zh)
        self.args = (en, zh, nearest)
        self.nearest = nearest


STATUS: tuple[tuple[type[CovalueError], int, str], ...] = (
    (UnknownError, 404, "Not found"),
    (RefusedError, 403, "Refused"),
    (FormatError, 406, "Not acceptable"),
    (InputError, 400, "Bad request"),
    (DeadlineError, 504, "Ran too long"),
    (TooLargeError, 413, "Too large"),
    (OverloadedError, 503, "Busy"),
    (CrashError, 500, "Engine failed"),
    (CancelledError, 499, "Client has gone"),
    (GatewayError, 502, "Bad gateway"),
    (CovalueError, 503, "Service unavailable"),
)
SENTENCES = {
    400: ("the request cannot be understood; see that host, path and parameters are well formed.", "无法理解该请求；请检查主机名、路径与参数是否合规。"),
    404: ("there is nothing at this address.", "此地址没有内容。"),
    405: ("this method is not allowed here.", "此处不允许该方法。"),
    406: ("the content coding asked for cannot be given; see Accept-Encoding.", "无法以所请求的内容编码返回；请检查 Accept-Encoding。"),
    412: ("what is here now is not what If-Match names; ask without it.", "此处的当前内容与 If-Match 所指不符；请去掉该请求头后重试。"),
    413: ("the request is too large.", "请求过大。"),
    414: ("the address is too long; send the query by POST.", "地址过长；请用 POST 发送查询。"),
    415: (
        "send the query as application/x-www-form-urlencoded or application/sparql-query, in UTF-8 and not compressed.",
        "请以 application/x-www-form-urlencoded 或 application/sparql-query 发送查询，用 UTF-8 编码，不要压缩。",
    ),
    500: ("something went wrong here; the operator can find it in the log.", "服务内部出错；运维者可在日志中查到。"),
}
HEADINGS = {
    400: "请求有误",
    403: "不予允许",
    404: "没有找到",
    405: "方法不对",
    406: "没有这种格式",
    410: "已不提供",
    412: "条件不符",
    413: "过大",
    414: "地址过长",
    415: "类型不对",
}
"""Of pages in Chinese, by status."""
UNAVAILABLE = ("the data cannot be queried at the moment; try again later.", "目前无法查询数据；请稍后重试。")
"""In place of a failure of the store that names a file; what it said is in the log."""
RETRY_AFTER = 5


def register(app: Flask) -> None:
    """Every error of the application leaves in the one shape."""
    app.register_error_handler(CovalueError, own)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)


def problem(status: int, title: str, en: str, zh: str, **more: Any) -> Response:
    """
    A problem as JSON, text, or a page.

    Args:
        more: extension members; `line` and `column` also stand before the sentence.
    """
    where = f"line {more['line']}, column {more['column']}: " if "line" in more else ""
    if status < 500 and _browses() and (page := _page(status, title, en, zh, more)) is not None:
        response = Response(page, status, content_type="text/html; charset=utf-8")
    elif _wants_text():
        response = Response(f"{where}{en} | {zh}\n", status, content_type="text/plain; charset=utf-8")
    else:
        body = {"type": "about:blank", "title": title, "status": status, "detail": where + en, "detail_zh": zh, **more}
        response = Response(json.dumps(body, ensure_ascii=False) + "\n", status, content_type="application/problem+json")
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Accept")
    if response.mimetype == "text/html":
        response.vary.add("Accept-Language")
        response.headers["Content-Language"] = language()
    return response


def _browses() -> bool:
    """Whether this is a browser that opens a page: they all name XHTML beside HTML, and programs that fetch do not."""
    ranges = dict(parse_accept(request.headers.get("Accept", "")[:LONGEST_HEADER]))
    return ranges.get("text/html", 0) == 1 and "application/xhtml+xml" in ranges


def _page(status: int, title: str, en: str, zh: str, more: Mapping[str, Any]) -> bytes | None:
    """The problem as a page, or none where not even a page can be made, as for a host that is not ours."""
    where = (f"Line {more['line']}, column {more['column']}: ", f"第 {more['line']} 行第 {more['column']} 列：") if "line" in more else ("", "")
    sentence = say(language())(where[0] + (en if where[0] else en[:1].upper() + en[1:]), where[1] + zh)
    if more.get("nearest") and all(addresses.link(n) for n in more["nearest"]):
        sentence = say(language())("There is nothing at this address.", SENTENCES[404][1])  # what is nearest follows as links
    query = request.args.get("query", "") if "line" in more else ""
    try:
        return pages.rendered(
            "problem.html",
            status=status,
            heading=say(language())(title, HEADINGS.get(status, "无法处理")),
            sentence=pages.printable(sentence),
            nearest=[(pages.printable(n), addresses.link(n)) for n in more.get("nearest", ())],
            query=query if len(query) < pages.LONGEST_TEXT else "",
        )
    except (HTTPException, CovalueError):
        return None


def _wants_text() -> bool:
    """Programs that ask for HTML get text, and no page: one that is shown HTML for an error has nothing to tell its user."""
    ranges = dict(parse_accept(request.headers.get("Accept", "")[:LONGEST_HEADER]))
    text = max(ranges.get("text/plain", 0), ranges.get("text/html", 0), ranges.get("text/*", 0))
    return text > max((q for kind, q in ranges.items() if "json" in kind), default=0)


def _status(error: CovalueError) -> tuple[int, str]:
    return next((s, t) for kind, s, t in STATUS if isinstance(error, kind))


def sentence(error: CovalueError) -> tuple[str, str]:
    """What strangers are told of an error, in English and Chinese."""
    names_a_file = _status(error)[0] >= 500 and any(c in error.en for c in "/\\")
    return UNAVAILABLE if names_a_file else (error.en, error.zh)


def own(error: CovalueError) -> Response:
    """An error of our own as a response."""
    status, title = _status(error)
    if status in (500, 503) and not isinstance(error, OverloadedError):
        log.error("store failed", extra={"covalue_error": str(error)})
    if error.place and error.place.path == "query" and error.place.line is not None:
        return problem(status, title, error.en, error.zh, line=error.place.line, column=error.place.column)
    if isinstance(error, UnknownError):
        return problem(status, title, error.en, error.zh, nearest=list(error.nearest))
    response = problem(status, title, *sentence(error))
    if status == 503:
        response.headers["Retry-After"] = str(getattr(error, "retry_after", RETRY_AFTER))
    return response


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if 300 <= status < 400:
        made = error.get_response()
        return Response(status=status, headers={"Location": made.headers["Location"]}) if "Location" in made.headers else Response(status=status)
    en, zh = SENTENCES.get(status, (error.name.lower() + ".", error.name + "。"))
    response = problem(status, error.name, en, zh)
    allow = error.get_response().headers.get("Allow")
    if allow:
        response.headers["Allow"] = allow
    if status == 415:
        response.headers["Accept-Post"] = response.headers["Accept-Query"] = "application/sparql-query, application/x-www-form-urlencoded"
    return response


def _unforeseen(error: Exception) -> Response:
    log.exception("unforeseen error", exc_info=error)
    return problem(500, "Internal error", *SENTENCES[500])
