"""
The language of a page: by the parameter `lang`, else that of a question in words, else as last chosen by the switch on a page, else by Accept-Language, else English.

The choice is kept in a cookie that holds the two letters and nothing else, so that it lasts from page to page without script.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, g, request

LANGUAGES = ("en", "zh")
COOKIE = "covalue-lang"
YEAR = 31_536_000
Say = Callable[[str, str], str]


def language() -> str:
    """`en` or `zh`."""
    wanted = request.args.get("lang", "").lower().partition("-")[0]
    if wanted in LANGUAGES:
        return wanted
    if "covalue_language" in g:
        return str(g.covalue_language)
    kept = request.cookies.get(COOKIE, "")
    if kept in LANGUAGES:
        return kept
    return request.accept_languages.best_match(LANGUAGES) or "en"


def prefer(lang: str) -> None:
    """For the request at hand: the language unless `lang` names another, in place of what the browser is set to."""
    g.covalue_language = lang


def say(lang: str) -> Say:
    """
    Chooses one of two texts.

    >>> say("zh")("rows", "行")
    '行'
    """
    return lambda en, zh: zh if lang == "zh" else en


def keep(response: Response) -> Response:
    """Remembers a language that was chosen on a page, and tells caches what the language of an answer depends on."""
    if "Accept-Language" in response.headers.get("Vary", ""):
        response.vary.add("Cookie")
    if response.mimetype != "text/html":
        return response
    wanted = request.args.get("lang", "").lower().partition("-")[0]
    if wanted in LANGUAGES and request.cookies.get(COOKIE) != wanted:
        response.set_cookie(COOKIE, wanted, max_age=YEAR, path=request.script_root or "/", samesite="Lax", httponly=True, secure=request.is_secure)
        response.headers["Cache-Control"] = response.headers.get("Cache-Control", "").replace("public", "private")
    return response
