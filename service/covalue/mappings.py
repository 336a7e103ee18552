"""
Mappings and alignments: what is said of our terms in the words of other vocabularies, judged and turned into named graphs.

* `ontology/mappings/<vocabulary>.sssom.tsv` becomes `graph:mapping/<vocabulary>`. Each row is a resource (`map:<vocabulary>/<subject>--<object>`)
  with predicate, justification, confidence and comment; a row with a SKOS predicate is also stated directly. The set is a `void:Linkset`.
* `ontology/alignments/<vocabulary>.ttl` becomes `graph:alignment/<vocabulary>`: logical axioms, as they stand.
* `ontology/mappings/terms/<vocabulary>.tsv` lists the terms that somebody has read in a file, and `ontology/mappings/sources.tsv` the files, each
  with repository, commit and SHA-256. A row may name no other.

None of these graphs is reasoned with or validated: SKOS mapping properties on classes would leave OWL 2 DL. A row whose statement stands elsewhere
(an axiom in an alignment, an identity in a case's table) is only described here, so that no statement stands in two graphs.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyoxigraph as ox

from covalue.errors import Place, SourceError
from covalue.findings import Finding, Severity
from covalue.names import BASE, PREFIXES, RDF_TYPE, alignment_graph, expand, mapping_graph, shrink
from covalue.project import Project
from covalue.sssom import AXIOMS, NO_TERM, SKOS_MATCHES, MappingRow, MappingSet, read_set
from covalue.words import escaped, meant, meant_zh, nearest

LABELS: Final = (PREFIXES["rdfs"] + "label", PREFIXES["skos"] + "prefLabel")
DIRECT: Final = frozenset(expand(p) for p in SKOS_MATCHES)
LOGICAL: Final = frozenset(expand(p) for p in AXIOMS)
EXACT: Final = expand("skos:exactMatch")
OURS: Final = (PREFIXES["vcc"], PREFIXES["vcs"])
SOURCE_COLUMNS: Final = ("id", "vocabulary", "namespace", "title", "version", "license", "repository", "commit", "path", "sha256")
TERM_COLUMNS: Final = ("iri", "kind", "source")
FORMS: Final = {"repository": re.compile(r"[\w.-]+/[\w.-]+"), "commit": re.compile(r"[0-9a-f]{40}"), "sha256": re.compile(r"[0-9a-f]{64}")}
PREDICATE_WORDS: Final = {
    "skos:exactMatch": ("exact match", "精确对应"),
    "skos:closeMatch": ("close match", "近似对应"),
    "skos:broadMatch": ("broader match", "上位对应"),
    "skos:narrowMatch": ("narrower match", "下位对应"),
    "skos:relatedMatch": ("related match", "相关对应"),
    "rdfs:subClassOf": ("subclass of", "是其子类"),
    "rdfs:subPropertyOf": ("subproperty of", "是其子属性"),
}
NONE_WORDS: Final = ("no counterpart", "无对应")


@dataclass
class Mapped:
    """Mapping and alignment graphs by IRI, the rows about entities of cases, and all faults."""

    named: dict[str, list[ox.Quad]] = field(default_factory=dict)
    of_cases: list[MappingRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class _Known:
    """What rows may speak of: our terms with their names by language and their types, and by vocabulary the terms that were read in a file."""

    names: Mapping[str, Mapping[str, str]]
    types: Mapping[str, frozenset[str]]
    cases: frozenset[str]
    terms: Mapping[str, Mapping[str, str]]


def load(project: Project, ontology: Iterable[ox.Quad], turtle: Callable[[Path], list[ox.Quad]]) -> Mapped:
    """
    All mapping sets and alignments of a project.

    Args:
        ontology: the statements of ontology and schemes; what they say already is left out of the alignments.
        turtle: reads a Turtle file.

    Raises:
        SourceError: a file cannot be read at all.
    """
    out = Mapped()
    stated = list(ontology)
    known = _Known(_names(stated), _types(stated), frozenset(p.name for p in project.cases()), _terms(project, out.findings))
    sets = [read_set(path, project.relative(path)) for path in project.mapping_files()]
    axioms = _alignments(project, out, {(q.subject, q.predicate, q.object) for q in stated}, turtle)
    rows: set[tuple[str, str, str]] = set()
    for mapping_set in sets:
        out.findings += [*mapping_set.findings, *_judge(mapping_set, known)]
        rows |= {(r.subject, r.predicate, r.object) for r in mapping_set.rows}
        usable = [r for r in mapping_set.rows if _case_of(r.subject) is None or _case_of(r.subject) in known.cases]
        out.of_cases += [r for r in usable if _case_of(r.subject)]
        if mapping_set.findings:
            continue  # what a faulty head or row would say is not said
        graph = ox.NamedNode(mapping_graph(mapping_set.name))
        triples = _Graph(mapping_set, usable, known).triples()
        out.named[graph.value] = [ox.Quad(t.subject, t.predicate, t.object, graph) for t in dict.fromkeys(triples)]
    out.findings += _disagreements(sets, axioms, rows)
    return out


def identities(mapped: Mapped, facts: Iterable[ox.Quad]) -> list[Finding]:
    """
    Whether rows about entities of cases agree with the cases' tables, where such identities are stated.

    Args:
        facts: the statements of all cases.
    """
    stated: dict[str, set[str]] = defaultdict(set)
    subjects = set()
    for q in facts:
        if isinstance(q.subject, ox.NamedNode):
            subjects.add(q.subject.value)
            if q.predicate.value == EXACT and isinstance(q.object, ox.NamedNode):
                stated[q.subject.value].add(q.object.value)
    out = []
    for row in mapped.of_cases:
        if row.subject not in subjects:
            near = nearest(row.subject, subjects)
            en, zh = f"there is nothing of this name in the case{meant(near)}; name an entity of its tables.", f"案例中没有此名的事物{meant_zh(near)}；请写案例表中的实体。"
            out.append(Finding("mapping-subject", en, zh, row.place("subject_id"), row.subject))
        elif row.predicate == EXACT and row.object not in stated[row.subject]:
            en = f"state the identity where the entity is: write {row.object} into its column exact_match in the case's table."
            out.append(Finding("mapping-identity", en, f"请在实体所在处陈述该对应：把 {row.object} 写入案例表的 exact_match 列。", row.place("object_id"), row.object))
    return out


def _names(ontology: Iterable[ox.Quad]) -> dict[str, dict[str, str]]:
    out: dict[str, dict[str, str]] = {}
    for q in ontology:
        if isinstance(q.subject, ox.NamedNode) and q.subject.value.startswith(OURS):
            names = out.setdefault(q.subject.value, {})
            if q.predicate.value in LABELS and isinstance(q.object, ox.Literal) and q.object.language:
                names[q.object.language] = q.object.value
    return out


def _types(ontology: Iterable[ox.Quad]) -> dict[str, frozenset[str]]:
    out: dict[str, set[str]] = defaultdict(set)
    for q in ontology:
        if q.predicate.value == RDF_TYPE and isinstance(q.subject, ox.NamedNode) and isinstance(q.object, ox.NamedNode):
            out[q.subject.value].add(shrink(q.object.value))
    return {iri: frozenset(types) for iri, types in out.items()}


def _case_of(iri: str) -> str | None:
    return iri[len(PREFIXES["case"]) :].partition("/")[0] if iri.startswith(PREFIXES["case"]) else None


def _terms(project: Project, findings: list[Finding]) -> dict[str, dict[str, str]]:
    """By vocabulary the terms that were read with their kinds, judged against the list of files in which they were read."""
    sources = {}
    for place, cells in _tsv(project.mapping_sources(), project, SOURCE_COLUMNS, findings):
        sources[cells["id"]] = cells
        for column, form in FORMS.items():
            if not form.fullmatch(cells[column]):
                en = f'"{escaped(cells[column])}": name the file by owner/repository, commit (40 hex digits) and SHA-256 (64).'
                zh = f"“{escaped(cells[column])}”：请以“所有者/仓库”、提交号（40 位十六进制）与 SHA-256（64 位）指明文件。"
                findings.append(Finding("mapping-source", en, zh, Place(place.path, row=place.row, cell=column), escaped(cells[column])))
    out: dict[str, dict[str, str]] = {}
    for path in project.term_files():
        listed = out.setdefault(path.name.removesuffix(".tsv"), {})
        for place, cells in _tsv(path, project, TERM_COLUMNS, findings):
            if cells["source"] not in sources:
                near = nearest(cells["source"], sources)
                en = f'"{escaped(cells["source"])}" is no id of ontology/mappings/sources.tsv{meant(near)}; the list of terms tells in which file each was read.'
                zh = f"“{escaped(cells['source'])}”不是 ontology/mappings/sources.tsv 中的编号{meant_zh(near)}；术语表须说明每个术语读自哪个文件。"
                findings.append(Finding("mapping-source", en, zh, Place(place.path, row=place.row, cell="source"), escaped(cells["source"])))
            listed[cells["iri"]] = cells["kind"]
    return out


def _tsv(path: Path | None, project: Project, columns: tuple[str, ...], findings: list[Finding]) -> Iterator[tuple[Place, dict[str, str]]]:
    """The rows of a plain table with tabs, each with its place; a table of another form is a finding and has no rows."""
    if path is None:
        return
    shown = project.relative(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise SourceError("cannot be read as UTF-8 text.", "无法按 UTF-8 文本读取。", Place(shown)) from e
    rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not rows or tuple(rows[0]) != columns:
        findings.append(
            Finding("mapping-column", f"the columns must be {', '.join(columns)}, kept apart by tabs.", f"各列须为 {', '.join(columns)}，以制表符分隔。", Place(shown, row=1))
        )
        return
    for number, cells in enumerate(rows[1:], 2):
        if len(cells) == len(columns) and all(cells):
            yield Place(shown, row=number), dict(zip(columns, cells, strict=True))
        elif cells:
            findings.append(
                Finding("mapping-cells", f"must have {len(columns)} cells, none of them empty.", f"须有 {len(columns)} 个单元格，且均不为空。", Place(shown, row=number))
            )


def _alignments(project: Project, out: Mapped, stated: set[tuple[object, ...]], turtle: Callable[[Path], list[ox.Quad]]) -> dict[tuple[str, str, str], Place]:
    """Puts the graphs of the alignments in place; returns their axioms about our terms, with the file of each."""
    axioms = {}
    for path in project.alignment_files():
        graph = ox.NamedNode(alignment_graph(path.stem))
        shown = project.relative(path)
        quads = out.named[graph.value] = []
        for q in turtle(path):
            if isinstance(q.subject, ox.BlankNode) or isinstance(q.object, ox.BlankNode):
                en = "has a blank node; name every class, so that graphs can be put together without mixing nodes."
                out.findings.append(Finding("alignment-blank-node", en, "含有空白节点；请为每个类命名，以免合并图时节点相混。", Place(shown)))
                break
            if (q.subject, q.predicate, q.object) not in stated:
                quads.append(ox.Quad(q.subject, q.predicate, q.object, graph))
                stated.add((q.subject, q.predicate, q.object))
            if q.predicate.value in LOGICAL and isinstance(q.subject, ox.NamedNode) and q.subject.value.startswith(OURS) and isinstance(q.object, ox.NamedNode):
                axioms[q.subject.value, q.predicate.value, q.object.value] = Place(shown)
    return axioms


def _judge(mapping_set: MappingSet, known: _Known) -> Iterator[Finding]:
    """What is wrong with rows that are well formed."""
    listed = known.terms.get(mapping_set.name, {})
    if not listed:
        en = f"there is no list of terms ontology/mappings/terms/{mapping_set.name}.tsv; write down which terms were read in which file."
        yield Finding("mapping-object", en, f"缺少术语表 ontology/mappings/terms/{mapping_set.name}.tsv；请写明哪些术语读自哪个文件。", Place(mapping_set.path))
        return
    seen: dict[tuple[str, str], int] = {}
    for row in mapping_set.rows:
        yield from _subject_faults(row, known)
        if row.object != NO_TERM and row.object not in listed:
            near = nearest(row.object, listed)
            en = f"is not in ontology/mappings/terms/{mapping_set.name}.tsv{meant(near)}; map only to terms that were read in a source file, and list them there."
            zh = f"不在 ontology/mappings/terms/{mapping_set.name}.tsv 中{meant_zh(near)}；只可映射到在来源文件中读到的术语，并须列入该表。"
            yield Finding("mapping-object", f"<{row.object}> {en}", f"<{row.object}> {zh}", row.place("object_id"), row.object)
        kinds = _kind(*known.types.get(row.subject, ())), _kind(listed.get(row.object, ""))
        if set(kinds) == {"class", "property"}:
            en = "one of the two is a class and the other a property; map like to like."
            yield Finding("mapping-kind", en, "二者一为类、一为属性；请同类相映。", row.place("object_id"), row.object)
        first = seen.setdefault((row.subject, row.object), row.number)
        if first != row.number:
            en = f"row {first} maps the same two already; keep the one that is right."
            yield Finding("mapping-duplicate", en, f"第 {first} 行已映射同样二者；请只留正确的一行。", row.place("object_id"), row.object)


def _kind(*types: str) -> str:
    """`class` or `property`; empty for individuals and concepts, which may be mapped to either."""
    return "class" if any(t.endswith("Class") for t in types) else "property" if any(t.endswith("Property") for t in types) else ""


def _subject_faults(row: MappingRow, known: _Known) -> Iterator[Finding]:
    case = _case_of(row.subject)
    if case is None and row.subject not in known.names:
        near = nearest(row.subject, known.names)
        shown = meant(near and shrink(near)), meant_zh(near and shrink(near))
        en, zh = f"is no term of this ontology or its schemes{shown[0]}; map from one that is.", f"不是本体或其概念方案中的术语{shown[1]}；请从已有术语出发。"
        yield Finding("mapping-subject", f"<{row.subject}> {en}", f"<{row.subject}> {zh}", row.place("subject_id"), row.subject)
    elif case is not None and case not in known.cases:
        en, zh = f'speaks of the case "{case}", which is not here; the row is left out.', f"所说的案例“{case}”不在此处；此行略去。"
        yield Finding("mapping-case", en, zh, row.place("subject_id"), row.subject, Severity.INFO)


def _disagreements(sets: Iterable[MappingSet], axioms: Mapping[tuple[str, str, str], Place], rows: set[tuple[str, str, str]]) -> Iterator[Finding]:
    """Axioms without a row that gives reasons for them, and rows without their axiom."""
    for (subject, predicate, object), place in axioms.items():
        if (subject, predicate, object) not in rows:
            said = f"{shrink(subject)} {shrink(predicate)} {shrink(object)}"
            en = f"{said}: no row of ontology/mappings/ gives the reasons for this axiom; add one with the same three."
            yield Finding("alignment-without-reasons", en, f"{said}：ontology/mappings/ 中没有说明此公理理由的行；请补一行，三者相同。", place, said)
    for row in (r for s in sets for r in s.rows if r.predicate in LOGICAL):
        if (row.subject, row.predicate, row.object) not in axioms:
            en = "no file of ontology/alignments/ states this axiom; state it there, or use a SKOS predicate."
            yield Finding("mapping-without-axiom", en, "ontology/alignments/ 中没有陈述此公理；请在那里陈述，或改用 SKOS 谓词。", row.place("predicate_id"), row.predicate)


class _Graph:
    """The statements of one mapping set."""

    def __init__(self, mapping_set: MappingSet, rows: list[MappingRow], known: _Known) -> None:
        self.set, self.rows, self.known = mapping_set, rows, known
        self.iri = PREFIXES["map"] + mapping_set.name

    def triples(self) -> Iterator[ox.Triple]:
        yield from self._head()
        yield from self._links()
        for row in self.rows:
            yield from self._record(row)
            if row.predicate in DIRECT and row.object != NO_TERM and _case_of(row.subject) is None:
                yield ox.Triple(ox.NamedNode(row.subject), ox.NamedNode(row.predicate), ox.NamedNode(row.object))

    def _head(self) -> Iterator[ox.Triple]:
        head = self.set
        yield from _say(self.iri, "rdf:type", "sssom:MappingSet", "void:Linkset")
        yield from _text(self.iri, "rdfs:label", head.text("mapping_set_title"), head.text("mapping_set_title_zh"))
        yield from _text(self.iri, "dcterms:description", head.text("mapping_set_description"), head.text("mapping_set_description_zh"))
        yield from _say(self.iri, "dcterms:license", head.text("license"))
        yield from _say(self.iri, "sssom:object_source", head.iri(head.text("object_source")) or head.text("object_source"))
        yield _literal(self.iri, "owl:versionInfo", head.text("mapping_set_version"))
        yield from _say(self.iri, "sssom:mappings", *(self._record_iri(r) for r in self.rows))

    def _links(self) -> Iterator[ox.Triple]:
        """VoID: the set as a linkset, with a part for each predicate."""
        counts = Counter(r.predicate for r in self.rows if r.object != NO_TERM)
        yield from self._linkset(self.iri, counts.total())
        for predicate, count in counts.items():
            part = f"{self.iri}/links/{re.split(r'[#/]', predicate)[-1]}"
            en, zh = PREDICATE_WORDS[shrink(predicate)]
            yield from _say(self.iri, "void:subset", part)
            yield from _say(part, "rdf:type", "void:Linkset")
            yield from _text(part, "rdfs:label", f"{self.set.text('mapping_set_title')}: {en}", f"{self.set.text('mapping_set_title_zh')}：{zh}")
            yield from _say(part, "void:linkPredicate", predicate)
            yield from self._linkset(part, count)

    def _linkset(self, iri: str, count: int) -> Iterator[ox.Triple]:
        yield from _say(iri, "void:subjectsTarget", BASE + "dataset")
        yield from _say(iri, "void:objectsTarget", self.set.iri(self.set.text("object_source")) or self.set.text("object_source"))
        yield _literal(iri, "void:triples", str(count), "integer")

    def _record_iri(self, row: MappingRow) -> str:
        object = "none" if row.object == NO_TERM else _slug(self._curie(row.object))
        return f"{self.iri}/{_slug(shrink(row.subject).removeprefix('vcc:').removeprefix('vcs:'))}--{object}"

    def _curie(self, iri: str) -> str:
        for prefix, namespace in self.set.prefixes.items():
            if iri.startswith(namespace):
                return f"{prefix}:{iri[len(namespace) :]}"
        return shrink(iri)

    def _record(self, row: MappingRow) -> Iterator[ox.Triple]:
        """A row as SSSOM has it in RDF (an annotated axiom), but with an IRI of its own."""
        iri = self._record_iri(row)
        yield from _say(iri, "rdf:type", "sssom:Mapping", "owl:Axiom")
        yield from _text(iri, "rdfs:label", *self._label(row))
        yield from _say(iri, "owl:annotatedSource", row.subject)
        yield from _say(iri, "owl:annotatedProperty", row.predicate)
        yield from _say(iri, "owl:annotatedTarget", row.object)
        yield from _say(iri, "sssom:mapping_justification", row.justification)
        yield _literal(iri, "sssom:confidence", row.confidence, "double")
        yield from _text(iri, "rdfs:comment", row.comment["en"], row.comment["zh"])
        for column, value in row.extra.items():
            yield from self._extra(iri, column, value)

    def _extra(self, iri: str, column: str, value: str) -> Iterator[ox.Triple]:
        if column == "see_also":
            yield from _say(iri, "rdfs:seeAlso", *(v.strip() for v in value.split("|")))
        elif column.endswith("_id"):
            yield from _say(iri, f"sssom:{column}", *(self.set.iri(v.strip()) or v.strip() for v in value.split("|")))
        elif column == "mapping_date":
            yield _literal(iri, "dcterms:created", value, "date")
        else:
            yield _literal(iri, f"sssom:{column}", value)

    def _label(self, row: MappingRow) -> tuple[str, str]:
        names = self.known.names.get(row.subject, {})
        own = row.extra.get("subject_label") or shrink(row.subject)
        theirs = row.extra.get("object_label") or self._curie(row.object)
        if row.object == NO_TERM:
            return f"{names.get('en', own)}: {NONE_WORDS[0]} in {self.set.name}", f"{names.get('zh', own)}：在 {self.set.name} 中{NONE_WORDS[1]}"
        en, zh = PREDICATE_WORDS[shrink(row.predicate)]
        return f"{names.get('en', own)}: {en} {theirs}", f"{names.get('zh', own)}：{zh} {theirs}"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", ".", text.replace("/", "."))


def _say(subject: str, predicate: str, *objects: str) -> Iterator[ox.Triple]:
    for object in objects:
        iri = object if "//" in object else expand(object)
        yield ox.Triple(ox.NamedNode(subject), ox.NamedNode(expand(predicate) if predicate != "rdf:type" else RDF_TYPE), ox.NamedNode(iri))


def _text(subject: str, predicate: str, en: str, zh: str) -> Iterator[ox.Triple]:
    for value, lang in ((en, "en"), (zh, "zh")):
        yield ox.Triple(ox.NamedNode(subject), ox.NamedNode(expand(predicate)), ox.Literal(value, language=lang))


def _literal(subject: str, predicate: str, value: str, datatype: str = "string") -> ox.Triple:
    return ox.Triple(ox.NamedNode(subject), ox.NamedNode(expand(predicate)), ox.Literal(value, datatype=ox.NamedNode(PREFIXES["xsd"] + datatype)))
