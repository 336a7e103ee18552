"""
Brings a built dataset to a SPARQL engine elsewhere, graph by graph, so that `RemoteStore` answers from it as the embedded store does.

What is there is written down there: in the graph `graph:manifest`, each finished graph has one entry with the digest of its lines. A
run sends only graphs whose entry differs, so one that was interrupted goes on where it stopped. The steps for a graph, in this order:

  1. what the graph holds leaves the merge (unless another merged graph says it too), then its entry goes;
  2. its new content replaces the old one, in bounded pieces; a blank node and all that hangs together with it stay in one piece;
  3. its statements are counted there, and those of graphs that are not too large are read back and compared;
  4. they join the merge; 5. the entry is written.

Whatever is interrupted, the merge holds at most what the graphs hold, so that step 1 of the next run finds all of it. While the state
is `publishing`, a service before the engine answers 503.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyoxigraph as ox

from covalue.errors import StoreError
from covalue.manifest import GraphInfo, Manifest, read_manifest
from covalue.stores.engines import GRAPH_MANIFEST, GRAPH_MERGED, N_TRIPLES, TRIAL_TRIPLES, VIRTUOSO, Endpoint, EngineError, connect
from covalue.stores.remote import COMPLETE, PUBLISHING, M, Publication, read_graphs, read_publication
from covalue.stores.wire import Credentials, Wire

Progress = Callable[[str, str], None]
PIECE = 1 << 20
"""Bytes of a request's body, about."""
MOST_PIECE = 64 << 20
"""Statements that hang together by blank nodes are one piece; more than this is refused."""
COMPARED = 50_000
"""Graphs of at most so many statements are read back and compared."""
OVERLAP = 5_000_000
"""Datasets of at most so many statements have the size of their merge computed here, and compared."""


def silent(en: str, zh: str) -> None:
    """Says nothing."""


@dataclass
class Outcome:
    """What a run did, or with `dry_run` would do: IRIs of graphs, and sentences about what an operator should know, in both languages."""

    engine: str
    sent: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    triples: int = 0
    compared: int = 0
    notes: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    def summary(self) -> tuple[str, str]:
        """One sentence in each language."""
        return (
            f"{len(self.sent)} graph(s) sent ({self.triples} triples), {len(self.dropped)} removed, {len(self.kept)} kept; "
            f"all counted, {self.compared} read back and compared; {self.engine}, {self.seconds:.1f} s",
            f"发送 {len(self.sent)} 个图（{self.triples} 条三元组），移除 {len(self.dropped)} 个，保留 {len(self.kept)} 个；"
            f"均已计数，其中 {self.compared} 个已读回比对；{self.engine}，{self.seconds:.1f} 秒",
        )


@dataclass(frozen=True)
class Part:
    """One graph in the data file, with the digest of its lines, and where they are."""

    info: GraphInfo
    offset: int
    size: int


def publish(
    folder: Path,
    url: str,
    credentials: Credentials | None = None,
    progress: Progress = silent,
    *,
    dry_run: bool = False,
    accept_differences: bool = False,
    update_url: str | None = None,
    graphs_url: str | None = None,
) -> Outcome:
    """
    The dataset built last into a folder, brought to the engine whose query endpoint is at an address.

    Args:
        dry_run: only find out what would be sent; nothing is written.
        accept_differences: go on where the engine gives back other values than it was sent; they are among the notes.
        update_url, graphs_url: where the engine takes updates and graphs, if not where its kind has them.

    Raises:
        SettingError: an address is none.
        StoreError: nothing was built; the engine cannot be reached or refuses; what it holds afterwards is not what was sent. A further
            run goes on from there.
    """
    begun = time.monotonic()
    path, manifest = _artefact(folder)
    wire = Wire(credentials)
    try:
        endpoint = connect(url, wire, update_url, graphs_url)
        outcome = _Run(endpoint, path, manifest, progress, accept_differences).go(dry_run)
    except EngineError as e:
        said = " ".join(e.detail.split())[:300]  # whoever publishes runs the engine, and may see its words
        raise StoreError(f"{e.en} It says: {said}" if said else e.en, f"{e.zh}引擎原文：{said}" if said else e.zh) from e
    finally:
        wire.close()
    outcome.seconds = time.monotonic() - begun
    return outcome


def _artefact(folder: Path) -> tuple[Path, Manifest]:
    manifest = read_manifest(folder)
    if manifest is None:
        raise StoreError(f"there is no dataset in {folder}; run `covalue build`.", f"{folder} 中没有数据集；请运行 `covalue build`。")
    return folder / manifest.data, manifest


def parts(path: Path, manifest: Manifest) -> dict[str, Part]:
    """
    The graphs in the data file, in its order.

    Raises:
        StoreError: the file is not what its manifest says.

    Cost: one pass over the file; memory does not grow with it.
    """
    infos = {g.iri: g for g in manifest.graphs}
    out: dict[str, Part] = {}
    whole, offset = hashlib.sha256(), 0
    current, start, count, digest = "", 0, 0, hashlib.sha256()

    def close() -> None:
        found = infos.get(current)
        if found is not None and current not in out and found.triples == count and found.digest in ("", digest.hexdigest()):
            out[current] = Part(replace(found, digest=digest.hexdigest()), start, offset - start)

    try:
        with path.open("rb") as lines:
            for line in lines:
                graph = line[line.rindex(b" <") + 2 : -4].decode()
                if graph != current:
                    close()
                    current, start, count, digest = graph, offset, 0, hashlib.sha256()
                whole.update(line)
                digest.update(line)
                count += 1
                offset += len(line)
        close()
    except (OSError, ValueError) as e:
        raise _damaged(path) from e
    if whole.hexdigest() != manifest.digest or len(out) != len(infos):
        raise _damaged(path)
    return out


def _damaged(path: Path) -> StoreError:
    return StoreError(f"{path} is damaged (its digest differs); delete it and build again.", f"{path} 已损坏（摘要不符）；请删除后重新构建。")


def lines_of(path: Path, part: Part) -> Iterator[bytes]:
    """The graph's statements as lines of N-Triples."""
    tail = len(f" <{part.info.iri}> .\n".encode())
    with path.open("rb") as source:
        source.seek(part.offset)
        left = part.size
        while left:
            line = source.readline()
            left -= len(line)
            yield line[:-tail] + b" .\n"


def pieces(lines: Iterator[bytes], size: int = PIECE) -> Iterator[bytes]:
    """
    The lines in bodies of about so many bytes; each blank node is in one body only, since its label means nothing beyond it.

    Raises:
        StoreError: more hangs together by blank nodes than one body may hold.

    Cost: memory for one body and for all statements with blank nodes.
    """
    clusters = _Clusters()
    held: list[bytes] = []
    length = 0
    for line in lines:
        if clusters.take(line):
            continue
        held.append(line)
        length += len(line)
        if length >= size:
            yield b"".join(held)
            held, length = [], 0
    for cluster in clusters.groups():
        if len(cluster) > MOST_PIECE:
            raise StoreError(
                f"{len(cluster)} bytes of statements hang together by blank nodes, too many for one request; give the nodes IRIs.",
                f"由空白节点相连的语句共 {len(cluster)} 字节，超出单次请求的上限；请为这些节点指定 IRI。",
            )
        held.append(cluster)
        length += len(cluster)
        if length >= size:
            yield b"".join(held)
            held, length = [], 0
    if held:
        yield b"".join(held)


class _Clusters:
    """Statements that share blank nodes, directly or through others."""

    def __init__(self) -> None:
        self._above: dict[bytes, bytes] = {}
        self._lines: list[tuple[bytes, bytes]] = []

    def take(self, line: bytes) -> bool:
        """Whether the line has a blank node; it is kept then."""
        subject, _, rest = line.split(b" ", 2)
        labels = [subject] if subject.startswith(b"_:") else []
        if rest.startswith(b"_:"):
            labels.append(rest.split(b" ", 1)[0])
        if not labels:
            return False
        for label in labels:
            self._above.setdefault(label, label)
        self._above[self._root(labels[0])] = self._root(labels[-1])
        self._lines.append((labels[0], line))
        return True

    def _root(self, label: bytes) -> bytes:
        while (above := self._above[label]) != label:
            self._above[label] = label = self._above[above]
        return label

    def groups(self) -> Iterator[bytes]:
        out: dict[bytes, list[bytes]] = {}
        for label, line in self._lines:
            out.setdefault(self._root(label), []).append(line)
        return (b"".join(group) for group in out.values())


class _Run:
    """One run of publishing."""

    def __init__(self, endpoint: Endpoint, path: Path, manifest: Manifest, progress: Progress, accept: bool) -> None:
        self.endpoint, self.path, self.manifest, self.progress, self.accept = endpoint, path, manifest, progress, accept
        self.outcome = Outcome(endpoint.engine.name)
        self.id = uuid.uuid4().hex
        self.merge = ""

    @property
    def apart(self) -> bool:
        """Whether the merge goes into the engine's own default graph."""
        return self.merge == "default"

    def go(self, dry_run: bool) -> Outcome:
        self.progress("reading the dataset", "读取数据集")
        here = parts(self.path, self.manifest)
        old = read_publication(self.endpoint)
        there = {} if old is None else read_graphs(self.endpoint)
        send = [p for g, p in here.items() if there.get(g) != p.info]
        gone = [g for g in there if g not in here]
        out = self.outcome
        out.kept = [g for g in here if there.get(g) == here[g].info]
        if dry_run:
            out.sent, out.dropped, out.triples = [p.info.iri for p in send], gone, sum(p.info.triples for p in send)
            return out
        if old is not None and not send and not gone and (old.state, old.digest) == (COMPLETE, self.manifest.digest):
            self.merge = old.merge
            self._count_everything(here, here)
            return out
        self._begin(old)
        for graph in gone:
            self.progress(f"removing {graph}", f"移除 {graph}")
            self._clear(graph)
            self.endpoint.update(f"DROP SILENT GRAPH <{graph}>")
            out.dropped.append(graph)
        total, done = sum(p.info.triples for p in send), 0
        for number, part in enumerate(send, 1):
            self.progress(f"graph {number} of {len(send)}, {done} of {total} triples: {part.info.iri}", f"图 {number}/{len(send)}，三元组 {done}/{total}：{part.info.iri}")
            self._send(part)
            done += part.info.triples
            out.sent.append(part.info.iri)
        out.triples = total
        self.progress("counting", "计数核对")
        self._count_everything({g: here[g] for g in out.kept}, here)
        if faults := self.endpoint.faults():
            listed = "; ".join(faults)
            out.notes.append(
                (
                    f"the engine gives wrong answers to {len(faults)} trial question(s): {listed}. `covalue serve` refuses it unless told to accept them.",
                    f"该引擎对 {len(faults)} 个试验问题给出错误答案：{listed}。除非明确接受，`covalue serve` 将拒绝使用。",
                )
            )
        self._head(COMPLETE)
        return out

    def _begin(self, old: Publication | None) -> None:
        """Says that publishing goes on, and finds out where the merge goes."""
        others = f"ASK {{ {{ ?s ?p ?o }} UNION {{ GRAPH ?g {{ ?s ?p ?o }} FILTER(?g != <{GRAPH_MANIFEST}>) }} }}"
        filled = (old is None or not old.merge) and self.endpoint.engine.own_default and self.endpoint.ask(others)
        if old is None:
            self.endpoint.update(f"DROP SILENT GRAPH <{GRAPH_MANIFEST}>")
        self.endpoint.put(GRAPH_MANIFEST, TRIAL_TRIPLES.encode(), append=old is not None)
        self.merge = "" if old is None else old.merge
        self._head(PUBLISHING)
        union = self.endpoint.ask(f"ASK {{ <{GRAPH_MANIFEST}> ?p ?o }}")
        merge = "default" if self.endpoint.engine.own_default and not union else "named"
        if self.merge not in ("", merge):
            raise StoreError(
                "whether the engine's default graph is the union of its named graphs has changed since the dataset was published; empty it and publish anew.",
                "引擎默认图与命名图的关系自上次发布后已改变；请清空后重新发布。",
            )
        self.merge = merge
        if filled and self.apart:
            self.endpoint.update(f"DROP SILENT GRAPH <{GRAPH_MANIFEST}>")
            raise StoreError(
                "the engine's dataset holds statements that covalue did not bring there; publish into an empty one.",
                "引擎的数据集中已有并非由 covalue 发布的语句；请发布到空数据集。",
            )
        self._head(PUBLISHING)

    def _head(self, state: str) -> None:
        m = self.manifest
        said = {"publication": self.id, "state": state, "digest": m.digest, "fingerprint": m.fingerprint, "version": m.version, "merge": self.merge}
        new = " ".join(f"<{GRAPH_MANIFEST}> <{M}{k}> {ox.Literal(v)} ." for k, v in said.items())
        self.endpoint.update(f"DELETE WHERE {{ GRAPH <{GRAPH_MANIFEST}> {{ <{GRAPH_MANIFEST}> ?p ?o }} }} ;\nINSERT DATA {{ GRAPH <{GRAPH_MANIFEST}> {{ {new} }} }}")

    def _ours(self) -> None:
        """
        Raises:
            StoreError: another run has begun meanwhile.
        """
        now = read_publication(self.endpoint)
        if now is None or now.id != self.id:
            raise StoreError("another run publishes there at the same time; this one stops.", "另一进程正在向该处发布；本次发布已停止。")

    def _clear(self, graph: str) -> None:
        """Takes a graph's statements out of the merge, but for those that another merged graph says too; and its entry away."""
        if self.endpoint.ask(f"ASK {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}"):
            elsewhere = f'GRAPH ?h {{ ?s ?p ?o }} FILTER(?h != <{graph}>) GRAPH <{GRAPH_MANIFEST}> {{ ?h <{M}merged> "yes" }}'
            merge = "?s ?p ?o" if self.apart else f"GRAPH <{GRAPH_MERGED}> {{ ?s ?p ?o }}"
            self.endpoint.update(f"DELETE {{ {merge} }} WHERE {{ GRAPH <{graph}> {{ ?s ?p ?o }} FILTER NOT EXISTS {{ {elsewhere} }} }}")
        self.endpoint.update(f"DELETE WHERE {{ GRAPH <{GRAPH_MANIFEST}> {{ <{graph}> ?p ?o }} }}")

    def _send(self, part: Part) -> None:
        self._ours()
        graph = part.info.iri
        self._clear(graph)
        for number, piece in enumerate(pieces(lines_of(self.path, part))):
            self.endpoint.put(graph, piece, append=number > 0)
        self._count(part)
        if part.info.triples <= COMPARED:
            self._compare(part)
        if part.info.default:
            self.endpoint.update(f"ADD <{graph}> TO {'DEFAULT' if self.apart else f'<{GRAPH_MERGED}>'}")
        entry = f"{part.info.digest} {part.info.triples} {'default' if part.info.default else 'apart'} {part.info.role}"
        merged = f' ; <{M}merged> "yes"' if part.info.default else ""
        self.endpoint.update(f"INSERT DATA {{ GRAPH <{GRAPH_MANIFEST}> {{ <{graph}> <{M}entry> {ox.Literal(entry)}{merged} }} }}")

    def _number(self, pattern: str, graph: str | None = None) -> int:
        rows = self.endpoint.rows(f"SELECT (COUNT(*) AS ?n) {{ {pattern} }}", graph, seconds=600)
        return int(rows[0]["n"].value) if rows and isinstance(rows[0]["n"], ox.Literal) else -1

    def _count(self, part: Part) -> None:
        found = self._number(f"GRAPH <{part.info.iri}> {{ ?s ?p ?o }}")
        if found != part.info.triples:
            self._differs(
                f"{part.info.iri} holds {found} statements there, but {part.info.triples} were sent",
                f"{part.info.iri} 在该处有 {found} 条语句，而发送了 {part.info.triples} 条",
            )

    def _count_everything(self, kept: dict[str, Part], here: dict[str, Part]) -> None:
        """The graphs that were not sent now, the merge, and whether there is anything else."""
        for part in kept.values():
            self._count(part)
        self._count_merge(here)
        self._count_others(here)

    def _count_merge(self, here: dict[str, Part]) -> None:
        merged = [p for p in here.values() if p.info.default]
        most = sum(p.info.triples for p in merged)
        found = self._number("?s ?p ?o", None if self.apart else GRAPH_MERGED)
        if most <= OVERLAP:
            least = most = len({hash(line) for p in merged for line in lines_of(self.path, p)})
        else:
            least = max((p.info.triples for p in merged), default=0)
            self.outcome.notes.append(
                (
                    f"the default graph has {found} statements; for {most} statements it was not computed how many stand in two graphs.",
                    f"默认图有 {found} 条语句；共 {most} 条，未计算其中多少同属两个图。",
                )
            )
        if not least <= found <= most:
            self._differs(f"the default graph holds {found} statements there, but should hold {most}", f"默认图在该处有 {found} 条语句，应为 {most} 条")

    def _count_others(self, here: dict[str, Part]) -> None:
        """Where GRAPH with a variable goes over all that the engine holds, that may be nothing else."""
        if not self.apart:
            return
        ours = sum(p.info.triples for p in here.values()) + self._number(f"GRAPH <{GRAPH_MANIFEST}> {{ ?s ?p ?o }}")
        found = self._number("GRAPH ?g { ?s ?p ?o }")
        if found != ours:
            self._differs(f"the named graphs hold {found} statements there, but should hold {ours}", f"各命名图在该处共有 {found} 条语句，应为 {ours} 条")

    def _compare(self, part: Part) -> None:
        """Reads a graph back and compares it with what was sent: to the letter, then by value."""
        graph = part.info.iri
        sent = set(_triples(b"".join(lines_of(self.path, part))))
        reply = self.endpoint.query("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", N_TRIPLES, ((graph,), ()), seconds=600)
        came = set(_triples(reply.body))
        if len(came) < len(sent) and self.endpoint.engine is VIRTUOSO:
            self.outcome.notes.append(
                (
                    f"{graph} was counted, but not compared: the engine gives back {len(came)} of {len(sent)} statements at most (ResultSetMaxRows).",
                    f"{graph} 已计数但未比对：引擎最多返回 {len(came)}/{len(sent)} 条语句（ResultSetMaxRows）。",
                )
            )
            return
        self.outcome.compared += 1
        if _digest(sent) == _digest(came):
            return
        by_value = _by_value(sent), _by_value(came)
        if _digest(by_value[0]) == _digest(by_value[1]):
            changed = len({t for t in sent - came if not _blank(t)})
            self.outcome.notes.append(
                (
                    f"{graph}: the engine writes {changed} literal(s) in another form of the same value (such as 1.50 as 1.5).",
                    f"{graph}：引擎以同值的另一种写法给出 {changed} 个字面量（如 1.50 写作 1.5）。",
                )
            )
            return
        lost = sorted(str(t) for t in by_value[0] - by_value[1] if not _blank(t))
        other = sorted(str(t) for t in by_value[1] - by_value[0] if not _blank(t))
        sample = f"{lost[0][:200]} … {other[0][:200] if other else ''}" if lost else "blank nodes"
        self._differs(
            f"{graph}: {max(len(lost), len(other), 1)} statement(s) come back changed, such as {sample}",
            f"{graph}：{max(len(lost), len(other), 1)} 条语句读回后有变，例如 {sample}",
        )

    def _differs(self, en: str, zh: str) -> None:
        if not self.accept:
            raise StoreError(f"{en}; the engine does not keep the data as it is.", f"{zh}；该引擎不能原样保存数据。")
        self.outcome.notes.append((f"{en}; accepted.", f"{zh}；已接受。"))


def _triples(data: bytes) -> Iterator[ox.Triple]:
    try:
        for q in ox.parse(data, format=ox.RdfFormat.N_TRIPLES):
            yield ox.Triple(q.subject, q.predicate, q.object)
    except SyntaxError as e:
        raise StoreError("the engine gives back what is no N-Triples.", "引擎读回的内容不是 N-Triples。") from e


def _blank(triple: ox.Triple) -> bool:
    return isinstance(triple.subject, ox.BlankNode) or isinstance(triple.object, ox.BlankNode)


def _digest(triples: set[ox.Triple]) -> str:
    """SHA-256 over the sorted lines, with blank nodes labelled by what is said of them (RDFC-1.0)."""
    dataset = ox.Dataset(ox.Quad(t.subject, t.predicate, t.object) for t in triples)
    if any(_blank(t) for t in triples):
        dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    digest = hashlib.sha256()
    for line in sorted(f"{q} .\n" for q in dataset):
        digest.update(line.encode())
    return digest.hexdigest()


def _by_value(triples: set[ox.Triple]) -> set[ox.Triple]:
    """The statements with literals in the form that the embedded engine gives to their values."""
    store = ox.Store()
    store.extend(ox.Quad(_lower(t.subject), t.predicate, _lower(t.object)) for t in triples)  # type: ignore[arg-type]
    return {ox.Triple(q.subject, q.predicate, q.object) for q in store}


def _lower(term: object) -> object:
    return ox.Literal(term.value, language=term.language.lower()) if isinstance(term, ox.Literal) and term.language else term
