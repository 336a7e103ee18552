"""One page of each kind, by a short name; add yours, one line each."""

from __future__ import annotations

KINDS = {
    "start": "/",
    "questions": "/questions",
    "area": "/questions/actors",
    "answer": "/questions/actors/contributions-with-evidence",
    "answer-parameters": "/questions/actors/contributions-of-an-actor?actor=users",
    "answer-empty": "/questions/actors/contributions-of-an-actor?actor=users&dimension=value-proposition&limit=0",
    "ask": "/ask?q=What+do+users+contribute+to+value+creation",
    "ask-nothing": "/ask",
    "sparql": "/sparql",
    "editor": "/editor",
    "result": "/sparql?query=SELECT+*+%7B+%3Fs+a+%3Fclass+%7D+LIMIT+20",
    "ontology": "/ontology",
    "resource": "/case/xiaomi/actor/users.html",
    "dataset": "/dataset.html",
    "cases": "/cases",
    "case": "/case/xiaomi.html",
    "case-network": "/case/xiaomi.html?view=network",
    "case-causes": "/case/xiaomi.html?view=causes",
    "term": "/ontology/Contribution.html",
    "claim": "/case/xiaomi/contribution/users-feedback-to-product-iteration-3-1.html",
    "passage": "/source/jin-wu-2024/3.2.1-p2-s3.html",
    "source": "/source/jin-wu-2024/3.3.html",
    "listing": "/case/xiaomi/actor/xiaomi.html?facts=vcc:makesContribution",
    "search": "/search?q=MIUI",
    "lenses": "/lenses",
    "lens": "/lenses/bmo",
    "lens-gaps": "/lenses/e3value/gaps",
    "lens-trace": "/lenses/bmo/trace",
}
