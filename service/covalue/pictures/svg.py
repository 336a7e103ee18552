"""A tree of SVG elements, written as XML; strings in it are text and always escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

NOT_SHOWN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Characters that XML cannot carry, or that hide or turn the text around them."""
SVG_NAMESPACE = "http://www.w3.org/2000/svg"
Value = str | int | float | None


@dataclass(frozen=True)
class Node:
    """An element: its name, attributes without a value left out, and children, where a string is text."""

    name: str
    attributes: Mapping[str, Value] = field(default_factory=dict)
    children: tuple[Node | str, ...] = ()

    def nodes(self) -> Iterator[Node]:
        """This element and all below it."""
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.nodes()


def node(element: str, *children: Node | str | None, **attributes: Value) -> Node:
    """
    An element; underscores in attribute names stand for hyphens, one at the end for nothing (`class_`).

    >>> write(node("text", "a<b", class_="x", font_size=12))
    '<text class="x" font-size="12">a&lt;b</text>'
    """
    named = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    return Node(element, named, tuple(c for c in children if c is not None))


def group(children: Iterable[Node | None], **attributes: Value) -> Node:
    return node("g", *children, **attributes)


def link(href: str | None, *children: Node | None, label: str = "", **attributes: Value) -> Node:
    """Children that lead somewhere; a plain group where there is nowhere to go."""
    if href is None:
        return group(children, **attributes)
    return node("a", *children, href=href, aria_label=label or None, **attributes)


def clean(text: str) -> str:
    """The text with a visible sign for each character that shows nothing."""
    return NOT_SHOWN.sub("\ufffd", text)


def number(value: float) -> str:
    """
    A coordinate with at most one decimal.

    >>> number(3.0), number(2.34)
    ('3', '2.3')
    """
    shown = f"{value:.1f}".removesuffix(".0")
    return "0" if shown == "-0" else shown


def write(tree: Node) -> str:
    """The tree as XML."""
    out: list[str] = []
    _write(tree, out)
    return "".join(out)


def _write(tree: Node, out: list[str]) -> None:
    attributes = "".join(f" {key}={quoteattr(clean(value if isinstance(value, str) else number(value)))}" for key, value in tree.attributes.items() if value is not None)
    if not tree.children:
        out.append(f"<{tree.name}{attributes}/>")
        return
    out.append(f"<{tree.name}{attributes}>")
    for child in tree.children:
        if isinstance(child, Node):
            _write(child, out)
        else:
            out.append(escape(clean(child)))
    out.append(f"</{tree.name}>")


@dataclass(frozen=True)
class Picture:
    """
    A finished picture.

    Args:
        name: short and unique on a page; ids in the picture begin with it.
        width, height: in user units, one for a pixel at natural size.
        title, description: what a reader who cannot see it hears.
        body: what is drawn.
        lang: of its texts.
    """

    name: str
    width: float
    height: float
    title: str
    description: str
    body: tuple[Node, ...]
    lang: str

    def inline(self) -> str:
        """As part of a page, which styles it."""
        return write(self._tree())

    def document(self, style: str) -> str:
        """As a file of its own, which carries its style and a background."""
        paper = node("rect", class_="paper", width=self.width, height=self.height)
        tree = self._tree(node("style", style), paper)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + write(Node("svg", {"xmlns": SVG_NAMESPACE, **tree.attributes}, tree.children)) + "\n"

    def _tree(self, *before: Node) -> Node:
        head, said = f"{self.name}-title", f"{self.name}-desc"
        return node(
            "svg",
            node("title", self.title, id=head),
            node("desc", self.description, id=said),
            *before,
            *self.body,
            class_="picture",
            viewBox=f"0 0 {number(self.width)} {number(self.height)}",
            width=self.width,
            height=self.height,
            role="group",
            aria_labelledby=head,
            aria_describedby=said,
            lang=self.lang,
        )
