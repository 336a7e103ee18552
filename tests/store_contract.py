"""
The contract of a store, as one suite over a small dataset: every kind of store passes it whole, or names what its engine does otherwise.

A test module makes a subclass for a store, with a fixture `store` (scope class) that holds the dataset of `write_artefact`.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyoxigraph as ox
import pytest

from covalue.errors import FormatError, QueryError, RefusedError
from covalue.formats import FORMATS, Format, Shape, by_name, choose
from covalue.manifest import GraphInfo, Manifest, write_manifest
from covalue.stores import Request, Store

G = "https://w3id.org/covalue/graph/"
X = "http://www.w3.org/2001/XMLSchema#"
E = "https://example.org/"
PREFIXES = f"PREFIX e: <{E}> PREFIX g: <{G}> PREFIX xsd: <{X}> "
DATA = {
    "case/a": [
        f'<{E}a> <{E}year> "2010"^^<{X}gYear>',
        f'<{E}a> <{E}day> "2010-04-06"^^<{X}date>',
        f'<{E}a> <{E}share> "0.25"^^<{X}decimal>',
        f'<{E}a> <{E}number> "41"^^<{X}integer>',
        f'<{E}a> <{E}yes> "true"^^<{X}boolean>',
        f'<{E}a> <{E}label> "value \\"co\\"-creation\\\\\\n<&>"@en',
        f'<{E}a> <{E}label> "价值共创😀"@zh',
        f'<{E}a> <{E}note> ""',
        f"<{E}a> <{E}next> <{E}b>",
        f"<{E}a> <{E}both> <{E}c>",
    ],
    "case/b": [
        f"<{E}b> <{E}next> <{E}c>",
        f"<{E}a> <{E}both> <{E}c>",
        f'<{E}b> <{E}share> "0.75"^^<{X}decimal>',
        f"<{E}b> <{E}iri> <https://example.org/%E4%BB%B7?x=1&y=2#z>",
    ],
    "ontology": [
        f"<{E}C> <{E}restriction> _:c14n0",
        f"_:c14n0 <{E}on> <{E}p>",
        f"_:c14n0 <{E}some> _:c14n1",
        f"_:c14n1 <{E}first> <{E}D>",
        f"_:c14n1 <{E}rest> _:c14n2",
        f"_:c14n2 <{E}first> <{E}F>",
        f"<{E}D> <{E}below> <{E}C>",
        f"<{E}F> <{E}below> <{E}D>",
    ],
    "shapes": [f"<{E}shape> <{E}target> <{E}C>", f'<{E}C> <{E}label> "only a shape says so"@en'],
}
APART = {"shapes"}
MERGED = len({line for name, lines in DATA.items() if name not in APART for line in lines})


def write_artefact(folder: Path, data: dict[str, list[str]] | None = None) -> Manifest:
    """Writes a dataset as `covalue build` does, and its manifest."""
    data = DATA if data is None else data
    chunks = {f"{G}{name}": sorted(f"{line} <{G}{name}> .\n" for line in lines) for name, lines in data.items()}
    text = "".join(line for name in sorted(chunks) for line in chunks[name]).encode()
    digest = hashlib.sha256(text).hexdigest()
    digests = {g: hashlib.sha256("".join(lines).encode()).hexdigest() for g, lines in chunks.items()}
    infos = tuple(GraphInfo(g, g[len(G) :].partition("/")[0], g[len(G) :] not in APART, len(lines), digests[g]) for g, lines in sorted(chunks.items()))
    manifest = Manifest(digest, "f" * 64, "0.1.0", f"covalue-{digest[:16]}.nq", infos)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / manifest.data).write_bytes(text)
    write_manifest(folder, manifest)
    return manifest


def rows(store: Store, text: str, default: tuple[str, ...] | None = None, named: tuple[str, ...] | None = None) -> list[tuple[str, ...]]:
    """The solutions of a SELECT as terms in N-Triples form, sorted; the columns in the order of their names."""
    answer = store.answer(Request(PREFIXES + text, default, named), lambda shape: choose(shape, None, ["json"]))
    assert Shape.BINDINGS is answer.shape
    found = ox.parse_query_results(answer.body, format=ox.QueryResultsFormat.JSON)
    assert isinstance(found, ox.QuerySolutions)
    names = sorted(v.value for v in found.variables)
    return sorted(tuple("" if s[n] is None else str(s[n]) for n in names) for s in found)


def count(store: Store, pattern: str, **dataset: tuple[str, ...]) -> int:
    """How many solutions a pattern has, by the engine's own counting."""
    return int(rows(store, f"SELECT (COUNT(*) AS ?n) {{ {pattern} }}", **dataset)[0][0].split('"')[1])


def ask(store: Store, text: str) -> bool:
    """The answer to an ASK."""
    answer = store.answer(Request(PREFIXES + text), lambda shape: choose(shape, None, ["json"]))
    assert Shape.BOOLEAN is answer.shape
    return bool(json.loads(answer.body)["boolean"])


def triples(store: Store, text: str) -> set[tuple[str, str, str]]:
    """The statements of a graph answer; blank nodes look all alike."""
    answer = store.answer(Request(PREFIXES + text), lambda shape: choose(shape, None, ["nt"]))
    assert Shape.GRAPH is answer.shape
    return {
        tuple("_:" if isinstance(t, ox.BlankNode) else str(t) for t in (q.subject, q.predicate, q.object))  # type: ignore[misc]
        for q in ox.parse(answer.body, format=ox.RdfFormat.N_TRIPLES)
    }


class StoreContract:
    """What every store does."""

    RESOLVES = True
    """Whether IRI() of a relative text gives an absolute IRI; with Virtuoso 7.2.5 it does not."""
    UNION_COUNTS_ONCE = True
    """Whether a statement that stands in two graphs of a stated dataset counts once; oxigraph 0.5.13 and Virtuoso 7.2.5 count it twice."""

    def test_version_is_the_digest(self, store: Store) -> None:
        """The version names the data, and stays while they do."""
        digest = hashlib.sha256("".join(line for g in sorted(DATA) for line in sorted(f"{x} <{G}{g}> .\n" for x in DATA[g])).encode()).hexdigest()
        assert (digest, digest) == (store.version, store.version)

    def test_graphs(self, store: Store) -> None:
        """The graphs are those of the dataset, sorted; none of the store's own shows."""
        assert sorted(G + name for name in DATA) == list(store.graphs())

    def test_graph_variable_finds_the_same(self, store: Store) -> None:
        """GRAPH with a variable ranges over the same graphs, also nested and in EXISTS."""
        expected = sorted((f"<{G}{name}>",) for name in DATA)
        assert expected == rows(store, "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }")
        assert expected == rows(store, "SELECT DISTINCT ?g { ?x e:year ?y . { GRAPH ?g { ?s ?p ?o } } }")
        assert sum(map(len, DATA.values())) == count(store, "GRAPH ?g { ?s ?p ?o }")
        assert [(f"<{G}shapes>",)] == rows(store, "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } FILTER NOT EXISTS { ?s ?p ?o } }")

    def test_default_graph_is_the_merge(self, store: Store) -> None:
        """The default graph holds each statement of the marked graphs once, and none of the others."""
        assert MERGED == count(store, "?s ?p ?o")
        assert 0 == count(store, "?s e:target ?o")
        assert [(f"<{E}c>",)] == rows(store, "SELECT ?o { e:a e:both ?o }")

    def test_one_graph(self, store: Store) -> None:
        """A graph can be asked by name; one that is not there is empty."""
        assert [(f"<{E}C>",)] == rows(store, "SELECT ?o { GRAPH g:shapes { ?s e:target ?o } }")
        assert 0 == count(store, "GRAPH <https://example.org/absent> { ?s ?p ?o }")

    def test_from(self, store: Store) -> None:
        """FROM makes the default graph, and leaves no graph to GRAPH."""
        assert len(DATA["case/b"]) == int(rows(store, "SELECT (COUNT(*) AS ?n) FROM g:case\\/b { ?s ?p ?o }")[0][0].split('"')[1])
        assert [] == rows(store, "SELECT ?s FROM g:case\\/b { GRAPH g:shapes { ?s ?p ?o } }")
        assert [] == rows(store, "SELECT ?g FROM g:case\\/b { GRAPH ?g { ?s ?p ?o } }")

    def test_from_named(self, store: Store) -> None:
        """FROM NAMED makes the graphs of GRAPH, and leaves the default graph empty."""
        assert [(f"<{G}shapes>",)] == rows(store, f"SELECT DISTINCT ?g FROM NAMED <{G}shapes> {{ GRAPH ?g {{ ?s ?p ?o }} }}")
        assert [] == rows(store, f"SELECT ?s FROM NAMED <{G}shapes> {{ ?s ?p ?o }}")
        assert [] == rows(store, f"SELECT ?s FROM NAMED <{G}shapes> {{ GRAPH <{G}ontology> {{ ?s ?p ?o }} }}")

    def test_from_of_a_graph_that_is_not_there(self, store: Store) -> None:
        """FROM of an absent graph is empty, whatever its scheme; nothing is fetched."""
        for iri in ("https://example.org/absent", "http://127.0.0.1:9/x", "file:///etc/passwd"):
            assert [] == rows(store, f"SELECT ?s FROM <{iri}> {{ ?s ?p ?o }}")

    def test_protocol_dataset(self, store: Store) -> None:
        """The protocol's dataset holds, and wins over FROM."""
        a, b, shapes = (G + n for n in ("case/a", "case/b", "shapes"))
        assert len(DATA["case/a"]) == count(store, "?s ?p ?o", default=(a,))
        assert [(f"<{shapes}>",)] == rows(store, "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }", (a,), (shapes,))
        assert [] == rows(store, "SELECT ?s { ?s ?p ?o }", (), (shapes,))
        assert [] == rows(store, "SELECT ?s { GRAPH ?g { ?s ?p ?o } }", (a,), ())
        assert [(f"<{E}c>", f"<{E}b>")] == rows(store, f"SELECT ?s ?o FROM <{a}> {{ ?s e:next ?o }}", (b,), ())
        assert [] == rows(store, "SELECT ?s { ?s ?p ?o }", ("https://example.org/absent",), ())

    def test_statement_in_two_graphs_of_a_stated_dataset(self, store: Store) -> None:
        """Two graphs as one default graph: their statements are all there; counting them is the engine's matter where it is known to be wrong."""
        found = rows(store, "SELECT DISTINCT ?s ?o { ?s e:both ?o }", (G + "case/a", G + "case/b"), ())
        assert [(f"<{E}c>", f"<{E}a>")] == found
        once = count(store, "?s e:both ?o", default=(G + "case/a", G + "case/b"))
        assert self.UNION_COUNTS_ONCE is (once == 1)

    def test_literals_come_back(self, store: Store) -> None:
        """Values, datatypes, languages and characters come back as they went in."""
        said = {line.split(" ", 2)[2] for line in DATA["case/a"]}
        assert sorted((s,) for s in said) == rows(store, "SELECT ?o { GRAPH g:case\\/a { e:a ?p ?o } }")

    def test_iri_comes_back(self, store: Store) -> None:
        """An IRI with percent signs, query and fragment is not touched."""
        assert [("<https://example.org/%E4%BB%B7?x=1&y=2#z>",)] == rows(store, "SELECT ?o { e:b e:iri ?o }")
        assert ask(store, "ASK { e:b e:iri <https://example.org/%E4%BB%B7?x=1&y=2#z> }")

    def test_values_compare(self, store: Store) -> None:
        """Filters and arithmetic by type; what older engines got wrong stands here too."""
        assert ask(store, "ASK { ?s e:year ?y FILTER(?y = '2010'^^xsd:gYear) }")
        assert ask(store, "ASK { e:a e:next/e:next ?c ; e:year '2010'^^xsd:gYear }")
        assert ask(store, "ASK { ?s e:yes true }")
        assert ask(store, "ASK { ?s e:day ?d FILTER(?d > '2010-01-01'^^xsd:date) }")
        assert ask(store, "ASK { { SELECT (SUM(?v) AS ?t) { ?s e:share ?v } } FILTER(?t = 1) }")
        assert ask(store, "ASK { e:a e:label ?l FILTER(LANGMATCHES(LANG(?l), 'zh') && STRLEN(?l) = 5 && REGEX(?l, '共创')) }")
        assert not ask(store, "ASK { e:a e:label ?l FILTER(LANG(?l) = 'fr') }")

    def test_language_fallback(self, store: Store) -> None:
        """The label in a language, or in the next best: OPTIONAL, LANGMATCHES, COALESCE."""
        best = " ".join(f"OPTIONAL {{ e:a e:label ?{tag} FILTER(LANGMATCHES(LANG(?{tag}), '{tag}')) }}" for tag in ("fr", "zh"))
        text = f"SELECT ?l {{ e:a e:year ?y {best} BIND(COALESCE(?fr, ?zh) AS ?l) }}"
        assert [('"价值共创😀"@zh',)] == rows(store, text)

    def test_paths(self, store: Store) -> None:
        """Paths of any length, zero included, and negated sets."""
        assert [(f"<{E}a>",), (f"<{E}b>",), (f"<{E}c>",)] == rows(store, "SELECT ?x { e:a e:next* ?x }")
        assert [(f"<{E}C>",), (f"<{E}D>",)] == rows(store, "SELECT ?x { e:F e:below+ ?x }")
        assert [(f"<{E}c>",)] == rows(store, "SELECT DISTINCT ?x { e:b !(e:share|e:iri) ?x }")

    def test_aggregates(self, store: Store) -> None:
        """Groups, HAVING, and a count over nothing."""
        assert [('"1"^^<http://www.w3.org/2001/XMLSchema#integer>', f"<{E}a>"), ('"1"^^<http://www.w3.org/2001/XMLSchema#integer>', f"<{E}b>")] == rows(
            store, "SELECT ?s (COUNT(?v) AS ?n) { ?s e:share ?v } GROUP BY ?s HAVING (COUNT(?v) = 1)"
        )
        assert 0 == count(store, "?s e:nothing ?o")

    def test_column_that_uses_an_aggregate(self, store: Store) -> None:
        """A column may use the name of another one, also where that one counts."""
        counted = '"{}"^^<http://www.w3.org/2001/XMLSchema#integer>'.format
        assert [(counted(4), counted(2))] == rows(store, "SELECT (COUNT(?v) AS ?n) (?n * 2 AS ?m) { ?s e:share ?v }")

    def test_relative_iri(self, store: Store) -> None:
        """A relative IRI is one below the project's own, unless the query says otherwise; `graph/` is such a one."""
        assert [(f"<{E}C>",)] == rows(store, "SELECT ?o { GRAPH <graph/shapes> { ?s e:target ?o } }")
        assert [(f"<{E}C>",)] == rows(store, f"BASE <{E}> SELECT ?o {{ GRAPH g:shapes {{ <shape> e:target ?o }} }}")
        assert len(DATA["case/b"]) == len(rows(store, "SELECT ?s ?o FROM <graph/case/b> { ?s ?p ?o }"))
        if self.RESOLVES:
            assert [(f"<{E}x>", "<https://w3id.org/covalue/y>")] == rows(store, f"SELECT * {{ BIND(IRI('y') AS ?b) BIND(<{E}x> AS ?a) }}")
            assert [(f"<{E}x>",)] == rows(store, f"BASE <{E}> SELECT * {{ BIND(URI('x') AS ?a) }}")

    def test_function_that_is_not_sparql(self, store: Store) -> None:
        """A function beyond the standard's is an error that names it, not an empty answer."""
        with pytest.raises(QueryError, match=r"there is no function <https://example\.org/f>"):
            ask(store, "ASK { e:a e:number ?n FILTER(e:f(?n)) }")

    def test_negation(self, store: Store) -> None:
        """MINUS and NOT EXISTS."""
        assert [(f"<{E}b>",)] == rows(store, "SELECT ?s { ?s e:share ?v MINUS { ?s e:year ?y } }")
        assert [(f"<{E}b>",)] == rows(store, "SELECT ?s { ?s e:share ?v FILTER NOT EXISTS { ?s e:year ?y } }")

    def test_blank_node_is_one_in_all_graphs(self, store: Store) -> None:
        """A blank node of a named graph is the same in the merge."""
        assert 1 == count(store, "e:C e:restriction ?b . GRAPH g:ontology { ?b e:on e:p }")

    def test_describe(self, store: Store) -> None:
        """A description is what the default graph says of a resource, and of blank nodes below it; not what is said of it elsewhere."""
        expected = {
            (f"<{E}C>", f"<{E}restriction>", "_:"),
            ("_:", f"<{E}on>", f"<{E}p>"),
            ("_:", f"<{E}some>", "_:"),
            ("_:", f"<{E}first>", f"<{E}D>"),
            ("_:", f"<{E}rest>", "_:"),
            ("_:", f"<{E}first>", f"<{E}F>"),
        }
        assert expected == triples(store, "DESCRIBE e:C")
        assert set() == triples(store, "DESCRIBE e:absent")

    def test_describe_by_pattern(self, store: Store) -> None:
        """Resources may come from a pattern, and several may be described at once."""
        expected = triples(store, "DESCRIBE e:b") | triples(store, "DESCRIBE e:F")
        assert expected == triples(store, "DESCRIBE ?x e:F WHERE { ?x e:iri ?y }")
        assert expected == triples(store, "DESCRIBE * WHERE { { BIND(e:F AS ?x) } UNION { ?x e:iri ?y } }")

    def test_construct(self, store: Store) -> None:
        """A constructed graph is a set."""
        assert {(f"<{E}x>", f"<{E}y>", f"<{E}a>"), (f"<{E}x>", f"<{E}y>", f"<{E}b>")} == triples(store, "CONSTRUCT { e:x e:y ?s } WHERE { ?s e:share ?v . ?t e:share ?w }")
        assert {(f"<{E}b>", f"<{E}next>", f"<{E}c>"), (f"<{E}a>", f"<{E}next>", f"<{E}b>")} == triples(store, "CONSTRUCT WHERE { ?s e:next ?o }")

    @pytest.mark.parametrize("wanted", [f for f in FORMATS if Shape.BINDINGS in f.shapes and isinstance(f.engine, ox.QueryResultsFormat)], ids=lambda f: f.extension)
    def test_table_in_every_format(self, store: Store, wanted: Format) -> None:
        """A table comes in every format that carries it, with all rows and characters."""
        answer = store.answer(Request(PREFIXES + "SELECT ?l ?n { e:a e:label ?l ; e:number ?n }"), lambda _: wanted)
        assert (Shape.BINDINGS, wanted) == (answer.shape, answer.format)
        text = answer.body.decode("utf-8")
        assert ("价值共创😀" in text, text.count("41")) == (True, 2)
        if wanted.extension != "csv":
            found = ox.parse_query_results(answer.body, format=wanted.engine)
            assert isinstance(found, ox.QuerySolutions)
            assert {'"价值共创😀"@zh', '"value \\"co\\"-creation\\\\\\n<&>"@en'} == {str(s["l"]) for s in found}

    @pytest.mark.parametrize("name", ["json", "xml"])
    def test_boolean_in_every_format(self, store: Store, name: str) -> None:
        """A boolean comes in both its formats."""
        for text, expected in (("ASK { e:a e:next e:b }", True), ("ASK { e:b e:next e:a }", False)):
            answer = store.answer(Request(PREFIXES + text), lambda shape: choose(shape, None, [name]))
            found = ox.parse_query_results(answer.body, format=answer.format.engine)  # type: ignore[arg-type]
            assert isinstance(found, ox.QueryBoolean)
            assert expected is bool(found)

    @pytest.mark.parametrize("wanted", [f for f in FORMATS if Shape.GRAPH in f.shapes and isinstance(f.engine, ox.RdfFormat)], ids=lambda f: f.extension)
    def test_graph_in_every_format(self, store: Store, wanted: Format) -> None:
        """A graph comes in every RDF format, with the same statements."""
        answer = store.answer(Request(PREFIXES + "CONSTRUCT { ?s e:label ?l } WHERE { ?s e:label ?l }"), lambda _: wanted)
        assert (Shape.GRAPH, wanted) == (answer.shape, answer.format)
        assert {'"价值共创😀"@zh', '"value \\"co\\"-creation\\\\\\n<&>"@en'} == {str(q.object) for q in ox.parse(answer.body, format=wanted.engine)}  # type: ignore[arg-type]

    def test_choice_of_format_is_passed_on(self, store: Store) -> None:
        """An error of the choice comes out as it is."""

        def none(shape: Shape) -> Format:
            raise FormatError("none", "无")

        with pytest.raises(FormatError, match="none"):
            store.answer(Request("ASK {}"), none)
        assert by_name("csv", Shape.BOOLEAN) is None

    @pytest.mark.parametrize(
        ("text", "line", "words"),
        [
            ("SELECT * {", 1, "never closed"),
            ("SELECT *\n{ ?s vcx:p ?o }", 2, 'prefix "vcx:"'),
            ("SELEC * { ?s ?p ?o }", 1, "SELECT"),
            ("", None, "empty"),
            ("define sql:log-enable 1 SELECT * { ?s ?p ?o }", 1, ""),
        ],
    )
    def test_bad_query_is_diagnosed(self, store: Store, text: str, line: int | None, words: str) -> None:
        """What is no query is an error with its place and in our words, whatever the engine would say."""
        with pytest.raises(QueryError) as caught:
            store.answer(Request(text), lambda shape: choose(shape, None))
        assert words in caught.value.en
        assert line == (caught.value.place.line if caught.value.place else None)
        assert "SP030" not in str(caught.value)

    @pytest.mark.parametrize(
        "text",
        ["DROP ALL", "INSERT DATA { <urn:a> <urn:b> 1 }", "LOAD <http://127.0.0.1:9/x>", "SELECT * { SERVICE <http://127.0.0.1:9/x> { ?s ?p ?o } }", "CLEAR DEFAULT"],
    )
    def test_refused(self, store: Store, text: str) -> None:
        """Updates and calls outside are refused, and nothing changes."""
        with pytest.raises(RefusedError):
            store.answer(Request(text), lambda shape: choose(shape, None))
        assert MERGED == count(store, "?s ?p ?o")

    @pytest.mark.parametrize("graph", ["not an iri", "<x>", "urn:a> <urn:b", ""])
    def test_graph_that_is_no_iri(self, store: Store, graph: str) -> None:
        """A dataset parameter that is no IRI is an error of whoever asks, and nothing else."""
        with pytest.raises(QueryError):
            store.answer(Request("ASK { ?s ?p ?o }", (graph,), ()), lambda shape: choose(shape, None))

    def test_many_threads(self, store: Store) -> None:
        """Questions from several threads get each its own answer."""

        def one(n: int) -> bool:
            return rows(store, f"SELECT ?x {{ VALUES ?x {{ {n} }} e:a e:next e:b }}") == [(f'"{n}"^^<{X}integer>',)]

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(one, range(64)))
