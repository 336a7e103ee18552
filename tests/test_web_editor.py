"""The editor's page as the server sends it: what it begins with, its policy, and the form where the files of the editor are missing."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from covalue.names import PREFIXES
from covalue.stores.oxigraph import OxigraphStore
from covalue.web import editor
from library_served import LibraryServed, library
from served import Served, build_tiny

BROWSER = {"Accept": "text/html", "Accept_Language": "en"}


@pytest.fixture(scope="module")
def served(real_built: tuple[object, Path]) -> LibraryServed:
    """The real dataset and its questions."""
    return LibraryServed(OxigraphStore.open(real_built[1]), library())


def text_of(page: str) -> str:
    """What stands in the field of a page."""
    return unescape(re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)[1])  # type: ignore[index]


def test_it_begins_with_what_is_asked_for(served: LibraryServed) -> None:
    """A query, a ready question, or the first one; the header of a question's file is left out."""
    assert "ASK { <a:b> ?p ?o }" == text_of(served.ask("/editor?query=ASK+%7B+%3Ca:b%3E+?p+?o+%7D", **BROWSER).text)
    chosen = text_of(served.ask("/editor?question=figures/all-figures", **BROWSER).text)
    assert ("IndicatorObservation" in chosen, "#+" in chosen) == (True, False)
    assert "vcc:contributor" in text_of(served.ask("/editor", **BROWSER).text)
    lost = served.ask("/editor?question=figures/none", **BROWSER)
    assert (404, "/questions lists all" in lost.text) == (404, True)


def test_markup_in_a_query_is_text(served: LibraryServed) -> None:
    """In the field, in the title, and in what the script reads."""
    page = served.ask("/editor?query=%3C/textarea%3E%3Cscript%3Ealert(1)%3C/script%3E&name=%22%3E%3Cimg%20src=x%3E", **BROWSER).text
    assert "<script>alert" not in page
    assert "<img" not in page
    settings = json.loads(unescape(re.search(r'data-settings="([^"]*)"', page)[1]))  # type: ignore[index]
    assert ('"><img src=x>', dict(PREFIXES)) == (settings["name"], settings["prefixes"])


def test_the_policy_is_one_and_widened_by_attributes_of_style_alone(served: LibraryServed) -> None:
    """Scripts stay our own files; all other pages have the narrow policy."""
    policy = served.ask("/editor", **BROWSER)["Content-Security-Policy"]
    assert 1 == policy.count("default-src")
    assert {"script-src 'self'", "style-src 'self'", "style-src-attr 'unsafe-inline'", "connect-src 'self'"} <= set(policy.split("; "))
    assert "unsafe" not in served.ask("/", **BROWSER)["Content-Security-Policy"]


def test_without_the_files_there_is_a_form(served: LibraryServed, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why, and asks nothing of scripts that are not there."""
    monkeypatch.setattr(editor, "NEEDED", ("built/none.js",))
    page = served.ask("/editor", **BROWSER).text
    assert ("could not be fetched" in page, "<script" in page, 'action="/sparql"' in page) == (True, False, True)


def test_a_dataset_without_questions_has_the_editor_too(tmp_path: Path) -> None:
    """With the example of the endpoint."""
    page = Served(build_tiny(tmp_path)).ask("/editor", **BROWSER).text
    assert ("SELECT ?class" in text_of(page), 'id="question"' in page) == (True, False)
