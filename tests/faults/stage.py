"""The stage of a fault: a real server process, people who talk all the time, and at the end the oracle."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from chat.store.data_directory import DATABASE_NAME
from tests.faults.oracle import Log, Verdict, find_damage, read_stored, verify
from tests.faults.talker import Address, Talker
from tests.people import Person, visiting
from tests.processes import ServerProcess, server_process

# What all talkers together may need to get on, on a machine that does much else.
_PATIENCE_SECONDS = 50
_LOOK_SECONDS = 0.002
# Every server here gets these: few people stand for many, and talk faster than people do.
FLAGS: tuple[str, ...] = (
    "--frames-per-user-per-second", "1000000", "--frames-per-user-burst", "1000000",
    "--requests-per-user-per-second", "1000000", "--requests-per-user-burst", "1000000",
    "--requests-per-user-at-once", "1000000", "--frames-per-user-at-once", "1000000",
    "--catch-up-pages-per-user-at-once", "1000000", "--sockets-per-user-max", "100000",
)  # fmt: skip


class Stage:
    """A data directory, the servers that run on it one after the other, and their clients.

    Args:
        stack: where what must be closed is kept.

    Attributes:
        start_seconds: how long each start took until it listened, without the time in which a processor was wanted
            and others had it.
    """

    def __init__(self, data_dir: Path, stack: AsyncExitStack) -> None:
        self.data_dir = data_dir
        self.log = Log()
        self.address = Address()
        self.people: list[Person] = []
        self.talkers: list[Talker] = []
        self.start_seconds: list[float] = []
        self._stack = stack
        self._tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def serving(self, *flags: str, program: tuple[str, ...] = ()) -> AsyncIterator[ServerProcess]:
        """Run the server until the end of the block; the talkers find it."""
        started, waited = time.monotonic(), _waited_seconds(os.getpid())
        async with server_process(self.data_dir, *FLAGS, *flags, program=program) as server:
            waited = _waited_seconds(os.getpid()) - waited + _waited_seconds(server.process_id)
            self.start_seconds.append(time.monotonic() - started - waited)
            self.address.is_at(server.url)
            try:
                yield server
            finally:
                self.address.is_gone()

    async def kill(self, server: ServerProcess) -> None:
        self.address.is_gone()
        await server.kill()

    async def invite(self, people: int) -> None:
        """Let people sign up and join the lobby."""
        for _ in range(people):
            name = f"person-{len(self.people)}"
            person = await self._stack.enter_async_context(visiting(self.address, name))
            await person.sign_up()
            await person.joins()
            self.people.append(person)

    async def stop(self, server: ServerProcess) -> int:
        """Ask it to stop, as a supervisor does: its exit code."""
        self.address.is_gone()
        server.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await server.exit_code()

    def add_talkers(
        self,
        talkers: int,
        rooms: Sequence[str] = ("lobby",),
        *,
        gate: Address | None = None,
        messages_max: int | None = None,
        in_flight: int = 8,
        padding: int = 0,
    ) -> list[Talker]:
        """Talkers who share the people and the rooms among them.

        Args:
            gate: what keeps them away while it is not up; without one they come whenever there is a server.
        """
        added = [
            Talker(
                f"t{number}", self.people[number % len(self.people)], rooms[number % len(rooms)], self.log,
                gate or self.address, messages_max=messages_max, in_flight=in_flight, padding=padding,
            )
            for number in range(len(self.talkers), len(self.talkers) + talkers)
        ]  # fmt: skip
        self.talkers += added
        return added

    @asynccontextmanager
    async def talking(self) -> AsyncIterator[None]:
        """Let all talkers talk until the end of the block."""
        self._tasks = [asyncio.create_task(talker.talk()) for talker in self.talkers]
        try:
            yield
            self._look()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._tasks = []

    async def acknowledged(self, more: int) -> None:
        """Return when this many more messages have been acknowledged."""
        enough = len(self.log.acknowledged) + more
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while len(self.log.acknowledged) < enough:
                self._look()
                await asyncio.sleep(_LOOK_SECONDS)

    async def all_live(self, talkers: Sequence[Talker], *, expected: bool = True) -> None:
        """Return when all of these are live, or none of them is."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while any(talker.is_live.is_set() != expected for talker in talkers):
                self._look()
                await asyncio.sleep(_LOOK_SECONDS)

    async def all_refused(self) -> None:
        """Return when every talker has been refused once more."""
        before = [talker.refused for talker in self.talkers]
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while any(talker.refused == refused for talker, refused in zip(self.talkers, before, strict=True)):
                self._look()
                await asyncio.sleep(_LOOK_SECONDS)

    async def quiet(self) -> None:
        """Let no new message be said, and return when every one was acknowledged."""
        for talker in self.talkers:
            talker.messages_max = 0
        await self.all_acknowledged()

    async def all_acknowledged(self) -> None:
        """Return when nobody waits for an acknowledgement."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not all(talker.has_all_acknowledged for talker in self.talkers):
                self._look()
                await asyncio.sleep(_LOOK_SECONDS)

    async def verdict(self) -> Verdict:
        """Let every reader come back to a server of their own, stop it, and ask the oracle."""
        async with self.serving() as server:
            await asyncio.gather(*(talker.catch_up() for talker in self.talkers))
            code = await self.stop(server)
        if code:
            self.log.contradictions.append(f"the server that was only asked to stop ended with {code}")
        return await asyncio.to_thread(self._ask)

    def _ask(self) -> Verdict:
        path = self.data_dir / DATABASE_NAME
        return verify(self.log, read_stored(path), find_damage(path))

    def _look(self) -> None:
        """Raise what a talker has failed of: it would never be heard of otherwise."""
        for task in self._tasks:
            if task.done():
                task.result()


@asynccontextmanager
async def staged(data_dir: Path) -> AsyncIterator[Stage]:
    _allow_many_sockets()
    async with AsyncExitStack() as stack:
        yield Stage(data_dir, stack)


def _allow_many_sockets() -> None:
    _, granted = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (granted, granted))


def _waited_seconds(process_id: int) -> float:
    """How long the threads of a process have waited for a processor: the second number of schedstat, in ns."""
    nanoseconds = 0
    for task in Path(f"/proc/{process_id}/task").glob("*/schedstat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended since they were listed
            nanoseconds += int(task.read_text().split()[1])
    return nanoseconds / 1e9
