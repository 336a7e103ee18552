"""The MCP server, asked by the protocol's own client: over stdio, over streamable HTTP, and in one process."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import rdflib

import covalue.mcp as served
from covalue.errors import InputError, StoreError
from covalue.mcp import Tools
from covalue.stores import Answer, Pick, Request, Store
from library_served import FIRST_THIRTEEN, ROOT, USERS, answers_of, library

mcp = pytest.importorskip("mcp")
from mcp import Client, MCPError, StdioServerParameters, stdio_client  # noqa: E402  # only where the optional package is there

TOOLS = {"vocabulary", "questions", "ask_question", "ask", "sparql", "evidence"}
CASE = "https://w3id.org/covalue/case/xiaomi"
Use = Callable[[Any], Awaitable[None]]


@pytest.fixture(scope="module")
def store(real_built: tuple[object, Path]) -> Store:
    return answers_of(real_built[1]).store


@pytest.fixture(scope="module")
def tools(store: Store) -> Tools:
    return Tools(store, library())


def use(made: Any, what: Use) -> None:
    """Lets a client talk to a server; a hang is a failure."""

    async def main() -> None:
        with anyio.fail_after(60):
            async with Client(made) as client:
                await what(client)

    anyio.run(main)


async def call(client: Any, name: str, /, *, fails: bool = False, **arguments: Any) -> str:
    """The text that a tool gives."""
    result = await client.call_tool(name, arguments)
    assert fails == result.is_error, result
    (content,) = result.content
    text: str = content.text
    assert text.strip()
    return text


async def everything(client: Any) -> None:
    """What every transport must do: tools, an answer, an error with its place, and resources."""
    listed = (await client.list_tools()).tools
    assert {t.name for t in listed} == TOOLS
    assert all(t.annotations.read_only_hint and t.description for t in listed)
    assert "vcc:Contribution" in await call(client, "vocabulary")
    assert "figures/all-figures" in await call(client, "questions", area="figures")
    assert "用户" in await call(client, "ask_question", name="actors/actor-profile", parameters={"actor": "用户"}, lang="zh", limit=3)
    assert "1 rows\nn\n" in await call(client, "sparql", query="SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }")
    assert "line 1, column 19: " in await call(client, "sparql", fails=True, query="SELECT ?s { ?s ?p }")
    assert "Customers give Xiaomi feedback" in await call(client, "evidence", place="jin-wu-2024/3.1-p3-s1")
    uris = {str(r.uri) for r in (await client.list_resources()).resources}
    assert {"covalue://ontology", "covalue://questions"} == uris
    turtle = (await client.read_resource("covalue://ontology")).contents[0]
    assert ("text/turtle", True) == (turtle.mime_type, len(rdflib.Graph().parse(data=turtle.text, format="turtle")) > 1000)
    catalogue = json.loads((await client.read_resource("covalue://questions")).contents[0].text)
    assert set(FIRST_THIRTEEN) <= {q["name"] for q in catalogue["questions"]}
    query = (await client.read_resource("covalue://questions/figures/all-figures")).contents[0]
    assert ("application/sparql-query", True) == (query.mime_type, "SELECT ?indicator" in query.text)


# --- transports


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUTF8": "1"}


def test_over_stdio(real_built: tuple[object, Path]) -> None:
    """`covalue mcp` speaks the protocol on its standard streams, and answers from workers that can be killed."""
    command = ["-m", "covalue", "mcp", "--project", str(ROOT), "--out", str(real_built[1])]
    use(stdio_client(StdioServerParameters(command=sys.executable, args=command, env=environment())), everything)


@contextlib.contextmanager
def over_http(out: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "covalue", "mcp", "--http", "--port", str(port), "--project", str(ROOT), "--out", str(out)]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(1200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_over_http(real_built: tuple[object, Path]) -> None:
    """`covalue mcp --http` speaks it at /mcp; a page of another site cannot reach it by its own host name."""
    import urllib.error
    import urllib.request

    with over_http(real_built[1]) as url:
        use(url, everything)
        request = urllib.request.Request(url, b"{}", {"Host": "evil.example", "Content-Type": "application/json", "Accept": "application/json, text/event-stream"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=60)
        with refused.value as answer:
            assert 421 == answer.code


def test_in_one_process(tools: Tools) -> None:
    """The same in memory."""
    use(served.server(tools), everything)


def test_asking_in_words(tools: Tools) -> None:
    """The tool `ask` answers a question in words with the named question's rows, says what else it may mean, and owns up to not knowing."""

    async def what(client: Any) -> None:
        en = await call(client, "ask", question="What do users contribute to value creation?")
        assert en.startswith("Understood as: ")
        assert '\nother readings:\n- ask_question("' in en
        assert "cite as: " in en
        zh = await call(client, "ask", question="用户对价值创造有什么贡献？")
        assert zh.startswith("理解为：")
        assert "用户" in zh
        unknown = await call(client, "ask", question="What is the weather in Beijing tomorrow?", lang="zh")
        assert "不能可靠地回答" in unknown
        assert "the closest questions:" in unknown
        assert "cite as" not in unknown
        assert "请输入问题" in await call(client, "ask", fails=True, question=" ")
        assert "500" in await call(client, "ask", fails=True, question="who " * 200)

    use(served.server(tools), what)


def test_arguments_are_typed(tools: Tools) -> None:
    """Several values are a list; what has no such type is refused by the protocol."""

    async def what(client: Any) -> None:
        text = await call(client, "ask_question", name="actors/actor-profile", parameters={"actor": ["users", "xiaomi"]}, limit=200)
        assert ("Xiaomi" in text, "users" in text) == (True, True)
        await call(client, "ask_question", fails=True, name="actors/actor-profile", parameters="users")
        await call(client, "sparql", fails=True)
        await call(client, "no_such_tool", fails=True)

    use(served.server(tools), what)


# --- faults


class Failing:
    """A store that fails as told."""

    version = "0" * 64

    def __init__(self, error: Exception) -> None:
        self._error = error

    def answer(self, _request: Request, _pick: Pick) -> Answer:
        raise self._error

    def graphs(self) -> list[str]:
        return []


@pytest.mark.parametrize(
    "error",
    [StoreError("the engine failed", "引擎失败"), StoreError("cannot read /srv/secret.nq", "无法读取 /srv/secret.nq"), RuntimeError("secret of /srv"), KeyError("secret")],
)
def test_a_fault_is_never_an_empty_answer(error: Exception) -> None:
    """Whatever fails inside, each tool and resource gives an error with words, and none of a file."""

    async def what(client: Any) -> None:
        calls: list[tuple[str, dict[str, Any]]] = [
            ("vocabulary", {}),
            ("ask_question", {"name": "figures/all-figures"}),
            ("sparql", {"query": "ASK {}"}),
            ("evidence", {"place": "x"}),
        ]
        for name, arguments in calls:
            assert "secret" not in await call(client, name, fails=True, **arguments)
        for uri in ("covalue://ontology", "covalue://questions"):
            with pytest.raises(MCPError) as raised:
                await client.read_resource(uri)
            assert ("secret" in str(raised.value), bool(str(raised.value))) == (False, True)

    use(served.server(Tools(Failing(error), library())), what)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, tools: Tools) -> None:
    """Without the optional package one is told how to install it."""
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    with pytest.raises(InputError, match=r"covalue\[mcp\]"):
        served.server(tools)


@pytest.mark.parametrize("query", ["INSERT DATA { <urn:a> <urn:b> 1 }", "SELECT * { SERVICE <https://example.org/> { ?s ?p ?o } }", "DROP ALL", "LOAD <https://example.org/>"])
def test_nothing_is_written_and_nobody_called(tools: Tools, query: str) -> None:
    """Updates and calls to other endpoints are refused with a sentence."""

    async def what(client: Any) -> None:
        assert "not allowed" in (text := await call(client, "sparql", fails=True, query=query)) or "read-only" in text

    use(served.server(tools), what)


# --- what the tools say


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_sparql_is_capped_and_says_so(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most so many rows and bytes; how many there are is told, and a cell with line breaks is one row."""
    head, _, body = tools.sparql("SELECT ?s ?p WHERE { ?s ?p ?o }").partition("\n")
    assert "only the first 200 of" in head
    assert 201 == len(rows(body))
    broken = tools.sparql('SELECT ?x WHERE { VALUES ?x { "a\\nb" "c" } }')
    assert ("2 rows", [["x"], ["a\nb"], ["c"]]) == (broken.partition("\n")[0], rows(broken.partition("\n")[2]))
    monkeypatch.setattr(served, "MOST_BYTES", 500)
    head, _, body = tools.sparql("SELECT ?s ?p WHERE { ?s ?p ?o }").partition("\n")
    assert (True, True) == ("only the first" in head, len(body.encode()) <= 500)


def test_sparql_of_other_forms(tools: Tools) -> None:
    """ASK is true or false; a graph is N-Triples; an answer without rows says that the query is sound."""
    assert ("true", "false") == (tools.sparql("ASK { ?s ?p ?o }"), tools.sparql("ASK { ?s <urn:x> ?o }"))
    assert f"2 statements\n<{USERS}> " in tools.sparql(f"CONSTRUCT {{ <{USERS}> a ?c }} WHERE {{ <{USERS}> a ?c }}")
    assert "0 rows: the query is sound" in tools.sparql("SELECT ?s WHERE { ?s <urn:x> ?o }")


def test_a_long_row_does_not_make_an_answer_empty(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the first row is too long, it is told that there are rows."""
    monkeypatch.setattr(served, "MOST_BYTES", 10)
    assert "only the first 0 of 1 rows" in tools.sparql('SELECT ("a very long text indeed" AS ?x) {}')


@pytest.mark.parametrize("name", FIRST_THIRTEEN)
def test_questions_are_answered_whole_over_pages(tools: Tools, name: str) -> None:
    """Asked again with the offset that is told, an answer has all rows; each page says how to cite it."""
    expected = answers_rows(tools, name)
    seen: list[list[str]] = []
    offset: int | None = 0
    while offset is not None:
        text = tools.ask_question(name, limit=40, offset=offset)
        count = next(line for line in text.splitlines() if line.startswith(("rows ", "no rows")))
        table = text.partition(count)[2].partition("cite as: ")[0].strip()
        seen += rows(table)[1:]
        offset = int(count.rpartition("offset ")[2]) if "offset" in count else None
        assert "https://w3id.org/covalue/questions/" + name in text
        assert "10.12677/fin.2024.143123" in text
    assert expected == len(seen)


def answers_rows(tools: Tools, name: str) -> int:
    text = tools.sparql(library().get(name).query.text).partition("\n")[0]
    return int(text.partition(" of ")[2].split()[0] if "of" in text else text.split()[0].rstrip(":"))


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("ask_question", {"name": "figures/all-figure"}, "figures/all-figures"),
        ("ask_question", {"name": "actors/actor-profile", "parameters": {"actor": "usrs"}}, "xiaomi/actor/users"),
        ("ask_question", {"name": "actors/actor-profile", "parameters": {"acter": "users"}}, "actor"),
        ("ask_question", {"name": "figures/all-figures", "lang": "de"}, "en or zh"),
        ("ask_question", {"name": "figures/all-figures", "limit": 0}, "at least 1"),
        ("questions", {"area": "figure"}, "figures"),
        ("questions", {"search": "blockchain"}, "no question"),
        ("vocabulary", {"search": "blockchain"}, "nothing has a name"),
        ("evidence", {"place": "jin-wu-2024/3.1-p3-s9"}, "jin-wu-2024/3.1-p3-s"),
        ("evidence", {"place": 'x> } ; DROP ALL ; {"'}, "nothing is known"),
    ],
)
def test_what_is_wrong_is_said_with_the_nearest(tools: Tools, name: str, arguments: dict[str, Any], words: str) -> None:
    """A sentence that a model can act on."""
    with pytest.raises(InputError) as raised:
        getattr(tools, name)(**arguments)
    assert words in served.sentence(raised.value)


@pytest.mark.parametrize(
    "place", [f"{CASE}/exchange/users-feedback-to-xiaomi-3-1", "case:xiaomi/exchange/users-feedback-to-xiaomi-3-1", "xiaomi/exchange/users-feedback-to-xiaomi-3-1"]
)
def test_evidence_of_a_claim(tools: Tools, place: str) -> None:
    """A claim tells its passage, modality and parts, by any of its names."""
    text = tools.evidence(place)
    assert all(words in text for words in ("src:jin-wu-2024/3.1-p3-s1", "reported", "case:xiaomi/actor/users", "user feedback"))


def test_evidence_of_a_section_and_of_a_thing(tools: Tools) -> None:
    """A section tells what its passages say, a thing which claims involve it, a silent passage that it is silent."""
    section = tools.evidence("jin-wu-2024/3.3.2", "zh")
    assert ("jin-wu-2024/3.3.2-p1-s1" in section, "据来源" in section or "modality/reported" in section) == (True, True)
    assert "claims that involve users" in tools.evidence("xiaomi/actor/users")
    silent = answers_silent(tools)
    assert "nothing is said here" in tools.evidence(silent)


def answers_silent(tools: Tools) -> str:
    """A passage that no claim rests on."""
    query = "PREFIX vcc: <https://w3id.org/covalue/ontology#> SELECT ?p WHERE { ?p a vcc:Passage FILTER NOT EXISTS { ?c vcc:accordingTo ?p } } ORDER BY ?p LIMIT 1"
    return rows(tools.sparql(query).partition("\n")[2])[1][0]


def test_vocabulary_finds_by_names_in_both_languages(tools: Tools) -> None:
    """A Chinese word and an English one find the same things; quotes in it are text."""
    for search in ("忠实用户", "loyal users"):
        assert "case:xiaomi/actor/loyal-users" in tools.vocabulary(search)
    with pytest.raises(InputError):
        tools.vocabulary('")) } #')
