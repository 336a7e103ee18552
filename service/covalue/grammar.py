"""
The grammar of SPARQL 1.1 and 1.2 queries (W3C, section 19.8 of the 1.1 recommendation), to find where a text leaves it.

The engine's parser gives up at the furthest place that any of its attempts came to, often the end of the text. This one reads from left to
right, one token ahead, with a stack of its own: the first token that no query could have there is the fault, however deep it stands. It
answers questions about texts that the engine has refused, and decides nothing; where templates and patterns differ, it takes both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from covalue.sparql import tokens

RULES = """
Query       Prologue (Select|Construct|Describe|Ask) (VALUES Table)?
Prologue    (BASE %ref|PREFIX %ns %ref|VERSION %string)*
Select      Columns From Where Modifiers
SubSelect   Columns Where Modifiers (VALUES Table)?
Columns     SELECT (DISTINCT|REDUCED)? ('*'|(%var|'(' Expression AS %var ')')+)
Construct   CONSTRUCT (Template From Where Modifiers|From2? WHERE Template Modifiers)
Template    '{' Triples? '}'
Describe    DESCRIBE ('*'|Name+) From Where? Modifiers
Ask         ASK From Where Modifiers
From        (FROM (%iri|NAMED %iri))*
From2       (FROM (%iri|NAMED %iri))+
Where       WHERE? Group
Modifiers   Grouped? Having? Ordered? Slice?
Grouped     GROUP BY GroupKey+
GroupKey    Call|%iri Arguments|'(' Expression (AS %var)? ')'|%var
Having      HAVING Condition+
Ordered     ORDER BY OrderKey+
OrderKey    (ASC|DESC) '(' Expression ')'|Condition|%var
Condition   '(' Expression ')'|Call|%iri Arguments
Slice       LIMIT %integer (OFFSET %integer)?|OFFSET %integer (LIMIT %integer)?
Group       '{' (SubSelect|Triples? (Pattern '.'? Triples?)*) '}'
Pattern     Group (UNION Group)*|(OPTIONAL|MINUS|LATERAL) Group|GRAPH Name Group|SERVICE SILENT? Name Group|FILTER Condition|BIND '(' Expression AS %var ')'|VALUES Table
Table       %var '{' Value* '}'|'(' %var* ')' '{' ('(' Value* ')')* '}'
Value       %iri|Literal|UNDEF|'<<(' Value Verb Value ')>>'
Triples     Statement ('.' Triples?)?
Statement   Term Properties|Complex Properties?
Properties  Verb Objects (';' (Verb Objects)?)*
Objects     Object (',' Object)*
Object      Node ('~' (Name|%blank)?|'{|' Properties '|}')*
Node        Term|Complex
Complex     '(' Node* ')'|'[' Properties? ']'|'<<' Node Verb Node ('~' (Name|%blank)?)? '>>'
Term        %var|%iri|Literal|%blank|'<<(' Node Verb Node ')>>'
Name        %var|%iri
Literal     %string (%lang|'^^' %iri)?|('+'|'-')? %number|%bool
Verb        %var|Path
Path        Sequence ('|' Sequence)*
Sequence    Step ('/' Step)*
Step        '^'? (%iri|a|'!' Negated|'(' Path ')') ('?'|'*'|'+')?
Negated     One|'(' (One ('|' One)*)? ')'
One         '^'? (%iri|a)
Expression  And ('||' And)*
And         Relation ('&&' Relation)*
Relation    Sum (('='|'!='|'<'|'>'|'<='|'>=') Sum|IN List|NOT IN List)?
Sum         Product (('+'|'-') Product)*
Product     Unary (('*'|'/') Unary)*
Unary       ('!'|'+'|'-') Unary|'(' Expression ')'|Call|%iri Arguments?|%var|%string (%lang|'^^' %iri)?|%number|%bool|'<<(' Unary Verb Unary ')>>'
List        '(' (Expression (',' Expression)*)? ')'
Arguments   '(' (DISTINCT? Expression (',' Expression)*)? ')'
Call        EXISTS Group|NOT EXISTS Group|BOUND '(' %var ')'|BNODE '(' Expression? ')'|(CONCAT|COALESCE) List|COUNT '(' DISTINCT? ('*'|Expression) ')'|Concat|Calls
Concat      GROUP_CONCAT '(' DISTINCT? Expression (';' SEPARATOR '=' %string)? ')'
"""
"""A rule a line; `%` marks kinds of tokens, capitals are keywords, quoted are signs."""
FUNCTIONS = {
    (0, 0): "NOW UUID STRUUID RAND",
    (1, 1): "STR LANG DATATYPE IRI URI ABS CEIL FLOOR ROUND STRLEN UCASE LCASE ENCODE_FOR_URI YEAR MONTH DAY HOURS MINUTES SECONDS TIMEZONE TZ MD5 SHA1 SHA256 SHA384"
    " SHA512 ISIRI ISURI ISBLANK ISLITERAL ISNUMERIC LANGDIR HASLANG HASLANGDIR SUBJECT PREDICATE OBJECT ISTRIPLE",
    (2, 2): "LANGMATCHES CONTAINS STRSTARTS STRENDS STRBEFORE STRAFTER STRLANG STRDT SAMETERM",
    (3, 3): "IF STRLANGDIR TRIPLE",
    (1, 2): "ADJUST",
    (2, 3): "SUBSTR REGEX",
    (3, 4): "REPLACE",
}
"""By the fewest and the most values that they take."""
AGGREGATES = "SUM MIN MAX AVG SAMPLE"
NAMES = frozenset(" ".join((*FUNCTIONS.values(), AGGREGATES, "COUNT GROUP_CONCAT CONCAT COALESCE BOUND BNODE EXISTS")).split())
"""All functions and aggregates."""
PIECE = re.compile(r"'[^']+'|[%\w]+|[()|?*+]")
NUMBER = re.compile(r"[0-9]+\.[0-9]*[eE][+-]?[0-9]+|[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+(?:[eE][+-]?[0-9]+)?")
SIGN = re.compile(r"<<\(|\)>>|<<|>>|\^\^|&&|\|\||!=|<=|>=|\{\||\|\}")
ESCAPE = re.compile(r"\\(?:[tbnrf\\\"']|u(?![dD][89a-fA-F])[0-9A-Fa-f]{4}|U000[0-9A-Fa-f]{5}|U0010[0-9A-Fa-f]{4})")
DIRECTION = re.compile(r"--[a-z]+")
MOST = 20_000
"""Tokens that are looked at; a longer text is not diagnosed by this."""
END = "%end"


@dataclass(frozen=True)
class Lexeme:
    """A token as the grammar sees it: where it stands, and as what it may be taken."""

    text: str
    start: int
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Fault:
    """The first token that cannot stand where it stands (None for the end of the text), and what could."""

    at: Lexeme | None
    expected: frozenset[str]


@dataclass(frozen=True, eq=False)
class _Node:
    """Part of a rule: `term` and `rule` have a name, the others have parts."""

    kind: str
    name: str = ""
    parts: tuple[_Node, ...] = ()


def lexemes(text: str) -> list[Lexeme]:
    """
    The tokens of a text.

    Raises:
        QueryError: so many strings are left open that this is no query.
    """
    out: list[Lexeme] = []
    end = 0
    for kind, token, start in tokens(text):
        if start < end:
            continue
        one = _lexeme(text, kind, token, start)
        out.append(one)
        end = start + len(one.text)
        if one.text != token and kind == "name":
            out += [Lexeme(".", end + i, (".",)) for i in range(len(token) - len(one.text))]
            end = start + len(token)
    return out


def _lexeme(text: str, kind: str, token: str, start: int) -> Lexeme:
    if kind == "word":
        return Lexeme(token, start, ("%bool",) if token in ("true", "false") else ("a",) if token == "a" else (token.upper(),))
    if kind == "name":
        name = token.rstrip(".") if token.rstrip(".") else token
        return Lexeme(name, start, ("%blank",) if name.startswith("_:") else ("%iri", "%ns") if name.endswith(":") else ("%iri",))
    if kind == "other":
        number, sign = NUMBER.match(text, start), SIGN.match(text, start)
        if number:
            return Lexeme(number.group(), start, ("%number", "%integer") if number.group().isdigit() else ("%number",))
        return Lexeme(sign.group(), start, (sign.group(),)) if sign else Lexeme(token, start, (token,))
    if kind == "string" and "\\" in token and "\\" in ESCAPE.sub("", token):
        return Lexeme(token, start, ("escape",))
    if kind == "language" and (more := DIRECTION.match(text, start + len(token))):
        return Lexeme(token + more.group(), start, ("%lang",))
    return Lexeme(token, start, {"iri": ("%iri", "%ref"), "variable": ("%var",), "string": ("%string",), "language": ("%lang",)}.get(kind, (kind,)))


@lru_cache(maxsize=1)
def _rules() -> dict[str, _Node]:
    rules = {name: _read(body) for name, body in (line.split(None, 1) for line in RULES.strip().splitlines())}
    calls = [f"({'|'.join(names.split())}) '(' {_values(*count)} ')'" for count, names in FUNCTIONS.items()]
    return rules | {"Calls": _read("|".join((*calls, f"({'|'.join(AGGREGATES.split())}) '(' DISTINCT? Expression ')'")))}


def _values(fewest: int, most: int) -> str:
    """So many expressions, with commas between them."""
    optional = " (',' Expression)?" * (most - max(fewest, 1)) if most else ""
    return " ',' ".join(["Expression"] * fewest) + optional


def _read(body: str) -> _Node:
    pieces = PIECE.findall(body)
    node, rest = _choice(pieces, 0)
    assert rest == len(pieces), body
    return node


def _choice(pieces: Sequence[str], at: int) -> tuple[_Node, int]:
    options: list[_Node] = []
    parts: list[_Node] = []
    while at < len(pieces) and pieces[at] != ")":
        piece = pieces[at]
        at += 1
        if piece == "|":
            options.append(_Node("all", parts=tuple(parts)))
            parts = []
        elif piece in "?*+":
            parts[-1] = _Node(piece, parts=(parts[-1],))
        elif piece == "(":
            inner, at = _choice(pieces, at)
            parts.append(inner)
            at += 1
        elif piece[0] == "'":
            parts.append(_Node("term", piece[1:-1]))
        else:
            parts.append(_Node("rule" if piece[0].isupper() and not piece.isupper() else "term", piece))
    options.append(_Node("all", parts=tuple(parts)))
    return (_Node("one", parts=tuple(options)) if len(options) > 1 else options[0]), at


@lru_cache(maxsize=2048)
def _first(node: _Node) -> tuple[frozenset[str], bool]:
    """What a part can begin with, and whether it can be nothing."""
    if node.kind == "term":
        return frozenset((node.name,)), False
    if node.kind == "rule":
        return _first(_rules()[node.name])
    if node.kind == "one":
        found = [_first(part) for part in node.parts]
        return frozenset().union(*(begins for begins, _ in found)), any(empty for _, empty in found)
    if node.kind != "all":
        begins, empty = _first(node.parts[0])
        return begins, empty or node.kind != "+"
    out: frozenset[str] = frozenset()
    for part in node.parts:
        begins, empty = _first(part)
        out |= begins
        if not empty:
            return out, False
    return out, True


def first(rule: str) -> frozenset[str]:
    """What a rule can begin with."""
    return _first(_rules()[rule])[0]


def fault(text: str) -> Fault | None:
    """
    Where a text leaves the grammar; None where it does not, or is too long to be looked at.

    Raises:
        QueryError: so many strings are left open that this is no query.
    """
    listed = lexemes(text)
    if len(listed) > MOST:
        return None
    stack = [_Node("rule", "Query")]
    at: int = 0
    skipped: frozenset[str] = frozenset()
    while True:
        token = listed[at] if at < len(listed) else None
        kinds = token.kinds if token else (END,)
        if not stack:
            return Fault(token, skipped) if token else None
        node = stack.pop()
        starts, empty = _first(node)
        if not any(kind in starts for kind in kinds):
            if not empty:
                return Fault(token, skipped | starts)
            skipped |= starts
        elif node.kind == "term":
            at += 1
            skipped = frozenset()
        else:
            stack += _opened(node, kinds)


def _opened(node: _Node, kinds: Sequence[str]) -> list[_Node]:
    """What is to be read for a part that begins with a token, the first last."""
    if node.kind == "rule":
        return [_rules()[node.name]]
    if node.kind == "one":
        return [next(part for part in node.parts if any(kind in _first(part)[0] for kind in kinds))]
    if node.kind == "all":
        return list(reversed(node.parts))
    return [node.parts[0]] if node.kind == "?" else [_Node("*", parts=node.parts), node.parts[0]]
