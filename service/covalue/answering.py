"""An answer to a named question as bytes in a format, for callers that serve no requests: the command line, notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from covalue import citation, tabular
from covalue.errors import InputError
from covalue.formats import Format
from covalue.questions import Answers, bindings
from covalue.tabular import About

FORMATS: tuple[Format, ...] = (*tabular.TABLES, *tabular.RESULTS, *citation.FORMATS)


def assigned(pairs: Sequence[str]) -> dict[str, list[str]]:
    """
    Values by parameter, of texts like `actor=users`.

    >>> assigned(["actor=users", "actor=xiaomi"])
    {'actor': ['users', 'xiaomi']}

    Raises:
        InputError: a text without an equals sign.
    """
    out: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f'write a parameter as name=value, not "{pair}".', f"参数应写成 name=value，而不是“{pair}”。")
        out.setdefault(name.strip(), []).append(value)
    return out


def answer(
    answers: Answers,
    name: str,
    values: Mapping[str, Sequence[str]],
    lang: str = "en",
    format: str = "text",
    *,
    limit: int | None = None,
    offset: int = 0,
    columns: int | None = None,
) -> bytes:
    """
    The answer to a question.

    Args:
        values: texts by parameter, as in `Answers.answer`.
        format: a short name of one of `FORMATS`.
        columns: the width of the terminal, for `text`.

    Raises:
        InputError: no such question, parameter, value or format.
    """
    chosen = tabular.choose(FORMATS, None, [format], page=None)
    question, version = answers.library.get(name), answers.store.version
    sparql = answers.sparql(question, values)
    if chosen.extension == "rq":
        return sparql.encode("utf-8", "replace")
    if chosen in tabular.RESULTS:
        names, rows = bindings(answers.store, sparql)
        return tabular.results(names, rows[offset : None if limit is None else offset + limit], chosen.extension)
    whole = answers.answer(name, values, lang)
    terms = citation.resolved(answers, question, values)
    address = citation.permanent(question, terms, version)
    citations = citation.Citations(answers)
    if chosen in citation.FORMATS:
        return citation.write(citations.all(question, address, whole, lang), chosen.extension)
    linked = tabular.Columns(answers).linked(question)
    about = About(version, address, citations.line(question, address, whole, lang), citation.labelled(question, terms, lang), linked=linked, offset=offset)
    table = tabular.page(whole, limit, offset)
    if chosen.extension == "txt":
        return tabular.text(table, about, columns).encode("utf-8", "replace")
    return tabular.write(table, chosen.extension, replace(about, linked=linked | tabular.linked(whole)))
