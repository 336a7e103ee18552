"""
Checks of what authors asserted: SHACL shapes over the facts, SPARQL checks over the ontology.

Shapes see facts before any reasoning, because a range would infer the very type that a shape asks for. Every result is
carried back to the table cell that stated it, where there is one. pySHACL is the judge; a build asks it only about what compiled
shapes (see `shacl`) find fault with, while `covalue check` asks it about everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyoxigraph as ox

from covalue.errors import Place, SourceError
from covalue.findings import Finding, Severity
from covalue.names import PREFIXES, shrink
from covalue.queries import load
from covalue.shacl import Facts, UnsureError, compile_shapes, statements

SH = PREFIXES["sh"]
SEVERITIES = {"Violation": Severity.VIOLATION, "Warning": Severity.WARNING, "Info": Severity.INFO}
Places = Mapping[tuple[str, str], Place]


def conforms(data: Iterable[ox.Quad], shapes: Iterable[ox.Quad], places: Places) -> list[Finding]:
    """
    What SHACL finds in the data, one finding for each result.

    Args:
        data: asserted facts, with the ontology, schemes and sources that shapes look at from them; graphs are ignored.
        shapes: parsed afresh for every run, since pySHACL changes the shapes graph that it is given.
        places: from (subject, property) to the cell that stated it.

    Source: SHACL (W3C 2017), section 3.6 (validation report).
    """
    import pyshacl

    _, report, _ = pyshacl.validate(_rdflib(data), shacl_graph=_rdflib(shapes), inference="none", inplace=True, advanced=False, meta_shacl=False)
    if not hasattr(report, "subjects"):
        raise SourceError(f"the shapes cannot be used: {report}", f"形状文件无法使用：{report}")
    return [_finding(report, node, places) for node in report.subjects(_sh("resultSeverity"))]


class Sieve:
    """
    Tells what surely conforms, so that the judge need not look at it.

    Args:
        shared: what every case rests on.
        shapes: where they hold anything that cannot be compiled, nothing is sure.
    """

    def __init__(self, shared: Iterable[ox.Quad], shapes: Iterable[ox.Quad]) -> None:
        self._shapes = compile_shapes(shapes)
        self._shared = Facts(statements(shared)) if self._shapes else None

    def shared_conforms(self) -> bool:
        """Whether what the cases rest on surely conforms."""
        return self._passes(self._shared)

    def conforms(self, facts: Iterable[ox.Quad]) -> bool:
        """Whether the facts of a case surely conform, on top of what all share."""
        try:
            return self._passes(Facts(statements(facts), self._shared))
        except UnsureError:
            return False

    def _passes(self, facts: Facts | None) -> bool:
        if self._shapes is None or facts is None:
            return False
        try:
            return next(self._shapes.results(facts), None) is None
        except UnsureError:
            return False


def _sh(name: str):  # type: ignore[no-untyped-def]
    from rdflib import URIRef

    return URIRef(SH + name)


def _rdflib(quads: Iterable[ox.Quad]):  # type: ignore[no-untyped-def]
    from rdflib import Graph

    lines = {f"{q.subject} {q.predicate} {q.object} .\n" for q in quads}
    return Graph(bind_namespaces="none").parse(data="".join(sorted(lines)), format="nt")


def _finding(report, node, places: Places) -> Finding:  # type: ignore[no-untyped-def]
    focus = str(report.value(node, _sh("focusNode")))
    path = str(report.value(node, _sh("resultPath")) or "")
    shape = str(report.value(node, _sh("sourceShape")) or "")
    value = report.value(node, _sh("value"))
    messages = {m.language: str(m) for m in report.objects(node, _sh("resultMessage"))}
    place = places.get((focus, path)) or places.get((focus, ""))
    severity = SEVERITIES.get(str(report.value(node, _sh("resultSeverity"))).rpartition("#")[2], Severity.VIOLATION)
    about = f"{shrink(focus)}" + (f", {shrink(path)}" if path else "")
    en = messages.get("en") or next(iter(messages.values()), "does not conform")
    return Finding(
        shrink(shape) if shape.startswith("http") else "shape",
        f"{about}: {en}",
        f"{about}：{messages.get('zh', en)}",
        place,
        shrink(str(value)) if value is not None else "",
        severity,
    )


def run_checks(files: Iterable[Path], dataset: Iterable[ox.Quad]) -> list[Finding]:
    """
    What the SPARQL checks of `queries/checks/` find: every row `?focus ?path ?value ?message` is a fault.

    Args:
        files: check files; severity and the Chinese summary stand in their headers.
        dataset: ontology and schemes; all graphs count as one.
    """
    store = ox.Store()
    store.extend(ox.Quad(q.subject, q.predicate, q.object) for q in dataset)
    found = []
    for file in files:
        query = load(file)
        severity = Severity.WARNING if query.header.get("severity") == "warning" else Severity.VIOLATION
        summary = query.header["summary"]
        rows = store.query(query.text)
        assert isinstance(rows, ox.QuerySolutions)  # every check is a SELECT
        for row in rows:
            focus, path, value, message = (row[i] for i in range(4))
            words = message.value if isinstance(message, ox.Literal) else summary["en"]
            shown = shrink(_plain(focus))
            where = f" ({shrink(_plain(path))})" if path is not None else ""
            found.append(
                Finding(
                    f"{file.parent.name}/{file.stem}",
                    f"{shown}{where}: {words}",
                    f"{shown}{where}：{summary['zh']}",
                    value=_plain(value) if value is not None else "",
                    severity=severity,
                )
            )
    return found


def _plain(term: object) -> str:
    return term.value if isinstance(term, (ox.NamedNode, ox.Literal)) else str(term)


def expected_shape(path: Path) -> str | None:
    """What an invalid example says that it must break: the text after `# expects:` in its first line."""
    found = re.match(r"#\s*expects:\s*(\S+)", path.read_text(encoding="utf-8"))
    return found.group(1) if found else None
