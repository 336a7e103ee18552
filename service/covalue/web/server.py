"""The WSGI server that carries the application: waitress."""

from __future__ import annotations

import _thread
import gc
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Flask
from waitress.server import create_server

from covalue.errors import StoreError
from covalue.questions import Library
from covalue.stores.sources import Opened, Source
from covalue.web import logs
from covalue.web.app import MAX_BODY, create_app
from covalue.web.connections import Crowd, Patience, room_for_files, watch
from covalue.web.front import Front
from covalue.web.metrics import Metrics
from covalue.web.processor import stay_on_one_processor

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

OUTGOING = 1 << 30
"""Bytes of one answer that may wait for a slow client outside of the threads (beyond a megabyte in a file), so that none is held by it."""
YOUNG = 10_000
"""Objects made since the last look for garbage, from which on there is another one; a request makes some hundred, and hardly one that is in a cycle."""
DRAIN_SECONDS = 15.0
"""Longest wait for requests that are in when the service is told to end (SIGTERM)."""


def run(
    source: Source,
    host: str,
    port: int,
    threads: int,
    *,
    library: Callable[[], Library] | None = None,
    proxies: int = 0,
    access_log: bool = False,
) -> None:
    """
    Serves until interrupted; the address is printed to stderr once requests are taken. What is then put in place of the data is served
    from then on.

    Args:
        source: what is served.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        threads: requests answered at the same time.
        library: gives the named questions.
        proxies: how many proxies stand before the service; see `create_app`.
        access_log: whether each request is written to stderr as a line of JSON.

    Raises:
        CovalueError: the source cannot be opened, or the address cannot be listened on.
    """
    logs.to_stderr(access_log)
    metrics = Metrics()
    serves = threading.Event()

    def make(store: Opened) -> WSGIApplication:
        app = create_app(store, library() if library else None, proxies=proxies, metrics=metrics)
        warming = threading.Thread(target=_warm, args=(app,), daemon=True)  # so that no client waits for counts and names
        warming.start()
        if serves.is_set():
            warming.join()  # the data before these are served meanwhile
        return app

    front = Front(source, make)
    serves.set()
    try:
        _serve(front, host, port, threads, proxies)
    finally:
        front.close()


def _warm(app: Flask) -> None:
    """Then what the application holds is no more looked through by the collector of garbage, which comes by every few requests."""
    held = gc.get_freeze_count()
    app.extensions["covalue"].warm()
    if held:  # of an application before this one; else there is nothing to find, and with a million names that takes seconds in which no request is answered
        gc.unfreeze()
        gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)


def _serve(front: Front, host: str, port: int, threads: int, proxies: int) -> None:
    room_for_files(4096)
    threading.Thread(target=front.watch, daemon=True).start()
    stay_on_one_processor()
    server = listen(front, host, port, threads, proxies=proxies)
    signal.signal(signal.SIGTERM, _Ending(server, front))
    actual = getattr(server, "effective_port", port)
    print(f"covalue serves http://{host}:{actual}/ - SPARQL at http://{host}:{actual}/sparql (Ctrl-C ends it)", file=sys.stderr, flush=True)
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()


class _Ending:
    """
    What SIGTERM does: no more connections are taken, and the main thread ends once no request is in. So no answer is cut by a restart.

    A second one ends it at once.
    """

    def __init__(self, server: Any, front: Front) -> None:
        self._server, self._front = server, front
        self._told = False

    def __call__(self, *_: object) -> None:
        if self._told:
            raise SystemExit
        self._told = True
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        self._server.accepting = False
        end = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < end and not self._front.idle():
            time.sleep(0.05)
        time.sleep(0.2)  # the last bytes are on their way
        _thread.interrupt_main(signal.SIGTERM)


def listen(app: WSGIApplication, host: str, port: int, threads: int, *, proxies: int = 0, patience: Patience | None = None) -> Any:
    """
    A server that listens; its `run` takes requests.

    Args:
        patience: what clients may do with connections; None for the usual.

    Raises:
        StoreError: the address cannot be listened on.
    """
    patience = patience or Patience()
    try:
        server = create_server(
            app,
            host=host,
            port=port,
            threads=threads,
            ident="covalue",
            clear_untrusted_proxy_headers=not proxies,
            channel_request_lookahead=1,  # lets a query see that its client has gone
            max_request_body_size=4 * MAX_BODY,  # the application refuses in its own words from MAX_BODY on
            outbuf_high_watermark=OUTGOING,
            connection_limit=patience.connections,
            cleanup_interval=patience.sweep_seconds,
            asyncore_use_poll=hasattr(select, "poll"),  # select() ends the whole server at a socket of number 1024
        )
    except OSError as e:
        raise StoreError(
            f"cannot listen on {host}:{port}: {e.strerror or e}; choose another port with --port.",
            f"无法监听 {host}:{port}：{e.strerror or e}；请用 --port 另选端口。",
        ) from e
    watch(server, Crowd(patience, proxies))
    return server
