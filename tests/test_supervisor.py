"""What systemd is told, by the real process over a real socket."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat.supervisor import Supervisor
from tests.people import PATIENCE_SECONDS
from tests.processes import refused_start, server_process


class Listening:
    """A supervisor's end."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)

    async def news(self) -> dict[str, str]:
        """The next datagram, as its fields."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            text = (await asyncio.get_running_loop().sock_recv(self._socket, 4096)).decode()
        return dict(line.split("=", 1) for line in text.split("\n"))

    async def next(self, field: str) -> dict[str, str]:
        """The next datagram that has this field."""
        while field not in (fields := await self.news()):
            pass
        return fields

    def close(self) -> None:
        self._socket.close()


@contextmanager
def listening(address: str) -> Iterator[Listening]:
    made = Listening(address)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(params=["path", "abstract"])
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listening]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@chat-test-{secrets.token_hex(8)}"
    with listening(name) as made:
        yield made


async def test_the_process_says_when_it_is_ready_that_it_lives_and_that_it_stops(
    supervisor: Listening, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", supervisor.address)
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    async with server_process(data_dir) as server:
        assert await supervisor.next("READY") == {"READY": "1", "STATUS": f"listening on {server.url}"}
        for _ in range(3):
            assert await supervisor.news() == {"WATCHDOG": "1"}
        server.send_signal(signal.SIGTERM)
        assert (await supervisor.next("STOPPING"))["STOPPING"] == "1"
        assert await server.exit_code() == 0
    assert "supervisor:" not in server.log


async def test_a_start_that_is_refused_is_never_called_ready(
    tmp_path: Path, supervisor: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", supervisor.address)
    code, _ = await refused_start("--data-dir", str(tmp_path / "data"), "--host", "256.1.1.1")
    assert code == 2
    assert "READY" not in await supervisor.news()


async def test_a_supervisor_that_is_gone_stops_nobody(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/notify")
    async with server_process(data_dir) as server:
        server.send_signal(signal.SIGTERM)
        assert await server.exit_code() == 0
    assert "supervisor: could not be told READY=1: No such file or directory" in server.log


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Listening]:
    with listening(str(tmp_path / "own")) as made:
        yield made


@pytest.mark.parametrize(
    "watchdog",
    [{}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": ""}],
    ids=str,
)
async def test_the_watchdog_is_left_alone_where_none_waits_for_this_process(
    own: Listening, watchdog: dict[str, str]
) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": own.address} | watchdog)
    await supervisor.keep_watchdog()  # returns at once
    supervisor.ready("here")
    assert await own.news() == {"READY": "1", "STATUS": "here"}


async def test_the_watchdog_of_this_very_process_is_kept(own: Listening) -> None:
    environment = {"NOTIFY_SOCKET": own.address, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": str(os.getpid())}
    keeping = asyncio.create_task(Supervisor(environment).keep_watchdog())
    for _ in range(3):
        assert await own.news() == {"WATCHDOG": "1"}
    keeping.cancel()


async def test_without_a_supervisor_nothing_is_said_and_nothing_fails(caplog: pytest.LogCaptureFixture) -> None:
    supervisor = Supervisor({"WATCHDOG_USEC": "1000"})
    supervisor.ready("here")
    supervisor.stopping("gone")
    await supervisor.keep_watchdog()
    assert caplog.records == []
