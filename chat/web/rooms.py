"""Handlers for rooms: make, join, leave, delete, list."""

from __future__ import annotations

import logging

from aiohttp import web

from chat.errors import Malformed
from chat.fields import optional_text, required_text
from chat.models import Room, Session
from chat.services import rooms
from chat.services.pacing import NEW_ROOM_REQUESTS
from chat.web.answers import answer, write_json
from chat.web.bodies import Fields, read_fields
from chat.web.keys import COMMITS, DATABASE, HUB, LIMITS, PACING, PURGE, READ_MARKS, SESSIONS, SETTINGS
from chat.web.sessions import set_current_room, signed_in, signed_in_admin

log = logging.getLogger(__name__)


async def create_room(request: web.Request) -> web.Response:
    user = (await signed_in(request, count=NEW_ROOM_REQUESTS)).user
    name = required_text(await read_fields(request), "room")
    with request.app[LIMITS].new_room(user):
        room = await rooms.create_room(request.app[DATABASE], request.app[HUB], user, name)
    log.info("room: %d created by user %d", room.room_id, user.user_id)
    return answer({"room_id": room.room_id, "room_name": room.name})


async def join_room(request: web.Request) -> web.Response:
    user = (await signed_in(request)).user
    name = required_text(await read_fields(request), "room")
    room = await rooms.join_room(request.app[DATABASE], request.app[HUB], user, name)
    await set_current_room(request, room)
    return answer({"message": f"You are in {room.name}.", "room_id": room.room_id, "room_name": room.name})


async def leave_room(request: web.Request) -> web.Response:
    """The current room of the sessions stays: whoever left it is told so when they use it."""
    user = (await signed_in(request)).user
    name = required_text(await read_fields(request), "room")
    room = await rooms.leave_room(request.app[DATABASE], request.app[HUB], user, name)
    return answer({"message": f"You have left {room.name}.", "room_id": room.room_id, "room_name": room.name})


async def delete_room(request: web.Request) -> web.Response:
    user = await signed_in_admin(request)
    name = required_text(await read_fields(request), "room")
    app = request.app
    room = await rooms.delete_room(
        app[DATABASE], user, name,
        hub=app[HUB], commits=app[COMMITS], sessions=app[SESSIONS], purge=app[PURGE],
    )  # fmt: skip
    log.info("room: %d deleted by user %d", room.room_id, user.user_id)
    return answer({"message": f"The room {room.name} is deleted.", "room_id": room.room_id, "room_name": room.name})


async def get_rooms(request: web.Request) -> web.StreamResponse:
    user = (await signed_in(request)).user
    app = request.app
    async with app[PACING].long_answer(user):
        # Taken before anything is read: what is published from here on is left to the subscriptions after it.
        cursor = app[HUB].cursor
        listing = await rooms.list_rooms_json(app[DATABASE], app[SETTINGS], user, app[READ_MARKS], cursor)
        body = f'{{"cursor":{cursor},"rooms":{listing}}}'.encode()
        del listing  # it may be megabytes, and the client may take its time
        return await write_json(request, body)


async def meant_room(request: web.Request, session: Session, fields: Fields) -> Room:
    """The room that a request is about: the one it names, else the session's current one.

    Raises:
        Malformed: it names none and none was joined in this session.
        Unknown, Forbidden: there is no such room, or the user has not joined it.
    """
    name = optional_text(fields, "room") or (session.room and session.room.name)
    if not name:
        raise Malformed("The field room is missing, and this session has joined no room yet.", "missing_field")
    return await rooms.joined_room(request.app[DATABASE], session.user, name)
