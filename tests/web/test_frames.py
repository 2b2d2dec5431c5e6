"""Whatever bytes come over a socket: an error frame or a proper close, and nobody else notices."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import any_json, any_text, examples
from tests.people import Person
from tests.raw_sockets import BINARY, CLOSE, PING, PONG, TEXT, RawSocket, raw_socket

FROM_THE_SERVER = {
    "chat", "live", "presence", "typing", "read", "membership", "pong", "error", "delete", "room_deleted",
}  # fmt: skip
CLOSE_CODES = {1000, 1002, 1003, 1007, 1009}
CONTINUATION = 0x0

some_value = any_json | st.sampled_from(
    ["lobby", "nowhere", "hi", "", 0, 1, -1, 2**63, "1", "\0", "\ud800", "x" * 5000]
)
# Half of them look right at a first glance.
some_frame = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["send", "subscribe", "unsubscribe", "typing", "read", "ping", "chat", None])
        | some_value,
        "room": st.just("lobby") | some_value,
        "message": st.just("hi") | some_value,
        "client_id": some_value,
        "after": some_value,
        "cursor": some_value,
    },
)
some_text = (some_frame | any_json).map(json.dumps).map(str.encode) | any_text.map(
    lambda text: text.encode(errors="replace")
)


def masked(first_byte: int, payload: bytes) -> bytes:
    mask = os.urandom(4)
    length = len(payload)
    head = bytes((length | 0x80,)) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
    return bytes((first_byte,)) + head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def fragments(payload: bytes, cuts: Sequence[int], between: bytes) -> bytes:
    """A text in frames of its own for each part (RFC 6455, 5.4), with something between them."""
    ends = sorted({cut % (len(payload) + 1) for cut in cuts} | {len(payload)})
    parts = [payload[start:end] for start, end in itertools.pairwise([0, *ends])]
    frames = [
        masked((TEXT if number == 1 else CONTINUATION) | (0x80 if number == len(parts) else 0), part)
        for number, part in enumerate(parts, 1)
    ]
    return between.join(frames)


cuts = st.lists(st.integers(0, 10_000), max_size=4)
ping = st.binary(max_size=125).map(lambda payload: masked(0x80 | PING, payload))
whole_text = st.builds(fragments, some_text, cuts, st.just(b"") | ping)
some_opcode = st.sampled_from([CONTINUATION, TEXT, BINARY, 0x3, CLOSE, PING, PONG, 0xB])
odd_frame = st.builds(
    masked, st.builds(int.__or__, some_opcode, st.sampled_from([0x80, 0x00, 0xC0, 0x90])), st.binary(max_size=200)
)


async def send_in_segments(socket: RawSocket, data: bytes, cuts: Sequence[int]) -> None:
    """Each part goes out by itself, so that the server reads them one by one."""
    ends = sorted({cut % (len(data) + 1) for cut in cuts} | {len(data)})
    for start, end in itertools.pairwise([0, *ends]):
        await socket.send_bytes(data[start:end])
        await asyncio.sleep(0)


def assert_of_the_protocol(frame: dict[str, Any]) -> None:
    assert frame["type"] in FROM_THE_SERVER, frame
    if frame["type"] == "error":
        assert set(frame) - {"client_id"} == {"type", "code", "error"}


@given(texts=st.lists(whole_text, max_size=4), cuts=cuts)
@examples(120)
async def test_every_text_is_answered_and_the_socket_stays_open(
    ada: Person, texts: list[bytes], cuts: list[int]
) -> None:
    async with raw_socket(ada, "/ws") as socket:
        await send_in_segments(socket, b"".join(texts) + masked(0x80 | TEXT, b'{"type":"ping","of":"ours"}'), cuts)
        while (frame := await socket.receive())["type"] != "pong":
            assert_of_the_protocol(frame)


@pytest.mark.settings(close_seconds=0.05)
@given(frames=st.lists(odd_frame | whole_text, max_size=4), rest=st.binary(max_size=60), cuts=cuts)
@examples(150)
async def test_whatever_bytes_come_the_socket_ends_as_rfc_6455_wants_and_nobody_else_notices(
    ada: Person, bob: Person, frames: list[bytes], rest: bytes, cuts: list[int]
) -> None:
    async with bob.live() as bystander, raw_socket(ada) as socket:
        try:
            await send_in_segments(socket, b"".join(frames) + rest, cuts)
            socket.finish_sending()
        except OSError:
            pass  # the server has had enough already
        code, after = await socket.closed()
        assert code is None or code in CLOSE_CODES
        assert after == b"", "nothing follows a close frame"
        await bystander.settled()
