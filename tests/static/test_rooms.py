"""Choosing rooms, making them, and their addresses."""

from __future__ import annotations

from urllib.parse import quote

from playwright.async_api import expect

from tests.people import Person
from tests.servers import RunningServer
from tests.static.conftest import Visit
from tests.static.steps import texts, title, write_box


async def test_a_room_is_made_and_the_address_bar_leads_back_and_forth(
    visit: Visit, server: RunningServer, ada: Person
) -> None:
    page = await visit(ada)
    await expect(title(page)).to_have_text("lobby")

    await page.get_by_label("New room").fill("tea & biscuits 50% ☕")
    await page.get_by_role("button", name="Create").click()
    await expect(title(page)).to_have_text("tea & biscuits 50% ☕")
    await expect(page).to_have_url(server.url + "/#" + quote("tea & biscuits 50% ☕", safe=""))
    await expect(page.get_by_role("link", name="tea & biscuits")).to_have_attribute("aria-current", "page")
    await expect(page).to_have_title("tea & biscuits 50% ☕ – Chat")

    await page.go_back()
    await expect(title(page)).to_have_text("lobby")
    await expect(page.get_by_role("link", name="lobby")).to_have_attribute("aria-current", "page")
    await page.go_forward()
    await expect(title(page)).to_have_text("tea & biscuits 50% ☕")


async def test_messages_stay_in_their_room(visit: Visit, ada: Person) -> None:
    await ada.post("/create_room", room="attic")
    page = await visit(ada)
    await write_box(page).fill("half a thou")
    await ada.says("for the lobby")
    await expect(texts(page)).to_have_text(["for the lobby"])

    await page.get_by_role("link", name="attic").click()
    await expect(title(page)).to_have_text("attic")
    await expect(page.get_by_text("Nothing has been said here yet.")).to_be_visible()
    await expect(write_box(page)).to_have_value("")
    await ada.says("also for the lobby")
    await ada.says("for the attic", room="attic")
    await expect(texts(page)).to_have_text(["for the attic"])

    await page.get_by_role("link", name="lobby").click()
    await expect(texts(page)).to_have_text(["for the lobby", "also for the lobby"])
    await expect(write_box(page)).to_have_value("half a thou")


async def test_a_room_that_is_taken_shows_the_sentence_of_the_server(visit: Visit, ada: Person) -> None:
    refusal = await ada.post("/create_room", room="Lobby")
    assert refusal.status == 409
    page = await visit(ada)

    await page.get_by_label("New room").fill("Lobby")
    await page.get_by_role("button", name="Create").click()

    await expect(page.locator("#new-room").get_by_role("alert")).to_have_text(refusal.body["error"])
    await expect(title(page)).to_have_text("lobby")


async def test_a_link_in_another_spelling_leads_to_the_room(visit: Visit, server: RunningServer, ada: Person) -> None:
    page = await visit(ada, at="/#LOBBY")
    await expect(title(page)).to_have_text("lobby")
    await expect(page).to_have_url(server.url + "/#lobby")
    await ada.says("hello")
    await expect(texts(page)).to_have_text(["hello"])


async def test_a_link_to_no_room_says_so_until_there_is_one(visit: Visit, ada: Person) -> None:
    refusal = await ada.post("/list_message", room="cellar", limit=50)
    assert refusal.status == 404
    page = await visit(ada, at="/#cellar")
    await expect(page.locator("#notice")).to_have_text(refusal.body["error"])
    await expect(write_box(page)).to_be_disabled()

    await page.get_by_label("New room").fill("cellar")
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator("#notice")).to_have_text("")
    await expect(write_box(page)).to_be_enabled()


async def test_who_names_no_room_is_asked_to_choose(visit: Visit, ada: Person) -> None:
    await ada.post("/create_room", room="attic")
    page = await visit(ada, at="/")
    await expect(title(page)).to_have_text("Choose a room")
    await page.get_by_role("link", name="attic").click()
    await expect(title(page)).to_have_text("attic")
