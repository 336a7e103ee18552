"""
Build: time, memory and size for the shipped case and for a thousand synthetic ones, from nothing and on top of what was built before.

    .venv/bin/python tests/bench/build.py                      about five minutes
    .venv/bin/python tests/bench/build.py --cases 100 --kinds light
    .venv/bin/python tests/bench/build.py --kinds whole --cases 10
    .venv/bin/python tests/bench/build.py --write              also puts the table into docs/benchmarks.md and its Chinese twin

Light cases hold one claim and what it refers to, full ones five, whole ones all of the Xiaomi case. On a machine that does other work trust the
seconds of the processor; memory is that of all processes together.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import Run, run, table
from report import DOCUMENTS, between
from synthetic import LIGHT, ROOT, SEEDS, copy_case, make_project

COVALUE = (sys.executable, "-m", "covalue")
HEAD = ["dataset", "step", "statements", "s", "processor s", "peak MB"]
WORDS = {
    "dataset": "数据集",
    "step": "步骤",
    "statements": "语句数",
    "processor s": "处理器 s",
    "peak MB": "内存峰值 MB",
    "the shipped case": "随附案例",
    "from nothing": "从零构建",
    "nothing changed": "没有改动",
    "one case added": "新增一个案例",
    "one case changed": "改动一个案例",
    "a mapping changed": "改动一个映射文件",
    "a case removed": "删去一个案例",
    "light cases": "个轻案例",
    "full cases": "个完整案例",
    "whole cases": "个与小米案例同样大的案例",
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=1000, help="number of synthetic cases")
    options.add_argument("--kinds", nargs="*", choices=("light", "full", "whole"), default=["light", "full"])
    options.add_argument("--write", action="store_true", help="put the table into the documents")
    given = options.parse_args()
    load = os.getloadavg()[0]
    rows = shipped()
    for kind in given.kinds:
        with tempfile.TemporaryDirectory() as folder:
            project = make_project(Path(folder) / "project", given.cases, kind == "whole", seeds=LIGHT if kind == "light" else SEEDS)
            rows += synthetic(f"{given.cases:,} {kind} cases", project)
    print(f"\n{table(HEAD, rows)}")
    if given.write:
        about = f"{time.strftime('%Y-%m-%d')}, {len(os.sched_getaffinity(0))} processors, load of the machine before the run {load:.1f}."
        for name, chinese in DOCUMENTS.items():
            between(ROOT / name, f"{about}\n\n{table(*(map_words(HEAD, rows) if chinese else (HEAD, rows)))}", "build")


def map_words(head: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Head and rows in Chinese."""

    def said(text: str) -> str:
        found = re.fullmatch(r"([\d,]+) (\w+ cases)", text)
        return f"{found[1]} {WORDS[found[2]]}" if found else WORDS.get(text, text)

    return [said(h) for h in head], [[said(cell) for cell in row] for row in rows]


def shipped() -> list[list[str]]:
    """The checkout itself, from nothing and once more."""
    with tempfile.TemporaryDirectory() as folder:
        build = (*COVALUE, "build", "--project", str(ROOT), "--out", folder)
        return [row("the shipped case", step, run(*build)) for step in ("from nothing", "nothing changed")]


def synthetic(name: str, project: Path) -> list[list[str]]:
    """A project from nothing, and after each kind of change."""
    rows = []
    cases = sorted((project / "graph" / "cases").iterdir())

    def measured(step: str) -> None:
        rows.append(row(name, step, run(*COVALUE, "build", "--project", str(project), "--out", str(project.parent / "out"))))

    measured("from nothing")
    measured("nothing changed")
    copy_case(cases[0], "one-more")
    measured("one case added")
    edit(cases[len(cases) // 2] / "actors.csv", r"(\n[^,\n]+,[^,\n]*,)([^,\n]+)", lambda m: f"{m[1]}another name of it")
    measured("one case changed")
    edit(next((project / "ontology" / "mappings").glob("org.*")), r"\t0\.9\t", lambda _: "\t0.8\t")
    measured("a mapping changed")
    for path in cases[-1].iterdir():
        path.unlink()
    cases[-1].rmdir()
    measured("a case removed")
    return rows


def edit(path: Path, pattern: str, how: object) -> None:
    """Changes the first place of a file that fits."""
    text, found = re.subn(pattern, how, path.read_text(encoding="utf-8"), count=1)  # type: ignore[call-overload]
    assert found, f"nothing to change in {path}"
    path.write_text(text, encoding="utf-8", newline="\n")


def row(name: str, step: str, done: Run) -> list[str]:
    statements = done.stdout.split("  ")[1].split()[0]
    print(name, step, f"{done.seconds:.1f} s", f"{done.cpu:.1f} s of the processor", f"{done.peak_mb:.0f} MB", done.stdout.split()[-1][:16], flush=True)
    return [name, step, f"{int(statements):,}", f"{done.seconds:.1f}", f"{done.cpu:.1f}", f"{done.peak_mb:.0f}"]


if __name__ == "__main__":
    main()
