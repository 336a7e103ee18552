"""
SERVICE clauses in a query's text: where each stands, what is in it, and which patterns beside it can be asked for by themselves.

The text may be broken: whoever uses this has the engine parse it before anything is done about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covalue.errors import QueryError
from covalue.names import BASE
from covalue.sparql import FORMS, Token, closing, listed, place

PLAIN_PATTERN = frozenset({"a", "A"})
"""The one word that a group of nothing but triple patterns may hold."""
NO_OPERAND = frozenset({"OPTIONAL", "MINUS", "BIND", "SERVICE"})
"""Words by which something begins that is not merely joined with what stands before it."""


@dataclass(frozen=True)
class Clause:
    """
    A SERVICE clause: its place, whether SILENT, the endpoint as it is written, the numbers of the tokens that open and close its group, and the
    clause around it, if any.
    """

    at: int
    silent: bool
    endpoint: Token
    opens: int
    closes: int
    around: Clause | None = None

    @property
    def variable(self) -> str | None:
        """The name of the endpoint's variable; None where it is an IRI."""
        return self.endpoint.text[1:] if self.endpoint.kind == "variable" else None

    def body(self, text: str, inside: Sequence[Token]) -> str:
        """What stands in its braces."""
        return text[inside[self.opens].end : inside[self.closes].start]


def has_service(text: str) -> bool:
    """Whether there is such a clause."""
    return any(t.word == "SERVICE" for t in listed(text))


def clauses(text: str) -> list[Clause]:
    """
    All clauses, each before those inside of it.

    Raises:
        QueryError: one has no endpoint or group.
    """
    inside, out = listed(text), list[Clause]()
    for i, token in enumerate(inside):
        if token.word != "SERVICE":
            continue
        silent = i + 1 < len(inside) and inside[i + 1].word == "SILENT"
        opens = i + 2 + silent
        if opens >= len(inside) or inside[opens].text != "{":
            raise QueryError("SERVICE is followed by an endpoint and a group in braces.", "SERVICE 之后应为端点与花括号中的模式组。", place(text, token.start))
        around = next((c for c in reversed(out) if c.opens < i < c.closes), None)
        out.append(Clause(token.start, silent, inside[opens - 1], opens, closing(inside, opens), around))
    return out


def innermost(found: Sequence[Clause]) -> list[Clause]:
    """Those that no other one stands in, in order."""
    outer = {c.around for c in found}
    return [c for c in found if c not in outer]


def variables(inside: Sequence[Token]) -> list[str]:
    """The names of variables, in order."""
    return list(dict.fromkeys(t.text[1:] for t in inside if t.kind == "variable"))


def is_plain(body: str) -> bool:
    """Whether a group holds nothing but triple patterns, which bind all their variables."""
    return all(t.word in PLAIN_PATTERN | {""} and t.text not in ("{", "}") for t in listed(body))


def prologue(text: str) -> str:
    """The declarations of a query, as they are written."""
    out, inside = [f"BASE <{BASE}>"], listed(text)
    for i, token in enumerate(inside):
        if token.word in FORMS and not (i and inside[i - 1].word == "PREFIX"):
            break
        if token.word == "BASE" and i + 1 < len(inside):
            out.append(f"BASE {inside[i + 1].text}")
        if token.word == "PREFIX" and i + 2 < len(inside):
            out.append(f"PREFIX {inside[i + 1].text} {inside[i + 2].text}")
    return " ".join(out)


def dataset(text: str, inside: Sequence[Token]) -> str:
    """The FROM clauses of a query, as they are written."""
    out = []
    for i, token in enumerate(inside):
        if token.word == "FROM":
            end = i + 1 + (inside[i + 1].word == "NAMED")
            out.append(text[token.start : inside[end].end])
    return " ".join(out)


def before(text: str, inside: Sequence[Token], clause: Clause) -> str:
    """
    The patterns that stand before a clause in its own group; where there are none, and the group is optional, a branch of a union or merely in
    braces or in GRAPH, those before it. Empty where nothing can be said of them apart from the rest (in EXISTS and SERVICE).
    """
    stack = _around(inside, clause)
    if stack is None:
        return ""
    end = next(i for i, t in enumerate(inside) if t.start >= clause.at)
    while stack:
        opens = stack[-1]
        found = _kept(text, inside, opens + 1, end)
        if found.strip() or opens == 0:
            return _alone(text, inside, stack, found)
        stack.pop()
        if not stack or inside[stack[-1] + 1].word == "SELECT" or inside[opens - 1].word == "MINUS":
            return ""
        end = _graph(inside, opens) or _first_branch(inside, opens) - (inside[opens - 1].word == "OPTIONAL")
        return _alone(text, inside, stack, _kept(text, inside, stack[-1] + 1, end))
    return ""


def after(text: str, inside: Sequence[Token], clause: Clause) -> str:
    """
    The patterns that stand behind a clause in its own group, as far as they are merely joined with it: solutions of the whole group are
    solutions of these, whatever the clause brings. Empty as for `before`.
    """
    stack = _around(inside, clause)
    if not stack:
        return ""
    end, depth = closing(inside, stack[-1]), 0
    for i in range(clause.closes + 1, end):
        depth += {"{": 1, "}": -1}.get(inside[i].text, 0) if inside[i].kind == "other" else 0
        if depth == 0 and inside[i].word in NO_OPERAND:
            end = i
            break
    return _alone(text, inside, stack, _kept(text, inside, clause.closes + 1, end).strip().removeprefix("."))


def in_exists(text: str, clause: Clause) -> bool:
    """Whether a clause stands in EXISTS, whose group is evaluated anew, and perhaps otherwise, for each row of what it filters."""
    return clause.around is None and _around(listed(text), clause) is None


def trailing(text: str, inside: Sequence[Token], clause: Clause) -> str:
    """
    The VALUES behind the whole query, where it is joined with the group that the clause stands in: that is the outermost one, and nothing is
    grouped or counted between them.
    """
    stack = _around(inside, clause)
    if not stack or len(stack) != 1:
        return ""
    end = closing(inside, stack[0])
    start = next((i for i in range(end + 1, len(inside)) if inside[i].word == "VALUES"), None)
    form = next((i for i, t in enumerate(inside) if t.word in FORMS), 0)
    grouped = any(t.word in ("GROUP", "HAVING") for t in inside[end:]) or any(t.text == "(" for t in inside[form : stack[0]])
    return "" if start is None or grouped else text[inside[start].start :]


def _around(inside: Sequence[Token], clause: Clause) -> list[int] | None:
    """The braces that are open where a clause stands, the nearest last; None where what is in them cannot be asked for apart from the rest."""
    if clause.around is not None:
        return None
    stack = list[int]()
    for i, token in enumerate(inside):
        if token.start >= clause.at:
            break
        if token.text == "{" and token.kind == "other":
            stack.append(i)
        elif token.text == "}" and token.kind == "other" and stack:
            stack.pop()
    return None if any(_exists(inside, i) for i in stack) else stack


def _exists(inside: Sequence[Token], opens: int) -> bool:
    return opens > 0 and inside[opens - 1].word == "EXISTS"


def _graph(inside: Sequence[Token], opens: int) -> int:
    """The word GRAPH before a group; 0 where it is none of a graph."""
    return opens - 2 if opens > 1 and inside[opens - 2].word == "GRAPH" else 0


def _alone(text: str, inside: Sequence[Token], stack: Sequence[int], found: str) -> str:
    """
    Patterns of the group that is open last, to be asked for by themselves: of the graph that they stand in, since GRAPH is joined with what is in it,
    and the nearest one counts. Nothing, where they call somebody.
    """
    if has_service(found) or not found.strip():
        return ""
    at = next((at for opens in reversed(stack) if (at := _graph(inside, opens))), 0)
    return f"{text[inside[at].start : inside[at + 2].end]} {found} }}" if at else found


def _first_branch(inside: Sequence[Token], opens: int) -> int:
    """Of a group that is a branch of a union: the token that opens the first branch."""
    while opens > 1 and inside[opens - 1].word == "UNION":
        depth, i = 0, opens - 2
        while i >= 0:
            depth += {"}": 1, "{": -1}.get(inside[i].text, 0) if inside[i].kind == "other" else 0
            if depth == 0:
                break
            i -= 1
        opens = i
    return opens


def _kept(text: str, inside: Sequence[Token], start: int, end: int) -> str:
    """The text of some tokens of a group, without its filters: they hold for the whole group, and may speak of what comes later."""
    if start >= end:
        return ""
    pieces, i, depth, at = list[str](), start, 0, inside[start].start
    while i < end:
        token = inside[i]
        if token.kind == "other":
            depth += {"{": 1, "}": -1}.get(token.text, 0)
        if token.word == "FILTER" and depth == 0:
            pieces.append(text[at : token.start])
            i = _after_filter(inside, i)
            at = inside[i].start if i < len(inside) else len(text)
            continue
        i += 1
    pieces.append(text[at : inside[end - 1].end] if at <= inside[end - 1].end else "")
    return " ".join(pieces)


def _after_filter(inside: Sequence[Token], at: int) -> int:
    """The token that follows a filter: a bracketed expression, a call, or (NOT) EXISTS and a group."""
    i = at + 1
    while i < len(inside) and inside[i].text not in ("(", "{"):
        i += 1
    return closing(inside, i) + 1
