"""What the load writes: handshakes, masked frames, numbered messages."""

from __future__ import annotations

import base64
import json
import os
import re

MESSAGE_CHARACTERS = 128
# A message says who sent it and which of theirs it is; this finds it again in whatever a server makes of it.
MARKER = re.compile(rb"<(\d{4}):(\d{8})>")
_MARKER_CHARACTERS = len("<0000:00000000>")
_FILLING = "The quick brown fox jumps over the lazy dog, and everyone in the room reads of it. "


def marker(sender: int, number: int) -> bytes:
    return b"<%04d:%08d>" % (sender, number)


def message_text(sender: int, number: int, characters: int = MESSAGE_CHARACTERS) -> str:
    """A message of the given length that `MARKER` finds."""
    room = characters - _MARKER_CHARACTERS
    filling = (_FILLING * (room // len(_FILLING) + 1))[:room]
    return marker(sender, number).decode() + filling


def handshake(path: str, port: int, cookie: str | None) -> bytes:
    """The request that opens a WebSocket (RFC 6455, 4.1)."""
    key = base64.b64encode(os.urandom(16)).decode()
    cookie_line = f"Cookie: {cookie}\r\n" if cookie else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{cookie_line}\r\n"
    ).encode()


def text_frame(fields: dict[str, object], mask: bytes) -> bytes:
    """A client frame, masked as it must be (RFC 6455, 5.3)."""
    return _masked(0x81, json.dumps(fields, separators=(",", ":")).encode(), mask)


def pong_frame(payload: bytes, mask: bytes) -> bytes:
    return _masked(0x8A, payload, mask)


def new_mask() -> bytes:
    return os.urandom(4)


def _masked(first_byte: int, payload: bytes, mask: bytes) -> bytes:
    length = len(payload)
    head = bytes((first_byte, 0x80 | length)) if length < 126 else bytes((first_byte, 0xFE)) + length.to_bytes(2, "big")
    # One exclusive or of two long numbers: a loop over the bytes would cost more than the server's whole work.
    key = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
    return head + mask + (int.from_bytes(payload, "big") ^ key).to_bytes(length, "big")
