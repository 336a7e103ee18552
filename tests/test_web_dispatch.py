"""Threads of the server: few are at work at a time, whoever is held up gives its turn to another, and no request waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from covalue.web import dispatch
from covalue.web.dispatch import Dispatcher

LONG = 30.0


class Task:
    """A request that notes when it begins, and ends when it is let go."""

    def __init__(self, begun: list[int], number: int, fails: bool = False) -> None:
        self.begun, self.number, self.fails, self.go = begun, number, fails, threading.Event()

    def service(self) -> None:
        self.begun.append(self.number)
        assert self.go.wait(LONG)
        if self.fails:
            raise SystemExit

    def cancel(self) -> None:
        self.go.set()


def until(true: Callable[[], bool]) -> None:
    """Waits for what must come."""
    end = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture
def tasks() -> Iterator[list[Task]]:
    begun: list[int] = []
    made = [Task(begun, i) for i in range(6)]
    yield made
    for task in made:
        task.go.set()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing counts as held up."""
    monkeypatch.setattr(dispatch, "HELD_SECONDS", 1e9)


def dispatcher(tasks: list[Task], threads: int, few: int) -> Dispatcher:
    made = Dispatcher(threads, few)
    for task in tasks:
        made.add_task(task)
    return made


def test_who_is_held_up_gives_its_turn(tasks: list[Task]) -> None:
    """All begin, though none has ended."""
    dispatcher(tasks, threads=6, few=1)
    until(lambda: len(tasks[0].begun) == 6)


def test_not_more_than_there_are_threads(tasks: list[Task]) -> None:
    dispatcher(tasks, threads=4, few=1)
    begun = tasks[0].begun
    until(lambda: len(begun) == 4)
    tasks[2].go.set()
    until(lambda: len(begun) == 5)
    assert 5 == len(begun)


@pytest.mark.usefixtures("patient")
def test_few_at_a_time_in_their_order(tasks: list[Task]) -> None:
    made = dispatcher(tasks, threads=6, few=2)
    begun = tasks[0].begun
    until(lambda: len(begun) == 2)
    for ended, task in enumerate(tasks, 1):
        assert len(begun) <= ended + 1
        task.go.set()
        until(lambda ended=ended: len(begun) == min(6, ended + 2))  # type: ignore[misc]
    assert sorted(begun) == list(range(6))
    until(lambda: not made._begun)


@pytest.mark.usefixtures("patient")
def test_one_at_a_time_is_first_come_first_served(tasks: list[Task]) -> None:
    dispatcher(tasks, threads=6, few=1)
    for task in tasks:
        task.go.set()
    until(lambda: len(tasks[0].begun) == 6)
    assert list(range(6)) == tasks[0].begun


def test_a_failure_takes_no_thread(tasks: list[Task]) -> None:
    failing = Task(tasks[0].begun, -1, fails=True)
    failing.go.set()
    dispatcher([failing, *tasks], threads=1, few=1)
    for task in tasks:
        task.go.set()
    until(lambda: len(tasks[0].begun) == 7)


def test_the_end(tasks: list[Task]) -> None:
    """Idle threads end, and so does the one that looks at the others; what waits is cancelled."""
    before = set(threading.enumerate())
    made = dispatcher(tasks[:3], threads=2, few=1)
    until(lambda: len(tasks[0].begun) == 2)
    for task in tasks[:2]:
        task.go.set()
    made.shutdown(timeout=LONG)
    until(lambda: set(threading.enumerate()) <= before)
