from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chat.models import Draft, Room, User
from chat.services.messages import read_on, read_page
from chat.settings import Settings
from chat.store.accounts import insert_user
from chat.store.database import Database
from chat.store.messages import insert_messages
from chat.store.opening import open_database

LOBBY = Room(1, "lobby")
LAST = 12  # messages in the room, with the ids 1 to 12


@pytest.fixture
async def database(data_dir: Path) -> AsyncIterator[Database]:
    async with open_database(Settings(data_dir=data_dir), lambda: None) as database:
        ada = await insert_user(
            database, username="ada", name_key="ada", look_key="ada", password_hash="", created_ms=0
        )
        assert ada == User(1, "ada")
        await insert_messages(database, [Draft(ada, LOBBY, "hi", None)] * LAST, 1, 0)
        yield database


def asked(
    limit: int, *, before: int | None = None, after: int | None = None, up_to: int = LAST
) -> dict[str, int | None]:
    return {"before": before, "after": after, "up_to": up_to, "limit": limit}


@pytest.mark.parametrize(
    ("question", "ids", "following"),
    [
        (asked(5), range(8, 13), 8),
        (asked(5, before=8), range(3, 8), 3),
        (asked(5, before=3), range(1, 3), None),
        (asked(12), range(1, 13), None),
        (asked(11), range(2, 13), 2),
        (asked(5, after=0), range(1, 6), 5),
        (asked(5, after=5), range(6, 11), 10),
        (asked(5, after=10), range(11, 13), None),
        (asked(5, after=7), range(8, 13), None),
        (asked(5, after=12), (), None),
        (asked(5, before=1), (), None),
        (asked(3, after=2, before=8), range(3, 6), 5),
        (asked(3, after=5, before=8), range(6, 8), None),
        (asked(3, after=8, before=5), (), None),
        (asked(2, before=2**63 - 1), range(11, 13), 11),
        (asked(2, after=2**63 - 1), (), None),
        (asked(2, up_to=10), range(9, 11), 9),
        (asked(5, after=8, up_to=10), range(9, 11), None),
        (asked(5, after=8, before=12, up_to=10), range(9, 11), None),
        (asked(5, up_to=0), (), None),
    ],
    ids=str,
)
async def test_a_page_holds_what_was_asked_for_and_names_the_next(
    database: Database, question: dict[str, Any], ids: range, following: int | None
) -> None:
    page = await read_page(database, LOBBY, **question)
    assert [message.message_id for message in page.messages] == list(ids)
    assert page.next == following


@pytest.mark.parametrize("page_messages", [1, 5, 6, 11, 12, 13])
async def test_the_whole_room_is_read_on_without_a_gap(database: Database, page_messages: int) -> None:
    found: list[int] = []
    while page := await read_on(
        database, LOBBY, before=None, after=found[-1] if found else None, up_to=LAST, limit=page_messages
    ):
        assert len(page) <= page_messages
        found += [message.message_id for message in page]
    assert found == list(range(1, LAST + 1))


async def test_reading_on_ends_where_it_was_asked_to(database: Database) -> None:
    page = await read_on(database, LOBBY, before=11, after=2, up_to=9, limit=LAST)
    assert [message.message_id for message in page] == list(range(3, 10))


async def test_a_room_without_messages_has_none_to_read(database: Database) -> None:
    assert await read_on(database, Room(2, "empty"), before=None, after=None, up_to=LAST, limit=3) == []
