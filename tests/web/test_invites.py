from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest

from tests.forms import Post, each_kind_of_body
from tests.people import PASSWORD, Answer, Person, visiting
from tests.servers import RunningServer

HOUR_MS = 60 * 60 * 1000
invite_only = pytest.mark.settings(registration="invite")


async def sign_up(server: RunningServer, username: str, **fields: Any) -> Answer:
    async with visiting(server, username) as person:
        return await person.post("/create_user", username=username, password=PASSWORD, **fields)


async def made_invite(admin: Person, **fields: Any) -> str:
    answer = await admin.post("/create_invite", **fields)
    assert answer.status == 200, answer
    return str(answer.body["invite"])


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


@pytest.mark.parametrize("mode", ["open", "invite", "closed"])
async def test_everyone_is_told_who_may_sign_up(start_server: Any, mode: str) -> None:
    server = await start_server(registration=mode)
    async with visiting(server, "stranger") as stranger:
        assert (await stranger.get("/registration")).body == {"registration": mode, "has_admin": False}
        if mode != "closed":
            await stranger.sign_up()
            assert (await stranger.get("/registration")).body == {"registration": mode, "has_admin": True}


async def test_an_open_server_asks_nobody_for_an_invite(server: RunningServer) -> None:
    assert (await sign_up(server, "zoe")).status == 200
    assert (await sign_up(server, "kim", invite="anything")).status == 200


@pytest.mark.settings(registration="closed")
async def test_a_closed_server_lets_nobody_sign_up_not_even_the_first(server: RunningServer) -> None:
    for fields in ({}, {"invite": "anything"}):
        assert refusal(await sign_up(server, "zoe", **fields)) == (403, "registration_closed")
    assert server.query("SELECT * FROM user") == []


@each_kind_of_body
@invite_only
async def test_an_invite_lets_in_as_many_as_it_says(server: RunningServer, ada: Person, post: Post) -> None:
    answer = await post(ada, "/create_invite", uses=2, hours=24)
    assert answer.status == 200
    code = answer.body["invite"]
    assert set(answer.body) == {"invite_id", "invite", "expires", "uses_left", "path"}
    assert (answer.body["uses_left"], answer.body["path"]) == (2, f"/#invite={code}")
    assert len(code) >= 128 / 6
    assert (await sign_up(server, "zoe", invite=code)).status == 200
    (listed,) = (await ada.get("/get_invites")).body["invites"]
    assert (listed["uses_left"], listed["created_by"]) == (1, "ada")
    assert set(listed) == {"invite_id", "created_by", "created", "expires", "uses_left"}
    assert (await sign_up(server, "kim", invite=code)).status == 200
    assert refusal(await sign_up(server, "lea", invite=code)) == (403, "invite_invalid")
    assert (await ada.get("/get_invites")).body["invites"] == []


@invite_only
async def test_without_an_invite_only_the_first_is_let_in(server: RunningServer) -> None:
    assert (await sign_up(server, "ada")).status == 200
    assert refusal(await sign_up(server, "zoe")) == (403, "invite_needed")
    assert server.query("SELECT name, is_admin FROM user") == [("ada", 1)]


@pytest.mark.parametrize("mode", ["open", "invite"])
async def test_of_many_who_come_first_at_once_exactly_one_is_the_admin(start_server: Any, mode: str) -> None:
    server = await start_server(registration=mode)
    answers = await asyncio.gather(*(sign_up(server, f"user{number}") for number in range(8)))
    statuses = sorted(answer.status for answer in answers)
    assert statuses == ([200] * 8 if mode == "open" else [200] + [403] * 7)
    assert server.query("SELECT count(*) FROM user WHERE is_admin") == [(1,)]


@invite_only
async def test_of_many_who_want_the_last_place_one_gets_it(server: RunningServer, ada: Person) -> None:
    code = await made_invite(ada, uses=1)
    answers = await asyncio.gather(*(sign_up(server, f"user{number}", invite=code) for number in range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [403] * 7
    assert {refusal(answer) for answer in answers if answer.status != 200} == {(403, "invite_invalid")}
    assert len((await ada.get("/get_users")).body["users"]) == 2


@invite_only
async def test_what_is_refused_for_another_reason_uses_nothing_up(server: RunningServer, ada: Person) -> None:
    code = await made_invite(ada)
    assert refusal(await sign_up(server, "ADA", invite=code)) == (409, "name_taken")
    assert refusal(await sign_up(server, "a/b", invite=code)) == (422, "name_slash")
    answers = await asyncio.gather(*(sign_up(server, name, invite=code) for name in ("zoe", "ZOE")))
    assert sorted(answer.status for answer in answers) in ([200, 403], [200, 409])
    assert server.query("SELECT uses_left FROM invite") == [(0,)]


@invite_only
async def test_two_of_one_name_at_once_use_one_place(server: RunningServer, ada: Person) -> None:
    code = await made_invite(ada, uses=2)
    answers = await asyncio.gather(*(sign_up(server, name, invite=code) for name in ("zoe", "ZOE")))
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert server.query("SELECT uses_left FROM invite") == [(1,)]


@invite_only
async def test_every_invite_that_is_worth_nothing_is_refused_alike(server: RunningServer, ada: Person) -> None:
    expired, revoked, used_up = [await made_invite(ada) for _ in range(3)]
    key = hashlib.sha256(expired.encode()).hexdigest()
    assert (await sign_up(server, "zoe", invite=used_up)).status == 200
    listed = (await ada.get("/get_invites")).body["invites"]
    assert (await ada.post("/revoke_invite", invite_id=listed[0]["invite_id"])).status == 200
    await server.stop()
    server.query("UPDATE invite SET expires_at = created_at WHERE code_hash = ?", key)
    await server.start()
    answers = [await sign_up(server, "kim", invite=code) for code in (expired, revoked, used_up, "unknown", "", "é")]
    assert {refusal(answer) for answer in answers} == {(403, "invite_invalid")}
    assert len({answer.body["error"] for answer in answers}) == 1
    assert (await ada.get("/get_invites")).body["invites"] == []
    assert refusal(await ada.post("/revoke_invite", invite_id=listed[1]["invite_id"])) == (404, "unknown_invite")
    answers = [await sign_up(server, "ADA", invite="unknown"), await sign_up(server, "ADA")]
    assert [answer.status for answer in answers] == [403, 403], (
        "who is not invited does not learn which names there are"
    )


@invite_only
async def test_an_invite_is_worth_nothing_once_its_maker_is_no_admin(server: RunningServer, ada: Person) -> None:
    code = await made_invite(ada, uses=5)
    assert (await sign_up(server, "zoe", invite=code)).status == 200
    await server.stop()
    server.query("UPDATE user SET is_admin = (name = 'zoe')")
    await server.start()
    assert refusal(await sign_up(server, "kim", invite=code)) == (403, "invite_invalid")


@pytest.mark.settings(invites_max=1)
async def test_invites_that_are_over_take_no_place(server: RunningServer, ada: Person) -> None:
    await made_invite(ada)
    await server.stop()
    server.query("UPDATE invite SET expires_at = created_at")
    await server.start()
    await made_invite(ada)
    assert len(server.query("SELECT * FROM invite")) == 1


async def test_the_file_holds_the_hash_of_a_code_and_nothing_else_of_it(server: RunningServer, ada: Person) -> None:
    code = await made_invite(ada)
    assert server.query("SELECT code_hash FROM invite") == [(hashlib.sha256(code.encode()).hexdigest(),)]
    await server.stop()
    for path in server.settings.data_dir.iterdir():
        assert code.encode() not in path.read_bytes()


async def test_an_invite_is_for_one_and_a_week_unless_it_is_said(server: RunningServer, ada: Person) -> None:
    await made_invite(ada)
    ((uses, lasts),) = server.query("SELECT uses_left, expires_at - created_at FROM invite")
    assert (uses, lasts) == (1, 7 * 24 * HOUR_MS)


@pytest.mark.parametrize("field", [{"uses": 0}, {"uses": 1001}, {"hours": 0}, {"hours": 8761}, {"uses": -1}])
async def test_an_invite_has_bounds(ada: Person, field: dict[str, int]) -> None:
    assert refusal(await ada.post("/create_invite", **field)) == (422, "out_of_range")
    assert (await ada.get("/get_invites")).body["invites"] == []


@pytest.mark.settings(invites_max=2)
async def test_only_so_many_invites_are_open_at_a_time(server: RunningServer, ada: Person) -> None:
    for _ in range(2):
        await made_invite(ada)
    assert refusal(await ada.post("/create_invite")) == (409, "too_many_invites")
    newest, _ = (await ada.get("/get_invites")).body["invites"]
    assert (await ada.post("/revoke_invite", invite_id=newest["invite_id"])).status == 200
    await made_invite(ada)


async def test_what_admins_do_with_invites_is_written_down_and_no_code_is(ada: Person) -> None:
    code = await made_invite(ada, uses=3)
    (listed,) = (await ada.get("/get_invites")).body["invites"]
    await ada.post("/revoke_invite", invite_id=listed["invite_id"])
    assert refusal(await ada.post("/revoke_invite", invite_id=listed["invite_id"])) == (404, "unknown_invite")
    audit = await ada.get("/get_audit")
    entries = audit.body["entries"]
    assert [(entry["actor"], entry["action"]) for entry in entries] == [
        ("ada", "revoke_invite"),
        ("ada", "create_invite"),
    ]
    assert "uses: 3" in entries[1]["subject"]
    assert code not in str(audit.body)


@invite_only
@pytest.mark.parametrize("is_revoked", [True, False], ids=["revoked", "used up"])
async def test_a_number_is_never_given_to_a_second_invite(server: RunningServer, ada: Person, is_revoked: bool) -> None:
    """Else whoever reads the audit log, or revokes by number, takes one for the other."""
    first = (await ada.post("/create_invite")).body
    if is_revoked:
        await ada.post("/revoke_invite", invite_id=first["invite_id"])
    else:
        assert (await sign_up(server, "zoe", invite=first["invite"])).status == 200
    second = (await ada.post("/create_invite")).body
    assert second["invite_id"] > first["invite_id"]
    entries = (await ada.get("/get_audit")).body["entries"]
    made = [entry for entry in entries if entry["action"] == "create_invite"]
    assert [entry["id"] for entry in made] == [second["invite_id"], first["invite_id"]]
    assert made[0]["subject"].startswith(f"invite {second['invite_id']},")
