"""One unchanging view of the database for the commands that read it, beside a running server or without one.

The connections here are synchronous, because a command has no event loop that could be kept waiting.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from chat.errors import CommandRefused, DirectoryInUse
from chat.store.data_directory import DATABASE_NAME, SERVER, DirectoryLock, database_exists, has_log

# Whoever holds the directory for one of these leaves the file in place, so reading beside it is safe.
READING_COMMANDS = ("backup", "check", "export")
_BUSY_TIMEOUT_SECONDS = 10


class Source(NamedTuple):
    """A database to read from.

    Args:
        is_ours_alone: no other process has it open, nor will while it is read.
    """

    path: Path
    is_ours_alone: bool


class Counts(NamedTuple):
    """How much a database holds."""

    users: int
    rooms: int
    messages: int


@contextmanager
def open_directory(directory: Path, command: str) -> Iterator[Source]:
    """The database, which nobody replaces while the block runs.

    Without a server the directory is held, so that none starts meanwhile; a server, or another command that only
    reads, is left alone.

    Args:
        command: one of READING_COMMANDS.

    Raises:
        CommandRefused: there is no database.
        StartRefused: the file is no database, or a command that changes it holds the directory.
    """
    path = directory / DATABASE_NAME
    if not path.exists() and not path.with_name(path.name + "-wal").exists():
        raise CommandRefused(f"There is no database in {directory.absolute()}. Say with --data-dir where it is.")
    lock = DirectoryLock(directory, command)
    is_ours_alone = True
    try:
        lock.acquire()
    except DirectoryInUse as used:
        if used.holder not in (SERVER, *READING_COMMANDS):
            raise
        is_ours_alone = False
    try:
        database_exists(directory)
        yield Source(path, is_ours_alone)
    finally:
        lock.release()


@contextmanager
def open_snapshot(source: Source) -> Iterator[sqlite3.Connection]:
    """A connection that sees the database as of one moment, and changes nothing: it neither writes nor checkpoints.

    The read transaction stays open, so the steps of a backup neither begin again nor see later commits
    (https://www.sqlite.org/c3ref/backup_finish.html); the server's write-ahead log grows meanwhile.

    Raises:
        sqlite3.Error: the file cannot be used.
    """
    with closing(_connect(source)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the first read takes the snapshot
        yield connection


def count(connection: sqlite3.Connection) -> Counts:
    """How much is in it; goes through a whole index of the messages."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM user), (SELECT count(*) FROM room), (SELECT count(*) FROM message)"
    ).fetchone()
    return Counts(*row)


def _connect(source: Source) -> sqlite3.Connection:
    # A complete file that nobody else has open can be read without leaving a trace beside it.
    options = "mode=ro&immutable=1" if source.is_ours_alone and not has_log(source.path) else "mode=ro"
    connection = sqlite3.connect(
        f"{source.path.absolute().as_uri()}?{options}", uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT_SECONDS
    )
    for pragma in ("query_only = ON", "trusted_schema = OFF", "mmap_size = 0"):
        connection.execute(f"PRAGMA {pragma}")
    return connection
