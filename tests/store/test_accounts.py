"""What can no longer be stored for someone who is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from chat.models import Draft, Room, User
from chat.settings import Settings
from chat.store import accounts, messages, rooms
from chat.store.database import Execute
from chat.store.opening import open_database

LOBBY = Room(1, "lobby")


async def deactivated(execute: Execute, user: User) -> None:
    assert await accounts.deactivate(execute, user.user_id, 0)


async def deleted(execute: Execute, user: User) -> None:
    assert await accounts.delete_account(execute, user.user_id, password_hash="", messages_go=False, now_ms=0)


@pytest.mark.parametrize("end", [deactivated, deleted])
async def test_what_someone_had_under_way_who_is_gone_is_not_stored(
    data_dir: Path, end: Callable[[Execute, User], Awaitable[None]]
) -> None:
    ada, bob = User(1, "ada"), User(2, "bob")
    async with open_database(Settings(data_dir=data_dir), lambda: None) as database:
        for user in (ada, bob):
            name = user.username
            assert user == await accounts.insert_user(
                database, username=name, name_key=name, look_key=name, password_hash="", created_ms=0
            )
        async with database.transaction() as execute:
            await end(execute, bob)
        drafts = [Draft(user, LOBBY, "hi", client_id) for user in (ada, bob) for client_id in ("1", None)]
        assert await messages.insert_messages(database, drafts, 1, 0) == {1, 2}
        assert await rooms.insert_member(database, bob.user_id, LOBBY.room_id, 0) == (end is deactivated)
