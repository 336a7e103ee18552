"""Frames of bytes over a socket between two of our processes: one system call each way for a small one."""

from __future__ import annotations

import select
import socket
from struct import Struct

HEAD = Struct("!I")
READ = 1 << 17
SEND_SECONDS = 10.0


class Channel:
    """
    One end.

    Args:
        connection: a stream socket; the channel owns it.
        tick: seconds after which `receive` gives up for now; None waits for ever.
    """

    def __init__(self, connection: socket.socket, tick: float | None = None) -> None:
        self._socket, self._tick = connection, tick
        connection.settimeout(tick)
        self._rest = bytearray()
        self._poll = None
        if hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(connection.fileno(), select.POLLIN)

    def fileno(self) -> int:
        """The number of the socket."""
        return self._socket.fileno()

    def send(self, *parts: bytes | bytearray) -> None:
        """
        Sends the parts as one frame.

        Raises:
            OSError: the other end is gone, or does not read.
        """
        frame = b"".join((HEAD.pack(sum(map(len, parts))), *parts))
        if self._tick is None or len(frame) < READ // 4:
            self._socket.sendall(frame)
            return
        self._socket.settimeout(SEND_SECONDS)
        self._socket.sendall(frame)
        self._socket.settimeout(self._tick)

    def receive(self) -> bytes:
        """
        The next frame.

        Raises:
            TimeoutError: none is whole within the tick; what has come is kept.
            EOFError, OSError: the other end is gone.
        """
        rest = self._rest
        if not rest:
            data = self._socket.recv(READ)
            if len(data) >= HEAD.size and len(data) - HEAD.size == HEAD.unpack_from(data)[0]:
                return data[HEAD.size :]
            self._take(data)
        while len(rest) < HEAD.size or len(rest) - HEAD.size < HEAD.unpack_from(rest)[0]:
            self._take(self._socket.recv(READ))
        end = HEAD.size + HEAD.unpack_from(rest)[0]
        frame = bytes(memoryview(rest)[HEAD.size : end])
        del rest[:end]
        return frame

    def _take(self, data: bytes) -> None:
        if not data:
            raise EOFError
        self._rest += data

    def gone(self) -> bool:
        """Whether the other end is closed (or, against the rules, has something to say)."""
        if self._poll is None:
            return bool(select.select([self._socket], [], [], 0)[0])
        return bool(self._poll.poll(0))

    def close(self) -> None:
        self._socket.close()
