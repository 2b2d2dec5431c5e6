"""Writing: the box, what was begun, what is on its way, what was refused."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, Route, expect

from chat.web.keys import DATABASE
from tests.people import Person
from tests.servers import RunningServer
from tests.static.conftest import Visit
from tests.static.panels import list_of_rooms, open_switcher
from tests.static.steps import (
    connect,
    disconnect,
    go_to,
    is_ready,
    pending,
    say,
    sign_out,
    status,
    stored,
    texts,
    title,
    write_box,
)
from tests.static.wire import Frame, Wire, lose_the_network, nothing, wired

LIMIT = 20
NO_STORAGE = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("The operation is insecure.", "SecurityError"); },
});"""
FULL_STORAGE = """Storage.prototype.setItem = () => {
  throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
};"""


async def kept_keys(page: Page, prefix: str) -> list[str]:
    keys = await page.evaluate("Object.keys(localStorage)")
    return [key for key in keys if key.startswith(prefix)]


def retry(page: Page) -> Locator:
    return pending(page).get_by_role("button", name="Retry")


def discard(page: Page) -> Locator:
    return pending(page).get_by_role("button", name="Discard")


def too_fast(frame: Frame) -> Frame | None:
    if frame["type"] != "send":
        return None
    error = {"code": "too_fast", "error": "You are sending too fast."}
    return {"type": "error", "client_id": frame["client_id"], **error}


# The box


async def test_enter_sends_and_other_keys_do_what_one_expects_of_them(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await is_ready(page)
    box = write_box(page)
    await box.fill("one")
    await box.press("Shift+Enter")
    await page.keyboard.type("two")
    await box.press("Enter")
    await expect(texts(page)).to_have_count(1)
    await expect(box).to_have_value("")
    await expect(box).to_be_focused()

    await box.fill(" \n ")
    await box.press("Enter")
    await box.fill("")
    keyboard = await page.context.new_cdp_session(page)
    await keyboard.send("Input.imeSetComposition", {"text": "にほ", "selectionStart": 2, "selectionEnd": 2})
    await expect(box).to_have_value("にほ")
    await box.press("Enter")
    await keyboard.send("Input.insertText", {"text": "日本"})
    await box.dispatch_event("keydown", {"key": "Enter", "keyCode": 229})
    await expect(box).to_have_value(re.compile("日本"))
    assert await pending(page).count() == 0
    await box.fill("日本")
    await box.press("Enter")
    await expect(texts(page)).to_have_count(2)

    assert await stored(ada) == ["one\ntwo", "日本"]


async def test_the_box_grows_with_the_text_but_leaves_room_to_read(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await is_ready(page)
    box = write_box(page)
    height = "document.querySelector('#text').getBoundingClientRect().height"
    single = await page.evaluate(height)
    await box.fill("one\ntwo\nthree")
    await page.wait_for_function(f"{height} > {2 * single - 20}")
    await box.fill("\n".join("many lines" for _ in range(100)))
    await page.wait_for_function(f"Math.abs({height} - 0.4 * innerHeight) < 2")
    await box.press("Enter")
    await page.wait_for_function(f"{height} === {single}")


@pytest.mark.settings(message_max_characters=LIMIT)
async def test_the_limit_is_told_before_it_is_reached_and_kept(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await is_ready(page)
    box, counter, sentence = write_box(page), page.locator("#counter"), page.locator("#text-error")
    await box.fill("x" * (LIMIT - 3))
    await expect(counter).to_be_hidden()
    await box.fill("😀" * (LIMIT - 2))
    await expect(counter).to_be_visible()
    await expect(counter).to_have_text("2")

    await box.fill("😀" * (LIMIT + 1))
    await expect(counter).to_have_text("-1")
    await box.press("Enter")
    await expect(sentence).to_have_text("A message has at most 20 characters; this one has 1 too many.")
    await expect(box).to_have_attribute("aria-invalid", "true")
    await expect(box).to_have_value("😀" * (LIMIT + 1))
    await expect(pending(page)).to_have_count(0)

    await box.fill("😀" * LIMIT)
    await expect(sentence).to_have_text("")
    await expect(counter).to_have_text("0")
    await box.press("Enter")
    await expect(texts(page)).to_have_text(["😀" * LIMIT])
    await expect(counter).to_be_hidden()
    assert await stored(ada) == ["😀" * LIMIT]


async def test_keys_in_the_box_scroll_the_messages(visit: Visit, ada: Person) -> None:
    for number in range(40):
        await ada.says(f"message {number}")
    page = await visit(ada)
    await is_ready(page)
    newest, latest = texts(page).last, page.locator("#latest")
    await expect(newest).to_be_in_viewport()
    box = write_box(page)
    await box.press("PageUp")
    await expect(latest).to_be_visible()
    await expect(newest).not_to_be_in_viewport()
    await box.press("PageDown")
    await expect(newest).to_be_in_viewport()
    await expect(latest).to_be_hidden()

    await box.press("PageUp")
    await box.press("PageUp")
    await expect(latest).to_be_visible()
    await box.press("Escape")
    await expect(newest).to_be_in_viewport()
    await expect(latest).to_be_hidden()
    await expect(box).to_be_focused()


async def test_the_focus_goes_to_the_box_of_the_room_but_not_away_from_who_types(visit: Visit, ada: Person) -> None:
    await ada.post("/create_room", room="attic")
    page = await visit(ada)
    await is_ready(page)
    await go_to(page, "attic")
    await expect(write_box(page)).to_be_focused()
    await write_box(page).press("Alt+ArrowDown")
    await expect(title(page)).to_have_text("lobby")
    await expect(write_box(page)).to_be_focused()

    asked: list[Route] = []

    async def hold(route: Route) -> None:
        asked.append(route)

    await page.route("**/list_message", hold)
    async with page.expect_request("**/list_message"):
        await list_of_rooms(page).get_by_role("link", name="attic").click()
    await open_switcher(page)
    name = page.get_by_role("combobox")
    await expect(name).to_be_focused()
    await page.keyboard.type("som")
    await asked[0].continue_()
    await expect(page.locator("#skeleton")).to_be_hidden()
    await page.keyboard.type("ewhere")
    await expect(name).to_have_value("somewhere")


# What was begun


async def test_what_was_begun_stays_in_its_room_over_a_reload(visit: Visit, ada: Person) -> None:
    await ada.post("/create_room", room="attic")
    page = await visit(ada)
    await is_ready(page)
    await write_box(page).fill("for the lobby")
    await go_to(page, "attic")
    await expect(write_box(page)).to_have_value("")
    await write_box(page).fill("for the attic")
    await go_to(page, "lobby")
    await expect(write_box(page)).to_have_value("for the lobby")
    await page.reload()
    await expect(write_box(page)).to_have_value("for the lobby")
    await write_box(page).press("Enter")
    await expect(texts(page)).to_have_text(["for the lobby"])
    await page.reload()
    await expect(texts(page)).to_have_text(["for the lobby"])
    await expect(write_box(page)).to_have_value("")
    await go_to(page, "attic")
    await expect(write_box(page)).to_have_value("for the attic")


async def test_nobody_sees_what_another_person_began_in_this_browser(visit: Visit, ada: Person, bob: Person) -> None:
    page = await visit(ada)
    await is_ready(page)
    await write_box(page).fill("ada's")
    await page.context.clear_cookies()  # her session ends without a word, as one that is too old does
    page = await visit(bob, context=page.context)
    await is_ready(page)
    await expect(write_box(page)).to_have_value("")

    page = await visit(ada, context=page.context)
    await is_ready(page)
    await expect(write_box(page)).to_have_value("ada's")
    other_window = await visit(context=page.context)
    await expect(write_box(other_window)).to_have_value("ada's")
    await sign_out(page)
    for window in (page, other_window):
        await expect(window.get_by_role("heading", name="Sign in")).to_be_visible()
    assert await kept_keys(page, "chat.draft.") == []


# What is on its way


async def test_a_message_is_shown_as_on_its_way_until_it_is_back_and_never_not_at_all(
    visit: Visit, ada: Person
) -> None:
    wire = Wire()
    page = await wired(visit, ada, wire)
    wire.hold("chat")
    await page.evaluate("""() => {
      globalThis.pictures = [];
      const look = () => {
        pictures.push([...document.querySelectorAll(".text")].filter((text) => text.textContent === "hi").length);
        requestAnimationFrame(look);
      };
      look();
    }""")
    await say(page, "hi")
    await expect(pending(page)).to_have_count(1)
    await expect(pending(page)).to_contain_text("Sending…")
    await expect(texts(page)).to_have_count(0)
    wire.release()
    await expect(texts(page)).to_have_text(["hi"])
    await expect(pending(page)).to_have_count(0)
    pictures = await page.evaluate("pictures")
    assert pictures == sorted(pictures)
    assert set(pictures) == {0, 1}


async def test_a_message_that_was_not_sent_outlives_its_window(visit: Visit, ada: Person) -> None:
    await ada.post("/create_room", room="attic")
    page = await visit(ada)
    await is_ready(page)
    await disconnect(page)
    await say(page, "kept for later")
    await expect(pending(page)).to_contain_text(["Waiting to be sent"])
    await go_to(page, "attic")
    await expect(pending(page)).to_have_count(0)
    context = page.context
    await page.close()
    assert await stored(ada) == []

    page = await visit(context=context, at="/#attic")
    await expect(title(page)).to_have_text("attic")
    await is_ready(page)
    await go_to(page, "lobby")
    await expect(texts(page)).to_have_text(["kept for later"])
    await expect(pending(page)).to_have_count(0)
    assert await kept_keys(page, "chat.outbox.") == []
    assert await stored(ada) == ["kept for later"]


async def test_two_windows_with_the_same_unsent_messages_send_them_once(
    visit: Visit, server: RunningServer, ada: Person
) -> None:
    one = await visit(ada)
    other = await visit(context=one.context)
    for page in (one, other):
        await is_ready(page)
    await disconnect(one)
    for text in ("first", "second"):
        await say(one, text)
    await expect(pending(one)).to_have_count(2)
    await server.stop()
    await expect(status(other)).to_have_text("Reconnecting")
    await server.start()
    await connect(one)

    for page in (one, other):
        await expect(texts(page)).to_have_text(["first", "second"])
        await expect(pending(page)).to_have_count(0)
    assert await stored(ada) == ["first", "second"]


async def test_what_is_done_about_a_message_in_one_window_is_done_in_the_other(visit: Visit, ada: Person) -> None:
    wire = Wire()
    wire.answers = too_fast
    one = await wired(visit, ada, wire)
    for text in ("unwanted", "wanted"):
        await say(one, text)
    await expect(discard(one)).to_have_count(2)
    other = await visit(context=one.context)
    await is_ready(other)
    await expect(discard(other)).to_have_count(2)

    await discard(one).first.click()
    await expect(pending(other)).to_have_count(1)
    await retry(other).click()
    for page in (one, other):
        await expect(texts(page)).to_have_text(["wanted"])
        await expect(pending(page)).to_have_count(0)
    assert await stored(ada) == ["wanted"]


async def test_nobody_sends_what_another_person_left_in_this_browser(visit: Visit, ada: Person, bob: Person) -> None:
    page = await visit(ada)
    await is_ready(page)
    await disconnect(page)
    await say(page, "ada's")
    await expect(pending(page)).to_have_count(1)
    await page.context.clear_cookies()  # her session ends without a word, as one that is too old does
    his = await visit(bob, context=page.context)
    await is_ready(his)
    await expect(pending(his)).to_have_count(0)

    await connect(page)
    await expect(page.locator("#my-name")).to_have_text("bob")
    await is_ready(page)
    await say(page, "bob's")
    await expect(texts(page)).to_have_text(["bob's"])
    await expect(pending(page)).to_have_count(0)
    assert await stored(ada) == ["bob's"]

    page = await visit(ada, context=page.context)
    await expect(texts(page)).to_have_text(["bob's", "ada's"])
    assert [message["username"] for message in await ada.listed()] == ["bob", "ada"]


# What was refused


async def test_a_refusal_stands_at_the_message_until_one_decides_about_it(visit: Visit, ada: Person) -> None:
    wire = Wire()
    wire.answers = too_fast
    page = await wired(visit, ada, wire)
    for text in ("hasty", "hastier"):
        await say(page, text)
        await expect(pending(page).last).to_contain_text("Not sent")
        await expect(pending(page).last).to_contain_text("You are sending too fast.")
    await page.reload()
    await expect(status(page)).to_have_text("Connected")
    await expect(retry(page)).to_have_count(2)
    wire.answers = nothing

    await retry(page).first.focus()
    await page.keyboard.press("Enter")
    await expect(texts(page)).to_have_text(["hasty"])
    await expect(pending(page)).to_have_count(1)
    await expect(write_box(page)).to_be_focused()
    await discard(page).focus()
    await page.keyboard.press("Enter")
    await expect(pending(page)).to_have_count(0)
    await expect(write_box(page)).to_be_focused()
    assert await stored(ada) == ["hasty"]
    assert await kept_keys(page, "chat.outbox.") == []


async def test_a_refusal_keeps_its_buttons_while_the_connection_comes_and_goes(visit: Visit, ada: Person) -> None:
    wire = Wire()
    wire.answers = too_fast
    page = await wired(visit, ada, wire)
    await say(page, "hasty")
    await retry(page).focus()
    await lose_the_network(page, wire)
    await page.context.set_offline(False)
    await expect(status(page)).to_have_text("Connected")
    await expect(retry(page)).to_be_focused()


@pytest.mark.settings(message_max_characters=LIMIT)
async def test_a_server_may_allow_less_than_the_page_believes(visit: Visit, ada: Person) -> None:
    page = await visit(ada, at="/healthz")

    async def overstate(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(json={**await answer.json(), "message_max_characters": 4000})

    await page.route("**/whoami", overstate)
    await page.goto("/#lobby")
    await is_ready(page)
    await say(page, "x" * (LIMIT + 1))
    await expect(pending(page)).to_contain_text("A message has at most 20 characters.")
    await discard(page).click()
    await expect(pending(page)).to_have_count(0)
    assert await stored(ada) == []


async def test_a_message_that_the_disk_had_no_room_for_can_be_sent_again(
    visit: Visit, server: RunningServer, ada: Person
) -> None:
    page = await visit(ada)
    await is_ready(page)
    database = server.app[DATABASE]
    ((pages,),) = await database.write("PRAGMA page_count")
    await database.write(f"PRAGMA max_page_count = {pages}")
    texts_sent = [f"{number}{'x' * 3990}" for number in range(4)]
    for text in texts_sent:
        await say(page, text)
    await expect(retry(page).last).to_be_visible()
    await expect(pending(page).last).to_contain_text("Not sent")
    await database.write("PRAGMA max_page_count = 1000000")
    while await pending(page).count():
        await retry(page).first.click()
        await expect(pending(page).get_by_text("Sending…")).to_have_count(0)
    await expect(texts(page)).to_have_count(4)
    assert sorted(await stored(ada)) == texts_sent


# A browser that keeps nothing


@pytest.mark.parametrize("storage", [NO_STORAGE, FULL_STORAGE], ids=["forbidden", "full"])
async def test_without_storage_the_page_merely_forgets(visit: Visit, ada: Person, storage: str) -> None:
    await ada.post("/create_room", room="attic")
    page = await visit(ada, at="/healthz")
    await page.add_init_script(storage)
    await page.goto("/#lobby")
    await is_ready(page)
    await write_box(page).fill("half")
    await say(page, "whole")
    await expect(texts(page)).to_have_text(["whole"])
    await expect(pending(page)).to_have_count(0)
    await go_to(page, "attic")
    await go_to(page, "lobby")
    await expect(texts(page)).to_have_text(["whole"])
    assert await stored(ada) == ["whole"]
