"""A room that at least one socket is subscribed to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from chat.live.presence import Presence
from chat.live.subscriber import Subscriber
from chat.models import Room


class LiveRoom:
    """What the hub keeps of a room while someone is there.

    Args:
        names_max: as for its presence.
        cursor: no message of the room has a higher one.
    """

    __slots__ = ("head", "live", "presence", "room", "timer")

    def __init__(self, room: Room, names_max: int, cursor: int) -> None:
        self.room = room
        self.head = cursor
        self.live: set[Subscriber] = set()
        self.presence = Presence(room, names_max)
        self.timer: asyncio.TimerHandle | None = None


def live_readers(rooms: Mapping[int, LiveRoom]) -> dict[tuple[int, ...], list[Subscriber]]:
    """Who is live in which of these rooms, each socket once."""
    rooms_of: dict[Subscriber, tuple[int, ...]] = {}
    for room_id, live_room in rooms.items():
        for subscriber in live_room.live:
            rooms_of[subscriber] = (*rooms_of.get(subscriber, ()), room_id)
    readers_of: dict[tuple[int, ...], list[Subscriber]] = {}
    for subscriber, room_ids in rooms_of.items():
        readers_of.setdefault(room_ids, []).append(subscriber)
    return readers_of
