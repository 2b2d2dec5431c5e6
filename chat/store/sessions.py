"""The sessions: the rows that decide whether a cookie, or an API token, is worth anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chat.models import Room, Session, User
from chat.protocol import encode_json
from chat.store.database import Database


async def list_sessions(database: Database) -> list[Session]:
    """Every session there is, the longest unused first."""
    rows = await database.read(
        """
        SELECT session.id_hash, user.id, user.name, session.created_at, session.last_used_at, session.user_agent,
               room.id, room.name, session.token_name
        FROM session JOIN user ON user.id = session.user_id LEFT JOIN room ON room.id = session.room_id
        ORDER BY session.last_used_at
        """
    )
    return [
        Session(
            key, User(user_id, username), created / 1000, last_used / 1000, user_agent,
            None if room_id is None else Room(room_id, room_name), token_name,
        )
        for key, user_id, username, created, last_used, user_agent, room_id, room_name, token_name in rows
    ]  # fmt: skip


async def insert_session(database: Database, session: Session, *, password_hash: str, tokens_max: int) -> bool:
    """Store a sign-in or a token; False, and nothing changes, when the person may no longer sign in like this.

    Args:
        password_hash: of the password that was right a moment ago: meanwhile it may have been changed, or the person
            be deactivated or gone.
        tokens_max: a token beside so many is not stored.
    """
    return bool(
        await database.write(
            """
            INSERT INTO session (id_hash, user_id, room_id, created_at, last_used_at, user_agent, token_name)
            SELECT ?1, id, ?3, ?4, ?5, ?6, ?7 FROM user
            WHERE id = ?2 AND password_hash = ?8 AND deactivated_at IS NULL AND deleted_at IS NULL AND (
                ?7 IS NULL
                OR (SELECT count(*) FROM session WHERE user_id = ?2 AND token_name IS NOT NULL) < ?9
            )
            RETURNING id_hash
            """,
            (
                session.key,
                session.user.user_id,
                session.room and session.room.room_id,
                int(session.created * 1000),
                int(session.last_used * 1000),
                session.user_agent,
                session.token_name,
                password_hash,
                tokens_max,
            ),
        )
    )


async def update_current_room(database: Database, key: str, room_id: int) -> bool:
    """Store a session's current room; False, and it has none, when the room has been deleted."""
    rows = await database.write(
        """
        UPDATE session SET room_id = (SELECT id FROM room WHERE id = ? AND deleted_at IS NULL) WHERE id_hash = ?
        RETURNING room_id
        """,
        (room_id, key),
    )
    return any(stored is not None for (stored,) in rows)


async def delete_sessions(database: Database, keys: Sequence[str]) -> None:
    await database.write(
        "DELETE FROM session WHERE id_hash IN (SELECT value FROM json_each(?))", (encode_json(list(keys)),)
    )


async def save_last_used(database: Database, sessions: Iterable[Session]) -> None:
    """Write down when these sessions were last used, as one statement."""
    times = encode_json([(session.key, int(session.last_used * 1000)) for session in sessions])
    await database.write(
        """
        UPDATE session SET last_used_at = json_extract(used.value, '$[1]')
        FROM json_each(?) AS used WHERE session.id_hash = json_extract(used.value, '$[0]')
        """,
        (times,),
    )
