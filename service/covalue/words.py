"""Words of messages: the nearest known name, and text made safe for a terminal."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(text: str, names: Iterable[str]) -> str | None:
    """The known name that looks most like the text, if any does."""
    return next(iter(difflib.get_close_matches(text, sorted(names), n=1, cutoff=0.6)), None)


def meant(near: str | None) -> str:
    return f' - did you mean "{near}"?' if near else ""


def meant_zh(near: str | None) -> str:
    return f"——是否指“{near}”？" if near else ""


def escaped(text: str) -> str:
    """
    The text with control characters written out, so that it cannot steer a terminal.

    >>> escaped("a\\x07b")
    'a\\\\u0007b'
    """
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
