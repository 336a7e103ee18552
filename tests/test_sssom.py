"""SSSOM tables: valid by the standard's own tool, and every fault of a table is told with file, row, column and remedy."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from covalue.build import build, check, load_case, load_shared
from covalue.errors import FindingsError, SourceError
from covalue.findings import Finding, Severity
from covalue.mappings import Mapped, identities
from covalue.project import Project
from covalue.sssom import COLUMNS, REQUIRED, read_set

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "covalue-clients"
SSSOM = "0.4.21"
TABLE = "ontology/mappings/bmo.sssom.tsv"
TABLES = sorted(p.name for p in (Path(__file__).parents[1] / "ontology/mappings").glob("*.sssom.tsv"))


@pytest.fixture(scope="module")
def sssom() -> str:
    """The program `sssom`, in an environment of its own: one of its libraries brings a plugin that breaks pytest."""
    program = os.environ.get("TEST_SSSOM") or str(CACHE / f"sssom-{SSSOM}/bin/sssom")
    if not Path(program).is_file():
        pytest.skip(f"needs sssom {SSSOM} in an environment of its own (.ci/install makes it; or set TEST_SSSOM to the program)")
    return program


VALIDATE = """
import sys, warnings
from sssom.cli import main
for path in sys.argv[1:]:
    try:
        main(["validate", path], standalone_mode=False)
        print("valid", path)
    except Exception as e:
        print("invalid", path, type(e).__name__, e)
"""


def validated(program: str, *paths: Path) -> dict[str, str]:
    """What `sssom validate` says of each table (`valid` where all is well), all in one process, since it takes seconds to start."""
    done = subprocess.run([Path(program).with_name("python"), "-c", VALIDATE, *paths], capture_output=True, text=True, timeout=300)
    said = dict(line.split(" ", 1)[::-1] for line in done.stdout.splitlines() if line.startswith("valid "))
    return {path.name: "valid" if said.get(str(path)) and str(path) not in done.stderr else f"{done.stdout}{done.stderr}" for path in paths}


def test_standard_tool_accepts_the_tables(repo: Project, sssom: str) -> None:
    """Each set is valid SSSOM by the standard's own tool."""
    said = validated(sssom, *(repo.root / "ontology/mappings" / name for name in TABLES))
    assert dict.fromkeys(TABLES, "valid") == said


def test_standard_tool_refuses_broken_tables(repo: Project, sssom: str, tmp_path: Path) -> None:
    """The tool does look: a confidence above 1 and an unknown prefix are not valid."""
    text = (repo.root / TABLE).read_text(encoding="utf-8")
    broken = {"confident": text.replace("\t0.9\t", "\t9.0\t", 1), "prefix": text.replace("\tbmo:Channel\t", "\tzzz:Channel\t", 1)}
    for name, content in broken.items():
        (tmp_path / f"{name}.sssom.tsv").write_text(content, encoding="utf-8")
    assert "valid" not in validated(sssom, *(tmp_path / f"{name}.sssom.tsv" for name in broken)).values()


# --- faults --------------------------------------------------------------------------------------------------------------------------


def table(project: Project) -> list[str]:
    return (project.root / TABLE).read_text(encoding="utf-8").splitlines()


def spoil(project: Project, how: Callable[[list[str]], list[str]]) -> None:
    (project.root / TABLE).write_text("\n".join(how(table(project))) + "\n", encoding="utf-8")


def row_of(lines: list[str], start: str) -> int:
    """The number of the first row that begins so, counted as lines."""
    return next(i for i, line in enumerate(lines, 1) if line.startswith(start))


def with_cell(column: str, value: str, start: str = "vcc:Channel\t") -> Callable[[list[str]], list[str]]:
    """Changes one cell of the first row that begins so."""

    def change(lines: list[str]) -> list[str]:
        number = row_of(lines, start)
        header = next(line for line in lines if not line.startswith("#")).split("\t")
        cells = lines[number - 1].split("\t")
        cells[header.index(column)] = value
        return [*lines[: number - 1], "\t".join(cells), *lines[number:]]

    return change


def found(project: Project) -> list[Finding]:
    """The faults of mappings and alignments, as a check and a build hear of them first."""
    return [f for f in load_shared(project).reader.report if f.rule.startswith(("mapping", "alignment", "encoding")) and f.severity is Severity.VIOLATION]


CELLS = [
    ("subject_id", "vcc:Chanel", "mapping-subject", 'did you mean "vcc:Channel"'),
    ("subject_id", "bmo:Channel", "mapping-subject", "map from one that is"),
    ("subject_id", "zzz:Channel", "mapping-prefix", "curie_map"),
    ("subject_id", "", "mapping-prefix", "full IRI"),
    ("object_id", "bmo:Chanel", "mapping-object", 'did you mean "http://purl.org/bmo/ns#Channel"'),
    ("object_id", "bmo:hasChannel", "mapping-kind", "map like to like"),
    ("predicate_id", "skos:nearMatch", "mapping-predicate", "skos:exactMatch"),
    ("predicate_id", "owl:sameAs", "mapping-predicate", "skos:exactMatch"),
    ("predicate_id", "rdfs:subClassOf", "mapping-without-axiom", "ontology/alignments/"),
    ("mapping_justification", "semapv:ManualCuration", "mapping-justification", 'did you mean "semapv:ManualMappingCuration"'),
    ("confidence", "85%", "mapping-confidence", "0.8"),
    ("confidence", "1.2", "mapping-confidence", "0.8"),
    ("confidence", "", "mapping-confidence", "0.8"),
    ("comment", "", "mapping-comment", "English"),
    ("comment_zh", "", "mapping-comment", "Chinese"),
]


@pytest.mark.parametrize(("column", "value", "rule", "words"), CELLS, ids=[f"{c}={v or 'empty'}" for c, v, _, _ in CELLS])
def test_fault_in_a_cell_is_placed(small: Project, column: str, value: str, rule: str, words: str) -> None:
    """A bad cell is one finding, with file, row and column, and says in both languages what would be right."""
    spoil(small, with_cell(column, value))
    (finding,) = found(small)
    place = finding.place
    assert place
    wanted = {"mapping-kind": "object_id", "mapping-without-axiom": "predicate_id"}.get(rule, column)
    assert (rule, TABLE, row_of(table(small), "vcc:Chan" if column != "subject_id" else f"{value}\t"), wanted) == (finding.rule, place.path, place.row, place.cell)
    assert words in finding.en
    assert any("\u4e00" <= c <= "\u9fff" for c in finding.zh)


def test_same_two_twice_is_a_fault(small: Project) -> None:
    """Two rows with the same subject and object contradict or repeat each other."""
    spoil(small, lambda lines: [*lines, lines[row_of(lines, "vcc:Channel\t") - 1].replace("closeMatch", "relatedMatch")])
    (finding,) = found(small)
    assert "mapping-duplicate" == finding.rule
    assert f"row {row_of(table(small), 'vcc:Channel')} " in finding.en


STRUCTURE = [
    ("mapping-header", lambda lines: [line for line in lines if not line.startswith("#license")], "license"),
    ("mapping-header", lambda lines: [line.replace("mapping/bmo", "mapping/other") for line in lines], "mapping_set_id must be"),
    ("mapping-header", lambda lines: ["#curie_map: [", *lines[1:]], "YAML"),
    ("mapping-prefix", lambda lines: [line.replace('"http://purl.org/bmo/ns#"', '"http://example.org/#"', 1) if "bmo:" in line else line for line in lines], "use another prefix"),
    ("mapping-column", lambda lines: [line.replace("confidence", "confidense") if line.startswith("subject_id") else line for line in lines], 'did you mean "confidence"'),
    ("mapping-cells", lambda lines: [*lines, "vcc:Channel\tskos:closeMatch"], "has 2 cells"),
]


@pytest.mark.parametrize(("rule", "how", "words"), STRUCTURE, ids=[f"{w}" for _, _, w in STRUCTURE])
def test_fault_in_the_form_is_told(small: Project, rule: str, how: Callable[[list[str]], list[str]], words: str) -> None:
    """A broken header, a misspelt column, a row of wrong length: each is told, and none ends in a traceback."""
    spoil(small, how)
    findings = [f for f in found(small) if f.rule == rule]
    assert findings
    assert any(words in f.en for f in findings)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"subject_id\n", b"#a: b\n", "subject_id\tobject_id".encode("utf-16"), b"#curie_map:\n#  a: b\n"])
def test_garbage_is_no_traceback(small: Project, data: bytes) -> None:
    """Whatever the file holds, it is findings and nothing else."""
    (small.root / TABLE).write_bytes(data)
    assert found(small)


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder in place of a file is an error with its name."""
    (tmp_path / "x.sssom.tsv").mkdir()
    with pytest.raises(SourceError) as caught:
        read_set(tmp_path / "x.sssom.tsv", "x.sssom.tsv")
    assert caught.value.place
    assert "x.sssom.tsv" == caught.value.place.path


def test_axiom_without_reasons_is_a_fault(small: Project) -> None:
    """An axiom of an alignment needs a row that gives its reasons."""
    path = small.root / "ontology/mappings/prov.sssom.tsv"
    path.write_text("".join(line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if not line.startswith("vcc:Firm\t")), encoding="utf-8")
    (finding,) = found(small)
    assert ("alignment-without-reasons", "vcc:Firm rdfs:subClassOf prov:Organization") == (finding.rule, finding.value)


def test_blank_node_in_an_alignment_is_a_fault(small: Project) -> None:
    """Alignments name every class, so that the dataset's graphs can be put together."""
    path = small.root / "ontology/alignments/org.ttl"
    path.write_text(path.read_text(encoding="utf-8") + "\nvcc:Firm rdfs:subClassOf [ a owl:Class ] .\n", encoding="utf-8")
    assert "alignment-blank-node" in {f.rule for f in found(small)}


def test_terms_need_a_pinned_file(small: Project) -> None:
    """A term whose file is not in the list of sources, or is not pinned, is a fault."""
    sources = small.root / "ontology/mappings/sources.tsv"
    lines = sources.read_text(encoding="utf-8").splitlines()
    spoilt = [line.replace("f40c4776e5c4f82c0a40cab103dff3586167ab00", "main") if line.startswith("bmo\t") else line for line in lines if not line.startswith("usdl-core\t")]
    sources.write_text("\n".join(spoilt) + "\n", encoding="utf-8")
    findings = found(small)
    assert {"mapping-source"} == {f.rule for f in findings}
    assert {("ontology/mappings/sources.tsv", "commit"), ("ontology/mappings/terms/usdl.tsv", "source")} == {(f.place.path, f.place.cell) for f in findings if f.place}


def test_set_without_list_of_terms_is_a_fault(small: Project) -> None:
    """Without a list of terms nothing can be mapped to."""
    (small.root / "ontology/mappings/terms/bmo.tsv").unlink()
    (finding,) = found(small)
    assert "mapping-object" == finding.rule
    assert "terms/bmo.tsv" in finding.en


def test_rows_of_a_case_that_is_not_here_are_left_out(small: Project) -> None:
    """The small project has no Xiaomi: its row is remarked on, no fault, and the build goes on."""
    report, _ = check(small)
    assert [("mapping-case", Severity.INFO)] == [(f.rule, f.severity) for f in report if f.rule.startswith("mapping")]
    assert report.ok


def test_identity_must_stand_in_the_case(repo: Project) -> None:
    """What the table explains, the case's own table states; a name that the case does not know is a fault."""
    shared = load_shared(repo)
    facts = [q for path in repo.cases() for q in load_case(shared, path).quads]
    assert [] == identities(shared.mapped, facts)
    without = [q for q in facts if not q.predicate.value.endswith("exactMatch")]
    (finding,) = identities(shared.mapped, without)
    assert "mapping-identity" == finding.rule
    assert "exact_match" in finding.en
    assert finding.place
    assert "ontology/mappings/wikidata.sssom.tsv" == finding.place.path
    wrong = replace(shared.mapped.of_cases[0], subject="https://w3id.org/covalue/case/xiaomi/actor/xiaomy")
    (finding,) = identities(Mapped(of_cases=[wrong]), facts)
    assert "mapping-subject" == finding.rule
    assert "actor/xiaomi" in finding.en


def test_faults_stop_the_build(small: Project, tmp_path: Path) -> None:
    """A dataset is never built from a faulty table."""
    spoil(small, with_cell("confidence", "high"))
    with pytest.raises(FindingsError) as caught:
        build(small, tmp_path / "out")
    assert "mapping-confidence" in {f.rule for f in caught.value.report}


def test_every_column_is_of_the_standard_or_ours() -> None:
    """Only the Chinese comment is an extension, and every set declares it."""
    assert set(REQUIRED) <= set(COLUMNS)
    assert {"comment_zh"} == {c for c in COLUMNS if c.endswith("_zh")}
