"""Another process locks the database: a second server, or a program that holds the right to write."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from chat.store.data_directory import DATABASE_NAME
from tests.faults.finding import Finding, Progress
from tests.faults.stage import Stage, staged
from tests.people import Person
from tests.processes import refused_start

_EXIT_REFUSED = 2
# The default of busy_timeout_seconds, 4, and what answering takes.
ANSWER_SECONDS = 5.0
# A loop that waited for the lock would not answer for four seconds.
ROUND_TRIP_SECONDS = 1.0


async def held_by_another_process(
    data_dir: Path, *, times: int, busy_timeout_seconds: float = 4, is_long: bool = False
) -> Finding:
    """Take the lock, send, watch what others can do meanwhile, and give it back."""
    progress = Progress("locked", times, is_shown=is_long)
    answers, round_trips, complaints = list[float](), list[float](), list[str]()
    async with staged(data_dir) as stage:
        async with stage.serving("--busy-timeout-seconds", str(busy_timeout_seconds)) as server:
            await stage.invite(3)
            stage.add_talkers(2)
            code, said = await refused_start("--data-dir", str(data_dir))
            if code != _EXIT_REFUSED or "Another server is using" not in said or len(said.splitlines()) != 1:
                complaints.append(f"a second server ended with {code} and said: {said}")
            async with stage.talking():
                for _ in range(times):
                    await stage.acknowledged(10)
                    complaints += await _lock(stage, answers, round_trips)
                    await stage.acknowledged(10)
                    progress.step()
                await stage.quiet()
            if server.log.count("listening on") != 1:
                complaints.append("the server was started anew")
        verdict = await stage.verdict()
    if is_long and max(answers) > ANSWER_SECONDS:
        complaints.append(f"a stuck write was answered only after {max(answers):.2f} s")
    if is_long and max(round_trips) > ROUND_TRIP_SECONDS:
        complaints.append(f"a bystander's ping took {max(round_trips):.2f} s")
    return Finding(
        "database locked by another process",
        times,
        f"stuck write refused after {max(answers):.2f} s (worst); a bystander's ping meanwhile took "
        f"{1000 * max(round_trips):.0f} ms (worst of {len(round_trips):,}); {verdict.lost} lost, {verdict.doubled} "
        f"doubled of {verdict.acknowledged:,}; second server: exit code 2",
        (*verdict.complaints, *complaints),
    )


async def _lock(stage: Stage, answers: list[float], round_trips: list[float]) -> list[str]:
    """Hold the lock until a write was answered; says what was wrong."""
    writer, bystander = stage.people[2], stage.people[1]
    with closing(sqlite3.connect(stage.data_dir / DATABASE_NAME, isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout = 10000")
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        sending = asyncio.create_task(writer.post("/send_message", room="lobby", message="stuck"))
        round_trips += await _ping_until(sending, bystander)
        answers.append(time.monotonic() - start)
        other.execute("ROLLBACK")
    answer = sending.result()
    if (answer.status, answer.body.get("code")) != (503, "storage_unavailable"):
        return [f"a stuck write was answered with {answer.status} {answer.body}"]
    return []


async def _ping_until(sending: asyncio.Task[object], bystander: Person) -> list[float]:
    """Seconds of each round trip, with a read of the history in between."""
    round_trips = []
    async with bystander.connected("/ws") as socket:
        # At least one round trip is made while the write is stuck: nothing answers it before the lock is given back.
        while not sending.done():
            start = time.monotonic()
            await socket.settled()
            round_trips.append(time.monotonic() - start)
            assert (await bystander.post("/list_message", room="lobby", limit=1)).status == 200
    return round_trips
