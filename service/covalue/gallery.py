"""
What the pictures of a case are drawn from: the answers of the questions in `queries/pictures`, as things with names and addresses.

Every picture names the questions that it is drawn from, so that a reader can open them. A question that a library lacks gives no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from covalue.names import PREFIXES, RDF_TYPE
from covalue.pictures.canvas import BLOCKS as CANVAS_BLOCKS
from covalue.pictures.canvas import Entry
from covalue.pictures.causes import Cause
from covalue.pictures.figures import Figure
from covalue.pictures.model import REPORTED, Claim, Moment, Thing
from covalue.pictures.network import OTHERS, PARTNERS, USERS, Actor, Count, Exchange, Flow, Network
from covalue.pictures.structure import Dimension, Theme
from covalue.pictures.timeline import Event, Fact, Stage
from covalue.questions import Answers, Cell, Library, bindings, portions, short_id

VCC = PREFIXES["vcc"]
USER_ROLES = frozenset({"user", "potential-customer"})
FOCAL_ROLE = "focal-firm"
GENERAL = "general"
SIZED = ("Actor", "Contribution", "EvolutionStage", "CausalLink", "IndicatorObservation")
"""Classes that the list of cases counts."""
CANVAS = "lenses/canvas-blocks"
BLOCKS = {
    "KeyPartner": "partners",
    "KeyActivity": "activities",
    "KeyResource": "resources",
    "ValueProposition": "proposition",
    "CustomerRelationship": "relationships",
    "Channel": "channels",
    "CustomerSegment": "segments",
    "CostStructureComponent": "costs",
    "RevenueStream": "revenues",
}
"""Blocks of the canvas by the class of the Business Model Ontology."""
SOURCES: Mapping[str, tuple[str, ...]] = {
    "evolution": ("pictures/evolution", "pictures/events"),
    "network": ("pictures/contributions", "pictures/exchanges", "pictures/actors", "pictures/networks"),
    "matrix": ("pictures/contributions",),
    "canvas": (CANVAS,),
    "causes": ("pictures/causes",),
    "figures": ("pictures/figures",),
    "structure": ("pictures/data-structure",),
}
"""The questions behind each picture, the chief one first."""
Row = Mapping[str, Cell]
Link = Callable[[str], str | None]
Rows = Callable[[str, Mapping[str, str]], str | None]
"""The address of a question's answer, by the question and short ids of its parameters."""


@dataclass(frozen=True)
class Case:
    """A case: itself, the firm that it is about, the sources that it rests on, and what is said of it in the asked language."""

    thing: Thing
    subject: Thing | None
    sources: tuple[Thing, ...]
    description: str


class Gallery:
    """
    The rows of one case in one language.

    Args:
        answers: the library over a store.
        case: the IRI of the case.
        lang: of all names, `en` or `zh`.
        link: where the page of an IRI is.
        rows: where the answer to a question is.
    """

    def __init__(self, answers: Answers, case: str, lang: str, link: Link = lambda iri: iri, rows: Rows = lambda _name, _values: None) -> None:
        self._answers, self.case, self.lang, self._link, self._where = answers, case, lang, link, rows
        self._held: dict[str, list[Row]] = {}

    @property
    def library(self) -> Library:
        """The questions that pictures are drawn from."""
        return self._answers.library

    @property
    def version(self) -> str:
        """That of the dataset."""
        return self._answers.store.version

    def _rows(self, name: str) -> list[Row]:
        if name not in self._held:
            table = self._answers.answer(name, {"case": [self.case]}, self.lang) if name in self.library.questions else None
            self._held[name] = [dict(zip(table.columns, row, strict=True)) for row in table.rows] if table else []
        return self._held[name]

    def _thing(self, cell: Cell) -> Thing:
        return Thing(cell.value, cell.shown, self._link(cell.value)) if cell.kind == "uri" else Thing("", cell.value)

    def _some(self, rows: Iterable[Row], column: str) -> tuple[Thing, ...]:
        """The things of a column, each once, in the order of the rows."""
        return tuple(dict.fromkeys(self._thing(row[column]) for row in rows if row[column].value))

    def _claim(self, rows: Sequence[Row], column: str) -> Claim:
        return Claim(self._thing(rows[0][column]), _last(rows[0]["modality"]), self._some(rows, "passage") if "passage" in rows[0] else ())

    # --- the evolution

    def stages(self) -> list[Stage]:
        """The stages in their order, with what is said of them."""
        out = []
        for rows in _by(self._rows("pictures/evolution"), "stage"):
            first = rows[0]
            told = [r for r in rows if r["thing"].value]
            facts = [Fact(_last(part[0]["relation"]), self._claim(part, "thing")) for part in _by(told, "relation", "thing", "modality")]
            out.append(Stage(self._thing(first["stage"]), _moment(first, "start"), _moment(first, "end"), tuple(facts)))
        return out

    def events(self) -> list[Event]:
        """The events by their dates, those without one last."""
        found = [
            Event(self._claim(rows, "event"), _moment(rows[0], "start"), _moment(rows[0], "end"), rows[0]["stage"].value) for rows in _by(self._rows("pictures/events"), "event")
        ]
        return sorted(found, key=lambda e: (e.start is None and e.end is None, (e.start or e.end or Moment(0)).year, (e.start or e.end or Moment(0)).month or 0))

    # --- contributions and exchanges

    def dimensions(self) -> tuple[Thing, ...]:
        """All value dimensions in their order, those without contributions too."""
        query = f"SELECT ?x WHERE {{ ?x <{RDF_TYPE}> <{VCC}ValueDimension> OPTIONAL {{ ?x <{VCC}ordinal> ?n }} }} ORDER BY ?n ?x"
        found = [row["x"]["value"] for row in bindings(self._answers.store, query)[1]]
        labels = self._answers.labels(found, self.lang)
        return tuple(Thing(iri, labels[iri], self._link(iri)) for iri in found)

    @cached_property
    def _counts(self) -> dict[str, dict[str, Count]]:
        """Contributions by actor and dimension; each counts once, however many rows it has."""
        kinds: dict[tuple[str, str], dict[str, str]] = {}
        for row in self._rows("pictures/contributions"):
            kinds.setdefault((row["actor"].value, row["dimension"].value), {})[row["contribution"].value] = _last(row["modality"])
        out: dict[str, dict[str, Count]] = {}
        for (actor, dimension), found in kinds.items():
            reported = sum(m == REPORTED for m in found.values())
            href = self._where("pictures/contributions", {"case": short_id(self.case), "actor": short_id(actor), "dimension": short_id(dimension)})
            out.setdefault(actor, {})[dimension] = Count(reported, len(found) - reported, href)
        return out

    def contributors(self) -> list[Actor]:
        """Who contributes, the firm studied first, then by the number of contributions."""
        found = [a for a in self._actors if a.counts]
        focal = self.subject
        return sorted(found, key=lambda a: (focal is None or a.thing.iri != focal.iri, -sum(c.reported + c.other for c in a.counts.values()), a.thing.iri))

    @cached_property
    def _actors(self) -> list[Actor]:
        made = []
        groups = {row["actor"].value: row["group"].value for row in self._rows("pictures/actors") if row["group"].value}
        sides = {rows[0]["actor"].value: _side(rows) for rows in _by(self._rows("pictures/actors"), "actor")}
        for rows in _by(self._rows("pictures/actors"), "actor"):
            iri = rows[0]["actor"].value
            side = sides[iri] if sides[iri] != OTHERS else sides.get(groups.get(iri, ""), OTHERS)
            roles = tuple(r for r in self._some(rows, "role") if r.short != FOCAL_ROLE or side == "")
            made.append(Actor(self._thing(rows[0]["actor"]), side, roles, self._counts.get(iri, {})))
        return made

    def flows(self) -> list[Flow]:
        """Exchanges, those from one actor to another together."""
        out = []
        for rows in _by(self._rows("pictures/exchanges"), "provider", "receiver"):
            provider, receiver = self._thing(rows[0]["provider"]), self._thing(rows[0]["receiver"])
            single = tuple(Exchange(self._claim(part, "exchange"), provider, receiver, self._some(part, "object")) for part in _by(rows, "exchange"))
            href = self._where("pictures/exchanges", {"case": short_id(self.case), "provider": short_id(provider.iri), "receiver": short_id(receiver.iri)})
            out.append(Flow(provider, receiver, single, href))
        return out

    def network(self) -> Network | None:
        """The value network; None where the case tells of no actors that contribute or exchange."""
        focal = self.subject
        if focal is None or not self._actors:
            return None
        found = {a.thing.iri: a for a in self._actors}
        firm = found.pop(focal.iri, Actor(focal, ""))
        order = {USERS: 0, PARTNERS: 1, OTHERS: 2}
        actors = sorted(found.values(), key=lambda a: (order.get(a.side, 2), -sum(c.reported + c.other for c in a.counts.values()), a.thing.iri))
        placed = tuple(a if a.side in order else Actor(a.thing, OTHERS, a.roles, a.counts) for a in actors)
        return Network(firm, placed, self.dimensions(), tuple(self.flows()), self._mechanisms())

    def _mechanisms(self) -> dict[str, tuple[Thing, ...]]:
        """The mechanisms through which contributions are made, by dimension, in the order of the source."""
        told = [r for r in self._rows("pictures/data-structure") if r["mechanism"].value]
        return {rows[0]["dimension"].value: self._some(rows, "mechanism") for rows in _by(told, "dimension")}

    def contributions(self) -> list[tuple[Thing, list[tuple[Claim, tuple[Thing, ...], tuple[Thing, ...], tuple[Thing, ...]]]]]:
        """By actor: each contribution with its items, dimensions and mechanisms."""
        out = []
        for rows in _by(self._rows("pictures/contributions"), "actor"):
            parts = [(self._claim(p, "contribution"), self._some(p, "item"), self._some(p, "dimension"), self._some(p, "mechanism")) for p in _by(rows, "contribution")]
            out.append((self._thing(rows[0]["actor"]), parts))
        order = {a.thing: i for i, a in enumerate(self.contributors())}
        return sorted(out, key=lambda pair: order.get(pair[0], len(order)))

    def networks(self) -> list[tuple[Thing, list[Claim]]]:
        """The networks that the source names, with the parties that it says are in them."""
        found = _by(self._rows("pictures/networks"), "network")
        return [(self._thing(rows[0]["network"]), [self._claim(part, "party") for part in _by([r for r in rows if r["party"].value], "party", "modality")]) for rows in found]

    # --- the canvas, the causes, the figures, the structure

    def has_canvas(self) -> bool:
        """Whether the canvas can be asked for at all; where it can, its blocks may still be empty."""
        return CANVAS in self.library.questions

    def canvas(self) -> dict[str, list[Entry]]:
        """Entries by block, those that most claims put there first; an item is reported where any of its claims is."""
        blocks: dict[str, list[Entry]] = {b: [] for b in CANVAS_BLOCKS}
        told = [r for r in self._rows(CANVAS) if r["item"].value]
        for rows in _by(told, "block", "item"):
            name = BLOCKS.get(_last(rows[0]["block"]))
            if name:
                kinds = {_last(r["modality"]) for r in rows}
                claims = tuple(dict.fromkeys(self._thing(r["claim"]) for r in rows))
                blocks[name].append(Entry(Claim(self._thing(rows[0]["item"]), REPORTED if REPORTED in kinds else sorted(kinds)[0], claims)))
        return {name: sorted(entries, key=lambda e: -len(e.claim.passages)) for name, entries in blocks.items()}

    def causes(self) -> list[Cause]:
        """The causal links in the order of the source."""
        return [
            Cause(
                self._claim(rows, "link"),
                self._some(rows, "cause"),
                self._some(rows, "effect"),
                self._some(rows, "section"),
                self._some(rows, "mechanism"),
                _last(rows[0]["scope"]) == GENERAL,
            )
            for rows in _by(self._rows("pictures/causes"), "link")
        ]

    def figures(self) -> list[Figure]:
        """The figures, those of one unit next to each other."""
        return [self._figure(rows) for rows in _by(self._rows("pictures/figures"), "observation")]

    def _figure(self, rows: Sequence[Row]) -> Figure:
        first = rows[0]
        return Figure(
            self._claim(rows, "observation"),
            self._thing(first["indicator"]),
            self._some(rows, "about"),
            self._thing(first["comparator"]),
            float(first["value"].value),
            self._thing(first["unit"]),
            self._thing(first["base"]) if first["base"].value else None,
            first["from"].value,
            first["to"].value,
            self._thing(first["report"]) if first["report"].value else None,
        )

    def structure(self) -> list[Dimension]:
        """Dimensions with their mechanisms, and the claims that name these."""
        out = []
        for rows in _by(self._rows("pictures/data-structure"), "dimension"):
            themes = []
            for part in _by(rows, "mechanism"):
                claims = tuple((self._thing(c[0]["kind"]), self._claim(c, "claim")) for c in _by(part, "claim"))
                themes.append(Theme(self._thing(part[0]["mechanism"]), claims))
            out.append(Dimension(self._thing(rows[0]["dimension"]), tuple(themes)))
        return out

    # --- the case itself

    @cached_property
    def about(self) -> Case:
        """What is known of the case as a whole."""
        query = f"""SELECT ?p ?o WHERE {{ <{self.case}> ?p ?o
            VALUES ?p {{ <{VCC}caseSubject> <{VCC}basedOnSource> <{PREFIXES["dcterms"]}description> }} }} ORDER BY ?p ?o"""
        found: dict[str, list[dict[str, str]]] = {}
        for row in bindings(self._answers.store, query)[1]:
            found.setdefault(row["p"]["value"].rpartition("#")[2].rpartition("/")[2], []).append(row["o"])
        iris = [o["value"] for key in ("caseSubject", "basedOnSource") for o in found.get(key, ()) if o["type"] == "uri"]
        labels = self._answers.labels([self.case, *iris], self.lang)

        def things(key: str) -> tuple[Thing, ...]:
            return tuple(Thing(o["value"], labels[o["value"]], self._link(o["value"])) for o in found.get(key, ()) if o["type"] == "uri")

        said = sorted(found.get("description", ()), key=lambda o: o.get("xml:lang") != self.lang)
        return Case(Thing(self.case, labels[self.case], self._link(self.case)), next(iter(things("caseSubject")), None), things("basedOnSource"), said[0]["value"] if said else "")

    @property
    def subject(self) -> Thing | None:
        """The firm studied."""
        return self.about.subject


def cases(answers: Answers) -> list[str]:
    """The IRIs of all cases of a dataset, in order."""
    return sorted(row["x"]["value"] for row in bindings(answers.store, f"SELECT ?x WHERE {{ ?x <{RDF_TYPE}> <{VCC}Case> }}")[1] if row["x"]["type"] == "uri")


def exists(answers: Answers, iri: str) -> bool:
    """Whether there is a case of this IRI."""
    return bool(bindings(answers.store, f"SELECT ?x WHERE {{ VALUES ?x {{ <{iri}> }} ?x <{RDF_TYPE}> <{VCC}Case> }}")[1])


def sizes(answers: Answers, cases: Sequence[str]) -> dict[str, dict[str, int]]:
    """By case: how many things of some classes its record holds, by the local name of the class."""
    kinds = " ".join(f"<{VCC}{kind}>" for kind in SIZED)
    out: dict[str, dict[str, int]] = {}
    for listed in portions(cases):
        # what is in these cases is found first, and then its classes; else the engine goes through all that is of these classes
        query = f"""SELECT ?case ?kind (COUNT(DISTINCT ?x) AS ?n) WHERE {{
            {{ SELECT * WHERE {{ VALUES ?case {{ {listed} }} ?x <{VCC}inCase> ?case }} }} VALUES ?kind {{ {kinds} }} ?x <{RDF_TYPE}> ?kind }}
            GROUP BY ?case ?kind ORDER BY ?case ?kind"""
        for row in bindings(answers.store, query)[1]:
            out.setdefault(row["case"]["value"], {})[row["kind"]["value"].removeprefix(VCC)] = int(row["n"]["value"])
    return out


def _by(rows: Iterable[Row], *columns: str) -> list[list[Row]]:
    """Rows in groups that agree in some columns, in the order in which each group begins."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[c].value for c in columns), []).append(row)
    return list(found.values())


def _last(cell: Cell) -> str:
    return cell.value.rpartition("/")[2].rpartition("#")[2]


def _moment(row: Row, column: str) -> Moment | None:
    year, month = row[column].value, row[f"{column}Month"].value
    return Moment(int(year), int(month) if month else None) if year else None


def _side(rows: Sequence[Row]) -> str:
    """On which side of the network an actor stands, by its roles, or as a customer segment; the firm studied stands on none."""
    roles = {_last(r["role"]) for r in rows if r["role"].value}
    if rows[0]["focal"].value == "true":
        return ""
    if roles & USER_ROLES or (not roles and rows[0]["segment"].value == "true"):
        return USERS
    return PARTNERS if roles else OTHERS
