"""Pages of cases in a real browser: pictures that can be read, followed by keyboard, saved and printed; and the network explored."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import LANGUAGES, Visit, faults, sideways

CASE = "/case/xiaomi.html"
VIEWS = (("evolution", "en"), ("matrix", "zh"), ("canvas", "en"), ("figures", "zh"), ("structure", "en"))
WORDS_OUTSIDE = """() => [...document.querySelectorAll('svg.picture rect.box')].flatMap(r => { const box = r.getBBox(); return [...r.parentElement.querySelectorAll('text')]
    .filter(t => { const words = t.getBBox(); return words.x < box.x - 1 || words.x + words.width > box.x + box.width + 1 || words.y + words.height > box.y + box.height + 3; })
    .map(t => t.textContent); })"""


@pytest.mark.parametrize(("view", "lang"), VIEWS)
def test_the_other_views(visit: Visit, view: str, lang: str) -> None:
    """Accessible, and not wider than a phone."""
    page = visit(f"{CASE}?view={view}", lang)
    assert [] == faults(page)
    assert [] == sideways(page, 360)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_words_stay_inside_of_their_boxes(visit: Visit, lang: str) -> None:
    """As the browser's own fonts set them."""
    page = visit(CASE, lang)
    assert page.locator("svg.picture rect.box").count() > 20
    assert [] == page.evaluate(WORDS_OUTSIDE)
    visit.go(page, f"{CASE}?view=structure")
    assert [] == page.evaluate(WORDS_OUTSIDE)
    visit.go(page, f"{CASE}?section=3.2.2")
    assert page.locator("svg.picture a.situation").count() > 20
    assert [] == page.evaluate(WORDS_OUTSIDE)


def test_without_script_everything_is_there(visit: Visit) -> None:
    """Pictures, the evidence behind a click, and the form for a situation; nothing that would need a script."""
    page = visit(f"{CASE}?view=network", script=False)
    assert page.locator("svg.picture").is_visible()
    assert 0 == page.get_by_role("button").count()
    first = page.locator("section > details").first
    assert not first.get_by_role("table").is_visible()
    first.locator("summary").click()
    assert first.get_by_role("table").is_visible()
    visit.go(page, f"{CASE}?view=causes")
    page.locator("#f-focus").select_option("users-trust-xiaomi")
    page.locator("#f-reach").select_option("1")
    page.locator("form.focus-form button").click()
    assert "focus=users-trust-xiaomi" in page.url
    assert "Users trust Xiaomi" in page.locator("h2").first.inner_text()
    assert page.locator("svg.picture rect.here").count() == 1


def test_a_box_leads_to_its_page_by_keyboard(visit: Visit) -> None:
    page = visit(f"{CASE}?focus=users-trust-xiaomi&reach=1")
    box = page.locator("svg.picture a.situation:has(rect.here)")
    box.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/case/xiaomi/situation/users-trust-xiaomi*")


def test_a_count_leads_to_its_rows(visit: Visit) -> None:
    page = visit(CASE)
    page.locator("table.matrix td a").first.click()
    page.wait_for_url("**/questions/pictures/contributions?*")
    assert page.locator("main table tbody tr").count() > 3


@pytest.mark.parametrize("kind", ["SVG", "PNG"])
def test_a_picture_is_saved(visit: Visit, tmp_path: Path, kind: str) -> None:
    page = visit(f"{CASE}?view=evolution", "zh")
    links = page.locator("figure .picture-links")
    button = links.get_by_role("link", name="SVG", exact=True) if kind == "SVG" else links.get_by_role("button")
    with page.expect_download() as waiting:
        button.click()
    waiting.value.save_as(tmp_path / "saved")
    data = (tmp_path / "saved").read_bytes()
    assert waiting.value.suggested_filename == f"covalue-xiaomi-evolution-zh.{kind.lower()}"
    assert data.startswith(b"<?xml" if kind == "SVG" else b"\x89PNG")
    assert len(data) > 5_000


def test_a_saved_picture_has_its_colours(visit: Visit) -> None:
    """The file as a browser opens it: its own style is allowed to it."""
    page = visit("/pictures/xiaomi/network.svg")
    assert "rgb(255, 255, 255)" == page.evaluate("() => getComputedStyle(document.querySelector('rect.paper')).fill")


@pytest.mark.parametrize("dark", [False, True])
def test_pictures_follow_the_colours_of_the_page(visit: Visit, dark: bool) -> None:
    page = visit(f"{CASE}?view=evolution", dark=dark)
    text, ground = page.evaluate("() => [getComputedStyle(document.querySelector('svg.picture text')).fill, getComputedStyle(document.body).backgroundColor]")
    light = [sum(map(int, c.removeprefix("rgb(").rstrip(")").split(","))) for c in (text, ground)]
    assert (light[0] > light[1]) == dark


def test_the_network_can_be_explored(visit: Visit) -> None:
    """A click on a line tells its claims and where they stand; without the library's file the picture stays."""
    page = visit(f"{CASE}?view=network")
    section = page.locator(".interactive")
    if section.count() == 0:
        pytest.skip("static/built is not there: this checkout was installed without the files of others")
    section.get_by_role("button").click()
    page.wait_for_selector(".interactive[data-ready=yes] canvas")
    box = section.locator(".drawing").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector(".said a")
    assert "Xiaomi" in section.locator(".said").inner_text()
    assert [] == faults(page)


def test_print_shows_whole_pictures(visit: Visit) -> None:
    """On paper a picture is as wide as the page at most, and what only a screen needs is gone."""
    page = visit(CASE, width=700)
    page.emulate_media(media="print")
    assert not page.locator("nav.views").is_visible()
    assert not page.locator(".picture-links").first.is_visible()
    assert page.evaluate("() => [...document.querySelectorAll('svg.picture')].every(s => s.getBoundingClientRect().width <= document.documentElement.clientWidth + 1)")
