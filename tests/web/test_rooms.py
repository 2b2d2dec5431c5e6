from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from chat.web.keys import DATABASE
from tests.forms import Post, each_kind_of_body
from tests.people import Person, visiting
from tests.raw_sockets import TEXT, raw_socket
from tests.servers import RunningServer

LOBBY = {"room_id": 1, "room_name": "lobby"}
NOT_JOINED = {"joined": False, "last_message_at": None}
JOINED = {"joined": True, "last_message_at": None, "unread": 0, "read": 0}


async def test_a_new_server_has_a_lobby(eve: Person) -> None:
    answer = await eve.get("/get_rooms")
    assert (answer.status, answer.body) == (200, {"cursor": 0, "rooms": [LOBBY | NOT_JOINED]})


@each_kind_of_body
async def test_a_room_belongs_to_its_maker_and_is_open_to_all(eve: Person, bob: Person, post: Post) -> None:
    answer = await post(eve, "/create_room", room="Zürich ☕")
    assert answer.status == 200
    room = {"room_id": answer.body["room_id"], "room_name": "Zürich ☕"}
    assert answer.body == room
    assert (await bob.get("/get_rooms")).body["rooms"] == [LOBBY | JOINED, room | NOT_JOINED]
    assert (await eve.get("/get_rooms")).body["rooms"] == [LOBBY | NOT_JOINED, room | JOINED]
    await eve.says("hi", "Zürich ☕")
    refused = await bob.post("/send_message", room="Zürich ☕", message="hi")
    assert (refused.status, refused.body["code"]) == (403, "not_joined")
    joined = await post(bob, "/join_room", room="Zürich ☕")
    assert (joined.status, joined.body) == (200, {"message": "You are in Zürich ☕."} | room)
    await bob.says("hi", "Zürich ☕")


async def test_a_room_name_or_one_that_looks_like_it_is_given_once(eve: Person) -> None:
    for name in ("lobby", "LOBBY", "ｌｏｂｂｙ", "lоbby"):
        answer = await eve.post("/create_room", room=name)
        assert (answer.status, answer.body["code"]) == (409, "name_taken")
        assert name in answer.body["error"]
    assert (await eve.get("/get_rooms")).body["rooms"] == [LOBBY | NOT_JOINED]
    assert (await eve.post("/create_room", room="lobby 2")).status == 200


async def test_people_and_rooms_may_have_the_same_name(ada: Person) -> None:
    assert (await ada.post("/create_room", room="ada")).status == 200


async def test_a_room_name_that_breaks_a_rule_is_refused(eve: Person) -> None:
    for name, code in (
        ("", "name_empty"),
        ("x" * 65, "name_too_long"),
        ("lobby ", "name_spaces"),
        ("a/b", "name_slash"),
        ("..", "name_slash"),
        ("a\u200bb", "name_invisible"),
    ):
        answer = await eve.post("/create_room", room=name)
        assert (answer.status, answer.body["code"]) == (422, code)
        assert "room name" in answer.body["error"]


async def test_joining_again_is_harmless(ada: Person) -> None:
    for _ in range(2):
        answer = await ada.post("/join_room", room="lobby")
        assert (answer.status, answer.body) == (200, {"message": "You are in lobby."} | LOBBY)


async def test_a_room_is_found_in_every_spelling_and_keeps_its_own(eve: Person) -> None:
    assert (await eve.post("/join_room", room="LOBBY")).body["room_name"] == "lobby"
    assert (await eve.post("/send_message", room="ＬＯＢＢＹ", message="hi")).body["room"] == "lobby"
    assert (await eve.post("/list_message", room="Lobby")).body["room"] == "lobby"


@pytest.mark.parametrize("path", ["/join_room", "/leave_room", "/send_message", "/list_message"])
async def test_there_is_nothing_in_a_room_that_does_not_exist(ada: Person, path: str) -> None:
    for name in ("nowhere", "x" * 5000, "lоbby", "../lobby"):
        answer = await ada.post(path, room=name, message="hi")
        assert (answer.status, answer.body["code"]) == (404, "unknown_room")


@pytest.mark.parametrize("path", ["/leave_room", "/send_message", "/list_message"])
async def test_who_has_not_joined_neither_reads_nor_writes(ada: Person, eve: Person, path: str) -> None:
    await ada.says("for members")
    answer = await eve.post(path, room="lobby", message="hi")
    assert (answer.status, answer.body["code"]) == (403, "not_joined")
    assert "lobby" in answer.body["error"]
    assert len(await ada.listed()) == 1


@pytest.mark.parametrize("path", ["/create_room", "/join_room", "/leave_room"])
async def test_the_room_must_be_there_and_be_text(ada: Person, path: str) -> None:
    for fields, status, code in (
        ({}, 400, "missing_field"),
        ({"room": None}, 400, "missing_field"),
        ({"room": 1}, 400, "wrong_type"),
        ({"room": ["lobby"]}, 400, "wrong_type"),
        ({"room": "lob\0by"}, 422, "invalid_characters"),
        ({"room": "\udc00"}, 422, "invalid_characters"),
    ):
        answer = await ada.post(path, **fields)
        assert (answer.status, answer.body["code"]) == (status, code)
        assert "room" in answer.body["error"]


async def test_joining_makes_a_room_the_current_one_of_this_session_only(server: RunningServer, ada: Person) -> None:
    await ada.post("/create_room", room="tea")
    await ada.joins("tea")
    async with visiting(server, "ada") as phone:
        assert (await phone.sign_in()).status == 200
        for path in ("/send_message", "/list_message"):
            answer = await phone.post(path, message="hi")
            assert (answer.status, answer.body["code"]) == (400, "missing_field")
        await phone.joins("lobby")
        assert (await phone.post("/send_message", message="hi")).body["room"] == "lobby"
    assert (await ada.post("/send_message", message="hi")).body["room"] == "tea"
    assert (await ada.post("/send_message", room="", message="hi")).body["room"] == "tea"
    assert (await ada.post("/send_message", room=None, message="hi")).body["room"] == "tea"
    assert (await ada.post("/list_message")).body["room"] == "tea"
    await ada.joins("lobby")
    assert (await ada.post("/list_message")).body["room"] == "lobby"


async def test_making_a_room_or_naming_one_does_not_change_the_current_one(ada: Person) -> None:
    await ada.post("/create_room", room="tea")
    await ada.says("hi", "tea")
    assert (await ada.post("/join_room", room="nowhere")).status == 404
    assert (await ada.post("/send_message", message="hi")).body["room"] == "lobby"


# Leaving


@each_kind_of_body
async def test_who_leaves_a_room_is_no_member_any_more_and_can_join_again(ada: Person, bob: Person, post: Post) -> None:
    answer = await post(ada, "/leave_room", room="LOBBY")
    assert (answer.status, answer.body) == (200, {"message": "You have left lobby."} | LOBBY)
    assert (await ada.sees_room()) == LOBBY | NOT_JOINED
    for path in ("/leave_room", "/send_message", "/list_message"):
        answer = await post(ada, path, room="lobby", message="hi")
        assert (answer.status, answer.body["code"]) == (403, "not_joined")
    await bob.says("bob stays")
    await ada.joins()
    assert len(await ada.listed()) == 1


async def test_who_made_a_room_can_leave_it_and_the_room_stays(ada: Person, bob: Person) -> None:
    await ada.post("/create_room", room="tea")
    await ada.leaves("tea")
    await bob.joins("tea")
    await bob.says("hi", "tea")


async def test_a_session_whose_current_room_was_left_is_told_so(server: RunningServer, ada: Person) -> None:
    async with visiting(server, "ada") as phone:
        await phone.sign_in()
        await phone.leaves()
        for person, status, code in ((ada, 403, "not_joined"), (phone, 400, "missing_field")):
            for path in ("/send_message", "/list_message"):
                answer = await person.post(path, message="hi")
                assert (answer.status, answer.body["code"]) == (status, code)
    await server.stop()
    await server.start()
    assert (await ada.post("/send_message", message="hi")).body["code"] == "not_joined"
    await ada.joins()
    assert (await ada.post("/send_message", message="hi")).status == 200


# What is unread


async def test_what_others_said_is_unread_until_it_is_marked(ada: Person, bob: Person, eve: Person) -> None:
    said = [await bob.says(str(number)) for number in range(3)]
    await ada.says("mine")
    assert (await ada.sees_room())["unread"] == 3
    assert (await bob.sees_room())["unread"] == 1
    async with ada.live() as socket:
        for message, unread in zip(said, (2, 1, 0), strict=True):
            await socket.send(type="read", cursor=message["cursor"])
            await socket.settled()
            room = await ada.sees_room()  # also while the mark is on its way to disk
            assert (room["unread"], room["read"]) == (unread, message["cursor"])
    assert (await bob.sees_room())["unread"] == 1
    assert eve.user_id
    assert "unread" not in await eve.sees_room()


async def test_a_room_tells_when_something_was_last_said_in_it(ada: Person, eve: Person) -> None:
    await ada.post("/create_room", room="tea")
    for text in ("first", "last"):
        said = await ada.says(text)
    for person in (ada, eve):
        assert (await person.sees_room())["last_message_at"] == said["timestamp"]
        assert (await person.sees_room("tea"))["last_message_at"] is None


async def test_what_was_said_before_one_joined_is_not_unread(ada: Person, bob: Person, eve: Person) -> None:
    await ada.says("before")
    await eve.joins()
    room = await eve.sees_room()
    assert (room["unread"], room["read"]) == (0, 1)
    await ada.says("after")
    assert (await eve.sees_room())["unread"] == 1
    await bob.leaves()
    await ada.says("while away")
    async with bob.live():
        assert (await bob.sees_room())["unread"] == 0


@pytest.mark.settings(unread_max=3)
async def test_the_number_of_unread_messages_has_a_bound(ada: Person, bob: Person) -> None:
    for unread in (1, 2, 3, 3):
        await bob.says("hi")
        assert (await ada.sees_room())["unread"] == unread


async def talk(person: Person, rooms: Sequence[str], count: int) -> None:
    """Say something in one room after the other, ten messages in flight."""
    async with person.connected("/ws") as socket:
        for number in range(count):
            await socket.send(room=rooms[number % len(rooms)], message=str(number))
            if number % 10 == 9:
                await socket.chats(10)


async def list_and_follow(person: Person, said: Mapping[str, int]) -> None:
    """List the rooms, subscribe after the cursor of the list, count until nothing said is missing."""
    answer = await person.get("/get_rooms")
    cursor = answer.body["cursor"]
    counted = {room["room_name"]: room["unread"] for room in answer.body["rooms"]}
    seen: list[int] = []
    async with person.connected("/ws") as socket:
        for room in said:
            await socket.send(type="subscribe", room=room, after=cursor)
        while sum(counted.values()) < sum(said.values()):
            frame = await socket.next("chat")
            counted[frame["room"]] += 1
            seen.append(frame["cursor"])
        assert await socket.settled("chat") == [], "more came than was said"
    assert counted == said
    assert len(seen) == len(set(seen))
    assert all(number > cursor for number in seen)


@pytest.mark.settings(unread_max=10_000, unread_looked_at_max=100_000)
async def test_the_unread_and_what_comes_after_the_cursor_add_up_while_others_are_talking(
    ada: Person, bob: Person, eve: Person
) -> None:
    await ada.post("/create_room", room="tea")
    said = {"lobby": 300, "tea": 300}
    for person in (bob, eve):
        for room in said:
            await person.joins(room)
    async with asyncio.TaskGroup() as group:
        talks = [group.create_task(talk(person, list(said), 300)) for person in (ada, bob)]
        asked: list[asyncio.Task[None]] = []
        # However slow the machine is, no more than one person may ask, and so few at once that all get on.
        while len(asked) < 200 and not all(talk.done() for talk in talks):
            if sum(not question.done() for question in asked) < 10:
                asked.append(group.create_task(list_and_follow(eve, said)))
            for _ in range(200):
                await asyncio.sleep(0)


# Deleting


async def delete(admin: Person, room: str = "lobby") -> None:
    answer = await admin.post("/delete_room", room=room)
    assert answer.status == 200, answer


@each_kind_of_body
async def test_a_deleted_room_is_gone_at_once_for_everyone(ada: Person, bob: Person, post: Post) -> None:
    await bob.says("hi")
    answer = await post(ada, "/delete_room", room="LOBBY")
    assert (answer.status, answer.body) == (200, {"message": "The room lobby is deleted."} | LOBBY)
    assert (await bob.get("/get_rooms")).body["rooms"] == []
    for person in (ada, bob):
        for path in ("/join_room", "/leave_room", "/send_message", "/list_message"):
            answer = await post(person, path, room="lobby", message="hi")
            assert (answer.status, answer.body["code"]) == (404, "unknown_room")
        assert (await person.refused_handshake("/ws/chat/lobby")).status == 404
        # It was their current room; now they have none.
        assert (await post(person, "/send_message", message="hi")).body["code"] == "missing_field"
    assert (await post(ada, "/delete_room", room="lobby")).body["code"] == "unknown_room"
    assert (await post(ada, "/delete_room", room="/deleted/1")).body["code"] == "unknown_room"


async def test_only_an_admin_deletes_rooms(ada: Person, bob: Person, eve: Person, stranger: Person) -> None:
    await bob.post("/create_room", room="tea")
    for person in (bob, eve):
        for room in ("tea", "nowhere"):
            answer = await person.post("/delete_room", room=room)
            assert (answer.status, answer.body["code"]) == (403, "not_admin")
    answer = await stranger.post("/delete_room", room="tea")
    assert (answer.status, answer.body["code"]) == (401, "not_signed_in")
    assert (await ada.post("/delete_room")).body["code"] == "missing_field"
    assert (await ada.sees_room("tea"))["joined"] is False


async def test_the_name_of_a_deleted_room_is_free_and_the_new_room_has_nothing_of_the_old(
    server: RunningServer, ada: Person, bob: Person
) -> None:
    await bob.says("a secret")
    await delete(ada)
    answer = await bob.post("/create_room", room="lobby")
    assert (answer.status, answer.body["room_id"]) == (200, 2)
    assert await bob.listed() == []
    assert (await ada.sees_room())["joined"] is False
    await server.stop()
    await server.start()
    assert await bob.listed() == []
    assert (await bob.post("/send_message", message="hi")).body["code"] == "missing_field"


async def test_readers_and_members_are_told_and_get_nothing_more(ada: Person, bob: Person, eve: Person) -> None:
    await eve.post("/create_room", room="tea")
    gone = {"type": "room_deleted", "room": "lobby", "room_id": 1}
    async with ada.live() as reader, bob.connected("/ws") as member, eve.connected("/ws") as outsider:
        await delete(ada)
        assert await reader.settled("room_deleted", "membership") == [gone]
        assert await member.settled("room_deleted", "membership") == [gone]
        assert await outsider.settled("room_deleted", "membership") == []
        for frame in ({"message": "hi"}, {"type": "typing"}, {"type": "read", "cursor": 1}, {"type": "subscribe"}):
            for socket in (reader, member):
                await socket.send(room="lobby", **frame)
                assert (await socket.next("error", "chat"))["code"] == "unknown_room"
        await bob.post("/create_room", room="lobby")
        await bob.says("in the new room")
        assert await reader.settled("chat") == []


@pytest.mark.settings(unsent_max_bytes=8 * 1024, catch_up_page_messages=3, purge_batch_messages=10)
async def test_a_catch_up_in_progress_ends_with_the_room_and_the_socket_lives_on(ada: Person, bob: Person) -> None:
    await ada.post("/create_room", room="tea")
    await bob.joins("tea")
    await talk(ada, ["lobby"], 100)
    async with raw_socket(bob, "/ws") as slow:
        async with ada.live() as sender:
            for number in range(400):
                await sender.send(message=f"{number} " + "x" * 3900)
                await sender.next("chat")
        await slow.send_frame(TEXT, b'{"type":"subscribe","room":"lobby","after":0}')
        assert (await slow.next("chat"))["id"] == 1
        await delete(ada)
        await slow.next("room_deleted")
        await slow.send_frame(TEXT, b'{"type":"subscribe","room":"tea","after":0}')
        await slow.next("live")
        said = await ada.says("hi", "tea")
        assert (await slow.next("chat"))["id"] == said["id"]


async def test_what_is_sent_while_the_room_is_deleted_is_acknowledged_before_or_not_at_all(
    server: RunningServer, ada: Person, bob: Person
) -> None:
    """The senders go on over sockets and HTTP; whoever asks the file finds nothing that nobody may read."""
    async with ada.live() as sender, bob.live() as reader:
        for number in range(300):
            await sender.send(message=str(number), client_id=f"a{number}")
        posts = [asyncio.create_task(bob.post("/send_message", room="lobby", message="over HTTP")) for _ in range(20)]
        deleting = asyncio.create_task(delete(ada))
        for number in range(300, 600):
            await sender.send(message=str(number), client_id=f"a{number}")
        await deleting
        for answer in await asyncio.gather(*posts):
            code = "" if answer.status == 200 else answer.body["code"]
            assert code in ("", "unknown_room", "storage_unavailable")
        for socket in (sender, reader):
            frames = await socket.settled("chat", "error", "room_deleted")
            types = [frame["type"] for frame in frames]
            assert types.count("room_deleted") == 1
            assert "chat" not in types[types.index("room_deleted") :], "a message came after the end of its room"
            codes = {frame["code"] for frame in frames if frame["type"] == "error"}
            assert codes <= {"unknown_room", "storage_unavailable"}
    while await server.app[DATABASE].read("SELECT 1 FROM message"):
        await asyncio.sleep(0.01)
