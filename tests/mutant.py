"""
The program with guards taken away, to show what each of them is for. Started by `processes.serving`; nothing of this is in the program.

The first argument is JSON: `limits`, `patience` and `reach` hold changes of those values (`off` names guards), `patch` names functions of this file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import covalue.cli
import covalue.sparql
import covalue.stores.federation
import covalue.stores.outward
import covalue.web.app
import covalue.web.connections
import covalue.web.protocol
import covalue.web.server


def no_escapes() -> None:
    """Pages take what the data hold as markup."""
    made = covalue.web.app.create_app

    def create_app(*arguments: Any, **more: Any) -> Any:
        app = made(*arguments, **more)
        app.jinja_env.autoescape = False
        return app

    covalue.web.server.create_app = create_app


def echoed() -> None:
    """A header repeats what the path says."""
    from flask import request

    made = covalue.web.app.create_app

    def create_app(*arguments: Any, **more: Any) -> Any:
        app = made(*arguments, **more)

        @app.after_request
        def echo(response: Any) -> Any:
            response.headers["X-Path"] = request.path
            return response

        return app

    covalue.web.server.create_app = create_app


def decoded_twice() -> None:
    """Percent signs are decoded once more, as other services do."""
    from urllib.parse import unquote

    once = covalue.web.protocol._pairs
    covalue.web.protocol._pairs = lambda raw: [(n, unquote(v)) for n, v in once(raw)]
    plain = covalue.web.protocol.unescaped
    covalue.web.protocol.unescaped = lambda value: unquote(plain(value))


def any_bytes() -> None:
    """What is not UTF-8 is taken for something."""
    covalue.web.protocol._utf8 = lambda raw: raw.decode("utf-8", "replace")
    once = covalue.web.protocol.parse_qsl
    covalue.web.protocol.parse_qsl = lambda text, **more: once(text, **{**more, "errors": "replace"})


def any_size() -> None:
    """Requests of any size are read."""
    covalue.web.app.MAX_BODY = covalue.web.server.MAX_BODY = 1 << 40
    covalue.web.protocol.LONGEST_ADDRESS = 1 << 40


def any_number() -> None:
    """So are any number of parameters."""
    covalue.web.protocol.MOST_PARAMETERS = 1 << 40


def select_only() -> None:
    """The server waits with select(), which ends at a file of number 1024."""
    made = covalue.web.server.create_server
    covalue.web.server.create_server = lambda *a, **more: made(*a, **{**more, "asyncore_use_poll": False})


def bare_errors() -> None:
    """The server below words its own errors."""
    from waitress.task import ErrorTask

    covalue.web.connections.Channel.error_task_class = ErrorTask


def as_if_whole() -> None:
    """Answers that are cut get the mark of the last chunk, as from servers that know of no other end."""
    from waitress.task import WSGITask

    class Task(covalue.web.connections.Task):
        def execute(self) -> None:
            try:
                WSGITask.execute(self)
            except covalue.web.connections.CutError:
                self.write(b"")

    covalue.web.connections.Channel.task_class = Task


def main() -> None:
    """Changes the program, and runs it."""
    wanted = json.loads(sys.argv.pop(1))
    limits = dict(wanted.get("limits", {}))
    if limits:
        limits["off"] = frozenset(limits.get("off", ()))
        plain: Callable[[Any], Any] = covalue.cli._limits
        covalue.cli._limits = lambda settings: replace(plain(settings), **limits)
    for module, name in ((covalue.web.server, "patience"), (covalue.stores.outward, "reach")):
        if changes := dict(wanted.get(name, {})):
            changes["off"] = frozenset(changes.get("off", ()))
            kind = getattr(module, name.capitalize())
            setattr(module, name.capitalize(), lambda kind=kind, changes=changes: kind(**changes))
    for name in wanted.get("patch", ()):
        globals()[name]()
    covalue.cli.main()


if __name__ == "__main__":
    main()
