"""Errors: the tree, exit codes, places, and how an error reads."""

from __future__ import annotations

import pickle
import re

import pytest

from covalue import errors
from covalue.errors import CovalueError, FindingsError, FormatError, InputError, Place, QueryError, RefusedError, SettingError, SourceError, StoreError
from covalue.findings import Finding, Report

TREE = {
    "CovalueError": None,
    "InputError": "CovalueError",
    "SourceError": "InputError",
    "QueryError": "InputError",
    "SettingError": "InputError",
    "RefusedError": "CovalueError",
    "FormatError": "CovalueError",
    "FindingsError": "CovalueError",
    "StoreError": "CovalueError",
}
EXIT_CODES = [(InputError, 2), (SourceError, 2), (QueryError, 2), (SettingError, 2), (RefusedError, 2), (FormatError, 2), (StoreError, 3), (FindingsError, 1)]


def test_tree_is_complete() -> None:
    """Every error class of the package stands in the tree with the right parent, and no other does."""
    found = {name: c for name, c in vars(errors).items() if isinstance(c, type) and issubclass(c, CovalueError)}
    assert {n: c.__base__.__name__ if n != "CovalueError" else None for n, c in found.items()} == TREE


def test_tree_is_drawn_in_the_docstring() -> None:
    """The module's docstring draws every class once, and the exit codes that it gives are the real ones."""
    lines = re.findall(r"\b(\w+Error)\b([^\n]*)", errors.__doc__ or "")
    assert sorted(TREE) == sorted(name for name, _ in lines)
    drawn = {name: int(found.group(1)) for name, rest in lines if (found := re.search(r"exit (\d)", rest))}
    assert {"InputError": 2, "RefusedError": 2, "FormatError": 2, "FindingsError": 1, "StoreError": 3} == drawn


@pytest.mark.parametrize(("kind", "code"), EXIT_CODES, ids=lambda v: getattr(v, "__name__", v))
def test_exit_code(kind: type[CovalueError], code: int) -> None:
    """A class of errors ends the program with its documented code."""
    assert code == kind.exit_code


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place("a.csv"), "a.csv"),
        (Place("a.ttl", 3), "a.ttl:3"),
        (Place("a.ttl", 3, 14), "a.ttl:3:14"),
        (Place("a.csv", row=7), "a.csv row 7"),
        (Place("a.csv", row=7, cell="year"), "a.csv row 7, column year"),
        (Place("a.csv", cell="year"), "a.csv, column year"),
    ],
)
def test_place_as_text(place: Place, text: str) -> None:
    """A place reads as an editor or a spreadsheet shows it."""
    assert text == str(place)


def test_message_holds_place_and_both_languages() -> None:
    """An error reads as place, English, Chinese."""
    assert "a.ttl:3:1: is broken. | 已损坏。" == str(SourceError("is broken.", "已损坏。", Place("a.ttl", 3, 1)))


def test_message_without_chinese_is_not_doubled() -> None:
    """An error that has one text only shows it once."""
    assert "is broken." == str(SourceError("is broken."))


@pytest.mark.parametrize("kind", [k for k, _ in EXIT_CODES if k is not FindingsError], ids=lambda k: k.__name__)
def test_survives_pickling(kind: type[CovalueError]) -> None:
    """An error that crosses a process border keeps class, words and place."""
    before = kind("en", "zh", Place("a.csv", row=2, cell="id"))
    after = pickle.loads(pickle.dumps(before))
    assert (kind, "en", "zh", before.place, str(before)) == (type(after), after.en, after.zh, after.place, str(after))


def test_findings_error_survives_pickling_with_its_report() -> None:
    """The report travels with the error, finding by finding."""
    report = Report([Finding("rule", "en", "zh", Place("a.csv", row=2), "x")])
    after = pickle.loads(pickle.dumps(FindingsError("1 fault(s)", "1 处错误", report)))
    assert (report.findings, "1 fault(s) | 1 处错误") == (after.report.findings, str(after))
