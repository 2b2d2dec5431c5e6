"""The peers that can run on this machine, each one started as the README of its framework starts it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
GO_PATH = Path("/usr/share/gocode")
BUILD_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Peer:
    """A server to measure beside ours.

    Attributes:
        name: Its short id.
        title: What tables call it.
        command: How to start it; the port is appended, and after it the directory when it wants one.
        wants_directory: It stores messages, and is told where.
        speaks_http: It answers POST /send_message and GET /get_rooms too.
    """

    name: str
    title: str
    command: tuple[str, ...]
    wants_directory: bool
    speaks_http: bool


class Missing(Exception):
    """A peer cannot run here; the message is one sentence that says what mends it."""


def available_peers(build_dir: Path) -> tuple[list[Peer], dict[str, str]]:
    """The peers that can run here, building the Go and C ones into build_dir; and for each that cannot, why."""
    makers: dict[str, Callable[[], Peer]] = {
        "aiohttp": _aiohttp,
        "aiohttp_uvloop": _aiohttp_uvloop,
        "starlette": _starlette,
        "django": _django,
        "node": _node,
        "go": lambda: _go(build_dir),
        "c": lambda: _c(build_dir),
    }
    peers: list[Peer] = []
    missing: dict[str, str] = {}
    for name, make in makers.items():
        try:
            peers.append(make())
        except Missing as reason:
            missing[name] = str(reason)
    return peers, missing


def _aiohttp() -> Peer:
    _need_modules("aiohttp")
    return Peer("aiohttp", "aiohttp, send_str to each", _python("aiohttp_room"), False, True)


def _aiohttp_uvloop() -> Peer:
    _need_modules("aiohttp", "uvloop")
    return Peer("aiohttp_uvloop", "aiohttp on uvloop", (*_python("aiohttp_room"), "--uvloop"), False, True)


def _starlette() -> Peer:
    # uvicorn runs without the last two, but slower than its README installs it.
    _need_modules("starlette", "uvicorn", "websockets", "httptools", "uvloop")
    return Peer("starlette", "Starlette + uvicorn", _python("starlette_room"), False, True)


def _django() -> Peer:
    _need_modules("django", "channels", "daphne")
    return Peer("django", "Django Channels + daphne, SQLite", _python("django_room"), True, True)


def _node() -> Peer:
    _need_programs({"node": "nodejs"})
    folder = HERE / "node_room"
    if not (folder / "node_modules" / "ws").is_dir():
        _need_programs({"npm": "npm"})
        _run(("npm", "ci", "--silent"), folder, "`npm ci` fails in bench/peers/node_room: run it there to see why.")
    return Peer("node", "Node ws", ("node", str(folder / "server.js")), False, False)


def _go(build_dir: Path) -> Peer:
    _need_programs({"go": "golang-go"})
    if not (GO_PATH / "src/github.com/gorilla/websocket").is_dir():
        raise Missing("gorilla/websocket is missing: apt-get install golang-github-gorilla-websocket-dev.")
    source, binary = HERE / "go_room" / "main.go", _absolute(build_dir) / "go_room"
    environment = {"GO111MODULE": "off", "GOPATH": str(GO_PATH)}
    _build(source, binary, ("go", "build", "-o", str(binary), str(source)), environment)
    return Peer("go", "Go gorilla/websocket", (str(binary),), False, False)


def _c(build_dir: Path) -> Peer:
    _need_programs({"cc": "gcc", "pkg-config": "pkg-config"})
    flags = _run(
        ("pkg-config", "--cflags", "--libs", "libwebsockets"),
        HERE,
        "libwebsockets is missing: apt-get install libwebsockets-dev.",
    )
    source, binary = HERE / "c_room" / "main.c", _absolute(build_dir) / "c_room"
    _build(source, binary, ("cc", "-O2", str(source), "-o", str(binary), *flags.split()), {})
    return Peer("c", "C libwebsockets", (str(binary),), False, False)


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"bench.peers.{module}")


def _absolute(build_dir: Path) -> Path:
    # A command with no slash in it would be looked for on PATH.
    build_dir.mkdir(parents=True, exist_ok=True)
    return build_dir.resolve()


def _need_modules(*names: str) -> None:
    absent = [name for name in names if find_spec(name) is None]
    if absent:
        raise Missing(f"Not installed in this Python: pip install -c constraints.txt {' '.join(absent)}.")


def _need_programs(packages: Mapping[str, str]) -> None:
    for program, package in packages.items():
        if shutil.which(program) is None:
            raise Missing(f"{program} is not on PATH: apt-get install {package}.")


def _build(source: Path, binary: Path, command: tuple[str, ...], environment: Mapping[str, str]) -> None:
    if binary.exists() and binary.stat().st_mtime > source.stat().st_mtime:
        return
    _run(command, HERE, f"{source.relative_to(HERE.parent)} does not build: see `{' '.join(command)}`.", environment)


def _run(command: tuple[str, ...], folder: Path, failure: str, environment: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=True,
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise Missing(failure) from error
    return done.stdout
