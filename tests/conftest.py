"""Fixtures: the checkout, a small fictional project that a test may spoil, and both of them built once."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from covalue.build import build
from covalue.cells import Vocabulary
from covalue.manifest import Manifest
from covalue.project import Project
from covalue.specs import Kind, read_specs
from covalue.tables import Reader
from covalue.turtle import canonical, read
from covalue.vocabulary import vocabulary

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(__file__).resolve().parent / "data"

settings.register_profile("quick", max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_sessionstart() -> None:
    """A shell that runs the tests in the background has them ignore Ctrl-C, and so would the programs that they start and end by it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


ALLOWED_SKIPS = Path(__file__).resolve().parent / "allowed-skips.txt"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skip that `allowed-skips.txt` does not list is a failure: a test that silently stops running proves nothing."""
    if not os.environ.get("CI"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    allowed = [line.split("\t")[0] for line in ALLOWED_SKIPS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    skipped = {r.nodeid for r in reporter.stats.get("skipped", [])} if reporter else set()
    odd = sorted(n for n in skipped if not (allowed and n.startswith(tuple(allowed))))
    if odd:
        reporter.write_line("skipped without leave (see tests/allowed-skips.txt): " + ", ".join(odd), red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the developer's own settings."""
    for name in list(os.environ):
        if name.startswith("COVALUE_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def repo() -> Project:
    """The checkout itself; never written to."""
    return Project(ROOT)


@pytest.fixture(scope="session")
def small_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A pristine small project: the real ontology, specs and a few real checks, with two tiny fictional cases.

    Turtle is put into house style, so that a `check` of it is clean whatever the state of the checkout.
    """
    root = tmp_path_factory.mktemp("pristine") / "small"
    shutil.copytree(ROOT / "ontology", root / "ontology")
    shutil.copytree(DATA / "small" / "graph", root / "graph")
    shutil.copytree(ROOT / "graph" / "tables", root / "graph" / "tables")
    shutil.copytree(ROOT / "queries" / "checks" / "foops", root / "queries" / "checks" / "foops")
    for path in Project(root).turtle_files():
        path.write_text(canonical(path), encoding="utf-8", newline="\n")
    return root


@pytest.fixture
def copy_small(small_source: Path, tmp_path: Path) -> Callable[[str], Project]:
    """Makes a further copy of the small project, under a given name."""

    def copy(name: str) -> Project:
        shutil.copytree(small_source, tmp_path / name)
        return Project(tmp_path / name)

    return copy


@pytest.fixture
def small(copy_small: Callable[[str], Project]) -> Project:
    """The small project, to be changed at will."""
    return copy_small("small")


@pytest.fixture(scope="session")
def small_built(small_source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Path]:
    """The pristine small project and the folder of its artefact; neither may be changed."""
    out = tmp_path_factory.mktemp("small-built")
    build(Project(small_source), out)
    return Project(small_source), out


@pytest.fixture(scope="session")
def real_built(repo: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Path]:
    """The checkout's own dataset: its manifest and the folder of its artefact."""
    out = tmp_path_factory.mktemp("real-built")
    return build(repo, out), out


@pytest.fixture(scope="session")
def specs(repo: Project) -> dict[str, Kind]:
    """The column specs of the checkout."""
    return read_specs(repo.specs())


@pytest.fixture(scope="session")
def words(repo: Project) -> Vocabulary:
    """What cells may name from the checkout's ontology."""
    return vocabulary(q for path in [*repo.ontology_files(), *repo.scheme_files()] for q in read(path))


@pytest.fixture
def reader_of(specs: dict[str, Kind], words: Vocabulary) -> Callable[[Project], Reader]:
    """Gives a reader that has read literature and sources of a project, so that cases can follow."""

    def make(project: Project) -> Reader:
        reader = Reader(specs, words, project.relative)
        reader.literature(project.literature())
        for path in project.sources():
            reader.source(path)
        return reader

    return make
