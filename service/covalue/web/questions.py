"""
Named questions over HTTP: the catalogue at `/questions`, an answer at `/questions/<area>/<name>?parameter=…`, how to cite at `/citation`,
the networks at `/network.graphml` and `/network.gexf`, and all of this described at `/openapi.json`.

An answer is negotiated as at `/sparql`, among more formats: with labels for people, and without as the protocol has it. Besides the
parameters of the question an address may hold `format`, `lang`, `limit`, `offset`, `version`, `download` and `bom`; anything else is a fault.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import RequestURITooLarge

from covalue import catalogue, citation, network, tabular
from covalue.catalogue import RESERVED
from covalue.errors import InputError
from covalue.formats import Format, Shape, offered
from covalue.names import BASE
from covalue.questions import Answers, Library, Question, Table, Values, bindings, nearest
from covalue.stores import Answer, Pick, Request, Store
from covalue.tabular import JSON, PAGE, About
from covalue.web import addresses, answer_pages, answers, pages, problems, protocol, validators, versions
from covalue.web.answers import Body
from covalue.web.documents import document
from covalue.web.languages import LANGUAGES, language
from covalue.web.problems import UnknownError
from covalue.web.service import Service

OFFERED: tuple[Format, ...] = (*tabular.TABLES, *tabular.STATEMENTS, *tabular.RESULTS, *citation.FORMATS)
TELLING = frozenset({"json", "xlsx", "md", "tex", "txt", "html", "rq"})
"""Formats with room for the note that another version is served than was asked for, or that depend on none."""
CATALOGUES: tuple[Format, ...] = (JSON, *offered(Shape.GRAPH))
MOST_NUMBER = 10**9
LONGEST_FILTER = 200
YES, NO = ("1", "true", "yes"), ("0", "false", "no")
View = Callable[..., Response]


@dataclass(frozen=True)
class Asked:
    """What an address asks of a question: values by parameter, and how the answer is wanted."""

    question: Question
    values: Mapping[str, tuple[str, ...]]
    chosen: Format
    limit: int | None
    offset: int
    other_version: str
    download: bool
    bom: bool
    sort: str = ""


class _Fair:
    """The store as asked on behalf of the client of the request at hand, so that limits by client apply, and who has gone is not waited for."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def version(self) -> str:
        return self._store.version

    def graphs(self) -> Sequence[str]:
        return self._store.graphs()

    def answer(self, request: Request, pick: Pick) -> Answer:
        shape, chosen, body = answers.evaluate(self._store, request, pick)
        return Answer(shape, chosen, body.read())


def question_views(given: Answers, service: Service) -> Views:
    """
    The views of named questions.

    Args:
        given: the library over the store of the service; what it has looked up before is not used.
        service: whose documents are kept.

    Raises:
        InputError: a question has a parameter by a name that addresses need for themselves.
    """
    for question in given.library.questions.values():
        if taken := sorted(RESERVED & {p.name for p in question.query.parameters}):
            raise InputError(f"{question.name} may not have a parameter {taken[0]}.", f"{question.name} 不可有名为 {taken[0]} 的参数。")
    return Views(Answers(_Fair(given.store), given.library), service)


def questions_blueprint(views: Views) -> Blueprint:
    """The routes of named questions."""
    blueprint = Blueprint("questions", __name__)
    blueprint.add_url_rule("/questions", "catalogue", views.catalogue)
    blueprint.add_url_rule("/questions/<area>", "area", views.catalogue)
    blueprint.add_url_rule("/questions/<area>/<name>", "answer", views.answer)
    blueprint.add_url_rule("/citation", "citation", views.citation)
    blueprint.add_url_rule("/network.<any('graphml', 'gexf'):extension>", "network", views.network)
    blueprint.add_url_rule("/openapi.json", "openapi", views.openapi)
    return blueprint


class Views:
    """The views over one library."""

    def __init__(self, asking: Answers, service: Service) -> None:
        self._answers, self._service = asking, service
        self._library: Library = asking.library
        self._columns = tabular.Columns(asking)
        self._citations = citation.Citations(asking)
        self._digests = {name: hashlib.sha256(q.query.text.encode()).hexdigest() for name, q in self._library.questions.items()}
        self._digest = hashlib.sha256("".join(self._digests.values()).encode()).hexdigest()

    @property
    def answers(self) -> Answers:
        """The library over the store, asked on behalf of the client of a request."""
        return self._answers

    def tag(self, *parts: object) -> str:
        """An entity tag over the dataset, the library, the language, and what else an answer depends on."""
        return validators.tag(self._answers.store.version, self._digest, addresses.base(), language(), *parts)

    def kept(self, opaque: str, make: Callable[[], bytes]) -> bytes:
        """A document made before under this tag, or made now."""
        return self._service.kept.get(opaque, make)

    # --- the catalogue

    def catalogue(self, area: str | None = None) -> Response:
        """All questions, or those of an area."""
        areas = {q.area for q in self._library.questions.values()}
        if area is not None and area not in areas:
            raise _unknown(area, areas, "area", "领域")
        pairs = read(("q",))
        chosen = tabular.choose(CATALOGUES, request.headers.get("Accept"), pairs.get("format", ()))
        download = flag(pairs, "download")
        if chosen not in (JSON, PAGE):
            endpoint = self._service.addresses().endpoint
            key = (self._digest, area, endpoint)
            return document(self._service, chosen, key, lambda: catalogue.triples(self._library, endpoint, area), "covalue-questions", download)
        wanted = (one(pairs, "q") or "")[:LONGEST_FILTER]
        opaque = self.tag("catalogue", chosen.extension, area, wanted)
        response = answers.held(opaque, chosen)
        if response is None and chosen is JSON:
            make = self._service.kept.get(opaque, lambda: json_bytes(catalogue.as_json(self._library, self._answers, area)))
            response = answers.send(Body.of(make), chosen, opaque)
        elif response is None:
            response = self._catalogue_page(opaque, area, wanted)
        if download and chosen is JSON:
            answers.as_download(response, "covalue-questions", chosen)
        return response

    def _catalogue_page(self, opaque: str, area: str | None, wanted: str) -> Response:
        lang = language()
        groups: dict[str, list[dict[str, str]]] = {}
        for q in self._library.questions.values():
            words = _words(q)
            if area in (None, q.area) and all(word in words for word in _folded(wanted).split()):
                entry = {"href": addresses.local(f"questions/{q.name}"), "title": q.text("title", lang), "question": q.text("question", lang), "words": words}
                groups.setdefault(q.area, []).append(entry)
        number = sum(map(len, groups.values()))
        if area:
            groups.setdefault(area, [])
        named = [(name, catalogue.area_name(name, lang), found) for name, found in sorted(groups.items())]
        here = addresses.local("questions" + (f"/{area}" if area else ""))
        downloads = [(f.names[0], f"{here}?format={f.names[0]}") for f in CATALOGUES]
        return page("questions.html", opaque, groups=named, area=area, here=here, wanted=wanted, number=number, downloads=downloads, openapi=addresses.local("openapi.json"))

    # --- an answer

    def answer(self, area: str, name: str) -> Response:
        """The answer to a question, in the format asked for."""
        full = f"{area}/{name}"
        if full not in self._library.questions:
            raise _unknown(full, self._library.questions, "question", "问题")
        asked = self._asked(self._library.questions[full])
        if asked.chosen is PAGE and any(p.required and p.name not in asked.values for p in asked.question.query.parameters):
            return self._choose(asked)
        return self.respond(asked)

    def respond(self, asked: Asked) -> Response:
        """The response for what is asked."""
        sparql = self._answers.sparql(asked.question, asked.values)
        if asked.other_version and asked.chosen.extension not in TELLING:
            return self._gone(asked)
        how = (asked.chosen.extension, sorted(asked.values.items()), asked.limit, asked.offset, asked.other_version, asked.bom, asked.sort)
        opaque = self.tag("answer", asked.question.name, *how)
        response = answers.held(opaque, asked.chosen) or self._made(asked, sparql, opaque)
        if asked.download and asked.chosen is not PAGE:
            answers.as_download(response, f"covalue-{asked.question.name.rpartition('/')[2]}-{self._answers.store.version[:8]}", asked.chosen)
        return response

    def _asked(self, question: Question) -> Asked:
        """
        Raises:
            InputError: a parameter that is not known here, given twice, or without sense; the nearest one is named.
        """
        pairs = read([p.name for p in question.query.parameters])
        named = [v for p in ("format", "output", "results") for v in pairs.get(p, ())]
        chosen = tabular.choose(OFFERED, request.headers.get("Accept"), named)
        values = {p.name: pairs[p.name] for p in question.query.parameters if any(v.strip() for v in pairs.get(p.name, ()))}
        limit = number(pairs, "limit")
        if limit is None and chosen is PAGE:
            limit = answer_pages.ROWS
        other = citation.other_version(one(pairs, "version") or "", self._answers.store.version)
        return Asked(question, values, chosen, limit, number(pairs, "offset") or 0, other, flag(pairs, "download"), flag(pairs, "bom"), _sort(pairs, question))

    def _gone(self, asked: Asked) -> Response:
        served = self._answers.store.version
        address = citation.path(asked.question, citation.resolved(self._answers, asked.question, asked.values), served)
        response = problems.problem(
            410,
            "Gone",
            f"version {asked.other_version} of the dataset is not served here, but {served[:16]}; ask without version for the present answer.",
            f"此处不提供数据集版本 {asked.other_version}，现行版本为 {served[:16]}；去掉 version 即可取得现行答案。",
            served=served[:16],
            address=addresses.base() + address,
        )
        response.headers[versions.HEADER] = served
        return response

    def _made(self, asked: Asked, sparql: str, opaque: str) -> Response:
        chosen, question, store = asked.chosen, asked.question, self._answers.store
        if chosen.extension == "rq":
            return answers.send(Body.of(sparql.encode("utf-8", "replace")), chosen, opaque)
        address = citation.permanent(question, citation.resolved(self._answers, question, asked.values), store.version)
        if chosen in tabular.RESULTS:
            columns, rows = bindings(store, sparql)
            if asked.sort:
                rows = [rows[i] for i in tabular.order(self._answers.answer(question.name, asked.values, language()), asked.sort)]
            shown = rows[asked.offset : None if asked.limit is None else asked.offset + asked.limit]
            body = answers.prepared(Body.of(tabular.results(columns, shown, chosen.extension)), chosen)
            return _counted(answers.send(body, chosen, opaque), asked, len(rows), address)
        lang = language()
        whole = tabular.sorted_by(self._answers.answer(question.name, asked.values, lang), asked.sort)
        if chosen in citation.FORMATS:
            data = citation.write(self._citations.all(question, address, whole, lang), chosen.extension)
            return _linked(speaking(answers.send(Body.of(data), chosen, opaque)), address)
        about = self._about(asked, whole, address)
        table = tabular.page(whole, asked.limit, asked.offset)
        if chosen in tabular.STATEMENTS:
            return _counted(answers.send(Body.of(tabular.statements(self._answers, table)), chosen, opaque), asked, whole.total, address)
        if chosen is PAGE:
            response = self._page(asked, table, about, opaque)
        else:
            body = answers.prepared(Body.of(tabular.write(table, chosen.extension, about)), chosen, asked.bom)
            response = speaking(answers.send(body, chosen, opaque))
            if chosen.extension == "xlsx":
                response.headers["Content-Type"] = chosen.media_type
        return _counted(response, asked, whole.total, address)

    def told(self, asked: Asked) -> tuple[Table, About]:
        """The rows asked for, and what is to be said of them."""
        whole = self._answers.answer(asked.question.name, asked.values, language())
        address = citation.permanent(asked.question, citation.resolved(self._answers, asked.question, asked.values), self._answers.store.version)
        return tabular.page(whole, asked.limit, asked.offset), self._about(asked, whole, address)

    def _about(self, asked: Asked, whole: Table, address: str) -> About:
        chosen = citation.resolved(self._answers, asked.question, asked.values)
        return About(
            version=self._answers.store.version,
            address=address,
            citation=self._citations.line(asked.question, address, whole, whole.lang),
            parameters=citation.labelled(asked.question, chosen, whole.lang),
            other_version=asked.other_version,
            linked=self._columns.linked(asked.question) | tabular.linked(whole),
            offset=asked.offset,
            link=_link,
        )

    def _page(self, asked: Asked, table: Table, about: About, opaque: str) -> Response:
        around = {rel: href for rel, href in _neighbours(asked, table.total).items() if rel in ("next", "prev")}
        return page("questions-answer.html", opaque, **answer_pages.values(self._answers, asked, table, about, OFFERED, shown), **around)

    def _choose(self, asked: Asked) -> Response:
        """The form alone, where a reader has yet to choose what the question cannot do without."""
        opaque = self.tag("choose", asked.question.name, sorted(asked.values.items()), asked.sort)
        return page("questions-choose.html", opaque, **answer_pages.form(self._answers, asked, language()))

    # --- the rest

    def citation(self) -> Response:
        """The dataset and its sources, as references."""
        pairs = read(())
        chosen = tabular.choose(citation.FORMATS, request.headers.get("Accept"), pairs.get("format", ()), page=None)
        opaque = self.tag("citation", chosen.extension)
        response = answers.held(opaque, chosen)
        if response is None:
            lang = language()
            data = citation.write((self._citations.dataset(lang), *self._citations.sources(lang=lang)), chosen.extension)
            response = speaking(answers.send(Body.of(data), chosen, opaque))
        if flag(pairs, "download"):
            answers.as_download(response, "covalue", chosen)
        return response

    def network(self, extension: str) -> Response:
        """The networks of a case or of all."""
        pairs = read(("case", "which"))
        chosen = next(f for f in network.FORMATS if f.extension == extension)
        case, which = one(pairs, "case") or None, one(pairs, "which") or "all"
        opaque = self.tag("network", extension, case, which)
        response = answers.held(opaque, chosen)
        if response is None:
            lang, store = language(), self._answers.store
            data = self._service.kept.get(opaque, lambda: network.write(network.network(store, case, which), extension, lang))
            response = speaking(answers.send(Body.of(data), chosen, opaque))
        if flag(pairs, "download"):
            answers.as_download(response, f"covalue-{case or 'all'}-{which}", chosen)
        return response

    def openapi(self) -> Response:
        """The description of the service for programs."""
        routes = frozenset(r.rule for r in current_app.url_map.iter_rules()) | {f"/network.{f.extension}" for f in network.FORMATS}
        opaque = self.tag("openapi", sorted(routes))
        response = answers.held(opaque, JSON)
        if response is None:
            data = self._service.kept.get(opaque, lambda: json_bytes(catalogue.openapi(self._library, self._answers, addresses.base(), routes)))
            response = answers.send(Body.of(data), JSON, opaque)
        return response


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _words(question: Question) -> str:
    """What the filter of the catalogue looks at: title and question in both languages, and keywords."""
    texts = (question.text(key, lang) for key in ("title", "question") for lang in LANGUAGES)
    return _folded(" ".join([*texts, *(word for word, _ in catalogue.keywords(question))]))


# --- reading an address


def read(own: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """
    The parameters of the address, by name.

    Args:
        own: names that may stand there besides the reserved ones.

    Raises:
        InputError: one that is not known here; the nearest is named.
        QueryError: they are not UTF-8, or too many.
        RequestURITooLarge: the address is too long.
    """
    if len(request.query_string) > protocol.LONGEST_ADDRESS:
        raise RequestURITooLarge
    out: dict[str, tuple[str, ...]] = {}
    for name, value in protocol.parameters():
        if name not in RESERVED and name not in own:
            near = difflib.get_close_matches(name, [*own, *sorted(RESERVED)], n=1, cutoff=0.5)
            listed = ", ".join(own) or "-"
            raise InputError(
                f'there is no parameter "{name[:50]}" here; ' + (f'the nearest is "{near[0]}"; ' if near else "") + f"its own are {listed}.",
                f"此处没有参数“{name[:50]}”；" + (f"最接近的是“{near[0]}”；" if near else "") + f"可用的有 {listed}。",
            )
        if "\0" in value:
            raise InputError("a parameter holds a character that no text has.", "参数含有文本不可能包含的字符。")
        out[name] = (*out.get(name, ()), value)
    lang = one(out, "lang")
    if lang is not None and lang.lower().partition("-")[0] not in LANGUAGES:
        raise InputError(f'"lang" is en or zh, not "{lang[:50]}".', f"“lang”应为 en 或 zh，而不是“{lang[:50]}”。")
    return out


def one(pairs: Values, name: str) -> str | None:
    found = [v for v in pairs.get(name, ()) if v.strip()]
    if len(found) > 1:
        raise InputError(f'"{name}" takes one value.', f"“{name}”只能有一个值。")
    return found[0].strip() if found else None


def number(pairs: Values, name: str) -> int | None:
    text = one(pairs, name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) <= MOST_NUMBER):
        raise InputError(f'"{name}" takes a whole number from 0 to {MOST_NUMBER}, not "{text[:50]}".', f"“{name}”应为 0 至 {MOST_NUMBER} 的整数，而不是“{text[:50]}”。")
    return int(text)


def _sort(pairs: Values, question: Question) -> str:
    """The column by which rows are sorted; with a minus before it from the last to the first; empty for the order of the question."""
    text = one(pairs, "sort") or ""
    columns = question.query.columns
    if text and text.removeprefix("-") not in columns:
        listed = ", ".join(columns)
        raise InputError(
            f'"sort" takes a column, with a minus before it to turn the order: {listed}; not "{text[:50]}".', f"“sort”应为列名（前加减号表示倒序）：{listed}；而不是“{text[:50]}”。"
        )
    return text


def flag(pairs: Values, name: str) -> bool:
    text = (one(pairs, name) or "").lower()
    if text not in (*YES, *NO, ""):
        raise InputError(f'"{name}" takes 1 or 0, not "{text[:50]}".', f"“{name}”应为 1 或 0，而不是“{text[:50]}”。")
    return text in YES


def _unknown(text: str, known: Sequence[str] | set[str] | Mapping[str, Any], what: str, what_zh: str) -> UnknownError:
    near = tuple(difflib.get_close_matches(text, list(known), n=3, cutoff=0.4))
    en, zh = nearest(near, near)
    return UnknownError(
        f'there is no {what} "{text[:100]}"{en}.',
        f"没有{what_zh}“{text[:100]}”{zh}。",
        tuple(f"{BASE}questions/{n}" for n in near),
    )


# --- writing an answer


def json_bytes(body: Mapping[str, Any]) -> bytes:
    return (json.dumps(body, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def speaking(response: Response) -> Response:
    """For data with labels, which depend on the language as pages do."""
    response.headers["Content-Language"] = language()
    response.vary.add("Accept-Language")
    return response


def page(template: str, opaque: str, **values: Any) -> Response:
    return pages.send(template, PAGE, opaque, **values)


def _link(iri: str) -> str | None:
    """Where an IRI leads from outside of this service's pages."""
    return addresses.base() + iri[len(BASE) :] if iri.startswith(BASE) else tabular.plain_link(iri)


def shown(cell: Any) -> pages.Cell:
    if cell.kind == "uri":
        return pages.Cell(pages.printable(cell.shown), addresses.link(cell.value), pages.printable(cell.value))
    return pages.Cell(pages.printable(cell.value))


def _neighbours(asked: Asked, total: int) -> dict[str, str]:
    """The addresses of the rows before and behind these."""
    if not asked.limit:
        return {}
    out = {}
    if asked.offset > 0:
        out["prev"] = _address(max(0, asked.offset - asked.limit), min(asked.limit, asked.offset))
    if asked.offset + asked.limit < total:
        out["next"] = _address(asked.offset + asked.limit, asked.limit)
    return out


def _address(offset: int, limit: int) -> str:
    pairs = [(n, v) for n, v in protocol.parameters() if n not in ("offset", "limit")]
    return f"{addresses.here()}?{urlencode([*pairs, ('limit', limit), ('offset', offset)])}"


def _counted(response: Response, asked: Asked, total: int, address: str) -> Response:
    response.headers["X-Total-Count"] = str(total)
    for rel, href in _neighbours(asked, total).items():
        response.headers.add("Link", f'<{href}>; rel="{rel}"')
    return _linked(response, address)


def _linked(response: Response, address: str) -> Response:
    response.headers.add("Link", f'<{address}>; rel="cite-as"')
    return response
