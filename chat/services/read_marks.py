"""Read marks on their way to disk: up to where each person has read each room.

A busy room has thousands of readers, and each of them marks every message as read. So marks are gathered, the newest
for each person and room, and stored together: one statement for all of them, once an interval. A mark that was lost
in a crash costs its reader a second look; a commit for each would cost everyone's messages their disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from chat.errors import StorageUnavailable
from chat.live.hub import Hub
from chat.live.subscriber import Subscriber
from chat.models import Room
from chat.settings import Settings
from chat.store.database import Database
from chat.store.read_marks import move_read_marks

log = logging.getLogger(__name__)

# A full disk stays full for a while, and each attempt is a line in the log.
_RETRY_SECONDS = 5.0
# Marks told before others get a turn: about a millisecond.
_SLICE = 100


class _Mark(NamedTuple):
    room: Room
    cursor: int
    sender: Subscriber  # the socket that need not be told


_Marks = dict[int, dict[int, _Mark]]  # user_id → room_id → the furthest


class ReadMarks:
    """The marks that are not stored yet, and the one task that stores them."""

    def __init__(self, database: Database, hub: Hub, settings: Settings) -> None:
        self._database = database
        self._hub = hub
        self._interval_seconds = settings.read_mark_interval_seconds
        self._pending_max = settings.read_marks_pending_max
        self._gathered: _Marks = {}
        self._count = 0
        self._being_stored: _Marks = {}
        self._is_failing = False
        self._storing = asyncio.Lock()
        self._work = asyncio.Event()
        self._full = asyncio.Event()
        self._space = asyncio.Event()

    async def mark(self, sender: Subscriber, room: Room, cursor: int) -> None:
        """Note that a member has read a room up to a cursor; waits while too many marks are gathered.

        A cursor that was not given out yet counts as the last one that was: whoever says "all" means what there is.

        Raises:
            StorageUnavailable: too many are gathered, and they cannot be stored now.
        """
        user_id, cursor = sender.user.user_id, min(cursor, self._hub.cursor)
        while self._count >= self._pending_max and room.room_id not in self._gathered.get(user_id, {}):
            if self._is_failing:
                raise StorageUnavailable("What you have read cannot be noted right now. Try again in a moment.")
            self._full.set()
            self._space.clear()
            await self._space.wait()
        self._gather(user_id, _Mark(room, cursor, sender))
        self._work.set()

    def pending(self, user_id: int) -> Mapping[int, int]:
        """The marks of a person, by room_id, that the store may not have yet."""
        furthest: dict[int, int] = {}
        for marks in (self._being_stored, self._gathered):
            for room_id, mark in marks.get(user_id, {}).items():
                furthest[room_id] = max(mark.cursor, furthest.get(room_id, 0))
        return furthest

    async def run(self) -> None:
        """Store what is gathered, at once and then at most once an interval, for as long as the server runs."""
        while True:
            await self._work.wait()
            if not await self.flush():
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval_seconds):
                    await self._full.wait()

    async def flush(self) -> bool:
        """Store what is gathered and tell the people's other sockets; False when it has to be tried again."""
        async with self._storing:
            self._take_gathered()
            if not self._being_stored:
                return True
            rows = [
                (user_id, room_id, mark.cursor)
                for user_id, marks in self._being_stored.items()
                for room_id, mark in marks.items()
            ]
            try:
                moved = await move_read_marks(self._database, rows)
            except StorageUnavailable:
                self._put_back()
                return False
            stored, self._being_stored, self._is_failing = self._being_stored, {}, False
            for number, (user_id, room_id, cursor) in enumerate(moved, 1):
                mark = stored[user_id][room_id]
                self._hub.tell_read(user_id, mark.room, cursor, but=mark.sender)
                if not number % _SLICE:
                    await asyncio.sleep(0)
            return True

    def _gather(self, user_id: int, mark: _Mark) -> None:
        of_user = self._gathered.setdefault(user_id, {})
        known = of_user.get(mark.room.room_id)
        if known is None:
            self._count += 1
        if known is None or mark.cursor > known.cursor:
            of_user[mark.room.room_id] = mark

    def _take_gathered(self) -> None:
        self._being_stored, self._gathered, self._count = self._gathered, {}, 0
        self._work.clear()
        self._full.clear()
        self._space.set()

    def _put_back(self) -> None:
        if not self._is_failing:
            log.warning("read marks: could not be stored; kept, and tried again every %.0f s", _RETRY_SECONDS)
        self._is_failing = True
        put_back, self._being_stored = self._being_stored, {}
        for user_id, marks in put_back.items():
            for mark in marks.values():
                self._gather(user_id, mark)
        self._work.set()
        self._space.set()
