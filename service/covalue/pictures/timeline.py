"""
The evolution of a case: stages as bars over years, events below them, each as precise as the source dates it.

An end that is not told is drawn open; a year without a month covers the whole year; what has no date stands in a column of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covalue.pictures import legend
from covalue.pictures.model import Claim, Moment, Thing, many, say
from covalue.pictures.svg import Node, Picture, group, link, node
from covalue.pictures.text import BOLD, block, height, lines

WIDTH, LEFT, UNDATED, RIGHT = 1040.0, 330.0, 92.0, 26.0
"""The whole; the column of texts; the column for what has no date; the margin."""
TOP, GAP, SMALL, PLAIN = 52.0, 14.0, 12.5, 15.0
BAR = 24.0
MOST_YEARS = 400
TICKS = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Fact:
    """What a description says of a stage: the local name of the relation, and the thing."""

    relation: str
    claim: Claim


@dataclass(frozen=True)
class Stage:
    """A stage of the evolution."""

    thing: Thing
    start: Moment | None
    end: Moment | None
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Event:
    """An event; the stage is that to which the source ties it."""

    claim: Claim
    start: Moment | None
    end: Moment | None
    stage: str = ""


@dataclass(frozen=True)
class _Scale:
    """Years to places; `first` is the year at the left end, `last` the one at whose end the scale ends."""

    first: int
    last: int

    @property
    def left(self) -> float:
        return LEFT + UNDATED

    @property
    def right(self) -> float:
        return WIDTH - RIGHT

    def at(self, year: float) -> float:
        return self.left + (self.right - self.left) * (year - self.first) / (self.last + 1 - self.first)

    def begin(self, moment: Moment) -> float:
        return self.at(moment.year + ((moment.month or 1) - 1) / 12)

    def finish(self, moment: Moment) -> float:
        return self.at(moment.year + (moment.month or 12) / 12)


def relations(lang: str) -> dict[str, str]:
    """What the relations of a stage are called in the picture, in the order in which they are listed."""
    t = say(lang)
    return {
        "triggeredBy": t("set off by", "触发"),
        "hasBusinessModel": t("model", "模式"),
        "hasComponent": t("comprises", "组成"),
        "uses": t("uses", "使用"),
    }


def draw(name: str, lang: str, title: str, stages: Sequence[Stage], events: Sequence[Event]) -> Picture:
    """
    The timeline of a case.

    Args:
        name: of the picture, unique on a page.
        lang: of its words.
        title: says what it shows.
        stages: in their order.
        events: in the order in which they are drawn.
    """
    t = say(lang)
    scale = _scale([m for s in stages for m in (s.start, s.end)] + [m for e in events for m in (e.start, e.end)])
    y = TOP
    rows: list[Node] = []
    triggers: list[Node] = []
    starts: dict[str, tuple[float, float]] = {}
    for i, stage in enumerate(stages):
        if scale is not None and stage.start is not None:
            starts |= {f.claim.thing.iri: (scale.begin(stage.start), y + BAR) for f in stage.facts if f.relation == "triggeredBy"}
        row, y = _stage(stage, i, scale, y, lang)
        rows.append(row)
    if stages and events:
        y += GAP
        rows.append(node("line", x1=0, x2=WIDTH, y1=y - GAP / 2, y2=y - GAP / 2, class_="rule"))
    for event in events:
        row, below = _event(event, scale, y, lang)
        rows.append(row)
        triggers += [_set_off(name, *starts[event.claim.thing.iri], y, stages, event)] if event.claim.thing.iri in starts else []
        y = below
    found = {f.claim.modality for s in stages for f in s.facts} | {e.claim.modality for e in events}
    total = y + GAP + legend.HEIGHT
    body = (
        legend.heads(name),
        _axis(scale, y, lang, any(e.start is None and e.end is None for e in events) or any(s.start is None for s in stages)),
        group(triggers),
        group(rows),
        legend.modalities(found, lang, 0, y + GAP),
    )
    dated = sum(1 for e in events if e.start or e.end)
    description = t(
        f"{many(len(stages), 'stage')}, {many(len(events), 'event')}, {dated} dated. Bars with an open right end have no end in the source.",
        f"{len(stages)} 个阶段，{len(events)} 个事件，其中 {dated} 个有日期。右端敞开的条表示来源未说明结束。",
    )
    return Picture(name, WIDTH, total, title, description, body, lang)


def _scale(moments: Sequence[Moment | None]) -> _Scale | None:
    years = [m.year for m in moments if m is not None]
    if not years:
        return None
    first, last = min(years), max(years)
    return _Scale(first, min(last, first + MOST_YEARS) + 1)


def _axis(scale: _Scale | None, bottom: float, lang: str, undated: bool) -> Node:
    t = say(lang)
    parts: list[Node] = []
    if undated:
        x = LEFT + UNDATED / 2 - 8
        said = lines(t("no date stated", "未注明日期"), UNDATED - 20, SMALL)
        parts.append(block(said, x, TOP - 12 - height(said, SMALL), SMALL, "muted", "middle"))
        parts.append(node("rect", x=LEFT, y=TOP - 6, width=UNDATED - 16, height=max(0.0, bottom - TOP + 6), class_="undated"))
    if scale is None:
        return group(parts)
    step = next((s for s in TICKS if (scale.last + 1 - scale.first) / s <= 16), TICKS[-1])
    for year in range(scale.first, scale.last + 1, step):
        x = scale.at(year)
        parts.append(node("line", x1=x, x2=x, y1=TOP - 8, y2=bottom, class_="grid"))
        parts.append(node("text", str(year), x=x + 3, y=TOP - 14, font_size=SMALL, class_="muted"))
    return group(parts, class_="axis")


def _stage(stage: Stage, index: int, scale: _Scale | None, y: float, lang: str) -> tuple[Node, float]:
    t = say(lang)
    names = lines(stage.thing.label, (LEFT - 24) / BOLD, PLAIN + 1)
    parts: list[Node] = [link(stage.thing.href, block(names, 0, y, PLAIN + 1, "strong"))]
    bottom = y + height(names, PLAIN + 1)
    for relation, word in relations(lang).items():
        for modality in dict.fromkeys(f.claim.modality for f in stage.facts if f.relation == relation):
            told = dict.fromkeys(f.claim.thing.label for f in stage.facts if f.relation == relation and f.claim.modality == modality)
            mark = "" if modality == "reported" else t(" (derived)", "（推导）") if modality == "derived" else t(" (cited)", "（转引）")
            said = lines(f"{word}{mark}{t(': ', '：')}{t('; ', '；').join(told)}", LEFT - 24, SMALL)
            parts.append(block(said, 0, bottom + 3, SMALL, f"muted {modality}"))
            bottom += height(said, SMALL) + 3
    bottom = max(bottom, y + BAR + 22)
    if scale is not None and stage.start is not None:
        parts.append(_bar(stage, index, scale, y, t("end not stated", "未说明结束")))
    else:
        parts.append(node("circle", cx=LEFT + UNDATED / 2 - 8, cy=y + BAR / 2, r=5, class_="mark reported unknown"))
    return group(parts, class_="stage"), bottom + GAP + 6


def _bar(stage: Stage, index: int, scale: _Scale, y: float, open_end: str) -> Node:
    assert stage.start is not None
    x = scale.begin(stage.start)
    until = scale.finish(stage.end) if stage.end else scale.right
    shape = f"stage-bar s{index % 4 + 1}" + ("" if stage.end else " open")
    years = stage.start.shown() + " – " + (stage.end.shown() if stage.end else open_end)
    parts = [
        node("rect", x=x, y=y, width=max(until - x, 2), height=BAR, class_=shape),
        node("line", x1=x, x2=x, y1=y - 3, y2=y + BAR + 3, class_="stage-start"),
    ]
    if not stage.end:
        parts.append(node("path", d=f"M{until - 8:.1f} {y + 5:.1f}l8 {BAR / 2 - 5:.1f}l-8 {BAR / 2 - 5:.1f}", class_="open-end"))
    beside = x + 8 if until - x > 170 else x - 8
    parts.append(node("text", years, x=beside, y=y + BAR / 2 + 5, font_size=SMALL + 0.5, class_="on-bar", text_anchor=None if beside > x else "end"))
    return group(parts)


def _event(event: Event, scale: _Scale | None, y: float, lang: str) -> tuple[Node, float]:
    said = lines(event.claim.thing.label, LEFT - 24, 13.5)
    rows = max(height(said, 13.5), 22.0)
    middle = y + rows / 2
    parts: list[Node] = [link(event.claim.thing.href, block(said, 0, y, 13.5)), _when(event, scale, middle, lang)]
    return group(parts, class_="event"), y + rows + 8


def _when(event: Event, scale: _Scale | None, y: float, lang: str) -> Node:
    """The mark of an event: a diamond for a month, a bar for whole years, open to the left where only the end is told."""
    t = say(lang)
    kind = f"mark {event.claim.modality}"
    start, end = event.start, event.end
    if scale is None or (start is None and end is None):
        return node("circle", cx=LEFT + UNDATED / 2 - 8, cy=y, r=5, class_=f"{kind} unknown")
    if start is not None and end is None and start.month is not None:
        x = (scale.begin(start) + scale.finish(start)) / 2
        return group([node("path", d=f"M{x:.1f} {y - 7:.1f}l7 7l-7 7l-7 -7z", class_=kind), _beside(start.shown(), x, x, y, scale)])
    if start is None:
        assert end is not None
        right = scale.finish(end)
        left = max(scale.left, right - 90)
        parts = [node("line", x1=left, x2=right, y1=y, y2=y, class_=f"{kind} span open-left"), node("line", x1=right, x2=right, y1=y - 6, y2=y + 6, class_=f"{kind} span")]
        return group([*parts, _beside(t(f"by {end.shown()}", f"至 {end.shown()}"), left, right, y, scale)])
    left, right = scale.begin(start), scale.finish(end or start)
    bar = node("rect", x=left, y=y - 5, width=max(right - left, 3), height=10, class_=f"{kind} years")
    return group([bar, _beside(start.shown() + (f" – {end.shown()}" if end else ""), left, right, y, scale)])


def _set_off(name: str, x: float, bar: float, y: float, stages: Sequence[Stage], event: Event) -> Node:
    """An arrow from an event up to the stage that it set off, drawn as that is stated."""
    how = next(f.claim.modality for s in stages for f in s.facts if f.relation == "triggeredBy" and f.claim.thing == event.claim.thing)
    return node("path", d=f"M{x:.1f} {y + 4:.1f}V{bar + 5:.1f}", class_=f"edge trigger {how}", marker_end=f"url(#{name}-{how})")


def _beside(said: str, left: float, right: float, y: float, scale: _Scale) -> Node:
    """The date in words, at the side where there is room."""
    if right + 90 < scale.right:
        return node("text", said, x=right + 10, y=y + 4, font_size=SMALL, class_="muted halo")
    return node("text", said, x=left - 10, y=y + 4, font_size=SMALL, class_="muted halo", text_anchor="end")
