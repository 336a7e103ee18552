"""Publishing: graph by graph, whole again after whatever interrupted it, and compared with what was sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

import servers
from covalue.errors import StoreError
from covalue.manifest import read_manifest
from covalue.publish import lines_of, parts, pieces, publish
from covalue.stores.engines import GRAPH_MANIFEST, GRAPH_MERGED
from covalue.stores.remote import RemoteStore, read_publication
from covalue.stores.wire import Credentials
from engine import Answer, Call, Engine, no_hook
from store_contract import DATA, MERGED, E, G, X, write_artefact

CHANGED = DATA | {"case/b": [f'<{E}b> <{E}new> "1"^^<{X}integer>', f"<{E}a> <{E}both> <{E}c>"]}


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An empty engine."""
    with Engine() as engine:
        yield engine


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    """The contract's dataset as a built artefact."""
    write_artefact(tmp_path / "built")
    return tmp_path / "built"


def count(engine: Engine, pattern: str = "?s ?p ?o") -> int:
    """How many solutions a pattern has in the engine."""
    found = engine.store.query(f"SELECT (COUNT(*) AS ?n) {{ {pattern} }}")
    assert isinstance(found, ox.QuerySolutions)
    return int(next(found)["n"].value)


def state(engine: Engine) -> set[str]:
    """All that the engine holds, but for the run's name and what stands between blank nodes."""
    return {str(q) for q in engine.store if not isinstance(q.subject, ox.BlankNode) and not isinstance(q.object, ox.BlankNode) and "#publication" not in str(q)}


def expected(data: dict[str, list[str]], folder: Path, union: bool = False) -> set[str]:
    """What an engine holds into which only these data were ever published."""
    write_artefact(folder, data)
    with Engine(union=union) as engine:
        publish(folder, engine.url)
        return state(engine)


# --- cutting the data file


def test_parts_and_lines(artefact: Path) -> None:
    """The graphs of the data file have the places, sizes and lines that they have."""
    manifest = read_manifest(artefact)
    assert manifest is not None
    found = parts(artefact / manifest.data, manifest)
    assert [G + n for n in sorted(DATA)] == list(found)
    for name, lines in DATA.items():
        assert sorted(f"{line} .\n".encode() for line in lines) == sorted(lines_of(artefact / manifest.data, found[G + name]))


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b.replace(b"41", b"42"), lambda _: b"", lambda b: b + b"\n", lambda b: b"\xff" + b])
def test_damaged_data_are_not_sent(engine: Engine, artefact: Path, damage: object) -> None:
    """A data file that is not what its manifest says is refused before anything is written."""
    manifest = read_manifest(artefact)
    assert manifest is not None
    path = artefact / manifest.data
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(StoreError, match="damaged"):
        publish(artefact, engine.url)
    assert 0 == len(engine.store)


def test_nothing_built(engine: Engine, tmp_path: Path) -> None:
    """Without a dataset there is nothing to publish."""
    with pytest.raises(StoreError, match="covalue build"):
        publish(tmp_path, engine.url)


nodes = st.integers(0, 30).map(lambda n: f"_:b{n}") | st.integers(0, 5).map(lambda n: f"<urn:{n}>")


@given(st.lists(st.tuples(nodes, nodes | st.just('"_:b1 text"')), max_size=60, unique=True), st.integers(1, 200))
def test_blank_nodes_stay_in_one_piece(pairs: list[tuple[str, str]], size: int) -> None:
    """Every line is in exactly one piece, no blank node is in two, and pieces without large clusters stay near the size."""
    lines = [f"{s} <urn:p> {o} .\n".encode() for s, o in pairs]
    found = list(pieces(iter(lines), size))
    assert sorted(lines) == sorted(line for piece in found for line in piece.splitlines(True))
    seen: dict[str, int] = {}
    for number, piece in enumerate(found):
        for q in ox.parse(piece, format=ox.RdfFormat.N_TRIPLES, rename_blank_nodes=False):
            for term in (q.subject, q.object):
                if isinstance(term, ox.BlankNode):
                    assert number == seen.setdefault(term.value, number)


def test_cluster_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs together by blank nodes and does not fit into a request is refused, with what to do."""
    monkeypatch.setattr("covalue.publish.MOST_PIECE", 100)
    with pytest.raises(StoreError, match="give the nodes IRIs"):
        list(pieces(iter([f"_:b{i} <urn:next> _:b{i + 1} .\n".encode() for i in range(50)])))


# --- publishing


def test_first_time(engine: Engine, artefact: Path) -> None:
    """All graphs arrive, and their merge; the outcome says what was done."""
    said: list[str] = []
    outcome = publish(artefact, engine.url, progress=lambda en, zh: said.append(en + zh))
    assert (len(DATA), sum(map(len, DATA.values())), len(DATA), []) == (len(outcome.sent), outcome.triples, outcome.compared, outcome.notes)
    assert MERGED == count(engine)
    assert sum(map(len, DATA.values())) == count(engine, f"GRAPH ?g {{ ?s ?p ?o }} FILTER(?g != <{GRAPH_MANIFEST}>)")
    assert any("graph 4 of 4" in s and "图 4/4" in s for s in said)
    assert all(words in outcome.summary()[0] for words in ("4 graph(s) sent", "Oxigraph"))


def test_again_sends_nothing(engine: Engine, artefact: Path) -> None:
    """What is there already is not sent again, only counted."""
    publish(artefact, engine.url)
    engine.calls.clear()
    outcome = publish(artefact, engine.url)
    assert ([], len(DATA)) == (outcome.sent, len(outcome.kept))
    assert {"/query"} == {c.path for c in engine.calls}


def test_only_what_changed_is_sent(engine: Engine, artefact: Path, tmp_path: Path) -> None:
    """A changed graph is sent alone; what only it said leaves the merge, what another says too stays."""
    publish(artefact, engine.url)
    write_artefact(artefact, CHANGED)
    engine.calls.clear()
    outcome = publish(artefact, engine.url)
    assert [G + "case/b"] == outcome.sent
    assert [G + "case/b", GRAPH_MANIFEST] == sorted({c.all("graph")[0] for c in engine.calls if c.path == "/store"})
    assert (0, 1, 1) == (count(engine, f"<{E}b> <{E}share> ?o"), count(engine, f"<{E}b> <{E}new> ?o"), count(engine, f"<{E}a> <{E}both> ?o"))
    assert expected(CHANGED, tmp_path / "x") == state(engine)


def test_graph_that_is_gone(engine: Engine, artefact: Path, tmp_path: Path) -> None:
    """A graph that the dataset no longer has leaves, with what only it said."""
    publish(artefact, engine.url)
    less = {k: v for k, v in DATA.items() if k != "case/a"}
    write_artefact(artefact, less)
    outcome = publish(artefact, engine.url)
    assert ([G + "case/a"], []) == (outcome.dropped, outcome.sent)
    assert expected(less, tmp_path / "x") == state(engine)


def test_dry_run_writes_nothing(engine: Engine, artefact: Path) -> None:
    """A dry run says what would be sent and removed, and asks only."""
    outcome = publish(artefact, engine.url, dry_run=True)
    assert (len(DATA), 0, {"/query"}) == (len(outcome.sent), len(engine.store), {c.path for c in engine.calls})
    publish(artefact, engine.url)
    write_artefact(artefact, {k: v for k, v in CHANGED.items() if k != "shapes"})
    before = state(engine)
    outcome = publish(artefact, engine.url, dry_run=True)
    assert ([G + "case/b"], [G + "shapes"], before) == (outcome.sent, outcome.dropped, state(engine))


class Failing:
    """Lets the nth writing request fail: refused, or carried out and then without an answer."""

    def __init__(self, engine: Engine, number: int) -> None:
        self.engine, self.left, self.carried_out = engine, number, number % 2 == 0
        self.reached = False

    def __call__(self, call: Call) -> Answer | None:
        if call.path == "/query":
            return None
        self.left -= 1
        if self.left > 0 or (self.reached and not self.carried_out):
            return None
        self.reached = True
        if self.carried_out:  # again and again, or the request would only be sent once more
            self.engine.answer(call, False)
            return Answer(raw=lambda _: None)
        return Answer(507)


@pytest.mark.parametrize("union", [False, True])
def test_interrupted_anywhere(artefact: Path, tmp_path: Path, union: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a run over an older dataset breaks off, the next one ends in the same state as if nothing had happened."""
    monkeypatch.setattr("covalue.publish.PIECE", 300)  # several pieces for a graph
    whole = expected(CHANGED, tmp_path / "x", union)
    for number in range(1, 60):
        with Engine("Unheard-of/1.0", union=union) as engine:
            write_artefact(artefact)
            publish(artefact, engine.url)
            write_artefact(artefact, CHANGED)
            engine.hook = failing = Failing(engine, number)
            if not failing_run(artefact, engine):
                break
            assert failing.reached
            engine.hook = no_hook
            publish(artefact, engine.url)
            assert whole == state(engine), number
    assert 8 < number < 59


def failing_run(artefact: Path, engine: Engine) -> bool:
    """Whether publishing failed."""
    try:
        publish(artefact, engine.url)
    except StoreError:
        return True
    return False


def test_first_run_interrupted(artefact: Path, tmp_path: Path) -> None:
    """A first run that breaks off leaves graphs that the second one need not send."""
    with Engine() as engine:
        engine.hook = Failing(engine, 15)
        with pytest.raises(StoreError):
            publish(artefact, engine.url)
        engine.hook = no_hook
        outcome = publish(artefact, engine.url)
        assert 0 < len(outcome.sent) < len(DATA)
        assert len(DATA) == len(outcome.sent) + len(outcome.kept)
        assert expected(DATA, tmp_path / "x") == state(engine)


def test_piece_with_blank_nodes_is_never_sent_twice(engine: Engine, artefact: Path) -> None:
    """Adding to a graph is not repeated when a connection breaks, since blank nodes would double."""
    write_artefact(artefact, {"ontology": [*DATA["ontology"], *(f'<{E}x{i}> <{E}y> "{i}"' for i in range(40_000))]})
    appended = 0

    def breaks(call: Call) -> Answer | None:
        nonlocal appended
        if call.path == "/store" and call.method == "POST" and GRAPH_MANIFEST not in call.all("graph"):
            appended += 1
            engine.answer(call, False)
            return Answer(raw=lambda _: None)
        return None

    engine.hook = breaks
    with pytest.raises(StoreError):
        publish(artefact, engine.url)
    assert 1 == appended


def test_another_run_takes_over(engine: Engine, artefact: Path) -> None:
    """Of two runs at once, the earlier one stops when it sees the other."""

    def intrude(call: Call) -> Answer | None:
        if call.method == "PUT" and call.all("graph") == [G + "ontology"]:
            engine.hook = no_hook
            publish(artefact, engine.url)
        return None

    engine.hook = intrude
    with pytest.raises(StoreError, match="another run"):
        publish(artefact, engine.url)


@pytest.mark.parametrize("data", ["<urn:a> <urn:b> 1", "GRAPH <urn:g> { <urn:a> <urn:b> 1 }"])
def test_dataset_of_others_is_left_alone(engine: Engine, artefact: Path, data: str) -> None:
    """An engine that holds other statements is not mixed with ours, and keeps what it has."""
    engine.store.update(f"INSERT DATA {{ {data} }}")
    before = state(engine)
    with pytest.raises(StoreError, match="did not bring there"):
        publish(artefact, engine.url)
    assert before == state(engine)


def test_statements_added_by_others_are_found(engine: Engine, artefact: Path) -> None:
    """What others added to our graphs, to the merge or beside them since is found by the counts."""
    publish(artefact, engine.url)
    for where in (f"GRAPH <{G}case/a>", f"GRAPH <{E}other>", ""):
        engine.store.update(f"INSERT DATA {{ {where} {{ <urn:a> <urn:b> 1 }} }}" if where else "INSERT DATA { <urn:a> <urn:b> 1 }")
        write_artefact(artefact, CHANGED if where != f"GRAPH <{G}case/a>" else DATA)
        with pytest.raises(StoreError, match="hold"):
            publish(artefact, engine.url)
        engine.store.update(f"DELETE DATA {{ {where} {{ <urn:a> <urn:b> 1 }} }}" if where else "DELETE DATA { <urn:a> <urn:b> 1 }")
        publish(artefact, engine.url)


# --- what comes back


@pytest.mark.parametrize(
    ("old", "new", "noted"),
    [
        (b'"0.25"', b'"0.250"', True),
        (b'"41"', b'"042"', False),
        ("价值".encode(), b"??", False),
        (b"#decimal", b"#double", False),
    ],
)
def test_changed_literals(engine: Engine, artefact: Path, old: bytes, new: bytes, noted: bool) -> None:
    """Another form of the same value is noted; another value is an error, unless it is accepted."""

    def hook(call: Call) -> Answer | None:
        if not call.query.startswith("CONSTRUCT"):
            return None
        found = engine.answer(call, False)
        return Answer(200, found.body.replace(old, new), found.headers)

    engine.hook = hook
    if noted:
        assert any("another form of the same value" in en for en, _ in publish(artefact, engine.url).notes)
        return
    with pytest.raises(StoreError, match="come back changed"):
        publish(artefact, engine.url)
    assert any("accepted" in en for en, _ in publish(artefact, engine.url, accept_differences=True).notes)


def test_lost_statements(engine: Engine, artefact: Path) -> None:
    """An engine that loses statements is an error with the numbers."""

    def lose(call: Call) -> Answer | None:
        if call.method == "PUT" and call.all("graph") == [G + "case/a"]:
            return engine.answer(Call(call.method, call.path, call.fields, call.headers, b"".join(call.body.splitlines(True)[1:])), False)
        return None

    engine.hook = lose
    with pytest.raises(StoreError, match=f"holds {len(DATA['case/a']) - 1} statements there, but {len(DATA['case/a'])} were sent"):
        publish(artefact, engine.url)


def test_union_engine_has_the_merge_in_a_graph(artefact: Path) -> None:
    """Where the default graph is a union, the merge goes into a graph of its own, and the state of both kinds is kept apart."""
    with Engine("Unheard-of/1.0", union=True) as engine:
        publish(artefact, engine.url)
        assert (0, MERGED) == (count(engine), count(engine, f"GRAPH <{GRAPH_MERGED}> {{ ?s ?p ?o }}"))


def test_kind_of_default_graph_that_changed(artefact: Path) -> None:
    """An engine that was set up otherwise since is refused before graphs are touched."""
    with Engine("Unheard-of/1.0", union=True) as engine:
        publish(artefact, engine.url)
        write_artefact(artefact, CHANGED)
        engine.hook = lambda call: Answer(200, b'{"head":{},"boolean":false}') if call.query == f"ASK {{ <{GRAPH_MANIFEST}> ?p ?o }}" else None
        with pytest.raises(StoreError, match="changed since"):
            publish(artefact, engine.url)


# --- real servers

KINDS = ("oxigraph", "fuseki", "fuseki-union", "virtuoso")


@pytest.fixture(params=KINDS)
def real(request: pytest.FixtureRequest) -> tuple[str, Credentials]:
    """The address of a real server and its credentials."""
    server = servers.shared(request.param.partition("-")[0])
    url = server.url.replace("/plain/", "/union/") if request.param.endswith("-union") else server.url
    return url, Credentials(server.user, server.password)


def published(url: str, credentials: Credentials) -> tuple[int, int]:
    """How many statements the service before a server has in its default graph and in its named ones."""
    store = RemoteStore.open(url, credentials, accept_faults=True)
    publication = read_publication(store.endpoint)
    assert publication is not None
    merge = store.endpoint.rows("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", None if publication.apart else GRAPH_MERGED)
    named = sum(int(store.endpoint.rows("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", g)[0]["n"].value) for g in store.graphs())
    store.close()
    return int(merge[0]["n"].value), named


def test_real_server_from_one_state_to_another(real: tuple[str, Credentials], tmp_path: Path) -> None:
    """On a real server too: changed, removed and added graphs, and back again."""
    url, credentials = real
    for data in (DATA, CHANGED, {k: v for k, v in DATA.items() if k != "case/a"}, DATA):
        write_artefact(tmp_path / "built", data)
        outcome = publish(tmp_path / "built", url, credentials)
        merged = len({line for name, lines in data.items() if name != "shapes" for line in lines})
        assert (merged, sum(map(len, data.values()))) == published(url, credentials), outcome.notes


def test_virtuoso_merges_literals_of_one_value(tmp_path: Path) -> None:
    """Virtuoso 7 takes `1`, `true` and `1.0` for one literal; publishing sees it and stops."""
    server = servers.shared("virtuoso")
    said = [f'<{E}a> <{E}v> "{v}"^^<{X}{t}>' for v, t in (("1", "integer"), ("true", "boolean"), ("1.0E0", "double"))]
    write_artefact(tmp_path, DATA | {"case/b": said})
    credentials = Credentials(server.user, server.password)
    with pytest.raises(StoreError, match="but 3 were sent"):
        publish(tmp_path, server.url, credentials)
    write_artefact(tmp_path)
    publish(tmp_path, server.url, credentials)
