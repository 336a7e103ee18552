"""Every answer out of the dataset says which version of it that is: who has saved a table or a graph can cite it, and sees when the data have changed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from flask import Response, request

from covalue.errors import CovalueError
from covalue.stores import Store

HEADER = "Covalue-Dataset"
OTHERS = frozenset({None, "health", "live", "ready", "metrics", "static", "robots"})
"""What answers to these names is not out of the dataset."""


def named(store: Store) -> Callable[[Response], Response]:
    """What is done to each response before it is sent; what is said already stays."""

    def after(response: Response) -> Response:
        if request.endpoint in OTHERS or request.method == "OPTIONS" or response.status_code >= 400:
            return response
        with suppress(CovalueError):  # an engine behind that cannot say its version has answered all the same
            response.headers.setdefault(HEADER, store.version)
        return response

    return after
