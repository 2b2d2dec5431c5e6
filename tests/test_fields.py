from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.errors import BrokenRule, ChatError, Malformed
from chat.fields import LARGEST_NUMBER, decode_object, is_storable, optional_number, optional_text, required_text
from tests.examples import any_json, any_text, examples


@given(st.dictionaries(any_text, any_json))
@examples(60)
def test_every_object_without_nan_is_decoded_as_json_does(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    if "NaN" in text or "Infinity" in text:
        text = json.dumps(json.loads(text, parse_constant=str))
    assert decode_object(text) == json.loads(text)


@given(any_text)
@examples(200)
def test_what_is_no_json_object_is_refused_as_malformed(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert isinstance(decode_object(text), dict)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}{}",
        "{'room': 'lobby'}",
        '{"room": "lobby",}',
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": "\n"}',
        '{"a": ' + "9" * 5000 + "}",
        '{"a": ' + "[" * 30_000 + "]" * 30_000 + "}",
        '{"a":' * 30_000 + "1" + "}" * 30_000,
        "\ufeff{}",
        "[]",
        '["room"]',
        "null",
        "3",
        '"room"',
    ],
    ids=lambda text: text[:12],
)
def test_json_that_is_broken_or_no_object_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        decode_object(text)
    assert refusal.value.code == "malformed"


def test_text_is_given_back_as_it_came() -> None:
    assert required_text({"message": " a\r\n\u2028 "}, "message") == " a\r\n\u2028 "


def test_optional_text_may_be_missing_or_null_and_required_text_may_not() -> None:
    for fields in ({}, {"room": None}):
        assert optional_text(fields, "room") is None
        with pytest.raises(Malformed, match="room") as refusal:
            required_text(fields, "room")
        assert refusal.value.code == "missing_field"


@pytest.mark.parametrize("value", [0, 1.5, True, [], ["lobby"], {}, b"lobby"])
def test_a_field_that_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(Malformed, match="room") as refusal:
        optional_text({"room": value}, "room")
    assert refusal.value.code == "wrong_type"


@pytest.mark.parametrize("value", ["\0", "a\0b", "\ud800", "a\udfffb", "\ude00\ud83d"])
def test_a_text_that_cannot_be_stored_is_refused(value: str) -> None:
    with pytest.raises(BrokenRule, match="message") as refusal:
        required_text({"message": value}, "message")
    assert refusal.value.code == "invalid_characters"


@given(any_text)
@examples(200)
def test_a_text_is_storable_when_it_has_no_nul_and_survives_utf_8(text: str) -> None:
    survives = text.encode(errors="replace").decode() == text
    assert is_storable(text) == (survives and "\0" not in text)


@pytest.mark.parametrize(
    ("value", "number"),
    [(None, None), ("", None), (0, 0), (41, 41), ("0", 0), ("41", 41), ("0041", 41), (LARGEST_NUMBER, LARGEST_NUMBER)],
)
def test_a_number_may_be_written_as_text(value: object, number: int | None) -> None:
    assert optional_number({"after": value}, "after") == number


@pytest.mark.parametrize(
    "value",
    [True, False, 1.0, 1.5, [], {}, "a", "1.0", "1e3", "+1", "--1", "-", " 1", "1_000", "²", "１", "9" * 5000, "0x10"],
)
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(Malformed, match="after") as refusal:
        optional_number({"after": value}, "after")
    assert refusal.value.code == "wrong_type"


@pytest.mark.parametrize("value", [-1, "-1", LARGEST_NUMBER + 1, str(LARGEST_NUMBER + 1), 10**4000])
def test_a_number_out_of_range_is_refused(value: object) -> None:
    with pytest.raises(BrokenRule, match="after") as refusal:
        optional_number({"after": value}, "after")
    assert refusal.value.code == "out_of_range"


@given(any_json)
@examples(100)
def test_any_value_is_a_number_or_refused(value: object) -> None:
    try:
        number = optional_number({"after": value}, "after")
    except ChatError:
        return
    assert number is None or 0 <= number <= LARGEST_NUMBER
