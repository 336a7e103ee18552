"""
The library of named questions, and their answers as tables with labels.

A question is a file `queries/<area>/<name>.rq`. Its rows are IRIs and plain values; labels are looked up afterwards in the asked
language, with fallback, so that a file needs no language of its own.
"""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import pyoxigraph as ox

from covalue.errors import InputError
from covalue.formats import Format, Shape, by_name
from covalue.names import BASE, PREFIXES, expand, shrink
from covalue.project import Project
from covalue.queries import Parameter, Query, literal, load
from covalue.stores import Request, Store

LANGUAGES = ("en", "zh")
MANY = 50_000
"""Labels beyond which those of a store are not all held."""
HELD = 20_000
"""Things whose labels are held then, those that were asked for last."""
SHORT = ("case", "vcs", "src", "vcc")
"""Prefixes that people leave out."""
PORTION = 500
"""Things that a query lists."""
NO_IRI = re.compile(r"""[\x00-\x20<>"{}|^`\\]""")
VCS = PREFIXES["vcs"]
Values = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Question:
    """A named question: `name` is its path in the library, as `actors/value-exchanges`."""

    name: str
    query: Query

    @property
    def area(self) -> str:
        return self.name.partition("/")[0]

    def text(self, key: str, lang: str) -> str:
        """Title, question or explanation in a language, else in English."""
        said: Mapping[str, str] = self.query.header.get(key) or {}
        return said.get(lang) or said.get("en", "")

    def heading(self, column: str, lang: str) -> str:
        """The heading of a column in a language."""
        said: Mapping[str, str] = self.query.header["columns"][column]
        return said.get(lang) or said["en"]


@dataclass(frozen=True)
class Cell:
    """One cell: its value as text, what kind of term it is (uri, literal or empty), and for a uri its label."""

    value: str
    kind: str
    label: str
    datatype: str = ""

    @property
    def shown(self) -> str:
        """What a person reads."""
        return self.label or self.value


@dataclass(frozen=True)
class Table:
    """An answer: the question, the language of its labels, its columns, and its rows in the order of the question."""

    question: Question
    lang: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    sparql: str
    total: int


@dataclass(frozen=True)
class Choice:
    """A value that a parameter may take."""

    iri: str
    short: str
    labels: Mapping[str, str]
    names: tuple[str, ...]


class Library:
    """All questions by name, in the order of their names."""

    def __init__(self, questions: Mapping[str, Question]) -> None:
        self.questions = questions

    @classmethod
    def load(cls, project: Project) -> Library:
        """
        The questions of a project.

        Raises:
            SourceError: a file's header or body is faulty.
        """
        root = project.folder("queries")
        files = {p.relative_to(root).with_suffix("").as_posix(): p for p in project.question_files()}
        return cls({name: Question(name, load(path)) for name, path in sorted(files.items())})

    def get(self, name: str) -> Question:
        """
        Raises:
            InputError: there is no such question; the nearest is named.
        """
        if name not in self.questions:
            near = difflib.get_close_matches(name, self.questions, n=3, cutoff=0.4)
            en, zh = nearest(near, near)
            raise InputError(f'there is no question "{name}"{en}.', f"没有问题“{name}”{zh}。")
        return self.questions[name]


def nearest(near: Collection[str], near_zh: Collection[str]) -> tuple[str, str]:
    """
    The end of a sentence that says what is near to what is not there, in both languages; nothing where nothing is.

    >>> nearest(["a", "b"], ["甲"])
    ('; the nearest are a, b', '；最接近的是 甲')
    """
    if not near:
        return "", ""
    return f"; the nearest {'are' if len(near) > 1 else 'is'} {', '.join(near)}", f"；最接近的是 {'、'.join(near_zh)}"


def bindings(store: Store, sparql: str) -> tuple[list[str], list[dict[str, dict[str, str]]]]:
    """Columns and rows of a SELECT, as the JSON format of SPARQL results gives them."""
    answer = store.answer(Request(sparql), lambda _: _JSON)
    body: dict[str, Any] = json.loads(answer.body)
    return body["head"]["vars"], body["results"]["bindings"]


def _json_format() -> Format:
    found = by_name("json", Shape.BINDINGS)
    assert found
    return found


_JSON = _json_format()


def portions(iris: Iterable[str]) -> Iterator[str]:
    """IRIs as the inside of VALUES, so many at a time; what is no IRI of SPARQL is left out."""
    sound = (iri for iri in iris if not NO_IRI.search(iri))
    while portion := [*islice(sound, PORTION)]:
        yield " ".join(f"<{iri}>" for iri in portion)


class Labels:
    """The labels of things in one immutable store: looked up all at once where they are few, else for those that are asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: dict[str, dict[str, str]] = {}

    def of(self, iris: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        """By IRI and language, the first in the alphabet; those without a language as English. Things without labels are left out."""
        if self._all is not None:
            return self._all
        new = [iri for iri in iris if iri not in self._held]
        if len(self._held) + len(new) > HELD:
            self._held, new = {}, [*iris]
        held = self._held
        held |= {iri: {} for iri in new} | _by_language(row for listed in portions(new) for row in self._rows(f"VALUES ?x {{ {listed} }}"))
        return {iri: held[iri] for iri in iris if held[iri]}

    @cached_property
    def _all(self) -> Mapping[str, Mapping[str, str]] | None:
        rows = self._rows(limit=f"LIMIT {MANY + 1}")
        return _by_language(rows) if len(rows) <= MANY else None

    def _rows(self, which: str = "", limit: str = "") -> list[dict[str, dict[str, str]]]:
        return bindings(self._store, f"SELECT ?x ?label WHERE {{ {which} ?x <{PREFIXES['rdfs']}label> ?label }} {limit}")[1]


def _by_language(rows: Iterable[Mapping[str, Mapping[str, str]]]) -> dict[str, dict[str, str]]:
    out: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["x"]["type"] == "uri":
            labels, lang, label = out.setdefault(row["x"]["value"], {}), row["label"].get("xml:lang", "en"), row["label"]["value"]
            labels[lang] = min(label, labels.get(lang, label))
    return out


class Answers:
    """Answers questions from one immutable store; what the graph offers as choices is looked up once."""

    def __init__(self, store: Store, library: Library) -> None:
        self.store, self.library = store, library
        self._choices: dict[str, tuple[Choice, ...]] = {}
        self._labels = Labels(store)

    def answer(self, name: str, values: Values, lang: str = "en", limit: int | None = None, offset: int = 0) -> Table:
        """
        The table that answers a question.

        Args:
            name: of the question.
            values: texts by parameter: IRIs, CURIEs, short ids or labels in any language.
            lang: of the labels, `en` or `zh`.
            limit, offset: rows to give and to skip; the total is counted over all.

        Raises:
            InputError: no such question or parameter, or a value that the graph does not know.
        """
        question = self.library.get(name)
        sparql = self.sparql(question, values)
        columns, found = bindings(self.store, sparql)
        chosen = found[offset : None if limit is None else offset + limit]
        labels = self.labels({c["value"] for row in chosen for c in row.values() if c["type"] == "uri"}, lang)
        rows = tuple(tuple(_cell(row.get(c), labels) for c in columns) for row in chosen)
        return Table(question, lang, tuple(columns), rows, sparql, len(found))

    def sparql(self, question: Question, values: Values) -> str:
        """The question's SPARQL with its parameters bound."""
        known = {p.name: p for p in question.query.parameters}
        terms = {name: [self._term(known[name], t) for t in texts if t.strip()] if name in known else [ox.Literal("")] for name, texts in values.items()}
        return question.query.bind({name: found for name, found in terms.items() if found or name not in known})

    def _term(self, parameter: Parameter, text: str) -> ox.NamedNode | ox.Literal:
        if parameter.type != "iri":
            return literal(parameter, text)
        if parameter.choices not in self._choices and (named := self._named(parameter, text)):
            return named
        wanted = _fold(text)
        found = {c.iri for c in self.choices(parameter) if wanted in {_fold(c.iri), _fold(shrink(c.iri)), _fold(c.short)}}
        found = found or {c.iri for c in self.choices(parameter) if wanted in map(_fold, c.labels.values())}
        found = found or {c.iri for c in self.choices(parameter) if wanted in map(_fold, c.names)}
        found = found or {c.iri for c in self.choices(parameter) if wanted == _fold(c.short.rpartition("/")[2])}
        if len(found) == 1:
            return ox.NamedNode(found.pop())
        if found:
            listed = ", ".join(sorted(shrink(iri) for iri in found))
            raise InputError(f'"{text}" could be any of {listed}; give one of these.', f"“{text}”可能指 {listed}；请给出其中之一。")
        raise self._unknown(parameter, text)

    def _named(self, parameter: Parameter, text: str) -> ox.NamedNode | None:
        """The member of the parameter's class that a text names to the letter, without a look at all others, of which there may be very many."""
        name = text.strip()
        prefix, colon, local = name.partition(":")
        iris = {*(PREFIXES[short] + name for short in SHORT), *([name, PREFIXES.get(prefix, prefix + ":") + local] if colon else [])}
        for listed in portions(sorted(iris)):
            found = bindings(self.store, f"SELECT ?x WHERE {{ VALUES ?x {{ {listed} }} ?x a {ox.NamedNode(expand(parameter.choices))} }}")[1]
            if len(found) == 1:
                return ox.NamedNode(found[0]["x"]["value"])
        return None

    def _unknown(self, parameter: Parameter, text: str) -> InputError:
        names = {n: c for c in self.choices(parameter) for n in (*c.names, c.short, c.short.rpartition("/")[2])}
        near = difflib.get_close_matches(text, names, n=5, cutoff=0.3)
        listed = dict.fromkeys(f"{names[n].short} ({names[n].labels.get('en', '')})" for n in near)
        en, zh = nearest(listed, dict.fromkeys(f"{names[n].short}（{names[n].labels.get('zh', '')}）" for n in near))
        return InputError(f'{parameter.name}: the graph does not know "{text}"{en}.', f"{parameter.name}：图谱中没有“{text}”{zh}。")

    def choices(self, parameter: Parameter) -> tuple[Choice, ...]:
        """The members of the parameter's class that the graph holds, by short id; empty for parameters that are no IRIs."""
        if not parameter.choices:
            return ()
        if parameter.choices not in self._choices:
            self._choices[parameter.choices] = tuple(self._members(expand(parameter.choices)))
        return self._choices[parameter.choices]

    def _members(self, of_class: str) -> Iterable[Choice]:
        sparql = f"""SELECT ?x ?label ?other WHERE {{
            ?x a {ox.NamedNode(of_class)} .
            {{ ?x <{PREFIXES["rdfs"]}label> ?label }} UNION {{ ?x <{PREFIXES["skos"]}altLabel> ?other }}
        }}"""
        rows = sorted(bindings(self.store, sparql)[1], key=lambda row: [row.get(c, {}).get("value", "") for c in ("x", "other", "label")])
        members: dict[str, tuple[dict[str, str], dict[str, None]]] = {}
        for row in rows:
            labels, names = members.setdefault(row["x"]["value"], ({}, {}))
            name = row.get("label") or row["other"]
            names[name["value"]] = None
            if "label" in row:
                labels.setdefault(name.get("xml:lang", "en"), name["value"])
        for iri, (labels, names) in members.items():
            yield Choice(iri, short_id(iri), labels, tuple(names))

    def labels(self, iris: Iterable[str], lang: str) -> dict[str, str]:
        """A label for each IRI in the language, else in the other, else its short form; never empty."""
        wanted = sorted(set(iris))
        if not wanted:
            return {}
        known = self._labels.of(wanted)
        order = [lang, *(other for other in LANGUAGES if other != lang)]
        return {iri: next((known[iri][one] for one in order if one in known.get(iri, {})), shrink(iri)) for iri in wanted}


def short_id(iri: str) -> str:
    """
    The shortest name that a person would type for one of our IRIs.

    >>> short_id("https://w3id.org/covalue/case/xiaomi/actor/users")
    'xiaomi/actor/users'
    >>> short_id("https://w3id.org/covalue/scheme/dimension/value-creation")
    'dimension/value-creation'
    """
    for prefix in SHORT:
        if iri.startswith(PREFIXES[prefix]):
            return iri[len(PREFIXES[prefix]) :]
    return iri.removeprefix(BASE)


def _cell(term: Mapping[str, str] | None, labels: Mapping[str, str]) -> Cell:
    if term is None:
        return Cell("", "empty", "")
    if term["type"] == "uri":
        return Cell(term["value"], "uri", labels.get(term["value"], ""))
    return Cell(term["value"], "literal", "", term.get("datatype", ""))


def _fold(text: str) -> str:
    """Case, width and spacing do not tell names apart."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
