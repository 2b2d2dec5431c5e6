"""The server as people run it: a process of its own, to be killed and signalled."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_SECONDS = 20


class StartFailed(AssertionError):
    """The server ended instead of listening; what it said."""


class ServerProcess:
    """A running `python run.py`, listening on `url`."""

    def __init__(
        self, process: asyncio.subprocess.Process, url: str, log: bytearray, reading: asyncio.Task[None]
    ) -> None:
        self._process = process
        self._log = log
        self._reading = reading
        self.url = url

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.decode()

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def exit_code(self) -> int:
        code = await self._process.wait()
        await self._reading
        return code

    async def kill(self) -> None:
        """kill -9; harmless when it has ended."""
        if self._process.returncode is None:
            self._process.kill()
        await self.exit_code()


@asynccontextmanager
async def server_process(
    data_dir: Path, *flags: str, port: int = 0, program: tuple[str, ...] = ()
) -> AsyncIterator[ServerProcess]:
    """Run the server until the end of the block; `program` is what it is started under."""
    process = await asyncio.create_subprocess_exec(
        *program, sys.executable, str(ROOT / "run.py"), "--port", str(port), "--data-dir", str(data_dir), *flags,
        stderr=asyncio.subprocess.PIPE, env=clean_environment(),
    )  # fmt: skip
    log = bytearray()
    listening = asyncio.Event()
    reading = asyncio.create_task(_read_log(process, log, listening))
    try:
        async with asyncio.timeout(START_SECONDS):
            await listening.wait()
        url = re.search(rb'listening on (http://[^\s"]+)', log)
        if url is None:
            async with asyncio.timeout(START_SECONDS):
                await process.wait()
            raise StartFailed(log.decode())
        server = ServerProcess(process, url[1].decode(), log, reading)
        yield server
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


async def refused_start(
    *flags: str, environment: dict[str, str] | None = None, program: tuple[str, ...] = ()
) -> tuple[int, str]:
    """Run the server and let it refuse: its exit code and what it said; `program` is what it is started under."""
    process = await asyncio.create_subprocess_exec(
        *program, sys.executable, str(ROOT / "run.py"), "--port", "0", *flags,
        stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=clean_environment() | (environment or {}),
    )  # fmt: skip
    try:
        async with asyncio.timeout(START_SECONDS):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:  # it has not refused
            process.kill()
            await process.communicate()
    assert process.returncode is not None
    return process.returncode, (output + errors).decode()


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CHAT_")}


async def _read_log(process: asyncio.subprocess.Process, log: bytearray, listening: asyncio.Event) -> None:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        log += line
        if b"listening on" in line:
            listening.set()
    listening.set()
