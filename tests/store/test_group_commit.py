"""Group commit: one answer each, in order, whatever the disk does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chat.models import Draft, Message, Room, User
from chat.settings import Settings
from chat.store.database import Database
from chat.store.group_commit import GroupCommit
from chat.store.messages import last_cursor, list_changes
from chat.store.opening import open_database

ADA, BOB = User(1, "ada"), User(2, "bob")
LOBBY = Room(1, "lobby")

Answers = list[tuple[str, Message | None, bool]]


class Stage:
    """A group commit on a real database, and a record of everything it says."""

    def __init__(self, database: Database, commits: GroupCommit, published: list[Sequence[Message]]) -> None:
        self.database = database
        self.commits = commits
        self.published = published
        self.answers: Answers = []

    def submit(self, text: str, client_id: str | None = None, user: User = ADA) -> None:
        def record(message: Message | None, is_repeat: bool) -> None:
            self.answers.append((text, message, is_repeat))

        self.commits.submit(Draft(user, LOBBY, text, client_id), record)

    async def stored(self) -> list[Message]:
        return await list_changes(self.database, LOBBY.room_id, after=0, up_to=2**60, limit=100_000)


@asynccontextmanager
async def staged(data_dir: Path, **bounds: int) -> AsyncIterator[Stage]:
    published: list[Sequence[Message]] = []
    limits = {
        "queue_max_messages": 1000, "queue_max_bytes": 1_000_000, "batch_max_messages": 100, "batch_max_bytes": 10_000,
        "changes_max": 100,
    }  # fmt: skip
    async with open_database(Settings(data_dir=data_dir), lambda: None) as database:
        for user in (ADA, BOB):
            await database.write(
                "INSERT INTO user (id, name, name_key, look_key, password_hash, created_at) "
                "VALUES (?1, ?2, ?2, ?2, '', 0) ON CONFLICT DO NOTHING",
                (user.user_id, user.username),
            )
        first_id = await last_cursor(database) + 1
        commits = GroupCommit(database, published.append, first_id=first_id, clock=lambda: 1.5, **(limits | bounds))
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
