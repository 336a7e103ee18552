"""The ontology checks: the ontology has no finding, and each check finds the fault that its file plants."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from covalue import validate
from covalue.build import load_shared
from covalue.names import expand, shrink
from covalue.project import Project
from covalue.queries import load
from covalue.turtle import read

ROOT = Path(__file__).resolve().parents[1]
CHECKS = sorted((ROOT / "queries" / "checks").rglob("*.rq"))
FAULTS = ROOT / "tests" / "checks"


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def test_no_finding_on_the_ontology(repo: Project) -> None:
    """Zero findings, warnings included."""
    assert [] == [str(f) for f in validate.run_checks(CHECKS, load_shared(repo).ontology())]


@pytest.mark.parametrize("check", CHECKS, ids=name)
def test_check_finds_its_fault(check: Path) -> None:
    """A check reports the planted fault at its focus, and says nothing of a clean ontology."""
    fault = FAULTS / check.parent.name / f"{check.stem}.ttl"
    planted = re.search(r"^#\s*focus:\s*<?([^>\s]+)>?", fault.read_text(encoding="utf-8"), re.M)
    assert planted, "the fault file must name its focus"
    focus = planted.group(1)
    focus = focus if focus.startswith(("http", "urn", "x:")) else expand(focus)
    found = [f.en for f in validate.run_checks([check], read(fault))]
    assert any(message.startswith(shrink(focus)) for message in found)
    assert [] == validate.run_checks([check], read(FAULTS / "clean.ttl"))


@pytest.mark.parametrize("check", CHECKS, ids=name)
def test_check_has_the_common_form(check: Path) -> None:
    """Every check projects focus, path, value and message, in this order, and says in both languages what is wrong."""
    query = load(check)
    assert ("focus", "path", "value", "message") == query.columns
    assert {"en", "zh"} == set(query.header["summary"])
    assert query.header["severity"] in ("violation", "warning")
    assert query.header["source"]
