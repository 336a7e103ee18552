"""
Where the knowledge lies: the folders `ontology/`, `graph/` and `queries/`, listed and fingerprinted.

A checkout holds them beside `service/`; an installed wheel holds them inside the package as `covalue/data/`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from covalue.errors import Place, SourceError

PACKAGE = Path(__file__).resolve().parent
FOLDERS = ("ontology", "graph", "queries")


class Fingerprints(NamedTuple):
    """
    SHA-256 of the sources, and of the code that builds (neither stores nor web) with each.

    `shared` is of all that is no case; `cases` has one of each case with what it rests on, which mappings, alignments and checks are
    not part of; `checks` is of the checks with the ontology that they judge.
    """

    shared: str
    cases: dict[str, str]
    checks: str


@dataclass(frozen=True)
class Project:
    """The sources under one root folder."""

    root: Path

    def folder(self, name: str) -> Path:
        """
        A folder of sources that must exist.

        Raises:
            SourceError: there is no such folder.
        """
        path = self.root / name
        if not path.is_dir():
            raise SourceError(
                f"there is no folder {name}/ under {self.root}; it holds part of the knowledge, so restore it or name the right folder with --project.",
                f"{self.root} 下没有 {name}/ 文件夹；它保存部分知识，请恢复它，或用 --project 指定正确的文件夹。",
                Place(str(path)),
            )
        return path

    def ontology_files(self) -> list[Path]:
        return _files(self.folder("ontology/core"), "*.ttl")

    def scheme_files(self) -> list[Path]:
        return _files(self.folder("ontology/schemes"), "*.ttl")

    def shape_files(self) -> list[Path]:
        return _files(self.folder("ontology/shapes"), "*.ttl")

    def mapping_files(self) -> list[Path]:
        """The SSSOM tables; there need be none."""
        return sorted((self.folder("ontology") / "mappings").glob("*.sssom.tsv"))

    def term_files(self) -> list[Path]:
        """The lists of foreign terms that were read in a source file."""
        return sorted((self.folder("ontology") / "mappings" / "terms").glob("*.tsv"))

    def mapping_sources(self) -> Path | None:
        """The list of files in which foreign terms were read, if there is one."""
        path = self.folder("ontology") / "mappings" / "sources.tsv"
        return path if path.is_file() else None

    def alignment_files(self) -> list[Path]:
        """The logical alignments; there need be none."""
        return sorted((self.folder("ontology") / "alignments").glob("*.ttl"))

    def specs(self) -> Path:
        """The folder of column specs."""
        return self.folder("graph/tables")

    def literature(self) -> Path:
        return self.folder("graph/literature")

    def sources(self) -> list[Path]:
        """The folders of sources, one for each publication that cases are taken from."""
        return _folders(self.folder("graph/sources"))

    def cases(self) -> list[Path]:
        """The folders of cases."""
        return _folders(self.folder("graph/cases"))

    def check_files(self) -> list[Path]:
        """The SPARQL checks of the ontology."""
        return sorted(self.folder("queries/checks").rglob("*.rq"))

    def question_files(self) -> list[Path]:
        """The named questions."""
        folder = self.folder("queries")
        rules = set(self.lens_files())
        return sorted(p for p in folder.rglob("*.rq") if p.relative_to(folder).parts[0] != "checks" and p not in rules)

    def lens_files(self) -> list[Path]:
        """The rules of the lenses, one folder for each vocabulary; a project may have none."""
        return sorted(self.folder("queries").glob("lenses/*/*.rq"))

    def lens_descriptions(self) -> list[Path]:
        """What each lens is, and the terms of those that have their own."""
        return sorted(self.folder("ontology").glob("lenses/*.ttl"))

    def lens_shapes(self) -> list[Path]:
        """What the vocabulary of each lens asks of its graph; what is missing there is a gap, no fault."""
        return sorted(self.folder("ontology").glob("shapes/lenses/*.ttl"))

    def turtle_files(self) -> list[Path]:
        """All Turtle files that we keep in house style."""
        return sorted(self.folder("ontology").rglob("*.ttl"))

    def foundation_files(self) -> list[Path]:
        """Every file that what is made of a case depends on, but for those of the case."""
        tables = [p for folder in self.folder("graph").iterdir() if folder.name != "cases" and folder.is_dir() for p in folder.rglob("*.csv")]
        lenses = [*self.lens_files(), *self.lens_descriptions(), *self.lens_shapes()]
        return sorted([*self.ontology_files(), *self.scheme_files(), *self.shape_files(), *lenses, *tables])

    def foreign_files(self) -> list[Path]:
        """What is said in the words of other vocabularies; no case depends on it."""
        return sorted([*self.mapping_files(), *self.term_files(), *filter(None, [self.mapping_sources()]), *self.alignment_files()])

    def relative(self, path: Path) -> str:
        """The path as we show it: from the root, with forward slashes."""
        try:
            return path.resolve().relative_to(self.root.resolve()).as_posix()
        except ValueError:
            return str(path)

    def fingerprints(self) -> Fingerprints:
        """The fingerprints of the sources as they are now; the same sources give the same texts, wherever the project lies."""
        code = _total((p.relative_to(PACKAGE).as_posix(), p) for p in sorted(PACKAGE.glob("*.py")))
        foundation, checks, foreign = (
            _total((p.relative_to(self.root).as_posix(), p) for p in files) for files in (self.foundation_files(), self.check_files(), self.foreign_files())
        )
        ontology = _total((p.name, p) for p in [*self.ontology_files(), *self.scheme_files()])
        base = _of(code, foundation)
        return Fingerprints(_of(base, checks, foreign), {case.name: _case_fingerprint(case, base) for case in self.cases()}, _of(code, ontology, checks))


def _total(files: Iterable[tuple[str, Path]]) -> str:
    total = hashlib.sha256()
    for name, path in files:
        total.update(f"{name}\0{_digest(path)}\n".encode())
    return total.hexdigest()


def _of(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _case_fingerprint(case: Path, base: str) -> str:
    total = hashlib.sha256(f"{base}\0{case.name}\n".encode())
    for name, path in sorted((path.name, path) for path in case.iterdir()):
        if not name.startswith((".", "_", "~")):
            total.update(f"{name}\0{_digest(path)}\n".encode())
    return total.hexdigest()


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as e:
        raise SourceError(f"cannot be read: {e.strerror}.", f"无法读取：{e.strerror}。", Place(str(path))) from e


def _files(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.glob(pattern))
    if not found:
        raise SourceError(f"holds no {pattern} file.", f"其中没有 {pattern} 文件。", Place(str(folder)))
    return found


def _folders(parent: Path) -> list[Path]:
    return sorted(p for p in parent.iterdir() if p.is_dir() and not p.name.startswith((".", "_")))


def find_project(given: Path | None = None, package: Path = PACKAGE) -> Project:
    """
    The project to work on: the given root, else the wheel's own data, else the checkout around the package.

    Raises:
        SourceError: none of them holds the three folders.
    """
    tried: Iterable[Path] = [given] if given else [package / "data", package.parents[1]]
    for root in tried:
        if all((root / name).is_dir() for name in FOLDERS):
            return Project(root.resolve())
    looked = ", ".join(str(p) for p in tried)
    raise SourceError(
        f"no project found: looked for ontology/, graph/ and queries/ in {looked}.",
        f"找不到项目：在 {looked} 中没有 ontology/、graph/ 和 queries/。",
    )
