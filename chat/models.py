"""The nouns of the program: a person, a device, a room, a message, a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class User:
    user_id: int
    username: str


@dataclass(frozen=True, slots=True)
class Device:
    """A browser from which a user has signed in.

    Args:
        nonce: tells it from the user's other devices.
    """

    user_id: int
    nonce: str


@dataclass(frozen=True, slots=True)
class Room:
    room_id: int
    name: str


class Draft(NamedTuple):
    """A message that was accepted but is not on disk yet; a tuple because one is made for every send."""

    user: User
    room: Room
    text: str
    client_id: str | None


class Message(NamedTuple):
    """A message on disk; a tuple because pages of history make thousands of them.

    Args:
        message_id: position among all messages; never used again.
        cursor: position of its last change among all changes of all rooms.
        created_ms: when it was accepted, milliseconds since 1970 UTC.
        client_id: the sender's own name for it, unique per user for good.
        is_deleted: its text is gone, and the cursor tells of the deletion.
    """

    message_id: int
    cursor: int
    room_id: int
    room_name: str
    user_id: int
    username: str
    text: str
    created_ms: int
    client_id: str | None
    is_deleted: bool = False


@dataclass(slots=True)
class Session:
    """A sign-in or an API token; only `room` and `last_used` ever change.

    Args:
        key: SHA-256, in hex, of the random id in the cookie: the id itself is kept nowhere.
        created, last_used: seconds since 1970 UTC.
        token_name: what its owner calls an API token; None: a sign-in.
    """

    key: str
    user: User
    created: float
    last_used: float
    user_agent: str
    room: Room | None = None
    token_name: str | None = None
