"""The language of a page: by the parameter `lang`, else by Accept-Language, else English."""

from __future__ import annotations

from collections.abc import Callable

from flask import request

LANGUAGES = ("en", "zh")
Say = Callable[[str, str], str]


def language() -> str:
    """`en` or `zh`."""
    wanted = request.args.get("lang", "").lower().partition("-")[0]
    if wanted in LANGUAGES:
        return wanted
    return request.accept_languages.best_match(LANGUAGES) or "en"


def say(lang: str) -> Say:
    """
    Chooses one of two texts.

    >>> say("zh")("rows", "行")
    '行'
    """
    return lambda en, zh: zh if lang == "zh" else en
