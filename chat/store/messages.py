"""The messages: written in batches, read in pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chat.models import Draft, Message, User
from chat.protocol import encode_json
from chat.store.accounts import check_admin
from chat.store.audit import insert_entry
from chat.store.database import Database, Execute, Row

# A deleted message rewrites pages of the table and its indexes of its own, or shares them with its neighbours: between
# 1 and 7 KB of log were seen. This is half of what is reckoned with, because content counts twice.
DELETION_LOG_BYTES = 2048

_SELECT = """
    SELECT message.id, message.cursor, room.id, room.name, user.id, user.name,
           message.text, message.created_at, message.client_id, message.deleted_at IS NOT NULL
    FROM message JOIN room ON room.id = message.room_id JOIN user ON user.id = message.user_id
"""


async def insert_messages(
    database: Database, drafts: Sequence[Draft], first_id: int, created_ms: int, waiting_since: float | None = None
) -> set[int]:
    """Store a batch as one statement and one transaction.

    Args:
        first_id: the id of the first draft; the others follow without a gap.
        created_ms: the time of all of them, milliseconds since 1970 UTC.
        waiting_since: as in `Database.write`.

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
        ahead=True,
        waiting_since=waiting_since,
    )
    return {message_id for (message_id,) in rows}


async def delete_messages(
    execute: Execute, message_ids: Sequence[int], first_cursor: int, deleted_ms: int
) -> list[Message]:
    """Empty those of these messages that exist, in a transaction that is open; the others cost nothing.

    Args:
        first_cursor: the cursor of the first; the others follow in the order of their ids.

    Returns:
        What is left of those that were emptied, in the order of their cursors.
    """
    rows = await execute(
        _SELECT  # noqa: S608  # a constant; the values are a parameter
        + """
        WHERE message.id IN (SELECT value FROM json_each(?)) AND message.deleted_at IS NULL AND room.deleted_at IS NULL
        ORDER BY message.id
        """,
        (encode_json(message_ids),),
    )
    emptied = [
        message._replace(cursor=cursor, text="", is_deleted=True)
        for cursor, message in enumerate(_messages(rows), first_cursor)
    ]
    if emptied:
        await _empty(execute, emptied, deleted_ms)
    return emptied


async def delete_message(
    execute: Execute, message_id: int, actor: User | None, first_cursor: int, deleted_ms: int
) -> list[Message]:
    """Empty one message and note who did it; as `delete_messages`.

    Raises:
        Forbidden: the actor is no admin.
    """
    await check_admin(execute, actor)
    emptied = await delete_messages(execute, [message_id], first_cursor, deleted_ms)
    for message in emptied:
        subject = f"message {message_id} in {message.room_name}"
        await insert_entry(execute, actor, "delete_message", user_id=message.user_id, subject=subject)
    return emptied


async def find_ids_by_user(database: Database, user_id: int, *, after: int, up_to: int) -> list[int]:
    """The ids of the messages of a person that exist and lie after one id and not after another, in order.

    No index leads to them, because every message would have to pay for one that is hardly ever used; so all that lie
    between the two are looked at.
    """
    rows = await database.read(
        "SELECT id FROM message WHERE id > ? AND id <= ? AND user_id = ? AND deleted_at IS NULL ORDER BY id",
        (after, up_to, user_id),
    )
    return [message_id for (message_id,) in rows]


async def remove_messages(database: Database, room_id: int, limit: int) -> int:
    """Remove the first messages of a deleted room for good; says how many there were.

    Raises:
        StorageUnavailable: none was removed.
    """
    removed = await database.write(
        """
        DELETE FROM message
        WHERE id IN (SELECT id FROM message WHERE room_id = ? ORDER BY id LIMIT ?) RETURNING id
        """,
        (room_id, limit),
        content_bytes=DELETION_LOG_BYTES * limit,
    )
    return len(removed)


async def find_messages_by_client_id(
    database: Database, drafts: Sequence[Draft]
) -> dict[tuple[int, str | None], Message]:
    """The stored messages that these drafts repeat, by (user_id, client_id); none of a room that is gone."""
    wanted = encode_json([(draft.user.user_id, draft.client_id) for draft in drafts])
    rows = await database.read(
        _SELECT  # noqa: S608  # a constant; the values are a parameter
        + """
        WHERE (message.user_id, message.client_id) IN
              (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))
              AND room.deleted_at IS NULL
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


async def _empty(execute: Execute, emptied: Sequence[Message], deleted_ms: int) -> None:
    await execute(
        """
        UPDATE message SET text = '', deleted_at = ?2, cursor = json_extract(emptied.value, '$[1]')
        FROM json_each(?1) AS emptied WHERE message.id = json_extract(emptied.value, '$[0]')
        """,
        (encode_json([(message.message_id, message.cursor) for message in emptied]), deleted_ms),
    )
    # SQLite counts ids only; with this the counter knows the cursors of deletions too, also when they are removed.
    await execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'message'", (emptied[-1].cursor,))


def _messages(rows: Iterable[Row]) -> list[Message]:
    return [Message._make(row) for row in rows]
