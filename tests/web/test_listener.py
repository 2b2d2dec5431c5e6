"""The door: how many are let in, and what those are told who are not."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web

from chat.web import listener
from tests.people import PATIENCE_SECONDS, Person
from tests.servers import RunningServer

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connections(server: RunningServer, count: int) -> AsyncIterator[list[Connection]]:
    """Open connections, each of which the server has answered."""
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(count):
            reader, writer = await asyncio.open_connection(*server.address)
            stack.callback(writer.close)
            opened.append((reader, writer))
            status, _ = await asked(reader, writer)
            assert status == 200
        yield opened


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, bytes]:
    writer.write(REQUEST)
    async with asyncio.timeout(PATIENCE_SECONDS):
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = [line for line in head.decode().lower().splitlines() if line.startswith("content-length:")]
        body = await reader.readexactly(int(length.split(":")[1]))
    return int(head.split()[1]), head + body


async def knocked(server: RunningServer) -> tuple[int, bytes]:
    """What a new connection is answered, and that it ends when it is turned away."""
    reader, writer = await asyncio.open_connection(*server.address)
    try:
        status, answer = await asked(reader, writer)
        if status != 200:
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await reader.read() == b""
        return status, answer
    finally:
        writer.close()


async def until_let_in(server: RunningServer) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await knocked(server))[0] != 200:
            pass


@pytest.mark.settings(connections_max=3)
async def test_a_full_server_says_so_and_goes_on_serving_who_is_in(server: RunningServer) -> None:
    async with connections(server, 3) as inside:
        status, answer = await knocked(server)
        assert status == 503
        assert b"Retry-After: 10" in answer
        assert re.search(rb"\r\nX-Request-Id: [0-9a-f]{16}\r\n", answer)
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "too_many_connections"
        assert (await asked(*inside[0]))[0] == 200
    await until_let_in(server)


@pytest.fixture
def counted_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every address a test can connect from is one of this machine, which is not counted."""
    monkeypatch.setattr(listener, "counted_subnet", str.encode)


@pytest.mark.settings(connections_per_address_max=2)
@pytest.mark.usefixtures("counted_addresses")
async def test_one_address_cannot_take_the_places_of_others(server: RunningServer) -> None:
    async with connections(server, 2):
        status, answer = await knocked(server)
        assert status == 429
        assert b"Retry-After: 10" in answer
        reader, writer = await asyncio.open_connection(*server.address, local_addr=("127.0.0.3", 0))
        assert (await asked(reader, writer))[0] == 200
        writer.close()
    await until_let_in(server)


@pytest.mark.settings(connections_per_address_max=1)
async def test_this_machine_stands_for_many_people(server: RunningServer) -> None:
    async with connections(server, 3):
        assert (await knocked(server))[0] == 200


@pytest.mark.settings(connections_per_address_max=1, trusted_proxies="127.0.0.0/8")
@pytest.mark.usefixtures("counted_addresses")
async def test_a_trusted_proxy_stands_for_many_people(server: RunningServer) -> None:
    async with connections(server, 3):
        assert (await knocked(server))[0] == 200


@pytest.mark.settings(connections_max=2)
async def test_a_flood_of_those_turned_away_leaves_nothing_behind(server: RunningServer, ada: Person) -> None:
    async with connections(server, 1):
        await ada.says("hi")
        answers = await asyncio.gather(*(knocked(server) for _ in range(50)), return_exceptions=True)
        # Beyond a number of them they are told nothing: the connection is simply closed.
        told = [answer for answer in answers if not isinstance(answer, BaseException)]
        assert {status for status, _ in told} == {503}
        await ada.says("still here")


@pytest.mark.settings(host="localhost")
async def test_every_address_of_a_name_is_listened_on_with_one_port(server: RunningServer) -> None:
    assert server.settings.port > 0
    reader, writer = await asyncio.open_connection("localhost", server.settings.port)
    assert (await asked(reader, writer))[0] == 200
    writer.close()


async def test_out_of_descriptors_the_door_rests_and_opens_again(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listener, "_REST_SECONDS", 0.01)
    door = server._listener
    assert door is not None
    (listening,) = door._listening
    failures = iter([OSError(24, "Too many open files")])

    class Exhausted:
        def accept(self) -> object:
            for failure in failures:
                raise failure
            return listening.accept()

    door._take_some(Exhausted())  # type: ignore[arg-type]
    assert "connections: none can be taken for 0 s: Too many open files" in caplog.text
    assert (await knocked(server))[0] == 200


async def test_a_request_that_trickles_in_is_answered_and_seldom_looked_at(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    look = web.RequestHandler.data_received

    def counted(handler: web.RequestHandler, data: bytes) -> None:
        looks.append(data)
        look(handler, data)

    monkeypatch.setattr(web.RequestHandler, "data_received", counted)
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 200 + b"\r\n\r\n"
    reader, writer = await asyncio.open_connection(*server.address)
    try:
        for byte in request:
            writer.write(bytes((byte,)))
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    finally:
        writer.close()
    assert b"".join(looks) == request
    assert len(looks) < len(request) / 4


def test_the_longer_a_request_trickles_in_the_rarer_it_is_looked_at_down_to_every_two_seconds() -> None:
    seconds = [listener._seconds_until_next_look(pieces) for pieces in range(4, 10)]
    assert seconds == [0.5, 1, 1.5, 2, 2, 2]


async def test_whoever_goes_while_a_request_trickles_in_is_forgotten(server: RunningServer) -> None:
    reader, writer = await asyncio.open_connection(*server.address)
    for byte in b"GET /healthz HTTP/1.1\r\nHost":
        writer.write(bytes((byte,)))
        await asyncio.sleep(0)
    writer.transport.abort()
    assert (await knocked(server))[0] == 200
    del reader
