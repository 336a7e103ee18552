"""
Claims as a reader follows them: what goes from where to where, under which circumstances, in which manner the source says it, and where.

Each kind of claim has a flow (for a contribution: contributor, item, dimension) and circumstances; parts that a claim does not state
are left out, and nothing is put in their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyoxigraph as ox

from covalue.description import rows
from covalue.names import ACCORDING_TO, PREFIXES, RDF_TYPE, RDFS_SUBCLASSOF
from covalue.stores import Store

VCC = PREFIXES["vcc"]
CLAIM = VCC + "Claim"
MODALITY, SCOPE, STATED_BY = VCC + "modality", VCC + "scope", VCC + "statedBy"
Caption = tuple[str, str]
FLOWS: Mapping[str, tuple[tuple[str, Caption], ...]] = {
    "Contribution": (
        ("contributor", ("contributor", "贡献者")),
        ("contributedItem", ("contributes", "投入")),
        ("towardsDimension", ("to", "指向维度")),
    ),
    "CausalLink": (("cause", ("cause", "原因")), ("effect", ("effect", "结果"))),
    "ValueExchange": (("provider", ("from", "提供者")), ("valueObject", ("passes", "交换物")), ("receiver", ("to", "接受者"))),
    "IndicatorObservation": (("about", ("of", "对象")), ("indicator", ("indicator", "指标")), ("value", ("figure", "数值"))),
    "Recommendation": (("addressee", ("to", "建议对象")), ("proposes", ("advised", "所提行动")), ("aim", ("in order to reach", "目的"))),
    "Classification": (("classifiedItem", ("thing", "对象")), ("classifiedAs", ("filed under", "归入"))),
    "TheoreticalStatement": (("statedBy", ("stated by", "提出者")), ("aboutConcept", ("on", "涉及概念"))),
    "Description": (
        ("describes", ("of", "描述对象")),
        ("usedItem", ("uses", "使用")),
        ("statedComponent", ("consists of", "组成部分")),
        ("formedModel", ("forms the model", "所成模式")),
        ("addressedIssue", ("responds to", "应对")),
        ("targetedGroup", ("is aimed at", "面向")),
        ("trigger", ("is set off by", "触发因素")),
        ("aim", ("in order to reach", "目的")),
    ),
    "ResearchGap": (("aboutConcept", ("gap in research on", "研究缺口涉及")),),
    "Situation": (("about", ("of", "关于")), ("startYear", ("from", "起始年")), ("endYear", ("until", "终止年"))),
}
"""For each kind of claim its parts, in the order in which they read, with a caption in English and Chinese."""
AROUND: tuple[tuple[str, Caption], ...] = (
    ("inRole", ("in the role of", "角色")),
    ("throughMechanism", ("through", "经由机制")),
    ("atStage", ("at stage", "处于阶段")),
    ("beneficiary", ("for the benefit of", "受益者")),
    ("periodStart", ("from", "起始")),
    ("periodEnd", ("until", "截止")),
    ("growthBase", ("relative to", "相对于")),
    ("reportedIn", ("reported in", "报告于")),
    ("startMonth", ("from month", "起始月")),
    ("endMonth", ("until month", "终止月")),
    ("about", ("about", "关于")),
    ("aboutConcept", ("on", "涉及概念")),
    ("statedBy", ("stated by", "提出者")),
)
"""Circumstances of any claim, where the flow does not have them."""
FIGURE = ("comparator", "value", "unit")
MOST = 400
"""Claims whose parts are asked for at once."""
ONE_MORE = 20_000
Values = tuple[ox.NamedNode | ox.Literal, ...]


@dataclass(frozen=True)
class Part:
    """One part of a claim: the property, its caption, and its values."""

    property: str
    caption: Caption
    values: Values


@dataclass(frozen=True)
class Claim:
    """A claim. `kind` is the local name of its kind; `modality` and `scope` are IRIs, or empty; `evidence` are passages."""

    iri: str
    kind: str
    flow: tuple[Part, ...]
    around: tuple[Part, ...]
    modality: str
    scope: str
    evidence: tuple[str, ...]


def claims(store: Store, iris: Iterable[str]) -> dict[str, Claim]:
    """
    The claims among some IRIs, with their parts; at most `MOST` are looked at.

    Raises:
        CovalueError: the store failed.
    """
    wanted = sorted(set(iris))[:MOST]
    if not wanted:
        return {}
    parts = sorted({p for flow in FLOWS.values() for p, _ in flow} | {p for p, _ in AROUND} | {*FIGURE, "modality", "scope", "accordingTo"})
    listed = ", ".join(f"<{VCC}{p}>" for p in parts)
    query = f"""SELECT ?c ?p ?o {{ VALUES ?c {{ {" ".join(f"<{iri}>" for iri in wanted)} }}
        ?c a <{CLAIM}> ; ?p ?o FILTER(?p IN (<{RDF_TYPE}>, {listed})) }} LIMIT {ONE_MORE}"""
    found: dict[str, dict[str, list[ox.NamedNode | ox.Literal]]] = {}
    for c, p, o in rows(store, query):
        if isinstance(c, ox.NamedNode) and isinstance(p, ox.NamedNode) and isinstance(o, (ox.NamedNode, ox.Literal)):
            found.setdefault(c.value, {}).setdefault(p.value, []).append(o)
    above = _kinds_above(store) if found else {}
    return {iri: _claim(iri, facts, above) for iri, facts in sorted(found.items())}


def _kinds_above(store: Store) -> dict[str, str]:
    """The kind of claim that a class belongs to, for the kinds and all classes below them."""
    query = f"SELECT ?c ?k {{ VALUES ?k {{ {' '.join(f'<{VCC}{k}>' for k in FLOWS)} }} ?c <{RDFS_SUBCLASSOF}>* ?k }}"
    return {c.value: k.value[len(VCC) :] for c, k in rows(store, query) if isinstance(c, ox.NamedNode) and isinstance(k, ox.NamedNode)}


def _claim(iri: str, facts: Mapping[str, Sequence[ox.NamedNode | ox.Literal]], above: Mapping[str, str]) -> Claim:
    types = [t.value for t in facts.get(RDF_TYPE, ())]
    kind = next((k for k in FLOWS if VCC + k in types), "") or next((above[t] for t in types if t in above), "Claim")
    flow = tuple(_part(p, caption, facts) for p, caption in FLOWS.get(kind, ()) if facts.get(VCC + p))
    taken = {p for p, _ in FLOWS.get(kind, ())}
    around = tuple(_part(p, caption, facts) for p, caption in AROUND if p not in taken and facts.get(VCC + p))
    one = {p: next((v.value for v in facts.get(p, ())), "") for p in (MODALITY, SCOPE)}
    return Claim(iri, kind, flow, around, one[MODALITY], one[SCOPE], tuple(sorted(v.value for v in facts.get(ACCORDING_TO, ()))))


def _part(property: str, caption: Caption, facts: Mapping[str, Sequence[ox.NamedNode | ox.Literal]]) -> Part:
    """A figure is one part with its comparator and unit."""
    names = FIGURE if property == "value" else (property,)
    values = tuple(v for name in names for v in sorted(facts.get(VCC + name, ()), key=str))
    return Part(VCC + property, caption, values)
