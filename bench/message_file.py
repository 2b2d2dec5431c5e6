"""A database with a million messages, made once and shared by the scenarios that need history."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from bench.cast import Cast
from bench.load.wire import message_text

_BATCH = 100_000
_SENDER = 9999
_INSERT = "INSERT INTO message (id, cursor, room_id, user_id, text, created_at) VALUES (?, ?, ?, ?, ?, ?)"


def data_with_messages(cast: Cast, directory: Path, counts: dict[str, int]) -> Path:
    """A data directory with the cast and so many messages in each of these rooms; made when it is missing."""
    if not directory.exists():
        cast.copy(directory)
        connection = sqlite3.connect(directory / "chat.db", isolation_level=None)
        try:
            _fill(connection, counts)
        finally:
            connection.close()
    return directory


def _fill(connection: sqlite3.Connection, counts: dict[str, int]) -> None:
    first = 1
    for name, count in counts.items():
        ((room_id,),) = connection.execute("SELECT id FROM room WHERE name = ?", (name,))
        for start in range(first, first + count, _BATCH):
            connection.execute("BEGIN")
            connection.executemany(_INSERT, _rows(start, min(start + _BATCH, first + count), room_id))
            connection.execute("COMMIT")
        first += count
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _rows(start: int, end: int, room_id: int) -> Iterator[tuple[int, int, int, int, str, int]]:
    now = int(time.time() * 1000)
    return ((number, number, room_id, 1, message_text(_SENDER, number), now) for number in range(start, end))
