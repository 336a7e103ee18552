"""
What is wrong with a query that the engine could not parse, said so that its author can mend it.

The engine's own words list what its grammar would have taken; its place is right. From the tokens we can say more: the
prefix that is not declared, the bracket that is not closed, the keyword that is misspelt.
"""

from __future__ import annotations

import difflib
import re

from covalue.errors import Place, QueryError
from covalue.names import PREFIXES
from covalue.sparql import place, tokens

PAIRS = {"{": "}", "(": ")", "[": "]"}
CLOSING = {v: k for k, v in PAIRS.items()}
KEYWORDS = (
    *("ASC", "AS", "ASK", "BASE", "BIND", "BY", "CONSTRUCT", "DESC", "DESCRIBE", "DISTINCT", "EXISTS", "FILTER", "FROM", "GRAPH", "GROUP"),
    *("HAVING", "IN", "LIMIT", "MINUS", "NAMED", "NOT", "OFFSET", "OPTIONAL", "ORDER", "PREFIX", "REDUCED", "SELECT", "UNDEF", "UNION"),
    *("VALUES", "WHERE"),
)
ENGINE_PLACE = re.compile(r"error at (\d+):(\d+):?\s*")
SEMANTIC = {  # the engine's words for what its grammar cannot say, in words for the author
    "contains a variable that is unbound": ("a selected variable is neither in GROUP BY nor inside an aggregate.", "所选变量既不在 GROUP BY 中，也不在聚合函数内。"),
    "contains an expression with a variable that is unbound": (
        "an expression of SELECT uses a name that is neither in GROUP BY nor inside an aggregate; what another column has counted cannot be used there: count in a sub-select.",
        "SELECT 的表达式使用了既不在 GROUP BY 中、也不在聚合函数内的名称；另一列的聚合结果不能在此使用：请先在子查询中聚合。",
    ),
    "SELECT * is not authorized with GROUP BY": ("SELECT * cannot stand with GROUP BY; name the columns.", "SELECT * 不能与 GROUP BY 同用；请写明各列。"),
    "overrides an existing variable": ("AS gives a name that the pattern already uses; choose another.", "AS 所取的名称已在模式中使用；请另取一个。"),
    "Duplicated variable name in SELECT": ("two columns have the same name; rename one.", "两列同名；请改其一。"),
}
MOST_WORDS, LONGEST_WORD = 200, 80
"""So many words are looked at for misspelt keywords, and so long ones shown: a text that is no query may be very long."""
Tokens = list[tuple[str, str, int]]


def diagnose(text: str, engine_message: str) -> QueryError:
    """
    The error to report for a query that did not parse.

    Args:
        text: the query.
        engine_message: what pyoxigraph said, as `error at line:column: …`.
    """
    found = ENGINE_PLACE.search(engine_message)
    at = (int(found.group(1)), int(found.group(2))) if found else None
    listed = list(tokens(text))
    return _left_open(text, listed, at) or _undeclared(text, listed) or _unbalanced(text, listed) or _misspelt(text, listed, at) or _unexpected(text, listed, at, engine_message)


def _left_open(text: str, listed: Tokens, at: tuple[int, int] | None) -> QueryError | None:
    """A string that does not end on its line; what stands before it may be the fault too."""
    where = next((place(text, offset) for kind, _, offset in listed if kind == "open"), None)
    if where is None or where.line is None or where.column is None or (at is not None and at < (where.line, where.column)):
        return None
    return QueryError(
        "the string that opens here does not end on its line; add the quotation mark, or write it in three of them.",
        "此处开始的字符串没有在本行结束；请补上引号，或改用三引号。",
        where,
    )


def _undeclared(text: str, listed: Tokens) -> QueryError | None:
    declared = {listed[i + 1][1][:-1] for i, (kind, word, _) in enumerate(listed[:-1]) if kind == "word" and word.upper() == "PREFIX" and listed[i + 1][0] == "name"}
    for i, (kind, name, offset) in enumerate(listed):
        prefix = name.partition(":")[0]
        if kind != "name" or prefix in declared or prefix == "_" or (i and listed[i - 1][1].upper() == "PREFIX"):
            continue
        likely = PREFIXES.get(prefix)
        near = next(iter(difflib.get_close_matches(prefix, declared | PREFIXES.keys(), n=1)), None)
        hint_en = f"add PREFIX {prefix}: <{likely}>" if likely else f'did you mean "{near}:"?' if near else "declare it with PREFIX"
        hint_zh = f"请加上 PREFIX {prefix}: <{likely}>" if likely else f"是否指“{near}:”？" if near else "请用 PREFIX 声明"
        return QueryError(f'the prefix "{prefix}:" is not declared; {hint_en}.', f"前缀“{prefix}:”未声明；{hint_zh}。", place(text, offset))
    return None


def _unbalanced(text: str, listed: Tokens) -> QueryError | None:
    opened: list[tuple[str, int]] = []
    for kind, token, offset in listed:
        if kind != "other":
            continue
        if token in PAIRS:
            opened.append((token, offset))
        elif token in CLOSING:
            if not opened or opened[-1][0] != CLOSING[token]:
                return QueryError(f'"{token}" closes nothing that is open here.', f"此处“{token}”没有对应的开括号。", place(text, offset))
            opened.pop()
    if opened:
        token, offset = opened[-1]
        return QueryError(f'the "{token}" that opens here is never closed; add "{PAIRS[token]}".', f"此处的“{token}”没有闭合；请补上“{PAIRS[token]}”。", place(text, offset))
    return None


def _misspelt(text: str, listed: Tokens, at: tuple[int, int] | None) -> QueryError | None:
    words = [(word, offset) for kind, word, offset in listed if kind == "word" and word.upper() not in KEYWORDS and word not in ("a", "true", "false")]
    end = len(text) if at is None else _line_end(text, at[0])
    for word, offset in words[:MOST_WORDS]:
        near = difflib.get_close_matches(word.upper(), KEYWORDS, n=1, cutoff=0.75) if len(word) <= LONGEST_WORD else []
        if near and offset <= end and not _is_call(text, offset + len(word)):
            return QueryError(f'"{word}" is not a keyword; did you mean {near[0]}?', f"“{word}”不是关键字；是否指 {near[0]}？", place(text, offset))
    return None


def _line_end(text: str, line: int) -> int:
    """The offset at which a line (from 1) ends."""
    offset = -1
    for _ in range(line):
        offset = text.find("\n", offset + 1)
        if offset < 0:
            return len(text)
    return offset


def _is_call(text: str, end: int) -> bool:
    return text[end : end + 100].lstrip().startswith("(")


def _unexpected(text: str, listed: Tokens, at: tuple[int, int] | None, engine_message: str) -> QueryError:
    if at is None:
        words = " ".join(engine_message.split())[:200].rstrip(".")
        return QueryError(f"this is not a SPARQL query: {words}.", f"这不是合法的 SPARQL 查询：{words}。")
    where = Place("query", *at)
    for words, (en, zh) in SEMANTIC.items():
        if words in engine_message:
            return QueryError(en, zh, where)
    fault = (_line_end(text, at[0] - 1) + 1 if at[0] > 1 else 0) + at[1] - 1
    for _, token, offset in listed:
        if offset <= fault < offset + len(token) and len(token) <= LONGEST_WORD:
            return QueryError(f'this is not SPARQL: "{token}" cannot stand here.', f"SPARQL 语法错误：“{token}”不能出现在此处。", where)
    if at[0] > text.count("\n") or (at[0] == text.count("\n") + 1 and not text.splitlines()[-1][at[1] - 1 :].strip()):
        return QueryError(
            "this is not SPARQL: something is missing before its end; see that each pattern has subject, predicate and object.",
            "SPARQL 语法错误：结尾之前缺少内容；请检查每个模式是否有主语、谓语和宾语。",
            where,
        )
    return QueryError("this is not SPARQL here.", "此处不是合法的 SPARQL。", where)
