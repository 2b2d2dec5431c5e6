"""What an export reads: every user, room, membership and message of one snapshot, in pages."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

Row = tuple[Any, ...]

# A page is a few hundred kilobytes at most times; only one is in memory.
_PAGE_ROWS = 1000


def last_change(connection: sqlite3.Connection) -> int:
    """The highest id or cursor ever given out; 0 in a new database."""
    ((highest,),) = connection.execute(
        """
        SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'message'), 0),
                   coalesce((SELECT max(cursor) FROM message), 0))
        """
    )
    return int(highest)


def list_users(connection: sqlite3.Connection) -> Iterator[Row]:
    """id, name, password_hash, created_at, is_admin, deactivated_at, deleted_at of everyone, by id.

    Who is gone is among them: the messages that stay belong to someone.
    """
    return _paged(
        connection,
        """
        SELECT id, name, password_hash, created_at, is_admin, deactivated_at, deleted_at
        FROM user WHERE id > ? ORDER BY id LIMIT ?
        """,
    )


def list_rooms(connection: sqlite3.Connection) -> Iterator[Row]:
    """id, name, created_by, created_at of every room that is not deleted, by id."""
    return _paged(
        connection,
        "SELECT id, name, created_by, created_at FROM room WHERE deleted_at IS NULL AND id > ? ORDER BY id LIMIT ?",
    )


def list_members(connection: sqlite3.Connection, user_id: int) -> list[Row]:
    """user_id, room_id, joined_at, read_cursor of one person's memberships, by room."""
    return connection.execute(
        """
        SELECT user_id, room_id, joined_at, read_cursor FROM member JOIN room ON room.id = member.room_id
        WHERE user_id = ? AND room.deleted_at IS NULL ORDER BY room_id
        """,
        (user_id,),
    ).fetchall()


def list_messages(connection: sqlite3.Connection, room_id: int) -> Iterator[Row]:
    """id, cursor, user_id, username, text, created_at, client_id, deleted_at of a room's messages, by id.

    Those that are still to be deleted with their account count as deleted.
    """
    return _paged(
        connection,
        """
        SELECT message.id, cursor, user_id, user.name, CASE WHEN user.messages_go THEN '' ELSE text END,
               message.created_at, client_id,
               coalesce(message.deleted_at, CASE WHEN user.messages_go THEN user.deleted_at END)
        FROM message JOIN user ON user.id = message.user_id
        WHERE room_id = ?3 AND message.id > ?1 ORDER BY message.id LIMIT ?2
        """,
        room_id,
    )


def _paged(connection: sqlite3.Connection, sql: str, *parameters: object) -> Iterator[Row]:
    """The rows of a statement that takes the id after which it goes on, and how many; the id comes first."""
    after = -1
    while page := connection.execute(sql, (after, _PAGE_ROWS, *parameters)).fetchall():
        yield from page
        after = page[-1][0]
