"""The SPARQL editor in a real browser: rows, views, completion, faults, both languages, keyboard; and the plain form without script."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from browsing import LANGUAGES, Visit, faults
from playwright.sync_api import Page, expect

from covalue.web import assets, editor

GRAPH = "PREFIX vcc: <https://w3id.org/covalue/ontology#> CONSTRUCT { ?a vcc:contributesTo ?d } WHERE { ?a vcc:contributesTo ?d }"
COUNTS = "PREFIX vcc: <https://w3id.org/covalue/ontology#> SELECT ?actor (COUNT(?c) AS ?n) WHERE { ?c a vcc:Contribution ; vcc:contributor ?actor } GROUP BY ?actor"

pytestmark = pytest.mark.skipif(not all(map(assets.present, editor.NEEDED)), reason="the files of the editor were not fetched at set-up")


def text(page: Page) -> str:
    """The text in the editor."""
    page.wait_for_function("window.covalueEditor?.getTab()?.getYasqe()")
    return str(page.evaluate("covalueEditor.getTab().getYasqe().getValue()"))


def holds(page: Page, part: str) -> None:
    """Waits until the text in the editor has that in it."""
    page.wait_for_function("part => window.covalueEditor?.getTab()?.getYasqe()?.getValue().includes(part)", arg=part)


def write(page: Page, query: str) -> None:
    """Replaces the text in the editor, by keys as a reader would."""
    page.locator(".tabPanel.active .CodeMirror").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(query)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_question_opens_runs_and_shows_rows(visit: Visit, lang: str) -> None:
    """From a link, with labels in the language of the page, and links to things here; the interface speaks that language."""
    page = visit("/editor?question=actors/contributions-with-evidence", lang)
    rows = page.locator(".yasr_results tbody tr")
    expect(rows.first).to_be_visible()
    assert rows.count() > 100
    assert {"en": "value capture", "zh": "价值获取"}[lang] in rows.first.inner_text()
    assert "/case/xiaomi/actor/" in str(rows.first.locator("a").first.get_attribute("href"))
    buttons = page.locator(".yasr_btnGroup").first.inner_text()
    assert {"en": ["Table", "Network", "Chart"], "zh": ["表格", "网络图", "图表"]}[lang] == [b.strip() for b in buttons.split("\n") if b.strip()][:3]
    chip = page.locator(".yasr_response_chip").inner_text()
    assert {"en": "results in", "zh": "条结果，用时"}[lang] in chip
    assert page.locator(".yasqe_queryButton").get_attribute("title") == {"en": "Run query", "zh": "运行查询"}[lang]
    assert [] == faults(page)


def test_each_question_has_a_tab_of_its_own(visit: Visit) -> None:
    """What was asked for is shown, not what stood there before; coming back finds the tab again."""
    page = visit("/editor?question=causes/loops")
    first = text(page)
    visit.go(page, "/editor?question=stages/evolution")
    expect(page.locator(".tabsList .tab.active")).to_contain_text("Stages of the business model")
    assert first != text(page)
    assert "EvolutionStage" in text(page) or "stage" in text(page)
    visit.go(page, "/editor?question=causes/loops")
    holds(page, first)
    assert first == text(page)
    assert 2 == page.locator(".tabsList .tab[role=presentation], .tabsList .tab").count() - page.locator(".tabsList .addTab.tab").count()
    visit.go(page, f"/editor?query={quote('ASK { ?s ?p ?o }')}&name=mine")
    holds(page, "ASK { ?s ?p ?o }")
    assert "ASK { ?s ?p ?o }" == text(page)
    expect(page.locator(".tabPanel.active .yasr_results")).to_contain_text("True")


def test_examples_open_from_the_list(visit: Visit) -> None:
    """The list of ready questions opens one in a tab, without leaving the page."""
    page = visit("/editor")
    page.get_by_label("Begin with a ready question").select_option("figures/all-figures")
    page.get_by_role("button", name="Open").click()
    expect(page.locator(".tabsList .tab.active")).to_contain_text("All figures")
    holds(page, "IndicatorObservation")
    assert "#+" not in text(page)


def test_views_as_network_and_chart(visit: Visit) -> None:
    """A graph is drawn, numbers are bars; where a view cannot show a result, its button is off."""
    page = visit(f"/editor?query={quote(GRAPH)}&name=graph")
    page.locator(".select_network").click()
    expect(page.locator(".view-network canvas").first).to_be_visible()
    assert "nodes" in str(page.locator(".view-network").get_attribute("aria-label"))
    assert page.locator(".select_chart").is_disabled() or "disabled" in str(page.locator(".select_chart").get_attribute("class"))
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as PNG").click()
    assert saved.value.suggested_filename.endswith(".png")
    visit.go(page, f"/editor?query={quote(COUNTS)}&name=counts")
    page.locator(".tabPanel.active .select_chart").click()
    expect(page.locator(".tabPanel.active .view-chart rect").first).to_be_visible()
    assert page.locator(".tabPanel.active .view-chart rect").count() > 5


@pytest.mark.parametrize(("typed", "expected"), [("参与", "vcc:takesPartIn"), ("takes part", None), ("contributo", "vcc:contributor")])
def test_terms_are_completed_by_their_names(visit: Visit, typed: str, expected: str | None) -> None:
    """In both languages, from this service alone; a chosen term brings its prefix along."""
    page = visit("/editor")
    write(page, "SELECT * WHERE { ?s " + typed)
    page.keyboard.press("Control+Space")
    if expected is None:  # a name of two words is two tokens: the last one is completed
        expect(page.locator(".CodeMirror-hint").first).to_be_visible()
        return
    hint = page.locator(".CodeMirror-hint", has_text=expected).first
    expect(hint).to_be_visible()
    hint.click()
    holds(page, expected)
    holds(page, "PREFIX vcc: <https://w3id.org/covalue/ontology#>")


@pytest.mark.parametrize(("typed", "offered"), [("sk", ["skos: <http://www.w3.org/2004/02/skos/core#>"]), ("le", []), ("goo", [])])
def test_prefixes_are_ours_alone(visit: Visit, typed: str, offered: list[str]) -> None:
    """Nothing of the popular list that YASGUI brings along."""
    page = visit("/editor")
    write(page, "PREFIX ")
    page.keyboard.type(typed, delay=20)
    if not offered:
        page.wait_for_timeout(300)
    expect(page.locator(".CodeMirror-hint")).to_have_text(offered)


@pytest.mark.parametrize(("lang", "said"), [("en", "Line 1, column"), ("zh", "第 1 行，第")])
def test_a_fault_names_its_place(visit: Visit, lang: str, said: str) -> None:
    """In the language of the page, with a way there."""
    page = visit("/editor", lang)
    write(page, "SELECT ?x WHERE { ?x foo:bar ?y }")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text(said)
    page.get_by_role("button", name={"en": "Go there", "zh": "转到该处"}[lang]).click()
    assert 0 == page.evaluate("covalueEditor.getTab().getYasqe().getDoc().getCursor().line")
    visit.errors[:] = [e for e in visit.errors if "400" not in e]  # the browser itself notes that an answer was 400


def test_the_keyboard_goes_in_and_out(visit: Visit) -> None:
    """Tab is no trap, and a query runs without a mouse."""
    page = visit("/editor")
    expect(page.locator(".tabPanel.active .CodeMirror")).to_be_visible()
    page.evaluate("covalueEditor.getTab().getYasqe().focus()")
    before = text(page)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".yasr_results tbody tr").first).to_be_visible()
    page.keyboard.press("Tab")
    assert before == text(page)
    assert "TEXTAREA" != page.evaluate("document.activeElement.tagName")
    page.keyboard.press("Shift+Tab")
    assert "TEXTAREA" == page.evaluate("document.activeElement.tagName")


def test_a_tab_is_closed_by_key_and_its_name_edited(visit: Visit) -> None:
    """Delete closes the tab that has the focus; in the field of its name it takes away a letter, and no query is lost."""
    page = visit("/editor")
    text(page)
    page.locator(".addTab").click()
    tabs = page.locator(".tabsList .tab")
    expect(tabs).to_have_count(2)
    page.locator(".tab.active > a").dblclick()
    page.keyboard.press("Home")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    expect(tabs).to_have_count(2)
    page.locator(".tab.active > a").focus()
    page.keyboard.press("Delete")
    expect(tabs).to_have_count(1)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_form_works_without_script(visit: Visit, lang: str) -> None:
    """A ready question is put into the form by the server, and the form shows rows."""
    page = visit("/editor", lang, script=False)
    page.locator("#question").select_option("figures/all-figures")
    page.locator(".examples button").click()
    expect(page.locator("#query")).to_have_value(re.compile("IndicatorObservation"))
    page.locator(".plain button").click()
    expect(page.locator("main tbody tr")).to_have_count(10)
