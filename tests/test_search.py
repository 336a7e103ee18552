"""Search by name: both scripts, parts of words, other names, order, slips of the pen."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covalue.search import EXACT, INSIDE, NEAR, RANK, SCATTERED, START, TEXT, WORD, Entry, Finder, Index, fold
from served import B, build_tiny

ENTRIES = (
    Entry(
        "x:creation",
        "concept",
        {"en": "value creation", "zh": "价值创造"},
        ("co-creation of value", "价值共创"),
        {"en": "A dimension in which actors make value.", "zh": "行动者造出价值的维度。"},
    ),
    Entry("x:Dimension", "class", {"en": "value dimension", "zh": "价值维度"}),
    Entry("x:contributor", "property", {"en": "contributor", "zh": "贡献者"}),
    Entry("x:users", "thing", {"en": "users", "zh": "用户"}),
    Entry("x:forum", "thing", {"en": "MIUI forum", "zh": "MIUI 论坛"}),
    Entry("x:passage/3.2.1-p2-s3", "source", {"en": "Section 3.2.1, paragraph 2, sentence 3", "zh": "第3.2.1节第2段第3句"}),
    Entry("x:claim/1", "claim", {"en": "Users contribute feedback on MIUI", "zh": "用户就 MIUI 提供反馈"}),
    Entry("x:claim/2", "claim", {"en": "Users take part", "zh": "用户参与"}),
)


def names(query: str, **options: object) -> list[str]:
    """The IRIs of the hits, in order."""
    return [h.entry.iri.removeprefix("x:") for h in Index(ENTRIES).search(query, **options).hits]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "first", "tier"),
    [
        ("users", "users", EXACT),
        ("用户", "users", EXACT),
        ("value", "creation", START),
        ("forum", "forum", WORD),
        ("论坛", "forum", WORD),
        ("创造", "creation", INSIDE),
        ("ributo", "contributor", INSIDE),
        ("共创", "creation", INSIDE),
        ("creation co", "creation", SCATTERED),
        ("反馈 miui", "claim/1", SCATTERED),
        ("make value", "creation", TEXT),
        ("contribtuor", "contributor", NEAR),
        ("用户怎么参与", "claim/2", NEAR),
        ("3.2.1", "passage/3.2.1-p2-s3", START),
    ],
)
def test_names_are_found_in_both_scripts_and_by_parts(query: str, first: str, tier: int) -> None:
    """The best hit, and how well it answers."""
    hit = Index(ENTRIES).search(query).hits[0]
    assert (first, tier) == (hit.entry.iri.removeprefix("x:"), hit.tier)


def test_width_case_and_hyphens_do_not_tell_names_apart() -> None:
    """As readers type them."""
    for query in ("CO-CREATION", "ｃｏ－ｃｒｅａｔｉｏｎ", "co creation", " Co‑Creation "):
        assert ["creation"] == names(query), query


def test_better_kinds_come_first() -> None:
    """With equal fit: concepts and classes, things, claims."""
    assert ["creation", "Dimension"] == names("value", texts=False)
    assert ["users", "claim/2", "claim/1"] == names("users")


def test_other_names_are_told() -> None:
    """What matched is not always the label."""
    assert "价值共创" == Index(ENTRIES).search("价值共创").hits[0].matched


def test_kinds_pages_and_counts() -> None:
    """One kind alone; the counts are over all kinds; pages do not overlap."""
    index = Index(ENTRIES)
    only = index.search("用户", kinds=("claim",))
    assert {"claim"} == {h.entry.kind for h in only.hits}
    assert {"thing": 1, "claim": 2} == only.kinds
    assert 2 == only.total
    leaves = [index.search("用户", limit=1, offset=i).hits for i in range(4)]
    assert ["x:users", "x:claim/2", "x:claim/1"] == [h.entry.iri for leaf in leaves for h in leaf]


@pytest.mark.parametrize("query", ["", "  ", "()", "zzz", "\n", "%", "*", '"'])
def test_nothing_is_found_for_nothing(query: str) -> None:
    """No query is special, none fails."""
    assert [] == names(query)


def test_a_name_is_never_empty() -> None:
    """Without any label the short IRI stands for it."""
    assert "x:y" == Entry("x:y", "other", {}).label("zh")
    assert "only" == Entry("x:y", "other", {"": "only"}).label("zh")
    assert "english" == Entry("x:y", "other", {"en": "english", "zh": ""}).label("zh")


@given(st.lists(st.text("ab 用户价-", min_size=1, max_size=8), min_size=1, max_size=12), st.text("ab 用户价-", min_size=1, max_size=4))
def test_every_name_that_holds_the_words_is_found(labels: list[str], query: str) -> None:
    """Against looking at each name; and the better tier is never behind."""
    entries = [Entry(f"x:#{i}", "thing", {"en": label}) for i, label in enumerate(labels)]
    found = Index(entries).search(query, limit=100)
    wanted = fold(query)
    holding = {e.iri for e in entries if wanted and (wanted in fold(e.labels["en"]) or all(w in fold(e.labels["en"]) for w in wanted.split()))}
    assert holding == {h.entry.iri for h in found.hits if h.tier != NEAR}
    assert [h.tier for h in found.hits] == sorted(h.tier for h in found.hits)


def test_the_order_of_reading_does_not_show() -> None:
    """The same hits in the same order, however the entries came."""
    assert [h.entry.iri for h in Index(ENTRIES).search("价值").hits] == [h.entry.iri for h in Index(reversed(ENTRIES)).search("价值").hits]


def test_a_store_is_read_once(tmp_path: Path) -> None:
    """Kinds by type, types by class, labels by language."""
    finder = Finder(build_tiny(tmp_path))
    index = finder.index()
    assert index is finder.index()
    by_iri = {e.iri: e for e in index.entries}
    mill, actor, role = by_iri[B + "case/tiny/mill"], by_iri[B + "ontology#Actor"], by_iri[B + "scheme/role"]
    assert ("thing", {"en": "the mill", "zh": "磨坊"}, B + "ontology#Firm") == (mill.kind, mill.labels, mill.type)
    assert ("class", "scheme", "case") == (actor.kind, role.kind, by_iri[B + "case/tiny"].kind)
    assert "concept" == by_iri[B + "scheme/role/hub"].kind
    assert "采取行动者。" == actor.texts["zh"]
    assert list(index.entries) == sorted(index.entries, key=lambda e: (RANK[e.kind], e.iri))
