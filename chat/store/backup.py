"""Backups: a copy of the database as of one moment, proven before it gets its name.

What holds for whoever changes this file:

1. Nothing MUST have the final name that is not complete, on disk, examined and once opened as a store.
2. The copy MUST be one file without a log beside it, so that it can be moved by hand.
3. What is being made lies in a folder of its own beside the final name; a kill leaves that folder and nothing else,
   and the next backup of the same name clears it away.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from chat.errors import CommandRefused
from chat.settings import Settings
from chat.store.data_directory import DATABASE_NAME, create_file, publish_file, sync
from chat.store.examination import find_damage, schema_version
from chat.store.messages import last_cursor, list_messages_before
from chat.store.migrations import current_version
from chat.store.opening import open_database
from chat.store.snapshots import Counts, Source, count, open_snapshot

# Called with what is done and what there is to do, in bytes.
OnProgress = Callable[[int, int], None]

# 4 MiB at a time: progress is seen, and Ctrl+C is heard, many times a second.
_PAGES_PER_STEP = 1024
_PROOF_MESSAGES = 50


def back_up(source: Source, final: Path, on_progress: OnProgress) -> tuple[Counts, int]:
    """Copy the database into `final`, which must not exist or is replaced; how much is in it, and its size in bytes.

    Raises:
        CommandRefused: the copy cannot be made there, or is not what it should be; `final` is as it was.
        OSError, sqlite3.Error: the disk is full, or fails; `final` is as it was.
    """
    with _workshop(final) as workshop:
        copy = workshop / DATABASE_NAME
        create_file(copy)
        with open_snapshot(source) as snapshot:
            _copy(snapshot, copy, on_progress)
            counts = count(snapshot)
        _verify(copy, counts)
        _prove(copy)
        sync(copy)
        size = copy.stat().st_size
        publish_file(copy, final)
    return counts, size


@contextmanager
def _workshop(final: Path) -> Iterator[Path]:
    """A folder beside the final name that is ours alone, and gone afterwards."""
    workshop = final.with_name(f".{final.name}.partial")
    descriptor = _lock(workshop, final)
    try:
        _clear(workshop)  # above all of a log, which SQLite would play into the copy
        yield workshop
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
        os.close(descriptor)


def _lock(workshop: Path, final: Path) -> int:
    """Make the folder and lock it; the descriptor that holds the lock."""
    while True:
        workshop.mkdir(mode=0o700, exist_ok=True)
        try:
            descriptor = os.open(workshop, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue  # the backup before this one has removed it
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise CommandRefused(f"Another backup to {final} is under way.") from None
        if _is_open_as(workshop, descriptor):
            return descriptor
        os.close(descriptor)


def _is_open_as(folder: Path, descriptor: int) -> bool:
    """Whether the folder has not been removed, or made anew, since it was opened: a lock would be on the old one."""
    try:
        return os.path.samestat(folder.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _clear(workshop: Path) -> None:
    workshop.chmod(0o700)
    for left in workshop.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


def _copy(snapshot: sqlite3.Connection, copy: Path, on_progress: OnProgress) -> None:
    ((page_bytes,),) = snapshot.execute("PRAGMA page_size")
    with closing(sqlite3.connect(copy, isolation_level=None)) as target:
        # One fsync at the end does what one for each step would.
        target.execute("PRAGMA synchronous = OFF")
        snapshot.backup(
            target,
            pages=_PAGES_PER_STEP,
            progress=lambda _, left, total: on_progress((total - left) * page_bytes, total * page_bytes),
        )
        _make_one_file(target)


def _make_one_file(connection: sqlite3.Connection) -> None:
    # The copy says of itself that it has a write-ahead log, as the original does; the next start gives it one again.
    ((mode,),) = connection.execute("PRAGMA journal_mode = DELETE")
    if mode != "delete":
        raise CommandRefused("The copy could not be made into one file.")


def _verify(copy: Path, expected: Counts) -> None:
    with open_snapshot(Source(copy, is_ours_alone=True)) as connection:
        if found := find_damage(connection):
            raise CommandRefused(f"The copy is damaged, so probably is the database: {found[0]}")
        if (actual := count(connection)) != expected:
            raise CommandRefused(f"The copy holds {actual}, the database {expected}.")


def _prove(copy: Path) -> None:
    """Open the copy as a server would, and read from it."""
    with open_snapshot(Source(copy, is_ours_alone=True)) as connection:
        is_current = schema_version(connection) == current_version()
    if is_current:
        asyncio.run(_read_as_a_server(copy.parent))
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            _make_one_file(connection)
    else:
        # Opening brings it up to date; the backup must stay what the older program can use.
        trial = copy.parent / "trial"
        trial.mkdir(mode=0o700)
        shutil.copyfile(copy, trial / DATABASE_NAME)
        asyncio.run(_read_as_a_server(trial))


async def _read_as_a_server(directory: Path) -> None:
    settings = Settings(data_dir=directory, reader_connections=1, start_check_seconds=0)
    async with open_database(settings, lambda: None) as database:
        await last_cursor(database)
        for (room_id,) in await database.read("SELECT id FROM room ORDER BY id LIMIT 1"):
            await list_messages_before(database, room_id, before=sys.maxsize, limit=_PROOF_MESSAGES)
