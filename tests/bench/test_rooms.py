"""The benchmark's runs on a real server: what is counted was done, and what was not done is not counted."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.cast import Cast, room_name, sign_up_cast
from bench.load.crowd import Crowd
from bench.load.room_stream import WorkNotDone
from bench.processes import chat_server, peer_server
from bench.rooms import ChatRooms, PeerRooms

SOCKETS, SENDERS, IN_FLIGHT = 6, 2, 5
# A plain room that sends the seventh message twice, or not at all.
BROKEN_PEER = """
import sys
from bench.peers import aiohttp_room as room
say, told = room._say, 0
async def broken_say(app, name, message):
    global told
    told += 1
    for _ in range({times} if told == 7 else 1):
        await say(app, name, message)
room._say = broken_say
room.main()
"""


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Cast:
    return sign_up_cast(tmp_path_factory.mktemp("bench") / "cast", people=3, rooms=2)


@pytest.fixture
def chat(cast: Cast, tmp_path: Path) -> Iterator[ChatRooms]:
    data_dir = cast.copy(tmp_path / "data")
    with chat_server(data_dir) as server:
        yield ChatRooms("chat", server, cast, data_dir)


def begun(crowd: Crowd) -> Crowd:
    crowd.begin()
    return crowd


def test_a_run_counts_what_everybody_got_and_what_it_cost(chat: ChatRooms) -> None:
    crowd = begun(chat.crowd(SOCKETS, SENDERS, rooms=2))
    run = crowd.saturate(0.2, IN_FLIGHT)
    assert run.messages >= 2 * SENDERS * IN_FLIGHT
    assert run.deliveries == run.messages * SOCKETS
    assert run.server_cpu_seconds > 0
    assert run.seconds >= 0.2
    assert sum(chat.sent().values()) == run.messages + 2 * SENDERS
    chat.check_stored()
    crowd.close()


def test_at_a_fixed_rate_every_arrival_is_timed(chat: ChatRooms) -> None:
    crowd = begun(chat.crowd(SOCKETS, SENDERS))
    run = crowd.pace(0.5, 40)
    assert run.messages == 20
    assert len(run.latencies) == run.deliveries == 20 * SOCKETS
    assert 0 < run.latency(0.5) <= run.latency(0.99) <= run.latency(1)
    crowd.close()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM message WHERE id = (SELECT max(id) FROM message)",
        "DELETE FROM message WHERE id = 3",
        "INSERT INTO message (cursor, room_id, user_id, text, created_at) "
        "SELECT 999999, room_id, user_id, text, created_at FROM message WHERE id = 1",
    ],
)
def test_a_message_that_is_not_stored_once_is_noticed(chat: ChatRooms, change: str) -> None:
    crowd = begun(chat.crowd(SOCKETS, SENDERS))
    crowd.saturate(0.1, IN_FLIGHT)
    crowd.close()
    chat.check_stored()
    database = sqlite3.connect(chat.data_dir / "chat.db", isolation_level=None)
    database.execute(change)
    database.close()
    with pytest.raises(WorkNotDone):
        chat.check_stored()


@pytest.mark.parametrize("times", [0, 2])
def test_a_server_that_loses_or_doubles_a_message_gets_no_figure(tmp_path: Path, times: int) -> None:
    with peer_server((sys.executable, "-c", BROKEN_PEER.format(times=times)), None, tmp_path / "log") as server:
        crowd = begun(PeerRooms("broken", server).crowd(SOCKETS, SENDERS))
        with pytest.raises(WorkNotDone):
            crowd.saturate(0.2, IN_FLIGHT)
        crowd.close()


def test_a_handshake_that_is_refused_is_said(chat: ChatRooms) -> None:
    with pytest.raises(WorkNotDone, match="404"):
        chat.open(1, "no-such-room")
    opened = chat.open(3, room_name(1))
    assert len(opened.connections) == 3
    assert opened.seconds > 0
    for connection, _ in opened.connections:
        connection.close()
