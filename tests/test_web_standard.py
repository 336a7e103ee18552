"""
What SPARQL 1.1 says of queries, in our own words, over HTTP and killable workers: the places where engines go wrong most.

W3C's own suites may not be kept here (`test_web_w3c.py` runs them from a checkout, and lists where the engine leaves the standard); these cases hold in CI.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyoxigraph as ox
import pytest

from covalue.stores.bounded import BoundedStore
from covalue.stores.columns import in_order, written_out
from covalue.stores.limits import Limits
from served import Served

DATA = """
PREFIX : <http://x/>
:ann :knows :bob , :cid ; :age 30 ; :name "Ann"@en , "安"@zh ; :born "1990-05-01"^^<http://www.w3.org/2001/XMLSchema#date> .
:bob :knows :cid ; :age 4 ; :name "Bob" .
:cid :knows :ann ; :age "old" ; :name "Cid"@en-GB .
:dan :age 2.5 .
"""
X = "PREFIX : <http://x/> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> "
ROWS = {
    # patterns and their scope
    "a filter in OPTIONAL sees the outer row": ("?s ?n { ?s :age ?a OPTIONAL { ?s :name ?n FILTER(?a = 4) } }", ':ann| :bob|"Bob" :cid| :dan|'),
    "a filter in a group does not": ("?s { ?s :age ?a { ?s :name ?n FILTER(BOUND(?a)) } }", ""),
    "OPTIONAL goes from left to right": ("?a ?b { OPTIONAL { :ann :age ?a } OPTIONAL { :bob :age ?a } OPTIONAL { :bob :age ?b } }", "30|4"),
    "MINUS without a shared variable takes nothing": ("?s { ?s :age 4 MINUS { ?x :age 4 } }", ":bob"),
    "NOT EXISTS without one does": ("?s { ?s :age 4 FILTER NOT EXISTS { ?x :age 4 } }", ""),
    "NOT EXISTS sees the row, MINUS does not": ("?s { ?s :age ?a FILTER NOT EXISTS { ?s :knows ?o FILTER(?a = 30) } }", ":bob :cid :dan"),
    "UNDEF joins with all": ("?s ?a { ?s :age ?a VALUES (?s ?a) { (:bob UNDEF) (UNDEF 2.5) } }", ":bob|4 :dan|2.5"),
    "VALUES behind a query": ("?s ?k { ?s :knows ?k } VALUES ?k { :cid }", ":ann|:cid :bob|:cid"),
    "a sub-select hides what it does not select": ("?s ?a { ?s :name 'Bob' { SELECT ?a { ?s :age ?a } ORDER BY DESC(?s) LIMIT 1 } }", ":bob|2.5"),
    "BIND ends its group": ("?y { :bob :age ?x BIND(?x * 2 AS ?y) }", "8"),
    "what fails in BIND leaves no value": ("?s ?y { ?s :age ?x BIND(?x + 1 AS ?y) }", ":ann|31 :bob|5 :cid| :dan|3.5"),
    "UNION keeps duplicates": ("?k { { :ann :knows ?k } UNION { :bob :knows ?k } }", ":bob :cid :cid"),
    "DISTINCT does not": ("DISTINCT ?k { { :ann :knows ?k } UNION { :bob :knows ?k } }", ":bob :cid"),
    # paths
    "a path of any length visits a circle once": ("?k { :ann :knows+ ?k }", ":ann :bob :cid"),
    "a path of length zero": ("?k { :dan :knows* ?k }", ":dan"),
    "an inverse and a sequence count each way": ("?k { :ann :knows/^:knows ?k }", ":ann :ann :bob"),
    "alternatives count both": ("?o { :bob :age|:name ?o }", '4 "Bob"'),
    "a negated set, forwards and backwards": ("?o { :bob !(:age|:name|^:nothing) ?o }", ":cid :ann"),
    "an optional step": ("?k { :bob :knows? ?k }", ":bob :cid"),
    # aggregates
    "counting nothing is zero": ("(COUNT(*) AS ?n) (SUM(?x) AS ?s) { ?x :none ?y }", "0|0"),
    "groups of nothing are none": ("?x (COUNT(*) AS ?n) { ?x :none ?y } GROUP BY ?x", ""),
    "one bad value spoils a sum": ("(SUM(?a) AS ?n) (COUNT(?a) AS ?c) { ?s :age ?a }", "|4"),
    "and not that of the others": ("(SUM(?a) AS ?n) (AVG(?a) = 17 AS ?m) { ?s :age ?a FILTER ISNUMERIC(?a) FILTER(?a > 3) }", "34|true"),
    "COUNT(DISTINCT) and HAVING": ("?k (COUNT(DISTINCT ?s) AS ?n) { ?s :knows ?k } GROUP BY ?k HAVING(COUNT(?s) > 1)", ":cid|2"),
    "a separator": ("(GROUP_CONCAT(STR(?a); SEPARATOR='+') AS ?n) { { SELECT ?a { ?s :age ?a FILTER ISNUMERIC(?a) } ORDER BY ?a } }", '"2.5+4+30"'),
    "grouping by an expression": ("?long (COUNT(*) AS ?n) { ?s :name ?m } GROUP BY (STRLEN(?m) > 1 AS ?long)", "false|1 true|3"),
    "MIN and MAX over kinds": ("(MIN(?a) AS ?x) (MAX(?a) AS ?y) { ?s :age ?a FILTER ISNUMERIC(?a) }", "2.5|30"),
    # expressions
    "an error in OR beside a truth": ("?s { ?s :age ?a FILTER(?a > 3 || ?a = 'old') }", ":ann :bob :cid"),
    "an error in IN beside a hit": ("(1 IN (1/0, 1) AS ?x) (2 IN (1/0, 1) AS ?y) {}", "true|"),
    "COALESCE and IF": ("(COALESCE(1/0, ?none, 'x') AS ?a) (IF(1 < 2, 'y', 1/0) AS ?b) {}", '"x"|"y"'),
    "the truth of values": ("(IF('', 1, 0) AS ?a) (IF(0.0, 1, 0) AS ?b) (IF('false', 1, 0) AS ?c) {}", "0|0|1"),
    "numbers of unlike types": ("(1 = 1.0 AS ?a) (1/2 AS ?b) (sameTerm(1, 1.0) AS ?c) {}", "true|0.5|false"),
    "languages": ("?n { ?s :name ?n FILTER LANGMATCHES(LANG(?n), 'en') }", '"Ann"@en "Cid"@en-gb'),
    "any language": ("?n { ?s :name ?n FILTER LANGMATCHES(LANG(?n), '*') }", '"Ann"@en "Cid"@en-gb "安"@zh'),
    "a part keeps the language": (
        "(STRBEFORE('abc'@en, 'b') AS ?a) (STRAFTER('abc'@en, 'z') AS ?b) (CONCAT('a'@en, 'b'@en) AS ?c) {}",
        '"a"@en|""|"ab"@en',
    ),
    "characters, not bytes": ("(STRLEN('安😀') AS ?a) (SUBSTR('安😀x', 2, 1) AS ?b) (ENCODE_FOR_URI('安 ') AS ?c) {}", '2|"😀"|"%E5%AE%89%20"'),
    "casts": ("(xsd:integer('7') AS ?a) (xsd:boolean('1') AS ?b) (xsd:integer('x') AS ?c) (xsd:integer(2.9) AS ?d) (STR(1.0) AS ?e) {}", '7|true||2|"1"'),
    "dates": ("(YEAR(?b) AS ?y) (?b < '1990-06-01'^^xsd:date AS ?x) (TZ('2011-01-10T14:45:13-05:00'^^xsd:dateTime) AS ?z) { :ann :born ?b }", '1990|true|"-05:00"'),
    "regular expressions and flags": ("?n { ?s :name ?n FILTER REGEX(STR(?n), '^B.B$', 'i') }", '"Bob"'),
    "replacing": ("(REPLACE('abcab', '(a)(b)', '$2$1') AS ?a) {}", '"bacba"'),
    "making literals": ("(STRDT('1', xsd:integer) AS ?a) (STRLANG('a', 'en') AS ?b) (DATATYPE('a'@en) = rdf:langString AS ?c) {}", '1|"a"@en|true'),
    "escapes in text and in names": ("?a ('\\u0022\\U0001F600' AS ?y) { <http://x/\\u0062ob> :age ?a }", '4|"\\"😀"'),
    "true and false are values": ("?x { VALUES ?x { true false -1 +1 0 '' } FILTER(?x) }", "true -1 1"),
}
ORDERED = {
    "no value, names, texts and numbers come in this order": ("?o { VALUES (?k ?o) { (1 'b') (1 2) (1 :x) (1 UNDEF) (1 10) (1 'a') } } ORDER BY ?o", '|:x|2|10|"a"|"b"'),
    "backwards, then by another": ("?x { VALUES (?x ?y) { (1 1) (2 2) (3 1) } } ORDER BY DESC(?y) ?x", "2|1|3"),
    "by an expression, and from the middle": ("?x { VALUES ?x { 5 3 4 1 2 } } ORDER BY (-?x) OFFSET 1 LIMIT 2", "4|3"),
    "none of them": ("?x { VALUES ?x { 1 2 } } LIMIT 0", ""),
}
FAULTS = {
    "BIND of a name that is taken": "SELECT * { ?s :age ?a BIND(1 AS ?a) }",
    "two columns of one name": "SELECT (1 AS ?x) (2 AS ?x) {}",
    "a star with groups": "SELECT * { ?s ?p ?o } GROUP BY ?s",
    "a variable that is neither grouped nor counted": "SELECT ?s (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p",
    "a blank node in two groups": "SELECT * { _:b :age ?a { _:b :name ?n } }",
    "too few columns": "SELECT * { VALUES (?a ?b) { (1) } }",
    "an aggregate in a filter": "SELECT * { ?s :age ?a FILTER(COUNT(?a) > 1) }",
    "no predicate": "SELECT * { ?s }",
    "two queries": "ASK {} ASK {}",
    "a literal as predicate": "SELECT * { ?s 'p' ?o }",
    "a function that nobody knows": "SELECT * { ?s :age ?a FILTER(:f(?a)) }",
    "half a surrogate": "ASK { ?s ?p '\\uD800' }",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A few people, behind killable workers."""
    path = tmp_path_factory.mktemp("standard") / "data.ttl"
    path.write_text(DATA, encoding="utf-8")
    with BoundedStore.from_files([path], Limits(quick=2, heavy=1)) as store:
        yield Served(store)


def told(served: Served, query: str) -> list[str]:
    """The rows in TSV, names short."""
    reply = served.query(f"{X} PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> SELECT {query}", "text/tab-separated-values")
    assert 200 == reply.status, reply.text
    return [line.replace("<http://x/", ":").replace(">", "").replace("\t", "|") for line in reply.text.split("\n")[1:-1]]


@pytest.mark.parametrize("name", ROWS)
def test_rows(served: Served, name: str) -> None:
    """In any order, each as often as the standard has it."""
    query, expected = ROWS[name]
    assert sorted(expected.split(" ") if expected else []) == sorted(told(served, query))


@pytest.mark.parametrize("name", ORDERED)
def test_order(served: Served, name: str) -> None:
    """As asked."""
    query, expected = ORDERED[name]
    assert (expected.split("|") if expected else []) == told(served, query)


@pytest.mark.parametrize("name", FAULTS)
def test_faults(served: Served, name: str) -> None:
    """Refused, with a sentence."""
    reply = served.query(X + FAULTS[name])
    assert 400 == reply.status, reply.text
    assert reply.json["detail"].endswith(".")
    assert reply.json["detail_zh"].endswith("。")


REUSED = {
    "?s (COUNT(?k) AS ?n) (?n * 2 AS ?m) (?m + ?n AS ?t) { ?s :knows ?k } GROUP BY ?s": ":ann|2|4|6 :bob|1|2|3 :cid|1|2|3",
    "(MAX(?a) AS ?n) (-?n AS ?m) { ?s :age ?a FILTER ISNUMERIC(?a) } HAVING(COUNT(*) = 3)": "30|-30",
    "?x { { SELECT (SUM(?a) AS ?n) (IF(?n > 30, 'much', 'little') AS ?x) { ?s :age ?a FILTER ISNUMERIC(?a) } } }": '"much"',
    "(SUM(?a) AS ?n) (COALESCE(?n + 1, 'none') AS ?m) { ?s :age ?a }": '|"none"',
}


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT * { ?z :knows ?b . ?b :age ?a }", "z,b,a"),
        ("select*{?z :knows ?b}", "z,b"),
        ("SELECT DISTINCT*WHERE{?z ?p ?b}", "z,p,b"),
        ("SELECT REDUCED * { { SELECT (COUNT(*) AS ?n) ?z { ?z :knows ?k } GROUP BY ?z } ?z :age ?a FILTER(?q != '?b') MINUS { ?c :age ?z } }", "n,z,a"),
        ("# SELECT *\nSELECT * { # ?a\n $z :name ?a FILTER(STR(?a) != '?b') } VALUES (?b) { (UNDEF) }", "z,a,b"),
        ("SELECT * { GRAPH ?z { ?y ?x [] } }", "z,y,x"),
        ("SELECT * { ?人 :knows ?b }", "人,b"),
        ("SELECT ?b ?a { ?a :knows ?b }", "b,a"),
        ("SELECT * {}", ""),
    ],
)
def test_columns_come_as_they_were_written(served: Served, query: str, columns: str) -> None:
    """Those of `SELECT *` too, as they first stand in the query; nothing else of the answer changes."""
    reply = served.query(X + query, "text/csv")
    assert (200, columns) == (reply.status, reply.text.partition("\r\n")[0])
    asked, ordered = (_found(text) for text in (X + query, in_order(X + query)))
    assert asked == ordered


def _found(text: str) -> list[list[tuple[str, str]]]:
    """The rows of the engine alone, each by the names of its columns."""
    store = ox.Store()
    store.load(DATA.encode(), ox.RdfFormat.TURTLE)
    found = store.query(text)
    assert isinstance(found, ox.QuerySolutions)
    return sorted(sorted((v.value, str(row[v])) for v in found.variables) for row in found)


@pytest.mark.parametrize("query", REUSED)
def test_a_column_that_uses_another_one(served: Served, query: str) -> None:
    """Aggregates too, which the engine alone refuses."""
    assert REUSED[query].split(" ") == sorted(told(served, query))


@pytest.mark.parametrize("query", ["SELECT (COUNT(*) + RAND() AS ?n) (?n + 1 AS ?m) { ?s :age ?a }", "SELECT (COUNT(*) AS ?n) (?s AS ?m) { ?s :age ?a }"])
def test_a_column_that_cannot_be_written_out(served: Served, query: str) -> None:
    """What chance gives would be two values; and a name that is neither grouped nor counted is one: a place in the text as it was written, and what to do."""
    reply = served.query(X + query)
    assert (400, 1) == (reply.status, reply.json["line"])
    assert reply.json["column"] <= len(X + query) + 1


def test_columns_do_not_grow_without_end() -> None:
    """Each uses the one before twice; the engine's refusal stays."""
    columns = " ".join(f"(?n{i} + ?n{i} AS ?n{i + 1})" for i in range(40))
    assert written_out(f"SELECT (COUNT(*) AS ?n0) {columns} {{}}") is None


@pytest.mark.parametrize(
    ("query", "says", "column"),
    [
        ("SELECT (xsd:integer() AS ?i) { ?s :age ?a }", "XMLSchema#integer> takes 1 argument(s), but has 0", 9),
        ("SELECT ?s { ?s :age ?a FILTER(xsd:double(?a, ?s) > 1) }", "XMLSchema#double> takes 1 argument(s), but has 2", 31),
        ("SELECT * { ?s :age ?a . ( <<( <<( :s :p :o )>> :q :z )>> 1 ) :p ?x }", "a triple term that RDF 1.2 does not know", None),
    ],
)
def test_what_the_engine_cannot_evaluate_is_a_fault_of_the_query(served: Served, query: str, says: str, column: int | None) -> None:
    """400 with the place, not a failure of the service that goes away by waiting."""
    reply = served.query(X + query)
    assert (400, True) == (reply.status, says in reply.json["detail"]), reply.text
    assert (column and len(X) + column) == reply.json.get("column")
