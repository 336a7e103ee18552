"""The application, made from a ready store; nothing is looked up from the air."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from covalue.questions import Answers, Library
from covalue.stores import Store
from covalue.stores.cache import CachedStore
from covalue.stores.streaming import Streaming
from covalue.web import (
    access,
    addresses,
    always,
    assets,
    crawlers,
    discovery,
    editor,
    graph_store,
    health,
    linked_data,
    nanopubs,
    plain,
    problems,
    protocol,
    repeats,
    search,
    start,
    validators,
    versions,
)
from covalue.web.ask import ask_blueprint
from covalue.web.cases import cases_blueprint
from covalue.web.languages import keep
from covalue.web.lenses import lenses_blueprint
from covalue.web.metrics import Metrics
from covalue.web.questions import question_views, questions_blueprint
from covalue.web.service import Service

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MAX_BODY = 1_000_000


def create_app(store: Store, library: Library | None = None, *, proxies: int = 0, metrics: Metrics | None = None) -> Flask:
    """
    A Flask application that answers SPARQL from a store, and all that stands around it.

    Args:
        store: opened and immutable; shared by all requests.
        library: the named questions; without, there are only SPARQL and linked data.
        proxies: how many proxies of the operator stand before the service; only that many may say by which address it was reached.
        metrics: where requests are counted; an application that follows another one counts on.
    """
    app = Flask("covalue.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    service = Service(store, library, metrics)
    app.extensions["covalue"] = service
    search.register(app, service)
    crawlers.register(app, service)
    app.register_blueprint(lenses_blueprint(service))
    app.register_blueprint(nanopubs.blueprint(service))
    _add_routes(app, service, library)
    if library is not None:
        views = question_views(Answers(store, library), service)
        app.register_blueprint(questions_blueprint(views))
        app.register_blueprint(ask_blueprint(views))
        app.register_blueprint(cases_blueprint(views))
    problems.register(app)
    app.before_request(_before)
    app.after_request(keep)
    app.after_request(versions.named(store))
    app.after_request(_if_match)
    app.wsgi_app = access.Access(_quick(app, service), service.metrics)  # type: ignore[method-assign]
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies, x_prefix=proxies)  # type: ignore[method-assign]
    return app


def _quick(app: Flask, service: Service) -> WSGIApplication:
    """What is quicker done before Flask; where the operator lets answers be kept at all, they are kept as they were sent too."""
    store = service.store
    inner = plain.Plain(app.wsgi_app, cast(Streaming, store)) if hasattr(store, "stream") else app.wsgi_app
    if not isinstance(store, CachedStore):
        return inner
    service.repeats = repeats.Repeats(inner, lambda: store.version)
    return service.repeats


def _add_routes(app: Flask, service: Service, library: Library | None) -> None:
    void = discovery.void_view(service)
    app.add_url_rule("/sparql", "sparql", protocol.view(service.store, discovery.describe(service)), methods=protocol.METHODS)
    app.add_url_rule("/graph-store", "graph-store", graph_store.view(service), methods=[*graph_store.READING, *graph_store.WRITING])
    app.add_url_rule("/.well-known/void", "void", void)
    app.add_url_rule("/dataset", "dataset", void)
    app.add_url_rule(f"/dataset.<any({', '.join(map(repr, (*discovery.EXTENSIONS, 'html')))}):extension>", "dataset-file", void)
    app.add_url_rule("/health", "health", health.ready(service))
    app.add_url_rule("/health/live", "live", health.live)
    app.add_url_rule("/health/ready", "ready", health.ready(service))
    app.add_url_rule("/metrics", "metrics", health.metrics(service))
    editor.register(app, service, library, always.POLICY)
    app.add_url_rule("/static/<path:path>", "static", assets.view)
    app.add_url_rule("/", "start", start.view(service, library))
    app.add_url_rule("/<path:path>", "linked-data", linked_data.view(service, graph_store.content))


def _before() -> Response | None:
    endpoint = request.endpoint
    request.environ["covalue.route"] = endpoint or "none"
    addresses.check_host()
    if request.environ["REQUEST_METHOD"] == "OPTIONS" and endpoint is not None:
        return _options()
    return None


def _if_match(response: Response) -> Response:
    """What the client does not want as it is now, it does not get; another status than success says more than that."""
    if not validators.fails(response.status_code, response.headers.get("ETag")):
        return response
    response.close()
    return problems.problem(412, "Precondition failed", *problems.SENTENCES[412])


def _options() -> Response:
    """For preflights of browsers, and for who asks what may be done here."""
    rule = request.url_rule
    methods = graph_store.READING if request.endpoint == "graph-store" else sorted((rule.methods if rule else None) or ())
    response = Response(status=204)
    response.headers["Allow"] = response.headers["Access-Control-Allow-Methods"] = ", ".join(methods)
    response.headers["Access-Control-Allow-Headers"] = "*, Accept, Accept-Language, Authorization, Content-Type, If-Match, If-None-Match, User-Agent, X-Requested-With"
    response.headers["Access-Control-Max-Age"] = "86400"
    response.headers["Cache-Control"] = "no-store"
    del response.headers["Content-Type"]
    return response
