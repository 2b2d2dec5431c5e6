from __future__ import annotations

from chat.live.live_room import LiveRoom, live_readers
from chat.models import Room, User
from tests.live.sockets import socket_of


async def test_readers_of_the_same_rooms_are_found_together() -> None:
    rooms = {room_id: LiveRoom(Room(room_id, str(room_id)), 100, 0) for room_id in (1, 2, 3)}
    (both, _), (too, _), (one, _), (nobody, _) = (socket_of(User(number, str(number))) for number in range(4))
    for room_id, live in ((1, {both, too, one}), (2, {both, too}), (3, {nobody})):
        rooms[room_id].live |= live
    readers = live_readers({room_id: rooms[room_id] for room_id in (1, 2)})
    assert {room_ids: set(found) for room_ids, found in readers.items()} == {(1, 2): {both, too}, (1,): {one}}
