"""
The page for writing SPARQL: YASGUI where its files are there and scripts run, a plain form otherwise.

`/editor` shows an example, `/editor?query=…` a query (with `name`, its title), `/editor?question=<area>/<name>` a ready question. The form
sends to `/sparql`, whose page shows the rows; everything that YASGUI does by itself, `static/editor.js` has it do our way.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request

from covalue import catalogue
from covalue.names import PREFIXES
from covalue.questions import Library, Question
from covalue.tabular import PAGE, collation
from covalue.web import addresses, answers, assets, discovery, pages, validators
from covalue.web.languages import language
from covalue.web.problems import UnknownError
from covalue.web.service import Service

NEEDED = ("built/yasgui.min.js", "built/yasgui.min.css", "built/cytoscape.esm.min.mjs")
FIRST = "actors/contributions-with-evidence"
LONGEST_NAME = 120
LONGEST_QUERY = 100_000
POLICY = "style-src-attr 'unsafe-inline'"
"""What this page alone is allowed more: YASGUI writes the hints for faults of syntax with style attributes. Style elements and scripts stay our own files."""


def register(app: Flask, service: Service, library: Library | None, policy: str) -> None:
    """
    Adds the route.

    Args:
        policy: the Content-Security-Policy of all pages, which this page widens by `POLICY`.
    """
    questions = library.questions if library else {}

    def editor() -> Response:
        name, query = _asked(questions)
        whole = all(map(assets.present, NEEDED))
        opaque = validators.tag(service.store.version, "editor", addresses.base(), language(), name, query, request.args.get("question"), whole, sorted(questions))
        response = answers.held(opaque, PAGE) or pages.send("editor.html", PAGE, opaque, **_values(questions, name, query, whole))
        response.headers["Content-Security-Policy"] = f"{policy}; {POLICY}"
        return response

    app.add_url_rule("/editor", "editor", editor)


def _asked(questions: dict[str, Question] | Any) -> tuple[str, str]:
    """
    The name and the text of the query that the page begins with.

    Raises:
        UnknownError: there is no such question.
    """
    given = request.args.get("query", "")[:LONGEST_QUERY]
    if given.strip():
        return request.args.get("name", "").strip()[:LONGEST_NAME], given
    wanted = request.args.get("question", "").strip()
    if wanted and wanted not in questions:
        raise UnknownError(f'there is no question "{wanted[:100]}"; /questions lists all.', f"没有问题“{wanted[:100]}”；全部列于 /questions。")
    chosen = questions.get(wanted or FIRST)
    return (chosen.text("title", language()), _text(chosen)) if chosen else ("", discovery.EXAMPLE)


def _text(question: Question) -> str:
    """The query as its file has it, below the header."""
    return "\n".join(line for line in question.query.text.splitlines() if not line.startswith("#+")).strip() + "\n"


def _values(questions: dict[str, Question] | Any, name: str, query: str, whole: bool) -> dict[str, Any]:
    lang = language()
    groups: dict[str, list[tuple[str, str]]] = {}
    for q in questions.values():
        groups.setdefault(q.area, []).append((q.name, q.text("title", lang)))
    data = {
        "endpoint": addresses.base() + "sparql",
        "terms": addresses.local("terms.json"),
        "questions": addresses.local("questions"),
        "prefixes": dict(PREFIXES),
        "base": addresses.base(),
        "name": name,
        "run": bool(request.args.get("query") or request.args.get("question")),
        "cytoscape": assets.address("built/cytoscape.esm.min.mjs"),
    }
    return {
        "name": name,
        "query": query,
        "whole": whole,
        "data": data,
        "library": [(catalogue.area_name(area, lang), sorted(found, key=lambda x: collation(x[1]))) for area, found in sorted(groups.items())],
    }
