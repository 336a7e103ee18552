"""What pictures are drawn from: things with a name and an address, how they are stated, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

REPORTED, CITED, DERIVED, RECOMMENDED = "reported", "cited", "derived", "recommended"
MODALITIES = (REPORTED, CITED, DERIVED, RECOMMENDED)
"""How a claim is made, as it is told apart by line and mark in every picture."""
Say = Callable[[str, str], str]
"""Chooses the English or the Chinese of two texts."""


@dataclass(frozen=True, order=True)
class Thing:
    """Something of the graph: what names it, what a reader reads, and where its page is (None where it has none)."""

    iri: str
    label: str
    href: str | None = None

    @property
    def short(self) -> str:
        """The last part of its IRI."""
        return self.iri.rstrip("/").rpartition("/")[2].rpartition("#")[2]


@dataclass(frozen=True)
class Claim:
    """A claim, how it is made, and the passages where it stands."""

    thing: Thing
    modality: str
    passages: tuple[Thing, ...]


@dataclass(frozen=True, order=True)
class Moment:
    """A year, or a month of a year where the source gives it."""

    year: int
    month: int | None = None

    def shown(self) -> str:
        """As ISO 8601 writes it, as precise as it is."""
        return str(self.year) if self.month is None else f"{self.year}-{self.month:02}"


def say(lang: str) -> Say:
    """
    >>> say("zh")("rows", "行")
    '行'
    """
    return lambda en, zh: zh if lang == "zh" else en


def many(count: int, what: str) -> str:
    """
    A number with its English noun.

    >>> many(1, "stage"), many(2, "stage")
    ('1 stage', '2 stages')
    """
    return f"{count} {what}" + ("" if count == 1 else "s")


def modality_names(lang: str) -> dict[str, str]:
    """The words of legends, by modality."""
    t = say(lang)
    return {
        REPORTED: t("reported by the source", "来源所述"),
        CITED: t("cited by the source from others", "来源转引他人"),
        DERIVED: t("derived by the curator", "整理者推导"),
        RECOMMENDED: t("recommended by the source", "来源所建议"),
    }


def weakest(modalities: Iterable[str]) -> str:
    """
    How a line that stands for several claims is drawn: as reported where any of them is, else as cited, derived, recommended.

    >>> weakest(["derived", "reported"])
    'reported'
    """
    found = set(modalities)
    return next((m for m in MODALITIES if m in found), DERIVED)
