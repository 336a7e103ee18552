"""
Gaps: what the vocabulary of a lens asks for and the sources do not say.

The shapes of `ontology/shapes/lenses/<vocabulary>.ttl` look at what the lens makes of one case. What they find is no fault and nothing is
filled in: it is written into `graph:lens/<vocabulary>/gaps` as SHACL validation results with IRIs of their own, each with its case and
the claims from which the statements about its focus came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyoxigraph as ox

from covalue.errors import SourceError
from covalue.names import BASE, PREFIXES, gaps_graph

_SH, _RDF = PREFIXES["sh"], PREFIXES["rdf"]
_TYPE, _DERIVED, _IN_CASE = (ox.NamedNode(iri) for iri in (_RDF + "type", PREFIXES["prov"] + "wasDerivedFrom", PREFIXES["vcc"] + "inCase"))
_RESULT = ox.NamedNode(_SH + "ValidationResult")
Statement = tuple[str, str, str]
"""Subject, predicate and object as N-Triples writes them."""
KEPT = ("focusNode", "resultMessage", "resultPath", "resultSeverity", "sourceShape", "sourceConstraintComponent", "value")
"""What is kept of a result, where it is an IRI or a text."""


def find(lens: str, case: str, made: Mapping[Statement, Iterable[str]], shapes: Sequence[ox.Quad]) -> Iterator[str]:
    """
    The gaps in what a lens makes of a case, as lines of N-Quads.

    Args:
        lens: its name.
        case: IRI of the case.
        made: the statements of the lens, each with the claims behind it.
        shapes: of this lens.

    Source: SHACL (W3C 2017), section 3.6 (validation report).
    """
    if not made or not shapes:
        return
    claims: dict[str, set[str]] = {}
    for (subject, _, _), sources in made.items():
        claims.setdefault(subject, set()).update(sources)
    graph = ox.NamedNode(gaps_graph(lens))
    for said in _results(made, shapes):
        focus = next(value for name, value in said if name == "focusNode")
        digest = hashlib.sha256("\n".join(f"{name} {value}" for name, value in said).encode()).hexdigest()
        gap = ox.NamedNode(f"{BASE}lens/{lens}/gap/{digest[:24]}")
        yield f"{ox.Quad(gap, _TYPE, _RESULT, graph)} .\n"
        yield f"{ox.Quad(gap, _IN_CASE, ox.NamedNode(case), graph)} .\n"
        for name, value in said:
            yield f"{ox.Quad(gap, ox.NamedNode(_SH + name), value, graph)} .\n"
        for claim in claims.get(str(focus), ()):
            yield f"{gap} {_DERIVED} {claim} {graph} .\n"


def _results(made: Iterable[Statement], shapes: Sequence[ox.Quad]) -> Iterator[list[tuple[str, ox.NamedNode | ox.Literal]]]:
    """
    What each result says, in order.

    Only statements whose property the shapes name are looked at; shapes are parsed afresh, since pySHACL changes the graph that it is given.
    """
    import pyshacl

    looked_at = {str(_TYPE), *(str(q.object) for q in shapes)}
    _, report, _ = pyshacl.validate(
        _graph(f"{' '.join(s)} .\n" for s in made if s[1] in looked_at),
        shacl_graph=_graph(f"{q.subject} {q.predicate} {q.object} .\n" for q in shapes),
        inference="none",
        inplace=True,
        advanced=False,
        meta_shacl=False,
    )
    if not hasattr(report, "subjects"):
        raise SourceError(f"the shapes of the lenses cannot be used: {report}", f"视角的形状文件无法使用：{report}")
    text = report.serialize(format="nt")
    results: dict[str, list[tuple[str, ox.NamedNode | ox.Literal]]] = {}
    for quad in ox.parse(text, ox.RdfFormat.N_TRIPLES):
        name = quad.predicate.value.removeprefix(_SH)
        if name in KEPT and isinstance(quad.object, (ox.NamedNode, ox.Literal)):
            results.setdefault(str(quad.subject), []).append((name, quad.object))
    yield from (sorted(said, key=str) for said in results.values() if any(name == "focusNode" for name, _ in said))


def _graph(lines: Iterable[str]):  # type: ignore[no-untyped-def]
    from rdflib import Graph

    return Graph(bind_namespaces="none").parse(data="".join(sorted(lines)), format="nt")
