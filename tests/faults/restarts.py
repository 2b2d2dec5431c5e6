"""The server is asked to stop and started again while everyone talks."""

from __future__ import annotations

import random
from pathlib import Path

from tests.faults.finding import Finding, Progress, median_and_worst
from tests.faults.stage import staged

_ROOMS = ("lobby", "tea")
_TALKERS = 6


async def under_load(data_dir: Path, *, times: int, is_long: bool = False) -> Finding:
    """Restart; the clients repeat with their client_id what was not acknowledged and resume after their cursor."""
    progress = Progress("restart", times, is_shown=is_long)
    complaints: list[str] = []
    async with staged(data_dir) as stage:
        async with stage.serving() as server:
            await stage.invite(_TALKERS)
            await stage.people[0].post("/create_room", room=_ROOMS[1])
            stage.add_talkers(_TALKERS, _ROOMS)
            await stage.stop(server)
        async with stage.talking():
            for _ in range(times):
                async with stage.serving() as server:
                    await stage.acknowledged(random.randrange(100, 1000))
                    if code := await stage.stop(server):
                        complaints.append(f"asked to stop, the server ended with {code}")
                progress.step()
        close_codes = {code for talker in stage.talkers for code in talker.close_codes}
        if close_codes != {1001}:
            complaints.append(f"sockets were closed with {close_codes}, not with 1001")
        verdict = await stage.verdict()
    return Finding(
        "restart under load",
        times,
        f"{verdict.lost} lost, {verdict.doubled} doubled of {verdict.acknowledged:,}; listening again in "
        f"{median_and_worst(stage.start_seconds)}",
        (*verdict.complaints, *complaints),
    )
