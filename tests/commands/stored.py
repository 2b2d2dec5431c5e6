"""Databases for the commands to work on, made without a server."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from chat.settings import Settings
from chat.store.opening import open_database

# Of no password; as the server makes them.
PASSWORD_HASH = "$argon2id$v=19$m=19456,t=2,p=1$" + "s" * 22 + "$" + "k" * 43
TEXT = "What was said, long enough that a page of the file holds only a few dozen of them. "


async def make_database(data_dir: Path, *, messages: int = 0) -> None:
    """A database with ada and bob, the lobby and a room `tea`, and messages in both."""
    async with open_database(Settings(data_dir=data_dir), lambda: None):
        pass
    with closing(sqlite3.connect(data_dir / "chat.db", isolation_level=None)) as database:
        database.execute("BEGIN")
        database.executemany(
            "INSERT INTO user (id, name, name_key, look_key, password_hash, created_at, is_admin) "
            "VALUES (?1, ?2, ?2, ?2, ?3, ?4, ?5)",
            [(1, "ada", PASSWORD_HASH, 1000, 1), (2, "bob", PASSWORD_HASH, 2000, 0)],
        )
        database.execute(
            "INSERT INTO room (id, name, name_key, look_key, created_by, created_at) "
            "VALUES (2, 'tea', 'tea', 'tea', 2, 9)"
        )
        database.executemany(
            "INSERT INTO member (user_id, room_id, joined_at, read_cursor) VALUES (?, ?, 7, ?)",
            [(1, 1, 3), (2, 1, 0), (2, 2, 0)],
        )
        database.executemany(
            "INSERT INTO message (id, cursor, room_id, user_id, client_id, text, created_at) "
            "VALUES (?1, ?1, ?, ?, ?, ?, ?)",
            (
                (
                    number,
                    1 + number % 2,
                    1 + number % 2,
                    f"c{number}" if number % 3 else None,
                    f"{TEXT}{number}",
                    number,
                )
                for number in range(1, messages + 1)
            ),
        )
        database.execute("COMMIT")


async def make_database_with_log(data_dir: Path) -> None:
    """What a killed server leaves: a database whose one message, `only in the log`, is in the log alone."""
    alive = data_dir.with_name("alive")
    await make_database(alive)
    with closing(sqlite3.connect(alive / "chat.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute(
            "INSERT INTO message (cursor, room_id, user_id, text, created_at) VALUES (1, 1, 1, 'only in the log', 0)"
        )
        data_dir.mkdir(mode=0o700)
        for name in ("chat.db", "chat.db-wal", "chat.db-shm"):
            shutil.copy(alive / name, data_dir / name)
            (data_dir / name).chmod(0o600)


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    """What a statement finds in a database file that nobody has open."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        return database.execute(sql).fetchall()
