"""
What can be found by name: things with their labels, other names and definitions, and how names are folded to be compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from covalue.names import shrink

KINDS: Mapping[str, tuple[str, str]] = {
    "concept": ("concept", "概念"),
    "class": ("class", "类"),
    "property": ("property", "属性"),
    "case": ("case", "案例"),
    "thing": ("thing of a case", "案例事物"),
    "scheme": ("concept scheme", "概念方案"),
    "question": ("ready question", "现成问题"),
    "source": ("source", "来源"),
    "claim": ("claim", "陈述"),
    "other": ("other", "其他"),
}
"""The kinds of what can be found, best first, with their names in English and Chinese."""
RANK = {kind: rank for rank, kind in enumerate(KINDS)}
HYPHENS = dict.fromkeys(map(ord, "-‐‑‒–—_/·,，、;；:：()（）「」“”\"'’.。"), " ")
_ACCENTS = re.compile("[\u0300-\u036f]+")


def fold(text: str) -> str:
    """
    A text as it is compared: width, case, accents, hyphens, punctuation and spacing do not tell names apart.

    >>> fold("Value  Co-creation（ＭＩＵＩ）"), fold("Café")
    ('value co creation miui', 'cafe')
    """
    plain = text if text.isascii() else _plain(text)
    return " ".join(plain.casefold().translate(HYPHENS).split())


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", _ACCENTS.sub("", apart))


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that can be found. `labels` are by language; `type` is its most special class, or empty."""

    iri: str
    kind: str
    labels: Mapping[str, str]
    others: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    type: str = ""

    @property
    def curie(self) -> str:
        return shrink(self.iri)

    def label(self, lang: str) -> str:
        """Its name in a language, else in another, else its short IRI; never empty."""
        return self.labels.get(lang) or self.labels.get("en") or next((v for v in self.labels.values() if v), "") or self.curie


def folded_names(entry: Entry) -> str:
    """The folded names of an entry, each once: its labels between line feeds, then other names between carriage returns."""
    labels = dict.fromkeys(filter(None, map(fold, entry.labels.values())))
    others = dict.fromkeys(o for o in map(fold, other_names(entry)) if o and o not in labels)
    return "".join((*(f"\n{label}" for label in labels), "\n" if labels else "", *(f"\r{other}" for other in others), "\r" if others else ""))


def other_names(entry: Entry) -> tuple[str, ...]:
    """Other names, and the last part of its address where people may know it."""
    return entry.others if entry.kind in ("claim", "question") else (*entry.others, entry.iri.rpartition("#")[2].rpartition("/")[2])


def shortest(names: str) -> tuple[int, str]:
    """How long the shortest label of an entry is, in bytes, so that a Chinese character counts as about three letters; and that label."""
    labels = names.rpartition("\n")[0].strip("\n") or names.strip("\r")
    return min((len(label.encode("utf-8", "replace")), label) for label in labels.replace("\r", "\n").split("\n"))


def folded_texts(entry: Entry) -> str:
    """The folded definitions of an entry, each between line feeds; empty without."""
    return "".join(("\n", *(fold(text) + "\n" for text in entry.texts.values()))) if entry.texts else ""
