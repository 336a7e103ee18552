"""
The start page: what this is, ask in words, ready questions, cases, download and cite; with what search engines, reference managers and
previews of links read (schema.org as JSON-LD, `citation_*`, Open Graph).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Response, request

from covalue import catalogue, citation
from covalue.description import ABOUT, DATASET_IRI, LICENSE, TITLE
from covalue.formats import LONGEST_HEADER, PAGES, parse_accept
from covalue.names import BASE, PREFIXES
from covalue.questions import Answers, Library, bindings
from covalue.stores import Store
from covalue.web import addresses, answers, discovery, pages, protocol, validators
from covalue.web.discovery import wanted_format
from covalue.web.languages import language
from covalue.web.service import Service

FEATURED = (
    "actors/contributions-with-evidence",
    "actors/actor-dimension-matrix",
    "mechanisms/what-mechanisms-involve",
    "stages/evolution",
    "causes/loops",
    "figures/all-figures",
)
"""Questions that show what there is; those that the library lacks are passed over."""
EXAMPLES = (
    ("What do users contribute to value creation?", "用户对价值创造有什么贡献？"),
    ("Which mechanisms do users take part in?", "用户参与了哪些机制？"),
    ("What does the paper recommend, and to whom?", "论文向谁提出了什么建议？"),
)
"""Each of them must be understood; a test asks them."""
KEYWORDS = {
    "en": ["value co-creation", "business model innovation", "service-dominant logic", "case study", "knowledge graph", "ontology", "SPARQL"],
    "zh": ["价值共创", "商业模式创新", "服务主导逻辑", "案例研究", "知识图谱", "本体"],
}
MOST_CASES = 60
COUNTED = (
    ("Claim", "claims, each with its place in the source", "条陈述，均注明出处"),
    ("Actor", "actors", "个行动者"),
    ("Mechanism", "mechanisms", "种机制"),
    ("Passage", "passages of the sources", "处来源文句"),
)
TABLES = (
    ("ontology.ttl", "the ontology (Turtle)", "本体（Turtle）"),
    ("ontology.owl", "the ontology (RDF/XML, for Protégé)", "本体（RDF/XML，供 Protégé 使用）"),
    ("graph-store?default&format=turtle&download=1", "all facts (Turtle)", "全部事实（Turtle）"),
    ("graph-store?default&format=ntriples&download=1", "all facts (N-Triples)", "全部事实（N-Triples）"),
    ("network.graphml", "the networks (GraphML, for Gephi and Cytoscape)", "各网络（GraphML，供 Gephi、Cytoscape 使用）"),
    ("network.gexf", "the networks (GEXF)", "各网络（GEXF）"),
    ("questions?format=json", "the questions (JSON)", "问题目录（JSON）"),
)


def view(service: Service, library: Library | None) -> protocol.View:
    """A page for readers, the description of the dataset for who names an RDF type, a few lines of text for all others."""
    describe_dataset = discovery.void_view(service)
    given = Answers(service.store, library or Library({}))
    citations = citation.Citations(given)

    def start() -> Response:
        chosen, _ = wanted_format()
        if chosen in PAGES:
            opaque = validators.tag(service.store.version, "start", addresses.base(), language(), sorted(given.library.questions))
            response = answers.held(opaque, chosen)
            return response or pages.send("start.html", chosen, opaque, **_values(service.store, given, citations))
        if any(kind in chosen.media_types for kind, quality in parse_accept(request.headers.get("Accept", "")[:LONGEST_HEADER]) if quality):
            return describe_dataset()
        response = Response(_text(service.store), content_type="text/plain; charset=utf-8", headers={"Cache-Control": answers.REVALIDATE})
        response.vary.add("Accept")
        return response

    return start


def _text(store: Store) -> str:
    return (
        "covalue: value co-creation and business models as a queryable graph.\n价值共创与商业模式的可查询知识图谱。\n\n"
        "Ask in SPARQL at /sparql?query=… (GET, or POST as a form or as application/sparql-query).\n"
        "请以 SPARQL 查询 /sparql?query=…（GET，或以表单、application/sparql-query 方式 POST）。\n\n"
        f"dataset 数据集 {store.version[:16]}\n"
    )


def _values(store: Store, given: Answers, citations: citation.Citations) -> dict[str, Any]:
    lang = language()
    zh = lang == "zh"
    questions = given.library.questions
    dataset = citations.dataset(lang)
    sources = citations.sources(lang=lang)
    cases = _cases(store, lang)
    return {
        "featured": [_entry(questions[name], lang) for name in FEATURED if name in questions],
        "areas": [(addresses.local(f"questions/{a}"), catalogue.area_name(a, lang), n) for a, n in sorted(Counter(q.area for q in questions.values()).items())],
        "questions": len(questions),
        "examples": [pair[zh] for pair in EXAMPLES],
        "cases": cases,
        "counts": [(number, (en, cn)[zh]) for number, en, cn in _counts(store)],
        "downloads": [(addresses.local(path.partition("?")[0]) + path[len(path.partition("?")[0]) :], (en, cn)[zh]) for path, en, cn in TABLES],
        "cited": citation.line(dataset),
        "sources": [citation.line(s) for s in sources],
        "references": [(label, f"{addresses.local('citation')}?format={name}&download=1") for label, name in (("BibTeX", "bibtex"), ("RIS", "ris"), ("CSL-JSON", "csl"))],
        "dataset": dataset,
        "about": ABOUT[zh],
        "jsonld": _jsonld(dataset, [citation.line(s) for s in sources], store.version),
    }


def _entry(question: Any, lang: str) -> dict[str, str]:
    return {"href": addresses.local(f"questions/{question.name}"), "title": question.text("title", lang), "question": question.text("question", lang)}


def _cases(store: Store, lang: str) -> list[dict[str, str]]:
    """The cases with label and description in a language, else in another, in the order of their IRIs."""
    sparql = f"""SELECT ?case ?p ?text (LANG(?text) AS ?lang) WHERE {{
        {{ SELECT ?case WHERE {{ ?case a <{PREFIXES["vcc"]}Case> }} ORDER BY ?case LIMIT {MOST_CASES} }}
        VALUES ?p {{ <{PREFIXES["rdfs"]}label> <{PREFIXES["dcterms"]}description> }}
        ?case ?p ?text
    }} ORDER BY ?case"""
    said: dict[str, dict[str, dict[str, str]]] = {}
    for row in bindings(store, sparql)[1]:
        part = row["p"]["value"].rpartition("#" if "#" in row["p"]["value"] else "/")[2]
        said.setdefault(row["case"]["value"], {}).setdefault(part, {})[row["lang"]["value"]] = row["text"]["value"]
    out = []
    for iri, parts in said.items():
        best = {part: texts.get(lang) or next(iter(texts.values())) for part, texts in parts.items()}
        href = addresses.link(iri) or ""
        out.append({"href": href, "label": pages.printable(best.get("label", iri)), "description": pages.printable(best.get("description", ""))})
    return out


def _counts(store: Store) -> list[tuple[int, str, str]]:
    """How many there are of some classes; those that are empty are left out."""
    names = " ".join(f"<{PREFIXES['vcc']}{name}>" for name, _, _ in COUNTED)
    sparql = f"SELECT ?class (COUNT(DISTINCT ?x) AS ?n) WHERE {{ VALUES ?class {{ {names} }} ?x a ?class }} GROUP BY ?class"
    found = {row["class"]["value"]: int(row["n"]["value"]) for row in bindings(store, sparql)[1]}
    return [(n, en, zh) for name, en, zh in COUNTED if (n := found.get(PREFIXES["vcc"] + name, 0))]


def _jsonld(dataset: citation.Reference, sources: list[str], version: str) -> dict[str, Any]:
    """The dataset as schema.org has it; a search for datasets reads this."""
    base = addresses.base()
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": DATASET_IRI,
        "name": [{"@language": lang, "@value": text} for lang, text in zip(("en", "zh"), TITLE, strict=True)],
        "description": [{"@language": lang, "@value": text} for lang, text in zip(("en", "zh"), ABOUT, strict=True)],
        "identifier": BASE + "dataset",
        "url": base,
        "version": dataset.version,
        "creator": [{"@type": "Organization", "name": name} for name in dataset.authors],
        **({"datePublished": dataset.year} if dataset.year else {}),
        "license": LICENSE,
        "inLanguage": ["en", "zh"],
        "keywords": [word for words in KEYWORDS.values() for word in words],
        "isAccessibleForFree": True,
        **({"isBasedOn": sources} if sources else {}),
        "distribution": [
            _download("Turtle", "text/turtle", base + "graph-store?default&format=turtle"),
            _download("N-Triples", "application/n-triples", base + "graph-store?default&format=ntriples"),
            _download("SPARQL endpoint", "application/sparql-results+json", base + "sparql"),
        ],
        "additionalProperty": {"@type": "PropertyValue", "name": "SHA-256", "value": version},
    }


def _download(name: str, kind: str, address: str) -> dict[str, str]:
    return {"@type": "DataDownload", "name": name, "encodingFormat": kind, "contentUrl": address}
