"""Which rooms there are, what is unread in them, and the ways into them and out."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

from playwright.async_api import Locator, Page, Request, expect

from tests.people import Person
from tests.servers import RunningServer
from tests.static.conftest import Visit
from tests.static.panels import open_switcher, switcher
from tests.static.scrolling import latest, scroll_to
from tests.static.steps import is_ready, say, status, texts, title, write_box
from tests.static.wire import Wire, lose_the_network, of_type

LOOK_AWAY = """
    globalThis.isAway = false;
    Object.defineProperty(document, "hidden", { get: () => isAway });
    globalThis.look = (away) => { isAway = away; document.dispatchEvent(new Event("visibilitychange")); };
"""


def names(page: Page) -> Locator:
    """The list of rooms, from above."""
    return page.locator("#room-list .name")


def link(page: Page, room: str) -> Locator:
    return page.get_by_role("navigation", name="Your rooms").get_by_role("link", name=room)


def badge(page: Page, room: str) -> Locator:
    return link(page, room).locator(".badge")


def card(page: Page) -> Locator:
    """What stands in place of the messages."""
    return page.locator("#empty")


def choices(page: Page) -> Locator:
    return switcher(page).get_by_role("option")


def chosen(page: Page) -> Locator:
    return switcher(page).get_by_role("option", selected=True)


def search(page: Page) -> Locator:
    return switcher(page).get_by_role("combobox", name="Name of a room")


async def make(person: Person, *rooms: str) -> None:
    for room in rooms:
        answer = await person.post("/create_room", room=room)
        assert answer.status == 200, answer


async def open_link(page: Page, room: str) -> None:
    """As a click on a link that somebody sent."""
    await page.evaluate("(room) => { location.hash = encodeURIComponent(room) }", room)


async def test_entering_asks_for_everything_once_and_for_no_backlog(visit: Visit, ada: Person, bob: Person) -> None:
    rooms = ["attic", "cellar", "den"]
    await make(ada, *rooms)
    for room in rooms:
        await ada.says("long ago", room=room)
    wire = Wire()
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.resource_type == "fetch":
            asked.append(request.url.rsplit("/", 1)[-1])

    async def prepare(page: Page) -> None:
        await wire.lay(page)
        page.on("request", note)

    page = await visit(ada, prepare=prepare)
    await is_ready(page)
    for room in rooms:  # the last of them comes when all the others are there
        await bob.joins(room)
        await bob.says("now", room=room)
    await expect(page).to_have_title("(3) lobby – Chat")

    assert sorted(asked) == ["get_rooms", "list_message", "whoami"]
    (sent,) = wire.sent
    assert sorted(frame["room"] for frame in of_type(sent, "subscribe")) == sorted(["lobby", *rooms])
    assert [frame["message"] for frame in of_type(wire.received[0], "chat")] == ["now"] * 3


async def test_the_rooms_stand_in_the_order_of_activity_with_what_is_unread(
    visit: Visit, ada: Person, bob: Person
) -> None:
    await make(ada, "attic", "cellar")
    await bob.joins("attic")
    await bob.joins("cellar")
    await bob.says("long ago", room="cellar")
    await bob.says("one", room="attic")
    await bob.says("two", room="attic")
    page = await visit(ada)
    await expect(names(page)).to_have_text(["attic", "cellar", "lobby"])
    await expect(badge(page, "attic")).to_have_text("2 unread")
    await expect(link(page, "lobby")).to_have_attribute("aria-current", "page")

    await bob.says("news", room="cellar")
    await expect(names(page)).to_have_text(["cellar", "attic", "lobby"])
    await expect(badge(page, "cellar")).to_have_text("2 unread")
    await ada.says("my own", room="attic")
    await expect(names(page)).to_have_text(["attic", "cellar", "lobby"])
    await expect(badge(page, "attic")).to_have_text("2 unread")
    await bob.says("here", room="lobby")
    await expect(names(page)).to_have_text(["lobby", "attic", "cellar"])
    await expect(badge(page, "lobby")).to_have_count(0)
    await expect(page).to_have_title("(4) lobby – Chat")

    await asyncio.gather(*(bob.says("and on", room="attic") for _ in range(100)))
    await expect(badge(page, "attic")).to_have_text("99+ unread")
    await expect(page).to_have_title("(99+) lobby – Chat")
    await link(page, "attic").click()
    await expect(page).to_have_title("(2) attic – Chat")
    await link(page, "lobby").click()
    await expect(badge(page, "attic")).to_have_count(0)


async def test_what_stands_at_the_end_before_the_readers_eyes_is_read(visit: Visit, ada: Person, bob: Person) -> None:
    for number in range(40):
        await bob.says(f"message {number}")
    wire = Wire()

    async def prepare(page: Page) -> None:
        await wire.lay(page)
        await page.clock.install()
        await page.add_init_script(LOOK_AWAY)

    async with ada.connected("/ws") as elsewhere:

        async def is_read(cursor: int) -> None:
            while (await elsewhere.next("read"))["cursor"] < cursor:
                pass
            assert (await ada.sees_room())["unread"] == 0

        async def is_not_read(cursor: int) -> None:
            await page.clock.fast_forward(2_000)
            assert all(frame["cursor"] < cursor for frame in of_type(wire.sent[-1], "read"))

        page = await visit(ada, prepare=prepare)
        await is_ready(page)
        await expect(page).to_have_title("lobby – Chat")
        await is_read((await bob.says("before my eyes"))["cursor"])

        await page.evaluate("look(true)")
        unseen = (await bob.says("behind my back"))["cursor"]
        await expect(page).to_have_title("(1) lobby – Chat")
        await is_not_read(unseen)
        await page.evaluate("look(false)")
        await expect(page).to_have_title("lobby – Chat")
        await is_read(unseen)

        await scroll_to(page, 0)
        await expect(latest(page)).to_be_visible()
        unseen = (await bob.says("out of sight"))["cursor"]
        await expect(latest(page)).to_have_text("1 new")
        await expect(page).to_have_title("(1) lobby – Chat")
        await page.evaluate("look(true)")
        await page.evaluate("look(false)")
        await is_not_read(unseen)
        await latest(page).click()
        await expect(page).to_have_title("lobby – Chat")
        await is_read(unseen)

        await page.reload()
        await is_ready(page)
        await expect(page).to_have_title("lobby – Chat")


async def test_what_was_read_in_another_browser_is_unread_nowhere(visit: Visit, ada: Person, bob: Person) -> None:
    await make(ada, "attic", "cellar")
    await bob.joins("attic")
    await bob.says("counted by the server", room="lobby")
    await ada.says("and later something elsewhere", room="cellar")
    page = await visit(ada, at="/#cellar")
    await bob.says("counted by the page", room="attic")
    await expect(badge(page, "lobby")).to_have_text("1 unread")
    await expect(badge(page, "attic")).to_have_text("1 unread")

    other = await visit(ada, at="/#lobby")
    await expect(texts(other)).to_have_count(1)
    await expect(badge(page, "lobby")).to_have_count(0)
    await link(other, "attic").click()
    await expect(badge(page, "attic")).to_have_count(0)
    await expect(page).to_have_title("cellar – Chat")


async def test_after_a_lost_connection_the_list_is_as_if_nothing_had_been(
    visit: Visit, ada: Person, bob: Person
) -> None:
    await make(ada, "attic", "cellar")
    await bob.joins("attic")
    wire = Wire()
    page = await visit(ada, prepare=wire.lay)
    await is_ready(page)
    await bob.says("before", room="attic")
    await expect(badge(page, "attic")).to_have_text("1 unread")

    await lose_the_network(page, wire)
    for text in ("one", "two"):
        await bob.says(text, room="attic")
    await bob.says("here", room="lobby")
    await ada.leaves("cellar")
    await page.context.set_offline(False)

    await expect(status(page)).to_have_text("Connected")
    await expect(badge(page, "attic")).to_have_text("3 unread")
    await expect(names(page)).to_have_text(["lobby", "attic"])
    await expect(texts(page)).to_have_text(["here"])
    await expect(page).to_have_title("(3) lobby – Chat")
    assert [frame["message"] for frame in of_type(wire.received[-1], "chat")] == ["here"]
    assert sorted(frame["room"] for frame in of_type(wire.sent[-1], "subscribe")) == ["attic", "lobby"]
    assert (await ada.sees_room("cellar"))["joined"] is False


async def test_a_room_is_found_by_typing_and_joined_with_enter(visit: Visit, ada: Person, bob: Person) -> None:
    await make(ada, "tea")
    await make(bob, "teapot", "steam")
    page = await visit(ada)
    await is_ready(page)
    await make(bob, "made while the page was open")

    await page.keyboard.press("Meta+K")
    await expect(search(page)).to_be_focused()
    await expect(choices(page).locator(".name")).to_have_text(
        ["lobby", "tea", "made while the page was open", "steam", "teapot"]
    )
    await page.keyboard.press("Escape")
    await expect(switcher(page)).to_be_hidden()
    await expect(write_box(page)).to_be_focused()

    await open_switcher(page)
    await search(page).fill("tea")
    await expect(choices(page).locator(".name")).to_have_text(["tea", "teapot", "steam"])
    await expect(chosen(page)).to_have_text("tea")
    await page.keyboard.press("ArrowUp")
    await expect(chosen(page)).to_contain_text("steam")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await expect(chosen(page)).to_contain_text("teapot")
    await expect(chosen(page)).to_contain_text("Join")
    await expect(search(page)).to_have_attribute("aria-activedescendant", await chosen(page).get_attribute("id") or "-")
    assert (await ada.sees_room("teapot"))["joined"] is False
    await page.keyboard.press("Enter")

    await expect(title(page)).to_have_text("teapot")
    await expect(switcher(page)).to_be_hidden()
    await expect(write_box(page)).to_be_focused()
    await expect(names(page)).to_have_text(["lobby", "tea", "teapot"])
    assert (await ada.sees_room("teapot"))["joined"] is True

    await page.get_by_role("button", name="Find or create a room").click()
    await search(page).fill("lob")
    await choices(page).filter(has_text="lobby").click()
    await expect(title(page)).to_have_text("lobby")


async def test_a_room_is_made_where_none_has_the_name(visit: Visit, server: RunningServer, ada: Person) -> None:
    name = "tea & biscuits 50% ☕"
    slashed = await ada.post("/create_room", room="tea/biscuits")
    alike = await ada.post("/create_room", room="l\N{CYRILLIC SMALL LETTER O}bby")
    assert (slashed.status, alike.status) == (422, 409)
    page = await visit(ada)
    await is_ready(page)

    await open_switcher(page)
    await search(page).fill("LOBBY")
    await expect(choices(page)).to_have_text(["lobby"])
    for refused, answer in (("tea/biscuits", slashed), ("l\N{CYRILLIC SMALL LETTER O}bby", alike)):
        await search(page).fill(refused)
        await expect(choices(page)).to_have_text([f"Create {refused}"])
        await page.keyboard.press("Enter")
        await expect(search(page)).to_have_accessible_description(answer.body["error"])
        await expect(search(page)).to_be_focused()
    await search(page).fill(f"  {name} ")
    await expect(search(page)).to_have_accessible_description("")
    await page.keyboard.press("Enter")

    await expect(title(page)).to_have_text(name)
    await expect(page).to_have_url(f"{server.url}/#{quote(name, safe='')}")
    await expect(page).to_have_title(f"{name} – Chat")
    await expect(link(page, name)).to_have_attribute("aria-current", "page")
    await page.go_back()
    await expect(title(page)).to_have_text("lobby")
    await expect(link(page, "lobby")).to_have_attribute("aria-current", "page")
    await page.go_forward()
    await expect(title(page)).to_have_text(name)


async def test_of_many_rooms_the_list_shows_fifty_and_finds_all(visit: Visit, ada: Person, bob: Person) -> None:
    await asyncio.gather(*(make(bob, f"room {number}") for number in range(55)))
    page = await visit(ada)
    await is_ready(page)
    await open_switcher(page)
    await expect(choices(page)).to_have_count(50)
    await expect(choices(page).first).to_have_text("lobby")
    await expect(switcher(page).get_by_text("6 more; type to narrow it down.")).to_be_visible()
    await page.keyboard.press("ArrowUp")
    await expect(choices(page).last).to_be_in_viewport()
    await search(page).fill("room 54")
    await expect(choices(page)).to_have_text(["room 54Join"])


async def test_an_address_leads_into_no_room_by_itself(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    page = await visit(ada, at="/#LOBBY")
    await expect(title(page)).to_have_text("lobby")
    await expect(page).to_have_url(f"{server.url}/#lobby")
    await is_ready(page)

    await make(bob, "den")  # which the page has not heard of
    await open_link(page, "den")
    await expect(card(page)).to_contain_text("You are not in den.")
    await expect(write_box(page)).to_be_hidden()
    assert (await ada.sees_room("den"))["joined"] is False
    await page.get_by_role("button", name="Join the room").click()
    await expect(write_box(page)).to_be_enabled()
    await say(page, "hello")
    await expect(texts(page)).to_have_text(["hello"])

    await open_link(page, "cellar")
    await expect(card(page)).to_contain_text("There is no room called cellar.")
    await expect(write_box(page)).to_be_hidden()
    await expect(names(page)).to_have_text(["den", "lobby"])
    await page.get_by_role("button", name="Create it").click()
    await expect(write_box(page)).to_be_enabled()
    await expect(title(page)).to_have_text("cellar")
    assert (await ada.sees_room("cellar"))["joined"] is True


async def test_who_leaves_a_room_is_out_of_it_everywhere(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    await make(ada, "attic")
    await bob.joins("attic")
    page = await visit(ada, at="/#attic")
    elsewhere = await visit(ada, at="/#attic")
    await is_ready(elsewhere)
    await link(page, "lobby").click()
    await expect(title(page)).to_have_text("lobby")
    await link(page, "attic").click()
    await is_ready(page)
    leave = page.get_by_role("button", name="Leave the room")
    question = page.get_by_role("dialog", name="Leave attic? You can join it again at any time.")

    await leave.click()
    await question.get_by_role("button", name="Cancel").click()
    await expect(question).to_be_hidden()
    await expect(title(page)).to_have_text("attic")
    await leave.click()
    await question.get_by_role("button", name="Leave").click()

    await expect(title(page)).to_have_text("lobby")
    await expect(page).to_have_url(f"{server.url}/#lobby")
    await expect(write_box(page)).to_be_focused()
    for window in (page, elsewhere):
        await expect(names(window)).to_have_text(["lobby"])
    await expect(card(elsewhere)).to_contain_text("You are not in attic.")
    await expect(write_box(elsewhere)).to_be_hidden()

    await page.go_back()  # to the lobby, as it was before
    await page.go_back()
    await expect(card(page)).to_contain_text("You are not in attic.")
    assert (await ada.sees_room("attic"))["joined"] is False
    await bob.says("she is gone", room="attic")
    await bob.says("is she?", room="lobby")
    await expect(badge(page, "lobby")).to_have_text("1 unread")
    await expect(names(page)).to_have_text(["lobby"])

    await page.get_by_role("button", name="Join the room").click()
    for window in (page, elsewhere):
        await expect(texts(window)).to_have_text(["she is gone"])
        await expect(write_box(window)).to_be_enabled()


async def test_without_an_address_the_room_of_the_last_time_opens_or_the_most_recent(
    visit: Visit, server: RunningServer, ada: Person
) -> None:
    await make(ada, "attic")
    await ada.says("news", room="attic")
    page = await visit(ada, at="/")
    await expect(title(page)).to_have_text("attic")
    await expect(page).to_have_url(f"{server.url}/#attic")
    await link(page, "lobby").click()
    await expect(title(page)).to_have_text("lobby")

    again = await visit(at="/", context=page.context)
    await expect(title(again)).to_have_text("lobby")
    await expect(again).to_have_url(f"{server.url}/#lobby")


async def test_who_is_in_no_room_is_helped_to_one(visit: Visit, ada: Person, bob: Person) -> None:
    await bob.leaves()
    page = await visit(bob, at="/")
    await expect(card(page)).to_contain_text("You are in no room yet.")
    await expect(page.get_by_text("You are in no room yet. Find one above, or make one.")).to_be_visible()
    await expect(page).to_have_title("Chat")
    await card(page).get_by_role("button", name="Find or create a room").click()
    await expect(choices(page)).to_have_text(["lobbyJoin"])

    nothing: dict[str, Any] = {"cursor": 0, "rooms": []}
    await page.route("**/get_rooms", lambda route: route.fulfill(json=nothing))
    await page.keyboard.press("Escape")
    await open_switcher(page)
    await expect(switcher(page).get_by_text("There is no room yet. Type a name to make one.")).to_be_visible()
    await page.unroute("**/get_rooms")
    await page.keyboard.press("Escape")

    await open_switcher(page)
    await choices(page).filter(has_text="lobby").click()
    await expect(title(page)).to_have_text("lobby")
    await expect(write_box(page)).to_be_enabled()
