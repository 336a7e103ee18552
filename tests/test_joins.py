"""Queries are written so that the engine joins them in a better way, and mean the same."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pyoxigraph as ox
import pytest

from covalue.errors import QueryError
from covalue.sparql import listed
from covalue.stores import Request
from covalue.stores.joins import ALIKE, FEW, STEPS, Sizes, arranged
from covalue.stores.oxigraph import OxigraphStore

PREFIX = "PREFIX : <http://x/> "
COMPARED = "{ ?a :case :A ; :about ?d . ?b :case :B ; :about ?d }"
HEAD = f"{PREFIX}SELECT ?d ?a ?b WHERE "
COUNTED = f"{PREFIX}SELECT ?r (COUNT(?x) AS ?n) WHERE "
MATRIX = "{ ?x :role ?r ; :about ?d }"


def store(lines: str) -> ox.Store:
    """The engine's store with some Turtle."""
    out = ox.Store()
    out.load(f"@prefix : <http://x/> . {lines}".encode(), ox.RdfFormat.TURTLE)
    return out


def claims(count: int, case: str, **other: str) -> str:
    """So many claims of a case, each with role and topic."""
    return "".join(f":{case}{i} :case :{case} ; :about :d{i % 7} ; :role :r{i % 3} . " for i in range(count))


@pytest.fixture(scope="module")
def small() -> ox.Store:
    return store(claims(20, "A") + claims(30, "B") + ':d1 :label "eins"@de, "one" . :d2 :label "two" ; :part :d1 .')


def rows(engine: ox.Store, text: str) -> Counter[tuple[str, ...]]:
    """The rows of an answer, with how often each is there."""
    found = engine.query(text)
    assert isinstance(found, ox.QuerySolutions)
    return Counter(tuple(str(v) for v in row) for row in found)


def groups(text: str | None) -> list[str]:
    """What stands in the sub-selects."""
    assert text is not None
    return [part.partition(" }")[0] for part in text.split("{ SELECT * { ")[1:]]


def test_the_sides_of_a_comparison_are_found_by_themselves(small: ox.Store) -> None:
    assert groups(arranged(HEAD + COMPARED, Sizes(small))) == ["?a :case :A . ?a :about ?d .", "?b :case :B . ?b :about ?d ."]


def test_what_is_said_of_a_common_thing_goes_with_one_side(small: ox.Store) -> None:
    text = HEAD + '{ ?a :case :A ; :about ?d . ?d :label ?l . ?b :case :B ; :about $d FILTER(LANG(?l) = "") }'
    assert groups(arranged(text, Sizes(small))) == ["?a :case :A . ?a :about ?d . ?d :label ?l .", "?b :case :B . ?b :about $d ."]


def test_lists_are_gone_through_together(small: ox.Store) -> None:
    assert groups(arranged(f"{COUNTED}{MATRIX} GROUP BY ?r", Sizes(small))) == ["?x :role ?r .", "?x :about ?d ."]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(HEAD + "{ ?a :case :A ; :about ?d . ?b :case ?c ; :about ?d }", id="only one side names something"),
        pytest.param(HEAD + "{ ?a :case :A ; :about ?d . ?d :part :d1 }", id="one side leads to the other"),
        pytest.param(HEAD + "{ ?a :case :A . ?b :case :B }", id="nothing in common"),
        pytest.param(HEAD + "{ ?a :case :A ; :about ?d . ?b :case :B ; :about ?d . ?e :part ?f }", id="something apart"),
        pytest.param(HEAD + "{ ?a :case :A ; :about ?d . ?b :case :B ; :about ?d . ?e :about ?d }", id="something that leads to what they have in common"),
        pytest.param(HEAD + "{ ?a :case :A ; :about ?d . ?b :case :B ; :about ?d . ?e :like ?a ; :case ?c }", id="something that leads to a side"),
        pytest.param(HEAD + "{ ?a :case :A ; :about _:d . ?b :case :B ; :about _:d }", id="a blank node on both sides"),
        pytest.param(HEAD + "{ ?a :case :A ; :about [ ] . ?b :case :B ; :about ?d }", id="an anonymous one"),
        pytest.param(HEAD + "{ ?a :case :A ; :year 2016 ; :about ?d . ?b :case :B ; :about ?d }", id="a number"),
        *(
            pytest.param(HEAD + f"{{ ?a :case :A ; :about ?d . ?b :case :B ; :about ?d ; {path} ?c }}", id=f"as often as the engine finds it: {path}")
            for path in (":about|:part", "!:about", ":about/(:part|:role)", "^(:about/:part)", ":part*/!(:role|^:role)")
        ),
        pytest.param(HEAD + "{ OPTIONAL { ?a :case :A } ?a :about ?d . ?b :case :B ; :about ?d }", id="something else comes first"),
        pytest.param(HEAD + "{ { SELECT ?d ?a ?b { ?a :case :A ; :about ?d . ?b :case :B ; :about ?d } } }", id="in a sub-select"),
        pytest.param(f"{PREFIX}ASK {COMPARED}", id="a question of yes or no"),
        pytest.param(f"{PREFIX}SELECT ?r WHERE {MATRIX} LIMIT 3", id="the first rows will do"),
        pytest.param(f"{COUNTED}{{ ?x :role ?r ; :about ?d FILTER(?d = :d1) }} GROUP BY ?r", id="a filter may leave few"),
        pytest.param(f"{COUNTED}{MATRIX} GROUP BY ?r VALUES ?d {{ :d1 }}", id="so may values"),
        pytest.param(f"{COUNTED}{{ ?x :role ?r ; :about/:part ?d }} GROUP BY ?r", id="a path"),
        pytest.param(f"{COUNTED}{{ ?x :role ?r ; ?p ?d }} GROUP BY ?r", id="any property"),
        pytest.param(f"{COUNTED}{{ ?x :role ?r ; :about ?r }} GROUP BY ?r", id="one object twice"),
        pytest.param(f"{COUNTED}{{ ?x :role ?x ; :about ?r }} GROUP BY ?r", id="something of itself"),
        pytest.param(f"{COUNTED}{{ ?x :role ?r . ?r :label ?l }} GROUP BY ?r", id="two subjects"),
        pytest.param(f"{COUNTED}{{ ?x :role ?r }} GROUP BY ?r", id="one pattern"),
        pytest.param(f"{COUNTED}{{ ?x :role ?r ; unknown:about ?d }} GROUP BY ?r", id="a prefix that is not declared"),
        pytest.param(f"{COUNTED}{MATRIX[:-1]} GROUP BY ?r", id="a group that is left open"),
        pytest.param(f"{COUNTED}{{ ?x :role ?r ; :about }} GROUP BY ?r", id="an object that is missing"),
        pytest.param(HEAD, id="no group"),
        pytest.param(f"{PREFIX}DESCRIBE ?a {COMPARED}", id="a description"),
        pytest.param("COUNT", id="no query"),
    ],
)
def test_other_queries_stay_as_they_are(small: ox.Store, text: str) -> None:
    assert arranged(text, Sizes(small)) is None


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}{COMPARED}",
        f"{HEAD}{{ ?a :case :A ; :about ?d . ?b :about ?d ; :case :B . OPTIONAL {{ ?d :label ?l }} FILTER(!BOUND(?l)) }} ORDER BY ?a LIMIT 5",
        f"{HEAD}{{?a :case :A;:about?d.?b :case :B;:about?d.}}",
        f"{HEAD}{{ ?a # first\n :case :A ; ; :about ?d, $d . ?b # then\n :case <http://x/B> ; :about ?d . VALUES ?d {{ :d1 :d2 }} }}",
        f"{HEAD}{{ ?a :case :A ; :about ?d . ?b :case :B ; :about ?d . ?d :label 'one', \"eins\"@de ; ^:part/:label ?l }}",
        f"{PREFIX}SELECT (COUNT(*) AS ?n) ?d WHERE{COMPARED}GROUP BY ?d HAVING(COUNT(*) > 1)",
        f"{COUNTED}{MATRIX} GROUP BY ?r",
        f"{COUNTED}{{ ?x :role ?r . ?x :about ?d . ?x :case ?c }} GROUP BY ?r",
        f"{PREFIX}BASE <http://x/> SELECT (COUNT(*) AS ?n) {{ ?x <role> ?r ; <case> <A> }}",
    ],
)
def test_the_answer_is_the_same(small: ox.Store, text: str) -> None:
    better = arranged(text, Sizes(small))
    assert better is not None
    assert rows(small, better) == rows(small, text) != Counter()


def test_all_variables_come_in_the_same_order(small: ox.Store) -> None:
    text = f"{PREFIX}SELECT * {{ ?z :case :A ; :about ?d . ?b :case :B ; :about ?d OPTIONAL {{ ?d :label ?a }} BIND(1 AS ?c) }}"
    better = arranged(text, Sizes(small))
    assert better is not None
    first, second = small.query(better), small.query(text)
    assert isinstance(first, ox.QuerySolutions)
    assert isinstance(second, ox.QuerySolutions)
    assert first.variables == second.variables
    assert rows(small, better) == rows(small, text) != Counter()


def test_what_is_built_is_the_same(small: ox.Store) -> None:
    text = f"{PREFIX}CONSTRUCT {{ ?a :like ?b }} WHERE {COMPARED}"
    better = arranged(text, Sizes(small))
    assert better is not None
    assert set(small.query(better)) == set(small.query(text)) != set()  # type: ignore[call-overload]


def made_up(draw: random.Random) -> str:
    """A query of some patterns, with few names for many places."""
    subjects = draw.sample(["?a", "?b", "$c", ":t1"], draw.choice([1, 2, 2, 3]))
    objects = ["?a", "?b", "?d", "?d", "?e", "?f", ":t1", ":t2", ":t3", '"x"@en']
    blocks = []
    for subject in subjects:
        parts = [f"{draw.choice([*[':p', ':q', ':r'] * 4, '^:p', ':p/:q'])} {', '.join(draw.sample(objects, draw.choice([1, 1, 2])))}" for _ in range(draw.randint(1, 3))]
        blocks.append(f"{subject} {draw.choice(['; ', ' ;']).join(parts)}")
    rest = draw.choice(["", "", "FILTER(?a != ?b)", "OPTIONAL { ?a :r ?g }", "BIND(1 AS ?g)", "MINUS { ?a :p :t1 }", "{ ?a :q ?g } UNION { ?b :q ?g }"])
    if draw.random() < 0.4:
        return f"{PREFIX}SELECT ?a ?d (COUNT(*) AS ?n) WHERE {{ {' . '.join(blocks)} {draw.choice(['', rest])} }} GROUP BY ?a ?d"
    return f"{PREFIX}SELECT ?a ?b ?c ?d ?e ?f ?g WHERE {{ {' . '.join(blocks)} . {rest} }}"


def test_made_up_queries_are_answered_the_same() -> None:
    draw, changed, found = random.Random(1), 0, 0
    for _ in range(60):
        engine = store("".join(f":t{draw.randint(1, 6)} :{draw.choice('pqr')} {draw.choice([':t1', ':t2', ':t3', ':t4', chr(34) + 'x' + chr(34) + '@en'])} . " for _ in range(60)))
        for _ in range(100):
            text = made_up(draw)
            better = arranged(text, Sizes(engine))
            if better is not None:
                answer = rows(engine, text)
                assert rows(engine, better) == answer, text
                changed, found = changed + 1, found + bool(answer)
    assert found > 100 < changed - found


@pytest.mark.parametrize(("one", "other", "sides"), [(FEW, 3, True), (FEW + 1, 3, False), (FEW + 1, FEW, True), (ALIKE * 300, 300, True), (ALIKE * 300 + 1, 300, False)])
def test_a_side_that_many_more_have_is_none(one: int, other: int, sides: bool) -> None:
    assert (arranged(HEAD + COMPARED, Sizes(store(claims(one, "A") + claims(other, "B")))) is not None) is sides


def test_lists_of_very_different_length_are_not_gone_through_together() -> None:
    some = claims(40, "A")
    text = f"{COUNTED}{{ ?x :role ?r ; :mark ?m }} GROUP BY ?r"
    marks = [f":A{i} :mark {i} . " for i in range(40)]
    assert arranged(text, Sizes(store(some + "".join(marks[: 40 // ALIKE])))) is not None
    assert arranged(text, Sizes(store(some + "".join(marks[: 40 // ALIKE - 1])))) is None


def test_only_so_many_statements_are_gone_through_together(small: ox.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{COUNTED}{MATRIX} GROUP BY ?r"
    monkeypatch.setattr("covalue.stores.joins.MOST", 100)
    assert arranged(text, Sizes(small)) is not None
    monkeypatch.setattr("covalue.stores.joins.MOST", 99)
    assert arranged(text, Sizes(small)) is None
    monkeypatch.setattr("covalue.stores.joins.STEPS", (10, 50))
    assert arranged(text, Sizes(small)) is None


class _Counting(Sizes):
    """Sizes, and what was really counted."""

    def __init__(self, engine: ox.Store) -> None:
        super().__init__(engine)
        self.counted: list[str] = []

    def _count(self, text: str) -> int:
        self.counted.append(text)
        return super()._count(text)


def test_what_is_known_is_not_counted_again(small: ox.Store) -> None:
    sizes = _Counting(small)
    assert [sizes.size(PREFIX, "?s :case :A", most) for most in (5, 5, 3, 100, 1000, 7)] == [5, 5, 3, 20, 20, 7]
    assert len(sizes.counted) == 2


def test_nothing_is_counted_further_than_it_matters() -> None:
    sizes = _Counting(store(claims(STEPS[0] * 2, "A") + ":B0 :mark 1 ."))
    assert arranged(f"{COUNTED}{{ ?x :role ?r ; :mark ?m }} GROUP BY ?r", sizes) is None
    assert all(f"LIMIT {STEPS[0] + 1}" in text for text in sizes.counted)


@pytest.fixture
def opened(small: ox.Store) -> OxigraphStore:
    return OxigraphStore(small, "v")


def test_the_store_asks_so(opened: OxigraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("covalue.stores.oxigraph.arranged", lambda text, _: text.replace(":A", ":B"))
    found = opened.evaluate(f"{PREFIX}SELECT ?x {{ ?x :case :A }}", None, None)
    assert isinstance(found, ox.QuerySolutions)
    assert len(list(found)) == 30


@pytest.mark.parametrize("graphs", [(), ("http://x/g",)])
def test_a_dataset_of_the_protocol_is_asked_as_it_is_written(opened: OxigraphStore, monkeypatch: pytest.MonkeyPatch, graphs: tuple[str, ...]) -> None:
    monkeypatch.setattr("covalue.stores.oxigraph.arranged", lambda *_: "ASK {}")
    assert isinstance(opened.evaluate(f"{PREFIX}SELECT ?x {{ ?x :case :A }}", graphs, None), ox.QuerySolutions)
    assert isinstance(opened.evaluate(f"{PREFIX}SELECT ?x {{ GRAPH ?g {{ ?x :case :A }} }}", None, None), ox.QuerySolutions)


SPOILT = (
    f"{PREFIX}SELECT ?r (COUNT(DISTINCT ?x) AS ?n) WHERE {{ ?x :role ?r ; :about ?d . }} GROUP BY ?r HAVING (COUNT(?x) > 1)",
    f'{HEAD}{{ ?a :case :A ; :about ?d . ?b :case :B ; :label "eins"@de, "1"^^:number ; ^:part/:about*/:part? ?d FILTER(?a != ?b) }} ORDER BY ?a',
    f"{PREFIX}CONSTRUCT {{ ?a :like ?b . ?b :like [ ] }} WHERE {COMPARED}",
)
"""From which parts are taken away, as who types leaves them out."""


@pytest.mark.parametrize("whole", SPOILT)
def test_what_is_no_query_stays_none(small: ox.Store, whole: str) -> None:
    """One token is missing, doubled or the last; such a text is left to the engine, or is one for it in either form."""
    sizes, refused = Sizes(small), 0
    ends = [t.end for t in listed(whole)]
    for start, end in pairwise([0, *ends]):
        for text in (whole[:start] + whole[end:], whole[:end] + whole[start:end] + whole[end:], whole[:end], f"{whole[:end]} (", f'{whole[:end]} "x"^'):
            better = arranged(text, sizes)
            if not _is_query(small, text):
                refused += 1
                assert better is None or not _is_query(small, better), text
    assert refused > len(ends)


def _is_query(engine: ox.Store, text: str) -> bool:
    try:
        engine.query(text)
    except SyntaxError:
        return False
    return True


@pytest.mark.parametrize("typed", ['"1" ^^ :number', '"1"^^ :number', '"1"@en'])
def test_blanks_in_a_literal(small: ox.Store, typed: str) -> None:
    assert arranged(f"{HEAD}{{ ?a :case :A ; :about ?d . ?b :case :B ; :about ?d ; :label {typed} }}", Sizes(small)) is not None


def test_the_two_signs_before_a_type_are_one(small: ox.Store) -> None:
    assert arranged(f'{HEAD}{{ ?a :case :A ; :about ?d . ?b :case :B ; :about ?d ; :label "1"^ ^:number }}', Sizes(small)) is None


def test_faults_stand_where_they_were_written(opened: OxigraphStore) -> None:
    text = f"{HEAD}{COMPARED}\nORDER BY ?d ?\n"
    assert arranged(text, Sizes(opened.engine)) is not None
    with pytest.raises(QueryError) as caught:
        opened.answer(Request(text), lambda _: pytest.fail("it is no query"))
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (2, 13)
