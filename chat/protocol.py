"""Frames ↔ values: what travels over a WebSocket, as bytes ready for the wire. Pure, no I/O.

Server frames are unmasked (RFC 6455, 5.1), so the bytes made here serve every socket alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from chat.errors import ChatError, Malformed
from chat.fields import is_storable, optional_number, optional_text, required_number, required_text
from chat.models import Message, Room
from chat.terminals import ACTING_BUT_C0

CLIENT_ID_MAX_CHARACTERS = 64

CLOSE_GOING_AWAY = 1001
CLOSE_PROTOCOL_ERROR = 1002
CLOSE_UNSUPPORTED_DATA = 1003
CLOSE_ABNORMAL = 1006
CLOSE_INTERNAL_ERROR = 1011
CLOSE_SIGNED_OUT = 4401

_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_json_in_ascii = json.JSONEncoder(separators=(",", ":")).encode
# What the encoders use for text, without the way there.
_encode_string, _encode_string_in_ascii = json.encoder.encode_basestring, json.encoder.encode_basestring_ascii
# What JSON lets through and a terminal or a log would act upon.
_ACTS_ON_TERMINALS = re.compile(f"[{ACTING_BUT_C0}]")


class Send(NamedTuple):
    """A tuple because one is made for every message."""

    room: str | None
    message: str
    client_id: str | None


@dataclass(frozen=True, slots=True)
class Subscribe:
    room: str | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    room: str | None


@dataclass(frozen=True, slots=True)
class Typing:
    room: str | None


@dataclass(frozen=True, slots=True)
class Read:
    room: str | None
    cursor: int


@dataclass(frozen=True, slots=True)
class Ping:
    pass


ClientFrame = Send | Subscribe | Unsubscribe | Typing | Read | Ping


def read_frame(fields: Mapping[str, object]) -> ClientFrame:
    """Understand a decoded client frame; `type` may be left out of a send.

    Raises:
        Malformed: a field is missing or of the wrong type, or the type is unknown.
        BrokenRule: a value breaks a rule.
    """
    kind = optional_text(fields, "type")
    if kind == "send" or (kind is None and "message" in fields):
        return Send(
            optional_text(fields, "room"),
            required_text(fields, "message"),
            optional_text(fields, "client_id"),
        )
    room = optional_text(fields, "room")
    match kind:
        case "subscribe":
            return Subscribe(room, optional_number(fields, "after"))
        case "unsubscribe":
            return Unsubscribe(room)
        case "typing":
            return Typing(room)
        case "read":
            return Read(room, required_number(fields, "cursor"))
        case "ping":
            return Ping()
    raise Malformed("The type of a frame is one of send, subscribe, unsubscribe, typing, read, ping.", "unknown_type")


def echoable_client_id(fields: Mapping[str, object]) -> str | None:
    """The client_id an error frame may name, so that the sender knows which send was refused."""
    client_id = fields.get("client_id")
    if isinstance(client_id, str) and len(client_id) <= CLIENT_ID_MAX_CHARACTERS and is_storable(client_id):
        return client_id
    return None


def chat_frame(message: Message) -> bytes:
    """A message as its frame; made once, however many people read it."""
    return text_frame(f'{{"type":"chat","room":{_json_name(message.room_name)},{_message_fields(message)}}}')


def delete_frame(message: Message) -> bytes:
    """Tells that a message was deleted, and a sender who still waits for its acknowledgement which one it was."""
    fields = {
        "type": "delete",
        "room": message.room_name,
        "id": message.message_id,
        "cursor": message.cursor,
        "user_id": message.user_id,
    }
    if message.client_id is not None:
        fields["client_id"] = message.client_id
    return text_frame(encode_json(fields))


def change_frame(message: Message) -> bytes:
    """The frame of the last change of a message."""
    return delete_frame(message) if message.is_deleted else chat_frame(message)


def message_json(message: Message) -> str:
    """A message as an item of a listing."""
    deleted = ',"deleted":true' if message.is_deleted else ""
    return f"{{{_message_fields(message)}{deleted}}}"


def live_frame(room_name: str, room_id: int, cursor: int) -> bytes:
    """Tells that the reader has every change of the room up to the cursor."""
    return text_frame(encode_json({"type": "live", "room": room_name, "room_id": room_id, "cursor": cursor}))


def presence_frame(
    room_name: str, count: int, online: Iterable[str] | None = None, offline: Iterable[str] | None = None
) -> bytes:
    """Tells who came and went, or, without names, how many people are online."""
    fields: dict[str, object] = {"type": "presence", "room": room_name}
    if online is not None and offline is not None:
        fields |= {"online": sorted(online), "offline": sorted(offline)}
    return text_frame(encode_json(fields | {"count": count}))


def typing_frame(room_name: str, usernames: Iterable[str]) -> bytes:
    return text_frame(encode_json({"type": "typing", "room": room_name, "usernames": sorted(usernames)}))


def read_mark_frame(room_name: str, cursor: int) -> bytes:
    """Tells a person's sockets that the person has read the room up to the cursor."""
    return text_frame(f'{{"type":"read","room":{_json_name(room_name)},"cursor":{cursor}}}')


def membership_frame(room: Room, *, joined: bool) -> bytes:
    """Tells a person's sockets that the person has joined or left the room."""
    return text_frame(encode_json({"type": "membership", "room": room.name, "room_id": room.room_id, "joined": joined}))


def room_deleted_frame(room: Room) -> bytes:
    """Tells its members, and whoever reads it, that the room is no more."""
    return text_frame(encode_json({"type": "room_deleted", "room": room.name, "room_id": room.room_id}))


def error_frame(error: ChatError, client_id: str | None = None) -> bytes:
    fields = {"type": "error", "code": error.code, "error": error.sentence}
    if client_id is not None:
        fields["client_id"] = client_id
    return text_frame(encode_answer(fields))


def pong_frame() -> bytes:
    """The answer to the JSON ping of a client that cannot send control frames (a browser)."""
    return _JSON_PONG


def encode_answer(fields: object) -> str:
    """JSON for whoever asked, as harmless on a terminal as in a browser; decoded, it is the same."""
    encoded = encode_json(fields)
    return _encode_json_in_ascii(fields) if _acts_on_terminals(encoded) else encoded


def text_frame(text: str) -> bytes:
    """One unmasked, unfragmented text frame (RFC 6455, 5.2)."""
    return _frame(_TEXT, text.encode())


def control_ping() -> bytes:
    return _CONTROL_PING


def control_pong(payload: bytes) -> bytes:
    return _frame(_PONG, payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; the reason is at most 123 bytes of UTF-8 (RFC 6455, 5.5)."""
    return _frame(_CLOSE, code.to_bytes(2, "big") + reason.encode())


@lru_cache(maxsize=1024)  # the messages of one commit share their time
def timestamp(created_ms: int) -> str:
    """ISO 8601 in UTC with milliseconds."""
    moment = _EPOCH + timedelta(milliseconds=created_ms)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _message_fields(message: Message) -> str:
    # Written out by hand: a dict for each message costs as much again as its encoding.
    fields = (
        f'"id":{message.message_id},"cursor":{message.cursor},"user_id":{message.user_id},'
        f'"username":{_json_name(message.username)},"message":{_encode_text(message.text)},'
        f'"timestamp":"{timestamp(message.created_ms)}"'
    )
    return fields if message.client_id is None else f'{fields},"client_id":{_encode_text(message.client_id)}'


@lru_cache(maxsize=4096)  # names of active rooms and people; a few hundred bytes each
def _json_name(name: str) -> str:
    return encode_json(name)


def _encode_text(text: str) -> str:
    # All of it, or a message of nothing but such characters would cost milliseconds, one for each of them.
    encoded = _encode_string(text)
    return _encode_string_in_ascii(text) if _acts_on_terminals(encoded) else encoded


def _acts_on_terminals(encoded: str) -> bool:
    if encoded.isascii():
        return "\x7f" in encoded
    return _ACTS_ON_TERMINALS.search(encoded) is not None


def _frame(first_byte: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        return bytes((first_byte, length)) + payload
    if length < 65536:
        return bytes((first_byte, 126)) + length.to_bytes(2, "big") + payload
    return bytes((first_byte, 127)) + length.to_bytes(8, "big") + payload


_JSON_PONG = text_frame('{"type":"pong"}')
_CONTROL_PING = _frame(_PING, b"")
