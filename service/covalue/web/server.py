"""The WSGI server that carries the application: waitress."""

from __future__ import annotations

import sys

from waitress.server import create_server

from covalue.errors import StoreError
from covalue.stores import Store
from covalue.web.app import create_app


def run(store: Store, host: str, port: int, threads: int) -> None:
    """
    Serves until interrupted; the address is printed to stderr once requests are taken.

    Raises:
        StoreError: the address cannot be listened on.
    """
    try:
        server = create_server(create_app(store), host=host, port=port, threads=threads, ident="covalue")
    except OSError as e:
        raise StoreError(
            f"cannot listen on {host}:{port}: {e.strerror or e}; choose another port with --port.",
            f"无法监听 {host}:{port}：{e.strerror or e}；请用 --port 另选端口。",
        ) from e
    actual = getattr(server, "effective_port", port)
    print(f"covalue serves http://{host}:{actual}/ - SPARQL at http://{host}:{actual}/sparql (Ctrl-C ends it)", file=sys.stderr, flush=True)
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
