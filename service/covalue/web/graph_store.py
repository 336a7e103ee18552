"""
The SPARQL 1.1 Graph Store HTTP Protocol for reading (W3C 2013, section 5): the default graph (`?default`) or a named one (`?graph=IRI`),
whole, in any format for one graph. Writing is refused: the data are built elsewhere.

A named graph whose IRI is ours answers at its own path too (section 4.1, direct identification; see `linked_data`).
"""

from __future__ import annotations

from collections.abc import Callable

import pyoxigraph as ox
from flask import Response, request

from covalue.errors import InputError
from covalue.formats import PAGES, Format
from covalue.names import PREFIXES
from covalue.stores import Request
from covalue.web import answers, flowing, pages, problems, validators
from covalue.web.discovery import wanted_format
from covalue.web.languages import language
from covalue.web.linked_data import nearest
from covalue.web.problems import UnknownError
from covalue.web.protocol import about, parameters
from covalue.web.service import Service

READING = ["GET", "HEAD", "OPTIONS"]
WRITING = ["PUT", "POST", "DELETE", "PATCH"]


def view(service: Service) -> Callable[[], Response]:
    """The view of the graph store; registered for all methods, so that a writer is told why."""

    def graph_store() -> Response:
        if request.method in WRITING:
            return _refusal()
        graph = asked_graph()
        if graph is not None and graph not in service.store.graphs():
            raise UnknownError(f"there is no named graph <{graph}>.", f"没有命名图 <{graph}>。", nearest(graph, service.store.graphs()))
        return content(service, graph)

    return graph_store


def _refusal() -> Response:
    response = problems.problem(405, "Method Not Allowed", "this graph store is read-only: writing is refused.", "本图存储只读：拒绝写入。")
    response.headers["Allow"] = ", ".join(READING)
    return response


def asked_graph() -> str | None:
    """
    The named graph that the request asks for; None for the default graph.

    Raises:
        InputError: not exactly one graph is named, or not by an absolute IRI.
    """
    pairs = parameters()
    graphs = [v for n, v in pairs if n == "graph"]
    default = any(n == "default" for n, _ in pairs)
    if len(graphs) + default != 1:
        raise InputError("name one graph: ?default or ?graph= with its IRI.", "请指明一个图：?default 或 ?graph= 加其 IRI。")
    if default:
        return None
    try:
        return ox.NamedNode(graphs[0]).value
    except ValueError as e:
        raise InputError("a graph is named by an absolute IRI.", "图名须为绝对 IRI。") from e


def content(service: Service, graph: str | None, extension: str | None = None) -> Response:
    """
    The statements of a graph.

    Args:
        graph: names one that exists; None for the default graph.
        extension: of a file, says the format in place of header and parameters.
    """
    chosen, download = wanted_format(extension)
    opaque = validators.tag(service.store.version, "graph", graph, chosen.extension, language() if chosen in PAGES else "")
    response = answers.held(opaque, chosen) or _fresh(service, graph, chosen, opaque)
    response.headers.update(about(service.store, request.script_root))
    if download and chosen not in PAGES:
        answers.as_download(response, "-".join(("covalue", *(graph or "default").removeprefix(PREFIXES["graph"]).split("/"))), chosen)
    return response


def _fresh(service: Service, graph: str | None, chosen: Format, opaque: str) -> Response:
    query = f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ {f'GRAPH <{graph}>' if graph else ''} {{ ?s ?p ?o }} }}"
    shape, _, body = answers.evaluate(service.store, Request(query), lambda _: chosen, flowing.early(request.environ))
    if chosen in PAGES:
        return pages.result(shape, chosen, body, opaque, query, service.store.version)
    return answers.send(flowing.guarded(answers.prepared(body, chosen), request.environ), chosen, opaque)
