"""A full disk: nothing can be written, everything else goes on, and space is all that is needed to recover."""

from __future__ import annotations

import os
from pathlib import Path

from tests.faults.finding import Finding, Progress
from tests.faults.mounts import small_disk
from tests.faults.stage import Stage, staged
from tests.people import Person

_DISK_MEBIBYTES = 64
# What is in the log stays there: a checkpoint would make space in it for a few sends more.
_NO_CHECKPOINTS = ("--checkpoint-idle-seconds", "600")
_CHECKPOINTS = ("--checkpoint-idle-seconds", "0.02")
_SENDS = 20
_PADDING = 3000


async def full_and_free_again(work: Path, *, times: int, is_long: bool = False) -> Finding:
    """Fill the disk under talkers until everyone is refused, look at what still works, and make space."""
    progress = Progress("disk full", times, is_shown=is_long)
    work.mkdir()
    refused, complaints = 0, list[str]()
    async with small_disk(work / "disk", _DISK_MEBIBYTES), staged(work / "disk" / "data") as stage:
        async with stage.serving(*_NO_CHECKPOINTS) as server:
            await stage.invite(3)
            stage.add_talkers(2, padding=_PADDING)
            async with stage.talking():
                for _ in range(times):
                    await stage.acknowledged(10)
                    _fill(work / "disk" / "ballast")
                    await stage.all_refused()
                    complaints += await _look_around(stage)
                    (work / "disk" / "ballast").unlink()
                    await stage.acknowledged(10)
                    progress.step()
                await stage.quiet()
            refused = sum(talker.refused for talker in stage.talkers)
            complaints += ["the server was started anew"] if server.log.count("listening on") != 1 else []
        verdict = await stage.verdict()
    return Finding(
        "disk full (tmpfs of 64 MiB)",
        times,
        f"{refused:,} sends refused, 0 of them shown; {verdict.lost} lost, {verdict.doubled} doubled of "
        f"{verdict.acknowledged:,}; writes resumed without a restart",
        (*verdict.complaints, *complaints),
    )


async def full_between_checkpoints(work: Path, *, times: int, is_long: bool = False) -> Finding:
    """The same while the log is folded in all the time, which a full disk makes fail too: now one, now the other."""
    progress = Progress("disk full, checkpoints", times, is_shown=is_long)
    work.mkdir()
    async with small_disk(work / "disk", _DISK_MEBIBYTES), staged(work / "disk" / "data") as stage:
        async with stage.serving(*_CHECKPOINTS):
            await stage.invite(2)
            stage.add_talkers(2, padding=_PADDING)
            async with stage.talking():
                for _ in range(times):
                    await stage.acknowledged(10)
                    _fill(work / "disk" / "ballast")
                    await stage.all_refused()
                    await _page(stage.people[0])
                    (work / "disk" / "ballast").unlink()
                    await stage.acknowledged(10)
                    progress.step()
                await stage.quiet()
        verdict = await stage.verdict()
    refused = sum(talker.refused for talker in stage.talkers)
    return Finding(
        "disk full, a checkpoint every 20 ms",
        times,
        f"{refused:,} sends refused; {verdict.lost} lost, {verdict.doubled} doubled of {verdict.acknowledged:,}",
        verdict.complaints,
    )


async def _look_around(stage: Stage) -> list[str]:
    """What does not work as it should while the disk is full."""
    person = stage.people[2]
    complaints = []
    newest = (await _page(person))[-1]["id"]
    async with person.live() as socket:
        for number in range(_SENDS):
            await socket.send(message="x" * _PADDING, client_id=f"full-{newest}-{number}")
        frames = [await socket.next("error", "chat") for _ in range(_SENDS)]
        if {frame.get("code") for frame in frames} != {"storage_unavailable"}:
            complaints.append(f"a send to a full disk was answered with {frames}")
        if await socket.settled("chat"):
            complaints.append("a message was shown that could not be stored")
    answer = await person.post("/send_message", room="lobby", message="x" * _PADDING)
    if (answer.status, answer.body.get("code")) != (503, "storage_unavailable"):
        complaints.append(f"a send over HTTP to a full disk was answered with {answer.status} {answer.body}")
    if "Retry-After" not in answer.headers:
        complaints.append("the 503 does not say when to come back")
    if (await _page(person))[-1]["id"] != newest:
        complaints.append("something was stored on a full disk")
    return complaints


async def _page(person: Person) -> list[dict[str, object]]:
    answer = await person.post("/list_message", room="lobby", limit=5)
    assert answer.status == 200, answer
    return answer.body["messages"]  # type: ignore[no-any-return]


def _fill(path: Path) -> None:
    """Write until nothing more goes in."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        for size in (1024 * 1024, 4096):
            try:
                while True:
                    os.write(descriptor, bytes(size))
            except OSError:
                pass
    finally:
        os.close(descriptor)
