"""
The catalogue of questions, made from their headers: as JSON, as RDF that can itself be queried, and as a description of the HTTP service.

In RDF each question is a `sh:SPARQLSelectExecutable` (SHACL Advanced Features, W3C 2017, section 5.2) under its own IRI, with its query as
`sh:select` and its parameters as `sh:Parameter`; the query runs as it stands. The description of the service is an OpenAPI 3.1 document.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyoxigraph as ox

from covalue import __version__, citation, tabular
from covalue.ask import LONGEST
from covalue.description import DATASET_IRI, LICENSE
from covalue.entries import KINDS
from covalue.formats import Shape, offered
from covalue.names import BASE, PREFIXES, expand
from covalue.queries import DATATYPES, Parameter
from covalue.questions import LANGUAGES, Answers, Library, Question

CATALOGUE_IRI = BASE + "questions"
PARAMETER_IRI = CATALOGUE_IRI + "/parameter/"
RESERVED = frozenset({"format", "output", "results", "lang", "limit", "offset", "sort", "version", "download", "bom"})
"""What an address says besides the parameters of a question; no question may use these names."""
AREAS = {
    "actors": ("Actors", "行动者"),
    "causes": ("Causes and effects", "因果"),
    "comparison": ("Comparison", "比较"),
    "counts": ("Counts and matrices", "计数与矩阵"),
    "dimensions": ("Value dimensions", "价值维度"),
    "evidence": ("Evidence", "证据"),
    "figures": ("Figures", "数字"),
    "gaps": ("Gaps", "空缺"),
    "lenses": ("Lenses: the facts in other vocabularies", "视角：以其他词汇表述的事实"),
    "mechanisms": ("Mechanisms", "机制"),
    "outcomes": ("Outcomes", "结果"),
    "pictures": ("What the pictures of a case are drawn from", "案例各图的数据"),
    "recommendations": ("Recommendations", "建议"),
    "resources": ("Resources and channels", "资源与渠道"),
    "stages": ("Stages and events", "阶段与事件"),
    "theory": ("Theory and literature", "理论与文献"),
}
Json = dict[str, Any]


def area_name(area: str, lang: str) -> str:
    """The name of an area of questions in a language; an area without one goes by its folder."""
    return AREAS[area][lang == "zh"] if area in AREAS else area


def iri(question: Question) -> str:
    """What names a question."""
    return f"{CATALOGUE_IRI}/{question.name}"


def both(said: Mapping[str, str]) -> Json:
    """A text in both languages."""
    return {lang: said[lang] for lang in LANGUAGES if lang in said}


def keywords(question: Question) -> list[tuple[str, str]]:
    """Keywords with their languages (empty where the header gives none), as the header lists them."""
    said = question.query.header.get("keywords") or {}
    if not isinstance(said, Mapping):
        said = {"": said}
    return [(str(word), lang) for lang, words in said.items() for word in ([words] if isinstance(words, str) else words)]


# --- JSON


def as_json(library: Library, answers: Answers | None = None, area: str | None = None) -> Json:
    """
    The catalogue, or one area of it.

    Args:
        answers: where the choices of parameters are looked up; without, they are left out.
    """
    chosen = [q for q in library.questions.values() if area in (None, q.area)]
    return {
        "iri": CATALOGUE_IRI,
        "areas": [{"name": a, "label": dict(zip(LANGUAGES, (area_name(a, lang) for lang in LANGUAGES), strict=True))} for a in sorted({q.area for q in chosen})],
        "questions": [_entry(q) for q in chosen],
        **({"choices": _all_choices(chosen, answers)} if answers else {}),
    }


def _all_choices(chosen: Sequence[Question], answers: Answers) -> Json:
    """For each class that a parameter names, what the graph offers."""
    classes = {p.choices: p for q in chosen for p in q.query.parameters if p.choices}
    return {expand(c): [{"value": x.short, "iri": x.iri, "label": dict(x.labels)} for x in answers.choices(p)] for c, p in sorted(classes.items())}


def _entry(question: Question) -> Json:
    header = question.query.header
    return {
        "name": question.name,
        "area": question.area,
        "iri": iri(question),
        "path": f"/questions/{question.name}",
        **{key: both(header[key]) for key in ("title", "question", "explanation") if key in header},
        "keywords": [{"text": text, **({"language": lang} if lang else {})} for text, lang in keywords(question)],
        "parameters": [_parameter(p) for p in question.query.parameters],
        "columns": [{"name": c, "heading": both(header["columns"][c])} for c in question.query.columns],
    }


def _parameter(parameter: Parameter) -> Json:
    out: Json = {"name": parameter.name, "type": parameter.type, "label": both(parameter.label), "required": parameter.required, "many": parameter.many}
    if parameter.example:
        out["example"] = parameter.example
    if parameter.choices:
        out["class"] = expand(parameter.choices)
    return out


# --- RDF


def triples(library: Library, endpoint: str | None = None, area: str | None = None) -> list[ox.Triple]:
    """
    The catalogue as statements, in the order of the questions.

    Args:
        endpoint: the address at which the queries can be asked.
        area: only the questions of this area.
    """
    chosen = [q for q in library.questions.values() if area in (None, q.area)]
    parameters = {p.name: p for q in chosen for p in q.query.parameters}
    return list(dict.fromkeys([*_whole(chosen), *(t for q in chosen for t in _question(q, endpoint)), *(t for p in parameters.values() for t in _path(p))]))


def _node(text: str) -> ox.NamedNode:
    return ox.NamedNode(expand(text) if text.partition(":")[0] in PREFIXES else text)


def _say(subject: str, *facts: tuple[str, ox.NamedNode | ox.Literal]) -> Iterator[ox.Triple]:
    return (ox.Triple(_node(subject), _node(p), o) for p, o in facts)


def _texts(predicate: str, said: Mapping[str, str]) -> list[tuple[str, ox.NamedNode | ox.Literal]]:
    return [(predicate, ox.Literal(text.strip(), language=lang)) for lang, text in both(said).items()]


def _whole(chosen: Sequence[Question]) -> Iterator[ox.Triple]:
    title = {"en": "questions that the dataset answers", "zh": "本数据集所能回答的问题"}
    yield from _say(
        CATALOGUE_IRI, ("rdf:type", _node("schema:ItemList")), *_texts("rdfs:label", title), ("dcterms:license", _node(LICENSE)), ("dcterms:subject", _node(DATASET_IRI))
    )
    for name in sorted({q.area for q in chosen}):
        area = f"{CATALOGUE_IRI}/{name}"
        yield from _say(CATALOGUE_IRI, ("dcterms:hasPart", _node(area)))
        yield from _say(area, ("rdf:type", _node("schema:ItemList")), *_texts("rdfs:label", {lang: area_name(name, lang) for lang in LANGUAGES}))


def _question(question: Question, endpoint: str | None) -> Iterator[ox.Triple]:
    header, me = question.query.header, iri(question)
    yield from _say(
        me,
        ("rdf:type", _node("sh:SPARQLExecutable")),
        ("rdf:type", _node("sh:SPARQLSelectExecutable")),
        *_texts("rdfs:label", header["title"]),
        *_texts("rdfs:comment", header["question"]),
        *_texts("dcterms:description", header.get("explanation") or {}),
        ("dcterms:identifier", ox.Literal(question.name)),
        ("dcterms:isPartOf", _node(f"{CATALOGUE_IRI}/{question.area}")),
        *((("dcat:keyword"), ox.Literal(text, language=lang) if lang else ox.Literal(text)) for text, lang in keywords(question)),
        ("sh:select", ox.Literal(question.query.text)),
        *([("schema:target", _node(endpoint))] if endpoint else []),
    )
    for order, column in enumerate(question.query.columns):
        at = f"{me}#column-{column}"
        yield from _say(me, ("schema:variableMeasured", _node(at)))
        yield from _say(at, ("rdf:type", _node("schema:PropertyValue")), ("schema:alternateName", ox.Literal(column)), ("sh:order", ox.Literal(order)))
        yield from _say(at, *_texts("rdfs:label", header["columns"][column]))
    for order, parameter in enumerate(question.query.parameters):
        at = f"{me}#{parameter.name}"
        yield from _say(me, ("sh:parameter", _node(at)))
        yield from _say(at, *_parameter_facts(parameter, order))


def _parameter_facts(parameter: Parameter, order: int) -> Iterator[tuple[str, ox.NamedNode | ox.Literal]]:
    yield "rdf:type", _node("sh:Parameter")
    yield "sh:path", _node(PARAMETER_IRI + parameter.variable)
    yield "sh:order", ox.Literal(order)
    yield "sh:optional", ox.Literal(not parameter.required)
    yield from _texts("sh:name", parameter.label)
    yield from _texts("rdfs:label", parameter.label)
    if not parameter.many:
        yield "sh:maxCount", ox.Literal(1)
    if parameter.choices:
        yield "sh:nodeKind", _node("sh:IRI")
        yield "sh:class", _node(parameter.choices)
    else:
        yield "sh:datatype", _node("xsd:" + DATATYPES.get(parameter.type, "string"))
    if parameter.example:
        yield "skos:example", ox.Literal(parameter.example)


def _path(parameter: Parameter) -> Iterator[ox.Triple]:
    """A parameter's path ends in the name of its variable (SHACL 6.2.1)."""
    return _say(PARAMETER_IRI + parameter.variable, ("rdf:type", _node("rdf:Property")), *_texts("rdfs:label", parameter.label))


# --- OpenAPI


def openapi(library: Library, answers: Answers, server: str, routes: Collection[str]) -> Json:
    """
    The HTTP service as an OpenAPI 3.1 document.

    Args:
        answers: where the choices of parameters are looked up.
        server: the address of the service's root, with a slash at its end.
        routes: the rules of the routes that the service has; paths that it lacks are left out.
    """
    paths: Json = {
        "/questions": {"get": _catalogue_operation()},
        **{f"/questions/{q.name}": {"get": _operation(q, answers)} for q in library.questions.values()},
        **_others(),
    }
    known = {r.rstrip("/") for r in routes}
    classes = {p.choices: p for q in library.questions.values() for p in q.query.parameters if p.choices}
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "covalue",
            "version": __version__,
            "summary": "Value co-creation and business models as a queryable graph. 价值共创与商业模式的可查询知识图谱。",
            "description": "Named questions with typed parameters, SPARQL 1.1, and networks. Everything is read-only; the data change only with their version (`Covalue-Dataset`).",
            "license": {"name": "CC BY 4.0", "identifier": "CC-BY-4.0"},
        },
        "servers": [{"url": server.rstrip("/") or "/"}],
        "tags": [{"name": a, "description": " · ".join(area_name(a, lang) for lang in LANGUAGES)} for a in sorted({q.area for q in library.questions.values()})]
        + [{"name": "service", "description": "The rest of the service · 服务的其余部分"}],
        "paths": {path: item for path, item in paths.items() if path.startswith("/questions") or path in known},
        "components": {
            "parameters": _common_parameters(),
            "responses": _common_responses(),
            "headers": _common_headers(),
            "schemas": {**_common_schemas(), **{_schema_name(c): _choices(p, answers) for c, p in sorted(classes.items())}},
        },
    }


def _schema_name(of_class: str) -> str:
    return of_class.replace(":", ".")


def _choices(parameter: Parameter, answers: Answers) -> Json:
    found = [c.short for c in answers.choices(parameter)]
    text = f"Members of {parameter.choices} by their short names. An IRI, a CURIE or a label in either language is understood too."
    return {"type": "string", "description": text, **({"enum": found} if found else {"maxLength": 0})}


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


def _responses(ok: Json, *codes: str) -> Json:
    return {"200": ok, "304": _ref("responses", "NotModified"), **{c: _ref("responses", "Problem") for c in (*codes, "406", "413", "503", "504")}}


def _content(formats: Iterable[Any], **schemas: Json) -> Json:
    """Media types; those that `schemas` has no word on are texts, and what a program opens is bytes."""
    return {f.media_type: {"schema": schemas.get(f.extension.partition(".")[0], {"type": "string"})} if f.extension != "xlsx" else {} for f in formats}


def _operation(question: Question, answers: Answers) -> Json:
    header = question.query.header
    columns = "\n".join(f"* `{c}`: {question.heading(c, 'en')} · {question.heading(c, 'zh')}" for c in question.query.columns)
    return {
        "operationId": question.name.replace("/", "_").replace("-", "_"),
        "tags": [question.area],
        "summary": " · ".join(both(header["title"]).values()),
        "description": "\n\n".join([*both(header["question"]).values(), *both(header.get("explanation") or {}).values(), columns]),
        "parameters": [
            *(_openapi_parameter(p, answers) for p in question.query.parameters),
            *(_ref("parameters", n) for n in ("format", "lang", "limit", "offset", "version", "download", "bom")),
            _query(
                "sort",
                {"type": "string", "enum": [s + c for c in question.query.columns for s in ("", "-")]},
                "Rows by this column; with a minus from the last to the first · 按此列排序",
            ),
        ],
        "responses": _responses(_ref("responses", "Answer"), "400", "410"),
    }


def _openapi_parameter(parameter: Parameter, answers: Answers) -> Json:
    schema: Json = _ref("schemas", _schema_name(parameter.choices)) if parameter.choices else _literal_schema(parameter)
    out: Json = {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": " · ".join(both(parameter.label).values()) + (" (any of several)" if parameter.many else ""),
        "schema": {"type": "array", "items": schema, "uniqueItems": True} if parameter.many else schema,
    }
    if parameter.many:
        out |= {"style": "form", "explode": True}
    known = {c.short for c in answers.choices(parameter)}
    if parameter.example and (not parameter.choices or parameter.example in known):
        value: Any = int(parameter.example) if parameter.type in ("integer", "year") else parameter.example
        out["example"] = [value] if parameter.many else value
    return out


def _literal_schema(parameter: Parameter) -> Json:
    if parameter.type in ("integer", "year"):
        return {"type": "integer", "minimum": -(10**15), "maximum": 10**15}
    if parameter.type == "decimal":
        return {"type": "string", "pattern": r"^[+-]?[0-9]{1,18}(\.[0-9]{1,12})?$"}
    return {"type": "string", "maxLength": 1000}


def _catalogue_operation() -> Json:
    rdf = offered(Shape.GRAPH)
    content = {"application/json": {"schema": _ref("schemas", "Catalogue")}, **_content(rdf, jsonld={}), "text/html": {"schema": {"type": "string"}}}
    return {
        "operationId": "questions",
        "tags": ["service"],
        "summary": "The catalogue of questions · 问题目录",
        "parameters": [_query("format", {"type": "string", "enum": ["json", "html", *(f.names[0] for f in rdf)]}, "In place of the Accept header."), _ref("parameters", "lang")],
        "responses": _responses({"description": "The catalogue · 目录", "content": content}, "400"),
    }


def _query(name: str, schema: Json, text: str, **more: Any) -> Json:
    return {"name": name, "in": "query", "description": text, "schema": schema, **more}


def _others() -> Json:
    """Paths besides the questions; only those that a service has are listed."""
    asked = {"type": "string", "minLength": 1}
    graph = offered(Shape.GRAPH)
    results = offered(Shape.BINDINGS)
    ok = {"description": "The answer · 答案", "content": {**_content(results, srj={"type": "object"}), **_content(graph, jsonld={}), "text/html": {"schema": {"type": "string"}}}}
    sparql = {"tags": ["service"], "externalDocs": {"url": "https://www.w3.org/TR/sparql11-protocol/"}, "responses": _responses(ok, "400", "403", "414", "415")}
    graphs = [_query(n, {"type": "array", "items": {"type": "string", "format": "uri"}}, "Of the protocol's dataset.") for n in ("default-graph-uri", "named-graph-uri")]
    form = {"type": "object", "required": ["query"], "properties": {"query": asked, "format": {"type": "string"}}}
    return {
        "/sparql": {
            "get": {
                **sparql,
                "operationId": "sparql_get",
                "summary": "SPARQL 1.1 by GET; without a query the service describes itself · 以 GET 查询",
                "parameters": [
                    _query("query", asked, "One SPARQL query.", example="ASK { ?s ?p ?o }"),
                    *graphs,
                    _query("format", {"type": "string"}, "In place of the Accept header."),
                ],
            },
            "post": {
                **sparql,
                "operationId": "sparql_post",
                "summary": "SPARQL 1.1 by POST · 以 POST 查询",
                "requestBody": {
                    "required": True,
                    "content": {"application/sparql-query": {"schema": asked, "example": "ASK { ?s ?p ?o }"}, "application/x-www-form-urlencoded": {"schema": form}},
                },
            },
        },
        "/ask": {"get": _ask_operation()},
        **_search_operations(),
        **_graph_operations(),
        **_operators_operations(),
        **{path: {"get": _network_operation(path, media)} for path, media in (("/network.graphml", "application/graphml+xml"), ("/network.gexf", "application/gexf+xml"))},
        "/citation": {
            "get": {
                "operationId": "citation",
                "tags": ["service"],
                "summary": "How to cite the dataset and its sources · 如何引用数据集及其来源",
                "parameters": [_query("format", {"type": "string", "enum": [f.names[0] for f in citation.FORMATS]}, "In place of the Accept header."), _ref("parameters", "lang")],
                "responses": _responses({"description": "References · 参考文献", "content": _content(citation.FORMATS, csl={"type": "array"})}, "400"),
            }
        },
    }


def _search_operations() -> Json:
    """Search by name; the kinds are those of `covalue.search`."""
    words = _query("q", {"type": "string", "maxLength": 200}, "Words, in English or Chinese; parts of names too · 中英文词语或名称的一部分", example="价值")
    kind = _query("kind", {"type": "array", "items": {"type": "string", "enum": list(KINDS)}}, "Only these kinds · 仅这些种类")
    page = _query("page", {"type": "integer", "minimum": 1, "maximum": 500}, "Twenty hits to a page · 每页二十条")
    limit = _query("limit", {"type": "integer", "minimum": 1, "maximum": 20}, "Suggestions to give · 建议条数")
    lang = _ref("parameters", "lang")
    rows = (
        ("/search.json", "search", "Search by name in both languages · 按名称搜索（中英文）", [words, kind, page, lang]),
        ("/suggest", "suggest", "Names that fit what was typed so far · 输入时的名称建议", [words, kind, limit, lang]),
        ("/terms.json", "terms", "All terms with labels and kind, for editors · 供编辑器使用的全部术语", [kind]),
    )
    told = "As JSON; where `more` is true, `total` and the kinds in `unfinished` are counted to at least so many · JSON；more 为真时，total 及 unfinished 所列种类之数为下限"
    ok = {"description": told, "content": {"application/json": {"schema": {"type": "object"}}}}
    return {
        path: {"get": {"operationId": name, "tags": ["service"], "summary": summary, "parameters": parameters, "responses": _responses(ok, "400")}}
        for path, name, summary, parameters in rows
    }


def _graph_operations() -> Json:
    """Statements without a query: whole graphs, and what is said of the dataset."""
    formats = offered(Shape.GRAPH)
    ok = {"description": "The statements · 陈述", "content": {**_content(formats, jsonld={}), "text/html": {"schema": {"type": "string"}}}}
    own = [_query("format", {"type": "string"}, "In place of the Accept header."), _ref("parameters", "download")]
    default = {**_query("default", {"type": "string", "enum": [""]}, "The default graph; or else name one · 默认图"), "allowEmptyValue": True}
    graph = _query("graph", {"type": "string", "format": "uri"}, "The IRI of a named graph · 命名图的 IRI", example="https://w3id.org/covalue/graph/ontology")
    store = "A whole graph, by the SPARQL 1.1 Graph Store HTTP Protocol; nothing can be written · 整图读取（只读）"
    dataset = "The dataset described in VoID and DCAT, as at /.well-known/void · 以 VoID 与 DCAT 描述数据集"
    return {
        "/graph-store": {
            "get": {"operationId": "graph_store", "tags": ["service"], "summary": store, "parameters": [default, graph, *own], "responses": _responses(ok, "400", "404")}
        },
        "/dataset": {"get": {"operationId": "dataset", "tags": ["service"], "summary": dataset, "parameters": own, "responses": _responses(ok, "400")}},
    }


def _operators_operations() -> Json:
    """For who runs the service."""
    rows = (
        ("/health/live", "live", "Whether the process answers · 进程是否存活", ()),
        ("/health/ready", "ready", "Whether the store answers too · 存储是否就绪", ("503",)),
        ("/metrics", "metrics", "Counts in Prometheus' text format · Prometheus 文本格式的计数", ()),
    )
    problem, ok = _ref("responses", "Problem"), {"description": "Text · 文本", "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {
        path: {"get": {"operationId": name, "tags": ["service"], "summary": summary, "responses": {"200": ok, **dict.fromkeys(codes, problem)}}}
        for path, name, summary, codes in rows
    }


def _ask_operation() -> Json:
    tables = [*tabular.TABLES[1:], *tabular.RESULTS, *citation.FORMATS, tabular.PAGE]
    content = {"application/json": {"schema": _ref("schemas", "Reply")}, **_content(tables, srj={"type": "object"}, csl={"type": "array"})}
    text = "How the words are understood, the answer, and other readings; where they are not understood, the closest questions (formats with room for an answer alone: 404)."
    return {
        "operationId": "ask",
        "tags": ["service"],
        "summary": "A question in words, in English or Chinese · 以中文或英文提问",
        "description": text,
        "parameters": [
            _query(
                "q", {"type": "string", "minLength": 1, "maxLength": LONGEST}, "The question in words · 问题", required=True, example="What do users contribute to value creation?"
            ),
            *(_ref("parameters", n) for n in ("format", "lang", "limit", "offset", "version", "download", "bom")),
        ],
        "responses": _responses({"description": "The reply · 答复", "content": content}, "400", "404", "410"),
    }


def _network_operation(path: str, media: str) -> Json:
    which = {"type": "string", "enum": ["all", "value", "contributions"], "default": "all"}
    return {
        "operationId": path.strip("/").replace(".", "_"),
        "tags": ["service"],
        "summary": "The networks of a case as a file for Gephi, Cytoscape and others · 供 Gephi、Cytoscape 等使用的案例网络",
        "parameters": [
            _query("case", {"type": "string"}, "Short name of a case; without, of all cases.", example="xiaomi"),
            _query("which", which, "Value exchanges between actors, contributions of actors, or both."),
            _ref("parameters", "lang"),
        ],
        "responses": _responses({"description": "The network · 网络", "content": {media: {"schema": {"type": "string"}}}}, "400"),
    }


def _common_parameters() -> Json:
    names = [f.names[0] for f in (*tabular.TABLES, *tabular.STATEMENTS, *tabular.RESULTS, *citation.FORMATS, tabular.PAGE)]
    version = {"type": "string", "pattern": f"^[0-9a-f]{{{citation.LEAST_DIGITS},64}}$"}
    told = "The version of the dataset that is cited. If it is not the one served, formats with room for a note say so, and others are 410."
    return {
        "format": _query("format", {"type": "string", "enum": names}, "In place of the Accept header · 代替 Accept 头"),
        "lang": _query("lang", {"type": "string", "enum": list(LANGUAGES)}, "The language of labels; else by Accept-Language · 标签语言"),
        "limit": _query("limit", {"type": "integer", "minimum": 0, "maximum": 10**9}, "Rows to give; X-Total-Count tells how many there are · 返回行数"),
        "offset": _query("offset", {"type": "integer", "minimum": 0, "maximum": 10**9}, "Rows to skip · 跳过行数"),
        "version": _query("version", version, told),
        "download": _query("download", {"type": "string", "enum": ["0", "1"]}, "1: as a file to save · 1 表示下载"),
        "bom": _query("bom", {"type": "string", "enum": ["0", "1"]}, "1: a byte order mark before CSV, for Excel · 1 表示加 BOM"),
    }


def _common_headers() -> Json:
    text = {"type": "string"}
    return {
        "Covalue-Dataset": {"description": "The digest of the dataset that the answer is from.", "schema": text},
        "Link": {"description": "`next` and `prev` (RFC 8288), and `cite-as` (RFC 8574).", "schema": text},
        "X-Total-Count": {"description": "The number of rows without limit and offset.", "schema": {"type": "integer", "minimum": 0}},
    }


def _common_responses() -> Json:
    answer = _content(
        [*tabular.TABLES, *tabular.STATEMENTS, *tabular.RESULTS, *citation.FORMATS, tabular.PAGE], json=_ref("schemas", "Answer"), srj={"type": "object"}, csl={"type": "array"}
    )
    headers = {name: _ref("headers", name) for name in ("Covalue-Dataset", "Link", "X-Total-Count")}
    content = {"application/problem+json": {"schema": _ref("schemas", "Problem")}, "text/plain": {"schema": {"type": "string"}}}
    return {
        "Answer": {"description": "The answer · 答案", "headers": headers, "content": answer},
        "NotModified": {"description": "What the client holds is still true."},
        "Problem": {"description": "What is wrong, in both languages (RFC 9457) · 问题说明（中英文）", "content": content},
    }


def _common_schemas() -> Json:
    text: Json = {"type": "string"}
    lists: Json = {"type": "array", "items": {"type": "object"}}
    value: Json = {"type": ["string", "number", "boolean"]}
    cell = {"type": ["object", "null"], "required": ["value"], "properties": {"value": value, "label": text, "curie": text, "datatype": text}}
    needed = ("question", "language", "parameters", "total", "offset", "dataset", "cite_as", "citation", "columns", "rows", "sparql")
    return {
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "detail", "detail_zh"],
            "properties": {"type": text, "title": text, "status": {"type": "integer"}, "detail": text, "detail_zh": text, "nearest": {"type": "array", "items": text}},
        },
        "Cell": cell,
        "Answer": {
            "type": "object",
            "required": list(needed),
            "properties": {
                "question": {"type": "object", "required": ["name", "title", "question", "explanation"]},
                "language": {"enum": list(LANGUAGES)},
                "parameters": lists,
                "total": {"type": "integer", "minimum": 0},
                "offset": {"type": "integer", "minimum": 0},
                **dict.fromkeys(("dataset", "cite_as", "citation", "note", "sparql"), text),
                "columns": {"type": "array", "items": {"type": "object", "required": ["name", "heading"]}},
                "rows": {"type": "array", "items": {"type": "object", "additionalProperties": _ref("schemas", "Cell")}},
            },
        },
        "Reply": {
            "type": "object",
            "required": ["text", "language", "known", "confidence", "message", "readings", "answer"],
            "properties": {
                "text": text,
                "language": {"enum": list(LANGUAGES)},
                "known": {"type": "boolean"},
                "confidence": {"type": "number", "minimum": 0, "maximum": 1},
                "message": {"type": "object", "required": list(LANGUAGES), "additionalProperties": text},
                "readings": {"type": "array", "items": {"type": "object", "required": ["name", "title", "question", "parameters", "values", "path", "score", "sparql"]}},
                "answer": {"oneOf": [_ref("schemas", "Answer"), {"type": "null"}]},
            },
        },
        "Catalogue": {"type": "object", "required": ["iri", "areas", "questions"], "properties": {"iri": text, "areas": lists, "questions": lists}},
    }
