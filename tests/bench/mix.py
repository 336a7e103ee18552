"""The eight-query mix: what users ask of one case, of two, and of all. Every text is new unless it is asked for again."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from quads import case

PREFIXES = """PREFIX vcc: <https://w3id.org/covalue/ontology#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
"""
MIX = {
    "matrix": "SELECT ?role ?dimension (COUNT(?c) AS ?n) WHERE { ?c vcc:inRole ?role ; vcc:towardsDimension ?dimension } GROUP BY ?role ?dimension",
    "path": "SELECT ?x ?class WHERE { ?class rdfs:subClassOf* vcc:Claim . ?x a ?class ; vcc:inCase <CASE> }",
    "labels": 'SELECT ?x ?label WHERE { ?x vcc:inCase <CASE> ; rdfs:label ?label FILTER(LANG(?label) = "zh") }',
    "regex": 'SELECT ?x ?label WHERE { ?x a vcc:Mechanism ; rdfs:label ?label FILTER(REGEX(?label, "mechanism .* case [0-9]*NUMBER$", "i")) }',
    "evidence": "SELECT ?claim ?passage ?text WHERE { ?claim vcc:inCase <CASE> ; vcc:accordingTo ?passage . ?passage vcc:sentenceNumber ?n ; rdfs:label ?text }",
    "compare": "SELECT ?d (COUNT(DISTINCT ?a) AS ?one) (COUNT(DISTINCT ?b) AS ?two) WHERE { "
    "?a vcc:inCase <CASE> ; vcc:inDimension ?d . ?b vcc:inCase <OTHER> ; vcc:inDimension ?d } GROUP BY ?d",
    "graph": "CONSTRUCT { ?x vcc:contributor ?a ; vcc:throughMechanism ?m } WHERE { ?x vcc:inCase <CASE> ; vcc:contributor ?a ; vcc:throughMechanism ?m }",
    "count": "SELECT (COUNT(*) AS ?n) WHERE { ?x a vcc:Contribution ; vcc:modality <https://w3id.org/covalue/scheme/modality/reported> }",
}
DESCRIBE = "DESCRIBE <CASE>"
HEAVY = "SELECT ?role ?class (COUNT(?x) AS ?n) WHERE { ?x vcc:inRole ?role ; vcc:towardsDimension ?d ; a ?kind . ?kind rdfs:subClassOf* ?class } GROUP BY ?role ?class"
"""The matrix rolled up over the classes: what takes rdflib most of a second over 10⁵ statements."""
ONE_CASE = ("path", "labels", "evidence", "graph")
TWO_CASES = ("compare",)
"""The engine goes from one case to the other through all cases, so these grow with the data."""
WHOLE = ("matrix", "regex", "count")
SMALL = "labels"
_fresh = itertools.count(1_000_000)


def text(name: str, cases: int, draw: random.Random) -> str:
    """A query of the mix about cases drawn at random; its LIMIT, beyond all answers, makes it unlike any before."""
    query = HEAVY if name == "heavy" else DESCRIBE if name == "graph" and draw.random() < 0.5 else MIX[name]
    one, two = draw.randrange(cases), draw.randrange(cases)
    query = query.replace("CASE", case(one)).replace("OTHER", case(two)).replace("NUMBER", str(one))
    return f"{PREFIXES}{query} LIMIT {next(_fresh)}"


def texts(cases: int, count: int, names: tuple[str, ...] = tuple(MIX), seed: int = 1) -> Iterator[str]:
    """So many queries, all different, of the named kinds in turn."""
    draw = random.Random(seed)
    for i in range(count):
        yield text(names[i % len(names)], cases, draw)
