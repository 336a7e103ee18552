"""
The causal map of a case: situations as boxes, causal links as arrows from cause to effect, loops in the colour of the accent.

Several causes that act together meet in a dot before the arrow. What a picture shows is one cut of the map: a section of the source, the
loops, or what lies around one situation.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from covalue.pictures import legend
from covalue.pictures.layers import Edge, Layout, Place, Size, cycles, layout, strong
from covalue.pictures.model import MODALITIES, Claim, Thing, many, say, weakest
from covalue.pictures.svg import Node, Picture, group, link, node
from covalue.pictures.text import LINE, block, lines

BOX, INSIDE, TEXT = 204.0, 10.0, 13.5
DOT = 9.0
MARGIN = 14.0
MOST_LINES = 5
LANE, TURN = 7.0, 24.0
"""Where a line that closes a loop runs beside a box, and how far it swings out."""


@dataclass(frozen=True)
class Cause:
    """A causal link: what acts (together, where several), what is brought about, and what more is known of it."""

    claim: Claim
    causes: tuple[Thing, ...]
    effects: tuple[Thing, ...]
    sections: tuple[Thing, ...] = ()
    mechanisms: tuple[Thing, ...] = ()
    general: bool = False

    def steps(self) -> list[Edge]:
        """The pairs of situations that it links, by IRI."""
        return [(a.iri, b.iri) for a in self.causes for b in self.effects]


@dataclass(frozen=True)
class Loops:
    """The closed chains of a map: sets of situations that lead to each other, and the loops in them, the shortest first."""

    sets: tuple[tuple[Thing, ...], ...]
    rounds: tuple[tuple[Thing, ...], ...]
    steps: frozenset[Edge]


def things(links: Iterable[Cause]) -> dict[str, Thing]:
    """The situations of some links, by IRI, in the order in which they come."""
    return {x.iri: x for c in links for x in (*c.causes, *c.effects)}


def loops(links: Sequence[Cause], most: int = 40) -> Loops:
    """The loops of a map."""
    known = things(links)
    steps = list(dict.fromkeys(s for c in links for s in c.steps()))
    sets = strong(known, steps)
    inside = {n: i for i, part in enumerate(sets) for n in part}
    closing = frozenset((a, b) for a, b in steps if a in inside and inside[a] == inside.get(b))
    rounds = [[known[n] for n in ring] for part in sets for ring in cycles(part, [s for s in steps if s in closing], most)]
    return Loops(tuple(tuple(known[n] for n in part) for part in sets), tuple(map(tuple, rounds)), closing)


def of_section(links: Sequence[Cause], section: str) -> list[Cause]:
    """Links that stand in a section, by its IRI."""
    return [c for c in links if any(s.iri == section for s in c.sections)]


def of_loops(links: Sequence[Cause]) -> list[Cause]:
    """Links of which a step lies on a loop."""
    closing = loops(links).steps
    return [c for c in links if any(step in closing for step in c.steps())]


def around(links: Sequence[Cause], focus: str, reach: int) -> list[Cause]:
    """Links on chains that lead to a situation or from it, at most so many steps away."""
    chosen: dict[int, Cause] = {}
    for start, end in (("causes", "effects"), ("effects", "causes")):
        edge = {focus}
        for _ in range(reach):
            found = [c for c in links if edge & {x.iri for x in getattr(c, start)}]
            chosen |= {id(c): c for c in found}
            edge = {x.iri for c in found for x in getattr(c, end)}
    return [c for c in links if id(c) in chosen]


def draw(name: str, lang: str, title: str, links: Sequence[Cause], closing: frozenset[Edge] = frozenset(), focus: str = "") -> Picture:
    """
    A cut of the map.

    Args:
        name: of the picture, unique on a page.
        lang: of its words.
        title: says which cut it is.
        links: what is drawn.
        closing: steps that lie on loops of the whole map.
        focus: the IRI of the situation that the cut is about.
    """
    t = say(lang)
    known = things(links)
    said = {iri: lines(thing.label, BOX - 2 * INSIDE, TEXT, MOST_LINES) for iri, thing in known.items()}
    sizes = {iri: Size(BOX, len(text) * TEXT * LINE + 2 * INSIDE) for iri, text in said.items()}
    arrows, joints = _arrows(links)
    sizes |= {joint: Size(DOT, DOT) for joint in joints}
    found = layout(sizes, list(arrows))
    top = MARGIN + (12.0 if found.backwards else 0.0)
    side = MARGIN + (22.0 if found.backwards else 0.0)
    found = replace(
        found,
        places={n: replace(p, x=p.x + side - MARGIN) for n, p in found.places.items()},
        bends={e: tuple((x + side - MARGIN, y) for x, y in points) for e, points in found.bends.items()},
    )
    on_loop = {n for step in closing for n in step}
    boxes = [_box(known[iri], said[iri], found.places[iri], sizes[iri], top, iri in on_loop, iri == focus) for iri in known]
    dots = [node("circle", cx=found.places[j].x + MARGIN + DOT / 2, cy=found.places[j].y + top + DOT / 2, r=DOT / 2, class_="joint") for j in joints]
    drawn = [_arrow(name, edge, claims, found, sizes, top, closing, joints) for edge, claims in arrows.items()]
    width = max(found.width + 2 * side, 560.0)
    y = found.height + top + MARGIN
    body = (
        legend.heads(name, (*MODALITIES, "loop")),
        group(drawn),
        group(dots),
        group(boxes),
        _legend(links, any(step in closing for c in links for step in c.steps()), bool(joints), lang, y),
    )
    description = t(f"{many(len(known), 'situation')} and {many(len(links), 'causal link')}, from left to right.", f"{len(known)} 个情形、{len(links)} 条因果关系，自左向右。")
    return Picture(name, width, y + 2 * legend.HEIGHT, title, description, body, lang)


def _arrows(links: Sequence[Cause]) -> tuple[dict[Edge, list[Cause]], dict[str, list[Cause]]]:
    """Lines with the links that they stand for, and the dots where causes meet."""
    arrows: dict[Edge, list[Cause]] = {}
    joints: dict[str, list[Cause]] = {}
    for c in links:
        if len(c.causes) == 1:
            for step in c.steps():
                arrows.setdefault(step, []).append(c)
            continue
        joint = "+" + " ".join(sorted(x.iri for x in c.causes)) + ">" + " ".join(sorted(x.iri for x in c.effects))
        joints.setdefault(joint, []).append(c)
        for x in c.causes:
            arrows.setdefault((x.iri, joint), []).append(c)
        for x in c.effects:
            arrows.setdefault((joint, x.iri), []).append(c)
    return arrows, joints


def _box(thing: Thing, said: list[str], place: Place, size: Size, top: float, looped: bool, here: bool) -> Node:
    """A situation; the whole box leads to its page."""
    x, y = place.x + MARGIN, place.y + top
    shape = "box" + (" loop" if looped else "") + (" here" if here else "")
    return link(
        thing.href,
        node("rect", x=x, y=y, width=size.width, height=size.height, rx=5, class_=shape),
        block(said, x + INSIDE, y + INSIDE - 1, TEXT),
        node("title", thing.label),
        class_="situation",
    )


def _arrow(name: str, edge: Edge, claims: Sequence[Cause], found: Layout, sizes: dict[str, Size], top: float, closing: frozenset[Edge], joints: dict[str, list[Cause]]) -> Node:
    source, target = edge
    looped = any(step in closing for c in claims for step in c.steps() if (source in joints or step[0] == source) and (target in joints or step[1] == target))
    modality = weakest(c.claim.modality for c in claims)
    general = all(c.general for c in claims)
    path = _back(source, target, found, sizes, top) if edge in found.backwards else _forth(edge, found, sizes, top)
    head = None if target in joints else f"url(#{name}-{'loop' if looped else modality})"
    kind = f"edge {modality}" + (" loop" if looped else "") + (" general" if general else "")
    return link(
        claims[0].claim.thing.href,
        node("path", d=path, class_="wide"),
        node("path", d=path, class_=kind, marker_end=head),
        node("title", "\n".join(dict.fromkeys(c.claim.thing.label for c in claims))),
        label=claims[0].claim.thing.label,
    )


def _forth(edge: Edge, found: Layout, sizes: dict[str, Size], top: float) -> str:
    """A curve from the right side of one box to the left side of another, level at both ends."""
    a, b = (found.places[n] for n in edge)
    start = (a.x + sizes[edge[0]].width + MARGIN, a.y + sizes[edge[0]].height / 2 + top)
    end = (b.x + MARGIN, b.y + sizes[edge[1]].height / 2 + top)
    points = [start, *((x + MARGIN, y + top) for x, y in found.bends[edge]), end]
    out = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        half = (x1 + x2) / 2
        out += f"C{half:.1f} {y1:.1f} {half:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    return out


def _back(source: str, target: str, found: Layout, sizes: dict[str, Size], top: float) -> str:
    """A line that closes a loop: out on the right, back between the boxes, and into its target from the left."""
    a, b = found.places[source], found.places[target]
    inner = [(x + MARGIN, y + top) for x, y in found.bends[(source, target)]]
    left1, right1, y1 = a.x + MARGIN, a.x + MARGIN + sizes[source].width, a.y + top + sizes[source].height / 2
    left2, right2, y2 = b.x + MARGIN, b.x + MARGIN + sizes[target].width, b.y + top + sizes[target].height / 2
    lane1 = y1 + (sizes[source].height / 2 + LANE) * (1 if (inner[0][1] if inner else y2) >= y1 else -1)
    lane2 = y2 + (sizes[target].height / 2 + LANE) * (1 if (inner[-1][1] if inner else y1) >= y2 else -1)
    out = f"M{right1:.1f} {y1:.1f}C{right1 + TURN:.1f} {y1:.1f} {right1 + TURN:.1f} {lane1:.1f} {right1:.1f} {lane1:.1f}"
    points = [(right1, lane1), (left1, lane1), *inner, (right2, lane2), (left2, lane2)]
    for (xa, ya), (xb, yb) in itertools.pairwise(points):
        half = (xa + xb) / 2
        out += f"C{half:.1f} {ya:.1f} {half:.1f} {yb:.1f} {xb:.1f} {yb:.1f}"
    return out + f"C{left2 - TURN:.1f} {lane2:.1f} {left2 - TURN:.1f} {y2:.1f} {left2:.1f} {y2:.1f}"


def _legend(links: Sequence[Cause], looped: bool, joined: bool, lang: str, y: float) -> Node:
    t = say(lang)
    parts = [legend.modalities({c.claim.modality for c in links}, lang, MARGIN, y)]
    x, below = MARGIN, y + legend.HEIGHT
    if looped:
        parts += [
            node("line", x1=x, x2=x + 30, y1=below + 6, y2=below + 6, class_="edge loop"),
            node("text", t("part of a loop", "循环的一部分"), x=x + 37, y=below + 10, font_size=12, class_="muted"),
        ]
        x += 150
    if joined:
        parts += [
            node("circle", cx=x + 5, cy=below + 6, r=DOT / 2, class_="joint"),
            node("text", t("causes that act together", "共同起作用的原因"), x=x + 16, y=below + 10, font_size=12, class_="muted"),
        ]
        x += 190
    if any(c.general for c in links):
        parts += [
            node("line", x1=x, x2=x + 30, y1=below + 6, y2=below + 6, class_="edge general"),
            node("text", t("about firms in general", "关于一般企业"), x=x + 37, y=below + 10, font_size=12, class_="muted"),
        ]
    return group(parts, class_="legend")
