"""Text cut into atoms: Latin words, numbers, single Chinese characters; and light stemming."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

ATOM = re.compile(r"[0-9]+(?:\.[0-9]+)*|[a-z]+|[\u3400-\u9fff]")
SHORT_YEAR = re.compile(r"(?<![0-9])([0-4][0-9])(?=年)")
VOWELS = set("aeiouy")


def normal(text: str) -> str:
    """
    The text without differences of width, case and accents; a year of two digits before 年 is written out.

    >>> normal("Ｇrönroos 16年")
    'gronroos 2016年'
    """
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return SHORT_YEAR.sub(r"20\1", plain.replace("'s ", " ").replace("’s ", " "))


def atoms(text: str) -> list[str]:
    """
    The atoms of a text, in order.

    >>> atoms("MIUI 论坛, section 3.2.1")
    ['miui', '论', '坛', 'section', '3.2.1']
    """
    return ATOM.findall(normal(text))


def is_han(atom: str) -> bool:
    return atom[0] >= "\u3400"


def is_number(atom: str) -> bool:
    return atom[0].isdigit()


@lru_cache(maxsize=20000)
def stem(atom: str) -> str:
    """
    A light stem of a Latin word; other atoms are their own.

    >>> [stem(w) for w in ("contributions", "contributed", "contributing", "contribute", "companies", "stages")]
    ['contribut', 'contribut', 'contribut', 'contribut', 'compani', 'stag']
    """
    if is_han(atom) or is_number(atom) or len(atom) < 4:
        return atom
    return _ending(_verb(_plural(atom)))


def _plural(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _verb(word: str) -> str:
    for suffix in ("ing", "ed"):
        root = word[: -len(suffix)]
        if word.endswith(suffix) and len(root) > 2 and VOWELS & set(root):
            return root[:-1] if len(root) > 3 and root[-1] == root[-2] and root[-1] not in "lsz" else root
    return word


def _ending(word: str) -> str:
    if word.endswith(("tion", "sion")) and len(word) > 6:
        word = word[:-3]
    if word.endswith("e") and len(word) > 4:
        return word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


def stems(text: str) -> tuple[str, ...]:
    """The stemmed atoms of a text."""
    return tuple(map(stem, atoms(text)))
