"""What people do on the page, and what they see there."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect

from tests.people import Person
from tests.static.panels import list_of_rooms, open_rooms, open_settings, settings


def write_box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


async def say(page: Page, text: str) -> None:
    await write_box(page).fill(text)
    await write_box(page).press("Enter")


def messages(page: Page) -> Locator:
    """The messages that the server has."""
    return page.locator("#messages .message")


def texts(page: Page) -> Locator:
    return page.locator("#messages .text")


def pending(page: Page) -> Locator:
    """The messages that are on their way, or were refused."""
    return page.locator("#pending > li")


def status(page: Page) -> Locator:
    return page.locator("#status-text")


def people(page: Page) -> Locator:
    return page.locator("#people-list li")


def title(page: Page) -> Locator:
    return page.locator("#room-name")


async def is_ready(page: Page) -> None:
    """Whatever is done from here on finds the page connected, with a room to write into."""
    await expect(status(page)).to_have_text("Connected")
    await expect(write_box(page)).to_be_enabled()


async def go_to(page: Page, room: str) -> None:
    await open_rooms(page)
    await list_of_rooms(page).get_by_role("link", name=room).click()
    await expect(title(page)).to_have_text(room)
    await expect(write_box(page)).to_be_enabled()


async def disconnect(page: Page) -> None:
    await open_settings(page)
    await settings(page).get_by_role("button", name="Disconnect").click()
    await expect(status(page)).to_have_text("Disconnected")


async def connect(page: Page) -> None:
    await page.get_by_role("button", name="Connect", exact=True).click()


async def sign_out(page: Page) -> None:
    await open_settings(page)
    await settings(page).get_by_role("button", name="Sign out").click()


async def stored(person: Person, room: str = "lobby") -> list[str]:
    """What the server has of the room, whatever the page says."""
    return [message["message"] for message in await person.listed(room)]
