"""Writing and reading in a room."""

from __future__ import annotations

import asyncio

from playwright.async_api import expect

from tests.people import Person
from tests.static.conftest import Visit
from tests.static.steps import messages, pending, people, say, status, stored, texts, write_box


async def test_two_people_talk(visit: Visit, ada: Person, bob: Person) -> None:
    hers = await visit(ada)
    his = await visit(bob)
    await expect(status(his)).to_have_text("Connected")

    await say(hers, "Is the kettle on?")
    await expect(messages(his).filter(has_text="Is the kettle on?").locator(".author")).to_have_text("ada")
    await say(his, "Since noon.")
    await expect(messages(hers).locator(".author")).to_have_text(["ada", "bob"])

    for page in (hers, his):
        await expect(texts(page)).to_have_text(["Is the kettle on?", "Since noon."])
        await expect(pending(page)).to_have_count(0)
        [first, _] = await ada.listed()
        await expect(messages(page).first.locator("time")).to_have_attribute("datetime", first["timestamp"])


async def test_enter_sends_and_shift_enter_makes_a_new_line(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await expect(write_box(page)).to_be_enabled()  # typing, unlike filling, does not wait for it
    await write_box(page).press_sequentially("first line")
    await write_box(page).press("Shift+Enter")
    await write_box(page).press_sequentially("  second line")
    await expect(messages(page)).to_have_count(0)

    await write_box(page).press("Enter")

    await expect(messages(page)).to_have_count(1)
    assert await texts(page).inner_text() == "first line\n  second line"
    await expect(write_box(page)).to_have_value("")
    assert await stored(ada) == ["first line\n  second line"]


async def test_nothing_but_white_space_is_not_sent(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await say(page, "  \n ")
    await say(page, "something")
    await expect(texts(page)).to_have_text(["something"])
    assert await stored(ada) == ["something"]


async def test_html_is_shown_as_text_and_runs_nothing(visit: Visit, ada: Person, bob: Person) -> None:
    page = await visit(ada)
    hostile = '<img src=x onerror="document.title=`owned`"><script>document.title="owned"</script><b>bold</b>'
    await bob.says(hostile)

    await expect(texts(page)).to_have_text(hostile)
    await say(page, hostile)
    await expect(messages(page)).to_have_count(2)
    await page.reload()
    await expect(texts(page)).to_have_text([hostile, hostile])

    assert await page.title() == "lobby – Chat"
    assert await page.locator("#messages :is(img, script, b)").count() == 0


async def test_older_history_is_a_press_away_and_keeps_the_place(visit: Visit, ada: Person) -> None:
    for number in range(120):
        await ada.says(f"message {number}")
    page = await visit(ada)
    await expect(texts(page)).to_have_text([f"message {n}" for n in range(70, 120)])
    await expect(messages(page).last).to_be_in_viewport()

    older = page.get_by_role("button", name="Load older")
    await older.scroll_into_view_if_needed()
    first = messages(page).filter(has_text="message 70")
    before = await first.bounding_box()
    await older.click()
    await expect(messages(page)).to_have_count(100)
    after = await first.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) <= 1

    await older.click()
    await expect(texts(page)).to_have_text([f"message {n}" for n in range(120)])
    await expect(older).to_be_hidden()


async def test_a_reader_of_the_past_stays_there_and_is_told_of_news(visit: Visit, ada: Person) -> None:
    for number in range(40):
        await ada.says(f"message {number}")
    page = await visit(ada)
    await expect(messages(page).last).to_be_in_viewport()

    await messages(page).first.scroll_into_view_if_needed()
    await expect(page.get_by_role("button", name="Newest")).to_be_visible()
    await ada.says("news")
    news = page.get_by_role("button", name="1 new")
    await expect(news).to_be_visible()
    await expect(messages(page).first).to_be_in_viewport()

    await news.click()
    await expect(messages(page).filter(has_text="news")).to_be_in_viewport()
    await expect(news).to_be_hidden()

    await ada.says("more of it")
    await expect(messages(page).filter(has_text="more of it")).to_be_in_viewport()


async def test_the_list_never_holds_more_than_a_thousand(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await expect(status(page)).to_have_text("Connected")
    for hundred in range(0, 1050, 50):
        await asyncio.gather(*(ada.says(f"message {n}") for n in range(hundred, hundred + 50)))

    await expect(messages(page)).to_have_count(1000)
    await expect(messages(page).last).to_be_in_viewport()

    await page.get_by_role("button", name="Load older").click()
    await expect(page.get_by_role("button", name="Newest")).to_be_visible()
    await expect(messages(page)).to_have_count(1000)
    await ada.says("the very last")
    await page.get_by_role("button", name="1 new").click()
    await expect(messages(page).last).to_contain_text("the very last")
    await expect(messages(page).last).to_be_in_viewport()


async def test_a_refusal_stands_on_its_message_with_retry_and_discard(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: frames.append(str(frame))))
    await page.reload()
    await expect(status(page)).to_have_text("Connected")
    refusal = await ada.post("/send_message", room="lobby", message="ends in \x00")
    assert refusal.status == 422

    await write_box(page).evaluate("box => { box.value = 'ends in \\0' }")
    await write_box(page).press("Enter")
    refused = pending(page)
    await expect(refused.get_by_role("alert")).to_have_text(refusal.body["error"])
    sent_once = sum('"type":"send"' in frame for frame in frames)
    assert sent_once == 1

    await refused.get_by_role("button", name="Retry").click()
    await expect(refused.get_by_role("alert")).to_have_text(refusal.body["error"])
    assert sum('"type":"send"' in frame for frame in frames) == 2

    await say(page, "a good one")
    await expect(texts(page)).to_have_text(["a good one"])
    await refused.get_by_role("button", name="Discard").click()
    await expect(refused).to_have_count(0)
    assert await stored(ada) == ["a good one"]


async def test_too_long_a_message_stays_in_the_box(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await say(page, "🐢" * 4001)
    await expect(page.get_by_text("This has 4001 characters; a message can have 4000.")).to_be_visible()
    await expect(write_box(page)).to_have_value("🐢" * 4001)

    await say(page, "🐢" * 4000)
    await expect(texts(page)).to_have_text(["🐢" * 4000])


async def test_the_page_tells_who_is_there_and_who_is_typing(visit: Visit, ada: Person, bob: Person) -> None:
    hers = await visit(ada)
    his = await visit(bob)
    await expect(people(hers)).to_have_text(["ada", "bob"])
    await expect(hers.locator("#people-count")).to_have_text("2")

    await write_box(his).press_sequentially("so")
    await expect(hers.locator("#typing")).to_have_text("bob is typing…")
    await expect(his.locator("#typing")).to_have_text("")
    await write_box(his).press("Enter")
    await expect(messages(hers)).to_have_count(1)
    await expect(hers.locator("#typing")).to_have_text("", timeout=2_000)

    await his.context.close()
    await expect(people(hers)).to_have_text(["ada"])
