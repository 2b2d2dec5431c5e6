"""What was said before the test began: written straight into the database file of a server."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from datetime import datetime

from tests.people import Person
from tests.servers import RunningServer

LONG_AGO_MS = 1_700_000_000_000


async def already_said(server: RunningServer, lines: Iterable[tuple[Person, str, datetime]]) -> None:
    """These messages stand in the lobby, and everyone has read them."""
    async with _stopped(server) as database:
        for cursor, (person, text, at) in enumerate(lines, 1):
            _insert(database, cursor, person, text, int(at.timestamp() * 1000))
        _all_have_read(database)


async def long_talk(server: RunningServer, person: Person, count: int) -> None:
    """ "message 1", "message 2", … stand in the lobby, one each minute; everyone has read them."""
    async with _stopped(server) as database:
        database.execute(
            "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?) "
            "INSERT INTO message (id, cursor, room_id, user_id, text, created_at) "
            "SELECT n, n, (SELECT id FROM room WHERE name = 'lobby'), ?, 'message ' || n, ? + n * 60000 FROM number",
            (count, person.user_id, LONG_AGO_MS),
        )
        _all_have_read(database)


@asynccontextmanager
async def _stopped(server: RunningServer) -> AsyncIterator[sqlite3.Connection]:
    # The server counts in memory what it has stored; it must not run meanwhile.
    await server.stop()
    with closing(sqlite3.connect(server.database_path)) as database, database:
        yield database
    await server.start()


def _insert(database: sqlite3.Connection, cursor: int, person: Person, text: str, at_ms: int) -> None:
    database.execute(
        "INSERT INTO message (id, cursor, room_id, user_id, text, created_at) "
        "VALUES (?, ?, (SELECT id FROM room WHERE name = 'lobby'), ?, ?, ?)",
        (cursor, cursor, person.user_id, text, at_ms),
    )


def _all_have_read(database: sqlite3.Connection) -> None:
    database.execute("UPDATE member SET read_cursor = (SELECT max(cursor) FROM message)")
