"""The WebSocket endpoint: who may connect, and what each frame does."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import WSMessage, WSMsgType, hdrs, web

from chat.errors import ChatError, Forbidden, Malformed, TooMany
from chat.fields import decode_object, optional_number
from chat.live.subscriber import Subscriber
from chat.models import Draft, Message, Room, Session, User
from chat.protocol import (
    CLOSE_ABNORMAL,
    CLOSE_INTERNAL_ERROR,
    CLOSE_PROTOCOL_ERROR,
    CLOSE_UNSUPPORTED_DATA,
    ClientFrame,
    Ping,
    Read,
    Send,
    Subscribe,
    Typing,
    Unsubscribe,
    change_frame,
    control_pong,
    echoable_client_id,
    error_frame,
    pong_frame,
    read_frame,
)
from chat.services import messages, rooms
from chat.services.names import name_key
from chat.web.incoming_frames import IncomingFrames
from chat.web.keys import COMMITS, DATABASE, HUB, LIMITS, METRICS, PACING, READ_MARKS, SESSIONS, SETTINGS
from chat.web.messages import NOT_STORED
from chat.web.middlewares import has_own_origin
from chat.web.sessions import forget_session, signed_in, uses_token

log = logging.getLogger(__name__)

# What a subscribe counts for: it asks the database for the room and for what was missed.
_SUBSCRIBE_FRAMES = 4
# What the longest messages of most languages stay below.
_CHARACTERS_PER_FRAME = 8192
# A socket that is held back is looked at this often; most are for some milliseconds.
_LONGEST_PAUSE_SECONDS = 1.0
# Who was held back and keeps the pace for this long is told afresh the next time; who does not was told.
_DRY_SPELL_SECONDS = 5.0

Drain = Callable[[], Awaitable[None]]


async def connect(request: web.Request) -> web.StreamResponse:
    """Everything that can be refused is refused in the handshake, with its HTTP status."""
    if request.headers.get(hdrs.UPGRADE, "").lower().strip() != "websocket":
        raise web.HTTPUpgradeRequired(headers={hdrs.UPGRADE: "websocket"})
    if not uses_token(request) and not has_own_origin(request):
        raise Forbidden("This page belongs to another site.", "foreign_origin")
    session = await signed_in(request)
    if request.match_info.get("user_id", str(session.user.user_id)) != str(session.user.user_id):
        raise Forbidden("The user id in this address is not yours.", "not_your_user_id")
    after = optional_number(request.query, "after")
    name = request.match_info.get("room")
    app = request.app
    _refuse_too_many_sockets(app, session.user)
    room = None if name is None else await rooms.join_room(app[DATABASE], app[HUB], session.user, name)
    _refuse_too_many_sockets(app, session.user)  # others may have come while the room was looked up
    departures = app[HUB].departures
    socket = web.WebSocketResponse(
        compress=False,  # deflate costs 100 to 200 KB a socket and a frame could not be shared
        autoping=False,  # pings and pongs are signs of life that the heartbeat wants to see
        autoclose=False,
        max_msg_size=app[SETTINGS].frame_max_bytes + 1,  # aiohttp refuses a frame of exactly this
        timeout=app[SETTINGS].close_seconds,
    )
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client went away during the handshake")
    frames = IncomingFrames(request, transport)
    try:
        writer = await socket.prepare(request)
    except BaseException:
        frames.step_aside(transport)
        raise
    conversation = _Conversation(request, session, socket, frames, writer.drain)
    frames.when_unmasked(conversation.refuse_unmasked)
    forget_session(request)
    await conversation.hold(room, after, departures)
    _forget_the_end(socket)
    return socket


def _work(received: WSMessage) -> int:
    """How many frames this counts for among those that keep a pace: a long one is more to look at."""
    return 1 + len(received.data) // _CHARACTERS_PER_FRAME if received.type is WSMsgType.TEXT else 1


def _forget_the_end(socket: web.WebSocketResponse) -> None:
    """Let go of where the end of a socket was noticed, which leads back to the socket.

    Of each one that breaks off, this circle would leave sixty objects for the garbage collector, which stops everyone
    when there are enough of them.
    """
    error = socket.exception()
    if error is not None:
        error.__traceback__ = error.__context__ = None


def _refuse_too_many_sockets(app: web.Application, user: User) -> None:
    most = app[SETTINGS].sockets_per_user_max
    if app[HUB].sockets_of(user) >= most:
        raise TooMany(f"You have {most:,} sockets open already; close some first.", "too_many_sockets")


class _Conversation:
    """One connected socket, from its first frame to its last.

    Reading pauses while the client leaves too much unread, has too many messages waiting for the disk or sends more
    frames than its user may, so what a socket can make the server hold and do is bounded.
    """

    __slots__ = (
        "_commits", "_database", "_default_room", "_fewer_in_flight", "_frame_pace", "_frames", "_hub", "_in_flight",
        "_incoming", "_limits", "_loop", "_metrics", "_ran_dry", "_read_marks", "_rooms", "_session", "_sessions",
        "_settings", "_socket", "_subscriber",
    )  # fmt: skip

    def __init__(
        self,
        request: web.Request,
        session: Session,
        socket: web.WebSocketResponse,
        incoming: IncomingFrames,
        drain: Drain,
    ) -> None:
        app = request.app
        self._settings, self._database, self._hub = app[SETTINGS], app[DATABASE], app[HUB]
        self._commits, self._sessions, self._read_marks = app[COMMITS], app[SESSIONS], app[READ_MARKS]
        self._metrics = app[METRICS]
        self._session = session
        self._socket = socket
        self._incoming = incoming
        self._loop = asyncio.get_running_loop()
        self._subscriber = Subscriber(
            incoming.transport, drain, session.user, session.key,
            unsent_max_bytes=self._settings.unsent_max_bytes, now=self._loop.time(),
        )  # fmt: skip
        self._default_room: Room | None = None
        self._rooms: dict[str, Room] = {}  # by the key of its name; only those it is subscribed to count
        self._in_flight = 0
        self._fewer_in_flight: asyncio.Event | None = None  # made by the few who wait for it: most send little
        self._limits = app[LIMITS]
        self._frames = self._limits.frames(session.user)
        self._frame_pace = app[PACING].frames(session.user)
        self._ran_dry = -math.inf  # when this socket last sent more than its user may

    async def hold(self, room: Room | None, after: int | None, departures: int) -> None:
        """Talk until the socket closes.

        Args:
            departures: the hub's, when the room was joined.
        """
        self._hub.add(self._subscriber)
        try:
            if self._sessions.find(self._session.key) is None:  # ended during the handshake
                self._hub.close_session(self._session)
            elif room is not None:
                self._default_room = room
                if departures == self._hub.departures:
                    self._follow(room, after)
                else:  # perhaps left during the handshake
                    await self._follow_again(after)
            await self._read_frames()
        except ConnectionError:
            pass  # the client went away while something waited to be sent to it
        except Exception:
            log.exception("fault: socket of user %d", self._session.user.user_id)
            self._hub.close(self._subscriber, CLOSE_INTERNAL_ERROR, "internal error")
        finally:
            self._hub.remove(self._subscriber)
            if self._subscriber.unsent_bytes():
                # Closing a transport waits for its last byte to be taken; a client that never reads must not hold it.
                self._loop.call_later(self._settings.close_seconds, self._subscriber.transport.abort)

    def refuse_unmasked(self) -> None:
        self._fail("client frames must be masked")

    def _fail(self, reason: str) -> None:
        """Fail the connection (RFC 6455, 7.1.7): say why and wait for nothing."""
        self._hub.close(self._subscriber, CLOSE_PROTOCOL_ERROR, reason)
        self._subscriber.transport.close()

    async def _read_frames(self) -> None:
        subscriber, receive, taken = self._subscriber, self._socket.receive, self._incoming.taken
        spend, keep_pace = self._frames.spend, self._frame_pace.spend
        left_of_turn = self._settings.frames_per_turn_max
        while True:
            received = await receive()
            taken()
            subscriber.last_received = now = self._loop.time()
            owed_seconds, wait_seconds = spend(now), keep_pace(now, _work(received))
            match received.type:
                case WSMsgType.TEXT if not subscriber.is_closing:
                    await self._on_text(received.data)
                case WSMsgType.BINARY:
                    self._hub.close(subscriber, CLOSE_UNSUPPORTED_DATA, "text frames only")
                case WSMsgType.PING if not subscriber.is_closing:
                    subscriber.send(control_pong(received.data))
                case WSMsgType.CLOSE | WSMsgType.CLOSING | WSMsgType.CLOSED | WSMsgType.ERROR:
                    return self._end(received)
            if subscriber.is_backlogged:
                await subscriber.drain()
            left_of_turn -= 1
            if owed_seconds > 0:
                await self._make_good(now + owed_seconds)
            elif wait_seconds > 0 or not left_of_turn:
                left_of_turn = self._settings.frames_per_turn_max
                # Also for no time: frames that are here already would all be acted on first.
                await self._read_nothing(now + wait_seconds)

    def _end(self, received: WSMessage) -> None:
        if received.type is not WSMsgType.CLOSE:
            return
        if self._subscriber.is_closing:
            self._subscriber.transport.close()  # the answer to our close frame: done
        elif received.data == CLOSE_ABNORMAL:
            self._fail("this close code is never sent")  # RFC 6455, 7.4.1; aiohttp takes it

    async def _make_good(self, until: float) -> None:
        """Tell someone who has sent more than they may, and read nothing until it is made good."""
        if self._loop.time() - self._ran_dry > _DRY_SPELL_SECONDS and not self._subscriber.is_closing:
            self._refuse(self._limits.too_many_frames())
        await self._read_nothing(until)
        self._ran_dry = self._loop.time()

    async def _read_nothing(self, until: float) -> None:
        """Let the others have their turn; TCP slows the sender down and nothing is lost.

        Looks up once in a while: who is not read is not silent for that, and a socket that is gone is let go.
        """
        subscriber, now = self._subscriber, self._loop.time()
        while True:
            await asyncio.sleep(min(max(0, until - now), _LONGEST_PAUSE_SECONDS))
            subscriber.last_received = now = self._loop.time()
            if now >= until or subscriber.is_closing or subscriber.transport.is_closing():
                return

    async def _on_text(self, text: str) -> None:
        client_id = None
        try:
            fields = decode_object(text)
            client_id = echoable_client_id(fields)
            frame = read_frame(fields)
            if isinstance(frame, Send):
                await self._send(frame)
            else:
                await self._act(frame)
        except ChatError as error:
            if not self._subscriber.is_closing:
                self._refuse(error, client_id)

    async def _act(self, frame: ClientFrame) -> None:
        match frame:
            case Subscribe():
                await self._subscribe(frame)
            case Unsubscribe():
                self._hub.unsubscribe(self._subscriber, (await self._room(frame.room)).room_id)
            case Typing():
                room = await self._room(frame.room)
                if not self._subscriber.is_closing:
                    self._hub.typing(self._subscriber.user, room.room_id)
            case Read():
                await self._read_marks.mark(self._subscriber, await self._room(frame.room), frame.cursor)
            case Ping():
                self._subscriber.send(pong_frame())

    async def _send(self, frame: Send) -> None:
        room = self._known_room(frame.room) or await self._room(frame.room)
        if self._commits.is_full:
            await self._commits.wait_for_space()
        draft = Draft(self._session.user, room, frame.message, frame.client_id)
        messages.send(self._commits, self._settings, draft, partial(self._answer, frame.client_id))
        self._in_flight += 1
        while self._in_flight >= self._settings.sends_in_flight_max:
            self._fewer_in_flight = asyncio.Event()
            await self._fewer_in_flight.wait()

    def _answer(self, client_id: str | None, message: Message | None, is_repeat: bool) -> None:
        """Tell the sender what the hub does not: a failure, a repeat, a message to a room it does not read."""
        self._in_flight -= 1
        if self._fewer_in_flight is not None:
            self._fewer_in_flight.set()
            self._fewer_in_flight = None
        if self._subscriber.is_closing:
            return
        if message is None:
            self._refuse(NOT_STORED, client_id)
        elif message.room_id not in self._subscriber.rooms or (
            # A catch-up that has yet to come by the original gives it in its turn; sent now, its cursor would
            # tell the client that it has everything before it.
            is_repeat and not self._subscriber.awaits(message.room_id, message.cursor)
        ):
            self._subscriber.send(change_frame(message))

    def _refuse(self, error: ChatError, client_id: str | None = None) -> None:
        self._metrics.refused(error.code)
        self._subscriber.send(error_frame(error, client_id))

    async def _subscribe(self, frame: Subscribe) -> None:
        for frames in (self._frames, self._frame_pace):  # made good with the next frame
            frames.spend(self._subscriber.last_received, _SUBSCRIBE_FRAMES - 1)
        if self._subscriber.transport.is_closing():
            return  # there may be hundreds more to come of someone who is gone
        room = await rooms.join_room(self._database, self._hub, self._session.user, self._name(frame.room))
        self._follow(room, frame.after)

    async def _follow_again(self, after: int | None) -> None:
        try:
            await self._subscribe(Subscribe(None, after))
        except ChatError as error:  # the room was deleted during the handshake
            self._refuse(error)

    def _follow(self, room: Room, after: int | None) -> None:
        self._hub.subscribe(self._subscriber, room, after)
        if len(self._rooms) >= self._settings.subscriptions_max:
            self._rooms = {key: known for key, known in self._rooms.items() if self._is_subscribed(known)}
        self._rooms[name_key(room.name)] = room

    async def _room(self, name: str | None) -> Room:
        """The joined room that a frame is about; for subscribed ones without a look at the store."""
        room = self._known_room(name)
        return room or await rooms.joined_room(self._database, self._session.user, self._name(name))

    def _known_room(self, name: str | None) -> Room | None:
        """The room that a frame is about, when the socket is subscribed to it."""
        room = self._rooms.get(name_key(self._name(name)))
        return room if room is not None and self._is_subscribed(room) else None

    def _is_subscribed(self, room: Room) -> bool:
        return room.room_id in self._subscriber.rooms

    def _name(self, name: str | None) -> str:
        if name is not None:
            return name
        if self._default_room is None:
            raise Malformed("The field room is missing; only a socket of one room may leave it out.", "missing_field")
        return self._default_room.name
