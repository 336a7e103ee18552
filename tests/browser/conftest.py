"""
Fixtures of the browser tests. A test takes `visit`, opens pages with it, and looks at them through Playwright.

To add a kind of page, add a line to `KINDS` in `kinds.py`: it is then looked at in both languages, light and dark, at three widths,
with and without script. What is special to a kind is tested in a module of its own, `test_browser_<kind>.py`, with the same fixtures:

    def test_something(visit: Visit) -> None:
        page = visit("/cases/xiaomi", "zh", width=360)
        assert page.get_by_role("heading", level=1).is_visible()

At its end each test has asked for nothing outside of the machine and has left no error in the console, or it fails.
Pictures of all kinds of pages, to be looked at: `python tests/browser/pictures.py FOLDER`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

from browsing import Visit, installed, launched  # noqa: E402

from processes import start  # noqa: E402


@pytest.fixture(scope="module")
def service_url(real_built: tuple[object, Path], repo: object) -> Iterator[str]:
    """The address of the service: a process of its own, as a user starts it, on the checkout's own dataset."""
    process = start("serve", "--project", str(getattr(repo, "root")), "--out", str(real_built[1]), "--port", "0")  # noqa: B009
    try:
        yield _address(process.stderr)
    finally:
        process.terminate()
        process.wait(timeout=60)
        for stream in (process.stdout, process.stderr, process.stdin):
            if stream:
                stream.close()


def _address(stderr: object) -> str:
    said = []
    for line in stderr:  # type: ignore[attr-defined]
        said.append(line)
        if found := re.search(r"serves (http://127\.0\.0\.1:\d+)/", line):
            return found[1]
    raise AssertionError("the service did not start: " + "".join(said))


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """The browser, one for each file: it holds an event loop of the thread and children of the process, which must be gone when other tests begin."""
    if not installed():
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as started:
        browser = launched(started)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: object, service_url: str) -> Iterator[Visit]:
    """Opens pages; what was asked for outside of the machine, and errors in the console, fail the test."""
    made = Visit(chromium, service_url)  # type: ignore[arg-type]
    yield made
    made.close()
    assert [] == made.left, "requests left the machine"
    assert [] == made.errors, "errors in the console"
