"""What the page of a case is filled with: its pictures by view, tables with evidence beside them, and how to cite it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from covalue import citation, exhibits
from covalue.exhibits import ALL, Cut
from covalue.gallery import Gallery
from covalue.names import PREFIXES
from covalue.pictures import canvas, causes, matrix, network, timeline
from covalue.pictures.model import Moment, Thing, modality_names
from covalue.pictures.network import tint
from covalue.web import addresses, assets
from covalue.web.languages import language, say

CASE = PREFIXES["case"]
VIEWS = ("overview", "evolution", "network", "matrix", "canvas", "causes", "figures", "structure")
SHOWN: Mapping[str, tuple[str, ...]] = {
    "overview": ("evolution", "network", "matrix", "canvas", "loops", "figures"),
    "causes": ("loops", "sections"),
    **{name: (name,) for name in ("evolution", "network", "matrix", "canvas", "figures", "structure")},
}
"""The pictures of each view."""
SMALL_MAP = 60
"""So many situations at most are drawn at once without being asked for."""
AS_TABLES = frozenset({"matrix", "canvas"})
"""Pictures that a page shows as a table or grid of its own, which is easier to read; the picture can still be saved."""


@dataclass(frozen=True)
class Asked:
    """What an address asks of a case: the view, and the cut of the causal map."""

    view: str
    cut: Cut
    other_version: str


def address(iri: str, **values: str | int) -> str:
    """The address of a case's page; values that are empty are left out."""
    said = {k: v for k, v in values.items() if v}
    return addresses.local(f"case/{iri.removeprefix(CASE)}.html") + (f"?{urlencode(said)}" if said else "")


class Content:
    """What the template of a page is filled with."""

    def __init__(self, gallery: Gallery, asked: Asked, citations: citation.Citations) -> None:
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
            "views": [(v, _view_name(v), address(gallery.case, view="" if v == "overview" else v)) for v in VIEWS],
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
        permanent = f"{gallery.case}?{urlencode({k: v for k, v in values.items() if v})}"
        title = gallery.about.thing.label + ("" if asked.view == "overview" else say(lang)(" – ", "——") + _view_name(asked.view))
        line = citation.line(replace(whole, kind="answer", title=title, within=whole.title, url=permanent))
        named = say(lang)("; ", "；").join(s.label for s in gallery.about.sources)
        return {"address": permanent, "citation": line + (say(lang)(f" Source: {named}.", f" 来源：{named}。") if named else "")}

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
            gallery, name, cut, {iri: address(gallery.case, view="causes", section=s.short) for iri, s in (exhibits.sections(gallery).items() if name == "sections" else ())}
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
            "more": address(gallery.case, view=view) if self._asked.view == "overview" else "",
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
        cuts = [(s, len(causes.of_section(every, iri)), address(gallery.case, view="causes", section=s.short)) for iri, s in exhibits.sections(gallery).items()]
        parted = [(None, shown)] if cut.section or cut.focus else [(s, causes.of_section(every, s.iri)) for s, _, _ in cuts]
        return {
            "loops": found,
            "cuts": cuts,
            "parts": parted,
            "situations": sorted(causes.things(every).values(), key=lambda s: s.label),
            "focus": lambda thing, reach=0: address(gallery.case, view="causes", focus=thing.short, reach=reach),
            "whole": address(gallery.case, view="causes"),
            "action": address(gallery.case),
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


def _years(start: Moment | None, end: Moment | None) -> str:
    """The time of a stage or event in words."""
    t = say(language())
    if start and end:
        return f"{start.shown()} – {end.shown()}"
    if end:
        return t(f"by {end.shown()}", f"至 {end.shown()}")
    return start.shown() if start else t("no date stated", "未注明日期")


def elements(gallery: Gallery) -> dict[str, Any]:
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
