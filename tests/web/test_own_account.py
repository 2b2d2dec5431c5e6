"""What people do about their own account: another password, an end to sessions, an end to it all."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from chat.models import Room, User
from chat.services import rooms
from chat.store.database import Database
from chat.web.keys import HASHER
from tests.forms import Post, each_kind_of_body
from tests.people import PASSWORD, Person, visiting
from tests.servers import RunningServer
from tests.tokens import bearer, made_token

ANOTHER = "another horse battery"


# Another password


@each_kind_of_body
async def test_a_new_password_takes_the_place_of_the_old_one(ada: Person, stranger: Person, post: Post) -> None:
    answer = await post(ada, "/change_password", password=PASSWORD, new_password=ANOTHER)
    assert answer.status == 200
    assert (await stranger.post("/login", username="ada", password=PASSWORD)).status == 401
    assert (await stranger.post("/login", username="ada", password=ANOTHER)).status == 200


async def test_a_new_password_ends_every_other_sign_in_and_no_token(
    server: RunningServer, ada: Person, bob: Person, stranger: Person
) -> None:
    token = await made_token(ada)
    async with visiting(server, "ada") as phone:
        await phone.sign_in()
        cookie = phone.cookie
        async with ada.live() as own, phone.live() as phones, bob.live() as bobs:
            assert (await ada.post("/change_password", password=PASSWORD, new_password=ANOTHER)).status == 200
            assert await phones.close_code() == 4401
            await own.settled()
            await bobs.settled()
    assert (await ada.get("/whoami")).status == 200
    assert (await stranger.get("/whoami", headers=bearer(token))).status == 200
    for _ in range(2):
        assert (await stranger.get("/whoami", headers={"Cookie": cookie})).status == 401
        await server.stop()
        await server.start()
    assert (await ada.get("/whoami")).status == 200


async def test_with_a_token_a_new_password_ends_every_sign_in(ada: Person, stranger: Person) -> None:
    headers = bearer(await made_token(ada))
    fields = {"password": PASSWORD, "new_password": ANOTHER}
    assert (await stranger.request("POST", "/change_password", json=fields, headers=headers)).status == 200
    assert (await ada.get("/whoami")).status == 401
    assert (await stranger.get("/whoami", headers=headers)).status == 200


async def test_a_stolen_session_is_not_enough_for_a_new_password(ada: Person) -> None:
    for password in ("not her password", "", "x" * 50_000):
        answer = await ada.post("/change_password", password=password, new_password=ANOTHER)
        assert (answer.status, answer.body["code"]) == (403, "wrong_password")
    assert (await ada.sign_in()).status == 200


async def test_a_new_password_keeps_the_rules(ada: Person) -> None:
    for password, code in (("short", "password_too_short"), ("password", "password_too_common")):
        answer = await ada.post("/change_password", password=PASSWORD, new_password=password)
        assert (answer.status, answer.body["code"]) == (422, code)
    assert (await ada.sign_in()).status == 200


async def test_who_signs_in_with_the_old_password_while_it_is_changed_is_not_let_in(
    server: RunningServer, ada: Person, stranger: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found right before the change, wrong after it: the session would outlive what ended all others."""
    hasher = server.app[HASHER]
    verify = hasher.verify

    async def verify_and_be_overtaken(password: str, password_hash: str | None) -> bool:
        is_right = await verify(password, password_hash)
        monkeypatch.setattr(hasher, "verify", verify)
        assert (await ada.post("/change_password", password=PASSWORD, new_password=ANOTHER)).status == 200
        return is_right

    monkeypatch.setattr(hasher, "verify", verify_and_be_overtaken)
    answer = await stranger.post("/login", username="ada", password=PASSWORD)
    assert (answer.status, answer.body["code"]) == (401, "wrong_credentials")
    assert "Set-Cookie" not in answer.headers
    assert server.query("SELECT count(*) FROM session") == [(1,)]


async def test_of_two_changes_at_once_one_counts(ada: Person) -> None:
    answers = await asyncio.gather(
        *(ada.post("/change_password", password=PASSWORD, new_password=f"{ANOTHER} {number}") for number in range(2))
    )
    assert sorted(answer.status for answer in answers) == [200, 403]


# Sessions


async def test_everyone_sees_where_they_are_signed_in(server: RunningServer, ada: Person, bob: Person) -> None:
    await made_token(ada)
    async with visiting(server, "ada") as phone:
        fields = {"username": "ada", "password": PASSWORD}
        await phone.request("POST", "/login", json=fields, headers={"User-Agent": "Phone"})
        listed = (await phone.get("/get_sessions")).body["sessions"]
        assert [session["current"] for session in listed] == [True, False]
        assert listed[0]["user_agent"] == "Phone"
        for session in listed:
            assert set(session) == {"session_id", "user_agent", "created", "last_used", "current"}
            assert len(session["session_id"]) == 16
            assert session["session_id"] not in phone.cookie + ada.cookie
    assert len((await bob.get("/get_sessions")).body["sessions"]) == 1


async def test_a_session_can_be_ended_from_another_one(server: RunningServer, ada: Person, stranger: Person) -> None:
    async with visiting(server, "ada") as phone:
        await phone.sign_in()
        listed = (await ada.get("/get_sessions")).body["sessions"]
        (other,) = [session["session_id"] for session in listed if not session["current"]]
        async with phone.live() as phones, ada.live() as own:
            assert (await ada.post("/end_session", session_id=other)).status == 200
            assert await phones.close_code() == 4401
            await own.settled()
        assert (await stranger.get("/whoami", headers={"Cookie": phone.cookie})).status == 401
        answer = await ada.post("/end_session", session_id=other)
        assert (answer.status, answer.body["code"]) == (404, "unknown_session")


async def test_ending_the_session_one_is_in_takes_the_cookie_back(ada: Person, stranger: Person) -> None:
    cookie = ada.cookie
    (own,) = (await ada.get("/get_sessions")).body["sessions"]
    assert (await ada.post("/end_session", session_id=own["session_id"])).status == 200
    assert ada.cookie == ""
    assert (await stranger.get("/whoami", headers={"Cookie": cookie})).status == 401


async def test_nobody_can_end_the_session_of_another(ada: Person, bob: Person) -> None:
    (session,) = (await bob.get("/get_sessions")).body["sessions"]
    for wrong in (session["session_id"], "", session["session_id"][:8], "*"):
        answer = await ada.post("/end_session", session_id=wrong)
        assert (answer.status, answer.body["code"]) == (404, "unknown_session")
    assert (await bob.get("/whoami")).status == 200


# An end to it all


@each_kind_of_body
async def test_who_deletes_the_account_is_signed_out_everywhere_at_once(
    server: RunningServer, ada: Person, bob: Person, stranger: Person, post: Post
) -> None:
    token, cookie = await made_token(bob), bob.cookie
    async with visiting(server, "bob") as phone:
        await phone.sign_in()
        async with bob.live() as bobs, phone.live() as phones, ada.live() as adas:
            async with stranger.connected("/ws/chat/lobby", headers=bearer(token)) as scripts:
                assert (await post(bob, "/delete_account", password=PASSWORD)).status == 200
                for socket in (bobs, phones, scripts):
                    assert await socket.close_code() == 4401
            while (frame := await adas.next("presence"))["offline"] != ["bob"]:
                pass
            assert frame["count"] == 1
        assert bob.cookie == "", "the browser has thrown the cookie away"
        for headers in ({"Cookie": cookie}, {"Cookie": phone.cookie}, bearer(token)):
            assert (await stranger.get("/whoami", headers=headers)).status == 401
    for table in ("session", "member"):
        assert server.query(f"SELECT 1 FROM {table} WHERE user_id = ?", bob.user_id) == []
    assert (await stranger.post("/login", username="bob", password=PASSWORD)).status == 401
    assert [user["username"] for user in (await ada.get("/get_users")).body["users"]] == ["ada"]


async def test_what_a_deleted_user_said_stays_as_nobodys(server: RunningServer, ada: Person, bob: Person) -> None:
    await bob.says("hi", client_id="b-1")
    async with ada.connected("/ws/chat/lobby?after=0") as socket:  # keeps the page for others
        assert (await socket.next("chat"))["username"] == "bob"
    assert (await bob.post("/delete_account", password=PASSWORD)).status == 200
    assert [(m["username"], m["message"]) for m in await ada.listed()] == [("deleted user", "hi")]
    async with ada.connected("/ws/chat/lobby?after=0") as socket:
        assert (await socket.next("chat"))["username"] == "deleted user"
    assert server.query("SELECT messages_go FROM user WHERE id = ?", bob.user_id) == [(0,)]


async def test_who_wants_the_messages_gone_leaves_a_mark(server: RunningServer, ada: Person, bob: Person) -> None:
    answer = await bob.post("/delete_account", password=PASSWORD, messages="some")
    assert (answer.status, answer.body["code"]) == (422, "invalid_value")
    assert (await bob.post("/delete_account", password=PASSWORD, messages="delete")).status == 200
    rows = server.query("SELECT name, messages_go, deleted_at > 0 FROM user WHERE id = ?", bob.user_id)
    assert rows == [("deleted user", 1, 1)]


async def test_the_name_of_a_deleted_user_is_free_and_theirs_can_be_nobodys(
    server: RunningServer, ada: Person, bob: Person, stranger: Person
) -> None:
    await bob.says("hi")
    await bob.post("/delete_account", password=PASSWORD)
    stranger.username = "BOB"
    await stranger.sign_up()
    assert stranger.user_id != bob.user_id
    assert [message["username"] for message in await ada.listed()] == ["deleted user"]
    for name in ("deleted user", "Deleted User", "d\u0435leted user", f"/deleted/{bob.user_id}"):
        assert (await stranger.post("/create_user", username=name, password=PASSWORD)).status in (409, 422)
        assert (await stranger.post("/login", username=name, password="")).status == 401
        assert (await stranger.post("/login", username=name, password=PASSWORD)).status == 401


async def test_a_stolen_session_is_not_enough_to_delete_the_account(ada: Person, bob: Person) -> None:
    for password in ("not his password", "", "x" * 50_000):
        answer = await bob.post("/delete_account", password=password)
        assert (answer.status, answer.body["code"]) == (403, "wrong_password")
    assert (await bob.get("/whoami")).status == 200


async def test_the_last_admin_cannot_leave_the_others_alone(server: RunningServer, ada: Person, bob: Person) -> None:
    answer = await ada.post("/delete_account", password=PASSWORD)
    assert (answer.status, answer.body["code"]) == (409, "last_admin")
    assert (await ada.get("/whoami")).body["admin"]
    await bob.post("/delete_account", password=PASSWORD)
    assert (await ada.post("/delete_account", password=PASSWORD)).status == 200
    async with visiting(server, "zoe") as zoe:
        await zoe.sign_up()
        assert (await zoe.get("/whoami")).body["admin"], "the first one of a server that is empty again"


async def test_nothing_new_comes_from_who_is_gone(
    server: RunningServer, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket that is in its handshake, with all it has asked for, when its person is gone."""
    prepare = web.WebSocketResponse.prepare

    async def prepare_while_leaving(response: web.WebSocketResponse, request: web.BaseRequest) -> AbstractStreamWriter:
        assert (await bob.post("/delete_account", password=PASSWORD)).status == 200
        return await prepare(response, request)

    async with ada.live() as adas:
        monkeypatch.setattr(web.WebSocketResponse, "prepare", prepare_while_leaving)
        async with bob.connected() as socket:
            await socket.send(message="from beyond")
            await socket.send(type="typing")
            await socket.send(type="subscribe", room="lobby")
            assert await socket.close_code() == 4401
        assert await adas.settled("chat", "typing") == []
    assert await ada.listed() == []
    assert server.query("SELECT 1 FROM member WHERE user_id = ?", bob.user_id) == []


async def test_who_is_gone_does_not_type_on(
    ada: Person, bob: Person, eve: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined_room = rooms.joined_room

    async def joined_room_until_now(database: Database, user: User, name: str) -> Room:
        room = await joined_room(database, user, name)
        if user.username == "bob":
            assert (await bob.post("/delete_account", password=PASSWORD)).status == 200
        return room

    monkeypatch.setattr(rooms, "joined_room", joined_room_until_now)
    async with ada.live() as adas, eve.live() as eves, bob.connected("/ws") as bobs:
        await bobs.send(type="typing", room="lobby")
        assert await bobs.close_code() == 4401
        await eves.send(type="typing")
        assert (await adas.next("typing"))["usernames"] == ["eve"]
