"""`user …`: beside a running server and without one, the same."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import stat
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.commands.running import Outcome, refused, run, start
from tests.commands.stored import make_database, rows
from tests.people import PASSWORD, visiting
from tests.processes import ROOT, ServerProcess, server_process

ACTIONS = "SELECT action, actor_id, user.name FROM audit LEFT JOIN user ON user.id = audit.user_id ORDER BY audit.id"


@pytest.fixture(params=["beside a server", "without a server"])
async def somewhere(request: pytest.FixtureRequest, data_dir: Path) -> AsyncIterator[Path]:
    """A data directory, once with a server that runs on it and once without."""
    async with AsyncExitStack() as stack:
        if request.param == "beside a server":
            await stack.enter_async_context(server_process(data_dir))
        yield data_dir


async def user(data_dir: Path, *arguments: str, typed: str = "") -> Outcome:
    return await run("user", *arguments, "--data-dir", data_dir, typed=typed)


async def listed(data_dir: Path) -> list[dict[str, Any]]:
    return (await user(data_dir, "list", "--json")).json["users"]  # type: ignore[no-any-return]


async def test_people_are_added_listed_and_made_admins(somewhere: Path) -> None:
    first = await user(somewhere, "add", "ada", typed=f"{PASSWORD}\n")
    assert (first.code, first.output) == (0, "1\n")
    second = await user(somewhere, "add", "bob", "--admin", "--json", typed=PASSWORD)
    assert second.json == {"user_id": 2, "username": "bob"}
    assert (await user(somewhere, "add", "eve", typed=PASSWORD)).code == 0
    assert await listed(somewhere) == [
        {"user_id": 1, "username": "ada", "admin": True},
        {"user_id": 2, "username": "bob", "admin": True},
        {"user_id": 3, "username": "eve"},
    ]
    assert (await user(somewhere, "admin", "BOB", "--remove")).output == "bob is no longer an admin.\n"
    assert (await user(somewhere, "list")).output == "     1  ada  (admin)\n     2  bob\n     3  eve\n"
    assert "only admin" in await refused("user", "admin", "ada", "--remove", "--data-dir", somewhere)
    assert (await user(somewhere, "admin", "eve")).output == "eve is now an admin.\n"
    assert rows(somewhere / "chat.db", ACTIONS) == [
        ("create_user", None, "ada"),
        ("create_user", None, "bob"),
        ("make_admin", None, "bob"),
        ("create_user", None, "eve"),
        ("remove_admin", None, "bob"),
        ("make_admin", None, "eve"),
    ]


async def test_what_may_not_be_is_refused_in_the_words_of_the_server(somewhere: Path) -> None:
    await user(somewhere, "add", "ada", typed=PASSWORD)
    where = ("--data-dir", str(somewhere))
    assert "looks too much like" in await refused("user", "add", "ADA", *where, typed=PASSWORD)
    assert "at least 8 characters" in await refused("user", "add", "bob", *where, typed="short")
    for act in ("reset-password", "deactivate"):
        assert await refused("user", act, "nobody", *where) == "There is no user with this name."
    assert "only admin" in await refused("user", "deactivate", "ada", *where)
    assert len(await listed(somewhere)) == 1


@asynccontextmanager
async def server_with_two(data_dir: Path, *flags: str) -> AsyncIterator[ServerProcess]:
    await user(data_dir, "add", "ada", typed=PASSWORD)
    await user(data_dir, "add", "bob", typed=PASSWORD)
    async with server_process(data_dir, *flags) as server:
        yield server


async def test_a_deactivation_closes_the_sockets_at_once_and_a_reactivation_lets_in_again(data_dir: Path) -> None:
    async with server_with_two(data_dir) as server, visiting(server, "bob") as bob:
        await bob.sign_in()
        async with bob.live() as socket:
            outcome = await user(data_dir, "deactivate", "bob")
            assert outcome.output == "bob is signed out everywhere and cannot sign in.\n"
            assert await socket.close_code() == 4401
        assert (await bob.get("/whoami")).status == 401
        assert (await bob.sign_in()).body["code"] == "deactivated"
        assert [entry for entry in await listed(data_dir) if entry.get("deactivated")] == [
            {"user_id": 2, "username": "bob", "deactivated": True}
        ]
        assert (await user(data_dir, "reactivate", "bob")).output == "bob can sign in.\n"
        assert (await bob.sign_in()).status == 200
        assert "deactivated by the operator" in server.log


async def test_a_reset_link_works_once(data_dir: Path) -> None:
    async with server_with_two(data_dir) as server, visiting(server, "bob") as bob:
        outcome = await user(data_dir, "reset-password", "bob")
        assert outcome.output.startswith("/#reset=")
        assert "Works once, until 2" in outcome.errors
        code = outcome.output.strip().removeprefix("/#reset=")
        assert code not in server.log
        assert (await bob.post("/reset_password", reset=code, password="another good one")).status == 200
        assert (await bob.post("/reset_password", reset=code, password="another good one")).status == 403
        bob.password = "another good one"
        assert (await bob.sign_in()).status == 200


async def test_accounts_are_made_where_registration_is_closed(data_dir: Path) -> None:
    async with server_process(data_dir, "--registration", "closed") as server, visiting(server, "ada") as ada:
        assert (await ada.post("/create_user", username="ada", password=PASSWORD)).status == 403
        assert (await user(data_dir, "add", "ada", typed=PASSWORD)).code == 0
        assert (await ada.sign_in()).status == 200
        assert (await ada.get("/whoami")).body["admin"] is True


async def test_without_a_database_only_adding_makes_one_and_says_so(data_dir: Path) -> None:
    assert "There is no database" in await refused("user", "list", "--data-dir", data_dir)
    assert not data_dir.exists()
    outcome = await user(data_dir, "add", "ada", typed=PASSWORD)
    assert outcome.errors == f"There was no database in {data_dir}; it was made.\n"


async def test_a_name_that_the_terminal_cannot_show_is_no_fault(data_dir: Path) -> None:
    await user(data_dir, "add", "zoë", typed=PASSWORD)
    outcome = await run("user", "list", "--data-dir", data_dir, environment={"PYTHONIOENCODING": "ascii"})
    assert outcome.output == "     1  zo\\xeb  (admin)\n"


async def test_text_that_is_none_is_refused(data_dir: Path) -> None:
    await make_database(data_dir)
    where = ("--data-dir", str(data_dir))
    process = await start("user", "add", "eve", *where)
    _, errors = await process.communicate(b"pass\xffword\n")
    assert (process.returncode, errors) == (2, b"The password on standard input is not UTF-8.\n")
    assert "not valid text" in await refused("user", "admin", os.fsdecode(b"\xff"), *where)


@pytest.mark.parametrize(("again", "code"), [(PASSWORD, 0), ("something else", 2)])
async def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(
    data_dir: Path, again: str, code: int
) -> None:
    await make_database(data_dir)
    terminal, keyboard = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chat", "user", "add", "eve", "--data-dir", data_dir, cwd=ROOT,
        stdin=keyboard, stdout=keyboard, stderr=keyboard, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY),
    )  # fmt: skip
    os.close(keyboard)
    shown = b""
    for prompt, line in ((b"Password: ", PASSWORD), (b"again: ", again)):
        while not shown.endswith(prompt):
            shown += await asyncio.to_thread(os.read, terminal, 1000)
        os.write(terminal, line.encode() + b"\n")
    with contextlib.suppress(OSError):  # the other end is closed
        while more := await asyncio.to_thread(os.read, terminal, 1000):
            shown += more
    os.close(terminal)
    assert await process.wait() == code, shown
    assert PASSWORD.encode() not in shown
    assert (b"The two passwords differ" in shown) == (code == 2)
    assert [entry["username"] for entry in await listed(data_dir)] == ["ada", "bob", *["eve"][: code == 0]]


async def test_the_control_socket_is_for_the_owner_alone_and_gone_after_the_stop(data_dir: Path) -> None:
    async with server_process(data_dir) as server:
        path = data_dir / "control.sock"
        assert stat.S_ISSOCK(path.lstat().st_mode)
        assert stat.S_IMODE(path.lstat().st_mode) == 0o600
        await server.kill()
        assert path.exists()
    assert (await user(data_dir, "add", "ada", typed=PASSWORD)).code == 0  # what a killed server left is no server
    async with server_process(data_dir) as server:
        assert (await user(data_dir, "add", "bob", typed=PASSWORD)).code == 0
        server.send_signal(signal.SIGTERM)
        assert await server.exit_code() == 0
        assert not path.exists()


async def test_a_long_name_of_the_folder_is_no_obstacle(tmp_path: Path) -> None:
    data_dir = tmp_path / ("x" * 120)
    async with server_process(data_dir):
        assert (await user(data_dir, "add", "ada", typed=PASSWORD)).output == "1\n"
        assert [entry["username"] for entry in await listed(data_dir)] == ["ada"]


async def test_commands_at_the_same_time_are_all_carried_out(somewhere: Path) -> None:
    await user(somewhere, "add", "ada", typed=PASSWORD)
    started = [await start("user", "add", f"bob{number}", "--data-dir", somewhere) for number in range(3)]
    for process in started:
        _, errors = await process.communicate(PASSWORD.encode())
        assert process.returncode == 0, errors
    assert len(await listed(somewhere)) == 4
