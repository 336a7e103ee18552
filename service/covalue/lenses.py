"""
Lenses: the facts of the cases said once more in the words of other vocabularies.

A rule is a file `queries/lenses/<vocabulary>/<name>.rq`: one CONSTRUCT that runs as it stands in any engine, and whose pattern binds
`?claim`, the claim on which the statements that it makes rest. The build turns each rule into a SELECT of the variables of its template
and of `?claim`, so that it knows for every statement from which claims it came, and writes that into a companion graph:

* `graph:lens/<vocabulary>` holds the statements, of all cases, in the words of the vocabulary alone;
* `graph:lens/<vocabulary>/trace` holds for each of them a reified statement with `prov:wasDerivedFrom` each of its claims, and what
  manner of claim these are and where they stand (`vcc:inCase`, `vcc:modality`, `vcc:accordingTo`), so that it can be asked alone; and
  every case that was looked at, also where the lens sees nothing in it.

A rule may rest on claims about the case only, and only where the source reports them or our curators derived them; what a claim of
another kind would bring in is a fault of the rule. Nothing has a blank node; equal facts give equal graphs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from covalue.errors import Place, SourceError
from covalue.findings import Finding
from covalue.names import BASE, PREFIXES, lens_graph, shrink, trace_graph
from covalue.project import Project
from covalue.queries import load
from covalue.sparql import tokens

VARIABLE = "urn:covalue:variable:"
"""What a variable of a template becomes while the template is read as Turtle."""
CLAIM = "claim"
MODALITIES = frozenset(PREFIXES["vcs"] + f"modality/{name}" for name in ("reported", "derived"))
SCOPE = PREFIXES["vcs"] + "scope/case"
_MODALITY, _SCOPE, _IN_CASE, _ACCORDING_TO = (PREFIXES["vcc"] + name for name in ("modality", "scope", "inCase", "accordingTo"))
_SUBJECT, _PREDICATE, _OBJECT = (f"<{PREFIXES['rdf']}{name}>" for name in ("subject", "predicate", "object"))
_CASE = ox.NamedNode(PREFIXES["vcc"] + "Case")
_DERIVED = f"<{PREFIXES['prov']}wasDerivedFrom>"
CASES_A_STORE = 20
Statement = tuple[str, str, str]
"""Subject, predicate and object as N-Triples writes them: what is compared and written most often is text."""


@dataclass(frozen=True)
class Rule:
    """
    One file of a lens: the statements of its template, and the SELECT that finds the values of its variables.

    A number in the template stands for the value in that column of the SELECT, whose first column is the claim.
    """

    path: Path
    lens: str
    template: tuple[tuple[int | str, ...], ...]
    select: str


@dataclass(frozen=True)
class Seen:
    """What the lenses make of one case: lines of N-Quads by graph; for each lens its statements with their claims; and what is wrong with the rules."""

    lines: Mapping[str, set[str]]
    made: Mapping[str, Mapping[Statement, set[str]]]
    findings: tuple[Finding, ...] = ()


def load_rules(project: Project) -> list[Rule]:
    """
    The rules of all lenses.

    Raises:
        SourceError: a file is no CONSTRUCT, makes blank nodes, or does not bind `?claim`.
    """
    return [_rule(path) for path in project.lens_files()]


def _rule(path: Path) -> Rule:
    text = load(path).text
    start, opening, closing = _template_span(path, text)
    prologue, template, rest = text[:start], text[opening + 1 : closing], text[closing + 1 :]
    triples = _template(path, prologue, template)
    variables = [CLAIM, *sorted({name for t in triples for term in _terms(t) if (name := _variable(term))} - {CLAIM})]
    if not any(kind == "variable" and token[1:] == CLAIM for kind, token, _ in tokens(rest)):
        raise SourceError(
            "binds no ?claim; a rule of a lens must say on which claim its statements rest.", "没有绑定 ?claim；视角规则须说明其语句依据哪条陈述。", Place(str(path), 1)
        )
    columns = {name: i for i, name in enumerate(variables)}
    template_terms = tuple(tuple(columns.get(_variable(term), str(term)) for term in _terms(t)) for t in triples)
    return Rule(path, path.parent.name, template_terms, f"{prologue}SELECT DISTINCT {' '.join(f'?{v}' for v in variables)} {rest}")


def _template_span(path: Path, text: str) -> tuple[int, int, int]:
    """Offsets of the word CONSTRUCT and of the braces of its template."""
    start = opening = -1
    for kind, token, offset in tokens(text):
        if kind == "word" and token.upper() == "CONSTRUCT":
            start = offset
        elif start >= 0 and token == "{" and opening < 0:
            opening = offset
        elif opening >= 0 and token == "}":
            return start, opening, offset
    raise SourceError("is no CONSTRUCT with a template; write CONSTRUCT { … } WHERE { … }.", "不是带模板的 CONSTRUCT；请写 CONSTRUCT { … } WHERE { … }。", Place(str(path), 1))


def _template(path: Path, prologue: str, template: str) -> tuple[ox.Triple, ...]:
    """A template read as Turtle, in which variables stand as IRIs of their own."""
    out, last = [], 0
    for kind, token, offset in tokens(template):
        if kind == "variable":
            out += [template[last:offset], f"<{VARIABLE}{token[1:]}>"]
            last = offset + len(token)
    plain = "".join([*out, template[last:]]).rstrip()
    turtle = f"{prologue}\n{plain}{'' if plain.endswith('.') else ' .'}"
    try:
        triples = tuple(q.triple for q in ox.parse(turtle, ox.RdfFormat.TURTLE, base_iri=BASE))
    except SyntaxError as e:
        raise SourceError(f"has a template that cannot be read: {e.msg}.", f"模板无法解析：{e.msg}。", Place(str(path), 1)) from e
    if any(isinstance(term, ox.BlankNode) for t in triples for term in (t.subject, t.object)):
        raise SourceError("makes blank nodes; give every thing an IRI under …/lens/.", "会产生空节点；请为每个事物给出 …/lens/ 之下的 IRI。", Place(str(path), 1))
    return triples


def _terms(triple: ox.Triple) -> tuple[ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple, ...]:
    return triple.subject, triple.predicate, triple.object


def _variable(term: object) -> str:
    return term.value.removeprefix(VARIABLE) if isinstance(term, ox.NamedNode) and term.value.startswith(VARIABLE) else ""


class Lenses:
    """All rules, and what they look at beside a case: ontology, schemes and sources."""

    def __init__(self, rules: Sequence[Rule], shared: Iterable[ox.Quad]) -> None:
        self.rules = rules
        self._shared = [_plain(q) for q in shared] if rules else []
        self._renew()

    def _renew(self) -> None:
        """The engine's memory keeps traces of what is removed, and looks through them with each query: a fresh store now and then keeps it quick."""
        self._store, self._cases = ox.Store(), 0
        self._store.bulk_extend(self._shared)

    def see(self, facts: Iterable[ox.Quad]) -> Seen:
        """
        What all lenses make of one case.

        Args:
            facts: of the case, consequences among them; their graphs are ignored.
        """
        if not self.rules:
            return Seen({}, {})
        if self._cases == CASES_A_STORE:
            self._renew()
        self._cases += 1
        own = [q for q in map(_plain, facts) if q not in self._store]
        self._store.extend(own)
        claims, cases = _claims(own), [q for q in own if q.object == _CASE]
        admitted = {f"<{iri}>" for iri, said in claims.items() if SCOPE in said.get(_SCOPE, ()) and MODALITIES & set(said.get(_MODALITY, ()))}
        lines: dict[str, set[str]] = {}
        findings = []
        seen: dict[str, dict[Statement, set[str]]] = {}
        for rule in self.rules:
            findings += self._apply(rule, admitted, seen.setdefault(rule.lens, {}))
        for lens, made in seen.items():
            graph, trace = lens_graph(lens), trace_graph(lens)
            if made:
                lines[graph] = {f"{' '.join(statement)} <{graph}> .\n" for statement in made}
            lines[trace] = {*_trace(lens, trace, made, claims), *(f"{q.subject} {q.predicate} {q.object} <{trace}> .\n" for q in cases)}
        for quad in own:
            self._store.remove(quad)
        return Seen({graph: said for graph, said in lines.items() if said}, seen, tuple(findings))

    def _apply(self, rule: Rule, admitted: set[str], made: dict[Statement, set[str]]) -> list[Finding]:
        odd: set[str] = set()
        solutions = self._store.query(rule.select, base_iri=BASE)
        assert isinstance(solutions, ox.QuerySolutions)
        width = len(solutions.variables)
        for solution in solutions:
            row = ["" if (term := solution[i]) is None else str(term) for i in range(width)]
            claim = row[0]
            if claim not in admitted:
                odd.add(claim)
                continue
            for parts in rule.template:
                subject, predicate, value = (row[part] if isinstance(part, int) else part for part in parts)
                if subject[:1] == predicate[:1] == "<" and value[:1] in ("<", '"'):
                    made.setdefault((subject, predicate, value), set()).add(claim)
        return [
            Finding(
                "lens-claim",
                f"rests on {claim}, which is not a claim about a case that is reported or derived; restrict ?claim by vcc:scope and vcc:modality.",
                f"依据了 {claim}，它不是关于案例的“来源陈述”或“整理者推导”的陈述；请用 vcc:scope 与 vcc:modality 限定 ?claim。",
                Place(f"{rule.path.parent.name}/{rule.path.name}"),
            )
            for claim in sorted(shrink(iri.strip("<>")) for iri in odd)
        ]


def _plain(quad: ox.Quad) -> ox.Quad:
    return ox.Quad(quad.subject, quad.predicate, quad.object)


def _claims(facts: Iterable[ox.Quad]) -> dict[str, dict[str, list[str]]]:
    """What a trace says of each claim: its case, its manner, its scope and its places."""
    wanted = {_MODALITY, _SCOPE, _IN_CASE, _ACCORDING_TO}
    claims: dict[str, dict[str, list[str]]] = {}
    for q in facts:
        if q.predicate.value in wanted and isinstance(q.subject, ox.NamedNode) and isinstance(q.object, ox.NamedNode):
            claims.setdefault(q.subject.value, {}).setdefault(q.predicate.value, []).append(q.object.value)
    return claims


def _trace(lens: str, trace: str, made: Mapping[Statement, set[str]], claims: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[str]:
    """The lines of the trace of a lens."""
    end = f" <{trace}> .\n"
    for statement, sources in made.items():
        iri = f"<{statement_iri(lens, statement)}>"
        for said, term in zip((_SUBJECT, _PREDICATE, _OBJECT), statement, strict=True):
            yield f"{iri} {said} {term}{end}"
        for claim in sources:
            yield f"{iri} {_DERIVED} {claim}{end}"
    for claim in {claim for sources in made.values() for claim in sources}:
        for about in (_IN_CASE, _MODALITY, _ACCORDING_TO):
            for value in claims[claim[1:-1]].get(about, ()):
                yield f"{claim} <{about}> <{value}>{end}"


def statement_iri(lens: str, statement: Statement) -> str:
    """The IRI under which a trace speaks of a statement of a lens: a digest of the statement, so that equal statements share it."""
    return f"{BASE}lens/{lens}/statement/{hashlib.sha256(' '.join(statement).encode()).hexdigest()[:24]}"
