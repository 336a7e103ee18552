"""Citations: addresses that stay, and references that other programs read; nothing that was not verified."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import bibtexparser
import pytest
import rispy
from hypothesis import given
from hypothesis import strategies as st

from covalue import citation
from covalue.citation import Citations, Reference
from covalue.errors import InputError
from covalue.questions import Answers
from covalue.stores.oxigraph import OxigraphStore
from library_served import FIRST_THIRTEEN, answers_of, with_extra

DOI = "10.12677/fin.2024.143123"
TITLE = "Business Model Innovation Based on the Theory of Value Co-Creation—Taking Xiaomi Corporation as an Example"


@pytest.fixture(scope="module")
def answers(real_built: tuple[object, Path], tmp_path_factory: pytest.TempPathFactory) -> Answers:
    return answers_of(real_built[1], with_extra(tmp_path_factory.mktemp("extra")))


@pytest.fixture(scope="module")
def citations(answers: Answers) -> Citations:
    return Citations(answers)


def references(answers: Answers, citations: Citations, name: str, lang: str = "en") -> tuple[Reference, ...]:
    table = answers.answer(name, {}, lang)
    address = citation.permanent(table.question, {}, answers.store.version)
    return citations.all(table.question, address, table, lang)


# --- addresses


def test_address_is_the_same_however_a_value_is_given(answers: Answers) -> None:
    """An IRI, a short name and labels in both languages make one address, with the version at its end."""
    question = answers.library.get("actors/zz-typed")
    ways = ["users", "用户", "xiaomi/actor/users", "case:xiaomi/actor/users", "https://w3id.org/covalue/case/xiaomi/actor/users", " USERS "]
    made = {citation.permanent(question, citation.resolved(answers, question, {"actor": [w, "xiaomi"], "year": ["2021"], "words": [""]}), answers.store.version) for w in ways}
    parameters = "actor=xiaomi/actor/users&actor=xiaomi/actor/xiaomi&year=2021"
    assert {f"https://w3id.org/covalue/questions/actors/zz-typed?{parameters}&version={answers.store.version[:16]}"} == made


def test_values_are_told_by_their_labels(answers: Answers) -> None:
    """Parameters and values are given in the asked language."""
    question = answers.library.get("actors/zz-typed")
    chosen = citation.resolved(answers, question, {"actor": ["users", "xiaomi"], "words": ["小 米&"]})
    assert (("actor", "users, Xiaomi"), ("words", "小 米&")) == citation.labelled(question, chosen, "en")
    assert (("行动者", "用户、小米"), ("文字", "小 米&")) == citation.labelled(question, chosen, "zh")
    assert "words=%E5%B0%8F+%E7%B1%B3%26" in citation.path(question, chosen)


def test_versions() -> None:
    """The version served, in any length from eight digits, is no other; another one is told; what is none is an error."""
    served = "0123456789abcdef" * 4
    assert ["", "", "", "", "0123456789abcdee"] == [citation.other_version(v, served) for v in ("", served, served[:16].upper(), served[:8], "0123456789abcdee")]
    for bad in ("0123", "latest", served + "0", "01234567 9abcdef"):
        with pytest.raises(InputError, match="hexadecimal"):
            citation.other_version(bad, served)


# --- what is cited


@pytest.mark.parametrize("name", FIRST_THIRTEEN)
def test_an_answer_cites_itself_its_dataset_and_its_source(answers: Answers, citations: Citations, name: str) -> None:
    """Three references, with the version in the first two, and the paper as it was verified."""
    answer, dataset, paper = references(answers, citations, name)
    assert ("answer", "dataset", "article") == (answer.kind, dataset.kind, paper.kind)
    assert answers.store.version[:16] in answer.version
    assert answers.store.version[:16] in answer.url
    assert f"SHA-256 {answers.store.version}" in dataset.notes
    assert (TITLE, "2024", "Finance (金融)", "14", "3", "", DOI) == (paper.title, paper.year, paper.within, paper.volume, paper.issue, paper.pages, paper.doi)
    assert ("Jin Chengrui", "Wu Siqi") == paper.authors


def test_in_chinese(answers: Answers, citations: Citations) -> None:
    """Names and titles are the Chinese ones, in the order of the paper."""
    paper = references(answers, citations, "figures/all-figures", "zh")[2]
    assert (("金成瑞", "吴偲琪"), "基于价值共创理论下的商业模式创新——以小米公司为例") == (paper.authors, paper.title)
    question = answers.library.get("figures/all-figures")
    text = citations.line(question, citation.permanent(question, {}, answers.store.version), None, "zh")
    assert ("全部数值" in text, "来源：金成瑞、吴偲琪（2024）" in text, f"https://doi.org/{DOI}" in text) == (True, True, True)


FACTS = """
@prefix vcc: <https://w3id.org/covalue/ontology#> . @prefix case: <https://w3id.org/covalue/case/> . @prefix src: <https://w3id.org/covalue/source/> .
@prefix dcterms: <http://purl.org/dc/terms/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix fabio: <http://purl.org/spar/fabio/> .
case:mill a vcc:Case ; vcc:basedOnSource src:a . case:farm a vcc:Case ; vcc:basedOnSource src:b .
case:mill\\/actor\\/miller a vcc:Actor ; rdfs:label "miller"@en .
src:a a vcc:Publication , fabio:JournalArticle ; rdfs:label "Zhu and Abel (2020)"@en ; dcterms:bibliographicCitation "Journal of Mills 36(2), 1–17"@en ;
  vcc:doi "10.1/unverified" ; vcc:author src:abel , src:zhu ; vcc:verificationStatus <https://w3id.org/covalue/scheme/verification/partly-verified> .
src:b a vcc:Publication , fabio:Work ; rdfs:label "Work [9]"@en ; dcterms:bibliographicCitation "SciTePress 54252"@en ;
  vcc:verificationStatus <https://w3id.org/covalue/scheme/verification/unresolved> .
src:abel rdfs:label "Abel"@en . src:zhu rdfs:label "Zhu"@en .
"""


def test_what_is_not_verified_is_not_passed_off(tmp_path: Path, answers: Answers) -> None:
    """No DOI that was not verified is printed, a doubt is said, nothing is taken out of a text that is no journal's, and authors keep their order."""
    path = tmp_path / "facts.ttl"
    path.write_text(FACTS)
    known = Citations(Answers(OxigraphStore.from_files([path]), answers.library))
    article, work = known.sources()
    assert ("", "", "Journal of Mills", "36", "2", "1–17", ("Zhu", "Abel")) == (
        article.doi,
        article.url,
        article.within,
        article.volume,
        article.issue,
        article.pages,
        article.authors,
    )
    assert ("Work [9]", "SciTePress 54252", "", ()) == (work.title, work.within, work.volume, work.authors)
    assert all("Not all of this was verified." in r.notes for r in (article, work))
    assert "unverified" not in citation.bibtex([article, work]) + citation.ris([article, work]) + citation.csl([article, work])


def test_only_the_sources_of_the_rows_are_cited(tmp_path: Path, answers: Answers) -> None:
    """Rows of one case cite its source, not those of other cases."""
    path = tmp_path / "facts.ttl"
    path.write_text(FACTS)
    own = Answers(OxigraphStore.from_files([path]), answers.library)
    table = own.answer("actors/zz-typed", {})
    assert ["a"] == [s.key for s in Citations(own).sources(table)]
    assert ["a", "b"] == [s.key for s in Citations(own).sources(replace(table, rows=()))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Journal of Marketing 68(1), 1–17", ("Journal of Marketing", "68", "1", "1–17")),
        ("Journal of the Academy of Marketing Science 36, 1–10", ("Journal of the Academy of Marketing Science", "36", None, "1–10")),
        ("Management Decision 57", ("Management Decision", "57", None, None)),
        ("Finance (金融), Hans Publishers, 14(3)", ("Finance (金融), Hans Publishers", "14", "3", None)),
    ],
)
def test_where_an_article_appeared(text: str, expected: tuple[str | None, ...]) -> None:
    """Journal, volume, issue and pages are told apart."""
    found = citation.PLACE.match(text)
    assert found
    assert expected == tuple(found.group(n) if n != "journal" else found.group(n).rstrip(", ") for n in ("journal", "volume", "issue", "pages"))


# --- written down


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_bibtex_is_read_by_bibtexparser(answers: Answers, citations: Citations, lang: str) -> None:
    """A parser finds three entries without fault, and the fields of the paper."""
    made = references(answers, citations, "figures/all-figures", lang)
    library = bibtexparser.parse_string(citation.write(made, "bib").decode())
    assert ([], 3) == (library.failed_blocks, len(library.entries))
    paper = library.entries_dict["jin-wu-2024"]
    assert ("article", DOI, "14", "3") == (paper.entry_type, *(paper[f] for f in ("doi", "volume", "number")))
    assert made[0].url == library.entries[0]["url"]
    assert 2 == paper["author"].count("{")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_ris_is_read_by_rispy(answers: Answers, citations: Citations, lang: str) -> None:
    """A parser finds three records with their types, authors and addresses."""
    made = references(answers, citations, "figures/all-figures", lang)
    answer, _, paper = rispy.loads(citation.write(made, "ris").decode())
    assert ("DATA", "JOUR") == (answer["type_of_reference"], paper["type_of_reference"])
    assert (list(made[2].authors), DOI, "14", "2024") == (paper["authors"], paper["doi"], paper["volume"], paper["year"])
    assert [made[0].url] == answer["urls"]


def test_csl_has_the_form_of_the_schema(answers: Answers, citations: Citations) -> None:
    """Items have id and type, literal names, and a date of parts."""
    made = json.loads(citation.write(references(answers, citations, "figures/all-figures"), "csl.json"))
    assert ["dataset", "dataset", "article-journal"] == [i["type"] for i in made]
    assert [{"literal": "Jin Chengrui"}, {"literal": "Wu Siqi"}] == made[2]["author"]
    assert ([[2024]], DOI) == (made[2]["issued"]["date-parts"], made[2]["DOI"])
    assert 3 == len({i["id"] for i in made})


NASTY = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40).map(lambda t: " ".join(t.split()))


@given(NASTY, NASTY)
def test_no_title_breaks_a_file(title: str, name: str) -> None:
    """Whatever a title or a name holds, each parser finds one entry."""
    reference = Reference("k", "article", title or "t", (name or "n",), "2020", "J {x", doi="10.1/x_y", notes=("50% # $ & {",))
    library = bibtexparser.parse_string(citation.bibtex([reference]))
    assert ([], 1) == (library.failed_blocks, len(library.entries))
    assert 1 == len(rispy.loads(citation.ris([reference])))
    assert (title or "t") == json.loads(citation.csl([reference]))[0]["title"]
