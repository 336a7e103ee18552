"""The examples of docs/clients.md and of the notebook, each run against a service; what cannot be run here is skipped with its reason."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import rdflib

import comunica
from covalue.stores.oxigraph import OxigraphStore
from library_served import LibraryServed, library

DOCS = Path(__file__).resolve().parents[1] / "docs"
PLACE = "http://127.0.0.1:8000"
TEXT = (DOCS / "clients.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+(?: \w+)?)\n(.*?)^```$", TEXT, re.M | re.S)
PROTEGE = "application/rdf+xml, application/xml; q=0.7, text/xml; q=0.6, text/plain; q=0.1, */*; q=0.09"


@pytest.fixture(scope="module")
def served(real_built: tuple[object, Path]) -> LibraryServed:
    return LibraryServed(OxigraphStore.open(real_built[1]), library())


def blocks(kind: str) -> list[str]:
    return [code for name, code in BLOCKS if name == kind]


def test_both_languages_have_the_same_code() -> None:
    """What is run for one is run for the other, and the headings agree in number."""
    chinese = (DOCS / "clients.zh.md").read_text(encoding="utf-8")
    assert BLOCKS == re.findall(r"^```(\w+(?: \w+)?)\n(.*?)^```$", chinese, re.M | re.S)
    assert TEXT.count("\n## ") == chinese.count("\n## ")
    assert sorted(re.findall(r"http://127[^`'\"\s)]*", TEXT)) == sorted(re.findall(r"http://127[^`'\"\s)，。；（）]*", chinese))


def test_every_block_is_run_somewhere() -> None:
    """A new kind of block needs a test."""
    assert {"sh", "python", "r", "sh comunica", "m", "json"} == {kind for kind, _ in BLOCKS}


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="curl or bash is not installed")
@pytest.mark.parametrize("line", [x for code in blocks("sh") for x in code.splitlines()])
def test_curl(served: LibraryServed, line: str) -> None:
    """Each line gives something, and no error."""
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line.replace(PLACE, served.url)], capture_output=True, timeout=240)
    assert (True, b"") == (len(done.stdout) > 5, done.stderr.replace(b"curl: (23) Failure writing output to destination\n", b""))


@pytest.mark.parametrize("code", blocks("python"), ids=lambda c: re.findall(r"(?:import|from) (\w+)", c)[-1])
def test_python(served: LibraryServed, code: str) -> None:
    """Each program runs and prints."""
    if "SPARQLWrapper" in code:
        pytest.importorskip("SPARQLWrapper", reason="SPARQLWrapper is not installed")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code.replace(PLACE, served.url), "docs/clients.md", "exec"), {"__name__": "__main__"})
    assert out.getvalue().strip()
    if "network" in code:
        assert re.fullmatch(r"\d+ actors, \d+ reported exchanges\n", out.getvalue())


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed (apt-get install r-base-core)")
def test_r(served: LibraryServed, tmp_path: Path) -> None:
    """The program runs in base R."""
    path = tmp_path / "x.R"
    path.write_text("\n".join(blocks("r")).replace(PLACE, served.url), encoding="utf-8")
    done = subprocess.run(["Rscript", "--vanilla", str(path)], capture_output=True, text=True, timeout=300)
    assert (0, True) == (done.returncode, "provider_label" in done.stdout), done.stderr


def test_comunica(served: LibraryServed) -> None:
    """It finds the eight mechanisms through the service description."""
    (code,) = blocks("sh comunica")
    program = " ".join(map(shlex.quote, comunica.command()))
    line = re.sub(r"npx --yes @comunica/query-sparql@\d+", lambda _: program, code.replace(PLACE, served.url))
    assert "npx" not in line
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=300)
    assert (0, 8) == (done.returncode, done.stdout.count("/mechanism/")), done.stderr


def test_notebook(served: LibraryServed) -> None:
    """It is a sound notebook without outputs, and its cells run one after the other in both languages."""
    book = nbformat.read(DOCS / "example.ipynb", as_version=4)
    nbformat.validate(book)
    code = [c for c in book.cells if c.cell_type == "code"]
    assert all(not c.outputs and c.execution_count is None for c in code)
    for lang in ("en", "zh"):
        names: dict[str, Any] = {}
        for cell in code:
            exec(compile(cell.source.replace(PLACE, served.url).replace('LANG = "en"', f'LANG = "{lang}"'), cell.id, "exec"), names)
        said = names["body"]["citation"]
        assert (True, True, 4) == ("10.12677/fin.2024.143123" in said, ("价值共创" if lang == "zh" else "value co-creation") in said, len(names["matrix"].columns))


@pytest.mark.parametrize("path", ["/ontology", "/ontology.owl", "/graph-store?default&format=rdfxml"])
def test_protege(served: LibraryServed, path: str) -> None:
    """What Protégé asks for is RDF/XML at once, without a redirect, and parses."""
    reply = served.ask(path, Accept=PROTEGE)
    assert (200, "application/rdf+xml") == (reply.status, reply.kind)
    assert f"`{PLACE}{path}`" in TEXT
    if path != "/graph-store?default&format=rdfxml":
        assert len(rdflib.Graph().parse(data=reply.body, format="xml")) > 1000


def test_power_query(served: LibraryServed) -> None:
    """The address that Power Query makes gives UTF-8 CSV, without any header of its own."""
    (code,) = blocks("m")
    address, query = re.findall(r'Web\.Contents\("([^"]+)", \[Query = \[([^\]]+)\]', code)[0]
    pairs = "&".join(f"{n}={v}" for n, v in re.findall(r'(\w+) = "(\w+)"', query))
    reply = served.ask(f"{address.removeprefix(PLACE)}?{pairs}")
    assert (200, "text/csv", True) == (reply.status, reply.kind, "线下门店数" in reply.text)


def test_every_address_answers(served: LibraryServed) -> None:
    """No address in the text leads nowhere."""
    for address in set(re.findall(rf"{PLACE}([^`'\"\s)]*)", TEXT)):
        if address and "sparql?format" not in address:
            assert served.ask(address).status in (200, 303), address


def test_configuration_for_language_models() -> None:
    """It is JSON, and its command is one of ours."""
    (code,) = blocks("json")
    server = json.loads(code)["mcpServers"]["covalue"]
    done = subprocess.run([sys.executable, "-m", server["command"], *server["args"], "--help"], capture_output=True, text=True, encoding="utf-8")
    assert (0, True) == (done.returncode, "Model Context Protocol" in done.stdout)


@pytest.mark.parametrize("extension", ["gexf", "graphml"])
def test_export_of_the_network(served: LibraryServed, real_built: tuple[object, Path], extension: str) -> None:
    """`covalue export --network` writes the same bytes as the service gives."""
    command = [sys.executable, "-m", "covalue", "export", "--network", extension, "--case", "xiaomi", "--out", str(real_built[1]), "--project", str(DOCS.parent)]
    done = subprocess.run(command, capture_output=True, timeout=240)
    assert (0, b"") == (done.returncode, done.stderr)
    assert served.ask(f"/network.{extension}?case=xiaomi").body == done.stdout
