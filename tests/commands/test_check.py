"""`check`: says that all is well, or what is not."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chat.store.examination import find_open_doors
from tests.commands.running import refused, run
from tests.commands.stored import make_database
from tests.processes import server_process


async def test_a_sound_database_is_called_sound_and_left_without_a_trace(data_dir: Path) -> None:
    await make_database(data_dir, messages=20)
    before = {path.name: path.read_bytes() for path in data_dir.iterdir() if path.name != "chat.lock"}
    outcome = (await run("check", "--data-dir", data_dir, "--json")).json
    assert outcome | {"seconds": 0} == {
        "ok": True, "findings": [], "schema": 3, "users": 2, "rooms": 2, "messages": 20, "seconds": 0,
    }  # fmt: skip
    assert {path.name: path.read_bytes() for path in data_dir.iterdir() if path.name != "chat.lock"} == before


async def test_it_works_beside_a_running_server(data_dir: Path) -> None:
    async with server_process(data_dir):
        outcome = await run("check", "--data-dir", data_dir)
    assert outcome.code == 0
    assert outcome.output.startswith("No damage found in ")
    assert outcome.output.endswith("It holds 0 users, 1 room and 0 messages.\n")


async def test_damage_is_found(data_dir: Path) -> None:
    await make_database(data_dir, messages=2000)
    with (data_dir / "chat.db").open("r+b") as file:
        file.seek(200_000)
        file.write(b"\xee" * 20_000)
    outcome = await run("check", "--data-dir", data_dir)
    assert outcome.code == 1
    assert "Put a backup in its place with python -m chat restore --force FILE --data-dir" in outcome.output


async def test_a_row_that_belongs_to_nobody_is_found(data_dir: Path) -> None:
    await make_database(data_dir, messages=3)
    with closing(sqlite3.connect(data_dir / "chat.db")) as database:
        database.execute("DELETE FROM user WHERE id = 2")
        database.commit()
    outcome = await run("check", "--data-dir", data_dir)
    assert outcome.code == 1
    assert "Row 1 of message belongs to no user." in outcome.output


async def test_a_file_that_is_no_database_is_a_finding(data_dir: Path) -> None:
    await make_database(data_dir)
    (data_dir / "chat.db").write_bytes(b"")
    outcome = await run("check", "--data-dir", data_dir)
    assert outcome.code == 1
    assert "is empty (0 bytes)" in outcome.output


async def test_a_newer_database_is_a_finding(data_dir: Path) -> None:
    await make_database(data_dir)
    with closing(sqlite3.connect(data_dir / "chat.db")) as database:
        database.execute("PRAGMA user_version = 99")
    outcome = await run("check", "--data-dir", data_dir)
    assert outcome.code == 1
    assert "newer version of this program" in outcome.output
    assert "upgrade the program" in outcome.output


async def test_a_folder_open_to_others_is_a_finding(data_dir: Path) -> None:
    await make_database(data_dir)
    data_dir.chmod(0o755)
    outcome = await run("check", "--data-dir", data_dir)
    assert outcome.code == 1
    assert f"{data_dir} has the mode 0755, others can use it. Close it with: chmod 700 {data_dir}\n" in outcome.output
    assert "chat.db" not in outcome.output
    (data_dir / "chat.db").chmod(0o644)
    assert "chat.db has the mode 0644" in (await run("check", "--data-dir", data_dir)).output


def test_a_file_that_goes_while_it_looks_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that stops takes its log with it."""
    tmp_path.chmod(0o755)
    for name in ("chat.db", "chat.db-wal"):
        (tmp_path / name).touch(mode=0o644)
    look = Path.lstat

    def stop_server(path: Path) -> os.stat_result:
        (tmp_path / "chat.db-wal").unlink(missing_ok=True)
        return look(path)

    monkeypatch.setattr(Path, "lstat", stop_server)
    found = find_open_doors(tmp_path)
    assert ["chat.db has" in door for door in found] == [False, True]


async def test_no_database_is_a_refusal(data_dir: Path) -> None:
    assert "There is no database" in await refused("check", "--data-dir", data_dir)
