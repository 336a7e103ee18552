"""What is made once: by one thread, anew for another version, and not again and again where it fails."""

from __future__ import annotations

import threading
import time

import pytest

from covalue import once
from covalue.errors import StoreError
from covalue.once import Once


def test_it_is_made_once_however_many_ask() -> None:
    """All threads get the same."""
    made: list[object] = []

    def make() -> object:
        time.sleep(0.05)
        made.append(object())
        return made[-1]

    kept = Once(lambda: "1", make)
    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(kept.get())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == len(made)
    assert 8 == len(got)
    assert {id(made[0])} == set(map(id, got))


def test_another_version_makes_it_anew() -> None:
    """And the old one is let go."""
    version = ["1"]
    kept = Once(lambda: version[0], lambda: version[0] * 2)
    assert "11" == kept.get()
    version[0] = "2"
    assert "22" == kept.get()


def test_a_failure_is_remembered_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that each request does not wait for it; then it is tried again."""
    calls: list[int] = []

    def make() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise StoreError("busy.", "忙。")
        return "made"

    kept = Once(lambda: "1", make)
    for _ in range(3):
        with pytest.raises(StoreError, match="busy"):
            kept.get()
    assert 1 == len(calls)
    monkeypatch.setattr(once, "AGAIN", 0.0)
    assert "made" == kept.get()
