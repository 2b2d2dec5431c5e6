"""Looks a whole database over: is it ours, is it damaged, can everyone read it."""

from __future__ import annotations

import os
import shlex
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from chat.store.migrations import APPLICATION_ID, current_version

# Enough to see what kind of damage it is.
_FINDINGS_MAX = 20


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of the schema; 0 when the file is not a database of this program."""
    ((application_id,),) = connection.execute("PRAGMA application_id")
    ((version,),) = connection.execute("PRAGMA user_version")
    return int(version) if application_id == APPLICATION_ID else 0


def find_wrong_version(version: int) -> list[str]:
    """What keeps this program from using a file of this version."""
    if version < 1:
        return ["It is a database of another program."]
    if version > current_version():
        known = current_version()
        return [
            f"It was written by a newer version of this program (schema {version}, this one knows {known}): "
            "upgrade the program."
        ]
    return []


def find_damage(connection: sqlite3.Connection) -> list[str]:
    """What is wrong inside (https://www.sqlite.org/pragma.html#pragma_integrity_check); reads the whole file."""
    try:
        found = [
            " ".join(str(finding).split())
            for (finding,) in connection.execute(f"PRAGMA integrity_check({_FINDINGS_MAX})")
            if finding != "ok"
        ]
        for table, row_id, parent, _ in connection.execute("PRAGMA foreign_key_check").fetchmany(_FINDINGS_MAX):
            found.append(f"Row {row_id} of {table} belongs to no {parent}.")
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
        return [f"It cannot be read whole: {error}."]
    return found


def find_open_doors(directory: Path) -> list[str]:
    """Which permissions let others than the owner in."""
    return list(_open_doors(directory))


def _open_doors(directory: Path) -> Iterator[str]:
    for path in (directory, *sorted(directory.iterdir())):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue  # of a server that stopped a moment ago
        wanted = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
        # In a closed folder nobody reaches the files.
        if stat.S_IMODE(status.st_mode) & ~wanted & 0o777 and not (path != directory and _is_closed(directory)):
            mode, command = stat.S_IMODE(status.st_mode), f"chmod {wanted:o} {shlex.quote(str(path))}"
            yield f"{path} has the mode {mode:04o}, others can use it. Close it with: {command}"
        if status.st_uid != os.geteuid():
            yield f"{path} belongs to another user (id {status.st_uid})."


def _is_closed(directory: Path) -> bool:
    return not stat.S_IMODE(directory.stat().st_mode) & 0o077
