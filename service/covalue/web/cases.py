"""
Cases as pages with pictures: `/case/<id>.html` (to which `/case/<id>` sends a browser; RDF clients get the description of that IRI), the
list of them at `/cases`, each picture as a file at `/pictures/<id>/<name>.svg`, and the value network for interactive drawing as JSON.

Everything drawn is the answer of a named question, and each picture says of which. Pages work without a script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, request
from markupsafe import Markup

from covalue import citation, exhibits, tabular
from covalue.errors import InputError
from covalue.exhibits import ALL, Cut
from covalue.gallery import Gallery, cases, exists, sizes
from covalue.names import BASE, PREFIXES
from covalue.pictures import canvas, causes, matrix, network, timeline
from covalue.pictures.model import Thing, modality_names
from covalue.pictures.network import tint
from covalue.questions import short_id
from covalue.tabular import PAGE
from covalue.web import addresses, answers, assets, pages
from covalue.web.answers import Body
from covalue.web.languages import language, say
from covalue.web.linked_data import nearest
from covalue.web.problems import UnknownError
from covalue.web.questions import JSON, Views, flag, json_bytes, number, of_version, one, page, read, speaking

SVG = tabular.row("svg", "image/svg+xml", "svg")
CASE = PREFIXES["case"]
VIEWS = ("overview", "evolution", "network", "matrix", "canvas", "causes", "figures", "structure")
SHOWN: Mapping[str, tuple[str, ...]] = {
    "overview": ("evolution", "network", "matrix", "canvas", "loops", "figures"),
    "causes": ("loops", "sections"),
    **{name: (name,) for name in ("evolution", "network", "matrix", "canvas", "figures", "structure")},
}
"""The pictures of each view."""
MOST_LISTED = 300
"""Cases on the page that lists them."""
SMALL_MAP = 60
"""So many situations at most are drawn at once without being asked for."""
AS_TABLES = frozenset({"matrix", "canvas"})
"""Pictures that a page shows as a table or grid of its own, which is easier to read; the picture can still be saved."""
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


@dataclass(frozen=True)
class _Asked:
    """What an address asks of a case: the view, and the cut of the causal map."""

    view: str
    cut: Cut
    other_version: str


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
        every, counted = cases(self._answers), sizes(self._answers)
        shown = [{"about": self._gallery(iri).about, "href": _page(iri), "sizes": counted.get(iri, {})} for iri in every[:MOST_LISTED]]
        return of_version(page("cases.html", opaque, cases=shown, left=len(every) - len(shown)), self._answers.store)

    def page(self, name: str) -> Response:
        """The page of a case."""
        gallery = self._gallery(self._known(name))
        asked = _asked(gallery, self._answers.store.version)
        opaque = self._views.tag("case", name, asked, request.full_path)
        if (held := answers.held(opaque, PAGE)) is not None:
            return held
        data = self._views.kept(opaque, lambda: pages.rendered("case.html", **_Content(gallery, asked, self._citations).values()))
        return of_version(answers.send(Body.of(data), PAGE, opaque), self._answers.store)

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
        return of_version(response, self._answers.store)

    def elements(self, name: str) -> Response:
        """The value network as nodes and lines with places, for interactive drawing."""
        read(())
        gallery = self._gallery(self._known(name))
        opaque = self._views.tag("elements", name)
        response = answers.held(opaque, JSON)
        if response is None:
            data = self._views.kept(opaque, lambda: json_bytes(_elements(gallery)))
            response = speaking(answers.send(Body.of(data), JSON, opaque))
        return of_version(response, self._answers.store)

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


def _page(iri: str, **values: str | int) -> str:
    """The address of a case's page; values that are empty are left out."""
    said = {k: v for k, v in values.items() if v}
    return addresses.local(f"case/{iri.removeprefix(CASE)}.html") + (f"?{urlencode(said)}" if said else "")


def _asked(gallery: Gallery, served: str) -> _Asked:
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
    return _Asked(view, cut, citation.other_version(one(pairs, "version") or "", served))


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


class _Content:
    """What the template of a page is filled with."""

    def __init__(self, gallery: Gallery, asked: _Asked, citations: citation.Citations) -> None:
        self._gallery, self._asked, self._citations = gallery, asked, citations
        self._name = gallery.case.removeprefix(CASE)

    def values(self) -> dict[str, Any]:
        """All values of the template."""
        gallery, asked = self._gallery, self._asked
        exhibited = [self._exhibit(name, i) for i, name in enumerate(self._names(), 1)]
        return {
            "about": gallery.about,
            "title": gallery.about.thing.label,
            "iri": gallery.case,
            "view": asked.view,
            "cut": asked.cut,
            "views": [(v, _view_name(v), _page(gallery.case, view="" if v == "overview" else v)) for v in VIEWS],
            "exhibits": exhibited,
            "how": modality_names(language()),
            "downloads": [(f, addresses.local(f"case/{self._name}.{e}")) for f, e in (("turtle", "ttl"), ("jsonld", "jsonld"))],
            "graphs": [(f, addresses.local(f"network.{f}") + f"?case={self._name}&download=1") for f in ("graphml", "gexf")],
            "cytoscape": assets.address("built/cytoscape.esm.min.mjs") if assets.present("built/cytoscape.esm.min.mjs") else "",
            "tint": tint,
            "other_version": asked.other_version,
            **self._cited(),
            **self._details(),
        }

    def _cited(self) -> dict[str, str]:
        """How to cite the page, by an address that holds the version of the data."""
        gallery, asked, lang = self._gallery, self._asked, language()
        whole = self._citations.dataset(lang)
        cut = {"section": asked.cut.section.rpartition("/")[2], "focus": asked.cut.focus.rpartition("/")[2], "reach": str(asked.cut.reach) if asked.cut.focus else ""}
        values = {"view": "" if asked.view == "overview" else asked.view, **cut, "version": gallery.version[: citation.DIGITS]}
        address = f"{gallery.case}?{urlencode({k: v for k, v in values.items() if v})}"
        title = gallery.about.thing.label + ("" if asked.view == "overview" else say(lang)(" – ", "——") + _view_name(asked.view))
        line = citation.line(replace(whole, kind="answer", title=title, within=whole.title, url=address))
        named = say(lang)("; ", "；").join(s.label for s in gallery.about.sources)
        return {"address": address, "citation": line + (say(lang)(f" Source: {named}.", f" 来源：{named}。") if named else "")}

    def _names(self) -> tuple[str, ...]:
        """The pictures of the view; a small causal map is shown whole, and stands for the loops where there are none."""
        asked, links = self._asked, self._gallery.causes()
        small = 0 < len(causes.things(links)) <= SMALL_MAP
        if asked.view == "causes" and (asked.cut.section or asked.cut.focus):
            return ("causes",)
        names = SHOWN[asked.view]
        if "loops" in names and links and not causes.loops(links).rounds:
            names = tuple(("causes" if small else "sections") if n == "loops" else n for n in names)
        return tuple(dict.fromkeys((*names, "causes") if asked.view == "causes" and small else names))

    def _exhibit(self, name: str, position: int) -> dict[str, Any]:
        gallery, cut = self._gallery, self._asked.cut if name == "causes" else ALL
        drawn = exhibits.picture(
            gallery, name, cut, {iri: _page(gallery.case, view="causes", section=s.short) for iri, s in (exhibits.sections(gallery).items() if name == "sections" else ())}
        )
        view = "causes" if name in ("loops", "sections", "causes") else name
        chosen = {"section": cut.section.rpartition("/")[2], "focus": cut.focus.rpartition("/")[2], "reach": cut.reach if cut.focus else ""}
        save = urlencode({k: v for k, v in chosen.items() if v} | {"lang": language(), "download": "1"})
        library = gallery.library
        return {
            "name": name,
            "number": position,
            "title": drawn.title if drawn else exhibits.title(gallery, name, cut),
            "description": drawn.description if drawn else "",
            "svg": Markup(drawn.inline()) if drawn and name not in AS_TABLES else "",
            "empty": drawn is None,
            "wide": drawn.width if drawn else 0,
            "save": addresses.local(f"pictures/{self._name}/{name}.svg") + f"?{save}",
            "queries": [
                (library.questions[q].text("title", language()), addresses.local(f"questions/{q}") + "?" + urlencode({"case": self._name}))
                for q in exhibits.questions(name)
                if q in library.questions
            ],
            "more": _page(gallery.case, view=view) if self._asked.view == "overview" else "",
        }

    def _details(self) -> dict[str, Any]:
        """What the view shows beside its pictures: tables with evidence."""
        gallery, view = self._gallery, self._asked.view
        out: dict[str, Any] = {}
        if view in ("overview", "matrix"):
            out["matrix"] = {"dimensions": gallery.dimensions(), "actors": gallery.contributors(), "none": network.Count(), "shown": matrix.shown}
        if view in ("overview", "canvas"):
            names, blocks = canvas.names(language()), gallery.canvas()
            out["blocks"] = [(b, names[b], blocks[b]) for b in canvas.BLOCKS]
        if view == "evolution":
            out |= {"stages": gallery.stages(), "events": gallery.events(), "relations": timeline.relations(language()), "years": _years}
        if view == "network":
            out |= {
                "networks": gallery.networks(),
                "contributions": gallery.contributions(),
                "flows": gallery.flows(),
                "elements": addresses.local(f"pictures/{self._name}/network.json") + f"?lang={language()}",
            }
        if view == "causes":
            out |= self._causal()
        if view == "figures":
            out["figures"] = gallery.figures()
        if view == "structure":
            out["structure"] = gallery.structure()
            path = addresses.local("questions/pictures/data-structure")
            out["exports"] = [(f, f"{path}?{urlencode({'case': self._name, 'format': f, 'lang': language(), 'download': '1'})}") for f in ("csv", "xlsx", "md", "tex")]
        return out

    def _causal(self) -> dict[str, Any]:
        gallery, cut = self._gallery, self._asked.cut
        every = gallery.causes()
        found = causes.loops(every)
        shown = exhibits.links(gallery, cut)
        cuts = [(s, len(causes.of_section(every, iri)), _page(gallery.case, view="causes", section=s.short)) for iri, s in exhibits.sections(gallery).items()]
        parted = [(None, shown)] if cut.section or cut.focus else [(s, causes.of_section(every, s.iri)) for s, _, _ in cuts]
        return {
            "loops": found,
            "cuts": cuts,
            "parts": parted,
            "situations": sorted(causes.things(every).values(), key=lambda s: s.label),
            "focus": lambda thing, reach=0: _page(gallery.case, view="causes", focus=thing.short, reach=reach),
            "whole": _page(gallery.case, view="causes"),
            "action": _page(gallery.case),
            "most_reach": exhibits.MOST_REACH,
        }


def _view_name(view: str) -> str:
    t = say(language())
    return {
        "overview": t("Overview", "概览"),
        "evolution": t("Evolution", "演化"),
        "network": t("Value network", "价值网络"),
        "matrix": t("Matrix", "矩阵"),
        "canvas": t("Canvas", "画布"),
        "causes": t("Causes", "因果"),
        "figures": t("Figures", "数值"),
        "structure": t("Data structure", "数据结构"),
    }[view]


def _years(start: Any, end: Any) -> str:
    """The time of a stage or event in words."""
    t = say(language())
    if start and end:
        return f"{start.shown()} – {end.shown()}"
    if end:
        return t(f"by {end.shown()}", f"至 {end.shown()}")
    return start.shown() if start else t("no date stated", "未注明日期")


def _elements(gallery: Gallery) -> dict[str, Any]:
    """Nodes with places as in the picture, and lines with what passes and where it is said."""
    found = gallery.network()
    if found is None:
        return {"nodes": [], "edges": []}
    columns: dict[str, list[network.Actor]] = {side: [a for a in found.actors if a.side == side] for side in (network.USERS, network.PARTNERS, network.OTHERS)}
    places: list[tuple[network.Actor, float, float]] = [(found.focal, 0.0, 0.0)]
    right = [*columns[network.PARTNERS], *columns[network.OTHERS]]
    for x, column in ((-600.0, columns[network.USERS]), (600.0, right)):
        places += [(a, x, 96.0 * (i - (len(column) - 1) / 2)) for i, a in enumerate(column)]
    nodes = [
        {
            "id": a.thing.iri,
            "label": a.thing.label,
            "href": a.thing.href,
            "side": a.side or "focal",
            "roles": [r.label for r in a.roles],
            "counts": [{"dimension": d.label, "reported": c.reported, "other": c.other, "href": c.href} for d in found.dimensions if (c := a.counts.get(d.iri))],
            "x": x,
            "y": y,
        }
        for a, x, y in places
    ]
    here = {n["id"] for n in nodes}
    edges = [
        {
            "id": f"{f.provider.iri} {f.receiver.iri}",
            "source": f.provider.iri,
            "target": f.receiver.iri,
            "label": ", ".join(o.label for o in f.objects()),
            "modality": f.modality(),
            "href": f.href,
            "claims": [
                {"label": e.claim.thing.label, "href": e.claim.thing.href, "modality": e.claim.modality, "passages": [_plain(p) for p in e.claim.passages]} for e in f.exchanges
            ],
        }
        for f in found.flows
        if f.provider.iri in here and f.receiver.iri in here
    ]
    return {"nodes": nodes, "edges": edges}


def _plain(thing: Thing) -> dict[str, str | None]:
    return {"label": thing.label, "href": thing.href}
