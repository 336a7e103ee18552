"""
The data structure that reviewers of qualitative work expect: first-order statements with their places, second-order themes (the
mechanisms), and aggregate dimensions, from left to right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covalue.pictures import legend
from covalue.pictures.model import Claim, Thing, many, say
from covalue.pictures.network import tint
from covalue.pictures.svg import Node, Picture, group, link, node
from covalue.pictures.text import BOLD, block, height, lines

FIRST, THEME, DIMENSION, BETWEEN = 560.0, 230.0, 170.0, 44.0
TEXT, HEAD, TOP, PAD = 12.5, 14.0, 44.0, 9.0
MOST = 10
"""Statements that the picture names for a theme; the table has all."""


@dataclass(frozen=True)
class Theme:
    """A mechanism and the claims that name it."""

    thing: Thing
    claims: tuple[tuple[Thing, Claim], ...]
    """Each with the class that it is of."""


@dataclass(frozen=True)
class Dimension:
    """An aggregate dimension and its themes."""

    thing: Thing
    themes: tuple[Theme, ...]


def draw(name: str, lang: str, title: str, dimensions: Sequence[Dimension], most: int = MOST) -> Picture:
    """
    The data structure as a picture.

    Args:
        name: of the picture, unique on a page.
        lang: of its words.
        title: says what it shows.
        dimensions: in their order.
        most: statements named for each theme; those left out are counted.
    """
    t = say(lang)
    x2, x3 = FIRST + BETWEEN, FIRST + THEME + 2 * BETWEEN
    heads = ((0.0, t("First-order statements and places", "一阶陈述与出处")), (x2, t("Second-order themes", "二阶主题")), (x3, t("Aggregate dimensions", "聚合维度")))
    body: list[Node] = [node("text", said, x=x, y=20, font_size=HEAD, class_="serif strong") for x, said in heads]
    y = TOP
    for dimension in dimensions:
        top, middles = y, []
        for theme in dimension.themes:
            made, y, middle = _theme(theme, dimension.thing, y, most, lang)
            body += made
            middles.append(middle)
        said = lines(dimension.thing.label, (DIMENSION - 2 * PAD) / BOLD, HEAD, 3)
        high = height(said, HEAD) + 2 * PAD
        centre = (top + y - 16) / 2
        body += [node("path", d=f"M{x2 + THEME:.1f} {m:.1f}L{x3:.1f} {centre:.1f}", class_="edge") for m in middles]
        box = node("rect", x=x3, y=centre - high / 2, width=DIMENSION, height=high, rx=6, class_=f"box {tint(dimension.thing)}")
        body.append(link(dimension.thing.href, box, block(said, x3 + PAD, centre - high / 2 + PAD - 1, HEAD, "strong")))
        y += 8
    modalities = {c.modality for d in dimensions for th in d.themes for _, c in th.claims}
    body.append(
        node("text", t("italic: cited, or derived by the curator", "斜体：转引或整理者推导"), x=0, y=y + 12, font_size=12, class_="muted")
        if modalities - {"reported"}
        else group([])
    )
    count = sum(len(th.claims) for d in dimensions for th in d.themes)
    description = t(
        f"{many(count, 'statement')} in {many(sum(len(d.themes) for d in dimensions), 'theme')} and {many(len(dimensions), 'dimension')}.",
        f"{count} 项陈述，{sum(len(d.themes) for d in dimensions)} 个主题，{len(dimensions)} 个维度。",
    )
    return Picture(name, x3 + DIMENSION + 2, y + legend.HEIGHT, title, description, tuple(body), lang)


def _theme(theme: Theme, dimension: Thing, y: float, most: int, lang: str) -> tuple[list[Node], float, float]:
    t = say(lang)
    out: list[Node] = []
    top, at = y, y + PAD
    for _, claim in theme.claims[:most]:
        places = t("; ", "；").join(p.short for p in claim.passages)
        said = lines(f"{claim.thing.label} [{places}]", FIRST - 2 * PAD - 10, TEXT)
        kind = "" if claim.modality == "reported" else claim.modality
        out += [node("circle", cx=PAD + 2, cy=at + TEXT * 0.68, r=1.8, class_="dot"), link(claim.thing.href, block(said, PAD + 10, at, TEXT, kind))]
        at += height(said, TEXT) + 3
    if len(theme.claims) > most:
        more = len(theme.claims) - most
        out.append(node("text", t(f"and {more} more in the table", f"另有 {more} 项，见表"), x=PAD + 10, y=at + TEXT, font_size=TEXT, class_="muted"))
        at += TEXT * 1.5
    said = lines(theme.thing.label, THEME - 2 * PAD, HEAD, 3)
    high = max(at + PAD - top, height(said, HEAD) + 2 * PAD)
    middle = top + high / 2
    box = height(said, HEAD) + 2 * PAD
    x2 = FIRST + BETWEEN
    frame = node("rect", x=0.5, y=top, width=FIRST, height=high, rx=6, class_="box")
    arrow = node("path", d=f"M{FIRST:.1f} {middle:.1f}H{x2:.1f}", class_="edge")
    label = link(
        theme.thing.href,
        node("rect", x=x2, y=middle - box / 2, width=THEME, height=box, rx=6, class_=f"box {tint(dimension)}"),
        block(said, x2 + PAD, middle - box / 2 + PAD - 1, HEAD),
    )
    return [group([frame, *out], class_="theme"), arrow, label], top + high + 16, middle
