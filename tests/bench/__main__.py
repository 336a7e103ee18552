"""
All measurements of the service in one run: beside oxigraph's own server, rdflib-endpoint and the bare engine, and from 10⁴ statements up.

    python3 start.py bench                       about ten minutes; the peers come from PyPI on the first run
    python3 start.py bench --sizes 10000 100000 1000000 10000000
    python3 start.py bench --prepare             only make the datasets and install the peers
    python3 start.py bench --only mix long --seconds 2 --rounds 1
    python3 start.py bench --write               also put the tables into docs/benchmarks.md, its Chinese twin, and the READMEs

Run it on a machine that does nothing else, and read ratios within one run: absolute figures move with the machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import growth
import peers
import quads
import report
import serving
from measure import table

CACHE = Path(tempfile.gettempdir()) / "covalue-bench"
SIZES = (10_000, 100_000, 1_000_000)


def main() -> None:
    options = argparse.ArgumentParser(prog="start.py bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--triples", type=int, default=100_000, help="statements of the dataset that servers are compared over")
    options.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="statements of the datasets that growth is measured over")
    options.add_argument("--seconds", type=float, default=4, help="of each load in each round")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", nargs="*", choices=(*serving.SECTIONS, "growth"), default=(*serving.SECTIONS, "growth"))
    options.add_argument("--prepare", action="store_true", help="only make the datasets and install the peers")
    options.add_argument("--write", action="store_true", help="put the tables into the documents")
    given = options.parse_args()
    peers.make_environment()
    folder = CACHE / str(given.triples)
    manifest = quads.make(folder, given.triples)
    if "growth" in given.only or given.prepare:
        growth.prepare(CACHE, given.sizes)
    if given.prepare:
        return
    about = f"{time.strftime('%Y-%m-%d')}, {len(os.sched_getaffinity(0))} processors ({platform.machine()}), Python {platform.python_version()}"
    setting = f"{manifest.triples:,} statements, {given.rounds} rounds of {given.seconds:g} s, load of the machine before the run {os.getloadavg()[0]:.1f}"
    print(f"{about}; {setting}")
    bench = serving.Bench(folder, quads.cases(manifest), given.seconds, given.rounds)
    for name in given.only:
        if name == "growth":
            growth.growth(CACHE, given.sizes, given.seconds / 4)
        else:
            serving.RUN[name](bench)
    print("\n" + table(*report.short(serving.SUMMARY)))
    if given.write:
        report.write(quads.ROOT, about, setting, serving.TABLES, serving.SUMMARY)


if __name__ == "__main__":
    main()
