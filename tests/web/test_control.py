"""The control socket: its acts are nowhere else, its requests are bounded, and it gives way where it cannot be."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from chat.services.operator import ACTS
from tests.conftest import StartServer
from tests.people import Person
from tests.servers import RunningServer


@pytest.fixture
def near(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run beside the data directory, so that the name of the socket is short enough for any client."""
    monkeypatch.chdir(data_dir.parent)


def connected(_server: RunningServer) -> aiohttp.ClientSession:
    return aiohttp.ClientSession("http://control", connector=aiohttp.UnixConnector("data/control.sock"))


async def test_no_act_is_at_the_address_that_people_reach(server: RunningServer, ada: Person) -> None:
    for act in ACTS:
        if act in ("create_invite", "revoke_invite", "deactivate_user", "reactivate_user", "create_password_reset"):
            continue  # admins may do these there, as themselves
        assert (await ada.post(f"/{act}")).status == 404, act


@pytest.mark.usefixtures("near")
async def test_what_is_malformed_is_refused(server: RunningServer) -> None:
    async with connected(server) as session:
        async with session.post("/list_users") as answer:
            assert (answer.status, await answer.json()) == (200, {"users": []})
        for path, body, status, code in (
            ("/no_such_act", {}, 404, "not_found"),
            ("/add_user", {}, 400, "missing_field"),
            ("/add_user", {"username": "ada", "password": "good enough", "admin": "yes"}, 422, "invalid_value"),
            ("/deactivate_user", {"username": 7}, 400, "wrong_type"),
            ("/deactivate_user", {"username": "ada"}, 404, "unknown_user"),
        ):
            async with session.post(path, json=body) as answer:
                assert (answer.status, (await answer.json())["code"]) == (status, code), path
        async with session.post("/add_user", data=b"x" * (server.settings.frame_max_bytes + 1)) as answer:
            assert answer.status == 413
        async with session.get("/list_users") as answer:
            assert answer.status == 405


async def test_a_server_that_can_have_no_socket_serves_without(
    start_server: StartServer, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data_dir.mkdir(mode=0o700)
    (data_dir / "control.sock").mkdir()  # what no unlink takes away
    server = await start_server()
    assert "control: no socket" in caplog.text
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/healthz") as answer:
        assert answer.status == 200
