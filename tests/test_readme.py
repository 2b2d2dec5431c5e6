"""README.md and docs/ tell the truth: their examples run as printed, their tables say what the code says."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from chat import errors, protocol
from chat.settings import Settings
from chat.web import middlewares
from chat.web.routes import ROUTES
from tests.people import PASSWORD
from tests.processes import ServerProcess, clean_environment, server_process

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PROTOCOL = ROOT / "docs" / "protocol.md"
PAGES = (README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))

PATIENCE_SECONDS = 30
FENCE = re.compile(r"^```(?P<language>\w+)(?: (?P<role>\w+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class ReadersServer:
    """`python run.py` as a reader runs it, with its data in the folder `data`; it keeps its port over a restart."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._port = 0
        self._process: ServerProcess | None = None
        self.listening = asyncio.Event()

    @property
    def address(self) -> str:
        return f"localhost:{self._port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    async def start(self) -> None:
        process = await self._stack.enter_async_context(server_process(self._folder / "data", port=self._port))
        self._process, self._port = process, process.address[1]
        self.listening.set()

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the server; says with which code it left."""
        assert self._process is not None
        self.listening.clear()
        self._process.send_signal(how)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._process.exit_code()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ReadersServer]:
    async with AsyncExitStack() as stack:
        server = ReadersServer(tmp_path, stack)
        await server.start()
        yield server


@pytest.fixture
def curl() -> None:
    """Skips the test where there is no curl, but never silently in CI."""
    if shutil.which("curl") is None:
        if os.environ.get("CI"):
            pytest.fail("curl is not installed")
        pytest.skip("curl is not installed")


def environment() -> dict[str, str]:
    """Ours, with the tools of the virtual environment on the path and without settings of the server.

    A reader is in the folder of the program; a test is not, but finds it.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return clean_environment() | {"PATH": path, "PYTHONPATH": str(ROOT)}


# The examples of the README


class Step(NamedTuple):
    """What a reader does: runs a command, types a line into it, or just sees a line come."""

    role: str
    text: str
    shown: list[str]


def readme_steps() -> Iterator[Step]:
    for block in FENCE.finditer(README.read_text(encoding="utf-8")):
        text = block["text"].rstrip("\n")
        if block["language"] == "console":
            for example in text.removeprefix("$ ").split("\n$ "):
                command, *shown = example.split("\n")
                yield Step("run", command, shown)
        elif block["role"] in ("type", "receive"):
            yield Step(block["role"], text, [])


class Comparison:
    """Compares what came with what the README shows; only times may differ, and equal ones must be equal again."""

    def __init__(self) -> None:
        self._actual_times: dict[str, str] = {}

    def check(self, actual: str, shown: str) -> None:
        assert TIMESTAMP.sub("TIME", actual) == TIMESTAMP.sub("TIME", shown)
        for shown_time, actual_time in zip(TIMESTAMP.findall(shown), TIMESTAMP.findall(actual), strict=True):
            assert self._actual_times.setdefault(shown_time, actual_time) == actual_time


class Terminal:
    """Runs commands as a reader's shell would, variables kept; a websocat stays open until the next command."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder = folder
        self._address = address
        self._variables: list[str] = []
        self._websocat: asyncio.subprocess.Process | None = None
        self._keyboard = -1  # what is written here, websocat reads

    async def run(self, command: str) -> str:
        """Run a command to its end; says what it printed."""
        if re.match(r"[A-Z]+=", command):
            self._variables.append(command)
            return ""
        shell = await self._shell(command, stdin=asyncio.subprocess.DEVNULL)
        async with asyncio.timeout(PATIENCE_SECONDS):
            printed, _ = await shell.communicate()
        assert shell.returncode == 0, command
        return printed.decode()

    async def open_websocat(self, command: str) -> None:
        # A pipe of our own, because asyncio would take a socket, whose end websocat does not notice.
        stdin, self._keyboard = os.pipe()
        try:
            self._websocat = await self._shell(command, stdin=stdin)
        finally:
            os.close(stdin)

    def type(self, line: str) -> None:
        os.write(self._keyboard, line.encode() + b"\n")

    async def next_line(self, *, pass_over: str) -> str:
        """The next line that websocat prints, but for those that contain `pass_over`."""
        assert self._websocat is not None
        assert self._websocat.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while line := (await self._websocat.stdout.readline()).decode():
                if pass_over not in line:
                    return line.rstrip("\n")
        raise AssertionError("websocat ended")

    async def close_websocat(self) -> None:
        if self._websocat is not None:
            websocat, self._websocat = self._websocat, None
            os.close(self._keyboard)
            async with asyncio.timeout(PATIENCE_SECONDS):
                await websocat.communicate()
            assert websocat.returncode == 0

    async def _shell(self, command: str, *, stdin: int) -> asyncio.subprocess.Process:
        script = "\n".join([*self._variables, command]).replace("localhost:8000", self._address)
        return await asyncio.create_subprocess_exec(
            "bash", "-c", f"set -eu\n{script}", cwd=self._folder, env=environment(),
            stdin=stdin, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip


async def test_the_examples_of_the_readme_do_what_it_shows(curl: None, server: ReadersServer, tmp_path: Path) -> None:
    terminal, comparison = Terminal(tmp_path, server.address), Comparison()
    roles = []
    for step in readme_steps():
        roles.append(step.role)
        if step.role == "type":
            terminal.type(step.text)
        elif step.role == "receive":
            # Who came is told within a second, so before or after this.
            comparison.check(await terminal.next_line(pass_over='"type":"presence"'), step.text)
        elif step.text.startswith("websocat "):
            await terminal.close_websocat()
            await terminal.open_websocat(step.text)
            for shown in step.shown:
                comparison.check(await terminal.next_line(pass_over="\0"), shown)
        else:
            await terminal.close_websocat()
            comparison.check(await terminal.run(step.text), "\n".join(step.shown))
    await terminal.close_websocat()
    assert {"run", "type", "receive"} <= set(roles), "the README has lost its examples"


def readme_lines_with(what: str) -> str:
    """The one block of shell lines in the README that contains this, for the Python of these tests."""
    blocks = [block["text"] for block in FENCE.finditer(README.read_text(encoding="utf-8")) if what in block["text"]]
    assert len(blocks) == 1, what
    return blocks[0].replace(".venv/bin/python", sys.executable)


async def test_a_backup_made_while_the_server_runs_can_be_restored(server: ReadersServer, tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, server.address)
    async with signed_up(server, "ada") as ada:
        await say(server, ada, "before the backup")
        await terminal.run(readme_lines_with("-m chat backup"))
        await say(server, ada, "after the backup")
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert await server.stop() == 0
    await terminal.run(readme_lines_with("-m chat restore"))
    await server.start()
    async with signed_up(server, "bob") as bob:
        assert await listed_texts(bob) == ["before the backup"]


# The client of the protocol page


@asynccontextmanager
async def signed_up(server: ReadersServer, username: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Someone with a new account, who has joined the lobby."""
    async with aiohttp.ClientSession(server.url, raise_for_status=True) as session:
        await session.post("/create_user", json={"username": username, "password": PASSWORD})
        await session.post("/join_room", json={"room": "lobby"})
        yield session


async def say(server: ReadersServer, session: aiohttp.ClientSession, text: str) -> None:
    """Send over HTTP until it is acknowledged, however often the server goes away."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            await server.listening.wait()
            try:
                await session.post("/send_message", json={"message": text, "client_id": text})
            except (aiohttp.ClientError, ConnectionError):
                continue
            return


async def listed_texts(session: aiohttp.ClientSession) -> list[str]:
    async with session.post("/list_message", json={"room": "lobby"}) as answer:
        return [message["message"] for message in json.loads(await answer.read())["messages"]]


class ProtocolClient:
    """The client that docs/protocol.md prints, with what it has shown."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.shown: list[str] = []

    async def say(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode() + b"\n")
        await self._process.stdin.drain()

    async def until(self, is_enough: Callable[[list[str]], bool]) -> None:
        """Read what it shows until that is enough."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_enough(self.shown):
                line = (await self._process.stdout.readline()).decode()
                assert line, "the client ended"
                self.shown.append(line.rstrip("\n").split(": ", 1)[1])


@asynccontextmanager
async def protocol_client(server: ReadersServer, username: str, folder: Path) -> AsyncIterator[ProtocolClient]:
    (source,) = (
        block["text"] for block in FENCE.finditer(PROTOCOL.read_text(encoding="utf-8")) if block["language"] == "python"
    )
    (folder / "client.py").write_text(source, encoding="utf-8")
    client = await asyncio.create_subprocess_exec(
        sys.executable, "client.py", server.url, username, PASSWORD, "lobby",
        cwd=folder, env=environment(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield ProtocolClient(client)
    finally:
        client.kill()
        await client.communicate()


async def test_the_client_of_the_protocol_page_loses_and_doubles_nothing_when_the_server_is_killed(
    server: ReadersServer, tmp_path: Path
) -> None:
    async with (
        signed_up(server, "ada"),
        signed_up(server, "bob") as bob,
        protocol_client(server, "ada", tmp_path) as client,
    ):
        said: list[str] = []
        for life in range(2):
            by_ada = [f"ada {life}.{number}" for number in range(60)]
            by_bob = [f"bob {life}.{number}" for number in range(60)]
            said += [*by_ada, *by_bob, f"ada away {life}"]
            for text in by_ada:
                await client.say(text)
            async with asyncio.TaskGroup() as group:
                for text in by_bob:
                    group.create_task(say(server, bob, text))
                await client.until(lambda shown, first=by_ada[0]: first in shown)  # type: ignore[misc]
                await server.stop(signal.SIGKILL)
                await client.say(f"ada away {life}")
                await server.start()
        await client.until(lambda shown: set(said) <= set(shown))
        assert sorted(await listed_texts(bob)) == sorted(said)
        await say(server, bob, "the end")
        await client.until(lambda shown: shown[-1] == "the end")
    assert sorted(client.shown) == sorted([*said, "the end"])


# What the pages say about the code


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", FENCE.sub("", target.read_text(encoding="utf-8")), re.MULTILINE)
            assert anchor in [slug(heading) for heading in headings], link


def test_every_setting_that_the_readme_names_exists_and_has_the_default_it_shows() -> None:
    text = README.read_text(encoding="utf-8")
    defaults = {field.name: str(field.default) or "empty" for field in fields(Settings)}
    named = {name.lower() for name in re.findall(r"CHAT_([A-Z_]+)", text)}
    for line in text.splitlines():
        if "run.py" in line:
            named |= {flag.replace("-", "_") for flag in re.findall(r"--([a-z-]+)", line)} - {"help"}
    table = re.findall(r"^\| `--([a-z-]+)` \| `?([^`|]+?)`? \|", text, re.MULTILINE)
    assert named <= defaults.keys()
    assert len(table) > 5
    for flag, default in table:
        assert defaults[flag.replace("-", "_")] == default, flag


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    endings = {field.name.rsplit("_", 1)[-1] for field in fields(Settings) if "_" in field.name} - {"dir"}
    pattern = rf"`((?:[a-z]+_)+(?:{'|'.join(endings)}))`"
    named = set(re.findall(pattern, page.read_text(encoding="utf-8")))
    named = {name for name in named if not name.startswith(("chat_", "process_"))}  # metrics, which have a page
    assert named - codes_in_code().keys() <= {field.name for field in fields(Settings)}


def status_of(error: type) -> int:
    return next((int(middlewares.STATUS_OF[kind]) for kind in error.__mro__ if kind in middlewares.STATUS_OF), 500)


def codes_in_code() -> dict[str, int | None]:
    """Each code a client can be sent, with its status; None where that depends."""
    codes: dict[str, int | None] = {kind.code: status_of(kind) for kind in middlewares.STATUS_OF}
    codes |= {code: int(status) for status, (code, _) in middlewares._SENTENCES.items()}
    for path in (ROOT / "chat").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name(id=name) | ast.Attribute(attr=name), args=[_, ast.Constant(value=str(code))]
                ) if isinstance(getattr(errors, name, None), type):
                    codes[code] = status_of(getattr(errors, name))
                case ast.Call(func=ast.Name(id="_take_all"), args=[*_, ast.Constant(value=str(code))]):
                    codes[code] = status_of(errors.TooMany)
                case ast.Dict(keys=[_, ast.Constant(value="code")], values=[_, ast.Constant(value=str(code))]):
                    codes[code] = None
                case ast.Assign(
                    targets=[ast.Tuple(elts=[ast.Name(id="code"), _])],
                    value=ast.Tuple(elts=[ast.Constant(value=str(code)), _]),
                ):
                    codes[code] = None
    return codes


def codes_in_protocol() -> dict[str, int | None]:
    """The table of the protocol page."""
    _, _, section = PROTOCOL.read_text(encoding="utf-8").partition("\n## Error codes\n")
    table, _, _ = section.partition("\n## ")
    codes: dict[str, int | None] = {}
    for cell, statuses in re.findall(r"^\| (`[^|]*`) \| ([^|]+) \|", table, re.MULTILINE):
        for code, status in zip(re.findall(r"`(\w+)`", cell), statuses.split(", "), strict=True):
            codes[code] = int(status) if status.isdigit() else None
    return codes


def test_the_protocol_page_lists_exactly_the_error_codes_there_are_with_their_statuses() -> None:
    in_code = codes_in_code()
    assert len(in_code) > 30
    assert codes_in_protocol() == in_code


def test_the_protocol_page_names_every_address() -> None:
    text = PROTOCOL.read_text(encoding="utf-8")
    addresses = [f"{method} {re.sub(r':[^}]*}', '}', path)}" for method, path, _ in ROUTES]  # {name:…} is {name}
    assert [address for address in addresses if f"`{address}`" not in text] == []


def test_the_protocol_page_lists_every_close_code_the_server_sends() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "chat").rglob("*.py") if path.name != "protocol.py"]
    sent = [value for name, value in vars(protocol).items() if name.startswith("CLOSE_") and name in "".join(sources)]
    sent.remove(protocol.CLOSE_ABNORMAL)  # only ever what is made of a connection that breaks off (RFC 6455, 7.4.1)
    text = PROTOCOL.read_text(encoding="utf-8")
    assert len(sent) >= 4
    assert [code for code in sent if f"\n| {code} |" not in text] == []


def test_the_limits_that_the_protocol_page_works_out_are_right() -> None:
    text, settings = PROTOCOL.read_text(encoding="utf-8"), Settings()
    assert f"{settings.frame_max_bytes:,} bytes: 12 for each character" in text
    assert f"| WebSocket message | {settings.frame_max_bytes:,} bytes |" in text
    assert f"{settings.message_max_characters:,} characters | `message_max_characters`" in text
