"""The real dataset with the library of questions: in hand, and over real HTTP."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path

from covalue.project import Project
from covalue.queries import load
from covalue.questions import Answers, Library, Question
from covalue.stores import Store
from covalue.stores.oxigraph import OxigraphStore
from covalue.web.app import create_app
from covalue.web.server import listen
from served import Served

ROOT = Path(__file__).resolve().parents[1]
USERS = "https://w3id.org/covalue/case/xiaomi/actor/users"
FIRST_THIRTEEN = (
    "actors/actor-dimension-matrix",
    "actors/contributions-with-evidence",
    "actors/government-contributions",
    "actors/value-exchanges",
    "causes/from-2016-crisis",
    "causes/loops",
    "dimensions/effects",
    "evidence/unresolved-citations",
    "figures/all-figures",
    "mechanisms/what-mechanisms-involve",
    "recommendations/by-addressee",
    "stages/evolution",
    "theory/statements-by-author",
)
"""Questions that no other test may take away; more are added all the time."""


@lru_cache(maxsize=1)
def library() -> Library:
    """The questions of the checkout."""
    return Library.load(Project(ROOT))


def with_extra(folder: Path) -> Library:
    """The questions of the checkout, and three more of this test's own: one with every type of parameter, one whose cells hold traps, one that needs a value."""
    made = {}
    for name, text in (("actors/zz-typed", TYPED), ("actors/zz-traps", TRAPS), ("figures/zz-needed", NEEDED)):
        path = folder / f"{name.replace('/', '-')}.rq"
        path.write_text(text, encoding="utf-8")
        made[name] = Question(name, load(path))
    return Library({**library().questions, **made})


class LibraryServed(Served):
    """A store with a library served on a free port by a thread that ends with the process."""

    def __init__(self, store: Store, questions: Library) -> None:
        self.app = create_app(store, questions)
        self.store = store
        server = listen(self.app, "127.0.0.1", 0, 4)
        self.port = int(server.effective_port)
        threading.Thread(target=server.run, daemon=True).start()


def answers_of(folder: Path, questions: Library | None = None) -> Answers:
    """Answers from a built dataset."""
    return Answers(OxigraphStore.open(folder), questions or library())


TYPED = """\
#+ title: {en: All kinds of parameters, zh: 各类参数}
#+ question: {en: "What do the parameters say?", zh: "参数说了什么？"}
#+ explanation: {en: For tests., zh: 供测试。}
#+ keywords: {en: [test, parameters], zh: [测试]}
#+ parameters:
#+   actor: {type: iri, choices: "vcc:Actor", many: true, label: {en: actor, zh: 行动者}, example: xiaomi/actor/users}
#+   one: {type: iri, choices: "vcc:Actor", label: {en: one actor, zh: 一个行动者}}
#+   year: {type: year, label: {en: year, zh: 年份}, example: 2021}
#+   share: {type: decimal, label: {en: share, zh: 份额}, example: 1.5}
#+   words: {type: text, label: {en: words, zh: 文字}, example: 小米}
#+ columns:
#+   actor: {en: actor, zh: 行动者}
#+   one: {en: one, zh: 一个}
#+   year: {en: year, zh: 年份}
#+   share: {en: share, zh: 份额}
#+   words: {en: words, zh: 文字}
#+ key: [actor]

PREFIX vcc: <https://w3id.org/covalue/ontology#>

SELECT (?_actor_iri AS ?actor) (?_one_iri AS ?one) (?_year_year AS ?year) (?_share_decimal AS ?share) (?_words_text AS ?words)
WHERE {
  ?_actor_iri a vcc:Actor .
  OPTIONAL { ?_one_iri a vcc:PublicBody }
  OPTIONAL { ?nothing vcc:nothing ?_year_year, ?_share_decimal, ?_words_text }
}
ORDER BY ?actor ?one
"""
TRAPS = r"""#+ title: {en: Traps | pipes, zh: 陷阱}
#+ question: {en: "Which <cells> & signs break formats?", zh: "哪些单元格会破坏格式？"}
#+ explanation: {en: For tests., zh: 供测试。}
#+ columns:
#+   id: {en: id, zh: 编号}
#+   text: {en: "text & more", zh: 文本}
#+   id_label: {en: taken name, zh: 被占用的名称}
#+ key: [id]

PREFIX vcc: <https://w3id.org/covalue/ontology#>

SELECT ?id ?text ?id_label
WHERE {
  VALUES (?id ?text ?id_label) {
    (vcc:Actor "=1+1" 1)
    (vcc:Case "+SUM(A1)" 2.50)
    (vcc:Claim "-2" true)
    (vcc:Firm "@x" "NaN"^^<http://www.w3.org/2001/XMLSchema#double>)
    (vcc:Offering "#N/A" 12345678901234567890)
    (vcc:Platform "a,b;\"q\"\tt\r\nline | pipe \\ back $5 50% _x_ {c} ~ ^ <b>" 0)
    (vcc:Product "\u0007bell\u001B[31m" -1)
    (vcc:Service "小米\uFF0C公司" 2024)
    (<https://example.org/?a=1&b=%20> "https://example.org" 1e400)
  }
}
ORDER BY ?id
"""
NEEDED = """\
#+ title: {en: A question that needs a value, zh: 需要参数的问题}
#+ question: {en: "Which actor is it?", zh: "是哪个行动者？"}
#+ parameters:
#+   actor: {type: iri, choices: "vcc:Actor", required: true, label: {en: actor, zh: 行动者}, example: xiaomi/actor/users}
#+ columns:
#+   actor: {en: actor, zh: 行动者}
#+ key: [actor]

PREFIX vcc: <https://w3id.org/covalue/ontology#>

SELECT (?_actor_iri AS ?actor)
WHERE {
  ?_actor_iri a vcc:Actor .
}
ORDER BY ?actor
"""
