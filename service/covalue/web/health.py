"""Whether the service lives and is ready, and its metrics: for supervisors and operators."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response

from covalue.errors import CovalueError, StoreError
from covalue.formats import Shape, by_name
from covalue.stores import Request
from covalue.stores.limits import DeadlineError, OverloadedError
from covalue.web import problems
from covalue.web.metrics import CONTENT_TYPE
from covalue.web.service import Service

TEXT = "text/plain; charset=utf-8"


def live() -> Response:
    """The process answers."""
    return _plain("live\n")


def ready(service: Service) -> Callable[[], Response]:
    """
    The store answers too; one that is busy is ready, or a crowd would take every copy of the service away at once.

    The time is in the question so that no cache answers it.
    """
    json = by_name("json", Shape.BOOLEAN)

    def view() -> Response:
        assert json is not None
        try:
            service.store.answer(Request("ASK { BIND(NOW() AS ?now) }"), lambda _: json)
        except OverloadedError:
            return _plain("busy\n")
        except DeadlineError:
            return problems.own(StoreError("the store does not answer in time.", "存储未在限时内应答。"))
        except CovalueError as e:
            return problems.own(StoreError(e.en, e.zh))  # 503, whatever the fault would be of a query
        return _plain("ready\n")

    return view


def metrics(service: Service) -> Callable[[], Response]:
    """All counts."""

    def view() -> Response:
        counts: dict[str, int] = dict(getattr(service.store, "counts", dict)())
        if service.repeats:
            counts |= service.repeats.counts()
        return _plain(service.metrics.text(service.store.version, counts), CONTENT_TYPE)

    return view


def _plain(text: str, kind: str = TEXT) -> Response:
    return Response(text, content_type=kind, headers={"Cache-Control": "no-store"})
