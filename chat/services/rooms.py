"""What a person can do about rooms: make, find, join and list them. Every room is open to everyone signed in."""

from __future__ import annotations

import time

from chat.errors import Forbidden, Taken, Unknown
from chat.models import Room, User
from chat.services.names import check_name, look_key, name_key
from chat.store import rooms
from chat.store.database import Database


async def create_room(database: Database, user: User, name: str) -> Room:
    """Make a room with its maker as the first member.

    Raises:
        BrokenRule: the name is not allowed.
        Taken: a room has this name or one that looks like it.
        StorageUnavailable: not now; nothing was stored.
    """
    check_name(name, "room name")
    room = await rooms.insert_room(
        database, name=name, name_key=name_key(name), look_key=look_key(name),
        created_by=user.user_id, created_ms=int(time.time() * 1000),
    )  # fmt: skip
    if room is None:
        raise Taken(f"There is a room {name} already, or one whose name looks too much like it.")
    return room


async def join_room(database: Database, user: User, name: str) -> Room:
    """Make the user a member of an open room; harmless for one who is.

    Raises:
        Unknown: there is no such room.
        StorageUnavailable: not now; nothing was stored.
    """
    room, joined = await _find(database, user, name)
    if not joined:
        await rooms.insert_member(database, user.user_id, room.room_id, int(time.time() * 1000))
    return room


async def joined_room(database: Database, user: User, name: str) -> Room:
    """A room the user is a member of.

    Raises:
        Unknown: there is no such room.
        Forbidden: the user has not joined it.
        StorageUnavailable: not now.
    """
    room, joined = await _find(database, user, name)
    if not joined:
        raise Forbidden(f"You have not joined the room {room.name}. Join it first.", "not_joined")
    return room


async def list_rooms_json(database: Database) -> str:
    """Every room, as a JSON array."""
    return await rooms.list_rooms_json(database)


async def _find(database: Database, user: User, name: str) -> tuple[Room, bool]:
    found = await rooms.find_room(database, name_key(name), user.user_id)
    if found is None:
        raise Unknown("There is no room with this name.", "unknown_room")
    return found
