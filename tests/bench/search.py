"""
What a search by name costs among 10⁴, 10⁵ and 10⁶ names, half of them English and half Chinese: what is kept for it, and how long answers
take, by kinds of words.

    python tests/bench/search.py [NAMES …] [--queries 200] [--write]

Names are made of common words (a few that a third of all draws give) and of rarer ones, the more seldom the farther down a list of
thousands. Times are of the processor, since a machine that others use stretches those of the clock; the last column has the clock's too.
*Recall* is told by looking at each name, without any part of the index: of each kind of words a few are counted so, and their first page is
compared with what the scan gives, hit by hit. `--write` puts the table into the documents.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import random
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from covalue.entries import Entry, fold
from covalue.register import Register
from covalue.search import Index

ROOT = Path(__file__).resolve().parents[2]
COMMON = (
    "value user firm product service channel platform design feedback supply chain brand price quality data cloud store market share growth".split(),  # noqa: SIM905
    "价值 用户 企业 产品 服务 渠道 平台 设计 反馈 供应 链条 品牌 价格 质量 数据 云端 门店 市场 份额 增长".split(),  # noqa: SIM905
)
SYLLABLES = "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu tion ment ing er al".split()  # noqa: SIM905
MEGABYTE = 1_000_000
CHECKED = 6
"""Queries of a kind whose answers are told by looking at each name."""

KINDS = {
    "one Chinese character": "一个汉字",
    "one letter": "一个字母",
    "two Chinese characters": "两个汉字",
    "three or four Chinese characters": "三或四个汉字",
    "beginning of a word, two to eight letters": "词首二至八个字母",
    "inside of words, three to six letters": "词中三至六个字母",
    "a common word": "常用词",
    "a whole name": "完整名称",
    "two words of a name": "同一名称的两个词",
    "an English and a Chinese word of a thing": "同一事物的中英文词各一",
    "two common words": "两个常用词",
    "a common word and a rare one": "一个常用词加一个罕用词",
    "common words, mostly never together": "五个常用词，大多从不同现",
    "200 characters": "200 个字符",
    "nothing has it": "无任何结果",
    "a slip of the pen": "笔误",
    "page 50 of a common word": "常用词的第 50 页",
    "a common word, one kind": "常用词，限一个种类",
}


class Vocabulary:
    """Words by how common they are, in both languages."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        characters = [chr(0x4E00 + i) for i in draw.sample(range(6000), 2500)]
        english = ["".join(draw.choices(SYLLABLES, k=draw.randint(2, 4))) for _ in range(8000)]
        chinese = ["".join(draw.choices(characters, weights=[1 / (k + 20) for k in range(2500)], k=draw.choice((2, 2, 2, 3)))) for _ in range(8000)]
        self._rarer = english, chinese
        self._weights = [1 / (k + 10) for k in range(8000)]

    def words(self, language: int, count: int) -> list[str]:
        """Drawn words."""
        rarer = iter(self._draw.choices(self._rarer[language], self._weights, k=count))
        return [self._draw.choice(COMMON[language]) if self._draw.random() < 1 / 3 else next(rarer) for _ in range(count)]


def made(count: int, draw: random.Random) -> list[Entry]:
    """Things with two labels each, every third a claim, some with another name."""
    vocabulary = Vocabulary(draw)
    entries = []
    for i in range(count // 2):
        english, chinese = (vocabulary.words(language, draw.randint(2, 5)) for language in (0, 1))
        number = f" {draw.randrange(10_000)}" if draw.random() < 0.3 else ""
        others = (" ".join(vocabulary.words(0, 1)),) if i % 20 == 0 else ()
        kind = "claim" if i % 3 == 0 else "concept" if i % 50 == 0 else "thing"
        entries.append(Entry(f"https://w3id.org/covalue/case/made/{kind}/{i}", kind, {"en": " ".join(english) + number, "zh": "".join(chinese) + number.strip()}, others))
    return entries


class Queries:
    """Words to look for, drawn from what there is."""

    def __init__(self, entries: list[Entry], draw: random.Random) -> None:
        self._entries, self._draw = entries, draw

    def of(self, kind: str) -> tuple[str, dict[str, object]]:
        """Words of a kind, and how they are asked."""
        draw = self._draw
        labels = draw.choice(self._entries).labels
        en, zh = labels["en"], "".join(re.findall("[一-鿿]", labels["zh"]))
        words = re.findall("[a-z]+", en)
        common = draw.choice(draw.choice(COMMON))
        pairs: dict[str, Callable[[], str]] = {
            "one Chinese character": lambda: draw.choice(zh),
            "one letter": lambda: draw.choice(en.replace(" ", "")),
            "two Chinese characters": lambda: _piece(draw, zh, 2),
            "three or four Chinese characters": lambda: _piece(draw, zh, draw.randint(3, 4)),
            "beginning of a word, two to eight letters": lambda: draw.choice(words)[: draw.randint(2, 8)],
            "inside of words, three to six letters": lambda: _piece(draw, draw.choice(words)[1:] or en, draw.randint(3, 6)),
            "a whole name": lambda: draw.choice((en, labels["zh"])),
            "two words of a name": lambda: f"{words[-1]} {words[0]}",
            "an English and a Chinese word of a thing": lambda: f"{draw.choice(words)} {_piece(draw, zh, 2)}",
            "two common words": lambda: " ".join(draw.sample(draw.choice(COMMON), 2)),
            "a common word and a rare one": lambda: f"{common} {draw.choice(words)}",
            "common words, mostly never together": lambda: " ".join(draw.sample(COMMON[0], 5)),
            "200 characters": lambda: " ".join(e.labels["en"] for e in draw.sample(self._entries, 20))[:200],
            "nothing has it": lambda: draw.choice((f"{words[0]}qx{words[-1]}", "龘" + zh[0], "qqzz", zh[0] + "龘" + zh[-1])),
            "a slip of the pen": lambda: _slip(draw, draw.choice((en, zh))),
        }
        asked: dict[str, object] = {"page 50 of a common word": {"offset": 980}, "a common word, one kind": {"kinds": ("claim",)}}
        made = pairs.get(kind)
        return made() if made else common, dict(asked.get(kind, {}))  # type: ignore[call-overload]


def _piece(draw: random.Random, text: str, length: int) -> str:
    start = draw.randint(0, max(0, len(text) - length))
    return text[start : start + length]


def _slip(draw: random.Random, text: str) -> str:
    at = draw.randint(1, max(1, len(text) - 2))
    return text[: at - 1] + text[at : at + 1] + text[at - 1 : at] + text[at + 1 :]


def own() -> float:
    """Memory of this process that is its own, not the system's cache of files, in MB."""
    found = re.search(r"^RssAnon:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1024 / MEGABYTE


def told(lines: list[str], query: str) -> int:
    """How many things have all words in their names, by looking at each."""
    words = fold(query).split()
    return sum(all(w in line for w in words) for line in lines)


def measured(index: Index, asked: list[tuple[str, dict[str, object]]]) -> tuple[list[float], list[float]]:
    """Sorted milliseconds of the processor, and of the clock."""
    processor, clock = [], []
    for query, options in asked:
        began, at = time.process_time(), time.perf_counter()
        index.search(query, limit=20, **options)  # type: ignore[arg-type]
        processor.append((time.process_time() - began) * 1000)
        clock.append((time.perf_counter() - at) * 1000)
    return sorted(processor), sorted(clock)


def checked(index: Index, scanning: Mapping[str, object], lines: list[str], asked: list[tuple[str, dict[str, object]]]) -> tuple[int, int]:
    """Hits that there are, and hits that were found, over some queries; fails where a page or a number differs."""
    wanted = found = 0
    for query, options in asked:
        page = index.search(query, limit=20, **options)  # type: ignore[arg-type]
        assert page.hits == scanning[repr((query, options))], query
        if options.get("kinds"):
            continue
        number = told(lines, query)
        assert page.near or page.total == number or (page.more and page.total < number), (query, page.total, number)
        whole = index.search(query, limit=5000)
        wanted += min(number, 5000)
        found += 0 if whole.near else len(whole.hits)
    return wanted, found


def run(count: int, queries: int) -> dict[str, tuple[str, ...]]:
    """The cells of one size, by the names of the rows."""
    draw = random.Random(count)
    entries = made(count, draw)
    lines = ["\n".join(map(fold, (*e.labels.values(), *e.others, *(() if e.kind == "claim" else (e.iri.rpartition("/")[2],))))) for e in entries]
    with tempfile.TemporaryFile() as names, tempfile.TemporaryFile() as pieces:
        gc.collect()
        start, began = own(), time.process_time()
        index = Index(Register.of(sorted(entries, key=lambda e: e.iri), names))
        built = time.process_time() - began
        asked = {kind: [Queries(entries, draw).of(kind) for _ in range(queries)] for kind in KINDS}
        scanning = {repr(one): index.search(one[0], limit=20, **one[1]).hits for kind in KINDS for one in asked[kind][:CHECKED]}  # type: ignore[arg-type]
        began = time.process_time()
        index.prepare(pieces)
        prepared = time.process_time() - began
        index.search("value")  # the first search of all finds cold memory
        gc.collect()
        gc.freeze()  # as the service does: else the collector comes by and looks through all of this while a search is measured
        out: dict[str, tuple[str, ...]] = {
            "memory": (f"{names.tell() / MEGABYTE:.0f} + {pieces.tell() / MEGABYTE:.0f} MB, {max(0, own() - start):.0f} MB", f"{built:.1f} + {prepared:.1f} s")
        }
    print(f"{count:,} names: files of names + of the index, and memory of the process {out['memory'][0]}; {out['memory'][1]}", flush=True)
    for kind, listed in asked.items():
        processor, clock = measured(index, listed)
        wanted, found = checked(index, scanning, lines, listed[:CHECKED])
        at = min(len(processor) - 1, int(len(processor) * 0.99))
        recall = f"{found / wanted:.3f}" if wanted else "–"
        out[kind] = f"{processor[len(processor) // 2]:.2f} / {processor[at]:.2f}", f"{clock[len(clock) // 2]:.2f} / {clock[at]:.2f}", recall
        print(f"  {kind:42} {out[kind][0]:>16} {out[kind][1]:>18}  {recall}", flush=True)
    return out


def table(sizes: list[int], found: dict[int, dict[str, tuple[str, ...]]], zh: bool) -> str:
    """As Markdown writes it."""
    last = sizes[-1]
    about = f"{time.strftime('%Y-%m-%d')}, {len(os.sched_getaffinity(0))} processors ({platform.machine()}), Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}."
    head = [
        "词语" if zh else "words",
        *(f"{n:,} 个名称" if zh else f"{n:,} names" for n in sizes),
        f"{last:,}，按时钟" if zh else f"{last:,}, by the clock",
        "召回率" if zh else "recall",
    ]
    rows = [[KINDS[kind] if zh else kind, *(found[n][kind][0] for n in sizes), found[last][kind][1], found[last][kind][2]] for kind in KINDS]
    rows.append(["文件：名称 + 索引；进程自身的内存" if zh else "files: names + index; the process's own memory", *(found[n]["memory"][0] for n in sizes), "", ""])
    rows.append(["处理器秒数：名称 + 索引" if zh else "seconds of the processor: names + index", *(found[n]["memory"][1] for n in sizes), "", ""])
    lines = [head, ["---"] * len(head), *rows]
    return f"{about}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def write(sizes: list[int], found: dict[int, dict[str, tuple[str, ...]]]) -> None:
    """Puts the table between its marks in both documents."""
    for name, zh in (("benchmarks.md", False), ("benchmarks.zh.md", True)):
        path = ROOT / "docs" / name
        head, mark, rest = path.read_text(encoding="utf-8").partition("<!-- search -->\n")
        _, end, tail = rest.partition("<!-- end of search -->")
        assert mark, path
        assert end, path
        path.write_text(f"{head}{mark}\n{table(sizes, found, zh)}\n{end}{tail}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--queries", type=int, default=200, help="of each kind")
    parser.add_argument("--write", action="store_true", help="put the table into the documents")
    given = parser.parse_args()
    found = {}
    for count in given.names:
        found[count] = run(count, given.queries)
        gc.unfreeze()
    print(table(given.names, found, False))
    if given.write:
        write(given.names, found)


if __name__ == "__main__":
    main()
