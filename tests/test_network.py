"""The networks of a case: what is in them, and that other programs read the files."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import networkx
import pytest

from covalue import network
from covalue.errors import InputError
from covalue.names import PREFIXES
from covalue.network import Edge, Network, Node
from covalue.questions import bindings
from covalue.stores import Store
from library_served import USERS, answers_of

READ: dict[str, Callable[[Any], Any]] = {"graphml": networkx.read_graphml, "gexf": networkx.read_gexf}


@pytest.fixture(scope="module")
def store(real_built: tuple[object, Path]) -> Store:
    return answers_of(real_built[1]).store


def count(store: Store, pattern: str) -> int:
    rows = bindings(store, f"PREFIX vcc: <{PREFIXES['vcc']}> SELECT (COUNT(*) AS ?n) WHERE {{ SELECT DISTINCT * WHERE {{ {pattern} }} }}")[1]
    return int(rows[0]["n"]["value"])


def test_value_network(store: Store) -> None:
    """There is one arrow for each exchange of a provider with a receiver, and each carries what passes and where it is said."""
    net = network.network(store, "xiaomi", "value")
    assert count(store, "?c a vcc:ValueExchange ; vcc:provider ?a ; vcc:receiver ?b") == len(net.edges)
    assert {"exchange"} == {e.kind for e in net.edges}
    for e in net.edges:
        assert (True, True, True) == (bool(e.passages), e.modality in ("reported", "cited", "recommended", "derived"), set(e.labels) == {"en", "zh"})
    feedback = next(e for e in net.edges if e.claim.endswith("/users-feedback-to-xiaomi-3-1"))
    assert ("xiaomi/actor/users", "xiaomi/actor/xiaomi", "user feedback", "用户反馈", ("jin-wu-2024/3.1-p3-s1",)) == (
        feedback.source,
        feedback.target,
        feedback.what["en"],
        feedback.what["zh"],
        feedback.passages,
    )


def test_contribution_network(store: Store) -> None:
    """There is an arrow for each contribution and dimension, mechanism or beneficiary."""
    net = network.network(store, "xiaomi", "contributions")
    kinds = {"contribution": "towardsDimension", "participation": "throughMechanism", "benefit": "beneficiary"}
    for kind, prop in kinds.items():
        assert count(store, f"?c a vcc:Contribution ; vcc:contributor ?a ; vcc:{prop} ?b") == sum(e.kind == kind for e in net.edges)


def test_all_is_both_and_nobody_stands_alone(store: Store) -> None:
    """The whole is the two together; each node is in an edge, has both names and a kind."""
    whole, value, contributions = (network.network(store, None, which) for which in network.WHICH)
    assert {e.id for e in value.edges} | {e.id for e in contributions.edges} == {e.id for e in whole.edges}
    assert len(whole.edges) == len({e.id for e in whole.edges})
    assert {n.id for n in whole.nodes} == {end for e in whole.edges for end in (e.source, e.target)}
    assert all(set(n.labels) == {"en", "zh"} and n.kind for n in whole.nodes)
    assert {"Firm", "ActorGroup", "Mechanism", "ValueDimension"} <= {n.kind for n in whole.nodes}


@pytest.mark.parametrize("extension", list(READ))
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_files_are_read_by_networkx(store: Store, extension: str, lang: str) -> None:
    """networkx reads the same nodes, arrows and attributes, with labels in the asked language."""
    net = network.network(store, "xiaomi")
    graph = READ[extension](io.BytesIO(network.write(net, extension, lang)))
    assert (True, True) == (graph.is_directed(), graph.is_multigraph())
    assert {n.id for n in net.nodes} == set(graph.nodes)
    assert len(net.edges) == graph.number_of_edges()
    users = graph.nodes["xiaomi/actor/users"]
    assert {"label": "用户" if lang == "zh" else "users", "label_en": "users", "label_zh": "用户", "kind": "ActorGroup", "iri": USERS} == users
    given = sorted((a, b, d["kind"], d["modality"], d["passages"], d["claim"]) for a, b, d in graph.edges(data=True))
    assert sorted((e.source, e.target, e.kind, e.modality, " ".join(e.passages), e.claim) for e in net.edges) == given


@pytest.mark.parametrize("extension", list(READ))
def test_awkward_texts_survive(extension: str) -> None:
    """Markup, quotes and characters that XML cannot hold do not break a file."""
    odd = {"en": 'a<b> & "c" ]]>', "zh": "\x00中\x1b\ufffe"}
    nodes = (Node("a&b", "https://example.org/?a&b", "Firm", odd), Node("b", "https://example.org/b", "", {}))
    edge = Edge('e"1', "a&b", "b", "exchange", "https://example.org/c", "reported", "case", odd, odd, (), ("p<1>",))
    data = network.write(Network("t<", "v", nodes, (edge,)), extension, "zh")
    graph = READ[extension](io.BytesIO(data))
    assert ('a<b> & "c" ]]>', "\ufffd中\ufffd\ufffd") == (graph.nodes["a&b"]["label_en"], graph.nodes["a&b"]["label"])
    assert "p<1>" == next(iter(graph.edges(data=True)))[2]["passages"]


def test_gexf_says_what_gephi_needs(store: Store) -> None:
    """Version 1.3, directed, static, attributes declared before they are used."""
    root = ET.fromstring(network.write(network.network(store, "xiaomi"), "gexf"))
    space = "{http://gexf.net/1.3}"
    graph = root.find(f"{space}graph")
    assert graph is not None
    assert ("1.3", "directed", "static") == (root.get("version"), graph.get("defaultedgetype"), graph.get("mode"))
    declared = {a.get("id") for a in graph.iter(f"{space}attribute")}
    assert {v.get("for") for v in graph.iter(f"{space}attvalue")} <= declared
    assert store.version in "".join(root.itertext())


def test_the_same_bytes_each_time(store: Store) -> None:
    """Nodes and arrows have an order."""
    assert network.write(network.network(store), "graphml") == network.write(network.network(store), "graphml")


@pytest.mark.parametrize(("case", "which", "near"), [("xiaomy", "all", "xiaomi"), ("xiaomi", "vlaue", "value"), ("", "all", "xiaomi")])
def test_unknown_case_or_network(store: Store, case: str, which: str, near: str) -> None:
    """The nearest is named."""
    with pytest.raises(InputError, match=near):
        network.network(store, case, which)
