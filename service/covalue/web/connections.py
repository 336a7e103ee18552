"""
What waitress lets a client do with connections, held within bounds: it waits for ever for who sends a byte now and then, keeps answers of any
length for who does not fetch them, lets one client take all connections, and words its errors otherwise than we do.

All of it happens in the one thread that moves bytes, so nothing here may wait.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from waitress.channel import ClientDisconnected
from waitress.server import BaseWSGIServer
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import build_http_date

from covalue.errors import StoreError
from covalue.stores.limits import OverloadedError
from covalue.web.always import ALWAYS, GIVEN, missing
from covalue.web.cuts import CUT, CUTS, CutError, sure
from covalue.web.half_closed import HalfClosedChannel
from covalue.web.incoming import Incoming

log = logging.getLogger("covalue.web")
MB = 1_000_000
LINGERING = 20
"""Connections of one client beyond its share that are told why before they are closed."""
LISTENING_SECONDS, LISTENING_BYTES = 5.0, 16 * MB
"""How long who sends a faulty request is listened to after it was told so. Closed at once, what it still sends would take the answer back (RFC 9112, section 9.6)."""
FULL = 4 * MB
"""Bytes after which a connection goes on with a new buffer. What has been fetched of a buffer leaves memory or disk only with the whole of it."""
PASSED = MB // 4
"""The same for a buffer that has just been fetched to its end."""
AT_ONCE = 1 << 16
"""Bytes of an answer up to which it is sent together with its header."""
NAMED_HERE = frozenset({"server", "date", "connection"})
"""Headers that waitress itself gives."""
TOO_MANY = "too many connections from this address; use fewer at the same time."
TOO_MANY_ZH = "来自此地址的连接过多；请减少同时使用的连接。"


@dataclass(frozen=True)
class Patience:
    """How long and how much the service bears."""

    header_seconds: float = 15.0
    """From the first byte of a request to the end of its header."""
    request_seconds: float = 60.0
    """From its first byte to its last."""
    idle_seconds: float = 60.0
    """Between two requests."""
    drain_seconds: float = 20.0
    """In each such time, a client that has an answer to fetch must take `drain_bytes` of it, or the rest."""
    drain_bytes: int = 200_000
    connections: int = 1000
    """All connections."""
    each: int = 100
    """Those of one client. Where proxies of the operator stand before the service, all come from them, so there this does not hold."""
    waiting: int = 2000 * MB
    """Bytes of answers that wait to be fetched, in memory or (beyond a megabyte each) in temporary files."""
    waiting_each: int = 1000 * MB
    """The same for one client."""
    sweep_seconds: float = 1.0
    """Between looks at all connections."""
    off: frozenset[str] = frozenset()
    """Guards taken away, by name: for tests that show what each is for."""

    def on(self, guard: str) -> bool:
        """Whether a guard stands."""
        return guard not in self.off


class UnsentError(ClientDisconnected):  # type: ignore[misc]
    """The server ends an answer, whatever its client does, since what is left of it cannot wait; `reason` is the name of an error, for log and metrics."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Crowd:
    """The connections of one server, and what waits to be fetched over them."""

    def __init__(self, patience: Patience, proxies: int) -> None:
        self.patience, self.proxies = patience, proxies
        self.clients: Counter[str] = Counter()
        self.waiting: Counter[str] = Counter()
        """Bytes by client, counted anew at each sweep and added to in between."""
        self.refused = self.closed = 0

    def full_for(self, client: str) -> bool:
        """Whether a client has as many connections as it may have."""
        return self.patience.on("each") and not self.proxies and self.clients[client] > self.patience.each

    def no_room_for(self, client: str, size: int) -> bool:
        """Whether so many more bytes cannot wait for a client."""
        most, each = self.patience.waiting, self.patience.waiting_each
        if not self.patience.on("waiting"):
            return False
        return self.waiting.total() + size > most or (not self.proxies and self.waiting[client] + size > each)

    def sweep(self, channels: list[Channel], now: float) -> None:
        """Looks at all connections, and closes those that have used up our patience."""
        self.waiting = Counter()
        for channel in channels:
            self.waiting[channel.client] += channel.total_outbufs_len
            if channel.overdue(now):
                self.closed += 1
                channel.handle_close()  # to be told to close by itself, it would have to be ready for writing first


class Problem(ErrorTask):  # type: ignore[misc]
    """A fault that waitress itself finds, in the words and with the headers of all others."""

    SENTENCES: ClassVar = {
        "400": ("the request is not HTTP as it should be.", "该请求不符合 HTTP 规范。"),
        "413": ("the request is too large.", "请求过大。"),
        "431": ("the address and the header are too long; send the query by POST.", "地址与请求头过长；请用 POST 发送查询。"),
        "501": ("a transfer coding other than chunked is not supported.", "仅支持 chunked 传输编码。"),
    }

    def execute(self) -> None:
        error = self.request.error
        number, _, title = f"{error.code} {error.reason}".partition(" ")
        en, zh = self.SENTENCES.get(number, ("something went wrong here.", "服务内部出错。"))
        body = problem(int(number), title, en, zh)
        self.status = f"{number} {title}"
        self.response_headers += [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store"), *ALWAYS]
        self.set_close_on_finish()
        self.channel.listens_on = True
        self.content_length = len(body)
        self.write(body if getattr(self.request, "command", "") != "HEAD" else b"")


class Task(WSGITask):  # type: ignore[misc]
    """
    A request whose answer may be cut after its first byte. Then the connection ends between the bytes of a chunk and the mark of their end: there some
    clients see it that miss it elsewhere, Python's http.client, read by lines, between two chunks, and wget within the bytes of one. Node's fetch takes any
    end for the end where the header says that the connection will be closed; so it says so only to those who ask for that.

    Waitress would also close the connection behind whatever has no length: so behind each 304 and each preflight, where the end is known by the status.
    """

    def __init__(self, channel: Any, request: Any) -> None:
        super().__init__(channel, request)
        self.unfinished = request.command == "HEAD"  # whose body, of none, has no last chunk either

    def get_environment(self) -> Any:
        environ = super().get_environment()
        environ[CUTS], environ[GIVEN] = self.tells, True
        return environ

    def tells(self) -> bool:
        """Whether the client is sure to see that its answer was cut. To one of HTTP/1.0, the end of a connection is the end."""
        return self.version == "1.1" and sure(self.request.headers)

    def build_response_header(self) -> bytes:
        names = {name.lower() for name, _ in self.response_headers}
        self.response_headers += missing(names)
        header = self._usual_header(names) or bytes(super().build_response_header())
        self.channel.chunks = self.chunked_response and not self.unfinished
        return header

    def _usual_header(self, names: set[str]) -> bytes | None:
        """What waitress would write of an answer of known length behind which the connection stays open; it takes each name apart, and sorts them."""
        stays = self.version == "1.1" and not self.close_on_finish and not self._client_closes
        if not stays or not self.has_body or "content-length" not in names or not NAMED_HERE.isdisjoint(names):
            return None
        lines = [f"HTTP/1.1 {self.status}", *map("%s: %s".__mod__, self.response_headers)]
        lines += [f"Date: {build_http_date(self.start_time)}", f"Server: {self.channel.server.adj.ident}", "", ""]
        return "\r\n".join(lines).encode("latin-1")

    @property
    def _client_closes(self) -> bool:
        """Whether the client wants no more than this answer; see `Incoming`."""
        return bool(self.request.headers.get("CONNECTION", "").lower() == "close")

    def set_close_on_finish(self) -> None:
        ends = (self.chunked_response or not self.has_body) and self.version == "1.1"
        if self.wrote_header or not ends or self._client_closes:
            super().set_close_on_finish()

    def write(self, data: bytes) -> None:
        try:
            if self.wrote_header or len(data) > AT_ONCE or self.content_length != len(data):
                super().write(data)
            else:
                self._write_whole(data)
        except UnsentError as e:
            self.get_environment()[CUT] = e.reason
            raise

    def _write_whole(self, data: bytes) -> None:
        """Header and body of a short answer together: one call of the system instead of two."""
        header = self.build_response_header()
        self.wrote_header, self.content_bytes_written = True, len(data)
        self.channel.write_soon(header + data if self.has_body else header)

    def execute(self) -> None:
        try:
            super().execute()
        except CutError as e:
            self.channel.chunks = False
            if e.last and self.chunked_response:
                self.channel.write_soon(b"%X\r\n%b" % (len(e.last), e.last))
            self.unfinished = True
            self.set_close_on_finish()

    def finish(self) -> None:
        if not self.wrote_header:
            self.write(b"")
        self.channel.chunks = False
        if not self.unfinished:
            super().finish()


def problem(status: int, title: str, en: str, zh: str) -> bytes:
    """The body of a problem, as in `problems`, for where there is no application yet."""
    return (json.dumps({"type": "about:blank", "title": title, "status": status, "detail": en, "detail_zh": zh}, ensure_ascii=False) + "\n").encode()


class Channel(HalfClosedChannel):
    """A connection that knows how long its client has kept us waiting."""

    parser_class = Incoming
    task_class = Task
    error_task_class = Problem
    sending = False
    """Whether the thread that answers is about to send."""
    listens_on = False
    """Whether it stays a while after its last answer, only to take what comes."""

    def __init__(self, server: Any, sock: socket.socket, addr: Any, adj: Any, map: Any = None) -> None:
        self.crowd: Crowd = server.crowd
        self.client = str(addr[0]) if isinstance(addr, tuple) and addr else ""
        self.counted = True
        self.close_when_flushed: bool = False
        self.current_outbuf_count: int = 0
        self.began: float | None = time.monotonic()
        """When the request that is not here yet began; a connection starts with one."""
        self.fetched = self.marked_bytes = self.heard = 0
        self.marked = self.active = time.monotonic()
        self.crowd.clients[self.client] += 1
        super().__init__(server, sock, addr, adj, map=map)
        self.turned_away = self.crowd.full_for(self.client)
        if self.turned_away:
            self._turn_away()

    def _turn_away(self) -> None:
        self.crowd.refused += 1
        body = problem(503, "Service Unavailable", TOO_MANY, TOO_MANY_ZH)
        head = ["HTTP/1.1 503 Service Unavailable", "Content-Type: application/problem+json", f"Content-Length: {len(body)}", "Retry-After: 5", "Connection: close"]
        head += [f"{name}: {value}" for name, value in ALWAYS]
        with contextlib.suppress(OSError):
            self.socket.send("\r\n".join([*head, "", ""]).encode() + body)
        self._only_listen(1)
        if self.crowd.clients[self.client] > self.crowd.patience.each + LINGERING:
            self.handle_close()

    def _only_listen(self, seconds: float) -> None:
        """Says that nothing more will come from here, and takes what comes from there for a while, so that it can read what it was told."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
        self.turned_away = True
        self.began = time.monotonic() - self.crowd.patience.header_seconds + seconds

    def handle_write(self) -> None:
        if self.close_when_flushed and self.listens_on:
            self._flush_exception(self._flush_some)
            if not self.total_outbufs_len and not self.will_close:
                self.close_when_flushed = self.listens_on = False
                self._only_listen(LISTENING_SECONDS)
                return
        super().handle_write()

    def writable(self) -> bool:
        """As waitress has it, but not while the thread that answers is sending: who moves bytes could only look on, without rest."""
        if not (self.total_outbufs_len or self.will_close or self.close_when_flushed) or self.socket is None:
            return False
        return not self.sending or self.total_outbufs_len > self.adj.outbuf_high_watermark  # beyond, that thread waits for room

    def received(self, data: bytes) -> bool:
        if self.turned_away:
            self.heard += len(data)
            if self.heard > LISTENING_BYTES:
                self.handle_close()
            return True
        self.active = time.monotonic()
        if self.began is None:
            self.began = self.active
        taken = bool(super().received(data))
        if self.request is None:
            self.began = None
        return taken

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent = int(super().send(data, do_close=do_close))
        self.fetched += sent
        self.active = time.monotonic()
        return sent

    def write_soon(self, data: Any) -> int:
        if data and self.crowd.no_room_for(self.client, len(data)):
            self.crowd.closed += 1
            raise self._unsent(OverloadedError)
        if data:
            self.crowd.waiting[self.client] += len(data)
            if self.current_outbuf_count > (FULL if self.total_outbufs_len else PASSED):
                self.current_outbuf_count = self.adj.outbuf_high_watermark  # by which waitress knows that the buffer is full
        try:
            return self._send_or_leave(data)
        except OSError as e:  # waitress would neither send what the buffer still holds nor end, and look for more of it without rest
            log.error("an answer cannot wait for its client: the temporary folder takes nothing", extra={"reason": e.strerror})
            raise self._unsent(StoreError) from e

    def _send_or_leave(self, data: Any) -> int:
        """Sends what the system takes now; the rest is for who moves bytes."""
        self.sending = True
        try:
            return int(super().write_soon(data))
        finally:
            self.sending = False
            if self.total_outbufs_len or self.will_close:
                self.server.pull_trigger()

    def _unsent(self, kind: type[StoreError]) -> UnsentError:
        self.will_close = True
        self.server.pull_trigger()
        return UnsentError(kind.__name__)

    def overdue(self, now: float) -> bool:
        """Whether its client has used up our patience."""
        patience = self.crowd.patience
        if self.began is not None:
            header = self.request is not None and self.request.headers_finished
            if now - self.began > (patience.request_seconds if header else patience.header_seconds) and patience.on("request"):
                return True
        elif not self.requests and not self.total_outbufs_len and now - self.active > patience.idle_seconds:
            return True
        return patience.on("drain") and self._drains_slowly(now)

    def _drains_slowly(self, now: float) -> bool:
        if not self.total_outbufs_len:
            self.marked, self.marked_bytes = now, self.fetched
            return False
        if now - self.marked < self.crowd.patience.drain_seconds:
            return False
        slow = self.fetched - self.marked_bytes < self.crowd.patience.drain_bytes
        self.marked, self.marked_bytes = now, self.fetched
        return slow

    def del_channel(self, map: Any = None) -> None:
        if self.counted:
            self.counted = False
            self.crowd.clients[self.client] -= 1
            if self.crowd.clients[self.client] <= 0:
                del self.crowd.clients[self.client]
        super().del_channel(map)


def watch(server: Any, crowd: Crowd) -> None:
    """Has a server (or the several that listen together) keep to the patience of a crowd."""
    several = getattr(server, "map", None)
    for one in [server] if isinstance(server, BaseWSGIServer) else [s for s in (several or {}).values() if isinstance(s, BaseWSGIServer)]:
        one.channel_class = Channel
        one.crowd = crowd
        one.maintenance = _sweeps(one, crowd)


def _sweeps(server: BaseWSGIServer, crowd: Crowd) -> Callable[[float], None]:
    """Sweeps now and then, by a clock that nobody sets: waitress asks the other one, and would wait as long as that has been put back."""
    due = 0.0

    def maintenance(_now: float) -> None:
        nonlocal due
        server.next_channel_cleanup = float("-inf")
        now = time.monotonic()
        if now >= due:
            due = now + crowd.patience.sweep_seconds
            crowd.sweep(list(server.active_channels.values()), now)

    return maintenance


def room_for_files(wanted: int) -> None:
    """Lets this process have so many files and sockets open, as far as the system allows."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
