"""
Takes a picture of each kind of page, to be looked at: both languages, three widths, dark, and print.

    python tests/browser/pictures.py FOLDER [http://127.0.0.1:8000] [KIND ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

from browsing import LANGUAGES, WIDTHS, Visit, launched
from kinds import KINDS
from playwright.sync_api import Page, sync_playwright

TALLEST = 2000
"""What is below, in CSS pixels, is more of the same."""


def _take(page: Page, path: Path, width: int) -> None:
    height = page.evaluate("document.documentElement.scrollHeight")
    page.screenshot(path=path, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": min(height, TALLEST)})


def main(folder: Path, url: str = "http://127.0.0.1:8000", *only: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as started:
        visit = Visit(launched(started), url)
        for kind in only or KINDS:
            for lang in LANGUAGES:
                for width in WIDTHS:
                    page = visit(KINDS[kind], lang, width=width)
                    _take(page, folder / f"{kind}-{lang}-{width}.png", width)
                    visit.close()
            page = visit(KINDS[kind], "en", dark=True)
            _take(page, folder / f"{kind}-dark.png", 1280)
            page.emulate_media(media="print")
            page.pdf(path=folder / f"{kind}-print.pdf")
            visit.close()
        sys.stderr.write("\n".join([*visit.left, *visit.errors, ""]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
