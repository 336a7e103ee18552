"""What operators get: the systemd unit, the container's recipe, the proxy's configuration, and the pages for them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from covalue.project import Project
from covalue.settings import DOCUMENTED, SECRETS, Settings
from covalue.stores.engines import TRIALS
from flowing import LONG, TOO_MANY, lines, opened
from processes import Running, serving, wait_until
from served import Client, CutOffError, Served
from servers import free_port

ROOT = Path(__file__).resolve().parents[1]
DOCS, DEPLOY = ROOT / "docs", ROOT / "service" / "deploy"
UNIT = (DEPLOY / "covalue.service").read_text(encoding="utf-8")
ANALYZE = shutil.which("systemd-analyze")
PROGRAM = "/opt/covalue/bin/covalue"


# --- systemd


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize(("name", "port"), [("covalue.service", "8000"), ("covalue@.service", "%i")])
def test_unit_is_sound_and_closed(name: str, port: str, tmp_path: Path) -> None:
    """systemd finds no fault in it, nor in the template for several, and counts little that the service could do harm with (1.2 of 10)."""
    program = tmp_path / "covalue"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    path = tmp_path / name
    path.write_text(UNIT.replace(PROGRAM, str(program)).replace("--port 8000", f"--port {port}"), encoding="utf-8")
    verified = subprocess.run([ANALYZE or "", "verify", "--man=no", str(tmp_path / name.replace("@", "@8001"))], capture_output=True, text=True)
    assert (0, "") == (verified.returncode, verified.stderr)
    judged = subprocess.run([ANALYZE or "", "security", "--offline=yes", "--threshold=15", "--no-pager", str(path)], capture_output=True, text=True)
    assert 0 == judged.returncode, judged.stdout[-300:]


def test_unit_starts_what_there_is(small_built: tuple[Project, Path]) -> None:
    """Its command line is one that the program takes."""
    command = re.findall(r"^ExecStart=(\S+) serve (.*)$", UNIT, re.M)[0]
    options = command[1].replace("--host 127.0.0.1 ", "").replace("--port 8000 ", "").split()
    with serving("--project", small_built[0].root, "--out", small_built[1], *options) as service:
        assert 200 == service.ask("/health").status
    assert f"ExecReload={PROGRAM} build\n" in UNIT


# --- the container


def test_recipe_of_the_container(small_built: tuple[Project, Path]) -> None:
    """It copies what an installation needs and nothing else, runs as nobody, and its check of health says so and fails when there is nobody."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")]
    assert all(list(ROOT.glob(name)) for name in kept), kept
    assert {"ontology", "graph", "queries", "service", "pyproject.toml", "README.md"} <= set(kept)
    assert re.search(r"^USER \d{5}:\d{5}$", text, re.M)
    assert set(re.findall(r"COVALUE_\w+", text)) <= set(DOCUMENTED)
    code = re.findall(r'CMD \["/opt/covalue/bin/python", "-c", "([^"]+)"\]', text)[0]
    with serving("--project", small_built[0].root, "--out", small_built[1]) as service:
        check = ["python3", "-c", code.replace(":8000/", f":{service.port}/")]
        assert 0 == subprocess.run(check, capture_output=True).returncode
    assert 0 != subprocess.run(check, capture_output=True).returncode


# --- the proxy


def nginx(folder: Path, port: int, ports: tuple[int, int]) -> list[str]:
    """Its command, with the configuration that operators get."""
    text = addressed("nginx.conf", "listen 80;", f"listen 127.0.0.1:{port};", ports)
    kinds = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    whole = f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; events {{}} http {{ access_log off; {kinds}\n{text}\n}}\n"
    (folder / "nginx.conf").write_text(whole, encoding="utf-8")
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, ports: tuple[int, int]) -> list[str]:
    """The same; without the port by which it can be changed while it runs."""
    text = addressed("Caddyfile", "example.org {", f"http://127.0.0.1:{port} {{\n\tbind 127.0.0.1", ports)
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n}}\n{text}", encoding="utf-8")
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def addressed(name: str, listens: str, here: str, ports: tuple[int, int]) -> str:
    """A configuration with the addresses of a test."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    assert all(part in text for part in (listens, "127.0.0.1:8001", "127.0.0.1:8002"))
    return text.replace(listens, here).replace("127.0.0.1:8001", f"127.0.0.1:{ports[0]}").replace("127.0.0.1:8002", f"127.0.0.1:{ports[1]}")


PROXIES = {"nginx": nginx, "caddy": caddy}


@contextmanager
def proxied(name: str, folder: Path, ports: tuple[int, int]) -> Iterator[Client]:
    """A proxy before two processes."""
    client = Client()
    client.port = free_port()
    command = PROXIES[name](folder, client.port, ports)
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)})

    def answers() -> bool:
        assert process.poll() is None, (folder / "proxy.log").read_text()
        try:
            return client.ask("/health/live").status == 200
        except OSError:
            return False

    try:
        wait_until(answers)
        yield client
    finally:
        process.terminate()
        process.wait(10)


each_proxy = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.skipif(shutil.which(n) is None, reason=f"{n} is not installed: apt-get install {n}")) for n in PROXIES]
)


@each_proxy
def test_a_cut_answer_is_cut_behind_a_proxy_too(tmp_path: Path, name: str) -> None:
    """nginx passes on that the end is missing, plain or packed. From Caddy (2.6 does not, and nobody knows of others) it is whole, or an error."""
    data = tmp_path / "data.nt"
    data.write_text(lines(), encoding="utf-8")
    with opened(data) as store:
        port = Served(store, proxies=1).port
        with proxied(name, tmp_path, (port, port)) as proxy:
            assert proxy.query(LONG).json["results"]["bindings"]
            for coding in ("identity", "gzip"):
                ask = lambda coding=coding: proxy.ask("/sparql?" + urlencode({"query": TOO_MANY}), Accept_Encoding=coding)  # noqa: E731
                if name == "nginx":
                    with pytest.raises(CutOffError):
                        ask()  # type: ignore[no-untyped-call]
                else:
                    assert 413 == ask().status  # type: ignore[no-untyped-call]


@each_proxy
def test_two_processes_behind_a_proxy(small_built: tuple[Project, Path], tmp_path: Path, name: str) -> None:
    """Addresses are those of the proxy, whatever a client says; and no request is lost when one process is killed."""
    options = ("--project", small_built[0].root, "--out", small_built[1], "--proxies", "1")
    statuses: list[int] = []
    done = threading.Event()
    with serving(*options) as one, serving(*options) as two, proxied(name, tmp_path, (one.port, two.port)) as proxy:
        described = proxy.ask("/sparql", Accept="text/turtle", X_Forwarded_Host="evil.example", X_Forwarded_For="203.0.113.9", X_Forwarded_Prefix="/evil").text
        assert (True, False) == (f"<http://127.0.0.1:{proxy.port}/sparql>" in described, "evil" in described)
        assert 404 == proxy.ask("/metrics").status

        def ask() -> None:
            while not done.is_set():
                statuses.append(proxy.query(f"ASK {{ ?s ?p {len(statuses)} }}").status)

        asking = [threading.Thread(target=ask) for _ in range(2)]
        for thread in asking:
            thread.start()
        try:
            wait_until(lambda: answered(one) > 0 and answered(two) > 0)
            one.process.kill()
            one.process.wait()
            before = answered(two)
            wait_until(lambda: answered(two) > before + 20)
        finally:
            done.set()
            for thread in asking:
                thread.join()
        assert {200} == set(statuses)
        assert 0 == two.stop()


def answered(service: Running) -> int:
    """How many queries it has answered."""
    return sum(int(n) for n in re.findall(r'covalue_requests_total\{route="sparql",[^}]*\} (\d+)', service.ask("/metrics").text))


# --- the documents


@pytest.mark.parametrize("name", ["operators", "benchmarks", "federation"])
def test_both_languages_say_the_same(name: str) -> None:
    """As many headings, tables and code blocks, and the same links."""
    english, chinese = ((DOCS / f"{name}{end}").read_text(encoding="utf-8") for end in (".md", ".zh.md"))
    for mark in (r"^#+ ", r"^\|", r"^```"):
        assert len(re.findall(mark, english, re.M)) == len(re.findall(mark, chinese, re.M)), mark
    links = [{x.replace(".zh.md", ".md") for x in re.findall(r"\]\(([^)]+)\)", text)} for text in (english, chinese)]
    assert links[0] - {f"{name}.md"} == links[1] - {f"{name}.md"}
    assert all((DOCS / link).exists() for link in links[0])


@pytest.mark.parametrize("end", [".md", ".zh.md"])
def test_every_setting_is_documented(end: str) -> None:
    """By its name, and with the default that the program has."""
    text = (DOCS / f"operators{end}").read_text(encoding="utf-8")
    assert {*DOCUMENTED, *SECRETS} == set(re.findall(r"COVALUE_[A-Z]+(?:_[A-Z]+)*", "".join(re.findall(r"^\| `COVALUE.*$", text, re.M))))
    for field in ("threads", "seconds", "memory", "rows", "cache", "proxies"):
        assert f"| `COVALUE_{field.upper()}` | `{getattr(Settings, field)}` |" in text
    assert f"{len(TRIALS)} " in text
