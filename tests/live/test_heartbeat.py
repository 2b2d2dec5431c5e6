"""Telling the dead from the slow."""

from __future__ import annotations

import asyncio

import pytest

from chat.web.keys import HUB
from tests.people import Person
from tests.raw_sockets import PING, raw_socket
from tests.servers import RunningServer


@pytest.mark.settings(heartbeat_seconds=0.4)
async def test_who_does_not_answer_a_ping_is_closed_and_the_presence_corrected(ada: Person, bob: Person) -> None:
    async with ada.live() as socket, raw_socket(bob) as silent:
        await socket.sees_come("bob")
        while (frame := await silent.receive_frame())[0] != PING:
            pass
        assert frame == (PING, b"")
        # How soon, the long runs of half-open connections measure; without the heartbeat it would be never.
        assert (await socket.next("presence"))["offline"] == ["bob"]


@pytest.mark.settings(heartbeat_seconds=0.2)
async def test_who_answers_pings_stays_however_silent(server: RunningServer, ada: Person, bob: Person) -> None:
    async with ada.live() as quiet, raw_socket(bob) as other:
        await other.next("live")
        quiet_reading = asyncio.create_task(quiet.next("error"))  # reading answers pings, no frame comes
        for _ in range(4):
            while (await other.receive_frame())[0] != PING:
                pass
            await other.send_frame(0xA, b"")
        assert {subscriber.user.username for subscriber in server.app[HUB].subscribers} == {"ada", "bob"}
        quiet_reading.cancel()


@pytest.mark.settings(close_seconds=0.1)
async def test_who_does_not_answer_a_close_frame_is_cut_off(server: RunningServer, ada: Person) -> None:
    async with raw_socket(ada) as rude:
        await rude.next("live")
        await ada.get("/logout")
        code, _ = await rude.closed()
        assert code == 4401
        while server.app[HUB].subscribers:
            await asyncio.sleep(0.01)
