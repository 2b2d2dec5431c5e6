"""Opens the store: directory, lock, file, check, migrations, connections, in this order; closes it in reverse."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import aiosqlite

from chat.errors import DirectoryInUse, StartRefused
from chat.settings import Settings
from chat.store.data_directory import (
    DATABASE_NAME,
    SERVER,
    DirectoryLock,
    create_file,
    database_exists,
    make_directory,
    publish_file,
    restore_hint,
)
from chat.store.database import Database, OnBroken, connect_examiner, connect_reader, connect_writer
from chat.store.migrations import create_schema, current_version, migrate, read_version

log = logging.getLogger(__name__)

FIRST_ROOM = "lobby"
# STRICT tables came with it: https://www.sqlite.org/stricttables.html
OLDEST_SQLITE = (3, 37, 0)
# How many steps of SQLite's machine run between two looks at the clock: well under a millisecond.
_STEPS_PER_LOOK = 10_000
_LOCK_RETRY_SECONDS = 0.05


@asynccontextmanager
async def open_database(settings: Settings, on_broken: OnBroken, holder: str = SERVER) -> AsyncIterator[Database]:
    """Open the store for as long as the block runs; a new directory gets a database with a room `lobby`.

    Args:
        holder: what the directory is held for: "server", or the name of a command.

    Raises:
        StartRefused: the directory or the file cannot be used; the sentence says why and what to do.
    """
    _check_sqlite()
    path = settings.data_dir.absolute() / DATABASE_NAME  # reads no disk
    lock = DirectoryLock(settings.data_dir, holder)
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(make_directory, settings.data_dir)
        await _acquire(lock, settings.directory_wait_seconds if holder == SERVER else 0)
        stack.callback(lock.release)
        with _refusing(path):
            await _make(path, settings)
            database = await _connect(path, settings, on_broken)
        stack.push_async_callback(database.close)
        yield database


async def make_current(settings: Settings) -> Path:
    """Make the database, or bring one that is there up to date; the caller holds the directory.

    Raises:
        StartRefused: as `open_database`.
    """
    _check_sqlite()
    path = settings.data_dir.absolute() / DATABASE_NAME
    with _refusing(path):
        await _make(path, settings)
        database = await _connect(path, settings, lambda: None)
        await database.close()
    return path


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StartRefused(f"The database cannot be used: {error}: {path}. {restore_hint(path.parent)}") from error


def _check_sqlite() -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StartRefused(f"SQLite {sqlite3.sqlite_version} is too old; this program needs 3.37 or newer.")


async def _acquire(lock: DirectoryLock, wait_seconds: float) -> None:
    """Take the lock; a server waits for a command, which is soon done, but not for another server."""
    deadline = time.monotonic() + wait_seconds
    has_said_so = False
    while True:
        try:
            return lock.acquire()
        except DirectoryInUse as used:
            if used.holder == SERVER or time.monotonic() >= deadline:
                raise
            if not has_said_so:
                log.info("start: waiting for the command %s, which has the data directory", used.holder)
                has_said_so = True
        await asyncio.sleep(_LOCK_RETRY_SECONDS)


async def _make(path: Path, settings: Settings) -> None:
    if await asyncio.to_thread(database_exists, path.parent):
        await _examine(path, settings.start_check_seconds)
    else:
        await _create(path)


async def _create(path: Path) -> None:
    """Make the database under another name first, so that a half-made one never looks like a real one."""
    made = path.with_name(path.name + ".new")
    await asyncio.to_thread(create_file, made)
    connection = await connect_writer(made, synchronous="full", busy_timeout_seconds=1)
    try:
        await create_schema(connection, current_version())
        await connection.execute_fetchall(
            "INSERT INTO room (name, name_key, look_key, created_at) VALUES (?1, ?1, ?1, ?2)",
            (FIRST_ROOM, int(time.time() * 1000)),
        )
    finally:
        await connection.close()
    await asyncio.to_thread(publish_file, made, path)


async def _connect(path: Path, settings: Settings, on_broken: OnBroken) -> Database:
    async with AsyncExitStack() as stack:
        writer = await connect_writer(
            path, synchronous=settings.synchronous, busy_timeout_seconds=settings.busy_timeout_seconds
        )
        stack.push_async_callback(writer.close)
        await migrate(writer, path)
        readers = []
        for _ in range(settings.reader_connections):
            readers.append(await connect_reader(path, busy_timeout_seconds=settings.busy_timeout_seconds))
            stack.push_async_callback(readers[-1].close)
        stack.pop_all()
    return Database(
        writer,
        readers,
        checkpoint_idle_seconds=settings.checkpoint_idle_seconds,
        checkpoint_wal_max_bytes=settings.checkpoint_wal_max_bytes,
        on_broken=on_broken,
    )


async def _examine(path: Path, seconds: float) -> None:
    """Refuse a file that is damaged or not ours before anything in it is changed.

    Raises:
        StartRefused: damage was found, or the file is of another program or a newer version.
    """
    connection = await connect_examiner(path)
    try:
        await read_version(connection, path)
        finding = await _quick_check(connection, seconds) if seconds else "ok"
    finally:
        await connection.close()
    if finding != "ok":
        raise StartRefused(f"The database is damaged ({finding}): {path}. {restore_hint(path.parent)}")


async def _quick_check(connection: aiosqlite.Connection, seconds: float) -> str:
    """Look for damage for a bounded time, so that the start does not grow with the history; "ok" or what was found."""
    deadline = time.monotonic() + seconds
    await connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_PER_LOOK)
    try:
        ((finding,),) = await connection.execute_fetchall("PRAGMA quick_check(1)")
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_CORRUPT:
            return str(error)
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        log.info("database: no damage found in %.2f s; too large to be examined whole at the start", seconds)
        return "ok"
    return " ".join(finding.split())
