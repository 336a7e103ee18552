"""The SPARQL 1.1 Protocol at /sparql, over real HTTP."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from served import B, G, Reply, Served, build_tiny, enc

JSON = "application/sparql-results+json"
COUNT = "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"
WHERE_IS = "SELECT DISTINCT ?s WHERE { ?s <http://www.w3.org/2000/01/rdf-schema#label> ?o FILTER(ISIRI(?s)) } ORDER BY ?s"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The tiny dataset."""
    return Served(build_tiny(tmp_path_factory.mktemp("tiny")))


def number(reply: Reply) -> int:
    """The one number of an answer."""
    return int(reply.json["results"]["bindings"][0]["n"]["value"])


def values(reply: Reply) -> list[str]:
    """The first column of an answer."""
    return [next(iter(row.values()))["value"] for row in reply.json["results"]["bindings"]]


def problem(reply: Reply, status: int) -> dict[str, object]:
    """The problem that a reply holds, with the shape that every problem has."""
    assert status == reply.status, reply.text
    assert "application/problem+json" == reply.kind
    body: dict[str, object] = reply.json
    assert {"type", "title", "status", "detail", "detail_zh"} <= set(body)
    assert status == body["status"]
    assert "*" == reply["Access-Control-Allow-Origin"]
    assert "no-store" == reply["Cache-Control"]
    assert not re.search(r"Traceback|File \"|/work/|/tmp/|\.py", reply.text)
    return body


# --- the ways to ask


@pytest.mark.parametrize("way", ["get", "form", "direct"])
def test_each_way_of_asking_gives_the_same_bytes(served: Served, way: str) -> None:
    """GET, POST of a form and POST of the query are one question."""
    reply = {"get": lambda: served.query(COUNT), "form": lambda: served.form([("query", COUNT)]), "direct": lambda: served.direct(COUNT.encode())}[way]()
    assert (200, JSON) == (reply.status, reply.kind)
    assert served.query(COUNT).body == reply.body
    assert served.store.version == reply["Covalue-Dataset"]


@pytest.mark.parametrize(("kind", "body"), [("application/sparql-query", COUNT), ("application/x-www-form-urlencoded", urlencode({"query": COUNT}))])
def test_query_asks_by_its_body(served: Served, kind: str, body: str) -> None:
    """HTTP's method for that, in all as a POST; what is wrong with one is told as of a POST, and what kinds there are."""
    reply = served.ask("/sparql", "QUERY", body.encode(), Content_Type=kind)
    assert (200, served.query(COUNT).body) == (reply.status, reply.body)
    assert 406 == served.ask("/sparql", "QUERY", body.encode(), Content_Type=kind, Accept="image/png").status
    problem(served.ask("/sparql", "QUERY"), 415)
    assert kind in (refused := served.ask("/sparql", "QUERY", body.encode(), Content_Type="text/plain"))["Accept-Query"]
    assert 415 == refused.status
    assert 403 == served.ask("/sparql", "QUERY", b"CLEAR ALL", Content_Type="application/sparql-update").status
    assert 405 == served.ask("/graph-store?default", "QUERY", body.encode(), Content_Type=kind).status


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", "; charset=UTF-8", '; charset="utf-8"'])
def test_posts_may_name_utf_8(served: Served, charset: str) -> None:
    """The charset is a parameter of the media type, in any spelling."""
    assert 200 == served.direct(COUNT.encode(), kind="application/sparql-query" + charset).status
    assert 200 == served.form([("query", COUNT)], Content_Type="application/x-www-form-urlencoded" + charset).status


def test_head_is_get_without_its_body(served: Served) -> None:
    """The same headers, the length among them, and no byte of a body."""
    get, head = served.query(COUNT), served.ask("/sparql?" + urlencode({"query": COUNT}), "HEAD")
    assert (200, b"") == (head.status, head.body)
    assert str(len(get.body)) == head["Content-Length"]
    same = ("content-type", "etag", "vary", "cache-control", "covalue-dataset", "content-length")
    assert {n: get[n] for n in same} == {n: head[n] for n in same}


def test_percent_signs_are_decoded_once(served: Served) -> None:
    """`%2541` stands for the text `%41`, not for `A`."""
    reply = served.ask("/sparql?query=" + enc('SELECT ("%41" AS ?x) {}').replace("%2541", "%2541"))
    assert ["%41"] == values(reply)
    assert ["100%"] == values(served.query('SELECT ("100%" AS ?x) {}'))
    assert ["a+b c"] == values(served.ask("/sparql?query=SELECT+(%22a%2Bb+c%22+AS+%3Fx)+%7B%7D"))


@pytest.mark.parametrize("text", ['SELECT ("小米🙂" AS ?x) {}', '\ufeffSELECT ("x" AS ?x) {}', "SELECT (?x AS ?y) { VALUES ?x { 1 } } # comment at the end"])
def test_any_text_comes_through(served: Served, text: str) -> None:
    """Chinese, characters beyond the first plane, a byte order mark, a comment without a line end."""
    assert 200 == served.direct(text.encode()).status
    assert served.direct(text.encode()).body == served.form([("query", text)]).body


# --- what is refused


@pytest.mark.parametrize(
    ("address", "status", "says"),
    [
        ("/sparql?query=", 400, "empty"),
        ("/sparql?query=ASK{}&query=ASK{}", 400, "more than one"),
        ("/sparql?query=%FF", 400, "UTF-8"),
        ("/sparql?query=ASK%7B%7D%00", 400, "NUL"),
        ("/sparql?query=SELEC%20*%20%7B%7D", 400, "SELECT"),
        ("/sparql?update=DROP%20ALL", 403, "read-only"),
        ("/sparql?query=DROP%20ALL", 403, "read-only"),
        ("/sparql?query=ASK%7B%7D&update=DROP%20ALL", 403, "read-only"),
        ("/sparql?query=ASK{SERVICE%20%3Chttp://127.0.0.1/%3E%20{}}", 403, "SERVICE"),
        ("/sparql?query=ASK{}&default-graph-uri=relative", 400, "absolute IRI"),
        ("/sparql?query=ASK{}&named-graph-uri=http://a%20b", 400, "absolute IRI"),
        ("/sparql?query=ASK{}&" + "&".join(f"a{i}=1" for i in range(1001)), 400, "parameters"),
    ],
)
def test_bad_addresses(served: Served, address: str, status: int, says: str) -> None:
    """Each fault has its status and one sentence."""
    assert says in str(problem(served.ask(address), status)["detail"])


@pytest.mark.parametrize(
    ("body", "kind", "address", "status"),
    [
        (b"ASK {}", "text/plain", "/sparql", 415),
        (b"ASK {}", "", "/sparql", 415),
        (b"query=ASK%20%7B%7D", "multipart/form-data; boundary=x", "/sparql", 415),
        (b"{}", "application/json", "/sparql", 415),
        (b"", "application/x-www-form-urlencoded", "/sparql", 400),
        (b"x=1", "application/x-www-form-urlencoded", "/sparql", 400),
        (b"query=ASK{}&query=ASK{}", "application/x-www-form-urlencoded", "/sparql", 400),
        (b"query=ASK{}", "application/x-www-form-urlencoded", "/sparql?query=ASK{}", 400),
        (b"", "application/x-www-form-urlencoded", "/sparql?query=ASK{}", 400),
        (b"ASK {}", "application/sparql-query", "/sparql?query=ASK{}", 400),
        (b"", "application/sparql-query", "/sparql", 400),
        (b"query=%FF", "application/x-www-form-urlencoded", "/sparql", 400),
        (b"ASK { ?s ?p '\xff' }", "application/sparql-query", "/sparql", 400),
        ("ASK {}".encode("utf-16"), "application/sparql-query", "/sparql", 400),
        ("ASK {}".encode("utf-16-le"), "application/sparql-query", "/sparql", 400),
        ("ASK {}".encode("utf-16"), "application/sparql-query; charset=utf-16", "/sparql", 415),
        (b"DROP ALL", "application/sparql-update", "/sparql", 403),
        (b"update=DROP%20ALL", "application/x-www-form-urlencoded", "/sparql", 403),
        (b"INSERT DATA { <a:b> <a:b> <a:b> }", "application/sparql-query", "/sparql", 403),
    ],
)
def test_bad_posts(served: Served, body: bytes, kind: str, address: str, status: int) -> None:
    """None, several, the wrong type, another charset, an update."""
    headers = {"Content_Type": kind} if kind else {}
    problem(served.ask(address, "POST", body, **headers), status)


def test_a_compressed_request_is_refused(served: Served) -> None:
    """Nothing is unpacked for strangers."""
    problem(served.direct(b"\x1f\x8b", Content_Encoding="gzip"), 415)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_other_methods_are_refused_with_those_that_are_allowed(served: Served, method: str) -> None:
    """405 says what there is."""
    reply = served.ask("/sparql", method)
    problem(reply, 405)
    assert {"GET", "HEAD", "POST", "QUERY", "OPTIONS"} == set(reply["Allow"].split(", "))


def test_large_requests_are_refused(served: Served) -> None:
    """A body of more than a megabyte, and an address of more than 200 kB."""
    problem(served.direct(b"#" * 1_000_001), 413)
    problem(served.ask("/sparql?query=" + "a" * 200_001), 414)


def test_a_body_that_says_it_is_huge_is_refused_unread(served: Served) -> None:
    """The length alone decides."""
    head = b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nContent-Length: 99999999999\r\n\r\n"
    assert b" 413 " in served.send(head).partition(b"\r\n")[0]


def test_the_place_of_a_fault_is_given(served: Served) -> None:
    """Line, column and the likely prefix."""
    body = problem(served.query("SELECT * {\n  ?s skos:prefLabel ?o }"), 400)
    assert (2, 6) == (body["line"], body["column"])
    assert "PREFIX skos: <http://www.w3.org/2004/02/skos/core#>" in str(body["detail"])
    assert str(body["detail"]).startswith("line 2, column 6: ")


@pytest.mark.parametrize(("accept", "text"), [("text/plain", True), ("text/html", True), ("text/*", True), ("*/*", False), ("text/csv", False), ("application/json", False)])
def test_errors_are_text_for_those_who_ask_for_text(served: Served, accept: str, text: bool) -> None:
    """One sentence in each language; never a page."""
    reply = served.query("SELEC", accept)
    assert 400 == reply.status
    assert ("text/plain" if text else "application/problem+json") == reply.kind
    assert "是否指 SELECT" in reply.text
    if text:
        assert 1 == reply.text.count("\n")


# --- the dataset


def test_the_protocol_names_the_default_graph(served: Served) -> None:
    """One graph, several graphs (their merge), one that does not exist (empty)."""
    odd, case = G + "odd", G + "case/tiny"
    assert ["http://example.org/formula", "http://example.org/odd"] == values(served.query(WHERE_IS, **{"default-graph-uri": odd}))
    both = served.form([("query", WHERE_IS), ("default-graph-uri", odd), ("default-graph-uri", case)])
    assert {"http://example.org/odd", B + "case/tiny"} <= set(values(both))
    assert [] == values(served.query(WHERE_IS, **{"default-graph-uri": "http://example.org/none"}))


def test_the_protocol_takes_precedence_over_from(served: Served) -> None:
    """Section 2.1.4: the dataset of the request replaces that of the query."""
    text = f"SELECT ?s FROM <{G}case/tiny> {{ ?s <http://www.w3.org/2000/01/rdf-schema#label> ?o FILTER(ISIRI(?s)) }} ORDER BY ?s"
    assert B + "case/tiny" in values(served.query(text))
    assert ["http://example.org/formula", "http://example.org/odd"] == values(served.query(text, **{"default-graph-uri": G + "odd"}))


def test_the_protocol_names_the_named_graphs(served: Served) -> None:
    """Only those can be seen by GRAPH, and the default graph is empty."""
    text = "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } } ORDER BY ?g"
    assert G + "case/tiny" in values(served.query(text))
    pairs = [("named-graph-uri", G + "odd"), ("named-graph-uri", G + "shapes")]
    assert [G + "odd", G + "shapes"] == values(served.form([("query", text), *pairs]))
    assert [G + "odd", G + "shapes"] == values(served.direct(text.encode(), "/sparql?" + urlencode(pairs)))
    assert 0 == number(served.form([("query", COUNT), *pairs]))


def test_empty_graph_names_count_for_nothing(served: Served) -> None:
    """Forms send the parameter with nothing in it."""
    assert number(served.query(COUNT)) == number(served.query(COUNT, **{"default-graph-uri": "", "named-graph-uri": ""}))


def test_graphs_outside_of_the_default_graph_stay_outside(served: Served) -> None:
    """Shapes are asked for by name."""
    assert "http://example.org/odd" not in values(served.query(WHERE_IS))


# --- formats


@pytest.mark.parametrize(
    ("name", "kind", "begins"),
    [
        ("json", JSON, b'{"head"'),
        ("xml", "application/sparql-results+xml", b"<?xml"),
        ("csv", "text/csv", b"x\r\n"),
        ("tsv", "text/tab-separated-values", b"?x\n"),
        ("html", "text/html", b"<!doctype html>"),
    ],
)
@pytest.mark.parametrize("parameter", ["format", "output", "results", "accept"])
def test_every_format_of_tables(served: Served, name: str, kind: str, begins: bytes, parameter: str) -> None:
    """By parameter and by header."""
    text = 'SELECT ?x { VALUES ?x { "小米" } }'
    reply = served.query(text, kind) if parameter == "accept" else served.query(text, "image/png", **{parameter: name})
    assert (200, kind) == (reply.status, reply.kind)
    assert reply.body.startswith(begins)
    assert "小米" in reply.text
    assert {"accept", "accept-encoding"} <= reply.vary


@pytest.mark.parametrize(
    "name", ["turtle", "ttl", "nt", "ntriples", "rdfxml", "rdf+xml", "rdf%2Bxml", "application/rdf%2Bxml", "jsonld", "json-ld", "trig", "nquads", "xml", "json", "n3"]
)
def test_every_format_of_graphs(served: Served, name: str) -> None:
    """All carry the same statements."""
    text = f"CONSTRUCT WHERE {{ <{B}case/tiny> ?p ?o }}"
    reply = served.ask(f"/sparql?query={enc(text)}&format={name}")
    assert 200 == reply.status
    assert served.query(text, "application/n-triples").triples() == reply.triples()


def test_repeated_format_parameters_as_sparqlwrapper_sends_them(served: Served) -> None:
    """The first known one decides; the plus sign may come as a blank."""
    text = enc("CONSTRUCT WHERE { ?s a ?o }")
    reply = served.ask(f"/sparql?query={text}&format=rdf%2Bxml&output=rdf%2Bxml&results=rdf%2Bxml&format=application/rdf+xml", Accept="application/rdf+xml")
    assert "application/rdf+xml" == reply.kind
    assert "application/rdf+xml" == served.ask(f"/sparql?query={text}&format=wild&format=rdf+xml&output=json").kind


@pytest.mark.parametrize("accept", ["image/png", "application/sparql-results+json;q=0, text/html;q=0", "*/*;q=0"])
def test_what_cannot_be_had_is_406(served: Served, accept: str) -> None:
    """With what can be had instead."""
    reply = served.query(COUNT, accept)
    assert "text/csv" in str(problem(reply, 406)["detail"])
    assert "accept" in reply.vary


def test_a_fault_of_the_query_is_said_before_a_fault_of_the_header(served: Served) -> None:
    """406 for a query that is no query would mislead."""
    problem(served.query("SELEC", "image/png"), 400)


def test_ask_in_every_format(served: Served) -> None:
    """JSON, XML and a page; CSV has no booleans, so the header decides."""
    assert served.query("ASK {}").json["boolean"] is True
    assert b"<boolean>true</boolean>" in served.query("ASK {}", format="xml").body
    assert "<code>true</code>" in served.query("ASK {}", "text/html").text
    assert JSON == served.query("ASK {}", format="csv").kind


def test_xml_never_holds_what_xml_cannot_carry(served: Served) -> None:
    """A control character in a literal is refused in XML and carried elsewhere."""
    text = f"SELECT ?o {{ GRAPH <{G}odd> {{ <http://example.org/odd> ?p ?o }} }}"
    assert "control characters" in str(problem(served.query(text, format="xml"), 406)["detail"])
    assert ["a\x01b"] == values(served.query(text))
    graph = f"CONSTRUCT {{ ?s ?p ?o }} {{ GRAPH <{G}odd> {{ ?s ?p ?o }} }}"
    problem(served.query(graph, format="rdfxml"), 406)
    assert 2 == len(served.query(graph, format="turtle").triples())


def test_csv_with_a_mark_for_excel(served: Served) -> None:
    """`bom=1` puts three bytes before the table, and nothing else changes; other formats stay as they are."""
    plain, marked = served.query(COUNT, format="csv"), served.query(COUNT, format="csv", bom="1")
    assert b"\xef\xbb\xbf" + plain.body == marked.body
    assert str(len(marked.body)) == marked["Content-Length"]
    assert plain["ETag"] != marked["ETag"]
    assert served.query(COUNT, format="json").body == served.query(COUNT, format="json", bom="1").body
    assert plain.body == served.query(COUNT, format="csv", bom="0").body


@pytest.mark.parametrize(("name", "ending"), [("csv", "csv"), ("json", "srj"), ("turtle", "ttl"), ("xml", None)])
def test_download_names_a_file(served: Served, name: str, ending: str | None) -> None:
    """A plain name with the ending of the format."""
    text = "CONSTRUCT WHERE { ?s a ?o }" if name == "turtle" else COUNT
    found = re.fullmatch(r'attachment; filename="covalue-[0-9a-f]{8}-[0-9a-f]{8}\.([a-z]+)"', served.query(text, format=name, download="1")["Content-Disposition"])
    assert found is not None
    assert found.group(1) == (ending or "srx")
    assert served.query(text, format=name, download="0").get("Content-Disposition") is None


def test_errors_answer_problem_json_that_parses(served: Served) -> None:
    """Whatever the query holds comes back as data."""
    reply = served.query('SELECT "\u2028</script>\\" {')
    assert 400 == reply.status
    json.loads(reply.body)
    assert "nosniff" == reply["X-Content-Type-Options"]


def test_nothing_of_a_request_gets_into_headers(tmp_path: Path, served: Served) -> None:
    """Line ends in any parameter split no header."""
    evil = "x%0d%0aSet-Cookie:%20a=b%0d%0a%0d%0a<html>"
    for address in (
        f"/sparql?query=ASK{{}}&format={evil}&download={evil}",
        f"/sparql?query={evil}",
        f"/sparql?query=ASK{{}}&lang={evil}&format=html",
        f"/case/tiny?format=ttl&x={evil}",
        f"/case/{evil}",
        f"/graph-store?graph=http://{evil}&download=1",
        f"/case/tiny.ttl?download={evil}",
    ):
        reply = served.ask(address)
        head = reply.raw.partition(b"\r\n\r\n")[0].lower()
        assert not any(line.startswith(b"set-cookie") for line in head.split(b"\n"))
