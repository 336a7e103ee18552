"""Named questions over real HTTP: the catalogue, answers in every format, paging, citing, what is wrong, networks, and OpenAPI by schemathesis."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import openpyxl
import pyoxigraph as ox
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_headers_conformance, response_schema_conformance, status_code_conformance

from covalue.errors import InputError, StoreError
from covalue.formats import Format
from covalue.queries import load
from covalue.questions import Answers, Library, Question
from covalue.stores import Answer, Pick, Request
from covalue.stores.bounded import BoundedStore
from covalue.stores.oxigraph import OxigraphStore
from covalue.web.app import create_app
from covalue.web.questions import OFFERED, question_views
from library_served import FIRST_THIRTEEN, USERS, LibraryServed, with_extra
from served import Reply, enc

FIGURES = "/questions/figures/all-figures"
PROFILE = "/questions/actors/actor-profile"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
DOI = "10.12677/fin.2024.143123"


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return with_extra(tmp_path_factory.mktemp("extra"))


@pytest.fixture(scope="module")
def served(real_built: tuple[object, Path], questions: Library) -> LibraryServed:
    return LibraryServed(OxigraphStore.open(real_built[1]), questions)


def rows(reply: Reply) -> list[dict[str, str]]:
    assert (200, "text/csv") == (reply.status, reply.kind), reply.text
    return list(csv.DictReader(io.StringIO(reply.body.decode("utf-8-sig"), newline="")))


def problem(reply: Reply, status: int) -> dict[str, Any]:
    """The problem that a reply holds, with the shape that every problem has."""
    assert (status, "application/problem+json") == (reply.status, reply.kind), reply.text
    body: dict[str, Any] = reply.json
    assert {"type", "title", "status", "detail", "detail_zh"} <= set(body)
    assert body["detail"] != body["detail_zh"]
    assert "no-store" == reply["Cache-Control"]
    return body


def links(reply: Reply) -> dict[str, str]:
    return {rel: href for href, rel in re.findall(r'<([^>]*)>; rel="([^"]+)"', reply.get("Link") or "")}


# --- the catalogue


def test_catalogue_is_json_for_programs(served: LibraryServed, questions: Library) -> None:
    """Whoever states nothing gets JSON with every question."""
    reply = served.ask("/questions")
    assert (200, "application/json") == (reply.status, reply.kind)
    assert list(questions.questions) == [q["name"] for q in reply.json["questions"]]
    assert served.store.version == reply["Covalue-Dataset"]


@pytest.mark.parametrize(("lang", "title"), [("en", "All figures"), ("zh", "全部数值")])
def test_catalogue_is_a_page_for_readers(served: LibraryServed, lang: str, title: str) -> None:
    """A browser gets a page in its language, with a link to each question, and its templates hold no script."""
    reply = served.ask("/questions", Accept=BROWSER, Accept_Language=lang)
    assert (200, "text/html", lang) == (reply.status, reply.kind, reply["Content-Language"])
    assert f'<a href="{FIGURES}">{title}</a>' in reply.text
    assert reply.text.count("<script") == reply.text.count('<script type="module" src="/static/')


@pytest.mark.parametrize("name", ["ttl", "nt", "rdfxml", "jsonld", "trig", "nq"])
def test_catalogue_is_rdf(served: LibraryServed, questions: Library, name: str) -> None:
    """In each RDF format it has one executable for each question, which points at this endpoint."""
    made = served.ask(f"/questions?format={name}").triples()
    executable = ox.NamedNode("http://www.w3.org/ns/shacl#SPARQLSelectExecutable")
    assert len(questions.questions) == sum(t.object == executable for t in made)
    assert {f"{served.url}/sparql"} == {t.object.value for t in made if t.predicate.value == "https://schema.org/target" and isinstance(t.object, ox.NamedNode)}


def test_catalogue_by_header(served: LibraryServed) -> None:
    """RDF types are negotiated too."""
    assert "text/turtle" == served.ask("/questions", Accept="text/turtle").kind
    assert "application/ld+json" == served.ask("/questions", Accept="application/ld+json").kind


def test_area(served: LibraryServed) -> None:
    """An area lists its own questions; an unknown one is 404 with the nearest."""
    assert {"figures"} == {q["area"] for q in served.ask("/questions/figures").json["questions"]}
    assert "https://w3id.org/covalue/questions/figures" in problem(served.ask("/questions/figure"), 404)["nearest"]


# --- answers


@pytest.mark.parametrize("name", FIRST_THIRTEEN)
def test_answers_agree_with_sparql(served: LibraryServed, questions: Library, name: str) -> None:
    """The rows of the first thirteen are those of their queries at /sparql, in every format that can be compared."""
    expected = served.form([("query", questions.get(name).query.text), ("format", "json")]).json["results"]["bindings"]
    reply = served.ask(f"/questions/{name}")
    assert (200, "application/json", str(len(expected))) == (reply.status, reply.kind, reply["X-Total-Count"])
    columns = [c["name"] for c in reply.json["columns"]]
    assert [[r[c]["value"] if c in r else "" for c in columns] for r in expected] == [[r[c] for c in columns] for r in rows(served.ask(f"/questions/{name}?format=csv"))]
    assert expected == served.ask(f"/questions/{name}?format=srj").json["results"]["bindings"]
    results = ox.parse_query_results(served.ask(f"/questions/{name}?format=srx").body, format=ox.QueryResultsFormat.XML)
    assert isinstance(results, ox.QuerySolutions)
    assert len(expected) == len(list(results))


@pytest.mark.parametrize("format", OFFERED, ids=lambda f: f.names[0])
@pytest.mark.parametrize("name", ["figures/all-figures", "actors/government-contributions", "actors/zz-traps"])
def test_every_format_by_name_and_header(served: LibraryServed, format: Format, name: str) -> None:
    """Each is had by its name and by its media type, with the same bytes; XML says what it cannot carry."""
    by_name = served.ask(f"/questions/{name}?format={format.names[0]}")
    by_header = served.ask(f"/questions/{name}", Accept=format.media_type)
    if (name, format.extension) == ("actors/zz-traps", "srx"):
        problem(served.ask(f"/questions/{name}?format=xml"), 406)
        return
    assert (200, format.media_type) == (by_name.status, by_name.kind)
    assert by_name.body == by_header.body
    assert "Accept" in by_name["Vary"]


def test_browsers_get_a_page(served: LibraryServed) -> None:
    """A page with question, table, formats, citation, query and fields for the parameters; in both languages."""
    english, chinese = (served.ask(f"{PROFILE}?actor=users", Accept=BROWSER, Accept_Language=lang) for lang in ("en-GB", "zh-CN"))
    assert ("text/html", "en", "zh") == (english.kind, english["Content-Language"], chinese["Content-Language"])
    assert "Everything said about an actor" in english.text
    assert "关于某一行动者的全部陈述" in chinese.text
    assert '<option value="xiaomi/actor/users" selected>users</option>' in english.text
    assert '<option value="xiaomi/actor/users" selected>用户</option>' in chinese.text
    assert f'href="{PROFILE}?actor=users&amp;lang=zh"' in english.text
    assert ("Jin Chengrui" in english.text, DOI in english.text, "SELECT" in english.text) == (True, True, True)
    both = english.text + chinese.text
    assert both.count("<script") == both.count('<script type="module" src="/static/')


def test_every_question_of_the_library_is_a_page_and_a_table(served: LibraryServed, questions: Library) -> None:
    """In both languages, as page, CSV, JSON and LaTeX, with one number of rows."""
    for name, question in questions.questions.items():
        needed = "&".join(f"{p.name}={enc(p.example)}" for p in question.query.parameters if p.required)
        replies = [served.ask(f"/questions/{name}?format={f}&lang={lang}&limit=20&{needed}") for f in ("html", "csv", "json", "tex") for lang in ("en", "zh")]
        assert ({200}, 1) == ({r.status for r in replies}, len({r["X-Total-Count"] for r in replies})), name


def test_pages_escape_what_the_graph_holds(served: LibraryServed) -> None:
    """Markup in a literal is shown, not obeyed; control characters are replaced."""
    text = served.ask("/questions/actors/zz-traps", Accept="text/html").text
    assert ("&lt;b&gt;" in text, "<b>" in text, "\x1b" in text) == (True, False, False)


@pytest.mark.parametrize("name", FIRST_THIRTEEN)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_pages_are_well_formed(served: LibraryServed, name: str, lang: str) -> None:
    """Each page has one heading, closes its tables, and shows as many rows as it says."""
    text = served.ask(f"/questions/{name}?lang={lang}", Accept="text/html").text
    found = re.search(r">(?:Rows 1 to |第 1 至 |共 )?(\d+) (?:rows?<|行|of)", text)
    shown = int(found[1]) if found else -1
    tables = 1 if shown else 0
    assert (1, tables, tables) == (text.count("<h1>"), text.count("<table"), text.count("</table>"))
    assert shown == text.partition("<tbody>")[2].count("<tr>")


def test_rows_are_sorted_by_a_column(served: LibraryServed) -> None:
    """In every format alike: numbers by value, Chinese by sound, empty cells last both ways; and the headings lead on."""
    values = [float(r["value"]) for r in rows(served.ask(f"{FIGURES}?format=csv&sort=value"))]
    assert sorted(values) == values
    assert sorted(values, reverse=True) == [float(r["value"]) for r in rows(served.ask(f"{FIGURES}?format=csv&sort=-value"))]
    raw = served.ask(f"{FIGURES}?format=srj&sort=value").json["results"]["bindings"]
    assert values == [float(r["value"]["value"]) for r in raw]
    names = [r["indicator_label"] for r in rows(served.ask(f"{FIGURES}?format=csv&sort=indicator&lang=zh"))]
    assert sorted(names, key=lambda n: n.encode("gb18030")) == names
    ends = [r["to"] for r in rows(served.ask(f"{FIGURES}?format=csv&sort=-to"))]
    assert ends == sorted(filter(None, ends), reverse=True) + [""] * ends.count("")
    text = served.ask(f"{FIGURES}?sort=value", Accept="text/html").text
    assert 'aria-sort="ascending"' in text
    assert f'href="{FIGURES}?sort=-value#answer"' in text
    assert 400 == served.ask(f"{FIGURES}?sort=nothing").status


def test_where_it_is_said_stands_in_each_row(served: LibraryServed) -> None:
    """A row that names a claim leads to its passages; one that names things to the claims on all of them; one that counts to none."""
    direct = served.ask("/questions/actors/contributions-with-evidence?lang=en", Accept="text/html").text
    assert "1 place<" in direct
    assert direct.count('class="evidence"') == direct.split("<tbody>")[1].count("<tr>")
    through = served.ask("/questions/mechanisms/participants?lang=en", Accept="text/html").text
    assert "Claims that speak of all that this row names" in through
    assert "/source/jin-wu-2024/" in through


def test_what_rows_name_as_turtle(served: LibraryServed) -> None:
    """Statements on the things of the rows, for tools that read RDF; bounded."""
    reply = served.ask(f"{FIGURES}?format=turtle")
    assert (200, "text/turtle") == (reply.status, reply.kind)
    subjects = {t.subject.value for t in reply.triples()}  # type: ignore[union-attr]
    named = {r["observation"] for r in rows(served.ask(f"{FIGURES}?format=csv"))}
    assert named <= subjects
    assert "@prefix vcc:" in reply.text


def test_the_catalogue_is_filtered_by_words(served: LibraryServed) -> None:
    """Without script too, in both languages."""
    found = served.ask("/questions?q=2016&lang=en", Accept="text/html").text
    assert "from-2016-crisis" in found
    assert FIGURES not in found
    assert "from-2016-crisis" in served.ask(f"/questions?q={enc('危机')}&lang=zh", Accept="text/html").text
    assert "No question has these words" in served.ask("/questions?q=zzzz&lang=en", Accept="text/html").text


def test_parameters_by_any_name(served: LibraryServed) -> None:
    """IRI, CURIE, short names and labels in both languages ask the same."""
    ways = [USERS, "case:xiaomi/actor/users", "xiaomi/actor/users", "users", "用户"]
    bodies = {served.ask(f"{PROFILE}?actor={enc(w)}&format=csv").body for w in ways}
    assert 1 == len(bodies)
    assert {USERS} == {r["actor"] for r in rows(served.ask(f"{PROFILE}?actor=users&format=csv"))}


def test_several_values(served: LibraryServed) -> None:
    """A repeated parameter matches any of its values, in any order; empty ones of a form count for nothing."""
    both = served.ask(f"{PROFILE}?actor=users&actor=xiaomi&format=csv")
    assert {"users", "Xiaomi"} == {r["actor_label"] for r in rows(both)}
    assert both.body == served.ask(f"{PROFILE}?actor=xiaomi&actor=&actor=users&format=csv").body
    assert served.ask(f"{PROFILE}?actor=&format=csv").body == served.ask(f"{PROFILE}?format=csv").body


def test_language_of_labels(served: LibraryServed) -> None:
    """By parameter, else by header; and caches are told."""
    by_parameter, by_header = served.ask(f"{FIGURES}?format=csv&lang=zh"), served.ask(f"{FIGURES}?format=csv", Accept_Language="zh-CN,zh;q=0.9")
    assert by_parameter.body == by_header.body
    assert "线下门店数" in by_header.text
    assert ("zh", True) == (by_header["Content-Language"], "accept-language" in by_header.vary)


def test_query_with_its_parameters(served: LibraryServed) -> None:
    """The query of an answer can be had, and asked at /sparql, with the same rows."""
    text = served.ask(f"{PROFILE}?actor=users&format=rq").text
    assert f"VALUES ?_actor_iri {{ <{USERS}> }}" in text
    assert int(served.ask(f"{PROFILE}?actor=users")["X-Total-Count"]) == len(served.form([("query", text), ("format", "json")]).json["results"]["bindings"])


def test_workbook(served: LibraryServed) -> None:
    """A workbook opens, links to this service, and carries no charset that a program could stumble over."""
    reply = served.ask(f"{FIGURES}?format=xlsx&download=1")
    book = openpyxl.load_workbook(io.BytesIO(reply.body))
    assert f"{served.url}/case/xiaomi/indicator/offline-stores" == book["answer"]["A2"].hyperlink.target
    assert "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" == reply["Content-Type"]
    assert re.fullmatch(r'attachment; filename="covalue-all-figures-[0-9a-f]{8}\.xlsx"', reply["Content-Disposition"])


def test_mark_for_excel(served: LibraryServed) -> None:
    """`bom=1` puts a byte order mark before CSV; otherwise there is none."""
    assert served.ask(f"{FIGURES}?format=csv&bom=1").body == b"\xef\xbb\xbf" + served.ask(f"{FIGURES}?format=csv").body


# --- paging


def test_pages_of_rows_make_the_whole(served: LibraryServed) -> None:
    """From `next` to `next` one sees every row once, in order, and from the last page `prev` leads back."""
    whole = rows(served.ask(f"{PROFILE}?actor=users&format=csv"))
    path: str | None = f"{PROFILE}?actor=users&format=csv&limit=25"
    seen, replies = [], []
    while path:
        replies.append(served.ask(path))
        seen += rows(replies[-1])
        path = links(replies[-1]).get("next")
    assert whole == seen
    assert {str(len(whole))} == {r["X-Total-Count"] for r in replies}
    assert ("prev" in links(replies[0]), "next" in links(replies[-1])) == (False, False)
    assert replies[-2].body == served.ask(links(replies[-1])["prev"]).body


@pytest.mark.parametrize("format", ["json", "srj", "xml", "xlsx", "md", "html"])
def test_every_format_is_paged(served: LibraryServed, format: str) -> None:
    """Limit and offset hold for all of them, and the whole number is told."""
    reply = served.ask(f"{FIGURES}?format={format}&limit=2&offset=3")
    assert ("10", f"{FIGURES}?format={format}&limit=2&offset=5") == (reply["X-Total-Count"], links(reply)["next"])


def test_limits_at_the_edge(served: LibraryServed) -> None:
    """No rows for limit 0 or beyond the end, and still all columns and the number."""
    for query in ("limit=0", "offset=10", "offset=1000000000"):
        reply = served.ask(f"{FIGURES}?format=csv&{query}")
        assert ([], "10") == (rows(reply), reply["X-Total-Count"])
        assert reply.text.splitlines()[0] == served.ask(f"{FIGURES}?format=csv").text.splitlines()[0]
    assert "next" not in links(served.ask(f"{FIGURES}?limit=10"))


def test_a_long_page_is_cut_and_says_so(served: LibraryServed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a limit a page holds at most so many rows, and leads on."""
    from covalue.web import answer_pages

    monkeypatch.setattr(answer_pages, "ROWS", 4)
    reply = served.ask(f"{FIGURES}?lang=en", Accept="text/html")
    assert ("Rows 1 to 4 of 10" in reply.text, f"{FIGURES}?lang=en&limit=4&offset=4") == (True, links(reply)["next"])


# --- caches


def test_tag_saves_the_answer(served: LibraryServed) -> None:
    """Who holds an answer gets 304; another language, format or page of it is another answer."""
    first = served.ask(f"{FIGURES}?format=csv")
    again = served.ask(f"{FIGURES}?format=csv", If_None_Match=first["ETag"])
    assert (304, b"") == (again.status, again.body)
    others = [f"{FIGURES}?format=csv&lang=zh", f"{FIGURES}?format=tsv", f"{FIGURES}?format=csv&limit=1", f"{FIGURES}?format=csv&bom=1", FIGURES]
    assert len({first["ETag"], *(served.ask(o)["ETag"] for o in others)}) == 1 + len(others)


def test_head_and_options(served: LibraryServed) -> None:
    """HEAD is GET without its body; a browser may ask from anywhere, and may read the count."""
    get, head = served.ask(f"{FIGURES}?format=csv"), served.ask(f"{FIGURES}?format=csv", "HEAD")
    assert (200, b"", get["Content-Length"], get["ETag"]) == (head.status, head.body, head["Content-Length"], head["ETag"])
    assert (204, "GET, HEAD, OPTIONS") == ((options := served.ask(FIGURES, "OPTIONS")).status, options["Allow"])
    assert ("*", True) == (get["Access-Control-Allow-Origin"], "X-Total-Count" in get["Access-Control-Expose-Headers"])
    problem(served.ask(FIGURES, "POST"), 405)


def test_another_file_of_a_question_is_another_tag(served: LibraryServed, real_built: tuple[object, Path], tmp_path: Path) -> None:
    """The tag depends on the question's text, too: a mended question is asked anew."""
    path = tmp_path / "x.rq"
    path.write_text(load_text(served) + "# mended\n", encoding="utf-8")
    other = LibraryServed(served.store, Library({"figures/all-figures": Question("figures/all-figures", load(path))}))
    assert served.ask(FIGURES)["ETag"] != other.ask(FIGURES)["ETag"]


def load_text(served: LibraryServed) -> str:
    return served.ask(f"{FIGURES}?format=rq").text


# --- citing


def test_an_answer_tells_its_permanent_address(served: LibraryServed) -> None:
    """As a header, in JSON and on the page; the same path here gives the same answer."""
    reply = served.ask(f"{PROFILE}?actor={enc('用户')}&limit=1&lang=zh")
    address = links(reply)["cite-as"]
    assert f"https://w3id.org/covalue{PROFILE}?actor=xiaomi/actor/users&version={served.store.version[:16]}" == address == reply.json["cite_as"]
    assert int(reply["X-Total-Count"]) == served.ask(address.removeprefix("https://w3id.org/covalue")).json["total"]


@pytest.mark.parametrize("format", ["json", "xlsx", "md", "latex", "text", "html"])
def test_another_version_is_said_where_there_is_room(served: LibraryServed, format: str) -> None:
    """The answer comes, with a note."""
    reply = served.ask(f"{FIGURES}?format={format}&version=0123456789abcdef&lang=en")
    body = reply.body if format != "xlsx" else str(openpyxl.load_workbook(io.BytesIO(reply.body))["about"]["B1"].value).encode()
    assert (200, True) == (reply.status, b"version 0123456789abcdef of the dataset was asked for" in body.replace(b"\\_", b"_"))


@pytest.mark.parametrize("format", ["csv", "tsv", "srj", "xml", "bibtex", "ris", "csl"])
def test_another_version_is_gone_where_there_is_none(served: LibraryServed, format: str) -> None:
    """A table that cannot say that it is another one does not come; the problem says where the present one is."""
    body = problem(served.ask(f"{FIGURES}?format={format}&version=0123456789abcdef"), 410)
    assert (served.store.version[:16], f"{served.url}{FIGURES}?version={served.store.version[:16]}") == (body["served"], body["address"])


def test_the_version_served(served: LibraryServed) -> None:
    """Named in full or in part, it changes nothing."""
    plain = served.ask(f"{FIGURES}?format=csv").body
    for digits in (8, 16, 64):
        assert plain == served.ask(f"{FIGURES}?format=csv&version={served.store.version[:digits]}").body


def test_citation_of_the_dataset(served: LibraryServed) -> None:
    """BibTeX by default; the dataset and its source; never a page."""
    for accept in (None, BROWSER):
        reply = served.ask("/citation", **({"Accept": accept} if accept else {}))
        assert (200, "application/x-bibtex", True) == (reply.status, reply.kind, DOI in reply.text)
    assert ["dataset", "article-journal"] == [i["type"] for i in served.ask("/citation?format=csl").json]
    assert "application/x-research-info-systems" == served.ask("/citation?format=ris&lang=zh").kind


# --- what is wrong


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        (f"{PROFILE}?actor=usrs", 400, "xiaomi/actor/users"),
        (f"{PROFILE}?actor=%E7%94%A8%E6%88%B7%E4%BB%AC", 400, "users"),
        (f"{PROFILE}?acter=users", 400, 'nearest is "actor"'),
        (f"{PROFILE}?limt=3", 400, 'nearest is "limit"'),
        (f"{FIGURES}?actor=users", 400, 'no parameter "actor"'),
        (f"{FIGURES}?limit=-1", 400, "whole number"),
        (f"{FIGURES}?limit=1&limit=2", 400, "one value"),
        (f"{FIGURES}?offset=%D9%A3", 400, "whole number"),
        (f"{FIGURES}?format=exel", 400, "xlsx"),
        (f"{FIGURES}?version=latest", 400, "hexadecimal"),
        (f"{FIGURES}?lang=de", 400, "en or zh"),
        (f"{FIGURES}?download=maybe", 400, "1 or 0"),
        ("/questions/actors/zz-typed?year=MMXX", 400, "not a number"),
        ("/questions/actors/zz-typed?one=users&one=xiaomi", 400, "takes one value"),
        ("/questions/figures/zz-needed", 400, "required"),
        ("/questions/figures/all-figure", 404, "figures/all-figures"),
        ("/questions/zzqqxx/%E9%BE%98", 404, 'no question "zzqqxx/龘".'),
        (f"{PROFILE}?actor=%E9%BE%98", 400, 'does not know "龘".'),
        ("/questions/figures/all-figures/more", 404, "nothing is known"),
        ("/network.graphml?case=xiaomy", 400, 'nearest is "xiaomi"'),
        ("/network.gexf?which=vlaue", 400, 'nearest is "value"'),
        ("/citation?format=bibtx", 400, "bibtex"),
        ("/questions?format=excel", 400, "json"),
        (f"{PROFILE}?actor=%FF", 400, "not UTF-8"),
        (f"{PROFILE}?actor=%00", 400, "no text has"),
    ],
)
def test_faults_name_what_would_be_right(served: LibraryServed, path: str, status: int, words: str) -> None:
    """One sentence in each language, with the nearest."""
    assert words in problem(served.ask(path), status)["detail"]


@pytest.mark.parametrize(("lang", "words"), [("en", "Choose below"), ("zh", "请先在下面选定")])
def test_what_is_needed_is_asked_for_on_a_page(served: LibraryServed, lang: str, words: str) -> None:
    """A link of the catalogue leads a reader to a form where a parameter is required, and never to an error; the form leads to the answer."""
    asked = served.ask(f"/questions/pictures/actors?lang={lang}", Accept=BROWSER)
    assert (200, "text/html", lang, True) == (asked.status, asked.kind, asked["Content-Language"], words in asked.text)
    chosen = re.search(r'name="case"[^>]* required>\s*<option value="([^"]+)"', asked.text)
    assert chosen
    assert 200 == served.ask(f"/questions/pictures/actors?case={chosen[1]}", Accept=BROWSER).status
    assert "required" in problem(served.ask("/questions/pictures/actors"), 400)["detail"]


def test_no_format_will_do(served: LibraryServed) -> None:
    """406 lists what there is."""
    assert "text/csv" in problem(served.ask(FIGURES, Accept="image/png"), 406)["detail"]


class Broken:
    """A store whose engine fails."""

    version = "0" * 64

    def answer(self, _request: Request, _pick: Pick) -> Answer:
        raise StoreError("the engine could not read /srv/secret.nq", "引擎无法读取 /srv/secret.nq")

    def graphs(self) -> list[str]:
        return []


def test_failures_of_the_store_are_told_and_not_cached(questions: Library) -> None:
    """A broken store gives 503 without names of files; it never gives an empty table."""
    served = LibraryServed(Broken(), questions)
    for path in (FIGURES, f"{FIGURES}?format=csv", "/questions", "/network.gexf", "/citation", "/openapi.json"):
        body = problem(served.ask(path), 503)
        assert "secret" not in json.dumps(body)


def test_a_question_may_not_take_a_name_of_ours(tmp_path: Path, served: LibraryServed) -> None:
    """A parameter called `limit` could never be given, so the service does not start."""
    path = tmp_path / "x.rq"
    text = """#+ title: {en: a, zh: 甲}\n#+ parameters:\n#+   limit: {type: year, label: {en: a, zh: 甲}}\n#+ columns:\n#+   x: {en: a, zh: 甲}\nSELECT ?x { ?x ?p ?_limit_year }"""
    path.write_text(text, encoding="utf-8")
    library = Library({"a/x": Question("a/x", load(path))})
    with pytest.raises(InputError, match="parameter limit"):
        question_views(Answers(served.store, library), create_app(served.store).extensions["covalue"])


def test_without_a_library(real_built: tuple[object, Path]) -> None:
    """A service of other data has no questions, and says so."""
    app = create_app(OxigraphStore.open(real_built[1]))
    assert 404 == app.test_client().get("/questions").status_code


# --- over the store that bounds


def test_over_bounded_workers(real_built: tuple[object, Path], questions: Library, served: LibraryServed) -> None:
    """The same answers come out of the store whose workers can be killed."""
    with BoundedStore.open(real_built[1]) as store:
        bounded = LibraryServed(store, questions)
        for path in (f"{FIGURES}?format=csv", f"{PROFILE}?actor=users&format=srj&limit=5", "/network.gexf?case=xiaomi", "/questions?format=nt"):
            assert served.ask(path).body.replace(served.url.encode(), b"") == bounded.ask(path).body.replace(bounded.url.encode(), b"")


# --- networks


@pytest.mark.parametrize(("extension", "media", "root"), [("graphml", "application/graphml+xml", "graphml"), ("gexf", "application/gexf+xml", "gexf")])
def test_networks(served: LibraryServed, extension: str, media: str, root: str) -> None:
    """Files for network programs, of a case, of one kind, in a language."""
    reply = served.ask(f"/network.{extension}?case=xiaomi&which=value&lang=zh&download=1")
    assert (200, media, "zh") == (reply.status, reply.kind, reply["Content-Language"])
    assert ET.fromstring(reply.body).tag.endswith("}" + root)
    assert f'filename="covalue-xiaomi-value.{extension}"' in reply["Content-Disposition"]
    assert 304 == served.ask(f"/network.{extension}?case=xiaomi&which=value&lang=zh", If_None_Match=reply["ETag"]).status
    assert len(reply.body) < len(served.ask(f"/network.{extension}").body)


# --- OpenAPI

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance, response_headers_conformance)
TRIED = (
    "/questions",
    "/citation",
    "/network.graphml",
    "/network.gexf",
    "/sparql",
    "/graph-store",
    "/dataset",
    "/metrics",
    "/health/ready",
    "/questions/actors/zz-typed",
    "/questions/actors/zz-traps",
    "/questions/figures/zz-needed",
)
TRIED_QUESTIONS = (*TRIED, *(f"/questions/{n}" for n in ("figures/all-figures", "actors/actor-profile", "actors/government-contributions", "figures/by-year")))


@pytest.mark.parametrize("path", TRIED_QUESTIONS)
def test_service_is_as_described(served: LibraryServed, path: str) -> None:
    """Requests made from /openapi.json, right ones and wrong ones, are answered as it says: status, type, schema, headers; never with 500."""
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    tried = [o.ok() for o in schema.get_all_operations() if o.ok().path == path]
    assert tried
    for operation in tried:
        strategy = operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE) | operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

        @settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=strategy)
        def run(case: Any) -> None:
            case.call_and_validate(checks=CHECKS, base_url=served.url, timeout=20)

        run()


@pytest.mark.parametrize("path", ["/questions/actors/zz-typed", "/questions/figures/zz-needed", "/questions/actors/actor-profile"])
def test_what_is_described_as_right_is_accepted(served: LibraryServed, path: str) -> None:
    """No request that the document allows is refused, but for a format that the Accept header forbids or a version that is not here."""
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    operation = next(o.ok() for o in schema.get_all_operations() if o.ok().path == path)

    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE))
    def run(case: Any) -> None:
        case.query.pop("version", None)
        assert case.call(base_url=served.url, timeout=20).status_code in (200, 406)

    run()


def test_openapi_is_json_with_this_address(served: LibraryServed) -> None:
    """It names the server by which it was reached, and only paths that are here."""
    reply = served.ask("/openapi.json")
    assert ("application/json", served.url) == (reply.kind, reply.json["servers"][0]["url"])
    assert ({"/sparql", "/citation", "/network.gexf"} <= set(reply.json["paths"])) is True
    assert 304 == served.ask("/openapi.json", If_None_Match=reply["ETag"]).status
