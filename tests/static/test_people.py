"""Who is in the room, and who is writing there."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

from playwright.async_api import Locator, Page, expect

from tests.people import Person, visiting
from tests.servers import RunningServer
from tests.static.conftest import Visit
from tests.static.panels import list_of_people
from tests.static.steps import is_ready, people, say, texts, write_box
from tests.static.wire import Wire, lose_the_network

WIDE = 1200


def names(page: Page) -> Locator:
    return people(page).locator(".name")


def count(page: Page) -> Locator:
    return page.locator("#people-count")


def switch(page: Page) -> Locator:
    """The button in the header that shows and hides the list."""
    return page.get_by_role("button", name="People online")


def typing(page: Page) -> Locator:
    return page.locator("#typing")


def hint(page: Page) -> Locator:
    return page.locator("#people-hint")


async def test_the_list_follows_who_comes_and_goes(visit: Visit, ada: Person, bob: Person) -> None:
    await bob.post("/create_room", room="attic")
    page = await visit(bob, width=WIDE)
    await expect(names(page)).to_have_text(["bob"])
    await expect(people(page).filter(has_text="you")).to_have_text(["Bbobyou"])
    await expect(count(page)).to_have_text("1")

    async with ada.live():
        await expect(names(page)).to_have_text(["ada", "bob"])
        await expect(people(page).filter(has_text="you").locator(".name")).to_have_text(["bob"])
        await expect(count(page)).to_have_text("2")
        await page.get_by_role("link", name="attic").click()
        await expect(names(page)).to_have_text(["bob"])
        await expect(count(page)).to_have_text("1")
        await page.get_by_role("link", name="lobby").click()
        await expect(names(page)).to_have_text(["ada", "bob"])
        second_window = await visit(ada)
        await is_ready(second_window)
        await expect(count(page)).to_have_text("2")
    await expect(names(second_window)).to_have_text(["ada", "bob"])
    await expect(names(page)).to_have_text(["ada", "bob"])

    await second_window.close()
    await expect(names(page)).to_have_text(["bob"])
    async with ada.live() as socket:
        await expect(names(page)).to_have_text(["ada", "bob"])
        response = socket.connection._response
        assert response.connection is not None
        assert response.connection.transport is not None
        response.connection.transport.abort()  # as when a browser is killed
        await expect(names(page)).to_have_text(["bob"])
        await expect(count(page)).to_have_text("1")


async def test_without_a_connection_nobody_is_said_to_be_there(visit: Visit, ada: Person, bob: Person) -> None:
    wire = Wire()
    page = await visit(ada, width=WIDE, prepare=wire.lay)
    async with bob.live() as socket:
        await expect(names(page)).to_have_text(["ada", "bob"])
        await socket.send(type="typing", room="lobby")
        await expect(typing(page)).to_have_text("bob is typing…")
        await expect(hint(page)).to_have_text("")

        await lose_the_network(page, wire)
        await expect(people(page)).to_have_count(0)
        await expect(count(page)).to_have_text("–")
        await expect(hint(page)).to_have_text("Not known while there is no connection.")
        await expect(typing(page)).to_have_text("")

        await page.context.set_offline(False)
        await expect(names(page)).to_have_text(["ada", "bob"])
        await expect(hint(page)).to_have_text("")


async def test_who_is_writing_is_told_until_they_have_written_or_stopped(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    async def with_a_clock(page: Page) -> None:
        await page.clock.install()

    page = await visit(ada, prepare=with_a_clock)
    await is_ready(page)
    async with AsyncExitStack() as stack:
        sockets = {}
        for name in ("carol", "dave"):
            person = await stack.enter_async_context(visiting(server, name))
            await person.sign_up()
            sockets[name] = await stack.enter_async_context(person.live())
        sockets["bob"] = await stack.enter_async_context(bob.live())

        async def types(name: str) -> None:
            await sockets[name].send(type="typing", room="lobby")

        # From here on time stands still: on a slow machine the first name would go before the last one comes.
        await page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=10))
        await write_box(page).press_sequentially("I")
        while "ada" not in (await sockets["bob"].next("typing"))["usernames"]:
            pass
        await types("bob")
        await expect(typing(page)).to_have_text("bob is typing…")
        await types("carol")
        await expect(typing(page)).to_have_text("bob and carol are typing…")
        await types("dave")
        await expect(typing(page)).to_have_text("bob, carol and 1 more are typing…")

        await sockets["bob"].send(type="send", room="lobby", message="done")
        await expect(typing(page)).to_have_text("carol and dave are typing…")
        await page.clock.run_for(3_000)
        await types("bob")
        await expect(typing(page)).to_have_text("carol, dave and 1 more are typing…")
        await page.clock.run_for(2_000)
        await expect(typing(page)).to_have_text("bob is typing…")
        await page.clock.run_for(3_000)
        await expect(typing(page)).to_have_text("")


async def test_a_wide_window_shows_the_list_beside_the_messages_as_long_as_one_likes(
    visit: Visit, ada: Person, bob: Person
) -> None:
    page = await visit(ada, width=WIDE)
    await expect(list_of_people(page)).to_be_visible()
    await expect(switch(page)).to_have_attribute("aria-expanded", "true")
    await say(page, "with people beside")
    await expect(texts(page)).to_have_count(1)

    # What closes drawers elsewhere leaves it alone.
    await page.get_by_role("link", name="lobby").click()
    await page.keyboard.press("Control+K")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await expect(list_of_people(page)).to_be_visible()

    await page.get_by_role("button", name="Close the list of people").click()
    await expect(list_of_people(page)).to_be_hidden()
    await expect(switch(page)).to_be_focused()
    await page.reload()
    await is_ready(page)
    await expect(list_of_people(page)).to_be_hidden()
    await page.keyboard.press("Shift+Tab")
    await switch(page).press("Enter")
    await expect(list_of_people(page)).to_be_visible()
    await expect(switch(page)).to_have_attribute("aria-expanded", "true")


async def test_in_a_narrower_window_the_list_slides_over_the_messages(visit: Visit, ada: Person) -> None:
    page = await visit(ada, width=1000)
    await is_ready(page)
    await expect(list_of_people(page)).to_be_hidden()
    close = page.get_by_role("button", name="Close the list of people")
    over = page.locator("#shade")

    async def is_closed() -> None:
        await expect(list_of_people(page)).to_be_hidden()
        await expect(over).to_be_hidden()
        await expect(switch(page)).to_have_attribute("aria-expanded", "false")
        await expect(switch(page)).to_be_focused()

    await switch(page).click()
    await expect(list_of_people(page)).to_be_visible()
    await expect(switch_anywhere(page)).to_have_attribute("aria-expanded", "true")
    await expect(close).to_be_focused()
    for _ in range(3):  # what is below the shade is out of reach
        await page.keyboard.press("Tab")
        await expect(page.locator("#room :focus, #sidebar :focus")).to_have_count(0)
    await page.keyboard.press("Escape")
    await is_closed()

    await switch(page).click()
    await over.click(position={"x": 300, "y": 300})
    await is_closed()

    await switch(page).press("Enter")
    await close.press("Enter")
    await is_closed()


def switch_anywhere(page: Page) -> Locator:
    """The same button while it is below the shade."""
    return page.locator("#toggle-people")
