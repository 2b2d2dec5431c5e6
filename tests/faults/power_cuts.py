"""Power cut: the file system under the data directory stops, and what was not synced is gone."""

from __future__ import annotations

import random
import signal
from pathlib import Path

from tests.faults.finding import Finding, Progress
from tests.faults.mounts import Disk
from tests.faults.oracle import Verdict
from tests.faults.stage import staged

_DISK_MEBIBYTES = 64
# Long enough for a checkpoint, now and then, between two cuts.
_CHECKPOINT_FLAGS = ("--checkpoint-idle-seconds", "0.05", "--checkpoint-wal-max-bytes", str(1024 * 1024))


async def with_synchronous_full(work: Path, *, cuts: int, is_long: bool = False) -> Finding:
    """Cut the power of a server under load, again and again; whoever was told of a message finds it there."""
    verdict = await _cut(work, "full", cuts, is_long)
    return Finding(
        "power cut, synchronous=full",
        cuts,
        f"{verdict.lost} lost, {verdict.doubled} doubled of {verdict.acknowledged:,}",
        verdict.complaints,
    )


async def with_synchronous_normal(work: Path, *, cuts: int, is_long: bool = False) -> Finding:
    """The same where the server was told not to wait for the disk: if nothing is lost now, the cut cuts nothing."""
    verdict = await _cut(work, "normal", cuts, is_long)
    return Finding(
        "power cut, synchronous=normal",
        cuts,
        f"{verdict.lost:,} lost of {verdict.acknowledged:,}, as expected: it shows that the cut cuts",
        () if verdict.lost else ("nothing was lost although nothing was synced: the power cut of this test is none",),
    )


async def _cut(work: Path, synchronous: str, cuts: int, is_long: bool) -> Verdict:
    """Each start after a cut finds the talkers with what they were told before, and the oracle asks for all of it."""
    progress = Progress(f"power cut, {synchronous}", cuts, is_shown=is_long)
    work.mkdir(exist_ok=True)
    disk = Disk(work / "image", work / "disk")
    await disk.make(_DISK_MEBIBYTES)
    async with staged(disk.path / "data") as stage:
        async with disk.mounted(), stage.serving() as server:
            await stage.invite(1)
            stage.add_talkers(3)
            await stage.stop(server)  # the account is on disk in any case, or nobody could come back and look
        async with stage.talking():
            for _ in range(cuts):
                async with (
                    disk.mounted(),
                    stage.serving("--synchronous", synchronous, *_CHECKPOINT_FLAGS) as server,
                ):
                    await stage.acknowledged(random.randrange(1, 600))
                    # First of all the server, or it outlives the cut: of an fsync that was under way ext4 may then say
                    # that it succeeded, although what it wrote is gone, and someone would be told.
                    server.send_signal(signal.SIGKILL)
                    disk.cut_power()
                    await stage.kill(server)
                progress.step()
        async with disk.mounted():
            return await stage.verdict()
