"""What stands between a connection and aiohttp once frames are spoken: two things that aiohttp does not see to.

A client masks its frames, which RFC 6455 (5.1) asks a server to insist on: an unmasked frame is put together by the
client alone, byte for byte, and a proxy on the way may take it for a request of its own (10.3).

And what comes in one read, up to a quarter of a megabyte, may be ten thousand frames. They are handed on as they are
taken, a few at a time: else everyone would wait while they are all unpacked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

_HEADER_BYTES = 2
_MASK_BYTES = 4
_FINAL = 0x80
# What is handed on at a time, how much of it while something waits to be taken, and the number of frames that wait
# beyond which no more is.
_PIECE_BYTES, _PIECES_BYTES = 4096, 16 * 1024
_WAITING_MAX = 64


class IncomingFrames(asyncio.Protocol):
    """Takes the place of the protocol of a connection whose handshake is about to be answered.

    Args:
        request: the handshake.
        transport: its connection.
    """

    __slots__ = (
        "_before", "_cut", "_handler", "_held", "_held_from", "_on_unmasked", "_skip", "_waiting", "is_broken",
        "transport",
    )  # fmt: skip

    def __init__(self, request: web.Request, transport: asyncio.Transport) -> None:
        self._handler = request.protocol
        self.transport = transport
        self._before = transport.get_protocol()
        self._on_unmasked: Callable[[], None] | None = None
        self._skip = 0  # bytes of the frame under way that are still to come
        self._cut = b""  # a header that is not whole yet
        self._held, self._held_from = b"", 0  # what is still to be handed on, and where that begins
        self._waiting = 0  # messages that were handed on and not taken
        # A client that did not wait for the answer has sent the beginning of its frames to aiohttp already.
        self.is_broken = not self._are_masked(self._handler._message_tail)  # nothing public tells
        transport.set_protocol(self)
        transport.set_write_buffer_limits()  # a socket is no answer that is to be taken at once

    def step_aside(self, transport: asyncio.Transport) -> None:
        """Give the connection back: the handshake was refused, and what follows is HTTP."""
        transport.set_write_buffer_limits(high=0)
        transport.set_protocol(self._before)

    def when_unmasked(self, close: Callable[[], None]) -> None:
        """Have this called when an unmasked frame comes, or at once when one has come."""
        self._on_unmasked = close
        if self.is_broken:
            close()

    def taken(self) -> None:
        """Have more handed on: a message that was is being acted on."""
        self._waiting -= 1
        if self._held:
            self._hand_on_held()

    def data_received(self, data: bytes) -> None:
        if self._held:
            self._held, self._held_from = self._held[self._held_from :] + data, 0
        elif len(data) <= _PIECE_BYTES and self._waiting < _WAITING_MAX:
            self._hand_on(data)
        else:
            self._held = data
            self._hand_on_held()
        if self._held and not self.transport.is_closing():
            self.transport.pause_reading()

    def eof_received(self) -> bool | None:
        return self._before.eof_received()  # type: ignore[attr-defined,no-any-return]

    def pause_writing(self) -> None:
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._handler.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        self._on_unmasked = None
        self._before.connection_lost(error)

    def _hand_on_held(self) -> None:
        handed_on = 0
        while self._can_take_more(handed_on):
            handed_on += _PIECE_BYTES
            end = self._held_from + _PIECE_BYTES
            piece = self._held[self._held_from : end]
            self._held_from = end
            self._hand_on(piece)
            if end >= len(self._held):
                self._held, self._held_from = b"", 0
                # Else aiohttp has enough for now, and resumes by itself; nothing public tells.
                if not (self._handler._reading_paused or self.transport.is_closing()):
                    self.transport.resume_reading()
                return

    def _can_take_more(self, handed_on: int) -> bool:
        # The last one counts only when it is whole: nobody could take it before.
        whole = self._waiting - (self._skip > 0)
        return whole <= 0 or (whole < _WAITING_MAX and handed_on < _PIECES_BYTES)

    def _hand_on(self, data: bytes) -> None:
        if self.is_broken:
            return
        if self._are_masked(data):
            self._handler.data_received(data)
            return
        self.is_broken = True
        if self._on_unmasked is not None:
            self._on_unmasked()

    def _are_masked(self, data: bytes) -> bool:
        """Go from frame header to frame header (RFC 6455, 5.2), look at the mask bit of each and count the messages."""
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
            self._waiting += data[start] >= _FINAL
            start += _HEADER_BYTES + extension + _MASK_BYTES + length
        if start < end:
            self._cut, self._skip = data[start:], 0
        else:
            self._skip = start - end
        return True
