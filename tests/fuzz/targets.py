"""
What is fuzzed: functions of some bytes that end in an assertion, or in an error that is none of ours, where something is wrong.

`run.py` lets atheris look for such bytes, guided by what they reach; `tests/test_fuzz.py` gives them made-up ones, and all that was ever found.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote_from_bytes

import pyoxigraph as ox
from werkzeug.test import EnvironBuilder, run_wsgi_app

from covalue.cells import Vocabulary
from covalue.diagnosis import diagnose
from covalue.errors import CovalueError, QueryError, RefusedError
from covalue.formats import Shape, choose, parse_accept
from covalue.sparql import form, guard, is_volatile, listed, normalised, scan
from covalue.specs import read_specs
from covalue.stores import Request
from covalue.stores.clauses import after, before, clauses, prologue, trailing
from covalue.stores.entities import FREE
from covalue.stores.entities import check as check_entities
from covalue.stores.federation import _Federation
from covalue.stores.limits import check_size
from covalue.stores.outward import GatewayError, Row, read_rows
from covalue.stores.oxigraph import OxigraphStore
from covalue.stores.rewrite import parse
from covalue.tables import Reader
from covalue.web.app import create_app
from covalue.web.encodings import choose_coding

ROOT = Path(__file__).resolve().parents[2]
BORDER = b"\xff"
"""Between the parts of a request; in no UTF-8."""
DATA = b'<http://x/a> <http://x/p> "<b>&\\"\\r\\nX-Evil: 1"@en , 7 . <http://x/b> <http://x/p> <http://x/a> .'


class _Canary:
    """Where a query that calls out would arrive: counts, and hangs up."""

    def __init__(self) -> None:
        self.heard = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            self.heard += 1
            connection.close()


_canary = functools.cache(_Canary)


PIECES = (
    *("SELECT", "ASK", "CONSTRUCT", "DESCRIBE", "WHERE", "SERVICE", "SILENT", "GRAPH", "OPTIONAL", "UNION", "MINUS", "FILTER", "BIND", "VALUES", "PREFIX", "BASE", "FROM", "NAMED"),
    *("EXISTS", "NOT", "AS", "LIMIT", "ORDER", "BY", "service", "SeRvIcE", "a", "true", "false", "UNDEF", "INSERT", "DELETE", "LOAD", "COUNT(*)", "VERSION"),
    *(
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "<<(",
        ")>>",
        "<<",
        ">>",
        "{|",
        "|}",
        "~",
        ".",
        ";",
        ",",
        "*",
        "+",
        "/",
        "|",
        "^",
        "!",
        "=",
        "<",
        ">",
        "-",
        "&&",
        "||",
        "@en",
        "@en--ltr",
        "^^",
        "\\",
        "\\u0053",
    ),
    *(
        "<URL>",
        "<URLx>",
        "<>",
        "<x>",
        "<http://x/a>",
        "e:",
        "e:x",
        ":x",
        ":",
        "_:b",
        "SILENT:",
        "?x",
        "?service",
        "$y",
        "1",
        "1.",
        "1.e1",
        "-1.5",
        "'a'",
        '"b"',
        '"""c"""',
        "'''",
        '"""',
        '"',
        "'",
    ),
    *(" ", " ", " ", "\n", "\t", "#", "# SERVICE <URL>\n", "\r", "\u00a0", "\u00b7", "%41", "\\:"),
)


def text(data: bytes) -> None:
    """
    The text of a query: looked at in time, as tokens that are the text again, with none but our errors; and what passes the guard calls nobody,
    though the engine is let loose on it without any other.
    """
    whole = data.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode("utf-8")
    if data[:1] == b"\x00":  # half of them are made of pieces of queries
        port = _canary().port
        whole = "".join(PIECES[b % len(PIECES)] for b in data[1:200]).replace("URL", f"http://127.0.0.1:{port}/")
    began = time.thread_time()
    passed = True
    try:
        assert "".join(t for _, t, _ in scan(whole)) == whole
        check_size(whole)
        guard(whole)
    except (QueryError, RefusedError):
        passed = False
    for function in (form, normalised, is_volatile):
        try:
            function(whole)
        except QueryError:
            passed = False
    try:
        for clause in clauses(whole):
            for beside in (before, after, trailing):
                beside(whole, listed(whole), clause)
        prologue(whole)
    except (QueryError, RefusedError):
        pass
    assert time.thread_time() - began < 2 + len(whole) / 10_000
    if passed:
        _evaluate(whole)


def _evaluate(whole: str) -> None:
    try:
        parse(whole)
    except CovalueError as e:
        assert e.en, e.zh
        return
    calls = len(re.findall("service", whole, re.I))
    if calls and calls < 20:
        try:
            results: Any = ox.Store().query(whole, base_iri="http://x/")
            if not isinstance(results, ox.QueryBoolean):
                list(itertools.islice(results, 10))
        except (SyntaxError, RuntimeError, ValueError, OSError):
            pass
        assert not _canary().heard, f"the guard lets out {whole!r}"


def broken(data: bytes) -> None:
    """What is wrong with a text is said, whatever the engine's words."""
    whole = data.decode("utf-8", "replace")
    try:
        check_size(whole)
        parse(whole)
    except QueryError as e:
        assert len(e.en) < 2000
        assert e.zh != e.en
    except CovalueError:
        pass
    for message in ("error at 1:1: expected x", "error at 3:7", "nothing", ""):
        try:
            assert len(diagnose(whole, message).en) < 2000
        except QueryError:
            pass


@functools.cache
def _app() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.ttl"
        path.write_bytes(DATA)
        return create_app(OxigraphStore.from_files([path]))


METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW")
PATHS = ("/sparql", "/sparql", "/sparql", "/graph-store", "/dataset", "/.well-known/void", "/ontology", "/", "/health", "/metrics", "/dataset.ttl", "/static/covalue.css", "/case/")
QUERIES = (b"", b"ASK {}", b"SELECT * { ?s ?p ?o }", b"DESCRIBE <http://x/a>", b"SELECT", b"CONSTRUCT WHERE { ?s ?p ?o }", b"DROP ALL")
HEADERS = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "If-None-Match",
    "Content-Type",
    "Host",
    "X-Forwarded-For",
    "X-Forwarded-Prefix",
    "Origin",
    "Range",
    "Content-Encoding",
    "If-Modified-Since",
)
STATUSES = {200, 204, 206, 303, 304, 308, 400, 403, 404, 405, 406, 413, 414, 415, 416, 503}


def request(data: bytes) -> None:
    """A request: every answer has one of our statuses, whole headers of one line, and is readable by scripts of others; none is 500."""
    parts = [*data.split(BORDER), b"", b"", b"", b"", b""]
    first = parts[0] + b"\0\0\0"
    method, path, query = METHODS[first[0] % len(METHODS)], PATHS[first[1] % len(PATHS)], QUERIES[first[2] % len(QUERIES)]
    headers = {HEADERS[p[0] % len(HEADERS)]: p[1:].decode("latin-1") for p in parts[3:10] if p}
    headers = {k: v for k, v in headers.items() if "\r" not in v and "\n" not in v and "\0" not in v}  # the server below has taken them apart
    raw = parts[1] if path != "/sparql" else b"query=" + quote_from_bytes(query).encode() + b"&" + parts[1] if query else parts[1]
    environ = EnvironBuilder(method=method, headers=headers, data=parts[2] if method in ("POST", "PUT", "PATCH") else None).get_environ()
    environ |= {"PATH_INFO": path + (parts[1].decode("latin-1") if path.endswith("/") else ""), "QUERY_STRING": raw.decode("latin-1").replace("#", "%23").replace(" ", "+")}
    chunks, status, answered = run_wsgi_app(_app(), environ, buffered=True)
    body = b"".join(chunks)
    code = int(status[:3])
    assert code in STATUSES, (status, body[:300])
    assert all("\r" not in v and "\n" not in v for _, v in answered)
    assert "*" == answered.get("Access-Control-Allow-Origin"), status
    assert "nosniff" == answered.get("X-Content-Type-Options")
    assert answered.get("X-Evil") is None
    assert b"Traceback" not in body
    assert b"<b>" not in body or "html" not in answered.get("Content-Type", "")
    assert method != "HEAD" or not body
    if code == 405:
        assert answered.get("Allow")
    if code >= 400 and "json" in answered.get("Content-Type", ""):
        assert b"detail_zh" in body or method == "HEAD"


def header(data: bytes) -> None:
    """Headers of negotiation: read in time, with a result or our error."""
    value = data.decode("latin-1")
    began = time.thread_time()
    for kind, quality in parse_accept(value):
        assert kind == kind.lower()
        assert 0 <= quality <= 1
    for shape in Shape:
        try:
            assert shape in choose(shape, value, pages=True).shapes
        except CovalueError as e:
            assert e.zh
    assert choose_coding(value) in ("gzip", "br", "zstd", "identity", None)
    assert time.thread_time() - began < 1 + len(value) / 5000


@functools.cache
def _kinds() -> Any:
    return read_specs(ROOT / "graph" / "tables")


NAMES = ("case", "actors", "contributions", "resources", "mechanisms", "situations", "causal-links", "observations", "stages", "exchanges")


def table(data: bytes) -> None:
    """A case of one table with any bytes: findings with a place and both languages, and never an error of Python's."""
    name = NAMES[data[0] % len(NAMES)] if data else "case"
    content = data[2:]
    kind = _kinds()[name]
    if data[1:2] and data[1] % 2:  # a header that is right
        content = ",".join(c.name for c in kind.columns).encode() + b"\n" + content
    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder) / "case-one"
        case.mkdir()
        (case / f"{name}.csv").write_bytes(content)
        reader = Reader(_kinds(), Vocabulary({}, {}), lambda p: p.name)
        reader.case(case)
        for finding in reader.report.findings:
            assert finding.place is not None
            assert finding.zh
            assert "\n" not in finding.en


TEXTS = (
    *("", "x", "http://x/a", "http://x/a b", "urn:x", "_:b", "> } #", "a) { } #", '"', "'", "\\", "\\u0022", "\n", "\r", "\x00", "\x7f", "\u00e9", "\ud800", "\U0001f600"),
    *("en", "EN-gb", "e n", "-", "ltr", "rtl", "up", "007", "1e400", "NaN", "true", "http://www.w3.org/2001/XMLSchema#integer", "http://www.w3.org/2001/XMLSchema#dateTime"),
    *("http://www.w3.org/1999/02/22-rdf-syntax-ns#langString", "http://www.w3.org/1999/02/22-rdf-syntax-ns#dirLangString", "http://www.w3.org/2001/XMLSchema#string"),
    *("urn:x-covalue:blank:t0x1", 7, 1.5, None, True, [], {}),
)
VARS: tuple[Any, ...] = ("a", "b", "a", "a_covalueBlank", "?a", "a b", "\u00e9", "1", "", None, 7)
MARKUP = (
    *(b"<?xml version='1.0'?>", b"<?xml version='1.0' encoding='UTF-16'?>", b"\xef\xbb\xbf", b"\xff\xfe", b"<!DOCTYPE r [", b"<!DOCTYPE r SYSTEM 'file:///etc/passwd' [", b"]>"),
    *(
        b"<!ENTITY a '",
        b"<!ENTITY b '",
        b"<!ENTITY % p '",
        b"<!ENTITY a SYSTEM '",
        b"<!ENTITY a PUBLIC 'x' '",
        b"'>",
        b"x" * 50,
        b"http://x/",
        b"&a;",
        b"&b;",
        b"%p;",
        b"&lt;",
        b"&#65;",
        b"&a;" * 40,
    ),
    *(b"<!-- ", b" -->", b"<![CDATA[", b"]]>", b"<!ELEMENT r ANY>", b"<!ATTLIST r a CDATA '&a;'>"),
    *(b"<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:x='http://x/'>", b"<r:Description x:p='&a;'>", b"<x:p>", b"</x:p>", b"</r:Description>", b"</r:RDF>"),
)


def answer(data: bytes) -> None:
    """
    What another endpoint answers, and what an operator's RDF/XML declares: as the bytes are, as a document of SPARQL's JSON that they choose the
    parts of, or as pieces of XML. Parsers that are not written in Python show the fuzzer no way into themselves, so it is led to behind them.
    """
    way, rest = data[:1], data[1:]
    if way == b"\x01":
        _answered(json.dumps(_document(iter(rest))).encode())
    elif way == b"\x02":
        _declared(b"".join(MARKUP[b % len(MARKUP)] for b in rest[:200]))
    else:
        _answered(data)
        _declared(data)


def _document(choices: Iterator[int]) -> Any:
    """An answer in JSON, mostly of the right shape."""
    names = [VARS[next(choices, 0) % len(VARS)] for _ in range(next(choices, 1) % 4)]
    rows = [{str(VARS[next(choices, 0) % len(VARS)]): _term(choices, 0) for _ in range(next(choices, 1) % 4)} for _ in range(next(choices, 1) % 5)]
    return {"head": {"vars": names}, "results": {"bindings": rows}}


def _term(choices: Iterator[int], depth: int) -> Any:
    kind = ("uri", "literal", "bnode", "typed-literal", "triple", "other")[next(choices, 0) % 6]
    if kind == "triple" and depth < 12:
        return {"type": kind, "value": {k: _term(choices, depth + 1) for k in ("subject", "predicate", "object")[: 1 + next(choices, 2) % 3]}}
    term = {"type": kind, "value": TEXTS[next(choices, 2) % len(TEXTS)]}
    more = next(choices, 0)
    return term | {k: TEXTS[next(choices, 0) % len(TEXTS)] for i, k in enumerate(("xml:lang", "its:dir", "datatype")) if more >> i & 1}


def _answered(body: bytes) -> None:
    """Our error; or rows that come back the same from a query into which they go as a table, which is where nothing in them may be syntax."""
    try:
        names, rows = read_rows("http://x/", body)
        for row in rows:
            assert set(row) <= set(names)
        table = _Federation(cast(Any, None), Request(""), "", None, 1.0)._table(list(dict.fromkeys(names)), rows, False)
    except GatewayError as e:
        assert "/" not in e.en
        return
    found: Any = ox.Store().query(f"SELECT * {{ {table} }}")
    told = Counter(tuple(sorted((v.value, _shown(s[v])) for v in found.variables if s[v] is not None)) for s in found)
    assert told == Counter(tuple(sorted((n, _shown(t)) for n, t in row.items())) for row in _stored(rows)), table


def _stored(rows: list[Row]) -> Iterator[Row]:
    """Rows with literals as the engine keeps them."""
    for row in rows:
        store = ox.Store()
        store.extend(ox.Quad(ox.BlankNode(), ox.NamedNode(f"urn:{n}"), t) for n, t in row.items())
        yield {q.predicate.value.removeprefix("urn:"): cast(Any, q.object) for q in store}


def _shown(term: object) -> str:
    return "_:" if isinstance(term, ox.BlankNode) else str(term)


def _declared(document: bytes) -> None:
    """Our error with a place; or the engine reads it, if it can, and it grows within bounds."""
    try:
        check_entities(document, Path("x.rdf"))
    except CovalueError as e:
        assert e.place is not None
        return
    try:
        size = sum(len(str(t.object)) for t in ox.parse(document, ox.RdfFormat.RDF_XML, base_iri="http://x/"))
    except (SyntaxError, ValueError):
        return
    assert size <= 12 * len(document) + FREE, size


def query(data: bytes) -> None:
    """A store asked with any text in process (small data, short texts): an answer or our error."""
    whole = data.decode("utf-8", "replace")[:300]
    try:
        check_size(whole)
    except QueryError:
        return
    if re.search(r"\*.*\*|\+", whole) or whole.count("?") > 12:
        return  # may take long, and there is no worker here to be killed
    try:
        _app().extensions["covalue"].store.answer(Request(whole), lambda shape: choose(shape, None))
    except CovalueError as e:
        assert e.zh


TARGETS: dict[str, Callable[[bytes], None]] = {"text": text, "broken": broken, "request": request, "header": header, "table": table, "answer": answer, "query": query}
