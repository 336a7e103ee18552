"""The dataset, or one case, written out whole in an RDF format."""

from __future__ import annotations

import difflib

from covalue.errors import InputError
from covalue.formats import Shape, by_name
from covalue.names import PREFIXES, case_graph, inferred_graph
from covalue.stores.oxigraph import OxigraphStore

CASE = PREFIXES["graph"] + "case/"
INFERRED = PREFIXES["graph"] + "inferred/"


def export(store: OxigraphStore, name: str, case: str | None = None, asserted: bool = False) -> bytes:
    """
    Bytes of the dataset or of one case; formats for a single graph carry the merge, others keep the named graphs.

    Args:
        store: an opened dataset.
        name: short name of an RDF format.
        case: short name of a case; its consequences come along.
        asserted: leave consequences out.

    Raises:
        InputError: there is no such case; the nearest is named.
    """
    wanted = by_name(name, Shape.GRAPH) or by_name(name, Shape.DATASET)
    if wanted is None:
        raise InputError(f"there is no RDF format {name}.", f"没有 RDF 格式 {name}。")
    graphs = list(store.graphs())
    if case is not None:
        if case_graph(case) not in graphs:
            cases = [g[len(CASE) :] for g in graphs if g.startswith(CASE)]
            near = difflib.get_close_matches(case, cases, n=1, cutoff=0) or ["-"]
            raise InputError(f'there is no case "{case}"; the nearest is "{near[0]}".', f"没有案例“{case}”；最接近的是“{near[0]}”。")
        graphs = [case_graph(case), inferred_graph(case_graph(case))]
    if asserted:
        graphs = [g for g in graphs if not g.startswith(INFERRED)]
    return store.dump(graphs, wanted.engine)  # type: ignore[arg-type]
