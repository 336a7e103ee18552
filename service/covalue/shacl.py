"""
SHACL Core, as far as our own shapes use it: compiled once, run over indexed statements, one case at a time.

pySHACL stays the judge (see `validate`); but it reads and checks everything anew with each call, which is nine tenths of the time of a build.
This module says, some fifty times sooner, *where* something does not conform, so that the judge is asked only where there is something to judge.
It knows its limits: shapes with anything else than what stands here are not compiled, and data of which it cannot be sure (an ill-typed
number, a date to be compared) end in `UnsureError`; in both cases everything goes to the judge. `tests/test_shacl.py` holds the two together.

Terms are texts as N-Triples writes them; the outcome for equal statements is equal, and does not depend on their order.

Source: SHACL (W3C 2017), sections 2 to 4; rdfs:subClassOf counts as section 3.2 says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Final

import pyoxigraph as ox

from covalue.names import PREFIXES

Statement = tuple[str, str, str]
Values = set[str]
_SH, _RDF, _XSD = PREFIXES["sh"], PREFIXES["rdf"], PREFIXES["xsd"]
_TYPE: Final = f"<{_RDF}type>"
_SUBCLASS: Final = f"<{PREFIXES['rdfs']}subClassOf>"
_FIRST, _REST, _NIL = (f"<{_RDF}{name}>" for name in ("first", "rest", "nil"))
_NUMBERS: Final = {_XSD + "integer": re.compile(r"[+-]?[0-9]+"), _XSD + "decimal": re.compile(r"[+-]?[0-9]*\.?[0-9]+")}
_STRING: Final = _XSD + "string"
_KINDS: Final = {"IRI": "<", "Literal": '"', "BlankNode": "_", "BlankNodeOrIRI": "_<", "BlankNodeOrLiteral": '_"', "IRIOrLiteral": '<"'}


class UnsureError(Exception):
    """The data hold something of which only the judge can tell whether it conforms."""


class _UnknownError(Exception):
    """The shapes hold something that is not compiled here."""


@dataclass(frozen=True)
class Result:
    """One validation result: `shape` tells path, severity and messages; `value` is empty where the component names none."""

    shape: Shape
    focus: str
    component: str
    value: str = ""


Constraint = Callable[["Facts", str, Values], Iterator[tuple[str, str]]]
"""From data, focus node and value nodes to the components (short names) that find a fault, each with the value at fault or nothing."""
Path = Callable[["Facts", str], Values]


@dataclass(eq=False)
class Shape:
    """A compiled shape; a node shape has no path."""

    node: str
    severity: str
    messages: tuple[str, ...]
    path: Path | None = None
    path_iri: str = ""
    constraints: list[Constraint] = field(default_factory=list)
    properties: list[Shape] = field(default_factory=list)

    @cached_property
    def texts(self) -> tuple[ox.Literal, ...]:
        """Its messages as terms."""
        return tuple(_term(m) for m in self.messages)

    def results(self, facts: Facts, focus: str) -> Iterator[Result]:
        """What is wrong with a focus node, property shapes included."""
        values = {focus} if self.path is None else self.path(facts, focus)
        for constraint in self.constraints:
            for component, value in constraint(facts, focus, values):
                yield Result(self, focus, component, value)
        for shape in self.properties:
            for value in values:
                yield from shape.results(facts, value)

    def conforms(self, facts: Facts, node: str) -> bool:
        return next(self.results(facts, node), None) is None


class Facts:
    """
    Statements by predicate and subject, over further ones that stay as they are.

    Args:
        statements: of their own.
        below: what they rest on.

    Raises:
        UnsureError: they speak of a subject of what lies below, or of classes, so that what is true there may not be so any more.
    """

    def __init__(self, statements: Iterable[Statement], below: Facts | None = None) -> None:
        self.below = below
        self.own: dict[str, dict[str, Values]] = {}
        self._inverse: dict[str, dict[str, Values]] = {}
        self._above: dict[str, frozenset[str]] = below._above if below else {}
        for subject, predicate, value in statements:
            self.own.setdefault(predicate, {}).setdefault(subject, set()).add(value)
        if below and (_SUBCLASS in self.own or not self.subjects.isdisjoint(below.subjects)):
            raise UnsureError

    @cached_property
    def subjects(self) -> frozenset[str]:
        """The subjects of its own statements."""
        return frozenset(s for by_subject in self.own.values() for s in by_subject)

    def values(self, predicate: str, subject: str) -> Values:
        """The objects of a predicate; not to be changed."""
        found = self.own.get(predicate, {}).get(subject)
        if found is None:
            return self.below.values(predicate, subject) if self.below else set()
        return found

    def inverse(self, predicate: str, value: str) -> Values:
        """The subjects of a predicate; of its own statements only (see `Shapes`)."""
        if predicate not in self._inverse:
            turned = self._inverse[predicate] = {}
            for subject, values in self.own.get(predicate, {}).items():
                for v in values:
                    turned.setdefault(v, set()).add(subject)
        return self._inverse[predicate].get(value, set())

    def above(self, kind: str) -> frozenset[str]:
        """A class and all above it."""
        if kind not in self._above:
            seen: set[str] = set()
            todo = [kind]
            while todo:
                each = todo.pop()
                if each not in seen:
                    seen.add(each)
                    todo += self.values(_SUBCLASS, each)
            self._above[kind] = frozenset(seen)
        return self._above[kind]

    def is_a(self, node: str, kind: str) -> bool:
        return node[0] != '"' and any(kind in self.above(t) for t in self.values(_TYPE, node))


class Shapes:
    """
    Compiled shapes with their targets.

    Args:
        looks_back: whether a path goes from objects to subjects, so that a case can change what is true of things that it does not speak of.
    """

    def __init__(self, by_class: Mapping[str, Sequence[Shape]], by_predicate: Mapping[str, Sequence[Shape]], looks_back: bool) -> None:
        self._by_class, self._by_predicate, self._looks_back = by_class, by_predicate, looks_back

    def results(self, facts: Facts) -> Iterator[Result]:
        """
        What is wrong with those nodes of which the statements' own subjects speak; what lies below them is taken as judged.

        Raises:
            UnsureError: something can only be told by the judge.
        """
        if facts.below and self._looks_back:
            raise UnsureError
        for predicate, shapes in self._by_predicate.items():
            for focus in facts.own.get(predicate, ()):
                for shape in shapes:
                    yield from shape.results(facts, focus)
        for focus, kinds in facts.own.get(_TYPE, {}).items():
            targets = {kind for k in kinds for kind in facts.above(k) if kind in self._by_class}
            for shape in {id(s): s for kind in targets for s in self._by_class[kind]}.values():
                yield from shape.results(facts, focus)


def compile_shapes(quads: Iterable[ox.Quad]) -> Shapes | None:
    """The shapes, or None where they hold anything that is not known here."""
    try:
        return _Compiler(quads).shapes()
    except _UnknownError:
        return None


def statements(quads: Iterable[ox.Quad]) -> Iterator[Statement]:
    """Quads as texts, without their graphs."""
    for q in quads:
        yield str(q.subject), str(q.predicate), str(q.object)


# --- literals


@lru_cache(maxsize=65536)
def _literal(text: str) -> tuple[str, str, str]:
    """Lexical form, language in lower case, and datatype (as IRI without brackets; empty for text with a language)."""
    end = text.rindex('"')
    lexical, rest = text[1:end], text[end + 1 :]
    if "\\" in lexical:
        lexical = _term(text).value
    return (lexical, rest[1:].lower(), "") if rest[:1] == "@" else (lexical, "", rest[3:-1] if rest else _STRING)


def _term(text: str) -> ox.Literal:
    parsed = next(iter(ox.parse(f"<x:s> <x:p> {text} .".encode(), ox.RdfFormat.N_TRIPLES))).object
    assert isinstance(parsed, ox.Literal)
    return parsed


def _number(text: str) -> Decimal | None:
    """The number that a literal stands for; None for a text. Any other literal is beyond us."""
    lexical, language, datatype = _literal(text)
    if language or datatype == _STRING:
        return None
    if datatype not in _NUMBERS or not _NUMBERS[datatype].fullmatch(lexical):
        raise UnsureError
    return Decimal(lexical)


def _distinct(values: Values) -> int:
    """How many terms these are; two spellings of one number are one, as they are for rdflib."""
    if len(values) < 2 or not any(v[0] == '"' for v in values):
        return len(values)
    seen = set()
    for v in values:
        if v[0] != '"':
            seen.add((v, "", ""))
            continue
        lexical, language, datatype = _literal(v)
        number = None if language or datatype == _STRING else _number(v)
        seen.add((lexical if number is None else str(number.normalize()), language, datatype))
    return len(seen)


# --- constraints


def _min_count(n: int) -> Constraint:
    def check(_: Facts, __: str, values: Values) -> Iterator[tuple[str, str]]:
        if len(values) < n or _distinct(values) < n:
            yield "MinCount", ""

    return check


def _max_count(n: int) -> Constraint:
    def check(_: Facts, __: str, values: Values) -> Iterator[tuple[str, str]]:
        if len(values) > n and _distinct(values) > n:
            yield "MaxCount", ""

    return check


def _each(component: str, fits: Callable[[Facts, str], bool]) -> Constraint:
    """A constraint that looks at each value by itself."""

    def check(facts: Facts, _: str, values: Values) -> Iterator[tuple[str, str]]:
        for v in values:
            if not fits(facts, v):
                yield component, v

    return check


def _class(kind: str) -> Constraint:
    return _each("Class", lambda facts, v: facts.is_a(v, kind))


def _datatype(datatype: str) -> Constraint:
    if datatype not in (*_NUMBERS, _STRING):
        raise _UnknownError

    def fits(_: Facts, v: str) -> bool:
        if v[0] != '"' or _literal(v)[2] != datatype:
            return False
        if datatype != _STRING:
            _number(v)
        return True

    return _each("Datatype", fits)


def _node_kind(name: str) -> Constraint:
    if name not in _KINDS:
        raise _UnknownError
    return _each("NodeKind", lambda _, v: v[0] in _KINDS[name])


def _in(members: frozenset[str]) -> Constraint:
    if any(m[0] != "<" for m in members):
        raise _UnknownError
    return _each("In", lambda _, v: v in members)


def _has_value(value: str) -> Constraint:
    if value[0] != "<":
        raise _UnknownError

    def check(_: Facts, __: str, values: Values) -> Iterator[tuple[str, str]]:
        if value not in values:
            yield "HasValue", ""

    return check


def _language_in(languages: frozenset[str]) -> Constraint:
    def fits(_: Facts, v: str) -> bool:
        language = _literal(v)[1] if v[0] == '"' else ""
        return bool(language) and ("*" in languages or language in languages or language.partition("-")[0] in languages)

    return _each("LanguageIn", fits)


def _unique_lang(_: Facts, __: str, values: Values) -> Iterator[tuple[str, str]]:
    languages = [language for v in values if v[0] == '"' and (language := _literal(v)[1])]
    if len(languages) > len(set(languages)):
        yield "UniqueLang", ""


def _pattern(pattern: str) -> Constraint:
    try:
        compiled = re.compile(pattern)
    except re.error as e:
        raise _UnknownError from e

    def fits(_: Facts, v: str) -> bool:
        if v[0] != '"':
            return v[0] == "<" and bool(compiled.search(v[1:-1]))
        lexical, language, datatype = _literal(v)
        if not language and datatype != _STRING:
            raise UnsureError
        return bool(compiled.search(lexical))

    return _each("Pattern", fits)


def _bound(component: str, bound: Decimal, fits_number: Callable[[Decimal, Decimal], bool]) -> Constraint:
    def fits(_: Facts, v: str) -> bool:
        number = _number(v) if v[0] == '"' else None
        return number is not None and fits_number(number, bound)

    return _each(component, fits)


def _comparable(value: str) -> Decimal | str:
    """As pySHACL compares: numbers as such, texts and addresses as texts."""
    if value[0] == "_":
        raise UnsureError
    if value[0] == "<":
        return value[1:-1]
    number = _number(value)
    return _literal(value)[0] if number is None else number


def _less(component: str, predicate: str, or_equal: bool) -> Constraint:
    def check(facts: Facts, focus: str, values: Values) -> Iterator[tuple[str, str]]:
        others = [_comparable(o) for o in facts.values(predicate, focus)]
        for v in values if others else ():
            mine = _comparable(v)
            if not all(_ascends(mine, o, or_equal) for o in others):
                yield component, v

    return check


def _ascends(a: Decimal | str, b: Decimal | str, or_equal: bool) -> bool:
    if isinstance(a, str) and isinstance(b, str):
        return a < b or (or_equal and a == b)
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        return a < b or (or_equal and a == b)
    return False


def _disjoint(predicate: str) -> Constraint:
    def check(facts: Facts, focus: str, values: Values) -> Iterator[tuple[str, str]]:
        others = facts.values(predicate, focus)
        for v in values:
            if v in others:
                yield "Disjoint", v
            elif v[0] == '"' and any(o[0] == '"' and _distinct({v, o}) == 1 for o in others):
                raise UnsureError

    return check


def _not(shape: Shape) -> Constraint:
    return _each("Not", lambda facts, v: not shape.conforms(facts, v))


def _or(shapes: Sequence[Shape]) -> Constraint:
    return _each("Or", lambda facts, v: any([s.conforms(facts, v) for s in shapes]))  # noqa: C419 - all are asked, so that doubt does not depend on the order


def _qualified(shape: Shape, least: int, most: int | None) -> Constraint:
    def check(facts: Facts, _: str, values: Values) -> Iterator[tuple[str, str]]:
        count = sum(shape.conforms(facts, v) for v in values)
        if count < least:
            yield "QualifiedMinCount", ""
        if most is not None and count > most:
            yield "QualifiedMaxCount", ""

    return check


# --- from a shapes graph


_TARGETS: Final = ("targetClass", "targetSubjectsOf")
_PLAIN: Final = frozenset(_SH + n for n in ("path", "severity", "message", "name", "description", "property", *_TARGETS, "qualifiedMinCount", "qualifiedMaxCount"))


class _Compiler:
    """Compiles each shape once; a shape that rests on itself is not known here."""

    def __init__(self, quads: Iterable[ox.Quad]) -> None:
        self.said: dict[str, dict[str, list[str]]] = {}
        self.looks_back = False
        for subject, predicate, value in statements(quads):
            self.said.setdefault(subject, {}).setdefault(predicate[1:-1], []).append(value)
        self.made: dict[str, Shape | None] = {}

    def shapes(self) -> Shapes:
        by_class: dict[str, list[Shape]] = {}
        by_predicate: dict[str, list[Shape]] = {}
        for node, said in sorted(self.said.items()):
            kinds = said.get(_RDF + "type", [])
            if any(k not in (f"<{_SH}NodeShape>", f"<{_SH}PropertyShape>") for k in kinds):
                raise _UnknownError
            if kinds:
                shape = self.shape(node)
                for kind in said.get(_SH + "targetClass", ()):
                    by_class.setdefault(kind, []).append(shape)
                for predicate in said.get(_SH + "targetSubjectsOf", ()):
                    by_predicate.setdefault(predicate, []).append(shape)
            elif any(p.startswith(_SH + "target") for p in said):
                raise _UnknownError
        return Shapes(by_class, by_predicate, self.looks_back)

    def shape(self, node: str) -> Shape:
        if node in self.made:
            done = self.made[node]
            if done is None:
                raise _UnknownError
            return done
        self.made[node] = None
        said = self.said.get(node)
        if said is None:
            raise _UnknownError
        messages = tuple(sorted(said.get(_SH + "message", ())))
        if any(m[0] != '"' for m in messages):
            raise _UnknownError
        shape = Shape(node, self._one(said, "severity", f"<{_SH}Violation>"), messages)
        if _SH + "path" in said:
            path = self._one(said, "path")
            shape.path, shape.path_iri = self._path(path), path if path[0] == "<" else ""
        for predicate, values in sorted(said.items()):
            if predicate not in _PLAIN and predicate != _RDF + "type":
                if not predicate.startswith(_SH):
                    raise _UnknownError
                shape.constraints += [c for v in sorted(values) for c in self._constraints(predicate.removeprefix(_SH), v, said)]
        shape.properties = [self.shape(p) for p in sorted(said.get(_SH + "property", ()))]
        if any(p.path is None for p in shape.properties):
            raise _UnknownError
        self.made[node] = shape
        return shape

    def _one(self, said: Mapping[str, Sequence[str]], name: str, default: str = "") -> str:
        values = said.get(_SH + name, [default])
        if len(values) != 1 or not values[0]:
            raise _UnknownError
        return values[0]

    def _list(self, head: str) -> list[str]:
        out: list[str] = []
        while head != _NIL:
            cell = self.said.get(head, {})
            if {p: len(v) for p, v in cell.items()} != {_FIRST[1:-1]: 1, _REST[1:-1]: 1} or len(out) > len(self.said):
                raise _UnknownError
            out.append(cell[_FIRST[1:-1]][0])
            head = cell[_REST[1:-1]][0]
        if not out:
            raise _UnknownError
        return out

    def _path(self, node: str) -> Path:
        if node[0] == "<":
            return lambda facts, focus: facts.values(node, focus)
        said = self.said.get(node, {})
        if _FIRST[1:-1] in said:
            steps = [self._path(step) for step in self._list(node)]
            return lambda facts, focus: _follow(steps, facts, focus)
        (name,) = said if len(said) == 1 else ("",)
        if name == _SH + "inversePath" and (inner := self._one(said, "inversePath"))[0] == "<":
            self.looks_back = True
            return lambda facts, focus: facts.inverse(inner, focus)
        if name == _SH + "alternativePath":
            ways = [self._path(way) for way in self._list(self._one(said, "alternativePath"))]
            return lambda facts, focus: set().union(*(way(facts, focus) for way in ways))
        raise _UnknownError

    def _constraints(self, name: str, value: str, said: Mapping[str, Sequence[str]]) -> Iterator[Constraint]:
        """What one parameter of a shape demands."""
        of_iri: dict[str, Callable[[str], Constraint]] = {
            "class": lambda v: _class(f"<{v}>"),
            "datatype": _datatype,
            "nodeKind": lambda v: _node_kind(v.removeprefix(_SH)),
            "hasValue": lambda v: _has_value(f"<{v}>"),
            "lessThan": lambda v: _less("LessThan", f"<{v}>", False),
            "lessThanOrEquals": lambda v: _less("LessThanOrEquals", f"<{v}>", True),
            "disjoint": lambda v: _disjoint(f"<{v}>"),
        }
        of_list: dict[str, Callable[[list[str]], Constraint]] = {
            "in": lambda members: _in(frozenset(members)),
            "languageIn": lambda members: _language_in(frozenset(_literal(m)[0].lower() for m in members)),
            "or": lambda members: _or([self.shape(m) for m in members]),
        }
        of_literal: dict[str, Callable[[str], Constraint]] = {
            "minCount": lambda v: _min_count(_whole(v)),
            "maxCount": lambda v: _max_count(_whole(v)),
            "pattern": lambda v: _pattern(_literal(v)[0]),
            "minInclusive": lambda v: _bound("MinInclusive", _bounding(v), lambda a, b: a >= b),
            "maxInclusive": lambda v: _bound("MaxInclusive", _bounding(v), lambda a, b: a <= b),
        }
        alone = len(said[_SH + name]) == 1
        if name in of_iri and value[0] == "<":
            yield of_iri[name](value[1:-1])
        elif name in of_list:
            yield of_list[name](self._list(value))
        elif name in of_literal and value[0] == '"' and (alone or name == "pattern"):
            yield of_literal[name](value)
        elif name == "not":
            yield _not(self.shape(value))
        elif name == "uniqueLang" and value == f'"true"^^<{_XSD}boolean>' and alone:
            yield _unique_lang
        elif name == "qualifiedValueShape" and alone and _SH + "path" in said and said.keys() & {_SH + "qualifiedMinCount", _SH + "qualifiedMaxCount"}:
            least, most = (_whole(self._one(said, n)) if _SH + n in said else None for n in ("qualifiedMinCount", "qualifiedMaxCount"))
            yield _qualified(self.shape(value), least or 0, most)
        else:
            raise _UnknownError


def _follow(steps: Sequence[Path], facts: Facts, focus: str) -> Values:
    nodes = {focus}
    for step in steps:
        nodes = set().union(*(step(facts, node) for node in nodes))
    return nodes


def _whole(text: str) -> int:
    number = _bounding(text)
    if number != int(number) or number < 0:
        raise _UnknownError
    return int(number)


def _bounding(text: str) -> Decimal:
    try:
        number = _number(text) if text[0] == '"' else None
    except UnsureError as e:
        raise _UnknownError from e
    if number is None:
        raise _UnknownError
    return number
