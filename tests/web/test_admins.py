from __future__ import annotations

import asyncio
import sqlite3
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from chat.services import admins
from chat.web import admins as web_admins
from chat.web import invites as web_invites
from chat.web import messages as web_messages
from chat.web import password_resets as web_resets
from chat.web import rooms as web_rooms
from chat.web.bodies import Fields, read_fields
from chat.web.keys import DATABASE, HASHER
from tests.forms import Post, each_kind_of_body
from tests.people import PASSWORD, Answer, Person, visiting
from tests.servers import RunningServer
from tests.tokens import bearer, made_token


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


async def make_admin(server: RunningServer, person: Person) -> None:
    """As the operator does it."""
    await admins.make_admin(server.app[DATABASE], None, person.username)


@each_kind_of_body
async def test_who_is_deactivated_is_out_at_once_and_cannot_come_back(
    server: RunningServer, ada: Person, bob: Person, stranger: Person, post: Post
) -> None:
    token, cookie = await made_token(bob), bob.cookie
    async with (
        bob.live() as bobs,
        stranger.connected("/ws/chat/lobby", headers=bearer(token)) as scripts,
        ada.live() as adas,
    ):
        assert (await post(ada, "/deactivate_user", username="BOB")).status == 200
        assert await bobs.close_code() == 4401
        assert await scripts.close_code() == 4401
        while (await adas.next("presence"))["offline"] != ["bob"]:
            pass
    for _ in range(2):
        for headers in ({"Cookie": cookie}, bearer(token)):
            assert (await stranger.get("/whoami", headers=headers)).status == 401
        assert refusal(await stranger.post("/login", username="bob", password=PASSWORD)) == (403, "deactivated")
        await server.stop()
        await server.start()
    users = (await ada.get("/get_users")).body["users"]
    assert users[1] == {"user_id": bob.user_id, "username": "bob", "deactivated": True}


async def test_only_who_knows_the_password_learns_that_an_account_is_deactivated(
    ada: Person, bob: Person, stranger: Person
) -> None:
    await ada.post("/deactivate_user", username="bob")
    answers = [await stranger.post("/login", username=name, password="not his") for name in ("bob", "ada", "nobody")]
    assert {refusal(answer) for answer in answers} == {(401, "wrong_credentials")}


async def test_a_sign_in_costs_the_same_hashing_whoever_is_meant(
    server: RunningServer, ada: Person, bob: Person, eve: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ada.post("/deactivate_user", username="bob")
    await eve.post("/delete_account", password=PASSWORD)
    counted: list[str] = []
    hasher = server.app[HASHER]
    verify = hasher.verify

    async def verify_and_count(password: str, password_hash: str | None) -> bool:
        counted.append(password)
        return await verify(password, password_hash)

    monkeypatch.setattr(hasher, "verify", verify_and_count)
    names = ["ada", "bob", "eve", "nobody", "deleted user", f"/deleted/{eve.user_id}"]
    async with visiting(server, "stranger") as stranger:
        for name in names:
            assert refusal(await stranger.post("/login", username=name, password=name)) == (401, "wrong_credentials")
    assert counted == names


async def test_who_is_reactivated_can_sign_in_and_has_to(ada: Person, bob: Person, stranger: Person) -> None:
    cookie = bob.cookie
    await ada.post("/deactivate_user", username="bob")
    assert (await ada.post("/reactivate_user", username="bob")).status == 200
    assert (await stranger.get("/whoami", headers={"Cookie": cookie})).status == 401
    assert (await bob.sign_in()).status == 200
    assert (await bob.sees_room())["joined"], "as it was"


async def test_a_socket_in_its_handshake_does_not_outlive_the_deactivation(
    ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = web.WebSocketResponse.prepare

    async def prepare_meanwhile(response: web.WebSocketResponse, request: web.BaseRequest) -> AbstractStreamWriter:
        assert (await ada.post("/deactivate_user", username="bob")).status == 200
        return await prepare(response, request)

    monkeypatch.setattr(web.WebSocketResponse, "prepare", prepare_meanwhile)
    async with bob.connected() as socket:
        await socket.send(message="too late")
        assert await socket.close_code() == 4401
    assert await ada.listed() == []


async def test_who_signs_in_while_being_deactivated_is_not_let_in(
    server: RunningServer, ada: Person, bob: Person, stranger: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher = server.app[HASHER]
    verify = hasher.verify

    async def verify_and_be_overtaken(password: str, password_hash: str | None) -> bool:
        is_right = await verify(password, password_hash)
        assert (await ada.post("/deactivate_user", username="bob")).status == 200
        return is_right

    monkeypatch.setattr(hasher, "verify", verify_and_be_overtaken)
    for answer in (
        await stranger.post("/login", username="bob", password=PASSWORD),
        await bob.post("/create_token", name="script", password=PASSWORD),
    ):
        assert answer.status == 401
    assert (await stranger.get("/whoami")).status == 401


async def test_doing_it_twice_is_harmless_and_written_down_once(ada: Person, bob: Person) -> None:
    for path in ("/deactivate_user", "/reactivate_user"):
        for _ in range(2):
            assert (await ada.post(path, username="bob")).status == 200
    entries = (await bob_entries(ada))[::-1]
    assert entries == [("ada", "deactivate_user", "bob"), ("ada", "reactivate_user", "bob")]


async def bob_entries(person: Person) -> list[tuple[str, str, str]]:
    entries = (await person.get("/get_audit")).body["entries"]
    return [(entry["actor"], entry["action"], entry["user"]) for entry in entries]


@pytest.mark.parametrize("path", ["/deactivate_user", "/reactivate_user"])
@pytest.mark.parametrize("username", ["nobody", "", "/deleted/1", "deleted user"])
async def test_nobody_is_not_found(ada: Person, path: str, username: str) -> None:
    assert refusal(await ada.post(path, username=username)) == (404, "unknown_user")
    assert (await ada.get("/get_audit")).body["entries"] == []


async def test_the_last_admin_cannot_be_shut_out(server: RunningServer, ada: Person, bob: Person) -> None:
    assert refusal(await ada.post("/deactivate_user", username="ada")) == (409, "last_admin")
    await make_admin(server, bob)
    assert (await ada.post("/deactivate_user", username="ada")).status == 200
    assert (await ada.get("/whoami")).status == 401
    assert refusal(await bob.post("/deactivate_user", username="bob")) == (409, "last_admin")
    assert refusal(await bob.post("/delete_account", password=PASSWORD)) == (409, "last_admin")


async def test_of_two_admins_who_shut_each_other_out_at_once_one_stays(
    server: RunningServer, ada: Person, bob: Person
) -> None:
    await make_admin(server, bob)
    answers = await asyncio.gather(
        ada.post("/deactivate_user", username="bob"), bob.post("/deactivate_user", username="ada")
    )
    assert sorted(answer.status for answer in answers) in ([200, 401], [200, 403])


async def test_a_right_that_was_taken_is_gone_at_once(server: RunningServer, ada: Person, bob: Person) -> None:
    await make_admin(server, bob)
    assert (await bob.get("/whoami")).body["admin"]
    assert (await bob.get("/get_invites")).status == 200
    await admins.remove_admin(server.app[DATABASE], None, "bob")
    assert not (await bob.get("/whoami")).body["admin"]
    assert refusal(await bob.get("/get_invites")) == (403, "not_admin")


@pytest.mark.parametrize(
    ("module", "path", "fields"),
    [
        (web_invites, "/create_invite", {}),
        (web_invites, "/revoke_invite", {"invite_id": 1}),
        (web_resets, "/create_password_reset", {"username": "ada"}),
        (web_admins, "/deactivate_user", {"username": "ada"}),
        (web_admins, "/reactivate_user", {"username": "ada"}),
        (web_rooms, "/delete_room", {"room": "lobby"}),
        (web_messages, "/delete_message", {"id": 1}),
    ],
)
async def test_a_right_that_is_taken_while_the_request_arrives_is_gone_too(  # noqa: PLR0917
    server: RunningServer, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch,
    module: ModuleType, path: str, fields: dict[str, Any],
) -> None:  # fmt: skip
    await ada.says("hi")
    await ada.post("/create_invite")
    await make_admin(server, bob)

    async def read_fields_meanwhile(request: web.Request) -> Fields:
        await admins.remove_admin(server.app[DATABASE], None, "bob")
        return await read_fields(request)

    monkeypatch.setattr(module, "read_fields", read_fields_meanwhile)
    assert refusal(await bob.post(path, **fields)) == (403, "not_admin")
    entries = (await ada.get("/get_audit")).body["entries"]
    assert [entry["action"] for entry in entries] == ["remove_admin", "make_admin", "create_invite"]
    assert [message["message"] for message in await ada.listed()] == ["hi"]


async def test_the_audit_log_comes_in_pages_newest_first(ada: Person, bob: Person) -> None:
    for _ in range(5):
        await ada.post("/create_invite")
    everything = (await bob.get("/get_audit")).body
    assert "next" not in everything
    ids = [entry["id"] for entry in everything["entries"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5
    assert set(everything["entries"][0]) == {"id", "timestamp", "actor", "action", "user", "subject"}
    paged, query = [], ""
    for _ in range(3):
        page = (await bob.get(f"/get_audit?limit=2{query}")).body
        paged += [entry["id"] for entry in page["entries"]]
        query = f"&before={page.get('next')}"
    assert paged == ids
    assert "next" not in page


@pytest.mark.parametrize(
    ("query", "status"), [("limit=0", 422), ("limit=201", 422), ("limit=x", 400), ("before=-1", 422), ("before=x", 400)]
)
async def test_a_page_of_the_audit_log_has_bounds(ada: Person, query: str, status: int) -> None:
    assert (await ada.get(f"/get_audit?{query}")).status == status


async def test_the_audit_log_names_nobody_who_is_gone(server: RunningServer, ada: Person, bob: Person) -> None:
    await ada.post("/deactivate_user", username="bob")
    await ada.post("/reactivate_user", username="bob")
    await bob.sign_in()
    await bob.post("/delete_account", password=PASSWORD)
    assert {entry[2] for entry in await bob_entries(ada)} == {"deleted user"}


async def test_an_act_that_cannot_be_written_down_is_not_done(server: RunningServer, ada: Person, bob: Person) -> None:
    other = sqlite3.connect(server.database_path, isolation_level=None)
    other.execute("ALTER TABLE audit RENAME TO elsewhere")
    for path, fields in (
        ("/deactivate_user", {"username": "bob"}),
        ("/create_invite", {}),
        ("/create_password_reset", {"username": "bob"}),
    ):
        assert refusal(await ada.post(path, **fields)) == (503, "storage_unavailable")
    other.execute("ALTER TABLE elsewhere RENAME TO audit")
    other.close()
    assert (await bob.get("/whoami")).status == 200
    assert (await ada.get("/get_invites")).body["invites"] == []
