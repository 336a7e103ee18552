"""
The command line: verbs that parse, call, print and exit.

Exit codes: 0 fine, 1 findings, 2 misuse or unreadable input, 3 store failure. Results on stdout, all else on stderr.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from covalue import __version__
from covalue.errors import CovalueError, FindingsError, InputError
from covalue.project import Project, find_project
from covalue.settings import DOCUMENTED, RANGES, Settings, default_out

if TYPE_CHECKING:
    from covalue.stores.limits import Limits
    from covalue.stores.oxigraph import OxigraphStore
    from covalue.stores.sources import Source

EXPORTS = ("turtle", "trig", "nquads", "jsonld", "rdfxml")


class _Progress:
    """Says what goes on, but only once the whole has taken longer than a second, unless a person must know at once."""

    def __init__(self) -> None:
        self.start = time.monotonic()

    def __call__(self, en: str, zh: str, at_once: bool = False) -> None:
        if at_once or time.monotonic() - self.start > 1 or sys.stderr.isatty():
            click.echo(f"… {en} | {zh}", err=True)


def _say_errors(command: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except FindingsError as e:
            click.echo(e.report.as_json() if kwargs.get("as_json") else e.report.as_text(), err=not kwargs.get("as_json"))
            sys.exit(e.exit_code)
        except CovalueError as e:
            click.echo(f"covalue: {e}", err=True)
            sys.exit(e.exit_code)
        except BrokenPipeError:
            sys.stderr.close()
            sys.exit(0)

    return wrapped


_project_option = click.option("--project", "root", type=click.Path(path_type=Path, file_okay=False), help="Folder with ontology/, graph/ and queries/.")
_out_option = click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the built dataset.")
_json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")


def _settings(**options: object) -> Settings:
    """What the environment says, and the options that are given."""
    return replace(Settings.from_env(os.environ), **{name: value for name, value in options.items() if value is not None})  # type: ignore[arg-type]


def _number_options(function: Callable[..., None]) -> Callable[..., None]:
    """Each setting that is a number, as an option of the same name, in the order of their documentation."""
    for field, (least, most) in reversed(RANGES.items()):
        said, default = DOCUMENTED[f"COVALUE_{field.upper()}"][0], getattr(Settings, field)
        function = click.option(f"--{field}", type=click.IntRange(least, most), help=f"{said[0].upper()}{said[1:]}; {default} by default.")(function)
    return function


def _project(root: Path | None) -> Project:
    return find_project(root or _settings().project)


def _out(out: Path | None, project: Project) -> Path:
    return out or _settings().out or default_out(project.root)


def _build(root: Path | None, out: Path | None) -> Path:
    """The folder of the dataset, built where sources have changed."""
    from covalue.build import build

    project = _project(root)
    folder = _out(out, project)
    build(project, folder, _Progress())
    return folder


def _built(root: Path | None, out: Path | None) -> OxigraphStore:
    from covalue.stores.oxigraph import OxigraphStore

    return OxigraphStore.open(_build(root, out))


def _limits(settings: Settings) -> Limits:
    """Waiting queries hold a thread each: the queue ends before the threads do, so that refusals (and /health) always find one."""
    from covalue.stores.limits import MB, Limits

    plain = Limits()
    queue = max(2, settings.threads - plain.quick - plain.heavy - 8 - _waiting(settings))
    return Limits(seconds=settings.seconds, memory=settings.memory * MB, rows=settings.rows, queue=queue, client_queue=min(plain.client_queue, queue))


def _waiting(settings: Settings) -> int:
    """How many threads may wait for the answer to an equal question."""
    return settings.threads // 4 if settings.cache else 0


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@_say_errors
def main() -> None:
    """Value co-creation and business models as a queryable graph. 价值共创与商业模式的可查询知识图谱。"""
    _settings()  # a misspelt variable is an error even where options stand for all of them


@main.command()
@_project_option
@_out_option
@_json_option
@_say_errors
def build(root: Path | None, out: Path | None, as_json: bool) -> None:
    """Build the dataset from tables and Turtle. 由表格与 Turtle 构建数据集。"""
    from covalue.build import build as run

    project = _project(root)
    folder = _out(out, project)
    manifest = run(project, folder, _Progress())
    path = folder / ("manifest.json" if as_json else manifest.data)
    click.echo(path.read_text(encoding="utf-8") if as_json else f"{path}  {manifest.triples} triples in {len(manifest.graphs)} graphs  sha256 {manifest.digest}", nl=not as_json)


@main.command()
@_project_option
@click.option("--dl", is_flag=True, help="Also ask HermiT (OWL 2 DL).")
@click.option("--coverage", "show_coverage", is_flag=True, help="Show for each section how its sentences are cited.")
@_json_option
@_say_errors
def check(root: Path | None, dl: bool, show_coverage: bool, as_json: bool) -> None:
    """Check tables, shapes, ontology, style and coverage. 检查表格、形状、本体、格式与覆盖。"""
    from covalue.build import check as run
    from covalue.coverage import as_text

    report, sections = run(_project(root), dl, _Progress())
    if show_coverage:
        click.echo(as_text(sections), err=as_json)
    click.echo(report.as_json() if as_json else report.as_text())
    sys.exit(0 if report.ok else 1)


@main.command()
@_project_option
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit 1 where a file would change.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_say_errors
def fmt(root: Path | None, only_check: bool, files: tuple[Path, ...]) -> None:
    """Write Turtle files in house style. 按规定格式书写 Turtle 文件。"""
    from covalue.turtle import canonical, in_house_style

    changed = [p for p in files or _project(root).turtle_files() if not in_house_style(p)]
    for path in changed:
        if not only_check:
            path.write_text(canonical(path), encoding="utf-8", newline="\n")
        click.echo(path)
    sys.exit(1 if only_check and changed else 0)


@main.command()
@_project_option
@_out_option
@click.option("--format", "name", default="csv", show_default=True, help="csv, tsv, json, xml; turtle, nt, rdfxml, jsonld for graphs.")
@click.argument("query")
@_say_errors
def query(root: Path | None, out: Path | None, name: str, query: str) -> None:
    """Answer a query FILE or TEXT from the dataset. 以查询文件或文本查询数据集。"""
    from covalue.formats import FORMATS, choose
    from covalue.stores import Request

    known = [n for f in FORMATS for n in f.names]
    if name not in known:
        raise InputError(f"there is no format {name}; there are {', '.join(dict.fromkeys(known))}.", f"没有格式 {name}；可用的有 {', '.join(dict.fromkeys(known))}。")
    store = _built(root, out)
    answer = store.answer(Request(_query_text(query)), lambda shape: choose(shape, None, [name]))
    sys.stdout.buffer.write(answer.body)
    if not answer.body.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n")


def _query_text(given: str) -> str:
    path = Path(given)
    try:
        if path.is_file():
            return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        if isinstance(e, UnicodeDecodeError):
            raise InputError(f"{given} is not UTF-8.", f"{given} 不是 UTF-8。") from e
    if given.endswith(".rq"):
        raise InputError(f"there is no query file {given}.", f"没有查询文件 {given}。")
    return given


@main.command()
@_project_option
@_out_option
@click.option("--format", "name", type=click.Choice(EXPORTS), default="trig", show_default=True)
@click.option("--case", "case", help="Only this case, with what follows from it.")
@click.option("--asserted", is_flag=True, help="Without consequences.")
@click.option("--network", "network", type=click.Choice(("graphml", "gexf")), help="The network of actors, mechanisms and dimensions instead.")
@click.option("--which", type=click.Choice(("all", "value", "contributions")), default="all", show_default=True, help="Which network.")
@click.option("--lens", "lens", help="What a lens shows instead: bmo, e3value, valueflows, prov, schema, sdl.")
@click.option("--nanopubs", "as_nanopubs", is_flag=True, help="Each claim as a nanopublication, TriG (or --format nquads).")
@click.option("--document", "readable", type=click.Choice(("en", "zh")), help="The ontology as one HTML file for readers instead.")
@_say_errors
def export(
    root: Path | None,
    out: Path | None,
    name: str,
    case: str | None,
    asserted: bool,
    network: str | None,
    which: str,
    lens: str | None,
    as_nanopubs: bool,
    readable: str | None,
) -> None:
    """Write the dataset, one case, its network, a lens, nanopublications or the ontology's document to stdout. 导出数据集、单个案例、其网络、某一视角、纳米出版物或本体文档。"""
    from covalue import lens_reading
    from covalue import network as networks
    from covalue.export import export as run

    if (lens or as_nanopubs) and (network or asserted or (lens and as_nanopubs)):
        raise InputError("--lens and --nanopubs go with --case and --format only.", "--lens 与 --nanopubs 只能与 --case、--format 同用。")
    store = _built(root, out)
    if readable:
        from covalue.questions import Library
        from covalue.web.static_document import document as written

        sys.stdout.buffer.write(written(store, Library.load(_project(root)), readable))
    elif as_nanopubs:
        from covalue.nanopubs import document

        sys.stdout.buffer.write(document(store, name, case))
    elif lens:
        sys.stdout.buffer.write(lens_reading.export(store, name, lens, case))
    else:
        sys.stdout.buffer.write(networks.write(networks.network(store, case, which), network) if network else run(store, name, case, asserted))


@main.command()
@_project_option
@_out_option
@click.option("--case", "case", help="Only the gaps of this case.")
@click.option("--lang", type=click.Choice(("en", "zh")), default="en", show_default=True, help="Language of messages.")
@_json_option
@click.argument("lens", required=False)
@_say_errors
def gaps(root: Path | None, out: Path | None, case: str | None, lang: str, as_json: bool, lens: str | None) -> None:
    """Show what a LENS (or each) asks for and the sources do not say. 列出某一视角（或全部）要求而来源未说明的内容。"""
    from covalue import lens_reading

    store = _built(root, out)
    names = [lens_reading.known_lens(store, lens).name] if lens else list(lens_reading.lenses(store))
    click.echo(lens_reading.gaps_as_json(store, names, case) if as_json else lens_reading.gaps_as_text(store, names, case, lang), nl=False)


@main.command()
@_project_option
@_out_option
@click.option("-p", "--parameter", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated.")
@click.option("--lang", type=click.Choice(("en", "zh")), default="en", show_default=True, help="Language of labels.")
@click.option("--format", "name", default="text", show_default=True, help="text, csv, tsv, json, xlsx, markdown, latex; srj, xml, rq; bibtex, csl, ris.")
@click.option("--limit", type=click.IntRange(min=0), help="At most so many rows.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Leave out the first rows.")
@click.argument("question", required=False)
@_say_errors
def question(root: Path | None, out: Path | None, pairs: tuple[str, ...], lang: str, name: str, limit: int | None, offset: int, question: str | None) -> None:
    """Answer a named QUESTION (AREA/NAME), or list all. 回答某个问题，或列出全部问题。"""
    from covalue.answering import answer, assigned
    from covalue.questions import Answers, Library

    library = Library.load(_project(root))
    if question is None:
        click.echo("\n".join(f"{q.name}  {q.text('title', lang)}" for q in library.questions.values()))
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    sys.stdout.buffer.write(answer(Answers(_built(root, out), library), question, assigned(pairs), lang, name, limit=limit, offset=offset, columns=width))


_store_option = click.option("--store", metavar="URL", help="Query endpoint of a SPARQL 1.1 engine to answer from (see `covalue publish`).")
_accept_option = click.option("--accept-faults", is_flag=True, help="Also from an engine that answers trial questions wrongly.")


def _source(
    settings: Settings, root: Path | None, out: Path | None, store: str | None, accept_faults: bool, data: tuple[Path, ...] = (), endpoints: tuple[str, ...] = ()
) -> Source:
    """Where a service comes by its data: files, an engine elsewhere, or the dataset of the project, built where sources have changed."""
    from covalue.stores.limits import MB
    from covalue.stores.sources import Around, Built, Elsewhere, Loaded
    from covalue.stores.wire import Credentials

    limits, around = _limits(settings), Around(endpoints or settings.service, settings.cache * MB, _waiting(settings))
    if data and store:
        raise InputError("--store and --data exclude each other.", "--store 与 --data 不能并用。")
    if data:
        return Loaded(data, limits, around)
    if url := store or settings.store:
        return Elsewhere(url, Credentials.from_env(os.environ), limits, around, accept_faults=accept_faults)
    return Built(_build(root, out), limits, around)


@main.command()
@_project_option
@_out_option
@_json_option
@click.option("--lang", type=click.Choice(("en", "zh")), help="Language of the answer; by default that of the question.")
@click.option("--limit", type=click.IntRange(min=0), help="At most so many rows.")
@click.argument("words", nargs=-1, required=True)
@_say_errors
def ask(root: Path | None, out: Path | None, as_json: bool, lang: str | None, limit: int | None, words: tuple[str, ...]) -> None:
    """Answer a question in WORDS; exit 1 where it is not known. 以文字提问；不知道时退出码为 1。"""
    from covalue import replying
    from covalue.ask import Asker
    from covalue.questions import Answers, Library

    answers = Answers(_built(root, out), Library.load(_project(root)))
    reply = Asker(answers).ask(" ".join(words), lang)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    click.echo(replying.as_text(answers, reply, limit, width) if not as_json else replying.dumped(answers, reply, limit), nl=False)
    sys.exit(0 if reply.known else 1)


@main.command()
@_project_option
@_out_option
@_store_option
@_accept_option
@click.option("--http", is_flag=True, help="Streamable HTTP at /mcp instead of stdio.")
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8001, show_default=True, help="Port to listen on.")
@_say_errors
def mcp(root: Path | None, out: Path | None, store: str | None, accept_faults: bool, http: bool, host: str | None, port: int) -> None:
    """Serve language models by the Model Context Protocol. 以 MCP 协议为语言模型提供服务。"""
    from covalue.mcp import run
    from covalue.questions import Library

    library = Library.load(_project(root))
    with contextlib.closing(_source(_settings(), root, out, store, accept_faults).open()) as opened:
        run(opened, library, http=http, host=host or _settings().host, port=port)


@main.command()
@_project_option
@_out_option
@click.option("--host", help="Address to listen on.")
@_number_options
@click.option("--data", multiple=True, type=click.Path(path_type=Path), help="Serve these RDF files instead, with the standard's plain default graph.")
@_store_option
@_accept_option
@click.option("--allow-service", "endpoints", multiple=True, metavar="URL[@NETWORK]", help="An endpoint that SERVICE may call; may be repeated. Without, none.")
@click.option("--access-log", is_flag=True, help="Write each request to stderr as a line of JSON.")
@_say_errors
def serve(
    root: Path | None,
    out: Path | None,
    host: str | None,
    data: tuple[Path, ...],
    store: str | None,
    accept_faults: bool,
    endpoints: tuple[str, ...],
    access_log: bool,
    **numbers: int | None,
) -> None:
    """Build if sources changed, then answer SPARQL at /sparql. 源文件有变则构建，然后在 /sparql 应答。"""
    from covalue.questions import Library
    from covalue.web.server import run

    settings = _settings(host=host or None, **numbers)
    library = None if data else functools.partial(Library.load, _project(root))
    source = _source(settings, root, out, store, accept_faults, data, endpoints)
    run(source, settings.host, settings.port, settings.threads, library=library, proxies=settings.proxies, access_log=access_log)


@main.command()
@_project_option
@_out_option
@click.option("--update", "update_url", metavar="URL", help="Where the engine takes updates, if not where its kind has them.")
@click.option("--graphs", "graphs_url", metavar="URL", help="Where its graph store is, if not where its kind has it.")
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
@click.option("--accept-differences", is_flag=True, help="Go on where the engine gives back other values than it was sent; they are named.")
@_json_option
@click.argument("url", required=False)
@_say_errors
def publish(root: Path | None, out: Path | None, update_url: str | None, graphs_url: str | None, dry_run: bool, accept_differences: bool, as_json: bool, url: str | None) -> None:
    """
    Build if sources changed, then bring the dataset to the SPARQL engine whose query endpoint is at URL. 将数据集发布到 SPARQL 引擎。

    Only graphs that differ are sent, all are counted and compared. An interrupted run goes on where it stopped. Credentials are taken
    from COVALUE_STORE_USER and COVALUE_STORE_PASSWORD, or COVALUE_STORE_TOKEN.
    """
    from covalue.publish import publish as run
    from covalue.stores.wire import Credentials

    if not (target := url or _settings().store):
        raise InputError("name the engine's query endpoint, as an argument or in COVALUE_STORE.", "请以参数或 COVALUE_STORE 指定引擎的查询端点。")
    credentials = Credentials.from_env(os.environ)
    folder = _build(root, out)
    outcome = run(folder, target, credentials, _Progress(), dry_run=dry_run, accept_differences=accept_differences, update_url=update_url, graphs_url=graphs_url)
    for en, zh in outcome.notes:
        click.echo(f"covalue: {en} | {zh}", err=True)
    click.echo(json.dumps(asdict(outcome), ensure_ascii=False, indent=2) if as_json else " | ".join(outcome.summary()))
