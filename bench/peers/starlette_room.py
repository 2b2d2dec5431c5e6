"""A chat room in Starlette under uvicorn, as their documentation teaches it: a set of sockets and a loop of sends."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

Chat = dict[str, str | int]

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
numbers = itertools.count(1)


@dataclass(eq=False, slots=True)
class Room:
    sockets: set[WebSocket] = field(default_factory=set)
    order: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, text: str) -> None:
        # A send waits while its socket is full; without the lock a later message could overtake during that wait.
        async with self.order:
            for socket in tuple(self.sockets):
                try:
                    await socket.send_text(text)
                except (WebSocketDisconnect, RuntimeError):
                    self.sockets.discard(socket)


rooms: dict[str, Room] = {}


def chat_of(room: str, message: str) -> Chat:
    timestamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "type": "chat",
        "room": room,
        "id": next(numbers),
        "username": "ada",
        "message": message,
        "timestamp": timestamp,
    }


@contextmanager
def joined(name: str, socket: WebSocket) -> Iterator[Room]:
    room = rooms.setdefault(name, Room())
    room.sockets.add(socket)
    try:
        yield room
    finally:
        room.sockets.discard(socket)
        if not room.sockets and rooms.get(name) is room:
            del rooms[name]


async def talk(socket: WebSocket) -> None:
    name: str = socket.path_params["room"]
    await socket.accept()
    with joined(name, socket) as room:
        async for frame in socket.iter_text():
            await room.send(encode(chat_of(name, json.loads(frame)["message"])))


async def send_message(request: Request) -> Response:
    body = await request.json()
    text = encode(chat_of(body["room"], body["message"]))
    room = rooms.get(body["room"])
    if room is not None:
        await room.send(text)
    return Response(text, media_type="application/json")


async def get_rooms(_request: Request) -> JSONResponse:
    return JSONResponse({"rooms": [{"name": name, "members": len(room.sockets)} for name, room in rooms.items()]})


app = Starlette(
    routes=[
        WebSocketRoute("/ws/{room}", talk),
        Route("/send_message", send_message, methods=["POST"]),
        Route("/get_rooms", get_rooms),
    ]
)


def main() -> None:
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        backlog=4096,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
