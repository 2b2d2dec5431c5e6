"""What a person can do about rooms: make, find, join, leave, delete and list them. All are open to everyone signed in.

Who becomes a member or is one no longer is told to all of the person's sockets, in the step in which the change comes
back from the disk: so the last frame says what is stored, and no socket is fed from a room that was left.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from chat.errors import Forbidden, Taken, Unknown
from chat.live.hub import Hub
from chat.models import Room, User
from chat.services.names import check_name, look_key, name_key
from chat.services.purge import Purge
from chat.services.read_marks import ReadMarks
from chat.services.sessions import Sessions
from chat.settings import Settings
from chat.store import rooms
from chat.store.database import Database
from chat.store.group_commit import GroupCommit


async def create_room(database: Database, hub: Hub, user: User, name: str) -> Room:
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
    hub.tell_membership(user, room, joined=True)
    return room


async def join_room(database: Database, hub: Hub, user: User, name: str) -> Room:
    """Make the user a member of an open room; harmless for one who is.

    Raises:
        Unknown: there is no such room.
        StorageUnavailable: not now; nothing was stored.
    """
    departures = hub.departures
    room, joined = await _find(database, user, name)
    # What was read may be overtaken by a leave; the writing connection, which comes after it, knows.
    if not joined or departures != hub.departures:
        joined_ms = int(time.time() * 1000)
        if await rooms.insert_member(database, user.user_id, room.room_id, joined_ms):
            hub.tell_membership(user, room, joined=True)
    return room


async def leave_room(database: Database, hub: Hub, user: User, name: str) -> Room:
    """End the user's membership: on return no socket of theirs is fed from the room.

    Raises:
        Unknown: there is no such room.
        Forbidden: the user has not joined it.
        StorageUnavailable: not now; the user is still a member.
    """
    room = await joined_room(database, user, name)
    if not await rooms.delete_member(database, user.user_id, room.room_id):
        raise _not_joined(room)
    hub.leave(user, room)
    return room


async def delete_room(
    database: Database,
    actor: User | None,
    name: str,
    *,
    hub: Hub,
    commits: GroupCommit,
    sessions: Sessions,
    purge: Purge,
) -> Room:
    """Delete a room: on return its name is free, nobody is fed from it and nothing more is stored in it.

    Its messages cannot be read from then on, and go in the background.

    Args:
        actor: the admin who does it; None: whoever runs the server. The audit log says so.

    Raises:
        Unknown: there is no such room.
        StorageUnavailable: not now; nothing was changed.
    """
    room, _ = await _find(database, actor, name)

    def deleted(member_ids: Sequence[int]) -> None:
        hub.end_room(room, member_ids)
        sessions.forget_room(room.room_id)
        purge.wake()

    if not await commits.delete_room(room, actor, deleted):
        raise Unknown(rooms.UNKNOWN_ROOM, "unknown_room")
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
        raise _not_joined(room)
    return room


async def list_rooms_json(
    database: Database, settings: Settings, user: User, read_marks: ReadMarks, cursor: int
) -> str:
    """Every room as a JSON array, with what is unread of those that the user has joined.

    Args:
        cursor: what was said after it is not counted; everything up to it must have been published.

    Raises:
        StorageUnavailable: not now.
    """
    return await rooms.list_rooms_json(
        database,
        user.user_id,
        cursor=cursor,
        pending=read_marks.pending(user.user_id),
        unread_max=settings.unread_max,
        looked_at_max=settings.unread_looked_at_max,
    )


async def _find(database: Database, user: User | None, name: str) -> tuple[Room, bool]:
    found = await rooms.find_room(database, name_key(name), None if user is None else user.user_id)
    if found is None:
        raise Unknown(rooms.UNKNOWN_ROOM, "unknown_room")
    return found


def _not_joined(room: Room) -> Forbidden:
    return Forbidden(f"You have not joined the room {room.name}. Join it first.", "not_joined")
