"""
What the lenses add to a build: processor seconds, memory, statements, and the size of the file, with and without `queries/lenses`.

    .venv/bin/python tests/bench/lenses.py [--cases 100] [--whole 5]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import Run, run, table
from synthetic import ROOT, make_project

COVALUE = (sys.executable, "-m", "covalue")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", nargs="*", type=int, default=[100], help="numbers of small synthetic cases")
    options.add_argument("--whole", nargs="*", type=int, default=[5], help="numbers of synthetic cases as large as the Xiaomi case")
    given = options.parse_args()
    rows = []
    for name, count, whole in [
        ("the shipped case", 1, True),
        *((f"{n} small synthetic cases", n, False) for n in given.cases),
        *((f"{n} cases as large as Xiaomi", n, True) for n in given.whole),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            project = make_project(Path(folder) / "project", count, whole)
            rows.append(compared(name, project, Path(folder)))
    print(table(["dataset", "statements", "of lenses", "of traces", "of gaps", "MB", "without", "CPU s", "without", "peak MB", "without"], rows))


def compared(name: str, project: Path, folder: Path) -> list[str]:
    """One row: the project built with its lenses, and again without."""
    seen, graphs, size = built(project, folder / "with")
    shutil.rmtree(project / "queries" / "lenses")
    plain, _, smaller = built(project, folder / "without")
    parts = [sum(n for iri, n in graphs.items() if "/graph/lens/" in iri and iri.endswith(end)) for end in ("", "/trace", "/gaps")]
    numbers = [sum(graphs.values()), parts[0] - parts[1] - parts[2], *parts[1:]]
    sizes = [f"{size:.1f}", f"{smaller:.1f}", f"{seen.cpu:.1f}", f"{plain.cpu:.1f}", f"{seen.peak_mb:.0f}", f"{plain.peak_mb:.0f}"]
    return [name, *(f"{n:,}" for n in numbers), *sizes]


def built(project: Path, out: Path) -> tuple[Run, dict[str, int], float]:
    """A first build: how it went, the sizes of its graphs, and the megabytes of its file."""
    done = run(*COVALUE, "build", "--project", str(project), "--out", str(out))
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return done, {g["iri"]: g["triples"] for g in manifest["graphs"]}, (out / manifest["data"]).stat().st_size / 1e6


if __name__ == "__main__":
    print(f"project: {ROOT}", file=sys.stderr)
    main()
