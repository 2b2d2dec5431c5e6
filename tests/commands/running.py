"""Runs commands as an operator does: each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.processes import ROOT, clean_environment

PATIENCE_SECONDS = 40


class Outcome(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self
        return json.loads(self.output)


async def start(
    *arguments: str | Path, environment: Mapping[str, str] | None = None, before: Callable[[], None] | None = None
) -> asyncio.subprocess.Process:
    """Start `python -m chat …`; `before` runs in the new process."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chat", *map(str, arguments), cwd=ROOT, preexec_fn=before,
        env=clean_environment() | dict(environment or {}),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def run(
    *arguments: str | Path,
    typed: str = "",
    environment: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
) -> Outcome:
    """Run a command to its end; `typed` is what it can read from standard input."""
    process = await start(*arguments, environment=environment, before=before)
    async with asyncio.timeout(PATIENCE_SECONDS):
        output, errors = await process.communicate(typed.encode())
    assert process.returncode is not None
    return Outcome(process.returncode, output.decode(), errors.decode())


async def refused(*arguments: str | Path, typed: str = "") -> str:
    """The one sentence with which a command is refused."""
    outcome = await run(*arguments, typed=typed)
    assert (outcome.code, outcome.output) == (2, ""), outcome
    assert outcome.errors.count("\n") == 1, outcome
    return outcome.errors.rstrip("\n")


def small_disk(largest_file_bytes: int) -> Callable[[], None]:
    """Lets no file of a process grow beyond a size, as a full disk would."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file_bytes, largest_file_bytes))
