"""How pages are read, whose messages are stored, and what is left of what was deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from chat.models import Draft, Room, User
from chat.settings import Settings
from chat.store import accounts, messages, rooms
from chat.store.accounts import insert_user
from chat.store.data_directory import DATABASE_NAME
from chat.store.database import Database, Execute
from chat.store.migrations import SCHEMA_PATH
from chat.store.opening import open_database
from chat.store.rooms import delete_room

ADA, LOBBY = User(1, "ada"), Room(1, "lobby")


@pytest.fixture
async def database(data_dir: Path) -> AsyncIterator[Database]:
    settings = Settings(data_dir=data_dir)
    async with open_database(settings, lambda: None) as database:
        await insert_user(database, username="ada", name_key="ada", look_key="ada", password_hash="", created_ms=0)
        yield database


async def delete(database: Database, ids: list[int], first_cursor: int) -> None:
    async with database.transaction() as execute:
        await messages.delete_messages(execute, ids, first_cursor, 0)


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


def test_a_deletion_looks_up_its_messages_and_no_others(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "plan.db")
    database.executescript(SCHEMA_PATH.read_text())
    plans = []
    for sql, parameters in (
        (f"{messages._SELECT} WHERE message.id IN (SELECT value FROM json_each(?)) ORDER BY message.id", ("[1]",)),
        (
            "SELECT id FROM message WHERE id > ? AND id <= ? AND user_id = ? AND deleted_at IS NULL ORDER BY id",
            (1, 2, 3),
        ),
        ("UPDATE message SET text = '' FROM json_each(?) AS e WHERE message.id = json_extract(e.value, '$[0]')", ("",)),
        ("DELETE FROM message WHERE id IN (SELECT id FROM message WHERE room_id = ? ORDER BY id LIMIT ?)", (1, 2)),
    ):
        plans += [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    database.close()
    assert not any(step.startswith("SCAN message") for step in plans), plans


# One that lies in its row, one in pages of its own.
@pytest.mark.parametrize("text", ["a secret", "a secret " + "ß" * 3900], ids=["short", "long"])
@pytest.mark.parametrize("removed", [False, True], ids=["message", "room"])
async def test_a_deleted_text_is_in_the_file_no_more(
    database: Database, data_dir: Path, text: str, removed: bool
) -> None:
    def file() -> bytes:
        return (data_dir / DATABASE_NAME).read_bytes()

    drafts = [Draft(ADA, LOBBY, "before", None), Draft(ADA, LOBBY, text, None), Draft(ADA, LOBBY, "after", None)]
    await messages.insert_messages(database, drafts, 1, 0)
    await database._checkpoint()
    assert b"a secret" in file()
    if removed:
        async with database.transaction() as execute:
            await delete_room(execute, LOBBY, None, 0)
        assert await messages.remove_messages(database, LOBBY.room_id, 2) == 2
    else:
        await delete(database, [2], 4)
    await database._checkpoint()
    assert b"a secret" not in file()
    assert "ßß".encode() not in file()
    assert b"after" in file()


async def test_the_counter_knows_the_cursors_of_deletions_also_of_those_that_are_removed(database: Database) -> None:
    await messages.insert_messages(database, [Draft(ADA, LOBBY, "hi", None)] * 3, 1, 0)
    await delete(database, [1, 2], 4)
    assert await messages.last_cursor(database) == 5
    assert await messages.remove_messages(database, LOBBY.room_id, 2) == 2
    assert await messages.remove_messages(database, LOBBY.room_id, 2) == 1
    assert await messages.remove_messages(database, LOBBY.room_id, 2) == 0
    assert await messages.last_cursor(database) == 5


async def test_the_messages_of_a_person_are_found_between_two_ids_without_those_deleted(database: Database) -> None:
    await insert_user(database, username="bob", name_key="bob", look_key="bob", password_hash="", created_ms=0)
    bob = User(2, "bob")
    await messages.insert_messages(database, [Draft(user, LOBBY, "hi", None) for user in (ADA, bob) * 4], 1, 0)
    await delete(database, [4], 9)
    assert await messages.find_ids_by_user(database, bob.user_id, after=0, up_to=100) == [2, 6, 8]
    assert await messages.find_ids_by_user(database, bob.user_id, after=2, up_to=6) == [6]


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
