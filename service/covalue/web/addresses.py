"""
The addresses of this service as a client sees them, behind any number of proxies that the operator has named.

Headers of forwarding are honoured only from that many proxies (`X-Forwarded-For`, `-Proto`, `-Host`, `-Prefix`, counted from the
right); what is then the host is judged before it gets into any answer.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from flask import request
from werkzeug.exceptions import BadRequest

from covalue.names import BASE

HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
PATH_SAFE = "/-._~!$&'()*+,;=:@"
TARGET = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
"""What stands before the path in the target of a request in absolute form."""


def check_host() -> None:
    """
    Raises:
        BadRequest: the Host header is not a host name or address with an optional port, or is missing where it must be (RFC 9112, section 3.2).
    """
    environ = request.environ
    host = environ.get("HTTP_HOST")
    if environ.get("SERVER_PROTOCOL") == "HTTP/1.1" and not host:
        raise BadRequest("Host")
    if not HOST.fullmatch(host or request.host):
        raise BadRequest("Host")


def base() -> str:
    """The address of the service's root, with a slash at its end."""
    scheme = request.scheme if request.scheme in ("http", "https") else "http"
    return f"{scheme}://{request.host}{prefix()}/"


def prefix() -> str:
    """The path under which a proxy has put the service; empty, or with a slash at its start only."""
    return _prefix(request.script_root)


@lru_cache(maxsize=64)
def _prefix(root: str) -> str:
    path = "/".join(part for part in root.split("/") if part) if root else ""
    return quote(f"/{path}", safe=PATH_SAFE) if path else ""


def local(path: str) -> str:
    """The path of a page of this service, for links and redirects."""
    return prefixed(request.script_root, path)


@lru_cache(maxsize=1024)
def prefixed(root: str, path: str) -> str:
    """`local`, where a proxy has put the service under `root`."""
    return f"{_prefix(root)}/{quote(path.lstrip('/'), safe=PATH_SAFE + '%')}"


def sent() -> str:
    """
    The path of the request below the root of the service, without a slash at its start, percent-encoded as it was sent: `a%2Fb` is another than `a/b`, and
    only there are they told apart. Where nobody knows how it was sent, as it would be.
    """
    environ = request.environ
    path = environ.get("PATH_INFO", "")
    raw = TARGET.sub("", environ.get("REQUEST_URI", "")).partition("?")[0]
    if unquote_to_bytes(raw).decode("latin-1") != path:
        raw = path.encode("latin-1")
    return quote(raw, safe=PATH_SAFE + ("%" if isinstance(raw, str) else "")).lstrip("/")


def here() -> str:
    """The address of the page that is asked for, without its query, for links on it."""
    return local(sent())


def link(iri: str) -> str | None:
    """
    Where an IRI leads: our own ones to this server, those of the web to themselves, others nowhere.

    A term of the ontology has a page of its own beside its place in the document of the whole.
    """
    if iri.startswith(BASE):
        path, hash_mark, fragment = iri[len(BASE) :].partition("#")
        if path == "ontology" and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", fragment):
            return local(f"ontology/{fragment}")
        return local(path) + (hash_mark + quote(fragment, safe=PATH_SAFE + "%") if fragment else "")
    return iri if re.match(r"https?://", iri) else None


@lru_cache(maxsize=1024)
def network(text: str) -> str:
    """Who asks from an address, for limits: the address itself; of IPv6 the network of 64 bits, since one host owns all of it."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((address, 64), strict=False))
    return text
