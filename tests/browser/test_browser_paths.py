"""What people do: from the start page to an answer that can be cited, by mouse, by keyboard alone, and without script; and what a page costs."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from browsing import LANGUAGES, Visit
from playwright.sync_api import Page, expect

WATCH = """
window.jumped = 0;
new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.jumped += entry.value; }).observe({ type: "layout-shift", buffered: true });
"""
FIRST = 150_000
"""Bytes of the first page with all that it needs, in the coding that the browser asks for."""


def focus(page: Page, selector: str, most: int = 80) -> None:
    """Presses Tab until an element has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector}")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_newcomer_comes_to_a_cited_answer(visit: Visit, lang: str) -> None:
    """Start, a ready question, a choice, where it is said, a file for Excel, the citation."""
    say = {"en": 0, "zh": 1}[lang]
    page = visit("/", lang)
    page.locator(".cards a").first.click()
    expect(page.locator("h1")).to_contain_text(("Who contributes what", "谁以何物贡献")[say])
    page.get_by_role("navigation").first.get_by_role("link", name=("Questions", "问题")[say]).click()
    page.locator("#filter").fill(("sub-groups", "子群体")[say])
    expect(page.locator(".entry:visible")).not_to_have_count(0)
    page.locator(".entry:visible a", has_text=("What an actor contributes", "行动者")[say]).first.click()
    page.locator("select").first.select_option(label=("users", "用户")[say])
    page.get_by_role("button", name=("Answer", "回答")[say], exact=True).click()
    page.wait_for_url("**actor=xiaomi%2Factor%2Fusers**")
    assert "=&" not in page.url  # fields that are left open stay out of the address
    place = page.locator("td.where details").first
    place.locator("summary").click()
    expect(place.locator("a[href*='/source/jin-wu-2024/']").first).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV", exact=True).click()
    data = Path(saved.value.path()).read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert len(list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))) == page.locator("table.answer tbody tr").count()
    expect(page.locator("#citation")).to_contain_text("https://w3id.org/covalue/questions/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("[data-copy=citation]").click()
    expect(page.locator("[data-copy=citation]")).to_have_text(("Copied", "已复制")[say])
    assert page.locator("#citation").inner_text().strip() == page.evaluate("navigator.clipboard.readText()").strip()
    page.get_by_role("link", name=("Open in the editor", "在编辑器中打开")[say]).click()
    expect(page.locator("h1")).to_contain_text("SPARQL")


def test_the_switch_keeps_place_and_lasts(visit: Visit) -> None:
    """The same question in the other language, and the pages after it too."""
    page = visit("/questions/actors/contributions-of-an-actor?actor=users", "en")
    page.locator(".tongue").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    assert "actor=users" in page.url
    page.locator(".brand").click()
    page.wait_for_url(visit.url + "/")
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    page.locator(".tongue").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_words_lead_to_an_answer(visit: Visit) -> None:
    """The field of the start page answers, in Chinese too."""
    page = visit("/", "zh")
    page.locator("input[name=q]").fill("用户对价值创造有什么贡献？")
    page.keyboard.press("Enter")
    expect(page.locator("main table tbody tr").first).to_be_visible()
    expect(page.locator("main")).to_contain_text("价值创造")


def test_by_keyboard_alone(visit: Visit) -> None:
    """The skip link, the field, a question's drop-down and button, the evidence of a row."""
    page = visit("/")
    page.keyboard.press("Tab")
    assert page.locator(".skip").evaluate("e => e === document.activeElement && e.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert "q" == page.evaluate("document.activeElement.id")
    visit.go(page, "/questions/actors/contributions-of-an-actor")
    focus(page, "select")
    page.keyboard.type("users")
    focus(page, "form.parameters button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/*actor=*")
    focus(page, "td.where summary", 200)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    focus(page, "td.where .evidence a", 6)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/questions/" not in url)
    assert "w3id" not in page.url


@pytest.mark.parametrize("script", [True, False])
def test_rows_are_sorted_by_a_heading(visit: Visit, script: bool) -> None:
    """On the spot with script, by the server without; numbers by value either way."""
    page = visit("/questions/counts/claims-by-section", script=script)
    number = page.locator("thead th.number").first
    place = number.evaluate("e => e.cellIndex") if script else int(page.locator("thead th").evaluate_all("es => es.findIndex(e => e.classList.contains('number'))"))
    name = page.locator("thead th").nth(place).inner_text()
    page.locator("thead th").nth(place).locator("a").click()
    expect(page.locator("thead th").nth(place), name).to_have_attribute("aria-sort", "ascending")
    values = [float(t) for t in page.locator(f"tbody tr td:nth-child({place + 1})").all_inner_texts()]
    assert sorted(values) == values
    assert ("sort=" in page.url) is not script


def test_the_first_page_is_light(visit: Visit) -> None:
    """With all of its files, and what a second page then needs."""
    page = visit("/")
    sizes = page.evaluate("() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].map(e => [new URL(e.name).pathname, e.transferSize])")
    assert sum(size for _, size in sizes) < FIRST, sizes
    assert len(sizes) < 12, sizes


def test_nothing_jumps(visit: Visit) -> None:
    """While start page and answers load, no element moves that was already seen."""
    for path in ("/", "/questions/actors/contributions-of-an-actor?actor=users", "/questions"):
        page = visit("/health", width=360)
        page.add_init_script(
            "window.jumped = 0; new PerformanceObserver(l => { for (const e of l.getEntries()) window.jumped += e.value; }).observe({ type: 'layout-shift', buffered: true });"
        )
        visit.go(page, path)
        page.wait_for_timeout(300)
        assert 0.02 > page.evaluate("window.jumped"), path


def test_previews_and_references_are_read(visit: Visit) -> None:
    """What link previews, reference managers and searches for datasets read of the start page is there and true."""
    page = visit("/", "zh")
    found = page.evaluate("JSON.parse(document.querySelector('script[type=\"application/ld+json\"]').textContent)")
    assert ("Dataset", "https://creativecommons.org/licenses/by/4.0/") == (found["@type"], found["license"])
    assert {"en", "zh"} == set(found["inLanguage"])
    for part in found["distribution"]:
        assert 200 == page.request.get(part["contentUrl"]).status, part
    picture = page.request.get(str(page.locator('meta[property="og:image"]').get_attribute("content")))
    assert (200, "image/png") == (picture.status, picture.headers["content-type"])
    assert page.locator('meta[name="citation_title"]').get_attribute("content")
    assert page.locator('meta[name="citation_author"]').count()
