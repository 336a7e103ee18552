"""The document of the ontology as one file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from covalue.cli import main
from covalue.errors import StoreError
from covalue.stores.oxigraph import OxigraphStore
from covalue.terminology import read
from covalue.web.static_document import document
from library_served import library
from served import B


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_file_stands_alone(real_built: tuple[object, Path], lang: str) -> None:
    """Nothing is fetched when it is opened; terms lead to their places in it, all else to permanent addresses."""
    store = OxigraphStore.open(real_built[1])
    text = document(store, library(), lang).decode()
    assert f'<html lang="{lang}">' in text
    assert not re.search(r"<(script (?!type=\"application/ld\+json\")|img|iframe|link rel=\"stylesheet\")|url\(|@import", text)
    assert "--paper" in text
    links = set(re.findall(r'href="([^"]+)"', text))
    assert all(link.startswith(("https://", "http://", "#")) for link in links), [x for x in links if not x.startswith(("http", "#"))][:5]
    ids = set(re.findall(r' id="([^"]+)"', text))
    assert {x[1:] for x in links if x.startswith("#")} <= ids
    assert {t.local for t in read(store).terms.values() if t.iri.startswith(B + "ontology#")} <= ids


def test_by_the_command_line(real_built: tuple[object, Path], repo: object) -> None:
    """On stdout, the same bytes."""
    ran = CliRunner().invoke(main, ["export", "--document", "zh", "--out", str(real_built[1])])
    assert 0 == ran.exit_code, ran.output
    assert ran.stdout_bytes.startswith(b"<!doctype html>")


def test_without_an_ontology_it_says_so() -> None:
    """One sentence."""
    with pytest.raises(StoreError, match="no ontology"):
        document(OxigraphStore.from_files([]), None, "en")
