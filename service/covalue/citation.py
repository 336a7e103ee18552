"""
Citations: of the dataset, of an answer from it, and of the sources that the answer rests on; as BibTeX, CSL-JSON, RIS and one line.

An answer is cited by a permanent address, made of the question, its parameters and the version of the dataset (the first sixteen digits
of its SHA-256). Facts about a source are taken from the graph alone, so none is printed that was not verified there: an entry whose status
is not `verified` says so, and has no DOI. Names of authors are given as the graph has them; which part is the family name is not guessed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import urlencode

from covalue.description import PLAIN_TITLE, TITLE
from covalue.errors import InputError
from covalue.formats import Format
from covalue.names import BASE, ONTOLOGY_IRI, PREFIXES
from covalue.questions import Answers, Choice, Question, Table, Values, bindings, portions
from covalue.tabular import row

FORMATS: tuple[Format, ...] = (
    row("bibtex bib", "application/x-bibtex text/x-bibtex", "bib"),
    row("csl csl-json citeproc", "application/vnd.citationstyles.csl+json", "csl.json"),
    row("ris", "application/x-research-info-systems application/x-endnote-refer", "ris"),
)
DIGITS = 16
"""Of the digest that a citation names."""
LEAST_DIGITS = 8
VERIFIED = PREFIXES["vcs"] + "verification/verified"
MOST_SOURCES = 20
KINDS = {"JournalArticle": "article", "ReportDocument": "report"}
PLACE = re.compile(r"^(?P<journal>.*?\D)[,\s]\s*(?P<volume>\d+)(?:\((?P<issue>[\d–-]+)\))?(?:,\s*(?P<pages>\d+(?:[–-]\d+)?))?$")
NOT_REGISTERED = (
    "w3id.org does not lead there yet; the same path answers at any service of this dataset.",
    "w3id.org 的转址尚未登记；在任何提供本数据集的服务上，同一路径均可应答。",
)


@dataclass(frozen=True)
class Reference:
    """
    One thing to cite. `kind` is `dataset`, `answer`, `article`, `report` or `work`; texts are empty where nothing is known.

    `within` is what an answer is a part of, or the journal of an article.
    """

    key: str
    kind: str
    title: str
    authors: tuple[str, ...] = ()
    year: str = ""
    within: str = ""
    volume: str = ""
    issue: str = ""
    pages: str = ""
    publisher: str = ""
    doi: str = ""
    url: str = ""
    version: str = ""
    notes: tuple[str, ...] = ()
    lang: str = "en"


# --- addresses and versions


def resolved(answers: Answers, question: Question, values: Values) -> dict[str, tuple[tuple[str, str, str], ...]]:
    """
    The values of each given parameter as they are written in an address, and their labels in English and Chinese.

    Raises:
        InputError: a value that the graph does not know.
    """
    out: dict[str, tuple[tuple[str, str, str], ...]] = {}
    for parameter in question.query.parameters:
        known = {c.iri: c for c in answers.choices(parameter)}
        terms = dict.fromkeys(answers._term(parameter, t).value for t in values.get(parameter.name, ()) if t.strip())
        named = [_named(known.get(t), t) for t in terms]
        if named:
            out[parameter.name] = tuple(sorted(named))
    return out


def _named(choice: Choice | None, text: str) -> tuple[str, str, str]:
    if choice is None:
        return text, text, text
    en = choice.labels.get("en") or choice.short
    return choice.short, en, choice.labels.get("zh") or en


def labelled(question: Question, chosen: Mapping[str, Sequence[tuple[str, str, str]]], lang: str) -> tuple[tuple[str, str], ...]:
    """Given parameters and their values, both by their labels."""
    labels = {p.name: p.label.get(lang) or p.label["en"] for p in question.query.parameters}
    comma = "、" if lang == "zh" else ", "
    return tuple((labels[name], comma.join(v[1 + (lang == "zh")] for v in found)) for name, found in chosen.items())


def path(question: Question, chosen: Mapping[str, Sequence[tuple[str, str, str]]], version: str = "") -> str:
    """The path of an answer, without a slash at its start: parameters in the order of the question, values sorted, the version last."""
    pairs = [(name, value) for name, found in chosen.items() for value, _, _ in found]
    pairs += [("version", version[:DIGITS])] if version else []
    return f"questions/{question.name}" + (f"?{urlencode(pairs, safe='/:')}" if pairs else "")


def permanent(question: Question, chosen: Mapping[str, Sequence[tuple[str, str, str]]], version: str) -> str:
    """The permanent address of an answer."""
    return BASE + path(question, chosen, version)


def other_version(asked: str, served: str) -> str:
    """
    The version asked for where it is another than the one served; else empty.

    Raises:
        InputError: it is not a version.
    """
    wanted = asked.strip().lower()
    if not wanted:
        return ""
    if not re.fullmatch(rf"[0-9a-f]{{{LEAST_DIGITS},64}}", wanted):
        raise InputError(
            f"version takes the first {DIGITS} hexadecimal digits of the dataset's digest; served is {served[:DIGITS]}.",
            f"version 应为数据集摘要的前 {DIGITS} 位十六进制数字；现行版本是 {served[:DIGITS]}。",
        )
    return "" if served.startswith(wanted) else wanted


# --- what is known of the things to cite


class Citations:
    """References from one immutable store."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._version = answers.store.version

    def dataset(self, lang: str = "en") -> Reference:
        """The dataset itself."""
        about = self._ontology
        title = (TITLE if about else PLAIN_TITLE)[lang == "zh"]
        release = about.get("versionInfo", [""])[0]
        notes = [f"SHA-256 {self._version}", *(about.get("license", [])[:1])]
        return Reference(
            f"covalue-{self._version[:8]}",
            "dataset",
            title,
            tuple(sorted(about.get("creator", []))),
            about.get("issued", [""])[0][:4],
            publisher=next(iter(sorted(about.get("publisher", []))), ""),
            url=BASE + "dataset",
            version=f"{release} ({self._version[:DIGITS]})" if release else self._version[:DIGITS],
            notes=(*notes, NOT_REGISTERED[lang == "zh"]),
            lang=lang,
        )

    def answer(self, question: Question, address: str, lang: str = "en") -> Reference:
        """An answer, by its permanent address."""
        whole = self.dataset(lang)
        asked = question.text("question", lang)
        mark = hashlib.sha256(address.encode()).hexdigest()[:8]
        key = f"covalue-{question.name.replace('/', '-')}-{mark}"
        return replace(whole, key=key, kind="answer", title=question.text("title", lang), within=whole.title, url=address, notes=(asked, *whole.notes))

    def sources(self, table: Table | None = None, lang: str = "en") -> tuple[Reference, ...]:
        """
        The sources that the cases of a dataset are based on, or only those that the rows of an answer come from.

        Rows that name neither case nor source leave all of them in question.
        """
        wanted = self._of(table) if table else set()
        known = self._said(sorted(wanted or self._sources)[:MOST_SOURCES])
        return tuple(self._source(iri, said, lang) for iri, said in known.items())

    def all(self, question: Question, address: str, table: Table | None = None, lang: str = "en") -> tuple[Reference, ...]:
        """The answer, the dataset, and the sources."""
        return (self.answer(question, address, lang), self.dataset(lang), *self.sources(table, lang))

    def line(self, question: Question, address: str, table: Table | None = None, lang: str = "en") -> str:
        """The answer and its sources in one line."""
        sources = "; ".join(line(s).rstrip(".。") for s in self.sources(table, lang))
        return line(self.answer(question, address, lang)) + ((f" 来源：{sources}。" if lang == "zh" else f" Source: {sources}.") if sources else "")

    @cached_property
    def _ontology(self) -> dict[str, list[str]]:
        found = bindings(self._answers.store, f"SELECT ?p ?o WHERE {{ <{ONTOLOGY_IRI}> ?p ?o }}")[1]
        out: dict[str, list[str]] = {}
        for r in found:
            out.setdefault(re.split("[#/]", r["p"]["value"])[-1], []).append(r["o"]["value"])
        return out

    @cached_property
    def _cases(self) -> dict[str, set[str]]:
        """What cases are based on."""
        found = bindings(self._answers.store, f"SELECT ?case ?source WHERE {{ ?case <{PREFIXES['vcc']}basedOnSource> ?source }}")[1]
        out: dict[str, set[str]] = {}
        for r in found:
            out.setdefault(r["case"]["value"], set()).add(r["source"]["value"])
        return out

    @cached_property
    def _sources(self) -> frozenset[str]:
        """All that some case is based on."""
        return frozenset().union(*self._cases.values())

    def _said(self, sources: Iterable[str]) -> dict[str, list[tuple[str, str, str]]]:
        """What is said of each of them: predicate (its last part), value, language."""
        predicates = f"""<{PREFIXES["rdfs"]}label> <{PREFIXES["dcterms"]}title> <{PREFIXES["dcterms"]}bibliographicCitation> <{PREFIXES["rdf"]}type>
            <{PREFIXES["vcc"]}doi> <{PREFIXES["vcc"]}publicationYear> <{PREFIXES["vcc"]}verificationStatus> <{PREFIXES["vcc"]}author>"""
        out: dict[str, list[tuple[str, str, str]]] = {}
        for listed in portions(sources):
            sparql = f"SELECT ?source ?p ?o WHERE {{ VALUES ?source {{ {listed} }} VALUES ?p {{ {predicates} }} ?source ?p ?o }} ORDER BY ?source ?p ?o"
            for r in bindings(self._answers.store, sparql)[1]:
                out.setdefault(r["source"]["value"], []).append((re.split("[#/]", r["p"]["value"])[-1], r["o"]["value"], r["o"].get("xml:lang", "")))
        return out

    def _of(self, table: Table) -> set[str]:
        """Our IRIs begin with that of their case, or of their source."""
        out: set[str] = set()
        for iri in {c.value for r in table.rows for c in r if c.kind == "uri"}:
            for prefix in ("case", "src"):
                if iri.startswith(PREFIXES[prefix]):
                    top = PREFIXES[prefix] + iri[len(PREFIXES[prefix]) :].partition("/")[0]
                    out |= self._cases.get(top, {top} if top in self._sources else set())
        return out

    def _source(self, iri: str, said: Sequence[tuple[str, str, str]], lang: str) -> Reference:
        verified = any(v == VERIFIED for p, v, _ in said if p == "verificationStatus")
        kind = next((k for v, k in KINDS.items() if any(p == "type" and x.endswith("/" + v) for p, x, _ in said)), "work")
        label = _text(said, "label", lang)
        names = self._answers.labels((v for p, v, _ in said if p == "author"), lang).values()
        place = _text(said, "bibliographicCitation", lang)
        found = PLACE.match(place) if kind == "article" else None
        parts = {k: v or "" for k, v in found.groupdict().items()} if found else {"journal": place, "volume": "", "issue": "", "pages": ""}
        journal, _, publisher = parts["journal"].rstrip(", ").partition(", ")
        doubt = ("Not all of this was verified.", "以上信息未全部核实。")[lang == "zh"]
        other = _text(said, "title", "en" if lang == "zh" else "zh")
        title = _text(said, "title", lang) or label
        doi = _text(said, "doi", lang) if verified else ""
        return Reference(
            iri.removeprefix(PREFIXES["src"]),
            kind,
            title,
            tuple(sorted(names, key=lambda n: _position(n, label))),
            _text(said, "publicationYear", lang),
            journal,
            parts["volume"],
            parts["issue"],
            parts["pages"],
            publisher,
            doi,
            f"https://doi.org/{doi}" if doi else "",
            notes=(*([other] if other and other != title else []), *([] if verified else [doubt])),
            lang=lang,
        )


def _text(said: Sequence[tuple[str, str, str]], predicate: str, lang: str) -> str:
    """The value in a language, else in none or in any."""
    found = sorted((tag != lang, tag != "", value) for p, value, tag in said if p == predicate)
    return found[0][2] if found else ""


def _position(name: str, label: str) -> tuple[int, str]:
    """Statements in a graph have no order; the short reference ("Jin and Wu (2024)") names the authors in theirs."""
    places = [label.find(part) for part in (name, *name.split()) if part in label]
    return (min(places) if places else len(label), name)


# --- written down


def line(reference: Reference) -> str:
    """A reference as one line of text: author (year). Title. Where. Address."""
    r, zh = reference, reference.lang == "zh"
    who = ("、" if zh else ", ").join(r.authors)
    when = (f"（{r.year}）" if zh else f" ({r.year})") if r.year else ""
    numbers = r.volume + (f"({r.issue})" if r.issue else "") + (f", {r.pages}" if r.pages else "")
    where = " ".join(x for x in (r.within, numbers) if x)
    if r.kind == "answer":
        where = f"见：{r.within}" if zh else f"In: {r.within}"
    version = (f"版本 {r.version}" if zh else f"Version {r.version}") if r.version else ""
    stop = "。" if zh else ". "
    head = f"{who}{when}" if who or when else ""
    said = stop.join(x for x in (head, r.title, where, version) if x)
    unsure = " ".join(n for n in r.notes if n in ("Not all of this was verified.", "以上信息未全部核实。"))
    return f"{said}{stop.strip()} {r.url}".rstrip() + (f" ({unsure})" if unsure else "")


def write(references: Iterable[Reference], extension: str) -> bytes:
    """References in one of `FORMATS`, named by its extension."""
    return {"bib": bibtex, "csl.json": csl, "ris": ris}[extension](tuple(references)).encode("utf-8", "replace")


BIBTEX = {"article": "article", "report": "techreport", "work": "misc", "dataset": "misc", "answer": "misc"}
SPECIAL = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {c: "\\" + c for c in "&%$#_"}


def bibtex(references: Sequence[Reference]) -> str:
    """
    Entries for BibTeX and biblatex, in UTF-8. Names stand in braces, so that no style takes them apart.

    An answer is `@misc`, since classic styles know no other type for data.
    """
    return "\n".join(map(_bibtex, references))


def _bibtex(r: Reference) -> str:
    fields = {
        "author": " and ".join(f"{{{_escape(a)}}}" for a in r.authors),
        "title": f"{{{_escape(r.title)}}}",
        "year": r.year,
        "journal": _escape(r.within) if r.kind == "article" else "",
        "howpublished": _escape(r.within) if r.kind == "work" else "",
        "volume": r.volume,
        "number": r.issue,
        "pages": r.pages.replace("–", "--"),
        "publisher": _escape(r.publisher),
        "version": _escape(r.version),
        "doi": r.doi,
        "url": r.url,
        "note": _escape("; ".join([("见：" if r.lang == "zh" else "In: ") + r.within] * (r.kind == "answer") + list(r.notes))),
        "langid": {"en": "english", "zh": "chinese"}[r.lang],
    }
    body = "".join(f"  {name} = {{{text}}},\n" for name, text in fields.items() if text)
    return f"@{BIBTEX[r.kind]}{{{_key(r.key)},\n{body}}}\n"


def _key(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9:._-]+", "-", text)


def _escape(text: str) -> str:
    return "".join(SPECIAL.get(c, c) for c in " ".join(text.split()))


CSL = {"article": "article-journal", "report": "report", "work": "document", "dataset": "dataset", "answer": "dataset"}


def csl(references: Sequence[Reference]) -> str:
    """An array of CSL-JSON items (schema 1.0.2); names are literal."""
    return json.dumps(list(map(_csl, references)), ensure_ascii=False, indent=1) + "\n"


def _csl(r: Reference) -> dict[str, object]:
    item: dict[str, object] = {
        "id": _key(r.key),
        "type": CSL[r.kind],
        "title": r.title,
        "author": [{"literal": a} for a in r.authors],
        "issued": {"date-parts": [[int(r.year)]]} if r.year.isascii() and r.year.isdigit() else None,
        "container-title": r.within,
        "volume": r.volume,
        "issue": r.issue,
        "page": r.pages.replace("–", "-"),
        "publisher": r.publisher,
        "version": r.version,
        "DOI": r.doi,
        "URL": r.url,
        "note": "; ".join(r.notes),
        "language": r.lang,
    }
    return {name: value for name, value in item.items() if value}


RIS = {"article": "JOUR", "report": "RPRT", "work": "GEN", "dataset": "DATA", "answer": "DATA"}


def ris(references: Sequence[Reference]) -> str:
    """Records of Research Information Systems, for Zotero, EndNote and others; lines end with CR LF."""
    return "\r\n".join(line for r in references for line in (*_ris(r), "ER  - ", "")) + "\r\n"


def _ris(r: Reference) -> list[str]:
    first, _, last = r.pages.replace("–", "-").partition("-")
    pairs = [
        ("TY", RIS[r.kind]),
        ("ID", _key(r.key)),
        *(("AU", a) for a in r.authors),
        ("TI", r.title),
        ("PY", r.year),
        ("T2", r.within),
        ("VL", r.volume),
        ("IS", r.issue),
        ("SP", first),
        ("EP", last),
        ("PB", r.publisher),
        ("ET", r.version),
        ("DO", r.doi),
        ("UR", r.url),
        *(("N1", n) for n in r.notes),
        ("LA", r.lang),
    ]
    return [f"{tag}  - {' '.join(text.split())}" for tag, text in pairs if text]
