"""The connections to SQLite: one that writes and checkpoints, several that only read.

What holds for everyone who uses a Database:

1. Only the writing connection MUST write or checkpoint: two that do so at the same instant can corrupt
   a WAL database before SQLite 3.51.3 (https://www.sqlite.org/wal.html#the_wal_reset_bug).
2. A write is one statement, or a transaction inside `transaction()`; both hold the write lock, so
   the statements of two coroutines never end up in one transaction.
3. A read is one statement and takes its own snapshot; a long listing MUST be read in pages, because a snapshot
   that stays open keeps the write-ahead log from being reused.
4. What stores messages goes ahead: at most one other write is carried out before it, however many wait.
5. Cancelling a call does not stop its SQL; the connection's thread finishes it before anything that follows.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, cast

import aiosqlite

from chat.errors import StorageUnavailable
from chat.priorities import step_back

log = logging.getLogger(__name__)

Row = tuple[Any, ...]
OnBroken = Callable[[], None]
Execute = Callable[[str, Sequence[object]], Awaitable[Iterable[Any]]]

# After these the file, or what the kernel holds of it, can no longer be trusted:
# https://www.sqlite.org/rescode.html and https://lwn.net/Articles/752063/ (fsync reports an error once).
_BROKEN_FOR_GOOD = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC, sqlite3.SQLITE_NOTADB})
_PRIMARY_CODE_MASK = 0xFF
# A commit of one row rewrites about eight pages of the table and its indexes.
_COMMIT_LOG_BYTES = 8 * 4096
# A full disk stays full for a while; one log line in this time is enough.
_CHECKPOINT_RETRY_SECONDS = 5
# However many ask whether writing works again, the disk is tried once in this time.
_WRITE_PROBE_SECONDS = 1.0
# About what a commit of one message needs of new pages: a disk that has room for less is not ready.
_WRITE_PROBE_BYTES = 32 * 1024
_UNAVAILABLE = "The message store cannot take this right now; nothing was stored. Try again in a moment."


class Database:
    """The open database.

    Args:
        writer: the connection that alone writes.
        readers: the `query_only` ones.
        checkpoint_idle_seconds, checkpoint_wal_max_bytes: when the write-ahead log is folded in.
        on_broken: called once when the file can no longer be trusted and the process should end.
    """

    def __init__(
        self,
        writer: aiosqlite.Connection,
        readers: Sequence[aiosqlite.Connection],
        *,
        checkpoint_idle_seconds: float,
        checkpoint_wal_max_bytes: int,
        on_broken: OnBroken,
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._free_readers: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()
        for reader in readers:
            self._free_readers.put_nowait(reader)
        self._write_lock = asyncio.Lock()
        self._turnstile = asyncio.Lock()  # one at a time of those who do not go ahead waits for the write lock
        self._written = asyncio.Event()
        self._last_write = 0.0
        self._log_bytes = 0
        self._checkpoint_idle_seconds = checkpoint_idle_seconds
        self._checkpoint_wal_max_bytes = checkpoint_wal_max_bytes
        self._on_broken = on_broken
        self._is_broken = False
        self._found_locked_at = -math.inf
        self._is_closed = False
        self._last_write_failed = False
        self._last_probe = -_WRITE_PROBE_SECONDS

    async def read(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run one SELECT on a reading connection.

        Raises:
            StorageUnavailable: the database could not be read.
        """
        reader = await self._free_readers.get()
        try:
            self._refuse_if_closed()
            return cast("list[Row]", await reader.execute_fetchall(sql, parameters))
        except sqlite3.Error as error:
            raise self._failure("read", error) from error
        finally:
            self._free_readers.put_nowait(reader)

    async def write(
        self,
        sql: str,
        parameters: Sequence[object] = (),
        *,
        content_bytes: int = 0,
        waiting_since: float | None = None,
        ahead: bool = False,
    ) -> list[Row]:
        """Run one statement that changes something, in a transaction of its own; it is on disk on return.

        Args:
            ahead: whether it goes ahead of those that wait without this.
            content_bytes: about how much text is stored, for the time of the next checkpoint.
            waiting_since: when the caller began to wait, by time.perf_counter; None: now.

        Raises:
            StorageUnavailable: nothing was changed.
        """
        since = time.perf_counter() if waiting_since is None else waiting_since
        async with self._turn(ahead), self._write_lock:
            self._refuse_if_hopeless(since)
            try:
                rows = cast("list[Row]", await self._writer.execute_fetchall(sql, parameters))
            except sqlite3.Error as error:
                raise self._failure("write", error) from error
            self._note_write(content_bytes)
            return rows

    @asynccontextmanager
    async def transaction(
        self, *, content_bytes: int = 0, ahead: bool = False, waiting_since: float | None = None
    ) -> AsyncIterator[Execute]:
        """Run several statements as one: all of them, or none when the block raises.

        Args:
            content_bytes, waiting_since: as for `write`.
            ahead: whether it goes ahead of those that wait without this.

        Raises:
            StorageUnavailable: nothing was changed.
        """
        since = time.perf_counter() if waiting_since is None else waiting_since
        async with self._turn(ahead), self._write_lock:
            self._refuse_if_hopeless(since)
            try:
                await self._writer.execute_fetchall("BEGIN IMMEDIATE")
                yield self._writer.execute_fetchall
                await self._writer.execute_fetchall("COMMIT")
            except BaseException as error:
                await self._roll_back()
                if isinstance(error, sqlite3.Error):
                    raise self._failure("write", error) from error
                raise
            self._note_write(content_bytes)

    async def takes_writes(self) -> bool:
        """Whether the last write succeeded; after one that failed, whether one would succeed now.

        The latter is found by a real write that leaves nothing behind, because only that meets a full disk.
        """
        now = asyncio.get_running_loop().time()
        if self._last_write_failed and not self._is_broken and now - self._last_probe >= _WRITE_PROBE_SECONDS:
            self._last_probe = now
            with suppress(StorageUnavailable):
                await self._probe_write()
        return not (self._last_write_failed or self._is_broken)

    async def keep_checkpointed(self) -> None:
        """Fold the write-ahead log into the database while nobody writes, for as long as the server runs."""
        loop = asyncio.get_running_loop()
        while True:
            await self._written.wait()
            await asyncio.sleep(self._checkpoint_idle_seconds)
            idle = loop.time() - self._last_write >= self._checkpoint_idle_seconds
            if (idle or self._log_bytes >= self._checkpoint_wal_max_bytes) and not await self._checkpoint():
                await asyncio.sleep(_CHECKPOINT_RETRY_SECONDS)

    async def close(self) -> None:
        """Close every connection, the writer last so that only it folds in the log."""
        async with self._write_lock:
            self._is_closed = True
            for reader in self._readers:
                await reader.close()
            await self._writer.close()

    def _turn(self, ahead: bool) -> AbstractAsyncContextManager[None]:
        return nullcontext() if ahead else self._turnstile

    async def _probe_write(self) -> None:
        async with self.transaction() as execute:
            await execute("INSERT INTO secret (purpose, value) VALUES ('probe', zeroblob(?))", (_WRITE_PROBE_BYTES,))
            await execute("DELETE FROM secret WHERE purpose = 'probe'", ())

    async def _checkpoint(self) -> bool:
        async with self._write_lock:
            self._written.clear()
            try:
                # PASSIVE waits for no reader; readers are short, so the next one gets what this one could not.
                (result,) = await self._writer.execute_fetchall("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error as error:
                self._failure("checkpoint", error)
                self._written.set()
                return False
            _, in_log, folded_in = result
            self._log_bytes = 0
            if folded_in < in_log:
                self._written.set()
            return True

    async def _roll_back(self) -> None:
        # Always, whatever seems to be open now: a BEGIN whose caller was cancelled is still carried out in the
        # connection's thread, and everything written after it would be part of it. This one waits behind it there.
        with suppress(sqlite3.Error):  # no transaction was begun, or it has been committed
            await self._writer.execute_fetchall("ROLLBACK")

    def _note_write(self, content_bytes: int) -> None:
        self._last_write = asyncio.get_running_loop().time()
        self._last_write_failed = False
        self._log_bytes += _COMMIT_LOG_BYTES + 2 * content_bytes
        self._written.set()

    def _refuse_if_hopeless(self, waiting_since: float) -> None:
        self._refuse_if_broken()
        # Who has waited while another program kept the one before from writing has waited long enough: one after the
        # other, each with a busy_timeout_seconds of its own, the last would wait for minutes.
        if self._found_locked_at > waiting_since:
            raise StorageUnavailable(_UNAVAILABLE)

    def _refuse_if_closed(self) -> None:
        # Answers under way at the very end of a stop; to their senders the store is as good as gone for a moment.
        if self._is_closed:
            raise StorageUnavailable(_UNAVAILABLE)

    def _refuse_if_broken(self) -> None:
        self._refuse_if_closed()
        # What comes after a failed fsync may seem to succeed, and be gone all the same.
        if self._is_broken:
            raise StorageUnavailable(_UNAVAILABLE)

    def _failure(self, action: str, error: sqlite3.Error) -> StorageUnavailable:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        log.error("storage: %s failed: %s: %s", action, name, error)
        if action == "write":
            self._last_write_failed = True
        if code in _BROKEN_FOR_GOOD or code & _PRIMARY_CODE_MASK == sqlite3.SQLITE_CORRUPT:
            log.critical("storage: the database can no longer be trusted after %s; stopping", name)
            self._is_broken = True
            self._on_broken()
        if action == "write" and code & _PRIMARY_CODE_MASK == sqlite3.SQLITE_BUSY:
            self._found_locked_at = time.perf_counter()
        return StorageUnavailable(_UNAVAILABLE)


async def connect_writer(path: Path, *, synchronous: str, busy_timeout_seconds: float) -> aiosqlite.Connection:
    """Open the connection that writes; commits are on disk on return when `synchronous` is full.

    Raises:
        sqlite3.Error: the file cannot be used.
    """
    connection = await _connect(path, busy_timeout_seconds)
    return await _with_pragmas(
        connection,
        "journal_mode = WAL",
        f"synchronous = {synchronous.upper()}",
        "wal_autocheckpoint = 0",  # never inside a commit that people wait for
        # What was deleted is overwritten with zeros. FAST would leave it in whole pages that become free, as those of
        # long texts do: https://www.sqlite.org/pragma.html#pragma_secure_delete
        "secure_delete = ON",
    )


async def connect_examiner(path: Path) -> aiosqlite.Connection:
    """Open a connection that leaves the file exactly as it is, even when it is the only one.

    Raises:
        sqlite3.Error: the file cannot be used.
    """
    return await _connect(path, busy_timeout_seconds=1, mode="ro")


async def connect_reader(path: Path, *, busy_timeout_seconds: float) -> aiosqlite.Connection:
    """Open a connection that cannot change anything.

    Raises:
        sqlite3.Error: the file cannot be used.
    """
    connection = await _connect(path, busy_timeout_seconds, factory=_connect_stepping_back)
    return await _with_pragmas(connection, "query_only = ON")


def _connect_stepping_back(*arguments: Any, **named: Any) -> sqlite3.Connection:
    """Connect in a thread that comes after others from now on: who reads history, after who passes messages on."""
    step_back()
    return sqlite3.Connection(*arguments, **named)


async def _connect(
    path: Path, busy_timeout_seconds: float, *, mode: str = "rw", **options: Any
) -> aiosqlite.Connection:
    # With rw a file that vanished is an error, not a new empty database.
    return await aiosqlite.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=busy_timeout_seconds,
        **options,
    )


async def _with_pragmas(connection: aiosqlite.Connection, *pragmas: str) -> aiosqlite.Connection:
    try:
        # No mmap: an I/O error in mapped memory is a signal that kills the process, not an error code.
        for pragma in ("foreign_keys = ON", "trusted_schema = OFF", "mmap_size = 0", *pragmas):
            await connection.execute_fetchall(f"PRAGMA {pragma}")
    except BaseException:
        await connection.close()
        raise
    return connection
