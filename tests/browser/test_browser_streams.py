"""A browser that saves a long answer which is cut: the download fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flowing import LONG, TOO_MANY, lines, opened
from served import Served


def test_a_cut_download_fails(chromium: Any, tmp_path: Path) -> None:
    """Also packed, as browsers ask; one that is whole is saved. A script that fetches it has an error."""
    data = tmp_path / "data.nt"
    data.write_text(lines(), encoding="utf-8")
    with opened(data) as store:
        served = Served(store)
        page = chromium.new_page()
        failures = []
        for query in (LONG, TOO_MANY):
            with page.expect_download(timeout=60_000) as started:
                page.evaluate("address => { location.href = address }", served.url + "/sparql?" + urlencode({"query": query, "format": "csv", "download": "1"}))
            failures.append(started.value.failure())
        page.goto(served.url + "/health")
        fetched = "async address => fetch(address).then(r => r.text()).then(() => 'whole', error => error.name)"
        said = [page.evaluate(fetched, "/sparql?" + urlencode({"query": query, "format": "json"})) for query in (LONG, TOO_MANY)]
        page.close()
    assert failures[0] is None
    assert failures[1]
    assert ["whole", "TypeError"] == said
