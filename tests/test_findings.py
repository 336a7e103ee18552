"""Findings: their order, what fails a check, and both forms of a report."""

from __future__ import annotations

import itertools
import json

import pytest

from covalue.errors import Place
from covalue.findings import Finding, Report, Severity

INFO = Finding("normalised", "was read so", "已读取", Place("a.csv", row=1), "２", Severity.INFO)
WARNING = Finding("style", "is odd", "异常", None, "", Severity.WARNING)
ROW_9 = Finding("bad-year", "is not a year", "不是年份", Place("a.csv", row=9, cell="year"), "20x1")
ROW_10 = Finding("bad-year", "is not a year", "不是年份", Place("a.csv", row=10, cell="year"), "20x2")
FILE_B = Finding("turtle", "is not Turtle", "不是 Turtle", Place("b.ttl", 3, 4))
ORDERED = [ROW_9, ROW_10, FILE_B, WARNING, INFO]


@pytest.mark.parametrize("given", list(itertools.islice(itertools.permutations(ORDERED), 0, 120, 17)))
def test_order_does_not_depend_on_when_found(given: tuple[Finding, ...]) -> None:
    """A report lists the gravest first, then by file and by row as a number."""
    assert list(map(str, ORDERED)) == list(map(str, Report(list(given))))


@pytest.mark.parametrize(("given", "ok", "violations"), [([], True, 0), ([INFO, WARNING], True, 0), ([INFO, ROW_9], False, 1), (ORDERED, False, 3)])
def test_only_violations_fail(given: list[Finding], ok: bool, violations: int) -> None:
    """Warnings and remarks do not fail a check; each violation counts."""
    report = Report(list(given))
    assert (ok, violations, len(given)) == (report.ok, report.violations, len(report))


def test_one_finding_as_text() -> None:
    """A finding reads as severity, place, rule, and what is wrong in both languages."""
    assert "violation a.csv row 9, column year: [bad-year] is not a year | 不是年份" == str(ROW_9)


def test_report_as_text_ends_with_a_summary() -> None:
    """A text report is a line for each finding and one with the counts."""
    lines = Report(list(ORDERED)).as_text().splitlines()
    assert [*map(str, ORDERED), "3 fault(s), 2 remark(s) | 3 处错误，2 条提示"] == lines


def test_report_as_json() -> None:
    """A JSON report holds the verdict, the count and every finding with its place and value."""
    report = Report()
    report.extend([WARNING, ROW_9])
    expected = {
        "ok": False,
        "violations": 1,
        "findings": [
            {
                "severity": "violation",
                "rule": "bad-year",
                "place": {"path": "a.csv", "row": 9, "cell": "year"},
                "value": "20x1",
                "message": {"en": "is not a year", "zh": "不是年份"},
            },
            {"severity": "warning", "rule": "style", "message": {"en": "is odd", "zh": "异常"}},
        ],
    }
    assert expected == json.loads(report.as_json())
    assert "不是年份" in report.as_json()
