"""The oracle finds what it is there to find."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.faults.oracle import Key, Log, Place, Reading, Record, Sent, find_damage, read_stored, verify
from tests.servers import RunningServer

ROOM = "lobby"
STORED = [Record(Place(n, n), ROOM, Key(1, f"c{n}"), f"text {n}") for n in range(1, 6)]


@pytest.fixture
def log() -> Log:
    """The log of a run in which everything held: one reader, who saw all."""
    return Log(
        sent={record.key: Sent(record.room, record.text) for record in STORED},
        acknowledged={record.key: record.place for record in STORED},
        readings=[Reading("ada", ROOM, after=0, up_to=5, shown=list(STORED))],
    )


def test_a_run_in_which_all_held_is_let_pass(log: Log) -> None:
    verdict = verify(log, STORED)
    assert (verdict.acknowledged, verdict.lost, verdict.doubled, verdict.complaints) == (5, 0, 0, ())


def test_what_was_sent_and_never_acknowledged_may_be_stored_or_not(log: Log) -> None:
    del log.acknowledged[STORED[4].key]
    assert verify(log, STORED).complaints == ()
    log.readings[0].shown.pop()
    log.readings[0].up_to = 4
    assert verify(log, STORED[:4]).complaints == ()


def test_an_acknowledged_message_that_is_not_stored_is_lost(log: Log) -> None:
    log.readings.clear()
    verdict = verify(log, STORED[:2] + STORED[3:])
    assert verdict.lost == 1
    assert verdict.complaints == ("acknowledged and not stored: c3",)


def test_a_message_stored_twice_is_doubled(log: Log) -> None:
    again = STORED[2]._replace(place=Place(6, 6))
    log.readings.clear()
    verdict = verify(log, [*STORED, again])
    assert verdict.doubled == 1
    assert any(complaint.startswith("stored twice") for complaint in verdict.complaints)


@pytest.mark.parametrize("place", [Place(5, 6), Place(6, 5)])
def test_two_messages_with_one_id_or_one_cursor_are_found(log: Log, place: Place) -> None:
    other = Record(place, ROOM, Key(2, "other"), "of someone else")
    log.sent[other.key] = Sent(ROOM, other.text)
    log.readings.clear()
    assert verify(log, [*STORED, other]).complaints == ("stored twice: 5",)


@pytest.mark.parametrize("change", [{"text": "something else"}, {"room": "tea"}, {"key": Key(2, "c3")}])
def test_a_message_with_another_text_room_or_sender_is_found(log: Log, change: dict[str, Any]) -> None:
    log.readings.clear()
    verdict = verify(log, [*STORED[:2], STORED[2]._replace(**change), *STORED[3:]])
    assert any(complaint.startswith("stored otherwise") for complaint in verdict.complaints)


def test_a_message_at_another_place_than_was_told_is_found(log: Log) -> None:
    log.readings.clear()
    moved = STORED[4]._replace(place=Place(9, 9))
    assert verify(log, [*STORED[:4], moved]).complaints == ("stored at another place than was acknowledged: c5",)


def test_a_reader_who_missed_one_is_found(log: Log) -> None:
    del log.readings[0].shown[2]
    verdict = verify(log, STORED)
    assert verdict.lost == 1
    assert verdict.complaints == ("ada in lobby: not shown: c3",)


def test_a_reader_who_was_told_of_the_head_and_did_not_get_there_is_found(log: Log) -> None:
    log.readings[0].shown.pop()
    assert verify(log, STORED).complaints == ("ada in lobby: not shown: c5",)


def test_a_reader_who_saw_one_twice_is_found(log: Log) -> None:
    log.readings[0].shown.insert(3, STORED[2])
    verdict = verify(log, STORED)
    assert verdict.doubled == 1
    assert verdict.complaints == ("ada in lobby: shown twice: c3",)


def test_a_reader_who_saw_another_order_is_found(log: Log) -> None:
    shown = log.readings[0].shown
    shown[1], shown[2] = shown[2], shown[1]
    assert verify(log, STORED).complaints == ("ada in lobby: shown out of order",)


def test_a_reader_who_was_shown_what_is_not_stored_is_found(log: Log) -> None:
    log.acknowledged.clear()
    log.readings[0].up_to = 4
    verdict = verify(log, STORED[:4])
    assert verdict.complaints == ("ada in lobby: shown and not stored so: c5",)


def test_an_acknowledgement_that_contradicts_an_earlier_one_is_found(log: Log) -> None:
    log.acknowledge(STORED[0].key, STORED[0].place)
    assert verify(log, STORED).complaints == ()
    log.acknowledge(STORED[0].key, Place(7, 7))
    assert "was acknowledged as" in verify(log, STORED).complaints[0]


async def test_a_whole_file_has_no_damage_and_a_broken_one_has(server: RunningServer) -> None:
    await server.stop()
    path = server.database_path
    assert find_damage(path) == []
    assert read_stored(path) == []
    with closing(sqlite3.connect(path)) as connection:
        for number in range(2):
            connection.execute(
                "INSERT INTO message (cursor, room_id, user_id, text, created_at) VALUES (?, 9, 9, '', 0)", (number,)
            )
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, 'CREATE INDEX', 'CREATE UNIQUE INDEX') "
            "WHERE name = 'message_room'"
        )
        connection.commit()
    findings = find_damage(path)
    assert any(finding.startswith("integrity_check") for finding in findings)
    assert any(finding.startswith("foreign_key_check") for finding in findings)
    assert verify(Log(), [], findings).complaints == tuple(findings)


async def test_a_file_that_is_no_database_is_damage(tmp_path: Path) -> None:
    tmp_path.joinpath("chat.db").write_bytes(b"x" * 4096)
    assert find_damage(tmp_path / "chat.db") == ["the file cannot be read: file is not a database"]
