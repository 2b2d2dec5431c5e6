"""Sees to it that a client masks its frames, which RFC 6455 (5.1) asks a server to insist on and aiohttp does not.

An unmasked frame is put together by the client alone, byte for byte, and a proxy on the way may take it for a request
of its own (RFC 6455, 10.3).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

_HEADER_BYTES = 2
_MASK_BYTES = 4


class MaskedFrames(asyncio.Protocol):
    """Takes the place of the protocol of a connection whose handshake is about to be answered.

    Args:
        request: the handshake.
        transport: its connection.
    """

    __slots__ = ("_before", "_cut", "_handler", "_on_unmasked", "_skip", "is_broken")

    def __init__(self, request: web.Request, transport: asyncio.Transport) -> None:
        self._handler = request.protocol
        self._before = transport.get_protocol()
        self._on_unmasked: Callable[[], None] | None = None
        self._skip = 0  # bytes of the frame under way that are still to come
        self._cut = b""  # a header that is not whole yet
        # A client that did not wait for the answer has sent the beginning of its frames to aiohttp already.
        self.is_broken = not self._are_masked(self._handler._message_tail)  # nothing public tells
        transport.set_protocol(self)

    def step_aside(self, transport: asyncio.Transport) -> None:
        """Give the connection back: the handshake was refused, and what follows is HTTP."""
        transport.set_protocol(self._before)

    def when_unmasked(self, close: Callable[[], None]) -> None:
        """Have this called when an unmasked frame comes, or at once when one has come."""
        self._on_unmasked = close
        if self.is_broken:
            close()

    def data_received(self, data: bytes) -> None:
        if self.is_broken:
            return
        if self._are_masked(data):
            self._handler.data_received(data)
            return
        self.is_broken = True
        if self._on_unmasked is not None:
            self._on_unmasked()

    def eof_received(self) -> bool | None:
        return self._before.eof_received()  # type: ignore[attr-defined,no-any-return]

    def pause_writing(self) -> None:
        self._before.pause_writing()

    def resume_writing(self) -> None:
        self._before.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        self._on_unmasked = None
        self._before.connection_lost(error)

    def _are_masked(self, data: bytes) -> bool:
        """Go from frame header to frame header (RFC 6455, 5.2) and look at the mask bit of each."""
        start = self._skip
        if self._cut:
            data, self._cut = self._cut + data, b""
        end = len(data)
        while start + _HEADER_BYTES <= end:
            second = data[start + 1]
            if second < 0x80:
                return False
            length, extension = second & 0x7F, 0
            if length >= 126:
                extension = 2 if length == 126 else 8
                if start + _HEADER_BYTES + extension > end:
                    break
                length = int.from_bytes(data[start + _HEADER_BYTES : start + _HEADER_BYTES + extension])
            start += _HEADER_BYTES + extension + _MASK_BYTES + length
        if start < end:
            self._cut, self._skip = data[start:], 0
        else:
            self._skip = start - end
        return True
