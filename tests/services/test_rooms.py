"""Joining and leaving at the same time: what is stored and who is fed always agree."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from chat.services import rooms
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
