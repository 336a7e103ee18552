"""
Turtle: reading it with places, and writing the one canonical form of the house (`covalue fmt`).

The form is gist's and DCAT's: a subject alone on its line, one statement a line, fixed order, the dot alone.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyoxigraph as ox

from covalue.errors import Place, SourceError
from covalue.names import ONTOLOGY_IRI, PREFIXES

Node = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
Statements = dict[Node, dict[str, list[Node]]]

RDF, RDFS, OWL, SKOS, SH = (PREFIXES[p] for p in ("rdf", "rdfs", "owl", "skos", "sh"))
TYPE = RDF + "type"
NIL = RDF + "nil"
IS_DEFINED_BY = RDFS + "isDefinedBy"

SECTIONS: tuple[tuple[str, ...], ...] = (
    (OWL + "Ontology", SKOS + "ConceptScheme"),
    (OWL + "AnnotationProperty",),
    (OWL + "Class", RDFS + "Class"),
    (OWL + "ObjectProperty",),
    (OWL + "DatatypeProperty",),
)
PREDICATES = [
    "rdf:type", "rdfs:subClassOf", "rdfs:subPropertyOf", "owl:equivalentClass", "owl:disjointWith", "rdfs:domain",
    "rdfs:range", "owl:inverseOf", "owl:propertyChainAxiom", "owl:intersectionOf", "owl:onProperty",
    "vcc:ordinal", "vcc:directlyPrecedes", "dcterms:title", "rdfs:label", "skos:prefLabel", "skos:altLabel",
    "skos:definition", "dcterms:description", "dcterms:abstract", "skos:scopeNote", "skos:example", "skos:notation",
    "skos:inScheme", "skos:broader", "skos:topConceptOf", "dcterms:source", "skos:editorialNote", "vs:term_status",
    "owl:deprecated", "dcterms:isReplacedBy", "sh:targetClass", "sh:path", "sh:property", "sh:message",
]  # fmt: skip
RANK = {PREFIXES[c.split(":")[0]] + c.split(":")[1]: i for i, c in enumerate(PREDICATES)}
LAST = {IS_DEFINED_BY: 1}
LOCAL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")
NUMERIC = {
    PREFIXES["xsd"] + "integer": re.compile(r"[+-]?[0-9]+"),
    PREFIXES["xsd"] + "decimal": re.compile(r"[+-]?[0-9]*\.[0-9]+"),
    PREFIXES["xsd"] + "boolean": re.compile(r"true|false"),
}
TOKEN = re.compile(
    r"""(?P<iri><[^<>"{}|^`\\\x00-\x20]*>)|(?P<string>\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    r"""|(?P<comment>\#[^\n]*)|(?P<other>.)""",
    re.S | re.X,
)
LANGUAGES = {"en": 0, "zh": 1}


def read(path: Path, shown: str | None = None) -> list[ox.Quad]:
    """
    The statements of a Turtle file, in the order of the file, in the default graph.

    Raises:
        SourceError: the file cannot be read or parsed; its place has line and column.
    """
    name = shown or str(path)
    try:
        return list(ox.parse(path.read_bytes(), ox.RdfFormat.TURTLE))
    except SyntaxError as e:
        raise SourceError(
            f"is not Turtle: {e.msg}.",
            f"不是合法的 Turtle：{e.msg}。",
            Place(name, e.lineno, e.offset),
        ) from e
    except OSError as e:
        raise SourceError(f"cannot be read: {e.strerror}.", f"无法读取：{e.strerror}。", Place(name)) from e


def canonical(path: Path, shown: str | None = None) -> str:
    """
    The file's text in house style: header comment kept, prefixes sorted and only those used, sections and blocks in order.

    Idempotent; the result parses to an isomorphic graph plus the `rdfs:isDefinedBy` that nobody has to type.

    Raises:
        SourceError: not Turtle; a comment below the header, which would be lost; a blank node used more than once.
    """
    name = shown or str(path)
    quads = read(path, name)
    text = path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    header = _header(text, name)
    return _Writer(quads, name, _own_prefixes(text)).text(header)


def in_house_style(path: Path, shown: str | None = None) -> bool:
    """Whether the file is, byte for byte, its own canonical form."""
    return canonical(path, shown).encode() == path.read_bytes()


def _own_prefixes(text: str) -> dict[str, str]:
    found = re.findall(r"^\s*@?prefix\s+([\w.-]*):\s*<([^>]*)>", text, re.I | re.M)
    return {**PREFIXES, **dict(found)}


def _header(text: str, name: str) -> str:
    lines = text.split("\n")
    count = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    rest = "\n".join(lines[count:])
    for found in TOKEN.finditer(rest):
        if found.lastgroup == "comment":
            line = count + rest[: found.start()].count("\n") + 1
            raise SourceError(
                "has a comment below its header; formatting would lose it, so put it into skos:editorialNote or into the header.",
                "在文件头之后有注释；格式化会丢失它，请改写到 skos:editorialNote 或文件头。",
                Place(name, line),
            )
    return "\n".join(lines[:count])


class _Writer:
    """One file's statements, and how to write them."""

    def __init__(self, quads: Iterable[ox.Quad], name: str, prefixes: dict[str, str]) -> None:
        self.name = name
        self.prefixes = prefixes
        self.used: set[str] = set()
        self.written: set[Node] = set()
        self.blocks: Statements = defaultdict(lambda: defaultdict(list))
        self.mentions: Counter[ox.BlankNode] = Counter()
        for q in quads:
            values = self.blocks[q.subject][q.predicate.value]
            if q.object not in values:
                values.append(q.object)
                if isinstance(q.object, ox.BlankNode):
                    self.mentions[q.object] += 1
        shared = [b for b, n in self.mentions.items() if n > 1]
        if shared:
            raise SourceError(
                "uses one blank node in several places; give it an IRI.",
                "同一空白节点被多处使用；请给它一个 IRI。",
                Place(name),
            )
        self._define()

    def _define(self) -> None:
        term = {s for group in SECTIONS[1:] for s in group}
        for subject, block in self.blocks.items():
            types = {t.value for t in block.get(TYPE, []) if isinstance(t, ox.NamedNode)}
            if not isinstance(subject, ox.NamedNode):
                continue
            if subject.value.startswith(PREFIXES["vcc"]) and types & term:
                block[IS_DEFINED_BY] = [ox.NamedNode(ONTOLOGY_IRI)]
            elif SKOS + "inScheme" in block and subject.value.startswith(PREFIXES["vcs"]):
                block[IS_DEFINED_BY] = list(block[SKOS + "inScheme"])

    def text(self, header: str) -> str:
        tops = [s for s in self.blocks if not (isinstance(s, ox.BlankNode) and self.mentions[s])]
        rendered = sorted((self._section(s), self._subject(s), self._block(s)) for s in tops)
        body = [f"{subject}\n{block}.\n" for _, subject, block in rendered]
        if len(self.written) < len(self.blocks):
            raise SourceError("has blank nodes that only point to each other; give one of them an IRI.", "有只互相指向的空白节点；请给其中之一取 IRI。", Place(self.name))
        prefixes = [f"PREFIX {p}: <{self.prefixes[p]}>" for p in sorted(self.used)]
        parts = [header] if header else []
        return "\n".join([*parts, *([""] if parts else []), *prefixes, "", "\n".join(body)])

    def _section(self, subject: Node) -> int:
        types = {t.value for t in self.blocks[subject].get(TYPE, []) if isinstance(t, ox.NamedNode)}
        if isinstance(subject, ox.BlankNode):
            return len(SECTIONS) + 1
        return next((i for i, group in enumerate(SECTIONS) if types & set(group)), len(SECTIONS))

    def _subject(self, subject: Node) -> str:
        return "[]" if isinstance(subject, ox.BlankNode) else self._term(subject)

    def _block(self, subject: Node, depth: int = 1) -> str:
        pad = "    " * depth
        return "".join(f"{pad}{p} {o} ;\n" for p, o in self._statements(subject, depth))

    def _statements(self, subject: Node, depth: int) -> Iterator[tuple[str, str]]:
        block = self.blocks[subject]
        self.written.add(subject)
        for predicate in sorted(block, key=lambda p: (LAST.get(p, 0), RANK.get(p, len(RANK)), p)):
            word = "a" if predicate == TYPE else self._term(ox.NamedNode(predicate))
            for _, text in sorted((self._value_order(o), self._value(o, depth)) for o in block[predicate]):
                yield word, text

    def _value_order(self, value: Node) -> tuple[int, int]:
        if isinstance(value, ox.Literal):
            return 0, LANGUAGES.get(value.language or "", 2)
        return (1 if isinstance(value, ox.BlankNode) else 0), 0

    def _value(self, value: Node, depth: int) -> str:
        if not isinstance(value, ox.BlankNode):
            return self._term(value)
        if RDF + "first" in self.blocks[value]:
            return "( " + " ".join(self._value(item, depth) for item in self._items(value)) + " )"
        return "[\n" + self._block(value, depth + 1) + "    " * depth + "]"

    def _items(self, head: Node) -> Iterator[Node]:
        while head != ox.NamedNode(NIL):
            block = self.blocks.get(head, {})
            if {p: len(v) for p, v in block.items()} != {RDF + "first": 1, RDF + "rest": 1} or not isinstance(head, ox.BlankNode) or head in self.written:
                raise SourceError("holds an rdf:List that is not one chain of first and rest.", "含有不成链的 rdf:List。", Place(self.name))
            self.written.add(head)
            yield block[RDF + "first"][0]
            head = block[RDF + "rest"][0]

    def _term(self, term: Node) -> str:
        if isinstance(term, ox.NamedNode):
            return self._iri(term.value)
        if isinstance(term, ox.Literal):
            return self._literal(term)
        raise SourceError("holds a kind of term that house style does not know.", "含有不支持的项。", Place(self.name))

    def _iri(self, iri: str) -> str:
        if iri == NIL:
            return "()"
        fits = [(len(ns), p) for p, ns in self.prefixes.items() if iri.startswith(ns) and LOCAL.fullmatch(iri[len(ns) :])]
        if not fits:
            return f"<{iri}>"
        length, prefix = max(fits)
        self.used.add(prefix)
        return f"{prefix}:{iri[length:]}"

    def _literal(self, term: ox.Literal) -> str:
        datatype = term.datatype.value
        if datatype in NUMERIC and NUMERIC[datatype].fullmatch(term.value):
            return term.value
        quoted = str(ox.Literal(term.value))
        if term.language:
            return f"{quoted}@{term.language}"
        return quoted if datatype == PREFIXES["xsd"] + "string" else f"{quoted}^^{self._iri(datatype)}"
