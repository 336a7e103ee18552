"""
Pictures of an ontology: the tree of its classes, a relation of many parts with what each part is, and kinds of statement side by side.

Pure functions from names to SVG; what a box leads to is given with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covalue.pictures.svg import Node, Picture, link, node, number
from covalue.pictures.text import LINE, block, height, lines, width

SIZE, SMALL = 13.0, 12.0
PAD, GAP, MARGIN = 8.0, 8.0, 10.0
COLUMN, STEP = 190.0, 44.0
"""Width of the boxes of a tree, and the space between its columns."""
SIDE, CORE, REACH = 190.0, 200.0, 170.0
"""Widths of the boxes at the sides and of the one in the middle, and of the space between, in which the relations are named."""


@dataclass(frozen=True)
class Box:
    """A thing with a name, its address, and what stands below it in a tree."""

    label: str
    href: str | None
    below: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Spoke:
    """A relation from the middle: its name, its address, what it leads to, and whether the middle must have it."""

    label: str
    href: str | None
    target: Box


def tree(name: str, roots: Sequence[Box], title: str, description: str, lang: str) -> Picture:
    """Classes from left to right, each beside what stands below it."""
    body: list[Node] = []
    at, deepest = MARGIN, 2
    for root in (r for r in roots if r.below):
        at, depth, _ = _branch(root, 0, at, body)
        deepest = max(deepest, depth)
        at += GAP
    at = _alone([r for r in roots if not r.below], deepest + 1, at, body)
    return Picture(name, 2 * MARGIN + (deepest + 1) * COLUMN + deepest * STEP, at + MARGIN - GAP, title, description, tuple(body), lang)


def _alone(boxes: Sequence[Box], columns: int, top: float, body: list[Node]) -> float:
    """What stands alone, in columns, one after another; gives where they end."""
    at, tallest = top, 0.0
    for i, box in enumerate(boxes):
        if i % columns == 0:
            at, tallest = at + tallest, 0.0
        said = lines(box.label, COLUMN - 2 * PAD, SIZE, 2)
        high = height(said, SIZE) + PAD
        body.append(_framed(box, said, MARGIN + (i % columns) * (COLUMN + STEP), at, high))
        tallest = max(tallest, high + GAP)
    return at + tallest


def _framed(box: Box, said: list[str], x: float, y: float, high: float) -> Node:
    return link(box.href, node("rect", class_="box", x=x, y=y, width=COLUMN, height=high, rx=4), block(said, x + PAD, y + PAD / 2 - 1, SIZE))


def _branch(box: Box, depth: int, top: float, body: list[Node]) -> tuple[float, int, float]:
    """Draws a box and all below it from `top` on; gives where it ends, how deep it goes, and the middle of the box."""
    said = lines(box.label, COLUMN - 2 * PAD, SIZE, 2)
    high = height(said, SIZE) + PAD
    x = MARGIN + depth * (COLUMN + STEP)
    middles, at, deepest = [], top, depth
    for child in box.below:
        at, below, middle = _branch(child, depth + 1, at, body)
        middles.append(middle)
        deepest = max(deepest, below)
    own = (middles[0] + middles[-1]) / 2 if middles else top + high / 2
    own = max(own, top + high / 2)
    for middle in middles:
        body.append(_elbow(x + COLUMN, own, x + COLUMN + STEP, middle))
    body.append(_framed(box, said, x, own - high / 2, high))
    return max(at, own + high / 2 + GAP), deepest, own


def _elbow(x1: float, y1: float, x2: float, y2: float) -> Node:
    half = (x1 + x2) / 2
    return node("path", class_="edge", d=f"M{number(x1)} {number(y1)}H{number(half)}V{number(y2)}H{number(x2)}")


def star(name: str, middle: Box, left: Sequence[Spoke], right: Sequence[Spoke], title: str, description: str, lang: str) -> Picture:
    """A relation of many parts: the middle, and to both sides what each part leads to, with the name of the part on its line."""
    wide = 2 * MARGIN + 2 * SIDE + 2 * REACH + CORE
    rows = max(len(left), len(right), 1)
    row = 62.0
    high = 2 * MARGIN + rows * row
    body: list[Node] = []
    core_x = MARGIN + SIDE + REACH
    for spokes, outer in ((left, MARGIN), (right, core_x + CORE + REACH)):
        first = (high - len(spokes) * row) / 2 + row / 2
        for i, spoke in enumerate(spokes):
            body += _spoke(spoke, outer, first + i * row, core_x, high / 2, outer == MARGIN)
    said = lines(middle.label, CORE - 2 * PAD, 16.0, 2)
    tall = height(said, 16.0) + 4 * PAD
    body.append(
        link(
            middle.href,
            node("rect", class_="box focal", x=core_x, y=high / 2 - tall / 2, width=CORE, height=tall, rx=6),
            block(said, core_x + CORE / 2, high / 2 - height(said, 16.0) / 2, 16.0, "strong", "middle"),
        )
    )
    return Picture(name, wide, high, title, description, tuple(body), lang)


def _spoke(spoke: Spoke, x: float, y: float, core_x: float, core_y: float, leftward: bool) -> list[Node]:
    said = lines(spoke.target.label, SIDE - 2 * PAD, SIZE, 2)
    high = height(said, SIZE) + 2 * PAD
    inner, rim = (x + SIDE, core_x) if leftward else (x, core_x + CORE)
    shown = lines(spoke.label, REACH - 30, SMALL, 2)
    label_x = x + SIDE + 12 if leftward else x - 12
    turn = rim - 16 if leftward else rim + 16
    path = node("path", class_="edge", d=f"M{number(rim)} {number(core_y)}H{number(turn)}V{number(y)}H{number(inner)}")
    tip = 7 if leftward else -7
    head = node("path", class_="head", d=f"M{number(inner)} {number(y)}l{tip} -4v8z")
    name = link(spoke.href, block(shown, label_x, y - height(shown, SMALL) - 3, SMALL, anchor="start" if leftward else "end"))
    box = link(spoke.target.href, node("rect", class_="box", x=x, y=y - high / 2, width=SIDE, height=high, rx=4), block(said, x + PAD, y - height(said, SIZE) / 2, SIZE))
    return [path, head, name, box]


def chains(name: str, rows: Sequence[tuple[Box, Sequence[tuple[str, Box]]]], title: str, description: str, lang: str) -> Picture:
    """Kinds of statement, one a row: the kind, and its parts in the order in which they read, each with its caption above it."""
    body: list[Node] = []
    y, widest = MARGIN, 0.0
    for kind, parts in rows:
        said = lines(kind.label, SIDE - 2 * PAD, SIZE, 2)
        tall = 52.0
        body.append(link(kind.href, block(said, MARGIN, y + 18, SIZE, "strong")))
        x = MARGIN + SIDE
        for i, (caption, part) in enumerate(parts):
            shown = lines(part.label, 150, SIZE, 1)
            wide = max(width(shown[0], SIZE) + 2 * PAD, min(width(caption, SMALL), 160.0) + 4)
            if i:
                body += [node("path", class_="edge", d=f"M{number(x)} {number(y + 30)}h20"), node("path", class_="head", d=f"M{number(x + 26)} {number(y + 30)}l-7 -4v8z")]
                x += 32
            body.append(block(lines(caption, 170, SMALL, 1), x, y, SMALL, "muted"))
            body.append(link(part.href, node("rect", class_="box", x=x, y=y + 17, width=wide, height=26, rx=4), block(shown, x + PAD, y + 20, SIZE)))
            x += wide + 6
        widest = max(widest, x)
        y += max(tall, height(said, SIZE) + 20) + LINE
    return Picture(name, widest + MARGIN, y + MARGIN - 6, title, description, tuple(body), lang)
