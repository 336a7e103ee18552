"""The manifest of a built dataset: digest, fingerprint of the sources, versions, and its graphs with their sizes."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from covalue.errors import StoreError

FILE = "manifest.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class GraphInfo:
    """A named graph: its IRI, its role, whether its statements are in the default graph too, their number, and their SHA-256."""

    iri: str
    role: str
    default: bool
    triples: int
    digest: str = ""


@dataclass(frozen=True)
class Manifest:
    """What was built: SHA-256 of the data file, fingerprint of the sources, version of the software, and the graphs."""

    digest: str
    fingerprint: str
    version: str
    data: str
    graphs: tuple[GraphInfo, ...]

    @property
    def triples(self) -> int:
        """How many statements all graphs hold."""
        return sum(g.triples for g in self.graphs)


def read_manifest(folder: Path) -> Manifest | None:
    """
    The manifest in a folder of artefacts, or None where nothing usable was built yet.

    A manifest whose data file is gone, or of another format, counts as nothing: a build makes it anew.
    """
    try:
        raw = json.loads((folder / FILE).read_text(encoding="utf-8"), object_hook=_graph)
        if raw.pop("format") != FORMAT or not (folder / raw["data"]).is_file():
            return None
        graphs = tuple(raw.pop("graphs"))
        return Manifest(**raw, graphs=graphs) if all(isinstance(g, GraphInfo) for g in graphs) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _graph(read: dict[str, Any]) -> Any:
    """Each graph becomes one as soon as it is read: there may be hundreds of thousands, of a few roles."""
    return GraphInfo(**{**read, "role": sys.intern(read["role"])}) if "iri" in read else read


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """
    Puts the manifest in place in one step, and then removes data files that it no longer names.

    Raises:
        StoreError: the folder cannot be written.
    """
    text = json.dumps({"format": FORMAT, **asdict(manifest)}, ensure_ascii=False, indent=2) + "\n"
    temporary = folder / f"{FILE}.new"
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(folder / FILE)
        for old in folder.glob("covalue-*.nq"):
            if old.name != manifest.data:
                old.unlink(missing_ok=True)
    except OSError as e:
        raise StoreError(f"cannot write to {folder}: {e.strerror}.", f"无法写入 {folder}：{e.strerror}。") from e
