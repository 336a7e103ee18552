"""
The networks of a case as files for Gephi, Cytoscape, yEd, igraph and networkx: GraphML and GEXF 1.3, written with the standard library.

The value network has actors as nodes, and an arrow for each value exchange, from provider to receiver. The contribution network has an
arrow for each contribution, from the actor to each value dimension, to each mechanism through which it is made, and to each actor that
benefits. Every arrow is a claim of a source: it carries the claim's IRI, its modality (so that what is reported stays apart from what
is cited, recommended or derived), its scope, and the passages where it stands.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from covalue.errors import InputError
from covalue.formats import Format
from covalue.names import PREFIXES
from covalue.questions import LANGUAGES, Labels, bindings, portions, short_id
from covalue.stores import Store
from covalue.tabular import row

FORMATS: tuple[Format, ...] = (row("graphml", "application/graphml+xml", "graphml"), row("gexf", "application/gexf+xml", "gexf"))
WHICH = ("all", "value", "contributions")
VCC, CASE = PREFIXES["vcc"], PREFIXES["case"]
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
GRAPHML = "http://graphml.graphdrawing.org/xmlns"
GEXF = "http://gexf.net/1.3"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
KINDS = ("Firm", "PublicBody", "CustomerSegment", "ValueNetwork", "ActorGroup", "Mechanism", "ValueDimension")
"""Classes of nodes, a narrower one before a broader one."""
NODE_FIELDS = ("label", "label_en", "label_zh", "kind", "iri")
EDGE_FIELDS = ("label", "label_en", "label_zh", "kind", "modality", "scope", "what_en", "what_zh", "stage", "passages", "claim")
VALUE = """?claim a vcc:ValueExchange ; vcc:provider ?from ; vcc:receiver ?to . BIND ("exchange" AS ?kind) OPTIONAL { ?claim vcc:valueObject ?what }"""
CONTRIBUTIONS = """?claim a vcc:Contribution ; vcc:contributor ?from . OPTIONAL { ?claim vcc:contributedItem ?what }
  { ?claim vcc:towardsDimension ?to . BIND ("contribution" AS ?kind) }
  UNION { ?claim vcc:throughMechanism ?to . BIND ("participation" AS ?kind) }
  UNION { ?claim vcc:beneficiary ?to . BIND ("benefit" AS ?kind) }"""


@dataclass(frozen=True)
class Node:
    """A node: `id` is the short name of its IRI, `kind` the local name of its narrowest class among `KINDS`."""

    id: str
    iri: str
    kind: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Edge:
    """An arrow that a claim states. `what` is what passes, in each language; `passages` are short names, sorted."""

    id: str
    source: str
    target: str
    kind: str
    claim: str
    modality: str
    scope: str
    labels: Mapping[str, str]
    what: Mapping[str, str]
    stages: tuple[str, ...]
    passages: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """Nodes and edges, both sorted by id; no node is without an edge."""

    title: str
    version: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def network(store: Store, case: str | None = None, which: str = "all") -> Network:
    """
    The network of a case, or of all cases.

    Args:
        store: the dataset.
        case: short name of a case.
        which: one of `WHICH`.

    Raises:
        InputError: there is no such case or network; the nearest is named.
    """
    if which not in WHICH:
        near = difflib.get_close_matches(which, WHICH, n=1, cutoff=0)[0]
        raise InputError(f'there is no network "{which[:50]}"; the nearest is "{near}".', f"没有网络“{which[:50]}”；最接近的是“{near}”。")
    if case is not None:
        _check_case(store, case)
    wanted = [text for name, text in (("value", VALUE), ("contributions", CONTRIBUTIONS)) if which in ("all", name)]
    within = f"?claim vcc:inCase <{CASE}{case}> ." if case is not None else ""
    rows = [r for text in wanted for r in _rows(store, f"SELECT ?claim ?from ?to ?kind ?what WHERE {{ {within} {text} }} ORDER BY ?claim ?kind ?to ?what")]
    claims = _claims(store, within)
    iris = sorted({r[end] for r in rows for end in ("from", "to")}, key=short_id)
    labels = Labels(store).of({*iris, *(r[one] for r in rows for one in ("claim", "what") if one in r)})
    edges = sorted(_edges(rows, claims, labels), key=lambda e: e.id)
    kinds = _kinds(store, iris)
    nodes = tuple(Node(short_id(i), i, kinds.get(i, ""), labels.get(i, {})) for i in iris)
    return Network(f"covalue: {case or 'all cases'} ({which})", store.version, nodes, tuple(edges))


def _check_case(store: Store, case: str) -> None:
    known = [r["case"][len(CASE) :] for r in _rows(store, "SELECT ?case WHERE { ?case a vcc:Case } ORDER BY ?case")]
    if case not in known:
        near = difflib.get_close_matches(case, known, n=1, cutoff=0) or ["-"]
        raise InputError(f'there is no case "{case[:50]}"; the nearest is "{near[0]}".', f"没有案例“{case[:50]}”；最接近的是“{near[0]}”。")


def _rows(store: Store, select: str) -> list[dict[str, str]]:
    return [{k: v["value"] for k, v in r.items()} for r in bindings(store, f"PREFIX vcc: <{VCC}>\n{select}")[1]]


def _claims(store: Store, within: str) -> dict[str, dict[str, set[str]]]:
    """Modality, scope, stages and passages of each claim, by short names."""
    select = f"""SELECT ?claim ?name ?value WHERE {{ {within} ?claim ?p ?value
      VALUES (?p ?name) {{ (vcc:modality "modality") (vcc:scope "scope") (vcc:atStage "stage") (vcc:accordingTo "passage") }} }}"""
    out: dict[str, dict[str, set[str]]] = {}
    for r in _rows(store, select):
        out.setdefault(r["claim"], {}).setdefault(r["name"], set()).add(short_id(r["value"]))
    return out


def _kinds(store: Store, iris: Iterable[str]) -> dict[str, str]:
    kinds = " ".join(f"vcc:{k}" for k in KINDS)
    out: dict[str, str] = {}
    for listed in portions(iris):
        for r in _rows(store, f"SELECT ?x ?kind WHERE {{ VALUES ?x {{ {listed} }} VALUES ?kind {{ {kinds} }} ?x a ?kind }}"):
            kind = r["kind"][len(VCC) :]
            out[r["x"]] = min(out.get(r["x"], kind), kind, key=KINDS.index)
    return out


def _edges(rows: Iterable[Mapping[str, str]], claims: Mapping[str, Mapping[str, set[str]]], labels: Mapping[str, Mapping[str, str]]) -> Iterable[Edge]:
    what: dict[tuple[str, str, str, str], list[str]] = {}
    for r in rows:
        found = what.setdefault((r["claim"], r["kind"], r["from"], r["to"]), [])
        if "what" in r:
            found.append(r["what"])
    for (claim, kind, source, target), things in what.items():
        said = claims.get(claim, {})
        passing = {lang: "; ".join(sorted(_label(labels, t, lang) for t in set(things))) for lang in LANGUAGES} if things else {}
        one = {k: next(iter(sorted(said.get(k, ()))), "").rpartition("/")[2] for k in ("modality", "scope")}
        ident = f"{short_id(claim)}#{kind}-{short_id(source)}-{short_id(target)}"
        ends = short_id(source), short_id(target)
        yield Edge(ident, *ends, kind, claim, one["modality"], one["scope"], labels.get(claim, {}), passing, *(tuple(sorted(said.get(k, ()))) for k in ("stage", "passage")))


def _label(labels: Mapping[str, Mapping[str, str]], iri: str, lang: str) -> str:
    known = labels.get(iri, {})
    return known.get(lang) or next(iter(known.values()), short_id(iri))


# --- written down


def write(net: Network, extension: str, lang: str = "en") -> bytes:
    """
    A network in one of `FORMATS`, named by its extension.

    Args:
        lang: of the labels that a program shows; labels in both languages are there besides.
    """
    return {"graphml": graphml, "gexf": gexf}[extension](net, lang)


def _node_values(node: Node, lang: str) -> dict[str, str]:
    shown = node.labels.get(lang) or next(iter(node.labels.values()), node.id)
    return {"label": shown, "label_en": node.labels.get("en", ""), "label_zh": node.labels.get("zh", ""), "kind": node.kind, "iri": node.iri}


def _edge_values(edge: Edge, lang: str) -> dict[str, str]:
    shown = edge.labels.get(lang) or next(iter(edge.labels.values()), edge.kind)
    values = (
        edge.what.get(lang) or shown,
        *(edge.labels.get(x, "") for x in LANGUAGES),
        edge.kind,
        edge.modality,
        edge.scope,
        *(edge.what.get(x, "") for x in LANGUAGES),
        " ".join(edge.stages),
        " ".join(edge.passages),
        edge.claim,
    )
    return dict(zip(EDGE_FIELDS, values, strict=True))


def _clean(text: str) -> str:
    return NOT_XML.sub("\ufffd", text)


def graphml(net: Network, lang: str = "en") -> bytes:
    """A network as GraphML: directed, with parallel edges, all attributes as text."""
    root = ET.Element("graphml", {"xmlns": GRAPHML, "xmlns:xsi": XSI, "xsi:schemaLocation": f"{GRAPHML} {GRAPHML}/1.0/graphml.xsd"})
    for kind, fields in (("node", NODE_FIELDS), ("edge", EDGE_FIELDS)):
        for field in fields:
            ET.SubElement(root, "key", {"id": f"{kind}_{field}", "for": kind, "attr.name": field, "attr.type": "string"})
    for field in ("title", "version"):
        ET.SubElement(root, "key", {"id": f"graph_{field}", "for": "graph", "attr.name": field, "attr.type": "string"})
    graph = ET.SubElement(root, "graph", {"id": "covalue", "edgedefault": "directed"})
    _data(graph, "graph", {"title": net.title, "version": net.version})
    for node in net.nodes:
        _data(ET.SubElement(graph, "node", {"id": node.id}), "node", _node_values(node, lang))
    for edge in net.edges:
        ends = {"id": edge.id, "source": edge.source, "target": edge.target}
        _data(ET.SubElement(graph, "edge", ends), "edge", _edge_values(edge, lang))
    return _bytes(root)


def _data(parent: ET.Element, kind: str, values: Mapping[str, str]) -> None:
    for field, value in values.items():
        if value:
            ET.SubElement(parent, "data", {"key": f"{kind}_{field}"}).text = _clean(value)


def gexf(net: Network, lang: str = "en") -> bytes:
    """A network as GEXF 1.3."""
    root = ET.Element("gexf", {"xmlns": GEXF, "xmlns:xsi": XSI, "version": "1.3", "xsi:schemaLocation": f"{GEXF} {GEXF}/gexf.xsd"})
    meta = ET.SubElement(root, "meta")
    ET.SubElement(meta, "creator").text = "covalue"
    ET.SubElement(meta, "description").text = _clean(f"{net.title}, dataset {net.version}")
    graph = ET.SubElement(root, "graph", {"defaultedgetype": "directed", "mode": "static"})
    _declare(graph, "node", NODE_FIELDS[1:])
    _declare(graph, "edge", EDGE_FIELDS[1:])
    nodes = ET.SubElement(graph, "nodes", {"count": str(len(net.nodes))})
    for node in net.nodes:
        values = _node_values(node, lang)
        _attvalues(ET.SubElement(nodes, "node", {"id": node.id, "label": _clean(values.pop("label"))}), values)
    edges = ET.SubElement(graph, "edges", {"count": str(len(net.edges))})
    for edge in net.edges:
        values = _edge_values(edge, lang)
        ends = {"id": edge.id, "source": edge.source, "target": edge.target, "label": _clean(values.pop("label")), "kind": edge.kind, "weight": "1.0"}
        _attvalues(ET.SubElement(edges, "edge", ends), values)
    return _bytes(root)


def _declare(graph: ET.Element, kind: str, fields: Sequence[str]) -> None:
    attributes = ET.SubElement(graph, "attributes", {"class": kind})
    for field in fields:
        ET.SubElement(attributes, "attribute", {"id": f"{kind}_{field}", "title": field, "type": "string"})


def _attvalues(parent: ET.Element, values: Mapping[str, str]) -> None:
    kind = parent.tag
    held = ET.SubElement(parent, "attvalues")
    for field, value in values.items():
        if value:
            ET.SubElement(held, "attvalue", {"for": f"{kind}_{field}", "value": _clean(value)})


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root, " ")
    data: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"
