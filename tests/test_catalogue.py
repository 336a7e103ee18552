"""The catalogue of questions as JSON, as RDF that can be queried, and as OpenAPI."""

from __future__ import annotations

import json
from pathlib import Path

import pyoxigraph as ox
import pytest
from openapi_spec_validator import validate

from covalue import catalogue
from covalue.names import PREFIXES
from covalue.questions import Answers
from library_served import FIRST_THIRTEEN, answers_of, with_extra

RDFS, SH = PREFIXES["rdfs"], PREFIXES["sh"]
PREFIX = "".join(f"PREFIX {p}: <{PREFIXES[p]}>\n" for p in ("dcat", "dcterms", "rdfs", "schema", "sh", "skos", "vcc"))


@pytest.fixture(scope="module")
def answers(real_built: tuple[object, Path], tmp_path_factory: pytest.TempPathFactory) -> Answers:
    return answers_of(real_built[1], with_extra(tmp_path_factory.mktemp("extra")))


@pytest.fixture(scope="module")
def store(answers: Answers) -> ox.Store:
    """The catalogue as it would be loaded by somebody who wants to query it."""
    made = ox.Store()
    made.extend(ox.Quad(t.subject, t.predicate, t.object) for t in catalogue.triples(answers.library, "https://example.org/sparql"))
    return made


def ask(store: ox.Store, query: str) -> list[tuple[str, ...]]:
    found = store.query(PREFIX + query)
    assert isinstance(found, ox.QuerySolutions)
    return [tuple(str(getattr(x, "value", "")) for x in row) for row in found]


# --- JSON


def test_json_lists_every_question(answers: Answers) -> None:
    """Each has its name, IRI, path, texts in both languages, parameters and columns; choices stand once for each class."""
    body = catalogue.as_json(answers.library, answers)
    names = [q["name"] for q in body["questions"]]
    assert list(answers.library.questions) == names
    assert set(FIRST_THIRTEEN) <= set(names)
    for q in body["questions"]:
        assert ({"en", "zh"}, {"en", "zh"}) == (set(q["title"]), set(q["question"]))
        assert all({"en", "zh"} == set(c["heading"]) for c in q["columns"])
        assert all(p["class"] in body["choices"] for p in q["parameters"] if p["type"] == "iri")
    users = next(c for c in body["choices"]["https://w3id.org/covalue/ontology#Actor"] if c["value"] == "xiaomi/actor/users")
    assert {"en": "users", "zh": "用户"} == users["label"]
    json.dumps(body)


def test_json_of_an_area(answers: Answers) -> None:
    """An area holds its own questions."""
    assert {"figures"} == {q["area"] for q in catalogue.as_json(answers.library, None, "figures")["questions"]}


def test_every_area_has_a_name_in_both_languages(answers: Answers) -> None:
    """A folder without a name would show its folder name to Chinese readers."""
    assert {q.area for q in answers.library.questions.values()} <= set(catalogue.AREAS)


def test_no_question_takes_a_reserved_name(answers: Answers) -> None:
    """What addresses need for themselves is no parameter of a question."""
    assert not {p.name for q in answers.library.questions.values() for p in q.query.parameters} & catalogue.RESERVED


# --- RDF


def test_questions_can_be_queried_with_their_queries(answers: Answers, store: ox.Store) -> None:
    """Each is an executable with labels in both languages, and its query runs as it stands."""
    rows = ask(
        store,
        """SELECT ?id ?en ?zh ?select WHERE { ?q a sh:SPARQLExecutable ; dcterms:identifier ?id ; rdfs:label ?en , ?zh ; sh:select ?select
           FILTER (LANG(?en) = 'en' && LANG(?zh) = 'zh') }""",
    )
    assert sorted(answers.library.questions) == sorted(r[0] for r in rows)
    texts = {r[0]: r[3] for r in rows}
    for name in FIRST_THIRTEEN:
        assert answers.library.get(name).query.text == texts[name]
        assert ox.Store().query(texts[name]) is not None


def test_parameters_say_what_they_take(store: ox.Store) -> None:
    """A path that ends in the variable's name, whether it may be left out or repeated, and a class or a datatype."""
    rows = ask(
        store,
        """SELECT ?path ?optional ?most ?class ?type ?example WHERE { ?q dcterms:identifier "actors/zz-typed" ; sh:parameter ?p .
           ?p sh:path ?path ; sh:optional ?optional ; sh:order ?order OPTIONAL { ?p sh:maxCount ?most } OPTIONAL { ?p sh:class ?class } OPTIONAL { ?p sh:datatype ?type }
           OPTIONAL { ?p skos:example ?example } } ORDER BY ?order""",
    )
    short = [(*(x.rpartition("/")[2].rpartition("#")[2] for x in r[:5]), r[5]) for r in rows]
    assert [
        ("_actor_iri", "true", "", "Actor", "", "xiaomi/actor/users"),
        ("_one_iri", "true", "1", "Actor", "", ""),
        ("_year_year", "true", "1", "", "integer", "2021"),
        ("_share_decimal", "true", "1", "", "decimal", "1.5"),
        ("_words_text", "true", "1", "", "string", "小米"),
    ] == short
    assert [("false",)] == ask(store, 'SELECT ?o WHERE { ?q dcterms:identifier "figures/zz-needed" ; sh:parameter/sh:optional ?o }')


def test_keywords_and_endpoint(store: ox.Store) -> None:
    """Keywords have their language, and it is said where to ask."""
    assert [("parameters",), ("test",), ("测试",)] == ask(store, 'SELECT ?k WHERE { ?q dcterms:identifier "actors/zz-typed" ; dcat:keyword ?k } ORDER BY ?k')
    assert [("https://example.org/sparql",)] == ask(store, "SELECT DISTINCT ?e WHERE { ?q schema:target ?e }")


def test_which_questions_have_a_column_of_passages(store: ox.Store) -> None:
    """An example of asking the catalogue: evidence is a column of many."""
    found = {r[0] for r in ask(store, 'SELECT ?id WHERE { ?q dcterms:identifier ?id ; schema:variableMeasured/schema:alternateName "passage" }')}
    assert {"figures/all-figures", "causes/from-2016-crisis"} <= found


def test_no_blank_nodes_and_no_repetition(answers: Answers) -> None:
    """Everything can be looked up, and said once."""
    made = catalogue.triples(answers.library)
    assert len(made) == len(set(made))
    assert not any(isinstance(t.subject, ox.BlankNode) or isinstance(t.object, ox.BlankNode) for t in made)


# --- OpenAPI

ROUTES = ("/sparql", "/citation", "/network.graphml", "/network.gexf", "/ask", "/graph-store", "/dataset", "/metrics")


def test_openapi_is_valid(answers: Answers) -> None:
    """The document is OpenAPI 3.1 by the specification's own schema, with a path for each question."""
    document = catalogue.openapi(answers.library, answers, "https://example.org/covalue/", ROUTES)
    validate(document)
    assert {f"/questions/{n}" for n in answers.library.questions} | {"/questions", *ROUTES} == set(document["paths"])
    assert "https://example.org/covalue" == document["servers"][0]["url"]
    operations = [o["operationId"] for p in document["paths"].values() for o in p.values()]
    assert len(operations) == len(set(operations))


def test_openapi_leaves_out_what_is_not_there(answers: Answers) -> None:
    """A service without /ask says nothing of it."""
    assert "/ask" not in catalogue.openapi(answers.library, answers, "/", ("/sparql",))["paths"]


def test_openapi_types_parameters(answers: Answers) -> None:
    """Choices are the graph's own, several values are a repeated parameter, years are integers."""
    document = catalogue.openapi(answers.library, answers, "/", ROUTES)
    by_name = {p["name"]: p for p in document["paths"]["/questions/actors/zz-typed"]["get"]["parameters"] if "name" in p}
    assert ("array", True, "form") == (by_name["actor"]["schema"]["type"], by_name["actor"]["explode"], by_name["actor"]["style"])
    assert {"$ref": "#/components/schemas/vcc.Actor"} == by_name["one"]["schema"] == by_name["actor"]["schema"]["items"]
    assert "xiaomi/actor/users" in document["components"]["schemas"]["vcc.Actor"]["enum"]
    assert ("integer", 2021) == (by_name["year"]["schema"]["type"], by_name["year"]["example"])
    assert document["paths"]["/questions/figures/zz-needed"]["get"]["parameters"][0]["required"] is True
