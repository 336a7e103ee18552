"""
Build and start: time, memory and size for the shipped case, and for many synthetic ones, so that growth is visible.

    .venv/bin/python tests/bench/build.py [--cases 100 1000] [--whole 10]
"""

from __future__ import annotations

import argparse
import http.client
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import run, table
from synthetic import ROOT, copy_case, make_project

COVALUE = (sys.executable, "-m", "covalue")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", nargs="*", type=int, default=[100, 1000], help="numbers of small synthetic cases")
    options.add_argument("--whole", nargs="*", type=int, default=[10], help="numbers of synthetic cases as large as the Xiaomi case")
    given = options.parse_args()
    rows = [measure("the shipped case", ROOT)]
    for count, whole in [*((n, False) for n in given.cases), *((n, True) for n in given.whole)]:
        with tempfile.TemporaryDirectory() as folder:
            project = make_project(Path(folder) / "project", count, whole)
            rows.append(measure(f"{count} synthetic cases{', each as large as Xiaomi' if whole else ''}", project))
    head = ["dataset", "statements", "MB", "build s", "build peak MB", "one case added s", "nothing changed s", "start to first answer s"]
    print(table(head, rows))


def measure(name: str, project: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        build = (*COVALUE, "build", "--project", str(project), "--out", folder)
        first = run(*build)
        added = add_case(project, build) if project != ROOT else None
        again = run(*build)
        start = start_seconds(project, out)
        size = next(out.glob("covalue-*.nq")).stat().st_size / 1e6
        statements = first.stdout.split("  ")[1].split()[0]
    shown = [f"{first.seconds:.1f}", f"{first.peak_mb:.0f}", f"{added:.1f}" if added else "-", f"{again.seconds:.2f}", f"{start:.2f}"]
    return [name, f"{int(statements):,}", f"{size:.1f}", *shown]


def add_case(project: Path, build: tuple[str, ...]) -> float:
    copy_case(next((project / "graph" / "cases").iterdir()), "one-more")
    return run(*build).seconds


def start_seconds(project: Path, out: Path) -> float:
    """From the command to the answer of a small query, the dataset being built."""
    start = time.monotonic()
    command = (*COVALUE, "serve", "--project", str(project), "--out", str(out), "--port", "0")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr
            line = next(line for line in server.stderr if "http://" in line)
            port = int(line.split("http://127.0.0.1:")[1].split("/")[0])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/sparql?query=ASK%20%7B%3Fs%20%3Fp%20%3Fo%7D")
            assert b"true" in connection.getresponse().read()
            return time.monotonic() - start
        finally:
            server.kill()


if __name__ == "__main__":
    main()
