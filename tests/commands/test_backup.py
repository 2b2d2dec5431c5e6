"""`backup`: beside a running server and without one, and all that keeps it from being made."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import signal
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from chat.errors import CommandRefused
from chat.store import backup
from chat.store.data_directory import DirectoryLock
from chat.store.snapshots import Source
from tests.commands.running import refused, run, small_disk, start
from tests.commands.stored import make_database, rows
from tests.people import visiting
from tests.processes import server_process

HEADER_MODES = slice(18, 20)  # both 1: no write-ahead log (https://www.sqlite.org/fileformat2.html)


@pytest.fixture
def final(tmp_path: Path) -> Path:
    """Where the backup goes."""
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere" / "copy.db"


async def test_without_a_server_the_copy_is_one_private_file_with_everything(data_dir: Path, final: Path) -> None:
    await make_database(data_dir, messages=500)
    before = hashlib.sha256((data_dir / "chat.db").read_bytes()).digest()
    outcome = await run("backup", final, "--data-dir", data_dir, "--json")
    assert outcome.errors == ""
    assert outcome.json | {"seconds": 0} == {
        "file": str(final), "users": 2, "rooms": 2, "messages": 500, "bytes": final.stat().st_size, "seconds": 0,
    }  # fmt: skip
    assert [path.name for path in final.parent.iterdir()] == ["copy.db"]
    assert stat.S_IMODE(final.stat().st_mode) == 0o600
    assert final.read_bytes()[HEADER_MODES] == b"\1\1"
    everything = "SELECT * FROM message ORDER BY id"
    assert rows(final, everything) == rows(data_dir / "chat.db", everything)
    assert hashlib.sha256((data_dir / "chat.db").read_bytes()).digest() == before


async def test_beside_a_running_server_it_holds_what_was_only_in_the_log(data_dir: Path, final: Path) -> None:
    async with (
        server_process(data_dir, "--checkpoint-idle-seconds", "60") as server,
        visiting(server, "ada") as ada,
    ):
        await ada.sign_up()
        await ada.joins()
        await ada.says("in the log")
        outcome = await run("backup", final, "--data-dir", data_dir)
        await ada.says("and on it goes")
    assert outcome.code == 0, outcome
    assert "Backed up 1 user, 1 room and 1 message " in outcome.output
    assert f"python -m chat restore {final}" in outcome.output
    assert rows(final, "SELECT text FROM message") == [("in the log",)]


async def test_what_is_written_while_it_copies_neither_gets_in_nor_makes_it_begin_again(
    data_dir: Path, final: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_database(data_dir, messages=2000)
    monkeypatch.setattr(backup, "_PAGES_PER_STEP", 8)
    monkeypatch.setattr(backup, "_prove", lambda _copy: None)  # it would start an event loop in the test's
    seen: list[int] = []
    with closing(sqlite3.connect(data_dir / "chat.db", isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")

        def write(done: int, _total: int) -> None:
            seen.append(done)
            writer.execute("UPDATE message SET text = 'later'")
            writer.execute("PRAGMA wal_checkpoint(PASSIVE)")

        counts, _ = backup.back_up(Source(data_dir / "chat.db", is_ours_alone=False), final, write)
    assert counts.messages == 2000
    assert len(seen) > 10
    assert seen == sorted(set(seen))
    assert rows(final, "SELECT count(*) FROM message WHERE text = 'later'") == [(0,)]


async def test_an_empty_server_can_be_backed_up(data_dir: Path, final: Path) -> None:
    async with server_process(data_dir):
        counts = (await run("backup", final, "--data-dir", data_dir, "--json")).json
    assert (counts["users"], counts["rooms"], counts["messages"]) == (0, 1, 0)


async def test_a_database_of_an_older_version_stays_one(data_dir: Path, final: Path) -> None:
    data_dir.mkdir()
    schema = (Path(__file__).parent.parent / "store" / "schema_1.sql").read_text(encoding="utf-8")
    database = sqlite3.connect(data_dir / "chat.db")
    database.executescript(f"PRAGMA application_id = {0x43484154}; PRAGMA user_version = 1; {schema}")
    database.close()
    assert (await run("backup", final, "--data-dir", data_dir)).code == 0
    assert rows(final, "PRAGMA user_version") == [(1,)]


async def test_what_exists_is_replaced_only_when_that_is_said(data_dir: Path, final: Path) -> None:
    await make_database(data_dir)
    final.write_text("precious")
    assert "--force" in await refused("backup", final, "--data-dir", data_dir)
    assert final.read_text() == "precious"
    assert (await run("backup", final, "--data-dir", data_dir, "--force")).code == 0
    assert rows(final, "SELECT count(*) FROM user") == [(2,)]


async def test_it_is_refused_where_it_would_harm_or_cannot_be(data_dir: Path, final: Path) -> None:
    nowhere = await refused("backup", final, "--data-dir", data_dir)
    assert f"There is no database in {data_dir}" in nowhere
    assert not data_dir.exists()
    await make_database(data_dir)
    assert "There is no folder" in await refused("backup", final.parent / "none" / "x.db", "--data-dir", data_dir)
    for name in ("chat.db", "copy.db"):
        sentence = await refused("backup", data_dir / name, "--force", "--data-dir", data_dir)
        assert "outside the data directory" in sentence
    assert "is not a file" in await refused("backup", final.parent, "--force", "--data-dir", data_dir)
    assert rows(data_dir / "chat.db", "SELECT count(*) FROM user") == [(2,)]


async def test_a_full_disk_leaves_nothing_behind_and_what_was_there_as_it_was(data_dir: Path, final: Path) -> None:
    await make_database(data_dir, messages=2000)
    final.write_text("precious")
    outcome = await run("backup", final, "--force", "--data-dir", data_dir, before=small_disk(200_000))
    assert outcome.code == 1
    assert outcome.errors.startswith("The command failed: ")
    assert "Traceback" not in outcome.errors
    assert final.read_text() == "precious"
    assert [path.name for path in final.parent.iterdir()] == ["copy.db"]


async def test_a_damaged_database_gives_no_backup(data_dir: Path, final: Path) -> None:
    await make_database(data_dir, messages=2000)
    with (data_dir / "chat.db").open("r+b") as file:
        file.seek(200_000)
        file.write(b"\xee" * 50_000)
    outcome = await run("backup", final, "--data-dir", data_dir)
    assert outcome.code in (1, 2)
    assert "damaged" in outcome.errors or "malformed" in outcome.errors
    assert list(final.parent.iterdir()) == []


async def test_what_a_killed_backup_left_is_cleared_away_by_the_next(data_dir: Path, final: Path) -> None:
    await make_database(data_dir, messages=3)
    left = final.parent / ".copy.db.partial"
    left.mkdir()
    (left / "chat.db").write_bytes(b"half")
    (left / "chat.db-wal").write_bytes(b"frames")
    (left / "trial").mkdir()
    assert (await run("backup", final, "--data-dir", data_dir)).code == 0
    assert [path.name for path in final.parent.iterdir()] == ["copy.db"]
    assert rows(final, "SELECT count(*) FROM message") == [(3,)]


async def test_two_at_the_same_time_both_end_well_or_one_says_why_not(data_dir: Path, final: Path) -> None:
    await make_database(data_dir, messages=5000)
    async with server_process(data_dir):
        both = [await start("backup", final, "--force", "--data-dir", data_dir) for _ in range(2)]
        ends = [await process.communicate() for process in both]
    codes = [process.returncode for process in both]
    assert 0 in codes, ends
    for code, (_, errors) in zip(codes, ends, strict=True):
        assert code == 0 or b"is under way" in errors
    assert rows(final, "SELECT count(*) FROM message") == [(5000,)]


@pytest.mark.parametrize("made_anew", [False, True])
def test_a_lock_on_a_folder_that_another_has_just_removed_is_none(
    final: Path, monkeypatch: pytest.MonkeyPatch, made_anew: bool
) -> None:
    lock = fcntl.flock
    locked: list[int] = []

    def remove_first(descriptor: int, operation: int) -> None:
        (folder,) = final.parent.iterdir()
        if not locked:
            folder.rmdir()
            if made_anew:
                folder.mkdir()
        locked.append(descriptor)
        lock(descriptor, operation)

    monkeypatch.setattr("fcntl.flock", remove_first)
    with backup._workshop(final) as workshop:
        assert workshop.is_dir()
        with pytest.raises(CommandRefused, match="is under way"), backup._workshop(final):
            pass
        assert workshop.is_dir()
    assert list(final.parent.iterdir()) == []


async def test_a_command_that_changes_the_database_keeps_backups_out(data_dir: Path, final: Path) -> None:
    await make_database(data_dir)
    lock = DirectoryLock(data_dir, "restore")
    lock.acquire()
    try:
        sentence = await refused("backup", final, "--data-dir", data_dir)
    finally:
        lock.release()
    assert sentence == f"The command restore is using {data_dir}. Try again when it has ended."


async def test_the_folder_can_come_from_the_variable(data_dir: Path, final: Path) -> None:
    await make_database(data_dir)
    assert (await run("backup", final, environment={"CHAT_DATA_DIR": str(data_dir)})).code == 0


async def test_an_interrupted_backup_says_so_and_leaves_nothing(data_dir: Path, final: Path) -> None:
    await make_database(data_dir, messages=20_000)
    process = await start("backup", final, "--data-dir", data_dir)
    while not list(final.parent.glob(".*/*")) and not final.exists() and process.returncode is None:
        await asyncio.sleep(0)
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    assert (process.returncode, errors.decode()) in ((130, "Stopped before it was done.\n"), (0, ""))
    assert [path.name for path in final.parent.iterdir()] == (["copy.db"] if process.returncode == 0 else [])
