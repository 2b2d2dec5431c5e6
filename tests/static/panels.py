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


async def close(page: Page, panel: Locator) -> None:
    await page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
