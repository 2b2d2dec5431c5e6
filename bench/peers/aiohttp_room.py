"""A chat room as aiohttp's own examples teach it: `send_str` to each member in a loop, nothing stored, no sign-in.

Started with a port; `--uvloop` before it runs the same on uvloop.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections import defaultdict
from datetime import UTC, datetime

from aiohttp import WSMsgType, web

BACKLOG = 4096

Rooms = defaultdict[str, set[web.WebSocketResponse]]
ROOMS = web.AppKey("ROOMS", Rooms)

_ids = itertools.count(1)


async def chat(request: web.Request) -> web.WebSocketResponse:
    room = request.match_info["room"]
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    members = request.app[ROOMS][room]
    members.add(socket)
    try:
        async for received in socket:
            if received.type is WSMsgType.TEXT:
                await _say(request.app, room, json.loads(received.data)["message"])
    finally:
        members.discard(socket)
    return socket


async def send_message(request: web.Request) -> web.Response:
    fields = await request.json()
    text = await _say(request.app, fields["room"], fields["message"])
    return web.Response(text=text, content_type="application/json")


async def get_rooms(request: web.Request) -> web.Response:
    rooms = [{"name": name, "members": len(members)} for name, members in request.app[ROOMS].items()]
    return web.json_response({"rooms": rooms})


async def _say(app: web.Application, room: str, message: str) -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    text = json.dumps(
        {"type": "chat", "room": room, "id": next(_ids), "username": "ada", "message": message, "timestamp": now}
    )
    for member in tuple(app[ROOMS][room]):
        await member.send_str(text)
    return text


def main() -> None:
    app = web.Application()
    rooms: Rooms = defaultdict(set)
    app[ROOMS] = rooms
    app.add_routes(
        [web.get("/ws/{room}", chat), web.post("/send_message", send_message), web.get("/get_rooms", get_rooms)]
    )
    loop = None
    if "--uvloop" in sys.argv:
        import uvloop  # noqa: PLC0415  # only where it is asked for

        loop = uvloop.new_event_loop()
        asyncio.set_event_loop(loop)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[-1]), access_log=None, print=None, backlog=BACKLOG, loop=loop)


if __name__ == "__main__":
    main()
