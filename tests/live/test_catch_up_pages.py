from __future__ import annotations

import asyncio

from chat.live.catch_up_pages import ENTRY_BYTES, CatchUpPages, Page
from chat.live.hub import Hub
from chat.live.subscriber import Subscriber
from chat.models import Message, Room, User
from chat.settings import Settings
from tests.live.sockets import Wire, socket_of
from tests.turns import at_once

ROOM = Room(1, "lobby")


def page_of(size: int, cursor: int = 9) -> Page:
    return Page(b"x" * size, cursor, is_last=True)


def test_a_page_is_found_for_the_same_room_cursor_and_head_only() -> None:
    pages = CatchUpPages(10 * ENTRY_BYTES)
    pages.keep(1, 5, 9, page_of(10))
    assert pages.find(1, 5, 9) == page_of(10)
    assert pages.find(2, 5, 9) is None
    assert pages.find(1, 4, 9) is None
    assert pages.find(1, 5, 10) is None, "a message came since"


def test_what_is_kept_is_bounded_and_the_longest_unused_goes_first() -> None:
    pages = CatchUpPages(3 * (ENTRY_BYTES + 33))
    for after in (1, 2, 3):
        pages.keep(1, after, 9, page_of(33))
    pages.find(1, 1, 9)
    pages.keep(1, 4, 9, page_of(33))
    assert [after for after in (1, 2, 3, 4) if pages.find(1, after, 9)] == [1, 3, 4]


def test_a_page_larger_than_the_bound_is_not_kept_and_costs_the_others_nothing() -> None:
    pages = CatchUpPages(ENTRY_BYTES + 100)
    pages.keep(1, 1, 9, page_of(60))
    pages.keep(1, 2, 9, page_of(101))
    assert pages.find(1, 1, 9)
    assert pages.find(1, 2, 9) is None


def test_keeping_the_same_page_twice_counts_once() -> None:
    pages = CatchUpPages(2 * (ENTRY_BYTES + 50))
    for _ in range(3):
        pages.keep(1, 1, 9, page_of(50))
    pages.keep(1, 2, 9, page_of(50))
    assert pages.find(1, 1, 9)
    assert pages.find(1, 2, 9)


def test_pages_with_nothing_on_them_are_bounded_too() -> None:
    pages = CatchUpPages(10 * ENTRY_BYTES)
    for after in range(1000):
        pages.keep(1, after, 5000, page_of(0))
    assert [after for after in range(1000) if pages.find(1, after, 5000)] == list(range(990, 1000))


async def test_those_who_missed_the_same_share_one_reading_of_it_and_a_later_message_is_not_left_out() -> None:
    stored = [_message(number) for number in range(1, 4)]
    readings = 0

    async def read_changes(room_id: int, after: int, up_to: int, limit: int) -> list[Message]:
        nonlocal readings
        readings += 1
        return [m for m in stored if m.room_id == room_id and after < m.cursor <= up_to][:limit]

    hub = Hub(Settings(), read_changes, 3, at_once)

    async def come_back(number: int) -> list[int]:
        subscriber, wire = socket_of(User(number, f"person-{number}"), unsent_max_bytes=100_000)
        hub.add(subscriber)
        hub.subscribe(subscriber, ROOM, 1)
        while subscriber.behind:
            await asyncio.sleep(0)
        frames = [frame for frame in wire.frames() if frame["type"] in ("chat", "live")]
        assert frames[-1]["type"] == "live"
        return [frame["cursor"] for frame in frames[:-1]]

    assert [await come_back(number) for number in range(20)] == [[2, 3]] * 20
    assert readings == 1
    stored.append(_message(4))
    hub.publish(stored[-1:])
    assert [await come_back(number) for number in range(20, 40)] == [[2, 3, 4]] * 20
    assert readings == 2


async def test_a_kept_page_never_shows_a_deleted_text_nor_hides_the_deletion() -> None:
    """Not the one kept before, nor one that was read before the deletion and is kept after it."""
    stored = {number: _message(number) for number in range(1, 4)}
    may_return = asyncio.Event()
    may_return.set()

    async def read_changes(_room_id: int, after: int, up_to: int, _limit: int) -> list[Message]:
        found = sorted((m for m in stored.values() if after < m.cursor <= up_to), key=lambda m: m.cursor)
        await may_return.wait()
        return found

    hub = Hub(Settings(), read_changes, 3, at_once)

    def come_back(number: int) -> tuple[Subscriber, Wire]:
        subscriber, wire = socket_of(User(number, f"person-{number}"), unsent_max_bytes=100_000)
        hub.add(subscriber)
        hub.subscribe(subscriber, ROOM, 1)
        return subscriber, wire

    async def frames(subscriber: Subscriber, wire: Wire) -> list[tuple[str, int]]:
        while subscriber.behind:
            await asyncio.sleep(0)
        return [(frame["type"], frame["cursor"]) for frame in wire.frames() if frame["type"] in ("chat", "delete")]

    def delete(number: int, cursor: int) -> None:
        stored[number] = stored[number]._replace(cursor=cursor, text="", is_deleted=True)
        hub.publish([stored[number]])

    assert await frames(*come_back(1)) == [("chat", 2), ("chat", 3)]
    delete(2, 4)
    assert await frames(*come_back(2)) == [("chat", 3), ("delete", 4)]
    hub.publish([_message(5)])
    stored[5] = _message(5)
    may_return.clear()
    reading = come_back(3)
    for _ in range(10):
        await asyncio.sleep(0)  # it has read what was there, and not been given it yet
    delete(3, 6)
    may_return.set()
    assert await frames(*reading) == [("chat", 3), ("delete", 4), ("chat", 5), ("delete", 6)]
    for number in range(4, 8):
        assert await frames(*come_back(number)) == [("delete", 4), ("chat", 5), ("delete", 6)]


def _message(number: int) -> Message:
    return Message(number, number, ROOM.room_id, ROOM.name, 1, "ada", "hi", 0, None)
