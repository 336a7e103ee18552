"""How to run: settings from the environment, each also an option of the command line."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from covalue.errors import SettingError
from covalue.project import PACKAGE

PREFIX = "COVALUE_"
DOCUMENTED = {
    "COVALUE_PROJECT": ("folder that holds ontology/, graph/ and queries/", "含 ontology/、graph/、queries/ 的文件夹"),
    "COVALUE_OUT": ("folder of the built dataset", "所构建数据集的文件夹"),
    "COVALUE_HOST": ("address to listen on", "监听地址"),
    "COVALUE_PORT": ("port to listen on, 0 for a free one", "监听端口；0 表示任取空闲端口"),
    "COVALUE_THREADS": ("requests that may be in at the same time, waiting ones too", "可同时接纳（含等待）的请求数"),
    "COVALUE_SECONDS": ("longest evaluation of a query, in seconds", "单个查询的最长执行秒数"),
    "COVALUE_MEMORY": ("memory that a query may take, in megabytes", "单个查询可用内存（MB）"),
    "COVALUE_ROWS": ("most rows of an answer", "单个结果的最大行数"),
    "COVALUE_PROXIES": ("proxies of yours before the service, whose X-Forwarded headers count", "服务之前您自己的代理数量，其 X-Forwarded 头方可采信"),
    "COVALUE_SERVICE": ("SPARQL endpoints that SERVICE may call, separated by blanks; none by default", "SERVICE 可调用的 SPARQL 端点，以空格分隔；默认没有"),
    "COVALUE_CACHE": ("memory for answers given before, in megabytes; 0 for none", "用于缓存已有结果的内存（MB）；0 表示不缓存"),
    "COVALUE_STORE": ("query endpoint of the SPARQL engine to publish to and to serve from", "发布目标及服务后端：SPARQL 引擎的查询端点"),
}
SECRETS = {
    "COVALUE_STORE_USER": ("name by which that engine knows us", "该引擎的用户名"),
    "COVALUE_STORE_PASSWORD": ("the password that goes with it", "对应的密码"),
    "COVALUE_STORE_TOKEN": ("a bearer token instead of both", "或以持有者令牌代替二者"),
}
"""Read where they are needed and nowhere else; never options, since every user of a machine sees the arguments of its programs."""
BUILD_TIME = {"COVALUE_WEB"}
RANGES = {
    "port": (0, 65_535),
    "threads": (16, 1024),
    "seconds": (1, 86_400),
    "memory": (64, 1_000_000),
    "rows": (1, 1_000_000_000),
    "cache": (0, 1_000_000),
    "proxies": (0, 16),
}
"""The settings that are whole numbers, each with the least and the most that it may be."""


@dataclass(frozen=True)
class Settings:
    """All settings; None stands for 'find it yourself'."""

    project: Path | None = None
    out: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    threads: int = 64
    seconds: int = 10
    memory: int = 512
    rows: int = 1_000_000
    cache: int = 64
    proxies: int = 0
    service: tuple[str, ...] = ()
    store: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """
        The settings that an environment states.

        Raises:
            SettingError: a `COVALUE_` variable is unknown (the nearest known one is named) or has a bad value.
        """
        for name in environ:
            if name.startswith(PREFIX) and name not in {*DOCUMENTED, *SECRETS, *BUILD_TIME}:
                near = next(iter(difflib.get_close_matches(name, [*DOCUMENTED, *SECRETS], n=1)), ", ".join(DOCUMENTED))
                raise SettingError(f"there is no setting {name}; known is {near}.", f"没有设置 {name}；可用的是 {near}。")
        path = {k: Path(environ[n]) for k, n in (("project", "COVALUE_PROJECT"), ("out", "COVALUE_OUT")) if environ.get(n)}
        return cls(
            **path,
            host=environ.get("COVALUE_HOST") or cls.host,
            port=_whole(environ, "port"),
            threads=_whole(environ, "threads"),
            seconds=_whole(environ, "seconds"),
            memory=_whole(environ, "memory"),
            rows=_whole(environ, "rows"),
            cache=_whole(environ, "cache"),
            proxies=_whole(environ, "proxies"),
            service=tuple(environ.get("COVALUE_SERVICE", "").split()),
            store=environ.get("COVALUE_STORE", cls.store),
        )


def _whole(environ: Mapping[str, str], field: str) -> int:
    name, (least, most) = PREFIX + field.upper(), RANGES[field]
    text = environ.get(name)
    if not text:
        return int(getattr(Settings, field))
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise SettingError(f'{name} is "{text}", but must be a whole number from {least} to {most}.', f"{name} 的值“{text}”应为 {least} 至 {most} 的整数。")
    return int(text)


def default_out(root: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the dataset is built: `build/` of a checkout, the user's cache folder for an installed wheel."""
    if root != (PACKAGE / "data").resolve():
        return root / "build"
    cache = environ.get("XDG_CACHE_HOME") or environ.get("LOCALAPPDATA") or str(Path.home() / ".cache")
    return Path(cache) / "covalue"
