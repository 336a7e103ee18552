"""A rebuilt dataset is swapped in whole while requests are in, in one process and in several that share a folder."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from covalue.build import build
from covalue.errors import StoreError
from covalue.formats import choose
from covalue.manifest import read_manifest, write_manifest
from covalue.project import Project
from covalue.stores import Answer, Pick, Request
from covalue.stores.limits import Limits
from covalue.stores.sources import Around, Built
from covalue.stores.spool import Stream
from covalue.web import logs, server
from covalue.web.app import create_app
from covalue.web.front import Front
from covalue.web.metrics import Metrics
from edits import replace_in
from processes import Running, serving, wait_until
from served import B, build_tiny

CASE = "https://w3id.org/covalue/case/night-clinic"
LABEL = f'SELECT ?l WHERE {{ <{CASE}> <http://www.w3.org/2000/01/rdf-schema#label> ?l FILTER(LANG(?l) = "en") }}'


class Dull:
    """A store that answers nothing, and knows whether it was closed."""

    def __init__(self, version: str) -> None:
        self.version, self.closed = version, False

    def graphs(self) -> Sequence[str]:
        return ()

    def answer(self, request: Request, pick: Pick) -> Answer:
        raise NotImplementedError

    def stream(self, request: Request, pick: Pick, **_: Any) -> Stream:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True


class Made:
    """A source that gives dull stores by the name that it is told."""

    def __init__(self) -> None:
        self.name, self.opened = "one", list[Dull]()
        self.error: StoreError | None = None

    def open(self) -> Dull:
        if self.error:
            raise self.error
        self.opened.append(Dull(self.name))
        return self.opened[-1]

    def stale(self) -> bool:
        return self.name != self.opened[-1].version


def pieces(store: Any) -> Callable[..., Iterator[bytes]]:
    """An application that gives its store's version, in two pieces."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        if environ.get("fail"):
            raise ValueError("x")
        return iter((store.version.encode(), store.version.encode()))

    return app


@pytest.fixture
def source() -> Made:
    return Made()


@pytest.fixture
def front(source: Made, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """A front that looks often."""
    monkeypatch.setattr("covalue.web.front.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("covalue.web.front.AGAIN_SECONDS", 0.02)
    made = Front(source, pieces)  # type: ignore[arg-type]
    threading.Thread(target=made.watch, daemon=True).start()
    yield made
    made.close()


def call(front: Front, **environ: Any) -> Any:
    return front(environ, lambda *_: None)  # type: ignore[arg-type, return-value]


def test_request_stays_with_its_dataset(front: Front, source: Made) -> None:
    """Who is in finishes on the old one, who comes sees the new one; the old store is closed with its last request and not before."""
    first = call(front)
    chunks = iter(first)
    assert b"one" == next(chunks)
    source.name = "two"
    wait_until(lambda: len(source.opened) == 2)
    wait_until(lambda: b"two" == next(iter(call(front))))
    time.sleep(0.05)
    assert (b"one", False, False) == (next(chunks), source.opened[0].closed, front.idle())
    first.close()
    wait_until(lambda: source.opened[0].closed)
    assert not source.opened[1].closed


def test_request_that_fails_leaves(front: Front, source: Made) -> None:
    """An application that raises holds no store."""
    with pytest.raises(ValueError, match="x"):
        call(front, fail=True)
    assert front.idle()


def test_dataset_that_cannot_be_opened(front: Front, source: Made, caplog: pytest.LogCaptureFixture) -> None:
    """The old one is served further, the operator is told once, and it is tried again."""
    source.error, source.name = StoreError("broken", "损坏"), "two"
    wait_until(lambda: bool(caplog.records))
    time.sleep(0.1)
    assert (["broken"], b"one") == ([r.__dict__["reason"] for r in caplog.records], next(iter(call(front))))
    source.error = None
    wait_until(lambda: b"two" == next(iter(call(front))))


def test_application_that_cannot_be_made(source: Made) -> None:
    """Its store is closed again."""

    def make(_: Any) -> Any:
        raise StoreError("no", "否")

    with pytest.raises(StoreError):
        Front(source, make)
    assert source.opened[0].closed


def test_metrics_count_on(tmp_path: Path) -> None:
    """What was counted before a swap is counted after it."""
    metrics = Metrics()
    for _ in range(2):
        app = create_app(build_tiny(tmp_path), metrics=metrics)
        with app.test_client().get("/health/live") as answer:
            assert b"live\n" == answer.data
    assert 'covalue_requests_total{route="live",method="GET",status="200"} 2' in metrics.text("v", {})


def test_built_folder_is_stale_after_a_build(tmp_path: Path) -> None:
    """A folder is another one when its manifest names other data, and only then; one without a manifest is none."""
    build_tiny(tmp_path)
    source = Built(tmp_path, Limits(), Around())
    store = source.open()
    try:
        assert not source.stale()
        manifest = tmp_path / "manifest.json"
        text = manifest.read_text()
        manifest.write_text(text)  # the same once more
        assert not source.stale()
        manifest.unlink()
        assert not source.stale()
        manifest.write_text(text.replace(store.version, "f" * 64))
        assert source.stale()
    finally:
        store.close()


def test_worker_never_answers_from_later_data(tmp_path: Path) -> None:
    """Even when the process that holds the dataset dies after a rebuild: an error, and never the new data under the old version."""
    build_tiny(tmp_path)
    store = Built(tmp_path, Limits(), Around()).open()
    try:
        manifest = read_manifest(tmp_path)
        assert manifest
        data = (tmp_path / manifest.data).read_text().replace("a tiny case", "another case")
        digest = hashlib.sha256(data.encode()).hexdigest()
        (tmp_path / "covalue-new.nq").write_text(data)
        write_manifest(tmp_path, replace(manifest, digest=digest, data="covalue-new.nq"))
        store._pool._starter._stop()  # type: ignore[attr-defined]
        query = Request(f"ASK {{ <{B}case/tiny> ?p 'another case'@en }}")
        with pytest.raises(StoreError):
            store.answer(query, lambda shape: choose(shape, None))
    finally:
        store.close()


# --- real processes


def asked(service: Running) -> tuple[int, str, str]:
    """Status, version and label of the case."""
    reply = service.query(LABEL, "text/csv")
    return reply.status, reply.get("Covalue-Dataset") or "", reply.text


def test_two_processes_share_a_folder(small: Project, tmp_path: Path) -> None:
    """Both go over to a rebuilt dataset while they are asked without pause: no request is lost, and no answer mixes the two."""
    out, table = tmp_path / "out", small.root / "graph" / "cases" / "night-clinic" / "case.csv"
    old = build(small, out).digest
    seen: list[tuple[int, int, str, str]] = []
    done = threading.Event()
    with serving("--project", small.root, "--out", out) as one, serving("--project", small.root, "--out", out) as two:
        both = (one, two)

        def ask(number: int) -> None:
            while not done.is_set():
                seen.append((number, *asked(both[number])))

        label = asked(one)[2]
        threads = [threading.Thread(target=ask, args=(n,)) for n in (0, 1, 0, 1)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: {0, 1} <= {n for n, *_ in list(seen)})
            replace_in(table, "Night clinic: care by neighbours", "another name")
            new = build(small, out).digest
            wait_until(lambda: {(0, new), (1, new)} <= {(n, version) for n, _, version, _ in list(seen)})
        finally:
            done.set()
            for thread in threads:
                thread.join()
        wait_until(lambda: all(p.said for p in both))
        assert [new, new] == [json.loads(p.said[0])["dataset"] for p in both]
        assert [0, 0] == [p.stop() for p in both]
    assert {(0, old), (0, new), (1, old), (1, new)} == {(n, v) for n, _, v, _ in seen}
    assert {(200, old, label), (200, new, "l\r\nanother name\r\n")} == {s[1:] for s in seen}


def test_told_to_end_finishes_what_is_in(small_built: tuple[Project, Path]) -> None:
    """SIGTERM cuts no answer that is being made, and the process ends then by itself."""
    slow = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(STRLEN(STR(?a)) + STRLEN(STR(?d)) + STRLEN(STR(?g)) < 0) }"
    with serving("--project", small_built[0].root, "--out", small_built[1], "--access-log", COVALUE_SECONDS="2") as service:
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(service.query(slow).status))
        asking.start()
        wait_until(lambda: re.search(r"^covalue_store_(quick|heavy)_running [1-9]", service.ask("/metrics").text, re.M) is not None)
        assert asking.is_alive()
        assert 0 == service.stop()
        asking.join(60)
    assert [504] == answers
    assert any('"message": "request"' in line for line in service.said)


def test_other_data_come_when_what_pages_need_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first are served at once; those before are, until names and counts of the next are there."""
    may, fronts, source = threading.Event(), list[Front](), Made()
    monkeypatch.setattr(logs, "to_stderr", lambda _: None)
    monkeypatch.setattr(server, "_warm", lambda _: may.wait())
    monkeypatch.setattr(server, "_serve", lambda front, *_: fronts.append(front))
    server.run(source, "127.0.0.1", 0, 1)
    (front,) = fronts
    source.name = "two"
    swapping = threading.Thread(target=front.swap)
    swapping.start()
    wait_until(lambda: len(source.opened) == 2)
    assert swapping.is_alive()
    assert "one" == front._now.store.version
    may.set()
    swapping.join()
    assert "two" == front._now.store.version
