"""`invite …`: what is printed lets people in, and what is revoked does not."""

from __future__ import annotations

from pathlib import Path

from tests.commands.running import refused, run
from tests.commands.stored import rows
from tests.people import PASSWORD, visiting
from tests.processes import server_process


async def test_an_invite_lets_in_as_many_as_it_says(data_dir: Path) -> None:
    where = ("--data-dir", str(data_dir))
    async with server_process(data_dir, "--registration", "invite") as server, visiting(server, "bob") as bob:
        await run("user", "add", "ada", *where, typed=PASSWORD)
        outcome = await run("invite", "--hours", "2", *where)
        assert outcome.output.startswith("/#invite=")
        assert "Lets in 1, until 2" in outcome.errors
        code = outcome.output.strip().removeprefix("/#invite=")
        assert code not in server.log
        assert (await bob.post("/create_user", username="bob", password=PASSWORD)).status == 403
        assert (await bob.post("/create_user", username="bob", password=PASSWORD, invite=code)).status == 200
        assert (await bob.post("/create_user", username="eve", password=PASSWORD, invite=code)).status == 403


async def test_invites_are_listed_and_revoked(data_dir: Path) -> None:
    where = ("--data-dir", str(data_dir))
    await run("user", "add", "ada", *where, typed=PASSWORD)
    invite = (await run("invite", "--uses", "3", *where, "--json")).json
    number, uses_left = invite["invite_id"], invite["uses_left"]
    assert uses_left == 3
    (listed,) = (await run("invite", "list", "--json", *where)).json["invites"]
    assert (listed["invite_id"], listed["uses_left"], listed["created_by"]) == (number, 3, None)
    assert "lets in 3 until 2" in (await run("invite", "list", *where)).output
    assert (await run("invite", "revoke", str(number), *where)).output == f"Invite {number} lets nobody in any more.\n"
    assert (await run("invite", "list", *where)).output == ""
    assert "no open invite" in await refused("invite", "revoke", str(number), *where)
    actions = rows(data_dir / "chat.db", "SELECT action, actor_id FROM audit ORDER BY id")
    assert actions == [("create_user", None), ("create_invite", None), ("revoke_invite", None)]


async def test_numbers_out_of_range_are_refused(data_dir: Path) -> None:
    where = ("--data-dir", str(data_dir))
    assert "There is no database" in await refused("invite", *where)
    await run("user", "add", "ada", *where, typed=PASSWORD)
    assert "uses is a whole number from 1" in await refused("invite", "--uses", "0", *where)
    assert "hours" in await refused("invite", "--hours", "-3", *where)
    assert "invalid int value" in await refused("invite", "--uses", "many", *where)
