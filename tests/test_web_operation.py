"""What operators see: health, metrics, the access log, the real program; and what clients see when something fails inside."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from covalue.errors import StoreError
from covalue.stores import Answer, Pick, Request
from covalue.stores.bounded import BoundedStore
from covalue.stores.limits import CrashError, DeadlineError, Limits, OverloadedError, TooLargeError, deadline_error
from covalue.stores.oxigraph import OxigraphStore
from covalue.web.access import FIELDS, JsonLines
from covalue.web.metrics import Metrics
from processes import start, wait_until
from served import Reply, Served, build_tiny, read

ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
SAMPLE = re.compile(r'[a-z_]+(\{[a-z]+="(?:[^"\\\n]|\\.)*"(,[a-z]+="(?:[^"\\\n]|\\.)*")*\})? -?[0-9.e+-]+')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny dataset."""
    out = tmp_path_factory.mktemp("tiny")
    build_tiny(out)
    return out


@pytest.fixture(scope="module")
def served(folder: Path) -> Served:
    """It, served."""
    return Served(OxigraphStore.open(folder))


class Broken:
    """A store whose every answer is an error."""

    def __init__(self, error: Exception) -> None:
        self.error, self.version = error, "0" * 64

    def graphs(self) -> Sequence[str]:
        return ()

    def answer(self, request: Request, pick: Pick) -> Answer:  # noqa: ARG002
        raise self.error


# --- health


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_health(served: Served, path: str) -> None:
    """200 and a word, for nobody to keep."""
    reply = served.ask(path)
    assert (200, "text/plain", "no-store") == (reply.status, reply.kind, reply["Cache-Control"])


@pytest.mark.parametrize("error", [StoreError("the store is closed."), DeadlineError("the query ran too long."), CrashError("it died."), TooLargeError("too much.")])
def test_not_ready_is_503_and_still_alive(error: Exception) -> None:
    """A supervisor restarts what is dead, and sends nothing to what is not ready, for whatever reason: it is no fault of a query."""
    served = Served(Broken(error))
    reply = served.ask("/health/ready")
    assert (503, 503) == (reply.status, reply.json["status"])
    assert "query" not in reply.json["detail"]
    assert reply["Retry-After"]
    assert 200 == served.ask("/health/live").status


def test_busy_is_ready() -> None:
    """Or a crowd would take every copy of the service away at once."""
    served = Served(Broken(OverloadedError("busy", "忙", 7)))
    assert (200, "busy\n") == (served.ask("/health/ready").status, served.ask("/health/ready").text)


# --- metrics


def samples(reply: Reply) -> dict[str, float]:
    """
    The samples of an exposition that is sound, by the rules of `promtool check metrics`: each family stands together behind its help and its type, which are
    said once; what counts ends in `_total`, and nothing else does; no sample comes twice.
    """
    assert "text/plain; version=0.0.4; charset=utf-8" == reply["Content-Type"]
    out, types, helped = dict[str, float](), dict[str, str](), list[str]()
    for line in reply.text.splitlines():
        if line.startswith("# HELP "):
            helped.append(line.split()[2])
            assert line.split(" ", 3)[3].strip(), line
        elif line.startswith("# TYPE "):
            family, kind = line.split()[2:]
            assert family == helped[-1]
            assert family not in types, line
            assert (kind == "counter") == family.endswith("_total"), line
            types[family] = kind
        else:
            assert SAMPLE.fullmatch(line), line
            name, _, value = line.rpartition(" ")
            bare = name.partition("{")[0]
            assert (re.sub(r"_(bucket|sum|count)$", "", bare) if types[helped[-1]] == "histogram" else bare) == helped[-1], line
            assert name not in out, line
            out[name] = float(value)
    assert len(set(helped)) == len(helped) == len(types)
    return out


def test_metrics_count_requests(folder: Path) -> None:
    """By route, method and status; with a histogram that adds up."""
    served = Served(OxigraphStore.open(folder))
    size = 0
    for _ in range(3):
        size += len(served.query("ASK {}").body)
    served.query("SELEC")
    served.ask("/nothing", "BREW")
    wait_until(lambda: all(words in served.ask("/metrics").text for words in ('status="405"', 'route="sparql",le="+Inf"} 4')))
    found = samples(served.ask("/metrics"))
    assert 3 == found['covalue_requests_total{route="sparql",method="GET",status="200"}']
    assert 1 == found['covalue_requests_total{route="sparql",method="GET",status="400"}']
    assert 1 == found['covalue_requests_total{route="none",method="other",status="405"}']
    assert found['covalue_response_bytes_total{route="sparql"}'] > size
    assert 4 == found['covalue_request_seconds_bucket{route="sparql",le="+Inf"}'] == found['covalue_request_seconds_count{route="sparql"}']
    assert found['covalue_request_seconds_sum{route="sparql"}'] > 0
    assert found["covalue_requests_running"] >= 1
    assert f'covalue_dataset_info{{version="{served.store.version}"}}' in found


def test_strangers_cannot_make_more_series(folder: Path) -> None:
    """Whatever path or method they ask for."""
    served = Served(OxigraphStore.open(folder))
    for i in range(20):
        served.ask(f"/case/x{i}", f"M{i}")
        served.ask(f"/case/x{i}?a={i}")
    text = served.ask("/metrics").text
    assert text.count("covalue_requests_total{") <= 4
    assert "x1" not in text


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell less")
def test_metrics_tell_what_the_process_takes(served: Served) -> None:
    """By the names that dashboards know."""
    before = samples(served.ask("/metrics"))
    held = bytearray(b"x") * (64 << 20)
    with Path(os.devnull).open():
        after = samples(served.ask("/metrics"))
    assert after["process_resident_memory_bytes"] - before["process_resident_memory_bytes"] > len(held) / 2
    assert after["process_open_fds"] > before["process_open_fds"]
    assert after["process_cpu_seconds_total"] > before["process_cpu_seconds_total"] > 0
    assert 0 < time.time() - after["process_start_time_seconds"] < 86400
    assert after["process_start_time_seconds"] == before["process_start_time_seconds"]


def test_labels_are_escaped() -> None:
    """A version is no syntax."""
    assert 'version="a\\"b\\\\c\\nd"' in Metrics().text('a"b\\c\nd', {})


# --- the access log


def test_every_request_is_logged_once(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """A constant message; the facts beside it; of the query a hash only."""
    caplog.set_level(logging.INFO, "covalue.access")
    reply = served.query("SELECT ('secret' AS ?x) {}", "text/csv")
    wait_until(lambda: len(caplog.records) == 1)  # a line is written when the answer has gone
    served.query("SELECT ('secret'", "text/csv")
    wait_until(lambda: len(caplog.records) == 2)
    served.ask("/case/tiny/mill")
    wait_until(lambda: len(caplog.records) == 3)
    first, second, third = caplog.records[:3]
    assert {"request"} == {r.getMessage() for r in caplog.records}
    assert ("GET", "/sparql", 200, len(reply.body), "text/csv") == (first.method, first.path, first.status, first.bytes, first.format)  # type: ignore[attr-defined]
    assert 0 < first.milliseconds < 10_000  # type: ignore[attr-defined]
    assert re.fullmatch("[0-9a-f]{16}", first.query)  # type: ignore[attr-defined]
    assert (400, 303) == (second.status, third.status)  # type: ignore[attr-defined]
    assert all("secret" not in JsonLines().format(r) for r in caplog.records)


def test_a_line_of_the_log_cannot_be_forged(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Control characters of a path are escaped."""
    caplog.set_level(logging.INFO, "covalue.access")
    served.ask("/x%0a%22forged%22:1%1b[31m")
    wait_until(lambda: bool(caplog.records))
    line = JsonLines().format(caplog.records[0])
    assert "\n" not in line
    assert "\x1b" not in line
    assert {"time", "message", *FIELDS} >= set(json.loads(line))


# --- failures inside


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (deadline_error(10), 504),
        (DeadlineError("slow", "慢"), 504),
        (TooLargeError("large", "大"), 413),
        (OverloadedError("busy", "忙", 7), 503),
        (CrashError("crash", "崩溃"), 500),
        (StoreError("the store in /srv/secret/data is broken"), 503),
        (ValueError("/srv/secret/data"), 500),
        (MemoryError(), 500),
    ],
)
def test_each_failure_has_its_status_and_no_path(error: Exception, status: int) -> None:
    """A sentence for the client, the rest for the log."""
    served = Served(Broken(error))
    reply = served.query("ASK {}")
    assert (status, "application/problem+json", "*") == (reply.status, reply.kind, reply["Access-Control-Allow-Origin"])
    assert "secret" not in reply.text
    assert "Traceback" not in reply.text
    if status == 503:
        assert int(reply["Retry-After"]) == (7 if isinstance(error, OverloadedError) else 5)


# --- the bounded store behind the service


@pytest.fixture(scope="module")
def bounded(folder: Path) -> Iterator[Served]:
    """The tiny dataset behind killable workers."""
    with BoundedStore.open(folder, Limits(seconds=60.0, quick=2, heavy=1)) as store:
        yield Served(store)


def test_bounded_answers_are_the_same(bounded: Served, served: Served) -> None:
    """In each format, and pages."""
    for accept in ("application/sparql-results+json", "text/csv", "text/html"):
        text = "SELECT * { ?s ?p ?o } ORDER BY ?s ?p LIMIT 50"
        a, b = bounded.query(text, accept), served.query(text, accept)
        assert (a.status, a.kind, a["ETag"]) == (b.status, b.kind, b["ETag"])
        if accept == "text/csv":
            assert sorted(re.sub("_:[0-9a-f]+", "_:b", a.text).split()) == sorted(re.sub("_:[0-9a-f]+", "_:b", b.text).split())
    assert 200 == bounded.ask("/ontology").status
    assert 200 == bounded.ask("/case/tiny/mill.ttl").status
    assert samples(bounded.ask("/metrics"))["covalue_store_workers"] >= 1


def test_a_long_query_ends_in_504_while_others_are_quick(folder: Path) -> None:
    """And the answer says what to do."""
    with BoundedStore.open(folder, Limits(seconds=1.0, quick=2, heavy=1)) as store:
        served = Served(store)
        reply = served.query(ENDLESS)
        assert 504 == reply.status
        assert "1 s" in reply.json["detail"]
        assert 200 == served.query("ASK {}").status


def test_a_query_ends_when_its_client_hangs_up(folder: Path) -> None:
    """The place is free again long before the deadline."""
    with BoundedStore.open(folder, Limits(seconds=600.0, quick=2, heavy=1)) as store:
        served = Served(store)
        with socket.create_connection(("127.0.0.1", served.port)) as connection:
            connection.sendall(f"GET /sparql?query={ENDLESS.replace(' ', '+').replace('{', '%7B').replace('}', '%7D')} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            running: Callable[[], int] = lambda: store.counts()["quick_running"] + store.counts()["heavy_running"]  # noqa: E731
            wait_until(lambda: running() == 1)
        wait_until(lambda: running() == 0)


# --- the real program


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_the_program_serves(tmp_path: Path) -> None:
    """`covalue serve` answers on the port that it names, and ends by Ctrl-C."""
    data = tmp_path / "x.ttl"
    data.write_text("<http://x/a> <http://x/p> '小米'@zh .", encoding="utf-8")
    process = start("serve", "--data", data, "--port", "0")
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/ ", line).group(1))  # type: ignore[union-attr]
        with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as connection:
            connection.sendall(b"GET /sparql?query=SELECT*%7B?s?p?o%7D&format=csv HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            reply = read(b"".join(iter(lambda: connection.recv(65536), b"")))
        assert (200, "小米" in reply.text) == (reply.status, True)
        os.kill(process.pid, signal.SIGINT)
        assert 0 == process.wait(60)
    finally:
        process.kill()
        process.communicate()
