"""An fsync that fails: what the kernel still holds can no longer be trusted, so the server must say no and end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from tests.faults.finding import Finding, Progress
from tests.faults.mounts import Disk
from tests.faults.needs import need_tool
from tests.faults.stage import Stage, staged

_PATIENCE_SECONDS = 30
_EXIT_BROKEN = 1
_DISK_MEBIBYTES = 64
_CHECKPOINT_FLAGS = ("--checkpoint-idle-seconds", "0.05", "--checkpoint-wal-max-bytes", str(1024 * 1024))


async def at_the_nth(data_dir: Path, *, numbers: Iterable[int], is_long: bool = False) -> Finding:
    """Let the n-th fsync of a thread fail, and all after it, under load; start again and go on.

    A commit makes one and a checkpoint two, so the numbers meet both.
    """
    numbers = tuple(numbers)
    progress = Progress("fsync fails", len(numbers), is_shown=is_long)
    complaints: list[str] = []
    async with staged(data_dir) as stage:
        await _prepare(stage)
        async with stage.talking():
            for number in numbers:
                complaints += await _fail(stage, number)
                progress.step()
        verdict = await stage.verdict()
    return Finding(
        "the n-th fsync fails with EIO",
        len(numbers),
        f"{verdict.lost} lost, {verdict.doubled} doubled of {verdict.acknowledged:,}; "
        f"exit code 1 each time, sockets closed with 1011; n from {min(numbers)} to {max(numbers)}",
        (*verdict.complaints, *complaints),
    )


async def and_then_the_power_is_cut(work: Path, *, numbers: Iterable[int], is_long: bool = False) -> Finding:
    """Let fsync fail, and then lose all that was not synced: what was wrongly acknowledged would now be missing."""
    numbers = tuple(numbers)
    progress = Progress("fsync fails, power cut", len(numbers), is_shown=is_long)
    complaints: list[str] = []
    work.mkdir(exist_ok=True)
    disk = Disk(work / "image", work / "disk")
    await disk.make(_DISK_MEBIBYTES)
    async with staged(disk.path / "data") as stage:
        async with disk.mounted():
            await _prepare(stage)
        async with stage.talking():
            for number in numbers:
                async with disk.mounted():
                    complaints += await _fail(stage, number)
                    disk.cut_power()
                progress.step()
        async with disk.mounted():
            verdict = await stage.verdict()
    return Finding(
        "the n-th fsync fails, then a power cut",
        len(numbers),
        f"{verdict.lost} lost, {verdict.doubled} doubled of {verdict.acknowledged:,}; "
        f"n from {min(numbers)} to {max(numbers)}",
        (*verdict.complaints, *complaints),
    )


async def _prepare(stage: Stage) -> None:
    async with stage.serving() as server:
        await stage.invite(3)
        stage.add_talkers(3)
        await stage.stop(server)


async def _fail(stage: Stage, number: int) -> list[str]:
    """Run a server until its fsync fails; says what it did not do as it should."""
    for talker in stage.talkers:
        talker.close_codes.clear()
    async with stage.serving(*_CHECKPOINT_FLAGS, program=_failing(number)) as server:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            code = await server.exit_code()
        complaints = []
        if code != _EXIT_BROKEN:
            complaints.append(f"after failed fsync {number} it ended with {code}")
        if "can no longer be trusted" not in server.log:
            complaints.append(f"after failed fsync {number} the log does not say why it ended")
    close_codes = {code for talker in stage.talkers for code in talker.close_codes}
    if not close_codes <= {1011}:
        complaints.append(f"after failed fsync {number} sockets were closed with {close_codes}")
    return complaints


def _failing(number: int) -> tuple[str, ...]:
    """What the server is started under. -D: it is our own child, not that of strace, so its exit code is seen."""
    calls = "fsync,fdatasync"
    return (
        need_tool("strace", "strace"), "-D", "-f", "--seccomp-bpf", "-qqq", "-o", "/dev/null", "-e", f"trace={calls}",
        "-e", f"inject={calls}:error=EIO:when={number}+",
    )  # fmt: skip
