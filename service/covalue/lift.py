"""Rows to statements, driven by the column spec alone; the map from statements back to cells lets later checks name the cell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyoxigraph as ox

from covalue.cells import Cell, Row
from covalue.errors import Place
from covalue.names import IN_CASE, PREFIXES, RDF_TYPE, case_graph, expand

XSD = PREFIXES["xsd"]
DATATYPES = {
    "integer": XSD + "integer",
    "year": XSD + "integer",
    "month": XSD + "integer",
    "decimal": XSD + "decimal",
}
LITERALS = {"text", "string", "date", *DATATYPES}


@dataclass
class Lifted:
    """The statements of one folder, and for each (subject, property) the cell that stated it; property "" is the row itself."""

    quads: list[ox.Quad] = field(default_factory=list)
    places: dict[tuple[str, str], Place] = field(default_factory=dict)


def lift(rows: Iterable[Row], graph: str, case: str | None = None) -> Lifted:
    """
    The statements that rows make, in the named graph; rows of a case are also said to be `vcc:inCase` it.

    Cost: linear in the number of cells.
    """
    out = Lifted()
    name = ox.NamedNode(graph)
    in_case = ox.NamedNode(expand(f"case:{case}")) if case else None
    for row in rows:
        subject = ox.NamedNode(row.iri)
        out.places[row.iri, ""] = Place(row.path, row=row.number, cell="id")
        for curie in row.kind.classes:
            out.quads.append(ox.Quad(subject, ox.NamedNode(RDF_TYPE), ox.NamedNode(expand(curie)), name))
        if in_case and subject != in_case:
            out.quads.append(ox.Quad(subject, ox.NamedNode(IN_CASE), in_case, name))
        for cell in row.cells:
            if cell.column.property:
                _state(out, row, subject, cell, name)
    out.quads = list(dict.fromkeys(out.quads))
    return out


def lift_case(rows: Iterable[Row], case: str) -> Lifted:
    """`lift` for a case folder."""
    return lift(rows, case_graph(case), case)


def _state(out: Lifted, row: Row, subject: ox.NamedNode, cell: Cell, graph: ox.NamedNode) -> None:
    predicate = ox.NamedNode(cell.column.property)
    out.places.setdefault((row.iri, cell.column.property), Place(row.path, row=row.number, cell=cell.column.name))
    for value in cell.values:
        out.quads.append(ox.Quad(subject, predicate, _term(cell, value), graph))


def _term(cell: Cell, value: str) -> ox.NamedNode | ox.Literal:
    kind = cell.column.kind
    if kind == "text":
        return ox.Literal(value, language=cell.column.target[0])
    if kind in DATATYPES:
        return ox.Literal(value, datatype=ox.NamedNode(DATATYPES[kind]))
    if kind in LITERALS:
        return ox.Literal(value)
    return ox.NamedNode(value)
