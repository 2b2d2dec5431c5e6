"""The messages: written in batches, read in pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chat.models import Draft, Message
from chat.protocol import encode_json
from chat.store.database import Database, Row

_SELECT = """
    SELECT message.id, message.cursor, room.id, room.name, user.id, user.name,
           message.text, message.created_at, message.client_id
    FROM message JOIN room ON room.id = message.room_id JOIN user ON user.id = message.user_id
"""


async def insert_messages(database: Database, drafts: Sequence[Draft], first_id: int, created_ms: int) -> set[int]:
    """Store a batch as one statement and one transaction.

    Args:
        first_id: the id of the first draft; the others follow without a gap.
        created_ms: the time of all of them, milliseconds since 1970 UTC.

    Returns:
        The ids that were stored; those missing were sent before under the same client_id, or come from someone who
        has been deactivated or has deleted the account since.

    Raises:
        StorageUnavailable: none was stored.
    """
    batch = encode_json(
        [
            (message_id, draft.room.room_id, draft.user.user_id, draft.client_id, draft.text)
            for message_id, draft in enumerate(drafts, first_id)
        ]
    )
    rows = await database.write(
        """
        INSERT INTO message (id, cursor, room_id, user_id, client_id, text, created_at)
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[0]'), json_extract(value, '$[1]'),
               json_extract(value, '$[2]'), json_extract(value, '$[3]'), json_extract(value, '$[4]'), ?2
        FROM json_each(?1) CROSS JOIN user  -- in this order: the ids follow one another
        WHERE user.id = json_extract(value, '$[2]') AND user.deactivated_at IS NULL AND user.deleted_at IS NULL
        ON CONFLICT (user_id, client_id) WHERE client_id IS NOT NULL DO NOTHING
        RETURNING id
        """,
        (batch, created_ms),
        content_bytes=len(batch),
    )
    return {message_id for (message_id,) in rows}


async def find_messages_by_client_id(
    database: Database, drafts: Sequence[Draft]
) -> dict[tuple[int, str | None], Message]:
    """The stored messages that these drafts repeat, by (user_id, client_id)."""
    wanted = encode_json([(draft.user.user_id, draft.client_id) for draft in drafts])
    rows = await database.read(
        _SELECT  # noqa: S608  # a constant; the values are a parameter
        + """
        WHERE (message.user_id, message.client_id) IN
              (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))
        """,
        (wanted,),
    )
    return {(message.user_id, message.client_id): message for message in _messages(rows)}


async def list_messages_before(database: Database, room_id: int, *, before: int, limit: int) -> list[Message]:
    """The newest messages with an id below `before`, oldest first."""
    rows = await database.read(
        f"{_SELECT} WHERE message.room_id = ? AND message.id < ? ORDER BY message.id DESC LIMIT ?",
        (room_id, before, limit),
    )
    return _messages(reversed(rows))


async def list_messages_after(
    database: Database, room_id: int, *, after: int, before: int, limit: int
) -> list[Message]:
    """The oldest messages with an id between `after` and `before`, both left out, oldest first."""
    rows = await database.read(
        f"{_SELECT} WHERE message.room_id = ? AND message.id > ? AND message.id < ? ORDER BY message.id LIMIT ?",
        (room_id, after, before, limit),
    )
    return _messages(rows)


async def list_changes(database: Database, room_id: int, *, after: int, up_to: int, limit: int) -> list[Message]:
    """The first messages whose last change lies after one cursor and not after the other, in cursor order."""
    rows = await database.read(
        f"{_SELECT} WHERE message.room_id = ? AND message.cursor > ? AND message.cursor <= ? "
        "ORDER BY message.cursor LIMIT ?",
        (room_id, after, up_to, limit),
    )
    return _messages(rows)


async def last_cursor(database: Database) -> int:
    """The highest id or cursor ever given out, 0 in a new database; one index look-up per room."""
    ((highest,),) = await database.read(
        """
        SELECT max(
            coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'message'), 0),
            coalesce((SELECT max((SELECT max(cursor) FROM message WHERE room_id = room.id)) FROM room), 0)
        )
        """
    )
    return int(highest)


def _messages(rows: Iterable[Row]) -> list[Message]:
    return [Message._make(row) for row in rows]
