"""The audit log is written with the act, or neither is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from chat.settings import Settings
from chat.store.audit import insert_entry
from chat.store.opening import open_database


async def test_an_act_that_fails_leaves_no_entry(data_dir: Path) -> None:
    async with open_database(Settings(data_dir=data_dir), lambda: None) as database:
        with pytest.raises(RuntimeError):
            async with database.transaction() as execute:
                await insert_entry(execute, None, "delete_room", subject="tea")
                raise RuntimeError("the act itself")
        assert await database.read("SELECT * FROM audit") == []


async def test_an_entry_stays_as_it_is(data_dir: Path) -> None:
    async with open_database(Settings(data_dir=data_dir), lambda: None) as database, database.transaction() as execute:
        await insert_entry(execute, None, "delete_room", subject="tea")
    with sqlite3.connect(data_dir / "chat.db") as connection:
        for statement in ("DELETE FROM audit", "UPDATE audit SET subject = ''"):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(statement)
        entries = connection.execute("SELECT actor_id, action, user_id, subject FROM audit").fetchall()
    connection.close()
    assert entries == [(None, "delete_room", None, "tea")]
