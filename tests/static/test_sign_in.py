"""Getting in and out."""

from __future__ import annotations

import asyncio

from playwright.async_api import Locator, Page, Route, expect

from tests.people import Person
from tests.servers import RunningServer
from tests.static.conftest import Visit
from tests.static.panels import open_rooms, open_settings
from tests.static.steps import pending, say, status, texts, title, write_box

KEPT = """async () => {
    const request = indexedDB.open("chat", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("kept");
    const database = await new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
    const count = database.transaction("kept").objectStore("kept").count();
    const visits = await new Promise((resolve) => (count.onsuccess = () => resolve(count.result)));
    database.close();
    return [...Object.keys(localStorage), ...Array(visits).fill("a visit")];
}"""


def username(page: Page) -> Locator:
    return page.get_by_label("Username")


def password(page: Page) -> Locator:
    return page.get_by_label("Password", exact=True)


def form(page: Page) -> Locator:
    return page.get_by_role("form", name="Sign in")


async def fill_in(page: Page, name: str, secret: str) -> None:
    await username(page).fill(name)
    await password(page).fill(secret)


async def sign_in(page: Page, person: Person) -> None:
    await fill_in(page, person.username, person.password)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#my-name")).to_have_text(person.username)


async def sign_out(page: Page) -> None:
    await open_settings(page)
    await page.get_by_role("button", name="Sign out", exact=True).click()


async def is_refused(field: Locator, sentence: str) -> None:
    """The sentence stands at the field, and is read out with it; the next key goes there."""
    await expect(field).to_have_accessible_description(sentence)
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_be_focused()


async def is_well(field: Locator) -> None:
    await expect(field).not_to_have_attribute("aria-invalid", "true")


async def with_a_clock(page: Page) -> None:
    await page.clock.install()


async def look_away_and_back(page: Page) -> None:
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def test_a_new_person_signs_up_and_is_in_the_lobby(visit: Visit, ada: Person) -> None:
    page = await visit(at="/")
    await expect(username(page)).to_be_focused()
    await expect(username(page)).to_have_attribute("autocomplete", "username")
    await expect(password(page)).to_have_attribute("autocomplete", "current-password")
    await page.get_by_role("button", name="Create an account").click()
    await expect(page.get_by_role("heading", name="Create an account")).to_be_visible()
    await expect(password(page)).to_have_attribute("autocomplete", "new-password")
    await expect(password(page)).to_have_accessible_description(
        "8 to 256 characters. A few words in a row are easy to remember."
    )

    await fill_in(page, "grace", "nine quiet lighthouses")
    show = page.get_by_role("button", name="Show password")
    await expect(password(page)).to_have_attribute("type", "password")
    for kind, pressed in (("text", "true"), ("password", "false"), ("text", "true")):
        await show.click()
        await expect(password(page)).to_have_attribute("type", kind)
        await expect(show).to_have_attribute("aria-pressed", pressed)
    await page.get_by_role("button", name="Create account").click()

    await expect(page.locator("#my-name")).to_have_text("grace")
    await expect(status(page)).to_have_text("Connected")
    await expect(title(page)).to_have_text("lobby")
    await expect(write_box(page)).to_be_focused()
    await ada.says("welcome")
    await expect(texts(page)).to_have_text(["welcome"])
    await expect(page.locator("#sign-in input").first).to_have_value("")
    await expect(page.locator("#sign-in input").last).to_have_value("")
    await expect(page.locator("#sign-in input").last).to_have_attribute("type", "password")


async def test_what_is_wrong_is_said_at_the_field_in_the_words_of_the_server(visit: Visit, ada: Person) -> None:
    secret = "nine quiet lighthouses"
    taken = await ada.post("/create_user", username="ADA", password=secret)
    short = await ada.post("/create_user", username="grace", password="short")
    wrong = await ada.post("/login", username="ada", password="not hers at all")
    assert [taken.status, short.status, wrong.status] == [409, 422, 401]
    page = await visit()
    enter = page.get_by_role("button", name="Sign in")

    await enter.click()
    await is_refused(username(page), "Enter your username.")
    await username(page).fill("ada")
    await is_well(username(page))
    await enter.click()
    await is_refused(password(page), "Enter your password.")
    await is_well(username(page))
    await password(page).fill("not hers at all")
    await enter.click()
    await is_refused(password(page), wrong.body["error"])

    await page.get_by_role("button", name="Create an account").click()
    await is_well(password(page))
    create = page.get_by_role("button", name="Create account")
    await fill_in(page, "ADA", secret)
    await create.click()
    await is_refused(username(page), taken.body["error"])
    await fill_in(page, "grace", "short")
    await create.click()
    await expect(password(page)).to_have_accessible_description(f"{await rule(page)} {short.body['error']}")
    await expect(password(page)).to_be_focused()

    await page.get_by_role("form").get_by_role("button", name="Sign in").click()
    await page.route("**/login", lambda route: route.abort())
    await enter.click()
    await expect(page.get_by_role("alert").filter(has_text="The server cannot be reached.")).to_be_visible()
    await page.unroute("**/login")
    await sign_in(page, ada)


async def rule(page: Page) -> str:
    return await page.locator("#password-rule").inner_text()


async def test_after_signing_out_nothing_of_the_person_is_left_in_the_browser(
    visit: Visit, server: RunningServer, ada: Person
) -> None:
    page = await visit(ada, prepare=with_a_clock)
    other_window = await visit(context=page.context)
    await say(page, "said")
    await expect(texts(page)).to_have_text(["said"])
    await expect(texts(other_window)).to_have_text(["said"])
    # What was looked at is kept for the time without a server, a little later.
    await page.clock.fast_forward(3_000)
    await page.wait_for_function(f"async () => (await ({KEPT})()).includes('a visit')")
    await write_box(page).fill("half a thou")
    await write_box(other_window).fill("another half")

    await page.bring_to_front()  # or the browser would draw it only once a second
    await sign_out(page)

    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="signed out")).to_have_count(0)
    await expect(page).to_have_title("Chat")
    await expect(page).to_have_url(server.url + "/")
    assert (await page.request.get("/whoami")).status == 401
    reason = other_window.get_by_role("status").filter(has_text="You were signed out, in another window")
    await expect(reason).to_be_visible()
    await expect(other_window.locator("#room-list > *")).to_have_count(0)
    for window in (page, other_window):
        assert await window.evaluate(KEPT) == []
        await expect(username(window)).to_have_value("")

    await sign_in(page, ada)
    await expect(write_box(page)).to_have_value("")
    await look_away_and_back(other_window)
    await expect(other_window.locator("#my-name")).to_have_text("ada")


async def test_who_signs_out_with_unsent_messages_is_asked_first(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await expect(status(page)).to_have_text("Connected")
    await open_settings(page)
    await page.get_by_role("button", name="Disconnect").click()
    await expect(status(page)).to_have_text("Disconnected")
    await say(page, "not sent yet")
    await write_box(page).fill("half a thou")
    question = page.get_by_role("dialog", name="One message has not been sent.")

    await sign_out(page)
    await question.get_by_role("button", name="Cancel").click()
    await expect(question).to_be_hidden()
    await expect(pending(page).locator(".text")).to_have_text(["not sent yet"])
    await expect(write_box(page)).to_have_value("half a thou")
    assert (await page.request.get("/whoami")).status == 200

    await sign_out(page)
    await question.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert await page.evaluate(KEPT) == []
    await sign_in(page, ada)
    await expect(status(page)).to_have_text("Connected")
    await expect(pending(page)).to_have_count(0)
    await expect(texts(page)).to_have_count(0)


async def test_a_failed_sign_out_leaves_everything_as_it_was(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await expect(status(page)).to_have_text("Connected")
    await page.route("**/logout", lambda route: route.abort())
    await write_box(page).fill("half a thou")

    await sign_out(page)

    await expect(page.get_by_role("alert").filter(has_text="The server cannot be reached.")).to_be_visible()
    await expect(status(page)).to_have_text("Connected")
    await expect(write_box(page)).to_have_value("half a thou")


async def test_a_session_that_the_server_has_ended_leads_to_the_form_and_keeps_what_was_typed(
    visit: Visit, ada: Person
) -> None:
    page = await visit(ada)
    await expect(status(page)).to_have_text("Connected")
    await write_box(page).fill("half a thou")

    assert (await page.request.post("/logout")).ok  # as another program with the same cookie would

    await expect(form(page)).to_be_visible()
    await expect(form(page).get_by_text("You were signed out")).to_be_visible()
    await sign_in(page, ada)
    await expect(form(page)).to_be_hidden()
    await expect(title(page)).to_have_text("lobby")
    await expect(write_box(page)).to_have_value("half a thou")


async def test_somebody_else_signing_in_takes_over_the_other_window(visit: Visit, ada: Person, bob: Person) -> None:
    await ada.says("hello")
    page = await visit(ada)
    await expect(page.locator("#messages .own")).to_have_count(1)
    await write_box(page).fill("a thought of ada's")

    await visit(bob, context=page.context)
    await expect(form(page).or_(page.locator("#my-name", has_text="bob"))).to_be_visible()
    await look_away_and_back(page)

    await expect(page.locator("#my-name")).to_have_text("bob")
    await expect(status(page)).to_have_text("Connected")
    await expect(write_box(page)).to_have_value("")
    await expect(page.locator("#messages .own")).to_have_count(0)


async def test_a_page_that_is_looked_at_again_while_it_opens_starts_once(visit: Visit, ada: Person) -> None:
    asked: list[str] = []
    sockets: list[str] = []
    go_on = asyncio.Event()

    async def hold(route: Route) -> None:
        asked.append(route.request.url)
        await go_on.wait()
        await route.continue_()

    async def prepare(page: Page) -> None:
        await page.route("**/whoami", hold)
        page.on("websocket", lambda socket: sockets.append(socket.url))

    page = await visit(ada, prepare=prepare)
    await look_away_and_back(page)
    go_on.set()
    await expect(status(page)).to_have_text("Connected")
    await open_rooms(page)
    await expect(page.get_by_role("link", name="lobby")).to_have_count(1)
    assert (len(asked), len(sockets)) == (1, 1)


async def test_who_has_a_new_account_and_no_session_is_led_to_sign_in(
    visit: Visit, server: RunningServer, ada: Person
) -> None:
    page = await visit(at="/")
    await page.get_by_role("button", name="Create an account").click()
    await fill_in(page, "grace", "nine quiet lighthouses")
    server.query("CREATE TRIGGER none_begins BEFORE INSERT ON session BEGIN SELECT raise(ABORT, 'not now'); END")
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_role("alert").filter(has_text="Your account is made.")).to_be_visible()
    server.query("DROP TRIGGER none_begins")
    await page.get_by_role("form").get_by_role("button", name="Sign in").click()
    await expect(form(page)).to_be_hidden()
    assert (await (await page.request.get("/whoami")).json())["username"] == "grace"
