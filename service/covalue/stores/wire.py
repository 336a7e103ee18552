"""
HTTP to a SPARQL engine, as little as it takes: kept connections, one deadline over a whole exchange, a limit on what comes back.

Not SPARQLWrapper: its timeout holds for each read (a server that drips never times out), it reads answers of any length, follows
redirects to anywhere, and opens a connection for each query. It is the client that the tests come with, from outside.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from covalue.errors import SettingError, StoreError
from covalue.stores.limits import Cancel, DeadlineError, TooLargeError, cancelled_error

CHUNK = 1 << 16
IDLE = 16
"""Most connections that are kept open while nobody uses them."""
LOOK = 0.25
"""Seconds between looks at whether who asked has gone."""
Dial = Callable[[str, int, float], socket.socket]
"""A connection to host and port within so many seconds."""


def _dial(host: str, port: int, seconds: float) -> socket.socket:
    return socket.create_connection((host, port), timeout=seconds)


@dataclass(frozen=True)
class Credentials:
    """What the engine wants to know of us; from the environment, since arguments are seen by every user of the machine."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Credentials:
        """
        Raises:
            SettingError: a part is missing, or there is both a token and a password.
        """
        user, password, token = (environ.get(f"COVALUE_STORE_{n}", "") for n in ("USER", "PASSWORD", "TOKEN"))
        if bool(user) != bool(password) or (user and token):
            raise SettingError(
                "set COVALUE_STORE_USER and COVALUE_STORE_PASSWORD together, or COVALUE_STORE_TOKEN alone.",
                "请同时设置 COVALUE_STORE_USER 与 COVALUE_STORE_PASSWORD，或只设置 COVALUE_STORE_TOKEN。",
            )
        if any(not c.isprintable() for c in user + password + token):
            raise SettingError("a COVALUE_STORE_ credential holds a control character.", "COVALUE_STORE_ 凭据中含有控制字符。")
        return cls(user, password, token)


@dataclass(frozen=True)
class Reply:
    """An answer that came whole: its status, its headers under names in lower case, and its bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class UnreachableError(StoreError):
    """No connection, or it broke before an answer was there."""


class _Clock:
    """A deadline, and whether who asked has gone."""

    def __init__(self, seconds: float, cancel: Cancel | None) -> None:
        self.seconds, self.cancel = seconds, cancel
        self.end = time.monotonic() + seconds

    def left(self) -> float:
        """
        Seconds left.

        Raises:
            DeadlineError: none.
            CancelledError: who asked has gone.
        """
        if self.cancel is not None and self.cancel():
            raise cancelled_error()
        left = self.end - time.monotonic()
        if left <= 0:
            raise late(self.seconds)
        return left


class _Timed:
    """Mixed into sockets: every single receive takes no longer than what the clock has left, so a slow drip gains nothing."""

    clock: _Clock | None = None

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        clock = self.clock
        if clock is None:
            return int(super().recv_into(*args, **kwargs))  # type: ignore[misc]
        while True:
            left = clock.left()
            self.settimeout(left if clock.cancel is None else min(left, LOOK))  # type: ignore[attr-defined]
            try:
                return int(super().recv_into(*args, **kwargs))  # type: ignore[misc]
            except TimeoutError:
                continue


class _Socket(_Timed, socket.socket):
    pass


class _TlsSocket(_Timed, ssl.SSLSocket):
    pass


class _Connection(http.client.HTTPConnection):
    """One connection, whose socket keeps to the clock of the exchange that it is in."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None, dial: Dial) -> None:
        super().__init__(host, port)
        self.context, self.dial = context, dial
        self.clock: _Clock | None = None

    def connect(self) -> None:
        assert self.clock is not None
        plain = self.dial(self.host, self.port, self.clock.left())
        plain.settimeout(self.clock.left())
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is not None:
            self.sock = self.context.wrap_socket(plain, server_hostname=self.host)
        else:
            self.sock = _Socket(plain.family, plain.type, plain.proto, plain.detach())
        self.use(self.clock)

    def use(self, clock: _Clock) -> None:
        """From now on this clock counts."""
        self.clock = clock
        if isinstance(self.sock, _Timed):
            self.sock.clock = clock


class Wire:
    """Sends requests; safe for several threads."""

    def __init__(self, credentials: Credentials | None = None, *, dial: Dial = _dial) -> None:
        """
        Args:
            dial: makes connections; one that is choosy about addresses may stand here.
        """
        self._credentials, self._dial = credentials or Credentials(), dial
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str, int], list[_Connection]] = {}
        self._context: ssl.SSLContext | None = None
        self._schemes: dict[tuple[str, str], _Basic | _Digest] = {}

    def send(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        seconds: float = 60.0,
        most: int = 256_000_000,
        cancel: Cancel | None = None,
        repeatable: bool = True,
    ) -> Reply:
        """
        One exchange.

        Args:
            seconds: longest time from connecting to the last byte.
            most: longest body of the answer, in bytes.
            cancel: whether who asked has gone; looked at while waiting.
            repeatable: whether it does no harm twice. Only such a request goes over a kept connection, which the server may just be closing.

        Raises:
            UnreachableError: the server cannot be reached, or broke off.
            DeadlineError: it took longer than it may; the connection is closed, so that a server that looks can stop.
            TooLargeError: the answer is longer than it may be.
            CancelledError: `cancel` became true.
            StoreError: it redirects, or answers in a coding that we did not ask for.
        """
        parts = address(url)
        clock = _Clock(seconds, cancel)
        sent = {"Accept-Encoding": "identity", "User-Agent": "covalue", **(headers or {})}
        authorization = self._authorization(method, parts)
        reply = self._exchange(parts, method, body, sent | authorization, clock, most, repeatable)
        if reply.status == 401 and self._challenged(parts, reply):
            reply = self._exchange(parts, method, body, sent | self._authorization(method, parts), clock, most, repeatable)
        if 300 <= reply.status < 400:
            raise StoreError("the engine redirects elsewhere, which is not followed; give its final address.", "引擎要求重定向，本服务不予跟随；请给出其最终地址。")
        if reply.headers.get("content-encoding", "identity").lower() != "identity":
            raise StoreError("the engine answers in a coding that was not asked for.", "引擎使用了未请求的内容编码。")
        return reply

    def close(self) -> None:
        """Closes the kept connections."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for connection in (c for many in idle.values() for c in many):
            connection.close()

    def _exchange(self, parts: SplitResult, method: str, body: bytes | None, headers: Mapping[str, str], clock: _Clock, most: int, repeatable: bool) -> Reply:
        key = (parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        while True:
            connection, used = self._take(key, repeatable)
            try:
                connection.use(clock)
                connection.request(method, target, body, dict(headers))
                answer = connection.getresponse()
            except (http.client.RemoteDisconnected, ConnectionError, http.client.CannotSendRequest) as e:
                connection.close()
                if used and not isinstance(e, http.client.CannotSendRequest):
                    continue  # a kept connection that the server has closed meanwhile
                raise unreachable(e) from e
            except TimeoutError as e:
                connection.close()
                raise late(clock.seconds) from e
            except (OSError, http.client.HTTPException) as e:
                connection.close()
                raise unreachable(e) from e
            except BaseException:
                connection.close()
                raise
            return self._read(key, connection, answer, clock, most)

    def _read(self, key: tuple[str, str, int], connection: _Connection, answer: http.client.HTTPResponse, clock: _Clock, most: int) -> Reply:
        try:
            pieces, size = [], 0
            while piece := answer.read1(CHUNK):
                size += len(piece)
                if size > most:
                    raise TooLargeError(
                        f"the answer is longer than {most} bytes and is not sent in part; page it with ORDER BY, LIMIT and OFFSET.",
                        f"结果超过 {most} 字节，不作部分返回；请用 ORDER BY、LIMIT 与 OFFSET 分页。",
                    )
                pieces.append(piece)
                clock.left()
            if answer.length:
                raise http.client.IncompleteRead(b"", answer.length)
        except TimeoutError as e:
            connection.close()
            raise late(clock.seconds) from e
        except (OSError, ValueError, http.client.HTTPException) as e:
            connection.close()
            raise UnreachableError("the engine broke off in the middle of its answer.", "引擎在应答中途断开。") from e
        except BaseException:
            connection.close()
            raise
        answer.close()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        if answer.will_close:
            connection.close()
        else:
            self._give(key, connection)
        return Reply(answer.status, headers, b"".join(pieces))

    def _take(self, key: tuple[str, str, int], kept: bool) -> tuple[_Connection, bool]:
        with self._lock:
            idle = self._idle.get(key)
            if idle and kept:
                return idle.pop(), True
            if key[0] == "https" and self._context is None:
                self._context = ssl.create_default_context()
                self._context.sslsocket_class = _TlsSocket
        return _Connection(key[1], key[2], self._context if key[0] == "https" else None, self._dial), False

    def _give(self, key: tuple[str, str, int], connection: _Connection) -> None:
        with self._lock:
            idle = self._idle.setdefault(key, [])
            if len(idle) < IDLE:
                idle.append(connection)
                return
        connection.close()

    def _authorization(self, method: str, parts: SplitResult) -> dict[str, str]:
        """Credentials in the way that was asked for at this address; before anybody asked, none (Virtuoso does not ask once it has seen others)."""
        if self._credentials.token:
            return {"Authorization": f"Bearer {self._credentials.token}"}
        with self._lock:
            scheme = self._schemes.get((parts.netloc, parts.path))
            return {"Authorization": scheme.header(self._credentials, method, parts.path + (f"?{parts.query}" if parts.query else ""))} if scheme else {}

    def _challenged(self, parts: SplitResult, reply: Reply) -> bool:
        """Whether the 401 asks for what we have."""
        challenge = reply.headers.get("www-authenticate", "")
        kind = challenge.partition(" ")[0].lower()
        if not self._credentials.user or kind not in ("basic", "digest"):
            return False
        values = {k.lower(): v1 or v2 for k, v1, v2 in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', challenge)}
        if kind == "digest" and (values.get("algorithm", "MD5").upper() not in ("MD5", "SHA-256") or "nonce" not in values):
            return False
        with self._lock:
            self._schemes[parts.netloc, parts.path] = _Digest(values) if kind == "digest" else _Basic()
        return True


class _Basic:
    """Name and password in the clear (RFC 7617)."""

    def header(self, credentials: Credentials, _method: str, _target: str) -> str:
        return "Basic " + b64encode(f"{credentials.user}:{credentials.password}".encode()).decode()


class _Digest:
    """A challenge by digest (RFC 7616), and how often it was answered."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        self.count = 0

    def header(self, credentials: Credentials, method: str, target: str) -> str:
        algorithm = self.values.get("algorithm", "MD5")
        name = "sha256" if algorithm.upper() == "SHA-256" else "md5"

        def hashed(text: str) -> str:
            return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

        self.count += 1
        realm, nonce = self.values.get("realm", ""), self.values["nonce"]
        count, ours = f"{self.count:08x}", os.urandom(8).hex()
        a1, a2 = hashed(f"{credentials.user}:{realm}:{credentials.password}"), hashed(f"{method}:{target}")
        shown = f'Digest username="{credentials.user}", realm="{realm}", nonce="{nonce}", uri="{target}", algorithm={algorithm}'
        if "opaque" in self.values:
            shown += f', opaque="{self.values["opaque"]}"'
        if "qop" not in self.values:
            return f'{shown}, response="{hashed(f"{a1}:{nonce}:{a2}")}"'
        return f'{shown}, qop=auth, nc={count}, cnonce="{ours}", response="{hashed(f"{a1}:{nonce}:{count}:{ours}:auth:{a2}")}"'


def address(url: str) -> SplitResult:
    """
    The parts of an address that we are willing to call.

    Raises:
        SettingError: it is no http(s) address, or holds credentials.
    """
    try:
        parts: SplitResult | None = urlsplit(url)
        _ = parts.port if parts else None
    except ValueError:
        parts = None
    if "@" in url:  # said before anything that would show the address
        raise SettingError(
            "an address holds no credentials; put them into COVALUE_STORE_USER and COVALUE_STORE_PASSWORD.",
            "地址中不得含凭据；请放入 COVALUE_STORE_USER 与 COVALUE_STORE_PASSWORD。",
        )
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or any(c.isspace() or not c.isprintable() for c in url):
        raise SettingError(f'"{url}" is no address of a SPARQL engine; it begins with http:// or https://.', f"“{url}”不是 SPARQL 引擎的地址；应以 http:// 或 https:// 开头。")
    return parts


def late(seconds: float) -> DeadlineError:
    """The error of an engine that took too long."""
    return DeadlineError(
        f"the query ran longer than {seconds:g} s and was stopped; ask for less, or narrow it with more patterns.",
        f"查询运行超过 {seconds:g} 秒，已被终止；请缩小查询范围或增加限定模式。",
    )


def unreachable(error: Exception) -> UnreachableError:
    """The error of an engine that is not there; its address stays with the operator."""
    why = getattr(error, "strerror", None) or type(error).__name__
    return UnreachableError(f"the engine cannot be reached: {why}.", f"无法连接引擎：{why}。")
