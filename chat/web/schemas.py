"""The nouns of the API as JSON Schemas (https://json-schema.org/draft/2020-12), with an example in each.

Plain data: the document at /openapi.json is put together from it. What an answer holds is told exactly, so no schema
here lets in a field that it does not name; what a request may hold more is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chat.fields import LARGEST_NUMBER
from chat.protocol import CLIENT_ID_MAX_CHARACTERS
from chat.services.names import NAME_MAX_CHARACTERS
from chat.services.passwords import PASSWORD_MAX_CHARACTERS, PASSWORD_MIN_CHARACTERS

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SettingOf:
    """Stands for the value of a setting until the document is made."""

    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a request's body.

    Args:
        schema: of its value where it is given.
        is_shown: it stands in the example even though it may be left out.
    """

    schema: Schema
    is_required: bool = True
    is_shown: bool = False


def text(example: str, means: str = "", **rules: Any) -> Schema:
    return _described({"type": "string", **rules, "examples": [example]}, means)


def number(example: int, means: str = "", *, least: int = 1, most: Any = LARGEST_NUMBER) -> Schema:
    return _described({"type": "integer", "minimum": least, "maximum": most, "examples": [example]}, means)


def yes_or_no(means: str, *, example: bool) -> Schema:
    return _described({"type": "boolean", "examples": [example]}, means)


def only_yes(means: str) -> Schema:
    """True where it holds; left out where it does not."""
    return _described({"type": "boolean", "const": True, "examples": [True]}, means)


def nothing_or(schema: Schema, means: str) -> Schema:
    return {"anyOf": [schema, {"type": "null"}], "examples": schema["examples"], "description": means}


def listing(noun: str) -> Schema:
    return {"type": "array", "items": one(noun)}


def one(noun: str) -> Schema:
    return {"$ref": f"#/components/schemas/{noun}"}


def exactly(*left_out_sometimes: str, **properties: Schema) -> Schema:
    """An object of these fields and no others; all are there but those that are named first."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in left_out_sometimes],
        "additionalProperties": False,
    }


def _described(schema: Schema, means: str) -> Schema:
    return {**schema, "description": means} if means else schema


USER_ID, ROOM_ID, MESSAGE_ID = number(7), number(1), number(42, "unique on the server, never used again")
USERNAME, ROOM_NAME = text("ada"), text("lobby", "as it was typed when the room was made")
CURSOR = number(42, "a point in the history of the whole server; what is new comes after it", least=0)
TIME = text(
    "2026-11-22T10:00:00.123Z",
    "UTC",
    format="date-time",
    pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
)
SENTENCE = text("You are in lobby.", "for people; it may change", minLength=1)
CLIENT_ID = text("note-1", "the sender's own name for it", minLength=1, maxLength=CLIENT_ID_MAX_CHARACTERS)
MESSAGE_TEXT = text("hi", "as it was sent; empty once it is deleted", maxLength=SettingOf("message_max_characters"))
SESSION_ID = text("0123456789abcdef", pattern="^[0-9a-f]{16}$")
TOKEN_NAME = text("nightly report", minLength=1, maxLength=NAME_MAX_CHARACTERS)

NOUNS: Mapping[str, Schema] = {
    "User": exactly(
        "admin",
        "deactivated",
        user_id=USER_ID,
        username=USERNAME,
        admin=only_yes("there only for an admin"),
        deactivated=only_yes("there only for one who cannot sign in"),
    ),
    "Room": exactly(
        "unread",
        "read",
        room_id=ROOM_ID,
        room_name=ROOM_NAME,
        joined=yes_or_no("whether the user is a member", example=True),
        last_message_at=nothing_or(TIME, "when the newest message was sent; null when there is none"),
        unread=number(
            3,
            "messages of others after the read mark; the highest number stands for more, too. Only for a member",
            least=0,
            most=SettingOf("unread_max"),
        ),
        read=number(39, "the cursor of the read mark. Only for a member", least=0),
    ),
    "NamedRoom": exactly(message=SENTENCE, room_id=ROOM_ID, room_name=ROOM_NAME),
    "Message": exactly(
        "client_id",
        "deleted",
        id=MESSAGE_ID,
        cursor=number(42, "the position of its last change among all changes"),
        user_id=USER_ID,
        username=USERNAME,
        message=MESSAGE_TEXT,
        timestamp=TIME,
        client_id=CLIENT_ID,
        deleted=only_yes("there only for a message that is deleted"),
    ),
    "Session": exactly(
        session_id=SESSION_ID,
        user_agent=text("curl/8.5.0"),
        created=TIME,
        last_used=TIME,
        current=yes_or_no("whether this request came with it", example=True),
    ),
    "Token": exactly(
        token_id=SESSION_ID,
        name=TOKEN_NAME,
        created=TIME,
        last_used=TIME,
    ),
    "Invite": exactly(
        invite_id=number(5),
        created_by=nothing_or(USERNAME, "null: whoever runs the server, on the command line"),
        created=TIME,
        expires=TIME,
        uses_left=number(1),
    ),
    "AuditEntry": exactly(
        id=number(9),
        timestamp=TIME,
        actor=nothing_or(USERNAME, "who did it; null: whoever runs the server, on the command line"),
        action=text("create_invite"),
        user=nothing_or(text("bob"), "whom it was about"),
        subject=text("invite 5, uses: 1, hours: 168", "what else it was about, in words"),
    ),
    "Done": exactly(message=SENTENCE),
    "Error": exactly(
        error=text("There is no room with this name.", "one plain sentence for people; it may change", minLength=1),
        code=text("unknown_room", "for programs; it stays", pattern="^[a-z_]+$"),
    ),
}

NEW_NAME = text("ada", "visible characters only", minLength=1, maxLength=NAME_MAX_CHARACTERS)
NEW_PASSWORD = text(
    "correct horse battery",
    "not one of the 3,000 commonest",
    minLength=PASSWORD_MIN_CHARACTERS,
    maxLength=PASSWORD_MAX_CHARACTERS,
    format="password",
)
NEXT_PASSWORD = {**NEW_PASSWORD, "examples": ["tractor feels blue noon"]}
PASSWORD = text("correct horse battery", format="password")
