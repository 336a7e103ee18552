"""
Makes the picture that previews of links show (`static/preview.png`); run it again when name, words or colours change.

    python tests/browser/preview.py
"""

from __future__ import annotations

from pathlib import Path

from browsing import launched
from playwright.sync_api import sync_playwright

TARGET = Path(__file__).resolve().parents[2] / "service" / "covalue" / "web" / "static" / "preview.png"
PAGE = """<!doctype html><meta charset="utf-8"><style>
body { align-items: center;
  background: #fcfaf5; color: #25231f; display: flex; font-family: "Noto Serif CJK SC", serif; gap: 72px; height: 630px; margin: 0; padding: 0 88px; width: 1024px; }
svg { flex: none; height: 330px; width: 330px; }
h1 { font-size: 92px; font-weight: 600; line-height: 1.1; margin: 0 0 24px; }
p { font-size: 36px; line-height: 1.45; margin: 0; }
p + p { color: #5d584e; }
</style>
<svg viewBox="6 6 52 52"><g fill="none" stroke="#1b5e5a" stroke-width="3.2"><circle cx="23" cy="24" r="14"/><circle cx="41" cy="24" r="14"/><circle cx="32" cy="39" r="14"/></g>
<circle cx="32" cy="29" r="3.6" fill="#9c3d1b"/></svg>
<div><h1>covalue</h1><p>Research on value co-creation, as a graph that you can ask</p><p>可以提问的价值共创研究图谱</p></div>"""


def main() -> None:
    with sync_playwright() as started:
        page = launched(started).new_page(viewport={"width": 1200, "height": 630})
        page.set_content(PAGE)
        page.screenshot(path=TARGET)


if __name__ == "__main__":
    main()
