"""
A question in words over HTTP: `/ask?q=…`, as a page, as JSON, or in any format of an answer.

A page and JSON tell how the words were understood and what else they might mean. Other formats have room for an answer alone: they hold
that of the named question (`Content-Location` says of which), and where the words are not understood they are 404 with the nearest ones.
"""

from __future__ import annotations

import json

from flask import Blueprint, Response, request

from covalue import citation, replying, tabular
from covalue.ask import LONGEST, Asker, Reply, language_of
from covalue.formats import Format
from covalue.names import BASE
from covalue.questions import Values
from covalue.tabular import JSON, PAGE
from covalue.web import addresses, answer_pages, answers, pages
from covalue.web.answers import Body
from covalue.web.languages import language, prefer
from covalue.web.problems import UnknownError
from covalue.web.questions import OFFERED, Asked, Views, flag, json_bytes, number, one, page, read, shown, speaking

SHOWN = 25
"""Rows on the page; the page of the question has all."""
EXAMPLES = {
    "en": (
        "What do users contribute to value creation?",
        "What did the supply-chain crisis of 2016 lead to?",
        "Which figures does the paper give?",
        "Which dimension lacks which kind of actor?",
        "What does the paper recommend, and to whom?",
        "Who benefits, and from what?",
    ),
    "zh": ("用户对价值创造有什么贡献？", "2016年供应链危机导致了什么？", "论文给出了哪些数字？", "哪个维度缺少哪类行动者？", "论文向谁提出了什么建议？", "谁受益，从何受益？"),
}


def ask_blueprint(views: Views) -> Blueprint:
    """The route of questions in words, over the views of named ones."""
    blueprint = Blueprint("ask", __name__)
    blueprint.add_url_rule("/ask", "ask", _Ask(views))
    return blueprint


class _Ask:
    """The view."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._answers = views.answers
        self._asker = Asker(views.answers)

    def __call__(self) -> Response:
        pairs = read(("q",))
        chosen = tabular.choose(OFFERED, request.headers.get("Accept"), [v for name in ("format", "output", "results") for v in pairs.get(name, ())])
        text = one(pairs, "q")
        if text and language_of(text) == "zh":
            prefer("zh")
        return self._answer(pairs, text or "", chosen)

    def _answer(self, pairs: Values, text: str, chosen: Format) -> Response:
        told = (chosen.extension, text, number(pairs, "limit"), number(pairs, "offset"), one(pairs, "version"), self._asker.digest)
        opaque = self._views.tag("ask", *told)
        if chosen in (PAGE, JSON) and (held := answers.held(opaque, chosen)) is not None:
            return held
        if not text and chosen is PAGE:
            return self._page(None, None, opaque)
        reply = self._asker.ask(text, language())
        asked = self._asked(reply, chosen, pairs) if reply.known else None
        if chosen is PAGE:
            return self._page(reply, asked, opaque)
        return self._json(reply, asked, opaque, flag(pairs, "download")) if chosen is JSON else self._plain(reply, asked)

    def _asked(self, reply: Reply, chosen: Format, pairs: Values) -> Asked:
        """The best reading, as if its own address had been asked."""
        best, limit = reply.readings[0], number(pairs, "limit")
        other = citation.other_version(one(pairs, "version") or "", self._answers.store.version)
        most = SHOWN if limit is None and chosen is PAGE else limit
        return Asked(best.question, best.values, chosen, most, number(pairs, "offset") or 0, other, flag(pairs, "download"), flag(pairs, "bom"))

    def _json(self, reply: Reply, asked: Asked | None, opaque: str, download: bool) -> Response:
        answer = None
        if asked:
            table, about = self._views.told(asked)
            answer = json.loads(tabular.write(table, "json", about))
        response = speaking(answers.send(Body.of(json_bytes(replying.as_json(self._answers, reply, answer))), JSON, opaque))
        return answers.as_download(response, "covalue-ask", JSON) if download else response

    def _plain(self, reply: Reply, asked: Asked | None) -> Response:
        told = [replying.told(self._answers, reading, reply.lang) for reading in reply.readings]
        if asked is None:
            raise UnknownError(reply.message("en"), reply.message("zh"), tuple(BASE + t.path for t in told))
        response = self._views.respond(asked)
        response.headers["Content-Location"] = addresses.base() + told[0].path
        return response

    def _page(self, reply: Reply | None, asked: Asked | None, opaque: str) -> Response:
        told = [replying.told(self._answers, reading, language()) for reading in reply.readings] if reply else []
        links = [{"title": t.title, "question": t.question, "parameters": t.parameters, "href": f"{addresses.prefix()}/{t.path}"} for t in told]
        return page(
            "ask.html",
            opaque,
            text=pages.printable(reply.text) if reply else "",
            message=reply.message() if reply else "",
            hint=reply.hint() if reply else "",
            best=links[0] if asked else None,
            others=links[1:] if asked else links,
            examples=EXAMPLES[language()],
            most=LONGEST,
            **(self._table(asked, told[0].path) if asked else {}),
        )

    def _table(self, asked: Asked, path: str) -> dict[str, object]:
        """The answer, for the template."""
        (table, about), lang = self._views.told(asked), language()
        formats = [f for f in OFFERED if f not in citation.FORMATS]
        return {
            "rows": [[shown(cell) for cell in row] for row in table.rows],
            "columns": [asked.question.heading(c, lang) for c in table.columns],
            "total": table.total,
            "citation": about.citation,
            "sparql": table.sparql,
            "warning": about.warning(lang),
            "explanation": asked.question.text("explanation", lang),
            "formats": [(answer_pages.name(f), _in_format(path, f.names[0], lang)) for f in formats],
        }


def _in_format(path: str, name: str, lang: str) -> str:
    return f"{addresses.prefix()}/{path}{'&' if '?' in path else '?'}format={name}&lang={lang}&download=1"
