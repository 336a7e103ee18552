"""The page of an answer to a named question: parameters, table, evidence of each row, downloads, how to cite, the SPARQL behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from covalue import catalogue, citation, evidence, tabular
from covalue.evidence import Grounds
from covalue.formats import Format
from covalue.names import BASE, PREFIXES, shrink
from covalue.questions import Answers, Table
from covalue.tabular import About
from covalue.web import addresses, pages, protocol

if TYPE_CHECKING:
    from covalue.web.questions import Asked

MOST_CHOICES = 1000
ROWS = 200
"""Rows of a page where the address says nothing else."""
FOR_READERS = ("csv", "xlsx", "json", "ttl")
"""Downloads that stand first; the others follow as more."""
NAMES = {
    "csv": "CSV",
    "xlsx": "Excel",
    "json": "JSON",
    "ttl": "Turtle",
    "tsv": "TSV",
    "md": "Markdown",
    "tex": "LaTeX",
    "txt": "text",
    "srj": "SPARQL JSON",
    "srx": "SPARQL XML",
    "rq": "SPARQL",
}
NAMES |= {"bib": "BibTeX", "csl.json": "CSL-JSON", "ris": "RIS"}
Link = tuple[str, str]


def values(answers: Answers, asked: Asked, table: Table, about: About, offered: Sequence[Format], shown: Callable[[Any], pages.Cell]) -> dict[str, Any]:
    """
    What the template `questions-answer.html` shows.

    Args:
        table: the rows of this page.
        offered: the formats to download.
        shown: makes a cell for a page.
    """
    question, lang = asked.question, table.lang
    path = addresses.local(f"questions/{question.name}")
    found = evidence.grounds(answers, table)
    kept = _kept(table, found)
    links = _downloads(asked, path, lang, offered, bool(tabular.subjects(table)))
    return {
        **form(answers, asked, lang),
        "name": question.name,
        "columns": [_column(asked, table.columns[i], question.heading(table.columns[i], lang)) for i in kept],
        "numbers": _numbers(table, kept),
        "rows": [[shown(row[i]) for i in kept] for row in table.rows],
        "grounds": _said(answers, found, lang) if any(g.given for g in found) else None,
        "total": table.total,
        "first": asked.offset + 1,
        "warning": about.warning(lang),
        "given": about.parameters,
        "tables": [links[n] for n in FOR_READERS if n in links],
        "more": [link for n, link in links.items() if n not in FOR_READERS and n not in {f.extension for f in citation.FORMATS}],
        "citations": [links[f.extension] for f in citation.FORMATS if f.extension in links],
        "csv": addresses.base() + _address(path.removeprefix(addresses.prefix()).lstrip("/"), [*_pairs(asked), ("format", "csv")]),
        "sparql": table.sparql,
        "editor": _editor(table.sparql, question.text("title", lang)),
        "address": about.address,
        "here": path + about.address.removeprefix(f"{BASE}questions/{question.name}"),
        "citation": about.citation,
        "version": about.version,
    }


def form(answers: Answers, asked: Asked, lang: str) -> dict[str, Any]:
    """What a page shows of the question itself and of its parameters, for the template `questions-parameters.html` too."""
    question = asked.question
    return {
        "title": question.text("title", lang),
        "question": question.text("question", lang),
        "explanation": question.text("explanation", lang),
        "fields": _fields(answers, asked, lang),
        "hidden": [("sort", asked.sort)] if asked.sort else [],
        "path": addresses.local(f"questions/{question.name}"),
        "area": (addresses.local(f"questions/{question.area}"), catalogue.area_name(question.area, lang)),
    }


def _pairs(asked: Asked) -> list[tuple[str, str]]:
    return [(n, v) for n, found in asked.values.items() for v in found if v.strip()]


def _address(path: str, pairs: Sequence[tuple[str, Any]]) -> str:
    return f"{path}?{urlencode(pairs, errors='replace')}" if pairs else path


def _downloads(asked: Asked, path: str, lang: str, offered: Sequence[Format], described: bool) -> dict[str, Link]:
    """Names and addresses by extension. CSV has the mark by which Excel knows UTF-8; Turtle is there where rows name things to describe."""
    out = {}
    for f in offered:
        pairs = [
            *_pairs(asked),
            ("format", f.names[0]),
            ("lang", lang),
            *([("sort", asked.sort)] if asked.sort else []),
            *([("bom", "1")] if f.extension == "csv" else []),
            ("download", "1"),
        ]
        address = _address(path, pairs)
        if len(address) < pages.LONGEST_LINK and (f.extension != "ttl" or described):
            out[f.extension] = (name(f), address)
    return out


def name(form: Format) -> str:
    """How people call a format."""
    return NAMES.get(form.extension, form.names[0])


def _editor(sparql: str, title: str) -> str | None:
    address = _address(addresses.local("editor"), [("query", sparql), ("name", title)])
    return address if len(address) < pages.LONGEST_LINK else None


def _column(asked: Asked, name: str, heading: str) -> dict[str, str]:
    """A heading that sorts by its column: first ascending, then descending, then as the question has it."""
    now = "ascending" if asked.sort == name else "descending" if asked.sort == "-" + name else ""
    then = {"": name, "ascending": "-" + name, "descending": ""}[now]
    pairs = [(n, v) for n, v in protocol.parameters() if n not in ("sort", "offset") and v.strip()]
    return {"name": name, "heading": heading, "sorted": now, "href": _address(addresses.here(), [*pairs, *([("sort", then)] if then else [])]) + "#answer"}


def _kept(table: Table, found: Sequence[Grounds]) -> list[int]:
    """
    The columns that a page shows: all but those whose claims and passages stand in the evidence of each row anyway; downloads have all.

    The first column always stays, since it is what the answer is about.
    """
    told = [{iri for x in g.given for iri in (x.claim, *x.passages)} if g.direct else set() for g in found]

    def again(i: int) -> bool:
        cells = [(row[i], said) for row, said in zip(table.rows, told, strict=True) if row[i].kind != "empty"]
        return bool(cells) and all(c.value in said for c, said in cells)

    return [i for i in range(len(table.columns)) if i == 0 or not again(i)]


def _numbers(table: Table, kept: Sequence[int]) -> list[bool]:
    """Which columns hold numbers only, and so stand to the right."""
    filled = [[row[i] for row in table.rows if row[i].kind != "empty"] for i in kept]
    return [bool(cells) and all(tabular.number(c) is not None for c in cells) for cells in filled]


def _said(answers: Answers, found: Sequence[Grounds], lang: str) -> list[dict[str, Any]]:
    """What each row rests on, with labels and links."""
    iris = {iri for g in found for x in g.given for iri in (x.claim, x.modality, *x.passages) if iri}
    labels = answers.labels(iris, lang)

    def cell(iri: str) -> pages.Cell:
        return pages.Cell(pages.printable(labels.get(iri) or shrink(iri)), addresses.link(iri), pages.printable(iri))

    def modality(iri: str) -> dict[str, str] | None:
        name = iri.removeprefix(PREFIXES["vcs"] + "modality/")
        return {"name": name, "label": labels.get(iri, name)} if iri else None

    return [
        {
            "total": len({p for x in g.given for p in x.passages}) if g.direct else g.total,
            "direct": g.direct,
            "left": g.total - len(g.given),
            "given": [{"claim": cell(x.claim) if x.claim else None, "modality": modality(x.modality), "passages": [cell(p) for p in x.passages]} for x in g.given],
        }
        for g in found
    ]


def _fields(answers: Answers, asked: Asked, lang: str) -> list[dict[str, Any]]:
    """
    The parameters as fields of a form; a field without choices takes text.

    A parameter that takes several values has a drop-down for each that is chosen, and one more.
    """
    out = []
    chosen: Mapping[str, Sequence[tuple[str, str, str]]] = citation.resolved(answers, asked.question, asked.values)
    for p in asked.question.query.parameters:
        now = [value for value, _, _ in chosen.get(p.name, ())]
        known = answers.choices(p)
        options = [(c.short, c.labels.get(lang) or c.labels.get("en") or c.short) for c in known] if len(known) <= MOST_CHOICES else []
        options.sort(key=lambda o: tabular.collation(o[1]))
        said = p.label.get(lang) or p.label["en"]
        drops = [[(v, label, v == one) for v, label in options] for one in ([*now, None] if p.many else [now[0] if now else None])] if options else []
        out.append({"name": p.name, "label": said, "many": p.many, "required": p.required, "drops": drops, "value": now[0] if now else "", "example": p.example})
    return out
