"""Pages for readers: escaped, without inline script, in both languages."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest

from covalue.web.pages import MOST_ROWS, printable
from served import B, G, Reply, Served, build_tiny

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
VOID_ELEMENTS = {"meta", "link", "br", "input"}
PAGES = [
    "/",
    "/sparql",
    "/sparql?query=ASK%7B%7D",
    "/ontology",
    "/case/tiny.html",
    "/case/tiny/mill.html",
    "/graph/odd",
    "/dataset.html",
    "/scheme/role/hub.html",
    "/graph-store?default",
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The tiny dataset."""
    return Served(build_tiny(tmp_path_factory.mktemp("tiny")))


class Strict(HTMLParser):
    """Reads a page, and notes elements that are not closed, scripts, handlers and links."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID_ELEMENTS:
            self.open.append(tag)
        if tag == "script" and not (dict(attrs).get("src") or "").startswith("/static/") and dict(attrs).get("type") not in ("application/ld+json", "application/json"):
            self.faults.append("inline script")
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.faults.append(f"{tag} {name}")
            if name in ("href", "src", "action"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")


def parsed(reply: Reply) -> Strict:
    """A page that is sound and safe."""
    assert (200, "text/html") == (reply.status, reply.kind)
    page = Strict()
    page.feed(reply.text)
    assert [] == page.faults
    assert [] == page.open
    assert not page.tags & {"iframe", "object", "embed", "base", "style"}
    assert all(re.match(r"(https?:/)?/|#", link) for link in page.links), page.links
    assert len(page.ids) == len(set(page.ids))
    return page


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_page_is_sound_in_both_languages(served: Served, path: str, lang: str) -> None:
    """By header and by parameter; a link leads to the other language."""
    by_header = served.ask(path, Accept=BROWSER, Accept_Language={"en": "en-GB,en;q=0.9", "zh": "zh-CN,zh;q=0.9,en;q=0.8"}[lang])
    by_parameter = served.ask(path + ("&" if "?" in path else "?") + f"lang={lang}", Accept=BROWSER, Accept_Language="fr")
    for reply in (by_header, by_parameter):
        page = parsed(reply)
        assert lang == reply["Content-Language"]
        assert f'<html lang="{lang}">' in reply.text
        assert {"accept", "accept-language"} <= reply.vary
        assert any(f"lang={'zh' if lang == 'en' else 'en'}" in link for link in page.links)
    assert ("数据集" if lang == "zh" else "Dataset") in by_header.text


def test_an_unknown_language_is_english(served: Served) -> None:
    """Never an empty page."""
    assert "en" == served.ask("/", Accept=BROWSER, Accept_Language="fr, de;q=0.5")["Content-Language"]
    assert "en" == served.ask("/?lang=xx", Accept=BROWSER)["Content-Language"]


def test_the_chosen_language_lasts(served: Served) -> None:
    """The switch is kept in a cookie of two letters; the parameter goes before it, and it before the header."""
    first = served.ask("/?lang=zh", Accept=BROWSER, Accept_Language="en")
    cookie = first["Set-Cookie"]
    assert cookie.startswith("covalue-lang=zh;")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "private" in first["Cache-Control"]
    kept = served.ask("/ontology", Accept=BROWSER, Accept_Language="en", Cookie="covalue-lang=zh")
    assert ("zh", None) == (kept["Content-Language"], kept.get("Set-Cookie"))
    assert {"accept-language", "cookie"} <= kept.vary
    assert "en" == served.ask("/ontology?lang=en", Accept=BROWSER, Cookie="covalue-lang=zh")["Content-Language"]
    assert "en" == served.ask("/ontology", Accept=BROWSER, Accept_Language="en", Cookie="covalue-lang=<x>")["Content-Language"]
    assert served.query("ASK {}", lang="zh").get("Set-Cookie") is None


def test_files_for_browsers_are_kept_by_their_digest(served: Served) -> None:
    """A page names a file with its digest; so asked for it is good for a year, otherwise by its tag."""
    link = next(x for x in parsed(served.ask("/", Accept=BROWSER)).links if "covalue.css" in x)
    assert re.search(r"\?v=[0-9a-f]{12}$", link)
    whole = served.ask(link, Accept_Encoding="gzip")
    assert ("text/css", "gzip") == (whole.kind, whole["Content-Encoding"])
    assert "immutable" in whole["Cache-Control"]
    assert 304 == served.ask(link, Accept_Encoding="gzip", If_None_Match=whole["ETag"]).status
    assert "must-revalidate" in served.ask("/static/covalue.css?v=0123456789ab")["Cache-Control"]
    assert whole["ETag"] != served.ask("/static/covalue.css")["ETag"]


@pytest.mark.parametrize("path", ["../app.py", "%2e%2e/app.py", "/etc/passwd", "../static/../pages.py", "none.css", "", "built", "%00.css"])
def test_nothing_but_files_for_browsers_is_served(served: Served, path: str) -> None:
    """Neither code, nor anything outside of the folder."""
    assert served.ask("/static/" + path, Accept="*/*").status in (400, 404)


def test_markup_in_data_is_text(served: Served) -> None:
    """In tables of results and in descriptions."""
    text = f"SELECT * {{ <{B}case/tiny/mill> ?p ?o }}"
    for reply in (served.query(text, BROWSER), served.ask("/case/tiny/mill.html"), served.query(f"DESCRIBE <{B}case/tiny/mill>", BROWSER)):
        page = parsed(reply)
        assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &#34;quoted&#34;" in reply.text
        assert "https://example.org/?a=1&b=2" in page.links
        assert not any("javascript" in link for link in page.links)
        assert "javascript:alert(1)" in reply.text


def test_markup_in_the_request_is_text(served: Served) -> None:
    """The query comes back in its field, and goes nowhere else."""
    text = 'SELECT ("</textarea><script>alert(1)</script>" AS ?x) {} # "><img src=x onerror=alert(1)>'
    page = parsed(served.query(text, BROWSER, lang='en"><script>'))
    assert "img" not in page.tags


def test_column_names_and_boolean(served: Served) -> None:
    """Tables have their columns in order; ASK is a word."""
    reply = served.query('SELECT ?b ?a { VALUES (?a ?b) { (1 "x"@zh) (UNDEF <http://x/>) } }', BROWSER)
    assert re.findall(r'<th scope="col">(.*?)</th>', reply.text) == ["b", "a"]
    assert '<bdi lang="zh">' in reply.text
    assert "2 rows" in reply.text
    assert "共 2 行" in served.query('SELECT ?b ?a { VALUES (?a ?b) { (1 "x") (2 "y") } }', BROWSER, lang="zh").text
    assert "<code>false</code>" in served.query("ASK { <a:a> <a:a> <a:a> }", BROWSER).text


def test_long_tables_are_cut_and_say_so(served: Served) -> None:
    """The download is whole."""
    reply = served.query("SELECT * { ?s ?p ?o . ?a a ?b }", BROWSER)
    page = parsed(reply)
    assert MOST_ROWS == reply.text.count("<tr>") - 1
    assert f"Only the first {MOST_ROWS} rows are shown" in reply.text
    link = next(x for x in page.links if "format=csv" in x)
    whole = served.ask(link)
    assert whole.text.count("\r\n") > MOST_ROWS + 1
    assert "attachment" in whole["Content-Disposition"]
    graph = served.query("CONSTRUCT WHERE { ?s ?p ?o }", BROWSER)
    assert f"Only the first {MOST_ROWS} rows" in graph.text
    parsed(graph)


def test_downloads_keep_the_dataset_of_the_request(served: Served) -> None:
    """The graphs named in the request are in the link."""
    page = parsed(served.query("SELECT * { ?s ?p ?o }", BROWSER, **{"default-graph-uri": G + "odd"}))
    link = next(x for x in page.links if "format=json" in x)
    assert urlencode({"default-graph-uri": G + "odd"}) in link
    assert 2 == len(served.ask(link).json["results"]["bindings"])


def test_a_posted_query_gets_a_page_too(served: Served) -> None:
    """Without a link to the other language, since a link cannot post."""
    page = parsed(served.form([("query", "ASK {}")], Accept=BROWSER))
    assert not any("lang=" in link for link in page.links)


def test_own_iris_lead_to_this_server(served: Served) -> None:
    """Wherever it runs, and terms to their own pages."""
    page = parsed(served.ask("/case/tiny/mill.html"))
    assert {"/case/tiny/flour", "/ontology/Firm", "/ontology/holds", "/case/tiny/baker"} <= set(page.links)


def test_the_page_of_the_ontology_has_a_place_for_each_term(served: Served) -> None:
    """A hash IRI in a browser ends there."""
    reply = served.ask("/ontology", Accept=BROWSER)
    page = parsed(reply)
    assert {"Actor", "Firm", "holds", "main"} <= set(page.ids)
    assert "Somebody who acts." in reply.text
    assert "采取行动者。" in reply.text
    assert re.search(r"<bdi>holds</bdi></a><span class=\"word\"> some </span><a [^>]*><bdi>owl:Thing</bdi></a>", reply.text)


@pytest.mark.parametrize(
    ("given", "expected"), [("a\x00b\x1b[31m", "a\ufffdb\ufffd[31m"), ("\u202egpj.exe", "\ufffdgpj.exe"), ("小米\n", "小米\n"), ("x" * 3000, "x" * 2000 + " …")]
)
def test_printable(given: str, expected: str) -> None:
    """What hides, turns or floods a page is taken out, visibly."""
    assert expected == printable(given)


def test_results_and_the_dataset_show_labels(served: Served) -> None:
    """In the language of the page, else in any; the IRI stays at hand."""
    page = served.query(f"SELECT ?x {{ VALUES ?x {{ <{B}case/tiny/mill> <{B}case/tiny/baker> }} }}", BROWSER, lang="zh").text
    assert f'title="{B}case/tiny/mill" rel="noopener noreferrer nofollow">磨坊</a>' in page
    assert ">baker</a>" in page
    for lang, name in (("en", "firm"), ("zh", "企业")):
        page = served.ask(f"/dataset?lang={lang}", Accept=BROWSER).text
        assert f">{name}</a>" in page
        assert served.store.version in page


@pytest.mark.parametrize(
    ("path", "status", "english", "chinese"),
    [
        ("/nothing/here", 404, "Not found", "没有找到"),
        ("/sparql?query=SELECT+*+%7B+%3Fs", 400, "Line 1, column", "第 1 行第"),
        ("/sparql?query=%3Cscript%3Ealert(1)%3C/script%3E", 400, "Bad request", "请求有误"),
    ],
)
def test_a_browser_gets_a_problem_as_a_page(served: Served, path: str, status: int, english: str, chinese: str) -> None:
    """In its language, with ways on; a program that asks for HTML alone gets one line of text, and markup in a query stays text."""
    for lang, words in (("en", english), ("zh", chinese)):
        reply = served.ask(path, Accept=BROWSER, Accept_Language=lang)
        assert (status, "text/html", lang, "no-store") == (reply.status, reply.kind, reply["Content-Language"], reply["Cache-Control"])
        assert (True, 1, False) == (words in reply.text, reply.text.count("<h1>"), "<script>alert" in reply.text)
        assert {"accept", "accept-language"} <= set(reply.vary)
    plain = served.ask(path, Accept="text/html")
    assert (status, "text/plain", 1) == (plain.status, plain.kind, plain.text.count("\n"))
