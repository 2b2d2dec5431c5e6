"""Everyone loses the connection and comes back in the same instant."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults.finding import Finding
from tests.faults.stage import Stage, staged
from tests.faults.talker import Address, Talker

_ROOMS = ("lobby", "tea")
_PEOPLE = 20
_SAID_BEFORE, _SAID_MEANWHILE, _SAID_AFTER = 10, 25, 10


async def everyone_at_once(data_dir: Path, *, sockets: int) -> Finding:
    """Kill the server under many readers; talk goes on while they are away; then all come back with their cursors."""
    async with staged(data_dir) as stage:
        gate = Address()
        async with stage.serving() as server:
            await stage.invite(_PEOPLE)
            await stage.people[0].post("/create_room", room=_ROOMS[1])
            talkers = stage.add_talkers(2, _ROOMS, messages_max=0)
            readers = stage.add_talkers(sockets, _ROOMS, gate=gate, messages_max=0)
            async with stage.talking():
                gate.is_at(server.url)
                await stage.all_live(readers)
                await _say(stage, talkers, _SAID_BEFORE)
                gate.is_gone()
                await stage.kill(server)
                await stage.all_live([*talkers, *readers], expected=False)
                async with stage.serving() as again:
                    await _say(stage, talkers, _SAID_MEANWHILE)
                    start = time.monotonic()
                    gate.is_at(again.url)
                    await stage.all_live(readers)
                    seconds = time.monotonic() - start
                    await _say(stage, talkers, _SAID_AFTER)
                    gate.is_gone()
        verdict = await stage.verdict()
    return Finding(
        "everyone comes back at once",
        sockets,
        f"all live again after {seconds:.1f} s (the clients' own work included), each with the "
        f"{_SAID_MEANWHILE} messages of its room that it had missed; {verdict.lost} lost, {verdict.doubled} doubled",
        verdict.complaints,
    )


async def _say(stage: Stage, talkers: list[Talker], messages: int) -> None:
    """Let each talker say so many more."""
    await stage.all_live(talkers)
    for talker in talkers:
        await talker.say(messages)
    await stage.all_acknowledged()
