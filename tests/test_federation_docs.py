"""The examples of docs/federation.md: our graph joined with another one, from each client, over a second real endpoint on this machine."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

import comunica
import servers
from covalue.stores.bounded import BoundedStore
from covalue.stores.federation import FederatedStore
from covalue.stores.outward import Outward
from library_served import LibraryServed, library

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCK = re.compile(r"^```(\w+(?: \w+)?)\n(.*?)^```$", re.M | re.S)
BLOCKS = dict(BLOCK.findall((DOCS / "federation.md").read_text(encoding="utf-8")))
OURS, THEIRS = "http://127.0.0.1:8000/sparql", "http://127.0.0.1:7878/query"


@pytest.fixture(scope="module")
def ours(real_built: tuple[object, Path]) -> Iterator[LibraryServed]:
    """The checkout's dataset, served."""
    with BoundedStore.open(real_built[1]) as store:
        yield LibraryServed(store, library())


@pytest.fixture(scope="module", params=["oxigraph", "fuseki"])
def notes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of an engine that holds the notes."""
    if servers.program(request.param) is None:
        pytest.skip(f"{request.param} is not installed: {servers.INSTALL[request.param]}")
    server = servers.start(request.param, tmp_path_factory.mktemp(request.param))
    graphs = server.url.replace("/query", "/store").replace("/sparql", "/data")
    sent = urllib.request.Request(f"{graphs}?default", BLOCKS["turtle"].encode(), {"Content-Type": "text/turtle"}, method="PUT")
    with urllib.request.urlopen(sent, timeout=240) as answer:
        assert answer.status < 300
    yield server.url
    server.stop()


def here(text: str, ours: str, theirs: str) -> str:
    """A block with the addresses of this test."""
    return text.replace(OURS, f"{ours}/sparql").replace(THEIRS, theirs)


def asked(endpoint: str, query: str) -> str:
    """The answer as CSV."""
    question = urllib.request.Request(endpoint, urlencode({"query": query}).encode(), {"Accept": "text/csv"})
    with urllib.request.urlopen(question, timeout=240) as answer:
        return str(answer.read().decode().replace("\r\n", "\n"))


def test_both_languages_have_the_same_code() -> None:
    """And every kind of block is run by a test here, but for the two that start servers."""
    english, chinese = ((DOCS / name).read_text(encoding="utf-8") for name in ("federation.md", "federation.zh.md"))
    assert BLOCK.findall(english) == BLOCK.findall(chinese)
    assert english.count("\n## ") == chinese.count("\n## ")
    assert {"turtle", "sh serve", "sh comunica", "sparql", "text", "python", "sh operator", "sparql ours", "sparql variable"} == set(BLOCKS)


def test_service_from_another_engine(ours: LibraryServed, notes: str) -> None:
    """The engine that holds the notes calls ours, and gives what the document shows."""
    assert BLOCKS["text"] == asked(notes, here(BLOCKS["sparql"], ours.url, notes))


def test_comunica_over_two_sources(ours: LibraryServed, notes: str) -> None:
    """The same rows, in any order."""
    program = " ".join(map(shlex.quote, comunica.command()))
    line = re.sub(r"npx --yes @comunica/query-sparql@\d+", lambda _: program, here(BLOCKS["sh comunica"], ours.url, notes).rstrip())
    done = subprocess.run(["bash", "-c", f"{line} -t text/csv"], capture_output=True, text=True, timeout=240)
    assert 0 == done.returncode, done.stderr
    assert sorted(BLOCKS["text"].splitlines()) == sorted(filter(None, (x.strip() for x in done.stdout.splitlines())))


def test_rdflib(ours: LibraryServed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program prints the same rows."""
    (tmp_path / "notes.ttl").write_text(BLOCKS["turtle"], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(here(BLOCKS["python"], ours.url, ""), "docs/federation.md", "exec"), {})
    assert BLOCKS["text"].splitlines()[1:] == [line.replace(" | ", ",") for line in out.getvalue().splitlines()]


def test_the_other_way_round(ours: LibraryServed, notes: str, real_built: tuple[object, Path]) -> None:
    """Ours calls the notes where the operator has listed them, and nobody where not."""
    query, variable = (here(BLOCKS[name], ours.url, notes) for name in ("sparql ours", "sparql variable"))
    nested = query.replace("?topic }", f"?topic SERVICE <{notes}> {{ ?a note:read ?when }} FILTER (?when < '2026-10-03') }}")
    with BoundedStore.open(real_built[1]) as store, FederatedStore(store, Outward([f"{notes}@127.0.0.1"])) as federated:
        endpoint = LibraryServed(federated, library()).url + "/sparql"
        assert [BLOCKS["text"]] * 2 == [asked(endpoint, text) for text in (query, variable)]
        assert [line for line in BLOCKS["text"].splitlines() if "industrial" not in line] == asked(endpoint, nested).splitlines()
    refused = ours.query(query)
    assert (403, True) == (refused.status, "--allow-service" in refused.text)
    assert BLOCKS["sh operator"].split()[:3] == ["covalue", "serve", "--allow-service"]


def test_second_endpoint_starts_as_shown(tmp_path: Path) -> None:
    """The two commands of the document load the notes and serve them."""
    program = servers.program("oxigraph")
    if program is None:
        pytest.skip(f"oxigraph is not installed: {servers.INSTALL['oxigraph']}")
    (tmp_path / "notes.ttl").write_text(BLOCKS["turtle"], encoding="utf-8")
    port = servers.free_port()
    load, serve = (shlex.split(line.replace("7878", str(port))) for line in BLOCKS["sh serve"].splitlines())
    assert shutil.which(program) is not None
    assert 0 == subprocess.run([program, *load[1:]], cwd=tmp_path, capture_output=True).returncode
    process = subprocess.Popen([program, *serve[1:]], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = THEIRS.replace("7878", str(port))
        servers._wait(lambda: servers._answers(url), process, tmp_path / "notes.ttl", 20)
        assert "industrial policy" in asked(url, "SELECT * { ?s ?p ?o }")
    finally:
        process.terminate()
        process.wait(60)
