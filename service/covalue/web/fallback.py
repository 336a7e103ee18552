"""What a page does where the store fails: it has a gap there, and all else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from covalue.errors import CovalueError

T = TypeVar("T")


def or_else(make: Callable[[], T], otherwise: T) -> T:
    """What is made, or something else where the store fails: a page with a gap is better than none."""
    try:
        return make()
    except CovalueError:
        return otherwise
