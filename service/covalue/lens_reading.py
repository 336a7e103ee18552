"""
What the lenses of a dataset show, read from its graphs: which lenses there are, what they hold, what they miss, and their statements.

Everything is asked of the store, so it is the same for any engine, and a lens that is only files needs nothing here.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyoxigraph as ox

from covalue.errors import InputError
from covalue.formats import Shape, by_name
from covalue.names import BASE, PREFIXES, expand, gaps_graph, lens_graph, trace_graph
from covalue.questions import bindings, short_id
from covalue.stores import Request, Store

LENS = BASE + "lens/"
GRAPH = PREFIXES["graph"] + "lens/"
PARTS = ("trace", "gaps")
"""Graphs beside the statements of a lens, by the names under which they are had."""
MOST_SHOWN = 40
"""Things of a class, and gaps of a kind, that are listed one by one."""
Texts = Mapping[str, str]


@dataclass(frozen=True)
class Thing:
    """Something named by an IRI, with its names by language."""

    iri: str
    names: Texts = field(default_factory=dict)

    def name(self, lang: str) -> str:
        """Its name in a language, else in any, else a short form of its IRI."""
        return self.names.get(lang) or next(iter(self.names.values()), short_id(self.iri))


@dataclass(frozen=True)
class Lens:
    """A lens: its short name, and what is said of it."""

    name: str
    titles: Texts
    descriptions: Texts
    sources: tuple[str, ...]
    vocabularies: tuple[str, ...]

    @property
    def graph(self) -> str:
        """The IRI of its graph."""
        return lens_graph(self.name)


@dataclass(frozen=True)
class Kind:
    """A class that occurs in a lens: how many things it has there, and the first of them."""

    thing: Thing
    number: int
    shown: tuple[Thing, ...]


@dataclass(frozen=True)
class Gap:
    """One gap: the thing at which something is missing, and the claims that speak of it."""

    focus: Thing
    claims: tuple[str, ...]


@dataclass(frozen=True)
class Missing:
    """All gaps of one kind: the shape that found them, what it says by language, their number, and the first of them."""

    shape: str
    messages: Texts
    number: int
    shown: tuple[Gap, ...]


def lenses(store: Store) -> dict[str, Lens]:
    """The lenses that a dataset describes, by short name."""
    present = set(store.graphs())
    said: dict[str, dict[str, list[tuple[str, str]]]] = {}
    query = f"""SELECT ?lens ?p ?o WHERE {{
        ?lens a <{expand("void:Dataset")}> ; ?p ?o . FILTER (STRSTARTS(STR(?lens), "{LENS}"))
    }} ORDER BY ?lens ?p ?o"""
    for row in bindings(store, query)[1]:
        about = said.setdefault(row["lens"]["value"][len(LENS) :], {})
        about.setdefault(row["p"]["value"], []).append((row["o"].get("xml:lang", ""), row["o"]["value"]))
    return {name: _lens(name, about) for name, about in sorted(said.items()) if trace_graph(name) in present}


def _lens(name: str, about: Mapping[str, Sequence[tuple[str, str]]]) -> Lens:
    def of(curie: str) -> Sequence[tuple[str, str]]:
        return about.get(expand(curie), ())

    sources, vocabularies = (tuple(text for _, text in of(curie)) for curie in ("dcterms:source", "void:vocabulary"))
    return Lens(name, dict(of("dcterms:title")), dict(of("dcterms:description")), sources, vocabularies)


def known_lens(store: Store, name: str) -> Lens:
    """
    Raises:
        InputError: there is no such lens; the nearest is named.
    """
    every = lenses(store)
    if name not in every:
        near = ", ".join(difflib.get_close_matches(name, every, n=1, cutoff=0) or ["-"])
        listed = ", ".join(every) or "-"
        raise InputError(f'there is no lens "{name}"; the nearest is "{near}", and there are {listed}.', f"没有视角“{name}”；最接近的是“{near}”，可用的有 {listed}。")
    return every[name]


def cases(store: Store, lens: str) -> list[str]:
    """The IRIs of the cases that were looked at through a lens."""
    return [r["c"]["value"] for r in bindings(store, f"SELECT ?c {{ GRAPH <{trace_graph(lens)}> {{ ?c a <{expand('vcc:Case')}> }} }} ORDER BY ?c")[1]]


def known_case(store: Store, lens: str, case: str) -> str:
    """
    The IRI of a case by its short name or IRI.

    Raises:
        InputError: there is no such case; the nearest is named.
    """
    every = cases(store, lens)
    iri = case if case in every else PREFIXES["case"] + case
    if iri not in every:
        names = {short_id(c): c for c in every}
        near = ", ".join(difflib.get_close_matches(case, names, n=1, cutoff=0) or ["-"])
        raise InputError(f'there is no case "{case}"; the nearest is "{near}".', f"没有案例“{case}”；最接近的是“{near}”。")
    return iri


def statements(lens: str, part: str = "", case: str | None = None) -> str:
    """
    The CONSTRUCT of the statements of a lens, of its trace or of its gaps.

    Args:
        part: `""`, `trace` or `gaps`.
        case: IRI of the case whose claims the statements come from; all without.
    """
    graph = f"{lens_graph(lens)}/{part}" if part else lens_graph(lens)
    if case is None:
        return f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}"
    pre = f"PREFIX prov: <{PREFIXES['prov']}> PREFIX rdf: <{PREFIXES['rdf']}> PREFIX vcc: <{PREFIXES['vcc']}> "
    of_case = f"prov:wasDerivedFrom/vcc:inCase <{case}>"
    if part == "gaps":
        return f"{pre}CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{graph}> {{ ?s vcc:inCase <{case}> ; ?p ?o }} }}"
    if part == "trace":
        known = f"{{ ?s {of_case} }} UNION {{ ?s vcc:inCase <{case}> }} UNION {{ ?s a vcc:Case FILTER (?s = <{case}>) }}"
        return f"{pre}CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{graph}> {{ {known} ?s ?p ?o }} }}"
    return f"{pre}CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{trace_graph(lens)}> {{ ?x rdf:subject ?s ; rdf:predicate ?p ; rdf:object ?o ; {of_case} }} }}"


def kinds(store: Store, lens: str, case: str | None = None) -> list[Kind]:
    """The classes that occur in a lens, most things first, with the first things of each."""
    pattern = _typed(lens, case)
    counted = bindings(store, f"SELECT ?class (COUNT(DISTINCT ?x) AS ?n) {{ {pattern} }} GROUP BY ?class ORDER BY DESC(?n) ?class")[1]
    named = _names(store, "", [row["class"]["value"] for row in counted])
    out = []
    for row in counted:
        iri = row["class"]["value"]
        found = bindings(store, f"SELECT DISTINCT ?x {{ VALUES ?class {{ <{iri}> }} {pattern} }} ORDER BY ?x LIMIT {MOST_SHOWN}")[1]
        things = [r["x"]["value"] for r in found]
        names = _names(store, lens_graph(lens), things)
        out.append(Kind(Thing(iri, named.get(iri, {})), int(row["n"]["value"]), tuple(Thing(x, names.get(x, {})) for x in things)))
    return out


def _typed(lens: str, case: str | None) -> str:
    """The pattern of the types that a lens gives, all or those that come from a case."""
    if case is None:
        return f"GRAPH <{lens_graph(lens)}> {{ ?x a ?class }}"
    prov, rdf, vcc = PREFIXES["prov"], PREFIXES["rdf"], PREFIXES["vcc"]
    return f"GRAPH <{trace_graph(lens)}> {{ ?st <{rdf}predicate> <{rdf}type> ; <{rdf}object> ?class ; <{rdf}subject> ?x ; <{prov}wasDerivedFrom> ?c . ?c <{vcc}inCase> <{case}> }}"


def _names(store: Store, graph: str, iris: Sequence[str]) -> dict[str, dict[str, str]]:
    """Names by IRI and language: `rdfs:label` and `schema:name`, from a graph, or from the default graph for an empty one."""
    if not iris:
        return {}
    listed = " ".join(f"<{iri}>" for iri in iris)
    pattern = f"?x <{PREFIXES['rdfs']}label>|<{PREFIXES['schema']}name> ?name"
    where = f"GRAPH <{graph}> {{ {pattern} }}" if graph else pattern
    names: dict[str, dict[str, str]] = {}
    for row in bindings(store, f"SELECT ?x ?name {{ VALUES ?x {{ {listed} }} {where} }} ORDER BY ?x ?name")[1]:
        names.setdefault(row["x"]["value"], {}).setdefault(row["name"].get("xml:lang", ""), row["name"]["value"])
    return names


def missing(store: Store, lens: str, case: str | None = None, most: int | None = MOST_SHOWN) -> list[Missing]:
    """
    The gaps of a lens by kind, most first, with the first `most` of each (all for None).

    A case is given by its IRI.
    """
    graph, sh = gaps_graph(lens), PREFIXES["sh"]
    of_case = f"?gap <{PREFIXES['vcc']}inCase> <{case}> ." if case else ""
    query = f"""SELECT ?gap ?shape ?focus ?claim {{ GRAPH <{graph}> {{
        ?gap <{sh}sourceShape> ?shape ; <{sh}focusNode> ?focus . {of_case}
        OPTIONAL {{ ?gap <{PREFIXES["prov"]}wasDerivedFrom> ?claim }}
    }} }} ORDER BY ?shape ?focus ?gap ?claim"""
    found: dict[str, dict[str, tuple[str, list[str]]]] = {}
    for row in bindings(store, query)[1]:
        _, claims = found.setdefault(row["shape"]["value"], {}).setdefault(row["gap"]["value"], (row["focus"]["value"], []))
        if "claim" in row:
            claims.append(row["claim"]["value"])
    messages = _messages(store, graph)
    out = [_missing(store, lens, shape, messages.get(shape, {}), list(gaps.values()), most) for shape, gaps in found.items()]
    return sorted(out, key=lambda m: (-m.number, m.shape))


def _messages(store: Store, graph: str) -> dict[str, dict[str, str]]:
    sh = PREFIXES["sh"]
    messages: dict[str, dict[str, str]] = {}
    for row in bindings(store, f"SELECT DISTINCT ?shape ?text {{ GRAPH <{graph}> {{ ?gap <{sh}sourceShape> ?shape ; <{sh}resultMessage> ?text }} }}")[1]:
        messages.setdefault(row["shape"]["value"], {})[row["text"].get("xml:lang", "")] = row["text"]["value"]
    return messages


def _missing(store: Store, lens: str, shape: str, messages: Texts, gaps: Sequence[tuple[str, list[str]]], most: int | None) -> Missing:
    shown = gaps[:most]
    names = _names(store, lens_graph(lens), sorted({focus for focus, _ in shown}))
    return Missing(shape, messages, len(gaps), tuple(Gap(Thing(focus, names.get(focus, {})), tuple(claims)) for focus, claims in shown))


def export(store: Store, format: str, lens: str, case: str | None = None) -> bytes:
    """
    The statements of a lens in an RDF format; formats for datasets keep the name of its graph.

    Args:
        format: its short name.
        case: short name or IRI of the case to keep to.

    Raises:
        InputError: there is no such format, lens or case.
    """
    wanted, plain = by_name(format, Shape.GRAPH) or by_name(format, Shape.DATASET), by_name("nt", Shape.GRAPH)
    if wanted is None or plain is None or not isinstance(wanted.engine, ox.RdfFormat):
        raise InputError(f"there is no RDF format {format}.", f"没有 RDF 格式 {format}。")
    known = known_lens(store, lens)
    query = statements(known.name, "", known_case(store, lens, case) if case else None)
    triples = sorted({q.triple for q in ox.parse(store.answer(Request(query), lambda _: plain).body, ox.RdfFormat.N_TRIPLES)}, key=str)
    used = {term.value for t in triples for term in (t.subject, t.predicate, t.object) if isinstance(term, ox.NamedNode)}
    prefixes = {prefix: ns for prefix, ns in PREFIXES.items() if any(iri.startswith(ns) for iri in used)}
    if wanted.engine.supports_datasets:
        graph = ox.NamedNode(known.graph)
        return ox.serialize([ox.Quad(t.subject, t.predicate, t.object, graph) for t in triples], format=wanted.engine, prefixes=prefixes) or b""
    return ox.serialize(triples, format=wanted.engine, prefixes=prefixes) or b""


def gaps_as_json(store: Store, names: Sequence[str], case: str | None) -> str:
    """The gaps of some lenses for machines: lens, shape, messages, and for each gap its focus and claims."""
    out = []
    for name in names:
        of = known_case(store, name, case) if case else None
        for kind in missing(store, name, of, None):
            gaps = [{"focus": gap.focus.iri, "claims": list(gap.claims)} for gap in kind.shown]
            out.append({"lens": name, "shape": kind.shape, "message": dict(kind.messages), "gaps": gaps})
    return json.dumps(out, ensure_ascii=False, indent=2) + "\n"


def gaps_as_text(store: Store, names: Sequence[str], case: str | None, lang: str) -> str:
    """The gaps of some lenses as lines for a terminal: what is missing and how often, and at which things."""
    lines = []
    for name in names:
        of = known_case(store, name, case) if case else None
        found = missing(store, name, of, None)
        lines.append(f"{name}: {sum(m.number for m in found)}")
        for kind in found:
            lines.append(f"  {kind.number:4}  {kind.messages.get(lang) or next(iter(kind.messages.values()), kind.shape)}")
            lines += [f"        {gap.focus.name(lang)}  <{gap.focus.iri}>" for gap in kind.shown]
    return "\n".join(lines) + "\n"
