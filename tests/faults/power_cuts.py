"""Power cut: the file system under the data directory stops, and what was not synced is gone."""

from __future__ import annotations

import random
from pathlib import Path

from tests.faults.finding import Finding, Progress
from tests.faults.mounts import Disk
from tests.faults.oracle import Verdict
from tests.faults.stage import Stage, staged

_DISK_MEBIBYTES = 64
# Long enough for a checkpoint, now and then, between two cuts.
_CHECKPOINT_FLAGS = ("--checkpoint-idle-seconds", "0.05", "--checkpoint-wal-max-bytes", str(1024 * 1024))


async def with_synchronous_full(work: Path, *, cuts: int, is_long: bool = False) -> Finding:
    """Cut the power of a server under load; whoever was told of a message finds it there."""
    progress = Progress("power cut", cuts, is_shown=is_long)
    lost, doubled, acknowledged, complaints = 0, 0, 0, list[str]()
    for number in range(cuts):
        verdict = await _cut(work / f"full-{number}", "full")
        lost, doubled = lost + verdict.lost, doubled + verdict.doubled
        acknowledged += verdict.acknowledged
        complaints += verdict.complaints
        progress.step()
    return Finding(
        "power cut, synchronous=full", cuts, f"{lost} lost, {doubled} doubled of {acknowledged:,}", tuple(complaints)
    )


async def with_synchronous_normal(work: Path, *, cuts: int, is_long: bool = False) -> Finding:
    """The same where the server was told not to wait for the disk: if nothing is lost now, the cut cuts nothing."""
    progress = Progress("power cut, synchronous=normal", cuts, is_shown=is_long)
    lost, acknowledged = 0, 0
    for number in range(cuts):
        verdict = await _cut(work / f"normal-{number}", "normal")
        lost += verdict.lost
        acknowledged += verdict.acknowledged
        progress.step()
    return Finding(
        "power cut, synchronous=normal",
        cuts,
        f"{lost:,} lost of {acknowledged:,}, as expected: it shows that the cut cuts",
        () if lost else ("nothing was lost although nothing was synced: the power cut of this test is none",),
    )


async def _cut(work: Path, synchronous: str) -> Verdict:
    work.mkdir(parents=True)
    disk = Disk(work / "image", work / "disk")
    await disk.make(_DISK_MEBIBYTES)
    async with staged(disk.path / "data") as stage:
        async with disk.mounted():
            await _talk_until_the_cut(stage, disk, synchronous)
        async with disk.mounted():
            verdict = await stage.verdict()
    disk.remove()
    return verdict


async def _talk_until_the_cut(stage: Stage, disk: Disk, synchronous: str) -> None:
    async with stage.serving() as server:
        await stage.invite(1)
        stage.add_talkers(3)
        await stage.stop(server)  # the account is on disk in any case, or nobody could come back and look
    async with stage.talking(), stage.serving("--synchronous", synchronous, *_CHECKPOINT_FLAGS) as server:
        await stage.acknowledged(random.randrange(1, 600))
        disk.cut_power()
        await stage.kill(server)
