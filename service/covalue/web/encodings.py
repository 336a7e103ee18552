"""
Content codings: chosen by Accept-Encoding (RFC 9110, section 12.5.3), and applied piece by piece.

Brotli is preferred where the client takes it, as browsers do, and zstd before it where Python has it (3.14).
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Protocol

import brotli

from covalue.formats import parse_accept
from covalue.web.cuts import CutError

SMALLEST = 600
"""Bytes below which coding is not worth its while."""
QUALITY = 4
"""Of brotli: as quick as gzip at its 5, and shorter."""
IDENTITY = "identity"


class Coder(Protocol):
    """Takes pieces, gives coded pieces."""

    def compress(self, data: bytes, /) -> bytes:
        """Some coded bytes, perhaps none yet."""

    def flush(self) -> bytes:
        """The rest."""

    def sync(self) -> bytes:
        """What there is so far: a client that has all up to here can read all that was put in."""


class _Gzip:
    def __init__(self) -> None:
        self._coder = zlib.compressobj(5, zlib.DEFLATED, 31)
        self.compress, self.flush = self._coder.compress, self._coder.flush

    def sync(self) -> bytes:
        return self._coder.flush(zlib.Z_SYNC_FLUSH)


class _Zstd:
    def __init__(self, module: Any) -> None:
        self._coder = module.ZstdCompressor()
        self._block = self._coder.FLUSH_BLOCK
        self.compress, self.flush = self._coder.compress, self._coder.flush

    def sync(self) -> bytes:
        return bytes(self._coder.flush(self._block))


class _Brotli:
    def __init__(self) -> None:
        self._coder = brotli.Compressor(quality=QUALITY)

    def compress(self, data: bytes, /) -> bytes:
        return bytes(self._coder.process(data))

    def flush(self) -> bytes:
        return bytes(self._coder.finish())

    def sync(self) -> bytes:
        return bytes(self._coder.flush())


def _codings() -> dict[str, Callable[[], Coder]]:
    """The codings that can be made here, the best first."""
    out: dict[str, Callable[[], Coder]] = {}
    if sys.version_info >= (3, 14):
        from compression import zstd

        out["zstd"] = lambda: _Zstd(zstd)
    return {**out, "br": _Brotli, "gzip": _Gzip}


CODINGS = _codings()


IF_CUT = sorted(CODINGS, key="br".__eq__)
"""The same for answers whose end may be missing: readers of brotli then keep back what was sent before."""


@lru_cache(maxsize=256)
def choose_coding(header: str, small: bool = False, may_be_cut: bool = False) -> str | None:
    """
    The coding for an answer; `identity` means none, and None that the client takes nothing that we have.

    Args:
        header: the Accept-Encoding header.
        small: whether the answer is too short to gain by a coding.
        may_be_cut: whether it is sent before it is whole.

    >>> choose_coding("gzip;q=0.5, identity;q=0")
    'gzip'
    >>> choose_coding("")
    'identity'
    """
    ranges = {kind.removeprefix("x-"): quality for kind, quality in parse_accept(header)}
    anything = ranges.get("*")
    plain = ranges.get(IDENTITY, anything)
    if small and plain != 0:
        return IDENTITY
    quality, _, name = max((ranges.get(name, anything or 0.0), -i, name) for i, name in enumerate(IF_CUT if may_be_cut else CODINGS))
    if quality > 0 and quality >= (ranges.get(IDENTITY) or 0.0):
        return name
    return None if plain == 0 else IDENTITY


def encode(chunks: Iterable[bytes], coding: str, *, early: bool = False) -> Iterator[bytes]:
    """
    The pieces of a text in a coding.

    Args:
        early: whether the first piece is to be readable before the next one comes.

    Raises:
        CutError: as raised by the pieces, coded; all that was put in is there (see `IF_CUT`), and the coding has no end.
    """
    coder = CODINGS[coding]()
    try:
        for chunk in chunks:
            coded = coder.compress(chunk)
            if early:
                coded, early = coded + coder.sync(), False
            if coded:
                yield coded
    except CutError as e:
        raise CutError(coder.compress(e.last) + coder.sync()) from e
    yield coder.flush()
