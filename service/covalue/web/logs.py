"""
What a service says on stderr while it runs: one line of JSON for each event, for whatever collects logs.

Events of the service itself (another dataset, an engine that fails) always; with `access`, each request too (see `access`).
"""

from __future__ import annotations

import json
import logging
import sys
import time

from covalue.web.access import JsonLines

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Lines(logging.Formatter):
    """A record with its level and all that was given as `extra`; control characters are escaped, so nothing can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        facts = {k: v for k, v in vars(record).items() if k not in STANDARD and v not in (None, "")}
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z"
        return json.dumps({"time": stamp, "level": record.levelname.lower(), "message": record.getMessage(), **facts}, default=str)


def to_stderr(access: bool) -> None:
    """
    Sends the events of the service to stderr.

    Args:
        access: whether requests are events too.
    """
    _add("covalue", Lines())
    logger = logging.getLogger("covalue.access")
    if access:
        _add(logger.name, JsonLines())
    else:
        logger.setLevel(logging.WARNING)
    logger.propagate = False


def _add(name: str, lines: logging.Formatter) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(lines)
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
