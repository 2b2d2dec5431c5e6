"""What people do on the page, and what they see there."""

from __future__ import annotations

from playwright.async_api import Locator, Page

from tests.people import Person


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


async def stored(person: Person, room: str = "lobby") -> list[str]:
    """What the server has of the room, whatever the page says."""
    return [message["message"] for message in await person.listed(room)]
