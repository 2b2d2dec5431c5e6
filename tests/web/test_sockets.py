"""The WebSocket endpoint, through real sockets."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import WSMsgType, web
from aiohttp.abc import AbstractStreamWriter

from chat.web.keys import COMMITS, DATABASE
from tests.people import Person, visiting
from tests.raw_sockets import BINARY, CLOSE, PING, PONG, TEXT, raw_socket
from tests.servers import RunningServer

ROOM_NAMES = ["кухня", "日本 語", "100%", "a?b#c&d=e", "%2F", "☕ room", 'quote"back\\slash', "ß"]


# Sending and receiving


async def test_a_message_reaches_everyone_in_the_room_and_its_sender(ada: Person, bob: Person) -> None:
    async with ada.live() as ada_socket, bob.live() as bob_socket:
        await ada_socket.send(type="send", room="lobby", message="hi", client_id="a-1")
        for socket in (ada_socket, bob_socket):
            frame = await socket.next("chat")
            stamp = frame.pop("timestamp")
            assert frame == {
                "type": "chat",
                "room": "lobby",
                "id": 1,
                "cursor": 1,
                "user_id": ada.user_id,
                "username": "ada",
                "message": "hi",
                "client_id": "a-1",
            }
            assert len(stamp) == len("2026-11-22T10:00:00.123Z")
            assert stamp.endswith("Z")


async def test_a_message_is_on_disk_when_its_frame_arrives(server: RunningServer, ada: Person) -> None:
    async with ada.live() as socket:
        await socket.send(message="hi")
        frame = await socket.next("chat")
        with sqlite3.connect(f"file:{server.database_path}?mode=ro", uri=True) as database:
            assert database.execute("SELECT id, text FROM message").fetchall() == [(frame["id"], "hi")]


async def test_the_shortest_send_is_a_message_alone(ada: Person) -> None:
    async with ada.live() as socket:
        await socket.send_text('{"message":"hi"}')
        frame = await socket.next("chat")
        assert frame["message"] == "hi"
        assert "client_id" not in frame


async def test_a_message_sent_over_http_reaches_the_sockets(ada: Person, bob: Person) -> None:
    async with bob.live() as socket:
        sent = await ada.says("hi", client_id="h-1")
        frame = await socket.next("chat")
        assert (frame["id"], frame["message"], frame["client_id"]) == (sent["id"], "hi", "h-1")


@pytest.mark.parametrize(
    "text", ["line\nbreak\r\n\ttab", "  spaces  ", "\u2028\u2029\x7f\x01", "👩‍👩‍👧 é e\u0301", "<b>&amp;", '"\\']
)
async def test_a_message_arrives_as_it_was_entered(ada: Person, text: str) -> None:
    async with ada.live() as socket:
        await socket.send(message=text)
        assert (await socket.next("chat"))["message"] == text
    assert [message["message"] for message in await ada.listed()] == [text]


async def test_many_sends_at_once_are_stored_and_seen_in_the_order_they_were_sent(ada: Person, bob: Person) -> None:
    texts = [f"message {number}" for number in range(1000)]
    async with ada.live() as ada_socket, bob.live() as bob_socket:
        for text in texts:
            await ada_socket.send(message=text)
        for socket in (ada_socket, bob_socket):
            assert [frame["message"] for frame in await socket.chats(len(texts))] == texts
    assert [message["message"] for message in await ada.listed()] == texts


@pytest.mark.settings(sends_in_flight_max=4, commit_queue_max_messages=8, commit_batch_max_messages=3)
async def test_a_sender_faster_than_the_disk_is_slowed_down_and_loses_nothing(ada: Person) -> None:
    texts = [f"message {number}" for number in range(200)]
    async with ada.live() as socket:
        for text in texts:
            await socket.send(message=text)
        assert [frame["message"] for frame in await socket.chats(len(texts))] == texts


@pytest.mark.settings(sends_in_flight_max=4, commit_queue_max_messages=5)
async def test_one_sender_cannot_fill_the_queue(server: RunningServer, ada: Person) -> None:
    texts = [f"message {number}" for number in range(50)]
    async with ada.live() as socket:
        async with server.app[DATABASE].transaction():  # nothing can be committed meanwhile
            for text in texts:
                await socket.send(message=text)
            for _ in range(500):
                await asyncio.sleep(0)
                assert not server.app[COMMITS].is_full
        assert [frame["message"] for frame in await socket.chats(len(texts))] == texts


async def test_a_message_is_not_seen_in_other_rooms(ada: Person, bob: Person) -> None:
    await ada.post("/create_room", room="attic")
    async with ada.connected("/ws") as ada_socket, bob.live() as bob_socket:
        await ada_socket.send(message="private", room="attic")
        assert (await ada_socket.next("chat"))["room"] == "attic"  # not subscribed: its own frame all the same
        await ada_socket.send(message="public", room="lobby")
        assert (await bob_socket.next("chat"))["message"] == "public"


# Connecting


async def test_connecting_to_an_open_room_joins_it(eve: Person) -> None:
    assert (await eve.post("/send_message", room="lobby", message="hi")).status == 403
    async with eve.live():
        pass
    await eve.says("hi")


@pytest.mark.parametrize("path", ["/ws/chat/lobby/", "/ws/chat/LOBBY", "/ws/chat/ｌｏｂｂｙ"])
async def test_the_address_of_a_room_has_several_spellings(ada: Person, path: str) -> None:
    async with ada.connected(path) as socket:
        assert (await socket.next("live"))["room"] == "lobby"


@pytest.mark.parametrize("name", ROOM_NAMES)
async def test_a_room_of_any_name_has_an_address(ada: Person, name: str) -> None:
    room_id = (await ada.post("/create_room", room=name)).body["room_id"]
    async with raw_socket(ada, f"/ws/chat/{quote(name, safe='')}") as raw:
        live = await raw.next("live")
        assert (live["room"], live["room_id"]) == (name, room_id)


async def test_the_older_address_takes_ones_own_user_id_and_no_other(ada: Person, bob: Person) -> None:
    async with ada.connected(f"/ws/chat/lobby/{ada.user_id}") as socket:
        await socket.next("live")
    for user_id in (bob.user_id, 0, "ada", f"0{ada.user_id}"):
        assert (await ada.refused_handshake(f"/ws/chat/lobby/{user_id}")).status == 403


@pytest.mark.parametrize("path", ["/ws", "/ws/chat/lobby", "/ws/chat/lobby/1", "/ws/chat/nowhere"])
async def test_who_is_not_signed_in_is_refused_in_the_handshake(stranger: Person, path: str) -> None:
    assert (await stranger.refused_handshake(path)).status == 401


async def test_an_unknown_room_is_refused_in_the_handshake(ada: Person) -> None:
    assert (await ada.refused_handshake("/ws/chat/nowhere")).status == 404
    assert (await ada.refused_handshake("/ws/chat/%FF")).status == 404


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:1", ""]
)
async def test_another_sites_page_is_refused_in_the_handshake(ada: Person, origin: str) -> None:
    assert (await ada.refused_handshake("/ws", headers={"Origin": origin})).status == 403


async def test_our_own_page_and_clients_without_origin_are_let_in(server: RunningServer, ada: Person) -> None:
    async with ada.connected("/ws", headers={"Origin": server.url}) as socket:
        await socket.send(type="ping")
        assert await socket.receive() == {"type": "pong"}


@pytest.mark.parametrize(("after", "status"), [("x", 400), ("-1", 422), ("1.5", 400), (str(2**63), 422)])
async def test_a_broken_cursor_is_refused_in_the_handshake(ada: Person, after: str, status: int) -> None:
    assert (await ada.refused_handshake(f"/ws/chat/lobby?after={after}")).status == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-WebSocket-Version": "7000"},
        {"Sec-WebSocket-Key": "short"},
        {"Sec-WebSocket-Key": "not base64!!"},
        {"Connection": "keep-alive"},
    ],
)
async def test_a_broken_handshake_is_refused_in_json(ada: Person, headers: dict[str, str]) -> None:
    handshake = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    answer = await ada.get("/ws", headers=handshake | headers)
    assert (answer.status, answer.body["code"]) == (400, "malformed")


async def test_a_request_that_is_no_handshake_is_told_so(ada: Person) -> None:
    answer = await ada.get("/ws/chat/lobby")
    assert (answer.status, answer.body["code"]) == (426, "upgrade_required")
    assert answer.headers["Upgrade"] == "websocket"


# Resuming


async def test_resuming_gives_what_was_missed_once_and_in_order_and_then_what_is_new(ada: Person, bob: Person) -> None:
    async with bob.live() as socket:
        await ada.says("seen")
        cursor = (await socket.next("chat"))["cursor"]
    missed = [f"missed {number}" for number in range(300)]
    async with ada.live() as socket:
        for text in missed:
            await socket.send(message=text)
        await socket.chats(len(missed))
    async with bob.connected(f"/ws/chat/lobby?after={cursor}") as socket:
        assert [frame["message"] for frame in await socket.until_live()] == missed
        await ada.says("new")
        assert (await socket.next("chat"))["message"] == "new"


async def test_resuming_after_zero_gives_the_whole_room(ada: Person) -> None:
    for text in ("one", "two"):
        await ada.says(text)
    async with ada.connected("/ws/chat/lobby?after=0") as socket:
        assert [frame["message"] for frame in await socket.until_live()] == ["one", "two"]


async def test_subscribing_without_a_cursor_gives_only_what_is_new(ada: Person) -> None:
    await ada.says("old")
    async with ada.live() as socket:
        await ada.says("new")
        assert (await socket.next("chat"))["message"] == "new"


async def test_the_live_frame_gives_a_cursor_to_resume_from(ada: Person) -> None:
    await ada.says("one")
    async with ada.connected() as socket:
        cursor = (await socket.next("live"))["cursor"]
    await ada.says("two")
    async with ada.connected(f"/ws/chat/lobby?after={cursor}") as socket:
        assert [frame["message"] for frame in await socket.until_live()] == ["two"]


async def test_a_cursor_from_the_future_is_answered_with_the_real_one(ada: Person) -> None:
    await ada.says("one")
    async with ada.connected("/ws/chat/lobby?after=999") as socket:
        assert (await socket.next("live"))["cursor"] == 1
        await ada.says("two")
        assert (await socket.next("chat"))["message"] == "two"


async def test_subscribing_after_a_listing_misses_nothing_and_repeats_nothing(ada: Person, bob: Person) -> None:
    async with ada.live() as ada_socket:
        for number in range(500):
            await ada_socket.send(message=f"message {number}")
        answer = await bob.post("/list_message", room="lobby", limit=500)  # while they are being stored
        async with bob.connected(f"/ws/chat/lobby?after={answer.body['cursor']}") as bob_socket:
            listed = [message["id"] for message in answer.body["messages"]]
            followed = [frame["id"] for frame in await bob_socket.chats(500 - len(listed))]
            await ada_socket.chats(500)
    assert listed + followed == [message["id"] for message in await ada.listed()]


async def test_subscribing_again_starts_again_from_the_given_cursor(ada: Person) -> None:
    await ada.says("one")
    async with ada.live() as socket:
        await socket.send(type="subscribe", after=0)
        assert [frame["message"] for frame in await socket.until_live()] == ["one"]
        await ada.says("two")
        assert (await socket.next("chat"))["message"] == "two"


# Sending twice


async def test_a_repeat_stores_nothing_and_is_answered_with_the_original(ada: Person, bob: Person) -> None:
    async with ada.live() as ada_socket, bob.live() as bob_socket:
        await ada_socket.send(message="original", client_id="x")
        original = await ada_socket.next("chat")
        await ada_socket.send(message="changed", client_id="x")
        assert await ada_socket.next("chat") == original
        over_http = await ada.says("changed again", client_id="x")
        assert (over_http["id"], over_http["message"]) == (original["id"], "original")
        await ada.says("the end")
        assert [frame["message"] for frame in await bob_socket.chats(2)] == ["original", "the end"]
    assert [message["message"] for message in await ada.listed()] == ["original", "the end"]


async def test_a_repeat_does_not_overtake_a_catch_up(ada: Person, bob: Person) -> None:
    await ada.says("first", client_id="old")
    async with ada.live() as socket:
        for number in range(1000):
            await socket.send(message=f"{number}", client_id=f"{number}")
        await socket.chats(1000)
    async with ada.connected("/ws/chat/lobby?after=1") as socket:
        await socket.send(message="again", client_id="999")
        await socket.send(message="again", client_id="old")
        frames = await socket.until_live()
        # The answers from the store may be slower than the whole catch-up; then "999", too, comes a second time.
        while not any(frame["client_id"] == "old" for frame in frames):
            frames += await socket.chats(1)
    first_seen = dict.fromkeys(frame["client_id"] for frame in frames if frame["client_id"] != "old")
    assert list(first_seen) == [str(number) for number in range(1000)]
    assert [frame["cursor"] for frame in frames if frame["client_id"] == "old"] == [1]


async def test_repeats_within_one_commit_are_one_message(ada: Person, bob: Person) -> None:
    async with ada.live() as ada_socket, bob.live() as bob_socket:
        for _ in range(50):
            await ada_socket.send(message="again and again", client_id="x")
        frames = await ada_socket.chats(50)
        assert len({frame["id"] for frame in frames}) == 1
        await ada.says("the end")
        assert [frame["message"] for frame in await bob_socket.chats(2)] == ["again and again", "the end"]


async def test_a_repeat_after_a_restart_is_still_a_repeat(server: RunningServer, ada: Person) -> None:
    original = await ada.says("original", client_id="x")
    await server.stop()
    await server.start()
    async with ada.live() as socket:
        await socket.send(message="original", client_id="x")
        assert (await socket.next("chat"))["id"] == original["id"]
    assert len(await ada.listed()) == 1


async def test_two_people_may_use_the_same_client_id(ada: Person, bob: Person) -> None:
    first = await ada.says("from ada", client_id="x")
    second = await bob.says("from bob", client_id="x")
    assert first["id"] != second["id"]


# Several rooms on one socket


async def test_one_socket_follows_several_rooms(ada: Person, bob: Person) -> None:
    await ada.post("/create_room", room="attic")
    async with bob.connected("/ws") as socket:
        for room in ("lobby", "attic"):
            await socket.send(type="subscribe", room=room)
            assert (await socket.next("live"))["room"] == room
        await ada.says("up", room="attic")
        await ada.says("down", room="lobby")
        assert [(frame["room"], frame["message"]) for frame in await socket.chats(2)] == [
            ("attic", "up"),
            ("lobby", "down"),
        ]


async def test_messages_of_one_commit_keep_their_order_over_rooms(ada: Person, bob: Person) -> None:
    rooms = ["lobby", "attic", "cellar"]
    for room in rooms[1:]:
        await ada.post("/create_room", room=room)
    async with bob.connected("/ws") as reader, ada.connected("/ws") as sender:
        for room in rooms:
            await reader.send(type="subscribe", room=room)
            await reader.next("live")
        for number in range(300):
            await sender.send(message=str(number), room=rooms[number % 3])
        frames = await reader.chats(300)
        assert [frame["message"] for frame in frames] == [str(number) for number in range(300)]
        assert all(frame["room"] == rooms[int(frame["message"]) % 3] for frame in frames)


async def test_unsubscribing_ends_the_feed_and_keeps_the_membership(ada: Person, bob: Person) -> None:
    async with bob.live() as socket:
        await socket.send(type="unsubscribe")
        await socket.send(type="ping")
        await socket.next("pong")
        await ada.says("unheard")
        await socket.send(message="mine")
        assert (await socket.next("chat"))["message"] == "mine"


@pytest.mark.settings(subscriptions_max=1)
async def test_one_socket_subscribes_to_a_bounded_number_of_rooms(ada: Person) -> None:
    await ada.post("/create_room", room="attic")
    async with ada.live() as socket:
        await socket.send(type="subscribe", room="attic")
        assert (await socket.next("error"))["code"] == "too_many_subscriptions"
        await socket.send(type="unsubscribe", room="lobby")
        await socket.send(type="subscribe", room="attic")
        assert (await socket.next("live"))["room"] == "attic"


@pytest.mark.settings(subscriptions_max=2)
async def test_a_room_is_found_in_every_spelling_and_after_any_number_of_other_rooms(ada: Person) -> None:
    rooms = [f"room {number}" for number in range(5)]
    async with ada.connected("/ws") as socket:
        for room in rooms:
            await ada.post("/create_room", room=room)
            await socket.send(type="subscribe", room=room.upper())
            await socket.send(room=room.title(), message=room)
            assert (await socket.next("chat"))["room"] == room
            if room != rooms[-1]:
                await socket.send(type="unsubscribe", room=room)
        for room in rooms:
            await socket.send(room=room, message=room)
            assert (await socket.next("chat"))["room"] == room


# Joining and leaving


async def test_every_socket_of_a_person_is_told_that_they_joined_made_or_left_a_room(
    server: RunningServer, ada: Person, bob: Person
) -> None:
    async with visiting(server, "ada") as phone:
        await phone.sign_in()
        async with ada.connected("/ws") as first, phone.live() as second, bob.live() as bobs:
            room_id = (await ada.post("/create_room", room="tea")).body["room_id"]

            async def told(joined: bool) -> None:
                for socket in (first, second):
                    assert await socket.settled("membership") == [
                        {"type": "membership", "room": "tea", "room_id": room_id, "joined": joined}
                    ]

            await told(True)
            await phone.leaves("tea")
            await told(False)
            await phone.joins("TEA")
            await told(True)
            await ada.leaves("tea")
            await told(False)
            await first.send(type="subscribe", room="tea")
            await told(True)
            await ada.leaves("tea")
            await told(False)
            async with phone.live("/ws/chat/tea") as new:
                await told(True)
                assert await new.settled("membership") == [], "it was not open yet; its `live` says the same"
            assert await bobs.settled("membership") == []


async def test_what_changes_nothing_is_not_told(ada: Person, eve: Person) -> None:
    async with ada.live() as socket:
        await ada.joins()
        await ada.post("/create_room", room="lobby")
        await eve.post("/leave_room", room="lobby")
        async with ada.live():
            pass
        await socket.send(type="subscribe")
        await socket.send(type="unsubscribe")
        assert await socket.settled("membership") == []


async def test_a_room_that_was_left_sends_nothing_more_to_any_socket_and_sees_the_person_go(
    server: RunningServer, ada: Person, bob: Person
) -> None:
    async with visiting(server, "bob") as phone:
        await phone.sign_in()
        async with ada.live() as adas, bob.live() as bobs, phone.connected("/ws") as phones:
            await phones.send(type="subscribe", room="lobby")
            await phones.next("live")
            await adas.sees_come("bob")
            await bob.leaves()
            assert (await adas.next("presence"))["offline"] == ["bob"]
            for socket in (bobs, phones):
                await socket.next("membership")
            await adas.send(message="for members")
            await adas.send(type="typing")
            await adas.next("typing")
            for socket in (bobs, phones):
                assert await socket.settled("chat", "typing", "presence", "live") == []


@pytest.mark.parametrize(
    "frame", [{"message": "hi"}, {"type": "typing"}, {"type": "read", "cursor": 0}, {"type": "unsubscribe"}]
)
async def test_who_has_left_the_room_of_a_socket_can_do_nothing_in_it(
    ada: Person, bob: Person, frame: dict[str, Any]
) -> None:
    await ada.post("/create_room", room="tea")
    async with ada.live() as socket:
        await socket.send(**frame)
        assert await socket.settled("error") == []
        await ada.leaves()
        for room in ({}, {"room": "lobby"}):
            await socket.send(**frame, **room)
            assert [error["code"] for error in await socket.settled("error")] == ["not_joined"]
        await socket.send(room="tea", **frame)
        assert await socket.settled("error") == []
    assert len(await bob.listed()) == ("message" in frame)


async def test_a_socket_joins_its_room_again_by_subscribing(ada: Person, bob: Person) -> None:
    async with ada.live() as socket:
        await ada.leaves()
        await bob.says("between")
        await socket.send(type="subscribe")
        await socket.next("live")
        await bob.says("after")
        assert (await socket.next("chat"))["message"] == "after"
        await socket.send(message="hi")
        assert (await socket.next("chat"))["message"] == "hi"


async def test_who_leaves_during_a_handshake_is_fed_only_as_a_member(
    ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = web.WebSocketResponse.prepare

    async def prepare_while_leaving(response: web.WebSocketResponse, request: web.BaseRequest) -> AbstractStreamWriter:
        await ada.leaves()
        return await prepare(response, request)

    monkeypatch.setattr(web.WebSocketResponse, "prepare", prepare_while_leaving)
    async with ada.live() as socket:
        assert (await ada.sees_room())["joined"]
        await bob.says("hi")
        assert (await socket.next("chat"))["message"] == "hi"


async def test_leaving_in_the_middle_of_sending_breaks_nothing(ada: Person, bob: Person) -> None:
    async with ada.live() as socket, bob.live() as bobs:
        for round_number in range(3):
            for number in range(100):
                await socket.send(message=f"{round_number}", client_id=f"{round_number}-{number}")
            await ada.leaves()
            outcomes = [await socket.next("chat", "error") for _ in range(100)]
            assert len({outcome["client_id"] for outcome in outcomes}) == 100
            assert all(outcome.get("code", "not_joined") == "not_joined" for outcome in outcomes)
            stored = [outcome["id"] for outcome in outcomes if outcome["type"] == "chat"]
            assert [frame["id"] for frame in await bobs.chats(len(stored))] == stored
            await socket.send(type="subscribe")
            await socket.next("live")


# What has been read


async def test_the_other_windows_of_a_person_are_told_what_was_read_in_one(
    server: RunningServer, ada: Person, bob: Person
) -> None:
    cursor = (await bob.says("hi"))["cursor"]
    async with visiting(server, "ada") as phone:
        await phone.sign_in()
        async with ada.live() as reader, ada.connected("/ws") as second, phone.live() as third, bob.live() as bobs:
            await reader.send(type="read", cursor=cursor)
            for socket in (second, third):
                assert await socket.next("read") == {"type": "read", "room": "lobby", "cursor": cursor}
            for socket in (reader, bobs):
                assert await socket.settled("read") == []
            await second.send(type="read", room="LOBBY", cursor=cursor)
            await second.send(type="read", room="lobby", cursor=0)
            assert (await ada.sees_room())["read"] == cursor
            cursor = (await bob.says("more"))["cursor"]
            await second.send(type="read", room="LOBBY", cursor=cursor)  # not subscribed there
            for socket in (reader, third):
                assert await socket.next("read") == {"type": "read", "room": "lobby", "cursor": cursor}


async def test_who_has_read_a_room_is_not_told_to_the_room(ada: Person, bob: Person) -> None:
    async with ada.live() as adas, ada.connected("/ws") as other, bob.live() as bobs:
        await bob.says("hi")
        await adas.send(type="read", cursor=1)
        await other.next("read")
        assert await bobs.settled("read", "error") == []


@pytest.mark.settings(read_mark_interval_seconds=3600)
async def test_a_stopping_server_stores_what_was_read(server: RunningServer, ada: Person, bob: Person) -> None:
    for number in range(3):
        await bob.says(str(number))
    async with ada.live() as socket, ada.connected("/ws") as other:
        await socket.send(type="read", cursor=1)
        await other.next("read")
        await socket.send(type="read", cursor=2)  # would be stored in an hour
        await socket.settled()
        await asyncio.gather(server.stop(), socket.close_code(), other.close_code())
    await server.start()
    room = await ada.sees_room()
    assert (room["read"], room["unread"]) == (2, 1)


# Refused frames

BROKEN_FRAMES: list[tuple[str, str]] = [
    ("", "malformed"),
    ("hi", "malformed"),
    ("[]", "malformed"),
    ("null", "malformed"),
    ("{", "malformed"),
    ('{"message":NaN}', "malformed"),
    ('{"message":' + "[" * 30_000, "malformed"),
    ('{"after":' + "9" * 5000 + "}", "malformed"),
    ("{}", "unknown_type"),
    ('{"type":"dance"}', "unknown_type"),
    ('{"type":7}', "wrong_type"),
    ('{"type":"send"}', "missing_field"),
    ('{"message":7}', "wrong_type"),
    ('{"message":""}', "message_empty"),
    ('{"message":"\\u0000"}', "invalid_characters"),
    ('{"message":"\\ud800"}', "invalid_characters"),
    (json.dumps({"message": "x" * 4001}), "message_too_long"),
    ('{"message":"hi","room":"nowhere"}', "unknown_room"),
    ('{"message":"hi","room":""}', "unknown_room"),
    ('{"message":"hi","room":7}', "wrong_type"),
    ('{"message":"hi","client_id":""}', "client_id_length"),
    (json.dumps({"message": "hi", "client_id": "x" * 65}), "client_id_length"),
    ('{"message":"hi","client_id":7}', "wrong_type"),
    ('{"type":"subscribe","room":"nowhere"}', "unknown_room"),
    ('{"type":"subscribe","room":"lobby","after":"x"}', "wrong_type"),
    ('{"type":"subscribe","room":"lobby","after":-1}', "out_of_range"),
    ('{"type":"subscribe","room":"lobby","after":true}', "wrong_type"),
    ('{"type":"unsubscribe","room":"nowhere"}', "unknown_room"),
    ('{"type":"typing","room":"nowhere"}', "unknown_room"),
    ('{"type":"read","room":"nowhere","cursor":1}', "unknown_room"),
    ('{"type":"read","room":"lobby"}', "missing_field"),
    ('{"type":"read","room":"lobby","cursor":"x"}', "wrong_type"),
    ('{"type":"read","room":"lobby","cursor":true}', "wrong_type"),
    ('{"type":"read","room":"lobby","cursor":1.5}', "wrong_type"),
    ('{"type":"read","room":"lobby","cursor":-1}', "out_of_range"),
    ('{"type":"read","room":"lobby","cursor":9223372036854775808}', "out_of_range"),
]


async def test_a_frame_that_is_not_allowed_gets_an_error_and_the_socket_stays_open(ada: Person) -> None:
    async with ada.live() as socket:
        for text, code in BROKEN_FRAMES:
            await socket.send_text(text)
            error = await socket.next("error", "chat")
            assert error.get("code") == code, text[:100]
            assert error["error"].endswith(".")
        await socket.send(message="still here")
        assert (await socket.next("chat"))["message"] == "still here"
    assert len(await ada.listed()) == 1


async def test_a_refused_send_names_its_client_id(ada: Person) -> None:
    async with ada.live() as socket:
        await socket.send(message="x" * 4001, client_id="long-1")
        assert (await socket.next("error"))["client_id"] == "long-1"
        await socket.send(type="dance", client_id="x" * 65)
        assert "client_id" not in await socket.next("error")


async def test_the_longest_message_fits_in_its_widest_spelling(ada: Person) -> None:
    async with ada.live() as socket:
        await socket.send(message="\U0001f600" * 4000)  # json.dumps writes each as two escapes
        assert (await socket.next("chat"))["message"] == "\U0001f600" * 4000


async def test_who_has_not_joined_cannot_send(ada: Person, eve: Person) -> None:
    async with eve.connected("/ws") as socket:
        await socket.send(message="hi", room="lobby", client_id="e-1")
        error = await socket.next("error")
        assert (error["code"], error["client_id"]) == ("not_joined", "e-1")
        for frame in ({"type": "typing"}, {"type": "read", "cursor": 0}):
            await socket.send(room="lobby", **frame)
            assert (await socket.next("error"))["code"] == "not_joined"
    assert await ada.listed() == []


@pytest.mark.parametrize(
    "frame",
    [
        {"message": "hi"},
        {"type": "subscribe"},
        {"type": "unsubscribe"},
        {"type": "typing"},
        {"type": "read", "cursor": 1},
    ],
)
async def test_a_socket_without_a_room_must_name_one(ada: Person, frame: dict[str, Any]) -> None:
    async with ada.connected("/ws") as socket:
        await socket.send(**frame)
        assert (await socket.next("error"))["code"] == "missing_field"


# Closing


@pytest.mark.settings(close_seconds=0.1)
async def test_a_binary_frame_closes_with_1003(ada: Person) -> None:
    async with raw_socket(ada) as raw:
        await raw.send_frame(BINARY, b"\x00")
        assert await raw.closed() == (1003, b"")


async def test_broken_utf8_closes_with_1007(ada: Person) -> None:
    async with raw_socket(ada) as raw:
        await raw.send_frame(TEXT, b'{"message":"\xff"}')
        assert (await raw.closed())[0] == 1007


async def test_a_frame_over_the_limit_closes_with_1009(server: RunningServer, ada: Person) -> None:
    async with raw_socket(ada) as raw:
        await raw.send_frame(TEXT, b" " * server.settings.frame_max_bytes)
        assert (await raw.next("error"))["code"] == "malformed"
        await raw.send_frame(TEXT, b" " * (server.settings.frame_max_bytes + 1))
        assert (await raw.closed())[0] == 1009


async def test_nothing_follows_a_close_frame(ada: Person, bob: Person) -> None:
    async with raw_socket(bob) as raw:
        await raw.next("live")
        await raw.send_frame(BINARY, b"")
        await raw.send_frame(TEXT, b'{"type":"ping"}')
        await ada.says("too late")
        await raw.send_frame(CLOSE, (1003).to_bytes(2, "big"))
        code, rest = await raw.closed()
        assert (code, rest) == (1003, b"")


async def test_a_client_that_closes_is_answered_and_gone(ada: Person, bob: Person) -> None:
    async with ada.live() as socket, raw_socket(bob) as raw:
        await socket.sees_come("bob")
        await raw.send_frame(CLOSE, (1000).to_bytes(2, "big"))
        assert (await raw.closed())[0] == 1000
        assert (await socket.next("presence"))["offline"] == ["bob"]


async def test_signing_out_closes_the_sockets_of_that_sign_in_and_no_others(server: RunningServer, ada: Person) -> None:
    async with visiting(server, "ada") as ada_elsewhere:
        await ada_elsewhere.sign_in()
        async with ada.live() as socket, ada.live("/ws/chat/lobby") as second, ada_elsewhere.live() as elsewhere:
            assert (await ada.get("/logout")).status == 200
            assert await socket.close_code() == 4401
            assert await second.close_code() == 4401
            await elsewhere.send(message="still here")
            assert (await elsewhere.next("chat"))["message"] == "still here"


async def test_a_stopping_server_closes_with_1001(server: RunningServer, ada: Person) -> None:
    async with ada.live() as socket:
        closing = asyncio.create_task(socket.close_code())
        await server.stop()
        assert await closing == 1001


async def test_a_stopping_server_commits_what_it_accepted(server: RunningServer, ada: Person) -> None:
    texts = [str(number) for number in range(200)]
    async with ada.live() as socket:
        for text in texts:
            await socket.send(message=text)
        first = await socket.next("chat")
        stopping = asyncio.create_task(server.stop())
        seen = [first["message"]]
        rest = [json.loads(received.data) async for received in socket.connection if received.type is WSMsgType.TEXT]
        seen += [frame["message"] for frame in rest if frame["type"] == "chat"]
        await stopping
    assert seen == texts[: len(seen)]
    await server.start()
    stored = [message["message"] for message in await ada.listed()]
    assert stored == seen


# Pings, presence, typing


async def test_both_kinds_of_ping_are_answered(ada: Person) -> None:
    async with raw_socket(ada) as raw:
        await raw.next("live")
        await raw.send_frame(TEXT, b'{"type":"ping"}')
        assert (await raw.next("pong")) == {"type": "pong"}
        await raw.send_frame(PING, b"are you there")
        while (frame := await raw.receive_frame())[0] != PONG:
            pass
        assert frame == (PONG, b"are you there")


async def test_who_comes_is_told_who_is_there_and_the_others_are_told_who_came_and_left(
    ada: Person, bob: Person
) -> None:
    async with ada.live() as ada_socket:
        assert (await ada_socket.next("presence")) == {
            "type": "presence", "room": "lobby", "online": ["ada"], "offline": [], "count": 1,
        }  # fmt: skip
        async with bob.live() as bob_socket:
            assert (await bob_socket.next("presence"))["online"] == ["ada", "bob"]
            came = await ada_socket.sees_come("bob")
            assert (came["offline"], came["count"]) == ([], 2)
        left = await ada_socket.next("presence")
        assert (left["online"], left["offline"], left["count"]) == ([], ["bob"], 1)


async def test_a_person_with_two_sockets_is_one_person(ada: Person, bob: Person) -> None:
    async with ada.live() as socket:
        async with bob.live():
            await socket.sees_come("bob")
            async with bob.live():
                pass
            await bob.says("marker")
            assert (await socket.next("presence", "chat"))["type"] == "chat"  # nobody left, nobody came
        assert (await socket.next("presence"))["offline"] == ["bob"]


async def test_a_lost_connection_corrects_the_presence(ada: Person, bob: Person) -> None:
    async with ada.live() as socket, raw_socket(bob) as raw:
        await socket.sees_come("bob")
        raw.abandon()
        assert (await socket.next("presence"))["offline"] == ["bob"]


@pytest.mark.settings(presence_names_max=1)
async def test_in_a_large_room_presence_is_a_number(ada: Person, bob: Person) -> None:
    async with ada.live() as ada_socket:
        await ada_socket.next("presence")
        async with bob.live() as bob_socket:
            assert await bob_socket.next("presence") == {"type": "presence", "room": "lobby", "count": 2}
            while (told := await ada_socket.next("presence")).get("online") == ["ada"]:
                pass
            assert told == {"type": "presence", "room": "lobby", "count": 2}
        shrunk = await ada_socket.next("presence")
        assert (shrunk["online"], shrunk["count"]) == (["ada"], 1)  # small again: named afresh


async def test_typing_is_gathered_into_one_frame(ada: Person, bob: Person) -> None:
    async with ada.live() as ada_socket, bob.live() as bob_socket:
        for _ in range(20):
            await bob_socket.send(type="typing")
        assert await ada_socket.next("typing") == {"type": "typing", "room": "lobby", "usernames": ["bob"]}
        await ada.says("marker")
        assert (await ada_socket.next("typing", "chat"))["type"] == "chat"


@pytest.mark.settings(presence_names_max=1)
async def test_in_a_large_room_nobody_is_told_who_types(ada: Person, bob: Person) -> None:
    async with ada.live() as ada_socket, bob.live() as bob_socket:
        await bob_socket.send(type="typing")
        while "online" in await ada_socket.next("presence"):
            pass
        await bob_socket.send(message="marker")
        assert (await ada_socket.next("typing", "chat"))["type"] == "chat"
