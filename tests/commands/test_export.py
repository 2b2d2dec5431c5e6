"""`export`: what is in the files, and who may read them."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.commands.running import refused, run, small_disk
from tests.commands.stored import PASSWORD_HASH, TEXT, make_database
from tests.people import visiting
from tests.processes import server_process


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the export goes."""
    return tmp_path / "exported"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def test_every_user_room_membership_and_message_is_a_line(data_dir: Path, folder: Path) -> None:
    await make_database(data_dir, messages=3)
    counts = (await run("export", folder, "--data-dir", data_dir, "--json")).json
    assert counts == {"folder": str(folder), "users": 2, "rooms": 2, "members": 3, "messages": 3}
    assert lines(folder / "export.json") == [
        {"format": 1, "cursor": 3, "users": 2, "rooms": 2, "members": 3, "messages": 3}
    ]
    ada, _ = lines(folder / "users.ndjson")
    assert ada == {
        "id": 1, "username": "ada", "created": "1970-01-01T00:00:01.000Z", "admin": True,
        "deactivated": None, "deleted": None,
    }  # fmt: skip
    assert lines(folder / "rooms.ndjson")[1] == {
        "id": 2, "room": "tea", "created_by": 2, "created": "1970-01-01T00:00:00.009Z",
    }  # fmt: skip
    assert lines(folder / "members.ndjson")[0] == {
        "user_id": 1, "room_id": 1, "joined": "1970-01-01T00:00:00.007Z", "read_cursor": 3,
    }  # fmt: skip
    assert lines(folder / "rooms" / "1.ndjson") == [
        {
            "id": 2, "cursor": 2, "user_id": 1, "username": "ada", "message": f"{TEXT}2",
            "timestamp": "1970-01-01T00:00:00.002Z", "client_id": "c2", "deleted": None,
        }
    ]  # fmt: skip
    assert [line["client_id"] for line in lines(folder / "rooms" / "2.ndjson")] == ["c1", None]


async def test_the_files_are_for_their_owner_alone(data_dir: Path, folder: Path) -> None:
    await make_database(data_dir)
    folder.mkdir(mode=0o755)
    assert (await run("export", folder, "--data-dir", data_dir)).code == 0
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


async def test_password_hashes_are_in_it_only_when_that_is_said(data_dir: Path, folder: Path) -> None:
    await make_database(data_dir)
    await run("export", folder, "--data-dir", data_dir)
    assert "argon2id" not in (folder / "users.ndjson").read_text()
    with_hashes = folder.with_name("with-hashes")
    await run("export", with_hashes, "--data-dir", data_dir, "--with-password-hashes")
    assert [line["password_hash"] for line in lines(with_hashes / "users.ndjson")] == [PASSWORD_HASH] * 2


async def test_beside_a_running_server_it_has_what_was_only_in_the_log(data_dir: Path, folder: Path) -> None:
    async with server_process(data_dir, "--checkpoint-idle-seconds", "60") as server, visiting(server, "ada") as ada:
        await ada.sign_up()
        await ada.joins()
        await ada.says("é\n☕ \u2028")
        assert (await run("export", folder, "--data-dir", data_dir)).code == 0
    text = (folder / "rooms" / "1.ndjson").read_text(encoding="utf-8")
    assert text.count("\n") == 1
    assert json.loads(text)["message"] == "é\n☕ \u2028"


async def test_an_empty_server_gives_an_export_of_its_lobby(data_dir: Path, folder: Path) -> None:
    async with server_process(data_dir):
        pass
    assert (await run("export", folder, "--data-dir", data_dir)).code == 0
    assert [line["room"] for line in lines(folder / "rooms.ndjson")] == ["lobby"]
    assert (folder / "users.ndjson").read_text() == (folder / "rooms" / "1.ndjson").read_text() == ""


async def test_what_was_deleted_leaves_no_text_behind(data_dir: Path, folder: Path) -> None:
    await make_database(data_dir, messages=4)
    with closing(sqlite3.connect(data_dir / "chat.db")) as database:
        database.execute("UPDATE room SET deleted_at = 5, name_key = '/', look_key = '/' WHERE id = 2")
        database.execute("UPDATE message SET text = '', deleted_at = 8, cursor = 9 WHERE id = 2")
        database.execute("UPDATE user SET deleted_at = 7, messages_go = 1, name = 'deleted user' WHERE id = 1")
        database.commit()
    counts = (await run("export", folder, "--data-dir", data_dir, "--json")).json
    assert (counts["rooms"], counts["messages"]) == (1, 2)
    assert lines(folder / "export.json")[0]["cursor"] == 9
    assert [(line["message"], line["deleted"]) for line in lines(folder / "rooms" / "1.ndjson")] == [
        ("", "1970-01-01T00:00:00.008Z"),
        ("", "1970-01-01T00:00:00.007Z"),
    ]
    assert not (folder / "rooms" / "2.ndjson").exists()


async def test_a_folder_that_holds_something_is_refused(data_dir: Path, folder: Path) -> None:
    assert "There is no database" in await refused("export", folder, "--data-dir", data_dir)
    await make_database(data_dir)
    folder.mkdir()
    (folder / "precious").touch()
    assert "not an empty folder" in await refused("export", folder, "--data-dir", data_dir)
    assert "not an empty folder" in await refused("export", folder / "precious", "--data-dir", data_dir)
    assert "There is no folder" in await refused("export", folder / "none" / "deeper", "--data-dir", data_dir)
    assert [path.name for path in folder.iterdir()] == ["precious"]


async def test_an_export_that_ran_out_of_disk_is_not_taken_for_whole(data_dir: Path, folder: Path) -> None:
    await make_database(data_dir, messages=2000)
    outcome = await run("export", folder, "--data-dir", data_dir, before=small_disk(50_000))
    assert outcome.code == 1
    assert outcome.errors.startswith("The command failed: ")
    assert "it has no export.json" in await refused("import", folder, "--data-dir", data_dir.with_name("other"))
