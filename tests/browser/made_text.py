"""
A made-up text of a source: for each place a sentence of this module's own, laid out as a reader's file is.

The sentences hold the names that the place is known to mention, as a true text would, and a number by which a test knows them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

HEAD = "虚构刊物：页眉一行"
WIDTH = 38
"""Characters of a line."""


def sentence(section: str, passage: Mapping[str, Any]) -> str:
    """The made-up sentence of a place: English in an English abstract, Chinese elsewhere."""
    names = [next((n for n in names if not n.isascii()), names[0]) for names in passage["hints"]]
    mark = f"{section.replace('.', '点')}甲{passage['paragraph']}乙{passage['sentence']}"
    if section.endswith("-en"):
        return f"Place {passage['sentence']} of the made abstract mentions {', '.join(n[0] for n in passage['hints'])} and et al. nothing else in 3.5 lines."
    return (
        f"此句编造，位于{mark}，涉及{'、'.join(names)}，并引某文(Xu et al., 2001) [3]，“其余从略。”[4]"
        if passage["sentence"] == 2
        else f"此句编造，位于{mark}，涉及{'、'.join(names)}，其值 3.5 倍。"
    )


def text(held: Mapping[str, Any], *, blank: bool = True, heads: bool = True, without: Iterable[str] = (), split: Iterable[str] = ()) -> str:
    """
    A file: hard line ends inside of sentences, a running head and page numbers between them, a list of references at the end.

    Args:
        held: what the page knows of the source.
        blank: whether an empty line stands behind each line, as in text taken from a PDF.
        heads: whether there are running heads, captions and page numbers.
        without: sentences and headings that are left out, by place.
        split: sentences that are broken in two, by place.
    """
    out: list[str] = []
    for section in held["sections"]:
        if f"{section['id']}-p0-s0" not in without:
            title = section["titles"][0].partition("（")[0].partition(" (")[0]
            out.append(f"{section['number']}. {title}" if section["number"] else title)
        paragraphs: dict[int, list[str]] = {}
        for passage in section["passages"]:
            if passage["sentence"] and passage["id"] not in without:
                made = sentence(section["id"], passage)
                made = made.replace("，涉及", "。涉及", 1) if passage["id"] in split else made
                paragraphs.setdefault(passage["paragraph"], []).append(made)
        for said in paragraphs.values():
            out += _lines((" " if section["id"].endswith("-en") else "").join(said))
        if heads:
            out += [HEAD, str(len(out)), "Figure 1. A caption that is no sentence"]
    out += ["参考文献", "[1] 某人。某文。某刊。"]
    return ("\n\n" if blank else "\n").join(out) + "\n"


def _lines(paragraph: str) -> list[str]:
    """A paragraph in lines of one width; an English word that does not fit is broken with a hyphen."""
    out, at = [], 0
    while at < len(paragraph):
        end = min(at + WIDTH, len(paragraph))
        piece = paragraph[at:end]
        broken = end < len(paragraph) and piece[-1].isascii() and piece[-1].islower() and paragraph[end].isascii() and paragraph[end].islower()
        out.append(piece + ("-" if broken else ""))
        at = end
    return out
