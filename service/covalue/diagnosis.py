"""
What is wrong with a query that the engine could not parse, said so that its author can mend it.

The engine's own words list what its grammar would have taken, and its place is the furthest that it came to, often the end. So the place comes
from a grammar of our own, and from the tokens we can say more: the prefix that is not declared, the bracket that is not closed, the keyword
that is misspelt, the sign that a Chinese keyboard has given.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from covalue import grammar
from covalue.clashes import clash
from covalue.errors import Place, QueryError
from covalue.grammar import Fault
from covalue.names import PREFIXES
from covalue.sparql import BLANKS, place, scan, tokens

PAIRS = {"{": "}", "(": ")", "[": "]"}
CLOSING = {v: k for k, v in PAIRS.items()}
WIDE = dict(zip("。．，、；：（）｛｝［］【】“”„‘’＂？！＊＝＜＞《》＋－—–／｜＆＠＃＄％", '..,,;:(){}[][]"""\'\'"?!*=<><>+---/|&@#$%', strict=True))
"""Signs as a Chinese keyboard or a word processor gives them, and what is meant."""
ENGINE_PLACE = re.compile(r"error at (\d+):(\d+):?\s*")
SEMANTIC = {  # the engine's words for what its grammar cannot say, in words for the author
    "contains a variable that is unbound": ("a selected variable is neither in GROUP BY nor inside an aggregate.", "所选变量既不在 GROUP BY 中，也不在聚合函数内。"),
    "contains an expression with a variable that is unbound": (
        "an expression of SELECT uses a name that is neither in GROUP BY nor inside an aggregate; what another column has counted cannot be used there: count in a sub-select.",
        "SELECT 的表达式使用了既不在 GROUP BY 中、也不在聚合函数内的名称；另一列的聚合结果不能在此使用：请先在子查询中聚合。",
    ),
    "SELECT * is not authorized with GROUP BY": ("SELECT * cannot stand with GROUP BY; name the columns.", "SELECT * 不能与 GROUP BY 同用；请写明各列。"),
    "overrides an existing variable": ("AS gives a name that the pattern already uses; choose another.", "AS 所取的名称已在模式中使用；请另取一个。"),
    "IRI parsing failed": ("an IRI here or before is not one; see RFC 3987.", "此处或此前有不合规的 IRI；参见 RFC 3987。"),
    "Duplicated variable name in SELECT": ("two columns have the same name; rename one.", "两列同名；请改其一。"),
}
LONGEST_WORD = 80
"""So long tokens are shown, and looked at for misspelt keywords: a text that is no query may be very long."""
MOST_LISTED = 7
"""So many things that could stand somewhere are told; more would tell nothing."""
FORMS = frozenset(("SELECT", "CONSTRUCT", "DESCRIBE", "ASK"))
OPERATORS = frozenset(("||", "&&", "=", "!=", "<", ">", "<=", ">=", "IN", "NOT", "+", "-", "*", "/"))
STEPS = frozenset(("?", "*", "+", "/", "|"))
BY = {"GROUP": "GROUP BY", "ORDER": "ORDER BY"}
RARE = frozenset(("~", "{|", "|}", ">>", ")>>", "<<", "<<(", "LATERAL", "VERSION", "ADJUST"))
"""Not told: who needs them knows them."""
KINDS: tuple[tuple[frozenset[str], str, str], ...] = (
    (grammar.first("Pattern") | grammar.first("Statement"), "a pattern", "图模式"),
    (grammar.first("Expression"), "an expression", "表达式"),
    (grammar.first("Condition"), "a function or a condition in parentheses", "函数或括号中的条件"),
    (grammar.first("Node"), "an IRI, a variable or a literal", "IRI、变量或字面量"),
    (grammar.first("Pattern"), "a clause such as FILTER", "FILTER 等子句"),
    (OPERATORS, "an operator", "运算符"),
    (grammar.first("Value"), "an IRI, a literal or UNDEF", "IRI、字面量或 UNDEF"),
    (grammar.first("Verb"), "a property or path", "属性或路径"),
    (STEPS, "a sign of a path", "路径符号"),
    (FORMS, "SELECT, CONSTRUCT, DESCRIBE, ASK", "SELECT、CONSTRUCT、DESCRIBE、ASK"),
    (frozenset(("%var", "%iri")), "a variable or an IRI", "变量或 IRI"),
    (frozenset(("%iri",)), "an IRI", "IRI"),
    (frozenset(("%var",)), "a variable", "变量"),
    (frozenset(("%ns",)), "a prefix with its colon", "带冒号的前缀"),
    (frozenset(("%ref",)), "an IRI in < >", "< > 中的 IRI"),
    (frozenset(("%integer",)), "a whole number", "非负整数"),
    (frozenset(("%string",)), "a string", "字符串"),
    (frozenset(("%lang",)), "a language", "语言标签"),
)
"""What can begin with what, the larger first."""
Tokens = list[tuple[str, str, int]]


def diagnose(text: str, engine_message: str) -> QueryError:
    """
    The error to report for a query that did not parse: the one that stands first, where there are several.

    Args:
        text: the query.
        engine_message: what pyoxigraph said, as `error at line:column: …`.
    """
    listed = list(tokens(text))
    found = grammar.fault(text)
    where = len(text) + 1 if found is None else len(text) if found.at is None else found.at.start
    for offset, error in (_odd_blank(text), _undeclared(text, listed), _unbalanced(text, listed)):
        if error is not None and offset <= where:
            return error
    return _fault(text, found) if found else clash(text) or _elsewhere(engine_message)


Early = tuple[int, QueryError | None]
"""Where a fault stands by which it is told before others, and what is said of it."""
NONE: Early = (0, None)


def _odd_blank(text: str) -> Early:
    """What looks like a blank and is none to SPARQL: word processors and Chinese keyboards make them."""
    for kind, token, start in scan(text):
        odd = next((i for i, c in enumerate(token) if c not in BLANKS), None) if kind == "space" else None
        if odd is not None:
            code = f"U+{ord(token[odd]):04X}"
            return start + odd, QueryError(f"the blank here is {code}; write a plain one.", f"此处的空白是 {code}；请改用普通空格。", place(text, start + odd))
    return NONE


def _undeclared(text: str, listed: Tokens) -> Early:
    declared = {listed[i + 1][1][:-1] for i, (kind, word, _) in enumerate(listed[:-1]) if kind == "word" and word.upper() == "PREFIX" and listed[i + 1][0] == "name"}
    for i, (kind, name, offset) in enumerate(listed):
        prefix = name.partition(":")[0]
        if kind != "name" or prefix in declared or prefix == "_" or (i and listed[i - 1][1].upper() == "PREFIX"):
            continue
        if prefix in ("http", "https", "urn", "mailto"):
            return offset, QueryError(
                "an IRI stands in < >, and holds no blank nor any of <>{}|^`\\.", "IRI 须写在 < > 之中，且不得含有空白或 <>{}|^`\\ 等字符。", place(text, offset)
            )
        likely = PREFIXES.get(prefix)
        near = next(iter(difflib.get_close_matches(prefix, declared | PREFIXES.keys(), n=1)), None)
        hint_en = f"add PREFIX {prefix}: <{likely}>" if likely else f'did you mean "{near}:"?' if near else "declare it with PREFIX"
        hint_zh = f"请加上 PREFIX {prefix}: <{likely}>" if likely else f"是否指“{near}:”？" if near else "请用 PREFIX 声明"
        return offset, QueryError(f'the prefix "{prefix}:" is not declared; {hint_en}.', f"前缀“{prefix}:”未声明；{hint_zh}。", place(text, offset))
    return NONE


def _unbalanced(text: str, listed: Tokens) -> Early:
    """A bracket that is left open is told where something else is missing at the end; one that closes nothing, where it stands."""
    opened: list[tuple[str, int]] = []
    for kind, token, offset in listed:
        if kind != "other":
            continue
        if token in PAIRS:
            opened.append((token, offset))
        elif token in CLOSING:
            if not opened or opened[-1][0] != CLOSING[token]:
                return offset, QueryError(f'"{token}" closes nothing that is open here.', f"此处“{token}”没有对应的开括号。", place(text, offset))
            opened.pop()
    if opened:
        token, offset = opened[-1]
        return len(text), QueryError(
            f'the "{token}" that opens here is never closed; add "{PAIRS[token]}".', f"此处的“{token}”没有闭合；请补上“{PAIRS[token]}”。", place(text, offset)
        )
    return NONE


def _fault(text: str, found: Fault) -> QueryError:
    if found.at is None:
        tail_en, tail_zh = _could(found.expected)
        return QueryError(f"this is not SPARQL: something is missing before its end{tail_en}.", f"SPARQL 语法错误：结尾之前缺少内容{tail_zh}。", place(text, len(text.rstrip())))
    where = place(text, found.at.start)
    if found.at.kinds == ("open",):
        return QueryError(
            "the string that opens here does not end on its line; add the quotation mark, or write it in three of them.",
            "此处开始的字符串没有在本行结束；请补上引号，或改用三引号。",
            where,
        )
    if found.at.kinds == ("escape",):
        return QueryError(
            "this string holds a \\ that escapes nothing; write \\\\ for the sign itself, or one of \\t \\n \\r \\b \\f \\\" \\' \\uXXXX.",
            "此字符串中的 \\ 不构成转义；要写该符号本身请用 \\\\，转义可用 \\t \\n \\r \\b \\f \\\" \\' \\uXXXX。",
            where,
        )
    return _sign(text, found) or _word(text, found) or _unexpected(found, where)


def _sign(text: str, found: Fault) -> QueryError | None:
    """A sign of another keyboard, within the token or right behind it; or the start of an IRI that is none."""
    assert found.at
    end = found.at.start + len(found.at.text)
    for i in range(end if found.at.kinds[0].startswith("%") else found.at.start, min(end + 1, len(text), found.at.start + LONGEST_WORD)):
        if text[i] in WIDE:
            return QueryError(f'"{text[i]}" is no sign of SPARQL; write "{WIDE[text[i]]}".', f"“{text[i]}”不是 SPARQL 的符号；请用半角“{WIDE[text[i]]}”。", place(text, i))
    if found.at.text == "<" and text[end : end + 1].isalpha():
        return QueryError(
            "the IRI that opens here is not closed by >, or holds a blank or one of <{}|^`\\.",
            "此处开始的 IRI 没有以 > 结束，或含有空白或 <{}|^`\\ 等字符。",
            place(text, found.at.start),
        )
    return None


def _word(text: str, found: Fault) -> QueryError | None:
    """A keyword or function that is misspelt, or not there."""
    assert found.at
    word, end = found.at.text, found.at.start + len(found.at.text)
    if not re.fullmatch(r"[^\W\d_]\w*", word) or len(word) > LONGEST_WORD:
        return None
    called = text[end : end + 100].lstrip().startswith("(")
    functions = found.expected & grammar.NAMES
    wanted = sorted(functions if called and functions else {e for e in found.expected if e.isalpha()} - grammar.NAMES)
    near = next(iter(difflib.get_close_matches(word.upper(), wanted, n=1, cutoff=0.76 if called else 0.7)), None)
    where = place(text, found.at.start)
    if near:
        return QueryError(
            f'"{word}" is not a {"function" if called and functions else "keyword"}; did you mean {near}?',
            f"没有“{word}”这个{'函数' if called and functions else '关键字'}；是否指 {near}？",
            where,
        )
    if called and functions and word.upper() not in grammar.NAMES:
        return QueryError(f'"{word}" is not a function of SPARQL.', f"SPARQL 没有“{word}”这个函数。", where)
    return None


def _unexpected(found: Fault, where: Place) -> QueryError:
    assert found.at
    token = found.at.text if len(found.at.text) <= LONGEST_WORD else found.at.text[:LONGEST_WORD] + "…"
    shown = token if token.isprintable() else " ".join(f"U+{ord(c):04X}" for c in token[:3])
    tail_en, tail_zh = _could(found.expected)
    return QueryError(f'this is not SPARQL: "{shown}" cannot stand here{tail_en}.', f"SPARQL 语法错误：“{shown}”不能出现在此处{tail_zh}。", where)


def _could(expected: Iterable[str]) -> tuple[str, str]:
    """What could stand somewhere, as the end of a sentence in both languages; nothing where it is too much."""
    rest = frozenset(expected) - RARE
    told: list[tuple[str, str]] = []
    for kind, name_en, name_zh in KINDS:
        if kind - RARE <= rest:
            told.append((name_en, name_zh))
            rest -= kind
    if len(told) + len(rest) <= MOST_LISTED:
        told += [(BY.get(e, e),) * 2 if e.isalpha() else (f'"{e}"', f"“{e}”") for e in sorted(rest) if not e.startswith("%")]
    if not told:
        return "", ""
    *most, last = [e for e, _ in told]
    return f"; expected {', '.join(most) + ' or ' if most else ''}{last}", f"；应为：{'、'.join(z for _, z in told)}"


def _elsewhere(engine_message: str) -> QueryError:
    """What only the engine knows."""
    found = ENGINE_PLACE.search(engine_message)
    if not found:
        words = " ".join(engine_message.split())[:200].rstrip(".")
        return QueryError(f"this is not a SPARQL query: {words}.", f"这不是合法的 SPARQL 查询：{words}。")
    where = Place("query", int(found.group(1)), int(found.group(2)))
    for words, (en, zh) in SEMANTIC.items():
        if words in engine_message:
            return QueryError(en, zh, where)
    return QueryError("this is not SPARQL here.", "此处不是合法的 SPARQL。", where)
