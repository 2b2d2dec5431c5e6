"""A real browser for the tests of the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

from tests.people import Person, member
from tests.servers import RunningServer

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Or it starts a second process for each page, in case another should be opened.
    "--renderer-process-limit=1",
]

# A page that tries to connect for the fifth time waits for 8 s; those of a busy machine are soon so far.
expect.set_options(timeout=20_000)

# The browser itself reports every refusal and every lost server like this; the page cannot help it.
NETWORK_NEWS = ("Failed to load resource", "WebSocket connection to")

Visit = Callable[..., Awaitable[Page]]

# Starting a browser takes longer than most tests here, so one serves them all. It lives in one event loop, which
# the tests, and with them the servers and the cast, then have to share.
shared_loop_fixture = pytest_asyncio.fixture(loop_scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def installed(*names: str) -> str:
    """The path of a browser; without one the test is skipped, but never silently in CI."""
    named = os.environ.get("CHAT_CHROMIUM")
    for name in [named] if named else names:
        if path := shutil.which(name):
            return path
    reason = f"there is no {named or 'Chromium'}: install one, or name it in CHAT_CHROMIUM"
    if "CI" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser as people have it."""
    return installed("chromium", "/usr/bin/chromium", "google-chrome")


@pytest.fixture(scope="session")
def headless_chromium() -> str:
    """The same without its windows, menus and bars, if there is one: half the work for the processor."""
    return installed("chromium-headless-shell", "chromium", "/usr/bin/chromium", "google-chrome")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(headless_chromium: str) -> AsyncIterator[Browser]:
    async with running(headless_chromium) as browser:
        yield browser


@asynccontextmanager
async def running(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield browser
        await browser.close()


@shared_loop_fixture
async def server(request: pytest.FixtureRequest, data_dir: Path) -> AsyncIterator[RunningServer]:
    marker = request.node.get_closest_marker("settings")
    server = RunningServer(data_dir, **(marker.kwargs if marker else {}))
    await server.start()
    yield server
    await server.stop()


@shared_loop_fixture
async def ada(server: RunningServer) -> AsyncIterator[Person]:
    async with member(server, "ada") as person:
        yield person


@shared_loop_fixture
async def bob(server: RunningServer) -> AsyncIterator[Person]:
    async with member(server, "bob") as person:
        yield person


@shared_loop_fixture
async def visit(request: pytest.FixtureRequest, browser: Browser, server: RunningServer) -> AsyncIterator[Visit]:
    """Opens the page in a browser profile of its own; the test fails if the page complains in the console."""
    if request.node.get_closest_marker("whole_browser") is None:
        async with visiting_with(browser, server) as visit:
            yield visit
        return
    async with running(request.getfixturevalue("chromium")) as whole, visiting_with(whole, server) as visit:
        yield visit


@asynccontextmanager
async def visiting_with(browser: Browser, server: RunningServer) -> AsyncIterator[Visit]:
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(NETWORK_NEWS):
            complaints.append(message.text)

    async def profile(**options: Any) -> BrowserContext:
        context = await browser.new_context(base_url=server.url, reduced_motion="reduce", **options)
        context.on("console", listen)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        contexts.append(context)
        return context

    async def visit(
        person: Person | None = None,
        *,
        at: str = "/#lobby",
        width: int = 1000,
        context: BrowserContext | None = None,
        service_workers: str = "block",  # or what a test does to the network would not reach the page
        prepare: Callable[[Page], Awaitable[None]] | None = None,  # before it goes anywhere
        **options: Any,
    ) -> Page:
        viewport = {"width": width, "height": 700}
        context = context or await profile(viewport=viewport, service_workers=service_workers, **options)
        if person is not None:
            credentials = {"username": person.username, "password": person.password}
            answer = await context.request.post("/login", data=credentials)
            assert answer.ok, await answer.text()
        page = await context.new_page()
        if prepare is not None:
            await prepare(page)
        await page.goto(at)
        return page

    yield visit
    for context in contexts:
        await context.close()
    assert complaints == []
