"""Joining and leaving at the same time: what is stored and who is fed always agree."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from chat.live.hub import Hub
from chat.live.subscriber import Subscriber
from chat.models import Room
from chat.services import rooms
from chat.store import rooms as store
from chat.store.database import Database
from chat.web.keys import DATABASE, HUB
from tests.people import Person, Socket
from tests.servers import RunningServer


async def memberships(socket: Socket) -> list[bool]:
    return [frame["joined"] for frame in await socket.settled("membership")]


async def test_a_membership_that_was_looked_up_before_a_leave_is_made_again(server: RunningServer, ada: Person) -> None:
    """The look-up says "is a member"; before it is acted on, the person leaves in another window."""
    database, hub = server.app[DATABASE], server.app[HUB]
    async with ada.connected("/ws") as socket:
        (subscriber,) = hub.subscribers
        looked_up = asyncio.Event()
        go_on = asyncio.Event()
        read = database.read

        async def read_slowly(sql: str, parameters: object = ()) -> object:
            rows = await read(sql, parameters)  # type: ignore[arg-type]
            looked_up.set()
            await go_on.wait()
            return rows

        database.read = read_slowly  # type: ignore[method-assign,assignment]
        joining = asyncio.create_task(rooms.join_room(database, hub, subscriber.user, "lobby"))
        await looked_up.wait()
        database.read = read  # type: ignore[method-assign]
        await ada.leaves()
        go_on.set()
        await joining
        assert await memberships(socket) == [False, True]
        await ada.says("still a member")


async def test_only_a_change_is_told(server: RunningServer, ada: Person) -> None:
    async with ada.connected("/ws") as socket:
        await ada.joins()
        assert await memberships(socket) == []
        await ada.leaves()
        await ada.joins()
        await ada.joins()
        assert (await ada.post("/leave_room", room="nowhere")).status == 404
        assert await memberships(socket) == [False, True]


async def test_however_joins_and_leaves_interleave_the_last_frame_says_what_is_stored(
    server: RunningServer, ada: Person
) -> None:
    async with ada.connected("/ws") as socket:
        for _ in range(5):
            await asyncio.gather(
                *(ada.post(path, room="lobby") for path in ("/join_room", "/leave_room") * 6),
                *(socket.send(type="subscribe", room="lobby") for _ in range(4)),
            )
            told = await memberships(socket)
            changes = [True, *told]
            assert all(before != after for before, after in pairwise(changes)), told
            is_member = (await ada.sees_room())["joined"]
            assert changes[-1] is is_member
            (subscriber,) = server.app[HUB].subscribers
            if not is_member:
                assert not subscriber.rooms, "fed from a room that was left"
                await ada.joins()
                assert await memberships(socket) == [True]


@pytest.mark.parametrize("path", ["/ws", "/ws/chat/lobby"])
async def test_a_room_that_was_looked_up_before_it_was_deleted_is_not_joined(
    server: RunningServer, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """A member subscribes; between the look-up, or the handshake, and the subscription the room is deleted."""
    hub = server.app[HUB]
    at_the_door, go_on = asyncio.Event(), asyncio.Event()
    find_room = store.find_room

    async def find_slowly(database: Database, name_key: str, user_id: int | None) -> tuple[Room, bool] | None:
        found = await find_room(database, name_key, user_id)
        if user_id == bob.user_id and not at_the_door.is_set():
            at_the_door.set()
            await go_on.wait()
        return found

    monkeypatch.setattr(store, "find_room", find_slowly)

    async def subscribe() -> str:
        if path != "/ws":
            return str((await bob.refused_handshake(path)).status)
        async with bob.connected(path) as socket:
            await socket.send(type="subscribe", room="lobby")
            return str((await socket.next("error", "live")).get("code"))

    subscribing = asyncio.create_task(subscribe())
    await at_the_door.wait()
    assert (await ada.post("/delete_room", room="lobby")).status == 200
    go_on.set()
    assert await subscribing in ("404", "unknown_room")
    assert not hub._rooms


async def test_a_room_deleted_during_the_handshake_is_an_error_on_the_socket(
    server: RunningServer, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, find_room = Hub.add, store.find_room
    before = await find_room(server.app[DATABASE], "lobby", bob.user_id)

    async def find_what_was(_database: Database, _name_key: str, _user_id: int | None) -> tuple[Room, bool] | None:
        return before

    def end_and_add(self: Hub, subscriber: Subscriber) -> None:
        monkeypatch.setattr(store, "find_room", find_room)
        self.end_room(Room(1, "lobby"), [])
        add(self, subscriber)

    assert (await ada.post("/delete_room", room="lobby")).status == 200
    monkeypatch.setattr(store, "find_room", find_what_was)
    monkeypatch.setattr(Hub, "add", end_and_add)
    async with bob.connected("/ws/chat/lobby") as socket:
        assert (await socket.next("error", "live"))["code"] == "unknown_room"
        await socket.settled()
    assert not server.app[HUB]._rooms
