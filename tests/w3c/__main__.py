"""
Counts per suite, by the engine alone and over HTTP, as README.md shows them: `cd tests && python -m w3c [--exceptions]`.

With `--exceptions` the tests that do not pass are printed instead, as rows for exceptions.csv that want a reason.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from w3c import description, run
from w3c.fetch import UnavailableError, suites
from w3c.manifest import DESCRIPTION, PROTOCOL, Case, cases
from w3c.ways import Command, OwnStore, command


def outcomes(case: Case, own: OwnStore, served: Command) -> tuple[str, str]:
    """What comes out of a test, by the engine alone (a dash where it has no part) and over HTTP (the worse of both ways)."""
    if case.kind in DESCRIPTION:
        try:
            description.TESTS[case.name.rpartition("/")[2]](served.client)
        except (AssertionError, KeyError):
            return "-", "fail"
        return "-", "pass"
    if case.kind in PROTOCOL:
        both = [run.protocol(case, way).status for way in (own, served)]
        return "-", max(both, key=run.RANK.index)
    if run.is_refused_case(case):
        return "-", "fail" if run.refusals(case, served.client) else "pass"
    both = [o.status for o in (run.service(case, way) for way in (own, served)) if o is not None]
    return run.engine(case).status, max(both, key=run.RANK.index)


def main() -> None:
    """Runs everything and prints."""
    try:
        found = suites()
    except UnavailableError as e:
        sys.exit(str(e))
    every = cases(found.folder)
    counts: defaultdict[str, tuple[Counter[str], Counter[str]]] = defaultdict(lambda: (Counter(), Counter()))
    lines = []
    with tempfile.TemporaryDirectory() as folder, command(every, Path(folder)) as served:
        own = OwnStore()
        for case in every:
            engine, service = outcomes(case, own, served)
            suite = f"{case.suite.partition('/')[0]} refused" if run.is_refused_case(case) else case.suite
            counts[suite][0][engine] += 1
            counts[suite][1][service] += 1
            if {engine, service} - {"pass", "-"}:
                lines.append(f"{case.name},{found.edition},{engine},{service},")
    if "--exceptions" in sys.argv:
        sys.stdout.write("\n".join([*lines, ""]))
        return
    total: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    sys.stdout.write(f"Edition {found.edition}, {found.folder}\n\n| Suite | tests | engine: pass (by value) | HTTP: pass (by value) |\n|---|---|---|---|\n")
    for suite in sorted(counts):
        _line(suite, counts[suite])
        for sums, each in zip(total, counts[suite], strict=True):
            sums.update(each)
    _line("all", total)


def _line(name: str, counts: tuple[Counter[str], Counter[str]]) -> None:
    engine, service = counts
    own = "–" if not engine.total() - engine["-"] else f"{engine['pass']} ({engine['value']})"
    sys.stdout.write(f"| {name} | {service.total()} | {own} | {service['pass']} ({service['value']}) |\n")


if __name__ == "__main__":
    main()
