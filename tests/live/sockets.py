"""Sockets without a network: the server's side of a connection, and what was written to it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from chat.live.subscriber import Subscriber
from chat.models import User


class Wire(asyncio.Transport):
    """A transport that keeps what is written; while `is_stuck`, as unsent."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_stuck = False
        self.flows = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return len(self.written) if self.is_stuck else 0

    async def drain(self) -> None:
        if self.is_stuck:
            await self.flows.wait()

    def flow(self) -> None:
        self.is_stuck = False
        self.flows.set()

    def frames(self) -> list[dict[str, Any]]:
        """The text frames, of less than 64 KiB, written since the last call."""
        frames, rest = [], self.written
        while rest:
            assert rest[0] == 0x81
            assert rest[1] < 127
            head, length = (2, rest[1]) if rest[1] < 126 else (4, int.from_bytes(rest[2:4], "big"))
            frames.append(json.loads(rest[head : head + length]))
            rest = rest[head + length :]
        self.written = b""
        return frames


def socket_of(user: User, session_key: str = "", *, unsent_max_bytes: int = 1000) -> tuple[Subscriber, Wire]:
    """A socket of a person, and its wire."""
    wire = Wire()
    return Subscriber(wire, wire.drain, user, session_key, unsent_max_bytes=unsent_max_bytes, now=0), wire
