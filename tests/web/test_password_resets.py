from __future__ import annotations

import asyncio
import hashlib

import pytest

from chat.settings import DAY_SECONDS
from tests.forms import Post, each_kind_of_body
from tests.people import PASSWORD, Answer, Person, visiting
from tests.servers import RunningServer
from tests.tokens import bearer, made_token

ANOTHER = "another horse battery"


async def made_reset(admin: Person, username: str = "bob") -> str:
    answer = await admin.post("/create_password_reset", username=username)
    assert answer.status == 200, answer
    return str(answer.body["reset"])


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


@each_kind_of_body
async def test_who_has_lost_the_password_chooses_another_by_a_link(
    ada: Person, bob: Person, stranger: Person, post: Post
) -> None:
    made = await post(ada, "/create_password_reset", username="BOB")
    assert set(made.body) == {"reset", "expires", "path"}
    code = made.body["reset"]
    assert made.body["path"] == f"/#reset={code}"
    assert len(code) >= 128 / 6
    answer = await post(stranger, "/reset_password", reset=code, password=ANOTHER)
    assert (answer.status, answer.body["username"]) == (200, "bob")
    assert "message" in answer.body
    assert "Set-Cookie" not in answer.headers, "to have a link is not to be signed in"
    assert (await stranger.post("/login", username="bob", password=PASSWORD)).status == 401
    assert (await stranger.post("/login", username="bob", password=ANOTHER)).status == 200


async def test_a_reset_ends_everything_its_person_is_signed_in_with(
    server: RunningServer, ada: Person, bob: Person, stranger: Person
) -> None:
    token, cookie = await made_token(bob), bob.cookie
    code = await made_reset(ada)
    async with bob.live() as bobs, stranger.connected("/ws", headers=bearer(token)) as scripts, ada.live() as adas:
        assert (await stranger.post("/reset_password", reset=code, password=ANOTHER)).status == 200
        assert await bobs.close_code() == 4401
        assert await scripts.close_code() == 4401
        await adas.settled()
    for headers in ({"Cookie": cookie}, bearer(token)):
        assert (await stranger.get("/whoami", headers=headers)).status == 401
    assert server.query("SELECT user_id FROM session") == [(ada.user_id,)]


async def test_every_code_that_is_worth_nothing_is_refused_alike(
    server: RunningServer, ada: Person, bob: Person, eve: Person, stranger: Person
) -> None:
    replaced = await made_reset(ada)
    used = await made_reset(ada)
    assert (await stranger.post("/reset_password", reset=used, password=ANOTHER)).status == 200
    outdated = await made_reset(ada, "bob")
    changed = await made_reset(ada, "eve")
    await eve.post("/change_password", password=PASSWORD, new_password=ANOTHER)
    await server.stop()
    server.query("UPDATE password_reset SET expires_at = created_at")
    await server.start()
    answers = [
        await stranger.post("/reset_password", reset=code, password="yet another one")
        for code in (replaced, used, outdated, changed, "unknown", "", "é")
    ]
    assert {refusal(answer) for answer in answers} == {(403, "reset_invalid")}
    assert len({answer.body["error"] for answer in answers}) == 1
    assert (await stranger.post("/login", username="bob", password=ANOTHER)).status == 200


async def test_of_two_who_use_a_code_at_once_one_succeeds(ada: Person, bob: Person, stranger: Person) -> None:
    code = await made_reset(ada)
    answers = await asyncio.gather(
        *(stranger.post("/reset_password", reset=code, password=f"{ANOTHER} {number}") for number in range(4))
    )
    assert sorted(answer.status for answer in answers) == [200, 403, 403, 403]
    (chosen,) = [number for number, answer in enumerate(answers) if answer.status == 200]
    assert (await stranger.post("/login", username="bob", password=f"{ANOTHER} {chosen}")).status == 200


async def test_a_password_that_breaks_a_rule_leaves_the_code_good(ada: Person, bob: Person, stranger: Person) -> None:
    code = await made_reset(ada)
    answer = await stranger.post("/reset_password", reset=code, password="password")
    assert refusal(answer) == (422, "password_too_common")
    assert (await stranger.post("/reset_password", reset=code, password=ANOTHER)).status == 200


async def test_a_code_without_an_account_is_worth_nothing(ada: Person, bob: Person, stranger: Person) -> None:
    code = await made_reset(ada)
    await bob.post("/delete_account", password=PASSWORD)
    assert refusal(await stranger.post("/reset_password", reset=code, password=ANOTHER)) == (403, "reset_invalid")
    assert refusal(await ada.post("/create_password_reset", username="bob")) == (404, "unknown_user")


async def test_a_reset_lets_nobody_in_who_is_deactivated(ada: Person, bob: Person, stranger: Person) -> None:
    code = await made_reset(ada)
    await ada.post("/deactivate_user", username="bob")
    assert (await stranger.post("/reset_password", reset=code, password=ANOTHER)).status == 200
    assert refusal(await stranger.post("/login", username="bob", password=ANOTHER)) == (403, "deactivated")


async def test_the_file_holds_the_hash_of_a_code_for_a_day(server: RunningServer, ada: Person, bob: Person) -> None:
    code = await made_reset(ada)
    rows = server.query("SELECT code_hash, expires_at - created_at FROM password_reset")
    assert rows == [(hashlib.sha256(code.encode()).hexdigest(), DAY_SECONDS * 1000)]
    audit = await bob.get("/get_audit")
    (entry,) = audit.body["entries"]
    assert (entry["actor"], entry["action"], entry["user"]) == ("ada", "create_password_reset", "bob")
    assert code not in str(audit.body)
    await server.stop()
    for path in server.settings.data_dir.iterdir():
        assert code.encode() not in path.read_bytes()


@pytest.mark.parametrize("username", ["nobody", "", "deleted user"])
async def test_there_is_no_reset_for_nobody(ada: Person, username: str) -> None:
    assert refusal(await ada.post("/create_password_reset", username=username)) == (404, "unknown_user")
    async with visiting(ada.server, "stranger") as stranger:
        assert (await stranger.post("/reset_password", reset="x", password=ANOTHER)).status == 403
