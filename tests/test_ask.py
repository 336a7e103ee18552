"""Questions in words: how well they are understood, measured on phrasings that nothing was fitted to; and what each part does."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from covalue.ask import Asker
from covalue.ask.confidence import NOTHING, Measures, confidence
from covalue.ask.directions import SOURCE, TARGET, Directions
from covalue.ask.lexicon import SLOT, Lexicon
from covalue.ask.spelling import Spelling
from covalue.ask.tokens import atoms, stem
from covalue.cli import main
from covalue.errors import InputError, SourceError
from covalue.questions import Answers
from library_served import ROOT, answers_of

sys.path.insert(0, str(ROOT / "tests" / "bench"))
import ask as bench  # the measures are those of the benchmark

TOP_1, TOP_3, ANSWERED, WRONG = 0.89, 0.96, 0.7, 0.024
"""What must be reached on the held-out phrasings; what is reached stands in docs/benchmarks.md. One phrasing (0.003) is left for a name that changes elsewhere."""
DEV_TOP_1, DEV_ANSWERED, DEV_WRONG = 0.9, 0.78, 0.04
CRISIS = "xiaomi/event/supply-chain-crisis-2016"
CASES_OF_DIRECTION = [
    *(
        ("cause", text, TARGET)
        for text in (
            "What led to [the crisis]?",
            "What was [the crisis] caused by?",
            "By what was [the crisis] triggered?",
            "[The crisis] was triggered by what?",
            "Why did [the crisis] happen?",
            "Due to what did [the crisis] arise?",
            "What was [the crisis] the result of?",
            "What had an effect on [the crisis]?",
            "To what is [the crisis] attributed?",
            "reasons for [the crisis]",
            "什么导致了[危机]？",
            "[危机]是由什么引起的？",
            "[危机]是什么造成的？",
            "[危机]被什么导致？",
            "[危机]的原因",
            "[危机]受什么影响？",
            "由于什么发生了[危机]？",
            "[危机]源于什么？",
            "[危机]因何而起？",
        )
    ),
    *(
        ("cause", text, SOURCE)
        for text in (
            "What did [the crisis] lead to?",
            "What was caused by [the crisis]?",
            "What has been brought about by [the crisis]?",
            "What resulted from [the crisis]?",
            "What did [the crisis] result in?",
            "Because of [the crisis], what did the firm do?",
            "What is the result of [the crisis]?",
            "Which effects did [the crisis] have?",
            "What can be attributed to [the crisis]?",
            "What are the consequences which [the crisis] led to?",
            "What followed [the crisis]?",
            "[危机]导致了什么？",
            "由[危机]引起的是什么？",
            "被[危机]导致的有哪些？",
            "[危机]的后果",
            "[危机]对什么有影响？",
            "因[危机]而产生了什么？",
            "由于[危机]，企业做了什么？",
            "哪些后果源于[危机]？",
        )
    ),
    ("cause", "causes and effects of [the crisis]", None),
    ("cause", "[危机]的原因与结果", None),
    ("cause", "[the crisis]", None),
    ("give", "What do [users] give to Xiaomi?", SOURCE),
    ("give", "What do users give to [Xiaomi]?", TARGET),
    ("give", "What do [users] receive from Xiaomi?", TARGET),
    ("give", "What do users receive from [Xiaomi]?", SOURCE),
    ("give", "What is provided by [partners]?", SOURCE),
    ("give", "What are [users] given?", TARGET),
    ("give", "contributions of [users]", SOURCE),
    ("give", "[用户]向小米提供了什么？", SOURCE),
    ("give", "用户向[小米]提供了什么？", TARGET),
    ("give", "[用户]从小米那里得到什么？", TARGET),
    ("give", "用户从[小米]那里得到什么？", SOURCE),
    ("give", "[合作伙伴]对价值创造有什么贡献？", SOURCE),
    ("benefit", "Whose contributions benefit [users]?", TARGET),
    ("benefit", "What do [users] benefit from?", TARGET),
    ("benefit", "Whom do contributions of [users] benefit?", SOURCE),
    ("benefit", "[用户]的贡献让谁受益？", SOURCE),
    ("benefit", "谁的贡献使[用户]受益？", TARGET),
    ("benefit", "谁从[用户]的贡献中受益？", SOURCE),
    ("benefit", "[用户]从谁的贡献中受益？", TARGET),
]


@pytest.fixture(scope="module")
def answers(real_built: tuple[object, Path]) -> Answers:
    return answers_of(real_built[1])


@pytest.fixture(scope="module")
def asker(answers: Answers) -> Asker:
    return Asker(answers)


@pytest.fixture(scope="module")
def outcomes(asker: Asker) -> list[bench.Outcome]:
    return bench.run(asker, bench.phrasings("held-out"))


def texts(path: Path, column: str) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row[column] for row in csv.DictReader(file)]


def folded(text: str) -> str:
    return re.sub(r"[\s\W_]+", " ", text.casefold()).strip()


# --- how well


def test_rates_on_the_held_out_phrasings(outcomes: list[bench.Outcome]) -> None:
    """The best reading is right in so many cases, one of three in more, and what is given with confidence is hardly ever wrong."""
    found = bench.measure(outcomes)
    assert found["top-1"] >= TOP_1
    assert found["top-3"] >= TOP_3
    assert found["answered rightly"] >= ANSWERED
    assert found["confident and wrong"] <= WRONG


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_both_languages_are_understood_alike(outcomes: list[bench.Outcome], lang: str) -> None:
    """Neither language lags far behind."""
    found = bench.measure([o for o in outcomes if o.phrasing.lang == lang])
    assert found["top-1"] >= TOP_1 - 0.05
    assert found["confident and wrong"] <= WRONG + 0.015


def test_what_the_graph_cannot_answer_is_not_answered(outcomes: list[bench.Outcome]) -> None:
    """Questions on the weather, on other firms, on what the paper does not say."""
    beyond = [o for o in outcomes if not o.phrasing.expected]
    assert len(beyond) >= 40
    assert bench.measure(outcomes)["beyond: does not know"] >= 0.95


def test_held_out_set_is_large_and_mixed(outcomes: list[bench.Outcome]) -> None:
    """At least 150 phrasings, in both languages, of all styles; what they expect exists."""
    phrasings = [o.phrasing for o in outcomes]
    assert len(phrasings) >= 150
    assert min(sum(p.lang == lang for p in phrasings) for lang in ("en", "zh")) > 100
    assert {"paraphrase", "typo", "order", "colloquial", "keywords", "mixed", "out"} <= {p.style for p in phrasings}


def test_held_out_set_is_apart_from_what_is_learnt_from() -> None:
    """No phrasing that judges stands among the wordings, or in the sets that may be looked at."""
    judged = {folded(t) for t in texts(ROOT / "tests/ask/held-out.csv", "text")}
    learnt = {folded(SLOT.sub(" ", t)) for t in texts(ROOT / "queries/ask/phrasings.csv", "text")}
    looked_at = {folded(t) for name in bench.LOOKED_AT for t in texts(ROOT / f"tests/ask/{name}.csv", "text")}
    shared = sum(text in learnt or text in looked_at for text in judged)
    assert not shared, "so many held-out phrasings stand elsewhere too; which, is not shown to whoever tunes"


@pytest.mark.parametrize("name", [*bench.LOOKED_AT, "held-out"])
def test_expected_readings_exist(asker: Asker, name: str) -> None:
    """Every expected reading names a question of the library, parameters of it, and values that the graph knows."""
    for phrasing in bench.phrasings(name):
        for expected in phrasing.expected:
            question, _, query = expected.partition("?")
            values: dict[str, list[str]] = {}
            for pair in filter(None, query.split("&")):
                key, _, value = pair.partition("=")
                values.setdefault(key, []).append(value)
            asker.answers.sparql(asker.answers.library.get(question), values)


@pytest.fixture(scope="module")
def looked_at(asker: Asker) -> list[bench.Outcome]:
    return bench.run(asker, bench.phrasings("dev"))


def test_rates_on_the_phrasings_that_are_tuned_to(looked_at: list[bench.Outcome]) -> None:
    """What may be looked at is understood too; a part of it lies beyond the graph, much of that in the graph's own words, and is hard on purpose."""
    found = bench.measure(looked_at)
    assert sum(not o.phrasing.expected for o in looked_at) >= 25
    assert found["top-1"] >= DEV_TOP_1
    assert found["answered rightly"] >= DEV_ANSWERED
    assert found["beyond: does not know"] >= 0.9
    assert found["confident and wrong"] <= DEV_WRONG


def test_no_direction_is_turned_round(looked_at: list[bench.Outcome]) -> None:
    """Of all questions on causes and effects, on giving and receiving, none is answered from the other end."""
    turned = {"causes/causes-of": "causes/effects-of", "causes/effects-of": "causes/causes-of", "causes/from-2016-crisis": "causes/causes-of"}
    for o in (o for o in looked_at if o.reply.known and o.phrasing.style in ("cause", "effect", "give", "receive", "benefit")):
        first = o.reply.readings[0]
        meant = {e.partition("?")[0] for e in o.phrasing.expected}
        assert first.name in meant or turned.get(first.name) not in meant, o.phrasing.text
        ends = {p for e in o.phrasing.expected for p in re.findall(r"[?&](from|to|provider|receiver|contributor|beneficiary)=", e) if e.startswith(f"{first.name}?")}
        assert not ends or set(first.values) <= ends, o.phrasing.text


# --- the wordings


def test_wordings_are_sound(asker: Asker) -> None:
    """Each is of a question that there is, has slots for its parameters only, and stands once."""
    with (ROOT / "queries/ask/phrasings.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    library = asker.answers.library.questions
    for row in rows:
        assert {*SLOT.findall(row["text"])} <= {p.name for p in library[row["question"]].query.parameters}, row
        written = SLOT.sub("", row["text"])
        assert not written or (row["lang"] == "zh") == bool(re.search("[\u4e00-\u9fff]", written)), row
    seen = [(r["question"], re.sub(r"[^\w{}]+", " ", r["text"].casefold())) for r in rows]
    assert len(seen) == len(set(seen))


def test_ends_and_names_are_of_what_there_is(asker: Asker) -> None:
    """`ends.csv` names slots and things that there are, of relations whose words are known; `names.csv` names things that there are."""
    library = asker.answers.library.questions
    for name, ends in asker.directions.ends.items():
        slots = {p.name for p in library[name].query.parameters}
        for end in ends:
            assert end.slot in slots if end.slot else end.thing in asker.names.iris, end
            assert end.relation in asker.directions.cues, end
            assert end.end in (SOURCE, TARGET), end
    assert not asker.lexicon.called.keys() - asker.names.iris.keys()
    assert {kind for cues in asker.directions.cues.values() for kind in cues.values()} <= {"forward", "backward", "source", "target"}


# --- what is understood


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What do users contribute to value creation?", "actors/contributions-of-an-actor?actor=xiaomi/actor/users&dimension=dimension/value-creation"),
        ("用户对价值创造有什么贡献？", "actors/contributions-of-an-actor?actor=xiaomi/actor/users&dimension=dimension/value-creation"),
        ("what do uesrs contribute to value craetion", "actors/contributions-of-an-actor?actor=xiaomi/actor/users&dimension=dimension/value-creation"),
        ("users 对 value creation 的贡献", "actors/contributions-of-an-actor?actor=xiaomi/actor/users&dimension=dimension/value-creation"),
        ("contributions, value creation, users", "actors/contributions-of-an-actor?actor=xiaomi/actor/users&dimension=dimension/value-creation"),
        ("events between 2011 and 2014", "stages/timeline?from=2011&to=2014"),
        ("2011年到2014年的事件", "stages/timeline?from=2011&to=2014"),
        ("events since 2014", "stages/timeline?from=2014"),
        ("compare users with partners", "comparison/two-actors-by-dimension?first=xiaomi/actor/users&second=xiaomi/actor/partners"),
        ("比较用户和合作伙伴", "comparison/two-actors-by-dimension?first=xiaomi/actor/users&second=xiaomi/actor/partners"),
        ("what is the gross margin", "figures/by-indicator?indicator=xiaomi/indicator/gross-margin"),
    ],
)
def test_values_are_taken_from_the_text(asker: Asker, text: str, expected: str) -> None:
    """Names in either language, misspelt or in another order, years and spans become values of the question's parameters."""
    reply = asker.ask(text)
    assert bench.ordered(expected) == bench.address(reply.readings[0])


@pytest.mark.parametrize("text", ["What led to the crisis in 2016?", "什么导致了2016年的危机？", "What was the crisis of 2016 caused by?", "2016年的危机是由什么引起的？"])
def test_source_that_names_no_cause_is_an_answer(asker: Asker, answers: Answers, text: str) -> None:
    """What brought the crisis about is not said: this is what is answered, and never what followed from it."""
    reply = asker.ask(text)
    assert (True, "causes/causes-of") == (reply.known, reply.readings[0].name)
    assert (CRISIS,) == reply.readings[0].values["effect"]
    assert not answers.answer("causes/causes-of", reply.readings[0].values).rows


@pytest.mark.parametrize("text", ["What did the crisis of 2016 lead to?", "2016年的危机导致了什么？", "What was caused by the 2016 crisis?", "由2016年危机引发了什么？"])
def test_what_followed_is_told_from_what_led_to_it(asker: Asker, answers: Answers, text: str) -> None:
    """The same words the other way round ask for the effects."""
    best = asker.ask(text).readings[0]
    assert best.name in ("causes/from-2016-crisis", "causes/effects-of")
    assert answers.answer(best.name, best.values).rows


@pytest.mark.parametrize(
    ("text", "lang", "words"),
    [("What is the share price of Xiaomi?", "en", "share price"), ("明天北京会下雨吗", "zh", "下雨"), ("Whom do pirates plunder?", "en", "pirates")],
)
def test_unanswered_question_says_what_is_not_known_and_what_could_be_asked(asker: Asker, text: str, lang: str, words: str) -> None:
    """One sentence names the words that the graph does not go by, one says what can be asked; the closest readings are there."""
    reply = asker.ask(text)
    assert not reply.known
    assert words in reply.message()
    assert reply.hint("en") != reply.hint("zh") != ""
    assert len(reply.others) > 2


def test_answered_question_has_no_hint(asker: Asker) -> None:
    """Who is answered needs none."""
    assert not asker.ask("Who benefits, and from what?").hint()


def test_reply_is_the_same_every_time(answers: Answers) -> None:
    """Two askers say the same, to the digit."""
    one, two = Asker(answers).ask("谁受益？"), Asker(answers).ask("谁受益？")
    assert [(r.name, r.score, r.values) for r in one.readings] == [(r.name, r.score, r.values) for r in two.readings]


def test_sparql_of_a_reading_is_bound_and_runs(asker: Asker) -> None:
    """Values stand in the SPARQL as terms; it is the same that the question itself is asked with."""
    best = asker.ask("What do users contribute?").readings[0]
    assert "VALUES ?_actor_iri { <https://w3id.org/covalue/case/xiaomi/actor/users> }" in best.sparql
    assert best.sparql == asker.answers.sparql(best.question, best.values)


@pytest.mark.parametrize("text", ["???", "。", "the of a", "\u202e", "<b>&amp;</b>", "x" * 500, "谁" * 500, "'; DROP TABLE", "😀"])
def test_odd_texts_are_not_understood_and_do_no_harm(asker: Asker, text: str) -> None:
    """Whatever is asked, there is a reply; of nonsense it is that it is not known."""
    reply = asker.ask(text)
    assert not reply.known
    assert reply.message("en")
    assert reply.message("zh")
    assert reply.message("en") != reply.message("zh")


@pytest.mark.parametrize("text", ["", "  \n", "a" * 501])
def test_no_text_or_too_much_is_an_error(asker: Asker, text: str) -> None:
    """The sentence says what to do, in both languages."""
    with pytest.raises(InputError) as caught:
        asker.ask(text)
    assert caught.value.en != caught.value.zh


def test_theory_and_dimension_are_kept_apart(asker: Asker) -> None:
    """`Value co-creation` is the name of a theory before it is one of a dimension."""
    best = asker.ask("theoretical statements about value co-creation").readings[0]
    assert ("theory/statements-about-a-concept", ("theory/value-co-creation",)) == (best.name, best.values["concept"])


def test_year_of_which_nothing_is_known_is_not_answered(asker: Asker) -> None:
    """A span of years that holds no row is no answer."""
    reply = asker.ask("events between 1950 and 1960")
    assert (False, True) == (reply.known, reply.untimely)
    assert "Timeline" in reply.message("en")
    assert "时间" in reply.message("zh")


# --- which end of a relation


@pytest.fixture(scope="module")
def directions() -> Directions:
    return Directions.load(ROOT / "queries" / "ask")


@pytest.mark.parametrize(("relation", "text", "end"), CASES_OF_DIRECTION)
def test_end_that_a_text_names(directions: Directions, relation: str, text: str, end: str | None) -> None:
    """Active and passive, questions for either end, marks before and behind, in both languages; the thing stands in brackets."""
    before, thing, behind = (atoms(part) for part in re.split(r"[\[\]]", text))
    said = [*before, *thing, *behind]
    covers = frozenset(range(len(before), len(before) + len(thing)))
    assert end == directions.end(relation, [stem(word) for word in said], said, covers)


# --- the parts


def test_spelling_mends_one_edit_and_no_more_than_is_likely() -> None:
    """Swapped, missing, doubled and wrong letters are mended; short words and other words are let be."""
    spelling = Spelling(["contribution", "users", "value", "creation"])
    assert ["users", "contribution", "creation", "value"] == [spelling.correct(w) for w in ("uesrs", "contribtuion", "craetion", "valeu")]
    assert [None, None] == [spelling.correct(w) for w in ("use", "weather")]


def test_atoms_and_stems() -> None:
    """Width, case and accents make no difference; words of one root share a stem."""
    assert ["gronroos", "2016", "年", "3.2.1"] == atoms("Ｇrönroos 16年 3.2.1")
    assert 1 == len({stem(w) for w in ("contribute", "contributes", "contributed", "contributing")})


def test_confidence_grows_with_what_speaks_for_a_reading() -> None:
    """A clear lead counts for it; what no question knows, and topics outside, count against it."""
    good = Measures(1.4, 3.0, 0.9, 0.9, 1.0, 0.0, 0.0, 0.8, 0.0, 0.0, 0.0, 0.0)
    assert confidence(good) > 0.9 > confidence(NOTHING)
    for worse in (replace(good, lead=0.0), replace(good, strange=0.6, outside=1.0), replace(good, astray=1.0)):
        assert confidence(worse) < confidence(good)


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("synonyms.csv", b"word,en,zh\n", "synonyms.csv"),
        ("phrasings.csv", b"question,lang,text\na/b,en,\xff\n", "phrasings.csv"),
        ("outside.csv", b"", "outside.csv"),
        ("names.csv", b"thing,zh\n", "names.csv"),
    ],
)
def test_faulty_file_of_words_is_named(tmp_path: Path, name: str, content: bytes, place: str) -> None:
    """A file that lacks a column, or is not UTF-8, is an error that names it."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=re.escape(place)):
        Lexicon.load(tmp_path)


def test_without_files_of_words_the_headers_do(answers: Answers, tmp_path: Path) -> None:
    """A library without a folder `ask` is understood by its titles and sentences."""
    reply = Asker(answers, tmp_path).ask("Which citation marks stand for works that could not be identified?")
    assert "evidence/unresolved-citations" == reply.readings[0].name


# --- the command


@pytest.fixture(scope="module")
def run(real_built: tuple[object, Path]) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(main, ["ask", "--project", str(ROOT), "--out", str(real_built[1]), *arguments])
        return result.exit_code, result.stdout, result.stderr

    return call


def test_command_answers(run: Callable[..., tuple[int, str, str]]) -> None:
    """The reading, its values, the rows and the other readings, in the language of the question; words need no quotes."""
    code, out, _ = run("--limit", "2", "用户对价值创造有什么贡献？")
    assert (0, True) == (code, out.startswith("理解为："))
    assert "其他理解：" in out
    assert "covalue question " in out
    assert (0, out) == run("--limit", "2", "用户对价值创造", "有什么贡献？")[:2]


def test_command_owns_up(run: Callable[..., tuple[int, str, str]]) -> None:
    """Where it is not known the code is 1, and the closest questions are named."""
    code, out, _ = run("What will the weather be tomorrow?")
    assert (1, True) == (code, out.startswith("I do not know"))
    assert "The closest questions:" in out


def test_command_for_machines(run: Callable[..., tuple[int, str, str]]) -> None:
    """With --json the whole reply is one document."""
    import json

    code, out, _ = run("--json", "Who benefits, and from what?")
    body = json.loads(out)
    assert (0, True, "actors/beneficiaries") == (code, body["known"], body["answer"]["question"]["name"])
    assert 2 == run("--lang", "fr", "who")[0]
    assert 2 == run(" ")[0]
