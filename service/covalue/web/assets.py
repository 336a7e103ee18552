"""
Files for browsers: style sheets, scripts, pictures, and what the build fetched of others (`static/built/`, absent in a bare checkout).

An address holds a digest of the file's bytes, so that a browser keeps it for a year and yet never shows an old one; without the digest the
file is asked for anew by its tag. Texts leave compressed for who takes that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flask import Response, request
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from covalue.web import addresses, answers
from covalue.web.answers import REVALIDATE
from covalue.web.encodings import IDENTITY, SMALLEST, encode
from covalue.web.validators import client_has, with_coding

FOLDER = Path(__file__).resolve().parent / "static"
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".png": "image/png",
}
"""The only files that are served, and as what."""
PACKED = frozenset({".png"})
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """A file as it is on the disk now."""

    data: bytes
    kind: str
    digest: str
    packed: bool


def address(path: str) -> str:
    """The address of a file under `static/`, with its digest; without one where there is no such file."""
    found = _find(path)
    return addresses.local(f"static/{path}") + (f"?v={found.digest[:12]}" if found else "")


def present(path: str) -> bool:
    """Whether a file is there."""
    return _find(path) is not None


def view(path: str) -> Response:
    """
    A file.

    Raises:
        NotFound: there is none under this name, or of no kind that is served.
    """
    found = _find(path)
    if found is None:
        raise NotFound
    coding = IDENTITY if found.packed else answers.coding(request.environ, small=len(found.data) < SMALLEST)
    fresh = request.args.get("v") == found.digest[:12]
    held = client_has(found.digest[:32], (coding, IDENTITY))
    headers = {"Cache-Control": FOR_EVER if fresh else REVALIDATE, "ETag": f'"{held or with_coding(found.digest[:32], coding)}"', "Vary": "Accept-Encoding"}
    if held:
        return Response(status=304, headers=headers)
    if coding != IDENTITY:
        headers["Content-Encoding"] = coding
    return Response(_coded(path, found.digest, coding) if coding != IDENTITY else found.data, content_type=found.kind, headers=headers)


def _find(path: str) -> Asset | None:
    kind = KINDS.get(Path(path).suffix)
    joined = safe_join(str(FOLDER), path)
    if kind is None or joined is None:
        return None
    try:
        stamp = Path(joined).stat()
        return _read(joined, stamp.st_mtime_ns, stamp.st_size)
    except (OSError, ValueError):  # no file, or a name that none can have
        return None


@lru_cache(maxsize=256)
def _read(path: str, _time: int, _size: int) -> Asset:
    data = Path(path).read_bytes()
    suffix = Path(path).suffix
    return Asset(data, KINDS[suffix], hashlib.sha256(data).hexdigest(), suffix in PACKED)


@lru_cache(maxsize=256)
def _coded(path: str, _digest: str, coding: str) -> bytes:
    found = _find(path)
    return b"".join(encode((found.data,), coding)) if found else b""
