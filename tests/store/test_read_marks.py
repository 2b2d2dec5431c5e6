from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat.settings import Settings
from chat.store.accounts import insert_user
from chat.store.database import Database
from chat.store.opening import open_database
from chat.store.read_marks import move_read_marks
from chat.store.rooms import insert_member

ADA, BOB, LOBBY = 1, 2, 1


@pytest.fixture
async def database(data_dir: Path) -> AsyncIterator[Database]:
    async with open_database(Settings(data_dir=data_dir), lambda: None) as database:
        for name in ("ada", "bob"):
            await insert_user(database, username=name, name_key=name, look_key=name, password_hash="", created_ms=0)
        await insert_member(database, ADA, LOBBY, 0)
        yield database


async def stored(database: Database) -> list[tuple[int, int, int]]:
    return await database.read("SELECT user_id, room_id, read_cursor FROM member")


async def test_a_mark_moves_forward_and_never_back(database: Database) -> None:
    assert await move_read_marks(database, [(ADA, LOBBY, 5)]) == [(ADA, LOBBY, 5)]
    for cursor in (5, 4, 0):
        assert await move_read_marks(database, [(ADA, LOBBY, cursor)]) == []
    assert await stored(database) == [(ADA, LOBBY, 5)]


async def test_a_mark_of_someone_who_is_no_member_makes_nobody_one(database: Database) -> None:
    assert await move_read_marks(database, [(BOB, LOBBY, 5), (ADA, 99, 5), (ADA, LOBBY, 5)]) == [(ADA, LOBBY, 5)]
    assert await stored(database) == [(ADA, LOBBY, 5)]


async def test_marks_are_found_by_their_key_however_many_members_there_are(database: Database) -> None:
    statements: list[str] = []
    await database._writer.set_trace_callback(statements.append)
    await move_read_marks(database, [(ADA, LOBBY, 5)])
    (statement,) = [text for text in statements if "UPDATE member" in text]
    plan = [row[3] for row in await database.read(f"EXPLAIN QUERY PLAN {statement}")]
    assert any("SEARCH member USING PRIMARY KEY (user_id=? AND room_id=?)" in step for step in plan), plan
    assert not any("SCAN member" in step for step in plan), plan
