"""The embedded store: pyoxigraph in memory, opened from a built artefact or from any RDF files."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from covalue.diagnosis import diagnose
from covalue.errors import CovalueError, FormatError, Place, QueryError, SourceError, StoreError
from covalue.formats import Format, Shape
from covalue.manifest import Manifest, read_manifest
from covalue.names import BASE, PREFIXES
from covalue.sparql import guard, names_graphs, place, tokens
from covalue.stores import Answer, Pick, Request
from covalue.stores.columns import in_order, written_out
from covalue.stores.entities import check as check_entities
from covalue.stores.joins import Sizes, arranged

Results = ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples
ARGUMENTS = re.compile(r"The custom function <([^<>]*)> requires between (\d+) and (\d+) arguments, but (\d+) were given")
UNKNOWN_FUNCTION = re.compile(r"The custom function <([^<>]*)> is not supported")


class OxigraphStore:
    """
    An immutable dataset in memory.

    The default graph of an opened artefact is the merge of the graphs that its manifest marks so, held as statements of the
    default graph itself: a union at query time would count a statement once for each graph that holds it (oxigraph 0.5.13).

    Most queries ask the default graph only. The engine keeps the statements of all graphs in the same lists, so each of these queries
    would walk over twice as many as it needs; they are asked of a second store, that has nothing but the default graph.

    Args:
        store: the engine's store.
        version: names the state of the data.
        manifest: of the dataset, where it has one.
        default: the engine's store with the statements of the default graph alone, where there is one.
    """

    def __init__(self, store: ox.Store, version: str, manifest: Manifest | None = None, default: ox.Store | None = None) -> None:
        self._store = store
        self._default = store if default is None else default
        self._sizes = Sizes(self._default)
        self._version = version
        self.manifest = manifest
        self.folder: Path | None = None
        """Where its files are, if it is on disk: the engine opens some of them only when it needs them."""

    @classmethod
    def open(cls, folder: Path, *, apart: bool = False) -> OxigraphStore:
        """
        The dataset built last into a folder.

        Args:
            folder: of the artefact.
            apart: whether the statements of the default graph are loaded once more, by themselves: for who asks many queries.

        Raises:
            StoreError: nothing was built there, or the data cannot be loaded.
        """
        for _ in range(3):  # a build that ends meanwhile takes the old file away
            manifest = read_manifest(folder)
            if manifest is None:
                break
            try:
                data = (folder / manifest.data).read_bytes()
            except FileNotFoundError:
                continue
            if hashlib.sha256(data).hexdigest() != manifest.digest:
                raise StoreError(
                    f"{folder / manifest.data} is damaged (its digest differs); delete it and build again.", f"{folder / manifest.data} 已损坏（摘要不符）；请删除后重新构建。"
                )
            merged = [g.iri for g in manifest.graphs if g.default]
            everything, default = _both(data, merged) if apart else (_everything(data, merged), None)
            return cls(everything, manifest.digest, manifest, default)
        raise StoreError(f"there is no dataset in {folder}; run `covalue build`.", f"{folder} 中没有数据集；请运行 `covalue build`。")

    @classmethod
    def from_files(cls, files: Sequence[Path]) -> OxigraphStore:
        """
        The files' own dataset, with the standard's plain default graph.

        Raises:
            SourceError: a file is missing, of unknown type, or broken; its place has line and column.
        """
        store = ox.Store()
        digest = hashlib.sha256()
        for path in files:
            rdf = ox.RdfFormat.RDF_XML if path.suffix.lower() == ".owl" else ox.RdfFormat.from_extension(path.suffix.lstrip("."))
            if rdf is None:
                raise SourceError(
                    "has no known RDF extension; use .ttl, .nt, .nq, .trig, .rdf, .owl or .jsonld.",
                    "扩展名不是已知的 RDF 类型；请用 .ttl、.nt、.nq、.trig、.rdf、.owl 或 .jsonld。",
                    Place(str(path)),
                )
            try:
                data = path.read_bytes()
                if rdf == ox.RdfFormat.RDF_XML:
                    check_entities(data, path)
                store.load(data, rdf, base_iri=path.resolve().as_uri())
            except SyntaxError as e:
                raise SourceError(f"cannot be parsed: {e.msg}.", f"无法解析：{e.msg}。", Place(str(path), e.lineno, e.offset)) from e
            except OSError as e:
                raise SourceError(f"cannot be read: {e.strerror}.", f"无法读取：{e.strerror}。", Place(str(path))) from e
            digest.update(data)
        return cls(store, digest.hexdigest())

    @property
    def version(self) -> str:
        return self._version

    @property
    def engine(self) -> ox.Store:
        """The engine's own store, for those who serialise results themselves (see `stores.worker`)."""
        return self._store

    def __len__(self) -> int:
        return len(self._store)

    def graphs(self) -> Sequence[str]:
        return sorted(g.value for g in self._store.named_graphs() if isinstance(g, ox.NamedNode))

    def answer(self, request: Request, pick: Pick) -> Answer:
        """See `Store.answer`. The result is consumed in this call, since it may not leave the thread that made it."""
        guard(request.text)
        try:
            results = self.evaluate(request.text, request.default_graphs, request.named_graphs)
            shape = shape_of(results)
            chosen = pick(shape)
            body = _serialize(results, chosen)
        except (SyntaxError, RuntimeError, OSError) as e:
            raise engine_error(request.text, e) from e
        return Answer(shape, chosen, body)

    def evaluate(self, text: str, default_graphs: Sequence[str] | None, named_graphs: Sequence[str] | None) -> Results:
        """
        What the engine finds; it may not leave the thread that asked.

        Args:
            text: a query that `guard` lets pass.
            default_graphs: of the protocol; see `Request`.
            named_graphs: of the protocol.

        Raises:
            QueryError: the name of a graph is no IRI.
            SyntaxError: it is no query.
            RuntimeError: it calls a function that is not SPARQL's.
            OSError: the store failed.
        """
        text = in_order(text)
        if default_graphs is not None or named_graphs is not None:
            return _evaluate(self._store, text, default_graph=graph_names(default_graphs), named_graphs=graph_names(named_graphs))
        if names_graphs(text):
            return _evaluate(self._store, text)
        better = arranged(text, self._sizes)
        if better is not None:
            with contextlib.suppress(SyntaxError):  # its place would be in a text that nobody wrote
                return _evaluate(self._default, better)
        return _evaluate(self._default, text)

    def dump(self, graphs: Sequence[str] | None, rdf: ox.RdfFormat) -> bytes:
        """Named graphs (None means all) in a format for datasets, or merged in a format for one graph."""
        wanted = graphs if graphs is not None else self.graphs()
        quads = [q for g in wanted for q in self._store.quads_for_pattern(None, None, None, ox.NamedNode(g))]
        if rdf.supports_datasets:
            return ox.serialize(quads, format=rdf, prefixes=PREFIXES) or b""
        triples = {ox.Triple(q.subject, q.predicate, q.object): None for q in quads}
        return ox.serialize(triples, format=rdf, prefixes=PREFIXES) or b""


def _both(data: bytes, merged: Sequence[str]) -> tuple[ox.Store, ox.Store]:
    """The engine's store for the N-Quads of an artefact, and one with nothing but its default graph."""
    default = ox.Store()
    with ThreadPoolExecutor(1) as pool:  # the engine lets go of Python's lock
        other = pool.submit(lambda: default.bulk_load(b"".join(default_statements(BytesIO(data), merged)), ox.RdfFormat.N_TRIPLES))
        everything = _everything(data, merged)
        other.result()
    return everything, default


def _everything(data: bytes, merged: Sequence[str]) -> ox.Store:
    """The engine's store for N-Quads, whose default graph is the merge of some of the named ones."""
    store = ox.Store()
    store.bulk_load(data, ox.RdfFormat.N_QUADS)
    merge(store, merged)
    return store


def merge(store: ox.Store, graphs: Iterable[str]) -> None:
    """Adds graphs of a store to its default graph: what is loaded anew gets new blank nodes, and would share none with them."""
    for graph in graphs:
        store.update(f"ADD <{graph}> TO DEFAULT")


def default_statements(data: Iterable[bytes], merged: Iterable[str]) -> Iterator[bytes]:
    """
    The statements of a default graph that is the merge of named graphs, as N-Triples.

    Args:
        data: lines of N-Quads as the build writes them: one statement to each, no blank inside an IRI.
        merged: the IRIs of the graphs.
    """
    graphs = {f"{g}> .\n".encode() for g in merged}
    for line in data:
        statement, _, graph = line.rpartition(b" <")
        if graph in graphs:
            yield statement + b" .\n"


def _evaluate(store: ox.Store, text: str, **options: Any) -> Results:
    """A query that the engine refuses for want of a feature is written in another way (see `stores.columns`)."""
    try:
        return store.query(text, base_iri=BASE, **options)
    except SyntaxError as e:
        plain = written_out(text)
        if plain is None:
            raise
        try:
            return store.query(plain, base_iri=BASE, **options)
        except SyntaxError:
            raise e from None  # its place is in the text as it was written


def graph_names(iris: Sequence[str] | None) -> list[ox.NamedNode]:
    """
    The graphs of a protocol dataset.

    Raises:
        QueryError: a name is no IRI.
    """
    try:
        return [ox.NamedNode(iri) for iri in iris or ()]
    except ValueError as e:
        raise QueryError("a graph of the dataset parameters is not an absolute IRI.", "数据集参数中的图名不是绝对 IRI。") from e


def _serialize(results: Results, chosen: Format) -> bytes:
    if isinstance(results, ox.QueryTriples) and isinstance(chosen.engine, ox.RdfFormat):
        return results.serialize(format=chosen.engine) or b""
    if not isinstance(results, ox.QueryTriples) and isinstance(chosen.engine, ox.QueryResultsFormat):
        return results.serialize(format=chosen.engine) or b""
    raise TypeError(f"{chosen.media_type} cannot carry this answer")


def shape_of(results: object) -> Shape:
    """What a result of the engine is."""
    if isinstance(results, ox.QueryBoolean):
        return Shape.BOOLEAN
    return Shape.GRAPH if isinstance(results, ox.QueryTriples) else Shape.BINDINGS


def engine_error(text: str, error: Exception) -> CovalueError:
    """What an error of the engine over a query is, in our words."""
    if isinstance(error, SyntaxError):
        return diagnose(text, str(error.msg or error))
    if "does not support RDF 1.2" in str(error):
        return FormatError(
            "the answer holds triple terms or texts with a base direction, which JSON-LD cannot carry; ask for Turtle, N-Triples or RDF/XML.",
            "结果含有三元组项或带书写方向的文本，JSON-LD 无法承载；请改用 Turtle、N-Triples 或 RDF/XML。",
        )
    unknown = UNKNOWN_FUNCTION.search(str(error))
    if unknown:
        iri = unknown.group(1)
        return QueryError(f"there is no function <{iri}> here.", f"此处没有函数 <{iri}>。", _called(text, iri))
    wrong = ARGUMENTS.search(str(error))
    if wrong:
        iri, least, most, given = wrong.groups()
        wanted, wanted_zh = (least, least) if least == most else (f"{least} to {most}", f"{least} 至 {most}")
        return QueryError(
            f"the function <{iri}> takes {wanted} argument(s), but has {given} here.", f"函数 <{iri}> 需要 {wanted_zh} 个参数，此处给了 {given} 个。", _called(text, iri)
        )
    if "not a valid RDF 1.2 term" in str(error):
        return QueryError(
            "the query holds a triple term that RDF 1.2 does not know: its subject may be an IRI or a blank node only.",
            "查询中有 RDF 1.2 所不容的三元组项：其主语只能是 IRI 或空白节点。",
        )
    return StoreError(f"the engine could not evaluate the query: {error}", f"引擎无法执行该查询：{error}")


def _called(text: str, iri: str) -> Place | None:
    """Where a function is called; a name is known by its end, since its prefix may be anything."""
    listed = list(tokens(text))
    for (kind, token, offset), (_, after, _) in pairwise(listed):
        end = token[1:-1] if kind == "iri" else token.partition(":")[2] if kind == "name" else ""
        if end and after == "(" and iri.endswith(end):
            return place(text, offset)
    return None
