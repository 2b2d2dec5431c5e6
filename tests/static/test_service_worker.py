"""The page without its server, and the page when its server has become another version."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from chat.web import pages
from chat.web.static_files import REVALIDATED, SERVICE_WORKER, STATIC_DIR, Site, kept_in_memory, read_site
from tests.people import PATIENCE_SECONDS, Person
from tests.servers import RunningServer
from tests.static.conftest import Visit

Upgrade = Callable[[], Site]

KEPT = """async () => {
    const kept = {};
    for (const name of await caches.keys()) {
        const requests = await (await caches.open(name)).keys();
        kept[name] = requests.map((request) => new URL(request.url).pathname);
    }
    return kept;
}"""
SHELL = """() => import(new URL("shell.js", document.querySelector("script[type=module]").src))"""


@pytest.fixture
def upgrade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Upgrade:
    """Makes the server one of another version; the page then bears a mark."""

    def upgrade() -> Site:
        folder = shutil.copytree(STATIC_DIR, tmp_path / "newer")
        index = folder / "index.html"
        index.write_text(index.read_text().replace("<html ", "<html data-newer "))
        site = read_site(folder)
        monkeypatch.setattr(pages, "SITE", site)
        return site

    return upgrade


async def settled(visit: Visit, person: Person | None = None, **options: Any) -> Page:
    """The page, once its service worker has taken over."""
    page = await visit(person, service_workers="allow", **options)
    await page.wait_for_function("() => navigator.serviceWorker.controller?.state === 'activated'")
    return page


async def watch_for_upgrade(page: Page) -> None:
    await page.evaluate(
        f"""async () => {{
            globalThis.toldOfUpgrade = 0;
            const {{ installShell }} = await ({SHELL})();
            await installShell({{ onUpgrade: () => globalThis.toldOfUpgrade++ }});
        }}"""
    )


async def check_for_upgrade(page: Page) -> None:
    await page.evaluate(f"async () => (await ({SHELL})()).checkForUpgrade()")


async def kept(page: Page) -> dict[str, list[str]]:
    return await page.evaluate(KEPT)  # type: ignore[no-any-return]


async def versions(page: Page) -> list[str]:
    """Those of which anything is kept; to look into a cache could make one anew that is just thrown away."""
    names: list[str] = await page.evaluate("() => caches.keys()")
    return [name.removeprefix("chat-") for name in names]


async def test_the_page_opens_without_its_server(visit: Visit, server: RunningServer) -> None:
    page = await settled(visit)
    await expect(page.get_by_label("Username")).to_be_visible()
    # The browser's other cache holds the files too, but for as long as it likes.
    await (await page.context.new_cdp_session(page)).send("Network.clearBrowserCache")
    await server.stop()
    for _ in range(2):
        await page.reload()
        await expect(page).to_have_title("Chat")
        await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    await server.start()
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_label("Username")).to_be_visible()


@asynccontextmanager
async def instead_of(server: RunningServer, answer: bytes) -> AsyncIterator[None]:
    """Something else at the server's address, that says the same to everyone and then no more."""

    heard: list[asyncio.StreamWriter] = []

    async def say(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(writer)
        writer.write(answer)

    await server.stop()
    async with await asyncio.start_server(say, *server.address):
        yield
        for writer in heard:
            writer.close()


HALF = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9999\r\n\r\n<!doctype html><title>Half"
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the service worker wait less long for the server."""
    before = pages.SITE.service_worker.body
    assert b"const PATIENCE_MS = 4_000;" in before
    after = before.replace(b"const PATIENCE_MS = 4_000;", b"const PATIENCE_MS = 400;")
    worker = kept_in_memory(SERVICE_WORKER, after, REVALIDATED)
    monkeypatch.setattr(pages, "SITE", dataclasses.replace(pages.SITE, service_worker=worker))


@pytest.mark.parametrize("answer", [b"", HALF, BAD_GATEWAY], ids=["silence", "half a page", "a proxy without a server"])
async def test_the_page_opens_when_all_that_answers_is(
    impatient: None, visit: Visit, server: RunningServer, answer: bytes
) -> None:
    page = await settled(visit)
    async with instead_of(server, answer):
        response = await page.reload(wait_until="commit")
        assert response is not None
        assert (response.status, response.from_service_worker) == (200, True)
        await expect(page).to_have_title("Chat")
        await expect(page.locator("#welcome")).to_be_attached()


async def test_only_the_page_and_its_files_are_kept(visit: Visit, ada: Person) -> None:
    await ada.says("between us")
    page = await settled(visit, ada)
    await expect(page.get_by_text("between us")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("between us")).to_be_visible()
    site = pages.SITE
    files = sorted(f"/static/{name}" for name in site.files if "/icons/" not in name and "/docs/" not in name)
    assert {name: sorted(paths) for name, paths in (await kept(page)).items()} == {f"chat-{site.version}": files}


async def test_an_open_page_is_told_of_an_upgrade_and_reloads_into_it(visit: Visit, upgrade: Upgrade) -> None:
    page = await settled(visit)
    await watch_for_upgrade(page)
    await check_for_upgrade(page)
    older, newer = pages.SITE, upgrade()
    assert await page.evaluate("() => toldOfUpgrade") == 0
    assert await versions(page) == [older.version]

    await check_for_upgrade(page)
    await page.wait_for_function("() => toldOfUpgrade === 1")
    assert await versions(page) == [newer.version]
    await page.reload()
    await expect(page.locator("html[data-newer]")).to_have_count(1)
    loaded = await page.evaluate("() => performance.getEntriesByType('resource').map(({ name }) => name)")
    assert all(newer.prefix in name for name in loaded if "/static/" in name)


async def test_a_page_that_is_of_the_new_version_already_is_told_nothing(visit: Visit, upgrade: Upgrade) -> None:
    page = await settled(visit)
    newer = upgrade()
    await page.reload()
    await expect(page.locator("html[data-newer]")).to_have_count(1)
    await watch_for_upgrade(page)
    await check_for_upgrade(page)
    await until_kept(page, newer)
    assert await page.evaluate("() => toldOfUpgrade") == 0


async def test_after_an_upgrade_the_new_page_opens_without_the_server(
    visit: Visit, server: RunningServer, upgrade: Upgrade
) -> None:
    page = await settled(visit)
    newer = upgrade()
    await page.reload()
    await check_for_upgrade(page)
    await until_kept(page, newer)
    await server.stop()
    await page.reload()
    await expect(page.locator("html[data-newer]")).to_have_count(1)
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()


async def test_a_page_and_files_of_two_versions_are_never_kept_together(
    visit: Visit, upgrade: Upgrade, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await settled(visit)
    older, newer = pages.SITE, upgrade()
    # As if the server were upgraded between the worker's own address and those of the files.
    monkeypatch.setattr(pages, "SITE", dataclasses.replace(newer, files=older.files))
    await check_for_upgrade(page)
    await page.wait_for_function("async () => !(await navigator.serviceWorker.getRegistration()).installing")
    found = await kept(page)
    assert found[f"chat-{older.version}"]
    assert not found.get(f"chat-{newer.version}"), "some files of a version are worse than none"


async def test_a_page_of_another_version_is_shown_but_not_kept(
    visit: Visit, server: RunningServer, upgrade: Upgrade, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await settled(visit)
    older, newer = pages.SITE, upgrade()
    monkeypatch.setattr(pages, "SITE", dataclasses.replace(newer, service_worker=older.service_worker))
    await page.reload()
    await expect(page.locator("html[data-newer]")).to_have_count(1)
    await server.stop()
    await page.reload()
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    await expect(page.locator("html[data-newer]")).to_have_count(0)


@pytest.mark.whole_browser
async def test_a_click_on_a_notification_leads_to_its_room(visit: Visit, ada: Person) -> None:
    await ada.post("/create_room", room="attic")
    page = await settled(visit, ada)
    await page.context.grant_permissions(["notifications"])
    await page.evaluate("() => { globalThis.stayedOpen = true; }")
    (worker,) = page.context.service_workers
    await worker.evaluate(
        """async () => {
            await registration.showNotification("attic", { data: "#attic" });
            const [notification] = await registration.getNotifications();
            dispatchEvent(new NotificationEvent("notificationclick", { notification }));
        }"""
    )
    await page.wait_for_url("**/#attic")
    assert await page.evaluate("() => stayedOpen")
    assert await worker.evaluate("async () => (await registration.getNotifications()).length") == 0


async def until_kept(page: Page, site: Site) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await versions(page) != [site.version]:
            await asyncio.sleep(0.05)
