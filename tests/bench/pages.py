"""
What a page costs in a real browser, by kind: requests, bytes over the wire, time to the first byte, to the first and largest paint, and what jumps.

    .venv/bin/python tests/bench/pages.py [http://127.0.0.1:8000] [--rounds 3] [KIND ...]

`first` is with an empty cache, `again` with the files of the first visit at hand. Times are medians over rounds, in milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from browsing import launched
from kinds import KINDS
from measure import table
from playwright.sync_api import Browser, Page, sync_playwright

WATCH = """
window.seen = { largest: 0, jumped: 0 };
new PerformanceObserver((l) => { for (const e of l.getEntries()) window.seen.largest = e.startTime; }).observe({ type: "largest-contentful-paint", buffered: true });
new PerformanceObserver((l) => { for (const e of l.getEntries()) window.seen.jumped += e.value; }).observe({ type: "layout-shift", buffered: true });
"""
READ = """() => {
    const page = performance.getEntriesByType("navigation")[0];
    const files = performance.getEntriesByType("resource");
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    return { bytes: page.transferSize + files.reduce((sum, f) => sum + f.transferSize, 0), plain: page.decodedBodySize + files.reduce((sum, f) => sum + f.decodedBodySize, 0),
             requests: 1 + files.length, answer: page.responseStart, paint: paint ? paint.startTime : 0, loaded: page.loadEventEnd, ...window.seen };
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8000")
    parser.add_argument("kinds", nargs="*")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_intermixed_args()
    with sync_playwright() as started:
        browser = launched(started)
        rows = [row(browser, given.url, kind, given.rounds) for kind in given.kinds or KINDS]
        browser.close()
    print(table(["page", "requests", "kB first", "kB plain", "kB again", "first byte", "first paint", "largest paint", "loaded", "jumps"], rows))


def row(browser: Browser, url: str, kind: str, rounds: int) -> list[str]:
    """The figures of a kind of page."""
    visits = [visited(browser, url + KINDS[kind]) for _ in range(rounds)]
    first = [v[0] for v in visits]
    times = [f"{statistics.median(v[name] for v in first):.0f}" for name in ("answer", "paint", "largest", "loaded")]
    kilobytes = [f"{first[0][name] / 1000:.1f}" for name in ("bytes", "plain")]
    return [kind, str(first[0]["requests"]), *kilobytes, f"{visits[0][1]['bytes'] / 1000:.1f}", *times, f"{max(v['jumped'] for v in first):.3f}"]


def visited(browser: Browser, address: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first visit and the second one in a browser without a past."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.add_init_script(WATCH)
    page = context.new_page()
    pair = (measured(page, address), measured(page, address))
    context.close()
    return pair


def measured(page: Page, address: str) -> dict[str, Any]:
    page.goto(address, wait_until="networkidle")
    found: dict[str, Any] = page.evaluate(READ)
    return found


if __name__ == "__main__":
    main()
