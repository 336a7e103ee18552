"""The remote store: the contract of stores over real servers, and over a made-up one whatever a server may do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
from covalue.publish import publish
from covalue.stores.bounded import BoundedStore
from covalue.stores.oxigraph import OxigraphStore
from covalue.stores.remote import RemoteStore
from covalue.stores.wire import Credentials

pytest.register_assert_rewrite("store_contract")

from store_contract import StoreContract, write_artefact


@pytest.fixture(scope="session")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contract's dataset as a built artefact."""
    folder = tmp_path_factory.mktemp("contract")
    write_artefact(folder)
    return folder


class TestEmbedded(StoreContract):
    """The embedded engine."""

    UNION_COUNTS_ONCE = False

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, artefact: Path) -> OxigraphStore:
        return OxigraphStore.open(artefact)


class TestBounded(StoreContract):
    """The embedded engine in killable workers."""

    UNION_COUNTS_ONCE = False

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, artefact: Path) -> Iterator[BoundedStore]:
        with BoundedStore.open(artefact) as store:
            yield store


def remote(kind: str, artefact: Path, path: str = "") -> Iterator[RemoteStore]:
    """The contract's dataset, published to a server of the session."""
    server = servers.shared(kind)
    url = server.url.replace("/plain/", path) if path else server.url
    credentials = Credentials(server.user, server.password)
    publish(artefact, url, credentials)
    store = RemoteStore.open(url, credentials, accept_faults=kind == "virtuoso")
    yield store
    store.close()


class TestOxigraphServer(StoreContract):
    """Oxigraph's own server."""

    UNION_COUNTS_ONCE = False

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, artefact: Path) -> Iterator[RemoteStore]:
        yield from remote("oxigraph", artefact)


class TestFuseki(StoreContract):
    """Apache Jena Fuseki, with its default graph apart."""

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, artefact: Path) -> Iterator[RemoteStore]:
        yield from remote("fuseki", artefact)


class TestFusekiUnion(StoreContract):
    """Apache Jena Fuseki on TDB2, with the union of all graphs as its default graph."""

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, artefact: Path) -> Iterator[RemoteStore]:
        yield from remote("fuseki", artefact, "/union/")


class TestVirtuoso(StoreContract):
    """Virtuoso 7, whose default graph is always the union of all graphs that it holds."""

    UNION_COUNTS_ONCE = False

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, artefact: Path) -> Iterator[RemoteStore]:
        yield from remote("virtuoso", artefact)
