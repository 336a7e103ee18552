"""The WSGI server that carries the application: waitress."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any

from flask import Flask
from waitress.server import create_server

from covalue.errors import StoreError
from covalue.questions import Library
from covalue.stores import Store
from covalue.web.access import JsonLines
from covalue.web.app import MAX_BODY, create_app

OUTGOING = 1 << 30
"""Bytes of one answer that may wait for a slow client outside of the threads (beyond a megabyte in a file), so that none is held by it."""


def run(store: Store, host: str, port: int, threads: int, *, library: Library | None = None, proxies: int = 0, access_log: bool = False) -> None:
    """
    Serves until interrupted; the address is printed to stderr once requests are taken.

    Args:
        store: what is served.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        threads: requests answered at the same time.
        library: the named questions.
        proxies: how many proxies stand before the service; see `create_app`.
        access_log: whether each request is written to stderr as a line of JSON.

    Raises:
        StoreError: the address cannot be listened on.
    """
    app = create_app(store, library, proxies=proxies)
    server = listen(app, host, port, threads, proxies=proxies)
    if access_log:
        _log_to_stderr()
    threading.Thread(target=app.extensions["covalue"].measured.statistics, daemon=True).start()  # so that no client waits for the counts
    actual = getattr(server, "effective_port", port)
    print(f"covalue serves http://{host}:{actual}/ - SPARQL at http://{host}:{actual}/sparql (Ctrl-C ends it)", file=sys.stderr, flush=True)
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()


def listen(app: Flask, host: str, port: int, threads: int, *, proxies: int = 0) -> Any:
    """
    A server that listens; its `run` takes requests.

    Raises:
        StoreError: the address cannot be listened on.
    """
    try:
        return create_server(
            app,
            host=host,
            port=port,
            threads=threads,
            ident="covalue",
            clear_untrusted_proxy_headers=not proxies,
            channel_request_lookahead=1,  # lets a query see that its client has gone
            max_request_body_size=4 * MAX_BODY,  # the application refuses in its own words from MAX_BODY on
            outbuf_high_watermark=OUTGOING,
            connection_limit=1000,
            channel_timeout=60,
        )
    except OSError as e:
        raise StoreError(
            f"cannot listen on {host}:{port}: {e.strerror or e}; choose another port with --port.",
            f"无法监听 {host}:{port}：{e.strerror or e}；请用 --port 另选端口。",
        ) from e


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("covalue.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
