from __future__ import annotations

import hashlib
import sqlite3

import pytest

from tests.forms import Post, each_kind_of_body
from tests.people import PASSWORD, Person, visiting
from tests.servers import RunningServer
from tests.tokens import bearer, made_token, session_id


async def token_ids(person: Person) -> list[str]:
    return [token["token_id"] for token in (await person.get("/get_tokens")).body["tokens"]]


@each_kind_of_body
async def test_a_token_is_shown_once_and_then_only_described(ada: Person, post: Post) -> None:
    answer = await post(ada, "/create_token", name="backup script", password=PASSWORD)
    assert answer.status == 200
    token, token_id = answer.body["token"], answer.body["token_id"]
    assert answer.body == {"token_id": token_id, "name": "backup script", "token": token}
    assert token.startswith("chat_")
    assert len(token) - len("chat_") >= 256 / 6, "256 bits, six a character"
    (listed,) = (await ada.get("/get_tokens")).body["tokens"]
    assert set(listed) == {"token_id", "name", "created", "last_used"}
    assert (listed["token_id"], listed["name"]) == (token_id, "backup script")
    assert listed["created"].endswith("Z")


async def test_the_file_holds_the_hash_of_a_token_and_nothing_else_of_it(server: RunningServer, ada: Person) -> None:
    token = await made_token(ada)
    database = sqlite3.connect(server.database_path)
    rows = database.execute("SELECT id_hash, token_name FROM session WHERE token_name IS NOT NULL").fetchall()
    database.close()
    assert rows == [(hashlib.sha256(token.encode()).hexdigest(), "script")]
    await server.stop()
    for path in server.settings.data_dir.iterdir():
        assert token.removeprefix("chat_").encode() not in path.read_bytes()


async def test_a_token_is_its_owner_everywhere_and_cookies_are_passed_over(
    server: RunningServer, ada: Person, bob: Person
) -> None:
    headers = bearer(await made_token(ada))
    assert (await bob.get("/whoami", headers=headers)).body["username"] == "ada"
    sent = await bob.request("POST", "/send_message", json={"room": "lobby", "message": "hi"}, headers=headers)
    assert sent.status == 200
    assert [message["username"] for message in await bob.listed()] == ["ada"]
    async with bob.connected("/ws/chat/lobby", headers=headers) as socket:
        await socket.send(message="hi")
        assert (await socket.next("chat"))["username"] == "ada"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_has_no_case(ada: Person, stranger: Person, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {await made_token(ada)}"}
    assert (await stranger.get("/whoami", headers=headers)).status == 200


async def test_a_token_keeps_its_current_room_and_outlives_a_restart(
    server: RunningServer, ada: Person, stranger: Person
) -> None:
    headers = bearer(await made_token(ada))
    await stranger.request("POST", "/create_room", json={"room": "tea"}, headers=headers)
    await stranger.request("POST", "/join_room", json={"room": "tea"}, headers=headers)
    await server.stop()
    await server.start()
    sent = await stranger.request("POST", "/send_message", json={"message": "hi"}, headers=headers)
    assert sent.body["room"] == "tea"


async def test_a_token_needs_the_password_again(ada: Person, bob: Person) -> None:
    for password in ("not her password", "", "x" * 50_000):
        answer = await ada.post("/create_token", name="script", password=password)
        assert (answer.status, answer.body["code"]) == (403, "wrong_password")
    assert await token_ids(ada) == []


@pytest.mark.parametrize(
    ("name", "code"), [("", "name_empty"), ("x" * 65, "name_too_long"), ("a\u202eb", "name_invisible")]
)
async def test_a_token_has_a_name_that_can_be_read(ada: Person, name: str, code: str) -> None:
    answer = await ada.post("/create_token", name=name, password=PASSWORD)
    assert (answer.status, answer.body["code"]) == (422, code)


@pytest.mark.settings(tokens_per_user_max=2, sessions_per_user_max=1)
async def test_one_token_too_many_is_refused_and_sessions_do_not_count(ada: Person, bob: Person) -> None:
    first, _ = await made_token(ada), await made_token(ada)
    answer = await ada.post("/create_token", name="third", password=PASSWORD)
    assert (answer.status, answer.body["code"]) == (409, "too_many_tokens")
    await made_token(bob)
    assert (await ada.sign_in()).status == 200, "a sign-in that ends no token"
    assert len(await token_ids(ada)) == 2
    assert (await ada.request("POST", "/logout", headers=bearer(first))).status == 200
    await made_token(ada)


async def test_a_revoked_token_is_dead_at_once_with_its_sockets_and_no_others(ada: Person, stranger: Person) -> None:
    token, other = await made_token(ada), await made_token(ada, "other")
    (token_id,) = [t["token_id"] for t in (await ada.get("/get_tokens")).body["tokens"] if t["name"] == "script"]
    async with (
        stranger.connected("/ws/chat/lobby", headers=bearer(token)) as socket,
        stranger.connected("/ws/chat/lobby", headers=bearer(other)) as others,
        ada.live() as own,
    ):
        assert (await ada.post("/revoke_token", token_id=token_id)).status == 200
        assert await socket.close_code() == 4401
        await others.settled()
        await own.settled()
    assert (await stranger.get("/whoami", headers=bearer(token))).status == 401
    assert (await ada.get("/whoami", headers=bearer(token))).status == 401, "also beside a good cookie"
    assert (await stranger.get("/whoami", headers=bearer(other))).status == 200
    answer = await ada.post("/revoke_token", token_id=token_id)
    assert (answer.status, answer.body["code"]) == (404, "unknown_token")


async def test_a_revoked_token_stays_revoked_after_a_restart(
    server: RunningServer, ada: Person, stranger: Person
) -> None:
    token = await made_token(ada)
    await ada.post("/revoke_token", token_id=(await token_ids(ada))[0])
    await server.stop()
    await server.start()
    assert (await stranger.get("/whoami", headers=bearer(token))).status == 401


async def test_nobody_can_revoke_the_token_of_another(ada: Person, bob: Person, stranger: Person) -> None:
    token = await made_token(bob)
    (token_id,) = await token_ids(bob)
    for wrong in (token_id, token_id.upper() + "x", "", token_id[:8], session_id(ada)):
        answer = await ada.post("/revoke_token", token_id=wrong)
        assert (answer.status, answer.body["code"]) == (404, "unknown_token")
    assert await token_ids(ada) == []
    assert (await stranger.get("/whoami", headers=bearer(token))).status == 200


async def test_a_session_is_not_revoked_as_a_token_nor_a_token_ended_as_a_session(ada: Person) -> None:
    await made_token(ada)
    (token_id,) = await token_ids(ada)
    (session,) = (await ada.get("/get_sessions")).body["sessions"]
    assert (await ada.post("/revoke_token", token_id=session["session_id"])).body["code"] == "unknown_token"
    assert (await ada.post("/end_session", session_id=token_id)).body["code"] == "unknown_session"
    assert await token_ids(ada) == [token_id]
    assert (await ada.get("/whoami")).status == 200


async def test_signing_out_with_a_token_revokes_it_and_leaves_the_cookie(ada: Person) -> None:
    token = await made_token(ada)
    answer = await ada.request("POST", "/logout", headers=bearer(token))
    assert answer.status == 200
    assert "Set-Cookie" not in answer.headers
    assert await token_ids(ada) == []
    assert (await ada.get("/whoami", headers=bearer(token))).status == 401


async def test_signing_in_with_a_token_at_hand_ends_neither_it_nor_the_session_of_the_cookie(
    server: RunningServer, ada: Person, bob: Person
) -> None:
    token, before = await made_token(ada), bob.cookie
    fields = {"username": "bob", "password": PASSWORD}
    assert (await bob.request("POST", "/login", json=fields, headers=bearer(token))).status == 200
    async with visiting(server, "bob") as other:
        assert (await other.get("/whoami", headers=bearer(token))).status == 200
        assert (await other.get("/whoami", headers={"Cookie": before})).status == 200
    assert (await bob.get("/whoami")).body["username"] == "bob"


async def test_a_token_does_not_grow_old_and_its_last_use_is_kept(
    server: RunningServer, ada: Person, stranger: Person
) -> None:
    token = await made_token(ada)
    await server.stop()
    database = sqlite3.connect(server.database_path)
    year_ms = 365 * 24 * 60 * 60 * 1000
    database.execute("UPDATE session SET created_at = created_at - ?1, last_used_at = last_used_at - ?1", (year_ms,))
    database.commit()
    database.close()
    await server.start()
    assert (await ada.get("/whoami")).status == 401, "the session has"
    assert (await stranger.get("/whoami", headers=bearer(token))).status == 200
    await server.stop()
    await server.start()
    (listed,) = (await stranger.get("/get_tokens", headers=bearer(token))).body["tokens"]
    assert listed["last_used"] > listed["created"]
