"""
Entities of XML, looked at before an engine reads RDF/XML: it expands them without limit, so that 600 bytes become gigabytes.

Ontology editors write entities as short names of namespaces, so those stay: plain values, that may make a file longer within bounds. An entity
that is made of others, lies outside of the file, or is a parameter entity, is in no RDF/XML that anybody means well.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from xml.parsers import expat

from covalue.errors import Place, SourceError

GROWTH = 10
"""Times the length of the file."""
FREE = 1_000_000
"""Bytes that may be added in any case."""
REFERENCE = re.compile(rb"&([A-Za-z_:][\w:.-]*);")
PLAIN = frozenset({"lt", "gt", "amp", "quot", "apos"})
ENTITY = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)|<\0!\0|\0<\0!")
"""Also in the encodings of two bytes a character."""


def check(data: bytes, path: Path) -> None:
    """
    Raises:
        SourceError: the entities that an RDF/XML document declares are not those of plain short names.
    """
    if not ENTITY.search(data):
        return
    values: dict[str, str] = {}
    problem: list[str] = []

    def declared(name: str, parameter: int, value: str | None, _base: str | None, system: str | None, public: str | None, _notation: str | None) -> None:
        if parameter or value is None or system or public:
            problem.append(name)
        else:
            values[name] = value

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = declared
    parser.StartElementHandler = lambda *_: _stop()
    parser.DefaultHandler = lambda _: None  # so that nothing is expanded
    try:
        parser.Parse(data, True)
    except _FirstElement:
        pass
    except expat.ExpatError as e:
        raise SourceError(f"is not XML: {expat.ErrorString(e.code)}.", f"不是合法的 XML：{expat.ErrorString(e.code)}。", Place(str(path), e.lineno, e.offset + 1)) from e
    nested = [n for n, v in values.items() if any(m.group(1).decode() not in PLAIN for m in REFERENCE.finditer(v.encode()))]
    if problem or nested:
        raise SourceError(
            f"declares the entity {(problem or nested)[0]!r}, which lies outside of the file or is made of others; only plain short names are read.",
            f"声明的实体“{(problem or nested)[0]}”位于文件之外或由其他实体构成；仅接受普通的缩写实体。",
            Place(str(path)),
        )
    used = Counter(m.group(1).decode() for m in REFERENCE.finditer(data))
    added = sum(count * len(values.get(name, "").encode()) for name, count in used.items())
    if added > GROWTH * len(data) + FREE:
        raise SourceError(f"would grow by {added} bytes through its entities, which is too much.", f"其实体会使内容增加 {added} 字节，超出限度。", Place(str(path)))


class _FirstElement(Exception):  # noqa: N818  # no error
    """The declarations are over."""


def _stop() -> None:
    raise _FirstElement
