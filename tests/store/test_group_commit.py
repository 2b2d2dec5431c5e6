"""Group commit: one answer each, in order, whatever the disk does."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from chat.errors import StorageUnavailable
from chat.models import Draft, Message, Room, User
from chat.settings import Settings
from chat.store.database import Database
from chat.store.group_commit import Committed, GroupCommit, OnCommit, Publish
from chat.store.messages import last_cursor, list_changes, remove_messages
from chat.store.opening import open_database
from tests.people import PATIENCE_SECONDS

ADA, BOB = User(1, "ada"), User(2, "bob")
LOBBY, ATTIC = Room(1, "lobby"), Room(2, "attic")

Answers = list[tuple[str, Message | None, bool]]


class Stage:
    """A group commit on a real database, and a record of everything it says."""

    def __init__(self, database: Database, commits: GroupCommit, published: list[Sequence[Message]]) -> None:
        self.database = database
        self.commits = commits
        self.published = published
        self.answers: Answers = []

    def submit(self, text: str, client_id: str | None = None, user: User = ADA, room: Room = LOBBY) -> None:
        def record(message: Message | None, is_repeat: bool) -> None:
            self.answers.append((text, message, is_repeat))

        self.commits.submit(Draft(user, room, text, client_id), record)

    async def stored(self) -> list[Message]:
        return await list_changes(self.database, LOBBY.room_id, after=0, up_to=2**60, limit=100_000)


@asynccontextmanager
async def staged(
    data_dir: Path, on_commit: OnCommit | None = None, *, publish: Publish | None = None, **bounds: int
) -> AsyncIterator[Stage]:
    published: list[Sequence[Message]] = []
    limits = {
        "queue_max_messages": 1000, "queue_max_bytes": 1_000_000, "batch_max_messages": 100, "batch_max_bytes": 10_000,
        "changes_max": 100,
    }  # fmt: skip
    async with open_database(Settings(data_dir=data_dir), lambda: None) as database:
        for user in (ADA, BOB):
            await database.write(
                "INSERT INTO user (id, name, name_key, look_key, password_hash, created_at, is_admin) "
                "VALUES (?1, ?2, ?2, ?2, '', 0, ?3) ON CONFLICT DO NOTHING",
                (user.user_id, user.username, int(user is ADA)),
            )
        await database.write(
            "INSERT INTO room (id, name, name_key, look_key, created_at) VALUES (?1, ?2, ?2, ?2, 0) "
            "ON CONFLICT DO NOTHING",
            (ATTIC.room_id, ATTIC.name),
        )
        first_id = await last_cursor(database) + 1
        commits = GroupCommit(
            database, publish or published.append, first_id=first_id,
            clock=lambda: 1.5, on_commit=on_commit, **(limits | bounds),
        )  # fmt: skip
        running = asyncio.create_task(commits.run())
        yield Stage(database, commits, published)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def stage(data_dir: Path) -> AsyncIterator[Stage]:
    async with staged(data_dir) as made:
        yield made


async def test_everything_that_waits_goes_into_one_commit(stage: Stage) -> None:
    for number in range(100):
        stage.submit(f"{number}")
    await stage.commits.drain()
    (batch,) = stage.published
    assert [message.text for message in batch] == [f"{number}" for number in range(100)]
    assert list(batch) == await stage.stored()
    assert {message.created_ms for message in batch} == {1500}


async def test_a_lone_message_does_not_wait_for_company(stage: Stage) -> None:
    stage.submit("alone")
    await stage.commits.drain()
    assert [message.text for message in await stage.stored()] == ["alone"]


async def test_each_submission_is_answered_once_after_it_was_published(stage: Stage) -> None:
    for number in range(250):
        stage.submit(f"{number}")
    await stage.commits.drain()
    assert [text for text, _, _ in stage.answers] == [f"{number}" for number in range(250)]
    assert [message for _, message, _ in stage.answers] == [message for batch in stage.published for message in batch]


async def test_a_batch_is_bounded_in_messages_and_in_bytes(stage: Stage) -> None:
    for _ in range(150):
        stage.submit("x")
    for _ in range(3):
        stage.submit("x" * 4000)
    stage.submit("x" * 20_000)
    await stage.commits.drain()
    assert [len(batch) for batch in stage.published] == [100, 52, 1, 1]


def _is_full(stage: Stage) -> bool:
    return stage.commits.is_full  # asked anew each time, where a type checker would remember the answer


async def test_a_full_queue_says_so_until_there_is_space(data_dir: Path) -> None:
    async with staged(data_dir, queue_max_messages=2) as stage:
        stage.submit("1")
        assert not _is_full(stage)
        stage.submit("2")
        assert _is_full(stage)
        await stage.commits.wait_for_space()
        assert not _is_full(stage)
        await stage.commits.drain()


async def test_ids_and_cursors_go_on_after_a_restart_even_when_messages_were_removed(data_dir: Path) -> None:
    async with staged(data_dir) as stage:
        for text in ("1", "2", "3"):
            stage.submit(text)
        await stage.commits.drain()
        await stage.database.write("DELETE FROM message WHERE id >= 2")
    async with staged(data_dir) as stage:
        stage.submit("4")
        await stage.commits.drain()
        assert [message.message_id for message in await stage.stored()] == [1, 4]


async def test_a_repeat_is_answered_with_the_original_and_not_published(stage: Stage) -> None:
    stage.submit("original", "x")
    stage.submit("in the same commit", "x")
    await stage.commits.drain()
    stage.submit("in a later commit", "x")
    stage.submit("of another person", "x", BOB)
    await stage.commits.drain()
    assert [message.text for batch in stage.published for message in batch] == ["original", "of another person"]
    original = stage.published[0][0]
    assert [(message, repeat) for _, message, repeat in stage.answers if repeat] == [(original, True)] * 2


async def test_a_writer_that_dies_answers_what_waits_and_refuses_what_comes(data_dir: Path) -> None:
    def fail(_messages: Sequence[Message]) -> None:
        raise RuntimeError("a fault in the program")

    async with open_database(Settings(data_dir=data_dir), lambda: None) as database:
        await database.write(
            "INSERT INTO user (id, name, name_key, look_key, password_hash, created_at) "
            "VALUES (1, 'ada', 'ada', 'ada', '', 0)"
        )
        commits = GroupCommit(
            database, fail, first_id=1,
            queue_max_messages=10, queue_max_bytes=1000, batch_max_messages=1, batch_max_bytes=1000,
            changes_max=10,
        )  # fmt: skip
        stage = Stage(database, commits, [])
        for text in ("dies with the writer", "waits behind it"):
            stage.submit(text)
        with pytest.raises(RuntimeError):
            await commits.run()
        stage.submit("comes later")
        await commits.drain()
        assert stage.answers == [("waits behind it", None, False), ("comes later", None, False)]


async def test_who_waits_for_space_when_the_writer_dies_is_woken_to_be_refused(data_dir: Path) -> None:
    def fail(_messages: Sequence[Message]) -> None:
        raise RuntimeError("a fault in the program")

    async with staged(data_dir, publish=fail, queue_max_messages=2, batch_max_messages=1) as stage:
        for text in ("dies with the writer", "waits behind it", "fills the queue"):
            stage.submit(text)
        waiting = [asyncio.create_task(stage.commits.wait_for_space()) for _ in range(2)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*waiting)
        assert stage.commits.has_ended


async def test_a_failed_commit_is_answered_published_to_nobody_and_followed_by_good_ones(stage: Stage) -> None:
    ((pages,),) = await stage.database.write("PRAGMA page_count")
    await stage.database.write(f"PRAGMA max_page_count = {pages}")
    for _ in range(40):
        stage.submit("x" * 9000)
        await stage.commits.drain()
    failed = [text for text, message, _ in stage.answers if message is None]
    assert failed
    await stage.database.write("PRAGMA max_page_count = 1000000")
    stage.submit("after")
    await stage.commits.drain()
    published = [message for batch in stage.published for message in batch]
    assert published == await stage.stored()
    assert published[-1].text == "after"
    assert len(published) + len(failed) == len(stage.answers) == 41


async def test_what_queued_while_another_program_held_the_lock_is_refused_with_the_first_and_then_all_is_well(
    stage: Stage, data_dir: Path
) -> None:
    await stage.database.write("PRAGMA busy_timeout = 300")
    with closing(sqlite3.connect(data_dir / "chat.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        stage.submit("first")
        while stage.commits._queue:
            await asyncio.sleep(0)
        stage.submit("waits behind it")
        deleting = asyncio.create_task(stage.commits.delete_message(1, ADA))
        while not stage.answers:
            await asyncio.sleep(0)
        other.execute("ROLLBACK")  # the lock is free again before the second could be tried
    await stage.commits.drain()
    assert stage.answers == [("first", None, False), ("waits behind it", None, False)]
    with pytest.raises(StorageUnavailable):
        await deleting
    stage.submit("later")
    await stage.commits.drain()
    assert [message.text for message in await stage.stored()] == ["later"]


# Deletions


async def audit(stage: Stage) -> list[tuple[object, ...]]:
    return await stage.database.read("SELECT actor_id, action, user_id, subject FROM audit ORDER BY id")


async def test_a_deletion_takes_a_cursor_of_its_own_between_the_messages_around_it(stage: Stage) -> None:
    stage.submit("stays")
    stage.submit("goes", "x", BOB)
    deleting = asyncio.create_task(stage.commits.delete_message(2, ADA))
    await asyncio.sleep(0)
    stage.submit("after")
    left = await deleting
    await stage.commits.drain()
    assert left == Message(2, 3, 1, "lobby", BOB.user_id, "bob", "", 1500, "x", is_deleted=True)
    published = [message for batch in stage.published for message in batch]
    assert [(message.message_id, message.cursor, message.text) for message in published] == [
        (1, 1, "stays"), (2, 2, "goes"), (2, 3, ""), (4, 4, "after"),
    ]  # fmt: skip
    assert await stage.stored() == [published[0], left, published[3]]
    assert await audit(stage) == [(ADA.user_id, "delete_message", BOB.user_id, "message 2 in lobby")]


async def test_what_is_not_there_or_was_deleted_before_is_not_deleted(stage: Stage) -> None:
    stage.submit("goes")
    await stage.commits.drain()
    assert await stage.commits.delete_message(7, None) is None
    assert await stage.commits.delete_message(1, None) is not None
    assert await stage.commits.delete_message(1, None) is None
    assert await stage.commits.delete_messages([1, 2, 3]) == []
    stage.submit("after")
    await stage.commits.drain()
    assert await audit(stage) == [(None, "delete_message", ADA.user_id, "message 1 in lobby")]
    (deleted, after) = await stage.stored()
    assert deleted.is_deleted
    assert after.cursor > deleted.cursor


async def test_many_are_deleted_in_the_order_of_their_ids_by_one_commit(stage: Stage) -> None:
    for number in range(5):
        stage.submit(f"{number}")
    await stage.commits.drain()
    left = await stage.commits.delete_messages([5, 1, 3, 99])
    assert [(message.message_id, message.cursor) for message in left] == [(1, 6), (3, 7), (5, 8)]
    assert stage.published[-1] == left
    assert await audit(stage) == []


async def test_a_failed_deletion_changes_nothing_is_published_to_nobody_and_its_cursor_is_not_used_again(
    stage: Stage,
) -> None:
    stage.submit("stays")
    await stage.commits.drain()
    await stage.database.write("PRAGMA query_only = ON")
    for attempt in (stage.commits.delete_message(1, None), stage.commits.delete_room(LOBBY, None, lambda _: None)):
        with pytest.raises(StorageUnavailable):
            await attempt
    await stage.database.write("PRAGMA query_only = OFF")
    assert len(stage.published) == 1
    assert [message.text for message in await stage.stored()] == ["stays"]
    deleted = await stage.commits.delete_message(1, None)
    assert deleted is not None
    assert deleted.cursor == 3


async def test_the_counter_never_goes_back_whatever_was_deleted_and_removed(data_dir: Path) -> None:
    async with staged(data_dir) as stage:
        for text in ("1", "2", "3"):
            stage.submit(text)
        await stage.commits.drain()
        await stage.commits.delete_messages([1, 2, 3])
        assert await stage.commits.delete_room(LOBBY, None, lambda _: None)
        assert await remove_messages(stage.database, LOBBY.room_id, 100) == 3
    async with staged(data_dir) as stage:
        stage.submit("4", room=ATTIC)
        await stage.commits.drain()
        ((message,),) = stage.published
        assert (message.message_id, message.cursor) == (7, 7)


async def test_a_change_waits_for_one_batch_and_a_batch_for_one_change(data_dir: Path) -> None:
    async with staged(data_dir, batch_max_messages=1) as stage:
        for number in range(3):
            stage.submit(f"{number}")
        await stage.commits.drain()
        for number in range(3, 6):
            stage.submit(f"{number}")
        await asyncio.gather(*(stage.commits.delete_message(number, None) for number in (1, 2, 3)))
        await stage.commits.drain()
        changes = [batch[0].text for batch in stage.published if batch]
        assert changes == ["0", "1", "2", "3", "", "4", "", "5", ""]


async def test_changes_beyond_the_bound_are_refused(data_dir: Path) -> None:
    async with staged(data_dir, changes_max=2) as stage:
        outcomes = await asyncio.gather(
            *(stage.commits.delete_message(1, None) for _ in range(4)), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [type(None)] * 2 + [StorageUnavailable] * 2


async def test_whoever_asks_and_goes_away_has_asked_all_the_same(stage: Stage) -> None:
    stage.submit("goes")
    await stage.commits.drain()
    asking = asyncio.create_task(stage.commits.delete_message(1, None))
    await asyncio.sleep(0)
    asking.cancel()
    await stage.commits.drain()
    assert [message.text for message in await stage.stored()] == [""]
    assert stage.published[-1][0].is_deleted


async def test_nothing_is_acknowledged_into_a_room_that_was_deleted(data_dir: Path) -> None:
    """Whether it waited in the queue, or was let through before and comes later; other rooms go on."""
    async with staged(data_dir, batch_max_messages=1) as stage:
        ended: list[Sequence[int]] = []
        stage.submit("stored before")
        for text in ("waits", "waits too"):
            stage.submit(text)
            stage.submit(f"{text}, elsewhere", room=ATTIC)
        assert await stage.commits.delete_room(LOBBY, ADA, ended.append)
        assert ended == [[]]
        stage.submit("comes later")
        stage.submit("comes later, elsewhere", room=ATTIC)
        await stage.commits.drain()
        assert [(text, message is not None) for text, message, _ in stage.answers] == [
            ("stored before", True),
            ("waits", False),
            ("waits too", False),
            ("comes later", False),
            ("waits, elsewhere", True),
            ("waits too, elsewhere", True),
            ("comes later, elsewhere", True),
        ]
        assert [message.text for message in await stage.stored()] == ["stored before"]
        assert not await stage.commits.delete_room(LOBBY, ADA, ended.append), "deleted before"
        assert len(ended) == 1
        assert await audit(stage) == [(ADA.user_id, "delete_room", None, "lobby")]


async def test_a_message_of_a_deleted_room_is_nobodys_original(stage: Stage) -> None:
    """Until it is removed, a repeat elsewhere fails; it is neither stored twice nor taken for delivered."""
    stage.submit("a secret", "x")
    await stage.commits.drain()
    await stage.commits.delete_room(LOBBY, None, lambda _: None)
    stage.submit("a secret", "x", room=ATTIC)
    await stage.commits.drain()
    assert [message for _, message, _ in stage.answers[1:]] == [None]
    assert await remove_messages(stage.database, LOBBY.room_id, 10) == 1
    stage.submit("a secret", "x", room=ATTIC)
    await stage.commits.drain()
    ((message, is_repeat),) = [answer[1:] for answer in stage.answers[2:]]
    assert message is not None
    assert (message.room_name, is_repeat) == ("attic", False)


async def test_a_queue_that_is_full_of_a_deleted_room_has_space_again(data_dir: Path) -> None:
    async with staged(data_dir, queue_max_messages=3, batch_max_messages=1) as stage:
        for number in range(4):
            stage.submit(f"{number}")
        assert _is_full(stage)
        await stage.commits.delete_room(LOBBY, None, lambda _: None)
        assert not _is_full(stage)
        assert stage.commits._queue_bytes == 0


async def test_nothing_more_is_stored_of_a_person_who_is_turned_away(data_dir: Path) -> None:
    async with staged(data_dir, batch_max_messages=1) as stage:
        for text in ("stored before", "waits"):
            stage.submit(text, user=BOB)
        await asyncio.sleep(0)  # the first is under way
        await stage.commits.turn_away_sender(BOB.user_id)
        assert [message.text for message in await stage.stored()] == ["stored before"]
        stage.submit("comes later", user=BOB)
        stage.submit("of another", user=ADA)
        await stage.commits.drain()
        assert [message.text for message in await stage.stored()] == ["stored before", "of another"]


async def test_a_writer_that_ends_refuses_the_changes_that_wait_and_come(data_dir: Path) -> None:
    async with staged(data_dir) as stage:
        assert await stage.commits.delete_messages([1]) == []
    with pytest.raises(StorageUnavailable):
        await stage.commits.delete_message(1, None)


async def test_a_change_is_published_in_the_step_in_which_it_comes_back_from_the_disk(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.submit("goes")
    await stage.commits.drain()
    seen: list[int] = []
    ended: list[Sequence[int]] = []
    writer = stage.database._writer
    execute = writer.execute_fetchall

    async def execute_and_look(sql: str, parameters: Sequence[object] = ()) -> object:
        rows = await execute(sql, parameters)
        if sql == "COMMIT":
            # Whoever else runs next, runs after this.
            asyncio.get_running_loop().call_soon(lambda: seen.append(len(stage.published) + len(ended)))
        return rows

    monkeypatch.setattr(writer, "execute_fetchall", execute_and_look)
    await stage.commits.delete_message(1, None)
    await stage.commits.delete_room(LOBBY, None, ended.append)
    assert seen == [2, 3]


# What is told of commits


async def test_each_commit_that_succeeds_is_told_of_once_with_what_it_held(data_dir: Path) -> None:
    told: list[Committed] = []
    async with staged(data_dir, told.append, batch_max_messages=2) as stage:
        for client_id in ("a", "b", "c", "a", "d"):
            stage.submit("x", client_id)
        await stage.commits.drain()
        assert [(commit.stored, commit.repeats) for commit in told] == [(2, 0), (1, 1), (1, 0)]
        # All came at the same moment, and each batch waited for those before it.
        waits = [commit.oldest_wait_seconds for commit in told]
        assert waits == sorted(waits)
        assert all(0 < commit.seconds < commit.oldest_wait_seconds for commit in told)
        ((pages,),) = await stage.database.write("PRAGMA page_count")
        await stage.database.write(f"PRAGMA max_page_count = {pages}")
        stage.submit("x" * 9000)
        await stage.commits.drain()
        assert len(told) == 3, "a failed commit is none"


async def test_a_queue_that_never_empties_does_not_make_old_what_came_lately(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(1_000_000))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(now)))
    told: list[Committed] = []
    busy: Stage

    def keep_busy(commit: Committed) -> None:
        told.append(commit)
        if len(told) < 100:
            busy.submit("x")

    async with staged(data_dir, keep_busy, batch_max_messages=1) as busy:
        busy.submit("x")
        busy.submit("x")
        await busy.commits.drain()
    assert len(told) == 101
    # Five looks at the clock for each commit, and each message waits for one other.
    assert max(commit.oldest_wait_seconds for commit in told) < 20


async def test_how_long_a_message_waited_is_right_also_when_those_before_it_are_turned_away(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    told: list[Committed] = []
    turning_away: list[asyncio.Task[None]] = []
    stage: Stage

    def go_on(commit: Committed) -> None:
        nonlocal now
        told.append(commit)
        if len(told) == 1:
            now = 10.0
            for user in (ADA, BOB, BOB, ADA):
                stage.submit("x", user=user)
        elif len(told) == 2:
            now = 20.0
            stage.submit("x")
            turning_away.append(asyncio.create_task(stage.commits.turn_away_sender(BOB.user_id)))

    async with staged(data_dir, go_on, batch_max_messages=1) as stage:
        stage.submit("x")
        await stage.commits.drain()
        await turning_away[0]
        assert [message.username for message in await stage.stored()] == ["ada", "ada", "bob", "ada", "ada"]
        assert [commit.oldest_wait_seconds for commit in told][:4] == [0, 0, 10, 10]
        now = 1000.0
        stage.submit("x")
        await stage.commits.drain()
        assert told[-1].oldest_wait_seconds == 0
