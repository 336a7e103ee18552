"""Actors by value dimensions: how many contributions, apart for what is reported and what is cited or derived; empty stays empty."""

from __future__ import annotations

from collections.abc import Sequence

from covalue.pictures.model import Thing, many, say
from covalue.pictures.network import Actor, Count, tint
from covalue.pictures.svg import Node, Picture, group, link, node
from covalue.pictures.text import BOLD, block, height, lines

LEFT, CELL, TEXT = 250.0, 150.0, 14.0
HIGH, HEAD, MARGIN = 40.0, 56.0, 12.0


def draw(name: str, lang: str, title: str, actors: Sequence[Actor], dimensions: Sequence[Thing]) -> Picture:
    """
    The matrix as a picture; the longer the line below a number, the more contributions.

    Args:
        name: of the picture, unique on a page.
        lang: of its words.
        title: says what it shows.
        actors, dimensions: rows and columns, in their order.
    """
    t = say(lang)
    body: list[Node] = []
    most = max((c.reported + c.other for a in actors for c in a.counts.values()), default=1) or 1
    for i, dimension in enumerate(dimensions):
        said = lines(dimension.label, (CELL - 12) / BOLD, TEXT, 2)
        body.append(link(dimension.href, block(said, LEFT + i * CELL + CELL / 2, HEAD - 10 - height(said, TEXT), TEXT, "strong", "middle")))
    y = HEAD
    for actor in actors:
        said = lines(actor.thing.label, LEFT - 20, TEXT, 2)
        high = max(HIGH, height(said, TEXT) + 12)
        body.append(node("line", x1=0, x2=LEFT + CELL * len(dimensions), y1=y, y2=y, class_="rule"))
        body.append(link(actor.thing.href, block(said, 2, y + (high - height(said, TEXT)) / 2 - 1, TEXT)))
        body += [_cell(actor.counts.get(d.iri, Count()), d, LEFT + i * CELL, y, high, most) for i, d in enumerate(dimensions)]
        y += high
    body.append(node("line", x1=0, x2=LEFT + CELL * len(dimensions), y1=y, y2=y, class_="rule"))
    body.append(
        node(
            "text",
            t("number of contributions reported; in brackets those cited or derived; empty: none recorded", "来源所述贡献数；括号内为转引或推导；空白：无记录"),
            x=2,
            y=y + 20,
            font_size=12,
            class_="muted",
        )
    )
    description = t(f"{many(len(actors), 'actor')} by {many(len(dimensions), 'value dimension')}.", f"{len(actors)} 个行动者，{len(dimensions)} 个价值维度。")
    return Picture(name, LEFT + CELL * max(len(dimensions), 2), y + 30 + MARGIN, title, description, tuple(body), lang)


def shown(count: Count) -> str:
    """
    What a cell says.

    >>> shown(Count(3, 2)), shown(Count(0, 1)), shown(Count())
    ('3 (+2)', '(+1)', '')
    """
    parts = [str(count.reported)] if count.reported else []
    return " ".join([*parts, f"(+{count.other})"]) if count.other else "".join(parts)


def _cell(count: Count, dimension: Thing, x: float, y: float, high: float, most: int) -> Node:
    total = count.reported + count.other
    if not total:
        return group([], class_="cell empty")
    return link(
        count.href,
        node("rect", x=x + 4, y=y + 4, width=CELL - 8, height=high - 8, rx=4, class_=f"cell {tint(dimension)}"),
        node("rect", x=x + 4, y=y + high - 8, width=max((CELL - 8) * total / most, 3), height=4, class_=f"level {tint(dimension)}"),
        node("text", shown(count), x=x + CELL / 2, y=y + high / 2 + 5, font_size=TEXT, text_anchor="middle"),
    )
