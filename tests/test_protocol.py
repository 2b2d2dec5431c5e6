from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.errors import BrokenRule, ChatError, Malformed
from chat.models import Message, Room
from chat.protocol import (
    CLIENT_ID_MAX_CHARACTERS,
    ClientFrame,
    Ping,
    Read,
    Send,
    Subscribe,
    Typing,
    Unsubscribe,
    change_frame,
    chat_frame,
    close_frame,
    control_ping,
    control_pong,
    delete_frame,
    echoable_client_id,
    encode_answer,
    error_frame,
    live_frame,
    membership_frame,
    message_json,
    pong_frame,
    presence_frame,
    read_frame,
    read_mark_frame,
    room_deleted_frame,
    text_frame,
    timestamp,
    typing_frame,
)
from tests.examples import any_json, any_text, examples, storable_text

MESSAGE = Message(42, 43, 1, "lobby", 7, "ada", "hi", 1_795_255_200_123, None)


def unpacked(frame: bytes) -> dict[str, Any]:
    """The JSON of a short or middling text frame; one line, type first."""
    assert frame[0] == 0x81
    text = frame[2 if frame[1] < 126 else 4 if frame[1] == 126 else 10 :].decode()
    assert "\n" not in text
    fields = json.loads(text)
    assert next(iter(fields)) == "type"
    return fields  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("fields", "frame"),
    [
        ({"message": "hi"}, Send(None, "hi", None)),
        ({"type": "send", "message": "hi"}, Send(None, "hi", None)),
        ({"type": None, "message": "hi"}, Send(None, "hi", None)),
        (
            {"type": "send", "room": "lobby", "message": "hi", "client_id": "c1", "more": [1]},
            Send("lobby", "hi", "c1"),
        ),
        ({"type": "subscribe", "room": "lobby"}, Subscribe("lobby", None)),
        ({"type": "subscribe", "room": "lobby", "after": 41}, Subscribe("lobby", 41)),
        ({"type": "subscribe"}, Subscribe(None, None)),
        ({"type": "unsubscribe", "room": "lobby"}, Unsubscribe("lobby")),
        ({"type": "typing", "room": "lobby"}, Typing("lobby")),
        ({"type": "typing", "message": "hi"}, Typing(None)),
        ({"type": "read", "room": "lobby", "cursor": 41}, Read("lobby", 41)),
        ({"type": "read", "cursor": 0}, Read(None, 0)),
        ({"type": "read", "cursor": "41"}, Read(None, 41)),
        ({"type": "ping"}, Ping()),
    ],
)
def test_a_frame_of_the_protocol_is_understood(fields: dict[str, object], frame: ClientFrame) -> None:
    assert read_frame(fields) == frame


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "unknown_type"),
        ({"room": "lobby"}, "unknown_type"),
        ({"type": "shout", "message": "hi"}, "unknown_type"),
        ({"type": "Send", "message": "hi"}, "unknown_type"),
        ({"type": "chat", "message": "hi"}, "unknown_type"),
        ({"type": 1, "message": "hi"}, "wrong_type"),
        ({"type": "send"}, "missing_field"),
        ({"message": None}, "missing_field"),
        ({"message": 1}, "wrong_type"),
        ({"message": "hi", "room": 1}, "wrong_type"),
        ({"message": "hi", "client_id": 1}, "wrong_type"),
        ({"type": "subscribe", "room": []}, "wrong_type"),
        ({"type": "subscribe", "after": "x"}, "wrong_type"),
        ({"type": "read", "room": "lobby"}, "missing_field"),
        ({"type": "read", "cursor": None}, "missing_field"),
        ({"type": "read", "cursor": 1.5}, "wrong_type"),
        ({"type": "read", "cursor": True}, "wrong_type"),
        ({"type": "read", "cursor": 1, "room": 1}, "wrong_type"),
    ],
)
def test_a_frame_of_another_kind_is_malformed(fields: dict[str, object], code: str) -> None:
    with pytest.raises(Malformed) as refusal:
        read_frame(fields)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    "fields",
    [
        {"message": "\0"},
        {"message": "\ud800"},
        {"message": "hi", "client_id": "\ud800"},
        {"type": "subscribe", "after": -1},
        {"type": "read", "cursor": -1},
        {"type": "read", "cursor": 2**63},
    ],
)
def test_a_value_that_breaks_a_rule_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(BrokenRule):
        read_frame(fields)


@given(
    st.dictionaries(st.sampled_from(["type", "room", "message", "client_id", "after", "cursor"]) | any_text, any_json)
)
@examples(60)
def test_any_object_is_a_frame_or_refused(fields: dict[str, object]) -> None:
    echoable_client_id(fields)
    with contextlib.suppress(ChatError):
        read_frame(fields)


@pytest.mark.parametrize("client_id", ["c", "ü" * CLIENT_ID_MAX_CHARACTERS])
def test_an_error_can_name_a_valid_client_id(client_id: str) -> None:
    assert echoable_client_id({"client_id": client_id}) == client_id


@pytest.mark.parametrize("client_id", [None, 1, [], "c" * (CLIENT_ID_MAX_CHARACTERS + 1), "\0", "\ud800"])
def test_an_error_names_no_other_client_id(client_id: object) -> None:
    assert echoable_client_id({"client_id": client_id}) is None


def test_a_chat_frame_has_the_fields_of_the_protocol() -> None:
    assert unpacked(chat_frame(MESSAGE)) == {
        "type": "chat",
        "room": "lobby",
        "id": 42,
        "cursor": 43,
        "user_id": 7,
        "username": "ada",
        "message": "hi",
        "timestamp": "2026-11-21T10:00:00.123Z",
    }


def test_a_chat_frame_carries_the_client_id_when_there_is_one() -> None:
    assert unpacked(chat_frame(MESSAGE._replace(client_id='"1"')))["client_id"] == '"1"'


@given(storable_text, storable_text, storable_text)
@examples(100)
def test_whatever_text_a_message_has_its_frame_and_its_listing_give_it_back(name: str, text: str, client: str) -> None:
    message = MESSAGE._replace(room_name=name, username=name, text=text, client_id=client)
    frame, item = unpacked(chat_frame(message)), json.loads(message_json(message))
    assert (frame.pop("type"), frame.pop("room")) == ("chat", name)
    assert frame == item
    assert (item["username"], item["message"], item["client_id"]) == (name, text, client)


def test_the_other_frames_have_the_fields_of_the_protocol() -> None:
    assert unpacked(live_frame("lobby", 1, 42)) == {"type": "live", "room": "lobby", "room_id": 1, "cursor": 42}
    assert unpacked(pong_frame()) == {"type": "pong"}
    assert unpacked(typing_frame("lobby", ["bob", "ada"])) == {
        "type": "typing",
        "room": "lobby",
        "usernames": ["ada", "bob"],
    }
    assert unpacked(read_mark_frame('"tea"', 42)) == {"type": "read", "room": '"tea"', "cursor": 42}
    for joined in (True, False):
        assert unpacked(membership_frame(Room(1, "lobby"), joined=joined)) == {
            "type": "membership",
            "room": "lobby",
            "room_id": 1,
            "joined": joined,
        }


def test_presence_names_people_or_only_counts_them() -> None:
    assert unpacked(presence_frame("lobby", 3, {"ada"}, {"eve", "bob"})) == {
        "type": "presence",
        "room": "lobby",
        "online": ["ada"],
        "offline": ["bob", "eve"],
        "count": 3,
    }
    assert unpacked(presence_frame("lobby", 5000)) == {"type": "presence", "room": "lobby", "count": 5000}


def test_an_error_frame_says_what_is_wrong_and_with_which_send() -> None:
    error = Malformed("No.", "missing_field")
    assert unpacked(error_frame(error)) == {"type": "error", "code": "missing_field", "error": "No."}
    assert unpacked(error_frame(error, "c1"))["client_id"] == "c1"


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_frame_tells_its_length_as_rfc_6455_wants(length: int, head: bytes) -> None:
    assert text_frame("a" * length) == head + b"a" * length


def test_the_length_of_a_frame_is_counted_in_bytes() -> None:
    assert text_frame("ü") == b"\x81\x02\xc3\xbc"


def test_control_frames_are_as_rfc_6455_wants() -> None:
    assert control_ping() == b"\x89\x00"
    assert control_pong(b"ab") == b"\x8a\x02ab"
    assert close_frame(1001, "bye") == b"\x88\x05\x03\xe9bye"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_341_600_000, "2026-11-22T10:00:00.000Z"),
        (1_795_341_600_007, "2026-11-22T10:00:00.007Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_iso_8601_in_utc_with_milliseconds(milliseconds: int, text: str) -> None:
    assert timestamp(milliseconds) == text


ACTING = ["\x1b[31m", "\x9b31m", "\x7f", "\x07", "\x85", "\u202egnp.exe", "\u2066", "\u2028", "\u200f", "\u061c"]


@pytest.mark.parametrize("acting", ACTING, ids=ascii)
def test_nothing_that_acts_on_a_terminal_leaves_as_it_came(acting: str) -> None:
    message = MESSAGE._replace(text=f"a{acting}é", client_id=f"c{acting}")
    frames = [
        chat_frame(message)[4:].decode(),
        message_json(message),
        encode_answer({"error": acting, acting: [acting]}),
    ]
    frames.append(error_frame(ChatError("wrong"), message.client_id)[2:].decode())
    for text in frames:
        assert not [character for character in acting if ord(character) not in range(32, 127) and character in text]
    assert json.loads(message_json(message))["message"] == message.text
    assert json.loads(frames[2]) == {"error": acting, acting: [acting]}


def test_a_text_full_of_such_characters_is_written_as_a_whole_and_not_one_by_one() -> None:
    message = MESSAGE._replace(text="é" + "\u200e" * 3999)
    for text in (message_json(message), encode_answer({"error": message.text})):
        assert "\\u00e9\\u200e" in text, "each looked at by itself, they cost milliseconds"
    assert json.loads(message_json(message))["message"] == message.text


def test_a_delete_frame_says_which_message_and_whose_and_nothing_of_its_text() -> None:
    deleted = MESSAGE._replace(cursor=57, is_deleted=True)
    fields = {"type": "delete", "room": "lobby", "id": 42, "cursor": 57, "user_id": 7}
    assert unpacked(delete_frame(deleted)) == fields
    assert unpacked(change_frame(deleted._replace(client_id='"1"'))) == fields | {"client_id": '"1"'}
    assert change_frame(MESSAGE) == chat_frame(MESSAGE)


def test_only_a_deleted_message_is_listed_as_one() -> None:
    assert json.loads(message_json(MESSAGE._replace(text="", is_deleted=True)))["deleted"] is True
    assert "deleted" not in json.loads(message_json(MESSAGE))


def test_a_room_deleted_frame_names_the_room() -> None:
    assert unpacked(room_deleted_frame(Room(1, "tea"))) == {"type": "room_deleted", "room": "tea", "room_id": 1}
