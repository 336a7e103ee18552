"""Pictures: what is drawn, where, and that no text of the graph can be anything but text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covalue.pictures import arcs, canvas, causes, figures, matrix, network, structure, timeline
from covalue.pictures.layers import Size, cycles, layout, strong
from covalue.pictures.model import CITED, DERIVED, REPORTED, Claim, Moment, Thing
from covalue.pictures.svg import Node, Picture, node, write
from covalue.pictures.text import lines, width

SVG = "{http://www.w3.org/2000/svg}"
NASTY = '<script>alert("1")</script> & "quoted" \'single\' ]]> \x07 \u202e 小米 <b onload=x>'
NAMES = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=60)


def thing(name: str, label: str = "", href: str | None = "") -> Thing:
    return Thing(f"https://example.org/{name}", label or name, f"/{name}" if href == "" else href)


def claim(name: str, modality: str = REPORTED, label: str = "") -> Claim:
    return Claim(thing(name, label), modality, (thing("1-p1-s1"),))


def cause(name: str, before: str, after: str, modality: str = REPORTED, section: str = "1") -> causes.Cause:
    """A link from some situations to others, named by letters."""
    return causes.Cause(claim(name, modality), tuple(map(thing, before)), tuple(map(thing, after)), (thing(section),))


def general_link(name: str) -> causes.Cause:
    """A link about firms in general whose cause has a given name."""
    return causes.Cause(claim("l5", label=name), (thing("x", name),), (thing("a"),), general=True)


DIMENSIONS = tuple(Thing(f"https://w3id.org/covalue/scheme/dimension/value-{d}", f"value {d}", f"/{d}") for d in ("proposition", "creation", "delivery", "capture"))
COUNTS = {DIMENSIONS[1].iri: network.Count(2, 1, "/rows"), DIMENSIONS[3].iri: network.Count(0, 1, "/rows")}
FIRM, USERS, MAKERS = thing("firm"), thing("users"), thing("makers")


def a_network(label: str = "feedback") -> network.Network:
    flows = (
        network.Flow(USERS, FIRM, (network.Exchange(claim("e1"), USERS, FIRM, (thing("object", label),)),), "/flow"),
        network.Flow(FIRM, MAKERS, (network.Exchange(claim("e2", DERIVED), FIRM, MAKERS, (thing("money"),)),), "/flow2"),
        network.Flow(MAKERS, USERS, (network.Exchange(claim("e3", CITED), MAKERS, USERS, (thing("goods"),)),), "/flow3"),
    )
    actors = (network.Actor(USERS, network.USERS, (thing("user"),), COUNTS), network.Actor(MAKERS, network.PARTNERS), network.Actor(thing("nobody"), network.OTHERS))
    return network.Network(network.Actor(FIRM, "", (), COUNTS), actors, DIMENSIONS, flows, {DIMENSIONS[0].iri: (thing("mechanism"),)})


def a_figure(kind: str, value: float, unit: str = "count", name: str = "f") -> figures.Figure:
    return figures.Figure(claim(name), thing("indicator"), (thing("subject"),), thing(kind), value, thing(unit), None, "", "2023-12-31", thing("report"))


STAGES = (
    timeline.Stage(thing("first"), Moment(2010), None, (timeline.Fact("triggeredBy", claim("founding")), timeline.Fact("uses", claim("tool", DERIVED)))),
    timeline.Stage(thing("second"), Moment(2013, 6), Moment(2015), ()),
    timeline.Stage(thing("third"), None, None, ()),
)
EVENTS = (
    timeline.Event(claim("founding"), Moment(2010, 4), None),
    timeline.Event(claim("year"), Moment(2011), None),
    timeline.Event(claim("span"), Moment(2012), Moment(2014)),
    timeline.Event(claim("until", DERIVED), None, Moment(2014)),
    timeline.Event(claim("undated"), None, None),
)
LINKS = [cause("l1", "ab", "c"), cause("l2", "c", "d", DERIVED), cause("l3", "d", "a", CITED, "2"), cause("l4", "e", "f", section="2")]
INEXACT = (("more-than", 430), ("about", 10000), ("exactly", 94e6), ("up-to", 39.5))
STRUCTURE = [structure.Dimension(DIMENSIONS[0], (structure.Theme(thing("theme"), tuple((thing("kind"), claim(f"c{i}", DERIVED if i % 2 else REPORTED)) for i in range(14))),))]
EXAMPLES: dict[str, Callable[[str, str], Picture]] = {
    "timeline": lambda lang, x: timeline.draw("p", lang, x, [timeline.Stage(thing("s", x), Moment(2010), None, (timeline.Fact("uses", claim("u", DERIVED, x)),)), *STAGES], EVENTS),
    "network": lambda lang, x: network.draw("p", lang, x, a_network(x)),
    "matrix": lambda lang, x: matrix.draw("p", lang, x, [network.Actor(thing("a", x), "", (), COUNTS)], DIMENSIONS),
    "canvas": lambda lang, x: canvas.draw("p", lang, x, {"channels": [canvas.Entry(claim("c", DERIVED, x))]}),
    "causes": lambda lang, x: causes.draw("p", lang, x, [*LINKS, general_link(x)], causes.loops(LINKS).steps, thing("a").iri),
    "arcs": lambda lang, x: arcs.draw("p", lang, x, [arcs.Row(thing("1", x), 3, frozenset("ab"), "/1"), arcs.Row(thing("2"), 1, frozenset("b"), None)]),
    "figures": lambda lang, x: figures.draw("p", lang, x, [a_figure(k, v, "count", x or "f") for k, v in INEXACT]),
    "structure": lambda lang, x: structure.draw("p", lang, x, [*STRUCTURE, structure.Dimension(DIMENSIONS[1], (structure.Theme(thing("t", x), ()),))]),
}


def parsed(picture: Picture) -> ET.Element:
    return ET.fromstring(picture.document("text{}"))


def boxes(root: ET.Element, kind: str = "box") -> list[tuple[float, float, float, float]]:
    """Left, upper, right and lower edges of the boxes of a picture."""
    found = [r for r in root.iter(SVG + "rect") if kind in (r.get("class") or "").split()]
    return [(x, y, x + w, y + h) for x, y, w, h in ((float(r.get(k, 0)) for k in ("x", "y", "width", "height")) for r in found)]


def overlaps(found: list[tuple[float, float, float, float]]) -> list[object]:
    return [(a, b) for a, b in itertools.combinations(found, 2) if a[0] < b[2] - 0.5 and b[0] < a[2] - 0.5 and a[1] < b[3] - 0.5 and b[1] < a[3] - 0.5]


def texts(root: ET.Element) -> str:
    return " ".join(" ".join(t.itertext()) for t in root.iter(SVG + "text"))


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_picture_is_sound(kind: str, lang: str) -> None:
    """Well-formed, with a name and a description that it points to, ids used once, its language, and all boxes apart and inside."""
    root = parsed(EXAMPLES[kind](lang, "a title"))
    assert SVG + "svg" == root.tag
    assert lang == root.get("lang")
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    assert "a title" == root.findtext(SVG + "title")
    assert root.findtext(SVG + "desc")
    assert {root.get("aria-labelledby"), root.get("aria-describedby")} <= set(ids)
    assert set(re.findall(r"url\(#([^)]+)\)", ET.tostring(root, "unicode"))) <= set(ids)
    wide, high = map(float, str(root.get("viewBox")).split()[2:])
    assert [] == [b for b in boxes(root) if b[0] < 0 or b[1] < 0 or b[2] > wide + 1 or b[3] > high + 1]
    assert [] == overlaps(boxes(root))
    assert ("来源" in texts(root) or "情形" in texts(root) or re.search("[\u4e00-\u9fff]", texts(root))) if lang == "zh" else not re.search("[\u4e00-\u9fff]", texts(root))


@pytest.mark.parametrize("kind", EXAMPLES)
def test_no_text_becomes_markup(kind: str) -> None:
    """A hostile name is text in every place where it stands; what it would make is not there."""
    made = EXAMPLES[kind]("en", NASTY)
    root = parsed(made)
    assert not list(root.iter(SVG + "script"))
    assert not [e for e in root.iter() if e.tag.rpartition("}")[2] in ("script", "b") or any(k.startswith("on") for k in e.keys())]  # noqa: SIM118
    assert "\x07" not in made.inline()
    assert "\u202e" not in made.inline()
    assert '<script>alert("1")</script> & "quoted"' in str(root.findtext(SVG + "title"))


@pytest.mark.parametrize("kind", EXAMPLES)
@given(label=NAMES)
def test_any_name_can_be_drawn(kind: str, label: str) -> None:
    """Whatever the graph calls a thing, the picture is well-formed XML, twice the same."""
    made = EXAMPLES[kind]("zh", label)
    parsed(made)
    assert made.inline() == EXAMPLES[kind]("zh", label).inline()


@pytest.mark.parametrize(
    "made",
    [
        timeline.draw("p", "en", "t", [], [timeline.Event(claim("e"), None, None)]),
        timeline.draw("p", "en", "t", [timeline.Stage(thing("s"), None, None)], []),
        network.draw("p", "en", "t", network.Network(network.Actor(FIRM, ""), (), (), ())),
        matrix.draw("p", "en", "t", [], []),
        canvas.draw("p", "en", "t", {}),
        causes.draw("p", "en", "t", []),
        figures.draw("p", "en", "t", []),
        figures.draw("p", "en", "t", [a_figure("exactly", 0), a_figure("about", -3.5)]),
        structure.draw("p", "en", "t", []),
        arcs.draw("p", "en", "t", []),
    ],
    ids=lambda made: made.description[:30],
)
def test_next_to_nothing_can_be_drawn(made: Picture) -> None:
    parsed(made)
    assert made.width > 0
    assert made.height > 0


# --- the tree


@given(text=st.text(max_size=80), value=st.text(max_size=40))
def test_text_and_attributes_come_back(text: str, value: str) -> None:
    """What was put in is what an XML parser reads, but for characters that XML cannot carry or that turn text around."""
    shown = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]", "\ufffd", text)
    root = ET.fromstring(write(node("t", text, a=value.replace("\r", "").replace("\n", "").replace("\t", ""))))
    assert shown.replace("\r\n", "\n").replace("\r", "\n") == (root.text or "")
    assert "\ufffd" in str(root.get("a")) or root.get("a") == value.replace("\r", "").replace("\n", "").replace("\t", "")


def test_no_node_is_made_of_a_string() -> None:
    assert "<a>&lt;b&gt;</a>" == write(node("a", "<b>"))
    assert "<a><b/></a>" == write(node("a", Node("b")))


# --- texts


@given(text=st.text(max_size=200), most=st.integers(30, 300))
def test_lines_hold_all_words_and_fit(text: str, most: int) -> None:
    said = lines(text, most, 12)
    assert "".join(text.split()) == "".join("".join(said).split())
    assert all(width(line, 12) <= most + 13 or len(line) == 1 for line in said)


def test_lines_break_where_readers_expect() -> None:
    """Words stay whole, Chinese does not begin a line with a full stop, and what is cut says so."""
    assert ["two words", "here"] == lines("two words here", width("two words", 12) + 1, 12)
    assert all(not line.startswith("。") for n in range(30, 90) for line in lines("用户参与设计。小米改进产品。", n, 12))
    cut = lines("one two three four five six", 60, 12, 2)
    assert 2 == len(cut)
    assert cut[-1].endswith("…")


# --- layouts

GRAPHS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=24)


@given(edges=GRAPHS, heights=st.lists(st.integers(10, 90), min_size=12, max_size=12))
def test_layout_keeps_boxes_apart(edges: list[tuple[int, int]], heights: list[int]) -> None:
    """No two nodes overlap, all are inside of the whole, lines run to the right but for those that close a loop, and bends pass no node."""
    nodes = {str(i): Size(100, h) for i, h in enumerate(heights)}
    pairs = [(str(a), str(b)) for a, b in edges]
    found = layout(nodes, pairs)
    assert found == layout(nodes, pairs)
    spots = [(p.x, p.y, p.x + nodes[n].width, p.y + nodes[n].height) for n, p in ((n, found.places[n]) for n in nodes)]
    assert [] == overlaps(spots)
    assert all(0 <= s[0] and -0.01 <= s[1] and s[2] <= found.width + 0.01 and s[3] <= found.height + 0.01 for s in spots)
    plain = {e for e in pairs if e[0] != e[1]}
    assert plain == set(found.bends)
    assert all((found.places[a].x < found.places[b].x) != ((a, b) in found.backwards) for a, b in plain)
    inside = [(x, y) for points in found.bends.values() for x, y in points if any(s[0] < x < s[2] and s[1] < y < s[3] for s in spots)]
    assert [] == inside
    assert nx.is_directed_acyclic_graph(nx.DiGraph([e for e in plain if e not in found.backwards]))


@given(edges=GRAPHS)
def test_loops_are_those_of_networkx(edges: list[tuple[int, int]]) -> None:
    """Sets of nodes that lead to each other, and the elementary loops in them."""
    nodes = [str(i) for i in range(12)]
    pairs = [(str(a), str(b)) for a, b in edges]
    graph = nx.DiGraph(pairs)
    graph.add_nodes_from(nodes)
    expected = {frozenset(c) for c in nx.strongly_connected_components(graph) if len(c) > 1 or graph.has_edge(*list(c) * 2)}
    assert expected == {frozenset(c) for c in strong(nodes, pairs)}
    every = {tuple(_turned(c)) for c in itertools.islice(nx.simple_cycles(graph, length_bound=4), 500)}
    found = cycles(nodes, pairs, 10**6) if len(edges) < 14 else []
    assert not found or every == {tuple(_turned(c)) for c in found if len(c) <= 4}
    assert [len(c) for c in found] == sorted(len(c) for c in found)


def _turned(ring: list[str]) -> list[str]:
    at = ring.index(min(ring, key=int))
    return ring[at:] + ring[:at]


# --- single pictures


def marks(root: ET.Element, kind: str) -> list[ET.Element]:
    return [e for e in root.iter() if kind in (e.get("class") or "").split()]


def test_timeline_is_as_precise_as_the_source() -> None:
    """A month is a point in its year, a year a bar as long as the year, an open end is drawn open, and what has no date stands apart."""
    root = parsed(timeline.draw("p", "en", "t", STAGES, EVENTS))
    years = marks(root, "years")
    assert 2 == len(years)
    one, span = (float(str(e.get("width"))) for e in years)
    assert pytest.approx(3 * one, abs=0.5) == span
    first = float(str(years[0].get("x")))
    diamond = float(str(next(e for e in root.iter(SVG + "path") if (e.get("class") or "") == "mark reported").get("d")).split()[0][1:])
    assert pytest.approx(first - one * (1 - 3.5 / 12), abs=0.5) == diamond
    open_ends = [e for e in marks(root, "stage-bar") if "open" in str(e.get("class"))]
    assert (1, 2) == (len(open_ends), len(marks(root, "stage-bar")))
    assert 2 == len(marks(root, "unknown"))
    assert all(word in texts(root) for word in ("2010-04", "2011", "2012 – 2014", "by 2014", "2010 – end not stated", "2013-06 – 2015", "no date stated"))
    assert 1 == len(marks(root, "trigger"))
    assert "uses (derived): tool" in texts(root)


def test_network_draws_every_flow_and_count() -> None:
    """Each exchange is an arrow that leads to its rows, drawn as it is stated; each count leads to its rows, and where there is none nothing does."""
    root = parsed(network.draw("p", "en", "t", a_network()))
    flows = {str(e.get("data-flow")): e for e in marks(root, "flow")}
    assert {"users firm", "firm makers", "makers users"} == set(flows)
    assert ["/flow", "/flow2", "/flow3"] == [e.get("href") for e in flows.values()]
    assert "derived" in str(next(e for e in flows["firm makers"].iter(SVG + "path")).get("class"))
    ends = [float(x) for x in re.findall(r"[\d.]+", str(next(flows["users firm"].iter(SVG + "path")).get("d")))]
    assert ends[0] < ends[2], "from users on the left to the firm"
    cells = [a for a in root.iter(SVG + "a") if a.get("href") == "/rows"]
    assert 4 == len(cells)
    assert sorted("".join(t.itertext()) for c in cells for t in c.iter(SVG + "text")) == ["1", "1", "3", "3"]
    assert 12 == len(list(marks(root, "empty")))
    assert all(word in texts(root) for word in ("firm", "users", "makers", "nobody", "mechanism", "Actors without a stated role", "derived by the curator"))


def test_matrix_leaves_empty_what_is_empty() -> None:
    root = parsed(matrix.draw("p", "en", "t", [network.Actor(USERS, "", (), COUNTS)], DIMENSIONS))
    links = [a for a in root.iter(SVG + "a") if a.get("href") == "/rows"]
    assert ["2 (+1)", "(+1)"] == ["".join(t.itertext()) for a in links for t in a.iter(SVG + "text")]
    assert 2 == len(marks(root, "empty"))
    assert all(not list(e) for e in marks(root, "empty"))


def test_canvas_has_nine_blocks_whatever_is_known() -> None:
    entries = [canvas.Entry(claim(f"entry {i}", DERIVED if i % 2 else REPORTED)) for i in range(canvas.MOST + 3)]
    root = parsed(canvas.draw("p", "en", "t", {"resources": entries, "costs": entries[:3]}))
    assert 9 == len(marks(root, "block"))
    assert 7 == texts(root).count("nothing recorded")
    assert "and 3 more" in texts(root)
    drawn = list(root.iter(SVG + "a"))
    assert canvas.MOST + 3 == len(drawn)


def test_causal_map_draws_every_link() -> None:
    """A box for each situation, a dot where causes act together, an arrow for each step in the manner in which it is stated, loops apart."""
    found = causes.loops(LINKS)
    assert [{"a", "c", "d"}] == [{x.label for x in part} for part in found.sets]
    assert [["a", "c", "d"]] == [[x.label for x in ring] for ring in found.rounds]
    root = parsed(causes.draw("p", "en", "t", LINKS, found.steps, thing("c").iri))
    assert 6 == len(marks(root, "situation"))
    assert {"/a", "/b", "/c", "/d", "/e", "/f"} == {str(e.get("href")) for e in marks(root, "situation")}
    assert 2 == len(marks(root, "joint")), "one in the map and one in the legend"
    edges = [e for e in marks(root, "edge") if e.tag == SVG + "path"]
    assert 6 == len(edges), "three through the dot, and three more"
    looped = [e for e in edges if "loop" in str(e.get("class"))]
    assert 4 == len(looped), "from a through the dot to c, to d, and back"
    assert 1 == len(list(marks(root, "here")))
    assert "loop" not in str(next(e for e in edges if "l4" in ET.tostring(_parent(root, e), "unicode")).get("class"))


def _parent(root: ET.Element, child: ET.Element) -> ET.Element:
    return next(e for e in root.iter() if child in list(e))


def test_cuts_of_the_causal_map() -> None:
    assert ["l3", "l4"] == [c.claim.thing.label for c in causes.of_section(LINKS, thing("2").iri)]
    assert ["l1", "l2", "l3"] == [c.claim.thing.label for c in causes.of_loops(LINKS)]
    assert ["l1", "l2"] == [c.claim.thing.label for c in causes.around(LINKS, thing("c").iri, 1)]
    assert ["l1", "l2", "l3"] == [c.claim.thing.label for c in causes.around(LINKS, thing("c").iri, 2)]
    assert ["l4"] == [c.claim.thing.label for c in causes.around(LINKS, thing("f").iri, 6)]


@pytest.mark.parametrize(
    ("kind", "class_", "amount"),
    [("more-than", "beyond", "> 430"), ("at-least", "beyond", "≥ 430"), ("up-to", "under", "≤ 430"), ("about", "band", "≈ 430"), ("exactly", "limit", "430")],
)
def test_inexact_figures_are_drawn_as_such(kind: str, class_: str, amount: str) -> None:
    root = parsed(figures.draw("p", "en", "t", [a_figure(kind, 430)]))
    assert marks(root, class_)
    assert amount in texts(root)
    assert bool(marks(root, "limit")) == (kind in ("exactly", "up-to"))
    assert "as of 2023-12-31 · report" in texts(root)


def test_figures_share_an_honest_scale() -> None:
    """Bars grow with the figure; a logarithmic scale is said; percent end at a hundred; units do not mix."""
    root = parsed(figures.draw("p", "en", "t", [a_figure("exactly", v) for v in (10, 1000, 90_000)] + [a_figure("exactly", 50, "percent")]))
    long = [float(str(e.get("width"))) for e in marks(root, "bar")]
    assert long[:3] == sorted(long[:3])
    assert pytest.approx(long[3] * 2, abs=1) == figures.WIDTH - figures.LEFT - figures.RIGHT
    assert 1 == texts(root).count("(logarithmic scale)")
    assert "50 %" in texts(root)
    assert "90,000" in texts(root)


def test_figures_have_axes() -> None:
    """Powers of ten on a logarithmic scale, quarters of a hundred for percent, each place for a rank."""
    root = parsed(figures.draw("p", "en", "t", [*(a_figure("exactly", v) for v in (20, 90_000)), a_figure("exactly", 50, "percent"), a_figure("exactly", 3, "rank")]))
    numbers = [t.text for t in root.iter(SVG + "text") if t.get("text-anchor") == "middle"]
    assert ["10", "100", "1,000", "10,000", "0", "20", "40", "60", "80", "100", "1", "2", "3", "4", "5"] == numbers
    dot = next(e for e in root.iter(SVG + "circle"))
    assert dot.get("cx") == next(t.get("x") for t in root.iter(SVG + "text") if t.text == "3" and t.get("text-anchor") == "middle")


def test_structure_counts_what_it_leaves_out() -> None:
    root = parsed(structure.draw("p", "en", "t", STRUCTURE, most=10))
    assert 10 == texts(root).count("[1-p1-s1]")
    assert "and 4 more in the table" in texts(root)
    assert "italic: cited, or derived by the curator" in texts(root)


def test_sections_are_tied_by_what_they_share() -> None:
    rows = [arcs.Row(thing(n), 2, frozenset(s), f"/{n}") for n, s in (("1", "ab"), ("2", "bc"), ("3", "d"))]
    root = parsed(arcs.draw("p", "en", "t", rows))
    assert 1 == len(marks(root, "shared"))
    assert ["/1", "/2", "/3"] == [a.get("href") for a in root.iter(SVG + "a")]
