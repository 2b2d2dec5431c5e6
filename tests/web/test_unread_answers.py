"""Who asks and does not read: how much that may cost, and for how long."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from chat.web import listener
from tests.people import PATIENCE_SECONDS, Person
from tests.raw_http import written
from tests.raw_sockets import RECEIVE_BUFFER_BYTES, raw_socket

# A room that no kernel takes off the server's hands: 16 MB as it is sent.
LONG, COUNT = 100_000, 160
long_messages = pytest.mark.settings(message_max_characters=LONG)


async def talk_at_length(person: Person) -> None:
    for number in range(COUNT):
        await person.says(str(number) + "x" * (LONG - len(str(number))))


@asynccontextmanager
async def asked(person: Person, **fields: Any) -> AsyncIterator[socket.socket]:
    """A connection on which a listing was asked for, and of whose answer a byte has come."""
    body = json.dumps({"room": "lobby"} | fields).encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await loop.sock_connect(connection, person.server.address)
            headers = (f"Cookie: {person.cookie}", "Content-Type: application/json")
            await loop.sock_sendall(connection, written("POST", "/list_message", *headers, body=body))
            await loop.sock_recv(connection, 1)
        yield connection


async def rest_of(connection: socket.socket) -> int:
    """How many bytes come before the end."""
    count = 0
    async with asyncio.timeout(PATIENCE_SECONDS):
        while data := await asyncio.get_running_loop().sock_recv(connection, 1024 * 1024):
            count += len(data)
    return count


@contextmanager
def logged(words: str) -> Iterator[asyncio.Event]:
    """An event that is set when a line with these words is logged."""
    seen = asyncio.Event()

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if words in record.getMessage():
                seen.set()

    logger, watch = logging.getLogger("chat"), Watch()
    level = logger.level
    logger.addHandler(watch)
    logger.setLevel(logging.INFO)
    try:
        yield seen
    finally:
        logger.removeHandler(watch)
        logger.setLevel(level)


@pytest.mark.settings(message_max_characters=LONG, answer_seconds=0.05)
@pytest.mark.parametrize("limit", [{}, {"limit": COUNT}])
async def test_an_answer_that_nobody_reads_is_given_up(ada: Person, limit: dict[str, int]) -> None:
    await talk_at_length(ada)
    with logged("nothing of an answer was read") as given_up:
        async with asked(ada, **limit) as connection, asyncio.timeout(PATIENCE_SECONDS):
            await given_up.wait()
            assert await rest_of(connection) < COUNT * LONG


@long_messages
async def test_who_reads_slowly_gets_all_of_it(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    watched: list[listener._Connection] = []
    watch = listener._Connection._watch

    def note(connection: listener._Connection) -> None:
        watched.append(connection)
        watch(connection)

    await talk_at_length(ada)
    monkeypatch.setattr(listener._Connection, "_watch", note)
    async with asked(ada, limit=COUNT) as connection, asyncio.timeout(PATIENCE_SECONDS):
        while not watched:
            await asyncio.sleep(0)
        slow = watched[0]
        waiting = slow._unread_bytes
        while slow._transport is not None and slow._transport.get_write_buffer_size() == waiting:
            await asyncio.get_running_loop().sock_recv(connection, 65536)
        slow._unread_bytes = waiting
        slow._look_whether_read()  # as when the time is over
        assert await rest_of_answer(connection) > LONG


async def rest_of_answer(connection: socket.socket) -> int:
    """How many bytes come before the last chunk, which is empty."""
    count, end = 0, b""
    while not end.endswith(b"\r\n0\r\n\r\n"):
        data = await asyncio.get_running_loop().sock_recv(connection, 1024 * 1024)
        assert data, "the answer broke off"
        count, end = count + len(data), (end + data)[-7:]
    return count


@pytest.mark.settings(message_max_characters=LONG, answer_seconds=0.05)
async def test_a_socket_may_read_as_slowly_as_it_likes(ada: Person, bob: Person) -> None:
    async with raw_socket(bob) as slow:
        await slow.next("live")
        await talk_at_length(ada)
        with logged("nothing of an answer was read") as given_up:
            async with asked(ada), asyncio.timeout(PATIENCE_SECONDS):
                await given_up.wait()  # the socket has been unread for longer
        for _ in range(COUNT):
            assert len((await slow.next("chat"))["message"]) == LONG


@long_messages
@pytest.mark.parametrize("limit", [{}, {"limit": COUNT}])
async def test_of_an_unread_listing_little_is_in_memory(ada: Person, limit: dict[str, int]) -> None:
    await talk_at_length(ada)
    tracemalloc.start()
    try:
        async with asked(ada, **limit):
            for _ in range(20):  # it has had the time it needs to make more
                await ada.get("/whoami")
            held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < COUNT * LONG / 8


@pytest.mark.settings(message_max_characters=LONG, long_answers_per_user_max=1, turn_wait_max_seconds=0.05)
async def test_one_person_has_few_long_answers_unread(ada: Person, bob: Person) -> None:
    await talk_at_length(ada)
    async with asked(ada):
        for path, method in (("/list_message", "POST"), ("/get_rooms", "GET"), ("/get_users", "GET")):
            answer = await ada.request(method, path, json={"room": "lobby", "limit": 1})
            assert (answer.status, answer.body["code"]) == (429, "too_many_requests"), path
            assert int(answer.headers["Retry-After"]) >= 1
        assert (await ada.get("/whoami")).status == 200
        assert (await bob.get("/get_rooms")).status == 200
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await ada.get("/get_rooms")).status == 429:
            pass


@pytest.mark.settings(long_answers_per_user_max=1)
async def test_who_reads_waits_for_a_turn_and_gets_everything(ada: Person) -> None:
    await ada.says("hi")
    answers = await asyncio.gather(*(ada.post("/list_message", room="lobby", limit=1) for _ in range(30)))
    assert {answer.status for answer in answers} == {200}


@long_messages
async def test_a_long_page_is_the_same_as_a_short_one_but_for_its_length(ada: Person) -> None:
    await talk_at_length(ada)
    newest = await ada.post("/list_message", room="lobby", limit=COUNT - 1)
    oldest = await ada.post("/list_message", room="lobby", limit=COUNT - 1, after=0)
    short = await ada.post("/list_message", room="lobby", limit=COUNT - 1, before=1)
    assert "Content-Length" in short.headers
    for page, numbers, following in ((newest, range(1, COUNT), 2), (oldest, range(COUNT - 1), COUNT - 1)):
        assert "Content-Length" not in page.headers
        assert page.headers["Content-Type"] == short.headers["Content-Type"]
        assert [int(message["message"].rstrip("x")) for message in page.body["messages"]] == list(numbers)
        assert page.body["next"] == following
        assert {**page.body, "messages": []}.keys() == {*short.body, "next"}
