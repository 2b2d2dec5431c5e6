"""`restore`: from a backup taken under load, and all that must not cost anyone anything."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from chat.errors import CommandRefused, StartRefused
from chat.settings import Settings
from chat.store import restore as restoring
from chat.store.backup import back_up
from chat.store.migrations import current_version
from chat.store.opening import open_database
from chat.store.snapshots import open_directory
from tests.commands.running import refused, run, small_disk
from tests.commands.stored import make_database, make_database_with_log, rows
from tests.people import Person, visiting
from tests.processes import server_process

SENDERS = 3


@pytest.fixture
async def backup(tmp_path: Path) -> Path:
    """A backup of 300 messages."""
    await make_database(tmp_path / "original", messages=300)
    with open_directory(tmp_path / "original", "backup") as source:
        await asyncio.to_thread(back_up, source, tmp_path / "copy.db", lambda _done, _total: None)
    return tmp_path / "copy.db"


def put_back(backup: Path, data_dir: Path) -> None:
    """What the command does, without a process of its own."""
    restoring.restore(backup, data_dir, lambda _done, _total: None, force=True)


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name != "chat.lock"}


async def test_a_backup_taken_under_load_holds_all_that_was_acknowledged_before_it_began(tmp_path: Path) -> None:
    acknowledged: dict[str, int] = {}
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(server_process(tmp_path / "first"))
        ada = await stack.enter_async_context(visiting(first, "ada"))
        await ada.sign_up()
        await ada.joins()
        talks = [asyncio.create_task(talk(ada, number, acknowledged)) for number in range(SENDERS)]
        while len(acknowledged) < 300:
            await asyncio.sleep(0)
        before = dict(acknowledged)
        taken = (await run("backup", tmp_path / "copy.db", "--data-dir", tmp_path / "first", "--json")).json
        during = len(acknowledged) - len(before)
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        assert during > 0, "there was no load"

        data_dir = tmp_path / "second"
        restored = (await run("restore", tmp_path / "copy.db", "--data-dir", data_dir, "--json")).json
        assert restored["messages"] == taken["messages"] >= len(before)
        assert restored["kept"] is None
        assert (await run("check", "--data-dir", data_dir)).code == 0

        ada.server = await stack.enter_async_context(server_process(data_dir))
        assert (await ada.get("/whoami")).status == 200  # the sign-in came along
        stored = {message["client_id"]: message["id"] for message in await ada.listed()}
        assert before.items() <= stored.items()
        newest = max(stored.values())
        resume = sorted(stored.values())[len(stored) // 2]
        async with ada.connected(f"/ws/chat/lobby?after={resume}") as socket:
            missed = [frame["id"] for frame in await socket.until_live()]
            assert missed == [message_id for message_id in sorted(stored.values()) if message_id > resume]
            said = await ada.says("after the restore")
            assert said["id"] > newest
            assert (await socket.next("chat"))["cursor"] == said["cursor"] > newest


async def talk(person: Person, number: int, acknowledged: dict[str, int]) -> None:
    """Send without pause, noting what came back."""
    async with person.live() as socket:
        count = 0
        while True:
            for _ in range(8):
                count += 1
                await socket.send(message=f"{number}-{count}", client_id=f"{number}-{count}")
            seen = 0
            while seen < 8:
                frame = await socket.next("chat")
                if frame["client_id"].startswith(f"{number}-"):
                    acknowledged[frame["client_id"]] = frame["id"]
                    seen += 1


async def test_a_running_server_must_be_stopped_first(backup: Path, data_dir: Path) -> None:
    async with server_process(data_dir):
        assert await refused("restore", backup, "--force", "--data-dir", data_dir) == (
            f"A server is using {data_dir}. Stop it first."
        )


async def test_a_database_that_is_there_is_kept_with_its_log_and_only_by_force(backup: Path, data_dir: Path) -> None:
    await make_database_with_log(data_dir)
    before = contents(data_dir)
    assert before["chat.db-wal"]
    assert "--force" in await refused("restore", backup, "--data-dir", data_dir)
    assert contents(data_dir) == before
    outcome = (await run("restore", backup, "--force", "--data-dir", data_dir, "--json")).json
    kept = Path(outcome["kept"])
    assert kept.name.startswith("chat.db.before-restore-2")
    assert rows(kept, "SELECT text FROM message") == [("only in the log",)]
    assert rows(data_dir / "chat.db", "SELECT count(*) FROM message") == [(300,)]
    assert not (data_dir / "chat.db-wal").exists()
    assert (data_dir / "chat.db").stat().st_mode & 0o777 == 0o600


def _cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def _scribble(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xee" * 9000)


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {current_version() + 1}")


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA application_id = 7")


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda path: path.write_bytes(b""), "is not a SQLite database"),
        (lambda path: path.write_text("a letter"), "is not a SQLite database"),
        (lambda path: path.unlink(), "cannot be read"),
        (_cut, "cannot be restored"),
        (_scribble, "cannot be restored"),
        (_newer, "newer version of this program"),
        (_foreign, "database of another program"),
        (lambda path: path.with_name("copy.db-wal").write_bytes(b"frames"), "is in copy.db-wal beside it"),
    ],
    ids=["empty", "text", "missing", "cut", "scribbled", "newer", "foreign", "with a log"],
)
async def test_what_is_no_whole_backup_is_refused_and_nothing_is_touched(
    backup: Path, data_dir: Path, damage: object, part: str
) -> None:
    await make_database(data_dir)
    before = contents(data_dir)
    assert callable(damage)
    damage(backup)
    with pytest.raises(CommandRefused) as refusal:
        put_back(backup, data_dir)
    assert part in refusal.value.sentence
    assert contents(data_dir) == before
    with pytest.raises(CommandRefused):
        put_back(backup, data_dir.with_name("new"))
    assert not data_dir.with_name("new").exists()


@pytest.mark.parametrize("name", ["missing.db", "letter.db"])
async def test_a_mistyped_name_makes_no_folder(tmp_path: Path, data_dir: Path, name: str) -> None:
    (tmp_path / "letter.db").write_text("Dear Ada")
    await refused("restore", tmp_path / name, "--data-dir", data_dir)
    assert not data_dir.exists()


async def test_an_older_backup_is_brought_up_to_date_by_the_next_start(tmp_path: Path, data_dir: Path) -> None:
    schema = (Path(__file__).parent.parent / "store" / "schema_1.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "old.db")) as database:
        database.executescript(f"PRAGMA application_id = {0x43484154}; PRAGMA user_version = 1; {schema}")
    assert (await run("restore", tmp_path / "old.db", "--data-dir", data_dir)).code == 0
    async with server_process(data_dir) as server:
        server.send_signal(signal.SIGTERM)
        assert await server.exit_code() == 0
    assert rows(data_dir / "chat.db", "PRAGMA user_version") == [(current_version(),)]


async def test_a_full_disk_changes_nothing(backup: Path, data_dir: Path) -> None:
    await make_database(data_dir)
    before = contents(data_dir)
    size = backup.stat().st_size
    outcome = await run("restore", backup, "--force", "--data-dir", data_dir, before=small_disk(size // 2))
    assert outcome.code == 1
    assert outcome.errors.startswith("The command failed: ")
    assert contents(data_dir) == before


class Killed(BaseException):
    """Stands for kill -9: nothing of ours runs after it."""


@pytest.mark.parametrize("deadly", range(1, 10))
async def test_a_kill_at_any_step_leaves_the_old_data_whole(
    deadly: int, backup: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_database_with_log(data_dir)
    steps = 0

    def step(function: object) -> object:
        def stepping(*arguments: object, **options: object) -> object:
            nonlocal steps
            steps += 1
            if steps >= deadly:
                raise Killed
            assert callable(function)
            return function(*arguments, **options)

        return stepping

    for owner, name in ((Path, "hardlink_to"), (Path, "unlink"), (Path, "rename")):
        monkeypatch.setattr(owner, name, step(getattr(owner, name)))
    died = False
    try:
        put_back(backup, data_dir)
    except Killed:
        died = True
    monkeypatch.undo()
    assert died, "there are fewer steps than this"
    kept = sorted(data_dir.glob("chat.db.before-restore-*[0-9]"))
    places = [*kept, data_dir / "chat.db"]
    assert any(old_data_is_at(place) for place in places)
    if not old_data_is_at(data_dir / "chat.db"):
        with pytest.raises(StartRefused, match="python -m chat restore"):
            async with open_database(Settings(data_dir=data_dir), lambda: None):
                raise AssertionError("a server started on something else than the old data")
    put_back(backup, data_dir)
    assert rows(data_dir / "chat.db", "SELECT count(*) FROM message") == [(300,)]
    kept = sorted(data_dir.glob("chat.db.before-restore-*[0-9]"))
    assert any(old_data_is_at(place) for place in kept)


def old_data_is_at(place: Path) -> bool:
    if not place.exists() or not place.stat().st_size:
        return False
    return rows(place, "SELECT text FROM message") == [("only in the log",)]
