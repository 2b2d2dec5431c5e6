"""Clients whose machine is gone without a word: their sockets are closed in time, and the others told."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tests.faults.finding import Finding, Progress
from tests.faults.stage import Stage, staged
from tests.people import Person
from tests.raw_sockets import raw_socket

_PRESENCE_SECONDS = 0.05
# For the server's look at the clock, and ours.
_ALLOWANCE_SECONDS = 0.25
_PATIENCE_SECONDS = 30


async def clients_that_vanish(
    data_dir: Path, *, clients: int, times: int, heartbeat_seconds: float, is_long: bool = False
) -> Finding:
    """Let the machines of some clients vanish, while others talk; wait until everyone knows."""
    progress = Progress("half-open", times, is_shown=is_long)
    took, complaints = list[float](), list[str]()
    async with staged(data_dir) as stage:
        flags = ("--heartbeat-seconds", str(heartbeat_seconds), "--presence-interval-seconds", str(_PRESENCE_SECONDS))
        async with stage.serving(*flags) as server:
            await stage.invite(2 + clients)
            stage.add_talkers(1)
            async with stage.talking():
                for _ in range(times):
                    took += await _vanish(stage, stage.people[2:])
                    progress.step()
                await stage.quiet()
            closed = server.log.count("no sign of life")
            if closed != clients * times:
                complaints.append(f"{clients * times} clients vanished and {closed} sockets were closed")
        verdict = await stage.verdict()
    allowed = 1.5 * heartbeat_seconds + _PRESENCE_SECONDS + _ALLOWANCE_SECONDS
    if is_long and max(took) > allowed:
        complaints.append(f"the others knew only after {max(took):.2f} s")
    return Finding(
        "half-open connections",
        clients * times,
        f"closed and the others told {max(took):.2f} s after the last sign of life (worst; heartbeat "
        f"{heartbeat_seconds:g} s, so {1.5 * heartbeat_seconds:g} s and the presence interval of {_PRESENCE_SECONDS} s "
        "are allowed)",
        (*verdict.complaints, *complaints),
    )


async def _vanish(stage: Stage, people: list[Person]) -> list[float]:
    """Seconds from when each vanished until an onlooker was told."""
    took = []
    async with stage.people[1].live() as onlooker, AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(raw_socket(person)) for person in people]
        waiting = {person.username for person in people}
        while waiting:
            waiting -= set((await onlooker.next("presence"))["online"])
        start = time.monotonic()
        for raw in sockets:
            raw.vanish()
        gone = {person.username for person in people}
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while gone:
                left = gone & set((await onlooker.next("presence"))["offline"])
                took += [time.monotonic() - start] * len(left)
                gone -= left
    return took
