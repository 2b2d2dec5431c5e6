"""One connected socket: what it is subscribed to, and how much of it waits to be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from chat.models import Room, User
from chat.protocol import close_frame


class Subscriber:
    """A socket of a signed-in person.

    A subscription is *live* (the hub feeds it) or *behind* (a catch-up feeds it from the store).

    Args:
        transport: where prebuilt frames are written.
        drain: waits until the transport has room again; raises ConnectionError when the socket is gone.
        session_key: the sign-in whose end closes the socket.
        unsent_max_bytes: beyond this the socket counts as backlogged.
    """

    __slots__ = (
        "behind", "catch_up", "closing_since", "drain", "last_pinged", "last_received", "owed", "rooms",
        "session_key", "transport", "unsent_bytes", "unsent_max_bytes", "user", "write",
    )  # fmt: skip

    def __init__(
        self,
        transport: asyncio.Transport,
        drain: Callable[[], Awaitable[None]],
        user: User,
        session_key: str,
        *,
        unsent_max_bytes: int,
        now: float,
    ) -> None:
        self.transport = transport
        self.write = transport.write
        self.unsent_bytes = transport.get_write_buffer_size
        self.unsent_max_bytes = unsent_max_bytes
        self.drain = drain
        self.user = user
        self.session_key = session_key
        self.rooms: dict[int, Room] = {}
        self.behind: dict[int, int] = {}  # room_id → the cursor up to which everything was sent
        self.owed: dict[tuple[str, int], bytes] = {}  # (type, room_id) → the newest frame that was withheld
        self.catch_up: asyncio.Task[None] | None = None
        self.last_received = now
        self.last_pinged = now
        self.closing_since: float | None = None

    @property
    def is_backlogged(self) -> bool:
        return self.unsent_bytes() > self.unsent_max_bytes

    @property
    def is_closing(self) -> bool:
        return self.closing_since is not None

    def awaits(self, room_id: int, cursor: int) -> bool:
        """Whether a catch-up is still to send the change with this cursor."""
        return cursor > self.behind.get(room_id, cursor)

    def send(self, payload: bytes) -> None:
        """Send, however much is unsent; nothing when the connection is gone, whose handler is about to notice."""
        with suppress(RuntimeError):  # uvloop raises it for a closed transport, asyncio says nothing
            self.write(payload)

    def offer(self, payload: bytes) -> bool:
        """Send, unless that would leave more than the bound unsent; says whether it was sent.

        A socket with nothing unsent takes any payload: a batch is bounded by itself.
        """
        unsent = self.unsent_bytes()
        if unsent and unsent + len(payload) > self.unsent_max_bytes:
            return False
        self.send(payload)
        return True

    def tell(self, what: tuple[str, int], frame: bytes) -> bool:
        """Send a frame about a state, or keep the newest about it until `tell_owed`; says whether it was sent."""
        if not self.owed and self.offer(frame):
            return True
        self.owed[what] = frame
        return False

    def tell_owed(self) -> None:
        """Send what `tell` has kept."""
        if self.owed:
            self.send(b"".join(self.owed.values()))
            self.owed.clear()

    def start_closing(self, code: int, reason: str, now: float) -> None:
        """Send the close frame; nothing may follow it (RFC 6455, 5.5.1). Harmless when closing already."""
        if self.closing_since is None:
            self.closing_since = now
            self.send(close_frame(code, reason))
