"""Handlers for messages: send one, delete one, list a page or a whole room."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from aiohttp import web

from chat.errors import BrokenRule, Busy, ChatError, StorageUnavailable
from chat.fields import optional_number, optional_text, required_number, required_text
from chat.models import Draft, Message, Room, Session
from chat.protocol import encode_json, message_json, timestamp
from chat.services import messages
from chat.services.pacing import MESSAGES_PER_REQUEST
from chat.web.answers import PIECE_BYTES, answer, begin_json, write_json
from chat.web.bodies import Fields, read_fields
from chat.web.keys import COMMITS, DATABASE, HUB, LIMITS, PACING, SETTINGS
from chat.web.rooms import meant_room
from chat.web.sessions import signed_in, signed_in_admin

log = logging.getLogger(__name__)

# Messages of a listing that become JSON before others get a turn: a few milliseconds, however long they are.
_SLICE = 100
# A page up to this long is made at once and sent with its length; of a longer one, as of a whole room, only a piece at
# a time is in memory for a client that does not read on.
_WHOLE_BYTES = 256 * 1024
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
    app = request.app
    async with app[PACING].long_answer(session.user):
        # Taken before anything is read: what is published from here on is left to the subscription after it.
        cursor = app[HUB].cursor
        if limit is None:
            return await _stream(request, session, _Span(room, cursor, before, after))
        await app[PACING].listing(session.user, limit)
        return await _write_page(request, session, _Span(room, cursor, before, after), limit)


class _Span(NamedTuple):
    """What a listing is of: the messages between two ids, themselves left out, and up to a cursor."""

    room: Room
    cursor: int
    before: int | None
    after: int | None

    @property
    def head(self) -> bytes:
        return f'{{"room":{encode_json(self.room.name)},"cursor":{self.cursor},"messages":['.encode()


async def _write_page(request: web.Request, session: Session, span: _Span, limit: int) -> web.StreamResponse:
    page = await messages.read_page(
        request.app[DATABASE], span.room, before=span.before, after=span.after, up_to=span.cursor, limit=limit
    )
    tail = b"]}" if page.next is None else b'],"next":%d}' % page.next
    listing = await _whole(request, page.messages)
    if listing is not None:
        del page
        return await write_json(request, span.head + listing + tail)
    span = span._replace(after=page.messages[0].message_id - 1, before=page.messages[-1].message_id + 1)
    del page  # rather read again as the client takes it than in memory until then
    return await _stream(request, session, span, tail)


async def _whole(request: web.Request, page: Sequence[Message]) -> bytes | None:
    """All of a page; None when that is long."""
    slices: list[bytes] = []
    for start in range(0, len(page), _SLICE):
        async with request.app[PACING].slices:
            slices.append(",".join([message_json(message) for message in page[start : start + _SLICE]]).encode())
            await asyncio.sleep(0)
        if sum(map(len, slices)) > _WHOLE_BYTES:
            return None
    return b",".join(slices)


async def _stream(request: web.Request, session: Session, span: _Span, tail: bytes = b"]}") -> web.StreamResponse:
    pieces = _pieces(request, span)
    first = await anext(pieces, b"")  # a fault before the first byte can still be answered with its status
    response = await begin_json(request)
    await response.write(span.head + first)
    try:
        async for piece in pieces:
            await request.app[PACING].listing(session.user, MESSAGES_PER_REQUEST)  # few long ones are as much work
            await response.write(b"," + piece)
    except ChatError as error:
        # The status is out; only a connection that breaks off tells that the list is not whole.
        raise ConnectionResetError("the listing could not be finished") from error
    await response.write(tail)
    await response.write_eof()
    return response


async def _pieces(request: web.Request, span: _Span) -> AsyncIterator[bytes]:
    """A listing piece by piece: while one is waited for, nothing else of the listing is in memory."""
    app = request.app
    after, most = span.after, min(app[SETTINGS].page_max_messages, _SLICE)
    limit = most
    while page := await messages.read_on(
        app[DATABASE], span.room, before=span.before, after=after, up_to=span.cursor, limit=limit
    ):
        async with app[PACING].slices:
            piece, taken = _piece(page)
            await asyncio.sleep(0)
        after, is_last = page[taken - 1].message_id, taken == len(page) < limit
        limit = min(most, 2 * taken)  # of long messages fewer fit, and those that do not are read again
        del page
        yield piece
        if is_last:
            return


def _piece(page: Sequence[Message]) -> tuple[bytes, int]:
    """The first messages of a page, as many as make up a piece, and their number; at least one."""
    made: list[bytes] = []
    size = 0
    for message in page:
        made.append(message_json(message).encode())
        size += len(made[-1])
        if size >= PIECE_BYTES:
            break
    return b",".join(made), len(made)


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
