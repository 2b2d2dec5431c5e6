"""What goes in the background: all of it, after a restart too, and nobody has to wait for it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from pathlib import Path

import pytest

from chat.services import purge
from chat.web.keys import DATABASE, PURGE
from tests.conftest import StartServer
from tests.people import Person, visiting
from tests.servers import RunningServer

STUCK = {"purge_batch_messages": 10, "purge_pause_seconds": 1000}


async def count(server: RunningServer, condition: str = "true") -> int:
    ((number,),) = await server.app[DATABASE].read(f"SELECT count(*) FROM message WHERE {condition}")
    return int(number)


async def until_none(server: RunningServer, condition: str = "true") -> None:
    while await count(server, condition):
        await asyncio.sleep(0.01)


async def delete_account(server: RunningServer, person: Person) -> None:
    """As if its owner had done so and wanted the messages gone."""
    await server.app[DATABASE].write("UPDATE user SET deleted_at = 1, messages_go = 1 WHERE id = ?", (person.user_id,))
    server.app[PURGE].wake()


def fill(path: Path, user_id: int, number: int) -> None:
    """Put messages into the lobby of a server that is stopped."""
    with sqlite3.connect(path) as database:
        database.execute(
            """
            WITH RECURSIVE counted (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM counted WHERE id < ?2)
            INSERT INTO message (id, cursor, room_id, user_id, client_id, text, created_at)
            SELECT id, id, 1, ?1, NULL, 'of the past', 0 FROM counted
            """,
            (user_id, number),
        )
    database.close()


async def test_the_messages_of_a_deleted_room_go_and_those_of_others_stay(
    server: RunningServer, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    await ada.post("/create_room", room="tea")
    for number in range(5):
        await ada.says(str(number))
        await ada.says(str(number), "tea")
    with caplog.at_level(logging.INFO, "chat.services.purge"):
        assert (await ada.post("/delete_room", room="lobby")).status == 200
        await until_none(server, "room_id = 1")
        while not caplog.messages:
            await asyncio.sleep(0.01)
    assert caplog.messages == ["purge: 5 messages of deleted room 1 removed"]
    assert len(await ada.listed("tea")) == 5


@pytest.mark.settings(**STUCK)
async def test_a_deleted_room_is_emptied_by_bounded_commits_and_a_restart_goes_on_with_it(
    server: RunningServer, ada: Person, start_server: StartServer
) -> None:
    for number in range(25):
        said = await ada.says(str(number))
    await ada.post("/delete_room", room="lobby")
    while await count(server) == 25:
        await asyncio.sleep(0.01)
    assert await count(server) == 15
    await server.stop()
    restarted = await start_server()
    await until_none(restarted)
    ada.server = restarted
    await ada.post("/create_room", room="tea")
    assert (await ada.says("after", "tea"))["id"] > said["id"], "the counter went back"


async def test_the_messages_of_a_deleted_account_become_deleted_ones_for_who_is_there_and_who_comes_back(
    server: RunningServer, ada: Person, bob: Person, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        await bob.says(f"bob {number}")
        last = await ada.says(f"ada {number}")
    async with ada.live() as socket:
        with caplog.at_level(logging.INFO, "chat.services.purge"):
            await delete_account(server, bob)
            live = [await socket.next("delete", "chat") for _ in range(3)]
            while not caplog.messages:
                await asyncio.sleep(0.01)
    assert await server.app[DATABASE].read("SELECT 1 FROM user WHERE messages_go") == []
    assert caplog.messages == [f"purge: 3 messages of deleted user {bob.user_id} deleted"]
    assert [frame["type"] for frame in live] == ["delete"] * 3
    async with ada.connected(f"/ws/chat/lobby?after={last['cursor']}") as socket:
        assert [await socket.next("delete", "chat", "live") for _ in range(3)] == live
        assert (await socket.next("delete", "chat", "live"))["type"] == "live"
    assert [(message["message"], message.get("deleted")) for message in await ada.listed()] == [
        ("", True), ("ada 0", None), ("", True), ("ada 1", None), ("", True), ("ada 2", None),
    ]  # fmt: skip
    assert await server.app[DATABASE].read("SELECT * FROM audit") == []
    answer = await bob.post("/send_message", room="lobby", message="still on its way")
    assert (answer.status, answer.body["code"]) == (503, "storage_unavailable")


@pytest.mark.settings(**STUCK)
async def test_the_messages_of_a_deleted_account_go_on_going_after_a_restart(
    server: RunningServer, ada: Person, bob: Person, start_server: StartServer
) -> None:
    for number in range(25):
        await bob.says(str(number))
    await ada.says("stays")
    await delete_account(server, bob)
    while await count(server, "deleted_at IS NULL") == 26:
        await asyncio.sleep(0.01)
    assert await count(server, "deleted_at IS NULL") == 16
    await server.stop()
    restarted = await start_server()
    await until_none(restarted, "deleted_at IS NULL AND text <> 'stays'")
    ada.server = restarted
    cursors = [message["cursor"] for message in await ada.listed()]
    assert len(set(cursors)) == 26
    assert (await ada.says("after"))["id"] > max(cursors)


async def test_a_purge_that_fails_is_tried_again(
    server: RunningServer, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(purge, "_RETRY_SECONDS", 0.01)
    await bob.says("goes")
    database = server.app[DATABASE]
    await database.write("UPDATE user SET deleted_at = 1, messages_go = 1 WHERE id = ?", (bob.user_id,))
    await database.write("PRAGMA query_only = ON")
    server.app[PURGE].wake()
    while not any(message.startswith("purge: could not go on") for message in caplog.messages):
        await asyncio.sleep(0.01)
    await database.write("PRAGMA query_only = OFF")
    await until_none(server, "deleted_at IS NULL")


@pytest.mark.parametrize("what", ["room", "account"])
async def test_a_hundred_thousand_messages_go_beside_a_conversation_that_goes_on(
    data_dir: Path, start_server: StartServer, what: str
) -> None:
    server = await start_server(purge_batch_messages=1000, purge_pause_seconds=0.001, catch_up_page_messages=1000)
    is_there = "SELECT 1 FROM message WHERE room_id = 1" if what == "room" else "SELECT 1 FROM user WHERE messages_go"
    async with visiting(server, "ada") as ada, visiting(server, "bob") as bob:
        for person in (ada, bob):
            await person.sign_up()
            await person.joins()
        await ada.post("/create_room", room="tea")
        await bob.joins("tea")
        await server.stop()
        fill(server.database_path, bob.user_id, 100_000)
        await server.start()
        async with ada.live("/ws/chat/tea") as socket:
            if what == "room":
                await ada.post("/delete_room", room="lobby")
            else:
                await delete_account(server, bob)
            said = 0
            while await server.app[DATABASE].read(f"{is_there} LIMIT 1"):
                await socket.send(message="goes on", client_id=f"a{said}")
                assert (await socket.next("chat", "error"))["client_id"] == f"a{said}"
                said += 1
            assert said > 10, "the conversation had to wait for the purge"
        assert len(await ada.listed("tea")) == said
        assert await count(server, "text = 'of the past'") == 0
        if what == "account":
            async with ada.connected("/ws/chat/lobby?after=100000") as back:
                frames = []
                while (frame := await back.next("chat", "delete", "live"))["type"] != "live":
                    frames.append(frame)
            assert [frame["id"] for frame in frames if frame["type"] == "delete"] == list(range(1, 100_001))
            cursors = [frame["cursor"] for frame in frames]
            assert cursors == sorted(set(cursors))
