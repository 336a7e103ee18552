"""
What the grammar of SPARQL takes and its notes forbid (W3C, 19.6 and 19.8): names that clash, and tables whose rows do not fit.

The engine says which rule is broken, in many words and with the end of the text for its place; here is looked for the name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from covalue.errors import QueryError
from covalue.grammar import AGGREGATES, Lexeme, lexemes
from covalue.sparql import CLOSING, OPENING, closing, place

ENDS = ("HAVING", "ORDER", "LIMIT", "OFFSET", "VALUES")
COUNTING = frozenset((*AGGREGATES.split(), "COUNT", "GROUP_CONCAT"))
MOST = 5000
"""Tokens of a text that is looked at."""
MOST_ROWS = 1 << 63
"""The engine counts rows in so many bits."""


def clash(text: str) -> QueryError | None:
    """
    The first name or table that cannot be as it is, in a text that keeps to the grammar; None where none is found.

    Raises:
        QueryError: so many strings are left open that this is no query.
    """
    listed = lexemes(text)
    if len(listed) > MOST:
        return None
    found = [*_columns(listed), *_bindings(listed), *_tables(listed), *_blanks(listed), *_numbers(listed)]
    if not found:
        return None
    at, en, zh = min(found, key=lambda one: one[0].start)
    return QueryError(en, zh, place(text, at.start))


Found = Iterator[tuple[Lexeme, str, str]]


def _word(one: Lexeme) -> str:
    return one.kinds[0] if one.kinds[0].isalpha() else ""


def _columns(listed: Sequence[Lexeme]) -> Found:
    for i, one in enumerate(listed):
        if _word(one) != "SELECT":
            continue
        opening = next((j for j in range(i, len(listed)) if listed[j].text == "{"), len(listed))
        end = next((j for j in range(i, opening) if _word(listed[j]) in ("FROM", "WHERE")), opening)
        columns = listed[i + 1 : end]
        after = listed[closing(listed, opening) + 1 :]
        keys = _keys(after)
        counts = keys is not None or any(_word(c) in COUNTING for c in columns) or (bool(after) and _word(after[0]) == "HAVING")
        yield from _clashing(columns, keys or set(), counts)


def _clashing(columns: Sequence[Lexeme], keys: set[str], counts: bool) -> Found:
    seen: set[str] = set()
    depth = 0
    for i, one in enumerate(columns):
        depth += (one.text in OPENING) - (one.text in CLOSING)
        if one.text == "*" and not depth and counts:
            yield one, "SELECT * cannot stand with GROUP BY or an aggregate; name the columns.", "SELECT * 不能与 GROUP BY 或聚合函数同用；请写明各列。"
        named = one.kinds == ("%var",) and (not depth or (depth == 1 and _word(columns[i - 1]) == "AS"))
        name = one.text[1:]
        if named and name in seen:
            yield one, f"two columns are named {one.text}; rename one.", f"有两列都名为 {one.text}；请改其一。"
        if named and not depth and counts and name not in keys:
            yield (
                one,
                f"{one.text} is neither in GROUP BY nor inside an aggregate; add it to GROUP BY, or take SAMPLE({one.text}).",
                f"{one.text} 既不在 GROUP BY 中，也不在聚合函数内；请加入 GROUP BY，或改用 SAMPLE({one.text})。",
            )
        if named:
            seen.add(name)


def _keys(after: Sequence[Lexeme]) -> set[str] | None:
    """The names by which is grouped, where it is."""
    if not after or _word(after[0]) != "GROUP":
        return None
    out, depth = set(), 0
    for i, one in enumerate(after):
        depth += (one.text in OPENING) - (one.text in CLOSING)
        if depth < 0 or (not depth and _word(one) in ENDS):
            break
        if one.kinds == ("%var",) and (not depth or _word(after[i - 1]) == "AS" or after[i - 1].text == "("):
            out.add(one.text[1:])
    return out


def _bindings(listed: Sequence[Lexeme]) -> Found:
    """BIND to a name that its own group has used before."""
    used: list[set[str]] = [set()]
    binding = 0
    for i, one in enumerate(listed):
        if one.text == "{":
            used.append(set())
        elif one.text == "}" and len(used) > 1:
            used.pop()
        elif _word(one) == "BIND":
            binding = closing(listed, i + 1)
        elif one.kinds == ("%var",):
            name = one.text[1:]
            if i < binding and i + 1 == binding and _word(listed[i - 1]) == "AS" and name in used[-1]:
                yield one, f"BIND gives the name {one.text}, which its group uses before; choose another.", f"BIND 所取的名称 {one.text} 在此前已被使用；请另取一个。"
            used[-1].add(name)


def _tables(listed: Sequence[Lexeme]) -> Found:
    """VALUES whose rows are longer or shorter than its head."""
    for i, one in enumerate(listed):
        if _word(one) != "VALUES" or i + 1 >= len(listed) or listed[i + 1].text != "(":
            continue
        end = closing(listed, i + 1)
        width = end - i - 2
        last = closing(listed, end + 1)
        row = end + 2
        while row < last:
            close = closing(listed, row)
            size = _values(listed[row + 1 : close])
            if size != width:
                yield (
                    listed[row],
                    f"VALUES has {width} names, and this row {size} of their values; write UNDEF where there is none.",
                    f"VALUES 的这一行有 {size} 个值，而名称有 {width} 个；没有值处请写 UNDEF。",
                )
                break
            row = close + 1


def _values(row: Sequence[Lexeme]) -> int:
    """How many there are; a language, a datatype and a sign belong to a value, and a triple term is one."""
    size = nested = 0
    for i, one in enumerate(row):
        part = one.kinds == ("%lang",) or one.text in ("^^", "+", "-") or (i and row[i - 1].text == "^^")
        nested -= one.text == ")>>"
        size += not part and not nested and one.text != ")>>"
        nested += one.text == "<<("
    return size


def _blanks(listed: Sequence[Lexeme]) -> Found:
    """A label of a blank node in two groups."""
    groups: list[int] = []
    where: dict[str, int] = {}
    for i, one in enumerate(listed):
        if _word(one) == "WHERE":  # what a template has before it is its own
            where = {}
        if one.text == "{":
            groups.append(i)
        elif one.text == "}" and groups:
            groups.pop()
        elif one.kinds == ("%blank",) and groups and where.setdefault(one.text, groups[-1]) != groups[-1]:
            yield one, f"the label {one.text} stands in two groups; use a variable.", f"标签 {one.text} 出现在两个组中；请改用变量。"


def _numbers(listed: Sequence[Lexeme]) -> Found:
    for i, one in enumerate(listed[1:]):
        if _word(listed[i]) in ("LIMIT", "OFFSET") and one.text.isdigit() and (len(one.text) > 19 or int(one.text) >= MOST_ROWS):
            yield one, "this number of rows is too large; leave it out.", "行数过大；请将其省略。"
