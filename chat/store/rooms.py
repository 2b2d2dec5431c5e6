"""The rooms and who joined them."""

from __future__ import annotations

from chat.models import Room
from chat.store.database import Database


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
            "INSERT INTO member (user_id, room_id, joined_at) VALUES (?, ?, ?)",
            (created_by, room.room_id, created_ms),
        )
        return room


async def find_room(database: Database, name_key: str, user_id: int) -> tuple[Room, bool] | None:
    """A room and whether the user is a member of it."""
    rows = await database.read(
        """
        SELECT room.id, room.name, member.user_id IS NOT NULL
        FROM room LEFT JOIN member ON member.room_id = room.id AND member.user_id = ?
        WHERE room.name_key = ?
        """,
        (user_id, name_key),
    )
    return next(((Room(room_id, name), bool(joined)) for room_id, name, joined in rows), None)


async def insert_member(database: Database, user_id: int, room_id: int, joined_ms: int) -> None:
    """Make the user a member; nothing changes for one who is."""
    await database.write(
        "INSERT INTO member (user_id, room_id, joined_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (user_id, room_id, joined_ms),
    )


async def list_rooms_json(database: Database) -> str:
    """Every room as a JSON array, built in SQLite so that a long one keeps nobody waiting."""
    ((rooms,),) = await database.read(
        """
        SELECT json_group_array(json_object('room_id', id, 'room_name', name))
        FROM (SELECT id, name FROM room ORDER BY id)
        """
    )
    return str(rooms)
