"""kill -9, a few times: `make faults` does it a hundred."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from pathlib import Path

import aiohttp

from tests.faults import kills
from tests.faults.running import assert_held
from tests.people import Person, visiting
from tests.processes import server_process

DELETING_KILLS = 5


async def test_a_killed_server_loses_no_acknowledged_message_and_doubles_none(data_dir: Path) -> None:
    await assert_held(kills.at_random_moments(data_dir, kills=3))


async def test_nor_does_one_killed_at_a_database_call(data_dir: Path) -> None:
    await assert_held(kills.at_each_database_call(data_dir, first=45, last=96, step=17))


async def test_a_first_start_that_is_killed_leaves_nothing_in_the_way_of_the_next(tmp_path: Path) -> None:
    await assert_held(kills.while_the_database_is_made(tmp_path, last=12, step=6))


async def test_a_killed_server_forgets_no_read_mark_that_was_told(data_dir: Path) -> None:
    async with server_process(data_dir) as server, visiting(server, "ada") as ada, visiting(server, "bob") as bob:
        for person in (ada, bob):
            await person.sign_up()
            await person.joins()
        cursors = [(await bob.says(str(number)))["cursor"] for number in range(3)]
        async with ada.live() as reader, ada.connected("/ws") as other:
            for cursor in cursors[:2]:
                await reader.send(type="read", cursor=cursor)
                while (await other.next("read"))["cursor"] < cursor:
                    pass
            await server.kill()
        async with server_process(data_dir) as restarted:
            ada.server = restarted
            room = await ada.sees_room()
            assert (room["read"], room["unread"]) == (cursors[1], 1)


async def test_a_killed_server_has_deleted_a_message_wholly_or_not_at_all(data_dir: Path) -> None:
    """Messages are sent and deleted at the same time, over kills; what was answered holds, every cursor is its own."""
    deleted: set[int] = set()
    chance = random.Random()
    async with server_process(data_dir) as first, visiting(first, "ada") as ada:
        await ada.sign_up()
        await first.kill()
        for _ in range(DELETING_KILLS):
            async with server_process(data_dir, "--requests-per-user-burst", "100000") as server:
                ada.server = server
                before = len(deleted)
                talking = asyncio.create_task(_say_and_delete(ada, deleted))
                enough = before + chance.randrange(5, 60)
                while len(deleted) < enough:
                    await asyncio.sleep(0)
                await server.kill()
                await talking
        async with server_process(data_dir) as server:
            ada.server = server
            listed = await ada.listed()
            async with ada.connected("/ws/chat/lobby?after=0") as socket:
                frames = []
                while (frame := await socket.next("chat", "delete", "live"))["type"] != "live":
                    frames.append(frame)
            newest = await ada.says("after")
    gone = {message["id"] for message in listed if message.get("deleted")}
    assert deleted <= gone, "a deletion that was answered was lost"
    assert {message["id"] for message in listed if not message["message"]} == gone
    assert {frame["id"] for frame in frames if frame["type"] == "delete"} == gone
    cursors = [message["cursor"] for message in listed]
    assert len(set(cursors)) == len(cursors)
    assert [frame["cursor"] for frame in frames] == sorted(cursors)
    assert newest["id"] > max(cursors)
    with sqlite3.connect(data_dir / "chat.db") as database:
        subjects = [row[0] for row in database.execute("SELECT subject FROM audit")]
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    assert sorted(subjects) == sorted(f"message {number} in lobby" for number in gone)


async def _say_and_delete(person: Person, deleted: set[int]) -> None:
    """Send without pause and delete every other message, until the connection is lost."""
    with contextlib.suppress(aiohttp.ClientError, ConnectionError, AssertionError):
        async with person.live() as socket:
            while True:
                for _ in range(4):
                    await socket.send(message="a text")
                ids = [frame["id"] for frame in await socket.chats(4)]
                answers = await asyncio.gather(*(person.post("/delete_message", id=number) for number in ids[::2]))
                deleted.update(answer.body["id"] for answer in answers if answer.status == 200)


async def test_a_room_whose_server_is_killed_stays_deleted_and_its_messages_go(data_dir: Path) -> None:
    slowly = ("--purge-batch-messages", "1", "--purge-pause-seconds", "1000")
    async with server_process(data_dir, *slowly) as server, visiting(server, "ada") as ada:
        await ada.sign_up()
        await ada.joins()
        for number in range(20):
            said = await ada.says(str(number))
        assert (await ada.post("/delete_room", room="lobby")).status == 200
        await server.kill()
        async with server_process(data_dir) as restarted:
            ada.server = restarted
            assert (await ada.post("/join_room", room="lobby")).status == 404
            while "messages of deleted room 1 removed" not in restarted.log:
                await asyncio.sleep(0.01)
            await ada.post("/create_room", room="lobby")
            assert await ada.listed() == []
            assert (await ada.says("after"))["id"] > said["id"]
    with sqlite3.connect(data_dir / "chat.db") as database:
        assert database.execute("SELECT text FROM message").fetchall() == [("after",)]
    database.close()
