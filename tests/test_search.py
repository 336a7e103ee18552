"""Search by name: both scripts, parts of words, other names, order, slips of the pen."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from covalue import finder, grams, labelled, register, search
from covalue.entries import RANK, Entry, fold
from covalue.finder import Finder, read
from covalue.grams import DENSE, SIZE, Part, bits_of, members
from covalue.search import EXACT, INSIDE, MOST_LOOKS, NEAR, SCATTERED, START, TEXT, WORD, Index
from covalue.stores import Answer, Pick, Request, Store
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
    return [h.entry.iri.removeprefix("x:") for h in Index.of(ENTRIES).search(query, **options).hits]  # type: ignore[arg-type]


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
    hit = Index.of(ENTRIES).search(query).hits[0]
    assert (first, tier) == (hit.entry.iri.removeprefix("x:"), hit.tier)


def test_width_case_accents_and_hyphens_do_not_tell_names_apart() -> None:
    """As readers type them."""
    for query in ("CO-CREATION", "ｃｏ－ｃｒｅａｔｉｏｎ", "co creation", " Co‑Creation ", "có-creatïon"):
        assert ["creation"] == names(query), query


def test_better_kinds_come_first() -> None:
    """With equal fit: concepts and classes, things, claims."""
    assert ["creation", "Dimension"] == names("value", texts=False)
    assert ["users", "claim/2", "claim/1"] == names("users")


def test_other_names_are_told() -> None:
    """What matched is not always the label."""
    assert "价值共创" == Index.of(ENTRIES).search("价值共创").hits[0].matched


def test_kinds_pages_and_counts() -> None:
    """One kind alone; the counts are over all kinds; pages do not overlap."""
    index = Index.of(ENTRIES)
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


TEXT_OF = st.text("ab 用户价é-", min_size=1, max_size=9)
DRAWN = st.builds(
    lambda number, kind, en, zh, others, text: Entry(f"x:#{number}", kind, {"en": en, "zh": zh} if zh else {"en": en}, others, {"en": text} if text else {}),
    st.integers(0, 40),
    st.sampled_from(["class", "thing", "claim", "other"]),
    TEXT_OF,
    st.none() | TEXT_OF,
    st.lists(TEXT_OF, max_size=2).map(tuple),
    st.none() | st.text("ab 用价", max_size=12),
)


def answering(entry: Entry, wanted: str) -> tuple[int, bool] | None:
    """How well an entry answers, and whether by another name, told by looking at each name."""
    words = wanted.split()
    labels = [fold(label) for label in entry.labels.values()]
    names = [(label, False) for label in labels]
    names += [(fold(o), True) for o in (*entry.others, *(() if entry.kind == "claim" else (entry.iri.partition("#")[2],))) if fold(o) not in labels]
    found = [(EXACT, other) for name, other in names if name == wanted] + [(START, False) for name, _ in names if name.startswith(wanted)]
    found += [(WORD, False) for name, _ in names if f" {wanted}" in name] + [(INSIDE, False) for name, _ in names if wanted in name]
    found += [(SCATTERED, False)] if all(any(w in name for name, _ in names) for w in words) else []
    found += [(TEXT, False)] if any(all(w in fold(text) for w in words) for text in entry.texts.values()) else []
    return min(found, default=None)


def looked_for(entries: list[Entry], query: str) -> list[tuple[str, int]]:
    """The hits in order, told by looking at each entry: what an index must give."""
    wanted = fold(query)
    found = [(how, RANK[e.kind], *min((len(label.encode()), label) for label in map(fold, e.labels.values()) if label), e.iri) for e in entries if (how := answering(e, wanted))]
    return [(row[-1], row[0][0]) for row in sorted(found)]


@given(
    st.lists(DRAWN.filter(lambda e: all(map(fold, e.labels.values()))), min_size=1, max_size=25, unique_by=lambda e: e.iri),
    st.text("ab 用户价", min_size=1, max_size=4),
    st.data(),
)
def test_both_ways_give_what_looking_at_each_gives(entries: list[Entry], query: str, data: st.DataObject) -> None:
    """All hits in order, counts, kinds and pages, among few names and among many, whether each can be looked at or not."""
    wanted = looked_for(entries, query) if fold(query) else []
    kinds = {e.iri: e.kind for e in entries}
    few, size, dense = data.draw(st.sampled_from([0, 3, 1000])), data.draw(st.sampled_from([4, SIZE])), data.draw(st.sampled_from([0, 2, DENSE]))
    looks, start, kind = data.draw(st.sampled_from([1, 500])), data.draw(st.integers(0, 6)), data.draw(st.sampled_from(["claim", "thing"]))
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in ((search, "FEW", few), (register, "SIZE", size), (grams, "DENSE", dense), (search, "MOST_LOOKS", looks)):
            patch.setattr(module, name, value)
        scanning, prepared = Index.of(entries), Index.of(entries)
        prepared.prepare()
        for index in (scanning, prepared):
            found = index.search(query, limit=100)
            assert wanted == [(h.entry.iri, h.tier) for h in found.hits if h.tier != NEAR]
            if wanted:
                assert (Counter(kinds[iri] for iri, _ in wanted), len(wanted), False) == (found.kinds, found.total, found.more)
            page = index.search(query, limit=3, offset=start)
            assert wanted[start : start + 3] == [(h.entry.iri, h.tier) for h in page.hits if h.tier != NEAR]
            assert not wanted or page.total == len(wanted) or (page.more and min(len(wanted), start + 4) <= page.total < len(wanted))
            only = index.search(query, limit=3, offset=start, kinds=(kind,))
            assert [one for one in wanted if kinds[one[0]] == kind][start : start + 3] == [(h.entry.iri, h.tier) for h in only.hits if h.tier != NEAR]
        assert scanning.search(query) == prepared.search(query)


@example(["价价"], ["价价价"])
@given(st.lists(st.text("ab 用户\n\r😀", max_size=9), max_size=9), st.lists(st.text("ab 用户😀", min_size=1, max_size=5), min_size=1, max_size=3))
def test_no_text_is_missed(texts: list[str], words: list[str]) -> None:
    """What holds all words is always among what may, and is that where the answer is sure."""
    part = Part.of([f"\n{text}\n" for text in texts])
    holding = [i for i, text in enumerate(texts) if all(w in text for w in words)]
    assert (bits_of(holding), True) == part.having(words)
    part.prepare()
    bits, sure = part.having(words)
    assert set(holding) <= set(members(bits & (1 << len(texts)) - 1))
    assert not sure or bits == bits_of(holding)


def test_more_hits_than_are_counted_say_so() -> None:
    """At least so many, never more than there are; those of one piece are counted whole, and leaves go on to the last."""
    index = Index.of([Entry(f"x:{i}", "claim" if i % 3 else "thing", {"en": f"number {i}", "zh": f"第{i}号"}) for i in range(3 * MOST_LOOKS)])
    for _ in range(2):
        one = index.search("号")
        assert (3 * MOST_LOOKS, False, {"thing": MOST_LOOKS, "claim": 2 * MOST_LOOKS}) == (one.total, one.more, one.kinds)
        last = index.search("number", offset=3 * MOST_LOOKS - 5)
        assert (5, 3 * MOST_LOOKS, False) == (len(last.hits), last.total, last.more)
        index.prepare()
    many = index.search("number")
    assert (2 * MOST_LOOKS, True, frozenset({"claim"})) == (many.total, many.more, many.unfinished)


def test_the_order_of_reading_does_not_show() -> None:
    """The same hits in the same order, however the entries came."""
    assert [h.entry.iri for h in Index.of(ENTRIES).search("价值").hits] == [h.entry.iri for h in Index.of(reversed(ENTRIES)).search("价值").hits]


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


class Shuffled:
    """A store whose unordered pages do not fit together."""

    def __init__(self, store: Store) -> None:
        self._store, self.asked = store, 0

    @property
    def version(self) -> str:
        return self._store.version

    def graphs(self) -> Sequence[str]:
        return self._store.graphs()

    def answer(self, request: Request, pick: Pick) -> Answer:
        self.asked += 1
        return self._store.answer(replace(request, text=re.sub(r"OFFSET [1-9]\d*", "OFFSET 1", request.text)), pick)


def test_many_names_are_read_by_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same entries as at once; also where pages overlap, which is seen."""
    store = build_tiny(tmp_path)
    at_once = [*read(store).entries]
    monkeypatch.setattr(labelled, "PAGE", 7)
    assert at_once == [*read(store).entries]
    monkeypatch.setattr(labelled, "MOST", 300)
    shuffled = Shuffled(store)
    assert at_once == [*read(shuffled).entries]
    assert shuffled.asked > 20


def test_among_many_names_an_index_is_made_in_the_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks meanwhile does not wait for it; among few there is none."""
    made, may = threading.Event(), threading.Event()
    prepare = Index.prepare

    def waiting(self: Index, file: IO[bytes] | None = None) -> None:
        may.wait()
        prepare(self, file)
        made.set()

    monkeypatch.setattr(Index, "prepare", waiting)
    store = build_tiny(tmp_path)
    assert not [t for t in threading.enumerate() if Finder(store).index() and t.name == "search-index"]
    monkeypatch.setattr(finder, "MANY", 1)
    index = Finder(store).index()
    before = index.search("mill")
    may.set()
    assert made.wait(60)
    for thread in [t for t in threading.enumerate() if t.name == "search-index"]:
        thread.join()
    assert before == index.search("mill")
    assert before.total
