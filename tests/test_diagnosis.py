"""What is said of faulty queries: where the fault stands, and what to do; and that the grammar by which it is found is SPARQL's."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyoxigraph as ox
import pytest

from covalue import grammar
from covalue.clashes import clash
from covalue.errors import QueryError
from covalue.stores.oxigraph import engine_error

QUERIES = sorted(Path(__file__).parent.parent.glob("queries/**/*.rq"))


def said(text: str) -> QueryError:
    """What is said of a query that the engine refuses."""
    with pytest.raises(SyntaxError) as caught:
        ox.Store().query(text, base_iri="http://x/")
    error = engine_error(text, caught.value)
    assert isinstance(error, QueryError)
    return error


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("SELECT * { ?s ?p ?o FILTER(?o > ) }", 33, 'expected an expression'),
        ("SELECT ?s { ?s ?p }", 19, '"}" cannot stand here; expected an IRI, a variable or a literal'),
        ("SELECT * { ?s ?p ?o ?a ?b ?c }", 21, '"?a" cannot stand here'),
        ("SELECT * WHERE ?s ?p ?o }", 16, 'expected "{"'),
        ("SELECT * { ?s ?p ?o ", 10, "never closed"),
        ("SELECT * { ?s ?p ?o }}", 22, "closes nothing"),
        ("SELECT * { FILTER(?x = 1 } ?a ?b", 26, '"}" closes nothing'),
        ("SELECT * { ?s ?p ?o } ORDR BY ?s", 23, "did you mean ORDER?"),
        ("SELECT * { ?s ?p ?o FILTRE(?o) }", 21, "did you mean FILTER?"),
        ("SELECT * { FILTER(STRLENGTH(?x)) }", 19, "did you mean STRLEN?"),
        ("SELECT * { FILTER(foo(?x)) }", 19, '"foo" is not a function of SPARQL'),
        ("SELECT * { FILTER(REGEX(?x)) }", 27, '","'),
        ("SELECT (COUNT(*) ?n) {}", 18, "AS"),
        ("SELECT * { ?s ?p ?o } LIMIT -1", 29, "expected a whole number"),
        ("SELECT * { ?s ?p ?o } LIMIT 99999999999999999999", 29, "too large"),
        ("SELECT * { ?s ?p ?o } ORDER BY ?s DESC", 39, "missing before its end"),
        ("SELECT * { ?s ?p <http://a b> }", 18, "not closed by >"),
        ("SELECT * { ?s http://x/p ?o }", 15, "stands in < >"),
        ("PREFIX a <http://x/> SELECT * {}", 8, "a prefix with its colon"),
        ("SELECT * { ?s ?p 'abc }", 18, "does not end on its line"),
        ("SELECT * { ?s ?p '\\x' }", 18, "escapes nothing"),
        ("SELECT * { ?s ?p '\\uD800' }", 18, "escapes nothing"),
        ("SELECT ?s (COUNT(*) AS ?n) { ?s ?p ?o }", 8, "?s is neither in GROUP BY"),
        ("SELECT ?s ?p { ?s ?p ?o } GROUP BY ?s", 11, "?p is neither in GROUP BY"),
        ("SELECT * { ?s ?p ?o } GROUP BY ?s", 8, "SELECT * cannot stand with GROUP BY"),
        ("SELECT (1 AS ?x) (2 AS ?x) {}", 24, "two columns are named ?x"),
        ("SELECT * { ?s ?p ?o BIND(1 AS ?o) }", 31, "BIND gives the name ?o"),
        ("SELECT * { VALUES (?a ?b) { (1 2) ('x'@en) } }", 35, "VALUES has 2 names"),
        ("SELECT * { _:a ?p ?o . { _:a ?p ?o } }", 26, "_:a stands in two groups"),
        # as a Chinese keyboard gives them
        ("SELECT ？s WHERE { ?s ?p ?o }", 8, 'write "?"'),
        ("SELECT * WHERE { ?s ?p ?o 。 }", 27, 'write "."'),
        ("SELECT * { ?s ?p “abc” }", 18, 'write """'),
        ("SELECT * { ?s rdfs：label ?o }", 19, 'write ":"'),
        ("SELECT * { ?s ?p ?o FILTER（?o = 1） }", 27, 'write "("'),
        ("SELECT * {\u3000?s ?p ?o }", 11, "U+3000"),
        ("选择 * { ?s ?p ?o }", 1, "expected SELECT, CONSTRUCT"),
        # what stands first is said first
        ("SELECT * { ?s ?p FILTER(?o) . ?s rdfs:label ?o }", 18, '"FILTER" cannot stand here'),
        ("SELECT * { ?s rdfs:label ?o . ?s ?p FILTER(?o) }", 15, 'prefix "rdfs:"'),
    ],
)  # fmt: skip
def test_the_place_is_that_of_the_fault(text: str, column: int, words: str) -> None:
    error = said(text)
    assert (1, column) == (error.place.line, error.place.column) if error.place else None
    assert words in error.en
    assert error.zh


def test_lines_are_counted() -> None:
    error = said("SELECT *\n{\n  ?s ?p ?o .\n  FILTER(?o > )\n  ?a ?b ?c\n}")
    assert error.place
    assert (4, 15) == (error.place.line, error.place.column)


@pytest.mark.parametrize(
    "text",
    [
        "VERSION '1.2' SELECT * { << ?s ?p ?o ~ ?r >> ?q 1 {| ?a ?b |} . <<( ?s ?p 'x'@en--rtl )>> ?b (1 +2 -3.5e1 [] [ a <y> ]) ; . }",
        "SELECT * { ?s !(^<p>|a)/(<q>?|^<r>*)+ ?o MINUS {} GRAPH ?g { } } VALUES (?x ?y) { (UNDEF 1) }",
        "CONSTRUCT WHERE { _:a <p> 'x'^^<t> } OFFSET 1 LIMIT 2",
        "DESCRIBE <x> ?y FROM NAMED <g> { ?y ?p '''a'b''' }",
        "SELECT (GROUP_CONCAT(DISTINCT ?x ; SEPARATOR = ',') AS ?y) { FILTER NOT EXISTS { ?x ?p ?y FILTER(?x NOT IN (1, -1) && !BOUND(?x)) } } HAVING (COUNT(*) > 1)",
    ],
)
def test_the_grammar_takes_what_is_sparql(text: str) -> None:
    assert grammar.fault(text) is None


def test_the_grammar_takes_all_questions() -> None:
    texts = [q.read_text(encoding="utf-8") for q in QUERIES]
    assert len(texts) > 300
    assert not [q for q, text in zip(QUERIES, texts, strict=True) if grammar.fault(text)]


def test_one_token_tells_what_follows() -> None:
    """No two alternatives of a choice begin in the same way, so the first fault is found without going back."""

    def choices(node: grammar._Node) -> list[grammar._Node]:
        return [*([node] if node.kind == "one" else []), *(c for part in node.parts for c in choices(part))]

    for name, rule in grammar._rules().items():
        for choice in choices(rule):
            starts = Counter(start for part in choice.parts for start in grammar._first(part)[0])
            assert 1 == max(starts.values()), (name, starts.most_common(1))


def test_depth_and_length_cost_nothing() -> None:
    """The grammar has a stack of its own, and looks at so many tokens only."""
    deep = "SELECT * " + "{" * 5000 + "}" * 4999 + ")"
    found = grammar.fault(deep)
    assert found
    assert found.at
    assert len(deep) - 1 == found.at.start
    assert grammar.fault("?" * (grammar.MOST + 1)) is None
    assert clash("SELECT ?x ?x { " + "?s ?p ?o . " * 2000 + "}") is None
