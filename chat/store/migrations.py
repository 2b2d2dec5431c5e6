"""Brings older database files up to the current schema, one numbered step and one transaction at a time."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import aiosqlite

from chat.errors import StartRefused

log = logging.getLogger(__name__)

# SQLite keeps both numbers in the file's header: https://www.sqlite.org/pragma.html#pragma_application_id
APPLICATION_ID = 0x43484154  # "CHAT"
SCHEMA_PATH = Path(__file__).parent.parent.parent / "schema.sql"

# MIGRATIONS[n] holds the statements that lead from version n + 1 to n + 2; append only, and change
# schema.sql with it. The version of a file is its `user_version`.
MIGRATIONS: Sequence[Sequence[str]] = (
    (
        "ALTER TABLE member ADD COLUMN read_cursor INTEGER NOT NULL DEFAULT 0",
        # What was said before anything was marked counts as read: nobody is shown the whole past as new.
        """
        UPDATE member SET read_cursor =
            coalesce((SELECT max(cursor) FROM message WHERE message.room_id = member.room_id), 0)
        """,
    ),
    (
        "ALTER TABLE user ADD COLUMN is_admin INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE user ADD COLUMN deactivated_at INTEGER",
        "ALTER TABLE user ADD COLUMN deleted_at INTEGER",
        "ALTER TABLE user ADD COLUMN messages_go INTEGER NOT NULL DEFAULT 0",
        # Whoever came first set the server up.
        "UPDATE user SET is_admin = 1 WHERE id = (SELECT min(id) FROM user)",
        "ALTER TABLE room ADD COLUMN deleted_at INTEGER",
        "ALTER TABLE session ADD COLUMN token_name TEXT",
        "ALTER TABLE message ADD COLUMN deleted_at INTEGER",
        """
        CREATE TABLE invite (
            id INTEGER PRIMARY KEY,
            code_hash TEXT NOT NULL UNIQUE,
            created_by INTEGER REFERENCES user (id),
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            uses_left INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE password_reset (
            user_id INTEGER PRIMARY KEY REFERENCES user (id),
            code_hash TEXT NOT NULL UNIQUE,
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            created_at INTEGER NOT NULL,
            actor_id INTEGER REFERENCES user (id),
            action TEXT NOT NULL,
            user_id INTEGER REFERENCES user (id),
            subject TEXT NOT NULL
        ) STRICT
        """,
        """
        CREATE TRIGGER audit_keeps_what_it_says BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
        """,
        """
        CREATE TRIGGER audit_keeps_every_entry BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
        """,
        """
        CREATE TABLE secret (
            purpose TEXT PRIMARY KEY,
            value BLOB NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
    ),
)


def current_version(migrations: Sequence[Sequence[str]] = MIGRATIONS) -> int:
    """The version that this program reads and writes."""
    return len(migrations) + 1


async def create_schema(connection: aiosqlite.Connection, version: int) -> None:
    """Give an empty file the complete current schema, in one transaction."""
    schema = SCHEMA_PATH.read_text(encoding="utf-8")
    await connection.executescript(
        f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version}; {schema} COMMIT;"
    )


async def read_version(
    connection: aiosqlite.Connection, path: Path, migrations: Sequence[Sequence[str]] = MIGRATIONS
) -> int:
    """The schema version of a file that this program can use, perhaps after migrating it.

    Raises:
        StartRefused: it belongs to another program or to a newer version of this one.
    """
    application_id = await _pragma(connection, "application_id")
    version = await _pragma(connection, "user_version")
    newest = current_version(migrations)
    if application_id != APPLICATION_ID or version < 1:
        raise StartRefused(f"{path} is a database of another program. Give another --data-dir.")
    if version > newest:
        raise StartRefused(
            f"{path} was written by a newer version of this program (schema {version}, this one knows {newest}). "
            "Upgrade the program, or restore a backup made before that upgrade."
        )
    return version


async def migrate(
    connection: aiosqlite.Connection, path: Path, migrations: Sequence[Sequence[str]] = MIGRATIONS
) -> None:
    """Bring the file up to the current version; raises as `read_version`, and when a step fails."""
    version = await read_version(connection, path, migrations)
    for number in range(version, current_version(migrations)):
        await _apply(connection, number + 1, migrations[number - 1])


async def _apply(connection: aiosqlite.Connection, version: int, statements: Sequence[str]) -> None:
    log.info("database: upgrading to schema %d", version)
    try:
        await connection.execute_fetchall("BEGIN IMMEDIATE")
        for statement in (*statements, f"PRAGMA user_version = {version}"):
            await connection.execute_fetchall(statement)
        await connection.execute_fetchall("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            await connection.execute_fetchall("ROLLBACK")
        raise StartRefused(f"The database could not be upgraded to schema {version}: {error}.") from error


async def _pragma(connection: aiosqlite.Connection, name: str) -> int:
    ((value,),) = await connection.execute_fetchall(f"PRAGMA {name}")
    return int(value)
