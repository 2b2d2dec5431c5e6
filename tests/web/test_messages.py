from __future__ import annotations

import asyncio
import json
from collections import Counter
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.models import Message
from chat.protocol import message_json
from chat.store.database import Database
from chat.store.messages import list_messages_after
from chat.web.keys import DATABASE
from tests.examples import examples, storable_text
from tests.forms import Post, each_kind_of_body, post_json, post_multipart, post_urlencoded
from tests.people import Person, Socket, visiting
from tests.raw_sockets import raw_socket
from tests.servers import RunningServer

LONGEST = 4000
JSON_TYPE = {"Content-Type": "application/json"}
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}


async def send_many(person: Person, count: int) -> None:
    """Send messages "0", "1", … over a socket, which is the quickest way."""
    async with person.live() as socket:
        sending = asyncio.create_task(send_numbers(socket.connection.send_str, count))
        await socket.chats(count)
        await sending


async def send_numbers(send: Any, count: int) -> None:
    for number in range(count):
        await send(json.dumps({"message": str(number)}))


async def page(person: Person, **fields: Any) -> dict[str, Any]:
    answer = await person.post("/list_message", room="lobby", **fields)
    assert answer.status == 200, answer
    return answer.body  # type: ignore[no-any-return]


def texts(listing: dict[str, Any]) -> list[str]:
    return [message["message"] for message in listing["messages"]]


@each_kind_of_body
async def test_a_sent_message_is_answered_and_listed_with_all_its_fields(ada: Person, bob: Person, post: Post) -> None:
    sent = (await post(ada, "/send_message", room="lobby", message="hi", client_id="c1")).body
    assert sent == {
        "message": "hi",
        "id": 1,
        "room": "lobby",
        "timestamp": sent["timestamp"],
        "cursor": sent["cursor"],
        "client_id": "c1",
    }
    assert len(sent["timestamp"]) == len("2026-11-22T10:00:00.123Z")
    listed = await post(bob, "/list_message", room="lobby")
    assert (listed.status, listed.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    message = {name: sent[name] for name in ("id", "cursor", "message", "timestamp", "client_id")}
    assert listed.body == {
        "room": "lobby",
        "cursor": sent["cursor"],
        "messages": [message | {"user_id": ada.user_id, "username": "ada"}],
    }


async def test_a_message_without_a_client_id_is_listed_without_one(ada: Person) -> None:
    assert "client_id" not in await ada.says("hi")
    assert "client_id" not in (await ada.listed())[0]


async def test_an_empty_room_is_an_empty_list(ada: Person) -> None:
    assert (await page(ada))["messages"] == (await page(ada, limit=1))["messages"] == []


@pytest.mark.parametrize("post", [post_json, post_urlencoded, post_multipart])
@given(message=storable_text.filter(bool))
@examples(60)
async def test_a_message_comes_back_exactly_as_it_was_entered(ada: Person, post: Post, message: str) -> None:
    answer = await post(ada, "/send_message", room="lobby", message=message)
    assert (answer.status, answer.body["message"]) == (200, message)
    last = await page(ada, limit=1)
    assert texts(last) == [message]


@each_kind_of_body
async def test_no_newline_or_blank_is_altered(ada: Person, post: Post) -> None:
    hard = [
        "a\nb",
        "a\r\nb",
        "a\rb",
        "\r\n",
        "\n",
        " ",
        "\ta\t",
        "\u2028\u2029\x85\x0b\x0c",
        "--",
        "a=b&c+d%20",
        "\ufeff",
    ]
    for message in hard:
        assert (await post(ada, "/send_message", room="lobby", message=message)).status == 200
    assert texts(await page(ada)) == hard


@each_kind_of_body
async def test_the_longest_message_is_taken_and_one_longer_is_not(ada: Person, post: Post) -> None:
    for character in ("x", "é", "\n", "😀"):
        answer = await post(ada, "/send_message", room="lobby", message=character * LONGEST)
        assert (answer.status, answer.body["message"]) == (200, character * LONGEST)
        longer = await post(ada, "/send_message", room="lobby", message=character * (LONGEST + 1))
        assert (longer.status, longer.body["code"]) == (422, "message_too_long")
        assert "4,000" in longer.body["error"]
    assert len(await ada.listed()) == 4


async def test_the_longest_message_is_taken_in_its_widest_encodings(ada: Person) -> None:
    escaped = '{"room": "lobby", "message": "%s"}' % ("\\ud83d\\ude00" * LONGEST)
    encoded = "room=lobby&message=" + quote("😀") * LONGEST
    for body, headers in ((escaped, JSON_TYPE), (encoded, FORM_TYPE)):
        assert len(body) > 12 * LONGEST
        answer = await ada.request("POST", "/send_message", data=body, headers=headers)
        assert (answer.status, answer.body["message"]) == (200, "😀" * LONGEST)


@pytest.mark.settings(message_max_characters=5)
async def test_the_longest_message_is_a_setting(ada: Person) -> None:
    await ada.says("12345")
    assert (await ada.post("/send_message", room="lobby", message="123456")).status == 422


async def test_what_is_wrong_with_a_message_is_said_and_nothing_stored(ada: Person) -> None:
    for fields, status, code in (
        ({}, 400, "missing_field"),
        ({"message": None}, 400, "missing_field"),
        ({"message": 1}, 400, "wrong_type"),
        ({"message": ["hi"]}, 400, "wrong_type"),
        ({"message": ""}, 422, "message_empty"),
        ({"message": "a\0b"}, 422, "invalid_characters"),
        ({"message": "\ud83d"}, 422, "invalid_characters"),
        ({"message": "hi", "client_id": 1}, 400, "wrong_type"),
        ({"message": "hi", "client_id": ""}, 422, "client_id_length"),
        ({"message": "hi", "client_id": "c" * 65}, 422, "client_id_length"),
        ({"message": "hi", "client_id": "\0"}, 422, "invalid_characters"),
        ({"message": "hi", "room": 1}, 400, "wrong_type"),
    ):
        answer = await ada.post("/send_message", **({"room": "lobby"} | fields))
        assert (answer.status, answer.body["code"]) == (status, code), fields
    assert await ada.listed() == []


async def test_a_repeat_stores_nothing_and_is_answered_with_the_original(server: RunningServer, ada: Person) -> None:
    original = await ada.says("hi", client_id="c1")
    assert await ada.says("hi", client_id="c1") == original
    assert await ada.says("something else", client_id="c1") == original
    await server.stop()
    await server.start()
    assert await ada.says("hi", client_id="c1") == original
    assert texts(await page(ada)) == ["hi"]
    assert (await ada.says("hi", client_id="c2"))["id"] > original["id"]
    assert (await ada.says("hi", client_id="C1"))["client_id"] == "C1"


async def test_a_repeat_into_another_room_is_answered_with_the_original(ada: Person) -> None:
    await ada.post("/create_room", room="tea")
    original = await ada.says("hi", client_id="c1")
    assert await ada.says("hi", "tea", client_id="c1") == original
    assert await ada.listed("tea") == []


async def test_repeats_that_arrive_together_are_stored_once(ada: Person) -> None:
    answers = await asyncio.gather(*(ada.says("hi", client_id="c1") for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert len(await ada.listed()) == 1


async def test_the_client_ids_of_two_people_have_nothing_to_do_with_each_other(ada: Person, bob: Person) -> None:
    longest = "é" * 64
    first, second = await ada.says("hi", client_id=longest), await bob.says("ho", client_id=longest)
    assert first["id"] != second["id"]
    assert [(message["username"], message["client_id"]) for message in await ada.listed()] == [
        ("ada", longest),
        ("bob", longest),
    ]


async def test_going_back_page_by_page_meets_every_message_once(ada: Person) -> None:
    await send_many(ada, 23)
    pages = [await page(ada, limit=5)]
    while "next" in pages[-1]:
        pages.append(await page(ada, limit=5, before=pages[-1]["next"]))
    assert [len(one["messages"]) for one in pages] == [5, 5, 5, 5, 3]
    assert [text for one in reversed(pages) for text in texts(one)] == [str(number) for number in range(23)]


@each_kind_of_body
async def test_going_on_page_by_page_meets_every_message_once(ada: Person, post: Post) -> None:
    await send_many(ada, 20)
    pages = [(await post(ada, "/list_message", room="lobby", limit=5, after=0)).body]
    while "next" in pages[-1]:
        pages.append((await post(ada, "/list_message", room="lobby", limit=5, after=pages[-1]["next"])).body)
    assert [len(one["messages"]) for one in pages] == [5, 5, 5, 5]
    assert [text for one in pages for text in texts(one)] == [str(number) for number in range(20)]


async def test_before_and_after_bound_a_listing_of_one_room_with_and_without_a_limit(ada: Person) -> None:
    await ada.post("/create_room", room="tea")
    for number in range(5):
        await ada.says(str(number))
        await ada.says("elsewhere", "tea")
    ids = [message["id"] for message in await ada.listed()]
    for limit in ({}, {"limit": 500}):
        assert texts(await page(ada, after=ids[0], before=ids[4], **limit)) == ["1", "2", "3"]
        assert texts(await page(ada, after=ids[2], **limit)) == ["3", "4"]
        assert texts(await page(ada, before=ids[2], **limit)) == ["0", "1"]
        assert texts(await page(ada, before=0, **limit)) == []
        assert texts(await page(ada, after=2**63 - 1, **limit)) == []


@pytest.mark.parametrize("name", ["before", "after", "limit"])
async def test_a_number_that_is_none_or_out_of_range_is_refused(ada: Person, name: str) -> None:
    wrong: list[tuple[Any, int, str]] = [("x", 400, "wrong_type"), (1.5, 400, "wrong_type"), (True, 400, "wrong_type")]
    wrong += [(-1, 422, "out_of_range"), (2**63, 422, "out_of_range"), ("-1", 422, "out_of_range")]
    if name == "limit":
        wrong += [(0, 422, "out_of_range"), (501, 422, "out_of_range"), ("0", 422, "out_of_range")]
    for value, status, code in wrong:
        answer = await ada.post("/list_message", room="lobby", **{name: value})
        assert (answer.status, answer.body["code"]) == (status, code)
        assert name in answer.body["error"]


async def test_the_smallest_and_the_largest_page_are_given(ada: Person) -> None:
    await send_many(ada, 501)
    assert texts(await page(ada, limit=1)) == ["500"]
    assert len(texts(await page(ada, limit=500))) == 500


@pytest.mark.settings(page_max_messages=7, frames_per_user_burst=10_000)
async def test_a_whole_room_is_listed_however_many_pages_it_takes(ada: Person) -> None:
    await send_many(ada, 3000)
    listing = await page(ada)
    assert texts(listing) == [str(number) for number in range(3000)]
    assert "next" not in listing
    assert all(one["id"] < other["id"] for one, other in pairwise(listing["messages"]))
    assert (await ada.post("/list_message", room="lobby", limit=8)).status == 422


async def test_a_long_listing_is_made_a_part_at_a_time(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    await send_many(ada, 350)
    made: Counter[int] = Counter()
    turn = 0

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    def make(message: Message) -> str:
        made[turn] += 1
        return message_json(message)

    async def read(database: Database, room_id: int, *, after: int, before: int, limit: int) -> list[Message]:
        read_at_once.append(limit)
        return await list_messages_after(database, room_id, after=after, before=before, limit=limit)

    read_at_once: list[int] = []
    monkeypatch.setattr("chat.web.messages.message_json", make)
    monkeypatch.setattr("chat.store.messages.list_messages_after", read)
    counting = asyncio.create_task(count_turns())
    for fields in ({"limit": 350}, {}):
        made.clear()
        assert texts(await page(ada, **fields)) == [str(number) for number in range(350)]
        assert sum(made.values()) == 350
        assert max(made.values()) <= 100
    counting.cancel()
    assert read_at_once == [100] * 4, "of a whole room little is in memory, whether or not it is taken"


@pytest.mark.settings(page_max_messages=10)
@pytest.mark.parametrize("limit", [{}, {"limit": 10}])
async def test_a_listing_and_a_subscription_after_its_cursor_miss_nothing(
    ada: Person, bob: Person, limit: dict[str, int]
) -> None:
    sending = asyncio.create_task(send_many(bob, 600))
    seen: list[int] = []
    while not seen:
        listing = await page(ada, **limit)
        seen = [message["id"] for message in listing["messages"]]
    await sending
    everything = [message["id"] for message in await ada.listed()]
    assert len(everything) == 600
    async with ada.connected(f"/ws/chat/lobby?after={listing['cursor']}") as socket:
        rest = [frame["id"] for frame in await socket.until_live()]
    # A page begins anywhere; from its first message on, nothing may be missing and nothing double.
    start = everything.index((seen + rest)[0])
    assert seen + rest == everything[start:]
    assert limit or start == 0


async def test_every_listing_among_many_senders_is_whole_up_to_its_cursor(server: RunningServer, ada: Person) -> None:
    answers: list[dict[str, Any]] = []

    async def sends() -> None:
        for number in range(40):
            sent = await ada.says(str(number))
            listing = await page(ada)
            assert sent["id"] in [message["id"] for message in listing["messages"]], "what was answered is listed"
            answers.append(listing)

    await asyncio.gather(*(sends() for _ in range(4)))
    everything = [message["id"] for message in await ada.listed()]
    for listing in answers:
        ids = [message["id"] for message in listing["messages"]]
        assert ids == [message_id for message_id in everything if message_id <= listing["cursor"]]


async def test_messages_and_the_order_of_their_ids_survive_a_restart(server: RunningServer, ada: Person) -> None:
    first = await ada.says("before")
    before = await page(ada)
    await server.stop()
    await server.start()
    assert await page(ada) == before
    second = await ada.says("after")
    assert second["id"] > first["id"]
    assert second["cursor"] > first["cursor"]
    assert texts(await page(ada)) == ["before", "after"]


async def test_who_signed_out_or_never_was_in_reads_and_writes_nothing(ada: Person, stranger: Person) -> None:
    await ada.says("hi")
    cookie = ada.cookie
    await ada.get("/logout")
    for path in ("/send_message", "/list_message"):
        for headers in ({}, {"Cookie": cookie}):
            fields = {"room": "lobby", "message": "hi"}
            answer = await stranger.request("POST", path, json=fields, headers=headers)
            assert (answer.status, answer.body["code"]) == (401, "not_signed_in")
    async with visiting(ada.server, "ada") as again:
        await again.sign_in()
        assert len(await again.listed()) == 1


# Deleting


async def delete(admin: Person, message_id: int) -> dict[str, Any]:
    answer = await admin.post("/delete_message", id=message_id)
    assert answer.status == 200, answer
    return answer.body  # type: ignore[no-any-return]


@each_kind_of_body
async def test_a_deleted_message_is_listed_without_its_text(ada: Person, bob: Person, post: Post) -> None:
    said = await bob.says("a secret", client_id="b1")
    answer = await post(ada, "/delete_message", id=str(said["id"]))
    assert (answer.status, answer.body) == (
        200, {"message": "The message is deleted.", "id": said["id"], "room": "lobby", "cursor": said["cursor"] + 1},
    )  # fmt: skip
    for listed in (await bob.listed(), (await page(bob, limit=5))["messages"]):
        assert listed == [
            {
                "id": said["id"], "cursor": said["cursor"] + 1, "user_id": bob.user_id, "username": "bob",
                "message": "", "timestamp": said["timestamp"], "client_id": "b1", "deleted": True,
            }
        ]  # fmt: skip
    assert (await ada.sees_room())["unread"] == 0


async def test_only_an_admin_deletes_messages(ada: Person, bob: Person, eve: Person, stranger: Person) -> None:
    said = await bob.says("stays")
    for person in (bob, eve):
        answer = await person.post("/delete_message", id=said["id"])
        assert (answer.status, answer.body["code"]) == (403, "not_admin")
    answer = await stranger.post("/delete_message", id=said["id"])
    assert (answer.status, answer.body["code"]) == (401, "not_signed_in")
    assert [message["message"] for message in await ada.listed()] == ["stays"]


async def test_what_cannot_be_deleted_is_refused_and_nothing_noted(server: RunningServer, ada: Person) -> None:
    said = await ada.says("stays")
    for fields, status, code in (
        ({}, 400, "missing_field"),
        ({"id": "x"}, 400, "wrong_type"),
        ({"id": -1}, 422, "out_of_range"),
        ({"id": said["id"] + 1}, 404, "unknown_message"),
    ):
        answer = await ada.post("/delete_message", **fields)
        assert (answer.status, answer.body["code"]) == (status, code)
    database = server.app[DATABASE]
    assert await database.read("SELECT * FROM audit") == []
    await delete(ada, said["id"])
    assert (await ada.post("/delete_message", id=said["id"])).status == 404
    ((subject,),) = await database.read("SELECT subject FROM audit")
    assert subject == f"message {said['id']} in lobby"


async def test_readers_learn_of_a_deletion_live_and_when_they_are_back(ada: Person, bob: Person) -> None:
    said = await bob.says("a secret")
    async with bob.live() as socket:
        cursor = (await delete(ada, said["id"]))["cursor"]
        frame = await socket.next("delete", "chat")
    wanted = {"type": "delete", "room": "lobby", "id": said["id"], "cursor": cursor, "user_id": bob.user_id}
    assert frame == wanted
    for after in (0, said["cursor"]):
        async with bob.connected(f"/ws/chat/lobby?after={after}") as socket:
            assert await socket.next("delete", "chat", "live") == wanted
            assert (await socket.next("delete", "chat", "live"))["type"] == "live"
    async with bob.connected(f"/ws/chat/lobby?after={cursor}") as socket:
        assert (await socket.next("delete", "chat", "live"))["type"] == "live"


async def test_a_sender_who_repeats_a_deleted_message_is_told_that_it_is(ada: Person, bob: Person) -> None:
    """Over HTTP, on a socket that is live, on one that reads nothing, and on one that is still catching up."""
    said = await bob.says("a secret", client_id="b1")
    deleted = await delete(ada, said["id"])
    answer = await bob.says("a secret", client_id="b1")
    assert answer == said | {"message": "", "cursor": deleted["cursor"], "deleted": True}
    for path, before in (("/ws/chat/lobby", 0), ("/ws/chat/lobby?after=0", 1)):
        async with bob.connected(path) as socket:
            assert len(await frames_until_live(socket)) == before
            await socket.send(message="a secret", client_id="b1")
            frame = await socket.next("chat", "delete")
            assert (frame["type"], frame["id"], frame["client_id"]) == ("delete", said["id"], "b1")
    async with bob.connected("/ws") as socket:
        await socket.send(message="a secret", client_id="b1", room="lobby")
        assert (await socket.next("chat", "delete"))["type"] == "delete"
        await socket.send(type="subscribe", room="lobby", after=0)
        await socket.send(message="a secret", client_id="b1", room="lobby")
        assert [frame["type"] for frame in await frames_until_live(socket)] == ["delete"]
    assert len(await bob.listed()) == 1


async def test_the_read_mark_may_be_the_cursor_of_a_deletion(ada: Person, bob: Person) -> None:
    said = [await bob.says(text) for text in ("goes", "stays")]
    cursor = (await delete(ada, said[0]["id"]))["cursor"]
    assert (await ada.sees_room())["unread"] == 1
    async with ada.live() as socket:
        await socket.send(type="read", cursor=cursor)
        await socket.settled()
        room = await ada.sees_room()
        assert (room["unread"], room["read"]) == (0, cursor)
        await bob.says("later")
        assert (await ada.sees_room())["unread"] == 1


async def test_deleted_messages_and_the_counter_survive_a_restart(server: RunningServer, ada: Person) -> None:
    said = await ada.says("a secret")
    deleted = await delete(ada, said["id"])
    await server.stop()
    await server.start()
    (listed,) = await ada.listed()
    assert (listed["message"], listed["deleted"], listed["cursor"]) == ("", True, deleted["cursor"])
    assert (await ada.says("after"))["id"] > deleted["cursor"]


@pytest.mark.settings(commit_batch_max_messages=3, catch_up_page_messages=2, requests_per_user_burst=100_000)
@given(acts=st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=30), seen_part=st.floats(0, 1))
@examples(25)
async def test_whoever_comes_back_from_anywhere_ends_with_what_is_listed(
    ada: Person, acts: list[float | None], seen_part: float
) -> None:
    """Sends (None) and deletions (which of the last ids) at the same time; the reader is lost at any cursor."""
    async with ada.connected("/ws/chat/lobby?after=0") as socket:
        frames = await frames_until_live(socket)
        start = max((frame["cursor"] for frame in frames), default=0)
        async with asyncio.TaskGroup() as group:
            for act in acts:
                if act is None:
                    await socket.send(message="a text")
                else:
                    group.create_task(ada.post("/delete_message", id=start + 1 + int(act * len(acts))))
                    await asyncio.sleep(0)
        frames += await socket.settled("chat", "delete")
        while sum(frame["type"] == "chat" and frame["cursor"] > start for frame in frames) < acts.count(None):
            frames.append(await socket.next("chat", "delete"))
    cursors = [frame["cursor"] for frame in frames]
    assert cursors == sorted(set(cursors))
    listed = {message["id"]: (message["message"], message.get("deleted", False)) for message in await ada.listed()}
    assert state(frames) == listed
    lost_at = start + int(seen_part * (cursors[-1] - start))
    async with ada.connected(f"/ws/chat/lobby?after={lost_at}") as socket:
        missed = await frames_until_live(socket)
    changed = {message["cursor"] for message in await ada.listed()}
    assert [frame["cursor"] for frame in missed] == sorted(cursor for cursor in changed if cursor > lost_at)
    assert state([frame for frame in frames if frame["cursor"] <= lost_at] + missed) == listed


async def frames_until_live(socket: Socket) -> list[dict[str, Any]]:
    frames = []
    while (frame := await socket.next("chat", "delete", "live"))["type"] != "live":
        frames.append(frame)
    return frames


def state(frames: list[dict[str, Any]]) -> dict[int, tuple[str, bool]]:
    """What a reader knows after these frames: of each message the text, and whether it was deleted."""
    return {frame["id"]: (frame.get("message", ""), frame["type"] == "delete") for frame in frames}


@pytest.mark.settings(unsent_max_bytes=8 * 1024, catch_up_page_messages=3, requests_per_user_burst=100_000)
async def test_a_reader_who_is_slow_while_messages_are_deleted_ends_with_what_is_listed(
    ada: Person, bob: Person
) -> None:
    async with ada.live() as sender, raw_socket(bob) as slow:
        await slow.next("live")
        for number in range(1000):
            await sender.send(message=f"{number} " + "x" * 3900)
            message_id = (await sender.next("chat"))["id"]
            if number % 5 == 4:
                await delete(ada, message_id)
        listed = {message["id"]: (message["message"], message.get("deleted", False)) for message in await ada.listed()}
        assert sum(deleted for _, deleted in listed.values()) == 200
        newest = max(message["cursor"] for message in await ada.listed())
        frames: list[dict[str, Any]] = []
        while not frames or frames[-1]["cursor"] < newest:
            frame = await slow.receive()
            if frame["type"] in ("chat", "delete"):
                frames.append(frame)
        assert state(frames) == listed
        cursors = [frame["cursor"] for frame in frames]
        assert cursors == sorted(set(cursors))
        assert len([frame for frame in frames if frame["type"] == "chat"]) < 1000, "the reader was expected to be slow"
