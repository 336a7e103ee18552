"""
SPARQL text, looked at as tokens: enough to refuse what may never be evaluated here, without being fooled by comments, strings or names.

The engine has no parse tree in Python; but its parser resolves no escapes in keywords, so a token scan sees what it sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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
                "SERVICE is not allowed here: this endpoint never calls another one; federate on your side.",
                "此处不允许 SERVICE：本端点从不调用其他端点；请在客户端联合查询。",
                place(text, offset),
            )
        if first and depth == 0 and word in UPDATES | FORMS | {"WITH"}:
            first = False
            if word not in FORMS:
                raise RefusedError(f"{word} is an update, and this endpoint is read-only.", f"{word} 属于更新操作，而本端点只读。", place(text, offset))
    if not text.strip():
        raise QueryError("the query is empty.", "查询为空。")
