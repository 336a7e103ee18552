"""
A store around another one that answers SERVICE for the endpoints that the operator has listed.

The engine's own client would go anywhere, and its workers cannot open a connection; so the calls are made here, one after the other, and
what comes back takes the place of the clause as a table: `SERVICE <e> { P }` becomes `VALUES … { … }`, which by the definition of
Federated Query (W3C 2013, section 4) is the same multiset of solutions. So that not all of `P` must come, the endpoint is told what the
patterns before the clause, in the same group, have found for the variables that `P` shares with them: other rows of `P` could not join.

`SERVICE ?e { P }` is that table for each value that the patterns beside it give `?e`, with the value in a column of its own: those
patterns are joined with the table, so values that only they have, or only it, drop out. A clause inside of another one is answered here
too, before the outer one, and goes there as a table: no endpoint is ever asked to call a third one, which it might do from a place, and by
rules, that nobody here knows.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pyoxigraph as ox

from covalue.errors import QueryError, RefusedError
from covalue.formats import Format, Shape, by_name, choose
from covalue.names import BASE
from covalue.sparql import Token, listed, place
from covalue.stores import Pick, Request
from covalue.stores.clauses import Clause, after, before, clauses, dataset, has_service, in_exists, innermost, is_plain, prologue, trailing, variables
from covalue.stores.flow import Early, whole
from covalue.stores.limits import Cancel, DeadlineError, Limits, TooLargeError, check_size, deadline_error
from covalue.stores.outward import GatewayError, Outward, Row, Term, read_rows
from covalue.stores.spool import Stream
from covalue.stores.streaming import StoreAround, Streaming

MOST_CALLS = 8
"""SERVICE clauses of one query; each endpoint of a variable counts as one."""
MOST_KNOWN = 2000
"""Rows of known values that an endpoint is told; where there are more, it is asked without them."""
BATCH = 200
"""The same in one request."""
LONGEST = 4_000_000
"""Bytes of a query with the tables in it."""
NOWHERE = ("urn:x-covalue:nothing",)
"""A default graph of which nothing is said."""
FAILURES = (GatewayError, DeadlineError, TooLargeError, RefusedError)
"""What SILENT is silent about."""


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

    def stream(self, request: Request, pick: Pick, *, client: str = "", cancel: Cancel | None = None, seconds: float | None = None, early: Early = whole) -> Stream:
        """
        See `BoundedStore.stream`.

        Raises:
            QueryError: an endpoint is named by a variable that has no value.
            RefusedError: an endpoint is not listed (unless the clause is SILENT).
            GatewayError: an endpoint failed.
        """
        if "SERVICE" not in request.text.upper() or not has_service(request.text):
            return self._store.stream(request, pick, client=client, cancel=cancel, seconds=seconds, early=early)
        check_size(request.text)
        with self._outward.place(client):
            return _Federation(self, request, client, cancel, min(seconds or self.limits.seconds, self.limits.seconds)).run(pick, early)

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
        self._calls = 0

    def run(self, pick: Pick, early: Early) -> Stream:
        text = self._request.text
        found = clauses(text)
        if len(found) > MOST_CALLS:
            raise QueryError(f"the query has more than {MOST_CALLS} SERVICE clauses; split it.", f"查询中的 SERVICE 超过 {MOST_CALLS} 个；请拆分。")
        self._check_syntax(found)
        for clause in found:
            self._check_endpoint(text, clause)
        while found:
            text = self._with_table(text, *self._next(text, innermost(found)))
            if len(text) > LONGEST:
                raise TooLargeError("what the SERVICE clauses bring is too long for one query; narrow them.", "各 SERVICE 带回的内容超出单个查询的长度；请缩小范围。")
            found = clauses(text)
        return self._ask(replace(self._request, text=text, grown=len(text.encode()) - len(self._request.text.encode())), pick, early)

    def _check_syntax(self, found: list[Clause]) -> None:
        """The query without its SERVICE words, character for character, over nothing: what is wrong with it is said before anybody is called."""
        text = self._request.text
        for clause in found:
            text = text[: clause.at] + re.sub(r"[^\n]", " ", text[clause.at : clause.endpoint.end]) + text[clause.endpoint.end :]
        self._ask(Request(text, NOWHERE, ()), lambda shape: choose(shape, None)).close()

    def _check_endpoint(self, text: str, clause: Clause) -> None:
        """What can be said of an endpoint before anybody is called."""
        if clause.variable is None:
            url = self._endpoint(text, clause.endpoint)
            if not clause.silent and not _is_silenced(clause):
                self._store.outward.check(url)
        elif clause.around is not None:
            raise QueryError(
                "a SERVICE inside of another one needs its endpoint by IRI here.", "此处嵌套在 SERVICE 中的 SERVICE 须以 IRI 指明端点。", place(text, clause.endpoint.start)
            )

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise deadline_error(self._seconds)
        return left

    def _ask(self, request: Request, pick: Pick, early: Early = whole) -> Stream:
        return self._store.inner.stream(request, pick, client=self._client, cancel=self._cancel, seconds=self._left(), early=early)

    def _endpoint(self, text: str, written: Token) -> str:
        """
        The IRI of an endpoint, read as Turtle, which writes IRIs and prefixes as SPARQL does.

        Raises:
            QueryError: it is none, or its prefix is not declared.
        """
        try:
            quad = next(iter(ox.parse(f"{prologue(text)} {written.text} <urn:x> <urn:x> .", format=ox.RdfFormat.TURTLE, base_iri=BASE)))
        except (SyntaxError, StopIteration) as e:
            raise QueryError(f"{written.text} is no IRI that can be resolved.", f"{written.text} 不是可解析的 IRI。", place(text, written.start)) from e
        return str(quad.subject.value)

    def _next(self, text: str, found: list[Clause]) -> tuple[Clause, list[Term]]:
        """
        The first clause whose endpoints are known, with them; what another one brings may tell them.

        Raises:
            QueryError: there is none.
        """
        inside = listed(text)
        for clause in found:
            if clause.variable is None:
                return clause, [ox.NamedNode(self._endpoint(text, clause.endpoint))]
            known = self._endpoints(text, inside, clause)
            if known is not None:
                return clause, known
        name = found[0].endpoint.text
        if in_exists(text, found[0]):
            raise QueryError(
                f"SERVICE {name} stands in EXISTS, where the values of {name} cannot be looked up before; name the endpoint by its IRI there, or move the clause out.",
                f"SERVICE {name} 位于 EXISTS 中，无法事先求得 {name} 的取值；请在该处以 IRI 指明端点，或将该子句移出 EXISTS。",
                place(text, found[0].endpoint.start),
            )
        raise QueryError(
            f"SERVICE {name} is called at each value of {name}, and nothing beside it gives it one in every row; bind it in the same group, by VALUES, BIND or a pattern.",
            f"SERVICE {name} 会在 {name} 的每个取值处调用，而同组中没有内容在每一行都为其赋值；请在同一组中用 VALUES、BIND 或模式绑定它。",
            place(text, found[0].endpoint.start),
        )

    def _endpoints(self, text: str, inside: list[Token], clause: Clause) -> list[Term] | None:
        """
        What the patterns beside a clause give its variable: all values with which its rows could be joined, and perhaps more. None where they
        leave it open.
        """
        name = str(clause.variable)
        parts = [part for part in (before(text, inside, clause), after(text, inside, clause), trailing(text, inside, clause)) if name in variables(listed(part))]
        for chosen in [parts, *([part] for part in parts)] if len(parts) > 1 else [parts] if parts else []:
            rows = self._values(text, inside, [name], " ".join(f"{{ {part} }}" for part in chosen), MOST_CALLS + 1)
            if rows is not None and all(name in row for row in rows):
                return [row[name] for row in rows]
        return None

    def _with_table(self, text: str, clause: Clause, endpoints: list[Term]) -> str:
        """The text with a table in the place of the clause; or of that around it which is SILENT about its failure."""
        inside = listed(text)
        try:
            names, rows = self._answers(text, inside, clause, endpoints)
            table = self._table(names, rows, clause.around is not None)
        except FAILURES:
            outer: Clause | None = clause
            while outer is not None and not outer.silent:
                outer = outer.around
            if outer is None:
                raise
            self._left()
            clause, table = outer, _values(variables(listed(outer.body(text, inside))), [{}])
        return text[: clause.at] + table + text[inside[clause.closes].end :]

    def _answers(self, text: str, inside: list[Token], clause: Clause, endpoints: list[Term]) -> tuple[list[str], list[Row]]:
        """The table of a clause, from all its endpoints."""
        self._calls += len(endpoints)
        if self._calls > MOST_CALLS:
            raise QueryError(
                f"{clause.endpoint.text} and the other SERVICE clauses lead to more than {MOST_CALLS} endpoints; narrow them.",
                f"{clause.endpoint.text} 与其他 SERVICE 合计指向超过 {MOST_CALLS} 个端点；请缩小范围。",
                place(text, clause.endpoint.start),
            )
        if not clause.silent:
            for endpoint in endpoints:  # nobody is called where one of them may not be
                self._listed(clause, endpoint)
        body, name = clause.body(text, inside), clause.variable
        names, rows = variables(listed(body)), list[Row]()
        for endpoint in endpoints:
            try:
                told, found = self._rows(text, inside, clause, body, endpoint)
            except FAILURES:
                if not clause.silent:
                    raise
                self._left()
                told, found = [], [{}]
            names = list(dict.fromkeys([*names, *told, *([name] if name else [])]))
            rows += [{**row, name: endpoint} for row in found if row.get(name, endpoint) == endpoint] if name else found
            if len(rows) > self._store.outward.reach.rows:
                raise self._store.outward.too_large(str(endpoint))
        return names, rows

    def _listed(self, clause: Clause, endpoint: Term) -> str:
        """
        The address of an endpoint.

        Raises:
            RefusedError: it is none, or not listed.
        """
        if not isinstance(endpoint, ox.NamedNode):
            raise RefusedError(f"{clause.endpoint.text} stands for a text or a blank node, which is no endpoint.", f"{clause.endpoint.text} 的取值是文字或空白节点，不是端点地址。")
        self._store.outward.check(endpoint.value)
        return endpoint.value

    def _rows(self, text: str, inside: list[Token], clause: Clause, body: str, endpoint: Term) -> tuple[list[str], list[Row]]:
        """What one endpoint answers."""
        url = self._listed(clause, endpoint)
        fixed = f"VALUES {clause.endpoint.text} {{ {endpoint} }}" if clause.variable else ""
        pattern = body if is_plain(body) else f"{{ {body} }}"
        names, rows = list[str](), list[Row]()
        for known in self._known(text, inside, clause, body, fixed):
            query = f"{prologue(text)} SELECT * WHERE {{ {known} {pattern} }}"
            names, more = self._store.outward.select(url, query, self._left(), self._cancel)
            rows += more
            if len(rows) > self._store.outward.reach.rows:
                raise self._store.outward.too_large(url)
        return names, rows

    def _known(self, text: str, inside: list[Token], clause: Clause, body: str, fixed: str) -> list[str]:
        """What the endpoint is told of shared variables, as tables of at most `BATCH` rows; one empty text for nothing."""
        patterns = before(text, inside, clause)
        within = set(variables(listed(body)))
        shared = [n for n in variables(listed(patterns)) if n in within] if patterns else []
        if not shared:
            return [""]
        rows = self._values(text, inside, shared, f"{patterns} {fixed}", MOST_KNOWN + 1)
        if rows is None:
            return [""]
        complete = [n for n in shared if all(n in row for row in rows)]
        if len(rows) > MOST_KNOWN or not complete:
            return [""]
        distinct = {tuple(row[n] for n in complete): None for row in rows}
        sent = [cells for cells in distinct if not any(map(_is_blank, cells))]  # no blank node of ours is one of theirs …
        if len(sent) < len(distinct) and not is_plain(body):  # … but where they leave the variable open, it joins
            return [""]
        batches = [sent[i : i + BATCH] for i in range(0, len(sent), BATCH)] or [[]]
        return [_values(complete, [dict(zip(complete, cells, strict=True)) for cells in batch]) for batch in batches]

    def _values(self, text: str, inside: list[Token], names: list[str], patterns: str, most: int) -> list[Row] | None:
        """Distinct values that patterns of the query give to some variables, up to a number; None where the patterns cannot stand alone."""
        query = f"{prologue(text)} SELECT DISTINCT {' '.join(f'?{n}' for n in names)} {dataset(text, inside)} WHERE {{ {patterns} }} LIMIT {most}"
        grown = max(0, len(query) - len(self._request.text)) + 1000
        try:
            with self._ask(replace(self._request, text=query, grown=grown), _json) as stream:
                return read_rows("", stream.read())[1]
        except QueryError:
            return None

    def _table(self, names: list[str], rows: list[Row], goes_out: bool) -> str:
        """
        Rows as VALUES; such that can go to another endpoint too.

        Blank nodes cannot stand there: they go in as IRIs of a scheme that nobody else has, and are made blank nodes in a
        sub-query around the table (the engine gives equal nodes for equal labels, within one query).
        """
        mark = f"urn:x-covalue:{self._secret}:blank:t{self._blanks}x"
        self._blanks += 1
        blank = [n for n in names if any(isinstance(row.get(n), ox.BlankNode) for row in rows)]
        if not blank:
            return _values(names, rows)
        if goes_out:
            raise GatewayError("a SERVICE inside of another one answers with blank nodes, which cannot be passed on.", "嵌套的 SERVICE 返回空白节点，无法传递给外层的 SERVICE。")
        kept = {n: f"{n}_{self._secret}" if n in blank else n for n in names}
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


def _is_silenced(clause: Clause) -> bool:
    """Whether a clause around this one is SILENT about its failure."""
    return clause.around is not None and (clause.around.silent or _is_silenced(clause.around))
