"""The hub: gives every committed message to everyone subscribed to its room.

The contract, for whoever changes this file:

1. `publish` MUST run to its end without an await, so that all sockets see the same order.
2. Each frame is made once; each subscriber gets one write per commit, however many messages and rooms it held.
3. A subscription is live or behind, never both: `subscriber.behind` says which. It MUST go live in the same step
   (no await) in which it is found to have everything up to the room's head, and fall behind in the same
   step in which a write is withheld from it. So nothing is missed and nothing comes twice.
4. A catch-up MUST NOT read beyond the hub's cursor: what is committed but not yet published is still to come.
5. Nobody else's delivery waits for a slow socket, and a slow socket costs a bounded number of bytes.
6. What is told to one person (`tell_read`, `tell_membership`, `end_room`) is state: of what was withheld from a slow
   socket the newest of each room is kept and sent when it has room again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from chat.errors import BrokenRule, StorageUnavailable
from chat.live.catch_up_pages import CatchUpPages, Page
from chat.live.connections import Connections
from chat.live.live_room import LiveRoom, live_readers
from chat.live.subscriber import Subscriber
from chat.models import Message, Room, Session, User
from chat.protocol import (
    CLOSE_INTERNAL_ERROR,
    CLOSE_SIGNED_OUT,
    change_frame,
    live_frame,
    membership_frame,
    read_mark_frame,
    room_deleted_frame,
)
from chat.settings import Settings

log = logging.getLogger(__name__)

# (room_id, after, up_to, limit) → the changes of the room in cursor order
ReadChanges = Callable[[int, int, int, int], Awaitable[list[Message]]]

PageTurn = Callable[[User], Awaitable[None]]

_RETRY_SECONDS = 1.0


class Hub:
    """Everyone who is connected.

    Args:
        read_changes: how a catch-up gets what a subscriber has missed.
        cursor: the last change that is on disk at the start.
        page_turn: waits until it is the turn of a page of a catch-up.
    """

    def __init__(self, settings: Settings, read_changes: ReadChanges, cursor: int, page_turn: PageTurn) -> None:
        self.cursor = cursor
        self.departures = 0  # ends of memberships and rooms: a membership looked up before the last may be over
        self.catch_ups = 0  # begun since the start
        self.catching_up = 0  # of these, still going on
        self._settings = settings
        self._read_changes = read_changes
        self._page_turn = page_turn
        self._rooms: dict[int, LiveRoom] = {}
        self._connections = Connections()
        self._goodbye: tuple[int, str] | None = None  # set once the server stops: code and reason
        self._one_left = asyncio.Event()
        self._pages = CatchUpPages(settings.catch_up_kept_bytes)
        self._page_slots = asyncio.Semaphore(settings.catch_ups_at_once)

    @property
    def subscribers(self) -> Sequence[Subscriber]:
        """Everyone connected, as a copy that may be kept over an await."""
        return self._connections.all()

    @property
    def open_sockets(self) -> int:
        return len(self._connections)

    @property
    def users_online(self) -> int:
        """People with an open socket."""
        return self._connections.people

    @property
    def live_rooms(self) -> int:
        """Rooms that a socket is subscribed to."""
        return len(self._rooms)

    def is_connected(self, session: Session) -> bool:
        return any(True for _ in self._connections.of_session(session))

    def sockets_of(self, user: User) -> int:
        return len(self._connections.of_user(user.user_id))

    def add(self, subscriber: Subscriber) -> None:
        """Let a socket in; it is subscribed to nothing yet."""
        self._connections.add(subscriber)
        if self._goodbye is not None:
            self.close(subscriber, *self._goodbye)

    def remove(self, subscriber: Subscriber) -> None:
        """Forget a socket and tell its rooms; harmless when it was removed before."""
        if subscriber not in self._connections:
            return
        self._silence(subscriber)
        self._connections.remove(subscriber)
        self._one_left.set()

    def subscribe(self, subscriber: Subscriber, room: Room, after: int | None) -> None:
        """Feed the socket from the room: all changes after a cursor, or what is new from now on.

        Subscribing again is allowed and starts again from `after`.

        Raises:
            BrokenRule: the socket is subscribed to as many rooms as one may be.
        """
        room_id = room.room_id
        if subscriber.is_closing:
            return
        if room_id not in subscriber.rooms:
            if len(subscriber.rooms) >= self._settings.subscriptions_max:
                raise BrokenRule(
                    f"One socket may subscribe to {self._settings.subscriptions_max} rooms.",
                    "too_many_subscriptions",
                )
            subscriber.rooms[room_id] = room
            live_room = self._rooms.get(room_id)
            if live_room is None:
                live_room = LiveRoom(room, self._settings.presence_names_max, self.cursor)
                self._rooms[room_id] = live_room
            if live_room.presence.came(subscriber.user):
                self._gather(live_room)
        if after is None or after >= self.cursor:
            self._go_live(subscriber, room_id)
        else:
            self._fall_behind(subscriber, room_id, after)

    def unsubscribe(self, subscriber: Subscriber, room_id: int) -> None:
        """Stop feeding the socket from the room; harmless when it was not fed."""
        if subscriber.rooms.pop(room_id, None) is None:
            return
        subscriber.behind.pop(room_id, None)
        live_room = self._rooms[room_id]
        live_room.live.discard(subscriber)
        if live_room.presence.left(subscriber.user):
            self._gather(live_room)
        if live_room.presence.is_empty:
            if live_room.timer is not None:
                live_room.timer.cancel()
            del self._rooms[room_id]

    def leave(self, user: User, room: Room) -> None:
        """End the feed of the room for every socket of a person who is no longer a member, and tell them so."""
        self.departures += 1
        for subscriber in self._connections.of_user(user.user_id):
            self.unsubscribe(subscriber, room.room_id)
        self.tell_membership(user, room, joined=False)

    def end_room(self, room: Room, member_ids: Iterable[int]) -> None:
        """End the feed of a room that is no more, and tell everyone who reads it or was a member of it."""
        self.departures += 1
        live_room = self._rooms.get(room.room_id)
        frame = room_deleted_frame(room)
        for user_id in {*member_ids, *(live_room.presence.user_ids if live_room is not None else ())}:
            for subscriber in self._connections.of_user(user_id):
                self.unsubscribe(subscriber, room.room_id)
            self._tell_person(user_id, ("room_deleted", room.room_id), frame)

    def tell_membership(self, user: User, room: Room, *, joined: bool) -> None:
        """Let every socket of a person know that they joined or left a room."""
        self._tell_person(user.user_id, ("membership", room.room_id), membership_frame(room, joined=joined))

    def tell_read(self, user_id: int, room: Room, cursor: int, *, but: Subscriber) -> None:
        """Let the sockets of a person know up to where they have read a room, except the one that said so."""
        self._tell_person(user_id, ("read", room.room_id), read_mark_frame(room.name, cursor), but)

    def publish(self, messages: Sequence[Message]) -> None:
        """Give what one commit has changed, in cursor order, to everyone whose subscription is live."""
        if not messages:
            return
        previous, self.cursor = self.cursor, messages[-1].cursor
        frames: list[tuple[int, bytes]] = []
        touched: dict[int, LiveRoom] = {}
        for message in messages:
            live_room = self._rooms.get(message.room_id)
            if live_room is not None:
                live_room.head = message.cursor
                if live_room.live:
                    touched[message.room_id] = live_room
                    frames.append((message.room_id, change_frame(message)))
        if len(touched) == 1:
            ((room_id, live_room),) = touched.items()
            self._deliver(live_room.live, b"".join([frame for _, frame in frames]), (room_id,), previous)
        elif touched:
            self._deliver_several(touched, frames, previous)

    def forget_pages(self) -> None:
        """Make no more use of frames made before, also of those being made: they tell of someone who is gone."""
        self._pages = CatchUpPages(self._settings.catch_up_kept_bytes)

    def typing(self, user: User, room_id: int) -> None:
        """Let the room know, before long, that a person is typing."""
        live_room = self._rooms.get(room_id)
        if live_room is not None and live_room.presence.types(user):
            self._gather(live_room)

    def close_session(self, session: Session) -> None:
        """Close every socket of a sign-in that has ended."""
        for subscriber in tuple(self._connections.of_session(session)):
            self.close(subscriber, CLOSE_SIGNED_OUT, "signed out")

    def close(self, subscriber: Subscriber, code: int, reason: str) -> None:
        """Send nothing more but a close frame; the heartbeat ends a socket that does not answer it."""
        self._silence(subscriber)
        subscriber.start_closing(code, reason, asyncio.get_running_loop().time())

    async def close_all(self, code: int, reason: str, seconds: float) -> None:
        """Close every socket, also those still to come; abort those that do not answer in time."""
        self._goodbye = (code, reason)
        for subscriber in self.subscribers:
            self.close(subscriber, code, reason)
        try:
            async with asyncio.timeout(seconds):
                while not self._connections.are_none:
                    self._one_left.clear()
                    await self._one_left.wait()
        except TimeoutError:
            for subscriber in self.subscribers:
                subscriber.transport.abort()

    def _silence(self, subscriber: Subscriber) -> None:
        for room_id in tuple(subscriber.rooms):
            self.unsubscribe(subscriber, room_id)
        if subscriber.catch_up is not None:
            subscriber.catch_up.cancel()

    def _deliver(
        self, subscribers: Iterable[Subscriber], payload: bytes, room_ids: tuple[int, ...], previous: int
    ) -> None:
        size = len(payload)
        withheld = []
        for subscriber in subscribers:
            # Subscriber.offer, written out: this loop runs for every delivery of the server.
            unsent = subscriber.unsent_bytes()
            if unsent and unsent + size > subscriber.unsent_max_bytes:
                withheld.append(subscriber)
            else:
                try:  # noqa: SIM105  # free while nothing is raised, unlike suppress
                    subscriber.write(payload)
                except RuntimeError:
                    pass  # uvloop: the connection is gone and its handler is about to notice
        for subscriber in withheld:
            for room_id in room_ids:
                self._fall_behind(subscriber, room_id, previous)

    def _deliver_several(
        self, touched: dict[int, LiveRoom], frames: Sequence[tuple[int, bytes]], previous: int
    ) -> None:
        for room_ids, subscribers in live_readers(touched).items():
            wanted = frozenset(room_ids)
            payload = b"".join([frame for room_id, frame in frames if room_id in wanted])
            self._deliver(subscribers, payload, room_ids, previous)

    def _fall_behind(self, subscriber: Subscriber, room_id: int, cursor: int) -> None:
        self._rooms[room_id].live.discard(subscriber)
        subscriber.behind[room_id] = cursor
        self._start_catch_up(subscriber)

    def _tell_person(self, user_id: int, what: tuple[str, int], frame: bytes, but: Subscriber | None = None) -> None:
        for subscriber in self._connections.of_user(user_id):
            if subscriber is not but and not subscriber.is_closing and not subscriber.tell(what, frame):
                self._start_catch_up(subscriber)

    def _start_catch_up(self, subscriber: Subscriber) -> None:
        if subscriber.catch_up is None:
            self.catch_ups += 1
            self.catching_up += 1
            subscriber.catch_up = asyncio.create_task(self._catch_up(subscriber))
            subscriber.catch_up.add_done_callback(self._count_ended_catch_up)

    def _count_ended_catch_up(self, _task: asyncio.Task[None]) -> None:
        self.catching_up -= 1

    def _go_live(self, subscriber: Subscriber, room_id: int) -> None:
        live_room = self._rooms[room_id]
        subscriber.behind.pop(room_id, None)
        live_room.live.add(subscriber)
        subscriber.send(live_frame(live_room.room.name, room_id, self.cursor) + live_room.presence.everyone())

    async def _catch_up(self, subscriber: Subscriber) -> None:
        try:
            while subscriber.behind or subscriber.owed:
                await subscriber.drain()
                subscriber.tell_owed()
                for room_id in tuple(subscriber.behind):
                    await subscriber.drain()
                    await self._send_page(subscriber, room_id)
        except ConnectionError:
            pass  # the socket is gone; its handler removes it
        except Exception:
            log.exception("fault: catching up for user %d", subscriber.user.user_id)
            self.close(subscriber, CLOSE_INTERNAL_ERROR, "internal error")
        finally:
            subscriber.catch_up = None

    async def _send_page(self, subscriber: Subscriber, room_id: int) -> None:
        after = subscriber.behind.get(room_id)
        if after is None:
            return  # unsubscribed while another room was read
        await self._page_turn(subscriber.user)
        async with self._page_slots:
            if subscriber.behind.get(room_id) != after:
                return  # the same while it waited for its turn
            up_to = self.cursor
            try:
                page = await self._page(room_id, after, up_to)
            except StorageUnavailable:
                log.warning("live: a catch-up could not read; trying again in %.0f s", _RETRY_SECONDS)
                await asyncio.sleep(_RETRY_SECONDS)
                return
            if subscriber.behind.get(room_id) != after:
                return  # unsubscribed, or subscribed again from elsewhere, while the page was read
            if page.frames:
                subscriber.behind[room_id] = page.cursor
                subscriber.send(page.frames)
        if page.is_last and self._rooms[room_id].head <= up_to:
            self._go_live(subscriber, room_id)

    async def _page(self, room_id: int, after: int, up_to: int) -> Page:
        head, pages = self._rooms[room_id].head, self._pages
        page = pages.find(room_id, after, head)
        if page is None:
            limit = self._settings.catch_up_page_messages
            messages = await self._read_changes(room_id, after, up_to, limit)
            frames = b"".join([change_frame(message) for message in messages])
            page = Page(frames, messages[-1].cursor if messages else after, len(messages) < limit)
            pages.keep(room_id, after, head, page)
        return page

    def _gather(self, live_room: LiveRoom) -> None:
        if live_room.timer is None:
            interval = self._settings.presence_interval_seconds
            live_room.timer = asyncio.get_running_loop().call_later(interval, self._tell, live_room)

    def _tell(self, live_room: LiveRoom) -> None:
        live_room.timer = None
        presence, typing = live_room.presence.take_changes(), live_room.presence.take_typing()
        if presence is not None:
            # Who cannot be told now is told everything when it has caught up.
            self._deliver(live_room.live, presence, (live_room.room.room_id,), self.cursor)
        if typing is not None:
            for subscriber in live_room.live:
                subscriber.offer(typing)
