"""Worker processes, seen from the service: how they are started, asked, killed and buried."""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import os
import pickle
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from covalue.errors import CovalueError, StoreError
from covalue.stores.channel import Channel
from covalue.stores.limits import Limits, processors
from covalue.stores.worker import Opener, spawned

START_SECONDS = 300.0
"""Longest wait for a worker to open its dataset."""
TICK = 0.02
"""Seconds between looks at clock and client while a query runs."""
MIMALLOC = "libmimalloc.so.2"
"""As Debian 12 has it (`libmimalloc2.0`); later ones were not tried."""
LIBRARIES = ("/usr/local/lib", f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}", "/usr/lib64", "/usr/lib")
"""Where Linux keeps shared libraries."""
LOW_PRIORITY = 15
"""Niceness of heavy queries: they get what quick ones leave."""


def python(module: str, function: str, *arguments: str) -> list[str]:
    """The command line that calls a function in an interpreter of its own."""
    return [sys.executable, "-c", f"from {module} import {function}; {function}()", *arguments]


def environment() -> dict[str, str]:
    """For such an interpreter: it finds the modules that this one finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def allocator(folders: Sequence[str] = LIBRARIES) -> dict[str, str]:
    """
    For the environment of an interpreter (Linux): that it uses mimalloc, where the system has it and nobody has chosen another. With it, as in
    its own server, the engine answers up to a fifth more.
    """
    found = [str(path) for folder in folders if (path := Path(folder, MIMALLOC)).is_file()]
    return {"LD_PRELOAD": found[0]} if found and "LD_PRELOAD" not in os.environ else {}


class NotStartedError(StoreError):
    """A worker died before its dataset was open."""


class Worker:
    """
    One worker process and the connection to it; used by one thread at a time.

    Args:
        kill: ends the process by force, at once.
        bury: waits for the ended process and tells its exit status (negative: the signal), or None where it is not known.
        drop: says that nobody will ask for the status.
    """

    def __init__(self, channel: Channel, pid: int, kill: Callable[[], None], bury: Callable[[], int | None], drop: Callable[[], None]) -> None:
        self.pid = pid
        self.thread = pid
        self._channel = channel
        self._kill, self._bury, self._drop = kill, bury, drop
        self._lock = threading.Lock()
        self._ended = False

    def send(self, data: bytes) -> None:
        """
        Raises:
            OSError: it is dead.
        """
        self._channel.send(data)

    def receive(self) -> bytes:
        """
        The next frame.

        Raises:
            TimeoutError: it is not there within `TICK`.
            EOFError, OSError: it is dead.
        """
        return self._channel.receive()

    def ready(self) -> None:
        """
        Waits until the dataset is open.

        Raises:
            NotStartedError: it died before.
            CovalueError: it cannot be opened.
        """
        frame = self._first()
        if frame[:1] == b"R":
            self.thread = int(frame[1:])
            return
        status = self.kill(ask=True)
        if frame[:1] == b"X":
            error = pickle.loads(frame[1:])  # before any stranger's text: our own words
            if isinstance(error, CovalueError):
                raise error
        raise NotStartedError(f"a worker process did not start (status {status}).", f"工作进程未能启动（状态 {status}）。")

    def _first(self) -> bytes:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            try:
                return self.receive()
            except TimeoutError:
                continue
            except (EOFError, OSError):
                break
        return b""

    def lower(self) -> None:
        """Gives the engine a low priority, for good."""
        if hasattr(os, "setpriority"):
            number = self.thread if sys.platform == "linux" else self.pid  # Linux: the priority is the thread's
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, number, LOW_PRIORITY)

    def kill(self, ask: bool = False) -> int | None:
        """Ends the process; with `ask` waits for its exit status, which a process that was already ending keeps. A second call does nothing."""
        with self._lock:
            if self._ended:
                return None
            self._ended = True
            self._kill()
        status = None
        if ask:
            status = self._bury()
        else:
            self._drop()
        self._channel.close()
        return status

    def stop(self) -> None:
        """Ends the process under the thread that uses it, which then sees the end of the connection."""
        with self._lock:
            if not self._ended:
                self._kill()


class Starter(Protocol):
    """Starts workers of one dataset."""

    def start(self) -> Worker:
        """
        A new worker; it may not be `ready` yet.

        Raises:
            StoreError: no process can be started.
        """

    def close(self) -> None:
        """Ends what the starter itself keeps."""


class Spawner:
    """Each worker is a new interpreter that opens the dataset itself: for systems where a fork is not safe."""

    def __init__(self, opener: Opener, limits: Limits) -> None:
        self._context = mp.get_context("spawn")
        self._arguments = (opener, limits)

    def start(self) -> Worker:
        mine, theirs = socket.socketpair()
        process = self._context.Process(target=spawned, args=(theirs, *self._arguments), daemon=True)
        try:
            process.start()
        except OSError as e:
            mine.close()
            raise _no_process(e) from e
        finally:
            theirs.close()

        def bury() -> int | None:
            process.join(5)
            return process.exitcode

        return Worker(Channel(mine, TICK), process.pid or 0, process.kill, bury, lambda: process.join(5))

    def close(self) -> None:
        """Nothing is kept."""


class Forker:
    """
    Workers are forked from a zygote that holds the dataset (Linux); a zygote that dies is replaced.

    They may use the processors of who makes this, whatever those are of the thread that starts them (see `web.processor`).
    """

    def __init__(self, opener: Opener, limits: Limits) -> None:
        self._about = pickle.dumps((opener, limits, processors()))
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> Worker:
        mine, theirs = socket.socketpair()
        with theirs:
            try:
                pid = int(self._call(b"F", theirs.fileno()))
            except OSError as e:
                mine.close()
                raise _no_process(e) from e
        handle = _Handle(pid)

        def bury() -> int | None:
            handle.close()
            return self._status(pid)

        def drop() -> None:
            handle.close()
            self._drop(pid)

        return Worker(Channel(mine, TICK), pid, handle.kill, bury, drop)

    def close(self) -> None:
        with self._lock:
            self._stop()

    def _status(self, pid: int) -> int | None:
        try:
            return int(self._call(b"S%d" % pid, again=False))
        except (OSError, ValueError):
            return None

    def _drop(self, pid: int) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._control is not None:
                self._control.send(b"R%d" % pid)

    def _call(self, message: bytes, descriptor: int | None = None, again: bool = True) -> bytes:
        with self._lock:
            try:
                if self._control is None:
                    self._launch()
                assert self._control is not None
                socket.send_fds(self._control, [message], [] if descriptor is None else [descriptor])
                answer = self._control.recv(64)
                if not answer:
                    raise ConnectionError("the zygote is gone")
                return answer
            except OSError:
                self._stop()
                if not again:
                    raise
        return self._call(message, descriptor, again=False)

    def _launch(self) -> None:
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = python("covalue.stores.worker", "main", str(theirs.fileno()))
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment() | allocator(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self._control = mine
        mine.send(self._about)

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(2)  # it ends with its socket, and its workers with it
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def starter(opener: Opener, limits: Limits, method: str | None = None) -> Starter:
    """The way of this system: `fork` on Linux, `spawn` elsewhere."""
    chosen = method or ("fork" if sys.platform == "linux" else "spawn")
    return Forker(opener, limits) if chosen == "fork" else Spawner(opener, limits)


class _Handle:
    """A process that is not our child, held so that no other process can be meant by its number."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._descriptor: int | None = None
        with contextlib.suppress(AttributeError, OSError):  # a kernel before 5.3; the zygote keeps the number taken as long as it lives
            self._descriptor = os.pidfd_open(pid)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._descriptor is not None:
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            else:
                os.kill(self._pid, signal.SIGKILL)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _no_process(error: OSError) -> StoreError:
    return StoreError(f"no worker process can be started: {error.strerror or error}.", f"无法启动工作进程：{error.strerror or error}。")
