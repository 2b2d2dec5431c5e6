"""The links that commands print: whole where the address of the server is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.running import run
from tests.people import PASSWORD
from tests.processes import server_process

ORIGIN = "https://chat.example.org"


@pytest.mark.parametrize(("origin", "before"), [("", ""), (ORIGIN, ORIGIN)])
async def test_a_link_is_whole_where_the_address_is_known(data_dir: Path, origin: str, before: str) -> None:
    where = ("--data-dir", str(data_dir))
    known = {"CHAT_ORIGIN": origin} if origin else {}
    await run("user", "add", "ada", *where, typed=PASSWORD)
    for command, path in ((("invite",), "/#invite="), (("user", "reset-password", "ada"), "/#reset=")):
        printed = await run(*command, *where, environment=known)
        assert printed.output.startswith(before + path)
        assert ("Put the address of your server before it." in printed.errors) is not bool(origin)
        described = (await run(*command, *where, "--json", environment=known)).json
        assert described["path"].startswith(path)
        assert described.get("link") == (before + described["path"] if origin else None)


async def test_beside_a_server_its_own_address_counts(data_dir: Path) -> None:
    async with server_process(data_dir, "--origin", ORIGIN):
        outcome = await run("invite", "--data-dir", data_dir)
    assert outcome.output.startswith(f"{ORIGIN}/#invite=")
