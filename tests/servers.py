"""
Real SPARQL servers for the tests: private instances on the loopback address, each with its own folder, stopped with the test session.

A server that is not installed makes its tests skip, with how to install it.
"""

from __future__ import annotations

import atexit
import contextlib
import http.client
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

HOST = "127.0.0.1"
INSTALL = {
    "oxigraph": "pip install oxigraph (or set TEST_OXIGRAPH to the program)",
    "fuseki": "mvn dependency:get -Dartifact=org.apache.jena:jena-fuseki-server:5.6.0 -Dtransitive=false, with Java 17 or later (or set TEST_FUSEKI to the jar)",
    "virtuoso": "apt-get install --no-install-recommends virtuoso-opensource-7-bin (or set TEST_VIRTUOSO to the program)",
}
FUSEKI = """\
PREFIX :       <#>
PREFIX fuseki: <http://jena.apache.org/fuseki#>
PREFIX ja:     <http://jena.hpl.hp.com/2005/11/Assembler#>
PREFIX tdb2:   <http://jena.apache.org/2016/tdb#>

[] a fuseki:Server ; fuseki:services ( :plain :union ) .

:plain a fuseki:Service ;
    fuseki:name "plain" ;
    fuseki:endpoint [ fuseki:operation fuseki:query ; fuseki:name "sparql" ; fuseki:allowTimeoutOverride true ; fuseki:maximumTimeoutOverride 600 ] ;
    fuseki:endpoint [ fuseki:operation fuseki:query ; fuseki:name "query" ; fuseki:allowTimeoutOverride true ; fuseki:maximumTimeoutOverride 600 ] ;
    fuseki:endpoint [ fuseki:operation fuseki:update ; fuseki:name "update" ] ;
    fuseki:endpoint [ fuseki:operation fuseki:gsp-rw ; fuseki:name "data" ] ;
    fuseki:dataset [ a ja:MemoryDataset ] .

:union a fuseki:Service ;
    fuseki:name "union" ;
    fuseki:endpoint [ fuseki:operation fuseki:query ; fuseki:name "sparql" ; fuseki:allowTimeoutOverride true ; fuseki:maximumTimeoutOverride 600 ] ;
    fuseki:endpoint [ fuseki:operation fuseki:update ; fuseki:name "update" ] ;
    fuseki:endpoint [ fuseki:operation fuseki:gsp-rw ; fuseki:name "data" ] ;
    fuseki:dataset [ a tdb2:DatasetTDB2 ; tdb2:location "FOLDER/tdb2" ; tdb2:unionDefaultGraph true ] .
"""
VIRTUOSO = """\
[Database]
DatabaseFile = FOLDER/virtuoso.db
ErrorLogFile = FOLDER/virtuoso.log
LockFile = FOLDER/virtuoso.lck
TransactionFile = FOLDER/virtuoso.trx
xa_persistent_file = FOLDER/virtuoso.pxa
MaxCheckpointRemap = 2000
Striping = 0
TempStorage = TempDatabase

[TempDatabase]
DatabaseFile = FOLDER/virtuoso-temp.db
TransactionFile = FOLDER/virtuoso-temp.trx
MaxCheckpointRemap = 2000
Striping = 0

[Parameters]
ServerPort = 127.0.0.1:SQL
ServerThreads = 20
CheckpointInterval = 60
NumberOfBuffers = 20000
MaxDirtyBuffers = 15000
DirsAllowed = FOLDER
DisableTcpSocket = 0

[HTTPServer]
ServerPort = 127.0.0.1:PORT
ServerRoot = FOLDER
ServerThreads = 20
MaxClientConnections = 20
EnabledGzipContent = 0

[SPARQL]
ResultSetMaxRows = 10000
MaxQueryCostEstimationTime = 10000
MaxQueryExecutionTime = 600
"""


@dataclass(frozen=True)
class Server:
    """A running server: its kind, the address of its query endpoint, its credentials, and how long it took to start (seconds)."""

    kind: str
    url: str
    user: str
    password: str
    seconds: float
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Ends the process and waits for it."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def program(kind: str) -> str | None:
    """Where the server is installed, or None."""
    stated = os.environ.get(f"TEST_{kind.upper()}")
    if stated:
        return stated
    if kind == "oxigraph":
        return shutil.which("oxigraph", path=os.pathsep.join([str(Path(sys.executable).parent), "/tmp/venv-servers/bin", os.environ.get("PATH", "")]))
    if kind == "virtuoso":
        return shutil.which("virtuoso-t")
    jars = sorted((Path.home() / ".m2" / "repository" / "org" / "apache" / "jena" / "jena-fuseki-server").glob("5.*/jena-fuseki-server-5.*.jar"))
    return str(jars[-1]) if jars and shutil.which("java") else None


def free_port() -> int:
    """
    A port of the loopback address that nobody listens on: one of those that no connection is given by itself, so that none takes it between
    here and the server's start.
    """
    for port in random.SystemRandom().sample(range(20_000, 30_000), 100):
        with contextlib.suppress(OSError), socket.socket() as s:
            s.bind((HOST, port))
            return port
    raise OSError("no free port")


def start(kind: str, folder: Path, *options: str) -> Server:
    """
    Starts a server with an empty dataset.

    Args:
        kind: oxigraph, fuseki or virtuoso.
        folder: an empty folder for its files.
        options: further arguments of its command line.
    """
    found = program(kind)
    assert found is not None
    port = free_port()
    begun = time.monotonic()
    log = (folder / "out.log").open("wb")
    user, password = "", ""
    if kind == "oxigraph":
        command = [found, "serve", "--location", str(folder / "data"), "--bind", f"{HOST}:{port}", *options]
        url = f"http://{HOST}:{port}/query"
    elif kind == "fuseki":
        (folder / "tdb2").mkdir()
        (folder / "config.ttl").write_text(FUSEKI.replace("FOLDER", folder.as_posix()), encoding="utf-8")
        command = ["java", "-Xmx768m", "-XX:+UseSerialGC", "-jar", found, f"--config={folder / 'config.ttl'}", "--localhost", f"--port={port}", *options]
        url = f"http://{HOST}:{port}/plain/sparql"
    else:
        ini = VIRTUOSO.replace("FOLDER", folder.as_posix()).replace("SQL", str(free_port()), 1).replace(":PORT", f":{port}")
        (folder / "virtuoso.ini").write_text(ini, encoding="utf-8")
        command = [found, "+configfile", str(folder / "virtuoso.ini"), "+foreground", *options]
        url, user, password = f"http://{HOST}:{port}/sparql", "dba", "dba"
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    log.close()
    try:
        _wait(lambda: _answers(url), process, folder / "out.log")
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Server(kind, url, user, password, time.monotonic() - begun, process)


def _wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        assert time.monotonic() < end, f"the server did not start: {log.read_text(errors='replace')[-2000:]}"
        time.sleep(0.05)


def _answers(url: str) -> bool:
    address, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", f"/{path}?query=ASK%20%7B%7D", headers={"Accept": "application/sparql-results+json"})
        answer = connection.getresponse()
        answer.read()
    except OSError:
        return False
    finally:
        connection.close()
    return answer.status == 200


_running: dict[str, Server] = {}


def shared(kind: str) -> Server:
    """The session's server of a kind, started when first asked for and stopped with the session; the test skips where there is none."""
    if program(kind) is None:
        pytest.skip(f"{kind} is not installed: {INSTALL[kind]}")
    if kind not in _running:
        folder = Path(tempfile.mkdtemp(prefix=f"covalue-{kind}-"))
        server = _running[kind] = start(kind, folder)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        atexit.register(server.stop)
    return _running[kind]


def retire(kind: str) -> None:
    """Ends the session's server of a kind, which is busy with what nobody waits for any more; another takes its place when asked for."""
    _running.pop(kind).stop()
