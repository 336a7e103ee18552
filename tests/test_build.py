"""The build: reproducible bytes, faults that stop it, and an artefact that survives whatever happens to a build."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest
from filelock import FileLock

from covalue import build as build_module
from covalue import validate
from covalue.build import build, check
from covalue.errors import FindingsError, Place, SourceError, StoreError
from covalue.manifest import FILE, Manifest, read_manifest
from covalue.names import GRAPH_ONTOLOGY, GRAPH_SHAPES, case_graph, inferred_graph
from covalue.project import Project
from covalue.stores.oxigraph import OxigraphStore
from edits import cells, change, replace_in, set_cell, write
from processes import COVALUE, environment, run, start, wait_until

ROOT = Path(__file__).resolve().parents[1]
CASE = "graph/cases/harbor-wheels"
Copy = Callable[[str], Project]


def data_files(out: Path) -> list[str]:
    """The artefacts in a folder."""
    return sorted(p.name for p in out.glob("covalue-*.nq"))


def leftovers(out: Path) -> list[str]:
    """What an unfinished build has left."""
    return sorted(p.name for p in out.iterdir() if p.name.startswith("tmp-") or p.name.endswith(".new"))


def assert_whole(out: Path) -> Manifest:
    """The folder holds one artefact, whole, with its manifest and nothing else."""
    manifest = read_manifest(out)
    assert manifest
    assert ([manifest.data], []) == (data_files(out), leftovers(out))
    assert manifest.digest == hashlib.sha256((out / manifest.data).read_bytes()).hexdigest()
    return manifest


@pytest.fixture
def out(small: Project, small_built: tuple[Project, Path], tmp_path: Path) -> Path:
    """The folder of an artefact of `small` as it is before the test changes it."""
    shutil.copytree(small_built[1], tmp_path / "out")
    return tmp_path / "out"


# --- what is built


def test_artefact_is_sorted_nquads(small_built: tuple[Project, Path]) -> None:
    """The artefact is N-Quads, graph by graph and sorted in each, with the counts that the manifest gives."""
    _, out = small_built
    manifest = assert_whole(out)
    lines = (out / manifest.data).read_text(encoding="utf-8").splitlines(keepends=True)
    per_graph: dict[str, list[str]] = {}
    for line in lines:
        per_graph.setdefault(line.rsplit(" ", 2)[1][1:-1], []).append(line)
    assert sorted(per_graph) == list(per_graph)
    assert all(sorted(set(group)) == group for group in per_graph.values())
    assert {g.iri: g.triples for g in manifest.graphs if g.triples} == {g: len(group) for g, group in per_graph.items()}
    assert len(lines) == len(list(ox.parse((out / manifest.data).read_bytes(), ox.RdfFormat.N_QUADS)))


def test_graphs_and_their_roles(small_built: tuple[Project, Path]) -> None:
    """There is a graph for the ontology, each scheme, each source, each case and its consequences; shapes stay out of the default graph."""
    project, out = small_built
    graphs = {g.iri: g for g in assert_whole(out).graphs}
    cases = [case_graph(n) for n in ("harbor-wheels", "night-clinic")]
    assert {GRAPH_ONTOLOGY, GRAPH_SHAPES, *cases, *map(inferred_graph, cases)} <= set(graphs)
    assert len(project.scheme_files()) == sum(g.role == "scheme" for g in graphs.values())
    assert {"case": 2, "source": 1, "literature": 1, "shapes": 1} == {r: sum(g.role == r for g in graphs.values()) for r in ("case", "source", "literature", "shapes")}
    assert {GRAPH_SHAPES} == {g.iri for g in graphs.values() if not g.default}


def test_no_statement_stands_in_two_graphs_of_the_default(small_built: tuple[Project, Path]) -> None:
    """What is inferred is stated nowhere else, so that counting in the union counts once."""
    _, out = small_built
    manifest = assert_whole(out)
    default = {g.iri for g in manifest.graphs if g.default}
    seen: dict[str, str] = {}
    twice = []
    for q in ox.parse((out / manifest.data).read_bytes(), ox.RdfFormat.N_QUADS):
        if q.graph_name.value in default:
            text = f"{q.subject} {q.predicate} {q.object}"
            if seen.setdefault(text, q.graph_name.value) != q.graph_name.value:
                twice.append((text, seen[text], q.graph_name.value))
    assert [] == twice


def test_consequences_of_a_case(small_built: tuple[Project, Path]) -> None:
    """A reader finds the consequences of a case in a graph of their own, and facts apart from them."""
    store = OxigraphStore.open(small_built[1])._store
    member = "<https://w3id.org/covalue/case/harbor-wheels/actor/members>"
    actor = "<https://w3id.org/covalue/ontology#Actor>"
    graph = case_graph("harbor-wheels")
    assert (False, True) == tuple(bool(store.query(f"ASK {{ GRAPH <{g}> {{ {member} a {actor} }} }}")) for g in (graph, inferred_graph(graph)))


def test_real_project_builds(real_built: tuple[Manifest, Path], repo: Project) -> None:
    """The checkout itself builds, with every case in a graph that holds more than a few statements."""
    manifest, out = real_built
    assert manifest == assert_whole(out)
    by_iri = {g.iri: g.triples for g in manifest.graphs}
    assert all(by_iri[case_graph(p.name)] > 1000 for p in repo.cases())
    assert manifest.triples > 10_000


def test_current_artefact_is_kept(small_built: tuple[Project, Path]) -> None:
    """A build with unchanged sources writes nothing and gives the same manifest."""
    project, out = small_built
    before = {p.name: p.stat().st_mtime_ns for p in out.iterdir() if p.name != ".lock"}
    assert read_manifest(out) == build(project, out)
    assert before == {p.name: p.stat().st_mtime_ns for p in out.iterdir() if p.name != ".lock"}


# --- reproducible


def permute(project: Project, seed: int) -> None:
    """Puts the rows of every table, and the columns after the id, into another order."""
    order = random.Random(seed)
    for path in [*project.root.glob("graph/cases/*/*.csv"), *project.root.glob("graph/sources/*/*.csv"), *project.root.glob("graph/literature/*.csv")]:
        rows = cells(path)
        columns = list(range(1, len(rows[0])))
        order.shuffle(columns)
        rest = rows[1:]
        order.shuffle(rest)
        write(path, [[r[i] for i in (0, *columns)] for r in [rows[0], *rest]])


@pytest.mark.parametrize("seed", [1])
def test_order_of_rows_and_columns_does_not_matter(small: Project, small_built: tuple[Project, Path], seed: int, tmp_path: Path) -> None:
    """The same rows in another order make the same bytes, though the fingerprint of the sources differs."""
    permute(small, seed)
    pristine = assert_whole(small_built[1])
    manifest = build(small, tmp_path / "out")
    assert (pristine.digest, pristine.graphs) == (manifest.digest, manifest.graphs)
    assert pristine.fingerprint != manifest.fingerprint


def test_order_in_which_files_are_found_does_not_matter(small: Project, small_built: tuple[Project, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that lists files in another order makes the same bytes."""
    for name in ("glob", "rglob", "iterdir"):
        real = getattr(Path, name)

        def reversed_(self: Path, *given: str, real: Callable[..., Iterator[Path]] = real) -> Iterator[Path]:
            return iter(sorted(real(self, *given), reverse=True))

        monkeypatch.setattr(Path, name, reversed_)
    manifest = build(small, tmp_path / "out")
    pristine = read_manifest(small_built[1])
    assert pristine
    assert (pristine.digest, pristine.fingerprint) == (manifest.digest, manifest.fingerprint)


def test_order_of_statements_in_turtle_does_not_matter(small: Project, small_built: tuple[Project, Path], tmp_path: Path) -> None:
    """Ontology files written as N-Triples in another order, blank nodes under other labels, make the same bytes."""
    order = random.Random(7)
    for path in [*small.ontology_files(), *small.shape_files()]:
        lines = [f"{q.subject} {q.predicate} {q.object} .\n" for q in ox.parse(path.read_bytes(), ox.RdfFormat.TURTLE)]
        order.shuffle(lines)
        path.write_text("".join(lines), encoding="utf-8")
    assert assert_whole(small_built[1]).digest == build(small, tmp_path / "out").digest


@pytest.mark.parametrize("seed", ["4711"])
def test_hash_seed_does_not_matter(copy_small: Copy, small_built: tuple[Project, Path], seed: str, tmp_path: Path) -> None:
    """Another process with another hash seed, in another folder, makes the same bytes."""
    project = copy_small(f"seed-{seed}")
    done = run("build", "--project", project.root, "--out", tmp_path / "out", PYTHONHASHSEED=seed)
    assert (0, assert_whole(small_built[1]).digest) == (done.returncode, assert_whole(tmp_path / "out").digest), done.stderr


def test_hash_seed_does_not_matter_on_top_of_an_older_build(small: Project, out: Path, tmp_path: Path) -> None:
    """With lenses, whose graphs are of all cases: another process with another hash seed, that takes over one case and makes another, makes the bytes of a build from nothing."""
    shutil.copytree(ROOT / "queries" / "lenses", small.root / "queries" / "lenses")
    build(small, out)
    set_cell(small.root / CASE / "actors.csv", 2, "label_en", "Another name")
    done = run("build", "--project", small.root, "--out", out, PYTHONHASHSEED="12")
    assert (0, build(small, tmp_path / "new").digest) == (done.returncode, assert_whole(out).digest), done.stderr


def test_cases_do_not_touch_each_other(small: Project, small_built: tuple[Project, Path], tmp_path: Path) -> None:
    """A change in one case leaves the statements of the other, and what follows from them, as they were."""
    set_cell(small.root / CASE / "actors.csv", 2, "label_en", "Another name")
    manifest = build(small, tmp_path / "out")

    def other(folder: Path) -> list[str]:
        data = next(folder.glob("covalue-*.nq")).read_text(encoding="utf-8")
        return [line for line in data.splitlines() if "case/night-clinic>" in line.rsplit(" ", 2)[1]]

    assert other(small_built[1]) == other(tmp_path / "out")
    assert assert_whole(small_built[1]).digest != manifest.digest


# --- built on what was built before


def other_name(project: Project, how: Callable[[Path, Path], object]) -> None:
    """Moves or copies a case to another name; the tables of both differ in nothing but the id of case.csv."""
    new = project.root / "graph/cases/day-clinic"
    how(project.root / "graph/cases/night-clinic", new)
    set_cell(new / "case.csv", 2, "id", "day-clinic")


STEPS: dict[str, Callable[[Project], object]] = {
    "a cell of one case": lambda p: set_cell(p.root / CASE / "actors.csv", 2, "label_en", "Another name"),
    "a row that all share": lambda p: set_cell(p.root / "graph/literature/scholars.csv", 2, "label_en", "Another name"),
    "the ontology": lambda p: replace_in(p.root / "ontology/core/value.ttl", '"channel"@en', '"way"@en'),
    "a mapping": lambda p: replace_in(p.root / "ontology/mappings/org.sssom.tsv", "\t0.9\t", "\t0.8\t"),
    "a case less": lambda p: shutil.rmtree(p.root / "graph/cases/night-clinic"),
    "a case renamed": lambda p: other_name(p, Path.rename),
    "a case copied": lambda p: other_name(p, shutil.copytree),
}


@pytest.mark.parametrize("step", STEPS)
def test_build_on_an_older_one_is_as_good_as_new(small: Project, out: Path, tmp_path: Path, step: str) -> None:
    """After any change, building on what was built before gives the same bytes as building from nothing."""
    STEPS[step](small)
    assert build(small, tmp_path / "new").digest == build(small, out).digest


def test_only_what_changed_is_made(small: Project, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case that has not changed is not even read, whatever changes in others or in the mappings; checks of the ontology that found nothing are not run again."""
    read: list[str] = []
    real = build_module.load_case
    monkeypatch.setattr(build_module, "load_case", lambda shared, path: read.append(path.name) or real(shared, path))
    monkeypatch.setattr(validate, "run_checks", lambda *_: pytest.fail("the checks were run again"))
    for step, wanted in {"a cell of one case": ["harbor-wheels"], "a mapping": [], "a case copied": ["day-clinic"], "a case less": []}.items():
        read.clear()
        STEPS[step](small)
        build(small, out)
        assert wanted == read, step


def test_sound_cases_are_kept_when_another_is_faulty(small: Project, tmp_path: Path, small_built: tuple[Project, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """One fault among many cases does not cost the work on all of them: once it is corrected, only that case is made."""
    read: list[str] = []
    real = build_module.load_case
    monkeypatch.setattr(build_module, "load_case", lambda shared, path: read.append(path.name) or real(shared, path))
    right = (small.root / CASE / "actors.csv").read_bytes()
    for column, wrong in {"type": "Company", "label_en": ""}.items():
        set_cell(small.root / CASE / "actors.csv", 2, column, wrong)
        with pytest.raises(FindingsError):
            build(small, tmp_path / "out")
    (small.root / CASE / "actors.csv").write_bytes(right)
    assert assert_whole(small_built[1]).digest == build(small, tmp_path / "out").digest
    assert read == ["harbor-wheels", "night-clinic", "harbor-wheels", "harbor-wheels"]


def test_cache_holds_the_present_cases_only(small: Project, out: Path) -> None:
    """What is kept between builds does not grow: a part for each case, the state, and a note that the checks found nothing."""
    set_cell(small.root / CASE / "actors.csv", 2, "label_en", "Another name")
    before = {p.name for p in (out / "cache").iterdir()}
    build(small, out)
    after = {p.name for p in (out / "cache").iterdir()}
    assert (4, 4, 3) == (len(before), len(after), len(before & after))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-200]),
    "turned": lambda path: path.write_bytes(path.read_bytes().replace(b"w", b"v")),
    "another letter within": lambda path: path.write_bytes(path.read_bytes()[:-90] + b"x" + path.read_bytes()[-89:]),
    "gone": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_cache_is_not_taken_over(small: Project, small_built: tuple[Project, Path], out: Path, damage: str) -> None:
    """A damaged file in the cache does not reach the artefact, be the artefact still there or not."""
    for path in (out / "cache").iterdir():
        DAMAGES[damage](path)
    if damage == "gone":
        (out / FILE).unlink()
    replace_in(small.root / "queries/checks/foops/om1-minimum-metadata.rq", "\nPREFIX owl", "\n\nPREFIX owl")
    assert assert_whole(small_built[1]).digest == build(small, out).digest


# --- faults in the sources


def test_faults_stop_the_build_and_leave_the_old_artefact(small: Project, out: Path) -> None:
    """Sources with faults build nothing: the report names the cells, and what was built before stays whole."""
    before = assert_whole(out)
    set_cell(small.root / CASE / "events.csv", 2, "start_year", "20x2")
    set_cell(small.root / "graph/cases/night-clinic/actors.csv", 2, "type", "Company")
    with pytest.raises(FindingsError) as caught:
        build(small, out)
    places = {(f.rule, str(f.place)) for f in caught.value.report}
    assert {
        ("bad-year", f"{CASE}/events.csv row 2, column start_year"),
        ("not-a-choice", "graph/cases/night-clinic/actors.csv row 2, column type"),
    } <= places
    assert before == assert_whole(out)


def test_shapes_name_the_cell(small: Project, tmp_path: Path) -> None:
    """A fault that only the shapes see is led back to its file and row."""
    change(small.root / CASE / "events.csv", lambda rows: [*rows, ["paused", "A pause", "停运", "2015", "3", "", "1-p1-s1", "reported", "case"]])
    set_cell(small.root / CASE / "events.csv", 3, "end_year", "2011")
    with pytest.raises(FindingsError) as caught:
        build(small, tmp_path / "out")
    places = {f.place.path: f.place.row for f in caught.value.report if f.place and f.severity == 2}
    assert {f"{CASE}/events.csv": 3} == places


def test_broken_turtle_stops_with_line_and_column(small: Project, tmp_path: Path) -> None:
    """Broken Turtle stops the build with file, line and column, and nothing is left behind."""
    path = small.root / "ontology/core/value.ttl"
    number = len(path.read_text(encoding="utf-8").splitlines()) + 2
    with path.open("a", encoding="utf-8") as file:
        file.write("\nvcc:Broken a owl:Class rdfs:label .\n")
    with pytest.raises(SourceError) as caught:
        build(small, tmp_path / "out")
    assert Place("ontology/core/value.ttl", number, 24) == caught.value.place
    assert ([], []) == (data_files(tmp_path / "out"), leftovers(tmp_path / "out"))


def test_two_broken_turtle_files_are_both_reported(small: Project) -> None:
    """Broken files and bad cells are all reported by one check."""
    for name in ("value.ttl", "case.ttl"):
        with (small.root / "ontology/core" / name).open("a", encoding="utf-8") as file:
            file.write("broken")
    set_cell(small.root / CASE / "events.csv", 2, "start_year", "20x2")
    report, _ = check(small)
    assert {"ontology/core/case.ttl", "ontology/core/value.ttl", f"{CASE}/events.csv"} <= {f.place.path for f in report if f.place}


def test_check_is_clean_and_counts_coverage(small: Project) -> None:
    """The small project has no violation, and each of its sentences is cited or listed as silent."""
    report, sections = check(small)
    assert [] == [str(f) for f in report if f.severity == 2]
    assert {"1": (3, 2, 1, ()), "1.1": (2, 2, 0, ()), "2": (2, 2, 0, ())} == {s.section: (s.sentences, s.cited, s.silent, s.missing) for s in sections}


def test_sentence_that_nothing_cites_is_a_fault(small: Project) -> None:
    """A sentence neither cited nor listed is found by name."""
    change(small.root / "graph/sources/moreau-tan-2021/silent.csv", lambda rows: rows[:1])
    report, _ = check(small)
    assert ["1-p0-s0"] == [f.value for f in report if f.rule == "coverage"]


def test_file_not_in_house_style_is_a_fault(small: Project) -> None:
    """A Turtle file that `covalue fmt` would change is found by name."""
    replace_in(small.root / "ontology/core/value.ttl", "    a owl:Class ;", "    a  owl:Class ;")
    report, _ = check(small)
    assert ["ontology/core/value.ttl"] == [f.place.path for f in report if f.rule == "house-style" and f.place]


# --- the disk


@pytest.mark.parametrize("inside", ["file/out", "/proc/covalue/out", "/proc/self/fd/out"])
def test_folder_that_cannot_be_made(small: Project, tmp_path: Path, inside: str) -> None:
    """A folder that cannot be made is a store error that names it in both languages and says how to choose another."""
    (tmp_path / "file").write_text("")
    out = tmp_path / inside
    with pytest.raises(StoreError) as caught:
        build(small, out)
    assert all(str(out) in text and "--out" in text for text in (caught.value.en, caught.value.zh))


def test_out_that_is_a_file(small: Project, tmp_path: Path) -> None:
    """A regular file as the folder of artefacts is a store error, and the file stays as it was."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError):
        build(small, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.fixture
def locked_folder(small_built: tuple[Project, Path]) -> Iterator[Path]:
    """A folder with an artefact in which this process may read but not write, also when it runs as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(small_built[1], folder, dirs_exist_ok=True)
        folder.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)


@pytest.fixture
def open_project(small_source: Path) -> Iterator[Project]:
    """A copy of the small project that every user may read."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        shutil.copytree(small_source, root / "small")
        yield Project(root / "small")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions on folders")
def test_folder_without_write_permission(open_project: Project, locked_folder: Path) -> None:
    """A folder without write permission does while nothing is to be built; then it is a store error that says so, and what was built there stays."""
    manifest = build(open_project, locked_folder)
    assert manifest.digest == OxigraphStore.open(locked_folder).version
    add_row_as_root(open_project)
    with pytest.raises(StoreError) as caught:
        build(open_project, locked_folder)
    assert all("Permission denied" in text and str(locked_folder) in text for text in (caught.value.en, caught.value.zh))
    assert manifest == read_manifest(locked_folder)


def add_row_as_root(project: Project) -> None:
    """Changes a source, whoever this process is just now."""
    before = os.geteuid()
    os.seteuid(os.getuid())
    try:
        set_cell(project.root / "graph" / "cases" / "night-clinic" / "case.csv", 2, "label_en", "another name")
    finally:
        os.seteuid(before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no ulimit")
def test_full_disk(small: Project, out: Path) -> None:
    """When the data cannot be written whole, the build fails with exit code 3, the old artefact survives, and nothing half-written stays."""
    before = assert_whole(out)
    set_cell(small.root / CASE / "actors.csv", 2, "label_en", "Another name")
    command = ["bash", "-c", 'ulimit -f 64; exec "$@"', "limited", *COVALUE, "build", "--project", str(small.root), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment(), timeout=240)
    assert (3, "") == (done.returncode, done.stdout)
    assert (True, True, False) == (f"cannot write to {out}" in done.stderr, f"无法写入 {out}" in done.stderr, "Traceback" in done.stderr)
    assert before == assert_whole(out)


def test_write_that_fails_at_the_end(small: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the finished data cannot be put in place, that is a store error with the system's reason."""

    def full(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    out = tmp_path / "out"
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoreError, match="No space left on device"):
        build(small, out)
    assert ([], []) == (data_files(out), leftovers(out))


@pytest.mark.parametrize("damage", ["cut", "other bytes"])
def test_damaged_artefact_is_not_served(small: Project, out: Path, damage: str) -> None:
    """Data that does not fit its manifest is not opened: the error says to delete it, and doing so helps."""
    data = out / assert_whole(out).data
    content = data.read_bytes()
    data.write_bytes(content[:-1000] if damage == "cut" else content.replace(b"Harbor", b"Harbur", 1))
    with pytest.raises(StoreError, match=r"is damaged .* delete it and build again"):
        OxigraphStore.open(out)
    data.unlink()
    build(small, out)
    assert data.read_bytes() == content


@pytest.mark.parametrize("text", ["{", "null"])
def test_damaged_manifest_is_built_anew(small: Project, out: Path, text: str) -> None:
    """A manifest that cannot be read is made again."""
    before = assert_whole(out)
    (out / FILE).write_text(text)
    assert before == build(small, out)
    assert before == assert_whole(out)


# --- interrupted, and several at once


def building(out: Path) -> bool:
    """Whether a build is in the midst of its work."""
    return any(p.is_dir() and any(p.iterdir()) for p in out.glob("tmp-*"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_build(small: Project, out: Path) -> None:
    """A build that is killed leaves the old artefact whole; the next one succeeds and clears away what was left."""
    before = assert_whole(out)
    set_cell(small.root / CASE / "actors.csv", 2, "label_en", "Another name")
    process = start("build", "--project", small.root, "--out", out)
    wait_until(lambda: building(out) or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert -signal.SIGKILL == process.returncode
    assert 1 == len(leftovers(out))
    assert (before, [before.data]) == (read_manifest(out), data_files(out))
    assert before.digest == OxigraphStore.open(out).version
    after = build(small, out)
    assert before.digest != after.digest
    assert after == assert_whole(out)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for processes")
def test_build_ended_by_the_user(small: Project, tmp_path: Path) -> None:
    """A build that is ended with Ctrl-C clears away what it wrote."""
    out = tmp_path / "out"
    process = start("build", "--project", small.root, "--out", out)
    wait_until(lambda: (out.is_dir() and building(out)) or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    assert (False, []) == ("Traceback" in stderr, leftovers(out))
    assert process.returncode != 0
    assert read_manifest(out) is None


def test_two_builds_at_once(small: Project, tmp_path: Path) -> None:
    """Two processes that build the same at the same time both succeed, with one artefact."""
    out = tmp_path / "out"
    both = [start("build", "--project", small.root, "--out", out) for _ in range(2)]
    said = [p.communicate(timeout=240) for p in both]
    assert [0, 0] == [p.returncode for p in both], said
    manifest = assert_whole(out)
    assert [f"sha256 {manifest.digest}"] * 2 == [stdout.strip()[-len(f"sha256 {manifest.digest}") :] for stdout, _ in said]


def test_reader_during_a_build_sees_the_old_or_the_new(small: Project, out: Path) -> None:
    """Whoever opens the folder while a build ends gets one whole dataset."""
    versions = [assert_whole(out).digest]
    set_cell(small.root / CASE / "actors.csv", 2, "label_en", "Another name")
    process = start("build", "--project", small.root, "--out", out)
    seen = []
    while process.poll() is None:
        seen.append(OxigraphStore.open(out).version)
    process.communicate()
    versions.append(assert_whole(out).digest)
    assert set(seen) <= set(versions)
    assert versions[0] == seen[0]


def test_second_build_waits_for_the_first(small: Project, tmp_path: Path) -> None:
    """A build that finds another at work says that it waits, and goes on once the other has ended."""
    out = tmp_path / "out"
    out.mkdir()
    with FileLock(out / ".lock"):
        process = start("build", "--project", small.root, "--out", out)
        assert process.stderr
        assert any("waiting for another build to end" in line for line in process.stderr)
        time.sleep(0.3)
        assert (None, []) == (process.poll(), data_files(out))
    process.communicate(timeout=240)
    assert 0 == process.returncode
    assert_whole(out)


def test_waiting_ends(small: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that is held up for too long ends with a store error that says by what."""
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr(build_module, "LOCK_SECONDS", 0.1)
    said: list[str] = []
    with FileLock(out / ".lock"), pytest.raises(StoreError, match=r"another build has held .* \| 另一构建占用"):
        build(small, out, lambda en, *_, **__: said.append(en))
    assert ["waiting for another build to end"] == said
