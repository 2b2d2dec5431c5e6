"""Servers as processes of their own, on the server's core, with what they cost read from outside."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.machine import on_core, server_core

ROOT = Path(__file__).parent.parent
HOST = "127.0.0.1"
_START_SECONDS = 60
_STOP_SECONDS = 30
_LISTENING = re.compile(rb"listening on http://127\.0\.0\.1:(\d+)")


# The machinery is measured, and not the limits on what one person may do: no honest person comes near those, and a
# benchmark with a few hundred people has to go far beyond them.
_BEYOND_ANYONE = "1000000000"
_UNLIMITED = tuple(
    part
    for flag in (
        "--rooms-per-user-per-hour", "--requests-per-user-per-second", "--requests-per-user-burst",
        "--frames-per-user-per-second", "--frames-per-user-burst", "--sockets-per-user-max",
        "--requests-per-user-at-once", "--requests-per-user-pace-per-second",
        "--frames-per-user-at-once", "--catch-up-pages-per-user-at-once", "--frames-per-user-pace-per-second",
    )
    for part in (flag, _BEYOND_ANYONE)
)  # fmt: skip


class ServerFailed(Exception):
    """A server did not start, or ended by itself."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Args:
        process_id: of the one process it is.
        port: on 127.0.0.1.
        start_seconds: from the fork until it listened.
    """

    process_id: int
    port: int
    start_seconds: float

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port

    def cpu_seconds(self) -> float:
        """Processor time of all its threads so far, in user and kernel mode."""
        # The clock of another process: CPUCLOCK_SCHED of <linux/posix-timers.h>; exact to the nanosecond,
        # where /proc/PID/stat counts in hundredths of a second.
        return time.clock_gettime((~self.process_id) << 3 | 2)

    def memory_bytes(self) -> int:
        """Memory that is its own (the proportional set size: what is shared counts in part)."""
        rollup = Path(f"/proc/{self.process_id}/smaps_rollup").read_text()
        match = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
        assert match is not None, rollup
        return int(match[1]) * 1024


@contextmanager
def chat_server(data_dir: Path, *flags: str, limited: bool = False) -> Iterator[Server]:
    """Run our server, as `run.py` runs it, until the end of the block.

    Args:
        limited: whether the limits on what one person may do are as people run it, or lifted.
    """
    limits = () if limited else _UNLIMITED
    command = [sys.executable, str(ROOT / "run.py"), "--port", "0", "--data-dir", str(data_dir), *limits, *flags]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_")}
    with (data_dir / "server.log").open("w+b") as log:
        start = time.perf_counter()
        with on_core(server_core()):
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)
        try:
            port = _wait_until_it_says_where(process, log)
            yield Server(process.pid, port, time.perf_counter() - start)
            _check_runs(process, log)
        finally:
            _end(process)


@contextmanager
def peer_server(command: Sequence[str], directory: Path | None, log_path: Path) -> Iterator[Server]:
    """Run a peer until the end of the block.

    Args:
        command: to which a free port is appended, and the directory where one is given.
    """
    port = _free_port()
    arguments = [*command, str(port), *([] if directory is None else [str(directory)])]
    with log_path.open("w+b") as log:
        start = time.perf_counter()
        with on_core(server_core()):
            process = subprocess.Popen(arguments, cwd=ROOT, stdout=log, stderr=log)
        try:
            _wait_until_it_listens(process, port, log)
            yield Server(process.pid, port, time.perf_counter() - start)
            _check_runs(process, log)
        finally:
            _end(process)


def _wait_until_it_says_where(process: subprocess.Popen[bytes], log: IO[bytes]) -> int:
    for _ in _until_started(process, log):
        log.seek(0)
        match = _LISTENING.search(log.read())
        if match:
            return int(match[1])
    raise AssertionError


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    for _ in _until_started(process, log):
        with socket.socket() as attempt:
            if attempt.connect_ex((HOST, port)) == 0:
                return


def _until_started(process: subprocess.Popen[bytes], log: IO[bytes]) -> Iterator[None]:
    end = time.perf_counter() + _START_SECONDS
    while time.perf_counter() < end:
        _check_runs(process, log)
        yield
        time.sleep(0.002)
    raise ServerFailed(f"{process.args!r} did not listen within {_START_SECONDS} s.")


def _check_runs(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    if process.poll() is not None:
        log.seek(0)
        raise ServerFailed(f"{process.args!r} ended with {process.returncode}: {log.read().decode()[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as attempt:
        attempt.bind((HOST, 0))
        return int(attempt.getsockname()[1])
