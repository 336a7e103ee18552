"""The application, made from a ready store; nothing is looked up from the air."""

from __future__ import annotations

from flask import Flask, Response

from covalue.stores import Store
from covalue.web import problems, protocol

MAX_BODY = 1_000_000


def create_app(store: Store) -> Flask:
    """
    A Flask application that answers SPARQL from a store.

    Args:
        store: opened and immutable; shared by all requests.
    """
    app = Flask("covalue.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.url_map.strict_slashes = False
    app.add_url_rule("/sparql", "sparql", protocol.view(store), methods=["GET", "HEAD", "POST", "OPTIONS"], provide_automatic_options=False)
    app.add_url_rule("/health", "health", lambda: Response("ok\n", content_type="text/plain; charset=utf-8"))
    app.add_url_rule("/", "start", lambda: Response(_start(store), content_type="text/plain; charset=utf-8"))
    problems.register(app)
    app.after_request(_headers)
    return app


def _start(store: Store) -> str:
    return (
        "covalue: value co-creation and business models as a queryable graph.\n价值共创与商业模式的可查询知识图谱。\n\n"
        "Ask in SPARQL at /sparql?query=… (GET, or POST as a form or as application/sparql-query).\n"
        "请以 SPARQL 查询 /sparql?query=…（GET，或以表单、application/sparql-query 方式 POST）。\n\n"
        f"dataset 数据集 {store.version[:16]}\n"
    )


def _headers(response: Response) -> Response:
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Vary", "Accept")
    return response
