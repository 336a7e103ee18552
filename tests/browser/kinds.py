"""One page of each kind, by a short name; add yours, one line each."""

from __future__ import annotations

KINDS = {
    "start": "/",
    "questions": "/questions",
    "area": "/questions/actors",
    "answer": "/questions/actors/contributions-with-evidence",
    "answer-parameters": "/questions/actors/contributions-of-an-actor?actor=users",
    "answer-empty": "/questions/actors/contributions-of-an-actor?actor=users&dimension=value-proposition&limit=0",
    "sparql": "/sparql",
    "result": "/sparql?query=SELECT+*+%7B+%3Fs+a+%3Fclass+%7D+LIMIT+20",
    "ontology": "/ontology",
    "resource": "/case/xiaomi/actor/users.html",
    "dataset": "/dataset.html",
    "cases": "/cases",
    "case": "/case/xiaomi.html",
    "case-network": "/case/xiaomi.html?view=network",
    "case-causes": "/case/xiaomi.html?view=causes",
}
