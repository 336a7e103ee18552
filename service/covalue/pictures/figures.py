"""
The figures of a source as bars, one scale for each unit, each drawn as exactly as it is given.

"More than 430" is a bar that goes on behind 430; "up to 39" one that may end before it; "about 10,000" ends in a band; only what is given
exactly ends in a line. Figures that lie far apart share a logarithmic scale, which is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from covalue.pictures import legend
from covalue.pictures.model import Claim, Thing, many, say
from covalue.pictures.svg import Node, Picture, group, link, node
from covalue.pictures.text import LINE, block, height, lines

WIDTH, LEFT, RIGHT = 1040.0, 340.0, 250.0
TEXT, SMALL, GAP, BAR = 13.5, 12.0, 16.0, 14.0
TOP = 12.0
RANK = "rank"
MOST_RANKS = 20
FAR = 60.0
"""From this ratio on a scale is logarithmic."""
SIGNS = {"exactly": "", "more-than": "> ", "at-least": "≥ ", "about": "≈ ", "up-to": "≤ ", "less-than": "< "}
OVER, UNDER, ABOUT = ("more-than", "at-least"), ("up-to", "less-than"), ("about",)


@dataclass(frozen=True)
class Figure:
    """A figure as the source gives it; what it does not say is empty."""

    claim: Claim
    indicator: Thing
    about: tuple[Thing, ...]
    comparator: Thing
    value: float
    unit: Thing
    base: Thing | None = None
    start: str = ""
    end: str = ""
    report: Thing | None = None

    def amount(self) -> str:
        """
        Comparator and value as a reader writes them.

        A rank has no comparator sign beyond what the source gives.
        """
        plain = f"{self.value:,.10g}" if self.value != int(self.value) else f"{int(self.value):,}"
        return SIGNS.get(self.comparator.short, self.comparator.label + " ") + plain + (" %" if self.unit.short == "percent" else "")

    def period(self, lang: str) -> str:
        """The time for which it holds, empty where none is told."""
        if self.start and self.end:
            return self.start if self.start == self.end else f"{self.start} – {self.end}"
        if self.end:
            return say(lang)(f"as of {self.end}", f"截至 {self.end}")
        return say(lang)(f"from {self.start}", f"自 {self.start}") if self.start else ""


def draw(name: str, lang: str, title: str, figures: Sequence[Figure]) -> Picture:
    """
    The figures, those of a unit together.

    Args:
        name: of the picture, unique on a page.
        lang: of its words.
        title: says what it shows.
        figures: those of one unit next to each other.
    """
    t = say(lang)
    y, body = TOP, list[Node]()
    for unit in dict.fromkeys(f.unit for f in figures):
        mine = [f for f in figures if f.unit == unit]
        made, y = _unit(unit, mine, y, lang)
        body += made
    y += 4
    body.append(_key(figures, lang, y))
    body.append(legend.modalities({f.claim.modality for f in figures}, lang, 0, y + legend.HEIGHT))
    inexact = sum(f.comparator.short != "exactly" for f in figures)
    description = t(f"{many(len(figures), 'figure')}; bounds or round numbers: {inexact}.", f"{len(figures)} 个数值，其中 {inexact} 个为界限或约数。")
    return Picture(name, WIDTH, y + 2 * legend.HEIGHT + 8, title, description, tuple(body), lang)


@dataclass(frozen=True)
class _Scale:
    most: float
    least: float
    logarithmic: bool

    def at(self, value: float) -> float:
        left, right = LEFT, WIDTH - RIGHT
        if self.logarithmic:
            low = math.log10(self.least) - 0.5
            share = (math.log10(max(value, self.least / 10)) - low) / (math.log10(self.most) - low)
        else:
            share = value / self.most
        return left + (right - left) * min(max(share, 0.0), 1.0)

    def ticks(self, whole: bool) -> list[float]:
        """Round values on the scale; each whole number where `whole`."""
        if self.logarithmic:
            low, high = math.ceil(math.log10(self.least) - 0.5), math.floor(math.log10(self.most))
            return [10.0**k for k in range(low, high + 1, max(1, (high - low) // 7))]
        if whole and self.most <= MOST_RANKS:
            return [float(n) for n in range(1, int(self.most) + 1)]
        size = 10.0 ** math.floor(math.log10(self.most / 4))
        step = next(size * k for k in (1, 2, 2.5, 5, 10) if size * k >= self.most / 5)
        return [step * n for n in range(int(self.most / step) + 1)]


def _scale(values: Sequence[float], unit: str) -> _Scale:
    above = [v for v in values if v > 0]
    most, least = max(above, default=1.0), min(above, default=1.0)
    if unit == RANK:
        return _Scale(max(5.0, most) + 0.5, least, False)
    if most / least > FAR:
        return _Scale(most, least, True)
    return _Scale(max(100.0, most) if unit == "percent" else most * 1.2, least, False)


def _unit(unit: Thing, figures: Sequence[Figure], y: float, lang: str) -> tuple[list[Node], float]:
    t = say(lang)
    scale = _scale([f.value for f in figures], unit.short)
    head = unit.label + (t(" (logarithmic scale)", "（对数刻度）") if scale.logarithmic else "")
    out: list[Node] = [node("text", head, x=0, y=y + 14, font_size=15, class_="serif strong")]
    y += 44
    start = y
    rows: list[Node] = []
    for figure in figures:
        row, y = _figure(figure, scale, y, lang)
        rows.append(row)
    out += [*_axis(scale, unit.short == RANK, start - 6, y - GAP / 2), *rows]
    out.append(node("line", x1=LEFT, x2=LEFT, y1=start - 4, y2=y - GAP / 2, class_="axis-line"))
    return out, y + GAP


def _axis(scale: _Scale, whole: bool, top: float, bottom: float) -> list[Node]:
    """Grid lines at round values, with their numbers above."""
    out = []
    for value in scale.ticks(whole):
        x = scale.at(value)
        out.append(node("line", x1=x, x2=x, y1=top, y2=bottom, class_="grid"))
        out.append(node("text", short(value), x=x, y=top - 4, font_size=SMALL - 1, class_="muted", text_anchor="middle"))
    return out


def short(value: float) -> str:
    """
    A number of an axis.

    >>> short(10_000_000), short(2.5), short(100)
    ('10,000,000', '2.5', '100')
    """
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"


def _figure(figure: Figure, scale: _Scale, y: float, lang: str) -> tuple[Node, float]:
    t = say(lang)
    said = lines(figure.indicator.label + t(" – ", "——") + t(", ", "、").join(x.label for x in figure.about), LEFT - 24, TEXT, 3)
    told = [x for x in (figure.base.label if figure.base else "", figure.period(lang), figure.report.label if figure.report else "") if x]
    below = lines(t(" · ", " · ").join(told), RIGHT - 14, SMALL, 3) if told else []
    high = max(height(said, TEXT), TEXT * LINE + height(below, SMALL), BAR + 8)
    middle = y + high / 2
    right = [
        node(
            "text",
            figure.amount(),
            x=WIDTH - RIGHT + 14,
            y=y + TEXT + 1,
            font_size=TEXT + 1,
            class_="strong" + ("" if figure.claim.modality == "reported" else f" {figure.claim.modality}"),
        )
    ]
    if below:
        right.append(block(below, WIDTH - RIGHT + 14, y + TEXT * LINE + 2, SMALL, "muted"))
    row = group(
        [link(figure.claim.thing.href, block(said, 0, y + (high - height(said, TEXT)) / 2, TEXT)), _bar(figure, scale, middle), *right, node("title", figure.claim.thing.label)],
        class_="figure",
    )
    return row, y + high + GAP


def _bar(figure: Figure, scale: _Scale, y: float) -> Node:
    x, kind = scale.at(figure.value), figure.comparator.short
    plain = f"bar {figure.claim.modality}"
    if figure.unit.short == RANK:
        return group([node("line", x1=LEFT, x2=x, y1=y, y2=y, class_="rule"), node("circle", cx=x, cy=y, r=6, class_=f"{plain} end")])
    body = node("rect", x=LEFT, y=y - BAR / 2, width=max(x - LEFT, 1), height=BAR, class_=plain + (" under" if kind in UNDER else ""))
    parts = [body]
    if kind in OVER:
        parts += [
            node("rect", x=x, y=y - BAR / 2, width=34, height=BAR, class_=f"{plain} beyond"),
            node("path", d=f"M{x + 28:.1f} {y - 6:.1f}l8 6l-8 6", class_="open-arrow"),
        ]
    elif kind in UNDER:
        parts += [node("line", x1=x, x2=x, y1=y - BAR / 2 - 3, y2=y + BAR / 2 + 3, class_="limit"), node("path", d=f"M{x - 8:.1f} {y - 6:.1f}l-8 6l8 6", class_="open-arrow")]
    elif kind in ABOUT:
        parts += [node("rect", x=x - 10, y=y - BAR / 2 - 2, width=20, height=BAR + 4, class_=f"{plain} band")]
    else:
        parts += [node("line", x1=x, x2=x, y1=y - BAR / 2 - 3, y2=y + BAR / 2 + 3, class_="limit")]
    return group(parts)


def _key(figures: Sequence[Figure], lang: str, y: float) -> Node:
    t = say(lang)
    words = {
        "exactly": t("line: exact", "实线端：确数"),
        "over": t("open arrow to the right: more", "向右开口：以上"),
        "under": t("arrow to the left: at most", "向左箭头：至多"),
        "about": t("band: about", "宽带：约数"),
    }
    found = {f.comparator.short for f in figures}
    shown = [words[k] for k, some in (("exactly", ("exactly",)), ("over", OVER), ("under", UNDER), ("about", ABOUT)) if found & set(some)]
    return node("text", t("Ends of bars – ", "条形末端——") + t("; ", "；").join(shown), x=0, y=y + 12, font_size=SMALL, class_="muted") if shown else group([])
