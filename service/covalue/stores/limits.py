"""
What a query may cost: the limits as one value, the errors that they end in, and the look at a text before any parser sees it.

The errors are leaves of `StoreError`; a class exists for each way in which a caller acts differently:

    StoreError
     ├── DeadlineError     ran longer than it may                        (HTTP 504)
     ├── TooLargeError     its answer or its memory outgrew a limit      (HTTP 413)
     ├── OverloadedError   no place for it now; says when to come back   (HTTP 503 + Retry-After)
     ├── CrashError        its worker died under it                      (HTTP 500)
     └── CancelledError    who asked has gone                            (no answer)
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from covalue.errors import QueryError, StoreError
from covalue.sparql import place, tokens

MB = 1_000_000


class DeadlineError(StoreError):
    """The query ran longer than it may; its work was stopped."""


class TooLargeError(StoreError):
    """The answer (rows, bytes) or the memory that it takes outgrew a limit; its work was stopped."""


class OverloadedError(StoreError):
    """There is no place for the query now; `retry_after` (whole seconds) says when to try again."""

    def __init__(self, en: str, zh: str, retry_after: int) -> None:
        super().__init__(en, zh)
        self.args = (en, zh, retry_after)
        self.retry_after = retry_after


class CrashError(StoreError):
    """The process that evaluated the query died; only this query is lost."""


class CancelledError(StoreError):
    """Who asked has gone; the work was stopped."""


def processors() -> frozenset[int]:
    """The numbers of the processors that this thread may use."""
    return frozenset(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))


def keep_to(numbers: Iterable[int]) -> None:
    """Keeps this thread, and those that it starts from now on, on some processors (Linux); all is as it was where the system does not let us."""
    if hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, numbers)


def cores() -> int:
    """How many processors this thread may use."""
    return len(processors())


@dataclass(frozen=True)
class Limits:
    """
    What one query, one client and all of them may take.

    A query starts in the quick lane; past `quick_seconds` (past `crowded_seconds` when others wait) it moves to the heavy one,
    or starts anew there when a place comes free. An answer is sent when it is whole, or has a place there, so a second start shows to nobody.
    """

    seconds: float = 10.0
    """Longest evaluation, in seconds."""
    quick_seconds: float = 0.5
    """Longest stay in the quick lane, in seconds."""
    crowded_seconds: float = 0.1
    """The same while others wait for a place."""
    wait_seconds: float = 20.0
    """Longest wait for a place, in seconds."""
    rows: int = 1_000_000
    """Most rows of an answer; in a graph, statements (in nested formats at least the lines; `bytes` holds those)."""
    bytes: int = 256 * MB
    """Longest serialised answer."""
    memory: int = 512 * MB
    """What evaluation may take beyond the worker's own memory, in bytes."""
    spool_bytes: int = MB
    """Longer answers wait in a temporary file instead of memory."""
    spool_total: int = 2000 * MB
    """What all such files may take together, in bytes."""
    quick: int = field(default_factory=lambda: cores() + 1)
    """Places of the quick lane."""
    heavy: int = field(default_factory=lambda: max(1, cores() // 2))
    """Places of the heavy lane."""
    queue: int = 64
    """Queries that may wait for a place, over both lanes."""
    client_queue: int = 16
    """The same for one client."""
    client_heavy_queue: int = 4
    """The same for one client in the heavy lane."""
    disk_triples: int = 300_000
    """Datasets above this size are opened on disk instead of memory."""
    off: frozenset[str] = frozenset()
    """Guards taken away, by name: for tests that show what each is for."""

    def __post_init__(self) -> None:
        if self.quick < 1 or self.heavy < 1:
            raise ValueError("each lane needs a place")

    def on(self, guard: str) -> bool:
        """Whether a guard stands."""
        return guard not in self.off


@dataclass(frozen=True)
class TextLimits:
    """
    How large the text of a query may be.

    The engine's planner takes 2 s over 128 star-joined patterns and a minute over 512, its parser overflows an 8 MB stack at 2,208
    nested groups: what is below these figures and still slow is left to the deadline.
    """

    bytes: int = 262_144
    nesting: int = 128
    patterns: int = 256
    operators: int = 1024


TEXT_LIMITS = TextLimits()
OPEN, CLOSE = {"{": "}", "(": ")", "[": "]"}, {"}", ")", "]"}
SEPARATORS = ".;,"
OPERATORS = frozenset("/|^*+-=<>!&")
KEYWORDS = frozenset({"OPTIONAL", "UNION", "MINUS", "FILTER", "BIND", "EXISTS", "GRAPH"})
KEYWORD_STARTS = tuple(sorted({k[0] + k[1] for k in KEYWORDS}))


def check_size(text: str, limits: TextLimits = TEXT_LIMITS, grown: int = 0) -> None:
    """
    Refuses a text that is too long, nested too deep, or has too many patterns or operators. Brackets, names and signs in strings, IRIs
    and comments do not count, nor do the rows of VALUES, nor the bytes by which the text has grown here.

    Raises:
        QueryError: it is too large; the place is where it becomes so.

    Cost: some counts over the characters; only where those could exceed a limit, a scan of the tokens.
    """
    if len(text) > limits.bytes + grown or len(text.encode("utf-8", "replace")) > limits.bytes + grown:
        raise QueryError(f"the query is longer than {limits.bytes} bytes.", f"查询超过 {limits.bytes} 字节。", place(text, limits.bytes))
    if not _surely_small(text, limits):
        _Scan(text, limits).run()


def _surely_small(text: str, limits: TextLimits) -> bool:
    """Whether not even the characters of strings, IRIs and comments, all counted along, make the text too large."""
    brackets = sum(map(text.count, OPEN))
    if brackets > limits.nesting or brackets + sum(map(text.count, SEPARATORS)) > limits.patterns:
        return False
    if len(text) <= limits.operators:
        return True
    upper = text.upper()
    return sum(map(text.count, OPERATORS)) + sum(map(upper.count, KEYWORD_STARTS)) <= limits.operators


class _Scan:
    """Counts over the tokens of one text."""

    def __init__(self, text: str, limits: TextLimits) -> None:
        self.text, self.limits = text, limits
        self.open: list[str] = []
        self.patterns = self.operators = 0

    def run(self) -> None:
        for kind, token, offset in tokens(self.text):
            if kind == "other":
                self._sign(token)
            elif kind == "word":
                self.operators += token.upper() in KEYWORDS
            elif kind == "name" and token.endswith("."):  # the scanner leaves the dot that ends a statement with the name
                self._separator()
            self._check(offset)

    def _sign(self, token: str) -> None:
        if token in OPEN:
            self.open.append(token)
            self.patterns += token != "("
        elif token in CLOSE:
            if self.open:
                self.open.pop()
        elif token in SEPARATORS:
            self._separator()
        elif token in OPERATORS:
            self.operators += 1

    def _separator(self) -> None:
        self.patterns += bool(self.open) and self.open[-1] != "("

    def _check(self, offset: int) -> None:
        most = self.limits
        for count, limit, en, zh in (
            (len(self.open), most.nesting, "levels of nesting", "层嵌套"),
            (self.patterns, most.patterns, "patterns", "个模式"),
            (self.operators, most.operators, "operators", "个运算符"),
        ):
            if count > limit:
                raise QueryError(f"the query has more than {limit} {en}; split it.", f"查询超过 {limit} {zh}；请拆分。", place(self.text, offset))


Cancel = Callable[[], bool]


def deadline_error(seconds: float) -> DeadlineError:
    return DeadlineError(
        f"the query ran longer than {seconds:g} s and was stopped; ask for less, or narrow it with more patterns.",
        f"查询运行超过 {seconds:g} 秒，已被终止；请缩小查询范围或增加限定模式。",
    )


def rows_error(limits: Limits) -> TooLargeError:
    return TooLargeError(
        f"the answer has more than {limits.rows} rows and is not sent in part; page it with ORDER BY, LIMIT and OFFSET.",
        f"结果超过 {limits.rows} 行，不作部分返回；请用 ORDER BY、LIMIT 与 OFFSET 分页。",
    )


def bytes_error(limits: Limits) -> TooLargeError:
    return TooLargeError(
        f"the answer is longer than {limits.bytes} bytes and is not sent in part; page it with ORDER BY, LIMIT and OFFSET.",
        f"结果超过 {limits.bytes} 字节，不作部分返回；请用 ORDER BY、LIMIT 与 OFFSET 分页。",
    )


def memory_error(limits: Limits) -> TooLargeError:
    return TooLargeError(
        f"the query needs more than {limits.memory // MB} MB of memory and was stopped; sort, group or build less.",
        f"查询所需内存超过 {limits.memory // MB} MB，已被终止；请减少排序、分组或构造的数据。",
    )


def crash_error(status: int | None) -> CrashError:
    if status == -9:
        return CrashError(
            "the process that evaluated the query was ended from outside, perhaps for want of memory; another has taken its place, so ask again.",
            "执行该查询的进程被外部终止（可能因内存不足）；已由新进程接替，请重新查询。",
        )
    return CrashError(
        f"the engine died over this query (status {status}) and was started anew; other queries are not touched.",
        f"引擎在执行该查询时异常退出（状态 {status}），已重新启动；其他查询不受影响。",
    )


def cancelled_error() -> CancelledError:
    return CancelledError("the query was cancelled.", "查询已取消。")
