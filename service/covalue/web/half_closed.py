"""
Clients that say with their request that they will send no more, and then read the answer (`nc`, and some old programs).

The system tells that of them as of clients that have gone, and cannot know better before something is sent: only then does the system of who
has gone answer with a reset. So something is sent at once that belongs to any answer: its first bytes, or, between two chunks, a zero before the
size of the next one. Where the whole answer is there already, sending it will show. Who goes later still is seen by what is sent next.
"""

from __future__ import annotations

import select
import sys
from typing import Any

from waitress.channel import HTTPChannel

START = b"HTTP/1."
"""Every answer begins so."""
ZERO = b"0"
"""May stand before the size of any chunk, also of the last (RFC 9112, section 7.1)."""


class HalfClosedChannel(HTTPChannel):  # type: ignore[misc]
    """A connection that outlives the end of what its client sends, until the client is seen to have gone."""

    ended = False
    """Whether the client has said that it sends no more."""
    started = False
    """Whether `START` has been sent of an answer that is not there yet."""
    chunks = False
    """Whether the answer under way goes out in chunks, and more may come."""
    answered: Any = None
    """The request of which an answer has begun last."""

    def readable(self) -> bool:
        """As waitress has it, too; in one go, since it is asked of each connection whenever anything happens on one."""
        busy = self.total_outbufs_len or self.will_close or self.close_when_flushed or len(self.requests) > self.adj.channel_request_lookahead
        return not (busy or self.ended) and self.socket is not None

    def handle_read(self) -> None:
        try:
            data = self.socket.recv(self.adj.recv_bytes)
        except OSError:
            self.handle_close()
            return
        if data:
            self.received(data)
        elif not self._may_read_on():
            self.handle_close()

    def _may_read_on(self) -> bool:
        """Whether there is something for a client that sends no more; if it has gone, that will be seen."""
        if sys.platform != "linux":  # elsewhere the system may say of both that they have hung up
            return False
        with self.outbuf_lock:
            asked = self.requests[0] if self.requests else None
            if asked is None:
                self.close_when_flushed = bool(self.total_outbufs_len)
            elif self.answered is not asked:
                self.started = True
                self._send_now(START)
            elif self.chunks:
                self._send_now(ZERO)
            self.ended = asked is not None or self.close_when_flushed
            return self.ended

    def _send_now(self, data: bytes) -> None:
        self.outbufs[-1].append(data)
        self.current_outbuf_count += len(data)
        self.total_outbufs_len += len(data)
        self._flush_exception(self._flush_some)

    def check_client_disconnected(self) -> bool:
        """Called now and then by who works on an answer."""
        return not self.connected or (self.ended and self._is_reset())

    def _is_reset(self) -> bool:
        look = select.poll()
        try:
            look.register(self.socket.fileno(), 0)
        except (ValueError, AttributeError):  # closed in between
            return True
        return bool(look.poll(0))

    def write_soon(self, data: Any) -> int:
        asked = self.requests[0] if self.requests else None
        if not data or self.answered is asked:
            return int(super().write_soon(data))
        with self.outbuf_lock:
            self.answered = asked
            rest = data.removeprefix(START) if self.started else data
            self.started = False
            return int(super().write_soon(rest))

    def service(self) -> None:
        super().service()
        if self.ended and not self.requests:
            self.close_when_flushed = True
            if self.connected:
                self.server.pull_trigger()
