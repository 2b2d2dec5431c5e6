"""What admins can do on the page, and what everybody can see of it."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.people import PASSWORD, Person
from tests.static.conftest import Visit
from tests.static.panels import administration, open_administration, open_audit, open_settings
from tests.static.steps import is_ready, messages


def people(page: Page) -> Locator:
    return administration(page).get_by_role("list", name="People").get_by_role("listitem")


async def sure(page: Page, button: str) -> None:
    await page.get_by_role("dialog").get_by_role("button", name=button, exact=True).last.click()


async def test_the_link_of_a_new_invite_is_wholly_in_view(visit: Visit, ada: Person) -> None:
    """It is the last thing that fits, and its own row, which comes after it, pushes it down."""
    for _ in range(4):
        await ada.post("/create_invite")
    page = await visit(ada)
    await is_ready(page)
    await open_administration(page)
    await page.get_by_text("New invite", exact=True).click()
    await page.get_by_role("button", name="Make an invite").click()
    await expect(administration(page).get_by_role("list", name="Invites").get_by_role("listitem")).to_have_count(5)
    await expect(page.locator(".secret")).to_be_in_viewport(ratio=1)


async def test_who_is_no_admin_finds_nothing_to_do_as_one(visit: Visit, ada: Person, bob: Person) -> None:
    await ada.says("hello")
    for person, shown in ((ada, 1), (bob, 0)):
        page = await visit(person)
        await is_ready(page)
        await expect(messages(page)).to_have_count(1)
        await expect(page.get_by_role("button", name="Delete the room")).to_have_count(shown)
        await expect(page.get_by_role("button", name="Delete message")).to_have_count(shown)
        await open_settings(page)
        await expect(page.get_by_role("button", name="Invites and people")).to_have_count(shown)
        await expect(page.get_by_role("button", name="What admins did")).to_be_visible()


@pytest.mark.settings(registration="invite")
async def test_an_admin_makes_an_invite_and_revokes_it(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await is_ready(page)
    await open_administration(page)
    await page.get_by_text("New invite", exact=True).click()
    form = page.get_by_role("form", name="New invite")
    await form.get_by_label("For how many people").fill("0")
    await form.get_by_role("button", name="Make an invite").click()
    await expect(form.get_by_role("alert").filter(visible=True)).to_have_count(1)
    await form.get_by_label("For how many people").fill("3")
    await form.get_by_role("button", name="Make an invite").click()
    link = await page.get_by_label("Link of the new invite").input_value()
    assert link.startswith(f"{ada.server.url}/#invite=")
    invites = administration(page).get_by_role("list", name="Invites").get_by_role("listitem")
    await expect(invites).to_contain_text("For 3 people")
    (entry,) = (await ada.get("/get_audit")).body["entries"]
    await expect(invites).to_contain_text(entry["subject"].split(",")[0])

    await invites.get_by_role("button").click()
    await sure(page, "Revoke")
    await expect(invites).to_have_count(0)
    refused = await ada.post("/create_user", username="grace", password=PASSWORD, invite=link.split("=")[1])
    assert refused.status == 403


async def test_an_admin_deactivates_somebody_who_is_told_and_lets_them_back_in(
    visit: Visit, ada: Person, bob: Person
) -> None:
    his = await visit(bob)
    await is_ready(his)
    page = await visit(ada)
    await is_ready(page)
    await open_administration(page)
    await page.get_by_label("Find a person").fill("BO")
    await expect(people(page)).to_have_count(1)
    await page.get_by_role("button", name="Deactivate: bob").click()
    await sure(page, "Deactivate")

    await expect(people(page)).to_contain_text("deactivated")
    await expect(page.get_by_role("button", name="Reactivate: bob")).to_be_focused()
    await expect(his.get_by_role("status").filter(has_text="You were signed out")).to_be_visible()
    await his.get_by_label("Username").fill("bob")
    await his.get_by_label("Password", exact=True).fill(PASSWORD)
    await his.get_by_role("button", name="Sign in").click()
    await expect(his.get_by_role("alert").filter(has_text="deactivated")).to_be_visible()

    await page.get_by_role("button", name="Reactivate: bob").click()
    await sure(page, "Reactivate")
    await expect(page.get_by_role("button", name="Deactivate: bob")).to_be_visible()
    await his.get_by_role("button", name="Sign in").click()
    await expect(his.locator("#my-name")).to_have_text("bob")


async def test_an_admin_hands_out_a_link_for_a_new_password(visit: Visit, ada: Person, bob: Person) -> None:
    page = await visit(ada)
    await is_ready(page)
    await open_administration(page)
    await page.get_by_role("button", name="Reset password: bob").click()
    link = await page.get_by_label("Link for bob").input_value()
    answer = await ada.post("/reset_password", reset=link.split("=")[1], password="nine quiet lighthouses")
    assert (answer.status, answer.body["username"]) == (200, "bob")


async def test_everybody_can_read_what_admins_did_page_by_page(visit: Visit, ada: Person, bob: Person) -> None:
    for _ in range(51):
        await ada.post("/create_invite")
    await ada.post("/create_password_reset", username="bob")
    page = await visit(bob)
    await is_ready(page)
    await open_audit(page)
    entries = page.get_by_role("list", name="What admins did").get_by_role("listitem")
    await expect(entries).to_have_count(50)
    await expect(entries.first).to_contain_text("ada made a password link for bob")
    await page.get_by_role("button", name="Show older").press("Enter")
    await expect(entries).to_have_count(52)
    await expect(page.get_by_role("button", name="Show older")).to_have_count(0)


async def test_a_panel_that_an_upgrade_has_taken_away_asks_for_a_reload(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await is_ready(page)

    async def gone(route: Route) -> None:
        await route.fulfill(status=404)

    await page.route("**/audit_panel.js", gone)
    await open_settings(page)
    await page.get_by_role("button", name="What admins did").click()
    await expect(
        page.get_by_role("alert").filter(has_text="This part of the page could not be loaded.")
    ).to_be_visible()
    await page.get_by_role("button", name="Reload").click()
    await is_ready(page)
