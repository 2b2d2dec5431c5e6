"""Opening the store: a new directory, an existing one, and everything that is refused."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from chat.errors import DirectoryInUse, StartRefused
from chat.settings import Settings
from chat.store.data_directory import DirectoryLock
from chat.store.database import Database
from chat.store.migrations import APPLICATION_ID, current_version
from chat.store.opening import open_database

PAGE = 4096


async def opened(data_dir: Path, **settings: float) -> list[tuple[str, ...]]:
    """Open and close the store; the names of its rooms."""
    async with open_database(Settings(data_dir=data_dir, **settings), _never) as database:  # type: ignore[arg-type]
        return await database.read("SELECT name FROM room")


def _never() -> None:
    raise AssertionError("the database was called broken")


async def refusal(data_dir: Path) -> str:
    with pytest.raises(StartRefused) as refused:
        await opened(data_dir)
    return refused.value.sentence


@pytest.fixture
async def existing(data_dir: Path) -> Path:
    """The file of a database with some content, closed."""
    await opened(data_dir)
    path = data_dir / "chat.db"
    with sqlite3.connect(path) as database:
        database.execute(
            "INSERT INTO user (id, name, name_key, look_key, password_hash, created_at) "
            "VALUES (1, 'ada', 'ada', 'ada', 'x', 0)"
        )
        database.executemany(
            "INSERT INTO message (cursor, room_id, user_id, text, created_at) VALUES (?, 1, 1, ?, 0)",
            [(number, f"message {number}" * 20) for number in range(500)],
        )
    database.close()
    return path


async def test_a_new_directory_is_private_and_has_a_lobby(data_dir: Path) -> None:
    async with open_database(Settings(data_dir=data_dir), _never) as database:
        assert await database.read("SELECT name FROM room") == [("lobby",)]
        await database.write("UPDATE room SET name = name")
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data_dir.iterdir()}
    assert modes == {"chat.db": 0o600, "chat.db-wal": 0o600, "chat.db-shm": 0o600, "chat.lock": 0o600}


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o740, 0o755, 0o777])
async def test_a_directory_that_others_can_enter_is_refused(data_dir: Path, mode: int) -> None:
    data_dir.mkdir(mode=0o700)
    data_dir.chmod(mode)
    assert await refusal(data_dir) == (
        f"{data_dir} is open to other users (mode 0{mode:o}). Close it with: chmod 700 {data_dir}"
    )
    assert list(data_dir.iterdir()) == []


async def test_a_database_that_others_can_read_is_refused(existing: Path) -> None:
    existing.chmod(0o640)
    assert (await refusal(existing.parent)).endswith(f"Close it with: chmod 600 {existing}")
    existing.chmod(0o600)
    await opened(existing.parent)


async def test_a_directory_of_another_user_is_refused(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data_dir.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    sentence = await refusal(data_dir)
    assert f"belongs to another user (uid {os.getuid()})" in sentence
    assert f"chown -R 4711 {data_dir}" in sentence


async def test_what_was_stored_is_there_after_reopening(existing: Path) -> None:
    async with open_database(Settings(data_dir=existing.parent), _never) as database:
        assert await database.read("SELECT count(*) FROM message") == [(500,)]


async def test_a_half_made_database_is_made_again(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o700)
    data_dir.joinpath("chat.db.new").write_bytes(b"half")
    assert await opened(data_dir) == [("lobby",)]


async def test_a_second_server_is_kept_out_until_the_first_is_gone(data_dir: Path) -> None:
    async with open_database(Settings(data_dir=data_dir), _never):
        assert "Another server is using" in await refusal(data_dir)
    await opened(data_dir)


async def test_a_server_waits_for_a_command_but_not_for_ever(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    await opened(data_dir)
    lock = DirectoryLock(data_dir, "user")
    lock.acquire()
    with caplog.at_level("INFO"):
        with pytest.raises(DirectoryInUse, match="The command user is using"):
            await opened(data_dir, directory_wait_seconds=0)
        opening = asyncio.create_task(opened(data_dir))
        while "waiting for the command user" not in caplog.text:
            await asyncio.sleep(0)
    lock.release()
    assert await opening == [("lobby",)]


def _cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // PAGE // 2 * PAGE)


def _scribble(path: Path) -> None:
    with path.open("r+b") as file:
        for page in range(20, 40):
            file.seek(page * PAGE)
            file.write(b"\xee" * PAGE)


def _set(pragma: str, value: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with sqlite3.connect(path) as database:
            database.execute(f"PRAGMA {pragma} = {value}")
        database.close()

    return change


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: path.write_bytes(b""), "is empty (0 bytes)"),
    (lambda path: path.write_bytes(b"hello"), "not a SQLite database"),
    (lambda path: path.write_bytes(b"x" * 8192), "not a SQLite database"),
    (_cut, "cut short"),
    (_scribble, "is damaged"),
    (_set("application_id", 7), "another program"),
    (_set("user_version", 0), "another program"),
    (_set("user_version", current_version() + 1), "newer version of this program"),
]


@pytest.mark.parametrize(("damage", "part"), DAMAGES, ids=[part for _, part in DAMAGES])
async def test_a_file_that_cannot_be_used_is_refused_and_left_as_it_is(
    existing: Path, damage: Callable[[Path], object], part: str
) -> None:
    damage(existing)
    before = hashlib.sha256(existing.read_bytes()).digest()
    sentence = await refusal(existing.parent)
    assert part in sentence
    assert str(existing) in sentence
    assert hashlib.sha256(existing.read_bytes()).digest() == before


@pytest.mark.parametrize(("damage", "part"), DAMAGES[:5], ids=[part for _, part in DAMAGES[:5]])
async def test_the_refusal_of_a_damaged_file_names_the_way_to_restore(
    existing: Path, damage: Callable[[Path], object], part: str
) -> None:
    damage(existing)
    command = f"python -m chat restore --force FILE --data-dir {existing.parent}"
    assert f"Put a backup in its place with {command} (" in await refusal(existing.parent)


async def test_what_it_names_can_be_typed_as_it_stands(tmp_path: Path) -> None:
    """A folder with a space in its name; and `--force` would act on the folder `data`, were no other one named."""
    folder = tmp_path / "our chat"
    folder.mkdir(mode=0o700)
    (folder / "chat.db").touch(mode=0o600)
    assert f"--data-dir '{folder}' (" in await refusal(folder)


async def test_an_empty_log_beside_it_excuses_no_missing_end(existing: Path) -> None:
    """Whoever opens the database only to read leaves one behind."""
    with existing.open("r+b") as file:
        file.truncate(existing.stat().st_size - 100)
    existing.with_name("chat.db-wal").touch(mode=0o600)
    assert "cut short" in await refusal(existing.parent)


async def test_a_log_without_its_database_is_damage_and_not_a_new_install(existing: Path) -> None:
    existing.with_name("chat.db-wal").write_bytes(b"what is left of it")
    existing.with_name("chat.db-wal").chmod(0o600)
    existing.unlink()
    assert "missing but its write-ahead log is still there" in await refusal(existing.parent)
    assert not existing.exists()


async def test_a_file_in_the_place_of_the_directory_is_refused(data_dir: Path) -> None:
    data_dir.write_text("a file")
    assert "is a file" in await refusal(data_dir)


async def test_a_large_database_is_examined_for_a_bounded_time(
    existing: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with sqlite3.connect(existing) as database:
        database.executemany(
            "INSERT INTO message (cursor, room_id, user_id, text, created_at) VALUES (?, 1, 1, ?, 0)",
            [(number, "more") for number in range(500, 50_000)],
        )
    database.close()
    with caplog.at_level("INFO"):
        assert await opened(existing.parent, start_check_seconds=0.0001) == [("lobby",)]
    assert "too large to be examined whole" in caplog.text


async def test_readers_cannot_write(data_dir: Path) -> None:
    async with open_database(Settings(data_dir=data_dir), _never) as database:
        with pytest.raises(Exception, match="message store"):
            await database.read("INSERT INTO room (name, name_key, look_key, created_at) VALUES ('x', 'x', 'x', 0)")
        assert await database.read("SELECT count(*) FROM room") == [(1,)]


async def test_commits_are_synced_to_disk_unless_it_is_set_otherwise(data_dir: Path) -> None:
    for synchronous, value in (("full", 2), ("normal", 1)):
        settings = Settings(data_dir=data_dir, synchronous=synchronous)
        async with open_database(settings, _never) as database:
            assert await _pragmas(database) == {
                "journal_mode": "wal", "synchronous": value, "foreign_keys": 1, "wal_autocheckpoint": 0,
                "application_id": APPLICATION_ID, "mmap_size": 0,
            }  # fmt: skip


async def _pragmas(database: Database) -> dict[str, object]:
    names = ["journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint", "application_id", "mmap_size"]
    return {name: next(iter(await database.write(f"PRAGMA {name}")), (0,))[0] for name in names}
