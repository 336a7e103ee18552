"""The short form of the soak (`tests/bench/soak.py` runs it for ten minutes): mixed load, and workers that are killed at random."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "bench"))

from soak import KINDS, soak

PLACES = 8
"""More than there are places on the machines that run this: so many may be lost with one zygote."""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_soak() -> None:
    """No wrong answer; lost only what was on a worker that was killed, and told so; nothing grows."""
    report = soak(15, clients=8, every=0.4)
    said = "\n".join(report.lines())
    assert [] == [*report.wrong, *report.lost, *report.unclear], said
    assert report.late < 0.05 * sum(report.asked.values()), said
    assert report.workers_killed > 5, said
    assert report.told <= report.workers_killed + PLACES * report.zygotes_killed, said
    assert {"small", "long", "graph", "broken"} <= set(report.asked) <= set(KINDS), said
    assert any(status == 200 for _, status in report.statuses), said
    assert report.growth()[0] < 60, said
