"""What the page does, and says, when the connection is lost, and what becomes of the messages."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.people import Person, visiting
from tests.processes import server_process
from tests.servers import RunningServer
from tests.static.conftest import Visit
from tests.static.panels import list_of_rooms
from tests.static.steps import (
    connect,
    disconnect,
    go_to,
    is_ready,
    pending,
    people,
    say,
    sign_out,
    status,
    stored,
    texts,
    title,
    write_box,
)
from tests.static.wire import Wire, lose_the_network, of_type, wired

UNTIL_KEPT = """async () => {
  const script = document.querySelector("script[type=module]").src;
  const { KeptMessages } = await import(new URL("kept_messages.js", script));
  const messages = new KeptMessages();
  while (!(await messages.load())?.pages.length) await new Promise(requestAnimationFrame);
}"""

# The longest waits there can be: 1, 2, 4, 8 s.
NO_CHANCE = "Math.random = () => 1 - Number.EPSILON"


def countdown(page: Page) -> Locator:
    return page.locator("#countdown")


def unread(page: Page, room: str) -> Locator:
    return list_of_rooms(page).get_by_role("link", name=room).locator(".badge")


async def come_back_to(page: Page) -> None:
    """As if one had looked elsewhere: the page then connects at once instead of waiting for its next attempt."""
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def stop_the_clock(page: Page) -> None:
    """From here on nothing happens in the page just because time goes by."""
    await page.clock.install()
    await page.clock.pause_at(await page.evaluate("Date.now() + 5000"))


# Nothing is lost, nothing doubled


async def test_a_restart_of_the_server_under_two_browsers_loses_and_doubles_nothing(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    hers, his = await visit(ada), await visit(bob)
    for page in (hers, his):
        await is_ready(page)
    await say(hers, "before")
    await expect(texts(his)).to_have_text(["before"])

    await server.stop()
    for page in (hers, his):
        await expect(status(page)).to_have_text("Reconnecting")
    await say(hers, "hers")
    await say(hers, "hers too")
    await say(his, "his")
    await expect(pending(hers)).to_have_count(2)
    await expect(pending(hers).first).to_contain_text("Waiting to be sent")

    await server.start()
    for page in (hers, his):
        await expect(status(page)).to_have_text("Connected")
        await expect(pending(page)).to_have_count(0)
        await expect(texts(page)).to_have_count(4)
    kept = await stored(bob)
    assert sorted(kept) == ["before", "hers", "hers too", "his"]
    assert kept.index("hers") < kept.index("hers too")
    for page in (hers, his):
        await expect(texts(page)).to_have_text(kept)


async def test_a_server_that_is_killed_while_messages_are_under_way_gets_each_once(
    browser: Browser, data_dir: Path
) -> None:
    said = [f"message {number}" for number in range(8)]
    async with server_process(data_dir) as first:
        port = first.address[1]
        context = await browser.new_context(base_url=first.url, reduced_motion="reduce", service_workers="block")
        async with visiting(first, "ada") as ada:
            await ada.sign_up()
            await ada.joins()
            await context.request.post("/login", data={"username": ada.username, "password": ada.password})
            page = await context.new_page()
            await page.goto("/#lobby")
            await is_ready(page)
            for text in said:
                await say(page, text)
            await first.kill()
            await expect(status(page)).to_have_text("Reconnecting")
            async with server_process(data_dir, port=port):
                await come_back_to(page)
                await expect(texts(page)).to_have_text(said)
                await expect(pending(page)).to_have_count(0)
                assert await stored(ada) == said
                await context.close()


async def test_a_message_whose_acknowledgement_was_lost_is_stored_and_shown_once(visit: Visit, ada: Person) -> None:
    wire = Wire()
    wire.loses = lambda frame: frame["type"] == "chat" and len(wire.sent) == 1
    page = await wired(visit, ada, wire)
    await say(page, "only once")
    await expect(pending(page)).to_contain_text("Sending…")
    await wire.cut()

    await expect(texts(page)).to_have_text(["only once"])
    await expect(pending(page)).to_have_count(0)
    assert len(wire.sent) == 2
    assert await stored(ada) == ["only once"]


async def test_a_message_that_was_lost_on_its_way_is_sent_again(visit: Visit, ada: Person) -> None:
    wire = Wire()
    wire.answers = lambda frame: {"type": "pong"} if frame["type"] == "send" and len(wire.sent) == 1 else None
    page = await wired(visit, ada, wire)
    await say(page, "lost at first")
    await expect(pending(page)).to_contain_text("Sending…")
    await wire.cut()

    await expect(texts(page)).to_have_text(["lost at first"])
    await expect(pending(page)).to_have_count(0)
    (first,), (second,) = (of_type(frames, "send") for frames in wire.sent)
    assert first == second
    assert await stored(ada) == ["lost at first"]


async def test_what_was_missed_comes_once_and_in_order_and_of_other_rooms_only_the_number(
    visit: Visit, ada: Person, bob: Person
) -> None:
    await ada.post("/create_room", room="attic")
    await bob.joins("attic")
    wire = Wire()
    page = await wired(visit, ada, wire)
    await say(page, "before")
    await expect(texts(page)).to_have_text(["before"])
    await go_to(page, "attic")
    await go_to(page, "lobby")
    await page.clock.install()

    await lose_the_network(page, wire)
    missed = [f"missed {number}" for number in range(5)]
    for text in missed:
        await bob.says(text)
        await bob.says(text, room="attic")
    await say(page, "mine")
    await page.clock.fast_forward(60_000)
    await expect(pending(page)).to_contain_text("Waiting to be sent")
    async with page.expect_response("**/get_rooms"):
        await page.context.set_offline(False)

    await expect(texts(page)).to_have_text(["before", *missed, "mine"])
    await expect(pending(page)).to_have_count(0)
    await expect(unread(page, "attic")).to_have_text("5 unread")
    came = of_type(wire.received[-1], "chat")
    assert [(frame["room"], frame["message"]) for frame in came] == [("lobby", text) for text in [*missed, "mine"]]
    subscriptions = [frame["room"] for frame in of_type(wire.sent[-1], "subscribe")]
    assert sorted(subscriptions) == ["attic", "lobby"]
    assert await stored(ada) == ["before", *missed, "mine"]


async def test_who_missed_a_great_deal_gets_the_newest_page_and_not_all_of_it(
    visit: Visit, ada: Person, bob: Person
) -> None:
    wire = Wire()
    page = await wired(visit, ada, wire)
    await say(page, "before")
    await expect(texts(page)).to_have_text(["before"])

    await disconnect(page)
    for number in range(120):
        await bob.says(f"missed {number}")
    await connect(page)

    await expect(texts(page).last).to_have_text("missed 119")
    await bob.says("live again")
    await expect(texts(page).last).to_have_text("live again")
    assert [frame["message"] for frame in of_type(wire.received[-1], "chat")] == ["live again"]
    await expect(page.locator("#latest")).to_be_hidden()


async def test_a_server_put_back_to_an_older_copy_is_noticed(
    visit: Visit, server: RunningServer, ada: Person, bob: Person, tmp_path: Path
) -> None:
    await ada.post("/create_room", room="attic")
    await ada.says("kept")
    page = await visit(ada)
    await expect(texts(page)).to_have_count(1)
    await server.stop()
    shutil.copytree(server.settings.data_dir, tmp_path / "copy")
    await server.start()
    await is_ready(page)
    for number in range(3):
        await bob.says(f"lost {number}")
    await expect(texts(page)).to_have_count(4)

    await server.stop()
    shutil.rmtree(server.settings.data_dir)
    shutil.copytree(tmp_path / "copy", server.settings.data_dir)
    await server.start()
    await expect(texts(page)).to_have_text(["kept"])
    await bob.says("new")
    await expect(texts(page)).to_have_text(["kept", "new"])
    await say(page, "goes on")
    await expect(texts(page)).to_have_text(["kept", "new", "goes on"])
    await expect(list_of_rooms(page).get_by_role("link")).to_have_count(2)


# Membership


async def test_a_room_that_was_left_meanwhile_is_not_joined_again(visit: Visit, ada: Person, bob: Person) -> None:
    await ada.post("/create_room", room="attic")
    wire = Wire()
    page = await wired(visit, ada, wire)
    await lose_the_network(page, wire)
    await say(page, "too late")
    await ada.leaves("lobby")
    await ada.leaves("attic")
    await page.context.set_offline(False)
    await expect(page.get_by_text("You are not in lobby.", exact=True)).to_be_visible()
    await expect(page.locator("#notice-text")).to_have_text(
        "A message to lobby was not sent. You are not in lobby any more."
    )
    assert of_type(wire.sent[-1], "subscribe") == []
    for room in ("lobby", "attic"):
        assert not (await ada.sees_room(room))["joined"]

    await page.get_by_role("button", name="Join the room").click()
    await expect(page.get_by_text("You are not in lobby.", exact=True)).to_be_hidden()
    await expect(pending(page)).to_contain_text("You are not in lobby any more.")
    assert await stored(bob) == []
    await pending(page).get_by_role("button", name="Retry").click()
    await expect(texts(page)).to_have_text(["too late"])
    assert await stored(bob) == ["too late"]


async def test_a_room_that_is_left_while_the_rooms_are_asked_for_is_not_joined_again(visit: Visit, ada: Person) -> None:
    await ada.post("/create_room", room="attic")
    wire = Wire()
    page = await wired(visit, ada, wire)
    times = 0

    async def leave_meanwhile(route: Route) -> None:
        nonlocal times
        times += 1
        answer = await route.fetch()
        if times == 1:
            await ada.leaves("attic")
            await expect(list_of_rooms(page).get_by_role("link")).to_have_count(1)
        await route.fulfill(response=answer)

    await page.route("**/get_rooms", leave_meanwhile)
    await wire.cut()
    await say(page, "after it")
    await expect(texts(page)).to_have_text(["after it"])
    assert times >= 2
    assert [frame["room"] for frame in of_type(wire.sent[-1], "subscribe")] == ["lobby"]
    assert not (await ada.sees_room("attic"))["joined"]


async def test_rooms_that_cannot_be_listed_are_asked_for_again_before_they_are_followed(
    visit: Visit, ada: Person, bob: Person
) -> None:
    wire = Wire()
    page = await wired(visit, ada, wire, NO_CHANCE)
    times = 0

    async def refuse_twice(route: Route) -> None:
        nonlocal times
        times += 1
        if times > 2:
            await route.continue_()
        else:
            refusal = {"code": "storage_unavailable", "error": "The database cannot do this now."}
            await route.fulfill(status=503, json=refusal)

    await page.route("**/get_rooms", refuse_twice)
    await stop_the_clock(page)
    await wire.cut()
    await bob.says("missed")
    for seconds in (1, 2, 4):
        await expect(countdown(page)).to_have_text(f"in {seconds} s")
        await page.clock.run_for(seconds * 1_000)
    await page.clock.resume()
    await expect(texts(page)).to_have_text(["missed"])
    await expect(status(page)).to_have_text("Connected")
    await expect(page.locator("#notice")).to_be_hidden()
    assert [len(of_type(frames, "subscribe")) for frames in wire.sent] == [1, 0, 0, 1]


# What the status says


async def test_disconnect_and_connect_do_what_they_say(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await expect(people(page)).to_have_count(1)
    button = page.get_by_role("button", name="Connect", exact=True)
    await expect(button).to_be_hidden()
    await disconnect(page)
    await expect(people(page)).to_have_count(0)
    await expect(countdown(page)).to_have_text("")
    await ada.says("while away")
    await connect(page)
    await expect(status(page)).to_have_text("Connected")
    await expect(button).to_be_hidden()
    await expect(texts(page)).to_have_text(["while away"])


async def test_the_status_tells_how_the_page_stands_with_the_server(
    visit: Visit, server: RunningServer, ada: Person
) -> None:
    page = await visit(ada, at="/healthz")
    await page.add_init_script(NO_CHANCE)
    await page.goto("/#lobby")
    await is_ready(page)
    await stop_the_clock(page)
    await server.stop()
    await expect(status(page)).to_have_text("Reconnecting")
    for seconds in (1, 2, 4):
        await expect(countdown(page)).to_have_text(f"in {seconds} s")
        await page.clock.run_for(seconds * 1_000)
    await expect(countdown(page)).to_have_text("in 8 s")
    await page.clock.run_for(3_000)
    await expect(countdown(page)).to_have_text("in 5 s")

    await page.context.set_offline(True)
    await expect(status(page)).to_have_text("Offline")
    await expect(countdown(page)).to_have_text("")
    await server.start()
    await page.context.set_offline(False)
    await expect(status(page)).to_have_text("Connected")

    await server.stop()
    await expect(status(page)).to_have_text("Reconnecting")
    await server.start()
    await come_back_to(page)
    await expect(status(page)).to_have_text("Connected")


async def test_a_handshake_under_way_is_called_connecting(visit: Visit, ada: Person) -> None:
    page = await visit(ada, at="/healthz")
    await page.add_init_script("""
      const Real = WebSocket;
      WebSocket = class extends EventTarget {
        static OPEN = 1;
        constructor(url) {
          super();
          globalThis.answer = () => {
            const real = new Real(url);
            real.onopen = () => { this.readyState = 1; this.onopen?.(); };
            real.onmessage = (event) => this.onmessage?.(event);
            this.send = (text) => real.send(text);
          };
        }
        close() {}
      };
    """)
    await page.goto("/#lobby")
    await expect(status(page)).to_have_text("Connecting…")
    await page.evaluate("answer()")
    await expect(status(page)).to_have_text("Connected")


async def test_a_connection_that_went_silent_is_noticed(visit: Visit, ada: Person) -> None:
    wire = Wire()
    page = await visit(ada, at="/healthz")
    await wire.lay(page)
    await page.clock.install()
    await page.goto("/#lobby")
    await is_ready(page)
    await say(page, "heard")
    await expect(texts(page)).to_have_text(["heard"])
    await page.clock.fast_forward(26_000)
    await expect(status(page)).to_have_text("Connected")
    await say(page, "heard too")
    await expect(texts(page)).to_have_count(2)
    await page.clock.fast_forward(11_000)
    await expect(status(page)).to_have_text("Connected")
    assert len(wire.sent) == 1

    wire.loses = lambda _: len(wire.sent) == 1
    await ada.says("not heard")
    await page.clock.fast_forward(26_000)
    await page.clock.fast_forward(11_000)
    await expect(texts(page)).to_have_text(["heard", "heard too", "not heard"])
    assert len(wire.sent) == 2


# Two windows of one browser


async def test_two_windows_agree_on_what_is_read_and_on_who_is_signed_in(
    visit: Visit, ada: Person, bob: Person
) -> None:
    await ada.post("/create_room", room="attic")
    one = await visit(ada, at="/#attic")
    other = await visit(context=one.context, at="/#attic")
    away = await visit(context=one.context)
    for page in (one, other, away):
        await is_ready(page)
    await disconnect(away)
    await go_to(away, "attic")
    await bob.says("news")
    for page in (one, other):
        await expect(unread(page, "lobby")).to_have_text("1 unread")
    await go_to(one, "lobby")
    for page in (one, other):
        await expect(unread(page, "lobby")).to_have_count(0)

    await sign_out(one)
    for page in (one, other, away):
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await expect(page.locator("#app")).to_be_hidden()


# A server that is not there at all


async def test_a_server_that_is_away_when_the_page_opens_can_be_tried_again(visit: Visit, ada: Person) -> None:
    page = await visit(ada, at="/healthz")
    away = "**/{whoami,get_rooms,list_message}"
    await page.route(away, lambda route: route.abort())
    await page.goto("/#lobby")
    await expect(page.get_by_role("alert").get_by_text("The server cannot be reached.")).to_be_visible()
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("The server cannot be reached.")).to_be_visible()
    await page.unroute(away)
    await page.get_by_role("button", name="Try again").click()
    await is_ready(page)
    await say(page, "here")
    await expect(texts(page)).to_have_text(["here"])


async def test_who_was_here_before_finds_the_last_messages_while_the_server_is_away(
    visit: Visit, ada: Person, bob: Person
) -> None:
    await bob.says("seen before")
    page = await visit(ada)
    await is_ready(page)
    await expect(texts(page)).to_have_text(["seen before"])
    await page.evaluate(UNTIL_KEPT)
    away = "**/{whoami,get_rooms,list_message}"
    await page.route(away, lambda route: route.abort())
    await page.reload()
    await expect(texts(page)).to_have_text(["seen before"])
    await expect(write_box(page)).to_be_enabled()
    await say(page, "written without a server")
    await expect(pending(page)).to_contain_text("Waiting to be sent")
    await bob.says("missed")
    await page.unroute(away)
    await expect(texts(page)).to_have_text(["seen before", "missed", "written without a server"])
    await expect(title(page)).to_have_text("lobby")
    await expect(pending(page)).to_have_count(0)
