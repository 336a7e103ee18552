"""Frames of bytes over a socket between two of our processes: one system call each way for a small one."""

from __future__ import annotations

import socket
import sys
from struct import Struct

HEAD = Struct("!I")
READ = 1 << 17
SEND_SECONDS = 10.0
TIME = Struct("@ll")
"""`struct timeval` of Linux: seconds and microseconds."""


class Channel:
    """
    One end.

    Args:
        connection: a stream socket; the channel owns it.
        tick: seconds after which `receive` gives up for now; None waits for ever.
    """

    def __init__(self, connection: socket.socket, tick: float | None = None) -> None:
        self._socket = connection
        self._rest = bytearray()
        if tick is None:
            connection.settimeout(None)
        elif sys.platform == "linux":  # the kernel keeps the time: Python would make two calls of each, and let go of its lock twice
            connection.settimeout(None)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _time(tick))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _time(SEND_SECONDS))
        else:
            connection.settimeout(tick)

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
        tick = self._socket.gettimeout()
        if tick is None or len(frame) < READ // 4:
            self._socket.sendall(frame)
            return
        self._socket.settimeout(SEND_SECONDS)
        self._socket.sendall(frame)
        self._socket.settimeout(tick)

    def receive(self) -> bytes:
        """
        The next frame.

        Raises:
            TimeoutError: none is whole within the tick; what has come is kept.
            EOFError, OSError: the other end is gone.
        """
        rest = self._rest
        if not rest:
            data = self._read()
            if len(data) >= HEAD.size and len(data) - HEAD.size == HEAD.unpack_from(data)[0]:
                return data[HEAD.size :]
            rest += data
        while len(rest) < HEAD.size or len(rest) - HEAD.size < HEAD.unpack_from(rest)[0]:
            rest += self._read()
        end = HEAD.size + HEAD.unpack_from(rest)[0]
        frame = bytes(memoryview(rest)[HEAD.size : end])
        del rest[:end]
        return frame

    def _read(self) -> bytes:
        try:
            data = self._socket.recv(READ)
        except BlockingIOError as e:
            raise TimeoutError from e
        if not data:
            raise EOFError
        return data

    def close(self) -> None:
        self._socket.close()


def _time(seconds: float) -> bytes:
    return TIME.pack(int(seconds), round(seconds % 1 * 1_000_000))
