"""The read marks: up to which change each member has read a room."""

from __future__ import annotations

from collections.abc import Iterable

from chat.protocol import encode_json
from chat.store.database import Database

# A mark rewrites a page of its own at worst; this is half of it, because content counts twice.
_MARK_LOG_BYTES = 2048


async def move_read_marks(database: Database, marks: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Move marks forward, never back, as one statement and one transaction.

    Args:
        marks: user_id, room_id and cursor of each; at most one for a user and a room.

    Returns:
        Those that moved; the others were there already, or belong to no member.

    Raises:
        StorageUnavailable: none was moved.
    """
    batch = list(marks)
    return await database.write(
        """
        UPDATE member SET read_cursor = mark.cursor
        FROM (
            SELECT json_extract(value, '$[0]') AS user_id, json_extract(value, '$[1]') AS room_id,
                   json_extract(value, '$[2]') AS cursor
            FROM json_each(?)
        ) AS mark
        WHERE member.user_id = mark.user_id AND member.room_id = mark.room_id AND member.read_cursor < mark.cursor
        RETURNING user_id, room_id, read_cursor
        """,
        (encode_json(batch),),
        content_bytes=_MARK_LOG_BYTES * len(batch),
    )
