"""The rules of the connections."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat.errors import StorageUnavailable
from chat.settings import Settings
from chat.store.database import Database
from chat.store.opening import open_database

ADD_ROOM = "INSERT INTO room (name, name_key, look_key, created_at) VALUES (?1, ?1, ?1, 0)"


@pytest.fixture
def broken() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def database(data_dir: Path, broken: asyncio.Event) -> AsyncIterator[Database]:
    settings = Settings(data_dir=data_dir, checkpoint_idle_seconds=0.01, busy_timeout_seconds=0.1)
    async with open_database(settings, broken.set) as opened:
        yield opened


async def room_names(database: Database) -> set[str]:
    return {name for (name,) in await database.read("SELECT name FROM room")}


async def test_transactions_of_two_tasks_do_not_mix(database: Database) -> None:
    inside = asyncio.Event()

    async def fail_after_the_other_has_tried() -> None:
        async with database.transaction() as execute:
            await execute(ADD_ROOM, ("mine",))
            inside.set()
            for _ in range(10):
                await asyncio.sleep(0)
            raise RuntimeError

    failing = asyncio.create_task(fail_after_the_other_has_tried())
    await inside.wait()
    await database.write(ADD_ROOM, ("theirs",))
    with pytest.raises(RuntimeError):
        await failing
    assert await room_names(database) == {"lobby", "theirs"}


async def test_what_stores_messages_waits_for_one_other_write_at_most_and_holds_up_none_for_good(
    database: Database,
) -> None:
    order: list[str] = []

    async def write(name: str, *, ahead: bool) -> None:
        await database.write(ADD_ROOM, (name,), ahead=ahead)
        order.append(name)

    others = [asyncio.create_task(write(f"other {number}", ahead=False)) for number in range(5)]
    await asyncio.sleep(0)
    messages = [asyncio.create_task(write(f"message {number}", ahead=True)) for number in range(3)]
    await asyncio.gather(*others, *messages)
    assert [name for name in order if name.startswith("other")] == [f"other {number}" for number in range(5)]
    assert order.index("message 0") <= 2
    assert order.index("message 2") < order.index("other 4")


async def test_a_cancelled_transaction_changes_nothing_and_leaves_the_way_free(database: Database) -> None:
    inside = asyncio.Event()

    async def hang() -> None:
        async with database.transaction() as execute:
            await execute(ADD_ROOM, ("mine",))
            inside.set()
            await asyncio.Event().wait()

    hanging = asyncio.create_task(hang())
    await inside.wait()
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    await database.write(ADD_ROOM, ("theirs",))
    assert await room_names(database) == {"lobby", "theirs"}


@pytest.mark.parametrize("awaited", ["BEGIN", "COMMIT"])
async def test_a_transaction_cancelled_at_its_edge_does_not_swallow_what_comes_after(
    database: Database, data_dir: Path, awaited: str
) -> None:
    """Cancelling does not stop the SQL: the statement that was awaited is still carried out."""
    reached = asyncio.Event()

    async def run() -> None:
        if awaited == "BEGIN":
            reached.set()
        async with database.transaction() as execute:
            await execute(ADD_ROOM, ("mine",))
            reached.set()

    with contextlib.closing(sqlite3.connect(data_dir / "chat.db", isolation_level=None)) as other:
        if awaited == "BEGIN":
            other.execute("BEGIN IMMEDIATE")  # so that ours has to wait for it
        running = asyncio.create_task(run())
        await reached.wait()
        await asyncio.sleep(0)
        running.cancel()
        if awaited == "BEGIN":
            other.execute("ROLLBACK")
        await asyncio.gather(running, return_exceptions=True)
    await database.write(ADD_ROOM, ("theirs",))
    assert "theirs" in await room_names(database), "it was stored in a transaction that nobody ends"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives threads priorities of their own")
async def test_readers_come_after_who_passes_messages_on(data_dir: Path) -> None:
    others = set(threading.enumerate())
    async with open_database(Settings(data_dir=data_dir, reader_connections=3), lambda: None):
        own = os.getpriority(os.PRIO_PROCESS, 0)
        found = [os.getpriority(os.PRIO_PROCESS, t.native_id or 0) for t in threading.enumerate() if t not in others]
        assert own in found  # the writer's
        assert found.count(19) >= 3


async def test_more_reads_at_once_than_readers_are_all_answered(database: Database) -> None:
    rows = await asyncio.gather(*(database.read("SELECT ?", (number,)) for number in range(50)))
    assert rows == [[(number,)] for number in range(50)]


async def test_the_log_is_folded_in_when_nobody_writes(database: Database, data_dir: Path) -> None:
    checkpointing = asyncio.create_task(database.keep_checkpointed())
    size = data_dir.joinpath("chat.db").stat().st_size
    for number in range(200):
        await database.write(ADD_ROOM, (f"room {number} {'x' * 500}",))
    while data_dir.joinpath("chat.db").stat().st_size == size:
        await asyncio.sleep(0.01)
    checkpointing.cancel()
    await asyncio.gather(checkpointing, return_exceptions=True)


async def test_a_full_disk_refuses_writes_serves_reads_and_recovers(database: Database, broken: asyncio.Event) -> None:
    ((pages,),) = await database.write("PRAGMA page_count")
    await database.write(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageUnavailable):
        for number in range(1000):
            await database.write(ADD_ROOM, (f"room {number} {'x' * 500}",))
    assert "lobby" in await room_names(database)
    assert not await database.takes_writes()
    assert not await database.takes_writes(), "asked again too soon to try"
    await database.write("PRAGMA max_page_count = 1000000")
    assert await database.takes_writes()
    await database.write(ADD_ROOM, ("after",))
    assert "after" in await room_names(database)
    assert not broken.is_set()


async def test_a_database_locked_by_another_program_refuses_writes_in_time_and_recovers(
    database: Database, data_dir: Path, broken: asyncio.Event
) -> None:

    other = sqlite3.connect(data_dir / "chat.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable):
        await database.write(ADD_ROOM, ("locked out",))
    other.execute("ROLLBACK")
    other.close()
    await database.write(ADD_ROOM, ("let in",))
    assert await room_names(database) == {"lobby", "let in"}
    assert not broken.is_set()


async def test_those_who_wait_behind_a_locked_out_write_are_refused_with_it_and_later_ones_try_again(
    data_dir: Path,
) -> None:
    attempts = 0

    def count(sql: str) -> None:
        nonlocal attempts
        attempts += "INSERT" in sql or "BEGIN" in sql

    async def begin_a_transaction(database: Database) -> None:
        async with database.transaction():
            raise AssertionError

    async with open_database(Settings(data_dir=data_dir, busy_timeout_seconds=0.3), lambda: None) as database:
        await database._writer.set_trace_callback(count)
        with contextlib.closing(sqlite3.connect(data_dir / "chat.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            refusals = await asyncio.gather(
                *(database.write(ADD_ROOM, (f"room {number}",)) for number in range(5)),
                begin_a_transaction(database),
                return_exceptions=True,
            )
            assert {type(refusal) for refusal in refusals} == {StorageUnavailable}
            assert attempts == 1
            with pytest.raises(StorageUnavailable):
                await database.write(ADD_ROOM, ("later",))
            assert attempts == 2
            other.execute("ROLLBACK")
        await database.write(ADD_ROOM, ("let in",))
        assert await room_names(database) == {"lobby", "let in"}


async def test_a_file_damaged_under_a_running_server_is_called_broken(
    database: Database, data_dir: Path, broken: asyncio.Event
) -> None:
    for number in range(200):
        await database.write(ADD_ROOM, (f"room {number} {'x' * 500}",))
    await database.write("PRAGMA wal_checkpoint(TRUNCATE)")
    with data_dir.joinpath("chat.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xee" * 4096 * 20)
    with pytest.raises(StorageUnavailable):
        for _ in range(100):
            await asyncio.gather(*(database.read("SELECT sum(length(name)) FROM room NOT INDEXED") for _ in range(8)))
            await database.write("UPDATE room SET created_at = created_at + 1")
    assert broken.is_set()
    with pytest.raises(StorageUnavailable):
        await database.write("PRAGMA user_version = 1")  # touches no damaged page, and is refused all the same
    assert not await database.takes_writes()


async def test_who_comes_after_the_end_is_told_to_come_back(data_dir: Path, broken: asyncio.Event) -> None:
    async with open_database(Settings(data_dir=data_dir), broken.set) as closed:
        assert await room_names(closed) == {"lobby"}
    with pytest.raises(StorageUnavailable):
        await room_names(closed)
    with pytest.raises(StorageUnavailable):
        await closed.write(ADD_ROOM, ("tea",))
    with pytest.raises(StorageUnavailable):
        async with closed.transaction():
            raise AssertionError("nothing can be done in it")
    assert not broken.is_set()
