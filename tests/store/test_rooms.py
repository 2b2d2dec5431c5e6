"""The list of rooms, as one statement gives it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.errors import Unknown
from chat.models import Draft, Room, User
from chat.protocol import timestamp
from chat.settings import Settings
from chat.store import rooms
from chat.store.accounts import insert_user
from chat.store.database import Database
from chat.store.messages import delete_messages, insert_messages, remove_messages
from chat.store.migrations import SCHEMA_PATH
from chat.store.opening import open_database
from chat.store.read_marks import move_read_marks
from chat.store.sessions import update_current_room
from tests.examples import examples

ADA, BOB = User(1, "ada"), User(2, "bob")
LOBBY = Room(1, "lobby")
LATEST_MS = 253_402_300_799_999  # the last millisecond of the year 9999


@pytest.fixture
async def database(data_dir: Path) -> AsyncIterator[Database]:
    async with open_database(Settings(data_dir=data_dir), lambda: None) as database:
        for user in (ADA, BOB):
            name = user.username
            await insert_user(database, username=name, name_key=name, look_key=name, password_hash="", created_ms=0)
        await rooms.insert_member(database, ADA.user_id, LOBBY.room_id, 0)
        yield database


async def say(database: Database, user: User, count: int, *, first_id: int, created_ms: int = 0) -> None:
    await insert_messages(database, [Draft(user, LOBBY, "hi", None)] * count, first_id, created_ms)


async def lobby(database: Database, user: User = ADA, **asked: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"cursor": 2**60, "pending": {}, "unread_max": 100, "looked_at_max": 300}
    (found,) = json.loads(await rooms.list_rooms_json(database, user.user_id, **(defaults | asked)))
    return found  # type: ignore[no-any-return]


async def test_what_others_said_after_the_mark_is_unread_and_what_one_said_oneself_is_not(database: Database) -> None:
    await say(database, BOB, 2, first_id=1)
    await say(database, ADA, 5, first_id=3)
    await say(database, BOB, 3, first_id=8)
    assert (await lobby(database))["unread"] == 5
    await move_read_marks(database, [(ADA.user_id, LOBBY.room_id, 8)])
    assert await lobby(database) | {"last_message_at": ""} == {
        "room_id": 1, "room_name": "lobby", "joined": True, "last_message_at": "", "unread": 2, "read": 8,
    }  # fmt: skip


@pytest.mark.parametrize("said", [99, 100, 101, 1000])
async def test_unread_messages_are_counted_up_to_a_hundred(database: Database, said: int) -> None:
    await say(database, BOB, said, first_id=1)
    assert (await lobby(database))["unread"] == min(said, 100)


async def test_of_the_messages_after_a_mark_only_the_newest_are_looked_at(database: Database) -> None:
    await say(database, BOB, 10, first_id=1)
    await say(database, ADA, 8, first_id=11)
    await say(database, BOB, 1, first_id=19)
    assert (await lobby(database, looked_at_max=19))["unread"] == 11
    assert (await lobby(database, looked_at_max=12))["unread"] == 4
    assert (await lobby(database, looked_at_max=9))["unread"] == 1


async def test_a_mark_that_is_not_stored_yet_counts_when_it_is_further(database: Database) -> None:
    await say(database, BOB, 9, first_id=1)
    await move_read_marks(database, [(ADA.user_id, LOBBY.room_id, 3)])
    for pending, read in (({1: 5}, 5), ({1: 2}, 3), ({11: 9}, 3), ({}, 3)):
        found = await lobby(database, pending=pending)
        assert (found["read"], found["unread"]) == (read, 9 - read)
    assert "read" not in await lobby(database, BOB, pending={1: 5}), "a mark makes nobody a member"


async def test_nothing_after_the_cursor_is_told(database: Database) -> None:
    await say(database, BOB, 2, first_id=1, created_ms=1000)
    await say(database, BOB, 2, first_id=3, created_ms=2000)
    found = await lobby(database, cursor=3)
    assert (found["unread"], found["last_message_at"]) == (3, timestamp(2000))
    found = await lobby(database, cursor=2)
    assert (found["unread"], found["last_message_at"]) == (2, timestamp(1000))
    found = await lobby(database, cursor=0)
    assert (found["unread"], found["last_message_at"]) == (0, None)


async def test_who_joins_has_read_what_is_there(database: Database) -> None:
    await say(database, ADA, 7, first_id=1)
    assert "unread" not in await lobby(database, BOB)
    assert await rooms.insert_member(database, BOB.user_id, LOBBY.room_id, 0)
    found = await lobby(database, BOB)
    assert (found["unread"], found["read"]) == (0, 7)


async def test_joining_and_leaving_say_whether_they_changed_anything(database: Database) -> None:
    assert not await rooms.insert_member(database, ADA.user_id, LOBBY.room_id, 5)
    assert await rooms.delete_member(database, ADA.user_id, LOBBY.room_id)
    assert not await rooms.delete_member(database, ADA.user_id, LOBBY.room_id)
    assert await database.read("SELECT * FROM member") == []


@given(st.lists(st.integers(0, LATEST_MS), min_size=50, max_size=50))
@examples(100)
def test_a_time_is_told_as_the_message_itself_tells_it(times: list[int]) -> None:
    edges = [0, 1, 999, 59_999, 60_000, 86_399_999, 951_782_399_999, 4_107_542_400_000, LATEST_MS]
    database = sqlite3.connect(":memory:")
    database.executescript(SCHEMA_PATH.read_text())
    wanted = dict(enumerate([*edges, *times], 1))
    database.execute(
        "INSERT INTO user (id, name, name_key, look_key, password_hash, created_at) "
        "VALUES (1, 'ada', 'ada', 'ada', '', 0)"
    )
    for number, created_ms in wanted.items():
        database.execute(
            "INSERT INTO room (id, name, name_key, look_key, created_by, created_at) VALUES (?1, ?1, ?1, ?1, NULL, 0)",
            (number,),
        )
        database.execute(
            "INSERT INTO message (id, cursor, room_id, user_id, client_id, text, created_at) "
            "VALUES (?1, ?1, ?1, 1, NULL, '', ?2)",
            (number, created_ms),
        )
    ((listed,),) = database.execute(rooms._LIST_ROOMS, (1, 2**60, "{}", 100, 300))
    database.close()
    told = {room["room_id"]: room["last_message_at"] for room in json.loads(listed)}
    assert told == {number: timestamp(created_ms) for number, created_ms in wanted.items()}


def test_each_room_costs_a_bounded_number_of_look_ups(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "plan.db")
    database.executescript(SCHEMA_PATH.read_text())
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {rooms._LIST_ROOMS}", (1, 9, "{}", 100, 300))]
    database.close()
    for search in (
        "SEARCH member USING PRIMARY KEY (user_id=? AND room_id=?)",
        "SEARCH message USING INDEX message_room (room_id=? AND rowid<?)",
        "SEARCH message USING INDEX message_room (room_id=? AND rowid>? AND rowid<?)",
    ):
        assert any(search in step for step in plan), plan
    assert not any("B-TREE" in step or "SCAN message" in step or "SCAN member" in step for step in plan), plan


# What was deleted


async def test_a_deleted_message_is_not_unread_and_keeps_its_place(database: Database) -> None:
    await say(database, BOB, 5, first_id=1)
    await move_read_marks(database, [(ADA.user_id, LOBBY.room_id, 1)])
    assert (await lobby(database))["unread"] == 4
    async with database.transaction() as execute:
        await delete_messages(execute, [1, 2, 5], 6, 0)
    assert (await lobby(database))["unread"] == 2
    assert (await lobby(database, looked_at_max=3))["unread"] == 2, "crowded out by what was deleted long ago"
    await move_read_marks(database, [(ADA.user_id, LOBBY.room_id, 8)])
    found = await lobby(database)
    assert (found["unread"], found["read"]) == (0, 8)


async def test_a_deleted_room_has_no_members_no_name_and_no_place_in_any_list(database: Database) -> None:
    await database.write(
        "INSERT INTO session (id_hash, user_id, room_id, created_at, last_used_at, user_agent) "
        "VALUES ('x', 1, 1, 0, 0, '')"
    )
    async with database.transaction() as execute:
        assert await rooms.delete_room(execute, LOBBY, ADA, 7) == [ADA.user_id]
        assert await rooms.delete_room(execute, LOBBY, ADA, 7) is None
    assert await database.read("SELECT * FROM member") == []
    assert await database.read("SELECT room_id FROM session") == [(None,)]
    assert await database.read("SELECT actor_id, action, user_id, subject FROM audit") == [
        (ADA.user_id, "delete_room", None, "lobby")
    ]
    listed = await rooms.list_rooms_json(
        database, ADA.user_id, cursor=9, pending={1: 5}, unread_max=100, looked_at_max=300
    )
    assert listed == "[]"
    for name in ("lobby", "/deleted/1"):
        assert await rooms.find_room(database, name, ADA.user_id) is None
    with pytest.raises(Unknown):
        await rooms.insert_member(database, ADA.user_id, LOBBY.room_id, 0)
    await update_current_room(database, "x", LOBBY.room_id)
    assert await database.read("SELECT room_id FROM session") == [(None,)]
    again = await rooms.insert_room(
        database, name="lobby", name_key="lobby", look_key="lobby", created_by=ADA.user_id, created_ms=0
    )
    assert again == Room(2, "lobby")


async def test_a_deleted_room_is_found_until_its_messages_have_gone(database: Database) -> None:
    await say(database, BOB, 1, first_id=1)
    assert await rooms.find_deleted_rooms(database) == []
    async with database.transaction() as execute:
        await rooms.delete_room(execute, LOBBY, None, 0)
    assert await rooms.find_deleted_rooms(database) == [LOBBY.room_id]
    await remove_messages(database, LOBBY.room_id, 10)
    assert await rooms.find_deleted_rooms(database) == []
