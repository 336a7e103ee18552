#!/usr/bin/env python3
"""
Set covalue up in this checkout and run it. Needs Python 3.11 or later and nothing else.

    python3 start.py             set up, then serve on http://127.0.0.1:8000/
    python3 start.py test        set up, then run all checks and tests
    python3 start.py bench ...   set up, then measure the service beside its peers (--help)
    python3 start.py VERB ...    set up, then run a verb of covalue: build, check, fmt, query, export, serve

在此目录安装并运行 covalue；只需要 Python 3.11 或更新版本。第二次起不需要网络。
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
BUILT = ROOT / "service" / "covalue" / "web" / "static" / "built"
DEPENDS = ("pyproject.toml", "service/hatch_build.py", "service/web/vendor.json")
CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
    ("covalue", "fmt", "--check"),
    ("covalue", "check", "--dl", "--coverage"),
)


def say(en: str, zh: str) -> None:
    print(f"start.py: {en} | {zh}", file=sys.stderr, flush=True)


def stop(en: str, zh: str) -> None:
    say(en, zh)
    raise SystemExit(2)


def wanted(extra: str) -> str:
    """What a finished set-up of this kind leaves as its mark."""
    total = hashlib.sha256(f"{sys.version}\0{ROOT}\0".encode())
    for name in DEPENDS:
        total.update((ROOT / name).read_bytes())
    return f"{total.hexdigest()} {extra}"


def done(extra: str) -> bool:
    """A set-up with the test tools serves for running too."""
    stamp = VENV / "covalue.stamp"
    present = stamp.read_text(encoding="utf-8") if stamp.is_file() else ""
    return PYTHON.exists() and present in {wanted(extra), wanted("test")}


def make_venv() -> list[str]:
    """Makes the virtual environment; returns the pip command that installs into it."""
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True)
    if made.returncode == 0:
        return [str(PYTHON), "-m", "pip"]
    shutil.rmtree(VENV, ignore_errors=True)  # Debian without python3-venv has no ensurepip: the system's pip can install into a bare environment
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], check=True)
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode:
        stop(
            "this Python has neither ensurepip nor pip; install python3-venv (Debian: apt install python3-venv).",
            "此 Python 既无 ensurepip 也无 pip；请安装 python3-venv（Debian：apt install python3-venv）。",
        )
    return [sys.executable, "-m", "pip", "--python", str(PYTHON)]


def complete() -> None:
    """Tries again for the editor's files where an earlier set-up could not fetch them; the service runs without them too."""
    stamp = BUILT / ".stamp"
    listed = (ROOT / "service/web/vendor.json").read_bytes()
    if os.environ.get("COVALUE_WEB") == "skip" or (stamp.is_file() and stamp.read_bytes() == listed):
        return
    say("fetching the files of the SPARQL editor, which are missing", "正在补取 SPARQL 编辑器的文件")
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--retries=0", "--timeout=10", "--disable-pip-version-check", "--editable", str(ROOT)]
    subprocess.run(command, cwd=ROOT, capture_output=True)
    if not stamp.is_file():
        say("they cannot be fetched now; the page has a plain form instead.", "目前无法取得；页面改用普通表单。")


def set_up(extra: str) -> None:
    if done(extra):
        complete()
        return
    say("setting up (once, takes about half a minute)", "正在安装（仅一次，约半分钟）")
    try:
        pip = make_venv()
    except (OSError, subprocess.SubprocessError) as e:
        stop(f"cannot make {VENV}: {e}.", f"无法创建 {VENV}：{e}。")
    target = f"{ROOT}[{extra}]" if extra else str(ROOT)
    command = [*pip, "install", "--quiet", "--disable-pip-version-check", "--no-warn-script-location", "--editable", target]
    if subprocess.run(command, cwd=ROOT).returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        stop("installing failed; see pip's words above, check the network and start again.", "安装失败；请看上面 pip 的输出，检查网络后重试。")
    (VENV / "covalue.stamp").write_text(wanted(extra), encoding="utf-8")


def run(*command: str) -> int:
    """Runs a program of the environment, seen by name, in the checkout."""
    program = shutil.which(command[0], path=str(BIN)) or str(BIN / command[0])
    return subprocess.run([program, *command[1:]], cwd=ROOT).returncode


def test(arguments: list[str]) -> int:
    failed = [] if arguments else [c for c in CHECKS if announce(c) or run(*c)]
    announce(("pytest", *arguments))
    code = run("pytest", *arguments)
    for command in failed:
        say(f"failed: {' '.join(command)}", f"未通过：{' '.join(command)}")
    return code or bool(failed)


def announce(command: tuple[str, ...]) -> None:
    print(f"\n--- {' '.join(command)}", flush=True)


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036
        stop(f"Python 3.11 or later is needed; this is {sys.version.split()[0]}.", f"需要 Python 3.11 或更新版本；当前为 {sys.version.split()[0]}。")
    if arguments[:1] == ["test"]:
        set_up("test")
        return test(arguments[1:])
    if arguments[:1] == ["bench"]:
        set_up("test")
        return run("python", str(ROOT / "tests" / "bench"), *arguments[1:])
    set_up("")
    program = str(BIN / ("covalue.exe" if os.name == "nt" else "covalue"))
    command = [program, *(arguments or ["serve"])]
    if os.name == "nt":
        return subprocess.call(command)
    os.execv(program, command)  # a killed starter must not leave the service running


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
