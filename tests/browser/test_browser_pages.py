"""Every kind of page in a real browser: both languages, light and dark, three widths, by axe-core and by what a reader needs."""

from __future__ import annotations

import pytest
from browsing import LANGUAGES, WIDTHS, Visit, faults, sideways, trim
from kinds import KINDS


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_page(visit: Visit, kind: str, lang: str) -> None:
    """Accessible in light and dark, in its language, with a title and one heading, and never wider than the window."""
    page = visit(KINDS[kind], lang)
    assert lang == page.locator("html").get_attribute("lang")
    assert page.title().strip()
    assert 1 == page.locator("h1").count()
    assert page.locator("main").inner_text().strip()
    assert [] == [f"{width}: {what}" for width in WIDTHS for what in sideways(page, width)]
    trim(page)
    assert [] == faults(page)
    page.emulate_media(color_scheme="dark")
    assert [] == faults(page, ["color-contrast"])


@pytest.mark.parametrize("kind", KINDS)
def test_without_script(visit: Visit, kind: str) -> None:
    """The same heading, the same links of the frame, and something to read."""
    page = visit(KINDS[kind], script=False)
    assert page.locator("h1").is_visible()
    assert page.get_by_role("navigation").first.get_by_role("link").count() >= 4
    assert len(page.locator("main").inner_text()) > 100
