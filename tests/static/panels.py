"""How people open what does not always stand beside the messages, and leave it again."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect


def list_of_rooms(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Your rooms")


def list_of_people(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Online now")


def switcher(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Find or create a room")


def settings(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Settings")


def account(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Your account")


def administration(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Invites and people")


def audit(page: Page) -> Locator:
    return page.get_by_role("dialog", name="What admins did")


async def open_rooms(page: Page) -> None:
    """They stand beside the messages unless the window is narrow."""
    if await list_of_rooms(page).is_hidden():
        await page.get_by_role("button", name="Rooms", exact=True).click()
    await expect(list_of_rooms(page)).to_be_visible()


async def open_people(page: Page) -> None:
    """They stand beside the messages only in a wide window."""
    if await list_of_people(page).is_hidden():
        await page.get_by_role("button", name="People online").click()
    await expect(list_of_people(page)).to_be_visible()


async def open_switcher(page: Page) -> None:
    await page.keyboard.press("Control+K")
    await expect(switcher(page)).to_be_visible()


async def open_settings(page: Page) -> None:
    await open_rooms(page)
    await page.get_by_role("button", name="Settings").click()
    await expect(settings(page)).to_be_visible()


async def open_account(page: Page) -> None:
    await _open_from_settings(page, account(page), "Your account")


async def open_administration(page: Page) -> None:
    await _open_from_settings(page, administration(page), "Invites and people")


async def open_audit(page: Page) -> None:
    await _open_from_settings(page, audit(page), "What admins did")


async def _open_from_settings(page: Page, panel: Locator, button: str) -> None:
    await open_settings(page)
    await settings(page).get_by_role("button", name=button).click()
    await expect(panel).to_be_visible()


async def close(page: Page, panel: Locator) -> None:
    await page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
