"""The vocabulary as a reader looks it up."""

from __future__ import annotations

from pathlib import Path

import pytest

from covalue.names import PREFIXES, expand
from covalue.stores.oxigraph import OxigraphStore
from covalue.terminology import Terminology, Words, read
from served import build_tiny


@pytest.fixture(scope="module")
def terms(real_built: tuple[object, Path]) -> Terminology:
    """Of the real dataset."""
    return read(OxigraphStore.open(real_built[1]))


def words(expression: tuple[object, ...]) -> str:
    """An expression as one English line."""
    return "".join(p.en if isinstance(p, Words) else str(p).rpartition("#")[2].rpartition("/")[2] for p in expression)


def test_every_term_of_the_ontology_is_there_with_both_texts(terms: Terminology) -> None:
    """Each kind; no term of ours without definition in both languages."""
    kinds = {k: len(terms.of_kind(k, ours=True)) for k in ("class", "object-property", "data-property", "scheme", "concept")}
    assert min(kinds.values()) > 10
    for kind in kinds:
        for term in terms.of_kind(kind, ours=True):
            for lang in ("en", "zh"):
                assert term.label(lang)
                assert term.said("skos:definition", lang) or term.said("dcterms:description", lang), term.iri


def test_expressions_read_as_words(terms: Terminology) -> None:
    """Unions, restrictions, chains."""
    assert "Mechanism and mechanismOf some (Contribution and inRole is user)" == words(terms.terms[expand("vcc:UserDrivenMechanism")].axioms["owl:equivalentClass"][0])
    assert "makesContribution, then towardsDimension" == words(terms.terms[expand("vcc:contributesTo")].axioms["owl:propertyChainAxiom"][0])
    assert {"Publication", "Scholar"} == set(words(terms.terms[expand("vcc:statedBy")].axioms["rdfs:range"][0]).split(" or "))


def test_lines_upwards_and_inverses(terms: Terminology) -> None:
    """From the top; an inverse goes both ways."""
    assert [expand("vcc:Claim"), expand("vcc:Situation")] == terms.above(expand("vcc:DatedEvent"), "rdfs:subClassOf")
    inverses = terms.inverses()
    assert expand("vcc:causeIn") == inverses[expand("vcc:cause")]
    assert expand("vcc:cause") == inverses[expand("vcc:causeIn")]
    starts, ends = terms.with_domain_or_range(expand("vcc:Scholar"))
    assert expand("vcc:statedBy") in {t.iri for t in ends}
    assert expand("vcc:states") in {t.iri for t in starts}


def test_a_store_without_an_ontology(tmp_path: Path) -> None:
    """Nothing fails; concepts of the default graph are there all the same."""
    assert {} == read(OxigraphStore.from_files([])).terms
    tiny = read(build_tiny(tmp_path))
    assert "concept" == tiny.terms[PREFIXES["vcs"] + "role/hub"].kind
    assert ("holds some Thing",) == tuple(map(words, tiny.terms[expand("vcc:Firm")].axioms["rdfs:subClassOf"]))
