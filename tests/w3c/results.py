"""
Results of queries in all their formats, read here and not by the engine (graphs are, by its parser), and compared.

Terms are tuples, so that they can be compared and sorted: `("I", iri)`, `("B", label)`, `("L", lexical, datatype, language, direction)`,
`("T", subject, predicate, object)`. A missing value is None. Blank nodes match up to renaming, over the whole answer.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree

import pyoxigraph as ox

from w3c.manifest import RDF

Term = tuple[Any, ...]
Row = tuple[Term | None, ...]
XSD = "http://www.w3.org/2001/XMLSchema#"
RS = "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"
SRX = "{http://www.w3.org/2005/sparql-results#}"
XML = "{http://www.w3.org/XML/1998/namespace}"
ITS = "{http://www.w3.org/2005/11/its}"
SHORT = (
    (re.compile(r"[+-]?\d+"), XSD + "integer"),
    (re.compile(r"[+-]?\d*\.\d+"), XSD + "decimal"),
    (re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)[eE][+-]?\d+"), XSD + "double"),
    (re.compile(r"true|false"), XSD + "boolean"),
)
QUOTED = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\')(?:@([A-Za-z]+(?:-[A-Za-z0-9]+)*)(?:--(\w+))?|\^\^<([^>]*)>)?', re.S)
ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.S)
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
PLAIN = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(frozen=True)
class Table:
    """Solutions: the names of the columns, and rows in their order."""

    names: tuple[str, ...]
    rows: tuple[Row, ...]
    ordered: bool = False

    def sorted(self) -> Table:
        """With columns in the order of their names."""
        order = sorted(range(len(self.names)), key=self.names.__getitem__)
        return Table(tuple(self.names[i] for i in order), tuple(tuple(row[i] for i in order) for row in self.rows), self.ordered)


@dataclass(frozen=True)
class Graph:
    """Statements."""

    rows: tuple[Row, ...]


Result = Table | Graph | bool


# --- terms


def literal(value: str, datatype: str | None = None, language: str | None = None, direction: str | None = None) -> Term:
    """A literal; a text without a datatype is an xsd:string (RDF 1.1), and languages are compared without regard to case."""
    if language:
        datatype = RDF + ("dirLangString" if direction else "langString")
    return ("L", value, datatype or XSD + "string", (language or "").lower(), direction or "")


def term(node: Any) -> Term:
    """A term of the engine."""
    if isinstance(node, ox.NamedNode):
        return ("I", node.value)
    if isinstance(node, ox.BlankNode):
        return ("B", node.value)
    if isinstance(node, ox.Triple):
        return ("T", term(node.subject), term(node.predicate), term(node.object))
    direction = getattr(node, "direction", None)
    return literal(node.value, node.datatype.value, node.language, None if direction is None else str(direction.value if hasattr(direction, "value") else direction))


def _node(wanted: Term) -> Any:
    kind = wanted[0]
    if kind == "I":
        return ox.NamedNode(wanted[1])
    if kind == "B":
        return ox.BlankNode(re.sub(r"\W", "x", wanted[1]))
    if kind == "T":
        return ox.Triple(*map(_node, wanted[1:]))
    _, value, datatype, language, direction = wanted
    if direction:
        return ox.Literal(value, language=language, direction=ox.BaseDirection(direction))
    return ox.Literal(value, language=language) if language else ox.Literal(value, datatype=ox.NamedNode(datatype))


@lru_cache(maxsize=100_000)
def stored(wanted: Term | None) -> Term | None:
    """A term as it comes out of the engine's storage, which keeps many numbers, booleans and dates by value; of CSV, a number by value."""
    if wanted is None or wanted[0] in "IB":
        return wanted
    if wanted[0] == "C":
        return ("C", repr(float(wanted[1]))) if any(pattern.fullmatch(wanted[1]) for pattern, _ in SHORT[:3]) else wanted
    if wanted[0] == "T":
        return ("T", *map(stored, wanted[1:]))
    store = ox.Store()
    store.add(ox.Quad(ox.NamedNode("urn:s"), ox.NamedNode("urn:p"), _node(wanted)))
    return term(next(iter(store)).object)


# --- reading


def not_xml(result: Result) -> bool:
    """Whether it holds characters that no XML 1.0 document may hold."""
    return not isinstance(result, bool) and any(NOT_XML.search(text) for text in _texts(result.rows))


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _texts(part)


def has_triples(result: Result) -> bool:
    """Whether a value is a triple (RDF 1.2)."""
    return not isinstance(result, bool) and any(t is not None and t[0] == "T" for row in result.rows for t in row)


def of_engine(results: Any) -> Result:
    """What the engine gives in process."""
    if isinstance(results, ox.QueryBoolean):
        return bool(results)
    if isinstance(results, ox.QueryTriples):
        return Graph(tuple((term(t.subject), term(t.predicate), term(t.object)) for t in results))
    names = tuple(v.value for v in results.variables)
    return Table(names, tuple(tuple(None if s[n] is None else term(s[n]) for n in names) for s in results))


def read_json(data: bytes) -> Result:
    """SPARQL 1.1 (and 1.2) Query Results JSON."""
    raw = json.loads(data.decode("utf-8"))
    if "boolean" in raw:
        return bool(raw["boolean"])
    names = tuple(raw["head"]["vars"])
    assert all(set(b) <= set(names) for b in raw["results"]["bindings"]), "a binding is not in head"
    return Table(names, tuple(tuple(_json_term(b[n]) if n in b else None for n in names) for b in raw["results"]["bindings"]))


def _json_term(raw: Any) -> Term:
    kind, value = raw["type"], raw["value"]
    if kind == "triple":
        return ("T", *(_json_term(value[p]) for p in ("subject", "predicate", "object")))
    if kind in ("uri", "bnode"):
        return ("I" if kind == "uri" else "B", value)
    assert kind in ("literal", "typed-literal"), kind
    return literal(value, raw.get("datatype"), raw.get("xml:lang"), raw.get("its:dir"))


def read_xml(data: bytes) -> Result:
    """SPARQL Query Results XML."""
    root = ElementTree.fromstring(data)
    assert root.tag == f"{SRX}sparql", root.tag
    boolean = root.find(f"{SRX}boolean")
    if boolean is not None:
        return (boolean.text or "").strip() == "true"
    names = tuple(v.attrib["name"] for v in root.iterfind(f"{SRX}head/{SRX}variable"))
    rows = []
    for result in root.iterfind(f"{SRX}results/{SRX}result"):
        bound = {b.attrib["name"]: _xml_term(b[0]) for b in result.iterfind(f"{SRX}binding")}
        assert set(bound) <= set(names), "a binding is not in head"
        rows.append(tuple(bound.get(n) for n in names))
    return Table(names, tuple(rows))


def _xml_term(element: ElementTree.Element) -> Term:
    kind, text = element.tag.removeprefix(SRX), element.text or ""
    if kind == "triple":
        return ("T", *(_xml_term(element.find(f"{SRX}{p}")[0]) for p in ("subject", "predicate", "object")))  # type: ignore[index]
    if kind in ("uri", "bnode"):
        return ("I" if kind == "uri" else "B", text.strip())
    assert kind == "literal", kind
    return literal(text, element.get("datatype"), element.get(f"{XML}lang"), element.get(f"{ITS}dir"))


def read_tsv(data: bytes) -> Table:
    """SPARQL 1.1 TSV."""
    head, *lines = data.decode("utf-8").replace("\r\n", "\n").removesuffix("\n").split("\n")
    names = tuple(n.removeprefix("?").removeprefix("$") for n in head.split("\t")) if head else ()
    rows = []
    for line in lines:
        cells = line.split("\t") if names else []
        assert len(cells) == len(names), line
        rows.append(tuple(turtle_term(c) if c else None for c in cells))
    return Table(names, tuple(rows))


def turtle_term(text: str) -> Term:
    """A term as Turtle writes it, all of it."""
    found, end = _turtle_term(text, 0)
    assert not text[end:].strip(), text
    return found


def _turtle_term(text: str, at: int) -> tuple[Term, int]:
    while text[at : at + 1] == " ":
        at += 1
    if text.startswith("<<(", at):
        parts, at = [], at + 3
        for _ in range(3):
            part, at = _turtle_term(text, at)
            parts.append(part)
        end = text.index(")>>", at)
        return ("T", *parts), end + 3
    if text[at] == "<":
        end = text.index(">", at)
        return ("I", _unescape(text[at + 1 : end])), end + 1
    quoted = QUOTED.match(text, at)
    if quoted:
        value = quoted[1] if quoted[1] is not None else quoted[2]
        return literal(_unescape(value), quoted[5], quoted[3], quoted[4]), quoted.end()
    word = re.compile(r"[^\s)]+").match(text, at)
    assert word, text
    if word[0].startswith("_:"):
        return ("B", word[0][2:]), word.end()
    datatype = next((d for pattern, d in SHORT if pattern.fullmatch(word[0])), None)
    assert datatype, f"no term: {text}"
    return literal(word[0], datatype), word.end()


def _unescape(text: str) -> str:
    return ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else PLAIN.get(m[3], m[3]), text)


def read_csv(data: bytes) -> Table:
    """SPARQL 1.1 CSV: texts, and nothing more about them but which are blank nodes; see `as_csv`."""
    head, *rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
    return Table(tuple(head), tuple(tuple(_cell(c) for c in (row or [""])[: len(head)]) for row in rows))


def _cell(text: str) -> Term:
    return ("B", text[2:]) if text.startswith("_:") else ("C", text)


def as_csv(table: Table) -> Table:
    """What CSV can say of a table."""
    return Table(table.names, tuple(tuple(_flat(t) for t in row) for row in table.rows), table.ordered)


def _flat(value: Term | None) -> Term:
    if value is None:
        return ("C", "")
    return _cell(f"_:{value[1]}") if value[0] == "B" else ("C", value[1])


def read_graph(data: bytes, rdf: ox.RdfFormat, base: str | None = None) -> Graph:
    """A graph in any RDF format, each statement once."""
    return Graph(tuple(dict.fromkeys((term(q.subject), term(q.predicate), term(q.object)) for q in ox.parse(data, format=rdf, base_iri=base))))


def read_expected(data: bytes, extension: str, base: str) -> Result:
    """The expected result of a test, by the extension of its file; a graph may hold a table in the old result-set vocabulary."""
    readers: dict[str, Callable[[bytes], Result]] = {"srx": read_xml, "srj": read_json, "tsv": read_tsv, "csv": read_csv}
    if extension in readers:
        return readers[extension](data)
    graph = read_graph(data, ox.RdfFormat.from_extension(extension), base)
    heads = [s for s, p, o in graph.rows if (p, o) == (("I", RDF + "type"), ("I", RS + "ResultSet"))]
    return _result_set(graph, heads[0]) if heads else graph


def _result_set(graph: Graph, head: Term | None) -> Result:
    index: defaultdict[tuple[Term | None, str], list[Term]] = defaultdict(list)
    for s, p, o in graph.rows:
        assert s and p and o
        index[s, p[1].removeprefix(RS)].append(o)
    if index[head, "boolean"]:
        return bool(index[head, "boolean"][0][1] == "true")
    names = tuple(o[1] for o in index[head, "resultVariable"])
    rows = []
    for solution in index[head, "solution"]:
        bound = {index[b, "variable"][0][1]: index[b, "value"][0] for b in index[solution, "binding"]}
        place = index[solution, "index"]
        rows.append((int(place[0][1]) if place else None, tuple(bound.get(n) for n in names)))
    ordered = bool(rows) and all(place is not None for place, _ in rows)
    if ordered:
        rows.sort(key=lambda r: r[0] or 0)
    return Table(names, tuple(row for _, row in rows), ordered)


# --- comparing


def same(left: Result, right: Result, *, ordered: bool = False, lax: bool = False) -> bool:
    """
    Whether two results are equal but for the names of blank nodes.

    Args:
        ordered: whether the order of rows counts.
        lax: whether duplicates may be missing on the right (REDUCED).
    """
    if isinstance(left, Table) and isinstance(right, Table):
        a, b = left.sorted(), right.sorted()
        if a.names != b.names:
            return False
        if lax:
            return same_rows(tuple(dict.fromkeys(a.rows)), tuple(dict.fromkeys(b.rows))) and not Counter(b.rows) - Counter(a.rows)
        if ordered:  # the place goes along as a value, so that each row can only match its own
            return same_rows(tuple((("C", str(i)), *r) for i, r in enumerate(a.rows)), tuple((("C", str(i)), *r) for i, r in enumerate(b.rows)))
        return same_rows(a.rows, b.rows)
    if isinstance(left, Graph) and isinstance(right, Graph):
        return same_rows(tuple(set(left.rows)), tuple(set(right.rows)))
    return isinstance(left, bool) and isinstance(right, bool) and left == right


def as_stored(result: Result) -> Result:
    """With all terms as they come out of the engine's storage."""
    if isinstance(result, bool):
        return result
    rows = tuple(tuple(stored(t) for t in row) for row in result.rows)
    return Table(result.names, rows, result.ordered) if isinstance(result, Table) else Graph(rows)


def same_rows(left: Sequence[Row], right: Sequence[Row]) -> bool:
    """Whether two bags of rows are equal under some one-to-one renaming of blank nodes."""
    if len(left) != len(right):
        return False
    one, two = _colours(left), _colours(right)
    a, b = ([(row, _paint(row, colours)) for row in rows] for rows, colours in ((left, one), (right, two)))
    if Counter(c for _, c in a) != Counter(c for _, c in b):
        return False
    choices: defaultdict[Any, list[Row]] = defaultdict(list)
    for row, colour in b:
        choices[colour].append(row)
    todo = sorted(((row, colour) for row, colour in a if any(True for _ in _blanks(row))), key=lambda r: len(choices[r[1]]))
    return _match(todo, 0, choices, {}, {})


def _match(todo: list[tuple[Row, Any]], at: int, choices: dict[Any, list[Row]], there: dict[Term, Term], back: dict[Term, Term]) -> bool:
    if at == len(todo):
        return True
    row, colour = todo[at]
    options = choices[colour]
    for i, option in enumerate(options):
        added: list[tuple[Term, Term]] = []
        if _unify(row, option, there, back, added):
            del options[i]
            if _match(todo, at + 1, choices, there, back):
                return True
            options.insert(i, option)
        for x, y in added:
            del there[x], back[y]
    return False


def _unify(x: Any, y: Any, there: dict[Term, Term], back: dict[Term, Term], added: list[tuple[Term, Term]]) -> bool:
    if isinstance(x, tuple) and x and x[0] == "B" and isinstance(y, tuple) and y and y[0] == "B":
        if x in there or y in back:
            return there.get(x) == y and back.get(y) == x
        there[x], back[y] = y, x
        added.append((x, y))
        return True
    if isinstance(x, tuple) and isinstance(y, tuple):
        return len(x) == len(y) and all(_unify(i, j, there, back, added) for i, j in zip(x, y, strict=True))
    return bool(x == y)


def _blanks(value: Any) -> Iterable[Term]:
    if isinstance(value, tuple):
        if len(value) == 2 and value[0] == "B":
            yield value
        else:
            for part in value:
                yield from _blanks(part)


def _paint(value: Any, colours: dict[Term, int]) -> Any:
    if isinstance(value, tuple):
        return ("B", colours[value]) if len(value) == 2 and value[0] == "B" else tuple(_paint(v, colours) for v in value)
    return value


def _colours(rows: Sequence[Row]) -> dict[Term, int]:
    """A colour for each blank node by where it stands, the same on both sides: hashes, refined until they tell no more apart."""
    found: defaultdict[Term, list[tuple[Row, int]]] = defaultdict(list)
    for row in rows:
        for place, node in enumerate(_blanks(row)):
            found[node].append((row, place))
    colours = dict.fromkeys(found, 0)
    for _ in range(len(found)):
        new = {n: hash(tuple(sorted((hash(_paint(row, colours)), place) for row, place in where))) for n, where in found.items()}
        done = len(set(new.values())) == len(set(colours.values()))
        colours = new
        if done:
            break
    return colours
