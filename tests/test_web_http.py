"""What HTTP asks of every answer: caching, codings, CORS, security headers."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from urllib.parse import urlencode

import brotli
import pytest

from covalue.sparql import is_volatile, normalised
from covalue.web.encodings import choose_coding, encode
from served import B, Served, build_tiny

ALL = "SELECT * WHERE { ?s ?p ?o }"
ROUTES = [
    "/",
    "/sparql",
    "/sparql?query=ASK%7B%7D",
    "/graph-store?default",
    "/ontology",
    "/ontology.ttl",
    "/case/tiny.ttl",
    "/graph/odd",
    "/dataset",
    "/.well-known/void",
    "/case/tiny.html",
]
PLAIN = ["/health", "/health/live", "/health/ready", "/metrics", "/static/covalue.css"]
FAULTY = ["/sparql?query=SELEC", "/nothing", "/case/none", "/graph-store", "/graph-store?graph=http://x/none", "/static/none.css"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The tiny dataset."""
    return Served(build_tiny(tmp_path_factory.mktemp("tiny")))


def address(query: str = ALL, **parameters: str) -> str:
    """The address of a query."""
    return "/sparql?" + urlencode({"query": query, **parameters})


# --- the version


@pytest.mark.parametrize("route", [*ROUTES, "/case/tiny", "/search.json?q=mill", "/lenses"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_answer_out_of_the_dataset_names_its_version(served: Served, route: str, method: str) -> None:
    """Who has saved a file can cite it; so does who was told that theirs is still good, or to look elsewhere."""
    for accept in ("*/*", "text/html"):
        first = served.ask(route, method, Accept=accept)
        again = served.ask(route, method, Accept=accept, If_None_Match="*")
        assert first.status in (200, 303)
        assert [served.store.version] * 2 == [first["Covalue-Dataset"], again["Covalue-Dataset"]]


@pytest.mark.parametrize("route", ["/sparql", "/sparql?query=ASK%7B%7D", "/graph-store?default", f"/graph-store?graph={B}graph/odd"])
def test_data_alone_lead_to_their_description(served: Served, route: str) -> None:
    assert '</.well-known/void>; rel="describedby"' == served.ask(route)["Link"]


@pytest.mark.parametrize("route", [*PLAIN, *FAULTY])
def test_what_is_not_out_of_the_dataset_names_no_version(served: Served, route: str) -> None:
    assert served.ask(route).get("Covalue-Dataset") is None


# --- connections


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_an_answer_without_a_body_leaves_the_connection_open(served: Served, version: str) -> None:
    """One that is still good, and a preflight: where the end of the answer is known, the next request comes over the same connection. HTTP/1.0 wants a length."""
    asked = [f"GET {address()} HTTP/{version}\r\nHost: x\r\nIf-None-Match: *\r\n\r\n", f"OPTIONS /sparql HTTP/{version}\r\nHost: x\r\n\r\n"]
    last = f"GET /health/live HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n"
    came = served.send("".join([*asked, *asked, last]).replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n", 4).encode())
    answers = came.split(b"HTTP/")[1:]
    assert ([b"304", b"204", b"304", b"204", b"200"] if version == "1.1" else [b"304"]) == [a[4:7] for a in answers]
    assert all((b"Connection: close" in a) == (a is answers[-1]) for a in answers)


# --- entity tags


@pytest.mark.parametrize("route", [r for r in ROUTES if r != "/"])
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_who_holds_an_answer_gets_304(served: Served, route: str, accept: str) -> None:
    """With the tag and without a body, for GET and HEAD; a tag of something else gets the whole."""
    first = served.ask(route, Accept=accept)
    assert 200 == first.status
    tag = first["ETag"]
    assert tag.startswith('"')
    for method in ("GET", "HEAD"):
        for held in (tag, f'"other", {tag}', f"W/{tag}", "*"):
            again = served.ask(route, method, Accept=accept, If_None_Match=held)
            assert (304, b"", tag) == (again.status, again.body, again["ETag"]), held
            assert first["Cache-Control"] == again["Cache-Control"]
            assert "accept" in again.vary
            assert "*" == again["Access-Control-Allow-Origin"]
            assert again.get("Content-Type") is None
    assert first.body == served.ask(route, Accept=accept, If_None_Match='"other"').body


def test_equal_questions_have_equal_tags(served: Served) -> None:
    """Comments and white space do not count; the format, the dataset, the coding and the language do."""
    tag = served.ask(address())["ETag"]
    assert tag == served.ask(address("SELECT  * # all\nWHERE\t{ ?s ?p ?o }"))["ETag"]
    assert tag == served.ask(address(download="1"))["ETag"]
    others = [
        served.ask(address(), Accept="text/csv"),
        served.ask(address(), Accept="text/html"),
        served.ask(address(lang="zh"), Accept="text/html"),
        served.ask(address(), Accept_Encoding="gzip"),
        served.ask(address(**{"default-graph-uri": B + "graph/odd"})),
        served.ask(address("SELECT * WHERE { ?s ?p ?q }")),
    ]
    tags = [tag, *(r["ETag"] for r in others)]
    assert len(tags) == len(set(tags))


def test_a_faulty_query_is_no_304(served: Served) -> None:
    """A star matches what exists, and a fault is nothing that exists."""
    assert 400 == served.ask(address("SELECT * {"), If_None_Match="*").status
    assert 406 == served.ask(address(), Accept="image/png", If_None_Match="*").status


@pytest.mark.parametrize("text", ["SELECT (RAND() AS ?x) {}", "SELECT (now() AS ?x) {}", "SELECT (STRUUID() AS ?x) {}", "CONSTRUCT { [] a ?t } WHERE { ?s a ?t }"])
def test_what_changes_by_itself_has_no_tag(served: Served, text: str) -> None:
    """Chance, time and new blank nodes are not stored by anybody."""
    reply = served.ask(address(text))
    assert (200, None, "no-store") == (reply.status, reply.get("ETag"), reply["Cache-Control"])


def test_volatile_words_in_strings_and_names_do_not_count() -> None:
    """Only calls do."""
    assert not is_volatile('SELECT ?now { ?now ?p "RAND()" . ?s <http://x/NOW> 1 } # UUID')
    assert is_volatile("SELECT (uuid() AS ?x) {}")


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("ASK{?s ?p 12}", "ASK{?s ?p 1 2}", False),
        ('ASK { ?s ?p "a  b" }', 'ASK { ?s ?p "a b" }', False),
        ("ASK { <http://x#a> ?p 1 }", "ASK { <http://x#b> ?p 1 }", False),
        ("ASK { ?s ?p '''#\n''' }", "ASK { ?s ?p '''\n''' }", False),
        ("# head\nASK {}", " ASK   {}  ", True),
        ("ASK {\u3000}", "ASK { }", False),
    ],
)
def test_only_what_means_nothing_is_left_out(a: str, b: str, same: bool) -> None:
    """Two texts come out equal only where they ask the same."""
    assert same == (normalised(a) == normalised(b))


def test_posts_carry_no_tag(served: Served) -> None:
    """An answer to POST is not stored; If-None-Match does not apply to it."""
    reply = served.form([("query", ALL)], If_None_Match="*")
    assert (200, None) == (reply.status, reply.get("ETag"))


@pytest.mark.parametrize("route", [*(r for r in ROUTES if r != "/"), "/static/covalue.css"])
def test_who_wants_only_what_it_names(served: Served, route: str) -> None:
    """If-Match (RFC 9110, section 13.1.1): the answer, or 412 where it is another; looked at before If-None-Match, and weak tags never match."""
    first = served.ask(route)
    tag = first["ETag"]
    for method in ("GET", "HEAD"):
        for named in (tag, f'"other", {tag}', "*"):
            assert (200, tag) == ((reply := served.ask(route, method, If_Match=named)).status, reply["ETag"]), named
        for named in ('"other"', f"W/{tag}", f'"{tag[1:-1]}-gzip"', "other"):
            reply = served.ask(route, method, If_Match=named)
            assert (412, "no-store", None) == (reply.status, reply["Cache-Control"], reply.get("ETag")), named
            assert "*" == reply["Access-Control-Allow-Origin"]
            assert 412 == served.ask(route, method, If_Match=named, If_None_Match=tag).status
        assert 304 == served.ask(route, method, If_Match=tag, If_None_Match=tag).status
    problem = served.ask(route, If_Match='"other"').json
    assert (412, "Precondition failed") == (problem["status"], problem["title"])
    assert "If-Match" in problem["detail"]
    assert "If-Match" in problem["detail_zh"]


def test_a_condition_on_what_fails_or_cannot_be_named_changes_nothing(served: Served) -> None:
    """RFC 9110, section 13.2.1; an answer without a tag is none that could be named, but there is one; dates are ignored, since no answer has one (13.1.4)."""
    assert 400 == served.ask(address("SELECT * {"), If_Match='"other"').status
    assert 404 == served.ask("/case/nobody", If_Match='"other"').status
    assert 303 == served.ask("/case/tiny/mill", If_Match='"other"').status
    assert 204 == served.ask("/sparql", "OPTIONS", If_Match='"other"').status
    assert 200 == served.form([("query", ALL)], If_Match='"other"').status
    changing = address("SELECT (NOW() AS ?now) {}")
    assert (412, 200) == (served.ask(changing, If_Match='"other"').status, served.ask(changing, If_Match="*").status)
    dated = served.ask(address(), If_Unmodified_Since="Sat, 29 Oct 1994 19:43:31 GMT", If_Modified_Since="Sat, 29 Oct 2050 19:43:31 GMT")
    assert (200, None) == (dated.status, dated.get("Last-Modified"))


@pytest.mark.parametrize("route", [address(), "/ontology"])
def test_parts_are_not_given_and_nobody_is_told_otherwise(served: Served, route: str) -> None:
    """Who asks for a range gets the whole, as a whole (RFC 9110, section 14.2)."""
    whole, part = served.ask(route), served.ask(route, Range="bytes=0-9", If_Range='"other"')
    assert (200, whole.body, whole["ETag"]) == (part.status, part.body, part["ETag"])
    assert part.get("Accept-Ranges") in (None, "none")
    assert part.get("Content-Range") is None


# --- codings


@pytest.mark.parametrize("route", ["/sparql?" + urlencode({"query": ALL}), "/ontology", "/graph-store?default", "/dataset", "/case/tiny.html", "/.well-known/void"])
def test_gzip(served: Served, route: str) -> None:
    """The same bytes, packed; the tag differs, and each tag gets its own 304."""
    plain, packed = served.ask(route), served.ask(route, Accept_Encoding="gzip")
    assert plain.get("Content-Encoding") is None
    assert "gzip" == packed["Content-Encoding"]
    assert plain.body == gzip.decompress(packed.body)
    assert len(packed.body) < len(plain.body)
    assert plain["ETag"] != packed["ETag"]
    assert {"accept", "accept-encoding"} <= packed.vary & plain.vary
    assert 304 == served.ask(route, Accept_Encoding="gzip", If_None_Match=packed["ETag"]).status
    assert 200 == served.ask(route, If_None_Match=packed["ETag"]).status


def test_long_answers_are_packed_piece_by_piece(served: Served) -> None:
    """Without a length, in chunks, whole."""
    text = "SELECT * { ?s ?p ?o . ?a a ?b }"
    plain, packed = served.ask(address(text)), served.ask(address(text), Accept_Encoding="gzip")
    assert len(plain.body) > 200_000
    assert "chunked" == packed["Transfer-Encoding"]
    assert plain.body == gzip.decompress(packed.body)
    head = served.ask(address(text), "HEAD", Accept_Encoding="gzip")
    assert (b"", "gzip", str(len(packed.body))) == (head.body, head["Content-Encoding"], head["Content-Length"])


def test_short_answers_are_not_packed(served: Served) -> None:
    """Unless the client takes nothing else."""
    assert served.ask(address("ASK {}"), Accept_Encoding="gzip").get("Content-Encoding") is None
    forced = served.ask(address("ASK {}"), Accept_Encoding="gzip, identity;q=0")
    assert b"true" in gzip.decompress(forced.body)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "identity"),
        ("identity", "identity"),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip, deflate, br", "br"),
        ("br;q=0.5, gzip", "gzip"),
        ("gzip;q=0", "identity"),
        ("deflate", "identity"),
        ("gzip;q=0.5, identity;q=0.8", "identity"),
        ("gzip;q=0.5, identity;q=0.5", "gzip"),
        ("identity;q=0", None),
        ("*;q=0", None),
        ("gzip, *;q=0", "gzip"),
        ("*;q=0, identity", "identity"),
    ],
)
def test_codings_are_chosen_by_quality(header: str, expected: str | None) -> None:
    """RFC 9110, section 12.5.3."""
    assert expected == choose_coding(header)


@pytest.mark.parametrize(("coding", "plain"), [("gzip", gzip.decompress), ("br", brotli.decompress)])
def test_every_coding_gives_back_what_was_put_in(coding: str, plain: Callable[[bytes], bytes]) -> None:
    """Also of pieces, and of nothing; and the first piece, where somebody waits for it, by itself."""
    assert b"abcabc" == plain(b"".join(encode([b"abc", b"", b"abc"], coding)))
    assert b"" == plain(b"".join(encode([], coding)))
    pieces = encode([b"abc", b"def"], coding, early=True)
    first = next(pieces)
    reader = zlib.decompressobj(31).decompress if coding == "gzip" else brotli.Decompressor().process
    assert b"abc" == reader(first)
    assert b"abcdef" == plain(first + b"".join(pieces))


@pytest.mark.parametrize("route", [address(), "/", "/ontology"])
def test_browsers_get_brotli(served: Served, route: str) -> None:
    """Which is shorter than gzip, and the same text."""
    coded = served.ask(route, Accept="text/html", Accept_Encoding="gzip, deflate, br")
    other = served.ask(route, Accept="text/html", Accept_Encoding="gzip")
    assert ("br", "gzip") == (coded["Content-Encoding"], other["Content-Encoding"])
    assert brotli.decompress(coded.body) == gzip.decompress(other.body)
    assert len(coded.body) < len(other.body)


@pytest.mark.parametrize(("header", "expected"), [("gzip, br", "gzip"), ("gzip;q=0.5, br", "br"), ("br, identity;q=0", "br"), ("br;q=0, *", "gzip")])
def test_what_may_be_cut_is_not_in_brotli(header: str, expected: str) -> None:
    """Unless the client wants it so: its readers show nothing of what is not finished."""
    assert expected == choose_coding(header, may_be_cut=True)


def test_no_acceptable_coding_is_406(served: Served) -> None:
    """And says which header."""
    reply = served.ask(address(), Accept_Encoding="identity;q=0")
    assert 406 == reply.status
    assert "Accept-Encoding" in reply.json["detail"]


# --- CORS and security


@pytest.mark.parametrize("route", [*ROUTES, *PLAIN, *FAULTY])
def test_every_answer_may_be_read_by_scripts_of_others(served: Served, route: str) -> None:
    """Errors too, or a browser hides them."""
    reply = served.ask(route, Origin="https://example.org")
    assert "*" == reply["Access-Control-Allow-Origin"]
    assert "ETag" in reply["Access-Control-Expose-Headers"]
    assert "nosniff" == reply["X-Content-Type-Options"]
    policy = reply["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert ["script-src 'self'"] == [part for part in policy.split("; ") if "script" in part]
    assert "unsafe" not in policy


@pytest.mark.parametrize("route", [*ROUTES, *PLAIN, "/nothing"])
def test_preflight(served: Served, route: str) -> None:
    """204 with what is allowed, and for how long that holds."""
    reply = served.ask(route, "OPTIONS", Origin="https://example.org", Access_Control_Request_Method="GET", Access_Control_Request_Headers="content-type")
    assert (204, b"") == (reply.status, reply.body)
    assert "*" == reply["Access-Control-Allow-Origin"]
    assert {"GET", "HEAD", "OPTIONS"} <= set(reply["Allow"].split(", "))
    assert reply["Allow"] == reply["Access-Control-Allow-Methods"]
    assert "Content-Type" in reply["Access-Control-Allow-Headers"]
    assert int(reply["Access-Control-Max-Age"]) > 0


def test_preflight_names_the_methods_of_the_place(served: Served) -> None:
    """Questions may be posted; nothing else may."""
    assert {"GET", "HEAD", "OPTIONS", "POST", "QUERY"} == set(served.ask("/sparql", "OPTIONS")["Allow"].split(", "))
    assert {"GET", "HEAD", "OPTIONS"} == set(served.ask("/graph-store", "OPTIONS")["Allow"].split(", "))
    assert {"GET", "HEAD", "OPTIONS"} == set(served.ask("/case/tiny", "OPTIONS")["Allow"].split(", "))


@pytest.mark.parametrize("route", [*ROUTES, *PLAIN])
def test_head_everywhere(served: Served, route: str) -> None:
    """The status and type of GET, and no body."""
    get, head = served.ask(route), served.ask(route, "HEAD")
    assert (get.status, get.get("Content-Type"), b"") == (head.status, head.get("Content-Type"), head.body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("route", ["/", "/ontology", "/case/tiny", "/dataset", "/health", "/metrics"])
def test_nothing_can_be_written(served: Served, method: str, route: str) -> None:
    """405 with what is allowed."""
    reply = served.ask(route, method, b"<a:b> <a:b> <a:b> .", Content_Type="text/turtle")
    assert 405 == reply.status
    assert "GET" in reply["Allow"]


@pytest.mark.parametrize("host", ["evil.org/path", "a b", "<script>", "x\ty", "user@host", "a:b:c", "host:port", '"'])
def test_an_odd_host_is_refused(served: Served, host: str) -> None:
    """It would stand in descriptions."""
    assert 400 == served.ask("/sparql", Host=host).status


def test_a_missing_host_is_refused(served: Served) -> None:
    """By HTTP/1.1, which demands it; older clients have none."""
    assert served.send(b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert served.send(b"GET /health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200")


@pytest.mark.parametrize("host", ["example.org", "example.org:8080", "[::1]:8080", "192.0.2.1"])
def test_ordinary_hosts_stand_in_the_description(served: Served, host: str) -> None:
    """As the client said it."""
    assert f"<http://{host}/sparql>" in served.ask("/sparql", Host=host).text
