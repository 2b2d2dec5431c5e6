"""Messages and rooms that an admin deletes, and what the server asks the page to wait with."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.people import Person
from tests.servers import RunningServer
from tests.static.conftest import Visit
from tests.static.past import already_said
from tests.static.scrolling import latest, top_of
from tests.static.steps import connect, disconnect, is_ready, pending, say, status, stored, texts, title, write_box
from tests.static.wire import Frame, Wire, nothing, wired

GONE = "Message deleted"
TOO_MANY: Frame = {"type": "error", "code": "too_many_frames", "error": "You send faster than allowed."}


async def delete(admin: Person, number: int) -> None:
    assert (await admin.post("/delete_message", id=number)).status == 200


def notice(page: Page) -> Locator:
    return page.locator("#notice")


async def test_an_admin_deletes_a_message_with_the_keyboard_and_everyone_sees_it_go(
    visit: Visit, ada: Person, bob: Person
) -> None:
    for text in ("first", "second", "third"):
        await bob.says(text)
    hers, his = await visit(ada), await visit(bob)
    await is_ready(hers)
    await is_ready(his)
    question = hers.get_by_role("dialog", name="Delete this message of bob, for everyone?")
    second = hers.get_by_role("button", name="Delete message of bob: second")

    await hers.locator("#scroller").focus()
    for key in ("Tab", "ArrowUp", "Enter"):  # the newest is one Tab away, the arrows lead to the others
        await hers.keyboard.press(key)
    await question.get_by_role("button", name="Cancel").click()
    await expect(second).to_be_focused()
    await hers.keyboard.press("Enter")
    await question.get_by_role("button", name="Delete message").click()

    await expect(texts(hers)).to_have_text(["first", GONE, "third"])
    await expect(hers.get_by_role("button", name="Delete message of bob: third")).to_be_focused()
    await expect(texts(his)).to_have_text(["first", GONE, "third"])
    await his.reload()
    await expect(texts(his)).to_have_text(["first", GONE, "third"])
    await expect(his.locator("#messages .new")).to_have_count(0)


async def test_a_deleted_message_moves_nothing_before_the_readers_eyes_nor_shows_up_where_it_never_was(
    visit: Visit, server: RunningServer, ada: Person
) -> None:
    old, tall, seen = [f"old {n}" for n in range(150)], "tall\n" * 20, [f"message {n}" for n in range(40)]
    at = datetime(2026, 3, 9, tzinfo=UTC)
    await already_said(server, [(ada, text, at) for text in (*old, tall, *seen)])
    page = await visit(ada)
    await is_ready(page)
    await expect(texts(page)).to_have_count(50)
    lines = [page.get_by_text(f"message {number}", exact=True) for number in (20, 22)]
    await lines[0].evaluate("line => line.scrollIntoView({ block: 'center' })")
    await expect(texts(page)).to_have_count(100)  # those above come as one goes up

    for news, (number, gone) in enumerate([(len(old) + 1, 1), (len(old) + 1 + 22, 2), (1, 2)], 1):
        places = [await top_of(line) for line in lines]
        await delete(ada, number)
        await ada.says("and on")  # comes after the deletion, so that it can be waited for
        await expect(latest(page)).to_have_text(f"{news} new")
        await expect(page.get_by_text(GONE)).to_have_count(gone)
        assert [await top_of(line) for line in lines] == pytest.approx(places, abs=1)


async def test_the_line_above_what_is_new_does_not_stand_above_what_was_deleted(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    at = datetime(2026, 3, 9, tzinfo=UTC)
    await already_said(server, [(ada, text, at) for text in ("first", "second")])
    await delete(ada, 1)
    await ada.says("third")
    page = await visit(bob)
    await expect(texts(page)).to_have_text([GONE, "second", "third"])
    new = page.locator("#messages li", has=page.locator(".new")).locator(".text")
    await expect(new).to_have_text(["third"])


async def test_a_message_deleted_unread_is_not_counted_any_more(visit: Visit, ada: Person, bob: Person) -> None:
    await ada.post("/create_room", room="tea")
    await bob.joins("tea")
    page = await visit(bob)
    await is_ready(page)
    entry = page.get_by_role("link", name="tea")
    first = await ada.says("first", "tea")
    await ada.says("second", "tea")
    await expect(entry).to_contain_text("2 unread")
    await delete(ada, first["id"])
    await expect(entry).to_contain_text("1 unread")


async def test_who_is_in_a_room_that_is_deleted_goes_to_another_and_can_take_their_draft_along(
    visit: Visit, ada: Person, bob: Person
) -> None:
    await ada.post("/create_room", room="tea")
    await bob.joins("tea")
    his = await visit(bob, at="/#tea", permissions=["clipboard-read", "clipboard-write"])
    await is_ready(his)
    await write_box(his).fill("half a thou")
    hers = await visit(ada, at="/#tea")
    await is_ready(hers)
    await hers.get_by_role("button", name="Delete the room").click()
    await hers.get_by_role("button", name="Cancel").click()
    assert await stored(bob, "tea") == []
    await hers.get_by_role("button", name="Delete the room").click()
    await hers.get_by_role("button", name="Delete room", exact=True).click()

    for page in (hers, his):
        await expect(title(page)).to_have_text("lobby")
        await expect(page.get_by_role("link", name="tea")).to_have_count(0)
        await expect(notice(page)).to_contain_text("The room tea was deleted by an admin.")
        await expect(write_box(page)).to_have_value("")
    await notice(his).get_by_role("button", name="Copy your draft").click()
    await expect(notice(his)).to_be_hidden()
    assert await his.evaluate("() => navigator.clipboard.readText()") == "half a thou"
    assert (await bob.post("/join_room", room="tea")).status == 404


async def test_a_message_that_waits_for_a_room_that_is_gone_says_so_and_is_not_lost(
    visit: Visit, ada: Person, bob: Person
) -> None:
    await ada.post("/create_room", room="tea")
    await bob.joins("tea")
    wire = Wire()
    wire.loses = lambda frame: frame["type"] == "chat"
    page = await visit(bob, at="/#tea", prepare=wire.lay)
    await is_ready(page)
    wire.answers = lambda frame: {"type": "pong"} if frame["type"] == "send" else None  # never arrives
    await say(page, "is the kettle on?")
    await expect(pending(page)).to_contain_text("Sending…")
    assert (await ada.post("/delete_room", room="tea")).status == 200

    await expect(title(page)).to_have_text("lobby")
    await expect(notice(page)).to_contain_text("A message to tea was not sent.")
    await notice(page).get_by_role("button", name="Show").click()
    await expect(pending(page)).to_contain_text("is the kettle on?")
    for _ in range(2):
        await expect(pending(page).get_by_role("alert")).to_have_text("There is no room tea any more.")
        await pending(page).get_by_role("button", name="Retry").click()
    await pending(page).get_by_role("button", name="Discard").click()
    await expect(pending(page)).to_have_count(0)


async def test_a_message_deleted_before_its_writer_heard_of_it_waits_no_longer(
    visit: Visit, ada: Person, bob: Person
) -> None:
    wire = Wire()
    wire.loses = lambda frame: frame["type"] == "chat"
    page = await wired(visit, bob, wire)
    await say(page, "rude")
    await expect(pending(page)).to_have_count(1)
    while not (listed := await ada.listed()):
        pass
    await delete(ada, listed[0]["id"])
    await expect(pending(page)).to_have_count(0)
    await expect(texts(page)).to_have_count(0)


async def test_who_sends_too_fast_is_told_and_what_waits_goes_out_by_itself(visit: Visit, ada: Person) -> None:
    wire = Wire()

    async def prepare(page: Page) -> None:
        await page.clock.install()
        await wire.lay(page)

    page = await visit(ada, prepare=prepare)
    await is_ready(page)
    wire.answers = lambda frame: TOO_MANY | {"client_id": frame["client_id"]} if frame["type"] == "send" else None
    await say(page, "one")
    await expect(notice(page)).to_contain_text("What you wrote waits, and goes out by itself.")
    wire.answers = nothing
    await say(page, "two")
    await expect(pending(page).filter(has_text="Waiting to be sent")).to_have_count(2)
    await page.clock.run_for(2_000)
    await expect(texts(page)).to_have_text(["one", "two"])
    await expect(pending(page)).to_have_count(0)
    await expect(notice(page)).to_be_hidden()


async def test_a_page_that_is_told_to_ask_later_asks_later(visit: Visit, ada: Person) -> None:
    await ada.says("hello")
    refused: list[str] = []

    async def refuse_once(route: Route) -> None:
        path = route.request.url
        if path in refused:
            return await route.continue_()
        refused.append(path)
        body = '{"error":"You ask for too much at once.","code":"too_many_requests"}'
        return await route.fulfill(status=429, headers={"Retry-After": "1"}, body=body, content_type="application/json")

    async def prepare(page: Page) -> None:
        for path in ("/whoami", "/get_rooms", "/list_message"):
            await page.route(f"**{path}", refuse_once)

    page = await visit(ada, prepare=prepare)
    await expect(texts(page)).to_have_text(["hello"])
    assert len(refused) == 3


async def test_frames_of_a_kind_that_the_page_does_not_know_do_no_harm(visit: Visit, ada: Person) -> None:
    wire = Wire()
    page = await wired(visit, ada, wire)
    for frame in ({"type": "fireworks", "room": "lobby"}, {"type": "delete", "room": "nowhere", "id": 9, "cursor": 9}):
        wire.tell(frame)
    wire.tell({"type": "room_deleted", "room": "nowhere", "room_id": 9})
    await say(page, "still here")
    await expect(texts(page)).to_have_text(["still here"])
    await expect(title(page)).to_have_text("lobby")
    await expect(status(page)).to_have_text("Connected")


async def test_what_is_deleted_is_not_kept_in_the_browser_either(visit: Visit) -> None:
    page = await visit(at="/")
    kept = await page.evaluate(
        """async () => {
            const script = document.querySelector("script[type=module]").src;
            const { KeptMessages } = await import(new URL("kept_messages.js", script));
            const kept = new KeptMessages();
            const messages = [1, 2, 3].map((id) => ({ id, message: `message ${id}` }));
            for (const room of ["tea", "cake", "attic"]) {
                await kept.keep({ me: { user_id: 1 }, rooms: [], cursor: 3, page: { room, messages } });
            }
            await Promise.all([["tea", 1], ["tea", 3], ["cake", 2]].map(([room, id]) => kept.deleteMessage(room, id)));
            await kept.deleteRoom("attic");
            const { pages } = await kept.load();
            return pages.map(({ room, messages }) => [room, messages.map(({ message }) => message)]);
        }"""
    )
    assert kept == [["cake", ["message 1", "", "message 3"]], ["tea", ["", "message 2", ""]]]


async def test_another_room_of_the_same_name_shows_nothing_of_the_first(visit: Visit, ada: Person, bob: Person) -> None:
    await ada.post("/create_room", room="tea")
    await bob.joins("tea")
    await ada.says("of the first", "tea")
    page = await visit(bob, at="/#tea")
    await is_ready(page)
    await expect(texts(page)).to_have_text(["of the first"])
    await disconnect(page)
    await ada.post("/delete_room", room="tea")
    await ada.post("/create_room", room="tea")
    await bob.joins("tea")
    await ada.says("of the second", "tea")
    await connect(page)
    await expect(texts(page)).to_have_text(["of the second"])


@pytest.mark.settings(frames_per_user_burst=6, frames_per_user_per_second=5)
async def test_what_is_typed_faster_than_the_server_reads_arrives_in_order(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await is_ready(page)
    expected = [f"message {number}" for number in range(16)]
    await write_box(page).evaluate(
        "(box, texts) => { for (const text of texts) { box.value = text; box.form.requestSubmit(); } }", expected
    )
    await expect(notice(page)).to_contain_text("What you wrote waits, and goes out by itself.")
    await expect(texts(page)).to_have_text(expected)
    await expect(pending(page)).to_have_count(0)
    await expect(notice(page)).to_be_hidden()
    assert await stored(ada) == expected
