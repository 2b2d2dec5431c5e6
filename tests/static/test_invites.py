"""Who may make an account, and what the page says to those who may not."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.people import PASSWORD, Person
from tests.servers import RunningServer
from tests.static.conftest import Visit
from tests.static.steps import is_ready

closed = pytest.mark.settings(registration="closed")
by_invite = pytest.mark.settings(registration="invite")


def create(page: Page) -> Locator:
    return page.get_by_role("button", name="Create an account")


def banner(page: Page) -> Locator:
    return page.locator("#sign-in-banner")


async def sign_up(page: Page, name: str) -> None:
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Create account").click()


@by_invite
async def test_who_makes_the_first_account_is_told_that_it_is_the_admins_and_it_is(visit: Visit) -> None:
    page = await visit(at="/")
    await expect(banner(page)).to_have_text(re.compile("The first account becomes the admin of this server."))
    await expect(page.get_by_role("heading", name="Create an account")).to_be_visible()
    await sign_up(page, "ada")
    await is_ready(page)
    assert (await (await page.request.get("/whoami")).json())["admin"]

    other = await visit(at="/")
    await expect(other.get_by_text("An account needs an invite")).to_be_visible()
    await expect(banner(other)).to_be_hidden()


@by_invite
async def test_who_has_no_invite_can_only_sign_in(visit: Visit, server: RunningServer, ada: Person) -> None:
    page = await visit(at="/")
    await expect(page.get_by_text("An account needs an invite: ask an admin of this server")).to_be_visible()
    await expect(create(page)).to_be_hidden()
    await page.get_by_label("Username").fill("ada")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#my-name")).to_have_text("ada")


@closed
async def test_where_nobody_may_come_the_page_says_whom_to_ask(visit: Visit) -> None:
    page = await visit(at="/#invite=anything")
    await expect(page.get_by_text("Whoever runs this server makes the accounts: ask them for one.")).to_be_visible()
    await expect(banner(page)).to_have_text("You have been invited, but this server takes no new accounts.")
    await expect(create(page)).to_be_hidden()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@by_invite
async def test_an_invite_lets_one_person_in_and_the_next_is_told_what_to_do(
    visit: Visit, server: RunningServer, ada: Person
) -> None:
    link = (await ada.post("/create_invite")).body["path"]
    for name in ("grace", "edsger"):
        page = await visit(at=link)
        await expect(banner(page)).to_have_text("You have been invited. Choose a name and a password.")
        assert page.url == server.url + "/", "the code stays neither in the address bar nor in the history"
        await sign_up(page, name)
        if name == "grace":
            await is_ready(page)
            await expect(page.locator("#my-name")).to_have_text("grace")
            await expect(page.locator("#notice")).to_be_hidden()
        else:
            refusal = page.get_by_role("alert").filter(has_text="Ask whoever invited you for a new link.")
            await expect(refusal).to_be_visible()


async def test_an_invite_in_an_open_page_asks_a_stranger_in_and_leaves_a_member_where_they_are(
    visit: Visit, ada: Person
) -> None:
    link = (await ada.post("/create_invite")).body["path"]
    stranger = await visit(at="/")
    await expect(create(stranger)).to_be_visible()
    await stranger.evaluate("link => { location.hash = link.slice(1) }", link)
    await expect(banner(stranger)).to_have_text("You have been invited. Choose a name and a password.")

    member = await visit(ada)
    await is_ready(member)
    await member.evaluate("link => { location.hash = link.slice(1) }", link)
    await expect(member.get_by_role("alert").filter(has_text="you are signed in")).to_be_visible()
    await is_ready(member)
    assert "invite" not in member.url
