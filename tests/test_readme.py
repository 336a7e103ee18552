"""The README's examples, run as they stand against a real server, give the output that stands below them; both languages show the same."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
READMES = [ROOT / "README.md", ROOT / "README.zh.md"]
CURL = re.compile(r"^\$ (curl .*?\?place')\n(.*?)```", re.S | re.M)
PYTHON = re.compile(r"```python\n(.*?)```\n+```text\n(.*?)```", re.S)


@pytest.fixture(scope="module")
def port(real_built: tuple[object, Path]) -> Iterator[str]:
    """The port of a real `covalue serve` over the dataset."""
    command = [sys.executable, "-m", "covalue", "serve", "--port", "0", "--out", str(real_built[1])]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        found = next(m for line in server.stderr if (m := re.search(r"http://127\.0\.0\.1:(\d+)/", line)))
        yield found.group(1)
        server.kill()


@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.name)
def test_curl_example(readme: Path, port: str) -> None:
    """The curl command prints what the README shows."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    found = CURL.search(readme.read_text(encoding="utf-8"))
    assert found
    command, shown = found.groups()
    done = subprocess.run(["bash", "-c", command.replace("127.0.0.1:8000", f"127.0.0.1:{port}")], capture_output=True, text=True, check=True)
    assert shown.strip() == done.stdout.replace("\r\n", "\n").strip()


@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.name)
def test_python_example(readme: Path, port: str) -> None:
    """The SPARQLWrapper program prints what the README shows."""
    found = PYTHON.search(readme.read_text(encoding="utf-8"))
    assert found
    program, shown = found.groups()
    done = subprocess.run([sys.executable, "-c", program.replace("127.0.0.1:8000", f"127.0.0.1:{port}")], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.strip() == done.stdout.strip()


def test_paths_in_the_readme_exist() -> None:
    """Every file or folder that the README names is there."""
    for readme in READMES:
        text = readme.read_text(encoding="utf-8")
        named = set(re.findall(r"\]\(([^)#:]+)\)", text)) | {m for m in re.findall(r"`([\w./-]+/|[\w-]+\.(?:py|cff|md))`", text) if "<" not in m and "covalue/" not in m}
        missing = [n for n in named if not any((ROOT / base / n).exists() for base in ("", "ontology", "graph", "queries", "service", "tests"))]
        assert [] == missing
