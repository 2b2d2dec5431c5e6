"""The clock of the machine jumps an hour ahead and back: order, cursors and sign-ins take no notice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.finding import Finding, Progress
from tests.faults.needs import need_library
from tests.faults.stage import Stage, staged

_HOUR = 3600
_PATIENCE_SECONDS = 30
# Sign-ins that have expired are looked for all the time.
_FLAGS = ("--session-save-seconds", "0.05")


async def an_hour_to_and_fro(work: Path, *, times: int, is_long: bool = False) -> Finding:
    """Let the clock jump under talkers: ahead, back to before the start, and home again."""
    progress = Progress("clock", times, is_shown=is_long)
    work.mkdir()
    clock = work / "clock"
    library = need_library("*/faketime/libfaketime.so.1", "faketime")
    _set(clock, 0)
    complaints: list[str] = []
    async with staged(work / "data") as stage:
        async with stage.serving(*_FLAGS, program=_under(library, clock)) as server:
            await stage.invite(4)
            stage.add_talkers(4)
            async with stage.talking():
                for turn in range(times):
                    seconds = (_HOUR, -_HOUR, 0)[turn % 3]
                    _set(clock, seconds)
                    await _until_it_jumped(stage, seconds)
                    await stage.acknowledged(100)
                    for person in stage.people:
                        answer = await person.get("/whoami")
                        if answer.status != 200:
                            complaints.append(f"after a jump {person.username} was answered with {answer.status}")
                    progress.step()
                if any(talker.close_codes for talker in stage.talkers):
                    complaints.append("sockets were closed")
                await stage.stop(server)
        # Also from one start to the next: this one is on the real clock again.
        verdict = await stage.verdict()
    return Finding(
        "clock jumps an hour ahead and back",
        times,
        f"nobody signed out, no socket closed; {verdict.lost} lost, {verdict.doubled} doubled, order kept, of "
        f"{verdict.acknowledged:,}",
        (*verdict.complaints, *complaints),
    )


async def _until_it_jumped(stage: Stage, seconds: int) -> None:
    """Return when what is said bears the new time."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            said = await stage.people[0].says("what is the time?")
            told = datetime.fromisoformat(said["timestamp"])
            if abs((told - datetime.now(UTC)).total_seconds() - seconds) < _HOUR / 2:
                return


def _set(clock: Path, seconds: int) -> None:
    """Renamed, so that it is never read half written."""
    new = clock.with_name("clock.new")
    new.write_text(f"{seconds:+d}")
    new.rename(clock)


def _under(library: Path, clock: Path) -> tuple[str, ...]:
    return (
        "env", f"LD_PRELOAD={library}", f"FAKETIME_TIMESTAMP_FILE={clock}", "FAKETIME_NO_CACHE=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
    )  # fmt: skip
