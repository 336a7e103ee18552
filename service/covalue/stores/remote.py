"""
A store that asks an engine elsewhere: the same questions, limits and formats before any SPARQL 1.1 server.

A dataset that `covalue publish` has brought there carries its manifest in a graph of its own. From it come the version and the list
of graphs, and what keeps the answers those of the embedded store:

  * the default graph is the merge of the graphs that the manifest marks so: put into the engine's own default graph where it keeps
    one apart, else into a named graph that every request names as its default graph;
  * the graphs of publishing are in no answer unasked;
  * FROM is taken out of the text and sent by the protocol, since engines differ in which of the two wins;
  * DESCRIBE is sent as a CONSTRUCT, since every engine describes otherwise;
  * an answer counts only if the same finished publication was there before and after it.

A `pinned` store answers from the publication alone that it was opened on. What a service has looked up once (labels, say) then never
meets answers of a later one: it opens another store for that.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pyoxigraph as ox

from covalue.errors import QueryError, RefusedError, StoreError
from covalue.formats import Format, Shape
from covalue.manifest import GraphInfo, Manifest
from covalue.sparql import guard
from covalue.stores import Pick, Request
from covalue.stores.engines import GRAPH_MANIFEST, GRAPH_MERGED, INTERNAL, JSON, N_TRIPLES, NOWHERE, VIRTUOSO, Endpoint, EngineError, SyntaxRefusedError, boolean, connect
from covalue.stores.flow import Early, whole
from covalue.stores.gate import Gate, Ticket
from covalue.stores.limits import Cancel, DeadlineError, Limits, OverloadedError, TooLargeError, check_size, deadline_error, rows_error
from covalue.stores.rewrite import Dataset, Text, describing, parse
from covalue.stores.spool import Budget, Spool, Stream
from covalue.stores.streaming import StreamStore
from covalue.stores.wire import Credentials, Wire

log = logging.getLogger("covalue.remote")

M = GRAPH_MANIFEST + "#"
"""Namespace of what the manifest's graph says. All values are plain strings, which every engine gives back as they were."""
COMPLETE, PUBLISHING = "complete", "publishing"
FRESH = 1.0
"""Seconds for which what was read of the publication may be told as the version."""
PLACES = 16
"""Queries that are at the engine at the same time."""
DEPTHS = (0, 2, 4, 8, 16, 32)
"""How deep a description follows blank nodes, tried in turn."""
Out = tuple[str, Dataset | None]


@dataclass(frozen=True)
class Publication:
    """The head of a published manifest; `id` is another one for each run of `publish`."""

    id: str
    state: str
    digest: str
    fingerprint: str
    version: str
    merge: str
    """Where the merge is: in the engine's own default graph (`default`), in a named graph (`named`), or not decided yet."""

    @property
    def apart(self) -> bool:
        """Whether the engine's default graph is the merge, apart from the named graphs."""
        return self.merge == "default"


def read_publication(endpoint: Endpoint) -> Publication | None:
    """
    What is published there, or None.

    Raises:
        StoreError: the engine cannot be asked.
    """
    rows = endpoint.rows(f"SELECT ?p ?o {{ <{GRAPH_MANIFEST}> ?p ?o }}", GRAPH_MANIFEST, seconds=20)
    found = {r["p"].value[len(M) :]: r["o"].value for r in rows if isinstance(r["p"], ox.NamedNode) and isinstance(r["o"], ox.Literal)}
    if not found:
        return None
    text = {k: found.get(k, "") for k in ("publication", "state", "digest", "fingerprint", "version", "merge")}
    return Publication(text["publication"], text["state"] or PUBLISHING, text["digest"], text["fingerprint"], text["version"], text["merge"])


def read_graphs(endpoint: Endpoint) -> dict[str, GraphInfo]:
    """The finished graphs of a publication, by IRI, sorted."""
    page, out = 2000, dict[str, GraphInfo]()
    last = ""
    while True:
        rows = endpoint.rows(
            f"SELECT ?g ?e {{ ?g <{M}entry> ?e FILTER(STR(?g) > {ox.Literal(last)}) }} ORDER BY STR(?g) LIMIT {page}",
            GRAPH_MANIFEST,
        )
        for r in rows:
            graph, entry = r["g"], r["e"]
            if isinstance(graph, ox.NamedNode) and isinstance(entry, ox.Literal):
                digest, triples, default, role = entry.value.split(" ", 3)
                out[graph.value] = GraphInfo(graph.value, role, default == "default", int(triples), digest)
        if len(rows) < page:
            return dict(sorted(out.items()))
        last = max(out)


class RemoteStore(StreamStore):
    """A dataset in an engine elsewhere; safe for several threads."""

    def __init__(self, endpoint: Endpoint, limits: Limits | None = None, places: int = PLACES) -> None:
        self.endpoint = endpoint
        self.limits = limits or Limits()
        self._gate = Gate(replace(self.limits, quick=places))
        self._budget = Budget(self.limits.spool_total)
        self._lock = threading.Lock()
        self._publication: Publication | None = None
        self._read = 0.0
        self._graphs: tuple[str, dict[str, GraphInfo]] | None = None
        self.managed = False
        self._pinned: str | None = None

    @classmethod
    def open(
        cls,
        url: str,
        credentials: Credentials | None = None,
        limits: Limits | None = None,
        *,
        accept_faults: bool = False,
        places: int = PLACES,
        pinned: bool = False,
    ) -> RemoteStore:
        """
        The dataset behind the address of a query endpoint.

        Args:
            accept_faults: serve also from an engine that answers some of the trials wrongly; they are logged.
            places: queries that are at the engine at the same time.
            pinned: answer from the publication that is there now, and from no later one.

        Raises:
            SettingError: this is no address.
            StoreError: nobody answers there, or the engine gives wrong answers.
        """
        wire = Wire(credentials)
        try:
            store = cls(connect(url, wire), limits, places)
            store._examine(accept_faults)
            store._pinned = store.digest() if pinned else None
        except BaseException:
            wire.close()
            raise
        return store

    def _examine(self, accept_faults: bool) -> None:
        """
        Raises:
            StoreError: what is published there cannot be served as it should.
        """
        publication, engine = self._refresh(), self.endpoint.engine
        self.managed = publication is not None
        if publication is None:
            log.warning("no published dataset; its own default graph and no version", extra={"engine": engine.name})
            return
        if publication.apart and self.endpoint.ask(f"ASK {{ <{GRAPH_MANIFEST}> ?p ?o }}"):
            raise StoreError(
                "the engine's default graph is now the union of all graphs, which it was not when the dataset was published; publish it again.",
                "引擎的默认图现为所有图的并集，与发布时不同；请重新发布。",
            )
        faults = self.endpoint.faults()
        if faults and not accept_faults:
            listed = "; ".join(faults)
            raise StoreError(
                f"{engine.name} gives wrong answers to {len(faults)} trial question(s): {listed}. Use another version or engine, or accept this explicitly.",
                f"{engine.name} 对 {len(faults)} 个试验问题给出错误答案：{listed}。请改用其他版本或引擎，或明确接受。",
            )
        for fault in faults:
            log.warning("the engine answers a trial question wrongly", extra={"trial": fault})

    def close(self) -> None:
        """Lets the connections go."""
        self.endpoint.wire.close()

    @property
    def version(self) -> str:
        """The digest of the published dataset. Without one, another name every time: nothing says that two answers are of the same data."""
        return self._pinned or self.digest() or f"unversioned-{uuid.uuid4().hex}"

    def digest(self) -> str | None:
        """Of the finished publication that is there now; None where there is none, or one is under way."""
        publication = self._known()
        return publication.digest if publication is not None and publication.state == COMPLETE else None

    @property
    def manifest(self) -> Manifest | None:
        """The manifest as it was published."""
        p = self._known()
        return None if p is None else Manifest(p.digest, p.fingerprint, p.version, "", tuple(self._infos(p).values()))

    def graphs(self) -> Sequence[str]:
        """See `Store.graphs`."""
        publication = self._known()
        if publication is not None:
            return list(self._infos(publication))
        rows = self.endpoint.rows(f"SELECT DISTINCT ?g {{ GRAPH ?g {{ ?s ?p ?o }} }} ORDER BY ?g LIMIT {self.endpoint.engine.most_named}")
        return sorted(r["g"].value for r in rows if isinstance(r["g"], ox.NamedNode) and r["g"].value not in INTERNAL)

    def counts(self) -> dict[str, int]:
        """How many queries are at the engine and wait for a place there, and the bytes in temporary files."""
        counts = self._gate.counts()
        return {"quick_running": counts["quick_running"], "quick_waiting": counts["quick_waiting"], "spooled_bytes": self._budget.used}

    def stream(self, request: Request, pick: Pick, *, client: str = "", cancel: Cancel | None = None, seconds: float | None = None, early: Early = whole) -> Stream:  # noqa: ARG002
        """
        The answer, whole, in memory or in a temporary file.

        Args:
            request: query and dataset.
            pick: chooses the format for a shape.
            client: who asks; places at the engine are shared out by it.
            cancel: true once the client has gone; the connection to the engine is closed then.
            seconds: a shorter deadline than that of the limits.
            early: has no effect: only once all is here is it known that one publication answered it.

        Raises:
            QueryError: the text is not one SPARQL query, is too large, or is not to the engine's taste.
            RefusedError: it is an update, or would reach out of the store.
            FormatError: raised by `pick`, passed on.
            DeadlineError: it ran too long.
            TooLargeError: the answer is too large, for us or for the engine.
            OverloadedError: there is no place for it now, the engine is busy, or the dataset is just being published.
            CancelledError: `cancel` became true.
            StoreError: the engine cannot be reached, or failed.
        """
        check_size(request.text, grown=request.grown)
        guard(request.text)
        text = Text(parse(request.text))
        text.refuse_foreign()
        for graph in (*(request.default_graphs or ()), *(request.named_graphs or ())):
            if not _sound(graph):
                raise QueryError(f"the graph name {graph!r} is not an absolute IRI.", f"图名 {graph!r} 不是绝对 IRI。")
        chosen = pick(text.shape)
        allowed = min(seconds or self.limits.seconds, self.limits.seconds)
        ticket = Ticket(client)
        self._gate.enter(ticket, cancel)
        begun = time.monotonic()
        spool = Spool(self.limits, self._budget)
        try:
            spool.write(self._consistent(text, request, chosen, _Run(self.endpoint, self.limits, begun + allowed, allowed, cancel)))
            spool.rewind()
            return Stream(text.shape, chosen, spool)
        except EngineError as e:
            spool.close()
            log.warning("the engine failed", extra={"sentence": e.en, "detail": e.detail})
            raise
        except BaseException:
            spool.close()
            raise
        finally:
            self._gate.leave(ticket, time.monotonic() - begun)

    def _consistent(self, text: Text, request: Request, chosen: Format, run: _Run) -> bytes:
        """
        The answer, if one finished publication was there all the time.

        Raises:
            OverloadedError: it was not. No second try: the caller may have taken the version of the first for the answer's tag.
        """
        before = self._known()
        if before is not None and before.state != COMPLETE:
            before = self._refresh()
        if before is None or (before.state == COMPLETE and self._pinned in (None, before.digest)):
            answer = self._evaluate(text, request, chosen, run, before)
            if before is None or self._refresh() == before:
                return answer
        raise OverloadedError("the dataset is just being published anew; try again.", "数据集正在重新发布；请重试。", 5 if before is None or before.state != COMPLETE else 1)

    def _evaluate(self, text: Text, request: Request, chosen: Format, run: _Run, publication: Publication | None) -> bytes:
        asked, dataset = self._directed(text, request, publication)
        if text.shape is Shape.GRAPH:
            triples = run.described(text, dataset) if text.form == "DESCRIBE" else run.constructed(asked, dataset)
            return _graph(triples, chosen)
        accept = JSON
        if text.shape is Shape.BINDINGS and chosen.extension in self.endpoint.engine.exact:
            accept = chosen.media_type
        body = run.ask(asked, accept, dataset)
        if text.shape is Shape.BOOLEAN:
            return _boolean(boolean(body), chosen)
        return _table(body, accept, chosen, self.limits, chosen.extension in self.endpoint.engine.exact)

    def _directed(self, text: Text, request: Request, publication: Publication | None) -> Out:
        """The text to send, and the dataset to send with it."""
        asked, dataset = self._over(text, request, publication)
        if dataset is None:
            return asked, None
        if max(map(len, (dataset[0], dataset[1]))) > self.endpoint.engine.most_named:
            raise RefusedError(
                f"this engine takes lists of at most {self.endpoint.engine.most_named} graphs; name fewer, with FROM and FROM NAMED or in GRAPH itself.",
                f"该引擎至多接受 {self.endpoint.engine.most_named} 个图的列表；请用 FROM、FROM NAMED 或在 GRAPH 中少列一些。",
            )
        if self.endpoint.engine is VIRTUOSO:  # it counts one solution where GRAPH names a graph that is not in the dataset
            return Text(asked).moved(dataset[1], NOWHERE), (dataset[0], (*dataset[1], NOWHERE))
        return asked, dataset

    def _over(self, text: Text, request: Request, publication: Publication | None) -> Out:
        stated: Dataset | None
        if request.default_graphs is not None or request.named_graphs is not None:
            stated = (request.default_graphs or ()), (request.named_graphs or ())
        else:
            stated = text.dataset
        if stated is not None:
            known = self._existing({*stated[0], *stated[1]}, publication)
            return text.plain(), (tuple(g for g in stated[0] if g in known), tuple(g for g in stated[1] if g in known))
        if publication is None:
            return text.text, None
        named = text.named()
        if publication.apart:
            return (text.without([GRAPH_MANIFEST]) if named is None else text.text), None
        graphs = self._infos(publication)
        if named is not None:
            return text.text, ((GRAPH_MERGED,), tuple(g for g in dict.fromkeys(named) if g in graphs or g in INTERNAL))
        return text.text, ((GRAPH_MERGED,), tuple(graphs))

    def _existing(self, graphs: set[str], publication: Publication | None) -> set[str]:
        """Which of the graphs there are: only these are named to the engine, so that it never fetches one."""
        if publication is not None:
            infos = self._infos(publication)
            return {g for g in graphs if g in infos or g == GRAPH_MANIFEST}
        return {g for g in graphs if self.endpoint.ask(f"ASK {{ GRAPH <{g}> {{ ?s ?p ?o }} }}")}

    def _infos(self, publication: Publication) -> dict[str, GraphInfo]:
        with self._lock:
            if self._graphs is not None and self._graphs[0] == publication.id:
                return self._graphs[1]
        infos = read_graphs(self.endpoint)
        if publication.state == COMPLETE:
            with self._lock:
                self._graphs = publication.id, infos
        return infos

    def _known(self) -> Publication | None:
        with self._lock:
            fresh, publication = time.monotonic() - self._read < FRESH, self._publication
        return publication if fresh else self._refresh()

    def _refresh(self) -> Publication | None:
        """
        Raises:
            StoreError: there was a publication, and now there is none: whatever answers there is not what was opened.
        """
        publication = read_publication(self.endpoint)
        if publication is None and self.managed:
            raise StoreError("the published dataset is no longer there; publish it again.", "已发布的数据集不复存在；请重新发布。")
        with self._lock:
            self._publication, self._read = publication, time.monotonic()
        return publication


class _Run:
    """The queries that make one answer; one deadline holds over all of them."""

    def __init__(self, endpoint: Endpoint, limits: Limits, end: float, seconds: float, cancel: Cancel | None) -> None:
        self.endpoint, self.limits, self.end, self.seconds, self.cancel = endpoint, limits, end, seconds, cancel

    def ask(self, text: str, accept: str, dataset: Dataset | None) -> bytes:
        left = self.end - time.monotonic()
        if left <= 0:
            raise deadline_error(self.seconds)
        try:
            return self.endpoint.query(text, accept, dataset, seconds=left, most=self.limits.bytes, cancel=self.cancel).body
        except DeadlineError as e:
            raise deadline_error(self.seconds) from e
        except SyntaxRefusedError as e:
            log.warning("the engine does not take a query that we take", extra={"detail": e.detail})
            raise QueryError(e.en, e.zh) from e

    def constructed(self, asked: str, dataset: Dataset | None) -> list[ox.Triple]:
        return self._triples(asked, lambda: Text(asked).counting(), dataset)

    def described(self, text: Text, dataset: Dataset | None) -> list[ox.Triple]:
        prologue, variables, iris, rest = text.described()
        if variables == ["*"]:
            found = self.ask(f"{prologue} SELECT * {{ {{ SELECT * {rest} }} }} LIMIT 0", JSON, dataset)
            results = ox.parse_query_results(found, format=ox.QueryResultsFormat.JSON)
            variables = [f"?{v.value}" for v in results.variables] if isinstance(results, ox.QuerySolutions) else []
        known: list[ox.Triple] = []
        for depth in DEPTHS:
            construct, counting = describing(prologue, variables, iris, rest, depth)
            triples = self._triples(construct, lambda c=counting: c, dataset)  # type: ignore[misc]
            if len(triples) == len(known) or not any(isinstance(t.object, ox.BlankNode) for t in triples):
                return triples
            known = triples
        raise TooLargeError("the description is nested too deep; ask with CONSTRUCT.", "描述嵌套过深；请改用 CONSTRUCT。")

    def _triples(self, construct: str, counting: Callable[[], str], dataset: Dataset | None) -> list[ox.Triple]:
        if self.endpoint.engine is VIRTUOSO:  # it cuts graphs without a sign, but tables with one
            self.ask(counting(), JSON, dataset)
        body = self.ask(construct, N_TRIPLES, dataset)
        triples: dict[ox.Triple, None] = {}
        try:
            for quad in ox.parse(body, format=ox.RdfFormat.N_TRIPLES):
                triples[ox.Triple(quad.subject, quad.predicate, quad.object)] = None
                if len(triples) > self.limits.rows and self.limits.on("rows"):
                    raise rows_error(self.limits)
        except (SyntaxError, ValueError) as e:
            raise _broken() from e
        return list(triples)


def _graph(triples: Sequence[ox.Triple], chosen: Format) -> bytes:
    assert isinstance(chosen.engine, ox.RdfFormat)
    return ox.serialize(triples, format=chosen.engine) or b""


def _boolean(value: bool, chosen: Format) -> bytes:
    raw = b'{"head":{},"boolean":true}' if value else b'{"head":{},"boolean":false}'
    results = ox.parse_query_results(raw, format=ox.QueryResultsFormat.JSON)
    assert isinstance(results, ox.QueryBoolean)
    assert isinstance(chosen.engine, ox.QueryResultsFormat)
    return results.serialize(format=chosen.engine) or b""


def _table(body: bytes, accept: str, chosen: Format, limits: Limits, exact: bool) -> bytes:
    """The bytes as they came, if they are whole and in the chosen format; else written anew."""
    assert isinstance(chosen.engine, ox.QueryResultsFormat)
    came = ox.QueryResultsFormat.from_media_type(accept)
    assert came is not None
    try:
        if limits.on("rows") and len(body) > 3 * limits.rows and _rows(body, came) > limits.rows:
            raise rows_error(limits)
        if exact and accept == chosen.media_type:
            if not _whole(body, came):
                raise _broken()
            return body
        results = ox.parse_query_results(body, format=came)
        if not isinstance(results, ox.QuerySolutions):
            raise _broken()
        return results.serialize(format=chosen.engine) or b""
    except (SyntaxError, ValueError) as e:
        raise _broken() from e


def _rows(body: bytes, came: ox.QueryResultsFormat) -> int:
    results = ox.parse_query_results(body, format=came)
    return sum(1 for _ in results) if isinstance(results, ox.QuerySolutions) else 0


_JSON_END, _XML_END = re.compile(rb"\]\s*\}\s*\}\s*\Z"), re.compile(rb"</sparql\s*>\s*\Z")


def _whole(body: bytes, came: ox.QueryResultsFormat) -> bool:
    """
    Whether a document ends where it should, for engines that end a cut answer without an error.

    XML's last tag can stand nowhere else, since a literal cannot hold `<`; JSON's last brackets can stand inside a string, so the quotes
    are counted too.
    """
    if came == ox.QueryResultsFormat.XML:
        return bool(_XML_END.search(body[-64:]))
    return bool(_JSON_END.search(body[-64:])) and re.sub(rb"\\.", b"", body).count(b'"') % 2 == 0


def _sound(iri: str) -> bool:
    try:
        ox.NamedNode(iri)
    except ValueError:
        return False
    return True


def _broken() -> EngineError:
    return EngineError("the engine behind this service sent an answer that is cut or damaged.", "后端引擎返回的结果被截断或已损坏。")
