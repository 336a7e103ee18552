"""Long answers that are given before they are whole: how they come, end and are cut, and what the cache makes of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from covalue.errors import CovalueError
from covalue.formats import Format, Shape, by_name
from covalue.stores import Request
from covalue.stores.bounded import BoundedStore
from covalue.stores.cache import OVERHEAD, SHARE, CachedStore
from covalue.stores.limits import MB, CancelledError, CrashError, DeadlineError, TooLargeError
from covalue.stores.spool import Stream
from flowing import DOUBLED, LONG, SMALL, TOO_LONG, TOO_MANY, kill, opened, running, stalled, written
from processes import wait_until


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("flow"))


@pytest.fixture(scope="module")
def store(data: Path) -> Iterator[BoundedStore]:
    with opened(data) as made:
        yield made


def json(shape: Shape) -> Format:
    return by_name("json", shape)


def ask(store: BoundedStore | CachedStore, text: str, *, early: bool = True, seconds: float | None = None) -> Stream:
    return store.stream(Request(text), json, early=lambda: early, seconds=seconds)


def test_long_answers_come_in_pieces_and_short_ones_whole(store: BoundedStore) -> None:
    """The same bytes, early and whole; places and workers are free again once the last piece is there."""
    with ask(store, SMALL) as short:
        assert (short.size, running(store)) == (len(short.read()), 0)
    with ask(store, LONG, early=False) as whole:
        assert whole.size is not None
        body = whole.read()
        assert whole.size == len(body) > 1 << 17
    with ask(store, LONG) as flow:
        assert flow.size is None
        assert 1 == running(store)
        pieces = list(flow)
    assert body == b"".join(pieces)
    assert len(pieces) > 2
    assert 0 == running(store)


@pytest.mark.parametrize(
    ("text", "seconds", "error", "said"),
    [
        (TOO_MANY, None, TooLargeError, "rows"),
        (TOO_LONG, None, TooLargeError, "bytes"),
        (DOUBLED, None, TooLargeError, "memory"),
        ("stalled", 0.5, DeadlineError, "ran longer than 0.5 s"),
    ],
)
def test_a_limit_is_an_error_after_the_first_pieces_too(store: BoundedStore, text: str, seconds: float | None, error: type[CovalueError], said: str) -> None:
    """Never an end. (On a machine so busy that there is no first piece before the deadline, it is the same error at once.)"""
    with pytest.raises(error, match=said):
        list(ask(store, stalled(store) if text == "stalled" else text, seconds=seconds))
    assert 0 == running(store)


def test_a_worker_that_dies_cuts_its_answer_only(store: BoundedStore) -> None:
    flow = ask(store, stalled(store))
    pieces = iter(flow)
    assert next(pieces)
    kill(store)
    with pytest.raises(CrashError):
        list(pieces)
    assert 0 == running(store)
    assert ask(store, SMALL).size


def test_who_goes_ends_the_work(store: BoundedStore) -> None:
    """By closing, also before the first piece is taken; by being gone; by forgetting."""
    ask(store, stalled(store)).close()
    assert 0 == running(store)
    with ask(store, stalled(store)) as flow:
        next(iter(flow))
    assert 0 == running(store)
    gone = threading.Event()
    with store.stream(Request(stalled(store)), json, early=lambda: True, cancel=gone.is_set) as flow:
        pieces = iter(flow)
        next(pieces)
        gone.set()
        with pytest.raises(CancelledError):
            list(pieces)
    assert 0 == running(store)
    ask(store, stalled(store))
    assert 0 == running(store)


def test_long_answers_leave_room_for_quick_ones(store: BoundedStore) -> None:
    """What has begun cannot start anew, so it has a place of the heavy lane; where none is free, an answer is taken whole, as ever."""
    with ask(store, stalled(store)):
        assert (0, 1) == (store.counts()["quick_running"], store.counts()["heavy_running"])
        with ask(store, LONG) as second:
            assert second.size is not None
        assert ask(store, SMALL).size


def test_short_runs_are_not_taken_for_heavy_ones(store: BoundedStore) -> None:
    """A long answer that was soon there starts in the quick lane again, and its worker is used again."""
    ask(store, SMALL).close()
    before = store._pool.alive
    for _ in range(3):
        ask(store, LONG).read()
    assert before == store._pool.alive

    def soon_there() -> bool:
        ask(store, LONG).read()
        return not store._heavy.knows(Request(LONG))

    wait_until(soon_there)  # on a busy machine not at once


# --- the cache


@pytest.fixture
def cached(store: BoundedStore) -> CachedStore:
    return CachedStore(store, 64 * MB)


def test_a_whole_answer_is_kept_and_a_cut_one_is_not(store: BoundedStore, cached: CachedStore) -> None:
    body = ask(cached, LONG).read()
    with ask(cached, LONG) as again:
        assert again.size == len(body)
        assert body == again.read()
    assert 1 == cached.counts()["cached_answers"]
    with pytest.raises(TooLargeError), ask(cached, TOO_MANY) as flow:
        list(flow)
    flow = ask(cached, stalled(store))
    next(iter(flow))
    flow.close()
    assert 1 == cached.counts()["cached_answers"]
    assert 0 == cached.counts()["spooled_bytes"]


@pytest.mark.parametrize("leaves", [False, True])
def test_one_evaluation_for_all_who_ask_at_once(cached: CachedStore, leaves: bool) -> None:
    """Also where the one who was first goes away meanwhile."""
    first = ask(cached, LONG)
    pieces = iter(first)
    got = [next(pieces)]
    found: list[bytes] = []
    others = [threading.Thread(target=lambda: found.append(ask(cached, LONG).read())) for _ in range(2)]
    for thread in others:
        thread.start()
    wait_until(lambda: next(iter(cached._flights.values())).waiting == 2)
    if leaves:
        first.close()
    else:
        got += pieces
    for thread in others:
        thread.join(60)
    assert 2 == len(found)
    assert found[0] == found[1]
    assert leaves or found[0] == b"".join(got)
    assert (1, 2) == (cached.counts()["cache_misses"], cached.counts()["cache_hits"])


def test_nobody_waits_for_what_is_too_long_to_be_kept(store: BoundedStore) -> None:
    cached = CachedStore(store, SHARE * (OVERHEAD + 100_000))
    for _ in range(2):
        assert len(ask(cached, LONG).read()) > 100_000
        assert not cached._flights
    assert (0, 2, 1) == (cached.counts()["cached_answers"], cached.counts()["cache_misses"], len(cached._long))


def test_who_waits_is_told_the_error(cached: CachedStore) -> None:
    first = ask(cached, TOO_MANY)
    pieces = iter(first)
    next(pieces)
    found: list[CovalueError] = []

    def follow() -> None:
        with pytest.raises(TooLargeError) as caught:
            ask(cached, TOO_MANY, early=False)
        found.append(caught.value)

    other = threading.Thread(target=follow)
    other.start()
    wait_until(lambda: next(iter(cached._flights.values())).waiting == 1)
    with pytest.raises(TooLargeError):
        list(pieces)
    other.join(60)
    assert "rows" in found[0].en
