"""
SPARQL text, looked at as tokens: enough to refuse what may never be evaluated here, without being fooled by comments, strings or names.

The engine has no parse tree in Python; but its parser resolves no escapes in keywords, so a token scan sees what it sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from covalue.errors import Place, QueryError, RefusedError

TOKEN = re.compile(
    r"""(?P<iri><[^<>"{}|^`\\\x00-\x20]*(?:\\u[0-9A-Fa-f]{4}[^<>"{}|^`\\\x00-\x20]*|\\U[0-9A-Fa-f]{8}[^<>"{}|^`\\\x00-\x20]*)*>)
    |(?P<string>\"{3}(?:\"{0,2}(?:[^"\\]|\\.))*\"{3}|'{3}(?:'{0,2}(?:[^'\\]|\\.))*'{3}|"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*')
    |(?P<comment>\#[^\n\r]*)
    |(?P<variable>[?$]\w+)
    |(?P<language>@[a-zA-Z]+(?:-[a-zA-Z0-9]+)*)
    |(?P<name>[^\W\d_][\w.\u00b7-]*:(?:[\w:.\u00b7-]|%[0-9A-Fa-f]{2}|\\[_~.!$&'()*+,;=/?\#@%-])*|:(?:[\w:.\u00b7-]|%[0-9A-Fa-f]{2}|\\[_~.!$&'()*+,;=/?\#@%-])*|_:[\w.\u00b7-]+)
    |(?P<word>[^\W\d_]\w*)
    |(?P<space>\s+)
    |(?P<other>.)""",
    re.S | re.X,
)
UPDATES = {"INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD"}
FORMS = {"SELECT", "CONSTRUCT", "DESCRIBE", "ASK"}
BLANKS = " \t\r\n"
"""What SPARQL takes for white space; other blanks are faults, and stay."""
SHORT = 4096
"""Characters of a query whose properties are remembered."""
VOLATILE = {"RAND", "NOW", "UUID", "STRUUID", "BNODE", "SERVICE"}
MAKES_BLANKS = frozenset("[(<~|")
"""Signs by which a template makes new blank nodes: anonymous ones, lists, reifiers of triples."""


def tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Kind, text and offset of every token that means something; white space and comments are left out."""
    for found in TOKEN.finditer(text):
        if found.lastgroup not in ("space", "comment"):
            yield str(found.lastgroup), found.group(), found.start()


def place(text: str, offset: int) -> Place:
    """Line and column (both from 1) of an offset into a query."""
    before = text[:offset]
    return Place("query", before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def guard(text: str) -> None:
    """
    Refuses what a read-only, closed service never evaluates.

    Raises:
        QueryError: the text is empty.
        RefusedError: it is an update, or it calls another endpoint with SERVICE.
    """
    first = True
    depth = 0
    for kind, token, offset in tokens(text):
        if kind == "other":
            depth += {"{": 1, "}": -1}.get(token, 0)
        if kind != "word":
            continue
        word = token.upper()
        if word == "SERVICE":
            raise RefusedError(
                "SERVICE is not allowed here: this endpoint calls no other one; federate on your side, or ask its operator to list that one (--allow-service).",
                "此处不允许 SERVICE：本端点不调用其他端点；请在客户端联合查询，或请运维者放行（--allow-service）。",
                place(text, offset),
            )
        if first and depth == 0 and word in UPDATES | FORMS | {"WITH"}:
            first = False
            if word not in FORMS:
                raise RefusedError(f"{word} is an update, and this endpoint is read-only.", f"{word} 属于更新操作，而本端点只读。", place(text, offset))
    if not text.strip():
        raise QueryError("the query is empty.", "查询为空。")


def form(text: str) -> str | None:
    """The form of a query, or None where it has none: then it is no query."""
    return _short_form(text) if len(text) < SHORT else _form(text)


def _form(text: str) -> str | None:
    return next((token.upper() for kind, token, _ in tokens(text) if kind == "word" and token.upper() in FORMS), None)


def normalised(text: str) -> str:
    """
    A query with comments and runs of white space as one blank: texts that come out equal ask the same.

    >>> normalised("ASK  { # nothing\\n}")
    'ASK { }'
    """
    return _short_normalised(text) if len(text) < SHORT else _normalised(text)


def _normalised(text: str) -> str:
    parts: list[str] = []
    for found in TOKEN.finditer(text):
        if found.lastgroup != "comment" and found.group().strip(BLANKS):
            parts.append(found.group())
        elif not parts or parts[-1] != " ":
            parts.append(" ")
    return "".join(parts).strip(" ")


def is_volatile(text: str) -> bool:
    """Whether two evaluations of a query over the same data may differ: by chance or time, or by new blank nodes in what it builds."""
    return _short_volatile(text) if len(text) < SHORT else _is_volatile(text)


def _is_volatile(text: str) -> bool:
    upper = text.upper()
    if not any(word in upper for word in (*VOLATILE, "CONSTRUCT")):  # no look at the tokens of most queries
        return False
    listed = [(kind, token) for kind, token, _ in tokens(text)]
    return any(kind == "word" and token.upper() in VOLATILE for kind, token in listed) or _builds_blanks(listed)


def _builds_blanks(listed: list[tuple[str, str]]) -> bool:
    """Whether the template, which is the first group after CONSTRUCT in either of its forms, makes blank nodes."""
    start = next((i for i, (kind, token) in enumerate(listed) if kind == "word" and token.upper() == "CONSTRUCT"), None)
    if start is None:
        return False
    depth = 0
    for kind, token in listed[start:]:
        if kind == "other":
            depth += {"{": 1, "}": -1}.get(token, 0)
            if token == "}" and depth == 0:
                return False
        if depth and (token.startswith("_:") or (kind == "other" and token in MAKES_BLANKS)):
            return True
    return False


_short_form = lru_cache(maxsize=512)(_form)
_short_normalised = lru_cache(maxsize=512)(_normalised)
_short_volatile = lru_cache(maxsize=512)(_is_volatile)
