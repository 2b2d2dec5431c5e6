"""Moving about in what was said: up, down, and at the end, however long the room is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import CDPSession, Page, Route, expect

from tests.people import Person
from tests.servers import RunningServer
from tests.static.conftest import Visit
from tests.static.past import already_said, long_talk
from tests.static.scrolling import (
    at_the_end,
    check_watched,
    first_number,
    latest,
    scroll_to,
    top_of,
    watch,
    wheel,
)
from tests.static.steps import messages, pending, say, status, texts, write_box

MIB = 1024 * 1024

# Heights from one line to a screenful, so that no guess of a height is right by chance.
HEIGHTS = ["short", "a few words " * 20, "line\n" * 12, "```\n" + "code\n" * 6 + "```", "W" * 700]


def _numbered(numbers: range) -> list[str]:
    return [f"message {number}" for number in numbers]


class Gate:
    """Holds back the pages of a room until it is opened."""

    def __init__(self, page: Page, wanted: Callable[[dict[str, Any]], bool]) -> None:
        self._page = page
        self._wanted = wanted
        self._opened = asyncio.Event()
        self.reached = asyncio.Event()

    async def shut(self) -> None:
        await self._page.route("**/list_message", self._hold)

    def open(self) -> None:
        self._opened.set()

    async def _hold(self, route: Route) -> None:
        if self._wanted(route.request.post_data_json or {}):
            answer = await route.fetch()
            self.reached.set()  # the server has answered, and nobody knows
            await self._opened.wait()
            await route.fulfill(response=answer)
        else:
            await route.continue_()


async def test_older_messages_come_as_one_scrolls_up_and_newer_ones_as_one_goes_down_again(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    await long_talk(server, bob, 400)
    page = await visit(ada)
    await expect(texts(page)).to_have_text(_numbered(range(351, 401)))
    await at_the_end(page)
    await watch(page)

    # What one reads stays where it is while more is put in above.
    gate = Gate(page, lambda fields: "before" in fields)
    await gate.shut()
    await scroll_to(page, 300)
    seen = messages(page).filter(has_text="message 365")
    await gate.reached.wait()
    before = await top_of(seen)
    gate.open()
    await expect(texts(page).first).to_have_text("message 301")
    assert abs(await top_of(seen) - before) <= 2

    while await first_number(page) > 1:
        await wheel(page, -3000)
    await expect(page.get_by_text("This is where lobby begins.")).to_be_attached()
    await expect(texts(page)).to_have_text(_numbered(range(1, 201)))

    while await texts(page).last.inner_text() != "message 400":
        await wheel(page, 3000)
    await wheel(page, 5000)
    await expect(latest(page)).to_be_hidden()
    await at_the_end(page)
    await bob.says("message 401")
    await expect(texts(page).last).to_have_text("message 401")
    await at_the_end(page)
    await check_watched(page)


async def test_a_room_of_a_hundred_thousand_is_entered_and_read_a_page_at_a_time(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    await long_talk(server, bob, 100_000)
    page = await visit()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.context.request.post("/login", data={"username": ada.username, "password": ada.password})
    await page.reload()
    await expect(texts(page)).to_have_text(_numbered(range(99_951, 100_001)))
    await at_the_end(page)
    await expect(status(page)).to_have_text("Connected")
    assert [url.rpartition("/")[2] for url in asked].count("list_message") == 1

    await watch(page)
    tools = await page.context.new_cdp_session(page)
    before = await _heap(tools)
    said = 0
    await wheel(page, -100)
    await expect(latest(page)).to_be_visible()
    while await first_number(page) > 97_000:
        await wheel(page, -4000)
        if said < 30:
            said += 1
            await bob.says(f"message {100_000 + said}")
    await expect(latest(page)).to_have_text(f"{said} new")
    assert await _heap(tools) - before < 8 * MIB

    await latest(page).click()
    await expect(texts(page).last).to_have_text(f"message {100_000 + said}")
    await expect(latest(page)).to_be_hidden()
    await at_the_end(page)
    await bob.says(f"message {100_001 + said}")
    await expect(texts(page).last).to_have_text(f"message {100_001 + said}")
    assert (await texts(page).all_inner_texts())[-said - 1 :] == _numbered(range(100_001, 100_002 + said))
    await check_watched(page)


async def _heap(tools: CDPSession) -> int:
    await tools.send("Performance.enable")
    await tools.send("HeapProfiler.collectGarbage")
    metrics = (await tools.send("Performance.getMetrics"))["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "JSHeapUsedSize")  # type: ignore[no-any-return]


async def test_what_comes_while_the_latest_page_is_fetched_is_not_lost(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    await long_talk(server, bob, 400)
    page = await visit(ada)
    await expect(status(page)).to_have_text("Connected")
    while await texts(page).last.inner_text() == "message 400":
        await wheel(page, -3000)
    await watch(page)

    gate = Gate(page, lambda fields: "before" not in fields)
    await gate.shut()
    await latest(page).click()
    await gate.reached.wait()
    await bob.says("message 401")
    await expect(latest(page)).to_have_text("1 new")
    gate.open()
    await expect(texts(page).last).to_have_text("message 401")
    await at_the_end(page)
    await check_watched(page)


async def test_the_end_stays_in_view_whatever_grows(visit: Visit, ada: Person, bob: Person) -> None:
    for number in range(30):
        await bob.says(f"message {number}")
    page = await visit(ada)
    await expect(status(page)).to_have_text("Connected")
    await at_the_end(page)

    await bob.says("a line")
    await expect(texts(page).last).to_have_text("a line")
    await at_the_end(page)
    await bob.says("a tall one\n" * 80)
    await expect(texts(page).last).to_contain_text("a tall one")
    await at_the_end(page)
    await page.set_viewport_size({"width": 400, "height": 500})
    await at_the_end(page)
    await page.set_viewport_size({"width": 1200, "height": 900})
    await at_the_end(page)
    await write_box(page).fill("a draft\n" * 12)
    await at_the_end(page)
    await say(page, "mine")
    await expect(texts(page).last).to_have_text("mine")
    await expect(pending(page)).to_have_count(0)
    await at_the_end(page)
    await expect(latest(page)).to_be_hidden()


async def test_a_reader_of_the_past_stays_there_and_is_told_of_news(visit: Visit, ada: Person, bob: Person) -> None:
    for number in range(40):
        await bob.says(f"message {number}")
    page = await visit(ada)
    await expect(status(page)).to_have_text("Connected")
    await at_the_end(page)

    # A little is enough: who turns the wheel wants to leave the end.
    await wheel(page, -20)
    await expect(latest(page)).to_be_visible()
    await expect(latest(page)).to_have_text("Latest")
    await wheel(page, -500)
    seen = messages(page).filter(has_text="message 12")
    await expect(seen).to_be_in_viewport()
    before = await top_of(seen)
    await bob.says("news\n" * 20)
    await expect(latest(page)).to_have_text("1 new")
    await bob.says("more of it")
    await expect(latest(page)).to_have_text("2 new")
    assert abs(await top_of(seen) - before) <= 2

    await latest(page).click()
    await expect(latest(page)).to_be_hidden()
    await at_the_end(page)
    await bob.says("the last word")
    await expect(texts(page).last).to_have_text("the last word")
    await at_the_end(page)


async def test_messages_of_all_heights_neither_jump_nor_hide_the_end(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    talk = [
        ((ada, bob)[number % 7 == 0], HEIGHTS[number % len(HEIGHTS)], begun + timedelta(minutes=2 * number))
        for number in range(300)
    ]
    await already_said(server, talk)
    page = await visit(ada, width=320)
    for _ in range(2):
        await expect(texts(page)).to_have_count(50)
        await at_the_end(page)
        assert await _worst_jump(page, -700, 12) <= 2
        await page.reload()  # while scrolled up; the newest is what one comes back to

    # In a window of another width every message has another height.
    await expect(texts(page)).to_have_count(50)
    await page.set_viewport_size({"width": 700, "height": 700})
    await at_the_end(page)
    assert await _worst_jump(page, -500, 12) <= 2
    # … and the same line stays before the reader's eyes.
    line = await page.evaluate_handle(LINE_IN_THE_MIDDLE)
    before = await line.evaluate(LOWER_EDGE)
    await page.set_viewport_size({"width": 320, "height": 700})
    await page.wait_for_function("() => document.getElementById('scroller').clientWidth < 330")
    await page.evaluate("() => new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame))")
    assert abs(await line.evaluate(LOWER_EDGE) - before) <= 2
    assert await _worst_jump(page, 500, 12) <= 2


LINE_IN_THE_MIDDLE = """() => {
    const box = document.getElementById("scroller").getBoundingClientRect();
    const middle = box.top + box.height / 2;
    return [...document.querySelectorAll("#messages li")].find((item) => item.getBoundingClientRect().bottom > middle);
}"""
LOWER_EDGE = "(item) => item.getBoundingClientRect().bottom"


async def _worst_jump(page: Page, step: int, steps: int) -> float:
    """How far a line lands from where scrolling step by step should bring it, at worst."""
    return await page.evaluate(  # type: ignore[no-any-return]
        """async ([step, steps]) => {
            const box = document.getElementById("scroller");
            const picture = () => new Promise(requestAnimationFrame);
            const middle = box.getBoundingClientRect().top + box.clientHeight / 2;
            let worst = 0;
            for (let number = 0; number < steps; number += 1) {
                const items = [...document.querySelectorAll("#messages li")];
                const line = items.find((item) => item.getBoundingClientRect().bottom > middle) ?? items.at(-1);
                const before = line.getBoundingClientRect().bottom;
                const room = step < 0 ? box.scrollTop : box.scrollHeight - box.clientHeight - box.scrollTop;
                box.scrollBy(0, step);
                await picture();
                await picture();
                const moved = line.getBoundingClientRect().bottom - before;
                if (room > Math.abs(step)) worst = Math.max(worst, Math.abs(moved + step));
            }
            return worst;
        }""",
        [step, steps],
    )


async def test_a_page_that_could_not_be_fetched_comes_later_by_itself(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    await long_talk(server, bob, 100)
    page = await visit(ada)
    await page.clock.install()
    await page.reload()
    await expect(texts(page)).to_have_count(50)
    await page.route("**/list_message", _refuse, times=1)
    await scroll_to(page, 0)
    await expect(page.get_by_role("alert").filter(has_text="The disk is full.")).to_be_visible()
    await expect(texts(page)).to_have_count(50)
    await page.clock.run_for(3_100)
    await expect(texts(page)).to_have_text(_numbered(range(1, 101)))


async def _refuse(route: Route) -> None:
    await route.fulfill(status=503, json={"error": "The disk is full.", "code": "storage_unavailable"})


async def test_what_could_not_be_loaded_is_said_on_a_card_and_can_be_tried_again(
    visit: Visit, ada: Person, bob: Person
) -> None:
    await bob.says("hello")
    page = await visit()
    await page.context.request.post("/login", data={"username": ada.username, "password": ada.password})
    await page.route("**/list_message", _refuse)
    await page.reload()
    card = page.get_by_text("lobby could not be loaded. The disk is full.")
    await expect(card).to_be_visible()
    await page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    await expect(status(page)).to_have_text("Connected")
    await expect(card).to_be_visible()

    await page.unroute("**/list_message")
    await page.get_by_role("button", name="Try again").click()
    await expect(texts(page)).to_have_text(["hello"])
    await expect(card).to_be_hidden()


async def test_placeholders_stand_in_only_when_loading_takes_long(visit: Visit, ada: Person, bob: Person) -> None:
    await bob.says("hello")
    page = await visit(ada)
    await expect(texts(page)).to_have_count(1)
    gate = Gate(page, lambda _: True)
    await gate.shut()
    await page.reload()
    skeleton = page.locator("#skeleton")
    await expect(skeleton).to_be_visible()
    at_199, at_201 = await skeleton.evaluate(
        """(skeleton) => {
            const [animation] = skeleton.getAnimations();
            return [199, 202].map((time) => {
                animation.currentTime = time;
                return getComputedStyle(skeleton).visibility;
            });
        }"""
    )
    assert (at_199, at_201) == ("hidden", "visible")
    gate.open()
    await expect(texts(page)).to_have_text(["hello"])
    await expect(skeleton).to_be_hidden()


async def test_nothing_moves_about_while_history_loads(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    await long_talk(server, bob, 200)
    page = await visit(ada)
    await page.add_init_script(
        """globalThis.shift = 0;
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value;
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    await page.reload()
    await expect(texts(page)).to_have_count(50)
    await expect(status(page)).to_have_text("Connected")
    await at_the_end(page)
    assert await page.evaluate("() => shift") < 0.1


async def test_an_answer_of_a_room_that_was_left_meanwhile_is_dropped(visit: Visit, ada: Person, bob: Person) -> None:
    await bob.post("/create_room", room="tea")
    await bob.post("/create_room", room="milk")
    for room in ("tea", "milk"):
        await ada.joins(room)
        await bob.says(f"in {room}", room)
    page = await visit(ada)
    await expect(status(page)).to_have_text("Connected")

    gate = Gate(page, lambda fields: fields["room"] == "tea")
    await gate.shut()
    await page.evaluate("() => { location.hash = '#tea' }")
    await gate.reached.wait()
    await page.evaluate("() => { location.hash = '#milk' }")
    await expect(texts(page)).to_have_text(["in milk"])
    gate.open()
    await bob.says("still in milk", "milk")
    await expect(texts(page)).to_have_text(["in milk", "still in milk"])
    await expect(page.locator("#room-name")).to_have_text("milk")


async def test_what_was_seen_last_is_there_when_the_server_is_away_and_goes_with_the_person(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    await long_talk(server, bob, 60)
    page = await visit(ada, service_workers="allow")
    await page.wait_for_function("() => navigator.serviceWorker.controller?.state === 'activated'")
    await page.clock.install()
    await page.reload()
    await expect(texts(page)).to_have_count(50)
    await page.clock.fast_forward("00:05")
    await _until_kept(page, "(visit) => visit?.pages[0]?.messages.length === 50")

    await server.stop()
    await page.reload()
    await expect(texts(page)).to_have_text(_numbered(range(11, 61)))
    await at_the_end(page)

    await server.start()
    await bob.says("message 61")
    await page.clock.fast_forward("01:00")
    await expect(texts(page).last).to_have_text("message 61")
    await expect(texts(page)).to_have_text(_numbered(range(12, 62)))

    await page.context.clear_cookies()
    await page.reload()
    await expect(page.get_by_label("Username")).to_be_visible()
    await _until_kept(page, "(visit) => visit === null")


async def test_few_messages_of_few_rooms_of_one_person_are_kept(visit: Visit) -> None:
    page = await visit()
    kept = await page.evaluate(
        f"""async () => {{
            const kept = {KEPT};
            const messages = Array.from({{ length: 60 }}, (_, id) => ({{ id, message: `message ${{id}}` }}));
            const listing = {{ rooms: [], cursor: 1 }};
            const visit = (user_id, room) => ({{ me: {{ user_id }}, ...listing, page: {{ room, messages }} }});
            const pages = async () => (await kept.load()).pages;
            const found = [];
            for (let room = 0; room < 25; room += 1) await kept.keep(visit(1, `room ${{room % 23}}`));
            found.push((await pages()).map(({{ room, messages }}) => [room, messages.length, messages.at(-1).id]));
            await kept.keep({{ ...visit(1), page: undefined }});
            found.push((await pages()).length);
            await kept.keep(visit(2, "other"));
            found.push((await pages()).map(({{ room }}) => room));
            await Promise.all([kept.keep(visit(2, "late")), kept.forget()]);
            found.push(await kept.load());
            return found;
        }}"""
    )
    newest_first = [f"room {n}" for n in (1, 0, *range(22, 4, -1))]
    assert kept == [[[room, 50, 59] for room in newest_first], 20, ["other"], None]


# The module of the page itself, in the page: what it keeps is in the browser's own database.
KEPT = """new (await import(
    new URL("kept_messages.js", document.querySelector("script[type=module]").src))).KeptMessages()"""


async def _until_kept(page: Page, condition: str) -> None:
    await page.evaluate(
        f"""async () => {{
            const kept = {KEPT};
            while (!({condition})(await kept.load())) await new Promise(requestAnimationFrame);
        }}"""
    )
