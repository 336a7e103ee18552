"""
The way out, for SERVICE: only to endpoints that the operator has listed, only to addresses that were looked at, and never for long.

A host is resolved here, every address that it has is judged, and the connection goes to the very address that was judged, so a name
that changes its mind in between (DNS rebinding) gains nothing. An address that is not of the open internet (loopback, private, link-local,
of the cloud's own services) is called only where the operator has written it: as the host of the entry, or behind an `@`. Redirects are
not followed; there is one deadline from the first look at the name to the last byte, and a limit on the length of the answer.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import pyoxigraph as ox

from covalue import __version__
from covalue.errors import CovalueError, RefusedError, SettingError, StoreError
from covalue.stores.limits import MB, Cancel, CancelledError, DeadlineError, OverloadedError, TooLargeError
from covalue.stores.wire import Wire, address

JSON = "application/sparql-results+json"
DEEPEST = 8
"""Levels of triple terms in an answer of others."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
Row = dict[str, Term]


class GatewayError(StoreError):
    """An endpoint that a query calls failed: it cannot be reached, redirects, or answers with nonsense (HTTP 502)."""


@dataclass(frozen=True)
class Allowed:
    """
    An entry of the operator's list.

    `path` stands for itself, or with a slash at its end for all below it. `networks` are the addresses that may be called though they
    are not of the open internet; empty means that none may.
    """

    scheme: str
    host: str
    port: int
    path: str
    networks: tuple[Network, ...]

    @classmethod
    def read(cls, entry: str) -> Allowed:
        """
        `URL`, or `URL@NETWORK[,NETWORK…]` for a name that leads to addresses of one's own network.

        Raises:
            SettingError: this is no such entry.

        >>> Allowed.read("http://10.0.0.7:3030/ds/sparql").networks
        (IPv4Network('10.0.0.7/32'),)
        """
        url, _, stated = entry.partition("@")
        networks = _networks(stated) if stated else ()
        if networks is None:
            raise SettingError(f'behind @ in "{entry}" stands no network, such as 10.0.0.7 or 10.0.0.0/8.', f"“{entry}”中 @ 之后应为网络地址，如 10.0.0.7 或 10.0.0.0/8。")
        parts = address(url)
        if parts.fragment:
            raise SettingError(f'"{entry}" has a fragment, which no endpoint has.', f"“{entry}”含有片段标识，而端点地址不应有。")
        host = (parts.hostname or "").rstrip(".").lower()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, host, _port(parts.scheme, parts.port), path, (*networks, *_own(host)))

    def takes(self, scheme: str, host: str, port: int, path: str) -> bool:
        """Whether an address is this entry's."""
        inside = path.startswith(self.path) if self.path.endswith("/") else path == self.path
        return (scheme, host, port) == (self.scheme, self.host, self.port) and inside and "/../" not in f"{path}/" and "/./" not in f"{path}/"


def _port(scheme: str, port: int | None) -> int:
    return port or (443 if scheme == "https" else 80)


def _networks(text: str) -> tuple[Network, ...] | None:
    try:
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(","))
    except ValueError:
        return None


def _own(host: str) -> tuple[Network, ...]:
    """The addresses that a host names by itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")
    return _networks(host) or ()


@dataclass(frozen=True)
class Reach:
    """What one call may take."""

    seconds: float = 5.0
    bytes: int = 8 * MB
    rows: int = 10_000
    places: int = 4
    """Queries with SERVICE that are under way at the same time."""
    each: int = 2
    """The same for one client."""
    off: frozenset[str] = frozenset()
    """Guards taken away, by name: for tests that show what each is for."""


def resolve(host: str, port: int) -> Sequence[str]:
    """All addresses of a host."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Outward:
    """Calls listed endpoints; safe for several threads."""

    def __init__(self, entries: Iterable[str], reach: Reach | None = None, *, resolver: Resolve = resolve) -> None:
        """
        Args:
            entries: what is allowed, see `Allowed.read`.
            reach: what one call may take.
            resolver: finds the addresses of a host.

        Raises:
            SettingError: an entry makes no sense.
        """
        self.reach = reach or Reach()
        self._allowed = tuple(Allowed.read(e) for e in entries)
        self._resolve = resolver
        self._wire = Wire(dial=self._dial)
        self._lock = threading.Lock()
        self._running: dict[str, int] = {}

    def check(self, url: str) -> None:
        """
        Raises:
            RefusedError: the operator has not listed this endpoint.
        """
        if self._entry(url) is None:
            host = _host(url)
            raise RefusedError(
                f"SERVICE at {host} is not allowed here; the operator of this endpoint can allow it with --allow-service (or COVALUE_SERVICE) and its address.",
                f"此处不允许 SERVICE 访问 {host}；本端点的运维者可用 --allow-service（或 COVALUE_SERVICE）加其地址来放行。",
            )

    @contextlib.contextmanager
    def place(self, client: str) -> Iterator[None]:
        """
        A place for one query that calls others.

        Raises:
            OverloadedError: there is none now.
        """
        with self._lock:
            mine = self._running.get(client, 0)
            if sum(self._running.values()) >= self.reach.places or (client and mine >= self.reach.each):
                raise OverloadedError("too many queries with SERVICE are under way; try again in 2 s.", "正在执行的 SERVICE 查询过多；请于 2 秒后重试。", 2)
            self._running[client] = mine + 1
        try:
            yield
        finally:
            with self._lock:
                self._running[client] -= 1
                if not self._running[client]:
                    del self._running[client]

    def select(self, url: str, query: str, seconds: float, cancel: Cancel | None = None) -> tuple[list[str], list[Row]]:
        """
        Variables and rows of a SELECT at a listed endpoint.

        Raises:
            RefusedError: it is not listed, or leads to an address that is not.
            GatewayError: it failed.
            DeadlineError: it took longer than `seconds` or than one call may.
            TooLargeError: it answered more than it may.
            CancelledError: `cancel` became true.
        """
        self.check(url)
        allowed = min(seconds, self.reach.seconds) if "seconds" not in self.reach.off else 3600.0
        headers = {"Accept": JSON, "Content-Type": "application/x-www-form-urlencoded", "User-Agent": f"covalue/{__version__}"}
        try:
            reply = self._wire.send("POST", url, urlencode({"query": query}).encode(), headers, seconds=max(0.001, allowed), most=self._most, cancel=cancel)
        except DeadlineError as e:
            raise DeadlineError(
                f"the SERVICE at {_host(url)} did not answer within {allowed:.3g} s; ask it for less.",
                f"{_host(url)} 的 SERVICE 未在 {allowed:.3g} 秒内应答；请减少向其查询的内容。",
            ) from e
        except TooLargeError as e:
            raise self.too_large(url) from e
        except (CancelledError, RefusedError):
            raise
        except CovalueError as e:
            raise _failed(url, e.en.rstrip("."), e.zh.rstrip("。")) from e
        if reply.status != 200:
            raise _failed(url, f"it answers with HTTP status {reply.status}", f"其返回 HTTP 状态 {reply.status}")
        if reply.kind not in (JSON, "application/json"):
            raise _failed(url, "it does not answer in SPARQL's JSON", "其未以 SPARQL JSON 格式应答")
        names, rows = read_rows(url, reply.body)
        if len(rows) > self.reach.rows and "rows" not in self.reach.off:
            raise self.too_large(url)
        return names, rows

    def close(self) -> None:
        """Closes kept connections."""
        self._wire.close()

    @property
    def _most(self) -> int:
        return self.reach.bytes if "bytes" not in self.reach.off else 1 << 40

    def too_large(self, url: str) -> TooLargeError:
        """The error of an endpoint that has too much to say."""
        return TooLargeError(
            f"the SERVICE at {_host(url)} has more to say than {self.reach.rows} rows or {self.reach.bytes // MB} MB; narrow what you ask it.",
            f"{_host(url)} 的 SERVICE 结果超过 {self.reach.rows} 行或 {self.reach.bytes // MB} MB；请缩小向其查询的范围。",
        )

    def _entry(self, url: str) -> Allowed | None:
        try:
            parts = address(url)
        except SettingError:
            return None
        host, path = (parts.hostname or "").rstrip(".").lower(), (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if parts.fragment or "%2e" in path.lower():
            return None
        return next((a for a in self._allowed if a.takes(parts.scheme, host, _port(parts.scheme, parts.port), path)), None)

    def _dial(self, host: str, port: int, seconds: float) -> socket.socket:
        """
        A connection to an address of a host that was judged.

        Raises:
            OSError: there is none.
            RefusedError: the host leads to an address that nobody has listed.
        """
        end = time.monotonic() + seconds
        found = [ipaddress.ip_address(a.partition("%")[0]) for a in self._addresses(host, port, seconds)]
        stated = [n for a in self._allowed if (a.host, a.port) == (host.rstrip(".").lower(), port) for n in a.networks]
        bad = next((a for a in found if not _open(a) and not any(_inside(a, n) for n in stated)), None)
        if bad is not None and "address" not in self.reach.off:
            raise RefusedError(
                f"{host} leads to an address that is not of the open internet; the operator of this endpoint can allow it by @ and the address after the entry.",
                f"{host} 指向非公网地址；本端点的运维者可在该条目后加 @ 与地址来放行。",
            )
        error: OSError = OSError(f"{host} has no address")
        for one in found:
            try:
                return socket.create_connection((str(one), port), timeout=max(0.001, end - time.monotonic()))
            except OSError as e:
                error = e
        raise error

    def _addresses(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """The look-up has no deadline of its own, so it is left behind when it takes too long."""
        out: list[Sequence[str] | OSError] = []

        def look() -> None:
            try:
                out.append(self._resolve(host, port))
            except (OSError, UnicodeError) as e:
                out.append(e if isinstance(e, OSError) else OSError(str(e)))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        thread.join(seconds)
        if not out:
            raise TimeoutError
        if isinstance(out[0], OSError):
            raise out[0]
        return out[0]


def _open(one: Address) -> bool:
    """Whether an address is of the open internet, also where IPv6 only wraps one of IPv4."""
    if isinstance(one, ipaddress.IPv6Address):
        inner = one.ipv4_mapped or one.sixtofour or (one.teredo[1] if one.teredo else None)
        if inner is not None:
            return _open(inner)
        if one in ipaddress.ip_network("64:ff9b::/96"):
            return _open(ipaddress.IPv4Address(int(one) & 0xFFFFFFFF))
    return one.is_global and not one.is_multicast


def _inside(one: Address, network: Network) -> bool:
    plain = one.ipv4_mapped or one if isinstance(one, ipaddress.IPv6Address) else one
    return plain.version == network.version and plain in network


def _host(url: str) -> str:
    """The host of an address, in characters that may stand in a sentence."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    return "".join(c for c in host if c.isalnum() or c in ".-:")[:100] or "that address"


def _failed(url: str, en: str, zh: str) -> GatewayError:
    return GatewayError(f"the SERVICE at {_host(url)} failed: {en.replace('/', ' ')}.", f"{_host(url)} 的 SERVICE 失败：{zh.replace('/', ' ')}。")


def read_rows(url: str, body: bytes) -> tuple[list[str], list[Row]]:
    """
    An answer in JSON. Read by Python, whose parser survives any nesting.

    Raises:
        GatewayError: it is none.
    """
    try:
        document = json.loads(body)
        names = [ox.Variable(n).value for n in document["head"]["vars"]]
        rows = [{k: _term(v, DEEPEST) for k, v in row.items() if k in names} for row in document["results"]["bindings"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise _failed(url, "its answer is not SPARQL's JSON", "其应答不是 SPARQL JSON") from e
    return names, rows


def _term(value: Any, deep: int) -> Term:
    kind, text = value["type"], value["value"]
    if kind == "triple" and deep:
        parts = {k: _term(text[k], deep - 1) for k in ("subject", "predicate", "object")}
        return ox.Triple(parts["subject"], parts["predicate"], parts["object"])  # type: ignore[arg-type]
    if kind == "uri":
        return ox.NamedNode(text)
    if kind == "bnode":
        return ox.BlankNode("".join(c if c.isascii() and c.isalnum() else f"x{ord(c):x}x" for c in str(text)))
    if kind not in ("literal", "typed-literal") or not isinstance(text, str):
        raise ValueError(kind)
    if "xml:lang" in value:
        direction = value.get("its:dir")
        return ox.Literal(text, language=value["xml:lang"], direction=ox.BaseDirection(direction) if direction else None)
    return ox.Literal(text, datatype=ox.NamedNode(value["datatype"])) if "datatype" in value else ox.Literal(text)
