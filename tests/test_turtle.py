"""Turtle: faults with line and column; the formatter is idempotent, loses nothing and does not depend on order."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covalue.errors import Place, SourceError
from covalue.names import ONTOLOGY_IRI, PREFIXES
from covalue.project import Project
from covalue.turtle import IS_DEFINED_BY, canonical, read

REPO = Project(Path(__file__).resolve().parents[1])
RDF, RDFS, OWL, SKOS, XSD, VCC = (PREFIXES[p] for p in ("rdf", "rdfs", "owl", "skos", "xsd", "vcc"))
Triple = tuple[ox.NamedNode | ox.BlankNode, ox.NamedNode, ox.NamedNode | ox.BlankNode | ox.Literal]


def graph(quads: list[ox.Quad], without: str | None = None) -> set[str]:
    """The statements with blank nodes labelled canonically (RDFC-1.0): equal sets mean isomorphic graphs."""
    dataset = ox.Dataset([q for q in quads if q.predicate.value != without])
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    return set(map(str, dataset))


def formatted(path: Path, text: str) -> str:
    """The canonical form of a text."""
    path.write_text(text, encoding="utf-8", newline="\n")
    return canonical(path)


# --- all files of the checkout


@pytest.mark.parametrize("path", REPO.turtle_files(), ids=REPO.relative)
def test_formatting_a_file_of_ours_twice_changes_nothing(path: Path, tmp_path: Path) -> None:
    """The canonical form of a file is its own canonical form."""
    once = canonical(path)
    assert once == formatted(tmp_path / "x.ttl", once)


@pytest.mark.parametrize("path", REPO.turtle_files(), ids=REPO.relative)
def test_formatting_a_file_of_ours_keeps_its_statements(path: Path, tmp_path: Path) -> None:
    """A formatted file says the same, apart from `rdfs:isDefinedBy`, and keeps its header."""
    (tmp_path / "x.ttl").write_text(canonical(path), encoding="utf-8")
    assert graph(read(path), IS_DEFINED_BY) == graph(read(tmp_path / "x.ttl"), IS_DEFINED_BY)
    header = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert header == [line for line in canonical(path).splitlines() if line.startswith("#")]


# --- any graph

LOCALS = st.text(st.sampled_from("abzAZ09_-.~:/#%é中&'()*+,;=!$@"), max_size=6).map(lambda t: t.replace("%", "%41"))
IRIS = st.builds(
    lambda ns, local: ox.NamedNode(ns + local.replace("#", "-")), st.sampled_from([PREFIXES["case"], PREFIXES["dcterms"], OWL, "https://example.org/", "urn:x:"]), LOCALS
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(['"', "'''", '"""', "\\", "a\nb", "# no comment", "\r\n", "x\t", "<a> <b> <c> ."])
LITERALS = (
    st.builds(ox.Literal, TEXTS)
    | st.builds(lambda t, tag: ox.Literal(t, language=tag), TEXTS, st.sampled_from(["en", "zh", "zh-hans", "de"]))
    | st.builds(
        lambda t, kind: ox.Literal(t, datatype=ox.NamedNode(kind)),
        st.sampled_from(["1", "-1", "+01", "1.0", "1.", ".5", "1e3", "true", "1", "", "x", "2018"]),
        st.sampled_from([XSD + "integer", XSD + "decimal", XSD + "double", XSD + "boolean", XSD + "gYear", "https://example.org/type"]),
    )
)
PREDICATES = st.sampled_from([ox.NamedNode(i) for i in (RDF + "type", RDFS + "label", SKOS + "definition", "https://example.org/p", "https://example.org/p.q-r", OWL + "unionOf")])


@st.composite
def graphs(draw: st.DrawFn) -> list[Triple]:
    """Statements about IRIs, whose values may be nested blank nodes and lists; each blank node is used once, as house style wants."""
    out: list[Triple] = []

    def value(depth: int) -> ox.NamedNode | ox.BlankNode | ox.Literal:
        kind = draw(st.integers(0, 6 if depth < 3 else 4))
        if kind <= 1:
            return draw(IRIS)
        if kind <= 4:
            return draw(LITERALS)
        node = ox.BlankNode()
        if kind == 5:
            for _ in range(draw(st.integers(0, 3))):
                out.append((node, draw(PREDICATES), value(depth + 1)))
            return node
        items = [value(depth + 1) for _ in range(draw(st.integers(0, 3)))]
        if not items:
            return ox.NamedNode(RDF + "nil")
        cell = node
        for i, item in enumerate(items):
            rest = ox.BlankNode() if i + 1 < len(items) else ox.NamedNode(RDF + "nil")
            out.append((cell, ox.NamedNode(RDF + "first"), item))
            out.append((cell, ox.NamedNode(RDF + "rest"), rest))
            cell = rest if isinstance(rest, ox.BlankNode) else cell
        return node

    for _ in range(draw(st.integers(1, 6))):
        subject = draw(IRIS | st.builds(ox.BlankNode))
        out.append((subject, draw(PREDICATES), value(0)))
    return out


def as_text(triples: list[Triple]) -> str:
    """N-Triples, which is Turtle too."""
    return "".join(f"{s} {p} {o} .\n" for s, p, o in triples)


@given(triples=graphs())
def test_formatting_any_graph_loses_nothing(tmp_path: Path, triples: list[Triple]) -> None:
    """Any graph in the form of the house says the same, and formatting it again changes nothing."""
    path = tmp_path / "x.ttl"
    once = formatted(path, as_text(triples))
    before = graph(read(path))
    twice = formatted(path, once)
    assert before == graph(read(path))
    assert once == twice


@given(triples=graphs(), seed=st.integers(0, 1000))
def test_formatting_does_not_depend_on_order(tmp_path: Path, triples: list[Triple], seed: int) -> None:
    """The same statements in another order have the same canonical form."""
    shuffled = list(triples)
    random.Random(seed).shuffle(shuffled)
    assert formatted(tmp_path / "a.ttl", as_text(triples)) == formatted(tmp_path / "b.ttl", as_text(shuffled))


HEAD = "@prefix ex: <https://example.org/> .\n@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .\n"
LOSSES = [
    ("ex:a ex:p [ a rdf:List ; rdf:first 1 ; rdf:rest () ] .", "the type of a list node is dropped"),
    ("ex:a ex:p [ rdf:first 1 , 2 ; rdf:rest () ] .", "of two first items one is dropped"),
    ("ex:a ex:p [ rdf:first 1 ; rdf:rest ex:more ] .", "a tail that is an IRI is dropped"),
    ("ex:a ex:p [ rdf:first 1 ] .", "IndexError, a traceback"),
    ("_:a ex:p _:b . _:b ex:p _:a .", "blank nodes in a circle are dropped without a word"),
    ("_:a ex:p _:a .", "a blank node that points to itself is dropped without a word"),
]


@pytest.mark.parametrize("text", [t for t, _ in LOSSES], ids=[w for _, w in LOSSES])
def test_odd_graph_is_kept_or_refused(tmp_path: Path, text: str) -> None:
    """A graph that house style cannot write is refused with its place; nothing is dropped in silence."""
    path = tmp_path / "x.ttl"
    path.write_text(HEAD + text, encoding="utf-8")
    before = graph(read(path))
    with contextlib.suppress(SourceError):
        path.write_text(canonical(path), encoding="utf-8")
    assert before == graph(read(path))


@pytest.mark.parametrize("between", ["\u2028", "\x85", "\x0c"], ids=ascii)
def test_odd_line_ends_inside_a_literal_are_no_lines(tmp_path: Path, between: str) -> None:
    """A literal may hold a Unicode line separator before a number sign."""
    path = _written(tmp_path / "x.ttl", f'{HEAD}ex:a ex:p "one{between}# two" .\n')
    before = graph(read(path))
    assert before == graph(read(_written(path, canonical(path))))


# --- the form of the house


def test_form_of_the_house(tmp_path: Path) -> None:
    """Header, sorted prefixes that are used, sections and blocks in order, one statement a line, the dot alone."""
    given = """# A header.
# Second line.
@prefix vcc: <https://w3id.org/covalue/ontology#> .
@prefix unused: <https://example.org/unused#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
vcc:uses a owl:ObjectProperty ; rdfs:label "用"@zh, "uses"@en ; rdfs:range [ a owl:Class ; owl:unionOf ( vcc:B vcc:A ) ] ; rdfs:domain vcc:B .
vcc:B rdfs:label "b"@en ; skos:definition "A thing."@en ; a owl:Class ; rdfs:subClassOf vcc:A .
vcc:A a owl:Class .
"""
    expected = """# A header.
# Second line.

PREFIX owl: <http://www.w3.org/2002/07/owl#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX vcc: <https://w3id.org/covalue/ontology#>

vcc:A
    a owl:Class ;
    rdfs:isDefinedBy <https://w3id.org/covalue/ontology> ;
.

vcc:B
    a owl:Class ;
    rdfs:subClassOf vcc:A ;
    rdfs:label "b"@en ;
    skos:definition "A thing."@en ;
    rdfs:isDefinedBy <https://w3id.org/covalue/ontology> ;
.

vcc:uses
    a owl:ObjectProperty ;
    rdfs:domain vcc:B ;
    rdfs:range [
        a owl:Class ;
        owl:unionOf ( vcc:B vcc:A ) ;
    ] ;
    rdfs:label "uses"@en ;
    rdfs:label "用"@zh ;
    rdfs:isDefinedBy <https://w3id.org/covalue/ontology> ;
.
"""
    assert expected == formatted(tmp_path / "x.ttl", given)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"<{VCC}A> a <{OWL}Class> .", {(VCC + "A", ONTOLOGY_IRI)}),
        (f"<{VCC}A> a <{OWL}Class> ; <{IS_DEFINED_BY}> <https://example.org/wrong> .", {(VCC + "A", ONTOLOGY_IRI)}),
        ("<https://example.org/A> a <http://www.w3.org/2002/07/owl#Class> .", set()),
        (f"<{PREFIXES['vcs']}role/user> <{SKOS}inScheme> <{PREFIXES['vcs']}role> .", {(PREFIXES["vcs"] + "role/user", PREFIXES["vcs"] + "role")}),
    ],
    ids=["term of ours", "wrong one is put right", "foreign term", "concept"],
)
def test_is_defined_by_is_written_for_us(tmp_path: Path, text: str, expected: set[tuple[str, str]]) -> None:
    """The formatter states of our own terms, and of no others, where they are defined."""
    path = tmp_path / "x.ttl"
    path.write_text(formatted(path, text), encoding="utf-8")
    assert expected == {(q.subject.value, q.object.value) for q in read(path) if q.predicate.value == IS_DEFINED_BY and isinstance(q.object, ox.NamedNode)}


# --- bad input


@pytest.mark.parametrize(
    ("data", "line", "column", "word"),
    [
        (b"@prefix ex: <https://example.org/> .\nex:a ex:b .\n", 2, 11, "object"),
        (b"@prefix ex: <https://example.org/> .\n\n  ex:a no:b ex:c .\n", 3, 8, "no:"),
        (b"<https://example.org/a> <https://example.org/b> 1\n<https://example.org/c>", 2, 1, ""),
        (b'<https://example.org/a> <https://example.org/b> "open .\n', 1, 49, ""),
        (b"<https://example.org/a> <https://example.org/b> <c> .", 1, 49, "IRI"),
        ('<https://example.org/a> <https://example.org/b> "中" .'.encode("gbk"), 1, 50, "UTF-8"),
        ("<https://example.org/a> <https://example.org/b> 1 .".encode("utf-16"), 1, 1, ""),
    ],
    ids=["no object", "unknown prefix", "no dot", "open string", "relative IRI", "GBK", "UTF-16"],
)
def test_broken_turtle_has_line_and_column(tmp_path: Path, data: bytes, line: int, column: int, word: str) -> None:
    """Broken Turtle is an error with the file, its line and column, in both languages."""
    path = tmp_path / "broken.ttl"
    path.write_bytes(data)
    with pytest.raises(SourceError) as caught:
        read(path, "ontology/core/broken.ttl")
    assert Place("ontology/core/broken.ttl", line, column) == caught.value.place
    assert (True, True, True) == ("is not Turtle" in caught.value.en, "不是合法的 Turtle" in caught.value.zh, word in caught.value.en)


def test_byte_order_mark_in_turtle_is_an_error_with_place(tmp_path: Path) -> None:
    """Turtle with a byte order mark is refused at its first character."""
    path = tmp_path / "bom.ttl"
    path.write_bytes(b"\xef\xbb\xbf<https://example.org/a> <https://example.org/b> 1 .")
    with pytest.raises(SourceError) as caught:
        read(path)
    assert Place(str(path), 1, 1) == caught.value.place


def test_missing_turtle_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is an error that names it."""
    with pytest.raises(SourceError, match=r"gone\.ttl: cannot be read: No such file or directory\. \| 无法读取"):
        read(tmp_path / "gone.ttl")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# header\n\n<urn:a> <urn:b> 1 . # aside\n", 3),
        ("<urn:a> <urn:b> 1 .\n\n# between\n<urn:a> <urn:c> 1 .\n", 3),
        ('<urn:a> <urn:b> """long\n# inside\n""" .\n#last', 4),
    ],
    ids=["after a statement", "between blocks", "after a long string"],
)
def test_comment_below_the_header_is_refused(tmp_path: Path, text: str, line: int) -> None:
    """A comment that formatting would lose is refused at its line, with where to put it."""
    path = tmp_path / "x.ttl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        canonical(path, "x.ttl")
    assert (Place("x.ttl", line), True, True) == (caught.value.place, "skos:editorialNote" in caught.value.en, "skos:editorialNote" in caught.value.zh)


@pytest.mark.parametrize("text", ['<urn:a> <urn:b> "# no" .', "<urn:a#x> <urn:b> '# no' .", '<urn:a> <urn:b> """\n# no\n""" .', "<urn:a> <urn:b> '''\n#'no'\n''' ."])
def test_number_sign_in_a_term_is_no_comment(tmp_path: Path, text: str) -> None:
    """A number sign inside a string or an IRI is not taken for a comment."""
    path = tmp_path / "x.ttl"
    before = graph(read(_written(path, text)))
    assert before == graph(read(_written(path, canonical(path))))


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_shared_blank_node_is_refused(tmp_path: Path) -> None:
    """A blank node used twice cannot be nested, and is refused with what to do."""
    path = _written(tmp_path / "x.ttl", "_:x <urn:p> 1 . <urn:a> <urn:b> _:x . <urn:c> <urn:b> _:x .")
    with pytest.raises(SourceError, match="uses one blank node in several places; give it an IRI"):
        canonical(path)
