"""`start.py`: when a set-up is done, and how it runs and fails without network."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from processes import environment

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but start.py and what its set-up depends on."""
    root = tmp_path / "checkout"
    for name in ("start.py", "pyproject.toml", "service/hatch_build.py", "service/web/vendor.json"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture
def module(checkout: Path) -> ModuleType:
    """The start.py of that checkout, imported."""
    spec = importlib.util.spec_from_file_location("start_under_test", checkout / "start.py")
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def set_up(module: ModuleType) -> Callable[[str], None]:
    """Pretends that a set-up of a kind has been finished: covalue and the tools only say how they were called."""

    def pretend(extra: str) -> None:
        module.BIN.mkdir(parents=True, exist_ok=True)
        for name in ("python", "covalue", "pytest", "ruff", "mypy", "lint-imports"):
            path = module.BIN / name
            path.write_text(f'#!/bin/sh\necho {name} "$@"\ncase " $FAILING " in *" {name} "*) exit 5;; esac\n')
            path.chmod(0o755)
        (module.VENV / "covalue.stamp").write_text(module.wanted(extra), encoding="utf-8")
        module.BUILT.mkdir(parents=True)
        shutil.copy(ROOT / "service/web/vendor.json", module.BUILT / ".stamp")

    return pretend


def run(checkout: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs start.py as a user does."""
    return subprocess.run([sys.executable, checkout / "start.py", *arguments], capture_output=True, text=True, encoding="utf-8", env=environment(**more), timeout=240)


def test_nothing_is_done_at_first(module: ModuleType) -> None:
    """A fresh checkout is not set up, for running or for testing."""
    assert (False, False) == (module.done(""), module.done("test"))


@pytest.mark.parametrize(("present", "asked", "expected"), [("", "", True), ("", "test", False), ("test", "test", True), ("test", "", True)])
def test_set_up_with_test_tools_serves_for_running_too(module: ModuleType, set_up: Callable[[str], None], present: str, asked: str, expected: bool) -> None:
    """A set-up serves for what it was made for, and one with the test tools for running as well."""
    set_up(present)
    assert expected == module.done(asked)


@pytest.mark.parametrize("name", ["pyproject.toml", "service/hatch_build.py", "service/web/vendor.json"])
def test_changed_dependencies_ask_for_a_new_set_up(module: ModuleType, set_up: Callable[[str], None], checkout: Path, name: str) -> None:
    """A change to what the installation depends on makes it out of date."""
    set_up("")
    with (checkout / name).open("a") as file:
        file.write("\n")
    assert not module.done("")


def test_missing_files_of_the_editor_are_fetched_later(module: ModuleType, set_up: Callable[[str], None], checkout: Path) -> None:
    """An earlier set-up without network is completed at the next start, and a failure of that stops nothing; once they are there, or with `skip`, nothing is asked."""
    set_up("")
    (module.BUILT / ".stamp").unlink()
    first = run(checkout)
    assert (0, "covalue serve") == (first.returncode, first.stdout.strip())
    assert "plain form" in first.stderr
    assert "plain form" not in run(checkout, COVALUE_WEB="skip").stderr
    shutil.copy(ROOT / "service/web/vendor.json", module.BUILT / ".stamp")
    assert "" == run(checkout).stderr


def test_moved_checkout_asks_for_a_new_set_up(module: ModuleType, set_up: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment holds absolute paths, so a moved checkout is set up again."""
    set_up("")
    before = module.wanted("")
    shutil.copytree(module.ROOT, tmp_path / "moved")
    monkeypatch.setattr(module, "ROOT", tmp_path / "moved")
    assert before != module.wanted("")


def test_another_python_asks_for_a_new_set_up(module: ModuleType, set_up: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A set-up made by another Python is out of date."""
    set_up("")
    monkeypatch.setattr(module.sys, "version", "3.99.0 (imagined)")
    assert not module.done("")


def test_environment_whose_python_is_gone_is_not_done(module: ModuleType, set_up: Callable[[str], None]) -> None:
    """A mark without an interpreter, as after an upgrade of the system, does not count."""
    set_up("")
    module.PYTHON.unlink()
    module.PYTHON.symlink_to("/nowhere/python3.9")
    assert not module.done("")


@pytest.mark.parametrize(
    ("given", "called"),
    [
        ([], "covalue serve"),
        (["--help"], "covalue --help"),
        (["query", "ASK { }", "--format", "json"], "covalue query ASK { } --format json"),
        (["serve", "--port", "0"], "covalue serve --port 0"),
    ],
)
def test_verb_is_handed_on(checkout: Path, set_up: Callable[[str], None], given: list[str], called: str) -> None:
    """Once set up, start.py hands its arguments to covalue, `serve` if there are none, and says nothing itself."""
    set_up("")
    done = run(checkout, *given)
    assert (0, called + "\n", "") == (done.returncode, done.stdout, done.stderr)


def test_exit_code_is_handed_on(checkout: Path, set_up: Callable[[str], None]) -> None:
    """The exit code of covalue is that of start.py."""
    set_up("")
    assert run(checkout, "check", FAILING="covalue").returncode == 5


def test_test_runs_every_check_and_then_pytest(checkout: Path, module: ModuleType, set_up: Callable[[str], None]) -> None:
    """`start.py test` announces and runs each check, and pytest last."""
    set_up("test")
    done = run(checkout, "test")
    commands = [" ".join(c) for c in module.CHECKS] + ["pytest"]
    assert 0 == done.returncode, done.stderr
    assert [f"--- {c}" for c in commands] == [line for line in done.stdout.splitlines() if line.startswith("---")]
    assert commands == [line.strip() for line in done.stdout.splitlines() if line and not line.startswith("---")]


def test_failed_check_does_not_hide_the_others(checkout: Path, set_up: Callable[[str], None]) -> None:
    """A failed check is named at the end in both languages, after everything has run, and the exit code is not 0."""
    set_up("test")
    done = run(checkout, "test", FAILING="mypy lint-imports")
    assert (1, True) == (done.returncode, "--- pytest" in done.stdout)
    assert ["start.py: failed: mypy | 未通过：mypy", "start.py: failed: lint-imports | 未通过：lint-imports"] == done.stderr.splitlines()


def test_arguments_of_test_go_to_pytest_alone(checkout: Path, set_up: Callable[[str], None]) -> None:
    """`start.py test -k word` runs pytest with these arguments, without the checks; its exit code counts."""
    set_up("test")
    done = run(checkout, "test", "-k", "word", FAILING="pytest")
    assert (5, "\n--- pytest -k word\npytest -k word\n") == (done.returncode, done.stdout)


def test_no_network(checkout: Path, module: ModuleType) -> None:
    """Where nothing can be downloaded, start.py says so in both languages, ends with 2 and leaves no half environment."""
    done = run(checkout, "build", PIP_NO_INDEX="1", PIP_FIND_LINKS="", PIP_CONFIG_FILE=os.devnull)
    assert (2, False, False) == (done.returncode, module.VENV.exists(), "Traceback" in done.stderr)
    assert (True, True) == ("installing failed; see pip's words above" in done.stderr, "安装失败" in done.stderr)


def test_place_that_cannot_be_written(module: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no environment can be made, start.py names the place in both languages and ends with 2."""

    def refuse() -> list[str]:
        raise PermissionError(13, "Permission denied", str(module.VENV))

    monkeypatch.setattr(module, "make_venv", refuse)
    with pytest.raises(SystemExit) as caught:
        module.set_up("")
    said = capsys.readouterr().err
    assert (2, True, True) == (caught.value.code, f"cannot make {module.VENV}" in said, f"无法创建 {module.VENV}" in said)


def test_old_python(module: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A Python that is too old is told which is needed, in both languages, before anything is made."""
    monkeypatch.setattr(module.sys, "version_info", (3, 10, 4))
    with pytest.raises(SystemExit) as caught:
        module.main(["build"])
    said = capsys.readouterr().err
    assert (2, True, True, False) == (caught.value.code, "Python 3.11 or later is needed" in said, "需要 Python 3.11" in said, module.VENV.exists())
