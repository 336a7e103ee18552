"""Long work in a thread gives way to requests more often than usual, and stops them for no garbage; only while it lasts."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from covalue import beside
from covalue.finder import Finder
from covalue.manifest import Manifest
from covalue.stores import Answer, Pick, Request
from covalue.stores.oxigraph import OxigraphStore

USUAL = 0.004


@pytest.fixture(autouse=True)
def _usual() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(USUAL)
    yield
    sys.setswitchinterval(before)


def turn() -> float:
    return round(sys.getswitchinterval(), 5)


def test_short_turns_while_work_lasts() -> None:
    """Also when several works overlap, and when one fails."""
    first, second = beside.requests(), beside.requests()
    first.__enter__()
    assert (beside.TURN, False) == (turn(), gc.isenabled())
    second.__enter__()
    first.__exit__(None, None, None)
    assert (beside.TURN, False) == (turn(), gc.isenabled())
    second.__exit__(None, None, None)
    assert (USUAL, True) == (turn(), gc.isenabled())
    with pytest.raises(ValueError, match="x"), beside.requests():
        raise ValueError("x")
    assert (USUAL, True) == (turn(), gc.isenabled())


def test_who_collects_no_garbage_goes_on_so() -> None:
    gc.disable()
    try:
        with beside.requests():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_turns_are_never_longer_than_usual() -> None:
    sys.setswitchinterval(beside.TURN / 5)
    with beside.requests():
        assert beside.TURN / 5 == turn()
    assert beside.TURN / 5 == turn()


def test_names_are_read_so(real_built: tuple[Manifest, Path]) -> None:
    """The search's own long work: to read all names."""
    turns = set[float]()

    class Watched(OxigraphStore):
        def answer(self, request: Request, pick: Pick) -> Answer:
            turns.add(turn())
            return super().answer(request, pick)

    assert Finder(Watched(OxigraphStore.open(real_built[1]).engine, "1")).index().entries
    assert {beside.TURN} == turns
    assert USUAL == turn()
