"""A source as it is read: sections and sentences in order, each with what rests on it."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox

from covalue.passages import read, section_key
from covalue.stores.oxigraph import OxigraphStore
from served import B

PAPER = B + "source/jin-wu-2024"


def test_the_whole_paper_in_order(real_built: tuple[object, Path]) -> None:
    """Every passage of the data once, in the order of the text; every claim's place too."""
    store = OxigraphStore.open(real_built[1])
    source = read(store, PAPER)
    assert ["abstract-zh", "abstract-en", "1", "2", "2.1"] == [s.iri.rpartition("/")[2] for s in source.sections[:5]]
    assert [0, 1, 2] == [next(s.depth for s in source.sections if s.number == n) for n in ("3", "3.2", "3.2.1")]
    found = [p for s in source.sections for p in s.passages]
    known = {q.subject.value for q in store._store.quads_for_pattern(None, ox.NamedNode(B + "ontology#inSection"), None) if isinstance(q.subject, ox.NamedNode)}
    assert known == {p.iri for p in found}
    assert len(known) == len(found)
    places = [(s.iri, p.paragraph, p.sentence) for s in source.sections for p in s.passages]
    assert all((p, n) == (0, 0) or (p > 0 and n > 0) for _, p, n in places)
    resting = {(p.iri, c) for p in found for c, _ in p.claims}
    pairs = {(q.object.value, q.subject.value) for q in store._store.quads_for_pattern(None, ox.NamedNode(B + "ontology#accordingTo"), None)}  # type: ignore[union-attr]
    assert pairs == resting
    assert all(modality.startswith(B + "scheme/modality/") for p in found for _, modality in p.claims)
    assert any(B + "case/xiaomi/offering/miui" in p.mentions for p in found)


def test_a_publication_without_a_text(real_built: tuple[object, Path]) -> None:
    """Nothing is known of its sentences."""
    assert () == read(OxigraphStore.open(real_built[1]), B + "source/vargo-lusch-2004").sections


def test_sections_go_by_their_numbers() -> None:
    """Abstracts first, the Chinese one before its translation; ten behind nine."""
    given = [("10", "x/10"), ("9", "x/9"), ("9.1", "x/9.1"), ("", "x/abstract-en"), ("", "x/abstract-zh")]
    assert ["x/abstract-zh", "x/abstract-en", "x/9", "x/9.1", "x/10"] == [i for n, i in sorted(given, key=lambda pair: section_key(*pair))]
