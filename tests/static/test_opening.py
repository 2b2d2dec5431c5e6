"""What the page asks for when it is opened."""

from __future__ import annotations

import asyncio

from playwright.async_api import Request, Route, expect

from tests.people import Person
from tests.static.conftest import Visit
from tests.static.steps import texts

FIRST_QUESTIONS = {"/whoami", "/get_rooms", "/list_message"}


async def test_the_first_message_is_there_after_one_round_trip(visit: Visit, ada: Person) -> None:
    await ada.says("hello")
    page = await visit(ada, at="/healthz")
    waiting: list[Route] = []
    all_asked = asyncio.Event()

    async def hold(route: Route) -> None:
        waiting.append(route)
        if len(waiting) == len(FIRST_QUESTIONS):
            all_asked.set()

    for path in FIRST_QUESTIONS:
        await page.route(f"**{path}", hold)
    await page.goto("/#lobby")
    await all_asked.wait()  # each of them before any answer

    assert {route.request.url.removeprefix(ada.server.url) for route in waiting} == FIRST_QUESTIONS
    for route in waiting:
        await route.continue_()
    await expect(texts(page)).to_have_text(["hello"])


async def test_a_stranger_is_asked_to_sign_in_and_asks_only_who_may_come(visit: Visit, ada: Person) -> None:
    page = await visit(at="/healthz")
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.resource_type in ("fetch", "websocket"):
            asked.append(request.url)

    page.on("request", note)
    await page.goto("/#lobby")
    await expect(page.get_by_label("Username")).to_be_focused()
    await expect(page.get_by_role("button", name="Create an account")).to_be_visible()
    assert asked == [f"{ada.server.url}/registration"]
