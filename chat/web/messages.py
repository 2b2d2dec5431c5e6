"""Handlers for messages: send one, delete one, list a page or a whole room."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

from aiohttp import hdrs, web

from chat.errors import BrokenRule, Busy, ChatError, StorageUnavailable
from chat.fields import optional_number, optional_text, required_number, required_text
from chat.models import Draft, Message, Room, Session
from chat.protocol import encode_json, message_json, timestamp
from chat.services import messages
from chat.web.answers import answer, answer_json
from chat.web.bodies import Fields, read_fields
from chat.web.keys import COMMITS, DATABASE, HUB, LIMITS, PACING, SETTINGS
from chat.web.rooms import meant_room
from chat.web.sessions import signed_in, signed_in_admin

log = logging.getLogger(__name__)

# Messages of a listing that become JSON before others get a turn: a few milliseconds, however long they are. Of a whole
# room so many are in memory for a client that does not read on.
_SLICE = 100
NOT_STORED = StorageUnavailable("The message could not be stored; nobody has seen it. Try again in a moment.")


async def send_message(request: web.Request) -> web.Response:
    """Answer when the message is on disk, and not before."""
    session = await signed_in(request)
    request.app[LIMITS].message(session.user)
    fields = await read_fields(request)
    text, client_id = required_text(fields, "message"), optional_text(fields, "client_id")
    room = await meant_room(request, session, fields)
    app = request.app
    await _wait_for_space(request)
    outcome: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()

    def settle(message: Message | None, _is_repeat: bool) -> None:
        if not outcome.done():
            outcome.set_result(message)

    messages.send(app[COMMITS], app[SETTINGS], Draft(session.user, room, text, client_id), settle)
    message = await outcome
    if message is None:
        raise NOT_STORED
    return answer(
        {
            "message": message.text,
            "id": message.message_id,
            "room": message.room_name,
            "timestamp": timestamp(message.created_ms),
            "cursor": message.cursor,
        }
        | ({} if message.client_id is None else {"client_id": message.client_id})
        | ({"deleted": True} if message.is_deleted else {})
    )


async def delete_message(request: web.Request) -> web.Response:
    user = await signed_in_admin(request)
    message_id = required_number(await read_fields(request), "id")
    message = await messages.delete_message(request.app[COMMITS], user, message_id)
    log.info("message: %d deleted by user %d", message_id, user.user_id)
    return answer(
        {
            "message": "The message is deleted.",
            "id": message_id,
            "room": message.room_name,
            "cursor": message.cursor,
        }
    )


async def list_message(request: web.Request) -> web.StreamResponse:
    """A page when `limit` is given, else the whole room as a stream."""
    session = await signed_in(request)
    fields = await read_fields(request)
    before, after = optional_number(fields, "before"), optional_number(fields, "after")
    limit = _read_limit(request, fields)
    room = await meant_room(request, session, fields)
    # Taken before anything is read: what is published from here on is left to the subscription after it.
    cursor = request.app[HUB].cursor
    if limit is None:
        pages = messages.read_all(
            request.app[DATABASE],
            room,
            before=before,
            after=after,
            up_to=cursor,
            page_messages=min(request.app[SETTINGS].page_max_messages, _SLICE),
        )
        return await _stream(request, session, room, cursor, pages)
    await request.app[PACING].listing(session.user, limit)
    page = await messages.read_page(request.app[DATABASE], room, before=before, after=after, up_to=cursor, limit=limit)
    listing = await _listing(request, page.messages)
    following = "" if page.next is None else f',"next":{page.next}'
    return answer_json(f"{_head(room, cursor)}{listing}]{following}}}")


async def _stream(
    request: web.Request, session: Session, room: Room, cursor: int, pages: AsyncIterator[list[Message]]
) -> web.StreamResponse:
    first: list[Message] = await anext(pages, [])  # a fault before the first byte can still be answered with its status
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "application/json; charset=utf-8"})
    await response.prepare(request)
    await response.write((_head(room, cursor) + await _listing(request, first)).encode())
    try:
        async for page in pages:
            await request.app[PACING].listing(session.user, len(page))
            await response.write(("," + await _listing(request, page)).encode())
    except ChatError as error:
        # The status is out; only a connection that breaks off tells that the list is not whole.
        raise ConnectionResetError("the listing could not be finished") from error
    await response.write(b"]}")
    await response.write_eof()
    return response


async def _listing(request: web.Request, page: Sequence[Message]) -> str:
    slices = []
    for start in range(0, len(page), _SLICE):
        async with request.app[PACING].slices:
            slices.append(",".join([message_json(message) for message in page[start : start + _SLICE]]))
            await asyncio.sleep(0)
    return ",".join(slices)


async def _wait_for_space(request: web.Request) -> None:
    commits, seconds = request.app[COMMITS], request.app[SETTINGS].accept_wait_seconds
    if commits.is_full:
        try:
            async with asyncio.timeout(seconds):
                await commits.wait_for_space()
        except TimeoutError:
            raise Busy("Too many messages are waiting for the disk. Try again in a moment.") from None


def _read_limit(request: web.Request, fields: Fields) -> int | None:
    limit, most = optional_number(fields, "limit"), request.app[SETTINGS].page_max_messages
    if limit is not None and not 1 <= limit <= most:
        raise BrokenRule(f"The field limit is a whole number from 1 to {most}.", "out_of_range")
    return limit


def _head(room: Room, cursor: int) -> str:
    return f'{{"room":{encode_json(room.name)},"cursor":{cursor},"messages":['
