"""How pages are read, and whose messages are stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from chat.models import Draft, Room, User
from chat.settings import Settings
from chat.store import accounts, messages, rooms
from chat.store.database import Execute
from chat.store.migrations import SCHEMA_PATH
from chat.store.opening import open_database


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("message.room_id = 1 AND message.id < 9 ORDER BY message.id DESC LIMIT 50", "message_room"),
        ("message.room_id = 1 AND message.id > 1 AND message.id < 9 ORDER BY message.id LIMIT 50", "message_room"),
        (
            "message.room_id = 1 AND message.cursor > 1 AND message.cursor <= 9 ORDER BY message.cursor LIMIT 50",
            "message_room_cursor",
        ),
    ],
)
def test_a_page_is_one_range_of_one_index_and_nothing_is_sorted(tmp_path: Path, condition: str, index: str) -> None:
    database = sqlite3.connect(tmp_path / "plan.db")
    database.executescript(SCHEMA_PATH.read_text())
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {messages._SELECT} WHERE {condition}")]
    database.close()
    assert any(f"SEARCH message USING INDEX {index} (" in step for step in plan), plan
    assert not any("SCAN" in step or "B-TREE" in step for step in plan), plan


async def deactivated(execute: Execute, user: User) -> None:
    assert await accounts.deactivate(execute, user.user_id, 0)


async def deleted(execute: Execute, user: User) -> None:
    assert await accounts.delete_account(execute, user.user_id, password_hash="", messages_go=False, now_ms=0)


@pytest.mark.parametrize("end", [deactivated, deleted])
async def test_what_someone_had_under_way_who_is_gone_is_not_stored(
    data_dir: Path, end: Callable[[Execute, User], Awaitable[None]]
) -> None:
    lobby = Room(1, "lobby")
    async with open_database(Settings(data_dir=data_dir), lambda: None) as database:
        ada, bob = [
            await accounts.insert_user(
                database, username=name, name_key=name, look_key=name, password_hash="", created_ms=0
            )
            for name in ("ada", "bob")
        ]
        assert ada is not None
        assert bob is not None
        async with database.transaction() as execute:
            await end(execute, bob)
        drafts = [Draft(user, lobby, "hi", client_id) for user in (ada, bob) for client_id in ("1", None)]
        assert await messages.insert_messages(database, drafts, 1, 0) == {1, 2}
        assert await rooms.insert_member(database, bob.user_id, lobby.room_id, 0) == (end is deactivated)
        async with database.transaction() as execute:
            assert not await accounts.set_admin(execute, ada.user_id, is_admin=True), "she came first"
