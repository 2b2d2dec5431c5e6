from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from chat.store import database
from chat.web.keys import STOPPING
from tests.people import Person
from tests.raw_http import written
from tests.servers import RunningServer


async def test_the_server_is_well_while_its_store_answers(server: RunningServer, stranger: Person) -> None:
    answer = await stranger.get("/healthz")
    assert (answer.status, answer.body) == (200, {"status": "ok"})
    other = sqlite3.connect(server.database_path, isolation_level=None)
    other.execute("ALTER TABLE room RENAME TO elsewhere")
    answer = await stranger.get("/healthz")
    assert (answer.status, answer.body["code"]) == (503, "storage_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert "elsewhere" not in answer.body["error"]
    assert (await stranger.get("/")).status == 200, "the page needs no store"
    other.execute("ALTER TABLE elsewhere RENAME TO room")
    other.close()
    assert (await stranger.get("/healthz")).status == 200


def changes_seen(connection: sqlite3.Connection) -> int:
    """A number that changes whenever another connection has written."""
    ((version,),) = connection.execute("PRAGMA data_version")
    return int(version)


async def test_a_server_that_takes_messages_is_ready_and_asking_it_writes_nothing(
    server: RunningServer, ada: Person, stranger: Person
) -> None:
    with closing(sqlite3.connect(server.database_path)) as other:
        before = changes_seen(other)
        for _ in range(5):
            answer = await stranger.get("/readyz")
            assert (answer.status, answer.body) == (200, {"status": "ready"})
        assert changes_seen(other) == before
        await ada.says("hi")
        assert changes_seen(other) != before


@pytest.mark.settings(busy_timeout_seconds=0.1)
async def test_a_server_whose_store_takes_no_writes_is_not_ready_until_it_does_again(
    server: RunningServer, ada: Person, stranger: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_WRITE_PROBE_SECONDS", 0)
    with closing(sqlite3.connect(server.database_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert (await stranger.get("/readyz")).status == 200, "nothing has failed yet"
        assert (await ada.post("/send_message", message="hi")).status == 503
        answer = await stranger.get("/readyz")
        assert (answer.status, answer.body["code"]) == (503, "storage_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert (await stranger.get("/healthz")).status == 200, "reading goes on"
        other.execute("ROLLBACK")
        assert (await stranger.get("/readyz")).status == 200, "found out without anyone's message"
        assert (await ada.says("again"))["id"]
        assert other.execute("SELECT count(*) FROM secret WHERE purpose = 'probe'").fetchone() == (0,)


async def test_a_server_that_stops_is_not_ready(server: RunningServer, stranger: Person) -> None:
    server.app[STOPPING].set()
    answer = await stranger.get("/readyz")
    assert (answer.status, answer.body["code"]) == (503, "stopping")
    assert (await stranger.get("/healthz")).status == 200, "it still answers"


async def test_who_asks_while_the_server_commits_its_last_messages_is_told_that_it_stops(
    server: RunningServer, ada: Person
) -> None:
    stopping = server.app[STOPPING]
    reader, writer = await asyncio.open_connection(*server.address)
    with closing(sqlite3.connect(server.database_path, isolation_level=None)) as other, closing(writer):
        writer.write(written("GET", "/readyz"))
        assert (await reader.readuntil(b'{"status":"ready"}')).startswith(b"HTTP/1.1 200 ")
        other.execute("BEGIN IMMEDIATE")
        async with ada.live() as socket:
            await socket.send(message="accepted")
            await socket.settled()
            ending = asyncio.create_task(server.stop())
            await stopping.wait()
            writer.write(written("GET", "/readyz"))
            assert (await reader.readuntil(b'"code":"stopping"}')).startswith(b"HTTP/1.1 503 ")
            other.execute("ROLLBACK")
            assert (await socket.next("chat"))["message"] == "accepted"
        await ending
