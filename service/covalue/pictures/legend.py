"""The legend that tells what the source states from what the curator derived, and arrowheads."""

from __future__ import annotations

from collections.abc import Sequence

from covalue.pictures.model import MODALITIES, modality_names
from covalue.pictures.svg import Node, group, node
from covalue.pictures.text import width

SIZE = 12
HEIGHT = 26
"""Height of a legend, in user units."""


def modalities(found: set[str], lang: str, x: float, y: float) -> Node:
    """A line for each modality that a picture shows; all of them are told, so that none is taken for another."""
    shown = [m for m in MODALITIES if m in found]
    parts: list[Node] = []
    at = x
    for name in shown:
        said = modality_names(lang)[name]
        parts.append(node("line", x1=at, x2=at + 30, y1=y + 10, y2=y + 10, class_=f"edge {name}"))
        parts.append(node("text", said, x=at + 37, y=y + 14, font_size=SIZE, class_="muted"))
        at += 37 + width(said, SIZE) + 26
    return group(parts, class_="legend")


def heads(name: str, kinds: Sequence[str] = MODALITIES) -> Node:
    """Arrowheads by kind of line; ids begin with the picture's name."""
    made = (
        node(
            "marker",
            node("path", d="M0 0 9 4 0 8z", class_=f"head {kind}"),
            id=f"{name}-{kind}",
            viewBox="0 0 9 8",
            refX=8.2,
            refY=4,
            markerWidth=8,
            markerHeight=7,
            markerUnits="userSpaceOnUse",
            orient="auto-start-reverse",
        )
        for kind in kinds
    )
    return node("defs", *made)
