"""kill -9: at random moments of a busy server, and at its database calls one after the other."""

from __future__ import annotations

import asyncio
import random
import signal
import statistics
import sys
from pathlib import Path

from tests.faults.dying_server import MOMENTS
from tests.faults.finding import Finding, Progress, median_and_worst
from tests.faults.stage import Stage, staged
from tests.processes import StartFailed

ROOMS = ("lobby", "tea")
TALKERS = 4
DYING_SERVER = Path(__file__).parent / "dying_server.py"
LISTENING_AGAIN_SECONDS = 1.0
_PATIENCE_SECONDS = 30


async def at_random_moments(data_dir: Path, *, kills: int, is_long: bool = False) -> Finding:
    """Kill a server under load again and again, each time after a random number of acknowledged messages."""
    progress = Progress("kill -9", kills, is_shown=is_long)
    chance = random.Random()
    async with staged(data_dir) as stage:
        await _prepare(stage)
        async with stage.talking():
            for _ in range(kills):
                async with stage.serving() as server:
                    await stage.acknowledged(chance.randrange(20, 400))
                    await stage.kill(server)
                progress.step()
        return await _finding(stage, "kill -9 at random moments", kills, is_long)


async def at_each_database_call(
    data_dir: Path, *, first: int, last: int, step: int = 1, is_long: bool = False
) -> Finding:
    """Let a server under load kill itself at its n-th database call: before it, within it or after it, in turns."""
    numbers = range(first, last + 1, step)
    progress = Progress("kill -9 at a database call", len(numbers), is_shown=is_long)
    started = 0
    async with staged(data_dir) as stage:
        await _prepare(stage)
        async with stage.talking():
            for turn, number in enumerate(numbers):
                # Of three neighbours each dies at another moment, and another three at the next start.
                started += await _die(stage, MOMENTS[turn % len(MOMENTS)], number)
                progress.step()
        return await _finding(
            stage, "kill -9 at the n-th database call", len(numbers), is_long,
            f"; call {first} to {last}, {len(numbers) - started} of them while starting",
        )  # fmt: skip


async def while_the_database_is_made(data_dir: Path, *, last: int, step: int = 1, is_long: bool = False) -> Finding:
    """Let the very first start in an empty directory die at its n-th database call; the next one must manage."""
    numbers = range(1, last + 1, step)
    progress = Progress("kill -9 of a first start", len(numbers), is_shown=is_long)
    listened, complaints = 0, list[str]()
    for turn, number in enumerate(numbers):
        async with staged(data_dir / str(number)) as stage:
            listened += await _die(stage, MOMENTS[turn % len(MOMENTS)], number, is_idle=True)
            await _prepare(stage)
            async with stage.talking(), stage.serving():
                await stage.acknowledged(1)
                await stage.quiet()
            complaints += (await stage.verdict()).complaints
        progress.step()
    return Finding(
        "kill -9 while the database is made",
        len(numbers),
        f"call 1 to {last} of a first start, {listened} of them when it listened; each time the next start was whole",
        tuple(complaints),
    )


async def _prepare(stage: Stage) -> None:
    async with stage.serving() as server:
        await stage.invite(TALKERS)
        await stage.people[0].post("/create_room", room=ROOMS[1])
        stage.add_talkers(TALKERS, ROOMS)
        await stage.kill(server)


async def _die(stage: Stage, moment: str, number: int, *, is_idle: bool = False) -> bool:
    """Wait for the death of a server; says whether it listened before. One that is idle then gets no further call."""
    try:
        async with stage.serving(program=(sys.executable, str(DYING_SERVER), moment, str(number))) as server:
            if is_idle:
                await stage.kill(server)
            async with asyncio.timeout(_PATIENCE_SECONDS):
                assert await server.exit_code() == -signal.SIGKILL, server.log
            return True
    except StartFailed as failed:
        if str(failed):  # it said why: that is a refusal, not a death
            raise
        return False


async def _finding(stage: Stage, fault: str, kills: int, is_long: bool, figures: str = "") -> Finding:
    verdict = await stage.verdict()
    complaints = list(verdict.complaints)
    # The median: a single start may have to wait for a disk that others use too.
    if is_long and statistics.median(stage.start_seconds) >= LISTENING_AGAIN_SECONDS:
        complaints.append(f"listening again only after {statistics.median(stage.start_seconds):.2f} s")
    return Finding(
        fault,
        kills,
        f"{verdict.lost} lost, {verdict.doubled} doubled of {verdict.acknowledged:,}; "
        f"listening again in {median_and_worst(stage.start_seconds)}{figures}",
        tuple(complaints),
    )
