"""Threads that answer requests keep to one processor; engines, and whatever starts an engine anew, have all of them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from covalue.stores.limits import processors
from covalue.web.processor import stay_on_one_processor
from processes import children, serving, wait_until
from test_web_http import address

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def allowed(pid: int) -> list[set[int]]:
    """The processors of each thread of a process."""
    return [os.sched_getaffinity(int(task.name)) for task in Path(f"/proc/{pid}/task").iterdir()]


def test_this_thread_and_those_that_it_starts() -> None:
    before, found = processors(), list[frozenset[int]]()

    def stay() -> None:
        stay_on_one_processor()
        inner = threading.Thread(target=lambda: found.append(processors()))
        inner.start()
        inner.join()
        found.append(processors())

    thread = threading.Thread(target=stay)
    thread.start()
    thread.join()
    assert found[0] == found[1]
    assert 1 == len(found[0])
    assert found[0] <= before
    assert before == processors()


def test_a_service(tmp_path: Path) -> None:
    (tmp_path / "some.ttl").write_text("<urn:a> <urn:b> <urn:c> .")
    with serving("--data", tmp_path / "some.ttl") as service:
        assert 200 == service.ask(address("ASK {}")).status
        assert [1] * 10 == sorted(len(threads) for threads in allowed(service.process.pid))[:10]
        engines = children(service.process.pid)
        assert engines
        assert all(threads == processors() for pid in engines for threads in allowed(pid))
        for pid in engines:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not engines & children(service.process.pid))
        wait_until(lambda: service.ask(address("ASK { ?s ?p ?o }")).status == 200)
        others = children(service.process.pid)
        assert others
        assert all(threads == processors() for pid in others for threads in allowed(pid))
