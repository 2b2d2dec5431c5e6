"""Older files become current ones."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from chat.errors import StartRefused
from chat.store.database import connect_writer
from chat.store.migrations import APPLICATION_ID, MIGRATIONS, SCHEMA_PATH, create_schema, current_version, migrate

# Each is the schema of its version, frozen; schema_1.sql is that of the first release.
FROZEN = sorted(Path(__file__).parent.glob("schema_*.sql"))


def shape(path: Path) -> dict[str, str]:
    """Everything in the schema, without the spelling of white space and comments."""
    database = sqlite3.connect(path)
    rows = database.execute("SELECT type || ' ' || name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    columns = {
        f"columns of {table}": str(database.execute(f"PRAGMA table_xinfo({table})").fetchall())
        for (table,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    }
    database.close()
    code = {name: " ".join(line.split("--")[0].strip() for line in sql.splitlines()) for name, sql in rows}
    return columns | {name: re.sub(r"\s*([,()])\s*", r"\1", " ".join(sql.split())) for name, sql in code.items()}


def make(path: Path, schema: str, version: int) -> None:
    database = sqlite3.connect(path)
    database.executescript(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version}; {schema}")
    database.close()


async def migrated(path: Path, *migrations: list[str]) -> None:
    connection = await connect_writer(path, synchronous="full", busy_timeout_seconds=1)
    try:
        await migrate(connection, path, migrations or MIGRATIONS)
    finally:
        await connection.close()


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: path.stem)
async def test_every_older_schema_becomes_the_current_one(tmp_path: Path, frozen: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    make(old, frozen.read_text(), int(frozen.stem.removeprefix("schema_")))
    make(new, SCHEMA_PATH.read_text(), current_version())
    await migrated(old)
    assert shape(old) == shape(new)


async def test_the_schema_of_each_version_is_frozen() -> None:
    assert [path.stem for path in FROZEN] == [f"schema_{number + 1}" for number in range(current_version())]


async def test_after_the_upgrade_to_read_marks_nobody_has_anything_unread(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    make(path, FROZEN[0].read_text(), 1)
    database = sqlite3.connect(path)
    database.execute("INSERT INTO user VALUES (1, 'ada', 'ada', 'ada', '', 0)")
    for room_id in (1, 2):
        database.execute("INSERT INTO room VALUES (?1, ?1, ?1, ?1, NULL, 0)", (room_id,))
        database.execute("INSERT INTO member VALUES (1, ?, 0)", (room_id,))
    for message_id in (5, 6):
        database.execute("INSERT INTO message VALUES (?1, ?1, 1, 1, NULL, 'hi', 0)", (message_id,))
    database.commit()
    database.close()
    await migrated(path)
    database = sqlite3.connect(path)
    assert database.execute("SELECT room_id, read_cursor FROM member ORDER BY room_id").fetchall() == [(1, 6), (2, 0)]
    database.close()


async def test_after_the_upgrade_to_admins_the_first_account_is_one(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    make(path, FROZEN[1].read_text(), 2)
    database = sqlite3.connect(path)
    for user_id in (4, 3):
        database.execute("INSERT INTO user VALUES (?1, ?1, ?1, ?1, '', 0)", (user_id,))
    database.commit()
    database.close()
    await migrated(path)
    database = sqlite3.connect(path)
    assert database.execute("SELECT id, is_admin FROM user ORDER BY id").fetchall() == [(3, 1), (4, 0)]
    database.close()


@pytest.mark.parametrize("change", ["UPDATE audit SET action = 'b'", "DELETE FROM audit"])
async def test_the_audit_log_takes_no_change_back(tmp_path: Path, change: str) -> None:
    path = tmp_path / "new.db"
    make(path, SCHEMA_PATH.read_text(), current_version())
    database = sqlite3.connect(path)
    database.execute("INSERT INTO audit (created_at, action, subject) VALUES (0, 'a', '')")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        database.execute(change)
    database.close()


async def test_a_new_file_has_the_schema_of_the_file_and_the_current_version(tmp_path: Path) -> None:
    made, expected = tmp_path / "made.db", tmp_path / "expected.db"
    made.touch()
    make(expected, SCHEMA_PATH.read_text(), current_version())
    connection = await connect_writer(made, synchronous="full", busy_timeout_seconds=1)
    await create_schema(connection, current_version())
    assert list(await connection.execute_fetchall("PRAGMA user_version")) == [(current_version(),)]
    await connection.close()
    assert shape(made) == shape(expected)


async def test_steps_run_in_order_and_once(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    make(path, "CREATE TABLE a (x);", 1)
    steps = ["ALTER TABLE a ADD COLUMN y"], ["INSERT INTO a VALUES (1, 2)"]
    await migrated(path, *steps)
    await migrated(path, *steps)
    database = sqlite3.connect(path)
    assert database.execute("SELECT * FROM a").fetchall() == [(1, 2)]
    assert database.execute("PRAGMA user_version").fetchall() == [(3,)]
    database.close()


async def test_a_step_that_fails_changes_nothing_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    make(path, "CREATE TABLE a (x);", 1)
    with pytest.raises(StartRefused, match="could not be upgraded to schema 2"):
        await migrated(path, ["INSERT INTO a VALUES (1)", "SELECT * FROM nowhere"])
    database = sqlite3.connect(path)
    assert database.execute("SELECT * FROM a").fetchall() == []
    assert database.execute("PRAGMA user_version").fetchall() == [(1,)]
    database.close()
