"""What the page does, and says, when the connection is lost."""

from __future__ import annotations

import json

from playwright.async_api import Page, WebSocketRoute, expect

from tests.people import Person
from tests.servers import RunningServer
from tests.static.conftest import Visit
from tests.static.steps import pending, people, say, status, stored, texts


async def test_a_restart_of_the_server_loses_and_doubles_nothing(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    page = await visit(ada)
    await say(page, "before")
    await expect(texts(page)).to_have_text(["before"])

    await server.stop()
    await expect(status(page)).to_have_text("Reconnecting")
    await expect(page.locator("#countdown")).to_have_text("in 1 s")
    await say(page, "written meanwhile")
    await say(page, "and another")
    await expect(pending(page)).to_have_count(2)
    await expect(pending(page).first).to_contain_text("Waiting to be sent")

    await server.start()
    await bob.says("missed by ada")
    await expect(status(page)).to_have_text("Connected")
    await expect(pending(page)).to_have_count(0)

    kept = await stored(bob)
    assert sorted(kept) == ["and another", "before", "missed by ada", "written meanwhile"]
    assert kept.index("written meanwhile") < kept.index("and another")
    await expect(texts(page)).to_have_text(kept)


async def test_a_message_whose_acknowledgement_was_lost_is_stored_and_shown_once(visit: Visit, ada: Person) -> None:
    page = await visit(at="/healthz")
    connections: list[WebSocketRoute] = []

    def lose_the_first_answer(socket: WebSocketRoute) -> None:
        connections.append(socket)
        upstream = socket.connect_to_server()

        async def on_answer(frame: str | bytes) -> None:
            if json.loads(frame)["type"] == "chat" and len(connections) == 1:
                await socket.close()
            else:
                socket.send(frame)

        upstream.on_message(on_answer)

    await page.route_web_socket("**/ws", lose_the_first_answer)
    page = await sign_in_on(page, ada)
    await expect(status(page)).to_have_text("Connected")
    await expect(people(page)).to_have_text(["ada"])

    await say(page, "only once")

    await expect(texts(page)).to_have_text(["only once"])
    await expect(pending(page)).to_have_count(0)
    assert len(connections) == 2
    assert await stored(ada) == ["only once"]


async def sign_in_on(page: Page, person: Person) -> Page:
    answer = await page.request.post("/login", data={"username": person.username, "password": person.password})
    assert answer.ok
    await page.goto("/#lobby")
    return page


async def test_what_waits_survives_a_reload_and_leaving_the_room(
    visit: Visit, server: RunningServer, ada: Person
) -> None:
    await ada.post("/create_room", room="attic")
    page = await visit(ada)
    await expect(status(page)).to_have_text("Connected")
    await page.get_by_role("button", name="Disconnect").click()
    await say(page, "kept for later")
    await expect(pending(page)).to_have_count(1)

    await page.get_by_role("link", name="attic").click()
    await expect(page.get_by_role("heading", name="attic")).to_be_visible()
    await expect(pending(page)).to_have_count(0)
    assert await stored(ada) == []
    await page.reload()
    await expect(status(page)).to_have_text("Connected")

    await page.get_by_role("link", name="lobby").click()
    await expect(texts(page)).to_have_text(["kept for later"])
    await expect(pending(page)).to_have_count(0)
    assert await stored(ada) == ["kept for later"]


async def test_disconnect_and_connect_do_what_they_say(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    await expect(people(page)).to_have_text(["ada"])

    await page.get_by_role("button", name="Disconnect").click()
    await expect(status(page)).to_have_text("Offline")
    await expect(people(page)).to_have_count(0)
    await ada.says("while away")

    await page.get_by_role("button", name="Connect", exact=True).click()
    await expect(status(page)).to_have_text("Connected")
    await expect(texts(page)).to_have_text(["while away"])


async def test_a_connection_that_went_silent_is_noticed(visit: Visit, ada: Person) -> None:
    page = await visit(at="/healthz")
    sockets: list[WebSocketRoute] = []

    def swallow_what_comes_after_the_first_pong(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        upstream = socket.connect_to_server()
        pongs = 0

        def on_answer(frame: str | bytes) -> None:
            nonlocal pongs
            pongs += json.loads(frame)["type"] == "pong"
            if pongs < 2 or len(sockets) > 1:
                socket.send(frame)

        upstream.on_message(on_answer)

    await page.route_web_socket("**/ws", swallow_what_comes_after_the_first_pong)
    await page.clock.install()
    page = await sign_in_on(page, ada)
    await expect(people(page)).to_have_text(["ada"])

    async with page.expect_response("**/get_rooms"):
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await say(page, "heard")
    await expect(texts(page)).to_have_text(["heard"])
    await page.clock.fast_forward(11_000)
    await expect(status(page)).to_have_text("Connected")
    assert len(sockets) == 1

    await page.clock.fast_forward(26_000)
    await page.clock.fast_forward(11_000)
    await expect(status(page)).not_to_have_text("Connected")
    await page.clock.fast_forward(2_000)
    await expect(status(page)).to_have_text("Connected")
    assert len(sockets) == 2
