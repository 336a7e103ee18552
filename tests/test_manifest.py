"""The manifest: written in one step, read back whole, and nothing at all where it cannot be trusted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from covalue.errors import StoreError
from covalue.manifest import FILE, GraphInfo, Manifest, read_manifest, write_manifest

GRAPHS = (GraphInfo("https://example.org/a", "case", True, 3), GraphInfo("https://example.org/中", "shapes", False, 4))
MANIFEST = Manifest("d" * 64, "f" * 64, "0.1.0", "covalue-dddd.nq", GRAPHS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a data file and its manifest."""
    (tmp_path / MANIFEST.data).write_text("")
    write_manifest(tmp_path, MANIFEST)
    return tmp_path


def test_read_back(folder: Path) -> None:
    """A manifest that was written is read back equal, with the sum of its graphs."""
    assert (MANIFEST, 7) == (read_manifest(folder), MANIFEST.triples)


def test_file_is_plain_json_and_alone(folder: Path) -> None:
    """The file is JSON with its format's number and readable Chinese; no temporary file stays."""
    text = (folder / FILE).read_text(encoding="utf-8")
    assert (1, True) == (json.loads(text)["format"], "https://example.org/中" in text)
    assert {FILE, MANIFEST.data} == {p.name for p in folder.iterdir()}


def test_old_data_goes_other_files_stay(folder: Path) -> None:
    """Writing a manifest removes the data files of earlier ones, and nothing else."""
    for name in ("covalue-old.nq", "notes.nq", "covalue-x.txt"):
        (folder / name).write_text("")
    write_manifest(folder, MANIFEST)
    assert {FILE, MANIFEST.data, "notes.nq", "covalue-x.txt"} == {p.name for p in folder.iterdir()}


def test_nothing_built(tmp_path: Path) -> None:
    """A folder without manifest, or none at all, holds nothing."""
    assert (None, None) == (read_manifest(tmp_path), read_manifest(tmp_path / "absent"))


def test_data_file_gone(folder: Path) -> None:
    """A manifest whose data file is gone counts as nothing."""
    (folder / MANIFEST.data).unlink()
    assert read_manifest(folder) is None


GOOD = json.loads(json.dumps({"format": 1, "digest": "d", "fingerprint": "f", "version": "0", "data": MANIFEST.data, "graphs": []}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        "\x00\x00\x00",
        json.dumps({**GOOD, "format": 2}),
        json.dumps({k: v for k, v in GOOD.items() if k != "digest"}),
        json.dumps({**GOOD, "more": 1}),
        json.dumps({**GOOD, "graphs": [{"iri": "x"}]}),
        json.dumps({**GOOD, "graphs": 1}),
        json.dumps({**GOOD, "graphs": [{"role": "case"}]}),
        json.dumps({**GOOD, "graphs": ["x"]}),
        json.dumps({**GOOD, "data": None}),
        "null",
        '"text"',
        "1",
    ],
)
def test_damaged_manifest_counts_as_nothing(folder: Path, text: str) -> None:
    """Whatever a damaged manifest holds, it counts as nothing, so that a build makes it anew."""
    (folder / FILE).write_text(text, encoding="utf-8")
    assert read_manifest(folder) is None


def test_manifest_in_another_encoding_counts_as_nothing(folder: Path) -> None:
    """Bytes that are no UTF-8 count as nothing."""
    (folder / FILE).write_bytes(b"\xff\xfe{}")
    assert read_manifest(folder) is None


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder that is gone is a store error that names it in both languages."""
    with pytest.raises(StoreError) as caught:
        write_manifest(tmp_path / "absent", MANIFEST)
    assert all(str(tmp_path / "absent") in text for text in (caught.value.en, caught.value.zh))


def test_failed_write_leaves_the_old_manifest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full, the manifest that stood before stays whole and its data stays too."""

    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoreError, match="No space left on device"):
        write_manifest(folder, Manifest("e", "e", "1", "covalue-eeee.nq", ()))
    assert read_manifest(folder) == MANIFEST
