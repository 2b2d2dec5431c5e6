"""Delivery to sockets that are fast, slow, lagging and returning."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest

from chat.live.hub import Hub
from chat.live.subscriber import Subscriber
from chat.models import Message, Room, User
from chat.settings import Settings
from chat.web.keys import DATABASE, HUB
from tests.live.sockets import socket_of
from tests.people import Person, Socket
from tests.raw_sockets import CLOSE, TEXT, RawSocket, raw_socket
from tests.servers import RunningServer
from tests.turns import at_once

KIB = 1024


def subscriber_of(server: RunningServer, person: Person) -> Subscriber:
    (found,) = [s for s in server.app[HUB].subscribers if s.user.username == person.username]
    return found


async def say(sender: Socket, count: int, text: str) -> None:
    """Send numbered messages, a few in flight at a time, and see each of them come back."""
    window = 50
    for start in range(0, count, window):
        numbers = range(start, min(start + window, count))
        for number in numbers:
            await sender.send(message=f"{number} {text}")
        for number in numbers:
            assert (await sender.next("chat"))["message"].startswith(f"{number} ")


def numbers_in(frames: list[dict[str, str]]) -> list[int]:
    return [int(frame["message"].split()[0]) for frame in frames]


async def chats(raw: RawSocket, count: int) -> list[dict[str, str]]:
    return [await raw.next("chat") for _ in range(count)]


@pytest.mark.alone
@pytest.mark.settings(heartbeat_seconds=1, frames_per_user_burst=10_000)
async def test_a_reader_that_stops_costs_others_nothing_and_then_gets_everything_once_in_order(
    server: RunningServer, ada: Person, bob: Person
) -> None:
    async with ada.live() as sender, raw_socket(bob) as stopped:
        await stopped.next("live")
        subscriber = subscriber_of(server, bob)
        most_unsent = 0

        async def watch() -> None:
            nonlocal most_unsent
            while True:
                most_unsent = max(most_unsent, subscriber.unsent_bytes())
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch())
        await say(sender, 3000, "x" * 3000)  # returns when ada has seen all of it, while bob reads nothing
        loop = asyncio.get_running_loop()
        silent_since = loop.time()
        while loop.time() - silent_since < 2 * server.settings.heartbeat_seconds:
            await asyncio.sleep(0.05)  # the heartbeat has had time to take bob for dead
        watching.cancel()
        assert subscriber.behind, "bob was expected to have fallen behind"
        batch_bytes = server.settings.commit_batch_max_bytes
        assert most_unsent <= server.settings.unsent_max_bytes + batch_bytes
        assert numbers_in(await chats(stopped, 3000)) == list(range(3000))
        await stopped.next("live")
        await ada.says("9999 the end")
        assert numbers_in(await chats(stopped, 1)) == [9999]


@pytest.mark.settings(unsent_max_bytes=8 * KIB, catch_up_page_messages=3, catch_ups_at_once=2)
async def test_readers_of_every_pace_get_every_message_of_every_room_once_and_in_order(
    server: RunningServer, ada: Person, bob: Person
) -> None:
    await ada.post("/create_room", room="attic")
    rooms = ["lobby", "attic"]
    count = 400
    seed = random.randrange(2**32)
    chance = random.Random(seed)

    async def read_haltingly(raw: RawSocket) -> list[dict[str, str]]:
        for room in rooms:
            await raw.send_frame(1, f'{{"type":"subscribe","room":"{room}","after":0}}'.encode())
        frames = []
        for _ in range(count):
            if chance.random() < 0.1:
                for _ in range(chance.randrange(200)):
                    await asyncio.sleep(0)
            frames.append(await raw.next("chat"))
        return frames

    async with contextlib.AsyncExitStack() as stack:
        sender = await stack.enter_async_context(ada.connected("/ws"))
        readers = [await stack.enter_async_context(raw_socket(bob, "/ws")) for _ in range(6)]
        reading = [asyncio.create_task(read_haltingly(raw)) for raw in readers]
        for number in range(count):
            await sender.send(room=chance.choice(rooms), message=f"{number} {'x' * chance.randrange(3900)}")
            if chance.random() < 0.2:
                await sender.next("chat")
        for frames in await asyncio.gather(*reading):
            for room in rooms:
                ids = [frame["id"] for frame in frames if frame["room"] == room]
                assert ids == [message["id"] for message in await ada.listed(room)], f"seed {seed}"


async def test_a_newcomer_who_resumes_during_a_stream_misses_nothing_and_gets_nothing_twice(
    ada: Person, bob: Person
) -> None:
    async with ada.live() as sender:
        saying = asyncio.create_task(say(sender, 1000, "during"))
        async with contextlib.AsyncExitStack() as stack:
            newcomers: list[Socket] = []
            while not saying.done() and len(newcomers) < 20:
                newcomers.append(await stack.enter_async_context(bob.connected("/ws/chat/lobby?after=0")))
            await saying
            for newcomer in newcomers:
                assert numbers_in(await newcomer.chats(1000)) == list(range(1000))


# However many frames: what is unread alone holds them back.
@pytest.mark.settings(frames_per_user_burst=1_000_000)
async def test_a_socket_that_reads_nothing_back_cannot_pile_up_answers(
    server: RunningServer, ada: Person, bob: Person
) -> None:
    flood = b"".join(masked_text(b'{"type":"dance"}') for _ in range(2000))
    async with raw_socket(bob) as flooder, ada.live() as socket:
        await flooder.next("live")
        subscriber = subscriber_of(server, bob)

        async def send_without_reading() -> None:
            while True:
                await flooder.send_bytes(flood)

        def check_unsent() -> None:
            assert subscriber.unsent_bytes() <= server.settings.unsent_max_bytes + 4 * KIB

        flooding = asyncio.create_task(send_without_reading())
        while not subscriber.is_backlogged or subscriber.transport.is_reading():
            check_unsent()
            await asyncio.sleep(0)
        for number in range(20):
            await socket.send(message=f"others go on {number}")
            assert (await socket.next("chat"))["message"] == f"others go on {number}"
            check_unsent()
        flooding.cancel()


def masked_text(payload: bytes) -> bytes:
    """A masked frame with a mask of zeros: its payload stays readable."""
    return bytes((0x81, 0x80 | len(payload))) + bytes(4) + payload


@pytest.mark.settings(unsent_max_bytes=KIB)
async def test_presence_withheld_from_a_slow_reader_is_told_when_it_has_caught_up(
    server: RunningServer, ada: Person, bob: Person, eve: Person
) -> None:
    await ada.post("/create_room", room="attic")
    async with raw_socket(bob, "/ws") as slow, ada.live("/ws/chat/attic") as sender:
        for room in ("lobby", "attic"):
            await slow.send_frame(TEXT, f'{{"type":"subscribe","room":"{room}"}}'.encode())
            await slow.next("live")
        await say(sender, 1500, "x" * 3000)
        (attic,) = subscriber_of(server, bob).behind  # the lobby is quiet, and still live
        assert subscriber_of(server, bob).rooms[attic].name == "attic"
        async with eve.live() as newcomer:
            await newcomer.sees_come("bob")
            for _ in range(5):
                await newcomer.send(type="typing")
                await newcomer.next("typing")  # by now the lobby was told of eve, as far as it could be
            told: list[str] = []
            while "eve" not in told:
                frame = await slow.next("presence")
                told += frame["online"] if frame["room"] == "lobby" else []


async def test_what_is_committed_but_not_yet_published_is_left_to_the_publication(
    server: RunningServer, ada: Person, bob: Person
) -> None:
    await ada.says("published")
    message = Message(2, 2, 1, "lobby", ada.user_id, "ada", "committed", 0, None)
    await server.app[DATABASE].write(
        "INSERT INTO message (id, cursor, room_id, user_id, client_id, text, created_at) "
        "VALUES (2, 2, 1, ?, NULL, 'committed', 0)",
        (ada.user_id,),
    )
    async with bob.connected("/ws/chat/lobby?after=0") as socket:
        assert [frame["message"] for frame in await socket.until_live()] == ["published"]
        server.app[HUB].publish([message])
        assert (await socket.next("chat"))["message"] == "committed"


@pytest.mark.settings(close_seconds=0.1)
async def test_a_client_that_says_goodbye_and_never_reads_is_cut_off(
    server: RunningServer, ada: Person, bob: Person
) -> None:
    async with raw_socket(bob) as rude, ada.live() as sender:
        await rude.next("live")
        transport = subscriber_of(server, bob).transport
        await say(sender, 2000, "x" * 3000)
        await rude.send_frame(CLOSE, (1000).to_bytes(2, "big"))
        while transport.get_extra_info("socket").fileno() != -1:
            await asyncio.sleep(0.01)
        assert transport.is_closing()


@pytest.fixture
async def lobby_socket(ada: Person) -> AsyncIterator[Socket]:
    async with ada.live() as socket:
        yield socket


async def test_a_session_that_ends_while_catching_up_gets_no_more(
    server: RunningServer, bob: Person, lobby_socket: Socket
) -> None:
    async with raw_socket(bob) as behind:
        await behind.next("live")
        await say(lobby_socket, 2000, "x" * 3000)
        assert subscriber_of(server, bob).catch_up is not None
        await bob.get("/logout")
        code, _rest = await behind.closed()
        assert code == 4401 or code is None  # the close frame waits behind what was unread, then patience ends
        await lobby_socket.send(message="0 still here")
        await lobby_socket.next("chat")


# What is told to one person

ADA, BOB = User(1, "ada"), User(2, "bob")
LOBBY, ATTIC = Room(1, "lobby"), Room(2, "attic")


@pytest.fixture
def hub() -> Hub:
    async def nothing_missed(_room_id: int, _after: int, _up_to: int, _limit: int) -> list[Message]:
        return []

    return Hub(Settings(), nothing_missed, 0, at_once)


async def test_of_what_a_slow_socket_could_not_be_told_it_gets_the_newest_when_it_has_room(hub: Hub) -> None:
    (slow, wire), (quick, quick_wire) = (socket_of(ADA, unsent_max_bytes=100) for _ in range(2))
    for subscriber in (slow, quick):
        hub.add(subscriber)
    wire.is_stuck = True
    hub.tell_membership(ADA, LOBBY, joined=True)
    assert len(wire.frames()) == 1, "with nothing unsent, it takes anything"
    slow.write(unread := b"x" * 100)
    for joined in (False, True, False):
        hub.tell_membership(ADA, LOBBY, joined=joined)
    for cursor in (1, 2):
        hub.tell_read(ADA.user_id, LOBBY, cursor, but=quick)
        hub.tell_read(ADA.user_id, ATTIC, cursor, but=quick)
    await asyncio.sleep(0)
    assert wire.written == unread
    assert [frame["type"] for frame in quick_wire.frames()] == ["membership"] * 4
    wire.written = b""
    wire.flow()
    while not wire.written:
        await asyncio.sleep(0)
    assert wire.frames() == [
        {"type": "membership", "room": "lobby", "room_id": 1, "joined": False},
        {"type": "read", "room": "lobby", "cursor": 2},
        {"type": "read", "room": "attic", "cursor": 2},
    ]
    hub.tell_read(ADA.user_id, LOBBY, 3, but=quick)
    assert wire.frames() == [{"type": "read", "room": "lobby", "cursor": 3}]


async def test_a_socket_that_is_closing_is_told_nothing_more(hub: Hub) -> None:
    subscriber, wire = socket_of(ADA)
    hub.add(subscriber)
    hub.close(subscriber, 1001, "")
    wire.written = b""
    hub.tell_membership(ADA, LOBBY, joined=True)
    hub.tell_read(ADA.user_id, LOBBY, 1, but=socket_of(ADA)[0])
    assert wire.written == b""


async def test_leaving_ends_the_feed_of_all_sockets_of_the_person_and_of_nobody_else(hub: Hub) -> None:
    (live, wire), (behind, _), (other, others) = (socket_of(user) for user in (ADA, ADA, BOB))
    for subscriber in (live, behind, other):
        hub.add(subscriber)
        for room in (LOBBY, ATTIC):
            hub.subscribe(subscriber, room, None)
    hub._fall_behind(behind, LOBBY.room_id, 0)
    wire.written = others.written = b""
    hub.leave(ADA, LOBBY)
    assert [frame["type"] for frame in wire.frames()] == ["membership"]
    assert others.written == b""
    assert [list(subscriber.rooms.values()) for subscriber in (live, behind, other)] == [
        [ATTIC], [ATTIC], [LOBBY, ATTIC],
    ]  # fmt: skip
    assert not behind.behind
    for subscriber in (live, behind, other):
        hub.remove(subscriber)
    assert hub._rooms == {}


async def test_a_room_that_ends_is_told_once_to_each_socket_that_reads_it_or_is_of_a_member(hub: Hub) -> None:
    sockets = [socket_of(user) for user in (ADA, ADA, BOB, User(3, "eve"))]
    (live, _), (behind, _), (reader, _), _ = sockets
    for subscriber, _ in sockets:
        hub.add(subscriber)
        hub.subscribe(subscriber, ATTIC, None)
    for subscriber in (live, behind, reader):
        hub.subscribe(subscriber, LOBBY, None)
    hub._fall_behind(behind, LOBBY.room_id, 0)
    for _, wire in sockets:
        wire.written = b""
    departures = hub.departures
    hub.end_room(LOBBY, [ADA.user_id, 99])
    frame = {"type": "room_deleted", "room": "lobby", "room_id": 1}
    assert [wire.frames() for _, wire in sockets] == [[frame], [frame], [frame], []]
    assert all(list(subscriber.rooms.values()) == [ATTIC] for subscriber, _ in sockets)
    assert not behind.behind
    assert LOBBY.room_id not in hub._rooms
    assert hub.departures > departures, "a membership that was looked up before is over"


async def test_a_slow_socket_is_told_of_the_end_of_a_room_when_it_has_room(hub: Hub) -> None:
    slow, wire = socket_of(ADA, unsent_max_bytes=100)
    hub.add(slow)
    hub.subscribe(slow, LOBBY, None)
    wire.is_stuck = True
    slow.write(b"x" * 100)
    hub.end_room(LOBBY, [])
    wire.written = b""
    wire.flow()
    while not wire.written:
        await asyncio.sleep(0)
    assert [frame["type"] for frame in wire.frames()] == ["room_deleted"]
