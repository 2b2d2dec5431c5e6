"""Pacing: what one person asks for at once is spread out, so that nobody who asks for little waits behind it.

A limit (`limits.py`) says how much there may be in all; this says how fast. What comes faster is not refused but waits
for its turn, so a script need not know of it. Only what would have to wait too long is refused.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from chat.errors import TooMany
from chat.models import User
from chat.services.buckets import Bucket, Buckets, Rate
from chat.services.limits import counted_subnet
from chat.settings import Settings

# What some requests count for, by the work they make: a new room has the disk to itself while it is stored, and of a
# listing each message is written out.
NEW_ROOM_REQUESTS = 10
MESSAGES_PER_REQUEST = 100


class Pacing:
    """When it is whose turn.

    Args:
        clock: seconds that only ever grow; the same as sockets use for `frames`.
        sleep: waits for some seconds.

    Attributes:
        slices: held while a slice of a listing becomes JSON.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.clock = clock
        self.sleep = sleep
        self._wait_max = settings.turn_wait_max_seconds
        self._long_answers_max = settings.long_answers_per_user_max
        self._long_answers: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()  # of those who have any
        # One slice of all listings in one turn of the event loop: many of them would make a long one of it.
        self.slices = asyncio.Lock()

        def buckets(at_once: int, per_second: float) -> Buckets[Hashable]:
            return Buckets(Rate(at_once, per_second), settings.limit_keys_max)

        self._requests = buckets(settings.requests_per_user_at_once, settings.requests_per_user_pace_per_second)
        self._frames = buckets(settings.frames_per_user_at_once, settings.frames_per_user_pace_per_second)
        self._catch_up_pages = buckets(
            settings.catch_up_pages_per_user_at_once, settings.catch_up_pages_per_user_per_second
        )
        self._refusals = buckets(settings.refusals_per_address_at_once, settings.refusals_per_address_per_second)

    async def request(self, user: User, count: int = 1) -> None:
        """Wait until it is the turn of a request.

        Args:
            count: how many requests it counts for.

        Raises:
            TooMany: so many are waiting that it would take too long.
        """
        now = self.clock()
        bucket = self._requests.of(user.user_id, now)
        wait = bucket.spend(now, count)
        if wait > self._wait_max:
            bucket.give_back(count)
            raise TooMany("You ask for too much at once. Try again in a moment.", retry_after_seconds=wait)
        if wait > 0:
            await self.sleep(wait)

    async def listing(self, user: User, messages: int) -> None:
        """Wait until it is the turn of some more messages of a listing, which is under way and is not refused."""
        await self._in_turn(self._requests, user.user_id, messages // MESSAGES_PER_REQUEST)

    @asynccontextmanager
    async def long_answer(self, user: User) -> AsyncIterator[None]:
        """Make and write an answer that may be long in the block, when it is its turn among those of the user.

        Such an answer lies in memory until the client has taken it, which may be never.

        Raises:
            TooMany: the others are not taken.
        """
        places = self._long_answers.get(user.user_id)
        if places is None:
            places = self._long_answers[user.user_id] = asyncio.Semaphore(self._long_answers_max)
        try:
            async with asyncio.timeout(self._wait_max):
                await places.acquire()
        except TimeoutError:
            most = self._long_answers_max
            raise TooMany(f"You have {most} long answers under way. Read or close some first.") from None
        try:
            yield
        finally:
            places.release()

    def frames(self, user: User) -> Bucket:
        """How fast a user may send over all sockets together; the same for as long as someone holds it."""
        return self._frames.of(user.user_id, self.clock())

    async def catch_up_page(self, user: User) -> None:
        """Wait until it is the turn of a page of what one of the user's sockets has missed."""
        await self._in_turn(self._catch_up_pages, user.user_id)

    async def refusal(self, address: str | None) -> None:
        """Wait until it is the turn of an answer that refuses something: who asks again at once is no person."""
        subnet = counted_subnet(address)
        if subnet is not None:
            await self._in_turn(self._refusals, subnet)

    async def _in_turn(self, buckets: Buckets[Hashable], key: Hashable, count: int = 1) -> None:
        """Wait for a turn, or as long as anyone has to; what is let through then is not made good by those after it."""
        now = self.clock()
        bucket = buckets.of(key, now)
        wait = bucket.spend(now, count)
        if wait > self._wait_max:
            bucket.give_back(count)
        if wait > 0:
            await self.sleep(min(wait, self._wait_max))
