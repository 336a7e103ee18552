"""
Counts for operators, in the text format of Prometheus (exposition format 0.0.4).

A registry of our own: a dozen numbers need no library, and no process-wide state.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from operator import add

from covalue.web import usage

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
METHODS = {"GET", "HEAD", "POST", "QUERY", "OPTIONS", "PUT", "DELETE", "PATCH"}
HELP = {
    "covalue_requests_total": ("counter", "Requests answered."),
    "covalue_response_bytes_total": ("counter", "Bytes of bodies sent."),
    "covalue_request_seconds": ("histogram", "Seconds from a request to the end of its answer."),
    "covalue_answers_cut_total": ("counter", "Answers that ended after their first byte and before their last, by reason."),
    "covalue_requests_running": ("gauge", "Requests that are being answered."),
    "covalue_dataset_info": ("gauge", "The dataset that is served."),
    **usage.HELP,
}
STORE = {
    "quick_running": ("gauge", "Queries in the quick lane."),
    "quick_waiting": ("gauge", "Queries that wait for a place in the quick lane."),
    "heavy_running": ("gauge", "Queries in the heavy lane."),
    "heavy_waiting": ("gauge", "Queries that wait for a place in the heavy lane."),
    "workers": ("gauge", "Worker processes."),
    "asked_again": ("counter", "Queries asked of another worker, since theirs was ended from outside as it was asked."),
    "spooled_bytes": ("gauge", "Bytes of answers in temporary files."),
    "ahead_bytes": ("gauge", "Bytes of the store on disk that were read ahead of questions."),
    "ahead_ended": ("gauge", "1 once nothing more is read ahead."),
    "cached_answers": ("gauge", "Answers that are kept by query."),
    "cached_bytes": ("gauge", "Their bytes."),
    "cache_hits": ("counter", "Queries that a kept answer, or one under way, served."),
    "cache_misses": ("counter", "Queries that had to be evaluated, though their answers may be kept."),
    "repeated_answers": ("gauge", "Answers that are kept as they were sent, by request."),
    "repeated_bytes": ("gauge", "Their bytes."),
    "repeated_hits": ("counter", "Requests that one of them served."),
}
"""What stores and what is before them count, by the names there."""
Labels = tuple[tuple[str, str], ...]


class _Ended:
    """Requests of one kind that have ended; `buckets` counts those that took at most so many seconds as `BOUNDS` says, and longer than the bound before."""

    __slots__ = ("buckets", "requests", "seconds", "size")

    def __init__(self) -> None:
        self.requests, self.size, self.seconds = 0, 0, 0.0
        self.buckets = [0] * (len(BOUNDS) + 1)

    def add(self, seconds: float, size: int) -> None:
        """One more."""
        self.requests += 1
        self.size += size
        self.seconds += seconds
        self.buckets[bisect_left(BOUNDS, seconds)] += 1


class Metrics:
    """Counts by kind of address, method and status: so many that strangers cannot make them more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: dict[tuple[str, str, int], _Ended] = {}
        self._cut: dict[Labels, int] = {}
        self._running = 0

    def begin(self) -> None:
        """A request has come."""
        with self._lock:
            self._running += 1

    def end(self, route: str, method: str, status: int, seconds: float, size: int, cut: str = "") -> None:
        """Its answer is sent, or was `cut` for this reason."""
        kind = (route, method if method in METHODS else "other", status)
        with self._lock:
            self._running -= 1
            ended = self._ended.get(kind)
            if ended is None:
                ended = self._ended[kind] = _Ended()
            ended.add(seconds, size)
            if cut:
                why: Labels = (("reason", cut),)
                self._cut[why] = self._cut.get(why, 0) + 1

    def text(self, version: str, store: Mapping[str, int]) -> str:
        """
        All counts.

        Args:
            version: of the dataset.
            store: what the store counts of itself, by the names of `STORE`.
        """
        with self._lock:
            requests = {(("route", route), ("method", method), ("status", str(status))): e.requests for (route, method, status), e in self._ended.items()}
            routes = {(("route", route),): _sum(e for key, e in self._ended.items() if key[0] == route) for route, _, _ in self._ended}
            lines = [*_head("covalue_requests_total"), *(_line("covalue_requests_total", k, v) for k, v in sorted(requests.items()))]
            lines += [*_head("covalue_response_bytes_total"), *(_line("covalue_response_bytes_total", k, routes[k].size) for k in sorted(routes))]
            lines += [*_head("covalue_request_seconds"), *(line for k in sorted(routes) for line in _histogram(k, routes[k]))]
            lines += [*_head("covalue_answers_cut_total"), *(_line("covalue_answers_cut_total", k, v) for k, v in sorted(self._cut.items()))]
            lines += [*_head("covalue_requests_running"), _line("covalue_requests_running", (), self._running)]
        lines += [*_head("covalue_dataset_info"), _line("covalue_dataset_info", (("version", version),), 1)]
        for name, value in sorted(store.items()):
            kind, text = STORE[name]
            full = f"covalue_store_{name}_total" if kind == "counter" else f"covalue_store_{name}"
            lines += [*_about(full, kind, text), _line(full, (), value)]
        for name, number in sorted(usage.usage().items()):
            lines += [*_head(name), _line(name, (), number)]
        return "\n".join(lines) + "\n"


def _sum(parts: Iterable[_Ended]) -> _Ended:
    whole = _Ended()
    for part in parts:
        whole.requests += part.requests
        whole.size += part.size
        whole.seconds += part.seconds
        whole.buckets = list(map(add, whole.buckets, part.buckets))
    return whole


def _histogram(kind: Labels, ended: _Ended) -> list[str]:
    lines, total = [], 0
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), ended.buckets, strict=True):
        total += count
        lines.append(_line("covalue_request_seconds_bucket", (*kind, ("le", bound)), total))
    return [*lines, _line("covalue_request_seconds_sum", kind, round(ended.seconds, 6)), _line("covalue_request_seconds_count", kind, total)]


def _head(name: str) -> list[str]:
    return _about(name, *HELP[name])


def _about(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _line(name: str, labels: Labels, value: float) -> str:
    listed = ",".join(f'{k}="{_escaped(v)}"' for k, v in labels)
    return f"{name}{{{listed}}} {value}" if listed else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
