"""
A query's text, taken apart as far as it takes to send it to an engine that is not ours: its form, its dataset, its GRAPH patterns.

The text has been parsed before (see `parse`), so that what stands here meets only SPARQL.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from urllib.parse import urljoin

import pyoxigraph as ox

from covalue.errors import RefusedError
from covalue.formats import Shape
from covalue.names import BASE
from covalue.sparql import FORMS, Token, closing, listed, place
from covalue.stores.columns import written_out
from covalue.stores.oxigraph import engine_error

FOREIGN = re.compile(r"(?:bif|sql|java|urn:x-arq):|https?://jena\.(?:apache\.org|hpl\.hp\.com)/", re.I)
"""IRIs by which engines reach functions of their host, predicates that compute, or graphs that are in no dataset."""
ABSOLUTE = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*:")
ENDS = frozenset({"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "VALUES"})
FAULTS = (SyntaxError, RuntimeError, OSError)
"""What the engine raises of a text."""
_NONE = ox.Variable("covalueNeverProjected")
_EMPTY = ox.Store()
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.S)
Dataset = tuple[tuple[str, ...], tuple[str, ...]]
"""The parts of the default graph, and the named graphs."""


def parse(text: str) -> str:
    """
    Parses, and evaluates nothing: a substitution for a variable that no query projects is refused between the two.

    Returns:
        the text, as the embedded engine takes it.

    Raises:
        QueryError: the text is no SPARQL query, or calls a function that is not SPARQL's. (An engine that knows it would answer otherwise than
            the embedded one, and one that does not know it would answer with nothing.)
    """
    try:
        _parse(text)
    except FAULTS as e:
        plain = written_out(text) if isinstance(e, SyntaxError) else None
        if plain is None or not _parses(plain):
            raise engine_error(text, e) from e
        return plain
    return text


def _parse(text: str) -> None:
    try:
        _EMPTY.query(text, base_iri=BASE, substitutions={_NONE: ox.Literal("")})
    except FAULTS as e:
        if _NONE.value not in str(e):
            raise


def _parses(text: str) -> bool:
    try:
        _parse(text)
    except FAULTS:
        return False
    return True


class Text:
    """One query."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._read()
        self._plainly()

    def _plainly(self) -> None:
        """
        What not every engine knows, made plain: relative IRIs become absolute, as the embedded engine has them; names with escapes become
        IRIs; and of BASE one is left, at the very front, where something else may need it.
        """
        edits: list[tuple[int, int, str]] = []
        base, based = BASE, False
        for i, token in enumerate(self._tokens):
            if token.kind == "iri" and i and self._tokens[i - 1].word == "BASE":
                base, based = urljoin(base, _unescaped(token.text[1:-1])), True
                edits.append((self._tokens[i - 1].start, token.end, ""))
            elif token.kind == "iri" and not ABSOLUTE.match(token.text):
                edits.append((token.start, token.end, f"<{urljoin(base, _unescaped(token.text[1:-1]))}>"))
            elif token.kind == "name" and "\\" in token.text:
                edits.append((token.start, token.end, f"<{self._iri(token)}>"))
            based |= token.word in ("IRI", "URI")
        for start, end, new in reversed(edits):
            self.text = self.text[:start] + new + self.text[end:]
        if based:
            self.text = f"BASE <{base}> {self.text}"
        if edits or based:
            self._read()

    def _read(self) -> None:
        self._tokens = listed(self.text)
        self._base, self._prefixes = BASE, dict[str, str]()
        self._form = self._prologue()

    def _prologue(self) -> int:
        """Reads the declarations; returns where the form's keyword stands among the tokens."""
        inside = self._tokens
        for i, token in enumerate(inside):
            word = token.word
            if word == "BASE" and i + 1 < len(inside):
                self._base = urljoin(self._base, _unescaped(inside[i + 1].text[1:-1]))
            elif word == "PREFIX" and i + 2 < len(inside):
                self._prefixes[inside[i + 1].text[:-1]] = urljoin(self._base, _unescaped(inside[i + 2].text[1:-1]))
            elif word in FORMS and not (i and inside[i - 1].word == "PREFIX"):
                return i
        return max(0, len(inside) - 1)

    @property
    def form(self) -> str:
        """SELECT, ASK, CONSTRUCT or DESCRIBE."""
        return self._tokens[self._form].word

    @property
    def shape(self) -> Shape:
        """What the answer is."""
        return {"SELECT": Shape.BINDINGS, "ASK": Shape.BOOLEAN}.get(self.form, Shape.GRAPH)

    def _iri(self, token: Token) -> str:
        if token.kind == "iri":
            iri = _unescaped(token.text[1:-1])
            return iri if ABSOLUTE.match(token.text) else urljoin(self._base, iri)
        prefix, _, local = token.text.partition(":")
        return self._prefixes.get(prefix, f"{prefix}:") + _unescaped(local)

    def refuse_foreign(self) -> None:
        """
        Raises:
            RefusedError: an IRI means something inside some engine, beyond SPARQL.
        """
        for token in self._tokens:
            if (token.kind == "iri" or (token.kind == "name" and not token.text.startswith("_:"))) and FOREIGN.match(self._iri(token)):
                raise RefusedError(
                    f"{token.text} calls into the engine beyond SPARQL, and is not allowed here.",
                    f"{token.text} 会触及 SPARQL 之外的引擎内部功能，此处不允许。",
                    place(self.text, token.start),
                )

    @cached_property
    def _clauses(self) -> list[tuple[int, int, bool, str]]:
        """Start, end, whether NAMED, and IRI of each FROM clause."""
        out, inside = [], self._tokens
        for i, token in enumerate(inside):
            if token.word == "FROM":
                named = inside[i + 1].word == "NAMED"
                graph = inside[i + 1 + named]
                out.append((token.start, graph.end, named, self._iri(graph)))
        return out

    @property
    def dataset(self) -> Dataset | None:
        """The graphs of FROM and of FROM NAMED; None where there is neither."""
        if not self._clauses:
            return None
        default, named = (tuple(dict.fromkeys(iri for *_, n, iri in self._clauses if n is flag)) for flag in (False, True))
        return default, named

    def plain(self) -> str:
        """The text without FROM; all else keeps its place."""
        return self._blanked(0, len(self.text))

    def _blanked(self, start: int, end: int) -> str:
        out = self.text
        for begin, stop, *_ in self._clauses:
            out = out[:begin] + re.sub(r"[^\n]", " ", out[begin:stop]) + out[stop:]
        return out[start:end]

    def named(self) -> list[str] | None:
        """The graphs that GRAPH names; None where it stands before a variable."""
        out: list[str] = []
        for i, token in enumerate(self._tokens[:-1]):
            if token.word == "GRAPH":
                graph = self._tokens[i + 1]
                if graph.kind == "variable":
                    return None
                out.append(self._iri(graph))
        return out

    def moved(self, known: Sequence[str], elsewhere: str) -> str:
        """The text, in which GRAPH with a name that is not known names another graph."""
        out = self.text
        for i in range(len(self._tokens) - 2, -1, -1):
            graph = self._tokens[i + 1]
            if self._tokens[i].word == "GRAPH" and graph.kind != "variable" and self._iri(graph) not in known:
                out = f"{out[: graph.start]}<{elsewhere}>{out[graph.end :]}"
        return out

    def without(self, graphs: Sequence[str]) -> str:
        """The plain text, in which GRAPH with a variable does not find these graphs."""
        edits: list[tuple[int, str]] = []
        unwanted = ", ".join(f"<{g}>" for g in graphs)
        for i, token in enumerate(self._tokens[:-2]):
            variable = self._tokens[i + 1]
            if token.word == "GRAPH" and variable.kind == "variable":
                edits.append((token.start, "{ "))
                edits.append((self._tokens[closing(self._tokens, i + 2)].end, f" FILTER({variable.text} NOT IN ({unwanted})) }}"))
        out = self.plain()
        for offset, inserted in sorted(edits, key=lambda e: e[0], reverse=True):
            out = out[:offset] + inserted + out[offset:]
        return out

    def counting(self) -> str:
        """A CONSTRUCT as the SELECT of its solutions, each worth one column: what an engine cuts there, it cuts in the graph too."""
        start = self._form + 1
        if self._tokens[start].text == "{":
            start = closing(self._tokens, start) + 1
        begin = self._tokens[start].start
        return self.text[: self._tokens[self._form].start] + "SELECT (1 AS ?covalueRow) " + self._blanked(begin, len(self.text))

    def described(self) -> tuple[str, list[str], list[str], str]:
        """Of a DESCRIBE: the prologue, the variables (`*` alone means all), the IRIs as they are written, and all that follows, without FROM."""
        variables: list[str] = []
        iris: list[str] = []
        i = self._form + 1
        while i < len(self._tokens):
            token = self._tokens[i]
            if token.word in ENDS or token.text == "{":
                break
            (variables if token.kind in ("variable", "other") else iris).append(token.text)
            i += 1
        rest = self._blanked(self._tokens[i].start, len(self.text)) if i < len(self._tokens) else ""
        return self.text[: self._tokens[self._form].start], list(dict.fromkeys(variables)), list(dict.fromkeys(iris)), rest


def _unescaped(text: str) -> str:
    def character(found: re.Match[str]) -> str:
        code = found.group(1) or found.group(2)
        return chr(int(code, 16)) if code else found.group(3)

    return _ESCAPE.sub(character, text) if "\\" in text else text


def describing(prologue: str, variables: Sequence[str], iris: Sequence[str], rest: str, depth: int) -> tuple[str, str]:
    """
    A DESCRIBE as a CONSTRUCT that every engine answers alike: what is said of the resources, and of blank nodes below them to a depth.

    Returns:
        the CONSTRUCT, and the SELECT of its solutions (see `Text.counting`).
    """
    heads = []
    for v in variables:
        heads.append((f"{{ {{ SELECT DISTINCT {v} {rest} }} FILTER(BOUND({v})) }}", v))
    for iri in iris:
        heads.append((f"{{ SELECT DISTINCT (1 AS ?covalueOne) {rest} }}" if rest.strip() else "", iri))
    template, branches, n = [], [], 0
    for head, subject in heads:
        for levels in range(depth + 1):
            steps, node = [], subject
            for _ in range(levels):
                n += 1
                steps.append(f"{node} ?covalueP{n} ?covalueB{n} . FILTER(isBlank(?covalueB{n}))")
                node = f"?covalueB{n}"
            n += 1
            steps.append(f"{node} ?covalueP{n} ?covalueO{n} .")
            template.append(f"{node} ?covalueP{n} ?covalueO{n} .")
            branches.append(f"{{ {head} {' '.join(steps)} }}")
    where = " UNION ".join(branches)
    return f"{prologue} CONSTRUCT {{ {' '.join(template)} }} WHERE {{ {where} }}", f"{prologue} SELECT (1 AS ?covalueRow) WHERE {{ {where} }}"
