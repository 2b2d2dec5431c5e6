"""Takes an export in: first whole into a file beside the database, then, when nothing is wrong, batch by batch.

What holds for whoever changes this file:

1. Every rule MUST be checked before the first row is stored: against the other lines by the constraints of the tables
   here, against what is there already by `find_conflict`.
2. Rows that are there already MUST stay as they are, so the same export can be taken in again after an interruption.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from chat.store.data_directory import create_file

Row = tuple[Any, ...]

# In the WAL a batch of long messages is some tens of megabytes; a commit waits for the disk once for so many.
_BATCH_ROWS = 5000

_TABLES = """
    CREATE TABLE user (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE, look_key TEXT NOT NULL UNIQUE,
        password_hash TEXT NOT NULL, created_at INTEGER NOT NULL, is_admin INTEGER NOT NULL, deactivated_at INTEGER,
        deleted_at INTEGER
    ) STRICT;
    CREATE TABLE room (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE, look_key TEXT NOT NULL UNIQUE,
        created_by INTEGER REFERENCES user (id), created_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE member (
        user_id INTEGER NOT NULL REFERENCES user (id), room_id INTEGER NOT NULL REFERENCES room (id),
        joined_at INTEGER NOT NULL, read_cursor INTEGER NOT NULL, PRIMARY KEY (user_id, room_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE message (
        id INTEGER PRIMARY KEY, cursor INTEGER NOT NULL UNIQUE, room_id INTEGER NOT NULL,
        user_id INTEGER NOT NULL REFERENCES user (id), client_id TEXT, text TEXT NOT NULL,
        created_at INTEGER NOT NULL, deleted_at INTEGER, UNIQUE (user_id, client_id)
    ) STRICT;
"""
_COLUMNS = {
    "user": "id, name, name_key, look_key, password_hash, created_at, is_admin, deactivated_at, deleted_at",
    "room": "id, name, name_key, look_key, created_by, created_at",
    "member": "user_id, room_id, joined_at, read_cursor",
    "message": "id, cursor, room_id, user_id, client_id, text, created_at, deleted_at",
}
_KEYS = {"user": "id", "room": "id", "member": "user_id, room_id", "message": "id"}

# What is in the way: a word for it, its id in the export, its id here.
_CONFLICTS = (
    (
        "user",
        """
        SELECT new.id, old.id, new.name FROM main.user AS new JOIN chat.user AS old ON old.id = new.id
        WHERE (new.name, new.created_at, new.is_admin, new.deactivated_at, new.deleted_at)
           IS NOT (old.name, old.created_at, old.is_admin, old.deactivated_at, old.deleted_at) LIMIT 1
        """,
    ),
    (
        "user",
        """
        SELECT new.id, old.id, new.name FROM main.user AS new JOIN chat.user AS old ON old.id <> new.id
        WHERE old.name_key = new.name_key OR old.look_key = new.look_key LIMIT 1
        """,
    ),
    (
        "room",
        """
        SELECT new.id, old.id, new.name FROM main.room AS new JOIN chat.room AS old ON old.id = new.id
        WHERE (new.name, new.created_by, new.created_at) IS NOT (old.name, old.created_by, old.created_at)
          AND EXISTS (SELECT 1 FROM chat.user) LIMIT 1
        """,
    ),
    (
        "room",
        """
        SELECT new.id, old.id, new.name FROM main.room AS new JOIN chat.room AS old ON old.id <> new.id
        WHERE (old.name_key = new.name_key OR old.look_key = new.look_key) AND EXISTS (SELECT 1 FROM chat.user) LIMIT 1
        """,
    ),
    (
        "message",
        """
        SELECT new.id, old.id, '' FROM main.message AS new JOIN chat.message AS old ON old.id = new.id
        WHERE (new.cursor, new.room_id, new.user_id, new.client_id, new.text, new.created_at, new.deleted_at)
           IS NOT (old.cursor, old.room_id, old.user_id, old.client_id, old.text, old.created_at, old.deleted_at)
        LIMIT 1
        """,
    ),
    (
        "message",
        """
        SELECT new.id, old.id, '' FROM main.message AS new JOIN chat.message AS old
            ON old.user_id = new.user_id AND old.client_id = new.client_id
        WHERE old.id <> new.id LIMIT 1
        """,
    ),
    (
        "message",
        """
        SELECT new.id, old.id, '' FROM main.message AS new JOIN chat.message AS old
            ON old.room_id = new.room_id AND old.cursor = new.cursor
        WHERE old.id <> new.id LIMIT 1
        """,
    ),
)


class Conflict(NamedTuple):
    """Something in the export that cannot go beside what is there.

    Args:
        what: user, room or message.
        here: the id of what is in its way; the same id means other content.
        name: of the user or room.
    """

    what: str
    imported: int
    here: int
    name: str


@contextmanager
def open_staging(path: Path) -> Iterator[sqlite3.Connection]:
    """An empty database for the lines of an export, gone after the block; it may be lost, so it never waits."""
    create_file(path)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = ON", "trusted_schema = OFF"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(_TABLES)
        connection.execute("BEGIN")
        yield connection
    finally:
        connection.close()
        path.unlink()


def stage(connection: sqlite3.Connection, table: str, row: Row) -> None:
    """Take one line in.

    Raises:
        sqlite3.IntegrityError: it does not go together with the lines before it.
    """
    connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608  # our names


def attach(connection: sqlite3.Connection, database: Path) -> None:
    """Put the real database beside the staged lines."""
    connection.execute("COMMIT")
    connection.execute("ATTACH ? AS chat", (str(database),))
    connection.execute("PRAGMA chat.synchronous = FULL")


def find_conflict(connection: sqlite3.Connection) -> Conflict | None:
    """The first thing that cannot go beside what is there; changes nothing.

    A server without users has nothing but the room it was made with, which is no obstacle.
    """
    for what, sql in _CONFLICTS:
        for imported, here, name in connection.execute(sql):
            return Conflict(what, imported, here, name)
    return None


def store_staged(connection: sqlite3.Connection, cursor: int, on_progress: Callable[[int], None]) -> dict[str, int]:
    """Store what is not there yet, in one transaction for each batch; how many rows of each table were new.

    Args:
        cursor: nothing new will get an id or a cursor up to this one.
    """
    _begin(connection, cursor)
    stored, done = dict.fromkeys(_COLUMNS, 0), 0
    for table in _COLUMNS:
        for added, looked_at in _store_table(connection, table):
            stored[table] += added
            done += looked_at
            on_progress(done)
    return stored


def _begin(connection: sqlite3.Connection, cursor: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        """
        DELETE FROM chat.room WHERE NOT EXISTS (SELECT 1 FROM chat.user) AND NOT EXISTS (
            SELECT 1 FROM main.room AS new WHERE (new.id, new.name, new.created_by, new.created_at)
                IS (chat.room.id, chat.room.name, chat.room.created_by, chat.room.created_at)
        )
        """
    )
    connection.execute(
        "INSERT INTO chat.sqlite_sequence (name, seq) SELECT 'message', 0 "
        "WHERE NOT EXISTS (SELECT 1 FROM chat.sqlite_sequence WHERE name = 'message')"
    )
    connection.execute("UPDATE chat.sqlite_sequence SET seq = max(seq, ?) WHERE name = 'message'", (cursor,))
    connection.execute("COMMIT")


def _store_table(connection: sqlite3.Connection, table: str) -> Iterator[tuple[int, int]]:
    columns, keys = _COLUMNS[table], _KEYS[table]
    marks = ", ".join("?" * columns.count(",") + "?")
    after: Row = (-1,) * (keys.count(",") + 1)
    select = (
        f"SELECT {columns} FROM main.{table} WHERE ({keys}) > ({', '.join('?' * len(after))}) "  # noqa: S608
        f"ORDER BY {keys} LIMIT {_BATCH_ROWS}"
    )
    # Not ON CONFLICT DO NOTHING, which would hide that a name or a client_id is taken.
    insert = f"INSERT INTO chat.{table} ({columns}) VALUES ({marks}) ON CONFLICT ({keys}) DO NOTHING"  # noqa: S608
    while batch := connection.execute(select, after).fetchall():
        connection.execute("BEGIN IMMEDIATE")
        before = connection.total_changes
        connection.executemany(insert, batch)
        added = connection.total_changes - before
        connection.execute("COMMIT")
        yield added, len(batch)
        after = batch[-1][: len(after)]
