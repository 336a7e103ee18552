"""
A real browser on the real service: what opens pages, and what it notes while it does.

Every request that would leave the machine is aborted and noted, and so is every word in the browser's console that is an error; a test
that used `visit` ends with both lists empty (see `conftest.py`).
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Route, expect

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or "/usr/bin/chromium"
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MOST = 60_000
"""Milliseconds in which what a page should do must have happened: many more than it takes, since machines differ and are shared."""
HERE = ("127.0.0.1", "localhost", "::1")
WIDTHS = (360, 768, 1280)
LANGUAGES = ("en", "zh")
SPARED = ["tr:nth-of-type(n+12)", "section:nth-of-type(n+15)", "dl > dt:nth-of-type(n+12)", "dl > dd:nth-of-type(n+12)", "li:nth-of-type(n+12)"]
"""What axe-core passes over: the twelfth row and later ones of a table and the like, made by the same line of a template as those before."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]


def installed() -> bool:
    """Whether there is a browser."""
    return Path(CHROMIUM).exists()


def launched(playwright: Playwright) -> Browser:
    """The browser, without a window."""
    expect.set_options(timeout=MOST)
    return playwright.chromium.launch(executable_path=CHROMIUM, headless=True, timeout=2 * MOST, args=list(SWITCHES))


@dataclass
class Visit:
    """
    Opens pages of the service at `url`.

    `left` are addresses outside of the machine that were asked for; `errors` are errors of the console and uncaught exceptions.
    """

    browser: Browser
    url: str
    left: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def __call__(self, path: str = "/", lang: str = "en", *, width: int = 1280, height: int = 800, script: bool = True, dark: bool = False) -> Page:
        """
        A page in a browser of its own, with empty storage.

        Args:
            path: of the page, from the root, with its parameters.
            lang: the language that the browser asks for, `en` or `zh`.
            width: of the window, in CSS pixels.
            height: of the window.
            script: whether scripts run.
            dark: whether the reader prefers dark pages.
        """
        context = self.browser.new_context(
            locale={"en": "en-GB", "zh": "zh-CN"}[lang],
            viewport={"width": width, "height": height},
            java_script_enabled=script,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            accept_downloads=True,
        )
        context.set_default_timeout(MOST)
        context.route("**/*", self._judge)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self.errors.append(f"{page.url}: {message.text}") if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        self.go(page, path)
        return page

    def go(self, page: Page, path: str) -> None:
        """Goes on to another page, which must answer with 200."""
        response = page.goto(self.url + path, wait_until="load")
        assert response is not None
        assert 200 == response.status, f"{path}: {response.status}"

    def close(self) -> None:
        """Ends all of it."""
        for context in self.contexts:
            context.close()
        self.contexts.clear()

    def _judge(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        if address.scheme in ("data", "blob") or address.hostname in HERE:
            route.continue_()
        else:
            self.left.append(route.request.url)
            route.abort()


def faults(page: Page, rules: list[str] | None = None) -> list[str]:
    """
    What axe-core finds wrong with a page as it is now, one line each: the rule, and where.

    Args:
        rules: names of single rules; without, all of WCAG 2.2 A and AA and the good practices.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": RULES}
    found: list[dict[str, Any]] = page.evaluate(
        """async ([only, spared]) => {
            const exclude = spared.filter(s => document.querySelector(s)).map(s => [s]);
            return (await axe.run({ include: [['html']], exclude }, { runOnly: only, resultTypes: ['violations'] })).violations;
        }""",
        [only, SPARED],
    )
    return [f"{rule['id']}: {rule['help']}: {node['html'][:200]} {node['any'][0]['message'] if node['any'] else ''}" for rule in found for node in rule["nodes"]]


def trim(page: Page, most: int = 3000) -> None:
    """Takes out of a very long page what `faults` passes over anyway, since axe-core reads all that is there."""
    page.evaluate(
        "([most, spared]) => { if (document.querySelectorAll('*').length > most) for (const s of spared) document.querySelectorAll(s).forEach(e => e.remove()); }",
        [most, SPARED],
    )


def sideways(page: Page, width: int) -> list[str]:
    """What makes a page of that width scroll sideways; empty where it does not."""
    page.set_viewport_size({"width": width, "height": 800})
    too_wide: list[str] = page.evaluate(
        """() => {
            const room = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= room) return [];
            const out = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > room + 1);
            return [`${document.documentElement.scrollWidth} > ${room}`, ...out.slice(0, 5).map(e => e.outerHTML.slice(0, 120))];
        }"""
    )
    return too_wide
