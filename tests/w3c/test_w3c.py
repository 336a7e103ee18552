"""
W3C's SPARQL suites over HTTP, beside the engine alone.

Every test whose outcome is not `pass` stands in exceptions.csv with its reason, and an exception that passes is a fault as well. Without
the suites all of this is skipped, except where the variable CI is set.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from w3c import description, run
from w3c.fetch import Suites, UnavailableError, suites
from w3c.manifest import DESCRIPTION, PROTOCOL, Case, cases
from w3c.protocol import NOT_INSERTED, TESTS
from w3c.results import read_json
from w3c.ways import Command, OwnStore, command

EXCEPTIONS = Path(__file__).parent / "exceptions.csv"
ENVIRONMENT = dict(os.environ)
"""As it is before tests hide the developer's settings."""
VERSIONS = ("sparql10", "sparql11", "sparql12")
LEAST = {("rdflib", "sparql11"): 270, ("w3c", "sparql10"): 450, ("w3c", "sparql11"): 330, ("w3c", "sparql12"): 230}
"""So many tests of query and syntax there are at least, so that none gets lost unseen."""


@dataclass(frozen=True)
class Known:
    """What is expected to come out of a test: by the engine alone, over HTTP."""

    engine: str = "pass"
    service: str = "pass"


@pytest.fixture(scope="module")
def found() -> Suites:
    """The suites."""
    try:
        return suites(ENVIRONMENT)
    except UnavailableError as e:
        if ENVIRONMENT.get("CI"):
            pytest.fail(str(e))
        pytest.skip(str(e))


@pytest.fixture(scope="module")
def every(found: Suites) -> list[Case]:
    """All tests."""
    return cases(found.folder)


@pytest.fixture(scope="module")
def known(found: Suites) -> dict[str, Known]:
    """The exceptions of this edition."""
    with EXCEPTIONS.open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if found.edition in r["editions"].split()]
    assert all(r["reason"].strip() for r in rows)
    listed = {r["test"]: Known(r["engine"], r["service"]) for r in rows}
    assert len(rows) == len(listed)
    return listed


@pytest.fixture(scope="module")
def own() -> OwnStore:
    """A server whose store each test puts in."""
    return OwnStore()


@pytest.fixture(scope="module")
def served(every: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """The command, serving all data."""
    with command(every, tmp_path_factory.mktemp("w3c")) as way:
        yield way


def _of(every: list[Case], version: str, wanted: Callable[[Case], bool]) -> list[Case]:
    chosen = [c for c in every if c.suite.startswith(version) and wanted(c)]
    if not chosen:
        pytest.skip(f"this edition of the suites holds no {version}; set COVALUE_W3C to a checkout of https://github.com/w3c/rdf-tests")
    return chosen


@pytest.mark.parametrize("version", VERSIONS)
def test_queries_and_syntax(found: Suites, every: list[Case], known: dict[str, Known], own: OwnStore, served: Command, version: str) -> None:
    """Each outcome, by the engine alone and over HTTP in both ways and in every format, is the one that is known."""
    chosen = _of(every, version, run.is_query_case)
    assert len(chosen) >= LEAST[found.edition, version]
    wrong = []
    for case in chosen:
        expected = known.get(case.name, Known())
        outcomes = [("engine", expected.engine, run.engine(case)), (own.name, expected.service, run.service(case, own)), (served.name, expected.service, run.service(case, served))]
        wrong += [f"{case.name} [{who}] is {o.status} and not {wanted}: {o.detail}" for who, wanted, o in outcomes if o is not None and o.status != wanted]
    assert not wrong, "\n".join(wrong)


def test_protocol(every: list[Case], known: dict[str, Known], own: OwnStore, served: Command) -> None:
    """Each request gets an answer with the expected status, kind and value; those of updates are refused."""
    chosen = _of(every, "sparql11", lambda c: c.kind in PROTOCOL)
    assert {c.name.rpartition("/")[2] for c in chosen} == set(TESTS)
    wrong = []
    for case in chosen:
        for way in (own, served):
            outcome, wanted = run.protocol(case, way), known.get(case.name, Known()).service
            if outcome.status != wanted:
                wrong.append(f"{case.name} [{way.name}] is {outcome.status} and not {wanted}: {outcome.detail}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", description.TESTS)
def test_service_description(every: list[Case], own: OwnStore, served: Command, name: str) -> None:
    """What the suite says in words of each of its three tests."""
    assert {c.name.rpartition("/")[2] for c in every if c.kind in DESCRIPTION} == set(description.TESTS)
    for way in (own, served):
        description.TESTS[name](way.client)


@pytest.mark.parametrize("version", ["sparql11", "sparql12"])
def test_updates_and_federation_are_refused(every: list[Case], served: Command, version: str) -> None:
    """All of the suites' updates and calls of other endpoints get 403, in each way in which they can be sent, and nothing changes."""
    chosen = _of(every, version, run.is_refused_case)
    before = _counted(served)
    wrong = [line for case in chosen for line in run.refusals(case, served.client)]
    assert not wrong, "\n".join(wrong)
    assert _counted(served) == before
    assert read_json(served.client.get([("query", NOT_INSERTED)], run.JSON).body) is True


def _counted(served: Command) -> bytes:
    return served.client.get([("query", "SELECT ?g (COUNT(*) AS ?n) { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } } GROUP BY ?g ORDER BY ?g")], run.JSON).body


def test_exceptions_are_tests(every: list[Case], known: dict[str, Known]) -> None:
    """Each exception names a test, and deviates somewhere."""
    assert not set(known) - {c.name for c in every}
    assert not [name for name, outcome in known.items() if outcome == Known()]
