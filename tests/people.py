"""The cast: people with a browser's cookie jar, and the sockets they open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

import aiohttp

PASSWORD = "correct horse battery"
PATIENCE_SECONDS = 10


class Server(Protocol):
    """What a person needs to know of a server."""

    @property
    def url(self) -> str: ...

    @property
    def address(self) -> tuple[str, int]: ...


class Answer(NamedTuple):
    status: int
    body: Any
    headers: Any


class Socket:
    """A WebSocket that speaks in JSON frames."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self.connection = connection

    async def send(self, **frame: Any) -> None:
        await self.connection.send_str(json.dumps(frame))

    async def send_text(self, text: str) -> None:
        await self.connection.send_str(text)

    async def receive(self) -> dict[str, Any]:
        """The next frame; fails when the socket closes instead."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            received = await self.connection.receive()
        assert received.type is aiohttp.WSMsgType.TEXT, f"expected a frame, got {received}"
        frame = json.loads(received.data)
        assert "\n" not in received.data
        assert next(iter(frame)) == "type"
        return frame  # type: ignore[no-any-return]

    async def next(self, *types: str) -> dict[str, Any]:
        """The next frame of one of these types; others before it are passed over."""
        while (frame := await self.receive())["type"] not in types:
            pass
        return frame

    async def chats(self, count: int) -> list[dict[str, Any]]:
        """The next chat frames."""
        return [await self.next("chat") for _ in range(count)]

    async def until_live(self) -> list[dict[str, Any]]:
        """The chat frames before the next `live`."""
        frames = []
        while (frame := await self.next("chat", "live"))["type"] == "chat":
            frames.append(frame)
        return frames

    async def sees_come(self, username: str) -> dict[str, Any]:
        """The presence frame that tells of someone's coming."""
        while username not in (frame := await self.next("presence")).get("online", ()):
            pass
        return frame

    async def settled(self, *types: str) -> list[dict[str, Any]]:
        """The frames of these types up to now: when it returns, the server has acted on everything sent here."""
        await self.send(type="ping")
        frames = []
        while (frame := await self.next("pong", *types))["type"] != "pong":
            frames.append(frame)
        return frames

    async def close_code(self) -> int | None:
        """Wait for the server to close, and say with which code."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for _ in self.connection:
                pass
        return self.connection.close_code


class Person:
    """Someone who uses the server; signed in after `sign_up` or `sign_in`."""

    def __init__(self, server: Server, username: str, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.username = username
        self.password = PASSWORD
        self.session = session
        self.user_id = 0

    @property
    def cookie(self) -> str:
        """The Cookie header of the session, for clients of another kind."""
        return self._cookie("chat_session")

    @property
    def device_cookie(self) -> str:
        """The Cookie header that tells where the person has signed in before."""
        return self._cookie("chat_device")

    def _cookie(self, name: str) -> str:
        return "; ".join(f"{cookie.key}={cookie.value}" for cookie in self.session.cookie_jar if cookie.key == name)

    async def sign_up(self) -> None:
        answer = await self.post("/create_user", username=self.username, password=self.password)
        assert answer.status == 200, answer
        self.user_id = answer.body["user_id"]

    async def sign_in(self) -> Answer:
        return await self.post("/login", username=self.username, password=self.password)

    async def post(self, path: str, **fields: Any) -> Answer:
        return await self.request("POST", path, json=fields)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.request("GET", path, **options)

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        async with self.session.request(method, self.server.url + path, **options) as response:
            is_json = response.content_type == "application/json" and method != "HEAD"
            body = json.loads(await response.read()) if is_json else await response.text()
            return Answer(response.status, body, response.headers)

    async def joins(self, room: str = "lobby") -> None:
        assert (await self.post("/join_room", room=room)).status == 200

    async def leaves(self, room: str = "lobby") -> None:
        assert (await self.post("/leave_room", room=room)).status == 200

    async def sees_room(self, room: str = "lobby") -> dict[str, Any]:
        """The room as it stands in this person's list of rooms."""
        answer = await self.get("/get_rooms")
        (found,) = [listed for listed in answer.body["rooms"] if listed["room_name"] == room]
        return found  # type: ignore[no-any-return]

    async def says(self, message: str, room: str = "lobby", **fields: Any) -> dict[str, Any]:
        """Send a message over HTTP; it is on disk on return."""
        answer = await self.post("/send_message", room=room, message=message, **fields)
        assert answer.status == 200, answer
        return answer.body  # type: ignore[no-any-return]

    async def listed(self, room: str = "lobby") -> list[dict[str, Any]]:
        """The whole room as the server lists it."""
        answer = await self.post("/list_message", room=room)
        assert answer.status == 200, answer
        return answer.body["messages"]  # type: ignore[no-any-return]

    @asynccontextmanager
    async def connected(self, path: str = "/ws/chat/lobby", **options: Any) -> AsyncIterator[Socket]:
        async with self.session.ws_connect(self.server.url + path, max_msg_size=0, **options) as connection:
            yield Socket(connection)

    @asynccontextmanager
    async def live(self, path: str = "/ws/chat/lobby") -> AsyncIterator[Socket]:
        """A socket that has reached its room's head."""
        async with self.connected(path) as socket:
            await socket.next("live")
            yield socket

    async def refused_handshake(self, path: str, **options: Any) -> aiohttp.WSServerHandshakeError:
        try:
            async with self.session.ws_connect(self.server.url + path, **options):
                raise AssertionError(f"{path} let {self.username} in")
        except aiohttp.WSServerHandshakeError as refusal:
            return refusal


@asynccontextmanager
async def member(server: Server, username: str) -> AsyncIterator[Person]:
    """A new person who has joined the lobby."""
    async with visiting(server, username) as person:
        await person.sign_up()
        await person.joins()
        yield person


@asynccontextmanager
async def visiting(server: Server, username: str) -> AsyncIterator[Person]:
    """A person with an empty cookie jar of their own."""
    jar = aiohttp.CookieJar(unsafe=True)  # unsafe: cookies from an IP address
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(
        cookie_jar=jar, timeout=timeout, connector=aiohttp.TCPConnector(limit=0)
    ) as session:
        yield Person(server, username, session)
