"""How pages are read."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from chat.store import messages
from chat.store.migrations import SCHEMA_PATH


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("message.room_id = 1 AND message.id < 9 ORDER BY message.id DESC LIMIT 50", "message_room"),
        ("message.room_id = 1 AND message.id > 1 AND message.id < 9 ORDER BY message.id LIMIT 50", "message_room"),
        (
            "message.room_id = 1 AND message.cursor > 1 AND message.cursor <= 9 ORDER BY message.cursor LIMIT 50",
            "message_room_cursor",
        ),
    ],
)
def test_a_page_is_one_range_of_one_index_and_nothing_is_sorted(tmp_path: Path, condition: str, index: str) -> None:
    database = sqlite3.connect(tmp_path / "plan.db")
    database.executescript(SCHEMA_PATH.read_text())
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {messages._SELECT} WHERE {condition}")]
    database.close()
    assert any(f"SEARCH message USING INDEX {index} (" in step for step in plan), plan
    assert not any("SCAN" in step or "B-TREE" in step for step in plan), plan
