"""
The build: puts the stages in order and computes nothing itself.

Tables and Turtle are read, judged and lifted; shapes see what was asserted; consequences go into graphs of their own; and
the whole is written as N-Quads with a manifest, the same bytes from the same sources. Cases pass through one by one, so that memory
does not grow with their number, and what was made of a case is kept (see `artefact`): a build makes only what has changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyoxigraph as ox
from filelock import FileLock, Timeout

from covalue import coverage, gaps, mappings, names, reason, validate
from covalue.artefact import Artefact, DamagedError, role
from covalue.errors import FindingsError, Place, SourceError, StoreError
from covalue.findings import Finding, Report
from covalue.lenses import Lenses, Rule, load_rules
from covalue.lift import Lifted, lift, lift_case
from covalue.manifest import Manifest, read_manifest
from covalue.project import Fingerprints, Project
from covalue.specs import read_specs
from covalue.tables import Folder, Reader
from covalue.turtle import in_house_style, read
from covalue.vocabulary import vocabulary

Progress = Callable[..., None]
BATCH = 40_000
LOCK_SECONDS = 600


def silent_progress(en: str, zh: str, at_once: bool = False) -> None:
    """Says nothing. A progress says what begins; `at_once` marks what a person must know even if it is soon over."""


@dataclass
class Shared:
    """All that cases rest on: ontology, schemes, shapes, literature and sources, read and lifted."""

    named: dict[str, list[ox.Quad]]
    shapes: list[ox.Quad]
    reader: Reader
    folders: list[Folder]
    mapped: mappings.Mapped
    lens_shapes: dict[str, list[ox.Quad]] = field(default_factory=dict)
    places: dict[tuple[str, str], Place] = field(default_factory=dict)

    def quads(self) -> Iterator[ox.Quad]:
        """Every statement that is reasoned with; mappings and alignments are not (see `mappings`)."""
        for graph in self.named.values():
            yield from graph

    def ontology(self) -> list[ox.Quad]:
        """The statements of ontology and schemes."""
        return [q for graph, quads in self.named.items() if role(graph) in ("ontology", "scheme") for q in quads]


def load_shared(project: Project, broken: list[SourceError] | None = None) -> Shared:
    """
    Reads everything but the cases.

    Args:
        broken: where given, Turtle files that cannot be read are put here and left out instead of ending the reading.

    Raises:
        SourceError: a file or folder is missing or unreadable; faults inside tables are collected in `reader.report` instead.
    """

    def turtle(path: Path) -> list[ox.Quad]:
        try:
            return read(path, project.relative(path))
        except SourceError as e:
            if broken is None:
                raise
            broken.append(e)
            return []

    core = [q for path in project.ontology_files() for q in turtle(path)]
    schemes = {p.stem: turtle(p) for p in project.scheme_files()}
    shapes = [q for path in project.shape_files() for q in turtle(path)]
    lens_shapes = {p.stem: turtle(p) for p in project.lens_shapes()}
    parts = _label_blank_nodes({names.GRAPH_ONTOLOGY: core, names.GRAPH_SHAPES: shapes, **{names.gaps_graph(lens): quads for lens, quads in lens_shapes.items()}})
    core, shapes = parts[names.GRAPH_ONTOLOGY], parts[names.GRAPH_SHAPES]
    reader = Reader(read_specs(project.specs()), vocabulary([*core, *(q for qs in schemes.values() for q in qs)]), project.relative)
    named = {names.GRAPH_ONTOLOGY: _into(core, names.GRAPH_ONTOLOGY)}
    for name, quads in schemes.items():
        named[names.scheme_graph(name)] = _into(quads, names.scheme_graph(name))
    if lenses := project.lens_descriptions():
        named[names.GRAPH_LENSES] = _into([q for path in lenses for q in turtle(path)], names.GRAPH_LENSES)
    mapped = mappings.load(project, [*core, *(q for qs in schemes.values() for q in qs)], turtle)
    reader.report.extend(mapped.findings)
    shared = Shared(named, _into(shapes, names.GRAPH_SHAPES), reader, [], mapped, {lens: parts[names.gaps_graph(lens)] for lens in lens_shapes})
    _add_folder(shared, reader.literature(project.literature()), names.GRAPH_LITERATURE)
    for path in project.sources():
        _add_folder(shared, reader.source(path), names.source_graph(path.name))
    return shared


def _add_folder(shared: Shared, folder: Folder, graph: str) -> None:
    lifted = lift(folder.rows, graph)
    shared.folders.append(folder)
    shared.named[graph] = lifted.quads
    shared.places.update(lifted.places)


def _into(quads: Iterable[ox.Quad], graph: str) -> list[ox.Quad]:
    name = ox.NamedNode(graph)
    return [ox.Quad(q.subject, q.predicate, q.object, name) for q in quads]


def _label_blank_nodes(parts: Mapping[str, list[ox.Quad]]) -> dict[str, list[ox.Quad]]:
    """Blank nodes get labels that depend on the statements alone (RDFC-1.0), unique over all graphs."""
    dataset = ox.Dataset([q for graph, quads in parts.items() for q in _into(quads, graph)])
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    labelled: dict[str, list[ox.Quad]] = {graph: [] for graph in parts}
    for quad in dataset:
        labelled[quad.graph_name.value].append(quad)
    return labelled


def load_case(shared: Shared, path: Path) -> Lifted:
    """One case folder, read and lifted; faults go to `shared.reader.report`."""
    return lift_case(shared.reader.case(path).rows, path.name)


def check(project: Project, dl: bool = False, progress: Progress = silent_progress) -> tuple[Report, list[coverage.SectionCoverage]]:
    """
    Everything that can be wrong with the sources, at once: tables, shapes, ontology checks, house style, coverage, and with `dl` HermiT.

    Raises:
        SourceError: something cannot be read at all.
    """
    progress("reading tables and Turtle", "读取表格与 Turtle")
    broken: list[SourceError] = []
    shared = load_shared(project, broken)
    report = shared.reader.report
    cases = [load_case(shared, path) for path in project.cases()]
    if broken:
        return _with_broken(report, broken), []
    ontology = shared.ontology()
    facts = [q for lifted in cases for q in lifted.quads]
    report.extend(mappings.identities(shared.mapped, facts))
    if report.ok:  # a cell that could not be read would only show again as a gap in the facts
        progress("checking the facts against the shapes", "按形状检查事实")
        places = {k: v for lifted in cases for k, v in lifted.places.items()} | shared.places
        report.extend(validate.conforms([*shared.quads(), *facts], shared.shapes, places))
        base = reason.Base(reason.compile_schema(reason.facts(ontology)), reason.facts(shared.quads()))
        for lifted in cases:
            report.extend(base.consequences_of(reason.facts(lifted.quads))[1])
    progress("checking the ontology and the style", "检查本体与书写格式")
    report.extend(validate.run_checks(project.check_files(), ontology))
    report.extend(unformatted(project))
    if dl and report.ok:
        progress("asking HermiT (takes some seconds)", "运行 HermiT（需数秒）")
        report.extend(_dl([*shared.quads(), *facts], shared.mapped))
    sections = [s for folder in shared.folders if "passages" in folder.ids for s in coverage.coverage(folder, facts)]
    report.extend(coverage.gaps(sections))
    return report, sections


def _dl(core_and_facts: list[ox.Quad], mapped: mappings.Mapped) -> list[Finding]:
    """What HermiT finds in core, facts and all alignments at once; where it finds something, which alignment brings it in."""

    def ask(*alignments: str) -> list[Finding]:
        with tempfile.TemporaryDirectory() as folder:
            return reason.hermit([*core_and_facts, *(q for a in alignments for q in mapped.named[a])], Path(folder))

    aligned = [g for g in mapped.named if role(g) == "alignment"]
    if not ask(*aligned):
        return []  # what is consistent as a whole is so in each of its parts
    if alone := ask():
        return alone
    guilty = {g: found for g in aligned if (found := ask(g))}
    return [
        Finding(
            f.rule,
            f"with the alignment {g.rpartition('/')[2]}: {f.en}",
            f"加上对齐 {g.rpartition('/')[2]} 后：{f.zh}",
            Place(f"ontology/alignments/{g.rpartition('/')[2]}.ttl"),
            f.value,
        )
        for g, found in (guilty or {"/*": ask(*aligned)}).items()
        for f in found
    ]


def _with_broken(report: Report, broken: Iterable[SourceError]) -> Report:
    """Broken Turtle files and the faults of tables, but for names that may well stand in the broken files."""
    kept = [f for f in report if f.rule not in ("not-a-choice", "not-a-concept", "mapping-subject", "mapping-without-axiom")]
    return Report([*kept, *(Finding("broken-turtle", e.en, e.zh, e.place) for e in broken)])


def unformatted(project: Project) -> list[Finding]:
    """A finding for each Turtle file that is not in house style."""
    return [
        Finding("house-style", "is not in house style; run `covalue fmt`.", "不是规定的书写格式；请运行 `covalue fmt`。", Place(project.relative(path)))
        for path in project.turtle_files()
        if not in_house_style(path, project.relative(path))
    ]


def build(project: Project, out: Path, progress: Progress = silent_progress) -> Manifest:
    """
    The artefact of the sources as they are now; one that is there and current is kept.

    Args:
        out: the folder of artefacts, made if absent.

    Returns:
        the manifest, whose `data` file stands beside it.

    Raises:
        FindingsError: the sources have faults; the artefact that stood before is untouched.
        StoreError: the folder cannot be written, or another build holds it for too long.
    """
    try:
        _ensure_folder(out)
    except StoreError:
        present = _current(out, _fingerprint(project.fingerprints()))
        if present is None:
            raise
        return present  # where nothing is to be done, nothing need be writable
    lock = FileLock(out / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress("waiting for another build to end", "等待另一构建结束", at_once=True)
        try:
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout as e:
            raise StoreError(
                f"another build has held {out} for {LOCK_SECONDS} s; end it and try again.",
                f"另一构建占用 {out} 已逾 {LOCK_SECONDS} 秒；请先结束它再试。",
            ) from e
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(lock.release)
        prints = project.fingerprints()
        present = _current(out, _fingerprint(prints))
        if present is not None:
            return present
        for stale in out.glob("tmp-*"):
            shutil.rmtree(stale, ignore_errors=True)
        try:
            work = Path(tempfile.mkdtemp(prefix="tmp-", dir=out))
            cleanup.callback(shutil.rmtree, work, True)
            try:
                return _make(Artefact(out, work, prints.cases), project, prints, progress)
            except DamagedError:
                shutil.rmtree(out / "cache")
                return _make(Artefact(out, work, prints.cases), project, prints, progress)
        except OSError as e:
            raise StoreError(f"cannot write to {out}: {e.strerror}.", f"无法写入 {out}：{e.strerror}。") from e


def _make(artefact: Artefact, project: Project, prints: Fingerprints, progress: Progress) -> Manifest:
    try:
        _fill(artefact, project, prints.checks, progress)
    except FindingsError:
        artefact.save()
        raise
    progress("writing the dataset", "写出数据集")
    return artefact.publish(_fingerprint(prints))


def _fingerprint(found: Fingerprints) -> str:
    """Of all sources."""
    return hashlib.sha256(json.dumps([found.shared, found.cases], sort_keys=True).encode()).hexdigest()


def _current(out: Path, fingerprint: str) -> Manifest | None:
    """The manifest in the folder, if it is of sources with this fingerprint."""
    present = read_manifest(out)
    return present if present and present.fingerprint == fingerprint else None


def _ensure_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as e:
        raise StoreError(
            f"cannot write to {out}: {e.strerror}; choose another folder with --out.",
            f"无法写入 {out}：{e.strerror}；请用 --out 另选文件夹。",
        ) from e


def _fill(artefact: Artefact, project: Project, checks: str, progress: Progress) -> None:
    """
    Puts all that is made of the sources into an artefact; what is known to be as it was is not made again.

    Raises:
        FindingsError: the sources have faults.
    """
    progress("reading ontology and sources", "读取本体与来源")
    shared = load_shared(project)
    for graph, quads in [*shared.named.items(), *shared.mapped.named.items()]:
        artefact.add(graph, quads)
    artefact.add(names.GRAPH_SHAPES, [*shared.shapes, *_into((q for quads in shared.lens_shapes.values() for q in quads), names.GRAPH_SHAPES)])
    ontology = shared.ontology()
    report = shared.reader.report
    if not artefact.noted(checks):
        found = validate.run_checks(project.check_files(), ontology)
        report.extend(found)
        if not found:
            artefact.note(checks)
    schema = reason.compile_schema(reason.facts(ontology))
    base = reason.Base(schema, reason.facts(shared.quads()))
    made = base.consequences | set(reason.schema_consequences(schema))
    inferred = names.inferred_graph(names.PREFIXES["graph"] + "shared")
    artefact.add(inferred, reason.quads(made - set(reason.facts(shared.quads())), inferred))
    progress("checking the sources against the shapes", "按形状检查来源")
    sieve = validate.Sieve(shared.quads(), shared.shapes)
    if not sieve.shared_conforms():
        report.extend(validate.conforms(list(shared.quads()), shared.shapes, shared.places))
    _fill_cases(artefact, project, shared, base, sieve, progress)
    if not report.ok:
        raise FindingsError(*report.summary(), report)


def _fill_cases(artefact: Artefact, project: Project, shared: Shared, base: reason.Base, sieve: validate.Sieve, progress: Progress) -> None:
    """Case by case; one that has not changed since it was last found sound is taken over as it was."""
    doubtful = Lifted()
    paths = project.cases()
    made_new = [path for path in paths if not artefact.reuse(path.name)]
    maker = _Maker(shared, base, load_rules(project)) if made_new else None
    for number, path in enumerate(made_new, 1):
        assert maker
        progress(f"case {number} of {len(made_new)}: {path.name}", f"案例 {number}/{len(made_new)}：{path.name}")
        before = len(shared.reader.report)
        lifted = load_case(shared, path)
        sound = sieve.conforms(lifted.quads)
        if not sound:
            doubtful.quads += lifted.quads
            doubtful.places.update(lifted.places)
        lines = maker.lines(path.name, lifted)
        artefact.keep(path.name, lines, sound and len(shared.reader.report) == before)
        if doubtful.quads and (len(doubtful.quads) >= BATCH or number == len(made_new)):
            progress(f"shapes, up to case {number} of {len(made_new)}", f"检查形状，至案例 {number}/{len(made_new)}")
            shared.reader.report.extend(validate.conforms([*shared.quads(), *doubtful.quads], shared.shapes, doubtful.places))
            doubtful = Lifted()


class _Maker:
    """Makes all that the artefact holds of a case: its facts, what follows from them, what the lenses see, and what is missing there."""

    def __init__(self, shared: Shared, base: reason.Base, rules: Sequence[Rule]) -> None:
        self._report, self._base = shared.reader.report, base
        self._lenses = Lenses(rules, shared.quads())
        self._asked = {lens: gaps.asked(quads) for lens, quads in shared.lens_shapes.items()}

    def lines(self, case: str, lifted: Lifted) -> dict[str, Iterable[str]]:
        """Lines of N-Quads by graph; faults go to the report."""
        made, clashes = self._base.consequences_of(reason.facts(lifted.quads))
        self._report.extend(clashes)
        graph = names.case_graph(case)
        consequences = list(reason.quads(made, names.inferred_graph(graph)))
        seen = self._lenses.see([*lifted.quads, *consequences])
        self._report.extend(seen.findings)
        missing = {names.gaps_graph(lens): set(gaps.find(lens, names.PREFIXES["case"] + case, by, self._asked[lens])) for lens, by in seen.made.items() if lens in self._asked}
        own = {graph: lifted.quads, names.inferred_graph(graph): consequences}
        return {**{g: [f"{q} .\n" for q in quads] for g, quads in own.items()}, **seen.lines, **{g: lines for g, lines in missing.items() if lines}}
