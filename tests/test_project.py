"""The project: where sources are found, what counts as a source, and when the fingerprint changes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from covalue.build import load_shared
from covalue.errors import SourceError
from covalue.project import Project, find_project

FOLDERS = ["ontology/core", "ontology/schemes", "ontology/shapes", "graph/tables", "graph/literature", "graph/sources", "graph/cases", "queries/checks"]
TURTLE_FOLDERS = FOLDERS[:3]
READERS: dict[str, Callable[[Project], object]] = {
    "ontology/core": Project.ontology_files,
    "ontology/schemes": Project.scheme_files,
    "ontology/shapes": Project.shape_files,
    "graph/tables": Project.specs,
    "graph/literature": Project.literature,
    "graph/sources": Project.sources,
    "graph/cases": Project.cases,
    "queries/checks": Project.check_files,
}


@pytest.mark.parametrize("name", FOLDERS)
def test_missing_folder_is_named(small: Project, name: str) -> None:
    """A missing folder is an error that names it in both languages and says how to go on."""
    shutil.rmtree(small.root / name)
    with pytest.raises(SourceError) as caught:
        READERS[name](small)
    e = caught.value
    assert str(small.root / name) == (e.place.path if e.place else None)
    assert all(f"{name}/" in text and "--project" in text for text in (e.en, e.zh))


@pytest.mark.parametrize("name", TURTLE_FOLDERS)
def test_empty_folder_is_named(small: Project, name: str) -> None:
    """A folder without a single Turtle file is an error, not an empty ontology."""
    for path in (small.root / name).glob("*.ttl"):
        path.unlink()
    with pytest.raises(SourceError, match=r"holds no \*\.ttl file"):
        load_shared(small)


def test_cases_are_folders_in_order(small: Project) -> None:
    """Cases are the folders under graph/cases, sorted; hidden and underscored ones are left out, and files are none."""
    for name in ("_draft", ".trash", "aaa"):
        (small.root / "graph/cases" / name).mkdir()
    (small.root / "graph/cases/readme.txt").write_text("x")
    assert ["aaa", "harbor-wheels", "night-clinic"] == [p.name for p in small.cases()]


def test_relative_path_is_shown_from_the_root(small: Project, tmp_path: Path) -> None:
    """A path inside the project is shown from its root, another as it is."""
    assert "graph/cases/x.csv" == small.relative(small.root / "graph" / "cases" / "x.csv")
    assert str(tmp_path / "other") == small.relative(tmp_path / "other")


@pytest.mark.parametrize(
    "name",
    [
        "ontology/core/case.ttl",
        "ontology/schemes/role.ttl",
        "graph/tables/actors.csv",
        "graph/literature/scholars.csv",
        "graph/sources/moreau-tan-2021/passages.csv",
        "graph/cases/night-clinic/actors.csv",
        "queries/checks/foops/om1-minimum-metadata.rq",
    ],
)
def test_fingerprint_changes_with_every_source(small: Project, name: str) -> None:
    """One byte more in a source changes the fingerprint."""
    before = small.fingerprints()
    with (small.root / name).open("ab") as file:
        file.write(b"\n")
    assert before != small.fingerprints()


def test_fingerprint_changes_with_names(small: Project) -> None:
    """Renaming a case changes the fingerprint although no byte inside differs."""
    before = small.fingerprints()
    (small.root / "graph/cases/night-clinic").rename(small.root / "graph/cases/day-clinic")
    assert before != small.fingerprints()


def test_fingerprint_of_a_case_changes_alone(small: Project) -> None:
    """A change in one case changes its own fingerprint, and neither that of the other nor what is shared."""
    shared, cases, _ = small.fingerprints()
    with (small.root / "graph/cases/night-clinic/actors.csv").open("ab") as file:
        file.write(b"\n")
    after, after_cases, _ = small.fingerprints()
    assert (shared, cases["harbor-wheels"]) == (after, after_cases["harbor-wheels"])
    assert cases["night-clinic"] != after_cases["night-clinic"]


def test_cases_do_not_depend_on_mappings_and_checks(small: Project) -> None:
    """A mapping or a check that changes leaves the cases as they are; one that changes what they rest on does not."""
    before = small.fingerprints()
    changed = []
    for name in ("ontology/mappings/gist.sssom.tsv", "ontology/alignments/org.ttl", "queries/checks/foops/om1-minimum-metadata.rq", "ontology/lenses/bmo.ttl"):
        with (small.root / name).open("ab") as file:
            file.write(b"\n")
        after = small.fingerprints()
        changed.append((after.shared != before.shared, after.cases != before.cases, after.checks != before.checks))
        before = after
    assert [(True, False, False), (True, False, False), (True, False, True), (True, True, False)] == changed


def test_same_tables_under_another_name_are_another_case(small: Project) -> None:
    """A copied case has a fingerprint of its own, since its IRIs hold its name."""
    shutil.copytree(small.root / "graph/cases/night-clinic", small.root / "graph/cases/day-clinic")
    cases = small.fingerprints().cases
    assert 3 == len(set(cases.values()))


def test_fingerprint_ignores_times_and_places(small: Project, copy_small: Callable[[str], Project]) -> None:
    """Copies of the same sources elsewhere, with other times, have the same fingerprint."""
    other = copy_small("other")
    for path in other.root.rglob("*.*"):
        os.utime(path, (1, 1))
    assert small.fingerprints() == other.fingerprints()


@pytest.mark.parametrize("name", ["graph/literature/scholars.csv", "graph/cases/night-clinic/actors.csv"])
def test_unreadable_source_is_named(small: Project, name: str) -> None:
    """A source that cannot be read, here a link to nowhere, is an error that names it in both languages."""
    path = small.root / name
    path.unlink()
    path.symlink_to("nowhere.csv")
    with pytest.raises(SourceError) as caught:
        small.fingerprints()
    assert (str(path), True, True) == (caught.value.place.path if caught.value.place else None, "cannot be read" in caught.value.en, "无法读取" in caught.value.zh)


def test_find_given_root(small: Project) -> None:
    """A named root is taken."""
    assert small.root == find_project(small.root).root


def test_given_root_without_knowledge_is_refused(tmp_path: Path) -> None:
    """A root that lacks one of the three folders is an error that shows where was looked."""
    (tmp_path / "ontology").mkdir()
    (tmp_path / "graph").mkdir()
    with pytest.raises(SourceError) as caught:
        find_project(tmp_path)
    assert all(str(tmp_path) in text and "queries/" in text for text in (caught.value.en, caught.value.zh))


def test_wheel_data_goes_before_the_checkout(tmp_path: Path) -> None:
    """An installed package reads its own data; without it, the checkout around it."""
    package = tmp_path / "service" / "covalue"
    for root in (tmp_path, package / "data"):
        for name in ("ontology", "graph", "queries"):
            (root / name).mkdir(parents=True)
    assert package / "data" == find_project(package=package).root
    shutil.rmtree(package / "data")
    assert tmp_path == find_project(package=package).root
