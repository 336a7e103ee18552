"""
What a search by name costs, in milliseconds of the processor, by the number of labels: to build the index, and to answer a search as the slowest of some kinds of words.

    python tests/bench/search.py [LABELS …]

Half of the labels are Chinese, as in a bilingual dataset; names are made of few words, so that common words are very common. Each label is
looked for by its whole name too, which must be found: recall is 1 or this fails.
"""

from __future__ import annotations

import random
import statistics
import sys
import time

from covalue.search import Entry, Index

ENGLISH = "value user firm product service channel platform design feedback supply chain brand price quality data cloud store market share growth".split()  # noqa: SIM905
CHINESE = "价值 用户 企业 产品 服务 渠道 平台 设计 反馈 供应 链条 品牌 价格 质量 数据 云端 门店 市场 份额 增长".split()  # noqa: SIM905
QUERIES = {
    "whole name": None,
    "common word": "value",
    "inside of a word": "eedbac",
    "two Chinese characters": "用户",
    "across Chinese words": "值用",
    "one Chinese character": "价",
    "several words": "growth product cloud",
    "nothing at all": "qqzzqq",
    "a slip of the pen": "valeu prodcut",
}


def made(count: int) -> Index:
    """Things with two labels each."""
    draw = random.Random(7)
    entries = []
    for i in range(count // 2):
        words, characters = draw.choices(ENGLISH, k=4), draw.choices(CHINESE, k=4)
        entries.append(Entry(f"https://w3id.org/covalue/case/made/thing/{i}", "claim" if i % 3 else "thing", {"en": f"{' '.join(words)} {i}", "zh": f"{''.join(characters)}{i}"}))
    return Index(entries)


def main() -> None:
    print(f"{'labels':>9}  {'build s':>8}  " + "  ".join(f"{name:>22}" for name in QUERIES) + "   (median ms)")
    for count in map(int, sys.argv[1:] or ("3000", "100000", "1000000")):
        began = time.process_time()
        index = made(count)
        built = time.process_time() - began
        cells = []
        for query in QUERIES.values():
            times = []
            for turn in range(5):
                entry = index.entries[(turn * 7919) % len(index.entries)]
                began = time.process_time()
                found = index.search(query or entry.labels["zh" if turn % 2 else "en"], limit=10)
                times.append(time.process_time() - began)
                assert query or entry.iri in {h.entry.iri for h in found.hits}, entry
            cells.append(statistics.median(times) * 1000)
        print(f"{count:>9}  {built:>8.2f}  " + "  ".join(f"{c:>22.2f}" for c in cells))


if __name__ == "__main__":
    main()
