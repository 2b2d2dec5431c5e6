from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import Any

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from chat.web.keys import HASHER
from tests.forms import Post, each_kind_of_body
from tests.people import PASSWORD, Answer, Person, visiting
from tests.servers import RunningServer


def stored_hash(server: RunningServer, username: str) -> str:
    with sqlite3.connect(server.database_path) as database:
        ((password_hash,),) = database.execute("SELECT password_hash FROM user WHERE name = ?", (username,))
    database.close()
    return str(password_hash)


def what_it_says(answer: Answer) -> tuple[int, Any, set[str]]:
    """All of an answer by which one could tell two of them apart, but for the time and the number of the request."""
    told = {
        f"{name}: {value}" for name, value in answer.headers.items() if name.lower() not in ("date", "x-request-id")
    }
    return answer.status, answer.body, told


@each_kind_of_body
async def test_a_new_user_is_welcomed_and_signed_in(stranger: Person, post: Post) -> None:
    answer = await post(stranger, "/create_user", username="Ada Lovelace", password=PASSWORD)
    assert answer.status == 200
    user_id = answer.body["user_id"]
    assert answer.body == {"info": "Welcome, Ada Lovelace.", "user_id": user_id, "username": "Ada Lovelace"}
    assert isinstance(user_id, int)
    who = await stranger.get("/whoami")
    assert (who.status, who.body["user_id"], who.body["username"]) == (200, user_id, "Ada Lovelace")


@pytest.mark.settings(message_max_characters=5)
async def test_who_is_signed_in_learns_who_they_are_and_what_they_may_send(ada: Person) -> None:
    answer = await ada.get("/whoami")
    assert answer.body == {"user_id": ada.user_id, "username": "ada", "admin": True, "message_max_characters": 5}


@each_kind_of_body
async def test_signing_in_needs_the_name_and_the_password(ada: Person, stranger: Person, post: Post) -> None:
    answer = await post(stranger, "/login", username="ada", password=PASSWORD)
    assert (answer.status, answer.body) == (200, {"user_id": ada.user_id, "message": "Signed in as ada."})
    assert (await stranger.get("/whoami")).body["user_id"] == ada.user_id


async def test_a_name_is_the_same_in_every_spelling_at_sign_in(ada: Person, stranger: Person) -> None:
    for spelling in ("ADA", "ａｄａ"):
        answer = await stranger.post("/login", username=spelling, password=PASSWORD)
        assert (answer.status, answer.body["user_id"]) == (200, ada.user_id)
    look_alike = await stranger.post("/login", username="аda", password=PASSWORD)
    assert look_alike.status == 401, "a name that only looks like it is another"


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(ada: Person, stranger: Person) -> None:
    attempts = [("ada", "not her password"), ("nobody", "not her password"), ("ada", "x" * 50_000), ("", "")]
    first, *others = [await stranger.post("/login", username=name, password=password) for name, password in attempts]
    assert first.status == 401
    assert first.body == {"error": "The user name or the password is wrong.", "code": "wrong_credentials"}
    for other in others:
        assert what_it_says(other) == what_it_says(first)
    assert (await stranger.get("/whoami")).status == 401


async def test_a_failed_sign_in_leaves_the_session_as_it_was(ada: Person) -> None:
    assert (await ada.post("/login", username="ada", password="not her password")).status == 401
    assert (await ada.post("/create_user", username="ADA", password=PASSWORD)).status == 409
    assert (await ada.get("/whoami")).body["username"] == "ada"


@pytest.mark.parametrize("path", ["/create_user", "/login"])
async def test_name_and_password_must_be_there_and_be_text(stranger: Person, path: str) -> None:
    for fields, code, named in (
        ({}, "missing_field", "username"),
        ({"username": "zoe"}, "missing_field", "password"),
        ({"password": PASSWORD}, "missing_field", "username"),
        ({"username": None, "password": PASSWORD}, "missing_field", "username"),
        ({"username": 7, "password": PASSWORD}, "wrong_type", "username"),
        ({"username": ["zoe"], "password": PASSWORD}, "wrong_type", "username"),
        ({"username": "zoe", "password": 12345678}, "wrong_type", "password"),
    ):
        answer = await stranger.post(path, **fields)
        assert (answer.status, answer.body["code"]) == (400, code)
        assert named in answer.body["error"]
    for fields in ({"username": "zo\0e", "password": PASSWORD}, {"username": "zoe", "password": "\ud800" * 9}):
        answer = await stranger.post(path, **fields)
        assert (answer.status, answer.body["code"]) == (422, "invalid_characters")
    assert (await stranger.get("/whoami")).status == 401


async def test_a_name_or_one_that_looks_like_it_is_given_once(ada: Person, stranger: Person) -> None:
    for name in ("ada", "ADA", "Ada", "ａｄａ", "аda", "АDА"):
        answer = await stranger.post("/create_user", username=name, password=PASSWORD)
        assert (answer.status, answer.body["code"]) == (409, "name_taken")
        assert name in answer.body["error"]
    assert [user["username"] for user in (await ada.get("/get_users")).body["users"]] == ["ada"]
    assert (await stranger.get("/whoami")).status == 401
    assert (await stranger.post("/create_user", username="adam", password=PASSWORD)).status == 200


async def test_a_taken_name_is_refused_before_anything_is_hashed(server: RunningServer, ada: Person) -> None:
    server.app[HASHER].close()
    assert (await ada.post("/create_user", username="ADA", password=PASSWORD)).status == 409


async def test_of_two_who_ask_for_one_name_at_once_one_gets_it(stranger: Person) -> None:
    answers = await asyncio.gather(
        *(stranger.post("/create_user", username=name, password=PASSWORD) for name in ("zoe", "ZOE"))
    )
    assert sorted(answer.status for answer in answers) == [200, 409]


async def test_a_name_that_breaks_a_rule_is_refused(stranger: Person) -> None:
    for username, code in (
        ("", "name_empty"),
        ("x" * 65, "name_too_long"),
        (" ada", "name_spaces"),
        ("a/b", "name_slash"),
        ("a\u202eb", "name_invisible"),
        ("a\nb", "name_invisible"),
    ):
        answer = await stranger.post("/create_user", username=username, password=PASSWORD)
        assert (answer.status, answer.body["code"]) == (422, code)
        assert "user name" in answer.body["error"]


async def test_a_password_that_breaks_a_rule_is_refused(stranger: Person) -> None:
    for password, code in (
        ("zu9-Kqr", "password_too_short"),
        ("z" * 257, "password_too_long"),
        ("PassWord", "password_too_common"),
    ):
        answer = await stranger.post("/create_user", username="zoe", password=password)
        assert (answer.status, answer.body["code"]) == (422, code)


@pytest.mark.parametrize("password", ["zu9-Kqra", "é😀 \n" * 64])
async def test_the_shortest_and_the_longest_password_open_the_account(stranger: Person, password: str) -> None:
    stranger.password = password
    await stranger.sign_up()
    assert (await stranger.sign_in()).status == 200
    stranger.password = password[:-1]
    assert (await stranger.sign_in()).status == 401


async def test_everyone_is_listed_as_they_typed_their_name(ada: Person, stranger: Person) -> None:
    assert (await stranger.get("/get_users")).status == 401
    stranger.username = 'Ünï "quoted" <b>\\ 李小龍 ❤️' + "x" * 40
    await stranger.sign_up()
    answer = await ada.get("/get_users")
    assert answer.status == 200
    assert answer.body == {
        "users": [
            {"user_id": ada.user_id, "username": "ada", "admin": True},
            {"user_id": stranger.user_id, "username": stranger.username},
        ]
    }


@pytest.mark.full_strength
async def test_a_password_is_stored_as_argon2id_and_written_nowhere_else(
    server: RunningServer, stranger: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await stranger.sign_up()
    await stranger.sign_in()
    assert stored_hash(server, "stranger").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert "user 1" in caplog.text
    assert PASSWORD not in caplog.text
    await server.stop()
    for path in server.settings.data_dir.iterdir():
        assert PASSWORD.encode() not in path.read_bytes()


@pytest.mark.full_strength
async def test_a_hash_with_older_numbers_is_replaced_at_the_next_sign_in(server: RunningServer, ada: Person) -> None:
    older = Argon2id(salt=b"s" * 16, length=32, iterations=1, lanes=1, memory_cost=8192)
    await server.stop()
    with sqlite3.connect(server.database_path) as database:
        database.execute("UPDATE user SET password_hash = ?", (older.derive_phc_encoded(PASSWORD.encode()),))
    database.close()
    await server.start()
    wrong = await ada.post("/login", username="ada", password="not her password")
    assert wrong.status == 401
    assert "m=8192,t=1" in stored_hash(server, "ada")
    assert (await ada.sign_in()).status == 200
    replaced = stored_hash(server, "ada")
    assert "m=19456,t=2" in replaced
    assert (await ada.sign_in()).status == 200
    assert stored_hash(server, "ada") == replaced


@pytest.mark.settings(password_workers=1, password_queue_max=0)
async def test_too_many_sign_ins_at_once_are_asked_to_come_back(server: RunningServer, ada: Person) -> None:
    answers = await asyncio.gather(*(ada.sign_in() for _ in range(20)))
    refused = [answer for answer in answers if answer.status != 200]
    assert 0 < len(refused) < 20
    for answer in refused:
        assert (answer.status, answer.body["code"]) == (503, "busy")
        assert int(answer.headers["Retry-After"]) > 0
    assert (await ada.sign_in()).status == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_signing_out_ends_the_session_at_once(ada: Person, method: str) -> None:
    cookie = ada.cookie
    answer = await ada.request(method, "/logout")
    assert (answer.status, answer.body) == (200, {"message": "Signed out."})
    assert ada.cookie == "", "the browser has thrown the cookie away"
    for path in ("/whoami", "/logout"):
        replayed = await ada.get(path, headers={"Cookie": cookie})
        assert (replayed.status, replayed.body["code"]) == (401, "not_signed_in")


async def test_signing_out_leaves_other_sessions_alone(server: RunningServer, ada: Person, bob: Person) -> None:
    async with visiting(server, "ada") as phone:
        assert (await phone.sign_in()).status == 200
        assert (await ada.get("/logout")).status == 200
        assert (await phone.get("/whoami")).status == 200
        assert (await bob.get("/whoami")).status == 200


async def test_looking_at_the_sign_out_address_changes_nothing(ada: Person) -> None:
    assert (await ada.request("HEAD", "/logout")).status == 200
    assert (await ada.get("/whoami")).status == 200


async def test_who_has_an_account_but_no_session_is_told_so_and_can_sign_in(
    server: RunningServer, stranger: Person
) -> None:
    server.query("CREATE TRIGGER none_begins BEFORE INSERT ON session BEGIN SELECT raise(ABORT, 'not now'); END")
    answer = await stranger.post("/create_user", username="stranger", password=PASSWORD)
    assert (answer.status, answer.body["code"]) == (503, "account_made")
    assert int(answer.headers["Retry-After"]) > 0
    again = await stranger.sign_in()
    assert (again.status, again.body["code"]) == (503, "storage_unavailable")
    server.query("DROP TRIGGER none_begins")
    assert (await stranger.sign_in()).status == 200
