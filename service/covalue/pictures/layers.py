"""
A layered layout of directed graphs, from left to right: ranks, places for long lines, few crossings, and straight runs.

The steps are those of Sugiyama, Tagawa and Toda (1981): turn the lines that close loops, give ranks by longest paths, order each rank by
the mean place of neighbours, and place nodes where the squares of their distances to their neighbours are least (pool adjacent violators).
Ties are broken by the order in which nodes are given, so the same graph gives the same picture.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SWEEPS = 12
Edge = tuple[str, str]


@dataclass(frozen=True)
class Size:
    """Width and height of a node."""

    width: float
    height: float


@dataclass(frozen=True)
class Place:
    """Where the upper left corner of a node is."""

    x: float
    y: float


@dataclass(frozen=True)
class Layout:
    """
    Places of nodes, and for each line the points between its ends (none for most); lines that run backwards are listed.

    `width` and `height` are those of the whole.
    """

    places: Mapping[str, Place]
    bends: Mapping[Edge, tuple[tuple[float, float], ...]]
    backwards: frozenset[Edge]
    width: float
    height: float


def layout(nodes: Mapping[str, Size], edges: Sequence[Edge], across: float = 54.0, between: float = 14.0, apart: float = 30.0) -> Layout:
    """
    The layout of a graph; parts that are not connected stand below each other, the largest first.

    Args:
        nodes: their sizes, in the order that breaks ties.
        edges: pairs of nodes; one from a node to itself is left out.
        across: distance of ranks.
        between: distance of nodes in a rank.
        apart: distance of parts.
    """
    places: dict[str, Place] = {}
    bends: dict[Edge, tuple[tuple[float, float], ...]] = {}
    backwards: set[Edge] = set()
    y = width = 0.0
    plain = [e for e in dict.fromkeys(edges) if e[0] != e[1]]
    for part in parts(nodes, plain):
        inside = set(part)
        found = _part({n: nodes[n] for n in part}, [e for e in plain if e[0] in inside], across, between)
        places |= {n: Place(p.x, p.y + y) for n, p in found.places.items()}
        bends |= {e: tuple((x, at + y) for x, at in points) for e, points in found.bends.items()}
        backwards |= found.backwards
        width = max(width, found.width)
        y += found.height + apart
    return Layout(places, bends, frozenset(backwards), width, max(y - apart, 0.0))


def parts(nodes: Iterable[str], edges: Iterable[Edge]) -> list[list[str]]:
    """The connected parts of a graph, the largest first."""
    near: dict[str, list[str]] = {n: [] for n in nodes}
    for a, b in edges:
        near[a].append(b)
        near[b].append(a)
    seen: set[str] = set()
    found: list[list[str]] = []
    order = {n: i for i, n in enumerate(near)}
    for start in near:
        if start in seen:
            continue
        todo, part = [start], set[str]()
        while todo:
            now = todo.pop()
            if now not in part:
                part.add(now)
                todo += near[now]
        seen |= part
        found.append(sorted(part, key=order.__getitem__))
    return sorted(found, key=lambda part: -len(part))


def strong(nodes: Iterable[str], edges: Iterable[Edge]) -> list[list[str]]:
    """
    The loops of a graph: sets of nodes of which each leads to every other (Tarjan), those of more than one node or with a line to itself.

    >>> strong("abc", [("a", "b"), ("b", "a"), ("b", "c")])
    [['a', 'b']]
    """
    after: dict[str, list[str]] = {n: [] for n in nodes}
    for a, b in edges:
        after[a].append(b)
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []
    order = {n: i for i, n in enumerate(after)}
    for root in after:
        if root in index:
            continue
        work = [(root, iter(after[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        while work:
            here, rest = work[-1]
            step = next(rest, None)
            if step is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[here])
                if low[here] == index[here]:
                    at = stack.index(here)
                    part, stack[at:] = stack[at:], []
                    if len(part) > 1 or here in after[here]:
                        found.append(sorted(part, key=order.__getitem__))
            elif step not in index:
                index[step] = low[step] = len(index)
                stack.append(step)
                work.append((step, iter(after[step])))
            elif step in stack:
                low[here] = min(low[here], index[step])
    return found


def cycles(nodes: Sequence[str], edges: Iterable[Edge], most: int = 60, effort: int = 50_000) -> list[list[str]]:
    """
    The elementary loops among some nodes, the shortest first.

    Each begins with its first node by the order given.

    Args:
        nodes, edges: the graph; edges to other nodes are passed over.
        most: so many loops at most.
        effort: so many steps are tried at most, since a dense graph has more paths than can be looked at; then the longer loops are missing.

    >>> cycles("abc", [("a", "b"), ("b", "a"), ("b", "c"), ("c", "a")])
    [['a', 'b'], ['a', 'b', 'c']]
    """
    order = {n: i for i, n in enumerate(nodes)}
    after: dict[str, list[str]] = {n: [] for n in nodes}
    for a, b in dict.fromkeys(edges):
        if a in order and b in order:
            after[a].append(b)
    found: list[list[str]] = []
    paths = [[n] for n in nodes]
    while paths and len(found) < most and effort > 0:
        longer = []
        for path in paths:
            effort -= len(after[path[-1]])
            if effort < 0:
                break
            found += [path for step in after[path[-1]] if step == path[0]]
            longer += [[*path, step] for step in after[path[-1]] if order[step] > order[path[0]] and step not in path]
        paths = longer
    return found[:most]


def _part(nodes: Mapping[str, Size], edges: Sequence[Edge], across: float, between: float) -> Layout:
    turned = _turned(nodes, edges)
    forward = list(dict.fromkeys((b, a) if (a, b) in turned else (a, b) for a, b in edges))
    rank = _ranks(nodes, forward)
    sizes, chains, columns = _with_places_for_lines(nodes, forward, rank)
    steps = [(a, b) for chain in chains.values() for a, b in itertools.pairwise(chain)]
    columns = _ordered(columns, steps)
    tops = _tops(columns, steps, sizes, between)
    lefts = _lefts(columns, sizes, across)
    places = {n: Place(lefts[rank[n]], tops[n]) for n in nodes}
    bends = {}
    for edge in edges:
        chain = chains[(edge[1], edge[0]) if edge in turned else edge]
        inner = [p for n in chain[1:-1] for p in _across_column(n, columns, sizes, tops, lefts)]
        if edge not in turned and sizes[chain[0]].width < _widest(columns[rank[chain[0]]], sizes):
            inner.insert(0, _across_column(chain[0], columns, sizes, tops, lefts)[1])  # past its wider neighbours before it turns
        bends[edge] = tuple(reversed(inner)) if edge in turned else tuple(inner)
    shift = min(tops.values(), default=0.0)
    height = max((tops[n] + sizes[n].height for n in tops), default=0.0) - shift
    places = {n: Place(p.x, p.y - shift) for n, p in places.items()}
    bends = {e: tuple((x, y - shift) for x, y in points) for e, points in bends.items()}
    width = max((places[n].x + nodes[n].width for n in nodes), default=0.0)
    return Layout(places, bends, frozenset(turned), width, height)


def _across_column(name: str, columns: Sequence[Sequence[str]], sizes: Mapping[str, Size], tops: Mapping[str, float], lefts: Sequence[float]) -> list[tuple[float, float]]:
    """A line passes a column of boxes straight: two points, at its left and right."""
    at = next(i for i, column in enumerate(columns) if name in column)
    y = tops[name] + sizes[name].height / 2
    return [(lefts[at], y), (lefts[at] + _widest(columns[at], sizes), y)]


def _turned(nodes: Iterable[str], edges: Sequence[Edge]) -> set[Edge]:
    """Lines that close a loop when nodes are visited in depth, in order; sources first, so that loops are entered where a story begins."""
    after: dict[str, list[str]] = {n: [] for n in nodes}
    entered: dict[str, int] = dict.fromkeys(after, 0)
    for a, b in edges:
        after[a].append(b)
        entered[b] += 1
    state: dict[str, int] = {}
    turned: set[Edge] = set()
    for root in sorted(after, key=lambda n: entered[n] > 0):
        if root in state:
            continue
        state[root] = 1
        work = [(root, iter(after[root]))]
        while work:
            here, rest = work[-1]
            step = next(rest, None)
            if step is None:
                state[here] = 2
                work.pop()
            elif state.get(step) == 1:
                turned.add((here, step))
            elif step not in state:
                state[step] = 1
                work.append((step, iter(after[step])))
    return turned


def _ranks(nodes: Iterable[str], edges: Sequence[Edge]) -> dict[str, int]:
    """The longest path to each node; sources move up to what they lead to."""
    before: dict[str, list[str]] = {n: [] for n in nodes}
    after: dict[str, list[str]] = {n: [] for n in nodes}
    for a, b in edges:
        after[a].append(b)
        before[b].append(a)
    missing = {n: len(before[n]) for n in before}
    ready = [n for n in before if not missing[n]]
    rank = dict.fromkeys(before, 0)
    for here in ready:
        for step in after[here]:
            rank[step] = max(rank[step], rank[here] + 1)
            missing[step] -= 1
            if not missing[step]:
                ready.append(step)
    for here in reversed(ready):
        if not before[here] and after[here]:
            rank[here] = min(rank[s] for s in after[here]) - 1
    lowest = min(rank.values(), default=0)
    return {n: r - lowest for n, r in rank.items()}


def _with_places_for_lines(nodes: Mapping[str, Size], edges: Sequence[Edge], rank: Mapping[str, int]) -> tuple[dict[str, Size], dict[Edge, list[str]], list[list[str]]]:
    """Sizes with those of places that long lines take up, the chain of each line, and the columns."""
    sizes, chains = dict(nodes), {}
    columns: list[list[str]] = [[] for _ in range(max(rank.values(), default=0) + 1)]
    for n in nodes:
        columns[rank[n]].append(n)
    for a, b in edges:
        inner = []
        for at in range(rank[a] + 1, rank[b]):
            name = f"\0{a}\0{b}\0{at}"
            sizes[name] = Size(0.0, 10.0)
            columns[at].append(name)
            inner.append(name)
        chains[(a, b)] = [a, *inner, b]
    return sizes, chains, columns


def _ordered(columns: list[list[str]], steps: Sequence[Edge]) -> list[list[str]]:
    """Columns in the order, of all that were tried, with the fewest crossings."""
    before: dict[str, list[str]] = {n: [] for column in columns for n in column}
    after: dict[str, list[str]] = {n: [] for n in before}
    for a, b in steps:
        after[a].append(b)
        before[b].append(a)
    best, fewest = columns, _crossings(columns, after)
    now = [list(c) for c in columns]
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        order = range(1, len(now)) if forward else range(len(now) - 2, -1, -1)
        for i in order:
            beside = {n: j for j, n in enumerate(now[i - 1 if forward else i + 1])}
            near = before if forward else after
            spot = {n: j for j, n in enumerate(now[i])}

            def mean(n: str, near: dict[str, list[str]] = near, beside: dict[str, int] = beside, spot: dict[str, int] = spot) -> float:
                found = [beside[m] for m in near[n] if m in beside]
                return sum(found) / len(found) if found else float(spot[n])

            now[i] = sorted(now[i], key=lambda n, mean=mean, spot=spot: (mean(n), spot[n]))  # type: ignore[misc]
        count = _crossings(now, after)
        if count < fewest:
            best, fewest = [list(c) for c in now], count
    return best


def _crossings(columns: Sequence[Sequence[str]], after: Mapping[str, Sequence[str]]) -> int:
    """How many lines cross between neighbouring columns."""
    count = 0
    for left, right in itertools.pairwise(columns):
        spot = {n: i for i, n in enumerate(right)}
        seen: list[int] = []
        for n in left:
            ends = sorted(spot[m] for m in after[n] if m in spot)
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _tops(columns: Sequence[Sequence[str]], steps: Sequence[Edge], sizes: Mapping[str, Size], between: float) -> dict[str, float]:
    """Where each node begins from above: near its neighbours, none over another."""
    near: dict[str, list[str]] = {n: [] for column in columns for n in column}
    for a, b in steps:
        near[a].append(b)
        near[b].append(a)
    middle: dict[str, float] = {}
    for column in columns:
        y = 0.0
        for n in column:
            middle[n] = y + sizes[n].height / 2
            y += sizes[n].height + between
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else list(reversed(columns)):
            wanted = [sum(middle[m] for m in near[n]) / len(near[n]) if near[n] else middle[n] for n in column]
            for n, y in zip(column, _spread(wanted, [sizes[n].height for n in column], between), strict=True):
                middle[n] = y
    return {n: middle[n] - sizes[n].height / 2 for n in middle}


def _spread(wanted: Sequence[float], heights: Sequence[float], between: float) -> list[float]:
    """
    Middles in the given order, as near to the wanted ones as can be without overlap (least squares).

    >>> _spread([5.0, 5.0], [10.0, 10.0], 0.0)
    [0.0, 10.0]
    """
    offsets = [0.0]
    for a, b in itertools.pairwise(heights):
        offsets.append(offsets[-1] + (a + b) / 2 + between)
    blocks: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=False):
        mean, count = want - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, more = blocks.pop()
            mean, count = (mean * count + other * more) / (count + more), count + more
        blocks.append((mean, count))
    means = [mean for mean, count in blocks for _ in range(count)]
    return [m + o for m, o in zip(means, offsets, strict=False)]


def _widest(column: Sequence[str], sizes: Mapping[str, Size]) -> float:
    return max((sizes[n].width for n in column), default=0.0)


def _lefts(columns: Sequence[Sequence[str]], sizes: Mapping[str, Size], across: float) -> list[float]:
    out, x = [], 0.0
    for column in columns:
        out.append(x)
        x += _widest(column, sizes) + across
    return out
