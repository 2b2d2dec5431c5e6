"""A client that never gives up, and writes down what it was told."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any, NamedTuple

import aiohttp

from tests.faults.oracle import Key, Log, Place, Reading, Record, Sent
from tests.people import Person

_AGAIN_SECONDS = 0.05


class Address:
    """Where the server is now; it moves with every restart, and is nowhere in between."""

    def __init__(self) -> None:
        self.url = ""
        self._is_up = asyncio.Event()

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)

    def is_at(self, url: str) -> None:
        self.url = url
        self._is_up.set()

    def is_gone(self) -> None:
        self._is_up.clear()

    async def up(self) -> None:
        """Return when there is a server to connect to."""
        await self._is_up.wait()


class _Waiting(NamedTuple):
    client_id: str
    text: str


class Talker:
    """Someone who sends, repeats what was not acknowledged under the same client_id, and resumes from a cursor.

    Args:
        name: unique among the talkers; their client_ids begin with it.
        gate: it connects when this is up.
        messages_max: after these it only listens; None: it never ends.
        in_flight: messages that wait for their acknowledgement at a time.
        padding: characters added to each message.
    """

    def __init__(
        self,
        name: str,
        person: Person,
        room: str,
        log: Log,
        gate: Address,
        *,
        messages_max: int | None = None,
        in_flight: int = 8,
        padding: int = 0,
    ) -> None:
        self.name = name
        self.person = person
        self.reading = Reading(name, room)
        self.refused = 0
        self.is_live = asyncio.Event()
        self.close_codes: list[int | None] = []
        self.messages_max = messages_max
        self._in_flight = in_flight
        self._padding = "x" * padding
        self._log = log
        self._gate = gate
        self._count = 0
        self._waiting: dict[str, _Waiting] = {}
        self._connection: aiohttp.ClientWebSocketResponse | None = None
        log.readings.append(self.reading)

    @property
    def has_all_acknowledged(self) -> bool:
        return not self._waiting

    async def talk(self) -> None:
        """Stay connected and send without pause, whatever happens, until cancelled."""
        while True:
            await self._gate.up()
            with suppress(aiohttp.ClientError, ConnectionError):
                await self._converse()
            self.is_live.clear()

    async def say(self, messages: int) -> None:
        """Say so many more, now, while live."""
        assert self._connection is not None
        self.messages_max = self._count + messages
        await self._say_more(self._connection)

    async def catch_up(self) -> None:
        """Come back with the cursor, once, and read up to the room's head."""
        async with self._connected() as connection:
            async for received in connection:
                frame = received.json()
                await self._take(frame)
                if frame["type"] == "live":
                    return
        raise AssertionError(f"{self.name}: the server closed instead of going live")

    async def _converse(self) -> None:
        async with self._connected() as connection:
            async for received in connection:
                if received.type is not aiohttp.WSMsgType.TEXT:
                    continue
                frame = json.loads(received.data)
                is_first = frame["type"] == "live" and not self.is_live.is_set()
                await self._take(frame)
                if is_first:
                    self._connection = connection
                    self.is_live.set()
                    for waiting in tuple(self._waiting.values()):
                        await _send(connection, waiting)
                elif frame["type"] == "error":
                    await self._say_again(connection, frame)
                if self.is_live.is_set():
                    await self._say_more(connection)
            self.close_codes.append(connection.close_code)

    def _connected(self) -> Any:
        path = f"/ws/chat/{self.reading.room}?after={self.reading.up_to}"
        return self.person.session.ws_connect(self.person.server.url + path, max_msg_size=0)

    async def _say_more(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        while len(self._waiting) < self._in_flight and (self.messages_max is None or self._count < self.messages_max):
            self._count += 1
            waiting = _Waiting(f"{self.name}-{self._count}", f"{self._count} of {self.name} {self._padding}")
            self._waiting[waiting.client_id] = waiting
            self._log.sent[self._key(waiting.client_id)] = Sent(self.reading.room, waiting.text)
            await _send(connection, waiting)

    async def _say_again(self, connection: aiohttp.ClientWebSocketResponse, error: dict[str, Any]) -> None:
        assert error["code"] == "storage_unavailable", error
        self.refused += 1
        await asyncio.sleep(_AGAIN_SECONDS)  # what is unavailable is to be tried again in a moment
        await _send(connection, self._waiting[error["client_id"]])

    async def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "chat":
            self._take_message(frame)
        elif frame["type"] == "live":
            if frame["cursor"] < self.reading.up_to:
                self._log.contradictions.append(f"{self.name}: live at {frame['cursor']} after {self.reading.up_to}")
            self.reading.up_to = frame["cursor"]

    def _take_message(self, frame: dict[str, Any]) -> None:
        if "client_id" not in frame:  # said by a scenario, not by a talker
            self.reading.up_to = max(self.reading.up_to, frame["cursor"])
            return
        key = Key(frame["user_id"], frame["client_id"])
        place = Place(frame["id"], frame["cursor"])
        is_own = key.client_id.startswith(f"{self.name}-")
        if is_own:
            self._log.acknowledge(key, place)
            self._waiting.pop(key.client_id, None)
        # The answer to a repeat may have a cursor that was passed before; nothing else may.
        if place.cursor > self.reading.up_to or not is_own:
            self.reading.shown.append(self._log.one(Record(place, frame["room"], key, frame["message"])))
        self.reading.up_to = max(self.reading.up_to, place.cursor)

    def _key(self, client_id: str) -> Key:
        return Key(self.person.user_id, client_id)


async def _send(connection: aiohttp.ClientWebSocketResponse, waiting: _Waiting) -> None:
    await connection.send_str(json.dumps({"message": waiting.text, "client_id": waiting.client_id}))
