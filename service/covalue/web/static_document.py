"""
The document of the ontology as one file that needs no service: its style inside, its terms linked within, all else by permanent addresses.

It is the page that the service gives, asked for under the permanent address and made whole, so that both never differ.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from covalue.errors import StoreError
from covalue.names import BASE, ONTOLOGY_IRI
from covalue.questions import Library
from covalue.stores import Store
from covalue.web.app import create_app
from covalue.web.assets import FOLDER

SHEET = re.compile(r'<link rel="stylesheet" href="[^"]*/static/([a-z-]+\.css)[^"]*">\n?')
LIVE = re.compile(r'<script type="module"[^>]*></script>|<link rel="icon"[^>]*>\n?|<a class="tongue".*?</a>', re.DOTALL)
"""What only makes sense on a page of a service."""


def document(store: Store, library: Library | None, lang: str) -> bytes:
    """
    The document in a language, as HTML.

    Raises:
        StoreError: the store has no ontology, or failed.
    """
    with create_app(store, library).test_client() as client:
        reply = client.get("/ontology.html", query_string={"lang": lang}, base_url=BASE)
    if reply.status_code != 200:
        raise StoreError("the dataset has no ontology that could be shown.", "数据集中没有可供显示的本体。")
    return _alone(reply.get_data(as_text=True)).encode()


def _alone(page: str) -> str:
    """A page with its style inside and without what needs the service."""
    page = SHEET.sub(lambda found: f"<style>\n{(FOLDER / found[1]).read_text(encoding='utf-8')}</style>\n", page)
    page = LIVE.sub("", page)
    root = urlsplit(BASE).path
    page = re.sub(rf'(href|action|src)="{re.escape(root)}', rf'\1="{BASE}', page)
    known = set(re.findall(r' id="([^"]+)"', page))
    return re.sub(rf'href="{re.escape(ONTOLOGY_IRI)}/([A-Za-z0-9_-]+)"', lambda found: f'href="#{found[1]}"' if found[1] in known else found[0], page)
