"""
Made-up input: the targets of `tests/fuzz/`, on all bytes that were ever found to break one, on bytes and pieces that hypothesis makes up, and
for a moment under atheris where it is installed.
"""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

FUZZ = Path(__file__).resolve().parent / "fuzz"
sys.path.insert(0, str(FUZZ))

import targets
from targets import BORDER, PIECES, TARGETS

FOUND = sorted(p for p in (FUZZ / "found").rglob("*") if p.is_file())
plain = st.text(st.characters(codec="utf-8"), max_size=80).map(str.encode)
ranges = st.from_regex(r"(?:[a-z*]{1,12}/[a-z*+.-]{1,20}|\*|gzip|br)(?: ?; ?(?:q=[0-9.]{0,6}|charset=[a-z0-9-]{0,8}))?", fullmatch=True)
header = st.lists(st.one_of(ranges, st.text(st.characters(codec="latin-1"), max_size=20)), max_size=8).map(lambda parts: ", ".join(parts).encode("latin-1", "replace"))
pieces = st.lists(st.integers(0, len(PIECES) - 1), max_size=60).map(lambda numbers: b"\x00" + bytes(numbers))
parameters = st.lists(
    st.tuples(st.sampled_from(["query", "format", "output", "lang", "default-graph-uri", "named-graph-uri", "graph", "default", "download", "bom", "update", "x"]), plain),
    max_size=6,
).map(lambda pairs: b"&".join(n.encode() + b"=" + v.replace(b"&", b"%26") for n, v in pairs))
requests = st.tuples(st.binary(min_size=3, max_size=3), st.one_of(parameters, plain), plain, st.lists(st.tuples(st.integers(0, 11), header), max_size=4)).map(
    lambda r: BORDER.join([bytes(b & 0x7F for b in r[0]), r[1], r[2], *(bytes([n]) + v.replace(BORDER, b"") for n, v in r[3])])
)
cells = st.one_of(
    st.sampled_from(["", "a", "a|b", "a/b", "harbor-wheels", "2.1-p1-s1", "1.5", "2019-13-01", "true", "，", "\u3000", '"x"', "=1+1", "\x01", "😀"]), st.text(max_size=12)
)
rows = st.lists(st.lists(cells, max_size=8).map(",".join), max_size=6).map(lambda lines: b"\x01\x01" + "\n".join(lines).encode("utf-8", "replace"))
STRATEGIES = {
    "text": st.one_of(pieces, plain, st.binary(max_size=200)),
    "broken": st.one_of(plain, st.lists(st.sampled_from(PIECES), max_size=30).map(lambda p: "".join(p).encode())),
    "request": requests,
    "header": st.one_of(header, st.binary(max_size=100)),
    "table": st.one_of(rows, st.binary(max_size=200)),
    "answer": st.one_of(
        st.binary(max_size=100).map(lambda b: b"\x01" + b),
        st.binary(max_size=60).map(lambda b: b"\x02" + b),
        plain.map(lambda t: b'{"head":{"vars":["a"]},"results":{"bindings":[{"a":{"type":"literal","value":' + t + b"}}]}}"),
    ),
    "query": plain,
}


@pytest.mark.parametrize("path", FOUND, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_what_was_found(path: Path) -> None:
    """Bytes that broke a target once."""
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_made_up(target: str) -> None:
    """No made-up input breaks a target."""

    @settings(max_examples=settings.get_profile(settings._current_profile).max_examples * (5 if target == "text" else 2))
    @given(STRATEGIES[target])
    def check(data: bytes) -> None:
        TARGETS[target](data)

    check()


def test_the_guard_is_what_holds_the_text_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, the target hears of calls: so it would hear of one that gets by."""
    monkeypatch.setattr(targets, "guard", lambda _: None)
    monkeypatch.setattr(targets, "_canary", functools.cache(targets._Canary))
    numbers = [PIECES.index(p) for p in ("ASK", "{", "SERVICE", "<URL>", "{", "}", "}")]
    with pytest.raises(AssertionError, match="lets out"):
        targets.text(b"\x00" + bytes(numbers))


def test_the_answer_target_reaches_what_is_made_of_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were terms written into the table as they come, and entities not looked at, it would notice."""
    quote = b"\x01" + bytes([1, 0, 1, 1, 0, 1, targets.TEXTS.index('"'), 0])  # one variable, one row, one literal
    bomb = b"\x02" + bytes(targets.MARKUP.index(m) for m in (b"<!DOCTYPE r [", b"<!ENTITY a SYSTEM '", b"'>", b"]>"))
    targets.answer(quote)
    targets.answer(bomb)
    monkeypatch.setattr("covalue.stores.federation._written", lambda term: f'"{term.value}"')
    with pytest.raises(SyntaxError):
        targets.answer(quote)
    heard: list[bytes] = []
    monkeypatch.setattr(targets, "check_entities", lambda data, _: heard.append(data))
    targets.answer(bomb)
    assert [b"<!DOCTYPE r [<!ENTITY a SYSTEM ''>]>"] == heard


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed: pip install atheris")
@pytest.mark.parametrize("target", ["text", "request", "answer"])
def test_atheris(target: str, tmp_path: Path) -> None:
    """The harness runs; `python tests/fuzz/run.py TARGET --seconds 300` runs it long."""
    result = subprocess.run(
        [sys.executable, str(FUZZ / "run.py"), target, "--runs", "300", "--seconds", "10", "--corpus", str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert 0 == result.returncode, result.stderr[-2000:]
    assert not list(tmp_path.glob("found-*"))
