"""
A reply to a question in words, for all who give it on: as data for programs, and as text for a terminal or an agent.

The reply names the question of the library that was understood, with its values by their labels, and the next-best readings; the
answer itself is that of the named question, so that it has the same permanent address and the same citation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from covalue import answering, citation
from covalue.ask import Reading, Reply
from covalue.questions import Answers

Json = dict[str, Any]
NEXT = ("Other readings", "其他理解")
CLOSEST = ("The closest questions", "最接近的问题")


@dataclass(frozen=True)
class Told:
    """A reading as people read it: title, sentence and values by labels, and the path of its answer in the service."""

    name: str
    title: str
    question: str
    parameters: tuple[tuple[str, str], ...]
    path: str
    score: float
    sparql: str

    @property
    def line(self) -> str:
        """The title, and behind it the values."""
        return self.title + (f" ({'; '.join(f'{label}: {value}' for label, value in self.parameters)})" if self.parameters else "")


def told(answers: Answers, reading: Reading, lang: str) -> Told:
    """A reading with labels in a language."""
    question = reading.question
    chosen = citation.resolved(answers, question, reading.values)
    parameters = citation.labelled(question, chosen, lang)
    return Told(reading.name, question.text("title", lang), question.text("question", lang), parameters, citation.path(question, chosen), reading.score, reading.sparql)


def as_json(answers: Answers, reply: Reply, answer: Mapping[str, Any] | None) -> Json:
    """
    A reply as data.

    Args:
        answers: where labels are looked up.
        answer: the JSON of the best reading's answer; None where the reply is that it is not known.
    """
    return {
        "text": reply.text,
        "language": reply.lang,
        "known": reply.known,
        "confidence": round(reply.confidence, 3),
        "message": {lang: reply.message(lang) for lang in ("en", "zh")},
        "hint": {lang: reply.hint(lang) for lang in ("en", "zh")} if reply.hint() else None,
        "readings": [_reading(answers, reading, reply.lang) for reading in reply.readings],
        "answer": answer,
    }


def _reading(answers: Answers, reading: Reading, lang: str) -> Json:
    one = told(answers, reading, lang)
    return {
        "name": one.name,
        "title": one.title,
        "question": one.question,
        "parameters": [{"label": label, "value": value} for label, value in one.parameters],
        "values": {name: list(values) for name, values in reading.values.items()},
        "path": f"/{one.path}",
        "score": round(one.score, 3),
        "sparql": one.sparql,
    }


def answered(answers: Answers, reply: Reply, limit: int | None = None) -> Json:
    """A reply as data, with the answer of the best reading where it is known."""
    answer = None
    if reply.known:
        best = reply.readings[0]
        answer = json.loads(answering.answer(answers, best.name, best.values, reply.lang, "json", limit=limit))
    return as_json(answers, reply, answer)


def dumped(answers: Answers, reply: Reply, limit: int | None = None) -> str:
    """The same as one JSON document."""
    return json.dumps(answered(answers, reply, limit), ensure_ascii=False, indent=1) + "\n"


def as_text(answers: Answers, reply: Reply, limit: int | None = None, columns: int | None = None) -> str:
    """
    A reply for a terminal: how the text is understood, the answer, and the other readings.

    Args:
        limit: at most so many rows of the answer.
        columns: the width of the terminal.
    """
    lines = [reply.message()]
    if reply.known:
        best = reply.readings[0]
        lines += [f"  {label}: {value}" for label, value in told(answers, best, reply.lang).parameters]
        lines += ["", answering.answer(answers, best.name, best.values, reply.lang, "text", limit=limit, columns=columns).decode("utf-8", "replace").rstrip("\n")]
    lines += [reply.hint()] if reply.hint() else []
    return "\n".join([*lines, *_others(answers, reply)]) + "\n"


def _others(answers: Answers, reply: Reply) -> list[str]:
    zh = reply.lang == "zh"
    others = reply.others
    heading = (NEXT if reply.known else CLOSEST)[zh] + ("：" if zh else ":")
    return ["", heading, *(f"  {told(answers, other, reply.lang).line}\n    {command(other)}" for other in others)] if others else []


def command(reading: Reading) -> str:
    """The command that asks a reading."""
    return " ".join(["covalue question", reading.name, *(f"-p {name}={value}" for name, values in reading.values.items() for value in values)])
