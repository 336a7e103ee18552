"""
SPARQL text, looked at as tokens: enough to refuse what may never be evaluated here, without being fooled by comments, strings or names.

The engine has no parse tree in Python; but its parser resolves no escapes in keywords, so a token scan sees what it sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

from covalue.errors import Place, QueryError, RefusedError

TOKEN = re.compile(
    r"""(?P<iri><[^<>"{}|^`\\\x00-\x20]*(?:\\u[0-9A-Fa-f]{4}[^<>"{}|^`\\\x00-\x20]*|\\U[0-9A-Fa-f]{8}[^<>"{}|^`\\\x00-\x20]*)*>)
    |(?P<string>\"{3}(?:\"{0,2}(?:[^"\\]|\\.))*+\"{3}|'{3}(?:'{0,2}(?:[^'\\]|\\.))*+'{3})
    |(?P<empty>\"\"(?=\")|''(?='))
    |(?P<short>"(?:[^"\\\n\r]|\\.)*+(?P<closed>")?|'(?:[^'\\\n\r]|\\.)*+(?P<closed1>')?)
    |(?P<comment>\#[^\n\r]*)
    |(?P<variable>[?$]\w+)
    |(?P<language>@[a-zA-Z]+(?:-[a-zA-Z0-9]+)*)
    |(?P<run>(?>[^\W\d_][\w.\u00b7-]*+)(?P<local>:(?:[\w:.\u00b7-]|%[0-9A-Fa-f]{2}|\\[_~.!$&'()*+,;=/?\#@%-])*+)?)
    |(?P<name>:(?:[\w:.\u00b7-]|%[0-9A-Fa-f]{2}|\\[_~.!$&'()*+,;=/?\#@%-])*|_:[\w.\u00b7-]+)
    |(?P<space>\s+)
    |(?P<other>.)""",
    re.S | re.X,
)
"""
Each character is looked at a bounded number of times, whatever the text: nothing here may take back what it has taken, and what only might
become a longer token (`run`, a name or a row of words; `short`, a string or the start of none) is taken whole and told apart afterwards.
"""
INSIDE = re.compile(r"(?P<word>[^\W\d_]\w*)|(?P<other>.)", re.S)
OPENING, CLOSING = ("{", "(", "["), ("}", ")", "]")
MOST_OPEN = 100
"""Long strings that may be left open: each costs a look at all that follows."""
UPDATES = {"INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD"}
FORMS = {"SELECT", "CONSTRUCT", "DESCRIBE", "ASK"}
UPDATE_STARTS = (*sorted(UPDATES), "WITH")
KNOWN_FORMS = (*UPDATE_STARTS, *sorted(FORMS))
"""The first of these that a word begins with says what a request is: the engine needs nothing between a keyword and what follows."""
USUAL_START = re.compile(r"(?:[ \t\r\n]++|#[^\n\r]*+|PREFIX[ \t]+[\w-]*:[ \t]*<[^<>\"{}|^`\\\x00-\x20]*>)*+(SELECT|CONSTRUCT|DESCRIBE|ASK)", re.I)
"""How nearly all queries begin; any other beginning is looked at token by token."""
BLANKS = " \t\r\n"
"""What SPARQL takes for white space; other blanks are faults, and stay."""
SHORT = 4096
"""Characters of a query whose properties are remembered."""
VOLATILE = {"RAND", "NOW", "UUID", "STRUUID", "BNODE", "SERVICE"}
MAY_BE_VOLATILE = (*sorted(VOLATILE), "CONSTRUCT")
OTHER_GRAPHS = re.compile(r"""<[^<>"{}|^`\\\x00-\x20]*>|(GRAPH|FROM)""", re.I)
"""The words that lead to other graphs than the default one, outside of IRIs; the engine takes them without anything between them and their neighbours."""
WORDS = re.compile(r"""((?:[^ \t\r\n"'#<]++|<[^<>"{}|^`\x00-\x20]*>|<|"[^"\n\r]*+"?|'[^'\n\r]*+'?)++)|#[^\n\r]*""")
"""What stands between blanks, in a text without long strings and escapes, and nothing for each comment: cut as by `TOKEN`, without telling kinds apart."""
NOT_PLAIN = re.compile(r'"""|\'\'\'|\\')
MAKES_BLANKS = frozenset("[(<~|")
"""Signs by which a template makes new blank nodes: anonymous ones, lists, reifiers of triples."""


def scan(text: str) -> Iterator[tuple[str, str, int]]:
    """
    Kind, text and offset of every token, with white space and comments: together they are the text.

    Raises:
        QueryError: so many strings are left open that this is no query.
    """
    left_open = 0
    for found in TOKEN.finditer(text):
        kind, start = found.lastgroup, found.start()
        if kind == "run" and found["local"] is None:
            for part in INSIDE.finditer(found.group()):
                yield str(part.lastgroup), part.group(), start + part.start()
        elif kind == "run":
            yield "name", found.group(), start
        elif kind == "short":
            yield "string" if found["closed"] or found["closed1"] else "open", found.group(), start
        elif kind == "empty":
            left_open += 1
            if left_open > MOST_OPEN:
                raise QueryError(f"more than {MOST_OPEN} strings are left open before here.", f"此处之前有超过 {MOST_OPEN} 个字符串没有闭合。", place(text, start))
            yield "string", found.group(), start
        else:
            yield str(kind), found.group(), start


def tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """
    Kind, text and offset of every token that means something; white space and comments are left out.

    Raises:
        QueryError: so many strings are left open that this is no query.
    """
    return (token for token in scan(text) if token[0] not in ("space", "comment"))


class Token(NamedTuple):
    """A token that knows where it ends, for those who take a text apart."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def word(self) -> str:
        """In capitals, if it may be a keyword; else nothing."""
        return self.text.upper() if self.kind == "word" else ""


def listed(text: str) -> list[Token]:
    """`tokens`, as a list to go back and forth in; see there for errors."""
    return [Token(*t) for t in tokens(text)]


class Written(Protocol):
    """A token of any kind."""

    @property
    def text(self) -> str:
        """As it is written."""


def closing(inside: Sequence[Written], opening: int) -> int:
    """The number of the token that closes the bracket that a token opens; of the last one where none does."""
    depth = 0
    for i in range(opening, len(inside)):
        depth += (inside[i].text in OPENING) - (inside[i].text in CLOSING)
        if depth == 0:
            return i
    return len(inside) - 1


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
    if "SERVICE" in text.upper():
        _refuse_service(text)
    start = None if form(text) else _find_start(text)
    if start is not None:
        token, offset = start
        raise RefusedError(f"{token} is an update, and this endpoint is read-only.", f"{token} 属于更新操作，而本端点只读。", place(text, offset))
    if not text.strip():
        raise QueryError("the query is empty.", "查询为空。")


def _find_start(text: str) -> tuple[str, int] | None:
    """The first word outside of braces that says what a request is, and where it stands."""
    usual = USUAL_START.match(text)
    if usual:
        return usual[1], usual.start(1)
    depth = 0
    for kind, token, offset in tokens(text):
        if kind == "other":
            depth += {"{": 1, "}": -1}.get(token, 0)
        elif kind == "word" and not depth and token.upper().startswith(KNOWN_FORMS):
            return token, offset
    return None


def _refuse_service(text: str) -> None:
    """
    Lets a query pass that calls nobody.

    The engine takes keywords without anything between them and their neighbours, so SERVICE may stand at the end, at the start or in the
    middle of what looks like one word, or like a name (`SERVICEex:a {`, where `ex:` is declared).

    Raises:
        RefusedError: it calls another endpoint.
    """
    listed = list(tokens(text))
    declared = {end for kind, token, _ in listed if kind == "name" and token.endswith(":") for end in re.split("PREFIX", token[:-1], flags=re.I)}
    declared |= {token[:-1] for kind, token, _ in listed if kind == "name" and token.endswith(":")}
    for i, (kind, token, offset) in enumerate(listed):
        hidden = kind == "name" and i + 1 < len(listed) and listed[i + 1][1] == "{" and _calls(token, declared)
        if hidden or (kind == "word" and "SERVICE" in token.upper()):
            raise RefusedError(
                "SERVICE is not allowed here: this endpoint calls no other one; federate on your side, or ask its operator to list that one (--allow-service).",
                "此处不允许 SERVICE：本端点不调用其他端点；请在客户端联合查询，或请运维者放行（--allow-service）。",
                place(text, offset),
            )


def _calls(name: str, declared: set[str]) -> bool:
    """Whether a name can be read as SERVICE and another name."""
    prefix = name.partition(":")[0]
    return any(prefix[found.start(1) :] in declared for pattern in ("SERVICE()", "SERVICESILENT()") for found in re.finditer(pattern, prefix, re.I))


def form(text: str) -> str | None:
    """The form of a query, or None where it has none: then it is no query."""
    return _short_form(text) if len(text) < SHORT else _form(text)


def _form(text: str) -> str | None:
    start = _find_start(text)
    return None if start is None else next((f for f in FORMS if start[0].upper().startswith(f)), None)


def normalised(text: str) -> str:
    """
    A query with comments and runs of white space as one blank: texts that come out equal ask the same.

    >>> normalised("ASK  { # nothing\\n}")
    'ASK { }'
    """
    return _short_normalised(text) if len(text) < SHORT else _normalised(text)


def _normalised(text: str) -> str:
    if not NOT_PLAIN.search(text):
        return " ".join(filter(None, WORDS.findall(text))).rstrip(" ")
    parts: list[str] = []
    for kind, token, _ in scan(text):
        if kind != "comment" and token.strip(BLANKS):
            parts.append(token)
        elif not parts or parts[-1] != " ":
            parts.append(" ")
    return "".join(parts).strip(" ")


def names_graphs(text: str) -> bool:
    """Whether a query may ask named graphs, or choose its dataset; true of some that do not."""
    capitals = text.upper()
    return ("GRAPH" in capitals or "FROM" in capitals) and any(found[1] for found in OTHER_GRAPHS.finditer(text))


def is_volatile(text: str) -> bool:
    """Whether two evaluations of a query over the same data may differ: by chance or time, or by new blank nodes in what it builds."""
    return _short_volatile(text) if len(text) < SHORT else _is_volatile(text)


def _is_volatile(text: str) -> bool:
    capitals = text.upper()
    if not any(map(capitals.__contains__, MAY_BE_VOLATILE)):  # no look at the tokens of most queries
        return False
    listed = [(kind, token) for kind, token, _ in tokens(text)]
    return any(kind == "word" and any(v in token.upper() for v in VOLATILE) for kind, token in listed) or _builds_blanks(listed)


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
