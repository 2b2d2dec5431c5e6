"""The server does what /openapi.json promises, and refuses what it forbids, as schemathesis finds it out."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.people import Person, visiting
from tests.servers import RunningServer
from tests.web.test_endpoints import unlimited

FOLDER = Path(__file__).with_name("description")


async def conformance(server: RunningServer, cookie: tuple[str, str], *flags: str) -> str:
    """Let schemathesis loose on the server with this cookie, and say what it said if nothing was wrong."""
    environment = os.environ | {"SERVER": server.url, "COOKIE_NAME": cookie[0], "COOKIE": cookie[1]}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml",
        "run", f"{server.url}/openapi.json", *flags,
        cwd=FOLDER, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output
    return output


async def signed_up(server: RunningServer, username: str) -> tuple[str, str]:
    """The cookie of a new member of the lobby."""
    async with visiting(server, username) as person:
        await person.sign_up()
        await person.joins()
        name, _, value = person.cookie.partition("=")
        return name, value


@unlimited
@pytest.mark.timeout(180)
@pytest.mark.parametrize("role", ["nobody", "a member", "an admin"])
async def test_every_answer_is_as_it_is_described(server: RunningServer, stranger: Person, role: str) -> None:
    # Not names that stand in the examples: those are deactivated and deleted.
    admin, member = await signed_up(server, "the first"), await signed_up(server, "someone else")
    match role:
        case "nobody":
            await conformance(server, (member[0], ""), "--phases", "examples,coverage", "--mode", "positive")
        case "a member":
            await conformance(server, member, "--phases", "examples")
        case _:
            output = await conformance(server, admin)
            assert "Authentication failed" not in output
    assert (await stranger.get("/healthz")).status == 200
