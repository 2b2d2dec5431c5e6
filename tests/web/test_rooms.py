from __future__ import annotations

import pytest

from tests.forms import Post, each_kind_of_body
from tests.people import Person, visiting
from tests.servers import RunningServer

LOBBY = {"room_id": 1, "room_name": "lobby"}


async def test_a_new_server_has_a_lobby(eve: Person) -> None:
    answer = await eve.get("/get_rooms")
    assert (answer.status, answer.body) == (200, {"rooms": [LOBBY]})


@each_kind_of_body
async def test_a_room_belongs_to_its_maker_and_is_open_to_all(eve: Person, bob: Person, post: Post) -> None:
    answer = await post(eve, "/create_room", room="Zürich ☕")
    assert answer.status == 200
    room = {"room_id": answer.body["room_id"], "room_name": "Zürich ☕"}
    assert answer.body == room
    assert (await bob.get("/get_rooms")).body == {"rooms": [LOBBY, room]}
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
    assert (await eve.get("/get_rooms")).body == {"rooms": [LOBBY]}
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


@pytest.mark.parametrize("path", ["/join_room", "/send_message", "/list_message"])
async def test_there_is_nothing_in_a_room_that_does_not_exist(ada: Person, path: str) -> None:
    for name in ("nowhere", "x" * 5000, "lоbby", "../lobby"):
        answer = await ada.post(path, room=name, message="hi")
        assert (answer.status, answer.body["code"]) == (404, "unknown_room")


@pytest.mark.parametrize("path", ["/send_message", "/list_message"])
async def test_who_has_not_joined_neither_reads_nor_writes(ada: Person, eve: Person, path: str) -> None:
    await ada.says("for members")
    answer = await eve.post(path, room="lobby", message="hi")
    assert (answer.status, answer.body["code"]) == (403, "not_joined")
    assert "lobby" in answer.body["error"]
    assert len(await ada.listed()) == 1


@pytest.mark.parametrize("path", ["/create_room", "/join_room"])
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
