"""Getting in and out."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.people import Person
from tests.static.conftest import Visit
from tests.static.steps import status, title, write_box


async def fill_in(page: Page, username: str, password: str) -> None:
    await page.get_by_label("Username").fill(username)
    await page.get_by_label("Password", exact=True).fill(password)


async def test_a_new_person_signs_up_and_is_in_the_room(visit: Visit) -> None:
    page = await visit()
    await expect(status(page)).to_have_text("Signed out")

    await page.get_by_role("button", name="New here? Create an account").click()
    await expect(page.get_by_label("Password", exact=True)).to_have_attribute("autocomplete", "new-password")
    await fill_in(page, "grace", "nine quiet lighthouses")
    await page.get_by_role("button", name="Create account").click()

    await expect(page.locator("#me")).to_have_text("grace")
    await expect(status(page)).to_have_text("Connected")
    await expect(title(page)).to_have_text("lobby")
    await expect(write_box(page)).to_be_enabled()


async def test_an_account_that_is_refused_shows_the_sentence_of_the_server(visit: Visit, ada: Person) -> None:
    refusal = await ada.post("/create_user", username="ADA", password="nine quiet lighthouses")
    assert refusal.status == 409
    page = await visit()

    await page.get_by_role("button", name="New here? Create an account").click()
    await fill_in(page, "ADA", "nine quiet lighthouses")
    await page.get_by_role("button", name="Create account").click()

    await expect(page.locator("#sign-in").get_by_role("alert")).to_have_text(refusal.body["error"])


async def test_a_wrong_password_shows_the_sentence_of_the_server(visit: Visit, ada: Person) -> None:
    page = await visit()
    refusal = await page.request.post("/login", data={"username": "ada", "password": "not hers at all"})
    assert refusal.status == 401

    await fill_in(page, "ada", "not hers at all")
    await page.get_by_role("button", name="Sign in").click()

    await expect(page.locator("#sign-in").get_by_role("alert")).to_have_text((await refusal.json())["error"])
    await expect(page.get_by_label("Password", exact=True)).to_be_focused()

    await fill_in(page, "ada", ada.password)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#me")).to_have_text("ada")


async def test_a_reload_keeps_the_person_signed_in_and_in_the_room(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await expect(status(page)).to_have_text("Connected")

    await page.reload()

    await expect(page.locator("#me")).to_have_text("ada")
    await expect(title(page)).to_have_text("lobby")


async def test_signing_out_ends_the_session_and_shows_the_form(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    assert (await page.request.get("/whoami")).status == 200

    await page.get_by_role("button", name="Sign out").click()

    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(status(page)).to_have_text("Signed out")
    await expect(page.locator("#chat")).to_be_hidden()
    assert (await page.request.get("/whoami")).status == 401


async def test_signing_out_in_another_tab_ends_this_one(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    other_tab = await visit(context=page.context)
    await expect(status(page)).to_have_text("Connected")

    await other_tab.get_by_role("button", name="Sign out").click()

    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(page.get_by_text("You have been signed out.")).to_be_visible()


async def test_somebody_else_signing_in_takes_over_the_other_tab(visit: Visit, ada: Person, bob: Person) -> None:
    page = await visit(ada)
    await expect(status(page)).to_have_text("Connected")
    await write_box(page).fill("a thought of ada's")

    await visit(bob, context=page.context)
    signed_out = page.get_by_role("heading", name="Sign in")
    await expect(signed_out.or_(page.locator("#me", has_text="bob"))).to_be_visible()
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    await expect(page.locator("#me")).to_have_text("bob")
    await expect(status(page)).to_have_text("Connected")
    await expect(write_box(page)).to_have_value("")
