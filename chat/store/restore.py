"""Puts a backup in the place of the database, without losing what was there.

What holds for whoever changes this file:

1. The backup MUST be examined whole before anything is touched.
2. What is there MUST have its second name, with its write-ahead log, on disk, before it loses its first.
3. A new database MUST never lie beside an old log: SQLite would play that into it.

So for a moment an empty file has its first name, which a server refuses to start with. A kill at any moment leaves
the old data whole: in its place, or under its second name.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from chat.errors import CommandRefused
from chat.store.backup import OnProgress
from chat.store.data_directory import (
    DATABASE_NAME,
    SQLITE_MAGIC,
    DirectoryLock,
    create_file,
    has_log,
    make_directory,
    publish_file,
    sync,
)
from chat.store.examination import find_damage, find_wrong_version, schema_version
from chat.store.snapshots import Counts, Source, count, open_snapshot

_SUFFIXES = ("", "-wal", "-shm")
_CHUNK_BYTES = 4 * 1024 * 1024


class Restored(NamedTuple):
    """What came of it.

    Args:
        kept: the name that the database which was there has now.
    """

    counts: Counts
    kept: Path | None


def restore(
    backup: Path, directory: Path, on_progress: OnProgress, *, force: bool, clock: Callable[[], float] = time.time
) -> Restored:
    """Put a copy of the backup in the place of the database.

    Args:
        force: also when there is a database.
        clock: seconds since 1970 UTC.

    Raises:
        CommandRefused: the backup is none, or there is a database already; nothing was touched.
        StartRefused: the directory cannot be used, or a server is running.
        OSError: the disk is full, or fails.
    """
    _look_at(backup)
    # Where there is a directory a server may be using it, which is seen at once; else a refusal is to leave none.
    counts = None if directory.exists() else _examine(backup)
    make_directory(directory)
    lock = DirectoryLock(directory, "restore")
    lock.acquire()
    try:
        counts = counts or _examine(backup)
        place = directory / DATABASE_NAME
        if any(_with_suffix(place, suffix).exists() for suffix in _SUFFIXES) and not force:
            raise CommandRefused(
                f"There is a database in {directory}. Give --force; it is then kept under another name."
            )
        made = place.with_name(place.name + ".restoring")
        _copy(backup, made, on_progress)
        kept = _set_aside(place, clock())
        publish_file(made, place)
    finally:
        lock.release()
    return Restored(counts, kept)


def _look_at(backup: Path) -> None:
    try:
        with backup.open("rb") as file:
            header = file.read(len(SQLITE_MAGIC))
    except OSError as error:
        raise CommandRefused(f"The backup cannot be read: {error.strerror}: {backup}.") from None
    if header != SQLITE_MAGIC:
        raise CommandRefused(f"{backup} is not a SQLite database. Nothing was changed.")
    if has_log(backup):
        raise CommandRefused(
            f"Part of {backup} is in {backup.name}-wal beside it, so it is the database of a server and not a backup. "
            f"Give its folder to python -m chat backup with --data-dir. Nothing was changed."
        )


def _examine(backup: Path) -> Counts:
    try:
        with open_snapshot(Source(backup, is_ours_alone=True)) as connection:
            found = find_wrong_version(schema_version(connection)) or find_damage(connection)
            if not found:
                return count(connection)
    except sqlite3.DatabaseError as error:
        found = [f"It cannot be read: {error}."]
    raise CommandRefused(f"{backup} cannot be restored. {found[0]} Nothing was changed.")


def _copy(backup: Path, made: Path, on_progress: OnProgress) -> None:
    create_file(made)
    try:
        read = hashlib.sha256()
        with backup.open("rb") as source, made.open("wb") as target:
            size = os.fstat(source.fileno()).st_size
            while chunk := source.read(_CHUNK_BYTES):
                read.update(chunk)
                target.write(chunk)
                on_progress(target.tell(), size)
            target.flush()
            os.fsync(target.fileno())
        _compare(made, read.digest())
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def _compare(made: Path, digest: bytes) -> None:
    with made.open("rb") as copy:
        if hashlib.file_digest(copy, "sha256").digest() != digest:
            raise CommandRefused("The copy is not what was read; the disk or the memory is at fault.")


def _set_aside(place: Path, now: float) -> Path | None:
    """Give the database that is there, with its log, another name; None when there is none."""
    present = [suffix for suffix in _SUFFIXES if _with_suffix(place, suffix).exists()]
    if not present:
        return None
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
    kept = place.with_name(f"{place.name}.before-restore-{stamp}")
    number = 1
    while any(_with_suffix(kept, suffix).exists() for suffix in _SUFFIXES):
        number += 1
        kept = place.with_name(f"{place.name}.before-restore-{stamp}-{number}")
    for suffix in present:
        _with_suffix(kept, suffix).hardlink_to(_with_suffix(place, suffix))
    sync(place.parent)
    empty = place.with_name(place.name + ".empty")
    create_file(empty)
    publish_file(empty, place)
    for suffix in _SUFFIXES[1:]:
        _with_suffix(place, suffix).unlink(missing_ok=True)
    return kept if "" in present else None


def _with_suffix(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
