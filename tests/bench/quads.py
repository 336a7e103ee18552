"""
Synthetic datasets of any size, written as a build writes them: one statement a line, with a manifest.

Small cases of about a hundred statements each, in the real vocabulary and beside the real ontology and schemes, so that queries about
one case and about all of them mean the same at every size. (`synthetic.py` makes projects to be built; this is for datasets that no
build could make in reasonable time.)
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

from covalue.build import build
from covalue.manifest import GraphInfo, Manifest, read_manifest, write_manifest
from covalue.names import PREFIXES, case_graph, source_graph
from covalue.project import find_project

ROOT = Path(__file__).resolve().parents[2]
V, S, RDFS = PREFIXES["vcc"], PREFIXES["vcs"], PREFIXES["rdfs"]
TYPE, LABEL = f"<{PREFIXES['rdf']}type>", f"<{RDFS}label>"
DIMENSIONS = ("value-proposition", "value-creation", "value-delivery", "value-capture")
ROLES = ("user", "focal-firm", "supplier", "partner", "investor", "government", "ecosystem-firm", "platform")
MODALITIES = ("reported", "cited", "derived")
ACTORS, MECHANISMS, CONTRIBUTIONS, OBSERVATIONS, PASSAGES = 4, 3, 5, 2, 3


def shipped(folder: Path) -> Manifest:
    """The checkout's own dataset, built into a folder."""
    return build(find_project(ROOT), folder, lambda *_: None)


def make(folder: Path, triples: int, seed: int = 1) -> Manifest:
    """
    A dataset of about so many statements; one that is there already is kept.

    Args:
        folder: of the artefact; made where it is not there.
        triples: how many statements; ontology and schemes of the checkout (about 5,000) are among them.
        seed: of the draw; the same seed gives the same dataset.
    """
    found = read_manifest(folder)
    if found is not None:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    digest, infos, left = hashlib.sha256(), list[GraphInfo](), triples
    temporary = folder / "new.nq"
    with temporary.open("wb") as file:
        for graph, role, lines in _graphs(folder / "shipped", random.Random(seed)):
            if left <= 0:
                break
            data = "".join(f"{line} <{graph}> .\n" for line in lines).encode()
            file.write(data)
            digest.update(data)
            infos.append(GraphInfo(graph, role, True, len(lines)))
            left -= len(lines)
    name = f"covalue-{digest.hexdigest()[:16]}.nq"
    temporary.rename(folder / name)
    manifest = Manifest(digest.hexdigest(), "0" * 64, "0.1.0", name, tuple(infos))
    write_manifest(folder, manifest)
    return manifest


def case(number: int) -> str:
    """The IRI of a case."""
    return f"{PREFIXES['case']}c{number}"


def cases(manifest: Manifest) -> int:
    """How many synthetic cases a dataset holds."""
    return sum(g.role == "case" for g in manifest.graphs)


def _graphs(folder: Path, draw: random.Random) -> Iterator[tuple[str, str, list[str]]]:
    """Graph, role and statements: those of the checkout that all cases share, then cases without end, each with its source."""
    manifest = shipped(folder)
    lines: dict[str, list[str]] = {g.iri: [] for g in manifest.graphs if g.role in ("ontology", "scheme")}
    with (folder / manifest.data).open(encoding="utf-8") as file:
        for line in file:
            statement, _, graph = line.rpartition(" <")
            if graph[:-4] in lines:
                lines[graph[:-4]].append(statement)
    for g in manifest.graphs:
        if g.iri in lines:
            yield g.iri, g.role, lines[g.iri]
    number = 0
    while True:
        yield case_graph(f"c{number}"), "case", _case(number, draw)
        yield source_graph(f"s{number}"), "source", _source(number)
        number += 1


def _thing(iri: str, kind: str, en: str, zh: str) -> list[str]:
    return [f"<{iri}> {TYPE} <{V}{kind}>", f'<{iri}> {LABEL} "{en}"@en', f'<{iri}> {LABEL} "{zh}"@zh']


def _case(n: int, draw: random.Random) -> list[str]:
    this = case(n)
    out = _thing(this, "Case", f"case {n} of a firm", f"第{n}个案例")
    within = f"<{V}inCase> <{this}>"
    for i in range(ACTORS):
        iri = f"{this}/actor/{i}"
        out += [*_thing(iri, "Actor", f"actor {i} of case {n}", f"案例{n}的行动者{i}"), f"<{iri}> {within}"]
    for i in range(MECHANISMS):
        iri = f"{this}/mechanism/{i}"
        out += _thing(iri, "Mechanism", f"mechanism {i} of case {n}", f"案例{n}的机制{i}")
        out += [f"<{iri}> {within}", f"<{iri}> <{V}inDimension> <{S}dimension/{draw.choice(DIMENSIONS)}>"]
    for i in range(CONTRIBUTIONS):
        out += _contribution(n, i, within, draw)
    for i in range(OBSERVATIONS):
        iri = f"{this}/observation/{i}"
        out += _thing(iri, "IndicatorObservation", f"observation {i} of case {n}", f"案例{n}的观测{i}")
        out += [f"<{iri}> {within}", f'<{iri}> <{V}value> "{draw.randrange(1000)}.{draw.randrange(1, 9)}"^^<{PREFIXES["xsd"]}decimal>']
        out.append(f"<{iri}> <{V}accordingTo> <{PREFIXES['src']}s{n}/{i}>")
    return out


def _contribution(n: int, i: int, within: str, draw: random.Random) -> list[str]:
    this = case(n)
    iri = f"{this}/contribution/{i}"
    return [
        *_thing(iri, "Contribution", f"contribution {i} of case {n}", f"案例{n}的贡献{i}"),
        f"<{iri}> {within}",
        f"<{iri}> <{V}contributor> <{this}/actor/{draw.randrange(ACTORS)}>",
        f"<{iri}> <{V}inRole> <{S}role/{draw.choice(ROLES)}>",
        f"<{iri}> <{V}throughMechanism> <{this}/mechanism/{draw.randrange(MECHANISMS)}>",
        f"<{iri}> <{V}towardsDimension> <{S}dimension/{draw.choice(DIMENSIONS)}>",
        f"<{iri}> <{V}modality> <{S}modality/{draw.choice(MODALITIES)}>",
        f"<{iri}> <{V}accordingTo> <{PREFIXES['src']}s{n}/{draw.randrange(PASSAGES)}>",
    ]


def _source(n: int) -> list[str]:
    out = []
    for i in range(PASSAGES):
        iri = f"{PREFIXES['src']}s{n}/{i}"
        out += _thing(iri, "Passage", f"sentence {i} of source {n}", f"来源{n}第{i}句")
        out.append(f'<{iri}> <{V}sentenceNumber> "{i}"^^<{PREFIXES["xsd"]}integer>')
    return out
