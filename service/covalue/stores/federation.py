"""
A store around another one that answers SERVICE for the endpoints that the operator has listed.

The engine's own client would go anywhere, and its workers cannot open a connection; so the calls are made here, one after the other, and
what comes back takes the place of the clause as a table: `SERVICE <e> { P }` becomes `VALUES … { … }`, which by the definition of
Federated Query (W3C 2013, section 4) is the same multiset of solutions. So that not all of `P` must come, the endpoint is told what the
patterns before the clause, in the same group, have found for the variables that `P` shares with them: other rows of `P` could not join.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import pyoxigraph as ox

from covalue.errors import QueryError, RefusedError
from covalue.formats import Format, Shape, by_name, choose
from covalue.names import BASE
from covalue.sparql import FORMS, place, tokens
from covalue.stores import Pick, Request
from covalue.stores.limits import Cancel, DeadlineError, Limits, TooLargeError, check_size, deadline_error
from covalue.stores.outward import GatewayError, Outward, Row, read_rows
from covalue.stores.spool import Stream
from covalue.stores.streaming import StoreAround, Streaming

MOST_CALLS = 8
"""SERVICE clauses of one query."""
MOST_KNOWN = 2000
"""Rows of known values that an endpoint is told; where there are more, it is asked without them."""
BATCH = 200
"""The same in one request."""
LONGEST = 4_000_000
"""Bytes of a query with the tables in it."""
NOWHERE = ("urn:x-covalue:nothing",)
"""A default graph of which nothing is said."""
PLAIN_PATTERN = frozenset({"a", "A"})
"""The one word that a group of nothing but triple patterns may hold."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


@dataclass(frozen=True)
class _Call:
    """A SERVICE clause: its place, whether SILENT, the endpoint as it is written, and the numbers of the tokens that open and close its group."""

    at: int
    silent: bool
    endpoint: _Token
    opens: int
    closes: int


class FederatedStore(StoreAround):
    """
    See the module. Safe for any number of threads.

    Args:
        store: what answers all else; closed with this one.
        outward: the way to others.
        limits: those of the store.
    """

    def __init__(self, store: Streaming, outward: Outward, limits: Limits | None = None) -> None:
        super().__init__(store)
        self._outward = outward
        self.limits = limits or Limits()
        self.federates = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def close(self) -> None:
        """Closes the store, and the ways to others."""
        self._outward.close()
        super().close()

    def stream(self, request: Request, pick: Pick, *, client: str = "", cancel: Cancel | None = None, seconds: float | None = None) -> Stream:
        """
        See `BoundedStore.stream`.

        Raises:
            RefusedError: an endpoint is not listed, or named by a variable.
            GatewayError: an endpoint failed.
        """
        if "SERVICE" not in request.text.upper() or not _has_service(request.text):
            return self._store.stream(request, pick, client=client, cancel=cancel, seconds=seconds)
        check_size(request.text)
        with self._outward.place(client):
            return _Federation(self, request, client, cancel, min(seconds or self.limits.seconds, self.limits.seconds)).run(pick)

    @property
    def inner(self) -> Streaming:
        """What answers once the tables are in."""
        return self._store

    @property
    def outward(self) -> Outward:
        """The way to others."""
        return self._outward


class _Federation:
    """One query on its way."""

    def __init__(self, store: FederatedStore, request: Request, client: str, cancel: Cancel | None, seconds: float) -> None:
        self._store, self._request, self._client, self._cancel = store, request, client, cancel
        self._seconds, self._end = seconds, time.monotonic() + seconds
        self._blanks, self._secret = 0, uuid.uuid4().hex

    def run(self, pick: Pick) -> Stream:
        request = self._request
        calls = _calls(request.text)
        if len(calls) > MOST_CALLS:
            raise QueryError(f"the query has more than {MOST_CALLS} SERVICE clauses; split it.", f"查询中的 SERVICE 超过 {MOST_CALLS} 个；请拆分。")
        self._check_syntax(calls)
        for call in calls:
            self._store.outward.check(self._endpoint(request.text, call))
        text = request.text
        while found := _calls(text):
            text = self._with_table(text, found[0])
            if len(text) > LONGEST:
                raise TooLargeError("what the SERVICE clauses bring is too long for one query; narrow them.", "各 SERVICE 带回的内容超出单个查询的长度；请缩小范围。")
        return self._ask(replace(request, text=text, grown=len(text.encode()) - len(request.text.encode())), pick)

    def _check_syntax(self, calls: list[_Call]) -> None:
        """The query without its SERVICE words, character for character, over nothing: what is wrong with it is said before anybody is called."""
        text = self._request.text
        for call in calls:
            text = text[: call.at] + re.sub(r"[^\n]", " ", text[call.at : call.endpoint.end]) + text[call.endpoint.end :]
        self._ask(Request(text, NOWHERE, ()), lambda shape: choose(shape, None)).close()

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise deadline_error(self._seconds)
        return left

    def _ask(self, request: Request, pick: Pick) -> Stream:
        return self._store.inner.stream(request, pick, client=self._client, cancel=self._cancel, seconds=self._left())

    def _endpoint(self, text: str, call: _Call) -> str:
        """
        The IRI of the endpoint, read as Turtle, which writes IRIs and prefixes as SPARQL does.

        Raises:
            RefusedError: it is a variable.
            QueryError: its prefix is not declared.
        """
        written = call.endpoint
        if written.kind not in ("iri", "name"):
            raise RefusedError(
                "SERVICE needs an endpoint by its IRI here; a variable could lead anywhere.",
                "此处 SERVICE 须以 IRI 指明端点；变量可能指向任何地方。",
                place(text, written.start),
            )
        try:
            quad = next(iter(ox.parse(f"{_prologue(text)} {written.text} <urn:x> <urn:x> .", format=ox.RdfFormat.TURTLE, base_iri=BASE)))
        except (SyntaxError, StopIteration) as e:
            raise QueryError(f"{written.text} is no IRI that can be resolved.", f"{written.text} 不是可解析的 IRI。", place(text, written.start)) from e
        return str(quad.subject.value)

    def _with_table(self, text: str, call: _Call) -> str:
        listed = _tokens(text)
        body = text[listed[call.opens].end : listed[call.closes].start]
        try:
            names, rows = self._rows(text, listed, call, body)
        except (GatewayError, DeadlineError, TooLargeError):
            if not call.silent:
                raise
            self._left()
            names, rows = _variables(_tokens(body)), [{}]
        return text[: call.at] + self._table(names, rows) + text[listed[call.closes].end :]

    def _rows(self, text: str, listed: list[_Token], call: _Call, body: str) -> tuple[list[str], list[Row]]:
        url = self._endpoint(text, call)
        pattern = body if _is_plain(body) else f"{{ {body} }}"
        names, rows = list[str](), list[Row]()
        for known in self._known(text, listed, call, body):
            query = f"{_prologue(text)} SELECT * WHERE {{ {known} {pattern} }}"
            names, more = self._store.outward.select(url, query, self._left(), self._cancel)
            rows += more
            if len(rows) > self._store.outward.reach.rows:
                raise self._store.outward.too_large(url)
        return names, rows

    def _known(self, text: str, listed: list[_Token], call: _Call, body: str) -> list[str]:
        """What the endpoint is told of shared variables, as tables of at most `BATCH` rows; one empty text for nothing."""
        before = _before(text, listed, call)
        inside = set(_variables(_tokens(body)))
        shared = [n for n in _variables(_tokens(before)) if n in inside] if before else []
        if not shared:
            return [""]
        dataset = _dataset(text, listed)
        query = f"{_prologue(text)} SELECT DISTINCT {' '.join(f'?{n}' for n in shared)} {dataset} WHERE {{ {before} }} LIMIT {MOST_KNOWN + 1}"
        grown = max(0, len(query) - len(self._request.text)) + 1000
        try:
            with self._ask(replace(self._request, text=query, grown=grown), _json) as stream:
                _, rows = read_rows("", stream.read())
        except QueryError:  # what stands before cannot stand alone
            return [""]
        complete = [n for n in shared if all(n in row for row in rows)]
        if len(rows) > MOST_KNOWN or not complete:
            return [""]
        distinct = {tuple(row[n] for n in complete): None for row in rows}
        sent = [cells for cells in distinct if not any(map(_is_blank, cells))]  # no blank node of ours is one of theirs …
        if len(sent) < len(distinct) and not _is_plain(body):  # … but where they leave the variable open, it joins
            return [""]
        batches = [sent[i : i + BATCH] for i in range(0, len(sent), BATCH)] or [[]]
        return [_values(complete, [dict(zip(complete, cells, strict=True)) for cells in batch]) for batch in batches]

    def _table(self, names: list[str], rows: list[Row]) -> str:
        """
        Rows as VALUES. Blank nodes cannot stand there: they go in as IRIs of a scheme that nobody else has, and are made blank nodes in a
        sub-query around the table (the engine gives equal nodes for equal labels, within one query).
        """
        mark = f"urn:x-covalue:{self._secret}:blank:t{self._blanks}x"
        self._blanks += 1
        blank = [n for n in names if any(isinstance(row.get(n), ox.BlankNode) for row in rows)]
        if not blank:
            return _values(names, rows)
        kept = {n: f"{n}_covalueBlank" if n in blank else n for n in names}
        hidden: list[Row] = [{kept[n]: ox.NamedNode(mark + t.value) if isinstance(t, ox.BlankNode) else t for n, t in row.items()} for row in rows]
        columns = " ".join(
            f'(IF(ISIRI(?{kept[n]}) && STRSTARTS(STR(?{kept[n]}), "{mark}"), BNODE(STRAFTER(STR(?{kept[n]}), "blank:")), ?{kept[n]}) AS ?{n})' if n in blank else f"?{n}"
            for n in names
        )
        return f"{{ SELECT {columns} WHERE {{ {_values([kept[n] for n in names], hidden)} }} }}"


def _json(shape: Shape) -> Format:
    return cast(Format, by_name("json", shape))


def _is_blank(term: object) -> bool:
    return isinstance(term, ox.BlankNode) or (isinstance(term, ox.Triple) and any(map(_is_blank, term)))


def _values(names: Sequence[str], rows: Sequence[Row]) -> str:
    """A table; terms are written by the engine, so nothing in them can be syntax."""
    lines = " ".join(f"({' '.join(_written(row[n]) if n in row else 'UNDEF' for n in names)})" for row in rows)
    return f"VALUES ({' '.join(f'?{n}' for n in names)}) {{ {lines} }}"


def _written(term: object) -> str:
    if isinstance(term, ox.Triple):
        return f"<<( {_written(term.subject)} {_written(term.predicate)} {_written(term.object)} )>>"
    if isinstance(term, ox.BlankNode):
        raise GatewayError("a SERVICE answers with a blank node inside of a triple term, which cannot be passed on.", "SERVICE 返回的三元组项中含空白节点，无法传递。")
    return str(term)


def _tokens(text: str) -> list[_Token]:
    return [_Token(*t) for t in tokens(text)]


def _variables(listed: Sequence[_Token]) -> list[str]:
    """The names of variables, in order."""
    return list(dict.fromkeys(t.text[1:] for t in listed if t.kind == "variable"))


def _is_plain(body: str) -> bool:
    """Whether a group holds nothing but triple patterns, which bind all their variables."""
    return all(t.word in PLAIN_PATTERN | {""} and t.text not in ("{", "}") for t in _tokens(body))


def _has_service(text: str) -> bool:
    return any(t.word == "SERVICE" for t in _tokens(text))


def _closing(listed: Sequence[_Token], opening: int) -> int:
    """Which token closes the bracket that a token opens; the last one where none does."""
    depth = 0
    for i in range(opening, len(listed)):
        if listed[i].kind == "other":
            depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(listed[i].text, 0)
            if depth == 0:
                return i
    return len(listed) - 1


def _calls(text: str) -> list[_Call]:
    """
    The SERVICE clauses, in order.

    Raises:
        QueryError: one has no endpoint or group.
        RefusedError: one stands in another.
    """
    listed, out, i = _tokens(text), list[_Call](), 0
    while i < len(listed):
        if listed[i].word != "SERVICE":
            i += 1
            continue
        silent = i + 1 < len(listed) and listed[i + 1].word == "SILENT"
        opens = i + 2 + silent
        if opens >= len(listed) or listed[opens].text != "{":
            raise QueryError("SERVICE is followed by an endpoint and a group in braces.", "SERVICE 之后应为端点与花括号中的模式组。", place(text, listed[i].start))
        closes = _closing(listed, opens)
        inner = next((t for t in listed[opens:closes] if t.word == "SERVICE"), None)
        if inner is not None:
            raise RefusedError("SERVICE inside of SERVICE is not passed on.", "不转发嵌套在 SERVICE 中的 SERVICE。", place(text, inner.start))
        out.append(_Call(listed[i].start, silent, listed[opens - 1], opens, closes))
        i = closes + 1
    return out


def _prologue(text: str) -> str:
    """The declarations of a query, as they are written."""
    out, listed = [f"BASE <{BASE}>"], _tokens(text)
    for i, token in enumerate(listed):
        if token.word in FORMS and not (i and listed[i - 1].word == "PREFIX"):
            break
        if token.word == "BASE" and i + 1 < len(listed):
            out.append(f"BASE {listed[i + 1].text}")
        if token.word == "PREFIX" and i + 2 < len(listed):
            out.append(f"PREFIX {listed[i + 1].text} {listed[i + 2].text}")
    return " ".join(out)


def _dataset(text: str, listed: list[_Token]) -> str:
    """The FROM clauses of a query, as they are written."""
    out = []
    for i, token in enumerate(listed):
        if token.word == "FROM":
            end = i + 1 + (listed[i + 1].word == "NAMED")
            out.append(text[token.start : listed[end].end])
    return " ".join(out)


def _before(text: str, listed: list[_Token], call: _Call) -> str:
    """
    The patterns that stand before a clause in its own group; where there are none, and the group is optional, a branch of a union or merely in
    braces, those before it. Empty where nothing can be said of them apart from the rest (in EXISTS and GRAPH).
    """
    stack = list[int]()
    for i, token in enumerate(listed):
        if token.start >= call.at:
            break
        if token.text == "{" and token.kind == "other":
            stack.append(i)
        elif token.text == "}" and token.kind == "other" and stack:
            stack.pop()
    if any(listed[i - 1].word == "EXISTS" or (i > 1 and listed[i - 2].word == "GRAPH") for i in stack if i):
        return ""
    end = next(i for i, t in enumerate(listed) if t.start >= call.at)
    while stack:
        opens = stack.pop()
        found = _kept(text, listed, opens + 1, end)
        if found.strip() or opens == 0:
            return found
        if listed[opens - 1].word not in ("OPTIONAL", "UNION") and listed[opens - 1].text not in ("{", "}", "."):
            return ""
        end = _first_branch(listed, opens) - (listed[opens - 1].word == "OPTIONAL")
        if not stack:
            return ""
        opens = stack.pop()
        return _kept(text, listed, opens + 1, end)
    return ""


def _first_branch(listed: list[_Token], opens: int) -> int:
    """Of a group that is a branch of a union: the token that opens the first branch."""
    while opens > 1 and listed[opens - 1].word == "UNION":
        depth, i = 0, opens - 2
        while i >= 0:
            depth += {"}": 1, "{": -1}.get(listed[i].text, 0) if listed[i].kind == "other" else 0
            if depth == 0:
                break
            i -= 1
        opens = i
    return opens


def _kept(text: str, listed: list[_Token], start: int, end: int) -> str:
    """The text of some tokens of a group, without its filters: they hold for the whole group, and may speak of what comes later."""
    if start >= end:
        return ""
    pieces, i, depth, at = list[str](), start, 0, listed[start].start
    while i < end:
        token = listed[i]
        if token.kind == "other":
            depth += {"{": 1, "}": -1}.get(token.text, 0)
        if token.word == "FILTER" and depth == 0:
            pieces.append(text[at : token.start])
            i = _after_filter(listed, i)
            at = listed[i].start if i < len(listed) else len(text)
            continue
        i += 1
    pieces.append(text[at : listed[end - 1].end] if at <= listed[end - 1].end else "")
    return " ".join(pieces)


def _after_filter(listed: list[_Token], at: int) -> int:
    """The token that follows a filter: a bracketed expression, a call, or (NOT) EXISTS and a group."""
    i = at + 1
    while i < len(listed) and listed[i].text not in ("(", "{"):
        i += 1
    return _closing(listed, i) + 1
