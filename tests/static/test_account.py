"""What a person can do with their own account: password, sessions, tokens, and its end."""

from __future__ import annotations

import aiohttp
from playwright.async_api import Locator, Page, expect

from tests.people import PASSWORD, Person
from tests.servers import RunningServer
from tests.static.conftest import Visit
from tests.static.panels import account, close, open_account
from tests.static.steps import is_ready, texts

NEW_PASSWORD = "nine quiet lighthouses"


async def unfold(page: Page, name: str) -> Locator:
    await account(page).locator("summary", has_text=name).click()
    return account(page)


async def opened(visit: Visit, person: Person) -> Page:
    page = await visit(person)
    await is_ready(page)
    await open_account(page)
    return page


async def status_of(server: RunningServer, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as session, session.get(server.url + "/whoami", headers=headers) as answer:
        return answer.status


async def test_a_password_is_changed_by_who_knows_the_present_one(visit: Visit, ada: Person) -> None:
    page = await opened(visit, ada)
    form = (await unfold(page, "Change password")).get_by_role("form", name="Change password")
    current, new = (form.get_by_label(name, exact=True) for name in ("Current password", "New password"))
    change = form.get_by_role("button", name="Change password")
    await change.click()
    await expect(current).to_be_focused()
    await current.fill("not the password")
    await new.fill(NEW_PASSWORD)
    await change.click()
    await expect(current).to_have_attribute("aria-invalid", "true")
    await expect(current).to_be_focused()
    await current.fill(PASSWORD)
    await new.fill("short")
    await change.click()
    await expect(new).to_have_attribute("aria-invalid", "true")
    await new.fill(NEW_PASSWORD)
    await change.click()

    await expect(form.get_by_role("status")).to_have_text(
        "Your password is changed. Your other browsers were signed out."
    )
    await expect(new).to_have_value("")
    assert (await ada.get("/whoami")).status == 401
    assert (await ada.sign_in()).status == 401
    ada.password = NEW_PASSWORD
    assert (await ada.sign_in()).status == 200


async def test_other_sessions_are_listed_and_can_be_ended(visit: Visit, ada: Person) -> None:
    page = await opened(visit, ada)
    sessions = account(page).get_by_role("list", name="Where you are signed in").get_by_role("listitem")
    await expect(sessions).to_have_count(2)
    await expect(sessions.filter(has_text="This one").get_by_role("button")).to_have_count(0)
    await account(page).get_by_role("button", name="Sign out: A Python program").press("Enter")
    await expect(sessions).to_have_count(1)
    await expect(account(page).get_by_role("heading", name="Where you are signed in")).to_be_focused()
    assert (await ada.get("/whoami")).status == 401
    await close(page, account(page))
    await expect(page.get_by_role("button", name="Settings")).to_be_focused()


async def test_a_token_is_shown_once_works_and_can_be_revoked(visit: Visit, server: RunningServer, ada: Person) -> None:
    page = await visit(ada, permissions=["clipboard-read", "clipboard-write"])
    await is_ready(page)
    await open_account(page)
    form = (await unfold(page, "New token")).get_by_role("form", name="New token")
    await form.get_by_label("Name of the token").fill("backup script")
    for password in ("not the password", PASSWORD):
        await expect(account(page).get_by_label("The new token")).to_have_count(0)
        await form.get_by_label("Password", exact=True).fill(password)
        await form.get_by_role("button", name="Create token").click()
        await expect(form.get_by_role("button", name="Create token")).to_be_enabled()
    shown = account(page).get_by_label("The new token")
    await expect(shown).to_be_focused()
    token = await shown.input_value()
    await account(page).get_by_role("button", name="Copy").click()
    await expect(account(page).get_by_text("Copied.")).to_be_visible()
    assert await page.evaluate("() => navigator.clipboard.readText()") == token
    assert await status_of(server, token) == 200
    await expect(account(page).locator("pre")).to_contain_text(f"curl -H 'Authorization: Bearer {token}'")

    await close(page, account(page))
    assert token not in await page.content()
    await open_account(page)
    revoke = account(page).get_by_role("button", name="Revoke: backup script")
    question = page.get_by_role("dialog", name="Revoke the token backup script?")
    await revoke.click()
    await question.get_by_role("button", name="Cancel").click()
    await expect(revoke).to_be_focused()
    assert await status_of(server, token) == 200
    await revoke.click()
    await question.get_by_role("button", name="Revoke").click()
    await expect(revoke).to_have_count(0)
    assert await status_of(server, token) == 401


async def test_who_deletes_their_account_says_so_twice(visit: Visit, ada: Person, bob: Person) -> None:
    await bob.says("of bob")
    page = await opened(visit, bob)
    form = (await unfold(page, "Delete your account")).get_by_role("form", name="Delete your account")
    await form.get_by_label("is deleted, in every room").check()
    for password, name in ((PASSWORD, "ada"), ("not the password", "bob")):
        await form.get_by_label("Password", exact=True).fill(password)
        await form.get_by_label("Type bob to confirm").fill(name)
        await form.get_by_role("button", name="Delete account").click()
        await expect(form.locator("[aria-invalid=true]")).to_have_count(1)
    assert (await bob.get("/whoami")).status == 200
    await form.get_by_label("Password", exact=True).fill(PASSWORD)
    await form.get_by_role("button", name="Delete account").click()

    await expect(page.get_by_role("status").filter(has_text="Your account is deleted.")).to_be_visible()
    assert (await bob.sign_in()).status == 401
    hers = await visit(ada)
    await expect(texts(hers)).to_have_text(["Message deleted"])
    await expect(hers.locator("#messages .author")).to_have_text(["deleted user"])


async def choose_password(page: Page, password: str) -> None:
    await expect(page.get_by_role("heading", name="Choose a new password")).to_be_visible()
    assert "reset" not in page.url
    await page.get_by_label("New password", exact=True).fill(password)
    await page.keyboard.press("Enter")


async def test_a_reset_link_lets_one_choose_a_new_password_once(visit: Visit, ada: Person, bob: Person) -> None:
    link = (await ada.post("/create_password_reset", username="bob")).body["path"]
    page = await visit(at=link)
    await choose_password(page, "short")
    await expect(page.get_by_label("New password", exact=True)).to_have_attribute("aria-invalid", "true")
    await choose_password(page, NEW_PASSWORD)
    await expect(page.get_by_role("status").filter(has_text="Your new password is set.")).to_be_visible()
    await expect(page.get_by_label("Username")).to_have_value("bob")
    await expect(page.get_by_label("Password", exact=True)).to_be_focused()
    await page.keyboard.type(NEW_PASSWORD)
    await page.keyboard.press("Enter")
    await is_ready(page)
    await expect(page.locator("#my-name")).to_have_text("bob")

    # The link once more, in a page that is open.
    await page.evaluate("link => { location.hash = link.slice(1) }", link)
    await choose_password(page, PASSWORD)
    await expect(
        page.get_by_role("alert").filter(has_text="Ask an admin of this server for a new link.")
    ).to_be_visible()
    await page.get_by_role("button", name="Back to the sign-in").click()
    await is_ready(page)
