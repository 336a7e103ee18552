"""docs/ontologists.md in both languages: every query gives rows, and what is said of columns, rules and FOOPS! is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from covalue import validate
from covalue.build import load_shared
from covalue.description import rows
from covalue.manifest import Manifest
from covalue.project import Project
from covalue.sssom import COLUMNS, JUSTIFICATIONS, SKOS_MATCHES
from covalue.stores.oxigraph import OxigraphStore

DOCS = Path(__file__).resolve().parents[1] / "docs"
TEXTS = {lang: (DOCS / name).read_text(encoding="utf-8") for lang, name in (("en", "ontologists.md"), ("zh", "ontologists.zh.md"))}
BLOCK = re.compile(r"```sparql\n(.*?)```", re.S)
QUERIES = {lang: BLOCK.findall(text) for lang, text in TEXTS.items()}
BEFORE = {"FIND1", "OM1", "OM2", "OM3", "OM4.1", "OM4.2", "OM5.1", "OM5.2", "PURL1", "RDF1", "VER1", "VOC1", "VOC2", "VOC3", "VOC4"}
AFTER = {"CN1", "DOC1", "FIND2", "FIND3", "FIND_3_BIS", "HTTP1", "URI1", "URI2", "VER2"}
TEST = re.compile(r"\b(?:" + "|".join(sorted(map(re.escape, BEFORE | AFTER), key=len, reverse=True)) + r")(?![\w.])")


@pytest.fixture(scope="module")
def store(real_built: tuple[Manifest, Path]) -> OxigraphStore:
    """The checkout's dataset."""
    return OxigraphStore.open(real_built[1])


def test_both_languages_have_the_same_queries() -> None:
    """They differ in the language of labels only."""
    assert len(QUERIES["en"]) >= 5
    assert QUERIES["en"] == [q.replace('"zh"', '"en"') for q in QUERIES["zh"]]


@pytest.mark.parametrize("number", range(len(QUERIES["en"])))
def test_query_gives_rows(store: OxigraphStore, number: int) -> None:
    """Each query of the document has an answer, in both languages as many rows."""
    en, zh = (rows(store, QUERIES[lang][number]) for lang in ("en", "zh"))
    assert en
    assert len(en) == len(zh)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_columns_and_relations_are_the_true_ones(lang: str) -> None:
    """Every column that a table may have, every relation and every justification is named."""
    text = TEXTS[lang]
    named = set(re.findall(r"`([a-z_]+)`", text))
    assert set(COLUMNS) <= named
    assert all(f"`{p}`" in text for p in SKOS_MATCHES)
    assert all(j.removeprefix("semapv:") in text for j in JUSTIFICATIONS)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_self_check_tells_of_every_test_once(lang: str) -> None:
    """Each of FOOPS!'s 24 tests stands in one row of the table."""
    table = TEXTS[lang][TEXTS[lang].index("FOOPS!") :]
    found = [t for line in table.splitlines() if line.startswith("|") for t in TEST.findall(line.split("|")[1])]
    assert sorted(BEFORE | AFTER) == sorted(found)


def test_what_is_said_to_be_met_has_a_query_without_finding(repo: Project) -> None:
    """Every test of before publication but RDF1 has a check, and none of these checks finds anything in the ontology."""
    folder = repo.root / "queries/checks/foops"
    checked = {re.match(r"([a-z]+[0-9](?:-[12])?)-", p.name).group(1).upper().replace("-", ".") for p in folder.glob("*.rq")}  # type: ignore[union-attr]
    assert BEFORE - {"RDF1"} == checked
    assert [] == validate.run_checks(sorted(folder.glob("*.rq")), load_shared(repo).ontology())
