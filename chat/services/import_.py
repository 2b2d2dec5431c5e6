"""Takes an export in: reads and checks every line, then stores what is not there yet."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from chat.errors import ChatError, CommandRefused
from chat.fields import LARGEST_NUMBER, decode_object, optional_text, required_number, required_text
from chat.protocol import CLIENT_ID_MAX_CHARACTERS
from chat.services.names import check_name, look_key, name_key
from chat.services.portable import FORMAT, MANIFEST, MEMBERS, ROOMS, USERS, messages_file, milliseconds
from chat.settings import Settings
from chat.store.accounts import DELETED_USERNAME
from chat.store.data_directory import DirectoryLock, make_directory
from chat.store.import_ import Conflict, Row, attach, find_conflict, open_staging, stage, store_staged
from chat.store.opening import make_current

# Called with what is done and what there is to do, in lines.
OnProgress = Callable[[int, int], None]

Fields = Mapping[str, object]

# The longest message that a setting allows, each character as a pair of JSON escapes, and its other fields.
_LINE_MAX_BYTES = 13_000_000
_TEXT_MAX_CHARACTERS = 1_000_000
_LINES_PER_REPORT = 1000
# What cryptography writes, with numbers left out that it does not take, or that no sign-in should have to pay for: up
# to 98 MiB, nine passes and one lane, as it is here.
_PASSWORD_HASH = re.compile(
    r"\$argon2id\$v=19\$m=[1-9][0-9]{1,4},t=[1-9],p=1\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{22,128}"
)


def import_export(
    folder: Path, settings: Settings, on_check: OnProgress, on_store: OnProgress
) -> tuple[dict[str, int], dict[str, int]]:
    """Take an export in; what it holds and what of that was new.

    The server must be stopped. The same export can be taken in again, after an interruption too.

    Raises:
        CommandRefused: it is not whole, a line is wrong, or something else is there under the same id or name;
            nothing was changed.
        StartRefused: the data directory cannot be used, or a server is running.
        OSError, sqlite3.Error: the disk is full, or fails; what was stored so far is whole.
    """
    manifest = _read_manifest(folder)
    make_directory(settings.data_dir)
    lock = DirectoryLock(settings.data_dir, "import")
    lock.acquire()
    try:
        with open_staging(settings.data_dir / "import.staging") as staging:
            total = sum(manifest.values()) - manifest["cursor"]
            found = _stage_all(staging, _Intake(staging, folder, on_check, total))
            _compare_counts(found, manifest)
            attach(staging, asyncio.run(make_current(settings)))
            if conflict := find_conflict(staging):
                raise CommandRefused(_sentence(conflict))
            lines = sum(found.values())
            new = store_staged(staging, manifest["cursor"], lambda done: on_store(done, lines))
    finally:
        lock.release()
    return found, {f"{table}s": number for table, number in new.items()}


class _Intake:
    """Puts the lines of files into the staging database, counts them and says so now and then."""

    def __init__(self, staging: sqlite3.Connection, folder: Path, on_progress: OnProgress, total: int) -> None:
        self._staging = staging
        self._folder = folder
        self._on_progress = on_progress
        self._total = total
        self._lines = 0

    def take(self, name: str, table: str, read: Callable[[Fields], Row]) -> int:
        """Take a file in; how many lines it has.

        Raises:
            CommandRefused: a line is wrong.
        """
        number = 0
        for number, fields in _lines(self._folder, name):
            try:
                stage(self._staging, table, read(fields))
            except ChatError as error:
                raise _wrong(name, number, error.sentence) from None
            except ValueError:
                raise _wrong(name, number, "A time is not like 2026-11-22T10:00:00.123Z.") from None
            except sqlite3.IntegrityError as error:
                raise _wrong(name, number, _broken_constraint(table, str(error))) from None
            self._count()
        return number

    def _count(self) -> None:
        self._lines += 1
        if self._lines % _LINES_PER_REPORT == 0:
            self._on_progress(self._lines, max(self._total, self._lines))


def _read_manifest(folder: Path) -> dict[str, int]:
    if not (folder / MANIFEST).is_file():
        raise CommandRefused(f"{folder} is no export, or one that was not finished: it has no {MANIFEST}.")
    names = ("format", "cursor", "users", "rooms", "members", "messages")
    ((_, fields),) = list(_lines(folder, MANIFEST))[:1] or [(0, {})]
    try:
        manifest = {name: required_number(fields, name) for name in names}
    except ChatError as error:
        raise _wrong(MANIFEST, 1, error.sentence) from None
    if manifest.pop("format") != FORMAT:
        raise CommandRefused(f"{folder} was written by a newer version of this program. Upgrade this one.")
    return manifest


def _stage_all(staging: sqlite3.Connection, intake: _Intake) -> dict[str, int]:
    users = intake.take(USERS, "user", _user)
    rooms = intake.take(ROOMS, "room", _room)
    members = intake.take(MEMBERS, "member", _member)
    messages = 0
    for (room_id,) in staging.execute("SELECT id FROM room ORDER BY id").fetchall():
        messages += intake.take(messages_file(room_id), "message", partial(_message, room_id))
    return {"users": users, "rooms": rooms, "members": members, "messages": messages}


def _lines(folder: Path, name: str) -> Iterator[tuple[int, Fields]]:
    """The lines of a file with their numbers, each an object.

    Raises:
        CommandRefused: the file is missing, or a line is no JSON object.
    """
    try:
        file = (folder / name).open("rb")
    except OSError as error:
        raise CommandRefused(f"{folder / name} cannot be read: {error.strerror}. Nothing was changed.") from None
    with file:
        number = 0
        while line := file.readline(_LINE_MAX_BYTES):
            number += 1
            if not line.endswith(b"\n"):
                raise _wrong(name, number, "The line is cut short, or too long.")
            try:
                yield number, decode_object(line.decode())
            except UnicodeDecodeError:
                raise _wrong(name, number, "The line is not UTF-8.") from None
            except ChatError:
                raise _wrong(name, number, "The line is not a JSON object.") from None


def _user(fields: Fields) -> Row:
    user_id, username = _id(fields, "id"), required_text(fields, "username")
    created, is_admin = _time(fields, "created"), fields.get("admin")
    deactivated, deleted = _optional_time(fields, "deactivated"), _optional_time(fields, "deleted")
    password_hash = optional_text(fields, "password_hash") or ""
    if not isinstance(is_admin, bool):
        raise CommandRefused("The field admin is true or false.")
    if password_hash and not _PASSWORD_HASH.fullmatch(password_hash):
        raise CommandRefused("The field password_hash is no Argon2id hash as this program makes them.")
    if deleted is None:
        check_name(username, "user name")
        keys = name_key(username), look_key(username)
    elif username != DELETED_USERNAME:
        raise CommandRefused(f"A deleted user is called {DELETED_USERNAME}.")
    else:
        # All who are gone share that name; a slash is in no name.
        keys = (f"/deleted/{user_id}", f"/deleted/{user_id}")
    return (user_id, username, *keys, password_hash, created, int(is_admin), deactivated, deleted)


def _room(fields: Fields) -> Row:
    room_id, name = _id(fields, "id"), check_name(required_text(fields, "room"), "room name")
    created_by = None if fields.get("created_by") is None else _id(fields, "created_by")
    return (room_id, name, name_key(name), look_key(name), created_by, _time(fields, "created"))


def _member(fields: Fields) -> Row:
    return (
        _id(fields, "user_id"),
        _id(fields, "room_id"),
        _time(fields, "joined"),
        required_number(fields, "read_cursor"),
    )


def _message(room_id: int, fields: Fields) -> Row:
    text, deleted = required_text(fields, "message"), _optional_time(fields, "deleted")
    client_id = optional_text(fields, "client_id")
    if len(text) > _TEXT_MAX_CHARACTERS or bool(text) == (deleted is not None):
        raise CommandRefused(f"A message has 1 to {_TEXT_MAX_CHARACTERS:,} characters, a deleted one has none.")
    if client_id is not None and not 1 <= len(client_id) <= CLIENT_ID_MAX_CHARACTERS:
        raise CommandRefused(f"A client_id has 1 to {CLIENT_ID_MAX_CHARACTERS} characters.")
    message_id, cursor = _id(fields, "id"), _id(fields, "cursor")
    return (message_id, cursor, room_id, _id(fields, "user_id"), client_id, text, _time(fields, "timestamp"), deleted)


def _id(fields: Fields, name: str) -> int:
    number = required_number(fields, name)
    if not 1 <= number < LARGEST_NUMBER:
        raise CommandRefused(f"The field {name} is a whole number from 1 on.")
    return number


def _time(fields: Fields, name: str) -> int:
    return milliseconds(required_text(fields, name))


def _optional_time(fields: Fields, name: str) -> int | None:
    text = optional_text(fields, name)
    return None if text is None else milliseconds(text)


def _broken_constraint(table: str, error: str) -> str:
    if error.startswith("FOREIGN KEY"):
        return "It names a user or a room that the export does not have."
    column = error.rpartition(".")[2]
    if column in ("name_key", "look_key"):
        return f"Another {table} has this name, or one that looks like it."
    what = {"id": "id", "cursor": "cursor", "client_id": "client_id of the same user"}.get(column, "user and room")
    return f"Another line has the same {what}."


def _compare_counts(found: Mapping[str, int], manifest: Mapping[str, int]) -> None:
    for name, number in found.items():
        if number != manifest[name]:
            raise CommandRefused(
                f"The export is not whole: it has {number:,} {name}, {MANIFEST} says {manifest[name]:,}. "
                "Nothing was changed."
            )


def _sentence(conflict: Conflict) -> str:
    what, imported, here, name = conflict
    named = f"{what} {imported}" + (f" ({name})" if name else "")
    if imported == here:
        return f"The {named} is there already with other content. Nothing was changed."
    if what == "message":
        return f"The {named} has the cursor or the client_id of message {here} here. Nothing was changed."
    return f"The name of {named} is taken, or looks too much like that of {what} {here}. Nothing was changed."


def _wrong(name: str, number: int, sentence: str) -> CommandRefused:
    return CommandRefused(f"{name}, line {number}: {sentence} Nothing was changed.")
