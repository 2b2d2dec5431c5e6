"""The stage of every test: a running server and a cast, in one line each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from chat.services import passwords
from tests.alone import pytest_runtest_protocol  # noqa: F401 -- for pytest, which looks for it here
from tests.people import Person, member, visiting
from tests.servers import RunningServer

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("without_deadline", deadline=None)
hypothesis.settings.load_profile("without_deadline")

StartServer = Callable[..., Awaitable[RunningServer]]


@pytest.fixture(autouse=True)
def quick_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing for attackers to despair of is a good part of the work; tests that it matters to say `full_strength`."""
    if request.node.get_closest_marker("full_strength") is None:
        monkeypatch.setattr(passwords, "_MEMORY_KIB", 64)
        monkeypatch.setattr(passwords, "_CURRENT_PREFIX", "$argon2id$v=19$m=64,t=2,p=1$")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Where a server will put its data; it makes the folder itself."""
    return tmp_path / "data"


@pytest.fixture
async def start_server(data_dir: Path) -> AsyncIterator[StartServer]:
    """Starts a server with settings of the test's own."""
    started: list[RunningServer] = []

    async def start(**settings: Any) -> RunningServer:
        server = RunningServer(data_dir, **settings)
        started.append(server)
        await server.start()
        return server

    yield start
    for server in started:
        await server.stop()


@pytest.fixture
async def server(request: pytest.FixtureRequest, start_server: StartServer) -> RunningServer:
    """A running server; `@pytest.mark.settings(name=value)` changes its settings."""
    marker = request.node.get_closest_marker("settings")
    return await start_server(**(marker.kwargs if marker else {}))


@pytest.fixture
async def ada(server: RunningServer) -> AsyncIterator[Person]:
    """A member of the lobby."""
    async with member(server, "ada") as person:
        yield person


@pytest.fixture
async def bob(server: RunningServer) -> AsyncIterator[Person]:
    """Another member of the lobby."""
    async with member(server, "bob") as person:
        yield person


@pytest.fixture
async def eve(server: RunningServer) -> AsyncIterator[Person]:
    """An outsider: signed in, member of nothing."""
    async with visiting(server, "eve") as person:
        await person.sign_up()
        yield person


@pytest.fixture
async def stranger(server: RunningServer) -> AsyncIterator[Person]:
    """Someone who is not signed in."""
    async with visiting(server, "stranger") as person:
        yield person
