"""Frames that are not masked end the connection; masked ones pass however they are cut."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random

import pytest
from aiohttp import web

from chat.web.keys import HUB
from tests.people import PATIENCE_SECONDS, Person
from tests.raw_sockets import CLOSE, PING, PONG, TEXT, raw_socket
from tests.servers import RunningServer


def frame(payload: bytes, opcode: int = TEXT, *, masked: bool = True) -> bytes:
    length = len(payload)
    if length < 126:
        size = bytes((length | 0x80 * masked,))
    elif length < 65536:
        size = bytes((126 | 0x80 * masked,)) + length.to_bytes(2, "big")
    else:
        size = bytes((127 | 0x80 * masked,)) + length.to_bytes(8, "big")
    mask = os.urandom(4) if masked else b"\0\0\0\0"
    body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes((0x80 | opcode,)) + size + (mask if masked else b"") + body


def says(text: str) -> bytes:
    return json.dumps({"message": text}).encode()


@pytest.mark.parametrize(
    "unmasked",
    [
        frame(says("hi"), masked=False),
        frame(says("x" * 200), masked=False),
        frame(b"", PING, masked=False),
        frame(b"\x03\xe8", CLOSE, masked=False),
        frame(says("masked")) + frame(says("hi"), masked=False),
    ],
    ids=["text", "longer text", "ping", "close", "after a masked one"],
)
async def test_an_unmasked_frame_is_a_protocol_error(ada: Person, bob: Person, unmasked: bytes) -> None:
    async with raw_socket(ada) as socket, bob.live() as other:
        await socket.next("live")
        await socket.send_bytes(unmasked)
        assert await socket.closed() == (1002, b"")
        await other.send(message="still here")
        assert (await other.next("chat"))["message"] == "still here"
    assert [message["message"] for message in await bob.listed()] == ["still here"]


async def test_masked_frames_pass_however_they_are_cut(ada: Person) -> None:
    sizes = [0, 1, 100, 125, 126, 127, 300, 3900]
    stream = b"".join(frame(says("x" * size or "-")) + frame(b"ping", PING) for size in sizes)
    cuts = random.Random(7)
    async with raw_socket(ada) as socket:
        await socket.next("live")
        while stream:
            count = cuts.choice((1, 1, 2, 3, 5, 9, 200, 5000))
            await socket.send_bytes(stream[:count])
            stream = stream[count:]
            await asyncio.sleep(0)
        texts = [(await socket.next("chat"))["message"] for _ in sizes]
    assert [len(text) for text in texts] == [max(1, size) for size in sizes]


async def test_an_unmasked_frame_cut_inside_its_header_is_found(ada: Person) -> None:
    async with raw_socket(ada) as socket:
        await socket.next("live")
        whole = frame(says("fine")) + frame(says("x" * 200), masked=False)
        for index in range(len(whole)):
            try:
                await socket.send_bytes(whole[index : index + 1])
            except ConnectionError:
                break
        assert (await socket.closed())[0] == 1002


async def test_frames_sent_before_the_handshake_was_answered_are_looked_at_too(ada: Person) -> None:
    masked, unmasked = frame(says("early")), frame(says("early"), masked=False)
    async with raw_socket(ada, more=masked[:9]) as socket:
        await socket.send_bytes(masked[9:])
        assert (await socket.next("chat"))["message"] == "early"
    async with raw_socket(ada, more=unmasked) as socket:
        assert (await socket.closed())[0] == 1002
    assert [message["message"] for message in await ada.listed()] == ["early"]


async def test_a_refused_handshake_leaves_the_connection_to_http(server: RunningServer, ada: Person) -> None:
    reader, writer = await asyncio.open_connection(*server.address)
    head = f"Host: localhost\r\nCookie: {ada.cookie}\r\n"
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 12\r\nSec-WebSocket-Key: x\r\n"
    for request, status in (
        (f"GET /ws HTTP/1.1\r\n{head}{upgrade}\r\n", 400),
        (f"GET /whoami HTTP/1.1\r\n{head}\r\n", 200),
    ):
        writer.write(request.encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert int(answer.split()[1]) == status
        length = next(line for line in answer.splitlines() if line.lower().startswith("content-length:"))
        await reader.readexactly(int(length.split(":")[1]))
    writer.close()


async def test_thousands_of_frames_in_one_read_are_handed_on_as_they_are_taken(
    ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = []
    hand_on = web.RequestHandler.data_received

    def counted(handler: web.RequestHandler, data: bytes) -> None:
        pieces.append(len(data))
        hand_on(handler, data)

    async with raw_socket(ada) as socket, bob.live() as other:
        await socket.next("live")
        monkeypatch.setattr(web.RequestHandler, "data_received", counted)
        await socket.send_bytes(b"".join(frame(str(number).encode(), PING) for number in range(5000)))
        await socket.send_bytes(frame(says("x" * 3900)) + frame(says("the last")))
        for number in range(5000):
            opcode, payload = await socket.receive_frame()
            while opcode != PONG:
                opcode, payload = await socket.receive_frame()
            assert payload == str(number).encode()
        await socket.send_bytes(frame(says("and after it")))
        assert [len(told["message"]) for told in await other.chats(3)] == [3900, 8, 12]
    assert max(pieces) <= 4096


async def test_long_frames_that_come_together_are_all_acted_on(ada: Person) -> None:
    async with raw_socket(ada) as socket:
        await socket.next("live")
        await socket.send_bytes(b"".join(frame(says("x" * size)) for size in (60_000, 10, 50_000, 3900, 17_000)))
        kinds: list[str] = []
        while len(kinds) < 5:
            kind = (await socket.receive())["type"]
            kinds += [kind] * (kind in ("chat", "error"))
    assert kinds.count("error") == 3
    assert kinds.count("chat") == 2


async def test_an_unmasked_frame_behind_thousands_is_found(ada: Person) -> None:
    async with raw_socket(ada) as socket:
        await socket.next("live")
        await socket.send_bytes(frame(b"", PING) * 3000 + frame(b"", PING, masked=False))
        assert (await socket.closed())[0] == 1002


async def test_a_socket_that_breaks_off_leaves_no_circle_behind(server: RunningServer, ada: Person) -> None:
    async with raw_socket(ada) as socket:
        await socket.next("live")
    await until_nobody_is_there(server)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        async with raw_socket(ada) as socket:
            await socket.next("live")
            socket.reset()
        await until_nobody_is_there(server)
        gc.collect()
        left = [thing for thing in gc.garbage if isinstance(thing, web.WebSocketResponse | web.Request)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert left == []


async def until_nobody_is_there(server: RunningServer) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while server.app[HUB].open_sockets:
            await asyncio.sleep(0)
    for _ in range(10):  # steps of aiohttp's own after the last of ours
        await asyncio.sleep(0)
