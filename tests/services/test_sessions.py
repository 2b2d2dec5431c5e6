from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chat.errors import StorageUnavailable, WrongCredentials
from chat.models import Room, Session, User
from chat.services.sessions import USER_AGENT_MAX_CHARACTERS, Sessions
from chat.settings import Settings
from chat.store.accounts import insert_user
from chat.store.data_directory import DATABASE_NAME
from chat.store.database import Database
from chat.store.opening import open_database
from chat.store.sessions import delete_sessions, list_sessions, save_last_used

HOUR = 3600
IDLE = 10 * HOUR
ABSOLUTE = 30 * HOUR
LOBBY = Room(1, "lobby")


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Stage:
    """Sessions on a real database, with a clock in the test's hand."""

    database: Database
    settings: Settings
    ada: User
    bob: User
    clock: Clock = field(default_factory=Clock)
    ended: list[str] = field(default_factory=list)
    connected: set[str] = field(default_factory=set)

    async def sessions(self) -> Sessions:
        """As after a start of the server."""
        return Sessions(
            self.database,
            self.settings,
            await list_sessions(self.database),
            on_ended=lambda session: self.ended.append(session.key),
            is_connected=lambda session: session.key in self.connected,
            clock=self.clock,
        )

    async def stored(self) -> set[str]:
        return {session.key for session in await list_sessions(self.database)}


@pytest.fixture
async def stage(data_dir: Path) -> AsyncIterator[Stage]:
    settings = Settings(
        data_dir=data_dir, session_idle_seconds=IDLE, session_absolute_seconds=ABSOLUTE, sessions_per_user_max=2
    )
    broken: Callable[[], None] = lambda: pytest.fail("the database broke")  # noqa: E731
    async with open_database(settings, broken) as database:
        people = []
        for name in ("ada", "bob"):
            user = await insert_user(
                database, username=name, name_key=name, look_key=name, password_hash="", created_ms=0
            )
            assert user is not None
            people.append(user)
        yield Stage(database, settings, people[0], people[1])


async def test_a_session_is_found_by_its_key_alone(stage: Stage) -> None:
    sessions = await stage.sessions()
    session = await sessions.start("key", stage.ada, "curl", password_hash="")
    assert sessions.find("key") is session
    assert sessions.find("yek") is None
    assert (session.user, session.user_agent, session.room) == (stage.ada, "curl", None)


async def test_a_session_ends_when_it_was_not_used_for_the_idle_time(stage: Stage) -> None:
    sessions = await stage.sessions()
    await sessions.start("key", stage.ada, "", password_hash="")
    stage.clock.now += IDLE
    assert sessions.find("key"), "used at the last moment"
    stage.clock.now += IDLE
    assert sessions.find("key"), "each use begins the time anew"
    stage.clock.now += IDLE + 1
    assert sessions.find("key") is None


async def test_a_session_ends_after_the_absolute_time_however_much_it_is_used(stage: Stage) -> None:
    sessions = await stage.sessions()
    await sessions.start("key", stage.ada, "", password_hash="")
    for _ in range(ABSOLUTE // HOUR):
        stage.clock.now += HOUR
        assert sessions.find("key")
    stage.clock.now += 1
    assert sessions.find("key") is None


async def test_an_expired_session_is_removed_and_its_sockets_hear_of_it(stage: Stage) -> None:
    sessions = await stage.sessions()
    await sessions.start("old", stage.ada, "", password_hash="")
    stage.clock.now += IDLE
    await sessions.start("young", stage.bob, "", password_hash="")
    stage.clock.now += 1
    await sessions.save()
    assert stage.ended == ["old"]
    assert await stage.stored() == {"young"}
    assert sessions.find("young")


async def test_an_open_socket_counts_as_use_but_not_beyond_the_absolute_time(stage: Stage) -> None:
    sessions = await stage.sessions()
    await sessions.start("key", stage.ada, "", password_hash="")
    stage.connected.add("key")
    while stage.clock.now - 1_800_000_000 < ABSOLUTE - IDLE // 2:
        stage.clock.now += IDLE // 2
        await sessions.save()
    assert stage.ended == []
    stage.clock.now += IDLE // 2 + 1
    await sessions.save()
    assert stage.ended == ["key"]


async def test_the_time_of_last_use_outlives_a_restart(stage: Stage) -> None:
    sessions = await stage.sessions()
    await sessions.start("used", stage.ada, "", password_hash="")
    await sessions.start("unused", stage.ada, "", password_hash="")
    stage.clock.now += IDLE
    assert sessions.find("used")
    await sessions.save()
    stage.clock.now += 1
    sessions = await stage.sessions()
    assert sessions.find("used")
    assert sessions.find("unused") is None


async def test_thousands_are_saved_and_ended_a_part_at_a_time_also_when_some_end_meanwhile(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, expired = [f"used {number}" for number in range(1200)], [f"expired {number}" for number in range(600)]
    for keys, last_used in ((used, stage.clock.now), (expired, stage.clock.now - IDLE - 1)):
        await stage.database.write(
            """
            INSERT INTO session (id_hash, user_id, created_at, last_used_at, user_agent)
            SELECT value, ?1, ?2, ?2, '' FROM json_each(?3)
            """,
            (stage.ada.user_id, int(last_used * 1000), json.dumps(keys)),
        )
    sessions = await stage.sessions()
    stage.connected.update(used)
    saved: list[int] = []
    ended: list[int] = []

    async def save_and_be_overtaken(database: Database, part: Sequence[Session]) -> None:
        saved.append(len(part))
        if used[-1] not in stage.ended:
            await sessions.end([used[-1]])
        await save_last_used(database, part)

    async def delete(database: Database, keys: Sequence[str]) -> None:
        ended.append(len(keys))
        await delete_sessions(database, keys)

    monkeypatch.setattr("chat.store.sessions.save_last_used", save_and_be_overtaken)
    monkeypatch.setattr("chat.store.sessions.delete_sessions", delete)
    stage.clock.now += HOUR
    await sessions.save()
    assert set(stage.ended) == {*expired, used[-1]}
    assert {session.key: session.last_used for session in await list_sessions(stage.database)} == dict.fromkeys(
        used[:-1], stage.clock.now
    )
    assert sum(saved) in (1199, 1200), "whether the one that ended was in the first part"
    assert max(saved) <= 500
    assert max(ended) <= 500


async def test_the_current_room_outlives_a_restart(stage: Stage) -> None:
    sessions = await stage.sessions()
    await sessions.start("key", stage.ada, "", password_hash="")
    await sessions.set_room("key", LOBBY)
    await sessions.set_room("nobody", LOBBY)
    for living in (sessions, await stage.sessions()):
        session = living.find("key")
        assert session is not None
        assert session.room == LOBBY


async def test_a_room_that_was_deleted_while_it_was_joined_is_nobodys_current_one(stage: Stage) -> None:
    sessions = await stage.sessions()
    await sessions.start("key", stage.ada, "", password_hash="")
    await stage.database.write("UPDATE room SET deleted_at = 1 WHERE id = ?", (LOBBY.room_id,))
    await sessions.set_room("key", LOBBY)
    for living in (sessions, await stage.sessions()):
        session = living.find("key")
        assert session is not None
        assert session.room is None


async def test_an_ended_session_stays_ended_after_a_restart(stage: Stage) -> None:
    sessions = await stage.sessions()
    await sessions.start("key", stage.ada, "", password_hash="")
    await sessions.end(["key", "nobody"])
    await sessions.end(["key"])
    assert stage.ended == ["key"], "told once"
    assert sessions.find("key") is None
    assert (await stage.sessions()).find("key") is None


@pytest.mark.parametrize("step", [-HOUR, -365 * 24 * HOUR, HOUR])
async def test_a_clock_that_steps_signs_nobody_out(stage: Stage, step: int) -> None:
    sessions = await stage.sessions()
    await sessions.start("key", stage.ada, "", password_hash="")
    stage.clock.now += step
    await sessions.save()
    assert sessions.find("key")
    assert (await stage.sessions()).find("key")
    assert stage.ended == []


async def test_one_session_too_many_ends_the_longest_unused_of_the_same_person(stage: Stage) -> None:
    sessions = await stage.sessions()
    for key, user in (("bob", stage.bob), ("first", stage.ada), ("second", stage.ada)):
        stage.clock.now += 1
        await sessions.start(key, user, "", password_hash="")
    stage.clock.now += 1
    assert sessions.find("first"), "now the second is the longest unused"
    assert stage.ended == []
    stage.clock.now += 1
    await sessions.start("third", stage.ada, "", password_hash="")
    assert stage.ended == ["second"]
    assert await stage.stored() == {"bob", "first", "third"}


async def test_a_sign_in_that_is_stored_counts_also_when_the_one_too_many_cannot_be_ended(stage: Stage) -> None:
    sessions = await stage.sessions()
    for key in ("first", "second"):
        stage.clock.now += 1
        await sessions.start(key, stage.ada, "", password_hash="")
    refuse = "CREATE TRIGGER full BEFORE DELETE ON session BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    await stage.database.write(refuse)
    stage.clock.now += 1
    await sessions.start("third", stage.ada, "", password_hash="")
    assert sessions.find("third")
    assert stage.ended == []
    await stage.database.write("DROP TRIGGER full")
    stage.clock.now += 1
    await sessions.start("fourth", stage.ada, "", password_hash="")
    assert stage.ended == ["first", "second"]
    assert await stage.stored() == {"third", "fourth"}


async def test_the_newest_session_stays_also_when_the_clock_stepped_back(stage: Stage) -> None:
    sessions = await stage.sessions()
    for key in ("first", "second"):
        stage.clock.now += 1
        await sessions.start(key, stage.ada, "", password_hash="")
    stage.clock.now -= HOUR
    await sessions.start("third", stage.ada, "", password_hash="")
    assert stage.ended == ["first"]
    assert sessions.find("third")


async def test_a_long_user_agent_is_kept_in_part(stage: Stage) -> None:
    await (await stage.sessions()).start("key", stage.ada, "x" * 8000, password_hash="")
    (session,) = await list_sessions(stage.database)
    assert session.user_agent == "x" * USER_AGENT_MAX_CHARACTERS


async def test_what_cannot_be_stored_changes_nothing(stage: Stage) -> None:
    sessions = await stage.sessions()
    await sessions.start("key", stage.ada, "", password_hash="")
    stage.clock.now += HOUR
    with sqlite3.connect(stage.settings.data_dir / DATABASE_NAME, isolation_level=None) as other:
        other.execute("ALTER TABLE session RENAME TO elsewhere")
        for change in (
            sessions.start("new", stage.ada, "", password_hash=""),
            sessions.end(["key"]),
            sessions.set_room("key", LOBBY),
        ):
            with pytest.raises(StorageUnavailable):
                await change
        session = sessions.find("key")
        assert session is not None
        assert session.room is None
        assert sessions.find("new") is None
        with pytest.raises(StorageUnavailable):
            await sessions.save()
        other.execute("ALTER TABLE elsewhere RENAME TO session")
    other.close()
    stage.clock.now += HOUR
    await sessions.save()
    assert stage.ended == []
    (stored,) = await list_sessions(stage.database)
    assert stored.last_used == session.last_used, "saved later what could not be saved then"


async def test_a_token_does_not_expire_and_is_no_sign_in(stage: Stage) -> None:
    sessions = await stage.sessions()
    for key in ("first", "second"):
        await sessions.start(key, stage.ada, "", password_hash="")
        await sessions.start_token(f"{key} token", stage.ada, "script", password_hash="")
    assert stage.ended == [], "tokens do not count as sessions"
    stage.clock.now += 2 * ABSOLUTE
    for living in (sessions, await stage.sessions()):
        assert [session.key for session in living.of_user(stage.ada.user_id, tokens=False)] == []
        assert {token.key for token in living.of_user(stage.ada.user_id, tokens=True)} == {
            "first token",
            "second token",
        }
        found = living.find("first token")
        assert found is not None
        assert (found.token_name, found.last_used) == ("script", stage.clock.now)
    await sessions.save()
    assert await stage.stored() == {"first token", "second token"}


async def test_nobody_is_signed_in_by_a_password_that_is_no_longer_theirs(stage: Stage) -> None:
    sessions = await stage.sessions()
    for start in (
        sessions.start("key", stage.ada, "", password_hash="another"),
        sessions.start_token("key", stage.ada, "script", password_hash="another"),
    ):
        with pytest.raises(WrongCredentials):
            await start
    assert sessions.find("key") is None
    assert await stage.stored() == set()


async def test_what_the_store_has_ended_is_forgotten_here_with_its_sockets(stage: Stage) -> None:
    sessions = await stage.sessions()
    for key, user in (("bobs", stage.bob), ("this", stage.ada), ("that", stage.ada)):
        await sessions.start(key, user, "", password_hash="")
    await sessions.start_token("token", stage.ada, "script", password_hash="")
    sessions.forget(stage.ada.user_id, but_key="this", tokens=False)
    assert stage.ended == ["that"]
    sessions.forget(stage.ada.user_id)
    sessions.forget(stage.ada.user_id)
    assert sorted(stage.ended) == ["that", "this", "token"]
    assert sessions.find("bobs")
    await sessions.save()
