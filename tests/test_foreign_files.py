"""
The true files of other vocabularies, where they are at hand: digests, listed terms, our copies of axioms, and consistency with the files whole.

They may not be kept here (licences, size). FOREIGN_FILES names a folder that holds each as owner/repository/path, as `sources.tsv` says.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

import pyoxigraph as ox
import pytest

from covalue import reason
from covalue.build import Shared, load_case, load_shared
from covalue.names import PREFIXES, RDF_TYPE
from covalue.project import Project
from covalue.turtle import read
from test_alignments import ALIGNED, FOREIGN, aligned, closed

TRUE = {"fabio": "fabio", "gufo": "gufo", "org": "org", "prov": "prov-o"}


@pytest.fixture(scope="module")
def shared(repo: Project) -> Shared:
    """Core, schemes, sources and alignments."""
    return load_shared(repo)


@pytest.fixture(scope="module")
def case(repo: Project, shared: Shared) -> list[ox.Quad]:
    """The facts of the Xiaomi case."""
    return [q for path in repo.cases() for q in load_case(shared, path).quads]


def sources() -> list[dict[str, str]]:
    """The files in which foreign terms were read."""
    text = (FOREIGN.parents[1] / "ontology/mappings/sources.tsv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def true_file() -> Callable[[str], bytes]:
    """Gives the true file of a source: FOREIGN_FILES is a folder that holds it as owner/repository/path."""
    folder = os.environ.get("FOREIGN_FILES")
    if not folder:
        pytest.skip("the true files of other vocabularies may not be kept here; name a folder with them in FOREIGN_FILES")

    def give(source: str) -> bytes:
        row = next(r for r in sources() if r["id"] == source)
        return (Path(folder) / row["repository"] / row["path"]).read_bytes()

    return give


def parsed(data: bytes) -> list[ox.Quad]:
    """An OWL file in either syntax."""
    return list(ox.parse(data, ox.RdfFormat.RDF_XML if b"<rdf:RDF" in data[:9000] else ox.RdfFormat.TURTLE, base_iri="http://base.invalid/", lenient=True))


@pytest.mark.parametrize("source", [r["id"] for r in sources()])
def test_true_file_is_the_pinned_one_and_holds_the_terms(true_file: Callable[[str], bytes], source: str) -> None:
    """The file has the digest of the list, and each term that is listed for it is declared in it (or named, where it is no RDF)."""
    row = next(r for r in sources() if r["id"] == source)
    data = true_file(source)
    assert row["sha256"] == hashlib.sha256(data).hexdigest()
    listed = [line.split("\t") for line in (FOREIGN.parents[1] / f"ontology/mappings/terms/{row['vocabulary']}.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    terms = {iri for iri, _, where in listed if where == source}
    assert terms
    if row["path"].endswith((".java", ".json")):
        assert terms <= {row["namespace"] + name for name in re.findall(r"[A-Za-z_][\w]*", data.decode())}
    else:
        assert terms <= {q.subject.value for q in parsed(data) if q.predicate.value == RDF_TYPE and isinstance(q.subject, ox.NamedNode)}


@pytest.mark.parametrize("name", sorted(TRUE))
def test_our_copies_of_axioms_are_theirs(true_file: Callable[[str], bytes], name: str) -> None:
    """Every named axiom of `tests/foreign/` stands in the true file; FRBR's, which FaBiO only builds on, are premises of ours."""
    disjoint = PREFIXES["owl"] + "disjointWith"
    theirs = {(str(q.subject), q.predicate.value, str(q.object)) for q in parsed(true_file(TRUE[name]))}
    theirs |= {(o, p, s) for s, p, o in theirs if p == disjoint}
    ours = {(str(q.subject), q.predicate.value, str(q.object)) for q in read(FOREIGN / f"{name}.ttl")}
    assert not {a for a in ours if "_:" not in a[0] + a[2] and "frbr/core#" not in a[0]} - theirs


def test_true_files_do_not_clash(shared: Shared, case: list[ox.Quad], true_file: Callable[[str], bytes]) -> None:
    """Under OWL 2 RL, which reads all of the true files, gUFO's too, the case does not clash with any of them."""
    assert [] == closed(shared, case, aligned(shared, ALIGNED), *(parsed(true_file(s)) for s in TRUE.values()))[1]


def test_true_prov_under_hermit(shared: Shared, case: list[ox.Quad], true_file: Callable[[str], bytes], tmp_path: Path) -> None:
    """HermiT finds core, case and alignment consistent with the axioms of the true PROV-O; of its properties only those of objects are handed over."""
    keep = {PREFIXES["rdfs"] + n for n in ("subClassOf", "subPropertyOf", "domain", "range")} | {PREFIXES["owl"] + "disjointWith"}
    named = [q for q in parsed(true_file("prov-o")) if isinstance(q.subject, ox.NamedNode) and isinstance(q.object, ox.NamedNode) and q.subject.value.startswith(PREFIXES["prov"])]
    kinds = {PREFIXES["owl"] + "Class", PREFIXES["owl"] + "ObjectProperty"}
    declared = {q.subject for q in named if q.predicate.value == RDF_TYPE and q.object.value in kinds}
    theirs = [q for q in named if q.subject in declared and (q.predicate.value in keep or (q.predicate.value == RDF_TYPE and q.object.value in kinds))]
    assert [] == [f.en for f in reason.hermit([*shared.quads(), *case, *aligned(shared, ["prov"]), *theirs], tmp_path)]
