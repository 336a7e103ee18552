"""
Gaps: what the vocabulary of a lens asks for and the sources do not say.

The shapes of `ontology/shapes/lenses/<vocabulary>.ttl` look at what the lens makes of one case. What they find is no fault and nothing is
filled in: it is written into `graph:lens/<vocabulary>/gaps` as SHACL validation results with IRIs of their own, each with its case and
the claims from which the statements about its focus came.

The shapes are compiled (see `shacl`), which gives the same results as pySHACL; what is not compiled, or in doubt, pySHACL looks at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyoxigraph as ox

from covalue.errors import SourceError
from covalue.names import BASE, PREFIXES, gaps_graph
from covalue.shacl import Facts, Result, Shapes, UnsureError, compile_shapes

_SH, _RDF = PREFIXES["sh"], PREFIXES["rdf"]
_TYPE, _DERIVED, _IN_CASE = (ox.NamedNode(iri) for iri in (_RDF + "type", PREFIXES["prov"] + "wasDerivedFrom", PREFIXES["vcc"] + "inCase"))
_RESULT = ox.NamedNode(_SH + "ValidationResult")
Statement = tuple[str, str, str]
"""Subject, predicate and object as N-Triples writes them."""
KEPT = ("focusNode", "resultMessage", "resultPath", "resultSeverity", "sourceShape", "sourceConstraintComponent", "value")
"""What is kept of a result, where it is an IRI or a text."""


Said = list[tuple[str, ox.NamedNode | ox.Literal]]
"""What a result says, in order."""


@dataclass(frozen=True)
class Asked:
    """The shapes of one lens; compiled, if they can be."""

    quads: Sequence[ox.Quad]
    compiled: Shapes | None
    predicates: frozenset[str]
    """As N-Triples writes them: only statements with these are looked at."""


def asked(quads: Sequence[ox.Quad]) -> Asked:
    """What the shapes of a lens ask for."""
    return Asked(quads, compile_shapes(quads), frozenset({str(_TYPE), *(str(q.object) for q in quads)}))


def find(lens: str, case: str, made: Mapping[Statement, Iterable[str]], shapes: Asked) -> Iterator[str]:
    """
    The gaps in what a lens makes of a case, as lines of N-Quads.

    Args:
        lens: its name.
        case: IRI of the case.
        made: the statements of the lens, each with the claims behind it.
        shapes: of this lens.

    Source: SHACL (W3C 2017), section 3.6 (validation report).
    """
    if not made or not shapes.quads:
        return
    claims: dict[str, set[str]] = {}
    for (subject, _, _), sources in made.items():
        claims.setdefault(subject, set()).update(sources)
    graph = ox.NamedNode(gaps_graph(lens))
    for said in results(made, shapes):
        focus = next(value for name, value in said if name == "focusNode")
        digest = hashlib.sha256("\n".join(f"{name} {value}" for name, value in said).encode()).hexdigest()
        gap = f"<{BASE}lens/{lens}/gap/{digest[:24]}>"
        yield f"{gap} {_TYPE} {_RESULT} {graph} .\n"
        yield f"{gap} {_IN_CASE} <{case}> {graph} .\n"
        for name, value in said:
            yield f"{gap} <{_SH}{name}> {value} {graph} .\n"
        for claim in claims.get(str(focus), ()):
            yield f"{gap} {_DERIVED} {claim} {graph} .\n"


def results(made: Iterable[Statement], shapes: Asked) -> list[Said]:
    """What each result says: by the compiled shapes, or by pySHACL where these cannot tell."""
    looked_at = [s for s in made if s[1] in shapes.predicates]
    if shapes.compiled:
        try:
            return [_said(result) for result in shapes.compiled.results(Facts(looked_at))]
        except UnsureError:
            pass
    return list(judged(looked_at, shapes))


def _said(result: Result) -> Said:
    """
    What a compiled shape says, as pySHACL would.

    Raises:
        UnsureError: a message or a literal would be of pySHACL's wording.
    """
    if not result.shape.messages or result.value[:1] == '"':
        raise UnsureError
    terms = {
        "focusNode": result.focus,
        "resultPath": result.shape.path_iri,
        "resultSeverity": result.shape.severity,
        "sourceShape": result.shape.node,
        "sourceConstraintComponent": f"<{_SH}{result.component}ConstraintComponent>",
        "value": result.value,
    }
    said: Said = [(name, ox.NamedNode(term[1:-1])) for name, term in terms.items() if term[:1] == "<"]
    return sorted([*said, *(("resultMessage", message) for message in result.shape.texts)], key=str)


def judged(made: Iterable[Statement], shapes: Asked) -> Iterator[Said]:
    """What each result of pySHACL says; shapes are parsed afresh, since it changes the graph that it is given."""
    import pyshacl

    _, report, _ = pyshacl.validate(
        _graph(f"{' '.join(s)} .\n" for s in made if s[1] in shapes.predicates),
        shacl_graph=_graph(f"{q.subject} {q.predicate} {q.object} .\n" for q in shapes.quads),
        inference="none",
        inplace=True,
        advanced=False,
        meta_shacl=False,
    )
    if not hasattr(report, "subjects"):
        raise SourceError(f"the shapes of the lenses cannot be used: {report}", f"视角的形状文件无法使用：{report}")
    found: dict[str, Said] = {}
    for quad in ox.parse(report.serialize(format="nt"), ox.RdfFormat.N_TRIPLES):
        name = quad.predicate.value.removeprefix(_SH)
        if name in KEPT and isinstance(quad.object, (ox.NamedNode, ox.Literal)):
            found.setdefault(str(quad.subject), []).append((name, quad.object))
    yield from (sorted(said, key=str) for said in found.values() if any(name == "focusNode" for name, _ in said))


def _graph(lines: Iterable[str]):  # type: ignore[no-untyped-def]
    from rdflib import Graph

    return Graph(bind_namespaces="none").parse(data="".join(sorted(lines)), format="nt")
