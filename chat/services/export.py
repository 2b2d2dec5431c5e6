"""Writes everything people made into files that any program can read, from one snapshot of the database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from chat.errors import CommandRefused
from chat.protocol import encode_json, timestamp
from chat.services.portable import FORMAT, MANIFEST, MEMBERS, ROOMS, USERS, messages_file
from chat.store import export
from chat.store.export import Row

# Called with the number of lines written.
OnProgress = Callable[[int], None]
Record = dict[str, object]

_LINES_PER_REPORT = 1000


def write_export(
    snapshot: sqlite3.Connection, folder: Path, on_progress: OnProgress, *, with_password_hashes: bool
) -> dict[str, int]:
    """Write the export into a folder that is new or empty; how many users, rooms, members and messages it has.

    Args:
        with_password_hashes: whether people can sign in after an import without a reset link; whoever reads the
            hashes can try passwords on them.

    Raises:
        CommandRefused: the folder cannot be made, or holds something.
        OSError, sqlite3.Error: the disk is full, or fails; what was written stays, without its manifest.
    """
    _make_empty(folder)
    writer = _Writer(folder, on_progress)
    users = writer.write(USERS, (_user(row, with_password_hashes) for row in export.list_users(snapshot)))
    rooms = writer.write(ROOMS, map(_room, export.list_rooms(snapshot)))
    members = writer.write(MEMBERS, _members(snapshot))
    messages = 0
    for room_id, *_ in export.list_rooms(snapshot):
        messages += writer.write(messages_file(room_id), map(_message, export.list_messages(snapshot, room_id)))
    counts = {"users": users, "rooms": rooms, "members": members, "messages": messages}
    manifest: Record = {"format": FORMAT, "cursor": export.last_change(snapshot), **counts}
    writer.write(MANIFEST, [manifest])
    return counts


class _Writer:
    """Writes files of lines, readable by their owner alone."""

    def __init__(self, folder: Path, on_progress: OnProgress) -> None:
        self._folder = folder
        self._on_progress = on_progress
        self._lines = 0

    def write(self, name: str, records: Iterable[Record]) -> int:
        """Write one file; how many lines it has."""
        before = self._lines
        descriptor = os.open(self._folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            for record in records:
                file.write(encode_json(record) + "\n")
                self._lines += 1
                if self._lines % _LINES_PER_REPORT == 0:
                    self._on_progress(self._lines)
            file.flush()
            os.fsync(descriptor)
        return self._lines - before


def _make_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandRefused(f"{folder} is there already and not an empty folder. Give the name of a new one.")
    if not folder.parent.is_dir():
        raise CommandRefused(f"There is no folder {folder.parent}. Make it first.")
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    (folder / "rooms").mkdir(mode=0o700)


def _user(row: Row, with_password_hash: bool) -> Record:
    user_id, username, password_hash, created, is_admin, deactivated, deleted = row
    record: Record = {
        "id": user_id,
        "username": username,
        "created": timestamp(created),
        "admin": bool(is_admin),
        "deactivated": _time(deactivated),
        "deleted": _time(deleted),
    }
    return record | {"password_hash": password_hash} if with_password_hash and password_hash else record


def _room(row: Row) -> Record:
    room_id, name, created_by, created = row
    return {"id": room_id, "room": name, "created_by": created_by, "created": timestamp(created)}


def _members(snapshot: sqlite3.Connection) -> Iterator[Record]:
    for user_id, *_ in export.list_users(snapshot):
        for _, room_id, joined, read_cursor in export.list_members(snapshot, user_id):
            yield {"user_id": user_id, "room_id": room_id, "joined": timestamp(joined), "read_cursor": read_cursor}


def _message(row: Row) -> Record:
    message_id, cursor, user_id, username, text, created, client_id, deleted = row
    return {
        "id": message_id,
        "cursor": cursor,
        "user_id": user_id,
        "username": username,
        "message": text,
        "timestamp": timestamp(created),
        "client_id": client_id,
        "deleted": _time(deleted),
    }


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else timestamp(milliseconds)
