"""
Looks for bytes that a target does not bear, guided by what they reach. Needs atheris (`pip install atheris`), which the tests do without:

    python tests/fuzz/run.py text --seconds 300

What it finds is written to `found-*` in the working folder: mend the fault, and keep the bytes in `tests/fuzz/found/<target>/`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Parses, and hands over to atheris."""
    import atheris

    with atheris.instrument_imports(include=["covalue"]):
        sys.path.insert(0, str(HERE))
        from targets import TARGETS
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=-1)
    parser.add_argument("--corpus", type=Path, help="A folder in which new inputs are kept.")
    arguments = parser.parse_args()
    corpus = arguments.corpus or Path(tempfile.mkdtemp(prefix="fuzz-"))  # the first folder is where atheris writes, so never that of what was found
    found = [str(p) for p in (corpus, HERE / "found" / arguments.target) if p.is_dir()]
    options = [
        f"-max_total_time={arguments.seconds}",
        f"-runs={arguments.runs}",
        "-timeout=20",
        "-rss_limit_mb=2000",
        "-max_len=4096",
        "-artifact_prefix=found-",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, *found], TARGETS[arguments.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
