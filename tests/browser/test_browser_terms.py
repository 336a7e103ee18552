"""Search with type-ahead, and a source read beside a text that the reader gives, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import made_text
import pytest
from browsing import Visit
from playwright.sync_api import Page, expect

SOURCE = "/source/jin-wu-2024"


# --- search


@pytest.mark.parametrize(("lang", "typed", "wanted"), [("en", "value capt", "value capture"), ("zh", "价值获", "价值获取"), ("en", "创造", "value creation")])
def test_names_are_suggested_while_typing_and_chosen_by_keyboard(visit: Visit, lang: str, typed: str, wanted: str) -> None:
    """Arrow keys choose, Enter goes there; the list says what it is to a screen reader."""
    page = visit("/search", lang)
    box = page.get_by_role("combobox")
    box.press_sequentially(typed)
    first = page.get_by_role("option").first
    expect(first).to_contain_text(wanted)
    assert "true" == box.get_attribute("aria-expanded")
    box.press("ArrowDown")
    assert first.get_attribute("id") == box.get_attribute("aria-activedescendant")
    box.press("Enter")
    page.wait_for_url("**/scheme/dimension/*")
    assert wanted in page.locator("h1").inner_text()


def test_enter_without_a_choice_searches_and_escape_closes(visit: Visit) -> None:
    """The form is as it is without script."""
    page = visit("/search")
    box = page.get_by_role("combobox")
    box.press_sequentially("users")
    expect(page.get_by_role("option").first).to_be_visible()
    box.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    box.press("Enter")
    page.wait_for_url("**/search?q=users")
    assert page.get_by_role("heading", level=2).count() > 3


def test_search_without_script(visit: Visit) -> None:
    """Type, send, follow; kinds as links."""
    page = visit("/search", "zh", script=False)
    page.get_by_role("searchbox").fill("线下渠道")
    page.get_by_role("button").first.click()
    page.locator(".facets a", has_text="案例事物").click()
    page.locator(".hits h2 a").first.click()
    assert "线下渠道" in page.locator("h1").inner_text()


def test_names_in_suggestions_are_text(visit: Visit) -> None:
    """Whatever a service answers, no markup comes of it."""
    page = visit("/search")
    page.route("**/suggest?*", lambda route: route.fulfill(json={"results": [{"label": "<img src=x onerror=alert(1)>", "en": "<b>x</b>", "zh": "", "kind": "thing", "href": "/"}]}))
    page.get_by_role("combobox").press_sequentially("x")
    expect(page.get_by_role("option").first).to_contain_text("<img src=x")
    assert 0 == page.locator(".suggestions img, .suggestions b").count()


# --- a text beside the claims


def held(page: Page) -> dict[str, Any]:
    """What the page knows of the source."""
    found: dict[str, Any] = json.loads(page.locator("#held").inner_text() or page.evaluate("document.getElementById('held').textContent"))
    return found


def places(known: dict[str, Any]) -> dict[str, str]:
    """Each place with the made-up sentence that belongs to it; headings are left aside."""
    return {p["id"]: made_text.sentence(s["id"], p) for s in known["sections"] for p in s["passages"] if p["sentence"]}


def shown(page: Page) -> dict[str, str]:
    """What stands beside each place."""
    found: dict[str, str] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('[data-paragraph][data-found=yes]')].map(x => [x.id, x.querySelector('.own-text').textContent]))"
    )
    return found


def same(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The places where two differ, spaces aside."""
    return sorted(k for k in {*one, *other} if "".join(one.get(k, "").split()) != "".join(other.get(k, "").split()))


@pytest.mark.parametrize(("lang", "encoding", "blank"), [("en", "utf-8", True), ("zh", "gb18030", False), ("zh", "utf-16", True)])
def test_a_file_is_put_beside_its_claims(visit: Visit, tmp_path: Path, lang: str, encoding: str, blank: bool) -> None:
    """Each sentence at its place, whatever the encoding and the line ends; nothing is asked for meanwhile."""
    page = visit(SOURCE, lang)
    known = held(page)
    path = tmp_path / "text.txt"
    path.write_text(made_text.text(known, blank=blank), encoding=encoding)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "favicon" not in request.url else None)
    page.locator("#file").set_input_files(path)
    total = sum(len(s["passages"]) for s in known["sections"])
    expect(page.locator("[data-status]")).to_contain_text(f"{total} of {total}" if lang == "en" else f"{total} 个位置中有 {total} 个")
    assert [] == same(places(known), shown(page))
    assert [] == asked
    assert 0 == page.locator(".left-over:visible").count()
    page.locator("[data-forget]").click()
    assert {} == shown(page)
    assert "此句编造" not in page.locator("main").inner_text()


def test_a_text_that_differs_is_placed_as_far_as_it_goes(visit: Visit) -> None:
    """A sentence less, one broken in two, a heading less: all others find their place, and what did not is named."""
    page = visit(SOURCE)
    known = held(page)
    gone, broken, untitled = "3.2.2-p2-s2", "3.3.2-p1-s2", "2.2-p0-s0"
    page.locator("summary", has_text="paste").click()
    page.locator("#pasted").fill(made_text.text(known, without=(gone, untitled), split=(broken,)))
    page.locator("[data-place]").click()
    expect(page.locator("[data-status]")).to_contain_text("not found in your text")
    wanted = places(known)
    del wanted[gone]
    wanted[broken] = wanted[broken].replace("，涉及", "。涉及", 1)
    found = shown(page)
    assert set(same(wanted, found)) <= {broken}
    assert found[broken].replace(" ", "").endswith(wanted[broken].partition("。")[2].replace(" ", ""))
    assert "Not found in your text." == page.locator(f"[id='{gone}'] .own-text").inner_text()


def test_another_text_is_told(visit: Visit, tmp_path: Path) -> None:
    """One without headings of this source, a PDF, nothing at all: a sentence says what to do."""
    page = visit(SOURCE)
    status = page.locator("[data-status]")
    page.locator("[data-place]").click()
    expect(status).to_contain_text("no text yet")
    path = tmp_path / "other.txt"
    path.write_text("毫不相干的一段文字。" * 50, encoding="utf-8")
    page.locator("#file").set_input_files(path)
    expect(status).to_contain_text("No heading of this source")
    path = tmp_path / "paper.pdf"
    path.write_bytes(b"%PDF-1.7 ...")
    page.locator("#file").set_input_files(path)
    expect(status).to_contain_text("plain text")
    assert {} == shown(page)


def test_markup_in_a_text_is_text(visit: Visit) -> None:
    """A sentence with tags shows them."""
    page = visit(SOURCE)
    known = held(page)
    page.locator("summary", has_text="paste").click()
    page.locator("#pasted").fill(made_text.text(known).replace("此句编造", "<img src=x onerror=alert(1)>此句编造"))
    page.locator("[data-place]").click()
    expect(page.locator("[data-found=yes]").first).to_be_visible()
    assert 0 == page.locator(".own-text img").count()
    assert "<img src=x" in page.locator(".own-text", has_text="此句编造").first.inner_text()


def test_the_page_may_not_send(visit: Visit) -> None:
    """Not even to the service that gave it: the browser refuses, whatever a script would try."""
    page = visit(SOURCE)
    refused = page.evaluate(
        """async () => {
            const post = (yes, no) => {
                const x = new XMLHttpRequest();
                Object.assign(x, { onload: yes, onerror: no });
                x.open('POST', '/sparql');
                x.send('text');
            };
            const tries = [() => fetch('/health'), () => new Promise(post)];
            const out = [];
            for (const attempt of tries) out.push(await attempt().then(() => 'sent', () => 'refused'));
            out.push(navigator.sendBeacon('/health', 'x') ? 'queued' : 'refused');
            return out;
        }"""
    )
    assert ["refused", "refused"] == refused[:2]
    assert 3 <= len([e for e in visit.errors if "connect-src 'none'" in e])
    visit.errors.clear()  # these were meant


def test_a_source_is_read_without_script_too(visit: Visit) -> None:
    """Sections, places, claims; what needs a script is not shown, and the page says so."""
    page = visit(SOURCE, "zh", script=False)
    assert page.locator("[data-reader]").is_hidden()
    assert page.locator("noscript").count()
    assert page.locator("[data-passage]").count() > 80
    page.locator("[id='3.2.1-p2-s3'] a").first.click()
    assert "第3.2.1节第2段第3句" == page.locator("h1").inner_text()
