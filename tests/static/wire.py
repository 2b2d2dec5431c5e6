"""What goes over the page's WebSockets: to be seen, held back, changed and cut by a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.async_api import Page, WebSocketRoute, expect

from tests.people import Person
from tests.static.conftest import Visit
from tests.static.steps import is_ready, status

Frame = dict[str, Any]


def nothing(_frame: Frame) -> None:
    """For no frame."""


class Wire:
    """All connections of one page; lay it before the page opens the first.

    Attributes:
        sent: what the page sent, for each connection.
        received: what the server sent.
        loses: which frames of the server the page never gets.
        answers: what the page gets instead of the server's answer; None for a frame that goes through.
    """

    def __init__(self) -> None:
        self.sent: list[list[Frame]] = []
        self.received: list[list[Frame]] = []
        self.loses: Callable[[Frame], object] = nothing
        self.answers: Callable[[Frame], Frame | None] = nothing
        self._ends: list[tuple[WebSocketRoute, WebSocketRoute]] = []
        self._holding: tuple[str, ...] = ()
        self._held: list[tuple[WebSocketRoute, str]] = []

    async def lay(self, page: Page) -> None:
        await page.route_web_socket("**/ws", self._connect)

    async def cut(self) -> None:
        """The present connection breaks, on both sides."""
        for side in self._ends[-1]:
            await side.close(code=1011)

    def tell(self, frame: Frame) -> None:
        """The page gets a frame that the server never sent."""
        self._ends[-1][0].send(json.dumps(frame))

    def hold(self, *types: str) -> None:
        """The server's frames of these types stay under way until `release`."""
        self._holding = types

    def release(self) -> None:
        self._holding = ()
        for socket, frame in self._held:
            socket.send(frame)
        self._held = []

    def _connect(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        sent: list[Frame] = []
        received: list[Frame] = []
        self._ends.append((socket, server))
        self.sent.append(sent)
        self.received.append(received)

        def on_send(text: str | bytes) -> None:
            frame = json.loads(text)
            sent.append(frame)
            answer = self.answers(frame)
            if answer is None:
                server.send(text)
            else:
                socket.send(json.dumps(answer))

        def on_receive(text: str | bytes) -> None:
            frame = json.loads(text)
            received.append(frame)
            if frame["type"] in self._holding:
                self._held.append((socket, str(text)))
            elif not self.loses(frame):
                socket.send(text)

        socket.on_message(on_send)
        server.on_message(on_receive)


def of_type(frames: list[Frame], kind: str) -> list[Frame]:
    return [frame for frame in frames if frame["type"] == kind]


async def wired(visit: Visit, person: Person, wire: Wire, script: str = "") -> Page:
    """The page of this person, its connections in the hands of the test; `script` runs before the page's own."""
    page = await visit(person, at="/healthz")
    await wire.lay(page)
    await page.add_init_script(script)
    await page.goto("/#lobby")
    await is_ready(page)
    return page


async def lose_the_network(page: Page, wire: Wire) -> None:
    await page.context.set_offline(True)
    await wire.cut()
    await expect(status(page)).to_have_text("Offline")
