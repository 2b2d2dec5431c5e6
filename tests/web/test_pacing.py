"""Who asks for much at once waits for a turn, is told so only at the very end, and holds nobody else up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chat.services.codes import code_hash
from chat.web.keys import HUB, PACING, SESSIONS
from tests.people import PATIENCE_SECONDS, Person
from tests.raw_sockets import TEXT, raw_socket
from tests.servers import RunningServer

SLOW: dict[str, Any] = {"requests_per_user_pace_per_second": 0.01}
PATIENT: dict[str, Any] = SLOW | {"refusals_per_address_per_second": 0.01, "turn_wait_max_seconds": 1000}


class Turns:
    """Keeps everyone waiting who has to, until they are let go."""

    def __init__(self) -> None:
        self.waiting = 0
        self.someone_waits = asyncio.Event()
        self.go_on = asyncio.Event()

    async def sleep(self, _seconds: float) -> None:
        self.waiting += 1
        self.someone_waits.set()
        await self.go_on.wait()


@pytest.fixture
def turns(server: RunningServer) -> Turns:
    turns = Turns()
    server.app[PACING].sleep = turns.sleep
    return turns


async def while_it_waits(turns: Turns, asking: Awaitable[Any], meanwhile: Callable[[], Awaitable[None]]) -> Any:
    """The answer to what had to wait, and in the meantime something else was done."""
    asked = asyncio.ensure_future(asking)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await turns.someone_waits.wait()
    await meanwhile()
    assert not asked.done()
    turns.go_on.set()
    return await asked


@pytest.mark.settings(requests_per_user_at_once=2, **PATIENT)
async def test_a_request_that_waits_is_answered_in_its_turn_and_nobody_waits_for_it(
    turns: Turns, ada: Person, bob: Person
) -> None:
    turns.go_on.set()
    for _ in range(2):
        await ada.get("/get_rooms")
    turns.go_on.clear()
    turns.someone_waits.clear()

    async def bob_talks() -> None:
        await bob.says("nobody keeps me waiting")

    answer = await while_it_waits(turns, ada.get("/get_rooms"), bob_talks)
    assert answer.status == 200


@pytest.mark.settings(requests_per_user_at_once=2, **PATIENT)
async def test_a_request_whose_session_ends_while_it_waits_is_refused(
    server: RunningServer, turns: Turns, ada: Person
) -> None:
    turns.go_on.set()
    for _ in range(2):
        await ada.get("/get_rooms")
    turns.go_on.clear()
    turns.someone_waits.clear()

    async def her_session_ends() -> None:
        await server.app[SESSIONS].end([code_hash(ada.cookie.partition("=")[2])])

    answer = await while_it_waits(turns, ada.post("/send_message", room="lobby", message="too late"), her_session_ends)
    assert answer.status == 401


@pytest.mark.settings(requests_per_user_at_once=3, **SLOW)
async def test_what_would_wait_too_long_is_told_to_come_back(ada: Person, bob: Person) -> None:
    for _ in range(2):  # to join the lobby was one
        assert (await ada.get("/get_rooms")).status == 200
    answer = await ada.get("/get_rooms")
    assert (answer.status, answer.body["code"]) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) > 60
    assert (await bob.get("/get_rooms")).status == 200


@pytest.mark.settings(requests_per_user_at_once=12, **SLOW)
async def test_a_new_room_counts_for_ten_requests(ada: Person) -> None:
    assert (await ada.post("/create_room", room="tea")).status == 200
    assert (await ada.get("/get_rooms")).status == 200
    assert (await ada.get("/get_rooms")).status == 429


@pytest.mark.settings(requests_per_user_at_once=7, page_max_messages=500, turn_wait_max_seconds=0.01, **SLOW)
async def test_a_long_listing_counts_by_its_messages(ada: Person) -> None:
    assert (await ada.post("/list_message", room="lobby", limit=500)).status == 200
    assert (await ada.get("/get_rooms")).status == 429


@pytest.mark.settings(trusted_proxies="127.0.0.1", refusals_per_address_at_once=2, **PATIENT)
async def test_refusals_wait_for_their_turn_and_what_is_right_does_not(
    turns: Turns, ada: Person, stranger: Person
) -> None:
    from_there = {"X-Forwarded-For": "203.0.113.7"}
    for _ in range(2):
        assert (await stranger.get("/whoami", headers=from_there)).status == 401

    async def others_are_answered() -> None:
        assert (await ada.get("/whoami", headers=from_there)).status == 200
        assert (await stranger.get("/whoami", headers={"X-Forwarded-For": "203.0.113.8"})).status == 401

    answer = await while_it_waits(turns, stranger.get("/nowhere", headers=from_there), others_are_answered)
    assert answer.status == 404


@pytest.mark.settings(frames_per_user_at_once=5, frames_per_user_pace_per_second=50)
async def test_frames_are_acted_on_at_a_pace_and_nobody_is_told_off(ada: Person, bob: Person) -> None:
    count = 25
    async with ada.live() as socket, bob.live() as other:
        start = asyncio.get_running_loop().time()
        for number in range(count):
            await socket.send(message=str(number))
        heard = await other.chats(count)
        seconds = asyncio.get_running_loop().time() - start
        assert await socket.settled("error") == []
    assert [frame["message"] for frame in heard] == [*map(str, range(count))]
    assert seconds >= (count - 5 - 1) / 50


@pytest.mark.settings(
    catch_up_pages_per_user_at_once=1, catch_up_pages_per_user_per_second=20, catch_up_page_messages=1
)
async def test_a_catch_up_takes_its_time_and_misses_nothing(ada: Person, bob: Person) -> None:
    for number in range(6):
        await bob.says(str(number))
    start = asyncio.get_running_loop().time()
    async with ada.connected("/ws/chat/lobby?after=0") as socket:
        frames = await socket.until_live()
    assert [frame["message"] for frame in frames] == [*map(str, range(6))]
    assert asyncio.get_running_loop().time() - start >= (6 - 1) / 20


@pytest.mark.settings(frames_per_user_at_once=4, frames_per_user_pace_per_second=100)
async def test_of_someone_who_is_gone_what_they_said_is_kept_and_nothing_is_looked_up(
    server: RunningServer, ada: Person, bob: Person
) -> None:
    await bob.says("something to catch up with")
    before = server.app[HUB].catch_ups
    async with bob.live() as other:
        async with raw_socket(ada) as socket:
            for _ in range(20):
                await socket.send_frame(TEXT, json.dumps({"type": "subscribe", "room": "lobby", "after": 0}).encode())
            await socket.send_frame(TEXT, b'{"message":"goodbye"}')
        assert (await other.chats(1))[0]["message"] == "goodbye"
    assert server.app[HUB].catch_ups - before < 10


@pytest.mark.settings(frames_per_user_at_once=10, frames_per_user_pace_per_second=50)
async def test_a_long_frame_counts_for_several(ada: Person) -> None:
    async with ada.live() as socket:
        start = asyncio.get_running_loop().time()
        for _ in range(3):
            await socket.send(message="x" * 50_000)
        await socket.settled("error")
        assert asyncio.get_running_loop().time() - start >= (3 * 7 - 10 - 1) / 50


@pytest.mark.settings(frames_per_user_at_once=1, frames_per_user_pace_per_second=2, heartbeat_seconds=0.2)
async def test_a_socket_that_waits_for_its_turn_is_not_taken_for_a_dead_one(
    monkeypatch: pytest.MonkeyPatch, ada: Person, bob: Person
) -> None:
    monkeypatch.setattr("chat.web.sockets._LONGEST_PAUSE_SECONDS", 0.05)
    async with raw_socket(ada) as socket:
        await socket.next("live")
        for _ in range(4):  # the last waits for one and a half seconds, five times what the heartbeat gives
            await socket.send_frame(TEXT, b'{"type":"ping"}')
        for _ in range(4):
            await socket.next("pong")
        await bob.says("still there?")
        assert (await socket.next("chat"))["message"] == "still there?"


@pytest.mark.settings(frames_per_user_at_once=1, frames_per_user_pace_per_second=0.01)
async def test_a_socket_that_waits_for_its_turn_is_let_go_when_its_session_ends(
    monkeypatch: pytest.MonkeyPatch, server: RunningServer, ada: Person
) -> None:
    monkeypatch.setattr("chat.web.sockets._LONGEST_PAUSE_SECONDS", 0.05)
    async with ada.live() as socket:
        for _ in range(3):
            await socket.send(type="ping")
        await socket.next("pong")
        assert (await ada.get("/logout")).status == 200
        assert await socket.close_code() == 4401
        async with asyncio.timeout(PATIENCE_SECONDS):
            while server.app[HUB].subscribers:
                await asyncio.sleep(0.01)
