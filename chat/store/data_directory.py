"""The data directory: made private, held by one server at a time, its database file looked at before use."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chat.errors import DirectoryInUse, StartRefused

DATABASE_NAME = "chat.db"
LOCK_NAME = "chat.lock"
CONTROL_NAME = "control.sock"
SERVER = "server"  # what a server writes into the lock it holds
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
SQLITE_MAGIC = b"SQLite format 3\0"
_MEND_OR_MOVE = "Mend that, or start with another --data-dir."
_HOLDER_MAX_BYTES = 32
# What fits into an address everywhere, the final NUL left out: 108 bytes on Linux (unix(7)), 104 on the BSDs.
_SOCKET_NAME_MAX_BYTES = 103


class DirectoryLock:
    """Keeps a second server, and commands that need the directory alone, out for as long as this process lives.

    The kernel drops an flock when its process ends, however it ends, so a kill leaves nothing to clean up. What the
    file says only counts while the lock is held: what its holder is doing.

    Args:
        holder: "server", or the name of the command that takes the lock.
    """

    def __init__(self, directory: Path, holder: str = SERVER) -> None:
        self._path = directory / LOCK_NAME
        self._holder = holder
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            DirectoryInUse: another process has it.
            StartRefused: the directory cannot be written.
        """
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StartRefused(
                f"The data directory cannot be written: {error.strerror}: {self._path}. {_MEND_OR_MOVE}"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # An older server writes nothing.
            holder = os.read(descriptor, _HOLDER_MAX_BYTES).decode("ascii", "replace").strip() or SERVER
            os.close(descriptor)
            raise DirectoryInUse(self._sentence(holder), holder) from None
        self._descriptor = descriptor
        with contextlib.suppress(OSError):  # the disk is full: what is there can still be read
            os.ftruncate(descriptor, 0)
            os.write(descriptor, self._holder.encode() + b"\n")

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _sentence(self, holder: str) -> str:
        directory = self._path.parent
        if holder != SERVER:
            return f"The command {holder} is using {directory}. Try again when it has ended."
        if self._holder != SERVER:
            return f"A server is using {directory}. Stop it first."
        return f"Another server is using {directory}. Stop it, or give this one another --data-dir."


def restore_hint(directory: Path) -> str:
    """What to do about a damaged database; it names the directory, because `restore --force` acts on what is there."""
    command = f"python -m chat restore --force FILE --data-dir {shlex.quote(str(directory.absolute()))}"
    return f"Put a backup in its place with {command} (it keeps the damaged file), or start with another --data-dir."


def make_directory(directory: Path) -> None:
    """Make the directory, readable by its owner alone, when it is missing.

    Raises:
        StartRefused: it cannot be made, something else has its name, or others can get at what is in it.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise StartRefused(f"{directory} is a file; --data-dir takes a folder.") from None
    except OSError as error:
        raise StartRefused(
            f"The data directory cannot be made: {error.strerror}: {directory}. {_MEND_OR_MOVE}"
        ) from None
    check_private(directory)


def check_private(directory: Path) -> None:
    """Refuse a directory in which another user of this machine could read or change what people say.

    Raises:
        StartRefused: it, or a file of the database, belongs to another user or is open to others.
    """
    for name in ("", DATABASE_NAME, DATABASE_NAME + "-wal", DATABASE_NAME + "-shm", LOCK_NAME):
        path = directory / name
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StartRefused(
                f"The data directory cannot be read: {error.strerror}: {path}. {_MEND_OR_MOVE}"
            ) from None
        if status.st_uid != os.geteuid():
            raise StartRefused(
                f"{path} belongs to another user (uid {status.st_uid}). Start the server as that user, "
                f"or give it away with: chown -R {os.geteuid()} {shlex.quote(str(directory))}"
            )
        mode = stat.S_IMODE(status.st_mode)
        if mode & _OTHERS:
            wanted = "600" if name else "700"
            raise StartRefused(
                f"{path} is open to other users (mode {mode:04o}). "
                f"Close it with: chmod {wanted} {shlex.quote(str(path))}"
            )


@contextmanager
def control_address(directory: Path) -> Iterator[str]:
    """A name for the socket on which a server takes the operator's commands, short enough to be an address.

    Raises:
        OSError: there is none.
    """
    name = str(directory.absolute() / CONTROL_NAME)
    if len(os.fsencode(name)) <= _SOCKET_NAME_MAX_BYTES:
        yield name
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        short = Path(f"/proc/self/fd/{descriptor}")
        if not short.exists():
            raise OSError(errno.ENAMETOOLONG, "the name of the data directory is too long for a socket", name)
        yield str(short / CONTROL_NAME)
    finally:
        os.close(descriptor)


def database_exists(directory: Path) -> bool:
    """Whether the directory holds a database that looks whole from the outside.

    A database is made under another name and renamed when it is complete, so a file that is
    empty, cut short or without SQLite's header was damaged by something else.

    Raises:
        StartRefused: there is a file, or a trace of one, that is not a whole database.
    """
    path = directory / DATABASE_NAME
    try:
        with path.open("rb") as file:
            header = file.read(100)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        _refuse_orphaned_log(path)
        return False
    except OSError as error:
        raise StartRefused(f"The database cannot be read: {error.strerror}: {path}. {_MEND_OR_MOVE}") from None
    if not header:
        raise StartRefused(f"The database is empty (0 bytes): {path}. {restore_hint(directory)}")
    if len(header) < 100 or not header.startswith(SQLITE_MAGIC):
        raise StartRefused(f"The file is not a SQLite database: {path}. {restore_hint(directory)}")
    if size < _size_in_header(header) and not has_log(path):
        raise StartRefused(f"The database was cut short: {path}. {restore_hint(directory)}")
    return True


def has_log(path: Path) -> bool:
    """Whether part of a database is in a write-ahead log beside it."""
    # Whoever looks at the file with a program that only reads leaves an empty one behind, which holds no page.
    return _size(_log_path(path)) > 0


def file_bytes(directory: Path) -> tuple[int, int]:
    """The sizes of the database and of its write-ahead log, 0 for what is not there."""
    path = directory / DATABASE_NAME
    return _size(path), _size(_log_path(path))


def create_file(path: Path) -> None:
    """Make an empty file that only its owner can read, in place of any earlier attempt."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def publish_file(made: Path, final: Path) -> None:
    """Give a complete file its final name so that it survives a power cut."""
    made.rename(final)
    sync(final.parent)


def sync(path: Path) -> None:
    """Let what is in a file, or the names in a directory, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size_in_header(header: bytes) -> int:
    # Page size at 16, with 1 for 65536; number of pages at 28: https://www.sqlite.org/fileformat2.html
    page_bytes = int.from_bytes(header[16:18], "big")
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    return page_bytes * int.from_bytes(header[28:32], "big")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _log_path(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _refuse_orphaned_log(path: Path) -> None:
    if has_log(path):
        raise StartRefused(
            f"The database {path} is missing but its write-ahead log is still there. {restore_hint(path.parent)}"
        )
