"""
The value network: users on the left, the firm studied in the middle, partners on the right, and what passes between them.

Each actor is a box with its contributions per value dimension. Exchanges with the firm studied are level arrows, so that none crosses
another; those between others run below. An arrow stands for all exchanges from one actor to another, and names what passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from covalue.pictures import legend
from covalue.pictures.model import MODALITIES, REPORTED, Claim, Thing, many, say, weakest
from covalue.pictures.svg import Node, Picture, group, link, node
from covalue.pictures.text import BOLD, LINE, block, height, lines, width

SIDE, FIRM, BETWEEN = 236.0, 212.0, 204.0
"""Widths of a side's boxes, of the firm's box, and of the space between, where arrows run."""
MARGIN, TOP, GAP, TEXT, SMALL = 16.0, 42.0, 20.0, 13.5, 12.0
STRIP = 34.0
USERS, PARTNERS, OTHERS = "users", "partners", "others"
LANE = 34.0


@dataclass(frozen=True)
class Count:
    """Contributions of an actor to a dimension: how many the source reports, and how many it cites or the curator derived; where the rows are."""

    reported: int = 0
    other: int = 0
    href: str | None = None


@dataclass(frozen=True)
class Actor:
    """An actor with the roles that contributions give it, the side on which it stands, and its counts by the IRI of a dimension."""

    thing: Thing
    side: str
    roles: tuple[Thing, ...] = ()
    counts: Mapping[str, Count] = field(default_factory=dict)


@dataclass(frozen=True)
class Exchange:
    """One directed transfer."""

    claim: Claim
    provider: Thing
    receiver: Thing
    objects: tuple[Thing, ...]


@dataclass(frozen=True)
class Flow:
    """All exchanges from one actor to another, and where their rows are."""

    provider: Thing
    receiver: Thing
    exchanges: tuple[Exchange, ...]
    href: str | None = None

    def objects(self) -> list[Thing]:
        """What passes, each once."""
        return list(dict.fromkeys(x for e in self.exchanges for x in e.objects))

    def modality(self) -> str:
        """How the arrow is drawn."""
        return weakest(e.claim.modality for e in self.exchanges)


@dataclass(frozen=True)
class Network:
    """What the picture shows; `focal` is the firm studied, `mechanisms` are those of each dimension, by its IRI."""

    focal: Actor
    actors: tuple[Actor, ...]
    dimensions: tuple[Thing, ...]
    flows: tuple[Flow, ...]
    mechanisms: Mapping[str, tuple[Thing, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Row:
    """An actor's place: the upper edge and the height of its box, and the flows between it and the firm."""

    actor: Actor
    y: float
    high: float
    name: tuple[str, ...]
    to_firm: Flow | None
    from_firm: Flow | None


def draw(name: str, lang: str, title: str, network: Network) -> Picture:
    """
    The picture of a value network.

    Args:
        name: of the picture, unique on a page.
        lang: of its words.
        title: says what it shows.
        network: actors, dimensions and flows.
    """
    t = say(lang)
    left = [a for a in network.actors if a.side == USERS]
    right = [a for a in network.actors if a.side == PARTNERS]
    others = [a for a in network.actors if a.side == OTHERS]
    right_x = MARGIN + SIDE + BETWEEN + FIRM + BETWEEN
    whole = right_x + SIDE + MARGIN
    left_rows, left_end = _rows(left, network, TOP)
    right_rows, right_end = _rows(right, network, TOP)
    other_rows, other_end = _rows(others, network, right_end + (34.0 if others else 0.0))
    inside, inside_end = _mechanisms(network, MARGIN + SIDE + BETWEEN + 12, TOP + 132.0)
    bottom = max(left_end, other_end if others else right_end, inside_end + GAP, TOP + 150.0)
    body: list[Node] = [legend.heads(name)]
    body += [
        _heading(t("Users and customers", "用户与顾客"), MARGIN, TOP),
        _heading(t("Firm studied", "所研究企业"), MARGIN + SIDE + BETWEEN, TOP),
        _heading(t("Partners", "合作伙伴"), right_x, TOP),
    ]
    if others:
        body.append(_heading(t("Actors without a stated role", "未说明角色的行动者"), right_x, right_end + 34.0))
    for rows, on_left in ((left_rows, True), (right_rows, False), (other_rows, False)):
        for row in rows:
            body += _flows(name, row, on_left, lang)
    for rows, x in ((left_rows, MARGIN), (right_rows, right_x), (other_rows, right_x)):
        body += [_actor(row.actor, row.name, x, row.y, SIDE, row.high, network.dimensions, lang) for row in rows]
    firm = tuple(lines(network.focal.thing.label, (FIRM - 24) / BOLD, TEXT + 3, 3))
    body.append(_actor(network.focal, firm, MARGIN + SIDE + BETWEEN, TOP, FIRM, bottom - TOP - GAP, network.dimensions, lang, focal=True))
    body += inside
    spots = {row.actor.thing.iri: (row, on_left) for rows, on_left in ((left_rows, True), (right_rows, False), (other_rows, False)) for row in rows}
    lanes, bottom = _lanes(name, [f for f in network.flows if network.focal.thing not in (f.provider, f.receiver)], spots, bottom, whole, lang)
    body += lanes
    body.append(_key(network, lang, bottom + 4))
    total = bottom + legend.HEIGHT * 2 + 10
    count = sum(len(f.exchanges) for f in network.flows)
    description = t(
        f"{many(len(network.actors) + 1, 'actor')} and {many(count, 'value exchange')}. Numbers in a box count the actor's contributions per value dimension.",
        f"{len(network.actors) + 1} 个行动者、{count} 次价值交换。框内数字为该行动者对各价值维度的贡献数。",
    )
    return Picture(name, whole, total, title, description, tuple(body), lang)


def _heading(said: str, x: float, y: float) -> Node:
    return node("text", said, x=x, y=y - 14, font_size=15, class_="serif strong")


def _rows(actors: Sequence[Actor], network: Network, y: float) -> tuple[list[_Row], float]:
    rows = []
    for actor in actors:
        given = next((f for f in network.flows if f.provider == actor.thing and f.receiver == network.focal.thing), None)
        got = next((f for f in network.flows if f.receiver == actor.thing and f.provider == network.focal.thing), None)
        named = lines(actor.thing.label, (SIDE - 24) / BOLD, TEXT, 2)
        roles = 1 if actor.roles else 0
        box = 10 + height(named, TEXT) + roles * SMALL * LINE + STRIP + 12
        wanted = sum(len(_passing(f)) * SMALL * LINE + 18 for f in (given, got) if f)
        high = max(box, wanted)
        rows.append(_Row(actor, y, high, tuple(named), given, got))
        y += high + GAP
    return rows, y


def _passing(flow: Flow) -> list[str]:
    """What the label of an arrow says; what is too long for four lines is cut, and whole in its tooltip and name."""
    return lines(" · ".join(x.label for x in flow.objects()), BETWEEN - 24, SMALL, 4)


def _flows(name: str, row: _Row, on_left: bool, lang: str) -> list[Node]:
    x1 = MARGIN + SIDE if on_left else MARGIN + SIDE + BETWEEN + FIRM
    x2 = x1 + BETWEEN
    out, y = [], row.y
    for flow, inward in ((row.to_firm, True), (row.from_firm, False)):
        if flow is None:
            continue
        said = _passing(flow)
        line_y = y + height(said, SMALL) + 8
        rightward = inward == on_left
        start, end = (x1 + 3, x2 - 3) if rightward else (x2 - 3, x1 + 3)
        out.append(_flow(name, flow, said, (x1 + x2) / 2, y + 2, f"M{start:.1f} {line_y:.1f}H{end:.1f}", lang))
        y = line_y + 10
    return out


def _flow(name: str, flow: Flow, said: list[str], x: float, y: float, path: str, lang: str) -> Node:
    t = say(lang)
    kind = flow.modality()
    whole = t(f"{flow.provider.label} to {flow.receiver.label}: ", f"{flow.provider.label} → {flow.receiver.label}：") + t(", ", "、").join(o.label for o in flow.objects())
    return link(
        flow.href,
        block(said, x, y, SMALL, "" if kind == REPORTED else kind, "middle"),
        node("path", d=path, class_=f"edge {kind}", marker_end=f"url(#{name}-{kind})", stroke_width=1.2 + 0.5 * min(len(flow.exchanges), 5)),
        node("title", whole),
        label=whole,
        class_="flow",
        data_flow=f"{flow.provider.short} {flow.receiver.short}",
    )


def _actor(actor: Actor, name: tuple[str, ...], x: float, y: float, wide: float, high: float, dimensions: Sequence[Thing], lang: str, focal: bool = False) -> Node:
    size = TEXT + 3 if focal else TEXT
    parts: list[Node] = [
        node("rect", x=x, y=y, width=wide, height=high, rx=6, class_="box focal" if focal else "box"),
        link(actor.thing.href, block(list(name), x + 12, y + 9, size, "strong")),
    ]
    below = y + 9 + height(list(name), size) + 1
    if actor.roles:
        said = lines(say(lang)(", ", "、").join(r.label for r in actor.roles), wide - 24, SMALL, 3 if focal else 1)
        parts.append(block(said, x + 12, below, SMALL, "muted"))
        below += height(said, SMALL)
    parts.append(_strip(actor, x + 12, (below + 8) if focal else y + high - STRIP - 6, wide - 24, dimensions, lang))
    return group(parts, class_="actor")


def _mechanisms(network: Network, x: float, y: float) -> tuple[list[Node], float]:
    """The mechanisms of each dimension, in the box of the firm."""
    out: list[Node] = []
    for dimension in network.dimensions:
        mine = network.mechanisms.get(dimension.iri, ())
        if not mine:
            continue
        head = lines(dimension.label, (FIRM - 48) / BOLD, SMALL + 1, 2)
        high = height(head, SMALL + 1) + 8
        out += [
            node("rect", x=x, y=y, width=FIRM - 24, height=high, rx=3, class_=f"cell {tint(dimension)}"),
            link(dimension.href, block(head, x + 8, y + 3, SMALL + 1, "strong plain")),
        ]
        y += high + 6
        for mechanism in mine:
            said = lines(mechanism.label, FIRM - 46, SMALL, 3)
            out += [node("circle", cx=x + 8, cy=y + SMALL * 0.68, r=1.8, class_="dot"), link(mechanism.href, block(said, x + 16, y, SMALL))]
            y += height(said, SMALL) + 4
        y += 12
    return out, y


def _strip(actor: Actor, x: float, y: float, wide: float, dimensions: Sequence[Thing], lang: str) -> Node:
    """A cell for each dimension with the number of contributions; empty where there is none."""
    t = say(lang)
    cells: list[Node] = []
    each = (wide - 4 * (len(dimensions) - 1)) / max(len(dimensions), 1)
    for i, dimension in enumerate(dimensions):
        count = actor.counts.get(dimension.iri, Count())
        at = x + i * (each + 4)
        total = count.reported + count.other
        shape = node("rect", x=at, y=y, width=each, height=STRIP - 8, rx=3, class_=f"cell {tint(dimension)}" if total else "cell empty")
        said = t(f"{actor.thing.label}, {dimension.label}: {many(total, 'contribution')}", f"{actor.thing.label}，{dimension.label}：{total} 项贡献")
        if count.other:
            said += t(f", {count.other} of them derived or cited", f"，其中 {count.other} 项为推导或转引")
        figure = node("text", str(total) if total else "", x=at + each / 2, y=y + 18, font_size=13, text_anchor="middle", class_=None if count.reported or not total else "derived")
        cells.append(link(count.href if total else None, shape, figure if total else None, node("title", said), label=said if total else ""))
    return group(cells, class_="strip")


def tint(dimension: Thing) -> str:
    """
    The class of a value dimension's colour.

    >>> tint(Thing("https://w3id.org/covalue/scheme/dimension/value-capture", ""))
    'd-capture'
    """
    return "d-" + dimension.short.removeprefix("value-")


def _lanes(name: str, flows: Sequence[Flow], spots: Mapping[str, tuple[_Row, bool]], y: float, whole: float, lang: str) -> tuple[list[Node], float]:
    """Exchanges that leave the firm out run below all boxes, from outer side to outer side."""
    out: list[Node] = []
    for i, flow in enumerate(flows):
        if flow.provider.iri not in spots or flow.receiver.iri not in spots:
            continue
        (start, start_left), (end, end_left) = spots[flow.provider.iri], spots[flow.receiver.iri]
        off = 5.0 + 4.0 * (i % 3)
        said = lines(" · ".join(x.label for x in flow.objects()), whole / 2, SMALL, 1)
        lane = y + LANE - 10
        outer = {True: MARGIN - off, False: whole - MARGIN + off}
        inner = {True: MARGIN, False: whole - MARGIN}
        y1, y2 = start.y + start.high / 2 + 3 * (i % 3), end.y + end.high / 2 + 6 + 3 * (i % 3)
        path = f"M{inner[start_left]:.1f} {y1:.1f}H{outer[start_left]:.1f}V{lane:.1f}"
        if start_left == end_left:
            path = f"M{inner[start_left]:.1f} {y1:.1f}H{outer[start_left]:.1f}V{y2:.1f}H{inner[end_left]:.1f}"
        else:
            path += f"H{outer[end_left]:.1f}V{y2:.1f}H{inner[end_left]:.1f}"
        words = f"{flow.provider.label} → {flow.receiver.label}{say(lang)(': ', '：')}{said[0]}"
        out.append(_flow(name, flow, lines(words, whole - 80, SMALL, 1), whole / 2, lane - SMALL * LINE - 4, path, lang))
        y += LANE
    return out, y


def _key(network: Network, lang: str, y: float) -> Node:
    """Which colour is which dimension, and how lines are to be read."""
    t = say(lang)
    parts: list[Node] = []
    x = MARGIN
    for dimension in network.dimensions:
        parts.append(node("rect", x=x, y=y + 2, width=14, height=14, rx=3, class_=f"cell {tint(dimension)}"))
        parts.append(node("text", dimension.label, x=x + 20, y=y + 14, font_size=SMALL, class_="muted"))
        x += 20 + width(dimension.label, SMALL) + 22
    parts.append(node("text", t("number of contributions; italic: derived or cited only", "贡献数；斜体：仅有推导或转引"), x=x + 10, y=y + 14, font_size=SMALL, class_="muted"))
    parts.append(legend.modalities({f.modality() for f in network.flows} & set(MODALITIES), lang, MARGIN, y + legend.HEIGHT))
    return group(parts, class_="legend")
