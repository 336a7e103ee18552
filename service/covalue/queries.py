"""
Query files: a header of `#+` lines read as YAML, and the SPARQL below it; and the binding of parameters.

The header is one block at the top; unknown keys are errors; what it says of columns and parameters must agree with the body.
A parameter `actor` of type `iri` stands in the body as the variable `?_actor_iri`, so that the file runs in any editor, where
it matches all. Binding never pastes text: it puts `VALUES ?_actor_iri { … }`, made of serialised terms, at the head of
every group that mentions the variable (SPARQL 1.1, section 10.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import yaml

from covalue.errors import InputError, Place, SourceError
from covalue.names import PREFIXES
from covalue.sparql import tokens

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""As safe as the other one, and ten times as fast where PyYAML came with it: it reads all questions at each start."""
KEYS = {"title", "summary", "question", "explanation", "severity", "source", "graphs", "columns", "key", "expect", "parameters", "keywords"}


TYPES = {"iri", "integer", "year", "decimal", "text"}
PARAMETER_KEYS = {"type", "choices", "required", "many", "label", "example"}
VARIABLE = re.compile(r"[?$]_(\w+)_([a-z]+)")
DATATYPES = {"integer": "integer", "year": "integer", "decimal": "decimal"}


@dataclass(frozen=True)
class Parameter:
    """
    A declared parameter.

    `choices` is the class (CURIE) whose members an `iri` may be; `many` allows several values, of which any may match.
    """

    name: str
    type: str
    choices: str
    required: bool
    many: bool
    label: Mapping[str, str]
    example: str

    @property
    def variable(self) -> str:
        """The variable that stands for it in the body, without the question mark."""
        return f"_{self.name}_{self.type}"


@dataclass(frozen=True)
class Query:
    """A query file: its header, its whole text (which runs as it stands), the columns that it projects, and its parameters."""

    path: Path
    header: Mapping[str, Any]
    text: str
    columns: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()

    def bind(self, values: Mapping[str, Sequence[ox.NamedNode | ox.Literal]]) -> str:
        """
        The query's text with every given parameter restricted to its values.

        Args:
            values: terms by parameter name; optional parameters may be absent or empty.

        Returns:
            SPARQL 1.1 text; parameters left out stay variables and match all.

        Raises:
            InputError: unknown name, a required one missing, several values where one is allowed, or the wrong kind of term.
        """
        known = {p.name: p for p in self.parameters}
        for name in values:
            if name not in known:
                listed = ", ".join(known) or "-"
                raise InputError(f'there is no parameter "{name}" here; there are {listed}.', f"此处没有参数“{name}”；可用的有 {listed}。")
        clauses = {}
        for parameter in self.parameters:
            terms = values.get(parameter.name, ())
            _check_terms(parameter, terms)
            if terms:
                clauses[parameter.variable] = f" VALUES ?{parameter.variable} {{ {' '.join(map(str, terms))} }}"
        return _restrict(self.text, clauses)


def literal(parameter: Parameter, text: str) -> ox.Literal:
    """
    The literal that a text stands for as value of a parameter that is not an IRI.

    Raises:
        InputError: not a number where one is wanted.
    """
    if parameter.type == "text":
        return ox.Literal(text)
    plain = text.strip()
    pattern = r"[+-]?[0-9]{1,18}(\.[0-9]{1,12})?" if parameter.type == "decimal" else r"[+-]?[0-9]{1,18}"
    if not (plain.isascii() and re.fullmatch(pattern, plain)):
        raise InputError(f'"{text}" is not a number, as {parameter.name} needs.', f"“{text}”不是数字，而参数 {parameter.name} 需要数字。")
    return ox.Literal(plain, datatype=ox.NamedNode(PREFIXES["xsd"] + DATATYPES[parameter.type]))


def _check_terms(parameter: Parameter, terms: Sequence[ox.NamedNode | ox.Literal]) -> None:
    if parameter.required and not terms:
        raise InputError(f'the parameter "{parameter.name}" is required.', f"参数“{parameter.name}”必须给出。")
    if len(terms) > 1 and not parameter.many:
        raise InputError(f'the parameter "{parameter.name}" takes one value.', f"参数“{parameter.name}”只能有一个值。")
    wanted = ox.NamedNode if parameter.type == "iri" else ox.Literal
    if not all(isinstance(t, wanted) for t in terms):
        raise InputError(f'the parameter "{parameter.name}" takes values of type {parameter.type}.', f"参数“{parameter.name}”的值应为 {parameter.type} 类型。")


def _restrict(text: str, clauses: Mapping[str, str]) -> str:
    """Puts each clause right behind the opening brace of every group that mentions its variable directly."""
    inserts: dict[int, set[str]] = {}
    for brace, variable in _mentions(text):
        if variable in clauses:
            inserts.setdefault(brace, set()).add(clauses[variable])
    out, last = [], 0
    for offset in sorted(inserts):
        out += [text[last : offset + 1], *sorted(inserts[offset])]
        last = offset + 1
    return "".join([*out, text[last:]])


def _mentions(text: str) -> Iterator[tuple[int, str]]:
    """Pairs of a group's opening brace and a variable that stands directly in it; SELECT clauses belong to no group."""
    stack: list[int] = []
    in_select = False
    for kind, token, offset in tokens(text):
        if kind == "word":
            in_select = token.upper() == "SELECT" or (in_select and token.upper() != "WHERE")
        if token == "{" and kind == "other":
            in_select = False
            stack.append(offset)
        elif token == "}" and kind == "other" and stack:
            stack.pop()
        elif kind == "variable" and stack and not in_select:
            yield stack[-1], token[1:]


def load(path: Path) -> Query:
    """
    A query file, with header and body held against each other.

    Raises:
        SourceError: the header is missing, not YAML, has unknown keys, or names columns that the query does not project.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise SourceError(f"cannot be read as UTF-8: {e}.", f"无法按 UTF-8 读取：{e}。", Place(str(path))) from e
    header = _header(text, path)
    columns = _columns(text)
    named = list(header.get("columns") or [])
    if named and named != list(columns):
        raise SourceError(
            f"its header names the columns {', '.join(named)}, but the query projects {', '.join(columns)}; make them agree.",
            f"文件头写的列是 {', '.join(named)}，而查询投影的是 {', '.join(columns)}；请使二者一致。",
            Place(str(path), 1),
        )
    parameters = tuple(_parameter(name, spec, path) for name, spec in (header.get("parameters") or {}).items())
    _agree(parameters, text, path)
    return Query(path, header, text, columns, parameters)


def _parameter(name: str, spec: Any, path: Path) -> Parameter:
    wrong = sorted(set(spec) - PARAMETER_KEYS) if isinstance(spec, dict) else ["?"]
    if wrong or spec.get("type") not in TYPES or (spec["type"] == "iri") != ("choices" in spec) or {"en", "zh"} != set(spec.get("label", {})):
        raise SourceError(
            f'declares the parameter "{name}" wrongly: it needs type ({", ".join(sorted(TYPES))}), label (en, zh), and choices for an iri; it may have required, many, example.',
            f"参数“{name}”的声明有误：需要 type（{'、'.join(sorted(TYPES))}）、label（en、zh），iri 还需 choices；可有 required、many、example。",
            Place(str(path), 1),
        )
    return Parameter(name, spec["type"], spec.get("choices", ""), bool(spec.get("required")), bool(spec.get("many")), spec["label"], str(spec.get("example", "")))


def _agree(parameters: tuple[Parameter, ...], text: str, path: Path) -> None:
    declared = {p.variable for p in parameters}
    used = {token[1:] for kind, token, _ in tokens(text) if kind == "variable" and VARIABLE.fullmatch(token)}
    if declared != used:
        odd = ", ".join(sorted(declared ^ used))
        raise SourceError(
            f"its header and its body do not agree on parameters: {odd} stands in one of them only.",
            f"文件头与正文的参数不一致：{odd} 只出现在其中一处。",
            Place(str(path), 1),
        )


def _header(text: str, path: Path) -> dict[str, Any]:
    lines = text.splitlines()
    count = next((i for i, line in enumerate(lines) if not line.startswith("#+")), len(lines))
    try:
        header = yaml.load("\n".join(line[2:].removeprefix(" ") for line in lines[:count]), LOADER) or {}
    except yaml.YAMLError as e:
        raise SourceError(f"has a header that is not YAML: {e}.", f"文件头不是合法 YAML：{e}。", Place(str(path), 1)) from e
    if not isinstance(header, dict) or not header:
        raise SourceError("has no header; begin with '#+ summary:' lines.", "没有文件头；请以“#+ summary:”开头。", Place(str(path), 1))
    unknown = sorted(set(header) - KEYS)
    if unknown:
        raise SourceError(
            f"has unknown header keys {', '.join(unknown)}; known are {', '.join(sorted(KEYS))}.",
            f"文件头有未知的键 {', '.join(unknown)}；可用的键是 {', '.join(sorted(KEYS))}。",
            Place(str(path), 1),
        )
    return header


def _columns(text: str) -> tuple[str, ...]:
    body = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    found = re.search(r"\bSELECT\b(?:\s+(?:DISTINCT|REDUCED)\b)?(.*?)(?:\bWHERE\b|\{)", body, re.I | re.S)
    if not found:
        return ()
    clause = found.group(1)
    while re.search(r"\((?:[^()]*)\bAS\s+\?\w+\s*\)", clause, re.I) or re.search(r"\([^()]*\)", clause):
        clause = re.sub(r"\([^()]*\bAS\s+(\?\w+)\s*\)", r" \1 ", clause, flags=re.I)
        clause = re.sub(r"\((?![^()]*\bAS\s+\?)[^()]*\)", " ", clause, flags=re.I)
    return tuple(re.findall(r"\?(\w+)", clause))
