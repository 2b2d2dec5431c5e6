"""The oracle: what clients were told, held against what is stored and what each of them saw.

Whatever is done to the server, afterwards:

1. Every message that was acknowledged is stored, under the id and cursor that were told, as it was sent.
2. Nothing is stored twice, and nothing that nobody sent.
3. Every reader saw of its room exactly what is stored up to its cursor: each message once, in order.
4. The file is whole: `PRAGMA integrity_check` and `foreign_key_check` find nothing.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

# Of each kind of fault the first few are told; the number says the rest.
_TOLD_MAX = 3

_T = TypeVar("_T")


class Key(NamedTuple):
    """What a client calls its message; unique for good."""

    user_id: int
    client_id: str


class Sent(NamedTuple):
    room: str
    text: str


class Place(NamedTuple):
    """Where a message stands among all others."""

    message_id: int
    cursor: int


class Record(NamedTuple):
    """A message, as it is stored or as it was shown."""

    place: Place
    room: str
    key: Key
    text: str


@dataclass(slots=True)
class Reading:
    """What one client saw of a room, over all its connections.

    Args:
        reader: who, for the complaint.
        after: the cursor it began with.
        up_to: the cursor it is at: of the last message, or of the last `live` frame.
    """

    reader: str
    room: str
    after: int = 0
    up_to: int = 0
    shown: list[Record] = field(default_factory=list)


@dataclass(slots=True)
class Log:
    """What the clients of a run wrote down.

    Args:
        contradictions: what was told to one client in two ways.
    """

    sent: dict[Key, Sent] = field(default_factory=dict)
    acknowledged: dict[Key, Place] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    _records: dict[Record, Record] = field(default_factory=dict)

    def one(self, record: Record) -> Record:
        """The same record for everyone who was shown it: a crowd holds it once."""
        return self._records.setdefault(record, record)

    def acknowledge(self, key: Key, place: Place) -> None:
        if (before := self.acknowledged.setdefault(key, place)) != place:
            self.contradictions.append(f"{key.client_id} was acknowledged as {before} and as {place}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the oracle says.

    Args:
        lost: acknowledged messages that are not stored, or not shown to someone who must have seen them.
        doubled: messages stored twice, or shown twice to someone.
        complaints: every fault in words; none when all held.
    """

    acknowledged: int
    lost: int
    doubled: int
    complaints: tuple[str, ...]


def verify(log: Log, stored: Sequence[Record], damage: Sequence[str] = ()) -> Verdict:
    """Hold the log of a run against what is stored.

    Args:
        stored: in cursor order.
        damage: what `find_damage` found.
    """
    by_key = {record.key: record for record in stored}
    lost = [key.client_id for key in log.acknowledged if key not in by_key]
    changed = [key.client_id for key, place in log.acknowledged.items() if key in by_key and by_key[key].place != place]
    altered = [record.key.client_id for record in stored if log.sent.get(record.key) != Sent(record.room, record.text)]
    doubled = [
        *_more_than_once(record.key for record in stored),
        *_more_than_once(record.place.message_id for record in stored),
        *_more_than_once(record.place.cursor for record in stored),
    ]
    faults = [_Faults() for _ in log.readings]
    complaints = [
        *damage,
        *_complaint("acknowledged and not stored", lost),
        *_complaint("stored at another place than was acknowledged", changed),
        *_complaint("stored otherwise than it was sent, or never sent", altered),
        *_complaint("stored twice", doubled),
        *log.contradictions,
    ]
    for reading, found in zip(log.readings, faults, strict=True):
        found.find(reading, stored)
        who = f"{reading.reader} in {reading.room}: "
        complaints += _complaint(who + "not shown", found.missing)
        complaints += _complaint(who + "shown twice", found.doubled)
        complaints += _complaint(who + "shown and not stored so", found.foreign)
        if not found and [record.place for record in reading.shown] != sorted(record.place for record in reading.shown):
            complaints.append(who + "shown out of order")
    return Verdict(
        len(log.acknowledged),
        len(lost) + sum(len(found.missing) for found in faults),
        len(doubled) + sum(len(found.doubled) for found in faults),
        tuple(complaints),
    )


class _Faults:
    """What is wrong with what one reader saw."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self.doubled: list[str] = []
        self.foreign: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.missing or self.doubled or self.foreign)

    def find(self, reading: Reading, stored: Sequence[Record]) -> None:
        expected = [
            record
            for record in stored
            if record.room == reading.room and reading.after < record.place.cursor <= reading.up_to
        ]
        if reading.shown == expected:
            return
        shown = set(reading.shown)
        self.missing = [record.key.client_id for record in expected if record not in shown]
        self.doubled = [record.key.client_id for record in _more_than_once(reading.shown)]
        self.foreign = [record.key.client_id for record in reading.shown if record not in expected]


def read_stored(database: Path) -> list[Record]:
    """Every message in the file that has a client_id, in cursor order."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            """
            SELECT message.id, message.cursor, room.name, message.user_id, message.client_id, message.text
            FROM message JOIN room ON room.id = message.room_id
            WHERE message.client_id IS NOT NULL
            ORDER BY message.cursor
            """
        )
        return [
            Record(Place(message_id, cursor), room, Key(user_id, client_id), text)
            for message_id, cursor, room, user_id, client_id, text in rows
        ]


def find_damage(database: Path) -> list[str]:
    """What SQLite itself finds wrong with the file; nothing when it is whole."""
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            findings = [text for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]
            orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.DatabaseError as error:
        return [f"the file cannot be read: {error}"]
    return _complaint("integrity_check", findings) + _complaint("foreign_key_check", orphans)


def _more_than_once(values: Iterable[_T]) -> list[_T]:
    return [value for value, times in Counter(values).items() if times > 1]


def _complaint(what: str, which: Sequence[object]) -> list[str]:
    if not which:
        return []
    more = f" and {len(which) - _TOLD_MAX} more" if len(which) > _TOLD_MAX else ""
    return [f"{what}: {', '.join(map(str, which[:_TOLD_MAX]))}{more}"]
