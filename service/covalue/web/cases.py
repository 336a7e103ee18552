"""
Cases as pages with pictures: `/case/<id>.html` (to which `/case/<id>` sends a browser; RDF clients get the description of that IRI), the
list of them at `/cases`, each picture as a file at `/pictures/<id>/<name>.svg`, and the value network for interactive drawing as JSON.

Everything drawn is the answer of a named question, and each picture says of which. Pages work without a script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, request

from covalue import citation, exhibits, tabular
from covalue.errors import InputError
from covalue.exhibits import ALL, Cut
from covalue.gallery import Gallery, cases, exists, sizes
from covalue.names import BASE
from covalue.pictures import causes
from covalue.questions import short_id
from covalue.tabular import JSON, PAGE
from covalue.web import addresses, answers, assets, pages
from covalue.web.answers import Body
from covalue.web.case_pages import CASE, VIEWS, Asked, Content, address, elements
from covalue.web.languages import language
from covalue.web.linked_data import nearest
from covalue.web.problems import UnknownError
from covalue.web.questions import Views, flag, json_bytes, number, one, page, read, speaking

SVG = tabular.row("svg", "image/svg+xml", "svg")
MOST_LISTED = 300
"""Cases on the page that lists them."""
VARIABLES = (
    ":root{--paper:#fff;--surface:#fff;--ink:#25231f;--muted:#5d584e;--rule:#cfc8b8;--accent:#1b5e5a;--accent-soft:#e1edea;--warn:#8a4a00;"
    "--d-proposition:#7d5700;--d-proposition-soft:#f7ebce;--d-creation:#9c3d1b;--d-creation-soft:#f9e3da;--d-delivery:#2a5a96;--d-delivery-soft:#e1eaf6;"
    "--d-capture:#74377a;--d-capture-soft:#f1e3f2}"
)
"""Colours of a saved picture, which goes into papers: light, on white."""


def cases_blueprint(views: Views) -> Blueprint:
    """The routes of cases, over the views of named questions."""
    blueprint = Blueprint("cases", __name__)
    made = _Cases(views)
    blueprint.add_url_rule("/cases", "list", made.all)
    blueprint.add_url_rule("/case/<name>.html", "page", made.page)
    blueprint.add_url_rule("/pictures/<name>/<any('" + "', '".join(exhibits.NAMES) + "'):picture>.svg", "picture", made.picture)
    blueprint.add_url_rule("/pictures/<name>/network.json", "elements", made.elements)
    return blueprint


class _Cases:
    """The views over one library."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._answers = views.answers
        self._citations = citation.Citations(views.answers)

    # --- routes

    def all(self) -> Response:
        """All cases, with what each holds."""
        read(())
        opaque = self._views.tag("cases")
        if (held := answers.held(opaque, PAGE)) is not None:
            return held
        every = cases(self._answers)
        listed = every[:MOST_LISTED]
        counted = sizes(self._answers, listed)
        shown = [{"about": self._gallery(iri).about, "href": address(iri), "sizes": counted.get(iri, {})} for iri in listed]
        return page("cases.html", opaque, cases=shown, left=len(every) - len(shown))

    def page(self, name: str) -> Response:
        """The page of a case."""
        gallery = self._gallery(self._known(name))
        asked = _asked(gallery, self._answers.store.version)
        opaque = self._views.tag("case", name, asked, request.full_path)
        if (held := answers.held(opaque, PAGE)) is not None:
            return held
        data = self._views.kept(opaque, lambda: pages.rendered("case.html", **Content(gallery, asked, self._citations).values()))
        return answers.send(Body.of(data), PAGE, opaque)

    def picture(self, name: str, picture: str) -> Response:
        """A picture as a file that carries its style, in the light, with permanent addresses."""
        gallery = self._gallery(self._known(name), permanent=True)
        pairs = read(("section", "focus", "reach"))
        cut = _cut(gallery, pairs) if picture == "causes" else ALL
        opaque = self._views.tag("picture", name, picture, cut, _style())
        response = answers.held(opaque, SVG)
        if response is None:
            data = self._views.kept(opaque, lambda: _drawn(gallery, picture, cut))
            if not data:
                raise UnknownError(f'the case "{name}" has nothing to draw in the picture "{picture}".', f"案例“{name}”没有可画入“{picture}”的内容。", ())
            response = speaking(answers.send(Body.of(data), SVG, opaque))
        response.headers["Content-Security-Policy"] = f"default-src 'none'; style-src {_digest()}; frame-ancestors 'self'; base-uri 'none'"
        if flag(pairs, "download"):
            answers.as_download(response, f"covalue-{name}-{picture}-{language()}", SVG)
        return response

    def elements(self, name: str) -> Response:
        """The value network as nodes and lines with places, for interactive drawing."""
        read(())
        gallery = self._gallery(self._known(name))
        opaque = self._views.tag("elements", name)
        response = answers.held(opaque, JSON)
        if response is None:
            data = self._views.kept(opaque, lambda: json_bytes(elements(gallery)))
            response = speaking(answers.send(Body.of(data), JSON, opaque))
        return response

    # --- what they share

    def _known(self, name: str) -> str:
        """
        The IRI of a case.

        Raises:
            UnknownError: there is none by this name; the nearest are named.
        """
        iri = CASE + quote(name, safe=addresses.PATH_SAFE)
        if not exists(self._answers, iri):
            known = cases(self._answers)
            near = nearest(iri, known)
            listed = ", ".join(short_id(n) for n in near or known[:5]) or "-"
            raise UnknownError(f'there is no case "{name[:100]}"; there are {listed}.', f"没有案例“{name[:100]}”；现有 {listed}。", near)
        return iri

    def _gallery(self, iri: str, permanent: bool = False) -> Gallery:
        def rows(question: str, values: Mapping[str, str]) -> str:
            path = f"questions/{question}"
            return (BASE + path if permanent else addresses.local(path)) + "?" + urlencode(values)

        return Gallery(self._answers, iri, language(), (lambda i: i if i.startswith(("http:", "https:")) else None) if permanent else addresses.link, rows)


def _asked(gallery: Gallery, served: str) -> Asked:
    """
    Args:
        served: the version of the dataset.

    Raises:
        InputError: a view, section or situation that the case does not have, or no version.
    """
    pairs = read(("view", "section", "focus", "reach"))
    cut = _cut(gallery, pairs)
    view = one(pairs, "view") or ("causes" if cut != ALL else "overview")
    if view not in VIEWS:
        raise InputError(f'"view" is one of {", ".join(VIEWS)}, not "{view[:50]}".', f"“view”应为 {'、'.join(VIEWS)} 之一，而不是“{view[:50]}”。")
    return Asked(view, cut, citation.other_version(one(pairs, "version") or "", served))


def _cut(gallery: Gallery, pairs: Mapping[str, tuple[str, ...]]) -> Cut:
    section, focus, reach = one(pairs, "section") or "", one(pairs, "focus") or "", number(pairs, "reach")
    if reach is not None and not 1 <= reach <= exhibits.MOST_REACH:
        raise InputError(f'"reach" is a number of steps from 1 to {exhibits.MOST_REACH}.', f"“reach”为步数，取 1 至 {exhibits.MOST_REACH}。")
    if not section and not focus:
        return Cut(reach=reach) if reach else ALL
    whole = {iri: iri for iri in causes.things(gallery.causes())} if focus else {iri: iri for iri in exhibits.sections(gallery)}
    wanted = focus or section
    found = next((iri for iri in whole if wanted in (iri, short_id(iri), iri.rpartition("/")[2])), None)
    if found is None:
        near = ", ".join(iri.rpartition("/")[2] for iri in nearest(f"{gallery.case}/situation/{wanted}" if focus else wanted, sorted(whole))) or "-"
        what, what_zh = ("situation", "情形") if focus else ("section", "章节")
        raise InputError(
            f'the causal map of this case has no {what} "{wanted[:100]}"; the nearest are {near}.', f"本案例的因果图中没有{what_zh}“{wanted[:100]}”；最接近的是 {near}。"
        )
    return Cut(focus=found, reach=reach or 2) if focus else Cut(section=found)


def _drawn(gallery: Gallery, name: str, cut: Cut) -> bytes:
    where = {iri: f"{gallery.case}?{urlencode({'section': iri.rpartition('/')[2]})}" for iri in exhibits.sections(gallery)} if name == "sections" else {}
    drawn = exhibits.picture(gallery, name, cut, where)
    return drawn.document(_style()).encode("utf-8", "replace") if drawn else b""


@cache
def _style() -> str:
    """The style of a saved picture."""
    return VARIABLES + (assets.FOLDER / "pictures.css").read_text(encoding="utf-8")


@cache
def _digest() -> str:
    """That style alone is allowed in it; browsers hash the text as it stands between the tags."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()}'"
