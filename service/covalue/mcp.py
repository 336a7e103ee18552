"""
The graph for language models: a server of the Model Context Protocol with tools and resources, over stdio or streamable HTTP.

Everything is read-only and goes through the `Store` contract, so a store that bounds queries bounds those of a model too. An answer is
text, capped in rows and bytes, and says so where it is cut; no answer is empty: a table without rows says that it has none, and whatever
goes wrong is an error with its sentence (and the place in a query). The package `mcp` is optional: `pip install "covalue[mcp]"`.
"""

from __future__ import annotations

import csv
import difflib
import functools
import io
import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyoxigraph as ox

from covalue import __version__, catalogue, citation, replying, tabular
from covalue.ask import Asker
from covalue.errors import CovalueError, InputError, StoreError
from covalue.formats import Format, Shape, by_name
from covalue.names import GRAPH_ONTOLOGY, PREFIXES, shrink
from covalue.questions import LANGUAGES, Answers, Library, bindings, short_id
from covalue.stores import Request, Store
from covalue.tabular import About

if TYPE_CHECKING:
    from mcp.server import MCPServer

MOST_ROWS = 200
MOST_BYTES = 50_000
MOST_FOUND = 100
EXTRA = ('the package mcp is not installed; pip install "covalue[mcp]".', '未安装 mcp 包；请运行 pip install "covalue[mcp]"。')
UNAVAILABLE = ("the data cannot be queried at the moment; try again later.", "目前无法查询数据；请稍后重试。")
INSTRUCTIONS = """\
covalue is a knowledge graph of value co-creation and business model innovation; every statement of a case is a claim with its source passage.
Begin with `vocabulary`, or put a question in words to `ask`. Prefer a named question (`questions`, then `ask_question`) to SPARQL of your own. Keep modalities apart: `reported` is
what the source states, `cited` what it attributes to others, `recommended` what it advises, `derived` what the curator concluded. Give the
passage of what you repeat (`evidence`), and cite as the answers say. Where nothing is found, the source is silent: do not fill the gap.
本知识图谱收录价值共创与商业模式创新案例，每条陈述均附来源段句。请先用 vocabulary，或用 ask 以文字提问；优先使用已有问题；区分情态；引用时给出出处；查无结果即来源未述及。"""


class Tools:
    """What the tools do, apart from the protocol."""

    def __init__(self, store: Store, library: Library) -> None:
        self._store = store
        self._answers = Answers(store, library)
        self._library = library
        self._citations = citation.Citations(self._answers)
        self._asker = Asker(self._answers)

    # --- tools

    def vocabulary(self, search: str = "", lang: str = "en") -> str:
        """
        Prefixes, classes, properties and concepts, with labels in both languages; or, with `search`, the things whose names hold that text.

        Raises:
            CovalueError: the store failed.
        """
        if search.strip():
            return self._found(search.strip(), _language(lang))
        return "\n".join([*_prefixes(), "", *self._classes(), "", *self._properties(), "", *self._concepts()])

    def questions(self, search: str = "", area: str = "", lang: str = "en") -> str:
        """
        The named questions: name, what is asked, parameters.

        Raises:
            InputError: there is no such area.
        """
        lang = _language(lang)
        areas = sorted({q.area for q in self._library.questions.values()})
        if area and area not in areas:
            raise InputError(f'there is no area "{area}"; there are {", ".join(areas)}.', f"没有领域“{area}”；可用的有 {'、'.join(areas)}。")
        words = _fold(search).split()
        chosen = [q for q in self._library.questions.values() if area in ("", q.area)]
        if words:
            chosen = [q for q in chosen if all(w in _fold(" ".join([q.name, *(q.text(k, x) for k in ("title", "question") for x in LANGUAGES)])) for w in words)]
        if not chosen:
            raise InputError(f'no question matches "{search}"; the areas are {", ".join(areas)}.', f"没有与“{search}”相符的问题；领域有 {'、'.join(areas)}。")
        lines = [f"{len(chosen)} questions; ask with ask_question(name, parameters)"]
        for q in chosen:
            lines.append(f"- {q.name}: {q.text('question', lang)}")
            lines += [f"    {p.name} ({p.type}{', required' * p.required}{', several allowed' * p.many}{', e.g. ' + p.example if p.example else ''})" for p in q.query.parameters]
        return "\n".join(lines)

    def ask_question(self, name: str, parameters: Mapping[str, str | list[str]] | None = None, lang: str = "en", limit: int = 50, offset: int = 0) -> str:
        """
        The answer to a named question as CSV with labels, and how to cite it.

        Raises:
            InputError: no such question, parameter or value; the nearest is named.
        """
        if limit < 1 or offset < 0:
            raise InputError("limit is at least 1, offset at least 0.", "limit 至少为 1，offset 至少为 0。")
        lang = _language(lang)
        values = {n: [v] if isinstance(v, str) else v for n, v in (parameters or {}).items()}
        whole = self._answers.answer(name, values, lang)
        question = whole.question
        table = tabular.page(whole, min(limit, MOST_ROWS), offset)
        address = citation.permanent(question, citation.resolved(self._answers, question, values), self._store.version)
        data = tabular.write(table, "csv", About(linked=tabular.linked(whole))).decode()
        text, given = _capped(data, MOST_ROWS)
        head = f"{question.text('title', lang)}\n{question.text('explanation', lang).strip()}\n"
        count = f"rows {offset + 1} to {offset + given} of {whole.total}" if given else f"no rows here; {whole.total} in all"
        more = f"; for more ask with offset {offset + given}" if offset + given < whole.total and given else ""
        return f"{head}{count}{more}\n\n{text}\ncite as: {self._citations.line(question, address, whole, lang)}"

    def ask(self, question: str, lang: str = "") -> str:
        """
        How a question in words is understood, its answer, and what else it may mean; or that it is not known, and the closest questions.

        Raises:
            InputError: there is no text, or it is too long.
        """
        reply = self._asker.ask(question, _language(lang) if lang.strip() else None)
        lines = [reply.message(), *filter(None, [reply.hint()])]
        if reply.known:
            best = reply.readings[0]
            lines += ["", self.ask_question(best.name, {name: list(values) for name, values in best.values.items()}, reply.lang)]
        lines += ["", "other readings:" if reply.known else "the closest questions:"]
        for other in reply.others:
            given = json.dumps({name: list(values) for name, values in other.values.items()}, ensure_ascii=False)
            lines.append(f"- ask_question({json.dumps(other.name)}, {given}): {replying.told(self._answers, other, reply.lang).line}")
        return "\n".join(lines)

    def sparql(self, query: str) -> str:
        """
        The answer of a SPARQL 1.1 query: CSV, N-Triples, or true or false.

        Raises:
            QueryError: the query is not one; its place is named.
            RefusedError: it is an update, or calls another endpoint.
        """
        shapes: list[Shape] = []

        def pick(shape: Shape) -> Format:
            shapes.append(shape)
            name = {Shape.BINDINGS: "csv", Shape.BOOLEAN: "json"}.get(shape, "nt")
            found = by_name(name, shape)
            assert found is not None
            return found

        body = self._store.answer(Request(query), pick).body.decode("utf-8", "replace")
        if shapes[-1] is Shape.BOOLEAN:
            return "true" if json.loads(body)["boolean"] else "false"
        if shapes[-1] is Shape.BINDINGS:
            return _told(*_capped(body, MOST_ROWS), _rows(body), "rows")
        lines = body.splitlines()
        shown = _within(lines[:MOST_ROWS])
        return _told("\n".join(shown), len(shown), len(lines), "statements")

    def evidence(self, place: str, lang: str = "en") -> str:
        """
        What is said in a passage or section, or where a claim is said and what it says.

        Raises:
            InputError: nothing is known under that name; the nearest are named.
        """
        lang = _language(lang)
        iri = self._place(place.strip())
        kinds = {shrink(r["kind"]["value"]) for r in self._rows(f"SELECT ?kind WHERE {{ <{iri}> a ?kind }}")}
        label = self._answers.labels([iri], lang)[iri]
        if "vcc:Claim" in kinds:
            return self._claim(iri, label, lang)
        passages = [iri]
        if "vcc:DocumentSection" in kinds:
            passages = [r["p"]["value"] for r in self._rows(f"SELECT DISTINCT ?p WHERE {{ ?p vcc:inSection/vcc:partOfSection* <{iri}> }} ORDER BY ?p")]
        elif "vcc:Passage" not in kinds:
            found = self._rows(f"SELECT DISTINCT ?claim WHERE {{ ?claim vcc:accordingTo ?p ; ?any <{iri}> }} ORDER BY ?claim")
            return self._listed(f"claims that involve {label} ({shrink(iri)})", [r["claim"]["value"] for r in found], lang)
        lines = [f"{label} ({shrink(iri)})"]
        for passage in passages:
            found = self._rows(f"SELECT ?claim WHERE {{ ?claim vcc:accordingTo <{passage}> }} ORDER BY ?claim")
            claims = [r["claim"]["value"] for r in found]
            heading = self._answers.labels([passage], lang)[passage] if len(passages) > 1 else "said here, in our own words"
            lines += ["", self._listed(f"{heading} ({short_id(passage)})", claims, lang)]
        return "\n".join(_within(lines, MOST_BYTES))

    # --- resources

    def ontology(self) -> str:
        """The ontology as Turtle."""
        turtle = by_name("turtle", Shape.GRAPH)
        assert turtle is not None
        query = f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{GRAPH_ONTOLOGY}> {{ ?s ?p ?o }} }}"
        return self._store.answer(Request(query), lambda _: turtle).body.decode()

    def catalogue(self) -> str:
        """The catalogue of questions as JSON."""
        return json.dumps(catalogue.as_json(self._library, self._answers), ensure_ascii=False)

    def question(self, area: str, name: str) -> str:
        """
        The file of a question: header and SPARQL.

        Raises:
            InputError: there is no such question.
        """
        return self._library.get(f"{area}/{name}").query.text

    # --- parts

    def _rows(self, query: str) -> list[dict[str, dict[str, str]]]:
        prefixes = "".join(f"PREFIX {p}: <{PREFIXES[p]}>\n" for p in ("owl", "rdf", "rdfs", "skos", "vcc"))
        return bindings(self._store, prefixes + query)[1]

    def _both(self, iri: str) -> str:
        en, zh = (self._answers.labels([iri], lang)[iri] for lang in LANGUAGES)
        return en if en == zh else f"{en} · {zh}"

    def _classes(self) -> list[str]:
        rows = self._rows("SELECT ?c (COUNT(DISTINCT ?x) AS ?n) WHERE { ?c a owl:Class FILTER (isIRI(?c)) OPTIONAL { ?x a ?c } } GROUP BY ?c ORDER BY ?c")
        return ["classes (with how many members):", *(f"  {shrink(r['c']['value'])}  {self._both(r['c']['value'])}  {r['n']['value']}" for r in rows)]

    def _properties(self) -> list[str]:
        rows = self._rows(
            """SELECT DISTINCT ?p ?domain ?range WHERE { VALUES ?kind { owl:ObjectProperty owl:DatatypeProperty } ?p a ?kind
              OPTIONAL { ?p rdfs:domain ?domain FILTER (isIRI(?domain)) } OPTIONAL { ?p rdfs:range ?range FILTER (isIRI(?range)) } } ORDER BY ?p"""
        )
        ends = ((r["p"]["value"], *(shrink(r[e]["value"]) if e in r else "·" for e in ("domain", "range"))) for r in rows)
        return ["properties (domain → range):", *dict.fromkeys(f"  {shrink(p)}  {self._both(p)}  {d} → {g}" for p, d, g in ends)]

    def _concepts(self) -> list[str]:
        rows = self._rows("SELECT ?scheme ?c WHERE { ?c skos:inScheme ?scheme } ORDER BY ?scheme ?c")
        schemes: dict[str, list[str]] = {}
        for r in rows:
            schemes.setdefault(r["scheme"]["value"], []).append(r["c"]["value"])
        lines = ["concepts by scheme (IRIs under vcs: with a slash must be written in full, <" + PREFIXES["vcs"] + "…>):"]
        for scheme, concepts in schemes.items():
            lines.append(f"  {shrink(scheme)}  {self._both(scheme)}: " + "; ".join(f"{short_id(c)} ({self._both(c)})" for c in concepts))
        return lines

    def _found(self, search: str, lang: str) -> str:
        rows = self._rows(
            f"""SELECT DISTINCT ?x ?name WHERE {{ ?x rdfs:label|skos:altLabel ?name FILTER (isIRI(?x) && CONTAINS(LCASE(STR(?name)), LCASE({ox.Literal(search)}))) }}
              ORDER BY STRLEN(STR(?name)) ?x LIMIT {MOST_FOUND + 1}"""
        )
        found = list(dict.fromkeys(r["x"]["value"] for r in rows))
        if not found:
            raise InputError(f'nothing has a name with "{search}" in it.', f"没有名称含“{search}”的事物。")
        kinds = self._kinds(found)
        lines = [f"{shrink(x)}  {self._both(x)}  [{', '.join(kinds.get(x, []))}]" for x in found]
        return "\n".join([*lines, *([f"… and more; search for less ({lang})"] if len(rows) > MOST_FOUND else [])])

    def _kinds(self, iris: Sequence[str]) -> dict[str, list[str]]:
        """The narrowest classes of our own of each."""
        listed = " ".join(f"<{i}>" for i in iris)
        rows = self._rows(
            f"""SELECT ?x ?kind WHERE {{ VALUES ?x {{ {listed} }} ?x a ?kind
              FILTER NOT EXISTS {{ ?x a ?narrower . ?narrower rdfs:subClassOf+ ?kind FILTER (isIRI(?narrower) && ?narrower != ?kind) }} }} ORDER BY ?x ?kind"""
        )
        out: dict[str, list[str]] = {}
        for r in rows:
            out.setdefault(r["x"]["value"], []).append(shrink(r["kind"]["value"]))
        return out

    def _listed(self, heading: str, claims: Sequence[str], lang: str) -> str:
        if not claims:
            return f"{heading}:\n  nothing is said here that the graph holds"
        kinds = self._kinds(claims)
        listed = " ".join(f"<{c}>" for c in claims)
        said: dict[str, dict[str, list[str]]] = {}
        for r in self._rows(f"SELECT ?c ?p ?o WHERE {{ VALUES ?c {{ {listed} }} VALUES ?p {{ vcc:modality vcc:scope vcc:note }} ?c ?p ?o }} ORDER BY ?c ?p ?o"):
            if r["o"].get("xml:lang", lang) == lang:
                said.setdefault(r["c"]["value"], {}).setdefault(r["p"]["value"], []).append(r["o"]["value"])
        labels = self._answers.labels(claims, lang)
        lines = [f"{heading}:"]
        for c in claims:
            marks = [*(kinds.get(c, [])), *(short_id(v) for p in ("modality", "scope") for v in said.get(c, {}).get(PREFIXES["vcc"] + p, []))]
            lines.append(f"  - {labels[c]}  [{', '.join(marks)}]  {shrink(c)}")
            lines += [f"      note: {n}" for n in said.get(c, {}).get(PREFIXES["vcc"] + "note", [])]
        return "\n".join(lines)

    def _claim(self, iri: str, label: str, lang: str) -> str:
        rows = self._rows(f"SELECT ?p ?o WHERE {{ <{iri}> ?p ?o }} ORDER BY ?p ?o")
        kept = [r for r in rows if r["o"].get("xml:lang", lang) == lang]
        labels = self._answers.labels({r[e]["value"] for r in kept for e in ("p", "o") if r[e]["type"] == "uri"}, lang)
        lines = [f"{label} ({shrink(iri)})"]
        for r in kept:
            value = r["o"]["value"]
            lines.append(f"  {labels[r['p']['value']]}: " + (f"{labels[value]} ({shrink(value)})" if r["o"]["type"] == "uri" else value))
        return "\n".join(_within(lines))

    def _place(self, text: str) -> str:
        """
        Raises:
            InputError: nothing is known under that name.
        """
        prefix, _, local = text.partition(":")
        known = {"src": PREFIXES["src"] + text, "case": PREFIXES["case"] + text, "vcs": PREFIXES["vcs"] + text}
        tries = [PREFIXES[prefix] + local] if prefix in PREFIXES and not local.startswith("//") else [text, *known.values()]
        for one in tries:
            try:
                node = ox.NamedNode(one)
            except ValueError:
                continue
            if self._rows(f"SELECT ?p WHERE {{ {node} ?p ?o }} LIMIT 1"):
                return node.value
        passages = [short_id(r["p"]["value"]) for r in self._rows("SELECT ?p WHERE { ?p a vcc:Passage } ORDER BY ?p")]
        near = difflib.get_close_matches(text, passages, n=5, cutoff=0.3) or passages[:3]
        raise InputError(f'nothing is known of "{text[:200]}"; near to it are {", ".join(near)}.', f"没有关于“{text[:200]}”的内容；相近的有 {'、'.join(near)}。")


def _language(text: str) -> str:
    wanted = text.strip().lower().partition("-")[0]
    if wanted not in LANGUAGES:
        raise InputError(f'lang is en or zh, not "{text[:20]}".', f"lang 应为 en 或 zh，而不是“{text[:20]}”。")
    return wanted


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _prefixes() -> list[str]:
    return ["prefixes:", *(f"  PREFIX {p}: <{PREFIXES[p]}>" for p in ("vcc", "vcs", "case", "src", "graph", "rdfs", "skos", "dcterms"))]


def _rows(text: str) -> int:
    return sum(1 for _ in csv.reader(io.StringIO(text, newline=""))) - 1


def _capped(text: str, most: int) -> tuple[str, int]:
    """CSV with at most so many rows and bytes, and how many rows it has then."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    given = -1
    for row in csv.reader(io.StringIO(text, newline="")):
        before = out.tell()
        write.writerow(row)
        if given == most or (given >= 0 and len(out.getvalue().encode()) > MOST_BYTES):
            out.truncate(before)
            break
        given += 1
    return out.getvalue(), given


def _within(lines: Iterable[str], most: int = MOST_BYTES) -> list[str]:
    """Lines up to so many bytes."""
    out: list[str] = []
    size = 0
    for line in lines:
        size += len(line.encode()) + 1
        if size > most:
            return [*out, "… cut: the rest does not fit here; ask for less"]
        out.append(line)
    return out


def _told(text: str, given: int, total: int, what: str) -> str:
    """A text that says how much of the answer it is."""
    if total == 0:
        return f"0 {what}: the query is sound, and nothing in the graph answers it.\n{text}"
    if given < total:
        return f"only the first {given} of {total} {what}; use LIMIT, OFFSET or an aggregate.\n{text}"
    return f"{total} {what}\n{text}"


# --- the protocol


def server(tools: Tools) -> MCPServer[Any]:
    """
    The server, not yet connected to anything.

    Args:
        tools: over the store that is asked.

    Raises:
        InputError: the optional package is not installed.
    """
    try:
        from mcp.server import MCPServer
        from mcp.server.mcpserver.exceptions import ResourceError, ToolError
        from mcp_types import ToolAnnotations
    except ImportError as e:
        raise InputError(*EXTRA) from e

    made: MCPServer[Any] = MCPServer("covalue", title="covalue", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING")
    reading = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

    def spoken(function: Callable[..., str], error: type[Exception]) -> Callable[..., str]:
        """The function, with errors of ours as errors of the protocol."""

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> str:
            try:
                return function(*args, **kwargs)
            except CovalueError as e:
                raise error(sentence(e)) from e

        return wrapped

    found: list[Callable[..., str]] = [tools.vocabulary, tools.questions, tools.ask_question, tools.ask, tools.sparql, tools.evidence]
    for function in found:
        name = function.__name__
        made.add_tool(spoken(function, ToolError), name=name, description=DESCRIPTIONS[name], annotations=reading, structured_output=False)
    made.resource("covalue://ontology", name="ontology", description="The ontology as Turtle. 本体（Turtle）。", mime_type="text/turtle")(spoken(tools.ontology, ResourceError))
    about = "The catalogue of named questions as JSON. 问题目录（JSON）。"
    made.resource("covalue://questions", name="questions", description=about, mime_type="application/json")(spoken(tools.catalogue, ResourceError))
    about = "The SPARQL of a named question. 问题的 SPARQL。"
    made.resource("covalue://questions/{area}/{name}", name="question", description=about, mime_type="application/sparql-query")(spoken(tools.question, ResourceError))
    return made


DESCRIPTIONS = {
    "vocabulary": "Call this first: prefixes, classes, properties and concepts of the graph, with English and Chinese labels. "
    "With `search`, the things whose names contain that text (actors, mechanisms, stages ...), and their short names. "
    "请先调用：图谱的前缀、类、属性与概念；给出 search 则按名称查找。",
    "questions": "Named questions that the graph answers, with their parameters; `search` and `area` narrow the list. 图谱能回答的问题及其参数。",
    "ask_question": "Answer a named question as CSV with labels. `parameters` maps a parameter to a value or a list of values: "
    "short names, IRIs or labels in either language. 回答某个问题。",
    "sparql": f"Answer a read-only SPARQL 1.1 query (at most {MOST_ROWS} rows). Write IRIs with a slash in full, as "
    "<https://w3id.org/covalue/case/xiaomi/actor/users>. An error names line and column. 执行只读 SPARQL 查询。",
    "evidence": "What is said in a passage or section of a source (e.g. jin-wu-2024/3.1-p3-s1), or where a claim is said (by its IRI or short name). "
    "某段句或章节说了什么，或某陈述出自何处。",
    "ask": "Put a question in words, in English or Chinese: the named question that fits, its answer, and other readings; "
    "or that it is not known, and the closest questions. 以中文或英文提问：给出最相符的问题、其答案与其他理解；不知道时说明并给出最接近的问题。",
}


def sentence(error: CovalueError) -> str:
    """What an error says, with the place in a query, and without names of files of this machine."""
    if isinstance(error, StoreError) and any(c in error.en for c in "/\\"):
        return " | ".join(UNAVAILABLE)
    where = f"line {error.place.line}, column {error.place.column}: " if error.place and error.place.line is not None else ""
    return where + error.en + (f" | {error.zh}" if error.zh != error.en else "")


def run(store: Store, library: Library, *, http: bool = False, host: str = "127.0.0.1", port: int = 8001) -> None:
    """
    Serves until the client goes (stdio) or until interrupted (HTTP, at `/mcp`).

    Over HTTP each request stands for itself, without sessions. On an address that is not of this machine no other host name than that
    address is taken, unless a proxy stands before it.

    Raises:
        InputError: the optional package is not installed.
    """
    made = server(Tools(store, library))
    if http:
        made.run("streamable-http", host=host, port=port, stateless_http=True, json_response=True, max_request_body_size=1_000_000)
    else:
        made.run("stdio")
