"""An overview of the causal map: the sections of the source as rows with their numbers of links, and arcs between those that share situations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covalue.pictures.model import Thing, many, say
from covalue.pictures.svg import Node, Picture, group, link, node
from covalue.pictures.text import lines

LEFT, BAR, HIGH, TOP, TEXT = 430.0, 200.0, 30.0, 34.0, 13.5
WIDTH = 940.0


@dataclass(frozen=True)
class Row:
    """A section: how many causal links stand there, the IRIs of the situations that they link, and where its cut of the map is."""

    section: Thing
    links: int
    situations: frozenset[str]
    href: str | None


def _called(section: Thing) -> str:
    """A section by its number and title; an abstract has no number, and its name for machines is not one."""
    return f"{section.short}  {section.label}" if section.short[:1].isdigit() else section.label


def by_number(short: str) -> tuple[tuple[int, int, str], ...]:
    """
    A key by which sections stand in the order of their numbers; what has none, such as an abstract, comes first.

    >>> sorted(["3.10", "3.2", "abstract"], key=by_number)
    ['abstract', '3.2', '3.10']
    """
    return tuple((1, int(p), "") if p.isdigit() else (0, 0, p) for p in short.split("."))


def draw(name: str, lang: str, title: str, rows: Sequence[Row]) -> Picture:
    """
    The overview.

    Args:
        name: of the picture, unique on a page.
        lang: of its words.
        title: says what it shows.
        rows: the sections in their order.
    """
    t = say(lang)
    most = max((r.links for r in rows), default=1) or 1
    body: list[Node] = [
        node("text", t("section", "章节"), x=0, y=18, font_size=12, class_="muted"),
        node("text", t("causal links", "因果关系数"), x=LEFT, y=18, font_size=12, class_="muted"),
        node("text", t("arcs: situations shared by two sections", "弧线：两节共有的情形"), x=WIDTH, y=18, font_size=12, class_="muted", text_anchor="end"),
    ]
    middles = [TOP + i * HIGH + HIGH / 2 for i in range(len(rows))]
    x = LEFT + BAR + 60
    for i, a in enumerate(rows):
        for j in range(i + 1, len(rows)):
            shared = len(a.situations & rows[j].situations)
            if shared:
                bend = min(WIDTH - x - 10, 26.0 + 13.0 * (j - i))
                path = f"M{x:.1f} {middles[i]:.1f}C{x + bend:.1f} {middles[i]:.1f} {x + bend:.1f} {middles[j]:.1f} {x:.1f} {middles[j]:.1f}"
                words = t(f"{a.section.short} and {rows[j].section.short}: {shared} shared", f"{a.section.short} 与 {rows[j].section.short}：共有 {shared} 个")
                body.append(group([node("path", d=path, class_="shared", stroke_width=1 + 0.8 * min(shared, 6)), node("title", words)]))
    for row, y in zip(rows, middles, strict=True):
        said = lines(_called(row.section), LEFT - 20, TEXT, 1)[0]
        wide = BAR * row.links / most
        body.append(
            link(
                row.href,
                node("text", said, x=0, y=y + 5, font_size=TEXT),
                node("rect", x=LEFT, y=y - 8, width=wide, height=16, rx=2, class_="bar"),
                node("text", str(row.links), x=LEFT + wide + 8, y=y + 5, font_size=TEXT),
                node("circle", cx=x, cy=y, r=3.2, class_="joint"),
            )
        )
    count = sum(r.links for r in rows)
    description = t(f"{many(len(rows), 'section')}; causal links counted in each: {count} in all.", f"{len(rows)} 个章节，共 {count} 处因果关系。")
    return Picture(name, WIDTH, TOP + HIGH * len(rows) + 12, title, description, tuple(body), lang)
