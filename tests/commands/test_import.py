"""`import`: the same ids, nothing twice, and nothing at all unless all of it is right."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chat.errors import CommandRefused
from chat.services import import_ as importing
from chat.services.export import write_export
from chat.settings import Settings
from chat.store import import_ as import_store
from chat.store.snapshots import open_directory, open_snapshot
from tests.commands.running import refused, run, small_disk
from tests.commands.stored import PASSWORD_HASH, make_database, rows
from tests.people import PASSWORD, visiting
from tests.processes import server_process

EVERYTHING = (
    "SELECT id, name, name_key, look_key, created_at, is_admin, deactivated_at, deleted_at FROM user ORDER BY id",
    "SELECT id, name, name_key, look_key, created_by, created_at FROM room ORDER BY id",
    "SELECT * FROM member ORDER BY user_id, room_id",
    "SELECT * FROM message ORDER BY id",
    "SELECT seq FROM sqlite_sequence WHERE name = 'message'",
)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The data directory that the export goes into."""
    return tmp_path / "target"


@pytest.fixture
async def folder(tmp_path: Path, data_dir: Path) -> Path:
    """An export of 300 messages."""
    await make_database(data_dir, messages=300)
    with open_directory(data_dir, "export") as source, open_snapshot(source) as snapshot:
        write_export(snapshot, tmp_path / "exported", lambda _lines: None, with_password_hashes=True)
    return tmp_path / "exported"


def everything(data_dir: Path) -> list[list[tuple[object, ...]]]:
    return [rows(data_dir / "chat.db", sql) for sql in EVERYTHING]


async def take_in(
    folder: Path, target: Path, on_store: Callable[[int, int], None] = lambda _done, _total: None
) -> None:
    """What the command does, without a process of its own: quicker, and faults can be put in."""
    await asyncio.to_thread(
        importing.import_export, folder, Settings(data_dir=target), lambda _done, _total: None, on_store
    )


async def refusal(folder: Path, target: Path) -> str:
    with pytest.raises(CommandRefused) as refused:
        await take_in(folder, target)
    return refused.value.sentence


class Interrupted(Exception):
    """Stands for Ctrl+C."""


async def test_what_comes_in_is_what_went_out_and_twice_changes_nothing(
    folder: Path, data_dir: Path, target: Path
) -> None:
    first = (await run("import", folder, "--data-dir", target, "--json")).json
    assert first["new"] == {"users": 2, "rooms": 2, "members": 3, "messages": 300}
    assert everything(target) == everything(data_dir)
    assert rows(target / "chat.db", "SELECT password_hash FROM user") == rows(
        data_dir / "chat.db", "SELECT password_hash FROM user"
    )
    again = (await run("import", folder, "--data-dir", target, "--json")).json
    assert again["found"] == first["found"]
    assert again["new"] == {"users": 0, "rooms": 0, "members": 0, "messages": 0}
    assert everything(target) == everything(data_dir)
    assert not list(target.glob("*.staging*"))
    assert (await run("check", "--data-dir", target)).code == 0


async def test_a_server_serves_it_with_rising_cursors_and_without_hashes_nobody_gets_in(
    tmp_path: Path, data_dir: Path, target: Path
) -> None:
    async with server_process(data_dir) as server, visiting(server, "ada") as ada:
        await ada.sign_up()
        await ada.joins()
        last = await ada.says("the last")
        await run("export", tmp_path / "exported", "--data-dir", data_dir)
    assert (await run("import", tmp_path / "exported", "--data-dir", target)).code == 0
    async with server_process(target) as server, visiting(server, "ada") as ada, visiting(server, "bob") as bob:
        for password in (PASSWORD, ""):
            refusal = await ada.post("/login", username="ada", password=password)
            assert (refusal.status, refusal.body["code"]) == (401, "wrong_credentials")
        await bob.sign_up()
        assert (await bob.post("/login", username="bob", password=bob.password)).status == 200
        await bob.joins()
        assert (await bob.says("after it"))["cursor"] > last["cursor"]
        assert [message["message"] for message in await bob.listed()] == ["the last", "after it"]


async def test_a_refusal_is_one_sentence(folder: Path, target: Path) -> None:
    change_line(folder, "rooms/1.ndjson", 3, message="")
    assert (await refused("import", folder, "--data-dir", target)).startswith("rooms/1.ndjson, line 3: ")


async def test_an_empty_export_comes_in(tmp_path: Path, data_dir: Path, target: Path) -> None:
    async with server_process(data_dir):
        pass
    await run("export", tmp_path / "exported", "--data-dir", data_dir)
    for _ in range(2):
        assert (await run("import", tmp_path / "exported", "--data-dir", target)).code == 0
        assert everything(target)[:4] == everything(data_dir)[:4]


async def test_the_server_must_be_stopped(folder: Path, target: Path) -> None:
    async with server_process(target):
        assert await refused("import", folder, "--data-dir", target) == f"A server is using {target}. Stop it first."


async def test_after_an_interruption_it_goes_on_where_it_was(
    folder: Path, data_dir: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_store, "_BATCH_ROWS", 100)

    def interrupt(done: int, _total: int) -> None:
        if done > 200:
            raise Interrupted

    with pytest.raises(Interrupted):
        await take_in(folder, target, interrupt)
    assert rows(target / "chat.db", "SELECT count(*) FROM message") == [(200,)]
    assert (await run("import", folder, "--data-dir", target, "--json")).json["new"]["messages"] == 100
    assert everything(target) == everything(data_dir)


def change_line(folder: Path, name: str, number: int, **fields: Any) -> None:
    path = folder / name
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[number - 1] = json.dumps(json.loads(lines[number - 1]) | fields)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        (("users.ndjson", 2, {"id": "two"}), "The field id must be a whole number"),
        (("users.ndjson", 2, {"id": 1}), "Another line has the same id"),
        (("users.ndjson", 2, {"username": "ADA"}), "Another user has this name"),
        (("users.ndjson", 2, {"username": "a\u202eb"}), "visible characters only"),
        (("users.ndjson", 1, {"admin": 1}), "admin is true or false"),
        (("users.ndjson", 1, {"password_hash": "secret"}), "no Argon2id hash"),
        (("users.ndjson", 1, {"password_hash": PASSWORD_HASH.replace("m=19456", "m=999999")}), "no Argon2id hash"),
        (("users.ndjson", 1, {"password_hash": PASSWORD_HASH.replace("t=2", "t=0")}), "no Argon2id hash"),
        (("users.ndjson", 2, {"deleted": "2026-11-22T10:00:00.000Z"}), "A deleted user is called deleted user."),
        (("users.ndjson", 1, {"created": "yesterday"}), "A time is not like"),
        (("users.ndjson", 1, {"created": "2026-11-22T10:00:00"}), "A time is not like"),
        (("users.ndjson", 1, {"created": "0001-01-01T00:00:00+14:00"}), "A time is not like"),
        (("rooms/1.ndjson", 3, {"timestamp": "9999-12-31T23:59:59-14:00"}), "A time is not like"),
        (("rooms.ndjson", 2, {"created_by": 9}), "a user or a room that the export does not have"),
        (("members.ndjson", 1, {"room_id": 9}), "a user or a room that the export does not have"),
        (("members.ndjson", 2, {"user_id": 1, "room_id": 1}), "Another line has the same user and room"),
        (("rooms/1.ndjson", 3, {"user_id": 9}), "a user or a room that the export does not have"),
        (("rooms/2.ndjson", 3, {"id": 1}), "Another line has the same id"),
        (("rooms/2.ndjson", 3, {"cursor": 1}), "Another line has the same cursor"),
        (("rooms/2.ndjson", 3, {"client_id": "c1"}), "Another line has the same client_id"),
        (("rooms/1.ndjson", 3, {"message": ""}), "A message has 1 to"),
        (("rooms/1.ndjson", 3, {"message": None}), "The field message is missing"),
        (("rooms/1.ndjson", 3, {"message": "nul\0"}), "message"),
        (("rooms/1.ndjson", 3, {"client_id": "x" * 65}), "A client_id has 1 to 64"),
    ],
)
async def test_a_wrong_line_is_named_and_nothing_changes(
    folder: Path, target: Path, wrong: tuple[str, int, dict[str, Any]], part: str
) -> None:
    name, number, fields = wrong
    change_line(folder, name, number, **fields)
    sentence = await refusal(folder, target)
    assert sentence.startswith(f"{name}, line {number}: "), sentence
    assert part in sentence
    assert sentence.endswith("Nothing was changed.")
    assert not (target / "chat.db").exists()


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda folder: (folder / "export.json").unlink(), "it has no export.json"),
        (
            lambda folder: (folder / "export.json").write_text("{}\n"),
            "export.json, line 1: The field format is missing",
        ),
        (lambda folder: change_line(folder, "export.json", 1, format=2), "newer version"),
        (
            lambda folder: change_line(folder, "export.json", 1, messages=301),
            "it has 300 messages, export.json says 301",
        ),
        (lambda folder: (folder / "users.ndjson").unlink(), "users.ndjson cannot be read"),
        (lambda folder: (folder / "rooms" / "2.ndjson").unlink(), "2.ndjson cannot be read"),
        (lambda folder: (folder / "users.ndjson").write_text("[]\n"), "users.ndjson, line 1: The line is not a JSON"),
        (
            lambda folder: (folder / "users.ndjson").write_text('{"id":1}'),
            "users.ndjson, line 1: The line is cut short",
        ),
        (
            lambda folder: (folder / "users.ndjson").write_bytes(b"\xff\n"),
            "users.ndjson, line 1: The line is not UTF-8",
        ),
    ],
)
async def test_an_export_that_is_not_whole_is_refused(
    folder: Path, target: Path, damage: Callable[[Path], object], part: str
) -> None:
    damage(folder)
    assert part in await refusal(folder, target)
    assert not (target / "chat.db").exists()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("UPDATE user SET name = 'lea' WHERE id = 2", "The user 2 (bob) is there already with other content."),
        (
            "UPDATE user SET id = 7 WHERE id = 2",
            "The name of user 2 (bob) is taken, or looks too much like that of user 7.",
        ),
        ("UPDATE room SET created_at = 1 WHERE id = 2", "The room 2 (tea) is there already with other content."),
        ("UPDATE message SET text = 'x' WHERE id = 7", "The message 7 is there already with other content."),
        ("UPDATE message SET id = 1001, cursor = 1001 WHERE id = 7", "of message 1001 here."),
        ("UPDATE message SET id = 1001, client_id = NULL WHERE id = 7", "of message 1001 here."),
    ],
)
async def test_what_is_there_with_other_content_is_named_and_nothing_changes(
    folder: Path, target: Path, change: str, part: str
) -> None:
    await take_in(folder, target)
    with closing(sqlite3.connect(target / "chat.db")) as database:
        database.execute(change)
        database.execute("DELETE FROM message WHERE id = 1")
        database.commit()
    before = everything(target)
    sentence = await refusal(folder, target)
    assert part in sentence
    assert everything(target) == before


async def test_what_people_did_since_stays(folder: Path, target: Path) -> None:
    await run("import", folder, "--data-dir", target)
    with closing(sqlite3.connect(target / "chat.db")) as database:
        database.execute("UPDATE member SET read_cursor = 250 WHERE user_id = 1")
        database.execute("UPDATE user SET password_hash = 'newer' WHERE id = 1")
        database.commit()
    assert (await run("import", folder, "--data-dir", target)).code == 0
    assert rows(target / "chat.db", "SELECT read_cursor FROM member WHERE user_id = 1") == [(250,)]
    assert rows(target / "chat.db", "SELECT password_hash FROM user WHERE id = 1") == [("newer",)]


async def test_deleted_messages_and_accounts_come_in_as_such(tmp_path: Path, data_dir: Path, target: Path) -> None:
    await make_database(data_dir, messages=4)
    with closing(sqlite3.connect(data_dir / "chat.db")) as database:
        database.execute("UPDATE message SET text = '', deleted_at = 8, cursor = 9 WHERE id = 2")
        database.execute(
            "UPDATE user SET deleted_at = 7, name = 'deleted user', name_key = '/deleted/1', look_key = '/deleted/1', "
            "password_hash = '' WHERE id = 1"
        )
        database.execute("UPDATE sqlite_sequence SET seq = 9 WHERE name = 'message'")
        database.commit()
    await run("export", tmp_path / "exported", "--data-dir", data_dir)
    assert (await run("import", tmp_path / "exported", "--data-dir", target)).code == 0
    assert everything(target) == everything(data_dir)


async def test_a_full_disk_leaves_what_is_there_whole(folder: Path, data_dir: Path, target: Path) -> None:
    outcome = await run("import", folder, "--data-dir", target, before=small_disk(60_000))
    assert outcome.code in (1, 2), outcome
    assert "Traceback" not in outcome.errors
    assert (await run("import", folder, "--data-dir", target)).code == 0
    assert everything(target) == everything(data_dir)
