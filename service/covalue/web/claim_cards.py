"""Claims as pages show them: whole as a card, or as a line of a list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from covalue.claims import AROUND, FIGURE, FLOWS, VCC, Claim, Part
from covalue.passages import place_key
from covalue.web.languages import say
from covalue.web.naming import Names
from covalue.web.pages import Cell

CARD = frozenset(VCC + p for p in ({p for flow in FLOWS.values() for p, _ in flow} | {p for p, _ in AROUND} | {*FIGURE, "modality", "scope", "accordingTo"}))
"""Properties of a claim that its card shows."""
CAPTIONS = {p: caption for flow in FLOWS.values() for p, caption in flow} | dict(AROUND)


@dataclass(frozen=True)
class ShownClaim:
    """A claim on a page, whole or as a line."""

    cell: Cell
    kind: str
    flow: tuple[tuple[str, tuple[Cell, ...]], ...]
    around: tuple[tuple[str, tuple[Cell, ...]], ...]
    modality: tuple[Cell, str]
    scope: Cell
    evidence: tuple[Cell, ...]
    roles: tuple[str, ...] = ()


def card(claim: Claim, names: Names, here: str, roles: Iterable[str] = ()) -> ShownClaim:
    """
    A claim for a page, its parts under their captions.

    Args:
        here: the IRI that the page is about; as a place of evidence it is not named again.
        roles: in which parts the thing of the page stands.
    """
    t = say(names.lang)
    flow = tuple((t(*part.caption), _values(part, names)) for part in claim.flow)
    around = tuple((t(*part.caption), _values(part, names)) for part in claim.around)
    modality = (names.cell(claim.modality), claim.modality.rpartition("/")[2]) if claim.modality else (Cell(""), "")
    evidence = tuple(names.cell(iri) for iri in sorted(claim.evidence, key=place_key) if iri != here)
    kind = names.label(VCC + claim.kind)
    return ShownClaim(names.cell(claim.iri), kind, flow, around, modality, names.cell(claim.scope or None), evidence, tuple(roles))


def _values(part: Part, names: Names) -> tuple[Cell, ...]:
    if part.property == VCC + "value":
        return (Cell(" ".join(names.cell(v).text for v in part.values)),)
    return tuple(names.cell(v) for v in sorted(part.values, key=lambda v: names.cell(v).text.casefold()))


def role(property: str, lang: str) -> str:
    """How a thing takes part in a claim, by the caption of the part; empty where it has none."""
    caption = CAPTIONS.get(property.removeprefix(VCC))
    return say(lang)(*caption) if caption else ""
