"""A WebSocket without a library: reads when the test says so, and can send what no library would."""

from __future__ import annotations

import asyncio
import base64
import ctypes
import json
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.people import PATIENCE_SECONDS, Person

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
# Small, so that a reader that has stopped is noticed after little data.
RECEIVE_BUFFER_BYTES = 16 * 1024

# <asm-generic/socket.h>; what it takes are a struct sock_fprog and a struct sock_filter of <linux/filter.h>.
_SO_ATTACH_FILTER = 26
_TAKE_NO_BYTE_OF_ANY_PACKET = struct.pack("HBBI", 0x06, 0, 0, 0)


class RawSocket:
    """An open WebSocket; nothing is taken from the kernel unless a method here is awaited."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = bytearray()

    async def shake_hands(self, person: Person, path: str, more: bytes = b"") -> None:
        """Open the WebSocket; `more` is sent without waiting for the answer."""
        host, port = person.server.address
        key = base64.b64encode(os.urandom(16)).decode()
        await self.send_bytes(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nCookie: {person.cookie}\r\n\r\n".encode()
            + more
        )
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += await self._take(1)
        assert answer.startswith(b"HTTP/1.1 101"), answer

    async def send_frame(self, opcode: int, payload: bytes, *, first_byte: int | None = None) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        length = len(payload)
        if length < 126:
            head = bytes((first_byte or 0x80 | opcode, 0x80 | length))
        elif length < 65536:
            head = bytes((first_byte or 0x80 | opcode, 0xFE)) + length.to_bytes(2, "big")
        else:
            head = bytes((first_byte or 0x80 | opcode, 0xFF)) + length.to_bytes(8, "big")
        await self.send_bytes(head + mask + masked)

    async def send_bytes(self, data: bytes) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.get_running_loop().sock_sendall(self._connection, data)

    async def receive_frame(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload; raises EOFError when the connection has ended."""
        first, length = await self._take(2)
        assert first & 0x80, "server frames are never fragmented"
        assert not length & 0x80, "server frames are never masked"
        if length >= 126:
            length = int.from_bytes(await self._take(2 if length == 126 else 8), "big")
        return first & 0x0F, await self._take(length)

    async def receive(self) -> dict[str, Any]:
        """The next JSON frame; pings before it are answered."""
        while True:
            opcode, payload = await self.receive_frame()
            if opcode == TEXT:
                return json.loads(payload)  # type: ignore[no-any-return]
            if opcode == PING:
                await self.send_frame(PONG, payload)

    async def next(self, kind: str) -> dict[str, Any]:
        while (frame := await self.receive())["type"] != kind:
            pass
        return frame

    async def closed(self) -> tuple[int | None, bytes]:
        """Wait for the end: the close code, if there was one, and the bytes after the close frame."""
        code = None
        while True:
            try:
                opcode, payload = await self.receive_frame()
            except (EOFError, ConnectionError):
                return code, bytes(self._received)
            if opcode == CLOSE and code is None:
                code = int.from_bytes(payload[:2], "big")

    def finish_sending(self) -> None:
        """Say that nothing more will come; what the server still says can be read."""
        self._connection.shutdown(socket.SHUT_WR)

    def abandon(self) -> None:
        """Close the connection without a word."""
        self._connection.close()

    def reset(self) -> None:
        """Close the connection with an RST, as a machine does whose program was killed."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def vanish(self) -> None:
        """Let the kernel drop all that comes, unanswered, as if this machine had lost its power."""
        program = ctypes.create_string_buffer(_TAKE_NO_BYTE_OF_ANY_PACKET)
        self._connection.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program))
        )

    async def _take(self, count: int) -> bytes:
        while len(self._received) < count:
            async with asyncio.timeout(PATIENCE_SECONDS):
                data = await asyncio.get_running_loop().sock_recv(self._connection, 65536)
            if not data:
                raise EOFError
            self._received += data
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken


@asynccontextmanager
async def raw_socket(
    person: Person, path: str = "/ws/chat/lobby", more: bytes = b"", *, segment_bytes: int | None = None
) -> AsyncIterator[RawSocket]:
    """Connect as a person and finish the handshake.

    Args:
        segment_bytes: the most in one packet; small, the server's kernel takes far less for a reader that has stopped.
    """
    connection = socket.socket()
    try:
        connection.setblocking(False)
        if segment_bytes is not None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment_bytes)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        await asyncio.get_running_loop().sock_connect(connection, person.server.address)
        raw = RawSocket(connection)
        await raw.shake_hands(person, path, more)
        yield raw
    finally:
        connection.close()
