"""The pictures of a case by name: what each is called, and how it is drawn from the rows of a gallery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from covalue.gallery import SOURCES, Gallery
from covalue.pictures import arcs, canvas, causes, figures, matrix, network, structure, timeline
from covalue.pictures.model import Thing, say
from covalue.pictures.svg import Picture

NAMES = ("evolution", "network", "matrix", "canvas", "loops", "sections", "causes", "figures", "structure")
"""All pictures; `loops`, `sections` and `causes` are cuts of one causal map."""
MOST_REACH = 6


@dataclass(frozen=True)
class Cut:
    """Which part of the causal map is drawn: a section by its IRI, or what lies around a situation by its IRI; all where neither is given."""

    section: str = ""
    focus: str = ""
    reach: int = 2


ALL = Cut()


def questions(name: str) -> tuple[str, ...]:
    """The questions behind a picture, the chief one first."""
    return SOURCES["causes" if name in ("loops", "sections") else name]


def title(gallery: Gallery, name: str, cut: Cut = ALL) -> str:
    """What a picture is called, in the language of the gallery."""
    t = say(gallery.lang)
    firm = gallery.subject.label if gallery.subject else gallery.about.thing.label
    named = {
        "evolution": t(f"The evolution of {firm}: stages, triggers and events", f"{firm}的演化：阶段、触发因素与事件"),
        "network": t(f"The value network around {firm}", f"{firm}的价值网络"),
        "matrix": t("Who contributes to which value dimension", "谁贡献于哪个价值维度"),
        "canvas": t(f"The business model of {firm} on the canvas", f"{firm}的商业模式画布"),
        "loops": t("Self-reinforcing loops", "自我增强的循环"),
        "sections": t("The causal map by section of the source", "按来源章节的因果图概览"),
        "causes": t("The causal map", "因果图"),
        "figures": t("The figures that the source gives", "来源给出的数值"),
        "structure": t("The data structure", "数据结构"),
    }
    return named[name] + _cut_words(gallery, name, cut)


def _cut_words(gallery: Gallery, name: str, cut: Cut) -> str:
    t = say(gallery.lang)
    if name != "causes":
        return ""
    links = gallery.causes()
    if cut.focus:
        return t(" around: ", "，围绕：") + causes.things(links)[cut.focus].label
    if cut.section:
        section = sections(gallery)[cut.section]
        return t(f", section {section.short} ", f"，第 {section.short} 节 ") + section.label
    return ""


def sections(gallery: Gallery) -> dict[str, Thing]:
    """The sections in which causal links stand, by IRI, in the order of their numbers."""
    found = {s.iri: s for c in gallery.causes() for s in c.sections}
    return dict(sorted(found.items(), key=lambda pair: arcs.by_number(pair[1].short)))


def links(gallery: Gallery, cut: Cut) -> list[causes.Cause]:
    """The causal links of a cut."""
    found = gallery.causes()
    if cut.focus:
        return causes.around(found, cut.focus, cut.reach)
    return causes.of_section(found, cut.section) if cut.section else found


def picture(gallery: Gallery, name: str, cut: Cut = ALL, where: Mapping[str, str] | None = None) -> Picture | None:
    """
    A picture; None where the case has nothing to draw in it.

    Args:
        gallery: the rows of the case.
        name: one of `NAMES`.
        cut: of the causal map.
        where: addresses of the cuts by section, for the overview.
    """
    lang, called = gallery.lang, title(gallery, name, cut)
    if name == "evolution":
        stages, events = gallery.stages(), gallery.events()
        return timeline.draw(name, lang, called, stages, events) if stages or events else None
    if name == "network":
        found = gallery.network()
        return network.draw(name, lang, called, found) if found else None
    if name == "matrix":
        contributors = gallery.contributors()
        return matrix.draw(name, lang, called, contributors, gallery.dimensions()) if contributors else None
    if name == "canvas":
        return canvas.draw(name, lang, called, gallery.canvas()) if gallery.has_canvas() else None
    if name == "figures":
        shown = gallery.figures()
        return figures.draw(name, lang, called, shown) if shown else None
    if name == "structure":
        dimensions = gallery.structure()
        return structure.draw(name, lang, called, dimensions) if dimensions else None
    return _causal(gallery, name, cut, called, where or {})


def _causal(gallery: Gallery, name: str, cut: Cut, called: str, where: Mapping[str, str]) -> Picture | None:
    every = gallery.causes()
    closing = causes.loops(every).steps
    if name == "sections":
        known = sections(gallery)
        rows = [arcs.Row(s, len(causes.of_section(every, iri)), frozenset(causes.things(causes.of_section(every, iri))), where.get(iri)) for iri, s in known.items()]
        return arcs.draw(name, gallery.lang, called, rows) if rows else None
    shown = causes.of_loops(every) if name == "loops" else links(gallery, cut)
    return causes.draw(name, gallery.lang, called, shown, closing, cut.focus) if shown else None
