"""Widths of texts and their lines, estimated without a font: good enough to keep words inside of boxes in both scripts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from covalue.pictures.svg import Node, node

NARROW, WIDE, UPPER, PLAIN = 0.35, 1.02, 0.71, 0.605
"""Widths by kind of character, in parts of the font size: those of the widest of the usual fonts (DejaVu Sans), so that others fit too."""
BOLD = 1.1
"""How much wider bold letters are."""
LINE = 1.32
"""Distance of lines, in parts of the font size."""
NO_START = "，。；：！？、）》」』”’】〉%‰·,.;:!?)]}…"
NO_END = "（《「『“‘【〈([{"
PIECES = re.compile(r"\s+|[^\s]")


def width(text: str, size: float) -> float:
    """
    The estimated width of a text, in user units.

    >>> width("小米", 10) > width("ab", 10)
    True
    """
    return size * sum(map(_share, text))


def _share(char: str) -> float:
    if unicodedata.east_asian_width(char) in "WF" or char in "“”‘’…—":
        return WIDE
    if char in "iljtfrI.,;:'|!()[] -":
        return NARROW + (0.05 if char in "tfr" else 0.0)
    if char in "mwMW@%+=<>≥≤≈":
        return 0.93
    return UPPER if char.isupper() else PLAIN


def lines(text: str, most: float, size: float, count: int = 99) -> list[str]:
    """
    The text in lines of a width; what does not fit into `count` lines is cut, visibly.

    Words stay whole where they can; Chinese breaks between any two characters but not before or after the wrong punctuation.
    """
    out: list[str] = []
    now = ""
    for piece in _pieces(" ".join(text.split())):
        for part in _fitting(piece, most, size):
            if now and width((now + part).rstrip(), size) > most:
                out.append(now.strip())
                now = part.lstrip()
            else:
                now += part
    if now.strip() or not out:
        out.append(now.strip())
    if len(out) > count:
        out = out[:count]
        out[-1] = _shortened(out[-1], most, size)
    return out


def _pieces(text: str) -> Iterator[str]:
    """Parts of a text that stay together."""
    now = ""
    for char in text:
        wide = unicodedata.east_asian_width(char) in "WF"
        if now and (char == " " or ((wide or _is_wide(now[-1])) and char not in NO_START and now[-1] not in NO_END)):
            yield now
            now = ""
        now += char
    if now:
        yield now


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"


def _fitting(piece: str, most: float, size: float) -> Iterator[str]:
    """A piece, broken where it is longer than a whole line."""
    while width(piece, size) > most and len(piece) > 1:
        at = next((i for i in range(len(piece) - 1, 1, -1) if width(piece[:i], size) <= most), 1)
        yield piece[:at]
        piece = piece[at:]
    yield piece


def _shortened(line: str, most: float, size: float) -> str:
    while line and width(line + "…", size) > most:
        line = line[:-1]
    return line.rstrip() + "…"


def block(said: list[str], x: float, y: float, size: float, class_: str = "", anchor: str = "start") -> Node:
    """Lines of text below each other; `y` is the top of the first."""
    spans = [node("tspan", line, x=x, dy=0 if i == 0 else size * LINE) for i, line in enumerate(said)]
    return node("text", *spans, x=x, y=y + size, font_size=size, class_=class_ or None, text_anchor=None if anchor == "start" else anchor)


def height(said: list[str], size: float) -> float:
    """How high a block of lines is."""
    return len(said) * size * LINE
