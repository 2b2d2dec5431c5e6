"""The rooms and who joined them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chat.errors import Unknown
from chat.models import Room, User
from chat.protocol import encode_json
from chat.store.accounts import check_admin
from chat.store.audit import insert_entry
from chat.store.database import Database, Execute

UNKNOWN_ROOM = "There is no room with this name."

# ?1 user, ?2 cursor, ?3 pending marks, ?4 and ?5 bounds. max() of NULL is NULL: no mark, no member. The time is made
# of whole numbers, because it has to be, to the last digit, the one that chat.protocol gives the message. What is
# unread goes by the id, which is the cursor that the message came with: no later change makes it unread again, and
# thousands that are deleted keep their old place instead of being the newest to be looked at.
_LIST_ROOMS = """
    SELECT json_group_array(json(
        CASE WHEN read IS NULL
        THEN json_object('room_id', id, 'room_name', name, 'joined', json('false'), 'last_message_at', said_at)
        ELSE json_object('room_id', id, 'room_name', name, 'joined', json('true'), 'last_message_at', said_at,
            'unread', (
                SELECT count(*) FROM (
                    SELECT 1 FROM (
                        SELECT user_id, deleted_at FROM message
                        WHERE message.room_id = listed.id AND message.id > listed.read AND message.id <= ?2
                        ORDER BY message.id DESC LIMIT ?5
                    ) WHERE user_id <> ?1 AND deleted_at IS NULL LIMIT ?4
                )
            ),
            'read', read)
        END
    ))
    FROM (
        SELECT room.id, room.name,
            max(member.read_cursor, coalesce(json_extract(?3, '$."' || room.id || '"'), 0)) AS read,
            (
                SELECT strftime('%Y-%m-%dT%H:%M:%S', created_at / 1000, 'unixepoch')
                       || printf('.%03dZ', created_at % 1000)
                FROM message WHERE message.room_id = room.id AND message.id <= ?2 ORDER BY message.id DESC LIMIT 1
            ) AS said_at
        FROM room LEFT JOIN member ON member.room_id = room.id AND member.user_id = ?1
        WHERE room.deleted_at IS NULL
        ORDER BY room.id
    ) AS listed
"""


async def insert_room(
    database: Database, *, name: str, name_key: str, look_key: str, created_by: int, created_ms: int
) -> Room | None:
    """Store a new room with its maker as a member; None when the name, or one that looks like it, is taken."""
    async with database.transaction() as execute:
        rows = list(
            await execute(
                """
                INSERT INTO room (name, name_key, look_key, created_by, created_at) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO NOTHING RETURNING id
                """,
                (name, name_key, look_key, created_by, created_ms),
            )
        )
        if not rows:
            return None
        room = Room(rows[0][0], name)
        await execute(
            """
            INSERT INTO member (user_id, room_id, joined_at, read_cursor)
            SELECT id, ?, ?, 0 FROM user WHERE id = ? AND deleted_at IS NULL
            """,
            (room.room_id, created_ms, created_by),
        )
        return room


async def find_room(database: Database, name_key: str, user_id: int | None) -> tuple[Room, bool] | None:
    """A room and whether the user is a member of it."""
    rows = await database.read(
        """
        SELECT room.id, room.name, member.user_id IS NOT NULL
        FROM room LEFT JOIN member ON member.room_id = room.id AND member.user_id = ?
        WHERE room.name_key = ? AND room.deleted_at IS NULL
        """,
        (user_id, name_key),
    )
    return next(((Room(room_id, name), bool(joined)) for room_id, name, joined in rows), None)


async def insert_member(database: Database, user_id: int, room_id: int, joined_ms: int) -> bool:
    """Make the user a member who has read what is there; False, and nothing changes, for one who is, or is gone.

    Raises:
        Unknown: the room has been deleted.
        StorageUnavailable: not now; nothing was stored.
    """
    while not await database.write(
        """
        INSERT INTO member (user_id, room_id, joined_at, read_cursor)
        SELECT user.id, room.id, ?3, coalesce((SELECT max(cursor) FROM message WHERE room_id = ?2), 0)
        FROM user, room WHERE user.id = ?1 AND user.deleted_at IS NULL AND room.id = ?2 AND room.deleted_at IS NULL
        ON CONFLICT DO NOTHING RETURNING room_id
        """,
        (user_id, room_id, joined_ms),
    ):
        # By the writing connection, which alone knows how things stand: a deleted room has no members.
        if await database.write("SELECT 1 FROM member WHERE user_id = ? AND room_id = ?", (user_id, room_id)):
            return False
        if not await database.write("SELECT 1 FROM room WHERE id = ? AND deleted_at IS NULL", (room_id,)):
            raise Unknown(UNKNOWN_ROOM, "unknown_room")
        if not await database.write("SELECT 1 FROM user WHERE id = ? AND deleted_at IS NULL", (user_id,)):
            return False
    return True


async def delete_room(execute: Execute, room: Room, actor: User | None, deleted_ms: int) -> Sequence[int] | None:
    """Delete a room, in a transaction that is open; its messages stay until `remove_messages`.

    The name is free at once: what stands in its place no room can be called, because of the slash.

    Returns:
        The ids of those who were members; None when it was deleted before.

    Raises:
        Forbidden: the actor is no admin.
    """
    await check_admin(execute, actor)
    deleted = await execute(
        """
        UPDATE room SET deleted_at = ?2, name = '/deleted/' || id, name_key = '/deleted/' || id,
                        look_key = '/deleted/' || id
        WHERE id = ?1 AND deleted_at IS NULL RETURNING id
        """,
        (room.room_id, deleted_ms),
    )
    if not list(deleted):
        return None
    members = await execute("DELETE FROM member WHERE room_id = ? RETURNING user_id", (room.room_id,))
    await execute("UPDATE session SET room_id = NULL WHERE room_id = ?", (room.room_id,))
    await insert_entry(execute, actor, "delete_room", subject=room.name)
    return [user_id for (user_id,) in members]


async def find_deleted_rooms(database: Database) -> list[int]:
    """The ids of the deleted rooms whose messages have not all gone."""
    rows = await database.read(
        """
        SELECT id FROM room
        WHERE deleted_at IS NOT NULL AND EXISTS (SELECT 1 FROM message WHERE message.room_id = room.id)
        """
    )
    return [room_id for (room_id,) in rows]


async def delete_member(database: Database, user_id: int, room_id: int) -> bool:
    """End a membership; False, and nothing changes, for one who is no member."""
    return bool(
        await database.write(
            "DELETE FROM member WHERE user_id = ? AND room_id = ? RETURNING room_id", (user_id, room_id)
        )
    )


async def list_rooms_json(
    database: Database,
    user_id: int,
    *,
    cursor: int,
    pending: Mapping[int, int],
    unread_max: int,
    looked_at_max: int,
) -> str:
    """Every room as a JSON array, built in SQLite so that a long one keeps nobody waiting.

    Args:
        user_id: whose memberships and unread messages are told.
        cursor: nothing that was said after it is looked at.
        pending: read marks that are not stored yet, by room_id.
        unread_max: the highest number of unread messages that is told.
        looked_at_max: of the messages after a mark only so many, the newest, are looked at. One's own do not count
            but have to be passed over; without a bound, a million of them would be read for every listing.
    """
    marks = encode_json({str(room_id): mark for room_id, mark in pending.items()})
    ((rooms,),) = await database.read(_LIST_ROOMS, (user_id, cursor, marks, unread_max, looked_at_max))
    return str(rooms)
