"""The form of an export: a folder of files with one JSON object a line, so that any program can read it.

export.json         what it is; written last, so a folder without it is not whole
users.ndjson        one user a line
rooms.ndjson        one room a line
members.ndjson      one membership a line
rooms/ID.ndjson     the messages of a room, oldest first
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FORMAT = 1
MANIFEST = "export.json"
USERS, ROOMS, MEMBERS = "users.ndjson", "rooms.ndjson", "members.ndjson"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def messages_file(room_id: int) -> str:
    """Where the messages of a room are."""
    return f"rooms/{room_id}.ndjson"


def milliseconds(timestamp: str) -> int:
    """The opposite of `protocol.timestamp`, to the last digit.

    Raises:
        ValueError: it is no time, has no time zone, or lies outside the years from 1 to 9999 in UTC.
    """
    moment = datetime.fromisoformat(timestamp)
    if moment.tzinfo is None:
        raise ValueError("the time zone is missing")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("no time that could be written down again") from None
    return (moment - _EPOCH) // timedelta(milliseconds=1)
