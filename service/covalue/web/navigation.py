"""The links at the head of every page: only where the service has the route, and with a mark at the one that the reader is in."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, request

from covalue.web import addresses
from covalue.web.languages import Say

PLACES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("", "Start", "首页", ()),
    ("questions", "Questions", "问题", ("ask",)),
    ("cases", "Cases", "案例", ("case", "source")),
    ("ontology", "Ontology", "本体", ("scheme",)),
    ("lenses", "Lenses", "视角", ("lens",)),
    ("editor", "SPARQL editor", "SPARQL 编辑器", ("sparql",)),
    ("search", "Search", "搜索", ()),
)
"""Path, its names in English and Chinese, and the beginnings of other paths that belong to it."""
ELSEWHERE = {"cases": "#cases", "editor": "sparql", "ontology": "ontology"}
"""Where a place is found as long as it has no route of its own."""


@dataclass(frozen=True)
class Item:
    """One link; `current` where the page belongs to it, `exact` where it is that very page."""

    label: str
    href: str
    current: bool
    exact: bool


def navigation(t: Say) -> list[Item]:
    """The links for the page of the request at hand."""
    rules = {rule.rule for rule in current_app.url_map.iter_rules()}
    here = request.path.strip("/")
    top = here.partition("/")[0].partition(".")[0]
    items = []
    for path, en, zh, parts in PLACES:
        target = path if f"/{path}" in rules else ELSEWHERE.get(path)
        if target is None:
            continue
        stem, mark, fragment = target.partition("#")
        items.append(Item(t(en, zh), addresses.local(stem) + mark + fragment, top == path or top in parts, here == path))
    return items
