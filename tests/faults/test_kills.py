"""kill -9, a few times: `make faults` does it a hundred."""

from __future__ import annotations

from pathlib import Path

from tests.faults import kills
from tests.faults.running import assert_held
from tests.people import visiting
from tests.processes import server_process


async def test_a_killed_server_loses_no_acknowledged_message_and_doubles_none(data_dir: Path) -> None:
    await assert_held(kills.at_random_moments(data_dir, kills=3))


async def test_nor_does_one_killed_at_a_database_call(data_dir: Path) -> None:
    await assert_held(kills.at_each_database_call(data_dir, first=40, last=95, step=11))


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
