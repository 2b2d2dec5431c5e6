"""Strict reading of what clients send: a JSON object and the values in it. Pure, no I/O.

`json.loads` alone lets through NaN, lone surrogates and arrays, and raises RecursionError on deep nesting.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NoReturn

from chat.errors import BrokenRule, Malformed

# SQLite keeps integers in 64 bits with a sign: https://www.sqlite.org/datatype3.html
LARGEST_NUMBER = 2**63 - 1


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def decode_object(text: str) -> dict[str, object]:
    """Decode one JSON object (RFC 8259).

    Raises:
        Malformed: the text is not JSON, or not an object.
    """
    try:
        value, end = _decoder.raw_decode(text) if text.startswith("{") else (None, -1)
        if end != len(text):  # blanks around it, or not JSON: `decode` looks for both, which costs as much again
            value = _decoder.decode(text)
    except RecursionError:
        raise Malformed("The JSON is nested too deeply.") from None
    except ValueError:  # also an integer of more digits than Python converts
        raise Malformed("This is not valid JSON.") from None
    if not isinstance(value, dict):
        raise Malformed('A JSON object is needed, like {"room": "lobby"}.')
    return value


def required_text(fields: Mapping[str, object], name: str) -> str:
    """The text of a field that must be there.

    Raises:
        Malformed: it is missing or not text.
        BrokenRule: it holds characters that cannot be stored or shown.
    """
    text = optional_text(fields, name)
    if text is None:
        raise Malformed(f"The field {name} is missing.", "missing_field")
    return text


def optional_text(fields: Mapping[str, object], name: str) -> str | None:
    """The text of a field, None when it is missing or null; raises as `required_text`."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Malformed(f"The field {name} must be text.", "wrong_type")
    if not is_storable(value):
        raise BrokenRule(
            f"The {name} holds characters that cannot be stored (a NUL, or half of a character).", "invalid_characters"
        )
    return value


def optional_number(fields: Mapping[str, object], name: str) -> int | None:
    """A whole number of at least 0, also written as text (forms know nothing else); None when missing.

    Raises:
        Malformed: it is not a whole number.
        BrokenRule: it is below 0 or does not fit into 64 bits.
    """
    value = fields.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and len(value) < 20 and value.isascii() and value.removeprefix("-").isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(f"The field {name} must be a whole number.", "wrong_type")
    if not 0 <= value <= LARGEST_NUMBER:
        raise BrokenRule(f"The field {name} must be a whole number from 0 to {LARGEST_NUMBER}.", "out_of_range")
    return value


def required_number(fields: Mapping[str, object], name: str) -> int:
    """A whole number that must be there; raises as `optional_number`, and Malformed when it is missing."""
    number = optional_number(fields, name)
    if number is None:
        raise Malformed(f"The field {name} is missing.", "missing_field")
    return number


def is_storable(text: str) -> bool:
    """Whether a text can be kept and sent unaltered: no NUL (SQLite's text ends there), valid as UTF-8."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return False
    return "\0" not in text
