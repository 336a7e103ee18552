"""Puts what was measured into the documents, in both languages, between marks; what stands outside of the marks is left alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from measure import table
from serving import BARE, COLUMNS, OWN, OXIGRAPH, RDFLIB

Table = tuple[str, list[str], list[list[str]]]
WORDS = {
    "Eight-query mix (ratio: to oxigraph's server, same load)": "八种查询混合（比值：相对于同负载下的 oxigraph 服务器）",
    "Small queries (ratios: to Flask that does nothing, and to Flask that evaluates them itself, both on the same WSGI server)": (
        "小查询（比值：分别相对于同一 WSGI 服务器上什么也不做的 Flask，以及自行求值的 Flask）"
    ),
    "One small query, without HTTP (ratio of p50: to in process)": "单个小查询，不经 HTTP（p50 之比：相对于进程内执行）",
    "Small queries (4 clients, cold) beside a client that asks for a matrix rolled up over classes without pause (cold)": (
        "小查询（4 个客户端，无缓存），同时另有一个客户端不停地请求按类别逐级汇总的矩阵（无缓存）"
    ),
    "Quick queries (2 clients)": "快速查询（2 个客户端）",
    "Seconds until the processor is idle": "处理器恢复空闲所需秒数",
    "1,000,000 rows as JSON (ratio: of throughput)": "1,000,000 行 JSON（比值：吞吐量）",
    "Start to first answer, over the shipped data": "从启动到首个应答（随附数据）",
    "Growth: one client, medians over the queries about one case, and over those about all; stores on disk are in the system's cache of files": (
        "随规模增长：一个客户端；关于单个案例的查询与关于全图的查询各取中位数；磁盘存储的文件已在系统缓存中"
    ),
    "server": "服务器",
    "clients": "客户端数",
    "answers/s": "应答/秒",
    "ratio": "比值",
    "to nothing": "相对于什么也不做",
    "to the engine in Flask": "相对于 Flask 自行求值",
    "failed": "失败",
    "way": "方式",
    "load": "负载",
    "after": "之后",
    "statements": "语句数",
    "first byte ms": "首字节 ms",
    "all s": "全部 s",
    "service MB grown": "服务进程增长 MB",
    "small alone /s": "单独时小查询/秒",
    "small beside it /s": "同时小查询/秒",
    "matrices /s": "矩阵/秒",
    "start s": "启动 s",
    "MB, all processes": "全部进程 MB",
    "one case ms": "单案例 ms",
    "two cases ms": "两案例 ms",
    "whole graph ms": "全图 ms",
    "asked again ms": "再次询问 ms",
    "mix /s": "混合/秒",
    "repeats /s": "重复/秒",
    "small beside heavy /s": "重查询旁的小查询/秒",
    "10⁶ rows s": "10⁶ 行 s",
    "grows by MB": "增长 MB",
    "covalue, cold": "covalue，首次",
    "oxigraph's server, cold": "oxigraph 服务器，首次",
    "rdflib-endpoint, cold": "rdflib-endpoint，首次",
    "covalue, 200 questions again and again": "covalue，200 个问题反复询问",
    "covalue, repeats": "covalue，重复",
    "oxigraph's server, the same": "oxigraph 服务器，同上",
    "oxigraph's server": "oxigraph 服务器",
    "Flask that does nothing, same WSGI server": "什么也不做的 Flask，同一 WSGI 服务器",
    "Flask that does nothing": "什么也不做的 Flask",
    "the same, its threads on one processor": "同上，线程固定在一个处理器",
    "Flask that evaluates them in its own process": "在自身进程内求值的 Flask",
    "Flask that only hands each text to a worker": "只把查询文本交给工作进程的 Flask",
    "the engine in process, 1 thread(s), cold": "进程内的引擎，1 个线程，首次",
    "the engine in process, 2 thread(s), cold": "进程内的引擎，2 个线程，首次",
    "the engine, in process": "进程内的引擎",
    "the engine's serialiser, in process": "进程内引擎的序列化器",
    "in process": "进程内",
    "through a killable worker": "经可终止的工作进程",
    "from the cache": "取自缓存",
    "idle": "空闲",
    "beside eight runaways": "旁有八个失控查询",
    "p99, ratio": "p99 之比",
    "eight clients cut off": "八个客户端被切断",
    "a deadline of 2 s reached": "2 秒时限到期",
    "one client hung up": "一个客户端挂断",
    "covalue, on disk": "covalue，磁盘存储",
    "oxigraph's server, on disk": "oxigraph 服务器，磁盘存储",
}
DOCUMENTS = {"docs/benchmarks.md": False, "docs/benchmarks.zh.md": True}
SETTING = re.compile(r"(\S+), (\d+) processors \((.+)\), Python (\S+); (\S+) statements, (\d+) rounds of (\S+) s, load of the machine before the run (\S+)")
READMES = {"README.md": False, "README.zh.md": True}


def short(summary: Mapping[str, Mapping[str, str]]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table that the README shows."""
    return ["", *COLUMNS], [[name, *(summary.get(name, {}).get(c, "–") for c in COLUMNS)] for name in (OWN, OXIGRAPH, RDFLIB, BARE)]


def write(root: Path, about: str, setting: str, tables: Sequence[Table], summary: Mapping[str, Mapping[str, str]]) -> None:
    """Replaces what stands between the marks `<!-- service -->` and `<!-- end of service -->`."""
    for name, chinese in DOCUMENTS.items():
        said = lambda text, chinese=chinese: WORDS.get(text, text) if chinese else text  # noqa: E731
        where = f"{about}; {setting}"
        parts = [SETTING.sub(r"\1，\2 个处理器（\3），Python \4；\5 条语句，\6 轮各 \7 秒，运行前机器负载 \8", where) + "。" if chinese else f"{where}."]
        parts += [f"### {said(title)}\n\n" + table(list(map(said, head)), [[said(row[0]), *(map(said, row[1:]))] for row in rows]) for title, head, rows in tables]
        _between(root / name, "\n\n".join(parts))
    head, rows = short(summary)
    for name, chinese in READMES.items():
        said = lambda text, chinese=chinese: WORDS.get(text, text) if chinese else text  # noqa: E731
        _between(root / name, table(list(map(said, head)), [[said(row[0]), *row[1:]] for row in rows]))


def _between(path: Path, text: str) -> None:
    between(path, text, "service")


def between(path: Path, text: str, mark: str) -> None:
    """Replaces what stands between `<!-- mark -->` and `<!-- end of mark -->`."""
    old = path.read_text(encoding="utf-8")
    new, found = re.subn(rf"(<!-- {mark} -->\n).*?(\n<!-- end of {mark} -->)", lambda m: f"{m[1]}\n{text}\n{m[2]}", old, flags=re.S)
    if found != 1:
        raise SystemExit(f"{path} has no place for what was measured of {mark}")
    path.write_text(new, encoding="utf-8")
