"""
Search for readers and programs: `/search` (a page, or JSON by header or as `/search.json`), `/suggest` for fields that complete while one
types, and `/terms.json`, all that a query is written with, for the editor's own completion.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, request

from covalue import tabular
from covalue.entries import KINDS, Entry, fold
from covalue.errors import InputError
from covalue.names import PREFIXES
from covalue.search import LONGEST, TERMS, Found, Hit, Index
from covalue.tabular import JSON, PAGE
from covalue.web import addresses, answers, pages, validators
from covalue.web.answers import Body
from covalue.web.languages import language
from covalue.web.service import Service

PER_PAGE = 20
MOST_SUGGESTED = 20
DEEPEST = 500
"""Pages of hits that can be leafed through."""
MOST_TERMS = 20_000


def register(app: Flask, service: Service) -> None:
    """Adds the routes."""
    views = _Views(service)
    app.add_url_rule("/search", "search", views.search)
    app.add_url_rule("/search.json", "search-json", views.search_json)
    app.add_url_rule("/suggest", "suggest", views.suggest)
    app.add_url_rule("/terms.json", "terms", views.terms)


class _Views:
    """The views over one index."""

    def __init__(self, service: Service) -> None:
        self._service, self.finder = service, service.finder

    def _tag(self, *parts: object) -> str:
        return validators.tag(self._service.store.version, "search", addresses.prefix(), language(), *parts)

    def search(self) -> Response:
        """A page of hits, or the same as JSON for who prefers that."""
        chosen = tabular.choose((JSON,), request.headers.get("Accept"), request.args.getlist("format"))
        return self._page() if chosen is PAGE else self.search_json()

    def search_json(self) -> Response:
        """A page of hits as JSON."""
        query, kinds, page = _asked()
        return self._json(("json", query, kinds, page), lambda index: _as_json(query, page, self._found(index, query, kinds, page)))

    def _found(self, index: Index, query: str, kinds: Sequence[str], page: int) -> Found:
        return index.search(query, limit=PER_PAGE, offset=(page - 1) * PER_PAGE, kinds=kinds)

    def _page(self) -> Response:
        query, kinds, page = _asked()
        opaque = self._tag("page", query, kinds, page)
        if response := answers.held(opaque, PAGE):
            return response
        index = self.finder.index()
        found = self._found(index, query, kinds, page)
        values: dict[str, Any] = {
            "query": query,
            "kinds": _facets(query, kinds, found),
            "kind": kinds[0] if kinds else "",
            "found": found,
            "hits": _cards(index, found.hits, query),
        }
        return pages.send("search.html", PAGE, opaque, cut=index.cut, longest=LONGEST, **values, **_leaves(query, kinds, page, found))

    def suggest(self) -> Response:
        """The best few names for what was typed so far; without definitions, which nobody types the beginning of."""
        query, kinds, _ = _asked()
        limit = _number("limit", 8, MOST_SUGGESTED)
        return self._json(("suggest", query, kinds, limit), lambda index: _as_json(query, 1, index.search(query, limit=limit, kinds=kinds, texts=False)))

    def terms(self) -> Response:
        """Every term, concept and thing of a case: IRI, CURIE, labels and kind; with the prefixes that the CURIEs take."""
        kinds = _kinds()
        return self._json(("terms", kinds), lambda index: _terms(index, kinds or TERMS))

    def _json(self, key: tuple[object, ...], make: Callable[[Index], Mapping[str, Any]]) -> Response:
        opaque = self._tag(*key)
        response = answers.held(opaque, JSON)
        if response is None:
            data = self._service.kept.get(opaque, lambda: _dumped(make(self.finder.index())))
            response = answers.send(Body.of(data), JSON, opaque)
        response.headers["Content-Language"] = language()
        response.vary.add("Accept-Language")
        return response


# --- reading an address


def _asked() -> tuple[str, tuple[str, ...], int]:
    """The words, the kinds and the page that are asked for."""
    return request.args.get("q", "").strip()[:LONGEST], _kinds(), _number("page", 1, DEEPEST)


def _kinds() -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(k for k in request.args.getlist("kind") if k))
    for kind in wanted:
        if kind not in KINDS:
            listed = ", ".join(KINDS)
            raise InputError(f'there is no kind "{kind[:50]}"; there are {listed}.', f"没有“{kind[:50]}”这一种类；可用的有 {listed}。")
    return wanted


def _number(name: str, default: int, most: int) -> int:
    text = request.args.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise InputError(f'"{name}" takes a whole number from 1 to {most}, not "{text[:50]}".', f"“{name}”应为 1 至 {most} 的整数，而不是“{text[:50]}”。")
    return int(text)


# --- JSON


def _dumped(body: Mapping[str, Any]) -> bytes:
    return (json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n").encode("utf-8", "replace")


def _as_json(query: str, page: int, found: Found) -> dict[str, Any]:
    results = [{**_term(hit.entry), "label": hit.entry.label(language()), "matched": hit.matched, "href": addresses.link(hit.entry.iri)} for hit in found.hits]
    return {
        "query": query,
        "page": page,
        "total": found.total,
        "more": found.more,
        "near": found.near,
        "kinds": found.kinds,
        "unfinished": sorted(found.unfinished, key=tuple(KINDS).index),
        "results": results,
    }


def _term(entry: Entry) -> dict[str, Any]:
    return {"iri": entry.iri, "curie": entry.curie, "en": entry.label("en"), "zh": entry.label("zh"), "kind": entry.kind}


def _terms(index: Index, kinds: Sequence[str]) -> dict[str, Any]:
    found = [index.entries.of(kind) for kind in KINDS if kind in kinds]
    first = (index.entries[number] for number in islice(chain(*found), MOST_TERMS))
    terms = [{**_term(e), **({"names": list(e.others)} if e.others else {})} for e in first]
    used = {t["curie"].partition(":")[0] for t in terms}
    return {"complete": sum(map(len, found)) <= MOST_TERMS, "prefixes": {p: ns for p, ns in PREFIXES.items() if p in used}, "terms": terms}


# --- the page


def _facets(query: str, kinds: Sequence[str], found: Found) -> list[dict[str, Any]]:
    """The kinds of what was found, each with its number and a link to it alone; the first is all."""
    zh = language() == "zh"
    rows = [("", "全部" if zh else "all", sum(found.kinds.values())), *((k, KINDS[k][zh], n) for k, n in found.kinds.items())]
    return [
        {
            "label": label,
            "count": f"{count}+" if kind in found.unfinished or (found.unfinished and not kind) else count,
            "href": _address(query, (kind,) if kind else (), 1),
            "current": (kind,) == tuple(kinds) or not (kind or kinds),
        }
        for kind, label, count in rows
    ]


def _address(query: str, kinds: Sequence[str], page: int) -> str:
    pairs = [("q", query), *(("kind", k) for k in kinds), *([("page", page)] if page > 1 else [])]
    return f"{addresses.local('search')}?{urlencode(pairs, errors='replace')}"


def _leaves(query: str, kinds: Sequence[str], page: int, found: Found) -> dict[str, Any]:
    first = (page - 1) * PER_PAGE
    out: dict[str, Any] = {"first": first + 1, "last": first + len(found.hits), "prev": None, "next": None}
    if page > 1:
        out["prev"] = _address(query, kinds, page - 1)
    out["deepest"] = DEEPEST * PER_PAGE if page == DEEPEST and first + PER_PAGE < found.total else 0
    if first + PER_PAGE < found.total and page < DEEPEST:
        out["next"] = _address(query, kinds, page + 1)
    return out


def _cards(index: Index, hits: Sequence[Hit], query: str) -> list[dict[str, Any]]:
    lang, other = language(), "en" if language() == "zh" else "zh"
    words = fold(query).split()
    out = []
    for hit in hits:
        entry = hit.entry
        label, second = entry.label(lang), entry.labels.get(other, "")
        called = hit.matched if hit.matched in entry.others else ""
        text = entry.texts.get(lang) or entry.texts.get("en") or next(iter(entry.texts.values()), "")
        out.append(
            {
                "href": addresses.link(entry.iri),
                "label": list(marked(pages.printable(label), words)),
                "second": (other, list(marked(pages.printable(second), words))) if second and second != label else None,
                "called": list(marked(pages.printable(called), words)),
                "text": list(marked(pages.printable(text), words)),
                "kind": KINDS[entry.kind][lang == "zh"],
                "type": _type(index, entry, lang),
                "curie": pages.printable(entry.curie),
            }
        )
    return out


def _type(index: Index, entry: Entry, lang: str) -> str:
    known = index.find(entry.type)
    return "" if known is None or entry.kind in ("class", "property", "scheme", "case") else pages.printable(known.label(lang))


def marked(text: str, words: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """
    A text in pieces, each with whether it is one of the words.

    >>> list(marked("Value capture", ["capt"]))
    [('Value ', False), ('capt', True), ('ure', False)]
    """
    if not words:
        if text:
            yield text, False
        return
    pattern = re.compile("|".join(re.escape(w) for w in sorted(words, key=len, reverse=True)), re.IGNORECASE)
    at = 0
    for found in pattern.finditer(text):
        if found.start() > at:
            yield text[at : found.start()], False
        yield found.group(), True
        at = found.end()
    if at < len(text):
        yield text[at:], False
