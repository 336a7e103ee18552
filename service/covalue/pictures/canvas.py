"""The business model canvas: nine blocks in their usual places, each with what the case says; a block without facts stays empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from covalue.pictures.model import Claim, say
from covalue.pictures.svg import Node, Picture, group, link, node
from covalue.pictures.text import BOLD, LINE, block, height, lines

COLUMN, TEXT, HEAD, PAD = 232.0, 12.5, 14.5, 12.0
MOST = 14
"""Entries that a block of the picture names; the rest are counted."""
BLOCKS = ("partners", "activities", "resources", "proposition", "relationships", "channels", "segments", "costs", "revenues")
LEAST = 110.0


@dataclass(frozen=True)
class Entry:
    """Something in a block: the thing, and the claims that put it there."""

    claim: Claim


def names(lang: str) -> dict[str, str]:
    """The names of the blocks."""
    t = say(lang)
    return {
        "partners": t("Key partners", "重要伙伴"),
        "activities": t("Key activities", "关键业务"),
        "resources": t("Key resources", "核心资源"),
        "proposition": t("Value propositions", "价值主张"),
        "relationships": t("Customer relationships", "客户关系"),
        "channels": t("Channels", "渠道通路"),
        "segments": t("Customer segments", "客户细分"),
        "costs": t("Cost structure", "成本结构"),
        "revenues": t("Revenue streams", "收入来源"),
    }


def draw(name: str, lang: str, title: str, blocks: Mapping[str, Sequence[Entry]]) -> Picture:
    """
    The canvas.

    Args:
        name: of the picture, unique on a page.
        lang: of its words.
        title: says what it shows.
        blocks: entries by block; one that is missing is empty.
    """
    t = say(lang)
    needs = {b: _need(blocks.get(b, ())) for b in BLOCKS}
    upper = max(LEAST, needs["activities"], needs["relationships"])
    lower = max(LEAST, needs["resources"], needs["channels"])
    whole = max(upper + lower, needs["partners"], needs["proposition"], needs["segments"])
    upper += (whole - upper - lower) / 2
    foot = max(LEAST * 0.8, _need(blocks.get("costs", ()), 2.5), _need(blocks.get("revenues", ()), 2.5))
    width = 5 * COLUMN
    spots = {
        "partners": (0.0, 0.0, 1.0, whole),
        "activities": (1.0, 0.0, 1.0, upper),
        "resources": (1.0, upper, 1.0, whole - upper),
        "proposition": (2.0, 0.0, 1.0, whole),
        "relationships": (3.0, 0.0, 1.0, upper),
        "channels": (3.0, upper, 1.0, whole - upper),
        "segments": (4.0, 0.0, 1.0, whole),
        "costs": (0.0, whole, 2.5, foot),
        "revenues": (2.5, whole, 2.5, foot),
    }
    body = [_block(b, blocks.get(b, ()), *spots[b], lang) for b in BLOCKS]
    body.append(node("text", t("italic: derived by the curator, or cited", "斜体：整理者推导或转引"), x=2, y=whole + foot + 20, font_size=12, class_="muted"))
    filled = sum(bool(blocks.get(b)) for b in BLOCKS)
    description = t(f"Nine blocks, {filled} of them with facts of the case.", f"九个模块，其中 {filled} 个有案例事实。")
    return Picture(name, width + 2, whole + foot + 30, title, description, tuple(body), lang)


def _need(entries: Sequence[Entry], wide: float = 1.0) -> float:
    rows = sum(height(_said(e, wide), TEXT) + 3 for e in entries[:MOST])
    return PAD * 2 + HEAD * LINE * 2 + (rows / (2 if wide > 1 else 1)) + TEXT * LINE


def _said(entry: Entry, wide: float) -> list[str]:
    return lines(entry.claim.thing.label, (COLUMN if wide == 1 else wide * COLUMN / 2) - 2 * PAD - 10, TEXT, 3)


def _block(name: str, entries: Sequence[Entry], column: float, y: float, wide: float, high: float, lang: str) -> Node:
    t = say(lang)
    x = column * COLUMN + 1
    heading = lines(names(lang)[name], (wide * COLUMN - 2 * PAD) / BOLD, HEAD, 2)
    parts: list[Node] = [node("rect", x=x, y=y + 1, width=wide * COLUMN, height=high, class_="box block"), block(heading, x + PAD, y + PAD, HEAD, "serif strong")]
    start = y + PAD + height(heading, HEAD) + 6
    half = (len(entries[:MOST]) + 1) // 2
    at = start
    for i, entry in enumerate(entries[:MOST]):
        inner = x
        if wide > 1 and i >= half:
            inner = x + wide * COLUMN / 2
            at = start if i == half else at
        said = _said(entry, wide)
        kind = "" if entry.claim.modality == "reported" else entry.claim.modality
        parts += [node("circle", cx=inner + PAD + 2, cy=at + TEXT * 0.68, r=1.8, class_="dot"), link(entry.claim.thing.href, block(said, inner + PAD + 10, at, TEXT, kind))]
        at += height(said, TEXT) + 3
    if len(entries) > MOST:
        more = len(entries) - MOST
        parts.append(node("text", t(f"and {more} more", f"另有 {more} 项"), x=x + PAD + 10, y=at + TEXT, font_size=TEXT, class_="muted"))
    if not entries:
        parts.append(node("text", t("nothing recorded", "无记录"), x=x + PAD, y=start + TEXT, font_size=TEXT, class_="muted"))
    return group(parts, class_=f"canvas-{name}")
