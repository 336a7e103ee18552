"""The command line: every verb, its exit codes, and what goes to which stream."""

from __future__ import annotations

import csv
import io
import json
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

import click
import pyoxigraph as ox
import pytest
import rdflib
from click.testing import CliRunner, Result

from covalue import __version__
from covalue.cli import EXPORTS, main
from covalue.manifest import Manifest, read_manifest
from covalue.project import Project
from covalue.settings import DOCUMENTED, RANGES, SECRETS
from covalue.stores.limits import MB
from covalue.stores.sources import Loaded
from covalue.turtle import canonical
from edits import replace_in, set_cell
from processes import COVALUE, environment, run, start

CASE = "graph/cases/harbor-wheels"
VERBS = ["ask", "build", "check", "export", "fmt", "gaps", "mcp", "publish", "query", "question", "serve"]
COUNT = "SELECT (COUNT(*) AS ?n) WHERE { ?actor a <https://w3id.org/covalue/ontology#Actor> }"
Built = tuple[Project, Path]
Copy = Callable[[str], Project]


def covalue(*arguments: str | Path, **env: str) -> Result:
    """Runs a verb in this process; an error of the program itself is raised."""
    return CliRunner(env=env).invoke(main, [str(a) for a in arguments], catch_exceptions=False)


def at(built: Built) -> list[str | Path]:
    """The options that name a built project."""
    return ["--project", built[0].root, "--out", built[1]]


# --- all verbs


def test_verbs() -> None:
    """The verbs are these; each has its tests below."""
    assert sorted(main.commands) == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_help(verb: str) -> None:
    """Each verb says in both languages what it does, and each of its options has a text."""
    shown = covalue(verb, "--help")
    assert (0, "") == (shown.exit_code, shown.stderr)
    first = main.commands[verb].help or ""
    assert any("\u4e00" <= c <= "\u9fff" for c in first)
    assert any(c.isascii() and c.isalpha() for c in first)
    assert [] == [p.name for p in main.commands[verb].params if isinstance(p, click.Option) and not p.help and p.name != "name"]


def test_version() -> None:
    """The version is that of the package."""
    assert (0, True) == (covalue("--version").exit_code, __version__ in covalue("--version").stdout)


@pytest.mark.parametrize("verb", ["build", "check", "fmt", "query", "export", "serve"])
def test_no_project(verb: str, tmp_path: Path) -> None:
    """A folder without knowledge is unreadable input for every verb: exit 2, words on stderr only."""
    more = ["ASK {}"] if verb == "query" else []
    done = covalue(verb, "--project", tmp_path, *more)
    assert (2, "") == (done.exit_code, done.stdout)
    assert (True, True) == ("no project found" in done.stderr and str(tmp_path) in done.stderr, "找不到项目" in done.stderr)


@pytest.mark.parametrize("verb", ["build", "query", "export", "serve"])
def test_unwritable_out(verb: str, small_built: Built, tmp_path: Path) -> None:
    """A folder that cannot be written is a failure of the store for every verb that builds: exit 3."""
    (tmp_path / "file").write_text("")
    more = ["ASK {}"] if verb == "query" else []
    done = covalue(verb, "--project", small_built[0].root, "--out", tmp_path / "file/out", *more)
    assert (3, "") == (done.exit_code, done.stdout)
    assert (True, True) == (f"cannot write to {tmp_path}/file/out" in done.stderr, "无法写入" in done.stderr)


@pytest.mark.parametrize("verb", ["build", "check", "query", "export", "serve"])
def test_faulty_sources(verb: str, small: Project, tmp_path: Path) -> None:
    """Faults in the sources are exit 1 for every verb that reads them, with the cell named in both languages."""
    set_cell(small.root / CASE / "events.csv", 2, "start_year", "20x2")
    more = ["ASK {}"] if verb == "query" else []
    out = [] if verb == "check" else ["--out", tmp_path / "out"]
    done = covalue(verb, "--project", small.root, *out, *more)
    place = f"violation {CASE}/events.csv row 2, column start_year: [bad-year]"
    shown, other = (done.stdout, done.stderr) if verb == "check" else (done.stderr, done.stdout)
    (line,) = [line for line in shown.splitlines() if line.startswith(place)]
    assert (1, "") == (done.exit_code, other)
    assert ['"20x2"', '"20x2"'] == [part.split(": ")[-2].split("] ")[-1] for part in line.split(" | ")]
    assert (True, True) == ("a year of four digits between 1800 and 2099" in line, "四位年份" in line)


@pytest.mark.parametrize(("arguments", "word"), [(["bild"], "bild"), (["build", "--outt", "x"], "--outt"), (["query"], "QUERY"), (["export", "--format", "pdf"], "pdf")])
def test_misuse(arguments: list[str], word: str) -> None:
    """A verb or option that does not exist is misuse: exit 2, named on stderr."""
    done = covalue(*arguments)
    assert (2, "", True) == (done.exit_code, done.stdout, word in done.stderr)


def test_unknown_setting(small_built: Built) -> None:
    """A COVALUE variable that does not exist is exit 2, with the nearest known one."""
    done = covalue("build", COVALUE_PROT="80")
    assert (2, "") == (done.exit_code, done.stdout)
    assert "there is no setting COVALUE_PROT; known is COVALUE_PORT." in done.stderr


def test_unknown_setting_beside_options(small_built: Built) -> None:
    """An unknown variable is an error whichever options are given."""
    assert covalue("build", *at(small_built), COVALUE_PROT="80").exit_code == 2


def test_settings_stand_in_for_options(small_built: Built, tmp_path: Path) -> None:
    """Project and folder can be set by environment, and an option goes before it."""
    project, out = small_built
    by_setting = covalue("build", COVALUE_PROJECT=str(project.root), COVALUE_OUT=str(out))
    by_option = covalue("build", *at(small_built), COVALUE_PROJECT="/nowhere", COVALUE_OUT="/nowhere")
    assert (0, 0, True) == (by_setting.exit_code, by_option.exit_code, by_setting.stdout == by_option.stdout)


# --- build


def test_build(small: Project) -> None:
    """`build` says on one line of stdout what was built where, beside the sources by default."""
    done = covalue("build", "--project", small.root)
    manifest = read_manifest(small.root / "build")
    assert manifest
    expected = f"{small.root}/build/{manifest.data}  {manifest.triples} triples in {len(manifest.graphs)} graphs  sha256 {manifest.digest}\n"
    assert (0, expected) == (done.exit_code, done.stdout)


def test_build_json(small_built: Built) -> None:
    """`build --json` gives the manifest."""
    done = covalue("build", *at(small_built), "--json")
    manifest = read_manifest(small_built[1])
    assert manifest
    assert (0, "", manifest.digest) == (done.exit_code, done.stderr, json.loads(done.stdout)["digest"])


def test_build_json_with_faults(small: Project, tmp_path: Path) -> None:
    """`build --json` with faulty sources gives the report on stdout, with file, row, column and value."""
    set_cell(small.root / CASE / "events.csv", 2, "start_year", "20x2")
    done = covalue("build", "--project", small.root, "--out", tmp_path / "out", "--json")
    report = json.loads(done.stdout)
    (found,) = [f for f in report["findings"] if f["rule"] == "bad-year"]
    assert (1, False) == (done.exit_code, report["ok"])
    assert ({"path": f"{CASE}/events.csv", "row": 2, "cell": "start_year"}, "20x2") == (found["place"], found["value"])


def test_real_process_keeps_streams_apart(small: Project, tmp_path: Path) -> None:
    """As a real process too, results go to stdout and progress to stderr."""
    done = run("build", "--project", small.root, "--out", tmp_path / "out")
    assert (0, 1) == (done.returncode, len(done.stdout.splitlines())), done.stderr
    assert [] == without_progress(done.stderr)


# --- check


def test_check(small: Project) -> None:
    """`check` of a clean project ends with the counts, and exit 0."""
    done = covalue("check", "--project", small.root)
    assert (0, "0 fault(s)") == (done.exit_code, done.stdout.splitlines()[-1].partition(",")[0])


def without_progress(said: str) -> list[str]:
    """The lines of a standard error but for those that a busy machine adds: what goes on, once it takes longer than a second."""
    return [line for line in said.splitlines() if not line.startswith("… ")]


def test_check_json(small: Project) -> None:
    """`check --json` puts JSON alone on stdout, the coverage table on stderr."""
    done = covalue("check", "--project", small.root, "--json", "--coverage")
    report = json.loads(done.stdout)
    assert (0, True, 0) == (done.exit_code, report["ok"], report["violations"])
    assert ["source", "moreau-tan-2021", "moreau-tan-2021", "moreau-tan-2021"] == [line.split()[0] for line in without_progress(done.stderr)]


def test_check_coverage(small: Project) -> None:
    """`check --coverage` shows for each section its sentences, cited, silent, claims and missing."""
    lines = [line.split() for line in covalue("check", "--project", small.root, "--coverage").stdout.splitlines()]
    assert ["source", "section", "sentences", "cited", "silent", "claims", "missing"] == lines[0]
    assert ["moreau-tan-2021", "1", "3", "2", "1", "4", "0"] == lines[1]


def test_check_of_broken_turtle(small: Project) -> None:
    """Broken Turtle is a fault among the others: exit 1, with file, line and column in both languages."""
    (small.root / "ontology/core/broken.ttl").write_text("@prefix ex: <https://example.org/> .\nex:a ex:b .\n")
    done = covalue("check", "--project", small.root)
    (line,) = [line for line in done.stdout.splitlines() if "broken.ttl" in line]
    assert (1, []) == (done.exit_code, without_progress(done.stderr))
    assert (True, True, True) == (line.startswith("violation ontology/core/broken.ttl:2:11: "), "is not Turtle" in line, "不是合法的 Turtle" in line)


def test_build_of_broken_turtle(small: Project, tmp_path: Path) -> None:
    """A build cannot go on without its ontology: exit 2, with file, line and column on stderr."""
    (small.root / "ontology/core/broken.ttl").write_text("@prefix ex: <https://example.org/> .\nex:a ex:b .\n")
    done = covalue("build", "--project", small.root, "--out", tmp_path / "out")
    assert (2, "", True) == (done.exit_code, done.stdout, "covalue: ontology/core/broken.ttl:2:11: is not Turtle" in done.stderr)


@pytest.mark.parametrize("name", ["ontology/shapes", "graph/cases", "graph/literature", "queries/checks"])
def test_check_without_a_folder(small: Project, name: str) -> None:
    """A missing folder is exit 2, named in both languages."""
    shutil.rmtree(small.root / name)
    done = covalue("check", "--project", small.root)
    assert (2, "") == (done.exit_code, done.stdout)
    assert (True, True) == (f"there is no folder {name}/" in done.stderr, f"没有 {name}/ 文件夹" in done.stderr)


def test_check_dl(small: Project) -> None:
    """`check --dl` asks HermiT, which finds the small project consistent."""
    done = covalue("check", "--project", small.root, "--dl")
    assert 0 == done.exit_code, done.stdout


@pytest.mark.parametrize("absent", ["owlready2"])
def test_check_dl_without_the_extra(small: Project, absent: str) -> None:
    """Without the optional packages, `check --dl` is exit 2 with the command that installs them."""
    code = f"import sys; sys.modules[{absent!r}] = None; from covalue.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "check", "--dl", "--project", str(small.root)], capture_output=True, text=True, encoding="utf-8", env=environment())
    assert (2, False, True) == (done.returncode, "Traceback" in done.stderr, "covalue[dl]" in done.stderr)


# --- fmt

UGLY = "@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix ex: <https://example.org/> .\nex:B a owl:Class . ex:A a owl:Class ."


def test_fmt(tmp_path: Path) -> None:
    """`fmt` writes a file in house style and names it; a second time there is nothing to do."""
    path = tmp_path / "x.ttl"
    path.write_text(UGLY)
    expected = canonical(path)
    first, second = covalue("fmt", path), covalue("fmt", path)
    assert (0, f"{path}\n", "") == (first.exit_code, first.stdout, first.stderr)
    assert (0, "", expected) == (second.exit_code, second.stdout, path.read_text())


def test_fmt_check(tmp_path: Path) -> None:
    """`fmt --check` changes nothing, names what would change, and ends with 1."""
    path = tmp_path / "x.ttl"
    path.write_text(UGLY)
    done = covalue("fmt", "--check", path)
    assert (1, f"{path}\n", UGLY) == (done.exit_code, done.stdout, path.read_text())


def test_fmt_of_a_project(small: Project) -> None:
    """Without files, `fmt` takes all Turtle of the project."""
    path = small.root / "ontology/core/value.ttl"
    before = path.read_bytes()
    replace_in(path, "    a owl:Class ;", "  a owl:Class ;")
    assert (0, f"{path}\n", before) == ((done := covalue("fmt", "--project", small.root)).exit_code, done.stdout, path.read_bytes())
    assert covalue("fmt", "--check", "--project", small.root).exit_code == 0


def test_fmt_of_a_broken_file_writes_none(tmp_path: Path) -> None:
    """When one file is broken, it is named with line and column, exit 2, and no other is touched."""
    good, bad = tmp_path / "a.ttl", tmp_path / "b.ttl"
    good.write_text(UGLY)
    bad.write_text("<urn:a> <urn:b> .\n")
    done = covalue("fmt", good, bad)
    assert (2, "", UGLY) == (done.exit_code, done.stdout, good.read_text())
    assert f"{bad}:1:17: is not Turtle" in done.stderr


def test_fmt_of_a_missing_file(tmp_path: Path) -> None:
    """A file that is not there is misuse."""
    assert covalue("fmt", tmp_path / "gone.ttl").exit_code == 2


def test_fmt_of_windows_line_ends(tmp_path: Path) -> None:
    """Windows line ends are not house style."""
    path = tmp_path / "x.ttl"
    path.write_text(UGLY)
    path.write_bytes(canonical(path).replace("\n", "\r\n").encode())
    assert covalue("fmt", "--check", path).exit_code == 1


# --- query


@pytest.mark.parametrize("how", ["text", "file"])
def test_query(small_built: Built, tmp_path: Path, how: str) -> None:
    """`query` takes text or a file, and gives CSV on stdout; the default graph holds what follows, too."""
    path = tmp_path / "count.rq"
    path.write_text(COUNT)
    done = covalue("query", *at(small_built), path if how == "file" else COUNT)
    assert (0, "", [["n"], ["5"]]) == (done.exit_code, done.stderr, list(csv.reader(io.StringIO(done.stdout))))


@pytest.mark.parametrize(("name", "first"), [("csv", "n"), ("tsv", "?n"), ("json", '{"head":'), ("xml", "<?xml")])
def test_query_formats(small_built: Built, name: str, first: str) -> None:
    """`query --format` gives the named format."""
    done = covalue("query", *at(small_built), "--format", name, COUNT)
    assert (0, first) == (done.exit_code, done.stdout[: len(first)])


@pytest.mark.parametrize(
    ("name", "rdf"),
    [("turtle", ox.RdfFormat.TURTLE), ("nt", ox.RdfFormat.N_TRIPLES), ("rdfxml", ox.RdfFormat.RDF_XML), ("jsonld", ox.RdfFormat.JSON_LD)],
)
def test_query_for_a_graph(small_built: Built, name: str, rdf: ox.RdfFormat) -> None:
    """A CONSTRUCT is answered in the named RDF format, with the statements asked for."""
    text = "CONSTRUCT { ?s a ?c } WHERE { GRAPH <https://w3id.org/covalue/graph/case/night-clinic> { ?s a ?c } }"
    done = covalue("query", *at(small_built), "--format", name, text)
    assert (0, 5) == (done.exit_code, len(list(ox.parse(done.stdout_bytes, rdf))))


def test_query_in_an_unknown_format(small_built: Built) -> None:
    """A format that does not exist is misuse, with the names of those that do."""
    done = covalue("query", *at(small_built), "--format", "cvs", COUNT)
    assert (2, "", True) == (done.exit_code, done.stdout, "csv" in done.stderr)


@pytest.mark.parametrize(
    ("text", "words", "zh"),
    [
        ("SELECT ?s WHERE { ?s ?p }", "query:1:25: ", "SPARQL"),
        ("SELECT ?s\nWHERE { ?s no:p ?o }", "query:2:12: ", "no:"),
        ("INSERT DATA { <urn:a> <urn:b> 1 }", "read-only", "只读"),
        ("SELECT * { SERVICE <https://example.org/> { ?s ?p ?o } }", "SERVICE is not allowed", "不允许 SERVICE"),
        ("", "the query is empty", "查询为空"),
        ("gone.rq", "there is no query file gone.rq", "没有查询文件 gone.rq"),
    ],
)
def test_bad_query(small_built: Built, text: str, words: str, zh: str) -> None:
    """A query that cannot be run is exit 2, with what is wrong and where in both languages."""
    done = covalue("query", *at(small_built), text)
    assert (2, "", True, True) == (done.exit_code, done.stdout, words in done.stderr, zh in done.stderr), done.stderr


def test_query_file_in_another_encoding(small_built: Built, tmp_path: Path) -> None:
    """A query file that is no UTF-8 is exit 2, named."""
    path = tmp_path / "x.rq"
    path.write_bytes("# 中文\nASK {}".encode("gbk"))
    done = covalue("query", *at(small_built), path)
    assert (2, True) == (done.exit_code, f"{path} is not UTF-8" in done.stderr)


@pytest.mark.parametrize("bom", [b"\xef\xbb\xbf", b""])
def test_query_file_with_a_byte_order_mark(small_built: Built, tmp_path: Path, bom: bytes) -> None:
    """A query file that an editor on Windows saved with a byte order mark runs."""
    path = tmp_path / "x.rq"
    path.write_bytes(bom + b"ASK {}")
    assert covalue("query", *at(small_built), path).exit_code == 0


def test_query_of_a_damaged_dataset(small: Project, tmp_path: Path) -> None:
    """A damaged dataset is a failure of the store: exit 3."""
    covalue("build", "--project", small.root)
    next((small.root / "build").glob("*.nq")).write_bytes(b"<urn:a> <urn:b> <urn:c> <urn:d> .\n")
    done = covalue("query", "--project", small.root, "ASK {}")
    assert (3, "", True) == (done.exit_code, done.stdout, "is damaged" in done.stderr)


# --- export

ENGINE = {"turtle": ox.RdfFormat.TURTLE, "trig": ox.RdfFormat.TRIG, "nquads": ox.RdfFormat.N_QUADS, "jsonld": ox.RdfFormat.JSON_LD, "rdfxml": ox.RdfFormat.RDF_XML}
RDFLIB = {"turtle": "turtle", "trig": "trig", "nquads": "nquads", "jsonld": "json-ld", "rdfxml": "xml"}


def quads_of(out: Path) -> list[ox.Quad]:
    """The statements of an artefact."""
    return list(ox.parse(next(out.glob("covalue-*.nq")).read_bytes(), ox.RdfFormat.N_QUADS))


def statements(quads: list[ox.Quad], with_graphs: bool) -> int:
    """How many statements there are, with their graphs or merged."""
    return len({(q.subject, q.predicate, q.object, q.graph_name if with_graphs else None) for q in quads})


def labelled(quads: Iterable[ox.Quad]) -> set[str]:
    """The statements with blank nodes labelled canonically."""
    dataset = ox.Dataset(quads)
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    return set(map(str, dataset))


def test_formats_of_export() -> None:
    """There are five formats, and each is tested."""
    assert sorted(ENGINE) == sorted(EXPORTS)


@pytest.mark.parametrize("name", EXPORTS)
def test_export_of_the_real_dataset(repo: Project, real_built: tuple[Manifest, Path], name: str) -> None:
    """The real dataset in each format, read back, has as many statements as the artefact."""
    done = covalue("export", "--project", repo.root, "--out", real_built[1], "--format", name)
    with_graphs = ENGINE[name].supports_datasets
    read = list(ox.parse(done.stdout_bytes, ENGINE[name]))
    assert (0, statements(quads_of(real_built[1]), with_graphs)) == (done.exit_code, statements(read, with_graphs))


@pytest.mark.parametrize("name", EXPORTS)
def test_export_is_read_by_rdflib(small_built: Built, name: str) -> None:
    """A case in each format is read by rdflib with the same statements as by oxigraph."""
    done = covalue("export", *at(small_built), "--format", name, "--case", "night-clinic")
    graphs = {"https://w3id.org/covalue/graph/case/night-clinic", "https://w3id.org/covalue/graph/inferred/case/night-clinic"}
    wanted = {(q.subject.value, q.predicate.value, q.object.value) for q in quads_of(small_built[1]) if q.graph_name.value in graphs}
    dataset = rdflib.Dataset(default_union=True)
    dataset.parse(data=done.stdout_bytes, format=RDFLIB[name])
    assert (0, wanted) == (done.exit_code, {(str(s), str(p), str(o)) for s, p, o, _ in dataset.quads((None, None, None, None))})


def test_export_asserted(small_built: Built) -> None:
    """`export --asserted` leaves out what was inferred, and nothing else."""
    done = covalue("export", *at(small_built), "--format", "nquads", "--asserted")
    wanted = [q for q in quads_of(small_built[1]) if "/graph/inferred/" not in q.graph_name.value]
    assert len(wanted) < len(quads_of(small_built[1]))
    assert labelled(wanted) == labelled(ox.parse(done.stdout_bytes, ox.RdfFormat.N_QUADS))


def test_export_of_an_unknown_case(small_built: Built) -> None:
    """A case that does not exist is exit 2, with the nearest in both languages."""
    done = covalue("export", *at(small_built), "--case", "nightclinic")
    assert (2, "") == (done.exit_code, done.stdout)
    assert (True, True) == ('no case "nightclinic"; the nearest is "night-clinic"' in done.stderr, "没有案例“nightclinic”" in done.stderr)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_reader_that_stops_early(small_built: Built) -> None:
    """A reader that closes the pipe, as `head` does, is no error: exit 0 and no traceback."""
    command = 'set -o pipefail; "$@" | head -c 20 >/dev/null; echo "${PIPESTATUS[0]}"'
    done = subprocess.run(["bash", "-c", command, "-", *COVALUE, "export", *map(str, at(small_built))], capture_output=True, text=True, env=environment(), timeout=240)
    assert ("0\n", "") == (done.stdout, done.stderr)


# --- serve


def test_serve(small_built: Built) -> None:
    """`serve` says its address on stderr once it answers, and answers SPARQL there, within the limits that it was given."""
    process = start("serve", *at(small_built), "--port", "0", "--rows", "2", "--seconds", "50")
    try:
        assert process.stderr
        line = process.stderr.readline()
        address = line.split("SPARQL at ")[1].split()[0]
        question = urllib.request.Request(f"{address}?{urllib.parse.urlencode({'query': COUNT})}", headers={"Accept": "text/csv"})
        with urllib.request.urlopen(question, timeout=60) as answer:
            body = answer.read().decode()
        with pytest.raises(urllib.error.HTTPError, match="413"):
            urllib.request.urlopen(f"{address}?query=SELECT%20*%7B%3Fs%20%3Fp%20%3Fo%7DLIMIT%203", timeout=60)
    finally:
        process.terminate()
        stdout, _ = process.communicate(timeout=60)
    assert ("n\r\n5\r\n", "") == (body, stdout)


def test_every_setting_is_an_option_of_serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is given as an option goes before what the environment says; credentials are no options."""
    options = {o for p in main.commands["serve"].params for o in p.opts}
    assert {"--allow-service" if n == "COVALUE_SERVICE" else f"--{n.removeprefix('COVALUE_').lower()}" for n in DOCUMENTED} <= options
    assert not options & {f"--{n.removeprefix('COVALUE_').lower().replace('_', '-')}" for n in SECRETS}
    given: dict[str, object] = {}
    monkeypatch.setattr("covalue.web.server.run", lambda source, host, port, threads, **others: given.update(source=source, host=host, port=port, threads=threads, **others))
    (tmp_path / "a.ttl").write_text("<a:a> <a:a> <a:a> .")
    env = {f"COVALUE_{field.upper()}": str(most) for field, (_, most) in RANGES.items()}
    numbers = [word for field, (least, _) in RANGES.items() if field != "memory" for word in (f"--{field}", str(least))]
    done = covalue("serve", "--data", tmp_path / "a.ttl", *numbers, COVALUE_HOST="::1", **env)
    assert (0, "::1", 0, 16, 0) == (done.exit_code, given["host"], given["port"], given["threads"], given["proxies"])
    source = given["source"]
    assert isinstance(source, Loaded)
    assert (1, RANGES["memory"][1] * MB, 1, 0) == (source._limits.seconds, source._limits.memory, source._limits.rows, source._around.cache)
    assert 2 == covalue("serve", "--seconds", "0").exit_code


def test_serve_on_a_taken_port(small_built: Built) -> None:
    """A port that another program listens on is exit 3, named in both languages with what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", *at(small_built), "--port", str(port))
    assert (3, "") == (done.returncode, done.stdout)
    assert (True, True) == (f"cannot listen on 127.0.0.1:{port}" in done.stderr and "--port" in done.stderr, f"无法监听 127.0.0.1:{port}" in done.stderr)


@pytest.mark.parametrize(
    ("name", "content", "words"), [("gone.ttl", None, "cannot be read"), ("x.docx", "x", "no known RDF extension"), ("x.ttl", "<urn:a> <urn:b> .", "x.ttl:1:17: cannot be parsed")]
)
def test_serve_of_bad_files(tmp_path: Path, name: str, content: str | None, words: str) -> None:
    """A file to be served that is missing, of unknown kind or broken is exit 2, with its place."""
    if content is not None:
        (tmp_path / name).write_text(content)
    done = run("serve", "--port", "0", "--data", tmp_path / name)
    assert (2, "", True, True) == (done.returncode, done.stdout, words in done.stderr, str(tmp_path / name) in done.stderr), done.stderr


def test_online_part_knows_nothing_of_offline_libraries(small_built: Built) -> None:
    """A query over a built dataset loads neither rdflib nor a reasoner nor pySHACL, nor Flask."""
    code = "import sys; from covalue.stores.oxigraph import OxigraphStore; import covalue.queries, covalue.export, pathlib; "
    code += "OxigraphStore.open(pathlib.Path(sys.argv[1])); print(sorted({'rdflib', 'pyshacl', 'owlready2', 'flask'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code, str(small_built[1])], capture_output=True, text=True, env=environment())
    assert ("[]\n", "") == (done.stdout, done.stderr)
