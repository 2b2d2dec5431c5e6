"""What the page is for people who use it by ear, by keyboard, in the dark or on a small screen."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.people import Person
from tests.servers import RunningServer
from tests.static.axe import violations
from tests.static.conftest import Visit
from tests.static.panels import (
    account,
    administration,
    audit,
    close,
    list_of_people,
    list_of_rooms,
    open_account,
    open_administration,
    open_audit,
    open_people,
    open_rooms,
    open_settings,
    open_switcher,
    settings,
    switcher,
)
from tests.static.steps import messages, pending, say, status, write_box

# One of each kind that is drawn in a way of its own.
BUSY = [
    "A first message.\nIt has a second line.",
    "long" * 60,
    "مرحبا بالجميع, and then some English",
    "Run `make test`, then:\n```\ndef answer() -> int:\n    return 42\n```",
    "See https://example.org/a/rather/long/address?with=a&query=too, please.",
    "🎉",
]

on_every_screen = pytest.mark.parametrize("width", [1280, 320])


async def ready(page: Page) -> None:
    await expect(status(page)).to_have_text("Connected")
    await expect(write_box(page)).to_be_enabled()


async def found(page: Page, state: str) -> list[str]:
    """What is wrong with the page as it stands, in either theme."""
    lines = []
    for theme in ("light", "dark"):
        await page.emulate_media(color_scheme=theme)
        lines += [f"{state}, {theme}: {line}" for line in await violations(page)]
    return lines


@on_every_screen
async def test_the_forms_for_those_outside(visit: Visit, ada: Person, width: int) -> None:
    page = await visit(width=width)
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    broken = await found(page, "sign-in form")

    await page.get_by_label("Username").fill("ada")
    await page.get_by_label("Password", exact=True).fill("not the password")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert").filter(has_text="password")).to_be_visible()
    broken += await found(page, "wrong password")

    await page.get_by_role("button", name="Create an account").click()
    await expect(page.get_by_role("button", name="Create account")).to_be_visible()
    broken += await found(page, "sign-up form")
    assert not broken, "\n".join(broken)


@on_every_screen
async def test_a_room_and_what_opens_over_it(visit: Visit, ada: Person, bob: Person, width: int) -> None:
    page = await visit(ada, width=width)
    await ready(page)
    broken = await found(page, "empty room")

    for message in BUSY:
        await ada.says(message)
        await bob.says(message)
    await expect(messages(page)).to_have_count(2 * len(BUSY))
    broken += await found(page, "busy room")

    await open_switcher(page)
    broken += await found(page, "room switcher")
    await close(page, switcher(page))

    await open_settings(page)
    broken += await found(page, "settings")
    await close(page, settings(page))

    await open_rooms(page)
    broken += await found(page, "rooms")
    if width == 320:
        await close(page, list_of_rooms(page))

    await open_people(page)
    await expect(list_of_people(page)).to_contain_text("ada")
    broken += await found(page, "people")
    assert not broken, "\n".join(broken)


@on_every_screen
async def test_messages_that_are_not_delivered(visit: Visit, server: RunningServer, ada: Person, width: int) -> None:
    page = await visit(ada, width=width)
    await ready(page)
    # Typed or pasted, no browser lets this character into the box.
    await write_box(page).evaluate("box => { box.value = 'refused \\0' }")
    await write_box(page).press("Enter")
    await expect(pending(page).get_by_role("alert")).to_be_visible()
    broken = await found(page, "refused message")

    await server.stop()
    await expect(status(page)).to_have_text("Reconnecting")
    await say(page, "written offline")
    await expect(pending(page)).to_have_count(2)
    broken += await found(page, "pending message")
    assert not broken, "\n".join(broken)


@on_every_screen
async def test_the_panels_of_an_account_and_of_admins(visit: Visit, ada: Person, bob: Person, width: int) -> None:
    said = await bob.says("rude")
    await bob.says("and on")
    await ada.post("/delete_message", id=said["id"])
    await ada.post("/create_invite")
    page = await visit(ada, width=width)
    await ready(page)
    await page.get_by_role("button", name="Delete message").focus()
    broken = await found(page, "a deleted message and the button for another")

    for open_panel, panel in ((open_account, account), (open_administration, administration), (open_audit, audit)):
        await open_panel(page)
        await expect(panel(page).get_by_role("listitem").first).to_be_visible()
        for summary in await panel(page).locator("summary").all():
            await summary.click()
        if panel is administration:
            await page.get_by_role("button", name="Make an invite").click()
            await expect(page.get_by_label("Link of the new invite")).to_be_visible()
        broken += await found(page, str(await panel(page).locator("h2").inner_text()))
        await close(page, panel(page))
        if width == 320:
            await close(page, list_of_rooms(page))
    assert not broken, "\n".join(broken)


@on_every_screen
async def test_the_card_for_a_new_password(visit: Visit, ada: Person, width: int) -> None:
    page = await visit(at="/#reset=nothing", width=width)
    await page.get_by_label("New password", exact=True).fill("short")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert").filter(visible=True)).to_have_count(1)
    broken = await found(page, "new password")
    assert not broken, "\n".join(broken)
