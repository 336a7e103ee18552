"""Answers to named questions without a service: in hand, and by `covalue question`."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from covalue.answering import FORMATS, answer, assigned
from covalue.errors import InputError
from covalue.formats import Format
from covalue.questions import Answers
from library_served import FIRST_THIRTEEN, ROOT, LibraryServed, answers_of, library


@pytest.fixture(scope="module")
def answers(real_built: tuple[object, Path]) -> Answers:
    return answers_of(real_built[1])


@pytest.fixture(scope="module")
def served(answers: Answers) -> LibraryServed:
    return LibraryServed(answers.store, library())


@pytest.mark.parametrize("format", [f for f in FORMATS if f.extension != "xlsx"], ids=lambda f: f.names[0])
@pytest.mark.parametrize("query", ["", "?actor=users&actor=xiaomi"])
def test_the_same_bytes_as_from_the_service(answers: Answers, served: LibraryServed, format: Format, query: str) -> None:
    """Only links in a workbook differ: there they lead to the service."""
    values = {"actor": ["users", "xiaomi"]} if query else {}
    glue = "&" if query else "?"
    reply = served.ask(f"/questions/actors/actor-profile{query}{glue}format={format.names[0]}&lang=zh&limit=3&offset=1")
    assert (200, reply.body) == (reply.status, answer(answers, "actors/actor-profile", values, "zh", format.names[0], limit=3, offset=1))


@pytest.mark.parametrize("name", FIRST_THIRTEEN)
def test_every_question_fits_a_terminal(answers: Answers, name: str) -> None:
    """The table of each is text within the width asked for, as far as its columns can shrink."""
    text = answer(answers, name, {}, "zh", "text", columns=160).decode()
    assert library().get(name).text("title", "zh") == text.splitlines()[0]


def test_faults(answers: Answers) -> None:
    """A parameter without a value, and a format that does not exist, are told."""
    with pytest.raises(InputError, match="name=value"):
        assigned(["actor"])
    with pytest.raises(InputError, match="csv"):
        answer(answers, "figures/all-figures", {}, "en", "cvs")
    with pytest.raises(InputError, match="figures/all-figures"):
        answer(answers, "figures/all-figure", {})


def covalue(out: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "covalue", "question", "--project", str(ROOT), "--out", str(out), *arguments]
    return subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONUTF8": "1"}, timeout=240)


def test_command(real_built: tuple[object, Path]) -> None:
    """`covalue question` answers on stdout, in the asked language and format."""
    done = covalue(real_built[1], "actors/actor-profile", "-p", "actor=用户", "--lang", "zh", "--format", "csv", "--limit", "2")
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))
    assert (0, b"", ["用户", "用户"]) == (done.returncode, done.stderr, [r["actor_label"] for r in rows])


def test_command_lists(real_built: tuple[object, Path]) -> None:
    """Without a name it lists all questions."""
    done = covalue(real_built[1], "--lang", "zh")
    assert (0, True) == (done.returncode, "figures/all-figures  全部数值" in done.stdout.decode().splitlines())


@pytest.mark.parametrize(("arguments", "words"), [(["figures/all-figure"], "figures/all-figures"), (["actors/actor-profile", "-p", "actor=usrs"], "xiaomi/actor/users")])
def test_command_names_the_nearest(real_built: tuple[object, Path], arguments: list[str], words: str) -> None:
    """What is unknown is exit 2, with the nearest, on stderr only."""
    done = covalue(real_built[1], *arguments)
    assert (2, b"", True) == (done.returncode, done.stdout, words in done.stderr.decode())
