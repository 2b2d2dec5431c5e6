"""Read marks between a socket and the disk."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.errors import StorageUnavailable
from chat.live.hub import Hub
from chat.live.subscriber import Subscriber
from chat.models import Message, Room, User
from chat.services import read_marks
from chat.services.read_marks import ReadMarks
from chat.settings import Settings
from chat.store.data_directory import DATABASE_NAME
from chat.store.database import Database, Row
from chat.store.opening import open_database
from tests.examples import examples
from tests.live.sockets import Wire, socket_of
from tests.turns import at_once

ROOMS = [Room(number, "lobby" if number == 1 else f"room {number}") for number in range(1, 21)]
LOBBY, ATTIC = ROOMS[:2]
ADA, BOB = User(1, "ada"), User(2, "bob")
HEAD = 1000  # the hub's cursor

_ADD_USERS = (
    "INSERT INTO user (id, name, name_key, look_key, password_hash, created_at) "
    "SELECT value, value, value, value, '', 0 FROM json_each(?)"
)
_ADD_ROOMS = (
    "INSERT OR IGNORE INTO room (id, name, name_key, look_key, created_by, created_at) "
    "SELECT value, value, value, value, NULL, 0 FROM json_each(?)"
)


class Stage:
    """Read marks on a real database, with people who are members of every room."""

    def __init__(self, data_dir: Path, database: Database, hub: Hub, marks: ReadMarks) -> None:
        self.data_dir = data_dir
        self.database = database
        self.hub = hub
        self.marks = marks
        self.commits = 0

    def open_socket(self, user: User) -> tuple[Subscriber, Wire]:
        subscriber, wire = socket_of(user)
        self.hub.add(subscriber)
        return subscriber, wire

    async def stored(self, user: User = ADA, room: Room = LOBBY) -> int:
        ((cursor,),) = await self.database.read(
            "SELECT read_cursor FROM member WHERE user_id = ? AND room_id = ?", (user.user_id, room.room_id)
        )
        return int(cursor)

    def break_storage(self, *, mend: bool = False) -> None:
        names = ("elsewhere", "member") if mend else ("member", "elsewhere")
        with closing(sqlite3.connect(self.data_dir / DATABASE_NAME, isolation_level=None)) as other:
            other.execute("ALTER TABLE {} RENAME TO {}".format(*names))


async def nothing_missed(_room_id: int, _after: int, _up_to: int, _limit: int) -> list[Message]:
    return []


@asynccontextmanager
async def staged(data_dir: Path, *, people: int = 2, **settings: Any) -> AsyncIterator[Stage]:
    chosen = Settings(data_dir=data_dir, **({"read_mark_interval_seconds": 3600} | settings))
    async with open_database(chosen, lambda: None) as database:
        for sql, count in ((_ADD_USERS, people), (_ADD_ROOMS, len(ROOMS))):
            await database.write(sql, (json.dumps([str(number) for number in range(1, count + 1)]),))
        await database.write("INSERT INTO member SELECT user.id, room.id, 0, 0 FROM user, room")
        hub = Hub(chosen, nothing_missed, HEAD, at_once)
        stage = Stage(data_dir, database, hub, ReadMarks(database, hub, chosen))
        write = database.write

        async def counted(sql: str, parameters: Sequence[object] = (), **options: Any) -> list[Row]:
            stage.commits += 1
            return await write(sql, parameters, **options)

        database.write = counted  # type: ignore[method-assign]
        yield stage


@asynccontextmanager
async def running(marks: ReadMarks) -> AsyncIterator[None]:
    task = asyncio.create_task(marks.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def stage(data_dir: Path) -> AsyncIterator[Stage]:
    async with staged(data_dir) as made:
        yield made


async def told(wire: Wire) -> list[dict[str, Any]]:
    """Wait until something is written to a socket."""
    while not wire.written:
        await asyncio.sleep(0)
    return wire.frames()


def read(cursor: int, room: Room = LOBBY) -> dict[str, Any]:
    return {"type": "read", "room": room.name, "cursor": cursor}


async def test_the_other_sockets_of_the_person_are_told_and_nobody_else(stage: Stage) -> None:
    (sender, senders), (_, second), (_, bobs) = (stage.open_socket(user) for user in (ADA, ADA, BOB))
    await stage.marks.mark(sender, LOBBY, 5)
    assert second.written == b"", "told before it is on disk"
    assert await stage.marks.flush()
    assert await stage.stored() == 5
    assert second.frames() == [read(5)]
    assert (senders.written, bobs.written) == (b"", b"")


async def test_who_sent_the_furthest_of_several_marks_is_not_told_and_the_others_are(stage: Stage) -> None:
    sockets = [stage.open_socket(ADA) for _ in range(3)]
    for (subscriber, _), cursor in zip(sockets, (5, 9, 7), strict=True):
        await stage.marks.mark(subscriber, LOBBY, cursor)
    await stage.marks.flush()
    assert [wire.frames() for _, wire in sockets] == [[read(9)], [], [read(9)]]


async def test_a_mark_that_does_not_move_is_told_to_nobody(stage: Stage) -> None:
    (sender, _), (_, second) = (stage.open_socket(ADA) for _ in range(2))
    for cursor in (5, 5, 4):
        await stage.marks.mark(sender, LOBBY, cursor)
        await stage.marks.flush()
    assert second.frames() == [read(5)]


async def test_a_mark_ahead_of_everything_said_counts_as_the_last_of_it(stage: Stage) -> None:
    (sender, _), (_, second) = (stage.open_socket(ADA) for _ in range(2))
    await stage.marks.mark(sender, LOBBY, HEAD + 1)
    await stage.marks.flush()
    assert await stage.stored() == HEAD
    assert second.frames() == [read(HEAD)]


async def test_a_mark_of_someone_who_has_left_meanwhile_is_dropped(stage: Stage) -> None:
    (sender, _), (_, second) = (stage.open_socket(ADA) for _ in range(2))
    await stage.marks.mark(sender, LOBBY, 5)
    await stage.database.write("DELETE FROM member WHERE user_id = 1 AND room_id = 1")
    assert await stage.marks.flush()
    assert second.frames() == []
    assert stage.marks.pending(ADA.user_id) == {}


async def test_the_first_mark_is_stored_at_once_and_those_that_follow_together(stage: Stage) -> None:
    (sender, _), (_, second) = (stage.open_socket(ADA) for _ in range(2))
    async with running(stage.marks):
        await stage.marks.mark(sender, LOBBY, 1)
        assert await told(second) == [read(1)]
        for cursor in range(2, 200):
            await stage.marks.mark(sender, LOBBY, cursor)
            await asyncio.sleep(0)
        assert stage.commits == 1
        await stage.marks.flush()
    assert second.frames() == [read(199)]
    assert stage.commits == 2


async def test_after_the_interval_what_was_gathered_is_stored(data_dir: Path) -> None:
    async with staged(data_dir, read_mark_interval_seconds=0.01) as stage, running(stage.marks):
        (sender, _), (_, second) = (stage.open_socket(ADA) for _ in range(2))
        for cursor in (1, 2):
            await stage.marks.mark(sender, LOBBY, cursor)
            assert await told(second) == [read(cursor)]


async def test_thousands_of_readers_cost_one_commit(data_dir: Path) -> None:
    people = 200
    async with staged(data_dir, people=people) as stage:
        wires = []
        for user_id in range(1, people + 1):
            (sender, _), (_, second) = (stage.open_socket(User(user_id, str(user_id))) for _ in range(2))
            wires.append(second)
            for cursor in (3, 9):
                for room in ROOMS:
                    await stage.marks.mark(sender, room, cursor)
        await stage.marks.flush()
        assert stage.commits == 1
        for wire in wires:
            assert wire.frames() == [read(9, room) for room in ROOMS]
        assert await stage.database.read("SELECT DISTINCT read_cursor, count(*) FROM member") == [(9, 20 * people)]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, HEAD + 5)) | st.none(), max_size=30))
@examples(25)
async def test_whatever_comes_in_whatever_order_a_mark_only_goes_forward(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int] | None]
) -> None:
    """A step is a mark by one of three windows, or (None) a commit."""
    async with staged(tmp_path_factory.mktemp("marks") / "data") as stage:
        windows = [stage.open_socket(ADA) for _ in range(3)]
        seen: list[list[int]] = [[0] for _ in windows]
        furthest = [0]
        for step in [*steps, None]:
            if step is not None:
                number, cursor = step
                await stage.marks.mark(windows[number][0], LOBBY, cursor)
                furthest.append(min(cursor, HEAD))
                seen[number].append(min(cursor, HEAD))  # what it says itself it knows
                continue
            await stage.marks.flush()
            assert await stage.stored() == max(furthest)
            for (_, wire), knows in zip(windows, seen, strict=True):
                frames = [frame["cursor"] for frame in wire.frames()]
                assert frames == sorted(set(frames))
                knows.extend(frames)
                assert max(knows) == max(furthest)


async def test_marks_that_are_not_stored_yet_are_known(stage: Stage) -> None:
    sender, _ = stage.open_socket(ADA)
    await stage.marks.mark(sender, LOBBY, 5)
    await stage.marks.mark(sender, ATTIC, 6)
    assert stage.marks.pending(ADA.user_id) == {1: 5, 2: 6}
    assert stage.marks.pending(BOB.user_id) == {}
    async with stage.database.transaction():
        flushing = asyncio.create_task(stage.marks.flush())
        await asyncio.sleep(0)  # it has taken them, and waits
        await stage.marks.mark(sender, LOBBY, 4)
        await stage.marks.mark(sender, ATTIC, 7)
        assert stage.marks.pending(ADA.user_id) == {1: 5, 2: 7}
    await flushing
    assert stage.marks.pending(ADA.user_id) == {1: 4, 2: 7}
    await stage.marks.flush()
    assert stage.marks.pending(ADA.user_id) == {}
    assert (await stage.stored(), await stage.stored(room=ATTIC)) == (5, 7)


async def test_marks_that_cannot_be_stored_are_kept_and_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(read_marks, "_RETRY_SECONDS", 0.01)
    (sender, _), (_, second) = (stage.open_socket(ADA) for _ in range(2))
    stage.break_storage()
    with caplog.at_level(logging.WARNING, logger=read_marks.__name__):
        async with running(stage.marks):
            await stage.marks.mark(sender, LOBBY, 5)
            while stage.commits < 3:
                await asyncio.sleep(0)
            await stage.marks.mark(sender, LOBBY, 4)
            await stage.marks.mark(sender, ATTIC, 6)
            stage.break_storage(mend=True)
            frames = await told(second)
    assert sorted(frames, key=lambda frame: str(frame["room"])) == [read(5), read(6, ATTIC)]
    assert (await stage.stored(), await stage.stored(room=ATTIC)) == (5, 6)
    assert len([record for record in caplog.records if record.name == read_marks.__name__]) == 1


async def test_when_too_many_are_gathered_the_next_waits_and_has_them_stored_before_their_time(data_dir: Path) -> None:
    async with staged(data_dir, read_marks_pending_max=3) as stage, running(stage.marks):
        (sender, _), (_, second) = (stage.open_socket(ADA) for _ in range(2))
        await stage.marks.mark(sender, LOBBY, 1)
        await told(second)  # from here on they would wait for an hour
        for room in ROOMS[:3]:
            await stage.marks.mark(sender, room, 2)
        await stage.marks.mark(sender, ROOMS[0], 3)  # one that is gathered already needs no place
        assert second.written == b""
        await stage.marks.mark(sender, ROOMS[3], 2)
        assert await told(second) == [read(3), read(2, ROOMS[1]), read(2, ROOMS[2])]
        assert stage.marks.pending(ADA.user_id) == {4: 2}


async def test_when_too_many_are_gathered_and_cannot_be_stored_the_next_is_refused(data_dir: Path) -> None:
    async with staged(data_dir, read_marks_pending_max=2) as stage:
        sender, _ = stage.open_socket(ADA)
        for room in ROOMS[:2]:
            await stage.marks.mark(sender, room, 2)
        waiting = asyncio.create_task(stage.marks.mark(sender, ROOMS[2], 2))
        await asyncio.sleep(0)
        stage.break_storage()
        async with stage.database._write_lock:  # the places of those that are being stored are taken again meanwhile
            flushing = asyncio.create_task(stage.marks.flush())
            while not waiting.done():
                await asyncio.sleep(0)
            await stage.marks.mark(sender, ROOMS[3], 2)
        assert not await flushing
        for room in ROOMS[4:6]:
            with pytest.raises(StorageUnavailable):
                await stage.marks.mark(sender, room, 2)
        await stage.marks.mark(sender, ROOMS[0], 3)
        stage.break_storage(mend=True)
        assert await stage.marks.flush()
        await stage.marks.mark(sender, ROOMS[4], 2)
        assert await stage.stored() == 3
