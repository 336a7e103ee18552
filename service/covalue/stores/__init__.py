"""
Stores answer queries. The contract is one method, so that a backend is one module that passes the contract tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from covalue.formats import Format, Shape


@dataclass(frozen=True)
class Request:
    """
    A query and the dataset that it asks of.

    `default_graphs` and `named_graphs` are the protocol's dataset; both None means the store's own dataset, or what FROM says.
    `grown` is by how many bytes tables that are not of who asks have made the text longer: they do not count against them.
    """

    text: str
    default_graphs: tuple[str, ...] | None = None
    named_graphs: tuple[str, ...] | None = None
    grown: int = 0


@dataclass(frozen=True)
class Answer:
    """A whole, serialised answer: what it is, in which format, and its bytes."""

    shape: Shape
    format: Format
    body: bytes


Pick = Callable[[Shape], Format]


class Store(Protocol):
    """What every backend gives."""

    @property
    def version(self) -> str:
        """What names the state of the data: equal versions mean equal answers."""

    def answer(self, request: Request, pick: Pick) -> Answer:
        """
        The answer, in the format that `pick` chooses once the shape is known.

        Raises:
            QueryError: the text is not one SPARQL query.
            RefusedError: it is an update, or would reach out of the store.
            FormatError: raised by `pick`, passed on.
            StoreError: the engine failed.
        """

    def graphs(self) -> Sequence[str]:
        """The IRIs of the named graphs, sorted."""
